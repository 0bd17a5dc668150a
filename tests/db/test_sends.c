/*
 * None twice, none lost: a thousand sends to a provider on loopback that gives
 * every answer of the error table on the first try, has taken some of them in
 * spite of it, and tells by an echo before its answer, by one later, or only
 * when it is asked.  What it took is counted there, not here.
 */
#include "dbtest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/http.h"
#include "base/str.h"
#include "extern/httpc.h"
#include "extern/json.h"
#include "model/conf.h"
#include "store/outbox.h"
#include "task/task.h"

enum { ACCOUNTS = 10, CONTACTS = 10, EACH = 10, ALL = ACCOUNTS * CONTACTS * EACH };
enum echo { ECHO_BEFORE, ECHO_AFTER, ECHO_NONE, ECHO__MAX };

#define E(code, sub, text) "{\"error\":{\"message\":\"" text "\",\"code\":" #code ",\"error_subcode\":" #sub "}}"

/* First answers.  took: it may have been sent all the same; final: never again. */
static const struct answer { int status; const char *body; bool took, final; } answers[] = {
	{ 200, NULL, true, false },
	{ 500, E(1, 1357046, "An unknown error occurred"), true, false },
	{ 400, E(1, 0, "reduce"), true, false },
	{ 500, E(2, 1545133, "Service temporarily unavailable"), true, false },
	{ 400, "{\"error\":{\"message\":\"m\",\"code\":4242,\"is_transient\":true}}", true, false },
	{ 500, "<html>", true, false },
	{ 503, "<html>", true, false },
	{ 502, "<html>", true, false },
	{ 504, "", true, false },
	{ 500, E(4242, 0, "new"), true, false },
	{ 0, "", true, false },		/* the line is cut */
	{ 200, "{}x", true, false },	/* a success in words we do not know */
	/* what is reported of it besides: errors with 200, in other shapes and with codes that
	 * no table has, and what stands in between */
	{ 200, E(1, 99, "An unknown error occurred"), true, false },
	{ 200, E(2, 0, "An unexpected error has occurred"), true, false },
	{ 200, "<html>captive", true, false },
	{ 200, "", true, false },
	{ 200, "[{\"code\":500}]", true, false },
	/* a success without the id */
	{ 200, "{\"recipient_id\":\"1\"}", true, false },
	{ 200, "{\"recipient_id\":\"1\",\"message_id\":\"\"}", true, false },
	{ 200, "{\"recipient_id\":\"1\",\"message_id\":null}", true, false },
	{ 200, "{}", true, false },
	{ 400, E(-1, 0, "An unexpected error has occurred"), true, false },
	{ 500, E(-3, 0, "x"), true, false },
	{ 400, "{\"error\":{}}", true, false },
	{ 400, "{\"error\":{\"message\":\"m\",\"code\":\"1\",\"error_subcode\":\"1357046\"}}", true, false },
	{ 500, "{\"error\":{\"message\":\"m\",\"code\":\"2\"}}", true, false },
	{ 500, "{\"error\":\"internal\"}", true, false },
	{ 500, "{\"errors\":[{\"code\":1}]}", true, false },
	{ 400, E(1200, 0, "Temporary send message failure. Please try again later."), true, false },
	{ 408, "", true, false },
	{ 499, "<html>", true, false },
	{ 520, "<html>", true, false },
	{ 524, "<html>", true, false },
	{ 400, E(80001, 2446079, "limit"), false, false },
	{ 400, E(80014, 0, "limit"), false, false },
	{ 403, E(341, 0, "Application limit reached"), false, false },
	{ 403, "<html>WAF", false, false },
	{ 200, E(10, 2018278, "outside of allowed window"), false, true },
	{ 500, E(100, 2018109, "too large"), false, true },
	{ 403, E(4, 2018022, "limit"), false, false },
	{ 400, E(17, 0, "limit"), false, false },
	{ 400, E(32, 0, "limit"), false, false },
	{ 400, E(613, 0, "limit"), false, false },
	{ 429, "", false, false },
	{ 400, E(80006, 0, "limit"), false, false },
	{ 400, E(190, 463, "expired"), false, false },
	{ 400, E(102, 0, "session"), false, false },
	{ 400, E(0, 0, "session"), false, false },
	{ 400, E(10, 0, "permission"), false, false },
	{ 403, E(200, 0, "API access blocked."), false, false },
	{ 400, E(3, 0, "capability"), false, false },
	{ 400, E(368, 0, "restricted"), false, false },
	{ 400, E(10, 1893063, "restricted"), false, false },
	{ 400, E(100, 0, "Unsupported request - method type: post"), false, false },
	{ 400, E(100, 0, "(#100) Invalid parameter"), false, false },
	{ 400, E(100, 7777, "(#100) nobody knows"), false, false },
	{ 400, E(100, 33, "Object with ID 'me' does not exist"), false, false },
	{ 400, E(100, 0, "API calls from the server require an appsecret_proof argument"), false, false },
	{ 400, E(4242, 0, "new"), true, false },
	{ 404, "<html>", false, false },
	{ 302, "", false, false },
	{ 403, E(10, 2534022, "outside of allowed window"), false, false },	/* tried once more */
	{ 400, E(100, 2018047, "upload failed"), false, false },
	{ 403, E(10, 2018278, "outside of allowed window"), false, true },
	{ 400, E(10, 2018300, "another app"), false, true },
	{ 400, E(551, 1545041, "unavailable"), false, true },
	{ 400, E(100, 2018001, "no matching user"), false, true },
	{ 400, E(100, 2534014, "no matching user"), false, true },
	{ 400, E(100, 2018109, "too large"), false, true },
	{ 400, E(9010, 0, "No matching Instagram user"), false, true },
	{ 400, E(100, 0, "(#100) Length of param message[text] must be less than"), false, true },
};
#define N_ANSWERS (sizeof answers / sizeof *answers)

struct taken { int account; char to[24], text[40], mid[40]; int64_t at_us; enum echo echo; bool echoed; };
struct tried { int account; char to[24], text[40]; unsigned int n; };

static struct server {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t lock;
	struct db *db;			/* for echoes that come before the answer */
	struct taken *taken;
	size_t n_taken;
	struct tried *tried;
	size_t n_tried;
	unsigned int posts, gets;
	unsigned int fired[N_ANSWERS];	/* how often each answer was really given */
	unsigned int took[ECHO__MAX];	/* errors of what was taken, by its echo */
	bool outage;			/* code 100 for everything */
} sv;

/* --- the provider ---------------------------------------------------------------- */

static void
store_echo(struct db *db, struct taken *t)
{
	struct delivery d;
	struct item *it;
	char name[16];

	dbt_delivery(&d);
	snprintf(name, sizeof name, "a%d", t->account);
	d.account = name;
	it = dbt_message(&d, t->to, t->mid, t->text, t->at_us);
	it->dir = DIR_OUT;
	it->echo = true;
	t->echoed = true;
	dbt_store(db, &d);
}

static struct taken *
take(int account, const char *to, const char *text, enum echo echo)
{
	struct taken *t = &sv.taken[sv.n_taken];

	if (sv.n_taken == 4 * ALL)
		abort();
	t->account = account;
	snprintf(t->to, sizeof t->to, "%s", to);
	snprintf(t->text, sizeof t->text, "%s", text);
	snprintf(t->mid, sizeof t->mid, "mid-%zu", sv.n_taken++);
	t->at_us = clock_now_us();
	t->echo = echo;
	return t;
}

static unsigned int
tries(int account, const char *to, const char *text)
{
	struct tried *t;

	for (size_t i = 0; i < sv.n_tried; i++) {
		t = &sv.tried[i];
		if (t->account == account && str_eq(t->to, to) && str_eq(t->text, text))
			return ++t->n;
	}
	t = &sv.tried[sv.n_tried++];
	t->account = account;
	snprintf(t->to, sizeof t->to, "%s", to);
	snprintf(t->text, sizeof t->text, "%s", text);
	return t->n = 1;
}

static void
reply(int fd, int status, const char *body)
{
	char head[200];

	snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
	    status, strlen(body));
	if (write(fd, head, strlen(head)) < 0 || write(fd, body, strlen(body)) < 0)
		return;
}

static void
reply_sent(int fd, const struct taken *t)
{
	char body[200];

	snprintf(body, sizeof body, "{\"recipient_id\":\"%s\",\"message_id\":\"%s\"}", t->to, t->mid);
	reply(fd, 200, body);
}

/* "7/a:3": which answer a text of one's own gets first; texts alike ("same") get
 * them in turn. */
static void
post(int fd, int account, const char *to, const char *text)
{
	unsigned int n = tries(account, to, text);
	const struct answer *a;
	size_t i;
	bool took;
	enum echo echo;
	struct taken *t;

	sv.posts++;
	if (sv.outage) {
		reply(fd, 400, E(100, 0, "Unsupported request - method type: post"));
		return;
	}
	if (str_eq(text, "same")) {
		i = n % 3 == 1 ? 1 : n % 3 == 2 ? 3 : 0;
		took = n % 3 != 2;
		echo = ECHO_NONE;
	} else {
		i = strtoul(text, NULL, 10) % N_ANSWERS;
		took = answers[i].took && (strtoul(text, NULL, 10) / N_ANSWERS) % 4 != 3;
		echo = (enum echo)((strtoul(text, NULL, 10) / N_ANSWERS) % ECHO__MAX);
	}
	a = &answers[i];
	if (a->body == NULL || (n > 1 && !a->final && !str_eq(text, "same"))) {
		reply_sent(fd, take(account, to, text, ECHO_AFTER));
		return;
	}
	sv.fired[i]++;
	if (took) {
		t = take(account, to, text, echo);
		sv.took[echo]++;
		if (echo == ECHO_BEFORE)
			store_echo(sv.db, t);
	}
	if (a->status != 0)
		reply(fd, a->status, a->body);
}

static void
look(int fd, int account, const char *to)
{
	struct buf b;
	char at[CLOCK_ISO_MAX];
	const char *sep = "";

	sv.gets++;
	if (sv.gets % 7 == 0 || sv.gets % 11 == 0) {	/* look-ups fail too */
		reply(fd, sv.gets % 7 == 0 ? 400 : 500, sv.gets % 7 == 0 ? E(613, 0, "limit") : "<html>");
		return;
	}
	buf_init(&b, 1 << 20);
	buf_puts(&b, "{\"data\":[{\"id\":\"c\",\"messages\":{\"data\":[");
	for (size_t i = sv.n_taken; i > 0; i--) {
		const struct taken *t = &sv.taken[i - 1];

		if (t->account != account || !str_eq(t->to, to))
			continue;
		clock_iso(t->at_us, at);
		buf_printf(&b, "%s{\"id\":\"%s\",\"created_time\":\"%.19s+0000\",\"from\":{\"id\":\"1784%d\"},"
		    "\"to\":{\"data\":[{\"id\":\"%s\"}]},\"message\":\"%s\"}", sep, t->mid, at, account, to, t->text);
		sep = ",";
	}
	buf_puts(&b, "]}}]}");
	reply(fd, 200, b.p);
	buf_free(&b);
}

static void
serve(int fd)
{
	static char buf[65536];
	struct mem_arena arena = { 0 };
	struct json *j = NULL;
	size_t n = 0, want = 0;
	char *body = NULL, *p;
	int account;

	for (;;) {
		ssize_t k = read(fd, buf + n, sizeof buf - 1 - n);

		if (k <= 0)
			return;
		n += (size_t)k;
		buf[n] = '\0';
		if (body == NULL && (body = strstr(buf, "\r\n\r\n")) != NULL) {
			p = strcasestr(buf, "content-length:");
			want = p != NULL && p < body ? strtoul(p + 15, NULL, 10) : 0;
			body += 4;
		}
		if (body != NULL && n >= (size_t)(body - buf) + want)
			break;
	}
	p = strstr(buf, "Bearer IGAAaccount");
	account = p != NULL ? atoi(p + 18) : -1;
	pthread_mutex_lock(&sv.lock);
	if (strncmp(buf, "GET ", 4) == 0) {
		p = strstr(buf, "user_id=");
		look(fd, account, p != NULL ? mem_arena_ndup(&arena, p + 8, strcspn(p + 8, "& ")) : "");
	} else if (json_parse(body, strlen(body), &j, NULL) == RC_OK) {
		post(fd, account, json_text(&arena, json_get(j, "recipient.id")),
		    json_text(&arena, json_get(j, "message.text")));
	}
	pthread_mutex_unlock(&sv.lock);
	json_free(j);
	mem_arena_free(&arena);
}

static void *
loop(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(sv.fd, NULL, NULL)) >= 0) {
		serve(fd);
		close(fd);
	}
	return NULL;
}

static void
server_start(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;

	memset(&sv, 0, sizeof sv);
	pthread_mutex_init(&sv.lock, NULL);
	sv.taken = mem_array(4 * ALL, sizeof *sv.taken);
	sv.tried = mem_array(4 * ALL, sizeof *sv.tried);
	sv.db = dbt_open();
	sv.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(sv.fd >= 0);
	assert_int_equal(bind(sv.fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(sv.fd, 64), 0);
	assert_int_equal(getsockname(sv.fd, (struct sockaddr *)&a, &n), 0);
	sv.port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&sv.thread, NULL, loop, NULL), 0);
}

/* --- ours ------------------------------------------------------------------------- */

struct fix {
	struct db *db;
	struct conf *conf;
	struct httpc *h;
	struct task_run *d;
	char dir[64];
};

static void
file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
}

static int
setup(void **state)
{
	struct fix *f = mem_alloc(sizeof *f);
	char path[128], text[512];

	f->db = dbt_open();
	dbt_clean(f->db);
	assert_int_equal(db_script(f->db, "truncate dmbox.outbox, dmbox.send_attempts"), RC_OK);
	server_start();
	snprintf(f->dir, sizeof f->dir, "/tmp/dmbox-sends-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(path, sizeof path, "%s/accounts", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (int i = 0; i < ACCOUNTS; i++) {
		snprintf(path, sizeof path, "%s/accounts/a%d.env", f->dir, i);
		snprintf(text, sizeof text, "INSTAGRAM_USE_CHATRACE=false\nINSTAGRAM_API_URL=http://127.0.0.1:%d\n"
		    "INSTAGRAM_ACCESS_TOKEN=IGAAaccount%d\nINSTAGRAM_PAGE_ID=1784%d\n", sv.port, i, i);
		file(path, text);
	}
	snprintf(text, sizeof text, "INSTAGRAM_USE_MOCK=true\nDMBOX_ACCOUNTS_DIR=%s/accounts\n"
	    "DATABASE_URL=dbname=none\n", f->dir);
	snprintf(path, sizeof path, "%s/dmbox.env", f->dir);
	file(path, text);
	if (conf_load(CONF_TOOL, path, &f->conf) != RC_OK)
		fail_msg("%s", f->conf->issues[0].text);
	f->h = httpc_new(NULL);
	f->d = task_new(&task_deliver, f->h);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *f = *state;
	char cmd[128];

	httpc_abort(f->h);
	task_free(f->d);
	httpc_free(f->h);
	conf_drop(f->conf);
	shutdown(sv.fd, SHUT_RDWR);
	pthread_join(sv.thread, NULL);
	close(sv.fd);
	db_free(sv.db);
	free(sv.taken);
	free(sv.tried);
	db_free(f->db);
	snprintf(cmd, sizeof cmd, "rm -rf %s", f->dir);
	assert_int_equal(system(cmd), 0);
	free(f);
	return 0;
}

static void
put(struct fix *f, int account, int contact, const char *body)
{
	char name[16], to[24];
	struct outmsg m = { .recipient = to, .thread_id = "", .body = body };
	struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = name, .provider = &provider_graph,
	    .parts = &m, .n_parts = 1 };
	struct outbox_row row;
	size_t k;
	int64_t closed;

	snprintf(name, sizeof name, "a%d", account);
	snprintf(to, sizeof to, "65%02d%02d", account, contact);
	assert_int_equal(outbox_put(f->db, &n, 1, &row, &k, &closed), RC_OK);
}

/* What the poller does between its ticks. */
static void
upkeep(struct fix *f)
{
	const struct task_env e = { .db = f->db, .conf = f->conf };

	assert_int_equal(task_upkeep_once(&task_outbox, &e), RC_OK);
	assert_int_equal(task_upkeep(f->d, &e), RC_OK);
}

/* As the poller does it, until nothing is in flight. */
static void
rounds(struct fix *f)
{
	do {
		task_start(f->d, &(const struct task_env){ .db = f->db, .conf = f->conf });
		httpc_step(f->h, 20);
	} while (f->d->alive > 0);
}

/* Time passes: pauses and back-offs end. */
static void
pass(struct fix *f)
{
	assert_int_equal(db_script(f->db, "update dmbox.outbox set next_at = now() - interval '1 second'"
	    " where state in ('queued', 'unknown');"
	    " update dmbox.account_state set send_pause_until = null;"
	    " update dmbox.outbox set attempt_started_at = now() - interval '3 minutes',"
	    "   doubt_at = case when doubt_at is not null then now() - interval '3 minutes' end"
	    " where state = 'unknown' and lookups >= 5"), RC_OK);
}

static void
late_echoes(struct fix *f)
{
	pthread_mutex_lock(&sv.lock);
	for (size_t i = 0; i < sv.n_taken; i++)
		if (sv.taken[i].echo == ECHO_AFTER && !sv.taken[i].echoed)
			store_echo(f->db, &sv.taken[i]);
	pthread_mutex_unlock(&sv.lock);
}

static int64_t
open_rows(struct fix *f)
{
	return dbt_i64(f->db, "select count(*) from dmbox.outbox where state in ('queued', 'leased')"
	    " or state = 'unknown' and lookups < 5");
}

/* What the provider took of each text is what the outbox says was sent. */
static void
compare(struct fix *f)
{
	struct db_res *r = NULL;
	size_t sent = 0;

	assert_int_equal(db_exec(f->db, &(struct db_stmt){ NULL, "select substr(account, 2)::bigint, recipient_id, body,"
	    " count(*) filter (where state = 'sent'), count(*) filter (where state = 'failed'),"
	    " count(*) filter (where state = 'unknown'), count(*), string_agg(state || ' ' || coalesce(error_code, ''), ',')"
	    " from dmbox.outbox group by 1, 2, 3" }, NULL, &r), RC_OK);
	for (size_t i = 0; i < db_rows(r); i++) {
		const char *to = db_get_text(r, i, 1), *text = db_get_text(r, i, 2);
		size_t took = 0;

		for (size_t k = 0; k < sv.n_taken; k++)
			took += sv.taken[k].account == db_get_i64(r, i, 0) && str_eq(sv.taken[k].to, to) &&
			    str_eq(sv.taken[k].text, text);
		sent += (size_t)db_get_i64(r, i, 3);
		if (took != (size_t)db_get_i64(r, i, 3) ||
		    db_get_i64(r, i, 3) + db_get_i64(r, i, 4) + db_get_i64(r, i, 5) != db_get_i64(r, i, 6))
			fail_msg("%s to %s: taken %zu times, outbox says %s", text, to, took, db_get_text(r, i, 7));
		if (!str_eq(text, "same") &&
		    (db_get_i64(r, i, 4) == 1) != answers[strtoul(text, NULL, 10) % N_ANSWERS].final)
			fail_msg("%s to %s: %s", text, to, db_get_text(r, i, 7));
	}
	db_res_free(r);
	assert_int_equal(sent, sv.n_taken);
	/* and of each conversation in the order it was asked for */
	for (size_t i = 0; i < sv.n_taken; i++)
		for (size_t k = 0; k < i; k++)
			if (sv.taken[k].account == sv.taken[i].account && str_eq(sv.taken[k].to, sv.taken[i].to) &&
			    !str_eq(sv.taken[i].text, "same") && atoi(sv.taken[k].text) > atoi(sv.taken[i].text))
				fail_msg("%s before %s", sv.taken[k].text, sv.taken[i].text);
}

static void
test_every_answer(void **state)
{
	struct fix *f = *state;
	char body[40];
	int n = 0;

	for (int e = 0; e < EACH; e++)
		for (int c = 0; c < CONTACTS; c++)
			for (int a = 0; a < ACCOUNTS; a++) {
				snprintf(body, sizeof body, "%d", n++);
				put(f, a, c, c == 0 ? "same" : body);
			}
	for (int i = 0; i < 200 && open_rows(f) > 0; i++) {
		pass(f);
		late_echoes(f);
		upkeep(f);
		rounds(f);
	}
	late_echoes(f);
	upkeep(f);
	rounds(f);
	assert_int_equal(open_rows(f), 0);
	compare(f);
	/* every answer was given, every kind of echo came */
	for (size_t i = 1; i < N_ANSWERS; i++)
		if (sv.fired[i] == 0)
			fail_msg("answer %zu was never given", i);
	for (size_t i = 0; i < ECHO__MAX; i++)
		assert_true(sv.took[i] > 0);
	assert_true(sv.gets > 0);
	/* one row a message, whichever of echo and answer came first */
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.messages"), ALL);
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.messages m join dmbox.outbox o on o.id = m.outbox_id"
	    " where (m.status in ('sent', 'delivered', 'read')) <> (o.state = 'sent')"), 0);
	/* unknown is only what nobody can tell: a cut line or gateway that took nothing */
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.outbox where state = 'unknown'"
	    " and error_code not in ('cut', 'http_408', 'http_499', 'http_502', 'http_504', 'not_json', 'no_id', 'timeout')"), 0);
	printf("# %d sends, %u posts, %u look-ups, taken in spite of an error: %u echo before, %u after, %u none\n",
	    ALL, sv.posts, sv.gets, sv.took[0], sv.took[1], sv.took[2]);
}

/* An hour of code 100: nothing of the queue is lost, all goes out, in order. */
static void
test_outage(void **state)
{
	struct fix *f = *state;
	char body[40];
	const struct taken *last[CONTACTS] = { NULL };

	for (int n = 0; n < 100; n++) {
		snprintf(body, sizeof body, "%zu", n * N_ANSWERS);	/* answer 0: sent */
		put(f, 3, n % CONTACTS, body);
	}
	sv.outage = true;
	for (int i = 0; i < 12; i++) {
		rounds(f);
		assert_int_equal(dbt_i64(f->db, "select extract(epoch from send_pause_until - now())::bigint"
		    " between 1 and 900 from dmbox.account_state where account = 'a3'"), 1);
		pass(f);
		upkeep(f);
	}
	assert_int_equal(sv.posts, 12);		/* one try a pause */
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.outbox where state = 'queued'"), 100);
	dbt_is(f->db, "select send_pause_reason || ' ' || send_pause_hint || ' ' || send_pause_text"
	    " from dmbox.account_state where account = 'a3'",
	    "100 meta_refuses Unsupported request - method type: post");
	sv.outage = false;
	pass(f);
	rounds(f);
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.outbox where state = 'sent'"), 100);
	assert_int_equal(sv.n_taken, 100);
	for (size_t i = 0; i < sv.n_taken; i++) {	/* all in the order they were asked for */
		if (i > 0)
			assert_true(atoi(sv.taken[i].text) > atoi(sv.taken[i - 1].text));
		last[i % CONTACTS] = &sv.taken[i];
	}
	assert_non_null(last[0]);
	dbt_is(f->db, "select send_pause_reason from dmbox.account_state where account = 'a3'", NULL);
}

/* One message that Meta refuses without a reason does not hold up the others. */
static void
test_one_poison(void **state)
{
	struct fix *f = *state;
	char body[40];
	size_t poison = 0;

	while (!str_eq(answers[poison].body, E(100, 7777, "(#100) nobody knows")))
		poison++;
	snprintf(body, sizeof body, "%zu", poison);
	put(f, 4, 0, body);
	for (int n = 1; n < 30; n++) {
		snprintf(body, sizeof body, "%zu", n * N_ANSWERS);
		put(f, 4, n % 5, body);
	}
	/* it is refused each time: the server counts tries, so make them first ones */
	for (int i = 0; i < 6; i++) {
		sv.n_tried = 0;
		rounds(f);
		assert_int_equal(db_script(f->db, "update dmbox.account_state set send_pause_until = null;"
		    " update dmbox.outbox set next_at = now() where refusals = 1"), RC_OK);
	}
	/* the other conversations went out; its own waits behind it, in order */
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.outbox where state = 'queued'"
	    " and recipient_id <> '650400'"), 0);
	dbt_is(f->db, "select state || ' ' || error_code || ' ' || hint from dmbox.outbox order by id limit 1",
	    "queued 100/7777 refused_unclear");
	assert_true(dbt_i64(f->db, "select refusals from dmbox.outbox order by id limit 1") >= 2);
	dbt_is(f->db, "select send_pause_until > now() from dmbox.account_state where account = 'a4'", NULL);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(test_every_answer), T(test_outage), T(test_one_poison) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

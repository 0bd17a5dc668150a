/*
 * Checks against a real database and a provider on loopback that answers by
 * script: what was probed is remembered, one request a check afterwards; a
 * failure is never shown as emptiness; what is received is stored before the
 * provider is told to forget it.
 */
#include "dbtest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/conf.h"
#include "extern/httpc.h"
#include "task/poll.h"
#include "bridge/spool.h"
#include "store/state.h"
#include "base/str.h"

/* --- the provider ------------------------------------------------------------- */

struct route {
	const char *match;	/* part of "METHOD path" */
	const char *header;	/* must be there, else 401; NULL: any */
	int status;		/* 0: no answer at all */
	const char *body;
	const char *more;	/* header lines */
};

struct prov {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t lock;
	const struct route *routes;	/* ends with match NULL: 404 */
	char log[64][160];		/* "GET /path" of each request */
	size_t n;
};

static void
prov_answer(int fd, int status, const char *more, const char *body)
{
	char head[512];

	snprintf(head, sizeof head, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n",
	    status, more != NULL ? more : "", strlen(body));
	if (write(fd, head, strlen(head)) < 0 || write(fd, body, strlen(body)) < 0)
		return;
}

static void
prov_serve(struct prov *p, int fd)
{
	char b[8192];
	size_t n = 0;
	const struct route *r;

	b[0] = '\0';
	while (strstr(b, "\r\n\r\n") == NULL) {
		ssize_t k = read(fd, b + n, sizeof b - 1 - n);

		if (k <= 0)
			return;
		n += (size_t)k;
		b[n] = '\0';
	}
	pthread_mutex_lock(&p->lock);
	if (p->n < 64)
		snprintf(p->log[p->n++], sizeof p->log[0], "%.*s", (int)strcspn(b, "\r\n"), b);
	for (r = p->routes; r->match != NULL; r++) {
		char line[1024];

		snprintf(line, sizeof line, "%.*s", (int)strcspn(b, "\r\n"), b);
		if (strstr(line, r->match) != NULL)
			break;
	}
	pthread_mutex_unlock(&p->lock);
	if (r->match == NULL)
		prov_answer(fd, 404, NULL, "<html>no</html>");
	else if (r->header != NULL && strstr(b, r->header) == NULL)
		prov_answer(fd, 401, NULL, "{\"message\":\"No valid API key provided\"}");
	else if (r->status != 0)
		prov_answer(fd, r->status, r->more, r->body);
}

static void *
prov_run(void *arg)
{
	struct prov *p = arg;
	int fd;

	while ((fd = accept(p->fd, NULL, NULL)) >= 0) {
		prov_serve(p, fd);
		close(fd);
	}
	return NULL;
}

static void
prov_start(struct prov *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pthread_mutex_init(&p->lock, NULL);
	p->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(p->fd, 64), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&a, &n), 0);
	p->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&p->thread, NULL, prov_run, p), 0);
}

static void
prov_script(struct prov *p, const struct route *r)
{
	pthread_mutex_lock(&p->lock);
	p->routes = r;
	p->n = 0;
	pthread_mutex_unlock(&p->lock);
}

/* --- fixture -------------------------------------------------------------------- */

struct fix {
	struct db *db;
	struct prov p;
	struct conf *conf;
	struct httpc *h;
	char dir[64];
	/* of the last check */
	enum poll_outcome outcome;
	char hint[64];
	size_t stored, duplicates, added, n_attempts, done;
	int64_t next_us;
};

#define TOKEN "1000001.made-up-token-0001"
#define GREEN_TOKEN "greenmadeuptoken01"

static const struct route nothing[] = { { NULL, NULL, 0, NULL, NULL } };

static void
load(struct fix *f, const char *more)
{
	char path[128], text[2048];
	FILE *o;

	conf_drop(f->conf);
	f->conf = NULL;
	snprintf(path, sizeof path, "%s/dmbox.env", f->dir);
	snprintf(text, sizeof text, "INSTAGRAM_API_URL=http://127.0.0.1:%d\n"
	    "INSTAGRAM_ACCESS_TOKEN=" TOKEN "\nWHATSAPP_API_URL=http://127.0.0.1:%d\n"
	    "WHATSAPP_ID_INSTANCE=1101000001\nWHATSAPP_API_TOKEN_INSTANCE=" GREEN_TOKEN "\n"
	    "DATABASE_URL=dbname=none\n%s", f->p.port, f->p.port, more);
	o = fopen(path, "w");
	assert_non_null(o);
	fputs(text, o);
	fclose(o);
	assert_int_equal(chmod(path, 0600), 0);
	if (conf_load(CONF_TOOL, path, &f->conf) != RC_OK)
		fail_msg("%s", f->conf->issues[0].text);
}

static int
setup(void **state)
{
	struct fix *f = mem_alloc(sizeof *f);

	f->db = dbt_open();
	dbt_clean(f->db);
	assert_int_equal(db_script(f->db, "truncate dmbox.poll_runs, dmbox.account_state, dmbox.leases"),
	    RC_OK);
	f->p.routes = nothing;
	prov_start(&f->p);
	snprintf(f->dir, sizeof f->dir, "/tmp/dmbox-poll-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	load(f, "");
	f->h = httpc_new(NULL);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *f = *state;
	char path[128];

	httpc_free(f->h);
	conf_drop(f->conf);
	shutdown(f->p.fd, SHUT_RDWR);
	pthread_join(f->p.thread, NULL);
	close(f->p.fd);
	db_free(f->db);
	snprintf(path, sizeof path, "%s/dmbox.env", f->dir);
	unlink(path);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void
done(void *arg, const struct task_poll_result *r)
{
	struct fix *f = arg;

	f->outcome = r->outcome;
	snprintf(f->hint, sizeof f->hint, "%s", r->hint != NULL ? r->hint : "");
	f->stored = r->stored;
	f->duplicates = r->duplicates;
	f->added = r->added;
	f->n_attempts = r->n_attempts;
	f->next_us = r->next_us;
	f->done++;
}

static enum rc
start(struct fix *f, enum channel ch, bool person)
{
	struct task_poll p = { .db = f->db, .httpc = f->h, .conf = f->conf,
	    .account = conf_account(f->conf, ch, NULL), .person = person, .done = done, .arg = f };

	f->next_us = 0;
	return task_poll_start(&p, &f->next_us);
}

/* One check to its end. */
static enum rc
check(struct fix *f, enum channel ch, bool person)
{
	enum rc rc;

	f->done = 0;
	rc = start(f, ch, person);
	httpc_run(f->h);
	assert_int_equal(f->done, rc == RC_OK ? 1 : 0);
	return rc;
}

static int64_t
num(struct fix *f, const char *sql)
{
	struct db_res *r = NULL;
	int64_t v;

	if (db_exec(f->db, &(struct db_stmt){ NULL, sql }, NULL, &r) != RC_OK)
		fail_msg("%s", db_error(f->db));
	v = db_rows(r) > 0 ? db_get_i64(r, 0, 0) : -1;
	db_res_free(r);
	return v;
}

/* --- Chatrace --------------------------------------------------------------------- */

#define ME { "GET /accounts/me", "X-ACCESS-TOKEN: " TOKEN, 200, "{\"page_id\":1000001,\"active\":true}", NULL }

static const struct route no_list[] = { ME, { NULL, NULL, 0, NULL, NULL } };

static void
test_unsupported(void **state)
{
	struct fix *f = *state;

	prov_script(&f->p, no_list);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, false), RC_OK);
	assert_int_equal(f->outcome, POLL_UNSUPPORTED);
	assert_string_equal(f->hint, "no_polling");
	assert_int_equal(f->p.n, 5);	/* the token, and each path once */
	assert_true(f->next_us > clock_now_us() + 3500 * SECOND);
	/* rests for an hour; a person's check does not */
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, false), RC_NONE);
	assert_true(f->next_us > clock_now_us());
	assert_int_equal(f->p.n, 5);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, true), RC_OK);
	assert_int_equal(f->p.n, 10);
	/* the hour is over */
	assert_int_equal(db_script(f->db, "update dmbox.account_state set next_probe_at = now() - interval '1 s'"), RC_OK);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, false), RC_OK);
	assert_int_equal(f->p.n, 15);
	/* another configuration is tried at once */
	load(f, "INSTAGRAM_POLL_PATHS=/inbox\n");
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, false), RC_OK);
	assert_int_equal(f->p.n, 17);
	assert_int_equal(num(f, "select count(*) from dmbox.poll_runs where outcome = 'unsupported'"), 2);
	assert_int_equal(num(f, "select sum(repeats)::bigint from dmbox.poll_runs"), 2);
	assert_int_equal(num(f, "select count(*) from dmbox.deliveries"), 0);
	assert_int_equal(num(f, "select count(*) from dmbox.leases"), 0);
}

static const struct route lists[] = { ME,
	{ "GET /messages/get", "api-key: " TOKEN, 200, "{\"data\":[{\"senderId\":\"5\",\"messageId\":\"m1\","
	    "\"text\":\"one\"},{\"senderId\":\"5\",\"text\":\"yes\"},{\"senderId\":\"5\",\"text\":\"yes\"}]}", NULL },
	{ NULL, NULL, 0, NULL, NULL } };

static void
test_accepted_form(void **state)
{
	struct fix *f = *state;

	prov_script(&f->p, lists);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, false), RC_OK);
	assert_int_equal(f->outcome, POLL_MESSAGES);
	assert_int_equal(f->stored, 3);	/* two equal "yes" are two messages */
	assert_int_equal(f->p.n, 6);
	prov_script(&f->p, lists);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, false), RC_OK);
	assert_int_equal(f->outcome, POLL_MESSAGES);
	assert_int_equal(f->stored, 0);
	assert_int_equal(f->duplicates, 3);
	assert_int_equal(f->p.n, 1);	/* the remembered form and nothing else */
	assert_int_equal(num(f, "select count(*) from dmbox.messages where source = 'poll'"), 3);
	assert_int_equal(num(f, "select count(*) from dmbox.deliveries where source = 'poll'"), 2);
	assert_int_equal(num(f, "select sum(missing)::bigint from dmbox.ingest_balance"), 0);
	/* the form is gone: said as a failure, then probed afresh */
	prov_script(&f->p, no_list);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, false), RC_OK);
	assert_int_equal(f->outcome, POLL_FAILED);
	assert_string_equal(f->hint, "form_lost");
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, false), RC_OK);
	assert_int_equal(f->outcome, POLL_UNSUPPORTED);
	/* no token in what is kept */
	assert_int_equal(num(f, "select count(*) from dmbox.poll_runs where attempts::text like '%made-up%'"), 0);
	assert_int_equal(num(f, "select count(*) from dmbox.account_state where memory::text like '%made-up%'"), 0);
}

static void
test_failures(void **state)
{
	static const struct route denied[] = { { "GET /", "no such header", 200, "", NULL },
		{ NULL, NULL, 0, NULL, NULL } };
	static const struct route limited[] = { { "GET /", NULL, 429, "{}", "Retry-After: 90\r\n" },
		{ NULL, NULL, 0, NULL, NULL } };
	static const struct route broken[] = { ME, { "GET /messages", NULL, 500, "oops", NULL },
		{ NULL, NULL, 0, NULL, NULL } };
	struct fix *f = *state;

	prov_script(&f->p, denied);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, true), RC_OK);
	assert_int_equal(f->outcome, POLL_FAILED);
	assert_string_equal(f->hint, "wrong_token");
	assert_int_equal(f->n_attempts, 25);
	/* a full probe is not repeated every ten seconds */
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, false), RC_NONE);
	prov_script(&f->p, broken);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, true), RC_OK);
	assert_int_equal(f->outcome, POLL_FAILED);
	prov_script(&f->p, limited);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, true), RC_OK);
	assert_int_equal(f->outcome, POLL_FAILED);
	assert_string_equal(f->hint, "rate_limited");
	assert_true(f->next_us > clock_now_us() + 80 * SECOND);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, true), RC_NONE);	/* not even a person */
	assert_int_equal(num(f, "select count(*) from dmbox.poll_runs where outcome = 'failed'"), 3);
	assert_int_equal(num(f, "select jsonb_array_length(attempts) from dmbox.poll_runs order by id desc limit 1"), 25);
	assert_int_equal(num(f, "select count(*) from dmbox.poll_runs where attempts @> "
	    "'[{\"note\":\"not_tried\",\"status\":null}]'"), 1);
}

static void
test_lease(void **state)
{
	struct fix *f = *state;

	prov_script(&f->p, no_list);
	assert_int_equal(state_lease(f->db, "poll/instagram/main", "somebody", 60), RC_OK);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, true), RC_LIMIT);
	assert_int_equal(f->p.n, 0);
	assert_int_equal(state_lease_free(f->db, "poll/instagram/main", "somebody"), RC_OK);
	f->done = 0;
	assert_int_equal(start(f, CHANNEL_INSTAGRAM, true), RC_OK);
	assert_int_equal(start(f, CHANNEL_INSTAGRAM, true), RC_LIMIT);	/* the one under way */
	httpc_run(f->h);
	assert_int_equal(f->done, 1);
	/* cut in the middle: nothing is left behind, and nothing is learned */
	assert_int_equal(start(f, CHANNEL_INSTAGRAM, true), RC_OK);
	httpc_abort(f->h);
	assert_int_equal(f->done, 2);
	assert_int_equal(f->outcome, POLL_FAILED);
	assert_string_equal(f->hint, "interrupted");
	assert_int_equal(num(f, "select count(*) from dmbox.leases"), 0);
}

static void
test_refreshed_token(void **state)
{
	static const struct route renewed[] = {
		{ "GET /accounts/me", "X-ACCESS-TOKEN: 1000001.renewed-token-02", 200, "{\"page_id\":1000001}", NULL },
		{ NULL, NULL, 0, NULL, NULL } };
	struct fix *f = *state;
	char of[STATE_TOKEN_OF];

	prov_script(&f->p, renewed);
	state_token_of(TOKEN, of);
	assert_int_equal(state_set_token(f->db, CHANNEL_INSTAGRAM, "main", of, "1000001.renewed-token-02",
	    86400), RC_OK);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, true), RC_OK);
	assert_int_equal(f->outcome, POLL_UNSUPPORTED);
	assert_string_equal(f->hint, "no_polling");
	/* refreshed from another token than the configured one: that one counts */
	assert_int_equal(db_script(f->db, "update dmbox.account_state set token_of = 'another', next_probe_at = null"), RC_OK);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, true), RC_OK);
	assert_string_equal(f->hint, "wrong_token");
}

/* What cannot be stored is a failure, and nothing is remembered of it. */
static void
test_not_stored(void **state)
{
	struct fix *f = *state;

	prov_script(&f->p, lists);
	assert_int_equal(db_script(f->db, "alter table dmbox.messages rename to hidden"), RC_OK);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, true), RC_OK);
	assert_int_equal(db_script(f->db, "alter table dmbox.hidden rename to messages"), RC_OK);
	assert_int_equal(f->outcome, POLL_FAILED);
	assert_string_equal(f->hint, "database");
	assert_int_equal(num(f, "select count(*) from dmbox.messages"), 0);
	assert_int_equal(check(f, CHANNEL_INSTAGRAM, true), RC_OK);
	assert_int_equal(f->stored, 3);
}

/* --- Green API: nothing is deleted before it is stored ------------------------------ */

static const struct route green[] = {
	{ "/receiveNotification/", NULL, 200, "{\"receiptId\":7,\"body\":{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":1101000001,\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},"
	    "\"timestamp\":1752345678,\"idMessage\":\"F7AEC1B7086ECDC7\","
	    "\"senderData\":{\"chatId\":\"70000000001@c.us\",\"sender\":\"70000000001@c.us\",\"senderName\":\"Ana\"},"
	    "\"messageData\":{\"typeMessage\":\"textMessage\",\"textMessageData\":{\"textMessage\":\"Hi\"}}}}", NULL },
	{ "/deleteNotification/", NULL, 500, "stop here", NULL },
	{ NULL, NULL, 0, NULL, NULL } };

static void
test_green(void **state)
{
	struct fix *f = *state;

	prov_script(&f->p, green);
	assert_int_equal(db_script(f->db, "alter table dmbox.messages rename to hidden"), RC_OK);
	assert_int_equal(check(f, CHANNEL_WHATSAPP, false), RC_OK);
	assert_int_equal(db_script(f->db, "alter table dmbox.hidden rename to messages"), RC_OK);
	assert_int_equal(f->outcome, POLL_FAILED);
	assert_int_equal(f->p.n, 1);	/* no deletion was asked for */
	prov_script(&f->p, green);
	assert_int_equal(check(f, CHANNEL_WHATSAPP, false), RC_OK);
	assert_int_equal(f->stored, 1);
	assert_true(f->p.n >= 2);
	assert_non_null(strstr(f->p.log[1], "deleteNotification"));
	assert_int_equal(num(f, "select count(*) from dmbox.messages where channel = 'whatsapp'"), 1);
	assert_int_equal(num(f, "select count(*) from dmbox.poll_runs where attempts::text like '%" GREEN_TOKEN "%'"), 0);
}

/* One byte that is no UTF-8 does not block the queue: what is around it is stored, and said. */
static void
test_green_bad_byte(void **state)
{
	struct fix *f = *state;
	struct route bad[3];
	char body[1024], *hi;

	memcpy(bad, green, sizeof bad);
	snprintf(body, sizeof body, "%s", green[0].body);
	hi = strstr(body, "Hi");
	assert_non_null(hi);
	hi[1] = (char)0xe9;
	bad[0].body = body;
	prov_script(&f->p, bad);
	assert_int_equal(check(f, CHANNEL_WHATSAPP, false), RC_OK);
	assert_int_equal(f->stored, 1);
	assert_non_null(strstr(f->p.log[1], "deleteNotification"));
	assert_int_equal(num(f, "select count(*) from dmbox.messages where channel = 'whatsapp' and body = U&'H\\FFFD'"), 1);
	assert_int_equal(num(f, "select count(*) from dmbox.deliveries where reason = 'bad_utf8'"
	    " and position('\\xe9'::bytea in body) > 0"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unsupported, setup, teardown),
		cmocka_unit_test_setup_teardown(test_accepted_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lease, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refreshed_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_stored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_green, setup, teardown),
		cmocka_unit_test_setup_teardown(test_green_bad_byte, setup, teardown),
	};

	unsetenv("DMBOX_CONFIG");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

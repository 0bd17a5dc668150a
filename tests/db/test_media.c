/*
 * Attachments to disk and back: every answer a media host may give, the ban on
 * private addresses, unsent messages, claims of several hosts, and serving.
 * A small web server in a thread of this program is the media host.
 */
#include "dbtest.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extern/httpc.h"
#include "task/media.h"
#include "endpoint/media.h"
#include "base/str.h"

/* --- the media host ---------------------------------------------------------- */

static int port;
static char base[64];
static int hits;	/* requests served; read after the engine stood still */
static char told[200];	/* the address that the provider's answer names */
static char target[200];	/* where /moved leads */
static char shown[400];	/* paths, with their host, at which our token was seen */

static void
say(int fd, const char *head, const char *body, size_t n)
{
	char h[512];
	int k = snprintf(h, sizeof h, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", head, n);

	if (write(fd, h, (size_t)k) != k || (n && write(fd, body, n) < 0))
		return;
}

/* a picture, by its first bytes */
static char face[] = "\xff\xd8\xff\xe0" "a JPEG..";
static size_t face_n = sizeof face - 1;

static void
big(int fd)
{
	static char block[1 << 16];
	static const char h[] = "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nConnection: close\r\n\r\n";

	if (write(fd, h, sizeof h - 1) < 0)
		return;
	for (size_t n = 0; n < TASK_MEDIA_MAX_BYTES + sizeof block * 4; n += sizeof block)
		if (send(fd, block, sizeof block, MSG_NOSIGNAL) < 0)
			return;
}

/* The token in a request: at which host and path. */
static void
note_token(const char *req)
{
	const char *host = strcasestr(req, "\r\nHost: ");
	size_t n = strlen(shown);

	if (strcasestr(req, "\r\nAuthorization: Bearer EAAmadeup") != NULL)
		snprintf(shown + n, sizeof shown - n, "%.*s%.*s ", host != NULL ? (int)strcspn(host + 8, ":\r") : 0,
		    host != NULL ? host + 8 : "", (int)strcspn(req, " ?"), req);
}

static void
answer(int fd, const char *path)
{
	char head[300];

	note_token(path);
	if (str_starts(path, "/v25.0/7")) {
		snprintf(head, sizeof head, "{\"url\":\"%s\",\"id\":\"7\"}", told);
		say(fd, "200 OK\r\nContent-Type: application/json", head, strlen(head));
	} else if (str_starts(path, "/v25.0/moved") || str_starts(path, "/moved")) {
		snprintf(head, sizeof head, "302 Found\r\nLocation: %s", target);
		say(fd, head, "moved", 5);
	} else if (str_starts(path, "/a.jpg"))
		say(fd, "200 OK\r\nContent-Type: image/jpeg; q=1", "JPEGBYTES", 9);
	else if (str_starts(path, "/face"))
		say(fd, "200 OK\r\nContent-Type: text/html", face, face_n);
	else if (str_starts(path, "/bytes"))
		say(fd, "200 OK\r\nContent-Type: application/octet-stream", "PDF", 3);
	else if (str_starts(path, "/none"))
		say(fd, "200 OK", "SOMETHING", 9);
	else if (str_starts(path, "/html"))
		say(fd, "200 OK\r\nContent-Type: text/html", "<script>", 8);
	else if (str_starts(path, "/svg"))
		say(fd, "200 OK\r\nContent-Type: image/svg+xml", "<svg/>", 6);
	else if (str_starts(path, "/redir-private"))
		say(fd, "302 Found\r\nLocation: http://10.0.0.1/a.jpg", "", 0);
	else if (str_starts(path, "/redir-file"))
		say(fd, "302 Found\r\nLocation: file:///etc/passwd", "", 0);
	else if (str_starts(path, "/redir"))
		say(fd, "302 Found\r\nLocation: /a.jpg", "moved", 5);
	else if (str_starts(path, "/loop"))
		say(fd, "302 Found\r\nLocation: /loop", "", 0);
	else if (str_starts(path, "/empty"))
		say(fd, "200 OK\r\nContent-Type: image/png", "", 0);
	else if (str_starts(path, "/500"))
		say(fd, "500 Oops", "x", 1);
	else if (str_starts(path, "/429"))
		say(fd, "429 Slow\r\nRetry-After: 4000", "x", 1);
	else if (str_starts(path, "/big"))
		big(fd);
	else
		say(fd, "404 Not Found\r\nContent-Type: text/plain", "no", 2);
}

static void *
serve(void *arg)
{
	int ls = *(int *)arg;

	for (;;) {
		char req[4096];
		int fd = accept(ls, NULL, NULL);
		ssize_t n;

		if (fd < 0)
			return NULL;
		n = read(fd, req, sizeof req - 1);
		if (n > 4) {
			req[n] = '\0';
			hits++;
			answer(fd, req + 4);
		}
		shutdown(fd, SHUT_WR);
		while (read(fd, req, sizeof req) > 0)
			;
		close(fd);
	}
}

static void
server_start(void)
{
	static int ls;
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sa;
	pthread_t t;

	ls = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(ls, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(ls, 16), 0);
	assert_int_equal(getsockname(ls, (struct sockaddr *)&sa, &len), 0);
	port = ntohs(sa.sin_port);
	snprintf(base, sizeof base, "http://127.0.0.1:%d", port);
	assert_int_equal(pthread_create(&t, NULL, serve, &ls), 0);
	pthread_detach(t);
}

/* --- rows and runs -------------------------------------------------------------- */

static struct db *db;
static char dir[] = "/tmp/dmbox-media-XXXXXX";
static char media_dir[64];
static struct conf conf;
static const struct provider *provider = &provider_chatrace;	/* its media may lie anywhere */

static int64_t
add(const char *id, const char *url, const char *mime, const char *name)
{
	struct delivery d;
	struct item *it;
	struct att *a;
	char q[200];

	dbt_delivery(&d);
	d.provider = provider;
	it = dbt_message(&d, "c1", id, "look", T0);
	it->kind = "image";
	a = item_att_add(&d.items, it);
	a->type = "image";
	a->url = url;
	a->mime = mime;
	a->name = name;
	dbt_store(db, &d);
	delivery_free(&d);
	snprintf(q, sizeof q, "select a.id from dmbox.attachments a join dmbox.messages m"
	    " on m.id = a.message_id where m.external_id = '%s'", id);
	return dbt_i64(db, q);
}

static void
is(int64_t id, const char *column, const char *want)
{
	char q[200];

	snprintf(q, sizeof q, "select (%s)::text from dmbox.attachments where id = %lld", column, (long long)id);
	dbt_is(db, q, want);
}

static char *
get(int64_t id, const char *column)
{
	char q[200];

	snprintf(q, sizeof q, "select (%s)::text from dmbox.attachments where id = %lld", column, (long long)id);
	return dbt_text(db, q);
}

/* One run of downloads with or without the exception for our loopback host. */
static size_t
run(bool allowed)
{
	struct strv allow = {0};
	char hp[32];
	struct httpc *h;
	struct task_run *m;
	size_t n = 0, k;

	snprintf(hp, sizeof hp, "127.0.0.1:%d", port);
	if (allowed)
		strv_add(&allow, hp, strlen(hp));
	h = httpc_new(&allow);
	m = task_new(&task_media, h);
	while ((k = task_start(m, &(const struct task_env){ .db = db, .conf = &conf })) > 0) {
		n += k;
		httpc_run(h);
		assert_int_equal(m->alive, 0);
	}
	task_free(m);
	httpc_free(h);
	strv_free(&allow);
	return n;
}

static int
setup(void **st)
{
	(void)st;
	dbt_clean(db);
	conf.media_dir = media_dir;	/* a test that failed may have left its own */
	return 0;
}

/* --- tests --------------------------------------------------------------------- */

static void
test_done(void **st)
{
	char url[100], *path, *sum;
	struct stat s;
	int64_t id;

	(void)st;
	snprintf(url, sizeof url, "%s/a.jpg", base);
	id = add("m1", url, NULL, "снимок.jpg");
	is(id, "state", "waiting");
	assert_int_equal(run(true), 1);
	is(id, "state", "done");
	is(id, "bytes", "9");
	is(id, "mime_type", "image/jpeg");
	is(id, "next_at", NULL);
	is(id, "error_text", NULL);
	sum = get(id, "sha256");
	assert_int_equal(strlen(sum), 64);
	path = get(id, "local_path");
	assert_true(str_starts(path, dir));
	assert_non_null(strstr(path, "/main/2025-11/"));
	assert_true(str_ends(path, ".jpg"));
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_size, 9);
	assert_int_equal(s.st_mode & 0777, 0640);
	assert_int_equal(run(true), 0);	/* once is enough */
	free(path);
	free(sum);
}

static void
test_outcomes(void **st)
{
	static const struct { const char *path, *mime, *state, *type; } v[] = {
		{ "/redir", NULL, "done", "image/jpeg" },
		{ "/bytes", "application/pdf", "done", "application/pdf" },
		{ "/bytes", NULL, "done", "application/octet-stream" },
		{ "/bytes", "text/html", "done", "application/octet-stream" },
		{ "/none", "audio/ogg; codecs=opus", "done", "audio/ogg" },
		{ "/html", "image/jpeg", "refused", "image/jpeg" },
		{ "/svg", NULL, "refused", NULL },
		{ "/big", NULL, "refused", NULL },
		{ "/redir-private", NULL, "refused", NULL },
		{ "/redir-file", NULL, "refused", NULL },
		{ "/500", NULL, "waiting", NULL },
		{ "/429", NULL, "waiting", NULL },
		{ "/404", NULL, "waiting", NULL },
		{ "/empty", NULL, "waiting", NULL },
		{ "/loop", NULL, "waiting", NULL },
	};
	size_t n = sizeof v / sizeof v[0];
	int64_t id[sizeof v / sizeof v[0]];

	(void)st;
	for (size_t i = 0; i < n; i++) {
		char mid[20], url[100];

		snprintf(mid, sizeof mid, "o%zu", i);
		snprintf(url, sizeof url, "%s%s", base, v[i].path);
		id[i] = add(mid, url, v[i].mime, NULL);
	}
	assert_int_equal(run(true), n);
	for (size_t i = 0; i < n; i++) {
		char *state = get(id[i], "state"), *why = get(id[i], "error_text");

		if (!str_eq(state, v[i].state))
			fail_msg("%s: %s (%s), want %s", v[i].path, state, why ? why : "", v[i].state);
		is(id[i], "mime_type", v[i].type);
		is(id[i], "local_path is not null", str_eq(v[i].state, "done") ? "true" : "false");
		is(id[i], "error_text is null", str_eq(v[i].state, "done") ? "true" : "false");
		free(state);
		free(why);
	}
	is(id[11], "next_at > now() + interval '3900 seconds'", "true");	/* Retry-After */
	is(id[12], "next_at > now()", "true");
	assert_int_equal(run(true), 0);		/* what waits is left alone until it is due */
}

/* On a disk that is fuller than its floor nothing is fetched, though the file would fit: the
 * room is the database's and the spool's.  The message is there, the file comes later. */
static void
test_floor(void **st)
{
	static const char block[1024];
	static char disk[] = "/tmp/dmbox-floor.XXXXXX";
	char fill[64], url[100];
	int64_t id;
	FILE *f;

	(void)st;
	assert_non_null(mkdtemp(disk));
	if (mount("none", disk, "tmpfs", 0, "size=1m,mode=777") != 0) {
		assert_int_equal(rmdir(disk), 0);
		print_message("ok a disk below its floor # SKIP no right to mount a small disk\n");
		return;
	}
	conf.media_dir = disk;
	snprintf(fill, sizeof fill, "%s/fill", disk);
	f = fopen(fill, "wb");
	assert_non_null(f);
	for (int i = 0; i < 640; i++)	/* its floor is the half */
		assert_int_equal(fwrite(block, sizeof block, 1, f), 1);
	assert_int_equal(fclose(f), 0);
	snprintf(url, sizeof url, "%s/a.jpg", base);
	id = add("floor", url, NULL, NULL);
	run(true);
	is(id, "state", "deferred");
	is(id, "attempts", "0");
	is(id, "local_path is null", "true");
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages where external_id = 'floor'"), 1);
	assert_int_equal(unlink(fill), 0);
	assert_int_equal(db_script(db, "update dmbox.attachments set next_at = now() where state = 'deferred'"), RC_OK);
	assert_int_equal(task_upkeep_once(&task_media, &(const struct task_env){ .db = db, .conf = &conf }), RC_OK);
	run(true);
	is(id, "state", "done");
	conf.media_dir = media_dir;
	assert_int_equal(umount2(disk, MNT_DETACH), 0);
	assert_int_equal(rmdir(disk), 0);
}

/* A contact's and an account's share of a day: what is beyond it waits, and is fetched when
 * there is a share again.  The messages are there throughout. */
static void
test_share(void **st)
{
	char url[100];
	int64_t id[6];

	(void)st;
	assert_int_equal(db_script(db, "delete from dmbox.media_days"), RC_OK);
	snprintf(url, sizeof url, "%s/a.jpg", base);	/* 9 bytes */
	conf.media_day_bytes = 40;			/* a contact's share: 10 */
	for (int i = 0; i < 5; i++) {
		char mid[20];

		snprintf(mid, sizeof mid, "share%d", i);
		id[i] = add(mid, url, NULL, NULL);
		run(true);
	}
	is(id[0], "state", "done");
	is(id[1], "state", "done");
	for (int i = 2; i < 5; i++) {
		is(id[i], "state", "deferred");
		is(id[i], "attempts", "0");
		is(id[i], "next_at > now()", "true");
	}
	assert_int_equal(dbt_i64(db, "select sum(bytes) from dmbox.media_days"), 18);
	/* the account's share, used up by others */
	assert_int_equal(db_script(db, "update dmbox.media_days set contact_id = -1, bytes = 40;"
	    " update dmbox.attachments set next_at = now() where state = 'deferred'"), RC_OK);
	assert_int_equal(task_upkeep_once(&task_media, &(const struct task_env){ .db = db, .conf = &conf }), RC_OK);
	run(true);
	is(id[2], "state", "deferred");
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages where external_id like 'share%'"), 5);
	/* another day */
	assert_int_equal(db_script(db, "update dmbox.media_days set day = day - 1;"
	    " update dmbox.attachments set next_at = now() where state = 'deferred'"), RC_OK);
	conf.refs = 1;	/* ours: flows hold it, too */
	conf.media_day_bytes = INT64_C(2000000000);
	assert_int_equal(task_upkeep_once(&task_media, &(const struct task_env){ .db = db, .conf = &conf }), RC_OK);
	run(true);
	for (int i = 0; i < 5; i++)
		is(id[i], "state", "done");
}

/* An expired link, and a host that stays broken, are given up. */
static void
test_gives_up(void **st)
{
	char gone[100], broken[100];
	int64_t a, b;

	(void)st;
	snprintf(gone, sizeof gone, "%s/404", base);
	snprintf(broken, sizeof broken, "%s/500", base);
	a = add("g1", gone, NULL, NULL);
	b = add("g2", broken, NULL, NULL);
	for (int i = 0; i < 17; i++) {
		run(true);
		assert_int_equal(db_script(db, "update dmbox.attachments set next_at = now()"
		    " where state = 'waiting'"), RC_OK);
	}
	is(a, "state", "expired");
	is(a, "attempts", "3");
	is(a, "error_text", "HTTP 404");
	is(b, "state", "failed");
	is(b, "attempts", "16");
}

/* Loopback and private addresses are refused without a request, names too. */
static void
test_private(void **st)
{
	static const char *const urls[] = { "http://10.1.2.3/a.jpg", "http://169.254.169.254/latest",
	    "http://[::1]/a.jpg", "http://0.0.0.0/a.jpg", "ftp://127.0.0.1/a", "file:///etc/passwd",
	    "http://2130706433/a.jpg", "not a url" };
	char own[100], local[100];
	int before = hits;

	(void)st;
	snprintf(own, sizeof own, "%s/a.jpg", base);
	snprintf(local, sizeof local, "http://localhost:%d/a.jpg", port);
	add("p0", own, NULL, NULL);
	add("p1", local, NULL, NULL);
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		char mid[20];

		snprintf(mid, sizeof mid, "q%zu", i);
		add(mid, urls[i], NULL, NULL);
	}
	run(false);
	dbt_is(db, "select string_agg(url || ' ' || state, ', ') from dmbox.attachments"
	    " where state <> 'refused'", NULL);
	assert_int_equal(hits, before);
}

/* Two hosts at once: each file is fetched by one. */
static void
test_claims(void **st)
{
	struct strv allow = {0};
	char hp[32];
	struct httpc *h;
	struct task_run *a, *b;
	struct db *other = dbt_open();
	int before = hits;

	(void)st;
	snprintf(hp, sizeof hp, "127.0.0.1:%d", port);
	strv_add(&allow, hp, strlen(hp));
	h = httpc_new(&allow);
	a = task_new(&task_media, h);
	b = task_new(&task_media, h);
	for (int i = 0; i < 6; i++) {
		char mid[20], url[100];

		snprintf(mid, sizeof mid, "k%d", i);
		snprintf(url, sizeof url, "%s/a.jpg?%d", base, i);
		add(mid, url, NULL, NULL);
	}
	assert_int_equal(task_start(a, &(const struct task_env){ .db = db, .conf = &conf }), 4);
	assert_int_equal(task_start(b, &(const struct task_env){ .db = other, .conf = &conf }), 2);
	assert_int_equal(task_start(a, &(const struct task_env){ .db = db, .conf = &conf }), 0);	/* four at a time */
	httpc_run(h);
	assert_int_equal(a->done + b->done, 6);
	assert_int_equal(hits - before, 6);
	task_free(a);
	task_free(b);
	httpc_free(h);
	strv_free(&allow);
	db_free(other);
}

/* A claim that ran out and was taken by another host: who comes late, with the file or with
 * an error, writes nothing. */
static void
test_late(void **st)
{
	static const char *const paths[] = { "a.jpg", "gone" };
	struct strv allow = {0};
	char hp[32], url[100], sql[200];

	(void)st;
	snprintf(hp, sizeof hp, "127.0.0.1:%d", port);
	strv_add(&allow, hp, strlen(hp));
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct httpc *h = httpc_new(&allow);
		struct task_run *m = task_new(&task_media, h);
		int64_t id;

		snprintf(url, sizeof url, "%s/%s", base, paths[i]);
		id = add(paths[i], url, NULL, NULL);
		assert_int_equal(task_start(m, &(const struct task_env){ .db = db, .conf = &conf }), 1);
		snprintf(sql, sizeof sql, "with x as (update dmbox.attachments set attempts = 2, next_at ="
		    " '2100-01-01' where id = %lld returning 1) select count(*) from x", (long long)id);
		assert_int_equal(dbt_i64(db, sql), 1);
		httpc_run(h);
		is(id, "state", "waiting");
		is(id, "attempts", "2");
		is(id, "coalesce(local_path, error_text, '-')", "-");
		is(id, "extract(year from next_at)", "2100");
		task_free(m);
		httpc_free(h);
	}
	strv_free(&allow);
}

/* The run ends in the middle of a download: the row is due again at once. */
static void
test_cut(void **st)
{
	struct strv allow = {0};
	char hp[32], url[100];
	struct httpc *h;
	struct task_run *m;
	int64_t id;

	(void)st;
	snprintf(hp, sizeof hp, "127.0.0.1:%d", port);
	strv_add(&allow, hp, strlen(hp));
	snprintf(url, sizeof url, "%s/a.jpg", base);
	id = add("cut", url, NULL, NULL);
	h = httpc_new(&allow);
	m = task_new(&task_media, h);
	assert_int_equal(task_start(m, &(const struct task_env){ .db = db, .conf = &conf }), 1);
	task_stop(m);
	httpc_abort(h);
	assert_int_equal(m->alive, 0);
	is(id, "state", "waiting");
	is(id, "attempts", "0");
	is(id, "next_at <= now()", "true");
	assert_int_equal(task_start(m, &(const struct task_env){ .db = db, .conf = &conf }), 0);	/* stopped */
	task_free(m);
	httpc_free(h);
	strv_free(&allow);
	assert_int_equal(run(true), 1);
	is(id, "state", "done");
}

static void
unsend(const char *id)
{
	struct delivery d;

	dbt_delivery(&d);
	dbt_event(&d, "c1", EFFECT_UNSEND, id, NULL, 0, T0 + SECOND);
	dbt_store(db, &d);
	delivery_free(&d);
}

static void
test_erased(void **st)
{
	char url[100], *path;
	int64_t id, late;

	(void)st;
	snprintf(url, sizeof url, "%s/a.jpg", base);
	id = add("e1", url, NULL, NULL);
	late = add("e2", url, NULL, NULL);
	unsend("e2");				/* before its download: nothing is fetched */
	assert_int_equal(run(true), 1);
	path = get(id, "local_path");
	assert_int_equal(access(path, F_OK), 0);
	unsend("e1");
	assert_int_equal(task_upkeep_once(&task_media, &(const struct task_env){ .db = db, .conf = &conf }), RC_OK);
	assert_int_equal(access(path, F_OK), -1);
	dbt_is(db, "select count(*)::text from dmbox.attachments", "0");
	(void)late;
	free(path);
}

/* A path of a row that leads elsewhere removes and serves nothing. */
static void
test_foreign_path(void **st)
{
	char file[] = "/tmp/dmbox-keep-XXXXXX";
	int fd = mkstemp(file);
	char url[100], q[300];
	int64_t id;

	(void)st;
	assert_true(fd >= 0);
	close(fd);
	snprintf(url, sizeof url, "%s/a.jpg", base);
	id = add("f1", url, NULL, NULL);
	run(true);
	snprintf(q, sizeof q, "update dmbox.attachments set state = 'erased',"
	    " local_path = '../../../..%s' where id = %lld", file, (long long)id);
	assert_int_equal(db_script(db, q), RC_OK);
	assert_int_equal(task_upkeep_once(&task_media, &(const struct task_env){ .db = db, .conf = &conf }), RC_OK);
	assert_int_equal(access(file, F_OK), 0);
	unlink(file);
}

/* --- serving ------------------------------------------------------------------------ */

static struct ctx *ctx;

static void
ask(const char *query, struct http_res *res)
{
	struct http_req req;
	struct endpoint_env e = { .ctx = ctx, .conf = &conf, .req = &req, .res = res, .request_id = "r1",
	    .tail = "" };

	http_req_init(&req, "GET", "/instagram/media");
	req.query = query;
	http_res_init(res);
	endpoint_media(&e);
	http_req_free(&req);
	mem_arena_free(&e.arena);
}

static void
test_get(void **st)
{
	char url[100], pdf[100], q[100], *path;
	int64_t id, file, waiting;
	struct http_res res;

	(void)st;
	snprintf(url, sizeof url, "%s/a.jpg", base);
	snprintf(pdf, sizeof pdf, "%s/bytes", base);
	id = add("s1", url, NULL, "снимок \"1\".jpg");
	file = add("s2", pdf, "application/pdf", NULL);
	run(true);
	snprintf(url, sizeof url, "%s/500", base);
	waiting = add("s3", url, NULL, NULL);
	run(true);

	snprintf(q, sizeof q, "attachment=%lld", (long long)id);
	ask(q, &res);
	assert_int_equal(res.status, 200);
	assert_int_equal(res.body_n, 9);
	assert_memory_equal(res.body, "JPEGBYTES", 9);
	assert_string_equal(http_res_get(&res, "Content-Type"), "image/jpeg");
	assert_string_equal(http_res_get(&res, "X-Content-Type-Options"), "nosniff");
	assert_true(str_starts(http_res_get(&res, "Content-Disposition"), "inline; filename=\""));
	assert_non_null(strstr(http_res_get(&res, "Content-Disposition"), "filename*=UTF-8''%D1%81"));
	assert_null(strchr(strstr(http_res_get(&res, "Content-Disposition"), "UTF-8"), '"'));
	http_res_free(&res);

	snprintf(q, sizeof q, "attachment=%lld", (long long)file);
	ask(q, &res);
	assert_int_equal(res.status, 200);
	assert_true(str_starts(http_res_get(&res, "Content-Disposition"), "attachment;"));
	http_res_free(&res);

	snprintf(q, sizeof q, "attachment=%lld", (long long)waiting);
	ask(q, &res);
	assert_int_equal(res.status, 404);
	assert_non_null(strstr(res.body, "waiting"));
	http_res_free(&res);

	path = get(id, "local_path");
	unlink(path);
	free(path);
	snprintf(q, sizeof q, "attachment=%lld", (long long)id);
	ask(q, &res);
	assert_int_equal(res.status, 404);
	http_res_free(&res);
}

static void
test_get_refuses(void **st)
{
	static const struct { const char *query; int status; } v[] = { { "", 400 }, { "attachment=", 400 },
	    { "attachment=x", 400 }, { "attachment=-1", 400 }, { "attachment=1%20or%201", 400 },
	    { "attachment=999999999", 404 }, { "attachment=99999999999999999999", 400 } };

	(void)st;
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct http_res res;

		ask(v[i].query, &res);
		if (res.status != v[i].status)
			fail_msg("%s: %d", v[i].query, res.status);
		http_res_free(&res);
	}
}

static int
sweep(const char *path, const struct stat *sb, int flag, struct FTW *f)
{
	(void)sb;
	(void)flag;
	(void)f;
	return remove(path);
}

/* What is not at a media host of the provider is a link that a customer sent: not opened,
 * public or not.  What we send ourselves lies where our caller says. */
static void
test_links(void **state)
{
	static const struct { const char *url; bool link; } t[] = {
		{ "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1", false },
		{ "https://scontent.cdninstagram.com/a.jpg", false },
		{ "https://video.xx.fbcdn.net/a.mp4", false },
		{ "https://www.instagram.com/p/abc/", true },
		{ "https://fbcdn.net.evil.example/a.jpg", true },
		{ "https://evilfbcdn.net/a.jpg", true },
		{ "https://evil.example/?.fbcdn.net", true },
		{ "https://evil.example:443/.fbcdn.net", true },
	};
	char url[100], id[16], hp[32];
	int64_t first, row;
	int before = hits;

	(void)state;
	provider = &provider_graph;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		snprintf(id, sizeof id, "link%zu", i);
		row = add(id, t[i].url, NULL, NULL);
		if (!t[i].link)	/* would be fetched: not from here */
			assert_int_equal(db_script(db, "update dmbox.attachments set state = 'kept' where state = 'waiting'"
			    " and url ~ 'fbsbx|cdninstagram|video.xx.fbcdn'"), RC_OK);
		assert_int_equal(run(false), t[i].link);
		is(row, "state", t[i].link ? "none" : "kept");
	}
	snprintf(url, sizeof url, "%s/a.jpg", base);
	first = add("own", url, NULL, NULL);
	assert_int_equal(run(true), 1);
	is(first, "state", "none");
	assert_int_equal(hits, before);
	snprintf(hp, sizeof hp, "127.0.0.1:%d", port);
	strv_add(&conf.media_allow, hp, strlen(hp));
	first = add("excepted", url, NULL, NULL);
	assert_int_equal(run(true), 1);
	is(first, "state", "done");
	strv_free(&conf.media_allow);
	memset(&conf.media_allow, 0, sizeof conf.media_allow);
	first = add("sent", url, NULL, NULL);
	assert_int_equal(db_script(db, "update dmbox.messages set source = 'send' where external_id = 'sent'"), RC_OK);
	assert_int_equal(run(true), 1);
	is(first, "state", "done");
	assert_int_equal(hits, before + 2);
	provider = &provider_chatrace;
}

/* A file that is named by the provider's id. */
static int64_t
add_named(const char *id, const char *ref)
{
	struct delivery d;
	struct item *it;
	struct att *a;
	char url[200];

	snprintf(url, sizeof url, "%s/v25.0/%s", base, ref);
	dbt_delivery(&d);
	d.channel = CHANNEL_WHATSAPP;
	d.provider = &provider_cloud;
	it = dbt_message(&d, "70000000001", id, "look", T0);
	it->kind = "image";
	a = item_att_add(&d.items, it);
	a->type = "image";
	a->url = url;
	a->ref = ref;
	dbt_store(db, &d);
	delivery_free(&d);
	snprintf(url, sizeof url, "select a.id from dmbox.attachments a join dmbox.messages m"
	    " on m.id = a.message_id where m.external_id = '%s'", id);
	return dbt_i64(db, url);
}

/* run(true), where localhost is no private name either: what is not asked is not for that. */
static void
run_all_names(void)
{
	struct strv allow = {0};
	char hp[2][32];
	struct httpc *h;
	struct task_run *m;

	snprintf(hp[0], sizeof hp[0], "127.0.0.1:%d", port);
	snprintf(hp[1], sizeof hp[1], "localhost:%d", port);
	for (int i = 0; i < 2; i++)
		strv_add(&allow, hp[i], strlen(hp[i]));
	h = httpc_new(&allow);
	m = task_new(&task_media, h);
	while (task_start(m, &(const struct task_env){ .db = db, .conf = &conf }) > 0)
		httpc_run(h);
	task_free(m);
	httpc_free(h);
	strv_free(&allow);
}

/*
 * The file's address wants our token, and the provider's answer names it: no other host sees it,
 * neither by that answer nor by a redirect of either step, be it public, private or plain.
 */
static void
test_token_stays(void **state)
{
	/* where step 1 says that the file is, %d the port; where /moved leads */
	static const struct { const char *ref, *told, *target, *state, *shown; } t[] = {
		{ "71", "http://127.0.0.1:%d/a.jpg", "", "done", "127.0.0.1/v25.0/71 127.0.0.1/a.jpg " },
		{ "72", "http://localhost:%d/a.jpg", "", "expired", "127.0.0.1/v25.0/72 " },
		{ "73", "http://127.0.0.1:%d/moved", "http://localhost:%d/a.jpg", "failed",
		  "127.0.0.1/v25.0/73 127.0.0.1/moved " },
		{ "74", "http://127.0.0.1:%d/moved", "http://10.0.0.1/a.jpg", "failed",
		  "127.0.0.1/v25.0/74 127.0.0.1/moved " },
		{ "75", "http://127.0.0.1:%d/moved", "//localhost:%d/a.jpg", "failed",
		  "127.0.0.1/v25.0/75 127.0.0.1/moved " },
		{ "76", "http://127.0.0.1:%d/moved", "file:///etc/passwd", "failed",
		  "127.0.0.1/v25.0/76 127.0.0.1/moved " },
		{ "77", "file:///etc/passwd", "", "expired", "127.0.0.1/v25.0/77 " },
		{ "78", "http://127.0.0.1:%d@localhost/a.jpg", "", "expired", "127.0.0.1/v25.0/78 " },
		{ "moved", "", "http://localhost:%d/v25.0/7", "failed", "127.0.0.1/v25.0/moved " },
		{ "moved2", "", "http://169.254.169.254/v25.0/7", "failed", "127.0.0.1/v25.0/moved2 " },
	};
	struct account a = { .channel = CHANNEL_WHATSAPP, .name = (char *)(uintptr_t)"main", .provider = &provider_cloud,
	    .own_id = (char *)(uintptr_t)"800000000000002", .token = (char *)(uintptr_t)"EAAmadeup1", .api_url = base };
	struct account *was = conf.accounts;
	size_t n = conf.n_accounts;

	(void)state;
	conf.accounts = &a;
	conf.n_accounts = 1;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		char mid[16], *st;
		const char *d;
		int64_t row;

		d = strstr(t[i].told, "%d");
		snprintf(told, sizeof told, "%.*s", d != NULL ? (int)(d - t[i].told) : 199, t[i].told);
		if (d != NULL)
			snprintf(told + strlen(told), sizeof told - strlen(told), "%d%s", port, d + 2);
		d = strstr(t[i].target, "%d");
		snprintf(target, sizeof target, "%.*s", d != NULL ? (int)(d - t[i].target) : 199, t[i].target);
		if (d != NULL)
			snprintf(target + strlen(target), sizeof target - strlen(target), "%d%s", port, d + 2);
		shown[0] = '\0';
		snprintf(mid, sizeof mid, "named%zu", i);
		row = add_named(mid, t[i].ref);
		run_all_names();
		if (!str_eq(shown, t[i].shown))
			fail_msg("%zu: the token was seen at %s", i, shown);
		/* until it is given up */
		for (int k = 0; k < 20; k++) {
			assert_int_equal(db_script(db, "update dmbox.attachments set next_at = now() where state = 'waiting'"),
			    RC_OK);
			run_all_names();
		}
		if (strstr(shown, "localhost") != NULL)
			fail_msg("%zu: the token was seen at %s", i, shown);
		st = get(row, "state");
		if (!str_eq(st, t[i].state))
			fail_msg("%zu: %s", i, st);
		free(st);
		if (strstr(t[i].told, "/moved") != NULL)	/* said, and not tried for half a day */
			is(row, "error_text like 'HTTP 302 to %, a host that may not see the token' and attempts = 3", "true");
	}
	conf.accounts = was;
	conf.n_accounts = n;
}

/* --- people's pictures ---------------------------------------------------------- */

static char account_name[] = "main";
static struct account person_of = { .name = account_name, .channel = CHANNEL_INSTAGRAM,
    .provider = &provider_chatrace };

static void
wrote(const char *who, const char *id, const char *picture)
{
	struct delivery d;

	dbt_delivery(&d);
	dbt_message(&d, who, id, "hi", clock_now_us() - 60 * SECOND)->picture = picture;
	dbt_store(db, &d);
	delivery_free(&d);
}

static size_t
avatars(void)
{
	struct httpc *h = httpc_new(&conf.media_allow);
	struct task_run *t = task_new(&task_avatar, h);
	size_t n;

	conf.refs = 1000;	/* static: nobody frees it */
	conf.accounts = &person_of;
	conf.n_accounts = 1;
	task_start(t, &(const struct task_env){ .db = db, .conf = &conf });
	httpc_run(h);
	assert_int_equal(t->alive, 0);
	n = t->done;
	task_free(t);
	httpc_free(h);
	conf.accounts = NULL;
	conf.n_accounts = 0;
	return n;
}

static char *
avatar(const char *who, const char *column)
{
	char q[300];

	snprintf(q, sizeof q, "select (%s)::text from dmbox.avatars a join dmbox.contacts c"
	    " on c.id = a.contact_id where c.external_id = '%s'", column, who);
	return dbt_text(db, q);
}

static void
avatar_is(const char *who, const char *column, const char *want)
{
	char *got = avatar(who, column);

	if (got == NULL || strcmp(got, want) != 0)
		fail_msg("%s: %s is %s, not %s", who, column, got ? got : "null", want);
	free(got);
}

static void
allow_host(void)
{
	char hp[32];

	snprintf(hp, sizeof hp, "127.0.0.1:%d", port);
	strv_add(&conf.media_allow, hp, strlen(hp));
}

static void
allow_none(void)
{
	strv_free(&conf.media_allow);
	memset(&conf.media_allow, 0, sizeof conf.media_allow);
}

static void
again_now(const char *picture)
{
	char q[400];

	snprintf(q, sizeof q, "update dmbox.contacts set picture_url = '%s';"
	    " update dmbox.avatars set next_at = now()", picture);
	assert_int_equal(db_script(db, q), RC_OK);
}

/* Kept once a month; what the server calls it does not count; a new one takes the old one's
 * place, and what is gone with its contact is gone from the disk. */
static void
test_avatar(void **st)
{
	char url[100], q[100], *path, *path2, *id;
	struct http_res res;
	int before;

	(void)st;
	assert_int_equal(db_script(db, "truncate dmbox.avatars"), RC_OK);
	allow_host();
	wrote("p2", "av2", NULL);
	snprintf(url, sizeof url, "%s/face-1", base);
	wrote("p1", "av1", url);
	assert_int_equal(avatars(), 1);
	avatar_is("p1", "state", "done");
	avatar_is("p1", "mime_type", "image/jpeg");
	avatar_is("p1", "a.next_at > now() + interval '29 days'", "true");
	dbt_is(db, "select count(*)::text from dmbox.avatars", "1");
	path = avatar("p1", "local_path");
	assert_non_null(strstr(path, "/main/avatars/a"));
	assert_int_equal(access(path, F_OK), 0);
	dbt_is(db, "select (dmbox.conversation_json(id) ->> 'avatar' like 'media?contact=' || id || '&v=%')::text"
	    " from dmbox.contacts where external_id = 'p1'", "true");
	dbt_is(db, "select dmbox.conversation_json(id) ->> 'avatar' from dmbox.contacts where external_id = 'p2'", NULL);
	id = avatar("p1", "contact_id");
	snprintf(q, sizeof q, "contact=%s", id);
	ask(q, &res);
	assert_int_equal(res.status, 200);
	assert_int_equal(res.body_n, face_n);
	assert_memory_equal(res.body, face, face_n);
	assert_string_equal(http_res_get(&res, "Content-Type"), "image/jpeg");
	http_res_free(&res);

	/* another address of it meanwhile: not asked for before its time */
	before = hits;
	wrote("p1", "av3", "https://scontent.cdninstagram.com/other.jpg");
	assert_int_equal(avatars(), 0);
	assert_int_equal(hits, before);
	again_now(url);
	assert_int_equal(avatars(), 2);		/* p2 has one now, too */
	path2 = avatar("p1", "local_path");
	assert_string_not_equal(path, path2);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(path2, F_OK), 0);
	assert_int_equal(db_script(db, "delete from dmbox.contacts where external_id = 'p1'"), RC_OK);
	dbt_is(db, "select string_agg(state, ' ' order by contact_id) from dmbox.avatars", "done erased");
	ask(q, &res);
	assert_int_equal(res.status, 404);
	http_res_free(&res);
	/* what cannot be removed is not forgotten */
	assert_int_equal(unlink(path2), 0);
	assert_int_equal(mkdir(path2, 0700), 0);
	assert_int_equal(task_upkeep_once(&task_avatar, &(const struct task_env){ .db = db, .conf = &conf }), RC_OK);
	dbt_is(db, "select string_agg(state, ' ' order by contact_id) from dmbox.avatars", "done erased");
	assert_int_equal(rmdir(path2), 0);
	assert_int_equal(task_upkeep_once(&task_avatar, &(const struct task_env){ .db = db, .conf = &conf }), RC_OK);
	assert_int_equal(access(path2, F_OK), -1);
	dbt_is(db, "select string_agg(state, ' ' order by contact_id) from dmbox.avatars", "done");
	free(path);
	free(path2);
	free(id);
	allow_none();
}

/* From the provider's hosts only, no redirect, no page, no drawing, nothing large; what fails
 * is asked for a few times, and given up. */
static void
test_avatar_refused(void **st)
{
	static const struct { const char *path, *state, *why; } v[] = {
		{ "/html", "none", "no picture" }, { "/svg", "none", "no picture" },
		{ "/empty", "none", "empty" }, { "/redir", "none", "HTTP 302" },
		{ "/none", "none", "no picture" }, { "/gone", "none", "HTTP 404" },
		{ "/big", "none", NULL }, { "/500", "waiting", "HTTP 500" }, { "/429", "waiting", "HTTP 429" },
	};
	char url[100], who[16], id[16], *why;
	int before;

	(void)st;
	assert_int_equal(db_script(db, "truncate dmbox.avatars"), RC_OK);
	snprintf(url, sizeof url, "%s/face-3", base);
	before = hits;
	wrote("f0", "far0", url);
	wrote("f1", "far1", "https://cdninstagram.com.evil.example/a.jpg");
	wrote("f2", "far2", "file:///etc/passwd");
	assert_int_equal(avatars(), 0);
	assert_int_equal(hits, before);
	dbt_is(db, "select string_agg(distinct state || ' ' || error_text, ',') from dmbox.avatars",
	    "none not at a host of the provider's");
	allow_host();
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		snprintf(url, sizeof url, "%s%s", base, v[i].path);
		snprintf(who, sizeof who, "r%zu", i);
		snprintf(id, sizeof id, "ref%zu", i);
		wrote(who, id, url);
	}
	assert_int_equal(avatars(), 0);
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		snprintf(who, sizeof who, "r%zu", i);
		avatar_is(who, "state", v[i].state);
		why = avatar(who, "error_text");
		if (v[i].why != NULL && strcmp(why, v[i].why) != 0)
			fail_msg("%s: %s", v[i].path, why);
		free(why);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(db_script(db, "update dmbox.avatars set next_at = now() where state = 'waiting'"), RC_OK);
		assert_int_equal(avatars(), 0);
	}
	avatar_is("r7", "state", "none");
	avatar_is("r7", "a.next_at > now() + interval '29 days'", "true");
	/* its contact has another picture by now */
	assert_int_equal(db_script(db, "update dmbox.avatars set asked_at = now() - interval '2 days';"
	    " update dmbox.contacts set picture_url = replace(picture_url, '/500', '/face-4')"), RC_OK);
	assert_int_equal(avatars(), 1);
	avatar_is("r7", "state", "done");
	allow_none();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_done, setup),
		cmocka_unit_test_setup(test_outcomes, setup),
		cmocka_unit_test_setup(test_floor, setup), cmocka_unit_test_setup(test_share, setup),
		cmocka_unit_test_setup(test_gives_up, setup),
		cmocka_unit_test_setup(test_private, setup),
		cmocka_unit_test_setup(test_claims, setup),
		cmocka_unit_test_setup(test_late, setup),
		cmocka_unit_test_setup(test_cut, setup),
		cmocka_unit_test_setup(test_erased, setup),
		cmocka_unit_test_setup(test_foreign_path, setup),
		cmocka_unit_test_setup(test_links, setup),
		cmocka_unit_test_setup(test_token_stays, setup),
		cmocka_unit_test_setup(test_avatar, setup),
		cmocka_unit_test_setup(test_avatar_refused, setup),
		cmocka_unit_test_setup(test_get, setup),
		cmocka_unit_test_setup(test_get_refuses, setup),
	};
	int rc;

	db = dbt_open();
	if (!mkdtemp(dir))
		return 1;
	server_start();
	snprintf(media_dir, sizeof media_dir, "%s/media", dir);
	conf.media_dir = media_dir;
	conf.refs = 1;	/* ours: flows hold it, too */
	conf.media_day_bytes = INT64_C(2000000000);
	conf.database_url = conf.database_url_read = getenv("DMBOX_TEST_DB");
	conf.db_connect_s = 5;
	ctx = ctx_new("test", CONF_TOOL, CTX_DB_READ, 1);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ctx_free(ctx);
	db_free(db);
	nftw(dir, sweep, 8, FTW_DEPTH | FTW_PHYS);
	return rc;
}

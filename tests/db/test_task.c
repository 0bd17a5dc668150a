/*
 * Every row of the poller's table of tasks runs: the real dmbox-poll is started on a
 * database in which each task finds something to do, and what it changes is asked.  A row
 * without a case here fails, as does a case whose row is gone: an upkeep that nobody calls
 * is not found by any test of the function itself.
 */
#include "dbtest.h"
#include "tinyhttp.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "bridge/ingest.h"
#include "model/conf.h"
#include "store/outbox.h"
#include "store/state.h"
#include "task/task.h"

#define OWN "17841400000000001"
#define ANA "6500000000000001"
#define TOKEN "IGAAconfigured"
#define APP_KEY "0123456789abcdef0123456789abcdef"

static const struct { const char *task, *sql, *before, *after; } cases[] = {
	{ "outbox", "select state from dmbox.outbox where account = 'gone'", "leased", "unknown" },
	{ "sends", "select state from dmbox.outbox where account = 'main'", "queued", "sent" },
	{ "media", "select state from dmbox.attachments", "waiting", "done" },
	{ "fetch", "select body from dmbox.messages where external_id = 'M20'", NULL, "Hi" },
	{ "tokens", "select token from dmbox.account_state where account = 'main'", NULL, "IGAArefreshed" },
	{ "profiles", "select name from dmbox.contacts where account = 'main' and external_id = '" ANA "'", NULL, "Ana" },
	{ "avatars", "select state from dmbox.avatars", NULL, "done" },
	{ "tables", "select (to_regclass('dmbox.deliveries_' || to_char(now() at time zone 'UTC' + interval '1 month', 'YYYY_MM'))"
	    " is not null)::text", "false", "true" },
	{ "responses", "select (count(*) > 0)::text from dmbox.heartbeats where name = 'responses'", "false", "true" },
	{ "search", "select (count(*) > 0)::text from dmbox.message_words", "false", "true" },
	{ "counts", "select (inbound > 0)::text from dmbox.message_counts where account = 'main'", NULL, "true" },
};

/* --- a provider of a few answers -------------------------------------------------- */

static int port, listener;

static void
picture(int fd)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 12\r\n"
	    "Connection: close\r\n\r\n\xff\xd8\xff\xe0" "a jpeg!!";

	if (write(fd, text, sizeof text - 1) < 0)
		return;
}

static void
answer(int fd, const char *req)
{
	if (strncmp(req, "POST ", 5) == 0)
		tiny_answer(fd, 200, "", "{\"recipient_id\":\"" ANA "\",\"message_id\":\"out-1\"}");
	else if (strstr(req, "/refresh_access_token") != NULL)
		tiny_answer(fd, 200, "", "{\"access_token\":\"IGAArefreshed\",\"token_type\":\"bearer\",\"expires_in\":5184000}");
	else if (strstr(req, "/M20?") != NULL)
		tiny_answer(fd, 200, "", "{\"id\":\"M20\",\"created_time\":\"2026-07-12T19:11:07+0000\",\"from\":{\"id\":\"" ANA "\"},"
		    "\"to\":{\"data\":[{\"id\":\"" OWN "\"}]},\"message\":\"Hi\"}");
	else if (strstr(req, "/" ANA "?") != NULL)
		tiny_answer(fd, 200, "", "{\"name\":\"Ana\",\"username\":\"ana\"}");
	else if (strstr(req, "/a.jpg") != NULL)
		picture(fd);
	else
		tiny_answer(fd, 404, "", "{\"error\":{\"code\":100,\"message\":\"no\"}}");
}

static void *
serve(void *arg)
{
	static char buf[65536];
	int fd;

	(void)arg;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (tiny_read(fd, buf, sizeof buf) != NULL)
			answer(fd, buf);
		close(fd);
	}
	return NULL;
}

static void
server_start(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof sa;
	pthread_t t;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, n), 0);
	assert_int_equal(listen(listener, 16), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&sa, &n), 0);
	port = ntohs(sa.sin_port);
	assert_int_equal(pthread_create(&t, NULL, serve, NULL), 0);
	pthread_detach(t);
}

/* --- what each task finds ------------------------------------------------------------ */

static char dir[] = "/tmp/dmbox-task-XXXXXX", config[128];

static void
configure(void)
{
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(config, sizeof config, "%s/dmbox.env", dir);
	f = fopen(config, "w");
	assert_non_null(f);
	fprintf(f, "INSTAGRAM_API_URL=http://127.0.0.1:%d\nINSTAGRAM_USE_CHATRACE=false\n"
	    "INSTAGRAM_ACCESS_TOKEN=" TOKEN "\nINSTAGRAM_PAGE_ID=" OWN "\n"
	    "INSTAGRAM_APP_SECRET=" APP_KEY "\nINSTAGRAM_POLL_SECONDS=0\n"
	    "DATABASE_URL=%s\nJWT_SECRET=" APP_KEY APP_KEY "\nDMBOX_SPOOL_DIR=%s/spool\n"
	    "DMBOX_MEDIA_DIR=%s/media\nDMBOX_MEDIA_ALLOW=127.0.0.1:%d\nDMBOX_LOG_FILE=%s/log\n",
	    port, getenv("DMBOX_TEST_DB"), dir, dir, port, dir);
	fclose(f);
	assert_int_equal(chmod(config, 0640), 0);
}

static void
queue(struct db *db, const char *account)
{
	const struct outmsg m = { .recipient = ANA, .body = "hello" };
	const struct outbox_new n = { .account = account, .channel = CHANNEL_INSTAGRAM,
	    .provider = &provider_graph, .parts = &m, .n_parts = 1 };
	struct outbox_row row;
	size_t k;
	int64_t closed;

	assert_int_equal(outbox_put(db, &n, 1, &row, &k, &closed), RC_OK);
}

static void
sql_do(struct db *db, const char *s)
{
	if (db_script(db, s) != RC_OK)
		fail_msg("%s: %s", s, db_error(db));
}

static void
prepare(struct db *db)
{
	struct delivery d, *v = &d;
	char of[STATE_TOKEN_OF], q[1000];

	sql_do(db, "do $$ declare t regclass; begin for t in select inhrelid::regclass from pg_inherits"
	    " where inhparent = 'dmbox.deliveries'::regclass and inhrelid::regclass::text !~ 'default' loop"
	    " execute 'drop table ' || t; end loop; end $$");
	dbt_delivery(&d);
	dbt_message(&d, ANA, "m1", "hi", clock_now_us() - 60 * SECOND);
	dbt_store(db, &d);
	delivery_free(&d);
	/* announced without its content */
	dbt_delivery(&d);
	snprintf(q, sizeof q, "{\"object\":\"instagram\",\"entry\":[{\"id\":\"" OWN "\",\"messaging\":[{\"timestamp\":%lld,"
	    "\"message_edit\":{\"mid\":\"M20\",\"num_edit\":0}}]}]}", (long long)(clock_now_us() / 1000));
	assert_int_equal(provider_graph.parse(&(const struct account){ .name = (char *)"main",
	    .channel = CHANNEL_INSTAGRAM, .provider = &provider_graph, .own_id = (char *)OWN }, NULL,
	    q, strlen(q), &d.items), RC_OK);
	assert_int_equal(ingest(db, NULL, &v, 1), RC_OK);
	delivery_free(&d);
	queue(db, "main");
	queue(db, "gone");
	sql_do(db, "update dmbox.outbox set state = 'leased', lease_until = now() - interval '1 minute',"
	    " claim_id = gen_random_uuid(), attempt_started_at = now() - interval '2 minutes', attempts = 1 where account = 'gone'");
	snprintf(q, sizeof q, "insert into dmbox.attachments (account, message_id, position, type, url, mime_type, state)"
	    " select account, id, 1, 'image', 'http://127.0.0.1:%d/a.jpg', 'application/pdf', 'waiting'"
	    " from dmbox.messages where external_id = 'm1'", port);
	sql_do(db, q);
	snprintf(q, sizeof q, "update dmbox.contacts set picture_url = 'http://127.0.0.1:%d/a.jpg', picture_at = now()"
	    " where external_id = '" ANA "'", port);
	sql_do(db, q);
	state_token_of(TOKEN, of);
	snprintf(q, sizeof q, "insert into dmbox.account_state (account, channel, token_of, token_since)"
	    " values ('main', 'instagram', '%s', now() - interval '2 days')", of);
	sql_do(db, q);
}

static void
poll_once(void)
{
	const char *b = getenv("B");
	char program[512];
	int status;
	pid_t pid;

	snprintf(program, sizeof program, "%s/dmbox-poll", b != NULL ? b : "build");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("DMBOX_CONFIG", config, 1);
		execl(program, "dmbox-poll", "--once", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- the tests ------------------------------------------------------------------------ */

static void
has_a_case(void **st)
{
	(void)st;
	for (size_t i = 0; tasks[i] != NULL; i++) {
		bool found = false;

		for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
			found = found || strcmp(cases[k].task, tasks[i]->name) == 0;
		if (!found)
			fail_msg("the task %s has no case here", tasks[i]->name);
	}
}

static void
each_row_runs(void **st)
{
	struct db *db = dbt_open();

	(void)st;
	server_start();
	configure();
	prepare(db);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		dbt_is(db, cases[i].sql, cases[i].before);
	poll_once();
	poll_once();	/* counts: what the first saw is folded by the second */
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		print_message("%s\n", cases[i].task);
		dbt_is(db, cases[i].sql, cases[i].after);
	}
	db_free(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_a_case), cmocka_unit_test(each_row_runs),
	};
	char cmd[200];
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
	if (strchr(dir, 'X') == NULL)
		rc |= system(cmd) != 0;
	return rc;
}

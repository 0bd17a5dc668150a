/*
 * The poller's deliveries, against a real database and a provider on loopback:
 * what is due goes out in order, an accepted and dropped send is never
 * repeated, is found by look-up or echo, one account's trouble is its own.
 */
#include "provider/list.h"
#include "dbtest.h"
#include "tinyhttp.h"

#include <sys/stat.h>

#include "model/conf.h"
#include "extern/httpc.h"
#include "task/task.h"
#include "store/outbox.h"
#include "base/str.h"

struct fix {
	struct db *db;
	struct tiny t;
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
	char path[128], text[1024];

	f->db = dbt_open();
	dbt_clean(f->db);
	assert_int_equal(db_script(f->db, "truncate dmbox.outbox, dmbox.send_attempts"), RC_OK);
	assert_int_equal(tiny_start(&f->t), 0);
	snprintf(f->dir, sizeof f->dir, "/tmp/outbox-deliver-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(path, sizeof path, "%s/accounts", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/accounts/down.env", f->dir);
	/* nobody listens on port 1 */
	file(path, "INSTAGRAM_USE_CHATRACE=false\nINSTAGRAM_API_URL=http://127.0.0.1:1\n"
	    "INSTAGRAM_ACCESS_TOKEN=IGAAmadeuptoken2\nINSTAGRAM_PAGE_ID=17840000000000002\n");
	snprintf(path, sizeof path, "%s/accounts/fake.env", f->dir);
	file(path, "INSTAGRAM_USE_MOCK=true\n");
	snprintf(text, sizeof text, "INSTAGRAM_USE_CHATRACE=false\nINSTAGRAM_API_URL=http://127.0.0.1:%d\n"
	    "INSTAGRAM_ACCESS_TOKEN=IGAAmadeuptoken1\nINSTAGRAM_PAGE_ID=17840000000000001\n"
	    "DMBOX_ACCOUNTS_DIR=%s/accounts\nDATABASE_URL=dbname=none\n", f->t.port, f->dir);
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
	assert_int_equal(f->d->alive, 0);
	task_free(f->d);
	httpc_free(f->h);
	conf_drop(f->conf);
	tiny_stop(&f->t);
	db_free(f->db);
	for (const char *const *p = (const char *const[]){ "accounts/down.env", "accounts/fake.env",
	    "dmbox.env", NULL }; *p; p++) {
		snprintf(cmd, sizeof cmd, "%s/%s", f->dir, *p);
		unlink(cmd);
	}
	snprintf(cmd, sizeof cmd, "%s/accounts", f->dir);
	rmdir(cmd);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* p NULL: of a mock account. */
static int64_t
put(struct fix *f, const char *account, const struct provider *p, const char *to, const char *body)
{
	struct outmsg m = { .recipient = to, .thread_id = "", .body = body };
	struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = account, .provider = p != NULL ? p : &provider_graph,
	    .mock = p == NULL, .parts = &m, .n_parts = 1 };
	struct outbox_row row;
	size_t k;
	int64_t closed;

	assert_int_equal(outbox_put(f->db, &n, 1, &row, &k, &closed), RC_OK);
	return row.id;
}

static int64_t
put_main(struct fix *f, const char *to, const char *body)
{
	return put(f, "main", &provider_graph, to, body);
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
		httpc_step(f->h, 50);
	} while (f->d->alive > 0);
}

static const char *
state_of(struct fix *f, int64_t id)
{
	static struct outbox_row row;

	assert_int_equal(outbox_get(f->db, id, &row), RC_OK);
	return row.state;
}

static void
test_in_order(void **state)
{
	struct fix *f = *state;
	char body[32];

	for (int i = 0; i < 12; i++) {
		snprintf(body, sizeof body, "text-%02d", i);
		put_main(f, i % 3 == 2 ? "6502" : "6501", body);
	}
	rounds(f);
	assert_int_equal(f->t.n, 12);
	assert_int_equal(f->d->done, 12);
	for (int i = 0; i < 12; i++) {
		snprintf(body, sizeof body, "text-%02d", i);
		assert_non_null(strstr(f->t.bodies[i], body));
	}
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.messages where status = 'sent'"
	    " and external_id like '%-mid-%'"), 12);
}

static void
test_retry_refuse(void **state)
{
	struct fix *f = *state;
	int64_t a = put_main(f, "6501", "E500"), b = put_main(f, "6502", "E400"),
	    c = put_main(f, "6503", "fine");

	rounds(f);
	assert_string_equal(state_of(f, a), "queued");
	assert_string_equal(state_of(f, b), "failed");
	assert_string_equal(state_of(f, c), "sent");
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.outbox where error_code = '100/2018109'"), 1);
	assert_int_equal(f->t.n, 3);
}

/* The provider took it and the line broke: never a second time by itself. */
static void
test_drop(void **state)
{
	struct fix *f = *state;
	int64_t id = put_main(f, "6501", "DROP me");

	rounds(f);
	assert_string_equal(state_of(f, id), "unknown");
	snprintf(f->t.look, sizeof f->t.look, "{\"data\":[]}");
	for (int i = 0; i < 6; i++) {
		assert_int_equal(db_script(f->db, "update dmbox.outbox set next_at = now()"), RC_OK);
		upkeep(f);
		rounds(f);
	}
	assert_int_equal(f->t.gets, 5);		/* looked for, and not for ever */
	assert_string_equal(state_of(f, id), "unknown");
	assert_int_equal(tiny_count(&f->t, "DROP me"), 1);
}

static void
test_lookup_finds(void **state)
{
	struct fix *f = *state;
	int64_t id = put_main(f, "6501", "DROP me"), next = put_main(f, "6501", "after it");
	time_t now;
	struct tm tm;
	char at[40];

	rounds(f);
	assert_string_equal(state_of(f, next), "queued");	/* keeps its place */
	now = time(NULL);	/* not before it was tried */
	gmtime_r(&now, &tm);
	strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S+0000", &tm);
	snprintf(f->t.look, sizeof f->t.look, "{\"data\":[{\"id\":\"c1\",\"updated_time\":\"%s\",\"messages\":{\"data\":["
	    "{\"id\":\"found-1\",\"created_time\":\"%s\",\"from\":{\"id\":\"17840000000000001\"},"
	    "\"to\":{\"data\":[{\"id\":\"6501\"}]},\"message\":\"DROP me\"}]}}]}", at, at);
	assert_int_equal(db_script(f->db, "update dmbox.outbox set next_at = now()"), RC_OK);
	upkeep(f);
	rounds(f);
	assert_string_equal(state_of(f, id), "sent");
	rounds(f);	/* the next tick at the latest */
	assert_string_equal(state_of(f, next), "sent");
	dbt_is(f->db, "select external_id from dmbox.messages where body = 'DROP me'", "found-1");
	assert_int_equal(tiny_count(&f->t, "DROP me"), 1);
}

/* A list that names the conversation only: it is read in a second step, and the
 * next look-up begins with its own list again. */
static void
test_lookup_two_steps(void **state)
{
	struct fix *f = *state;
	int64_t id = put_main(f, "6501", "DROP me"), other = put_main(f, "6502", "DROP too");
	time_t now;
	struct tm tm;
	char at[40];

	rounds(f);
	now = time(NULL);	/* not before it was tried */
	gmtime_r(&now, &tm);
	strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S+0000", &tm);
	snprintf(f->t.look, sizeof f->t.look, "{\"data\":[{\"id\":\"c1\",\"updated_time\":\"%s\"}]}", at);
	snprintf(f->t.inside, sizeof f->t.inside, "{\"id\":\"c1\",\"messages\":{\"data\":["
	    "{\"id\":\"found-2\",\"created_time\":\"%s\",\"from\":{\"id\":\"17840000000000001\"},"
	    "\"to\":{\"data\":[{\"id\":\"6501\"}]},\"message\":\"DROP me\"}]}}", at);
	assert_int_equal(db_script(f->db, "update dmbox.outbox set next_at = now()"), RC_OK);
	upkeep(f);
	rounds(f);
	assert_string_equal(state_of(f, id), "sent");
	assert_string_equal(state_of(f, other), "unknown");
	assert_int_equal(f->t.gets, 4);
	dbt_is(f->db, "select external_id from dmbox.messages where body = 'DROP me'", "found-2");
	assert_int_equal(tiny_count(&f->t, "DROP"), 2);
}

/* Fifty of them, their echoes by the real path: each once, each settled. */
static void
test_drop_many_echoes(void **state)
{
	struct fix *f = *state;
	struct delivery d;
	char to[16], body[24], mid[24];

	for (int i = 0; i < 50; i++) {
		snprintf(to, sizeof to, "65%02d", i);
		snprintf(body, sizeof body, "DROP %d.", i);
		put_main(f, to, body);
	}
	rounds(f);	/* a broken line opens no breaker where the outcome can be learnt */
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.outbox where state = 'unknown'"), 50);
	assert_int_equal(f->t.n, 50);
	dbt_delivery(&d);
	for (int i = 0; i < 50; i++) {
		struct item *it;

		snprintf(to, sizeof to, "65%02d", i);
		snprintf(body, sizeof body, "DROP %d.", i);
		snprintf(mid, sizeof mid, "echo-%d", i);
		it = dbt_message(&d, to, mid, body, clock_now_us());
		it->dir = DIR_OUT;
		it->echo = true;
	}
	dbt_store(f->db, &d);
	delivery_free(&d);
	upkeep(f);
	rounds(f);
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.outbox where state = 'sent'"), 50);
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.messages"), 50);
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.messages where external_id like 'echo-%'"
	    " and source = 'send' and status = 'sent'"), 50);
	assert_int_equal(f->t.n, 50);
	assert_int_equal(dbt_i64(f->db, "select coalesce(sum(missing), 0)::bigint from dmbox.ingest_balance"), 0);
}

/* An account that cannot be reached, one that is a mock: the others do not care. */
static void
test_accounts(void **state)
{
	struct fix *f = *state;
	int64_t down = 0, mock, fine;

	for (int i = 0; i < 8; i++) {
		char to[16];

		snprintf(to, sizeof to, "66%d", i);
		down = put(f, "down", &provider_graph, to, "x");
	}
	mock = put(f, "fake", NULL, "6501", "x");
	fine = put_main(f, "6501", "x");
	put(f, "nobody", &provider_graph, "6501", "an account that is gone");
	rounds(f);
	assert_string_equal(state_of(f, mock), "sent");
	assert_string_equal(state_of(f, fine), "sent");
	assert_string_equal(state_of(f, down), "queued");
	/* its breaker opened: the rest was not even tried */
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.send_attempts where account = 'down'"),
	    OUTBOX_BREAKER);
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.outbox where state = 'leased'"), 0);
}

/* Stopped or cut: what was not started goes back, what was is unknown. */
static void
test_stop(void **state)
{
	struct fix *f = *state;
	int64_t id = put_main(f, "6501", "x");

	task_stop(f->d);
	assert_int_equal(task_start(f->d, &(const struct task_env){ .db = f->db, .conf = f->conf }), 0);
	assert_string_equal(state_of(f, id), "queued");
	assert_int_equal(f->t.n, 0);
}

/* A claimed message whose attempt cannot begin (the database went away in between, or the lease
 * is another's), and then nothing to claim: it is left alone, and goes out when its lease is over. */
static void
test_cannot_begin(void **state)
{
	struct fix *f = *state;
	int64_t id = put(f, "fake", NULL, "6501", "x");

	assert_int_equal(db_script(f->db, "alter function dmbox.outbox_begin(bigint, uuid) rename to begin_kept;"
	    "create function dmbox.outbox_begin(bigint, uuid) returns boolean language sql as 'select false'"),
	    RC_OK);
	rounds(f);
	assert_int_equal(db_script(f->db, "drop function dmbox.outbox_begin(bigint, uuid);"
	    "alter function dmbox.begin_kept(bigint, uuid) rename to outbox_begin"), RC_OK);
	assert_string_equal(state_of(f, id), "leased");
	assert_int_equal(db_script(f->db, "update dmbox.outbox set lease_until = now() - interval '1 second'"), RC_OK);
	upkeep(f);
	rounds(f);
	assert_string_equal(state_of(f, id), "sent");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_in_order), T(test_retry_refuse), T(test_drop), T(test_lookup_finds), T(test_lookup_two_steps),
		T(test_drop_many_echoes), T(test_accounts), T(test_stop), T(test_cannot_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

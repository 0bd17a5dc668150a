/* A database whose schema is older than the program, or not there: as good as away,
 * found out once a connection, and used again once it was migrated. */
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/ctx.h"
#include "dbtest.h"
#include "bridge/ingest.h"
#include "base/log.h"
#include "bridge/spool.h"

static struct db *db;
static char dir[] = "/tmp/dmbox-schema.XXXXXX";
static char path[100];
static unsigned int asked;

static void
run(const char *sql)
{
	assert_int_equal(db_script(db, sql), RC_OK);
}

static enum rc
counting(struct db *d)
{
	asked++;
	return store_schema_check(d);
}

static void
test_once(void **state)
{
	const struct db_stmt one = { NULL, "select 1" };
	struct db *d = db_new(&(struct db_opts){ .conninfo = getenv("DMBOX_TEST_DB"), .on_connect = counting });

	(void)state;
	asked = 0;
	for (int i = 0; i < 5; i++)
		assert_int_equal(db_exec(d, &one, NULL, NULL), RC_OK);
	assert_int_equal(asked, 1);
	assert_int_equal(db_round_trips(d), 6);
	db_close(d);
	assert_int_equal(db_exec(d, &one, NULL, NULL), RC_OK);
	assert_int_equal(asked, 2);
	db_free(d);
}

/* Older, then migrated under the eyes of a program that runs. */
static void
away_and_back(const char *break_it, const char *mend_it)
{
	struct ctx *ctx = ctx_new("test", CONF_WEB, CTX_DB_WEB, 2);
	const struct db_stmt look = { NULL, "select 1" };
	struct conf *conf = NULL;
	struct delivery d, *v = &d;
	int64_t until;
	struct db *h;

	assert_int_equal(ctx_conf(ctx, path, NULL, &conf), RC_OK);
	run(break_it);
	h = ctx_db(ctx, conf, 0);
	assert_int_equal(db_exec(h, &look, NULL, NULL), RC_TEMP);
	assert_int_equal(db_fault(h), DB_FAULT_SCHEMA);
	assert_false(db_connected(h));
	/* the other thread does not even ask, and learns why */
	assert_int_equal(db_exec(ctx_db(ctx, conf, 1), &look, NULL, NULL), RC_TEMP);
	assert_int_equal(db_fault(ctx_db(ctx, conf, 1)), DB_FAULT_SCHEMA);
	/* what comes in goes to the spool */
	delivery_init(&d);
	d.account = "main";
	d.body = "{}";
	d.body_n = 2;
	assert_int_equal(ingest(h, ctx_spool(ctx, conf), &v, 1), RC_OK);
	assert_int_equal(d.rc, RC_DUP);
	delivery_free(&d);
	run(mend_it);
	until = clock_mono_ms() + 120000;
	while (db_exec(h, &look, NULL, NULL) != RC_OK && clock_mono_ms() < until)
		clock_sleep_ms(100);
	assert_int_equal(db_exec(h, &look, NULL, NULL), RC_OK);
	conf_drop(conf);
	ctx_free(ctx);
}

static void
test_older(void **state)
{
	(void)state;
	away_and_back("create table public.kept as select * from dmbox.schema_version;"
	    "delete from dmbox.schema_version where version > 3",
	    "insert into dmbox.schema_version select * from public.kept where version > 3;"
	    "drop table public.kept");
}

static void
test_absent(void **state)
{
	(void)state;
	away_and_back("alter schema dmbox rename to elsewhere", "alter schema elsewhere rename to dmbox");
}

static int
setup(void **state)
{
	FILE *f;

	(void)state;
	unsetenv("DMBOX_CONFIG");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/dmbox.env", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "DATABASE_URL=\"%s\"\nDMBOX_LOG_FILE=%s/log\nDMBOX_SPOOL_DIR=%s/spool\n",
	    getenv("DMBOX_TEST_DB"), dir, dir);
	fclose(f);
	return chmod(path, 0600);
}

static int
teardown(void **state)
{
	char cmd[120];

	(void)state;
	log_close();
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	return system(cmd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_once), cmocka_unit_test(test_older),
		cmocka_unit_test(test_absent) };
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, setup, teardown);
	db_free(db);
	return failed;
}

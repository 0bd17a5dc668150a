/* A reported commit is on the disk: synchronous_commit is on in each of our transactions,
 * whatever a hoster set, also behind a pooler that keeps our options back.  Nor does a
 * hoster's "serializable" end one of two deliveries. */
#include "dbtest.h"
#include "base/str.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct db *db;

static void
is_on(struct db *d)
{
	dbt_is(d, "select current_setting('synchronous_commit')", "on");
	dbt_is(d, "select current_setting('transaction_isolation')", "read committed");
	assert_int_equal(db_begin(d), RC_OK);
	dbt_is(d, "select current_setting('synchronous_commit')", "on");
	dbt_is(d, "select current_setting('transaction_isolation')", "read committed");
	assert_int_equal(db_commit(d), RC_OK);
	assert_int_equal(db_exec(d, &(struct db_stmt){ "t_cast", "select 'x'::text::int" }, NULL, NULL),
	    RC_INVALID);	/* an error is still its own */
	assert_string_equal(db_sqlstate(d), "22P02");
	dbt_is(d, "select current_setting('synchronous_commit')", "on");
}

static void
hoster_sets(const char *name, const char *value)
{
	char sql[300];

	snprintf(sql, sizeof sql, "do $$ begin execute format('alter database %%I set %s = %s',"
	    " current_database()); end $$", name, value);
	assert_int_equal(db_script(db, sql), RC_OK);
}

static void
test_hoster(void **state)
{
	static const char *const values[] = { "off", "on" };
	char options[1024];
	uint64_t trips;
	struct db *d;

	(void)state;
	snprintf(options, sizeof options, "%s options='-c synchronous_commit=off'", getenv("DMBOX_TEST_DB"));
	for (size_t i = 0; i < 2; i++) {
		hoster_sets("synchronous_commit", values[i]);
		d = db_new(&(struct db_opts){ .conninfo = getenv("DMBOX_TEST_DB"), .app = "t", .connect_s = 20 });
		is_on(d);
		/* by the connection, which costs nothing: one round trip a statement */
		trips = db_round_trips(d);
		dbt_is(d, "select current_setting('synchronous_commit')", "on");
		assert_int_equal(db_round_trips(d) - trips, 1);
		db_free(d);
		d = db_new(&(struct db_opts){ .conninfo = options, .app = "t", .connect_s = 20 });
		is_on(d);
		db_free(d);
	}
}

static void
test_isolation(void **state)
{
	static const char ask[] = "select current_setting('transaction_isolation')";
	char options[1024];
	struct db *d;

	(void)state;
	snprintf(options, sizeof options, "%s options='-c default_transaction_isolation=serializable'",
	    getenv("DMBOX_TEST_DB"));
	hoster_sets("default_transaction_isolation", "serializable");
	for (int i = 0; i < 2; i++) {
		d = db_new(&(struct db_opts){ .conninfo = i == 0 ? getenv("DMBOX_TEST_DB") : options,
		    .app = "t", .connect_s = 20 });
		dbt_is(d, ask, "read committed");
		assert_int_equal(db_begin(d), RC_OK);
		dbt_is(d, ask, "read committed");
		assert_int_equal(db_commit(d), RC_OK);
		db_free(d);
	}
	hoster_sets("default_transaction_isolation", "default");
}

/* PgBouncer in transaction mode; ignore: it drops our options without a word.  On a socket
 * in a folder of its own: a port could be another test's by the time it listens. */
static void
behind_pooler(bool ignore)
{
	char dir[] = "/tmp/dmbox-pool.XXXXXX", ini[64], ci[200];
	int status;
	struct db *d;
	pid_t pid;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0777), 0);
	snprintf(ini, sizeof ini, "%s/pgb.ini", dir);
	f = fopen(ini, "w");
	assert_non_null(f);
	fprintf(f, "[databases]\nt = %s\n[pgbouncer]\nlisten_port = 6432\nunix_socket_dir = %s\n"
	    "auth_type = any\npool_mode = transaction\n%s", getenv("DMBOX_TEST_DB"), dir,
	    ignore ? "ignore_startup_parameters = options\n" : "");
	fclose(f);
	pid = fork();
	if (pid == 0) {
		if (getuid() == 0)
			execlp("pgbouncer", "pgbouncer", "-q", "-u", "nobody", ini, (char *)NULL);
		else
			execlp("pgbouncer", "pgbouncer", "-q", ini, (char *)NULL);
		_exit(127);
	}
	snprintf(ci, sizeof ci, "host=%s port=6432 dbname=t user=x", dir);
	d = db_new(&(struct db_opts){ .conninfo = ci, .app = "t", .connect_s = 20 });
	for (int i = 0; i < 1200 && db_ready(d) != RC_OK; i++)
		clock_sleep_ms(50);
	is_on(d);
	db_free(d);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(ini);
	rmdir(dir);
}

static void
test_pooler(void **state)
{
	(void)state;
	if (system("command -v pgbouncer >/dev/null") != 0) {
		print_message("ok pooler # SKIP the package pgbouncer is missing (make deps)\n");
		return;
	}
	for (int i = 0; i < 3; i++) {
		hoster_sets("synchronous_commit", i != 1 ? "off" : "on");
		hoster_sets("default_transaction_isolation", i != 0 ? "serializable" : "default");
		behind_pooler(false);
		behind_pooler(true);
	}
	hoster_sets("synchronous_commit", "on");
	hoster_sets("default_transaction_isolation", "default");
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_hoster),
		cmocka_unit_test(test_isolation), cmocka_unit_test(test_pooler) };
	int rc;

	db = dbt_open();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return rc;
}

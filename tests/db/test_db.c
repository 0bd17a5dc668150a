/* libpq: types there and back, faults, lines that break, servers that hang. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dbtest.h"
#include "base/str.h"

static struct db *db;

#define SQL(s) (&(struct db_stmt){ NULL, (s) })

static void
test_types(void **state)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	const char *uid = "0f8fad5b-d9cb-469f-a165-70867728950e";
	char big[5000];
	size_t n;

	(void)state;
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	db_bool(&a, true);
	db_i32(&a, -5);
	db_i64(&a, INT64_MIN);
	db_text(&a, "Привет 😀");
	db_bytea(&a, "a\0b", 3);
	db_time(&a, INT64_C(1763000000123456));
	db_jsonb(&a, "{\"k\": [1, \"\\u041f\"]}");
	db_uuid(&a, uid);
	db_text(&a, NULL);
	db_text(&a, big);
	assert_int_equal(db_exec(db, &(struct db_stmt){ "t_types",
	    "select $1::bool, $2::int, $3::bigint, $4::text, $5::bytea, $6::timestamptz, $7::jsonb, $8::uuid,"
	    " $9::text, $10::text, 7::smallint, sum(x) from unnest(array[123456789012, -1000000000000]::bigint[]) x" },
	    &a, &r), RC_OK);
	assert_int_equal(db_rows(r), 1);
	assert_true(db_get_bool(r, 0, 0));
	assert_int_equal(db_get_i64(r, 0, 1), -5);
	assert_true(db_get_i64(r, 0, 2) == INT64_MIN);
	assert_string_equal(db_get_text(r, 0, 3), "Привет 😀");
	assert_memory_equal(db_get_bytes(r, 0, 4, &n), "a\0b", 3);
	assert_int_equal(n, 3);
	assert_true(db_get_time(r, 0, 5) == INT64_C(1763000000123456));
	assert_string_equal(db_get_text(r, 0, 6), "{\"k\": [1, \"П\"]}");
	assert_string_equal(db_get_text(r, 0, 7), uid);
	assert_true(db_is_null(r, 0, 8));
	assert_null(db_get_text(r, 0, 8));
	assert_string_equal(db_get_text(r, 0, 9), big);
	assert_int_equal(db_get_i64(r, 0, 10), 7);
	assert_true(db_get_i64(r, 0, 11) == INT64_C(-876543210988));
	db_res_free(r);
	db_args_free(&a);
}

static void
test_arrays(void **state)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;

	(void)state;
	db_array(&a, DB_TEXT);
	db_text(&a, "one");
	db_null(&a, DB_TEXT);
	db_text(&a, "");
	db_array_end(&a);
	db_array(&a, DB_I64);
	db_array_end(&a);
	db_array(&a, DB_TIME);
	for (int i = 0; i < 1000; i++)
		db_time(&a, T0 + i * SECOND);
	db_array_end(&a);
	db_array(&a, DB_UUID);
	db_uuid(&a, "0f8fad5b-d9cb-469f-a165-70867728950e");
	db_uuid(&a, "not a uuid");
	db_array_end(&a);
	assert_int_equal(db_exec(db, SQL("select array_to_string($1::text[], ',', 'null'), cardinality($2::bigint[]),"
	    " ($3::timestamptz[])[1000] - ($3::timestamptz[])[1] = interval '999 s', ($4::uuid[])[2] is null"),
	    &a, &r), RC_OK);
	assert_string_equal(db_get_text(r, 0, 0), "one,null,");
	assert_int_equal(db_get_i64(r, 0, 1), 0);
	assert_true(db_get_bool(r, 0, 2));
	assert_true(db_get_bool(r, 0, 3));
	db_res_free(r);
	db_args_free(&a);
}

static void
check(const char *sql, enum rc rc, enum db_fault fault, const char *sqlstate)
{
	assert_int_equal(db_exec(db, SQL(sql), NULL, NULL), rc);
	assert_int_equal(db_fault(db), fault);
	assert_string_equal(db_sqlstate(db), sqlstate);
}

static void
test_faults(void **state)
{
	(void)state;
	assert_int_equal(db_script(db, "create table if not exists t_u (a int unique); delete from t_u;"
	    " insert into t_u values (1)"), RC_OK);
	check("insert into t_u values (1)", RC_DUP, DB_FAULT_UNIQUE, "23505");
	check("select 1/0", RC_INVALID, DB_FAULT_DATA, "22012");
	check("select * from nowhere", RC_TEMP, DB_FAULT_SCHEMA, "42P01");
	check("selec", RC_BUG, DB_FAULT_OTHER, "42601");
	check("do $$ begin raise sqlstate '40001'; end $$", RC_TEMP, DB_FAULT_CONFLICT, "40001");
	check("do $$ begin raise sqlstate '53200'; end $$", RC_TEMP, DB_FAULT_AWAY, "53200");
	check("select 1", RC_OK, DB_FAULT_NONE, "");
	assert_int_equal(db_script(db, "select 1; select 1/0; create table t_never (a int)"), RC_INVALID);
	check("select * from t_never", RC_TEMP, DB_FAULT_SCHEMA, "42P01");
}

static void
test_transaction(void **state)
{
	(void)state;
	assert_int_equal(db_begin(db), RC_OK);
	assert_int_equal(db_exec(db, &(struct db_stmt){ "t_ins", "insert into t_u values (7)" }, NULL, NULL), RC_OK);
	db_rollback(db);
	assert_int_equal(dbt_i64(db, "select count(*) from t_u where a = 7"), 0);
	assert_int_equal(db_begin(db), RC_OK);
	/* the statement was prepared inside a transaction that was undone: still there */
	assert_int_equal(db_exec(db, &(struct db_stmt){ "t_ins", "insert into t_u values (7)" }, NULL, NULL), RC_OK);
	assert_int_equal(db_commit(db), RC_OK);
	assert_int_equal(db_begin(db), RC_OK);
	assert_int_equal(db_exec(db, &(struct db_stmt){ "t_ins", "insert into t_u values (7)" }, NULL, NULL), RC_DUP);
	assert_int_equal(db_commit(db), RC_BUG);	/* of a failed transaction */
	assert_int_equal(dbt_i64(db, "select count(*) from t_u where a = 7"), 1);
	db_rollback(db);
}

static void
test_lost_statements(void **state)
{
	struct db *d = dbt_open();
	struct db_stmt s = { "t_seven", "select 7" };

	(void)state;
	assert_int_equal(db_exec(d, &s, NULL, NULL), RC_OK);
	assert_int_equal(db_exec(d, SQL("deallocate all"), NULL, NULL), RC_OK);	/* as a pooler would */
	assert_int_equal(db_exec(d, &s, NULL, NULL), RC_OK);
	assert_int_equal(db_exec(d, &s, NULL, NULL), RC_OK);
	db_free(d);
}

static void
end_backend(int64_t pid)
{
	char sql[100];

	snprintf(sql, sizeof sql, "select pg_terminate_backend(%lld)::int", (long long)pid);
	assert_int_equal(dbt_i64(db, sql), 1);
	snprintf(sql, sizeof sql, "select count(*) from pg_stat_activity where pid = %lld", (long long)pid);
	while (dbt_i64(db, sql) > 0)
		clock_sleep_ms(10);
}

static void
test_idle_line_cut(void **state)
{
	struct db *d = dbt_open();

	(void)state;
	end_backend(dbt_i64(d, "select pg_backend_pid()"));
	assert_int_equal(dbt_i64(d, "select 1"), 1);	/* noticed before it is used */
	assert_int_equal(db_begin(d), RC_OK);
	end_backend(dbt_i64(d, "select pg_backend_pid()"));
	assert_int_equal(db_exec(d, SQL("select 1"), NULL, NULL), RC_TEMP);
	assert_int_equal(db_exec(d, SQL("select 1"), NULL, NULL), RC_TEMP);	/* not outside of it */
	assert_int_equal(db_fault(d), DB_FAULT_AWAY);
	assert_int_equal(db_commit(d), RC_TEMP);
	assert_int_equal(dbt_i64(d, "select 1"), 1);
	db_free(d);
}

static void
test_hung_server(void **state)
{
	struct db *d = db_new(&(struct db_opts){ .conninfo = getenv("DMBOX_TEST_DB"), .statement_ms = 4000 });
	int64_t pid = dbt_i64(d, "select pg_backend_pid()");

	(void)state;
	/* slow: the server gives up by itself, a fifth of the time before we do */
	assert_int_equal(db_exec(d, SQL("select pg_sleep(60)"), NULL, NULL), RC_TEMP);
	assert_int_equal(db_fault(d), DB_FAULT_AWAY);
	assert_string_equal(db_sqlstate(d), "57014");
	assert_true(db_connected(d));
	if (kill((pid_t)pid, SIGSTOP) != 0) {
		db_free(d);
		print_message("# SKIP the postmaster is another user's process\n");
		skip();
	}
	/* dead: we do */
	assert_int_equal(db_exec(d, SQL("select 1"), NULL, NULL), RC_TEMP);
	kill((pid_t)pid, SIGCONT);
	assert_int_equal(db_fault(d), DB_FAULT_AWAY);
	assert_false(db_connected(d));
	assert_int_equal(dbt_i64(d, "select 1"), 1);
	db_free(d);
}

/* A server that lets in and says nothing. */
static int
silent_server(char dir[64])
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(dir, 64, "/tmp/dbtestXXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s/.s.PGSQL.5432", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, 20), 0);
	return fd;
}

static int
waiting(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = 0, c;

	while (poll(&p, 1, 0) > 0 && (c = accept(fd, NULL, NULL)) >= 0) {
		close(c);
		n++;
	}
	return n;
}

static void
test_breaker(void **state)
{
	char dir[64], ci[200], path[100];
	int fd = silent_server(dir), asked = 0;
	struct db_breaker *b = db_breaker_new();
	struct db *d, *e;

	(void)state;
	snprintf(ci, sizeof ci, "host=%s dbname=x user=u password=hunter2secret", dir);
	d = db_new(&(struct db_opts){ .conninfo = ci, .connect_s = 1, .breaker = b });
	e = db_new(&(struct db_opts){ .conninfo = ci, .connect_s = 1, .breaker = b });
	assert_int_equal(db_ready(d), RC_TEMP);
	assert_int_equal(waiting(fd), 1);
	/* the other handle and this one fail without asking */
	assert_int_equal(db_ready(e), RC_TEMP);
	assert_int_equal(db_ready(d), RC_TEMP);
	assert_int_equal(db_fault(e), DB_FAULT_AWAY);
	assert_int_equal(waiting(fd), 0);
	/* after three times what the first try took, a server that hangs, one asks again */
	for (int i = 0; i < 600 && asked == 0; i++) {
		clock_sleep_ms(100);
		assert_int_equal(db_ready(e), RC_TEMP);
		asked = waiting(fd);
	}
	assert_int_equal(asked, 1);
	db_free(d);
	db_free(e);
	db_breaker_free(b);
	close(fd);
	snprintf(path, sizeof path, "%s/.s.PGSQL.5432", dir);
	unlink(path);
	rmdir(dir);
}

static void
test_errors_hide_passwords(void **state)
{
	static const char *const bad[] = { "host=/nonexistent password=hunter2secret user=hunter2secret dbname=x",
	    "postgres://u:hunter2secret@[::bad/x", "hunter2secret", "" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct db *d = db_new(&(struct db_opts){ .conninfo = bad[i], .connect_s = 1 });

		assert_int_equal(db_exec(d, SQL("select 1"), NULL, NULL), RC_TEMP);
		assert_null(strstr(db_error(d), "hunter2secret"));
		assert_string_not_equal(db_error(d), "");
		db_free(d);
	}
}

static int in_between;
static bool was_connected;

static void
meanwhile(void *arg)
{
	in_between++;
	was_connected = db_connected(arg);
}

/* What is to be done while an answer is waited for is done once: when the statement is
 * on its way, or before a connection is made, whose time nobody knows. */
static void
test_meanwhile(void **state)
{
	struct db *away = db_new(&(struct db_opts){ .conninfo = "host=/nonexistent dbname=x" });

	(void)state;
	db_meanwhile(db, meanwhile, db);
	assert_int_equal(db_exec(db, SQL("select 1"), NULL, NULL), RC_OK);
	assert_int_equal(in_between, 1);
	assert_true(was_connected);
	assert_int_equal(db_exec(db, SQL("select 1"), NULL, NULL), RC_OK);
	assert_int_equal(in_between, 1);

	db_close(db);
	db_meanwhile(db, meanwhile, db);
	assert_int_equal(db_exec(db, SQL("select 1"), NULL, NULL), RC_OK);
	assert_int_equal(in_between, 2);
	assert_false(was_connected);

	db_meanwhile(away, meanwhile, away);
	assert_int_equal(db_exec(away, SQL("select 1"), NULL, NULL), RC_TEMP);
	assert_int_equal(in_between, 3);
	db_meanwhile(away, meanwhile, away);
	db_meanwhile(away, NULL, NULL);
	assert_int_equal(db_exec(away, SQL("select 1"), NULL, NULL), RC_TEMP);
	assert_int_equal(in_between, 3);
	db_free(away);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_transaction),
		cmocka_unit_test(test_lost_statements),
		cmocka_unit_test(test_idle_line_cut),
		cmocka_unit_test(test_hung_server),
		cmocka_unit_test(test_breaker),
		cmocka_unit_test(test_errors_hide_passwords),
		cmocka_unit_test(test_meanwhile),
	};
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/dburl.h"
#include "base/mem.h"

static void
made(const char *in, const char *out)
{
	char why[160], *s = NULL;

	assert_int_equal(dburl_make(in, &s, why), RC_OK);
	assert_string_equal(s, out);
	mem_free_secret(s);
}

static void
test_tls(void **state)
{
	static const char *const local[] = { "postgresql:///dmbox", "postgresql://localhost/d",
		"postgres://u:p@127.0.0.1:5432/d", "postgresql://[::1]:5432/d",
		"postgresql://%2Ftmp%2Fs/d", "postgresql:///d?host=/tmp/s", "dbname=d",
		"host=/tmp/s dbname=d", "host=localhost", "host='127.0.0.1' user=u", "host=::1",
		"host=@abstract", "service=x host=db.example.org",
		"postgresql://db.example.org/d?sslmode=disable",
		"host=db.example.org sslmode=verify-full", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		made(local[i], local[i]);
	made("postgresql://u:p@db.example.org:5432/d",
	    "postgresql://u:p@db.example.org:5432/d?sslmode=require");
	made("postgresql://db.example.org?connect_timeout=3",
	    "postgresql://db.example.org?connect_timeout=3&sslmode=require");
	made("postgresql://localhost,db2.example.org/d",
	    "postgresql://localhost,db2.example.org/d?sslmode=require");
	made("postgresql:///d?host=db.example.org", "postgresql:///d?host=db.example.org&sslmode=require");
	made("postgresql://[2001:db8::1]/d", "postgresql://[2001:db8::1]/d?sslmode=require");
	made("host=10.0.0.5 dbname=d", "host=10.0.0.5 dbname=d sslmode=require");
	made("hostaddr = '10.0.0.5'", "hostaddr = '10.0.0.5' sslmode=require");
	made("postgresql://u:a?b@db.example.org/d", "postgresql://u:a?b@db.example.org/d?sslmode=require");
	made("postgresql://db.example.org/d?ssl=true", "postgresql://db.example.org/d?ssl=true");
	made("host=localhost hostaddr=10.0.0.5", "host=localhost hostaddr=10.0.0.5 sslmode=require");
	made("postgresql://%64b.example.org/d", "postgresql://%64b.example.org/d?sslmode=require");
	made("host=127.0.0.1.example.org", "host=127.0.0.1.example.org sslmode=require");
	setenv("PGSSLMODE", "prefer", 1);
	made("host=10.0.0.5", "host=10.0.0.5");
	unsetenv("PGSSLMODE");
	setenv("PGHOST", "db.example.org", 1);
	made("dbname=d", "dbname=d sslmode=require");
	made("host=/tmp/s dbname=d", "host=/tmp/s dbname=d");
	unsetenv("PGHOST");
}

static void
test_prisma(void **state)
{
	char why[160], *s;

	(void)state;
	assert_int_equal(dburl_make("postgresql://u@localhost/d?schema=public&application_name=b&pgbouncer=true", &s, why), RC_OK);
	assert_string_equal(s, "postgresql://u@localhost/d?application_name=b");
	assert_non_null(strstr(why, "pgbouncer"));
	mem_free_secret(s);
	made("postgresql://u@h.example.org/d?schema=public", "postgresql://u@h.example.org/d?sslmode=require");
}

/* What people paste from the settings of another program. */
static void
test_other_drivers(void **state)
{
	static const char *const left_out[] = { "uselibpqcompat=true", "supa=base-pooler.x", "pool_max_conns=10",
		"currentSchema=public", "encoding=utf8", "conn_max_age=600", "prepared_statements=false",
		"statement_cache_capacity=0", "max=10", "reWriteBatchedInserts=true", "sslaccept=strict" },
		*const kept[] = { "sslmode=verify-full", "application_name=b", "connect_timeout=5",
			"options=-csearch_path%3Dx", "target_session_attrs=any", "channel_binding=prefer" },
		*const refused[] = { "sslmod=require", "sslnegotiatio=direct", "require_au=none", "targetsession=any" },
		*const tls[][2] = { { "sslmode=no-verify", "require" }, { "ssl=1", "require" },
			{ "ssl=no-verify", "require" }, { "ssl=require", "require" },
			{ "ssl=false", "disable" }, { "ssl=0", "disable" } };
	char why[160], url[200], want[200], *s;

	(void)state;
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
		snprintf(url, sizeof url, "postgresql://u@localhost/d?%s&user=x", left_out[i]);
		assert_int_equal(dburl_make(url, &s, why), RC_OK);
		assert_string_equal(s, "postgresql://u@localhost/d?user=x");
		assert_true(strncmp(why + strlen("parameter "), left_out[i], strcspn(left_out[i], "=")) == 0);
		mem_free_secret(s);
	}
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		snprintf(url, sizeof url, "postgresql://u@localhost/d?%s", kept[i]);
		made(url, url);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		snprintf(url, sizeof url, "postgresql://u@localhost/d?%s", refused[i]);
		assert_int_equal(dburl_make(url, &s, why), RC_INVALID);
	}
	for (size_t i = 0; i < sizeof(tls) / sizeof(tls[0]); i++) {
		snprintf(url, sizeof url, "postgresql://u@db.example.org/d?%s&application_name=b", tls[i][0]);
		snprintf(want, sizeof want, "postgresql://u@db.example.org/d?sslmode=%s&application_name=b", tls[i][1]);
		made(url, want);
	}
	made("postgresql://u@db.example.org/d?sslmode=verify-full&ssl=1&application_name=b",
	    "postgresql://u@db.example.org/d?sslmode=verify-full&application_name=b");
	made("postgresql://u@db.example.org/d?ssl=0&sslmode=verify-full", "postgresql://u@db.example.org/d?sslmode=verify-full");
}

static void
test_no_database(void **state)
{
	static const char *const none[] = { "postgresql://u@localhost", "postgresql://u@localhost/",
		"postgresql://u@localhost/?application_name=b", "host=localhost user=u" },
		*const some[] = { "postgresql://u@localhost/d", "postgresql://u@localhost/?dbname=d", "dbname=d", "service=x" };
	char why[160], *s;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(dburl_make(none[i], &s, why), RC_OK);
		assert_non_null(strstr(why, "names no database"));
		mem_free_secret(s);
	}
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		assert_int_equal(dburl_make(some[i], &s, why), RC_OK);
		assert_string_equal(why, "");
		mem_free_secret(s);
	}
	setenv("PGDATABASE", "d", 1);
	assert_int_equal(dburl_make(none[0], &s, why), RC_OK);
	assert_string_equal(why, "");
	mem_free_secret(s);
	unsetenv("PGDATABASE");
}

static void
test_wrong(void **state)
{
	static const char *const bad[] = { "mysql://h/d", "http://x", "just words", "host=",
		"host='x", "=x", "host",
		"postgresql://h/d?sslmod=require", "hots=h", "postgresql://h:1%zz/d" };
	char why[160], *s = NULL, *big = mem_alloc(9000);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (i == 3)
			continue;	/* an empty value is legal */
		assert_int_equal(dburl_make(bad[i], &s, why), RC_INVALID);
		assert_true(*why != '\0');
	}
	/* a panel's password as it is: the way out is said */
	for (size_t i = 0; i < 2; i++) {
		static const char *const percent[] = { "postgresql://u:pa%ss@h/d", "postgres://u:p%@h/d" };

		assert_int_equal(dburl_make(percent[i], &s, why), RC_INVALID);
		assert_non_null(strstr(why, "%25"));
	}
	memset(big, 'x', 8999);
	memcpy(big, "host=", 5);
	assert_int_equal(dburl_make(big, &s, why), RC_INVALID);
	assert_null(s);
	mem_free_secret(big);
}

static void
test_parts(void **state)
{
	char *s = dburl_from_parts("h", "5432", "u ser", "p'a\\ss", NULL);

	(void)state;
	assert_string_equal(s, "host='h' port='5432' user='u ser' password='p\\'a\\\\ss'");
	mem_free_secret(s);
	s = dburl_from_parts(NULL, NULL, NULL, NULL, "");
	assert_string_equal(s, "");
	mem_free_secret(s);
}

static void
test_password(void **state)
{
	char *s = dburl_password("host=h password='p\\'a\\\\ss' user=u");

	(void)state;
	assert_string_equal(s, "p'a\\ss");
	mem_free_secret(s);
	s = dburl_password("postgresql://u:p%40w@h:1/d");
	assert_string_equal(s, "p@w");
	mem_free_secret(s);
	s = dburl_password_written("postgresql://u:p%40w@h:1/d");
	assert_string_equal(s, "p%40w");
	mem_free_secret(s);
	s = dburl_password_written("host=h password=a%40");
	assert_string_equal(s, "a%40");
	mem_free_secret(s);
	assert_null(dburl_password_written("postgresql://u@h/d:x"));
	s = dburl_password("postgresql://h/d?password=zz");
	assert_string_equal(s, "zz");
	mem_free_secret(s);
	assert_null(dburl_password("postgresql://h:1/d"));
	assert_null(dburl_password("host=h password='open"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_prisma),
		cmocka_unit_test(test_other_drivers),
		cmocka_unit_test(test_no_database),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

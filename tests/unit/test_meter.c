/* The shared counters: several processes at once, odd labels, full tables, bad files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/meter.h"

static char dir[] = "/tmp/dmbox-meter.XXXXXX";
static char path[64];

static char *
printed(struct meter *m)
{
	struct buf b;
	char *s;

	buf_init(&b, 8 << 20);
	meter_print(m, &b);
	assert_false(buf_err(&b));
	s = buf_take(&b);
	buf_free(&b);
	return s;
}

static void
has(struct meter *m, const char *line)
{
	char *s = printed(m);

	if (strstr(s, line) == NULL)
		fail_msg("no %s in:\n%s", line, s);
	free(s);
}

static int
fresh(void **state)
{
	struct meter *m = NULL;

	unlink(path);
	assert_int_equal(meter_open(dir, &m), RC_OK);
	*state = m;
	return 0;
}

static int
end(void **state)
{
	meter_close(*state);
	return 0;
}

static void
test_count(void **state)
{
	struct meter *m = *state, *other = NULL;
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	meter_add(m, METER_DELIVERIES, 2, (const char *const []){ "instagram", "main", "accepted", "ok" });
	meter_add(m, METER_DELIVERIES, 1, (const char *const []){ "instagram", "main", "accepted", "ok" });
	meter_add(m, METER_DELIVERIES, 0, (const char *const []){ "instagram", "none", "accepted", "ok" });
	has(m, "\ndmbox_deliveries_total{channel=\"instagram\",account=\"main\",verdict=\"accepted\",reason=\"ok\"} 3\n");
	/* the next process goes on */
	assert_int_equal(meter_open(dir, &other), RC_OK);
	meter_add(other, METER_DELIVERIES, 4, (const char *const []){ "instagram", "main", "accepted", "ok" });
	has(m, "reason=\"ok\"} 7\n");
	meter_close(other);
	has(m, "# TYPE dmbox_deliveries_total counter\n");
	/* labels that would break a line */
	meter_add(m, METER_NOT_KEPT, 1, (const char *const []){ "a\"b\\c\nd", NULL });
	has(m, "dmbox_refused_not_kept_total{channel=\"a\\\"b\\\\c\\nd\",account=\"\"} 1\n");
	/* nobody counts: nothing happens */
	meter_add(NULL, METER_POLLS, 1, (const char *const []){ "a", "b", "c" });
	meter_time(NULL, METER_HTTP, 1, (const char *const []){ "a", "b", "c" });
	meter_close(NULL);
}

static void
test_time(void **state)
{
	struct meter *m = *state;
	const char *const labels[] = { "webhook", "instagram", "200" };

	meter_time(m, METER_HTTP, 2500, labels);	/* a bound belongs to its bucket */
	meter_time(m, METER_HTTP, 2501, labels);
	meter_time(m, METER_HTTP, 7000000, labels);
	meter_time(m, METER_HTTP, 99000000, labels);
	meter_time(m, METER_HTTP, -5, labels);
	has(m, "_bucket{endpoint=\"webhook\",channel=\"instagram\",code=\"200\",le=\"0.0025\"} 2\n");
	has(m, "le=\"0.005\"} 3\n");
	has(m, "le=\"5\"} 3\n");
	has(m, "le=\"10\"} 4\n");
	has(m, "le=\"+Inf\"} 5\n");
	has(m, "_sum{endpoint=\"webhook\",channel=\"instagram\",code=\"200\"} 106.005001\n");
	has(m, "_count{endpoint=\"webhook\",channel=\"instagram\",code=\"200\"} 5\n");
}

static void
test_processes(void **state)
{
	enum { CHILDREN = 8, EACH = 20000, SERIES = 40 };
	struct meter *m = *state;
	char *s;
	uint64_t sum = 0;
	int status;

	for (int c = 0; c < CHILDREN; c++)
		if (fork() == 0) {
			struct meter *own = NULL;
			char n[16];

			if (meter_open(dir, &own) != RC_OK)
				_exit(1);
			for (int i = 0; i < EACH; i++) {
				snprintf(n, sizeof n, "a%d", i % SERIES);
				meter_add(own, METER_NOT_KEPT, 1, (const char *const []){ "instagram", n });
			}
			_exit(0);
		}
	for (int c = 0; c < CHILDREN; c++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	s = printed(m);
	for (char *p = s; (p = strstr(p, "dmbox_refused_not_kept_total{")) != NULL; p++)
		sum += strtoull(strchr(p, '}') + 1, NULL, 10);
	assert_int_equal(sum, CHILDREN * EACH);
	for (int i = 0; i < SERIES; i++) {	/* one line a series, whichever thread made its slot */
		char key[64], *first;

		snprintf(key, sizeof key, "account=\"a%d\"}", i);
		first = strstr(s, key);
		assert_non_null(first);
		assert_null(strstr(first + 1, key));
	}
	free(s);
}

static void
test_full(void **state)
{
	struct meter *m = *state;
	char n[200];

	for (int i = 0; i < 1200; i++) {
		snprintf(n, sizeof n, "account%d", i);
		meter_add(m, METER_NOT_KEPT, 1, (const char *const []){ "instagram", n });
	}
	has(m, "\ndmbox_uncounted_total 176\n");	/* 1200 - 1024 */
	memset(n, 'x', sizeof n - 1);
	n[sizeof n - 1] = '\0';
	meter_add(m, METER_NOT_KEPT, 1, (const char *const []){ "instagram", n });
	has(m, "\ndmbox_uncounted_total 177\n");
}

static void
test_bad_file(void **state)
{
	struct meter *m = NULL;
	FILE *f;

	(void)state;
	/* of another version, or cut: begun anew */
	assert_non_null(f = fopen(path, "w"));
	fputs("something else", f);
	fclose(f);
	assert_int_equal(meter_open(dir, &m), RC_OK);
	has(m, "dmbox_uncounted_total 0\n");
	meter_close(m);
	/* a link is not followed */
	unlink(path);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(meter_open(dir, &m), RC_TEMP);
	assert_int_equal(meter_open("/nonexistent", &m), RC_TEMP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_count, fresh, end),
		cmocka_unit_test_setup_teardown(test_time, fresh, end),
		cmocka_unit_test_setup_teardown(test_processes, fresh, end),
		cmocka_unit_test_setup_teardown(test_full, fresh, end),
		cmocka_unit_test(test_bad_file),
	};
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/metrics", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}

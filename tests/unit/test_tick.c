/* The tick file: what is made, for whom, and that looking makes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "bridge/tick.h"

static void
test_made(void **state)
{
	char dir[] = "/tmp/dmbox-tick-XXXXXX", folder[64], path[128], name[TICK_NAME];
	char again[TICK_NAME];
	int64_t us, later;
	struct stat st;
	mode_t old = umask(077);

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(folder, sizeof folder, "%s/tick", dir);
	assert_int_equal(tick_look(NULL, name, &us), RC_NONE);
	assert_int_equal(tick_look(folder, name, &us), RC_NONE);
	assert_int_equal(access(folder, F_OK), -1);
	assert_int_equal(tick_move(folder), RC_OK);
	/* the web server is another user: it enters and reads, whatever our umask is */
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0711);
	assert_int_equal(tick_look(folder, name, &us), RC_OK);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(tick_name(folder, again, &later), RC_OK);
	assert_string_equal(again, name);
	assert_true(later == us);
	/* a file that was taken away: looking leaves it so, naming makes it */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(tick_look(folder, again, &us), RC_NONE);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(tick_name(folder, again, &us), RC_OK);
	assert_int_equal(access(path, F_OK), 0);
	/* a name that is none */
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof path, "%s/.name", folder);
	assert_int_equal(truncate(path, 3), 0);
	assert_int_equal(tick_look(folder, name, &us), RC_TEMP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(rmdir(dir), 0);
	umask(old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_made) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

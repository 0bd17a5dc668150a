#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "store/people.h"

/* What a person may be called: nothing that looks like another's name, or like none. */
static void
test_names(void **state)
{
	static const char *const good[] = { "a", "anna", "Anna Petrowna", "O'Brien", "анна-мария",
		"a:b", "<b>x</b>", "علي", "👩‍🍳 Кухня", "山田" },
				 *const bad[] = { "", " ", "  ", " anna", "anna ", "an\nna",
					 "an\tna", "an\x7fna", "\x1b[1m", "an\xc2\x80na",
					 "an\xc2\xa0na", "an\xc2\xadna", "an\xd8\x9cna",
					 "anna\xe2\x80\x8b", "anna\xe2\x80\x8c",
					 "a\xe2\x80\xae"
					 "b",
					 "a\xe2\x81\xa0"
					 "b",
					 "\xe3\x80\x80",
					 "\xef\xbb\xbf"
					 "anna",
					 "an\xffna", "an\xe2\x80" };
	char longest[PEOPLE_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(people_name_ok(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(people_name_ok(bad[i]));
	assert_false(people_name_ok(NULL));
	memset(longest, 'x', sizeof longest);
	longest[PEOPLE_NAME_MAX + 1] = '\0';
	assert_false(people_name_ok(longest));
	longest[PEOPLE_NAME_MAX] = '\0';
	assert_true(people_name_ok(longest));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

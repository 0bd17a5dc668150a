#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"

static void
test_numbers(void **state)
{
	static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "12abc", "0x10", "1.0",
		"9223372036854775808", "-9223372036854775809", "99999999999999999999", "--1" };
	int64_t v = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(str_i64(bad[i], &v), RC_INVALID);
	assert_int_equal(str_i64(NULL, &v), RC_INVALID);
	assert_int_equal(v, 7);	/* untouched */
	assert_int_equal(str_i64("9223372036854775807", &v), RC_OK);
	assert_true(v == INT64_MAX);
	assert_int_equal(str_i64("-9223372036854775808", &v), RC_OK);
	assert_true(v == INT64_MIN);
	assert_int_equal(str_i64("007", &v), RC_OK);
	assert_int_equal(v, 7);
	assert_int_equal(str_n_i64("123abc", 3, &v), RC_OK);
	assert_int_equal(v, 123);
}

static void
test_compare(void **state)
{
	(void)state;
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq(NULL, ""));
	assert_true(str_ieq("X-Hub", "x-hUB"));
	assert_false(str_ieq("X-Hub", "x-hu"));
	assert_false(str_ieq("x-hu", "X-Hub"));
	assert_true(str_ieq("", ""));
	assert_false(str_ieq(NULL, ""));
	assert_true(str_starts("abc", "ab"));
	assert_false(str_starts("a", "ab"));
	assert_true(str_istarts("BEARER x", "Bearer "));
	assert_false(str_istarts("Be", "Bearer "));
	assert_true(str_ends("a.env", ".env"));
	assert_false(str_ends("env", ".env"));
	assert_true(str_charset("a-1_B", 1, 64, "-_"));
	assert_false(str_charset("a/b", 1, 64, "-_"));
	assert_false(str_charset("", 1, 64, ""));
	assert_false(str_charset("abc", 1, 2, ""));
	assert_false(str_charset(NULL, 0, 2, ""));
	assert_true(str_empty(NULL) && str_empty("") && !str_empty(" "));
}

static void
test_hex(void **state)
{
	unsigned char b[4] = { 1, 2, 3, 4 };
	char s[9];

	(void)state;
	assert_int_equal(str_unhex("00fFa9", 6, b), RC_OK);
	assert_memory_equal(b, "\x00\xff\xa9\x04", 4);
	assert_int_equal(str_unhex("0g", 2, b), RC_INVALID);
	assert_int_equal(str_unhex("012", 3, b), RC_INVALID);
	str_hex("\x00\xff\xa9", 3, s);
	assert_string_equal(s, "00ffa9");
}

static void
test_lists(void **state)
{
	struct strv v = { 0 };

	(void)state;
	strv_split(&v, " a, ,b b ,,c", ',');
	assert_int_equal(v.n, 3);
	assert_string_equal(v.v[0], "a");
	assert_string_equal(v.v[1], "b b");
	assert_string_equal(v.v[2], "c");
	strv_split(&v, "", ',');
	assert_int_equal(v.n, 3);
	strv_free(&v);
	assert_int_equal(v.n, 0);
	strv_free(&v);
}

static void
test_utf8(void **state)
{
	static const char *const bad[] = { "\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80",
		"\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
		"\xE2\x82", "a\xFF" };
	struct mem_arena a = { 0 };
	bool changed = false;
	const char *s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(str_utf8_ok(bad[i], strlen(bad[i])));
	s = "\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEE\x80\x80 \xD0\x9F\xF0\x9F\x93\xA8";
	assert_true(str_utf8_ok(s, strlen(s)));
	assert_string_equal(str_utf8_clean(&a, s, strlen(s), &changed), s);
	assert_false(changed);
	s = str_utf8_clean(&a, "a\0b\xFF\xE2\x82", 6, &changed);
	assert_true(changed);
	assert_string_equal(s, "a\xEF\xBF\xBD" "b\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
	mem_arena_free(&a);
}

static void
test_cut(void **state)
{
	const char *s = "a\xD0\x9F\xF0\x9F\x93\xA8z";	/* 1 + 2 + 4 + 1 bytes */

	(void)state;
	assert_int_equal(str_utf8_cut(s, 8, 8), 8);
	assert_int_equal(str_utf8_cut(s, 8, 100), 8);
	assert_int_equal(str_utf8_cut(s, 8, 7), 7);
	assert_int_equal(str_utf8_cut(s, 8, 6), 3);
	assert_int_equal(str_utf8_cut(s, 8, 4), 3);
	assert_int_equal(str_utf8_cut(s, 8, 3), 3);
	assert_int_equal(str_utf8_cut(s, 8, 2), 1);
	assert_int_equal(str_utf8_cut(s, 8, 0), 0);
	assert_int_equal(str_utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
	assert_int_equal(str_utf8_len(s, 8), 4);
	assert_int_equal(str_utf8_cut_chars(s, 8, 2), 3);
	assert_int_equal(str_utf8_cut_chars(s, 8, 3), 7);
	assert_int_equal(str_utf8_cut_chars(s, 8, 0), 0);
	assert_int_equal(str_utf8_cut_chars(s, 8, 9), 8);
}

static void
test_nearest(void **state)
{
	static const char *const v[] = { "INSTAGRAM_ACCESS_TOKEN", "INSTAGRAM_API_URL",
		"INSTAGRAM_PAGE_ID" };

	(void)state;
	assert_string_equal(str_nearest("INSTAGRAM_ACESS_TOKEN", v, 3), v[0]);
	assert_string_equal(str_nearest("instagram_api_uri", v, 3), v[1]);
	assert_null(str_nearest("X", v, 3));
	assert_null(str_nearest("JWT_SECRET", v, 3));
}

/* every byte at every place of three words and a rest */
static void
test_plain(void **state)
{
	char t[28];

	(void)state;
	memset(t, 'x', sizeof(t));
	assert_int_equal(str_plain(t, 0), 0);
	for (size_t n = 0; n <= sizeof(t); n++)
		assert_int_equal(str_plain(t, n), n);
	for (size_t n = 1; n <= sizeof(t); n++)
		for (size_t i = 0; i < n; i++)
			for (int c = 0; c < 256; c++) {
				t[i] = (char)c;
				assert_int_equal(str_plain(t, n), c >= 0x20 && c < 0x7F ? n : i);
				t[i] = 'x';
			}
	assert_int_equal(str_plain("\x1f\x80\x7f\xff\x1f\x80\x7f\xff", 8), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

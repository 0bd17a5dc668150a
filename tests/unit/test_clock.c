#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"

static void
test_iso(void **state)
{
	char s[CLOCK_ISO_MAX];

	(void)state;
	clock_iso(INT64_C(1731499200123456), s);
	assert_string_equal(s, "2024-11-13T12:00:00.123Z");
	clock_iso_us(INT64_C(1731499200123456), s);
	assert_string_equal(s, "2024-11-13T12:00:00.123456Z");
	clock_iso(0, s);
	assert_string_equal(s, "1970-01-01T00:00:00.000Z");
	clock_iso(-1, s);
	assert_string_equal(s, "1969-12-31T23:59:59.999Z");
	clock_iso(INT64_C(1709164800000000), s);
	assert_string_equal(s, "2024-02-29T00:00:00.000Z");
	clock_iso(INT64_MAX, s);
	assert_int_equal(strlen(s), 24);
}

static void
test_parse(void **state)
{
	static const struct {
		const char *in;
		int64_t us;
	} good[] = {
		{ "1731499200", INT64_C(1731499200000000) },
		{ "946684800000", INT64_C(946684800000000) },	/* 12 digits: milliseconds of 2000 */
		{ "4102444799", INT64_C(4102444799000000) },	/* seconds of 2099 */
		{ "2000-02-29T00:00:00Z", INT64_C(951782400000000) },	/* a leap year after all */
		{ "1731499200000", INT64_C(1731499200000000) },	/* earlier-system.md, fault 7 */
		{ "1731499200.25", INT64_C(1731499200250000) },
		{ "1731499200123.5", INT64_C(1731499200123500) },
		{ "2024-11-13T12:00:00Z", INT64_C(1731499200000000) },
		{ "2024-11-13T12:00:00.000Z", INT64_C(1731499200000000) },
		{ "2024-11-13 12:00:00", INT64_C(1731499200000000) },
		{ "2024-11-13T12:00", INT64_C(1731499200000000) },
		{ "2024-11-13T15:00:00+0300", INT64_C(1731499200000000) },
		{ "2024-11-13T15:00:00+03:00", INT64_C(1731499200000000) },
		{ "2024-11-13T09:30:00.5-02:30", INT64_C(1731499200500000) },
		{ "2024-11-13", INT64_C(1731456000000000) },	/* midnight UTC */
		{ "2000-01-01T00:00:00Z", INT64_C(946684800000000) },
		{ "1731499200123456", INT64_C(1731499200123456) },
		{ "1731499200123456789", INT64_C(1731499200123456) },
		{ "2024-11-13 15:00:00 +0300", INT64_C(1731499200000000) },
		{ "2024-11-13 12:00:00 UTC", INT64_C(1731499200000000) },
		{ "20241113T120000Z", INT64_C(1731499200000000) },
		{ "20241113T1500+0300", INT64_C(1731499200000000) },
		{ "20241113T120000.25", INT64_C(1731499200250000) },
		{ "2024-11-13T15:00:00 03:00", INT64_C(1731499200000000) },	/* a form's plus */
		{ "20241113T150000 0300", INT64_C(1731499200000000) },
		{ "Wed, 13 Nov 2024 15:00:00  0300", INT64_C(1731499200000000) },
		{ "2024-11-13T09:00:00\u221203:00", INT64_C(1731499200000000) },
		{ "2024-11-13T12:00:00Z[UTC]", INT64_C(1731499200000000) },
		{ "2024-11-13T15:00:00+03:00[Europe/Moscow]", INT64_C(1731499200000000) },
		{ "2024-11-13T09:00:00.000-03:00[America/Sao_Paulo]", INT64_C(1731499200000000) },
		{ "/Date(1731499200000)/", INT64_C(1731499200000000) },
		{ "/Date(1731499200000+0300)/", INT64_C(1731499200000000) },
		{ "Wed, 13 Nov 2024 12:00:00 GMT", INT64_C(1731499200000000) },
		{ "13 Nov 2024 15:00 +0300", INT64_C(1731499200000000) },
		{ "Wed, 13-Nov-2024 12:00:00 GMT", INT64_C(1731499200000000) },
		{ "Wed Nov 13 2024 15:00:00 GMT+0300 (Moscow Standard Time)", INT64_C(1731499200000000) },
	};
	static const char *const bad[] = { "", "abc", "12abc", "-1731499200", "0", "1", "1731499200.",
		"2024-13-01T00:00:00Z", "2100-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "2024-11-31", "2024-11-13T", "2024-11-13Z",
		"2024-11-1", "2024-11", "2024-11-13T25:00:00Z",
		"20241113", "20241113T", "2024-1113T120000Z", "202411-13T120000Z", "20241113T12:00:00Z", "20241113T12",
		"/Date()/", "/Date(1731499200000", "/Date(1731499200000)", "/Date(x)/", "/Date(1731499200000 0300)/",
		"2024-11-13T12:00:00Zx", "2024-11-13T12:00:00+3", "1999-12-31T23:59:59Z",
		"2101-01-01T00:00:00Z", "9999999999999999999999", "17314992000000000",
		"2024-11-13T12:00:0003:00", "2024-11-13T12:00:00 3", "2024-11-13T12:00:00[Europe/Moscow]", "2024-11-13[UTC]",
		"2024-11-13T12:00:00Z[UTC", "[", "2024-11-13T12:00:00Z]", "2024-11-13T12:00:00 -03:00x",
		"13.11.2024 12:00", "11/13/2024 12:00", "Wed, 31 Feb 2024 12:00:00 GMT",
		"Wed, 13 Nov 2024 12:00:00 Mars", "13 Nov", "Nov", "(", "Wed Nov 13 2024" };
	int64_t us;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(clock_parse(good[i].in, strlen(good[i].in), &us), RC_OK);
		assert_true(us == good[i].us);
	}
	us = 5;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (clock_parse(bad[i], strlen(bad[i]), &us) != RC_INVALID)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(us, 5);
}

static void
test_frozen(void **state)
{
	(void)state;
	clock_set(INT64_C(1731499200000000));
	assert_true(clock_now_us() == INT64_C(1731499200000000));
	clock_set(0);
	assert_true(clock_now_us() > INT64_C(1731499200000000));
	clock_sleep_ms(0);
	clock_sleep_ms(-5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iso),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_frozen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

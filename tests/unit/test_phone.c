/* Phone numbers as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/phone.h"

static const struct { const char *in, *out; } cases[] = {
	{ "70000000001", "70000000001" }, { "+7 (000) 000-00-01", "70000000001" },
	{ "0070000000001", "70000000001" }, { "7.000.000.00.01", "70000000001" },
	{ "+7\xc2\xa0""000\xe2\x80\x91""000\xe2\x80\x91""00\xe2\x80\x91""01", "70000000001" },
	{ "\xe2\x80\xaa+70000000001\xe2\x80\xac", "70000000001" },
	/* Russia: 8 before a mobile; no country is 89, but China, Japan, Korea begin with 8 */
	{ "8 (900) 000-00-01", "79000000001" }, { "89000000001", "79000000001" },
	{ "+89000000001", "79000000001" }, { "8613800000001", "8613800000001" },
	{ "81900000001", "81900000001" },
	/* Argentina: 15 in place of 9, with and without the country's 9 and the national 0 */
	{ "+54 221 15 412-3456", "5492214123456" }, { "+54 9 221 15 412 3456", "5492214123456" },
	{ "+54 (0221) 15-412-3456", "5492214123456" }, { "0054 221 15 4123456", "5492214123456" },
	{ "+54 11 15 2345-6789", "5491123456789" }, { "+54 2944 15 41-2345", "5492944412345" },
	{ "+54 9 221 412 3456", "5492214123456" }, { "54 221 412 3456", "542214123456" },
	{ "+54 (0221) 412 3456", "542214123456" }, { "+54 11 1523 4567", "541115234567" },
	{ "5492214123456", "5492214123456" }, { "5491115234567", "5491115234567" },
	{ "542215154321", "542215154321" },
	/* Mexico, Brazil */
	{ "+52 044 55 1234 5678", "525512345678" }, { "+52 1 55 1234 5678", "5215512345678" },
	{ "+55 (011) 98765-4321", "5511987654321" }, { "5511987654321", "5511987654321" },
	/* a 0 that is left out from abroad */
	{ "+44 (0)7911 123456", "447911123456" }, { "+49 (0) 171 1234567", "491711234567" },
	{ "+39 06 1234567", "39061234567" },
	/* none */
	{ "0221 15-412-3456", NULL }, { "(0)7911 123456", NULL }, { "011 98765-4321", NULL }, { "1234", NULL },
	{ "1234567890123456", NULL }, { "123456789012345678901234567890", NULL }, { "+7 000 000-00-0x", NULL },
	{ "", NULL }, { "RU.1000", NULL }, { "\xe2\x80", NULL }, { "7000000\xd0\xb1""0001", NULL },
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[PHONE_MAX + 1] = "", again[PHONE_MAX + 1];
		size_t n = phone_digits(cases[i].in, strlen(cases[i].in), out);

		if (cases[i].out == NULL ? n != 0 : n != strlen(cases[i].out) || strcmp(out, cases[i].out) != 0)
			fail_msg("%s: %s, not %s", cases[i].in, n > 0 ? out : "none", cases[i].out);
		if (n > 0) {
			assert_int_equal(phone_digits(out, n, again), n);
			assert_string_equal(again, out);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(test_cases) };

	return cmocka_run_group_tests(t, NULL, NULL);
}

/* Phone numbers as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/phone.h"
#include "phones.h"

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof phones / sizeof *phones; i++) {
		char out[PHONE_MAX + 1] = "", again[PHONE_MAX + 1];
		size_t n = phone_digits(phones[i].in, strlen(phones[i].in), out);

		if (phones[i].out == NULL ? n != 0 : n != strlen(phones[i].out) || strcmp(out, phones[i].out) != 0)
			fail_msg("%s: %s, not %s", phones[i].in, n > 0 ? out : "none", phones[i].out);
		if (n > 0) {
			assert_int_equal(phone_digits(out, n, again), n);
			assert_string_equal(again, out);
		}
	}
}

/* Without the country: that of our own number, where a 0 says that it is left out. */
static void
test_national(void **state)
{
	static const struct { const char *in, *own, *out; } national[] = {
		{ "0221 15-412-3456", "5491112345678", "5492214123456" }, { "(0221) 412-3456", "5491112345678", "542214123456" },
		{ "011 15-2345-6789", "542214123456", "5491123456789" }, { "(011) 98765-4321", "5521987654321", "5511987654321" },
		{ "07911 123456", "442071234567", "447911123456" }, { "(0)7911 123456", "442071234567", "447911123456" },
		{ "0171 1234567", "4930123456", "491711234567" }, { "06 1234567", "393331234567", "39061234567" },
		{ "067 123 45 67", "380441234567", "380671234567" }, { "0555 123 45 67", "905321234567", "905551234567" },
		/* not known, no 0 in that country, too long or short for it, with its country, no number */
		{ "0221 15-412-3456", NULL, NULL }, { "0221 15-412-3456", "", NULL }, { "0221 15-412-3456", "79000000001", NULL },
		{ "0221 15-412-3456", "15550001111", NULL }, { "0221 16-412-3456", "5491112345678", NULL },
		{ "0221 412-345", "5491112345678", NULL }, { "0221 15-412-345", "5491112345678", NULL }, { "0 15 11 98765-4321", "5521987654321", NULL },
		{ "0054 221 4123456", "5491112345678", NULL }, { "221 4123456", "5491112345678", NULL },
		{ "0221 x", "5491112345678", NULL }, { "0", "5491112345678", NULL }, { "", "5491112345678", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof national / sizeof *national; i++) {
		char out[PHONE_MAX + 1] = "";
		size_t n = phone_national(national[i].in, strlen(national[i].in), national[i].own, out);

		if (national[i].out == NULL ? n != 0 : n != strlen(national[i].out) || strcmp(out, national[i].out) != 0)
			fail_msg("%s of %s: %s, not %s", national[i].in, national[i].own, n > 0 ? out : "none", national[i].out);
	}
	assert_int_equal(phone_national("0221 15-412-3456", 16, NULL, NULL), 1);
	assert_int_equal(phone_national("+54 221 412-3456", 16, NULL, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_national) };

	return cmocka_run_group_tests(t, NULL, NULL);
}

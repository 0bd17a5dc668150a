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

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(test_cases) };

	return cmocka_run_group_tests(t, NULL, NULL);
}

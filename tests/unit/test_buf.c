#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"

static void
test_grows(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	assert_string_equal(b.p, "");
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "%d,", i % 10);
	assert_int_equal(b.n, 20000);
	assert_int_equal(strlen(b.p), 20000);
	assert_false(buf_err(&b));
	buf_reset(&b);
	assert_string_equal(b.p, "");
	buf_put(&b, "a\0b", 3);
	assert_int_equal(b.n, 3);
	assert_memory_equal(b.p, "a\0b", 4);
	buf_free(&b);
	buf_free(&b);
}

static void
test_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_puts(&b, "12345");
	assert_false(buf_err(&b));
	buf_putc(&b, '6');
	assert_true(buf_err(&b));
	assert_string_equal(b.p, "12345");
	buf_put(&b, "", 0);	/* sticky */
	assert_true(buf_err(&b));
	buf_reset(&b);
	assert_false(buf_err(&b));
	buf_printf(&b, "%s", "123456");
	assert_true(buf_err(&b));
	assert_int_equal(b.n, 0);
	buf_free(&b);

	buf_init(&b, 0);
	buf_puts(&b, "");
	assert_false(buf_err(&b));
	buf_putc(&b, 'x');
	assert_true(buf_err(&b));
	buf_free(&b);

	buf_init(&b, SIZE_MAX - 1);	/* no overflow in the growth */
	buf_puts(&b, "x");
	assert_false(buf_err(&b));
	buf_put(&b, "y", SIZE_MAX - 1);
	assert_true(buf_err(&b));
	buf_free(&b);
}

static void
test_take(void **state)
{
	struct buf b;
	char *p;

	(void)state;
	buf_init(&b, 10);
	buf_puts(&b, "abc");
	p = buf_take(&b);
	assert_string_equal(p, "abc");
	free(p);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.max, 10);
	buf_puts(&b, "z");
	assert_string_equal(b.p, "z");
	buf_free(&b);
}

/* the same as stdio's, what we format ourselves and what we leave to it */
static void PRINTF_LIKE(1, 2)
same(const char *fmt, ...)
{
	char want[600];
	va_list ap;
	struct buf b;

	va_start(ap, fmt);
	vsnprintf(want, sizeof(want), fmt, ap);
	va_end(ap);
	for (size_t max = 0; max < sizeof(want); max++) {
		buf_init(&b, max);
		va_start(ap, fmt);
		buf_vprintf(&b, fmt, ap);
		va_end(ap);
		assert_int_equal(buf_err(&b), strlen(want) > max);
		assert_string_equal(b.p, strlen(want) > max ? "" : want);
		assert_int_equal(b.n, strlen(b.p));
		buf_free(&b);
	}
}

static void
test_printf(void **state)
{
	static const char long_text[] = "0123456789012345678901234567890123456789012345678901234567890123456789"
	    "0123456789012345678901234567890123456789012345678901234567890123456789"
	    "0123456789012345678901234567890123456789012345678901234567890123456789"
	    "0123456789012345678901234567890123456789012345678901234567890123456789";
	const char unfinished[3] = { 'a', 'b', 'c' };
	struct buf b;

	(void)state;
	same("plain");
	same("%s", "");
	same("a%sb%s", "x", long_text);
	same("%.*s|%.*s|%.*s|%.*s", 2, "abcd", 9, "abc", 0, "abc", -1, "abc");
	same("%.*s", 3, unfinished);
	same("%d %d %d %d", 0, -1, INT32_MAX, INT32_MIN);
	same("%u %zu %zu", UINT32_MAX, (size_t)0, SIZE_MAX);
	same("%lld %lld", (long long)INT64_MIN, (long long)INT64_MAX);
	same("%s%%%c%5d%-4s|%04x|%ld|%.3f", "own", 'c', 7, "x", 255u, -5L, 1.5);
	same("%d%.*d|%zd|%lu|%.2s", 1, 3, 5, (size_t)6, 7ul, "abc");
	buf_init(&b, 100);
	buf_puts(&b, "kept");
	buf_printf(&b, "%s", long_text);	/* what does not fit is dropped whole */
	assert_true(buf_err(&b));
	assert_string_equal(b.p, "kept");
	buf_free(&b);
	b.max = 100;
	buf_printf(&b, "%d", 12);		/* freed, and used again */
	assert_string_equal(b.p, "12");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_printf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

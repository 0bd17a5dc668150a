#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "buf.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

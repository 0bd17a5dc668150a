/* qr: the matrices that a reader has read (each length of text up to the longest was; the test
 * of the owner's page reads one with jsqr), and what does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/qr.h"
#include "extern/sign.h"

/* the digest of all rows, one after another, as 0 and 1 */
static void
is(const char *text, unsigned int side, const char *want)
{
	char cells[QR_SIDE_MAX * QR_SIDE_MAX], hex[65];
	size_t n = 0;
	struct qr q;

	assert_true(qr_encode(text, &q));
	assert_int_equal(q.side, side);
	for (unsigned int y = 0; y < q.side; y++)
		for (unsigned int x = 0; x < q.side; x++)
			cells[n++] = q.dark[y][x] ? '1' : '0';
	sign_sha256_hex(cells, n, hex);
	assert_string_equal(hex, want);
}

static void
test_known(void **state)
{
	static const char part[] = "https://shop.example/inbox/#login=Ab3";
	char longest[QR_TEXT_MAX + 2];

	(void)state;
	is("HELLO", 21, "3e46edc4531321e7fd0376f170a34f7401b798e06a75c1eef7fcc77744552966");
	is("https://shop.example/inbox/#login=Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3A", 37,
	    "8654f61670c477f1758273781825da6bdedb817771e9b538343fb9ed7eb208f5");
	for (size_t i = 0; i < QR_TEXT_MAX; i++)
		longest[i] = part[i % (sizeof part - 1)];
	longest[QR_TEXT_MAX] = '\0';
	is(longest, 57, "0821b8a3314ecb213ce10bc71813e0265d87e74bbdc7338fbec43ad169bd72e7");
}

/* Finders in three corners, whatever the text, and the smallest side that holds it. */
static void
test_sides(void **state)
{
	static const unsigned char holds[] = { 14, 26, 42, 62, 84, 106, 122, 152, 180, 213 };
	char text[QR_TEXT_MAX + 2];
	struct qr q;

	(void)state;
	memset(text, 'x', sizeof text);
	text[QR_TEXT_MAX + 1] = '\0';
	assert_false(qr_encode(text, &q));
	for (unsigned int v = 0; v < sizeof holds; v++)
		for (unsigned int more = 0; more < 2 && holds[v] + more <= QR_TEXT_MAX; more++) {
			text[holds[v] + more] = '\0';
			assert_true(qr_encode(text, &q));
			assert_int_equal(q.side, 21 + 4 * (v + more));
			assert_true(q.dark[0][0] && q.dark[0][q.side - 1] && q.dark[q.side - 1][0]);
			assert_false(q.dark[1][1] || q.dark[7][7] || q.dark[1][q.side - 2]);
			text[holds[v] + more] = 'x';
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_known), cmocka_unit_test(test_sides) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

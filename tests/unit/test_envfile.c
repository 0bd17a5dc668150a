#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/envfile.h"

static void
dump(void *arg, unsigned int line, const char *key, const char *value, const char *why)
{
	if (why != NULL)
		buf_printf(arg, "%u:!%s\n", line, why);
	else
		buf_printf(arg, "%u:%s=[%s]\n", line, key, value);
}

static void
same(const char *in, size_t n, const char *out)
{
	struct buf b;

	buf_init(&b, 100000);
	envfile_parse(in, n, dump, &b);
	assert_string_equal(b.p, out);
	buf_free(&b);
}
#define SAME(in, out) same(in, strlen(in), out)

static void
test_lines(void **state)
{
	(void)state;
	SAME("", "");
	SAME("\n\n  # A=1\n", "");
	SAME("A=1\nB = 2\n", "1:A=[1]\n2:!a blank before '='\n");
	SAME("\xEF\xBB\xBF" "A=1\r\n\r\nB=2", "1:A=[1]\n3:B=[2]\n");
	SAME("export A=1\nexport\tB=2\nexportC=3\n", "1:A=[1]\n2:B=[2]\n3:exportC=[3]\n");
	SAME("A=\nB=''\nC=\"\"\n", "1:A=[]\n2:B=[]\n3:C=[]\n");
	SAME("A= x y \n", "1:A=[x y]\n");
	SAME("A=a=b\n", "1:A=[a=b]\n");
}

static void
test_quotes(void **state)
{
	(void)state;
	SAME("A='a # b'\n", "1:A=[a # b]\n");
	SAME("A=\"a\\\"b\\n\\\\c\\$d\\x\"\n", "1:A=[a\"b\n\\c$d\\x]\n");
	SAME("A='a\\nb'  # c\n", "1:A=[a\\nb]\n");
	SAME("A=\"a\" b\n", "1:!text behind the closing quote\n");
	SAME("A=\"a\nB=2\n", "1:!the closing quote is missing\n2:B=[2]\n");
	SAME("A=a'b\n", "1:A=[a'b]\n");
}

static void
test_comments(void **state)
{
	(void)state;
	SAME("A=1 # one\nB=a#b\nC=#x\nD=\t#x\n", "1:A=[1]\n2:B=[a#b]\n3:C=[]\n4:D=[]\n");
}

static void
test_wrong(void **state)
{
	(void)state;
	SAME("nonsense\n", "1:!not KEY=value\n");
	SAME("=x\n", "1:!the part before '=' is not a key\n");
	SAME("A-B=x\n1A=x\n", "1:!the part before '=' is not a key\n2:!the part before '=' is not a key\n");
	same("A=1\0\nB=2\n", 9, "1:!a NUL byte: not a text file\n2:B=[2]\n");
	/* as Notepad writes "Unicode": one sentence, not one a line */
	same("\xff\xfe" "A\0=\0\n\0", 8, "1:!saved as UTF-16; save it as UTF-8\n");
	same("\xfe\xff\0A\0=\0\n", 8, "1:!saved as UTF-16; save it as UTF-8\n");
	/* all of it is one line where LF alone ends one, and a comment */
	same("# mine\rA=b\rB=c\r", 15, "1:!its lines end in CR alone; save it with Unix line ends\n");
	same("A=b\r", 4, "1:A=[b]\n");
}

static void
test_long(void **state)
{
	static char text[70000];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "A=", 2);
	same(text, sizeof(text), "1:!the value is longer than 64 KiB\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

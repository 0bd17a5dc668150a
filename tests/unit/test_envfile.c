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
	SAME("A=1\nB = 2\n", "1:A=[1]\n2:!a blank before '=': take it out\n");
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
	SAME("A=\"a\" b\n",
	    "1:!text behind the closing quote: put all of the value in quotes, \" in it as \\\"\n");
	SAME("A=\"a\nB=2\n", "1:!the closing quote is missing: a value ends on its line\n2:B=[2]\n");
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
	SAME("nonsense\n", "1:!not KEY=value: a value ends on its line, a comment begins with #\n");
	SAME("=x\n", "1:!the part before '=' is not a key (letters, digits and _)\n");
	SAME("A-B=x\n1A=x\n",
	    "1:!the part before '=' is not a key (letters, digits and _)\n"
	    "2:!the part before '=' is not a key (letters, digits and _)\n");
	same("A=1\0\nB=2\n", 9, "1:!a NUL byte: not a text file\n2:B=[2]\n");
	/* as Notepad writes "Unicode": one sentence, not one a line */
	same("\xff\xfe" "A\0=\0\n\0", 8, "1:!saved as UTF-16; save it as UTF-8\n");
	same("\xfe\xff\0A\0=\0\n", 8, "1:!saved as UTF-16; save it as UTF-8\n");
	/* all of it is one line where LF alone ends one, and a comment */
	same("# mine\rA=b\rB=c\r", 15, "1:!its lines end in CR alone; save it with Unix line ends\n");
	same("A=b\r", 4, "1:A=[b]\n");
}

/* what people paste: each is told with what to do, and the line after it is read */
static void
test_slips(void **state)
{
	static const struct {
		const char *line, *why;
	} slips[] = {
		{ "A\t=1", "a blank before '=': take it out" },
		{ "A \t =1", "a blank before '=': take it out" },
		{ "A\xc2\xa0=1", "the key holds U+00A0: type the line again" },
		{ "\xc2\xa0" "A=1", "the key holds U+00A0: type the line again" },
		{ "\xe2\x80\x8b" "A=1", "the key holds U+200B: type the line again" },
		{ "\xef\xbb\xbf" "A=1", "the key holds U+FEFF: type the line again" },
		{ "A\xe3\x80\x80=1", "the key holds U+3000: type the line again" },
		{ "A\xef\xbc\x9d" "1", "not KEY=value: it holds \xef\xbc\x9d: type the line again" },
		{ "\xc2\xa0", "not KEY=value: it holds U+00A0: type the line again" },
		{ "\xd0\x90=1", "the key holds a letter that is not Latin: type the key again" },
		{ "\"A\"=1", "the key stands in quotes: take them out" },
		{ "'A' = 1", "the key stands in quotes: take them out" },
		{ "set A=1", "something stands before the key: take it out, KEY=value is all" },
		{ "EXPORT A=1", "something stands before the key: take it out, KEY=value is all" },
		{ "- A=1", "something stands before the key: take it out, KEY=value is all" },
		{ "A+=1", "the part before '=' is not a key (letters, digits and _)" },
		{ "A: 1", "not KEY=value: write '=' for ':'" },
		{ "; A", "not KEY=value: a comment begins with #" },
		{ "// A", "not KEY=value: a comment begins with #" },
		{ "[A]", "not KEY=value: a value ends on its line, a comment begins with #" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
		char in[100], out[200];

		snprintf(in, sizeof in, "X=0\n%s\nY=2\n", slips[i].line);
		snprintf(out, sizeof out, "1:X=[0]\n2:!%s\n3:Y=[2]\n", slips[i].why);
		SAME(in, out);
	}
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
		cmocka_unit_test(test_slips),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

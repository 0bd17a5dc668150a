/* json: strict reading, numbers as text, clean output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "extern/json.h"

static struct json *
must(const char *s)
{
	struct json *j = NULL;

	if (json_parse(s, strlen(s), &j, NULL) != RC_OK)
		fail_msg("does not parse: %s", s);
	return j;
}

static void
check_text(const char *doc, const char *path, const char *want)
{
	struct mem_arena a = { 0 };
	struct json *j = must(doc);
	const char *got = json_text(&a, json_get(j, path));

	if (want == NULL)
		assert_null(got);
	else {
		assert_non_null(got);
		assert_string_equal(got, want);
	}
	json_free(j);
	mem_arena_free(&a);
}

static void
check_raw(const char *doc, const char *want, const char *canonical)
{
	struct mem_arena a = { 0 };
	struct json *j = must(doc);

	assert_string_equal(json_raw(&a, j), want);
	assert_string_equal(json_canonical(&a, j), canonical != NULL ? canonical : want);
	json_free(j);
	mem_arena_free(&a);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = { "", " ", "{", "[1,]", "{\"a\":1,}", "{'a':1}", "12abc",
		"{\"a\":01}", "{\"a\":-}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":+1}",
		"{\"a\":NaN}", "{\"a\":Infinity}", "[-Infinity]", "{\"a\":1} x", "{}{}", "[1 2]",
		"/* c */{}", "{\"a\":\"x\ny\"}", "{\"a\":\"\x01\"}", "\"open", "{\"a\" 1}", "nul",
		"True", "{\"a\":\"\\q\"}", "{\"a\":\"\\u12\"}", "]", "{\"a\":\"\xff\"}", "\"a\\", "{a:1}",
		"[1]]", "0x10", "tru", "{\"a\":}", "[1,,2]", "[,1]", "{\"a\":1 \"b\":2}", "[:]", "{\"a\"}",
		"[1}", "{\"a\":[}", "{\"a\":1,,}", "{\"a\"::1}", "{1:2}", "[\"a\":1]", "1 2", ",", ":",
		"[1//c\n]", "\"\\u12G4\"", "\"\\'\"", "\"\\", "NULL", "[tRue]", "{\"a\":\"\xed\xa0\x80\"}",
		"[\"\xd0\"]", "[\"\xf0\x9f\x98\"]", "\"\xc0\xaf\"", "{\"\xff\":1}" };
	char err[128];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct json *j = NULL;

		err[0] = '\0';
		if (json_parse(bad[i], strlen(bad[i]), &j, err) != RC_INVALID)
			fail_msg("accepted: %s", bad[i]);
		assert_null(j);
		assert_true(err[0] != '\0');
	}
	{
		struct json *j = NULL;

		assert_int_equal(json_parse("{}\0", 3, &j, NULL), RC_INVALID);
		assert_int_equal(json_parse("\"a\0b\"", 5, &j, NULL), RC_INVALID);
	}
}

/*
 * Every code point class, raw and escaped, as a value and as a name, reads the same: what
 * json-c's modes think of bytes above 0x7f differs by version, and must not matter.
 */
static void
test_beyond_ascii(void **state)
{
	static const struct { const char *raw, *escaped; } v[] = {
		{ "\x7f", "\\u007f" }, { "\xc2\x80", "\\u0080" }, { "\xd0\x96", "\\u0416" },
		{ "\xdf\xbf", "\\u07ff" }, { "\xe0\xa0\x80", "\\u0800" }, { "\xd8\xb3", "\\u0633" },
		{ "\xe2\x82\xac", "\\u20AC" }, { "\xef\xbf\xbd", "\\ufffd" }, { "\xef\xbf\xbf", "\\uFFFF" },
		{ "\xf0\x9f\x98\x80", "\\ud83d\\ude00" }, { "\xf4\x8f\xbf\xbf", "\\uDBFF\\uDFFF" },
		{ "\"", "\\\"" }, { "\\", "\\\\" }, { "/", "\\/" }, { "\b", "\\b" }, { "\f", "\\f" },
		{ "\n", "\\n" }, { "\r", "\\r" }, { "\t", "\\t" },
	};
	char doc[128], want[64];

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		bool plain = v[i].raw[1] != '\0' || v[i].raw[0] == '\x7f' || v[i].raw[0] == '/';

		snprintf(want, sizeof want, "a%sz%s", v[i].raw, v[i].raw);
		snprintf(doc, sizeof doc, "{\"k\":\"a%sz%s\"}", v[i].escaped, v[i].escaped);
		check_text(doc, "k", want);
		if (!plain)
			continue;
		snprintf(doc, sizeof doc, "{\"k\":\"a%sz%s\"}", v[i].raw, v[i].raw);
		check_text(doc, "k", want);
		snprintf(doc, sizeof doc, "{\"%s\":\"v\"}", v[i].escaped);
		check_text(doc, v[i].raw, "v");
	}
}

static void
test_depth(void **state)
{
	char s[80];
	struct json *j = NULL;

	(void)state;
	memset(s, '[', 32);
	memset(s + 32, ']', 32);
	assert_int_equal(json_parse(s, 64, &j, NULL), RC_OK);
	json_free(j);
	j = NULL;
	memset(s, '[', 33);
	memset(s + 33, ']', 33);
	assert_int_equal(json_parse(s, 66, &j, NULL), RC_LIMIT);
	assert_null(j);
	/* brackets in a string are no nesting */
	memset(s, '[', 60);
	s[0] = s[59] = '"';
	assert_int_equal(json_parse(s, 60, &j, NULL), RC_OK);
	json_free(j);
}

static void
test_numbers(void **state)
{
	(void)state;
	check_text("{\"a\":123456789012345678}", "a", "123456789012345678");
	check_text("{\"a\":1000031213000000001}", "a", "1000031213000000001");
	check_text("{\"a\":9223372036854775808}", "a", "9223372036854775808");
	check_text("{\"a\":-99999999999999999999999999999999}", "a", "-99999999999999999999999999999999");
	check_text("{\"a\":1.50}", "a", "1.50");
	check_text("{\"a\":1e3}", "a", "1e3");
	check_text("{\"a\":1E+3}", "a", "1E+3");
	check_text("{\"a\":12e0}", "a", "12e0");
	check_text("{\"a\":-0}", "a", "-0");
	check_text("{\"a\":0}", "a", "0");
	check_text("{\"a\":[1],\"b\":-5}", "b", "-5");
	check_raw("[1000031213000000001,-0,1.50,1e400,1e99999,7]",
	    "[1000031213000000001,-0,1.50,1e400,\"1e99999\",7]", NULL);
	check_raw("1000031213000000001", "1000031213000000001", NULL);
}

static void
test_i64(void **state)
{
	struct json *j = must("{\"a\":9223372036854775807,\"b\":\"-12\",\"c\":1.0,\"d\":\"12abc\",\"e\":null,"
	    "\"f\":9223372036854775808,\"g\":true,\"h\":[]}");
	int64_t v = 77;

	(void)state;
	assert_int_equal(json_i64(json_get(j, "a"), &v), RC_OK);
	assert_true(v == INT64_MAX);
	assert_int_equal(json_i64(json_get(j, "b"), &v), RC_OK);
	assert_int_equal(v, -12);
	for (const char *k = "cdefgh"; *k != '\0'; k++) {
		char key[2] = { *k, '\0' };

		assert_int_equal(json_i64(json_get(j, key), &v), RC_INVALID);
	}
	assert_int_equal(v, -12);
	json_free(j);
}

static void
test_strings(void **state)
{
	(void)state;
	check_text("{\"a\":\"x\\u0000y\"}", "a", "x\xef\xbf\xbdy");
	check_text("{\"a\":\"\\ud83d\"}", "a", "\xef\xbf\xbd");
	check_text("{\"a\":\"\\udc00z\"}", "a", "\xef\xbf\xbdz");
	check_text("{\"a\":\"\\ud83d\\ude00\"}", "a", "\xf0\x9f\x98\x80");
	check_text("{\"a\":\"\\u0416\"}", "a", "\xd0\x96");
	check_raw("{\"a\":\"\\u0000\\ud800\\u0001\\n\\\"\\\\/\"}",
	    "{\"a\":\"\xef\xbf\xbd\xef\xbf\xbd\\u0001\\n\\\"\\\\/\"}", NULL);
}

/* A reader that asks for many names may believe the quick look. */
static void
test_initials(void **state)
{
	static const struct { const char *text; bool deep; } cases[] = {
		{ "{}", false }, { "{\"a\":\"b.c\",\"d\":[{\"e\":1}],\"f\":null}", false }, { "{\"a\":{}}", true },
		{ "{\"x\":1,\"a.b\":1}", true }, { "[{\"a\":{}}]", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json *j = must(cases[i].text);

		assert_int_equal((json_initials(j) & JSON_DEEP) != 0, cases[i].deep);
		json_free(j);
	}
}

static void
once(const char *text, bool is)
{
	struct json *j = must(text);

	if (json_once(j, text, strlen(text)) != is)
		print_error("%s\n", text);
	assert_int_equal(json_once(j, text, strlen(text)), is);
	json_free(j);
}

static void
twice(const char *text, enum json_twice is)
{
	struct json *j = must(text);

	if (json_twice(j, text, strlen(text)) != is)
		print_error("%s\n", text);
	assert_int_equal(json_twice(j, text, strlen(text)), is);
	json_free(j);
}

static void
test_twice(void **state)
{
	(void)state;
	twice("{\"a\":1,\"b\":{\"a\":1},\"c\":[{\"a\":1},{\"a\":2}]}", JSON_ONCE);
	twice("{\"a\":\"b\\\"a\\\":2\",\"c\":\"a\"}", JSON_ONCE);
	twice("{\"\\u0438\":1,\"a\\/b\":2}", JSON_ONCE);
	twice("{\"a\":\"\\u0061\"}", JSON_ONCE);
	twice("{\"a\" : 1 ,\"a\":1}", JSON_SAME);
	twice("[{\"a\":{\"b\":[1,2],\"b\":[1,2]}}]", JSON_SAME);
	twice("{\"a\":1,\"b\":2,\"a\":2}", JSON_TWICE);
	twice("{\"a\":1,\"a\":1,\"a\":\"1\"}", JSON_TWICE);
	twice("{\"x\":{\"a\":1,\"a\":2},\"a\":1,\"a\":1}", JSON_TWICE);
	twice("{\"a\":1,\"\\u0061\":1}", JSON_TWICE);
	twice("{\"ex\\u0070\":1}", JSON_TWICE);
	twice("{\"a\\u0000\":1}", JSON_TWICE);
}

static void
test_once(void **state)
{
	(void)state;
	once("{}", true);
	once("7", true);
	once("null", true);
	once("\"x\"", true);
	once("\xef\xbb\xbf{\"a\":12345678901234567890} ", true);
	once("{\"a\":\"b\",\"c\":[\"d\",{\"a\":\"a\"},null,1.5,true],\"b\":{\"a\":{}}}", true);
	once("{\"a\":\"b\",\"a\":\"b\"}", false);
	once("{\"a\":1,\"a\":2}", false);
	once("{\"a\":1,\"b\":2,\"a\":null}", false);
	once("[{\"b\":{\"a\":1,\"a\":[]}}]", false);
	once("{\"a\":{\"x\":\"y\"},\"a\":\"z\"}", false);
	once("{\"a\":\"\\n\"}", false);	/* another reason */
	once("{\"\\u0061\":1,\"a\":2}", false);
}

static void
test_get(void **state)
{
	struct json_iter it = { NULL };
	struct json *j = must("{\"a\":{\"b\":{\"c\":\"x\"},\"n\":null},\"a.b\":1,\"d\":1,\"d\":2,\"l\":[null,{}]}");
	const char *key;
	const struct json *v;
	size_t i = 0;

	(void)state;
	assert_int_equal(json_type(json_get(j, "a.b.c")), JSON_STRING);
	assert_null(json_get(j, "a.n"));
	assert_null(json_get(j, "a.n.x"));
	assert_null(json_get(j, "a.b.c.d"));
	assert_null(json_get(j, "zz"));
	assert_null(json_get(NULL, "a"));
	assert_int_equal(json_type(NULL), JSON_ABSENT);
	assert_int_equal(json_type(json_member(j, "a.b")), JSON_NUMBER);
	assert_int_equal(json_len(json_get(j, "l")), 2);
	assert_int_equal(json_type(json_at(json_get(j, "l"), 0)), JSON_NULL);
	assert_null(json_at(json_get(j, "l"), 2));
	assert_null(json_at(j, 0));
	assert_true(json_is_null(json_get(j, "a"), "n"));
	assert_false(json_is_null(json_get(j, "a"), "b"));
	assert_false(json_is_null(json_get(j, "a"), "zz"));
	assert_false(json_is_null(json_get(j, "l"), "n"));
	assert_false(json_is_null(NULL, "n"));
	assert_int_equal(json_initials(j), json_initial("a") | json_initial("d") | json_initial("l") | JSON_DEEP);
	assert_int_equal(json_initials(json_get(j, "l")) | json_initials(NULL), 0);
	while (json_each(j, &it, &key, &v))
		i++;
	assert_int_equal(i, 4);
	assert_false(json_each(j, &it, &key, &v));	/* over is over */
	it = (struct json_iter){ NULL };
	assert_false(json_each(json_get(j, "d"), &it, &key, &v));
	assert_false(json_each(NULL, &it, &key, &v));
	json_free(j);
	check_text("{\"d\":1,\"d\":\"last\"}", "d", "last");
	check_raw("{\"b\":1,\"a\":{\"z\":null,\"y\":true}}", "{\"b\":1,\"a\":{\"z\":null,\"y\":true}}",
	    "{\"a\":{\"y\":true,\"z\":null},\"b\":1}");
	check_raw("null", "null", NULL);
	check_raw("\xef\xbb\xbf{} \r\n", "{}", NULL);
}

/* few members are compared, many are hashed: one answer */
static void
test_get_few_and_many(void **state)
{
	static const struct { const char *path, *want; } cases[] = {
		{ "", NULL }, { "abc", "longer" }, { "ab.c", "inner" }, { "ab.", "none" },
		{ "d", "last" }, { "a", NULL }, { "a.c", NULL }, { "abcd", NULL }, { ".c", "empty" },
		{ "abc.c", NULL }, { "n", NULL }, { "ab", NULL },
	};
	char *part = mem_alloc(201);
	struct buf b;

	(void)state;
	memcpy(memset(part, 'k', 200), "ab", 2);
	memcpy(part + 198, ".c", 2);
	for (size_t more = 0; more < 40; more++) {
		buf_init(&b, 1 << 16);
		buf_puts(&b, "{\"\":{\"c\":\"empty\"},\"ab\":{\"c\":\"inner\",\"\":\"none\"},"
		    "\"abc\":\"longer\",\"n\":null,\"d\":1,\"d\":\"last\"");
		for (size_t i = 0; i < more; i++)
			buf_printf(&b, ",\"k%zu\":%zu", i, i);
		buf_putc(&b, '}');
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
			check_text(b.p, cases[i].path, cases[i].want);
		check_text(b.p, part, NULL);
		buf_free(&b);
	}
	free(part);
}

/* 20,000 members in one walk; going back still works */
static void
test_each_many(void **state)
{
	struct json_iter it = { NULL };
	struct buf b;
	struct json *j = NULL;
	const char *key;
	const struct json *v;
	int64_t n;
	size_t i;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_putc(&b, '{');
	for (i = 0; i < 20000; i++)
		buf_printf(&b, "%s\"k%zu\":%zu", i == 0 ? "" : ",", i, i);
	buf_putc(&b, '}');
	assert_false(buf_err(&b));
	assert_int_equal(json_parse(b.p, b.n, &j, NULL), RC_OK);
	for (i = 0; json_each(j, &it, &key, &v); i++) {
		assert_int_equal(json_i64(v, &n), RC_OK);
		assert_int_equal(n, (int64_t)i);
	}
	assert_int_equal(i, 20000);
	json_free(j);
	buf_free(&b);
}

static void
test_bool(void **state)
{
	struct json *j = must("{\"yes\":[true,\"true\",\"True\",\"TRUE\",\"yes\",\"on\",1,\"1\"],"
	    "\"no\":[false,\"false\",\"False\",\"no\",\"off\",0,\"0\"],"
	    "\"other\":[null,\"\",\"truth\",\"maybe\",2,-1,1.5,[true],{\"a\":true}]}");
	const struct json *yes = json_get(j, "yes"), *no = json_get(j, "no"),
	    *other = json_get(j, "other");

	(void)state;
	assert_int_equal(json_len(yes) + json_len(no) + json_len(other), 8 + 7 + 9);
	for (size_t i = 0; i < json_len(yes); i++)
		assert_true(json_bool(json_at(yes, i), false));
	for (size_t i = 0; i < json_len(no); i++)
		assert_false(json_bool(json_at(no, i), true));
	for (size_t i = 0; i < json_len(other); i++) {
		assert_true(json_bool(json_at(other, i), true));
		assert_false(json_bool(json_at(other, i), false));
	}
	assert_true(json_bool(NULL, true));
	json_free(j);
}

static void
test_put(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	json_put_str(&b, "k\"");
	json_put_str(&b, NULL);
	json_put_str(&b, "\x7f 12345678901234567890\\ no longer in eights");
	json_put_str(&b, "12345678\"12345678\n");
	json_put_str(&b, "");
	json_put_strn(&b, "a\0\x1f\xc3\xa9\xff\xed\xa0\x80\xf0\x9f\x98", 12);
	assert_string_equal(b.p, "\"k\\\"\"null\"\x7f 12345678901234567890\\\\ no longer in eights\""
	    "\"12345678\\\"12345678\\n\"\"\"\"a\xef\xbf\xbd\\u001f\xc3\xa9\xef\xbf\xbd"
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	buf_free(&b);
}

/* Any ASCII character at any place of a short text: written and read it is the same. */
static void
test_put_places(void **state)
{
	char t[28], *read;
	struct mem_arena a = { 0 };
	struct buf b;
	struct json *j;

	(void)state;
	buf_init(&b, 1000);
	memset(t, 'x', sizeof t);
	for (size_t n = 1; n < sizeof t; n++)
		for (size_t i = 0; i < n; i++)
			for (int c = 1; c < 0x80; c++) {
				t[i] = (char)c;
				buf_reset(&b);
				json_put_strn(&b, t, n);
				assert_int_equal(json_parse(b.p, b.n, &j, NULL), RC_OK);
				read = json_str(&a, j);
				assert_int_equal(strlen(read), n);
				assert_memory_equal(read, t, n);
				json_free(j);
				t[i] = 'x';
			}
	mem_arena_free(&a);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_beyond_ascii),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_i64),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_initials),
		cmocka_unit_test(test_put_places),
		cmocka_unit_test(test_once), cmocka_unit_test(test_twice),
		cmocka_unit_test(test_get_few_and_many),
		cmocka_unit_test(test_each_many),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

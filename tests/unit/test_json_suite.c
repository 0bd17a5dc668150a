/*
 * json against a plain model, whatever json-c is below: documents are generated in any
 * legal spelling and must read as what they say; the same with a byte changed must be
 * accepted exactly where a reader of RFC 8259 of thirty lines accepts them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "extern/json.h"
#include "base/str.h"

#define DOCS 3000
#define CHANGES 12
#define DEEPEST 32

static uint64_t seed = 88172645463325252u;

static unsigned int
any(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed >> 33) % n;
}

/* --- documents in any spelling, and what they say ------------------------------------- */

static void
blank(struct buf *doc)
{
	static const char *const v[] = { "", "", "", " ", "\n", "\t", "\r\n", "  " };

	buf_puts(doc, v[any(8)]);
}

static void
utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80)
		buf_putc(b, (char)c);
	else if (c < 0x800) {
		buf_putc(b, (char)(0xc0 | c >> 6));
		buf_putc(b, (char)(0x80 | (c & 63)));
	} else {
		if (c < 0x10000)
			buf_putc(b, (char)(0xe0 | c >> 12));
		else {
			buf_putc(b, (char)(0xf0 | c >> 18));
			buf_putc(b, (char)(0x80 | (c >> 12 & 63)));
		}
		buf_putc(b, (char)(0x80 | (c >> 6 & 63)));
		buf_putc(b, (char)(0x80 | (c & 63)));
	}
}

static void
escape(struct buf *b, uint32_t c)
{
	if (c >= 0x10000) {
		escape(b, 0xd800 + ((c - 0x10000) >> 10));
		escape(b, 0xdc00 + ((c - 0x10000) & 0x3ff));
	} else if (any(2) == 0)
		buf_printf(b, "\\u%04x", c);
	else
		buf_printf(b, "\\u%04X", c);
}

/* ASCII, Cyrillic, Arabic, CJK, emoji and any other, never a surrogate. */
static uint32_t
letter(void)
{
	uint32_t c;

	switch (any(8)) {
	case 0: return 0x410 + any(64);
	case 1: return 0x620 + any(32);
	case 2: return 0x4e00 + any(2000);
	case 3: return 0x1f300 + any(700);
	case 4: return any(32);		/* only escaped */
	case 5:
		do
			c = any(0x110000);
		while (c >= 0xd800 && c < 0xe000);
		return c;
	default: return ' ' + any(95);
	}
}

static void
string(struct buf *doc, struct buf *says)
{
	static const char from[] = "\"\\/\b\f\n\r\t", to[] = "\"\\/bfnrt";
	const char *s;

	buf_putc(doc, '"');
	for (unsigned int n = any(12); n > 0; n--) {
		uint32_t c = letter();

		if (any(40) == 0) {	/* half a pair stands for nothing */
			buf_printf(doc, "\\u%04x.", 0xd800 + any(0x800));
			buf_puts(says, "\xef\xbf\xbd.");
			continue;
		}
		s = c != 0 && c < 0x80 ? strchr(from, (int)c) : NULL;
		if (s != NULL && any(2) == 0)
			buf_printf(doc, "\\%c", to[s - from]);
		else if (c < 0x20 || c == '"' || c == '\\' || any(4) == 0)
			escape(doc, c);
		else
			utf8(doc, c);
		if (c == 0)
			buf_puts(says, "\xef\xbf\xbd");	/* no text of ours holds a NUL */
		else
			utf8(says, c);
	}
	buf_putc(doc, '"');
}

/* A number says its own text. */
static void
number(struct buf *doc, struct buf *says)
{
	char s[64];
	size_t n = 0;

	if (any(3) == 0)
		s[n++] = '-';
	if (any(8) == 0)
		s[n++] = '0';
	else {
		s[n++] = (char)('1' + any(9));
		for (unsigned int k = any(4) == 0 ? any(30) : any(6); k > 0; k--)
			s[n++] = (char)('0' + any(10));
	}
	if (any(4) == 0)
		n += (size_t)sprintf(s + n, ".%u", any(1000));
	if (any(4) == 0)
		n += (size_t)sprintf(s + n, "%c%s%u", any(2) ? 'e' : 'E', any(3) == 0 ? "-" :
		    any(2) ? "+" : "", 1 + any(20));
	buf_put(doc, s, n);
	buf_put(says, s, n);
}

static void
value(struct buf *doc, struct buf *says, int depth)
{
	static const char *const words[] = { "null", "true", "false" };
	unsigned int kind = any(depth > 0 ? 9 : 5), n = any(5), key = any(1000000);
	const char *w = words[any(3)];

	blank(doc);
	if (kind < 2)
		string(doc, says);
	else if (kind < 4)
		number(doc, says);
	else if (kind < 5) {
		buf_puts(doc, w);
		buf_puts(says, w);
	} else {
		buf_putc(doc, kind < 7 ? '{' : '[');
		buf_putc(says, kind < 7 ? '{' : '[');
		blank(doc);
		for (unsigned int i = 0; i < n; i++) {
			if (i > 0)
				buf_putc(doc, ',');
			if (kind < 7) {
				blank(doc);
				buf_printf(doc, "\"k%s%u\"", any(2) ? "\\u0065" : "e", key + i);
				buf_printf(says, "ke%u=", key + i);
				blank(doc);
				buf_putc(doc, ':');
			}
			value(doc, says, depth - 1);
			buf_putc(says, ';');
		}
		buf_putc(doc, kind < 7 ? '}' : ']');
		buf_putc(says, kind < 7 ? '}' : ']');
	}
	blank(doc);
}

/* --- what was read ---------------------------------------------------------------------- */

static void
tell(struct mem_arena *a, const struct json *j, struct buf *b)
{
	struct json_iter it = { NULL };
	const struct json *v;
	const char *key;

	switch (json_type(j)) {
	case JSON_ABSENT: buf_puts(b, "absent"); break;
	case JSON_NULL: buf_puts(b, "null"); break;
	case JSON_BOOL: buf_puts(b, json_bool(j, false) ? "true" : "false"); break;
	case JSON_NUMBER: buf_puts(b, json_text(a, j)); break;
	case JSON_STRING: buf_puts(b, json_str(a, j)); break;
	case JSON_ARRAY:
		buf_putc(b, '[');
		for (size_t i = 0; i < json_len(j); i++) {
			tell(a, json_at(j, i), b);
			buf_putc(b, ';');
		}
		buf_putc(b, ']');
		break;
	case JSON_OBJECT:
		buf_putc(b, '{');
		while (json_each(j, &it, &key, &v)) {
			buf_printf(b, "%s=", key);
			tell(a, v, b);
			buf_putc(b, ';');
		}
		buf_putc(b, '}');
	}
}

/* --- RFC 8259 as it is written; NULL: not JSON ------------------------------------------ */

static const char *
pass(const char *p)
{
	return p + strspn(p, " \t\n\r");
}

static const char *
m_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		if (*++p == 'u') {
			if (strspn(p + 1, "0123456789abcdefABCDEF") < 4)
				return NULL;
			p += 4;
		} else if (*p == '\0' || strchr("\"\\/bfnrt", *p) == NULL)
			return NULL;
	}
	return p + 1;
}

static const char *
m_number(const char *p)
{
	size_t n;

	p += *p == '-';
	n = strspn(p, "0123456789");
	if (n == 0 || (n > 1 && *p == '0'))
		return NULL;
	p += n;
	if (*p == '.') {
		n = strspn(++p, "0123456789");
		if (n == 0)
			return NULL;
		p += n;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '+' || *p == '-';
		n = strspn(p, "0123456789");
		return n > 0 ? p + n : NULL;
	}
	return p;
}

static const char *
m_value(const char *p, int depth)
{
	char close = *p == '{' ? '}' : ']';

	if (*p == '"')
		return m_string(p);
	if (strncmp(p, "true", 4) == 0 || strncmp(p, "null", 4) == 0)
		return p + 4;
	if (strncmp(p, "false", 5) == 0)
		return p + 5;
	if (*p != '{' && *p != '[')
		return m_number(p);
	if (depth == DEEPEST)
		return NULL;
	p = pass(p + 1);
	if (*p == close)
		return p + 1;
	for (;; p = pass(p + 1)) {
		if (close == '}') {
			if ((p = m_string(p)) == NULL || *(p = pass(p)) != ':')
				return NULL;
			p = pass(p + 1);
		}
		if ((p = m_value(p, depth + 1)) == NULL)
			return NULL;
		p = pass(p);
		if (*p != ',')
			return *p == close ? p + 1 : NULL;
	}
}

static bool
model(const char *p, size_t n)
{
	const char *end;

	if (strlen(p) != n || !str_utf8_ok(p, n))
		return false;
	end = m_value(pass(p), 0);
	return end != NULL && *pass(end) == '\0';
}

/* --- tests ------------------------------------------------------------------------------- */

static void
test_any_spelling(void **state)
{
	(void)state;
	for (int i = 0; i < DOCS; i++) {
		struct mem_arena a = { 0 };
		struct buf doc, says, got;
		struct json *j = NULL;
		char err[128] = "";
		size_t n;

		buf_init(&doc, 1 << 20);
		buf_init(&says, 1 << 20);
		buf_init(&got, 1 << 20);
		value(&doc, &says, 5);
		buf_putc(&doc, '\0');
		assert_true(model(doc.p, doc.n - 1));
		if (json_parse(doc.p, doc.n - 1, &j, err) != RC_OK)
			fail_msg("%s: %s", err, doc.p);
		tell(&a, j, &got);
		buf_putc(&says, '\0');
		buf_putc(&got, '\0');
		for (n = 0; got.p[n] == says.p[n] && got.p[n] != '\0'; n++)
			;
		if (got.p[n] != says.p[n])
			fail_msg("read %.60s, it says %.60s", got.p + n, says.p + n);
		json_free(j);
		mem_arena_free(&a);
		buf_free(&doc);
		buf_free(&says);
		buf_free(&got);
	}
}

/* One byte changed, added, taken out, or the end cut off. */
static size_t
change(char *s, size_t n)
{
	static const char odd[] = "\"\\{}[]:,0123456789-+.eEtfnu/ \t\n\x01\x7f\xc3\xed\xa0\xf4\xff'";
	size_t at = any((unsigned int)n);
	char c = odd[any(sizeof odd - 1)];

	switch (any(4)) {
	case 0:
		s[at] = c;
		return n;
	case 1:
		memmove(s + at + 1, s + at, n - at);
		s[at] = c;
		return n + 1;
	case 2:
		memmove(s + at, s + at + 1, n - at - 1);
		return n - 1;
	default:
		return at;
	}
}

static void
test_changed(void **state)
{
	int good = 0, bad = 0;

	(void)state;
	for (int i = 0; i < DOCS * CHANGES; i++) {
		struct mem_arena a = { 0 };
		struct buf doc, says;
		struct json *j = NULL;
		bool want;
		size_t n;

		buf_init(&doc, 1 << 20);
		buf_init(&says, 1 << 20);
		value(&doc, &says, 3);
		buf_puts(&doc, "  ");
		n = change(doc.p, doc.n - 2);
		doc.p[n] = '\0';
		want = model(doc.p, n);
		if ((json_parse(doc.p, n, &j, NULL) == RC_OK) != want)
			fail_msg("%s, and should not be: %s", want ? "refused" : "accepted", doc.p);
		if (want) {
			buf_free(&says);
			buf_init(&says, 1 << 20);
			tell(&a, j, &says);
			json_free(j);
		}
		good += want;
		bad += !want;
		mem_arena_free(&a);
		buf_free(&doc);
		buf_free(&says);
	}
	assert_true(good > DOCS && bad > DOCS);	/* both were tried */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_spelling),
		cmocka_unit_test(test_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

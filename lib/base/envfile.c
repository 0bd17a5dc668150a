/*
 * KEY=value lines.  One pass, one line at a time; what is not understood is
 * told to the caller, never guessed at.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/charset.h"
#include "base/envfile.h"
#include "base/mem.h"
#include "base/str.h"

#define VALUE_MAX 65536u

static bool
key_ok(const char *p, size_t n)
{
	if (n == 0 || n > 128 || (*p >= '0' && *p <= '9'))
		return false;
	for (size_t i = 0; i < n; i++) {
		char one[2] = { p[i], '\0' };

		if (!str_charset(one, 1, 1, "_"))
			return false;
	}
	return true;
}

/* Behind a closing quote only a comment may stand. */
static const char *
tail(const char *p, const char *end)
{
	size_t n = (size_t)(end - p);

	str_trim(&p, &n);
	return n == 0 || *p == '#' ?
	    NULL :
	    "text behind the closing quote: put all of the value in quotes, \" in it as \\\"";
}

static const char *
quoted(const char *p, const char *end, struct buf *out)
{
	char quote = *p++;

	for (; p < end && *p != quote; p++) {
		if (quote == '"' && *p == '\\' && end - p > 1 && strchr("n\"\\$", p[1]) != NULL) {
			p++;
			buf_putc(out, *p == 'n' ? '\n' : *p);
		} else
			buf_putc(out, *p);
	}
	if (p == end)
		return "the closing quote is missing: a value ends on its line";
	return tail(p + 1, end);
}

static const char *
plain(const char *p, const char *end, struct buf *out)
{
	size_t n;

	for (const char *q = p; q < end; q++)
		if (*q == '#' && (q == p || q[-1] == ' ' || q[-1] == '\t')) {
			end = q;
			break;
		}
	n = (size_t)(end - p);
	str_trim(&p, &n);
	buf_put(out, p, n);
	return NULL;
}

/* Is what stands behind the last blank a key, as in "set KEY" and "- KEY"? */
static bool
word_before(const char *p, size_t n)
{
	size_t i = n;

	while (i > 0 && p[i - 1] != ' ' && p[i - 1] != '\t')
		i--;
	return i > 0 && key_ok(p + i, n - i);
}

/* The part before '=', which may be a secret's end: it is not quoted. */
static const char *
not_a_key(const char *p, size_t n, char buf[96])
{
	const char *odd = charset_odd(p, n);
	size_t bare = n;

	while (bare > 0 && (p[bare - 1] == ' ' || p[bare - 1] == '\t'))
		bare--;
	if (bare < n && key_ok(p, bare))
		return "a blank before '=': take it out";
	if (odd != NULL) {
		snprintf(buf, 96, "the key holds %s: type the line again", odd);
		return buf;
	}
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] >= 0x80)
			return "the key holds a letter that is not Latin: type the key again";
	if (bare > 2 && (*p == '"' || *p == '\'') && p[bare - 1] == *p && key_ok(p + 1, bare - 2))
		return "the key stands in quotes: take them out";
	if (word_before(p, bare))
		return "something stands before the key: take it out, KEY=value is all";
	return "the part before '=' is not a key (letters, digits and _)";
}

static const char *
no_equals(const char *p, size_t n, char buf[96])
{
	const char *odd = charset_odd(p, n), *colon = memchr(p, ':', n);

	if (odd != NULL) {
		snprintf(buf, 96, "not KEY=value: it holds %s: type the line again", odd);
		return buf;
	}
	if (*p == ';' || (n > 1 && (memcmp(p, "//", 2) == 0 || memcmp(p, "--", 2) == 0)))
		return "not KEY=value: a comment begins with #";
	if (colon != NULL && key_ok(p, (size_t)(colon - p)))
		return "not KEY=value: write '=' for ':'";
	return "not KEY=value: a value ends on its line, a comment begins with #";
}

static void
one_line(const char *p, size_t n, unsigned int line, envfile_fn fn, void *arg)
{
	const char *eq, *why;
	struct buf value;
	char *key, buf[96];
	size_t key_n;

	str_trim(&p, &n);
	if (n == 0 || *p == '#')
		return;
	if (memchr(p, '\0', n) != NULL) {
		fn(arg, line, NULL, NULL, "a NUL byte: not a text file");
		return;
	}
	if (n > 7 && str_starts(p, "export") && (p[6] == ' ' || p[6] == '\t')) {
		p += 7;
		n -= 7;
		str_trim(&p, &n);
	}
	eq = memchr(p, '=', n);
	key_n = eq != NULL ? (size_t)(eq - p) : 0;
	if (eq == NULL || !key_ok(p, key_n)) {
		fn(arg, line, NULL, NULL,
		    eq == NULL ? no_equals(p, n, buf) : not_a_key(p, key_n, buf));
		return;
	}
	key = mem_ndup(p, key_n);
	buf_init(&value, VALUE_MAX);
	n -= key_n + 1;
	p = eq + 1;
	str_trim(&p, &n);
	why = n > 0 && (*p == '"' || *p == '\'') ? quoted(p, p + n, &value) :
						   plain(p, p + n, &value);
	if (why == NULL && buf_err(&value))
		why = "the value is longer than 64 KiB";
	fn(arg, line, key, value.p, why);
	mem_wipe(value.p, value.n);
	buf_free(&value);
	mem_free_secret(key);
}

/* As old Macs wrote files: to us it is all one line, mostly a comment. */
static bool
one_of_many(const char *p, size_t n)
{
	const char *cr = memchr(p, '\r', n);
	size_t rest = cr != NULL ? n - (size_t)(cr - p) : 0;

	str_trim(&cr, &rest);
	return rest > 0;
}

void
envfile_parse(const char *p, size_t n, envfile_fn fn, void *arg)
{
	unsigned int line = 0;

	if (n >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
		p += 3;
		n -= 3;
	}
	/* Windows calls it "Unicode": each line of it would be wrong */
	if (n >= 2 && (memcmp(p, "\xFF\xFE", 2) == 0 || memcmp(p, "\xFE\xFF", 2) == 0)) {
		fn(arg, 1, NULL, NULL, "saved as UTF-16; save it as UTF-8");
		return;
	}
	if (memchr(p, '\n', n) == NULL && one_of_many(p, n)) {
		fn(arg, 1, NULL, NULL, "its lines end in CR alone; save it with Unix line ends");
		return;
	}
	while (n > 0) {
		const char *nl = memchr(p, '\n', n);
		size_t len = nl != NULL ? (size_t)(nl - p) : n;

		one_line(p, len, ++line, fn, arg);
		if (nl != NULL)
			len++;
		p += len;
		n -= len;
	}
}

/*
 * Strict text.  Everything works on bytes with a length and ignores the
 * locale; nothing here accepts "almost".
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

void
strv_add(struct strv *v, const char *s, size_t n)
{
	v->v = mem_realloc(v->v, v->n + 1, sizeof(*v->v));
	v->v[v->n++] = mem_ndup(s, n);
}

void
strv_free(struct strv *v)
{
	for (size_t i = 0; i < v->n; i++)
		mem_free_secret(v->v[i]);
	free(v->v);
	v->v = NULL;
	v->n = 0;
}

void
strv_split(struct strv *v, const char *s, char sep)
{
	while (*s != '\0') {
		const char *end = strchrnul(s, sep), *p = s;
		size_t n = (size_t)(end - s);

		str_trim(&p, &n);
		if (n > 0)
			strv_add(v, p, n);
		s = *end == '\0' ? end : end + 1;
	}
}

enum rc
str_n_i64(const char *p, size_t n, int64_t *out)
{
	bool neg = n > 0 && *p == '-';
	int64_t v = 0;

	if (neg) {
		p++;
		n--;
	}
	if (n == 0)
		return RC_INVALID;
	for (; n > 0; p++, n--) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10, &v))
			return RC_INVALID;
		/* counted downwards where negative, so that INT64_MIN fits */
		if (neg ? __builtin_sub_overflow(v, *p - '0', &v) :
			  __builtin_add_overflow(v, *p - '0', &v))
			return RC_INVALID;
	}
	*out = v;
	return RC_OK;
}

enum rc
str_i64(const char *s, int64_t *out)
{
	return s == NULL ? RC_INVALID : str_n_i64(s, strlen(s), out);
}

static int
lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool
str_eq(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
str_ieq(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	while (*a != '\0' && (*a == *b || lower((unsigned char)*a) == lower((unsigned char)*b))) {
		a++;
		b++;
	}
	return *a == *b;	/* the loop ended at a difference or at both ends */
}

bool
str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_istarts(const char *s, const char *prefix)
{
	for (; *prefix != '\0'; s++, prefix++)
		if (lower((unsigned char)*s) != lower((unsigned char)*prefix))
			return false;
	return true;
}

bool
str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

static bool
alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool
str_charset(const char *s, size_t min, size_t max, const char *extra)
{
	size_t n = 0;

	if (s == NULL)
		return false;
	for (; s[n] != '\0'; n++)
		if (n == max || (!alnum(s[n]) && strchr(extra, s[n]) == NULL))
			return false;
	return n >= min;
}

void
str_hex(const void *p, size_t n, char *out)
{
	static const char digit[] = "0123456789abcdef";
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++) {
		*out++ = digit[b[i] >> 4];
		*out++ = digit[b[i] & 15];
	}
	*out = '\0';
}

static int
hexval(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum rc
str_unhex(const char *s, size_t n, void *out)
{
	unsigned char *b = out;

	if (n % 2 != 0)
		return RC_INVALID;
	for (size_t i = 0; i < n; i++)
		if (hexval(s[i]) < 0)
			return RC_INVALID;
	for (size_t i = 0; i < n; i += 2)
		b[i / 2] = (unsigned char)(hexval(s[i]) << 4 | hexval(s[i + 1]));
	return RC_OK;
}

static bool
space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

void
str_trim(const char **p, size_t *n)
{
	while (*n > 0 && space(**p)) {
		(*p)++;
		(*n)--;
	}
	while (*n > 0 && space((*p)[*n - 1]))
		(*n)--;
}

/* Is one of the eight bytes not a plain one?  Below 0x20 the difference, at 0x7F the sum has the
 * high bit; a borrow or carry from one byte to the next happens behind such a byte only. */
static bool
one_unplain(const char *p)
{
	const uint64_t ones = UINT64_MAX / 255, highs = ones * 0x80;
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return ((w | (w - ones * 0x20) | (w + ones)) & highs) != 0;
}

size_t
str_plain(const char *p, size_t n)
{
	size_t i = 0, step = sizeof(uint64_t);

	while (n - i >= step && !one_unplain(p + i))
		i += step;
	if (i > 0 && n - i < step && !one_unplain(p + n - step))
		return n;	/* the last ones together with some before them */
	while (i < n && p[i] >= 0x20 && p[i] < 0x7F)
		i++;
	return i;
}

/* Length of the well-formed character at p (Unicode 15, table 3-7); 0 if none. */
static size_t
utf8_one(const unsigned char *p, size_t n)
{
	unsigned char lo = 0x80, hi = 0xBF;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xC2 && p[0] <= 0xDF)
		len = 2;
	else if (p[0] >= 0xE0 && p[0] <= 0xEF)
		len = 3;
	else if (p[0] >= 0xF0 && p[0] <= 0xF4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	if (p[0] == 0xE0)
		lo = 0xA0;	/* overlong */
	else if (p[0] == 0xED)
		hi = 0x9F;	/* surrogates */
	else if (p[0] == 0xF0)
		lo = 0x90;	/* overlong */
	else if (p[0] == 0xF4)
		hi = 0x8F;	/* beyond 10FFFF */
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xBF)
			return 0;
	return len;
}

size_t
str_unseen(const char *s)
{
	static const struct {
		const char *lead;
		unsigned char from, to;
	} unseen[] = {
		{ "\xc2", 0x80, 0xa0 },
		{ "\xc2", 0xad, 0xad },
		{ "\xcd", 0x8f, 0x8f },	/* joins letters */
		{ "\xd8", 0x9c, 0x9c },
		{ "\xe1\x85", 0x9f, 0xa0 },	/* fillers of Hangul, here and below */
		{ "\xe1\xa0", 0x8e, 0x8e },
		{ "\xe2\x80", 0x80, 0x8c },
		{ "\xe2\x80", 0x8e, 0x8f },
		{ "\xe2\x80", 0xa8, 0xaf },
		{ "\xe2\x81", 0x9f, 0xaf },
		{ "\xe2\xa0", 0x80, 0x80 },	/* braille without a point */
		{ "\xe3\x80", 0x80, 0x80 },
		{ "\xe3\x85", 0xa4, 0xa4 },
		{ "\xef\xbb", 0xbf, 0xbf },
		{ "\xef\xbe", 0xa0, 0xa0 },
	};

	if (*s == '\0')
		return 0;
	if ((unsigned char)*s <= ' ' || *s == 0x7f)
		return 1;
	if ((unsigned char)*s < 0xc2)
		return 0;	/* nearly all */
	for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
		size_t n = strlen(unseen[i].lead);
		unsigned char last = strncmp(s, unseen[i].lead, n) == 0 ? (unsigned char)s[n] : 0;

		if (last >= unseen[i].from && last <= unseen[i].to)
			return n + 1;
	}
	return 0;
}

bool
str_utf8_ok(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t len;

	for (; n > 0; u += len, n -= len) {
		len = *u < 0x80 ? str_plain((const char *)u, n) : 0;
		if (len == 0)
			len = utf8_one(u, n);
		if (len == 0)
			return false;
	}
	return true;
}

char *
str_utf8_clean(struct mem_arena *a, const char *p, size_t n, bool *changed)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t bad = 0, len;
	char *out, *o;

	for (size_t i = 0; i < n; i += len) {
		len = u[i] < 0x80 ? str_plain(p + i, n - i) : 0;
		if (len > 0)
			continue;
		len = utf8_one(u + i, n - i);
		if (len == 0 || u[i] == 0) {
			bad++;
			len = 1;
		}
	}
	if (bad == 0)
		return mem_arena_ndup(a, p, n);
	if (changed != NULL)
		*changed = true;
	out = o = mem_arena_alloc(a, n + 2 * bad + 1);
	for (size_t i = 0; i < n; i += len) {
		len = utf8_one(u + i, n - i);
		if (len == 0 || u[i] == 0) {
			memcpy(o, "\xEF\xBF\xBD", 3);
			o += 3;
			len = 1;
		} else {
			memcpy(o, u + i, len);
			o += len;
		}
	}
	*o = '\0';
	return out;
}

size_t
str_utf8_cut(const char *p, size_t n, size_t max)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t m, back;

	if (n <= max)
		return n;
	/* the character that would be cut starts at most three bytes before */
	for (m = max, back = 0; m > 0 && back < 3 && (u[m] & 0xC0) == 0x80; m--)
		back++;
	if ((u[m] & 0xC0) == 0x80 || utf8_one(u + m, n - m) <= max - m)
		return max;	/* not UTF-8 there, or nothing is cut */
	return m;
}

size_t
str_utf8_len(const char *p, size_t n)
{
	size_t chars = 0;

	for (size_t i = 0; i < n; i++)
		chars += ((unsigned char)p[i] & 0xC0) != 0x80;
	return chars;
}

size_t
str_utf8_cut_chars(const char *p, size_t n, size_t max_chars)
{
	size_t chars = 0, i;

	for (i = 0; i < n; i++) {
		if (((unsigned char)p[i] & 0xC0) == 0x80)
			continue;
		if (chars++ == max_chars)
			break;
	}
	return i;
}

/* Levenshtein distance, or big where the names are too long to be typos. */
static size_t
distance(const char *a, const char *b, size_t big)
{
	enum { MAX = 64 };
	size_t row[MAX + 1], n = strlen(a), m = strlen(b);

	if (n > MAX || m > MAX)
		return big;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diag = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t up = row[j], best = diag;

			if (lower((unsigned char)a[i - 1]) != lower((unsigned char)b[j - 1]))
				best++;
			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diag = up;
		}
	}
	return row[m];
}

const char *
str_nearest(const char *s, const char *const *v, size_t n)
{
	size_t best = strlen(s) / 3 + 1;	/* a third of the letters may be wrong */
	const char *near = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(s, v[i], SIZE_MAX);

		if (d < best) {
			best = d;
			near = v[i];
		}
	}
	return near;
}

bool
str_eq_trim(const char *a, const char *b)
{
	const char *x = a != NULL ? a : "", *y = b != NULL ? b : "";
	size_t n = strlen(x), m = strlen(y);

	str_trim(&x, &n);
	str_trim(&y, &m);
	return n == m && memcmp(x, y, n) == 0;
}

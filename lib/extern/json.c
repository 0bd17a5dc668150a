/*
 * json-c builds the tree; whether the bytes are JSON is decided here, before
 * json-c sees them.  What its strict mode refuses changes from version to
 * version (0.18 refuses every byte above 0x7f: json-c issue 892), so that mode
 * is not used: a reader of RFC 8259 checks grammar, escapes, numbers, UTF-8
 * and the depth.  It also writes an exponent "e0" behind whole numbers that
 * json-c would change (19 digits or more, and "-0").  With an exponent json-c
 * keeps the source text beside the double; num_text takes the "e0" off again.
 * Escaped characters that json-c misreads become UTF-8 (lex_pair).  Only then is a
 * copy of the input made: nearly all bodies parse in place.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* two of json-c's type names are function names of ours */
#define json_bool jsonc_bool
#define json_type jsonc_type
#include <json-c/json.h>
#undef json_bool
#undef json_type

#include "extern/json.h"
#include "base/str.h"

#define DEPTH_MAX 32
#define EXACT_DIGITS 18		/* whole numbers up to here are exact in json-c */
#define RAW_MAX (64u << 20)	/* emergency brake: inputs are capped far below */
#define FEW 16

/* json-c's null is a NULL pointer; ours is a node of its own. */
static const char null_mark;
#define NULL_NODE ((const struct json *)(const void *)&null_mark)

static struct json_object *
obj(const struct json *j)
{
	return j == NULL || j == NULL_NODE ? NULL : (struct json_object *)(uintptr_t)j;
}

static const struct json *
node(struct json_object *o)
{
	return o == NULL ? NULL_NODE : (const struct json *)o;
}

/* A member's value: as node(), but NULL for null. */
static const struct json *
node_of(const struct lh_entry *e)
{
	return (const struct json *)e->v;
}

/* --- lexer ---------------------------------------------------------------- */

struct lexer {
	const char *p;
	size_t n, i;
	size_t depth;
	bool in_object[DEPTH_MAX];	/* else in an array */
	size_t done;		/* input before this is in copy */
	struct buf copy;
	bool copied;
	const char *what;	/* of an error */
};

static bool
is_digit(const struct lexer *l, size_t i)
{
	return i < l->n && l->p[i] >= '0' && l->p[i] <= '9';
}

static enum rc
lex_escape(struct lexer *l, size_t i)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	size_t k = 0;

	l->i = i;
	if (i + 1 < l->n && l->p[i + 1] == 'u')
		while (k < 4 && i + 2 + k < l->n && l->p[i + 2 + k] != '\0' &&
		    strchr(hex, l->p[i + 2 + k]) != NULL)
			k++;
	else if (i + 1 < l->n && l->p[i + 1] != '\0' && strchr("\"\\/bfnrt", l->p[i + 1]) != NULL)
		k = 4;
	l->what = "malformed escape in a string";
	return k == 4 ? RC_OK : RC_INVALID;
}

/* Four hexadecimal digits, known to be such. */
static uint32_t
hex4(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 4 | (uint32_t)((p[i] & 15) + (p[i] > '9' ? 9 : 0));
	return v;
}

static bool
is_u(const struct lexer *l, size_t i)
{
	return i + 1 < l->n && l->p[i] == '\\' && l->p[i + 1] == 'u';
}

/* What json-c gets is ours from here on, up to i in the input. */
static void
copy_to(struct lexer *l, size_t i)
{
	if (!l->copied)
		buf_init(&l->copy, l->n * 2 + 16);
	l->copied = true;
	buf_put(&l->copy, l->p + l->done, i - l->done);
	l->done = i;
}

/*
 * A pair of escapes at i whose character ends in the bits of a surrogate (U+1D800 to
 * U+1DFFF, and the same in each further plane: rare Chinese among them): json-c takes
 * it for half a pair once more.  Written as UTF-8 it does not.
 */
static void
lex_pair(struct lexer *l, size_t i)
{
	uint32_t c;

	if (!is_u(l, i) || !is_u(l, i + 6) || (hex4(l->p + i + 2) & 0xfc00) != 0xd800 ||
	    (hex4(l->p + i + 8) & 0xfc00) != 0xdc00)
		return;
	c = 0x10000 + ((hex4(l->p + i + 2) & 0x3ff) << 10) + (hex4(l->p + i + 8) & 0x3ff);
	if ((c & 0xf800) != 0xd800)
		return;
	copy_to(l, i);
	buf_putc(&l->copy, (char)(0xf0 | c >> 18));
	buf_putc(&l->copy, (char)(0x80 | (c >> 12 & 63)));
	buf_putc(&l->copy, (char)(0x80 | (c >> 6 & 63)));
	buf_putc(&l->copy, (char)(0x80 | (c & 63)));
	l->done = i + 12;
}

static enum rc
lex_string(struct lexer *l)
{
	const unsigned char *p = (const unsigned char *)l->p;
	size_t i = l->i + 1, n = l->n, last = 0;	/* the escape before */

	while (i < n && p[i] != '"' && p[i] >= 0x20) {
		if (p[i] == '\\') {
			if (lex_escape(l, i) != RC_OK)
				return RC_INVALID;
			if (last + 6 == i)
				lex_pair(l, last);
			last = i++;
		}
		i++;
	}
	l->i = i;
	if (i >= n)
		l->what = "unfinished string";
	else if (p[i] != '"')
		l->what = "control character in a string";
	else {
		l->i++;
		return RC_OK;
	}
	return RC_INVALID;
}

static size_t
lex_digits(struct lexer *l)
{
	size_t from = l->i;

	while (is_digit(l, l->i))
		l->i++;
	return l->i - from;
}

static enum rc
lex_number(struct lexer *l)
{
	size_t digits;
	bool neg = l->p[l->i] == '-', zero, whole = true;

	l->what = "malformed number";
	if (neg)
		l->i++;
	zero = l->i < l->n && l->p[l->i] == '0';
	digits = lex_digits(l);
	if (digits == 0 || (zero && digits > 1))
		return RC_INVALID;
	if (l->i < l->n && l->p[l->i] == '.') {
		l->i++;
		whole = false;
		if (lex_digits(l) == 0)
			return RC_INVALID;
	}
	if (l->i < l->n && (l->p[l->i] == 'e' || l->p[l->i] == 'E')) {
		l->i++;
		whole = false;
		if (l->i < l->n && (l->p[l->i] == '+' || l->p[l->i] == '-'))
			l->i++;
		if (lex_digits(l) == 0)
			return RC_INVALID;
	}
	if (whole && (digits > EXACT_DIGITS || (zero && neg))) {
		copy_to(l, l->i);
		buf_puts(&l->copy, "e0");
	}
	return RC_OK;
}

static enum rc
lex_word(struct lexer *l)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t w = 0; w < 3; w++) {
		size_t n = strlen(words[w]);

		if (l->n - l->i >= n && memcmp(l->p + l->i, words[w], n) == 0) {
			l->i += n;
			return RC_OK;
		}
	}
	l->what = "unexpected character";
	return RC_INVALID;
}

static enum rc
lex_scalar(struct lexer *l)
{
	if (l->p[l->i] == '"')
		return lex_string(l);
	return l->p[l->i] == '-' || is_digit(l, l->i) ? lex_number(l) : lex_word(l);
}

/* What may come next.  A container that has just begun may also end. */
enum expect {
	EXPECT_VALUE,
	EXPECT_FIRST_VALUE,
	EXPECT_KEY,
	EXPECT_FIRST_KEY,
	EXPECT_COLON,
	EXPECT_COMMA,
	EXPECT_END
};

static enum rc
lex_open(struct lexer *l, enum expect *next)
{
	bool object = l->p[l->i] == '{';

	if (*next != EXPECT_VALUE && *next != EXPECT_FIRST_VALUE)
		return RC_INVALID;
	if (l->depth == DEPTH_MAX) {
		l->what = "nested too deep";
		return RC_LIMIT;
	}
	l->in_object[l->depth++] = object;
	*next = object ? EXPECT_FIRST_KEY : EXPECT_FIRST_VALUE;
	l->i++;
	return RC_OK;
}

static enum rc
lex_close(struct lexer *l, enum expect *next)
{
	bool object = l->p[l->i] == '}';

	if (l->depth == 0 || l->in_object[l->depth - 1] != object ||
	    (*next != EXPECT_COMMA && *next != (object ? EXPECT_FIRST_KEY : EXPECT_FIRST_VALUE)))
		return RC_INVALID;
	*next = --l->depth == 0 ? EXPECT_END : EXPECT_COMMA;
	l->i++;
	return RC_OK;
}

/* A colon or a comma. */
static enum rc
lex_between(struct lexer *l, enum expect *next)
{
	bool colon = l->p[l->i] == ':';

	if (*next != (colon ? EXPECT_COLON : EXPECT_COMMA))
		return RC_INVALID;
	*next = !colon && l->in_object[l->depth - 1] ? EXPECT_KEY : EXPECT_VALUE;
	l->i++;
	return RC_OK;
}

static enum rc
lex_value_or_key(struct lexer *l, enum expect *next)
{
	bool key = *next == EXPECT_KEY || *next == EXPECT_FIRST_KEY;

	if (key ? l->p[l->i] != '"' : *next != EXPECT_VALUE && *next != EXPECT_FIRST_VALUE)
		return RC_INVALID;
	*next = key ? EXPECT_COLON : l->depth == 0 ? EXPECT_END : EXPECT_COMMA;
	return lex_scalar(l);
}

static enum rc
lex(struct lexer *l)
{
	enum expect next = EXPECT_VALUE;
	enum rc rc = RC_OK;

	while (rc == RC_OK && l->i < l->n) {
		l->what = "unexpected character";
		switch (l->p[l->i]) {
		case ' ':
		case '\t':
		case '\n':
		case '\r':
			l->i++;
			break;
		case '{':
		case '[':
			rc = lex_open(l, &next);
			break;
		case '}':
		case ']':
			rc = lex_close(l, &next);
			break;
		case ':':
		case ',':
			rc = lex_between(l, &next);
			break;
		default:
			rc = lex_value_or_key(l, &next);
		}
	}
	if (rc == RC_OK && next != EXPECT_END) {
		l->what = "unexpected end";
		rc = RC_INVALID;
	}
	return rc;
}

static enum rc
tokenise(const char *p, size_t n, struct json_object **out, const char **what, size_t *at)
{
	struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX + 8);
	struct json_object *o;
	enum json_tokener_error e;

	if (t == NULL)
		abort();
	o = json_tokener_parse_ex(t, p, (int)n);
	e = json_tokener_get_error(t);
	*at = json_tokener_get_parse_end(t);
	if (e == json_tokener_continue) {	/* a number at the very end wants a NUL */
		o = json_tokener_parse_ex(t, "", 1);
		e = json_tokener_get_error(t);
		*at = n;
	} else if (e == json_tokener_success && *at < n)
		e = json_tokener_error_parse_unexpected;
	json_tokener_free(t);
	if (e != json_tokener_success) {
		*what = e == json_tokener_continue ? "unexpected end" : json_tokener_error_desc(e);
		json_object_put(o);
		return RC_INVALID;
	}
	*out = o;
	return RC_OK;
}

enum rc
json_parse(const char *p, size_t n, struct json **out, char err[128])
{
	struct lexer l = { .p = p, .n = n };
	struct json_object *o = NULL;
	size_t at;
	enum rc rc;

	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {	/* a byte order mark says nothing */
		l.p += 3;
		l.n -= 3;
	}
	while (l.n > 0 && strchr(" \t\r\n", l.p[l.n - 1]) != NULL && l.p[l.n - 1] != '\0')
		l.n--;
	if (l.n > RAW_MAX / 4) {
		if (err != NULL)
			snprintf(err, 128, "too long");
		return RC_LIMIT;
	}
	rc = lex(&l);
	at = l.i;
	if (rc == RC_OK && !str_utf8_ok(l.p, l.n)) {
		l.what = "invalid UTF-8";
		rc = RC_INVALID;
	}
	if (rc == RC_OK && l.copied) {
		buf_put(&l.copy, l.p + l.done, l.n - l.done);
		rc = tokenise(l.copy.p, l.copy.n, &o, &l.what, &at);
	} else if (rc == RC_OK)
		rc = tokenise(l.p, l.n, &o, &l.what, &at);
	if (l.copied)
		buf_free(&l.copy);
	if (rc == RC_OK)
		*out = o == NULL ? (struct json *)(uintptr_t)NULL_NODE : (struct json *)o;
	else if (err != NULL)
		snprintf(err, 128, "%s at byte %zu", l.what, at);
	return rc;
}

static void
put_escape(struct buf *b, unsigned char c)
{
	switch (c) {
	case '"':
		buf_puts(b, "\\\"");
		break;
	case '\\':
		buf_puts(b, "\\\\");
		break;
	case '\n':
		buf_puts(b, "\\n");
		break;
	case '\r':
		buf_puts(b, "\\r");
		break;
	case '\t':
		buf_puts(b, "\\t");
		break;
	case '\0':	/* jsonb takes no \u0000 (ARCHITECTURE.md 6.2) */
		buf_puts(b, "\xef\xbf\xbd");
		break;
	default:
		buf_printf(b, "\\u%04x", c);
	}
}

char *
json_mend(struct mem_arena *a, const char *p, size_t n, size_t *out_n, const char **why)
{
	bool string = false, controls = false, utf8 = str_utf8_ok(p, n);
	struct buf b;
	char *s;

	buf_init(&b, n * 6 + 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '"')
			string = !string;
		if (string && c < 0x20) {
			put_escape(&b, c);
			controls = true;
			continue;
		}
		buf_putc(&b, p[i]);
		if (string && c == '\\' && i + 1 < n && (unsigned char)p[i + 1] >= 0x20)
			buf_putc(&b, p[++i]);
	}
	s = utf8 && !controls ? NULL : str_utf8_clean(a, b.p, b.n, NULL);
	if (s != NULL) {
		*out_n = strlen(s);
		*why = utf8 ? "raw_controls" : "bad_utf8";
	}
	buf_free(&b);
	return s;
}

void
json_free(struct json *j)
{
	json_object_put(obj(j));
}

/* --- getters -------------------------------------------------------------- */

enum json_type
json_type(const struct json *j)
{
	if (j == NULL)
		return JSON_ABSENT;
	switch (json_object_get_type(obj(j))) {
	case json_type_null:
		return JSON_NULL;
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_int:
	case json_type_double:
		return JSON_NUMBER;
	case json_type_string:
		return JSON_STRING;
	case json_type_array:
		return JSON_ARRAY;
	case json_type_object:
		return JSON_OBJECT;
	}
	return JSON_ABSENT;
}

/* The member whose name is the n bytes at key, NULL where it is absent or null.  Nearly
 * all objects have few members, which are sooner compared than hashed. */
static const struct json *
member(const struct json *j, const char *key, size_t n)
{
	const struct lh_table *t = json_object_get_object(obj(j));	/* NULL: no object */
	struct json_object *o = NULL;
	char part[128];

	if (t == NULL)
		return NULL;
	if (t->count > FEW) {
		if (key[n] != '\0') {		/* a part of a path */
			if (n >= sizeof part)
				return NULL;
			memcpy(part, key, n);
			part[n] = '\0';
			key = part;
		}
		return json_object_object_get_ex(obj(j), key, &o) && o != NULL ? node(o) : NULL;
	}
	for (const struct lh_entry *e = t->head; e != NULL; e = e->next) {
		const char *k = e->k;

		if ((n == 0 || *k == *key) && strncmp(k, key, n) == 0 && k[n] == '\0')
			return node_of(e);
	}
	return NULL;
}

const struct json *
json_member(const struct json *j, const char *key)
{
	return member(j, key, strlen(key));
}

bool
json_is_null(const struct json *j, const char *key)
{
	struct json_object *o = NULL;

	return json_type(j) == JSON_OBJECT && json_object_object_get_ex(obj(j), key, &o) &&
	    o == NULL;
}

const struct json *
json_get(const struct json *j, const char *path)
{
	const char *dot;

	for (; (dot = strchr(path, '.')) != NULL; path = dot + 1)
		if ((j = member(j, path, (size_t)(dot - path))) == NULL)
			return NULL;
	return json_member(j, path);
}

uint64_t
json_initials(const struct json *j)
{
	const struct lh_table *t = json_object_get_object(obj(j));
	uint64_t bits = 0;

	for (const struct lh_entry *e = t != NULL ? t->head : NULL; e != NULL; e = e->next) {
		bits |= json_initial(e->k);
		if (strchr(e->k, '.') != NULL || json_object_get_object(obj(node_of(e))) != NULL)
			bits |= JSON_DEEP;
	}
	return bits;
}

/* The strings of a tree, names among them.  Recursion is bounded by DEPTH_MAX. */
static size_t
strings(struct json_object *o)
{
	const struct lh_table *t = json_object_get_object(o);
	size_t n = 0;

	if (t != NULL)
		for (const struct lh_entry *e = t->head; e != NULL; e = e->next)
			n += 1 + strings(obj(node_of(e)));
	else if (json_object_is_type(o, json_type_array))
		for (size_t i = 0; i < json_object_array_length(o); i++)
			n += strings(json_object_array_get_idx(o, i));
	else
		n = json_object_is_type(o, json_type_string);
	return n;
}

/* json-c keeps the last of two members of one name: then the text has more quotes than
 * the tree has strings. */
bool
json_once(const struct json *j, const char *p, size_t n)
{
	size_t quotes = 0;

	if (memchr(p, '\\', n) != NULL)
		return false;
	for (const char *q = p; (q = memchr(q, '"', (size_t)(p + n - q))) != NULL; q++)
		quotes++;
	return quotes == 2 * strings(obj(j));
}

size_t
json_len(const struct json *j)
{
	return json_type(j) == JSON_ARRAY ? json_object_array_length(obj(j)) : 0;
}

const struct json *
json_at(const struct json *j, size_t i)
{
	return i < json_len(j) ? node(json_object_array_get_idx(obj(j), i)) : NULL;
}

bool
json_each(const struct json *j, struct json_iter *it, const char **key, const struct json **value)
{
	const struct lh_entry *e;

	if (json_type(j) != JSON_OBJECT)
		return false;
	e = it->at != NULL ? ((const struct lh_entry *)it->at)->next :
			     json_object_get_object(obj(j))->head;
	if (e == NULL)
		return false;
	it->at = e;
	*key = lh_entry_k(e);
	*value = node((struct json_object *)(uintptr_t)lh_entry_v(e));
	return true;
}

static const char *
int_text(int64_t v, char tmp[32], size_t *n)
{
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	char *p = tmp + 31;

	*p = '\0';
	do
		*--p = (char)('0' + rest % 10);
	while ((rest /= 10) != 0);
	if (v < 0)
		*--p = '-';
	*n = (size_t)(tmp + 31 - p);
	return p;
}

/* The source text of a number; small ones are written into tmp. */
static const char *
num_text(struct json_object *o, char tmp[32], size_t *n)
{
	const char *s;
	size_t len, digits;

	if (json_object_is_type(o, json_type_int))
		return int_text(json_object_get_int64(o), tmp, n);
	s = json_object_get_userdata(o);	/* json-c keeps a double's text here */
	if (s == NULL)
		s = json_object_to_json_string(o);
	len = strlen(s);
	digits = strspn(s + (*s == '-'), "0123456789");
	if (len > 2 && strcmp(s + len - 2, "e0") == 0 && digits + (*s == '-') + 2 == len &&
	    (digits > EXACT_DIGITS || strcmp(s, "-0e0") == 0))
		len -= 2;
	*n = len;
	return s;
}

char *
json_str(struct mem_arena *a, const struct json *j)
{
	if (json_type(j) != JSON_STRING)
		return NULL;
	return str_utf8_clean(
	    a, json_object_get_string(obj(j)), (size_t)json_object_get_string_len(obj(j)), NULL);
}

char *
json_text(struct mem_arena *a, const struct json *j)
{
	char tmp[32];
	const char *s;
	size_t n;

	if (json_type(j) != JSON_NUMBER)
		return json_str(a, j);
	s = num_text(obj(j), tmp, &n);
	return mem_arena_ndup(a, s, n);
}

enum rc
json_i64(const struct json *j, int64_t *out)
{
	char tmp[32];
	const char *s;
	size_t n;

	if (json_type(j) == JSON_NUMBER)
		s = num_text(obj(j), tmp, &n);
	else if (json_type(j) == JSON_STRING) {
		s = json_object_get_string(obj(j));
		n = (size_t)json_object_get_string_len(obj(j));
	} else
		return RC_INVALID;
	return str_n_i64(s, n, out);
}

bool
json_bool(const struct json *j, bool def)
{
	static const char *const words[] = { "false", "no", "off", "0", "true", "yes", "on", "1" };
	const char *s;

	if (json_type(j) == JSON_BOOL)
		return json_object_get_boolean(obj(j));
	if (json_type(j) != JSON_STRING && json_type(j) != JSON_NUMBER)
		return def;
	s = json_object_get_string(obj(j));
	for (size_t i = 0; i < 8; i++)
		if (strcasecmp(s, words[i]) == 0)
			return i >= 4;
	return def;
}

/* --- writing -------------------------------------------------------------- */

/* Length of the well-formed character at p, 0 where it is none. */
static size_t
utf8_char(const char *p, size_t n)
{
	unsigned char c = (unsigned char)*p;
	size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;

	return want != 0 && want <= n && str_utf8_ok(p, want) ? want : 0;
}

/* Does one of the eight bytes need an escape, or more bytes, in a string?  The highest bit of a
 * byte tells. */
static bool
one_unplain(const char *p)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t x;

	memcpy(&x, p, sizeof x);
	return ((x | (x - 0x20 * ones) | ((x ^ '"' * ones) - ones) | ((x ^ '\\' * ones) - ones)) &
		   0x80 * ones) != 0;
}

/* How many bytes from p on stand for themselves in a string: ASCII but for control characters,
 * the quote and the backslash. */
static size_t
plain_len(const char *p, size_t n)
{
	size_t i = 0, step = sizeof(uint64_t);

	while (n - i >= step && !one_unplain(p + i))
		i += step;
	if (i > 0 && n - i < step && !one_unplain(p + n - step))
		return n;	/* the last ones together with some before them */
	while (i < n && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x80 && p[i] != '"' &&
	    p[i] != '\\')
		i++;
	return i;
}

void
json_put_strn(struct buf *b, const char *p, size_t n)
{
	size_t i = plain_len(p, n), from = 0;
	char *to;

	if (i == n) {
		if ((to = buf_add(b, n + 2)) != NULL) {
			to[0] = to[n + 1] = '"';
			if (n > 0)
				memcpy(to + 1, p, n);
		}
		return;
	}
	buf_putc(b, '"');
	while (i < n) {
		unsigned char c;
		size_t w;

		i += plain_len(p + i, n - i);
		if (i == n)
			break;
		c = (unsigned char)p[i];
		if (c >= 0x80 && (w = utf8_char(p + i, n - i)) != 0) {
			i += w;
			continue;
		}
		buf_put(b, p + from, i - from);
		if (c >= 0x80)
			buf_puts(b, "\xef\xbf\xbd");
		else
			put_escape(b, c);
		from = ++i;
	}
	buf_put(b, p + from, n - from);
	buf_putc(b, '"');
}

void
json_put_str(struct buf *b, const char *s)
{
	if (s == NULL)
		buf_puts(b, "null");
	else
		json_put_strn(b, s, strlen(s));
}

/* PostgreSQL's numeric overflows on 1e999999: such numbers go as strings. */
static bool
number_fits(const char *s, size_t n)
{
	const char *e = memchr(s, 'e', n);

	if (e == NULL)
		e = memchr(s, 'E', n);
	if (e == NULL)
		return n <= 1000;
	return n <= 1000 && (size_t)(s + n - e) <= 5;
}

struct pair {
	const char *key;
	struct json_object *v;
};

static int
pair_cmp(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void put_value(struct buf *b, struct json_object *o, bool sorted);

static void
put_object(struct buf *b, struct json_object *o, bool sorted)
{
	size_t n = (size_t)json_object_object_length(o), i = 0;
	struct pair *v = mem_array(n + 1, sizeof *v);

	for (struct lh_entry *e = json_object_get_object(o)->head; e != NULL && i < n;
	     e = e->next) {
		v[i].key = lh_entry_k(e);
		v[i++].v = (struct json_object *)(uintptr_t)lh_entry_v(e);
	}
	if (sorted)
		qsort(v, i, sizeof *v, pair_cmp);
	buf_putc(b, '{');
	for (size_t k = 0; k < i; k++) {
		if (k > 0)
			buf_putc(b, ',');
		json_put_str(b, v[k].key);
		buf_putc(b, ':');
		put_value(b, v[k].v, sorted);
	}
	buf_putc(b, '}');
	free(v);
}

static void
put_array(struct buf *b, struct json_object *o, bool sorted)
{
	size_t n = json_object_array_length(o);

	buf_putc(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(b, ',');
		put_value(b, json_object_array_get_idx(o, i), sorted);
	}
	buf_putc(b, ']');
}

/* Recursion is bounded by DEPTH_MAX. */
static void
put_value(struct buf *b, struct json_object *o, bool sorted)
{
	char tmp[32];
	const char *s;
	size_t n;

	switch (json_object_get_type(o)) {
	case json_type_null:
		buf_puts(b, "null");
		break;
	case json_type_boolean:
		buf_puts(b, json_object_get_boolean(o) ? "true" : "false");
		break;
	case json_type_int:
	case json_type_double:
		s = num_text(o, tmp, &n);
		if (number_fits(s, n))
			buf_put(b, s, n);
		else
			json_put_strn(b, s, n);
		break;
	case json_type_string:
		json_put_strn(b, json_object_get_string(o), (size_t)json_object_get_string_len(o));
		break;
	case json_type_array:
		put_array(b, o, sorted);
		break;
	case json_type_object:
		put_object(b, o, sorted);
		break;
	}
}

static char *
serialise(struct mem_arena *a, const struct json *j, bool sorted)
{
	struct buf b;
	char *s;

	buf_init(&b, RAW_MAX);
	put_value(&b, obj(j), sorted);
	s = buf_err(&b) ? mem_arena_dup(a, "null") : mem_arena_ndup(a, b.p, b.n);
	buf_free(&b);
	return s;
}

char *
json_raw(struct mem_arena *a, const struct json *j)
{
	return serialise(a, j, false);
}

char *
json_canonical(struct mem_arena *a, const struct json *j)
{
	return serialise(a, j, true);
}

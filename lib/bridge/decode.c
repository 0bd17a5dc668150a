/*
 * From bytes to text that providers read (decode.h).  What arrived stays as it is in the
 * ledger and in the spool, so that a replay decodes it again, by what the bytes and their
 * content type say; no other header is needed for it.
 */
#include "bridge/decode.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/charset.h"
#include "base/http.h"
#include "base/inflate.h"
#include "base/str.h"
#include "extern/json.h"
#include "extern/sign.h"

#define FIELDS_MAX 1000
#define PATH_MAX_PARTS 8	/* a[b][c]... */
#define STRINGS_MAX 3		/* JSON in a string in a string */
#define TIMES_MAX 3		/* compressed */
#define LOOK 64

struct body {
	struct mem_arena *a;
	const char *type;	/* content type, never NULL */
	const char *p;
	size_t n, max;
	const char *why;
};

static void
take_buf(struct body *x, struct buf *b)
{
	x->p = mem_arena_ndup(x->a, b->p, b->n);
	x->n = b->n;
}

/* --- content type ---------------------------------------------------------- */

/* charset=, boundary=: "" where it is not there or too long. */
static void
param(const char *type, const char *name, char out[128])
{
	size_t n = strlen(name), k = 0;
	const char *p = type, *end;

	*out = '\0';
	while ((p = strchr(p, ';')) != NULL) {
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, name, n) != 0 || p[n] != '=')
			continue;
		p += n + 1;
		end = *p == '"' ? strchrnul(++p, '"') : p + strcspn(p, "; \t,");
		if ((size_t)(end - p) < 128) {
			k = (size_t)(end - p);
			memcpy(out, p, k);
		}
		out[k] = '\0';
		return;
	}
}

static bool
is_utf8_name(const char *s)
{
	return *s == '\0' || str_ieq(s, "utf-8") || str_ieq(s, "utf8");
}

static bool
starts_json(const struct body *x)
{
	const char *p = x->p;
	size_t n = x->n;

	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		n -= 3;
	}
	str_trim(&p, &n);
	return n > 0 && (*p == '{' || *p == '[' || *p == '"');
}

/* --- compression and encoding ---------------------------------------------- */

/* No text in any encoding has such bytes, but for UTF-16 and UTF-32: of 64 compressed bytes
 * hardly ever none is one. */
static bool
is_binary(const struct body *x)
{
	if (charset_guess(x->p, x->n) != NULL)
		return false;
	for (size_t i = 0; i < x->n && i < LOOK; i++)
		if ((unsigned char)x->p[i] < ' ' && memchr("\t\n\v\f\r\033", x->p[i], 6) == NULL)
			return !str_utf8_ok(x->p, x->n);
	return false;
}

/* Of what no head says how it is compressed: deflate as it is (some take "deflate" for it).
 * The rest is brotli, zstd or the like, which nobody promised a webhook to understand. */
static enum rc
decompress_bare(struct body *x)
{
	struct body y = *x;
	struct buf b;
	enum rc rc;

	buf_init(&b, x->max);
	rc = inflate_raw(x->p, x->n, &b);
	if (rc == RC_OK)
		take_buf(&y, &b);
	buf_free(&b);
	if (rc == RC_OK && y.n > 0 && !is_binary(&y)) {
		*x = y;
		return RC_OK;
	}
	x->why = rc == RC_LIMIT ? "too_large" : "unknown_compression";
	return RC_INVALID;
}

static enum rc
decompress(struct body *x)
{
	struct buf b;
	enum rc rc;

	/* more than once where a proxy compresses what is compressed */
	for (int i = 0; i < TIMES_MAX && inflate_is(x->p, x->n); i++) {
		buf_init(&b, x->max);
		rc = inflate(x->p, x->n, &b);
		x->why = rc == RC_LIMIT ? "too_large" : "bad_compression";
		if (rc == RC_OK)
			take_buf(x, &b);
		buf_free(&b);
		if (rc == RC_INVALID && !is_binary(x))	/* a text that begins so */
			return RC_OK;
		if (rc != RC_OK)
			return RC_INVALID;
	}
	return RC_OK;
}

/* n bytes at p, which are in an encoding, as UTF-8 in the arena. */
static enum rc
convert(struct body *x, const char *charset, const char **p, size_t *n)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, x->max);
	rc = charset_to_utf8(charset, *p, *n, &b);
	x->why = rc == RC_NONE ? "unknown_charset" : rc == RC_LIMIT ? "too_large" : "bad_charset";
	if (rc == RC_OK) {
		*p = mem_arena_ndup(x->a, b.p, b.n);
		*n = b.n;
	}
	buf_free(&b);
	return rc == RC_OK ? RC_OK : RC_INVALID;
}

/* The whole text.  What is good UTF-8 is believed to be it, whatever was declared: a text
 * in another encoding hardly ever looks so, and wrong declarations are common. */
static enum rc
recode(struct body *x, const char *charset)
{
	const char *guess = charset_guess(x->p, x->n);

	if (guess != NULL && convert(x, guess, &x->p, &x->n) == RC_OK)
		return RC_OK;
	if (guess != NULL) {
		/* nobody said that it is UTF-16, and it is not */
		if (is_utf8_name(charset) && str_eq(x->why, "bad_charset"))
			x->why = "unknown_compression";
		return RC_INVALID;
	}
	if (is_utf8_name(charset) || str_utf8_ok(x->p, x->n))
		return RC_OK;
	return convert(x, charset, &x->p, &x->n);
}

/* --- forms ------------------------------------------------------------------ */

struct form {
	struct http_field *v;
	size_t n;
};

static void
put_encoded(struct buf *b, const char *p, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c > ' ' && c < 0x7f && strchr("%&=+", c) == NULL) {
			buf_putc(b, p[i]);
			continue;
		}
		buf_putc(b, '%');
		buf_putc(b, hex[c >> 4]);
		buf_putc(b, hex[c & 15]);
	}
}

static void
put_form(struct body *x, const struct form *f)
{
	struct buf b;

	buf_init(&b, x->max * 3 + 1024);
	for (size_t i = 0; i < f->n; i++) {
		if (i > 0)
			buf_putc(&b, '&');
		put_encoded(&b, f->v[i].name, strlen(f->v[i].name));
		buf_putc(&b, '=');
		put_encoded(&b, f->v[i].value, f->v[i].value_n);
	}
	take_buf(x, &b);
	buf_free(&b);
}

/* The values of a form in its declared encoding; a field _charset_ names one, too. */
static enum rc
recode_form(struct body *x, struct form *f, const char *charset, bool *changed)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->v[i].name, "_charset_") && f->v[i].value_n > 0)
			charset = f->v[i].value;
	if (is_utf8_name(charset))
		return RC_OK;
	*changed = true;
	for (size_t i = 0; i < f->n; i++)
		if (!str_utf8_ok(f->v[i].value, f->v[i].value_n) &&
		    convert(x, charset, &f->v[i].value, &f->v[i].value_n) != RC_OK)
			return RC_INVALID;
	return RC_OK;
}

/* --- names as PHP writes them: sender[id], attachments[0][url] -------------- */

struct node {
	const char *key;
	size_t key_n;
	const struct http_field *leaf;	/* NULL: has children */
	struct node *first, *last, *next;
	size_t n;
};

static struct node *
child(struct mem_arena *a, struct node *parent, const char *key, size_t n)
{
	struct node *c;

	for (c = parent->first; c != NULL && n > 0; c = c->next)
		if (c->key_n == n && memcmp(c->key, key, n) == 0)
			return c;
	c = mem_arena_alloc(a, sizeof *c);
	*c = (struct node){ .key = key, .key_n = n };
	if (parent->last != NULL)
		parent->last->next = c;
	else
		parent->first = c;
	parent->last = c;
	parent->n++;
	return c;
}

/* The first of two fields of one name counts, as in a plain form. */
static void
add_field(struct mem_arena *a, struct node *root, const struct http_field *f)
{
	const char *p = f->name, *end = p + strcspn(p, "[");
	struct node *at;

	if (end == p)
		return;
	at = child(a, root, p, (size_t)(end - p));
	for (int parts = 0; *end == '[' && parts < PATH_MAX_PARTS; parts++) {
		p = end + 1;
		end = strchrnul(p, ']');
		if (*end == '\0' || at->leaf != NULL)
			return;
		at = child(a, at, p, (size_t)(end - p));
		end++;
	}
	if (at->leaf == NULL && at->first == NULL)
		at->leaf = f;
}

/* Numbers from 0 on, or nothing, for names: a list. */
static bool
is_list(const struct node *x)
{
	size_t i = 0;

	for (const struct node *c = x->first; c != NULL; c = c->next, i++) {
		int64_t k;

		if (c->key_n > 0 && (str_n_i64(c->key, c->key_n, &k) != RC_OK || (size_t)k != i))
			return false;
	}
	return x->first != NULL;
}

static void
put_node(struct mem_arena *a, struct buf *b, const struct node *x, bool root)
{
	bool list = !root && is_list(x);
	const char *text;

	if (x->leaf != NULL || x->first == NULL) {
		text = x->leaf == NULL ? "" :
					 str_utf8_clean(a, x->leaf->value, x->leaf->value_n, NULL);
		json_put_str(b, text);
		return;
	}
	buf_putc(b, list ? '[' : '{');
	for (const struct node *c = x->first; c != NULL; c = c->next) {
		if (c != x->first)
			buf_putc(b, ',');
		if (!list) {
			json_put_strn(b, c->key, c->key_n);
			buf_putc(b, ':');
		}
		put_node(a, b, c, false);	/* PATH_MAX_PARTS deep at most */
	}
	buf_putc(b, list ? ']' : '}');
}

static void
nest(struct body *x, const struct form *f)
{
	struct node root = { 0 };
	struct buf b;

	for (size_t i = 0; i < f->n; i++)
		add_field(x->a, &root, &f->v[i]);
	buf_init(&b, x->max * 6 + 65536);
	put_node(x->a, &b, &root, true);
	if (!buf_err(&b) && root.first != NULL)
		take_buf(x, &b);
	buf_free(&b);
}

/* --- JSON in a form --------------------------------------------------------- */

/* An object or a list, or a string that begins like one and is read by unquote. */
static bool
is_json(struct mem_arena *a, const char *p, size_t n)
{
	struct json *j = NULL;
	enum json_type t;
	const char *s;

	str_trim(&p, &n);
	if (n < 2 || strchr("{[\"", *p) == NULL || json_parse(p, n, &j, NULL) != RC_OK)
		return false;
	t = json_type(j);
	s = t == JSON_STRING ? json_str(a, j) : NULL;
	json_free(j);
	return t == JSON_OBJECT || t == JSON_ARRAY || (s != NULL && (*s == '{' || *s == '['));
}

/* A name that says the whole is in it; a customer's text may be JSON, too. */
static bool
whole_name(const char *s)
{
	static const char *const names[] = { "payload", "data", "json", "jsonData", "json_data",
		"body", "request", "event", "params", "postData", NULL };

	for (const char *const *n = names; *n != NULL; n++)
		if (str_ieq(s, *n))
			return true;
	return false;
}

/* The one field that holds the JSON; NULL where the fields are the message. */
static const struct http_field *
json_field(struct mem_arena *a, const struct form *f)
{
	static const char *const own[] = { "contact_id", "user_id", "senderId", "userId", "fromId",
		"sender.id", "text", "message", "last_input", NULL };
	const struct http_field *found = NULL;

	for (size_t i = 0; i < f->n; i++) {
		for (const char *const *o = own; *o != NULL; o++)
			if (str_eq(f->v[i].name, *o) && f->n > 1)
				return NULL;
		if (found == NULL && (f->n == 1 || whole_name(f->v[i].name)) &&
		    is_json(a, f->v[i].value, f->v[i].value_n))
			found = &f->v[i];
	}
	return found;
}

static enum rc
read_form(struct body *x, struct form *f, bool changed, const char *charset)
{
	const struct http_field *j;
	bool brackets = false;
	enum rc rc = recode_form(x, f, charset, &changed);

	if (rc != RC_OK)
		return rc;
	if (f->n == 1 && f->v[0].value_n == 0 &&
	    is_json(x->a, f->v[0].name, strlen(f->v[0].name))) {
		x->p = f->v[0].name;	/* the JSON itself, encoded as if it were a form */
		x->n = strlen(x->p);
		return RC_OK;
	}
	j = json_field(x->a, f);
	if (j != NULL) {
		x->p = j->value;
		x->n = j->value_n;
		return RC_OK;
	}
	for (size_t i = 0; i < f->n; i++) {
		const char *open = strchr(f->v[i].name, '[');

		brackets |= open != NULL && strchr(open, ']') != NULL;
	}
	if (brackets)
		nest(x, f);
	else if (changed)
		put_form(x, f);
	return RC_OK;
}

/* A form that needs no more than the provider's own reading is left as it is. */
static bool
plain_form(const struct body *x, const char *charset)
{
	return is_utf8_name(charset) && memchr(x->p, '[', x->n) == NULL &&
	    memchr(x->p, '{', x->n) == NULL && memmem(x->p, x->n, "%5", 2) == NULL &&
	    memmem(x->p, x->n, "%7", 2) == NULL && memmem(x->p, x->n, "_charset_", 9) == NULL;
}

static enum rc
urlencoded(struct body *x, const char *charset)
{
	struct form f = { 0 };

	if (plain_form(x, charset) ||
	    http_form_parse(x->a, x->p, x->n, FIELDS_MAX, &f.v, &f.n) != RC_OK || f.n == 0)
		return RC_OK;
	return read_form(x, &f, false, charset);
}

/* --- multipart (RFC 7578) --------------------------------------------------- */

/* The value of name="..." in a part's head, which ends at end; NULL where it is none. */
static char *
head_value(struct mem_arena *a, const char *p, const char *end, const char *name)
{
	size_t n = strlen(name);
	const char *q;

	for (; p + n + 2 < end; p++)
		if (strncasecmp(p, name, n) == 0 && p[n] == '=' && (p[-1] == ' ' || p[-1] == ';')) {
			p += n + 1;
			if (*p != '"') {
				for (q = p; q < end && strchr("; \t\r\n", *q) == NULL; q++)
					;
				return mem_arena_ndup(a, p, (size_t)(q - p));
			}
			q = memchr(p + 1, '"', (size_t)(end - p - 1));
			return q != NULL ? mem_arena_ndup(a, p + 1, (size_t)(q - p - 1)) : NULL;
		}
	return NULL;
}

/* The bytes of a part in base64, in lines or not, with its padding or not (RFC 2045, 6.8). */
static enum rc
base64(struct body *x, const char **p, size_t *n)
{
	char *s = mem_arena_alloc(x->a, *n + 1);
	size_t k = 0;

	for (size_t i = 0; i < *n; i++)
		if (strchr("\r\n \t=", (*p)[i]) == NULL)
			s[k++] = (*p)[i] == '+' ? '-' : (*p)[i] == '/' ? '_' : (*p)[i];
	*p = s;
	return sign_b64url_decode(s, k, s, n);
}

/* The bytes of a part in quoted-printable (RFC 2045, 6.7); a lone "=" is left as it is. */
static void
quoted_printable(struct body *x, const char **p, size_t *n)
{
	const char *q = *p, *end = q + *n;
	char *s = mem_arena_alloc(x->a, *n + 1);

	*p = s;
	while (q < end) {
		if (*q == '=' && end - q >= 3 && str_unhex(q + 1, 2, s) == RC_OK) {
			s++;
			q += 3;
		} else if (*q == '=' && end - q >= 2 && q[1] == '\n') {
			q += 2;
		} else if (*q == '=' && end - q >= 3 && q[1] == '\r' && q[2] == '\n') {
			q += 3;
		} else {
			*s++ = *q++;
		}
	}
	*n = (size_t)(s - *p);
}

/* How a part's head, which ends at end, says that its bytes are carried (RFC 7578, 4.7). */
static enum rc
carried(struct body *x, const char *head, const char *end, const char **p, size_t *n)
{
	static const char name[] = "Content-Transfer-Encoding:";

	for (const char *q = head; q + sizeof name < end; q++) {
		if (strncasecmp(q, name, sizeof name - 1) != 0)
			continue;
		q += sizeof name - 1;
		q += strspn(q, " \t\"");
		if (str_istarts(q, "base64"))
			return base64(x, p, n);
		if (str_istarts(q, "quoted-printable"))
			quoted_printable(x, p, n);
		break;
	}
	return RC_OK;
}

/* One part, without the line end before the next boundary; eol is what ends its lines. */
static enum rc
add_part(struct body *x, struct form *f, const char *p, size_t n, const char *eol)
{
	char blank[8];
	size_t blank_n = (size_t)snprintf(blank, sizeof blank, "%s%s", eol, eol), value_n;
	const char *end = memmem(p, n, blank, blank_n), *value;
	char *name, *charset;

	if (end == NULL || f->n == FIELDS_MAX)
		return RC_INVALID;
	name = head_value(x->a, p, end, "name");
	value = end + blank_n;
	value_n = n - (size_t)(value - p);
	if (name == NULL || head_value(x->a, p, end, "filename") != NULL)
		return RC_OK;	/* a file is no field; it is in the ledger */
	if (carried(x, p, end, &value, &value_n) != RC_OK)
		return RC_INVALID;
	charset = head_value(x->a, p, end + 2, "charset");
	if (charset != NULL && !is_utf8_name(charset) && !str_utf8_ok(value, value_n) &&
	    convert(x, charset, &value, &value_n) != RC_OK)
		return RC_INVALID;
	f->v[f->n++] = (struct http_field){ name, mem_arena_ndup(x->a, value, value_n), value_n };
	return RC_OK;
}

/* Behind the first boundary, at the start of a line (RFC 2046 allows text before it); NULL:
 * there is none.  *eol: how its line ends, which some programs write as a bare LF. */
static const char *
first_part(const struct body *x, const char *boundary, const char **eol)
{
	size_t n = strlen(boundary);
	const char *p = x->p, *end = x->p + x->n;

	while ((p = memmem(p, (size_t)(end - p), boundary, n)) != NULL && p > x->p && p[-1] != '\n')
		p += n;
	if (p == NULL)
		return NULL;
	p += n;
	*eol = p < end && *p == '\n' ? "\n" : "\r\n";
	return p;
}

static enum rc
multipart(struct body *x, const char *charset)
{
	struct form f = { .v = mem_arena_alloc(x->a, FIELDS_MAX * sizeof *f.v) };
	const char *p, *next, *end = x->p + x->n, *eol = "";
	char boundary[128], mark[136];
	size_t m;

	param(x->type, "boundary", boundary);
	x->why = "bad_multipart";
	snprintf(mark, sizeof mark, "--%s", boundary);
	if (*boundary == '\0' || (p = first_part(x, mark, &eol)) == NULL)
		return RC_INVALID;
	m = (size_t)snprintf(mark, sizeof mark, "%s--%s", eol, boundary);
	for (; end - p >= 2 && memcmp(p, "--", 2) != 0; p = next + m) {
		next = memmem(p, (size_t)(end - p), mark, m);
		if (next == NULL || add_part(x, &f, p, (size_t)(next - p), eol) != RC_OK)
			return RC_INVALID;
	}
	return f.n > 0 ? read_form(x, &f, true, charset) : RC_INVALID;
}

/* --- JSON in a JSON string -------------------------------------------------- */

static void
unquote(struct body *x)
{
	for (int i = 0; i < STRINGS_MAX; i++) {
		const char *p = x->p;
		size_t n = x->n;
		struct json *j = NULL;
		char *s;

		str_trim(&p, &n);
		if (n < 2 || *p != '"' || json_parse(p, n, &j, NULL) != RC_OK)
			return;
		s = json_str(x->a, j);
		json_free(j);
		if (s == NULL)
			return;
		x->p = s;
		x->n = strlen(s);
	}
}

enum rc
decode_body(struct mem_arena *a, const char *content_type, size_t max, const char **p, size_t *n,
    const char **why)
{
	struct body x = { .a = a,
		.type = content_type != NULL ? content_type : "",
		.p = *p,
		.n = *n,
		.max = max };
	char charset[128];
	bool parts;
	enum rc rc;

	param(x.type, "charset", charset);
	rc = decompress(&x);
	parts = str_istarts(x.type, "multipart/");
	if (rc == RC_OK && !parts && !starts_json(&x) && is_binary(&x))
		rc = decompress_bare(&x);
	if (rc == RC_OK && parts && !starts_json(&x))
		rc = multipart(&x, charset);
	else if (rc == RC_OK && (starts_json(&x) || charset_guess(x.p, x.n) != NULL))
		rc = recode(&x, charset);
	else if (rc == RC_OK)
		rc = urlencoded(&x, charset);
	if (rc == RC_OK) {
		unquote(&x);
		*p = x.p;
		*n = x.n;
	} else {
		*why = x.why;
	}
	return rc;
}

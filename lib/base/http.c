/*
 * Requests and answers as structs.  Nothing here does I/O; percent-decoding is
 * lenient (a bad escape stays as it is), because a webhook must keep what it
 * cannot understand.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/str.h"
#include "base/url.h"

#define RETRY_AFTER_MAX 86400

const char *const http_fail_names[HTTP_FAIL__MAX] = {
	[HTTP_FAIL_NONE] = "none",
	[HTTP_FAIL_URL] = "url",
	[HTTP_FAIL_DNS] = "dns",
	[HTTP_FAIL_CONNECT] = "connect",
	[HTTP_FAIL_TLS] = "tls",
	[HTTP_FAIL_TIMEOUT] = "timeout",
	[HTTP_FAIL_CUT] = "cut",
	[HTTP_FAIL_TOO_BIG] = "too_big",
	[HTTP_FAIL_BLOCKED] = "blocked",
};

const char *const http_fail_words_ru[HTTP_FAIL__MAX] = {
	[HTTP_FAIL_NONE] = "нет ошибки",
	[HTTP_FAIL_URL] = "такой адрес вызвать нельзя",
	[HTTP_FAIL_DNS] = "имя не найдено в DNS",
	[HTTP_FAIL_CONNECT] = "соединение не установлено",
	[HTTP_FAIL_TLS] = "защищённое соединение (TLS) не установлено",
	[HTTP_FAIL_TIMEOUT] = "ответ не пришёл вовремя",
	[HTTP_FAIL_CUT] = "соединение оборвалось",
	[HTTP_FAIL_TOO_BIG] = "ответ слишком велик",
	[HTTP_FAIL_BLOCKED] = "адрес запрещён настройками",
};

static void
add(struct mem_arena *a, struct http_hdr **v, size_t *n, size_t *cap, struct http_hdr h)
{
	if (*n == *cap) { /* arenas do not shrink: the old array stays until the end */
		size_t more = *cap ? *cap * 2 : 8;
		struct http_hdr *w = mem_arena_alloc(a, more * sizeof(*w));

		if (*n > 0)
			memcpy(w, *v, *n * sizeof(*w));
		*v = w;
		*cap = more;
	}
	(*v)[(*n)++] = h;
}

static const char *
get(const struct http_hdr *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(v[i].name, name))
			return v[i].value;
	return NULL;
}

void
http_req_init(struct http_req *r, const char *method, const char *url)
{
	memset(r, 0, sizeof(*r));
	r->method = mem_arena_dup(&r->arena, method);
	r->url = mem_arena_dup(&r->arena, url);
	r->query = "";
	r->body = "";
	r->remote_addr = "";
}

void
http_req_free(struct http_req *r)
{
	mem_arena_free(&r->arena);
	memset(r, 0, sizeof(*r));
}

enum rc
http_req_header(struct http_req *r, const char *name, const char *value)
{
	struct http_hdr h;

	/* RFC 9110, 5.1 and 5.5: a token, and no line breaks in the value */
	if (!str_charset(name, 1, 256, "!#$%&'*+-.^_`|~") || strpbrk(value, "\r\n") != NULL)
		return RC_INVALID;
	h.name = mem_arena_dup(&r->arena, name);
	h.value = mem_arena_dup(&r->arena, value);
	add(&r->arena, &r->hdrs, &r->n_hdrs, &r->cap_hdrs, h);
	return RC_OK;
}

void
http_req_body(struct http_req *r, const char *content_type, const char *p, size_t n)
{
	r->body = mem_arena_ndup(&r->arena, p, n);
	r->body_n = n;
	if (content_type == NULL)
		return;
	for (size_t i = 0; i < r->n_hdrs; i++)
		if (str_ieq(r->hdrs[i].name, "Content-Type")) {
			r->hdrs[i].value = mem_arena_dup(&r->arena, content_type);
			return;
		}
	add(&r->arena, &r->hdrs, &r->n_hdrs, &r->cap_hdrs,
	    (struct http_hdr){ "Content-Type", mem_arena_dup(&r->arena, content_type) });
}

void
http_req_form(struct http_req *r, const struct http_part *v, size_t n)
{
	struct http_part *w = mem_arena_alloc(&r->arena, n * sizeof *w);

	for (size_t i = 0; i < n; i++)
		w[i] = (struct http_part){ .name = mem_arena_dup(&r->arena, v[i].name),
			.value = mem_arena_dup(&r->arena, v[i].value),
			.path = mem_arena_dup(&r->arena, v[i].path),
			.filename = mem_arena_dup(&r->arena, v[i].filename),
			.type = mem_arena_dup(&r->arena, v[i].type) };
	r->parts = w;
	r->n_parts = n;
}

const char *
http_req_get(const struct http_req *r, const char *name)
{
	return get(r->hdrs, r->n_hdrs, name);
}

void
http_busy(const struct http_reply *r)
{
	if (r != NULL && r->busy != NULL)
		r->busy(r->arg);
}

void
http_res_init(struct http_res *r)
{
	memset(r, 0, sizeof(*r));
	r->body = "";
}

void
http_res_free(struct http_res *r)
{
	mem_arena_free(&r->arena);
	memset(r, 0, sizeof(*r));
}

void
http_res_header(
    struct http_res *r, const char *name, size_t name_n, const char *value, size_t value_n)
{
	char *n, *v;

	str_trim(&value, &value_n);
	n = mem_arena_ndup(&r->arena, name, name_n);
	v = mem_arena_ndup(&r->arena, value, value_n);
	for (char *c = v; *c != '\0'; c++) /* an answer of ours is never split */
		if (*c == '\r' || *c == '\n')
			*c = ' ';
	add(&r->arena, &r->hdrs, &r->n_hdrs, &r->cap_hdrs, (struct http_hdr){ n, v });
}

const char *
http_res_get(const struct http_res *r, const char *name)
{
	return get(r->hdrs, r->n_hdrs, name);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7: the form senders must use). */
static enum rc
http_date(const char *s, int64_t *us)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *m;
	char mon[4], iso[32];
	int n;

	if (strlen(s) != 29 || s[3] != ',' || s[4] != ' ' || !str_ends(s, " GMT"))
		return RC_INVALID;
	memcpy(mon, s + 8, 3);
	mon[3] = '\0';
	m = strstr(months, mon);
	if (m == NULL || (m - months) % 3 != 0)
		return RC_INVALID;
	n = snprintf(iso, sizeof(iso), "%.4s-%02u-%.2sT%.8sZ", s + 12,
	    (unsigned int)((m - months) / 3 + 1) % 100, s + 5, s + 17);
	return clock_parse(iso, (size_t)n, us);
}

int
http_retry_after_s(const struct http_res *r)
{
	const char *v = http_res_get(r, "Retry-After");
	int64_t s, us;

	if (v == NULL)
		return -1;
	if (str_i64(v, &s) != RC_OK) {
		if (http_date(v, &us) != RC_OK)
			return -1;
		s = (us - clock_now_us() + 999999) / 1000000;
		if (s < 0)
			s = 0;
	}
	if (s < 0)
		return -1;
	return s > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : (int)s;
}

/* Decode n bytes at p into the arena; %XX and '+'. */
static char *
decode(struct mem_arena *a, const char *p, size_t n, size_t *out_n)
{
	char *out = mem_arena_alloc(a, n + 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '%' && n - i > 2 && str_unhex(p + i + 1, 2, o) == RC_OK) {
			o++;
			i += 2;
		} else
			*o++ = p[i] == '+' ? ' ' : p[i];
	}
	*o = '\0';
	*out_n = (size_t)(o - out);
	return out;
}

enum rc
http_form_parse(struct mem_arena *a, const char *p, size_t n, size_t max, struct http_field **out,
    size_t *out_n)
{
	const char *end = p + n, *amp, *eq;
	struct http_field *v;
	size_t count = 0, parts = n > 0, dummy;

	for (size_t i = 0; i < n; i++)
		parts += p[i] == '&';
	if (parts > max)
		return RC_LIMIT;
	v = mem_arena_alloc(a, (parts + 1) * sizeof(*v));
	for (; p < end; p = amp + 1) {
		amp = memchr(p, '&', (size_t)(end - p));
		if (amp == NULL)
			amp = end;
		if (amp == p)
			continue; /* "a=1&&b=2" */
		eq = memchr(p, '=', (size_t)(amp - p));
		if (eq == NULL)
			eq = amp;
		v[count].name = decode(a, p, (size_t)(eq - p), &dummy);
		if (eq < amp)
			eq++;
		v[count].value = decode(a, eq, (size_t)(amp - eq), &v[count].value_n);
		count++;
	}
	*out = v;
	*out_n = count;
	return RC_OK;
}

const char *
http_query_get(struct mem_arena *a, const char *query, const char *name)
{
	size_t n, m;

	if (query == NULL)
		return NULL;
	for (const char *p = query; *p != '\0'; p += *p != '\0') {
		const char *end = strchrnul(p, '&'), *eq = memchr(p, '=', (size_t)(end - p));
		char *key = decode(a, p, (size_t)((eq != NULL ? eq : end) - p), &n);

		if (n == strlen(name) && memcmp(key, name, n) == 0) {
			eq = eq != NULL ? eq + 1 : end;
			return decode(a, eq, (size_t)(end - eq), &m);
		}
		p = end;
	}
	return NULL;
}

void
http_url_encode(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		char one[2] = { *s, '\0' };

		if (str_charset(one, 1, 1, "-._~")) /* RFC 3986, 2.3 */
			buf_putc(b, *s);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
	}
}

enum rc
http_url_host(const char *url, char *out, size_t cap)
{
	return url_host(url, out, cap);
}

bool
http_url_allowed(const char *url)
{
	return url_allowed(url);
}

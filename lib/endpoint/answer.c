/*
 * How an endpoint answers: a header, JSON, an error with its line in the log.
 */
#include "endpoint/endpoint.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "extern/json.h"

#define ANSWER_MAX (32u << 20)

void
endpoint_header(const struct endpoint_env *e, const char *name, const char *value)
{
	http_res_header(e->res, name, strlen(name), value, strlen(value));
}

void
endpoint_json(const struct endpoint_env *e, int status, struct buf *b)
{
	e->res->status = status;
	e->res->body = mem_arena_ndup(&e->res->arena, b->p, b->n);
	e->res->body_n = b->n;
	if (http_res_get(e->res, "Content-Type") == NULL)
		endpoint_header(e, "Content-Type", "application/json; charset=utf-8");
	buf_reset(b);
}

void
endpoint_jsonw(struct endpoint_env *e, int status, struct jsonw *w)
{
	if (jsonw_done(w))
		endpoint_json(e, status, w->b);
	else
		endpoint_error(e, 500, "too_large", "the answer is too large");
	buf_free(w->b);
}

void
endpoint_result(struct endpoint_env *e, enum rc rc, struct jsonw *w, const char *what)
{
	if (rc == RC_OK)
		endpoint_jsonw(e, 200, w);
	else
		endpoint_failed(e, rc, what);
	buf_free(w->b);
}

void
endpoint_success(struct endpoint_env *e, const char *key, int64_t n)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 256);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_bool(&w, "success", true);
	if (key != NULL)
		jsonw_i64(&w, key, n);
	jsonw_end(&w);
	endpoint_jsonw(e, 200, &w);
}

void
endpoint_log_error(const struct endpoint_env *e, int status, const char *code)
{
	if (!log_said())
		log_info("%s %s answered %d: %s", e->req->method, e->req->url, status, code);
}

static void error_open(struct endpoint_error *err, const char *code, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
static void
error_open(struct endpoint_error *err, const char *code, const char *fmt, va_list ap)
{
	struct buf msg;

	err->code = code;
	buf_init(&msg, 4096);
	buf_vprintf(&msg, fmt, ap);
	buf_init(&err->b, ANSWER_MAX);
	jsonw_init(&err->w, &err->b);
	jsonw_object(&err->w, NULL);
	jsonw_object(&err->w, "error");
	jsonw_str(&err->w, "code", code);
	jsonw_strn(&err->w, "message", msg.p, msg.n);
	buf_free(&msg);
}

void
endpoint_error_open(struct endpoint_error *err, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_open(err, code, fmt, ap);
	va_end(ap);
}

void
endpoint_error_end(struct endpoint_env *e, int status, struct endpoint_error *err)
{
	jsonw_end(&err->w);
	jsonw_str(&err->w, "requestId", e->request_id);
	jsonw_end(&err->w);
	buf_putc(&err->b, '\n');
	endpoint_json(e, status, &err->b);
	buf_free(&err->b);
	endpoint_log_error(e, status, err->code);
}

void
endpoint_error(struct endpoint_env *e, int status, const char *code, const char *fmt, ...)
{
	struct endpoint_error err;
	va_list ap;

	va_start(ap, fmt);
	error_open(&err, code, fmt, ap);
	va_end(ap);
	endpoint_error_end(e, status, &err);
}

bool
endpoint_members(struct endpoint_env *e, const struct json *j, const char *const *known)
{
	const struct json *v;
	const char *key;
	struct buf all;
	bool ok = json_type(j) == JSON_OBJECT;

	if (!ok)
		endpoint_error(e, 422, "invalid_json", "a JSON object is expected");
	for (struct json_iter i = { NULL }; ok && json_each(j, &i, &key, &v);) {
		ok = false;
		for (size_t k = 0; known[k] != NULL; k++)
			ok |= strcmp(key, known[k]) == 0;
		if (ok)
			continue;
		buf_init(&all, 1024);
		for (size_t k = 0; known[k] != NULL; k++)
			buf_printf(&all, "%s%s", k > 0 ? ", " : "", known[k]);
		endpoint_error(e, 422, "unknown_field", "%.64s is not a member here; known are: %s",
		    key, all.p);
		buf_free(&all);
	}
	return ok;
}

bool
endpoint_flag(struct endpoint_env *e, const struct json *j, const char *key, int *flag)
{
	const struct json *v = json_member(j, key);
	enum json_type t = json_type(v);

	*flag = t == JSON_BOOL ? json_bool(v, false) : -1;
	if (t == JSON_BOOL || t == JSON_ABSENT || t == JSON_NULL)
		return true;
	endpoint_error(e, 422, "invalid_field", "%s: true or false is expected", key);
	return false;
}

void
endpoint_failed(struct endpoint_env *e, enum rc rc, const char *what)
{
	if (rc == RC_NONE) {
		endpoint_error(e, 404, "not_found", "no such %s", what);
	} else if (rc == RC_TEMP) {
		endpoint_header(e, "Retry-After", "5");
		endpoint_error(e, 503, "database", "the database does not answer; try again");
	} else {
		endpoint_error(e, rc_http(rc), rc_name(rc), "the request could not be served");
	}
}

void
endpoint_addr_net(const struct endpoint_env *e, char out[64])
{
	unsigned char a[16];
	char base[INET6_ADDRSTRLEN];

	snprintf(out, 64, "%s", e->addr);
	if (inet_pton(AF_INET6, e->addr, a) != 1)
		return;
	memset(a + 8, 0, 8);
	if (inet_ntop(AF_INET6, a, base, sizeof base) != NULL)
		snprintf(out, 64, "%s/64", base);
}

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
#include "extern/jsonw.h"

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

void
endpoint_error(struct endpoint_env *e, int status, const char *code, const char *fmt, ...)
{
	struct buf msg, b;
	struct jsonw w;
	va_list ap;

	buf_init(&msg, 4096);
	va_start(ap, fmt);
	buf_vprintf(&msg, fmt, ap);
	va_end(ap);
	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_object(&w, "error");
	jsonw_str(&w, "code", code);
	jsonw_strn(&w, "message", msg.p, msg.n);
	jsonw_end(&w);
	jsonw_str(&w, "requestId", e->request_id);
	jsonw_end(&w);
	buf_putc(&b, '\n');
	endpoint_json(e, status, &b);
	buf_free(&b);
	buf_free(&msg);
	endpoint_log_error(e, status, code);
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

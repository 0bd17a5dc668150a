#ifndef DMBOX_ENDPOINT_ENDPOINT_H
#define DMBOX_ENDPOINT_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include "model/auth.h"
#include "model/conf.h"
#include "bridge/ctx.h"
#include "base/http.h"
#include "base/log.h"
#include "base/rc.h"
#include "extern/jsonw.h"

/*
 * What all jobs have in common.  A job serves one request: it is called with
 * everything it may use and fills the answer; it is pure of FastCGI.  The route
 * table of a program says which job a path and method lead to and which scope
 * the caller needs; endpoint_dispatch does the checks in order of cost.
 */
struct endpoint_route;
struct json;
struct endpoint_env {
	struct ctx *ctx;
	struct conf *conf;		/* held for the request; errors already refused */
	unsigned int thread;
	struct http_req *req;
	enum channel channel;		/* from the path */
	const char *tail;		/* path behind the endpoint, without slash; "" */
	struct auth_caller caller;	/* where the route has a scope */
	size_t session;			/* which of its cookies is the caller's */
	char request_id[65];
	/* the client's address: the peer's, or what a trusted proxy says */
	char addr[64];
	struct mem_arena arena;		/* lives until the answer is written */
	/* for endpoint_later and what follows it */
	struct http_res *res;
	const struct endpoint_route *route;
	struct http_reply reply;
	struct log_scope log;
	int64_t start_us;
	bool *later;
};
typedef void (*endpoint_fn)(struct endpoint_env *e);

/* A route's flags. */
enum {
	ROUTE_TAIL = 1,		/* may have a path behind the endpoint */
	ROUTE_ANY_BODY = 2	/* its job answers a body that is too large or cut itself */
};
struct endpoint_route {
	const char *method;
	const char *endpoint;	/* "webhook", "send", "health", ... */
	unsigned int flags;
	unsigned int scope;	/* enum auth_scope bits of which one suffices; 0 = open */
	endpoint_fn fn;
};
struct endpoint_table {
	const struct endpoint_route *routes;
	size_t n;
	endpoint_fn stray;	/* behind the answer to a POST that was refused (401, 403, 404,
				 * 405), e->route NULL where no route took it; or NULL */
};
/*
 * endpoint_dispatch(ctx, thread, table, call):
 * Request id, log context, configuration (503 code config), route (404, 405 with
 * Allow), JWT (401, 403 naming the scope), a whole body (413, 400), then the job.
 * Channel and endpoint come from the last "/instagram/" or "/whatsapp/" of the
 * request path, so that it works below any folder and by any rewrite; "/health" and
 * "/metrics" count as instagram.  call->held: the request's configuration from
 * endpoint_max_body, or NULL.
 *
 * Returns  true: call->res is the answer.  false: its job hands it on (endpoint_later);
 *          call->reply sends it, or has sent it already.
 */
bool endpoint_dispatch(struct ctx *ctx, unsigned int thread, const struct endpoint_table *table,
    struct http_call *call);
/*
 * endpoint_max_body(ctx, call):
 * The cap of the body in bytes, as the configuration of this request has it
 * (DMBOX_MAX_BODY_BYTES), for fcgi_opts.max_body_now.  The configuration is kept in
 * call->held for endpoint_dispatch: it is looked up once a request.
 */
size_t endpoint_max_body(void *ctx, struct http_call *call);
/*
 * endpoint_later(e):
 * Call before a job hands its request on: from here on e belongs to the thread that
 * answers, with the four calls below, in this order and by one thread at a time;
 * the job's thread must not use it any more.  Log lines wait in e meanwhile.
 */
void endpoint_later(struct endpoint_env *e);
void endpoint_resume(struct endpoint_env *e);	/* the log's lines are this request's again */
void endpoint_answer(struct endpoint_env *e);	/* e->res goes out; further lines may follow */
void endpoint_pause(struct endpoint_env *e);	/* the thread's own lines again; e's are written */
void endpoint_end(struct endpoint_env *e);	/* frees e; in any thread, after endpoint_pause */
/* --- answer.c ------------------------------------------------------------------- */
/* endpoint_header(e, name, value): one header more of the answer; both are copied. */
void endpoint_header(const struct endpoint_env *e, const char *name, const char *value);
/* endpoint_json(e, status, b): answer with the JSON of b (b is emptied). */
void endpoint_json(const struct endpoint_env *e, int status, struct buf *b);
/* endpoint_jsonw(e, status, w): answer with the text of w, or 500 where it is not complete or
 * does not fit; w's buf is freed. */
void endpoint_jsonw(struct endpoint_env *e, int status, struct jsonw *w);
/* endpoint_result(e, rc, w, what): 200 with the text of w where rc is RC_OK, else endpoint_failed
 * of what; w's buf is freed. */
void endpoint_result(struct endpoint_env *e, enum rc rc, struct jsonw *w, const char *what);
/* endpoint_success(e, key, n): 200 {"success":true}, with the member key, which is n; key NULL:
 * without. */
void endpoint_success(struct endpoint_env *e, const char *key, int64_t n);
/* endpoint_error(e, status, code, fmt...): {"error":{code,message},"requestId"}, and
 * endpoint_log_error. */
void endpoint_error(struct endpoint_env *e, int status, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* An error with members of its own: endpoint_error_open(err, code, fmt...), then what belongs into
 * the object error by err.w, then endpoint_error_end(e, status, err), which answers. */
struct endpoint_error {
	const char *code;	/* static */
	struct jsonw w;
	struct buf b;
};
void endpoint_error_open(struct endpoint_error *err, const char *code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void endpoint_error_end(struct endpoint_env *e, int status, struct endpoint_error *err);
/* endpoint_members(e, j, known): has the object j no members but those of known, which ends with
 * NULL?  Else 422: a misspelled member left out would ask for something else.  false also where
 * j is no object; the answer is written then. */
bool endpoint_members(struct endpoint_env *e, const struct json *j, const char *const *known);
/* endpoint_flag(e, j, key, flag): member key of the body j: *flag is 1 for true, 0 for false, -1
 * where it is absent or null.  Words and numbers are no flags, for what "no" or 2 means would be
 * guessed: it answers 422 and returns false. */
bool endpoint_flag(struct endpoint_env *e, const struct json *j, const char *key, int *flag);
/* endpoint_failed(e, rc, what): the answer to a request that went wrong below: 404 of what
 * (RC_NONE), 503 with Retry-After (RC_TEMP), else what rc means. */
void endpoint_failed(struct endpoint_env *e, enum rc rc, const char *what);
/* endpoint_log_error(e, status, code): a person who has the request id of an error answer finds it
 * in the log: a line, where the request has none yet.  For errors in a form of their own. */
void endpoint_log_error(const struct endpoint_env *e, int status, const char *code);

/* endpoint_addr_net(e, out): the address as a limit counts it: itself, of IPv6 the
 * network of 64 bits that one customer gets. */
void endpoint_addr_net(const struct endpoint_env *e, char out[64]);

#endif

#ifndef DMBOX_JOB_H
#define DMBOX_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include "auth.h"
#include "conf.h"
#include "ctx.h"
#include "http.h"
#include "rc.h"

/*
 * What all jobs have in common.  A job serves one request: it is called with
 * everything it may use and fills the answer; it is pure of FastCGI.  The route
 * table of a program says which job a path and method lead to and which scope
 * the caller needs; job_dispatch does the checks in order of cost.
 */
struct job_env {
	struct ctx *ctx;
	struct conf *conf;		/* held for the request; errors already refused */
	unsigned int thread;
	const struct http_req *req;
	enum channel channel;		/* from the path */
	const char *tail;		/* path behind the endpoint, without slash; "" */
	struct auth_caller caller;	/* where the route has a scope */
	char request_id[65];
	char addr[64];			/* the client's address: the peer's, or what a trusted proxy says */
	struct mem_arena arena;		/* lives until the answer is written */
};
typedef void (*job_fn)(struct job_env *e, struct http_res *res);

struct job_route {
	const char *method;
	const char *endpoint;	/* "webhook", "send", "health", ... */
	bool tail;		/* may have a path behind the endpoint */
	unsigned int scope;	/* enum auth_scope bits of which one suffices; 0 = open */
	job_fn fn;
};
/*
 * job_dispatch(ctx, thread, routes, n, req, res):
 * Request id, log context, configuration (503 code config), route (404, 405 with
 * Allow), JWT (401, 403 naming the scope), then the job.  Channel and endpoint
 * come from the last "/instagram/" or "/whatsapp/" of the request path, so that
 * it works below any folder and by any rewrite; "/health" and "/metrics" count
 * as instagram.
 */
void job_dispatch(struct ctx *ctx, unsigned int thread, const struct job_route *routes,
    size_t n, const struct http_req *req, struct http_res *res);
/* job_json(res, status, b): answer with the JSON of b (b is emptied). */
void job_json(struct http_res *res, int status, struct buf *b);
/* job_error(e, res, status, code, fmt...): {"error":{code,message},"requestId"}. */
void job_error(struct job_env *e, struct http_res *res, int status, const char *code,
    const char *fmt, ...) PRINTF_LIKE(5, 6);

/* job_addr_net(e, out): the address as a limit counts it: itself, of IPv6 the
 * network of 64 bits that one customer gets. */
void job_addr_net(const struct job_env *e, char out[64]);

#endif

/*
 * send.fcgi: sends, for a person or a program (contract.md 4).
 */
#include "bridge/ctx.h"
#include "extern/fcgi.h"
#include "endpoint/endpoint.h"
#include "endpoint/send.h"
#include "endpoint/receive.h"
#include "endpoint/upload.h"
#include "base/str.h"
#include "store/upload.h"

static const struct endpoint_route routes[] = {
	{ .method = "POST", .endpoint = "send", .scope = AUTH_SEND, .fn = endpoint_send },
	{ .method = "POST",
	    .endpoint = "upload",
	    .flags = ROUTE_ANY_BODY,
	    .scope = AUTH_SEND,
	    .fn = endpoint_upload },
};
static const struct endpoint_table table = { routes, sizeof routes / sizeof *routes,
	endpoint_receive_stray };

static bool
handle(void *arg, unsigned int thread, struct http_call *call)
{
	return endpoint_dispatch(arg, thread, &table, call);
}

static size_t
max_body(void *ctx, struct http_call *call)
{
	size_t n = endpoint_max_body(ctx, call);

	return str_ends(call->req.url, "/upload") ? UPLOAD_MAX : n;
}

int
main(void)
{
	struct ctx *ctx = ctx_new("send", CONF_WEB, CTX_DB_SEND, 1);
	const struct fcgi_opts o = { .threads = 1,
		.max_body_now = max_body,
		.max_requests = 10000,
		.max_rss_kb = 200000,
		.handle = handle,
		.arg = ctx };
	int status = fcgi_serve(&o);

	ctx_free(ctx);
	return status;
}

/*
 * send.fcgi: sends, for a person or a program (contract.md 4).
 */
#include "bridge/ctx.h"
#include "extern/fcgi.h"
#include "endpoint/endpoint.h"
#include "endpoint/send.h"

static const struct endpoint_route routes[] = {
	{ .method = "POST", .endpoint = "send", .scope = AUTH_SEND, .fn = endpoint_send },
};
static const struct endpoint_table table = { routes, sizeof routes / sizeof *routes };

static bool
handle(void *arg, unsigned int thread, struct http_call *call)
{
	return endpoint_dispatch(arg, thread, &table, call);
}

int
main(void)
{
	struct ctx *ctx = ctx_new("send", CONF_WEB, CTX_DB_SEND, 1);
	const struct fcgi_opts o = { .threads = 1, .max_body_now = endpoint_max_body, .max_requests = 10000,
	    .max_rss_kb = 200000, .handle = handle, .arg = ctx };
	int status = fcgi_serve(&o);

	ctx_free(ctx);
	return status;
}

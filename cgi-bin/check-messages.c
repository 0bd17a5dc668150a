/*
 * check-messages.fcgi: polls now, for a person (contract.md 4).
 */
#include "bridge/ctx.h"
#include "extern/fcgi.h"
#include "endpoint/endpoint.h"
#include "endpoint/check_messages.h"
#include "endpoint/receive.h"

#define MAX_REQUESTS 1000

static const struct endpoint_route routes[] = {
	{ "GET", "check-messages", 0, AUTH_POLL, endpoint_check_messages },
};
static const struct endpoint_table table = { routes, sizeof routes / sizeof *routes,
	endpoint_receive_stray };

static bool
handle(void *arg, unsigned int thread, struct http_call *call)
{
	return endpoint_dispatch(arg, thread, &table, call);
}

int
main(void)
{
	struct ctx *ctx = ctx_new("check-messages", CONF_WEB, CTX_DB_CRON, 1);
	struct fcgi_opts o = { .threads = 1,
		.max_body = 65536,
		.max_requests = MAX_REQUESTS,
		.handle = handle,
		.arg = ctx };
	int status;

	status = fcgi_serve(&o);
	ctx_free(ctx);
	return status;
}

/*
 * status.fcgi: health and doctor, for people and load balancers.
 */
#include "bridge/ctx.h"
#include "extern/fcgi.h"
#include "endpoint/endpoint.h"
#include "endpoint/doctor.h"
#include "endpoint/health.h"
#include "endpoint/metrics.h"
#include "endpoint/receive.h"

/* doctor asks for health and for its own probe while it runs */
#define THREADS 3

static const struct endpoint_route routes[] = {
	{ "GET", "health", 0, 0, endpoint_health },
	{ "GET", "metrics", 0, AUTH_ADMIN | AUTH_READ, endpoint_metrics },
	{ "GET", "doctor", 0, AUTH_ADMIN, endpoint_doctor },
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
	struct ctx *ctx = ctx_new("status", CONF_WEB, CTX_DB_READ, THREADS);
	struct fcgi_opts o = {
		.threads = THREADS,
		.max_body = 65536,
		.handle = handle,
		.arg = ctx,
	};
	int status;

	status = fcgi_serve(&o);
	ctx_free(ctx);
	return status;
}

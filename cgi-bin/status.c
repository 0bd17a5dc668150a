/*
 * status.fcgi: health and doctor, for people and load balancers.
 */
#include "ctx.h"
#include "fcgi.h"
#include "job.h"
#include "job_doctor.h"
#include "job_health.h"
#include "job_metrics.h"

/* doctor asks for health and for its own probe while it runs */
#define THREADS 3

static const struct job_route routes[] = {
	{ "GET", "health", 0, 0, job_health },
	{ "GET", "metrics", 0, AUTH_ADMIN | AUTH_READ, job_metrics },
	{ "GET", "doctor", 0, AUTH_ADMIN, job_doctor },
};

static bool
handle(void *arg, unsigned int thread, struct fcgi_call *call)
{
	job_dispatch(arg, thread, routes, sizeof routes / sizeof *routes, &call->req, &call->res);
	return true;
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

/*
 * status.fcgi: health, for people and load balancers.
 */
#include <sys/stat.h>

#include "ctx.h"
#include "fcgi.h"
#include "job.h"
#include "job_health.h"

static const struct job_route routes[] = {
	{ "GET", "health", false, 0, job_health },
};

static void
handle(void *arg, unsigned int thread, const struct http_req *req, struct http_res *res)
{
	job_dispatch(arg, thread, routes, sizeof routes / sizeof *routes, req, res);
}

int
main(void)
{
	struct ctx *ctx = ctx_new("status", CONF_WEB, CTX_DB_READ, 1);
	struct fcgi_opts o = {
		.threads = 1,
		.max_body = 65536,
		.handle = handle,
		.arg = ctx,
	};
	int status;

	umask(0007);
	status = fcgi_serve(&o);
	ctx_free(ctx);
	return status;
}

/*
 * check-messages.fcgi: polls now, for a person (contract.md 4).
 */
#include "ctx.h"
#include "fcgi.h"
#include "job.h"
#include "job_poll.h"

#define MAX_REQUESTS 1000

static const struct job_route routes[] = {
	{ "GET", "check-messages", 0, AUTH_POLL, job_check_messages },
};

static bool
handle(void *arg, unsigned int thread, struct fcgi_call *call)
{
	job_dispatch(arg, thread, routes, sizeof routes / sizeof routes[0], &call->req, &call->res);
	return true;
}

int
main(void)
{
	struct ctx *ctx = ctx_new("check-messages", CONF_WEB, CTX_DB_CRON, 1);
	struct fcgi_opts o = { .threads = 1, .max_body = 65536, .max_requests = MAX_REQUESTS,
	    .handle = handle, .arg = ctx };
	int status;

	status = fcgi_serve(&o);
	ctx_free(ctx);
	return status;
}

/*
 * webhook.fcgi: takes deliveries in.  It makes no outgoing calls and links no
 * libcurl.  How many threads: contract.md 3, DMBOX_WEBHOOK_THREADS.
 */
#include "conf.h"
#include "ctx.h"
#include "fcgi.h"
#include "job.h"
#include "job_receive.h"

#define THREADS_MAX 256
#define RSS_MAX_KB (256u * 1024)
#define REQUESTS_MAX 1000000	/* then a new process: what no test found may leak */

static const struct job_route routes[] = {
	{ "GET", "webhook", true, 0, job_receive_greet },
	{ "POST", "webhook", true, 0, job_receive },
};

static void
handle(void *arg, unsigned int thread, const struct http_req *req, struct http_res *res)
{
	job_dispatch(arg, thread, routes, sizeof routes / sizeof *routes, req, res);
}

static void
after(void *arg, unsigned int thread)
{
	(void)thread;
	job_receive_after(arg);
}

static void
tick(void *arg)
{
	job_receive_tick(arg);
}

/* The cap of this request's configuration, before its body is read. */
static size_t
max_body(void *arg, const struct http_req *req)
{
	struct conf *conf;
	enum rc rc = ctx_conf(arg, req->conf_path, req->doc_root, &conf);

	conf_drop(conf);
	return rc == RC_OK ? ctx_max_body(arg) : 65536;
}

static unsigned int
threads(void)
{
	struct conf *conf;
	unsigned int n = 1;

	if (fcgi_is_cgi())
		return 1;
	if (conf_load(CONF_WEB, NULL, &conf) == RC_OK && conf->webhook_threads > 0)
		n = conf->webhook_threads < THREADS_MAX ? conf->webhook_threads : THREADS_MAX;
	conf_drop(conf);
	return n;
}

int
main(void)
{
	unsigned int n = threads();
	struct ctx *ctx = ctx_new("webhook", CONF_WEB, CTX_DB_WEB, n);
	struct fcgi_opts o = {
		.threads = n,
		.max_body_now = max_body,
		.max_requests = REQUESTS_MAX,
		.max_rss_kb = RSS_MAX_KB,
		.handle = handle,
		.after = after,
		.tick = tick,
		.arg = ctx,
		.alone = true,
	};
	int status;

	ctx_sandbox(ctx);
	status = fcgi_serve(&o);
	ctx_free(ctx);
	return status;
}

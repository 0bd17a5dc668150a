/*
 * webhook.fcgi: takes deliveries in.  It makes no outgoing calls and links no
 * libcurl.  How many threads: contract.md 3, DMBOX_WEBHOOK_THREADS.
 */
#include "model/conf.h"
#include "bridge/ctx.h"
#include "extern/fcgi.h"
#include "endpoint/endpoint.h"
#include "endpoint/receive.h"

#define THREADS_MAX 256
#define RSS_MAX_KB (256u * 1024)
#define DELIVERIES_MAX 256		/* deliveries that wait for their commit */
#define REQUESTS_MAX 1000000	/* then a new process: what no test found may leak */

static const struct endpoint_route routes[] = {
	{ "GET", "webhook", ROUTE_TAIL, 0, endpoint_receive_handshake },
	{ "POST", "webhook", ROUTE_TAIL | ROUTE_ANY_BODY, 0, endpoint_receive },
};
static const struct endpoint_table table = { routes, sizeof routes / sizeof *routes, NULL };

static bool
handle(void *arg, unsigned int thread, struct http_call *call)
{
	return endpoint_dispatch(arg, thread, &table, call);
}

static void
tick(void *arg)
{
	endpoint_receive_tick(arg);
}

/* One process of a host stores for all (bridge/relay.h), and serves their sockets, too. */
static void
lend(void *arg, int listen_fd)
{
	ctx_batch_lend(arg, listen_fd);
}

static void
ending(void *arg)
{
	ctx_batch_stop(arg);
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
		.open_max = DELIVERIES_MAX,
		.max_body_now = endpoint_max_body,
		.max_requests = REQUESTS_MAX,
		.max_rss_kb = RSS_MAX_KB,
		.handle = handle,
		.tick = tick,
		.lend = lend,
		.ending = ending,
		.arg = ctx,
		.alone = true,
	};
	int status;

	ctx_sandbox(ctx);
	status = fcgi_serve(&o);
	ctx_free(ctx);
	return status;
}

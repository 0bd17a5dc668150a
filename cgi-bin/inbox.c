/*
 * inbox.fcgi: the reading side of the bridge.  It makes no outgoing calls and
 * links no libcurl.  Reads go through the login that may only select, what is
 * written through the login of the program whose it is.
 */
#include <stddef.h>

#include "bridge/ctx.h"
#include "extern/fcgi.h"
#include "endpoint/endpoint.h"
#include "endpoint/media.h"
#include "endpoint/read.h"
#include "endpoint/owner.h"
#include "endpoint/receive.h"
#include "endpoint/upload.h"
#include "base/str.h"

struct inbox {
	struct ctx *read, *write, *send, *owner;
};

static const struct endpoint_route routes[] = {
	{ "GET", "stats", 0, AUTH_READ, endpoint_read_stats },
	{ "GET", "config", 0, AUTH_READ, endpoint_read_config },
	{ "GET", "conversations", 0, AUTH_READ, endpoint_read_conversations },
	{ "GET", "messages", 0, AUTH_READ, endpoint_read_messages },
	{ "GET", "media", 0, AUTH_READ, endpoint_media },
	{ "GET", "file", ROUTE_TAIL, 0, endpoint_file },	/* its signature is the right */
	{ "GET", "inbox", ROUTE_TAIL, AUTH_READ, endpoint_read_inbox },
	{ "POST", "inbox", ROUTE_TAIL, 0, endpoint_owner_post },
	{ "POST", "read", 0, AUTH_READ, endpoint_read_mark },
};
/* web servers lead here what is no other program's: /instagram/webhooks, too */
static const struct endpoint_table table = { routes, sizeof routes / sizeof *routes,
	endpoint_receive_stray };

/* By whose login: where each program has one of its own, what goes out is the sender's, and
 * people and the ledger are the poller's. */
static struct ctx *
login_for(const struct inbox *in, const struct http_call *call)
{
	const char *url = call->req.url;

	if (!str_eq(call->req.method, "POST"))
		return in->read;
	if (str_ends(url, "/inbox/outbox"))
		return in->send;
	if (str_ends(url, "/inbox/users") || str_ends(url, "/inbox/delivery"))
		return in->owner;
	return in->write;
}

static bool
handle(void *arg, unsigned int thread, struct http_call *call)
{
	struct inbox *in = arg;
	bool post = str_eq(call->req.method, "POST");
	struct conf *conf;
	bool answered = endpoint_dispatch(login_for(in, call), thread, &table, call);

	/* what one person does, the others' pages show */
	if (post && call->res.status == 200 && (conf = ctx_conf_now(login_for(in, call))) != NULL) {
		ctx_changed(in->write, conf);
		ctx_changed_tick(in->write);
		conf_drop(conf);
	}
	return answered;
}

int
main(void)
{
	struct inbox in = {
		.read = ctx_new("inbox", CONF_WEB, CTX_DB_READ, 1),
		.write = ctx_new("inbox", CONF_WEB, CTX_DB_WEB, 1),
		.send = ctx_new("inbox", CONF_WEB, CTX_DB_SEND, 1),
		.owner = ctx_new("inbox", CONF_WEB, CTX_DB_CRON, 1),
	};
	struct fcgi_opts o = {
		.threads = 1,
		.max_body = 1u << 20,
		.max_requests = 10000,
		.handle = handle,
		.arg = &in,
		.alone = true,
	};
	int status = fcgi_serve(&o);

	ctx_free(in.read);
	ctx_free(in.write);
	ctx_free(in.send);
	ctx_free(in.owner);
	return status;
}

/*
 * inbox.fcgi: the reading side of the bridge.  It makes no outgoing calls and
 * links no libcurl.  Reads go through the login that may only select; the one
 * thing it writes (read by us) through the web login.
 */
#include <stddef.h>

#include "bridge/ctx.h"
#include "extern/fcgi.h"
#include "endpoint/endpoint.h"
#include "endpoint/media.h"
#include "endpoint/read.h"
#include "endpoint/session.h"
#include "endpoint/receive.h"
#include "endpoint/upload.h"
#include "base/str.h"

struct inbox {
	struct ctx *read, *write;
};

static const struct endpoint_route routes[] = {
	{ "GET", "stats", 0, AUTH_READ, endpoint_read_stats },
	{ "GET", "config", 0, AUTH_READ, endpoint_read_config },
	{ "GET", "conversations", 0, AUTH_READ, endpoint_read_conversations },
	{ "GET", "messages", 0, AUTH_READ, endpoint_read_messages },
	{ "GET", "media", 0, AUTH_READ, endpoint_media },
	{ "GET", "file", ROUTE_TAIL, 0, endpoint_file },	/* its signature is the right */
	{ "GET", "inbox", ROUTE_TAIL, AUTH_READ, endpoint_read_inbox },
	{ "POST", "inbox", ROUTE_TAIL, 0, endpoint_session_post },
	{ "POST", "read", 0, AUTH_READ, endpoint_read_mark },
	/* web servers lead here what is no other program's: /instagram/webhooks, too */
	{ "POST", ROUTE_STRAY, ROUTE_TAIL | ROUTE_ANY_BODY, 0, endpoint_receive_stray },
};
static const struct endpoint_table table = { routes, sizeof routes / sizeof *routes };

static bool
handle(void *arg, unsigned int thread, struct http_call *call)
{
	struct inbox *in = arg;
	bool post = str_eq(call->req.method, "POST");
	struct conf *conf;
	bool answered = endpoint_dispatch(post ? in->write : in->read, thread, &table, call);

	/* what one person does, the others' pages show */
	if (post && call->res.status == 200 && (conf = ctx_conf_now(in->write)) != NULL) {
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
	return status;
}

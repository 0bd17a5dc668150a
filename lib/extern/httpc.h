#ifndef DMBOX_EXTERN_HTTPC_H
#define DMBOX_EXTERN_HTTPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/http.h"
#include "base/rc.h"
#include "base/str.h"

/*
 * HTTP through libcurl, which no other file includes.  An engine runs many flows at once on one
 * thread; a flow is a conversation with one upstream, request after request (a poll check, a send,
 * a download).  TLS verified, answers capped, redirects off unless asked for,
 * sends on fresh connections, reads with keep-alive.
 */
struct httpc;

struct httpc_flow {
	/* next(arg, req, wait_ms): RC_OK: req is the next request, to start after
	 * wait_ms; anything else: the flow is over.  req is initialised and freed by
	 * the engine (http_req_free). */
	enum rc (*next)(void *arg, struct http_req *req, int64_t *wait_ms);
	/* start: where not NULL, the last word before the request leaves, after its wait;
	 * false: it must not, the flow is over. */
	bool (*start)(void *arg);
	/* feed: the answer, or the failure; borrowed during the call. */
	void (*feed)(void *arg, struct http_res *res);
	/* done: last call; may free arg, may add new flows.  cut: ended by the deadline
	 * or httpc_abort instead of by itself. */
	void (*done)(void *arg, bool cut);
	void *arg;
	int64_t deadline_ms;	/* clock_mono_ms() at which it is cut; 0 = none.  A request
				 * under way then gets feed(HTTP_FAIL_TIMEOUT) first. */
	/* sink: where not NULL, body bytes of the answer go here instead of into res
	 * (media); false stops the transfer (HTTP_FAIL_TOO_BIG). */
	bool (*sink)(void *arg, const void *p, size_t n);
};

/* httpc_new(media_allow): a client of one thread, which the caller frees with httpc_free(h).
 * media_allow: hosts of private addresses that may be asked all the same (copied); NULL: none. */
struct httpc *httpc_new(const struct strv *media_allow);
/* httpc_allow(h, media_allow): another list, for requests that begin from now on. */
void httpc_allow(struct httpc *h, const struct strv *media_allow);
void httpc_free(struct httpc *h);
void httpc_add(struct httpc *h, const struct httpc_flow *f);	/* copied */
/* httpc_step(h, timeout_ms): work and wait at most so long; number of flows still alive. */
size_t httpc_step(struct httpc *h, int timeout_ms);
/* httpc_run(h): httpc_step until none is alive. */
void httpc_run(struct httpc *h);
/* httpc_abort(h): cut every flow now. */
void httpc_abort(struct httpc *h);
/* httpc_once(h, req, res): one request, blocking; res is initialised by this call, and freed by
 * the caller (http_res_free). */
void httpc_once(struct httpc *h, const struct http_req *req, struct http_res *res);

#endif

#ifndef DMBOX_SIM_H
#define DMBOX_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "extern/json.h"
#include "base/mem.h"

/*
 * The provider simulator: one FastCGI process behind a small web server of its
 * own, which behaves like the providers so that the whole suite runs without
 * them.  A provider is a table entry with a path prefix:
 *
 *   /chatrace/...   sim_chatrace.c	/graph/vN.N/...  sim_graph.c
 *   /green/...      sim_greenapi.c	/cloud/vN.N/...  sim_cloud.c
 *   /_sim/...       the control API (sim.c)
 *
 * Requests run on several threads, but handle, control and reset are called
 * under one lock: a provider keeps its state in statics of its file and needs no
 * lock of its own.  It must not block; faults (slow, cut, ...) are made by
 * the core, before or after handle, by request path.
 *
 * Control API, for tests (JSON in and out, see tests/sim/README):
 *   POST /_sim/fault     {"path":"/chatrace/contacts","fault":"429","times":2,"retry_after":3}
 *                        path is a prefix of the full path; "*" at its end is allowed;
 *                        "contains":"text" narrows to paths or bodies that hold it;
 *                        "every":50 hits each 50th only;
 *                        times 0 = until reset.  fault: a status ("429" "500" "502" ...),
 *                        slow (ms), cut, drop_after_accept, wrong_json, endless, html,
 *                        empty, drop_webhook (path: the webhook's URL path),
 *                        answer ("status":400, "body":"..." word for word),
 *                        none: takes the faults of this path away
 *   GET  /_sim/log       requests received: [{"n","at","method","path","query","headers","body","status"}]
 *   GET  /_sim/webhooks  webhooks sent: [{"url","status","body","dropped"}]
 *   GET  /_sim/fetches   files fetched for sends: [{"url","status","type","bytes","sha256"}]
 *   POST /_sim/reset     faults, log and every provider's state
 *   POST /_sim/config    {"KEY":"value"}: sim_opt() values, over the environment's SIM_KEY
 *   POST /_sim/NAME/...  to the provider's control function
 */
struct sim_req {
	const char *method;
	const char *path;	/* behind the prefix, with its slash: "/contacts/1/send/text" */
	const char *full_path;
	const char *query;	/* raw; "" if none */
	const char *body;	/* NUL behind it */
	size_t body_n;
	const struct json *json;	/* the body where it is JSON; else NULL */
	char **env;		/* FastCGI parameters */
	struct mem_arena *a;	/* lives until the answer is sent */
	unsigned long n;	/* number of this request since start */
};

struct sim_res {
	int status;		/* 200 */
	const char *type;	/* "application/json" */
	struct buf headers;	/* further lines "Name: value\r\n" */
	struct buf body;
};

struct sim_provider {
	const char *name;	/* "chatrace": also the prefix without slash */
	void (*handle)(const struct sim_req *r, struct sim_res *res);
	/* POST /_sim/NAME/VERB; r->path is "/VERB".  May be NULL. */
	void (*control)(const struct sim_req *r, struct sim_res *res);
	void (*reset)(void);	/* may be NULL */
};
/* Defined in the provider's file and listed in sim.c's table (weak: a missing
 * file is a provider that answers 404). */
extern const struct sim_provider sim_chatrace;
extern const struct sim_provider sim_graph __attribute__((weak));
extern const struct sim_provider sim_greenapi __attribute__((weak));
extern const struct sim_provider sim_cloud __attribute__((weak));

/* sim_header(r, name): request header ("X-ACCESS-TOKEN"), or NULL. */
const char *sim_header(const struct sim_req *r, const char *name);
/* sim_query(r, name): decoded query field, or NULL; in r's arena. */
const char *sim_query(const struct sim_req *r, const char *name);
/* sim_form(r, name): field of a form-encoded body, or NULL. */
const char *sim_form(const struct sim_req *r, const char *name);
/* sim_json(r, path): text of a member of the JSON body (numbers too), or NULL. */
const char *sim_json(const struct sim_req *r, const char *path);

/* sim_opt(name): a setting: POST /_sim/config, else the environment variable
 * SIM_name, else NULL.  sim_opt_has: is v one of its comma-separated values?
 * Where the setting is not there, any is right. */
const char *sim_opt(const char *name);
/* sim_opt_set(name, value): as POST /_sim/config; what a call of the API changes */
void sim_opt_set(const char *name, const char *value);
bool sim_opt_has(const char *name, const char *v);

void sim_status(struct sim_res *res, int status);
/* sim_answer(res, status, fmt...): status and a JSON body. */
void sim_answer(struct sim_res *res, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
void sim_html(struct sim_res *res, int status, const char *text);
void sim_add_header(struct sim_res *res, const char *name, const char *value);

/*
 * sim_webhook(url, delay_ms, header, value, body, n):
 * Queue a POST of application/json to url (loopback only), performed by the
 * core's own thread, in order, after delay_ms; kept for GET /_sim/webhooks.
 * header/value: one header more (signature, Authorization); NULL for none.
 * All is copied.  A drop_webhook fault swallows it.
 */
void sim_webhook(const char *url, unsigned int delay_ms, const char *header,
    const char *value, const char *body, size_t n);
/* sim_webhook_signed: with X-Hub-Signature-256 by secret (providers.md B.3). */
void sim_webhook_signed(const char *url, unsigned int delay_ms, const char *secret,
    const char *body, size_t n);
/* sim_wait(ms): inside handle only: gives the lock up for ms, others work (long polls). */
void sim_wait(unsigned int ms);
/*
 * sim_fetch(url): inside handle only, the lock is given up meanwhile: a file by its address,
 * as the providers fetch what they are to send.  Only the bridge's own addresses are asked;
 * true: it is there, or is another host's.  GET /_sim/fetches lists what was asked.
 */
bool sim_fetch(const char *url);
/* sim_fetch_file(url, f): the same, and what came; mime "" where nobody was asked. */
struct sim_file { char mime[100]; size_t bytes; };
bool sim_fetch_file(const char *url, struct sim_file *f);
/* sim_id(): a number that no earlier call gave, rising, also over restarts. */
uint64_t sim_id(void);

#endif

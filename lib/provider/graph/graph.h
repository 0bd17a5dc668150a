#ifndef DMBOX_PROVIDER_GRAPH_GRAPH_H
#define DMBOX_PROVIDER_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/conf.h"
#include "base/http.h"
#include "extern/json.h"
#include "model/msg.h"
#include "provider/list.h"
#include "provider/meta/meta.h"
#include "base/rc.h"

/*
 * What the files of this folder share; no other includes it.  graph.c has the table, in.c
 * what comes in, error.c what a refusal means, poll.c the reconciliation, send.c what goes
 * out, ask.c the single questions, request.c how each of them is asked.
 */

/* --- provider/graph/keys.c: an account ---------------------------------------- */
/* graph_own(a): also of an account that no file made (its provider and name are known). */
const struct meta_own *graph_own(const struct account *a);
extern const struct provider_key graph_keys[];
extern const size_t graph_n_keys;
extern const struct log_pattern graph_masks[];
extern const size_t graph_n_masks;
enum claim graph_claims(const struct conf_values *v);
void graph_configure(struct account *a, const struct conf_values *v);
void graph_unconfigure(void *own);

/*
 * graph_product(a): which of the two products of providers.md B.1, by the token's prefix and
 * never by the host: IGAA is Instagram Login, EAA is the Messenger Platform.  Of another prefix
 * nothing is known: then the configured address decides.
 */
enum graph_product { GRAPH_LOGIN, GRAPH_MESSENGER };
enum graph_product graph_product(const struct account *a);
/* graph_base(a): the API's address without version; static or a's. */
const char *graph_base(const struct account *a);

/* --- provider/graph/request.c: requests ---------------------------------------- */
/* graph_req(a, method, path, out): meta_req; for tokens of Instagram Login nothing is
 * documented about appsecret_proof: left out.  Returns as meta_req. */
enum rc graph_req(
    const struct account *a, const char *method, const char *path, struct http_req *out) MUST_CHECK;
/* graph_proofs(a): how many ways there are to prove a call, 1 or more (account.proof). */
unsigned int graph_proofs(const struct account *a);

/* --- provider/graph/error.c: refusals (providers.md B.8) ------------------- */

enum graph_class {
	GRAPH_FINE,	/* no error */
	GRAPH_RETRY,	/* their trouble: back off; what was asked may be done all the same */
	GRAPH_RATE,	/* too many calls: the account rests */
	GRAPH_TOKEN,	/* the token is dead: the account rests, the queue stays */
	GRAPH_RIGHT,	/* permission, role, restriction: a person must act */
	GRAPH_PROOF,	/* appsecret_proof is missing or of another app's secret */
	GRAPH_LESS,	/* "reduce the amount of data": ask for less */
	GRAPH_FAIL,	/* this message never: a code that speaks of it or of its recipient */
	GRAPH_BLOCKED,	/* this contact cannot be reached */
	GRAPH_ONCE,	/* never, but one delayed retry is sensible */
	GRAPH_GONE,	/* the object asked for is not there (any more) */
	GRAPH_UNKNOWN,	/* outcome unknown: a gateway gave up (502, 504) */
	GRAPH_OTHER	/* a refusal that does not say whom or what it is about */
};

struct graph_error {
	enum graph_class class;
	char code[64];		/* "10/2534022", "190", "http_502", "timeout" */
	char text[400];		/* their words, masked */
	int64_t pause_s;	/* for RATE: how long; 0 not said */
	const char *hint;	/* static code of the advice (bridge/hint.h); NULL none */
	bool strange;		/* OTHER by an answer that no table has: no proof of anything */
};

/*
 * graph_error_read(res, j, out):
 * Classify an answer by code and subcode, by HTTP status only where there is
 * no error object.  j is the parsed body or NULL.  A failure of the transport
 * is RETRY where nothing was sent, else UNKNOWN.
 */
void graph_error_read(const struct http_res *res, const struct json *j, struct graph_error *out);

/* --- provider/graph/in.c: what comes in (providers.md B.4, B.5, B.9) ------- */
enum rc graph_parse(const struct account *a, const char *content_type, const char *p, size_t n,
    struct itemv *out) MUST_CHECK;
/*
 * graph_message(own, m, out):
 * A message object of the Conversations API as the items its webhook would
 * have given: the same mid, kinds and direction; reactions follow as events.
 * Returns  RC_OK; RC_NONE for an object without content (older than the newest
 *          20 of its conversation).
 */
enum rc graph_message(const char *own, const struct json *m, struct itemv *out) MUST_CHECK;
#define GRAPH_MESSAGE_FIELDS \
	"id,created_time,from,to,message,attachments,reply_to," \
	"is_unsupported,shares,story,reactions"
/* graph_parse_polled: a conversation with its messages, or one message, as the
 * Conversations API gives them (struct provider, parse_polled). */
enum rc graph_parse_polled(const struct account *a, const char *content_type, const char *p,
    size_t n, struct itemv *out) MUST_CHECK;

/* --- provider/graph/checks.c: dmbox doctor ----------------------------------- */
extern const struct provider_check graph_checks[];
extern const size_t graph_n_checks;
enum rc graph_subscribe(const struct account *a, struct http_req *out);

/* --- the rest: members of provider_graph ------------------------------------ */
enum rc graph_poll_build(const struct account *a, struct poll_state *st, struct http_req *out);
enum rc graph_poll_read(
    const struct account *a, const struct http_res *res, struct poll_state *st, struct itemv *out);
enum rc graph_send_build(const struct account *a, const struct outmsg *m, struct http_req *out);
enum rc graph_send_read(const struct account *a, const struct outmsg *m, const struct http_res *res,
    struct send_result *out);
enum rc graph_lookup_build(const struct account *a, const struct outmsg *m, struct http_req *out);
enum rc graph_lookup_read(const struct account *a, const struct outmsg *m, int64_t since_us,
    const struct http_res *res, struct strv *ids);
enum rc graph_fetch_build(const struct account *a, const char *id, struct http_req *out);
enum rc graph_fetch_read(
    const struct account *a, const char *id, const struct http_res *res, struct itemv *out);
enum rc graph_profile_build(const struct account *a, const char *contact, struct http_req *out);
enum rc graph_profile_read(const struct account *a, struct http_res *res, struct profile *out);
enum rc graph_refresh_build(const struct account *a, struct http_req *out);
enum rc graph_refresh_read(
    const struct account *a, struct http_res *res, const char **token, int64_t *life_s);
enum rc graph_probe_build(const struct account *a, int step, struct http_req *out);
enum rc graph_probe_read(
    const struct account *a, int step, const struct http_res *res, struct finding *out);

/* --- words.c: texts for people */
void graph_setup(const struct setup_facts *f, struct buf *b);
extern const struct provider_hint graph_hints[];
extern const size_t graph_n_hints;

/* --- samples.c: bodies that it sends */
extern const struct provider_sample graph_samples[];
extern const size_t graph_n_samples;

#endif

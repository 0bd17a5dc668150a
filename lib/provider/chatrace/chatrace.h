#ifndef DMBOX_PROVIDER_CHATRACE_CHATRACE_H
#define DMBOX_PROVIDER_CHATRACE_CHATRACE_H

#include "extern/json.h"
#include "provider/list.h"

/*
 * What the files of this folder share; no other includes it.  chatrace.c has the table, in.c
 * what comes in, request.c a request, poll.c the check, send.c what goes out, ask.c what the
 * doctor asks.
 */

#define AUTH_TOKEN "X-ACCESS-TOKEN" /* A.2 */
#define REQUEST_MS 10000 /* of one request */

/* --- keys.c: an account */
struct chatrace_own {
	struct strv webhook_secrets;
	char *verify_token;
	struct strv poll_paths, auth_formats;
	char *send_channel;
};
/* chatrace_own(a): also of an account that no file made (its provider and name are known). */
const struct chatrace_own *chatrace_own(const struct account *a);
extern const struct provider_key chatrace_keys[];
extern const size_t chatrace_n_keys;
enum claim chatrace_claims(const struct conf_values *v);
void chatrace_configure(struct account *a, const struct conf_values *v);
void chatrace_unconfigure(void *own);
const char *chatrace_token_part(const char *token);

/* --- in.c: members of provider_chatrace */
enum rc chatrace_parse(const struct account *a, const char *content_type, const char *p, size_t n,
    struct itemv *out) MUST_CHECK;
/* of a polled list: items without id and time have a place (contract.md 5) */
enum rc chatrace_parse_polled(const struct account *a, const char *content_type, const char *p,
    size_t n, struct itemv *out) MUST_CHECK;
/*
 * chatrace_read_messages(a, res, st, out): is the body of a good answer a list of messages?
 *
 * Returns  NULL: yes, its items are in out; else the note of the attempt ("not_json",
 *          "not_understood", "not_a_list", "unauthorized", "error_object"), out is empty.
 */
const char *chatrace_read_messages(
    const struct account *a, const struct http_res *res, struct poll_state *st, struct itemv *out);

/* --- request.c */
/*
 * chatrace_request(a, method, path, auth, out):
 * A request to the API's address and path, answered within REQUEST_MS.  auth is
 * "Authorization: Bearer", or the name of a header that takes the bare token (A.2).
 *
 * Returns  RC_OK; RC_INVALID where the address or the token cannot be sent.
 * Owns     *out: it was inited, http_req_free().
 */
enum rc chatrace_request(const struct account *a, const char *method, const char *path,
    const char *auth, struct http_req *out) MUST_CHECK;
/*
 * chatrace_error_of(a, j, code, text):
 * The error of an answer: {"error":{"code","message"}}, {"message"}, {"errors"} (A.5).
 *
 * Returns  true where there is an error object or success is false; *code 0 and *text NULL:
 *          none was given.
 * Owns     *text lies in the arena.
 */
bool chatrace_error_of(struct mem_arena *a, const struct json *j, int64_t *code, const char **text);

/* --- poll.c, send.c, ask.c: members of provider_chatrace */
enum rc chatrace_poll_build(
    const struct account *a, struct poll_state *st, struct http_req *out) MUST_CHECK;
enum rc chatrace_poll_read(const struct account *a, const struct http_res *res,
    struct poll_state *st, struct itemv *out) MUST_CHECK;
enum rc chatrace_send_build(
    const struct account *a, const struct outmsg *m, struct http_req *out) MUST_CHECK;
enum rc chatrace_send_read(const struct account *a, const struct outmsg *m,
    const struct http_res *res, struct send_result *out) MUST_CHECK;
enum rc chatrace_probe_build(const struct account *a, int step, struct http_req *out) MUST_CHECK;
enum rc chatrace_probe_read(
    const struct account *a, int step, const struct http_res *res, struct finding *out) MUST_CHECK;

/* --- checks.c: dmbox doctor */
extern const struct provider_check chatrace_checks[];
extern const size_t chatrace_n_checks;

/* --- words.c: members of provider_chatrace */
extern const struct provider_hint chatrace_hints[];
extern const size_t chatrace_n_hints;
void chatrace_setup(const struct setup_facts *f, struct buf *b);
/* chatrace_body(own_id, b): the flow step's body as JSON, for where there is no form: what the
 * flow says of the sender first, the customer's words last (providers.md A.6). */
void chatrace_body(const char *own_id, struct buf *b);
void chatrace_ticket(const struct account *a, const char *url, bool ru, struct buf *b);

/* --- samples.c: bodies that it sends */
extern const struct provider_sample chatrace_samples[];
extern const size_t chatrace_n_samples;

#endif

#ifndef DMBOX_PROVIDER_META_META_H
#define DMBOX_PROVIDER_META_META_H

#include <stdbool.h>
#include "base/buf.h"
#include "base/http.h"
#include "base/rc.h"
#include "base/str.h"
#include "extern/json.h"
#include "model/conf.h"
#include "model/provider.h"

/* What the providers that speak to Meta share; included by their folders only. */

#define META_SIGNATURE "X-Hub-Signature-256"

/* What account.own of these providers begins with. */
struct meta_own {
	char *version;		/* "v25.0" */
	char *verify_token;
	struct strv app_secrets;
};
void meta_unconfigure(struct meta_own *own);	/* frees what is in it */

/* struct provider's verify, with the app secrets of a->own.  All are tried, so that the time
 * says nothing of which. */
enum rc meta_verify(
    const struct account *a, const struct http_req *req, const char **why) MUST_CHECK;
/* struct provider's sign, with the first of them. */
enum rc meta_sign(const struct account *a, struct http_req *req) MUST_CHECK;
/* struct provider's handshake and handshake_query, with a->own's verify token. */
enum rc meta_handshake(
    const struct account *a, const struct http_req *req, struct buf *out) MUST_CHECK;
enum rc meta_handshake_query(
    const struct account *a, const char *challenge, struct buf *out) MUST_CHECK;
/* meta_handshake_token(verify_token, req, out): handshake, for an own of another kind.
 * RC_DENIED: the token is another one. */
enum rc meta_handshake_token(
    const char *verify_token, const struct http_req *req, struct buf *out) MUST_CHECK;

/* A call of the Graph API. */
struct meta_call {
	const struct meta_own *own;
	const char *base;	/* the API's address, without version and slash at the end */
	bool proof;		/* appsecret_proof is known for this kind of token */
};
/*
 * meta_req(a, c, method, path, out):
 * Start a request to base/VERSION/path, the token in the Authorization header so that it is
 * in no URL (providers.md E.9).  path has no slash in front and may carry a query.
 * appsecret_proof (Meta, "Secure Graph API calls"): the hex HMAC of the token by the app's
 * secret, as apps with "Require App Secret" demand.  Of several secrets a->proof is the one
 * in force; the place behind the last is a call without proof.
 *
 * Returns  RC_OK; RC_INVALID where the account has no usable token.
 * Owns     *out: http_req_free().
 */
enum rc meta_req(const struct account *a, const struct meta_call *c, const char *method,
    const char *path, struct http_req *out) MUST_CHECK;
/* meta_proofs(own): how many ways there are to prove a call, 1 or more. */
unsigned int meta_proofs(const struct meta_own *own);

/* meta_accepted(j, id, out): an answer 2xx: sent, by the id where there is one; j: the answer,
 * NULL where it is no JSON, a success in words that nobody knows. */
void meta_accepted(const struct json *j, const struct json *id, struct send_result *out);
/* meta_rest(pause_s, out): a pause that ends by itself: it begins short and grows while it is
 * refused; pause_s 0: the provider did not say how long. */
void meta_rest(int64_t pause_s, struct send_result *out);

/* meta_usage_pause_s(res): how long to rest by X-App-Usage, X-Page-Usage and
 * X-Business-Use-Case-Usage: what estimated_time_to_regain_access names, else 60 s at 95 % and
 * above; 0 below. */
int64_t meta_usage_pause_s(const struct http_res *res);
/* meta_rate_pause_s(res, pause_s): the same for a call that was refused for its number: what
 * Retry-After or the headers name; pause_s where they name nothing. */
int64_t meta_rate_pause_s(const struct http_res *res, int64_t pause_s);

#endif

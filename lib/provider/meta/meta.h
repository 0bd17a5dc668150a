#ifndef DMBOX_PROVIDER_META_META_H
#define DMBOX_PROVIDER_META_META_H

#include "base/buf.h"
#include "base/http.h"
#include "base/rc.h"
#include "base/str.h"

/* What the providers that speak to Meta share; included by their folders only. */

#define META_SIGNATURE "X-Hub-Signature-256"

/* meta_verify(secrets, req, why): struct provider's verify, with these app secrets.  All are
 * tried, so that the time says nothing of which. */
enum rc meta_verify(const struct strv *secrets, const struct http_req *req, const char **why) MUST_CHECK;
/* meta_sign(secrets, req): struct provider's sign, with the first of them. */
enum rc meta_sign(const struct strv *secrets, struct http_req *req) MUST_CHECK;
/* meta_greet(verify_token, req, out): struct provider's greet. */
enum rc meta_greet(const char *verify_token, const struct http_req *req, struct buf *out) MUST_CHECK;
/* meta_greeting(verify_token, challenge, out): struct provider's greeting. */
enum rc meta_greeting(const char *verify_token, const char *challenge, struct buf *out) MUST_CHECK;

#endif

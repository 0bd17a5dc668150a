#ifndef DMBOX_ENDPOINT_SESSION_H
#define DMBOX_ENDPOINT_SESSION_H

#include "endpoint/endpoint.h"
#include "store/people.h"

/*
 * Sessions of the inbox page (docs/design/inbox-api.md 2): a cookie in place of a JWT.
 */

/* session_here(e): does the request carry a session's cookie and no JWT? */
bool session_here(const struct endpoint_env *e);
/* session_secret(e, out): the value of the cookie that session_caller found, for the caller to
 * wipe; false: the request has none that could be one. */
bool session_secret(const struct endpoint_env *e, char out[PEOPLE_SECRET + 1]);
/* session_cookie(e, secret, secure): the answer sets the cookie for 30 days, for HTTPS alone
 * where secure: dmbox_session, or a name of this installation's where another one of the same
 * host has that. */
void session_cookie(struct endpoint_env *e, const char *secret, bool secure);
/*
 * session_caller(e): the person of the session, into e->caller.  What is not a GET must carry
 * X-Dmbox: 1, which no other site's page can set.
 * Returns  false where the answer is written: 401 no_session, 403 no_header, 503.
 */
bool session_caller(struct endpoint_env *e);
/* session_end(e): the sessions of the request's cookies are gone, and the answer takes these
 * cookies away, not those of other installations.  Returns RC_TEMP where they are still there.
 * Repeats safe. */
enum rc session_end(struct endpoint_env *e) MUST_CHECK;

#endif

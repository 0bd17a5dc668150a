#ifndef DMBOX_ENDPOINT_SESSION_H
#define DMBOX_ENDPOINT_SESSION_H

#include "endpoint/endpoint.h"
#include "store/people.h"

/*
 * Sessions of the inbox page (docs/design/inbox-api.md 2): a cookie in place of a JWT.
 */

/* session_here(e): does the request carry a session's cookie and no JWT? */
bool session_here(const struct endpoint_env *e);
/* session_secret(e, out): the cookie's value, for the caller to wipe; false: the request has
 * none that could be one. */
bool session_secret(const struct endpoint_env *e, char out[PEOPLE_SECRET + 1]);
/* session_cookie(e, secret, secure): the answer sets the cookie for 30 days, for HTTPS alone
 * where secure; "" takes it away. */
void session_cookie(const struct endpoint_env *e, const char *secret, bool secure);
/*
 * session_caller(e): the person of the session, into e->caller.  What is not a GET must carry
 * X-Dmbox: 1, which no other site's page can set.
 * Returns  false where the answer is written: 401 no_session, 403 no_header, 503.
 */
bool session_caller(struct endpoint_env *e);

#endif

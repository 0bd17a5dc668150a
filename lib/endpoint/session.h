#ifndef DMBOX_ENDPOINT_SESSION_H
#define DMBOX_ENDPOINT_SESSION_H

#include "endpoint/endpoint.h"

/*
 * Sessions of the inbox page (docs/design/inbox-api.md 2): a cookie in place of a JWT.
 */

/* session_here(e): does the request carry a session's cookie and no JWT? */
bool session_here(const struct endpoint_env *e);
/*
 * session_caller(e, res): who that is, into e->caller.  What is not a GET must carry
 * X-Dmbox: 1, which no other site's page can set.
 * Returns  false where the answer is written: 401 no_session, 403 no_header, 503.
 */
bool session_caller(struct endpoint_env *e);

/* POST /inbox/login, /inbox/logout and /inbox/outbox: each tail of POST /inbox/. */
void endpoint_session_post(struct endpoint_env *e);
/* GET /inbox/me */
void endpoint_session_me(struct endpoint_env *e);

#endif

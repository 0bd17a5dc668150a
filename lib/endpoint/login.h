#ifndef DMBOX_ENDPOINT_LOGIN_H
#define DMBOX_ENDPOINT_LOGIN_H

#include "endpoint/endpoint.h"

/* endpoint_session_post(e): POST /inbox/login, /inbox/logout and /inbox/outbox, and the posts
 * of endpoint/desk.h: each tail of POST /inbox/. */
void endpoint_session_post(struct endpoint_env *e);
/* endpoint_session_me(e): GET /inbox/me: the person, and what the page needs to begin. */
void endpoint_session_me(struct endpoint_env *e);

#endif

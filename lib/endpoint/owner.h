#ifndef DMBOX_ENDPOINT_OWNER_H
#define DMBOX_ENDPOINT_OWNER_H

#include "endpoint/endpoint.h"

/*
 * The owner's page (docs/design/inbox-api.md 7): one request for the whole, the ledger, why a
 * message is not there, people and their links.  403 owner_only for everybody else.
 */

/* endpoint_owner_get(e): GET inbox/owner, ledger, delivery, why, users; false: another tail. */
bool endpoint_owner_get(struct endpoint_env *e);
/* endpoint_owner_post(e): POST inbox/users, inbox/delivery, by a login that may write all tables;
 * another tail is endpoint_session_post's. */
void endpoint_owner_post(struct endpoint_env *e);

#endif

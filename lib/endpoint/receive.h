#ifndef DMBOX_ENDPOINT_RECEIVE_H
#define DMBOX_ENDPOINT_RECEIVE_H

#include "bridge/ctx.h"
#include "endpoint/endpoint.h"

/*
 * The webhook (contract.md 4): 2xx only after the bytes are durable, in the
 * database or in the spool; 401 with an empty body, and a row in the ledger,
 * for what carries no credential of the account.
 */
/* endpoint_receive_handshake(e): GET: the provider's handshake. */
void endpoint_receive_handshake(struct endpoint_env *e);
/* endpoint_receive(e): POST: a delivery. */
void endpoint_receive(struct endpoint_env *e);
/* endpoint_receive_stray(e): a table's stray: a delivery at an address that is no webhook's, with
 * a letter wrong or another of ours: a row in the ledger (capped), so that doctor and why can
 * tell.  Where a route took it only if its credential is an account's. */
void endpoint_receive_stray(struct endpoint_env *e);
/* endpoint_receive_tick(ctx): about once a second, from no request thread: answers
 * for deliveries that wait too long, counts refused ones beyond the cap that no
 * later one reported, takes what is in the spool to the database when that is
 * there again (looks at once, then at most every ten seconds). */
void endpoint_receive_tick(struct ctx *ctx);

#endif

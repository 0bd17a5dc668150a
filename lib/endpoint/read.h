#ifndef DMBOX_ENDPOINT_READ_H
#define DMBOX_ENDPOINT_READ_H

#include "endpoint/endpoint.h"

/*
 * What the inbox program answers (contract.md 4, scope read): figures, the
 * configuration in use, conversations, messages, and the mark that they were
 * read by us: endpoint_read_stats, endpoint_read_config,
 * endpoint_read_conversations, endpoint_read_messages and endpoint_read_mark.
 */
void endpoint_read_stats(struct endpoint_env *e);
void endpoint_read_config(struct endpoint_env *e);
void endpoint_read_conversations(struct endpoint_env *e);
void endpoint_read_messages(struct endpoint_env *e);
/* endpoint_read_inbox(e): GET /inbox/..., for all channels: tail changes is the feed, me who is
 * signed in. */
void endpoint_read_inbox(struct endpoint_env *e);
void endpoint_read_mark(struct endpoint_env *e);

#endif

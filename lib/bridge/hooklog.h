#ifndef DMBOX_BRIDGE_HOOKLOG_H
#define DMBOX_BRIDGE_HOOKLOG_H

#include "model/conf.h"
#include "base/http.h"
#include "model/msg.h"

/*
 * The sentences of the earlier system at a webhook, word for word and in their
 * order (earlier-system.md): operators search for them.  Bodies and texts hold
 * people's words; below debug a stand-in says how long they are.
 */

/* hooklog_delivery(a, req, d): the lines of one accepted delivery, after it was
 * stored (its id and counts are known) or spooled. */
void hooklog_delivery(
    const struct account *a, const struct http_req *req, const struct delivery *d);
/* hooklog_refused(a, reason, addr): why, and what to set where nothing is set. */
void hooklog_refused(const struct account *a, const char *reason, const char *addr);

#endif

#ifndef DMBOX_BRIDGE_ATTEMPT_H
#define DMBOX_BRIDGE_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include "model/conf.h"
#include "base/http.h"
#include "base/mem.h"
#include "base/meter.h"
#include "store/outbox.h"
#include "model/provider.h"
#include "base/rc.h"

/*
 * What send.fcgi's one try and the poller's deliveries have in common: an
 * outbox item to a request, an answer to a result.  No network, no database.
 */

/*
 * attempt_build(a, it, timeout_ms, req, r):
 * The request that sends it, on a fresh connection; or, where none is needed
 * (mock account, or nothing this provider can send), the result at once.
 *
 * Returns  RC_OK: req is to be performed; RC_NONE: r is set.
 * Owns     req is zeroed or initialised before; http_req_free() it in any case.
 */
enum rc attempt_build(const struct account *a, const struct outbox_item *it,
    unsigned int timeout_ms, struct http_req *req, struct send_result *r) MUST_CHECK;
/*
 * attempt_upload(a, it, timeout_ms, req):
 * The request that hands over the item's file before its message, as attempt_build.  It is no
 * attempt yet: what comes of it, no message went out.
 *
 * Returns  RC_OK: req is to be performed, then attempt_uploaded; RC_NONE: there is none to hand
 *          over (any more), attempt_build is next.
 */
enum rc attempt_upload(const struct account *a, const struct outbox_item *it,
    unsigned int timeout_ms, struct http_req *req) MUST_CHECK;
/* attempt_uploaded(a, it, res, r): RC_OK: handed over, it->media is set; else r is what came of
 * the item, never SEND_UNKNOWN. */
enum rc attempt_uploaded(const struct account *a, struct outbox_item *it,
    const struct http_res *res, struct send_result *r) MUST_CHECK;
/* attempt_possible(a, m): can this account's provider send such a thing? */
bool attempt_possible(const struct account *a, const struct outmsg *m);
/*
 * attempt_read(a, it, res, r):
 * What an answer or its absence means.  Nothing left: retry; the line broke
 * after bytes left: unknown; else the provider reads it, and where it cannot,
 * the status decides (ARCHITECTURE.md 4: 429, 500, 503 retry; 502, 504 unknown).
 * A message taken without an id by a provider that has echoes: unknown, no_id.
 */
void attempt_read(const struct account *a, const struct outbox_item *it, const struct http_res *res,
    struct send_result *r);
/* attempt_again(it, r): the provider refused only the proof of the call: build it again
 * at once, it uses the next one.  A claimed item, at most ATTEMPT_PROOFS times. */
#define ATTEMPT_PROOFS 8
bool attempt_again(struct outbox_item *it, const struct send_result *r);
/* attempt_count(m, a, r, ms): one attempt more for GET /metrics. */
void attempt_count(
    struct meter *m, const struct account *a, const struct send_result *r, int64_t ms);
/*
 * attempt_recipient(a, id, arena):
 * The other side as messages know it, by the provider's rule (struct provider, recipient).
 * NULL where it cannot be one.
 */
const char *attempt_recipient(const struct account *a, const char *id, struct mem_arena *arena);
/*
 * attempt_national(db, a, id, arena):
 * The same of a phone that was written without its country: it is that of a's own number, as
 * the newest deliveries tell it.  NULL: it is no such phone, or the number is not known.
 */
const char *attempt_national(
    struct db *db, const struct account *a, const char *id, struct mem_arena *arena);

#endif

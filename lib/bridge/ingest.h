#ifndef DMBOX_BRIDGE_INGEST_H
#define DMBOX_BRIDGE_INGEST_H

#include <stddef.h>
#include "model/conf.h"
#include "extern/db.h"
#include "model/msg.h"
#include "base/rc.h"
#include "bridge/spool.h"

/*
 * Many deliveries -> one transaction, else the spool.  Derives what the
 * providers leave open: weak ids, hashed long ids, event keys.
 */

/* ingest_prepare(d): fill external_id/alt_id/weak/event_id of d's items; safe to
 * repeat.  (contract.md 5: weak ids, ids over 512 bytes.) */
void ingest_prepare(struct delivery *d);
/*
 * ingest(db, spool, v, n):
 * Prepare and store; what the database did not take goes to the spool (may be
 * NULL).  Each delivery's rc: RC_OK stored, RC_DUP in the spool (durable),
 * RC_TEMP neither.
 * Returns  RC_OK when all are durable (stored or spooled), else RC_TEMP.
 */
enum rc ingest(struct db *db, struct spool *sp, struct delivery *const *v, size_t n) MUST_CHECK;
/*
 * ingest_parse(conf, account, d):
 * Parse d->body by the account's provider into d->items, resolving entry ids to
 * accounts; d->source SOURCE_POLL: as an answer to a poll.  What is not understood leaves
 * no items, ignored 1, reason "not_understood".
 */
void ingest_parse(const struct conf *c, const struct account *a, struct delivery *d);
/* The warning where an entry belongs to an account whose secret did not sign it: it is
 * ignored, whatever way the delivery came. */
#define INGEST_FOREIGN "foreign_account"
/*
 * ingest_signature(a, d): does the signature that d's headers keep fit a secret of a?
 * Returns  RC_OK; RC_DENIED; RC_NONE where none was kept or a's provider signs nothing.
 */
enum rc ingest_signature(const struct account *a, const struct delivery *d) MUST_CHECK;
/* ingest_drain(db, conf, spool, max, done): store spooled deliveries, oldest
 * first, batched; stops at RC_TEMP. */
enum rc ingest_drain(
    struct db *db, const struct conf *c, struct spool *sp, size_t max, size_t *done) MUST_CHECK;

/*
 * ingest_drain_before(db, c, done):
 * The spool folder of this host is noted; what waits in a folder that was it before, as
 * DMBOX_SPOOL_DIR had it, is stored too: programs that still ran with the old configuration
 * may have left it there.
 * Returns  as ingest_drain; RC_OK where there is none.
 */
enum rc ingest_drain_before(struct db *db, const struct conf *c, size_t *done) MUST_CHECK;

#endif

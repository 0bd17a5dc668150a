#ifndef DMBOX_BATCH_H
#define DMBOX_BATCH_H

#include <stdbool.h>
#include "conf.h"
#include "db.h"
#include "msg.h"
#include "rc.h"

/*
 * The deliveries of a process's threads, stored together (house.md 7): whoever
 * finds the connection free stores all that waits in one statement and one
 * commit, then hands over.  Who comes alone stores directly: no delay, no copy.
 */
struct batch;

enum { BATCH_DELIVERIES = 64, BATCH_ROWS = 512, BATCH_BYTES = 1 << 20, BATCH_WAIT_MS = 5000 };

/* batch_new(o, wait_ms, alone): two connections of its own (opened when needed):
 * one for batches, one for what is too large for one and for batch_borrow.
 * alone: a process of one thread, for which one connection does all.
 * wait_ms 0: BATCH_WAIT_MS. */
struct batch *batch_new(const struct db_opts *o, unsigned int wait_ms, bool alone);
/* batch_free(b): no thread may be inside batch_store any more. */
void batch_free(struct batch *b);

/*
 * batch_store(b, conf, d):
 * Store one prepared delivery (ingest_prepare), alone or with those of other
 * threads; its counts and rc are set as by store_deliveries.  conf (may be
 * NULL) is held for as long as the delivery's strings may be needed.
 *
 * Returns  RC_OK: durable; RC_TEMP: not known to be stored (database away, or
 *          wait_ms over while another thread may still store it: the bytes go
 *          to the spool and the uid keeps it single).
 * Threads  any number at once, each with a delivery of its own.
 */
enum rc batch_store(struct batch *b, struct conf *conf, struct delivery *d) MUST_CHECK;
/* batch_borrow(b): the second connection for something else (a refusal's row, the
 * spool), until batch_return.  NULL where it is not free within wait_ms; the
 * caller goes without then.  Only for a moment: large deliveries wait for it. */
struct db *batch_borrow(struct batch *b);
void batch_return(struct batch *b);
/* batch_up(b): did the last store succeed?  (Then it is worth draining the spool.) */
bool batch_up(struct batch *b);
/* batch_came_up(b): true once after each change from failing (or nothing yet) to
 * succeeding: whoever learns it looks into the spool at once. */
bool batch_came_up(struct batch *b);
/* batch_count(b, stores, deliveries): statements made and deliveries in them, for tests and metrics. */
void batch_count(struct batch *b, uint64_t *stores, uint64_t *deliveries);

#endif

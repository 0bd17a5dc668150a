#ifndef DMBOX_STORE_STORE_H
#define DMBOX_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>
#include "extern/db.h"
#include "model/msg.h"
#include "base/rc.h"
#include "base/str.h"

/*
 * The ledger, contacts, messages, events.  store_deliveries is the
 * one entry point: an array of deliveries in one transaction and one round trip
 * (sql/: dmbox.ingest_many, statements over arrays, contacts before messages
 * as separate statements, sorted by key).
 *
 * Where nothing else is said, a function that returns enum rc gives RC_OK, RC_TEMP while the
 * database is away, or what db_fault says of the statement (extern/db.h).
 */

/*
 * store_deliveries(db, v, n):
 * Write ledger, contacts, messages, attachments, events and apply what changes
 * messages; each delivery gets its own id, counts and rc.  Items must have been
 * through ingest_prepare (ids derived, keys hashed).
 *
 * A conflict is retried; a batch that fails for its data is halved until the
 * bad row stands alone, kept in the ledger only (reason "poison", ignored).
 *
 * Returns  RC_OK: every delivery is durable; RC_TEMP: database away, nothing
 *          of the batch that has rc RC_TEMP is known to be stored (it goes to
 *          the spool; the uid keeps it single).
 * Repeats  safe.
 */
enum rc store_deliveries(struct db *db, struct delivery *const *v, size_t n) MUST_CHECK;

/*
 * store_would(db, v, n):
 * Would these deliveries be taken, one after the other?  Written in one transaction that is
 * undone, and their messages read back.
 *
 * Returns  RC_OK; RC_NONE: taken, and a message is not there; RC_PERM: a message is there
 *          with another text; RC_INVALID: the data are refused; RC_TEMP: anything else.
 *          The fault stays with db (db_sqlstate, db_where).
 */
enum rc store_would(struct db *db, struct delivery *const *v, size_t n) MUST_CHECK;

/*
 * store_refused(db, d, cap_per_minute):
 * One ledger row for a refused delivery (verdict rejected), unless the cap of
 * its account's minute is reached: then it is only counted.
 */
enum rc store_refused(struct db *db, struct delivery *d, unsigned int cap_per_minute) MUST_CHECK;
/* store_refused_count: n refusals counted without a row (the process's own limit). */
enum rc store_refused_count(struct db *db, const char *channel, const char *account,
    const char *reason, unsigned int n) MUST_CHECK;

/* store_missing(db, account, channel, itemv, out): which message ids of the items
 * are not in messages: out[i] set for each item (events: false). */
enum rc store_missing(struct db *db, const char *account, enum channel ch,
    const struct itemv *items, bool *out) MUST_CHECK;

/* store_news: the same for what a reconciliation found; true as well for messages that would
 * change their row (another text or side) and for reactions, edits, removals that nobody told. */
enum rc store_news(struct db *db, const char *account, enum channel ch, const struct itemv *items,
    bool *out) MUST_CHECK;

/* store_load(db, id, d): the stored bytes for replay; strings in d's
 * items arena.  RC_NONE: no such row or bytes erased. */
enum rc store_load(struct db *db, int64_t id, struct delivery *d) MUST_CHECK;

/* store_newest(db, a, out): the bytes of the newest deliveries that a's provider told it, some,
 * the newest first. */
enum rc store_newest(struct db *db, const struct account *a, struct strv *out) MUST_CHECK;

/* store_later(db, at_us, out): is there a delivery in the ledger that arrived after at_us? */
enum rc store_later(struct db *db, int64_t at_us, bool *out) MUST_CHECK;
/* store_migrated(db, out): when migrate changed the database last, microseconds since 1970. */
enum rc store_migrated(struct db *db, int64_t *out) MUST_CHECK;
/* After so long the bytes of an unsent message are gone from the ledger too. */
#define STORE_UNSENT_GRACE_S 86400
/* store_upkeep(db, keep_days, keep_refused_days): partitions ahead, retention,
 * leftovers of events applied, bytes of unsent messages.  For the poller, once a run. */
enum rc store_upkeep(
    struct db *db, unsigned int keep_days, unsigned int keep_refused_days) MUST_CHECK;

/* store_schema_check(db): RC_OK; RC_TEMP where the schema is missing or older
 * than this program needs (says what to run). */
#define STORE_SCHEMA_VERSION 33
enum rc store_schema_check(struct db *db) MUST_CHECK;

/* Does this database, which is in UTF8, know the capital letters of people's languages?  By
 * LC_CTYPE C only A to Z are letters, and what a search is given finds no other case of it. */
#define STORE_LETTERS \
	"lower('Ж') = 'ж' and to_tsvector('pg_catalog.simple', 'Ж')" \
	" = to_tsvector('pg_catalog.simple', 'ж')"

#endif

#ifndef DMBOX_BRIDGE_REPLAY_H
#define DMBOX_BRIDGE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/conf.h"
#include "extern/db.h"
#include "base/rc.h"

/*
 * Stored bytes are parsed and stored again (source replay): after a parser
 * learned something, or when rows were lost.  Byte for byte what arrived, with
 * the time it arrived, so weak ids are the same and nothing is doubled; what is
 * there already is counted as duplicate, what was erased stays erased.
 */
enum replay_result {
	REPLAY_DONE,
	REPLAY_ABSENT,		/* no such delivery */
	REPLAY_ERASED,		/* its bytes were erased */
	REPLAY_REFUSED,		/* it was refused, and that verdict stands */
	REPLAY_BAD_SIGNATURE,	/* its signature fits none of the account's secrets (any more) */
	REPLAY_TEST,		/* doctor's own */
	REPLAY_FAILED,		/* not stored; the database says why */
	REPLAY__MAX
};
extern const char *const replay_result_names[REPLAY__MAX];

struct replay_one {
	int64_t id;			/* of the delivery replayed */
	enum replay_result result;
	const char *reason;		/* REPLAY_REFUSED: its code; else NULL */
	bool signature;			/* a signature was kept and fits */
	int64_t made;			/* id of the new ledger row; 0: dry run */
	size_t items, stored, duplicates, weak, ignored;	/* dry run: stored is what would be
								 * new among messages */
};
struct replay_counts {
	size_t deliveries, by_result[REPLAY__MAX], items, stored, duplicates, weak, ignored;
};
struct replay_want {
	bool dry;
	bool any_signature;	/* also what fits no secret any more (an app secret was replaced) */
	void (*each)(void *arg, const struct replay_one *one);	/* may be NULL */
	void *arg;
};
/* replay_ids(db, conf, w, ids, n, counts): these deliveries, in this order.  Returns as
 * replay_since. */
enum rc replay_ids(struct db *db, const struct conf *c, const struct replay_want *w,
    const int64_t *ids, size_t n, struct replay_counts *counts) MUST_CHECK;
/*
 * replay_since(db, conf, w, since_us, counts):
 * Everything received since then, oldest first, but what replay and doctor made.
 * Returns  RC_OK; RC_TEMP: the database went away, counts tell how far it came.
 * Repeats  safe.
 */
enum rc replay_since(struct db *db, const struct conf *c, const struct replay_want *w,
    int64_t since_us, struct replay_counts *counts) MUST_CHECK;
/* replay_count(db, since_us, n): how many that are, for a progress line; RC_TEMP. */
enum rc replay_count(struct db *db, int64_t since_us, int64_t *n) MUST_CHECK;

#endif

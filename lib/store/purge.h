#ifndef DMBOX_STORE_PURGE_H
#define DMBOX_STORE_PURGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "extern/db.h"
#include "base/mem.h"
#include "base/rc.h"

/*
 * Erasure on request and retention of messages (sql/code/purge.sql).  What is
 * erased is remembered as a hash, so nothing brings it back: a provider's
 * retry, a poll, the spool, a replay.  Work goes in short transactions; a run
 * that is cut goes on where it stopped when it is started again.
 *
 * Where nothing else is said, a function that returns enum rc gives RC_OK, RC_TEMP while the
 * database is away, or what db_fault says of the statement (extern/db.h).
 */
struct purge_contact {
	int64_t id;
	const char *account, *channel, *external_id, *name, *username;	/* in the arena; name and
									 * username may be NULL */
};
/*
 * purge_find(db, what, a, out, max, n):
 * The contacts that a person may mean: by contacts.id; where there is none, by
 * the provider's id; @NAME by user name.
 * Returns  RC_OK with *n (0: nobody, at most max) of out; RC_TEMP.
 */
enum rc purge_find(struct db *db, const char *what, struct mem_arena *a, struct purge_contact *out,
    size_t max, size_t *n) MUST_CHECK;

struct purge_counts {
	int64_t messages, attachments, files, events, reactions, outbox, contacts;
	int64_t deliveries;	/* that lose (lost) their bytes */
	int64_t mixed;		/* of these: hold items of others, too (dry run only) */
	int64_t leased;		/* messages under way to the contact: not erased, run it again */
};
struct purge_want {
	const struct purge_contact *contact;	/* NULL: everything before before_us */
	int64_t before_us;			/* without a contact */
	/* after each transaction; may be NULL */
	void (*progress)(void *arg, const struct purge_counts *so_far);
	void *arg;
};
/* purge_count(db, w, out): what would go. */
enum rc purge_count(struct db *db, const struct purge_want *w, struct purge_counts *out) MUST_CHECK;
/*
 * purge_run(db, w, out):
 * Erase.  Files are left to task_media_upkeep, which finds their rows marked.
 * Returns  RC_OK; RC_TEMP: the database went away, out tells how far it came.
 * Repeats  safe.
 */
enum rc purge_run(struct db *db, const struct purge_want *w, struct purge_counts *out) MUST_CHECK;
/* purge_files_left(db, n): files of erased messages still to be removed. */
enum rc purge_files_left(struct db *db, int64_t *n) MUST_CHECK;

#endif

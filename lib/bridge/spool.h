#ifndef DMBOX_BRIDGE_SPOOL_H
#define DMBOX_BRIDGE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/msg.h"
#include "base/rc.h"

/*
 * Durable files for deliveries that the database did not take: temp, write,
 * fsync, rename, fsync the folder.  Names sort by time and hold the
 * delivery_uid.  The layout is maildir's: tmp/ new/ cur/ (claimed by a drainer,
 * by rename, so several hosts share the work) and bad/ (quarantine, never
 * deleted).
 */
struct spool;

/* spool_open(dir, out): makes the folders (2770).  RC_TEMP where it cannot (logged).  The caller:
 * spool_close(). */
enum rc spool_open(const char *dir, struct spool **out) MUST_CHECK;
/* spool_close(s): no file may be claimed; NULL is legal. */
void spool_close(struct spool *s);
/* spool_put(s, d): durable when RC_OK.  RC_TEMP: no space (a floor of 16 MiB or
 * 1 % and of inodes is kept free), no right, I/O error; logged. Thread-safe. */
enum rc spool_put(struct spool *s, const struct delivery *d) MUST_CHECK;
/* spool_instead(s, d): d, which the database did not take, is put into the spool; s may be
 * NULL.  Returns d->rc: RC_DUP durable, RC_TEMP not. */
static inline enum rc
spool_instead(struct spool *s, struct delivery *d)
{
	d->rc = s != NULL && spool_put(s, d) == RC_OK ? RC_DUP : RC_TEMP;
	return d->rc;
}

struct spool_file;	/* one claimed file */
/* spool_claim(s, out): the oldest file not claimed (or claimed over 60 s ago); *out ends with
 * spool_done, spool_release or spool_retry.  One that cannot be read waits as after spool_retry.
 * RC_NONE: empty; RC_TEMP: a folder cannot be read.  Thread-safe. */
enum rc spool_claim(struct spool *s, struct spool_file **out) MUST_CHECK;
/* spool_delivery(f): what it holds, unparsed (items empty); borrowed from f. */
struct delivery *spool_delivery(struct spool_file *f);
/* spool_done(s, f): what it held is stored: unlinks and frees f.  RC_TEMP where it cannot. */
enum rc spool_done(struct spool *s, struct spool_file *f) MUST_CHECK;
void spool_release(struct spool *s, struct spool_file *f);	/* back to new/; frees f */
/*
 * spool_retry(s, f, others):
 * f was not stored, and whose fault it was is not known: back to new/, and not claimed
 * before a pause that doubles from 5 seconds to an hour.  After a day of that it goes to
 * bad/ if others were stored meanwhile (spool_tried_out: only then is that asked).
 * Frees f.
 */
void spool_retry(struct spool *s, struct spool_file *f, bool others);
bool spool_tried_out(const struct spool_file *f);
/* spool_restore(s, before_us): files that went to bad/ before then are tried again, for the
 * database is another one since (dmbox migrate).  Returns how many. */
size_t spool_restore(struct spool *s, int64_t before_us);
/*
 * spool_look(s, fn, arg):
 * Show each file, the waiting ones and those in quarantine, claiming none; stops
 * when fn returns false.  For people's questions.
 * Returns  RC_OK, RC_TEMP where a folder cannot be read.
 */
struct spool_seen {
	const char *path;
	bool bad;		/* in quarantine */
	const char *bytes;	/* header and body as they lie there */
	size_t n;
	const struct delivery *d;	/* what it holds; NULL where it is no spool file */
};
enum rc spool_look(
    struct spool *s, bool (*fn)(void *arg, const struct spool_seen *f), void *arg) MUST_CHECK;
/* spool_stat(s, out): how many files wait, for how long the oldest, and how many are in quarantine;
 * RC_TEMP where a folder cannot be read. */
struct spool_stat {
	size_t waiting;
	int64_t oldest_s;
	size_t bad;
};
enum rc spool_stat(struct spool *s, struct spool_stat *out) MUST_CHECK;

#endif

#ifndef DMBOX_BRIDGE_BATCH_H
#define DMBOX_BRIDGE_BATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include "extern/db.h"
#include "base/http.h"
#include "model/msg.h"
#include "base/rc.h"
#include "bridge/spool.h"

/*
 * The deliveries of a process's threads, stored together (ARCHITECTURE.md 7): the thread that
 * finds the connection free stores all that waits in one statement and one
 * commit.  One that is alone stores directly and at once.  What the database does not
 * take goes to the spool.  No thread sleeps for a result: each delivery names what is to
 * be called when it is known, and its thread takes the next request.
 */
struct batch;

enum { BATCH_DELIVERIES = 64, BATCH_ROWS = 512, BATCH_BYTES = 1 << 20, BATCH_WAIT_MS = 4000 };

/*
 * One delivery and what follows.  done and release are called exactly once, done
 * first, by any thread, also before batch_store returns.
 */
struct batch_job {
	struct delivery *d;	/* prepared (ingest_prepare); with all it borrows it stays as
				 * it is until release */
	struct spool *spool;	/* for what the database does not take; may be NULL */
	const struct http_reply *reply;	/* its busy is called before the calling thread of
				 * batch_store waits for the database; may be NULL */
	/* done: r is d, or a stand-in where d is still in another thread's hands: without
	 * items, their number is r->items.ignored.  r->rc: RC_OK stored, the counts are
	 * in r; RC_DUP in the spool; RC_TEMP neither. */
	void (*done)(struct batch_job *j, const struct delivery *r);
	/* release: the last reference is dropped; j and d may be freed */
	void (*release)(struct batch_job *j);
	/* the batch's own */
	struct batch_job *next;
	int64_t since_ms;
	atomic_int holds;
	bool late;
};

struct batch_opts {
	struct db_opts db;		/* its strings are borrowed until batch_free */
	unsigned int wait_ms;		/* 0: BATCH_WAIT_MS */
	bool alone;			/* a process of one thread: one connection does all, unless
					 * it stores for others */
	const char *share_dir;		/* the spool's folder: store together with the host's other
					 * processes (bridge/relay.h); NULL: for this process
					 * only */
	const char *share_conf;		/* the configuration's file, which such processes have in
					 * common; NULL: none */
	bool one_request;		/* plain CGI: too short-lived to store for others */
	void (*lent)(int fd);		/* relay_opts */
};
/* batch_new(o): two connections of its own (opened when needed): one for batches, one for
 * what is too large for one and for batch_borrow.  A process whose deliveries another
 * process of the host stores opens none. */
struct batch *batch_new(const struct batch_opts *o);
/* batch_free(b): no job may be under way any more. */
void batch_free(struct batch *b);

/*
 * batch_store(b, j):
 * Have j->d stored, alone or with those of other threads.  The calling thread
 * may be kept for a while by storing and finishing others' jobs.
 *
 * Threads  any number at once, each with a job of its own.
 */
void batch_store(struct batch *b, struct batch_job *j);
/* batch_expire(b): those whose time (wait_ms) is over go to the spool and are done, also
 * where another thread still has their delivery in hand.  To be called every second: a
 * database that hangs is noticed by store itself, this is for what is not. */
void batch_expire(struct batch *b);
/* batch_lend(b, listen_fd): relay_lend to the process that stores for this one. */
void batch_lend(struct batch *b, int listen_fd);
/* batch_stop(b): this process stores, and serves, for others no more; those under way are
 * finished.  Before batch_free where that would be too late. */
void batch_stop(struct batch *b);
/* batch_refused(b, d, cap): store_refused, batch_refused_count(b, d, n): store_refused_count
 * of d's channel, account and reason, by the process that stores for the host.
 * Returns what those do, RC_TEMP also where that process breaks off. */
enum rc batch_refused(struct batch *b, struct delivery *d, unsigned int cap) MUST_CHECK;
enum rc batch_refused_count(struct batch *b, struct delivery *d, unsigned int n) MUST_CHECK;
/* batch_follows(b): another process stores for this one; it drains the spool, too. */
bool batch_follows(struct batch *b);
/* batch_borrow(b): the second connection for something else (the spool), until batch_return.  NULL
 * where it is not free within wait_ms; the caller goes without then.  Only for a moment: large
 * deliveries wait for it. */
struct db *batch_borrow(struct batch *b);
void batch_return(struct batch *b);
/* batch_came_up(b): true once after each change from failing (or nothing yet) to
 * succeeding: the caller that learns it looks into the spool at once. */
bool batch_came_up(struct batch *b);
/* batch_count(b, stores, deliveries): statements made and deliveries in them, for tests and
 * metrics. */
void batch_count(struct batch *b, uint64_t *stores, uint64_t *deliveries);

#endif

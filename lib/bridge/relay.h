#ifndef DMBOX_BRIDGE_RELAY_H
#define DMBOX_BRIDGE_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include "base/rc.h"
#include "model/msg.h"

/*
 * Group commit across the processes of one host.  Under mod_fcgid each request has a
 * process of its own; with a database connection and a commit each, PostgreSQL would be
 * the limit, and so would the three to ten connections that a shared host allows.  So one
 * of the processes is the host's leader: it holds a lock file that dies with it and
 * listens on a Unix socket beside the spool.  The others hand their prepared deliveries
 * over and get the counts back.
 *
 * A leader may be ended at any moment.  In order: it finishes what it took.  By SIGKILL:
 * its followers see the connection break and hand the delivery over again, to the
 * next leader, which may be themselves; delivery_uid keeps a delivery single whose commit
 * had an unknown outcome.  Where no socket can be made each process stores for itself.
 *
 * A key distinguishes leaders: programs of another build, with another database, or on
 * another host whose spool is the same folder (NFS), have another leader.
 */
struct relay;

/* What a leader is asked for. */
enum relay_what {
	RELAY_STORE,		/* store d (prepared); counts come back */
	RELAY_REFUSED,		/* store_refused(d, value): one ledger row, capped */
	RELAY_REFUSED_COUNT,	/* store_refused_count of d's channel, account, reason: value */
	RELAY_LEND,		/* a listening socket comes with it (relay_lend); no d */
	RELAY__MAX
};

/* One request in the leader's hands; the serving side's, until relay_served. */
struct relay_call {
	enum relay_what what;
	unsigned int value;
	struct delivery d;	/* of the caller; counts and rc are sent back */
};

struct relay_opts {
	const char *dir;	/* the spool's folder */
	/* what a common leader must have in common (connection string, configuration) */
	const char *key;
	unsigned int wait_ms;	/* how long a follower waits for an answer */
	bool may_lead;		/* false: a process of one request (plain CGI) */
	/* serve(arg, call): in a thread of the leader's: do it, then relay_served(call), by any
	 * thread, also before serve returns. */
	void (*serve)(void *arg, struct relay_call *call);
	void *arg;
	/* lent(fd): in a thread of the leader's: serve fd, a connection accepted at a socket that
	 * a follower lent, and close it; NULL: none are taken */
	void (*lent)(int fd);
};

/* relay_new(o): nothing is opened yet.  Strings are copied.  Caller: relay_free(). */
struct relay *relay_new(const struct relay_opts *o);
/* relay_stop(r): r may be NULL; a leader takes nothing more, finishes what it took and ends its
 * threads. */
void relay_stop(struct relay *r);
/* relay_free(r): also gives the lock back; after relay_stop.  NULL is legal. */
void relay_free(struct relay *r);

/*
 * relay_hand_over(r, what, value, d):
 * Have the host's leader do it.  Becomes the leader where there is none.
 *
 * Returns  RC_OK: done; d's rc, id and counts are filled.  RC_NONE: this process is to do
 *          it itself (it leads, or there is no relay here).  RC_TEMP: the leader broke off
 *          or does not answer; whether it was stored is not known.
 * Threads  any number at once.
 * Repeats  safe.
 */
enum rc relay_hand_over(
    struct relay *r, enum relay_what what, unsigned int value, struct delivery *d) MUST_CHECK;
/*
 * relay_lend(r, listen_fd):
 * Handing a delivery over costs two switches of processes and the packing.  So a process
 * that has handed one over lends its listening socket to the leader, which accepts there
 * itself, with warm caches and whole batches.  A leader of another user gets none: it would
 * see what requests hold.  A leader that has followers lends its own to its relay's threads:
 * its worker may be storing for the others, without an end while they are busy.  listen_fd is
 * non-blocking afterwards.
 *
 * Returns  when the leader is gone or does not accept, when a signal interrupts, at once
 *          where nothing was handed over or this process leads nobody: accept by yourself then.
 * Threads  one.  r may be NULL.
 */
void relay_lend(struct relay *r, int listen_fd);
/* relay_leads(r): this process stores for the host.  r may be NULL: false. */
bool relay_leads(const struct relay *r);
/* relay_follows(r): another process leads: this one needs no database connection. */
bool relay_follows(struct relay *r);
/* relay_served(call): its d is filled: send the answer.  call is gone afterwards. */
void relay_served(struct relay_call *call);

#endif

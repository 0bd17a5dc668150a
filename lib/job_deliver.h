#ifndef DMBOX_JOB_DELIVER_H
#define DMBOX_JOB_DELIVER_H

#include <stddef.h>
#include <stdint.h>
#include "conf.h"
#include "db.h"
#include "httpc.h"
#include "meter.h"

/*
 * The poller's half of sending: the guarantee behind send.fcgi's one try.  On
 * a given engine it runs one flow per account that has something due, item
 * after item, so that a slow or paused account delays no other and nothing of
 * one account is in flight twice.  The database is asked between requests
 * only; no transaction is open while one is under way.
 *
 * In the poller's loop:
 *	d = job_deliver_new(h);
 *	every round: job_deliver_start(d, db, conf); httpc_step(h, ...);
 *	every few seconds: job_deliver_upkeep(d, db, conf);
 *	at the end: job_deliver_stop(d); httpc_step until job_deliver_alive(d) is 0,
 *	or httpc_abort(h); job_deliver_free(d);
 */
struct deliver;

/* job_deliver_new(h): h is borrowed and outlives the deliver's flows. */
struct deliver *job_deliver_new(struct httpc *h);
/* job_deliver_free(d): no flow may be alive (httpc_abort before). */
void job_deliver_free(struct deliver *d);
/*
 * job_deliver_start(d, db, conf):
 * One query; then a flow for each account of conf that has due items and none
 * in flight.  Flows under way claim, send and settle until nothing is due.
 * db is used by the flows until the next call (give the same or its
 * replacement); conf is held while a flow needs it.
 *
 * Returns  how many flows were started; 0 also where the database is away.
 */
size_t job_deliver_start(struct deliver *d, struct db *db, struct conf *conf);
/*
 * job_deliver_upkeep(d, db, conf):
 * What ran out (leases, time to live), unknown ones against stored echoes, and
 * flows that look for the others at providers that can be asked.  Cheap; call
 * it every few seconds, and once with --once.
 */
void job_deliver_upkeep(struct deliver *d, struct db *db, struct conf *conf);
/* job_deliver_meter(d, m): count attempts and their times there; borrowed. */
void job_deliver_meter(struct deliver *d, struct meter *m);
/* job_deliver_stop(d): claim nothing new; what is under way is finished. */
void job_deliver_stop(struct deliver *d);
/* job_deliver_alive(d): flows not ended yet. */
size_t job_deliver_alive(const struct deliver *d);
/* job_deliver_sent(d): messages handed over (sent or accepted) so far, for the log. */
size_t job_deliver_sent(const struct deliver *d);

#endif

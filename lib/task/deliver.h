#ifndef DMBOX_TASK_DELIVER_H
#define DMBOX_TASK_DELIVER_H

#include <stddef.h>
#include <stdint.h>
#include "model/conf.h"
#include "extern/db.h"
#include "extern/httpc.h"
#include "base/meter.h"

/*
 * The poller's half of sending: the guarantee behind send.fcgi's one try.  On
 * a given engine it runs one flow per account that has something due, item
 * after item, so that a slow or paused account delays no other and nothing of
 * one account is in flight twice.  The database is asked between requests
 * only; no transaction is open while one is under way.
 *
 * In the poller's loop:
 *	d = task_deliver_new(h);
 *	every round: task_deliver_start(d, db, conf); httpc_step(h, ...);
 *	every few seconds: task_deliver_upkeep(d, db, conf);
 *	at the end: task_deliver_stop(d); httpc_step until task_deliver_alive(d) is 0,
 *	or httpc_abort(h); task_deliver_free(d);
 */
struct deliver;

/* task_deliver_new(h): h is borrowed and outlives the deliver's flows. */
struct deliver *task_deliver_new(struct httpc *h);
/* task_deliver_free(d): no flow may be alive (httpc_abort before). */
void task_deliver_free(struct deliver *d);
/*
 * task_deliver_start(d, db, conf):
 * One query; then a flow for each account of conf that has due items and none
 * in flight.  Flows under way claim, send and settle until nothing is due.
 * db is used by the flows until the next call (give the same or its
 * replacement); conf is held while a flow needs it.
 *
 * Returns  how many flows were started; 0 also where the database is away.
 */
size_t task_deliver_start(struct deliver *d, struct db *db, struct conf *conf);
/*
 * task_deliver_upkeep(d, db, conf):
 * What ran out (leases, time to live), unknown ones against stored echoes, and
 * flows that look for the others at providers that can be asked.  Cheap; call
 * it every few seconds, and once with --once.
 */
void task_deliver_upkeep(struct deliver *d, struct db *db, struct conf *conf);
/* task_deliver_meter(d, m): count attempts and their times there; borrowed. */
void task_deliver_meter(struct deliver *d, struct meter *m);
/* task_deliver_stop(d): claim nothing new; what is under way is finished. */
void task_deliver_stop(struct deliver *d);
/* task_deliver_alive(d): flows not ended yet. */
size_t task_deliver_alive(const struct deliver *d);
/* task_deliver_sent(d): messages handed over (sent or accepted) so far, for the log. */
size_t task_deliver_sent(const struct deliver *d);

#endif

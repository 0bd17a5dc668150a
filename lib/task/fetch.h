#ifndef DMBOX_TASK_FETCH_H
#define DMBOX_TASK_FETCH_H

#include <stddef.h>
#include "model/conf.h"
#include "extern/db.h"
#include "extern/httpc.h"
#include "bridge/spool.h"

/*
 * Messages that were announced without their content (providers.md B.5:
 * message_edit with num_edit 0 comes instead of the message) are fetched by
 * their id and stored through the same door, source poll.  What the provider
 * does not have any more is given up; passing troubles are tried again at the
 * next run, for a week.
 *
 * In the poller's loop, once a run or oftener:
 *	f = task_fetch_new(h); task_fetch_start(f, db, spool, conf);
 * and at the end task_fetch_stop(f); httpc_step until task_fetch_alive(f) is 0,
 * or httpc_abort(h); task_fetch_free(f).
 */
struct fetches;

struct fetches *task_fetch_new(struct httpc *h);	/* h is borrowed */
void task_fetch_free(struct fetches *f);		/* no flow may be alive; NULL is legal */
/* task_fetch_start(f, db, spool, conf): a flow for each account that has such
 * messages and none under way.  db and spool (may be NULL) are used by the flows
 * until the next call; conf is held by them.  Returns how many were started. */
size_t task_fetch_start(struct fetches *f, struct db *db, struct spool *sp, struct conf *conf);
void task_fetch_stop(struct fetches *f);		/* ask for no more */
size_t task_fetch_alive(const struct fetches *f);
size_t task_fetch_done(const struct fetches *f);	/* messages stored so far */

#endif

#ifndef DMBOX_TASK_TOKEN_H
#define DMBOX_TASK_TOKEN_H

#include <stddef.h>
#include "model/conf.h"
#include "extern/db.h"
#include "extern/httpc.h"

/*
 * Token life (providers.md B.10): access tokens that can be refreshed are, at
 * half life, with a retry a day; the new one is stored before the old one is
 * given up (which goes on working until it expires), and none is ever logged.
 * A token of the configuration has an unknown age: it is refreshed a day after
 * it was seen first (younger than a day none can be).  A token that the operator
 * puts into the configuration wins: what was refreshed from its predecessor is
 * forgotten.
 *
 * In the poller's loop, once a run:
 *	t = task_token_new(h); task_token_start(t, db, conf);
 * and at the end task_token_stop(t); httpc_step until task_token_alive(t) is 0,
 * or httpc_abort(h); task_token_free(t).
 */
struct tokens;

struct tokens *task_token_new(struct httpc *h);	/* h is borrowed */
void task_token_free(struct tokens *t);		/* no flow may be alive; NULL is legal */
/*
 * task_token_start(t, db, conf):
 * Note the configured tokens; claim those that are due (two hosts never refresh
 * the same one) and start a flow for each.  db is used by the flows until the
 * next call; conf is held by them.
 *
 * Returns  how many flows were started; 0 also where the database is away.
 */
size_t task_token_start(struct tokens *t, struct db *db, struct conf *conf);
void task_token_stop(struct tokens *t);		/* start no more */
size_t task_token_alive(const struct tokens *t);
size_t task_token_done(const struct tokens *t);	/* refreshed and stored so far */

#endif

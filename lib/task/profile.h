#ifndef DMBOX_TASK_PROFILE_H
#define DMBOX_TASK_PROFILE_H

#include <stddef.h>
#include "model/conf.h"
#include "extern/db.h"
#include "extern/httpc.h"

/*
 * Names, user names and pictures of people who wrote (providers.md B.10), for
 * accounts whose provider can be asked.  Rarely: a contact is asked for again
 * after 30 days, and a refusal (code 230, gone) is remembered as long; a passing
 * trouble is tried again after an hour.  Few a run, two calls a second, one
 * flow an account.
 *
 * In the poller's loop, once a run:
 *	p = task_profile_new(h); task_profile_start(p, db, conf);
 * and at the end task_profile_stop(p); httpc_step until task_profile_alive(p) is 0,
 * or httpc_abort(h); task_profile_free(p);
 */
struct profiles;

struct profiles *task_profile_new(struct httpc *h);	/* h is borrowed */
void task_profile_free(struct profiles *p);		/* no flow may be alive; NULL is legal */
/* task_profile_start(p, db, conf): claim contacts that are due and start a flow for
 * each account that has some and none under way.  db is used by the flows until
 * the next call.  Returns how many flows were started. */
size_t task_profile_start(struct profiles *p, struct db *db, struct conf *conf);
void task_profile_stop(struct profiles *p);	/* ask for no more; finish what is under way */
size_t task_profile_alive(const struct profiles *p);
size_t task_profile_done(const struct profiles *p);	/* profiles stored so far */

#endif

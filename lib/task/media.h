#ifndef DMBOX_TASK_MEDIA_H
#define DMBOX_TASK_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include "model/conf.h"
#include "extern/db.h"
#include "extern/httpc.h"

/*
 * The poller's downloads of attachments (providers.md B.10: media links expire).
 * A row of dmbox.attachments goes
 *   waiting -> done | failed | refused | expired
 * (none: nothing to fetch; erased: the message was unsent, the file is to go).
 * Rows are claimed with `for update skip locked` by moving next_at ahead, so
 * several hosts share the work and a dead one's rows come back.  Files lie in
 * DMBOX_MEDIA_DIR/ACCOUNT/YYYY-MM/ID.ext, 0640, written beside and renamed.
 *
 * In the poller's loop:
 *	m = task_media_new(h);
 *	every round: task_media_start(m, db, conf); httpc_step(h, ...);
 *	once a run: task_media_upkeep(m, db, conf);
 *	at the end: task_media_stop(m); httpc_step until task_media_alive(m) is 0, or
 *	httpc_abort(h); task_media_free(m);
 */
struct media;

#define TASK_MEDIA_MAX_BYTES (25 << 20)

/* task_media_new(h): h is borrowed and outlives the flows; it must have been made
 * with conf->media_allow. */
struct media *task_media_new(struct httpc *h);
/* task_media_free(m): no flow may be alive (httpc_abort before); NULL is legal. */
void task_media_free(struct media *m);
/*
 * task_media_start(m, db, conf):
 * Claim due files and start their flows, at most four at a time; asks the
 * database at most once in two seconds while nothing is due.  db is used by
 * the flows until the next call (give the same or its replacement).
 *
 * Returns  how many flows were started; 0 also where the database is away.
 */
size_t task_media_start(struct media *m, struct db *db, const struct conf *conf);
/* task_media_upkeep(m, db, conf): remove the files of unsent and purged messages
 * and forgotten temporary files. */
void task_media_upkeep(struct media *m, struct db *db, const struct conf *conf);
/* task_media_stop(m): claim nothing new; what is under way is finished. */
void task_media_stop(struct media *m);
size_t task_media_alive(const struct media *m);
/* task_media_done(m): files stored so far, for the log. */
size_t task_media_done(const struct media *m);

/* task_media_type(mime, ext): is this content type (parameters allowed) taken in?
 * ext (may be NULL) becomes its file ending, static.  Exported for tests. */
bool task_media_type(const char *mime, const char **ext);

#endif

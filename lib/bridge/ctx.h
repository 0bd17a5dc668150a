#ifndef DMBOX_BRIDGE_CTX_H
#define DMBOX_BRIDGE_CTX_H

#include <stdbool.h>
#include "bridge/batch.h"
#include "model/conf.h"
#include "extern/db.h"
#include "base/http.h"
#include "base/meter.h"
#include "base/rc.h"
#include "bridge/spool.h"

/*
 * A process's handles: the configuration in use (reloaded when its files
 * change; a broken new one is reported and the old one stays), a database
 * handle per thread, the spool.
 */
enum ctx_db_role { CTX_DB_WEB, CTX_DB_SEND, CTX_DB_CRON, CTX_DB_READ };

struct ctx;
/* ctx_new(program, conf_role, db_role, threads): nothing is opened yet.  ctx_free(c)
 * closes all that was. */
struct ctx *ctx_new(
    const char *program, enum conf_role role, enum ctx_db_role db_role, unsigned int threads);
void ctx_free(struct ctx *c);
/* ctx_conf(c, conf_path, doc_root): the configuration for this request, held:
 * conf_drop() it.  Loads at first use, reloads when stale.
 * RC_INVALID: errors (503 code config); *out is set all the same. */
enum rc ctx_conf(
    struct ctx *c, const char *conf_path, const char *doc_root, struct conf **out) MUST_CHECK;
/* ctx_conf_now(c): the good configuration in use, held (the caller drops it), without a look
 * at the files; NULL where there is none.  For work between requests. */
struct conf *ctx_conf_now(struct ctx *c);
/* ctx_db(c, conf, thread): that thread's handle, never NULL; replaced when the
 * configuration names another database.  Belongs to c.  A database whose schema is older than
 * this program needs is treated as away (store_schema_check). */
struct db *ctx_db(struct ctx *c, const struct conf *conf, unsigned int thread);
/* ctx_batch(c, conf): what the process's threads store deliveries through, held:
 * the caller lets it go with ctx_batch_done().  Never more than two connections, one where
 * the process has one thread. */
struct batch *ctx_batch(struct ctx *c, const struct conf *conf);
void ctx_batch_done(struct ctx *c, struct batch *b);
/* ctx_batch_tick(c): once a second, by one thread: batch_expire for all that are in use; those that
 * are not any more are dropped. */
void ctx_batch_tick(struct ctx *c);
/* ctx_batch_lend(c, listen_fd): batch_lend by the batch in use; fcgi_opts.lend. */
void ctx_batch_lend(struct ctx *c, int listen_fd);
/* ctx_batch_stop(c): batch_stop for all; fcgi_opts.ending.  The thread of ctx_batch_tick. */
void ctx_batch_stop(struct ctx *c);
/* ctx_spool(c, conf): belongs to c; NULL where it cannot be opened (logged).  Shared by threads. */
struct spool *ctx_spool(struct ctx *c, const struct conf *conf);
/*
 * ctx_changed(c, conf):
 * What the page shows has changed: the tick file (bridge/tick.h) moves, at once, or, where it
 * did within the last second, with the next ctx_changed_tick.  Any thread.
 */
void ctx_changed(struct ctx *c, const struct conf *conf);
/* ctx_changed_tick(c): what is due moves now.  Call it once a second, and at the end. */
void ctx_changed_tick(struct ctx *c);
/*
 * ctx_sandbox(c):
 * Give up what this program does not need (sandbox.h), where DMBOX_SANDBOX is on
 * in the configuration that is found without a request.  Before the threads.
 * A configuration that later needs other files, another database, or turns it on
 * or off, ends the process in order, so that the next one starts with it.
 */
void ctx_sandbox(struct ctx *c);
/* ctx_time_to_drain(c, every_ms): true at first, and then where the last true is every_ms ago.
 * The thread of ctx_batch_tick. */
bool ctx_time_to_drain(struct ctx *c, int64_t every_ms);
/* ctx_meter(c, conf): the host's counters, beside the spool; NULL where they cannot
 * be kept.  Shared by threads, belongs to c. */
struct meter *ctx_meter(struct ctx *c, const struct conf *conf);
/*
 * ctx_limit(c, key, per_minute, extra):
 * Count one event of key (cut at 95 bytes) in a table of fixed size shared by
 * the process's threads.  extra (may be NULL) gets the number of events beyond
 * the limit that were not reported yet, at most once a second, else 0.
 *
 * Returns  true while the key is within per_minute in this minute.
 */
bool ctx_limit(struct ctx *c, const char *key, unsigned int per_minute, unsigned int *extra);
/* ctx_limit_reached(c, key, per_minute): has key had so many events in this minute?  Counts
 * none. */
bool ctx_limit_reached(struct ctx *c, const char *key, unsigned int per_minute);
/* ctx_limit_left(c, prefix, key, extra): events beyond a limit that nobody
 * reported, of one key that starts with prefix (copied to key); false: none. */
bool ctx_limit_left(struct ctx *c, const char *prefix, char key[96], unsigned int *extra);

#endif

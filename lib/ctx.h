#ifndef DMBOX_CTX_H
#define DMBOX_CTX_H

#include <stdbool.h>
#include "conf.h"
#include "db.h"
#include "http.h"
#include "rc.h"
#include "spool.h"

/*
 * A process's handles: the configuration in use (reloaded when its files
 * change; a broken new one is reported and the old one stays), a database
 * handle per thread, the spool.
 */
enum ctx_db_role { CTX_DB_WEB, CTX_DB_SEND, CTX_DB_CRON, CTX_DB_READ };

struct ctx;
/* ctx_new(program, conf_role, db_role, threads): nothing is opened yet. */
struct ctx *ctx_new(const char *program, enum conf_role role, enum ctx_db_role db_role,
    unsigned int threads);
void ctx_free(struct ctx *c);
/* ctx_conf(c, conf_path, doc_root): the configuration for this request, held:
 * conf_drop() it.  Loads at first use, reloads when stale.
 * RC_INVALID: errors (503 code config); *out is set all the same. */
enum rc ctx_conf(struct ctx *c, const char *conf_path, const char *doc_root, struct conf **out) MUST_CHECK;
/* ctx_db(c, conf, thread): that thread's handle, never NULL; replaced when the
 * configuration names another database. */
struct db *ctx_db(struct ctx *c, const struct conf *conf, unsigned int thread);
/* ctx_spool(c, conf): NULL where it cannot be opened (logged). Shared by threads. */
struct spool *ctx_spool(struct ctx *c, const struct conf *conf);

#endif

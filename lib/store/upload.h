#ifndef DMBOX_STORE_UPLOAD_H
#define DMBOX_STORE_UPLOAD_H

#include <stdint.h>
#include "base/mem.h"
#include "base/rc.h"
#include "extern/db.h"
#include "model/conf.h"

/*
 * Files that people add to an answer.  The bytes lie below DMBOX_MEDIA_DIR once, named by
 * the row; a message that was sent with one has an attachment whose ref is "upload:ID".
 *
 * Where nothing else is said, a function that returns enum rc gives RC_OK, RC_TEMP while the
 * database is away, or what db_fault says of the statement (extern/db.h).
 */
#define UPLOAD_MAX (15 << 20)	/* bytes; the web servers' fragments let 16 MiB through */
#define UPLOAD_REF "upload:"	/* before the id, in att.ref */
enum { UPLOAD_SECRET = 43 };

struct upload {
	int64_t id;
	const char *account, *channel, *type, *mime, *name, *sha256, *path, *secret;
	int64_t bytes;
};

/* upload_add(db, u, id): a new row; u's file is in its place.  RC_TEMP: database away. */
enum rc upload_add(struct db *db, const struct upload *u, int64_t *id) MUST_CHECK;
/* upload_get(db, id, arena, out): RC_NONE where there is none (any more). */
enum rc upload_get(
    struct db *db, int64_t id, struct mem_arena *arena, struct upload *out) MUST_CHECK;
/*
 * upload_unused(db, max, out):
 * Rows (id, local_path) that no message needs: two days old and never sent, or sent with
 * messages that are all gone.
 * Owns     *out: db_res_free().
 */
enum rc upload_unused(struct db *db, size_t max, struct db_res **out) MUST_CHECK;
/* upload_drop(db, id): the row; its file is gone. */
enum rc upload_drop(struct db *db, int64_t id) MUST_CHECK;

#endif

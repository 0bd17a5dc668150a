#ifndef DMBOX_BRIDGE_LINK_H
#define DMBOX_BRIDGE_LINK_H

#include "base/buf.h"
#include "base/rc.h"
#include "extern/db.h"
#include "model/conf.h"
#include "store/outbox.h"
#include "store/upload.h"

/*
 * Public addresses of uploads, for the provider that fetches one:
 *   PUBLIC_URL/CHANNEL/file/ID-EXPIRES-SIGNATURE.ext
 * EXPIRES is in seconds since 1970, the signature the HMAC-SHA256 of "ID-EXPIRES" under the
 * row's own secret, in hex: it can be neither made up nor prolonged, and is worth nothing
 * when the row is gone.
 */
#define LINK_S 86400

/* link_name(public_url, channel, id, out): append such an address without a signature: it opens
 * nothing, and stands for the file in what is compared and kept. */
void link_name(const char *public_url, const char *channel, int64_t id, struct buf *out);
/*
 * link_open(db, tail, now_s, arena, out):
 * The upload that the last part of such an address opens at now_s.
 * Returns  RC_NONE: none (forged, expired, gone); RC_TEMP: database away.
 */
enum rc link_open(struct db *db, const char *tail, int64_t now_s, struct mem_arena *arena,
    struct upload *out) MUST_CHECK;
/*
 * link_sign(db, conf, items):
 * Give each claimed attachment that is an upload an address that works for LINK_S from now.
 * One whose file is gone keeps the address that opens nothing: the provider says so.  Where
 * a message has only this one and its bytes are here, item.file says where.
 * Returns  RC_TEMP: database away; nothing is to be sent now.
 */
enum rc link_sign(struct db *db, const struct conf *conf, struct outbox_items *items) MUST_CHECK;

#endif

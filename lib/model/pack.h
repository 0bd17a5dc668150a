#ifndef DMBOX_MODEL_PACK_H
#define DMBOX_MODEL_PACK_H

#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/rc.h"
#include "model/msg.h"

/*
 * A prepared delivery as bytes for another process of the same program on the same
 * host (bridge/relay.h).  Members are copied as they are in memory, so the bytes mean
 * nothing to another build: pack_layout tells builds apart.
 */

/* pack_layout(): differs between builds whose packed bytes differ. */
uint64_t pack_layout(void);
/*
 * pack_delivery(d, b):
 * Append d with its body and items to b (buf_err(b) where it does not fit).
 */
void pack_delivery(const struct delivery *d, struct buf *b);
/*
 * pack_read(p, n, d):
 * Make d of the n bytes at p, which must come from pack_delivery of the same layout.
 *
 * Returns  RC_OK; RC_INVALID: cut, or no packed delivery (d is empty then).
 * Owns     the caller: delivery_free(d).  Strings are in d's arena, the body too.
 */
enum rc pack_read(const char *p, size_t n, struct delivery *d) MUST_CHECK;

#endif

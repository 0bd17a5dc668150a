#ifndef DMBOX_BASE_INFLATE_H
#define DMBOX_BASE_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "base/rc.h"

/* inflate_is(p, n): do the bytes begin as gzip (RFC 1952) or zlib (RFC 1950)?  No text
 * of a webhook does, but for a few that begin as zlib of other levels. */
bool inflate_is(const char *p, size_t n);
/*
 * inflate(p, n, out): what gzip or zlib data hold, appended to out; of gzip all members, one
 * behind the other (RFC 1952, 2.2).
 * Returns  RC_OK; RC_LIMIT over out's maximum; RC_INVALID for broken or cut data, a wrong
 *          checksum, or bytes behind the end.
 */
enum rc inflate(const char *p, size_t n, struct buf *out) MUST_CHECK;
/* inflate_raw(p, n, out): the same for deflate data without a head (RFC 1951), which have
 * no checksum.  Returns as inflate does. */
enum rc inflate_raw(const char *p, size_t n, struct buf *out) MUST_CHECK;

#endif

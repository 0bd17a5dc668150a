#ifndef DMBOX_BRIDGE_DECODE_H
#define DMBOX_BRIDGE_DECODE_H

#include <stddef.h>
#include "base/mem.h"
#include "base/rc.h"

/*
 * The body of a delivery as a provider reads it: JSON, or form fields, in UTF-8.  Senders
 * compress (gzip, deflate), declare another encoding (charset=, UTF-16), use multipart, put
 * the JSON into one field of a form or into a JSON string, name fields as PHP does
 * (sender[id]).
 *
 * decode_body(a, content_type, max, p, n, why):
 * Replaces *p and *n by the readable text, which lies in the arena, or leaves them where
 * they are readable already.  max: bytes of the decoded text.
 *
 * Returns  RC_OK; RC_INVALID where it cannot be decoded, *why says what: bad_compression,
 *          too_large, unknown_charset, bad_charset, bad_multipart, unknown_compression.
 */
enum rc decode_body(struct mem_arena *a, const char *content_type, size_t max, const char **p,
    size_t *n, const char **why) MUST_CHECK;

#endif

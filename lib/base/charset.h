#ifndef DMBOX_BASE_CHARSET_H
#define DMBOX_BASE_CHARSET_H

#include <stddef.h>
#include "base/buf.h"
#include "base/rc.h"

/*
 * charset_to_utf8(name, p, n, out): text of a named encoding as UTF-8, appended to out; a
 * byte order mark is left out.  windows-1251, windows-1252 (also for latin1), UTF-16 and
 * UTF-32 are known everywhere, others as far as the C library's iconv has them.
 *
 * Returns  RC_OK; RC_NONE: no encoding that we read; RC_INVALID: the bytes are not of this
 *          encoding; RC_LIMIT over out's maximum.
 */
enum rc charset_to_utf8(const char *name, const char *p, size_t n, struct buf *out) MUST_CHECK;
/* charset_guess(p, n): "utf-16le" and so on where the bytes begin with a byte order mark or
 * as ASCII text in units of 2 or 4 bytes does; NULL otherwise. */
const char *charset_guess(const char *p, size_t n);
/* charset_odd(p, n): the name of a sign in this UTF-8 text that cannot be seen or looks like an
 * ASCII one, as pages, chats and word processors put in: "U+00A0", or a curly quote itself. NULL:
 * none. Borrows nothing. */
const char *charset_odd(const char *p, size_t n);

#endif

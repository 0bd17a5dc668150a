#ifndef DMBOX_PROVIDER_CHATRACE_TEMPLATE_H
#define DMBOX_PROVIDER_CHATRACE_TEMPLATE_H

#include <stddef.h>
#include "base/mem.h"
#include "base/rc.h"

/*
 * Bodies that a flow makes by putting variables into a JSON text, unescaped: what a
 * customer writes can end the string that it was put into (providers.md A.6).
 */

/*
 * template_mend(a, p, n, out):
 * The object that a broken template was meant to be.  Members before the text are read
 * as they are, each name once; the text goes on until the contact's data or the end of
 * the body; whole members behind it that cannot be words follow it.
 *
 * Returns  RC_OK with JSON text, whose members keep their order; RC_INVALID where there
 *          is no text, or the body does not end as an object does.
 * Owns     *out lies in the arena.
 */
enum rc template_mend(struct mem_arena *a, const char *p, size_t n, char **out) MUST_CHECK;

#endif

#ifndef DMBOX_PROVIDER_CHATRACE_TEMPLATE_H
#define DMBOX_PROVIDER_CHATRACE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/mem.h"
#include "base/rc.h"

/*
 * Bodies that a flow makes by putting variables into a JSON text, unescaped: what a
 * customer writes can end the string that it was put into (providers.md A.6).
 */

/*
 * template_forged(p, n): bytes that are JSON: does an object name a member twice with
 * different values, or spell a name of ASCII letters with an escape?  No writer of JSON
 * does either, and readers disagree about what it means.
 */
bool template_forged(const char *p, size_t n);

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

#ifndef DMBOX_EXTERN_COMMAND_H
#define DMBOX_EXTERN_COMMAND_H

#include <stddef.h>

#include "base/rc.h"

/*
 * command_output(argv, ms, out, out_max, status):
 * Run a program of PATH with argv (NULL at the end) and an empty input.  out gets the first
 * out_max - 1 bytes of what it writes, errors among them, as a string; status its exit status,
 * or 128 + N where signal N ended it.
 * Returns  RC_OK when it ran;
 *          RC_NONE when there is no such program;
 *          RC_TEMP when it could not be started, or had not ended after ms milliseconds, when
 *          it is killed.
 * Not for web programs: their sandbox starts nothing.
 */
enum rc command_output(
    const char *const *argv, int ms, char *out, size_t out_max, int *status) MUST_CHECK;

#endif

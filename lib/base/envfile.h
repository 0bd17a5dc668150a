#ifndef DMBOX_BASE_ENVFILE_H
#define DMBOX_BASE_ENVFILE_H

#include <stddef.h>

/*
 * The syntax of KEY=value files, without any knowledge of keys.  As in the
 * files that people have: '#' comments (also behind an unquoted value, after a
 * blank), "export ", single quotes (literal), double quotes (\n \" \\ \$),
 * CRLF, a byte order mark.  A value ends on its line.
 */

/* One line: key and value, or why is set and says what is wrong with it. */
typedef void (*envfile_fn)(
    void *arg, unsigned int line, const char *key, const char *value, const char *why);

/* envfile_parse(p, n, fn, arg): call fn for each line that says something, in
 * order.  Strings live during the call only; values are wiped afterwards. */
void envfile_parse(const char *p, size_t n, envfile_fn fn, void *arg);

#endif

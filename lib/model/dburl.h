#ifndef DMBOX_MODEL_DBURL_H
#define DMBOX_MODEL_DBURL_H

#include <stddef.h>
#include "base/rc.h"

/* What DATABASE_URL and the DB_* keys mean for libpq. */

/*
 * dburl_make(in, out, why):
 * in as libpq takes it: a postgres:// or postgresql:// URL or a conninfo
 * string.  TCP beyond loopback gets sslmode=require where neither it nor
 * PGSSLMODE names one (contract.md 3).  Parameters of a URL that libpq does not take
 * (Prisma's schema, a pool's sizes, ...) are left out unless they limit whom libpq
 * talks to, and other drivers' words for sslmode are translated.  why then says which
 * parameter, or that no database is named ("" otherwise).
 *
 * Returns  RC_OK, or RC_INVALID with the reason in why.
 * Owns     *out: mem_free_secret().
 */
enum rc dburl_make(const char *in, char **out, char why[160]) MUST_CHECK;
/* dburl_from_parts: a conninfo string from DB_*; NULL parts are left out.
 * Caller frees with mem_free_secret. */
char *dburl_from_parts(const char *host, const char *port, const char *user, const char *password,
    const char *database);
/* dburl_password(s): the password in a URL or conninfo string, decoded; NULL where it has
 * none or is neither.  dburl_password_written(s): as written in a URL's user part
 * (p%40w).  For masking.  Caller frees with mem_free_secret. */
char *dburl_password(const char *s);
char *dburl_password_written(const char *s);

#endif

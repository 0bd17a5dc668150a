#ifndef DMBOX_BRIDGE_SPOOLMARK_H
#define DMBOX_BRIDGE_SPOOLMARK_H

#include "base/rc.h"
#include "model/conf.h"

/*
 * spoolmark(c, dir, other):
 * Two installations with one spool (configurations in one folder, or the second a copy of the
 * first) would store each other's deliveries, each in its own database.  So the folder notes
 * whose it is: c's file and its database's name, in dir/owner, which is written where it is
 * missing or its configuration is gone.
 *
 * Returns  RC_OK: c's, or nobody can tell; RC_DENIED: that of another configuration, which is
 *          there and names another database: other (its file) says which.
 * Owns     other, where not NULL, is the caller's and holds 1024 bytes.
 * Repeats  safe.
 */
enum rc spoolmark(const struct conf *c, const char *dir, char *other) MUST_CHECK;

#endif

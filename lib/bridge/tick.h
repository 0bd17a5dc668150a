#ifndef DMBOX_BRIDGE_TICK_H
#define DMBOX_BRIDGE_TICK_H

#include <stdint.h>
#include "base/rc.h"

/*
 * The tick file (docs/design/inbox-api.md 3): a file that the web server serves and that is
 * replaced when the tables change.  The page asks the web server for it, with its ETag, and
 * the programs only after it has another one.  Its name cannot be guessed; what is in it does
 * not matter.  The folder's name comes from DMBOX_TICK_DIR.
 */
enum { TICK_NAME = 40 };	/* 32 of A-Za-z0-9, ".txt", a NUL */

/*
 * tick_name(dir, out, out_us):
 * The file's name within dir and when it was replaced last.  Name, file and dir are made
 * where they are not there.
 * Returns  RC_TEMP where there is none and none can be made; dir NULL or "": RC_NONE.
 */
enum rc tick_name(const char *dir, char out[TICK_NAME], int64_t *out_us) MUST_CHECK;
/*
 * tick_look(dir, out, out_us):
 * tick_name for who only looks: nothing is made.
 * Returns  RC_NONE where there is no name or no file yet; RC_TEMP where it cannot be read.
 */
enum rc tick_look(const char *dir, char out[TICK_NAME], int64_t *out_us) MUST_CHECK;
/*
 * tick_move(dir):
 * Replace it, by rename.  Two replacements differ in length also where they are of one
 * second and of several processes: there are web servers whose ETag has only that.
 * Returns  as tick_name.
 * Threads  any number at once.
 */
enum rc tick_move(const char *dir) MUST_CHECK;

#endif

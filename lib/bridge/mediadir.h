#ifndef DMBOX_BRIDGE_MEDIADIR_H
#define DMBOX_BRIDGE_MEDIADIR_H

#include <stdbool.h>
#include "base/buf.h"

/*
 * DMBOX_MEDIA_DIR, where downloads and uploads lie as ACCOUNT/YYYY-MM/NAME.ext.  The web
 * user and the cron user write there, so folders are 2770.
 */

/* mediadir_full(dir): is there so little room that the database and the spool will need it? */
bool mediadir_full(const char *dir);
/* mediadir_make(dir, a, b, out): make dir/a/b (b may be NULL) and append its path to out;
 * false: it cannot be made (logged). */
bool mediadir_make(const char *dir, const char *a, const char *b, struct buf *out);
/* mediadir_name(s): s as the name of one folder: an account may be called anything.
 * Owns     the result: free(). */
char *mediadir_name(const char *s);
/* mediadir_file(dir, path, out): append the file of a row: path's last three parts below dir,
 * for the folder may have been moved; false: path is none of ours (nothing it names is
 * elsewhere). */
bool mediadir_file(const char *dir, const char *path, struct buf *out);

#endif

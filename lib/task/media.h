#ifndef DMBOX_TASK_MEDIA_H
#define DMBOX_TASK_MEDIA_H

#include <stdbool.h>
#include "task/task.h"

/*
 * The poller's downloads of attachments (providers.md B.10: media links expire).
 * A row of dmbox.attachments goes
 *   waiting -> done | failed | refused | expired
 * (none: nothing to fetch; erased: the message was unsent, the file is to go).
 * Rows are claimed with `for update skip locked` by moving next_at ahead, so
 * several hosts share the work and a dead one's rows come back.  Files lie in
 * DMBOX_MEDIA_DIR/ACCOUNT/YYYY-MM/ID.ext, 0640, written beside and renamed.
 */
/* task_media_at(conf, hosts, url): is url at a host that ends like one of hosts (NULL at the
 * end; NULL: none), or at one of DMBOX_MEDIA_ALLOW? */
bool task_media_at(const struct conf *conf, const char *const *hosts, const char *url);
#define TASK_MEDIA_MAX_BYTES (25 << 20)

#endif

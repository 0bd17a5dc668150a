#ifndef DMBOX_BASE_MASK_H
#define DMBOX_BASE_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"

/* What log.c needs of mask.c; others use log_mask (log.h). */

/* mask_innocent(p, n): is there nothing to hide in it? */
bool mask_innocent(const char *p, size_t n);
/* mask_put(p, n, out): appends it, what may not be shown as ***. */
void mask_put(const char *p, size_t n, struct buf *out);
/* mask_harmless(u, n): how many bytes can be shown as they are, as far as that is seen at a
 * glance. */
size_t mask_harmless(const unsigned char *u, size_t n);
/* mask_escape(p, n, out): appends it, control characters and bytes that are no UTF-8 escaped. */
void mask_escape(const char *p, size_t n, struct buf *out);

#endif

#ifndef DMBOX_TRIGGER_SHAPES_H
#define DMBOX_TRIGGER_SHAPES_H

#include <stddef.h>
#include "base/buf.h"
#include "provider/list.h"

/*
 * Every body that a provider is known to post, as data.  In a body
 *   @ID@     the message's id (fresh, or --id)	@REF@    the message it speaks of (--ref)
 *   @FROM@   the other side (--from)		@OWN@    the account's own id
 *   @TEXT@   words (--text)			@NOW_S@ @NOW_MS@ @ISO@  the time
 * are replaced; in a form they are percent-encoded, else escaped as JSON.
 */
struct shape {
	const struct provider *provider;
	const char *name;
	const char *type;	/* Content-Type */
	const char *about;	/* one line, English */
	const char *body;
};

/* trigger_shapes(n): all there are; static. */
const struct shape *trigger_shapes(size_t *n);

struct shape_vars {
	const char *id, *ref, *from, *own, *text;
	int64_t now_us;
};
/* trigger_body(s, v, out): the body of s with its words filled in. */
void trigger_body(const struct shape *s, const struct shape_vars *v, struct buf *out);

#endif

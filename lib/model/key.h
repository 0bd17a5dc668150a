#ifndef DMBOX_MODEL_KEY_H
#define DMBOX_MODEL_KEY_H

#include "model/conf.h"

/* One key of the configuration, and what its values must look like (keys.c, providers). */
struct key_def {
	struct conf_key_info info;
	enum conf_kind kind;
	int64_t min, max;	/* CONF_NUM */
	unsigned int channels;	/* of which accounts it is: a bit each */
};
/* key_check(d, v, why): NULL, or what is wrong with v. */
const char *key_check(const struct key_def *d, const char *v, char why[160]);
/* key_placeholder(v): a value copied from an example: "<accountId>.<secret>", "...", "changeme". */
bool key_placeholder(const char *v);
/* key_bool(s, out): true, yes, on, 1 and their opposites; false where it is neither. */
bool key_bool(const char *s, bool *out);

#endif

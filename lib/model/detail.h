#ifndef DMBOX_MODEL_DETAIL_H
#define DMBOX_MODEL_DETAIL_H

#include <stdbool.h>
#include "base/buf.h"
#include "base/mem.h"
#include "extern/json.h"
#include "extern/jsonw.h"

/* What of a message no column holds, being written as messages.detail has it, one JSON object:
 * { .any = false }, then members, then detail_end, which is never left out. */
struct detail {
	struct buf b;
	struct jsonw w;
	bool any;
};
/* detail_raw(d, a, key, j): a member as j was read, absent as null; detail_given: left out where j
 * is absent or null.  a: for what is needed on the way. */
void detail_raw(struct detail *d, struct mem_arena *a, const char *key, const struct json *j);
void detail_given(struct detail *d, struct mem_arena *a, const char *key, const struct json *j);
/* detail_array(d, a, key, j): an array whose one element is j. */
void detail_array(struct detail *d, struct mem_arena *a, const char *key, const struct json *j);
/* detail_word(d, key, json): json is JSON text; detail_str(d, key, s): a string, left out where s
 * is NULL. */
void detail_word(struct detail *d, const char *key, const char *json);
void detail_str(struct detail *d, const char *key, const char *s);
/* detail_end(d, a): the finished text in the arena; NULL where nothing was put in,
 * {"too_large":true} for more than a megabyte. */
const char *detail_end(struct detail *d, struct mem_arena *a);

#endif

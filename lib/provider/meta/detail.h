#ifndef DMBOX_PROVIDER_META_DETAIL_H
#define DMBOX_PROVIDER_META_DETAIL_H

#include <stdbool.h>
#include "base/buf.h"
#include "base/mem.h"
#include "extern/json.h"

/* A JSON object being written, as messages.detail holds it: { .any = false }, then members,
 * then detail_end. */
struct detail {
	struct buf b;
	bool any;
};
/* detail_raw(d, a, key, j): a member as j was read; detail_word: json is JSON text. */
void detail_raw(struct detail *d, struct mem_arena *a, const char *key, const struct json *j);
void detail_word(struct detail *d, const char *key, const char *json);
/* detail_end(d, a): the finished text in the arena; NULL where nothing was put in. */
const char *detail_end(struct detail *d, struct mem_arena *a);

#endif

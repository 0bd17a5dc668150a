#ifndef DMBOX_PROVIDER_CHATRACE_SHAPES_H
#define DMBOX_PROVIDER_CHATRACE_SHAPES_H

#include <stdint.h>
#include "base/mem.h"
#include "extern/json.h"

/*
 * Bodies that are the one we document in other clothes: its names in another style, or what
 * another platform's own webhook sends.  Each becomes an object of the documented names, which
 * in.c then reads as ever.
 */

/*
 * shape_spelled(a, j, glued, initials):
 * The object with names of another style ("ContactId", "last-input", "Full Name") spelled as
 * names.h has them, inside of it too.  Members keep their order, and of two that are then
 * one the first counts: in.c believes the order.  glued: names of small letters alone
 * ("contactid") as well, which costs a look at each.  initials: json_initials(j).
 *
 * Returns  an object; NULL where no name is spelled otherwise.
 * Owns     the caller: json_free().
 */
struct json *shape_spelled(
    struct mem_arena *a, const struct json *j, bool glued, uint64_t initials);

/*
 * shape_platform(a, j, initials):
 * The message of another platform's webhook (providers.md A.9) in the documented names; of an
 * event that is no message the contact alone.  initials: json_initials(j).
 *
 * Returns  an object; NULL where j is of no platform that is known.
 * Owns     the caller: json_free().
 */
struct json *shape_platform(struct mem_arena *a, const struct json *j, uint64_t initials);

#endif

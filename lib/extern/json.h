#ifndef DMBOX_EXTERN_JSON_H
#define DMBOX_EXTERN_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/mem.h"
#include "base/rc.h"

/*
 * JSON through json-c, which no other file includes.  Strict reading: UTF-8, no trailing bytes, no
 * lax syntax, depth at most 32, number tokens kept as their source text (a 19-digit id is
 * not a double, a 30-digit one does not saturate).  json-c's types stay inside.
 */
struct json;	/* a node; belongs to the root it came from */

/*
 * json_parse(p, n, out):
 * Returns  RC_OK; RC_INVALID (err, if not NULL, says what and at which byte);
 *          RC_LIMIT for too deep.
 * Owns     the caller: json_free(*out).  Nodes from getters are borrowed.
 */
enum rc json_parse(const char *p, size_t n, struct json **out, char err[128]) MUST_CHECK;
void json_free(struct json *j);
/*
 * json_mend(a, p, n, out_n, why): text that is JSON but for control characters that stand
 * raw in its strings, or bytes that are no UTF-8: programs that paste a text between two
 * quotes write such.  The first are escaped, the second become U+FFFD.  NULL where there
 * is neither; else the mended text in the arena, and *why "raw_controls" or "bad_utf8".
 */
char *json_mend(struct mem_arena *a, const char *p, size_t n, size_t *out_n, const char **why);

enum json_type {
	JSON_ABSENT,
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};
enum json_type json_type(const struct json *j);	/* NULL: JSON_ABSENT */
/* json_get(j, path): borrowed member by dotted path ("sender.id"); NULL where absent,
 * null, or not an object on the way.  A key with dots of its own: json_member. */
const struct json *json_get(const struct json *j, const char *path);
/* json_member(j, key): borrowed member of that name; NULL where absent, null, or j is no object. */
const struct json *json_member(const struct json *j, const char *key);
/* json_is_null(j, key): is there a member of that name, and is it null? */
bool json_is_null(const struct json *j, const char *key);
/* json_initial(name): a bit for what a name begins with; json_initials(j): those of an
 * object's members together, 0 for anything else.  A name whose bit is not among them is
 * no member, nor does a path begin with one: for readers that ask for many names.  And
 * JSON_DEEP, where a member is an object or has a dot in its name: else no path of
 * several parts leads anywhere. */
#define JSON_DEEP ((uint64_t)1 << 32)
static inline uint64_t
json_initial(const char *name)
{
	return (uint64_t)1 << (*name & 31);
}
uint64_t json_initials(const struct json *j);
/* json_once(j, p, n): j was parsed from p: is each name in it written once and without an
 * escape?  A quick look: false may also have another reason, which json_twice tells. */
bool json_once(const struct json *j, const char *p, size_t n);
/* json_string_end(p, n, i): where the string that begins with the quote p[i] has its closing quote;
 * n where there is none. */
size_t json_string_end(const char *p, size_t n, size_t i);
/*
 * json_twice(j, p, n): j was parsed from the n bytes at p: does an object in it name a member
 * twice?  No writer of JSON does, and readers disagree about what it means.
 * Returns  JSON_ONCE no; JSON_SAME where the values are the same text; JSON_TWICE where they
 *          differ, or where a name of ASCII letters is spelled with an escape (then it may
 *          be another name's double).
 */
enum json_twice { JSON_ONCE, JSON_SAME, JSON_TWICE };
enum json_twice json_twice(const struct json *j, const char *p, size_t n);
size_t json_len(const struct json *j);	/* array elements, else 0 */
/* json_at(j, i): borrowed element, counted from 0; NULL behind the last, or where j is no array. */
const struct json *json_at(const struct json *j, size_t i);
struct json_iter {
	const void *at;
}; /* { NULL }: before the first member */
/* json_each(j, it, key, value): the next member of an object; false at its end. */
bool json_each(
    const struct json *j, struct json_iter *it, const char **key, const struct json **value);

/* json_text(a, j): a string, or a number's source text, as clean UTF-8 (NUL and
 * lone surrogates are U+FFFD) in the arena; NULL for any other type. */
char *json_text(struct mem_arena *a, const struct json *j);
/* json_str(a, j): the same for strings only, in the arena. */
char *json_str(struct mem_arena *a, const struct json *j);
/* json_i64(j, out): a whole number, or a string that is one; RC_INVALID for anything else. */
enum rc json_i64(const struct json *j, int64_t *out) MUST_CHECK;
/* json_bool(j, def): true or false, also as a word (true, yes, on, false, ... in any case) or
 * as 1 and 0; def for anything else. */
bool json_bool(const struct json *j, bool def);
/* json_raw(a, j): the node as compact JSON that jsonb takes (no \u0000), in the arena. */
char *json_raw(struct mem_arena *a, const struct json *j);
/* json_canonical(a, j): as json_raw with object keys sorted: for hashes.  In the arena. */
char *json_canonical(struct mem_arena *a, const struct json *j);

/* Writing one value; whole texts are written with extern/jsonw.h. */
void json_put_str(struct buf *b, const char *s);	/* "..."; NULL gives null */
/* json_put_strn(b, p, n): a string of n bytes; what is no UTF-8, and NUL, becomes U+FFFD. */
void json_put_strn(struct buf *b, const char *p, size_t n);

#endif

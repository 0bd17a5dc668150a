#ifndef DMBOX_EXTERN_JSONW_H
#define DMBOX_EXTERN_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

/*
 * Writes one JSON text into a buf.  The writer knows which objects and arrays are open: commas,
 * colons and the closing brackets are its own.  Each function that writes a value takes key, the
 * name of the member, where an object is open; NULL in an array and at the top.
 *
 * Misuse (a key in an array, none in an object, a second text, an end without a beginning, a text
 * that is not complete) is a bug of the caller: it is logged, b is emptied and has its error set,
 * so that half a text never leaves the process.
 */
#define JSONW_DEPTH_MAX 32	/* as the reader takes (json.h) */
struct jsonw {
	struct buf *b;		/* the caller's; borrowed until jsonw_done */
	size_t due;		/* b must reach this length with the next value; 0: it came */
	uint64_t array;		/* bit n: level n is an array */
	uint64_t some;		/* bit n: level n has a value */
	unsigned int depth;	/* open objects and arrays */
	bool line;		/* a line break comes before the next value or end */
	bool bad;		/* misused: nothing is written any more */
};

/* jsonw_init(w, b): a text begins behind what b has.  Nothing is to be released. */
void jsonw_init(struct jsonw *w, struct buf *b);
/* jsonw_object, jsonw_array(w, key): open one, at most JSONW_DEPTH_MAX deep; jsonw_end(w): close
 * the innermost. */
void jsonw_object(struct jsonw *w, const char *key);
void jsonw_array(struct jsonw *w, const char *key);
void jsonw_end(struct jsonw *w);
/* jsonw_done(w): false if the text is not complete (misuse), or did not fit into b. */
bool jsonw_done(struct jsonw *w);

/* jsonw_str, jsonw_strn: a string: s, or n bytes at p, which need not be UTF-8 (json_put_strn);
 * NULL is null.  jsonw_i64, jsonw_bool: a number, true or false. */
void jsonw_str(struct jsonw *w, const char *key, const char *s);
void jsonw_strn(struct jsonw *w, const char *key, const char *p, size_t n);
/* jsonw_printf(w, key, fmt, ...): a string of at most 1023 bytes, longer ones are cut. */
void jsonw_printf(struct jsonw *w, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
void jsonw_i64(struct jsonw *w, const char *key, int64_t v);
void jsonw_bool(struct jsonw *w, const char *key, bool v);
/* jsonw_time(w, key, us): microseconds since 1970 as clock_iso writes them; 0 is null. */
void jsonw_time(struct jsonw *w, const char *key, int64_t us);
/* jsonw_raw(w, key, json): one value that is JSON already; NULL is null. */
void jsonw_raw(struct jsonw *w, const char *key, const char *json);
/* jsonw_members(w, json): the members of json, which is an object, into the open one. */
void jsonw_members(struct jsonw *w, const char *json);
/* jsonw_value(w, key): w's buf, into which the caller puts one value that is JSON, before the
 * next call with w. */
struct buf *jsonw_value(struct jsonw *w, const char *key);
/* jsonw_line(w): the next value, or the end of this level, begins a line of its own. */
void jsonw_line(struct jsonw *w);

#endif

#ifndef DMBOX_BASE_STR_H
#define DMBOX_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/rc.h"

/*
 * Strict text: numbers that are numbers to the last character, UTF-8 that is
 * UTF-8, hex that is hex.  None of these looks at the locale.
 */

/* A list of owned strings; zero-initialise. */
struct strv {
	char **v;
	size_t n;
};
/* strv_add(v, s, n): append a copy of n bytes. */
void strv_add(struct strv *v, const char *s, size_t n);
void strv_free(struct strv *v);		/* wipes: lists of secrets are strv too */
/* strv_split(v, s, sep): append the trimmed, non-empty parts of s. */
void strv_split(struct strv *v, const char *s, char sep);

/* str_i64(s, out): whole decimal number with optional '-', nothing before or
 * behind it.  RC_INVALID otherwise or beyond int64. */
enum rc str_i64(const char *s, int64_t *out) MUST_CHECK;
/* str_n_i64(p, n, out): the same of n bytes; RC_INVALID as above. */
enum rc str_n_i64(const char *p, size_t n, int64_t *out) MUST_CHECK;
bool str_eq(const char *a, const char *b);	/* NULL equals only NULL */
/* str_eq_trim(a, b): the same but for white space around them; NULL is "". */
bool str_eq_trim(const char *a, const char *b);
bool str_ieq(const char *a, const char *b);	/* ASCII case-insensitive */
/* str_starts, str_istarts (ASCII in any case), str_ends: none of them takes NULL. */
bool str_starts(const char *s, const char *prefix);
bool str_istarts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* str_empty(s): NULL or "". */
static inline bool
str_empty(const char *s)
{
	return s == NULL || *s == '\0';
}
/* str_charset(s, min, max, extra): between min and max long and only A-Za-z0-9
 * and the characters of extra. */
bool str_charset(const char *s, size_t min, size_t max, const char *extra);
/* str_hex(p, n, out): lower-case hex, out holds 2n+1. */
void str_hex(const void *p, size_t n, char *out);
/* str_unhex(s, n, out): n hex characters to n/2 bytes; RC_INVALID on others. */
enum rc str_unhex(const char *s, size_t n, void *out) MUST_CHECK;
/* str_trim(p, n): shrink [*p, *p + *n) by white space on both sides. */
void str_trim(const char **p, size_t *n);

/* str_plain(p, n): how many bytes at p are printable ASCII (0x20 to 0x7E) up to the first
 * that is not: texts are mostly such, and need no closer look there. */
size_t str_plain(const char *p, size_t n);
/* str_utf8_ok(p, n): well-formed UTF-8 (no overlongs, surrogates, > 10FFFF)? */
bool str_utf8_ok(const char *p, size_t n);
/* str_utf8_clean(a, p, n, changed): p as text PostgreSQL takes: ill-formed
 * bytes and NULs become U+FFFD.  Result lives in the arena, NUL-terminated.
 * changed (may be NULL) is set to true, never cleared. */
char *str_utf8_clean(struct mem_arena *a, const char *p, size_t n, bool *changed);
/* str_unseen(s): the length of the character that s begins with, of well-formed UTF-8, where it
 * shows nothing: a control, a blank, a mark of direction, a filler.  0: it shows, or is the
 * joiner of emoji, or s is "". */
size_t str_unseen(const char *s);
/* str_utf8_cut(p, n, max): largest m <= max, m <= n, that cuts no character. */
size_t str_utf8_cut(const char *p, size_t n, size_t max);
/* str_utf8_len(p, n): characters (code points). */
size_t str_utf8_len(const char *p, size_t n);
/* str_utf8_cut_chars: as str_utf8_cut, the limit counted in code points. */
size_t str_utf8_cut_chars(const char *p, size_t n, size_t max_chars);

/* str_nearest(s, v, n): the most similar of n names (edit distance), or NULL
 * where none is near.  For "did you mean". */
const char *str_nearest(const char *s, const char *const *v, size_t n);

#endif

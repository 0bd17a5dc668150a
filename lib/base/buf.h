#ifndef DMBOX_BASE_BUF_H
#define DMBOX_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdarg.h>
#include "base/rc.h"

/*
 * A growing byte buffer with a mandatory maximum and a sticky error: append
 * freely, ask buf_err once at the end.  There is always a NUL behind the
 * bytes, so p is a C string where the content has no NUL of its own.
 */
struct buf {
	char *p;	/* never NULL after buf_init; NUL-terminated */
	size_t n;	/* bytes used, the NUL not counted */
	size_t cap;	/* bytes allocated */
	size_t max;	/* n never exceeds this */
	bool err;	/* something did not fit; what is here is cut */
};

/* buf_init(b, max): empty buffer of at most max bytes. */
void buf_init(struct buf *b, size_t max);
/* buf_free(b): release; legal on a zeroed struct and twice. */
void buf_free(struct buf *b);
/* buf_reset(b): empty, error cleared, memory kept. */
void buf_reset(struct buf *b);
/* buf_reserve(b, n): room for n more bytes, as far as max allows, at once. */
void buf_reserve(struct buf *b, size_t n);
/* buf_put(b, p, n): append n bytes; buf_puts: a string without its NUL; buf_putc: one byte;
 * buf_printf, buf_vprintf: formatted text.  What does not fit is left out whole and sets err. */
void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* buf_add(b, n): n bytes more, for the caller to write before the next call; NULL where they do
 * not fit, which sets err. */
char *buf_add(struct buf *b, size_t n);
/* buf_err(b): did anything not fit? */
bool buf_err(const struct buf *b);
/* buf_take(b): the malloc'd bytes become the caller's; b is empty and reusable
 * (same max).  Caller frees. */
char *buf_take(struct buf *b);

#endif

/*
 * The growing buffer.  What does not fit sets err and is dropped whole: a cut
 * number or half a character never gets in.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define FIRST 256u

void
buf_init(struct buf *b, size_t max)
{
	b->cap = FIRST;
	b->p = mem_realloc(NULL, b->cap, 1);
	b->p[0] = '\0';
	b->n = 0;
	b->max = max;
	b->err = false;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
	b->err = false;
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->err = false;
	if (b->p != NULL)
		b->p[0] = '\0';
}

/* Makes room for n more bytes and the NUL.  Sets err where max forbids it. */
static bool
grow(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : FIRST;

	if (b->err || n > b->max - b->n) {
		b->err = true;
		return false;
	}
	while (cap - 1 < b->n + n)
		cap = cap * 2 - 1 < b->max ? cap * 2 : b->max + 1;
	if (cap != b->cap) {
		b->p = mem_realloc(b->p, cap, 1);
		b->cap = cap;
	}
	return true;
}

static inline bool
room(struct buf *b, size_t n)
{
	return (!b->err && n < b->cap - b->n && n <= b->max - b->n) || grow(b, n);
}

void
buf_reserve(struct buf *b, size_t n)
{
	if (n <= b->max - b->n)
		(void)room(b, n);
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (!room(b, n))
		return;
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

char *
buf_add(struct buf *b, size_t n)
{
	char *p;

	if (!room(b, n))
		return NULL;
	p = b->p + b->n;
	b->n += n;
	b->p[b->n] = '\0';
	return p;
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_putc(struct buf *b, char c)
{
	if (b->err || b->n + 1 >= b->cap || b->n >= b->max) {
		buf_put(b, &c, 1);
		return;
	}
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}

static void
put_number(struct buf *b, uint64_t v, bool minus)
{
	char tmp[24], *p = tmp + sizeof(tmp);

	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	if (minus)
		*--p = '-';
	buf_put(b, p, (size_t)(tmp + sizeof(tmp) - p));
}

static void
put_signed(struct buf *b, int64_t v)
{
	put_number(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

static bool format(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

/*
 * The conversions that nearly all formats consist of, bare: stdio takes a thousand
 * instructions to set out.  False where another one stands, with a part put.
 */
static bool
format(struct buf *b, const char *fmt, va_list ap)
{
	const char *s;
	int max;

	for (;; fmt++) {
		const char *percent = strchrnul(fmt, '%');

		if (percent > fmt)
			buf_put(b, fmt, (size_t)(percent - fmt));
		if (*percent == '\0')
			return true;
		max = -1;
		fmt = percent + 1;
		if (fmt[0] == '.' && fmt[1] == '*') {
			max = va_arg(ap, int);
			fmt += 2;
			if (*fmt != 's')
				return false;
		}
		switch (*fmt) {
		case 's':
			if ((s = va_arg(ap, const char *)) == NULL)
				return false;
			buf_put(b, s, max < 0 ? strlen(s) : strnlen(s, (size_t)max));
			break;
		case 'd':
			put_signed(b, va_arg(ap, int));
			break;
		case 'u':
			put_number(b, va_arg(ap, unsigned int), false);
			break;
		case 'z':
			if (*++fmt != 'u')
				return false;
			put_number(b, va_arg(ap, size_t), false);
			break;
		case 'l':
			if (fmt[1] == 'd')	/* PRId64 is this or the next */
				put_signed(b, va_arg(ap, long));
			else if (strncmp(fmt, "lld", 3) == 0)
				put_signed(b, va_arg(ap, long long));
			else
				return false;
			fmt += fmt[1] == 'd' ? 1 : 2;
			break;
		default:
			return false;
		}
	}
}

static void stdio(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

static void
stdio(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	/* into what is there; formatted again only where that was too small */
	va_copy(again, ap);
	n = vsnprintf(b->cap > 0 ? b->p + b->n : NULL, b->cap - b->n, fmt, ap);
	if (n < 0)
		b->err = true;
	else if ((size_t)n < b->cap - b->n && (size_t)n <= b->max - b->n)
		b->n += (size_t)n;
	else {
		if (b->cap > 0)
			b->p[b->n] = '\0';
		if (room(b, (size_t)n)) {
			vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
			b->n += (size_t)n;
		}
	}
	va_end(again);
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	size_t from = b->n;
	va_list again;
	bool done;

	if (b->err)
		return;
	va_copy(again, ap);
	done = format(b, fmt, ap);
	if (!done || b->err) {
		b->n = from;
		if (b->cap > 0)
			b->p[from] = '\0';
	}
	if (!done && !b->err)
		stdio(b, fmt, again);
	va_end(again);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

bool
buf_err(const struct buf *b)
{
	return b->err;
}

char *
buf_take(struct buf *b)
{
	char *p = b->p;

	buf_init(b, b->max);
	return p;
}

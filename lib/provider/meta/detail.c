/*
 * What of a message no column holds, as one JSON object.
 */
#include "provider/meta/detail.h"

#define DETAIL_MAX (256 * 1024)

static void
detail_key(struct detail *d, const char *key)
{
	if (!d->any)
		buf_init(&d->b, DETAIL_MAX);
	json_put_key(&d->b, d->any ? "," : "{", key);
	d->any = true;
}

void
detail_raw(struct detail *d, struct mem_arena *a, const char *key, const struct json *j)
{
	detail_key(d, key);
	buf_puts(&d->b, json_raw(a, j));
}

void
detail_word(struct detail *d, const char *key, const char *json)
{
	detail_key(d, key);
	buf_puts(&d->b, json);
}

const char *
detail_end(struct detail *d, struct mem_arena *a)
{
	const char *s;

	if (!d->any)
		return NULL;
	buf_putc(&d->b, '}');
	s = buf_err(&d->b) ? "{\"too_large\":true}" : mem_arena_ndup(a, d->b.p, d->b.n);
	buf_free(&d->b);
	d->any = false;
	return s;
}

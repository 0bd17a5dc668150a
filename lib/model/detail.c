/*
 * What of a message no column holds, as one JSON object.
 */
#include "model/detail.h"

#define DETAIL_MAX (1024 * 1024)

static struct jsonw *
open_detail(struct detail *d)
{
	if (!d->any) {
		buf_init(&d->b, DETAIL_MAX);
		jsonw_init(&d->w, &d->b);
		jsonw_object(&d->w, NULL);
	}
	d->any = true;
	return &d->w;
}

void
detail_raw(struct detail *d, struct mem_arena *a, const char *key, const struct json *j)
{
	jsonw_raw(open_detail(d), key, json_raw(a, j));
}

void
detail_given(struct detail *d, struct mem_arena *a, const char *key, const struct json *j)
{
	if (json_type(j) != JSON_ABSENT && json_type(j) != JSON_NULL)
		detail_raw(d, a, key, j);
}

void
detail_array(struct detail *d, struct mem_arena *a, const char *key, const struct json *j)
{
	struct jsonw *w = open_detail(d);

	jsonw_array(w, key);
	jsonw_raw(w, NULL, json_raw(a, j));
	jsonw_end(w);
}

void
detail_word(struct detail *d, const char *key, const char *json)
{
	jsonw_raw(open_detail(d), key, json);
}

void
detail_str(struct detail *d, const char *key, const char *s)
{
	if (s != NULL)
		jsonw_str(open_detail(d), key, s);
}

const char *
detail_end(struct detail *d, struct mem_arena *a)
{
	const char *s;

	if (!d->any)
		return NULL;
	jsonw_end(&d->w);
	s = jsonw_done(&d->w) ? mem_arena_ndup(a, d->b.p, d->b.n) : "{\"too_large\":true}";
	buf_free(&d->b);
	d->any = false;
	return s;
}

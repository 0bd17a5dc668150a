/*
 * Structs are copied as a whole and their strings behind them, by a table of members.
 * A member that is a pointer and not in its table would dangle: therefore the sizes
 * are asserted, and a new member does not compile without a line in this file.
 */
#include "model/pack.h"

#include <string.h>

#include "model/provider.h"

#define NO_STRING UINT32_MAX
#define LAYOUT 1u		/* grows when the order of the bytes changes */

static const size_t delivery_strings[] = {
	offsetof(struct delivery, account),
	offsetof(struct delivery, request_id),
	offsetof(struct delivery, remote_addr),
	offsetof(struct delivery, content_type),
	offsetof(struct delivery, headers),
	offsetof(struct delivery, reason),
	offsetof(struct delivery, items.warning),
};
static const size_t item_strings[] = {
	offsetof(struct item, kind),
	offsetof(struct item, own_id),
	offsetof(struct item, account),
	offsetof(struct item, thread_id),
	offsetof(struct item, external_id),
	offsetof(struct item, contact),
	offsetof(struct item, alias),
	offsetof(struct item, left),
	offsetof(struct item, name),
	offsetof(struct item, username),
	offsetof(struct item, picture),
	offsetof(struct item, sender_id),
	offsetof(struct item, recipient_id),
	offsetof(struct item, body),
	offsetof(struct item, detail),
	offsetof(struct item, reply_to),
	offsetof(struct item, target_id),
	offsetof(struct item, text),
	offsetof(struct item, raw),
	offsetof(struct item, event_id),
	offsetof(struct item, alt_id),
};
static const size_t att_strings[] = {
	offsetof(struct att, type),
	offsetof(struct att, url),
	offsetof(struct att, mime),
	offsetof(struct att, name),
	offsetof(struct att, ref),
};
#define COUNT(v) (sizeof(v) / sizeof *(v))

_Static_assert(sizeof(struct delivery) == 288, "a new member of struct delivery: pack it");
_Static_assert(sizeof(struct item) == 240, "a new member of struct item: pack it");
_Static_assert(sizeof(struct att) == 48, "a new member of struct att: pack it");

uint64_t
pack_layout(void)
{
	uint64_t h = LAYOUT;
	const size_t sizes[] = { sizeof(struct delivery), sizeof(struct item), sizeof(struct att),
		COUNT(delivery_strings), COUNT(item_strings), COUNT(att_strings), EFFECT__MAX,
		SOURCE__MAX };

	for (const char *s = DMBOX_VERSION; *s != '\0'; s++)
		h = h * 1099511628211u + (unsigned char)*s;
	for (size_t i = 0; i < COUNT(sizes); i++)
		h = h * 1099511628211u + sizes[i];
	return h;
}

/* ---- out ----------------------------------------------------------------------- */

static void
put_strings(struct buf *b, const void *of, const size_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *s;
		uint32_t len;

		memcpy(&s, (const char *)of + at[i], sizeof s);
		len = s != NULL ? (uint32_t)strlen(s) : NO_STRING;
		buf_put(b, &len, sizeof len);
		if (s != NULL)
			buf_put(b, s, len + 1);
	}
}

static void
put_item(struct buf *b, const struct item *it)
{
	buf_put(b, it, sizeof *it);
	put_strings(b, it, item_strings, COUNT(item_strings));
	for (size_t i = 0; i < it->n_atts; i++) {
		buf_put(b, &it->atts[i], sizeof it->atts[i]);
		put_strings(b, &it->atts[i], att_strings, COUNT(att_strings));
	}
}

void
pack_delivery(const struct delivery *d, struct buf *b)
{
	const char *provider = d->provider != NULL ? d->provider->name : NULL;
	static const size_t only = 0;

	buf_put(b, d, sizeof *d);
	put_strings(b, &provider, &only, 1);	/* its address differs by process */
	put_strings(b, d, delivery_strings, COUNT(delivery_strings));
	buf_put(b, d->body, d->body != NULL ? d->body_n : 0);
	for (size_t i = 0; i < d->items.n; i++)
		put_item(b, &d->items.v[i]);
}

/* ---- in ------------------------------------------------------------------------ */

struct reader {
	const char *p;
	size_t n;
	struct mem_arena *a;
};

static bool
get(struct reader *r, void *out, size_t n)
{
	if (r->n < n)
		return false;
	memcpy(out, r->p, n);
	r->p += n;
	r->n -= n;
	return true;
}

static bool
get_strings(struct reader *r, void *of, const size_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *s = NULL;
		uint32_t len;

		if (!get(r, &len, sizeof len))
			return false;
		if (len != NO_STRING) {
			if (len >= r->n || r->p[len] != '\0')
				return false;
			s = mem_arena_ndup(r->a, r->p, len);
			r->p += len + 1;
			r->n -= len + 1;
		}
		memcpy((char *)of + at[i], &s, sizeof s);
	}
	return true;
}

static bool
get_item(struct reader *r, struct item *it)
{
	if (!get(r, it, sizeof *it))
		return false;
	it->atts = NULL;
	if (!get_strings(r, it, item_strings, COUNT(item_strings)) ||
	    it->n_atts > r->n / sizeof *it->atts)
		return false;
	if (it->n_atts > 0)
		it->atts = mem_arena_alloc(r->a, it->n_atts * sizeof *it->atts);
	for (size_t i = 0; i < it->n_atts; i++)
		if (!get(r, &it->atts[i], sizeof *it->atts) ||
		    !get_strings(r, &it->atts[i], att_strings, COUNT(att_strings)))
			return false;
	return true;
}

/* d is the struct as it was sent: what it points to is of another process. */
static bool
get_rest(struct reader *r, struct delivery *d)
{
	static const size_t only = 0;
	const char *provider = NULL;
	size_t n = d->items.n;

	d->items.arena = (struct mem_arena){ 0 };
	d->items.v = NULL;
	d->items.n = d->items.cap = 0;
	d->provider = NULL;
	if (!get_strings(r, &provider, &only, 1) ||
	    !get_strings(r, d, delivery_strings, COUNT(delivery_strings)))
		return false;
	if (provider != NULL && (d->provider = provider_by_name(provider)) == NULL)
		return false;
	if (d->body != NULL) {
		if (d->body_n > r->n)
			return false;
		d->body = mem_arena_ndup(r->a, r->p, d->body_n);
		r->p += d->body_n;
		r->n -= d->body_n;
	}
	if (n > r->n / sizeof *d->items.v)
		return false;
	d->items.v = mem_arena_alloc(r->a, (n + 1) * sizeof *d->items.v);
	d->items.cap = n;
	for (; d->items.n < n; d->items.n++)
		if (!get_item(r, &d->items.v[d->items.n]))
			return false;
	return r->n == 0;
}

enum rc
pack_read(const char *p, size_t n, struct delivery *d)
{
	struct reader r = { .p = p, .n = n, .a = &d->items.arena };

	if (get(&r, d, sizeof *d) && get_rest(&r, d))
		return RC_OK;
	if (n >= sizeof *d)
		mem_arena_free(&d->items.arena);
	memset(d, 0, sizeof *d);
	return RC_INVALID;
}

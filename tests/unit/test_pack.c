/* pack: what comes out is what went in, and bytes that were cut are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/pack.h"
#include "model/provider.h"

static uint32_t seed;

static uint32_t
pick(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* NULL, empty, short, with bytes of every kind, long. */
static const char *
some_text(struct mem_arena *a)
{
	size_t n = pick(8) == 0 ? pick(3000) : pick(12);
	char *s;

	if (pick(4) == 0)
		return NULL;
	s = mem_arena_alloc(a, n + 1);
	for (size_t i = 0; i < n; i++)
		s[i] = (char)(1 + pick(255));
	s[n] = '\0';
	return s;
}

static void
some_item(struct delivery *d)
{
	struct mem_arena *a = &d->items.arena;
	struct item *it = itemv_add(&d->items);
	const char **strings[] = { &it->own_id, &it->account, &it->thread_id, &it->external_id,
		&it->contact, &it->alias, &it->left, &it->name, &it->username, &it->picture, &it->sender_id, &it->recipient_id,
		&it->body, &it->detail, &it->reply_to, &it->target_id, &it->text, &it->event_id,
		&it->alt_id };
	uint32_t atts = pick(4);

	it->type = pick(2) == 0 ? ITEM_MESSAGE : ITEM_EVENT;
	it->effect = (enum effect)pick(EFFECT__MAX);
	it->kind = "text";
	it->raw = "{\"x\":1}";
	it->num = pick(1000);
	it->at_us = (int64_t)pick(UINT32_MAX) * 1000003;
	it->at_known = pick(2);
	it->dir = pick(2) == 0 ? DIR_IN : DIR_OUT;
	it->is_test = pick(2);
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
		*strings[i] = some_text(a);
	for (uint32_t i = 0; i < atts; i++) {
		struct att *t = item_att_add(&d->items, it);

		t->type = some_text(a);
		t->url = some_text(a);
		t->mime = some_text(a);
		t->name = some_text(a);
		t->ref = some_text(a);
		t->bytes = (int64_t)pick(100) - 1;
	}
}

static void
some_delivery(struct delivery *d)
{
	delivery_init(d);
	d->account = "main";
	d->provider = pick(3) == 0 ? NULL : providers[pick(3)];
	d->request_id = some_text(&d->items.arena);
	d->remote_addr = some_text(&d->items.arena);
	d->content_type = some_text(&d->items.arena);
	d->headers = some_text(&d->items.arena);
	d->body = pick(5) == 0 ? NULL : "a\0b\xff";
	d->body_n = d->body != NULL ? 4 : 0;
	d->items.warning = some_text(&d->items.arena);
	d->items.ignored = pick(3);
	for (uint32_t i = pick(6); i > 0; i--)
		some_item(d);
}

static void
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		assert_ptr_equal(a, b);
	else
		assert_string_equal(a, b);
}

static void
same(const struct delivery *a, const struct delivery *b)
{
	struct buf x, y;

	assert_string_equal(a->uid, b->uid);
	assert_int_equal(a->received_at_us, b->received_at_us);
	assert_ptr_equal(a->provider, b->provider);
	same_text(a->account, b->account);
	same_text(a->request_id, b->request_id);
	same_text(a->remote_addr, b->remote_addr);
	same_text(a->content_type, b->content_type);
	same_text(a->headers, b->headers);
	same_text(a->reason, b->reason);
	assert_int_equal(a->body_n, b->body_n);
	if (a->body == NULL)
		assert_null(b->body);
	else
		assert_memory_equal(a->body, b->body, a->body_n);
	buf_init(&x, 1 << 20);
	buf_init(&y, 1 << 20);
	itemv_dump(&a->items, &x);
	itemv_dump(&b->items, &y);
	assert_string_equal(x.p, y.p);
	for (size_t i = 0; i < a->items.n; i++)
		same_text(a->items.v[i].alt_id, b->items.v[i].alt_id);
	buf_free(&x);
	buf_free(&y);
}

static void
test_round_trip(void **state)
{
	(void)state;
	for (seed = 1; seed < 400;) {
		uint32_t from = seed;
		struct delivery d, got;
		struct buf b;

		some_delivery(&d);
		buf_init(&b, 1 << 20);
		pack_delivery(&d, &b);
		assert_false(buf_err(&b));
		assert_int_equal(pack_read(b.p, b.n, &got), RC_OK);
		same(&d, &got);
		delivery_free(&got);
		delivery_free(&d);
		buf_free(&b);
		seed = from + 1;
	}
}

/* Every length but the whole one; in memory of exactly that length, so that valgrind and
 * the sanitizers see a read beyond it. */
static void
test_cut(void **state)
{
	struct delivery d, got;
	struct buf b;

	(void)state;
	seed = 7;
	some_delivery(&d);
	some_item(&d);
	buf_init(&b, 1 << 20);
	pack_delivery(&d, &b);
	for (size_t n = 0; n < b.n; n++) {
		char *part = malloc(n + (n == 0));

		memcpy(part, b.p, n);
		assert_int_equal(pack_read(part, n, &got), RC_INVALID);
		assert_int_equal(got.items.n, 0);
		free(part);
	}
	buf_putc(&b, 'x');
	assert_int_equal(pack_read(b.p, b.n, &got), RC_INVALID);
	delivery_free(&d);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

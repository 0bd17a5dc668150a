/* msg and retry: growth keeps what was there, dump is canonical, back-off bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "model/msg.h"
#include "base/retry.h"

static void
test_grow(void **state)
{
	struct itemv v;

	(void)state;
	itemv_init(&v);
	for (int i = 0; i < 1000; i++) {
		struct item *it = itemv_add(&v);

		assert_string_equal(it->thread_id, "");
		assert_int_equal(it->place, -1);
		assert_string_equal(it->raw, "{}");
		it->num = i;
		for (int k = 0; k < i % 6; k++)
			item_att_add(&v, it)->bytes = i * 10 + k;
	}
	assert_int_equal(v.n, 1000);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(v.v[i].num, i);
		assert_int_equal(v.v[i].n_atts, i % 6);
		for (int k = 0; k < i % 6; k++)
			assert_int_equal(v.v[i].atts[k].bytes, i * 10 + k);
	}
	itemv_free(&v);
	itemv_free(&v);
}

static void
test_dump(void **state)
{
	struct itemv v;
	struct item *it;
	struct att *a;
	struct buf b;

	(void)state;
	itemv_init(&v);
	it = itemv_add(&v);
	it->kind = "image";
	it->external_id = "m\n1";
	it->body = "hi \"x\"";
	it->at_known = true;
	it->at_us = 1731499200000000;
	a = item_att_add(&v, it);
	a->type = "image";
	a->bytes = 5;
	it = itemv_add(&v);
	it->type = ITEM_EVENT;
	it->kind = "unsend";
	it->effect = EFFECT_UNSEND;
	it->target_id = "m1";
	it->raw = "{\"a\":1}";
	v.warning = "salvaged";
	buf_init(&b, 4096);
	itemv_dump(&v, &b);
	assert_string_equal(b.p,
	    "items 2\nignored 0\nwarning salvaged\n"
	    "0.type message\n0.kind \"image\"\n0.external_id \"m\\n1\"\n0.dir in\n0.body \"hi \\\"x\\\"\"\n"
	    "0.at 2024-11-13T12:00:00.000000Z\n0.att0.type \"image\"\n0.att0.bytes 5\n"
	    "1.type event\n1.kind \"unsend\"\n1.dir in\n1.effect unsend\n1.target_id \"m1\"\n"
	    "1.raw {\"a\":1}\n");
	buf_free(&b);
	itemv_free(&v);
}

/* Lists of one-letter ids and their seconds (-: no time), and what they are in the order of time. */
static void
test_in_time(void **state)
{
	static const struct {
		const char *list, *oldest, *newest;	/* where equal ones begin with the oldest, newest */
	} v[] = {
		{ "a1b1c1", "abc", "cba" },
		{ "a-b-c-", "abc", "cba" },
		{ "a1b2c2", "abc", "abc" },
		{ "a2b2c1", "cba", "cba" },
		{ "a-b2c2d1", "dcba", "dcba" },
		{ "a5b6c7d1e2f2", "abcdef", "abcdef" },	/* of two conversations */
		{ "a7b6c5d6e5f5", "fedcba", "fedcba" },
		{ "a1", "a", "a" },
		{ "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * (sizeof v / sizeof *v); i++) {
		const char *p = v[i / 2].list, *want = i % 2 != 0 ? v[i / 2].newest : v[i / 2].oldest;
		char got[16] = "";
		struct itemv list;

		itemv_init(&list);
		itemv_add(&list)->external_id = mem_arena_dup(&list.arena, "0");	/* not of the list */
		for (; *p != '\0'; p += 2) {
			struct item *it = itemv_add(&list);

			it->external_id = mem_arena_ndup(&list.arena, p, 1);
			it->at_known = p[1] != '-';
			it->at_us = it->at_known ? (p[1] - '0') * INT64_C(1000000) : 0;
		}
		itemv_in_time(&list, 1, i % 2 != 0);
		for (size_t k = 1; k < list.n; k++)
			got[k - 1] = list.v[k].external_id[0];
		assert_string_equal(got, want);
		assert_string_equal(list.v[0].external_id, "0");
		itemv_free(&list);
	}
}

static void
test_delivery(void **state)
{
	struct delivery d;

	(void)state;
	delivery_init(&d);
	assert_int_equal(strlen(d.uid), 36);
	assert_true(d.received_at_us > 0);
	assert_string_equal(d.reason, "ok");
	assert_int_equal(d.verdict, VERDICT_ACCEPTED);
	delivery_free(&d);
}

static void
test_retry(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < 100; n++)
		for (uint32_t r = 0; r < 3000; r += 7) {
			int64_t s = retry_delay_s(n, -1, r);

			assert_true(s >= 4 && s <= 4500);
		}
	assert_int_equal(retry_delay_s(1, 100, 3), 100);
	assert_true(retry_delay_s(4, -1, 0) >= 30 && retry_delay_s(4, -1, 0) <= 50);
	assert_true(retry_delay_s(4000000000u, -1, 0) >= 2700);
}

/* A time that is none is left out and warned of; none that is told is no fault. */
static void
test_time(void **state)
{
	static const struct { const char *s; int64_t s_us; } t[] = {
		{ NULL, 0 }, { "", 0 }, { "1763000000", 1763000000000000 }, { "1763000000123", 1763000000123000 },
		{ "1763000000123456", 1763000000123456 }, { "1763000000123456789", 1763000000123456 },
		{ "2025-11-13T02:13:20Z", 1763000000000000 }, { "0", -1 }, { "-1", -1 }, { "1", -1 }, { "86400", -1 },
		{ "946684799", -1 }, { "4133980800", -1 }, { "4133980800000", -1 }, { "9223372036854775807", -1 },
		{ "99999999999999999999", -1 }, { "1970-01-01T00:00:00Z", -1 }, { "0001-01-01T00:00:00Z", -1 },
		{ "yesterday", -1 }, { "NaN", -1 }, { "1763000000abc", -1 }, { "2025-13-45", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct itemv v;
		struct item *it;

		itemv_init(&v);
		it = itemv_add(&v);
		if (item_time(&v, it, t[i].s) != (t[i].s_us > 0) || it->at_known != (t[i].s_us > 0) ||
		    (t[i].s_us > 0 && it->at_us != t[i].s_us) || (v.warning != NULL) != (t[i].s_us < 0))
			fail_msg("%s: %d %lld %s", t[i].s, it->at_known, (long long)it->at_us, v.warning);
		itemv_free(&v);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_in_time),
		cmocka_unit_test(test_delivery),
		cmocka_unit_test(test_retry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

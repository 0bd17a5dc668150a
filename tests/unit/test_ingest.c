/* Keys that providers leave open (contract.md 5), and the way into the spool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/ingest.h"
#include "base/mem.h"
#include "base/str.h"

#define T0 INT64_C(1763000000000000)

static struct item *
prepared(struct delivery *d, int64_t received, const char *text, int64_t at, int place)
{
	struct item *it;

	delivery_init(d);
	d->account = "main";
	d->received_at_us = received;
	it = itemv_add(&d->items);
	it->type = ITEM_MESSAGE;
	it->kind = "text";
	it->contact = "c1";
	it->body = text;
	it->at_known = at != 0;
	it->at_us = at;
	it->place = place;
	ingest_prepare(d);
	ingest_prepare(d);	/* repeating it changes nothing */
	return it;
}

static void
test_weak(void **state)
{
	struct delivery a, b;
	struct item *x, *y;

	(void)state;
	x = prepared(&a, T0, "yes", 0, -1);
	assert_true(x->weak);
	assert_true(str_starts(x->external_id, "weak:"));
	y = prepared(&b, T0 + 9999999, "yes", 0, -1);
	assert_string_equal(x->external_id, y->external_id);	/* the same ten seconds */
	delivery_free(&b);
	y = prepared(&b, T0 + 10000000, "yes", 0, -1);
	assert_string_not_equal(x->external_id, y->external_id);
	assert_string_equal(x->external_id, y->alt_id);		/* the bucket before */
	delivery_free(&b);
	y = prepared(&b, T0, "yes!", 0, -1);
	assert_string_not_equal(x->external_id, y->external_id);
	delivery_free(&b);
	delivery_free(&a);
	x = prepared(&a, T0, "yes", T0, -1);
	y = prepared(&b, T0 + 3600000000, "yes", T0, -1);	/* the provider's time counts alone */
	assert_string_equal(x->external_id, y->external_id);
	assert_null(x->alt_id);
	delivery_free(&a);
	delivery_free(&b);
	x = prepared(&a, T0, "yes", T0, -1);			/* of a day alone: twice a day is twice */
	y = prepared(&b, T0 + 3600000000, "yes", T0, -1);
	x->at_day = y->at_day = true;
	x->external_id = y->external_id = NULL;
	ingest_prepare(&a);
	ingest_prepare(&b);
	assert_string_not_equal(x->external_id, y->external_id);
	assert_non_null(y->alt_id);
	delivery_free(&a);
	delivery_free(&b);
	x = prepared(&a, T0, "yes", 0, 0);
	y = prepared(&b, T0, "yes", 0, 1);			/* second of two equal ones in a list */
	assert_string_not_equal(x->external_id, y->external_id);
	assert_null(x->alt_id);
	delivery_free(&a);
	delivery_free(&b);
}

/* The weak id of a message that differs from a plain one in one thing. */
static char *
weak_of(int thing)
{
	struct delivery d;
	struct item *it;
	struct att *at;
	char *id;

	delivery_init(&d);
	d.account = thing == 1 ? "other" : "main";
	d.received_at_us = T0;
	it = itemv_add(&d.items);
	it->type = ITEM_MESSAGE;
	it->kind = thing == 2 ? "postback" : "text";
	it->contact = thing == 3 ? "c2" : "c1";
	it->body = thing == 4 ? "no" : "yes";
	it->dir = thing == 5 ? DIR_OUT : DIR_IN;
	it->detail = thing == 6 ? "{\"payload\":\"A\"}" : thing == 7 ? "{\"payload\":\"B\"}" : NULL;
	it->reply_to = thing == 8 ? "m1" : thing == 9 ? "m2" : NULL;
	it->at_known = true;
	it->at_us = thing == 10 ? T0 + 1 : T0;
	if (thing >= 11) {
		at = item_att_add(&d.items, it);
		at->type = thing == 12 ? "video" : "image";
		at->url = thing == 13 ? "https://x.example/1" : thing == 14 ? "https://x.example/2" : NULL;
		at->ref = thing == 15 ? "r1" : thing == 16 ? "r2" : NULL;
		at->name = thing == 17 ? "a.jpg" : thing == 18 ? "b.jpg" : NULL;
	}
	ingest_prepare(&d);
	assert_true(it->weak);
	id = mem_dup(it->external_id);
	delivery_free(&d);
	return id;
}

/* Two messages without an id are two where anything that their rows hold differs. */
static void
test_weak_covers(void **state)
{
	enum { THINGS = 19 };
	char *id[THINGS], *again;

	(void)state;
	for (int i = 0; i < THINGS; i++) {
		id[i] = weak_of(i);
		again = weak_of(i);
		assert_string_equal(id[i], again);
		free(again);
		for (int k = 0; k < i; k++)
			if (strcmp(id[i], id[k]) == 0)
				fail_msg("things %d and %d have one id", k, i);
	}
	for (int i = 0; i < THINGS; i++)
		free(id[i]);
}

static void
test_future(void **state)
{
	static const int64_t day = INT64_C(86400000000);
	static const struct { int64_t ahead, want; } t[] = {
		{ -T0, -T0 }, { 0, 0 }, { day, day }, { day + 1, day }, { 400 * day, day },
		{ INT64_C(4102444800000000) - T0, day }, { INT64_MAX - T0, day },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct delivery d;
		struct item *it;

		delivery_init(&d);
		d.received_at_us = T0;
		it = itemv_add(&d.items);
		it->type = i % 2 == 0 ? ITEM_MESSAGE : ITEM_EVENT;
		it->external_id = "m1";
		it->at_known = true;
		it->at_us = T0 + t[i].ahead;
		ingest_prepare(&d);
		assert_int_equal(it->at_us, T0 + t[i].want);
		assert_string_equal(d.reason, t[i].ahead > day ? "future_time" : "ok");
		assert_true(str_eq(d.items.warning, t[i].ahead > day ? "future_time" : NULL));
		delivery_free(&d);
	}
	/* "all is read up to then" covers nothing that is still to be sent */
	for (int64_t ahead = -day; ahead <= 2 * day; ahead += day) {
		struct delivery d;
		struct item *it;

		delivery_init(&d);
		d.received_at_us = T0;
		it = itemv_add(&d.items);
		it->type = ITEM_EVENT;
		it->effect = EFFECT_READ;
		it->num = T0 + ahead;
		ingest_prepare(&d);
		assert_int_equal(it->num, ahead > day ? T0 : T0 + ahead);
		assert_string_equal(d.reason, ahead > day ? "future_time" : "ok");
		delivery_free(&d);
	}
}

static void
test_names(void **state)
{
	static const struct { const char *name, *want; } t[] = {
		{ "Ana", "Ana" }, { NULL, NULL }, { "{{full_name}}", NULL }, { "Ana {{last_name}}", NULL },
		{ "{{first_name}} {{last_name}}", NULL }, { "Ana {K.}", "Ana {K.}" }, { "Ana {{", "Ana {{" },
		{ "", NULL }, { " ", NULL }, { "\u200b\u200f", NULL }, { "\u3164", NULL }, { "\u2800 \u2800", NULL },
		{ "\u200d\ufe0f", NULL }, { "\u202eAna", "\u202eAna" }, { "\u2764\ufe0f", "\u2764\ufe0f" }, { ".", "." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct delivery d;
		struct item *it;

		delivery_init(&d);
		it = itemv_add(&d.items);
		it->external_id = "m1";
		it->name = it->username = it->picture = t[i].name;
		ingest_prepare(&d);
		assert_true(str_eq(it->name, t[i].want) && str_eq(it->username, t[i].want) &&
		    str_eq(it->picture, t[i].want));
		delivery_free(&d);
	}
}

static void
test_long_ids(void **state)
{
	char id[600];
	struct delivery d;
	struct item *it, *ev;

	(void)state;
	memset(id, 'm', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	delivery_init(&d);
	d.account = "main";
	it = itemv_add(&d.items);
	it->type = ITEM_MESSAGE;
	it->external_id = id;
	it->contact = "";
	ev = itemv_add(&d.items);
	ev->type = ITEM_EVENT;
	ev->target_id = id;
	it = &d.items.v[0];
	ingest_prepare(&d);
	assert_true(str_starts(it->external_id, "sha256:"));
	assert_int_equal(strlen(it->external_id), 7 + 64);
	assert_string_equal(it->external_id, ev->target_id);	/* they still meet */
	assert_false(it->weak);
	assert_null(it->contact);
	id[512] = '\0';
	it->external_id = id;
	ingest_prepare(&d);
	assert_ptr_equal(it->external_id, id);
	delivery_free(&d);
}

static void
test_event_keys(void **state)
{
	struct delivery d;
	const char *edit;

	(void)state;
	delivery_init(&d);
	d.account = "main";
	for (int i = 0; i < 4; i++) {
		struct item *it = itemv_add(&d.items);

		it->type = ITEM_EVENT;
		it->kind = i == 1 ? "read" : "reaction";
		it->contact = "c1";
		it->target_id = "M1";
		it->at_known = true;
		it->at_us = i == 2 ? T0 + 1 : T0;
	}
	d.items.v[1].effect = EFFECT_EDIT;	/* whose provider gave no id */
	d.items.v[1].text = "the new words";
	ingest_prepare(&d);
	edit = d.items.v[1].event_id;
	ingest_prepare(&d);		/* a reconciliation prepares, compares and stores */
	assert_string_equal(d.items.v[1].event_id, edit);
	assert_string_not_equal(d.items.v[0].event_id, d.items.v[1].event_id);
	assert_string_not_equal(d.items.v[0].event_id, d.items.v[2].event_id);
	assert_string_equal(d.items.v[0].event_id, d.items.v[3].event_id);
	assert_int_equal(strlen(d.items.v[0].event_id), 64);
	delivery_free(&d);
}

static void
test_nowhere(void **state)
{
	struct db *db = db_new(&(struct db_opts){ .conninfo = "host=/nonexistent dbname=x", .connect_s = 1 });
	struct delivery d, *v = &d;

	(void)state;
	delivery_init(&d);
	d.account = "main";
	assert_int_equal(ingest(db, NULL, &v, 1), RC_TEMP);
	assert_int_equal(d.rc, RC_TEMP);
	delivery_free(&d);
	db_free(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_weak_covers),
		cmocka_unit_test(test_future),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_ids),
		cmocka_unit_test(test_event_keys),
		cmocka_unit_test(test_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

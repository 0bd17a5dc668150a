/*
 * A flow that writes one word as the id of all its messages: each is kept, for its own
 * person, whatever comes first, and the id is named.  Versions of one message stay one row.
 */
#include "dbtest.h"
#include "bridge/ingest.h"
#include "model/provider.h"
#include "store/purge.h"

enum { PEOPLE = 3, TEXTS = 6, MINUTE = 60 };

static struct db *db;
static uint32_t seed;

static uint32_t
pick(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static int
setup(void **state)
{
	(void)state;
	dbt_clean(db);
	return 0;
}

/* A delivery with one message under the id "1", that arrives at second s of the day. */
static struct item *
begin(struct delivery *d, const char *who, const char *text, int s, bool timed)
{
	struct item *it;

	dbt_delivery(d);
	d->provider = provider_by_name("chatrace");
	assert_non_null(d->provider);
	d->received_at_us = T0 + s * SECOND;
	it = dbt_message(d, who, "1", text, d->received_at_us);
	it->at_known = timed;
	return it;
}

static void
say(const char *who, const char *text, int s, bool timed)
{
	struct delivery d;

	begin(&d, who, text, s, timed);
	d.body = text;
	d.body_n = strlen(text);
	dbt_store(db, &d);
}

static void
rows(const char *want)
{
	dbt_is(db, "select string_agg(c.external_id || ' ' || coalesce(m.body, m.kind), ', ' order by m.received_at, m.id)"
	    " from dmbox.messages m join dmbox.contacts c on c.id = m.contact_id", want);
	assert_int_equal(dbt_i64(db, "select coalesce(sum(abs(missing)), 0) from dmbox.ingest_balance"), 0);
}

static void
test_any_order(void **state)
{
	char who[8], text[32];

	(void)state;
	seed = 20261129;
	for (int round = 0; round < 12; round++) {
		int order[2 * PEOPLE * TEXTS], n = 0;
		bool timed = round % 2;

		setup(NULL);
		for (int i = 0; i < PEOPLE * TEXTS; i++)
			for (int k = 1 + (int)pick(2); k > 0; k--)
				order[n++] = i;
		for (int i = n; i > 1; i--) {
			int j = (int)pick((uint32_t)i), t = order[i - 1];

			order[i - 1] = order[j];
			order[j] = t;
		}
		for (int i = 0; i < n; i++) {
			snprintf(who, sizeof who, "p%d", order[i] % PEOPLE);
			snprintf(text, sizeof text, "%d words", order[i]);
			say(who, text, order[i] * MINUTE, timed);
		}
		assert_int_equal(dbt_i64(db, "select count(distinct (contact_id, body)) from dmbox.messages"), PEOPLE * TEXTS);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), PEOPLE * TEXTS);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.contacts c where not exists (select 1 from dmbox.messages m"
		    " where m.contact_id = c.id and m.body like '% words')"), 0);
		dbt_is(db, "select string_agg(kind || ' ' || target_id, ', ') from dmbox.events", "reused_id 1");
		assert_int_equal(dbt_i64(db, "select coalesce(sum(abs(missing)), 0) from dmbox.ingest_balance"), 0);
	}
}

/* The first may be told again before it is known that the id is none. */
static void
test_same_words(void **state)
{
	(void)state;
	say("a", "yes", 0, false);
	say("a", "yes", 3, false);	/* told again */
	rows("a yes");
	say("a", "no", 300, false);
	say("a", "no", 302, false);
	say("a", "yes", 600, false);	/* said again */
	say("a", "yes", 604, false);
	rows("a yes, a no, a yes");
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where reason = 'reused_id'"), 4);
	assert_int_equal(dbt_i64(db, "select sum(weak_duplicates) from dmbox.deliveries"), 2);
}

/* Two versions of one message are one row. */
static void
test_versions(void **state)
{
	struct delivery d;
	struct item *it;

	(void)state;
	it = begin(&d, "a", "x", 0, false);	/* an empty one, then its words */
	it->body = NULL;
	it->kind = "unsupported";
	dbt_store(db, &d);
	say("a", "How much is", 2, false);
	say("a", "How much is it?", 4, false);	/* cut, then whole */
	say("a", "How much…", 6, false);
	begin(&d, "a", "How much is it, then?", 600, true);	/* what a list says of the id */
	d.source = SOURCE_POLL;
	d.polled = true;
	dbt_store(db, &d);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.events where kind = 'reused_id'"), 0);
	setup(NULL);
	say("a", "told at one time", 0, true);
	say("a", "and edited", 0, true);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 1);
	/* ids of a provider's own are believed */
	setup(NULL);
	for (int i = 0; i < 2; i++) {
		begin(&d, "a", i == 0 ? "one" : "two", i * MINUTE, true);
		d.provider = provider_by_name("graph");
		dbt_store(db, &d);
	}
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 1);
}

/* In one delivery, and pictures without words. */
static void
test_pictures(void **state)
{
	struct delivery d;

	(void)state;
	dbt_delivery(&d);
	d.provider = provider_by_name("chatrace");
	d.received_at_us = T0;
	for (int i = 0; i < 3; i++) {
		struct item *it = dbt_message(&d, "a", "1", "", T0);
		char url[64];

		snprintf(url, sizeof url, "https://cdn.example/%d.jpg", i);
		it->at_known = false;
		it->body = NULL;
		it->kind = "image";
		item_att_add(&d.items, it)->url = mem_arena_dup(&d.items.arena, url);
		it->atts[0].type = "image";
	}
	dbt_store(db, &d);
	dbt_is(db, "select string_agg(a.url, ' ' order by a.url) from dmbox.attachments a join dmbox.messages m on m.id = a.message_id",
	    "https://cdn.example/0.jpg https://cdn.example/1.jpg https://cdn.example/2.jpg");
	assert_int_equal(dbt_i64(db, "select stored from dmbox.deliveries"), 3);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 3);
}

static void
test_erased(void **state)
{
	struct purge_counts n = { 0 };
	struct mem_arena m = { 0 };
	struct purge_contact c;
	struct purge_want w = { .contact = &c };
	size_t found = 0;

	(void)state;
	say("b", "stays", 0, false);
	say("a", "goes", 60, false);
	assert_int_equal(purge_find(db, "a", &m, &c, 1, &found), RC_OK);
	assert_int_equal(found, 1);
	assert_int_equal(purge_run(db, &w, &n), RC_OK);
	assert_int_equal(n.messages, 1);
	say("a", "goes", 60, false);
	rows("b stays");
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where position('goes'::bytea in body) > 0"), 0);
	mem_arena_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_any_order, setup),
		cmocka_unit_test_setup(test_same_words, setup),
		cmocka_unit_test_setup(test_versions, setup),
		cmocka_unit_test_setup(test_pictures, setup),
		cmocka_unit_test_setup(test_erased, setup),
	};
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

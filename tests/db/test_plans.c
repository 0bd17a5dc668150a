/*
 * The plans of the way in, made by a session that starts on empty tables which
 * nobody analyzed and keeps them while the tables grow: each item looks up a few
 * rows by its own indexes, and no table is read whole.  Counted by the server.
 */
#include "dbtest.h"

#define SINGLES 60
#define BATCHES 12
#define BATCH 50

static int items;

static void
one(struct db *db, int i)
{
	struct delivery d;
	char id[32], who[32];

	dbt_delivery(&d);
	snprintf(id, sizeof id, "S%d", i);
	snprintf(who, sizeof who, "c%d", i);
	dbt_message(&d, who, id, "alone", T0);
	dbt_store(db, &d);
	assert_int_equal(d.stored, 1);
	items++;
}

/* Messages, some of them without an id of their own, each with an event about an
 * earlier one; every fifth message comes twice. */
static void
many(struct db *db, int round)
{
	struct delivery d[BATCH], *v[BATCH];

	for (int i = 0; i < BATCH; i++) {
		int n = round * BATCH + i;
		char id[32], who[32], target[32], alt[32];
		struct item *it;

		snprintf(id, sizeof id, "B%d", n % 5 == 0 && n > BATCH ? n - BATCH : n);
		snprintf(who, sizeof who, "c%d", n);
		snprintf(target, sizeof target, "B%d", n - BATCH / 2);
		snprintf(alt, sizeof alt, "w%d", n);
		dbt_delivery(&d[i]);
		it = dbt_message(&d[i], who, id, "one of many", T0);
		if (n % 7 == 0) {
			it->weak = true;
			it->alt_id = mem_arena_dup(&d[i].items.arena, alt);
		}
		dbt_event(&d[i], who, EFFECT_READ, target, NULL, 0, T0 + n);
		v[i] = &d[i];
	}
	assert_int_equal(store_deliveries(db, v, BATCH), RC_OK);
	for (int i = 0; i < BATCH; i++) {
		items += 2;
		delivery_free(&d[i]);
	}
}

static void
test_plans(void **state)
{
	static const char tables[] = "relname ~ '^(contacts|messages|events|deliveries_)'";
	struct db *db = dbt_open();
	char sql[256];
	int64_t whole, read;

	(void)state;
	snprintf(sql, sizeof sql, "select sum(seq_scan) from pg_stat_user_tables where %s", tables);
	whole = dbt_i64(db, sql);
	for (int i = 0; i < SINGLES; i++)
		one(db, i);
	for (int i = 0; i < BATCHES; i++)
		many(db, i);
	db_free(db);	/* its counts are the server's now */
	db = dbt_open();
	assert_true(dbt_i64(db, "select count(*) from dmbox.messages") > BATCH * BATCHES / 2);
	/* at most the three counts of this test itself */
	db_free(db);
	db = dbt_open();
	whole = dbt_i64(db, sql) - whole;
	assert_true(whole >= 0 && whole <= 3);
	snprintf(sql, sizeof sql, "select sum(idx_tup_read) from pg_stat_user_indexes where %s", tables);
	read = dbt_i64(db, sql);
	if (read > 12 * items)
		fail_msg("%lld rows of indexes read for %d items", (long long)read, items);
	assert_int_equal(dbt_i64(db, "select idx_scan from pg_stat_user_indexes where indexrelname = 'contacts_last_idx'"), 0);
	db_free(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

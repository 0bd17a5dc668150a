/* Many threads, one connection: everything stored once, counts of its own for each. */
#include <pthread.h>

#include "batch.h"
#include "dbtest.h"

enum { THREADS = 32, ROUNDS = 40 };

static struct db *db;
static struct batch *bt;

static int
setup(void **state)
{
	(void)state;
	dbt_clean(db);
	return 0;
}

struct worker {
	pthread_t t;
	int n;
	size_t stored, dups;
	int failed, wrong;
};

static void *
work(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct delivery d;
		char id[40], body[80];
		int items = 1 + (i + w->n) % 3;

		dbt_delivery(&d);
		snprintf(body, sizeof body, "{\"thread\":%d,\"round\":%d}", w->n, i);
		d.body = body;
		d.body_n = strlen(body);
		for (int k = 0; k < items; k++) {
			snprintf(id, sizeof id, "M%d.%d.%d", w->n, i, k);
			dbt_message(&d, "c1", id, body, T0);
		}
		dbt_message(&d, "c1", "shared", "x", T0);
		if (i == ROUNDS / 2 && w->n % 8 == 0)
			d.items.v[0].detail = "{broken";	/* poison hurts nobody else */
		if (batch_store(bt, NULL, &d) != RC_OK)
			w->failed++;
		if (d.stored + d.duplicates + d.ignored != (size_t)items + 1 || d.n_items != (size_t)items + 1)
			w->wrong++;
		w->stored += d.stored;
		w->dups += d.duplicates;
		delivery_free(&d);
	}
	return NULL;
}

static void
test_together(void **state)
{
	struct worker w[THREADS];
	size_t stored = 0, dups = 0, want = 0;
	uint64_t stores, deliveries;

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .n = i };
		assert_int_equal(pthread_create(&w[i].t, NULL, work, &w[i]), 0);
		for (int k = 0; k < ROUNDS; k++)
			want += 1 + (size_t)(k + i) % 3;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(w[i].t, NULL);
		assert_int_equal(w[i].failed, 0);
		assert_int_equal(w[i].wrong, 0);
		stored += w[i].stored;
		dups += w[i].dups;
	}
	assert_int_equal(stored, want + 1 - THREADS / 8);
	assert_int_equal(dups, THREADS * ROUNDS - 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), stored);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries"), THREADS * ROUNDS);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages m join dmbox.deliveries d on d.id = m.delivery_id"
	    " where m.body = convert_from(d.body, 'UTF8')"), stored - 1);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	batch_count(bt, &stores, &deliveries);
	assert_int_equal(deliveries, THREADS * ROUNDS);
	assert_true(stores < deliveries);
	assert_true(batch_up(bt));
}

static void
test_large_alone(void **state)
{
	struct delivery d;

	(void)state;
	dbt_delivery(&d);
	for (int i = 0; i < 1000; i++) {
		char id[20];

		snprintf(id, sizeof id, "M%d", i);
		dbt_message(&d, "c1", id, "x", T0);
	}
	assert_int_equal(batch_store(bt, NULL, &d), RC_OK);
	assert_int_equal(d.stored, 1000);
	delivery_free(&d);
}

/* While a lock keeps the leader, a follower gives up, and later all is there once. */
static void *
one(void *arg)
{
	struct batch *b = arg;
	struct delivery d;
	enum rc rc;

	dbt_delivery(&d);
	d.account = "slow";
	dbt_message(&d, "c1", "S", "x", T0);
	rc = batch_store(b, NULL, &d);
	if (rc == RC_TEMP) {
		/* as the spool would, later */
		struct delivery e;

		dbt_delivery(&e);
		memcpy(e.uid, d.uid, sizeof e.uid);
		e.received_at_us = d.received_at_us;
		e.account = "slow";
		dbt_message(&e, "c1", "S", "x", T0);
		while (batch_store(b, NULL, &e) != RC_OK)
			clock_sleep_ms(50);
		delivery_free(&e);
	}
	delivery_free(&d);
	return (void *)(intptr_t)rc;
}

static void
test_follower_gives_up(void **state)
{
	struct batch *slow = batch_new(&(struct db_opts){ .conninfo = getenv("DMBOX_TEST_DB"),
	    .statement_ms = 20000 }, 200, false);
	pthread_t t[8];
	void *rc;
	int gave_up = 0;

	(void)state;
	assert_int_equal(db_begin(db), RC_OK);
	assert_int_equal(db_exec(db, &(struct db_stmt){ NULL, "lock table dmbox.messages in exclusive mode" },
	    NULL, NULL), RC_OK);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, one, slow), 0);
	clock_sleep_ms(1000);
	assert_int_equal(db_commit(db), RC_OK);
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], &rc);
		gave_up += (intptr_t)rc == RC_TEMP;
	}
	assert_int_equal(gave_up, 7);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where account = 'slow'"), 8);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 1);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	batch_free(slow);
}

/* The second connection belongs to one at a time; alone it is the only one. */
static void
test_borrowed(void **state)
{
	const struct db_opts o = { .conninfo = getenv("DMBOX_TEST_DB") };

	(void)state;
	for (int alone = 0; alone <= 1; alone++) {
		struct batch *b = batch_new(&o, 50, alone);
		struct db *x = batch_borrow(b);
		struct delivery d;

		dbt_clean(db);
		assert_non_null(x);
		assert_int_equal(db_ready(x), RC_OK);
		assert_null(batch_borrow(b));
		dbt_delivery(&d);
		dbt_message(&d, "c1", "S", "x", T0);
		assert_int_equal(batch_store(b, NULL, &d), alone ? RC_TEMP : RC_OK);
		batch_return(b);
		assert_int_equal(batch_store(b, NULL, &d), RC_OK);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 1);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries"), 1);
		delivery_free(&d);
		assert_ptr_equal(batch_borrow(b), x);
		batch_return(b);
		batch_free(b);
	}
}

static void
test_away(void **state)
{
	struct batch *none = batch_new(&(struct db_opts){ .conninfo = "host=/nonexistent dbname=x" }, 0, false);
	struct delivery d;

	(void)state;
	dbt_delivery(&d);
	dbt_message(&d, "c1", "S", "x", T0);
	assert_int_equal(batch_store(none, NULL, &d), RC_TEMP);
	assert_int_equal(d.rc, RC_TEMP);
	assert_int_equal(d.items.n, 1);
	assert_false(batch_up(none));
	delivery_free(&d);
	batch_free(none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_together, setup),
		cmocka_unit_test_setup(test_large_alone, setup),
		cmocka_unit_test_setup(test_follower_gives_up, setup),
		cmocka_unit_test_setup(test_borrowed, setup),
		cmocka_unit_test_setup(test_away, setup),
	};
	int failed;

	db = dbt_open();
	bt = batch_new(&(struct db_opts){ .conninfo = getenv("DMBOX_TEST_DB"), .statement_ms = 20000 }, 20000, false);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	batch_free(bt);
	db_free(db);
	return failed;
}

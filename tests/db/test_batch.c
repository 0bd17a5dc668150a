/* Many threads, one connection: everything stored once, counts of its own for each. */
#include <pthread.h>
#include <stdatomic.h>

#include "bridge/batch.h"
#include "bridge/spool.h"
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

/* A job whose thread waits for what becomes of it. */
struct waited {
	struct batch_job job;	/* first */
	pthread_mutex_t mu;
	pthread_cond_t cond;
	enum rc rc;
	int done, released, late;
};

static void
on_done(struct batch_job *j, const struct delivery *r)
{
	struct waited *w = (struct waited *)j;

	pthread_mutex_lock(&w->mu);
	w->rc = r->rc;
	w->late = r != j->d;
	w->done++;
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->mu);
}

static void
on_release(struct batch_job *j)
{
	struct waited *w = (struct waited *)j;

	pthread_mutex_lock(&w->mu);
	w->released++;
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->mu);
}

static void
begin_with(struct waited *w, struct batch *b, struct delivery *d, struct spool *sp)
{
	memset(w, 0, sizeof *w);
	pthread_mutex_init(&w->mu, NULL);
	pthread_cond_init(&w->cond, NULL);
	w->job.d = d;
	w->job.spool = sp;
	w->job.done = on_done;
	w->job.release = on_release;
	batch_store(b, &w->job);
}

static void
begin(struct waited *w, struct batch *b, struct delivery *d)
{
	begin_with(w, b, d, NULL);
}

static void
await(struct waited *w, const int *what)
{
	pthread_mutex_lock(&w->mu);
	while (*what == 0)
		pthread_cond_wait(&w->cond, &w->mu);
	pthread_mutex_unlock(&w->mu);
}

/* Until nobody has d in hand any more; each is told once. */
static enum rc
end(struct waited *w)
{
	await(w, &w->released);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->released, 1);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->mu);
	return w->rc;
}

static enum rc
store(struct batch *b, struct delivery *d)
{
	struct waited w;

	begin(&w, b, d);
	return end(&w);
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
		if (store(bt, &d) != RC_OK)
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
	for (int i = 0; i < THREADS; i++)
		pthread_join(w[i].t, NULL);
	for (int i = 0; i < THREADS; i++) {
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
	assert_true(batch_came_up(bt));
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
	assert_int_equal(store(bt, &d), RC_OK);
	assert_int_equal(d.stored, 1000);
	delivery_free(&d);
}

/* While a lock keeps the leader, all are told that their time is over; later all is
 * there once, by the leader and again as from the spool. */
static atomic_int gave_up;

static void *
one(void *arg)
{
	struct batch *b = arg;
	struct delivery d, e;
	struct waited w;
	enum rc rc;

	dbt_delivery(&d);
	d.account = "slow";
	dbt_message(&d, "c1", "S", "x", T0);
	begin(&w, b, &d);
	await(&w, &w.done);
	rc = w.rc;
	if (rc == RC_TEMP) {
		atomic_fetch_add(&gave_up, 1);
		/* as the spool would, later; the first may still be under way */
		dbt_delivery(&e);
		memcpy(e.uid, d.uid, sizeof e.uid);
		e.received_at_us = d.received_at_us;
		e.account = "slow";
		dbt_message(&e, "c1", "S", "x", T0);
		while (store(b, &e) != RC_OK)
			clock_sleep_ms(50);
		delivery_free(&e);
	}
	end(&w);
	delivery_free(&d);
	return (void *)(intptr_t)rc;
}

static void
test_time_over(void **state)
{
	struct batch *slow = batch_new(&(struct batch_opts){ .db = { .conninfo = getenv("DMBOX_TEST_DB"),
	    .statement_ms = 20000 }, .wait_ms = 200 });
	pthread_t t[8];
	void *rc;

	(void)state;
	assert_int_equal(db_begin(db), RC_OK);
	assert_int_equal(db_exec(db, &(struct db_stmt){ NULL, "lock table dmbox.messages in exclusive mode" },
	    NULL, NULL), RC_OK);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, one, slow), 0);
	for (int i = 0; i < 600 && gave_up < 8; i++) {
		clock_sleep_ms(100);
		batch_expire(slow);
	}
	assert_int_equal(db_commit(db), RC_OK);
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], &rc);
		assert_int_equal((intptr_t)rc, RC_TEMP);
	}
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where account = 'slow'"), 8);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 1);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	batch_free(slow);
}

struct spooled {
	struct batch *b;
	struct spool *spool;
	struct waited w;
	struct delivery d;
};

static void *
store_spooled(void *arg)
{
	struct spooled *x = arg;

	begin_with(&x->w, x->b, &x->d, x->spool);
	return NULL;
}

/* What is late is in the spool: done gets a stand-in without items, once. */
static void
test_time_over_spool(void **state)
{
	char dir[] = "/tmp/dmbox-test-batch-XXXXXX";
	struct batch *slow = batch_new(&(struct batch_opts){ .db = { .conninfo = getenv("DMBOX_TEST_DB"),
	    .statement_ms = 20000 }, .wait_ms = 200 });
	struct spooled x = { .b = slow };
	struct spool_stat stat;
	char cmd[64];
	pthread_t t;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(spool_open(dir, &x.spool), RC_OK);
	assert_int_equal(db_begin(db), RC_OK);
	assert_int_equal(db_exec(db, &(struct db_stmt){ NULL, "lock table dmbox.messages in exclusive mode" },
	    NULL, NULL), RC_OK);
	dbt_delivery(&x.d);
	x.d.body = "{}";
	x.d.body_n = 2;
	dbt_message(&x.d, "c1", "L", "x", T0);
	assert_int_equal(pthread_create(&t, NULL, store_spooled, &x), 0);
	while (spool_stat(x.spool, &stat) == RC_OK && stat.waiting == 0) {
		clock_sleep_ms(20);
		batch_expire(slow);
	}
	assert_int_equal(db_commit(db), RC_OK);
	pthread_join(t, NULL);
	assert_int_equal(end(&x.w), RC_DUP);
	assert_true(x.w.late);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 1);
	delivery_free(&x.d);
	spool_close(x.spool);
	batch_free(slow);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	assert_int_equal(system(cmd), 0);
}

/* One thread brings many while the first is being stored: it waits for none of them, and
 * they are stored together. */
struct bring {
	struct batch *b;
	struct waited w[40];
	struct delivery d[40];
	int from, to;
};

static void *
bring(void *arg)
{
	struct bring *x = arg;

	for (int i = x->from; i < x->to; i++)
		begin(&x->w[i], x->b, &x->d[i]);
	return NULL;
}

/* until somebody waits for the lock that db holds */
static void
wait_for_waiter(void)
{
	for (int i = 0; i < 6000; i++) {
		if (dbt_i64(db, "select count(*) from pg_locks where not granted") > 0)
			return;
		clock_sleep_ms(10);
	}
	fail_msg("nobody waits");
}

static void
test_nobody_sleeps(void **state)
{
	struct bring first = { .b = bt, .from = 0, .to = 1 }, rest;
	pthread_t t, u;
	uint64_t before, stores, deliveries;

	(void)state;
	for (int i = 0; i < 40; i++) {
		char id[20];

		snprintf(id, sizeof id, "N%d", i);
		dbt_delivery(&first.d[i]);
		dbt_message(&first.d[i], "c1", id, "x", T0);
	}
	rest = first;
	rest.from = 1;
	rest.to = 40;
	batch_count(bt, &before, &deliveries);
	assert_int_equal(db_begin(db), RC_OK);
	assert_int_equal(db_exec(db, &(struct db_stmt){ NULL, "lock table dmbox.messages in exclusive mode" },
	    NULL, NULL), RC_OK);
	assert_int_equal(pthread_create(&t, NULL, bring, &first), 0);
	wait_for_waiter();
	assert_int_equal(pthread_create(&u, NULL, bring, &rest), 0);
	pthread_join(u, NULL);	/* it brought all of them while the lock holds the first */
	assert_int_equal(db_commit(db), RC_OK);
	pthread_join(t, NULL);
	for (int i = 0; i < 40; i++) {
		struct bring *x = i == 0 ? &first : &rest;

		assert_int_equal(end(&x->w[i]), RC_OK);
		assert_int_equal(x->d[i].stored, 1);
		delivery_free(&x->d[i]);
	}
	batch_count(bt, &stores, &deliveries);
	assert_true(stores - before < 5);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 40);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
}

/* The second connection belongs to one at a time; alone it is the only one. */
static void
test_borrowed(void **state)
{
	const struct db_opts o = { .conninfo = getenv("DMBOX_TEST_DB") };

	(void)state;
	for (int alone = 0; alone <= 1; alone++) {
		struct batch *b = batch_new(&(struct batch_opts){ .db = o, .wait_ms = 50, .alone = alone });
		struct db *x = batch_borrow(b);
		struct delivery d;

		dbt_clean(db);
		assert_non_null(x);
		assert_int_equal(db_ready(x), RC_OK);
		assert_null(batch_borrow(b));
		dbt_delivery(&d);
		dbt_message(&d, "c1", "S", "x", T0);
		assert_int_equal(store(b, &d), alone ? RC_TEMP : RC_OK);
		batch_return(b);
		assert_int_equal(store(b, &d), RC_OK);
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
	struct batch *none = batch_new(&(struct batch_opts){ .db.conninfo = "host=/nonexistent dbname=x" });
	struct delivery d;

	(void)state;
	dbt_delivery(&d);
	dbt_message(&d, "c1", "S", "x", T0);
	assert_int_equal(store(none, &d), RC_TEMP);
	assert_int_equal(d.rc, RC_TEMP);
	assert_int_equal(d.items.n, 1);
	assert_false(batch_came_up(none));
	delivery_free(&d);
	batch_free(none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_together, setup),
		cmocka_unit_test_setup(test_large_alone, setup),
		cmocka_unit_test_setup(test_time_over, setup),
		cmocka_unit_test_setup(test_time_over_spool, setup),
		cmocka_unit_test_setup(test_nobody_sleeps, setup),
		cmocka_unit_test_setup(test_borrowed, setup),
		cmocka_unit_test_setup(test_away, setup),
	};
	int failed;

	db = dbt_open();
	bt = batch_new(&(struct batch_opts){ .db = { .conninfo = getenv("DMBOX_TEST_DB"),
	    .statement_ms = 20000 }, .wait_ms = 20000 });
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	batch_free(bt);
	db_free(db);
	return failed;
}

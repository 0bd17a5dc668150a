/*
 * Many connections at once: the traps of ARCHITECTURE.md 4.  Contacts that a
 * concurrent transaction has just added must be found, batches must not
 * deadlock, a message and its edit must not miss each other.
 */
#include <pthread.h>

#include "dbtest.h"
#include "bridge/trial.h"

enum { THREADS = 32, ROUNDS = 12, PER = 20 };

static struct db *db;

struct worker {
	pthread_t t;
	int n, mode;
	size_t stored, dups, weak;
	int failed;
};

static int
setup(void **state)
{
	(void)state;
	dbt_clean(db);
	return 0;
}

/* mode 0: contacts shared, messages of its own; 1: the same messages, each in an order of
 * its own; 2: even threads bring messages, odd ones edits; 3: weak ids of one moment */
static void
fill(struct delivery *d, const struct worker *w, int round)
{
	for (int i = 0; i < PER; i++) {
		int k = w->mode == 1 ? (i * 7 + w->n * 3) % PER : i;
		char id[40], alt[40], c[40];
		struct item *it;

		snprintf(c, sizeof c, "c%d.%d", round, k);
		if (w->mode == 0)
			snprintf(id, sizeof id, "M%d.%d.%d", w->n, round, k);
		else
			snprintf(id, sizeof id, "M%d.%d", round, k);
		if (w->mode == 2 && w->n % 2 == 1) {
			dbt_event(d, c, EFFECT_EDIT, id, "edited", 1, T0 + SECOND);
			continue;
		}
		it = dbt_message(d, c, id, "text", T0 + round * 120 * SECOND +
		    (w->mode == 1 || w->mode == 2 ? 0 : w->n));
		it->name = w->n % 2 ? "Ana" : "Bea";
		if (w->mode == 3) {
			/* neighbours in time: one of the two buckets */
			snprintf(id, sizeof id, "weak:%d.%d.%d", round, k, w->n % 2);
			snprintf(alt, sizeof alt, "weak:%d.%d.%d", round, k, w->n % 2 - 1);
			it->external_id = mem_arena_dup(&d->items.arena, id);
			it->alt_id = mem_arena_dup(&d->items.arena, alt);
			it->weak = true;
		}
	}
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct db *c = dbt_open();

	for (int round = 0; round < ROUNDS; round++) {
		struct delivery d, *v = &d;

		dbt_delivery(&d);
		fill(&d, w, round);
		if (store_deliveries(c, &v, 1) != RC_OK)
			w->failed++;
		w->stored += d.stored;
		w->dups += d.duplicates;
		w->weak += d.weak_duplicates;
		delivery_free(&d);
	}
	db_free(c);
	return NULL;
}

static void
run(struct worker *w, int mode, size_t *stored, size_t *dups, size_t *weak)
{
	*stored = *dups = *weak = 0;
	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .n = i, .mode = mode };
		assert_int_equal(pthread_create(&w[i].t, NULL, work, &w[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)	/* all, before one that failed ends this function */
		pthread_join(w[i].t, NULL);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(w[i].failed, 0);
		*stored += w[i].stored;
		*dups += w[i].dups;
		*weak += w[i].weak;
	}
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
}

static void
test_new_contacts(void **state)
{
	struct worker w[THREADS];
	size_t stored, dups, weak;

	(void)state;
	run(w, 0, &stored, &dups, &weak);
	assert_int_equal(stored, THREADS * ROUNDS * PER);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages m join dmbox.contacts c"
	    " on c.id = m.contact_id"), THREADS * ROUNDS * PER);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.contacts"), ROUNDS * PER);
}

static void
test_same_messages(void **state)
{
	struct worker w[THREADS];
	size_t stored, dups, weak;

	(void)state;
	run(w, 1, &stored, &dups, &weak);
	assert_int_equal(stored, ROUNDS * PER);
	assert_int_equal(dups, (THREADS - 1) * ROUNDS * PER);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), ROUNDS * PER);
}

static void
test_message_and_edit(void **state)
{
	struct worker w[THREADS];
	size_t stored, dups, weak;

	(void)state;
	run(w, 2, &stored, &dups, &weak);
	assert_int_equal(stored, 2 * ROUNDS * PER);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages where body = 'edited'"), ROUNDS * PER);
}

static void
test_weak_at_once(void **state)
{
	struct worker w[THREADS];
	size_t stored, dups, weak;

	(void)state;
	run(w, 3, &stored, &dups, &weak);
	/* the later bucket may come first, then the earlier one is another message;
	 * never two of the same id */
	assert_true(stored >= ROUNDS * PER && stored <= 2 * ROUNDS * PER);
	assert_int_equal(stored + weak, THREADS * ROUNDS * PER);
	assert_int_equal(dups, 0);
}

static void
test_no_deadlock(void **state)
{
	(void)state;
	assert_int_equal(dbt_i64(db, "select deadlocks from pg_stat_database where datname = current_database()"), 0);
}

/* An event excludes everybody else from its message until its transaction ends; messages
 * exclude only events.  Told by the locks that are held, not by luck. */
static void
test_event_lock(void **state)
{
	static const char locks[] = "select count(*) filter (where mode = 'ExclusiveLock') * 10"
	    " + count(*) filter (where mode = 'ShareLock') from pg_locks"
	    " where locktype = 'advisory' and classid = 25709 and granted and objid <> 0"
	    " and database = (select oid from pg_database where datname = current_database())";
	struct db *other = dbt_open();
	struct delivery d;

	(void)state;
	for (int event = 0; event < 2; event++)
		for (int n = 1; n <= 2; n++) {
			dbt_delivery(&d);
			for (int i = 0; i < n; i++) {
				char id[20];

				snprintf(id, sizeof id, "L%d.%d.%d", event, n, i);
				if (event)
					dbt_event(&d, "c1", EFFECT_EDIT, id, "edited", 1, T0);
				else
					dbt_message(&d, "c1", id, "text", T0);
			}
			assert_int_equal(db_begin(db), RC_OK);
			dbt_store(db, &d);
			if (event)
				assert_true(dbt_i64(other, locks) >= 10);
			else
				assert_true(dbt_i64(other, locks) > 0 && dbt_i64(other, locks) < 10);
			db_rollback(db);
			delivery_free(&d);
		}
	db_free(other);
}

static void *
try_out(void *arg)
{
	struct worker *w = arg;
	static const struct account a = { .name = "main", .channel = CHANNEL_INSTAGRAM };
	struct db *c = dbt_open();

	for (int round = 0; round < PER; round++)
		if (trial_store(c, &a) != RC_OK)
			w->failed++;
	db_free(c);
	return NULL;
}

/* Several doctors at once, as a timer's and a person's are: each is told that all is well. */
static void
test_trials(void **state)
{
	struct worker w[8] = { 0 };
	int failed = 0;

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&w[i].t, NULL, try_out, &w[i]), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(w[i].t, NULL);
		failed += w[i].failed;
	}
	assert_int_equal(failed, 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_new_contacts, setup),
		cmocka_unit_test_setup(test_same_messages, setup),
		cmocka_unit_test_setup(test_message_and_edit, setup),
		cmocka_unit_test_setup(test_weak_at_once, setup),
		cmocka_unit_test(test_no_deadlock),
		cmocka_unit_test_setup(test_event_lock, setup),
		cmocka_unit_test_setup(test_trials, setup),
	};
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

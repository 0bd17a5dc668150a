/*
 * Erasure while messages arrive: posts of all kinds, of few contacts who are purged
 * over and over.  Every acknowledged message is there, with its contact, or it was purged.
 * DMBOX_TEST_POSTS says how many (3,000; the proof is 10,000).
 */
#include <pthread.h>
#include <stdatomic.h>

#include "dbtest.h"
#include "store/outbox.h"
#include "store/purge.h"
#include "provider/list.h"

enum { WRITERS = 8, CONTACTS = 48 };

static int posts_each;
static atomic_int writing;

struct writer {
	pthread_t t;
	int n, failed, sent;
};

static void
fill(struct delivery *d, struct item **it, int w, int i)
{
	char id[32], who[16];

	snprintf(id, sizeof id, "L%d.%d", w, i);
	snprintf(who, sizeof who, "p%d", (i * 7 + w) % CONTACTS);
	dbt_delivery(d);
	*it = NULL;
	if (i % 5 == 4)	/* nothing but an event */
		dbt_event(d, who, i % 2 == 0 ? EFFECT_NONE : EFFECT_REACT, id, "A", 0, T0 + i * SECOND);
	else
		*it = dbt_message(d, who, id, "words", T0 + i * SECOND);
	if (i % 5 == 3) {
		(*it)->dir = DIR_OUT;
		(*it)->echo = true;
	}
}

static void
send_one(struct db *c, struct writer *w, int i)
{
	char who[16];
	struct outmsg part = { .recipient = who, .thread_id = "", .body = "an answer" };
	struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = "main",
		.provider = &provider_graph, .caller = "", .parts = &part, .n_parts = 1 };
	struct outbox_row row[2];
	size_t rows = 0;
	int64_t closed = 0;

	snprintf(who, sizeof who, "p%d", i % CONTACTS);
	if (outbox_put(c, &n, 2, row, &rows, &closed) == RC_OK)
		w->sent++;
	else
		w->failed++;
}

static void *
write_all(void *arg)
{
	struct writer *w = arg;
	struct db *c = dbt_open();

	for (int i = 0; i < posts_each; i += 2) {
		struct delivery d[2], *v[2] = { &d[0], &d[1] };
		struct item *it;
		int n = w->n % 2 == 0 ? 1 : 2;	/* odd writers: batches */

		for (int k = 0; k < 2; k++)
			fill(&d[k], &it, w->n, i + k);
		for (int k = 0; k < 2; k += n)
			if (store_deliveries(c, v + k, (size_t)n) != RC_OK)
				w->failed++;
		for (int k = 0; k < 2; k++)
			delivery_free(&d[k]);
		if (i % 50 == 0)
			send_one(c, w, w->n + i / 50);
	}
	db_free(c);
	writing--;
	return NULL;
}

/* Each contact in turn, until the writers are done: how many rows of contacts went. */
static int64_t
purge_all(struct db *db)
{
	int64_t gone = 0;

	for (int k = 0; atomic_load(&writing) > 0; k++) {
		struct mem_arena m = { 0 };
		struct purge_counts n = { 0 };
		struct purge_contact who;
		struct purge_want w = { .contact = &who };
		char name[16];
		size_t found = 0;

		snprintf(name, sizeof name, "p%d", k % CONTACTS);
		assert_int_equal(purge_find(db, name, &m, &who, 1, &found), RC_OK);
		if (found > 0)
			assert_int_equal(purge_run(db, &w, &n), RC_OK);
		gone += n.contacts;
		mem_arena_free(&m);
	}
	return gone;
}

static void
test_load(void **state)
{
	const char *env = getenv("DMBOX_TEST_POSTS");
	struct db *db = dbt_open();
	struct writer w[WRITERS] = { { .n = 0 } };
	int64_t gone;
	char sql[600];

	(void)state;
	posts_each = (env != NULL ? (int)strtol(env, NULL, 10) : 3000) / WRITERS;
	atomic_store(&writing, WRITERS);
	for (int i = 0; i < WRITERS; i++) {
		w[i].n = i;
		assert_int_equal(pthread_create(&w[i].t, NULL, write_all, &w[i]), 0);
	}
	gone = purge_all(db);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(w[i].t, NULL);
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(w[i].failed, 0);
		assert_true(w[i].sent > 0);
	}
	/* what did not happen was not tested */
	assert_true(gone > 0);
	assert_true(dbt_i64(db, "select count(*) from dmbox.erased") > 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages m where m.contact_id is null"
	    " or not exists (select 1 from dmbox.contacts c where c.id = m.contact_id)"), 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.events e where e.contact_id is null"
	    " or not exists (select 1 from dmbox.contacts c where c.id = e.contact_id)"), 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.events e where e.actor_id is not null"
	    " and not exists (select 1 from dmbox.contacts c where c.id = e.actor_id)"), 0);
	snprintf(sql, sizeof sql, "select count(*) from generate_series(0, %d) w, generate_series(0, %d) i,"
	    " lateral (select 'L' || w || '.' || i as id) x where i %% 5 <> 4"
	    " and not exists (select 1 from dmbox.messages m where m.account = 'main' and m.channel = 'instagram'"
	    "   and m.thread_id = '' and m.external_id = x.id)"
	    " and not exists (select 1 from dmbox.erased e where e.account = 'main' and e.channel = 'instagram'"
	    "   and e.id_hash = dmbox.id_hash('main', 'instagram', '', x.id))", WRITERS - 1, posts_each - 1);
	assert_int_equal(dbt_i64(db, sql), 0);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	db_free(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_load) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Providers tell times in whole seconds: what one delivery tells of one second is read in the
 * order in which it was told, and the change feed gives it so.  Batches made at random, with ids
 * that say nothing of the order, against a plain model: the rows as they came first, sorted by
 * time alone.  Repeated and polled later they stay as they are.
 */
#include "dbtest.h"

enum { CONTACTS = 3, CALLS = 6, TOLD_MAX = 400, ROUNDS = 16 };

static struct db *db;
static uint32_t seed = 20261130;

static uint32_t
rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

static struct told {
	int contact, second;
	char id[16];
} told[TOLD_MAX];
static size_t n_told;

/* A new message, or one in four times one that came before. */
static const struct told *
next(void)
{
	struct told *t = &told[n_told];

	if (n_told > 0 && rnd(4) == 0)
		return &told[rnd((uint32_t)n_told)];
	assert_true(n_told < TOLD_MAX);
	t->contact = (int)rnd(CONTACTS);
	t->second = (int)rnd(3);
	snprintf(t->id, sizeof t->id, "%08x%03zu", rnd(UINT32_MAX), n_told++);
	return t;
}

static void
add(struct delivery *d, const struct told *t, bool plain)
{
	struct item *it;
	char contact[8];

	snprintf(contact, sizeof contact, "c%d", t->contact);
	it = dbt_message(d, contact, t->id, t->id, T0 + t->second * SECOND);
	if (!plain && rnd(3) == 0)
		item_att_add(&d->items, it)->url = "https://cdn.example/1";
	if (!plain && rnd(3) == 0)
		dbt_event(d, contact, EFFECT_REACT, t->id, "heart", 0, T0 + 9 * SECOND);
}

/* One call of the store with some deliveries; plain: nothing that changes a row. */
static void
tell(bool plain)
{
	struct delivery d[4], *v[4];
	size_t k = 1 + rnd(4);

	for (size_t i = 0; i < k; i++) {
		v[i] = &d[i];
		dbt_delivery(&d[i]);
		if (!plain && rnd(3) == 0) {
			d[i].source = SOURCE_POLL;
			d[i].polled = true;
		}
		for (size_t m = rnd(12); m > 0; m--)
			add(&d[i], next(), plain);
	}
	assert_int_equal(store_deliveries(db, v, k), RC_OK);
	for (size_t i = 0; i < k; i++)
		delivery_free(&d[i]);
}

/* All that was told, once more, in another order and by polls. */
static void
tell_again(void)
{
	struct delivery d, *v = &d;

	dbt_delivery(&d);
	d.source = SOURCE_POLL;
	d.polled = true;
	for (size_t i = n_told; i > 0; i--)
		add(&d, &told[i - 1], true);
	assert_int_equal(store_deliveries(db, &v, 1), RC_OK);
	assert_int_equal(d.messages, 0);
	delivery_free(&d);
}

static void
compare(const char *what, const char *sql, bool by_time)
{
	char *got = dbt_text(db, sql);
	struct buf want;

	buf_init(&want, 1 << 16);
	for (int c = 0; c < (by_time ? CONTACTS : 1); c++)
		for (int s = 0; s < (by_time ? 3 : 1); s++)
			for (size_t i = 0; i < n_told; i++)
				if (!by_time || (told[i].contact == c && told[i].second == s))
					buf_printf(&want, "%s%s", want.n > 0 ? "," : "", told[i].id);
	if (strcmp(got != NULL ? got : "", want.n > 0 ? want.p : "") != 0)
		fail_msg("%s: got %s, want %s", what, got, want.p);
	free(got);
	buf_free(&want);
}

static void
threads(const char *what)
{
	compare(what,
	    "select string_agg(m.external_id, ',' order by c.external_id, m.sent_at, m.id)"
	    " from dmbox.messages m join dmbox.contacts c on c.id = m.contact_id",
	    true);
}

static void
test_order(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		bool plain = i % 2 == 0;

		dbt_clean(db);
		n_told = 0;
		for (int k = 0; k < CALLS; k++) {
			tell(plain);
			threads("a batch");
			if (plain)
				compare("the change feed",
				    "select string_agg(external_id, ',' order by change_id) from dmbox.messages", false);
		}
		tell_again();
		threads("told again");
		assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	}
}

/* The programs of the release before hand over no order: theirs is that of the keys. */
static void
test_untold(void **state)
{
	(void)state;
	dbt_is(db, "select count(*) || ' ' || max(pronargs) || ' ' || max(pronargdefaults) from pg_proc"
	    " where proname = 'ingest_many' and pronamespace = 'dmbox'::regnamespace", "1 74 1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_order), cmocka_unit_test(test_untold) };
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

/* A person's several ids: whatever is told, in any order, it is one conversation. */
#include "dbtest.h"
#include "model/provider.h"
#include "store/purge.h"

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
	assert_int_equal(db_script(db, "truncate dmbox.contact_aliases"), RC_OK);
	return 0;
}

static void
told(struct delivery *d, const char *id, const char *alias, const char *mid, int64_t at)
{
	dbt_message(d, id, mid, "x", at)->alias = mem_arena_dup(&d->items.arena, alias);
}

static void
begin(struct delivery *d)
{
	dbt_delivery(d);
	d->channel = CHANNEL_WHATSAPP;
	d->provider = provider_by_name("cloud");
	assert_non_null(d->provider);
}

/* 200 messages in which the phone disappears and comes back, in one delivery or several. */
static void
test_thread(void **state)
{
	(void)state;
	for (seed = 1; seed <= 12;) {
		uint32_t from = seed;
		struct delivery d;
		bool open = false;

		setup(NULL);
		for (int i = 0; i < 200; i++) {
			char mid[40];
			uint32_t how = i == 0 ? pick(3) : pick(5);

			snprintf(mid, sizeof mid, "wamid.%d", i);
			if (!open)
				begin(&d);
			open = true;
			/* phone and id, the id alone, the phone alone */
			told(&d, how == 1 || how == 4 ? "RU.1" : "70000000001",
			    i == 100 || how == 0 ? (how == 1 || how == 4 ? "70000000001" : "RU.1") : NULL, mid,
			    T0 + i * SECOND);
			if (pick(3) == 0 || i == 199) {
				dbt_store(db, &d);
				open = false;
			}
		}
		dbt_is(db, "select count(*)::text from dmbox.contacts", "1");
		dbt_is(db, "select count(*)::text from dmbox.conversations", "1");
		dbt_is(db, "select count(*)::text from dmbox.messages m join dmbox.contacts c on c.id = m.contact_id", "200");
		seed = from + 1;
	}
}

/* Three ids of one person, learned pair by pair in any order. */
static void
test_chain(void **state)
{
	static const char *const pairs[][2] = { { "70000000001", "RU.1" }, { "70000000002", "70000000001" },
		{ "RU.2", "70000000002" } };
	static const int order[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	static const char *const ids[] = { "70000000001", "70000000002", "RU.1", "RU.2" };
	struct delivery d;

	(void)state;
	for (int o = 0; o < 6; o++) {
		setup(NULL);
		begin(&d);
		for (int i = 0; i < 4; i++) {	/* four strangers at first */
			char mid[20];

			snprintf(mid, sizeof mid, "s%d", i);
			told(&d, ids[i], NULL, mid, T0);
		}
		told(&d, "70000000009", "RU.9", "other", T0);
		dbt_store(db, &d);
		dbt_is(db, "select count(*)::text from dmbox.contacts", "5");
		for (int i = 0; i < 3; i++) {
			char mid[20];

			begin(&d);
			snprintf(mid, sizeof mid, "p%d", i);
			told(&d, pairs[order[o][i]][0], pairs[order[o][i]][1], mid, T0 + SECOND);
			dbt_store(db, &d);
		}
		begin(&d);
		told(&d, "RU.2", NULL, "last", T0 + 2 * SECOND);
		dbt_store(db, &d);
		dbt_is(db, "select count(*)::text from dmbox.contacts", "2");
		dbt_is(db, "select count(distinct contact_id)::text from dmbox.messages where external_id <> 'other'", "1");
		dbt_is(db, "select count(*)::text from dmbox.messages where external_id <> 'other'", "8");
	}
}

/* What hangs on the contact that goes comes along. */
static void
test_merge(void **state)
{
	struct delivery d;

	(void)state;
	begin(&d);
	told(&d, "70000000001", NULL, "a", T0);
	told(&d, "RU.1", NULL, "b", T0 + SECOND);
	d.items.v[1].username = "ana.test";
	dbt_event(&d, "RU.1", EFFECT_REACT, "a", "👍", 0, T0 + 2 * SECOND);
	dbt_store(db, &d);
	assert_int_equal(db_script(db, "insert into dmbox.outbox (account, channel, provider, caller, part, recipient_id, thread_id, body,"
	    " expires_at) values ('main', 'whatsapp', 'cloud', '', 0, 'RU.1', '', 'queued', now() + interval '1 day')"), RC_OK);
	begin(&d);
	told(&d, "70000000001", "RU.1", "c", T0 + 3 * SECOND);
	dbt_store(db, &d);
	dbt_is(db, "select external_id || ' ' || username from dmbox.contacts", "70000000001 ana.test");
	dbt_is(db, "select recipient_id from dmbox.outbox", "70000000001");
	dbt_is(db, "select count(*)::text from dmbox.reactions r join dmbox.contacts c on c.id = r.contact_id", "1");
	dbt_is(db, "select count(*)::text from dmbox.events e where e.contact_id is not null and not exists"
	    " (select 1 from dmbox.contacts c where c.id = e.contact_id)", "0");
	dbt_is(db, "select alias || ' ' || external_id from dmbox.contact_aliases", "RU.1 70000000001");
	assert_int_equal(db_script(db, "truncate dmbox.outbox"), RC_OK);
}

/* Whatever id somebody is erased by: no id, no text and no bytes that hold one are left. */
static void
test_erased(void **state)
{
	static const char *const by[] = { "70000000001", "RU.100000001" };
	static const char *const bodies[] = { "{\"from\":\"70000000001\",\"u\":\"RU.100000001\"}",
		"{\"u\":\"RU.100000001\"}", "{\"from\":\"70000000001\"}", "{\"recipient_user_id\":\"RU.100000001\"}",
		"{\"u\":\"RU.1000000010\"}" };

	(void)state;
	for (size_t k = 0; k < sizeof by / sizeof *by; k++) {
		struct purge_counts dry = { 0 }, n = { 0 };
		struct mem_arena m = { 0 };
		struct purge_contact c;
		struct purge_want w = { .contact = &c };
		size_t found = 0;

		setup(NULL);
		for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
			struct delivery d;

			begin(&d);
			d.body = bodies[i];
			d.body_n = strlen(bodies[i]);
			if (i < 3)
				told(&d, i == 1 ? "RU.100000001" : "70000000001", i == 0 ? "RU.100000001" : NULL,
				    i == 0 ? "e1" : i == 1 ? "e2" : "e3", T0 + (int64_t)i * SECOND);
			else if (i == 4)
				told(&d, "RU.1000000010", NULL, "other", T0);
			dbt_store(db, &d);
		}
		assert_int_equal(db_script(db, "truncate dmbox.outbox, dmbox.send_attempts;"
		    " insert into dmbox.outbox (account, channel, provider, caller, part, recipient_id, thread_id, body, expires_at)"
		    " select 'main', 'whatsapp', 'cloud', '', 0, x, '', 'text for ' || x, now() + interval '1 day'"
		    " from unnest(array['70000000001', 'RU.100000001', 'RU.1000000010']) x"), RC_OK);
		assert_int_equal(purge_find(db, by[k], &m, &c, 1, &found), RC_OK);
		assert_int_equal(found, 1);
		assert_int_equal(purge_count(db, &w, &dry), RC_OK);
		assert_int_equal(dry.messages, 3);
		assert_int_equal(dry.deliveries, 4);
		assert_int_equal(dry.outbox, 2);
		assert_int_equal(purge_run(db, &w, &n), RC_OK);
		assert_int_equal(n.messages, 3);
		assert_int_equal(n.deliveries, 4);
		assert_int_equal(n.outbox, 2);
		assert_int_equal(n.contacts, 1);
		dbt_is(db, "select external_id from dmbox.contacts", "RU.1000000010");
		dbt_is(db, "select count(*)::text from dmbox.contact_aliases", "0");
		dbt_is(db, "select string_agg(dmbox.bytes_text(body), '|') from dmbox.deliveries", bodies[4]);
		dbt_is(db, "select string_agg(body, '|') from dmbox.outbox", "text for RU.1000000010");
		mem_arena_free(&m);
	}
	assert_int_equal(db_script(db, "truncate dmbox.outbox"), RC_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_thread, setup),
		cmocka_unit_test_setup(test_chain, setup),
		cmocka_unit_test_setup(test_merge, setup),
		cmocka_unit_test_setup(test_erased, setup),
	};
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

/* The one way into the database: counts, duplicates, effects, faults. */
#include "dbtest.h"
#include "model/provider.h"

static struct db *db;

static int
setup(void **state)
{
	(void)state;
	dbt_clean(db);
	return 0;
}

static void
test_one_message(void **state)
{
	struct delivery d;
	struct item *it;
	uint64_t trips;

	(void)state;
	dbt_delivery(&d);
	d.request_id = "req-1";
	d.content_type = "text/\xff\xfe";	/* a peer's bytes are not always text */
	it = dbt_message(&d, "c1", "M1", "Hi \xd0\x9f\xf0\x9f\x98\x80", T0);
	it->name = "Ana";
	item_att_add(&d.items, it)->url = "https://cdn.example/1";
	it->detail = "{\"a\":1}";
	dbt_store(db, &d);
	assert_int_equal(d.stored, 1);
	assert_int_equal(d.messages, 1);
	assert_true(d.id > 0);
	dbt_is(db, "select body from dmbox.messages", "Hi \xd0\x9f\xf0\x9f\x98\x80");
	dbt_is(db, "select contact_name || status || source || direction from dmbox.messages_full",
	    "Anareceivedwebhookinbound");
	dbt_is(db, "select attachments->0->>'url' from dmbox.messages_full", "https://cdn.example/1");
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages m join dmbox.deliveries d"
	    " on d.id = m.delivery_id join dmbox.contacts c on c.id = m.contact_id"
	    " where m.sent_at_known and m.sent_at = to_timestamp(1763000000)"), 1);

	/* again: nothing new, one round trip */
	dbt_delivery(&d);
	dbt_message(&d, "c1", "M1", "Hi", T0);
	trips = db_round_trips(db);
	dbt_store(db, &d);
	assert_int_equal(db_round_trips(db) - trips, 1);
	assert_int_equal(d.stored, 0);
	assert_int_equal(d.duplicates, 1);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	assert_int_equal(db_script(db, "delete from dmbox.messages"), RC_OK);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 1);
}

static void
test_first_round_trip(void **state)
{
	struct db *fresh = dbt_open();
	uint64_t trips = db_round_trips(fresh);
	struct delivery d;

	(void)state;
	dbt_delivery(&d);
	dbt_message(&d, "c1", "M1", "x", T0);
	dbt_store(fresh, &d);	/* preparing included */
	assert_int_equal(db_round_trips(fresh) - trips, 1);
	db_free(fresh);
}

static void
test_same_uid(void **state)
{
	struct delivery d, e;

	(void)state;
	dbt_delivery(&d);
	dbt_message(&d, "c1", "M1", "x", T0);
	dbt_store(db, &d);
	dbt_delivery(&e);
	memcpy(e.uid, d.uid, sizeof e.uid);
	e.received_at_us = d.received_at_us;
	dbt_message(&e, "c1", "M1", "x", T0);
	dbt_store(db, &e);
	assert_int_equal(e.id, d.id);
	assert_int_equal(e.stored, 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries"), 1);
}

/* Stored before though the program could not know, and twice in one batch. */
static void
test_same_uid_together(void **state)
{
	struct delivery d[3], *v[3] = { &d[0], &d[1], &d[2] };

	(void)state;
	for (int i = 0; i < 3; i++) {
		char id[8];

		snprintf(id, sizeof id, "M%d", i);
		dbt_delivery(&d[i]);
		dbt_message(&d[i], "c1", id, "x", T0);
	}
	assert_int_equal(store_deliveries(db, v, 2), RC_OK);
	assert_int_equal(db_script(db, "delete from dmbox.messages"), RC_OK);
	memcpy(d[2].uid, d[1].uid, sizeof d[2].uid);
	d[2].received_at_us = d[1].received_at_us;
	assert_int_equal(store_deliveries(db, v, 3), RC_OK);
	assert_int_equal(d[2].id, d[1].id);
	assert_int_equal(d[2].stored, 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries"), 2);
	assert_int_equal(db_script(db, "delete from dmbox.deliveries"), RC_OK);
	assert_int_equal(store_deliveries(db, v + 1, 2), RC_OK);	/* neither is there */
	assert_int_equal(d[2].id, d[1].id);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries"), 1);
	for (int i = 0; i < 3; i++)
		delivery_free(&d[i]);
}

/* All that can become of an item, in one batch; each delivery has its own counts. */
static void
test_mixed(void **state)
{
	static const struct { const char *id, *alt; int counts; } want[] = {
		/* counts: stored, duplicates, weak_duplicates, ignored, messages, echoes */
		{ "new", NULL, 100011 }, { "there", NULL, 10000 }, { "weak:new", "weak:none", 100010 },
		{ "weak:too", "weak:there", 1000 }, { "unsent", NULL, 100010 }, { "erased", NULL, 100 },
	};
	enum { N = sizeof want / sizeof want[0] };
	struct delivery d[N], *v[N];
	struct item *it;

	(void)state;
	dbt_delivery(&d[0]);
	it = dbt_message(&d[0], "c1", "there", "x", T0);
	it->echo = true;
	item_att_add(&d[0].items, it)->url = "https://cdn.example/1";
	dbt_message(&d[0], "c1", "weak:there", "x", T0);
	dbt_event(&d[0], "c1", EFFECT_UNSEND, "unsent", NULL, 0, T0);
	dbt_store(db, &d[0]);
	assert_int_equal(db_script(db, "insert into dmbox.erased (account, channel, id_hash)"
	    " values ('main', 'instagram', dmbox.id_hash('main', 'instagram', '', 'erased'))"), RC_OK);
	for (int i = 0; i < N; i++) {
		v[i] = &d[i];
		dbt_delivery(v[i]);
		it = dbt_message(v[i], i == 5 ? "c5" : "c1", want[i].id, "x", T0);
		it->weak = want[i].alt != NULL;
		it->alt_id = want[i].alt;
		it->echo = i < 2;
		item_att_add(&v[i]->items, it)->url = "https://cdn.example/1";
	}
	dbt_event(v[0], "c1", EFFECT_UNSEND, "unsent", NULL, 0, T0);
	assert_int_equal(store_deliveries(db, v, N), RC_OK);
	d[0].duplicates--;	/* its event */
	for (int i = 0; i < N; i++) {
		assert_int_equal(d[i].stored * 100000 + d[i].duplicates * 10000 + d[i].weak_duplicates * 1000 +
		    d[i].ignored * 100 + d[i].messages * 10 + d[i].echoes, want[i].counts);
		delivery_free(v[i]);
	}
	dbt_is(db, "select string_agg(m.external_id, ' ' order by m.external_id collate \"C\")"
	    " from dmbox.attachments a join dmbox.messages m on m.id = a.message_id", "new there weak:new");
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.contacts"), 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where body is null"), 1);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
}

/* One plain message has a way of its own, and several ways to be not that plain after all. */
static struct delivery
plain(const char *who, const char *id, const char *name, int64_t at)
{
	struct delivery d;

	dbt_delivery(&d);
	dbt_message(&d, who, id, "x", at)->name = name;
	dbt_store(db, &d);
	return d;
}

static void
test_plain_contact(void **state)
{
	static const char told[] = "select concat_ws(' ', name, extract(epoch from named_at)::bigint,"
	    " extract(epoch from last_inbound_at)::bigint, last_at = last_inbound_at, last_outbound_at)"
	    " from dmbox.contacts";

	(void)state;
	plain("c1", "M1", NULL, T0 + SECOND);
	dbt_is(db, told, "1763000001 t");
	plain("c1", "M2", "Ana", T0 + 2 * SECOND);	/* the time moves by less than a minute */
	dbt_is(db, told, "Ana 1762999980 1763000002 t");
	plain("c1", "M3", "Ana", T0 + 3 * SECOND);
	dbt_is(db, told, "Ana 1762999980 1763000002 t");
	plain("c1", "M4", "Bea", T0 + 90 * SECOND);
	dbt_is(db, told, "Bea 1763000040 1763000090 t");
	plain("c1", "M5", "Zoe", T0 - 90 * SECOND);	/* late */
	dbt_is(db, told, "Bea 1763000040 1763000090 t");
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages m join dmbox.contacts c"
	    " on c.id = m.contact_id and c.external_id = m.sender_id"), 5);
}

static void
test_plain_repeated(void **state)
{
	struct delivery d, e;

	(void)state;
	d = plain("c1", "M1", "Ana", T0);
	assert_int_equal(d.stored * 10 + d.messages, 11);
	e = plain("c1", "M1", "Bea", T0 + 90 * SECOND);
	assert_true(e.id > d.id);
	assert_int_equal(e.stored * 10 + e.messages, 0);
	assert_int_equal(e.duplicates, 1);
	/* a message is there whose delivery is not, and the other way round */
	assert_int_equal(db_script(db, "delete from dmbox.messages"), RC_OK);
	dbt_message(&d, "c1", "M1", "x", T0);
	d.id = 0;
	dbt_store(db, &d);
	assert_int_equal(d.stored, 1);
	assert_true(d.id >= 1 && d.id < e.id);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries"), 2);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 1);
}

static void
test_plain_waited_for(void **state)
{
	struct delivery d;

	(void)state;
	dbt_delivery(&d);
	dbt_event(&d, "c1", EFFECT_EDIT, "M1", "two", 1, T0 + SECOND);
	dbt_event(&d, "c1", EFFECT_UNSEND, "M2", NULL, 0, T0 + SECOND);
	dbt_store(db, &d);
	d = plain("c1", "M1", NULL, T0);
	assert_int_equal(d.stored, 1);
	dbt_is(db, "select body from dmbox.messages where external_id = 'M1'", "two");
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.events where applied_at is null"), 0);
	d = plain("c1", "M2", NULL, T0);	/* completes the tombstone */
	assert_int_equal(d.stored, 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages where external_id = 'M2'"
	    " and body is null and deleted_at is not null and not placeholder"), 1);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
}

static void
test_plain_erased(void **state)
{
	struct delivery d;

	(void)state;
	assert_int_equal(db_script(db, "insert into dmbox.erased (account, channel, id_hash)"
	    " values ('main', 'instagram', dmbox.id_hash('main', 'instagram', '', 'M1'))"), RC_OK);
	d = plain("c1", "M1", "Ana", T0);
	assert_int_equal(d.stored, 0);
	assert_int_equal(d.ignored, 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.contacts"), 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where body is null"), 1);
	d = plain("c1", "M2", "Ana", T0);	/* another's erasure is not its */
	assert_int_equal(d.stored, 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where body is null"), 1);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
}

static void
test_duplicates_inside(void **state)
{
	struct delivery d[2], *v[2] = { &d[0], &d[1] };

	(void)state;
	for (int i = 0; i < 2; i++) {
		dbt_delivery(&d[i]);
		dbt_message(&d[i], "c1", "M1", "x", T0);
		dbt_message(&d[i], "c1", "M1", "x", T0);
		dbt_event(&d[i], "c1", EFFECT_READ, "M1", NULL, 0, T0);
	}
	d[1].items.ignored = 3;
	assert_int_equal(store_deliveries(db, v, 2), RC_OK);
	assert_int_equal(d[0].stored, 2);
	assert_int_equal(d[0].duplicates, 1);
	assert_int_equal(d[1].stored, 0);
	assert_int_equal(d[1].duplicates, 3);
	assert_int_equal(d[1].ignored, 3);
	assert_int_equal(d[1].n_items, 6);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	delivery_free(&d[0]);
	delivery_free(&d[1]);
}

static void
test_thousand(void **state)
{
	struct delivery d;
	uint64_t trips = db_round_trips(db);

	(void)state;
	dbt_delivery(&d);
	for (int i = 0; i < 1000; i++) {
		char id[20], c[20];

		snprintf(id, sizeof id, "M%d", i);
		snprintf(c, sizeof c, "c%d", i % 50);
		dbt_message(&d, c, id, "text", T0 + i * SECOND);
	}
	dbt_store(db, &d);
	assert_int_equal(d.stored, 1000);
	assert_int_equal(db_round_trips(db) - trips, 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages m join dmbox.contacts c"
	    " on c.id = m.contact_id"), 1000);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.conversations where inbound_count = 20"
	    " and unread_count = 20 and can_send_until is not null"), 50);
	/* until when a reply is allowed: the account's rule, else the channel's */
	dbt_is(db, "select (dmbox.can_send_until('instagram', 'x', '2026-01-01 00:00Z') = '2026-01-02 00:00Z')::text", "true");
	dbt_is(db, "select (dmbox.can_send_until('whatsapp', 'x', '2026-01-01 00:00Z') is null)::text", "true");
	assert_int_equal(db_script(db, "insert into dmbox.accounts values ('x', 'whatsapp', 'p', 3600)"), RC_OK);
	dbt_is(db, "select (dmbox.can_send_until('whatsapp', 'x', '2026-01-01 00:00Z') = '2026-01-01 01:00Z')::text", "true");
	/* a noted account's rule counts, also where it has none and its messages came by another */
	dbt_is(db, "select (dmbox.can_send_until('whatsapp', 'x', '2026-01-01 00:00Z', 'cloud') = '2026-01-01 01:00Z')::text",
	    "true");
	assert_int_equal(db_script(db, "update dmbox.accounts set window_s = null where account = 'x'"), RC_OK);
	dbt_is(db, "select (dmbox.can_send_until('whatsapp', 'x', '2026-01-01 00:00Z', 'cloud') is null)::text", "true");
}

/* The page before dmbox-poll noted the account: what the programs refuse it says, too. */
static void
test_unnoted(void **state)
{
	const struct provider *p;
	struct delivery d;
	char got[40], want[40];

	(void)state;
	for (size_t i = 0; (p = providers[i]) != NULL; i++) {
		char sql[200];

		snprintf(sql, sizeof sql, "select coalesce(dmbox.provider_window('%s'), 0)", p->name);
		snprintf(got, sizeof got, "%s %lld", p->name, (long long)dbt_i64(db, sql));
		snprintf(want, sizeof want, "%s %u", p->name, p->window_s);
		assert_string_equal(got, want);
	}
	dbt_clean(db);
	assert_int_equal(db_script(db, "truncate dmbox.accounts"), RC_OK);
	dbt_delivery(&d);
	d.channel = CHANNEL_WHATSAPP;
	d.provider = provider_by_name("cloud");
	dbt_message(&d, "70000000001", "M", "text", T0);
	dbt_store(db, &d);
	dbt_is(db, "select (j ->> 'maySend') || ' ' || ((j ->> 'canSendUntil') is not null) from (select dmbox.conversation_json(id)"
	    " as j from dmbox.contacts) x", "false true");
	dbt_is(db, "select (can_send_until - last_at)::text from dmbox.conversations", "1 day");
	assert_int_equal(db_script(db, "insert into dmbox.accounts values ('main', 'whatsapp', 'greenapi', null)"), RC_OK);
	dbt_is(db, "select (j ->> 'maySend') || ' ' || ((j ->> 'canSendUntil') is not null) from (select dmbox.conversation_json(id)"
	    " as j from dmbox.contacts) x", "true false");
	assert_int_equal(db_script(db, "truncate dmbox.accounts"), RC_OK);
}

static void
weak_message(struct delivery *d, const char *id, const char *alt)
{
	struct item *it = dbt_message(d, "c1", id, "yes", T0);

	it->weak = true;
	it->alt_id = alt;
}

static void
test_weak(void **state)
{
	struct delivery d;

	(void)state;
	dbt_delivery(&d);
	weak_message(&d, "weak:1", "weak:0");
	dbt_store(db, &d);
	assert_int_equal(d.stored, 1);
	dbt_delivery(&d);
	weak_message(&d, "weak:2", "weak:1");	/* the bucket after */
	weak_message(&d, "weak:5", "weak:4");
	weak_message(&d, "weak:6", "weak:5");	/* inside the batch */
	weak_message(&d, "weak:5", "weak:4");
	dbt_store(db, &d);
	assert_int_equal(d.stored, 1);
	assert_int_equal(d.weak_duplicates, 3);
	assert_int_equal(d.duplicates, 0);
}

static void
test_effects(void **state)
{
	struct delivery d;
	struct item *it;

	(void)state;
	dbt_delivery(&d);
	dbt_event(&d, "c1", EFFECT_EDIT, "M1", "two", 2, T0 + 20 * SECOND);	/* before its message */
	dbt_event(&d, "c1", EFFECT_REACT, "M1", "A", 0, T0 + 30 * SECOND);
	dbt_store(db, &d);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 0);
	dbt_delivery(&d);
	dbt_message(&d, "c1", "M1", "one", T0);
	it = dbt_message(&d, "c1", "O1", "ours", T0);
	it->dir = DIR_OUT;
	it->echo = true;
	dbt_store(db, &d);
	assert_int_equal(d.echoes, 1);
	dbt_is(db, "select body from dmbox.messages where external_id = 'M1'", "two");
	dbt_is(db, "select string_agg(version || body, ',' order by version) from dmbox.message_edits", "0one,2two");
	dbt_is(db, "select reactions->0->>'emoji' from dmbox.messages_full where external_id = 'M1'", "A");
	dbt_is(db, "select status || source from dmbox.messages where external_id = 'O1'", "sentecho");
	dbt_delivery(&d);
	dbt_event(&d, "c1", EFFECT_EDIT, "M1", "uno", 1, T0 + 90 * SECOND);	/* late, lower */
	dbt_event(&d, "c1", EFFECT_UNREACT, "M1", NULL, 0, T0 + 30 * SECOND);	/* same time: wins */
	dbt_event(&d, "c1", EFFECT_READ, "O1", NULL, 0, T0 + 5 * SECOND);
	dbt_event(&d, "c1", EFFECT_STATUS, "O1", "delivered", 0, T0 + 3 * SECOND);
	dbt_event(&d, "c1", EFFECT_READ, "M1", NULL, 0, T0 + 5 * SECOND);	/* inbound: not theirs to say */
	dbt_store(db, &d);
	assert_int_equal(d.stored, 5);
	dbt_is(db, "select body from dmbox.messages where external_id = 'M1'", "two");
	dbt_is(db, "select string_agg(version || body, ',' order by version) from dmbox.message_edits", "0one,1uno,2two");
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.reactions where removed_at is not null"), 1);
	dbt_is(db, "select status || extract(epoch from read_at - sent_at)::int || extract(epoch from delivered_at"
	    " - sent_at)::int from dmbox.messages where external_id = 'O1'", "read53");
	dbt_is(db, "select read_at::text from dmbox.messages where external_id = 'M1'", NULL);
	dbt_delivery(&d);
	dbt_event(&d, "c1", EFFECT_UNSEND, "M1", NULL, 0, T0 + 100 * SECOND);
	dbt_event(&d, "c1", EFFECT_UNSEND, "M9", NULL, 0, T0 + 100 * SECOND);	/* lone */
	dbt_store(db, &d);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages where deleted_at is not null and body is null"), 2);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.message_edits"), 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.events where effect = 'edit' and (text is not null or raw <> '{}')"), 0);
	dbt_delivery(&d);
	it = dbt_message(&d, "c1", "M9", "secret", T0);
	item_att_add(&d.items, it)->url = "https://cdn.example/1";
	dbt_event(&d, "c1", EFFECT_EDIT, "M9", "secret", 3, T0 + 20 * SECOND);
	dbt_store(db, &d);
	assert_int_equal(d.stored, 2);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages where external_id = 'M9' and body is null"
	    " and deleted_at is not null and not placeholder and delivery_id is not null"), 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.attachments"), 0);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
}

/* What the database takes of several is complete, whatever becomes of the rest. */
static void
test_past_beside_a_failure(void **state)
{
	enum { N = 257 };	/* one more than a statement takes */
	static struct delivery d[N], *v[N];
	struct item *it;
	char id[32];

	(void)state;
	for (int i = 0; i < N; i++) {
		v[i] = &d[i];
		dbt_delivery(&d[i]);
		snprintf(id, sizeof id, "M%d", i);
		it = dbt_message(&d[i], "c1", id, i == N - 1 ? "no room" : "x", T0);
		it->past = i == 0;
		it->detail = i == 0 ? "{\"history\":true}" : NULL;
	}
	assert_int_equal(db_script(db, "create function pg_temp.full() returns trigger language plpgsql as"
	    " $$ begin raise exception 'no room' using errcode = '53100'; end $$;"
	    " create trigger full_disk before insert on dmbox.messages for each row"
	    " when (new.body = 'no room') execute function pg_temp.full()"), RC_OK);
	assert_int_equal(store_deliveries(db, v, N), RC_TEMP);
	assert_int_equal(db_script(db, "drop trigger full_disk on dmbox.messages"), RC_OK);
	assert_int_equal(d[0].rc, RC_OK);
	assert_int_equal(d[N - 1].rc, RC_TEMP);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), N - 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages where read_at = sent_at"), 1);
	for (int i = 0; i < N; i++)
		delivery_free(&d[i]);
}

/* Stored and marked as history, or neither: a conflict or a lost line between the two is tried
 * again as a whole; a database that never marks it takes the messages all the same. */
static void
test_past_whole(void **state)
{
	static const struct { const char *fault; int times; int read; } t[] = {
		{ "40P01", 1, 2 }, { "40001", 3, 2 }, { "57P01", 1, 2 }, { "42501", 9, 0 }, { "23514", 9, 0 },
	};
	struct delivery d, *v = &d;
	char sql[700];

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		enum rc rc = RC_TEMP;

		dbt_delivery(&d);
		for (int k = 0; k < 2; k++) {
			struct item *it = dbt_message(&d, "c1", k == 0 ? "A" : "B", "x", T0);

			it->past = true;
			it->detail = "{\"history\":true}";
		}
		snprintf(sql, sizeof sql, "create sequence dmbox.faults; create or replace function pg_temp.busy() returns"
		    " trigger language plpgsql as $$ begin if nextval('dmbox.faults') <= %d then"
		    " raise exception 'busy' using errcode = '%s'; end if; return new; end $$;"
		    " create trigger busy before update on dmbox.messages for each statement"
		    " execute function pg_temp.busy()", t[i].times, t[i].fault);
		assert_int_equal(db_script(db, sql), RC_OK);
		for (int k = 0; k < 3 && rc == RC_TEMP; k++)
			rc = store_deliveries(db, &v, 1);
		assert_int_equal(db_script(db, "drop trigger busy on dmbox.messages; drop sequence dmbox.faults"), RC_OK);
		assert_int_equal(rc, RC_OK);
		assert_int_equal(d.rc, RC_OK);
		assert_int_equal(d.stored, 2);
		if (dbt_i64(db, "select count(*) from dmbox.messages where read_at = sent_at") != t[i].read)
			fail_msg("%s: not %d messages are read", t[i].fault, t[i].read);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 2);
		assert_int_equal(db_script(db, "delete from dmbox.messages; delete from dmbox.deliveries; delete from dmbox.contacts"), RC_OK);
		delivery_free(&d);
	}
}

static void
test_poison(void **state)
{
	struct delivery d[4], *v[4];
	char *big = mem_alloc(9000);

	(void)state;
	/* random text does not compress: no place in an index */
	for (int i = 0; i < 8999; i++)
		big[i] = (char)('a' + rand() % 26);
	for (int i = 0; i < 4; i++) {
		char id[32];

		v[i] = &d[i];
		dbt_delivery(&d[i]);
		for (int j = 0; j < 10; j++) {
			snprintf(id, sizeof id, "M%d.%d", i, j);
			dbt_message(&d[i], i == 2 && j == 7 ? big : "c1", id, "x", T0);
		}
	}
	d[3].items.v[0].detail = "{\"broken\":";
	assert_int_equal(store_deliveries(db, v, 4), RC_OK);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(d[i].rc, RC_OK);
		assert_int_equal(d[i].stored, i < 2 ? 10 : 9);
		assert_int_equal(d[i].ignored, i < 2 ? 0 : 1);
		delivery_free(&d[i]);
	}
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 38);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where reason = 'poison'"), 2);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	dbt_delivery(&d[0]);
	d[0].headers = "{not json";
	dbt_message(&d[0], "c1", "N", "x", T0);
	assert_int_equal(store_deliveries(db, v, 1), RC_OK);
	assert_int_equal(d[0].ignored, 1);
	delivery_free(&d[0]);
	free(big);
}

static void
test_erased(void **state)
{
	struct delivery d;

	(void)state;
	assert_int_equal(db_script(db, "insert into dmbox.erased (account, channel, id_hash)"
	    " values ('main', 'instagram', dmbox.id_hash('main', 'instagram', '', 'M1'))"), RC_OK);
	dbt_delivery(&d);
	dbt_message(&d, "c1", "M1", "gone", T0);
	dbt_event(&d, "c1", EFFECT_EDIT, "M1", "gone too", 1, T0);
	dbt_message(&d, "c2", "M2", "stays", T0);
	dbt_store(db, &d);
	assert_int_equal(d.stored, 1);
	assert_int_equal(d.ignored, 2);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.contacts"), 1);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
}

static void
test_refused(void **state)
{
	struct delivery d;
	char *big = mem_alloc(100000);

	(void)state;
	for (int i = 0; i < 5; i++) {
		dbt_delivery(&d);
		d.body = big;
		d.body_n = 100000;
		d.verdict = VERDICT_REJECTED;
		d.reason = i % 2 ? "wrong_secret" : "no_secret";
		assert_int_equal(store_refused(db, &d, 3), RC_OK);
		assert_int_equal(d.id > 0, i < 3);
		delivery_free(&d);
	}
	assert_int_equal(store_refused_count(db, "instagram", "main", "no_secret", 7), RC_OK);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where verdict = 'rejected'"
	    " and octet_length(body) = 16384"), 3);
	/* a minute may have passed in between: then the second one has its own cap */
	assert_int_equal(dbt_i64(db, "select sum(kept) * 100 + sum(capped) from dmbox.refusals"), 309);
	dbt_is(db, "select left(body_text, 4) from dmbox.deliveries_text limit 1", "\\000");
	free(big);
}

static void
test_missing_and_load(void **state)
{
	struct delivery d, e;
	bool out[3];

	(void)state;
	dbt_delivery(&d);
	d.body = "{\"x\":\"\xff\"}";
	d.body_n = 9;
	d.headers = "{\"h\": \"1\"}";
	dbt_message(&d, "c1", "M1", "x", T0);
	dbt_store(db, &d);
	delivery_init(&e);
	assert_int_equal(store_load(db, d.id, &e), RC_OK);
	assert_int_equal(e.body_n, 9);
	assert_memory_equal(e.body, d.body, 9);
	assert_int_equal(e.received_at_us, d.received_at_us);
	assert_string_equal(e.headers, "{\"h\": \"1\", \":provider\": \"graph\"}");
	assert_ptr_equal(e.provider, &provider_graph);	/* replay reads it by that */
	assert_int_equal(store_load(db, d.id + 1000, &e), RC_NONE);
	delivery_free(&e);
	dbt_delivery(&e);
	dbt_message(&e, "c1", "M2", "x", T0);
	dbt_message(&e, "c1", "M1", "x", T0);
	dbt_event(&e, "c1", EFFECT_READ, "M2", NULL, 0, T0);
	assert_int_equal(store_missing(db, "main", CHANNEL_INSTAGRAM, &e.items, out), RC_OK);
	assert_true(out[0]);
	assert_false(out[1]);
	assert_false(out[2]);
	delivery_free(&e);
}

/* A change that only a reconciliation tells is news by itself, once; of what is erased or not
 * there it is none. */
static void
test_news_of_changes(void **state)
{
	struct delivery d, e, *v = &e;
	bool out[6];

	(void)state;
	dbt_delivery(&d);
	dbt_message(&d, "c1", "A", "secret", T0);
	dbt_message(&d, "c1", "B", "helo", T0);
	dbt_message(&d, "c1", "C", "told", T0);
	dbt_event(&d, "c1", EFFECT_EDIT, "C", "told before", 7, T0 + SECOND);
	dbt_message(&d, "c1", "D", "gone", T0);
	dbt_event(&d, "c1", EFFECT_UNSEND, "D", NULL, 0, T0 + SECOND);
	dbt_store(db, &d);
	for (int round = 0; round < 2; round++) {
		dbt_delivery(&e);
		e.source = SOURCE_POLL;
		dbt_event(&e, "c1", EFFECT_UNSEND, "A", NULL, 0, T0 + 2 * SECOND);
		dbt_event(&e, "c1", EFFECT_EDIT, "B", "hello", 5, T0 + 2 * SECOND);
		dbt_event(&e, "c1", EFFECT_EDIT, "C", "told before", 5, T0 + 2 * SECOND);
		dbt_event(&e, "c1", EFFECT_UNSEND, "D", NULL, 0, T0 + 2 * SECOND);
		dbt_event(&e, "c1", EFFECT_EDIT, "D", "gone 2", 5, T0 + 2 * SECOND);
		dbt_event(&e, "c1", EFFECT_UNSEND, "nobody's", NULL, 0, T0 + 2 * SECOND);
		assert_int_equal(store_news(db, "main", CHANNEL_INSTAGRAM, &e.items, out), RC_OK);
		for (int i = 0; i < 6; i++)
			if (out[i] != (round == 0 && i < 2))
				fail_msg("round %d: change %d is%s news", round, i, out[i] ? "" : " no");
		assert_int_equal(store_deliveries(db, &v, 1), RC_OK);
		delivery_free(&e);
	}
	dbt_is(db, "select string_agg(external_id || ':' || coalesce(body, '-'), ' ' order by external_id)"
	    " from dmbox.messages where not placeholder", "A:- B:hello C:told before D:-");
}

/* What a reconciliation would add: and once it is stored, nothing any more. */
static void
test_news(void **state)
{
	static const struct { const char *id, *text; bool out; bool news; } t[] = {
		{ "same", "x", false, false }, { "spaced", " x\n", false, false },
		{ "edited", "y", false, true }, { "known", "y", false, false },
		{ "ours", "x", false, true }, { "empty", "x", false, true },
		{ "gone", "x", false, false }, { "absent", "x", false, true },
		{ "same", NULL, false, false }, { "theirs", "x", true, false },
	};
	enum { N = sizeof t / sizeof t[0] };
	struct delivery d, e;
	struct item *it;
	bool out[N + 2] = { false };

	(void)state;
	dbt_delivery(&d);
	dbt_message(&d, "c1", "same", "x", T0);
	dbt_message(&d, "c1", "spaced", "x", T0);
	dbt_message(&d, "c1", "edited", "x", T0);
	dbt_message(&d, "c1", "known", "x", T0);
	dbt_event(&d, "c1", EFFECT_EDIT, "known", "y", 1, T0 + SECOND);
	dbt_event(&d, "c1", EFFECT_EDIT, "known", "z", 2, T0 + SECOND);
	it = dbt_message(&d, "c1", "ours", "x", T0);
	it->dir = DIR_OUT;
	it->echo = true;
	dbt_message(&d, "c1", "empty", NULL, T0)->kind = "unsupported";
	dbt_message(&d, "c1", "gone", "x", T0);
	dbt_event(&d, "c1", EFFECT_UNSEND, "gone", NULL, 0, T0 + SECOND);
	dbt_message(&d, "c1", "theirs", "x", T0);
	dbt_store(db, &d);
	for (int round = 0; round < 2; round++) {
		struct delivery *v = &e;

		dbt_delivery(&e);
		e.source = SOURCE_POLL;
		for (size_t i = 0; i < N; i++) {
			it = dbt_message(&e, "c1", t[i].id, t[i].text, T0);
			it->dir = t[i].out ? DIR_OUT : DIR_IN;
			it->echo = t[i].out;
		}
		dbt_event(&e, "c1", EFFECT_REACT, "same", "A", 0, T0 + 2 * SECOND);
		dbt_event(&e, "c1", EFFECT_REACT, "gone", "A", 0, T0 + 2 * SECOND);
		assert_int_equal(store_news(db, "main", CHANNEL_INSTAGRAM, &e.items, out), RC_OK);
		for (size_t i = 0; i < N; i++)
			if (out[i] != (round == 0 && t[i].news))
				fail_msg("round %d: %s is%s news", round, t[i].id, out[i] ? "" : " no");
		assert_int_equal(out[N], round == 0);
		assert_false(out[N + 1]);
		assert_int_equal(store_deliveries(db, &v, 1), RC_OK);
		delivery_free(&e);
	}
	dbt_is(db, "select string_agg(external_id || ':' || direction || ':' || coalesce(body, '-'), ' '"
	    " order by external_id collate \"C\") from dmbox.messages",
	    "absent:inbound:x edited:inbound:y empty:inbound:x gone:inbound:- known:inbound:z"
	    " ours:inbound:x same:inbound:x spaced:inbound:x theirs:inbound:x");
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
}

/* Texts of any length, of many words and of one: stored, and found by their beginning. */
static void
test_long_texts(void **state)
{
	static const size_t sizes[] = { 900000, 1100000, 3900000 };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
		size_t n = sizes[i / 2];
		char *text = mem_alloc(n + 1), id[16];
		struct delivery d;

		for (size_t k = 0; k < n; k++)	/* words that are all different, or one word */
			text[k] = i % 2 == 0 && k % 7 == 6 ? ' ' : (char)('a' + (k / 7 * 31 + k * k) % 26);
		memcpy(text, "needle ", 7);
		text[n] = '\0';
		snprintf(id, sizeof id, "L%zu", i);
		dbt_delivery(&d);
		dbt_message(&d, "c1", id, text, T0);
		dbt_store(db, &d);
		assert_int_equal(d.stored, 1);
		dbt_delivery(&d);
		dbt_event(&d, "c1", EFFECT_EDIT, id, text, 1, T0 + SECOND)->event_id = id;
		dbt_store(db, &d);
		assert_int_equal(d.stored, 1);
		free(text);
	}
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages where length(body) >= 900000"), 6);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(dbt_i64(db, "select count(distinct contact_id) from dmbox.search('instagram', array['main'], 'needle')"), 1);
		while (dbt_i64(db, "select dmbox.search_upkeep()") > 0)
			;
	}
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.message_words where words @@ dmbox.words_query('instagram', 'main', 'needle')"), 6);
}

/* What was unsent is out of the ledger after the grace, wherever it was told; the rest stays. */
static void
test_unsent_bytes(void **state)
{
	static const struct { const char *body; enum effect effect; const char *target; bool gone; } t[] = {
		{ "{\"mid\":\"mid.secret1\",\"text\":\"a secret\"}", EFFECT__MAX, "mid.secret1", true },
		{ "{\"mid\":\"mid.secret1\",\"text\":\"a secret\",\"again\":1}", EFFECT__MAX, "mid.secret1", true },
		{ "{\"edit\":\"an edited secret\"}", EFFECT_EDIT, "mid.secret1", true },
		{ "{\"mid\":\"mid.secret12\",\"text\":\"kept\"}", EFFECT__MAX, "mid.secret12", false },
		{ "{\"mid\":\"mid.secret1\",\"is_deleted\":true}", EFFECT_UNSEND, "mid.secret1", false },
	};
	enum { N = sizeof t / sizeof t[0] };
	struct delivery d;

	(void)state;
	assert_int_equal(db_script(db, "delete from dmbox.heartbeats where name = 'unsent'"), RC_OK);
	for (size_t i = 0; i < N; i++) {
		dbt_delivery(&d);
		d.body = t[i].body;
		d.body_n = strlen(t[i].body);
		if (t[i].effect == EFFECT__MAX)
			dbt_message(&d, "c1", t[i].target, "words", T0);
		else
			dbt_event(&d, "c1", t[i].effect, t[i].target, t[i].effect == EFFECT_EDIT ? "x" : NULL, 1, T0 + SECOND);
		dbt_store(db, &d);
	}
	assert_int_equal(store_upkeep(db, 30, 3), RC_OK);	/* within the grace nothing goes */
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where body is not null"), N);
	assert_int_equal(db_script(db, "update dmbox.events set applied_at = now() - interval '25 hours'"), RC_OK);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(store_upkeep(db, 30, 3), RC_OK);
		dbt_is(db, "select string_agg((body is null)::int::text, '' order by id) from dmbox.deliveries", "11100");
	}
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries_text where body_text like '%a secret%'"), 0);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
}

static void
test_upkeep(void **state)
{
	struct delivery d;

	(void)state;
	dbt_delivery(&d);
	d.received_at_us = clock_now_us() - INT64_C(40) * 86400 * SECOND;
	dbt_message(&d, "c1", "M1", "x", T0);
	dbt_store(db, &d);
	dbt_delivery(&d);
	dbt_event(&d, "c1", EFFECT_EDIT, "P1", "edited", 1, T0 + SECOND);
	dbt_store(db, &d);
	assert_int_equal(db_script(db, "update dmbox.messages set external_id = 'P1';"
	    "create table if not exists dmbox.deliveries_2020_01 partition of dmbox.deliveries"
	    " for values from ('2020-01-01 00:00:00+00') to ('2020-02-01 00:00:00+00')"), RC_OK);
	assert_int_equal(store_upkeep(db, 30, 3), RC_OK);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries"), 1);
	assert_int_equal(dbt_i64(db, "select count(*) from pg_class where relname = 'deliveries_2020_01'"), 0);
	dbt_is(db, "select body from dmbox.messages", "edited");
	assert_int_equal(store_schema_check(db), RC_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_message, setup),
		cmocka_unit_test_setup(test_first_round_trip, setup),
		cmocka_unit_test_setup(test_same_uid, setup),
		cmocka_unit_test_setup(test_same_uid_together, setup),
		cmocka_unit_test_setup(test_mixed, setup),
		cmocka_unit_test_setup(test_plain_contact, setup),
		cmocka_unit_test_setup(test_plain_repeated, setup),
		cmocka_unit_test_setup(test_plain_waited_for, setup),
		cmocka_unit_test_setup(test_plain_erased, setup),
		cmocka_unit_test_setup(test_duplicates_inside, setup),
		cmocka_unit_test_setup(test_thousand, setup),
		cmocka_unit_test_setup(test_unnoted, setup),
		cmocka_unit_test_setup(test_weak, setup),
		cmocka_unit_test_setup(test_effects, setup),
		cmocka_unit_test_setup(test_poison, setup),
		cmocka_unit_test_setup(test_past_beside_a_failure, setup),
		cmocka_unit_test_setup(test_past_whole, setup),
		cmocka_unit_test_setup(test_erased, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_missing_and_load, setup),
		cmocka_unit_test_setup(test_news, setup),
		cmocka_unit_test_setup(test_news_of_changes, setup),
		cmocka_unit_test_setup(test_long_texts, setup),
		cmocka_unit_test_setup(test_unsent_bytes, setup),
		cmocka_unit_test_setup(test_upkeep, setup),
	};
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

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

static struct item *
told(struct delivery *d, const char *id, const char *alias, const char *mid, int64_t at)
{
	struct item *it = dbt_message(d, id, mid, "x", at);

	it->alias = mem_arena_dup(&d->items.arena, alias);
	return it;
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

/* --- ids that people leave ------------------------------------------------------------ */

enum { PEOPLE = 3, EPOCHS = 4, TELLS = 90 };

/* One delivery of a person's life: what is told of the ids of an epoch, or of the way there. */
struct tell {
	int who, epoch, how;	/* how: 0 both ids, 1 the hidden one, 2 the phone, 3 the change to it */
};

static const char *
phone_of(int who, int epoch, char b[40])
{
	snprintf(b, 40, "7000000%d%d00", who, epoch);
	return b;
}

static const char *
hidden_of(int who, int epoch, char b[40])
{
	snprintf(b, 40, "RU.%d%d", who, epoch);
	return b;
}

static void
tell(const struct tell *t, int n)
{
	char p[40], h[40], mid[40], left[90], p0[40], h0[40];
	struct delivery d;
	struct item *it;

	begin(&d);
	snprintf(mid, sizeof mid, "wamid.%d.%d", t->who, n);
	phone_of(t->who, t->epoch, p);
	hidden_of(t->who, t->epoch, h);
	told(&d, t->how == 1 ? h : p, t->how == 0 || t->how == 3 ? h : NULL, mid, T0 + n * SECOND);
	it = &d.items.v[d.items.n - 1];
	if (t->how == 3) {
		snprintf(left, sizeof left, "%s\n%s", phone_of(t->who, t->epoch - 1, p0),
		    hidden_of(t->who, t->epoch - 1, h0));
		it->left = mem_arena_dup(&d.items.arena, left);
	}
	dbt_store(db, &d);
}

/* People change phone and hidden id again and again; what tells of it comes in any order, late
 * and twice.  Each stays one conversation, and what is sent to any of their ids goes to one
 * of the last. */
static void
test_left(void **state)
{
	(void)state;
	for (uint32_t run = 1; run <= 8; run++) {
		struct tell v[TELLS];
		int n = 0;

		setup(NULL);
		seed = run;
		for (int w = 0; w < PEOPLE; w++)
			for (int e = 0; e < EPOCHS; e++) {
				v[n++] = (struct tell){ w, e, 0 };
				if (e > 0)
					v[n++] = (struct tell){ w, e, 3 };
			}
		while (n < TELLS)
			v[n++] = (struct tell){ (int)pick(PEOPLE), (int)pick(EPOCHS), (int)pick(3) };
		for (int i = n - 1; i > 0; i--) {
			int k = (int)pick((uint32_t)i + 1);
			struct tell t = v[i];

			v[i] = v[k];
			v[k] = t;
		}
		for (int i = 0; i < n; i++) {
			tell(&v[i], i);
			if (pick(4) == 0)
				tell(&v[i], i);
		}
		dbt_is(db, "select count(*)::text from dmbox.contacts", "3");
		dbt_is(db, "select count(*)::text from (select split_part(external_id, '.', 2) from dmbox.messages"
		    " group by 1 having count(distinct contact_id) <> 1) x", "0");
		dbt_is(db, "select count(*)::text from dmbox.messages", "90");
		/* the last epoch of each, whichever id is asked for */
		dbt_is(db, "select count(*)::text from generate_series(0, 2) w where dmbox.contact_address('main', 'whatsapp',"
		    " '7000000' || w || '000') in ('7000000' || w || '300', 'RU.' || w || '3')", "3");
		dbt_is(db, "select count(*)::text from dmbox.contact_aliases a where not exists (select 1 from dmbox.contacts c"
		    " where c.external_id = a.external_id)", "0");
	}
}

/* A phone that somebody left belongs to a stranger one day. */
static void
test_reused(void **state)
{
	struct delivery d;

	(void)state;
	begin(&d);
	told(&d, "70000000001", "RU.1", "a", T0);
	dbt_store(db, &d);
	begin(&d);
	told(&d, "70000000002", "RU.2", "b", T0 + SECOND)->left = "70000000001\nRU.1";
	dbt_store(db, &d);
	dbt_is(db, "select external_id from dmbox.contacts", "70000000002");
	begin(&d);	/* late: what was written before the change */
	told(&d, "70000000001", "RU.1", "late", T0);
	dbt_store(db, &d);
	dbt_is(db, "select count(*)::text from dmbox.contacts", "1");
	begin(&d);
	told(&d, "70000000001", "RU.9", "c", T0 + 2 * SECOND);
	dbt_store(db, &d);
	begin(&d);
	told(&d, "70000000001", NULL, "d", T0 + 3 * SECOND);
	told(&d, "RU.2", NULL, "e", T0 + 3 * SECOND);
	told(&d, "RU.1", NULL, "f", T0 + 3 * SECOND);
	dbt_store(db, &d);
	dbt_is(db, "select string_agg(c.external_id || ':' || m.external_id, ' ' order by m.external_id)"
	    " from dmbox.messages m join dmbox.contacts c on c.id = m.contact_id",
	    "70000000002:a 70000000002:b 70000000001:c 70000000001:d 70000000002:e 70000000002:f 70000000002:late");
	dbt_is(db, "select dmbox.contact_address('main', 'whatsapp', '70000000001')", "70000000001");
}

/* A number that moves from Green API to Meta, and back: the same people, the same conversations. */
static void
test_moved_number(void **state)
{
	static const struct { const char *provider, *id, *alias; } v[] = {
		{ "greenapi", "70000000001@c.us", NULL }, { "cloud", "70000000001", "RU.1" }, { "cloud", "RU.1", NULL },
		{ "cloud", "70000000001", NULL }, { "greenapi", "70000000001@c.us", NULL },
		{ "greenapi", "120000000000000@lid", "70000000001@c.us" }, { "cloud", "70000000001", "RU.1" } };

	(void)state;
	for (size_t first = 0; first < sizeof v / sizeof *v; first++) {
		setup(NULL);
		for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
			size_t k = (first + i) % (sizeof v / sizeof *v);
			struct delivery d;
			char mid[20];

			begin(&d);
			d.provider = provider_by_name(v[k].provider);
			snprintf(mid, sizeof mid, "m%zu", i);
			told(&d, v[k].id, v[k].alias, mid, T0 + (int64_t)i * SECOND);
			dbt_store(db, &d);
		}
		dbt_is(db, "select count(*)::text from dmbox.contacts", "1");
		dbt_is(db, "select count(distinct contact_id)::text || ' ' || count(*) from dmbox.messages", "1 7");
		dbt_is(db, "select count(distinct dmbox.contact_of('main', 'whatsapp', x))::text from unnest(array['70000000001',"
		    " '70000000001@c.us', 'RU.1', '120000000000000@lid']) x", "1");
	}
	/* those that were apart before they were known to be one */
	setup(NULL);
	assert_int_equal(db_script(db, "insert into dmbox.contacts (account, channel, external_id) values"
	    " ('main', 'whatsapp', '70000000001@c.us'), ('main', 'whatsapp', '70000000001')"), RC_OK);
	tell(&(struct tell){ 0, 0, 2 }, 1);
	assert_int_equal(db_script(db, "update dmbox.messages set contact_id = contact_id"), RC_OK);
	for (int i = 0; i < 2; i++) {
		struct delivery d;

		begin(&d);
		told(&d, "70000000001", NULL, i == 0 ? "x" : "y", T0);
		dbt_store(db, &d);
	}
	dbt_is(db, "select count(*)::text from dmbox.contacts where external_id like '70000000001%'", "1");
}

/* What is told again of somebody who was erased brings nothing of them back. */
static void
test_told_again(void **state)
{
	struct purge_counts n = { 0 };
	struct mem_arena m = { 0 };
	struct purge_contact c;
	struct purge_want w = { .contact = &c };
	size_t found = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct delivery d;

		begin(&d);
		told(&d, "70000000001", "RU.1", "a", T0);
		dbt_store(db, &d);
		if (i > 0)
			break;
		assert_int_equal(purge_find(db, "RU.1", &m, &c, 1, &found), RC_OK);
		assert_int_equal(found, 1);
		assert_int_equal(purge_run(db, &w, &n), RC_OK);
	}
	dbt_is(db, "select count(*)::text from dmbox.messages", "0");
	dbt_is(db, "select count(*)::text from dmbox.contact_aliases", "0");
	dbt_is(db, "select count(*)::text from dmbox.contacts", "0");
	mem_arena_free(&m);
}

/* --- one message under both names of its chat ------------------------------------------- */

#define LID "120000000000001@lid"
#define PHONE "79990000001@c.us"

/* Told whole under one name of a Green API chat. */
static void
green(const char *chat, const char *alias, const char *mid, const char *text, int64_t at, bool ours)
{
	struct delivery d;
	struct item *it;

	dbt_delivery(&d);
	d.channel = CHANNEL_WHATSAPP;
	d.provider = provider_by_name("greenapi");
	d.body = text;
	d.body_n = strlen(text);
	it = dbt_message(&d, chat, mid, text, at);
	it->thread_id = mem_arena_dup(&d.items.arena, chat);
	it->alias = mem_arena_dup(&d.items.arena, alias);
	it->dir = ours ? DIR_OUT : DIR_IN;
	it->echo = ours;
	dbt_store(db, &d);
}

static void
test_both_names(void **state)
{
	(void)state;
	for (int k = 0; k < 8; k++) {
		bool lid_first = k & 1, ours = k & 2, learn_late = k & 4;

		setup(NULL);
		/* another message proves the names to be one person's: before, or with the second */
		if (!learn_late)
			green(LID, PHONE, "proof", "hello", T0, false);
		green(lid_first ? LID : PHONE, NULL, "3EB01", "one", T0 + SECOND, ours);
		green(lid_first ? PHONE : LID, learn_late ? (lid_first ? LID : PHONE) : NULL, "3EB01", "one", T0 + SECOND, ours);
		green(lid_first ? LID : PHONE, NULL, "3EB01", "one", T0 + SECOND, ours);
		dbt_is(db, "select string_agg(thread_id || ' ' || body || ' ' || direction, ',') from dmbox.messages"
		    " where external_id = '3EB01'", ours ? PHONE " one outbound" : PHONE " one inbound");
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.contacts"), 1);
		assert_int_equal(dbt_i64(db, "select coalesce(sum(abs(missing)), 0) from dmbox.ingest_balance"), 0);
	}
	/* nobody knows that they are one person's: two chats may have one id */
	for (int k = 0; k < 4; k++) {
		struct delivery d;

		setup(NULL);
		green(k & 1 ? LID : PHONE, NULL, "3EB01", "one", T0, k & 2);
		green(k & 1 ? PHONE : LID, NULL, "3EB01", "one", T0, k & 2);
		dbt_delivery(&d);
		d.channel = CHANNEL_WHATSAPP;
		d.provider = provider_by_name("greenapi");
		dbt_event(&d, LID, EFFECT_REACT, "3EB01", "heart", 0, T0 + SECOND)->thread_id = LID;
		dbt_store(db, &d);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 2);
		/* once it is proved, what is there twice is one */
		green(LID, PHONE, "proof", "hello", T0 + 10 * SECOND, false);
		dbt_is(db, "select string_agg(m.thread_id || ' ' || m.body || ' ' || r.emoji, ',') from dmbox.messages m"
		    " left join dmbox.reactions r on r.message_id = m.id where m.external_id = '3EB01'", PHONE " one heart");
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 2);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.contacts"), 1);
		assert_int_equal(dbt_i64(db, "select coalesce(sum(abs(missing)), 0) from dmbox.ingest_balance"), 0);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.events where applied_at is null"), 0);
	}
}

/* Erased under one name, told again under the other. */
static void
test_erased_names(void **state)
{
	struct mem_arena m = { 0 };

	(void)state;
	for (int k = 0; k < 8; k++) {
		const char *first = k & 1 ? LID : PHONE, *then = k & 1 ? PHONE : LID;
		bool known = k & 2, lone = k & 4;
		struct purge_counts n = { 0 };
		struct purge_contact c;
		struct purge_want w = { .contact = &c };
		size_t found = 0;

		setup(NULL);
		green(first, known ? then : NULL, "3EB01", "secret words", T0, false);
		if (lone) {	/* the message alone goes, by its age */
			green(first, known ? then : NULL, "3EB02", "later", T0 + 100 * SECOND, false);
			assert_int_equal(db_script(db, "select dmbox.purge_messages(c.id, (select max(sent_at) from dmbox.messages), 10)"
			    " from dmbox.contacts c"), RC_OK);
		} else {
			assert_int_equal(purge_find(db, first, &m, &c, 1, &found), RC_OK);
			assert_int_equal(found, 1);
			assert_int_equal(purge_run(db, &w, &n), RC_OK);
			assert_int_equal(n.messages, 1);
		}
		/* the names are known by then, or the delivery says so */
		green(then, known ? NULL : first, "3EB01", "secret words", T0, false);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages where body = 'secret words'"), 0);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where position('secret'::bytea in body) > 0"), 0);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.contacts"), lone);
		mem_arena_free(&m);
	}
}

/* What was sent to the number is echoed under the hidden id: the id of the message, which the
 * provider gave to us, proves the names to be one person's. */
static void
test_echo_names(void **state)
{
	enum { ANSWER_FIRST, ECHO_FIRST, NO_ANSWER };

	(void)state;
	for (int k = 0; k < 6; k++) {
		const char *to = k % 2 ? LID : PHONE, *echo = k % 2 ? PHONE : LID;
		int how = k / 2;
		char sql[1024];

		setup(NULL);
		if (how == NO_ANSWER)	/* by the words alone only where the names are known */
			green(LID, PHONE, "before", "hello", T0, false);
		snprintf(sql, sizeof sql, "truncate dmbox.outbox, dmbox.send_attempts;"
		    "select dmbox.outbox_put('main', 'whatsapp', 'greenapi', '70000000000@c.us', 'c', 'k', 'f', 0,"
		    " '[{\"recipient\":\"%s\",\"thread\":\"%s\",\"body\":\"words\",\"ttl_s\":3600}]');"
		    "select dmbox.outbox_lease('main', 'whatsapp', 0, 1, 30, '00000000-0000-0000-0000-000000000001', '{greenapi}', 100);"
		    "select dmbox.outbox_begin(max(id), '00000000-0000-0000-0000-000000000001') from dmbox.outbox", to, to);
		assert_int_equal(db_script(db, sql), RC_OK);
		if (how == ECHO_FIRST)
			green(echo, NULL, "BAE501", "words", T0, true);
		snprintf(sql, sizeof sql, "select dmbox.outbox_result(max(id), '00000000-0000-0000-0000-000000000001', '%s', %s,"
		    " null, null, null, 0, 0, 1, '{}', 5, '{greenapi}', '{greenapi}') from dmbox.outbox",
		    how == NO_ANSWER ? "unknown" : "sent", how == NO_ANSWER ? "null" : "'BAE501'");
		assert_int_equal(db_script(db, sql), RC_OK);
		if (how != ECHO_FIRST) {
			struct delivery d;
			struct item *it;

			dbt_delivery(&d);
			d.channel = CHANNEL_WHATSAPP;
			d.provider = provider_by_name("greenapi");
			it = dbt_message(&d, echo, "BAE501", "words", clock_now_us());
			it->thread_id = mem_arena_dup(&d.items.arena, echo);
			it->dir = DIR_OUT;
			it->echo = true;
			d.received_at_us = clock_now_us();
			dbt_store(db, &d);
			assert_int_equal(db_script(db, "select dmbox.outbox_match('main', 'whatsapp', '{greenapi}')"), RC_OK);
		}
		dbt_is(db, "select string_agg(concat_ws(' ', m.external_id, m.status, m.outbox_id is not null), ',') from dmbox.messages m"
		    " where m.direction = 'outbound'", "BAE501 sent t");
		dbt_is(db, "select state || ' ' || external_id from dmbox.outbox", "sent BAE501");
		/* the answer comes under either name: one conversation, but where the echo was first */
		green(echo, NULL, "reply", "thanks", T0 + 100 * SECOND, false);
		if (how != ECHO_FIRST)
			assert_int_equal(dbt_i64(db, "select count(*) from dmbox.contacts"), 1);
	}
	assert_int_equal(db_script(db, "truncate dmbox.outbox, dmbox.send_attempts"), RC_OK);
}

/* To whichever of their ids one writes: one queue a person. */
static void
test_one_queue(void **state)
{
	struct delivery d;

	(void)state;
	begin(&d);
	told(&d, "70000000001", "RU.1", "a", T0);
	told(&d, "70000000002", "RU.2", "b", T0);
	dbt_store(db, &d);
	assert_int_equal(db_script(db, "truncate dmbox.outbox;"
	    " insert into dmbox.outbox (account, channel, provider, caller, part, recipient_id, thread_id, body, expires_at)"
	    " select 'main', 'whatsapp', 'cloud', '', 0, x, '', x || n, now() + interval '1 day'"
	    " from unnest(array['70000000001', 'RU.1', '70000000001', 'RU.2', '70000000002']) with ordinality t (x, n)"), RC_OK);
	dbt_is(db, "select string_agg(body, ' ' order by id) from dmbox.outbox_lease('main', 'whatsapp', 0, 10, 30,"
	    " '00000000-0000-0000-0000-000000000001', '{cloud}', 100)", "700000000011 RU.24");
	assert_int_equal(db_script(db, "update dmbox.outbox set state = 'sent' where state = 'leased'"), RC_OK);
	dbt_is(db, "select string_agg(body, ' ' order by id) from dmbox.outbox_lease('main', 'whatsapp', 0, 10, 30,"
	    " '00000000-0000-0000-0000-000000000001', '{cloud}', 100)", "RU.12 700000000025");
	/* a change of number is obeyed by what waits */
	begin(&d);
	told(&d, "70000000009", "RU.9", "c", T0 + SECOND)->left = "70000000001\nRU.1";
	dbt_store(db, &d);
	assert_int_equal(db_script(db, "update dmbox.outbox set state = 'sent' where state = 'leased'"), RC_OK);
	dbt_is(db, "select string_agg(recipient_id, ' ' order by id) from dmbox.outbox_lease('main', 'whatsapp', 0, 10, 30,"
	    " '00000000-0000-0000-0000-000000000001', '{cloud}', 100)", "70000000009");
	assert_int_equal(db_script(db, "truncate dmbox.outbox"), RC_OK);
}

/* --- one number that is written in two ways ------------------------------------------ */

static const struct {
	const char *typed, *known;
} spelled[] = {
	{ "525512345678", "5215512345678" },	/* Mexico */
	{ "541112345678", "5491112345678" },	/* Argentina */
	{ "5511987654321", "551187654321" },	/* Brazil */
	{ "5215512345678", "525512345678" },
	{ "5491112345678", "541112345678" },
	{ "551187654321", "5511987654321" },
};

static void
send_to(const char *to, const char *text)
{
	char sql[500];

	snprintf(sql, sizeof sql, "select verdict from dmbox.outbox_put('main', 'whatsapp', 'cloud', '1', 'c',"
	    " null, '', 0, '[{\"recipient\": \"%s\", \"body\": \"%s\", \"ttl_s\": 86400}]')", to, text);
	dbt_is(db, sql, "ok");
}

/* Typed in one spelling, told in the other, in whatever order, with a hidden id and without. */
static void
test_spellings(void **state)
{
	struct delivery d;

	(void)state;
	for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++)
		for (int how = 0; how < 8; how++) {
			char known[60], typed[60];

			if (how >= 4 ? i > 0 || how > 5 : i >= 3 && how != 3)
				continue;
			setup(NULL);
			assert_int_equal(db_script(db, "truncate dmbox.outbox"), RC_OK);
			snprintf(known, sizeof known, "%s%s", spelled[i].known, how & 4 ? "@c.us" : "");
			snprintf(typed, sizeof typed, "%s%s", spelled[i].typed, how & 4 ? "@c.us" : "");
			if (how & 1)
				send_to(typed, "first");
			begin(&d);
			told(&d, known, how & 2 ? "MX.1" : NULL, "a", T0);
			told(&d, "79990000001", NULL, "other", T0);
			dbt_store(db, &d);
			send_to(typed, "then");
			begin(&d);
			told(&d, known, how & 2 ? "MX.1" : NULL, "b", T0 + SECOND);
			told(&d, typed, NULL, "c", T0 + SECOND);
			dbt_store(db, &d);
			dbt_is(db, "select count(*)::text from dmbox.contacts", "2");
			dbt_is(db, "select count(distinct contact_id)::text from dmbox.messages where external_id <> 'other'"
			    " or external_id is null", "1");
			/* what waits for the person is one queue, in order */
			send_to(known, "last");
			dbt_is(db, "select string_agg(body, ' ') from dmbox.outbox_lease('main', 'whatsapp', 0, 10, 30,"
			    " '00000000-0000-0000-0000-000000000001', '{cloud}', 100)", how & 1 ? "first" : "then");
		}
	assert_int_equal(db_script(db, "truncate dmbox.outbox"), RC_OK);
}

/* Where WhatsApp never told the typed one, the conversation is called as it told it: without a
 * hidden id nothing else is sure to arrive. */
static void
test_spelling_told(void **state)
{
	struct delivery d;

	(void)state;
	send_to("525512345678@c.us", "first");
	begin(&d);
	told(&d, "5215512345678@c.us", NULL, "a", T0);
	dbt_store(db, &d);
	dbt_is(db, "select external_id from dmbox.contacts", "5215512345678@c.us");
	dbt_is(db, "select alias || ' ' || external_id from dmbox.contact_aliases", "525512345678@c.us 5215512345678@c.us");
	assert_int_equal(db_script(db, "truncate dmbox.outbox"), RC_OK);
}

/* Two conversations of before become one; lines that only look alike stay apart. */
static void
test_spellings_apart(void **state)
{
	static const char *const apart[][2] = { { "551132654321", "5511932654321" }, { "52155123456", "5255123456" },
		{ "7495123456789", "749123456789" }, { "54911123456", "5411123456" }, { "551087654321", "5510987654321" } };
	struct delivery d;

	(void)state;
	for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
		setup(NULL);
		begin(&d);
		told(&d, apart[i][0], NULL, "a", T0);
		told(&d, apart[i][1], NULL, "b", T0);
		dbt_store(db, &d);
		begin(&d);
		told(&d, apart[i][0], NULL, "c", T0);
		told(&d, apart[i][1], NULL, "d", T0);
		dbt_store(db, &d);
		dbt_is(db, "select count(*)::text from dmbox.contacts", "2");
	}
	setup(NULL);
	assert_int_equal(db_script(db, "insert into dmbox.contacts (account, channel, external_id, last_at)"
	    " select 'main', 'whatsapp', x, now() from unnest(array['551187654321', '5511987654321']) x"), RC_OK);
	begin(&d);
	told(&d, "5511987654321", NULL, "a", T0);
	dbt_store(db, &d);
	dbt_is(db, "select string_agg(external_id, ' ') from dmbox.contacts", "5511987654321");
}

/* A number that was left is left in each of its spellings; who asks to be erased is found by each. */
static void
test_spellings_left(void **state)
{
	struct mem_arena m = { 0 };
	struct purge_contact c;
	struct delivery d;
	size_t found = 0;

	(void)state;
	begin(&d);
	told(&d, "551187654321", "BR.1", "a", T0);
	dbt_store(db, &d);
	begin(&d);
	told(&d, "351910000001", "PT.1", "b", T0 + SECOND)->left = "551187654321\nBR.1";
	dbt_store(db, &d);
	dbt_is(db, "select dmbox.contact_address('main', 'whatsapp', '5511987654321')", "351910000001");
	send_to("5511987654321", "x");
	dbt_is(db, "select count(*)::text from dmbox.contacts", "1");
	assert_int_equal(purge_find(db, "5511987654321", &m, &c, 1, &found), RC_OK);
	assert_int_equal(found, 1);
	assert_string_equal(c.external_id, "351910000001");
	mem_arena_free(&m);
	assert_int_equal(db_script(db, "truncate dmbox.outbox"), RC_OK);
}

/* n messages of ours and n receipts of theirs to one contact, at any times. */
static void
talk(int n, double first)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b,
	    "truncate dmbox.contacts, dmbox.messages, dmbox.events; select setseed(%f);"
	    " insert into dmbox.contacts (account, channel, external_id) values ('main', 'instagram', 'R');"
	    " insert into dmbox.messages (account, channel, provider, external_id, contact_id, direction, kind, status,"
	    "  sent_at, sent_at_known, received_at, read_at, source)"
	    " select 'main', 'instagram', 'graph', 'R' || i, c.id, case when i %% 5 = 0 then 'inbound' else 'outbound' end,"
	    "  'text', (array['sent', 'delivered', 'failed', 'read', 'accepted'])[1 + floor(random() * 5)],"
	    "  timestamptz '2025-11-01 00:00:00Z' + make_interval(secs => floor(random() * %d)), true, now(),"
	    "  case when random() < 0.2 then timestamptz '2025-11-01 00:00:00Z' + make_interval(secs => floor(random() * %d)) end,"
	    "  'send' from dmbox.contacts c, generate_series(1, %d) i;"
	    " insert into dmbox.events (account, channel, kind, effect, contact_id, occurred_at, num, event_key, raw)"
	    " select 'main', 'instagram', 'read', (array['read', 'status', 'edit'])[1 + floor(random() * 3)], c.id,"
	    "  timestamptz '2025-11-01 00:00:00Z' + make_interval(secs => floor(random() * %d)),"
	    "  dmbox.micros(timestamptz '2025-11-01 00:00:00Z' + make_interval(secs => floor(random() * %d))), 'R' || i, '{}'"
	    "  from dmbox.contacts c, generate_series(1, %d) i",
	    first, n, n, n, n, n, n);
	assert_int_equal(db_script(db, b.p), RC_OK);
	buf_free(&b);
}

/* After two contacts became one, each message has the earliest receipt that covers it; and that
 * takes no look at each pair of them. */
static void
test_receipts(void **state)
{
	(void)state;
	for (int k = 0; k < 30; k++) {
		talk(30 + k, k / 30.0);
		assert_int_equal(db_script(db, "drop table if exists want; create table want as"
		    " select m.id, least(m.read_at, (select min(e.occurred_at) from dmbox.events e"
		    "  where m.direction = 'outbound' and m.status in ('accepted', 'sent', 'delivered', 'read')"
		    "  and e.effect in ('read', 'status') and e.num >= dmbox.micros(m.sent_at))) as at"
		    " from dmbox.messages m where m.direction = 'outbound';"
		    " select dmbox.apply_receipts(id) from dmbox.contacts"), RC_OK);
		dbt_is(db, "select count(*)::text from want w join dmbox.messages m using (id)"
		    " where m.read_at is distinct from w.at", "0");
		assert_true(dbt_i64(db, "select count(at) from want") > 0);
	}
	assert_int_equal(db_script(db, "drop table want"), RC_OK);
	talk(30000, 0.5);
	assert_int_equal(db_script(db, "set statement_timeout = '20s'; select dmbox.apply_receipts(id) from dmbox.contacts;"
	    " reset statement_timeout"), RC_OK);
	dbt_clean(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_thread, setup),
		cmocka_unit_test_setup(test_chain, setup),
		cmocka_unit_test_setup(test_merge, setup),
		cmocka_unit_test_setup(test_erased, setup),
		cmocka_unit_test_setup(test_left, setup),
		cmocka_unit_test_setup(test_reused, setup),
		cmocka_unit_test_setup(test_moved_number, setup),
		cmocka_unit_test_setup(test_told_again, setup),
		cmocka_unit_test_setup(test_both_names, setup),
		cmocka_unit_test_setup(test_erased_names, setup),
		cmocka_unit_test_setup(test_echo_names, setup),
		cmocka_unit_test_setup(test_one_queue, setup),
		cmocka_unit_test_setup(test_spellings, setup),
		cmocka_unit_test_setup(test_spelling_told, setup),
		cmocka_unit_test_setup(test_spellings_apart, setup),
		cmocka_unit_test_setup(test_spellings_left, setup),
		cmocka_unit_test(test_receipts),
	};
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

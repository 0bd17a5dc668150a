/*
 * Two processes are told of one person at the same moment, each by another name: two real
 * connections, whose steps are done in every order.  One message stays one row, and what
 * somebody just learned to be one person's is one contact.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "dbtest.h"
#include "model/provider.h"
#include "store/alias.h"

static struct db *db;
static int serial;	/* of the person: each case has one of its own */

enum { FIRST, THEN };
struct side {
	struct db *db;
	int64_t pid;
	struct delivery d;
	struct item *it;
	const char *settles;	/* not a delivery: the answer of a send, as a statement */
	int step, steps;
	pthread_t thread;
	bool open;		/* the thread is not joined yet */
	atomic_bool done;
};

/* Look up the contacts; store in a transaction that stays open; commit. */
static void *
run_step(void *arg)
{
	struct side *s = arg;
	struct delivery *v = &s->d;
	enum rc rc = RC_OK;
	int step = s->settles != NULL ? s->step + 1 : s->step;

	if (step == 0) {
		rc = alias_resolve(s->db, &v, 1);
		/* that was the look-up: of this provider's there is none again */
		s->it->alias = NULL;
		s->d.provider = &provider_graph;
	} else if (step == 1) {
		rc = db_begin(s->db);
		if (rc == RC_OK)
			rc = s->settles != NULL ? db_script(s->db, s->settles) :
			    store_deliveries(s->db, &v, 1);
	} else {
		rc = db_commit(s->db);
	}
	if (rc != RC_OK)
		fprintf(stderr, "step %d: %s\n", step, db_error(s->db));
	s->step = rc == RC_OK ? s->step + 1 : 99;
	atomic_store(&s->done, true);
	return NULL;
}

/* Is s through with its step (true), or does it wait for the other's transaction (false)? */
static bool
ended(struct side *s)
{
	char sql[160];

	snprintf(sql, sizeof sql, "select count(*) from pg_stat_activity where pid = %lld and wait_event_type = 'Lock'",
	    (long long)s->pid);
	while (!atomic_load(&s->done)) {
		if (dbt_i64(db, sql) > 0)
			return false;
		clock_sleep_ms(1);
	}
	if (s->open)
		pthread_join(s->thread, NULL);
	s->open = false;
	return true;
}

static void
next_step(struct side *s)
{
	if (s->open && !ended(s))
		return;		/* its turn comes when the other's transaction has ended */
	if (s->step >= s->steps)
		return;
	atomic_store(&s->done, false);
	s->open = true;
	assert_int_equal(pthread_create(&s->thread, NULL, run_step, s), 0);
	(void)ended(s);
}

/* order: a bit for each step, whose it is.  What waits goes on at the end. */
static void
interleave(struct side side[2], unsigned int order)
{
	int n = side[0].steps + side[1].steps;

	for (int i = 0; i < n; i++)
		next_step(&side[order >> i & 1]);
	for (int i = 0; side[0].open || side[0].step < side[0].steps || side[1].open || side[1].step < side[1].steps; i++)
		next_step(&side[i & 1]);
	for (int k = 0; k < 2; k++) {
		assert_false(side[k].open);
		assert_int_equal(side[k].step, side[k].steps);
		delivery_free(&side[k].d);
	}
}

static int
ones(unsigned int v)
{
	return v == 0 ? 0 : (int)(v & 1) + ones(v >> 1);
}

static void
begin(struct side *s, const char *provider, const char *id, const char *alias, const char *chat, const char *mid)
{
	dbt_delivery(&s->d);
	s->d.channel = CHANNEL_WHATSAPP;
	s->d.provider = provider_by_name(provider);
	s->it = dbt_message(&s->d, id, mid, "words", T0 + serial * SECOND);
	s->it->thread_id = mem_arena_dup(&s->d.items.arena, chat);
	s->it->alias = mem_arena_dup(&s->d.items.arena, alias);
	s->step = 0;
	s->steps = 3;
	s->settles = NULL;
}

/* Beside it another message: the way of many. */
static void
another(struct side *s)
{
	char id[100];

	snprintf(id, sizeof id, "%s-%s", s->it->external_id, s->it->contact);
	dbt_message(&s->d, s->it->contact, id, "else", s->it->at_us)->thread_id = s->d.items.v[0].thread_id;
	s->it = &s->d.items.v[0];
}

static void
names(char lid[40], char phone[40])
{
	serial++;
	snprintf(lid, 40, "12%013d@lid", serial);
	snprintf(phone, 40, "7999%07d@c.us", serial);
}

/* Contacts of either id. */
static int64_t
contacts(const char *a, const char *b)
{
	char sql[200];

	snprintf(sql, sizeof sql, "select count(*) from dmbox.contacts where external_id in ('%s', '%s')", a, b);
	return dbt_i64(db, sql);
}

static void
prove(const char *lid, const char *phone)
{
	struct side s = { 0 };
	struct delivery *v = &s.d;
	char mid[40];

	snprintf(mid, sizeof mid, "proof%d", serial);
	begin(&s, "greenapi", lid, phone, lid, mid);
	assert_int_equal(store_deliveries(db, &v, 1), RC_OK);
	delivery_free(&s.d);
}

/* The message under both names, which are known, or which either side tells. */
static void
test_both_names(void **state)
{
	struct side side[2] = { { .db = dbt_open() }, { .db = dbt_open() } };
	char lid[40], phone[40], mid[40], sql[400];

	(void)state;
	for (int k = 0; k < 2; k++)
		side[k].pid = dbt_i64(side[k].db, "select pg_backend_pid()");
	for (unsigned int order = 0; order < 64; order++) {
		if (ones(order) != 3)
			continue;
		for (int how = 0; how < 6; how++) {
			int tells = how / 2 - 1;	/* -1: they are known */

			names(lid, phone);
			snprintf(mid, sizeof mid, "3EB%d", serial);
			if (tells < 0)
				prove(lid, phone);
			for (int k = 0; k < 2; k++) {
				bool hidden = (how & 1) == k;

				begin(&side[k], "greenapi", hidden ? lid : phone,
				    tells != k ? NULL : hidden ? phone : lid, hidden ? lid : phone, mid);
				if ((order >> 2 ^ (unsigned int)(how >> 1)) & 1)
					another(&side[k]);
			}
			interleave(side, order);
			snprintf(sql, sizeof sql, "select count(*) + 100 * count(*) filter (where c.id is null)"
			    " from dmbox.messages m left join dmbox.contacts c on c.id = m.contact_id"
			    " and c.external_id in ('%s', '%s') where m.external_id = '%s'", lid, phone, mid);
			if (dbt_i64(db, sql) != 1 || contacts(lid, phone) != 1)
				fail_msg("order %#x, how %d: %lld rows, %lld contacts", order, how,
				    (long long)dbt_i64(db, sql), (long long)contacts(lid, phone));
		}
	}
	assert_int_equal(dbt_i64(db, "select coalesce(sum(abs(missing)), 0) from dmbox.ingest_balance"), 0);
	for (int k = 0; k < 2; k++)
		db_free(side[k].db);
}

/* Meta tells the phone and the other id, or the other id alone. */
static void
test_cloud(void **state)
{
	struct side side[2] = { { .db = dbt_open() }, { .db = dbt_open() } };
	char lid[40], phone[40];

	(void)state;
	for (int k = 0; k < 2; k++)
		side[k].pid = dbt_i64(side[k].db, "select pg_backend_pid()");
	for (unsigned int order = 0; order < 64; order++) {
		if (ones(order) != 3)
			continue;
		for (int way = 0; way < 2; way++) {
			char mid[2][40];

			names(lid, phone);
			snprintf(lid, sizeof lid, "RU.%d", serial);
			*strchr(phone, '@') = '\0';
			for (int k = 0; k < 2; k++) {
				snprintf(mid[k], sizeof mid[k], "wamid.%d.%d", serial, way == 0 ? k : 0);
				begin(&side[k], "cloud", k == 0 ? phone : lid, k == 0 ? lid : NULL, "", mid[k]);
				if ((order >> 2 ^ (unsigned int)way) & 1)
					another(&side[k]);
			}
			interleave(side, order);
			if (contacts(lid, phone) != 1)
				fail_msg("order %#x: %lld contacts", order, (long long)contacts(lid, phone));
		}
	}
	for (int k = 0; k < 2; k++)
		db_free(side[k].db);
}

/* What was sent to one name is echoed under the other while the answer of the send is written. */
static void
test_echo(void **state)
{
	struct side side[2] = { { .db = dbt_open() }, { .db = dbt_open() } };
	char lid[40], phone[40], mid[40], sql[1024];

	(void)state;
	for (int k = 0; k < 2; k++)
		side[k].pid = dbt_i64(side[k].db, "select pg_backend_pid()");
	for (unsigned int order = 0; order < 32; order++) {
		if (ones(order) != 2)	/* the send has two steps */
			continue;
		for (int how = 0; how < 2; how++) {
			const char *to, *echo;

			names(lid, phone);
			snprintf(mid, sizeof mid, "BAE5%d", serial);
			to = how & 1 ? lid : phone;
			echo = how & 1 ? phone : lid;
			snprintf(sql, sizeof sql, "truncate dmbox.outbox, dmbox.send_attempts;"
			    "select dmbox.outbox_put('main', 'whatsapp', 'greenapi', '70000000000@c.us', 'c', 'k', 'f', 0,"
			    " '[{\"recipient\":\"%s\",\"thread\":\"%s\",\"body\":\"words\",\"ttl_s\":3600}]');"
			    "select dmbox.outbox_lease('main', 'whatsapp', 0, 1, 30, '00000000-0000-0000-0000-000000000001', '{greenapi}', 100);"
			    "select dmbox.outbox_begin(max(id), '00000000-0000-0000-0000-000000000001') from dmbox.outbox", to, to);
			assert_int_equal(db_script(db, sql), RC_OK);
			begin(&side[FIRST], "greenapi", echo, NULL, echo, mid);
			side[FIRST].it->dir = DIR_OUT;
			side[FIRST].it->echo = true;
			if (order >> 2 & 1)
				another(&side[FIRST]);
			snprintf(sql, sizeof sql, "select dmbox.outbox_result(max(id), '00000000-0000-0000-0000-000000000001', 'sent',"
			    " '%s', null, null, null, 0, 0, 1, '{}', 5, '{greenapi}', '{greenapi}') from dmbox.outbox", mid);
			delivery_init(&side[THEN].d);
			side[THEN].settles = sql;
			side[THEN].step = 0;
			side[THEN].steps = 2;
			interleave(side, order);
			snprintf(sql, sizeof sql, "select count(*) from dmbox.messages where external_id = '%s'", mid);
			if (dbt_i64(db, sql) != 1)
				fail_msg("order %#x, how %d: %lld rows", order, how, (long long)dbt_i64(db, sql));
			/* as outbox_settle goes on */
			snprintf(sql, sizeof sql, "select dmbox.contact_proved('main', 'whatsapp', '%s', null)", to);
			assert_int_equal(db_script(db, sql), RC_OK);
			if (contacts(lid, phone) != 1)
				fail_msg("order %#x, how %d: %lld contacts", order, how, (long long)contacts(lid, phone));
		}
	}
	assert_int_equal(db_script(db, "truncate dmbox.outbox, dmbox.send_attempts"), RC_OK);
	for (int k = 0; k < 2; k++)
		db_free(side[k].db);
}

/* What could not be decrypted is told in the chat of who wrote it, the words in the group that
 * they were written in: one message, the group's.  Somebody else's empty one stays. */
static void
test_group(void **state)
{
	struct side side[2] = { { .db = dbt_open() }, { .db = dbt_open() } };
	char lid[40], phone[40], group[40], mid[40], sql[1024], want[400], *got;
	size_t n;

	(void)state;
	for (int k = 0; k < 2; k++)
		side[k].pid = dbt_i64(side[k].db, "select pg_backend_pid()");
	for (unsigned int order = 0; order < 64; order++) {
		if (ones(order) != 3)
			continue;
		for (int how = (int)(order % 4); how < 8; how += 4) {
			bool hidden = how & 1, other = how >> 1 == 3;

			names(lid, phone);
			snprintf(mid, sizeof mid, "3EG%d", serial);
			snprintf(group, sizeof group, "120363%d@g.us", serial);
			if (hidden)
				prove(lid, phone);
			begin(&side[0], "greenapi", hidden ? lid : phone, NULL, hidden ? lid : phone, mid);
			side[0].it->kind = "unsupported";
			side[0].it->body = NULL;
			begin(&side[1], "greenapi", group, NULL, group, mid);
			side[1].it->sender_id = mem_arena_dup(&side[1].d.items.arena, other ? "79000000000@c.us" : phone);
			side[1].it->recipient_id = side[1].it->contact;
			for (int k = 0; k < 2; k++)
				if (how >> 1 == k + 1)
					another(&side[k]);
			interleave(side, order);
			snprintf(sql, sizeof sql, "select string_agg(m.thread_id || '|' || coalesce(m.body, '-') || '|' || m.kind || '|'"
			    " || (c.external_id like '%%@g.us') || '|' || m.source || '|' || coalesce(m.recipient_id, ''), ' ' order by m.thread_id like '%%@g.us' desc)"
			    " from dmbox.messages m left join dmbox.contacts c on c.id = m.contact_id where m.external_id = '%s'", mid);
			got = dbt_text(db, sql);
			n = (size_t)snprintf(want, sizeof want, "%s|words|text|true|webhook|%s%s", group, group,
			    other ? hidden ? " 12" : " 7" : "");
			if (strncmp(got, want, n) != 0 || (!other && strlen(got) != n))
				fail_msg("order %#x, how %d: %s, not %s", order, how, got, want);
			free(got);
		}
	}
	assert_int_equal(dbt_i64(db, "select coalesce(sum(abs(missing)), 0) from dmbox.ingest_balance"), 0);
	for (int k = 0; k < 2; k++)
		db_free(side[k].db);
}

/* An id that one transaction proved while the other looked: either name, told next, joins them. */
static void
test_proved_late(void **state)
{
	char lid[40], phone[40], sql[1024];

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct side s = { 0 };
		struct delivery *v = &s.d;

		names(lid, phone);
		snprintf(sql, sizeof sql, "insert into dmbox.contacts (account, channel, external_id, last_at)"
		    " values ('main', 'whatsapp', '%s', now()), ('main', 'whatsapp', '%s', now());"
		    "select dmbox.chat_proved('main', 'whatsapp', '%s', '%s')", lid, phone, lid, phone);
		assert_int_equal(db_script(db, sql), RC_OK);
		snprintf(sql, sizeof sql, "next%d", serial);
		begin(&s, "greenapi", k ? lid : phone, NULL, k ? lid : phone, sql);
		assert_int_equal(store_deliveries(db, &v, 1), RC_OK);
		delivery_free(&s.d);
		assert_int_equal(contacts(lid, phone), 1);
	}
}

/* Thousands of one statement, told twice, one of them erased: nothing in it is done for each pair
 * of them, which would take longer than any statement may. */
static void
test_thousands(void **state)
{
	enum { N = 4000 };
	struct delivery d;

	(void)state;
	dbt_clean(db);
	assert_int_equal(db_script(db, "insert into dmbox.erased (account, channel, id_hash)"
	    " values ('main', 'whatsapp', dmbox.id_hash('main', 'whatsapp', '79990000@c.us', 'THOUSANDS0'))"), RC_OK);
	for (int k = 0; k < 2; k++) {
		dbt_delivery(&d);
		d.channel = CHANNEL_WHATSAPP;
		for (int i = 0; i < N; i++) {
			struct item *it;
			struct att *a;
			char id[20], chat[40];

			snprintf(id, sizeof id, "THOUSANDS%d", i);
			snprintf(chat, sizeof chat, "7999%04d@c.us", i % 50);
			it = dbt_message(&d, chat, id, "text", T0 + i * SECOND);
			it->thread_id = it->contact;
			a = item_att_add(&d.items, it);
			a->type = "image";
			a->url = "https://example.org/1";
		}
		assert_int_equal(store_deliveries(db, &(struct delivery *){ &d }, 1), RC_OK);
		assert_int_equal(d.stored, k == 0 ? N - 1 : 0);
		assert_int_equal(d.duplicates, k == 0 ? 0 : N - 1);
		assert_int_equal(d.ignored, 1);
		delivery_free(&d);
	}
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.attachments"), N - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_names), cmocka_unit_test(test_cloud),
		cmocka_unit_test(test_echo), cmocka_unit_test(test_group), cmocka_unit_test(test_proved_late),
		cmocka_unit_test(test_thousands),
	};

	db = dbt_open();
	dbt_clean(db);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

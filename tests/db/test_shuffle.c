/*
 * A day of many contacts, shuffled, repeated and split at random: the rows
 * are the same every time.  DMBOX_TEST_SHUFFLES says how often (25).
 */
#include "dbtest.h"

enum { CONTACTS = 50, MESSAGES = 4, ITEMS_MAX = 1500 };

static struct db *db;
static uint32_t seed;

static uint32_t
rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

/* What can happen, as a recipe: an item is made from it in any delivery. */
struct recipe {
	enum { MSG, ECHO, EV } what;
	int contact, msg;
	enum effect effect;
	const char *text;
	int64_t num, at;
};
static struct recipe day[ITEMS_MAX];
static size_t n_day;

static void
add(struct recipe r)
{
	assert_true(n_day < ITEMS_MAX);
	day[n_day++] = r;
}

static void
make_day(void)
{
	for (int c = 0; c < CONTACTS; c++)
		for (int m = 0; m < MESSAGES; m++) {
			int64_t at = T0 + (c * 1000 + m * 100) * SECOND;
			int kind = (c * MESSAGES + m) % 10;

			if (kind != 9)	/* one in ten: all but the message itself */
				add((struct recipe){ m % 2 ? ECHO : MSG, c, m, EFFECT_NONE, "first", 0, at });
			if (kind % 2 == 0) {
				add((struct recipe){ EV, c, m, EFFECT_EDIT, "one", 1, at + 50 * SECOND });
				add((struct recipe){ EV, c, m, EFFECT_EDIT, "two", 2, at + 40 * SECOND });
				add((struct recipe){ EV, c, m, EFFECT_EDIT, "zwei", 2, at + 40 * SECOND });
			}
			if (kind % 3 == 0) {
				add((struct recipe){ EV, c, m, EFFECT_REACT, "heart", 0, at + 10 * SECOND });
				add((struct recipe){ EV, c, m, EFFECT_REACT, "laugh", 0, at + 10 * SECOND });
			}
			if (kind % 6 == 0)
				add((struct recipe){ EV, c, m, EFFECT_UNREACT, NULL, 0, at + 10 * SECOND });
			if (kind % 4 == 3 || kind == 9)
				add((struct recipe){ EV, c, m, EFFECT_UNSEND, NULL, 0, at + 60 * SECOND });
			if (kind % 2 == 1) {
				add((struct recipe){ EV, c, m, EFFECT_STATUS, "delivered", 0, at + 5 * SECOND });
				add((struct recipe){ EV, c, m, EFFECT_READ, NULL, 0, at + 6 * SECOND });
				add((struct recipe){ EV, c, m, EFFECT_STATUS, "failed", 0, at + 7 * SECOND });
			}
		}
}

static void
make_item(struct delivery *d, const struct recipe *r)
{
	char c[20], id[20], name[20];
	struct item *it;

	snprintf(c, sizeof c, "c%d", r->contact);
	snprintf(id, sizeof id, "M%d.%d", r->contact, r->msg);
	if (r->what == EV) {
		dbt_event(d, c, r->effect, id, r->text, r->num, r->at);
		return;
	}
	it = dbt_message(d, c, id, r->text, r->at);
	it->reply_to = r->msg > 0 ? "M0" : NULL;
	it->detail = "{\"d\":1}";
	snprintf(name, sizeof name, "name %d", r->msg / 2);
	it->name = mem_arena_dup(&d->items.arena, name);
	item_att_add(&d->items, it)->url = "https://cdn.example/1";
	if (r->what == ECHO) {
		it->dir = DIR_OUT;
		it->echo = true;
	}
}

/* Everything that must not depend on the order.  Left out: ids of rows, what
 * belongs to the delivery that was first, and times that lag by up to a minute. */
static const char digest_sql[] =
    "select md5(string_agg(x, E'\\n' order by x collate \"C\")) from ("
    " select concat_ws('|', 'm', m.external_id, c.external_id, direction, kind, body, detail, reply_to, status,"
    "  sent_at, sent_at_known, edited_at, deleted_at, delivered_at, read_at, is_test, source, placeholder) as x"
    "  from dmbox.messages m left join dmbox.contacts c on c.id = m.contact_id"
    " union all select concat_ws('|', 'c', external_id, name) from dmbox.contacts"
    " union all select concat_ws('|', 'r', m.external_id, c.external_id, emoji, reacted_at, removed_at)"
    "  from dmbox.reactions r join dmbox.messages m on m.id = r.message_id"
    "  left join dmbox.contacts c on c.id = r.contact_id"
    " union all select concat_ws('|', 'v', m.external_id, version, e.body, e.edited_at)"
    "  from dmbox.message_edits e join dmbox.messages m on m.id = e.message_id"
    " union all select concat_ws('|', 'a', m.external_id, position, type, url) from dmbox.attachments a"
    "  join dmbox.messages m on m.id = a.message_id"
    " union all select concat_ws('|', 'e', event_key, kind, effect, target_id, text, num, raw, occurred_at,"
    "  applied_at is null) from dmbox.events) t";

static void
play(bool shuffled)
{
	size_t order[3 * ITEMS_MAX], n = 0, at = 0;

	for (size_t i = 0; i < n_day; i++)
		for (uint32_t k = shuffled ? rnd(3) / 2 + 1 : 1; k > 0; k--)
			order[n++] = i;
	for (size_t i = n; shuffled && i > 1; i--) {
		size_t j = rnd((uint32_t)i), t = order[i - 1];

		order[i - 1] = order[j];
		order[j] = t;
	}
	while (at < n) {
		struct delivery d[4], *v[4];
		size_t k = 1 + rnd(4);

		for (size_t i = 0; i < k; i++) {
			size_t m = shuffled ? rnd(120) : 25;

			v[i] = &d[i];
			dbt_delivery(&d[i]);
			for (; m > 0 && at < n; m--)
				make_item(&d[i], &day[order[at++]]);
		}
		assert_int_equal(store_deliveries(db, v, k), RC_OK);
		for (size_t i = 0; i < k; i++)
			delivery_free(&d[i]);
	}
}

static void
test_shuffles(void **state)
{
	const char *env = getenv("DMBOX_TEST_SHUFFLES");
	int times = env != NULL ? (int)strtol(env, NULL, 10) : 25;
	char *want, *got;

	(void)state;
	seed = 20251113;
	make_day();
	dbt_clean(db);
	play(false);
	want = dbt_text(db, digest_sql);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), CONTACTS * MESSAGES);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.events where applied_at is null"), 0);
	for (int i = 0; i < times; i++) {
		dbt_clean(db);
		play(true);
		got = dbt_text(db, digest_sql);
		if (strcmp(want, got) != 0)
			fail_msg("shuffle %d gives other rows", i);
		free(got);
		assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	}
	free(want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_shuffles) };
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

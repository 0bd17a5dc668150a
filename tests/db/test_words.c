/*
 * The words of messages stand beside them and are entered later (sql/028-words.sql): a
 * search finds a text before and after, whatever other transactions do meanwhile, and no
 * word outlives its text.
 */
#include "dbtest.h"

static struct db *db;

static void
script(struct db *on, const char *sql)
{
	if (db_script(on, sql) != RC_OK)
		fail_msg("%s: %s", sql, db_error(on));
}

static void
enter_words(void)
{
	while (dbt_i64(db, "select dmbox.search_upkeep()") > 0)
		;
}

static void
message(const char *id, const char *text)
{
	struct delivery d;

	dbt_delivery(&d);
	dbt_message(&d, "c1", id, text, T0);
	dbt_store(db, &d);
	assert_int_equal(d.stored, 1);
}

static void
event(enum effect e, const char *target, const char *text, int64_t num)
{
	struct delivery d;

	dbt_delivery(&d);
	dbt_event(&d, "c1", e, target, text, num, T0 + num);
	dbt_store(db, &d);
}

/* How many messages the page's search and that of the API find by a word; the same, or it fails. */
static int64_t
found(const char *word)
{
	char sql[200];
	int64_t n;

	snprintf(sql, sizeof sql, "select count(distinct message_id) from dmbox.desk_search(array['main'],"
	    " array['instagram'], '%s')", word);
	n = dbt_i64(db, sql);
	snprintf(sql, sizeof sql, "select count(*) from dmbox.search('instagram', array['main'], '%s')", word);
	assert_int_equal(dbt_i64(db, sql) > 0, n > 0);
	return n;
}

static int64_t
entered(const char *word)
{
	char sql[200];

	snprintf(sql, sizeof sql, "select count(*) from dmbox.message_words"
	    " where words @@ dmbox.words_query('instagram', 'main', '%s')", word);
	return dbt_i64(db, sql);
}

/* More messages than a search looks at one by one. */
static void
others(void)
{
	script(db, "insert into dmbox.messages (account, channel, provider, external_id, contact_id, direction, kind,"
	    "  body, status, sent_at, sent_at_known, received_at, source)"
	    " select 'main', 'instagram', 'graph', 'o' || txid_current() || '-' || i, c.id, 'inbound', 'text', 'one of many',"
	    "  'received', now(), true, now(), 'webhook' from generate_series(1, 3100) i, dmbox.contacts c");
}

static void
test_found(void **state)
{
	struct db *other;

	(void)state;
	message("M1", "an early azure");
	assert_int_equal(found("azure"), 1);
	others();
	assert_int_equal(found("azure"), 1);
	assert_int_equal(entered("azure"), 0);
	enter_words();
	assert_int_equal(entered("azure"), 1);
	assert_int_equal(found("azure"), 1);
	message("M2", "a later azure");
	assert_int_equal(found("azure"), 2);
	others();
	assert_int_equal(found("azure"), 2);
	enter_words();
	assert_int_equal(found("azure"), 2);
	assert_int_equal(dbt_i64(db, "select count(*) - (select count(*) from dmbox.messages) from dmbox.message_words"), 0);
	/* words are taken apart however a hoster has strings read; a new session, for functions
	 * are parsed once in each */
	message("M3", "kiss of sadness");
	other = dbt_open();
	script(other, "set standard_conforming_strings = off");
	assert_int_equal(dbt_i64(other, "select count(*) from dmbox.desk_search(array['main'], array['instagram'], 'kiss sadness')"), 1);
	db_free(other);
}

/* With text, words change and go: of what was entered, and of what was not. */
static void
test_changed(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		char id[3][8];

		for (int i = 0; i < 3; i++) {
			snprintf(id[i], sizeof id[i], "C%d%d", late, i);
			message(id[i], "scarlet");
		}
		if (late == 0)
			enter_words();
		event(EFFECT_EDIT, id[0], "emerald", 1);
		assert_int_equal(found("scarlet"), 2);
		assert_int_equal(found("emerald"), 1);
		event(EFFECT_UNSEND, id[1], NULL, 2);
		script(db, "delete from dmbox.messages where external_id like 'C_2'");
		enter_words();
		assert_int_equal(found("scarlet"), 0);
		assert_int_equal(entered("scarlet"), 0);
		assert_int_equal(found("emerald"), 1);
		assert_int_equal(entered("emerald"), 1);
		event(EFFECT_UNSEND, id[0], NULL, 3);
		assert_int_equal(entered("emerald"), 0);
	}
	message("C3", "scarlet");
	enter_words();
	script(db, "truncate dmbox.messages restart identity");
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.message_words"), 0);
	message("C4", "scarlet");
	enter_words();
	assert_int_equal(entered("scarlet"), 1);
}

/* A lower id may be committed after a higher one, and a text be erased by a transaction that
 * is open while words are entered. */
static void
test_open(void **state)
{
	struct db *other = dbt_open();

	(void)state;
	script(db, "delete from dmbox.messages where external_id like 'o%'");
	enter_words();
	script(other, "begin; insert into dmbox.messages (account, channel, provider, external_id, contact_id, direction,"
	    "  kind, body, status, sent_at, sent_at_known, received_at, source)"
	    " select 'main', 'instagram', 'graph', 'low', id, 'inbound', 'text', 'crimson', 'received', now(), true,"
	    "  now(), 'webhook' from dmbox.contacts");
	message("high", "crimson");
	for (int i = 0; i < 3; i++)
		enter_words();
	assert_int_equal(entered("crimson"), 0);
	assert_int_equal(found("crimson"), 1);
	script(other, "commit");
	enter_words();
	assert_int_equal(entered("crimson"), 2);
	message("later", "crimson");
	script(other, "begin; update dmbox.messages set body = null where external_id in ('low', 'later');"
	    " delete from dmbox.messages where external_id = 'high'");
	for (int i = 0; i < 3; i++)
		enter_words();
	assert_int_equal(entered("crimson"), 2);
	script(other, "commit");
	assert_int_equal(entered("crimson"), 0);
	enter_words();
	assert_int_equal(entered("crimson"), 0);
	assert_int_equal(found("crimson"), 0);
	db_free(other);
}

/* The same of a text that was to be entered next, when the other transaction began. */
static void
test_erased(void **state)
{
	struct db *other = dbt_open();

	(void)state;
	script(other, "begin; lock table dmbox.messages in row exclusive mode");
	message("secret", "vermilion");
	enter_words();
	assert_int_equal(dbt_i64(db, "select ready - upto from dmbox.word_marks"), 1);
	script(other, "commit; begin; update dmbox.messages set body = null where external_id = 'secret'");
	enter_words();
	script(other, "commit");
	enter_words();
	assert_int_equal(dbt_i64(db, "select ready - upto from dmbox.word_marks"), 0);
	assert_int_equal(entered("vermilion"), 0);
	db_free(other);
}

/* What one account says all the time hides nothing of another's, whichever of them are asked,
 * and however a word is written. */
static void
test_accounts(void **state)
{
	static const char *const names[] = { "array['rare']", "array['main','rare']", "array['rare','main']" };
	static const char *const words[] = { "amber", "O''Hara", "foo-bar" }, *const quoted[] = { "amber", "O''''Hara", "foo-bar" };
	char sql[600];

	(void)state;
	script(db, "insert into dmbox.contacts (account, channel, external_id) values ('rare', 'instagram', 'r1')");
	for (int many = 0; many < 2; many++) {
		snprintf(sql, sizeof sql, "insert into dmbox.messages (account, channel, provider, external_id, contact_id, direction, kind,"
		    "  body, status, sent_at, sent_at_known, received_at, source)"
		    " select account, channel, 'graph', 'r%d', id, 'inbound', 'text', 'amber O''Hara foo-bar', 'received', now(), true,"
		    "  now(), 'webhook' from dmbox.contacts where account = 'rare'", many);
		script(db, sql);
		/* the second time as many as are not looked for in the index */
		script(db, many ? "alter table dmbox.messages alter column id restart with 10000000" : "select 1");
		script(db, "insert into dmbox.messages (account, channel, provider, external_id, contact_id, direction, kind,"
		    "  body, status, sent_at, sent_at_known, received_at, source)"
		    " select account, channel, 'graph', 'a' || txid_current() || '-' || i, id, 'inbound', 'text', 'amber O''Hara foo-bar',"
		    "  'received', now(), true, now(), 'webhook' from generate_series(1, 6100) i, dmbox.contacts where account = 'main'");
		enter_words();
		for (int i = 0; i < 9; i++) {
			snprintf(sql, sizeof sql, "select count(distinct s.message_id) from dmbox.desk_search(%s, array_fill('instagram'::text,"
			    " array[cardinality(%s)]), '%s') s join dmbox.messages m on m.id = s.message_id where m.account = 'rare'",
			    names[i / 3], names[i / 3], words[i % 3]);
			if (dbt_i64(db, sql) != 1 + many)
				fail_msg("%s: %lld", sql, (long long)dbt_i64(db, sql));
			snprintf(sql, sizeof sql, "select count(distinct s.contact_id) from dmbox.search('instagram', %s, '''%s'':*') s"
			    " join dmbox.contacts c on c.id = s.contact_id where c.account = 'rare'", names[i / 3], quoted[i % 3]);
			if (dbt_i64(db, sql) != 1)
				fail_msg("%s: %lld", sql, (long long)dbt_i64(db, sql));
		}
	}
	/* words as long as may be */
	script(db, "insert into dmbox.messages (account, channel, provider, external_id, contact_id, direction, kind,"
	    "  body, status, sent_at, sent_at_known, received_at, source)"
	    " select account, channel, 'graph', 'long', id, 'inbound', 'text', repeat('x', 2046) || ' cobalt ' || repeat('y', 5000),"
	    "  'received', now(), true, now(), 'webhook' from dmbox.contacts where account = 'main'");
	enter_words();
	assert_int_equal(entered("cobalt"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found), cmocka_unit_test(test_changed), cmocka_unit_test(test_open),
		cmocka_unit_test(test_erased), cmocka_unit_test(test_accounts),
	};

	db = dbt_open();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

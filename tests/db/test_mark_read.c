/* Thousands of unread messages are marked in parts, of which each is short. */
#include "dbtest.h"
#include "store/view.h"

enum { UNREAD = 7000, PART = 500 };

static struct db *db;

/* Mark until there is nothing left; how many in all. */
static int64_t
mark_all(int64_t contact, const struct view_cursor *up_to)
{
	int64_t n, sum = 0;
	int calls = 0;

	do {
		assert_int_equal(view_mark_read(db, CHANNEL_INSTAGRAM, contact, up_to, &n), RC_OK);
		sum += n;
	} while (n > 0 && ++calls < UNREAD);
	return sum;
}

static void
test_parts(void **state)
{
	struct view_cursor all = { .set = false }, some = { .set = true };
	uint64_t trips = 0;
	int64_t contact;
	char sql[400];

	(void)state;
	dbt_clean(db);
	assert_int_equal(db_script(db, "insert into dmbox.contacts (account, channel, external_id)"
	    " values ('main', 'instagram', 'c')"), RC_OK);
	contact = dbt_i64(db, "select id from dmbox.contacts");
	snprintf(sql, sizeof sql, "insert into dmbox.messages (account, channel, provider, external_id, contact_id,"
	    " direction, kind, body, status, sent_at, sent_at_known, received_at, source)"
	    " select 'main', 'instagram', 'graph', 'm' || i, %lld, 'inbound', 'text', 'words', 'received',"
	    " now() + i / 3 * interval '1 second', true, now(), 'webhook' from generate_series(1, %d) i",
	    (long long)contact, UNREAD);
	assert_int_equal(db_script(db, sql), RC_OK);
	some.id = dbt_i64(db, "select id from dmbox.messages where external_id = 'm100'");
	assert_int_equal(mark_all(contact, &some), 100);
	dbt_is(db, "select max(substr(external_id, 2)::int)::text from dmbox.messages where read_at is not null", "100");
	trips = db_round_trips(db);
	assert_int_equal(mark_all(contact, &all), UNREAD - 100);
	assert_true(db_round_trips(db) - trips >= (UNREAD - 100) / PART);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages where read_at is null"), 0);
	assert_int_equal(mark_all(contact, &all), 0);
	dbt_is(db, "select (max(n) <= 500)::text from (select count(*) n from dmbox.messages group by xmin::text) x", "true");
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parts) };
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

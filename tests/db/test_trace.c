/* dmbox why: which row a bare number names. */
#include "dbtest.h"
#include "store/trace.h"

static struct db *db;

static void
check(const char *id, enum rc want, const char *first)
{
	struct trace_scope scope = { { 0 }, { 0 } };
	struct trace t = { 0 };

	strv_add(&scope.accounts, "main", 4);
	strv_add(&scope.channels, "instagram", 9);
	assert_int_equal(trace_message(db, &scope, id, &t), want);
	if (first != NULL) {
		bool found = false;

		for (size_t i = 0; i < t.n; i++)
			found |= strstr(t.v[i].detail, first) != NULL;
		if (!found)
			fail_msg("%s: no %s among %zu stations", id, first, t.n);
	}
	trace_free(&t);
	strv_free(&scope.accounts);
	strv_free(&scope.channels);
}

static void
test_numbers(void **state)
{
	(void)state;
	dbt_clean(db);
	assert_int_equal(db_script(db,
	    "insert into dmbox.messages (id, account, channel, thread_id, provider, external_id, direction, kind, status,"
	    " sent_at, sent_at_known, received_at, source, outbox_id) overriding system value values"
	    " (1000005, 'main', 'instagram', '', 'chatrace', 'mid-five', 'inbound', 'text', 'received', now(), true, now(), 'webhook', null),"
	    " (1000009, 'main', 'instagram', '', 'chatrace', 'mid-nine', 'outbound', 'text', 'sent', now(), true, now(), 'send', 1000005);"
	    "insert into dmbox.outbox (id, account, channel, provider, recipient_id, body, state, message_id) overriding system value values"
	    " (1000005, 'main', 'instagram', 'chatrace', 'c1', 'x', 'sent', 1000009),"
	    " (1000007, 'main', 'instagram', 'chatrace', 'c1', 'x', 'dead', null)"),
	    RC_OK);
	check("1000005", RC_OK, "\"mid-five\"");	/* messages.id, though a send has the number, too */
	check("out:1000005", RC_OK, "\"mid-nine\"");
	check("1000009", RC_OK, "\"mid-nine\"");
	check("1000007", RC_OK, "\"outbox\": 1000007");	/* a send alone */
	check("out:1000009", RC_NONE, NULL);
	check("1000001", RC_NONE, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_numbers) };
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

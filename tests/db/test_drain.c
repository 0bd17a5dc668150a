/* From the spool into the database: in order, once, and back when it is away. */
#include <stdio.h>
#include <unistd.h>

#include "provider/list.h"
#include "dbtest.h"
#include "bridge/ingest.h"
#include "bridge/spool.h"

static struct db *db;

static void
test_drain(void **state)
{
	struct db *none = db_new(&(struct db_opts){ .conninfo = "host=/nonexistent dbname=x" });
	struct conf conf = { 0 };	/* the account was removed since: the bytes say enough */
	char dir[] = "/tmp/dmbox-drain.XXXXXX", cmd[100];
	struct spool_stat st;
	struct spool *sp = NULL;
	size_t done;

	(void)state;
	dbt_clean(db);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(spool_open(dir, &sp), RC_OK);
	for (int i = 0; i < 150; i++) {
		struct delivery d, *v = &d;
		char body[400];

		delivery_init(&d);
		d.account = "main";
		d.channel = CHANNEL_WHATSAPP;
		d.provider = &provider_greenapi;
		d.received_at_us = T0 + i;
		/* every third one comes again, as a provider would send it */
		snprintf(body, sizeof body, "{\"typeWebhook\":\"incomingMessageReceived\",\"timestamp\":1752345678,"
		    "\"idMessage\":\"M%d\",\"senderData\":{\"chatId\":\"70000000001@c.us\",\"sender\":\"70000000001@c.us\"},"
		    "\"messageData\":{\"typeMessage\":\"textMessage\",\"textMessageData\":{\"textMessage\":\"Hi\"}}}",
		    i % 3 == 2 ? i - 1 : i);
		d.body = body;
		d.body_n = i == 149 ? 5 : strlen(body);	/* and one is not understood */
		assert_int_equal(ingest(none, sp, &v, 1), RC_OK);
		assert_int_equal(d.rc, RC_DUP);
		delivery_free(&d);
	}
	assert_int_equal(ingest_drain(none, &conf, sp, 1000, &done), RC_TEMP);
	assert_int_equal(spool_stat(sp, &st), RC_OK);
	assert_int_equal(st.waiting, 150);
	assert_int_equal(ingest_drain(db, &conf, sp, 70, &done), RC_OK);
	assert_int_equal(done, 70);
	assert_int_equal(dbt_i64(db, "select max(extract(microseconds from received_at)::bigint % 1000) from dmbox.deliveries"), 69);
	assert_int_equal(ingest_drain(db, &conf, sp, 1000, &done), RC_OK);
	assert_int_equal(done, 80);
	assert_int_equal(spool_stat(sp, &st), RC_OK);
	assert_int_equal(st.waiting + st.bad, 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where source = 'spool'"), 150);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 100);
	assert_int_equal(dbt_i64(db, "select sum(duplicates) from dmbox.deliveries"), 49);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where reason = 'not_understood' and ignored = 1"), 1);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	spool_close(sp);
	db_free(none);
	for (int i = 0; i < 4; i++) {
		snprintf(cmd, sizeof cmd, "%s/%s", dir, (const char *const[]){ "tmp", "new", "cur", "bad" }[i]);
		assert_int_equal(rmdir(cmd), 0);
	}
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_drain) };
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

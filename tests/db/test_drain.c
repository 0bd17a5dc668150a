/* From the spool into the database: in order, once, and back when it is away. */
#include <stdio.h>
#include <fcntl.h>
#include <sys/stat.h>
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

/* The pauses of files that failed are over: what the clock would do. */
static void
pauses_over(const char *dir)
{
	char pattern[100];
	glob_t g;

	snprintf(pattern, sizeof pattern, "%s/new/*", dir);
	if (glob(pattern, 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		assert_int_equal(utimensat(AT_FDCWD, g.gl_pathv[i],
		    (struct timespec[2]){ { .tv_sec = 1 }, { .tv_sec = 1 } }, 0), 0);
	globfree(&g);
}

/* An error that we do not know: from a hoster's trigger, an extension, a bug of the server.
 * It costs no delivery, its own neither, however often it is tried. */
static void
test_unknown_errors(void **state)
{
	static const char *const codes[] = { "P0001", "XX000", "XX001", "0A000", "42601", "55000", "F0000",
	    "HV000", "25P02", "72000", "38000", "39000", "2F000", "0L000", "21000", "44000" };
	struct conf conf = { 0 };
	char dir[] = "/tmp/dmbox-drain.XXXXXX", sql[600];
	struct spool_stat st;
	struct spool *sp = NULL;
	size_t done;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(spool_open(dir, &sp), RC_OK);
	for (size_t i = 0; i < 2 * (sizeof codes / sizeof codes[0]); i++) {
		bool all = i % 2 == 1;	/* each delivery, or one of ten */

		dbt_clean(db);
		snprintf(sql, sizeof sql, "create or replace function pg_temp.refuses() returns trigger language plpgsql"
		    " as $$ begin if %s then raise exception 'no' using errcode = '%s'; end if; return new; end $$;"
		    " create trigger refuses before insert on dmbox.messages for each row"
		    " execute function pg_temp.refuses()", all ? "true" : "new.external_id = 'E3'", codes[i / 2]);
		assert_int_equal(db_script(db, sql), RC_OK);
		for (int k = 0; k < 10; k++) {
			struct delivery d;
			char body[400];

			delivery_init(&d);
			d.account = "main";
			d.provider = &provider_chatrace;
			snprintf(body, sizeof body, "{\"senderId\":\"5\",\"messageId\":\"E%d\",\"text\":\"x\"}", k);
			d.body = body;
			d.body_n = strlen(body);
			assert_int_equal(spool_put(sp, &d), RC_OK);
			delivery_free(&d);
		}
		for (int again = 0; again < 3; again++) {
			pauses_over(dir);
			assert_int_equal(ingest_drain(db, &conf, sp, 1000, &done), RC_OK);
			assert_int_equal(spool_stat(sp, &st), RC_OK);
			assert_int_equal(st.bad, 0);
			if (st.waiting != (all ? 10 : 1))
				fail_msg("%s: %zu wait", codes[i / 2], st.waiting);
		}
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), all ? 0 : 9);
		assert_int_equal(db_script(db, "drop trigger refuses on dmbox.messages"), RC_OK);
		pauses_over(dir);
		assert_int_equal(ingest_drain(db, &conf, sp, 1000, &done), RC_OK);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 10);
		assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	}
	spool_close(sp);
	for (int i = 0; i < 4; i++) {
		snprintf(sql, sizeof sql, "%s/%s", dir, (const char *const[]){ "tmp", "new", "cur", "bad" }[i]);
		assert_int_equal(rmdir(sql), 0);
	}
	assert_int_equal(rmdir(dir), 0);
}

/* DMBOX_SPOOL_DIR was changed: what waits in the folder of before is stored all the same,
 * and again what a program with the old configuration leaves there later. */
static void
test_moved(void **state)
{
	struct db *none = db_new(&(struct db_opts){ .conninfo = "host=/nonexistent dbname=x" });
	char old[] = "/tmp/dmbox-drain.XXXXXX", new[] = "/tmp/dmbox-drain.XXXXXX", cmd[200];
	struct conf conf = { .spool_dir = old };
	struct spool *sp = NULL;
	size_t done = 9;

	(void)state;
	dbt_clean(db);
	assert_int_equal(db_script(db, "delete from dmbox.heartbeats where name like 'spool %'"), RC_OK);
	assert_non_null(mkdtemp(old));
	assert_non_null(mkdtemp(new));
	assert_int_equal(spool_open(old, &sp), RC_OK);
	assert_int_equal(ingest_drain_before(db, &conf, &done), RC_OK);
	assert_int_equal(done, 0);
	conf.spool_dir = new;
	for (int i = 0; i < 3; i++) {
		struct delivery d, *v = &d;

		delivery_init(&d);
		d.account = "main";
		d.channel = CHANNEL_INSTAGRAM;
		d.provider = &provider_graph;
		d.body = "{\"object\":\"instagram\"}";
		d.body_n = strlen(d.body);
		assert_int_equal(ingest(none, sp, &v, 1), RC_OK);
		assert_int_equal(d.rc, RC_DUP);
		delivery_free(&d);
		assert_int_equal(ingest_drain_before(none, &conf, &done), RC_TEMP);
		assert_int_equal(ingest_drain_before(db, &conf, &done), RC_OK);
		assert_int_equal(done, 1);
		assert_int_equal(ingest_drain_before(db, &conf, &done), RC_OK);
		assert_int_equal(done, 0);
		assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries"), i + 1);
	}
	spool_close(sp);
	snprintf(cmd, sizeof cmd, "rm -rf %s", old);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(ingest_drain_before(db, &conf, &done), RC_OK);	/* nothing is made anew */
	assert_int_equal(access(old, F_OK), -1);
	conf.spool_dir = old;	/* and back again */
	assert_int_equal(ingest_drain_before(db, &conf, &done), RC_OK);
	dbt_is(db, "select count(*)::text || (min(info ->> 'dir') like '/tmp/%')::text from dmbox.heartbeats"
	    " where name like 'spool %' and jsonb_array_length(info -> 'before') = 1", "1true");
	db_free(none);
	assert_int_equal(rmdir(new), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_drain),
	    cmocka_unit_test(test_unknown_errors), cmocka_unit_test(test_moved) };
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

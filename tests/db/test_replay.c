/* Replay: the same bytes give the same keys, verdicts stand, signatures are checked
 * again, and the balance stays even. */
#include "provider/graph/graph.h"
#include "dbtest.h"
#include "bridge/ingest.h"
#include "bridge/replay.h"
#include "store/purge.h"
#include "extern/sign.h"
#include "base/str.h"

#define OWN "17841400000000001"

static struct db *db;
static char *secret_list[] = { (char *)"made-up-app-secret" };
static struct meta_own other_own;
static struct meta_own shop_own = { .app_secrets = { secret_list, 1 } };
static struct account accounts[] = {
	{ .name = (char *)"main", .channel = CHANNEL_INSTAGRAM, .provider = &provider_chatrace },
	{ .name = (char *)"meta", .channel = CHANNEL_INSTAGRAM, .provider = &provider_graph,
	  .own_id = (char *)OWN, .own = &shop_own },
	{ .name = (char *)"other", .channel = CHANNEL_INSTAGRAM, .provider = &provider_graph,
	  .own_id = (char *)"17841400000000002", .own = &other_own },
};
static struct conf conf = { .accounts = accounts, .n_accounts = 2 };

/* ... and one of somebody else, with a secret of its own, that is configured only later */
#define OTHER_OWN "17841400000000002"
static char *other_secrets[] = { (char *)"secret-of-the-other" };
static char *both_secrets[] = { (char *)"secret-of-the-other", (char *)"made-up-app-secret" };

static const char graph_body[] = "{\"object\":\"instagram\",\"entry\":[{\"id\":\"" OWN "\",\"time\":1763000000,"
    "\"messaging\":[{\"sender\":{\"id\":\"6500000000000001\"},\"recipient\":{\"id\":\"" OWN "\"},"
    "\"timestamp\":1763000000000,\"message\":{\"mid\":\"mid.r1\",\"text\":\"hi\"}}]}]}";
/* neither id nor time */
static const char weak_body[] = "{\"senderId\":\"1000031213000000001\",\"text\":\"hello\"}";

static int64_t
arrive(const struct account *a, const char *body, const char *headers, enum source source)
{
	struct delivery d, *v = &d;
	int64_t id;

	delivery_init(&d);
	d.account = a->name;
	d.channel = a->channel;
	d.provider = a->provider;
	d.source = source;
	d.received_at_us = T0;
	d.headers = headers;
	d.body = body;
	d.body_n = strlen(body);
	d.request_id = "req-of-the-first";
	ingest_parse(&conf, a, &d);
	assert_int_equal(ingest(db, NULL, &v, 1), RC_OK);
	id = d.id;
	delivery_free(&d);
	return id;
}

static void
signature(const char *secret, const char *body, char out[256])
{
	unsigned char mac[SIGN_SHA256];
	char hex[2 * SIGN_SHA256 + 1];

	sign_hmac_sha256(secret, strlen(secret), body, strlen(body), mac);
	str_hex(mac, sizeof mac, hex);
	snprintf(out, 256, "{\":path\":\"/instagram/webhook/meta\",\"x-hub-signature-256\":\"sha256=%s\"}", hex);
}

static struct replay_one last;

static void
each(void *arg, const struct replay_one *o)
{
	(void)arg;
	last = *o;
}

static void
replay(int64_t id, bool dry, enum replay_result want)
{
	struct replay_want w = { .each = each, .dry = dry };
	struct replay_counts n;

	assert_int_equal(replay_ids(db, &conf, &w, &id, 1, &n), RC_OK);
	assert_int_equal(n.deliveries, 1);
	assert_string_equal(replay_result_names[last.result], replay_result_names[want]);
	assert_int_equal(n.by_result[want], 1);
}

static void
even(void)
{
	assert_int_equal(dbt_i64(db, "select coalesce(sum(missing), 0) from dmbox.ingest_balance"), 0);
}

static void
test_same(void **state)
{
	int64_t id;

	(void)state;
	dbt_clean(db);
	id = arrive(&accounts[0], weak_body, "{\":path\":\"/instagram/webhook\"}", SOURCE_WEBHOOK);
	replay(id, false, REPLAY_DONE);
	assert_int_equal(last.weak, 1);		/* the original's time, so the same bucket */
	assert_int_equal(last.stored, 0);
	assert_false(last.signature);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 1);
	dbt_is(db, "select string_agg(source, ' ' order by id) from dmbox.deliveries", "webhook replay");
	assert_int_equal(dbt_i64(db, "select count(distinct body) from dmbox.deliveries"), 1);
	assert_int_equal(dbt_i64(db, "select count(distinct received_at) from dmbox.deliveries"), 1);
	dbt_is(db, "select request_id from dmbox.deliveries where source = 'replay'", "req-of-the-first");
	even();
	/* a row lost by hand comes back to the delivery that had brought it */
	assert_int_equal(db_script(db, "delete from dmbox.messages"), RC_OK);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 1);
	replay(id, true, REPLAY_DONE);
	assert_int_equal(last.stored, 1);	/* a dry run tells, and does nothing */
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 0);
	replay(id, false, REPLAY_DONE);
	assert_int_equal(last.stored, 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 1);
	assert_int_equal(dbt_i64(db, "select delivery_id from dmbox.messages"), id);
	even();
}

static void
test_signature(void **state)
{
	struct replay_want w = { .each = each, .any_signature = true };
	struct replay_counts n;
	char good[256], bad[256];
	int64_t id, old;

	(void)state;
	dbt_clean(db);
	signature("made-up-app-secret", graph_body, good);
	signature("another-app-secret", graph_body, bad);
	id = arrive(&accounts[1], graph_body, good, SOURCE_WEBHOOK);
	replay(id, false, REPLAY_DONE);
	assert_true(last.signature);
	assert_int_equal(last.duplicates, 1);
	old = arrive(&accounts[1], graph_body, bad, SOURCE_WEBHOOK);	/* its secret was replaced since */
	replay(old, false, REPLAY_BAD_SIGNATURE);
	assert_int_equal(last.made, 0);
	assert_int_equal(replay_ids(db, &conf, &w, &old, 1, &n), RC_OK);
	assert_int_equal(n.by_result[REPLAY_DONE], 1);
	/* bytes that somebody changed in the table */
	assert_int_equal(db_script(db, "update dmbox.deliveries set body = convert_to(replace("
	    "convert_from(body, 'UTF8'), 'hi', 'ho'), 'UTF8')"), RC_OK);
	replay(id, false, REPLAY_BAD_SIGNATURE);
	/* without one nothing can be checked: the verdict stands */
	id = arrive(&accounts[1], graph_body, "{}", SOURCE_WEBHOOK);
	replay(id, false, REPLAY_DONE);
	assert_false(last.signature);
	even();
}

/* An entry of an account whose secret did not sign the bytes is not stored there, whatever
 * way they come again; one whose secret fits is. */
static void
test_foreign(void **state)
{
	static const char body[] = "{\"object\":\"instagram\",\"entry\":[{\"id\":\"" OTHER_OWN "\",\"time\":1763000000,"
	    "\"messaging\":[{\"sender\":{\"id\":\"6500000000000001\"},\"recipient\":{\"id\":\"" OTHER_OWN "\"},"
	    "\"timestamp\":1763000000000,\"message\":{\"mid\":\"mid.f1\",\"text\":\"hi\"}}]}]}";
	static const enum source sources[] = { SOURCE_WEBHOOK, SOURCE_SPOOL, SOURCE_REPLAY, SOURCE_DOCTOR };
	struct delivery d;
	char head[256], *hook = (char *)"/webhook/meta\"";
	int64_t id;

	(void)state;
	dbt_clean(db);
	signature("made-up-app-secret", body, head);
	memcpy(strstr(head, hook), "/webhook\"     ", strlen(hook));	/* no account in the path */
	id = arrive(&accounts[1], body, head, SOURCE_WEBHOOK);	/* nobody's: ledger only */
	dbt_is(db, "select reason from dmbox.deliveries", "unknown_account");
	conf.n_accounts = 3;
	other_own.app_secrets = (struct strv){ other_secrets, 1 };
	replay(id, false, REPLAY_DONE);
	assert_int_equal(last.stored, 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 0);
	dbt_is(db, "select reason from dmbox.deliveries where source = 'replay'", "foreign_account");
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
		delivery_init(&d);
		d.account = "meta";
		d.channel = CHANNEL_INSTAGRAM;
		d.source = sources[i];
		d.headers = head;
		d.body = body;
		d.body_n = strlen(body);
		ingest_parse(&conf, &accounts[1], &d);
		assert_int_equal(d.items.n, 0);
		assert_string_equal(d.reason, INGEST_FOREIGN);
		delivery_free(&d);
	}
	other_own.app_secrets = (struct strv){ both_secrets, 2 };
	replay(id, false, REPLAY_DONE);
	assert_int_equal(last.stored, 1);
	dbt_is(db, "select account from dmbox.messages", "other");
	even();
	conf.n_accounts = 2;
}

/* A body that the parser refuses: its row, its bytes and its head come through. */
static void
test_not_understood(void **state)
{
	static const char junk[] = "{\"senderId\":\"100003121300000\",\"text\":\"cut in the mid";
	int64_t id;

	(void)state;
	dbt_clean(db);
	id = arrive(&accounts[0], junk, "{\":path\":\"/instagram/webhook\"}", SOURCE_WEBHOOK);
	replay(id, false, REPLAY_DONE);
	assert_int_equal(last.ignored, 1);
	id = arrive(&accounts[1], junk, "{\":path\":\"/instagram/webhook/meta\"}", SOURCE_WEBHOOK);
	replay(id, false, REPLAY_DONE);
	assert_int_equal(last.ignored, 1);
	dbt_is(db, "select string_agg(distinct account || ' ' || source || ' ' || reason || ' ' || ignored, ', ')"
	    " from dmbox.deliveries", "main replay not_understood 1, main webhook not_understood 1,"
	    " meta replay not_understood 1, meta webhook not_understood 1");
	assert_int_equal(dbt_i64(db, "select count(distinct (body, channel, request_id)) from dmbox.deliveries"), 1);
	assert_int_equal(dbt_i64(db, "select count(distinct headers) from dmbox.deliveries"), 2);
	even();
}

static void
test_not_replayed(void **state)
{
	struct purge_want pw = {0};
	struct purge_counts pc;
	struct delivery d;
	int64_t id;

	(void)state;
	dbt_clean(db);
	replay(999999, false, REPLAY_ABSENT);
	delivery_init(&d);
	d.account = "main";
	d.body = weak_body;
	d.body_n = strlen(weak_body);
	d.reason = "wrong_secret";
	assert_int_equal(store_refused(db, &d, 10), RC_OK);
	replay(d.id, false, REPLAY_REFUSED);
	delivery_free(&d);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 0);
	id = arrive(&accounts[0], weak_body, "{}", SOURCE_DOCTOR);
	replay(id, false, REPLAY_TEST);
	id = arrive(&accounts[1], graph_body, "{}", SOURCE_WEBHOOK);
	pw.before_us = T0 + 3600 * SECOND;
	assert_int_equal(purge_run(db, &pw, &pc), RC_OK);
	replay(id, false, REPLAY_ERASED);
	even();
}

/* Answers to polls are not shaped like deliveries. */
static void
test_polled(void **state)
{
	static const char conversation[] = "{\"id\":\"c1\",\"messages\":{\"data\":[{\"id\":\"mid.p1\","
	    "\"created_time\":\"2025-11-13T02:13:20+0000\",\"from\":{\"id\":\"6500000000000001\"},"
	    "\"to\":{\"data\":[{\"id\":\"" OWN "\"}]},\"message\":\"polled\"},{\"id\":\"mid.p0\"}]}}";
	static const char list[] = "[{\"senderId\":\"1000031213000000001\",\"text\":\"same\"},"
	    "{\"senderId\":\"1000031213000000001\",\"text\":\"same\"}]";
	int64_t a, b;

	(void)state;
	dbt_clean(db);
	a = arrive(&accounts[1], conversation, "{}", SOURCE_POLL);
	b = arrive(&accounts[0], list, "{}", SOURCE_POLL);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 3);
	dbt_is(db, "select direction from dmbox.messages where external_id = 'mid.p1'", "inbound");
	replay(a, false, REPLAY_DONE);
	assert_int_equal(last.duplicates, 1);
	replay(b, false, REPLAY_DONE);
	assert_int_equal(last.weak, 2);
	/* the same when it went through the spool */
	assert_int_equal(db_script(db, "update dmbox.deliveries set source = 'spool'"), RC_OK);
	replay(a, false, REPLAY_DONE);
	replay(b, false, REPLAY_DONE);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 3);
	even();
}

static void
test_since(void **state)
{
	struct replay_want w = { .each = each };
	struct replay_counts n;
	int64_t count;

	(void)state;
	dbt_clean(db);
	for (int i = 0; i < 1203; i++) {
		char body[200];

		snprintf(body, sizeof body, "{\"senderId\":\"1000031213000000001\",\"messageId\":\"m%d\",\"text\":\"x\"}", i);
		arrive(&accounts[0], body, "{}", SOURCE_WEBHOOK);
	}
	assert_int_equal(db_script(db, "delete from dmbox.messages where external_id in ('m7', 'm1200')"), RC_OK);
	assert_int_equal(replay_count(db, T0 - SECOND, &count), RC_OK);
	assert_int_equal(count, 1203);
	assert_int_equal(replay_since(db, &conf, &w, T0 - SECOND, &n), RC_OK);
	assert_int_equal(n.deliveries, 1203);
	assert_int_equal(n.stored, 2);
	assert_int_equal(n.duplicates, 1201);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 1203);
	even();
	/* again, and what a replay made is not replayed */
	assert_int_equal(replay_since(db, &conf, &w, T0 - SECOND, &n), RC_OK);
	assert_int_equal(n.deliveries, 1203);
	assert_int_equal(n.stored, 0);
	assert_int_equal(replay_since(db, &conf, &w, T0 + SECOND, &n), RC_OK);
	assert_int_equal(n.deliveries, 0);
	even();
}

/* A body is read as what it is, whichever provider the account has by now. */
static void
test_provider_changed(void **state)
{
	int64_t id;

	(void)state;
	dbt_clean(db);
	id = arrive(&accounts[0], weak_body, "{}", SOURCE_WEBHOOK);
	dbt_is(db, "select provider from dmbox.deliveries", "chatrace");
	assert_int_equal(db_script(db, "delete from dmbox.messages"), RC_OK);
	accounts[0].provider = &provider_graph;
	replay(id, false, REPLAY_DONE);
	assert_int_equal(last.stored, 1);
	dbt_is(db, "select provider from dmbox.messages", "chatrace");
	/* a row of the release before does not say it: the account's provider is asked */
	assert_int_equal(db_script(db, "update dmbox.deliveries set provider = null; delete from dmbox.messages"), RC_OK);
	replay(id, false, REPLAY_DONE);
	assert_int_equal(last.stored, 0);
	accounts[0].provider = &provider_chatrace;
	replay(id, false, REPLAY_DONE);
	assert_int_equal(last.stored, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same), cmocka_unit_test(test_signature), cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_not_understood),
		cmocka_unit_test(test_not_replayed), cmocka_unit_test(test_polled), cmocka_unit_test(test_since),
		cmocka_unit_test(test_provider_changed) };
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

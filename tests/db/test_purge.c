/* Erasure: everything of one contact goes and nothing else, it comes back through
 * no way of arrival, and the ledger's balance stays even. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/list.h"
#include "dbtest.h"
#include "bridge/ingest.h"
#include "task/media.h"
#include "store/outbox.h"
#include "store/purge.h"
#include "bridge/spool.h"

#define ANNA "6500000000000001"
#define BEN "65000000000000012"		/* Anna's id with a digit more */

static struct db *db;
static struct conf conf;

#define MSG(from, mid, text) "{\"sender\":{\"id\":\"" from "\"},\"recipient\":{\"id\":\"17841400000000001\"}," \
	"\"timestamp\":1763000000000,\"message\":{\"mid\":\"" mid "\",\"text\":\"" text "\"}}"
#define ENTRY(x) "{\"object\":\"instagram\",\"entry\":[{\"id\":\"17841400000000001\",\"time\":1763000000," \
	"\"messaging\":[" x "]}]}"

static const char one[] = ENTRY(MSG(ANNA, "mid.a1", "Anna secret")),
    mixed[] = ENTRY(MSG(ANNA, "mid.a2", "more of Anna") "," MSG(BEN, "mid.b1", "Ben here")),
    other[] = ENTRY(MSG(BEN, "mid.b2", "Ben again")),
    reaction[] = ENTRY("{\"sender\":{\"id\":\"" ANNA "\"},\"recipient\":{\"id\":\"17841400000000001\"},"
	"\"timestamp\":1763000001000,\"reaction\":{\"mid\":\"mid.b1\",\"action\":\"react\",\"emoji\":\"x\"}}"),
    edit[] = ENTRY("{\"sender\":{\"id\":\"" ANNA "\"},\"recipient\":{\"id\":\"17841400000000001\"},"
	"\"timestamp\":1763000002000,\"message_edit\":{\"mid\":\"mid.a1\",\"text\":\"edited secret\",\"num_edit\":1}}"),
    photo[] = ENTRY("{\"sender\":{\"id\":\"" ANNA "\"},\"recipient\":{\"id\":\"17841400000000001\"},"
	"\"timestamp\":1763000003000,\"message\":{\"mid\":\"mid.a3\",\"attachments\":[{\"type\":\"image\","
	"\"payload\":{\"url\":\"https://media.example/1.jpg\"}}]}}");

static void
prepare(struct delivery *d, const char *body)
{
	static struct account a = { .name = (char *)"main", .channel = CHANNEL_INSTAGRAM,
		.provider = &provider_graph };

	delivery_init(d);
	d->account = "main";
	d->channel = CHANNEL_INSTAGRAM;
	d->provider = &provider_graph;
	d->received_at_us = T0 + 3600 * SECOND;
	d->body = body;
	d->body_n = strlen(body);
	ingest_parse(&conf, &a, d);
}

static void
arrive(const char *body, size_t stored, size_t dup, size_t ignored)
{
	struct delivery d, *v = &d;

	prepare(&d, body);
	assert_int_equal(ingest(db, NULL, &v, 1), RC_OK);
	assert_int_equal(d.stored, stored);
	assert_int_equal(d.duplicates, dup);
	assert_int_equal(d.ignored, ignored);
	delivery_free(&d);
}

static int64_t
queue(const char *to, const char *text)
{
	struct outmsg part = { .recipient = to, .thread_id = "", .body = text };
	struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = "main", .provider = &provider_graph,
		.caller = "", .parts = &part, .n_parts = 1 };
	struct outbox_row row[2];
	size_t rows = 0;
	int64_t closed = 0;

	assert_int_equal(outbox_put(db, &n, 2, row, &rows, &closed), RC_OK);
	return row[0].id;
}

static void
fill(void)
{
	struct delivery d;

	arrive(one, 1, 0, 0);
	arrive(one, 0, 1, 0);		/* the provider came again: the bytes are there twice */
	arrive(mixed, 2, 0, 0);
	arrive(other, 1, 0, 0);
	arrive(reaction, 1, 0, 0);
	arrive(edit, 1, 0, 0);
	arrive(photo, 1, 0, 0);
	prepare(&d, one);		/* and once with a wrong signature */
	d.reason = "bad_signature";
	assert_int_equal(store_refused(db, &d, 60), RC_OK);
	delivery_free(&d);
}

static void
anna(struct purge_contact *c, struct mem_arena *m)
{
	size_t n = 0;

	assert_int_equal(purge_find(db, ANNA, m, c, 1, &n), RC_OK);
	assert_int_equal(n, 1);
	assert_string_equal(c->external_id, ANNA);
}

/* A person of a group: their own conversation, and what they wrote in groups. */
static void
test_group(void **state)
{
	static const char *const who[] = { "70000000001@c.us", "70000000002@c.us" };
	struct purge_counts n = {0}, dry = {0};
	struct mem_arena m = {0};
	struct purge_contact c;
	struct purge_want w = { .contact = &c };
	struct delivery d;
	struct item *it;
	size_t found = 0;
	char id[16];

	(void)state;
	dbt_clean(db);
	for (int i = 0; i < 4; i++) {
		dbt_delivery(&d);
		d.channel = CHANNEL_WHATSAPP;
		d.provider = &provider_greenapi;
		snprintf(id, sizeof id, "G%d", i);
		it = dbt_message(&d, i < 3 ? "120363000000000001@g.us" : who[0], id, i % 2 == 0 ? "of the first" : "of the second", T0);
		it->sender_id = who[i < 3 ? i % 2 : 0];
		it->thread_id = it->contact;
		dbt_store(db, &d);
	}
	assert_int_equal(purge_find(db, who[0], &m, &c, 1, &found), RC_OK);
	assert_int_equal(found, 1);
	assert_int_equal(purge_count(db, &w, &dry), RC_OK);
	assert_int_equal(dry.messages, 3);
	assert_int_equal(purge_run(db, &w, &n), RC_OK);
	assert_int_equal(n.messages, 3);
	dbt_is(db, "select external_id from dmbox.messages", "G1");
	dbt_is(db, "select external_id from dmbox.contacts", "120363000000000001@g.us");
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	mem_arena_free(&m);
}

static void
test_contact(void **state)
{
	char dir[] = "/tmp/dmbox-purge.XXXXXX", path[200], sqltext[400];
	struct purge_counts n = {0}, dry = {0};
	struct mem_arena m = {0};
	struct purge_contact c;
	struct purge_want w = { .contact = &c };
	struct spool *sp = NULL;
	struct delivery d, *v = &d;
	struct stat st;
	int64_t left;
	size_t done;
	int fd;

	(void)state;
	dbt_clean(db);
	assert_int_equal(db_script(db, "truncate dmbox.outbox, dmbox.send_attempts"), RC_OK);
	assert_non_null(mkdtemp(dir));
	conf.media_dir = dir;
	fill();
	/* a file on the disk */
	snprintf(path, sizeof path, "%s/main", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/main/2025-11", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/main/2025-11/1.jpg", dir);
	assert_true((fd = open(path, O_CREAT | O_WRONLY, 0600)) >= 0);
	close(fd);
	snprintf(sqltext, sizeof sqltext, "update dmbox.attachments set state = 'done', local_path = '%s'", path);
	assert_int_equal(db_script(db, sqltext), RC_OK);
	queue(ANNA, "an answer to Anna");
	queue(BEN, "an answer to Ben");

	anna(&c, &m);
	assert_int_equal(purge_count(db, &w, &dry), RC_OK);
	assert_int_equal(dry.messages, 4);	/* a1 a2 a3 and the answer */
	assert_int_equal(dry.attachments, 1);
	assert_int_equal(dry.files, 1);
	assert_int_equal(dry.events, 2);
	assert_int_equal(dry.outbox, 1);
	assert_int_equal(dry.deliveries, 7);	/* one twice and refused, mixed, reaction, edit, photo */
	assert_int_equal(dry.mixed, 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 7);	/* a dry run */

	assert_int_equal(purge_run(db, &w, &n), RC_OK);
	assert_int_equal(n.messages, dry.messages);
	assert_int_equal(n.events, dry.events);
	assert_int_equal(n.deliveries, dry.deliveries);
	assert_int_equal(n.contacts, 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 3);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages where external_id in ('mid.b1', 'mid.b2')"), 2);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.contacts"), 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.events"), 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.reactions"), 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.message_edits"), 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.outbox where body like '%Anna%'"), 0);
	dbt_is(db, "select state from dmbox.outbox where recipient_id = '" ANNA "'", "dead");
	dbt_is(db, "select state from dmbox.outbox where recipient_id = '" BEN "'", "queued");
	/* bytes: only the delivery that is Ben's alone keeps them */
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where body is not null"), 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries_text where body_text like '%Ben again%'"), 1);
	assert_int_equal(dbt_i64(db, "select sum(purged) from dmbox.deliveries"), 5);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);

	assert_int_equal(purge_files_left(db, &left), RC_OK);
	assert_int_equal(left, 1);
	assert_int_equal(task_upkeep_once(&task_media, &(const struct task_env){ .db = db, .conf = &conf }), RC_OK);
	assert_int_equal(purge_files_left(db, &left), RC_OK);
	assert_int_equal(left, 0);
	assert_int_not_equal(stat(path, &st), 0);

	/* no way of arrival brings it back: webhook again, with another beside it, an edit, the spool */
	arrive(one, 0, 0, 1);
	arrive(edit, 0, 0, 1);
	arrive(reaction, 0, 0, 1);
	arrive(mixed, 0, 1, 1);
	snprintf(path, sizeof path, "%s/spool", dir);
	assert_int_equal(spool_open(path, &sp), RC_OK);
	prepare(&d, photo);
	assert_int_equal(spool_put(sp, &d), RC_OK);
	delivery_free(&d);
	assert_int_equal(ingest_drain(db, &conf, sp, 10, &done), RC_OK);
	assert_int_equal(done, 1);
	spool_close(sp);
	/* a poll asks which are missing before it makes a delivery */
	prepare(&d, one);
	ingest_prepare(v);
	bool missing[1] = { true };
	assert_int_equal(store_missing(db, "main", CHANNEL_INSTAGRAM, &d.items, missing), RC_OK);
	assert_false(missing[0]);
	delivery_free(&d);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 3);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.contacts"), 1);
	/* and what came keeps no bytes */
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where body is not null"), 1);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	/* replay finds none either */
	delivery_init(&d);
	assert_int_equal(store_load(db, dbt_i64(db, "select min(id) from dmbox.deliveries"), &d), RC_NONE);
	delivery_free(&d);

	/* the person writes again: a new message is a new message */
	arrive(ENTRY(MSG(ANNA, "mid.a9", "hello again")), 1, 0, 0);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where body is not null"), 2);
	mem_arena_free(&m);
	snprintf(sqltext, sizeof sqltext, "%s", dir);
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s/spool/%s", dir, (const char *const[]){ "tmp", "new", "cur", "bad" }[i]);
		assert_int_equal(rmdir(path), 0);
	}
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s%s", dir, (const char *const[]){ "/spool", "/main/2025-11", "/main", "" }[i]);
		assert_int_equal(rmdir(path), 0);
	}
}

/* A message that is leaving just now is not pulled from under the sender. */
static void
test_under_way(void **state)
{
	struct outbox_want want = { .channel = CHANNEL_INSTAGRAM, .account = "main", .max = 5, .lease_s = 60 };
	struct purge_counts n = {0};
	struct send_result sent = { .outcome = SEND_SENT, .message_id = "mid.out", .retry_after_s = -1 };
	struct mem_arena m = {0};
	struct purge_contact c;
	struct purge_want w = { .contact = &c };
	struct outbox_items items;

	(void)state;
	dbt_clean(db);
	assert_int_equal(db_script(db, "truncate dmbox.outbox, dmbox.send_attempts"), RC_OK);
	arrive(one, 1, 0, 0);
	queue(ANNA, "on its way to Anna");
	assert_int_equal(outbox_claim(db, &want, &items), RC_OK);
	assert_int_equal(items.n, 1);
	anna(&c, &m);
	assert_int_equal(purge_run(db, &w, &n), RC_OK);
	assert_int_equal(n.leased, 1);
	assert_int_equal(n.messages, 1);
	assert_int_equal(n.contacts, 0);
	assert_int_equal(outbox_settle(db, &items.v[0], &sent, 5, NULL), RC_OK);
	outbox_items_free(&items);
	assert_int_equal(purge_run(db, &w, &n), RC_OK);
	assert_int_equal(n.messages, 1);
	assert_int_equal(n.leased, 0);
	assert_int_equal(n.contacts, 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 0);
	dbt_is(db, "select body from dmbox.outbox", NULL);
	/* its echo comes late */
	arrive(ENTRY("{\"sender\":{\"id\":\"17841400000000001\"},\"recipient\":{\"id\":\"" ANNA "\"},"
	    "\"timestamp\":1763000009000,\"message\":{\"mid\":\"mid.out\",\"is_echo\":true,\"text\":\"on its way to Anna\"}}"),
	    0, 0, 1);
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.messages"), 0);
	mem_arena_free(&m);
}

static void
test_older(void **state)
{
	struct purge_counts n = {0}, dry = {0};
	struct purge_want w = { .before_us = T0 + 10 * SECOND };

	(void)state;
	dbt_clean(db);
	assert_int_equal(db_script(db, "truncate dmbox.outbox, dmbox.send_attempts"), RC_OK);
	fill();
	/* Ben wrote on later; all contacts were seen first long ago */
	assert_int_equal(db_script(db, "update dmbox.messages set sent_at = sent_at + interval '1 hour'"
	    " where external_id = 'mid.b2'; update dmbox.contacts set created_at = '2025-01-01'"), RC_OK);
	assert_int_equal(purge_count(db, &w, &dry), RC_OK);
	assert_int_equal(dry.messages, 4);
	assert_int_equal(dry.events, 2);
	assert_int_equal(dry.contacts, 1);
	assert_int_equal(purge_run(db, &w, &n), RC_OK);
	assert_int_equal(n.messages, 4);
	assert_int_equal(n.contacts, 1);
	assert_int_equal(n.deliveries, dry.deliveries);
	dbt_is(db, "select string_agg(external_id, ' ') from dmbox.messages", "mid.b2");
	dbt_is(db, "select string_agg(external_id, ' ') from dmbox.contacts", BEN);
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
	arrive(mixed, 0, 0, 2);
	/* again: nothing to do */
	assert_int_equal(purge_run(db, &w, &n), RC_OK);
	assert_int_equal(n.messages + n.events + n.contacts + n.deliveries, 0);
}

static void
words_held(void)
{
	assert_int_equal(dbt_i64(db, "select dmbox.holds_word('{\"id\":\"123456\"}', '123456')::int"), 1);
	assert_int_equal(dbt_i64(db, "select dmbox.holds_word('{\"id\":\"1234567\"}', '123456')::int"), 0);
	assert_int_equal(dbt_i64(db, "select dmbox.holds_word('chatId=70000000001%40c.us&x=1', '70000000001')::int"), 1);
	assert_int_equal(dbt_i64(db, "select dmbox.holds_word('{\"num\":10,\"id\":\"11\"}', '10')::int"), 0);
	assert_int_equal(dbt_i64(db, "select dmbox.holds_word('a=1&id=10', '10')::int"), 1);
	assert_int_equal(dbt_i64(db, "select dmbox.holds_word('x a.b+c y', 'a.b+c')::int"), 1);
	assert_int_equal(dbt_i64(db, "select dmbox.holds_word('x aab+c y', 'a.b+c')::int"), 0);
	assert_int_equal(dbt_i64(db, "select dmbox.holds_word(decode('fffe20313233343536', 'hex'), '123456')::int"), 1);
}

/* Also where a hoster keeps the strings of old programs: a backslash is an escape there. */
static void
test_word(void **state)
{
	(void)state;
	words_held();
	assert_int_equal(db_script(db, "set standard_conforming_strings = off"), RC_OK);
	words_held();
	assert_int_equal(db_script(db, "reset standard_conforming_strings"), RC_OK);
}

/* Unsent, in any order with its edits and repeated: the words are in no column of any table,
 * but in the bytes of the ledger until the grace is over. */
static void
test_unsent_words(void **state)
{
#define U "{\"sender\":{\"id\":\"" ANNA "\"},\"recipient\":{\"id\":\"17841400000000001\"},\"timestamp\":1763000002000,"
	static const char *const parts[] = {
		ENTRY(MSG(ANNA, "mid.u1", "zebraword one")),
		ENTRY(U "\"message_edit\":{\"mid\":\"mid.u1\",\"text\":\"zebraword two\",\"num_edit\":1}}"),
		ENTRY(U "\"message_edit\":{\"mid\":\"mid.u1\",\"text\":\"zebraword three\",\"num_edit\":2}}"),
		ENTRY(U "\"message\":{\"mid\":\"mid.u1\",\"is_deleted\":true}}"),
	};
	static const int orders[][6] = { { 0, 1, 2, 3, 1, 0 }, { 3, 2, 1, 0, 3, 2 }, { 1, 3, 0, 2, 2, 1 },
	    { 0, 3, 1, 1, 2, 0 }, { 0, 1, -1, 2, 1, 3 } };
	static const char scan[] = "do $$ declare r record; n bigint; begin for r in select c.table_name"
	    " from information_schema.tables c where table_schema = 'dmbox' and table_type = 'BASE TABLE' loop"
	    " execute format('select count(*) from dmbox.%I x where x::text ilike ''%%zebraword%%'' or x::text"
	    " like ''%%'' || encode(''zebraword'', ''hex'') || ''%%''', r.table_name) into n;"
	    " if n > 0 then raise exception 'words are left in %', r.table_name; end if; end loop; end $$";

	(void)state;
	for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
		dbt_clean(db);
		for (size_t i = 0; i < 6; i++) {
			struct delivery d, *v = &d;

			if (orders[o][i] < 0) {	/* as an earlier release made the key */
				assert_int_equal(db_script(db, "update dmbox.events set event_key ="
				    " 'edit|mid.u1||1|zebraword two' where text = 'zebraword two'"), RC_OK);
				continue;
			}
			prepare(&d, parts[orders[o][i]]);
			assert_int_equal(ingest(db, NULL, &v, 1), RC_OK);
			delivery_free(&d);
		}
		assert_int_equal(db_script(db, "delete from dmbox.heartbeats where name = 'unsent'"), RC_OK);
		assert_int_equal(db_script(db, "select dmbox.erase_unsent(0, 100)"), RC_OK);
		assert_int_equal(db_script(db, scan), RC_OK);
		assert_int_equal(dbt_i64(db, "select coalesce(sum(abs(missing)), 0)::bigint from dmbox.ingest_balance"), 0);
	}
#undef U
}

/* Nothing tells what was unsent in a Page's Messenger: its words have a day, too. */
static void
test_messenger(void **state)
{
	static const char page[] = "{\"object\":\"page\",\"entry\":[{\"id\":\"100000000000001\",\"time\":1763000000,"
	    "\"messaging\":[" MSG(ANNA, "m_1", "word of Messenger") "]}]}";
	static struct account a = { .name = (char *)"main", .channel = CHANNEL_INSTAGRAM,
		.provider = &provider_graph, .own_id = (char *)"17841400000000001" };

	(void)state;
	dbt_clean(db);
	for (int i = 0; i < 4; i++) {
		struct delivery d, *v = &d;

		delivery_init(&d);
		d.account = "main";
		d.channel = CHANNEL_INSTAGRAM;
		d.provider = &provider_graph;
		d.received_at_us -= i % 2 * INT64_C(3) * 86400 * SECOND;
		d.body = i < 2 ? page : one;
		d.body_n = strlen(d.body);
		ingest_parse(&conf, &a, &d);
		assert_int_equal(ingest(db, NULL, &v, 1), RC_OK);
		assert_int_equal(d.messages, i == 2);
		delivery_free(&d);
	}
	dbt_is(db, "select string_agg(reason || ' ' || count, ', ' order by reason) from (select reason, count(body)"
	    " from dmbox.deliveries group by 1) x", "messenger 2, ok 2");
	assert_int_equal(dbt_i64(db, "select dmbox.erase_unsent(86400, 100)"), 1);
	assert_int_equal(dbt_i64(db, "select dmbox.erase_unsent(86400, 100)"), 0);
	dbt_is(db, "select string_agg(reason || ' ' || count, ', ' order by reason) from (select reason, count(body)"
	    " from dmbox.deliveries group by 1) x", "messenger 1, ok 2");
	assert_int_equal(dbt_i64(db, "select count(*) from dmbox.deliveries where reason = 'messenger' and body is null"
	    " and received_at < now() - interval '2 days'"), 1);
	assert_int_equal(dbt_i64(db, "select coalesce(sum(abs(missing)), 0)::bigint from dmbox.ingest_balance"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_contact), cmocka_unit_test(test_group),
		cmocka_unit_test(test_under_way),
		cmocka_unit_test(test_older), cmocka_unit_test(test_word),
		cmocka_unit_test(test_unsent_words), cmocka_unit_test(test_messenger) };
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

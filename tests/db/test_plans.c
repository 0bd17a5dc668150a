/*
 * The plans of the way in, made by a session that starts on empty tables which
 * nobody analyzed and keeps them while the tables grow: each item looks up a few
 * rows by its own indexes, and no table is read whole.  Counted by the server.
 */
#include <unistd.h>

#include "base/log.h"
#include "dbtest.h"
#include "model/provider.h"

#define SINGLES 60
#define BATCHES 12
#define BATCH 50

static int items;

static void
one(struct db *db, int i)
{
	struct delivery d;
	char id[32], who[32];

	dbt_delivery(&d);
	snprintf(id, sizeof id, "S%d", i);
	snprintf(who, sizeof who, "c%d", i);
	dbt_message(&d, who, id, "alone", T0);
	dbt_store(db, &d);
	assert_int_equal(d.stored, 1);
	items++;
}

/* Messages, some of them without an id of their own, each with an event about an
 * earlier one; every fifth message comes twice. */
static void
many(struct db *db, int round)
{
	struct delivery d[BATCH], *v[BATCH];

	for (int i = 0; i < BATCH; i++) {
		int n = round * BATCH + i;
		char id[32], who[32], target[32], alt[32];
		struct item *it;

		snprintf(id, sizeof id, "B%d", n % 5 == 0 && n > BATCH ? n - BATCH : n);
		snprintf(who, sizeof who, "c%d", n);
		snprintf(target, sizeof target, "B%d", n - BATCH / 2);
		snprintf(alt, sizeof alt, "w%d", n);
		dbt_delivery(&d[i]);
		it = dbt_message(&d[i], who, id, "one of many", T0);
		if (n % 7 == 0) {
			it->weak = true;
			it->alt_id = mem_arena_dup(&d[i].items.arena, alt);
		}
		dbt_event(&d[i], who, EFFECT_READ, target, NULL, 0, T0 + n);
		v[i] = &d[i];
	}
	assert_int_equal(store_deliveries(db, v, BATCH), RC_OK);
	for (int i = 0; i < BATCH; i++) {
		items += 2;
		delivery_free(&d[i]);
	}
}

static void
test_plans(void **state)
{
	static const char tables[] = "relname ~ '^(contacts|messages|events|deliveries_)'";
	struct db *db = dbt_open();
	char sql[256];
	int64_t whole, read;

	(void)state;
	snprintf(sql, sizeof sql, "select sum(seq_scan) from pg_stat_user_tables where %s", tables);
	whole = dbt_i64(db, sql);
	for (int i = 0; i < SINGLES; i++)
		one(db, i);
	for (int i = 0; i < BATCHES; i++)
		many(db, i);
	db_free(db);	/* its counts are the server's now */
	db = dbt_open();
	assert_true(dbt_i64(db, "select count(*) from dmbox.messages") > BATCH * BATCHES / 2);
	/* at most the three counts of this test itself */
	db_free(db);
	db = dbt_open();
	whole = dbt_i64(db, sql) - whole;
	assert_true(whole >= 0 && whole <= 3);
	snprintf(sql, sizeof sql, "select sum(idx_tup_read) from pg_stat_user_indexes where %s", tables);
	read = dbt_i64(db, sql);
	if (read > 12 * items)
		fail_msg("%lld rows of indexes read for %d items", (long long)read, items);
	assert_int_equal(dbt_i64(db, "select idx_scan from pg_stat_user_indexes where indexrelname = 'contacts_last_idx'"), 0);
	db_free(db);
}

/* --- plans made while the tables had a row each, as after the first upkeep ----------- */

/* Many chats of each provider in one statement. */
enum shape { OF_GRAPH, OF_CHATS, OF_HIDDEN, OF_GROUPS, OF_CLOUD, SHAPES };
static const char *const shape_names[] = { "graph", "chats", "hidden names", "groups", "cloud" };

/* Message n of a chat of its own; again: what the provider tells of it later. */
static void
tell(struct delivery *d, enum shape shape, int n, bool again)
{
	bool empty = (shape == OF_HIDDEN && again) || (shape == OF_GROUPS && !again);
	char id[32], who[32], other[32];
	struct item *it;

	snprintf(id, sizeof id, "%d.%d", (int)shape, n);
	snprintf(who, sizeof who, shape == OF_HIDDEN && again ? "1%d%07d@lid" : shape == OF_GROUPS && again ?
	    "12036%d%07d@g.us" : shape == OF_GRAPH || shape == OF_CLOUD ? "79%d%07d" : "79%d%07d@c.us", (int)shape, n);
	snprintf(other, sizeof other, shape == OF_CLOUD ? "RU.%d%07d" : "79%d%07d@c.us", (int)shape, n);
	it = dbt_message(d, who, id, empty ? NULL : "x", T0 + n * SECOND);
	it->kind = empty ? "unsupported" : "text";
	it->thread_id = shape == OF_GRAPH || shape == OF_CLOUD ? "" : it->contact;
	if (shape == OF_GROUPS)
		it->sender_id = mem_arena_dup(&d->items.arena, other);
	if (shape == OF_CLOUD)
		it->alias = mem_arena_dup(&d->items.arena, other);
	if (shape == OF_GRAPH)
		dbt_event(d, who, EFFECT_EDIT, id, "y", 1, T0 + n * SECOND);
}

static void
tell_all(struct db *db, enum shape shape, int first, int n, bool again)
{
	struct delivery d;

	dbt_delivery(&d);
	d.provider = shape == OF_GRAPH ? &provider_graph : shape == OF_CLOUD ? &provider_cloud : &provider_greenapi;
	d.channel = shape == OF_GRAPH ? CHANNEL_INSTAGRAM : CHANNEL_WHATSAPP;
	d.source = SOURCE_SPOOL;
	for (int i = 0; i < n; i++)
		tell(&d, shape, first + i, again);
	dbt_store(db, &d);
}

static int64_t
rows_read(void)
{
	struct db *db = dbt_open();
	int64_t n = dbt_i64(db, "select (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = 'dmbox')"
	    " + (select sum(seq_tup_read) from pg_stat_user_tables where schemaname = 'dmbox')");

	db_free(db);
	return n;
}

/* What a session planned when there was next to nothing holds while the tables grow. */
static void
test_tiny(void **state)
{
	enum { N = 150, ROWS = 40 };
	static const char quiet[] = "do $$ declare r regclass; begin for r in select oid from pg_class"
	    " where relnamespace = 'dmbox'::regnamespace and relkind = 'r' loop execute"
	    " format('alter table %s set (autovacuum_enabled = off)', r); end loop; end $$; analyze";
	struct db *db = dbt_open();
	int64_t before, n;
	bool bad = false;

	(void)state;
	dbt_clean(db);
	for (int s = 0; s < SHAPES; s++)
		tell_all(db, (enum shape)s, 0, 1, false);
	assert_int_equal(db_script(db, quiet), RC_OK);
	for (int s = 0; s < SHAPES; s++) {
		before = rows_read();
		db_free(db);
		db = dbt_open();
		for (int i = 0; i < 3; i++)	/* then its plans are made */
			tell_all(db, (enum shape)s, 0, 2, i > 0);
		tell_all(db, (enum shape)s, 2, N, false);
		tell_all(db, (enum shape)s, 2, N, true);
		db_free(db);
		n = rows_read() - before;
		db = dbt_open();
		if (n > ROWS * 2 * N)
			fprintf(stderr, "%s: %lld rows read for %d items\n", shape_names[s], (long long)n, 2 * N);
		bad = bad || n > ROWS * 2 * N;
	}
	assert_false(bad);
	db_free(db);
}

/* Pages that a search of a frequent word may look at: 3000 rows, 500 of them once more. */
#define COMMON_PAGES 3500
/* ... and the owner's figures: 5000 rows. */
#define FIGURES_PAGES 300
/* ... and 30,000 rows whose words are not entered. */
#define LATE_PAGES 1500

/* --- reading, at two sizes --------------------------------------------------------- */

/* What the server's plans, which are in our log, say behind each name, added up. */
static int64_t
planned(const char *log, const char *name)
{
	int64_t sum = 0;

	for (const char *p = log; (p = strstr(p, name)) != NULL;) {
		p += strlen(name);
		sum += strtoll(p, NULL, 10);
	}
	return sum;
}

/* Many people whom we know write again, in one delivery: the row of each is looked at a few
 * times, not once for each of the others. */
static void
test_changed_contacts(void **state)
{
	enum { N = 200 };
	static const char explain[] = "load 'auto_explain'; set auto_explain.log_min_duration = 0;"
	    " set auto_explain.log_level = notice; set auto_explain.log_nested_statements = on;"
	    " set auto_explain.log_analyze = on; set auto_explain.log_timing = off";
	struct db *db = dbt_open();
	char file[64], who[32], id[40], *log;
	struct buf b;
	FILE *f;
	int c;

	(void)state;
	snprintf(file, sizeof file, "/tmp/dmbox-plans.%d", (int)getpid());
	for (int round = 0; round < 2; round++) {
		struct delivery d;

		dbt_delivery(&d);
		for (int i = 0; i < N; i++) {
			snprintf(who, sizeof who, "changed%d", (i * 7 + 3) % N);
			snprintf(id, sizeof id, "changed%d.%d", round, i);
			dbt_message(&d, who, id, "x", T0 + round * INT64_C(300000000));
		}
		if (round == 1) {
			assert_int_equal(db_script(db, explain), RC_OK);
			log_open(&(struct log_opts){ .level = LOG_DEBUG, .file = file });
		}
		dbt_store(db, &d);
		log_close();
		delivery_free(&d);
	}
	dbt_is(db, "select count(*)::text from dmbox.contacts c where external_id like 'changed%'"
	    " and last_inbound_at = (select max(m.sent_at) from dmbox.messages m"
	    "  where m.contact_id = c.id) and last_at = last_inbound_at", "200");
	f = fopen(file, "re");
	assert_non_null(f);
	buf_init(&b, 4 << 20);
	while ((c = getc(f)) != EOF)
		buf_putc(&b, (char)c);
	fclose(f);
	unlink(file);
	log = b.p;
	assert_non_null(strstr(log, "update dmbox.contacts c"));
	assert_int_equal(planned(log, "Rows Removed by Join Filter: "), 0);
	buf_free(&b);
	db_free(db);
}

/* buffers: pages that a statement looks at, by EXPLAIN, with those of the functions in it */
static const char buffers_sql[] =
    "create function pg_temp.buffers(q text) returns bigint language plpgsql as $f$"
    " declare j json; begin"
    " execute 'explain (analyze, buffers, format json) ' || q into j;"
    " return (j #>> '{0,Plan,Shared Hit Blocks}')::bigint"
    "  + (j #>> '{0,Plan,Shared Read Blocks}')::bigint;"
    " end $f$";

static const char scans_sql[] =
    "create function pg_temp.scans(q text) returns bigint language plpgsql as $f$"
    " declare o oid := 'dmbox.message_words_idx'::regclass;"
    "  n bigint := coalesce(pg_stat_get_xact_numscans(o), 0);"
    " begin execute 'select count(*) from (' || q || ') x';"
    " return coalesce(pg_stat_get_xact_numscans(o), 0) - n; end $f$";

static const char plan_sql[] =
    "create function pg_temp.plan() returns json language plpgsql as $f$ declare j json; begin"
    " execute 'explain (verbose, format json) select dmbox.iso(m.sent_at) from dmbox.messages m' into j;"
    " return j; end $f$";

/* Messages with ids from first on: each of 200 people says in turn a word that every fifth says
 * and one that nobody else does. */
static void
fill(struct db *db, int64_t first, int n)
{
	char sql[1200];

	snprintf(sql, sizeof sql,
	    "alter table dmbox.messages alter column id restart with %lld;"
	    "insert into dmbox.messages (account, channel, provider, external_id, contact_id,"
	    "  sender_id, direction, kind, body, status, sent_at, sent_at_known, received_at, source)"
	    " select 'main', 'instagram', 'chatrace', 'f' || %lld + i, c.id, c.external_id, 'inbound',"
	    "  'text', case when i %% 5 = 0 then 'blue' else 'red' end || ' one' || %lld + i ||"
	    "  ' of many words here', 'received', now() - interval '1 day' + make_interval(secs => i / 10.0),"
	    "  true, now(), 'webhook'"
	    " from generate_series(1, %d) i join (select id, external_id, row_number() over (order by id) as k"
	    "  from dmbox.contacts where external_id like 'p%%') c on c.k = 1 + i %% 200 order by i;"
	    "analyze dmbox.messages",
	    (long long)first, (long long)first, (long long)first, n);
	assert_int_equal(db_script(db, sql), RC_OK);
}

/* As the poller does. */
static void
enter_words(struct db *db)
{
	while (dbt_i64(db, "select dmbox.search_upkeep()") > 0)
		;
}

static int64_t
pages_of(struct db *db, const char *function, const char *word)
{
	char sql[300];

	snprintf(sql, sizeof sql, "select pg_temp.buffers('select distinct contact_id from dmbox.%s, ''%s'')')",
	    function, word);
	(void)dbt_i64(db, sql);	/* the session's caches */
	return dbt_i64(db, sql);
}

/* How often the index of texts is asked, as this session itself counts. */
static int64_t
index_scans(struct db *db, const char *function, const char *word)
{
	char sql[300];

	snprintf(sql, sizeof sql, "select pg_temp.scans('select distinct contact_id from dmbox.%s, ''%s'')')",
	    function, word);
	return dbt_i64(db, sql);
}

/* What everybody says is found among the newest, and not looked for in an index that would have
 * to collect all of it; what few say is found wherever it is.  The second size has the ids of
 * ten million messages. */
static void
test_search(void **state)
{
	static const struct { const char *call, *common, *rare, *old; } fn[] = {
		{ "search(''instagram'', array[''main'']", "blue:*", "one771:*",
		    "dmbox.search('instagram', array['main'], 'one771:*')" },
		{ "desk_search(array[''main''], array[''instagram'']", "blue", "one771",
		    "dmbox.desk_search(array['main'], array['instagram'], 'one771')" },
	};
	struct db *db = dbt_open();
	int64_t rare[2], pages;
	char sql[200];

	(void)state;
	dbt_clean(db);
	assert_int_equal(db_script(db, buffers_sql), RC_OK);
	assert_int_equal(db_script(db, scans_sql), RC_OK);
	assert_int_equal(db_script(db, "alter table dmbox.messages set (autovacuum_enabled = off);"
	    "insert into dmbox.contacts (account, channel, external_id, last_at)"
	    " select 'main', 'instagram', 'p' || i, now() from generate_series(1, 200) i"), RC_OK);
	fill(db, 1, 4000);
	enter_words(db);
	for (size_t i = 0; i < 2; i++) {
		rare[i] = pages_of(db, fn[i].call, fn[i].rare);
		pages = pages_of(db, fn[i].call, fn[i].common);
		if (pages > COMMON_PAGES)
			fail_msg("%s: %lld pages of few messages", fn[i].call, (long long)pages);
	}
	fill(db, 10000001, 40000);
	enter_words(db);
	for (size_t i = 0; i < 2; i++) {
		pages = pages_of(db, fn[i].call, fn[i].common);
		if (pages > COMMON_PAGES)
			fail_msg("%s: %lld pages of many messages", fn[i].call, (long long)pages);
		assert_int_equal(index_scans(db, fn[i].call, fn[i].common), 0);
		pages = pages_of(db, fn[i].call, fn[i].rare);
		if (pages > rare[i] + 100)
			fail_msg("%s: %lld pages, of few messages %lld", fn[i].call, (long long)pages, (long long)rare[i]);
		assert_true(index_scans(db, fn[i].call, fn[i].rare) > 0);
		snprintf(sql, sizeof sql, "select count(distinct contact_id) from %s", fn[i].old);
		assert_int_equal(dbt_i64(db, sql), 1);
	}
	db_free(db);
}

/* What nobody entered a search reads itself, and no more than that. */
static void
test_late(void **state)
{
	struct db *db = dbt_open();
	int64_t with, without;

	(void)state;
	assert_int_equal(db_script(db, buffers_sql), RC_OK);
	for (int i = 0; i < 2; i++) {
		fill(db, 20000001 + i * 100000, 30000);
		with = pages_of(db, "search(''instagram'', array[''main'']", "one771");
		enter_words(db);
		without = pages_of(db, "search(''instagram'', array[''main'']", "one771");
		if (with > without + LATE_PAGES || without > 600)
			fail_msg("%lld pages before upkeep, %lld after it", (long long)with, (long long)without);
		assert_int_equal(dbt_i64(db, "select dmbox.search_upkeep()"), 0);
	}
	db_free(db);
}

/* Times are written out in a statement, not by a call for each; the owner's figures look at a
 * bounded number of messages that nobody folded yet. */
static void
test_figures(void **state)
{
	struct db *db = dbt_open();
	char *plan;
	int64_t pages;

	(void)state;
	assert_int_equal(db_script(db, plan_sql), RC_OK);
	plan = dbt_text(db, "select pg_temp.plan()::text");
	assert_non_null(plan);
	assert_non_null(strstr(plan, "to_char("));
	assert_null(strstr(plan, "iso("));
	free(plan);
	assert_int_equal(db_script(db, buffers_sql), RC_OK);
	for (int i = 0; i < 2; i++) {
		fill(db, 30000001 + i * 100000, 20000);
		(void)dbt_i64(db, "select json_array_length(dmbox.owner_series(array['main'],"
		    " array['instagram'], now() - interval '48 hours', interval '1 hour', 48)"
		    " #> '{instagram/main,in}')");
		pages = dbt_i64(db, "select pg_temp.buffers('select dmbox.owner_series(array[''main''],"
		    " array[''instagram''], now() - interval ''48 hours'', interval ''1 hour'', 48)')");
		if (pages > FIGURES_PAGES)
			fail_msg("%lld pages for the owner's figures", (long long)pages);
	}
	db_free(db);
}

/* Numbers of what is to be done, who waits, and a page of the list right after a flood: of so many
 * who wrote within one minute a bounded number is looked at. */
static void
test_flood(void **state)
{
	static const char *const calls[] = {
		"dmbox.desk_counts(''anna'', array[''main''], array[''instagram''])",
		"dmbox.owner_waiting(array[''main''], array[''instagram''])",
		"dmbox.desk_slice(''all'', array[''main''], array[''instagram''], ''infinity'', 1, ''infinity'', 1, 50, 300)",
		"dmbox.desk_slice(''failed'', array[''main''], array[''instagram''], ''infinity'', 1, ''infinity'', 1, 50, 1000)",
	};
	struct db *db = dbt_open();
	int64_t pages[2][4];
	char sql[900];

	(void)state;
	dbt_clean(db);
	assert_int_equal(db_script(db, buffers_sql), RC_OK);
	for (int i = 0; i < 2; i++) {
		snprintf(sql, sizeof sql,
		    "with c as (insert into dmbox.contacts (account, channel, external_id, last_at, last_inbound_at)"
		    " select 'main', 'instagram', 'flood%d-' || n, now(), now() from generate_series(1, %d) n"
		    " returning id, external_id)"
		    " insert into dmbox.messages (account, channel, provider, external_id, contact_id, sender_id, direction,"
		    "  kind, body, status, sent_at, sent_at_known, received_at, source)"
		    " select 'main', 'instagram', 'chatrace', external_id, id, external_id, 'outbound', 'text', 'x', 'sent',"
		    "  now(), true, now(), 'echo' from c; analyze dmbox.contacts; analyze dmbox.messages", i, i == 0 ? 1500 : 12000);
		assert_int_equal(db_script(db, sql), RC_OK);
		for (int k = 0; k < 4; k++) {
			snprintf(sql, sizeof sql, "select pg_temp.buffers('select %s')", calls[k]);
			(void)dbt_i64(db, sql);
			pages[i][k] = dbt_i64(db, sql);
		}
	}
	for (int k = 0; k < 4; k++)
		if (pages[1][k] > pages[0][k] + 1000)
			fail_msg("%s: %lld pages after a flood, %lld before", calls[k], (long long)pages[1][k],
			    (long long)pages[0][k]);
	db_free(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans), cmocka_unit_test(test_tiny), cmocka_unit_test(test_search), cmocka_unit_test(test_late),
		cmocka_unit_test(test_figures), cmocka_unit_test(test_changed_contacts),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

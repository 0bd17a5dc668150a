/*
 * The limits on the database's side, by the same call as the webhook but
 * without HTTP:
 *
 *   store array CONNINFO ITEMS SECONDS	messages/s of one connection, one delivery of ITEMS a statement
 *   store batch CONNINFO N SECONDS	the same, N deliveries of one message a statement
 *   store bare CONNINFO ITEMS SECONDS	messages/s of an insert of ITEMS rows from arrays into a table
 *					with the columns and keys of messages and nothing else
 *   store drain CONNINFO FOLDER FILES	fill a spool, then drain it: put/s and drained/s
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider/list.h"
#include "base/clock.h"
#include "model/conf.h"
#include "extern/db.h"
#include "bridge/ingest.h"
#include "base/mem.h"
#include "model/msg.h"
#include "bridge/spool.h"
#include "store/store.h"
#include "base/str.h"

static uint64_t next_id;

static void
add_message(struct delivery *d, uint64_t who)
{
	struct mem_arena *a = &d->items.arena;
	struct item *it = itemv_add(&d->items);
	char s[128];
	uint64_t n = next_id++;

	snprintf(s, sizeof s, "a%s.%llu", d->uid, (unsigned long long)n);
	it->external_id = mem_arena_dup(a, s);
	snprintf(s, sizeof s, "%llu", 6500000000000000u + (unsigned long long)who);
	it->contact = it->sender_id = mem_arena_dup(a, s);
	it->recipient_id = "17841400000000001";
	it->type = ITEM_MESSAGE;
	it->kind = "text";
	snprintf(s, sizeof s, "Good day, do you have this in blue? Message %llu", (unsigned long long)n);
	it->body = mem_arena_dup(a, s);
	it->at_known = true;
	it->at_us = clock_now_us();
}

/* As the parser would leave it; body: as many bytes as Meta sends for the items. */
static void
make_delivery(struct delivery *d, size_t items, const char *body, size_t body_n)
{
	delivery_init(d);
	d->account = "main";
	d->provider = &provider_graph;
	d->source = SOURCE_WEBHOOK;
	d->request_id = "bench";
	d->remote_addr = "127.0.0.1";
	d->content_type = "application/json";
	d->headers = "{\":path\":\"/instagram/webhook\",\"host\":\"127.0.0.1:3000\",\"user-agent\":\"load\"}";
	d->body = body;
	d->body_n = body_n;
	d->verdict = VERDICT_ACCEPTED;
	for (size_t i = 0; i < items; i++)
		add_message(d, (next_id * 2654435761u) % 5000);
	ingest_prepare(d);
}

static int
array(struct db *db, size_t deliveries, size_t items, int64_t ms)
{
	size_t body_n = 220 * items, stored = 0;
	struct delivery *d = mem_array(deliveries, sizeof *d), **v = mem_array(deliveries, sizeof *v);
	char *body = mem_alloc(body_n);
	int64_t start, used = 0;

	memset(body, 'x', body_n);
	while (used < ms * 1000) {
		for (size_t i = 0; i < deliveries; i++) {
			make_delivery(&d[i], items, body, body_n);
			v[i] = &d[i];
		}
		start = clock_mono_ms() * 1000;
		if (store_deliveries(db, v, deliveries) != RC_OK) {
			fprintf(stderr, "store: not stored\n");
			return 1;
		}
		used += clock_mono_ms() * 1000 - start;
		for (size_t i = 0; i < deliveries; i++) {
			if (d[i].stored != items)
				fprintf(stderr, "store: stored %zu of %zu\n", d[i].stored, items);
			stored += d[i].stored;
			delivery_free(&d[i]);
		}
	}
	free(body);
	free(d);
	free(v);
	printf("%.1f\n", (double)stored * 1e6 / (double)used);
	return 0;
}

/* What messages holds of a text, into peer.bare (peer/schema.sql). */
static const struct db_stmt bare_insert = { "bench_bare",
    "insert into peer.bare (account, channel, provider, external_id, contact_id, sender_id, recipient_id,"
    "  direction, kind, body, status, sent_at, sent_at_known, received_at, source, delivery_id)"
    " select 'main', 'instagram', 'graph', t.ext, t.contact, t.sender, '17841400000000001', 'inbound', 'text',"
    "  t.body, 'received', t.at, true, now(), 'webhook', 1"
    " from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[])"
    "   t(ext, contact, sender, body, at)" };

static void
bare_args(struct db_args *a, size_t items)
{
	char s[128];

	db_array(a, DB_TEXT);
	for (size_t i = 0; i < items; i++) {
		snprintf(s, sizeof s, "b%llu", (unsigned long long)(next_id + i));
		db_text(a, s);
	}
	db_array_end(a);
	db_array(a, DB_I64);
	for (size_t i = 0; i < items; i++)
		db_i64(a, (int64_t)(i * 2654435761u % 5000));
	db_array_end(a);
	db_array(a, DB_TEXT);
	for (size_t i = 0; i < items; i++) {
		snprintf(s, sizeof s, "%llu", 6500000000000000u + (unsigned long long)(i * 2654435761u % 5000));
		db_text(a, s);
	}
	db_array_end(a);
	db_array(a, DB_TEXT);
	for (size_t i = 0; i < items; i++) {
		snprintf(s, sizeof s, "Good day, do you have this in blue? Message %llu", (unsigned long long)(next_id + i));
		db_text(a, s);
	}
	db_array_end(a);
	db_array(a, DB_TIME);
	for (size_t i = 0; i < items; i++)
		db_time(a, clock_now_us());
	db_array_end(a);
	next_id += items;
}

static int
bare(struct db *db, size_t items, int64_t ms)
{
	int64_t start, used = 0;
	size_t stored = 0;

	while (used < ms * 1000) {
		struct db_args a = { 0 };
		enum rc rc;

		bare_args(&a, items);
		start = clock_mono_ms() * 1000;
		rc = db_exec(db, &bare_insert, &a, NULL);
		used += clock_mono_ms() * 1000 - start;
		db_args_free(&a);
		if (rc != RC_OK) {
			fprintf(stderr, "store: not stored\n");
			return 1;
		}
		stored += items;
	}
	printf("%.1f\n", (double)stored * 1e6 / (double)used);
	return 0;
}

static int
drain(struct db *db, const char *folder, size_t files)
{
	struct conf *conf = NULL;
	struct spool *sp;
	int64_t start, put, took;
	size_t done = 0;

	if (conf_load(CONF_TOOL, NULL, &conf) != RC_OK || spool_open(folder, &sp) != RC_OK)
		return 1;
	start = clock_mono_ms();
	for (size_t i = 0; i < files; i++) {
		struct delivery d;
		char body[256];

		snprintf(body, sizeof body, "{\"senderId\":\"%llu\",\"messageId\":\"d%lld.%zu\",\"text\":\"Good day, do "
		    "you have this in blue?\",\"username\":\"user\",\"timestamp\":1763800000}",
		    6500000000000000u + (unsigned long long)(i % 5000), (long long)start, i);
		make_delivery(&d, 0, body, strlen(body));
		d.provider = &provider_chatrace;
		if (spool_put(sp, &d) != RC_OK)
			return 1;
		delivery_free(&d);
	}
	put = clock_mono_ms() - start;
	start = clock_mono_ms();
	if (ingest_drain(db, conf, sp, files, &done) != RC_OK || done != files) {
		fprintf(stderr, "store: drained %zu of %zu\n", done, files);
		return 1;
	}
	took = clock_mono_ms() - start;
	printf("%.1f %.1f\n", (double)files * 1000 / (double)(put > 0 ? put : 1),
	    (double)files * 1000 / (double)(took > 0 ? took : 1));
	spool_close(sp);
	conf_drop(conf);
	return 0;
}

int
main(int argc, char **argv)
{
	struct db *db;
	int64_t n, ms;
	int status = 64;

	if (argc < 5)
		return 64;
	db = db_new(&(struct db_opts){ .conninfo = argv[2], .app = "bench", .statement_ms = 60000 });
	next_id = (uint64_t)clock_now_us();
	if (str_eq(argv[1], "array") && str_i64(argv[3], &n) == RC_OK && str_i64(argv[4], &ms) == RC_OK)
		status = array(db, 1, (size_t)n, ms * 1000);
	else if (str_eq(argv[1], "batch") && str_i64(argv[3], &n) == RC_OK && str_i64(argv[4], &ms) == RC_OK)
		status = array(db, (size_t)n, 1, ms * 1000);
	else if (str_eq(argv[1], "bare") && str_i64(argv[3], &n) == RC_OK && str_i64(argv[4], &ms) == RC_OK)
		status = bare(db, (size_t)n, ms * 1000);
	else if (str_eq(argv[1], "drain") && str_i64(argv[4], &n) == RC_OK)
		status = drain(db, argv[3], (size_t)n);
	db_free(db);
	return status;
}

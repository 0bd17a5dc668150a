#ifndef DBTEST_H
#define DBTEST_H

/* What the database tests share: a handle, deliveries by hand, one number from SQL. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "provider/list.h"
#include "base/buf.h"
#include "base/clock.h"
#include "extern/db.h"
#include "base/mem.h"
#include "model/msg.h"
#include "store/store.h"

#define T0 INT64_C(1763000000000000)	/* some day in November 2025 */
#define SECOND INT64_C(1000000)

/* The schema, where the harness made an empty database: sql/ in its order. */
static inline void
dbt_schema(struct db *db)
{
	const char *root = getenv("DMBOX_TEST_ROOT");
	struct db_res *r = NULL;
	char pattern[512];
	glob_t g;
	bool there;

	if (db_exec(db, &(struct db_stmt){ NULL, "select to_regnamespace('dmbox') is not null" }, NULL, &r) != RC_OK)
		fail_msg("%s", db_error(db));
	there = db_get_bool(r, 0, 0);
	db_res_free(r);
	if (there)
		return;
	snprintf(pattern, sizeof pattern, "%s/sql/[0-9]*.sql", root != NULL ? root : ".");
	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");
		struct buf b;
		char part[8192];
		size_t n;

		assert_non_null(f);
		buf_init(&b, 4 << 20);
		while ((n = fread(part, 1, sizeof part, f)) > 0)
			buf_put(&b, part, n);
		fclose(f);
		if (db_script(db, b.p) != RC_OK)
			fail_msg("%s: %s", g.gl_pathv[i], db_error(db));
		buf_free(&b);
	}
	globfree(&g);
}

static inline struct db *
dbt_open(void)
{
	const char *ci = getenv("DMBOX_TEST_DB");
	struct db *db;

	if (ci == NULL) {
		fprintf(stderr, "DMBOX_TEST_DB is not set (tests/db/run.sh sets it)\n");
		exit(1);
	}
	/* a wait for a lock takes as long as the others do, on a machine that has other work, too */
	db = db_new(&(struct db_opts){ .conninfo = ci, .app = "dbtest", .connect_s = 20, .statement_ms = 1000000 });
	dbt_schema(db);
	return db;
}

static inline int64_t
dbt_i64(struct db *db, const char *sql)
{
	struct db_res *r = NULL;
	int64_t v;

	if (db_exec(db, &(struct db_stmt){ NULL, sql }, NULL, &r) != RC_OK)
		fail_msg("%s: %s", sql, db_error(db));
	v = db_rows(r) > 0 ? db_get_i64(r, 0, 0) : -1;
	db_res_free(r);
	return v;
}

/* One text value, malloc'd; NULL for null or no row. */
static inline char *
dbt_text(struct db *db, const char *sql)
{
	struct db_res *r = NULL;
	char *v;

	if (db_exec(db, &(struct db_stmt){ NULL, sql }, NULL, &r) != RC_OK)
		fail_msg("%s: %s", sql, db_error(db));
	v = db_rows(r) > 0 ? mem_dup(db_get_text(r, 0, 0)) : NULL;
	db_res_free(r);
	return v;
}

static inline void
dbt_is(struct db *db, const char *sql, const char *want)
{
	char *v = dbt_text(db, sql);

	if (want == NULL ? v != NULL : v == NULL || strcmp(v, want) != 0)
		fail_msg("%s: got %s, want %s", sql, v != NULL ? v : "null", want != NULL ? want : "null");
	free(v);
}

static inline void
dbt_clean(struct db *db)
{
	assert_int_equal(db_script(db, "truncate dmbox.deliveries, dmbox.contacts, dmbox.messages,"
	    " dmbox.attachments, dmbox.reactions, dmbox.message_edits, dmbox.events, dmbox.refusals,"
	    " dmbox.erased, dmbox.poll_runs, dmbox.account_state, dmbox.leases"), RC_OK);
}

static inline void
dbt_delivery(struct delivery *d)
{
	delivery_init(d);
	d->account = "main";
	d->channel = CHANNEL_INSTAGRAM;
	d->provider = &provider_graph;
	d->source = SOURCE_WEBHOOK;
	d->body = "{}";
	d->body_n = 2;
}

static inline struct item *
dbt_message(struct delivery *d, const char *contact, const char *id, const char *text, int64_t at)
{
	struct item *it = itemv_add(&d->items);

	it->type = ITEM_MESSAGE;
	it->kind = "text";
	it->external_id = mem_arena_dup(&d->items.arena, id);
	it->contact = mem_arena_dup(&d->items.arena, contact);
	it->sender_id = it->contact;
	it->recipient_id = "17841400000000001";
	it->body = mem_arena_dup(&d->items.arena, text);
	it->at_us = at;
	it->at_known = true;
	return it;
}

static inline struct item *
dbt_event(struct delivery *d, const char *contact, enum effect e, const char *target,
    const char *text, int64_t num, int64_t at)
{
	struct item *it = itemv_add(&d->items);
	char key[200];

	snprintf(key, sizeof key, "%s/%s/%s/%s/%lld/%lld", contact, effect_names[e], target,
	    text != NULL ? text : "", (long long)num, (long long)at);
	it->type = ITEM_EVENT;
	it->kind = effect_names[e];
	it->effect = e;
	it->contact = mem_arena_dup(&d->items.arena, contact);
	it->sender_id = it->contact;
	it->target_id = mem_arena_dup(&d->items.arena, target);
	it->text = mem_arena_dup(&d->items.arena, text);
	it->num = num;
	it->raw = "{\"x\":1}";
	it->event_id = mem_arena_dup(&d->items.arena, key);
	it->at_us = at;
	it->at_known = true;
	return it;
}

/* Store d and free its items; the counts stay readable. */
static inline void
dbt_store(struct db *db, struct delivery *d)
{
	struct delivery *v = d;

	assert_int_equal(store_deliveries(db, &v, 1), RC_OK);
	assert_int_equal(d->rc, RC_OK);
	assert_int_equal(d->n_items, d->stored + d->duplicates + d->weak_duplicates + d->ignored);
	itemv_free(&d->items);
}

#endif

/*
 * Questions to the ledger and the messages, and their upkeep.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"
#include "store/load.h"
#include "model/provider.h"

enum { EXPIRE_ROWS = 5000, EXPIRE_ROUNDS = 20 };

enum stmt {
	SQL_MISSING,
	SQL_NEWS,
	SQL_LOAD,
	SQL_NEWEST,
	SQL_PARTITIONS,
	SQL_EXPIRE,
	SQL_LEFTOVERS,
	SQL_UNSENT,
	SQL_VERSION,
	SQL_LATER,
	SQL_MIGRATED,
	SQL__MAX
};

static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_MISSING] = { "store_missing",
	    "select t.i from unnest($3::text[], $4::text[]) with ordinality t(thread, ext, i)"
	    " where not exists (select 1 from dmbox.messages m where m.account = $1"
	    " and m.channel = $2"
	    "   and m.thread_id = t.thread and m.external_id = t.ext)"
	    " and not exists (select 1 from dmbox.erased x where x.account = $1 and x.channel = $2"
	    "   and x.id_hash = dmbox.id_hash($1, $2, t.thread, t.ext))" },
	/* what dmbox.merge_message would change; reactions, edits and removals that nobody told */
	[SQL_NEWS] = { "store_news",
	    "select t.i from unnest($3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[],"
	    "   $8::text[], $9::text[], $10::text[]) with ordinality t(thread, ext, own, body, "
	    "words, actor, key, effect, i)"
	    " left join dmbox.messages m on m.account = $1 and m.channel = $2"
	    "   and m.thread_id = t.thread and m.external_id = t.ext"
	    " where m.deleted_at is null and case"
	    "   when t.effect is not null then m.id is not null"
	    "     and not exists (select 1 from dmbox.events e where e.account = $1"
	    "       and e.channel = $2 and e.event_key = t.key)"
	    "     and case t.effect when 'react' then"
	    "       not exists (select 1 from dmbox.reactions r left join dmbox.contacts c"
	    "       on c.id = r.contact_id where r.message_id = m.id and r.emoji = t.words"
	    "       and r.removed_at is null and c.external_id is not distinct from t.actor)"
	    "     when 'edit' then dmbox.bare(t.words) is distinct from dmbox.bare(m.body)"
	    "       and not exists (select 1 from dmbox.events e where e.account = $1"
	    "       and e.channel = $2 and e.thread_id = t.thread and e.target_id = t.ext"
	    "       and e.effect = 'edit' and dmbox.bare(e.text) = dmbox.bare(t.words))"
	    "     else true end"
	    "   when m.id is null then not exists (select 1 from dmbox.erased x"
	    "     where x.account = $1 and x.channel = $2"
	    "     and x.id_hash = dmbox.id_hash($1, $2, t.thread, t.ext))"
	    "   when m.source = 'send' then false"
	    "   else not t.own and m.direction = 'outbound'"
	    "     or t.body is not null and dmbox.bare(t.body) is distinct from dmbox.bare(m.body)"
	    "     and not exists (select 1 from dmbox.message_edits v where v.message_id = m.id"
	    "       and v.version = 0 and dmbox.bare(v.body) = dmbox.bare(t.body))"
	    "     and not exists (select 1 from dmbox.events e where e.account = $1"
	    "       and e.channel = $2 and e.thread_id = t.thread and e.target_id = t.ext"
	    "       and e.effect = 'edit' and dmbox.bare(e.text) = dmbox.bare(t.body)) end" },
	[SQL_LOAD] = { "store_load",
	    "select received_at, channel, account, source, request_id, remote_addr, content_type,"
	    " headers, body, verdict, reason, provider from dmbox.deliveries where id = $1" },
	[SQL_NEWEST] = { "store_newest",
	    "select d.body from dmbox.deliveries d where d.account = $1 and d.channel = $2"
	    " and d.provider = $3 and d.verdict = 'accepted' and octet_length(d.body) between 1"
	    " and 65536 and d.source <> 'doctor' and d.received_at <= now()"
	    " order by d.received_at desc limit 10" },
	[SQL_PARTITIONS] = { NULL, "select dmbox.deliveries_partitions()" },
	[SQL_LATER] = { NULL,
	    "select coalesce((select received_at > $1 from dmbox.deliveries"
	    " where source <> 'doctor' order by id desc limit 1), false)" },
	[SQL_MIGRATED] = { NULL,
	    "select greatest((select max(applied_at)"
	    " from dmbox.schema_version),"
	    " (select max(applied_at) from dmbox.schema_code))" },
	[SQL_EXPIRE] = { NULL, "select dmbox.deliveries_expire($1, $2, $3)" },
	[SQL_UNSENT] = { "store_unsent", "select dmbox.erase_unsent($1, $2)" },
	[SQL_LEFTOVERS] = { "store_leftovers", "select dmbox.apply_leftovers($1)" },
	[SQL_VERSION] = { NULL, "select coalesce(max(version), 0) from dmbox.schema_version" },
};

/* ---- questions ------------------------------------------------------------------------ */

/* Is this item asked for: a message, or where news what changes one, too? */
static bool
asked(const struct item *it, bool news)
{
	if (it->type == ITEM_MESSAGE)
		return it->external_id != NULL;
	return news && it->target_id != NULL &&
	    (it->effect == EFFECT_UNSEND ||
		(it->text != NULL && (it->effect == EFFECT_REACT || it->effect == EFFECT_EDIT)));
}

static void
put_news(struct db_args *a, const struct itemv *items, const size_t *place, size_t n)
{
#define NCOL(t, put) \
	COLUMN(a, t, const size_t, place, n, { \
		const struct item *it = &items->v[*e]; \
		bool msg = it->type == ITEM_MESSAGE; \
		put; \
	})
	NCOL(DB_BOOL, db_bool(a, msg && it->dir == DIR_OUT));
	NCOL(DB_TEXT, db_text(a, msg ? it->body : NULL));
	NCOL(DB_TEXT, db_text(a, msg ? NULL : it->text));
	NCOL(DB_TEXT,
	    db_text(a,
		msg || it->dir == DIR_OUT ? NULL :
		    it->sender_id != NULL ? it->sender_id :
					    it->contact));
	NCOL(DB_TEXT, db_text(a, msg ? NULL : it->event_id));
	NCOL(DB_TEXT, db_text(a, msg ? NULL : effect_names[it->effect]));
#undef NCOL
}

static enum rc
ask_items(
    struct db *db, enum stmt stmt, const char *const of[2], const struct itemv *items, bool *out)
{
	size_t *place = mem_array(items->n + 1, sizeof *place), n = 0;
	bool news = stmt == SQL_NEWS;
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc = RC_OK;

	for (size_t i = 0; i < items->n; i++)
		if (asked(&items->v[i], news))
			place[n++] = i;
	if (n > 0) {
		db_text(&a, of[0]);
		db_text(&a, of[1]);
		COLUMN(&a, DB_TEXT, const size_t, place, n,
		    db_text(&a, str_or_empty(items->v[*e].thread_id)));
		COLUMN(&a, DB_TEXT, const size_t, place, n,
		    db_text(&a,
			items->v[*e].type == ITEM_MESSAGE ? items->v[*e].external_id :
							    items->v[*e].target_id));
		if (news)
			put_news(&a, items, place, n);
		rc = db_exec(db, &stmts[stmt], &a, &r);
	}
	if (rc == RC_OK) {
		memset(out, 0, items->n * sizeof *out);
		for (size_t i = 0; r != NULL && i < db_rows(r); i++)
			out[place[db_get_i64(r, i, 0) - 1]] = true;
	}
	db_res_free(r);
	db_args_free(&a);
	free(place);
	return rc;
}

enum rc
store_missing(
    struct db *db, const char *account, enum channel ch, const struct itemv *items, bool *out)
{
	const char *const of[2] = { account, channel_names[ch] };

	return ask_items(db, SQL_MISSING, of, items, out);
}

enum rc
store_news(
    struct db *db, const char *account, enum channel ch, const struct itemv *items, bool *out)
{
	const char *const of[2] = { account, channel_names[ch] };

	return ask_items(db, SQL_NEWS, of, items, out);
}

static size_t
index_of(const char *s, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, v[i]))
			return i;
	return 0;
}

enum rc
store_load(struct db *db, int64_t id, struct delivery *d)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	struct mem_arena *m = &d->items.arena;
	const void *body;
	size_t n;
	enum rc rc;

	db_i64(&a, id);
	rc = db_exec(db, &stmts[SQL_LOAD], &a, &r);
	db_args_free(&a);
	if (rc == RC_OK && (db_rows(r) == 0 || db_is_null(r, 0, 8)))
		rc = RC_NONE;
	if (rc == RC_OK) {
		d->received_at_us = db_get_time(r, 0, 0);
		d->channel = (enum channel)index_of(
		    db_get_text(r, 0, 1), channel_names, CHANNEL__MAX);
		d->account = mem_arena_dup(m, db_get_text(r, 0, 2));
		d->source = (enum source)index_of(db_get_text(r, 0, 3), source_names, SOURCE__MAX);
		d->request_id = mem_arena_dup(m, db_get_text(r, 0, 4));
		d->remote_addr = mem_arena_dup(m, db_get_text(r, 0, 5));
		d->content_type = mem_arena_dup(m, db_get_text(r, 0, 6));
		d->headers = mem_arena_dup(m, db_get_text(r, 0, 7));
		body = db_get_bytes(r, 0, 8, &n);
		d->body = mem_arena_ndup(m, body, n);
		d->body_n = n;
		d->verdict = str_eq(db_get_text(r, 0, 9), "accepted") ? VERDICT_ACCEPTED :
									VERDICT_REJECTED;
		d->reason = mem_arena_dup(m, db_get_text(r, 0, 10));
		d->provider = provider_by_name(db_get_text(r, 0, 11));
	}
	db_res_free(r);
	return rc;
}

enum rc
store_newest(struct db *db, const struct account *a, struct strv *out)
{
	struct db_args args = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	db_text(&args, provider_of(a)->name);
	rc = db_exec(db, &stmts[SQL_NEWEST], &args, &r);
	db_args_free(&args);
	for (size_t i = 0; rc == RC_OK && i < db_rows(r); i++) {
		size_t n = 0;
		const char *body = db_get_bytes(r, i, 0, &n);

		strv_add(out, body, n);
	}
	db_res_free(r);
	return rc;
}

/* ---- upkeep ------------------------------------------------------------------------------ */

enum rc
store_later(struct db *db, int64_t at_us, bool *out)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_time(&a, at_us);
	rc = db_exec(db, &stmts[SQL_LATER], &a, &r);
	if (rc == RC_OK)
		*out = db_get_bool(r, 0, 0);
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
store_migrated(struct db *db, int64_t *out)
{
	struct db_res *r = NULL;
	enum rc rc = db_exec(db, &stmts[SQL_MIGRATED], NULL, &r);

	if (rc == RC_OK)
		*out = db_get_time(r, 0, 0);
	db_res_free(r);
	return rc;
}

static enum rc
call_i64(struct db *db, enum stmt s, struct db_args *a, int64_t *out)
{
	struct db_res *r = NULL;
	enum rc rc = db_exec(db, &stmts[s], a, &r);

	if (rc == RC_OK)
		*out = db_rows(r) > 0 ? db_get_i64(r, 0, 0) : 0;
	db_res_free(r);
	db_args_free(a);
	return rc;
}

enum rc
store_upkeep(struct db *db, unsigned int keep_days, unsigned int keep_refused_days)
{
	struct db_args a = { 0 };
	int64_t n = EXPIRE_ROWS;
	enum rc rc, first;

	/* each is worth doing although another failed */
	first = call_i64(db, SQL_PARTITIONS, &a, &n);
	n = EXPIRE_ROWS;
	for (int i = 0; i < EXPIRE_ROUNDS && n >= EXPIRE_ROWS; i++) {
		db_i32(&a, (int32_t)keep_days);
		db_i32(&a, (int32_t)keep_refused_days);
		db_i32(&a, EXPIRE_ROWS);
		if ((rc = call_i64(db, SQL_EXPIRE, &a, &n)) != RC_OK) {
			first = first != RC_OK ? first : rc;
			break;
		}
	}
	n = 500;
	for (int i = 0; i < EXPIRE_ROUNDS && n >= 500; i++) {
		db_i32(&a, 500);
		if ((rc = call_i64(db, SQL_LEFTOVERS, &a, &n)) != RC_OK) {
			first = first != RC_OK ? first : rc;
			break;
		}
	}
	db_i32(&a, STORE_UNSENT_GRACE_S);
	db_i32(&a, 100);
	rc = call_i64(db, SQL_UNSENT, &a, &n);
	return first != RC_OK ? first : rc;
}

enum rc
store_schema_check(struct db *db)
{
	struct db_args a = { 0 };
	int64_t v = 0;
	enum rc rc = call_i64(db, SQL_VERSION, &a, &v);

	if (rc != RC_OK)
		return rc;
	if (v < STORE_SCHEMA_VERSION) {
		log_error("database: the schema is at version %lld, %d is needed; run: "
			  "dmbox migrate",
		    (long long)v, STORE_SCHEMA_VERSION);
		return RC_TEMP;
	}
	return RC_OK;
}

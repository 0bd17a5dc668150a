/*
 * Storing deliveries: the ledger, contacts, messages, events.
 *
 * The way in is one call of dmbox.ingest_many (sql/code/ingest.sql) with arrays:
 * one round trip, one transaction, whether one text or a thousand items.  For one
 * plain message there is dmbox.ingest with plain values, which are quicker.
 * load.c prepares what the arrays need, put.c writes them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "extern/sign.h"
#include "store/store.h"
#include "store/alias.h"
#include "store/load.h"

enum {
	GROUP_DELIVERIES = 256,		/* of one statement */
	GROUP_ITEMS = 4096,
	CONFLICT_TRIES = 8,
	POISON_PROBES = 64,
	REFUSED_BODY = 16 * 1024
};

enum stmt {
	SQL_INGEST,
	SQL_INGEST_MANY,
	SQL_REFUSE,
	SQL_REFUSE_COUNT,
	SQL_PAST,
	SQL_ALONE,
	SQL_KEPT,
	SQL__MAX
};

#define COUNTS \
	"select uid, id, stored, duplicates, weak_duplicates, ignored, echoes, messages from "

static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_PAST] = { NULL, "select dmbox.past_stored($1)" },
	[SQL_ALONE] = { NULL, "select pg_advisory_xact_lock(25714, 0)" },
	[SQL_KEPT] = { NULL,
	    "select count(m.id), count(m.id) filter (where m.body is distinct from w.body)"
	    " from unnest($3::text[], $4::text[], $5::text[]) w(thread_id, external_id, body)"
	    " left join dmbox.messages m on m.account = $1 and m.channel = $2"
	    "  and m.thread_id = w.thread_id and m.external_id = w.external_id" },
	[SQL_INGEST] = { "store_ingest",
	    COUNTS
	    "dmbox.ingest($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,"
	    "$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,$29,$30,$31,$32,"
	    "$33,$34,$35,$36,$37,$38)" },
	[SQL_INGEST_MANY] = { "store_ingest_many",
	    COUNTS
	    "dmbox.ingest_many($1,$2,$3,$4,$5,$6,$7,"
	    "$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,"
	    "$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42,$43,$44,$45,$46,$47,$48,$49,"
	    "$50,$51,$52,$53,$54,$55,$56,$57,$58,$59,$60,$61,$62,$63,$64,$65,$66,$67,$68,$69,$70,"
	    "$71,$72,$73,$74)" },
	[SQL_REFUSE] = { "store_refuse",
	    "select dmbox.refuse($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)" },
	[SQL_REFUSE_COUNT] = { "store_refuse_count",
	    "insert into dmbox.refusals as r (account, channel, minute, reason, capped)"
	    " values ($1, $2, date_trunc('minute', now()), $3, $4)"
	    " on conflict (account, channel, minute, reason)"
	    " do update set capped = r.capped + excluded.capped" },
};

static void
read_counts(const struct db_res *r, struct delivery *const *v, size_t n)
{
	for (size_t i = 0; i < db_rows(r); i++) {
		const char *uid = db_get_text(r, i, 0);

		for (size_t j = 0; j < n; j++) {
			struct delivery *d = v[j];

			if (uid == NULL || strcmp(uid, d->uid) != 0)
				continue;
			d->id = db_get_i64(r, i, 1);
			d->stored = (size_t)db_get_i64(r, i, 2);
			d->duplicates = (size_t)db_get_i64(r, i, 3);
			d->weak_duplicates = (size_t)db_get_i64(r, i, 4);
			d->ignored = (size_t)db_get_i64(r, i, 5);
			d->echoes = (size_t)db_get_i64(r, i, 6);
			d->messages = (size_t)db_get_i64(r, i, 7);
			d->n_items = d->items.n + d->items.ignored;
			d->rc = RC_OK;
		}
	}
}

/* One attempt with these deliveries in one statement; again: some may be stored. */
static enum rc
try_once(struct db *db, struct delivery *const *v, size_t n, bool again)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	struct load b;
	enum rc rc;

	load_init(&b, v, n);
	if (!again && load_plain(&b)) {
		put_plain(&a, &b);
		rc = db_exec(db, &stmts[SQL_INGEST], &a, &r);
	} else {
		db_bool(&a, again);
		put_load(&a, &b);
		rc = db_exec(db, &stmts[SQL_INGEST_MANY], &a, &r);
	}
	if (rc == RC_OK)
		read_counts(r, v, n);
	db_res_free(r);
	db_args_free(&a);
	load_free(&b);
	return rc;
}

/* A number's history, told afterwards: none of it is new. */
static bool
has_past(const struct delivery *d)
{
	for (size_t i = 0; i < d->items.n; i++)
		if (d->items.v[i].past)
			return true;
	return false;
}

static enum rc
past_stored(struct db *db, const struct delivery *d)
{
	struct db_args a = { 0 };
	enum rc rc;

	if (!has_past(d) || d->stored == 0 || d->id == 0)
		return RC_OK;
	db_i64(&a, d->id);
	rc = db_exec(db, &stmts[SQL_PAST], &a, NULL);
	db_args_free(&a);
	return rc;
}

/* True: the database refuses to mark it for good, which must not keep the messages out. */
static bool
never_marked(const struct db *db)
{
	return db_fault(db) != DB_FAULT_AWAY && db_fault(db) != DB_FAULT_CONFLICT;
}

/* One attempt; history is stored and marked, or not at all: stored alone it counts as new. */
static enum rc
try_whole(struct db *db, struct delivery *const *v, size_t n, bool again)
{
	bool past = false, stored, marked;
	enum rc rc;

	for (size_t i = 0; i < n; i++)
		past = past || has_past(v[i]);
	if (!past)
		return try_once(db, v, n, again);
	if ((rc = db_begin(db)) != RC_OK)
		return rc;
	stored = (rc = try_once(db, v, n, again)) == RC_OK;
	for (size_t i = 0; i < n && rc == RC_OK; i++)
		rc = past_stored(db, v[i]);
	marked = rc == RC_OK;
	if (marked && (rc = db_commit(db)) == RC_OK)
		return RC_OK;
	db_rollback(db);
	for (size_t i = 0; i < n; i++)
		v[i]->rc = RC_TEMP;
	if (!stored || marked || !never_marked(db))
		return rc;
	log_warn("store: delivery %s: its history counts as new", v[0]->uid);
	return try_once(db, v, n, true);
}

/* What lay in the spool may have been stored by a commit whose answer was lost. */
static bool
any_spooled(struct delivery *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i]->source == SOURCE_SPOOL)
			return true;
	return false;
}

/*
 * Attempts until it is stored, or its data are refused (RC_INVALID), or the
 * database cannot now (RC_TEMP).  A line that broke is tried once more at once:
 * a restarted server closes idle connections, and the uid keeps it single.
 */
static enum rc
try_hard(struct db *db, struct delivery *const *v, size_t n)
{
	bool spooled = any_spooled(v, n);
	uint64_t trips = db_round_trips(db);
	int64_t start = clock_mono_ms();
	unsigned int rnd;
	bool again = true;

	for (int i = 0;; i++) {
		if (try_whole(db, v, n, spooled || i > 0) == RC_OK)
			return RC_OK;
		switch (db_fault(db)) {
		case DB_FAULT_CONFLICT:
		case DB_FAULT_UNIQUE:
			if (i == CONFLICT_TRIES) {
				log_warn(
				    "store: gave up after %d conflicts (%s)", i, db_sqlstate(db));
				return RC_TEMP;
			}
			sign_random(&rnd, sizeof rnd);
			clock_sleep_ms(1 + (int64_t)(rnd % (unsigned int)(10 * (i + 1))));
			continue;
		case DB_FAULT_DATA:
			return RC_INVALID;
		case DB_FAULT_AWAY:
			if (again && db_round_trips(db) > trips && !db_connected(db) &&
			    clock_mono_ms() - start < 500) {
				again = false;
				continue;
			}
			return RC_TEMP;
		default:
			return RC_TEMP;
		}
	}
}

/* d without the items that bad marks; the array is the caller's to free. */
static struct item *
without(const struct delivery *d, const bool *bad, struct delivery *out)
{
	struct item *v = mem_array(d->items.n + 1, sizeof *v);
	size_t n = 0;

	*out = *d;
	for (size_t i = 0; i < d->items.n; i++)
		if (!bad[i])
			v[n++] = d->items.v[i];
	out->items.v = v;
	out->items.ignored += d->items.n - n;
	out->items.n = n;
	return v;
}

/* Would items lo..hi-1 of d be taken?  Tried in a transaction that is undone. */
static enum rc
probe(struct db *db, const struct delivery *d, size_t lo, size_t hi)
{
	struct delivery part = *d, *v = &part;
	enum rc rc;

	part.items.v += lo;
	part.items.n = hi - lo;
	if ((rc = db_begin(db)) != RC_OK)
		return rc;
	rc = try_once(db, &v, 1, true);
	db_rollback(db);
	if (rc == RC_OK)
		return RC_OK;
	return db_fault(db) == DB_FAULT_DATA ? RC_INVALID : RC_TEMP;
}

/* Is each message of d, which are all of its own account, there with its text? */
static enum rc
kept(struct db *db, const struct delivery *d)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	int64_t n = 0;
	enum rc rc;

	db_text(&a, d->account);
	db_text(&a, channel_names[d->channel]);
	for (int column = 0; column < 3; column++) {
		n = 0;
		db_array(&a, DB_TEXT);
		for (size_t i = 0; i < d->items.n; i++) {
			const struct item *it = &d->items.v[i];

			if (it->type != ITEM_MESSAGE)
				continue;
			db_text(&a,
			    column == 0	    ? it->thread_id :
				column == 1 ? it->external_id :
					      it->body);
			n++;
		}
		db_array_end(&a);
	}
	rc = db_exec(db, &stmts[SQL_KEPT], &a, &r);
	if (rc == RC_OK)
		rc = db_get_i64(r, 0, 0) != n ? RC_NONE : db_get_i64(r, 0, 1) > 0 ? RC_PERM : RC_OK;
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

/* Several statements in one transaction keep no order of locks among them: two that try at once
 * (a timer's doctor beside a person's) would wait for each other. */
static enum rc
would(struct db *db, struct delivery *const *v, size_t n)
{
	struct db_args none = { 0 };
	enum rc rc = db_begin(db);

	if (rc != RC_OK)
		return rc;
	rc = db_exec(db, &stmts[SQL_ALONE], &none, NULL);
	for (size_t i = 0; rc == RC_OK && i < n; i++)
		if ((rc = try_once(db, v + i, 1, true)) == RC_OK)
			rc = kept(db, v[i]);
	db_rollback(db);
	return rc;
}

enum rc
store_would(struct db *db, struct delivery *const *v, size_t n)
{
	enum rc rc = would(db, v, n);

	if (rc != RC_OK && rc != RC_NONE && strncmp(db_sqlstate(db), "40", 2) == 0)
		rc = would(db, v, n);
	if (rc == RC_OK || rc == RC_NONE || rc == RC_PERM)
		return rc;
	return db_fault(db) == DB_FAULT_DATA ? RC_INVALID : RC_TEMP;
}

/* Halve until the bad items stand alone; RC_TEMP when the database went away. */
static enum rc
bisect(struct db *db, const struct delivery *d, size_t lo, size_t hi, unsigned int *left, bool *bad)
{
	size_t mid = lo + (hi - lo) / 2;
	enum rc rc;

	if (lo == hi)
		return RC_OK;
	if (*left > 0) {
		--*left;
		if ((rc = probe(db, d, lo, hi)) != RC_INVALID)
			return rc;
	}
	if (hi - lo == 1 || *left == 0) {
		memset(bad + lo, 1, hi - lo);
		return RC_OK;
	}
	if ((rc = bisect(db, d, lo, mid, left, bad)) != RC_OK)
		return rc;
	return bisect(db, d, mid, hi, left, bad);
}

/* One delivery whose data the database refuses: all that can be is stored. */
static enum rc
store_poisoned(struct db *db, struct delivery *d)
{
	bool *bad = mem_array(d->items.n + 1, sizeof *bad);
	unsigned int left = POISON_PROBES;
	struct delivery part, *v = &part;
	struct item *items = NULL;
	enum rc rc;

	rc = bisect(db, d, 0, d->items.n, &left, bad);
	if (rc == RC_OK) {
		items = without(d, bad, &part);
		part.reason = "poison";
		rc = try_hard(db, &v, 1);
	}
	if (rc == RC_INVALID) {
		/* then it is the envelope: the bytes alone */
		free(items);
		memset(bad, 1, d->items.n);
		items = without(d, bad, &part);
		part.reason = "poison";
		part.headers = part.content_type = part.request_id = part.remote_addr = NULL;
		rc = try_hard(db, &v, 1);
	}
	if (rc == RC_OK) {
		log_warn("store: delivery %s: %zu of %zu items are kept in the ledger "
			 "only (poison)",
		    d->uid, part.items.ignored - d->items.ignored, d->items.n);
		d->id = part.id;
		d->n_items = d->items.n + d->items.ignored;
		d->stored = part.stored;
		d->duplicates = part.duplicates;
		d->weak_duplicates = part.weak_duplicates;
		d->ignored = part.ignored;
		d->echoes = part.echoes;
		d->messages = part.messages;
		d->rc = RC_OK;
	}
	free(items);
	free(bad);
	return rc == RC_OK ? RC_OK : RC_TEMP;
}

static enum rc
store_group(struct db *db, struct delivery *const *v, size_t n)
{
	enum rc rc = try_hard(db, v, n), rc2;

	if (rc != RC_INVALID)
		return rc;
	if (n == 1)
		return store_poisoned(db, v[0]);
	rc = store_group(db, v, n / 2);
	rc2 = store_group(db, v + n / 2, n - n / 2);
	return rc != RC_OK ? rc : rc2;
}

enum rc
store_deliveries(struct db *db, struct delivery *const *v, size_t n)
{
	enum rc rc = RC_OK;
	size_t i = 0;

	for (size_t k = 0; k < n; k++)
		v[k]->rc = RC_TEMP;
	rc = alias_resolve(db, v, n);
	while (i < n && rc == RC_OK) {
		size_t items = v[i]->items.n, m = 1;

		while (
		    i + m < n && m < GROUP_DELIVERIES && items + v[i + m]->items.n <= GROUP_ITEMS)
			items += v[i + m++]->items.n;
		rc = store_group(db, v + i, m);
		/* at once, and of those that are stored: where others fail only these come back */
		for (; m > 0; m--, i++)
			/* nothing is kept of the erased */
			if (v[i]->rc == RC_OK && v[i]->stored == 0 && v[i]->items.n > 0)
				alias_forget(db, v + i, 1);
	}
	return rc;
}

/* ---- refused ------------------------------------------------------------------------- */

enum rc
store_refused(struct db *db, struct delivery *d, unsigned int cap_per_minute)
{
	struct load b = { .n = 0 };	/* its arena */
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_i32(&a, (int32_t)cap_per_minute);
	db_uuid(&a, d->uid);
	db_time(&a, d->received_at_us);
	db_text(&a, channel_names[d->channel]);
	db_text(&a, put_peer_text(&b, d->account, 64));
	db_text(&a, source_names[d->source]);
	db_text(&a, put_peer_text(&b, d->request_id, 64));
	db_text(&a, put_peer_text(&b, d->remote_addr, 64));
	db_text(&a, put_peer_text(&b, d->content_type, 256));
	db_jsonb(&a, put_head(&b.arena, d));
	db_bytea(&a, d->body, d->body_n < REFUSED_BODY ? d->body_n : REFUSED_BODY);
	db_text(&a, d->reason);
	rc = db_exec(db, &stmts[SQL_REFUSE], &a, &r);
	if (rc == RC_OK)
		d->id = db_get_i64(r, 0, 0);
	d->rc = rc;
	db_res_free(r);
	db_args_free(&a);
	mem_arena_free(&b.arena);
	return rc;
}

enum rc
store_refused_count(
    struct db *db, const char *channel, const char *account, const char *reason, unsigned int n)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_text(&a, account);
	db_text(&a, channel);
	db_text(&a, reason);
	db_i32(&a, (int32_t)n);
	rc = db_exec(db, &stmts[SQL_REFUSE_COUNT], &a, NULL);
	db_args_free(&a);
	return rc;
}

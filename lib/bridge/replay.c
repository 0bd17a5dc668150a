/*
 * Replay.  A stored verdict stands: what was refused stays refused, whatever
 * the configuration says now, for nobody can tell afterwards who had sent it.
 * Shared secrets are not in the ledger and cannot be checked again; a signature
 * (providers.md B.3) is a digest of bytes and secret, is kept, and is.
 */
#include "bridge/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/ingest.h"
#include "extern/json.h"
#include "base/mem.h"
#include "model/msg.h"
#include "store/outbox.h"
#include "model/provider.h"
#include "store/store.h"
#include "base/str.h"

#define PAGE 500

const char *const replay_result_names[REPLAY__MAX] = { "replayed", "absent", "erased", "refused",
	"bad_signature", "test", "failed" };

enum stmt { SQL_STATE, SQL_SINCE, SQL_COUNT, SQL_SETTLE, SQL__MAX };
static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_STATE] = { "replay_state",
	    "select verdict, reason, body is null, source, headers from dmbox.deliveries"
	    " where id = $1" },
	[SQL_SINCE] = { "replay_since",
	    "select id from dmbox.deliveries where received_at >= $1 and id > $2 and id <= $3"
	    " and source not in ('replay', 'doctor') order by id limit $4" },
	[SQL_COUNT] = { NULL,
	    "select count(*), coalesce(max(id), 0) from dmbox.deliveries where received_at >= $1"
	    " and source not in ('replay', 'doctor')" },
	[SQL_SETTLE] = { "replay_settle", "select dmbox.replay_settle($1, $2)" },
};

struct run {
	struct db *db;
	const struct conf *c;
	const struct replay_want *w;
	struct replay_counts *n;
	bool echoes[CHANNEL__MAX];
};

/* The account that parses it: the row's, or what is known of one that is gone or has
 * another provider by now. */
static const struct account *
account_of(const struct conf *c, const struct delivery *d, struct account *gone)
{
	const struct account *a = conf_account(c, d->channel, d->account);

	if (a != NULL && (d->provider == NULL || a->provider == d->provider))
		return a;
	memset(gone, 0, sizeof *gone);
	gone->name = (char *)(uintptr_t)d->account;
	gone->channel = d->channel;
	gone->provider = delivery_provider(d);
	return gone;
}

static void
fill_head(struct delivery *d, const struct db_res *r)
{
	struct json *head = NULL;
	const char *text = db_get_text(r, 0, 4), *path = NULL;
	char tail[200];

	if (text != NULL && json_parse(text, strlen(text), &head, NULL) == RC_OK)
		path = json_str(&d->items.arena, json_member(head, ":path"));
	snprintf(tail, sizeof tail, "/webhook/%s", d->account);
	d->account_named = path != NULL && str_ends(path, tail);
	/* spooled answers to polls look like deliveries, but have no head */
	if (d->source == SOURCE_SPOOL)
		d->source = path != NULL ? SOURCE_WEBHOOK : SOURCE_POLL;
	json_free(head);
}

static enum rc
count_new(struct run *r, struct delivery *d, struct replay_one *one)
{
	bool *out = mem_array(d->items.n + 1, sizeof *out);
	enum rc rc;

	ingest_prepare(d);
	rc = store_missing(r->db, d->account, d->channel, &d->items, out);
	for (size_t i = 0; rc == RC_OK && i < d->items.n; i++)
		one->stored += out[i];
	one->items = d->items.n + d->items.ignored;
	free(out);
	return rc;
}

/* Rows that had been lost belong to their first delivery again. */
static enum rc
settle(struct run *r, int64_t original, int64_t replay)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_i64(&a, original);
	db_i64(&a, replay);
	rc = db_exec(r->db, &stmts[SQL_SETTLE], &a, NULL);
	db_args_free(&a);
	return rc;
}

/* Bytes to rows. */
static enum rc
again(struct run *r, struct delivery *d, struct replay_one *one)
{
	struct account gone;
	const struct account *a = account_of(r->c, d, &gone);
	struct delivery *v = d;
	enum rc rc = ingest_signature(a, d);

	one->signature = rc == RC_OK;
	if (rc == RC_DENIED && !r->w->any_signature) {
		one->result = REPLAY_BAD_SIGNATURE;
		return RC_OK;
	}
	d->provider = a->provider;
	d->mock = a->use_mock;
	d->reason = "ok";
	d->any_signature = r->w->any_signature;
	ingest_parse(r->c, a, d);
	d->source = SOURCE_REPLAY;
	one->result = REPLAY_DONE;
	if (r->w->dry)
		return count_new(r, d, one);
	if ((rc = ingest(r->db, NULL, &v, 1)) != RC_OK) {
		one->result = REPLAY_FAILED;
		return rc;
	}
	one->made = d->id;
	one->items = d->n_items;
	one->stored = d->stored;
	one->duplicates = d->duplicates;
	one->weak = d->weak_duplicates;
	one->ignored = d->ignored;
	r->echoes[d->channel] |= d->echoes > 0;
	return d->stored > 0 ? settle(r, one->id, d->id) : RC_OK;
}

static enum rc
replay(struct run *r, int64_t id, struct replay_one *one, struct delivery *d)
{
	struct db_args a = { 0 };
	struct db_res *row = NULL;
	enum rc rc;

	db_i64(&a, id);
	rc = db_exec(r->db, &stmts[SQL_STATE], &a, &row);
	db_args_free(&a);
	if (rc != RC_OK) {
		one->result = REPLAY_FAILED;
		return rc;
	}
	if (db_rows(row) == 0) {
		one->result = REPLAY_ABSENT;
	} else if (str_eq(db_get_text(row, 0, 0), "rejected")) {
		one->result = REPLAY_REFUSED;
		one->reason = mem_arena_dup(&d->items.arena, db_get_text(row, 0, 1));
	} else if (str_eq(db_get_text(row, 0, 3), source_names[SOURCE_DOCTOR])) {
		one->result = REPLAY_TEST;
	} else if (db_get_bool(row, 0, 2)) {
		one->result = REPLAY_ERASED;
	} else if ((rc = store_load(r->db, id, d)) == RC_OK) {
		fill_head(d, row);
		rc = again(r, d, one);
	} else if (rc == RC_NONE) {	/* erased this moment */
		one->result = REPLAY_ERASED;
		rc = RC_OK;
	} else {
		one->result = REPLAY_FAILED;
	}
	db_res_free(row);
	return rc;
}

static enum rc
one_delivery(struct run *r, int64_t id)
{
	struct replay_one one = { .id = id };
	struct delivery d;
	enum rc rc;

	delivery_init(&d);
	rc = replay(r, id, &one, &d);
	r->n->deliveries++;
	r->n->by_result[one.result]++;
	r->n->items += one.items;
	r->n->stored += one.stored;
	r->n->duplicates += one.duplicates;
	r->n->weak += one.weak;
	r->n->ignored += one.ignored;
	if (r->w->each != NULL)
		r->w->each(r->w->arg, &one);
	delivery_free(&d);
	return rc;
}

/* Sends of unknown outcome may be told by an echo that came only now. */
static void
settle_echoes(struct run *r)
{
	size_t n;

	for (int ch = 0; ch < CHANNEL__MAX; ch++)
		if (r->echoes[ch] &&
		    outbox_match_echoes(r->db, (enum channel)ch, NULL, &n) != RC_OK)
			return;		/* upkeep does it */
}

enum rc
replay_ids(struct db *db, const struct conf *c, const struct replay_want *w, const int64_t *ids,
    size_t n, struct replay_counts *counts)
{
	struct run r = { .db = db, .c = c, .w = w, .n = counts };
	enum rc rc = RC_OK;

	memset(counts, 0, sizeof *counts);
	for (size_t i = 0; i < n && rc == RC_OK; i++)
		rc = one_delivery(&r, ids[i]);
	settle_echoes(&r);
	return rc;
}

static enum rc
count(struct db *db, int64_t since_us, int64_t *n, int64_t *top)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_time(&a, since_us);
	rc = db_exec(db, &stmts[SQL_COUNT], &a, &r);
	if (rc == RC_OK) {
		*n = db_get_i64(r, 0, 0);
		*top = db_get_i64(r, 0, 1);
	}
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
replay_count(struct db *db, int64_t since_us, int64_t *n)
{
	int64_t top;

	return count(db, since_us, n, &top);
}

enum rc
replay_since(struct db *db, const struct conf *c, const struct replay_want *w, int64_t since_us,
    struct replay_counts *counts)
{
	struct run r = { .db = db, .c = c, .w = w, .n = counts };
	int64_t last = 0, top = 0, n;
	size_t rows = 1;
	enum rc rc;

	memset(counts, 0, sizeof *counts);
	/* what arrives from now on need not be replayed */
	rc = count(db, since_us, &n, &top);
	while (rc == RC_OK && rows > 0) {
		struct db_args a = { 0 };
		struct db_res *res = NULL;

		db_time(&a, since_us);
		db_i64(&a, last);
		db_i64(&a, top);
		db_i64(&a, PAGE);
		rc = db_exec(db, &stmts[SQL_SINCE], &a, &res);
		db_args_free(&a);
		rows = rc == RC_OK ? db_rows(res) : 0;
		for (size_t i = 0; i < rows && rc == RC_OK; i++)
			rc = one_delivery(&r, last = db_get_i64(res, i, 0));
		db_res_free(res);
	}
	settle_echoes(&r);
	return rc;
}

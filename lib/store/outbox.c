/*
 * The outbox.  Each step of its state machine is one SQL function
 * (sql/code/outbox.sql): one round trip, one transaction, and the same rule
 * for every caller: send.fcgi, the poller or a person.  Here arguments are put in
 * and rows read out; conflicts with an ingest that brings the echo at the same
 * moment (23505, 40xxx) are tried again.
 */
#include "store/outbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "extern/json.h"
#include "extern/jsonw.h"
#include "base/log.h"
#include "base/retry.h"
#include "extern/sign.h"
#include "base/str.h"

enum sql {
	SQL_PUT,
	SQL_CLAIM,
	SQL_BEGIN,
	SQL_HOLD,
	SQL_DUE,
	SQL_SETTLE,
	SQL_RELEASE,
	SQL_EXPIRE,
	SQL_MATCH,
	SQL_ASK_DUE,
	SQL_UNKNOWN,
	SQL_FOUND,
	SQL_ASKED,
	SQL_RETRY,
	SQL_CANCEL,
	SQL_GET,
	SQL_NEWEST,
	SQL_PROVED,
	SQL_LIST,
	SQL__MAX
};

/* of unknown outcome, or queued after an attempt that may have gone out */
#define TO_ASK \
	"o.action is null and o.next_at <= now() and (o.state = 'unknown' and " \
	"o.lookups < 5" \
	" or o.state = 'queued' and o.doubt_at is not null and o.asked_at is null)"

static const struct db_stmt sql[SQL__MAX] = {
	[SQL_PUT] = { "outbox_put",
	    "select verdict, closed_at, id, message_id, state, external_id, error_code, error_text"
	    " from dmbox.outbox_put($1, $2, $3, $4, $5, $6, $7, $8, $9)" },
	[SQL_CLAIM] = { "outbox_claim",
	    "select c.guarded, c.id, c.recipient_id, c.thread_id, c.body, c.attachments,"
	    " c.reply_to,"
	    " c.human_agent, c.action, c.reaction, c.attempts, c.created_at, "
	    "c.attempt_started_at, c.token,"
	    " s.token_of, coalesce(s.proof, 0)::bigint"
	    " from dmbox.outbox_lease($1, $2, $3, $4, $5, $6, $7, $8) c"
	    " left join dmbox.account_state s on s.account = $1 and s.channel = $2 order by c.id" },
	[SQL_BEGIN] = { "outbox_begin", "select dmbox.outbox_begin($1, $2)" },
	[SQL_HOLD] = { NULL, "select dmbox.outbox_hold($1, $2, $3)" },
	[SQL_DUE] = { "outbox_due",
	    "select (a.i - 1)::bigint from unnest($1::text[], $2::text[])"
	    " with ordinality a(account, channel, i)"
	    " where exists (select 1 from dmbox.outbox o where o.account = a.account"
	    "   and o.channel = a.channel and o.state = 'queued' and o.next_at <= now()"
	    "   and (o.doubt_at is null or o.asked_at is not null))"
	    " and not exists (select 1 from dmbox.account_state s where s.account = a.account"
	    "   and s.channel = a.channel and (s.pause_until > now() or "
	    "s.send_pause_until > now()))" },
	[SQL_SETTLE] = { "outbox_settle",
	    "select id, message_id, state, external_id, error_code, error_text, paused_s"
	    " from dmbox.outbox_result($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
	    " $12, $13, $14)" },
	[SQL_RELEASE] = { NULL, "select dmbox.outbox_release($1, $2)" },
	[SQL_EXPIRE] = { "outbox_expire",
	    "select unknown, requeued, dead from dmbox.outbox_expire()" },
	[SQL_MATCH] = { "outbox_match", "select dmbox.outbox_match($1, $2, $3::text[])" },
	[SQL_ASK_DUE] = { "outbox_ask_due",
	    "select (a.i - 1)::bigint from unnest($1::text[], $2::text[])"
	    " with ordinality a(account, channel, i)"
	    " where exists (select 1 from dmbox.outbox o where o.account = a.account"
	    "   and o.channel = a.channel and " TO_ASK " and o.provider = any ($3::text[]))" },
	[SQL_UNKNOWN] = { "outbox_unknown",
	    "with due as (select o.id from dmbox.outbox o where o.account = $1 and o.channel = $2"
	    "   and " TO_ASK " and o.provider = any ($4::text[])"
	    "   order by o.id limit $3 for update skip locked)"
	    " update dmbox.outbox o set lookups = o.lookups + 1,"
	    "   next_at = now() + make_interval(secs => least(900, 10 * (3 ^ least(o.lookups, 9))))"
	    " from due where o.id = due.id"
	    " returning false, o.id, o.recipient_id, o.thread_id, o.body, o.attachments, "
	    "o.reply_to,"
	    "   o.human_agent, o.action, o.reaction, o.attempts, o.created_at,"
	    "   coalesce(o.doubt_at, o.attempt_started_at),"
	    "   dmbox.outbox_token(o.account, o.channel),"
	    "   (select s.token_of from dmbox.account_state s where s.account = o.account"
	    "     and s.channel = o.channel),"
	    "   (select s.proof::bigint from dmbox.account_state s where s.account = o.account"
	    "     and s.channel = o.channel), o.state = 'queued', o.lookups::bigint" },
	[SQL_FOUND] = { NULL, "select dmbox.outbox_found($1, $2)" },
	[SQL_ASKED] = { NULL,
	    "with r as (update dmbox.outbox set asked_at = now(), next_at = now(), lookups = 0"
	    "   where id = $1 and state = 'queued' and doubt_at is not null and asked_at is null "
	    "returning 1)"
	    " select exists (select 1 from r)" },
	[SQL_RETRY] = { NULL, "select dmbox.outbox_retry($1)" },
	[SQL_CANCEL] = { NULL, "select dmbox.outbox_cancel($1)" },
	[SQL_GET] = { "outbox_get",
	    /* one that was not tried yet waits for what the account waits for */
	    "select o.id, coalesce(o.message_id, 0), o.state, o.external_id,"
	    "  coalesce(o.error_code, s.send_pause_reason), coalesce(o.error_text, "
	    "s.send_pause_text),"
	    "  coalesce(o.hint, s.send_pause_hint)"
	    " from dmbox.outbox o left join dmbox.account_state s on s.account = o.account"
	    "   and s.channel = o.channel and s.send_pause_until > now() and o.state = 'queued'"
	    " where o.id = $1" },
	[SQL_NEWEST] = { NULL,
	    "select m.external_id from dmbox.messages m join dmbox.contacts c"
	    " on c.id = m.contact_id"
	    " where c.account = $1 and c.channel = $2"
	    "   and c.external_id = dmbox.contact_of($1, $2, $3) and m.direction = 'inbound'"
	    "   and not m.is_test order by m.sent_at desc, m.id desc limit 1" },
	[SQL_PROVED] = { NULL, "select dmbox.contact_proved($1, $2, $3, $4)" },
	[SQL_LIST] = { NULL,
	    "select id, created_at, next_at, account, channel, recipient_id, state,"
	    " coalesce(action, attachments -> 0 ->> 'type', 'text'), attempts::bigint,"
	    " coalesce(error_code, ''), coalesce(error_text, '')"
	    " from dmbox.outbox where $1 or state in ('queued', 'leased', 'unknown')"
	    "   or (state in ('failed', 'dead') and created_at > now() - interval '7 days')"
	    " order by id desc limit $2" },
};

enum { TRIES = 5 };

/* One statement; a conflict with another transaction is tried again. */
static enum rc
run(struct db *db, enum sql which, struct db_args *a, struct db_res **res)
{
	enum rc rc;

	for (int i = 0;; i++) {
		rc = db_exec(db, &sql[which], a, res);
		if (rc == RC_OK || i == TRIES ||
		    (db_fault(db) != DB_FAULT_UNIQUE && db_fault(db) != DB_FAULT_CONFLICT))
			break;
	}
	/* a unique violation that stays is no "was there already" of ours */
	return rc == RC_DUP ? RC_TEMP : rc;
}

/* A statement that answers one boolean: false is RC_NONE. */
static enum rc
run_bool(struct db *db, enum sql which, struct db_args *a)
{
	struct db_res *res = NULL;
	enum rc rc = run(db, which, a, &res);

	if (rc == RC_OK && (db_rows(res) == 0 || !db_get_bool(res, 0, 0)))
		rc = RC_NONE;
	db_res_free(res);
	db_args_free(a);
	return rc;
}

/* The providers at which an unknown outcome can be learnt. */
static void
args_can_tell(struct db_args *a, bool lookup_only)
{
	db_array(a, DB_TEXT);
	for (size_t i = 0; providers[i] != NULL; i++) {
		const struct provider *p = providers[i];

		if (p->lookup_build != NULL || (!lookup_only && p->has_echo))
			db_text(a, p->name);
	}
	db_array_end(a);
}

static void
copy_text(char *out, size_t cap, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n >= cap)
		n = str_utf8_cut(s, n, cap - 1);
	if (n > 0)
		memcpy(out, s, n);
	out[n] = '\0';
}

/* Columns id, message_id, state, external_id, error_code, error_text from col on. */
static void
read_row(const struct db_res *res, size_t i, int col, struct outbox_row *r)
{
	memset(r, 0, sizeof *r);
	r->id = db_get_i64(res, i, col);
	r->message_id = db_get_i64(res, i, col + 1);
	copy_text(r->state, sizeof r->state, db_get_text(res, i, col + 2));
	copy_text(r->provider_id, sizeof r->provider_id, db_get_text(res, i, col + 3));
	copy_text(r->error_code, sizeof r->error_code, db_get_text(res, i, col + 4));
	copy_text(r->error_text, sizeof r->error_text, db_get_text(res, i, col + 5));
}

/* --- put ---------------------------------------------------------------------- */

static void
put_member(struct jsonw *w, const char *key, const char *value)
{
	if (value != NULL)
		jsonw_str(w, key, value);
}

static void
put_atts(struct jsonw *w, const struct outmsg *m)
{
	jsonw_array(w, "attachments");
	for (size_t i = 0; i < m->n_atts; i++) {
		jsonw_object(w, NULL);
		put_member(w, "type", m->atts[i].type);
		put_member(w, "url", m->atts[i].url);
		put_member(w, "name", m->atts[i].name);
		put_member(w, "mime", m->atts[i].mime);
		put_member(w, "ref", m->atts[i].ref);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void
put_part(struct jsonw *w, const struct outmsg *m, unsigned int ttl_s)
{
	/* a typing sign of half a minute ago says nothing any more */
	if (m->action && str_starts(m->action, "typing"))
		ttl_s = 30;
	jsonw_object(w, NULL);
	put_member(w, "recipient", m->recipient);
	put_member(w, "thread", m->thread_id);
	put_member(w, "body", m->body);
	put_member(w, "reply_to", m->reply_to);
	put_member(w, "action", m->action);
	put_member(w, "reaction", m->reaction);
	if (m->n_atts > 0)
		put_atts(w, m);
	jsonw_bool(w, "human_agent", m->human_agent);
	jsonw_i64(w, "ttl_s", ttl_s);
	jsonw_end(w);
}

static enum rc
put_read(const struct db_res *res, size_t max, struct outbox_row *rows, size_t *n_rows,
    int64_t *closed_us)
{
	const char *verdict = db_rows(res) > 0 ? db_get_text(res, 0, 0) : NULL;

	if (verdict == NULL) {
		LOG_BUG("outbox_put answered no row");
		return RC_BUG;
	}
	if (str_eq(verdict, "other"))
		return RC_INVALID;
	if (str_eq(verdict, "window")) {
		*closed_us = db_get_time(res, 0, 1);
		return RC_DENIED;
	}
	*n_rows = db_rows(res) < max ? db_rows(res) : max;
	for (size_t i = 0; i < *n_rows; i++)
		read_row(res, i, 2, &rows[i]);
	return str_eq(verdict, "dup") ? RC_DUP : RC_OK;
}

enum rc
outbox_put(struct db *db, const struct outbox_new *n, size_t max, struct outbox_row *rows,
    size_t *n_rows, int64_t *closed_us)
{
	struct db_args a = { 0 };
	struct db_res *res = NULL;
	struct jsonw w;
	struct buf b;
	enum rc rc;

	buf_init(&b, 16 << 20);
	jsonw_init(&w, &b);
	jsonw_array(&w, NULL);
	for (size_t i = 0; i < n->n_parts; i++)
		put_part(&w, &n->parts[i], n->ttl_s ? n->ttl_s : OUTBOX_TTL_S);
	jsonw_end(&w);
	if (!jsonw_done(&w) || n->n_parts == 0) {
		buf_free(&b);
		return RC_INVALID;
	}
	db_text(&a, n->account);
	db_text(&a, channel_names[n->channel]);
	db_text(&a, n->mock ? "mock" : n->provider->name);
	db_text(&a, n->own_id);
	db_text(&a, n->caller ? n->caller : "");
	db_text(&a, n->idempotency_key);
	db_text(&a, n->fingerprint);
	db_i32(&a, (int32_t)n->window_s);
	db_jsonb(&a, b.p);
	/* run() repeats only what surely was rolled back; a lost answer is RC_TEMP */
	rc = run(db, SQL_PUT, &a, &res);
	if (rc == RC_OK)
		rc = put_read(res, max, rows, n_rows, closed_us);
	db_res_free(res);
	db_args_free(&a);
	buf_free(&b);
	return rc;
}

/* --- claim -------------------------------------------------------------------- */

static void
read_atts(struct mem_arena *arena, const char *json, struct outmsg *m)
{
	struct json *j = NULL;
	struct att *v;
	size_t n;

	if (json == NULL || json_parse(json, strlen(json), &j, NULL) != RC_OK)
		return;
	n = json_len(j);
	if (n > 0) {
		v = mem_arena_alloc(arena, n * sizeof *v);
		memset(v, 0, n * sizeof *v);
		for (size_t i = 0; i < n; i++) {
			const struct json *e = json_at(j, i);

			v[i].type = json_str(arena, json_get(e, "type"));
			v[i].url = json_str(arena, json_get(e, "url"));
			v[i].name = json_str(arena, json_get(e, "name"));
			v[i].mime = json_str(arena, json_get(e, "mime"));
			v[i].ref = json_str(arena, json_get(e, "ref"));
			v[i].bytes = -1;
		}
		m->atts = v;
		m->n_atts = n;
	}
	json_free(j);
}

/* Columns as SQL_CLAIM has them. */
static void
read_item(struct mem_arena *arena, const struct db_res *res, size_t i, struct outbox_item *it)
{
	struct outmsg *m = &it->msg;
	char ref[64];

	memset(it, 0, sizeof *it);
	it->id = db_get_i64(res, i, 1);
	m->recipient = mem_arena_dup(arena, db_get_text(res, i, 2));
	m->thread_id = mem_arena_dup(arena, db_get_text(res, i, 3));
	m->body = mem_arena_dup(arena, db_get_text(res, i, 4));
	read_atts(arena, db_get_text(res, i, 5), m);
	m->reply_to = mem_arena_dup(arena, db_get_text(res, i, 6));
	m->human_agent = db_get_bool(res, i, 7);
	m->action = mem_arena_dup(arena, db_get_text(res, i, 8));
	m->reaction = mem_arena_dup(arena, db_get_text(res, i, 9));
	it->attempts = m->attempts = (unsigned int)db_get_i64(res, i, 10);
	it->created_us = db_get_time(res, i, 11);
	/* outbox_match reads it.  The time tells our row from that of another installation, or of
	 * a copy of the database, whose states come here, too */
	snprintf(ref, sizeof ref, "dmbox:%" PRId64 ":%" PRIx64, it->id, (uint64_t)it->created_us);
	m->ref = mem_arena_dup(arena, ref);
	it->attempt_us = db_get_time(res, i, 12);
	it->token = mem_arena_dup(arena, db_get_text(res, i, 13));
	it->token_of = mem_arena_dup(arena, db_get_text(res, i, 14));
	it->proof = (unsigned int)db_get_i64(res, i, 15);
	if (it->token)
		log_secret(it->token);
}

static void
items_alloc(struct outbox_items *v, size_t n)
{
	memset(v, 0, sizeof *v);
	if (n > 0)
		v->v = mem_arena_alloc(&v->arena, n * sizeof *v->v);
}

enum rc
outbox_claim(struct db *db, const struct outbox_want *w, struct outbox_items *out)
{
	struct db_args a = { 0 };
	struct db_res *res = NULL;
	char claim[37];
	enum rc rc;

	sign_uuid(claim, 0);
	db_text(&a, w->account);
	db_text(&a, channel_names[w->channel]);
	db_i64(&a, w->only_id);
	db_i32(&a, (int32_t)(w->max ? w->max : 1));
	db_i32(&a, (int32_t)w->lease_s);
	db_uuid(&a, claim);
	args_can_tell(&a, false);
	db_i32(&a, OUTBOX_CONTACT_PER_MINUTE);
	rc = run(db, SQL_CLAIM, &a, &res);
	db_args_free(&a);
	if (rc != RC_OK)
		return rc;
	items_alloc(out, db_rows(res));
	for (size_t i = 0; i < db_rows(res); i++) {
		struct outbox_item *it = &out->v[out->n];

		read_item(&out->arena, res, i, it);
		if (db_get_bool(res, i, 0)) {
			log_warn("outbox: loop_guard: %s/%s sent more than %d messages "
				 "within a minute"
				 " to %s; outbox %lld waits (two bots answering each other?)",
			    channel_names[w->channel], w->account, OUTBOX_CONTACT_PER_MINUTE,
			    it->msg.recipient, (long long)it->id);
			continue;
		}
		memcpy(it->claim, claim, sizeof claim);
		it->channel = w->channel;
		it->account = mem_arena_dup(&out->arena, w->account);
		out->n++;
	}
	db_res_free(res);
	return RC_OK;
}

void
outbox_items_free(struct outbox_items *v)
{
	mem_arena_free(&v->arena);
	v->v = NULL;
	v->n = 0;
}

enum rc
outbox_begin(struct db *db, const struct outbox_item *it)
{
	struct db_args a = { 0 };

	db_i64(&a, it->id);
	db_uuid(&a, it->claim);
	return run_bool(db, SQL_BEGIN, &a);
}

enum rc
outbox_hold(struct db *db, const struct outbox_item *it, unsigned int lease_s)
{
	struct db_args a = { 0 };

	db_i64(&a, it->id);
	db_uuid(&a, it->claim);
	db_i32(&a, (int32_t)lease_s);
	return run_bool(db, SQL_HOLD, &a);
}

/* Which accounts of c have rows that the statement looks for. */
static enum rc
accounts_due(struct db *db, enum sql which, const struct conf *c, bool *due)
{
	struct db_args a = { 0 };
	struct db_res *res = NULL;
	enum rc rc;

	db_array(&a, DB_TEXT);
	for (size_t i = 0; i < c->n_accounts; i++)
		db_text(&a, c->accounts[i].name);
	db_array_end(&a);
	db_array(&a, DB_TEXT);
	for (size_t i = 0; i < c->n_accounts; i++)
		db_text(&a, channel_names[c->accounts[i].channel]);
	db_array_end(&a);
	if (which == SQL_ASK_DUE)
		args_can_tell(&a, true);
	rc = run(db, which, &a, &res);
	if (rc == RC_OK) {
		memset(due, 0, c->n_accounts * sizeof *due);
		for (size_t i = 0; i < db_rows(res); i++)
			due[db_get_i64(res, i, 0)] = true;
	}
	db_res_free(res);
	db_args_free(&a);
	return rc;
}

enum rc
outbox_due(struct db *db, const struct conf *c, bool *due)
{
	return accounts_due(db, SQL_DUE, c, due);
}

enum rc
outbox_ask_due(struct db *db, const struct conf *c, bool *due)
{
	return accounts_due(db, SQL_ASK_DUE, c, due);
}

/* --- settle ------------------------------------------------------------------- */

static const char *const outcome_names[SEND__MAX] = {
	[SEND_SENT] = "sent",
	[SEND_ACCEPTED] = "accepted",
	[SEND_RETRY] = "retry",
	[SEND_UNKNOWN] = "unknown",
	[SEND_REFUSED] = "refused",
	[SEND_PAUSE] = "pause",
};

/* What became of an attempt, for the log: never the text, never the token. */
static void
log_settled(const struct outbox_item *it, const struct outbox_row *row, int64_t paused_s)
{
	const char *what = it->msg.action ? it->msg.action : "message";

	if (str_eq(row->state, "sent") || str_eq(row->state, "accepted"))
		log_info("outbox: %lld %s: %s to %s by %s/%s", (long long)row->id, row->state, what,
		    it->msg.recipient, channel_names[it->channel], it->account);
	else
		log_warn("outbox: %lld %s: %s to %s by %s/%s: %s %s", (long long)row->id,
		    row->state, what, it->msg.recipient, channel_names[it->channel], it->account,
		    row->error_code, row->error_text);
	if (paused_s > 0)
		log_warn("outbox: sends of %s/%s rest for %lld s (%s)", channel_names[it->channel],
		    it->account, (long long)paused_s, row->error_code);
}

static void
settle_args(
    struct db_args *a, const struct outbox_item *it, const struct send_result *r, int64_t ms)
{
	uint32_t rnd;
	int64_t pause = r->pause_s;

	sign_random(&rnd, sizeof rnd);
	if (r->outcome == SEND_PAUSE && pause <= 0)
		pause = 60;
	db_i64(a, it->id);
	db_uuid(a, it->claim);
	db_text(a, outcome_names[r->outcome]);
	db_text(a, r->message_id[0] ? r->message_id : NULL);
	db_text(a, r->code[0] ? r->code : NULL);
	db_text(a, r->text[0] ? r->text : NULL);
	db_text(a, r->hint);
	db_i32(a, (int32_t)retry_delay_s(it->attempts + 1, r->retry_after_s, rnd));
	db_i32(a, (int32_t)(pause > 86400 ? 86400 : pause));
	db_i32(a, (int32_t)(ms > INT32_MAX ? INT32_MAX : ms));
	db_array(a, DB_TEXT);
	if (r->contact_blocked)
		db_text(a, "blocked");
	if (r->doubt)
		db_text(a, "doubt");
	if (r->grows)
		db_text(a, "probe");
	if (r->unclear)
		db_text(a, "unclear");
	db_array_end(a);
	db_i32(a, OUTBOX_BREAKER);
	args_can_tell(a, false);
	args_can_tell(a, true);
}

/* The recipient's other id, which the answer told: its messages come by that one.  NULL: what
 * the echo that was stored before the answer proved (dmbox.contacts_noted). */
static void
learn_recipient(struct db *db, const struct outbox_item *it, const char *known_as)
{
	struct db_args a = { 0 };
	struct db_res *res = NULL;

	db_text(&a, it->account);
	db_text(&a, channel_names[it->channel]);
	db_text(&a, it->msg.recipient);
	db_text(&a, known_as);
	if (run(db, SQL_PROVED, &a, &res) != RC_OK)
		log_debug("outbox: %lld: the next delivery or answer tells that id again",
		    (long long)it->id);
	db_res_free(res);
	db_args_free(&a);
}

enum rc
outbox_settle(struct db *db, const struct outbox_item *it, const struct send_result *r, int64_t ms,
    struct outbox_row *row)
{
	struct db_args a = { 0 };
	struct db_res *res = NULL;
	struct outbox_row now;
	struct send_result once = *r;
	size_t settled;
	enum rc rc;

	/* a refusal that is known to be wrong at times: one more, later (B.8, 2534022) */
	if (r->outcome == SEND_REFUSED && r->retry_once && it->attempts == 0) {
		once.outcome = SEND_RETRY;
		r = &once;
	}
	settle_args(&a, it, r, ms);
	rc = run(db, SQL_SETTLE, &a, &res);
	db_args_free(&a);
	if (rc == RC_OK && db_rows(res) == 0) {
		log_warn("outbox: %lld: the claim passed to another while it was sent",
		    (long long)it->id);
		rc = RC_NONE;
	}
	if (rc == RC_OK) {
		read_row(res, 0, 0, &now);
		copy_text(now.hint, sizeof now.hint, r->hint);
		log_settled(it, &now, db_get_i64(res, 0, 6));
	}
	db_res_free(res);
	if (rc != RC_OK)
		return rc;
	if (r->known_as[0] != '\0')
		learn_recipient(db, it, r->known_as);
	else if (r->outcome == SEND_SENT && r->message_id[0] != '\0' && it->msg.action == NULL)
		learn_recipient(db, it, NULL);
	/* its echo may have come before we knew that we do not know */
	if ((r->outcome == SEND_UNKNOWN || r->doubt) &&
	    outbox_match_echoes(db, it->channel, it->account, &settled) == RC_OK && settled > 0 &&
	    outbox_get(db, it->id, &now) != RC_OK)
		log_debug("outbox: %lld: not read again", (long long)it->id);
	if (row)
		*row = now;
	return RC_OK;
}

enum rc
outbox_release(struct db *db, const struct outbox_item *it)
{
	struct db_args a = { 0 };

	db_i64(&a, it->id);
	db_uuid(&a, it->claim);
	return run_bool(db, SQL_RELEASE, &a);
}

/* --- what settles by itself ------------------------------------------------------ */

enum rc
outbox_expire(struct db *db)
{
	struct db_res *res = NULL;
	enum rc rc = run(db, SQL_EXPIRE, NULL, &res);

	if (rc == RC_OK && db_rows(res) > 0) {
		int64_t unknown = db_get_i64(res, 0, 0), dead = db_get_i64(res, 0, 2);

		if (unknown > 0)
			log_warn("outbox: %lld attempts whose lease expired: outcome unknown",
			    (long long)unknown);
		if (dead > 0)
			log_warn("outbox: %lld messages not sent within their time: dead"
				 " (see: dmbox outbox list)",
			    (long long)dead);
	}
	db_res_free(res);
	return rc;
}

enum rc
outbox_match_echoes(struct db *db, enum channel ch, const char *account, size_t *settled)
{
	int64_t id = 0;
	size_t n = 0;

	/* one transaction a match: never two advisory locks at once */
	do {
		struct db_args a = { 0 };
		struct db_res *res = NULL;
		enum rc rc;

		db_text(&a, account);
		db_text(&a, channel_names[ch]);
		args_can_tell(&a, false);
		rc = run(db, SQL_MATCH, &a, &res);
		if (rc == RC_OK)
			id = db_rows(res) > 0 ? db_get_i64(res, 0, 0) : 0;
		db_res_free(res);
		db_args_free(&a);
		if (rc != RC_OK)
			return rc;
		if (id != 0) {
			log_info("outbox: %lld was sent: its echo came", (long long)id);
			n++;
		}
	} while (id != 0 && n < 1000);
	*settled = n;
	return RC_OK;
}

enum rc
outbox_unknown(
    struct db *db, enum channel ch, const char *account, size_t max, struct outbox_items *out)
{
	struct db_args a = { 0 };
	struct db_res *res = NULL;
	enum rc rc;

	db_text(&a, account);
	db_text(&a, channel_names[ch]);
	db_i64(&a, (int64_t)max);
	args_can_tell(&a, true);
	rc = run(db, SQL_UNKNOWN, &a, &res);
	db_args_free(&a);
	if (rc != RC_OK)
		return rc;
	items_alloc(out, db_rows(res));
	for (size_t i = 0; i < db_rows(res); i++) {
		struct outbox_item *it = &out->v[out->n++];

		read_item(&out->arena, res, i, it);
		it->channel = ch;
		it->account = mem_arena_dup(&out->arena, account);
		it->doubtful = db_get_bool(res, i, 16);
		it->lookups = (unsigned int)db_get_i64(res, i, 17) - 1;
	}
	db_res_free(res);
	return RC_OK;
}

enum rc
outbox_found(struct db *db, int64_t id, const char *mid)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_i64(&a, id);
	db_text(&a, mid);
	rc = run_bool(db, SQL_FOUND, &a);
	if (rc == RC_OK)
		log_info("outbox: %lld was sent: the provider has it", (long long)id);
	return rc;
}

enum rc
outbox_asked(struct db *db, int64_t id)
{
	struct db_args a = { 0 };

	db_i64(&a, id);
	return run_bool(db, SQL_ASKED, &a);
}

/* --- by a person ------------------------------------------------------------------ */

enum rc
outbox_retry(struct db *db, int64_t id)
{
	struct db_args a = { 0 };

	db_i64(&a, id);
	return run_bool(db, SQL_RETRY, &a);
}

enum rc
outbox_cancel(struct db *db, int64_t id)
{
	struct db_args a = { 0 };

	db_i64(&a, id);
	return run_bool(db, SQL_CANCEL, &a);
}

enum rc
outbox_get(struct db *db, int64_t id, struct outbox_row *row)
{
	struct db_args a = { 0 };
	struct db_res *res = NULL;
	enum rc rc;

	db_i64(&a, id);
	rc = run(db, SQL_GET, &a, &res);
	if (rc == RC_OK && db_rows(res) == 0)
		rc = RC_NONE;
	if (rc == RC_OK) {
		read_row(res, 0, 0, row);
		copy_text(row->hint, sizeof row->hint, db_get_text(res, 0, 6));
	}
	db_res_free(res);
	db_args_free(&a);
	return rc;
}

enum rc
outbox_list(struct db *db, bool all, size_t max, struct outbox_list *out)
{
	struct db_args a = { 0 };
	struct db_res *res = NULL;
	enum rc rc;

	db_bool(&a, all);
	db_i64(&a, (int64_t)max);
	rc = run(db, SQL_LIST, &a, &res);
	db_args_free(&a);
	if (rc != RC_OK)
		return rc;
	memset(out, 0, sizeof *out);
	out->n = db_rows(res);
	if (out->n > 0)
		out->v = mem_arena_alloc(&out->arena, out->n * sizeof *out->v);
	for (size_t i = 0; i < out->n; i++) {
		struct outbox_entry *e = &out->v[i];

		e->id = db_get_i64(res, i, 0);
		e->created_us = db_get_time(res, i, 1);
		e->next_us = db_get_time(res, i, 2);
		e->account = mem_arena_dup(&out->arena, db_get_text(res, i, 3));
		e->channel = mem_arena_dup(&out->arena, db_get_text(res, i, 4));
		e->recipient = mem_arena_dup(&out->arena, db_get_text(res, i, 5));
		e->state = mem_arena_dup(&out->arena, db_get_text(res, i, 6));
		e->what = mem_arena_dup(&out->arena, db_get_text(res, i, 7));
		e->attempts = db_get_i64(res, i, 8);
		e->error_code = mem_arena_dup(&out->arena, db_get_text(res, i, 9));
		e->error_text = mem_arena_dup(&out->arena, db_get_text(res, i, 10));
	}
	db_res_free(res);
	return RC_OK;
}

void
outbox_list_free(struct outbox_list *l)
{
	mem_arena_free(&l->arena);
	l->v = NULL;
	l->n = 0;
}

enum rc
outbox_newest_inbound(struct db *db, enum channel ch, const char *account, const char *contact,
    struct mem_arena *arena, const char **id)
{
	struct db_args a = { 0 };
	struct db_res *res = NULL;
	enum rc rc;

	db_text(&a, account);
	db_text(&a, channel_names[ch]);
	db_text(&a, contact);
	rc = run(db, SQL_NEWEST, &a, &res);
	if (rc == RC_OK && db_rows(res) == 0)
		rc = RC_NONE;
	if (rc == RC_OK)
		*id = mem_arena_dup(arena, db_get_text(res, 0, 0));
	db_res_free(res);
	db_args_free(&a);
	return rc;
}

/* What the owner's page reads.  Each statement looks at an index or at folded figures only. */
#include "store/owner.h"

#include <stdio.h>

#include "base/clock.h"

#define HOURS 48
#define DAYS 60
#define HOUR_US (3600 * INT64_C(1000000))
#define DAY_US (24 * HOUR_US)
#define BODY_MAX "20000"

enum {
	Q_FACTS,
	Q_WAITING,
	Q_FAILED,
	Q_REFUSED,
	Q_PEOPLE,
	Q_SERIES,
	Q_POLL,
	Q_LEDGER,
	Q_DELIVERY,
	Q_RESPONSES,
	Q__MAX
};

static const struct db_stmt sql[Q__MAX] = {
	[Q_FACTS] = { "owner_facts",
	    "with l as (select received_at from dmbox.messages where not is_test order by id desc "
	    "limit 1),"
	    " h as (select at from dmbox.heartbeats where name = 'poll'),"
	    " r as (select received_at, reason from dmbox.deliveries where verdict = 'rejected'"
	    "        and received_at > now() - interval '24 hours' order by received_at desc limit "
	    "1000)"
	    " select (select extract(epoch from now() - received_at)::bigint from l),"
	    "  (select dmbox.iso(received_at) from l),"
	    "  (select extract(epoch from now() - at)::bigint from h), (select dmbox.iso(at) from"
	    " h),  (select count(*) from r), (select reason from r order by received_at desc limit"
	    " 1),  (select count(*) from (select received_at from dmbox.deliveries where verdict ="
	    " 'accepted'     and reason = 'not_understood' order by id desc limit 1000) d    where"
	    " d.received_at > now() - interval '24 hours'),  (select count(*) from (select 1 from"
	    " dmbox.messages where status = 'failed' and outbox_id is not null     and received_at"
	    " > now() - interval '24 hours' and not dmbox.was_cancelled(outbox_id)"
	    "  limit 1000) f),  (select count(*) from dmbox.outbox"
	    " where state in ('queued', 'leased', 'unknown') and state = 'unknown'),  (select"
	    " extract(epoch from now() - min(next_at))::bigint from dmbox.outbox where state ="
	    " 'queued'),  (select count(*) from dmbox.users where revoked_at is null),  exists"
	    " (select 1 from dmbox.deliveries where verdict = 'accepted' and source <> 'doctor')" },
	[Q_WAITING] = { "owner_waiting", "select dmbox.owner_waiting($1, $2)::text" },
	[Q_FAILED] = { "owner_failed", "select dmbox.owner_failed()::text" },
	[Q_REFUSED] = { "owner_refused", "select dmbox.owner_refused()::text" },
	[Q_PEOPLE] = { "owner_people", "select dmbox.people_json()::text" },
	[Q_SERIES] = { "owner_series",
	    "select dmbox.owner_series($1, $2, $3, make_interval(hours => $4), $5)::text" },
	[Q_POLL] = { "owner_poll",
	    "select p.outcome, json_build_object('lastPollAt', dmbox.iso(s.last_poll_at),"
	    " 'outcome', p.outcome, 'attempts', coalesce((select json_agg(json_build_object('url',"
	    " left(x.value ->> 'url', 160), 'status', x.value -> 'status'))   from (select t.value"
	    " from jsonb_array_elements(p.attempts) t limit 6) x), '[]'))::text from (select 1) one"
	    " left join dmbox.account_state s on s.account = $1 and s.channel = $2 left join"
	    " lateral (select outcome, attempts from dmbox.poll_runs r where r.account = $1 and"
	    " r.channel = $2   order by r.id desc limit 1) p on true" },
	[Q_LEDGER] = { "owner_ledger",
	    "select d.id, json_build_object('id', d.id, 'receivedAt', dmbox.iso(d.received_at), "
	    "'channel', d.channel,"
	    " 'account', d.account, 'source', d.source, 'verdict', d.verdict, 'reason', d.reason,"
	    " 'bytes', octet_length(d.body))::text"
	    " from dmbox.deliveries d where (d.verdict = 'rejected' or (d.verdict = 'accepted' and "
	    "d.reason = 'not_understood'))"
	    " and ($1::text is null or d.reason = $1) and d.id < $2 order by d.id desc limit 51" },
	[Q_DELIVERY] = { "owner_delivery",
	    "select d.reason, json_build_object('id', d.id, 'receivedAt', dmbox.iso(d.received_at),"
	    " 'channel', d.channel, 'account', d.account, 'source', d.source, 'verdict', d.verdict,"
	    " 'reason', d.reason, 'bytes', octet_length(d.body), 'remoteAddr', d.remote_addr,"
	    " 'contentType', d.content_type, 'headers', coalesce(d.headers, '{}'), 'bodyIsText',"
	    " t.body = convert_to(t.text, 'UTF8'), 'body', t.text)::text from dmbox.deliveries d"
	    " cross join lateral (select substring(d.body for " BODY_MAX ") as body,"
	    "   dmbox.bytes_text(substring(d.body for " BODY_MAX ")) as text) t where d.id = $1" },
	[Q_RESPONSES] = { NULL, "select dmbox.response_upkeep()" },
};

static void
text_of(const struct db_res *r, int col, char *out, size_t n)
{
	snprintf(out, n, "%s", db_is_null(r, 0, col) ? "" : db_get_text(r, 0, col));
}

static int64_t
age_of(const struct db_res *r, int col)
{
	int64_t s = db_get_i64(r, 0, col);

	return db_is_null(r, 0, col) ? -1 : s < 0 ? 0 : s;
}

enum rc
owner_facts(struct db *db, struct owner_facts *out)
{
	struct db_res *r = NULL;
	enum rc rc = db_exec(db, &sql[Q_FACTS], NULL, &r);

	*out = (struct owner_facts){ 0 };
	if (rc == RC_OK) {
		out->message_age_s = age_of(r, 0);
		text_of(r, 1, out->message_at, sizeof out->message_at);
		out->check_age_s = age_of(r, 2);
		text_of(r, 3, out->check_at, sizeof out->check_at);
		out->refused = db_get_i64(r, 0, 4);
		text_of(r, 5, out->refused_reason, sizeof out->refused_reason);
		out->odd = db_get_i64(r, 0, 6);
		out->failed = db_get_i64(r, 0, 7);
		out->unknown = db_get_i64(r, 0, 8);
		out->queued_s = age_of(r, 9);
		out->people = db_get_i64(r, 0, 10);
		out->accepted = db_get_bool(r, 0, 11);
	}
	db_res_free(r);
	return rc;
}

static void
texts_arg(struct db_args *a, const struct strv *v)
{
	db_array(a, DB_TEXT);
	for (size_t i = 0; i < v->n; i++)
		db_text(a, v->v[i]);
	db_array_end(a);
}

/* The one row of q; RC_NONE where there is none.  Frees a; the caller frees *r. */
static enum rc
one(struct db *db, int q, struct db_args *a, struct db_res **r)
{
	enum rc rc = db_exec(db, &sql[q], a, r);

	db_args_free(a);
	return rc == RC_OK && db_rows(*r) == 0 ? RC_NONE : rc;
}

/* ... which is JSON. */
static enum rc
one_json(struct db *db, int q, struct db_args *a, struct buf *out)
{
	struct db_res *r = NULL;
	enum rc rc = one(db, q, a, &r);

	if (rc == RC_OK)
		buf_puts(out, db_get_text(r, 0, 0));
	db_res_free(r);
	return rc;
}

/* ... which is a text, and an object whose members go into the open one. */
static enum rc
one_members(struct db *db, int q, struct db_args *a, char *text, size_t n, struct jsonw *out)
{
	struct db_res *r = NULL;
	enum rc rc = one(db, q, a, &r);

	if (rc == RC_OK) {
		text_of(r, 0, text, n);
		jsonw_members(out, db_get_text(r, 0, 1));
	}
	db_res_free(r);
	return rc;
}

enum rc
owner_part(struct db *db, enum owner_part part, const struct strv *accounts,
    const struct strv *channels, struct buf *out)
{
	static const int of[OWNER_PART__MAX] = { [OWNER_WAITING] = Q_WAITING,
		[OWNER_FAILED] = Q_FAILED,
		[OWNER_REFUSED] = Q_REFUSED,
		[OWNER_PEOPLE] = Q_PEOPLE };
	struct db_args a = { 0 };

	if (part == OWNER_WAITING) {
		texts_arg(&a, accounts);
		texts_arg(&a, channels);
	}
	return one_json(db, of[part], &a, out);
}

int64_t
owner_from(bool days, int64_t now_us)
{
	int64_t step = days ? DAY_US : HOUR_US;

	return now_us / step * step - (days ? DAYS - 1 : HOURS - 1) * step;
}

enum rc
owner_series(struct db *db, const struct strv *accounts, const struct strv *channels, bool days,
    struct buf *out)
{
	struct db_args a = { 0 };

	texts_arg(&a, accounts);
	texts_arg(&a, channels);
	db_time(&a, owner_from(days, clock_now_us()));
	db_i32(&a, days ? 24 : 1);
	db_i32(&a, days ? DAYS : HOURS);
	return one_json(db, Q_SERIES, &a, out);
}

enum rc
owner_poll(
    struct db *db, const char *account, const char *channel, char outcome[24], struct jsonw *out)
{
	struct db_args a = { 0 };

	db_text(&a, account);
	db_text(&a, channel);
	return one_members(db, Q_POLL, &a, outcome, 24, out);
}

enum rc
owner_ledger(struct db *db, const char *reason, int64_t before, struct jsonw *out)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	size_t n;
	enum rc rc;

	db_text(&a, str_empty(reason) ? NULL : reason);
	db_i64(&a, before > 0 ? before : INT64_MAX);
	rc = db_exec(db, &sql[Q_LEDGER], &a, &r);
	if (rc == RC_OK) {
		n = db_rows(r) > 50 ? 50 : db_rows(r);
		jsonw_object(out, NULL);
		jsonw_array(out, "deliveries");
		for (size_t i = 0; i < n; i++)
			jsonw_raw(out, NULL, db_get_text(r, i, 1));
		jsonw_end(out);
		if (db_rows(r) > 50)
			jsonw_i64(out, "next", db_get_i64(r, 49, 0));
		else
			jsonw_raw(out, "next", NULL);
		jsonw_end(out);
	}
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
owner_delivery(struct db *db, int64_t id, char reason[64], struct jsonw *out)
{
	struct db_args a = { 0 };

	db_i64(&a, id);
	return one_members(db, Q_DELIVERY, &a, reason, 64, out);
}

enum rc
owner_response_upkeep(struct db *db)
{
	return db_exec(db, &sql[Q_RESPONSES], NULL, NULL);
}

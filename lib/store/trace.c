/*
 * Questions about one message.  messages' key begins with the account, so an id
 * alone is looked up in each account of the configuration and, where the chat is
 * part of the key, in each chat: index probes instead of a walk through all rows.
 */
#include "store/trace.h"

#include <stdio.h>
#include <string.h>

enum { LEDGER_MAX = 20, PERSON_MAX = 5, NEAR_MAX = 40, PART_MIN = 5 };

enum stmt {
	SQL_IDS,
	SQL_OWN_IDS,
	SQL_LIFE,
	SQL_EVENTS,
	SQL_LEDGER,
	SQL_ERASED,
	SQL_CAPPED,
	SQL_PEOPLE,
	SQL_NAMED,
	SQL_SPOKEN_OF,
	SQL_NUMBER,
	SQL_PERSON,
	SQL_NEAR,
	SQL_AGAIN,
	SQL_WORDS,
	SQL_REQUEST,
	SQL_TEXT,
	SQL_TIME,
	SQL__MAX
};

#define KEYS \
	"k as (select a.account, a.channel, '' as thread_id" \
	"   from unnest($2::text[], $3::text[]) a(account, channel)" \
	" union select c.account, c.channel, c.external_id from dmbox.contacts c" \
	"  where c.channel = 'whatsapp')"

#define DELIVERY \
	"d.received_at, d.request_id, 'delivery', d.account, d.channel," \
	" jsonb_strip_nulls(jsonb_build_object('delivery', d.id, 'uid', d.delivery_uid, " \
	"'source', d.source," \
	"   'verdict', d.verdict, 'reason', d.reason, 'items', d.items, 'stored', d.stored," \
	"   'duplicates', d.duplicates, 'weakDuplicates', nullif(d.weak_duplicates, 0)," \
	"   'ignored', nullif(d.ignored, 0), 'purged', nullif(d.purged, 0)," \
	"   'bytes', octet_length(d.body), 'remoteAddr', d.remote_addr," \
	"   'rowsLost', nullif(greatest(0, d.stored - d.purged" \
	"      - (select count(*) from dmbox.messages w where w.delivery_id = d.id)" \
	"      - (select count(*) from dmbox.events w where w.delivery_id = d.id)), 0)))"

#define MESSAGE \
	"jsonb_strip_nulls(jsonb_build_object('message', m.id, 'externalId', " \
	"m.external_id," \
	"   'kind', m.kind, 'direction', m.direction, 'status', m.status, 'source', m.source," \
	"   'contact', m.contact_id, 'sentAt', dmbox.iso(m.sent_at), 'delivery', m.delivery_id," \
	"   'outbox', m.outbox_id, 'error', m.error_text, 'deletedAt', dmbox.iso(m.deleted_at)," \
	"   'test', case when m.is_test then true end))"

static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_IDS] = { NULL,
	    "with " KEYS
	    " select m.id, m.outbox_id from k join dmbox.messages m on m.account = k.account"
	    "   and m.channel = k.channel and m.thread_id = k.thread_id and m.external_id = $1"
	    " limit 10" },
	/* $2: a send, by its number; actions have no message */
	[SQL_OWN_IDS] = { NULL,
	    "select m.id, m.outbox_id, 1 from dmbox.messages m where m.id = $1 and not $2"
	    " union all select coalesce(o.message_id, 0), o.id, 2 from dmbox.outbox o "
	    "where o.id = $1"
	    " order by 3 limit 1" },
	[SQL_LIFE] = { NULL,
	    "with m as (select * from dmbox.messages where id = any ($1)), x(at, request, what, "
	    "account, channel, detail, ord) as ("
	    " select " DELIVERY ", 1 from m join dmbox.deliveries d on d.id = m.delivery_id"
	    " union all select m.received_at, null, 'message', m.account, m.channel, " MESSAGE
	    ", 2 from m"
	    " union all select coalesce(d.received_at, e.occurred_at), d.request_id, 'event', "
	    "e.account, e.channel,"
	    "   jsonb_strip_nulls(jsonb_build_object('event', e.id, 'kind', e.kind, "
	    "'effect', e.effect,"
	    "   'version', nullif(e.num, 0), 'occurredAt', dmbox.iso(e.occurred_at),"
	    "   'appliedAt', dmbox.iso(e.applied_at), 'delivery', e.delivery_id)), 3"
	    "   from m join dmbox.events e on e.account = m.account and e.channel = m.channel"
	    "    and e.thread_id = m.thread_id and e.target_id = m.external_id"
	    "   left join dmbox.deliveries d on d.id = e.delivery_id"
	    " union all select coalesce(v.edited_at, m.sent_at), null, 'version', "
	    "m.account, m.channel,"
	    "   jsonb_build_object('version', v.version), 4 from m join dmbox.message_edits v on "
	    "v.message_id = m.id"
	    " union all select coalesce(r.reacted_at, r.removed_at), null, 'reaction', "
	    "m.account, m.channel,"
	    "   jsonb_strip_nulls(jsonb_build_object('emoji', r.emoji, 'contact', r.contact_id,"
	    "   'removedAt', dmbox.iso(r.removed_at))), 5 from m join dmbox.reactions r on "
	    "r.message_id = m.id"
	    " union all select m.received_at, null, 'attachment', m.account, m.channel,"
	    "   jsonb_strip_nulls(jsonb_build_object('position', a.position, 'type', a.type, "
	    "'state', a.state,"
	    "   'bytes', a.bytes, 'path', a.local_path, 'attempts', nullif(a.attempts, 0),"
	    "   'nextAt', dmbox.iso(a.next_at), 'error', a.error_text)), 6"
	    "   from m join dmbox.attachments a on a.message_id = m.id"
	    " union all select m.delivered_at, null, 'delivered', m.account, m.channel, "
	    "'{}', 7 from m"
	    "   where m.delivered_at is not null"
	    " union all select m.read_at, null, 'read', m.account, m.channel, "
	    "jsonb_build_object('by',"
	    "   case m.direction when 'inbound' then 'us' else 'them' end), 8 from m where "
	    "m.read_at is not null"
	    " union all select m.deleted_at, null, 'deleted', m.account, m.channel, '{}', 9 from m"
	    "   where m.deleted_at is not null"
	    " union all select o.created_at, null, 'outbox', o.account, o.channel,"
	    "   jsonb_strip_nulls(jsonb_build_object('outbox', o.id, 'state', o.state, 'attempts', "
	    "o.attempts,"
	    "   'action', o.action, 'providerId', o.external_id, 'errorCode', o.error_code, "
	    "'error', o.error_text,"
	    "   'nextAt', case when o.state = 'queued' then dmbox.iso(o.next_at) end,"
	    "   'settledAt', dmbox.iso(o.settled_at))), 0 from dmbox.outbox o where o.id = any ($2)"
	    " union all select s.at, null, 'attempt', s.account, o.channel, "
	    "jsonb_strip_nulls(jsonb_build_object("
	    "   'outbox', s.outbox_id, 'outcome', s.status, 'errorCode', s.error_code, "
	    "'ms', s.ms)), 1"
	    "   from dmbox.outbox o join dmbox.send_attempts s on s.outbox_id = o.id where o.id "
	    "= any ($2))"
	    " select at, request, what, account, channel, detail from x order by at, ord" },
	[SQL_EVENTS] = { NULL,
	    "with " KEYS " select coalesce(d.received_at, e.occurred_at), d.request_id, 'event',"
	    " e.account, e.channel,"
	    "   jsonb_strip_nulls(jsonb_build_object('event', e.id, 'kind', e.kind, "
	    "'effect', e.effect,"
	    "   'occurredAt', dmbox.iso(e.occurred_at), 'delivery', e.delivery_id))"
	    " from k join dmbox.events e on e.account = k.account and e.channel = k.channel"
	    "   and e.thread_id = k.thread_id and e.target_id = $1"
	    " left join dmbox.deliveries d on d.id = e.delivery_id order by 1 limit 100" },
	[SQL_LEDGER] = { NULL,
	    "select * from (select " DELIVERY " from dmbox.deliveries d"
	    "  where d.received_at >= $2 and d.received_at < $3"
	    "    and position(convert_to($1, 'UTF8') in d.body) > 0"
	    "  order by d.received_at desc limit $4) x order by 1" },
	[SQL_ERASED] = { NULL,
	    "with " KEYS " select 1 from k join dmbox.erased e on e.account = k.account"
	    " and e.channel = k.channel"
	    "   and e.id_hash = dmbox.id_hash(k.account, k.channel, k.thread_id, $1) limit 1" },
	[SQL_CAPPED] = { NULL,
	    "select max(r.minute), null, 'refusals', r.account, r.channel,"
	    " jsonb_build_object('reason', r.reason, 'notKept', sum(r.capped),"
	    " 'first', dmbox.iso(min(r.minute)), 'last', dmbox.iso(max(r.minute)))"
	    " from dmbox.refusals r where r.capped > 0 and r.minute > now() - interval '7 days'"
	    " group by r.account, r.channel, r.reason order by 1" },
	[SQL_PEOPLE] = { NULL,
	    "select c.id, c.external_id from dmbox.contacts c where lower(c.username) = lower($1)"
	    "  or c.external_id = $1 or lower(c.name) = lower($1) or c.id::text = $1"
	    " order by c.last_at desc nulls last limit $2" },
	/* as contacts_search_idx has it */
	[SQL_NAMED] = { NULL,
	    "select c.id, c.external_id from dmbox.contacts c where to_tsvector('simple', "
	    "coalesce(c.name, '') || ' ' || coalesce(c.username, ''))"
	    "  @@ plainto_tsquery('simple', $1) order by c.last_at desc nulls last limit $2" },
	[SQL_NUMBER] = { NULL,
	    "select c.id, c.external_id from dmbox.contacts c"
	    " where c.id in (select dmbox.phone_contacts(null, null, $1))"
	    " order by c.last_at desc nulls last limit $2" },
	/* a sentence: whose name has one of its words */
	[SQL_SPOKEN_OF] = { NULL,
	    "select c.id, c.external_id from dmbox.contacts c where to_tsvector('simple', "
	    "coalesce(c.name, '') || ' ' || coalesce(c.username, ''))"
	    "  @@ (select to_tsquery('simple', string_agg(quote_literal(w), ' | '))"
	    "   from regexp_split_to_table(lower($1), '[^[:alnum:]_]+') w where length(w) >= 3)"
	    " order by c.last_at desc nulls last limit $2" },
	[SQL_PERSON] = { NULL,
	    "select c.created_at, null, 'contact', c.account, c.channel,"
	    " jsonb_strip_nulls(jsonb_build_object("
	    "  'contact', c.id, 'externalId', c.external_id, 'username', c.username,"
	    "  'lastInboundAt', dmbox.iso(c.last_inbound_at), 'lastOutboundAt', "
	    "dmbox.iso(c.last_outbound_at),"
	    "  'blockedAt', dmbox.iso(c.blocked_at), 'noMarketingAt', "
	    "dmbox.iso(dmbox.no_marketing_since(c))))"
	    " from dmbox.contacts c where c.id = any ($1)"
	    " union all select * from (select m.received_at, d.request_id, 'message', m.account, "
	    "m.channel, " MESSAGE
	    "  from dmbox.messages m left join dmbox.deliveries d on d.id = m.delivery_id"
	    "  where m.contact_id = any ($1) order by m.received_at desc limit $2) x order by 1" },
	[SQL_NEAR] = { NULL,
	    "select m.received_at, null, 'message', m.account, m.channel, " MESSAGE
	    " from dmbox.messages m where m.received_at > now() - interval '90 days'"
	    "   and (position($1 in m.external_id) > 0 or position($1 in m.thread_id) > 0)"
	    " order by m.received_at desc limit $2" },
	[SQL_AGAIN] = { NULL,
	    "select " DELIVERY " from dmbox.messages m join dmbox.contacts c on c.id = m.contact_id"
	    " join dmbox.deliveries d on d.account = m.account and d.channel = m.channel"
	    "   and d.received_at >= m.received_at and d.received_at < m.received_at + "
	    "interval '49 hours'"
	    "   and d.weak_duplicates > 0 and d.id <> m.delivery_id"
	    "   and position(convert_to(c.external_id, 'UTF8') in d.body) > 0"
	    " where m.id = $1 and m.external_id like 'weak:%' order by 1 limit 20" },
	[SQL_WORDS] = { NULL,
	    "select case m.direction when 'inbound' then '' else '-> ' end ||"
	    " coalesce(nullif(c.name, ''),"
	    "   '@' || nullif(c.username, ''), c.external_id, '?'), left(m.body, 240)"
	    " from dmbox.messages m left join dmbox.contacts c on c.id = m.contact_id"
	    " where m.id = $1" },
	[SQL_REQUEST] = { NULL,
	    "with d as (select * from dmbox.deliveries d where d.received_at > now() - interval "
	    "'7 days' and (d.request_id = $1 or d.delivery_uid::text = $1)"
	    "  order by d.received_at desc limit $2)"
	    " select " DELIVERY " from d union all select m.received_at, d.request_id, 'message', "
	    "m.account, m.channel, " MESSAGE
	    " from d join dmbox.messages m on m.delivery_id = d.id order by 1" },
	/* the newest have not been entered yet */
	[SQL_TEXT] = { NULL,
	    "select * from (select m.received_at, null, 'message', m.account, m.channel, " MESSAGE
	    " from dmbox.messages m where m.id in (select w.message_id"
	    "  from (select distinct c.account, c.channel from dmbox.contacts c) k"
	    "  join dmbox.message_words w on w.words @@ dmbox.words_query(k.channel, k.account,"
	    "   phraseto_tsquery('simple', $1))"
	    "  union all select n.id from dmbox.messages n"
	    "  where n.id > (select k.upto from dmbox.word_marks k where k.only_row)"
	    "  and to_tsvector('simple', left(n.body, 100000)) @@ phraseto_tsquery('simple', $1))"
	    " order by m.received_at desc limit $2) x order by 1" },
	[SQL_TIME] = { NULL,
	    "select * from (select * from ("
	    " select " DELIVERY " from dmbox.deliveries d"
	    "  where d.received_at between $1 - interval '10 minutes'"
	    " and $1 + interval '10 minutes'"
	    " union all select m.received_at, d.request_id, 'message', m.account, m.channel,"
	    " " MESSAGE "  from dmbox.deliveries d join dmbox.messages m on m.delivery_id = d.id"
	    "  where d.received_at between $1 - interval '10 minutes'"
	    " and $1 + interval '10 minutes'"
	    /* what was written then and came later, or earlier by another clock */
	    " union all select m.sent_at, d.request_id, 'message', m.account, m.channel,"
	    " " MESSAGE "  from dmbox.contacts c join dmbox.messages m on m.contact_id = c.id"
	    "   left join dmbox.deliveries d on d.id = m.delivery_id"
	    "  where c.last_at >= $1 - interval '10 minutes'"
	    "   and m.sent_at between $1 - interval '10 minutes' and $1 + interval '10 minutes'"
	    "   and m.received_at not between $1 - interval '10 minutes'"
	    "    and $1 + interval '10 minutes'"
	    " union all select o.created_at, null, 'outbox', o.account, o.channel,"
	    "  jsonb_strip_nulls(jsonb_build_object('outbox', o.id, 'state', o.state, 'message', "
	    "o.message_id,"
	    "  'errorCode', o.error_code)) from dmbox.outbox o"
	    "  where o.created_at between $1 - interval '10 minutes' and $1 + interval '10 minutes'"
	    " union all select r.minute, null, 'refusals', r.account, r.channel,"
	    "  jsonb_build_object('reason', r.reason, 'kept', r.kept, 'notKept', r.capped) from "
	    "dmbox.refusals r"
	    "  where r.minute between $1 - interval '11 minutes' and $1 + interval '10 minutes'"
	    " union all select p.started_at, null, 'poll', p.account, p.channel, "
	    "jsonb_build_object('outcome', p.outcome,"
	    "  'stored', p.stored, 'repeats', p.repeats, 'until', dmbox.iso(p.finished_at)) from "
	    "dmbox.poll_runs p"
	    "  where p.started_at < $1 + interval '10 minutes'"
	    " and p.finished_at > $1 - interval '10 minutes'"
	    " ) a(at, request, what, account, channel, detail)"
	    " order by abs(extract(epoch from at - $1)) limit $2) x order by 1" },
};

void
trace_free(struct trace *t)
{
	mem_arena_free(&t->arena);
	memset(t, 0, sizeof *t);
}

/* Run it; the rows are appended to out. */
static enum rc
events(struct db *db, enum stmt s, struct db_args *a, struct trace *out)
{
	struct db_res *r = NULL;
	struct trace_event *v;
	enum rc rc = db_exec(db, &stmts[s], a, &r);

	db_args_free(a);
	if (rc == RC_OK && db_rows(r) > 0) {
		v = mem_arena_alloc(&out->arena, (out->n + db_rows(r)) * sizeof *v);
		if (out->n > 0)
			memcpy(v, out->v, out->n * sizeof *v);
		for (size_t i = 0; i < db_rows(r); i++)
			v[out->n++] = (struct trace_event){ .at_us = db_get_time(r, i, 0),
				.request_id = mem_arena_dup(&out->arena, db_get_text(r, i, 1)),
				.what = mem_arena_dup(&out->arena, db_get_text(r, i, 2)),
				.account = mem_arena_dup(&out->arena, db_get_text(r, i, 3)),
				.channel = mem_arena_dup(&out->arena, db_get_text(r, i, 4)),
				.detail = mem_arena_dup(&out->arena, db_get_text(r, i, 5)) };
		out->v = v;
	}
	db_res_free(r);
	return rc;
}

static void
put_key(struct db_args *a, const struct trace_scope *s, const char *id)
{
	db_text(a, id);
	db_array(a, DB_TEXT);
	for (size_t i = 0; i < s->accounts.n; i++)
		db_text(a, s->accounts.v[i]);
	db_array_end(a);
	db_array(a, DB_TEXT);
	for (size_t i = 0; i < s->channels.n; i++)
		db_text(a, s->channels.v[i]);
	db_array_end(a);
}

/* Column col of r as an array argument. */
static void
put_ids(struct db_args *a, const struct db_res *r, int col)
{
	db_array(a, DB_I64);
	for (size_t i = 0; i < db_rows(r); i++)
		if (!db_is_null(r, i, col))
			db_i64(a, db_get_i64(r, i, col));
	db_array_end(a);
}

enum rc
trace_message(struct db *db, const struct trace_scope *s, const char *id, struct trace *out)
{
	bool send = str_starts(id, "out:");
	struct db_args a = { 0 }, life = { 0 };
	struct db_res *r = NULL;
	int64_t own;
	enum rc rc;

	put_key(&a, s, id);
	rc = db_exec(db, &stmts[SQL_IDS], &a, &r);
	db_args_free(&a);
	if (rc == RC_OK && db_rows(r) == 0 && str_i64(send ? id + 4 : id, &own) == RC_OK) {
		db_res_free(r);
		r = NULL;
		db_i64(&a, own);
		db_bool(&a, send);
		rc = db_exec(db, &stmts[SQL_OWN_IDS], &a, &r);
		db_args_free(&a);
	}
	if (rc == RC_OK && db_rows(r) == 0)
		rc = RC_NONE;
	if (rc == RC_OK) {
		put_ids(&life, r, 0);
		put_ids(&life, r, 1);
		rc = events(db, SQL_LIFE, &life, out);
	}
	db_res_free(r);
	return rc;
}

enum rc
trace_events(struct db *db, const struct trace_scope *s, const char *id, struct trace *out)
{
	struct db_args a = { 0 };

	put_key(&a, s, id);
	return events(db, SQL_EVENTS, &a, out);
}

enum rc
trace_ledger(struct db *db, const char *word, int64_t from_us, int64_t to_us, struct trace *out)
{
	struct db_args a = { 0 };

	db_text(&a, word);
	db_time(&a, from_us);
	db_time(&a, to_us);
	db_i64(&a, LEDGER_MAX);
	return events(db, SQL_LEDGER, &a, out);
}

enum rc
trace_erased(struct db *db, const struct trace_scope *s, const char *id)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	put_key(&a, s, id);
	rc = db_row(db, &stmts[SQL_ERASED], &a, &r);
	db_args_free(&a);
	db_res_free(r);
	return rc;
}

enum rc
trace_capped(struct db *db, struct trace *out)
{
	struct db_args a = { 0 };

	return events(db, SQL_CAPPED, &a, out);
}

/* The contacts that the first of these statements with any finds by who, and their messages. */
static enum rc
contacts_by(struct db *db, const enum stmt *by, size_t n, const char *who, struct trace *out,
    struct strv *words)
{
	struct db_args a = { 0 }, p = { 0 };
	struct db_res *r = NULL;
	enum rc rc = RC_NONE;

	db_text(&a, who);
	db_i64(&a, PERSON_MAX);
	for (size_t i = 0; i < n && rc == RC_NONE; i++) {
		db_res_free(r);
		r = NULL;
		rc = db_exec(db, &stmts[by[i]], &a, &r);
		if (rc == RC_OK && db_rows(r) == 0)
			rc = RC_NONE;
	}
	db_args_free(&a);
	if (rc == RC_OK) {
		put_ids(&p, r, 0);
		db_i64(&p, LEDGER_MAX);
		rc = events(db, SQL_PERSON, &p, out);
		for (size_t i = 0; i < db_rows(r); i++)
			strv_add(words, db_get_text(r, i, 1), strlen(db_get_text(r, i, 1)));
	}
	db_res_free(r);
	return rc;
}

enum rc
trace_person(struct db *db, const char *who, struct trace *out, struct strv *words)
{
	static const enum stmt by[] = { SQL_PEOPLE, SQL_NAMED };

	return contacts_by(db, by, 2, who, out, words);
}

enum rc
trace_spoken_of(struct db *db, const char *sentence, struct trace *out, struct strv *words)
{
	static const enum stmt by[] = { SQL_SPOKEN_OF };

	return contacts_by(db, by, 1, sentence, out, words);
}

enum rc
trace_near(struct db *db, const char *part, struct trace *out, struct strv *words)
{
	static const enum stmt by[] = { SQL_NUMBER };
	struct db_args a = { 0 };
	enum rc rc;

	if (strlen(part) < PART_MIN)
		return RC_NONE;
	if ((rc = contacts_by(db, by, 1, part, out, words)) != RC_NONE)
		return rc;
	db_text(&a, part);
	db_i64(&a, LEDGER_MAX);
	rc = events(db, SQL_NEAR, &a, out);
	return rc == RC_OK && out->n == 0 ? RC_NONE : rc;
}

enum rc
trace_again(struct db *db, int64_t message, struct trace *out)
{
	struct db_args a = { 0 };

	db_i64(&a, message);
	return events(db, SQL_AGAIN, &a, out);
}

enum rc
trace_words(
    struct db *db, int64_t message, struct mem_arena *arena, const char **who, const char **words)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_i64(&a, message);
	rc = db_row(db, &stmts[SQL_WORDS], &a, &r);
	if (rc == RC_OK) {
		*who = mem_arena_dup(arena, db_get_text(r, 0, 0));
		*words = mem_arena_dup(arena, db_get_text(r, 0, 1));
	}
	db_args_free(&a);
	db_res_free(r);
	return rc;
}

/* What stmt s finds of word. */
static enum rc
of_word(struct db *db, enum stmt s, const char *word, struct trace *out)
{
	struct db_args a = { 0 };

	db_text(&a, word);
	db_i64(&a, LEDGER_MAX);
	return events(db, s, &a, out);
}

enum rc
trace_request(struct db *db, const char *id, struct trace *out)
{
	return of_word(db, SQL_REQUEST, id, out);
}

enum rc
trace_text(struct db *db, const char *text, struct trace *out)
{
	return of_word(db, SQL_TEXT, text, out);
}

enum rc
trace_time(struct db *db, int64_t at_us, struct trace *out)
{
	struct db_args a = { 0 };

	db_time(&a, at_us);
	db_i64(&a, NEAR_MAX);
	return events(db, SQL_TIME, &a, out);
}

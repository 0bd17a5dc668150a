/*
 * The inbox page's lists and notes.  What is looked for is decided in sql/code/desk.sql; here
 * are pages and cursors.
 */
#include "store/desk.h"

#include <inttypes.h>
#include <string.h>

#include "store/view_row.h"

enum { SCAN = 2000 };	/* conversations a filter looks at, an account and page */

enum {
	Q_LIST,
	Q_OWN,
	Q_SEARCH,
	Q_ONE,
	Q_COUNTS,
	Q_BEFORE,
	Q_AFTER,
	Q_PLACE,
	Q_CONTACT,
	Q_EVENTS,
	Q_NOTES,
	Q_SET,
	Q_ANSWERS,
	Q_NOTE,
	Q_NOTE_DROP,
	Q_REPLY_ADD,
	Q_REPLY_SET,
	Q_REPLY_DROP,
	Q_REPLIES,
	Q_ME,
	Q_LANG,
	Q__MAX
};

#define REPLIES_JSON \
	"coalesce((select json_agg(json_build_object('id', r.id, 'name', r.name, 'text', r.body)" \
	" order by lower(r.name)) from dmbox.replies r), '[]'::json)"
#define NOTE_JSON \
	"json_build_object('id', n.id, 'conversation', n.contact_id, 'at', " \
	"dmbox.iso(n.created_at)," \
	" 'by', n.author, 'body', n.body)"

/* Lists as view_put_list takes them: (microseconds, id, JSON, next). */
#define LIST(rows, next) \
	"with x as materialized (select * from " rows ")" \
	" select (extract(epoch from x.at) * 1000000)::bigint, x.id, j.j::text," \
	" " next " from x left join" \
	" dmbox.conversations_json(array(select id from x where id is not null)) j on j.id = x.id" \
	" order by x.at desc nulls last, x.id desc"

static const struct db_stmt sql[Q__MAX] = {
	[Q_LIST] = { "desk_list",
	    LIST("dmbox.desk_slice($1, $2, $3, $4, $5, $6, $7, $8, $9)", "x.next") },
	[Q_OWN] = { "desk_own",
	    LIST("dmbox.desk_own($1, $2, $3, $4, $5, $6, $7, $8)", "null::text") },
	/* of a contact the newest message that was found; the contacts by their last message */
	[Q_SEARCH] = { "desk_search",
	    "with h as (select s.contact_id, max(s.message_id) as hit from dmbox.desk_search($1, "
	    "$2, $3) s"
	    "  group by s.contact_id),"
	    " p as materialized (select h.contact_id, h.hit, l.sent_at from h cross join lateral "
	    "(select m.sent_at"
	    "   from dmbox.messages m where m.contact_id = h.contact_id"
	    "   order by m.sent_at desc, m.id desc limit 1) l"
	    "  where (l.sent_at, h.contact_id) < ($4, $5) order by l.sent_at desc, h.contact_id "
	    "desc limit $6)"
	    " select (extract(epoch from p.sent_at) * 1000000)::bigint, p.contact_id,"
	    " (case when p.hit is null then j.j::jsonb else j.j::jsonb || jsonb_build_object('hit',"
	    "   (select jsonb_build_object('id', m.id, 'content', left(m.body, 2000))"
	    "      from dmbox.messages m where m.id = p.hit)) end)::text, null::bigint"
	    " from p join dmbox.conversations_json(array(select contact_id from p)) j on j.id = "
	    "p.contact_id"
	    " order by p.sent_at desc, p.contact_id desc" },
	[Q_ONE] = { "desk_one", "select dmbox.conversation_json($1)::text" },
	[Q_COUNTS] = { "desk_counts", "select dmbox.desk_counts($1, $2, $3)::text" },
	[Q_BEFORE] = { "desk_before",
	    MESSAGE_ROW "where m.contact_id = $1 and (m.sent_at, m.id) < ($2, $3)"
			" order by m.sent_at desc, m.id desc limit $4" },
	[Q_AFTER] = { "desk_after",
	    "select * from (" MESSAGE_ROW "where m.contact_id = $1 and (m.sent_at, m.id) > ($2, $3)"
	    " order by m.sent_at, m.id limit $4) as x(us, id, j) order by us, id" },
	[Q_PLACE] = { "desk_place",
	    "select sent_at from dmbox.messages where id = $1 and contact_id = $2" },
	[Q_CONTACT] = { "desk_contact", "select 1 from dmbox.contacts where id = $1" },
	[Q_EVENTS] = { "desk_events",
	    "select coalesce(json_agg(json_build_object('id', x.id, 'kind', x.kind, 'at', "
	    "dmbox.iso(x.occurred_at),"
	    " 'conversation', x.contact_id, 'name', (select coalesce(a.name, a.username) from "
	    "dmbox.contacts a"
	    "  where a.id = x.actor_id and a.id <> x.contact_id), 'target', x.target_id, 'raw', "
	    "x.raw)"
	    " order by x.occurred_at desc, x.id desc), '[]'::json)::text"
	    " from (select e.* from dmbox.events e where e.contact_id = $1 and e.occurred_at >= "
	    "$2 and e.occurred_at <= $3"
	    "  and e.kind in ('call', 'referral', 'poll_vote', 'optin', 'handover', 'block', "
	    "'account_linking',"
	    "  'policy_enforcement', 'response_feedback') and not e.is_test"
	    "  order by e.occurred_at desc limit 100) x" },
	[Q_NOTES] = { "desk_notes",
	    "select coalesce(json_agg(" NOTE_JSON " order by n.created_at desc), '[]'::json)::text"
	    " from (select * from dmbox.notes x where x.contact_id = $1 and x.created_at >= $2"
	    "  and x.created_at <= $3 order by x.created_at desc limit 200) n" },
	[Q_SET] = { "desk_set", "select dmbox.desk_set($1, $2, $3, $4, $5)" },
	[Q_ANSWERS] = { "desk_answers",
	    "select 1 where exists (select 1 from dmbox.users u where u.name = $2"
	    "  and u.revoked_at is null"
	    " and u.role <> 'read')"
	    " or exists (select 1 from dmbox.desk d where d.contact_id = $1 and d.assignee = $2)" },
	[Q_NOTE] = { "desk_note",
	    "with a as (select dmbox.note_add($1, $2, $3) as id)"
	    " select a.id, json_build_object('id', a.id, 'conversation', $1::bigint, 'at', "
	    "dmbox.iso(now()),"
	    " 'by', $2::text, 'body', $3::text)::text from a" },
	[Q_NOTE_DROP] = { "desk_note_drop", "select dmbox.note_delete($1, $2)" },
	[Q_REPLY_ADD] = { "desk_reply_add",
	    "insert into dmbox.replies (name, body) values ($1, $2)"
	    " returning id" },
	[Q_REPLY_SET] = { "desk_reply_set",
	    "update dmbox.replies set name = $1, body = $2 where id = $3 returning id" },
	[Q_REPLY_DROP] = { "desk_reply_drop",
	    "delete from dmbox.replies where id = $1 returning "
	    "id" },
	[Q_REPLIES] = { "desk_replies", "select " REPLIES_JSON "::text" },
	[Q_ME] = { "desk_me",
	    "select coalesce((select json_agg(u.name order by u.name) from dmbox.users u"
	    "  where u.revoked_at is null and u.role <> 'read'), '[]'::json)::text,"
	    " coalesce((select json_agg(l.name order by lower(l.name)) from dmbox.labels l), "
	    "'[]'::json)::text,"
	    " " REPLIES_JSON "::text, not exists (select 1 from dmbox.messages),"
	    " (select u.lang from dmbox.users u where u.name = $1)" },
	[Q_LANG] = { "desk_lang",
	    "update dmbox.users set lang = $2 where name = $1"
	    " and revoked_at is null returning 1" },
};

bool
desk_filter_ok(const char *s)
{
	static const char *const names[] = { "all", "unanswered", "mine", "unread", "failed",
		"done" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_eq(s, names[i]))
			return true;
	return false;
}

static void
texts(struct db_args *a, const struct strv *v)
{
	db_array(a, DB_TEXT);
	for (size_t i = 0; i < v->n; i++)
		db_text(a, v->v[i]);
	db_array_end(a);
}

static void
scope(struct db_args *a, const struct desk_scope *s)
{
	texts(a, &s->accounts);
	texts(a, &s->channels);
}

/* One statement that answers JSON as one text, as member key; RC_NONE: null, or no row. */
static enum rc
put_text(struct db *db, int q, struct db_args *a, const char *key, struct jsonw *out)
{
	struct db_res *r = NULL;
	enum rc rc = db_exec(db, &sql[q], a, &r);

	if (rc == RC_OK && (db_rows(r) == 0 || db_is_null(r, 0, 0)))
		rc = RC_NONE;
	if (rc == RC_OK)
		jsonw_raw(out, key, db_get_text(r, 0, 0));
	db_res_free(r);
	db_args_free(a);
	return rc;
}

/* --- conversations ------------------------------------------------------------------- */

static enum rc
list(struct db *db, const struct desk_scope *s, const struct desk_want *w, struct db_res **r)
{
	bool own = *w->label != '\0' || str_eq(w->filter, "mine") || str_eq(w->filter, "done");
	struct db_args a = { 0 };
	int q = w->q != NULL ? Q_SEARCH : own ? Q_OWN : Q_LIST;
	enum rc rc;

	if (q != Q_SEARCH)
		db_text(&a, w->filter);
	if (q == Q_OWN) {
		db_text(&a, s->who);
		db_text(&a, w->label);
	}
	scope(&a, s);
	if (q == Q_SEARCH)
		db_text(&a, w->q);
	view_place_args(&a, &w->before);
	if (q == Q_LIST)
		view_from_args(&a, &w->before);
	/* one more tells of a next page, which desk_slice knows by itself */
	db_i64(&a, (int64_t)w->limit + (q == Q_LIST ? 0 : 1));
	/* some may have no message any more */
	if (q == Q_LIST)
		db_i64(&a, str_eq(w->filter, "all") ? (int64_t)w->limit + 250 : SCAN);
	rc = db_exec(db, &sql[q], &a, r);
	db_args_free(&a);
	return rc;
}

enum rc
desk_conversations(struct db *db, const struct desk_scope *s, const struct desk_want *w,
    bool counts, struct jsonw *out)
{
	struct db_res *r = NULL;
	enum rc rc = list(db, s, w, &r);

	if (rc == RC_OK) {
		jsonw_object(out, NULL);
		view_put_list(out, r, w->limit);
		if (counts)
			rc = desk_counts(db, s, out);
	}
	if (rc == RC_OK)
		jsonw_end(out);
	db_res_free(r);
	return rc;
}

enum rc
desk_counts(struct db *db, const struct desk_scope *s, struct jsonw *out)
{
	struct db_args a = { 0 };

	db_text(&a, s->who);
	scope(&a, s);
	return put_text(db, Q_COUNTS, &a, "counts", out);
}

enum rc
desk_conversation(struct db *db, int64_t id, struct jsonw *out)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_i64(&a, id);
	jsonw_object(out, NULL);
	rc = put_text(db, Q_ONE, &a, "conversation", out);
	if (rc == RC_OK)
		jsonw_end(out);
	return rc;
}

/* --- a thread --------------------------------------------------------------------------- */

/* Some rows on one side of a place; newest: their order in the answer is the newest first. */
struct side {
	struct db_res *r;
	size_t n;
	bool more, newest;
};

static enum rc
side_get(struct db *db, int64_t contact, const struct view_cursor *c, size_t limit, bool after,
    struct side *s)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_i64(&a, contact);
	view_place_args(&a, c);
	db_i64(&a, (int64_t)limit + 1);
	rc = db_exec(db, &sql[after ? Q_AFTER : Q_BEFORE], &a, &s->r);
	db_args_free(&a);
	if (rc != RC_OK)
		return rc;
	s->more = db_rows(s->r) > limit;
	s->n = s->more ? limit : db_rows(s->r);
	s->newest = !after;
	return RC_OK;
}

static void
side_put(const struct side *s, struct jsonw *out)
{
	for (size_t i = 0; i < s->n; i++)
		jsonw_raw(out, NULL, db_get_text(s->r, s->newest ? i : s->n - 1 - i, 2));
}

/* The place of the row that is the farthest on this side, or null. */
static void
side_cursor(const struct side *s, const char *name, struct jsonw *out)
{
	if (s->more && s->n > 0)
		view_put_cursor(
		    out, name, db_get_i64(s->r, s->n - 1, 0), db_get_i64(s->r, s->n - 1, 1));
	else
		jsonw_raw(out, name, NULL);
}

/* Events and notes of the page's time: from its oldest message, where older ones follow, to its
 * newest, where newer ones do. */
static enum rc
put_beside(struct db *db, int64_t contact, int64_t from_us, int64_t to_us, struct jsonw *out)
{
	static const struct {
		int q;
		const char *name;
	} both[] = { { Q_EVENTS, "events" }, { Q_NOTES, "notes" } };
	enum rc rc = RC_OK;

	for (size_t i = 0; i < 2 && rc == RC_OK; i++) {
		struct db_args a = { 0 };

		db_i64(&a, contact);
		db_time(&a, from_us);
		db_time(&a, to_us);
		rc = put_text(db, both[i].q, &a, both[i].name, out);
	}
	return rc;
}

static enum rc
put_thread(struct db *db, int64_t contact, const struct side *newer, const struct side *older,
    bool from_end, struct jsonw *out)
{
	const struct side *low = older->n > 0 ? older : newer, *high = newer->n > 0 ? newer : older;
	int64_t from = 0, to = VIEW_END_OF_TIME;
	enum rc rc;

	if (low->n > 0 && (older->more || older->r == NULL))
		from = db_get_i64(low->r, low->newest ? low->n - 1 : 0, 0);
	if (high->n > 0 && !from_end && (newer->more || newer->r == NULL))
		to = db_get_i64(high->r, high->newest ? 0 : high->n - 1, 0);
	jsonw_object(out, NULL);
	jsonw_array(out, "messages");
	side_put(newer, out);
	side_put(older, out);
	jsonw_end(out);
	rc = put_beside(db, contact, from, to, out);
	if (rc != RC_OK)
		return rc;
	side_cursor(older, "next", out);
	side_cursor(newer, "prev", out);
	jsonw_end(out);
	return RC_OK;
}

/* The place of a message of this conversation. */
static enum rc
place_of(struct db *db, int64_t contact, struct view_cursor *c)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	if (!c->set || c->us != 0)
		return RC_OK;
	db_i64(&a, c->id);
	db_i64(&a, contact);
	rc = db_row(db, &sql[Q_PLACE], &a, &r);
	if (rc == RC_OK)
		c->us = db_get_time(r, 0, 0);
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

/* Runs q; RC_NONE where it gives no row.  a is freed. */
static enum rc
needs_row(struct db *db, int q, struct db_args *a)
{
	enum rc rc = db_row(db, &sql[q], a, NULL);

	db_args_free(a);
	return rc;
}

static enum rc
contact_is(struct db *db, int64_t contact)
{
	struct db_args a = { 0 };

	db_i64(&a, contact);
	return needs_row(db, Q_CONTACT, &a);
}

enum rc
desk_messages(
    struct db *db, int64_t contact, const struct view_page *page, int64_t around, struct jsonw *out)
{
	struct view_cursor before = page->before, after = page->after;
	struct side newer = { 0 }, older = { 0 };
	size_t half = page->limit / 2 + 1;
	enum rc rc = contact_is(db, contact);

	if (around > 0)
		before = after = (struct view_cursor){ .set = true, .id = around };
	if (rc == RC_OK)
		rc = place_of(db, contact, &before);
	if (rc == RC_OK)
		rc = place_of(db, contact, &after);
	if (rc == RC_OK && after.set)
		rc = side_get(db, contact, &after, around > 0 ? half : page->limit, true, &newer);
	if (around > 0)
		before.id++;	/* with the message itself */
	if (rc == RC_OK && (around > 0 || !after.set))
		rc = side_get(db, contact, &before, around > 0 ? half : page->limit, false, &older);
	if (rc == RC_OK)
		rc = put_thread(db, contact, &newer, &older, !before.set && !after.set, out);
	db_res_free(newer.r);
	db_res_free(older.r);
	return rc;
}

/* --- what people note --------------------------------------------------------------------- */

enum rc
desk_set(struct db *db, int64_t contact, const struct desk_change *c)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_i64(&a, contact);
	if (c->done < 0)
		db_null(&a, DB_BOOL);
	else
		db_bool(&a, c->done == 1);
	db_text(&a, c->assignee);
	texts(&a, &c->add);
	texts(&a, &c->remove);
	rc = db_exec(db, &sql[Q_SET], &a, &r);
	if (rc == RC_OK && !db_get_bool(r, 0, 0))
		rc = RC_NONE;
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
desk_answers(struct db *db, int64_t contact, const char *who)
{
	struct db_args a = { 0 };

	db_i64(&a, contact);
	db_text(&a, who);
	return needs_row(db, Q_ANSWERS, &a);
}

enum rc
desk_note(struct db *db, int64_t contact, const char *who, const char *body, struct jsonw *out)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_i64(&a, contact);
	db_text(&a, who);
	db_text(&a, body);
	rc = db_exec(db, &sql[Q_NOTE], &a, &r);
	if (rc == RC_OK && db_is_null(r, 0, 0))
		rc = RC_NONE;
	if (rc == RC_OK) {
		jsonw_object(out, NULL);
		jsonw_raw(out, "note", db_get_text(r, 0, 1));
		jsonw_end(out);
	}
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
desk_note_drop(struct db *db, int64_t id, const char *who)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_i64(&a, id);
	db_text(&a, who);
	rc = db_exec(db, &sql[Q_NOTE_DROP], &a, &r);
	if (rc == RC_OK && !db_get_bool(r, 0, 0))
		rc = RC_NONE;
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
desk_reply(struct db *db, int64_t id, const char *name, const char *text)
{
	struct db_args a = { 0 };

	if (text != NULL) {
		db_text(&a, name);
		db_text(&a, text);
	}
	if (id > 0)
		db_i64(&a, id);
	return needs_row(db, text == NULL ? Q_REPLY_DROP : id > 0 ? Q_REPLY_SET : Q_REPLY_ADD, &a);
}

enum rc
desk_replies(struct db *db, struct jsonw *out)
{
	struct db_args a = { 0 };
	enum rc rc;

	jsonw_object(out, NULL);
	rc = put_text(db, Q_REPLIES, &a, "replies", out);
	if (rc == RC_OK)
		jsonw_end(out);
	return rc;
}

enum rc
desk_me(struct db *db, const char *who, struct jsonw *out)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_text(&a, who);
	rc = db_exec(db, &sql[Q_ME], &a, &r);
	if (rc == RC_OK) {
		jsonw_raw(out, "users", db_get_text(r, 0, 0));
		jsonw_raw(out, "labels", db_get_text(r, 0, 1));
		jsonw_raw(out, "replies", db_get_text(r, 0, 2));
		jsonw_bool(out, "empty", db_get_bool(r, 0, 3));
		jsonw_str(out, "lang", db_get_text(r, 0, 4));
	}
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
desk_lang(struct db *db, const char *who, const char *lang)
{
	struct db_args a = { 0 };

	db_text(&a, who);
	db_text(&a, lang);
	return needs_row(db, Q_LANG, &a);
}

/*
 * What the inbox reads.  The order of conversations is exact although
 * contacts.last_at is only moved when it changes by over a minute (a row
 * update at every message would cost ingest more than the page gains):
 * dmbox.desk_slice in sql/code/desk.sql says how.
 */
#include "store/view.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "store/view_row.h"

#define LAST_MESSAGE(join, alias)                                                                  \
	" " join " join lateral (select m.id, m.kind, m.body, m.direction, m.status, m.sent_at, " \
	"m.deleted_at, m.provider" \
	"   from dmbox.messages m where m.contact_id = " alias ".id"                              \
	"  order by m.sent_at desc, m.id desc limit 1) l on true "

/* Marking as read: rows of one statement, and how long a request goes on. */
enum { MARK_ROWS = 500, MARK_MS = 1500 };

enum {
	Q_STATS,
	Q_LAST,
	Q_CONVERSATIONS,
	Q_SEARCH,
	Q_MESSAGES_BEFORE,
	Q_MESSAGES_AFTER,
	Q_PLACE,
	Q_CONTACT,
	Q_MARK_READ,
	Q_COUNTS,
	Q_WORDS,
	Q_BOUND,
	Q_CHANGES,
	Q_DESK_END,
	Q_TOUCHED,
	Q_LAST_RECEIVED,
	Q_GONE,
	Q_HELD,
	Q__MAX
};


/* One conversation as JSON, with its place in the list before it. */
#define CONVERSATION_ROW                                                                           \
	"select (extract(epoch from l.sent_at) * 1000000)::bigint, c.id, json_build_object("       \
	"'id', c.id, 'account', c.account, 'channel', c.channel, 'contactId', c.external_id,"      \
	"'name', c.name, 'username', c.username, 'pictureUrl', c.picture_url,"                     \
	"'lastAt', dmbox.iso(l.sent_at),"                                                          \
	"'lastMessage', json_build_object('id', l.id, 'kind', l.kind, 'content', l.body,"          \
	" 'direction', l.direction, 'status', l.status, 'createdAt', dmbox.iso(l.sent_at),"        \
	" 'deletedAt', dmbox.iso(l.deleted_at)),"                                                  \
	"'unreadCount', (select count(*) from dmbox.messages u where u.contact_id = c.id"          \
	"  and u.direction = 'inbound' and u.read_at is null and u.deleted_at is null),"           \
	"'canSendUntil', dmbox.iso(dmbox.can_send_until(c.channel, c.account," \
	"  c.last_inbound_at, l.provider)))::text "

static const struct db_stmt sql[Q__MAX] = {
	/* counts folded by upkeep plus the rows above the fold */
	[Q_STATS] = { "view_stats",
	    "with k as (select message_upto, contact_upto from dmbox.count_marks),"
	    " f as (select coalesce(sum(inbound), 0) as i, coalesce(sum(outbound), 0) as o,"
	    "              coalesce(sum(contacts), 0) as c"
	    "         from dmbox.message_counts where channel = $1 and account = any($2)),"
	    " m as (select count(*) filter (where direction = 'inbound') as i,"
	    "              count(*) filter (where direction = 'outbound') as o from dmbox.messages"
	    "        where id > (select message_upto from k) and channel = $1 and account "
	    "= any($2)),"
	    " c as (select count(*) as c from dmbox.contacts"
	    "        where id > (select contact_upto from k) and channel = $1 and "
	    "account = any($2))"
	    " select (f.i + m.i)::bigint, (f.o + m.o)::bigint, (f.c + c.c)::bigint,"
	    "  (select extract(epoch from now() - max(at))::bigint from dmbox.heartbeats"
	    "    where name = 'poll') from f, m, c" },
	/* by time of sending: of the 200 contacts heard of last, and of the 500 newest
	 * rows; a contact's last_at may lag a minute, in which a flood has thousands */
	[Q_LAST] = { "view_last",
	    "select json_build_object('id', x.id, 'content', x.body, 'direction', x.direction,"
	    " 'createdAt', dmbox.iso(x.sent_at))::text from ("
	    "select m.id, m.body, m.direction, m.sent_at"
	    "  from (select * from dmbox.messages order by id desc limit 500) m"
	    "  where m.account = any($2) and m.channel = $1"
	    " union all select m.id, m.body, m.direction, m.sent_at from unnest($2::text[]) "
	    "as acc(name)"
	    "  cross join lateral (select c.id from dmbox.contacts c where c.account = acc.name"
	    "   and c.channel = $1 and c.last_at is not null"
	    "   order by c.last_at desc, c.id desc limit 200) k"
	    "  cross join lateral (select id, body, direction, sent_at from dmbox.messages m"
	    "   where m.contact_id = k.id order by m.sent_at desc, m.id desc limit 1) m) x"
	    " order by x.sent_at desc, x.id desc limit 1" },
	[Q_CONVERSATIONS] = { "view_conversations",
	    "with x as materialized (select * from dmbox.desk_slice('all', $2,"
	    "  array_fill($1::text, array[cardinality($2::text[])]), $3, $4, $5, $6, $7,"
	    "  $7 + 250)) " CONVERSATION_ROW ", x.next"
	    "  from x left join dmbox.contacts c on c.id = x.id" LAST_MESSAGE("left", "c")
	    " order by x.at desc nulls last, x.id desc" },
	[Q_SEARCH] = { "view_search",
	    "with h as (select contact_id as id from dmbox.search($1, $2, $6)"
	    " union select dmbox.phone_contacts($2, array[$1], $7))"
	    CONVERSATION_ROW ", null::text"
	    "  from h join dmbox.contacts c on c.id = h.id" LAST_MESSAGE("inner", "c")
	    " where (l.sent_at, c.id) < ($3, $4) order by l.sent_at desc, c.id desc limit $5" },
	[Q_MESSAGES_BEFORE] = { "view_messages_before",
	    MESSAGE_ROW "where m.contact_id = $1 and (m.sent_at, m.id) < ($2, $3)"
	    " order by m.sent_at desc, m.id desc limit $4" },
	[Q_MESSAGES_AFTER] = { "view_messages_after",
	    MESSAGE_ROW "where m.contact_id = $1 and (m.sent_at, m.id) > ($2, $3)"
	    " order by m.sent_at, m.id limit $4" },
	[Q_PLACE] = { "view_place",
	    "select sent_at from dmbox.messages where id = $1" },
	[Q_CONTACT] = { "view_contact",
	    "select 1 from dmbox.contacts where id = $1 and channel = $2" },
	/* the unread by their own index, which has few; the newest of them first */
	[Q_MARK_READ] = { "view_mark_read",
	    "with c as materialized (select m.id, m.sent_at from dmbox.messages m"
	    "   where m.contact_id = $1 and m.direction = 'inbound' and m.read_at is null"
	    "   and m.deleted_at is null),"
	    " x as (select c.id from c where (c.sent_at, c.id) <= ($2, $3)"
	    "   order by c.sent_at desc, c.id desc limit $4),"
	    " u as (update dmbox.messages m set read_at = now() from x where m.id = x.id"
	    "   and m.read_at is null returning 1) select count(*) from u" },
	[Q_COUNTS] = { "view_counts", "select dmbox.count_upkeep(500000)" },
	[Q_WORDS] = { "view_words", "select dmbox.search_upkeep() > 0" },
	[Q_BOUND] = { "view_change_bound", "select bound, top from dmbox.change_bound()" },
	[Q_CHANGES] = { "view_changes",
	    MESSAGE_COLS ", m.change_id, m.contact_id from dmbox.messages m"
	    " where m.change_id > $1 and m.change_id < $2 order by m.change_id limit $3" },
	[Q_DESK_END] = { "view_desk_end",
	    "select change_id from (select change_id from dmbox.desk union all"
	    " select change_id from dmbox.gone) x where change_id > $1 and change_id < $2"
	    " order by change_id offset $3 limit 1" },
	/* the ids are a column of t: the function is planned with the statement, once */
	[Q_TOUCHED] = { "view_touched",
	    "select 0::bigint, j.id, j.j::text from (select array(select distinct u.id"
	    "  from (select unnest($1::bigint[]) as id union all select d.contact_id from "
	    "dmbox.desk d"
	    "   where d.change_id > $2 and d.change_id <= $3) u where u.id is not null limit "
	    "400) as ids) t cross join lateral dmbox.conversations_json(t.ids) j" },
	[Q_GONE] = { "view_gone",
	    "select contact_id, kept_id from dmbox.gone where change_id > $1 and change_id <= $2"
	    " order by change_id" },
	[Q_HELD] = { "view_held",
	    "select exists (select 1 from dmbox.messages where change_id >= $1)"
	    " or exists (select 1 from dmbox.desk where change_id >= $1)"
	    " or exists (select 1 from dmbox.gone where change_id >= $1)" },
	[Q_LAST_RECEIVED] = { "view_last_received",
	    "select received_at from dmbox.messages order by id desc limit 1" },
};

/* <microseconds>_<id> of n bytes. */
static enum rc
place_parse(const char *s, size_t n, int64_t *us, int64_t *id)
{
	const char *bar = memchr(s, '_', n);

	if (bar == NULL || str_n_i64(s, (size_t)(bar - s), us) != RC_OK || *us <= 0)
		return RC_INVALID;
	if (str_n_i64(bar + 1, n - (size_t)(bar + 1 - s), id) != RC_OK || *id < 0)
		return RC_INVALID;
	return RC_OK;
}

enum rc
view_cursor_parse(const char *s, struct view_cursor *out)
{
	struct view_cursor c = { .set = true };
	const char *bar, *from = NULL;
	enum rc rc;

	if (str_empty(s)) {
		*out = (struct view_cursor){ 0 };
		return RC_OK;
	}
	bar = strchr(s, '_');
	if (bar != NULL)
		from = strchr(bar + 1, '_');
	if (bar == NULL)
		rc = str_i64(s, &c.id);
	else
		rc = place_parse(s, from != NULL ? (size_t)(from - s) : strlen(s), &c.us, &c.id);
	if (rc == RC_OK && from != NULL)
		rc = place_parse(from + 1, strlen(from + 1), &c.from_us, &c.from_id);
	if (rc != RC_OK || c.id < 0)
		return RC_INVALID;
	*out = c;
	return RC_OK;
}

/* An id alone means the place of that message in time. */
static enum rc
cursor_resolve(struct db *db, struct view_cursor *c)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	if (!c->set || c->us != 0)
		return RC_OK;
	db_i64(&a, c->id);
	rc = db_row(db, &sql[Q_PLACE], &a, &r);
	if (rc == RC_OK)
		c->us = db_get_time(r, 0, 0);
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

static void
accounts_arg(struct db_args *a, const struct strv *accounts)
{
	size_t i;

	db_array(a, DB_TEXT);
	for (i = 0; i < accounts->n; i++)
		db_text(a, accounts->v[i]);
	db_array_end(a);
}

void
view_place_args(struct db_args *a, const struct view_cursor *c)
{
	bool set = c->set && c->us != 0;

	db_time(a, set ? c->us : VIEW_END_OF_TIME);
	db_i64(a, set ? c->id : INT64_MAX);
}

void
view_from_args(struct db_args *a, const struct view_cursor *c)
{
	db_time(a, c->from_us != 0 ? c->from_us : VIEW_END_OF_TIME);
	db_i64(a, c->from_us != 0 ? c->from_id : INT64_MAX);
}

enum rc
view_stats(struct db *db, enum channel ch, const struct strv *accounts, struct jsonw *out,
    int64_t *poll_age_s)
{
	struct db_args a = { 0 };
	struct db_res *n = NULL, *last = NULL;
	int64_t in, ob;
	enum rc rc;

	db_text(&a, channel_names[ch]);
	accounts_arg(&a, accounts);
	if ((rc = db_exec(db, &sql[Q_STATS], &a, &n)) == RC_OK)
		rc = db_exec(db, &sql[Q_LAST], &a, &last);
	if (rc != RC_OK)
		goto out;
	in = db_get_i64(n, 0, 0);
	ob = db_get_i64(n, 0, 1);
	jsonw_i64(out, "totalMessages", in + ob);
	jsonw_i64(out, "inboundMessages", in);
	jsonw_i64(out, "outboundMessages", ob);
	jsonw_i64(out, "clientsWithInstagram", db_get_i64(n, 0, 2));
	jsonw_raw(out, "lastMessage", db_rows(last) != 0 ? db_get_text(last, 0, 0) : NULL);
	*poll_age_s = db_is_null(n, 0, 3) ? -1 : db_get_i64(n, 0, 3);
out:
	db_res_free(n);
	db_res_free(last);
	db_args_free(&a);
	return rc;
}

void
view_put_cursor(struct jsonw *w, const char *key, int64_t us, int64_t id)
{
	jsonw_printf(w, key, "%" PRId64 "_%" PRId64, us, id);
}

void
view_put_list(struct jsonw *out, const struct db_res *r, size_t limit)
{
	size_t n = 0;
	int64_t us = 0, id = 0;
	const char *next = NULL;

	jsonw_array(out, "conversations");
	for (size_t i = 0; i < db_rows(r); i++) {
		if (db_is_null(r, i, 1)) {
			next = db_get_text(r, i, 3);
		} else if (n++ < limit) {
			jsonw_raw(out, NULL, db_get_text(r, i, 2));
			us = db_get_i64(r, i, 0);
			id = db_get_i64(r, i, 1);
		}
	}
	jsonw_end(out);
	if (next != NULL)
		jsonw_str(out, "next", next);
	else if (n > limit)
		view_put_cursor(out, "next", us, id);
	else
		jsonw_raw(out, "next", NULL);
}

/*
 * Rows of (microseconds, id, JSON) as a list with its cursor: one row more than
 * the page was asked for says that there is a next page.
 */
static void
put_page(struct jsonw *out, const char *name, const struct db_res *r, size_t limit, bool reverse)
{
	size_t i, n = db_rows(r) < limit ? db_rows(r) : limit;

	jsonw_object(out, NULL);
	jsonw_array(out, name);
	for (i = 0; i < n; i++)
		jsonw_raw(out, NULL, db_get_text(r, reverse ? n - 1 - i : i, 2));
	jsonw_end(out);
	if (db_rows(r) > limit)
		view_put_cursor(out, "next", db_get_i64(r, n - 1, 0), db_get_i64(r, n - 1, 1));
	else
		jsonw_raw(out, "next", NULL);
	jsonw_end(out);
}

/*
 * What a person typed as a tsquery: every word, the last ones may be begun
 * only.  Quoting each word keeps operators in it from having a meaning.
 */
static void
put_tsquery(struct buf *b, const char *q)
{
	const char *p = q;

	while (*p != '\0') {
		size_t n = strcspn(p, " \t\r\n");

		if (n != 0) {
			size_t i;

			buf_puts(b, b->n != 0 ? " & '" : "'");
			for (i = 0; i < n; i++) {
				if (p[i] == '\'' || p[i] == '\\')
					buf_putc(b, p[i]);
				buf_putc(b, p[i]);
			}
			buf_puts(b, "':*");
		}
		p += n;
		p += strspn(p, " \t\r\n");
	}
}

enum rc
view_conversations(struct db *db, enum channel ch, const struct strv *accounts,
    const struct view_page *page, struct jsonw *out)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	struct buf q;
	enum rc rc;

	buf_init(&q, 4096);
	if (page->q != NULL)
		put_tsquery(&q, page->q);
	if (buf_err(&q)) {
		rc = RC_INVALID;
		goto out;
	}
	db_text(&a, channel_names[ch]);
	accounts_arg(&a, accounts);
	view_place_args(&a, &page->before);
	if (q.n == 0)
		view_from_args(&a, &page->before);
	db_i64(&a, (int64_t)page->limit + (q.n != 0 ? 1 : 0));
	if (q.n != 0) {
		db_text(&a, q.p);
		db_text(&a, page->q);
	}
	rc = db_exec(db, &sql[q.n != 0 ? Q_SEARCH : Q_CONVERSATIONS], &a, &r);
	if (rc == RC_OK) {
		jsonw_object(out, NULL);
		view_put_list(out, r, page->limit);
		jsonw_end(out);
	}
out:
	buf_free(&q);
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

static enum rc
contact_exists(struct db *db, enum channel ch, int64_t contact_id)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_i64(&a, contact_id);
	db_text(&a, channel_names[ch]);
	rc = db_row(db, &sql[Q_CONTACT], &a, NULL);
	db_args_free(&a);
	return rc;
}

enum rc
view_messages(struct db *db, enum channel ch, int64_t contact_id, const struct view_page *page,
    struct jsonw *out)
{
	struct view_cursor place = page->after.set ? page->after : page->before;
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	if ((rc = contact_exists(db, ch, contact_id)) != RC_OK ||
	    (rc = cursor_resolve(db, &place)) != RC_OK)
		return rc;
	db_i64(&a, contact_id);
	view_place_args(&a, &place);
	db_i64(&a, (int64_t)page->limit + 1);
	rc = db_exec(db, &sql[page->after.set ? Q_MESSAGES_AFTER : Q_MESSAGES_BEFORE], &a, &r);
	if (rc == RC_OK)
		put_page(out, "messages", r, page->limit, page->after.set);
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
view_mark_read(struct db *db, enum channel ch, int64_t contact_id, const struct view_cursor *up_to,
    int64_t *out_n)
{
	struct view_cursor place = *up_to;
	int64_t until = clock_mono_ms() + MARK_MS, n = MARK_ROWS;
	enum rc rc;

	*out_n = 0;
	if ((rc = contact_exists(db, ch, contact_id)) != RC_OK ||
	    (rc = cursor_resolve(db, &place)) != RC_OK)
		return rc;
	/* thousands cost seconds, each part of them commits and lets others by */
	while (rc == RC_OK && n == MARK_ROWS && clock_mono_ms() < until) {
		struct db_args a = { 0 };
		struct db_res *r = NULL;

		db_i64(&a, contact_id);
		view_place_args(&a, &place);
		db_i64(&a, MARK_ROWS);
		if ((rc = db_exec(db, &sql[Q_MARK_READ], &a, &r)) == RC_OK)
			*out_n += n = db_get_i64(r, 0, 0);
		db_res_free(r);
		db_args_free(&a);
	}
	return *out_n > 0 ? RC_OK : rc;
}

enum rc
view_last_received(struct db *db, int64_t *out_us)
{
	struct db_res *r = NULL;
	enum rc rc = db_exec(db, &sql[Q_LAST_RECEIVED], NULL, &r);

	*out_us = rc == RC_OK && db_rows(r) > 0 ? db_get_time(r, 0, 0) : 0;
	db_res_free(r);
	return rc;
}

/* Again and again while there is more to do, at most about 2 s. */
static enum rc
in_parts(struct db *db, const struct db_stmt *part)
{
	int64_t end = clock_mono_ms() + 2000;
	struct db_res *r = NULL;
	bool more = true;
	enum rc rc = RC_OK;

	while (rc == RC_OK && more && clock_mono_ms() < end) {
		rc = db_exec(db, part, NULL, &r);
		more = rc == RC_OK && db_get_bool(r, 0, 0);
		db_res_free(r);
		r = NULL;
	}
	return rc;
}

enum rc
view_count_upkeep(struct db *db)
{
	return in_parts(db, &sql[Q_COUNTS]);
}

enum rc
view_search_upkeep(struct db *db)
{
	return in_parts(db, &sql[Q_WORDS]);
}

/* The conversations that rows 0..n-1 of r belong to, and those that people touched after one place
 * and up to next, each with the feed's place next. */
static enum rc
put_touched(struct db *db, const struct db_res *r, size_t n, int64_t after, int64_t next,
    struct jsonw *out)
{
	struct db_args a = { 0 };
	struct db_res *c = NULL;
	enum rc rc;
	size_t i;

	db_array(&a, DB_I64);
	for (i = 0; i < n; i++)
		db_i64(&a, db_get_i64(r, i, 4));
	db_array_end(&a);
	db_i64(&a, after);
	db_i64(&a, next);
	rc = db_exec(db, &sql[Q_TOUCHED], &a, &c);
	for (i = 0; rc == RC_OK && i < db_rows(c); i++) {
		jsonw_object(out, NULL);
		jsonw_str(out, "type", "conversation");
		jsonw_i64(out, "changeId", next);
		jsonw_members(out, db_get_text(c, i, 2));
		jsonw_end(out);
	}
	db_res_free(c);
	db_args_free(&a);
	return rc;
}

/* The conversations that went after one place and up to next. */
static enum rc
put_gone(struct db *db, int64_t after, int64_t next, struct jsonw *out)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_i64(&a, after);
	db_i64(&a, next);
	rc = db_exec(db, &sql[Q_GONE], &a, &r);
	for (size_t i = 0; rc == RC_OK && i < db_rows(r); i++) {
		jsonw_object(out, NULL);
		jsonw_str(out, "type", "gone");
		jsonw_i64(out, "changeId", next);
		jsonw_i64(out, "id", db_get_i64(r, i, 0));
		if (db_is_null(r, i, 1))
			jsonw_raw(out, "into", NULL);
		else
			jsonw_i64(out, "into", db_get_i64(r, i, 1));
		jsonw_end(out);
	}
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

/* Of more conversations that people touched, or that went, than one answer holds the rest comes
 * with the next: *bound is then lowered to the first of that, and *more set. */
static enum rc
end_of_touched(struct db *db, int64_t after, int64_t *bound, bool *more)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_i64(&a, after);
	db_i64(&a, *bound);
	db_i64(&a, VIEW_PAGE_MAX);
	rc = db_exec(db, &sql[Q_DESK_END], &a, &r);
	*more = rc == RC_OK && db_rows(r) > 0;
	if (*more)
		*bound = db_get_i64(r, 0, 0);
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

/* The changes after one place and below the bound; *next: where the feed goes on. */
static enum rc
put_changes(struct db *db, int64_t after, int64_t bound, struct jsonw *out, int64_t *next,
    bool *more)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	size_t i, n = 0;
	bool full;
	enum rc rc;

	if ((rc = end_of_touched(db, after, &bound, more)) != RC_OK)
		return rc;
	db_i64(&a, after);
	db_i64(&a, bound);
	db_i64(&a, VIEW_PAGE_MAX + 1);
	rc = db_exec(db, &sql[Q_CHANGES], &a, &r);
	if (rc != RC_OK)
		goto out;
	full = db_rows(r) > VIEW_PAGE_MAX;
	n = full ? VIEW_PAGE_MAX : db_rows(r);
	*next = full ? db_get_i64(r, n - 1, 3) : bound - 1;
	*more = *more || full;
	for (i = 0; i < n; i++) {
		jsonw_object(out, NULL);
		jsonw_str(out, "type", "message");
		jsonw_members(out, db_get_text(r, i, 2));
		jsonw_end(out);
	}
	rc = put_touched(db, r, n, after, *next, out);
	if (rc == RC_OK)
		rc = put_gone(db, after, *next, out);
out:
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

/* Is there a change that an open transaction of somebody else holds back? */
static enum rc
is_held(struct db *db, int64_t bound, bool *out)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_i64(&a, bound);
	rc = db_exec(db, &sql[Q_HELD], &a, &r);
	*out = rc == RC_OK && db_get_bool(r, 0, 0);
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

/* A statement of its own, before the rows are looked at (sql/code/inbox.sql). */
static enum rc
bound_now(struct db *db, int64_t *bound, int64_t *top)
{
	struct db_res *r = NULL;
	enum rc rc = db_exec(db, &sql[Q_BOUND], NULL, &r);

	if (rc == RC_OK) {
		*bound = db_get_i64(r, 0, 0);
		*top = db_get_i64(r, 0, 1);
	}
	db_res_free(r);
	return rc;
}

enum rc
view_changes_now(struct db *db, int64_t *next)
{
	int64_t bound = 0, top = 0;
	enum rc rc = bound_now(db, &bound, &top);

	*next = bound - 1;
	return rc;
}

enum rc
view_changes(struct db *db, int64_t after, struct jsonw *out, bool *any)
{
	bool more = false, held = false, reset;
	int64_t bound = 0, next, top = 0;
	enum rc rc = bound_now(db, &bound, &top);
	size_t empty;

	if (rc != RC_OK)
		return rc;
	reset = after >= top;
	next = !reset && after >= bound ? after : bound - 1;
	jsonw_array(out, "changes");
	empty = out->b->n;
	if (after >= 0 && !reset && after < bound - 1)
		rc = put_changes(db, after, bound, out, &next, &more);
	*any = out->b->n > empty;
	jsonw_end(out);
	if (rc == RC_OK && after >= 0 && bound < top)
		rc = is_held(db, bound, &held);
	jsonw_i64(out, "next", next);
	jsonw_bool(out, "more", more);
	jsonw_bool(out, "held", held);
	jsonw_bool(out, "reset", reset);
	return rc;
}

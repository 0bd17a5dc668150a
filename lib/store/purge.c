/*
 * Erasure.  The order matters: what waits to go out is given up first, then
 * messages with all that hangs on them, then loose events, then bytes in the
 * ledger that only repeat what was erased, at last the contact's row.  Each
 * step is a loop of short transactions, so that webhooks never wait long.
 */
#include "store/purge.h"

#include <string.h>

#include "base/str.h"

enum {
	MESSAGES_AT_ONCE = 200,
	OUTBOX_AT_ONCE = 500,
	EVENT_RANGE = 20000,	/* ids looked at in one transaction */
	LEDGER_RANGE = 2000
};
#define FOREVER_US INT64_C(4102444800000000)	/* 2100-01-01 */

enum stmt {
	SQL_FIND,
	SQL_COUNT_CONTACT,
	SQL_COUNT_OLD,
	SQL_OUTBOX,
	SQL_MESSAGES,
	SQL_LOOSE,
	SQL_LEDGER,
	SQL_CONTACT,
	SQL_NEXT,
	SQL_NEXT_BARE,
	SQL_TOP_EVENT,
	SQL_SPAN,
	SQL_FILES,
	SQL__MAX
};

/* $1 contact, $2 account, $3 channel, $4 external id, $5 word */
#define OF_CONTACT \
	"with m as (select id, delivery_id, thread_id, external_id, outbox_id" \
	"   from dmbox.messages_of($1))," \
	" e as (select id, delivery_id from dmbox.events where contact_id = $1 or actor_id = $1" \
	"   union select e.id, e.delivery_id from dmbox.events e join m on e.account = $2" \
	"   and e.channel = $3 and e.thread_id = m.thread_id and e.target_id = m.external_id)," \
	" d as (select d.id from dmbox.deliveries d where d.body is not null" \
	"   and (d.id in (select delivery_id from m union select delivery_id from e)" \
	"     or d.account = $2 and d.channel = $3 and $5 <> '' and exists (select 1" \
	"       from unnest((select dmbox.contact_ids($2, $3, $5))) w" \
	"       where split_part(w, '@', 1) <> '' and dmbox.holds_word(d.body, split_part(w, " \
	"'@', 1)))))"
/* $1 before */
#define OLDER \
	"with m as (select id, delivery_id, thread_id, external_id, account, channel" \
	"   from dmbox.messages where sent_at < $1)," \
	" e as (select id, delivery_id from dmbox.events where occurred_at < $1" \
	"   union select e.id, e.delivery_id from dmbox.events e join m on e.account = m.account" \
	"   and e.channel = m.channel and e.thread_id = m.thread_id and e.target_id = " \
	"m.external_id)," \
	" d as (select d.id from dmbox.deliveries d where d.body is not null and " \
	"(d.received_at < $1" \
	"   or d.id in (select delivery_id from m union select delivery_id from e)))"
#define COUNTS \
	" select (select count(*) from m), (select count(*) from dmbox.attachments a" \
	"   where a.message_id in (select id from m) and a.state <> 'erased')," \
	" (select count(*) from dmbox.attachments a where a.message_id in (select id from m)" \
	"   and a.local_path is not null and a.state <> 'erased')," \
	" (select count(*) from e), (select count(*) from d)," \
	" (select count(*) from d where exists (select 1 from dmbox.messages x" \
	"   where x.delivery_id = d.id and x.id not in (select id from m)))"

static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_FIND] = { NULL,
	    "with i as (select c.* from dmbox.contacts c where c.id = $1),"
	    " x as (select c.* from dmbox.contacts c where (c.external_id = $2"
	    "   or c.channel = 'whatsapp'"
	    "   and c.external_id = any (dmbox.contact_twins('whatsapp', $2))"
	    "   or (c.account, c.channel, c.external_id) in (select a.account, a.channel, "
	    "a.external_id"
	    "     from dmbox.contact_aliases a"
	    "     where a.alias = any (dmbox.contact_twins('whatsapp', $2))))"
	    "   and not exists (select 1 from i)),"
	    " u as (select c.* from dmbox.contacts c where $3::text is not null"
	    "   and lower(c.username) = lower($3))"
	    " select id, account, channel, external_id, name, username from i"
	    " union all select id, account, channel, external_id, name, username from x"
	    " union all select id, account, channel, external_id, name, username from u"
	    " order by 1 limit $4" },
	[SQL_COUNT_CONTACT] = { NULL,
	    OF_CONTACT COUNTS
	    ","
	    " (select count(*) from dmbox.reactions r where r.contact_id = $1"
	    "   or r.message_id in (select id from m)),"
	    " (select count(*) from dmbox.outbox o where o.account = $2 and o.channel = $3"
	    "   and o.recipient_id = any (dmbox.contact_ids($2, $3, $4))"
	    "   and (o.state in ('queued', 'leased', 'unknown') or o.body is not null"
	    "     or o.attachments is not null or o.reaction is not null)), 1,"
	    " (select count(*) from dmbox.outbox o where o.account = $2 and o.channel = $3"
	    "   and o.recipient_id = any (dmbox.contact_ids($2, $3, $4)) and o.state = 'leased')" },
	[SQL_COUNT_OLD] = { NULL,
	    OLDER COUNTS
	    ","
	    " (select count(*) from dmbox.reactions r where r.message_id in (select id from m)),"
	    " (select count(*) from dmbox.outbox o where o.created_at < $1"
	    "   and o.state in ('sent', 'accepted', 'failed', 'dead') and (o.body is not null"
	    "     or o.attachments is not null or o.reaction is not null)),"
	    " (select count(*) from dmbox.contacts c where c.created_at < $1 and not exists"
	    "   (select 1 from dmbox.messages x where x.contact_id = c.id and x.sent_at >= $1)"
	    "   and not exists (select 1 from dmbox.events x where (x.contact_id = c.id or "
	    "x.actor_id = c.id)"
	    "     and x.occurred_at >= $1)), 0" },
	[SQL_OUTBOX] = { NULL, "select texts, leased from dmbox.purge_outbox($1, $2, $3, $4, $5)" },
	[SQL_MESSAGES] = { "purge_messages",
	    "select messages, attachments, events, blanked from dmbox.purge_messages($1, $2, $3)" },
	[SQL_LOOSE] = { "purge_loose",
	    "select events, blanked"
	    " from dmbox.purge_loose($1, $2, $3, $4)" },
	[SQL_LEDGER] = { "purge_ledger",
	    "select dmbox.purge_ledger($1, $2, $3, $4, $5, $6, false)" },
	[SQL_CONTACT] = { "purge_contact", "select dmbox.purge_contact($1)::integer" },
	[SQL_NEXT] = { "purge_next",
	    "select c.id from dmbox.contacts c where c.id > $1 and exists (select 1"
	    " from dmbox.messages m"
	    "   where m.contact_id = c.id and m.sent_at < $2) order by c.id limit 1" },
	[SQL_NEXT_BARE] = { "purge_next_bare",
	    "select c.id from dmbox.contacts c where c.id > $1 and c.created_at < $2"
	    " and not exists (select 1 from dmbox.messages m where m.contact_id = c.id)"
	    " and not exists (select 1 from dmbox.events e where e.contact_id = c.id"
	    " or e.actor_id = c.id)"
	    " order by c.id limit 1" },
	[SQL_TOP_EVENT] = { NULL, "select min(id) - 1, max(id) from dmbox.events" },
	[SQL_SPAN] = { NULL,
	    "select min(id) - 1, max(id) from dmbox.deliveries"
	    " where received_at < $1" },
	[SQL_FILES] = { NULL,
	    "select count(*) from dmbox.attachments where state = 'erased'"
	    " and local_path is not null" },
};

/* One row of integers into v; a is used up. */
static enum rc
ask(struct db *db, enum stmt s, struct db_args *a, int64_t *v, int n)
{
	struct db_res *r = NULL;
	enum rc rc = db_exec(db, &stmts[s], a, &r);

	if (rc == RC_OK) {
		for (int i = 0; i < n; i++)
			v[i] = db_rows(r) > 0 ? db_get_i64(r, 0, i) : 0;
		if (db_rows(r) == 0)
			rc = RC_NONE;
	}
	db_res_free(r);
	db_args_free(a);
	return rc;
}

enum rc
purge_find(struct db *db, const char *what, struct mem_arena *m, struct purge_contact *out,
    size_t max, size_t *n)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	int64_t id = 0;
	enum rc rc;

	if (str_i64(what, &id) != RC_OK)
		id = 0;
	db_i64(&a, id);
	db_text(&a, what);
	db_text(&a, what[0] == '@' ? what + 1 : NULL);
	db_i64(&a, (int64_t)max);
	rc = db_exec(db, &stmts[SQL_FIND], &a, &r);
	if (rc == RC_OK) {
		*n = db_rows(r);
		for (size_t i = 0; i < *n; i++) {
			out[i].id = db_get_i64(r, i, 0);
			out[i].account = mem_arena_dup(m, db_get_text(r, i, 1));
			out[i].channel = mem_arena_dup(m, db_get_text(r, i, 2));
			out[i].external_id = mem_arena_dup(m, db_get_text(r, i, 3));
			out[i].name = mem_arena_dup(m, db_get_text(r, i, 4));
			out[i].username = mem_arena_dup(m, db_get_text(r, i, 5));
		}
	}
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

/* The word by which bytes tell whom they speak of: of a WhatsApp id the number,
 * since a form writes %40 for the @.  Hashed ids are in no bytes. */
static void
put_word(struct db_args *a, const struct purge_contact *c)
{
	if (str_starts(c->external_id, "sha256:"))
		db_text(a, "");
	else
		db_textn(a, c->external_id, strcspn(c->external_id, "@"));
}

enum rc
purge_count(struct db *db, const struct purge_want *w, struct purge_counts *out)
{
	struct db_args a = { 0 };
	int64_t v[10];
	enum rc rc;

	if (w->contact != NULL) {
		db_i64(&a, w->contact->id);
		db_text(&a, w->contact->account);
		db_text(&a, w->contact->channel);
		db_text(&a, w->contact->external_id);
		put_word(&a, w->contact);
	} else {
		db_time(&a, w->before_us);
	}
	rc = ask(db, w->contact != NULL ? SQL_COUNT_CONTACT : SQL_COUNT_OLD, &a, v, 10);
	if (rc == RC_OK)
		*out = (struct purge_counts){ .messages = v[0],
			.attachments = v[1],
			.files = v[2],
			.events = v[3],
			.deliveries = v[4],
			.mixed = v[5],
			.reactions = v[6],
			.outbox = v[7],
			.contacts = v[8],
			.leased = v[9] };
	return rc;
}

struct run {
	struct db *db;
	const struct purge_want *w;
	struct purge_counts *n;
	int64_t before;
};

static void
tell(struct run *r)
{
	if (r->w->progress != NULL)
		r->w->progress(r->w->arg, r->n);
}

static enum rc
outbox(struct run *r)
{
	const struct purge_contact *c = r->w->contact;
	int64_t v[2] = { 1, 0 };
	enum rc rc = RC_OK;

	while (rc == RC_OK && v[0] > 0) {
		struct db_args a = { 0 };

		db_text(&a, c != NULL ? c->account : NULL);
		db_text(&a, c != NULL ? c->channel : NULL);
		db_text(&a, c != NULL ? c->external_id : NULL);
		db_time(&a, r->before);
		db_i32(&a, OUTBOX_AT_ONCE);
		if ((rc = ask(r->db, SQL_OUTBOX, &a, v, 2)) == RC_OK) {
			r->n->outbox += v[0];
			r->n->leased = v[1];
			tell(r);
		}
	}
	return rc;
}

static enum rc
messages(struct run *r, int64_t contact)
{
	int64_t v[4] = { 1 };
	enum rc rc = RC_OK;
	int again = 0;

	while (v[0] > 0) {
		struct db_args a = { 0 };

		db_i64(&a, contact);
		db_time(&a, r->before);
		db_i32(&a, MESSAGES_AT_ONCE);
		rc = ask(r->db, SQL_MESSAGES, &a, v, 4);
		if (rc != RC_OK && db_fault(r->db) == DB_FAULT_CONFLICT && again++ < 10)
			continue;
		if (rc != RC_OK)
			break;
		r->n->messages += v[0];
		r->n->attachments += v[1];
		r->n->events += v[2];
		r->n->deliveries += v[3];
		tell(r);
	}
	return rc;
}

/* Ranges of ids from the first to the last there is now. */
static enum rc
events(struct run *r, int64_t contact)
{
	struct db_args none = { 0 };
	int64_t span[2] = { 0 }, v[2];
	enum rc rc = ask(r->db, SQL_TOP_EVENT, &none, span, 2);

	for (int64_t from = span[0]; rc == RC_OK && from < span[1]; from += EVENT_RANGE) {
		struct db_args a = { 0 };

		db_i64(&a, contact);
		db_time(&a, r->before);
		db_i64(&a, from);
		db_i64(&a, from + EVENT_RANGE);
		if ((rc = ask(r->db, SQL_LOOSE, &a, v, 2)) == RC_OK) {
			r->n->events += v[0];
			r->n->deliveries += v[1];
			tell(r);
		}
	}
	return rc;
}

static enum rc
ledger(struct run *r)
{
	const struct purge_contact *c = r->w->contact;
	struct db_args first = { 0 };
	int64_t span[2] = { 0 }, v[1];
	enum rc rc;

	if (c != NULL && str_starts(c->external_id, "sha256:"))
		return RC_OK;
	db_time(&first, r->before);
	rc = ask(r->db, SQL_SPAN, &first, span, 2);
	for (int64_t from = span[0]; rc == RC_OK && from < span[1]; from += LEDGER_RANGE) {
		struct db_args a = { 0 };

		db_text(&a, c != NULL ? c->account : NULL);
		db_text(&a, c != NULL ? c->channel : NULL);
		if (c != NULL)
			put_word(&a, c);
		else
			db_text(&a, "");
		db_time(&a, r->before);
		db_i64(&a, from);
		db_i64(&a, from + LEDGER_RANGE);
		if ((rc = ask(r->db, SQL_LEDGER, &a, v, 1)) == RC_OK) {
			r->n->deliveries += v[0];
			tell(r);
		}
	}
	return rc;
}

static enum rc
contact_row(struct run *r, int64_t id)
{
	struct db_args a = { 0 };
	int64_t gone;
	enum rc rc;

	db_i64(&a, id);
	rc = ask(r->db, SQL_CONTACT, &a, &gone, 1);
	if (rc == RC_OK && gone)
		r->n->contacts++;
	return rc;
}

/* Every contact that SQL s finds, in the order of ids. */
static enum rc
each_contact(struct run *r, enum stmt s, enum rc (*fn)(struct run *, int64_t))
{
	int64_t id = 0;
	enum rc rc;

	for (;;) {
		struct db_args a = { 0 };

		db_i64(&a, id);
		db_time(&a, r->before);
		if ((rc = ask(r->db, s, &a, &id, 1)) != RC_OK)
			return rc == RC_NONE ? RC_OK : rc;
		if ((rc = fn(r, id)) != RC_OK)
			return rc;
	}
}

enum rc
purge_run(struct db *db, const struct purge_want *w, struct purge_counts *out)
{
	struct run r = { db, w, out, w->contact != NULL ? FOREVER_US : w->before_us };
	int64_t id = w->contact != NULL ? w->contact->id : 0;
	enum rc rc;

	memset(out, 0, sizeof *out);
	if ((rc = outbox(&r)) != RC_OK)
		return rc;
	if (w->contact != NULL) {
		rc = messages(&r, id);
	} else if ((rc = each_contact(&r, SQL_NEXT, messages)) == RC_OK) {
		rc = messages(&r, 0);
	}
	if (rc != RC_OK || (rc = events(&r, id)) != RC_OK || (rc = ledger(&r)) != RC_OK)
		return rc;
	rc = w->contact != NULL ? contact_row(&r, id) :
				  each_contact(&r, SQL_NEXT_BARE, contact_row);
	tell(&r);
	return rc;
}

enum rc
purge_files_left(struct db *db, int64_t *n)
{
	struct db_args a = { 0 };

	return ask(db, SQL_FILES, &a, n, 1);
}

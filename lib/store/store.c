/*
 * All SQL of the ledger, contacts, messages, events.
 *
 * The way in is one call of dmbox.ingest_many (sql/code/ingest.sql) with arrays:
 * one round trip, one transaction, whether one text or a thousand items.  For one
 * plain message there is dmbox.ingest with plain values, which are quicker.
 * What the arrays need is prepared here: keys distinct and sorted (concurrent
 * batches then never deadlock on rows), contacts merged, lock buckets sorted.
 * Duplicates inside the batch are counted here, those against the tables by
 * the function.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "extern/sign.h"
#include "store/store.h"
#include "store/alias.h"
#include "model/provider.h"

enum {
	BUCKETS = 256,			/* first byte of the key's hash */
	GROUP_DELIVERIES = 256,		/* of one statement */
	GROUP_ITEMS = 4096,
	CONFLICT_TRIES = 8,
	POISON_PROBES = 64,
	REFUSED_BODY = 16 * 1024,
	MINUTE_US = 60 * 1000000,
	EXPIRE_ROWS = 5000,
	EXPIRE_ROUNDS = 20
};

enum stmt { SQL_INGEST, SQL_INGEST_MANY, SQL_REFUSE, SQL_REFUSE_COUNT, SQL_MISSING, SQL_NEWS,
	SQL_LOAD, SQL_PARTITIONS, SQL_EXPIRE, SQL_LEFTOVERS, SQL_UNSENT, SQL_VERSION, SQL_LATER,
	SQL_MIGRATED, SQL_PAST, SQL__MAX };

#define COUNTS \
	"select uid, id, stored, duplicates, weak_duplicates, ignored, echoes, messages from "

static const struct db_stmt stmts[SQL__MAX] = {
	[SQL_PAST] = { NULL, "select dmbox.past_stored($1)" },
	[SQL_INGEST] = { "store_ingest", COUNTS "dmbox.ingest($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,"
	    "$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,$29,$30,$31,$32,"
	    "$33,$34,$35,$36,$37,$38)" },
	[SQL_INGEST_MANY] = { "store_ingest_many", COUNTS "dmbox.ingest_many($1,$2,$3,$4,$5,$6,$7,"
	    "$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,"
	    "$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42,$43,$44,$45,$46,$47,$48,$49,"
	    "$50,$51,$52,$53,$54,$55,$56,$57,$58,$59,$60,$61,$62,$63,$64,$65,$66,$67,$68,$69,$70,"
	    "$71,$72,$73)" },
	[SQL_REFUSE] = { "store_refuse",
	    "select dmbox.refuse($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)" },
	[SQL_REFUSE_COUNT] = { "store_refuse_count",
	    "insert into dmbox.refusals as r (account, channel, minute, reason, capped)"
	    " values ($1, $2, date_trunc('minute', now()), $3, $4)"
	    " on conflict (account, channel, minute, reason)"
	    " do update set capped = r.capped + excluded.capped" },
	[SQL_MISSING] = { "store_missing",
	    "select t.i from unnest($3::text[], $4::text[]) with ordinality t(thread, ext, i)"
	    " where not exists (select 1 from dmbox.messages m where m.account = $1"
	    " and m.channel = $2"
	    "   and m.thread_id = t.thread and m.external_id = t.ext)"
	    " and not exists (select 1 from dmbox.erased x where x.account = $1 and x.channel = $2"
	    "   and x.id_hash = dmbox.id_hash($1, $2, t.thread, t.ext))" },
	/* what dmbox.merge_message would change, and reactions that nobody told */
	[SQL_NEWS] = { "store_news",
	    "select t.i from unnest($3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[],"
	    "   $8::text[], $9::text[]) with ordinality t(thread, ext, own, body, emoji, "
	    "actor, key, i)"
	    " left join dmbox.messages m on m.account = $1 and m.channel = $2"
	    "   and m.thread_id = t.thread and m.external_id = t.ext"
	    " where m.deleted_at is null and case"
	    "   when t.emoji is not null then m.id is not null"
	    "     and not exists (select 1 from dmbox.events e where e.account = $1"
	    "       and e.channel = $2 and e.event_key = t.key)"
	    "     and not exists (select 1 from dmbox.reactions r left join dmbox.contacts c"
	    "       on c.id = r.contact_id where r.message_id = m.id and r.emoji = t.emoji"
	    "       and r.removed_at is null and c.external_id is not distinct from t.actor)"
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
	[SQL_PARTITIONS] = { NULL, "select dmbox.deliveries_partitions()" },
	[SQL_LATER] = { NULL, "select coalesce((select received_at > $1 from dmbox.deliveries"
	    " where source <> 'doctor' order by id desc limit 1), false)" },
	[SQL_MIGRATED] = { NULL, "select greatest((select max(applied_at)"
	    " from dmbox.schema_version),"
	    " (select max(applied_at) from dmbox.schema_code))" },
	[SQL_EXPIRE] = { NULL, "select dmbox.deliveries_expire($1, $2, $3)" },
	[SQL_UNSENT] = { "store_unsent", "select dmbox.erase_unsent($1, $2)" },
	[SQL_LEFTOVERS] = { "store_leftovers", "select dmbox.apply_leftovers($1)" },
	[SQL_VERSION] = { NULL, "select coalesce(max(version), 0) from dmbox.schema_version" },
};

/* ---- a load in the making ------------------------------------------------- */

/* One item with what its key is made of. */
struct row {
	const struct item *it;
	size_t d;		/* delivery */
	const char *account, *channel;
	const char *id;		/* external_id, or event_key */
	size_t order;		/* as they came */
	bool drop;		/* a duplicate within the batch */
	unsigned char hash[SIGN_SHA256];	/* of a message's key: dmbox.id_hash */
};

/* One contact, merged from all items that name it. */
struct person {
	const char *account, *channel, *ext;
	const char *value[3];	/* name, username, picture */
	int64_t value_at[3];
	int64_t in_us, out_us;	/* 0: none */
};

/* What of a delivery is in the load, and its duplicates inside of it. */
struct tally {
	int32_t msgs, echoes, evs, dup, weak;
};

struct load {
	struct delivery *const *v;
	size_t n;
	struct row *msgs, *evs;
	size_t n_msgs, n_evs;
	struct person *people;
	size_t n_people;
	unsigned char lock[BUCKETS];	/* 0 none, 1 shared, 2 exclusive */
	struct tally *of;	/* each delivery's */
	struct mem_arena arena;
};

static const char *
str_or_empty(const char *s)
{
	return s != NULL ? s : "";
}

static int64_t
item_time(const struct load *b, const struct row *r)
{
	return r->it->at_known ? r->it->at_us : b->v[r->d]->received_at_us;
}

/* Key, then the order of arrival. */
static int
row_cmp(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	int c;

	if ((c = strcmp(a->account, b->account)) != 0 ||
	    (c = strcmp(a->channel, b->channel)) != 0)
		return c;
	if (a->it->type == ITEM_MESSAGE &&
	    (c = strcmp(str_or_empty(a->it->thread_id), str_or_empty(b->it->thread_id))) != 0)
		return c;
	if ((c = strcmp(a->id, b->id)) != 0)
		return c;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool
same_key(const struct row *a, const struct row *b)
{
	return strcmp(a->id, b->id) == 0 && strcmp(a->account, b->account) == 0 &&
	    strcmp(a->channel, b->channel) == 0 && (a->it->type == ITEM_EVENT ||
	    strcmp(str_or_empty(a->it->thread_id), str_or_empty(b->it->thread_id)) == 0);
}

static bool
same_atts(const struct item *a, const struct item *b)
{
	if (a->n_atts != b->n_atts)
		return false;
	for (size_t i = 0; i < a->n_atts; i++)
		if (!str_eq(a->atts[i].type, b->atts[i].type) ||
		    !str_eq(a->atts[i].url, b->atts[i].url) ||
		    !str_eq(a->atts[i].ref, b->atts[i].ref))
			return false;
	return true;
}

/* Does b, of the same key, tell nothing that a does not? */
static bool
same_version(const struct load *l, const struct row *a, const struct row *b)
{
	const struct item *x = a->it, *y = b->it;

	return x->weak || (x->dir == y->dir && x->echo == y->echo && x->at_us == y->at_us &&
	    x->at_known == y->at_known && str_eq(x->kind, y->kind) &&
	    str_eq(x->body, y->body) && str_eq(x->detail, y->detail) &&
	    str_eq(x->reply_to, y->reply_to) && str_eq(x->contact, y->contact) &&
	    str_eq(x->sender_id, y->sender_id) &&
	    str_eq(x->recipient_id, y->recipient_id) &&
	    l->v[a->d]->source == l->v[b->d]->source && same_atts(x, y));
}

static void
gather(struct load *b)
{
	size_t total = 0;

	for (size_t i = 0; i < b->n; i++)
		total += b->v[i]->items.n;
	b->msgs = mem_array(total + 1, sizeof *b->msgs);
	b->evs = mem_array(total + 1, sizeof *b->evs);
	b->of = mem_array(b->n, sizeof *b->of);
	for (size_t i = 0, order = 0; i < b->n; i++) {
		const struct delivery *d = b->v[i];

		for (size_t j = 0; j < d->items.n; j++, order++) {
			const struct item *it = &d->items.v[j];
			bool msg = it->type == ITEM_MESSAGE;
			struct row *r = msg ? &b->msgs[b->n_msgs++] : &b->evs[b->n_evs++];

			r->it = it;
			r->d = i;
			r->order = order;
			r->account = it->account != NULL ? it->account : d->account;
			r->channel = channel_names[d->channel];
			r->id = str_or_empty(msg ? it->external_id : it->event_id);
		}
	}
}

/* Is id, as a weak message's other id, brought by an earlier item of the batch? */
static bool
alt_in_batch(const struct load *b, const struct row *w)
{
	struct row key = *w;
	size_t lo = 0, hi = b->n_msgs;

	key.id = w->it->alt_id;
	key.order = 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (row_cmp(&b->msgs[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < b->n_msgs && same_key(&b->msgs[lo], &key) && !b->msgs[lo].drop;
}

static size_t
drop_marked(struct load *b, struct row *v, size_t n)
{
	size_t keep = 0;

	for (size_t i = 0; i < n; i++) {
		if (!v[i].drop)
			v[keep++] = v[i];
		else if (v[i].it->type == ITEM_MESSAGE && v[i].it->weak)
			b->of[v[i].d].weak++;
		else
			b->of[v[i].d].dup++;
	}
	return keep;
}

/* Sort by key; of equal ones the first stays, the others are counted.  Another version of a
 * message stays too, behind the first: the function merges it. */
static void
make_distinct(struct load *b)
{
	size_t kept = 0;

	qsort(b->msgs, b->n_msgs, sizeof *b->msgs, row_cmp);
	qsort(b->evs, b->n_evs, sizeof *b->evs, row_cmp);
	for (size_t i = 1; i < b->n_msgs; i++) {
		b->msgs[i].drop = same_key(&b->msgs[kept], &b->msgs[i]) &&
		    same_version(b, &b->msgs[kept], &b->msgs[i]);
		kept = b->msgs[i].drop ? kept : i;
	}
	for (size_t i = 0; i < b->n_msgs; i++)
		if (!b->msgs[i].drop && b->msgs[i].it->weak && b->msgs[i].it->alt_id != NULL)
			b->msgs[i].drop = alt_in_batch(b, &b->msgs[i]);
	for (size_t i = 1; i < b->n_evs; i++)
		b->evs[i].drop = same_key(&b->evs[i - 1], &b->evs[i]);
	b->n_msgs = drop_marked(b, b->msgs, b->n_msgs);
	b->n_evs = drop_marked(b, b->evs, b->n_evs);
}

/* ---- locks ------------------------------------------------------------------ */

/* The same as dmbox.id_hash: both sides must agree. */
static void
id_hash(const struct row *r, const char *id, unsigned char out[SIGN_SHA256])
{
	struct sign_hash *h = sign_hash_new();
	const char *part[4];

	part[0] = r->account;
	part[1] = r->channel;
	part[2] = str_or_empty(r->it->thread_id);
	part[3] = id;
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			sign_hash_add(h, "|", 1);
		sign_hash_add(h, part[i], strlen(part[i]));
	}
	sign_hash_end(h, out);
}

/* The bucket is dmbox.lock_target's. */
static void
lock(struct load *b, const unsigned char hash[SIGN_SHA256], unsigned char how)
{
	if (b->lock[hash[0]] < how)
		b->lock[hash[0]] = how;
}

/*
 * Plain messages share their bucket; what looks at other rows before it
 * writes (weak ids), or changes a message, has it alone.
 */
static void
collect_locks(struct load *b)
{
	unsigned char other[SIGN_SHA256];

	for (size_t i = 0; i < b->n_msgs; i++) {
		struct row *r = &b->msgs[i];

		id_hash(r, r->id, r->hash);
		lock(b, r->hash, r->it->weak ? 2 : 1);
		if (r->it->alt_id != NULL) {
			id_hash(r, r->it->alt_id, other);
			lock(b, other, 2);
		}
	}
	for (size_t i = 0; i < b->n_evs; i++) {
		const struct row *r = &b->evs[i];

		if (r->it->effect != EFFECT_NONE && r->it->target_id != NULL) {
			id_hash(r, r->it->target_id, other);
			lock(b, other, 2);
		}
	}
	/* who removes a contact has all buckets: who names one has at least one */
	if (b->n_msgs == 0 && b->n_evs > 0 && b->lock[0] == 0)
		b->lock[0] = 1;
}

/* ---- contacts ---------------------------------------------------------------- */

static int
person_cmp(const void *pa, const void *pb)
{
	const struct person *a = pa, *b = pb;
	int c;

	if ((c = strcmp(a->account, b->account)) != 0 ||
	    (c = strcmp(a->channel, b->channel)) != 0)
		return c;
	return strcmp(a->ext, b->ext);
}

static void
merge_person(struct person *to, const struct person *from)
{
	for (int i = 0; i < 3; i++) {
		/* the newer value; at the same time the greater: any order ends the same */
		if (from->value[i] != NULL && (to->value[i] == NULL ||
		    from->value_at[i] > to->value_at[i] ||
		    (from->value_at[i] == to->value_at[i] &&
		    strcmp(from->value[i], to->value[i]) > 0))) {
			to->value[i] = from->value[i];
			to->value_at[i] = from->value_at[i];
		}
	}
	if (from->in_us > to->in_us)
		to->in_us = from->in_us;
	if (from->out_us > to->out_us)
		to->out_us = from->out_us;
}

/* Who did it: for reactions in a group not the chat but the person. */
static const char *
actor_of(const struct row *r)
{
	const struct item *it = r->it;

	if (it->type != ITEM_EVENT || it->dir == DIR_OUT ||
	    (it->effect != EFFECT_REACT && it->effect != EFFECT_UNREACT))
		return NULL;
	return it->sender_id != NULL ? it->sender_id : it->contact;
}

static void
add_person(struct load *b, const struct row *r, const char *ext, bool whole)
{
	struct person *p = &b->people[b->n_people];
	const struct item *it = r->it;
	int64_t at = item_time(b, r);

	if (ext == NULL)
		return;
	b->n_people++;
	p->account = r->account;
	p->channel = r->channel;
	p->ext = ext;
	if (!whole)
		return;
	p->value[0] = it->name;
	p->value[1] = it->username;
	p->value[2] = it->picture;
	for (int i = 0; i < 3; i++)	/* dmbox.newer compares minutes */
		p->value_at[i] = at - at % MINUTE_US;
	if (it->type == ITEM_MESSAGE && !it->is_test)
		*(it->dir == DIR_IN ? &p->in_us : &p->out_us) = at;
}

static void
collect_people(struct load *b)
{
	size_t n = 0;

	b->people = mem_array(b->n_msgs + 2 * b->n_evs + 1, sizeof *b->people);
	for (size_t i = 0; i < b->n_msgs; i++)
		add_person(b, &b->msgs[i], b->msgs[i].it->contact, true);
	for (size_t i = 0; i < b->n_evs; i++) {
		const char *actor = actor_of(&b->evs[i]);

		add_person(b, &b->evs[i], b->evs[i].it->contact, true);
		if (actor != NULL && !str_eq(actor, b->evs[i].it->contact))
			add_person(b, &b->evs[i], actor, false);
	}
	qsort(b->people, b->n_people, sizeof *b->people, person_cmp);
	for (size_t i = 0; i < b->n_people; i++) {
		if (n > 0 && person_cmp(&b->people[n - 1], &b->people[i]) == 0)
			merge_person(&b->people[n - 1], &b->people[i]);
		else
			b->people[n++] = b->people[i];
	}
	b->n_people = n;
}

static const char *
message_source(const struct load *b, const struct row *r)
{
	const struct delivery *d = b->v[r->d];

	/* a reconciliation finds what no webhook brought, ours from the app too;
	 * Green API's queue is its way of telling */
	if ((d->polled || d->source == SOURCE_POLL) &&
		(!r->it->echo || delivery_provider(d)->polls_reconcile))
		return "poll";
	return r->it->echo ? "echo" : "webhook";
}

static void
count_rows(struct load *b)
{
	for (size_t i = 0; i < b->n_msgs; i++) {
		struct tally *t = &b->of[b->msgs[i].d];

		t->msgs++;
		t->echoes += str_eq(message_source(b, &b->msgs[i]), "echo");
	}
	for (size_t i = 0; i < b->n_evs; i++)
		b->of[b->evs[i].d].evs++;
}

static void
load_init(struct load *b, struct delivery *const *v, size_t n)
{
	memset(b, 0, sizeof *b);
	b->v = v;
	b->n = n;
	gather(b);
	make_distinct(b);
	collect_locks(b);
	collect_people(b);
	count_rows(b);
}

static void
load_free(struct load *b)
{
	free(b->msgs);
	free(b->evs);
	free(b->people);
	free(b->of);
	mem_arena_free(&b->arena);
}

/* ---- arguments, in the order of dmbox.ingest_many ------------------------------- */

/* One array argument: PUT(VALUE) for each of n elements, the element named e.
 * Without a value it is null: the functions then read the same and take less apart. */
#define COLUMN(args, type, T, vec, count, put) do {				\
	db_array((args), (type));						\
	for (size_t e_ = 0; e_ < (count); e_++) {				\
		T *e = &(vec)[e_];						\
		put;								\
	}									\
	db_array_end_or_null(args);						\
} while (0)

/* What a peer or a server sent beside the body: any bytes, any length. */
static const char *
peer_text(struct load *b, const char *s, size_t max)
{
	size_t n;

	if (s == NULL)
		return NULL;
	n = strlen(s);
	if (n <= max && str_utf8_ok(s, n))
		return s;
	s = str_utf8_clean(&b->arena, s, n, NULL);
	n = strlen(s);
	return mem_arena_ndup(&b->arena, s, str_utf8_cut(s, n, max));
}

static void
put_time(struct db_args *a, int64_t us)
{
	if (us == 0)
		db_null(a, DB_TIME);
	else
		db_time(a, us);
}

/* Null says the same, and an array of nothing else need not be sent. */
static void
put_count(struct db_args *a, int32_t n)
{
	if (n == 0)
		db_null(a, DB_I32);
	else
		db_i32(a, n);
}

static void
put_flag(struct db_args *a, bool v)
{
	if (v)
		db_bool(a, true);
	else
		db_null(a, DB_BOOL);
}

/* The stored head tells whose shape the body has: deliveries.provider is taken from it. */
static const char *
head_of(struct mem_arena *m, const struct delivery *d)
{
	static const char lead[] = "{\":provider\":\"";
	const char *name = delivery_provider(d)->name;
	const char *rest = d->headers != NULL && d->headers[0] == '{' ? d->headers + 1 : "}";
	size_t k = strlen(name), n = strlen(rest) + 1, at = sizeof(lead) - 1;
	char *s = mem_arena_alloc(m, at + k + 2 + n);

	memcpy(s, lead, at);
	memcpy(s + at, name, k);
	at += k;
	s[at++] = '"';
	if (*rest != '}')
		s[at++] = ',';
	memcpy(s + at, rest, n);
	return s;
}

static void
put_deliveries(struct db_args *a, struct load *b)
{
#define DCOL(type, put) COLUMN(a, type, struct delivery *const, b->v, b->n, put)
#define TCOL(put) COLUMN(a, DB_I32, const struct tally, b->of, b->n, put)
	DCOL(DB_UUID, db_uuid(a, (*e)->uid));
	DCOL(DB_TIME, db_time(a, (*e)->received_at_us));
	DCOL(DB_TEXT, db_text(a, channel_names[(*e)->channel]));
	DCOL(DB_TEXT, db_text(a, (*e)->account));
	DCOL(DB_TEXT, db_text(a, source_names[(*e)->source]));
	DCOL(DB_TEXT, db_text(a, peer_text(b, (*e)->request_id, 64)));
	DCOL(DB_TEXT, db_text(a, peer_text(b, (*e)->remote_addr, 64)));
	DCOL(DB_TEXT, db_text(a, peer_text(b, (*e)->content_type, 256)));
	DCOL(DB_JSONB, db_jsonb(a, head_of(&b->arena, *e)));
	DCOL(DB_BYTEA, db_bytea(a, (*e)->body, (*e)->body_n));
	DCOL(DB_TEXT, db_text(a, (*e)->reason));
	DCOL(DB_I32, db_i32(a, (int32_t)((*e)->items.n + (*e)->items.ignored)));
	TCOL(put_count(a, e->dup));
	TCOL(put_count(a, e->weak));
	DCOL(DB_I32, put_count(a, (int32_t)(*e)->items.ignored));
	TCOL(put_count(a, e->msgs));
	TCOL(put_count(a, e->echoes));
	TCOL(put_count(a, e->evs));
#undef TCOL
#undef DCOL
}

static void
put_locks(struct db_args *a, const struct load *b)
{
	db_array(a, DB_I32);
	for (int i = 0; i < BUCKETS; i++)
		if (b->lock[i] != 0)
			db_i32(a, b->lock[i] == 2 ? i + BUCKETS : i);
	db_array_end(a);
}

static void
put_people(struct db_args *a, const struct load *b)
{
#define PCOL(type, put) COLUMN(a, type, const struct person, b->people, b->n_people, put)
	PCOL(DB_TEXT, db_text(a, e->account));
	PCOL(DB_TEXT, db_text(a, e->channel));
	PCOL(DB_TEXT, db_text(a, e->ext));
	for (int k = 0; k < 3; k++) {
		PCOL(DB_TEXT, db_text(a, e->value[k]));
		PCOL(DB_TIME, put_time(a, e->value[k] != NULL ? e->value_at[k] : 0));
	}
	PCOL(DB_TIME, put_time(a, e->in_us));
	PCOL(DB_TIME, put_time(a, e->out_us));
#undef PCOL
}

/* The place of a contact in the arrays, counted from 1. */
static void
put_person(struct db_args *a, const struct load *b, const struct row *r, const char *ext)
{
	struct person key = { .account = r->account, .channel = r->channel, .ext = ext };
	const struct person *p = NULL;

	if (ext != NULL)
		p = bsearch(&key, b->people, b->n_people, sizeof key, person_cmp);
	if (p == NULL)
		db_null(a, DB_I32);
	else
		db_i32(a, (int32_t)(p - b->people) + 1);
}

static const char *
message_kind(const struct row *r)
{
	return r->it->kind != NULL ? r->it->kind : "unsupported";
}

static void
put_messages(struct db_args *a, const struct load *b)
{
#define MCOL(type, put) COLUMN(a, type, const struct row, b->msgs, b->n_msgs, put)
	MCOL(DB_I32, db_i32(a, (int32_t)e->d + 1));
	MCOL(DB_I32, put_person(a, b, e, e->it->contact));
	MCOL(DB_TEXT, db_text(a, e->account));
	MCOL(DB_TEXT, db_text(a, str_or_empty(e->it->thread_id)));
	MCOL(DB_TEXT, db_text(a, e->id));
	MCOL(DB_TEXT, db_text(a, e->it->weak ? (e->it->alt_id != NULL ? e->it->alt_id : e->id) :
	    NULL));
	MCOL(DB_TEXT, db_text(a, delivery_provider_called(b->v[e->d])));
	MCOL(DB_TEXT, db_text(a, e->it->sender_id));
	MCOL(DB_TEXT, db_text(a, e->it->recipient_id));
	MCOL(DB_BOOL, put_flag(a, e->it->dir == DIR_OUT));
	MCOL(DB_TEXT, db_text(a, message_kind(e)));
	MCOL(DB_TEXT, db_text(a, e->it->body));
	MCOL(DB_JSONB, db_jsonb(a, e->it->detail));
	MCOL(DB_TEXT, db_text(a, e->it->reply_to));
	MCOL(DB_TIME, db_time(a, item_time(b, e)));
	MCOL(DB_BOOL, db_bool(a, e->it->at_known));
	MCOL(DB_BOOL, put_flag(a, e->it->is_test));
	MCOL(DB_TEXT, db_text(a, message_source(b, e)));
#undef MCOL
}

/* One column of all attachments of all messages. */
static void
put_att_column(struct db_args *a, const struct load *b, enum db_type t, int col)
{
	db_array(a, t);
	for (size_t i = 0; i < b->n_msgs; i++) {
		const struct item *it = b->msgs[i].it;

		for (size_t j = 0; j < it->n_atts; j++) {
			const struct att *x = &it->atts[j];
			const char *const text[] = { x->type != NULL ? x->type : "file", x->url,
			    x->ref, x->name, x->mime };

			if (col == 0)
				db_i32(a, (int32_t)i + 1);
			else if (col == 1)
				db_i32(a, (int32_t)j);
			else if (col <= 6)
				db_text(a, text[col - 2]);
			else if (x->bytes < 0)
				db_null(a, DB_I64);
			else
				db_i64(a, x->bytes);
		}
	}
	db_array_end_or_null(a);
}

static void
put_events(struct db_args *a, const struct load *b)
{
#define ECOL(type, put) COLUMN(a, type, const struct row, b->evs, b->n_evs, put)
	ECOL(DB_I32, db_i32(a, (int32_t)e->d + 1));
	ECOL(DB_I32, put_person(a, b, e, e->it->contact));
	ECOL(DB_I32, put_person(a, b, e, actor_of(e)));
	ECOL(DB_TEXT, db_text(a, e->account));
	ECOL(DB_TEXT, db_text(a, str_or_empty(e->it->thread_id)));
	ECOL(DB_TEXT, db_text(a, delivery_provider_called(b->v[e->d])));
	ECOL(DB_TEXT, db_text(a, e->it->kind != NULL ? e->it->kind : "unknown"));
	ECOL(DB_TEXT, db_text(a, effect_names[e->it->effect]));
	ECOL(DB_BOOL, put_flag(a, e->it->dir == DIR_OUT));
	ECOL(DB_TIME, db_time(a, item_time(b, e)));
	ECOL(DB_TEXT, db_text(a, e->it->target_id));
	ECOL(DB_TEXT, db_text(a, e->it->text));
	ECOL(DB_I64, db_i64(a, e->it->num));
	ECOL(DB_TEXT, db_text(a, e->id));
	ECOL(DB_JSONB, db_jsonb(a, e->it->raw != NULL ? e->it->raw : "{}"));
	ECOL(DB_BOOL, put_flag(a, e->it->is_test));
#undef ECOL
}

static void
put_load(struct db_args *a, struct load *b)
{
	static const enum db_type att_types[] = { DB_I32, DB_I32, DB_TEXT, DB_TEXT, DB_TEXT,
	    DB_TEXT, DB_TEXT, DB_I64 };

	put_deliveries(a, b);
	put_locks(a, b);
	put_people(a, b);
	put_messages(a, b);
	for (int i = 0; i < 8; i++)
		put_att_column(a, b, att_types[i], i);
	put_events(a, b);
}

/* One delivery of one message and nothing else: what dmbox.ingest is made for. */
static bool
plain(const struct load *b)
{
	return b->n == 1 && b->n_msgs == 1 && b->n_evs == 0 && b->n_people == 1 &&
	    b->msgs[0].it->n_atts == 0 && !b->msgs[0].it->weak && b->msgs[0].it->alt_id == NULL;
}

/* dmbox.ingest's: plain values, its message's and its contact's in one. */
static void
put_plain_message(struct db_args *a, struct load *b)
{
	const struct row *r = &b->msgs[0];
	const struct person *p = &b->people[0];
	char *hex = mem_arena_alloc(&b->arena, 2 * sizeof r->hash + 1);

	str_hex(r->hash, sizeof r->hash, hex);
	db_text(a, hex);
	db_text(a, r->account);
	db_text(a, str_or_empty(r->it->thread_id));
	db_text(a, r->id);
	db_text(a, delivery_provider_called(b->v[0]));
	db_text(a, p->ext);
	db_text(a, r->it->sender_id);
	db_text(a, r->it->recipient_id);
	db_bool(a, r->it->dir == DIR_OUT);
	db_text(a, message_kind(r));
	db_text(a, r->it->body);
	db_jsonb(a, r->it->detail);
	db_text(a, r->it->reply_to);
	db_time(a, item_time(b, r));
	db_bool(a, r->it->at_known);
	db_bool(a, r->it->is_test);
	db_text(a, message_source(b, r));
	for (int k = 0; k < 3; k++)
		db_text(a, p->value[k]);
	db_time(a, p->value_at[0]);	/* of one item: all three are */
	put_time(a, p->in_us);
	put_time(a, p->out_us);
}

static void
put_plain(struct db_args *a, struct load *b)
{
	const struct delivery *d = b->v[0];

	db_uuid(a, d->uid);
	db_time(a, d->received_at_us);
	db_text(a, channel_names[d->channel]);
	db_text(a, d->account);
	db_text(a, source_names[d->source]);
	db_text(a, peer_text(b, d->request_id, 64));
	db_text(a, peer_text(b, d->remote_addr, 64));
	db_text(a, peer_text(b, d->content_type, 256));
	db_jsonb(a, head_of(&b->arena, d));
	db_bytea(a, d->body, d->body_n);
	db_text(a, d->reason);
	db_i32(a, (int32_t)(d->items.n + d->items.ignored));
	db_i32(a, b->of[0].dup);
	db_i32(a, b->of[0].weak);
	db_i32(a, (int32_t)d->items.ignored);
	put_plain_message(a, b);
}

/* ---- storing ---------------------------------------------------------------------- */

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
	if (!again && plain(&b)) {
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
		if (try_once(db, v, n, spooled || i > 0) == RC_OK)
			return RC_OK;
		switch (db_fault(db)) {
		case DB_FAULT_CONFLICT:
		case DB_FAULT_UNIQUE:
			if (i == CONFLICT_TRIES) {
				log_warn("store: gave up after %d conflicts (%s)", i,
				    db_sqlstate(db));
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

/* Would items lo..hi-1 of d be taken?  Tried in a transaction that is undone.  messages: how
 * many of them would be new; NULL: not asked. */
static enum rc
probe(struct db *db, const struct delivery *d, size_t lo, size_t hi, size_t *messages)
{
	struct delivery part = *d, *v = &part;
	enum rc rc;

	part.items.v += lo;
	part.items.n = hi - lo;
	if ((rc = db_begin(db)) != RC_OK)
		return rc;
	rc = try_once(db, &v, 1, true);
	db_rollback(db);
	if (rc == RC_OK && messages != NULL)
		*messages = part.messages;
	if (rc == RC_OK)
		return RC_OK;
	return db_fault(db) == DB_FAULT_DATA ? RC_INVALID : RC_TEMP;
}

enum rc
store_would(struct db *db, const struct delivery *d)
{
	size_t n = 0;
	enum rc rc = probe(db, d, 0, d->items.n, &n);

	return rc == RC_OK && n == 0 ? RC_NONE : rc;
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
		if ((rc = probe(db, d, lo, hi, NULL)) != RC_INVALID)
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
		    "only (poison)", d->uid, part.items.ignored - d->items.ignored, d->items.n);
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

/* What no delivery but a few needs: history is not new, nothing is kept of the erased. */
static void
store_after(struct db *db, struct delivery *d)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	bool past = false;

	for (size_t i = 0; i < d->items.n; i++)
		past = past || d->items.v[i].past;
	if (d->stored == 0 && d->items.n > 0)
		alias_forget(db, &d, 1);
	if (!past || d->stored == 0 || d->id == 0)
		return;
	db_i64(&a, d->id);
	if (db_exec(db, &stmts[SQL_PAST], &a, &r) != RC_OK)
		log_warn("store: delivery %s: its history counts as new", d->uid);
	db_res_free(r);
	db_args_free(&a);
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

		while (i + m < n && m < GROUP_DELIVERIES &&
			items + v[i + m]->items.n <= GROUP_ITEMS)
			items += v[i + m++]->items.n;
		rc = store_group(db, v + i, m);
		i += m;
	}
	for (size_t k = 0; k < i && rc == RC_OK; k++)
		store_after(db, v[k]);
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
	db_text(&a, peer_text(&b, d->account, 64));
	db_text(&a, source_names[d->source]);
	db_text(&a, peer_text(&b, d->request_id, 64));
	db_text(&a, peer_text(&b, d->remote_addr, 64));
	db_text(&a, peer_text(&b, d->content_type, 256));
	db_jsonb(&a, head_of(&b.arena, d));
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
store_refused_count(struct db *db, const char *channel, const char *account,
    const char *reason, unsigned int n)
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

/* ---- questions ------------------------------------------------------------------------ */

/* Is this item asked for: a message, or where news a reaction too? */
static bool
asked(const struct item *it, bool news)
{
	if (it->type == ITEM_MESSAGE)
		return it->external_id != NULL;
	return news && it->effect == EFFECT_REACT && it->target_id != NULL && it->text != NULL;
}

static void
put_news(struct db_args *a, const struct itemv *items, const size_t *place, size_t n)
{
#define NCOL(t, put) COLUMN(a, t, const size_t, place, n, {			\
	const struct item *it = &items->v[*e];					\
	bool msg = it->type == ITEM_MESSAGE;					\
	put;									\
})
	NCOL(DB_BOOL, db_bool(a, msg && it->dir == DIR_OUT));
	NCOL(DB_TEXT, db_text(a, msg ? it->body : NULL));
	NCOL(DB_TEXT, db_text(a, msg ? NULL : it->text));
	NCOL(DB_TEXT, db_text(a, msg || it->dir == DIR_OUT ? NULL :
	    it->sender_id != NULL ? it->sender_id : it->contact));
	NCOL(DB_TEXT, db_text(a, msg ? NULL : it->event_id));
#undef NCOL
}

static enum rc
ask_items(struct db *db, enum stmt stmt, const char *const of[2], const struct itemv *items,
    bool *out)
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
		    db_text(&a, items->v[*e].type == ITEM_MESSAGE ? items->v[*e].external_id :
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
store_missing(struct db *db, const char *account, enum channel ch, const struct itemv *items,
    bool *out)
{
	const char *const of[2] = { account, channel_names[ch] };

	return ask_items(db, SQL_MISSING, of, items, out);
}

enum rc
store_news(struct db *db, const char *account, enum channel ch, const struct itemv *items,
    bool *out)
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
		d->channel = (enum channel)index_of(db_get_text(r, 0, 1), channel_names,
		    CHANNEL__MAX);
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
		    "dmbox migrate", (long long)v, STORE_SCHEMA_VERSION);
		return RC_TEMP;
	}
	return RC_OK;
}

/*
 * The arguments of dmbox.ingest_many and dmbox.ingest, in their order (sql/code/ingest.sql).
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/load.h"
#include "model/provider.h"

/* What a peer or a server sent beside the body: any bytes, any length. */
const char *
put_peer_text(struct load *b, const char *s, size_t max)
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
const char *
put_head(struct mem_arena *m, const struct delivery *d)
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
	DCOL(DB_TEXT, db_text(a, put_peer_text(b, (*e)->request_id, 64)));
	DCOL(DB_TEXT, db_text(a, put_peer_text(b, (*e)->remote_addr, 64)));
	DCOL(DB_TEXT, db_text(a, put_peer_text(b, (*e)->content_type, 256)));
	DCOL(DB_JSONB, db_jsonb(a, put_head(&b->arena, *e)));
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
	for (int i = 0; i < LOAD_BUCKETS; i++)
		if (b->lock[i] != 0)
			db_i32(a, b->lock[i] == 2 ? i + LOAD_BUCKETS : i);
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
		p = bsearch(&key, b->people, b->n_people, sizeof key, load_person_cmp);
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
	MCOL(DB_TEXT,
	    db_text(a, e->it->weak ? (e->it->alt_id != NULL ? e->it->alt_id : e->id) : NULL));
	MCOL(DB_TEXT, db_text(a, delivery_provider_called(b->v[e->d])));
	MCOL(DB_TEXT, db_text(a, e->it->sender_id));
	MCOL(DB_TEXT, db_text(a, e->it->recipient_id));
	MCOL(DB_BOOL, put_flag(a, e->it->dir == DIR_OUT));
	MCOL(DB_TEXT, db_text(a, message_kind(e)));
	MCOL(DB_TEXT, db_text(a, e->it->body));
	MCOL(DB_JSONB, db_jsonb(a, e->it->detail));
	MCOL(DB_TEXT, db_text(a, e->it->reply_to));
	MCOL(DB_TIME, db_time(a, load_time(b, e)));
	MCOL(DB_BOOL, db_bool(a, e->it->at_known));
	MCOL(DB_BOOL, put_flag(a, e->it->is_test));
	MCOL(DB_TEXT, db_text(a, load_source(b, e)));
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
	ECOL(DB_I32, put_person(a, b, e, load_actor(e)));
	ECOL(DB_TEXT, db_text(a, e->account));
	ECOL(DB_TEXT, db_text(a, str_or_empty(e->it->thread_id)));
	ECOL(DB_TEXT, db_text(a, delivery_provider_called(b->v[e->d])));
	ECOL(DB_TEXT, db_text(a, e->it->kind != NULL ? e->it->kind : "unknown"));
	ECOL(DB_TEXT, db_text(a, effect_names[e->it->effect]));
	ECOL(DB_BOOL, put_flag(a, e->it->dir == DIR_OUT));
	ECOL(DB_TIME, db_time(a, load_time(b, e)));
	ECOL(DB_TEXT, db_text(a, e->it->target_id));
	ECOL(DB_TEXT, db_text(a, e->it->text));
	ECOL(DB_I64, db_i64(a, e->it->num));
	ECOL(DB_TEXT, db_text(a, e->id));
	ECOL(DB_JSONB, db_jsonb(a, e->it->raw != NULL ? e->it->raw : "{}"));
	ECOL(DB_BOOL, put_flag(a, e->it->is_test));
#undef ECOL
}

void
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
	COLUMN(
	    a, DB_I32, const struct row, b->msgs, b->n_msgs, put_count(a, b->sorted ? 0 : e->told));
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
	db_time(a, load_time(b, r));
	db_bool(a, r->it->at_known);
	db_bool(a, r->it->is_test);
	db_text(a, load_source(b, r));
	for (int k = 0; k < 3; k++)
		db_text(a, p->value[k]);
	db_time(a, p->value_at[0]);	/* of one item: all three are */
	put_time(a, p->in_us);
	put_time(a, p->out_us);
}

void
put_plain(struct db_args *a, struct load *b)
{
	const struct delivery *d = b->v[0];

	db_uuid(a, d->uid);
	db_time(a, d->received_at_us);
	db_text(a, channel_names[d->channel]);
	db_text(a, d->account);
	db_text(a, source_names[d->source]);
	db_text(a, put_peer_text(b, d->request_id, 64));
	db_text(a, put_peer_text(b, d->remote_addr, 64));
	db_text(a, put_peer_text(b, d->content_type, 256));
	db_jsonb(a, put_head(&b->arena, d));
	db_bytea(a, d->body, d->body_n);
	db_text(a, d->reason);
	db_i32(a, (int32_t)(d->items.n + d->items.ignored));
	db_i32(a, b->of[0].dup);
	db_i32(a, b->of[0].weak);
	db_i32(a, (int32_t)d->items.ignored);
	put_plain_message(a, b);
}

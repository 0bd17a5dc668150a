/*
 * The model is plain data; this file only makes, grows and prints it.  Vectors
 * grow by doubling inside their arena: the old halves are dead weight until
 * the delivery ends, which is cheaper than tracking them.
 */
#include "model/msg.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "extern/json.h"
#include "extern/sign.h"

const char *const channel_names[CHANNEL__MAX] = {
	[CHANNEL_INSTAGRAM] = "instagram",
	[CHANNEL_WHATSAPP] = "whatsapp",
};

const char *const effect_names[EFFECT__MAX] = {
	[EFFECT_NONE] = "none",
	[EFFECT_EDIT] = "edit",
	[EFFECT_UNSEND] = "unsend",
	[EFFECT_REACT] = "react",
	[EFFECT_UNREACT] = "unreact",
	[EFFECT_READ] = "read",
	[EFFECT_STATUS] = "status",
};

const char *const source_names[SOURCE__MAX] = {
	[SOURCE_WEBHOOK] = "webhook",
	[SOURCE_POLL] = "poll",
	[SOURCE_ECHO] = "echo",
	[SOURCE_SEND] = "send",
	[SOURCE_SPOOL] = "spool",
	[SOURCE_REPLAY] = "replay",
	[SOURCE_DOCTOR] = "doctor",
};

void
itemv_init(struct itemv *v)
{
	memset(v, 0, sizeof *v);
}

void
itemv_free(struct itemv *v)
{
	mem_arena_free(&v->arena);
	memset(v, 0, sizeof *v);
}

void
itemv_clear(struct itemv *v)
{
	struct mem_arena a = v->arena;

	memset(v, 0, sizeof *v);
	v->arena = a;
}

struct item *
itemv_add(struct itemv *v)
{
	struct item *it;

	if (v->n == v->cap) {
		size_t cap = v->cap == 0 ? 4 : v->cap * 2;

		it = mem_arena_alloc(&v->arena, cap * sizeof *it);
		if (v->n > 0)
			memcpy(it, v->v, v->n * sizeof *it);
		v->v = it;
		v->cap = cap;
	}
	it = &v->v[v->n++];
	memset(it, 0, sizeof *it);
	it->thread_id = "";
	it->place = -1;
	it->raw = "{}";
	return it;
}

bool
item_time(struct itemv *v, struct item *it, const char *s)
{
	if (str_empty(s))
		return false;
	it->at_known = clock_parse(s, strlen(s), &it->at_us) == RC_OK;
	if (!it->at_known && v->warning == NULL)
		v->warning = "bad_time";
	return it->at_known;
}

void
itemv_in_time(struct itemv *v, size_t from, bool newest_first)
{
	const struct item *before = NULL;
	int64_t rises = 0;

	for (size_t i = from; i < v->n; i++) {
		const struct item *it = &v->v[i];

		if (!it->at_known)
			continue;
		if (before != NULL)
			rises += (it->at_us > before->at_us) - (it->at_us < before->at_us);
		before = it;
	}
	if (rises > 0 || (rises == 0 && !newest_first))
		return;
	for (size_t i = from, end = v->n; i + 1 < end; i++) {
		struct item it = v->v[i];

		v->v[i] = v->v[--end];
		v->v[end] = it;
	}
}

struct att *
item_att_add(struct itemv *v, struct item *it)
{
	struct att *a;

	if ((it->n_atts & (it->n_atts - 1)) == 0) {	/* 0, 1, 2, 4, ...: full */
		size_t cap = it->n_atts == 0 ? 1 : it->n_atts * 2;

		a = mem_arena_alloc(&v->arena, cap * sizeof *a);
		if (it->n_atts > 0)
			memcpy(a, it->atts, it->n_atts * sizeof *a);
		it->atts = a;
	}
	a = &it->atts[it->n_atts++];
	memset(a, 0, sizeof *a);
	a->bytes = -1;
	return a;
}

static void
dump_str(struct buf *b, size_t i, const char *name, const char *s)
{
	if (s == NULL)
		return;
	buf_printf(b, "%zu.%s ", i, name);
	json_put_str(b, s);
	buf_putc(b, '\n');
}

static void
dump_att(struct buf *b, size_t i, size_t k, const struct att *a)
{
	const char *const names[] = { "type", "url", "mime", "name", "ref" };
	const char *const values[] = { a->type, a->url, a->mime, a->name, a->ref };

	for (size_t f = 0; f < 5; f++) {
		if (values[f] == NULL)
			continue;
		buf_printf(b, "%zu.att%zu.%s ", i, k, names[f]);
		json_put_str(b, values[f]);
		buf_putc(b, '\n');
	}
	if (a->bytes >= 0)
		buf_printf(b, "%zu.att%zu.bytes %" PRId64 "\n", i, k, a->bytes);
}

static void
dump_item(struct buf *b, size_t i, const struct item *it)
{
	char iso[CLOCK_ISO_MAX];

	buf_printf(b, "%zu.type %s\n", i, it->type == ITEM_MESSAGE ? "message" : "event");
	dump_str(b, i, "kind", it->kind);
	dump_str(b, i, "own_id", it->own_id);
	dump_str(b, i, "account", it->account);
	if (it->thread_id != NULL && *it->thread_id != '\0')
		dump_str(b, i, "thread_id", it->thread_id);
	dump_str(b, i, "external_id", it->external_id);
	dump_str(b, i, "contact", it->contact);
	dump_str(b, i, "alias", it->alias);
	dump_str(b, i, "left", it->left);
	dump_str(b, i, it->name_weak ? "weak name" : "name", it->name);
	dump_str(b, i, "username", it->username);
	dump_str(b, i, "picture", it->picture);
	dump_str(b, i, "sender_id", it->sender_id);
	dump_str(b, i, "recipient_id", it->recipient_id);
	buf_printf(b, "%zu.dir %s%s%s%s\n", i, it->dir == DIR_IN ? "in" : "out",
	    it->echo ? " echo" : "", it->is_test ? " test" : "", it->past ? " past" : "");
	dump_str(b, i, "body", it->body);
	dump_str(b, i, "detail", it->detail);
	dump_str(b, i, "reply_to", it->reply_to);
	if (it->at_known) {
		clock_iso_us(it->at_us, iso);
		buf_printf(b, "%zu.at %s\n", i, iso);
	}
	if (it->place >= 0)
		buf_printf(b, "%zu.place %d\n", i, it->place);
	for (size_t k = 0; k < it->n_atts; k++)
		dump_att(b, i, k, &it->atts[k]);
	if (it->type == ITEM_EVENT)
		buf_printf(b, "%zu.effect %s\n", i, effect_names[it->effect]);
	dump_str(b, i, "target_id", it->target_id);
	dump_str(b, i, "text", it->text);
	if (it->num != 0)
		buf_printf(b, "%zu.num %" PRId64 "\n", i, it->num);
	dump_str(b, i, "event_id", it->event_id);
	if (it->raw != NULL && strcmp(it->raw, "{}") != 0)
		buf_printf(b, "%zu.raw %s\n", i, it->raw);
}

void
itemv_dump(const struct itemv *v, struct buf *b)
{
	buf_printf(b, "items %zu\nignored %zu\nwarning %s\n", v->n, v->ignored,
	    v->warning != NULL ? v->warning : "-");
	for (size_t i = 0; i < v->n; i++)
		dump_item(b, i, &v->v[i]);
}

void
delivery_init(struct delivery *d)
{
	memset(d, 0, sizeof *d);
	d->received_at_us = clock_now_us();
	sign_uuid(d->uid, d->received_at_us);
	d->reason = "ok";
	itemv_init(&d->items);
}

void
delivery_free(struct delivery *d)
{
	itemv_free(&d->items);
}

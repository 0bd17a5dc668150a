/*
 * What Meta tells us, as messages and events.  One normaliser serves
 * messaging[], standby[] and changes[], because value of a change has the
 * shape of a messaging item (providers.md B.4); a second one reads the message
 * objects of the Conversations API into the very same items, so that the
 * reconciliation can compare by message id.  Nothing is dropped: what has no
 * known shape becomes an event with its raw JSON.
 */
#include <stdio.h>
#include <string.h>
#include "provider/graph/graph.h"
#include "model/detail.h"
#include "base/clock.h"
#include "base/str.h"

/* Where in the envelope we are. */
struct in {
	const char *own, *own_conf;	/* entry.id; the account's configured id */
	struct itemv *out;
	int64_t entry_us;
	bool entry_known;
	bool test, standby;
	const char *field;		/* of the change that is read; NULL in messaging[] */
};

/* Attachment types of B.5 and the kind a message of each has. */
static const struct {
	const char *type, *kind;
	bool raw;	/* no column holds what it says: keep the JSON in detail */
} att_kinds[] = {
	{ "image", "image", false },
	{ "video", "video", false },
	{ "audio", "audio", false },
	{ "file", "file", false },
	{ "sticker", "sticker", false },
	{ "share", "share", false },
	{ "ig_post", "share", false },
	{ "ig_reel", "reel", false },
	{ "reel", "reel", false },
	{ "story_mention", "story_mention", false },
	{ "ig_story", "story", false },
	{ "story", "story", false },
	{ "media", "media", true },
	{ "template", "template", true },
	{ "fallback", "fallback", true },
	{ "location", "location", true },
	{ "like_heart", "like_heart", false },
	{ "ephemeral", "ephemeral", false },
};
#define N_ATT_KINDS (sizeof(att_kinds) / sizeof(att_kinds[0]))

/* The kind of an attachment type; NULL for one nobody has seen yet. */
static const char *
att_kind(const char *type, bool *raw)
{
	for (size_t i = 0; i < N_ATT_KINDS; i++)
		if (str_eq(type, att_kinds[i].type)) {
			*raw = *raw || att_kinds[i].raw;
			return att_kinds[i].kind;
		}
	*raw = true;
	return NULL;
}

static char *
text_at(struct in *in, const struct json *j, const char *path)
{
	return json_text(&in->out->arena, json_get(j, path));
}

static const char *
text_either(struct in *in, const struct json *j, const char *p1, const char *p2)
{
	const char *s = text_at(in, j, p1);

	return s != NULL ? s : text_at(in, j, p2);
}

/* A time as number or string, seconds or milliseconds (B.4). */
static bool
time_read(struct mem_arena *a, const struct json *j, int64_t *us)
{
	const char *s = json_text(a, j);

	return s != NULL && clock_parse(s, strlen(s), us) == RC_OK;
}

/* The address of a sticker, which its twin alone may have. */
static const char *
sticker_url(struct in *in, const struct json *list, const char *id)
{
	const char *url = NULL;

	for (size_t i = 0; id != NULL && url == NULL && i < json_len(list); i++)
		if (str_eq(id, text_at(in, json_at(list, i), "payload.sticker_id")))
			url = text_at(in, json_at(list, i), "payload.url");
	return url;
}

/* An address that a kind has under a name of its own, as story_media_url of ig_story. */
static const char *
other_url(struct in *in, const struct json *payload)
{
	const char *key, *s;
	const struct json *v;

	for (struct json_iter i = { NULL }; json_each(payload, &i, &key, &v);)
		if (str_ends(key, "url") && json_type(v) == JSON_STRING &&
		    (s = json_text(&in->out->arena, v)) != NULL && str_starts(s, "http"))
			return s;
	return NULL;
}

/* One attachment of a webhook into it. */
static void
att_read(struct in *in, struct item *it, const struct json *j, const char *type)
{
	static const char *const refs[] = { "ig_post_media_id", "reel_video_id", "story_media_id",
		"sticker_id", "attachment_id", "id" };
	const struct json *p = json_get(j, "payload");
	struct att *at = item_att_add(in->out, it);
	bool raw = false;
	const char *kind = att_kind(type, &raw);

	at->type = kind != NULL ? kind : type;
	at->url = text_either(in, j, "payload.url", "url");
	if (at->url == NULL)
		at->url = other_url(in, p);
	at->name = text_either(in, j, "payload.title", "title");
	for (size_t i = 0; at->ref == NULL && i < sizeof(refs) / sizeof(refs[0]); i++)
		at->ref = text_at(in, p, refs[i]);
	at->bytes = -1;
	/* Messenger's stickers are images with a sticker_id */
	if (str_eq(at->type, "image") && json_get(p, "sticker_id") != NULL)
		at->type = "sticker";
}

/*
 * A post comes as share and ig_post together (B.5): each ig_post takes one
 * share of the same address, or else the first that is left.
 */
static bool
share_is_twin(struct in *in, const struct json *list, size_t at)
{
	const char *url = text_at(in, json_at(list, at), "payload.url");
	size_t shares = 0, posts = 0;

	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *j = json_at(list, i);
		const char *type = text_at(in, j, "type");

		if (str_eq(type, "ig_post")) {
			if (url != NULL && str_eq(url, text_at(in, j, "payload.url")))
				return true;
			posts++;
		} else if (str_eq(type, "share") && i < at) {
			shares++;
		}
	}
	return shares < posts;
}

/* A sticker comes as image and sticker together (Messenger, since 2026-06-01): the image
 * that a sticker of the same number goes with. */
static bool
image_is_twin(struct in *in, const struct json *list, size_t at)
{
	const char *id = text_at(in, json_at(list, at), "payload.sticker_id");

	for (size_t i = 0; id != NULL && i < json_len(list); i++)
		if (str_eq(text_at(in, json_at(list, i), "type"), "sticker") &&
		    str_eq(id, text_at(in, json_at(list, i), "payload.sticker_id")))
			return true;
	return false;
}

static bool
is_twin(struct in *in, const struct json *list, size_t at, const char *type)
{
	return (str_eq(type, "share") && share_is_twin(in, list, at)) ||
	    (str_eq(type, "image") && image_is_twin(in, list, at));
}

/* All attachments; returns the kind of the first, NULL where there is none. */
static const char *
atts_read(struct in *in, struct item *it, const struct json *list, struct detail *d)
{
	const char *first = NULL;
	bool raw = false, single = json_type(list) == JSON_OBJECT;

	for (size_t i = 0; i < (single ? 1 : json_len(list)); i++) {
		const struct json *j = single ? list : json_at(list, i);
		const char *type = text_at(in, j, "type"), *kind;

		if (type == NULL)
			type = "unknown";
		if (is_twin(in, list, i, type))
			continue;
		kind = att_kind(type, &raw);
		att_read(in, it, j, type);
		if (it->atts[it->n_atts - 1].url == NULL)
			it->atts[it->n_atts - 1].url = sticker_url(
			    in, list, text_at(in, j, "payload.sticker_id"));
		if (first == NULL)
			first = kind != NULL ? it->atts[it->n_atts - 1].type : "unsupported";
	}
	if (raw)
		detail_raw(d, &in->out->arena, "attachments", list);
	return first;
}

/* New item with what every kind has: sides, direction, time. */
static struct item *
item_new(struct in *in, const struct json *m, enum item_type type, const char *kind, bool echo)
{
	struct item *it = itemv_add(in->out);
	const char *own = in->own;

	it->type = type;
	it->kind = kind;
	it->own_id = in->own;
	it->sender_id = text_at(in, m, "sender.id");
	it->recipient_id = text_at(in, m, "recipient.id");
	if (it->sender_id != NULL &&
	    (str_eq(it->sender_id, own) || str_eq(it->sender_id, in->own_conf)))
		echo = true;
	it->dir = echo ? DIR_OUT : DIR_IN;
	it->echo = echo;
	it->contact = echo ? it->recipient_id : it->sender_id;
	it->username = echo ? NULL : text_at(in, m, "sender.username");
	it->is_test = in->test;
	if (!item_time(in->out, it, text_at(in, m, "timestamp")) && in->entry_known) {
		it->at_us = in->entry_us;
		it->at_known = true;
	}
	return it;
}

static struct item *
event_new(struct in *in, const struct json *m, const char *kind)
{
	struct item *it = item_new(in, m, ITEM_EVENT, kind, false);

	it->echo = false;
	it->raw = json_raw(&in->out->arena, m);
	return it;
}

/* What makes an event the same one, however its JSON was written. */
static const char *
event_id(struct in *in, const struct item *it, const char *sender, const char *more)
{
	struct buf b;
	const char *s;

	buf_init(&b, 64 * 1024);
	buf_printf(&b, "%s|%s|%s|%s", it->kind, it->target_id != NULL ? it->target_id : "",
	    sender != NULL ? sender : "", more != NULL ? more : "");
	s = mem_arena_ndup(&in->out->arena, b.p, b.n);
	buf_free(&b);
	return s;
}

/* --- messages ---------------------------------------------------------------- */

static bool
one_of(const char *key, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(key, *names) == 0)
			return true;
	return false;
}

/* Members of an object that have neither a column nor a rule, each under its own name:
 * quick_reply, referral, ads, app_id and whatever comes later. */
static void
detail_rest(struct in *in, struct detail *d, const struct json *o, const char *const *known)
{
	const char *key;
	const struct json *v;

	for (struct json_iter i = { NULL }; json_each(o, &i, &key, &v);)
		if (!one_of(key, known) && json_type(v) != JSON_NULL)
			detail_raw(d, &in->out->arena, key, v);
}

static bool is_content(const char *key, const struct json *v);

/* What stands beside message or postback (referral, folder, is_self, ...); where the
 * content o has a member of that name too, under NAME_beside. */
static void
detail_beside(struct in *in, struct detail *d, const struct json *m, const struct json *o)
{
	static const char *const sides[] = { "sender", "recipient", "timestamp", NULL };
	const char *key;
	const struct json *v;
	char name[128];

	for (struct json_iter i = { NULL }; json_each(m, &i, &key, &v);) {
		if (is_content(key, v) || one_of(key, sides) || json_type(v) == JSON_NULL)
			continue;
		snprintf(
		    name, sizeof name, "%s%s", key, json_member(o, key) != NULL ? "_beside" : "");
		detail_raw(d, &in->out->arena, name, v);
	}
	if (in->standby)
		detail_word(d, "standby", "true");
}

/* What a reply tells beside the message it answers: is_self_reply, ... */
static void
detail_reply(struct in *in, struct detail *d, const struct json *reply)
{
	static const char *const known[] = { "mid", "story", NULL };
	struct detail rest = { .any = false };
	const char *s;

	if (json_get(reply, "story") != NULL)
		detail_raw(d, &in->out->arena, "story", json_get(reply, "story"));
	if (json_type(reply) != JSON_OBJECT)
		return;
	detail_rest(in, &rest, reply, known);
	if ((s = detail_end(&rest, &in->out->arena)) != NULL)
		detail_word(d, "reply_to", s);
}

/* The story that is answered, while its address lives: an attachment as a mention's. */
static void
story_att(struct in *in, struct item *it, const struct json *story)
{
	const char *url = text_either(in, story, "url", "link");
	struct att *at;

	if (url == NULL)
		return;
	at = item_att_add(in->out, it);
	at->type = "story";
	at->url = url;
	at->ref = text_at(in, story, "id");
}

static void
unsend_read(struct in *in, const struct json *m, const struct json *msg)
{
	struct item *it = event_new(in, m, "unsend");

	if (json_bool(json_get(msg, "is_echo"), false) && it->dir == DIR_IN) {
		it->dir = DIR_OUT;
		it->contact = it->recipient_id;
	}
	it->effect = EFFECT_UNSEND;
	it->target_id = text_at(in, msg, "mid");
	it->event_id = event_id(in, it, NULL, NULL);
}

static void
message_read(struct in *in, const struct json *m, const struct json *msg)
{
	static const char *const known[] = { "mid", "text", "attachments", "is_echo", "is_deleted",
		"is_unsupported", "reply_to", NULL };
	struct detail d = { .any = false };
	const char *kind;
	struct item *it;

	if (json_bool(json_get(msg, "is_deleted"), false)) {
		unsend_read(in, m, msg);
		return;
	}
	it = item_new(in, m, ITEM_MESSAGE, "text", json_bool(json_get(msg, "is_echo"), false));
	it->external_id = text_at(in, msg, "mid");
	if (str_eq(it->external_id, "random_mid"))	/* the dashboard's Test button */
		it->is_test = true;
	it->body = text_at(in, msg, "text");
	if (it->body != NULL && it->body[0] == '\0')
		it->body = NULL;
	it->reply_to = text_either(in, msg, "reply_to.mid", "reply_to");
	kind = atts_read(in, it, json_get(msg, "attachments"), &d);
	if (json_bool(json_get(msg, "is_unsupported"), false))
		it->kind = "unsupported";
	else if (json_get(msg, "reply_to.story") != NULL)
		it->kind = "story_reply";
	else if (kind != NULL)
		it->kind = kind;
	else if (it->body == NULL)
		it->kind = "unsupported";
	story_att(in, it, json_get(msg, "reply_to.story"));
	detail_rest(in, &d, msg, known);
	detail_reply(in, &d, json_member(msg, "reply_to"));
	detail_beside(in, &d, m, msg);
	it->detail = detail_end(&d, &in->out->arena);
}

/* A postback is a message with its own mid; the title is what was pressed. */
static void
postback_read(struct in *in, const struct json *m, const struct json *pb)
{
	static const char *const known[] = { "mid", "title", NULL };
	struct detail d = { .any = false };
	struct item *it = item_new(in, m, ITEM_MESSAGE, "postback", false);

	it->external_id = text_at(in, pb, "mid");
	it->body = text_at(in, pb, "title");
	detail_rest(in, &d, pb, known);
	detail_beside(in, &d, m, pb);
	it->detail = detail_end(&d, &in->out->arena);
}

/* --- events ------------------------------------------------------------------- */

/* The names Meta uses where it gives no emoji. */
static const char *
reaction_emoji(const char *name)
{
	static const struct {
		const char *name, *emoji;
	} map[] = {
		{ "love", "\xe2\x9d\xa4\xef\xb8\x8f" },
		{ "smile", "\xf0\x9f\x98\x86" },
		{ "haha", "\xf0\x9f\x98\x86" },
		{ "laugh", "\xf0\x9f\x98\x86" },
		{ "other", "\xe2\x9d\x94" },	/* an emoji that they do not name */
		{ "wow", "\xf0\x9f\x98\xae" },
		{ "sad", "\xf0\x9f\x98\xa2" },
		{ "angry", "\xf0\x9f\x98\xa0" },
		{ "like", "\xf0\x9f\x91\x8d" },
		{ "yes", "\xf0\x9f\x91\x8d" },
		{ "dislike", "\xf0\x9f\x91\x8e" },
		{ "no", "\xf0\x9f\x91\x8e" },
	};

	for (size_t i = 0; name != NULL && i < sizeof(map) / sizeof(map[0]); i++)
		if (strcmp(name, map[i].name) == 0)
			return map[i].emoji;
	return name;
}

static void
reaction_read(struct in *in, const struct json *m, const struct json *r)
{
	struct item *it = event_new(in, m, "reaction");
	const char *action = text_at(in, r, "action");
	struct buf b;

	it->target_id = text_at(in, r, "mid");
	if (str_eq(action, "unreact")) {
		it->effect = EFFECT_UNREACT;
	} else {
		it->effect = EFFECT_REACT;
		it->text = text_at(in, r, "emoji");
		if (it->text == NULL)
			it->text = reaction_emoji(text_at(in, r, "reaction"));
	}
	buf_init(&b, 1024);
	buf_printf(&b, "%lld|%s|%s", it->at_known ? (long long)it->at_us : 0LL,
	    effect_names[it->effect], it->text != NULL ? it->text : "");
	it->event_id = event_id(in, it, it->sender_id, b.p);
	buf_free(&b);
}

/* num_edit 0 is no edit but the message itself, mostly one that was never told: it is kept
 * without a new body and fetched by its id (B.5, last note). */
static void
edit_read(struct in *in, const struct json *m, const struct json *e)
{
	struct item *it = event_new(in, m, "edit");
	struct buf b;

	it->effect = EFFECT_EDIT;
	it->target_id = text_at(in, e, "mid");
	it->text = text_at(in, e, "text");
	if (json_i64(json_get(e, "num_edit"), &it->num) != RC_OK || it->num < 0)
		it->num = 0;
	else if (it->num == 0)
		it->text = NULL;	/* raw has it */
	buf_init(&b, 64 * 1024);
	buf_printf(&b, "%lld|%s", (long long)it->num, it->text != NULL ? it->text : "");
	/* the one who edits is not always named: no part of what makes it the same */
	it->event_id = event_id(in, it, NULL, b.p);
	buf_free(&b);
}

/* Instagram names a message, Messenger the time up to which all was read: that is num. */
static void
seen_read(struct in *in, const struct json *m, const struct json *r)
{
	struct item *it = event_new(in, m, "read");
	int64_t until;

	it->target_id = text_at(in, r, "mid");
	if (it->target_id != NULL) {
		it->effect = EFFECT_READ;
	} else if (time_read(&in->out->arena, json_get(r, "watermark"), &until)) {
		it->effect = EFFECT_READ;
		it->num = until;
	}
	it->event_id = event_id(in, it, it->sender_id, text_at(in, r, "watermark"));
}

static void
delivery_read(struct in *in, const struct json *m, const struct json *r)
{
	const struct json *mids = json_get(r, "mids");
	size_t n = json_len(mids);

	for (size_t i = 0; i < (n > 0 ? n : 1); i++) {
		struct item *it = event_new(in, m, "status");

		it->text = "delivered";
		it->target_id = json_text(&in->out->arena, json_at(mids, i));
		it->effect = it->target_id != NULL ? EFFECT_STATUS : EFFECT_NONE;
		it->event_id = event_id(in, it, it->sender_id, text_at(in, r, "watermark"));
	}
}

/* Event members that change no message; the event's text is the member's name
 * where several share a kind. */
static const struct {
	const char *member, *kind, *text;
} plain_events[] = {
	{ "referral", "referral", NULL },
	{ "optin", "optin", NULL },
	{ "pass_thread_control", "handover", "pass_thread_control" },
	{ "take_thread_control", "handover", "take_thread_control" },
	{ "request_thread_control", "handover", "request_thread_control" },
	{ "app_roles", "handover", "app_roles" },
	{ "response_feedback", "response_feedback", NULL },
	{ "policy_enforcement", "policy_enforcement", NULL },
	{ "policy-enforcement", "policy_enforcement", NULL },
	{ "account_linking", "account_linking", NULL },
};

static void
plain_read(struct in *in, const struct json *m)
{
	bool told = in->field != NULL && !str_starts(in->field, "messag") &&
	    !str_eq(in->field, "standby");
	const char *kind = told ? in->field : "unknown", *text = NULL;

	for (size_t i = 0; i < sizeof(plain_events) / sizeof(plain_events[0]); i++)
		if (json_type(json_member(m, plain_events[i].member)) > JSON_NULL) {
			kind = plain_events[i].kind;
			text = plain_events[i].text;
			break;
		}
	event_new(in, m, kind)->text = text;
}

/* --- the envelope ---------------------------------------------------------------- */

/* The members that decide what an item is, in order. */
static const struct {
	const char *member;
	void (*read)(struct in *, const struct json *, const struct json *);
} readers[] = {
	{ "message", message_read },
	{ "postback", postback_read },
	{ "reaction", reaction_read },
	{ "message_edit", edit_read },
	{ "read", seen_read },
	{ "delivery", delivery_read },
};
#define N_READERS (sizeof(readers) / sizeof(readers[0]))

static bool
is_content(const char *key, const struct json *v)
{
	for (size_t i = 0; json_type(v) == JSON_OBJECT && i < N_READERS; i++)
		if (strcmp(key, readers[i].member) == 0)
			return true;
	return false;
}

static void
messaging_read(struct in *in, const struct json *m)
{
	size_t n = in->out->n;

	for (size_t i = 0; i < N_READERS; i++) {
		const struct json *v = json_member(m, readers[i].member);

		if (json_type(v) == JSON_OBJECT)
			readers[i].read(in, m, v);
	}
	if (in->out->n == n)
		plain_read(in, m);
}

/* Is value of this change an item of messaging[]?  Comments and mentions have "from". */
static bool
change_is_messaging(const char *field, const struct json *v)
{
	return json_type(v) == JSON_OBJECT &&
	    (str_starts(field, "messag") || str_eq(field, "standby") ||
		json_get(v, "sender") != NULL || json_get(v, "recipient") != NULL);
}

/* One change: {"field":…,"value":…}; comments and mentions become events of
 * the field's name, once each by their own id. */
static void
change_read(struct in *in, const struct json *c)
{
	const struct json *v = json_member(c, "value");
	const char *field = text_at(in, c, "field");
	bool standby = in->standby;
	struct item *it;

	if (change_is_messaging(field != NULL ? field : "", v)) {
		in->standby = standby || str_eq(field, "standby");
		in->field = field;
		messaging_read(in, v);
		in->field = NULL;
		in->standby = standby;
		return;
	}
	it = event_new(in, c, field != NULL ? field : "unknown");
	it->target_id = NULL;
	it->event_id = event_id(in, it, NULL, json_canonical(&in->out->arena, v != NULL ? v : c));
}

static size_t
list_read(struct in *in, const struct json *list, void (*read)(struct in *, const struct json *))
{
	if (json_type(list) == JSON_OBJECT) {
		read(in, list);
		return 1;
	}
	for (size_t i = 0; i < json_len(list); i++)
		read(in, json_at(list, i));
	return json_len(list);
}

/* Lists and objects beside those that are read (calls[], ...): an event each. */
static void
entry_rest(struct in *in, const struct json *e)
{
	static const char *const used[] = { "messaging", "changes", "standby", "value", "sender",
		"recipient", NULL };
	const char *key;
	const struct json *v;
	struct item *it;

	for (struct json_iter i = { NULL }; json_each(e, &i, &key, &v);) {
		bool some = json_type(v) == JSON_OBJECT ||
		    (json_type(v) == JSON_ARRAY && json_len(v) > 0);

		if (!some || one_of(key, used))
			continue;
		it = event_new(in, e, mem_arena_dup(&in->out->arena, key));
		it->raw = json_raw(&in->out->arena, v);
		it->event_id = event_id(in, it, NULL, json_canonical(&in->out->arena, v));
	}
}

static void
entry_read(const struct account *a, const struct json *e, struct itemv *out)
{
	struct in in = { .own_conf = a->own_id, .out = out };
	size_t n = 0;

	in.own = text_at(&in, e, "id");
	if (str_eq(in.own, "0")) {	/* the Test button's: no account of anybody */
		in.test = true;
		in.own = NULL;
	}
	in.entry_known = time_read(&out->arena, json_get(e, "time"), &in.entry_us);
	n += list_read(&in, json_member(e, "messaging"), messaging_read);
	n += list_read(&in, json_member(e, "changes"), change_read);
	in.standby = true;
	n += list_read(&in, json_member(e, "standby"), messaging_read);
	in.standby = false;
	if (json_member(e, "field") != NULL) {
		change_read(&in, e);
		n++;
	}
	if (n == 0)
		event_new(&in, e, "unknown");
	else
		entry_rest(&in, e);
}

/* Account and time of an entry, without its text. */
static const char *
messenger_head(struct in *in, const struct json *e)
{
	struct detail d = { .any = false };

	detail_str(&d, "id", text_at(in, e, "id"));
	detail_str(&d, "time", text_at(in, e, "time"));
	return detail_end(&d, &in->out->arena);
}

/* Object page is Messenger's: people there have ids of their own, and the Page is no
 * Instagram account.  It is kept under its own mark and mixed with no conversation. */
static bool
messenger_read(const struct account *a, const struct json *e, struct itemv *out)
{
	struct in in = { .own_conf = a->own_id, .out = out };
	const char *id = text_at(&in, e, "id");
	struct item *it;

	if (str_empty(a->own_id) || str_empty(id) || str_eq(id, a->own_id) || str_eq(id, "0"))
		return false;
	it = event_new(&in, e, "messenger");
	it->own_id = it->contact = it->sender_id = it->recipient_id = it->target_id = NULL;
	it->event_id = event_id(&in, it, id, json_canonical(&out->arena, e));
	/* nothing tells what is unsent there: its words are in the ledger alone, for a day */
	it->raw = messenger_head(&in, e);
	if (out->warning == NULL)
		out->warning = "messenger";
	return true;
}

static enum rc
envelope_read(const struct account *a, const struct json *j, struct itemv *out)
{
	const struct json *list = json_member(j, "entry");
	const char *object = json_text(&out->arena, json_get(j, "object"));
	bool page = str_eq(object, "page");

	if (json_type(j) != JSON_OBJECT)
		return RC_INVALID;
	if (object != NULL && strcmp(object, "instagram") != 0 && !page)
		return RC_INVALID;
	if (json_type(list) == JSON_OBJECT) {
		if (!page || !messenger_read(a, list, out))
			entry_read(a, list, out);
	} else if (json_type(list) == JSON_ARRAY) {
		for (size_t i = 0; i < json_len(list); i++)
			if (!page || !messenger_read(a, json_at(list, i), out))
				entry_read(a, json_at(list, i), out);
		if (json_len(list) == 0)
			out->ignored++;
	} else if (json_member(j, "field") != NULL) {
		entry_read(a, j, out);	/* a bare change, as the docs show it */
	} else {
		return RC_INVALID;
	}
	return RC_OK;
}

enum rc
graph_parse(
    const struct account *a, const char *content_type, const char *p, size_t n, struct itemv *out)
{
	struct json *j = NULL;
	enum rc rc;

	(void)content_type;	/* a hint only (contract.md 4) */
	if (json_parse(p, n, &j, NULL) != RC_OK)
		return RC_INVALID;
	if (json_type(j) != JSON_ARRAY) {
		rc = envelope_read(a, j, out);
	} else {
		/* an outer array: what one element does not say, another may */
		rc = json_len(j) == 0 ? RC_INVALID : RC_OK;
		for (size_t i = 0; i < json_len(j); i++)
			if (envelope_read(a, json_at(j, i), out) != RC_OK)
				out->ignored++;
		if (out->n == 0 && out->ignored == json_len(j))
			rc = RC_INVALID;
	}
	json_free(j);
	return rc;
}

/* --- message objects of the Conversations API (B.9) --------------------------- */

static void
polled_att(struct in *in, struct item *it, const struct json *j)
{
	static const struct {
		const char *member, *type;
	} media[] = {
		{ "image_data", "image" },
		{ "video_data", "video" },
		{ "audio_data", "audio" },
	};
	struct att *at = item_att_add(in->out, it);

	at->bytes = -1;
	at->type = NULL;
	for (size_t i = 0; i < sizeof(media) / sizeof(media[0]); i++) {
		const struct json *d = json_member(j, media[i].member);

		if (json_type(d) != JSON_OBJECT)
			continue;
		at->type = media[i].type;
		at->url = text_at(in, d, "url");
		if (json_bool(json_get(d, "render_as_sticker"), false))
			at->type = "sticker";
		break;
	}
	/* as webhooks tell it, since 2026-08-30 */
	if (str_eq(text_at(in, j, "type"), "sticker") || json_get(j, "sticker_id") != NULL)
		at->type = "sticker";
	at->mime = text_at(in, j, "mime_type");
	at->name = text_at(in, j, "name");
	at->ref = text_at(in, j, "id");
	if (json_i64(json_get(j, "size"), &at->bytes) != RC_OK)
		at->bytes = -1;
	if (at->url == NULL)
		at->url = text_at(in, j, "file_url");
	if (at->type == NULL && json_get(j, "generic_template") != NULL)
		at->type = "template";
	if (at->type == NULL)
		at->type = str_starts(at->mime != NULL ? at->mime : "", "audio/") ? "audio" :
		    str_starts(at->mime != NULL ? at->mime : "", "video/")	  ? "video" :
		    str_starts(at->mime != NULL ? at->mime : "", "image/")	  ? "image" :
									     "file";
}

/* Attachments, shares and stories; returns the kind they give the message. */
static const char *
polled_content(struct in *in, struct item *it, const struct json *m, struct detail *d)
{
	const struct json *list = json_get(m, "attachments.data");
	const struct json *shares = json_get(m, "shares.data");
	const char *kind = NULL;

	for (size_t i = 0; i < json_len(list); i++)
		polled_att(in, it, json_at(list, i));
	if (it->n_atts > 0)
		kind = it->atts[0].type;
	for (size_t i = 0; i < json_len(shares); i++) {
		struct att *at = item_att_add(in->out, it);

		at->type = "share";
		at->url = text_at(in, json_at(shares, i), "link");
		at->name = text_either(in, json_at(shares, i), "name", "title");
		at->ref = text_at(in, json_at(shares, i), "id");
		at->bytes = -1;
		if (kind == NULL)
			kind = "share";
	}
	if (json_get(m, "story.mention") != NULL) {
		struct att *at = item_att_add(in->out, it);

		at->type = kind = "story_mention";
		at->url = text_at(in, m, "story.mention.link");
		at->ref = text_at(in, m, "story.mention.id");
		at->bytes = -1;
	}
	if (json_get(m, "story.reply_to") != NULL) {
		story_att(in, it, json_get(m, "story.reply_to"));
		detail_raw(d, &in->out->arena, "story", json_get(m, "story.reply_to"));
		kind = "story_reply";
	}
	return kind;
}

/* A reaction seen on a polled message: who and what, no time. */
static void
polled_reaction(
    struct in *in, const char *mid, const char *emoji, const struct json *user, const char *contact)
{
	struct item *it = itemv_add(in->out);

	it->type = ITEM_EVENT;
	it->kind = "reaction";
	it->own_id = in->own;
	it->sender_id = text_at(in, user, "id");
	it->dir = str_eq(it->sender_id, in->own) ? DIR_OUT : DIR_IN;
	it->contact = contact;
	it->effect = EFFECT_REACT;
	it->target_id = mid;
	it->text = emoji;
	it->raw = json_raw(&in->out->arena, user);
	it->event_id = event_id(in, it, it->sender_id, emoji);
}

static void
polled_reactions(struct in *in, const struct json *list, const char *mid, const char *contact)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *r = json_at(list, i), *users = json_get(r, "users");
		const char *emoji = text_at(in, r, "emoji");

		if (emoji == NULL)
			emoji = reaction_emoji(text_at(in, r, "reaction"));
		if (json_type(users) == JSON_OBJECT)
			users = json_get(users, "data");
		for (size_t k = 0; k < json_len(users); k++)
			polled_reaction(in, mid, emoji, json_at(users, k), contact);
	}
}

enum rc
graph_message(const char *own, const struct json *m, struct itemv *out)
{
	struct in in = { .own = own, .out = out };
	struct detail d = { .any = false };
	const char *kind, *mid, *contact;
	struct item *it;

	mid = text_at(&in, m, "id");
	if (mid == NULL || json_get(m, "from") == NULL)
		return RC_NONE;
	in.own = own = mem_arena_dup(&out->arena, own);
	it = itemv_add(out);
	it->type = ITEM_MESSAGE;
	it->kind = "text";
	it->own_id = own;
	it->external_id = mid;
	it->sender_id = text_at(&in, m, "from.id");
	it->recipient_id = json_text(
	    &out->arena, json_get(json_at(json_get(m, "to.data"), 0), "id"));
	it->echo = own != NULL && str_eq(it->sender_id, own);
	it->dir = it->echo ? DIR_OUT : DIR_IN;
	it->contact = it->echo ? it->recipient_id : it->sender_id;
	it->username = it->echo ?
	    json_text(&out->arena, json_get(json_at(json_get(m, "to.data"), 0), "username")) :
	    text_at(&in, m, "from.username");
	item_time(out, it, text_at(&in, m, "created_time"));
	it->body = text_at(&in, m, "message");
	if (it->body != NULL && it->body[0] == '\0')
		it->body = NULL;
	it->reply_to = text_either(&in, m, "reply_to.mid", "reply_to.id");
	kind = polled_content(&in, it, m, &d);
	if (json_bool(json_get(m, "is_unsupported"), false))
		it->kind = "unsupported";
	else if (kind != NULL)
		it->kind = kind;
	else if (it->body == NULL)
		it->kind = "unsupported";
	it->detail = detail_end(&d, &out->arena);
	contact = it->contact;	/* the next item may move this one */
	polled_reactions(&in, json_get(m, "reactions.data"), mid, contact);
	return RC_OK;
}

/*
 * Chatrace and its sibling engines (providers.md part A; shapes: earlier-system.md).
 *
 * Inbound bodies are written by hand in somebody's flow, so the reader is wide:
 * a list of names per field, forms beside JSON, and a rescue for templates that
 * a customer's quote has broken.  The Graph envelope that some installations
 * pass on is Graph's to read.
 *
 * The API has no endpoint that lists messages (A.6), but the earlier system
 * believed in one and an installation may have one behind a proxy.  So a check
 * first proves the token with GET /accounts/me, then tries path by path and
 * header form by header form, remembers what was accepted, and says plainly
 * when there is nothing: a failure is never shown as emptiness.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "extern/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "provider/chatrace/chatrace.h"
#include "provider/meta/meta.h"
#include "extern/sign.h"
#include "base/str.h"
#include "provider/chatrace/names.h"
#include "provider/chatrace/template.h"

#define FORM_FIELDS 200
#define NESTED_MAX 4		/* a message in a list in a body in a list */
#define REQUEST_MS 10000	/* of one request of a check */
#define LEAST_MS 50		/* with less time left no request is begun */
#define PAUSE_401_S 300		/* the token is refused: a person has to act */
#define PAUSE_REDIRECT_S 300
#define PAUSE_429_S 30		/* 429 without Retry-After */

#define AUTH_TOKEN "X-ACCESS-TOKEN"	/* A.2 */

/* --- verify ------------------------------------------------------------------ */

/* How near a given secret comes to the configured ones; all are compared. */
struct match {
	bool given, exact, trimmed;
};

static void
compare(const struct account *a, const char *s, struct match *m)
{
	size_t n = s == NULL ? 0 : strlen(s);
	const char *t = s;
	size_t tn = n;

	if (n == 0)
		return;
	m->given = true;
	str_trim(&t, &tn);
	for (size_t i = 0; i < chatrace_own(a)->webhook_secrets.n; i++) {
		const char *want = chatrace_own(a)->webhook_secrets.v[i];
		size_t wn = strlen(want);

		m->exact |= sign_equal(s, n, want, wn);
		m->trimmed |= sign_equal(t, tn, want, wn);
	}
}

static enum rc
chatrace_verify(const struct account *a, const struct http_req *req, const char **why)
{
	struct mem_arena arena = {0};
	struct match m = {0};
	const char *auth = http_req_get(req, "Authorization");

	if (a->webhook_open)
		return RC_OK;
	*why = "no_secret_configured";
	if (chatrace_own(a)->webhook_secrets.n == 0)
		return RC_DENIED;
	compare(a, http_req_get(req, "X-Webhook-Secret"), &m);
	if (auth != NULL && str_istarts(auth, "Bearer "))
		compare(a, auth + strlen("Bearer "), &m);
	compare(a, http_query_get(&arena, req->query != NULL ? req->query : "", "secret"), &m);
	mem_arena_free(&arena);
	if (m.exact)
		return RC_OK;
	*why = !m.given ? "no_secret" : m.trimmed ? "wrong_secret_whitespace" : "wrong_secret";
	return RC_DENIED;
}

static enum rc
chatrace_sign(const struct account *a, struct http_req *req)
{
	const struct strv *secrets = &chatrace_own(a)->webhook_secrets;

	return secrets->n == 0 ? RC_NONE : http_req_header(req, "X-Webhook-Secret", secrets->v[0]);
}

static enum rc
chatrace_handshake(const struct account *a, const struct http_req *req, struct buf *out)
{
	return meta_handshake_token(chatrace_own(a)->verify_token, req, out);
}

/* --- one object --------------------------------------------------------------- */

/* What the reading of one body shares. */
struct reader {
	const struct account *a;
	struct itemv *out;
	bool polled;		/* an answer to our request: items have a place */
	bool literal;		/* an unset {{variable}} was seen */
	bool behind;		/* a member was not believed: it stands behind a customer's words */
};

/*
 * "{{last_input}}": the platform did not know the variable (A.6).  A name has an
 * alphabet, so that "{{ how much? }}" is a customer's text.
 */
static bool
is_literal(const char *s)
{
	size_t n = strlen(s);

	str_trim(&s, &n);
	if (n < 5 || memcmp(s, "{{", 2) != 0 || memcmp(s + n - 2, "}}", 2) != 0)
		return false;
	s += 2;
	n -= 4;
	str_trim(&s, &n);
	for (size_t i = 0; i < n; i++)
		if (!(s[i] == '_' || s[i] == '.' || s[i] == '-' || (s[i] >= '0' && s[i] <= '9') ||
		    (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z')))
			return false;
	return n > 0;
}

/* An object, and what the names of its members begin with: of the 70 names that are
 * asked for nearly all are in no body, and most of them need not be looked for. */
struct fields {
	const struct json *j;
	uint64_t initials;
};

static struct fields
fields_of(const struct json *j)
{
	return (struct fields){ j, json_initials(j) };
}

static const struct json *
path(const struct fields *f, const char *name)
{
	return (f->initials & json_initial(name)) != 0 && (f->initials & JSON_DEEP) != 0 ?
	    json_get(f->j, name) : NULL;
}

/* A field of a form may be named "sender.id" itself. */
static const struct json *
field(const struct fields *f, const char *name)
{
	const struct json *v;

	if ((f->initials & json_initial(name)) == 0)
		return NULL;
	v = json_member(f->j, name);
	return v != NULL || (f->initials & JSON_DEEP) == 0 || strchr(name, '.') == NULL ? v :
	    json_get(f->j, name);
}

static const char *
value(struct reader *r, const struct fields *f, const char *name)
{
	const struct json *v = field(f, name);
	const char *s = v == NULL ? NULL : json_text(&r->out->arena, v);

	if (str_empty(s))
		return NULL;
	if (is_literal(s)) {
		r->literal = true;
		return NULL;
	}
	return s;
}

/* The first name that has a value; which (may be NULL) tells which. */
static const char *
pick(struct reader *r, const struct fields *f, const char *const *names, const char **which)
{
	for (; *names != NULL; names++) {
		const char *s = value(r, f, *names);

		if (s == NULL)
			continue;
		if (which != NULL)
			*which = *names;
		return s;
	}
	return NULL;
}

/*
 * Who may say what.  A customer's words are in a body between quotes that the flow
 * wrote; by  hi","senderId":"5  they add members of their own, and the body is good JSON.
 * They cannot take away or precede what the flow wrote before them.  So the members
 * that say whose message it is, which one and from which side count only where they
 * stand before what a customer writes (the text; the names, too, he chooses himself),
 * as far as there are such members.
 */
#define NO_PLACE UINT64_MAX

/* The place of a member in the object as it was written; of a dotted one, inside too. */
static uint64_t
place_of(const struct fields *f, const char *name)
{
	const struct json *v, *inner = NULL;
	struct json_iter it = { NULL }, deep = { NULL };
	size_t top = strcspn(name, "."), i;
	const char *k;

	if ((f->initials & json_initial(name)) == 0)
		return NO_PLACE;
	for (i = 0; json_each(f->j, &it, &k, &v); i++) {
		if (str_eq(k, name))
			return (uint64_t)(i + 1) << 32;
		if (name[top] == '.' && strlen(k) == top && memcmp(k, name, top) == 0)
			inner = v;
		if (inner != NULL)
			break;
	}
	for (size_t x = 0; inner != NULL && json_each(inner, &deep, &k, &v); x++)
		if (strncmp(name + top + 1, k, strlen(k)) == 0 &&
		    strchr(".", name[top + 1 + strlen(k)]) != NULL)
			return ((uint64_t)(i + 1) << 32) + x + 1;
	return NO_PLACE;
}

static bool
is_among(const char *const *names, const char *s)
{
	while (*names != NULL && (**names != *s || strcmp(*names, s) != 0))
		names++;
	return *names != NULL;
}

/* The first place of a string of any of the names, empty ones too. */
static uint64_t
first_place(const struct fields *f, const char *const *names)
{
	struct json_iter it = { NULL };
	uint64_t first = NO_PLACE, at = 0;
	const struct json *v;
	const char *k;

	if ((f->initials & JSON_DEEP) == 0) {
		while (json_each(f->j, &it, &k, &v)) {
			at += (uint64_t)1 << 32;
			if (is_among(names, k) && json_type(v) == JSON_STRING)
				return at;
		}
		return NO_PLACE;
	}
	for (; *names != NULL; names++)
		if (json_type(field(f, *names)) == JSON_STRING &&
			(at = place_of(f, *names)) < first)
			first = at;
	return first;
}

/* As value() and pick(), of what stands before a place. */
static const char *
value_before(struct reader *r, const struct fields *f, const char *name, uint64_t before)
{
	const char *s = value(r, f, name);

	if (s == NULL || before == NO_PLACE || place_of(f, name) < before)
		return s;
	r->behind = true;
	return NULL;
}

static const char *
pick_before(struct reader *r, const struct fields *f, const char *const *names, uint64_t before,
    const char **which)
{
	for (; *names != NULL; names++) {
		const char *s = value_before(r, f, *names, before);

		if (s == NULL)
			continue;
		if (which != NULL)
			*which = *names;
		return s;
	}
	return NULL;
}

static bool
yes_before(struct reader *r, const struct fields *f, const char *name, uint64_t before)
{
	const struct json *v = field(f, name);
	const char *s;

	if (v != NULL && before != NO_PLACE && place_of(f, name) > before) {
		r->behind = true;
		return false;
	}

	if (json_type(v) == JSON_BOOL)
		return json_bool(v, false);
	s = json_text(&r->out->arena, v);
	return s != NULL && (str_ieq(s, "true") || str_eq(s, "1"));
}

/* Where members that say whose message it is cease to count, in one object. */
struct order {
	const char *sender;
	bool ambiguous;		/* several, none of which stands before a customer's words */
	uint64_t id, side;	/* of ids; of the direction and the recipient */
};

/* The body that we recommend begins with these two; nobody else can have put them there. */
static bool
is_our_template(const struct fields *f)
{
	struct json_iter it = { NULL };
	const struct json *v;
	const char *k;

	return json_each(f->j, &it, &k, &v) && str_eq(k, "event") &&
	    json_each(f->j, &it, &k, &v) && str_eq(k, "account_id");
}

static struct order
order_of(struct reader *r, const struct fields *f)
{
	struct order o = { .id = NO_PLACE, .side = NO_PLACE };
	uint64_t text = first_place(f, names_text), names = text, at;
	const char *which = NULL, *s;

	r->behind = false;
	if (r->polled || text == NO_PLACE) {
		/* no words, or an answer of the provider's own */
		o.sender = pick(r, f, names_sender, NULL);
		return o;
	}
	if ((at = first_place(f, names_username)) < names)
		names = at;
	if ((at = first_place(f, names_name)) < names)
		names = at;
	o.sender = pick_before(r, f, names_sender, names, &which);
	if (o.sender == NULL) {
		r->behind = false;
		o.sender = pick(r, f, names_sender, &which);
		for (const char *const *n = names_sender; o.sender != NULL && *n != NULL; n++)
			o.ambiguous |= (s = value(r, f, *n)) != NULL && !str_eq(s, o.sender);
	}
	if (o.sender == NULL || place_of(f, which) > text)
		return o;
	if (is_our_template(f))
		o.id = o.side = names;
	else {
		/* A.6: a flow's variables, not another program's fields */
		if (str_eq(which, "contact_id") || str_eq(which, "user_id"))
			o.id = text;
		if (r->a->own_id == NULL || !str_eq(o.sender, r->a->own_id))
			o.side = place_of(f, which) < names ? names : text;
	}
	return o;
}

/* A.4: the contact object, sent by "All contact data" and by triggers. */
static bool
is_contact_object(const struct fields *f, const struct order *o)
{
	return (field(f, "page_id") != NULL && place_of(f, "page_id") <= o->id) ||
	    (field(f, "last_interaction") != NULL && place_of(f, "last_interaction") <= o->id);
}

static void
set_time(struct reader *r, const struct fields *f, struct item *it, bool contact_event)
{
	const char *s;

	for (const char *const *n = names_time; *n != NULL; n++) {
		s = value(r, f, *n);
		if (s != NULL && clock_parse(s, strlen(s), &it->at_us) == RC_OK) {
			it->at_known = true;
			/* of a list the place would be the same tomorrow: the day must do */
			it->at_day = !r->polled && strlen(s) == strlen("2024-11-13") && s[4] == '-';
			return;
		}
		if (s != NULL && r->out->warning == NULL)
			r->out->warning = "bad_time";
	}
	s = contact_event ? value(r, f, "last_interaction") : NULL;
	if (s != NULL && clock_parse(s, strlen(s), &it->at_us) == RC_OK)
		it->at_known = true;
}

static void
set_names(struct reader *r, const struct fields *f, struct item *it)
{
	const char *first = value(r, f, "first_name"), *last = value(r, f, "last_name");

	it->username = pick(r, f, names_username, NULL);
	it->name = pick(r, f, names_name, NULL);
	it->picture = pick(r, f, names_picture, NULL);
	if (it->name == NULL && first != NULL && last != NULL) {
		size_t n = strlen(first) + strlen(last) + 2;
		char *s = mem_arena_alloc(&r->out->arena, n);

		snprintf(s, n, "%s %s", first, last);
		it->name = s;
	}
	if (it->name == NULL)
		it->name = first != NULL ? first : last != NULL ? last : it->username;
}

/* --- attachments ----------------------------------------------------------------- */

/* Types as flows and Messenger payloads write them -> attachments.type, messages.kind. */
static const struct att_type {
	const char *name, *type, *kind;
} att_types[] = {
	{ "image", "image", "image" }, { "photo", "image", "image" },
	{ "picture", "image", "image" }, { "gif", "image", "image" },
	{ "animated_image_share", "image", "image" },
	{ "video", "video", "video" },
	{ "audio", "audio", "audio" }, { "voice", "audio", "audio" }, { "ptt", "audio", "audio" },
	{ "file", "file", "file" }, { "document", "file", "file" },
	{ "sticker", "sticker", "sticker" },
	{ "share", "share", "share" }, { "ig_post", "share", "share" },
	{ "post", "share", "share" }, { "story_mention", "story_mention", "story_mention" },
	{ "ig_story", "story_mention", "story_mention" },
	{ "story_reply", "story_reply", "story_reply" },
	{ "reel", "reel", "reel" }, { "ig_reel", "reel", "reel" },
	{ "location", "location", "location" },
	{ "contact", "contact", "contact" }, { "contacts", "contact", "contact" },
	{ "postback", "postback", "postback" },
};

static const struct att_type *
att_type(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof att_types / sizeof att_types[0]; i++)
		if (str_ieq(att_types[i].name, name))
			return &att_types[i];
	return NULL;
}

/* What a URL without a type is, by its ending. */
static const char *
type_by_url(const char *url)
{
	static const struct { const char *ext, *type; } exts[] = {
		{ ".jpg", "image" }, { ".jpeg", "image" }, { ".png", "image" }, { ".gif", "image" },
		{ ".webp", "image" }, { ".mp4", "video" }, { ".mov", "video" },
		{ ".webm", "video" },
		{ ".mp3", "audio" }, { ".ogg", "audio" }, { ".m4a", "audio" }, { ".aac", "audio" },
		{ ".wav", "audio" },
	};
	size_t n = strcspn(url, "?#");

	for (size_t i = 0; i < sizeof exts / sizeof exts[0]; i++) {
		size_t en = strlen(exts[i].ext);

		if (n > en && strncasecmp(url + n - en, exts[i].ext, en) == 0)
			return exts[i].type;
	}
	return "file";
}

static void
set_kind(struct item *it, const char *kind)
{
	if (it->kind == NULL)
		it->kind = kind;
}

static void
one_attachment(struct reader *r, struct item *it, const struct json *j, const char *type)
{
	static const char *const urls[] = { "url", "payload.url", "link", "src", "file_url",
	    "image_data.url", "video_data.url", NULL };
	static const char *const types[] = { "type", "media_type", NULL };
	const struct fields object = fields_of(j), *f = &object;
	const struct json *payload = field(f, "payload");
	const struct att_type *t;
	const char *url;
	struct att *att;

	if (json_type(j) == JSON_STRING) {
		url = json_str(&r->out->arena, j);
		if (str_empty(url) || is_literal(url))
			return;
	} else if (json_type(j) == JSON_OBJECT) {
		url = pick(r, f, urls, NULL);
		if (pick(r, f, types, NULL) != NULL)
			type = pick(r, f, types, NULL);
	} else {
		return;
	}
	if (type == NULL && url == NULL)
		return;
	if (type == NULL)
		type = type_by_url(url);
	if (str_ieq(type, "image") && json_get(payload, "sticker_id") != NULL)
		type = "sticker";
	t = att_type(type);
	set_kind(it, t != NULL ? t->kind : "unsupported");
	att = item_att_add(r->out, it);
	att->type = t != NULL ? t->type : type;
	att->url = url;
	if (json_type(j) == JSON_OBJECT) {
		att->mime = value(r, f, "mime_type");
		att->name = value(r, f, "name");
		att->ref = value(r, f, "payload.sticker_id");
	}
	if (url == NULL && it->detail == NULL && json_type(payload) == JSON_OBJECT)
		it->detail = json_raw(&r->out->arena, payload);
}

static void
set_attachments(struct reader *r, const struct fields *f, struct item *it)
{
	static const char *const lists[] = { "attachments", "attachment", "message.attachments",
	    "message.attachment", NULL };
	static const struct { const char *name, *type; } urls[] = {
		{ "image_url", "image" }, { "imageUrl", "image" }, { "image", "image" },
		{ "video_url", "video" }, { "videoUrl", "video" }, { "video", "video" },
		{ "audio_url", "audio" }, { "audioUrl", "audio" }, { "audio", "audio" },
		{ "file_url", "file" }, { "fileUrl", "file" },
		{ "media_url", NULL }, { "mediaUrl", NULL }, { "attachment_url", NULL },
	};
	const char *type = value(r, f, "type");

	if (att_type(type) == NULL)
		type = NULL;	/* "message", "text": no kind of attachment */
	for (const char *const *l = lists; *l != NULL; l++) {
		const struct json *v = field(f, *l);

		for (size_t i = 0; i < json_len(v); i++)
			one_attachment(r, it, json_at(v, i), NULL);
		if (v != NULL && json_type(v) != JSON_ARRAY)
			one_attachment(r, it, v, type);
	}
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		const struct json *v = field(f, urls[i].name);

		if (json_type(v) == JSON_STRING)
			one_attachment(r, it, v, urls[i].type != NULL ? urls[i].type : type);
	}
	if (it->n_atts == 0 && type != NULL && json_type(field(f, "url")) == JSON_STRING)
		one_attachment(r, it, field(f, "url"), type);
	if (it->n_atts == 0 && type != NULL)
		set_kind(it, att_type(type)->kind);
}

static char *
wrap(struct reader *r, const char *key, const char *json)
{
	size_t n = strlen(key) + strlen(json) + 6;
	char *s = mem_arena_alloc(&r->out->arena, n);

	snprintf(s, n, "{\"%s\":%s}", key, json);
	return s;
}

/* Story replies and postbacks, where a flow passes Messenger's objects on. */
static void
set_special(struct reader *r, const struct fields *f, struct item *it, const struct order *o)
{
	const struct json *story = path(f, "message.reply_to.story");
	const struct json *pb = field(f, "postback");

	if (story == NULL)
		story = path(f, "reply_to.story");
	if (json_type(story) == JSON_OBJECT) {
		it->kind = "story_reply";
		it->detail = wrap(r, "story", json_raw(&r->out->arena, story));
	} else if (json_type(pb) == JSON_OBJECT) {
		const struct fields inner = fields_of(pb);

		it->kind = "postback";
		it->detail = json_raw(&r->out->arena, pb);
		if (it->body == NULL)
			it->body = value(r, &inner, "title");
		if (it->external_id == NULL && place_of(f, "postback") < o->id)
			it->external_id = value(r, &inner, "mid");
	}
}

/* --- from object to item -------------------------------------------------------------- */

static void
event(struct reader *r, const struct fields *f, const char *kind, const char *contact)
{
	struct item *it = itemv_add(r->out);

	it->type = ITEM_EVENT;
	it->kind = kind;
	it->contact = it->sender_id = contact;
	it->raw = json_raw(&r->out->arena, f->j);
	if (contact != NULL)
		set_names(r, f, it);
	set_time(r, f, it, true);
}

/* Ours, seen by the provider: a flow that reports what the business sent. */
static bool
is_outbound(struct reader *r, const struct fields *f, const struct order *o, const char *recipient)
{
	const char *d = value_before(r, f, "direction", o->side), *sender = o->sender;

	if (yes_before(r, f, "is_echo", o->side) || yes_before(r, f, "isEcho", o->side) ||
	    yes_before(r, f, "message.is_echo", o->side))
		return true;
	if (d != NULL && (str_ieq(d, "outbound") || str_ieq(d, "out") || str_ieq(d, "outgoing")))
		return true;
	return r->a->own_id != NULL && str_eq(sender, r->a->own_id) && recipient != NULL &&
	    !str_eq(recipient, r->a->own_id);
}

static bool
same_atts(const struct item *a, const struct item *b)
{
	if (a->n_atts != b->n_atts)
		return false;
	for (size_t i = 0; i < a->n_atts; i++)
		if (!str_eq(a->atts[i].url, b->atts[i].url))
			return false;
	return true;
}

/* contract.md 5: without id and time, the place among equal items of the list. */
static void
set_place(struct reader *r, struct item *it)
{
	const struct itemv *v = r->out;

	if (!r->polled || it->external_id != NULL || it->at_known)
		return;
	it->place = 0;
	for (size_t i = 0; &v->v[i] != it; i++)
		if (v->v[i].place >= 0 && str_eq(v->v[i].contact, it->contact) &&
		    str_eq(v->v[i].kind, it->kind) && str_eq(v->v[i].body, it->body) &&
		    v->v[i].dir == it->dir && same_atts(&v->v[i], it))
			it->place++;
}

/* Does the object claim to be a message, though we see no content? */
static bool
claims_message(struct reader *r, const struct fields *f, const char *id)
{
	const char *ev = value(r, f, "event"), *type = value(r, f, "type");

	if (id != NULL || str_eq(ev, "message") || str_eq(type, "message"))
		return true;
	for (const char *const *n = names_text; *n != NULL; n++)
		if (field(f, *n) != NULL)
			return true;
	return false;
}

/* The shop's own, as the provider or the flow reports it. */
static void
set_outbound(struct reader *r, struct item *it, const char *sender, const char *recipient)
{
	it->dir = DIR_OUT;
	it->echo = true;
	if (recipient != NULL)
		it->contact = recipient;
	else
		it->sender_id = r->a->own_id;
	it->recipient_id = it->contact;
	/* the names are the sender's: our own */
	if (it->contact != sender)
		it->name = it->username = it->picture = NULL;
}

static void
read_object(struct reader *r, const struct json *j)
{
	const struct fields object = fields_of(j), *f = &object;
	struct order o = order_of(r, f);
	bool contact_object = is_contact_object(f, &o);
	const char *sender = o.sender, *id = pick_before(r, f, names_id, o.id, NULL);
	const char *recipient = pick_before(r, f, names_recipient, o.side, NULL);
	const char *own = value_before(r, f, "id", o.id);
	struct item *it;
	size_t at;

	if (sender == NULL && contact_object)
		sender = o.sender = own;
	else if (id == NULL && own != NULL && !str_eq(own, sender))
		id = own;
	if (sender == NULL || o.ambiguous) {
		if (o.ambiguous)
			r->out->warning = "ambiguous_sender";
		event(r, f, "unknown", NULL);
		return;
	}
	it = itemv_add(r->out);
	at = r->out->n - 1;
	it->type = ITEM_MESSAGE;
	it->body = pick(r, f, names_text, NULL);
	it->external_id = id;
	set_attachments(r, f, it);
	set_special(r, f, it, &o);
	if (it->body == NULL && it->kind == NULL &&
	    (contact_object || !claims_message(r, f, id))) {
		r->out->n = at;
		event(r, f, contact_object ? "contact" : "unknown", sender);
		return;
	}
	set_kind(it, it->body != NULL ? "text" : "unsupported");
	it->sender_id = it->contact = sender;
	it->recipient_id = recipient != NULL ? recipient : r->a->own_id;
	set_names(r, f, it);
	set_time(r, f, it, false);
	it->reply_to = pick_before(r, f, names_reply, o.id, NULL);
	if (is_outbound(r, f, &o, recipient))
		set_outbound(r, it, sender, recipient);
	set_place(r, it);
	if (r->behind)
		r->out->warning = "behind_text";
}

/* {"entry":[{"messaging":[...]}]}: Graph's reader knows every kind in it; the
 * entry's id is somebody's page, not an account of ours. */
static enum rc
read_envelope(struct reader *r, const struct json *root, const char *p, size_t n)
{
	const struct json *entries = json_get(root, "entry");

	if (provider_graph.parse != NULL &&
	    provider_graph.parse(r->a, "application/json", p, n, r->out) == RC_OK &&
	    r->out->n > 0) {
		for (size_t i = 0; i < r->out->n; i++)
			r->out->v[i].own_id = NULL;
		return RC_OK;
	}
	r->out->n = 0;
	for (size_t i = 0; i < json_len(entries); i++) {
		const struct json *m = json_get(json_at(entries, i), "messaging");

		for (size_t k = 0; k < json_len(m); k++)
			if (json_type(json_at(m, k)) == JSON_OBJECT)
				read_object(r, json_at(m, k));
	}
	return r->out->n > 0 ? RC_OK : RC_INVALID;
}

static enum rc read_any(struct reader *r, const struct json *j, const char *p, size_t n, int depth);

static enum rc
read_list(struct reader *r, const struct json *list, int depth)
{
	size_t before = r->out->n;

	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *j = json_at(list, i);

		if (json_type(j) != JSON_OBJECT || read_any(r, j, NULL, 0, depth + 1) != RC_OK)
			r->out->ignored++;
	}
	return r->out->n > before ? RC_OK : RC_INVALID;
}

/* {"messages":[...]} and {"data":[...]}: NULL where j is neither. */
static const struct json *
wrapped_list(const struct json *j)
{
	const struct json *l = json_member(j, "messages");

	if (json_type(l) != JSON_ARRAY)
		l = json_member(j, "data");
	return json_type(l) == JSON_ARRAY ? l : NULL;
}

/* JSON in a string in JSON, as a program passes a body on that it has not read. */
static enum rc
read_inner(struct reader *r, const struct json *string, int depth)
{
	const char *s = json_str(&r->out->arena, string);
	struct json *j = NULL;
	enum rc rc = RC_INVALID;

	if (s != NULL && json_parse(s, strlen(s), &j, NULL) == RC_OK &&
		!template_forged(s, strlen(s)))
		rc = read_any(r, j, s, strlen(s), depth);
	json_free(j);
	return rc;
}

/*
 * {"event":"message","data":{...}}, {"body":{...},"headers":{...}}: what programs between
 * a flow and us put around a message.  Only where nothing beside it names a sender or is a
 * text: the words of a customer, who writes such a member, stand beside both.
 */
static enum rc
read_wrapped(struct reader *r, const struct fields *f, int depth)
{
	static const char *const names[] = { "data", "payload", "body", "json", "request", "params",
	    NULL };
	bool http = json_type(field(f, "headers")) == JSON_OBJECT;

	for (const char *const *s = names_sender; *s != NULL; s++)
		if (field(f, *s) != NULL)
			return RC_NONE;
	for (const char *const *t = names_text; *t != NULL; t++)
		if (json_type(field(f, *t)) == JSON_STRING && !(http && str_eq(*t, "body")))
			return RC_NONE;
	for (const char *const *n = names; *n != NULL; n++) {
		const struct json *v = field(f, *n);

		if (json_type(v) == JSON_OBJECT)
			return read_any(r, v, NULL, 0, depth);
		if (json_type(v) == JSON_STRING)
			return read_inner(r, v, depth);
	}
	return RC_NONE;
}

/* Whatever shape a body has; its bytes are p[0..n], NULL where it is a part of one. */
static enum rc
read_any(struct reader *r, const struct json *j, const char *p, size_t n, int depth)
{
	struct fields f = fields_of(j);
	const struct json *list = NULL;
	enum rc rc;

	if (depth > NESTED_MAX)
		return RC_INVALID;
	if (json_type(j) == JSON_ARRAY)
		return read_list(r, j, depth);
	if (json_type(j) != JSON_OBJECT)
		return RC_INVALID;
	if (pick(r, &f, names_sender, NULL) != NULL) {	/* who names one is no envelope */
		read_object(r, j);
		return RC_OK;
	}
	list = wrapped_list(j);
	if (list != NULL)
		return read_list(r, list, depth);
	if (json_type(field(&f, "entry")) == JSON_ARRAY) {
		if (p == NULL) {
			p = json_raw(&r->out->arena, j);
			n = strlen(p);
		}
		return read_envelope(r, j, p, n);
	}
	rc = read_wrapped(r, &f, depth + 1);
	if (rc == RC_NONE) {
		read_object(r, j);
		rc = RC_OK;
	}
	return rc;
}

/* --- broken templates --------------------------------------------------------------- */

/*
 * The recommended template has its text last; where a quote in it breaks the JSON, or
 * makes a member of its own, the object is read as it was meant (template.h).
 */
static enum rc
salvage(struct reader *r, const char *p, size_t n)
{
	struct json *j = NULL;
	char *mended;

	if (template_mend(&r->out->arena, p, n, &mended) != RC_OK ||
	    json_parse(mended, strlen(mended), &j, NULL) != RC_OK)
		return RC_INVALID;
	read_object(r, j);
	json_free(j);
	if (r->out->n > 0 && r->out->v[0].contact == NULL)
		return RC_INVALID;	/* nobody's message */
	r->out->warning = "salvaged";
	return RC_OK;
}

/* --- parse -------------------------------------------------------------------------- */

static enum rc
parse_json(struct reader *r, const char *p, size_t n)
{
	struct json *j = NULL;
	const char *mended = NULL, *warning;
	size_t mended_n;
	enum rc rc;

	rc = json_parse(p, n, &j, NULL);
	if (rc != RC_OK && (mended = json_mend(&r->out->arena, p, n, &mended_n,
	    &warning)) != NULL) {
		/* neither a raw line end nor a byte that is no UTF-8 may cost the message */
		r->out->warning = warning;
		rc = json_parse(mended, mended_n, &j, NULL);
	} else {
		mended = p;
		mended_n = n;
	}
	if (rc != RC_OK || (!json_once(j, mended, mended_n) && template_forged(mended, mended_n))) {
		rc = *p == '{' ? salvage(r, p, n) : RC_INVALID;
		goto out;
	}
	rc = read_any(r, j, mended, mended_n, 0);
out:
	json_free(j);
	return rc == RC_OK ? RC_OK : RC_INVALID;
}

/* Form fields become an object, so that one reader serves both. */
static enum rc
parse_form(struct reader *r, const char *p, size_t n)
{
	struct http_field *f = NULL;
	struct json *j = NULL;
	struct buf b;
	size_t n_f = 0;
	enum rc rc = RC_INVALID;

	buf_init(&b, n * 6 + 64 * FORM_FIELDS);
	if (http_form_parse(&r->out->arena, p, n, FORM_FIELDS, &f, &n_f) != RC_OK)
		goto out;
	for (size_t i = 0; i < n_f; i++) {
		bool again = false, bad = false;

		for (size_t k = 0; k < i; k++)
			again |= str_eq(f[k].name, f[i].name);
		if (again)
			continue;	/* the first one counts */
		json_put_key(&b, b.n == 0 ? "{" : ",", str_utf8_clean(&r->out->arena,
		    f[i].name, strlen(f[i].name), NULL));
		json_put_str(&b, str_utf8_clean(&r->out->arena, f[i].value, f[i].value_n, &bad));
		if (bad)
			r->out->warning = "bad_utf8";
	}
	buf_putc(&b, '}');
	if (n_f == 0 || buf_err(&b) || json_parse(b.p, b.n, &j, NULL) != RC_OK)
		goto out;
	read_object(r, j);
	rc = RC_OK;
	if (r->out->n == 1 && r->out->v[0].contact == NULL) {
		r->out->n = 0;		/* any text is a form: without a sender it is not ours */
		rc = RC_INVALID;
	}
out:
	json_free(j);
	buf_free(&b);
	return rc;
}

static bool
is_unknown(const struct item *it)
{
	return it->type == ITEM_EVENT && str_eq(it->kind, "unknown");
}

/* Somebody's name is something: it stays an event. */
static bool
nothing_understood(const struct itemv *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (!is_unknown(&v->v[i]) || v->v[i].contact != NULL)
			return false;
	return v->n > 0;
}

static enum rc
chatrace_parse(const struct account *a, const char *content_type, const char *p, size_t n,
    struct itemv *out)
{
	struct reader r = { .a = a, .out = out };
	enum rc rc;

	(void)content_type;	/* a hint at most: contract.md 4 */
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		n -= 3;
	}
	str_trim(&p, &n);
	while (n > 0 && p[n - 1] == '\0')	/* a C string with its end */
		n--;
	if (n == 0)
		return RC_INVALID;
	rc = *p == '{' || *p == '[' ? parse_json(&r, p, n) : parse_form(&r, p, n);
	if (rc == RC_OK && nothing_understood(out)) {
		itemv_clear(out);
		rc = RC_INVALID;
	}
	if (rc == RC_OK && r.literal && out->warning == NULL)
		out->warning = "literal_variable";
	for (size_t i = 0; rc == RC_OK && out->warning == NULL && i < out->n; i++)
		if (is_unknown(&out->v[i]))
			out->warning = "not_understood";
	return rc;
}

/* A polled list: items without id and time have a place (contract.md 5). */
static enum rc
chatrace_parse_polled(const struct account *a, const char *content_type, const char *p, size_t n,
    struct itemv *out)
{
	struct reader r = { .a = a, .out = out, .polled = true };
	struct json *j = NULL;
	const struct json *list;
	enum rc rc = RC_OK;

	(void)content_type;
	if (json_parse(p, n, &j, NULL) != RC_OK)
		return RC_INVALID;
	list = json_type(j) == JSON_ARRAY ? j : wrapped_list(j);
	if (list != NULL)
		rc = read_list(&r, list, 0);
	else if (json_type(j) == JSON_OBJECT)
		read_object(&r, j);
	else
		rc = RC_INVALID;
	if (rc == RC_OK && r.literal && out->warning == NULL)
		out->warning = "literal_variable";
	json_free(j);
	return rc;
}

/* --- requests ------------------------------------------------------------------------ */

static enum rc
request(const struct account *a, const char *method, const char *path, const char *auth,
    struct http_req *out)
{
	const char *token = a->token != NULL ? a->token : "";
	struct buf b;
	enum rc rc;

	buf_init(&b, 8192);
	buf_printf(&b, "%s%s%s", a->api_url, *path == '/' ? "" : "/", path);
	http_req_free(out);
	http_req_init(out, method, b.p);
	rc = buf_err(&b) ? RC_INVALID : RC_OK;
	buf_reset(&b);
	/* "Authorization: Bearer", or the name of a header that takes the bare token */
	if (str_istarts(auth, "Authorization")) {
		buf_printf(&b, "Bearer %s", token);
		auth = "Authorization";
	} else {
		buf_puts(&b, token);
	}
	if (rc == RC_OK)
		rc = buf_err(&b) ? RC_INVALID : http_req_header(out, auth, b.p);
	if (rc == RC_OK)
		rc = http_req_header(out, "Accept", "application/json");
	mem_wipe(b.p, b.n);
	buf_free(&b);
	out->timeout_ms = REQUEST_MS;
	return rc;
}

/* The error of an answer: {"error":{"code","message"}}, {"message"}, {"errors"}
 * (A.5).  true where there is an error object or success is false. */
static bool
error_of(struct mem_arena *a, const struct json *j, int64_t *code, const char **text)
{
	const struct json *e = json_member(j, "error");
	const struct json *errors = json_member(j, "errors");

	*code = 0;
	*text = NULL;
	if (json_type(e) == JSON_OBJECT) {
		if (json_i64(json_member(e, "code"), code) != RC_OK)
			*code = 0;
		*text = json_text(a, json_member(e, "message"));
	} else {
		*text = json_text(a, e);
	}
	if (*text == NULL)
		*text = json_text(a, json_member(j, "message"));
	if (*text == NULL && errors != NULL)
		*text = json_raw(a, errors);
	if (json_type(e) == JSON_BOOL)
		return json_bool(e, false);
	return e != NULL || errors != NULL ||
	    (json_type(json_member(j, "success")) == JSON_BOOL &&
	    !json_bool(json_member(j, "success"), true));
}

/* --- poll ------------------------------------------------------------------------------ */

struct probe {
	bool known;		/* the form of memory is used, nothing else */
	bool me_asked;
	int me_status;
	bool me_ok;		/* the token is proved, and it is this account's */
	bool me_other;		/* proved, but another account's */
	bool me_html;		/* something else than the API answers there */
	bool me_gone;		/* 404 */
	size_t path, form;	/* under way, or next */
	const char *known_path, *known_auth;
	size_t gone, denied, failed;	/* paths, by how they ended */
	bool over;
};

static void
finish(struct poll_state *st, struct probe *pr, enum poll_outcome outcome, const char *hint)
{
	pr->over = true;
	st->outcome = outcome;
	st->hint = hint;
}

static struct poll_attempt *
attempt(const struct account *a, struct poll_state *st, const char *path, const char *auth)
{
	struct poll_attempt *at = poll_attempt_add(st);
	char masked[2048];
	struct buf b;

	buf_init(&b, sizeof masked);
	buf_printf(&b, "%s%s%s", a->api_url, *path == '/' ? "" : "/", path);
	log_mask(b.p, b.n, masked, sizeof masked);
	buf_free(&b);
	at->url = mem_arena_dup(&st->arena, masked);
	at->auth = mem_arena_dup(&st->arena, auth);
	return at;
}

static struct probe *
probe_new(struct poll_state *st)
{
	struct probe *pr = mem_arena_alloc(&st->arena, sizeof *pr);
	struct json *m = NULL;

	memset(pr, 0, sizeof *pr);
	if (!st->probe && st->memory != NULL &&
	    json_parse(st->memory, strlen(st->memory), &m, NULL) == RC_OK) {
		pr->known_path = json_str(&st->arena, json_get(m, "form.path"));
		pr->known_auth = json_str(&st->arena, json_get(m, "form.auth"));
		pr->known = !str_empty(pr->known_path) && !str_empty(pr->known_auth);
	}
	json_free(m);
	st->priv = pr;
	return pr;
}

static void
list_not_tried(const struct account *a, struct poll_state *st, struct probe *pr)
{
	if (pr->known)
		return;
	for (; pr->path < chatrace_own(a)->poll_paths.n; pr->path++, pr->form = 0)
		for (; pr->form < chatrace_own(a)->auth_formats.n; pr->form++)
			attempt(a, st, chatrace_own(a)->poll_paths.v[pr->path],
			    chatrace_own(a)->auth_formats.v[pr->form])->note = "not_tried";
}

/* Every path was asked: what does it mean? */
static void
conclude(struct poll_state *st, struct probe *pr)
{
	if (pr->failed > 0)
		finish(st, pr, POLL_FAILED, "bad_answer");
	else if (pr->me_html)
		finish(st, pr, POLL_FAILED, "base_url");
	else if (pr->gone == 0 && !pr->me_ok && !pr->me_other)
		finish(st, pr, POLL_FAILED, "wrong_token");
	else if (pr->me_other)
		finish(st, pr, POLL_UNSUPPORTED, "other_account");
	else if (pr->me_gone)
		finish(st, pr, POLL_UNSUPPORTED, "base_url");
	else if (pr->me_status == 401)
		finish(st, pr, POLL_UNSUPPORTED, "wrong_token");
	else
		finish(st, pr, POLL_UNSUPPORTED, "no_polling");
	if (st->outcome == POLL_UNSUPPORTED)
		st->new_memory = "{\"unsupported\":true}";
}

static enum rc
chatrace_poll_build(const struct account *a, struct poll_state *st, struct http_req *out)
{
	struct probe *pr = st->priv != NULL ? st->priv : probe_new(st);
	int64_t left = st->deadline_ms - clock_mono_ms();
	const char *path, *auth;
	enum rc rc;

	if (!pr->over && str_empty(a->token))
		finish(st, pr, POLL_FAILED, "no_token");
	if (!pr->over && !pr->known && pr->me_asked && pr->path >= chatrace_own(a)->poll_paths.n)
		conclude(st, pr);
	if (!pr->over && left < LEAST_MS) {
		list_not_tried(a, st, pr);
		finish(st, pr, POLL_FAILED, "timeout");
	}
	if (pr->over)
		return RC_NONE;
	path = pr->known ? pr->known_path : pr->me_asked ? chatrace_own(a)->poll_paths.v[pr->path] :
	    "/accounts/me";
	auth = pr->known ? pr->known_auth : pr->me_asked ?
	    chatrace_own(a)->auth_formats.v[pr->form] : AUTH_TOKEN;
	rc = request(a, "GET", path, auth, out);
	if (rc != RC_OK) {
		list_not_tried(a, st, pr);
		finish(st, pr, POLL_FAILED, "bad_url");
		return RC_NONE;
	}
	if (left < REQUEST_MS)
		out->timeout_ms = (unsigned int)left;
	return RC_OK;
}

/* No answer, or one that any path would give: a note, else NULL. */
static const char *
plain_note(const struct http_res *res)
{
	if (res->fail != HTTP_FAIL_NONE)
		return http_fail_names[res->fail];
	switch (res->status) {
	case 401:
		return "unauthorized";
	case 403:
		return "forbidden";
	case 404:
		return "not_found";
	case 405:
		return "method_not_allowed";
	case 429:
		return "rate_limited";
	}
	if (res->status >= 300 && res->status < 400)
		return "redirect_not_followed";
	if (res->status >= 500)
		return "server_error";
	if (res->status < 200 || res->status >= 300)
		return "refused";
	return NULL;
}

/* Nothing behind this host will answer either. */
static bool
host_dead(enum http_fail f)
{
	return f == HTTP_FAIL_DNS || f == HTTP_FAIL_CONNECT || f == HTTP_FAIL_TLS ||
	    f == HTTP_FAIL_URL || f == HTTP_FAIL_BLOCKED;
}

/* A.8: GET /accounts/me */
static void
read_me(const struct account *a, const struct http_res *res, struct poll_state *st,
    struct probe *pr, struct poll_attempt *at)
{
	struct json *j = NULL;
	const char *page, *text;
	int64_t code;

	pr->me_asked = true;
	pr->me_status = res->status;
	at->note = plain_note(res);
	pr->me_gone = res->fail == HTTP_FAIL_NONE && res->status == 404;
	if (at->note != NULL)
		return;
	if (json_parse(res->body, res->body_n, &j, NULL) != RC_OK ||
	    json_type(j) != JSON_OBJECT) {
		at->note = "not_json";
		pr->me_html = true;
	} else if (error_of(&st->arena, j, &code, &text)) {
		at->note = "error_object";
		pr->me_status = code == 401 ? 401 : res->status;
	} else {
		page = json_text(&st->arena, json_member(j, "page_id"));
		pr->me_other = page != NULL && a->own_id != NULL && !str_eq(page, a->own_id);
		pr->me_ok = !pr->me_other;
		at->note = pr->me_other ? "other_account" : "token_ok";
		if (json_type(json_member(j, "active")) == JSON_BOOL &&
		    !json_bool(json_member(j, "active"), true))
			at->note = "account_suspended";
	}
	json_free(j);
}

/* Is this answer a list of messages?  NULL: yes, its items are in out. */
static const char *
read_messages(const struct account *a, const struct http_res *res, struct poll_state *st,
    struct itemv *out)
{
	struct reader r = { .a = a, .out = out, .polled = true };
	struct json *j = NULL;
	const struct json *list;
	const char *note = NULL, *text;
	int64_t code;

	if (json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		return "not_json";
	list = json_type(j) == JSON_ARRAY ? j : wrapped_list(j);
	if (list != NULL) {
		if (json_len(list) > 0 && read_list(&r, list, 0) != RC_OK)
			note = "not_understood";
	} else if (json_type(j) != JSON_OBJECT) {
		note = "not_a_list";
	} else if (error_of(&st->arena, j, &code, &text)) {
		note = code == 401 ? "unauthorized" : "error_object";
	} else {
		read_object(&r, j);
		if (out->n == 0 || out->v[0].type != ITEM_MESSAGE) {
			out->n = 0;
			note = "not_a_list";
		}
	}
	if (note == NULL && r.literal && out->warning == NULL)
		out->warning = "literal_variable";
	json_free(j);
	return note;
}

static void
accepted(const struct account *a, struct poll_state *st, struct probe *pr, size_t n)
{
	struct buf b;

	if (!pr->known) {
		buf_init(&b, 8192);
		buf_puts(&b, "{\"form\":{\"path\":");
		json_put_str(&b, chatrace_own(a)->poll_paths.v[pr->path]);
		buf_puts(&b, ",\"auth\":");
		json_put_str(&b, chatrace_own(a)->auth_formats.v[pr->form]);
		buf_puts(&b, "}}");
		st->new_memory = mem_arena_dup(&st->arena, b.p);
		buf_free(&b);
	}
	finish(st, pr, n > 0 ? POLL_MESSAGES : POLL_EMPTY, NULL);
}

static void
next_path(struct probe *pr, size_t *how)
{
	(*how)++;
	pr->path++;
	pr->form = 0;
}

/* The form asked was not accepted: where to go on. */
static void
go_on(const struct account *a, const struct http_res *res, struct poll_state *st,
    struct probe *pr, const char *note)
{
	bool denied = str_eq(note, "unauthorized") || str_eq(note, "forbidden");

	if (pr->known) {
		bool gone = denied || res->status == 404;

		if (gone)
			st->new_memory = "{}";	/* the next check probes afresh */
		if (gone && st->person) {
			/* ... and for a person this one does */
			memset(pr, 0, sizeof *pr);
			return;
		}
		finish(st, pr, POLL_FAILED, denied ? "wrong_token" : gone ? "form_lost" :
		    res->fail == HTTP_FAIL_TIMEOUT ? "timeout" :
		    res->fail != HTTP_FAIL_NONE ? "unreachable" : "bad_answer");
	} else if (denied) {
		if (++pr->form >= chatrace_own(a)->auth_formats.n)
			next_path(pr, &pr->denied);
	} else if (res->fail != HTTP_FAIL_NONE || res->status >= 500 ||
	    str_eq(note, "error_object")) {
		next_path(pr, &pr->failed);
	} else {
		next_path(pr, &pr->gone);
	}
}

static enum rc
chatrace_poll_read(const struct account *a, const struct http_res *res, struct poll_state *st,
    struct itemv *out)
{
	struct probe *pr = st->priv;
	bool me = !pr->known && !pr->me_asked;
	struct poll_attempt *at;
	const char *note;
	int after;

	at = attempt(a, st, pr->known ? pr->known_path : me ? "/accounts/me" :
	    chatrace_own(a)->poll_paths.v[pr->path], pr->known ? pr->known_auth : me ? AUTH_TOKEN :
	    chatrace_own(a)->auth_formats.v[pr->form]);
	at->status = res->status;
	at->ms = res->ms;
	note = plain_note(res);
	if (me) {
		read_me(a, res, st, pr, at);
	} else {
		if (note == NULL)
			note = read_messages(a, res, st, out);
		at->note = note != NULL ? note : "accepted";
		if (note == NULL)
			accepted(a, st, pr, out->n);
		else
			go_on(a, res, st, pr, note);
	}
	if (res->fail == HTTP_FAIL_NONE && res->status == 429) {
		after = http_retry_after_s(res);
		st->pause_s = after > 0 ? after : PAUSE_429_S;
		list_not_tried(a, st, pr);
		finish(st, pr, POLL_FAILED, "rate_limited");
	} else if (!pr->over && host_dead(res->fail)) {
		list_not_tried(a, st, pr);
		finish(st, pr, POLL_FAILED, "unreachable");
	}
	return RC_OK;
}

/* --- send (A.3, A.5) -------------------------------------------------------------------- */

static const char *
file_type(const char *type)
{
	if (str_eq(type, "image") || str_eq(type, "video") || str_eq(type, "audio"))
		return type;
	return "file";
}

static enum rc
chatrace_send_build(const struct account *a, const struct outmsg *m, struct http_req *out)
{
	bool file = m->n_atts > 0;
	struct buf path, body;
	enum rc rc = RC_INVALID;

	/* text and file are two requests; there are no quotes and no actions */
	if (m->action != NULL || m->reply_to != NULL || m->n_atts > 1 ||
	    str_empty(m->recipient) || file == !str_empty(m->body) ||
	    (file && str_empty(m->atts[0].url)))
		return RC_INVALID;
	buf_init(&path, 4096);
	buf_init(&body, 1u << 20);
	buf_puts(&path, "/contacts/");
	http_url_encode(&path, m->recipient);
	buf_puts(&path, file ? "/send/file" : "/send/text");
	json_put_key(&body, "{", file ? "url" : "text");
	json_put_str(&body, file ? m->atts[0].url : m->body);
	if (file) {
		json_put_key(&body, ",", "type");
		json_put_str(&body, file_type(m->atts[0].type));
	}
	json_put_key(&body, ",", "channel");
	json_put_str(&body, chatrace_own(a)->send_channel);
	buf_putc(&body, '}');
	if (!buf_err(&path) && !buf_err(&body))
		rc = request(a, "POST", path.p, AUTH_TOKEN, out);
	if (rc == RC_OK) {
		http_req_body(out, "application/json", body.p, body.n);
		out->fresh = true;
	}
	buf_free(&path);
	buf_free(&body);
	return rc;
}

/* ARCHITECTURE.md 4: what a status means for the message. */
static enum send_outcome
by_status(int64_t status)
{
	if (status == 401)
		return SEND_PAUSE;
	if (status == 429 || status == 500 || status == 503)
		return SEND_RETRY;
	if (status == 408 || status >= 500)
		return SEND_UNKNOWN;
	/* only these speak of this contact or this content; a redirect or any other refusal
	 * is the account's, its address' or nobody knows whose */
	if (status == 400 || status == 404 || status == 413 || status == 422)
		return SEND_REFUSED;
	return SEND_PAUSE;
}

static bool
has_word(const char *text, const char *const *words)
{
	for (; text != NULL && *words != NULL; words++)
		if (strcasestr(text, *words) != NULL)
			return true;
	return false;
}

/*
 * A refusal by its code, 0: none was given, and by its words.  What speaks of the account
 * (its plan, its limits) is no message's fault, whatever the code; without a code only
 * words that speak of this contact or this content end a message.
 */
static enum send_outcome
by_words(int64_t code, const char *text)
{
	static const char *const account[] = { "suspend", "subscription", "upgrade", "quota",
	    "rate limit", "limit reached", "too many", "api key", "not connected", "disabled",
	    "maintenance", "try again", NULL };
	static const char *const message[] = { "contact", "recipient", "subscriber", "user ",
	    "phone", "24 h", "24-h", "window", "text", "message is", "url", "file", NULL };
	enum send_outcome o = code != 0 ? by_status(code) :
	    has_word(text, message) ? SEND_REFUSED : SEND_PAUSE;

	return o == SEND_REFUSED && has_word(text, account) ? SEND_PAUSE : o;
}

static void
set_text(struct send_result *out, const char *text)
{
	if (text != NULL)
		log_mask(text, strlen(text), out->text, sizeof out->text);
}

static enum rc
chatrace_send_read(const struct account *a, const struct outmsg *m, const struct http_res *res,
    struct send_result *out)
{
	struct mem_arena arena = {0};
	struct json *j = NULL;
	const char *text = NULL, *id;
	int64_t code = 0;
	bool error = false, ok2xx = res->status >= 200 && res->status < 300;

	(void)a;
	(void)m;
	memset(out, 0, sizeof *out);
	out->retry_after_s = -1;
	if (res->fail != HTTP_FAIL_NONE) {
		out->outcome = res->sent ? SEND_UNKNOWN : SEND_RETRY;
		snprintf(out->code, sizeof out->code, "%s", http_fail_names[res->fail]);
		set_text(out, res->note);
		return RC_OK;
	}
	if (json_parse(res->body, res->body_n, &j, NULL) == RC_OK)
		error = error_of(&arena, j, &code, &text);
	snprintf(out->code, sizeof out->code, "%lld",
	    (long long)(code != 0 ? code : res->status));
	if (!ok2xx) {
		out->outcome = by_words(res->status, text);
		if (res->status == 404 && j == NULL)
			out->outcome = SEND_PAUSE;	/* a page: a wrong base URL (A.8) */
		set_text(out, text);
	} else if (error) {
		/* A.5: an error in a 200; its code is of HTTP's kind, where there is one */
		out->outcome = by_words(code, text);
		set_text(out, text);
	} else if (json_bool(json_member(j, "success"), false)) {
		out->outcome = SEND_ACCEPTED;	/* not delivered, and without an id */
		out->code[0] = '\0';
		id = json_text(&arena, json_member(j, "message_id"));
		if (!str_empty(id) && strlen(id) < sizeof out->message_id) {
			out->outcome = SEND_SENT;
			snprintf(out->message_id, sizeof out->message_id, "%s", id);
		}
	} else {
		out->outcome = SEND_UNKNOWN;
		snprintf(out->code, sizeof out->code, "%s", j == NULL ? "not_json" : "no_success");
	}
	if (out->outcome == SEND_RETRY)
		out->retry_after_s = http_retry_after_s(res);
	if (out->outcome == SEND_PAUSE) {
		out->pause_s = res->status == 401 || code == 401 ? PAUSE_401_S : PAUSE_REDIRECT_S;
		out->hint = res->status == 401 || code == 401 ? "wrong_token" : res->status == 404 ?
		    "base_url" : "bad_answer";
		out->grows = out->unclear = res->status != 401 && code != 401 &&
		    res->status != 404 && (res->status < 300 || res->status >= 400);
	}
	json_free(j);
	mem_arena_free(&arena);
	return RC_OK;
}

/* --- doctor (A.8) ------------------------------------------------------------------------- */

enum { PROBE_TOKEN, PROBE_PAGE, PROBE_ACTIVE, PROBE_INTEGRATIONS, PROBE__MAX };

static enum rc
chatrace_probe_build(const struct account *a, int step, struct http_req *out)
{
	if (step < 0 || step >= PROBE__MAX || str_empty(a->token))
		return RC_NONE;
	return request(a, "GET", step == PROBE_INTEGRATIONS ? "/accounts/integrations" :
	    "/accounts/me", AUTH_TOKEN, out);
}

static void PRINTF_LIKE(4, 5)
found(struct finding *f, enum finding_status status, const char *code, const char *fmt, ...)
{
	char raw[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	f->status = status;
	snprintf(f->code, sizeof f->code, "%s", code);
	log_mask(raw, strlen(raw), f->seen, sizeof f->seen);
}

/* What is wrong with the request itself; true where the rest needs no look. */
static bool
probe_broken(const struct http_res *res, struct json **j, struct mem_arena *arena, int step,
    struct finding *out)
{
	static const char *const codes[PROBE__MAX] =
	    { "token", "page_id", "active", "integrations" };
	/* the first step names the fault; the others could not be told */
	enum finding_status bad = step == PROBE_TOKEN ? FINDING_FAIL : FINDING_UNKNOWN;
	const char *text;
	int64_t code;

	if (res->fail != HTTP_FAIL_NONE) {
		found(out, bad, step == PROBE_TOKEN ? "reach" : codes[step], "%s: %s",
		    http_fail_names[res->fail], res->note);
		return true;
	}
	if (res->status == 401) {
		found(out, bad, codes[step], "HTTP 401: the key is wrong, or the base URL is");
		return true;
	}
	if (res->status == 404 || json_parse(res->body, res->body_n, j, NULL) != RC_OK) {
		found(out, bad, step == PROBE_TOKEN ? "base_url" : codes[step],
		    "HTTP %d, no JSON of the API: INSTAGRAM_API_URL has a missing or an extra /api",
		    res->status);
		return true;
	}
	if (res->status != 200 || error_of(arena, *j, &code, &text)) {
		(void)error_of(arena, *j, &code, &text);
		found(out, bad, codes[step], "HTTP %d %s", res->status, text != NULL ? text : "");
		return true;
	}
	return false;
}

/* Switched off, by whichever of these words: A.8 does not know which is the one. */
static bool
off(struct mem_arena *arena, const struct json *o)
{
	static const char *const yes[] = { "active", "connected", "enabled", "is_active",
	    "is_connected" };
	static const char *const no[] = { "disconnected", "inactive", "expired", "disabled",
	    "not_connected", "error" };
	const char *s = json_text(arena, json_member(o, "status"));

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (json_member(o, yes[i]) != NULL && !json_bool(json_member(o, yes[i]), true))
			return true;
	for (size_t i = 0; s != NULL && i < sizeof no / sizeof *no; i++)
		if (str_ieq(s, no[i]))
			return true;
	return false;
}

/* A.8 [?]: the exact shape is not known.  A list that does not name it, or names it as off,
 * is an answer; of another shape its absence proves nothing. */
static void
integrations(struct mem_arena *arena, const struct json *j, struct finding *out)
{
	const struct json *list = json_type(j) == JSON_ARRAY ? j : json_member(j, "data");
	const struct json *v = json_member(j, "instagram");
	bool listed = json_type(list) == JSON_ARRAY, named = false;

	for (size_t i = 0; listed && i < json_len(list); i++) {
		if (strcasestr(json_raw(arena, json_at(list, i)), "instagram") == NULL)
			continue;
		named = true;
		v = json_at(list, i);
		if (!off(arena, v))
			break;
	}
	if (v != NULL && (off(arena, v) || json_type(v) == JSON_NULL ||
	    (json_type(v) == JSON_BOOL && !json_bool(v, true))))
		found(out, FINDING_FAIL, "integrations", "Instagram is named, but not connected");
	else if (named || v != NULL || strcasestr(json_raw(arena, j), "instagram") != NULL)
		found(out, FINDING_OK, "integrations", "Instagram is among the integrations");
	else if (listed)
		found(out, FINDING_WARN, "integrations",
		    "Instagram is not among the %zu integrations", json_len(list));
	else
		found(out, FINDING_UNKNOWN, "integrations", "Instagram is not named");
}

static enum rc
chatrace_probe_read(const struct account *a, int step, const struct http_res *res,
    struct finding *out)
{
	struct mem_arena arena = {0};
	struct json *j = NULL;
	const char *page;

	memset(out, 0, sizeof *out);
	if (probe_broken(res, &j, &arena, step, out))
		goto out;
	switch (step) {
	case PROBE_TOKEN:
		found(out, FINDING_OK, "token", "GET /accounts/me answers 200 with X-ACCESS-TOKEN");
		break;
	case PROBE_PAGE:
		page = json_text(&arena, json_member(j, "page_id"));
		if (page == NULL)
			found(out, FINDING_UNKNOWN, "page_id", "the answer has no page_id");
		else if (!str_eq(page, a->own_id))
			found(out, FINDING_FAIL, "page_id", "page_id %s, the token says %s", page,
			    a->own_id != NULL ? a->own_id : "nothing");
		else
			found(out, FINDING_OK, "page_id", "page_id %s", page);
		break;
	case PROBE_ACTIVE:
		if (json_member(j, "active") == NULL)
			found(out, FINDING_UNKNOWN, "active", "the answer has no active");
		else if (json_bool(json_member(j, "active"), true))
			found(out, FINDING_OK, "active", "the account is active");
		else
			found(out, FINDING_FAIL, "active",
			    "active is false: the account is suspended");
		break;
	case PROBE_INTEGRATIONS:
		integrations(&arena, j, out);
		break;
	}
out:
	json_free(j);
	mem_arena_free(&arena);
	return RC_OK;
}

/* POST /contacts/ID/send/file names no limits; behind it is Instagram with its own. */
static const struct provider_file files[] = {
	{ "image", "image/jpeg image/png image/gif", 8u << 20 },
	{ "video", "video/mp4 video/ogg video/quicktime video/webm", 25u << 20 },
	{ "audio", "audio/aac audio/mp4 audio/wav", 25u << 20 },
	{ "file", "application/pdf", 25u << 20 },
};
static const size_t n_files = sizeof files / sizeof *files;

const struct provider provider_chatrace = {
	.name = "chatrace",
	.title = "Chatrace",
	.channel = CHANNEL_INSTAGRAM,
	.words = { .mode = "CHATRACE API", .configured = "Chatrace API configured",
	    .from = "Instagram/Chatrace", .shape = "Chatrace webhook",
	    .item = "Chatrace Instagram" },
	.earlier = true,
	.probes = true,
	.poll_s = 10,
	.send_gap_ms = 1000,	/* A.5: about one request a second */
	.sender = "1000031213000000001",
	.keys = chatrace_keys,
	.n_keys = &chatrace_n_keys,
	.files = files,
	.n_files = &n_files,
	.claims = chatrace_claims,
	.configure = chatrace_configure,
	.unconfigure = chatrace_unconfigure,
	.token_part = chatrace_token_part,
	.verify = chatrace_verify,
	.sign = chatrace_sign,
	.handshake = chatrace_handshake,
	.parse = chatrace_parse,
	.parse_polled = chatrace_parse_polled,
	.poll_build = chatrace_poll_build,
	.poll_read = chatrace_poll_read,
	.send_build = chatrace_send_build,
	.send_read = chatrace_send_read,
	.probe_build = chatrace_probe_build,
	.probe_read = chatrace_probe_read,
	.ticket = chatrace_ticket,
	.samples = chatrace_samples,
	.n_samples = &chatrace_n_samples,
	.hints = chatrace_hints,
	.n_hints = &chatrace_n_hints,
	.setup = chatrace_setup,
	.checks = chatrace_checks,
	.n_checks = &chatrace_n_checks,
};

/*
 * What Meta tells of a WhatsApp number, as messages and events (providers.md H.3 to H.12).
 * One reader serves incoming messages, what staff wrote on the phone (coexistence) and
 * the history; nothing is dropped: an unknown field, type or member is kept raw.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/phone.h"
#include "base/str.h"
#include "provider/cloud/cloud.h"
#include "model/detail.h"

#define RETRIES 3		/* attempts in all, of what is reported as failed (H.19) */
#define PAIR_RETRIES 5
#define NO_MARKETING "131050"
#define TEST_NUMBER "123456123"		/* of the dashboard's Test button (H.2) */

/* Where in the envelope we are. */
struct in {
	struct itemv *out;
	const struct account *a;
	const char *waba;		/* entry.id; NULL */
	const char *number;		/* metadata.phone_number_id; NULL */
	const char *display;		/* our phone, digits; NULL */
	const struct json *contacts;	/* beside messages or statuses; or NULL */
	const struct json *list;	/* what holds messages, statuses */
	/* that messages and states are of */
	enum { PEOPLE_UNKNOWN, PEOPLE_ONE, PEOPLE_MANY } people;
	bool test;
	bool past;			/* the number's history */
};

static char *
text_at(struct in *in, const struct json *j, const char *path)
{
	char *s = json_text(&in->out->arena, json_get(j, path));

	return str_empty(s) ? NULL : s;
}

/* The digits of a phone, however it is written; NULL where there are none, or it is a
 * business-scoped id: its digits are somebody else's phone. */
static char *
digits(struct mem_arena *a, const char *s)
{
	char *out, *o;

	if (s == NULL || cloud_is_bsuid(s))
		return NULL;
	o = out = mem_arena_alloc(a, strlen(s) + 1);
	for (; *s != '\0'; s++)
		if (*s >= '0' && *s <= '9')
			*o++ = *s;
	*o = '\0';
	return *out != '\0' ? out : NULL;
}

/* The business-scoped id of a person, in its own member or in place of the phone. */
static const char *
scoped(struct in *in, const struct json *j, const char *member, const char *phone)
{
	const char *id = text_at(in, j, member), *other = text_at(in, j, phone);

	return id != NULL || !cloud_is_bsuid(other) ? id : other;
}

/* --- whose it is (H.4) ---------------------------------------------------------------- */

/* One more id of the item's contact. */
static void
add_id(struct in *in, const char **lines, const struct item *it, const char *id)
{
	char both[700];

	if (id == NULL || str_eq(id, it->contact))
		return;
	if (*lines == NULL) {
		*lines = id;
		return;
	}
	snprintf(both, sizeof both, "%s\n%s", *lines, id);
	*lines = mem_arena_dup(&in->out->arena, both);
}

/*
 * The other side: by phone where it is given, else by the business-scoped id.  Where both
 * are given they are one person's, which alias records.
 */
static void
set_contact(struct in *in, struct item *it, const char *phone, const char *bsuid)
{
	it->contact = phone != NULL ? phone : bsuid;
	it->alias = NULL;
	if (phone != NULL)
		add_id(in, &it->alias, it, bsuid);
	if (it->dir == DIR_IN)
		it->sender_id = it->contact;
	else
		it->recipient_id = it->contact;
}

static bool
is_person(struct in *in, const struct json *c, const char *phone, const char *bsuid)
{
	return (phone != NULL && str_eq(phone, digits(&in->out->arena, text_at(in, c, "wa_id")))) ||
	    (bsuid != NULL && str_eq(bsuid, scoped(in, c, "user_id", "wa_id")));
}

/* Are all things of these lists of one person?  first: of whom the one before is. */
static bool
one_person(struct in *in, const struct json *list, const char *phone, const char *bsuid,
    const char *first[2])
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *m = json_at(list, i);
		const char *p = text_at(in, m, phone), *u = text_at(in, m, bsuid);

		if ((first[0] != NULL && p != NULL && !str_eq(first[0], p)) ||
		    (first[1] != NULL && u != NULL && !str_eq(first[1], u)) ||
		    ((first[0] == NULL || p == NULL) && (first[1] == NULL || u == NULL) &&
			(first[0] != NULL || first[1] != NULL)))
			return false;
		first[0] = first[0] != NULL ? first[0] : p;
		first[1] = first[1] != NULL ? first[1] : u;
	}
	return true;
}

/*
 * The entry of contacts[] that is this person's: by phone, by id, or the only one where all of
 * the value is one person's: wa_id may be another spelling of the phone (H.3, H.4).
 */
static const struct json *
profile_of(struct in *in, const char *phone, const char *bsuid)
{
	size_t n = json_len(in->contacts);
	const char *first[2] = { NULL, NULL };

	for (size_t i = 0; i < n; i++)
		if (is_person(in, json_at(in->contacts, i), phone, bsuid))
			return json_at(in->contacts, i);
	if (n != 1)
		return NULL;
	if (in->people == PEOPLE_UNKNOWN)
		in->people = one_person(in, json_get(in->list, "messages"), "from", "from_user_id",
				 first) &&
			one_person(in, json_get(in->list, "statuses"), "recipient_id",
			    "recipient_user_id", first) &&
			one_person(
			    in, json_get(in->list, "message_echoes"), "to", "to_user_id", first) ?
		    PEOPLE_ONE :
		    PEOPLE_MANY;
	return in->people == PEOPLE_ONE ? json_at(in->contacts, 0) : NULL;
}

/* Name and user name; the ids that only the profile has, too. */
static void
set_profile(struct in *in, struct item *it, const char *phone, const char *bsuid)
{
	const struct json *c = profile_of(in, phone, bsuid);
	const char *wa_id = digits(&in->out->arena, text_at(in, c, "wa_id"));

	it->name = text_at(in, c, "profile.name");
	it->username = text_at(in, c, "profile.username");
	set_contact(in, it, phone != NULL ? phone : wa_id,
	    bsuid != NULL ? bsuid : scoped(in, c, "user_id", "wa_id"));
	add_id(in, &it->alias, it, wa_id);
}

/* --- items ------------------------------------------------------------------------------ */

/* Seconds as text or number; the history and account fields write both. */
static void
set_time(struct in *in, struct item *it, const struct json *at)
{
	item_time(in->out, it, json_text(&in->out->arena, at));
}

static struct item *
new_item(struct in *in, enum item_type type, const char *kind, const struct json *raw)
{
	struct item *it = itemv_add(in->out);

	it->type = type;
	it->kind = kind;
	it->own_id = in->number;
	it->is_test = in->test;
	it->past = in->past;
	it->raw = json_raw(&in->out->arena, raw);
	return it;
}

/* The same thing told twice is one event. */
static const char *
event_key(struct in *in, const char *what, const char *a, const char *b)
{
	char key[700];

	snprintf(key, sizeof key, "%s:%s:%s", what, a != NULL ? a : "", b != NULL ? b : "");
	return mem_arena_dup(&in->out->arena, key);
}

/* --- the content of a message (H.5) ----------------------------------------------------- */

static const struct {
	const char *type, *kind;
} media[] = {
	{ "image", "image" },
	{ "video", "video" },
	{ "audio", "audio" },
	{ "document", "file" },
	{ "sticker", "sticker" },
	{ "voice", "audio" },
};

static const char *
media_kind(const char *type)
{
	for (size_t i = 0; i < sizeof media / sizeof *media; i++)
		if (str_eq(type, media[i].type))
			return media[i].kind;
	return NULL;
}

/* The file's address at the API: it is fetched by the id, with our token.  The one in the
 * webhook lives five minutes and wants the token, too (H.15). */
static const char *
file_url(struct in *in, const char *id)
{
	char url[1200];

	if (id == NULL || !str_charset(id, 1, 200, "._-"))
		return NULL;
	snprintf(url, sizeof url, "%s/%s/%s",
	    str_empty(in->a->api_url) ? CLOUD_BASE : in->a->api_url,
	    cloud_own(in->a)->meta.version != NULL ? cloud_own(in->a)->meta.version : "", id);
	return mem_arena_dup(&in->out->arena, url);
}

static void
read_media(struct in *in, struct item *it, const struct json *o, struct detail *d)
{
	struct att *t = item_att_add(in->out, it);

	t->type = it->kind;
	t->ref = text_at(in, o, "id");
	t->url = file_url(in, t->ref);
	t->mime = text_at(in, o, "mime_type");
	t->name = text_at(in, o, "filename");
	it->body = text_at(in, o, "caption");
	detail_given(d, &in->out->arena, "sha256", json_get(o, "sha256"));
	detail_given(d, &in->out->arena, "voice", json_get(o, "voice"));
	detail_given(d, &in->out->arena, "animated", json_get(o, "animated"));
}

/* "Name, address", or the coordinates where nothing else is given. */
static const char *
place_words(struct in *in, const struct json *o)
{
	const char *name = text_at(in, o, "name"), *address = text_at(in, o, "address");
	const char *lat = text_at(in, o, "latitude"), *lon = text_at(in, o, "longitude");
	char s[1200];

	if (name != NULL || address != NULL)
		snprintf(s, sizeof s, "%s%s%s", name != NULL ? name : "",
		    name != NULL && address != NULL ? ", " : "", address != NULL ? address : "");
	else if (lat != NULL && lon != NULL)
		snprintf(s, sizeof s, "%s, %s", lat, lon);
	else
		return NULL;
	return str_utf8_clean(&in->out->arena, s, strlen(s), NULL);
}

/* Whose card it is, as far as it says: all of it may be absent (H.5). */
static void
card_name(struct in *in, const struct json *c, struct buf *b)
{
	static const char *const parts[] = { "name.prefix", "name.first_name", "name.middle_name",
		"name.last_name", "name.suffix" };
	const char *whole = text_at(in, c, "name.formatted_name"), *s;
	size_t before = b->n;

	for (size_t i = 0; whole == NULL && i < sizeof parts / sizeof *parts; i++)
		if ((s = text_at(in, c, parts[i])) != NULL)
			buf_printf(b, "%s%s", b->n > before ? " " : "", s);
	if (whole == NULL && b->n == before)
		whole = text_at(in, c, "org.company");
	if (whole != NULL)
		buf_puts(b, whole);
}

/* "Name: phone, phone" a line; of a card without phones what else one can write to. */
static const char *
card_words(struct in *in, const struct json *list)
{
	static const char *const ways[][3] = { { "phones", "phone", "wa_id" },
		{ "emails", "email", "email" } };
	struct buf b;
	const char *s;

	buf_init(&b, 16384);
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *c = json_at(list, i);
		const char *before;
		size_t line;
		bool any = false;

		if (b.n > 0)
			buf_putc(&b, '\n');
		line = b.n;
		card_name(in, c, &b);
		before = b.n > line ? ": " : "";
		for (size_t w = 0; w < sizeof ways / sizeof *ways && !any; w++) {
			const struct json *of = json_get(c, ways[w][0]);

			for (size_t k = 0; k < json_len(of); k++) {
				if ((s = text_at(in, json_at(of, k), ways[w][1])) == NULL)
					s = text_at(in, json_at(of, k), ways[w][2]);
				if (s != NULL)
					buf_printf(&b, "%s%s", any ? ", " : before, s);
				any = any || s != NULL;
			}
		}
	}
	s = b.n > 0 ? mem_arena_ndup(&in->out->arena, b.p, b.n) : NULL;
	buf_free(&b);
	return s;
}

/* The phone that a customer gave on request is the customer's own (H.4). */
static void
read_own_phone(struct in *in, struct item *it, const struct json *list)
{
	const struct json *c = json_at(list, 0), *p = json_at(json_get(c, "phones"), 0);
	const char *phone = text_at(in, p, "wa_id");
	char own[PHONE_MAX + 1];

	if (!str_eq(text_at(in, c, "origin"), "contact_request") || it->dir != DIR_IN ||
	    !str_eq(it->contact, it->sender_id))	/* in a group the contact is the chat */
		return;
	if (phone == NULL)
		phone = text_at(in, p, "phone");
	if (phone != NULL && phone_digits(phone, strlen(phone), own) > 0)
		add_id(in, &it->alias, it, mem_arena_dup(&in->out->arena, own));
}

/* A tap on a button or list entry is a postback: the words tapped, the payload in detail. */
static void
read_interactive(struct in *in, struct item *it, const struct json *o, struct detail *d)
{
	static const char *const replies[] = { "button_reply", "list_reply", "nfm_reply" };
	const char *type = text_at(in, o, "type");
	const struct json *r;

	/* where none is given, by the object that a known type has */
	for (size_t i = 0; type == NULL && i < sizeof replies / sizeof *replies; i++)
		if (json_type(json_member(o, replies[i])) == JSON_OBJECT)
			type = replies[i];
	r = type != NULL ? json_member(o, type) : NULL;
	it->kind = str_eq(type, "button_reply") || str_eq(type, "list_reply") ? "postback" :
	    str_eq(type, "nfm_reply")					      ? "form" :
										"interactive";
	it->body = text_at(in, r, "title");
	if (it->body == NULL)
		it->body = text_at(in, r, "body");
	if (it->body == NULL)	/* what was asked with buttons */
		it->body = text_at(in, o, "body.text");
	detail_given(d, &in->out->arena, "payload", json_get(r, "id"));
	detail_given(d, &in->out->arena, "interactive", o);
}

static void
read_content(
    struct in *in, struct item *it, const char *type, const struct json *m, struct detail *d)
{
	struct mem_arena *a = &in->out->arena;
	const struct json *o = type != NULL ? json_member(m, type) : NULL;

	if (media_kind(type) != NULL) {
		it->kind = media_kind(type);
		read_media(in, it, o, d);
	} else if (str_eq(type, "text")) {
		it->body = text_at(in, o, "body");
		if (it->body != NULL)
			it->kind = "text";
		else
			detail_given(d, a, "message", m);
	} else if (str_eq(type, "location")) {
		it->kind = "location";
		it->body = place_words(in, o);
		detail_given(d, a, "location", o);
	} else if (str_eq(type, "contacts")) {
		it->kind = "contact";
		it->body = card_words(in, o);
		read_own_phone(in, it, o);
		detail_given(d, a, "contacts", o);
	} else if (str_eq(type, "button")) {
		it->kind = "postback";
		it->body = text_at(in, o, "text");
		detail_given(d, a, "payload", json_get(o, "payload"));
	} else if (str_eq(type, "interactive")) {
		read_interactive(in, it, o, d);
	} else if (str_eq(type, "order")) {
		it->kind = "order";
		it->body = text_at(in, o, "text");
		detail_given(d, a, "order", o);
	} else if (str_eq(type, "template")) {
		it->kind = "template";
		detail_given(d, a, "template", o);
	} else if (str_eq(type, "media_placeholder")) {
		/* the history sends the picture under the same id (H.10) */
		it->kind = "unsupported";
		detail_given(d, a, "placeholder", m);
	} else {
		it->kind = "unsupported";
		detail_given(d, a, "type", json_get(m, "type"));
		detail_given(d, a, "unsupported", json_get(m, "unsupported"));
		if (!str_eq(type, "unsupported") && !str_eq(type, "unknown"))
			detail_given(d, a, "message", m);
	}
}

/* Quote, forwarding, advertisement, errors: beside the content of any type (H.6, H.8). */
static void
read_beside(struct in *in, struct item *it, const struct json *m, struct detail *d)
{
	struct mem_arena *a = &in->out->arena;
	const struct json *c = json_get(m, "context");

	it->reply_to = text_at(in, c, "id");
	if (it->reply_to == NULL)	/* of what was sent */
		it->reply_to = text_at(in, c, "message_id");
	if (json_get(c, "forwarded") != NULL || json_get(c, "frequently_forwarded") != NULL ||
	    json_get(c, "referred_product") != NULL)
		detail_given(d, a, "context", c);
	detail_given(d, a, "referral", json_get(m, "referral"));
	detail_given(d, a, "errors", json_get(m, "errors"));
	if (in->past && json_type(json_get(m, "history_context")) == JSON_OBJECT)
		detail_given(d, a, "history", json_get(m, "history_context"));
	else if (in->past)
		detail_given(d, a, "history", json_get(m, "id"));
}

/* The type; where none is given, by the object that a known type has. */
static const char *
type_of(struct in *in, const struct json *m)
{
	static const char *const types[] = { "text", "image", "video", "audio", "document",
		"sticker", "voice", "location", "contacts", "button", "interactive", "order",
		"reaction", "edit", "revoke", "system", NULL };
	const char *type = text_at(in, m, "type");

	for (size_t i = 0; type == NULL && types[i] != NULL; i++)
		if (json_type(json_member(m, types[i])) == JSON_OBJECT ||
		    json_type(json_member(m, types[i])) == JSON_ARRAY)
			type = types[i];
	return type;
}

/* --- events that come among the messages --------------------------------------------------- */

static void
read_reaction(struct in *in, struct item *it, const struct json *o)
{
	it->kind = "reaction";
	it->target_id = text_at(in, o, "message_id");
	it->text = text_at(in, o, "emoji");	/* none, or an empty one: taken back */
	it->effect = it->target_id == NULL ? EFFECT_NONE :
	    it->text != NULL		   ? EFFECT_REACT :
					     EFFECT_UNREACT;
}

static void
read_edit(struct in *in, struct item *it, const struct json *o)
{
	const struct json *m = json_get(o, "message");
	const char *type = type_of(in, m);
	const struct json *c = type != NULL ? json_member(m, type) : NULL;

	it->kind = "edit";
	it->target_id = text_at(in, o, "original_message_id");
	it->text = text_at(in, c, "body");
	if (it->text == NULL)
		it->text = text_at(in, c, "caption");
	it->num = it->at_known ? it->at_us / 1000000 : 1;	/* the later one counts */
	it->effect = it->target_id != NULL && it->text != NULL ? EFFECT_EDIT : EFFECT_NONE;
}

/* "User Ana changed from RU.1 to RU.2": the id before, where the words alone tell it (H.9). */
static const char *
id_before(struct in *in, const char *words, const char *id)
{
	const char *from = NULL, *to, *was;

	for (const char *p = words; p != NULL && (p = strstr(p, " from ")) != NULL;)
		from = p += strlen(" from ");
	to = from != NULL ? strstr(from, " to ") : NULL;
	if (to == NULL || !str_eq(to + strlen(" to "), id))
		return NULL;
	was = mem_arena_ndup(&in->out->arena, from, (size_t)(to - from));
	return cloud_is_bsuid(was) ? was : NULL;
}

/*
 * A new phone or a new business-scoped id is the same person's (H.9): the contact is the new
 * one, and those that it took the place of are left.  Older spellings: new_wa_id, customer.
 */
static void
read_system(struct in *in, struct item *it, const struct json *m)
{
	const struct json *s = json_get(m, "system");
	const char *from = digits(&in->out->arena, text_at(in, m, "from"));
	const char *was = text_at(in, s, "previous_user_id"), *id = text_at(in, s, "user_id");
	const char *now = digits(&in->out->arena, text_at(in, s, "wa_id"));

	it->kind = "system";
	it->body = NULL;
	it->text = text_at(in, s, "body");
	if (now == NULL)
		now = digits(&in->out->arena, text_at(in, s, "new_wa_id"));
	if (from == NULL)
		from = digits(&in->out->arena, text_at(in, s, "customer"));
	if (was == NULL)
		was = scoped(in, m, "from_user_id", "from");
	if (was == NULL)
		was = id_before(in, it->text, id);
	if (now == NULL && (id == NULL || str_eq(id, was))) {
		/* the key changed, or nothing that we know */
		set_contact(in, it, from, was);
		return;
	}
	set_contact(in, it, now, id);
	if (now != NULL || from == NULL)
		add_id(in, &it->left, it, from);
	else
		/* a phone that is not said to have changed */
		add_id(in, &it->alias, it, from);
	if (!str_eq(was, id))
		add_id(in, &it->left, it, was);
}

/* True: it is an event, and read. */
static bool
read_as_event(
    struct in *in, struct item *it, const char *type, const struct json *m, const char *id)
{
	if (str_eq(type, "reaction")) {
		read_reaction(in, it, json_get(m, "reaction"));
	} else if (str_eq(type, "edit")) {
		read_edit(in, it, json_get(m, "edit"));
	} else if (str_eq(type, "revoke")) {
		it->kind = "unsend";
		it->target_id = text_at(in, m, "revoke.original_message_id");
		it->effect = it->target_id != NULL ? EFFECT_UNSEND : EFFECT_NONE;
	} else if (str_eq(type, "system")) {
		read_system(in, it, m);
	} else if (str_eq(type, "request_welcome")) {
		it->kind = "welcome";
	} else {
		return false;
	}
	it->type = ITEM_EVENT;
	/* without an id of its own it is what it says, as any other event */
	if (id != NULL)
		it->event_id = event_key(in, type, id, NULL);
	return true;
}

/* --- one message ------------------------------------------------------------------------------ */

/* phone, bsuid: the other side where the caller knows it (a thread of the history).  What an
 * agent of Meta's sent comes as it was sent, inside an object message (H.12). */
static void
read_message(
    struct in *in, const struct json *told, bool ours, const char *phone, const char *bsuid)
{
	struct item *it = new_item(in, ITEM_MESSAGE, "unsupported", told);
	const struct json *sent = ours ? json_get(told, "message") : NULL;
	const struct json *m = json_type(sent) == JSON_OBJECT ? sent : told;
	const char *type = type_of(in, m), *group = text_at(in, m, "group_id");
	struct detail d = { .any = false };

	it->dir = ours ? DIR_OUT : DIR_IN;
	it->echo = ours;
	it->external_id = text_at(in, told, "id");
	if (phone == NULL)
		phone = digits(&in->out->arena, text_at(in, m, ours ? "to" : "from"));
	if (bsuid == NULL)
		bsuid = scoped(in, m, ours ? "to_user_id" : "from_user_id", ours ? "to" : "from");
	set_profile(in, it, phone, bsuid);
	if (ours)
		it->sender_id = in->number;
	else
		it->recipient_id = in->number;
	set_time(in, it, json_get(told, "timestamp"));
	/* in a group the chat is the contact; the speaker stays the sender */
	if (group != NULL) {
		it->contact = group;
		it->alias = it->name = it->username = NULL;
	}
	if (read_as_event(in, it, type, m, it->external_id))
		return;
	read_content(in, it, type, m, &d);
	read_beside(in, it, m, &d);
	it->detail = detail_end(&d, &in->out->arena);
}

/* --- states of our messages (H.7) ----------------------------------------------------------- */

/* What our send carried comes back in each state: outbox_match looks for client_ref (H.21). */
static const char *
with_ref(struct in *in, const char *raw, const char *ref)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, strlen(raw) + 6 * strlen(ref) + 64);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "client_ref", ref);
	jsonw_members(&w, raw);
	jsonw_end(&w);
	raw = jsonw_done(&w) ? mem_arena_ndup(&in->out->arena, b.p, b.n) : raw;
	buf_free(&b);
	return raw;
}

/* How often to try again after a failure that a state tells; -1: nothing follows from it. */
static int
tries_after(const struct cloud_error *e)
{
	switch (e->class) {
	case CLOUD_RETRY:
	case CLOUD_RATE:
		return RETRIES;
	case CLOUD_PAIR:
		return PAIR_RETRIES;
	case CLOUD_RIGHT:
	case CLOUD_BLOCKED:
		return 0;
	case CLOUD_FAIL:
		/* a hint: what is to be done about it */
		return str_eq(e->code, NO_MARKETING) || e->hint != NULL ? 0 : -1;
	default:
		return -1;
	}
}

/*
 * What follows from a failure that a state tells (H.19), for dmbox.outbox_failed_later: another
 * attempt where the code says that it is worth one, the account's rest where a person must act.
 */
static const char *
with_remedy(struct in *in, const char *raw, const struct json *err)
{
	struct cloud_error e;
	struct jsonw w;
	struct buf b;

	cloud_error_state(err, &e);
	if (tries_after(&e) < 0)
		return raw;
	buf_init(&b, strlen(raw) + 512);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_object(&w, "remedy");
	jsonw_i64(&w, "tries", tries_after(&e));
	if (e.class == CLOUD_PAIR)
		jsonw_i64(&w, "grows", 4);
	if (e.class == CLOUD_BLOCKED)
		jsonw_str(&w, "contact", "blocked");
	else if (e.class == CLOUD_FAIL && str_eq(e.code, NO_MARKETING))
		jsonw_str(&w, "contact", "no_marketing");
	if (e.class == CLOUD_RATE || e.class == CLOUD_RIGHT)
		jsonw_i64(&w, "pause_s", e.pause_s);
	jsonw_str(&w, "code", e.code);
	if (e.hint != NULL)
		jsonw_str(&w, "hint", e.hint);
	jsonw_end(&w);
	jsonw_members(&w, raw);
	jsonw_end(&w);
	raw = jsonw_done(&w) ? mem_arena_ndup(&in->out->arena, b.p, b.n) : raw;
	buf_free(&b);
	return raw;
}

/* A payment or a call has states in the same list: they say nothing of the message. */
static bool
of_message(struct in *in, const struct json *s)
{
	const char *type = text_at(in, s, "type");

	return type == NULL || str_eq(type, "message");
}

/* A list of one; an error alone is taken for it. */
static const struct json *
first_error(const struct json *s)
{
	const struct json *e = json_get(s, "errors");

	return json_type(e) == JSON_OBJECT ? e : json_at(e, 0);
}

static void
read_status(struct in *in, const struct json *s)
{
	bool message = of_message(in, s);
	struct item *it = new_item(in, ITEM_EVENT, message ? "status" : text_at(in, s, "type"), s);
	const char *word = text_at(in, s, "status"),
		   *ref = message ? text_at(in, s, "biz_opaque_callback_data") : NULL;
	struct buf b;

	it->dir = DIR_OUT;
	it->target_id = text_at(in, s, "id");
	if (ref != NULL)
		it->raw = with_ref(in, it->raw, ref);
	if (!str_eq(text_at(in, s, "recipient_type"), "group"))
		set_profile(in, it, digits(&in->out->arena, text_at(in, s, "recipient_id")),
		    scoped(in, s, "recipient_user_id", "recipient_id"));
	set_time(in, it, json_get(s, "timestamp"));
	it->event_id = event_key(in, it->kind, it->target_id, word);
	it->effect = it->target_id != NULL && message ? EFFECT_STATUS : EFFECT_NONE;
	it->text = str_eq(word, "played") ? "read" : word;
	if (!message)
		return;
	if (str_eq(word, "failed")) {
		it->raw = with_remedy(in, it->raw, first_error(s));
		buf_init(&b, 4096);
		buf_puts(&b, "failed: ");
		cloud_error_words(first_error(s), &b);
		if (b.n > strlen("failed: "))
			it->text = mem_arena_ndup(&in->out->arena, b.p, b.n);
		buf_free(&b);
	} else if (!str_eq(word, "sent") && !str_eq(word, "delivered") &&
	    !str_eq(it->text, "read")) {
		it->effect = EFFECT_NONE;	/* deleted, warning: kept, changes nothing */
	}
}

/* --- fields (H.10, H.12)
 * ----------------------------------------------------------------------- */

/* What our own number wrote to somebody is ours, in whichever list it is told (H.10). */
static bool
is_ours(struct in *in, const struct json *m)
{
	const char *from = digits(&in->out->arena, text_at(in, m, "from")),
		   *to = digits(&in->out->arena, text_at(in, m, "to"));

	return in->display != NULL && str_eq(from, in->display) && !str_eq(to, in->display) &&
	    (to != NULL || scoped(in, m, "to_user_id", "to") != NULL);
}

/* What is no object is nobody's message: it is kept as an event. */
static void
read_list(struct in *in, const struct json *list, bool ours)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *m = json_at(list, i);

		if (json_type(m) == JSON_OBJECT)
			read_message(in, m, ours || is_ours(in, m), NULL, NULL);
		else
			new_item(in, ITEM_EVENT, "unknown", m);
	}
}

static void
read_messages(struct in *in, const struct json *list)
{
	read_list(in, list, false);
}

static void
read_echoes(struct in *in, const struct json *list)
{
	read_list(in, list, true);
}

static void
read_statuses(struct in *in, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++)
		read_status(in, json_at(list, i));
}

/*
 * A person who calls may be answered for a day, as after a message (H.18): the call is an
 * event of the contact's.  The other side is the one that is not our number.
 */
static void
read_calls(struct in *in, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *c = json_at(list, i);
		struct item *it = new_item(in, ITEM_EVENT, "call", c);
		const char *from = digits(&in->out->arena, text_at(in, c, "from")),
			   *to = digits(&in->out->arena, text_at(in, c, "to")),
			   *direction = text_at(in, c, "direction");
		bool ours = direction != NULL ? str_eq(direction, "BUSINESS_INITIATED") :
						from != NULL && str_eq(from, in->display);
		const char *other = ours ? to : from;

		it->dir = ours ? DIR_OUT : DIR_IN;
		if (other != NULL && str_eq(other, in->display))
			other = ours ? from : to;
		set_profile(in, it, other,
		    ours ? scoped(in, c, "to_user_id", "to") :
			   scoped(in, c, "from_user_id", "from"));
		it->text = text_at(in, c, "event");
		it->event_id = event_key(in, "call", text_at(in, c, "id"), it->text);
		set_time(in, it, json_get(c, "timestamp"));
	}
}

/* How far a message of ours had come: the same words in capitals (H.10). */
static void
read_past_status(struct in *in, const struct json *m, const char *contact)
{
	static const char *const words[][2] = { { "DELIVERED", "delivered" }, { "READ", "read" },
		{ "PLAYED", "read" }, { "ERROR", "failed" } };
	const char *s = text_at(in, m, "history_context.status"), *id = text_at(in, m, "id");
	struct item *it;

	for (size_t i = 0; id != NULL && i < sizeof words / sizeof *words; i++) {
		if (!str_eq(s, words[i][0]))
			continue;
		it = new_item(in, ITEM_EVENT, "status", json_get(m, "history_context"));
		it->dir = DIR_OUT;
		it->contact = it->recipient_id = contact;
		it->target_id = id;
		it->text = words[i][1];
		it->effect = EFFECT_STATUS;
		it->event_id = event_key(in, "status", id, it->text);
		set_time(in, it, json_get(m, "timestamp"));
	}
}

/* Direction: what our own number wrote is ours. */
static void
read_thread(struct in *in, const struct json *t)
{
	const struct json *list = json_get(t, "messages");
	const char *phone = digits(&in->out->arena, text_at(in, t, "context.wa_id"));
	const char *bsuid = text_at(in, t, "context.user_id"), *id = text_at(in, t, "id");
	size_t before = in->out->n;

	if (phone == NULL && !cloud_is_bsuid(id))
		phone = digits(&in->out->arena, id);
	else if (bsuid == NULL && cloud_is_bsuid(id))
		bsuid = id;
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *m = json_at(list, i);
		const char *from = digits(&in->out->arena, text_at(in, m, "from"));
		bool ours = from != NULL &&
		    (in->display != NULL ? str_eq(from, in->display) :
					   phone != NULL && !str_eq(from, phone));
		size_t at = in->out->n;

		read_message(in, m, ours, phone, bsuid);
		in->out->v[at].username = text_at(in, t, "context.username");
		if (ours)
			read_past_status(in, m, in->out->v[at].contact);
	}
	itemv_in_time(in->out, before, false);
}

/* Words of account fields that an owner should hear of (H.12); NULL: any. */
static const struct {
	const char *field, *path;
	const char *bad[6];
} worries[] = {
	{ "account_update", "event",
	    { "ACCOUNT_VIOLATION", "DISABLED_UPDATE", "ACCOUNT_RESTRICTION", "ACCOUNT_DELETED",
		"PARTNER_REMOVED" } },
	{ "account_alerts", "alert_info.alert_severity", { "CRITICAL", "WARNING" } },
	{ "account_alerts", "alert_severity", { "CRITICAL", "WARNING" } },
	{ "account_review_update", "decision", { "REJECTED", "PENDING", "DEFERRED" } },
	{ "phone_number_quality_update", "event", { "FLAGGED", "DOWNGRADE" } },
	{ "phone_number_name_update", "decision", { "REJECTED" } },
	{ "message_template_status_update", "event", { "PAUSED", "DISABLED" } },
	{ "security", "event", { NULL } },
	{ "error", "errors", { NULL } },
};

/* " WORD" for each text at path; a part of the path may be a list of what has the rest. */
static void
put_words(struct in *in, const struct json *j, const char *path, struct buf *b)
{
	size_t n = strcspn(path, ".");
	const char *word;

	if (json_type(j) == JSON_ARRAY) {
		for (size_t i = 0; i < json_len(j); i++)
			put_words(in, json_at(j, i), path, b);
	} else if (*path == '\0') {
		word = json_text(&in->out->arena, j);
		if (!str_empty(word))
			buf_printf(b, " %s", word);
	} else {
		put_words(in, json_member(j, mem_arena_ndup(&in->out->arena, path, n)),
		    path + n + (path[n] == '.'), b);
	}
}

/* "warn: DISABLED_UPDATE", which doctor shows; NULL: nothing to worry about. */
static const char *
worry_of(struct in *in, const char *field, const struct json *value)
{
	static const char *const more[] = { "violation_info.violation_type",
		"ban_info.waba_ban_state", "restriction_info.restriction_type", "rejection_reason",
		"message_template_name", "alert_info.alert_type", "display_phone_number" };
	struct buf b;
	const char *s = NULL, *word;
	bool bad = false;

	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof worries / sizeof *worries && !bad; i++) {
		word = json_text(&in->out->arena, json_get(value, worries[i].path));
		if (!str_eq(field, worries[i].field) || json_get(value, worries[i].path) == NULL)
			continue;
		bad = worries[i].bad[0] == NULL;
		for (size_t k = 0; k < 6 && worries[i].bad[k] != NULL; k++)
			bad |= str_eq(word, worries[i].bad[k]);
		if (bad)
			buf_printf(&b, "warn: %s", word != NULL ? word : "");
	}
	if (bad && str_eq(field, "error"))
		cloud_error_words(json_at(json_get(value, "errors"), 0), &b);
	for (size_t i = 0; bad && i < sizeof more / sizeof *more; i++)
		put_words(in, value, more[i], &b);
	if (bad)
		s = mem_arena_ndup(&in->out->arena, b.p, b.n);
	buf_free(&b);
	return s;
}

/* Of no number where none is given: then of the business account's (H.3). */
static void
account_event(struct in *in, const char *field, const struct json *value)
{
	struct item *it = new_item(in, ITEM_EVENT, field != NULL ? field : "unknown", value);
	char own[200];

	set_time(in, it, json_get(value, "timestamp"));
	it->text = in->test ? NULL : worry_of(in, field, value);
	if (in->number == NULL && in->waba != NULL && !in->test) {
		snprintf(own, sizeof own, CLOUD_WABA "%s", in->waba);
		it->own_id = mem_arena_dup(&in->out->arena, own);
	}
}

/* The history that the owner shared, sent once; a refusal to share is reported, too. */
static void
read_history(struct in *in, const struct json *value)
{
	const struct json *list = json_get(value, "history");

	in->past = true;
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *h = json_at(list, i), *threads = json_get(h, "threads");

		for (size_t k = 0; k < json_len(threads); k++)
			read_thread(in, json_at(threads, k));
		if (json_get(h, "errors") != NULL)
			account_event(in, "history", h);
	}
	read_messages(in, json_get(value, "messages"));
	read_echoes(in, json_get(value, "message_echoes"));
}

/* The owner's address book: a name as it was saved. */
static void
read_names(struct in *in, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *s = json_at(list, i);
		struct item *it = new_item(in, ITEM_EVENT, "contact", s);

		it->contact = digits(&in->out->arena, text_at(in, s, "contact.phone_number"));
		if (it->contact == NULL)
			it->contact = text_at(in, s, "contact.user_id");
		if (!str_eq(text_at(in, s, "action"), "remove")) {
			it->name = text_at(in, s, "contact.full_name");
			if (it->name == NULL)
				it->name = text_at(in, s, "contact.first_name");
			it->name_weak = true;	/* the person's own stands above it */
		}
		set_time(in, it, json_get(s, "metadata.timestamp"));
	}
}

static void
read_preferences(struct in *in, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *p = json_at(list, i);
		struct item *it = new_item(in, ITEM_EVENT, "preference", p);

		set_contact(in, it, digits(&in->out->arena, text_at(in, p, "wa_id")),
		    scoped(in, p, "user_id", "wa_id"));
		it->text = text_at(in, p, "value");
		set_time(in, it, json_get(p, "timestamp"));
	}
}

static void
read_value(struct in *in, const char *field, const struct json *value)
{
	size_t before = in->out->n;

	if (str_eq(field, "messages") || str_eq(field, "standby")) {
		const struct json *v = str_eq(field, "standby") &&
			json_get(value, "standby") != NULL ?
		    json_get(value, "standby") :
		    value;

		in->list = v;
		if (json_get(v, "contacts") != NULL)
			in->contacts = json_get(v, "contacts");
		read_messages(in, json_get(v, "messages"));
		read_statuses(in, json_get(v, "statuses"));
		read_echoes(in, json_get(v, "message_echoes"));
		if (json_len(json_get(v, "errors")) > 0)
			account_event(in, "error", value);
	} else if (str_eq(field, "calls")) {
		read_calls(in, json_get(value, "calls"));
		read_statuses(in, json_get(value, "statuses"));
	} else if (str_eq(field, "smb_message_echoes") || str_eq(field, "message_echoes")) {
		read_echoes(in, json_get(value, "message_echoes"));
	} else if (str_eq(field, "history")) {
		read_history(in, value);
	} else if (str_eq(field, "smb_app_state_sync")) {
		read_names(in, json_get(value, "state_sync"));
	} else if (str_eq(field, "user_preferences")) {
		read_preferences(in, json_get(value, "user_preferences"));
	}
	if (in->out->n == before)	/* another field, or a shape that nobody has seen */
		account_event(in, field, value);
}

static void
read_change(const struct account *a, struct itemv *out, const char *waba, const struct json *change)
{
	const struct json *value = json_get(change, "value");
	struct in in = { .out = out,
		.a = a,
		.waba = waba,
		.list = value,
		.contacts = json_get(value, "contacts") };
	const char *field;

	in.number = text_at(&in, value, "metadata.phone_number_id");
	in.display = digits(&out->arena, text_at(&in, value, "metadata.display_phone_number"));
	in.test = str_eq(waba, "0") || str_eq(in.number, TEST_NUMBER);
	field = text_at(&in, change, "field");
	if (field == NULL &&
	    (json_get(value, "messages") != NULL || json_get(value, "statuses") != NULL))
		field = "messages"; /* who passes deliveries on may drop it */
	read_value(&in, field, value);
}

enum rc
cloud_parse(
    const struct account *a, const char *content_type, const char *p, size_t n, struct itemv *out)
{
	struct json *j = NULL;
	const struct json *entries;
	enum rc rc = RC_INVALID;

	(void)content_type;
	if (json_parse(p, n, &j, NULL) != RC_OK)
		return RC_INVALID;
	entries = json_get(j, "entry");
	if (json_type(entries) != JSON_ARRAY ||
	    !str_eq(json_text(&out->arena, json_get(j, "object")), "whatsapp_business_account"))
		goto out;
	for (size_t i = 0; i < json_len(entries); i++) {
		const struct json *e = json_at(entries, i), *changes = json_get(e, "changes");

		for (size_t k = 0; k < json_len(changes); k++)
			read_change(
			    a, out, json_text(&out->arena, json_get(e, "id")), json_at(changes, k));
	}
	rc = RC_OK;
out:
	json_free(j);
	return rc;
}

const char *
cloud_own_phone(const struct account *a, const char *p, size_t n, struct mem_arena *arena)
{
	struct json *j = NULL;
	const char *own = NULL;
	const struct json *entries;

	if (json_parse(p, n, &j, NULL) != RC_OK)
		return NULL;
	entries = json_get(j, "entry");
	for (size_t i = 0; i < json_len(entries); i++) {
		const struct json *changes = json_get(json_at(entries, i), "changes");

		for (size_t k = 0; own == NULL && k < json_len(changes); k++) {
			const struct json *m = json_get(json_at(changes, k), "value.metadata");

			if (str_eq(json_text(arena, json_get(m, "phone_number_id")), a->own_id))
				own = digits(
				    arena, json_text(arena, json_get(m, "display_phone_number")));
		}
	}
	json_free(j);
	return own;
}

/*
 * What comes in.  Bodies are written by hand in somebody's flow, so the reader is wide:
 * a list of names per field, forms beside JSON, and a rescue for templates that
 * a customer's quote has broken (earlier-system.md, "Shapes of a Chatrace body").  The
 * Graph envelope that some installations pass on is Graph's to read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "extern/json.h"
#include "extern/jsonw.h"
#include "base/mem.h"
#include "provider/chatrace/chatrace.h"
#include "base/str.h"
#include "provider/chatrace/names.h"
#include "provider/chatrace/shapes.h"
#include "provider/chatrace/template.h"

#define FORM_FIELDS 200
#define NESTED_MAX 4		/* a message in a list in a body in a list */
#define DOUBLE_DIGITS 16	/* of a whole number below 9007199254740992 */

/* --- one object --------------------------------------------------------------- */

/* What the reading of one body shares. */
struct reader {
	const struct account *a;
	struct itemv *out;
	bool polled;		/* an answer to our request: items have a place */
	bool literal;		/* an unset {{variable}} was seen */
	bool behind;		/* a member was not believed: it stands behind a customer's words */
};

/* Is s a name between two marks?  A name has an alphabet: "{{ how much? }}" is a text. */
static bool
is_marked(const char *s, size_t n, const char *from, const char *to)
{
	size_t from_n = strlen(from), to_n = strlen(to);

	if (n <= from_n + to_n || memcmp(s, from, from_n) != 0 ||
	    memcmp(s + n - to_n, to, to_n) != 0)
		return false;
	s += from_n;
	n -= from_n + to_n;
	str_trim(&s, &n);
	for (size_t i = 0; i < n; i++)
		if (!(s[i] == '_' || s[i] == '.' || s[i] == '-' || s[i] == '$' ||
			(s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'z') ||
			(s[i] >= 'A' && s[i] <= 'Z')))
			return false;
	return n > 0;
}

/* "{{last_input}}": the platform did not know the variable (A.6). */
static bool
is_literal(const char *s)
{
	size_t n;

	if (*s > ' ' && *s != '{')
		return false;	/* nearly all */
	n = strlen(s);
	str_trim(&s, &n);
	return is_marked(s, n, "{{", "}}");
}

/*
 * The variables of other platforms, unset: BotHelp's {%name%}, Salebot's #{name} and so on.  As
 * an id one would make one person of all; people may have such a name (person) or say so.
 */
static bool
is_variable(const char *s, bool person)
{
	static const struct {
		const char *from, *to;
		bool name;	/* somebody may be called so */
	} marks[] = { { "{{", "}}", false }, { "{%", "%}", false }, { "#{", "}", false },
		{ "${", "}", false }, { "<%=", "%>", false }, { "[[", "]]", true },
		{ "((", "))", true }, { "{", "}", true }, { "%", "%", true } };
	size_t n = strlen(s);

	if ((*s >= '0' && *s <= '9') || (*s >= 'A' && *s != '[' && *s != '{'))
		return false;
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if ((!person || !marks[i].name) && is_marked(s, n, marks[i].from, marks[i].to))
			return true;
	return false;
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

/* May it have the field?  No, for nearly all of the names that are asked for. */
static bool
may_have(const struct fields *f, const char *name)
{
	return (f->initials & json_initial(name)) != 0;
}

static const struct json *
path(const struct fields *f, const char *name)
{
	return may_have(f, name) && (f->initials & JSON_DEEP) != 0 ? json_get(f->j, name) : NULL;
}

/* A field of a form may be named "sender.id" itself. */
static const struct json *
field(const struct fields *f, const char *name)
{
	const struct json *v;

	if (!may_have(f, name))
		return NULL;
	v = json_member(f->j, name);
	return v != NULL || (f->initials & JSON_DEEP) == 0 || strchr(name, '.') == NULL ?
	    v :
	    json_get(f->j, name);
}

/*
 * What programs write where a variable has no value.  As an id it would make one message,
 * or one person, of all; a customer's own words may be these.
 */
static bool
is_no_value(const char *s)
{
	static const char *const words[] = { "undefined", "null", "None", "NaN", "[undefined]",
		"[null]", "[object Object]", "(null)", "<nil>", NULL };

	if (strchr("unN[(<", *s) == NULL)
		return false;
	for (const char *const *w = words; *w != NULL; w++)
		if (strcmp(*w, s) == 0)
			return true;
	return false;
}

/* A field as it was sent; NULL where it is empty or an unset variable. */
static const char *
told(struct reader *r, const struct json *v)
{
	const char *s = v == NULL ? NULL : json_text(&r->out->arena, v);

	if (str_empty(s))
		return NULL;
	if (is_literal(s)) {
		r->literal = true;
		return NULL;
	}
	return s;
}

static const char *
words(struct reader *r, const struct fields *f, const char *name)
{
	return told(r, field(f, name));
}

/* Without what comes along when an id or a phone is copied: blanks, direction marks. */
static const char *
without_unseen(struct reader *r, const char *s)
{
	size_t n = strlen(s), k, m = n;
	const char *p = s;

	if (n > 0 && *s > ' ' && s[n - 1] > ' ' && *s < 0x7f && s[n - 1] < 0x7f)
		return s; /* nearly all */
	while (m > 0 && (k = str_unseen(p)) > 0) {
		p += k;
		m -= k;
	}
	for (k = 1; k <= 3 && k <= m; k++)
		if (str_unseen(p + m - k) == k) {
			m -= k;
			k = 0;
		}
	return m == n ? s : m == 0 ? NULL : mem_arena_ndup(&r->out->arena, p, m);
}

/*
 * A number as it is meant: programs write an id or a time as 6.503717463085785E15 or
 * 6503717463085785.0.  A customer's own number is a text and stays as it was typed.
 * NULL for what a double cannot hold to the last digit: of ids it would make two people one.
 */
static const char *
plain_number(struct reader *r, const char *s)
{
	size_t n = strspn(s, "0123456789"),
	       frac = s[n] == '.' ? strspn(s + n + 1, "0123456789") : 0;
	const char *exp = s + n + (frac > 0 ? frac + 1 : 0);
	long e = *exp == 'e' || *exp == 'E' ? strtol(exp + 1, NULL, 10) : 0;
	size_t all = n + frac, point;
	struct buf b;

	if (n == 0 || all > 40 || e < 0 || e > 40 || (frac == 0 && *exp == '\0'))
		return s;
	point = n + (size_t)e;
	if (*exp != '\0' && point > DOUBLE_DIGITS)
		return NULL;
	buf_init(&b, 128);
	for (size_t i = 0; i < all || i < point; i++) {
		if (i == point)
			buf_putc(&b, '.');
		buf_putc(&b, i >= all ? '0' : i < n ? s[i] : s[i + 1]);
	}
	while (all > point && b.n > 0 && (b.p[b.n - 1] == '0' || b.p[b.n - 1] == '.'))
		if (b.p[--b.n] == '.')
			break;
	s = mem_arena_ndup(&r->out->arena, b.p, b.n);
	buf_free(&b);
	return s;
}

static const char *
value(struct reader *r, const struct fields *f, const char *name)
{
	const struct json *v = field(f, name);
	const char *s = told(r, v);

	if (s != NULL && json_type(v) == JSON_NUMBER)
		return plain_number(r, s);
	s = s != NULL ? without_unseen(r, s) : NULL;
	if (s == NULL || (*s >= '0' && *s <= '9') ||	/* an id, a time: neither of the two */
	    (!is_no_value(s) && !is_variable(s, true)))
		return s;
	r->literal = true;
	return NULL;
}

static const char *
pick_words(struct reader *r, const struct fields *f)
{
	const char *s = NULL;

	for (const char *const *n = names_text; s == NULL && *n != NULL; n++)
		s = words(r, f, *n);
	return s;
}

/* The first name that has a value; which (may be NULL) tells which. */
static const char *
pick(struct reader *r, const struct fields *f, const char *const *names, const char **which)
{
	for (; *names != NULL; names++) {
		const char *s = may_have(f, *names) ? value(r, f, *names) : NULL;

		if (s == NULL)
			continue;
		if (which != NULL)
			*which = *names;
		return s;
	}
	return NULL;
}

/*
 * Which names are believed where.  A customer's words are in a body between quotes that the flow
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

	if (!may_have(f, name))
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
		const char *s = may_have(f, *names) ? value_before(r, f, *names, before) : NULL;

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

	return json_each(f->j, &it, &k, &v) && str_eq(k, "event") && json_each(f->j, &it, &k, &v) &&
	    str_eq(k, "account_id");
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
			if (name_rank(*n) <= name_rank(which))
				o.ambiguous |= (s = value(r, f, *n)) != NULL &&
				    !str_eq(s, o.sender);
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

/*
 * A.4: the contact object, sent by "All contact data" and by triggers; ManyChat's, too, of which
 * flows choose members.  Its id is the person's.
 */
static bool
is_contact_object(const struct fields *f, const struct order *o)
{
	static const char *const last_words[] = { "last_input", "last_input_text",
		"last_text_input", "last_user_input", NULL };

	for (const char *const *w = last_words; o->sender == NULL && *w != NULL; w++)
		if (field(f, *w) != NULL)
			return true;
	return (field(f, "page_id") != NULL && place_of(f, "page_id") <= o->id) ||
	    (field(f, "last_interaction") != NULL && place_of(f, "last_interaction") <= o->id);
}

static void
set_time(struct reader *r, const struct fields *f, struct item *it, bool contact_event)
{
	const char *s;

	for (const char *const *n = names_time; *n != NULL; n++) {
		s = value(r, f, *n);
		if (item_time(r->out, it, s)) {
			/* of a list the place would be the same tomorrow: the day must do */
			it->at_day = !r->polled && strlen(s) == strlen("2024-11-13") && s[4] == '-';
			return;
		}
	}
	if (contact_event)
		item_time(r->out, it, value(r, f, "last_interaction"));
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
	/* half a name is better than none; a username has its own place */
	if (it->name == NULL) {
		it->name = first != NULL ? first : last;
		it->name_weak = it->name != NULL;
	}
}

/* --- attachments ----------------------------------------------------------------- */

/* Types as flows and Messenger payloads write them -> attachments.type, messages.kind. */
static const struct att_type {
	const char *name, *type, *kind;
} att_types[] = {
	{ "image", "image", "image" },
	{ "photo", "image", "image" },
	{ "picture", "image", "image" },
	{ "gif", "image", "image" },
	{ "animated_image_share", "image", "image" },
	{ "video", "video", "video" },
	{ "audio", "audio", "audio" },
	{ "voice", "audio", "audio" },
	{ "ptt", "audio", "audio" },
	{ "file", "file", "file" },
	{ "document", "file", "file" },
	{ "sticker", "sticker", "sticker" },
	{ "share", "share", "share" },
	{ "ig_post", "share", "share" },
	{ "post", "share", "share" },
	{ "story_mention", "story_mention", "story_mention" },
	{ "ig_story", "story_mention", "story_mention" },
	{ "story_reply", "story_reply", "story_reply" },
	{ "reel", "reel", "reel" },
	{ "ig_reel", "reel", "reel" },
	{ "location", "location", "location" },
	{ "contact", "contact", "contact" },
	{ "contacts", "contact", "contact" },
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
	static const struct {
		const char *ext, *type;
	} exts[] = {
		{ ".jpg", "image" },
		{ ".jpeg", "image" },
		{ ".png", "image" },
		{ ".gif", "image" },
		{ ".webp", "image" },
		{ ".mp4", "video" },
		{ ".mov", "video" },
		{ ".webm", "video" },
		{ ".mp3", "audio" },
		{ ".ogg", "audio" },
		{ ".m4a", "audio" },
		{ ".aac", "audio" },
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
		if (str_empty(url) || is_literal(url) || is_no_value(url))
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

/* {"0":{...},"2":{...}}: what PHP makes of a list from which something was taken. */
static bool
is_numbered(const struct json *j)
{
	struct json_iter it = { NULL };
	const struct json *v;
	const char *k;
	bool any = false;

	for (; json_each(j, &it, &k, &v); any = true)
		if (*k == '\0' || k[strspn(k, "0123456789")] != '\0')
			return false;
	return any;
}

/* One, a list, or the list as another program put it: as an object, or as JSON in a string. */
static void
some_attachments(struct reader *r, struct item *it, const struct json *v, const char *type)
{
	const char *s = json_type(v) == JSON_STRING ? json_str(&r->out->arena, v) : NULL, *k;
	struct json_iter members = { NULL };
	const struct json *one;
	struct json *inner = NULL;

	if (s != NULL && (*s == '[' || *s == '{') &&
	    json_parse(s, strlen(s), &inner, NULL) == RC_OK)
		some_attachments(r, it, inner, type);
	else if (json_type(v) == JSON_ARRAY)
		for (size_t i = 0; i < json_len(v); i++)
			one_attachment(r, it, json_at(v, i), NULL);
	else if (json_type(v) == JSON_OBJECT && is_numbered(v))
		while (json_each(v, &members, &k, &one))
			one_attachment(r, it, one, NULL);
	else if (v != NULL)
		one_attachment(r, it, v, type);
	json_free(inner);
}

static void
set_attachments(struct reader *r, const struct fields *f, struct item *it)
{
	static const char *const lists[] = { "attachments", "attachment", "message.attachments",
		"message.attachment", NULL };
	const char *type = value(r, f, "type");

	if (att_type(type) == NULL)
		type = NULL;	/* "message", "text": no kind of attachment */
	for (const char *const *l = lists; *l != NULL; l++)
		some_attachments(r, it, field(f, *l), type);
	for (const struct name_file *n = names_file; n->name != NULL; n++) {
		const struct json *v = field(f, n->name);

		if (json_type(v) == JSON_STRING)
			one_attachment(r, it, v, n->type != NULL ? n->type : type);
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
	    yes_before(r, f, "message.is_echo", o->side) || yes_before(r, f, "fromMe", o->side))
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

	if (sender != NULL && is_variable(sender, false)) {
		r->literal = true;
		sender = o.sender = NULL;
	}
	if (sender == NULL && contact_object && (own == NULL || !is_variable(own, false)))
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
	it->body = pick_words(r, f);
	it->external_id = id;
	set_attachments(r, f, it);
	set_special(r, f, it, &o);
	if (it->body == NULL && it->kind == NULL && (contact_object || !claims_message(r, f, id))) {
		r->out->n = at;
		event(r, f, contact_object ? "contact" : "unknown", sender);
		if (contact_object && r->out->warning == NULL)
			r->out->warning = "no_text";
		return;
	}
	set_kind(it, it->body != NULL ? "text" : "unsupported");
	it->sender_id = it->contact = sender;
	it->recipient_id = recipient != NULL ? recipient : r->a->own_id;
	set_names(r, f, it);
	set_time(r, f, it, contact_object);
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
	itemv_in_time(r->out, before, false);
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
	    json_twice(j, s, strlen(s)) != JSON_TWICE)
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

/* As read_any, of a body in other clothes; RC_NONE where it wears none. */
static enum rc
read_reshaped(struct reader *r, const struct fields *f, bool glued, int depth)
{
	const struct json *j = f->j;
	struct json *other = r->polled || glued ? NULL :
						  shape_platform(&r->out->arena, j, f->initials);
	enum rc rc = RC_NONE;

	if (other == NULL && !r->polled)
		other = shape_spelled(&r->out->arena, j, glued, f->initials);
	if (other != NULL)
		rc = read_any(r, other, NULL, 0, depth + 1);
	json_free(other);
	return rc;
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
	rc = read_reshaped(r, &f, false, depth);
	if (rc != RC_NONE)
		return rc;
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
	if (rc == RC_NONE)
		rc = read_reshaped(r, &f, true, depth);
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
	struct json *j = NULL, *spelled;
	char *mended;

	if (template_mend(&r->out->arena, p, n, &mended) != RC_OK ||
	    json_parse(mended, strlen(mended), &j, NULL) != RC_OK)
		return RC_INVALID;
	spelled = shape_spelled(&r->out->arena, j, true, json_initials(j));
	read_object(r, spelled != NULL ? spelled : j);
	json_free(spelled);
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
	if (rc != RC_OK &&
	    (mended = json_mend(&r->out->arena, p, n, &mended_n, &warning)) != NULL) {
		/* neither a raw line end nor a byte that is no UTF-8 may cost the message */
		r->out->warning = warning;
		rc = json_parse(mended, mended_n, &j, NULL);
	} else {
		mended = p;
		mended_n = n;
	}
	if (rc != RC_OK || json_twice(j, mended, mended_n) == JSON_TWICE) {
		rc = *p == '{' ? salvage(r, p, n) : RC_INVALID;
		goto out;
	}
	rc = read_any(r, j, mended, mended_n, 0);
out:
	json_free(j);
	return rc == RC_OK ? RC_OK : RC_INVALID;
}

/* The name of a field that a flow wrote: no blank, and a "=" behind it. */
static bool
is_field(const char *p, size_t n)
{
	size_t eq = 0;

	while (eq < n && p[eq] > ' ' && p[eq] < 0x7f && p[eq] != '=')
		eq++;
	return eq > 0 && eq < n && p[eq] == '=';
}

/* Does what was written between two & begin with the name of a text or of the contact's data? */
static bool
is_of_words(const char *p, size_t n)
{
	const char *eq = memchr(p, '=', n);
	enum name_class c = eq != NULL ? name_class(p, (size_t)(eq - p)) : NAME_OTHER;

	return c == NAME_TEXT || c == NAME_PROFILE;
}

/* A form whose words nobody has encoded, text=Tom & Jerry: what is no field behind a & is more
 * of the words before it. */
static void
join_words(struct reader *r, const char **p, size_t *n)
{
	const char *at = *p, *end = at + *n, *amp;
	bool of_words = false, joined = false;
	size_t empty = 0;
	struct buf b;

	buf_init(&b, *n * 3 + 1);
	for (; at <= end; at = amp + 1) {
		amp = at < end ? memchr(at, '&', (size_t)(end - at)) : NULL;
		if (amp == NULL)
			amp = end;
		if (amp == at && amp < end) {
			empty++;
			continue;
		}
		if (is_field(at, (size_t)(amp - at)) || !of_words) {
			of_words = is_of_words(at, (size_t)(amp - at));
			buf_puts(&b, b.n > 0 ? "&" : "");
		} else if (at < amp) {
			for (joined = true; empty-- > 0;)
				buf_puts(&b, "%26");
			buf_puts(&b, "%26");
		}
		empty = 0;
		buf_put(&b, at, (size_t)(amp - at));
	}
	if (joined && !buf_err(&b)) {
		*p = mem_arena_ndup(&r->out->arena, b.p, b.n);
		*n = b.n;
		r->out->warning = "raw_form";
	}
	buf_free(&b);
}

/* Form fields become an object, so that one reader serves both. */
static enum rc
parse_form(struct reader *r, const char *p, size_t n)
{
	struct http_field *f = NULL;
	struct json *j = NULL, *spelled = NULL;
	struct jsonw w;
	struct buf b;
	size_t n_f = 0;
	enum rc rc = RC_INVALID;

	join_words(r, &p, &n);
	buf_init(&b, n * 6 + 64 * FORM_FIELDS);
	if (http_form_parse(&r->out->arena, p, n, FORM_FIELDS, &f, &n_f) != RC_OK)
		goto out;
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	for (size_t i = 0; i < n_f; i++) {
		bool again = false, bad = false;

		for (size_t k = 0; k < i; k++)
			again |= str_eq(f[k].name, f[i].name);
		if (again)
			continue;	/* the first one counts */
		jsonw_str(&w, str_utf8_clean(&r->out->arena, f[i].name, strlen(f[i].name), NULL),
		    str_utf8_clean(&r->out->arena, f[i].value, f[i].value_n, &bad));
		if (bad)
			r->out->warning = "bad_utf8";
	}
	jsonw_end(&w);
	if (n_f == 0 || !jsonw_done(&w) || json_parse(b.p, b.n, &j, NULL) != RC_OK)
		goto out;
	spelled = shape_spelled(&r->out->arena, j, true, json_initials(j));
	read_object(r, spelled != NULL ? spelled : j);
	rc = RC_OK;
	if (r->out->n == 1 && r->out->v[0].contact == NULL) {
		r->out->n = 0;		/* any text is a form: without a sender it is not ours */
		rc = RC_INVALID;
	}
out:
	json_free(spelled);
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

/* {&quot;contact_id&quot;:…}: a body that was put into a page on its way. */
static void
from_page(struct reader *r, const char **p, size_t *n)
{
	static const struct {
		const char *name, *is;
	} marks[] = { { "&quot;", "\"" }, { "&#34;", "\"" }, { "&#39;", "'" }, { "&#039;", "'" },
		{ "&lt;", "<" }, { "&gt;", ">" }, { "&amp;", "&" } };
	const char *at = *p, *end = at + *n;
	struct buf b;

	while (at < end && strchr("[{ \r\n\t", *at) != NULL)
		at++;
	if (at == *p || end - at < 6 || memcmp(at, "&quot;", 6) != 0)
		return;
	buf_init(&b, *n + 1);
	for (at = *p; at < end;) {
		size_t k = 0, m = sizeof marks / sizeof *marks;

		while (k < m &&
		    ((size_t)(end - at) < strlen(marks[k].name) ||
			memcmp(at, marks[k].name, strlen(marks[k].name)) != 0))
			k++;
		buf_put(&b, k < m ? marks[k].is : at, 1);
		at += k < m ? strlen(marks[k].name) : 1;
	}
	*p = mem_arena_ndup(&r->out->arena, b.p, b.n);
	*n = b.n;
	buf_free(&b);
}

/* What a person left around the template's object: a fence of Markdown, a semicolon or comma at
 * its end.  A customer's words are inside of it. */
static void
template_margins(const char **p, size_t *n)
{
	const char *line;

	if (*n > 6 && memcmp(*p, "```", 3) == 0 && (line = memchr(*p, '\n', *n)) != NULL) {
		*n -= (size_t)(line - *p);
		*p = line;
		str_trim(p, n);
		if (*n > 3 && memcmp(*p + *n - 3, "```", 3) == 0)
			*n -= 3;
		str_trim(p, n);
	}
	while (*n > 1 && **p == '{' && ((*p)[*n - 1] == ';' || (*p)[*n - 1] == ',')) {
		--*n;
		str_trim(p, n);
	}
}

enum rc
chatrace_parse(
    const struct account *a, const char *content_type, const char *p, size_t n, struct itemv *out)
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
	if (n > 2 && *p == '{' && memcmp(p + n - 2, "}=", 2) == 0)	/* a form's only name */
		n--;
	template_margins(&p, &n);
	if (n == 0)
		return RC_INVALID;
	from_page(&r, &p, &n);
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
enum rc
chatrace_parse_polled(
    const struct account *a, const char *content_type, const char *p, size_t n, struct itemv *out)
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

const char *
chatrace_read_messages(
    const struct account *a, const struct http_res *res, struct poll_state *st, struct itemv *out)
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
	} else if (chatrace_error_of(&st->arena, j, &code, &text)) {
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

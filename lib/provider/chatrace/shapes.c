/*
 * Operators connect what they have: SendPulse, Salebot, Wazzup and others post bodies of their
 * own making to the address that was meant for a flow, and who writes a body by hand writes
 * ContactId as readily as contact_id.  To rewrite them in front of the reader costs the usual
 * body a look at its names and leaves one place that decides what is believed.
 */
#include "provider/chatrace/shapes.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "extern/jsonw.h"
#include "provider/chatrace/names.h"

#define MEMBERS_MAX 200
#define DEPTH_MAX 8
#define MARKS 4
#define SHAPE_MAX (SIZE_MAX / 2)	/* what was taken in had its own limit */

/* --- names in another style ----------------------------------------------------- */

/* Does a name have what no name of small letters, digits and _ has?  Nearly none does but the
 * documented ones, and every body is asked. */
static bool
is_styled(const char *name)
{
	static const char *const documented[] = { "senderId", "messageId", "userId", "fromId",
		"recipientId", "toId", "senderName", "fromName", "replyTo", "isEcho", "fromMe",
		NULL };
	const char *s = name;

	while ((*s >= 'a' && *s <= 'z') || *s == '_' || (*s >= '0' && *s <= '9'))
		s++;
	if (*s == '\0')
		return false;
	for (const char *const *d = documented; *d != NULL; d++)
		if (**d == *name && strcmp(*d, name) == 0)
			return false;
	return true;
}

static bool
is_renamed(const char *name)
{
	char part[32];
	const char *s = name_spelled(name, strlen(name), part);

	return s != NULL && !str_eq(s, name);
}

static bool
has_renamed(const struct json *j, bool glued, bool deep, int depth)
{
	struct json_iter it = { NULL };
	const struct json *v;
	const char *k;

	if (depth > DEPTH_MAX)
		return false;
	while (json_each(j, &it, &k, &v))
		if ((glued || is_styled(k)) && is_renamed(k))
			return true;
	if (!deep)
		return false;
	for (it.at = NULL; json_each(j, &it, &k, &v);)
		if (has_renamed(v, glued, true, depth + 1))
			return true;
	return false;
}

struct spelling {
	struct mem_arena *arena;
	struct jsonw w;
};

static void spell_object(struct spelling *s, const char *key, const struct json *j, int depth);

static void
spell(struct spelling *s, const char *key, const struct json *j, int depth)
{
	if (json_type(j) == JSON_OBJECT && depth <= DEPTH_MAX)
		spell_object(s, key, j, depth);
	else if (json_type(j) == JSON_ARRAY && depth <= DEPTH_MAX) {
		jsonw_array(&s->w, key);
		for (size_t i = 0; i < json_len(j); i++)
			spell(s, NULL, json_at(j, i), depth + 1);
		jsonw_end(&s->w);
	} else
		jsonw_raw(&s->w, key, json_raw(s->arena, j));
}

static void
spell_object(struct spelling *s, const char *key, const struct json *j, int depth)
{
	const char *seen[MEMBERS_MAX], *k;
	struct json_iter it = { NULL };
	const struct json *v;
	size_t n = 0;
	char part[32];

	jsonw_object(&s->w, key);
	while (n < MEMBERS_MAX && json_each(j, &it, &k, &v)) {
		const char *name = name_spelled(k, strlen(k), part);
		size_t i = 0;

		name = name == part ? mem_arena_dup(s->arena, part) : name != NULL ? name : k;
		while (i < n && !str_eq(seen[i], name))
			i++;
		if (i < n)
			continue;
		seen[n++] = name;
		spell(s, name, v, depth + 1);
	}
	jsonw_end(&s->w);
}

static struct json *
parsed(struct buf *b, bool good)
{
	struct json *j = NULL;

	if (!good || json_parse(b->p, b->n, &j, NULL) != RC_OK)
		j = NULL;
	buf_free(b);
	return j;
}

struct json *
shape_spelled(struct mem_arena *a, const struct json *j, bool glued, uint64_t initials)
{
	struct spelling s = { .arena = a };
	struct buf b;

	if (!has_renamed(j, glued, (initials & JSON_DEEP) != 0, 0))
		return NULL;
	buf_init(&b, SHAPE_MAX);
	jsonw_init(&s.w, &b);
	spell_object(&s, NULL, j, 0);
	return parsed(&b, jsonw_done(&s.w));
}

/* --- other platforms ------------------------------------------------------------ */

/* Paths where a platform has what, the first that is there counts. */
struct platform {
	const char *marks[MARKS];	/* members that its bodies have together, and no flow's */
	const char *side;		/* the member that tells a message from anything else */
	const char *in, *out;		/* its value for the customer's and for ours */
	const char *contact[3], *id[2], *first_name, *name[3], *username, *picture, *time;
	const char *text[3], *files, *file, *file_type;
	bool deep; /* one of the marks has a dot */
	const char *hidden;		/* true: a note of staff to staff */
};

static const struct platform platforms[] = {
	/* SendPulse, global webhooks */
	{ .marks = { "service", "title", "bot", "contact.id" },
	    .deep = true,
	    .side = "title",
	    .in = "incoming_message",
	    .out = "outgoing_message",
	    .contact = { "contact.id" },
	    .id = { "info.message.id" },
	    .name = { "contact.name" },
	    .username = "contact.username",
	    .picture = "contact.photo",
	    .time = "date",
	    .text = { "info.message.channel_data.message.text", "info.message.text" },
	    .files = "info.message.channel_data.message.attachments" },
	/* Salebot, "Webhook URL": its message_id is a block of the funnel */
	{ .marks = { "id", "client.id", "client.recepient", "client.client_type" },
	    .deep = true,
	    .side = "is_input",
	    .in = "1",
	    .out = "0",
	    .contact = { "client.id" },
	    .id = { "id" },
	    .name = { "client.name" },
	    .picture = "client.avatar",
	    .text = { "message" },
	    .files = "attachments" },
	/* respond.io, message.received and message.sent */
	{ .marks = { "event_type", "contact.id", "message.traffic", "message.message" },
	    .deep = true,
	    .side = "message.traffic",
	    .in = "incoming",
	    .out = "outgoing",
	    .contact = { "contact.id" },
	    .id = { "message.messageId" },
	    .first_name = "contact.firstName",
	    .name = { "contact.lastName" },
	    .picture = "contact.profilePic",
	    .time = "message.timestamp",
	    .text = { "message.message.text" },
	    .files = "message.message.attachment" },
	/* Wazzup: an element of messages[] */
	{ .marks = { "chatType", "messageId", "chatId", "channelId" },
	    .side = "isEcho",
	    .in = "false",
	    .out = "true",
	    .contact = { "chatId" },
	    .id = { "messageId" },
	    .name = { "contact.name" },
	    .username = "contact.username",
	    .picture = "contact.avatarUri",
	    .time = "dateTime",
	    .text = { "text" },
	    .file = "contentUri",
	    .file_type = "type" },
	/* Chatwoot, message_created: the sender of an outgoing one is staff */
	{ .marks = { "account.id", "additional_attributes", "content_attributes", "content_type" },
	    .deep = true,
	    .side = "message_type",
	    .in = "incoming",
	    .out = "outgoing",
	    .contact = { "conversation.meta.sender.id", "sender.id" },
	    .id = { "id" },
	    .name = { "conversation.meta.sender.name" },
	    .picture = "conversation.meta.sender.thumbnail",
	    .time = "created_at",
	    .text = { "content" },
	    .files = "attachments",
	    .hidden = "private" },
};

static bool
is_own(const char *const *paths, size_t n, const char *s)
{
	for (size_t i = 0; i < n && paths[i] != NULL; i++)
		if (str_eq(paths[i], s))
			return true;
	return false;
}

/* Is the member k the first part of all marks that were not yet seen?  Counts them. */
static size_t
count_marks(const struct platform *p, const char *k)
{
	size_t n = 0;

	for (size_t i = 0; i < MARKS; i++) {
		size_t top = strcspn(p->marks[i], ".");

		n += strlen(k) == top && memcmp(k, p->marks[i], top) == 0;
	}
	return n;
}

/*
 * A flow's body, into which a customer has written members of a platform, is a flow's: it has a
 * sender or a text that the platform's has not, or its text stands before what marks the
 * platform, where a customer cannot write.
 */
static bool
is_flows(const struct json *j, const struct platform *p)
{
	struct json_iter it = { NULL };
	const struct json *v;
	size_t marks = 0;
	const char *k;

	for (const char *const *s = names_sender; *s != NULL; s++)
		if (!is_own(p->contact, 3, *s) && json_get(j, *s) != NULL)
			return true;
	for (const char *const *t = names_text; *t != NULL; t++)
		if (!is_own(p->text, 3, *t) && json_type(json_get(j, *t)) == JSON_STRING)
			return true;
	while (json_each(j, &it, &k, &v)) {
		bool text = json_type(v) == JSON_STRING && name_class(k, strlen(k)) == NAME_TEXT;

		for (const char *const *s = names_sender; *s != NULL; s++)
			if (name_same(*s, strlen(*s), k, strlen(k)) && strchr(*s, '.') == NULL)
				return true;
		marks += count_marks(p, k);
		if (text && (!is_own(p->text, 3, k) || marks < MARKS))
			return true;
	}
	return false;
}

static const struct platform *
platform_of(const struct json *j, uint64_t initials)
{
	for (size_t i = 0; i < sizeof platforms / sizeof platforms[0]; i++) {
		const struct platform *p = &platforms[i];
		size_t n = 0;

		if (p->deep && (initials & JSON_DEEP) == 0)
			continue;
		while (n < MARKS && (initials & json_initial(p->marks[n])) != 0 &&
		    json_get(j, p->marks[n]) != NULL)
			n++;
		if (n == MARKS && !is_flows(j, p))
			return p;
	}
	return NULL;
}

static const struct json *
first_of(const struct json *j, const char *const *paths, size_t n)
{
	const struct json *v = NULL;

	for (size_t i = 0; v == NULL && i < n && paths[i] != NULL; i++)
		v = json_get(j, paths[i]);
	return v;
}

static void
copy(struct mem_arena *a, struct jsonw *w, const char *key, const struct json *v)
{
	if (v != NULL)
		jsonw_raw(w, key, json_raw(a, v));
}

/* 1, "1", true and "true" are one word. */
static bool
says(struct mem_arena *a, const struct json *v, const char *word)
{
	bool yes = str_eq(word, "1") || str_eq(word, "true");
	bool no = str_eq(word, "0") || str_eq(word, "false");

	if (yes || no)
		return v != NULL && json_bool(v, no) == yes && json_bool(v, yes) == yes;
	return str_ieq(json_text(a, v), word);
}

static void
put_name(struct mem_arena *a, struct jsonw *w, const struct json *j, const struct platform *p)
{
	const struct json *name = first_of(j, p->name, 3);

	if (p->first_name == NULL) {
		copy(a, w, "name", name);
		return;
	}
	copy(a, w, "first_name", json_get(j, p->first_name));
	copy(a, w, "last_name", name);
}

static void
put_files(struct mem_arena *a, struct jsonw *w, const struct json *j, const struct platform *p)
{
	const struct json *file = p->file != NULL ? json_get(j, p->file) : NULL;

	copy(a, w, "attachments", p->files != NULL ? json_get(j, p->files) : NULL);
	if (file == NULL)
		return;
	jsonw_object(w, "attachment");
	copy(a, w, "type", json_get(j, p->file_type));
	copy(a, w, "url", file);
	jsonw_end(w);
}

struct json *
shape_platform(struct mem_arena *a, const struct json *j, uint64_t initials)
{
	const struct platform *p = platform_of(j, initials);
	const struct json *side, *contact;
	bool in, out;
	struct jsonw w;
	struct buf b;

	if (p == NULL || (contact = first_of(j, p->contact, 3)) == NULL)
		return NULL;
	side = json_get(j, p->side);
	in = says(a, side, p->in);
	out = !in && says(a, side, p->out);
	if (p->hidden != NULL && json_bool(json_get(j, p->hidden), false))
		in = out = false;
	buf_init(&b, SHAPE_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	copy(a, &w, "contact_id", contact);
	if (in || out) {
		copy(a, &w, "messageId", first_of(j, p->id, 2));
		jsonw_str(&w, "direction", in ? "inbound" : "outbound");
	} else	/* what it tells of is the contact: A.4 */
		jsonw_str(&w, "page_id", "");
	put_name(a, &w, j, p);
	copy(a, &w, "username", p->username != NULL ? json_get(j, p->username) : NULL);
	copy(a, &w, "profile_pic", p->picture != NULL ? json_get(j, p->picture) : NULL);
	copy(a, &w, in || out ? "timestamp" : "last_interaction",
	    p->time != NULL ? json_get(j, p->time) : NULL);
	if (in || out) {
		put_files(a, &w, j, p);
		copy(a, &w, "text", first_of(j, p->text, 3));
	}
	jsonw_end(&w);
	return parsed(&b, jsonw_done(&w));
}

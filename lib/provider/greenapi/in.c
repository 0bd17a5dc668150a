/*
 * What comes in from Green API (WhatsApp), providers.md part C.
 *
 * A notification has the same shape whether it comes by webhook or out of the
 * queue, so one reader serves both (green_item).  Message ids are unique per
 * chat only (C.3): every item carries the chat as thread_id.  The queue is
 * strict: the same notification comes again until it is deleted, so what we
 * cannot read becomes an event with its raw JSON and is deleted like the rest;
 * nothing may block what stands behind it.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "extern/json.h"
#include "base/log.h"
#include "model/detail.h"
#include "provider/greenapi/greenapi.h"
#include "extern/sign.h"
#include "base/str.h"

/* What the parts of one notification share. */
struct green_note {
	const struct json *root;	/* the notification */
	const struct json *data;	/* messageData; NULL where absent */
	struct itemv *out;
	const char *type;		/* typeWebhook */
	const char *type_message;	/* messageData.typeMessage */
	const char *chat, *sender, *wid;
	bool group;
	enum direction dir;
};

/* A non-empty string or number, else NULL: the vendor writes "" for "none". */
static const char *
green_text(struct green_note *g, const struct json *j, const char *path)
{
	const char *s = j ? json_text(&g->out->arena, json_get(j, path)) : NULL;

	return str_empty(s) ? NULL : s;
}

/* The first of several places, NULL-terminated list of paths. */
static const char *
green_first(struct green_note *g, const struct json *j, const char *const *paths)
{
	for (; *paths; paths++) {
		const char *s = green_text(g, j, *paths);
		if (s)
			return s;
	}
	return NULL;
}

const char *
green_jid(struct mem_arena *arena, const char *s)
{
	size_t all = s ? strlen(s) : 0, n;
	const char *at, *server;
	char *out;

	if (!s)
		return NULL;
	str_trim(&s, &all);
	s = mem_arena_ndup(arena, s, all);
	at = strrchr(s, '@');
	if (!at)
		return all > 0 ? s : NULL;
	s += *s == '+';
	server = strcasecmp(at + 1, "s.whatsapp.net") == 0 ? "c.us" : at + 1;
	n = strspn(s, "0123456789-");
	if (n == 0 || (s[n] != ':' && s[n] != '.'))
		n = (size_t)(at - s);
	out = mem_arena_alloc(arena, n + strlen(server) + 2);
	memcpy(out, s, n);
	out[n] = '@';
	for (size_t i = 0; i <= strlen(server); i++)
		out[n + 1 + i] = (char)tolower((unsigned char)server[i]);
	return out;
}

/* The first of several places that names a chat or person. */
static const char *
green_peer(struct green_note *g, const char *const *paths)
{
	return green_jid(&g->out->arena, green_first(g, g->root, paths));
}

/* The message that a quote, reaction, edit or deletion speaks of. */
static const char *
green_stanza(struct green_note *g)
{
	static const char *const paths[] = { "extendedTextMessageData.stanzaId",
		"quotedMessage.stanzaId", "editedMessageData.stanzaId",
		"deletedMessageData.stanzaId", "reactionMessageData.stanzaId",
		"reactionMessageData.idMessage", "editedMessage.stanzaId",
		"deletedMessage.stanzaId", "reactionMessage.stanzaId", "pollMessageData.stanzaId",
		"buttonsResponseMessage.stanzaId", "templateButtonReplyMessage.stanzaId",
		"listResponseMessage.stanzaId", "interactiveButtonsResponse.stanzaId", NULL };
	return green_first(g, g->data, paths);
}

/* How each typeMessage is read (C.3). */
enum green_shape {
	GREEN_TEXT,
	GREEN_FILE,
	GREEN_PLACE,
	GREEN_CONTACT,
	GREEN_POLL,
	GREEN_BUTTON,
	GREEN_EDIT,
	GREEN_DELETE,
	GREEN_REACT,
	GREEN_VOTE
};
static const struct green_type {
	const char *name;
	const char *kind;
	enum green_shape shape;
} green_types[] = {
	{ "textMessage", "text", GREEN_TEXT },
	{ "extendedTextMessage", "text", GREEN_TEXT },
	{ "quotedMessage", "text", GREEN_TEXT },
	{ "imageMessage", "image", GREEN_FILE },
	{ "videoMessage", "video", GREEN_FILE },
	{ "audioMessage", "audio", GREEN_FILE },
	{ "documentMessage", "file", GREEN_FILE },
	{ "stickerMessage", "sticker", GREEN_FILE },
	{ "locationMessage", "location", GREEN_PLACE },
	{ "liveLocationMessage", "location", GREEN_PLACE },
	{ "contactMessage", "contact", GREEN_CONTACT },
	{ "contactMessages", "contact", GREEN_CONTACT },
	{ "contactsMessage", "contact", GREEN_CONTACT },
	{ "contactsArrayMessage", "contact", GREEN_CONTACT },
	{ "pollMessage", "poll", GREEN_POLL },
	{ "groupInviteMessage", "group_invite", GREEN_BUTTON },
	{ "buttonsMessage", "template", GREEN_BUTTON },
	{ "listMessage", "template", GREEN_BUTTON },
	{ "templateMessage", "template", GREEN_BUTTON },
	{ "interactiveButtons", "template", GREEN_BUTTON },
	{ "interactiveButtonsReply", "template", GREEN_BUTTON },
	{ "buttonsResponseMessage", "postback", GREEN_BUTTON },
	{ "templateButtonsReplyMessage", "postback", GREEN_BUTTON },
	{ "templateButtonReplyMessage", "postback", GREEN_BUTTON },
	{ "listResponseMessage", "postback", GREEN_BUTTON },
	{ "interactiveButtonsResponse", "postback", GREEN_BUTTON },
	{ "editedMessage", "edit", GREEN_EDIT },
	{ "deletedMessage", "unsend", GREEN_DELETE },
	{ "reactionMessage", "reaction", GREEN_REACT },
	{ "pollUpdateMessage", "poll_vote", GREEN_VOTE },
};

static const struct green_type *
green_type(const char *name)
{
	for (size_t i = 0; i < sizeof green_types / sizeof *green_types; i++)
		if (str_eq(green_types[i].name, name))
			return &green_types[i];
	return NULL;
}

/* {{SWE003}}: what stands for words or a file's address that could not be had. */
static bool
green_is_error(const char *s)
{
	return s && str_istarts(s, "{{SWE") &&
	    strcmp(s + 5 + strspn(s + 5, "0123456789"), "}}") == 0;
}

/* Where the file is told: Telegram's sticker has an object of its own name. */
static const struct json *
green_file_of(struct green_note *g)
{
	const struct json *f = json_get(g->data, "fileMessageData");
	char own[64];

	if (f || !g->type_message)
		return f;
	snprintf(own, sizeof own, "%sData", g->type_message);
	return json_get(g->data, own);
}

static void
green_read_file(struct green_note *g, struct item *it)
{
	const struct json *f = green_file_of(g);
	struct att *att = item_att_add(g->out, it);

	att->type = it->kind;
	att->url = green_text(g, f, "downloadUrl");
	if (green_is_error(att->url))
		att->url = NULL;
	att->mime = green_text(g, f, "mimeType");
	att->name = green_text(g, f, "fileName");
	it->body = green_text(g, f, "caption");
	/* some instances put the quote and caption of a file beside it */
	if (!it->body)
		it->body = green_text(g, g->data, "caption");
}

/* Words for a person to read, joined by ", ". */
static void
green_words_add(struct buf *b, const char *s)
{
	if (s)
		buf_printf(b, "%s%s", b->n ? ", " : "", s);
}

static void
green_words_end(struct green_note *g, struct item *it, struct buf *b)
{
	if (b->n && !buf_err(b))
		it->body = mem_arena_ndup(&g->out->arena, b->p, b->n);
	buf_free(b);
}

static void
green_place_body(struct green_note *g, struct item *it, const struct json *l, const char *name)
{
	const char *lat = green_text(g, l, "latitude"), *lon = green_text(g, l, "longitude");
	struct buf b;

	buf_init(&b, 64 * 1024);
	green_words_add(&b, name);
	green_words_add(&b, green_text(g, l, "address"));
	green_words_add(&b, lat && lon ? lat : NULL);
	green_words_add(&b, lat && lon ? lon : NULL);
	green_words_end(g, it, &b);
}

static void
green_read_place(struct green_note *g, struct item *it, struct detail *detail)
{
	static const char *const names[] = { "nameLocation", "name", NULL };
	const struct json *l = json_get(g->data, "locationMessageData");

	if (!l)
		l = json_get(g->data, "locationMessage");
	if (!l)
		return;
	detail_given(detail, &g->out->arena, "latitude", json_get(l, "latitude"));
	detail_given(detail, &g->out->arena, "longitude", json_get(l, "longitude"));
	detail_str(detail, "name", green_first(g, l, names));
	detail_str(detail, "address", green_text(g, l, "address"));
	green_place_body(g, it, l, green_first(g, l, names));
}

/* The value of a vCard's line of this name ("TEL;type=CELL:+7…"), from *from on. */
static const char *
green_vcard(struct green_note *g, const char **from, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = *from; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		size_t len = strcspn(p, "\r\n"), dot = strcspn(p, ".\r\n"), skip;
		const char *line = str_istarts(p, "item") && p[dot] == '.' ? p + dot + 1 : p;

		if (strncasecmp(line, name, n) != 0 || (line[n] != ':' && line[n] != ';'))
			continue;
		skip = (size_t)(line - p) + n;
		skip += strcspn(p + skip, ":\r\n") + 1;
		if (skip >= len)
			continue;
		*from = p + len;
		return mem_arena_ndup(&g->out->arena, p + skip, len - skip);
	}
	return NULL;
}

/* One contact card: its name and numbers. */
static void
green_card_words(struct green_note *g, struct buf *b, const struct json *card)
{
	static const char *const phones[] = { "phoneContact", "phoneNumber", NULL };
	const char *vcard = green_text(g, card, "vcard"), *at = vcard, *tel;
	const char *name = green_text(g, card, "displayName");
	const char *first = green_text(g, card, "firstName");
	const char *last = green_text(g, card, "lastName");
	bool any = false;

	/* Telegram's has the two names apart, and the number beside the vCard */
	if (!name && first && last)
		buf_printf(b, "%s%s %s", b->n ? ", " : "", first, last);
	else
		green_words_add(b,
		    name      ? name :
			first ? first :
			last  ? last :
			at    ? green_vcard(g, &at, "FN") :
				NULL);
	for (at = vcard; at && (tel = green_vcard(g, &at, "TEL")) != NULL; any = true)
		green_words_add(b, tel);
	if (!any)
		green_words_add(b, green_first(g, card, phones));
}

static void
green_read_contact(struct green_note *g, struct item *it, struct detail *detail)
{
	static const char *const many[] = { "messageData.contacts", "contacts",
		"contactsArrayMessage.contacts", "contactMessages", NULL };
	const struct json *one = json_get(g->data, "contactMessageData"), *list = NULL;
	struct buf b;

	if (!one)
		one = json_get(g->data, "contactMessage");
	for (size_t i = 0; !one && json_type(list) != JSON_ARRAY && many[i]; i++)
		list = json_get(g->data, many[i]);
	if (one) {
		detail_array(detail, &g->out->arena, "contacts", one);
	} else if (json_type(list) == JSON_ARRAY) {
		detail_given(detail, &g->out->arena, "contacts", list);
	}
	buf_init(&b, 64 * 1024);
	if (one)
		green_card_words(g, &b, one);
	for (size_t i = 0; i < json_len(list); i++)
		green_card_words(g, &b, json_at(list, i));
	green_words_end(g, it, &b);
}

static const char *const green_texts[] = { "textMessageData.textMessage",
	"extendedTextMessageData.text", "extendedTextMessage.text", "textMessage", NULL };

/* Buttons, lists, invitations: the words people see are the body, the object
 * itself the detail. */
static void
green_read_button(struct green_note *g, struct item *it, struct detail *detail)
{
	static const char *const objects[] = { "templateMessage", "buttonsMessage", "listMessage",
		"interactiveButtons", "interactiveButtonsReply", "buttonsResponseMessage",
		"templateButtonReplyMessage", "listResponseMessage", "interactiveButtonsResponse",
		"groupInviteMessageData", NULL };
	static const char *const words[] = { "selectedButtonText", "selectedDisplayText",
		"contentText", "title", "caption", "groupName", "buttonText", NULL };

	for (size_t i = 0; objects[i]; i++) {
		const struct json *o = json_get(g->data, objects[i]);

		if (!o)
			continue;
		it->body = green_first(g, o, words);
		detail_given(detail, &g->out->arena, "data", o);
		break;
	}
	/* a quoting text may be told as a tap on nothing (green-api/issues#916) */
	if (!it->body)
		it->body = green_first(g, g->data, green_texts);
}

static void
green_read_text(struct green_note *g, struct item *it)
{
	it->body = green_first(g, g->data, green_texts);
	/* ... or nothing: the words come later, under the same id */
	if (green_is_error(it->body))
		it->body = NULL;
	if (!it->body)
		it->kind = "unsupported";
}

/* Is it the chat's own number or id, however it is written ("+7 999 000-10-11")? */
static bool
green_is_chat(struct green_note *g, const char *name)
{
	size_t at = 0;

	if (!g->chat)
		return false;
	for (; *name; name++) {
		if (*name == g->chat[at] && *name != '\0')
			at++;
		else if (!strchr("+ ()-.\t", *name))
			return false;
	}
	return at > 0 && (g->chat[at] == '\0' || g->chat[at] == '@');
}

/* The first of names that is one: neither the chat's id or number nor an empty variable. */
static const char *
green_name(struct green_note *g, const struct json *s, const char *const *paths)
{
	for (; *paths; paths++) {
		const char *name = green_text(g, s, *paths);

		if (name && !str_starts(name, "{{") && !green_is_chat(g, name))
			return name;
	}
	return NULL;
}

/* Where the chat's name is the speaker's too it is not told apart: a group would be named
 * after who spoke last (green-api/issues#786), a customer after us. */
static bool
green_speaker_only(struct green_note *g, const struct json *s)
{
	const char *chat = green_text(g, s, "chatName");

	return (g->group || g->dir == DIR_OUT) && chat &&
	    (str_eq(chat, green_text(g, s, "senderName")) ||
		str_eq(chat, green_text(g, s, "senderContactName")));
}

/* The contact is the chat: a person, or in a group the group (contract.md 5). */
static void
green_people(struct green_note *g, struct item *it)
{
	static const char *const person[] = { "senderName", "chatName", "senderContactName", NULL };
	static const char *const chat[] = { "chatName", NULL };
	const struct json *s = json_get(g->root, "senderData");

	it->thread_id = g->chat ? g->chat : "";
	it->contact = g->chat;
	it->dir = g->dir;
	it->sender_id = g->sender;
	it->recipient_id = g->dir == DIR_OUT || g->group ? g->chat : g->wid;
	if (s && !green_speaker_only(g, s))
		it->name = green_name(g, s, g->dir == DIR_IN && !g->group ? person : chat);
	/* what a person's chat is called here stands for a name of their own */
	it->name_weak = it->name && !g->group &&
	    (g->dir == DIR_OUT || !str_eq(it->name, green_text(g, s, person[0])));
}

static bool
green_among(const char *key, const char *const *names)
{
	while (*names && strcmp(*names, key) != 0)
		names++;
	return *names != NULL;
}

/* Does a member say nothing?  The vendor writes "", 0, false and None for that. */
static bool
green_nothing(struct green_note *g, const struct json *v)
{
	const char *s;

	switch (json_type(v)) {
	case JSON_BOOL:
		return !json_bool(v, true);
	case JSON_NUMBER:
	case JSON_STRING:
		s = json_text(&g->out->arena, v);
		return str_empty(s) || str_eq(s, "0") || str_eq(s, "None");
	case JSON_ARRAY:
		return json_len(v) == 0;
	default:
		return json_type(v) != JSON_OBJECT;
	}
}

/* What of messageData has no column: ad data, a link's title, forwarded, whose words were
 * quoted, and whatever comes later.  Previews and the quoted words stay in the ledger. */
static void
green_detail_rest(struct green_note *g, struct detail *detail)
{
	static const char *const open[] = { "textMessageData", "extendedTextMessageData",
		"extendedTextMessage", "fileMessageData", "locationMessageData", "locationMessage",
		NULL };
	static const char *const used[] = { "typeMessage", "text", "textMessage", "caption",
		"stanzaId", "downloadUrl", "fileName", "mimeType", "latitude", "longitude", "name",
		"nameLocation", "address", "jpegThumbnail", "quotedMessage", "messageData",
		"contacts", "contactMessageData", "contactMessage", "contactMessages",
		"contactsArrayMessage", "pollMessageData", "templateMessage", "buttonsMessage",
		"listMessage", "interactiveButtons", "interactiveButtonsReply",
		"buttonsResponseMessage", "templateButtonReplyMessage", "listResponseMessage",
		"interactiveButtonsResponse", "groupInviteMessageData", NULL };
	const char *key, *k;
	const struct json *v, *w;

	for (struct json_iter i = { NULL }; json_each(g->data, &i, &key, &v);) {
		if (json_type(v) == JSON_OBJECT && green_among(key, open)) {
			for (struct json_iter j = { NULL }; json_each(v, &j, &k, &w);)
				if (!green_among(k, used) && !green_nothing(g, w))
					detail_given(detail, &g->out->arena, k, w);
		} else if (!green_among(key, used) && !green_nothing(g, v)) {
			detail_given(detail, &g->out->arena, key, v);
		}
	}
}

/* The chat of a phone number: the other id of somebody who hides it (C.3); NULL */
static const char *
green_phone_chat(struct green_note *g, const char *phone)
{
	char chat[40];
	size_t n = phone != NULL ? strlen(phone) : 0;

	if (n < 7 || n > 15 || strspn(phone, "0123456789") != n || *phone == '0')
		return NULL;
	snprintf(chat, sizeof chat, "%s@c.us", phone);
	return mem_arena_dup(&g->out->arena, chat);
}

/* A file that quotes may be told as quotedMessage, as if it were a text
 * (green-api/issues#660): the member that is there tells which. */
static const struct green_type *
green_what_is_there(struct green_note *g, const struct green_type *t)
{
	const char *mime = green_text(g, g->data, "fileMessageData.mimeType"), *type;

	if (!t || t->shape != GREEN_TEXT || green_first(g, g->data, green_texts) ||
	    json_type(json_get(g->data, "fileMessageData")) != JSON_OBJECT)
		return t;
	type = !mime			? "documentMessage" :
	    str_istarts(mime, "image/") ? "imageMessage" :
	    str_istarts(mime, "video/") ? "videoMessage" :
	    str_istarts(mime, "audio/") ? "audioMessage" :
					  "documentMessage";
	return green_type(type);
}

static void
green_message(struct green_note *g, struct item *it, const struct green_type *t)
{
	struct detail detail = { .any = false };

	t = green_what_is_there(g, t);

	it->type = ITEM_MESSAGE;
	it->raw = "{}";		/* the ledger has the bytes; events alone keep theirs */
	it->kind = t ? t->kind : "unsupported";
	it->external_id = green_text(g, g->root, "idMessage");
	it->echo = g->dir == DIR_OUT;
	it->reply_to = green_stanza(g);
	if (g->group && g->dir == DIR_IN)
		detail_str(&detail, "senderName", green_text(g, g->root, "senderData.senderName"));
	if (g->chat && !str_ends(g->chat, "@c.us")) {	/* which is the phone */
		const char *phone = green_text(g, g->root, "senderData.senderPhoneNumber");

		detail_str(&detail, "senderPhoneNumber", phone);
		if (g->dir == DIR_IN && str_ends(g->chat, "@lid"))
			it->alias = green_phone_chat(g, phone);
	}
	if (!t)
		detail_given(&detail, &g->out->arena, "messageData", g->data);
	else if (t->shape == GREEN_TEXT)
		green_read_text(g, it);
	else if (t->shape == GREEN_FILE)
		green_read_file(g, it);
	else if (t->shape == GREEN_PLACE)
		green_read_place(g, it, &detail);
	else if (t->shape == GREEN_CONTACT)
		green_read_contact(g, it, &detail);
	else if (t->shape == GREEN_BUTTON)
		green_read_button(g, it, &detail);
	else if (t->shape == GREEN_POLL) {
		it->body = green_text(g, g->data, "pollMessageData.name");
		detail_given(&detail, &g->out->arena, "poll", json_get(g->data, "pollMessageData"));
	}
	if (t)
		green_detail_rest(g, &detail);
	it->detail = detail_end(&detail, &g->out->arena);
}

/* What a message-like notification does to another message. */
static void
green_change(struct green_note *g, struct item *it, const struct green_type *t)
{
	static const char *const edited[] = { "editedMessageData.textMessage",
		"editedMessageData.text", "editedMessageData.caption", "editedMessage.textMessage",
		"extendedTextMessageData.text", "textMessageData.textMessage", NULL };
	static const char *const emoji[] = { "extendedTextMessageData.text",
		"reactionMessageData.text", "reactionMessageData.reaction",
		"reactionMessageData.emoji", "reactionMessage.text", NULL };

	it->type = ITEM_EVENT;
	it->kind = t->kind;
	it->target_id = green_stanza(g);
	if (!it->target_id)	/* the journals' way to tell it */
		it->target_id = green_text(g, g->data,
		    t->shape == GREEN_EDIT	 ? "editedMessageId" :
			t->shape == GREEN_DELETE ? "deletedMessageId" :
						   "stanzaId");
	it->name = NULL;	/* a change tells nothing new about who it is */
	if (!it->target_id)
		return;		/* kept, changes nothing */
	switch (t->shape) {
	case GREEN_EDIT:
		it->effect = EFFECT_EDIT;
		it->text = green_first(g, g->data, edited);
		/* no version is given: the later edit counts */
		if (json_i64(json_get(g->root, "timestamp"), &it->num) != RC_OK || it->num < 1)
			it->num = 1;
		if (!it->text)
			it->effect = EFFECT_NONE;
		break;
	case GREEN_DELETE:
		it->effect = EFFECT_UNSEND;
		break;
	case GREEN_REACT:
		it->text = green_first(g, g->data, emoji);
		/* whose it is tells sender_id: in a group everybody has his own */
		it->effect = it->text ? EFFECT_REACT : EFFECT_UNREACT;
		break;
	default:
		break;
	}
}

/*
 * outgoingMessageStatus: chatId, idMessage and status at the top level (C.3).  A
 * failure says why: the status itself where it is more than "failed", and the
 * vendor's description.  What waits because the number is limited says so of the instance: no
 * other notification may tell it.
 */
static void
green_status(struct green_note *g, struct item *it)
{
	static const struct {
		const char *name, *status, *why;
	} map[] = {
		{ "sent", "sent", NULL },
		{ "delivered", "delivered", NULL },
		{ "read", "read", NULL },
		{ "played", "read", NULL },
		{ "failed", "failed", NULL },
		{ "noAccount", "failed", "noAccount: this number has no WhatsApp" },
		{ "notInGroup", "failed", "notInGroup: the number is not in this group" },
		{ "noActiveSession", "failed", "noActiveSession: the 24-hour window is closed" },
	};
	const char *s = green_text(g, g->root, "status"),
		   *words = green_text(g, g->root, "description");
	struct buf b;

	it->kind = "status";
	it->dir = DIR_OUT;
	it->target_id = green_text(g, g->root, "idMessage");
	it->text = s;	/* another word changes nothing and is kept */
	if (str_ieq(s, "yellowCard") || str_ieq(s, "suspended"))
		it->kind = "instance_state";
	for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
		if (!str_ieq(map[i].name, s) || !it->target_id)
			continue;
		it->effect = EFFECT_STATUS;
		it->text = map[i].status;
		if (!str_eq(map[i].status, "failed") || (map[i].why == NULL && words == NULL))
			continue;
		buf_init(&b, 1024);
		buf_printf(&b, "failed: %s%s%.600s", map[i].why != NULL ? map[i].why : "",
		    map[i].why != NULL && words != NULL ? " - " : "", words != NULL ? words : "");
		it->text = str_utf8_clean(&g->out->arena, b.p, b.n, NULL);
		buf_free(&b);
	}
}

/* stateInstanceChanged: while the number is limited or logged out nothing is to be
 * fed into the vendor's queue: "rest: STATE" holds the outbox, "ok" lets it go on. */
static const char *
green_state(struct green_note *g)
{
	static const char *const rest[] = { "suspended", "yellowCard", "notAuthorized", "blocked" };
	static const char *const texts[] = { "rest: suspended", "rest: suspended",
		"rest: not_authorized", "rest: not_authorized" };
	const char *s = green_text(g, g->root, "stateInstance");

	for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
		if (str_eq(s, rest[i]))
			return texts[i];
	return str_eq(s, "authorized") ? "ok" : NULL;
}

static const struct {
	const char *type, *kind;
} green_events[] = {
	{ "stateInstanceChanged", "instance_state" },
	{ "statusInstanceChanged", "instance_status" },
	{ "deviceInfo", "device" },
	{ "incomingCall", "call" },
	{ "outgoingCall", "call" },
	{ "incomingBlock", "block" },
	{ "quotaExceeded", "quota" },
};

static void
green_event(struct green_note *g, struct item *it)
{
	static const char *const peers[] = { "from", "chatId", NULL };

	it->type = ITEM_EVENT;
	it->kind = "unknown";
	if (str_eq(g->type, "outgoingMessageStatus"))
		green_status(g, it);
	for (size_t i = 0; i < sizeof green_events / sizeof *green_events; i++)
		if (str_eq(green_events[i].type, g->type))
			it->kind = green_events[i].kind;
	if (str_eq(g->type, "stateInstanceChanged"))
		it->text = green_state(g);
	if (!it->contact)
		it->contact = green_peer(g, peers);
}

/* A chat of several people: WhatsApp's by its server, those of MAX and Telegram by the type that
 * is told, Telegram's by its sign, too (C.7). */
static bool
green_is_group(struct green_note *g)
{
	static const char *const many[] = { "group", "supergroup", "channel", NULL };
	const char *type = green_text(g, g->root, "senderData.chatType");

	if (!g->chat)
		return false;
	return str_ends(g->chat, "@g.us") || (type && green_among(type, many)) ||
	    (*g->chat == '-' && strchr(g->chat, '@') == NULL);
}

/* Sender and chat, from whichever place this kind of notification uses. */
static void
green_note_init(struct green_note *g, const struct json *root, struct itemv *out)
{
	static const char *const chats[] = { "senderData.chatId", "chatId", "senderData.sender",
		NULL };
	static const char *const senders[] = { "senderData.sender", NULL };
	static const char *const wids[] = { "instanceData.wid", NULL };

	memset(g, 0, sizeof *g);
	g->root = root;
	g->out = out;
	g->data = json_get(root, "messageData");
	g->type = green_text(g, root, "typeWebhook");
	g->type_message = green_text(g, g->data, "typeMessage");
	g->chat = green_peer(g, chats);
	g->sender = green_peer(g, senders);
	g->wid = green_peer(g, wids);
	g->group = green_is_group(g);
	g->dir = str_starts(g->type ? g->type : "", "outgoing") ? DIR_OUT : DIR_IN;
	if (json_type(json_get(root, "senderData")) != JSON_OBJECT)
		return;
	/* who writes in a chat of two is the chat, also where the sender is empty or our own
	 * number (green-api/issues#903, #883) */
	if (g->dir == DIR_IN && !g->group && (!g->sender || str_eq(g->sender, g->wid)))
		g->sender = g->chat;
	/* in a group our own number is us: told as somebody's (green-api/issues#778) */
	else if (g->dir == DIR_IN && g->group && g->sender && str_eq(g->sender, g->wid))
		g->dir = DIR_OUT;
	/* Telegram's name the chat as who sent what is ours */
	else if (g->dir == DIR_OUT && (!g->sender || str_eq(g->sender, g->chat)))
		g->sender = g->wid;
}

/* A line of the journals says of a message that it was removed since: on that alone it counts,
 * for the notification of the removal may be lost. */
static void
green_removed(struct green_note *g)
{
	const char *id = green_text(g, g->root, "idMessage");
	struct item *it;

	if (!json_bool(json_get(g->data, "isDeleted"), false) || !id)
		return;
	it = itemv_add(g->out);
	it->type = ITEM_EVENT;
	it->kind = "unsend";
	it->effect = EFFECT_UNSEND;
	it->target_id = id;
	it->own_id = green_text(g, g->root, "instanceData.idInstance");
	green_people(g, it);
	it->name = NULL;
}

/* One notification, an item for what it is: always, for what is received is kept. */
void
green_item(const struct json *root, struct itemv *out)
{
	static const char *const carriers[] = { "incomingMessageReceived",
		"outgoingMessageReceived", "outgoingAPIMessageReceived" };
	struct green_note g;
	struct item *it;
	bool carrier = false;

	green_note_init(&g, root, out);
	it = itemv_add(out);
	it->raw = json_raw(&out->arena, root);
	it->own_id = green_text(&g, root, "instanceData.idInstance");
	item_time(out, it, green_text(&g, root, "timestamp"));
	green_people(&g, it);
	for (size_t i = 0; i < sizeof carriers / sizeof *carriers; i++)
		carrier |= str_eq(carriers[i], g.type);
	/* without its data it is somebody's message all the same */
	if (!carrier || !g.chat ||
	    (json_type(g.data) != JSON_OBJECT && !green_text(&g, root, "idMessage"))) {
		green_event(&g, it);
		return;
	}
	const struct green_type *t = green_type(g.type_message);
	if (t && t->shape >= GREEN_EDIT)
		green_change(&g, it, t);
	else {
		green_message(&g, it, t);
		green_removed(&g);
	}
}

/* A notification as it is sent, as it lies in the queue, or as another program passes
 * a request on ({"headers":{...},"body":{...}}); NULL: none. */
static const struct json *
green_note_in(const struct json *j)
{
	return json_get(j, "typeWebhook")   ? j :
	    json_get(j, "body.typeWebhook") ? json_get(j, "body") :
					      NULL;
}

/* A notification, a line of a journal that somebody passes on, or what nobody knows. */
static void
green_any(const struct account *a, const struct json *j, struct itemv *out)
{
	struct json *note = NULL;
	struct buf b;

	if (!green_is_line(j)) {
		green_item(green_note_in(j) ? green_note_in(j) : j, out);
		return;
	}
	buf_init(&b, 1 << 20);
	green_journal_note(a->own_id, &out->arena, j, &b);
	if (!buf_err(&b) && json_parse(b.p, b.n, &note, NULL) == RC_OK)
		green_item(note, out);
	json_free(note);
	buf_free(&b);
}

/* C.4: one notification a POST; an array of them is read too. */
enum rc
green_parse(
    const struct account *a, const char *content_type, const char *p, size_t n, struct itemv *out)
{
	struct json *j = NULL;
	size_t before = out->n;
	bool lines = true;

	(void)content_type;
	if (json_parse(p, n, &j, NULL) != RC_OK)
		return RC_INVALID;
	if (json_type(j) == JSON_OBJECT && (green_note_in(j) || green_is_line(j)))
		green_any(a, j, out);
	for (size_t i = 0; i < json_len(j); i++) {
		lines = lines && green_is_line(json_at(j, i));
		if (json_type(json_at(j, i)) == JSON_OBJECT)
			green_any(a, json_at(j, i), out);
	}
	if (lines && json_len(j) > 1)	/* a journal, which begins with the newest */
		itemv_in_time(out, before, true);
	json_free(j);
	return out->n > before ? RC_OK : RC_INVALID;
}

const char *
green_own_phone(const struct account *a, const char *p, size_t n, struct mem_arena *arena)
{
	struct json *j = NULL;
	const struct json *one;
	const char *wid, *own = NULL;

	if (!green_whatsapp(a) || json_parse(p, n, &j, NULL) != RC_OK)
		return NULL;
	one = json_type(j) == JSON_OBJECT ? j : json_at(j, 0);
	wid = green_jid(arena, json_text(arena, json_get(green_note_in(one), "instanceData.wid")));
	if (wid != NULL && str_ends(wid, "@c.us"))
		own = mem_arena_ndup(arena, wid, strspn(wid, "0123456789"));
	json_free(j);
	return own;
}

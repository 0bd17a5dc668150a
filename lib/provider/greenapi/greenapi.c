/*
 * Green API (WhatsApp), providers.md part C.
 *
 * A notification has the same shape whether it comes by webhook or out of the
 * queue, so one reader serves both (green_item).  Message ids are unique per
 * chat only (C.3): every item carries the chat as thread_id.  The queue is
 * strict: the same notification comes again until it is deleted, so what we
 * cannot read becomes an event with its raw JSON and is deleted like the rest;
 * nothing may block what stands behind it.  The token is part of the path:
 * only green_masked() goes into attempts.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "extern/json.h"
#include "base/log.h"
#include "provider/greenapi/greenapi.h"
#include "extern/sign.h"
#include "base/str.h"

#define GREEN_TEXT_MAX		20000	/* C.1, characters */
#define GREEN_WAIT_MIN_S	5	/* C.1: receiveTimeout=5..60 */
#define GREEN_WAIT_MAX_S	60
#define GREEN_SLACK_S		5	/* C.2: client timeout > receiveTimeout */
#define GREEN_QUOTA_PAUSE_S	600	/* C.5: 466 */
#define GREEN_RATE_PAUSE_S	10	/* C.5: 429 */
#define GREEN_STOP_PAUSE_S	300	/* C.5: wrong token, not authorized */
#define GREEN_ATTEMPTS_KEPT	4	/* successful requests listed of a check */

/* --- verify ---------------------------------------------------------------- */

/* C.4: the vendor's exact wording is not known: the bare token, Bearer, Basic.
 * A configured token may itself be "Bearer x"; then the whole value is equal. */
static bool
green_token_matches(const char *have, const char *want)
{
	static const char *const schemes[] = { "Bearer ", "Basic " };
	size_t wn = strlen(want), n;
	const char *p;
	bool ok;

	n = strlen(have);
	str_trim(&have, &n);
	ok = sign_equal(have, n, want, wn);
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t sn = strlen(schemes[i]);

		if (!str_istarts(have, schemes[i]) || n < sn)
			continue;
		p = have + sn;
		size_t pn = n - sn;
		str_trim(&p, &pn);
		ok |= sign_equal(p, pn, want, wn);
	}
	return ok;
}

static enum rc
green_verify(const struct account *a, const struct http_req *req, const char **why)
{
	const char *h = http_req_get(req, "Authorization");

	if (str_empty(a->webhook_token))
		*why = "no_secret_configured";
	else if (str_empty(h))
		*why = "no_secret";
	else if (!green_token_matches(h, a->webhook_token))
		*why = "wrong_secret";
	else
		return RC_OK;
	return RC_DENIED;
}

/* --- reading a notification ------------------------------------------------- */

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

/*
 * A chat's or person's id in its normal form.  WhatsApp has several spellings for one: with
 * the device behind the number (7…:3@c.us, 7….0:3@…), with the server's own name
 * (@s.whatsapp.net), with a plus (green-api/issues#66, #187).  What has no "@" (MAX,
 * Telegram) is not WhatsApp's and stays.
 */
static const char *
green_jid(struct green_note *g, const char *s)
{
	const char *at = s ? strrchr(s, '@') : NULL, *server;
	size_t n;
	char *out;

	if (!at)
		return s;
	s += *s == '+';
	server = strcasecmp(at + 1, "s.whatsapp.net") == 0 ? "c.us" : at + 1;
	n = strspn(s, "0123456789-");
	if (n == 0 || (s[n] != ':' && s[n] != '.'))
		n = (size_t)(at - s);
	out = mem_arena_alloc(&g->out->arena, n + strlen(server) + 2);
	memcpy(out, s, n);
	out[n] = '@';
	for (size_t i = 0; i <= strlen(server); i++)
		out[n + 1 + i] = (char)tolower((unsigned char)server[i]);
	return out;
}

/* The message that a quote, reaction, edit or deletion speaks of. */
static const char *
green_stanza(struct green_note *g)
{
	static const char *const paths[] = {
		"extendedTextMessageData.stanzaId", "quotedMessage.stanzaId",
		"editedMessageData.stanzaId", "deletedMessageData.stanzaId",
		"reactionMessageData.stanzaId", "reactionMessageData.idMessage",
		"editedMessage.stanzaId", "deletedMessage.stanzaId", "reactionMessage.stanzaId",
		"pollMessageData.stanzaId", "buttonsResponseMessage.stanzaId",
		"templateButtonReplyMessage.stanzaId", "listResponseMessage.stanzaId", NULL
	};
	return green_first(g, g->data, paths);
}

/* detail is built member by member; a buf that stays empty gives NULL. */
static void
green_detail_raw(struct green_note *g, struct buf *b, const char *key, const struct json *j)
{
	if (json_type(j) == JSON_ABSENT || json_type(j) == JSON_NULL)
		return;
	json_put_key(b, b->n ? "," : "", key);
	buf_puts(b, json_raw(&g->out->arena, j));
}

static void
green_detail_str(struct buf *b, const char *key, const char *v)
{
	if (!v)
		return;
	json_put_key(b, b->n ? "," : "", key);
	json_put_str(b, v);
}

static void
green_detail_end(struct green_note *g, struct item *it, struct buf *b)
{
	if (b->n && !buf_err(b)) {
		char *d = mem_arena_alloc(&g->out->arena, b->n + 3);

		d[0] = '{';
		memcpy(d + 1, b->p, b->n);
		d[b->n + 1] = '}';
		d[b->n + 2] = '\0';
		it->detail = d;
	}
	buf_free(b);
}

/* How each typeMessage is read (C.3). */
enum green_shape { GREEN_TEXT, GREEN_FILE, GREEN_PLACE, GREEN_CONTACT, GREEN_POLL,
	GREEN_BUTTON, GREEN_EDIT, GREEN_DELETE, GREEN_REACT, GREEN_VOTE };
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

static void
green_read_file(struct green_note *g, struct item *it)
{
	const struct json *f = json_get(g->data, "fileMessageData");
	struct att *att = item_att_add(g->out, it);

	att->type = it->kind;
	att->url = green_text(g, f, "downloadUrl");
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
green_read_place(struct green_note *g, struct item *it, struct buf *detail)
{
	static const char *const names[] = { "nameLocation", "name", NULL };
	const struct json *l = json_get(g->data, "locationMessageData");

	if (!l)
		l = json_get(g->data, "locationMessage");
	if (!l)
		return;
	green_detail_raw(g, detail, "latitude", json_get(l, "latitude"));
	green_detail_raw(g, detail, "longitude", json_get(l, "longitude"));
	green_detail_str(detail, "name", green_first(g, l, names));
	green_detail_str(detail, "address", green_text(g, l, "address"));
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
	const char *vcard = green_text(g, card, "vcard"), *at = vcard, *tel;
	const char *name = green_text(g, card, "displayName");

	green_words_add(b, name || !at ? name : green_vcard(g, &at, "FN"));
	for (at = vcard; at && (tel = green_vcard(g, &at, "TEL")) != NULL; )
		green_words_add(b, tel);
}

static void
green_read_contact(struct green_note *g, struct item *it, struct buf *detail)
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
		json_put_key(detail, detail->n ? "," : "", "contacts");
		buf_printf(detail, "[%s]", json_raw(&g->out->arena, one));
	} else if (json_type(list) == JSON_ARRAY) {
		green_detail_raw(g, detail, "contacts", list);
	}
	buf_init(&b, 64 * 1024);
	if (one)
		green_card_words(g, &b, one);
	for (size_t i = 0; i < json_len(list); i++)
		green_card_words(g, &b, json_at(list, i));
	green_words_end(g, it, &b);
}

/* Buttons, lists, invitations: the words people see are the body, the object
 * itself the detail. */
static void
green_read_button(struct green_note *g, struct item *it, struct buf *detail)
{
	static const char *const objects[] = { "templateMessage", "buttonsMessage", "listMessage",
	    "interactiveButtons", "interactiveButtonsReply", "buttonsResponseMessage",
	    "templateButtonReplyMessage", "listResponseMessage", "interactiveButtonsResponse",
	    "groupInviteMessageData", NULL };
	static const char *const words[] = { "selectedButtonText", "selectedDisplayText",
	    "contentText", "title", "caption", "groupName", NULL };

	for (size_t i = 0; objects[i]; i++) {
		const struct json *o = json_get(g->data, objects[i]);

		if (!o)
			continue;
		it->body = green_first(g, o, words);
		green_detail_raw(g, detail, "data", o);
		return;
	}
}

static void
green_read_text(struct green_note *g, struct item *it)
{
	static const char *const paths[] = { "textMessageData.textMessage",
	    "extendedTextMessageData.text", "extendedTextMessage.text", "textMessage", NULL };

	it->body = green_first(g, g->data, paths);
	/* {{SWE003}}, or nothing: the words come later, under the same id */
	if (it->body && str_starts(it->body, "{{SWE") &&
	    strcmp(it->body + 5 + strspn(it->body + 5, "0123456789"), "}}") == 0)
		it->body = NULL;
	if (!it->body)
		it->kind = "unsupported";
}

/* The first of names that is one: neither the chat's id or number nor an empty variable. */
static const char *
green_name(struct green_note *g, const struct json *s, const char *const *paths)
{
	for (; *paths; paths++) {
		const char *name = green_text(g, s, *paths);
		size_t n = name ? strlen(name) : 0;

		if (name && !str_starts(name, "{{") && (!g->chat || !str_starts(g->chat, name) ||
		    (g->chat[n] != '\0' && g->chat[n] != '@')))
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
green_detail_rest(struct green_note *g, struct buf *detail)
{
	static const char *const open[] = { "textMessageData", "extendedTextMessageData",
	    "extendedTextMessage", "fileMessageData", "locationMessageData", "locationMessage", NULL };
	static const char *const used[] = { "typeMessage", "text", "textMessage", "caption",
	    "stanzaId", "downloadUrl", "fileName", "mimeType", "latitude", "longitude", "name",
	    "nameLocation", "address", "jpegThumbnail", "quotedMessage", "messageData", "contacts",
	    "contactMessageData", "contactMessage", "contactMessages", "contactsArrayMessage",
	    "pollMessageData", "templateMessage", "buttonsMessage", "listMessage",
	    "interactiveButtons", "interactiveButtonsReply", "buttonsResponseMessage",
	    "templateButtonReplyMessage", "listResponseMessage", "interactiveButtonsResponse",
	    "groupInviteMessageData", NULL };
	const char *key, *k;
	const struct json *v, *w;

	for (size_t i = 0; json_each(g->data, i, &key, &v); i++) {
		if (json_type(v) == JSON_OBJECT && green_among(key, open)) {
			for (size_t j = 0; json_each(v, j, &k, &w); j++)
				if (!green_among(k, used) && !green_nothing(g, w))
					green_detail_raw(g, detail, k, w);
		} else if (!green_among(key, used) && !green_nothing(g, v)) {
			green_detail_raw(g, detail, key, v);
		}
	}
}

static void
green_message(struct green_note *g, struct item *it, const struct green_type *t)
{
	struct buf detail;

	buf_init(&detail, 1 << 20);
	it->type = ITEM_MESSAGE;
	it->raw = "{}";		/* the ledger has the bytes; events alone keep theirs */
	it->kind = t ? t->kind : "unsupported";
	it->external_id = green_text(g, g->root, "idMessage");
	it->echo = g->dir == DIR_OUT;
	it->reply_to = green_stanza(g);
	if (g->group && g->dir == DIR_IN)
		green_detail_str(&detail, "senderName", green_text(g, g->root, "senderData.senderName"));
	if (g->chat && str_ends(g->chat, "@lid"))
		green_detail_str(&detail, "senderPhoneNumber",
		    green_text(g, g->root, "senderData.senderPhoneNumber"));
	if (!t)
		green_detail_raw(g, &detail, "messageData", g->data);
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
		green_detail_raw(g, &detail, "poll", json_get(g->data, "pollMessageData"));
	}
	if (t)
		green_detail_rest(g, &detail);
	green_detail_end(g, it, &detail);
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

/* outgoingMessageStatus: chatId, idMessage and status at the top level (C.3). */
static void
green_status(struct green_note *g, struct item *it)
{
	static const struct { const char *name, *status; } map[] = {
		{ "sent", "sent" }, { "delivered", "delivered" }, { "read", "read" },
		{ "played", "read" }, { "failed", "failed" }, { "noAccount", "failed" },
		{ "notInGroup", "failed" }, { "noActiveSession", "failed" },
	};
	const char *s = green_text(g, g->root, "status");

	it->kind = "status";
	it->dir = DIR_OUT;
	it->target_id = green_text(g, g->root, "idMessage");
	it->text = s;	/* another word (yellowCard, suspended) changes nothing and is kept */
	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		if (str_ieq(map[i].name, s) && it->target_id) {
			it->effect = EFFECT_STATUS;
			it->text = map[i].status;
		}
}

static const struct { const char *type, *kind; } green_events[] = {
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
	if (!it->contact)
		it->contact = green_jid(g, green_first(g, g->root, peers));
}

/* Who and where, from whichever place this kind of notification uses. */
static void
green_note_init(struct green_note *g, const struct json *root, struct itemv *out)
{
	static const char *const chats[] = { "senderData.chatId", "chatId",
	    "senderData.sender", NULL };
	static const char *const senders[] = { "senderData.sender", NULL };

	memset(g, 0, sizeof *g);
	g->root = root;
	g->out = out;
	g->data = json_get(root, "messageData");
	g->type = green_text(g, root, "typeWebhook");
	g->type_message = green_text(g, g->data, "typeMessage");
	g->chat = green_jid(g, green_first(g, root, chats));
	g->sender = green_jid(g, green_first(g, root, senders));
	g->wid = green_jid(g, green_text(g, root, "instanceData.wid"));
	g->group = g->chat && str_ends(g->chat, "@g.us");
	g->dir = str_starts(g->type ? g->type : "", "outgoing") ? DIR_OUT : DIR_IN;
}

/* One notification, one item: always, for what is received is kept. */
static void
green_item(const struct json *root, struct itemv *out)
{
	static const char *const carriers[] = { "incomingMessageReceived",
	    "outgoingMessageReceived", "outgoingAPIMessageReceived" };
	struct green_note g;
	struct item *it;
	const char *at;
	bool carrier = false;

	green_note_init(&g, root, out);
	it = itemv_add(out);
	it->raw = json_raw(&out->arena, root);
	it->own_id = green_text(&g, root, "instanceData.idInstance");
	at = green_text(&g, root, "timestamp");
	it->at_known = at && clock_parse(at, strlen(at), &it->at_us) == RC_OK;
	green_people(&g, it);
	for (size_t i = 0; i < sizeof carriers / sizeof *carriers; i++)
		carrier |= str_eq(carriers[i], g.type);
	if (!carrier || !g.chat || json_type(g.data) != JSON_OBJECT) {
		green_event(&g, it);
		return;
	}
	const struct green_type *t = green_type(g.type_message);
	if (t && t->shape >= GREEN_EDIT)
		green_change(&g, it, t);
	else
		green_message(&g, it, t);
}

/* C.4: one notification a POST; an array of them is read too. */
static enum rc
green_parse(const struct account *a, const char *content_type, const char *p, size_t n,
    struct itemv *out)
{
	struct json *j = NULL;
	size_t before = out->n;

	(void)a;
	(void)content_type;
	if (json_parse(p, n, &j, NULL) != RC_OK)
		return RC_INVALID;
	if (json_type(j) == JSON_OBJECT) {
		if (json_get(j, "typeWebhook"))
			green_item(j, out);
		else if (json_get(j, "body.typeWebhook"))	/* as it lies in the queue */
			green_item(json_get(j, "body"), out);
	}
	for (size_t i = 0; i < json_len(j); i++)
		if (json_type(json_at(j, i)) == JSON_OBJECT)
			green_item(json_at(j, i), out);
	json_free(j);
	return out->n > before ? RC_OK : RC_INVALID;
}

/* --- requests ---------------------------------------------------------------- */

static bool
green_configured(const struct account *a)
{
	return !str_empty(a->api_url) && !str_empty(a->own_id) && !str_empty(a->token);
}

/* C.1: {apiUrl}/waInstance{id}/{method}/{token}[tail] */
static void
green_url(const struct account *a, const char *method, const char *token, const char *tail,
    struct buf *b)
{
	buf_init(b, 4096);
	buf_printf(b, "%s/waInstance", a->api_url);
	http_url_encode(b, a->own_id);
	buf_printf(b, "/%s/%s%s", method, token, tail);
}

static enum rc
green_request(const struct account *a, const char *verb, const char *method, const char *tail,
    struct http_req *out)
{
	struct buf url, token;
	enum rc rc = RC_INVALID;

	if (!green_configured(a))
		return RC_INVALID;
	buf_init(&token, 1024);
	http_url_encode(&token, a->token);
	green_url(a, method, token.p, tail, &url);
	if (!buf_err(&url) && !buf_err(&token)) {
		http_req_init(out, verb, url.p);
		rc = http_req_header(out, "Accept", "application/json");
	}
	buf_free(&url);
	mem_wipe(token.p, token.n);
	buf_free(&token);
	return rc;
}

static const char *
green_masked(struct mem_arena *arena, const struct account *a, const char *method, const char *tail)
{
	struct buf b;
	const char *s;

	green_url(a, method, "***", tail, &b);
	s = mem_arena_dup(arena, b.p);
	buf_free(&b);
	return s;
}

/* --- errors ------------------------------------------------------------------- */

/* The vendor's own words: "message" of its error page, "reason", or the quota's
 * status.  Never "path" (it holds the token), never "description" (it lists
 * other people's chats, C.5). */
static void
green_words(const struct http_res *res, char *out, size_t cap)
{
	static const char *const paths[] = { "message", "reason", "correspondentsStatus.status",
	    "invokeStatus.status", "error" };
	struct mem_arena arena = {0};
	struct json *j = NULL;
	const char *s = NULL;

	out[0] = '\0';
	if (json_parse(res->body, res->body_n, &j, NULL) == RC_OK)
		for (size_t i = 0; !s && i < sizeof paths / sizeof *paths; i++)
			s = json_str(&arena, json_get(j, paths[i]));
	/* some 400 pages are plain text */
	else if (res->body_n && res->body_n < 300 && res->body[0] != '<')
		s = str_utf8_clean(&arena, res->body, res->body_n, NULL);
	if (s)
		log_mask(s, strlen(s), out, cap);
	json_free(j);
	mem_arena_free(&arena);
}

/* C.5 as a table: the first row that fits.  words NULL: any. */
struct green_error {
	int lo, hi;			/* HTTP status */
	const char *words;
	enum send_outcome outcome;
	const char *code;		/* and hint of a poll */
	int64_t pause_s;
};
static const struct green_error green_errors[] = {
	{ 466, 466, NULL, SEND_PAUSE, "quota_exceeded", GREEN_QUOTA_PAUSE_S },
	{ 429, 429, NULL, SEND_PAUSE, "rate_limited", GREEN_RATE_PAUSE_S },
	{ 401, 401, NULL, SEND_PAUSE, "wrong_token", GREEN_STOP_PAUSE_S },
	{ 403, 404, NULL, SEND_PAUSE, "wrong_url", GREEN_STOP_PAUSE_S },
	{ 200, 499, "starting process", SEND_RETRY, "starting", 0 },
	{ 200, 499, "not authorized", SEND_PAUSE, "not_authorized", GREEN_STOP_PAUSE_S },
	{ 200, 499, "QUOTE_EXCEEDED", SEND_PAUSE, "quota_exceeded", GREEN_QUOTA_PAUSE_S },
	{ 400, 499, "length must be less", SEND_REFUSED, "too_long", 0 },
	{ 408, 408, NULL, SEND_RETRY, "timeout", 0 },
	{ 200, 499, NULL, SEND_REFUSED, "bad_request", 0 },
	{ 500, 500, NULL, SEND_RETRY, "provider_error", 0 },
	{ 503, 503, NULL, SEND_RETRY, "provider_error", 0 },
	/* a gateway between us and them: the message may have gone through */
	{ 501, 599, NULL, SEND_UNKNOWN, "provider_error", 0 },
};

static const struct green_error *
green_error(int status, const char *words)
{
	for (size_t i = 0; i < sizeof green_errors / sizeof *green_errors; i++) {
		const struct green_error *e = &green_errors[i];

		if (status >= e->lo && status <= e->hi &&
		    (!e->words || strcasestr(words, e->words)))
			return e;
	}
	return NULL;
}

/* --- polling ------------------------------------------------------------------- */

struct green_poll {
	char receipt[32];	/* to be deleted next; "" none */
	char last[32];		/* the one before: seen again = delete had no effect */
	unsigned int repeats;
	unsigned int delete_tries;
	size_t n;		/* notifications received */
	int64_t timeout_ms;	/* of the receive under way */
	bool deleting;		/* the request under way */
	bool over;
};

static enum rc
green_poll_over(struct poll_state *st, struct green_poll *g, enum poll_outcome o, const char *hint)
{
	g->over = true;
	st->outcome = o;
	st->hint = hint;
	return RC_NONE;
}

/* Long poll (C.2): as long as the check has time for, within the vendor's bounds. */
static enum rc
green_build_receive(const struct account *a, struct poll_state *st, struct green_poll *g,
    struct http_req *out)
{
	unsigned int wait_s = st->long_poll_s;
	int64_t left_ms = st->deadline_ms ? st->deadline_ms - clock_mono_ms() : INT64_MAX;
	char tail[48];
	enum rc rc;

	if (left_ms / 1000 - GREEN_SLACK_S < (int64_t)wait_s)
		wait_s = left_ms / 1000 > GREEN_SLACK_S ?
		    (unsigned int)(left_ms / 1000 - GREEN_SLACK_S) : 0;
	if (wait_s > GREEN_WAIT_MAX_S)
		wait_s = GREEN_WAIT_MAX_S;
	if (wait_s < GREEN_WAIT_MIN_S)
		wait_s = GREEN_WAIT_MIN_S;
	/* a wait that cannot end in time is not begun, but for the first */
	if (g->n && left_ms < (int64_t)(wait_s + 1) * 1000)
		return green_poll_over(st, g, POLL_MESSAGES, NULL);
	snprintf(tail, sizeof tail, "?receiveTimeout=%u", wait_s);
	rc = green_request(a, "GET", "receiveNotification", tail, out);
	g->timeout_ms = (wait_s + GREEN_SLACK_S) * INT64_C(1000);
	if (rc == RC_OK)
		out->timeout_ms = (unsigned int)g->timeout_ms;
	g->deleting = false;
	return rc;
}

static enum rc
green_poll_build(const struct account *a, struct poll_state *st, struct http_req *out)
{
	struct green_poll *g = st->priv;
	char tail[48];

	if (!g) {
		st->priv = g = mem_arena_alloc(&st->arena, sizeof *g);
		memset(g, 0, sizeof *g);
	}
	st->wait_ms = 0;
	if (g->over)
		return RC_NONE;
	if (!green_configured(a))
		return green_poll_over(st, g, POLL_FAILED, "not_configured");
	if (g->receipt[0]) {
		/* receive, store, commit, delete: never the other way round */
		if (!st->stored)
			return green_poll_over(st, g, POLL_FAILED, "not_stored");
		snprintf(tail, sizeof tail, "/%s", g->receipt);
		g->deleting = true;
		return green_request(a, "DELETE", "deleteNotification", tail, out);
	}
	return green_build_receive(a, st, g, out);
}

static void
green_attempt(const struct account *a, struct poll_state *st, const struct green_poll *g,
    const struct http_res *res, const char *note)
{
	struct poll_attempt *at;
	bool good = res->status == 200 && !note[0];

	if (good && st->n_attempts >= GREEN_ATTEMPTS_KEPT)
		return;
	at = poll_attempt_add(st);
	at->url = green_masked(&st->arena, a,
	    g->deleting ? "deleteNotification" : "receiveNotification", "");
	at->auth = "";
	at->status = res->status;
	at->ms = res->ms;
	at->note = mem_arena_dup(&st->arena, note);
}

/* A failure ends the check; what was stored before stays stored. */
static void
green_poll_fail(const struct account *a, struct poll_state *st, struct green_poll *g,
    const struct http_res *res)
{
	char words[160];
	const struct green_error *e;
	int asked = http_retry_after_s(res);

	if (res->fail != HTTP_FAIL_NONE) {
		green_attempt(a, st, g, res, http_fail_names[res->fail]);
		(void)green_poll_over(st, g, POLL_FAILED, "unreachable");
		return;
	}
	green_words(res, words, sizeof words);
	e = green_error(res->status, words);
	green_attempt(a, st, g, res, words[0] ? words : e ? e->code : "unexpected");
	(void)green_poll_over(st, g, POLL_FAILED, e ? e->code : "wrong_url");
	if (e && (res->status == 429 || res->status == 466))
		st->pause_s = asked > e->pause_s ? asked : e->pause_s;
}

/* The receipt of an answer whose JSON is broken, so that it can be deleted. */
static bool
green_salvage_receipt(const char *p, char out[32])
{
	const char *s = strstr(p, "\"receiptId\"");
	size_t n;

	if (!s)
		return false;
	s += strlen("\"receiptId\"");
	s += strspn(s, " \t\r\n:\"");
	n = strspn(s, "0123456789");
	if (!n || n > 30)
		return false;
	memcpy(out, s, n);
	out[n] = '\0';
	return true;
}

/* What we cannot read is an event with its text as raw: kept, then deleted. */
static void
green_keep_raw(struct itemv *out, const char *p, size_t n)
{
	struct item *it = itemv_add(out);
	struct buf b;
	char *s = str_utf8_clean(&out->arena, p, n, NULL);

	buf_init(&b, n * 6 + 64);
	buf_puts(&b, "{\"text\":");
	json_put_str(&b, s);
	buf_putc(&b, '}');
	it->type = ITEM_EVENT;
	it->kind = "unknown";
	it->raw = buf_err(&b) ? "{}" : mem_arena_dup(&out->arena, b.p);
	buf_free(&b);
}

static void
green_read_body(const struct json *j, struct itemv *out)
{
	const struct json *body = json_get(j, "body");
	struct mem_arena arena = {0};
	const char *raw;

	if (json_type(body) == JSON_OBJECT) {
		green_item(body, out);
		return;
	}
	raw = json_raw(&arena, j);
	green_keep_raw(out, raw, strlen(raw));
	mem_arena_free(&arena);
}

/* true: a notification is in out and g->receipt names it */
static bool
green_read_notification(struct green_poll *g, const struct http_res *res, struct itemv *out,
    bool *bad)
{
	struct json *j = NULL;
	struct mem_arena arena = {0};
	const char *p = res->body, *id;
	size_t n = res->body_n;

	*bad = false;
	str_trim(&p, &n);
	if (n == 0)
		return false;
	if (json_parse(p, n, &j, NULL) != RC_OK) {
		if (green_salvage_receipt(p, g->receipt))
			green_keep_raw(out, p, n);
		else
			*bad = true;
		return !*bad;
	}
	id = json_text(&arena, json_get(j, "receiptId"));
	if (id && str_charset(id, 1, sizeof g->receipt - 1, "")) {
		snprintf(g->receipt, sizeof g->receipt, "%s", id);
		green_read_body(j, out);
	} else if (json_get(j, "status") && !json_bool(json_get(j, "status"), true)) {
		*bad = true;	/* C.5: 200 {"status":false,"reason":…} */
	}
	json_free(j);
	mem_arena_free(&arena);
	return g->receipt[0] != '\0';
}

static void
green_read_receive(const struct account *a, struct poll_state *st, struct green_poll *g,
    const struct http_res *res, struct itemv *out)
{
	bool bad;

	/* a long poll that the end of our own time cut short is no failure */
	if (res->fail == HTTP_FAIL_TIMEOUT && res->sent && res->ms + 100 < g->timeout_ms) {
		green_attempt(a, st, g, res, "cut");
		(void)green_poll_over(st, g, g->n ? POLL_MESSAGES : POLL_EMPTY, NULL);
		return;
	}
	if (res->fail != HTTP_FAIL_NONE || res->status != 200) {
		green_poll_fail(a, st, g, res);
		return;
	}
	if (green_read_notification(g, res, out, &bad)) {
		green_attempt(a, st, g, res, "");
		g->n++;
		g->delete_tries = 0;
		g->repeats = str_eq(g->last, g->receipt) ? g->repeats + 1 : 0;
		snprintf(g->last, sizeof g->last, "%s", g->receipt);
		st->stored = false;
		if (g->repeats >= 3) {
			/* deleted three times and still there: asking on is no use now */
			out->n = 0;
			g->receipt[0] = '\0';
			(void)green_poll_over(st, g, POLL_FAILED, "stuck_queue");
		}
		return;
	}
	if (bad) {
		green_poll_fail(a, st, g, res);
		if (res->body_n && res->body[0] == '<')
			st->hint = "wrong_url";
		return;
	}
	green_attempt(a, st, g, res, "");
	(void)green_poll_over(st, g, g->n ? POLL_MESSAGES : POLL_EMPTY, NULL);
}

/* C.1: result:false and a 500 that names findUnAckedMessage = already gone. */
static void
green_read_delete(const struct account *a, struct poll_state *st, struct green_poll *g,
    const struct http_res *res)
{
	bool gone = res->fail == HTTP_FAIL_NONE && res->status == 500 &&
	    strstr(res->body, "findUnAckedMessage");

	if (gone || (res->fail == HTTP_FAIL_NONE && res->status == 200)) {
		green_attempt(a, st, g, res, gone ? "already_gone" : "");
		g->receipt[0] = '\0';
		return;
	}
	/* one more try for a passing trouble; the row's key keeps a repetition single */
	if (++g->delete_tries < 2 && (res->fail != HTTP_FAIL_NONE || res->status >= 500)) {
		green_attempt(a, st, g, res,
		    res->fail != HTTP_FAIL_NONE ? http_fail_names[res->fail] : "retried");
		st->wait_ms = 500;
		return;
	}
	g->receipt[0] = '\0';
	green_poll_fail(a, st, g, res);
}

static enum rc
green_poll_read(const struct account *a, const struct http_res *res, struct poll_state *st,
    struct itemv *out)
{
	struct green_poll *g = st->priv;

	if (!g)
		return RC_BUG;
	if (g->deleting)
		green_read_delete(a, st, g, res);
	else
		green_read_receive(a, st, g, res, out);
	return RC_OK;
}

/* --- sending -------------------------------------------------------------------- */

/* A chatId, or bare digits of a phone ("+7 000…" too), or of a group (18 digits). */
static enum rc
green_chat_id(const struct outmsg *m, struct buf *out)
{
	const char *s = str_empty(m->thread_id) ? m->recipient : m->thread_id;
	size_t digits = 0;

	if (str_empty(s))
		return RC_INVALID;
	if (strchr(s, '@')) {
		buf_puts(out, s);
		return str_charset(s, 3, 100, "@.-_") ? RC_OK : RC_INVALID;
	}
	for (const char *p = s; *p; p++) {
		if (*p >= '0' && *p <= '9') {
			buf_putc(out, *p);
			digits++;
		} else if (!strchr("+-() ", *p)) {
			return RC_INVALID;
		}
	}
	if (digits < 5 || digits > 25)
		return RC_INVALID;
	buf_puts(out, digits > 15 ? "@g.us" : "@c.us");
	return RC_OK;
}

/* The name a file arrives under: given, else the last part of the URL's path.
 * WhatsApp shows it by its ending, so one is added where there is none. */
static void
green_file_name(const struct att *att, struct buf *out)
{
	static const struct { const char *type, *ext; } exts[] = {
		{ "image", ".jpg" }, { "video", ".mp4" }, { "audio", ".ogg" }, { "sticker", ".webp" },
	};
	const char *p, *start;
	size_t n;

	if (!str_empty(att->name)) {
		buf_puts(out, att->name);
		return;
	}
	p = strstr(att->url, "://");
	p = p ? p + 3 : att->url;
	n = strcspn(p, "?#");
	start = p;
	for (size_t i = 0; i < n; i++)
		if (p[i] == '/')
			start = p + i + 1;
	n -= (size_t)(start - p);
	if (start == p || n == 0)
		buf_puts(out, "file");
	else
		buf_put(out, start, n);
	if (memchr(out->p, '.', out->n))
		return;
	for (size_t i = 0; i < sizeof exts / sizeof *exts; i++)
		if (str_eq(exts[i].type, att->type))
			buf_puts(out, exts[i].ext);
}

static enum rc
green_send_build(const struct account *a, const struct outmsg *m, struct http_req *out)
{
	struct buf body, chat, name;
	enum rc rc = RC_INVALID;

	buf_init(&body, 1 << 18);
	buf_init(&chat, 128);
	buf_init(&name, 512);
	if (m->action || m->n_atts > 1 || green_chat_id(m, &chat) != RC_OK)
		goto out;
	if (m->n_atts == 0 && str_empty(m->body))
		goto out;
	if (m->body && str_utf8_len(m->body, strlen(m->body)) > GREEN_TEXT_MAX)
		goto out;
	json_put_key(&body, "{", "chatId");
	json_put_str(&body, chat.p);
	if (m->n_atts) {
		if (str_empty(m->atts[0].url))
			goto out;
		green_file_name(&m->atts[0], &name);
		json_put_key(&body, ",", "urlFile");
		json_put_str(&body, m->atts[0].url);
		json_put_key(&body, ",", "fileName");
		json_put_str(&body, name.p);
	}
	if (!str_empty(m->body)) {
		json_put_key(&body, ",", m->n_atts ? "caption" : "message");
		json_put_str(&body, m->body);
	}
	if (!str_empty(m->reply_to)) {
		json_put_key(&body, ",", "quotedMessageId");
		json_put_str(&body, m->reply_to);
	}
	buf_putc(&body, '}');
	if (buf_err(&body) || buf_err(&chat) || buf_err(&name))
		goto out;
	rc = green_request(a, "POST", m->n_atts ? "sendFileByUrl" : "sendMessage", "", out);
	if (rc != RC_OK)
		goto out;
	http_req_body(out, "application/json", body.p, body.n);
	out->fresh = true;
out:
	buf_free(&body);
	buf_free(&chat);
	buf_free(&name);
	return rc;
}

static void
green_send_fail(const struct http_res *res, struct send_result *out)
{
	const struct green_error *e;
	int asked = http_retry_after_s(res);

	green_words(res, out->text, sizeof out->text);
	e = green_error(res->status, out->text);
	out->outcome = e ? e->outcome : SEND_UNKNOWN;
	snprintf(out->code, sizeof out->code, "%s", e ? e->code : "unexpected");
	out->retry_after_s = asked;
	if (e && e->outcome == SEND_PAUSE)
		out->pause_s = asked > e->pause_s ? asked : e->pause_s;
}

static enum rc
green_send_read(const struct account *a, const struct outmsg *m, const struct http_res *res,
    struct send_result *out)
{
	struct mem_arena arena = {0};
	struct json *j = NULL;
	const char *id = NULL;

	(void)a;
	(void)m;
	memset(out, 0, sizeof *out);
	out->retry_after_s = -1;
	if (res->fail != HTTP_FAIL_NONE) {
		out->outcome = res->sent ? SEND_UNKNOWN : SEND_RETRY;
		snprintf(out->code, sizeof out->code, "%s", http_fail_names[res->fail]);
		snprintf(out->text, sizeof out->text, "%s", res->note);
		return RC_OK;
	}
	if (res->status == 200 && json_parse(res->body, res->body_n, &j, NULL) == RC_OK)
		id = json_text(&arena, json_get(j, "idMessage"));
	if (!str_empty(id) && strlen(id) < sizeof out->message_id) {
		out->outcome = SEND_SENT;
		snprintf(out->message_id, sizeof out->message_id, "%s", id);
	} else if (res->status == 200 && !json_get(j, "status")) {
		/* they took it and said something we do not know */
		out->outcome = SEND_UNKNOWN;
		snprintf(out->code, sizeof out->code, "no_id");
	} else {
		green_send_fail(res, out);
	}
	json_free(j);
	mem_arena_free(&arena);
	return RC_OK;
}

/* --- look-up of a message of unknown outcome: getChatHistory (C.1) --------------- */

static enum rc
green_lookup_build(const struct account *a, const struct outmsg *m, struct http_req *out)
{
	struct buf body, chat;
	enum rc rc = RC_INVALID;

	buf_init(&body, 1024);
	buf_init(&chat, 128);
	if (green_chat_id(m, &chat) == RC_OK) {
		json_put_key(&body, "{", "chatId");
		json_put_str(&body, chat.p);
		buf_puts(&body, ",\"count\":50}");
		rc = green_request(a, "POST", "getChatHistory", "", out);
		if (rc == RC_OK)
			http_req_body(out, "application/json", body.p, body.n);
	}
	buf_free(&body);
	buf_free(&chat);
	return rc;
}

static bool
green_same_message(struct mem_arena *arena, const struct json *j, const struct outmsg *m,
    int64_t since_us)
{
	static const char *const texts[] = { "textMessage", "extendedTextMessage.text",
	    "extendedTextMessageData.text", "caption" };
	const char *type = json_str(arena, json_get(j, "type"));
	const char *at = json_text(arena, json_get(j, "timestamp"));
	const char *text = NULL;
	bool file = json_get(j, "downloadUrl") || json_get(j, "fileName");
	int64_t us;

	if (!str_eq(type, "outgoing") || file != (m->n_atts > 0) || !at ||
	    clock_parse(at, strlen(at), &us) != RC_OK)
		return false;
	/* their clock counts whole seconds */
	if (us < since_us - since_us % 1000000 - 1000000)
		return false;
	for (size_t i = 0; str_empty(text) && i < sizeof texts / sizeof *texts; i++)
		text = json_str(arena, json_get(j, texts[i]));
	return str_eq_trim(text ? text : "", m->body ? m->body : "");
}

static enum rc
green_lookup_read(const struct account *a, const struct outmsg *m, int64_t since_us,
    const struct http_res *res, struct strv *ids)
{
	struct mem_arena arena = {0};
	struct json *j = NULL;
	enum rc rc = RC_TEMP;

	(void)a;
	if (res->fail != HTTP_FAIL_NONE || res->status != 200 ||
	    json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		return RC_TEMP;
	if (json_type(j) == JSON_ARRAY) {
		rc = RC_NONE;
		/* newest first: from the end, so that the oldest that fits is the first */
		for (size_t i = json_len(j); i > 0; i--) {
			const struct json *e = json_at(j, i - 1);
			const char *id = json_text(&arena, json_get(e, "idMessage"));

			if (str_empty(id) || strlen(id) >= 520 ||
			    !green_same_message(&arena, e, m, since_us))
				continue;
			strv_add(ids, id, strlen(id));
			rc = RC_OK;
		}
	}
	json_free(j);
	mem_arena_free(&arena);
	return rc;
}

/* --- doctor (C.6) ------------------------------------------------------------------ */

static enum rc
green_probe_build(const struct account *a, int step, struct http_req *out)
{
	static const char *const methods[] = { "getStateInstance", "getSettings" };

	if (step < 0 || step >= (int)(sizeof methods / sizeof *methods))
		return RC_NONE;
	return green_request(a, "GET", methods[step], "", out);
}

static void PRINTF_LIKE(4, 5)
green_found(struct finding *f, enum finding_status st, const char *code, const char *fmt, ...)
{
	va_list ap;
	char raw[600];

	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	f->status = st;
	snprintf(f->code, sizeof f->code, "%s", code);
	log_mask(raw, strlen(raw), f->seen, sizeof f->seen);
}

static void
green_probe_state(const struct json *j, struct mem_arena *arena, struct finding *out)
{
	const char *s = json_str(arena, json_get(j, "stateInstance"));

	if (str_eq(s, "authorized"))
		green_found(out, FINDING_OK, "state", "stateInstance is authorized");
	else if (!s)
		green_found(out, FINDING_UNKNOWN, "state", "the answer has no stateInstance");
	else if (str_eq(s, "starting") || str_eq(s, "sleepMode") || str_eq(s, "yellowCard"))
		green_found(out, FINDING_WARN, "state", "stateInstance is %s", s);
	else
		green_found(out, FINDING_FAIL, "state", "stateInstance is %s", s);
}

/* All settings are off by default, and a webhookUrl starves the poller (C.2). */
static void
green_probe_settings(const struct account *a, const struct json *j, struct mem_arena *arena,
    struct finding *out)
{
	const char *url = json_str(arena, json_get(j, "webhookUrl"));
	const char *in = json_str(arena, json_get(j, "incomingWebhook"));

	if (!in)
		green_found(out, FINDING_UNKNOWN, "settings", "the answer has no incomingWebhook");
	else if (!str_eq(in, "yes"))
		green_found(out, FINDING_FAIL, "incoming", "incomingWebhook is %s, must be yes", in);
	else if (a->poll_s && !str_empty(url))
		green_found(out, FINDING_FAIL, "webhook_url",
		    "webhookUrl is %s while this account polls: notifications go there", url);
	else if (!a->poll_s && str_empty(url))
		green_found(out, FINDING_FAIL, "webhook_url",
		    "webhookUrl is empty and polling is off: nothing can arrive");
	else
		green_found(out, FINDING_OK, "settings", "incomingWebhook yes, webhookUrl %s",
		    str_empty(url) ? "empty" : url);
}

static enum rc
green_probe_read(const struct account *a, int step, const struct http_res *res,
    struct finding *out)
{
	struct mem_arena arena = {0};
	struct json *j = NULL;
	char words[160];
	const struct green_error *e;

	memset(out, 0, sizeof *out);
	if (res->fail != HTTP_FAIL_NONE) {
		green_found(out, FINDING_FAIL, "reach", "%s: %s", http_fail_names[res->fail], res->note);
		return RC_OK;
	}
	if (res->status != 200) {
		green_words(res, words, sizeof words);
		e = green_error(res->status, words);
		green_found(out, res->status == 429 ? FINDING_WARN : FINDING_FAIL,
		    res->status == 401 ? "token" : e ? e->code : "unexpected",
		    "HTTP %d %s", res->status, words);
		return RC_OK;
	}
	if (json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		green_found(out, FINDING_FAIL, "url", "the answer is not JSON: wrong WHATSAPP_API_URL?");
	else if (step == 0)
		green_probe_state(j, &arena, out);
	else
		green_probe_settings(a, j, &arena, out);
	json_free(j);
	mem_arena_free(&arena);
	return RC_OK;
}

/* Chats have a suffix: "+7 000 000-00-01" is 70000000001@c.us (C.1). */
static const char *
green_recipient(const struct account *a, const char *id, struct mem_arena *arena)
{
	char digits[26], *out;
	size_t n = 0;

	(void)a;
	if (strchr(id, '@'))
		return str_charset(id, 3, 100, "@.-_") ? mem_arena_dup(arena, id) : NULL;
	for (const char *s = id; *s; s++) {
		if (*s >= '0' && *s <= '9') {
			if (n + 1 >= sizeof digits)
				return NULL;
			digits[n++] = *s;
		} else if (!strchr("+-() ", *s)) {
			return NULL;
		}
	}
	if (n < 5)
		return NULL;
	digits[n] = '\0';
	/* a phone number has at most 15 digits (E.164), a group's id more */
	out = mem_arena_alloc(arena, n + 6);
	snprintf(out, n + 6, "%s%s", digits, n > 15 ? "@g.us" : "@c.us");
	return out;
}

const struct provider provider_greenapi = {
	.name = "greenapi",
	.title = "Green API",
	.channel = CHANNEL_WHATSAPP,
	.words = { .mode = "GREEN API", .from = "WhatsApp/Green API", .shape = "Green API webhook",
	    .item = "Green API WhatsApp" },
	.ids_per_chat = true,
	.polls_instead = true,
	.poll_s = 10,
	.sender = "70000000001@c.us",
	.recipient = green_recipient,
	.text_max = GREEN_TEXT_MAX,
	.captions = true,	/* C.1: sendFileByUrl */
	.has_echo = true,	/* outgoingAPIMessageReceived */
	.verify = green_verify,
	.parse = green_parse,
	.poll_build = green_poll_build,
	.poll_read = green_poll_read,
	.send_build = green_send_build,
	.send_read = green_send_read,
	.lookup_build = green_lookup_build,
	.lookup_read = green_lookup_read,
	.probe_build = green_probe_build,
	.probe_read = green_probe_read,
	.checks = greenapi_checks,
	.n_checks = &greenapi_n_checks,
};

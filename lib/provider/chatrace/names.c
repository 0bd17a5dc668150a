#include "provider/chatrace/names.h"

#include <string.h>

const char *const names_sender[] = { "senderId", "userId", "fromId", "from.id", "sender.id",
	"user.id", "contact_id", "user_id", "contact.id", "subscriber.id", "subscriber_id",
	"user_ns", "bh_user_id", "bothelp_user_id", NULL };
const char *const names_recipient[] = { "recipientId", "recipient_id", "toId", "recipient.id",
	"to.id", NULL };
const char *const names_id[] = { "messageId", "message_id", "message.mid", "message.id", NULL };
const char *const names_text[] = { "text", "message", "content", "body", "message.text",
	"message.content", "message.body", "last_input", "text.body", "last_input_text",
	"last_text_input", "last_user_input", "last_message", "contact.last_input_text",
	"subscriber.last_input_text", NULL };
const char *const names_username[] = { "username", "sender.username", "from.username",
	"user.username", "ig_user_name", "ig_username", "contact.username", "subscriber.username",
	"contact.ig_username", "instagram_username", "messenger_username", NULL };
const char *const names_name[] = { "senderName", "fromName", "name", "sender.name", "from.name",
	"user.name", "full_name", "contact.name", "subscriber.name", NULL };
const char *const names_picture[] = { "profile_pic", "picture", "sender.profile_pic",
	"user.profile_pic", NULL };
const char *const names_time[] = { "timestamp", "time", "created_at", "message.timestamp",
	"dateAdded", "contact.last_interaction", "subscriber.last_interaction", NULL };
const char *const names_reply[] = { "replyTo", "reply_to.mid", "message.reply_to.mid", NULL };

/* Beside the lists above: who sends, and what the platform knows of a contact (A.6). */
static const char *const identity_too[] = { "id", "is_echo", "isEcho", "fromMe", "direction",
	"event", "account_id", "entry", "messages", "data", "postback", NULL };
static const char *const profile_too[] = { "first_name", "last_name", "email", "phone", "gender",
	"locale", "language", "timezone", "channel", "ig_followers", "ig_verified",
	"ig_follow_business", "ig_business_follow_user", "inbox_link", "custom_fields", "tags",
	"page_id", "last_interaction", NULL };

/* Of the address of a file, and the type that the name says; NULL: none. */
const struct name_file names_file[] = {
	{ "image_url", "image" },
	{ "imageUrl", "image" },
	{ "image", "image" },
	{ "video_url", "video" },
	{ "videoUrl", "video" },
	{ "video", "video" },
	{ "audio_url", "audio" },
	{ "audioUrl", "audio" },
	{ "audio", "audio" },
	{ "file_url", "file" },
	{ "fileUrl", "file" },
	{ "media_url", NULL },
	{ "mediaUrl", NULL },
	{ "attachment_url", NULL },
	{ "last_input_image", "image" },
	{ "last_input_image_url", "image" },
	{ "last_input_video", "video" },
	{ "last_input_video_url", "video" },
	{ "last_input_audio", "audio" },
	{ "last_input_audio_url", "audio" },
	{ "last_input_file", "file" },
	{ "last_input_file_url", "file" },
	{ NULL, NULL },
};

/* Inside of others, and around a message. */
static const char *const inner[] = { "attachments", "attachment", "type", "media_type", "url",
	"payload", "link", "src", "mime_type", "mid", "title", "reply_to", "story", "body", "json",
	"request", "params", "headers", NULL };

#define LISTS \
	names_sender, names_id, names_text, names_username, names_name, names_picture, names_time, \
	    names_recipient, names_reply, identity_too, profile_too, inner

/* The next letter or digit of a name, in lower case; 0 at its end. */
static int
letter(const char **p, const char *end)
{
	while (*p < end && strchr("_-. ", **p) != NULL)
		(*p)++;
	if (*p == end)
		return 0;
	return **p >= 'A' && **p <= 'Z' ? *(*p)++ - 'A' + 'a' : (unsigned char)*(*p)++;
}

bool
name_same(const char *a, size_t an, const char *b, size_t bn)
{
	const char *a_end = a + an, *b_end = b + bn;
	int c;

	do
		if ((c = letter(&a, a_end)) != letter(&b, b_end))
			return false;
	while (c != 0);
	return true;
}

/* The name s, or the part of a dotted one, that is written as p in another style. */
static const char *
meant_by(const char *s, const char *p, size_t n, char part[32])
{
	size_t k;

	if (strchr(s, '.') == NULL)
		return name_same(s, strlen(s), p, n) ? s : NULL;
	for (;; s += k + 1) {
		k = strcspn(s, ".");
		if (k < 32 && name_same(s, k, p, n)) {
			memcpy(part, s, k);
			part[k] = '\0';
			return part;
		}
		if (s[k] == '\0')
			return NULL;
	}
}

const char *
name_spelled(const char *p, size_t n, char part[32])
{
	const char *const *const lists[] = { LISTS };
	const char *found = NULL, *s;

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		for (const char *const *l = lists[i]; *l != NULL; l++) {
			if (strlen(*l) == n && memcmp(*l, p, n) == 0)
				return *l;
			if (found == NULL || found == part)
				found = (s = meant_by(*l, p, n, part)) != NULL ? s : found;
		}
	for (const struct name_file *f = names_file; f->name != NULL; f++) {
		if (strlen(f->name) == n && memcmp(f->name, p, n) == 0)
			return f->name;
		if (found == NULL && name_same(f->name, strlen(f->name), p, n))
			found = f->name;
	}
	return found;
}

static bool
among(const char *const *names, const char *p, size_t n)
{
	for (; *names != NULL; names++)
		if (name_same(*names, strcspn(*names, "."), p, n) ||
		    name_same(*names, strlen(*names), p, n))
			return true;
	return false;
}

int
name_rank(const char *sender)
{
	static const char *const lower[] = { "subscriber_id", "user_ns", "bh_user_id",
		"bothelp_user_id", NULL };

	for (const char *const *s = lower; *s != NULL; s++)
		if (strcmp(*s, sender) == 0)
			return 1;
	return 0;
}

enum name_class
name_class(const char *p, size_t n)
{
	static const struct {
		const char *const *names;
		enum name_class c;
	} lists[] = {
		{ names_text, NAME_TEXT },
		{ names_sender, NAME_IDENTITY },
		{ names_recipient, NAME_IDENTITY },
		{ names_id, NAME_IDENTITY },
		{ names_reply, NAME_IDENTITY },
		{ identity_too, NAME_IDENTITY },
		{ names_username, NAME_PROFILE },
		{ names_name, NAME_PROFILE },
		{ names_picture, NAME_PROFILE },
		{ profile_too, NAME_PROFILE },
	};

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (among(lists[i].names, p, n))
			return lists[i].c;
	return NAME_OTHER;
}

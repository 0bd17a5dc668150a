#include "provider/chatrace/names.h"

#include <string.h>

const char *const names_sender[] = { "senderId", "userId", "fromId", "from.id", "sender.id",
	"user.id", "contact_id", "user_id", NULL };
const char *const names_recipient[] = { "recipientId", "recipient_id", "toId", "recipient.id",
	"to.id", NULL };
const char *const names_id[] = { "messageId", "message_id", "message.mid", "message.id", NULL };
const char *const names_text[] = { "text", "message", "content", "body", "message.text",
	"message.content", "message.body", "last_input", "text.body", NULL };
const char *const names_username[] = { "username", "sender.username", "from.username",
	"user.username", "ig_user_name", NULL };
const char *const names_name[] = { "senderName", "fromName", "name", "sender.name", "from.name",
	"user.name", "full_name", NULL };
const char *const names_picture[] = { "profile_pic", "picture", "sender.profile_pic",
	"user.profile_pic", NULL };
const char *const names_time[] = { "timestamp", "time", "created_at", "message.timestamp", NULL };
const char *const names_reply[] = { "replyTo", "reply_to.mid", "message.reply_to.mid", NULL };

/* Beside the lists above: who sends, and what the platform knows of a contact (A.6). */
static const char *const identity_too[] = { "id", "is_echo", "isEcho", "fromMe", "direction",
	"event", "account_id", "entry", "messages", "data", "postback", NULL };
static const char *const profile_too[] = { "first_name", "last_name", "email", "phone", "gender",
	"locale", "language", "timezone", "channel", "ig_followers", "ig_verified",
	"ig_follow_business", "ig_business_follow_user", "inbox_link", "custom_fields", "tags",
	"page_id", "last_interaction", NULL };

static bool
among(const char *const *names, const char *p, size_t n)
{
	for (; *names != NULL; names++) {
		size_t top = strcspn(*names, ".");

		if ((n == top || n == strlen(*names)) && memcmp(*names, p, n) == 0)
			return true;
	}
	return false;
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

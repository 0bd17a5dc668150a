/*
 * What the journals and the history of a chat tell (C.1): the same messages as the
 * notifications, each as a flat line.
 */
#include "extern/json.h"
#include "extern/jsonw.h"
#include "base/str.h"
#include "provider/greenapi/greenapi.h"

bool
green_is_line(const struct json *j)
{
	return json_get(j, "typeWebhook") == NULL && json_get(j, "type") != NULL &&
	    json_get(j, "idMessage") != NULL && json_get(j, "chatId") != NULL &&
	    json_get(j, "typeMessage") != NULL;
}

/* member of e as key of the open object; nothing where it is not there. */
static void
put_as(struct mem_arena *arena, struct jsonw *w, const char *key, const struct json *e,
    const char *member)
{
	const struct json *v = json_get(e, member);

	if (json_type(v) != JSON_ABSENT && json_type(v) != JSON_NULL)
		jsonw_raw(w, key, json_raw(arena, v));
}

void
green_journal_note(
    const char *instance, struct mem_arena *arena, const struct json *e, struct buf *b)
{
	static const char *const flat[] = { "type", "idMessage", "timestamp", "chatId", "senderId",
		"senderName", "senderContactName", "typeMessage", "textMessage", "downloadUrl",
		"caption", "fileName", "mimeType", "jpegThumbnail", "statusMessage", "sendByApi",
		"extendedTextMessage", "location", "contact" };
	bool out = str_eq(json_text(arena, json_get(e, "type")), "outgoing");
	const struct json *v;
	const char *key;
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "typeWebhook",
	    !out					   ? "incomingMessageReceived" :
		json_bool(json_get(e, "sendByApi"), false) ? "outgoingAPIMessageReceived" :
							     "outgoingMessageReceived");
	jsonw_object(&w, "instanceData");
	jsonw_str(&w, "idInstance", instance);
	jsonw_end(&w);
	put_as(arena, &w, "timestamp", e, "timestamp");
	put_as(arena, &w, "idMessage", e, "idMessage");
	jsonw_object(&w, "senderData");
	jsonw_str(&w, "chatName", "");
	put_as(arena, &w, "chatId", e, "chatId");
	put_as(arena, &w, "sender", e, "senderId");
	put_as(arena, &w, "senderName", e, "senderName");
	jsonw_end(&w);
	jsonw_object(&w, "messageData");
	put_as(arena, &w, "typeMessage", e, "typeMessage");
	jsonw_object(&w, "textMessageData");
	put_as(arena, &w, "textMessage", e, "textMessage");
	jsonw_end(&w);
	jsonw_object(&w, "fileMessageData");
	for (size_t i = 9; i < 14; i++)
		put_as(arena, &w, flat[i], e, flat[i]);
	jsonw_end(&w);
	put_as(arena, &w, "extendedTextMessageData", e, "extendedTextMessage");
	put_as(arena, &w, "locationMessageData", e, "location");
	put_as(arena, &w, "contactMessageData", e, "contact");
	for (struct json_iter i = { NULL }; json_each(e, &i, &key, &v);) {
		bool known = false;

		for (size_t k = 0; k < sizeof flat / sizeof *flat; k++)
			known |= str_eq(key, flat[k]);
		if (!known)
			put_as(arena, &w, key, e, key);
	}
	jsonw_end(&w);
	jsonw_end(&w);
}

/*
 * Bodies for dmbox trigger and dmbox doctor: Green API's of C.3.
 */
#include "provider/greenapi/greenapi.h"

#define JSON "application/json"

const struct provider_sample greenapi_samples[] = {
	{ "text", JSON, "text",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"textMessage\","
	    "\"textMessageData\":{\"textMessage\":\"@TEXT@\"}}}" },
	{ "extended-text", JSON, "text with a link",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"extendedTextMessage\","
	    "\"extendedTextMessageData\":{\"text\":\"@TEXT@ https://example.com/\","
	    "\"description\":\"\",\"title\":\"\",\"jpegThumbnail\":\"\"}}}" },
	{ "quoted", JSON, "text that quotes a message (--ref)",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"quotedMessage\","
	    "\"extendedTextMessageData\":{\"text\":\"@TEXT@\",\"stanzaId\":\"@REF@\","
	    "\"participant\":\"70000000000@c.us\"},\"quotedMessage\":{\"stanzaId\":\"@REF@\","
	    "\"participant\":\"70000000000@c.us\",\"typeMessage\":\"textMessage\","
	    "\"textMessage\":\"?\"}}}" },
	{ "image", JSON, "image",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"imageMessage\","
	    "\"fileMessageData\":{\"downloadUrl\":\"https://media.example.invalid/a.jpg\","
	    "\"caption\":\"@TEXT@\",\"fileName\":\"a.jpg\",\"mimeType\":\"image/jpeg\","
	    "\"jpegThumbnail\":\"\"}}}" },
	{ "video", JSON, "video",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"videoMessage\","
	    "\"fileMessageData\":{\"downloadUrl\":\"https://media.example.invalid/a.mp4\","
	    "\"caption\":\"@TEXT@\",\"fileName\":\"a.mp4\",\"mimeType\":\"video/mp4\","
	    "\"jpegThumbnail\":\"\"}}}" },
	{ "document", JSON, "document",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"documentMessage\","
	    "\"fileMessageData\":{\"downloadUrl\":\"https://media.example.invalid/a.pdf\","
	    "\"caption\":\"@TEXT@\",\"fileName\":\"a.pdf\",\"mimeType\":\"application/pdf\","
	    "\"jpegThumbnail\":\"\"}}}" },
	{ "audio", JSON, "audio",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"audioMessage\","
	    "\"fileMessageData\":{\"downloadUrl\":\"https://media.example.invalid/a.ogg\","
	    "\"caption\":\"\",\"fileName\":\"a.ogg\",\"mimeType\":\"audio/ogg\","
	    "\"jpegThumbnail\":\"\"}}}" },
	{ "sticker", JSON, "sticker",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"stickerMessage\","
	    "\"fileMessageData\":{\"downloadUrl\":\"https://media.example.invalid/a.webp\","
	    "\"caption\":\"\",\"fileName\":\"a.webp\",\"mimeType\":\"image/webp\","
	    "\"jpegThumbnail\":\"\"}}}" },
	{ "location", JSON, "place",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"locationMessage\","
	    "\"locationMessageData\":{\"nameLocation\":\"Cafe\",\"address\":\"Street 1\","
	    "\"latitude\":59.9386,\"longitude\":30.3141,\"jpegThumbnail\":\"\"}}}" },
	{ "contact", JSON, "contact card",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"contactMessage\","
	    "\"contactMessageData\":{\"displayName\":\"Vera\","
	    "\"vcard\":\"BEGIN:VCARD\\nFN:Vera\\nEND:VCARD\"}}}" },
	{ "contacts", JSON, "several contact cards",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"contactsArrayMessage\","
	    "\"messageData\":{\"contacts\":[{\"displayName\":\"Vera\",\"vcard\":\"V\"},"
	    "{\"displayName\":\"Gleb\",\"vcard\":\"G\"}]}}}" },
	{ "poll", JSON, "poll",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"pollMessage\","
	    "\"pollMessageData\":{\"name\":\"@TEXT@\",\"options\":[{\"optionName\":\"A\"},"
	    "{\"optionName\":\"B\"}],\"multipleAnswers\":false}}}" },
	{ "poll-vote", JSON, "vote (--ref)",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"pollUpdateMessage\","
	    "\"pollMessageData\":{\"name\":\"?\",\"stanzaId\":\"@REF@\","
	    "\"votes\":[{\"optionName\":\"A\",\"optionVoters\":[\"@FROM@\"]}]}}}" },
	{ "react", JSON, "reaction (--ref)",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"reactionMessage\","
	    "\"extendedTextMessageData\":{\"text\":\"\\ud83d\\udc4d\",\"stanzaId\":\"@REF@\"},"
	    "\"quotedMessage\":{\"stanzaId\":\"@REF@\","
	    "\"participant\":\"70000000000@c.us\"}}}" },
	{ "unreact", JSON, "reaction taken back (--ref)",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"reactionMessage\","
	    "\"extendedTextMessageData\":{\"text\":\"\",\"stanzaId\":\"@REF@\"},"
	    "\"quotedMessage\":{\"stanzaId\":\"@REF@\","
	    "\"participant\":\"70000000000@c.us\"}}}" },
	{ "edit", JSON, "edit (--ref)",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"editedMessage\","
	    "\"editedMessageData\":{\"textMessage\":\"@TEXT@\",\"stanzaId\":\"@REF@\"}}}" },
	{ "delete", JSON, "message taken back (--ref)",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"deletedMessage\","
	    "\"deletedMessageData\":{\"stanzaId\":\"@REF@\"}}}" },
	{ "buttons-response", JSON, "a pressed button",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"buttonsResponseMessage\","
	    "\"buttonsResponseMessage\":{\"stanzaId\":\"@REF@\",\"selectedButtonId\":\"1\","
	    "\"selectedButtonText\":\"@TEXT@\"}}}" },
	{ "list-response", JSON, "a chosen line of a list",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"listResponseMessage\","
	    "\"listResponseMessage\":{\"stanzaId\":\"@REF@\",\"title\":\"@TEXT@\","
	    "\"selectedRowId\":\"r1\"}}}" },
	{ "group-invite", JSON, "invitation to a group",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"groupInviteMessage\","
	    "\"groupInviteMessageData\":{\"groupJid\":\"120363000000000001@g.us\","
	    "\"groupName\":\"Club\",\"caption\":\"@TEXT@\",\"inviteCode\":\"abc\"}}}" },
	{ "group-text", JSON, "text in a group",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"120363000000000001@g.us\",\"sender\":\"@FROM@\","
	    "\"chatName\":\"Club\",\"senderName\":\"Ana\"},"
	    "\"messageData\":{\"typeMessage\":\"textMessage\","
	    "\"textMessageData\":{\"textMessage\":\"@TEXT@\"}}}" },
	{ "unknown-type", JSON, "a typeMessage that nobody has seen",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"somethingNewMessage\","
	    "\"somethingNewMessageData\":{\"x\":1}}}" },
	{ "outgoing-phone", JSON, "sent from the phone",
	    "{\"typeWebhook\":\"outgoingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"70000000000@c.us\","
	    "\"chatName\":\"Ana\",\"senderName\":\"Shop\"},"
	    "\"messageData\":{\"typeMessage\":\"textMessage\","
	    "\"textMessageData\":{\"textMessage\":\"@TEXT@\"}}}" },
	{ "outgoing-api", JSON, "own send by API",
	    "{\"typeWebhook\":\"outgoingAPIMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"70000000000@c.us\","
	    "\"chatName\":\"Ana\",\"senderName\":\"Shop\"},"
	    "\"messageData\":{\"typeMessage\":\"extendedTextMessage\","
	    "\"extendedTextMessageData\":{\"text\":\"@TEXT@\"}}}" },
	{ "status-sent", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"sent\",\"sendByApi\":true}" },
	{ "status-delivered", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"delivered\",\"sendByApi\":true}" },
	{ "status-read", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"read\",\"sendByApi\":true}" },
	{ "status-failed", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"failed\",\"sendByApi\":true}" },
	{ "status-noaccount", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"noAccount\",\"sendByApi\":true}" },
	{ "status-notingroup", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"notInGroup\",\"sendByApi\":true}" },
	{ "state", JSON, "state of the instance",
	    "{\"typeWebhook\":\"stateInstanceChanged\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,"
	    "\"stateInstance\":\"authorized\",\"test\":\"@ID@\"}" },
	{ "status-instance", JSON, "connection of the phone",
	    "{\"typeWebhook\":\"statusInstanceChanged\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,"
	    "\"statusInstance\":\"online\",\"test\":\"@ID@\"}" },
	{ "device", JSON, "the phone",
	    "{\"typeWebhook\":\"deviceInfo\",\"instanceData\":{\"idInstance\":@OWN@,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},"
	    "\"timestamp\":@NOW_S@,\"deviceData\":{\"platform\":\"android\","
	    "\"deviceManufacturer\":\"x\"},\"test\":\"@ID@\"}" },
	{ "call", JSON, "a call",
	    "{\"typeWebhook\":\"incomingCall\",\"instanceData\":{\"idInstance\":@OWN@,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},"
	    "\"timestamp\":@NOW_S@,\"from\":\"@FROM@\",\"idMessage\":\"@ID@\","
	    "\"status\":\"offer\",\"test\":\"@ID@\"}" },
	{ "block", JSON, "blocked by a person",
	    "{\"typeWebhook\":\"incomingBlock\",\"instanceData\":{\"idInstance\":@OWN@,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},"
	    "\"timestamp\":@NOW_S@,\"incomingBlock\":{\"chatId\":\"@FROM@\","
	    "\"status\":\"blocked\"},\"test\":\"@ID@\"}" },
	{ "unknown", JSON, "a typeWebhook that nobody has seen",
	    "{\"typeWebhook\":\"somethingNew\",\"instanceData\":{\"idInstance\":@OWN@,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},"
	    "\"timestamp\":@NOW_S@,\"x\":1,\"test\":\"@ID@\"}" },
	{ "quota", JSON, "quota exceeded, without a time",
	    "{\"typeWebhook\":\"quotaExceeded\",\"instanceData\":{\"idInstance\":@OWN@,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},"
	    "\"quotaData\":{\"method\":\"sendMessage\",\"used\":3,\"total\":3,"
	    "\"status\":\"CORRESPONDENTS_QUOTE_EXCEEDED\"},\"test\":\"@ID@\"}" },
};
const size_t greenapi_n_samples = sizeof greenapi_samples / sizeof *greenapi_samples;

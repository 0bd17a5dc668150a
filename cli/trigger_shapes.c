/*
 * The shapes, one row each: Chatrace's of the earlier system and of its flows,
 * Meta's of providers.md B.4 and B.5, Green API's of C.3.
 */
#include "trigger_shapes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/http.h"
#include "extern/json.h"
#include "base/str.h"

#define JSON "application/json"
#define FORM "application/x-www-form-urlencoded"

static const struct shape shapes[] = {
	{ &provider_chatrace, "text", JSON, "the test message of the earlier documentation",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"username\":\"test_user\",\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "flow", JSON, "the recommended body of an External API Request",
	    "{\"event\":\"message\",\"account_id\":\"1000001\",\"contact_id\":\"@FROM@\","
	    "\"username\":\"test_user\",\"name\":\"Test User\",\"text\":\"@TEXT@ @ID@\","
	    "\"channel\":\"instagram\"}" },
	{ &provider_chatrace, "flow-last-input", JSON, "last_input and user_id as flows name them",
	    "{\"user_id\":\"@FROM@\",\"last_input\":\"@TEXT@ @ID@\",\"full_name\":\"Test User\","
	    "\"ig_user_name\":\"test_user\"}" },
	{ &provider_chatrace, "flow-literal", JSON, "a variable that the flow did not set arrives literally",
	    "{\"contact_id\":\"@FROM@\",\"name\":\"{{full_name}}\",\"text\":\"@TEXT@ @ID@\","
	    "\"channel\":\"instagram\"}" },
	{ &provider_chatrace, "flow-broken", JSON, "a template whose text was not escaped: broken JSON",
	    "{\"contact_id\":\"@FROM@\",\"text\":\"say \"@TEXT@\" @ID@\","
	    "\"channel\":\"instagram\"}" },
	{ &provider_chatrace, "sender-userid", JSON, "sender in userId",
	    "{\"userId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "sender-fromid", JSON, "sender in fromId",
	    "{\"fromId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "sender-from", JSON, "sender in from",
	    "{\"from\":{\"id\":\"@FROM@\",\"username\":\"test_user\"},\"messageId\":\"@ID@\","
	    "\"text\":\"@TEXT@\",\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "sender-sender", JSON, "sender in sender",
	    "{\"sender\":{\"id\":\"@FROM@\",\"name\":\"Test User\"},\"messageId\":\"@ID@\","
	    "\"text\":\"@TEXT@\",\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "sender-user", JSON, "sender in user",
	    "{\"user\":{\"id\":\"@FROM@\",\"username\":\"test_user\"},\"messageId\":\"@ID@\","
	    "\"text\":\"@TEXT@\",\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "sender-contact-id", JSON, "sender in contact_id",
	    "{\"contact_id\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "sender-user-id", JSON, "sender in user_id",
	    "{\"user_id\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "sender-number-id", JSON, "sender in senderId",
	    "{\"senderId\":6500000000000001,\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "id-snake", JSON, "message id in message_id",
	    "{\"senderId\":\"@FROM@\",\"message_id\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "id-message-mid", JSON, "message id in message.mid",
	    "{\"senderId\":\"@FROM@\",\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"},"
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "id-message-id", JSON, "message id in message.id",
	    "{\"senderId\":\"@FROM@\",\"message\":{\"id\":\"@ID@\",\"content\":\"@TEXT@\"},"
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "id-id", JSON, "message id in id",
	    "{\"senderId\":\"@FROM@\",\"id\":\"@ID@\",\"text\":\"@TEXT@\",\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "text-message", JSON, "text in message",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"message\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "text-content", JSON, "text in content",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"content\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "text-body", JSON, "text in body",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"body\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "text-message-body", JSON, "text in message.body",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"message\":{\"body\":\"@TEXT@\"},"
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "text-message-content", JSON, "text in message.content",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"message\":{\"content\":\"@TEXT@\"},"
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "name-sendername", JSON, "name in senderName",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"senderName\":\"Test User\",\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "name-fromname", JSON, "name in fromName",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"fromName\":\"Test User\",\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "name-name", JSON, "name in name",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"name\":\"Test User\",\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "time-ms", JSON, "time in milliseconds",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_MS@}" },
	{ &provider_chatrace, "time-text", JSON, "time as a string",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"time\":\"@NOW_S@\"}" },
	{ &provider_chatrace, "time-iso", JSON, "time as ISO 8601",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"created_at\":\"@ISO@\"}" },
	{ &provider_chatrace, "time-message", JSON, "time in message.timestamp",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"message\":{\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_MS@}}" },
	{ &provider_chatrace, "no-id", JSON, "no message id: recognised by its content",
	    "{\"senderId\":\"@FROM@\",\"text\":\"@TEXT@ @ID@\",\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "no-id-no-time", JSON, "neither id nor time",
	    "{\"senderId\":\"@FROM@\",\"text\":\"@TEXT@ @ID@\"}" },
	{ &provider_chatrace, "array", JSON, "an array of messages",
	    "[{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@-1\",\"text\":\"@TEXT@ 1\","
	    "\"timestamp\":@NOW_S@},{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@-2\","
	    "\"text\":\"@TEXT@ 2\",\"timestamp\":@NOW_S@}]" },
	{ &provider_chatrace, "attachment", JSON, "a picture",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"\","
	    "\"attachments\":[{\"type\":\"image\","
	    "\"payload\":{\"url\":\"https://media.example.invalid/a.jpg\"}}],"
	    "\"timestamp\":@NOW_S@}" },
	{ &provider_chatrace, "envelope", JSON, "the Graph envelope, passed on",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}" },
	{ &provider_chatrace, "form", FORM, "form-urlencoded fields",
	    "senderId=@FROM@&messageId=@ID@&text=@TEXT@&username=test_user&timestam"
	    "p=@NOW_S@" },
	{ &provider_chatrace, "form-flow", FORM, "form-urlencoded, as flows name the fields",
	    "contact_id=@FROM@&last_input=@TEXT@+@ID@&full_name=Test+User" },
	{ &provider_chatrace, "contact", JSON, "a contact object without a text: an event",
	    "{\"id\":\"@FROM@\",\"page_id\":1000001,\"first_name\":\"Ana\",\"last_name\":\"K.\","
	    "\"channel\":10,\"last_interaction\":\"@NOW_MS@\",\"tags\":[{\"id\":\"11\","
	    "\"name\":\"@ID@\"}],\"custom_fields\":[]}" },
	{ &provider_chatrace, "contact-text", JSON, "all contact data with the text in last_input",
	    "{\"id\":\"@FROM@\",\"page_id\":1000001,\"first_name\":\"Ana\",\"channel\":10,"
	    "\"last_interaction\":\"@NOW_MS@\",\"last_input\":\"@TEXT@ @ID@\"}" },
	{ &provider_graph, "text", JSON, "text",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}" },
	{ &provider_graph, "image", JSON, "image",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"image\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/ig_messaging_cdn/?asse"
	    "t_id=1&signature=x\"}}]}}]}]}" },
	{ &provider_graph, "video", JSON, "video",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"video\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/ig_messaging_cdn/?asse"
	    "t_id=1&signature=x\"}}]}}]}]}" },
	{ &provider_graph, "audio", JSON, "audio",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"audio\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/ig_messaging_cdn/?asse"
	    "t_id=1&signature=x\"}}]}}]}]}" },
	{ &provider_graph, "file", JSON, "file",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"file\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/ig_messaging_cdn/?asse"
	    "t_id=1&signature=x\"}}]}}]}]}" },
	{ &provider_graph, "text-image", JSON, "text with a picture",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"attachments\":[{\"type\":\"image\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/1\"}}]}}]}]}" },
	{ &provider_graph, "share", JSON, "share beside ig_post: one post",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"share\","
	    "\"payload\":{\"url\":\"https://www.example.invalid/p/1\"}},{\"type\":\"ig_post\","
	    "\"payload\":{\"ig_post_media_id\":\"1800000000000001\",\"title\":\"Caption\","
	    "\"url\":\"https://www.example.invalid/p/1\"}}]}}]}]}" },
	{ &provider_graph, "reel", JSON, "ig_reel",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"ig_reel\","
	    "\"payload\":{\"reel_video_id\":\"1800000000000002\",\"title\":\"T\","
	    "\"url\":\"https://www.example.invalid/r/1\"}}]}}]}]}" },
	{ &provider_graph, "story-mention", JSON, "mention in a story",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"story_mention\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/s\"}}]}}]}]}" },
	{ &provider_graph, "story-reply", JSON, "reply to a story",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"reply_to\":{\"story\":{\"id\":\"1790000000000001\","
	    "\"url\":\"https://lookaside.example.invalid/s\"}}}}]}]}" },
	{ &provider_graph, "template", JSON, "template",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"template\","
	    "\"payload\":{\"generic\":{\"elements\":[{\"title\":\"T\"}]}}}]}}]}]}" },
	{ &provider_graph, "like-heart", JSON, "a heart",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"like_heart\"}]}}]}]}" },
	{ &provider_graph, "ephemeral", JSON, "disappearing picture",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"ephemeral\"}]}}]}]}" },
	{ &provider_graph, "reply", JSON, "reply to a message",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"reply_to\":{\"mid\":\"@REF@\"}}}]}]}" },
	{ &provider_graph, "echo", JSON, "own answer, typed elsewhere",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@OWN@\"},\"recipient\":{\"id\":\"@FROM@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"is_echo\":true}}]}]}" },
	{ &provider_graph, "unsend", JSON, "the other side took a message back (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@REF@\",\"is_deleted\":true}}]}]}" },
	{ &provider_graph, "unsupported", JSON, "unsupported content",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"is_unsupported\":true}}]}]}" },
	{ &provider_graph, "quick-reply", JSON, "quick reply",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"quick_reply\":{\"payload\":\"RED\"}}}]}]}" },
	{ &provider_graph, "product", JSON, "text about a product",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"referral\":{\"product\":{\"id\":\"PRODUCT1\"}}}}]}]}" },
	{ &provider_graph, "ad", JSON, "text from an advertisement",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"referral\":{\"ref\":\"r1\",\"ad_id\":\"1200000000000001\",\"source\":\"ADS\","
	    "\"type\":\"OPEN_THREAD\",\"ads_context_data\":{\"ad_title\":\"Sale\","
	    "\"photo_url\":\"https://lookaside.example.invalid/p\","
	    "\"video_url\":\"https://lookaside.example.invalid/v\"}}}}]}]}" },
	{ &provider_graph, "postback", JSON, "postback",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"postback\":{\"mid\":\"@ID@\",\"title\":\"Start\","
	    "\"payload\":\"START\"}}]}]}" },
	{ &provider_graph, "referral", JSON, "referral",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"referral\":{\"ref\":\"@ID@\",\"source\":\"IGME-SOURCE\","
	    "\"type\":\"OPEN_THREAD\"}}]}]}" },
	{ &provider_graph, "react", JSON, "reaction (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"reaction\":{\"mid\":\"@REF@\",\"action\":\"react\","
	    "\"reaction\":\"love\",\"emoji\":\"\\u2764\\ufe0f\"}}]}]}" },
	{ &provider_graph, "unreact", JSON, "reaction taken back (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"reaction\":{\"mid\":\"@REF@\","
	    "\"action\":\"unreact\"}}]}]}" },
	{ &provider_graph, "read", JSON, "read by the other side (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"read\":{\"mid\":\"@REF@\"}}]}]}" },
	{ &provider_graph, "edit", JSON, "edit (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message_edit\":{\"mid\":\"@REF@\",\"text\":\"@TEXT@\","
	    "\"num_edit\":1}}]}]}" },
	{ &provider_graph, "edit-zero", JSON, "edit with num_edit 0 and no text (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message_edit\":{\"mid\":\"@REF@\",\"num_edit\":0}}]}]}" },
	{ &provider_graph, "optin", JSON, "opt-in",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"optin\":{\"type\":\"notification_messages\","
	    "\"payload\":\"@ID@\"}}]}]}" },
	{ &provider_graph, "pass-thread-control", JSON, "hand-over: pass",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,"
	    "\"pass_thread_control\":{\"previous_owner_app_id\":\"123\","
	    "\"new_owner_app_id\":\"456\",\"metadata\":\"@ID@\"}}]}]}" },
	{ &provider_graph, "take-thread-control", JSON, "hand-over: take",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,"
	    "\"take_thread_control\":{\"previous_owner_app_id\":\"123\","
	    "\"new_owner_app_id\":\"456\",\"metadata\":\"@ID@\"}}]}]}" },
	{ &provider_graph, "request-thread-control", JSON, "hand-over: request",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,"
	    "\"request_thread_control\":{\"requested_owner_app_id\":\"456\","
	    "\"metadata\":\"@ID@\"}}]}]}" },
	{ &provider_graph, "app-roles", JSON, "hand-over: roles",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"app_roles\":{\"123\":[\"primary_receiver\"]},"
	    "\"test\":\"@ID@\"}]}]}" },
	{ &provider_graph, "unknown", JSON, "a kind that nobody has seen",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"something_new\":{\"id\":\"@ID@\"}}]}]}" },
	{ &provider_graph, "standby", JSON, "an item of standby[]",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"standby\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}" },
	{ &provider_graph, "page", JSON, "object page (Messenger)",
	    "{\"object\":\"page\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}" },
	{ &provider_graph, "seconds", JSON, "entry time in seconds",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_S@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}" },
	{ &provider_graph, "changes", JSON, "an item of changes[]",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_S@,"
	    "\"changes\":[{\"field\":\"messages\",\"value\":{\"sender\":{\"id\":\"@FROM@\"},"
	    "\"recipient\":{\"id\":\"@OWN@\"},\"timestamp\":\"@NOW_S@\","
	    "\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}}]}]}" },
	{ &provider_graph, "test-button", JSON, "the dashboard's Test button (a test row)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"0\",\"time\":@NOW_S@,"
	    "\"changes\":[{\"field\":\"messages\",\"value\":{\"sender\":{\"id\":\"12334\"},"
	    "\"recipient\":{\"id\":\"23245\"},\"timestamp\":\"1527459824\","
	    "\"message\":{\"mid\":\"random_mid_@ID@\",\"text\":\"random_text\"}}}]}]}" },
	{ &provider_graph, "comment", JSON, "a comment: changes[] of another field",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_S@,"
	    "\"changes\":[{\"field\":\"comments\",\"value\":{\"id\":\"@ID@\","
	    "\"from\":{\"id\":\"@FROM@\",\"username\":\"test_user\"},\"text\":\"@TEXT@\","
	    "\"media\":{\"id\":\"1800000000000003\"}}}]}]}" },
	{ &provider_graph, "array", JSON, "an outer array",
	    "[{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}]" },
	{ &provider_graph, "batch", JSON, "two entries with three items",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@-1\",\"text\":\"@TEXT@ 1\"}},"
	    "{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@-2\",\"text\":\"@TEXT@ 2\"}}]},"
	    "{\"id\":\"@OWN@\",\"time\":@NOW_MS@,\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},"
	    "\"recipient\":{\"id\":\"@OWN@\"},\"timestamp\":@NOW_MS@,"
	    "\"message\":{\"mid\":\"@ID@-3\",\"text\":\"@TEXT@ 3\"}}]}]}" },
	{ &provider_greenapi, "text", JSON, "text",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"textMessage\","
	    "\"textMessageData\":{\"textMessage\":\"@TEXT@\"}}}" },
	{ &provider_greenapi, "extended-text", JSON, "text with a link",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"extendedTextMessage\","
	    "\"extendedTextMessageData\":{\"text\":\"@TEXT@ https://example.com/\","
	    "\"description\":\"\",\"title\":\"\",\"jpegThumbnail\":\"\"}}}" },
	{ &provider_greenapi, "quoted", JSON, "text that quotes a message (--ref)",
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
	{ &provider_greenapi, "image", JSON, "image",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"imageMessage\","
	    "\"fileMessageData\":{\"downloadUrl\":\"https://media.example.invalid/a.jpg\","
	    "\"caption\":\"@TEXT@\",\"fileName\":\"a.jpg\",\"mimeType\":\"image/jpeg\","
	    "\"jpegThumbnail\":\"\"}}}" },
	{ &provider_greenapi, "video", JSON, "video",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"videoMessage\","
	    "\"fileMessageData\":{\"downloadUrl\":\"https://media.example.invalid/a.mp4\","
	    "\"caption\":\"@TEXT@\",\"fileName\":\"a.mp4\",\"mimeType\":\"video/mp4\","
	    "\"jpegThumbnail\":\"\"}}}" },
	{ &provider_greenapi, "document", JSON, "document",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"documentMessage\","
	    "\"fileMessageData\":{\"downloadUrl\":\"https://media.example.invalid/a.pdf\","
	    "\"caption\":\"@TEXT@\",\"fileName\":\"a.pdf\",\"mimeType\":\"application/pdf\","
	    "\"jpegThumbnail\":\"\"}}}" },
	{ &provider_greenapi, "audio", JSON, "audio",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"audioMessage\","
	    "\"fileMessageData\":{\"downloadUrl\":\"https://media.example.invalid/a.ogg\","
	    "\"caption\":\"\",\"fileName\":\"a.ogg\",\"mimeType\":\"audio/ogg\","
	    "\"jpegThumbnail\":\"\"}}}" },
	{ &provider_greenapi, "sticker", JSON, "sticker",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"stickerMessage\","
	    "\"fileMessageData\":{\"downloadUrl\":\"https://media.example.invalid/a.webp\","
	    "\"caption\":\"\",\"fileName\":\"a.webp\",\"mimeType\":\"image/webp\","
	    "\"jpegThumbnail\":\"\"}}}" },
	{ &provider_greenapi, "location", JSON, "place",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"locationMessage\","
	    "\"locationMessageData\":{\"nameLocation\":\"Cafe\",\"address\":\"Street 1\","
	    "\"latitude\":59.9386,\"longitude\":30.3141,\"jpegThumbnail\":\"\"}}}" },
	{ &provider_greenapi, "contact", JSON, "contact card",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"contactMessage\","
	    "\"contactMessageData\":{\"displayName\":\"Vera\","
	    "\"vcard\":\"BEGIN:VCARD\\nFN:Vera\\nEND:VCARD\"}}}" },
	{ &provider_greenapi, "contacts", JSON, "several contact cards",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"contactsArrayMessage\","
	    "\"messageData\":{\"contacts\":[{\"displayName\":\"Vera\",\"vcard\":\"V\"},"
	    "{\"displayName\":\"Gleb\",\"vcard\":\"G\"}]}}}" },
	{ &provider_greenapi, "poll", JSON, "poll",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"pollMessage\","
	    "\"pollMessageData\":{\"name\":\"@TEXT@\",\"options\":[{\"optionName\":\"A\"},"
	    "{\"optionName\":\"B\"}],\"multipleAnswers\":false}}}" },
	{ &provider_greenapi, "poll-vote", JSON, "vote (--ref)",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"pollUpdateMessage\","
	    "\"pollMessageData\":{\"name\":\"?\",\"stanzaId\":\"@REF@\","
	    "\"votes\":[{\"optionName\":\"A\",\"optionVoters\":[\"@FROM@\"]}]}}}" },
	{ &provider_greenapi, "react", JSON, "reaction (--ref)",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"reactionMessage\","
	    "\"extendedTextMessageData\":{\"text\":\"\\ud83d\\udc4d\",\"stanzaId\":\"@REF@\"},"
	    "\"quotedMessage\":{\"stanzaId\":\"@REF@\","
	    "\"participant\":\"70000000000@c.us\"}}}" },
	{ &provider_greenapi, "unreact", JSON, "reaction taken back (--ref)",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"reactionMessage\","
	    "\"extendedTextMessageData\":{\"text\":\"\",\"stanzaId\":\"@REF@\"},"
	    "\"quotedMessage\":{\"stanzaId\":\"@REF@\","
	    "\"participant\":\"70000000000@c.us\"}}}" },
	{ &provider_greenapi, "edit", JSON, "edit (--ref)",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"editedMessage\","
	    "\"editedMessageData\":{\"textMessage\":\"@TEXT@\",\"stanzaId\":\"@REF@\"}}}" },
	{ &provider_greenapi, "delete", JSON, "message taken back (--ref)",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"deletedMessage\","
	    "\"deletedMessageData\":{\"stanzaId\":\"@REF@\"}}}" },
	{ &provider_greenapi, "buttons-response", JSON, "a pressed button",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"buttonsResponseMessage\","
	    "\"buttonsResponseMessage\":{\"stanzaId\":\"@REF@\",\"selectedButtonId\":\"1\","
	    "\"selectedButtonText\":\"@TEXT@\"}}}" },
	{ &provider_greenapi, "list-response", JSON, "a chosen line of a list",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"listResponseMessage\","
	    "\"listResponseMessage\":{\"stanzaId\":\"@REF@\",\"title\":\"@TEXT@\","
	    "\"selectedRowId\":\"r1\"}}}" },
	{ &provider_greenapi, "group-invite", JSON, "invitation to a group",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"groupInviteMessage\","
	    "\"groupInviteMessageData\":{\"groupJid\":\"120363000000000001@g.us\","
	    "\"groupName\":\"Club\",\"caption\":\"@TEXT@\",\"inviteCode\":\"abc\"}}}" },
	{ &provider_greenapi, "group-text", JSON, "text in a group",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"120363000000000001@g.us\",\"sender\":\"@FROM@\","
	    "\"chatName\":\"Club\",\"senderName\":\"Ana\"},"
	    "\"messageData\":{\"typeMessage\":\"textMessage\","
	    "\"textMessageData\":{\"textMessage\":\"@TEXT@\"}}}" },
	{ &provider_greenapi, "unknown-type", JSON, "a typeMessage that nobody has seen",
	    "{\"typeWebhook\":\"incomingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"@FROM@\",\"chatName\":\"Ana\","
	    "\"senderName\":\"Ana\",\"senderContactName\":\"\"},"
	    "\"messageData\":{\"typeMessage\":\"somethingNewMessage\","
	    "\"somethingNewMessageData\":{\"x\":1}}}" },
	{ &provider_greenapi, "outgoing-phone", JSON, "sent from the phone",
	    "{\"typeWebhook\":\"outgoingMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"70000000000@c.us\","
	    "\"chatName\":\"Ana\",\"senderName\":\"Shop\"},"
	    "\"messageData\":{\"typeMessage\":\"textMessage\","
	    "\"textMessageData\":{\"textMessage\":\"@TEXT@\"}}}" },
	{ &provider_greenapi, "outgoing-api", JSON, "own send by API",
	    "{\"typeWebhook\":\"outgoingAPIMessageReceived\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@ID@\","
	    "\"senderData\":{\"chatId\":\"@FROM@\",\"sender\":\"70000000000@c.us\","
	    "\"chatName\":\"Ana\",\"senderName\":\"Shop\"},"
	    "\"messageData\":{\"typeMessage\":\"extendedTextMessage\","
	    "\"extendedTextMessageData\":{\"text\":\"@TEXT@\"}}}" },
	{ &provider_greenapi, "status-sent", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"sent\",\"sendByApi\":true}" },
	{ &provider_greenapi, "status-delivered", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"delivered\",\"sendByApi\":true}" },
	{ &provider_greenapi, "status-read", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"read\",\"sendByApi\":true}" },
	{ &provider_greenapi, "status-failed", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"failed\",\"sendByApi\":true}" },
	{ &provider_greenapi, "status-noaccount", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"noAccount\",\"sendByApi\":true}" },
	{ &provider_greenapi, "status-notingroup", JSON, "status of an own message (--ref)",
	    "{\"typeWebhook\":\"outgoingMessageStatus\",\"chatId\":\"@FROM@\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,\"idMessage\":\"@REF@\","
	    "\"status\":\"notInGroup\",\"sendByApi\":true}" },
	{ &provider_greenapi, "state", JSON, "state of the instance",
	    "{\"typeWebhook\":\"stateInstanceChanged\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,"
	    "\"stateInstance\":\"authorized\",\"test\":\"@ID@\"}" },
	{ &provider_greenapi, "status-instance", JSON, "connection of the phone",
	    "{\"typeWebhook\":\"statusInstanceChanged\","
	    "\"instanceData\":{\"idInstance\":@OWN@,\"wid\":\"70000000000@c.us\","
	    "\"typeInstance\":\"whatsapp\"},\"timestamp\":@NOW_S@,"
	    "\"statusInstance\":\"online\",\"test\":\"@ID@\"}" },
	{ &provider_greenapi, "device", JSON, "the phone",
	    "{\"typeWebhook\":\"deviceInfo\",\"instanceData\":{\"idInstance\":@OWN@,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},"
	    "\"timestamp\":@NOW_S@,\"deviceData\":{\"platform\":\"android\","
	    "\"deviceManufacturer\":\"x\"},\"test\":\"@ID@\"}" },
	{ &provider_greenapi, "call", JSON, "a call",
	    "{\"typeWebhook\":\"incomingCall\",\"instanceData\":{\"idInstance\":@OWN@,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},"
	    "\"timestamp\":@NOW_S@,\"from\":\"@FROM@\",\"idMessage\":\"@ID@\","
	    "\"status\":\"offer\",\"test\":\"@ID@\"}" },
	{ &provider_greenapi, "block", JSON, "blocked by a person",
	    "{\"typeWebhook\":\"incomingBlock\",\"instanceData\":{\"idInstance\":@OWN@,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},"
	    "\"timestamp\":@NOW_S@,\"incomingBlock\":{\"chatId\":\"@FROM@\","
	    "\"status\":\"blocked\"},\"test\":\"@ID@\"}" },
	{ &provider_greenapi, "unknown", JSON, "a typeWebhook that nobody has seen",
	    "{\"typeWebhook\":\"somethingNew\",\"instanceData\":{\"idInstance\":@OWN@,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},"
	    "\"timestamp\":@NOW_S@,\"x\":1,\"test\":\"@ID@\"}" },
	{ &provider_greenapi, "quota", JSON, "quota exceeded, without a time",
	    "{\"typeWebhook\":\"quotaExceeded\",\"instanceData\":{\"idInstance\":@OWN@,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},"
	    "\"quotaData\":{\"method\":\"sendMessage\",\"used\":3,\"total\":3,"
	    "\"status\":\"CORRESPONDENTS_QUOTE_EXCEEDED\"},\"test\":\"@ID@\"}" },
};

const struct shape *
trigger_shapes(size_t *n)
{
	*n = sizeof shapes / sizeof *shapes;
	return shapes;
}

/* In a form percent-encoded, in JSON escaped (the quotes are the body's). */
static void
put_value(const struct shape *s, const char *value, struct buf *out)
{
	struct buf quoted;

	if (str_eq(s->type, FORM)) {
		http_url_encode(out, value);
		return;
	}
	buf_init(&quoted, 1 << 16);
	json_put_str(&quoted, value);
	if (quoted.n > 2)
		buf_put(out, quoted.p + 1, quoted.n - 2);
	buf_free(&quoted);
}

void
trigger_body(const struct shape *s, const struct shape_vars *v, struct buf *out)
{
	char now_s[24], now_ms[24], iso[CLOCK_ISO_MAX];
	const struct { const char *word, *value; } words[] = {
		{ "@ID@", v->id }, { "@REF@", v->ref }, { "@FROM@", v->from }, { "@OWN@", v->own },
		{ "@TEXT@", v->text }, { "@NOW_S@", now_s }, { "@NOW_MS@", now_ms }, { "@ISO@", iso },
	};

	snprintf(now_s, sizeof now_s, "%" PRId64, v->now_us / 1000000);
	snprintf(now_ms, sizeof now_ms, "%" PRId64, v->now_us / 1000);
	clock_iso(v->now_us, iso);
	for (const char *p = s->body; *p; ) {
		size_t i, n = sizeof words / sizeof words[0];

		for (i = 0; i < n; i++)
			if (str_starts(p, words[i].word))
				break;
		if (i == n) {
			buf_putc(out, *p++);
			continue;
		}
		put_value(s, words[i].value, out);
		p += strlen(words[i].word);
	}
}

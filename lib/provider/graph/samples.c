/*
 * Bodies for dmbox trigger and dmbox doctor: Meta's of providers.md B.4 and B.5.
 */
#include "provider/graph/graph.h"

#define JSON "application/json"

const struct provider_sample graph_samples[] = {
	{ "text", JSON, "text",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}" },
	{ "image", JSON, "image",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"image\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/ig_messaging_cdn/?asse"
	    "t_id=1&signature=x\"}}]}}]}]}" },
	{ "video", JSON, "video",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"video\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/ig_messaging_cdn/?asse"
	    "t_id=1&signature=x\"}}]}}]}]}" },
	{ "audio", JSON, "audio",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"audio\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/ig_messaging_cdn/?asse"
	    "t_id=1&signature=x\"}}]}}]}]}" },
	{ "file", JSON, "file",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"file\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/ig_messaging_cdn/?asse"
	    "t_id=1&signature=x\"}}]}}]}]}" },
	{ "sticker", JSON, "sticker, told as a picture, too",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"image\",\"payload\":{\"url\":"
	    "\"https://lookaside.example.invalid/ig_messaging_cdn/?asset_id=1&signature=x\","
	    "\"sticker_id\":369239263222822}},{\"type\":\"sticker\","
	    "\"payload\":{\"sticker_id\":369239263222822}}]}}]}]}" },
	{ "text-image", JSON, "text with a picture",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"attachments\":[{\"type\":\"image\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/1\"}}]}}]}]}" },
	{ "share", JSON, "share beside ig_post: one post",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"share\","
	    "\"payload\":{\"url\":\"https://www.example.invalid/p/1\"}},{\"type\":\"ig_post\","
	    "\"payload\":{\"ig_post_media_id\":\"1800000000000001\",\"title\":\"Caption\","
	    "\"url\":\"https://www.example.invalid/p/1\"}}]}}]}]}" },
	{ "reel", JSON, "ig_reel",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"ig_reel\","
	    "\"payload\":{\"reel_video_id\":\"1800000000000002\",\"title\":\"T\","
	    "\"url\":\"https://www.example.invalid/r/1\"}}]}}]}]}" },
	{ "story-mention", JSON, "mention in a story",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"story_mention\","
	    "\"payload\":{\"url\":\"https://lookaside.example.invalid/s\"}}]}}]}]}" },
	{ "story-reply", JSON, "reply to a story",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"reply_to\":{\"story\":{\"id\":\"1790000000000001\","
	    "\"url\":\"https://lookaside.example.invalid/s\"}}}}]}]}" },
	{ "template", JSON, "template",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"template\","
	    "\"payload\":{\"generic\":{\"elements\":[{\"title\":\"T\"}]}}}]}}]}]}" },
	{ "like-heart", JSON, "a heart",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"like_heart\"}]}}]}]}" },
	{ "ephemeral", JSON, "disappearing picture",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"attachments\":[{\"type\":\"ephemeral\"}]}}]}]}" },
	{ "reply", JSON, "reply to a message",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"reply_to\":{\"mid\":\"@REF@\"}}}]}]}" },
	{ "echo", JSON, "own answer, typed elsewhere",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@OWN@\"},\"recipient\":{\"id\":\"@FROM@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"is_echo\":true}}]}]}" },
	{ "unsend", JSON, "the other side took a message back (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@REF@\",\"is_deleted\":true}}]}]}" },
	{ "unsupported", JSON, "unsupported content",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\","
	    "\"is_unsupported\":true}}]}]}" },
	{ "quick-reply", JSON, "quick reply",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"quick_reply\":{\"payload\":\"RED\"}}}]}]}" },
	{ "product", JSON, "text about a product",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"referral\":{\"product\":{\"id\":\"PRODUCT1\"}}}}]}]}" },
	{ "ad", JSON, "text from an advertisement",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"referral\":{\"ref\":\"r1\",\"ad_id\":\"1200000000000001\",\"source\":\"ADS\","
	    "\"type\":\"OPEN_THREAD\",\"ads_context_data\":{\"ad_title\":\"Sale\","
	    "\"photo_url\":\"https://lookaside.example.invalid/p\","
	    "\"video_url\":\"https://lookaside.example.invalid/v\"}}}}]}]}" },
	{ "postback", JSON, "postback",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"postback\":{\"mid\":\"@ID@\",\"title\":\"Start\","
	    "\"payload\":\"START\"}}]}]}" },
	{ "referral", JSON, "referral",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"referral\":{\"ref\":\"@ID@\",\"source\":\"IGME-SOURCE\","
	    "\"type\":\"OPEN_THREAD\"}}]}]}" },
	{ "react", JSON, "reaction (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"reaction\":{\"mid\":\"@REF@\",\"action\":\"react\","
	    "\"reaction\":\"love\",\"emoji\":\"\\u2764\\ufe0f\"}}]}]}" },
	{ "unreact", JSON, "reaction taken back (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"reaction\":{\"mid\":\"@REF@\","
	    "\"action\":\"unreact\"}}]}]}" },
	{ "read", JSON, "read by the other side (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"read\":{\"mid\":\"@REF@\"}}]}]}" },
	{ "edit", JSON, "edit (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message_edit\":{\"mid\":\"@REF@\",\"text\":\"@TEXT@\","
	    "\"num_edit\":1}}]}]}" },
	{ "edit-zero", JSON, "edit with num_edit 0 and no text (--ref)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message_edit\":{\"mid\":\"@REF@\",\"num_edit\":0}}]}]}" },
	{ "optin", JSON, "opt-in",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"optin\":{\"type\":\"notification_messages\","
	    "\"payload\":\"@ID@\"}}]}]}" },
	{ "pass-thread-control", JSON, "hand-over: pass",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,"
	    "\"pass_thread_control\":{\"previous_owner_app_id\":\"123\","
	    "\"new_owner_app_id\":\"456\",\"metadata\":\"@ID@\"}}]}]}" },
	{ "take-thread-control", JSON, "hand-over: take",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,"
	    "\"take_thread_control\":{\"previous_owner_app_id\":\"123\","
	    "\"new_owner_app_id\":\"456\",\"metadata\":\"@ID@\"}}]}]}" },
	{ "request-thread-control", JSON, "hand-over: request",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,"
	    "\"request_thread_control\":{\"requested_owner_app_id\":\"456\","
	    "\"metadata\":\"@ID@\"}}]}]}" },
	{ "app-roles", JSON, "hand-over: roles",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"app_roles\":{\"123\":[\"primary_receiver\"]},"
	    "\"test\":\"@ID@\"}]}]}" },
	{ "unknown", JSON, "a kind that nobody has seen",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"something_new\":{\"id\":\"@ID@\"}}]}]}" },
	{ "standby", JSON, "an item of standby[]",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"standby\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}" },
	{ "page", JSON, "object page (Messenger)",
	    "{\"object\":\"page\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}" },
	{ "seconds", JSON, "entry time in seconds",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_S@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}" },
	{ "changes", JSON, "an item of changes[]",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_S@,"
	    "\"changes\":[{\"field\":\"messages\",\"value\":{\"sender\":{\"id\":\"@FROM@\"},"
	    "\"recipient\":{\"id\":\"@OWN@\"},\"timestamp\":\"@NOW_S@\","
	    "\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}}]}]}" },
	{ "test-button", JSON, "the dashboard's Test button (a test row)",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"0\",\"time\":@NOW_S@,"
	    "\"changes\":[{\"field\":\"messages\",\"value\":{\"sender\":{\"id\":\"12334\"},"
	    "\"recipient\":{\"id\":\"23245\"},\"timestamp\":\"1527459824\","
	    "\"message\":{\"mid\":\"random_mid_@ID@\",\"text\":\"random_text\"}}}]}]}" },
	{ "comment", JSON, "a comment: changes[] of another field",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_S@,"
	    "\"changes\":[{\"field\":\"comments\",\"value\":{\"id\":\"@ID@\","
	    "\"from\":{\"id\":\"@FROM@\",\"username\":\"test_user\"},\"text\":\"@TEXT@\","
	    "\"media\":{\"id\":\"1800000000000003\"}}}]}]}" },
	{ "array", JSON, "an outer array",
	    "[{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}]" },
	{ "batch", JSON, "two entries with three items",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@-1\",\"text\":\"@TEXT@ 1\"}},"
	    "{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@-2\",\"text\":\"@TEXT@ 2\"}}]},"
	    "{\"id\":\"@OWN@\",\"time\":@NOW_MS@,\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},"
	    "\"recipient\":{\"id\":\"@OWN@\"},\"timestamp\":@NOW_MS@,"
	    "\"message\":{\"mid\":\"@ID@-3\",\"text\":\"@TEXT@ 3\"}}]}]}" },
};
const size_t graph_n_samples = sizeof graph_samples / sizeof *graph_samples;

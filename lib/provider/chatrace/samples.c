/*
 * Bodies for dmbox trigger and dmbox doctor: Chatrace's of the earlier system and of its flows.
 */
#include "provider/chatrace/chatrace.h"

#define JSON "application/json"
#define FORM "application/x-www-form-urlencoded"

const struct provider_sample chatrace_samples[] = {
	{ "text", JSON, "the test message of the earlier documentation",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"username\":\"test_user\",\"timestamp\":@NOW_S@}" },
	{ "flow", JSON, "the recommended body of an External API Request",
	    "{\"event\":\"message\",\"account_id\":\"1000001\",\"contact_id\":\"@FROM@\","
	    "\"username\":\"test_user\",\"name\":\"Test User\",\"text\":\"@TEXT@ @ID@\","
	    "\"channel\":\"instagram\"}" },
	{ "flow-last-input", JSON, "last_input and user_id as flows name them",
	    "{\"user_id\":\"@FROM@\",\"last_input\":\"@TEXT@ @ID@\",\"full_name\":\"Test User\","
	    "\"ig_user_name\":\"test_user\"}" },
	{ "flow-literal", JSON, "a variable that the flow did not set arrives literally",
	    "{\"contact_id\":\"@FROM@\",\"name\":\"{{full_name}}\",\"text\":\"@TEXT@ @ID@\","
	    "\"channel\":\"instagram\"}" },
	{ "flow-broken", JSON, "a template whose text was not escaped: broken JSON",
	    "{\"contact_id\":\"@FROM@\",\"text\":\"say \"@TEXT@\" @ID@\","
	    "\"channel\":\"instagram\"}" },
	{ "sender-userid", JSON, "sender in userId",
	    "{\"userId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ "sender-fromid", JSON, "sender in fromId",
	    "{\"fromId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ "sender-from", JSON, "sender in from",
	    "{\"from\":{\"id\":\"@FROM@\",\"username\":\"test_user\"},\"messageId\":\"@ID@\","
	    "\"text\":\"@TEXT@\",\"timestamp\":@NOW_S@}" },
	{ "sender-sender", JSON, "sender in sender",
	    "{\"sender\":{\"id\":\"@FROM@\",\"name\":\"Test User\"},\"messageId\":\"@ID@\","
	    "\"text\":\"@TEXT@\",\"timestamp\":@NOW_S@}" },
	{ "sender-user", JSON, "sender in user",
	    "{\"user\":{\"id\":\"@FROM@\",\"username\":\"test_user\"},\"messageId\":\"@ID@\","
	    "\"text\":\"@TEXT@\",\"timestamp\":@NOW_S@}" },
	{ "sender-contact-id", JSON, "sender in contact_id",
	    "{\"contact_id\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ "sender-user-id", JSON, "sender in user_id",
	    "{\"user_id\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ "sender-number-id", JSON, "sender in senderId",
	    "{\"senderId\":6500000000000001,\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ "id-snake", JSON, "message id in message_id",
	    "{\"senderId\":\"@FROM@\",\"message_id\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ "id-message-mid", JSON, "message id in message.mid",
	    "{\"senderId\":\"@FROM@\",\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"},"
	    "\"timestamp\":@NOW_S@}" },
	{ "id-message-id", JSON, "message id in message.id",
	    "{\"senderId\":\"@FROM@\",\"message\":{\"id\":\"@ID@\",\"content\":\"@TEXT@\"},"
	    "\"timestamp\":@NOW_S@}" },
	{ "id-id", JSON, "message id in id",
	    "{\"senderId\":\"@FROM@\",\"id\":\"@ID@\",\"text\":\"@TEXT@\",\"timestamp\":@NOW_S@}" },
	{ "text-message", JSON, "text in message",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"message\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ "text-content", JSON, "text in content",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"content\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ "text-body", JSON, "text in body",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"body\":\"@TEXT@\","
	    "\"timestamp\":@NOW_S@}" },
	{ "text-message-body", JSON, "text in message.body",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"message\":{\"body\":\"@TEXT@\"},"
	    "\"timestamp\":@NOW_S@}" },
	{ "text-message-content", JSON, "text in message.content",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"message\":{\"content\":\"@TEXT@\"},"
	    "\"timestamp\":@NOW_S@}" },
	{ "name-sendername", JSON, "name in senderName",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"senderName\":\"Test User\",\"timestamp\":@NOW_S@}" },
	{ "name-fromname", JSON, "name in fromName",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"fromName\":\"Test User\",\"timestamp\":@NOW_S@}" },
	{ "name-name", JSON, "name in name",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"name\":\"Test User\",\"timestamp\":@NOW_S@}" },
	{ "time-ms", JSON, "time in milliseconds",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_MS@}" },
	{ "time-text", JSON, "time as a string",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"time\":\"@NOW_S@\"}" },
	{ "time-iso", JSON, "time as ISO 8601",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"@TEXT@\","
	    "\"created_at\":\"@ISO@\"}" },
	{ "time-message", JSON, "time in message.timestamp",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"message\":{\"text\":\"@TEXT@\","
	    "\"timestamp\":@NOW_MS@}}" },
	{ "no-id", JSON, "no message id: recognised by its content",
	    "{\"senderId\":\"@FROM@\",\"text\":\"@TEXT@ @ID@\",\"timestamp\":@NOW_S@}" },
	{ "no-id-no-time", JSON, "neither id nor time",
	    "{\"senderId\":\"@FROM@\",\"text\":\"@TEXT@ @ID@\"}" },
	{ "array", JSON, "an array of messages",
	    "[{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@-1\",\"text\":\"@TEXT@ 1\","
	    "\"timestamp\":@NOW_S@},{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@-2\","
	    "\"text\":\"@TEXT@ 2\",\"timestamp\":@NOW_S@}]" },
	{ "attachment", JSON, "a picture",
	    "{\"senderId\":\"@FROM@\",\"messageId\":\"@ID@\",\"text\":\"\","
	    "\"attachments\":[{\"type\":\"image\","
	    "\"payload\":{\"url\":\"https://media.example.invalid/a.jpg\"}}],"
	    "\"timestamp\":@NOW_S@}" },
	{ "envelope", JSON, "the Graph envelope, passed on",
	    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"@OWN@\",\"time\":@NOW_MS@,"
	    "\"messaging\":[{\"sender\":{\"id\":\"@FROM@\"},\"recipient\":{\"id\":\"@OWN@\"},"
	    "\"timestamp\":@NOW_MS@,\"message\":{\"mid\":\"@ID@\",\"text\":\"@TEXT@\"}}]}]}" },
	{ "form", FORM, "form-urlencoded fields",
	    "senderId=@FROM@&messageId=@ID@&text=@TEXT@&username=test_user&timestam"
	    "p=@NOW_S@" },
	{ "form-flow", FORM, "form-urlencoded, as flows name the fields",
	    "contact_id=@FROM@&last_input=@TEXT@+@ID@&full_name=Test+User" },
	{ "contact", JSON, "a contact object without a text: an event",
	    "{\"id\":\"@FROM@\",\"page_id\":1000001,\"first_name\":\"Ana\",\"last_name\":\"K.\","
	    "\"channel\":10,\"last_interaction\":\"@NOW_MS@\",\"tags\":[{\"id\":\"11\","
	    "\"name\":\"@ID@\"}],\"custom_fields\":[]}" },
	{ "contact-text", JSON, "all contact data with the text in last_input",
	    "{\"id\":\"@FROM@\",\"page_id\":1000001,\"first_name\":\"Ana\",\"channel\":10,"
	    "\"last_interaction\":\"@NOW_MS@\",\"last_input\":\"@TEXT@ @ID@\"}" },
};
const size_t chatrace_n_samples = sizeof chatrace_samples / sizeof *chatrace_samples;

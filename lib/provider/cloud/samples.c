/*
 * Bodies for dmbox trigger and dmbox doctor: Meta's of providers.md H.3 to H.10.
 */
#include "provider/cloud/cloud.h"

#define JSON "application/json"

const struct provider_sample cloud_samples[] = {
	{ "text", JSON, "text",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\"},\"wa_id\":\"@FROM@\",\"user_id\":\"RU.1@"
	    "FROM@\"}],\"messages\":[{\"from\":\"@FROM@\",\"from_user_id\":\"RU.1@FROM@\",\"id\":"
	    "\"@ID@\",\"timestamp\":\"@NOW_S@\",\"type\":\"text\",\"text\":{\"body\":\"@TEXT@\"}}"
	    "]}}]}]}" },
	{ "image", JSON, "a picture with a caption",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\"},\"wa_id\":\"@FROM@\",\"user_id\":\"RU.1@"
	    "FROM@\"}],\"messages\":[{\"from\":\"@FROM@\",\"from_user_id\":\"RU.1@FROM@\",\"id\":"
	    "\"@ID@\",\"timestamp\":\"@NOW_S@\",\"type\":\"image\",\"image\":{\"id\":\"7000000000"
	    "00003\",\"mime_type\":\"image/jpeg\",\"sha256\":\"dGVzdA==\",\"caption\":\"@TEXT@\"}"
	    "}]}}]}]}" },
	{ "voice", JSON, "a voice message",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\"},\"wa_id\":\"@FROM@\",\"user_id\":\"RU.1@"
	    "FROM@\"}],\"messages\":[{\"from\":\"@FROM@\",\"from_user_id\":\"RU.1@FROM@\",\"id\":"
	    "\"@ID@\",\"timestamp\":\"@NOW_S@\",\"type\":\"audio\",\"audio\":{\"id\":\"7000000000"
	    "00004\",\"mime_type\":\"audio/ogg; codecs=opus\",\"sha256\":\"dGVzdA==\",\"voice\":t"
	    "rue}}]}}]}]}" },
	{ "document", JSON, "a file",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\"},\"wa_id\":\"@FROM@\",\"user_id\":\"RU.1@"
	    "FROM@\"}],\"messages\":[{\"from\":\"@FROM@\",\"from_user_id\":\"RU.1@FROM@\",\"id\":"
	    "\"@ID@\",\"timestamp\":\"@NOW_S@\",\"type\":\"document\",\"document\":{\"id\":\"7000"
	    "00000000005\",\"mime_type\":\"application/pdf\",\"sha256\":\"dGVzdA==\",\"filename\""
	    ":\"price.pdf\"}}]}}]}]}" },
	{ "location", JSON, "a place",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\"},\"wa_id\":\"@FROM@\",\"user_id\":\"RU.1@"
	    "FROM@\"}],\"messages\":[{\"from\":\"@FROM@\",\"from_user_id\":\"RU.1@FROM@\",\"id\":"
	    "\"@ID@\",\"timestamp\":\"@NOW_S@\",\"type\":\"location\",\"location\":{\"latitude\":"
	    "59.93,\"longitude\":30.31,\"name\":\"Cafe\",\"address\":\"Nevsky 1\"}}]}}]}]}" },
	{ "contacts", JSON, "a contact card",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\"},\"wa_id\":\"@FROM@\",\"user_id\":\"RU.1@"
	    "FROM@\"}],\"messages\":[{\"from\":\"@FROM@\",\"from_user_id\":\"RU.1@FROM@\",\"id\":"
	    "\"@ID@\",\"timestamp\":\"@NOW_S@\",\"type\":\"contacts\",\"contacts\":[{\"name\":{\""
	    "formatted_name\":\"Boris\"},\"phones\":[{\"phone\":\"+70000000009\",\"type\":\"CELL\""
	    "}]}]}]}}]}]}" },
	{ "button", JSON, "a tap on a button",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\"},\"wa_id\":\"@FROM@\",\"user_id\":\"RU.1@"
	    "FROM@\"}],\"messages\":[{\"from\":\"@FROM@\",\"from_user_id\":\"RU.1@FROM@\",\"id\":"
	    "\"@ID@\",\"timestamp\":\"@NOW_S@\",\"type\":\"interactive\",\"context\":{\"from\":\""
	    "70000000000\",\"id\":\"@REF@\"},\"interactive\":{\"type\":\"button_reply\",\"button_"
	    "reply\":{\"id\":\"yes\",\"title\":\"@TEXT@\"}}}]}}]}]}" },
	{ "reply", JSON, "an answer to a message",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\"},\"wa_id\":\"@FROM@\",\"user_id\":\"RU.1@"
	    "FROM@\"}],\"messages\":[{\"from\":\"@FROM@\",\"from_user_id\":\"RU.1@FROM@\",\"id\":"
	    "\"@ID@\",\"timestamp\":\"@NOW_S@\",\"type\":\"text\",\"context\":{\"from\":\"7000000"
	    "0000\",\"id\":\"@REF@\"},\"text\":{\"body\":\"@TEXT@\"}}]}}]}]}" },
	{ "reaction", JSON, "a reaction to --ref",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\"},\"wa_id\":\"@FROM@\",\"user_id\":\"RU.1@"
	    "FROM@\"}],\"messages\":[{\"from\":\"@FROM@\",\"from_user_id\":\"RU.1@FROM@\",\"id\":"
	    "\"@ID@\",\"timestamp\":\"@NOW_S@\",\"type\":\"reaction\",\"reaction\":{\"message_id\""
	    ":\"@REF@\",\"emoji\":\"\\uD83D\\uDC4D\"}}]}}]}]}" },
	{ "ad", JSON, "a first message from an advertisement",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\"},\"wa_id\":\"@FROM@\",\"user_id\":\"RU.1@"
	    "FROM@\"}],\"messages\":[{\"from\":\"@FROM@\",\"from_user_id\":\"RU.1@FROM@\",\"id\":"
	    "\"@ID@\",\"timestamp\":\"@NOW_S@\",\"type\":\"text\",\"text\":{\"body\":\"@TEXT@\"},"
	    "\"referral\":{\"source_url\":\"https://example.invalid/ad\",\"source_id\":\"12000000"
	    "0000001\",\"source_type\":\"ad\",\"headline\":\"Sale\"}}]}}]}]}" },
	{ "unsupported", JSON, "what the API cannot show",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\"},\"wa_id\":\"@FROM@\",\"user_id\":\"RU.1@"
	    "FROM@\"}],\"messages\":[{\"from\":\"@FROM@\",\"from_user_id\":\"RU.1@FROM@\",\"id\":"
	    "\"@ID@\",\"timestamp\":\"@NOW_S@\",\"type\":\"unsupported\",\"errors\":[{\"code\":13"
	    "1051,\"title\":\"Message type unknown\"}],\"unsupported\":{\"type\":\"poll_creation\""
	    "}}]}}]}]}" },
	{ "no-phone", JSON, "a customer who hides the phone",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "contacts\":[{\"profile\":{\"name\":\"Ana\",\"username\":\"ana.test\"},\"user_id\":\""
	    "RU.1@FROM@\"}],\"messages\":[{\"from_user_id\":\"RU.1@FROM@\",\"id\":\"@ID@\",\"time"
	    "stamp\":\"@NOW_S@\",\"type\":\"text\",\"text\":{\"body\":\"@TEXT@\"}}]}}]}]}" },
	{ "delivered", JSON, "our message --ref was delivered",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "statuses\":[{\"id\":\"@REF@\",\"timestamp\":\"@NOW_S@\",\"recipient_id\":\"@FROM@\","
	    "\"status\":\"delivered\"}]}}]}]}" },
	{ "read", JSON, "our message --ref was read",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "statuses\":[{\"id\":\"@REF@\",\"timestamp\":\"@NOW_S@\",\"recipient_id\":\"@FROM@\","
	    "\"status\":\"read\"}]}}]}]}" },
	{ "failed", JSON, "our message --ref failed",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"me"
	    "tadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@OWN@\"},\""
	    "statuses\":[{\"id\":\"@REF@\",\"timestamp\":\"@NOW_S@\",\"recipient_id\":\"@FROM@\","
	    "\"status\":\"failed\",\"errors\":[{\"code\":131047,\"title\":\"Re-engagement message"
	    "\",\"error_data\":{\"details\":\"more than 24 hours have passed\"}}]}]}}]}]}" },
	{ "echo", JSON, "what staff wrote on the phone",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"c"
	    "hanges\":[{\"field\":\"smb_message_echoes\",\"value\":{\"messaging_product\":\"whats"
	    "app\",\"metadata\":{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"@"
	    "OWN@\"},\"message_echoes\":[{\"from\":\"70000000000\",\"to\":\"@FROM@\",\"id\":\"@ID"
	    "@\",\"timestamp\":\"@NOW_S@\",\"type\":\"text\",\"text\":{\"body\":\"@TEXT@\"}}]}}]}"
	    "]}" },
	{ "test-button", JSON, "the dashboard's Test button (a test row)",
	    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"0\",\"changes\":[{\"f"
	    "ield\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{\"di"
	    "splay_phone_number\":\"16505551111\",\"phone_number_id\":\"123456123\"},\"contacts\""
	    ":[{\"profile\":{\"name\":\"test user name\"},\"wa_id\":\"16315551181\"}],\"messages\""
	    ":[{\"from\":\"16315551181\",\"id\":\"ABGG@ID@\",\"timestamp\":\"1504902988\",\"type\""
	    ":\"text\",\"text\":{\"body\":\"this is a text message\"}}]}}]}]}" },
};
const size_t cloud_n_samples = sizeof cloud_samples / sizeof *cloud_samples;

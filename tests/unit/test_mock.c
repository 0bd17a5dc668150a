/* Mock mode: read as the real provider would, nothing leaves, nothing is invented. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "model/conf.h"
#include "bridge/attempt.h"
#include "provider/list.h"

static void
test_in(void **state)
{
	static const struct {
		enum channel channel;
		const struct provider *provider;
		const char *body, *id;
	} v[] = {
		{ CHANNEL_INSTAGRAM, &provider_chatrace, "{\"senderId\":\"7\",\"messageId\":\"c1\",\"text\":\"x\"}", "c1" },
		{ CHANNEL_INSTAGRAM, &provider_graph, "{\"object\":\"instagram\",\"entry\":[{\"id\":\"1\",\"time\":1763000000,"
		    "\"messaging\":[{\"sender\":{\"id\":\"7\"},\"recipient\":{\"id\":\"1\"},\"timestamp\":1763000000000,"
		    "\"message\":{\"mid\":\"g1\",\"text\":\"x\"}}]}]}", "g1" },
		{ CHANNEL_WHATSAPP, &provider_greenapi, "{\"typeWebhook\":\"incomingMessageReceived\",\"timestamp\":1763000000,"
		    "\"idMessage\":\"w1\",\"senderData\":{\"chatId\":\"7@c.us\",\"sender\":\"7@c.us\"},\"messageData\":"
		    "{\"typeMessage\":\"textMessage\",\"textMessageData\":{\"textMessage\":\"x\"}}}", "w1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct account a = { .name = "main", .channel = v[i].channel, .use_mock = true,
		    .provider = v[i].provider };
		const struct provider *p = provider_of(&a);
		const char *why = NULL;
		struct http_req req;
		struct itemv items;
		struct buf out;

		http_req_init(&req, "POST", "/instagram/webhook");
		itemv_init(&items);
		buf_init(&out, 1024);
		/* as strict as the real one: no secret is configured, nobody gets in */
		assert_int_equal(p->verify(&a, &req, &why), RC_DENIED);
		assert_non_null(why);
		assert_int_equal(p->handshake == NULL ? RC_DENIED : p->handshake(&a, &req, &out), RC_DENIED);
		assert_int_equal(out.n, 0);
		assert_int_equal(p->parse(&a, "application/json", v[i].body, strlen(v[i].body),
		    &items), RC_OK);
		assert_int_equal(items.n, 1);
		assert_string_equal(items.v[0].external_id, v[i].id);
		itemv_free(&items);
		buf_free(&out);
		http_req_free(&req);
	}
}

/* No provider's answer is needed, nor a token: every account may be a mock one. */
static void
test_send(void **state)
{
	(void)state;
	for (size_t i = 0; providers[i] != NULL; i++) {
		struct account a = { .name = "main", .channel = providers[i]->channel, .use_mock = true,
		    .provider = providers[i] };
		struct outbox_item it = { .msg = { .recipient = "1", .body = "hi" } };
		struct send_result r = { 0 };
		struct http_req req = { 0 };

		assert_string_equal(provider_called(&a), "mock");
		assert_true(attempt_possible(&a, &it.msg));
		assert_int_equal(attempt_build(&a, &it, 1000, &req, &r), RC_NONE);
		assert_int_equal(r.outcome, SEND_SENT);
		assert_int_equal(strncmp(r.message_id, "mock:", 5), 0);
		http_req_free(&req);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in), cmocka_unit_test(test_send),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

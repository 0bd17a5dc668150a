/* Mock mode: read as the real provider would, nothing leaves, nothing is invented. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "model/conf.h"
#include "model/provider.h"

static void
test_in(void **state)
{
	static const struct {
		enum channel channel;
		bool chatrace;
		const char *body, *id;
	} v[] = {
		{ CHANNEL_INSTAGRAM, true, "{\"senderId\":\"7\",\"messageId\":\"c1\",\"text\":\"x\"}", "c1" },
		{ CHANNEL_INSTAGRAM, false, "{\"object\":\"instagram\",\"entry\":[{\"id\":\"1\",\"time\":1763000000,"
		    "\"messaging\":[{\"sender\":{\"id\":\"7\"},\"recipient\":{\"id\":\"1\"},\"timestamp\":1763000000000,"
		    "\"message\":{\"mid\":\"g1\",\"text\":\"x\"}}]}]}", "g1" },
		{ CHANNEL_WHATSAPP, true, "{\"typeWebhook\":\"incomingMessageReceived\",\"timestamp\":1763000000,"
		    "\"idMessage\":\"w1\",\"senderData\":{\"chatId\":\"7@c.us\",\"sender\":\"7@c.us\"},\"messageData\":"
		    "{\"typeMessage\":\"textMessage\",\"textMessageData\":{\"textMessage\":\"x\"}}}", "w1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct account a = { .name = "main", .channel = v[i].channel, .use_mock = true,
		    .use_chatrace = v[i].chatrace, .provider = PROVIDER_MOCK };
		const char *why = NULL;
		struct http_req req;
		struct itemv items;
		struct buf out;

		http_req_init(&req, "POST", "/instagram/webhook");
		itemv_init(&items);
		buf_init(&out, 1024);
		/* as strict as the real one: no secret is configured, nobody gets in */
		assert_int_equal(provider_mock.verify(&a, &req, &why), RC_DENIED);
		assert_non_null(why);
		assert_int_equal(provider_mock.greet(&a, &req, &out), RC_DENIED);
		assert_int_equal(out.n, 0);
		assert_int_equal(provider_mock.parse(&a, "application/json", v[i].body, strlen(v[i].body),
		    &items), RC_OK);
		assert_int_equal(items.n, 1);
		assert_string_equal(items.v[0].external_id, v[i].id);
		itemv_free(&items);
		buf_free(&out);
		http_req_free(&req);
	}
}

static void
test_poll(void **state)
{
	struct account a = { .name = "main", .channel = CHANNEL_INSTAGRAM, .use_mock = true,
	    .provider = PROVIDER_MOCK };
	struct poll_state st = { .outcome = POLL_FAILED };
	struct http_req req = { 0 };
	struct http_res res = { .status = 200 };
	struct itemv items;

	(void)state;
	itemv_init(&items);
	assert_int_equal(provider_mock.poll_build(&a, &st, &req), RC_NONE);
	assert_int_equal(st.outcome, POLL_MOCK);
	st.outcome = POLL_FAILED;
	assert_int_equal(provider_mock.poll_read(&a, &res, &st, &items), RC_OK);
	assert_int_equal(st.outcome, POLL_MOCK);
	assert_int_equal(items.n, 0);
	itemv_free(&items);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in), cmocka_unit_test(test_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

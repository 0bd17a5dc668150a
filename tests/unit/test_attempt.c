/* From an outbox item to a request, from an answer to a result; splitting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "provider/list.h"
#include "bridge/attempt.h"
#include "store/login.h"
#include "store/state.h"
#include "endpoint/send.h"
#include "base/str.h"

static struct account
account(const struct provider *p)
{
	return (struct account){ .name = (char *)"main", .provider = p,
	    .channel = p == &provider_greenapi ? CHANNEL_WHATSAPP : CHANNEL_INSTAGRAM,
	    .api_url = (char *)"https://api.example", .token = (char *)"1000001.madeup",
	    .own_id = (char *)"1101000001" };
}

static struct outbox_item
item(const char *body)
{
	return (struct outbox_item){ .id = 7, .msg = { .recipient = "6500", .thread_id = "", .body = body } };
}

/* What a provider's answer of this status and body, or its absence, comes to. */
static enum send_outcome
read_as(const struct provider *p, int status, const char *body, enum http_fail fail, bool sent,
    struct send_result *r)
{
	struct account a = account(p);
	struct outbox_item it = item("x");
	struct http_res res;

	http_res_init(&res);
	res.status = status;
	res.body = body;
	res.body_n = strlen(body);
	res.fail = fail;
	res.sent = sent;
	attempt_read(&a, &it, &res, r);
	http_res_free(&res);
	return r->outcome;
}

static void
test_build(void **state)
{
	static const struct provider *const all[] = { &provider_chatrace, &provider_graph, &provider_greenapi };
	struct outbox_item it = item("hi");
	struct send_result r;
	char of[STATE_TOKEN_OF];

	(void)state;
	it.msg.recipient = "70000000001";
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct account a = account(all[i]);
		struct login l;
		struct http_req req = {0};

		/* what was refreshed counts for the token that it was refreshed from */
		login_init(&l, NULL, &a);
		state_token_of("1000001.madeup", of);
		login_use(&l, "a-refreshed-token", of, 1);
		assert_string_equal(l.a.token, "a-refreshed-token");
		assert_int_equal(l.a.proof, 1);
		state_token_of("1000001.another", of);
		login_use(&l, "a-refreshed-token", of, 0);
		assert_string_equal(l.a.token, "1000001.madeup");
		assert_int_equal(l.a.proof, 0);
		login_use(&l, "a-refreshed-token", NULL, 0);
		assert_string_equal(l.a.token, "1000001.madeup");
		assert_string_equal(a.token, "1000001.madeup");
		login_drop(&l);
		it.token = NULL;
		assert_int_equal(attempt_build(&a, &it, 4321, &req, &r), RC_OK);
		assert_true(req.fresh);		/* libcurl repeats a POST on a reused connection */
		assert_int_equal(req.timeout_ms, 4321);
		assert_string_equal(req.method, "POST");
		http_req_free(&req);
	}
}

static void
test_without_network(void **state)
{
	struct account a = account(&provider_graph);
	struct outbox_item it = item("hi");
	struct http_req req = {0};
	struct send_result r;

	(void)state;
	a.use_mock = true;
	assert_int_equal(attempt_build(&a, &it, 1, &req, &r), RC_NONE);
	assert_int_equal(r.outcome, SEND_SENT);
	assert_true(str_starts(r.message_id, "mock"));
	/* Chatrace has no typing sign */
	a = account(&provider_chatrace);
	it.msg.body = NULL;
	it.msg.action = "typing_on";
	assert_false(attempt_possible(&a, &it.msg));
	assert_int_equal(attempt_build(&a, &it, 1, &req, &r), RC_NONE);
	assert_int_equal(r.outcome, SEND_REFUSED);
	assert_string_equal(r.code, "unsupported");
	http_req_free(&req);
}

static void
test_no_answer(void **state)
{
	static const struct provider *const all[] = { &provider_chatrace, &provider_graph, &provider_greenapi };
	struct send_result r;

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		assert_int_equal(read_as(all[i], 0, "", HTTP_FAIL_CONNECT, false, &r), SEND_RETRY);
		assert_string_equal(r.code, "connect");
		assert_int_equal(read_as(all[i], 0, "", HTTP_FAIL_DNS, false, &r), SEND_RETRY);
		assert_int_equal(read_as(all[i], 0, "", HTTP_FAIL_TLS, false, &r), SEND_RETRY);
		assert_int_equal(read_as(all[i], 0, "", HTTP_FAIL_TIMEOUT, true, &r), SEND_UNKNOWN);
		assert_int_equal(read_as(all[i], 0, "", HTTP_FAIL_CUT, true, &r), SEND_UNKNOWN);
		/* a status came, the body did not: the request was taken */
		assert_int_equal(read_as(all[i], 200, "{\"mess", HTTP_FAIL_CUT, true, &r), SEND_UNKNOWN);
		assert_int_equal(read_as(all[i], 0, "", HTTP_FAIL_URL, false, &r), SEND_PAUSE);
	}
}

/* ARCHITECTURE.md 4: 429, 500, 503 come again; 502, 504 nobody knows. */
static void
test_statuses(void **state)
{
	static const struct provider *const all[] = { &provider_chatrace, &provider_graph, &provider_greenapi };
	struct send_result r;

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		enum send_outcome o = read_as(all[i], 429, "{}", HTTP_FAIL_NONE, true, &r);

		assert_true(o == SEND_RETRY || o == SEND_PAUSE);
		assert_int_equal(read_as(all[i], 503, "", HTTP_FAIL_NONE, true, &r), SEND_RETRY);
		assert_int_equal(read_as(all[i], 500, "", HTTP_FAIL_NONE, true, &r), SEND_RETRY);
		assert_int_equal(read_as(all[i], 502, "<html>", HTTP_FAIL_NONE, true, &r), SEND_UNKNOWN);
		assert_int_equal(read_as(all[i], 504, "<html>", HTTP_FAIL_NONE, true, &r), SEND_UNKNOWN);
	}
	/* faults that come with 200 */
	assert_int_equal(read_as(&provider_chatrace, 200, "{\"error\":{\"code\":400,\"message\":\"no\"}}",
	    HTTP_FAIL_NONE, true, &r), SEND_REFUSED);
	assert_int_equal(read_as(&provider_chatrace, 200, "{\"success\":true}", HTTP_FAIL_NONE, true, &r),
	    SEND_ACCEPTED);
}

/* Taken, but as which message?  Where each has an id the echo tells; Chatrace has none. */
static void
test_no_id(void **state)
{
	static const char *const bodies[] = { "{}", "", "[]", "<html>", "{\"recipient_id\":\"1\"}",
	    "{\"message_id\":\"\"}", "{\"message_id\":null}", "{\"idMessage\":null}",
	    "{\"contacts\":[{\"wa_id\":\"1\"}],\"messages\":[]}", "{\"messages\":[{}]}" };
	struct outbox_item it = item("x");
	struct send_result r;
	struct http_res res;

	(void)state;
	for (size_t i = 0; providers[i] != NULL; i++)
		for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++)
			if (read_as(providers[i], 200, bodies[k], HTTP_FAIL_NONE, true, &r) != SEND_UNKNOWN)
				fail_msg("%s: %s: %d %s", providers[i]->name, bodies[k], (int)r.outcome, r.code);
			else if (r.code[0] == '\0')
				fail_msg("%s: %s: no code", providers[i]->name, bodies[k]);
	/* a typing sign has no id */
	http_res_init(&res);
	res.status = 200;
	res.body = "{\"recipient_id\":\"1\"}";
	res.body_n = strlen(res.body);
	it.msg.action = "typing_on";
	for (size_t i = 0; providers[i] != NULL; i++) {
		struct account a = account(providers[i]);

		if (!providers[i]->has_echo)
			continue;
		attempt_read(&a, &it, &res, &r);
		assert_int_equal(r.outcome, SEND_ACCEPTED);
	}
	http_res_free(&res);
}

static void
is_recipient(const struct provider *p, const char *in, const char *want)
{
	struct account a = account(p);
	struct mem_arena arena = {0};
	const char *got = attempt_recipient(&a, in, &arena);

	if (!str_eq(got, want))
		fail_msg("%s: got %s, want %s", in, got ? got : "null", want ? want : "null");
	mem_arena_free(&arena);
}

static void
test_recipient(void **state)
{
	(void)state;
	is_recipient(&provider_graph, "6500000000000001", "6500000000000001");
	is_recipient(&provider_chatrace, "user-1", "user-1");
	is_recipient(&provider_greenapi, "70000000001", "70000000001@c.us");
	is_recipient(&provider_greenapi, "+7 (000) 000-00-01", "70000000001@c.us");
	is_recipient(&provider_greenapi, "70000000001@c.us", "70000000001@c.us");
	is_recipient(&provider_greenapi, "120363000000000001", "120363000000000001@g.us");
	is_recipient(&provider_greenapi, "12", NULL);
	is_recipient(&provider_greenapi, "somebody", NULL);
	is_recipient(&provider_greenapi, "a b@c.us", NULL);
	is_recipient(&provider_graph, "", NULL);
}

static void
splits(const char *text, size_t max, bool bytes, const char *want)
{
	struct strv v = {0};
	char got[512] = "";

	endpoint_send_split(text, max, bytes, &v);
	for (size_t i = 0; i < v.n; i++) {
		size_t n = strlen(got);

		snprintf(got + n, sizeof got - n, "%s%s", i > 0 ? "|" : "", v.v[i]);
		assert_true((bytes ? strlen(v.v[i]) : str_utf8_len(v.v[i], strlen(v.v[i]))) <= max);
		assert_true(str_utf8_ok(v.v[i], strlen(v.v[i])));
	}
	assert_string_equal(got, want);
	strv_free(&v);
}

static void
test_split(void **state)
{
	(void)state;
	splits("short", 10, true, "short");
	splits("exactly 10", 10, true, "exactly 10");
	splits("one two three", 10, true, "one two|three");
	splits("one two three", 7, true, "one two|three");
	splits("abcdefghijklm", 5, true, "abcde|fghij|klm");
	/* a space too far back is no reason for a short part */
	splits("a bcdefghijklm", 10, true, "a bcdefghi|jklm");
	splits("one two\nx three", 10, true, "one two|x three");
	splits("щщщщщ", 5, true, "щщ|щщ|щ");		/* no letter cut */
	splits("щщщщщ", 5, false, "щщщщщ");
	splits("ab   cd", 4, true, "ab|cd");
	splits("\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 6, true, "\xf0\x9f\x98\x80|\xf0\x9f\x98\x80");
	splits("", 5, true, "");
	splits("      ", 2, true, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build), cmocka_unit_test(test_without_network),
		cmocka_unit_test(test_no_answer), cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_no_id),
		cmocka_unit_test(test_recipient), cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

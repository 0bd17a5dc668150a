/*
 * Green API as a translator: credentials, the queue's strict loop, sends, errors
 * (providers.md part C).  What notifications become is in tests/data/greenapi.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "extern/json.h"
#include "base/log.h"
#include "provider/greenapi/greenapi.h"

#define TOKEN "d75b3a66374942c5b3c019c698abc2067e151558acbd451234"
static char api[] = "https://green.example.com", own[] = "1101000001", tok[] = TOKEN,
    hook[] = "hook-Secret-1", name[] = "main";
static struct greenapi_own acc_own = { .webhook_token = hook };
static struct account acc = { .name = name, .channel = CHANNEL_WHATSAPP,
    .provider = &provider_greenapi, .api_url = api, .own_id = own, .token = tok,
    .own = &acc_own, .poll_s = 10 };
#define P (&provider_greenapi)

/* --- verify ------------------------------------------------------------------ */

static const char *
verify(const struct account *a, const char *value)
{
	struct http_req r;
	const char *why = "ok";
	enum rc rc;

	http_req_init(&r, "POST", "/whatsapp/webhook");
	if (value)
		assert_int_equal(http_req_header(&r, "authorization", value), RC_OK);
	rc = P->verify(a, &r, &why);
	assert_int_equal(rc, strcmp(why, "ok") ? RC_DENIED : RC_OK);
	http_req_free(&r);
	return why;
}

static void
test_verify(void **st)
{
	struct account none = acc;
	char bearer[] = "Bearer hook-Secret-1";
	struct greenapi_own with = { .webhook_token = bearer };

	(void)st;
	none.own = NULL;
	assert_string_equal(verify(&none, "x"), "no_secret_configured");
	assert_string_equal(verify(&acc, NULL), "no_secret");
	assert_string_equal(verify(&acc, ""), "no_secret");
	assert_string_equal(verify(&acc, "hook-Secret-1"), "ok");
	assert_string_equal(verify(&acc, "Bearer hook-Secret-1"), "ok");
	assert_string_equal(verify(&acc, "bearer  hook-Secret-1 "), "ok");
	assert_string_equal(verify(&acc, "Basic hook-Secret-1"), "ok");
	assert_string_equal(verify(&acc, "hook-Secret-"), "wrong_secret");
	assert_string_equal(verify(&acc, "hook-Secret-12"), "wrong_secret");
	assert_string_equal(verify(&acc, "Bearer "), "wrong_secret");
	assert_string_equal(verify(&acc, "Token hook-Secret-1"), "wrong_secret");
	none.own = &with;	/* a configured token with its scheme */
	assert_string_equal(verify(&none, "Bearer hook-Secret-1"), "ok");
	assert_string_equal(verify(&none, "hook-Secret-1"), "wrong_secret");
}

static void
test_parse_refuses(void **st)
{
	static const char *const bad[] = { "", "null", "{}", "[]", "7", "{\"a\":1}", "[1,2]",
	    "{\"typeWebhook\":\"incomingMessageReceived\"", "<html>", "{\"typeWebhook\":null}" };

	(void)st;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct itemv v;

		itemv_init(&v);
		if (P->parse(&acc, "application/json", bad[i], strlen(bad[i]), &v) != RC_INVALID)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(v.n, 0);
		itemv_free(&v);
	}
}

/* --- polling ------------------------------------------------------------------ */

struct check {
	struct poll_state st;
	struct itemv items;
	char last[512];		/* "GET url" of the request built last */
};

static void
check_init(struct check *c)
{
	memset(c, 0, sizeof *c);
	c->st.memory = "{\"journals\":0}";	/* compared just now */
	c->st.deadline_ms = clock_mono_ms() + 25000;
	itemv_init(&c->items);
}

static void
check_free(struct check *c)
{
	for (size_t i = 0; i < c->st.n_attempts; i++)	/* the token is in no attempt, ever */
		assert_null(strstr(c->st.attempts[i].url, TOKEN));
	itemv_free(&c->items);
	mem_arena_free(&c->st.arena);
}

static bool
build(struct check *c)
{
	struct http_req r;
	enum rc rc = P->poll_build(&acc, &c->st, &r);

	if (rc == RC_OK) {
		snprintf(c->last, sizeof c->last, "%s %s", r.method, r.url);
		assert_true(r.timeout_ms == 0 || r.timeout_ms > 5000);
		http_req_free(&r);
	} else {
		assert_int_equal(rc, RC_NONE);
	}
	return rc == RC_OK;
}

static void
answer_full(struct check *c, int status, enum http_fail fail, const char *body, const char *after)
{
	struct http_res res;

	http_res_init(&res);
	res.status = status;
	res.fail = fail;
	res.body = body;
	res.body_n = strlen(body);
	if (after)
		http_res_header(&res, "Retry-After", 11, after, strlen(after));
	itemv_free(&c->items);
	itemv_init(&c->items);
	c->st.stored = false;
	assert_int_equal(P->poll_read(&acc, &res, &c->st, &c->items), RC_OK);
	res.body = "";
	http_res_free(&res);
}

static void
answer(struct check *c, int status, const char *body)
{
	answer_full(c, status, HTTP_FAIL_NONE, body, NULL);
}

#define URL "https://green.example.com/waInstance1101000001/"
#define NOTE "{\"typeWebhook\":\"incomingMessageReceived\",\"instanceData\":{\"idInstance\":1101000001," \
	"\"wid\":\"70000000000@c.us\"},\"timestamp\":1752345678,\"idMessage\":\"M1\"," \
	"\"senderData\":{\"chatId\":\"70000000001@c.us\",\"sender\":\"70000000001@c.us\"}," \
	"\"messageData\":{\"typeMessage\":\"textMessage\",\"textMessageData\":{\"textMessage\":\"Hi\"}}}"

static void
test_poll_loop(void **st)
{
	struct check c;

	(void)st;
	check_init(&c);
	assert_true(build(&c));
	assert_string_equal(c.last, "GET " URL "receiveNotification/" TOKEN "?receiveTimeout=5");
	answer(&c, 200, "{\"receiptId\":1234567,\"body\":" NOTE "}");
	assert_int_equal(c.items.n, 1);
	assert_string_equal(c.items.v[0].external_id, "M1");
	c.st.stored = true;
	assert_true(build(&c));
	assert_string_equal(c.last, "DELETE " URL "deleteNotification/" TOKEN "/1234567");
	answer(&c, 200, "{\"result\":true,\"reason\":\"\"}");
	assert_int_equal(c.items.n, 0);
	assert_true(build(&c));
	answer(&c, 200, "null");
	assert_false(build(&c));
	assert_int_equal(c.st.outcome, POLL_MESSAGES);
	assert_null(c.st.hint);
	check_free(&c);
}

/* Not stored: not deleted, and no further request. */
static void
test_poll_not_stored(void **st)
{
	struct check c;

	(void)st;
	check_init(&c);
	assert_true(build(&c));
	answer(&c, 200, "{\"receiptId\":1,\"body\":" NOTE "}");
	assert_false(build(&c));
	assert_int_equal(c.st.outcome, POLL_FAILED);
	assert_string_equal(c.st.hint, "not_stored");
	check_free(&c);
}

static void
test_poll_long(void **st)
{
	struct check c;

	(void)st;
	check_init(&c);
	c.st.long_poll_s = 50;
	c.st.deadline_ms = clock_mono_ms() + 58000;
	assert_true(build(&c));
	assert_string_equal(c.last, "GET " URL "receiveNotification/" TOKEN "?receiveTimeout=50");
	check_free(&c);
	check_init(&c);
	c.st.long_poll_s = 600;
	c.st.deadline_ms = clock_mono_ms() + 600000;
	assert_true(build(&c));
	assert_string_equal(c.last, "GET " URL "receiveNotification/" TOKEN "?receiveTimeout=60");
	check_free(&c);
}

/* A wait that cannot end before the deadline is not begun; it is no failure. */
static void
test_poll_deadline(void **st)
{
	struct check c;

	(void)st;
	check_init(&c);
	assert_true(build(&c));
	answer(&c, 200, "{\"receiptId\":1,\"body\":" NOTE "}");
	c.st.stored = true;
	assert_true(build(&c));
	answer(&c, 200, "{\"result\":true}");
	c.st.deadline_ms = clock_mono_ms() + 3000;
	assert_false(build(&c));
	assert_int_equal(c.st.outcome, POLL_MESSAGES);
	check_free(&c);
}

static void
test_poll_empty(void **st)
{
	static const char *const empty[] = { "null", "", " \n", "{}", "{\"body\":null}", "[]" };

	(void)st;
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		struct check c;

		check_init(&c);
		assert_true(build(&c));
		answer(&c, 200, empty[i]);
		assert_false(build(&c));
		if (c.st.outcome != POLL_EMPTY)
			fail_msg("not empty: \"%s\"", empty[i]);
		check_free(&c);
	}
}

/* Unknown, broken and bodyless notifications: one raw event each, then deleted. */
static void
test_poll_bad_items(void **st)
{
	static const char *const bad[] = {
		"{\"receiptId\":5,\"body\":{\"typeWebhook\":\"newThing\",\"x\":1}}",
		"{\"receiptId\":5,\"body\":{}}",
		"{\"receiptId\":5,\"body\":null}",
		"{\"receiptId\":5}",
		"{\"receiptId\":\"5\",\"body\":\"text\"}",
		"{\"receiptId\":5,\"body\":[1]}",
		"{\"receiptId\": 5, \"body\":{\"typeWebhook\":\"incomingMess",
		"{\"receiptId\":5,\"body\":{\"typeWebhook\":\"a\",\"t\":\"\xff\xfe\"}}",
		"{\"receiptId\":5,\"body\":{\"typeWebhook\":\"incomingMessageReceived\"}}",
	};

	(void)st;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct check c;
		struct json *j;

		check_init(&c);
		assert_true(build(&c));
		answer(&c, 200, bad[i]);
		if (c.items.n != 1)
			fail_msg("%zu items: %s", c.items.n, bad[i]);
		assert_int_equal(c.items.v[0].type, ITEM_EVENT);
		assert_string_equal(c.items.v[0].kind, "unknown");
		assert_int_equal(json_parse(c.items.v[0].raw, strlen(c.items.v[0].raw), &j, NULL), RC_OK);
		json_free(j);
		c.st.stored = true;
		assert_true(build(&c));
		assert_string_equal(c.last, "DELETE " URL "deleteNotification/" TOKEN "/5");
		check_free(&c);
	}
}

static void
test_poll_delete_gone(void **st)
{
	static const struct { int status; const char *body; } gone[] = {
		{ 200, "{\"result\":false,\"reason\":\"gone\"}" },
		{ 200, "" },
		{ 500, "{\"message\":\"Cannot read findUnAckedMessage of null\"}" },
	};

	(void)st;
	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
		struct check c;

		check_init(&c);
		assert_true(build(&c));
		answer(&c, 200, "{\"receiptId\":1,\"body\":" NOTE "}");
		c.st.stored = true;
		assert_true(build(&c));
		answer(&c, gone[i].status, gone[i].body);
		assert_true(build(&c));
		assert_non_null(strstr(c.last, "GET "));
		answer(&c, 200, "null");
		assert_false(build(&c));
		assert_int_equal(c.st.outcome, POLL_MESSAGES);
		check_free(&c);
	}
}

/* A failing delete is tried once more, then the check ends as failed. */
static void
test_poll_delete_fails(void **st)
{
	struct check c;

	(void)st;
	check_init(&c);
	assert_true(build(&c));
	answer(&c, 200, "{\"receiptId\":1,\"body\":" NOTE "}");
	c.st.stored = true;
	assert_true(build(&c));
	answer(&c, 500, "oops");
	c.st.stored = true;
	assert_true(build(&c));
	assert_non_null(strstr(c.last, "DELETE "));
	answer_full(&c, 0, HTTP_FAIL_CUT, "", NULL);
	assert_false(build(&c));
	assert_int_equal(c.st.outcome, POLL_FAILED);
	assert_string_equal(c.st.hint, "unreachable");
	check_free(&c);
}

/* Deleted again and again and still there: the check ends, no endless loop. */
static void
test_poll_stuck(void **st)
{
	struct check c;
	int n = 0;

	(void)st;
	check_init(&c);
	while (build(&c) && n++ < 50) {
		if (strstr(c.last, "DELETE "))
			answer(&c, 200, "{\"result\":true}");
		else
			answer(&c, 200, "{\"receiptId\":9,\"body\":" NOTE "}");
		c.st.stored = true;
	}
	assert_true(n < 10);
	assert_int_equal(c.st.outcome, POLL_FAILED);
	assert_string_equal(c.st.hint, "stuck_queue");
	check_free(&c);
}

static void
test_poll_errors(void **st)
{
	static const struct {
		int status;
		enum http_fail fail;
		const char *body, *after, *hint;
		int64_t pause_s;
	} v[] = {
		{ 401, 0, "Unauthorized", NULL, "wrong_token", 0 },
		{ 403, 0, "", NULL, "wrong_url", 0 },
		{ 404, 0, "<html>", NULL, "wrong_url", 0 },
		{ 429, 0, "{}", NULL, "rate_limited", 10 },
		{ 429, 0, "{}", "77", "rate_limited", 77 },
		{ 466, 0, "{}", NULL, "quota_exceeded", 600 },
		{ 400, 0, "{\"message\":\"instance in starting process try later\"}", NULL, "starting", 0 },
		{ 400, 0, "{\"message\":\"instance account not authorized\"}", NULL, "not_authorized", 0 },
		{ 500, 0, "x", NULL, "provider_error", 0 },
		{ 502, 0, "x", NULL, "provider_error", 0 },
		{ 301, 0, "", NULL, "green_refuses", 0 },
		{ 200, 0, "<html>", NULL, "wrong_url", 0 },
		{ 200, 0, "{\"status\":false,\"reason\":\"instance account not authorized\"}", NULL,
		    "not_authorized", 0 },
		{ 0, HTTP_FAIL_CONNECT, "", NULL, "unreachable", 0 },
		{ 0, HTTP_FAIL_TIMEOUT, "", NULL, "unreachable", 0 },
	};

	(void)st;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct check c;

		check_init(&c);
		assert_true(build(&c));
		answer_full(&c, v[i].status, v[i].fail, v[i].body, v[i].after);
		assert_false(build(&c));
		assert_int_equal(c.items.n, 0);
		assert_int_equal(c.st.outcome, POLL_FAILED);	/* never "empty" for a failure */
		assert_string_equal(c.st.hint, v[i].hint);
		assert_int_equal(c.st.pause_s, v[i].pause_s);
		assert_int_equal(c.st.n_attempts, 1);
		assert_int_equal(c.st.attempts[0].status, v[i].status);
		check_free(&c);
	}
}

/* The run's end cuts an idle long poll: no failure.  A server that never answers is one. */
static void
test_poll_cut(void **st)
{
	static const struct { int64_t ms; bool sent; enum poll_outcome want; } v[] = {
		{ 2000, true, POLL_EMPTY }, { 10000, true, POLL_FAILED }, { 5000, false, POLL_FAILED } };

	(void)st;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct check c;
		struct http_res res;

		check_init(&c);
		assert_true(build(&c));
		http_res_init(&res);
		res.fail = HTTP_FAIL_TIMEOUT;
		res.sent = v[i].sent;
		res.ms = v[i].ms;
		assert_int_equal(P->poll_read(&acc, &res, &c.st, &c.items), RC_OK);
		http_res_free(&res);
		assert_false(build(&c));
		assert_int_equal(c.st.outcome, v[i].want);
		check_free(&c);
	}
}

static void
test_poll_unconfigured(void **st)
{
	struct account none = acc;
	struct poll_state ps = { .memory = "{}" };
	struct http_req r;

	(void)st;
	none.token = NULL;
	assert_int_equal(P->poll_build(&none, &ps, &r), RC_NONE);
	assert_int_equal(ps.outcome, POLL_FAILED);
	assert_string_equal(ps.hint, "not_configured");
	mem_arena_free(&ps.arena);
}

/* --- sending -------------------------------------------------------------------- */

static void
assert_send(const struct outmsg *m, const char *method, const char *body)
{
	struct http_req r;
	char url[300];

	assert_int_equal(P->send_build(&acc, m, &r), RC_OK);
	snprintf(url, sizeof url, URL "%s/" TOKEN, method);
	assert_string_equal(r.url, url);
	assert_string_equal(r.method, "POST");
	assert_string_equal(r.body, body);
	assert_true(r.fresh);
	http_req_free(&r);
}

static void
test_send_build(void **st)
{
	struct att a = { .type = "file", .url = "https://cdn.example.com/d/a.pdf?x=1/2", .bytes = -1 };
	struct att bare = { .type = "image", .url = "https://cdn.example.com/photo", .bytes = -1 };
	struct att root = { .type = "video", .url = "https://cdn.example.com/", .bytes = -1 };
	struct outmsg m = { .recipient = "70000000001", .thread_id = "", .body = "Привет \"x\"" };

	(void)st;
	assert_send(&m, "sendMessage",
	    "{\"chatId\":\"70000000001@c.us\",\"message\":\"Привет \\\"x\\\"\"}");
	m.recipient = "+7 (000) 000-00-01";
	m.body = "a";
	m.reply_to = "3EB0";
	assert_send(&m, "sendMessage",
	    "{\"chatId\":\"70000000001@c.us\",\"message\":\"a\",\"quotedMessageId\":\"3EB0\"}");
	m.recipient = "120363000000000001@g.us";
	m.reply_to = NULL;
	assert_send(&m, "sendMessage", "{\"chatId\":\"120363000000000001@g.us\",\"message\":\"a\"}");
	m.recipient = "120363000000000001";
	assert_send(&m, "sendMessage", "{\"chatId\":\"120363000000000001@g.us\",\"message\":\"a\"}");
	m.atts = &a;
	m.n_atts = 1;
	m.recipient = "70000000001@c.us";
	assert_send(&m, "sendFileByUrl", "{\"chatId\":\"70000000001@c.us\",\"urlFile\":"
	    "\"https://cdn.example.com/d/a.pdf?x=1/2\",\"fileName\":\"a.pdf\",\"caption\":\"a\"}");
	m.body = NULL;
	m.atts = &bare;
	assert_send(&m, "sendFileByUrl", "{\"chatId\":\"70000000001@c.us\",\"urlFile\":"
	    "\"https://cdn.example.com/photo\",\"fileName\":\"photo.jpg\"}");
	m.atts = &root;
	assert_send(&m, "sendFileByUrl", "{\"chatId\":\"70000000001@c.us\",\"urlFile\":"
	    "\"https://cdn.example.com/\",\"fileName\":\"file.mp4\"}");
	root.name = "мой.mp4";
	assert_send(&m, "sendFileByUrl", "{\"chatId\":\"70000000001@c.us\",\"urlFile\":"
	    "\"https://cdn.example.com/\",\"fileName\":\"мой.mp4\"}");
}

/* One chat, however it is spelled: what comes in by it and what goes out to it. */
static void
test_spellings(void **st)
{
	static const char *const one[] = { "70000000001@c.us", " 70000000001@c.us\t",
	    "+70000000001@c.us", "70000000001@C.US", "70000000001@s.whatsapp.net",
	    "70000000001:3@s.whatsapp.net", "70000000001:12@c.us", "70000000001.0:3@c.us",
	    "70000000001@S.WhatsApp.net" };
	struct mem_arena arena = {0};

	(void)st;
	for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
		struct outmsg m = { .recipient = one[i], .thread_id = "", .body = "a" };

		assert_string_equal(green_jid(&arena, one[i]), one[0]);
		assert_send(&m, "sendMessage", "{\"chatId\":\"70000000001@c.us\",\"message\":\"a\"}");
	}
	assert_null(green_jid(&arena, NULL));
	assert_null(green_jid(&arena, " "));
	assert_string_equal(green_jid(&arena, "-100200"), "-100200");
	mem_arena_free(&arena);
}

static void
test_send_refuses(void **st)
{
	static char long_text[2 * 20001 + 1];
	struct att two[2] = { { .type = "image", .url = "https://a.example.com/1.jpg" },
	    { .type = "image", .url = "https://a.example.com/2.jpg" } };
	struct att none = { .type = "image" };
	struct http_req r;
	const struct outmsg bad[] = {
		{ .recipient = "70000000001", .thread_id = "" },
		{ .recipient = "70000000001", .thread_id = "", .body = "" },
		{ .recipient = "ana", .thread_id = "", .body = "a" },
		{ .recipient = "", .thread_id = "", .body = "a" },
		{ .recipient = "7@c.us\n8", .thread_id = "", .body = "a" },
		{ .recipient = "70000000001", .thread_id = "", .body = long_text },
		{ .recipient = "70000000001", .thread_id = "", .atts = two, .n_atts = 2 },
		{ .recipient = "70000000001", .thread_id = "", .atts = &none, .n_atts = 1 },
		{ .recipient = "70000000001", .thread_id = "", .action = "typing_off" },
		{ .recipient = "70000000001", .thread_id = "", .action = "react", .reply_to = "M1" },
	};
	struct outmsg longest = { .recipient = "70000000001", .thread_id = "", .body = long_text };

	(void)st;
	for (size_t i = 0; i < 20001; i++)
		memcpy(long_text + 2 * i, "я", 2);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (P->send_build(&acc, &bad[i], &r) != RC_INVALID)
			fail_msg("built bad send %zu", i);
	long_text[2 * 20000] = '\0';	/* characters count, not bytes */
	assert_int_equal(P->send_build(&acc, &longest, &r), RC_OK);
	http_req_free(&r);
}

static void
read_send(int status, enum http_fail fail, bool sent, const char *body, const char *after,
    struct send_result *out)
{
	struct outmsg m = { .recipient = "7", .thread_id = "", .body = "a" };
	struct http_res res;

	http_res_init(&res);
	res.status = status;
	res.fail = fail;
	res.sent = sent;
	res.body = body;
	res.body_n = strlen(body);
	if (after)
		http_res_header(&res, "Retry-After", 11, after, strlen(after));
	assert_int_equal(P->send_read(&acc, &m, &res, out), RC_OK);
	res.body = "";
	http_res_free(&res);
}

#define QUOTA "{\"invokeStatus\":null,\"correspondentsStatus\":{\"method\":\"sendMessage\",\"used\":3," \
	"\"total\":3,\"status\":\"CORRESPONDENTS_QUOTE_EXCEEDED\",\"description\":\"70000000009@c.us\"}}"

static void
test_send_read(void **st)
{
	static const struct {
		int status;
		enum http_fail fail;
		bool sent;
		const char *body;
		enum send_outcome outcome;
		const char *code;
		int64_t pause_s;
	} v[] = {
		{ 200, 0, true, "{\"idMessage\":\"3EB0C7\"}", SEND_SENT, "", 0 },
		{ 200, 0, true, "{}", SEND_UNKNOWN, "no_id", 0 },
		{ 200, 0, true, "{\"idMessage\":", SEND_UNKNOWN, "no_id", 0 },
		{ 200, 0, true, "{\"idMessage\":\"\"}", SEND_UNKNOWN, "no_id", 0 },
		{ 200, 0, true, "{\"status\":false,\"reason\":\"no\"}", SEND_PAUSE, "green_refuses", 60 },
		{ 400, 0, true, "{\"message\":\"Validation failed. Details: 'chatId' has wrong format\"}", SEND_REFUSED,
		    "bad_chat", 0 },
		{ 400, 0, true, "{\"message\":\"instance is suspended\"}", SEND_PAUSE, "suspended", 300 },
		{ 418, 0, true, "{\"message\":\"words of tomorrow\"}", SEND_PAUSE, "green_refuses", 60 },
		{ 400, 0, true, "{\"message\":\"bad request data\"}", SEND_REFUSED, "bad_request", 0 },
		{ 400, 0, true, "{\"message\":\"instance in starting process try later\"}", SEND_RETRY, "starting", 0 },
		{ 400, 0, true, "{\"message\":\"instance account not authorized\"}", SEND_PAUSE, "not_authorized", 300 },
		{ 400, 0, true, "'message' length must be less than or equal to 20000 characters", SEND_REFUSED, "too_long", 0 },
		{ 401, 0, true, "", SEND_PAUSE, "wrong_token", 300 },
		{ 403, 0, true, "", SEND_PAUSE, "wrong_url", 300 },
		{ 404, 0, true, "", SEND_PAUSE, "wrong_url", 300 },
		{ 429, 0, true, "", SEND_PAUSE, "rate_limited", 10 },
		{ 466, 0, true, QUOTA, SEND_PAUSE, "quota_exceeded", 600 },
		{ 500, 0, true, "", SEND_RETRY, "provider_error", 0 },
		{ 503, 0, true, "", SEND_RETRY, "provider_error", 0 },
		{ 502, 0, true, "", SEND_UNKNOWN, "provider_error", 0 },
		{ 504, 0, true, "", SEND_UNKNOWN, "provider_error", 0 },
		{ 0, HTTP_FAIL_CONNECT, false, "", SEND_RETRY, "connect", 0 },
		{ 0, HTTP_FAIL_TIMEOUT, true, "", SEND_UNKNOWN, "timeout", 0 },
		{ 0, HTTP_FAIL_CUT, true, "", SEND_UNKNOWN, "cut", 0 },
	};
	struct send_result r;

	(void)st;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		read_send(v[i].status, v[i].fail, v[i].sent, v[i].body, NULL, &r);
		if (r.outcome != v[i].outcome || r.pause_s != v[i].pause_s)
			fail_msg("case %zu: outcome %d pause %d", i, (int)r.outcome, (int)r.pause_s);
		if (v[i].fail == HTTP_FAIL_NONE)
			assert_string_equal(r.code, v[i].code);
		else
			assert_string_equal(r.code, http_fail_names[v[i].fail]);
		assert_string_equal(r.message_id, v[i].outcome == SEND_SENT ? "3EB0C7" : "");
		assert_null(strstr(r.text, "70000000009"));	/* C.5: other people's chats */
	}
	read_send(429, 0, true, "", "120", &r);
	assert_int_equal(r.pause_s, 120);
	/* the error page repeats the path with the token */
	read_send(400, 0, true, "{\"path\":\"/waInstance1/sendMessage/" TOKEN "\",\"message\":"
	    "\"at /waInstance1/sendMessage/" TOKEN "\"}", NULL, &r);
	assert_null(strstr(r.text, TOKEN));
}

/* --- look-up -------------------------------------------------------------------- */

static enum rc
lookup(const struct outmsg *m, int64_t since_us, int status, const char *body, char id[520])
{
	struct http_res res;
	struct strv ids = { 0 };
	enum rc rc;

	http_res_init(&res);
	res.status = status;
	res.body = body;
	res.body_n = strlen(body);
	rc = P->lookup_read(&acc, m, since_us, &res, &ids);
	if (ids.n > 0)
		snprintf(id, 520, "%s", ids.v[0]);
	strv_free(&ids);
	res.body = "";
	http_res_free(&res);
	return rc;
}

static void
test_lookup(void **st)
{
	static const char history[] = "["
	    "{\"type\":\"incoming\",\"idMessage\":\"I1\",\"timestamp\":1752345699,\"textMessage\":\"a\"},"
	    "{\"type\":\"outgoing\",\"idMessage\":\"O3\",\"timestamp\":1752345698,\"textMessage\":\"a\"},"
	    "{\"type\":\"outgoing\",\"idMessage\":\"O2\",\"timestamp\":1752345690,"
	    "\"extendedTextMessage\":{\"text\":\"a\"}},"
	    "{\"type\":\"outgoing\",\"idMessage\":\"O1\",\"timestamp\":1752345600,\"textMessage\":\"a\"},"
	    "{\"type\":\"outgoing\",\"idMessage\":\"F1\",\"timestamp\":1752345691,\"fileName\":\"a.pdf\","
	    "\"caption\":\"a\"}]";
	static const char journal[] = "["
	    "{\"type\":\"outgoing\",\"idMessage\":\"J2\",\"timestamp\":1752345699,\"chatId\":\"70000000002@c.us\","
	    "\"typeMessage\":\"textMessage\",\"textMessage\":\"a\"},"
	    "{\"type\":\"outgoing\",\"idMessage\":\"J1\",\"timestamp\":1752345698,\"chatId\":\"70000000001@c.us\","
	    "\"typeMessage\":\"textMessage\",\"textMessage\":\" a\"}]";
	struct att f = { .type = "file", .url = "https://x.example.com/a.pdf" };
	struct outmsg m = { .recipient = "70000000001", .thread_id = "", .body = "a" };
	char id[520] = "";
	struct http_req r;

	(void)st;
	assert_int_equal(P->lookup_build(&acc, &m, &r), RC_OK);
	assert_string_equal(r.body, "{\"chatId\":\"70000000001@c.us\",\"count\":50}");
	http_req_free(&r);
	assert_int_equal(lookup(&m, 1752345690500000, 200, history, id), RC_OK);
	assert_string_equal(id, "O2");	/* the oldest not before the attempt */
	m.atts = &f;
	m.n_atts = 1;
	assert_int_equal(lookup(&m, 1752345690500000, 200, history, id), RC_OK);
	assert_string_equal(id, "F1");
	m.n_atts = 0;
	m.body = "other";
	/* not in the chat's history, or no such history: the journal of all sends, once */
	assert_int_equal(lookup(&m, 0, 200, history, id), RC_DUP);
	assert_string_equal(id, "journal");
	assert_int_equal(lookup(&m, 0, 400, "{\"message\":\"no chat\"}", id), RC_DUP);
	assert_int_equal(lookup(&m, 0, 200, "{\"error\":1}", id), RC_TEMP);
	assert_int_equal(lookup(&m, 0, 500, "", id), RC_TEMP);
	m.look_in = "journal";
	assert_int_equal(P->lookup_build(&acc, &m, &r), RC_OK);
	assert_string_equal(r.method, "GET");
	assert_non_null(strstr(r.url, "/lastOutgoingMessages/" TOKEN "?minutes=1440"));
	http_req_free(&r);
	assert_int_equal(lookup(&m, 0, 200, journal, id), RC_NONE);
	m.body = "a";
	assert_int_equal(lookup(&m, 1752345690500000, 200, journal, id), RC_OK);
	assert_string_equal(id, "J1");	/* of this chat, not the other's J2 */
	m.body = "never";
	assert_int_equal(lookup(&m, clock_now_us(), 200, journal, id), RC_NONE);
	m.recipient = "120000000000000@lid";	/* ... which may be two minutes late */
	assert_int_equal(lookup(&m, clock_now_us(), 200, journal, id), RC_TEMP);
	assert_int_equal(lookup(&m, clock_now_us() - 200 * 1000000LL, 200, journal, id), RC_NONE);
}

/* --- what the chat is told beside messages; MAX and Telegram -------------------------- */

static void
test_actions(void **st)
{
	struct outmsg m = { .recipient = "70000000001", .thread_id = "", .action = "mark_seen" };
	struct send_result out;
	struct http_res res;

	(void)st;
	assert_send(&m, "readChat", "{\"chatId\":\"70000000001@c.us\"}");
	m.reply_to = "M1";
	assert_send(&m, "readChat", "{\"chatId\":\"70000000001@c.us\",\"idMessage\":\"M1\"}");
	m.action = "typing_on";
	assert_send(&m, "sendTyping", "{\"chatId\":\"70000000001@c.us\",\"typingTime\":5000}");
	http_res_init(&res);
	res.status = 200;
	assert_int_equal(P->send_read(&acc, &m, &res, &out), RC_OK);	/* an empty body */
	assert_int_equal(out.outcome, SEND_ACCEPTED);
	http_res_free(&res);
}

static void
test_other_messengers(void **st)
{
	static const struct { const char *id, *in, *chat; } v[] = {
		{ "3100000001", "10000000", "10000000" },
		{ "4100000001", "-1000000001", "-1000000001" },
		{ "4100000001", "12345", "12345" },
		{ "1101000001", "+7 000 000-00-01", "70000000001@c.us" },
		{ "1101000001", "8 (900) 000-00-01", "79000000001@c.us" },
		{ "1101000001", "+54 221 15 412-3456", "5492214123456@c.us" },
		{ "1101000001", "0070000000001", "70000000001@c.us" },
		{ "1101000001", "120363000000000001", "120363000000000001@g.us" },
		{ "1101000001", "120000000000000@lid", "120000000000000@lid" },
	};
	static char long_text[4002];
	struct mem_arena arena = { 0 };

	(void)st;
	memset(long_text, 'a', 4001);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct account a = acc;
		struct outmsg m = { .recipient = v[i].in, .thread_id = "", .body = "Hi" };
		struct http_req r = { 0 };
		char want[100];

		a.own_id = (char *)(uintptr_t)v[i].id;
		assert_string_equal(P->recipient(&a, v[i].in, &arena), v[i].chat);
		snprintf(want, sizeof want, "{\"chatId\":\"%s\",\"message\":\"Hi\"}", v[i].chat);
		assert_int_equal(P->send_build(&a, &m, &r), RC_OK);
		assert_string_equal(r.body, want);
		http_req_free(&r);
		m.body = long_text;
		assert_int_equal(P->send_build(&a, &m, &r), v[i].id[0] == '1' ? RC_OK : RC_INVALID);
		http_req_free(&r);
	}
	mem_arena_free(&arena);
}

/* --- webhook mode: the journals give what their notifications would have given -------- */

static void
dump_parsed(enum rc (*parse)(const struct account *, const char *, const char *, size_t, struct itemv *),
    const char *p, struct buf *b)
{
	struct itemv v;

	itemv_init(&v);
	buf_init(b, 1 << 16);
	assert_int_equal(parse(&acc, NULL, p, strlen(p), &v), RC_OK);
	for (size_t i = 0; i < v.n; i++)
		v.v[i].name = NULL;
	itemv_dump(&v, b);
	itemv_free(&v);
}

static void
test_journal_like_webhook(void **st)
{
	static const struct { const char *line, *note; } v[] = {
		{ "[{\"type\":\"incoming\",\"idMessage\":\"A1\",\"timestamp\":1752345678,\"typeMessage\":\"textMessage\","
		  "\"chatId\":\"70000000001@c.us\",\"senderId\":\"70000000001@c.us\",\"senderName\":\"Ana\",\"textMessage\":\"Hi\"}]",
		  "{\"typeWebhook\":\"incomingMessageReceived\",\"instanceData\":{\"idInstance\":\"1101000001\"},\"timestamp\":1752345678,"
		  "\"idMessage\":\"A1\",\"senderData\":{\"chatId\":\"70000000001@c.us\",\"sender\":\"70000000001@c.us\",\"senderName\":\"Ana\"},"
		  "\"messageData\":{\"typeMessage\":\"textMessage\",\"textMessageData\":{\"textMessage\":\"Hi\"}}}" },
		{ "[{\"type\":\"outgoing\",\"idMessage\":\"A2\",\"timestamp\":1752345678,\"typeMessage\":\"extendedTextMessage\","
		  "\"chatId\":\"70000000001@c.us\",\"extendedTextMessage\":{\"text\":\"Hi\"},\"textMessage\":\"Hi\","
		  "\"sendByApi\":true,\"statusMessage\":\"sent\"}]",
		  "{\"typeWebhook\":\"outgoingAPIMessageReceived\",\"instanceData\":{\"idInstance\":\"1101000001\"},\"timestamp\":1752345678,"
		  "\"idMessage\":\"A2\",\"senderData\":{\"chatId\":\"70000000001@c.us\"},"
		  "\"messageData\":{\"typeMessage\":\"extendedTextMessage\",\"extendedTextMessageData\":{\"text\":\"Hi\"}}}" },
		{ "[{\"type\":\"incoming\",\"idMessage\":\"A3\",\"timestamp\":1752345678,\"typeMessage\":\"imageMessage\","
		  "\"chatId\":\"70000000001@c.us\",\"senderId\":\"70000000001@c.us\",\"downloadUrl\":\"https://media.test/1.jpg\","
		  "\"caption\":\"look\",\"fileName\":\"1.jpg\",\"mimeType\":\"image/jpeg\"}]",
		  "{\"typeWebhook\":\"incomingMessageReceived\",\"instanceData\":{\"idInstance\":\"1101000001\"},\"timestamp\":1752345678,"
		  "\"idMessage\":\"A3\",\"senderData\":{\"chatId\":\"70000000001@c.us\",\"sender\":\"70000000001@c.us\"},"
		  "\"messageData\":{\"typeMessage\":\"imageMessage\",\"fileMessageData\":{\"downloadUrl\":\"https://media.test/1.jpg\","
		  "\"caption\":\"look\",\"fileName\":\"1.jpg\",\"mimeType\":\"image/jpeg\"}}}" },
	};

	(void)st;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct buf journal, note;

		dump_parsed(P->parse_polled, v[i].line, &journal);
		dump_parsed(P->parse, v[i].note, &note);
		assert_string_equal(journal.p, note.p);
		buf_free(&journal);
		buf_free(&note);
	}
}

/* What was edited or deleted while no notification came through is in the journals alone. */
static void
test_journal_changes(void **st)
{
	static const char line[] =
	    "[{\"type\":\"incoming\",\"idMessage\":\"B2\",\"timestamp\":1752345690,\"typeMessage\":\"deletedMessage\","
	    "\"chatId\":\"70000000001@c.us\",\"deletedMessageId\":\"B1\",\"editedMessageId\":\"\"},"
	    "{\"type\":\"incoming\",\"idMessage\":\"B4\",\"timestamp\":1752345691,\"typeMessage\":\"editedMessage\","
	    "\"chatId\":\"70000000001@c.us\",\"textMessage\":\"new words\",\"deletedMessageId\":\"\",\"editedMessageId\":\"B3\"},"
	    "{\"type\":\"incoming\",\"idMessage\":\"B5\",\"timestamp\":1752345692,\"typeMessage\":\"textMessage\","
	    "\"chatId\":\"70000000001@c.us\",\"textMessage\":\"x\",\"deletedMessageId\":\"\",\"editedMessageId\":\"\","
	    "\"isEdited\":true,\"isDeleted\":false},"
	    "{\"type\":\"incoming\",\"idMessage\":\"B6\",\"timestamp\":1752345693,\"typeMessage\":\"textMessage\","
	    "\"chatId\":\"70000000001@c.us\",\"textMessage\":\"secret\",\"isEdited\":false,\"isDeleted\":true}]";
	struct itemv v;

	(void)st;
	itemv_init(&v);
	assert_int_equal(P->parse_polled(&acc, NULL, line, sizeof line - 1, &v), RC_OK);
	assert_int_equal(v.n, 5);
	assert_int_equal(v.v[0].effect, EFFECT_UNSEND);
	assert_string_equal(v.v[0].target_id, "B1");
	assert_int_equal(v.v[1].effect, EFFECT_EDIT);
	assert_string_equal(v.v[1].target_id, "B3");
	assert_string_equal(v.v[1].text, "new words");
	assert_int_equal(v.v[2].type, ITEM_MESSAGE);
	assert_null(v.v[2].reply_to);
	/* a line that says of itself that it was removed */
	assert_string_equal(v.v[3].external_id, "B6");
	assert_int_equal(v.v[4].effect, EFFECT_UNSEND);
	assert_string_equal(v.v[4].target_id, "B6");
	assert_string_equal(v.v[4].thread_id, "70000000001@c.us");
	itemv_free(&v);
}

static void
test_journal_poll(void **st)
{
	static const char line[] = "[{\"type\":\"incoming\",\"idMessage\":\"A1\",\"timestamp\":1752345678,"
	    "\"typeMessage\":\"textMessage\",\"chatId\":\"70000000001@c.us\",\"textMessage\":\"Hi\"}]";
	struct account a = acc;
	struct poll_state ps = { .memory = "{}" };
	struct http_req r = { 0 };
	struct http_res res;
	struct itemv v;

	(void)st;
	a.poll_s = 0;	/* webhooks */
	itemv_init(&v);
	assert_int_equal(P->poll_build(&a, &ps, &r), RC_OK);
	assert_non_null(strstr(r.url, "/lastIncomingMessages/"));
	http_req_free(&r);
	assert_true(ps.only_missing);
	http_res_init(&res);
	res.status = 200;
	res.body = line;
	res.body_n = sizeof line - 1;
	assert_int_equal(P->poll_read(&a, &res, &ps, &v), RC_OK);
	assert_int_equal(v.n, 1);
	ps.stored = true;
	assert_int_equal(P->poll_build(&a, &ps, &r), RC_OK);
	assert_non_null(strstr(r.url, "/lastOutgoingMessages/"));
	http_req_free(&r);
	itemv_clear(&v);
	res.body = "[]";
	res.body_n = 2;
	assert_int_equal(P->poll_read(&a, &res, &ps, &v), RC_OK);
	assert_int_equal(P->poll_build(&a, &ps, &r), RC_NONE);
	assert_int_equal(ps.outcome, POLL_MESSAGES);
	res.body = "";
	res.body_n = 0;
	http_res_free(&res);
	itemv_free(&v);
	mem_arena_free(&ps.arena);
}

/* A polled account: an hour after the last comparison the empty queue is not the end. */
static void
test_journal_of_queue(void **st)
{
	static const struct {
		const char *memory;
		int64_t now_s;
		unsigned int left_ms;
		bool person, asks;
	} v[] = {
		{ "{}", 1800000000, 0, false, true },
		{ "{\"journals\":1799996400}", 1800000000, 0, false, true },
		{ "{\"journals\":1799996401}", 1800000000, 0, false, false },
		{ "{\"journals\":1800000001}", 1800000000, 0, false, true },	/* clock set back */
		{ "{\"journals\":\"x\"}", 1800000000, 0, false, true },
		{ "{}", 1800000000, 25000, false, true },
		{ "{}", 1800000000, 7000, false, false },	/* no time: the next check */
		{ "{}", 1800000000, 0, true, false },
	};

	(void)st;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct check c;

		check_init(&c);
		c.st.memory = v[i].memory;
		c.st.now_us = v[i].now_s * 1000000;
		c.st.person = v[i].person;
		c.st.long_poll_s = 20;
		c.st.deadline_ms = v[i].left_ms ? clock_mono_ms() + v[i].left_ms : 0;
		assert_true(build(&c));
		assert_non_null(strstr(c.last, "receiveNotification"));
		answer(&c, 200, "null");
		if (build(&c) != v[i].asks)
			fail_msg("case %zu: %s", i, c.last);
		if (v[i].asks)
			assert_string_equal(c.last, "GET " URL "lastIncomingMessages/" TOKEN "?minutes=1440");
		else
			assert_null(c.st.new_memory);
		check_free(&c);
	}
}

/* The young are the queue's; a failing journal is not a failing check; it is not asked again. */
static void
test_journal_of_queue_answers(void **st)
{
#define LINE(id, at) "{\"type\":\"incoming\",\"idMessage\":\"" id "\",\"timestamp\":" at ",\"typeMessage\":\"textMessage\"," \
	"\"chatId\":\"70000000001@c.us\",\"textMessage\":\"Hi\"}"
	static const struct { int status; const char *body; size_t items; bool second; } v[] = {
		{ 200, "[" LINE("NEW", "1799999990") "," LINE("OLD", "1799999000") "]", 1, true },
		{ 200, "[]", 0, true },
		{ 200, "<html>", 0, false },
		{ 429, "{}", 0, false },
		{ 466, "{}", 0, false },
		{ 403, "", 0, false },
		{ 500, "", 0, false },
	};

	(void)st;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct check c;

		check_init(&c);
		c.st.memory = "{}";
		c.st.now_us = INT64_C(1800000000) * 1000000;
		assert_true(build(&c));
		answer(&c, 200, "null");
		assert_true(build(&c));
		answer(&c, v[i].status, v[i].body);
		assert_int_equal(c.items.n, v[i].items);
		if (c.items.n > 0)
			assert_string_equal(c.items.v[0].external_id, "OLD");
		c.st.stored = true;
		if (build(&c) != v[i].second)
			fail_msg("case %zu: %s", i, c.last);
		if (v[i].second) {
			assert_non_null(strstr(c.last, "lastOutgoingMessages"));
			answer(&c, 200, "[]");
			c.st.stored = true;
			assert_false(build(&c));
		}
		assert_int_equal(c.st.outcome, v[i].items > 0 ? POLL_MESSAGES : POLL_EMPTY);
		assert_int_equal(c.st.pause_s, 0);
		assert_string_equal(c.st.new_memory, "{\"journals\":1800000000}");
		check_free(&c);
	}
#undef LINE
}

/* --- doctor ------------------------------------------------------------------------ */

static void
test_probes(void **st)
{
	static const struct {
		int step, status;
		const char *body;
		enum finding_status want;
		const char *code;
	} v[] = {
		{ 0, 200, "{\"stateInstance\":\"authorized\"}", FINDING_OK, "state" },
		{ 0, 200, "{\"stateInstance\":\"notAuthorized\"}", FINDING_FAIL, "state" },
		{ 0, 200, "{\"stateInstance\":\"yellowCard\"}", FINDING_FAIL, "limit" },
		{ 0, 200, "{\"stateInstance\":\"suspended\"}", FINDING_FAIL, "limit" },
		{ 2, 200, "{\"outgoingWebhook\":\"yes\",\"stateWebhook\":\"yes\"}", FINDING_OK, "notices" },
		{ 2, 200, "{\"outgoingWebhook\":\"no\",\"stateWebhook\":\"yes\"}", FINDING_WARN, "notices" },
		{ 2, 200, "{}", FINDING_UNKNOWN, "notices" },
		{ 2, 500, "", FINDING_UNKNOWN, "notices" },
		{ 3, 200, "{\"stateInstance\":\"suspended\",\"suspendedUntil\":1753000000}", FINDING_FAIL, "limit" },
		{ 3, 200, "{\"stateInstance\":\"authorized\"}", FINDING_OK, "limit" },
		{ 3, 404, "", FINDING_UNKNOWN, "limit" },
		{ 0, 200, "{}", FINDING_UNKNOWN, "state" },
		{ 0, 200, "<html>", FINDING_FAIL, "url" },
		{ 0, 401, "", FINDING_FAIL, "token" },
		{ 0, 404, "", FINDING_FAIL, "wrong_url" },
		{ 0, 429, "", FINDING_WARN, "rate_limited" },
		{ 1, 466, QUOTA, FINDING_FAIL, "quota_exceeded" },
		{ 1, 200, "{\"webhookUrl\":\"\",\"incomingWebhook\":\"yes\"}", FINDING_OK, "settings" },
		{ 1, 200, "{\"webhookUrl\":\"\",\"incomingWebhook\":\"no\"}", FINDING_FAIL, "incoming" },
		{ 1, 200, "{\"webhookUrl\":\"https://x\",\"incomingWebhook\":\"yes\"}", FINDING_FAIL, "webhook_url" },
		{ 1, 200, "{}", FINDING_UNKNOWN, "settings" },
	};
	struct http_req r;

	(void)st;
	assert_int_equal(P->probe_build(&acc, 0, &r), RC_OK);
	http_req_free(&r);
	assert_int_equal(P->probe_build(&acc, 4, &r), RC_NONE);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct finding f;
		struct http_res res;

		http_res_init(&res);
		res.status = v[i].status;
		res.body = v[i].body;
		res.body_n = strlen(v[i].body);
		assert_int_equal(P->probe_read(&acc, v[i].step, &res, &f), RC_OK);
		res.body = "";
		http_res_free(&res);
		if (f.status != v[i].want || strcmp(f.code, v[i].code))
			fail_msg("case %zu: %s %s", i, finding_names[f.status], f.code);
		assert_null(strstr(f.seen, "70000000009"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_poll_loop),
		cmocka_unit_test(test_poll_not_stored),
		cmocka_unit_test(test_poll_long),
		cmocka_unit_test(test_poll_deadline),
		cmocka_unit_test(test_poll_empty),
		cmocka_unit_test(test_poll_bad_items),
		cmocka_unit_test(test_poll_delete_gone),
		cmocka_unit_test(test_poll_delete_fails),
		cmocka_unit_test(test_actions), cmocka_unit_test(test_other_messengers),
		cmocka_unit_test(test_journal_like_webhook), cmocka_unit_test(test_journal_changes), cmocka_unit_test(test_journal_poll),
		cmocka_unit_test(test_journal_of_queue), cmocka_unit_test(test_journal_of_queue_answers),
		cmocka_unit_test(test_poll_stuck),
		cmocka_unit_test(test_poll_errors),
		cmocka_unit_test(test_poll_cut),
		cmocka_unit_test(test_poll_unconfigured),
		cmocka_unit_test(test_send_build),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_send_refuses),
		cmocka_unit_test(test_send_read),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_probes),
	};
	(void)conf_key(0);	/* what the log may not show is known with the keys */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

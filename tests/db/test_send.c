/*
 * POST /instagram/send as a caller sees it: every status of the contract,
 * against a real database and a provider on loopback.
 */
#include "dbtest.h"
#include "tinyhttp.h"

#include <sys/stat.h>

#include "bridge/ctx.h"
#include "endpoint/endpoint.h"
#include "endpoint/send.h"
#include "extern/json.h"
#include "base/log.h"
#include "base/str.h"

struct fix {
	struct db *db;
	struct tiny t;
	struct ctx *ctx;
	char dir[64], path[96];
	/* the last answer */
	struct http_res res;
	struct json *j;
	struct mem_arena arena;
};

static void
configure(struct fix *f, const char *more)
{
	FILE *o;

	snprintf(f->path, sizeof f->path, "%s/dmbox.env", f->dir);
	o = fopen(f->path, "w");
	assert_non_null(o);
	fprintf(o, "INSTAGRAM_ACCESS_TOKEN=IGAAmadeuptoken1\nINSTAGRAM_PAGE_ID=17840000000000001\n"
	    "INSTAGRAM_API_URL=http://127.0.0.1:%d\nDATABASE_URL=\"%s\"\nDMBOX_SPOOL_DIR=%s/spool\n%s",
	    f->t.port, getenv("DMBOX_TEST_DB"), f->dir, more);
	fclose(o);
	assert_int_equal(chmod(f->path, 0600), 0);
	ctx_free(f->ctx);
	f->ctx = ctx_new("send", CONF_WEB, CTX_DB_SEND, 1);
}

static int
setup(void **state)
{
	struct fix *f = mem_alloc(sizeof *f);

	f->db = dbt_open();
	dbt_clean(f->db);
	assert_int_equal(db_script(f->db, "truncate dmbox.outbox, dmbox.send_attempts"), RC_OK);
	assert_int_equal(tiny_start(&f->t), 0);
	snprintf(f->dir, sizeof f->dir, "/tmp/outbox-send-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	configure(f, "INSTAGRAM_USE_CHATRACE=false\n");
	http_res_init(&f->res);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *f = *state;
	char cmd[100];

	json_free(f->j);
	http_res_free(&f->res);
	mem_arena_free(&f->arena);
	ctx_free(f->ctx);
	tiny_stop(&f->t);
	db_free(f->db);
	log_close();
	snprintf(cmd, sizeof cmd, "rm -r %s", f->dir);
	assert_int_equal(system(cmd), 0);
	free(f);
	return 0;
}

/* POST body as caller; the status. */
static int
post_on(struct fix *f, enum channel ch, const char *key, const char *body)
{
	struct http_req req;
	struct endpoint_env e;

	memset(&e, 0, sizeof e);
	http_req_init(&req, "POST", "/instagram/send");
	req.body = body;
	req.body_n = strlen(body);
	if (key)
		assert_int_equal(http_req_header(&req, "Idempotency-Key", key), RC_OK);
	e.ctx = f->ctx;
	assert_int_equal(ctx_conf(f->ctx, f->path, NULL, &e.conf), RC_OK);
	e.req = &req;
	e.res = &f->res;
	e.channel = ch;
	e.tail = "";
	snprintf(e.caller.key, sizeof e.caller.key, "tester");
	snprintf(e.request_id, sizeof e.request_id, "r-1");
	json_free(f->j);
	f->j = NULL;
	http_res_free(&f->res);
	http_res_init(&f->res);
	endpoint_send(&e);
	if (json_parse(f->res.body, f->res.body_n, &f->j, NULL) != RC_OK)
		fail_msg("not JSON: %s", f->res.body);
	mem_arena_free(&e.arena);
	conf_drop(e.conf);
	http_req_free(&req);
	return f->res.status;
}

static int
post(struct fix *f, const char *body)
{
	return post_on(f, CHANNEL_INSTAGRAM, NULL, body);
}

static const char *
got(struct fix *f, const char *path)
{
	const char *s = json_text(&f->arena, json_get(f->j, path));

	return s ? s : "";
}

static int64_t
id_of(struct fix *f)
{
	int64_t id = 0;

	assert_int_equal(json_i64(json_get(f->j, "id"), &id), RC_OK);
	return id;
}

static void
refused(struct fix *f, int status, const char *code, const char *body)
{
	int s = post(f, body);

	if (s != status || !str_eq(got(f, "error.code"), code))
		fail_msg("%s: %d %s", body, s, f->res.body);
	assert_true(strlen(got(f, "error.message")) > 5);
	assert_string_equal(got(f, "requestId"), "r-1");
}

static void
test_sent(void **state)
{
	struct fix *f = *state;

	assert_int_equal(post(f, "{\"recipientId\":6500,\"message\":\"Привет\"}"), 200);
	assert_true(json_bool(json_get(f->j, "success"), false));
	assert_string_equal(got(f, "status"), "sent");
	assert_string_equal(got(f, "recipientId"), "6500");
	assert_non_null(strstr(got(f, "messageId"), "-mid-1"));
	assert_int_equal(json_type(json_member(f->j, "messageIds")), JSON_ABSENT);
	assert_true(id_of(f) > 0);
	assert_int_equal(tiny_count(&f->t, "Привет"), 1);
	dbt_is(f->db, "select status || ' ' || source || ' ' || body || ' ' || sender_id from dmbox.messages",
	    "sent send Привет 17840000000000001");
}

static void
test_invalid(void **state)
{
	struct fix *f = *state;

	refused(f, 422, "empty_body", "");
	refused(f, 422, "invalid_json", "{\"recipientId\":");
	refused(f, 422, "invalid_json", "[1]");
	refused(f, 422, "missing_recipient", "{\"message\":\"x\"}");
	refused(f, 422, "missing_recipient", "{\"recipientId\":\"\",\"message\":\"x\"}");
	refused(f, 422, "bad_recipient", "{\"recipientId\":\"6500/../me\",\"message\":\"x\"}");
	refused(f, 422, "empty_message", "{\"recipientId\":\"6500\"}");
	refused(f, 422, "empty_message", "{\"recipientId\":\"6500\",\"message\":\" \\n\"}");
	refused(f, 422, "invalid_field", "{\"recipientId\":\"6500\",\"message\":{\"text\":\"x\"}}");
	refused(f, 422, "invalid_field", "{\"recipientId\":\"6500\",\"message\":\"x\",\"humanAgent\":\"yes\"}");
	refused(f, 422, "unknown_account", "{\"recipientId\":\"6500\",\"message\":\"x\",\"account\":\"nobody\"}");
	refused(f, 422, "unsupported_action", "{\"recipientId\":\"6500\",\"action\":\"dance\"}");
	refused(f, 422, "unsupported_action", "{\"recipientId\":\"6500\",\"action\":\"typing_on\",\"message\":\"x\"}");
	refused(f, 422, "missing_target", "{\"recipientId\":\"6500\",\"action\":\"react\",\"reaction\":\"love\"}");
	refused(f, 422, "missing_reaction", "{\"recipientId\":\"6500\",\"action\":\"react\",\"replyTo\":\"m\"}");
	refused(f, 422, "bad_attachment", "{\"recipientId\":\"6500\",\"attachment\":\"x\"}");
	refused(f, 422, "bad_attachment", "{\"recipientId\":\"6500\",\"attachments\":{}}");
	refused(f, 422, "bad_attachment", "{\"recipientId\":\"6500\",\"attachment\":{\"type\":\"virus\",\"url\":\"https://a.example/x\"}}");
	refused(f, 422, "bad_attachment", "{\"recipientId\":\"6500\",\"attachment\":{\"type\":\"image\",\"url\":\"file:///etc/passwd\"}}");
	refused(f, 422, "bad_attachment", "{\"recipientId\":\"6500\",\"attachment\":{\"type\":\"image\"}}");
	refused(f, 422, "bad_idempotency_key", "{\"recipientId\":\"6500\",\"message\":\"x\",\"idempotencyKey\":\"\"}");
	assert_int_equal(post_on(f, CHANNEL_WHATSAPP, NULL, "{\"recipientId\":\"7\",\"message\":\"x\"}"), 422);
	assert_string_equal(got(f, "error.code"), "unknown_account");
	assert_int_equal(f->t.n, 0);
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.outbox"), 0);
}

static void
test_split(void **state)
{
	struct fix *f = *state;
	struct buf b, all;

	buf_init(&b, 1 << 16);
	buf_init(&all, 1 << 16);
	buf_puts(&b, "{\"recipientId\":\"6500\",\"message\":\"");
	for (int i = 0; i < 3000; i++)
		buf_puts(&b, i % 11 == 10 ? " " : "щ");
	buf_puts(&b, "\"}");
	assert_int_equal(post(f, b.p), 200);
	assert_true(json_len(json_member(f->j, "messageIds")) >= 6);
	assert_int_equal(json_len(json_member(f->j, "messageIds")), f->t.n);
	assert_string_equal(json_text(&f->arena, json_at(json_member(f->j, "messageIds"), 0)), got(f, "messageId"));
	assert_int_equal(dbt_i64(f->db, "select max(octet_length(body))::bigint from dmbox.messages") <= 1000, 1);
	for (size_t i = 0; i < f->t.n; i++) {
		struct json *j;

		assert_int_equal(json_parse(f->t.bodies[i], strlen(f->t.bodies[i]), &j, NULL), RC_OK);
		if (i > 0)
			buf_putc(&all, ' ');
		buf_puts(&all, json_text(&f->arena, json_get(j, "message.text")));
		json_free(j);
	}
	/* no letter lost or cut; only the space at a cut is gone */
	assert_memory_equal(all.p, b.p + strlen("{\"recipientId\":\"6500\",\"message\":\""), all.n);
	assert_true(all.n + 1 >= b.n - strlen("{\"recipientId\":\"6500\",\"message\":\"\"}"));
	buf_free(&all);
	buf_reset(&b);
	buf_puts(&b, "{\"recipientId\":\"6500\",\"message\":\"");
	for (int i = 0; i < 21000; i++)
		buf_putc(&b, 'x');
	buf_puts(&b, "\"}");
	refused(f, 422, "too_long", b.p);
	assert_string_equal(got(f, "error.limit"), "20000");
	buf_free(&b);
}

static void
test_text_and_attachments(void **state)
{
	struct fix *f = *state;

	assert_int_equal(post(f, "{\"recipientId\":\"6500\",\"message\":\"look\",\"replyTo\":\"M1\","
	    "\"attachment\":{\"type\":\"video\",\"url\":\"https://a.example/v.mp4\"}}"), 200);
	assert_int_equal(json_len(json_member(f->j, "messageIds")), 2);
	assert_int_equal(f->t.n, 2);
	assert_non_null(strstr(f->t.bodies[0], "look"));
	assert_non_null(strstr(f->t.bodies[0], "M1"));
	assert_null(strstr(f->t.bodies[1], "M1"));
	dbt_is(f->db, "select string_agg(kind, ',' order by id) from dmbox.messages", "text,video");
	dbt_is(f->db, "select type || ' ' || url from dmbox.attachments", "video https://a.example/v.mp4");
	/* several pictures are one message, other things one each */
	assert_int_equal(post(f, "{\"recipientId\":\"6500\",\"attachments\":["
	    "{\"type\":\"image\",\"url\":\"https://a.example/1.png\"},{\"type\":\"image\",\"url\":\"https://a.example/2.png\"}]}"), 200);
	assert_int_equal(f->t.n, 3);
	assert_int_equal(post(f, "{\"recipientId\":\"6500\",\"attachments\":["
	    "{\"type\":\"image\",\"url\":\"https://a.example/1.png\"},{\"type\":\"audio\",\"url\":\"https://a.example/2.m4a\"}]}"), 200);
	assert_int_equal(f->t.n, 5);
}

static void
test_actions(void **state)
{
	struct fix *f = *state;

	assert_int_equal(post(f, "{\"recipientId\":\"6500\",\"action\":\"typing_on\"}"), 200);
	assert_non_null(strstr(f->res.body, "\"messageId\":null"));
	assert_int_equal(tiny_count(&f->t, "typing_on"), 1);
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.messages"), 0);
}

static void
test_idempotent(void **state)
{
	struct fix *f = *state;
	const char *body = "{\"recipientId\":\"6500\",\"message\":\"once\"}";
	int64_t id;

	assert_int_equal(post_on(f, CHANNEL_INSTAGRAM, "key-1", body), 200);
	id = id_of(f);
	assert_int_equal(post_on(f, CHANNEL_INSTAGRAM, "key-1", body), 200);
	assert_true(id_of(f) == id);
	assert_non_null(strstr(got(f, "messageId"), "-mid-1"));
	/* the order of the fields and where the key stands do not matter */
	assert_int_equal(post(f, "{\"idempotencyKey\":\"key-1\",\"message\":\"once\",\"recipientId\":\"6500\"}"), 200);
	assert_int_equal(f->t.n, 1);
	assert_int_equal(post_on(f, CHANNEL_INSTAGRAM, "key-1", "{\"recipientId\":\"6500\",\"message\":\"other\"}"), 409);
	assert_string_equal(got(f, "error.code"), "idempotency_conflict");
	assert_int_equal(post_on(f, CHANNEL_INSTAGRAM, "key-1", "{\"recipientId\":\"6500\",\"message\":\"once\",\"idempotencyKey\":\"key-2\"}"), 422);
	assert_int_equal(f->t.n, 1);
}

static void
test_refused_by_provider(void **state)
{
	struct fix *f = *state;
	const char *body = "{\"recipientId\":\"6500\",\"message\":\"E400\",\"idempotencyKey\":\"k\","
	    "\"attachment\":{\"type\":\"image\",\"url\":\"https://a.example/1.png\"}}";

	for (int i = 0; i < 2; i++) {	/* the repetition says the same */
		assert_int_equal(post(f, body), 502);
		assert_string_equal(got(f, "error.code"), "provider_refused");
		assert_string_equal(got(f, "error.providerCode"), "100/2018109");
		assert_non_null(strstr(got(f, "error.message"), "too large"));
	}
	assert_int_equal(f->t.n, 1);	/* the rest of it was not sent */
	assert_int_equal(dbt_i64(f->db, "select count(*) from dmbox.outbox where state = 'failed'"), 2);
}

static void
test_not_now(void **state)
{
	struct fix *f = *state;

	assert_int_equal(post(f, "{\"recipientId\":\"6501\",\"message\":\"E500\"}"), 202);
	assert_string_equal(got(f, "status"), "queued");
	assert_true(json_bool(json_get(f->j, "success"), false));
	assert_non_null(strstr(f->res.body, "\"messageId\":null"));
	/* behind a queued one nothing overtakes */
	assert_int_equal(post(f, "{\"recipientId\":\"6501\",\"message\":\"fine\"}"), 202);
	assert_string_equal(got(f, "status"), "queued");
	assert_int_equal(tiny_count(&f->t, "fine"), 0);
	assert_int_equal(post(f, "{\"recipientId\":\"6502\",\"message\":\"fine\"}"), 200);
	assert_int_equal(post(f, "{\"recipientId\":\"6503\",\"message\":\"DROP\",\"idempotencyKey\":\"d\"}"), 202);
	assert_string_equal(got(f, "status"), "unknown");
	assert_int_equal(post(f, "{\"recipientId\":\"6503\",\"message\":\"DROP\",\"idempotencyKey\":\"d\"}"), 202);
	assert_string_equal(got(f, "status"), "unknown");
	assert_int_equal(tiny_count(&f->t, "DROP"), 1);
	assert_int_equal(post(f, "{\"recipientId\":\"6504\",\"message\":\"E429\"}"), 202);
	assert_string_equal(got(f, "status"), "queued");
}

static void
test_unreachable(void **state)
{
	struct fix *f = *state;

	tiny_stop(&f->t);
	assert_int_equal(post(f, "{\"recipientId\":\"6501\",\"message\":\"x\"}"), 202);
	assert_string_equal(got(f, "status"), "queued");
	assert_string_equal(got(f, "reason"), "connect");
	assert_int_equal(tiny_start(&f->t), 0);
}

static void
test_window_closed(void **state)
{
	struct fix *f = *state;

	assert_int_equal(db_script(f->db, "insert into dmbox.contacts (account, channel, external_id, last_inbound_at)"
	    " values ('main', 'instagram', '6500', now() - interval '3 days')"), RC_OK);
	refused(f, 422, "window_closed", "{\"recipientId\":\"6500\",\"message\":\"x\"}");
	assert_int_equal(strlen(got(f, "error.until")), 24);
	assert_non_null(strstr(got(f, "error.message"), got(f, "error.until")));
	assert_int_equal(f->t.n, 0);
	assert_int_equal(post(f, "{\"recipientId\":\"6500\",\"message\":\"x\",\"humanAgent\":true}"), 200);
	assert_int_equal(tiny_count(&f->t, "HUMAN_AGENT"), 1);
	/* Chatrace: not checked */
	configure(f, "INSTAGRAM_USE_CHATRACE=true\n");
	assert_int_equal(post(f, "{\"recipientId\":\"6500\",\"message\":\"y\"}") / 100, 2);
}

static void
test_mock(void **state)
{
	struct fix *f = *state;

	configure(f, "INSTAGRAM_USE_MOCK=true\n");
	assert_int_equal(post(f, "{\"recipientId\":\"6500\",\"message\":\"x\"}"), 200);
	assert_string_equal(got(f, "status"), "sent");
	assert_true(str_starts(got(f, "messageId"), "mock"));
	assert_int_equal(f->t.n, 0);
	dbt_is(f->db, "select provider || ' ' || status from dmbox.messages", "mock sent");
}

/* WhatsApp's chats are named as Green API names them, also where nothing leaves. */
static void
test_mock_whatsapp(void **state)
{
	struct fix *f = *state;

	configure(f, "WHATSAPP_USE_MOCK=true\n");
	assert_int_equal(post_on(f, CHANNEL_WHATSAPP, NULL, "{\"recipientId\":\"+7 000 000-00-01\",\"message\":\"x\"}"), 200);
	assert_string_equal(got(f, "recipientId"), "70000000001@c.us");
	dbt_is(f->db, "select provider || ' ' || status || ' ' || thread_id || ' ' || recipient_id from dmbox.messages",
	    "mock sent 70000000001@c.us 70000000001@c.us");
	assert_int_equal(post_on(f, CHANNEL_WHATSAPP, NULL, "{\"recipientId\":\"nobody\",\"message\":\"x\"}"), 422);
	assert_string_equal(got(f, "error.code"), "bad_recipient");
	assert_int_equal(f->t.n, 0);
}

static void
test_database_away(void **state)
{
	struct fix *f = *state;
	FILE *o = fopen(f->path, "w");

	assert_non_null(o);
	fprintf(o, "INSTAGRAM_ACCESS_TOKEN=IGAAmadeuptoken1\nINSTAGRAM_USE_CHATRACE=false\n"
	    "INSTAGRAM_API_URL=http://127.0.0.1:%d\nDATABASE_URL=\"host=%s dbname=x\"\n", f->t.port, f->dir);
	fclose(o);
	ctx_free(f->ctx);
	f->ctx = ctx_new("send", CONF_WEB, CTX_DB_SEND, 1);
	assert_int_equal(post(f, "{\"recipientId\":\"6500\",\"message\":\"x\"}"), 503);
	assert_string_equal(got(f, "error.code"), "database");
	assert_string_equal(http_res_get(&f->res, "Retry-After"), "5");
	assert_int_equal(f->t.n, 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_sent), T(test_invalid), T(test_split), T(test_text_and_attachments),
		T(test_actions), T(test_idempotent), T(test_refused_by_provider), T(test_not_now),
		T(test_unreachable), T(test_window_closed), T(test_mock), T(test_mock_whatsapp),
		T(test_database_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

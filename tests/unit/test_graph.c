/*
 * The Graph translator: the pairs of tests/data/graph, signature, handshake,
 * reconciliation, sending, errors and the single questions.  No network.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glob.h>
#include <cmocka.h>
#include "hmac_count.h"
#include "provider/graph/graph.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "extern/sign.h"
#include "base/str.h"

#define OWN "17841400000000001"
#define ANA "6500000000000001"

static const struct provider *const G = &provider_graph;

static struct meta_own own = { .version = (char *)"v25.0", .verify_token = (char *)"made-up-verify" };

static struct account
account_make(void)
{
	struct account a = { .name = (char *)"main", .channel = CHANNEL_INSTAGRAM,
		.provider = &provider_graph, .api_url = (char *)"http://127.0.0.1:1/graph",
		.token = (char *)"IGAAmadeUpToken", .own_id = (char *)OWN,
		.own = &own };

	return a;
}

static void
res_make(struct http_res *r, int status, const char *body)
{
	http_res_init(r);
	r->status = status;
	r->body = body;
	r->body_n = strlen(body);
	r->sent = true;
}

/* --- what comes in -------------------------------------------------------------- */

static char *
file_read(const char *path)
{
	FILE *f = fopen(path, "r");
	char *p = mem_alloc(1 << 20);
	size_t n;

	if (f == NULL)
		fail_msg("cannot read %s", path);
	n = fread(p, 1, (1 << 20) - 1, f);
	p[n] = '\0';
	fclose(f);
	return p;
}

static void
pairs(void **state)
{
	struct account a = account_make();
	glob_t g;

	(void)state;
	assert_int_equal(glob("tests/data/graph/*.in.json", 0, NULL, &g), 0);
	assert_true(g.gl_pathc > 60);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char out[512], *in = file_read(g.gl_pathv[i]), *want;
		struct itemv v;
		struct buf b;

		snprintf(out, sizeof(out), "%.*s.out", (int)(strlen(g.gl_pathv[i]) - 8),
		    g.gl_pathv[i]);
		want = file_read(out);
		itemv_init(&v);
		buf_init(&b, 1 << 20);
		assert_int_equal(G->parse(&a, NULL, in, strlen(in), &v), RC_OK);
		itemv_dump(&v, &b);
		if (strcmp(b.p, want) != 0)
			fail_msg("%s:\n%s", out, b.p);
		buf_free(&b);
		itemv_free(&v);
		free(in);
		free(want);
	}
	globfree(&g);
}

static void
not_understood(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "{}", "3", "[{}]", "[1,null]",
		"{\"object\":\"permissions\",\"entry\":[{}]}", "{\"object\":\"instagram\"}" };
	struct account a = account_make();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct itemv v;

		itemv_init(&v);
		if (G->parse(&a, NULL, bad[i], strlen(bad[i]), &v) != RC_INVALID)
			fail_msg("understood: %s", bad[i]);
		itemv_free(&v);
	}
}

static void
thousand_items(void **state)
{
	struct account a = account_make();
	struct itemv v;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 22);
	buf_puts(&b, "{\"object\":\"instagram\",\"entry\":[{\"id\":\"" OWN "\",\"messaging\":[");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%s{\"sender\":{\"id\":\"%d\"},\"recipient\":{\"id\":\"" OWN "\"},"
		    "\"timestamp\":1752345678500,\"message\":{\"mid\":\"m%d\",\"text\":\"t\"}}",
		    i > 0 ? "," : "", 1000 + i, i);
	buf_puts(&b, "]}]}");
	itemv_init(&v);
	assert_int_equal(G->parse(&a, NULL, b.p, b.n, &v), RC_OK);
	assert_int_equal(v.n, 1000);
	assert_string_equal(v.v[999].external_id, "m999");
	itemv_free(&v);
	buf_free(&b);
}

/* --- signature, handshake --------------------------------------------------------- */

static const char *
verify(const struct account *a, const char *body, const char *signed_body,
    const char *secret, const char *cut)
{
	unsigned char mac[SIGN_SHA256];
	char hex[65], value[128];
	const char *why = "ok";
	struct http_req r;
	enum rc rc;

	http_req_init(&r, "POST", "/instagram/webhook");
	r.body = body;
	r.body_n = strlen(body);
	if (secret != NULL) {
		sign_hmac_sha256(secret, strlen(secret), signed_body, strlen(signed_body), mac);
		str_hex(mac, sizeof(mac), hex);
		snprintf(value, sizeof(value), "sha256=%s%s", hex, cut != NULL ? cut : "");
		assert_int_equal(http_req_header(&r, "x-hub-signature-256", value), RC_OK);
	}
	rc = G->verify(a, &r, &why);
	http_req_free(&r);
	assert_true((rc == RC_OK) == (strcmp(why, "ok") == 0));
	assert_true(rc == RC_OK || rc == RC_DENIED);
	return why;
}

/* A forged body is read once for each secret, however large; a small one may be read again
 * to say what is wrong. */
static void
forged_cost(void **state)
{
	static const size_t sizes[] = { 1u << 10, 300u << 10, 4u << 20 };
	struct account a = account_make();

	(void)state;
	strv_add(&own.app_secrets, "first-secret", 12);
	strv_add(&own.app_secrets, "second-secret ", 14);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char *body = mem_alloc(sizes[i] + 1);

		memset(body, ' ', sizes[i]);
		memcpy(body + 1, "\xd1\x8f{", 3);
		body[sizes[i]] = '\0';
		hmac_bytes = 0;
		assert_string_equal(verify(&a, body, "x", "third", NULL), "wrong_signature");
		hmac_bytes -= 1;	/* the forger's own */
		if (sizes[i] > 256 * 1024)
			assert_int_equal(hmac_bytes, 2 * sizes[i]);
		else
			assert_true(hmac_bytes >= 2 * sizes[i]);
		free(body);
	}
	strv_free(&own.app_secrets);
}

static void
signature(void **state)
{
	struct account a = account_make();
	const char *latin = "{\"a\":1}";
	/* U+044F and an emoji beyond the BMP, decoded and as Meta writes them */
	const char *raw = "{\"t\":\"\xd1\x8f\xf0\x9f\x98\x80\"}";
	const char *esc = "{\"t\":\"\\u044f\\ud83d\\ude00\"}";

	(void)state;
	assert_string_equal(verify(&a, latin, latin, "s1", NULL), "no_secret_configured");
	strv_add(&own.app_secrets, "first-secret", 12);
	strv_add(&own.app_secrets, "second-secret ", 14);
	assert_string_equal(verify(&a, latin, latin, NULL, NULL), "no_header");
	assert_string_equal(verify(&a, latin, latin, "first-secret", "0"), "bad_header");
	assert_string_equal(verify(&a, latin, latin, "first-secret", NULL), "ok");
	assert_string_equal(verify(&a, latin, latin, "second-secret ", NULL), "ok");
	assert_string_equal(verify(&a, esc, esc, "first-secret", NULL), "ok");
	assert_string_equal(verify(&a, latin, "{\"a\":2}", "first-secret", NULL), "wrong_signature");
	assert_string_equal(verify(&a, latin, latin, "third", NULL), "wrong_signature");
	assert_string_equal(verify(&a, latin, latin, "second-secret", NULL),
	    "wrong_signature_whitespace");
	assert_string_equal(verify(&a, "{} \n", "{}", "first-secret", NULL),
	    "wrong_signature_whitespace");
	assert_string_equal(verify(&a, raw, esc, "first-secret", NULL), "wrong_signature_escaped");
	assert_string_equal(verify(&a, "", "", "first-secret", NULL), "ok");
	strv_free(&own.app_secrets);
}

static void
bad_signature_headers(void **state)
{
	static const char *const bad[] = { "", "sha256=", "sha1=aaaa",
		"SHA256=0000000000000000000000000000000000000000000000000000000000000000",
		"sha256=000000000000000000000000000000000000000000000000000000000000000g" };
	struct account a = account_make();

	(void)state;
	strv_add(&own.app_secrets, "first-secret", 12);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct http_req r;
		const char *why = "";

		http_req_init(&r, "POST", "/");
		r.body = "x";
		r.body_n = 1;
		assert_int_equal(http_req_header(&r, "X-Hub-Signature-256", bad[i]), RC_OK);
		assert_int_equal(G->verify(&a, &r, &why), RC_DENIED);
		assert_string_equal(why, "bad_header");
		http_req_free(&r);
	}
	strv_free(&own.app_secrets);
}

static enum rc
ask_handshake(const struct account *a, const char *query, struct buf *out)
{
	struct http_req r;
	enum rc rc;

	http_req_init(&r, "GET", "/instagram/webhook");
	r.query = query;
	rc = G->handshake(a, &r, out);
	http_req_free(&r);
	return rc;
}

static void
handshake(void **state)
{
	static const char *const bad[] = {
		"", "hub.mode=subscribe", "hub.mode=subscribe&hub.verify_token=made-up-verify",
		"hub.mode=subscribe&hub.verify_token=made-up-verif&hub.challenge=1",
		"hub.mode=unsubscribe&hub.verify_token=made-up-verify&hub.challenge=1",
		"hub.mode=subscribe&hub.verify_token=made-up-verify&hub.challenge=",
		"hub.mode=subscribe&hub.verify_token=made-up-verify&hub.challenge=%3Cb%3E",
	};
	struct account a = account_make();
	char long_one[300];
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ask_handshake(&a, bad[i], &b), RC_DENIED);
	snprintf(long_one, sizeof(long_one),
	    "hub.mode=subscribe&hub.verify_token=made-up-verify&hub.challenge=%0129d", 1);
	assert_int_equal(ask_handshake(&a, long_one, &b), RC_DENIED);
	assert_int_equal(b.n, 0);
	assert_int_equal(ask_handshake(&a, "hub.mode=subscribe&hub.challenge=1158201444&"
	    "hub.verify_token=made%2Dup-verify", &b), RC_OK);
	assert_string_equal(b.p, "1158201444");
	own.verify_token = NULL;
	assert_int_equal(ask_handshake(&a, "hub.mode=subscribe&hub.challenge=1&hub.verify_token=", &b),
	    RC_DENIED);
	own.verify_token = (char *)"made-up-verify";
	buf_free(&b);
}

/* --- reconciliation ------------------------------------------------------------------ */

struct poll {
	struct account a;
	struct poll_state st;
	struct itemv items;
	char url[2048];
};

static void
poll_begin(struct poll *p, const char *memory)
{
	memset(p, 0, sizeof(*p));
	p->a = account_make();
	p->st.memory = memory;
	p->st.now_us = 1783900000LL * 1000000;	/* 2026-07-12T23:46:40Z */
	p->st.deadline_ms = clock_mono_ms() + 60000;
	itemv_init(&p->items);
}

static void
poll_end(struct poll *p)
{
	itemv_free(&p->items);
	mem_arena_free(&p->st.arena);
}

static enum rc
poll_ask(struct poll *p)
{
	struct http_req r = { 0 };
	enum rc rc = G->poll_build(&p->a, &p->st, &r);

	if (rc == RC_OK) {
		assert_string_equal(http_req_get(&r, "Authorization"), "Bearer IGAAmadeUpToken");
		snprintf(p->url, sizeof(p->url), "%s", r.url);
		http_req_free(&r);
	}
	return rc;
}

static void
poll_answer(struct poll *p, int status, const char *body)
{
	struct http_res res;

	itemv_free(&p->items);
	itemv_init(&p->items);
	res_make(&res, status, body);
	if (status == 0)
		res.fail = HTTP_FAIL_CONNECT;
	assert_int_equal(G->poll_read(&p->a, &res, &p->st, &p->items), RC_OK);
	http_res_free(&res);
	p->st.stored = true;
}

#define ERR(code, sub) "{\"error\":{\"message\":\"m\",\"code\":" #code ",\"error_subcode\":" #sub "}}"
#define BASE "http://127.0.0.1:1/graph/v25.0/"
#define PROVED "{\"own\":\"" OWN "\"}"	/* an earlier check has asked /me */
#define CONV_A "{\"id\":\"cA\",\"updated_time\":\"2026-07-12T19:11:07+0000\"}"
#define CONV_B "{\"id\":\"cB\",\"updated_time\":\"2026-07-12T23:46:30+0000\"}"

static void
poll_walk(void **state)
{
	struct poll p;
	char *memory;

	(void)state;
	poll_begin(&p, PROVED);
	assert_int_equal(poll_ask(&p), RC_OK);
	assert_string_equal(p.url, BASE "me/conversations?platform=instagram&fields=id,updated_time&limit=25");
	assert_int_equal(p.st.wait_ms, 0);
	assert_true(p.st.only_missing);
	poll_answer(&p, 200, "{\"data\":[" CONV_B "," CONV_A "]}");
	assert_int_equal(poll_ask(&p), RC_OK);
	assert_non_null(strstr(p.url, BASE "cB?fields=messages%7Bid,created_time,from,to,"));
	assert_true(p.st.wait_ms >= 500);	/* two calls a second */
	poll_answer(&p, 200, "{\"messages\":{\"data\":[{\"id\":\"M2\",\"created_time\":"
	    "\"2026-07-12T23:46:30+0000\",\"from\":{\"id\":\"" ANA "\",\"username\":\"ana\"},"
	    "\"to\":{\"data\":[{\"id\":\"" OWN "\"}]},\"message\":\"Hi\"},{\"id\":\"old\"}]}}");
	assert_int_equal(p.items.n, 1);
	assert_int_equal(poll_ask(&p), RC_OK);
	poll_answer(&p, 200, "{\"messages\":{\"data\":[]}}");
	assert_int_equal(poll_ask(&p), RC_NONE);
	assert_int_equal(p.st.outcome, POLL_MESSAGES);
	assert_int_equal(p.st.n_attempts, 3);
	/* cB changed ten seconds ago: not remembered, so that a message of the same
	 * second is not passed over */
	assert_string_equal(p.st.new_memory,
	    "{\"own\":\"" OWN "\",\"conv\":{\"cA\":\"2026-07-12T19:11:07+0000\"},\"more\":false}");
	memory = mem_dup(p.st.new_memory);
	poll_end(&p);

	poll_begin(&p, memory);
	assert_int_equal(poll_ask(&p), RC_OK);
	poll_answer(&p, 200, "{\"data\":[" CONV_A "]}");
	assert_int_equal(poll_ask(&p), RC_NONE);
	assert_int_equal(p.st.outcome, POLL_EMPTY);
	poll_end(&p);
	free(memory);
}

static void
poll_not_stored(void **state)
{
	struct poll p;

	(void)state;
	poll_begin(&p, PROVED);
	assert_int_equal(poll_ask(&p), RC_OK);
	poll_answer(&p, 200, "{\"data\":[" CONV_A "]}");
	assert_int_equal(poll_ask(&p), RC_OK);
	poll_answer(&p, 200, "{\"messages\":{\"data\":[{\"id\":\"M2\",\"from\":{\"id\":\"" ANA
	    "\"},\"message\":\"Hi\"}]}}");
	p.st.stored = false;	/* the database was away: read it again next time */
	assert_int_equal(poll_ask(&p), RC_NONE);
	assert_string_equal(p.st.new_memory,
	    "{\"own\":\"" OWN "\",\"conv\":{},\"more\":true}");
	poll_end(&p);
}

static void
poll_pages(void **state)
{
	struct poll p;
	struct account *a;
	struct http_req r = { 0 };

	(void)state;
	poll_begin(&p, "{\"conv\":{\"cZ\":\"2026-01-01T00:00:00+0000\"}}");
	a = &p.a;
	a->token = (char *)"EAAmadeUp";
	a->own_id = NULL;
	assert_int_equal(G->poll_build(a, &p.st, &r), RC_OK);
	assert_non_null(strstr(r.url, "me?fields=id,name,instagram_business_account"));
	http_req_free(&r);
	poll_answer(&p, 200, "{\"id\":\"9\",\"instagram_business_account\":{\"id\":\"" OWN "\"}}");
	a->token = (char *)"IGAAmadeUpToken";
	assert_int_equal(poll_ask(&p), RC_OK);
	poll_answer(&p, 200, "{\"data\":[" CONV_A "],\"paging\":{\"cursors\":{\"after\":\"A&B\"},"
	    "\"next\":\"https://x.example\"}}");
	assert_int_equal(poll_ask(&p), RC_OK);
	assert_string_equal(p.url, BASE
	    "me/conversations?platform=instagram&fields=id,updated_time&limit=25&after=A%26B");
	poll_answer(&p, 200, "{\"data\":[]}");
	assert_int_equal(poll_ask(&p), RC_OK);
	poll_answer(&p, 400, "{\"error\":{\"code\":100,\"error_subcode\":33,\"message\":\"gone\"}}");
	assert_int_equal(poll_ask(&p), RC_NONE);
	assert_int_equal(p.st.outcome, POLL_EMPTY);
	/* the one not listed is still remembered */
	assert_non_null(strstr(p.st.new_memory, "\"cZ\":\"2026-01-01"));
	assert_non_null(strstr(p.st.new_memory, "\"own\":\"" OWN));
	assert_string_equal(p.st.attempts[3].note, "100/33");
	poll_end(&p);
}

static void
poll_errors(void **state)
{
	static const struct { int status; const char *body, *hint; int64_t pause; } t[] = {
		{ 400, "{\"error\":{\"code\":190,\"error_subcode\":463}}", "wrong_token", 0 },
		{ 400, "{\"error\":{\"code\":10}}", "no_permission", 0 },
		{ 403, "{\"error\":{\"code\":4}}", "rate_limited", 300 },
		{ 429, "slow down", "rate_limited", 60 },
		{ 500, "{\"error\":{\"code\":2}}", "bad_answer", 0 },
		{ 502, "<html>", "bad_answer", 0 },
		{ 200, "<html>", "bad_answer", 0 },
		{ 0, "", "unreachable", 0 },
		{ 404, "<html>", "refused", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct poll p;

		poll_begin(&p, "{\"own\":\"" OWN "\",\"conv\":{\"cA\":\"x\"}}");
		assert_int_equal(poll_ask(&p), RC_OK);
		poll_answer(&p, t[i].status, t[i].body);
		assert_int_equal(poll_ask(&p), RC_NONE);
		assert_int_equal(p.st.outcome, POLL_FAILED);
		assert_string_equal(p.st.hint, t[i].hint);
		assert_int_equal(p.st.pause_s, t[i].pause);
		assert_null(p.st.new_memory);	/* a failure forgets nothing */
		poll_end(&p);
	}
}

/* Two calls a second are shared with look-ups: 613 is asked again, thrice. */
static void
poll_again(void **state)
{
	struct poll p;

	(void)state;
	poll_begin(&p, PROVED);
	assert_int_equal(poll_ask(&p), RC_OK);
	poll_answer(&p, 400, ERR(613, 0));
	assert_int_equal(poll_ask(&p), RC_OK);
	assert_non_null(strstr(p.url, "me/conversations"));
	assert_true(p.st.wait_ms >= 1000);
	poll_answer(&p, 200, "{\"data\":[" CONV_A "]}");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(poll_ask(&p), RC_OK);
		assert_non_null(strstr(p.url, BASE "cA?"));
		poll_answer(&p, 400, ERR(613, 0));
	}
	assert_int_equal(poll_ask(&p), RC_OK);
	poll_answer(&p, 400, ERR(613, 0));
	assert_int_equal(poll_ask(&p), RC_NONE);
	assert_int_equal(p.st.outcome, POLL_FAILED);
	assert_string_equal(p.st.hint, "rate_limited");
	assert_int_equal(p.st.pause_s, 10);
	assert_string_equal(p.st.new_memory, "{\"own\":\"" OWN "\",\"conv\":{},\"more\":true}");
	poll_end(&p);
}

static void
poll_deadline(void **state)
{
	struct poll p;

	(void)state;
	poll_begin(&p, PROVED);
	assert_int_equal(poll_ask(&p), RC_OK);
	poll_answer(&p, 200, "{\"data\":[" CONV_A "]}");
	p.st.deadline_ms = clock_mono_ms() + 100;
	assert_int_equal(poll_ask(&p), RC_NONE);
	assert_string_equal(p.st.new_memory, "{\"own\":\"" OWN "\",\"conv\":{},\"more\":true}");
	poll_end(&p);
}

/* The same message by webhook and by poll: the same key, kind, side and text. */
static void
polled_like_webhook(void **state)
{
	static const struct { const char *json, *kind, *body; enum direction dir; size_t atts; } t[] = {
		{ "\"message\":\"Hi\"", "text", "Hi", DIR_IN, 0 },
		{ "\"attachments\":{\"data\":[{\"type\":\"sticker\",\"sticker_id\":\"369239263222822\"}]}",
		    "sticker", NULL, DIR_IN, 1 },
		{ "\"message\":\"\",\"attachments\":{\"data\":[{\"image_data\":{\"url\":\"https://x\"}}]}",
		    "image", NULL, DIR_IN, 1 },
		{ "\"attachments\":{\"data\":[{\"video_data\":{\"url\":\"https://x\"}}]}", "video", NULL, DIR_IN, 1 },
		{ "\"attachments\":{\"data\":[{\"mime_type\":\"audio/mp4\",\"file_url\":\"https://x\",\"size\":7}]}",
		    "audio", NULL, DIR_IN, 1 },
		{ "\"attachments\":{\"data\":[{\"mime_type\":\"application/pdf\",\"name\":\"a.pdf\",\"file_url\":\"https://x\"}]}",
		    "file", NULL, DIR_IN, 1 },
		{ "\"shares\":{\"data\":[{\"link\":\"https://x\"}]}", "share", NULL, DIR_IN, 1 },
		{ "\"story\":{\"mention\":{\"link\":\"https://x\",\"id\":\"1\"}}", "story_mention", NULL, DIR_IN, 1 },
		{ "\"message\":\"nice\",\"story\":{\"reply_to\":{\"link\":\"https://x\",\"id\":\"1\"}}",
		    "story_reply", "nice", DIR_IN, 1 },
		{ "\"is_unsupported\":true", "unsupported", NULL, DIR_IN, 0 },
		{ "\"message\":\"\"", "unsupported", NULL, DIR_IN, 0 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(t) / sizeof(t[0]); i++) {
		bool out = i % 2 == 1;
		struct json *j;
		struct itemv v;
		struct buf b;

		buf_init(&b, 4096);
		buf_printf(&b, "{\"id\":\"M\",\"created_time\":\"2026-07-12T19:11:07+0000\","
		    "\"from\":{\"id\":\"%s\",\"username\":\"u1\"},\"to\":{\"data\":[{\"id\":\"%s\","
		    "\"username\":\"u2\"}]},%s}", out ? OWN : ANA, out ? ANA : OWN, t[i / 2].json);
		assert_int_equal(json_parse(b.p, b.n, &j, NULL), RC_OK);
		itemv_init(&v);
		assert_int_equal(graph_message(OWN, j, &v), RC_OK);
		assert_int_equal(v.n, 1);
		assert_string_equal(v.v[0].external_id, "M");
		assert_string_equal(v.v[0].kind, t[i / 2].kind);
		assert_string_equal(v.v[0].contact, ANA);
		assert_string_equal(v.v[0].username, out ? "u2" : "u1");
		assert_int_equal(v.v[0].dir, out ? DIR_OUT : DIR_IN);
		assert_int_equal(v.v[0].echo, out);
		assert_int_equal(v.v[0].n_atts, t[i / 2].atts);
		assert_int_equal(v.v[0].at_us, 1783883467000000LL);
		assert_true(str_eq(v.v[0].body, t[i / 2].body));
		itemv_free(&v);
		json_free(j);
		buf_free(&b);
	}
}

static void
polled_reactions_follow(void **state)
{
	const char *s = "{\"id\":\"M\",\"from\":{\"id\":\"" ANA "\"},\"message\":\"x\",\"reactions\":"
	    "{\"data\":[{\"reaction\":\"love\",\"users\":[{\"id\":\"" ANA "\"},{\"id\":\"" OWN "\"}]}]}}";
	struct json *j;
	struct itemv v;

	(void)state;
	assert_int_equal(json_parse(s, strlen(s), &j, NULL), RC_OK);
	itemv_init(&v);
	assert_int_equal(graph_message(OWN, j, &v), RC_OK);
	assert_int_equal(v.n, 3);
	assert_int_equal(v.v[2].effect, EFFECT_REACT);
	assert_string_equal(v.v[2].target_id, "M");
	assert_string_equal(v.v[2].contact, ANA);
	assert_int_equal(v.v[2].dir, DIR_OUT);
	itemv_free(&v);
	json_free(j);
}

/* --- sending ------------------------------------------------------------------------ */

static void
send_bodies(void **state)
{
	static const struct att img[2] = { { .type = "image", .url = "https://x/1" },
		{ .type = "image", .url = "https://x/2" } };
	static const struct att heart = { .type = "like_heart" }, video = { .type = "video",
		.url = "https://x/v" }, post = { .type = "MEDIA_SHARE", .ref = "18001" };
	static const struct { struct outmsg m; const char *want; } t[] = {
		{ { .body = "Hello \"you\"" }, ",\"message\":{\"text\":\"Hello \\\"you\\\"\"}" },
		{ { .body = "b", .reply_to = "M1" },
		    ",\"message\":{\"text\":\"b\"},\"reply_to\":{\"mid\":\"M1\"}" },
		{ { .body = "b", .human_agent = true }, ",\"message\":{\"text\":\"b\"},"
		    "\"messaging_type\":\"MESSAGE_TAG\",\"tag\":\"HUMAN_AGENT\"" },
		{ { .atts = img, .n_atts = 1 }, ",\"message\":{\"attachment\":{\"type\":\"image\","
		    "\"payload\":{\"url\":\"https://x/1\"}}}" },
		{ { .atts = img, .n_atts = 2 }, ",\"message\":{\"attachments\":[{\"type\":\"image\","
		    "\"payload\":{\"url\":\"https://x/1\"}},{\"type\":\"image\",\"payload\":"
		    "{\"url\":\"https://x/2\"}}]}" },
		{ { .atts = &heart, .n_atts = 1 },
		    ",\"message\":{\"attachment\":{\"type\":\"like_heart\"}}" },
		{ { .atts = &video, .n_atts = 1 }, ",\"message\":{\"attachment\":{\"type\":\"video\","
		    "\"payload\":{\"url\":\"https://x/v\"}}}" },
		{ { .atts = &post, .n_atts = 1 }, ",\"message\":{\"attachment\":{\"type\":"
		    "\"MEDIA_SHARE\",\"payload\":{\"id\":\"18001\"}}}" },
		{ { .action = "mark_seen" }, ",\"sender_action\":\"mark_seen\"" },
		{ { .action = "typing_on" }, ",\"sender_action\":\"typing_on\"" },
		{ { .action = "react", .reply_to = "M1", .reaction = "love" },
		    ",\"sender_action\":\"react\",\"payload\":{\"message_id\":\"M1\",\"reaction\":\"love\"}" },
		{ { .action = "unreact", .reply_to = "M1" },
		    ",\"sender_action\":\"unreact\",\"payload\":{\"message_id\":\"M1\"}" },
	};
	struct account a = account_make();

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct outmsg m = t[i].m;
		struct http_req r;
		char want[1024];

		m.recipient = ANA;
		assert_int_equal(G->send_build(&a, &m, &r), RC_OK);
		snprintf(want, sizeof(want), "{\"recipient\":{\"id\":\"" ANA "\"}%s}", t[i].want);
		assert_string_equal(r.body, want);
		assert_string_equal(r.url, BASE "me/messages");
		assert_string_equal(r.method, "POST");
		assert_string_equal(http_req_get(&r, "Authorization"), "Bearer IGAAmadeUpToken");
		assert_true(r.fresh);
		http_req_free(&r);
	}
}

static void
send_impossible(void **state)
{
	static const struct att mixed[2] = { { .type = "image", .url = "https://x/1" },
		{ .type = "video", .url = "https://x/2" } };
	static const struct att local = { .type = "image", .url = "file:///etc/passwd" };
	struct account a = account_make(), no_token = account_make();
	char text[1002];
	struct outmsg bad[] = {
		{ .recipient = ANA }, { .recipient = "", .body = "x" },
		{ .recipient = ANA, .body = text }, { .recipient = ANA, .body = "x", .atts = mixed, .n_atts = 1 },
		{ .recipient = ANA, .atts = mixed, .n_atts = 2 }, { .recipient = ANA, .atts = &local, .n_atts = 1 },
		{ .recipient = ANA, .action = "react" }, { .recipient = ANA, .action = "dance" },
	};
	struct http_req r = { 0 };

	(void)state;
	memset(text, 'x', 1001);
	text[1001] = '\0';
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (G->send_build(&a, &bad[i], &r) != RC_INVALID)
			fail_msg("case %zu was built", i);
	text[1000] = '\0';	/* the limit itself is allowed */
	assert_int_equal(G->send_build(&a, &bad[2], &r), RC_OK);
	http_req_free(&r);
	no_token.token = NULL;
	assert_int_equal(G->send_build(&no_token, &bad[2], &r), RC_INVALID);
}

static void
send_answers(void **state)
{
	static const struct { int status; const char *body; enum send_outcome want; const char *code; } t[] = {
		{ 200, "{\"recipient_id\":\"1\",\"message_id\":\"mid1\"}", SEND_SENT, "" },
		{ 200, "{\"recipient_id\":\"1\"}", SEND_ACCEPTED, "" },
		{ 200, "<html>", SEND_UNKNOWN, "not_json" },
		{ 200, "", SEND_UNKNOWN, "not_json" },
		{ 200, ERR(100, 0), SEND_PAUSE, "100" },
		{ 400, ERR(1, 0), SEND_RETRY, "1" },
		{ 500, ERR(2, 1545133), SEND_RETRY, "2/1545133" },
		{ 403, ERR(4, 2018022), SEND_PAUSE, "4/2018022" },
		{ 400, ERR(17, 0), SEND_PAUSE, "17" },
		{ 400, ERR(32, 0), SEND_PAUSE, "32" },
		{ 400, ERR(613, 0), SEND_PAUSE, "613" },
		{ 400, ERR(80006, 0), SEND_PAUSE, "80006" },
		{ 400, ERR(190, 463), SEND_PAUSE, "190/463" },
		{ 500, ERR(190, 0), SEND_PAUSE, "190" },
		{ 400, ERR(0, 0), SEND_PAUSE, "0" },
		{ 400, ERR(102, 0), SEND_PAUSE, "102" },
		{ 400, ERR(10, 1404170), SEND_PAUSE, "10/1404170" },
		{ 400, ERR(10, 1893063), SEND_PAUSE, "10/1893063" },
		{ 400, ERR(200, 0), SEND_PAUSE, "200" },
		{ 400, ERR(3, 0), SEND_PAUSE, "3" },
		{ 400, ERR(368, 0), SEND_PAUSE, "368" },
		{ 403, ERR(10, 2534022), SEND_REFUSED, "10/2534022" },
		{ 403, ERR(10, 2018278), SEND_REFUSED, "10/2018278" },
		{ 400, ERR(10, 2018300), SEND_REFUSED, "10/2018300" },
		{ 400, ERR(551, 1545041), SEND_REFUSED, "551/1545041" },
		{ 400, ERR(200, 1545041), SEND_REFUSED, "200/1545041" },
		{ 500, ERR(100, 2018001), SEND_REFUSED, "100/2018001" },
		{ 400, ERR(4242, 0), SEND_PAUSE, "4242" },
		{ 500, ERR(4242, 0), SEND_RETRY, "4242" },
		{ 504, ERR(4242, 0), SEND_UNKNOWN, "4242" },
		{ 400, "{\"error\":{\"code\":4242,\"is_transient\":true}}", SEND_RETRY, "4242" },
		{ 400, "{\"error\":{\"message\":\"no code\"}}", SEND_PAUSE, "-1" },
		{ 429, "", SEND_PAUSE, "http_429" },
		{ 500, "<html>", SEND_RETRY, "http_500" },
		{ 503, "<html>", SEND_RETRY, "http_503" },
		{ 502, "<html>", SEND_UNKNOWN, "http_502" },
		{ 504, "<html>", SEND_UNKNOWN, "http_504" },
		{ 404, "<html>", SEND_PAUSE, "http_404" },
		{ 302, "", SEND_PAUSE, "http_302" },
	};
	struct account a = account_make();
	struct outmsg m = { .recipient = ANA, .body = "x" };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct send_result r;
		struct http_res res;

		res_make(&res, t[i].status, t[i].body);
		assert_int_equal(G->send_read(&a, &m, &res, &r), RC_OK);
		if (r.outcome != t[i].want || strcmp(r.code, t[i].code) != 0)
			fail_msg("%d %s: outcome %d code %s", t[i].status, t[i].body, r.outcome, r.code);
		assert_true((r.outcome == SEND_PAUSE) == (r.pause_s > 0));
		assert_true(r.contact_blocked == (strstr(t[i].body, "1545041") != NULL));
		assert_true(r.retry_once == (strstr(t[i].body, "2534022") != NULL));
		http_res_free(&res);
	}
}

#define SAYS(code, words) "{\"error\":{\"message\":\"" words "\",\"code\":" #code "}}"

/* Code 100 is final only where it names this recipient or this content; what may
 * be the account's trouble rests, with what mends it. */
static void
send_code_100(void **state)
{
	static const struct { const char *body; enum send_outcome want; const char *hint; } t[] = {
		{ SAYS(100, "Unsupported request - method type: post"), SEND_PAUSE, "meta_refuses" },
		{ SAYS(100, "(#100) Something nobody has seen"), SEND_PAUSE, "refused_unclear" },
		{ SAYS(100, "Invalid appsecret_proof provided in the API argument"), SEND_PAUSE,
		    "appsecret_proof" },
		{ SAYS(100, "API calls from the server require an appsecret_proof argument"), SEND_PAUSE,
		    "appsecret_proof" },
		{ SAYS(200, "API access blocked."), SEND_PAUSE, "no_permission" },
		{ SAYS(190, "expired"), SEND_PAUSE, "wrong_token" },
		{ SAYS(100, "(#100) Length of param message[text] must be less than or equal to 1000"),
		    SEND_REFUSED, NULL },
		{ SAYS(100, "(#100) No matching user found"), SEND_REFUSED, NULL },
		{ SAYS(9010, "No matching Instagram user"), SEND_REFUSED, NULL },
		{ ERR(100, 33), SEND_PAUSE, "no_permission" },
		{ ERR(100, 7777777), SEND_PAUSE, "refused_unclear" },
		{ ERR(1, 1357046), SEND_RETRY, "provider_error" },
	};
	struct account a = account_make();
	struct outmsg m = { .recipient = ANA, .body = "x" };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct send_result r;
		struct http_res res;

		res_make(&res, 400, t[i].body);
		assert_int_equal(G->send_read(&a, &m, &res, &r), RC_OK);
		if (r.outcome != t[i].want || (r.hint == NULL) != (t[i].hint == NULL) ||
		    (r.hint != NULL && strcmp(r.hint, t[i].hint) != 0))
			fail_msg("%s: outcome %d hint %s", t[i].body, r.outcome, r.hint);
		assert_int_equal(r.doubt, r.outcome == SEND_RETRY);
		http_res_free(&res);
	}
}

/* The proof is the HMAC of the token; which of several secrets is learned. */
static void
appsecret_proof(void **state)
{
	struct account a = account_make();
	struct outmsg m = { .recipient = ANA, .body = "x" };
	char *secrets[] = { (char *)"first", (char *)" second " };
	struct http_req r = { 0 };
	struct http_res res;
	struct send_result out;
	struct poll p;

	(void)state;
	own.app_secrets.v = secrets;
	own.app_secrets.n = 2;
	assert_int_equal(G->send_build(&a, &m, &r), RC_OK);
	assert_null(strstr(r.url, "appsecret_proof"));	/* Instagram Login: not documented */
	http_req_free(&r);
	a.token = (char *)"EAAmadeUpToken";
	for (a.proof = 0; a.proof < 3; a.proof++) {
		assert_int_equal(G->send_build(&a, &m, &r), RC_OK);
		/* openssl: printf EAAmadeUpToken | openssl dgst -sha256 -hmac first */
		if (a.proof == 0)
			assert_non_null(strstr(r.url, "/me/messages?appsecret_proof="
			    "c8485b118ce0057b3b81ae62be5c35e691e9029f990d6fed01ac702c336d1c26"));
		assert_int_equal(strstr(r.url, "appsecret_proof=") != NULL, a.proof < 2);
		http_req_free(&r);
		res_make(&res, 400, SAYS(100, "Invalid appsecret_proof provided in the API argument"));
		assert_int_equal(G->send_read(&a, &m, &res, &out), RC_OK);
		assert_true(out.again);
		http_res_free(&res);
	}
	poll_begin(&p, PROVED);
	p.a.token = a.token;
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(G->poll_build(&p.a, &p.st, &r), RC_OK);
		assert_int_equal(strstr(r.url, "&appsecret_proof=") != NULL, i < 2);
		assert_int_equal(p.st.proof, i);
		http_req_free(&r);
		poll_answer(&p, 400, SAYS(100, "Invalid appsecret_proof provided in the API argument"));
	}
	assert_int_equal(G->poll_build(&p.a, &p.st, &r), RC_NONE);
	assert_string_equal(p.st.hint, "appsecret_proof");
	poll_end(&p);
	own.app_secrets = (struct strv){ 0 };
}

/* Whose rows they would be is proved before one is written. */
static void
poll_proves_itself(void **state)
{
	static const struct { const char *own, *token; int status; const char *me, *hint; } t[] = {
		{ OWN, "IGAAmadeUpToken", 200, "{\"id\":\"9\",\"user_id\":\"" OWN "\"}", NULL },
		{ OWN, "IGAAmadeUpToken", 200, "{\"data\":[{\"user_id\":\"" OWN "\"}]}", NULL },
		{ OWN, "IGAAmadeUpToken", 200, "{\"id\":\"9\"}", NULL },	/* proves nothing */
		{ OWN, "IGAAmadeUpToken", 200, "{\"user_id\":\"17840000000000002\"}", "wrong_page_id" },
		{ "9", "IGAAmadeUpToken", 200, "{\"id\":\"9\",\"user_id\":\"" OWN "\"}", "wrong_page_id" },
		{ "9", "EAAmadeUpToken", 200, "{\"id\":\"9\",\"instagram_business_account\":{\"id\":\"" OWN
		    "\"}}", "wrong_page_id" },
		{ NULL, "EAAmadeUpToken", 200, "{\"id\":\"9\"}", "no_instagram" },
		{ NULL, "IGAAmadeUpToken", 400, SAYS(100, "Unsupported get request"), "no_instagram" },
		{ OWN, "IGAAmadeUpToken", 500, SAYS(2, "later"), "bad_answer" },
		{ OWN, "IGAAmadeUpToken", 0, "", "unreachable" },
		{ OWN, "IGAAmadeUpToken", 400, SAYS(100, "Unsupported get request"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct http_req r = { 0 };
		struct poll p;

		poll_begin(&p, "{}");
		p.a.own_id = (char *)(uintptr_t)t[i].own;
		p.a.token = (char *)(uintptr_t)t[i].token;
		assert_int_equal(G->poll_build(&p.a, &p.st, &r), RC_OK);
		assert_non_null(strstr(r.url, "/me?fields="));
		http_req_free(&r);
		poll_answer(&p, t[i].status, t[i].me);
		if (t[i].hint == NULL) {
			if (G->poll_build(&p.a, &p.st, &r) != RC_OK)
				fail_msg("%zu: hint %s", i, p.st.hint);
			assert_non_null(strstr(r.url, "me/conversations"));
			http_req_free(&r);
		} else {
			assert_int_equal(G->poll_build(&p.a, &p.st, &r), RC_NONE);
			assert_int_equal(p.st.outcome, POLL_FAILED);
			assert_string_equal(p.st.hint, t[i].hint);
			assert_int_equal(p.items.n, 0);
		}
		poll_end(&p);
	}
}

#define CONV_N(id) "{\"id\":\"" id "\",\"updated_time\":\"2026-07-12T19:11:07+0000\"}"
#define LESS SAYS(1, "Please reduce the amount of data you're asking for, then retry your request")
#define MSG(id) "{\"id\":\"" id "\",\"from\":{\"id\":\"" ANA "\"},\"message\":\"" id "\"}"

/* "Please reduce the amount of data": half, remembered for each conversation,
 * and what lies below the smaller page is read as well. */
static void
poll_less(void **state)
{
	struct poll p;
	char *memory;

	(void)state;
	poll_begin(&p, PROVED);
	assert_int_equal(poll_ask(&p), RC_OK);
	poll_answer(&p, 500, LESS);
	assert_int_equal(poll_ask(&p), RC_OK);
	assert_non_null(strstr(p.url, "&limit=12"));
	poll_answer(&p, 200, "{\"data\":[" CONV_B "," CONV_A "]}");
	for (int i = 0, want[] = { 0, 12, 6, 3 }; i < 4; i++) {
		char limit[32];

		snprintf(limit, sizeof limit, "cB?fields=messages%s", "");
		assert_int_equal(poll_ask(&p), RC_OK);
		assert_non_null(strstr(p.url, limit));
		snprintf(limit, sizeof limit, "limit(%d)", want[i]);
		assert_int_equal(strstr(p.url, limit) != NULL, i > 0);
		if (i < 3)
			poll_answer(&p, 500, LESS);
	}
	poll_answer(&p, 200, "{\"messages\":{\"data\":[" MSG("M3") "," MSG("M2") "," MSG("M1") "],"
	    "\"paging\":{\"cursors\":{\"after\":\"X=\"}}},\"id\":\"cB\"}");
	assert_int_equal(p.items.n, 3);
	assert_int_equal(poll_ask(&p), RC_OK);
	assert_non_null(strstr(p.url, "cB/messages?fields="));
	assert_non_null(strstr(p.url, "&limit=3&after=X%3D"));
	poll_answer(&p, 200, "{\"data\":[" MSG("M0") "]}");
	assert_int_equal(p.items.n, 1);
	/* of the other one a single message is too much: it is left, not asked for ever */
	for (int i = 0; i < 5; i++) {
		assert_int_equal(poll_ask(&p), RC_OK);
		assert_non_null(strstr(p.url, "cA?"));
		poll_answer(&p, 500, LESS);
	}
	assert_int_equal(poll_ask(&p), RC_NONE);
	assert_int_equal(p.st.outcome, POLL_MESSAGES);
	assert_string_equal(p.st.new_memory, "{\"own\":\"" OWN "\",\"page\":12,\"conv\":{\"cB\":\"\","
	    "\"cA\":\"2026-07-12T19:11:07+0000\"},\"pages\":{\"cB\":3,\"cA\":1},\"more\":false}");
	memory = mem_dup(p.st.new_memory);
	poll_end(&p);
	poll_begin(&p, memory);
	assert_int_equal(poll_ask(&p), RC_OK);
	assert_non_null(strstr(p.url, "&limit=12"));
	poll_answer(&p, 200, "{\"data\":[" CONV_B "," CONV_A "]}");
	assert_int_equal(poll_ask(&p), RC_OK);
	assert_non_null(strstr(p.url, "cB?fields=messages.limit(3)"));
	poll_end(&p);
	free(memory);
}

/* The same in other words: their texts are in the language of whose token it is, and an answer
 * that is too much for the line or for us comes late, cut or not at all. */
static void
poll_less_otherwise(void **state)
{
	static const struct { int status; enum http_fail fail; const char *body; } t[] = {
		{ 500, 0, SAYS(1, "Reduza a quantidade de dados que voce esta solicitando") },
		{ 400, 0, SAYS(1, "Bitte reduziere die Datenmenge") },
		{ 500, 0, "{\"error\":{\"code\":1,\"error_subcode\":99,\"message\":\"An unknown error occurred\"}}" },
		{ 500, 0, "{\"error\":{\"code\":\"1\"}}" },
		{ 400, 0, "{\"error\":{\"code\":100,\"message\":\"m\",\"error_user_msg\":\"Please reduce the amount of data\"}}" },
		{ 504, 0, "<html>" }, { 502, 0, "" }, { 408, 0, "" }, { 524, 0, "<html>" },
		{ 0, HTTP_FAIL_TIMEOUT, "" }, { 0, HTTP_FAIL_TOO_BIG, "" }, { 0, HTTP_FAIL_CUT, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		/* of the list, where they say so; of a conversation */
		for (int at = strstr(t[i].body, "error\"") != NULL ? 0 : 1; at < 2; at++) {
			struct poll p;
			struct http_res res;
			char want[32];

			poll_begin(&p, PROVED);
			assert_int_equal(poll_ask(&p), RC_OK);
			if (at == 1) {
				poll_answer(&p, 200, "{\"data\":[" CONV_B "," CONV_A "]}");
				assert_int_equal(poll_ask(&p), RC_OK);
				assert_non_null(strstr(p.url, "cB?"));
			}
			for (int size = 12; size > 0; size /= 2) {
				res_make(&res, t[i].status, t[i].body);
				res.fail = t[i].fail;
				res.sent = t[i].fail != HTTP_FAIL_NONE;
				p.st.stored = true;
				assert_int_equal(G->poll_read(&p.a, &res, &p.st, &p.items), RC_OK);
				http_res_free(&res);
				assert_int_equal(poll_ask(&p), RC_OK);
				snprintf(want, sizeof want, at == 1 ? "limit(%d)" : "limit=%d", size);
				if (strstr(p.url, want) == NULL)
					fail_msg("%zu: %s: no %s", i, p.url, want);
			}
			poll_end(&p);
		}
}

/* Conversations that cannot be read are not in the way of those below, at every check anew. */
static void
poll_unreadable(void **state)
{
	static const char list[] = "{\"data\":[" CONV_N("c1") "," CONV_N("c2") "," CONV_N("c3") ","
	    CONV_N("c4") "," CONV_N("c5") "]}";
	struct poll p;
	char *memory = mem_dup(PROVED);
	bool asked[6] = { false };

	(void)state;
	for (int check = 0; check < 2; check++) {
		poll_begin(&p, memory);
		assert_int_equal(poll_ask(&p), RC_OK);
		poll_answer(&p, 200, list);
		while (poll_ask(&p) == RC_OK) {
			int n = strstr(p.url, "/c1?") ? 1 : strstr(p.url, "/c2?") ? 2 : strstr(p.url, "/c3?") ? 3 :
			    strstr(p.url, "/c4?") ? 4 : strstr(p.url, "/c5?") ? 5 : 0;

			assert_int_not_equal(n, 0);
			asked[n] = true;
			if (n <= 3)
				poll_answer(&p, 400, ERR(4242, 0));
			else
				poll_answer(&p, 200, "{\"messages\":{\"data\":[" MSG("M9") "]}}");
		}
		free(memory);
		memory = mem_dup(p.st.new_memory);
		poll_end(&p);
	}
	assert_true(asked[4] && asked[5]);
	free(memory);
}

static void
send_broken_lines(void **state)
{
	struct account a = account_make();
	struct outmsg m = { .recipient = ANA, .body = "x" };

	(void)state;
	for (int fail = HTTP_FAIL_URL; fail < HTTP_FAIL__MAX; fail++)
		for (int sent = 0; sent < 2; sent++) {
			struct send_result r;
			struct http_res res;

			http_res_init(&res);
			res.fail = (enum http_fail)fail;
			res.sent = sent != 0;
			assert_int_equal(G->send_read(&a, &m, &res, &r), RC_OK);
			assert_int_equal(r.outcome, sent ? SEND_UNKNOWN : SEND_RETRY);
			assert_string_equal(r.code, http_fail_names[fail]);
			http_res_free(&res);
		}
}

/* What proves nothing of whether it was sent: it is looked for before it goes again. */
static void
send_proofs(void **state)
{
	static const struct { int status; const char *body; enum send_outcome outcome; bool doubt; } t[] = {
		{ 200, ERR(1, 99), SEND_RETRY, true }, { 200, ERR(2, 0), SEND_RETRY, true },
		{ 200, "<html>", SEND_UNKNOWN, false }, { 200, "", SEND_UNKNOWN, false },
		{ 200, "[{\"code\":500}]", SEND_UNKNOWN, false },
		{ 200, "{\"recipient_id\":\"1\"}", SEND_ACCEPTED, false },
		{ 400, ERR(-1, 0), SEND_PAUSE, true }, { 500, ERR(-3, 0), SEND_RETRY, true },
		{ 400, "{\"error\":{}}", SEND_PAUSE, true }, { 400, ERR(4242, 0), SEND_PAUSE, true },
		{ 400, "{\"error\":{\"code\":\"1\",\"error_subcode\":\"1357046\"}}", SEND_RETRY, true },
		{ 500, "{\"error\":\"internal\"}", SEND_RETRY, true },
		{ 500, "{\"errors\":[{\"code\":1}]}", SEND_RETRY, true },
		{ 400, ERR(1200, 0), SEND_RETRY, true },
		{ 408, "", SEND_UNKNOWN, false }, { 499, "<html>", SEND_UNKNOWN, false },
		{ 520, "<html>", SEND_RETRY, true }, { 524, "<html>", SEND_RETRY, true },
		{ 400, ERR(80001, 2446079), SEND_PAUSE, false }, { 400, ERR(80014, 0), SEND_PAUSE, false },
		{ 403, ERR(341, 0), SEND_PAUSE, false }, { 403, "<html>", SEND_PAUSE, false },
		{ 400, ERR(100, 7777), SEND_PAUSE, false },
		{ 200, ERR(10, 2018278), SEND_REFUSED, false }, { 500, ERR(100, 2018109), SEND_REFUSED, false },
	};
	struct account a = account_make();
	struct outmsg m = { .recipient = ANA, .body = "x" };

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct send_result r;
		struct http_res res;

		res_make(&res, t[i].status, t[i].body);
		assert_int_equal(G->send_read(&a, &m, &res, &r), RC_OK);
		if (r.outcome != t[i].outcome || r.doubt != t[i].doubt)
			fail_msg("%zu: %d %s: outcome %d, doubt %d", i, t[i].status, t[i].body, (int)r.outcome, r.doubt);
		http_res_free(&res);
	}
}

static int64_t
pause_with(int status, const char *body, const char *name, const char *value)
{
	struct account a = account_make();
	struct outmsg m = { .recipient = ANA, .body = "x" };
	struct send_result r;
	struct http_res res;

	res_make(&res, status, body);
	http_res_header(&res, name, strlen(name), value, strlen(value));
	assert_int_equal(G->send_read(&a, &m, &res, &r), RC_OK);
	http_res_free(&res);
	return r.pause_s;
}

static void
usage_headers(void **state)
{
	const char *ok = "{\"message_id\":\"m\"}";

	(void)state;
	assert_int_equal(pause_with(200, ok, "X-App-Usage", "{\"call_count\":28}"), 0);
	assert_int_equal(pause_with(200, ok, "X-App-Usage", "{\"call_count\":28,\"total_time\":96}"), 60);
	assert_int_equal(pause_with(200, ok, "X-App-Usage", "nonsense"), 0);
	assert_int_equal(pause_with(200, ok, "X-Business-Use-Case-Usage",
	    "{\"1\":[{\"type\":\"messenger\",\"call_count\":100,\"estimated_time_to_regain_access\":19}]}"),
	    19 * 60);
	assert_int_equal(pause_with(200, ok, "X-Business-Use-Case-Usage",
	    "{\"1\":[{\"type\":\"messenger\",\"call_count\":97,\"estimated_time_to_regain_access\":0}]}"), 60);
	assert_int_equal(pause_with(429, "", "Retry-After", "7"), 7);
	assert_int_equal(pause_with(400, ERR(613, 0), "Retry-After", "120"), 120);
}

/* --- single questions ------------------------------------------------------------------- */

#define OUTMSG(id, at, text) "{\"id\":\"" id "\",\"created_time\":\"2026-07-12T19:11:" at "+0000\"," \
	"\"from\":{\"id\":\"" OWN "\"},\"to\":{\"data\":[{\"id\":\"" ANA "\"}]},\"message\":\"" text "\"}"

static void
lookup(void **state)
{
	struct account a = account_make();
	struct outmsg m = { .recipient = ANA, .body = "hi" };
	int64_t since = 1783883467LL * 1000000;	/* 19:11:07 */
	struct http_req r;
	struct http_res res;
	struct strv ids = { 0 };
	char conv[20];

	(void)state;
	assert_int_equal(G->lookup_build(&a, &m, &r), RC_OK);
	assert_non_null(strstr(r.url, BASE "me/conversations?platform=instagram&user_id=" ANA "&fields=id,updated_time,messages%7B"));
	http_req_free(&r);
	res_make(&res, 200, "{\"data\":[{\"id\":\"c\",\"messages\":{\"data\":[" OUTMSG("m4", "30", "hi") ","
	    OUTMSG("m3", "09", "hi") "," OUTMSG("m2", "08", "other") "," OUTMSG("m1", "01", "hi") "]}}]}");
	assert_int_equal(G->lookup_read(&a, &m, since, &res, &ids), RC_OK);
	assert_int_equal(ids.n, 2);	/* all since then, the oldest first */
	assert_string_equal(ids.v[0], "m3");
	assert_string_equal(ids.v[1], "m4");
	m.body = "never sent";
	assert_int_equal(G->lookup_read(&a, &m, since, &res, &ids), RC_NONE);
	m.body = "hi";
	a.own_id = (char *)"1";		/* a wrong configured id does not hide it */
	assert_int_equal(G->lookup_read(&a, &m, since, &res, &ids), RC_OK);
	http_res_free(&res);
	res_make(&res, 500, "x");
	assert_int_equal(G->lookup_read(&a, &m, since, &res, &ids), RC_TEMP);
	http_res_free(&res);
	/* a list that does not unfold the messages: a second step reads them */
	res_make(&res, 200, "{\"data\":[]}");
	assert_int_equal(G->lookup_read(&a, &m, since, &res, &ids), RC_NONE);
	http_res_free(&res);
	res_make(&res, 200, "{\"data\":[{\"id\":\"c/1\",\"updated_time\":\"2026-07-12T19:11:07+0000\"}]}");
	assert_int_equal(G->lookup_read(&a, &m, since, &res, &ids), RC_DUP);
	assert_string_equal(ids.v[ids.n - 1], "c/1");
	snprintf(conv, sizeof conv, "%s", ids.v[ids.n - 1]);
	m.look_in = conv;
	assert_int_equal(G->lookup_build(&a, &m, &r), RC_OK);
	assert_non_null(strstr(r.url, BASE "c%2F1?fields=messages%7B"));
	http_req_free(&r);
	/* too much for them: the same question for fewer */
	m.look_in = NULL;
	http_res_free(&res);
	res_make(&res, 500, "{\"error\":{\"code\":1,\"message\":\"Please reduce the amount of data\"}}");
	assert_int_equal(G->lookup_read(&a, &m, since, &res, &ids), RC_DUP);
	m.look_in = ids.v[ids.n - 1];
	assert_int_equal(G->lookup_build(&a, &m, &r), RC_OK);
	assert_non_null(strstr(r.url, "user_id=" ANA "&fields=id,updated_time,messages.limit(5)%7B"));
	http_req_free(&r);
	assert_int_equal(G->lookup_read(&a, &m, since, &res, &ids), RC_TEMP);
	http_res_free(&res);
	m.look_in = conv;
	res_make(&res, 200, "{\"data\":[{\"id\":\"c/1\",\"updated_time\":\"2026-07-12T19:11:07+0000\"}]}");
	/* and there is no third */
	assert_int_equal(G->lookup_read(&a, &m, since, &res, &ids), RC_NONE);
	http_res_free(&res);
	res_make(&res, 200, "{\"id\":\"c/1\",\"messages\":{\"data\":[" OUTMSG("m3", "09", "hi") "]}}");
	assert_int_equal(G->lookup_read(&a, &m, since, &res, &ids), RC_OK);
	assert_string_equal(ids.v[ids.n - 1], "m3");
	strv_free(&ids);
	http_res_free(&res);
}

static void
fetch_and_profile(void **state)
{
	struct account a = account_make();
	struct profile pr = { 0 };
	struct http_req r;
	struct http_res res;
	struct itemv v;

	(void)state;
	assert_int_equal(G->fetch_build(&a, "aWd/x", &r), RC_OK);
	assert_non_null(strstr(r.url, BASE "aWd%2Fx?fields=id,"));
	http_req_free(&r);
	assert_int_equal(G->fetch_build(&a, "", &r), RC_INVALID);
	itemv_init(&v);
	res_make(&res, 200, OUTMSG("m4", "30", "hi"));
	assert_int_equal(G->fetch_read(&a, "m4", &res, &v), RC_OK);
	assert_int_equal(v.n, 1);
	http_res_free(&res);
	res_make(&res, 400, ERR(9000001, 0));
	assert_int_equal(G->fetch_read(&a, "m4", &res, &v), RC_NONE);
	http_res_free(&res);
	res_make(&res, 400, ERR(190, 0));
	assert_int_equal(G->fetch_read(&a, "m4", &res, &v), RC_DENIED);
	http_res_free(&res);
	itemv_free(&v);
	assert_int_equal(G->profile_build(&a, ANA, &r), RC_OK);
	assert_string_equal(r.url, BASE ANA "?fields=name,username,profile_pic");
	http_req_free(&r);
	res_make(&res, 200, "{\"name\":null,\"username\":\"ana\",\"profile_pic\":\"https://x\"}");
	assert_int_equal(G->profile_read(&a, &res, &pr), RC_OK);
	assert_null(pr.name);
	assert_string_equal(pr.username, "ana");
	http_res_free(&res);
	res_make(&res, 400, ERR(230, 0));
	assert_int_equal(G->profile_read(&a, &res, &pr), RC_NONE);
	http_res_free(&res);
}

static void
refresh(void **state)
{
	struct account a = account_make();
	struct http_req r;
	struct http_res res;
	const char *token = NULL;
	int64_t life = 0;

	(void)state;
	assert_int_equal(G->refresh_build(&a, &r), RC_OK);
	assert_string_equal(r.url, "http://127.0.0.1:1/graph/refresh_access_token"
	    "?grant_type=ig_refresh_token&access_token=IGAAmadeUpToken");
	http_req_free(&r);
	res_make(&res, 200, "{\"access_token\":\"IGAAnew\",\"token_type\":\"bearer\",\"expires_in\":5183944}");
	assert_int_equal(G->refresh_read(&a, &res, &token, &life), RC_OK);
	assert_string_equal(token, "IGAAnew");
	assert_int_equal(life, 5183944);
	http_res_free(&res);
	res_make(&res, 200, "{}");
	assert_int_equal(G->refresh_read(&a, &res, &token, &life), RC_TEMP);
	http_res_free(&res);
	res_make(&res, 400, ERR(190, 0));
	assert_int_equal(G->refresh_read(&a, &res, &token, &life), RC_DENIED);
	http_res_free(&res);
	a.token = (char *)"EAApage";
	assert_int_equal(G->refresh_build(&a, &r), RC_INVALID);
}

static void
probes(void **state)
{
	static const struct { int step, status; const char *body, *code; enum finding_status want; } t[] = {
		{ 0, 200, "{\"id\":\"1\",\"user_id\":\"" OWN "\",\"username\":\"shop\",\"account_type\":\"BUSINESS\"}", "token", FINDING_OK },
		{ 0, 200, "{\"data\":[{\"user_id\":\"" OWN "\",\"username\":\"shop\",\"account_type\":\"PERSONAL\"}]}", "token", FINDING_WARN },
		{ 0, 400, ERR(190, 463), "token", FINDING_FAIL },
		{ 0, 500, "x", "token", FINDING_UNKNOWN },
		{ 1, 200, "{\"id\":\"1\",\"user_id\":\"" OWN "\"}", "page_id", FINDING_OK },
		{ 1, 200, "{\"id\":\"" OWN "\",\"user_id\":\"2\"}", "page_id", FINDING_FAIL },
		{ 1, 200, "{\"id\":\"1\",\"user_id\":\"2\"}", "page_id", FINDING_FAIL },
		{ 2, 200, "{\"data\":[]}", "subscribed", FINDING_FAIL },
		{ 2, 200, "{\"data\":[{\"id\":\"9\",\"subscribed_fields\":[\"messages\",\"messaging_seen\"]}]}", "subscribed", FINDING_WARN },
		{ 2, 200, "{\"data\":[{\"id\":\"9\",\"subscribed_fields\":[\"comments\"]}]}", "subscribed", FINDING_FAIL },
		{ 3, 200, "{\"data\":[" CONV_A "]}", "conversations", FINDING_OK },
		{ 3, 200, "{\"data\":[]}", "conversations", FINDING_WARN },
		{ 3, 403, ERR(10, 0), "conversations", FINDING_FAIL },
		{ 4, 200, "{\"data\":[{\"id\":\"a\",\"is_owner\":true}]}", "owner", FINDING_OK },
		{ 4, 200, "{\"data\":[{\"id\":\"a\",\"is_owner\":true},{\"id\":\"b\",\"is_owner\":false}]}", "owner", FINDING_WARN },
		{ 4, 200, "{\"data\":[{\"id\":\"a\"}]}", "owner", FINDING_OK },
		{ 4, 400, ERR(100, 0), "owner", FINDING_OK },
		{ 4, 500, "x", "owner", FINDING_OK },
		{ 5, 200, "{\"data\":{\"is_valid\":true,\"scopes\":[\"instagram_manage_messages\"]}}", "scopes", FINDING_OK },
		{ 5, 200, "{\"data\":{\"is_valid\":true,\"scopes\":[\"instagram_basic\"]}}", "scopes", FINDING_FAIL },
		{ 5, 200, "{\"data\":{\"is_valid\":false}}", "scopes", FINDING_FAIL },
	};
	struct account a = account_make();
	struct http_req r = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct finding f;
		struct http_res res;

		res_make(&res, t[i].status, t[i].body);
		assert_int_equal(G->probe_read(&a, t[i].step, &res, &f), RC_OK);
		if (f.status != t[i].want || strcmp(f.code, t[i].code) != 0)
			fail_msg("case %zu: %s %d: %s", i, f.code, f.status, f.seen);
		assert_true(f.seen[0] != '\0');
		assert_true(f.seen_ru[0] != '\0');
		http_res_free(&res);
	}
	for (int step = 0; step < 5; step++) {
		assert_int_equal(G->probe_build(&a, step, &r), RC_OK);
		assert_null(strstr(r.url, a.token));
		http_req_free(&r);
	}
	assert_int_equal(G->probe_build(&a, 5, &r), RC_NONE);
	a.token = (char *)"EAApage";
	assert_int_equal(G->probe_build(&a, 5, &r), RC_OK);
	http_req_free(&r);
	assert_int_equal(G->probe_build(&a, 6, &r), RC_NONE);
}

/* A known prefix decides; of another one the configured address does. */
static void
product(void **st)
{
	static const struct { const char *token, *api; enum graph_product want; } t[] = {
		{ "IGAAmadeUp", NULL, GRAPH_LOGIN }, { "IGQVmadeUp", NULL, GRAPH_LOGIN },
		{ "EAAmadeUp", NULL, GRAPH_MESSENGER }, { "XYZmadeUp", NULL, GRAPH_LOGIN },
		{ "IGAAmadeUp", "https://graph.facebook.com", GRAPH_LOGIN },
		{ "EAAmadeUp", "https://graph.instagram.com", GRAPH_MESSENGER },
		{ "XYZmadeUp", "https://graph.facebook.com", GRAPH_MESSENGER },
		{ "XYZmadeUp", "https://graph.instagram.com", GRAPH_LOGIN },
		{ "XYZmadeUp", "http://127.0.0.1:1/graph", GRAPH_LOGIN },
		{ NULL, "https://graph.facebook.com", GRAPH_LOGIN },
	};

	(void)st;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct account a = account_make();

		a.token = (char *)(uintptr_t)t[i].token;
		a.api_url = (char *)(uintptr_t)t[i].api;
		if (graph_product(&a) != t[i].want)
			fail_msg("%zu", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs), cmocka_unit_test(not_understood),
		cmocka_unit_test(thousand_items), cmocka_unit_test(signature), cmocka_unit_test(forged_cost),
		cmocka_unit_test(bad_signature_headers), cmocka_unit_test(handshake),
		cmocka_unit_test(poll_walk), cmocka_unit_test(poll_not_stored),
		cmocka_unit_test(poll_pages), cmocka_unit_test(poll_errors),
		cmocka_unit_test(poll_deadline), cmocka_unit_test(poll_again), cmocka_unit_test(polled_like_webhook),
		cmocka_unit_test(polled_reactions_follow), cmocka_unit_test(send_bodies),
		cmocka_unit_test(send_impossible), cmocka_unit_test(send_answers),
		cmocka_unit_test(send_code_100), cmocka_unit_test(appsecret_proof),
		cmocka_unit_test(poll_proves_itself), cmocka_unit_test(poll_less), cmocka_unit_test(poll_less_otherwise),
		cmocka_unit_test(poll_unreadable), cmocka_unit_test(send_proofs),
		cmocka_unit_test(send_broken_lines), cmocka_unit_test(usage_headers),
		cmocka_unit_test(lookup), cmocka_unit_test(fetch_and_profile),
		cmocka_unit_test(refresh), cmocka_unit_test(probes), cmocka_unit_test(product),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * WhatsApp Cloud API as a translator: limits at their borders, refusals, whom the token is
 * shown to (providers.md H.15 to H.20).  What deliveries become is in tests/data/cloud.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "extern/json.h"
#include "provider/cloud/cloud.h"

#define TOKEN "EAAmadeup"
static char own[] = "800000000000002", tok[] = TOKEN, name[] = "main", version[] = "v25.0",
    waba[] = "900000000000001";
static struct cloud_own acc_own = { .meta = { .version = version }, .waba_id = waba };
static struct account acc = { .name = name, .channel = CHANNEL_WHATSAPP,
    .provider = &provider_cloud, .own_id = own, .token = tok, .own = &acc_own };
#define P (&provider_cloud)

/* --- limits ------------------------------------------------------------------ */

/* n characters of one, two, three and four bytes in turn, beginning with the first-th. */
static char *
characters(struct mem_arena *a, size_t n, size_t first)
{
	static const char *const kinds[] = { "a", "я", "€", "😀" };
	struct buf b;
	char *s;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, kinds[(first + i) % 4]);
	s = mem_arena_ndup(a, b.p, b.n);
	buf_free(&b);
	return s;
}

static enum rc
build(const struct outmsg *m)
{
	struct http_req req = { 0 };
	enum rc rc = P->send_build(&acc, m, &req);

	http_req_free(&req);
	return rc;
}

/* A text or a caption of so many characters: goes up to the limit, whatever they weigh. */
static void
test_lengths(void **st)
{
	static const char *const types[] = { NULL, "image", "video", "file" };

	(void)st;
	for (size_t t = 0; t < sizeof types / sizeof *types; t++)
		for (size_t first = 0; first < 4; first++)
			for (int d = -1; d <= 1; d++) {
				struct mem_arena a = { 0 };
				size_t max = types[t] == NULL ? 4096 : 1024;
				const struct att att = { .type = types[t],
				    .url = "https://files.example.invalid/a" };
				const struct outmsg m = { .recipient = "70000000001", .thread_id = "",
				    .body = characters(&a, max + (size_t)(d + 1) - 1, first),
				    .atts = &att, .n_atts = types[t] == NULL ? 0 : 1 };

				if (build(&m) != (d <= 0 ? RC_OK : RC_INVALID))
					fail_msg("%s of %zu%+d", types[t] ? types[t] : "text", max, d);
				mem_arena_free(&a);
			}
	/* what the core splits by is what the request is held to */
	assert_int_equal(P->text_max, 4096);
	assert_int_equal(P->caption_max, 1024);
}

static void
test_content(void **st)
{
	const struct att two[] = { { .type = "image", .url = "https://f.example.invalid/a" },
	    { .type = "image", .url = "https://f.example.invalid/b" } };
	const struct att voice = { .type = "audio", .url = "https://f.example.invalid/a" };
	const struct att odd = { .type = "poll", .url = "https://f.example.invalid/a" };
	const struct outmsg bad[] = {
		{ .recipient = "70000000001", .body = NULL },
		{ .recipient = "70000000001", .body = "" },
		{ .recipient = "70000000001", .atts = two, .n_atts = 2 },
		{ .recipient = "70000000001", .atts = &voice, .n_atts = 1, .body = "no caption" },
		{ .recipient = "70000000001", .atts = &odd, .n_atts = 1 },
		{ .recipient = "", .body = "hi" } };
	const struct outmsg good = { .recipient = "70000000001", .atts = &voice, .n_atts = 1 };

	(void)st;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (build(&bad[i]) != RC_INVALID)
			fail_msg("message %zu was built", i);
	assert_int_equal(build(&good), RC_OK);
}

/* Digits of a phone: 5 to 15, however they are written. */
static void
test_recipients(void **st)
{
	static const struct { const char *before, *behind; } spellings[] = { { "", "" }, { "+", "" },
	    { "00", "" }, { "", "@c.us" }, { " ", " " }, { "", "@s.whatsapp.net" } };

	(void)st;
	for (size_t n = 3; n <= 17; n++)
		for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
			struct mem_arena a = { 0 };
			char digits[20], in[60];
			const char *out;

			snprintf(digits, sizeof digits, "%.*s", (int)n, "79876543210123456");
			snprintf(in, sizeof in, "%s%s%s", spellings[i].before, digits,
			    spellings[i].behind);
			out = P->recipient(&acc, in, &a);
			if (n < 5 || n > 15 ? out != NULL : !str_eq(out, digits))
				fail_msg("%s: %s", in, out ? out : "refused");
			mem_arena_free(&a);
		}
}

/* --- refusals ------------------------------------------------------------------ */

static void
answer(int status, int code, const char *words, unsigned int attempts, struct send_result *r)
{
	const struct outmsg m = { .recipient = "70000000001", .body = "hi", .attempts = attempts };
	struct http_res res;
	char body[400];

	http_res_init(&res);
	res.status = status;
	res.body_n = (size_t)snprintf(body, sizeof body, "{\"error\":{\"message\":\"(#%d) %s\","
	    "\"type\":\"OAuthException\",\"code\":%d}}", code, words, code);
	res.body = body;
	assert_int_equal(P->send_read(&acc, &m, &res, r), RC_OK);
	res.body = NULL;
	http_res_free(&res);
}

/* 4^n s after the n-th refusal, never the account's pause, never without end (H.19). */
static void
test_pair(void **st)
{
	static const int64_t waits[] = { 1, 4, 16, 64, 256, 1024, 1024, 1024 };
	struct send_result r;

	(void)st;
	for (unsigned int n = 0; n < sizeof waits / sizeof *waits; n++) {
		answer(400, 131056, "Pair rate limit hit", n, &r);
		assert_int_equal(r.outcome, SEND_RETRY);
		assert_int_equal(r.pause_s, 0);
		assert_int_equal(r.retry_after_s, waits[n]);
	}
	answer(400, 131056, "Pair rate limit hit", 4000000000u, &r);
	assert_int_equal(r.retry_after_s, 1024);
}

/* What a failed state says is to be done, of each code that comes as one (H.19). */
static void
test_remedies(void **st)
{
	static const struct { int code; const char *remedy; } cases[] = {
		{ 131000, "{\"tries\":3,\"code\":\"131000\",\"hint\":\"provider_error\"}" },
		{ 131016, "{\"tries\":3,\"code\":\"131016\",\"hint\":\"provider_error\"}" },
		{ 130429, "{\"tries\":3,\"pause_s\":10,\"code\":\"130429\",\"hint\":\"rate_limited\"}" },
		{ 131056, "{\"tries\":5,\"grows\":4,\"code\":\"131056\",\"hint\":\"rate_limited\"}" },
		{ 131042, "{\"tries\":0,\"pause_s\":900,\"code\":\"131042\",\"hint\":\"cloud_payment\"}" },
		{ 131048, "{\"tries\":0,\"pause_s\":3600,\"code\":\"131048\",\"hint\":\"cloud_restricted\"}" },
		{ 131031, "{\"tries\":0,\"pause_s\":3600,\"code\":\"131031\",\"hint\":\"cloud_restricted\"}" },
		{ 131050, "{\"tries\":0,\"contact\":\"no_marketing\",\"code\":\"131050\",\"hint\":\"cloud_marketing\"}" },
		{ 130403, "{\"tries\":0,\"contact\":\"blocked\",\"code\":\"130403\"}" },
		{ 131026, "{\"tries\":0,\"code\":\"131026\",\"hint\":\"cloud_unreachable\"}" },
		{ 131047, "{\"tries\":0,\"code\":\"131047\",\"hint\":\"cloud_template\"}" },
		{ 131049, "{\"tries\":0,\"code\":\"131049\",\"hint\":\"cloud_marketing\"}" },
		{ 130472, "{\"tries\":0,\"code\":\"130472\",\"hint\":\"cloud_marketing\"}" },
		{ 131053, "{\"tries\":0,\"code\":\"131053\",\"hint\":\"cloud_file\"}" },
		{ 132000, "{\"tries\":0,\"code\":\"132000\",\"hint\":\"cloud_template_form\"}" },
		{ 132012, "{\"tries\":0,\"code\":\"132012\",\"hint\":\"cloud_template_form\"}" },
		{ 132015, "{\"tries\":0,\"code\":\"132015\",\"hint\":\"cloud_template_off\"}" },
		{ 132016, "{\"tries\":0,\"code\":\"132016\",\"hint\":\"cloud_template_off\"}" },
		{ 131051, NULL }, { 139999, NULL }, { 100, NULL } };

	(void)st;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct itemv v;
		struct json *j;
		char body[700], *raw;

		snprintf(body, sizeof body, "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":"
		    "\"1\",\"changes\":[{\"field\":\"messages\",\"value\":{\"metadata\":"
		    "{\"phone_number_id\":\"%s\"},\"statuses\":[{\"id\":\"wamid.A==\",\"status\":\"failed\","
		    "\"timestamp\":\"1795800000\",\"errors\":[{\"code\":%d,\"title\":\"t\"}]}]}}]}]}", own,
		    cases[i].code);
		itemv_init(&v);
		assert_int_equal(P->parse(&acc, "application/json", body, strlen(body), &v), RC_OK);
		assert_int_equal(v.n, 1);
		assert_int_equal(json_parse(v.v[0].raw, strlen(v.v[0].raw), &j, NULL), RC_OK);
		raw = json_raw(&v.arena, json_get(j, "remedy"));
		if (cases[i].remedy == NULL ? json_get(j, "remedy") != NULL :
		    !str_eq(raw, cases[i].remedy))
			fail_msg("%d: %s", cases[i].code, raw);
		json_free(j);
		itemv_free(&v);
	}
}

/*
 * What mends a refusal is said in both languages, and of the right thing: that only a template goes
 * is said of the window alone, and whatever names a template's own fault does not say it.
 */
static void
test_hints(void **st)
{
	struct send_result r;

	(void)st;
	for (int code = 0; code < 140000; code++) {
		bool own_hint;

		if (code > 600 && code < 80000)
			continue;
		answer(400, code, "x", 0, &r);
		own_hint = r.hint != NULL && str_starts(r.hint, "cloud_");
		if (own_hint && (provider_hint(P, r.hint, false) == NULL || provider_hint(P, r.hint, true) == NULL))
			fail_msg("%d: %s has no words", code, r.hint);
		if (str_eq(r.hint, "cloud_template") != (code == 131047))
			fail_msg("%d: %s", code, r.hint);
		if (code >= 132000 && code < 132100 && !str_starts(r.hint, "cloud_template_"))
			fail_msg("%d: %s", code, r.hint);
	}
}

/* A token of 60 days is renewed where the app's id and secret are there, and nothing else is. */
static void
test_refresh(void **st)
{
	static const struct { int status; const char *body; enum rc rc; int64_t life; } t[] = {
		{ 200, "{\"access_token\":\"EAAnew\",\"token_type\":\"bearer\",\"expires_in\":5183944}", RC_OK, 5183944 },
		{ 200, "{\"access_token\":\"EAAnew\"}", RC_OK, 60 * 86400 },
		{ 200, "{\"access_token\":\"EAAnew\",\"expires_in\":0}", RC_OK, 60 * 86400 },
		{ 200, "{\"access_token\":\"\"}", RC_TEMP, 0 }, { 200, "{}", RC_TEMP, 0 }, { 200, "x", RC_TEMP, 0 },
		{ 400, "{\"error\":{\"message\":\"expired\",\"code\":190}}", RC_DENIED, 0 },
		{ 400, "{\"error\":{\"message\":\"Invalid appsecret_proof\",\"code\":100}}", RC_DENIED, 0 },
		{ 500, "{\"error\":{\"message\":\"x\",\"code\":2}}", RC_TEMP, 0 },
		{ 429, "", RC_TEMP, 0 }, { 502, "", RC_TEMP, 0 },
	};
	struct cloud_own mine = *cloud_own(&acc);
	struct account a = acc;
	struct http_req req;

	(void)st;
	mine.app_id = NULL;
	memset(&mine.meta.app_secrets, 0, sizeof mine.meta.app_secrets);
	a.own = &mine;
	assert_int_equal(P->refresh_build(&a, &req), RC_INVALID);
	mine.app_id = (char *)(uintptr_t)"600";
	assert_int_equal(P->refresh_build(&a, &req), RC_INVALID);	/* no secret */
	strv_add(&mine.meta.app_secrets, " a&b ", 5);
	assert_int_equal(P->refresh_build(&a, &req), RC_OK);
	assert_non_null(strstr(req.url, "/v25.0/oauth/access_token?grant_type=fb_exchange_token&client_id=600"
	    "&client_secret=a%26b&set_token_expires_in_60_days=true&fb_exchange_token=EAA"));
	http_req_free(&req);
	mine.app_id = NULL;
	assert_int_equal(P->refresh_build(&a, &req), RC_INVALID);
	strv_free(&mine.meta.app_secrets);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const char *token = NULL;
		struct http_res res;
		int64_t life = 0;
		enum rc rc;

		http_res_init(&res);
		res.status = t[i].status;
		res.body = (char *)(uintptr_t)t[i].body;
		res.body_n = strlen(t[i].body);
		rc = P->refresh_read(&a, &res, &token, &life);
		if (rc != t[i].rc || life != t[i].life || (rc == RC_OK && !str_eq(token, "EAAnew")))
			fail_msg("%zu: %d, %lld", i, (int)rc, (long long)life);
		res.body = NULL;
		http_res_free(&res);
	}
}

/* --- who sees the token (H.15) --------------------------------------------------- */

static enum rc
file_at(const char *api, const char *url, struct http_req *out, char why[200])
{
	struct account a = acc;
	char base[200];
	struct http_res res;
	struct buf b;
	enum rc rc;

	snprintf(base, sizeof base, "%s", api);
	a.api_url = base;
	http_res_init(&res);
	res.status = 200;
	buf_init(&b, 4096);
	buf_puts(&b, "{\"url\":");
	json_put_str(&b, url);
	buf_puts(&b, ",\"id\":\"7\"}");
	res.body = b.p;
	res.body_n = b.n;
	rc = P->media_read(&a, &res, out, why);
	res.body = NULL;
	http_res_free(&res);
	buf_free(&b);
	return rc;
}

static void
test_token_hosts(void **st)
{
	static const struct {
		const char *api, *url;
		bool may;
	} cases[] = {
		{ CLOUD_BASE, "https://lookaside.fbsbx.com/a?mid=7&hash=x", true },
		{ CLOUD_BASE, "https://scontent.fbcdn.net/a", true },
		{ CLOUD_BASE, "https://graph.facebook.com/a", true },
		{ CLOUD_BASE, "http://lookaside.fbsbx.com/a", false },
		{ CLOUD_BASE, "https://fbsbx.com.example.invalid/a", false },
		{ CLOUD_BASE, "https://evilfbsbx.com/a", false },
		{ CLOUD_BASE, "https://example.invalid/?.fbsbx.com", false },
		{ CLOUD_BASE, "https://example.invalid/a.fbsbx.com", false },
		{ CLOUD_BASE, "https://example.invalid#.fbsbx.com", false },
		{ CLOUD_BASE, "https://example.invalid\\.fbsbx.com", false },
		{ CLOUD_BASE, "https://example.invalid\\@x.fbsbx.com", false },
		{ CLOUD_BASE, "https://x.fbsbx.com@example.invalid/", false },
		{ CLOUD_BASE, "https://user@x.fbsbx.com/", false },
		{ CLOUD_BASE, "https://x.fbsbx.com:443@example.invalid/", false },
		{ CLOUD_BASE, "https://example.invalid%2f.fbsbx.com/", false },
		{ CLOUD_BASE, "https://example.invalid\t.fbsbx.com/", false },
		{ CLOUD_BASE, "https://.fbsbx.com/", false },	/* no name: whose would it be? */
		{ CLOUD_BASE, "https://-.fbsbx.com/", false },
		{ CLOUD_BASE, "https://x.fbsbx.com:8443/a", false },
		{ CLOUD_BASE, "https://x.fbsbx.com:443/a", true },
		{ CLOUD_BASE, "https://X.FBSBX.com/a", true },
		{ CLOUD_BASE, "https://127.0.0.1/a", false },
		{ CLOUD_BASE, "https://169.254.169.254/latest/meta-data", false },
		{ CLOUD_BASE, "https://[::1]/a", false },
		{ CLOUD_BASE, "file:///etc/passwd", false },
		{ CLOUD_BASE, "ftp://x.fbsbx.com/a", false },
		{ CLOUD_BASE, "//x.fbsbx.com/a", false },
		{ CLOUD_BASE, "javascript:https://x.fbsbx.com/a", false },
		{ CLOUD_BASE, "", false },
		/* another API address, as behind a proxy: that host, by its own scheme */
		{ "https://proxy.example.invalid/cloud", "https://proxy.example.invalid/f", true },
		{ "https://proxy.example.invalid/cloud", "http://proxy.example.invalid/f", false },
		{ "http://127.0.0.1:8080/cloud", "http://127.0.0.1:8080/f", true },
		{ "http://127.0.0.1:8080/cloud", "http://127.0.0.1:8081/f", false },
		{ "http://127.0.0.1:8080/cloud", "http://127.0.0.1/f", false },
		{ "http://127.0.0.1:8080/cloud", "http://127.0.0.1:8080@example.invalid/", false },
	};

	(void)st;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct http_req req = { 0 };
		char why[200] = "";
		enum rc rc = file_at(cases[i].api, cases[i].url, &req, why);

		if ((rc == RC_OK) != cases[i].may)
			fail_msg("%s: %d", cases[i].url, (int)rc);
		if (rc == RC_OK) {
			assert_string_equal(http_req_get(&req, "Authorization"), "Bearer " TOKEN);
			assert_int_equal(req.redirects, 0);	/* no further host sees it */
			http_req_free(&req);
		} else {
			assert_int_equal(rc, RC_NONE);
			assert_true(why[0] != '\0');
			assert_null(strstr(why, TOKEN));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_remedies),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_token_hosts),
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}

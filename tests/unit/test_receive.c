/* endpoint_receive: who may, what is answered, what the ledger and the log get.
 * Real configuration, providers and dispatch; the store and the spool are
 * stand-ins that remember what they were given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "hmac_count.h"
#include "bridge/ingest.h"
#include "endpoint/endpoint.h"
#include "endpoint/receive.h"
#include "extern/json.h"
#include "bridge/hooklog.h"
#include "base/log.h"
#include "model/provider.h"
#include "extern/sign.h"
#include "bridge/spool.h"
#include "store/store.h"
#include "base/clock.h"
#include "base/str.h"

#define HOOK "made-up-hook-secret"
#define APP_A "appsecretofaccounta0000000000000"
#define APP_B "appsecretofaccountb1111111111111"
#define BODY "{\"senderId\":\"test123\",\"messageId\":\"test-msg-1\",\"text\":\"geheim\"," \
	"\"username\":\"test_user\",\"timestamp\":1731499200}"

static char dir[] = "/tmp/dmbox-test-recv-XXXXXX";
static char conf_file[128];
static struct ctx *ctx;

/* --- stand-ins ------------------------------------------------------------ */

static enum { STORE_OK, STORE_SPOOL, STORE_AWAY } mode;
static int taken, refused_rows;
static unsigned int refused_extra;
static char last_account[64], last_reason[64], last_headers[4096], item_accounts[256];
static size_t last_body_n, last_items, last_ignored;
static int last_source;
static bool last_test;

static void
remember(const struct delivery *d)
{
	snprintf(last_account, sizeof last_account, "%s", d->account);
	snprintf(last_reason, sizeof last_reason, "%s", d->reason);
	snprintf(last_headers, sizeof last_headers, "%s", d->headers);
	last_body_n = d->body_n;
	last_items = d->items.n;
	last_ignored = d->items.ignored;
	last_source = (int)d->source;
	last_test = d->items.n > 0 && d->items.v[0].is_test;
	item_accounts[0] = '\0';
	for (size_t i = 0; i < d->items.n; i++) {
		size_t n = strlen(item_accounts);

		snprintf(item_accounts + n, sizeof item_accounts - n, "%s,",
		    d->items.v[i].account != NULL ? d->items.v[i].account : "-");
	}
}

enum rc
store_deliveries(struct db *db, struct delivery *const *v, size_t n)
{
	(void)db;
	for (size_t i = 0; i < n; i++) {
		struct delivery *d = v[i];

		taken++;
		remember(d);
		d->rc = mode == STORE_OK ? RC_OK : RC_TEMP;
		if (mode != STORE_OK)
			continue;
		d->id = 42;
		d->n_items = d->items.n + d->items.ignored;
		d->stored = d->items.n;
		d->ignored = d->items.ignored;
	}
	return mode == STORE_OK ? RC_OK : RC_TEMP;
}

enum rc
spool_put(struct spool *s, const struct delivery *d)
{
	(void)s;
	(void)d;
	return mode == STORE_SPOOL ? RC_OK : RC_TEMP;
}

enum rc
spool_claim(struct spool *s, struct spool_file **out)
{
	(void)s;
	(void)out;
	return RC_NONE;
}

struct delivery *
spool_delivery(struct spool_file *f)
{
	(void)f;
	return NULL;
}

enum rc
spool_done(struct spool *s, struct spool_file *f)
{
	(void)s;
	(void)f;
	return RC_OK;
}

void
spool_release(struct spool *s, struct spool_file *f)
{
	(void)s;
	(void)f;
}

void
spool_retry(struct spool *s, struct spool_file *f, bool others)
{
	(void)s;
	(void)f;
	(void)others;
}

bool
spool_tried_out(const struct spool_file *f)
{
	(void)f;
	return false;
}

enum rc
store_later(struct db *db, int64_t at_us, bool *out)
{
	(void)db;
	(void)at_us;
	*out = false;
	return RC_OK;
}

enum rc
store_schema_check(struct db *db)
{
	(void)db;
	return RC_OK;
}

enum rc
store_refused(struct db *db, struct delivery *d, unsigned int cap)
{
	(void)db;
	(void)cap;
	refused_rows++;
	assert_int_equal(d->verdict, VERDICT_REJECTED);
	remember(d);
	return RC_OK;
}

enum rc
store_refused_count(struct db *db, const char *channel, const char *account, const char *reason,
    unsigned int n)
{
	(void)db;
	assert_string_equal(channel, "instagram");
	assert_string_equal(account, "main");
	assert_string_equal(reason, "wrong_secret");
	refused_extra += n;
	return RC_OK;
}

enum rc
spool_open(const char *d, struct spool **out)
{
	(void)d;
	*out = (struct spool *)(void *)dir;	/* only handed on */
	return RC_OK;
}

void
spool_close(struct spool *s)
{
	(void)s;
}

enum rc
spool_stat(struct spool *s, struct spool_stat *out)
{
	(void)s;
	(void)out;
	return RC_TEMP;
}

/* --- asking --------------------------------------------------------------- */

static const struct endpoint_route routes[] = {
	{ "GET", "webhook", ROUTE_TAIL, 0, endpoint_receive_handshake },
	{ "POST", "webhook", ROUTE_TAIL | ROUTE_ANY_BODY, 0, endpoint_receive },
};

/* Those of programs that take no deliveries in. */
static void
job_fine(struct endpoint_env *e)
{
	e->res->status = 200;
}

static const struct endpoint_route others[] = {
	{ "GET", "health", 0, 0, job_fine },
	{ "POST", "send", 0, AUTH_SEND, job_fine },
	{ "POST", "inbox", ROUTE_TAIL, 0, job_fine },
};

struct ask {
	const char *method, *url, *query, *body;
	const char *name, *value;	/* a header */
	const char *addr;		/* the client's; NULL: 192.0.2.1 */
	bool too_large, cut, doctor, other;
};

static void
ask(const struct ask *a, struct http_res *res)
{
	static const struct endpoint_table webhook = { routes, sizeof routes / sizeof *routes, NULL },
	    other = { others, sizeof others / sizeof *others, endpoint_receive_stray };
	struct http_call call = { .held = NULL };
	struct http_req req;

	http_req_init(&req, a->method != NULL ? a->method : "POST",
	    a->url != NULL ? a->url : "/instagram/webhook");
	req.query = a->query != NULL ? a->query : "";
	req.body = a->body != NULL ? a->body : "";
	req.body_n = strlen(req.body);
	req.remote_addr = a->addr != NULL ? a->addr : "192.0.2.1";
	req.conf_path = conf_file;
	req.too_large = a->too_large;
	req.cut = a->cut;
	assert_int_equal(http_req_header(&req, "content-type", "application/json"), RC_OK);
	assert_int_equal(http_req_header(&req, "cookie", "session=abcdefgh"), RC_OK);
	assert_int_equal(http_req_header(&req, "x-request-id", "req-7"), RC_OK);
	assert_int_equal(http_req_header(&req, "x-odd", "holds " HOOK), RC_OK);
	if (a->name != NULL)
		assert_int_equal(http_req_header(&req, a->name, a->value), RC_OK);
	if (a->doctor)
		assert_int_equal(http_req_header(&req, "x-dmbox-doctor", "1"), RC_OK);
	call.req = req;
	http_res_init(&call.res);
	taken = refused_rows = 0;
	(void)endpoint_dispatch(ctx, 0, a->other ? &other : &webhook, &call);
	*res = call.res;
	http_req_free(&req);
}

static int
status(const struct ask *a)
{
	struct http_res res;
	int s;

	ask(a, &res);
	s = res.status;
	if (s == 401) {
		assert_int_equal(res.body_n, 0);
		assert_int_equal(taken, 0);
	}
	http_res_free(&res);
	return s;
}

/* A Graph body signed with key. */
static int
signed_post(const char *url, const char *body, const char *key)
{
	unsigned char mac[SIGN_SHA256];
	char hex[65], line[80];

	sign_hmac_sha256(key, strlen(key), body, strlen(body), mac);
	str_hex(mac, sizeof mac, hex);
	snprintf(line, sizeof line, "sha256=%s", hex);
	return status(&(struct ask){ .url = url, .body = body, .name = "X-Hub-Signature-256",
	    .value = line });
}

static void
write_file(const char *name, const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, 0600);
}

static int
setup(void **state)
{
	char text[2048], accounts[64];

	(void)state;
	unsetenv("DMBOX_CONFIG");
	assert_non_null(mkdtemp(dir));
	snprintf(accounts, sizeof accounts, "%s/accounts", dir);
	assert_int_equal(mkdir(accounts, 0700), 0);
	snprintf(conf_file, sizeof conf_file, "%s/dmbox.env", dir);
	snprintf(text, sizeof text, "DATABASE_URL=postgresql:///nowhere?host=/nonexistent\n"
	    "JWT_SECRET=made-up-secret-of-a-test-0123456789\nINSTAGRAM_WEBHOOK_SECRET=" HOOK
	    "\nINSTAGRAM_ACCESS_TOKEN=1000001.madeuptoken\n"
	    "DMBOX_ACCOUNTS_DIR=%s/accounts\nDMBOX_LOG_FILE=%s/log\nDMBOX_SPOOL_DIR=%s/spool\n", dir,
	    dir, dir);
	write_file("dmbox.env", text);
	write_file("accounts/a.env", "INSTAGRAM_USE_CHATRACE=false\nINSTAGRAM_PAGE_ID=17841400000000001\n"
	    "INSTAGRAM_APP_SECRET=" APP_A "\nINSTAGRAM_VERIFY_TOKEN=verify-me\n");
	write_file("accounts/b.env", "INSTAGRAM_USE_CHATRACE=false\nINSTAGRAM_PAGE_ID=17841400000000002\n"
	    "INSTAGRAM_APP_SECRET=" APP_B "," APP_A "\n");
	write_file("accounts/c.env", "INSTAGRAM_USE_CHATRACE=false\nINSTAGRAM_PAGE_ID=17841400000000003\n"
	    "INSTAGRAM_APP_SECRET=" APP_B "\n");
	ctx = ctx_new("test", CONF_WEB, CTX_DB_WEB, 1);
	return 0;
}

static int
teardown(void **state)
{
	static const char *const files[] = { "accounts/a.env", "accounts/b.env", "accounts/c.env",
		"accounts", "dmbox.env", "log", "" };
	char path[160];

	(void)state;
	ctx_free(ctx);
	log_close();
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, files[i]);
		(void)remove(path);
	}
	return 0;
}

/* --- tests ---------------------------------------------------------------- */

static void
test_credentials(void **state)
{
	(void)state;
	assert_int_equal(status(&(struct ask){ .body = BODY, .name = "X-Webhook-Secret", .value = HOOK }), 200);
	assert_int_equal(taken, 1);
	assert_string_equal(last_account, "main");
	assert_int_equal(last_source, SOURCE_WEBHOOK);
	assert_int_equal(status(&(struct ask){ .body = BODY, .name = "Authorization", .value = "Bearer " HOOK }), 200);
	assert_int_equal(status(&(struct ask){ .body = BODY, .query = "x=1&secret=" HOOK }), 200);
	assert_null(strstr(last_headers, HOOK));
	assert_non_null(strstr(last_headers, "x=1"));
	assert_int_equal(status(&(struct ask){ .body = BODY, .url = "/instagram/webhook/main",
	    .query = "secret=" HOOK }), 200);

	assert_int_equal(status(&(struct ask){ .body = BODY }), 401);
	assert_int_equal(refused_rows, 1);
	assert_string_equal(last_account, "main");
	assert_int_equal(last_body_n, strlen(BODY));
	assert_null(strstr(last_headers, HOOK));
	assert_null(strstr(last_headers, "abcdefgh"));
	assert_non_null(strstr(last_headers, "\"x-odd\""));
	assert_int_equal(status(&(struct ask){ .body = BODY, .name = "X-Webhook-Secret", .value = "wrong" }), 401);
	assert_string_equal(last_reason, "wrong_secret");
	assert_null(strstr(last_headers, "x-webhook-secret"));
	assert_int_equal(status(&(struct ask){ .body = BODY, .query = "secret=" HOOK "x" }), 401);
	assert_int_equal(status(&(struct ask){ .body = BODY, .query = "secret=%20" HOOK }), 401);
	assert_string_equal(last_reason, "wrong_secret_whitespace");
	assert_int_equal(status(&(struct ask){ .body = BODY, .name = "Authorization", .value = HOOK }), 401);
}

static void
test_edges(void **state)
{
	(void)state;
	assert_int_equal(status(&(struct ask){ .url = "/instagram/webhook/nobody", .body = BODY,
	    .query = "secret=" HOOK }), 404);
	assert_int_equal(status(&(struct ask){ .url = "/whatsapp/webhook", .body = BODY }), 404);
	assert_int_equal(status(&(struct ask){ .query = "secret=" HOOK }), 400);
	assert_int_equal(status(&(struct ask){ .query = "secret=" HOOK, .body = " \n" }), 400);
	assert_int_equal(status(&(struct ask){ .query = "secret=" HOOK, .body = BODY, .cut = true }), 400);
	assert_int_equal(taken, 0);
	assert_int_equal(status(&(struct ask){ .query = "secret=" HOOK, .too_large = true }), 413);
	assert_int_equal(refused_rows, 1);
	assert_string_equal(last_reason, "too_large");
	assert_int_equal(last_body_n, 0);
}

static void
test_answers(void **state)
{
	struct http_res res;
	const struct ask good = { .query = "secret=" HOOK, .body = BODY };

	(void)state;
	ask(&good, &res);
	assert_string_equal(res.body, "{\"success\":true,\"received\":1,\"stored\":1,\"duplicates\":0,"
	    "\"ignored\":0,\"spooled\":false,\"requestId\":\"req-7\"}\n");
	assert_string_equal(http_res_get(&res, "X-Request-Id"), "req-7");
	assert_string_equal(http_res_get(&res, "Content-Type"), "application/json; charset=utf-8");
	http_res_free(&res);
	mode = STORE_SPOOL;
	ask(&good, &res);
	assert_int_equal(res.status, 200);
	assert_non_null(strstr(res.body, "\"received\":1,\"stored\":0"));
	assert_non_null(strstr(res.body, "\"spooled\":true"));
	http_res_free(&res);
	mode = STORE_AWAY;
	ask(&good, &res);
	assert_int_equal(res.status, 503);
	assert_non_null(http_res_get(&res, "Retry-After"));
	http_res_free(&res);
	mode = STORE_OK;
	ask(&(struct ask){ .query = "secret=" HOOK, .body = "[[\x01" }, &res);
	assert_int_equal(res.status, 200);
	assert_non_null(strstr(res.body, "\"received\":1,\"stored\":0,\"duplicates\":0,\"ignored\":1"));
	assert_non_null(strstr(res.body, "\"warning\":\"not_understood\""));
	assert_non_null(strstr(res.body, "\"hint\":\""));
	assert_string_equal(last_reason, "not_understood");
	http_res_free(&res);
	/* JSON, and nothing in it that we know */
	ask(&(struct ask){ .query = "secret=" HOOK, .body = "{\"foo\":\"bar\"}" }, &res);
	assert_int_equal(res.status, 200);
	assert_non_null(strstr(res.body, "\"received\":1,\"stored\":0,\"duplicates\":0,\"ignored\":1"));
	assert_non_null(strstr(res.body, "\"warning\":\"not_understood\""));
	http_res_free(&res);
	assert_int_equal(status(&(struct ask){ .query = "secret=" HOOK, .body = BODY, .doctor = true }), 200);
	assert_int_equal(last_source, SOURCE_DOCTOR);
	assert_true(last_test);
}

#define ENTRY(id) "{\"id\":\"" id "\",\"time\":1752345678901,\"messaging\":[{\"sender\":{\"id\":" \
	"\"6500000000000001\"},\"recipient\":{\"id\":\"" id "\"},\"timestamp\":1752345678500," \
	"\"message\":{\"mid\":\"m-" id "\",\"text\":\"Hi\"}}]}"
#define GRAPH(entries) "{\"object\":\"instagram\",\"entry\":[" entries "]}"

static void
test_graph(void **state)
{
	static const char a[] = GRAPH(ENTRY("17841400000000001")), b[] = GRAPH(ENTRY("17841400000000002")),
	    ab[] = GRAPH(ENTRY("17841400000000001") "," ENTRY("17841400000000002")),
	    ac[] = GRAPH(ENTRY("17841400000000001") "," ENTRY("17841400000000003")),
	    zz[] = GRAPH(ENTRY("17841400000000099")), az[] = GRAPH(ENTRY("17841400000000099") ","
	    ENTRY("17841400000000001"));

	(void)state;
	assert_int_equal(signed_post("/instagram/webhook/a", a, APP_A), 200);
	assert_string_equal(last_account, "a");
	assert_int_equal(signed_post("/instagram/webhook", a, APP_A), 200);
	assert_string_equal(last_account, "a");
	assert_string_equal(item_accounts, "-,");
	assert_int_equal(signed_post("/instagram/webhook", a, "some other secret"), 401);
	assert_string_equal(last_reason, "wrong_signature");
	assert_string_equal(last_account, "a");
	assert_int_equal(signed_post("/instagram/webhook/c", a, APP_A), 401);
	/* one app, two accounts: each entry goes to its own */
	assert_int_equal(signed_post("/instagram/webhook", ab, APP_A), 200);
	assert_string_equal(item_accounts, "-,b,");
	assert_int_equal(signed_post("/instagram/webhook", b, APP_B), 200);
	/* the secret of one account does not write into another's */
	assert_int_equal(signed_post("/instagram/webhook", ac, APP_A), 401);
	assert_string_equal(last_reason, "foreign_account");
	/* an account in the path wins over the entry, with a warning */
	assert_int_equal(signed_post("/instagram/webhook/a", ac, APP_A), 200);
	assert_string_equal(item_accounts, "-,-,");
	/* nobody's: the ledger has it */
	assert_int_equal(signed_post("/instagram/webhook", zz, APP_A), 200);
	assert_string_equal(last_reason, "unknown_account");
	assert_int_equal(last_items, 0);
	assert_int_equal(last_ignored, 1);
	assert_int_equal(signed_post("/instagram/webhook", az, APP_A), 200);
	assert_int_equal(last_items, 1);
	assert_int_equal(last_ignored, 1);
	assert_int_equal(signed_post("/instagram/webhook/a", zz, APP_A), 200);
	assert_int_equal(last_items, 1);
}

/* Three accounts have two secrets in all: a body is read once for each, to any address. */
static void
test_digests(void **state)
{
	static const char ids[3][18] = { "17841400000000001", "17841400000000002", "17841400000000003" };
	static const char *const urls[] = { "/instagram/webhook", "/instagram/webhook/a",
		"/instagram/webhook/b", "/instagram/webhook/c" };
	static const size_t secrets[] = { 2, 1, 2, 1 };	/* of the accounts that an URL may mean */
	struct buf large, many;

	(void)state;
	buf_init(&large, 1 << 20);
	buf_puts(&large, GRAPH(ENTRY("17841400000000001")));
	while (large.n < (300u << 10))
		buf_putc(&large, ' ');
	for (size_t i = 0; i < 4; i++) {
		hmac_n = large.n;
		hmac_whole = 0;
		assert_int_equal(signed_post(urls[i], large.p, "another's secret"), 401);
		assert_int_equal(hmac_whole - 1, secrets[i]);	/* one is the forger's */
		hmac_n = strlen(GRAPH(ENTRY("17841400000000001")));
		hmac_whole = 0;
		assert_int_equal(signed_post(urls[i], GRAPH(ENTRY("17841400000000001")), "x"), 401);
		assert_int_equal(hmac_whole - 1, secrets[i]);
	}
	/* entries of two accounts in turn, both proved by one secret */
	buf_init(&many, 1 << 20);
	buf_puts(&many, "{\"object\":\"instagram\",\"entry\":[");
	for (size_t i = 0; i < 40; i++)
		buf_printf(&many, "%s{\"id\":\"%s\",\"time\":1,\"messaging\":[{\"sender\":{\"id\":\"7\"},"
		    "\"recipient\":{\"id\":\"%s\"},\"timestamp\":%zu,\"message\":{\"mid\":\"t%zu\",\"text\":\"x\"}}]}",
		    i > 0 ? "," : "", ids[i % 2], ids[i % 2], i + 1, i);
	buf_puts(&many, "]}");
	hmac_n = many.n;
	hmac_whole = 0;
	assert_int_equal(signed_post("/instagram/webhook", many.p, APP_A), 200);
	assert_int_equal(last_items, 40);
	assert_true(hmac_whole - 1 <= 2);
	buf_free(&many);
	buf_free(&large);
}

static void
test_handshake(void **state)
{
	struct http_res res;
	struct ask a = { .method = "GET", .url = "/instagram/webhook/a",
		.query = "hub.mode=subscribe&hub.verify_token=verify-me&hub.challenge=1158201444" };

	(void)state;
	ask(&a, &res);
	assert_int_equal(res.status, 200);
	assert_string_equal(res.body, "1158201444");
	assert_string_equal(http_res_get(&res, "Content-Type"), "text/plain");
	http_res_free(&res);
	a.url = "/instagram/webhook";
	assert_int_equal(status(&a), 200);
	a.url = "/instagram/webhook/b";
	assert_int_equal(status(&a), 403);
	a.url = "/instagram/webhook/nobody";
	assert_int_equal(status(&a), 404);
	a.url = "/instagram/webhook";
	a.query = "hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=reflectme";
	ask(&a, &res);
	assert_int_equal(res.status, 403);
	assert_null(strstr(res.body, "reflectme"));
	http_res_free(&res);
	a.query = "hub.mode=subscribe&hub.verify_token=verify-me&hub.challenge=%3Cscript%3E";
	assert_int_equal(status(&a), 403);
	a.query = "";
	assert_int_equal(status(&a), 403);
}

/* A public address that guesses is not heard for the rest of the minute; others are, and the
 * addresses that proxies have are never shut out. */
static void
test_guesses(void **state)
{
	static const char *const proxies[] = { "127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.0.1",
	    "172.31.255.1", "::1", "fd00::7", "::ffff:172.16.0.1", "" };
	const struct ask bad = { .body = BODY, .query = "secret=made-up-wrong", .addr = "198.51.100.9" };
	struct ask good = { .body = BODY, .query = "secret=" HOOK, .addr = "198.51.100.9" };
	struct ask mapped = bad;

	(void)state;
	clock_set(INT64_C(1763000000000000));	/* one minute throughout */
	for (int i = 0; i < 60; i++)
		assert_int_equal(status(&bad), 401);
	assert_int_equal(status(&bad), 429);
	assert_int_equal(status(&good), 429);
	good.addr = "198.51.100.10";
	assert_int_equal(status(&good), 200);
	good.addr = "172.32.0.1";		/* public, and it did not guess */
	assert_int_equal(status(&good), 200);
	/* IPv4 by a socket of both families: an address, and not all of them */
	good.addr = "::ffff:198.51.100.9";
	assert_int_equal(status(&good), 429);
	mapped.addr = "::ffff:203.0.113.1";
	for (int i = 0; i < 60; i++)
		assert_int_equal(status(&mapped), 401);
	assert_int_equal(status(&mapped), 429);
	good.addr = "::ffff:203.0.113.2";
	assert_int_equal(status(&good), 200);
	for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++) {
		struct ask x = bad;

		x.addr = good.addr = proxies[i];
		for (int k = 0; k < 70; k++)
			assert_int_equal(status(&x), 401);
		assert_int_equal(status(&good), 200);
	}
	clock_set(INT64_C(1763000060000000));
	good.addr = bad.addr;
	assert_int_equal(status(&good), 200);
	clock_set(0);
}

/* A guess by GET is one, too: of the right secret the answer says that it is. */
static void
test_guesses_by_get(void **state)
{
	const struct ask bad = { .method = "GET", .query = "secret=made-up-wrong&text=hi", .addr = "203.0.113.50" };
	struct ask good = { .method = "GET", .query = "secret=" HOOK "&text=hi", .addr = "203.0.113.50" };

	(void)state;
	clock_set(INT64_C(1763000180000000));	/* one minute throughout */
	assert_int_equal(status(&good), 405);
	for (int i = 0; i < 60; i++)
		assert_int_equal(status(&bad), 403);
	assert_int_equal(status(&bad), 429);
	assert_int_equal(status(&good), 429);
	good.addr = "203.0.113.51";
	assert_int_equal(status(&good), 405);
	/* who sends no secret guesses none */
	good.query = "utm_source=x";
	for (int i = 0; i < 70; i++)
		assert_int_equal(status(&good), 403);
	clock_set(0);
}

/* However many rows the cap leaves: rows and numbers together are all. */
static void
test_flood(void **state)
{
	const struct ask bad = { .body = BODY, .query = "secret=made-up-wrong", .addr = "10.0.0.7" };
	int rows = 0;

	(void)state;
	refused_extra = 0;
	for (int i = 0; i < 200; i++) {
		assert_int_equal(status(&bad), 401);
		rows += refused_rows;
	}
	endpoint_receive_tick(ctx);
	assert_int_equal(rows + (int)refused_extra, 200);
	assert_true(rows <= 120);
	endpoint_receive_tick(ctx);
	assert_int_equal(rows + (int)refused_extra, 200);
	/* an honest one beside them */
	assert_int_equal(status(&(struct ask){ .query = "secret=" HOOK, .body = BODY }), 200);
}

static void
test_sentences(void **state)
{
	static const char *const lines[] = { "═══════════════════════════════════════════════════════\n",
		"📨 Received webhook from Instagram/Chatrace\n", "📅 Time: 20", "📦 Body type: object\n",
		"📦 Body keys: senderId, messageId, text, username, timestamp\n",
		"📦 Full body: (109 bytes, delivery 42; DMBOX_LOG_LEVEL=debug shows it)\n",
		"═══════════════════════════════════════════════════════\n",
		"🔄 Processing Chatrace webhook: (109 bytes, delivery 42; DMBOX_LOG_LEVEL=debug shows it)\n",
		"📝 Extracted data from Chatrace webhook:\n", "  - senderId: test123\n",
		"  - messageId: test-msg-1\n", "  - text: (6 characters)\n",
		"✅ Chatrace Instagram message processed: test-msg-1 from test_user (test123)\n" };
	char path[160], *log;
	const char *at;
	struct stat st;
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/log", dir);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(status(&(struct ask){ .query = "secret=" HOOK, .body = BODY }), 200);
	assert_int_equal(stat(path, &st), 0);
	log = calloc(1, (size_t)st.st_size + 1);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fread(log, 1, (size_t)st.st_size, f), (size_t)st.st_size);
	fclose(f);
	at = log;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		const char *next = strstr(at, lines[i]);

		if (next == NULL)
			fail_msg("missing or out of order: %s\n%s", lines[i], log);
		at = next + strlen(lines[i]);
	}
	assert_null(strstr(log, "geheim"));
	assert_null(strstr(log, HOOK));
	free(log);
}

/* A mock account without a secret refuses like the provider behind it, and says what to set. */
static void
test_mock_refusal(void **state)
{
	struct account a = { .name = (char *)"m", .channel = CHANNEL_INSTAGRAM, .provider = provider_by_name("chatrace"),
	    .use_mock = true };
	char path[160], text[4096] = "";
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/log", dir);
	assert_int_equal(truncate(path, 0), 0);
	hooklog_refused(&a, "no_secret_configured", "192.0.2.1");
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, sizeof text - 1, f) > 0);
	fclose(f);
	assert_non_null(strstr(text, "; set INSTAGRAM_WEBHOOK_SECRET"));
}

/* A delivery at an address that is no webhook's leaves a row; what callers do with theirs none. */
static void
test_stray(void **state)
{
	static const struct {
		const char *method, *url, *name, *value, *body;
		int status;
		bool row;
	} v[] = {
		{ "POST", "/instagram/health", "X-Webhook-Secret", HOOK, BODY, 405, true },
		{ "POST", "/instagram/health", NULL, NULL, BODY, 405, true },
		{ "POST", "/health", "X-Webhook-Secret", HOOK, BODY, 405, true },
		{ "POST", "/instagram/webhooks", "X-Webhook-Secret", "another", BODY, 404, true },
		{ "POST", "/instagram/send", "X-Webhook-Secret", HOOK, BODY, 401, true },
		{ "POST", "/instagram/send", "X-Webhook-Secret", "another", BODY, 401, false },
		{ "POST", "/instagram/send", "Authorization", "Bearer of.no.use", "{\"text\":\"x\"}", 401, false },
		{ "POST", "/instagram/health", NULL, NULL, "log=admin&pwd=1", 405, false },
		{ "POST", "/instagram/inbox/x", "X-Webhook-Secret", HOOK, BODY, 200, false },
		{ "GET", "/instagram/health", "X-Webhook-Secret", HOOK, "", 200, false },
		{ "GET", "/instagram/nothing", "X-Webhook-Secret", HOOK, BODY, 404, false },
	};
	struct ask flood = { .url = "/instagram/health", .body = BODY, .addr = "192.0.2.99", .other = true };
	struct http_res res;
	char addr[20];
	int rows = 0;

	(void)state;
	mode = STORE_OK;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		snprintf(addr, sizeof addr, "192.0.2.%zu", 100 + i);
		last_reason[0] = last_account[0] = '\0';
		ask(&(struct ask){ .method = v[i].method, .url = v[i].url, .name = v[i].name, .value = v[i].value,
		    .body = v[i].body, .addr = addr, .other = true }, &res);
		if (res.status != v[i].status || refused_rows != v[i].row || taken != 0)
			fail_msg("%s %s, line %zu: %d, %d rows", v[i].method, v[i].url, i, res.status, refused_rows);
		if (v[i].row) {
			assert_string_equal(last_reason, "wrong_address");
			assert_string_equal(last_account, "main");
			assert_non_null(strstr(last_headers, v[i].url));
			assert_null(strstr(last_headers, HOOK));
		}
		http_res_free(&res);
	}
	for (int i = 0; i < 100; i++) {
		ask(&flood, &res);
		assert_int_equal(res.status, 405);
		rows += refused_rows;
		http_res_free(&res);
	}
	assert_true(rows >= 1 && rows <= 20);	/* STRAY_ROWS */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_graph),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_mock_refusal),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_guesses),
		cmocka_unit_test(test_guesses_by_get),
		cmocka_unit_test(test_stray),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* endpoint_dispatch: request ids, routes, methods, tokens, proxies, limits; a real
 * configuration file, no database. */
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

#include "model/auth.h"
#include "endpoint/endpoint.h"
#include "extern/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static char dir[] = "/tmp/dmbox-test-job-XXXXXX";
static char conf_file[128], last_addr[64], last_tail[64], last_sub[128];
static int last_channel, called;
static struct ctx *ctx;
static const struct conf *last_conf;	/* only to be compared */

static void
job_echo(struct endpoint_env *e)
{
	struct buf b;

	called++;
	last_channel = (int)e->channel;
	last_conf = e->conf;
	snprintf(last_addr, sizeof last_addr, "%s", e->addr);
	snprintf(last_tail, sizeof last_tail, "%s", e->tail);
	snprintf(last_sub, sizeof last_sub, "%s", e->caller.sub);
	buf_init(&b, 100);
	buf_puts(&b, "{}");
	endpoint_json(e, 200, &b);
	buf_free(&b);
}

static struct endpoint_env *handed_on;

/* Hands its request on; the test answers. */
static void
job_hand_on(struct endpoint_env *e)
{
	(void)e->res;
	http_busy(&e->reply);
	log_info("said before");
	handed_on = e;
	endpoint_later(e);
	assert_string_equal(log_request_id(), "");
}

static const struct endpoint_route routes[] = {
	{ "GET", "webhook", ROUTE_TAIL, 0, job_echo },
	{ "POST", "webhook", ROUTE_TAIL, 0, job_echo },
	{ "POST", "later", 0, 0, job_hand_on },
	{ "POST", "send", 0, 0, job_echo },
	{ "POST", "any", ROUTE_ANY_BODY, 0, job_echo },
	{ "GET", "health", 0, 0, job_echo },
	{ "GET", "stats", 0, AUTH_READ, job_echo },
	{ "GET", "metrics", 0, AUTH_READ | AUTH_ADMIN, job_echo },
};

struct hdr { const char *name, *value; };

static void
dispatch(struct ctx *c, const struct http_req *req, struct http_res *res)
{
	static const struct endpoint_table table = { routes, sizeof routes / sizeof *routes, NULL };
	struct http_call call = { .req = *req, .res = *res };

	assert_true(endpoint_dispatch(c, 0, &table, &call));
	*res = call.res;
}

/* One request; the caller frees res. */
static void
go(const char *method, const char *url, const char *peer, const struct hdr *h, struct http_res *res)
{
	struct http_req req;

	http_req_init(&req, method, url);
	req.query = "";
	req.body = "";
	req.remote_addr = peer;
	req.conf_path = conf_file;
	for (; h != NULL && h->name != NULL; h++)
		assert_int_equal(http_req_header(&req, h->name, h->value), RC_OK);
	http_res_init(res);
	called = 0;
	dispatch(ctx, &req, res);
	http_req_free(&req);
}

static int
status(const char *method, const char *url)
{
	struct http_res res;
	int s;

	go(method, url, "192.0.2.1", NULL, &res);
	s = res.status;
	http_res_free(&res);
	return s;
}

static void
write_conf(const char *extra)
{
	FILE *f;

	/* a new file, not a changed one: the change shows whatever the clock's grain */
	unlink(conf_file);
	f = fopen(conf_file, "w");

	assert_non_null(f);
	fprintf(f, "DATABASE_URL=postgresql:///nowhere?host=/nonexistent\nJWT_SECRET=" SECRET "\n"
	    "INSTAGRAM_WEBHOOK_SECRET=made-up-hook-secret\nDMBOX_TRUSTED_PROXIES=192.0.2.128/25, 2001:db8::1\n"
	    "DMBOX_LOG_FILE=%s/log\nDMBOX_SPOOL_DIR=%s/spool\n%s", dir, dir, extra);
	fclose(f);
	chmod(conf_file, 0600);
}

static int
setup(void **state)
{
	(void)state;
	unsetenv("DMBOX_CONFIG");
	assert_non_null(mkdtemp(dir));
	snprintf(conf_file, sizeof conf_file, "%s/dmbox.env", dir);
	write_conf("");
	ctx = ctx_new("test", CONF_WEB, CTX_DB_WEB, 1);
	return 0;
}

static int
teardown(void **state)
{
	char path[160];

	(void)state;
	ctx_free(ctx);
	log_close();
	unlink(conf_file);
	snprintf(path, sizeof path, "%s/log", dir);
	unlink(path);
	rmdir(dir);
	return 0;
}

static void
test_routes(void **state)
{
	(void)state;
	assert_int_equal(status("GET", "/instagram/webhook"), 200);
	assert_int_equal(last_channel, CHANNEL_INSTAGRAM);
	assert_string_equal(last_tail, "");
	assert_int_equal(status("POST", "/whatsapp/webhook/shop/"), 200);
	assert_int_equal(last_channel, CHANNEL_WHATSAPP);
	assert_string_equal(last_tail, "shop");
	/* the last channel folder counts */
	assert_int_equal(status("GET", "/cgi-bin/instagram/whatsapp/webhook"), 200);
	assert_int_equal(last_channel, CHANNEL_WHATSAPP);
	assert_int_equal(status("GET", "/a/webhook.fcgi/instagram/webhook/x"), 200);
	assert_string_equal(last_tail, "x");
	assert_int_equal(status("GET", "/health"), 200);
	assert_int_equal(last_channel, CHANNEL_INSTAGRAM);
	assert_int_equal(status("HEAD", "/instagram/health"), 200);
	assert_int_equal(status("GET", "/sub/health"), 200);
	assert_int_equal(status("GET", "/health/x"), 404);
	assert_int_equal(status("GET", "/instagram/health/x"), 404);
	assert_int_equal(status("GET", "/instagram/nothing"), 404);
	assert_int_equal(status("GET", "/webhook"), 404);
	assert_int_equal(status("GET", ""), 404);
	assert_int_equal(status("GET", "/instagram/"), 404);
	assert_int_equal(called, 0);
}

static void
test_methods(void **state)
{
	struct http_res res;

	(void)state;
	go("DELETE", "/instagram/webhook", "192.0.2.1", NULL, &res);
	assert_int_equal(res.status, 405);
	assert_string_equal(http_res_get(&res, "Allow"), "GET, HEAD, POST");
	assert_non_null(strstr(res.body, "\"code\":\"method_not_allowed\""));
	http_res_free(&res);
	assert_int_equal(status("OPTIONS", "/instagram/stats"), 405);
	assert_int_equal(status("POST", "/health"), 405);
	assert_int_equal(called, 0);
}

static int
with_body(const char *url, bool too_large, bool cut, struct http_res *res)
{
	struct http_req req;

	http_req_init(&req, "POST", url);
	req.conf_path = conf_file;
	req.body_max = 4711;
	req.announced = too_large ? 5000 : 0;
	req.too_large = too_large;
	req.cut = cut;
	http_res_init(res);
	called = 0;
	dispatch(ctx, &req, res);
	http_req_free(&req);
	return res->status;
}

/* A job never sees a body that is not all there, unless its route says so. */
static void
test_body(void **state)
{
	struct http_res res;

	(void)state;
	assert_int_equal(with_body("/instagram/send", false, false, &res), 200);
	http_res_free(&res);
	assert_int_equal(with_body("/instagram/send", true, false, &res), 413);
	assert_int_equal(called, 0);
	assert_non_null(strstr(res.body, "\"code\":\"too_large\""));
	assert_non_null(strstr(res.body, "4711"));
	http_res_free(&res);
	assert_int_equal(with_body("/instagram/send", false, true, &res), 400);
	assert_int_equal(called, 0);
	assert_non_null(strstr(res.body, "\"code\":\"cut_body\""));
	http_res_free(&res);
	assert_int_equal(with_body("/instagram/any", true, false, &res), 200);
	http_res_free(&res);
	assert_int_equal(with_body("/instagram/any", false, true, &res), 200);
	http_res_free(&res);
}

static void
check_id(const char *sent, bool kept)
{
	struct hdr h[] = { { "X-Request-Id", sent }, { NULL, NULL } };
	struct http_res res;
	const char *got;

	go("GET", "/instagram/none", "192.0.2.1", h, &res);
	got = http_res_get(&res, "X-Request-Id");
	assert_non_null(got);
	assert_true(str_charset(got, 1, 64, "._-"));
	assert_int_equal(strcmp(got, sent) == 0, kept);
	assert_non_null(strstr(res.body, got));
	http_res_free(&res);
}

static void
test_request_id(void **state)
{
	(void)state;
	check_id("abc.DEF_1-2", true);
	check_id("1234567890123456789012345678901234567890123456789012345678901234", true);
	check_id("12345678901234567890123456789012345678901234567890123456789012345", false);
	check_id("a b", false);
	check_id("\"}<script>", false);
	check_id("", false);
}

static int
with_token(const char *scope, const char *url, struct http_res *res)
{
	struct conf c = { .jwt_secret = (char *)(uintptr_t)SECRET };
	struct hdr h[2] = { { "Authorization", NULL }, { NULL, NULL } };
	char *t = NULL, line[1024];

	assert_int_equal(auth_token_make(&c, "ana", scope, 60, &t), RC_OK);
	snprintf(line, sizeof line, "Bearer %s", t);
	h[0].value = line;
	go("GET", url, "192.0.2.2", h, res);
	mem_free_secret(t);
	return res->status;
}

static void
test_scope(void **state)
{
	struct http_res res;

	(void)state;
	assert_int_equal(with_token("read", "/instagram/stats", &res), 200);
	assert_string_equal(last_sub, "ana");
	http_res_free(&res);
	assert_int_equal(with_token("admin", "/metrics", &res), 200);
	http_res_free(&res);
	assert_int_equal(with_token("poll send", "/metrics", &res), 403);
	assert_non_null(strstr(res.body, "read or admin"));
	http_res_free(&res);
	assert_int_equal(with_token(NULL, "/instagram/stats", &res), 403);
	assert_non_null(strstr(res.body, "read"));
	assert_int_equal(called, 0);
	http_res_free(&res);
}

static void
test_no_token(void **state)
{
	struct http_res res;
	int i;

	(void)state;
	for (i = 0; i < 601; i++) {
		go("GET", "/instagram/stats", "192.0.2.9", NULL, &res);
		if (res.status != 401)
			break;
		assert_string_equal(http_res_get(&res, "WWW-Authenticate"), "Bearer");
		http_res_free(&res);
	}
	assert_true(i >= 600);	/* a program with an old token still hears why */
	/* 600 a minute and address; the minute may turn over in between once */
	if (i == 601)
		for (i = 0; i < 601 && res.status == 401; i++) {
			go("GET", "/instagram/stats", "192.0.2.9", NULL, &res);
			if (res.status == 401)
				http_res_free(&res);
		}
	assert_int_equal(res.status, 429);
	assert_non_null(http_res_get(&res, "Retry-After"));
	http_res_free(&res);
	/* another address, and a good token, are not touched */
	assert_int_equal(status("GET", "/instagram/stats"), 401);
	assert_int_equal(with_token("read", "/instagram/stats", &res), 200);
	http_res_free(&res);
}

static void
check_addr(const char *peer, const char *list, const char *want)
{
	struct hdr h[] = { { "X-Forwarded-For", list }, { NULL, NULL } };
	struct http_res res;

	go("GET", "/health", peer, h, &res);
	assert_string_equal(last_addr, want);
	http_res_free(&res);
}

static void
test_proxies(void **state)
{
	(void)state;
	check_addr("192.0.2.1", "198.51.100.1", "192.0.2.1");
	check_addr("192.0.2.129", "198.51.100.1", "198.51.100.1");
	check_addr("192.0.2.129", "203.0.113.9, 198.51.100.1", "198.51.100.1");
	check_addr("192.0.2.129", "203.0.113.9, 198.51.100.1, 192.0.2.200", "198.51.100.1");
	check_addr("192.0.2.129", "junk", "192.0.2.129");
	check_addr("192.0.2.129", "203.0.113.9, junk", "192.0.2.129");
	check_addr("2001:db8::1", "2001:db8::77", "2001:db8::77");
	check_addr("2001:db8::2", "2001:db8::77", "2001:db8::2");
	check_addr("192.0.2.127", "198.51.100.1", "192.0.2.127");
	/* a socket of both families (nginx: ipv6only=off) names IPv4 so */
	check_addr("::ffff:192.0.2.1", "198.51.100.1", "192.0.2.1");
	check_addr("::ffff:192.0.2.129", "198.51.100.1", "198.51.100.1");
	check_addr("192.0.2.129", "::ffff:203.0.113.9, ::ffff:192.0.2.200", "203.0.113.9");
	check_addr("::ffff:nonsense", "198.51.100.1", "::ffff:nonsense");
}

static void
test_config(void **state)
{
	struct http_res res;
	struct ctx *good = ctx;

	(void)state;
	write_conf("DMBOX_NONSENSE=1\n");
	/* never had a good one */
	ctx = ctx_new("test", CONF_WEB, CTX_DB_WEB, 1);
	go("GET", "/health", "192.0.2.1", NULL, &res);
	assert_int_equal(res.status, 503);
	assert_non_null(strstr(res.body, "\"code\":\"config\""));
	assert_non_null(http_res_get(&res, "Retry-After"));
	assert_null(strstr(res.body, "NONSENSE"));
	http_res_free(&res);
	ctx_free(ctx);
	/* had one: it stays */
	ctx = good;
	assert_int_equal(status("GET", "/health"), 200);
	write_conf("");
}

/* The folder with the other accounts holds tokens as the main file does. */
static void
test_accounts_below(void **state)
{
	struct http_req req;
	struct http_res res;
	struct ctx *fresh = ctx_new("test", CONF_WEB, CTX_DB_WEB, 1);
	char site[140], accounts[160], extra[200];

	(void)state;
	snprintf(site, sizeof site, "%s/site", dir);
	snprintf(accounts, sizeof accounts, "%s/accounts", site);
	assert_int_equal(mkdir(site, 0700), 0);
	assert_int_equal(mkdir(accounts, 0700), 0);
	snprintf(extra, sizeof extra, "DMBOX_ACCOUNTS_DIR=%s\n", accounts);
	write_conf(extra);
	http_req_init(&req, "GET", "/health");
	req.query = req.body = "";
	req.conf_path = conf_file;
	req.doc_root = site;
	http_res_init(&res);
	dispatch(fresh, &req, &res);
	assert_int_equal(res.status, 503);
	http_res_free(&res);
	http_req_free(&req);
	ctx_free(fresh);
	rmdir(accounts);
	rmdir(site);
	write_conf("");
}

static void
test_doc_root(void **state)
{
	struct http_req req;
	struct http_res res;

	(void)state;
	http_req_init(&req, "GET", "/health");
	req.query = req.body = "";
	req.conf_path = conf_file;
	req.doc_root = dir;
	http_res_init(&res);
	dispatch(ctx, &req, &res);
	assert_int_equal(res.status, 503);
	http_res_free(&res);
	req.doc_root = "/tmp/elsewhere";
	http_res_init(&res);
	dispatch(ctx, &req, &res);
	assert_int_equal(res.status, 200);
	http_res_free(&res);
	http_req_free(&req);
}

static void
test_limit(void **state)
{
	unsigned int extra = 7, sum = 0, within = 0;
	char key[96];

	(void)state;
	for (int i = 0; i < 200; i++) {
		within += ctx_limit(ctx, "test:a", 50, &extra);
		sum += extra;
	}
	while (ctx_limit_left(ctx, "test:", key, &extra)) {
		assert_string_equal(key, "test:a");
		sum += extra;
	}
	assert_int_equal(within + sum, 200);
	assert_true(within == 50 || within == 100);	/* a minute may turn over */
	/* many keys: the table keeps its size */
	for (int i = 0; i < 5000; i++) {
		char k[32];

		snprintf(k, sizeof k, "test:%d", i);
		assert_true(ctx_limit(ctx, k, 1, NULL));
	}
}

static char calls[64];

static void
note_busy(void *arg)
{
	(void)arg;
	strcat(calls, "busy ");
}

static void
note_send(void *arg)
{
	snprintf(calls + strlen(calls), sizeof calls - strlen(calls), "send:%d ", ((struct http_res *)arg)->status);
}

static void
note_end(void *arg)
{
	(void)arg;
	strcat(calls, "end");
}

/* An answer that comes later has what every answer has; its lines are its own. */
static void
test_later(void **state)
{
	const struct endpoint_table table = { routes, sizeof routes / sizeof *routes, NULL };
	struct http_call call = { .reply = { note_busy, note_send, note_end, &call.res } };
	struct http_req *req = &call.req;
	static char text[1 << 20];
	char path[160], *said, *other;
	struct buf b;
	FILE *f;
	size_t n;

	(void)state;
	http_req_init(req, "POST", "/instagram/later");
	req->query = req->body = "";
	req->conf_path = conf_file;
	assert_int_equal(http_req_header(req, "x-request-id", "later-1"), RC_OK);
	http_res_init(&call.res);
	calls[0] = '\0';
	assert_false(endpoint_dispatch(ctx, 0, &table, &call));
	assert_string_equal(calls, "busy ");

	log_begin("other-1");	/* a thread with lines of its own goes on with it */
	log_info("meanwhile");
	endpoint_resume(handed_on);
	assert_string_equal(log_request_id(), "later-1");
	buf_init(&b, 100);
	buf_puts(&b, "{}");
	endpoint_json(handed_on, 202, &b);
	buf_free(&b);
	endpoint_answer(handed_on);
	log_info("said after");
	endpoint_pause(handed_on);
	assert_string_equal(log_request_id(), "other-1");
	endpoint_end(handed_on);
	assert_string_equal(calls, "busy send:202 end");
	log_end();
	assert_string_equal(http_res_get(&call.res, "X-Request-Id"), "later-1");
	assert_string_equal(http_res_get(&call.res, "Cache-Control"), "no-store");

	snprintf(path, sizeof path, "%s/log", dir);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	said = strstr(text, "later-1 said before\n");
	assert_non_null(said);
	other = strstr(text, "other-1 meanwhile\n");
	assert_true(other > said);
	said = strstr(said, "later-1 said after\n");
	assert_true(said != NULL && said < other);
	http_res_free(&call.res);
	http_req_free(req);
}

/* The configuration is looked up once a request, for the cap of its body. */
static void
test_held(void **state)
{
	const struct endpoint_table table = { routes, sizeof routes / sizeof *routes, NULL };
	struct http_call call = { .held = NULL };
	struct conf *conf;

	(void)state;
	http_req_init(&call.req, "GET", "/health");
	call.req.query = call.req.body = "";
	call.req.conf_path = conf_file;
	http_res_init(&call.res);
	assert_int_equal(endpoint_max_body(ctx, &call), 4194304);
	conf = call.held;
	assert_non_null(conf);
	last_conf = NULL;
	call.req.conf_path = "/nonexistent";	/* another look would find this one */
	assert_true(endpoint_dispatch(ctx, 0, &table, &call));
	assert_int_equal(call.res.status, 200);
	assert_ptr_equal(last_conf, conf);
	http_res_free(&call.res);

	http_res_init(&call.res);
	call.held = NULL;
	assert_int_equal(endpoint_max_body(ctx, &call), 65536);
	assert_null(call.held);
	http_res_free(&call.res);
	http_req_free(&call.req);
}

/* The lines of the request id in the log, into text. */
static size_t
lines_of(const char *id, char *text, size_t cap)
{
	char path[160], line[4096];
	size_t n = 0, len = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/log", dir);
	f = fopen(path, "r");
	assert_non_null(f);
	*text = '\0';
	while (fgets(line, sizeof line, f) != NULL)
		if (strstr(line, id) != NULL) {
			len += (size_t)snprintf(text + len, cap - len, "%s", line);
			assert_true(len < cap);
			n++;
		}
	fclose(f);
	return n;
}

/* Who has the id of an error answer finds it in the log, once. */
static void
test_error_lines(void **state)
{
	struct hdr h[] = { { "X-Request-Id", NULL }, { NULL, NULL } };
	static const struct { const char *id, *method, *url, *has; } v[] = {
		{ "line-404", "GET", "/instagram/none", " info  line-404 GET /instagram/none answered 404: not_found\n" },
		{ "line-405", "PUT", "/instagram/stats", " info  line-405 PUT /instagram/stats answered 405: method_not_allowed\n" },
		{ "line-401", "GET", "/instagram/stats", " warn  line-401 GET /instagram/stats refused: " },
	};
	char text[8192];
	struct http_res res;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		h[0].value = v[i].id;
		go(v[i].method, v[i].url, "192.0.2.77", h, &res);
		http_res_free(&res);
		assert_int_equal(lines_of(v[i].id, text, sizeof text), 1);
		if (strstr(text, v[i].has) == NULL)
			fail_msg("%s", text);
	}
	h[0].value = "line-200";
	go("GET", "/health", "192.0.2.77", h, &res);
	http_res_free(&res);
	assert_int_equal(lines_of("line-200", text, sizeof text), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_request_id),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_no_token),
		cmocka_unit_test(test_proxies),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_doc_root), cmocka_unit_test(test_accounts_below),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_error_lines),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

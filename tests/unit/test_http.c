#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/url.h"

static void
test_request(void **state)
{
	struct http_req r;

	(void)state;
	http_req_init(&r, "POST", "https://api.example.org/x");
	for (int i = 0; i < 20; i++)
		assert_int_equal(http_req_header(&r, "X-Many", "1"), RC_OK);
	assert_int_equal(http_req_header(&r, "X-Hub-Signature-256", "sha256=00"), RC_OK);
	assert_string_equal(http_req_get(&r, "x-hub-signature-256"), "sha256=00");
	assert_null(http_req_get(&r, "nope"));
	assert_int_equal(http_req_header(&r, "X-A", "a\r\nX-B: c"), RC_INVALID);
	assert_int_equal(http_req_header(&r, "X-A", "a\nX-B: c"), RC_INVALID);
	assert_int_equal(http_req_header(&r, "X-A", "a\rX-B: c"), RC_INVALID);
	assert_int_equal(http_req_header(&r, "X A", "a"), RC_INVALID);
	assert_int_equal(http_req_header(&r, "", "a"), RC_INVALID);
	assert_null(http_req_get(&r, "X-A"));
	http_req_body(&r, "application/json", "{}", 2);
	http_req_body(&r, "text/plain", "abc", 3);
	assert_string_equal(http_req_get(&r, "content-type"), "text/plain");
	assert_int_equal(r.n_hdrs, 22);
	assert_string_equal(r.body, "abc");
	http_req_free(&r);
}

static int
retry_after(const char *v)
{
	struct http_res r;
	int s;

	http_res_init(&r);
	if (v != NULL)
		http_res_header(&r, "Retry-After", 11, v, strlen(v));
	s = http_retry_after_s(&r);
	http_res_free(&r);
	return s;
}

static void
test_retry_after(void **state)
{
	(void)state;
	clock_set(INT64_C(1731499200000000));	/* Wed, 13 Nov 2024 12:00:00 */
	assert_int_equal(retry_after(NULL), -1);
	assert_int_equal(retry_after("17"), 17);
	assert_int_equal(retry_after(" 17 "), 17);
	assert_int_equal(retry_after("-3"), -1);
	assert_int_equal(retry_after("soon"), -1);
	assert_int_equal(retry_after("999999999"), 86400);
	assert_int_equal(retry_after("Wed, 13 Nov 2024 12:00:30 GMT"), 30);
	assert_int_equal(retry_after("Wed, 13 Nov 2024 11:00:00 GMT"), 0);
	assert_int_equal(retry_after("Wed, 13 ovD 2024 12:00:30 GMT"), -1);
	assert_int_equal(retry_after("Wed, 13 Nov 2024 12:00:3x GMT"), -1);
	clock_set(0);
}

static void
test_no_split(void **state)
{
	struct http_res r;

	(void)state;
	http_res_init(&r);
	http_res_header(&r, "X-Request-Id", 12, "a\r\nSet-Cookie: b", 16);
	assert_string_equal(http_res_get(&r, "x-request-id"), "a  Set-Cookie: b");
	http_res_free(&r);
}

static void
test_form(void **state)
{
	struct mem_arena a = { 0 };
	struct http_field *f;
	size_t n;
	const char *s = "a=1&b=x+y%2Fz&&c&d=%zz%4&e=a%00b&%D0%9F==";

	(void)state;
	assert_int_equal(http_form_parse(&a, s, strlen(s), 10, &f, &n), RC_OK);
	assert_int_equal(n, 6);
	assert_string_equal(f[1].value, "x y/z");
	assert_string_equal(f[2].name, "c");
	assert_string_equal(f[2].value, "");
	assert_string_equal(f[3].value, "%zz%4");
	assert_int_equal(f[4].value_n, 3);
	assert_memory_equal(f[4].value, "a\0b", 3);
	assert_string_equal(f[5].name, "\xD0\x9F");
	assert_string_equal(f[5].value, "=");
	assert_int_equal(http_form_parse(&a, s, strlen(s), 3, &f, &n), RC_LIMIT);
	assert_int_equal(http_form_parse(&a, "", 0, 3, &f, &n), RC_OK);
	assert_int_equal(n, 0);
	mem_arena_free(&a);
}

static void
test_query(void **state)
{
	struct mem_arena a = { 0 };

	(void)state;
	assert_string_equal(http_query_get(&a, "x=1&hub.mode=sub%20scribe&x=2", "hub.mode"),
	    "sub scribe");
	assert_string_equal(http_query_get(&a, "x=1&x=2", "x"), "1");
	assert_string_equal(http_query_get(&a, "hub%2Emode=s", "hub.mode"), "s");
	assert_string_equal(http_query_get(&a, "secret", "secret"), "");
	assert_null(http_query_get(&a, "secrets=1", "secret"));
	assert_null(http_query_get(&a, "", "x"));
	assert_null(http_query_get(&a, NULL, "x"));
	mem_arena_free(&a);
}

static void
test_encode(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	http_url_encode(&b, "a-._~Z9 /\xD0\x9F&");
	assert_string_equal(b.p, "a-._~Z9%20%2F%D0%9F%26");
	buf_free(&b);
}

static void
test_urls(void **state)
{
	static const char *const no[] = { "ftp://127.0.0.1/", "http://example.org/", "//x", "",
		"http://127.0.0.1@example.org/", "http://127.0.0.1.example.org/",
		"https://exa mple.org/", "https://example.org:0/", "https://example.org:99999/",
		"https://example.org:8a/", "https:///x", "https://a\\@b/", "https://[::1/",
		"http://127.1/", "https://[fe80::1%25eth0]/", "http://[::2]/", "https://-a/" };
	static const char *const yes[] = { "https://api.example.org", "http://localhost:3000/x",
		"http://127.0.0.53/", "http://[::1]:80/", "HTTPS://EXAMPLE.org" };
	char h[300];

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (http_url_allowed(no[i]))
			fail_msg("allowed: %s", no[i]);
	assert_false(http_url_allowed(NULL));
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!http_url_allowed(yes[i]))
			fail_msg("refused: %s", yes[i]);
	assert_int_equal(http_url_host("HTTPS://Example.ORG/a@b", h, sizeof(h)), RC_OK);
	assert_string_equal(h, "example.org:443");
	assert_int_equal(http_url_host("http://[::1]:8080?x", h, sizeof(h)), RC_OK);
	assert_string_equal(h, "[::1]:8080");
	assert_int_equal(http_url_host("http://example.org/", h, 8), RC_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_no_split),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

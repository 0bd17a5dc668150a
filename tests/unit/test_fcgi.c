/* fcgi: CGI variables to a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "extern/fcgi.h"

static void
ask(struct http_req *req, ...)
{
	char *envp[32];
	size_t n = 0;
	va_list ap;

	va_start(ap, req);
	while (n < 31 && (envp[n] = va_arg(ap, char *)) != NULL)
		n++;
	envp[n] = NULL;
	va_end(ap);
	fcgi_request(envp, req);
}

static void
test_request(void **state)
{
	struct http_req r;

	(void)state;
	ask(&r, "REQUEST_METHOD=POST", "REQUEST_URI=/x/instagram/webhook/main?secret=a%20b&x",
	    "QUERY_STRING=secret=a%20b&x", "HTTP_X_WEBHOOK_SECRET=s1", "HTTP_HOST=h", "CONTENT_TYPE=application/json",
	    "REMOTE_ADDR=192.0.2.7", "DMBOX_CONFIG=/etc/x.env", "DOCUMENT_ROOT=/srv", NULL);
	assert_string_equal(r.method, "POST");
	assert_string_equal(r.url, "/x/instagram/webhook/main");
	assert_string_equal(r.query, "secret=a%20b&x");
	assert_string_equal(http_req_get(&r, "X-Webhook-Secret"), "s1");
	assert_string_equal(http_req_get(&r, "Content-Type"), "application/json");
	assert_string_equal(r.remote_addr, "192.0.2.7");
	assert_string_equal(r.conf_path, "/etc/x.env");
	assert_string_equal(r.doc_root, "/srv");
	http_req_free(&r);
}

/* Two variables of one name: a client's X_Forwarded_For beside the proxy's X-Forwarded-For,
 * a credential that was given twice.  None counts, whatever the order and the case. */
static void
test_doubled(void **state)
{
	static const char *const names[] = { "X_FORWARDED_FOR", "AUTHORIZATION", "X_HUB_SIGNATURE_256",
	    "X_WEBHOOK_SECRET", "X_REQUEST_ID" };
	struct http_req r;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char a[100], b[100], header[100];
		const char *v;

		snprintf(a, sizeof a, "HTTP_%s=203.0.113.9", names[i]);
		snprintf(b, sizeof b, "HTTP_%s=198.51.100.7", names[i]);
		snprintf(header, sizeof header, "%s", names[i]);
		for (char *c = header; *c != '\0'; c++)
			if (*c == '_')
				*c = '-';
		for (int third = 0; third < 2; third++) {
			ask(&r, a, "HTTP_HOST=h", b, third ? a : "HTTP_ACCEPT=x",
			    "REDIRECT_HTTP_AUTHORIZATION=Bearer x", NULL);
			v = http_req_get(&r, header);
			assert_true(v == NULL || *v == '\0');
			assert_string_equal(http_req_get(&r, "Host"), "h");
			http_req_free(&r);
		}
	}
}

static void
test_target(void **state)
{
	struct http_req r;

	(void)state;
	/* the query of the URI where the server sets none; absolute form; no URI at all */
	ask(&r, "REQUEST_URI=/instagram/webhook?hub.mode=subscribe", NULL);
	assert_string_equal(r.method, "GET");
	assert_string_equal(r.url, "/instagram/webhook");
	assert_string_equal(r.query, "hub.mode=subscribe");
	http_req_free(&r);
	ask(&r, "REQUEST_URI=http://example.org:8080/health?a=1", NULL);
	assert_string_equal(r.url, "/health");
	assert_string_equal(r.query, "a=1");
	http_req_free(&r);
	ask(&r, "REQUEST_URI=http://example.org", NULL);
	assert_string_equal(r.url, "");
	http_req_free(&r);
	ask(&r, "SCRIPT_NAME=/cgi-bin/webhook.fcgi", "PATH_INFO=/instagram/webhook", NULL);
	assert_string_equal(r.url, "/cgi-bin/webhook.fcgi/instagram/webhook");
	assert_string_equal(r.query, "");
	http_req_free(&r);
	ask(&r, NULL);
	assert_string_equal(r.url, "");
	assert_null(r.remote_addr);
	assert_null(r.conf_path);
	http_req_free(&r);
}

static void
test_authorization(void **state)
{
	struct http_req r;

	(void)state;
	ask(&r, "REDIRECT_HTTP_AUTHORIZATION=Bearer a", NULL);
	assert_string_equal(http_req_get(&r, "Authorization"), "Bearer a");
	http_req_free(&r);
	ask(&r, "HTTP_AUTHORIZATION=Bearer b", "REDIRECT_HTTP_AUTHORIZATION=Bearer a", NULL);
	assert_string_equal(http_req_get(&r, "authorization"), "Bearer b");
	http_req_free(&r);
	/* an empty variable is no header; one with a line break is left out */
	ask(&r, "REDIRECT_HTTP_AUTHORIZATION=", "HTTP_X_A=1\r\nX-B: 2", NULL);
	assert_null(http_req_get(&r, "authorization"));
	assert_null(http_req_get(&r, "x-a"));
	http_req_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request), cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_authorization),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

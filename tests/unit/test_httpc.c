/*
 * libcurl against a small server of the test's own, which can be slow,
 * cut the line, never end, and count connections and requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "extern/httpc.h"
#include "base/mem.h"
#include "base/str.h"

/* --- the server ---------------------------------------------------------------- */

struct server {
	int fd;
	int port;
	pthread_t accepter;
	pthread_mutex_t lock;
	int connections, requests, posts;
	char last[4096];	/* the last request */
};

static struct server one, two;

static void
say(int fd, const char *s)
{
	if (write(fd, s, strlen(s)) < 0)
		return;
}

static void
answer(int fd, int status, const char *headers, const char *body)
{
	char b[2048];

	snprintf(b, sizeof b, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s", status,
	    strlen(body), headers, body);
	say(fd, b);
}

/* false: close the connection */
static bool
serve_path(int fd, const char *path, int nth)
{
	static const char filler[4096];
	char to[600];

	if (strcmp(path, "/ok") == 0) {
		answer(fd, 200, "Content-Type: application/json\r\nX-Two:  two words \r\n", "{\"a\":1}");
	} else if (strcmp(path, "/slow") == 0) {
		char c;
		return read(fd, &c, 1) > 0;	/* until the client has had enough */
	} else if (strcmp(path, "/cut") == 0) {
		return false;
	} else if (strcmp(path, "/half") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\"");
		return false;
	} else if (strcmp(path, "/endless") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\n\r\n");
		while (write(fd, filler, sizeof filler) > 0)
			;
		return false;
	} else if (strcmp(path, "/once") == 0) {
		if (nth > 1)
			return false;	/* a kept connection that dies */
		answer(fd, 200, "", "{}");
	} else if (strncmp(path, "/to/", 4) == 0) {
		snprintf(to, sizeof to, "Location: %s\r\n", path + 3);
		answer(fd, 302, to, "moved");
	} else if (strncmp(path, "/port/", 6) == 0) {
		snprintf(to, sizeof to, "Location: http://127.0.0.1:%s/ok\r\n", path + 6);
		answer(fd, 307, to, "moved");
	} else if (strncmp(path, "/over/", 6) == 0) {	/* /over/PORT/PATH */
		snprintf(to, sizeof to, "Location: http://127.0.0.1:%s\r\n", path + 6);
		answer(fd, 302, to, "moved");
	} else if (strcmp(path, "/loop") == 0) {
		answer(fd, 301, "Location: /loop\r\n", "");
	} else if (strcmp(path, "/file") == 0) {
		answer(fd, 302, "Location: file:///etc/hostname\r\n", "");
	} else if (strcmp(path, "/bytes") == 0) {
		answer(fd, 200, "", "0123456789");
	} else {
		answer(fd, 404, "", "no");
	}
	return true;
}

struct conn {
	struct server *s;
	int fd;
};

/* Of the body, as the head announces it. */
static size_t
length_of(const char *head)
{
	const char *p = strstr(head, "Content-Length: ");

	return p != NULL ? (size_t)strtol(p + strlen("Content-Length: "), NULL, 10) : 0;
}

static void *
serve(void *arg)
{
	struct conn c = *(struct conn *)arg;
	char b[4096], method[16], path[512];
	size_t n = 0;
	int nth = 0;

	free(arg);
	for (;;) {
		char *end;
		ssize_t got = read(c.fd, b + n, sizeof b - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
		b[n] = '\0';
		if (b[0] == 0x16)	/* a TLS handshake: we speak none */
			break;
		if ((end = strstr(b, "\r\n\r\n")) == NULL)
			continue;
		if (n < (size_t)(end + 4 - b) + length_of(b))
			continue;
		n = 0;
		method[0] = path[0] = '\0';
		end = strchr(b, ' ');
		snprintf(method, sizeof method, "%.*s", (int)(end - b), b);
		snprintf(path, sizeof path, "%.*s", (int)strcspn(end + 1, " "), end + 1);
		pthread_mutex_lock(&c.s->lock);
		c.s->requests++;
		c.s->posts += strcmp(method, "POST") == 0;
		memcpy(c.s->last, b, sizeof b);
		pthread_mutex_unlock(&c.s->lock);
		if (!serve_path(c.fd, path, ++nth))
			break;
	}
	close(c.fd);
	return NULL;
}

static void *
accept_all(void *arg)
{
	struct server *s = arg;
	pthread_t t;

	for (;;) {
		struct conn *c = malloc(sizeof *c);

		c->s = s;
		c->fd = accept(s->fd, NULL, NULL);
		if (c->fd < 0) {
			free(c);
			return NULL;
		}
		pthread_mutex_lock(&s->lock);
		s->connections++;
		pthread_mutex_unlock(&s->lock);
		if (pthread_create(&t, NULL, serve, c) == 0)
			pthread_detach(t);
	}
}

static void
server_start(struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(s->fd, 64), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->accepter, NULL, accept_all, s), 0);
}

static int
setup(void **state)
{
	(void)state;
	server_start(&one);
	server_start(&two);
	return 0;
}

static int
reset(void **state)
{
	(void)state;
	for (struct server *s = &one; s != NULL; s = s == &one ? &two : NULL) {
		pthread_mutex_lock(&s->lock);
		s->connections = s->requests = s->posts = 0;
		s->last[0] = '\0';
		pthread_mutex_unlock(&s->lock);
	}
	return 0;
}

/* --- one request ------------------------------------------------------------------ */

static void
req_init(struct http_req *r, const char *method, const char *path)
{
	char url[600];

	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", one.port, path);
	http_req_init(r, method, url);
	r->timeout_ms = 30000;
}

static void
get(struct httpc *h, const char *path, struct http_res *res)
{
	struct http_req r;

	req_init(&r, "GET", path);
	httpc_once(h, &r, res);
	http_req_free(&r);
}

static void
test_answer(void **state)
{
	struct httpc *h = httpc_new(NULL);
	struct http_res res;

	(void)state;
	get(h, "/ok", &res);
	assert_int_equal(res.fail, HTTP_FAIL_NONE);
	assert_int_equal(res.status, 200);
	assert_string_equal(res.body, "{\"a\":1}");
	assert_string_equal(http_res_get(&res, "x-two"), "two words");
	assert_true(res.sent);
	assert_non_null(strstr(one.last, "Accept: application/json\r\n"));
	http_res_free(&res);
	get(h, "/ok", &res);
	http_res_free(&res);
	assert_int_equal(one.connections, 1);	/* reads keep the connection */
	httpc_free(h);
}

/* A form: values and the bytes of a file, whose length is announced. */
static void
test_form(void **state)
{
	char path[] = "/tmp/dmbox-form-XXXXXX";
	int fd = mkstemp(path);
	const struct http_part v[] = { { .name = "kind", .value = "made up" },
		{ .name = "file", .path = path, .filename = "a.txt", .type = "text/plain" } };
	struct httpc *h = httpc_new(NULL);
	struct http_req r;
	struct http_res res;

	(void)state;
	assert_int_equal(write(fd, "the bytes", 9), 9);
	close(fd);
	req_init(&r, "POST", "/ok");
	http_req_form(&r, v, 2);
	httpc_once(h, &r, &res);
	assert_int_equal(res.status, 200);
	assert_non_null(strstr(one.last, "POST /ok "));
	assert_non_null(strstr(one.last, "Content-Type: multipart/form-data; boundary="));
	assert_non_null(strstr(one.last, "; name=\"kind\"\r\n\r\nmade up\r\n"));
	assert_non_null(strstr(one.last, "; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nthe bytes\r\n"));
	assert_null(strstr(one.last, "Expect:"));
	http_res_free(&res);
	/* a file that is gone: nobody is called */
	unlink(path);
	httpc_once(h, &r, &res);
	assert_int_equal(res.fail, HTTP_FAIL_CUT);
	assert_false(res.sent);
	assert_int_equal(one.connections, 1);
	http_res_free(&res);
	http_req_free(&r);
	httpc_free(h);
}

static void
test_post_fresh(void **state)
{
	struct httpc *h = httpc_new(NULL);
	struct http_req r;
	struct http_res res;

	(void)state;
	get(h, "/ok", &res);
	http_res_free(&res);
	for (int i = 0; i < 2; i++) {
		req_init(&r, "POST", "/once");
		http_req_body(&r, "application/json", "{}", 2);
		r.fresh = true;
		httpc_once(h, &r, &res);
		assert_int_equal(res.status, 200);
		http_req_free(&r);
		http_res_free(&res);
	}
	assert_int_equal(one.connections, 3);
	assert_int_equal(one.posts, 2);
	assert_non_null(strstr(one.last, "Content-Type: application/json\r\n"));
	assert_null(strstr(one.last, "Expect:"));
	httpc_free(h);
}

static void
test_failures(void **state)
{
	static const struct { const char *path; enum http_fail fail; bool sent; } v[] = {
		{ "/slow", HTTP_FAIL_TIMEOUT, true }, { "/cut", HTTP_FAIL_CUT, true },
		{ "/half", HTTP_FAIL_CUT, true }, { "/endless", HTTP_FAIL_TOO_BIG, true },
	};
	struct httpc *h = httpc_new(NULL);
	struct http_req r;
	struct http_res res;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		req_init(&r, "GET", v[i].path);
		r.timeout_ms = i == 0 ? 1500 : 30000;	/* sent by then, on any machine */
		r.max_answer = 10000;
		r.fresh = true;
		httpc_once(h, &r, &res);
		assert_int_equal(res.fail, v[i].fail);
		assert_int_equal(res.sent, v[i].sent);
		assert_true(res.body_n <= 10000);
		assert_string_not_equal(res.note, "");
		http_req_free(&r);
		http_res_free(&res);
	}
	httpc_free(h);
}

static void
test_not_sent(void **state)
{
	struct httpc *h = httpc_new(NULL);
	struct http_req r;
	struct http_res res;
	char url[100];

	(void)state;
	http_req_init(&r, "POST", "http://127.0.0.1:1/");	/* nobody listens */
	http_req_body(&r, NULL, "x", 1);
	httpc_once(h, &r, &res);
	assert_int_equal(res.fail, HTTP_FAIL_CONNECT);
	assert_false(res.sent);
	http_req_free(&r);
	http_res_free(&res);
	snprintf(url, sizeof url, "https://127.0.0.1:%d/", one.port);	/* speaks no TLS */
	http_req_init(&r, "POST", url);
	httpc_once(h, &r, &res);
	assert_int_equal(res.fail, HTTP_FAIL_TLS);
	assert_false(res.sent);
	http_req_free(&r);
	http_res_free(&res);
	httpc_free(h);
}

/* A peer whose system takes the connection while its program never looks at it: by
 * TLS nothing of the request can have left, in plain text all of it has. */
static void
test_deaf_peer(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct httpc *h = httpc_new(NULL);
	struct http_req r;
	struct http_res res;
	char url[100];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	for (int tls = 0; tls < 2; tls++) {
		snprintf(url, sizeof url, "http%s://127.0.0.1:%d/", tls ? "s" : "", ntohs(sa.sin_port));
		http_req_init(&r, "POST", url);
		http_req_body(&r, NULL, "x", 1);
		r.fresh = true;
		r.timeout_ms = 1500;
		httpc_once(h, &r, &res);
		/* some versions of libcurl call the end of time in a handshake a failed handshake */
		assert_true(res.fail == HTTP_FAIL_TIMEOUT || (tls && res.fail == HTTP_FAIL_TLS));
		assert_int_equal(res.sent, !tls);
		http_req_free(&r);
		http_res_free(&res);
	}
	httpc_free(h);
	close(fd);
}

static void
test_bad_urls(void **state)
{
	static const char *const v[] = { "", "ftp://127.0.0.1/", "file:///etc/passwd",
		"http://example.org/", "127.0.0.1", "http://", "gopher://127.0.0.1/" };
	struct httpc *h = httpc_new(NULL);
	struct http_req r;
	struct http_res res;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		http_req_init(&r, "GET", v[i]);
		httpc_once(h, &r, &res);
		assert_int_equal(res.fail, HTTP_FAIL_URL);
		assert_false(res.sent);
		http_req_free(&r);
		http_res_free(&res);
	}
	httpc_free(h);
}

static void
test_redirects(void **state)
{
	struct httpc *h = httpc_new(NULL);
	struct http_req r;
	struct http_res res;
	char path[64];

	(void)state;
	get(h, "/to/ok", &res);
	assert_int_equal(res.status, 302);	/* not unless asked for */
	http_res_free(&res);
	req_init(&r, "GET", "/to/to/ok");
	r.redirects = 2;
	httpc_once(h, &r, &res);
	assert_int_equal(res.status, 200);
	assert_string_equal(res.body, "{\"a\":1}");
	http_req_free(&r);
	http_res_free(&res);
	req_init(&r, "GET", "/loop");
	r.redirects = 3;
	httpc_once(h, &r, &res);
	assert_int_equal(res.status, 301);
	http_req_free(&r);
	http_res_free(&res);
	req_init(&r, "GET", "/file");
	r.redirects = 3;
	httpc_once(h, &r, &res);
	assert_int_equal(res.fail, HTTP_FAIL_URL);
	http_req_free(&r);
	http_res_free(&res);
	/* another host does not see our token */
	snprintf(path, sizeof path, "/port/%d", two.port);
	req_init(&r, "GET", path);
	r.redirects = 1;
	assert_int_equal(http_req_header(&r, "X-ACCESS-TOKEN", "made-up"), RC_OK);
	httpc_once(h, &r, &res);
	assert_int_equal(res.status, 200);
	assert_non_null(strstr(one.last, "made-up"));
	assert_null(strstr(two.last, "made-up"));
	http_req_free(&r);
	http_res_free(&res);
	httpc_free(h);
}

/* Nor after further redirects: within that host, and back to ours, which that host has chosen. */
static void
test_redirects_abroad(void **state)
{
	char paths[3][128];
	struct httpc *h = httpc_new(NULL);

	(void)state;
	snprintf(paths[0], sizeof paths[0], "/over/%d/to/ok", two.port);
	snprintf(paths[1], sizeof paths[1], "/over/%d/to/to/ok", two.port);
	snprintf(paths[2], sizeof paths[2], "/over/%d/over/%d/ok", two.port, one.port);
	for (size_t i = 0; i < 3; i++) {
		struct http_req r;
		struct http_res res;

		one.last[0] = two.last[0] = '\0';
		req_init(&r, "GET", paths[i]);
		r.redirects = 5;
		assert_int_equal(http_req_header(&r, "Authorization", "Bearer made-up"), RC_OK);
		httpc_once(h, &r, &res);
		assert_int_equal(res.status, 200);
		if (strstr(two.last, "made-up") || (i == 2 && strstr(one.last, "made-up")))
			fail_msg("%s: the token went along", paths[i]);
		assert_true(two.last[0] != '\0');
		http_req_free(&r);
		http_res_free(&res);
	}
	httpc_free(h);
}

static void
public_get(const char *path, const char *allow, struct http_res *res)
{
	struct strv v = {0};
	struct httpc *h;
	struct http_req r;

	if (allow != NULL)
		strv_add(&v, allow, strlen(allow));
	h = httpc_new(&v);
	req_init(&r, "GET", path);
	r.public_only = true;
	r.redirects = 2;
	httpc_once(h, &r, res);
	http_req_free(&r);
	httpc_free(h);
	strv_free(&v);
}

static void
test_public_only(void **state)
{
	char allow[64], path[64];
	struct http_res res;

	(void)state;
	public_get("/ok", NULL, &res);
	assert_int_equal(res.fail, HTTP_FAIL_BLOCKED);
	assert_false(res.sent);
	assert_int_equal(one.connections, 0);
	http_res_free(&res);
	snprintf(allow, sizeof allow, "127.0.0.1:%d", one.port);
	public_get("/ok", allow, &res);
	assert_int_equal(res.status, 200);
	http_res_free(&res);
	/* an allowed host that sends us on to one that is not */
	snprintf(path, sizeof path, "/port/%d", two.port);
	public_get(path, allow, &res);
	assert_int_equal(res.fail, HTTP_FAIL_BLOCKED);
	assert_int_equal(two.connections, 0);
	http_res_free(&res);
}

/* Private addresses in all their spellings; none of these is ever connected to. */
static void
test_private_addresses(void **state)
{
	static const char *const v[] = { "http://10.0.0.1/", "http://172.16.0.1/",
		"http://192.168.1.1/", "http://169.254.169.254/", "http://100.64.0.1/",
		"http://0.0.0.0/", "http://[::1]/", "http://[::ffff:10.0.0.1]/",
		"http://[fe80::1]/", "http://[fc00::1]/", "http://[64:ff9b::a00:1]/",
		"http://[2002:a00:1::1]/", "http://224.0.0.1/", "http://255.255.255.255/",
		"http://2130706433/", "http://0x7f.1/" };
	struct httpc *h = httpc_new(NULL);
	struct http_req r;
	struct http_res res;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		http_req_init(&r, "GET", v[i]);
		r.public_only = true;
		httpc_once(h, &r, &res);
		if (res.fail != HTTP_FAIL_BLOCKED && res.fail != HTTP_FAIL_URL)
			fail_msg("%s was not blocked: %s", v[i], res.note);
		http_req_free(&r);
		http_res_free(&res);
	}
	httpc_free(h);
}

static void
test_proxy_ignored(void **state)
{
	struct httpc *h;
	struct http_res res;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);
	h = httpc_new(NULL);
	get(h, "/ok", &res);
	assert_int_equal(res.status, 200);
	http_res_free(&res);
	httpc_free(h);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

/* --- flows ------------------------------------------------------------------------- */

struct walker {
	const char *const *paths;	/* NULL-terminated */
	size_t at;
	int64_t wait_ms;
	int status[8];
	enum http_fail fail[8];
	int fed, ended;
	bool cut;
	int *order, rank;		/* of ending */
	struct httpc *h;		/* done adds after, if set */
	struct httpc_flow *after;
	char sunk[64];
	size_t sunk_n, sink_max;
};

static int ends;

static enum rc
w_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct walker *w = arg;

	if (w->paths[w->at] == NULL)
		return RC_NONE;
	http_req_free(req);
	req_init(req, "GET", w->paths[w->at++]);
	*wait_ms = w->wait_ms;
	return RC_OK;
}

static void
w_feed(void *arg, struct http_res *res)
{
	struct walker *w = arg;

	w->status[w->fed] = res->status;
	w->fail[w->fed++] = res->fail;
}

static void
w_done(void *arg, bool cut)
{
	struct walker *w = arg;

	w->ended++;
	w->cut = cut;
	w->rank = ++ends;
	if (w->after != NULL)
		httpc_add(w->h, w->after);
}

static bool
w_sink(void *arg, const void *p, size_t n)
{
	struct walker *w = arg;

	if (w->sunk_n + n > w->sink_max)
		return false;
	memcpy(w->sunk + w->sunk_n, p, n);
	w->sunk_n += n;
	return true;
}

static struct httpc_flow
flow(struct walker *w)
{
	struct httpc_flow f = { .next = w_next, .feed = w_feed, .done = w_done, .arg = w };

	return f;
}

static void
test_flows(void **state)
{
	static const char *const slow[] = { "/slow", NULL };
	static const char *const fast[] = { "/ok", "/none", "/ok", NULL };
	struct walker a = { .paths = slow }, b = { .paths = fast, .wait_ms = 5 };
	struct httpc *h = httpc_new(NULL);
	struct httpc_flow f = flow(&a);

	(void)state;
	ends = 0;
	f.deadline_ms = clock_mono_ms() + 3000;	/* the fast one is done by then, on any machine */
	httpc_add(h, &f);
	f = flow(&b);
	httpc_add(h, &f);
	httpc_run(h);
	assert_int_equal(b.fed, 3);
	assert_int_equal(b.status[1], 404);
	assert_false(b.cut);
	assert_int_equal(b.rank, 1);	/* the slow one delays no other */
	assert_int_equal(a.rank, 2);
	assert_int_equal(a.fed, 1);
	assert_int_equal(a.fail[0], HTTP_FAIL_TIMEOUT);
	assert_int_equal(a.ended, 1);
	httpc_free(h);
}

static void
test_abort_and_follow_up(void **state)
{
	static const char *const slow[] = { "/slow", NULL };
	static const char *const fast[] = { "/ok", NULL };
	struct walker a = { .paths = fast }, b = { .paths = fast }, c = { .paths = slow };
	struct httpc *h = httpc_new(NULL);
	struct httpc_flow fa, fb = flow(&b), fc = flow(&c);

	(void)state;
	a.h = h;
	a.after = &fb;
	fa = flow(&a);
	httpc_add(h, &fa);
	httpc_run(h);
	assert_int_equal(b.ended, 1);	/* a flow added by done runs too */
	assert_int_equal(b.status[0], 200);
	httpc_add(h, &fc);
	httpc_step(h, 50);
	assert_int_equal(c.ended, 0);
	httpc_abort(h);
	assert_int_equal(c.ended, 1);
	assert_true(c.cut);
	assert_int_equal(c.fail[0], HTTP_FAIL_TIMEOUT);
	assert_int_equal(httpc_step(h, 10), 0);
	httpc_free(h);
}

static void
test_sink(void **state)
{
	static const char *const paths[] = { "/bytes", "/none", NULL };
	struct walker a = { .paths = paths, .sink_max = 64 }, b = { .paths = paths, .sink_max = 4 };
	struct httpc *h = httpc_new(NULL);
	struct httpc_flow f = flow(&a);

	(void)state;
	f.sink = w_sink;
	httpc_add(h, &f);
	httpc_run(h);
	assert_int_equal(a.sunk_n, 10);	/* not the 404's page */
	assert_memory_equal(a.sunk, "0123456789", 10);
	f = flow(&b);
	f.sink = w_sink;
	httpc_add(h, &f);
	httpc_run(h);
	assert_int_equal(b.fail[0], HTTP_FAIL_TOO_BIG);
	assert_int_equal(b.status[1], 404);
	httpc_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_answer, reset),
		cmocka_unit_test_setup(test_form, reset),
		cmocka_unit_test_setup(test_post_fresh, reset),
		cmocka_unit_test_setup(test_failures, reset),
		cmocka_unit_test_setup(test_not_sent, reset),
		cmocka_unit_test_setup(test_deaf_peer, reset),
		cmocka_unit_test_setup(test_bad_urls, reset),
		cmocka_unit_test_setup(test_redirects, reset),
		cmocka_unit_test_setup(test_redirects_abroad, reset),
		cmocka_unit_test_setup(test_public_only, reset),
		cmocka_unit_test_setup(test_private_addresses, reset),
		cmocka_unit_test_setup(test_proxy_ignored, reset),
		cmocka_unit_test_setup(test_flows, reset),
		cmocka_unit_test_setup(test_abort_and_follow_up, reset),
		cmocka_unit_test_setup(test_sink, reset),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, NULL);
}

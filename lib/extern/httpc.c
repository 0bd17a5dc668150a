/*
 * The only file that includes libcurl.  One multi handle drives all flows of a thread.  Redirects
 * are followed here and not by libcurl, so that every hop goes through the same
 * address check; the check looks at the address of the socket that is about to
 * be opened, so a name that leads to a private address after DNS is caught too.
 *
 * A POST on a reused connection that dies is sent again by libcurl on its own:
 * req.fresh (sends) therefore opens a new connection and closes it (ARCHITECTURE.md 6.8).
 */
#include "extern/httpc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/cafile.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define TIMEOUT_MS 10000
#define CONNECT_MS 5000
#define MAX_ANSWER (4u << 20)
#define MAX_HEADERS 200

enum flow_state { FLOW_ASK, FLOW_WAIT, FLOW_RUN, FLOW_DEAD };

struct flow {
	struct flow *next;
	struct httpc *h;
	struct httpc_flow f;
	enum flow_state state;
	int64_t start_ms;	/* FLOW_WAIT: when the request starts */
	int64_t began_ms;	/* FLOW_RUN */
	struct http_req req;
	struct http_res res;
	CURL *easy;
	struct curl_slist *hdrs, *at;
	curl_mime *form;
	struct buf body;
	char *url;		/* this hop's */
	unsigned int hops;	/* redirects left */
	bool abroad;		/* one led to another host: secret headers stay behind */
	bool allowed;		/* this hop's host:port is in media_allow */
	bool blocked, too_big;
	char err[CURL_ERROR_SIZE];
};

struct httpc {
	CURLM *multi;
	struct strv allow;
	struct flow *flows;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct httpc *
httpc_new(const struct strv *media_allow)
{
	struct httpc *h = mem_alloc(sizeof *h);

	pthread_once(&once, global_init);
	h->multi = curl_multi_init();
	if (h->multi == NULL)
		abort();
	httpc_allow(h, media_allow);
	return h;
}

void
httpc_allow(struct httpc *h, const struct strv *media_allow)
{
	strv_free(&h->allow);
	memset(&h->allow, 0, sizeof h->allow);
	for (size_t i = 0; media_allow != NULL && i < media_allow->n; i++)
		strv_add(&h->allow, media_allow->v[i], strlen(media_allow->v[i]));
}

/* --- addresses ------------------------------------------------------------- */

/* Not reachable over the public Internet: RFC 6890 and its registry. */
static bool
private4(uint32_t a)
{
	static const struct {
		uint32_t net;
		unsigned int bits;
	} nets[] = {
		{ 0x00000000, 8 },
		{ 0x0a000000, 8 },
		{ 0x64400000, 10 },
		{ 0x7f000000, 8 },
		{ 0xa9fe0000, 16 },
		{ 0xac100000, 12 },
		{ 0xc0000000, 24 },
		{ 0xc0000200, 24 },
		{ 0xc0a80000, 16 },
		{ 0xc6120000, 15 },
		{ 0xc6336400, 24 },
		{ 0xcb007100, 24 },
		{ 0xe0000000, 3 },
	};

	for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++)
		if ((a ^ nets[i].net) >> (32 - nets[i].bits) == 0)
			return true;
	return false;
}

static uint32_t
be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool
private6(const unsigned char *p)
{
	static const unsigned char zero[12], nat64[12] = { 0x00, 0x64, 0xff, 0x9b };

	if (memcmp(p, zero, 10) == 0 && p[10] == 0xff && p[11] == 0xff)
		return private4(be32(p + 12));	/* mapped IPv4 */
	if (memcmp(p, nat64, 12) == 0)
		return private4(be32(p + 12));
	if (p[0] == 0x20 && p[1] == 0x02)
		return private4(be32(p + 2));	/* 6to4 */
	if (memcmp(p, zero, 12) == 0)
		return true;			/* ::, ::1, compatible IPv4 */
	/* only 2000::/3 is handed out as global unicast */
	return (p[0] & 0xe0) != 0x20 || be32(p) == 0x20010db8 || be32(p) == 0x20010000;
}

static bool
private_addr(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return private4(
		    ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr));
	if (sa->sa_family == AF_INET6)
		return private6(((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr);
	return true;
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
	struct flow *f = arg;

	(void)purpose;
	if (f->req.public_only && !f->allowed && private_addr(&addr->addr)) {
		f->blocked = true;
		return CURL_SOCKET_BAD;
	}
	return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

/* --- the answer -------------------------------------------------------------- */

static bool
redirect_status(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct flow *f = arg;
	long status = 0;

	n *= size;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (f->f.sink != NULL && status >= 200 && status < 300) {
		if (f->f.sink(f->f.arg, p, n))
			return n;
		f->too_big = true;
		return 0;
	}
	buf_put(&f->body, p, n);
	if (!buf_err(&f->body))
		return n;
	f->too_big = true;
	return 0;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct flow *f = arg;
	const char *colon, *v;
	size_t vn;

	n *= size;
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		f->res.n_hdrs = 0;	/* a new answer after 1xx */
		return n;
	}
	colon = memchr(p, ':', n);
	if (colon == NULL || f->res.n_hdrs >= MAX_HEADERS)
		return n;
	v = colon + 1;
	vn = n - (size_t)(v - p);
	str_trim(&v, &vn);
	http_res_header(&f->res, p, (size_t)(colon - p), v, vn);
	return n;
}

static enum http_fail
classify(CURLcode c, const struct flow *f)
{
	if (f->blocked)
		return HTTP_FAIL_BLOCKED;
	if (f->too_big)
		return HTTP_FAIL_TOO_BIG;
	switch (c) {
	case CURLE_OK:
		return HTTP_FAIL_NONE;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return HTTP_FAIL_URL;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return HTTP_FAIL_DNS;
	case CURLE_COULDNT_CONNECT:
	case CURLE_INTERFACE_FAILED:
		return HTTP_FAIL_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return HTTP_FAIL_TLS;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_FAIL_TIMEOUT;
	case CURLE_FILESIZE_EXCEEDED:
		return HTTP_FAIL_TOO_BIG;
	default:
		return HTTP_FAIL_CUT;
	}
}

/*
 * Did bytes of the request leave?  By what was written: libcurl counts each byte of
 * the request (not of TLS) that the connection took.  Its timers are no witness:
 * since 8.23 the one of the transfer's start is set for refused connections, too.
 */
static bool
bytes_left(CURL *easy)
{
	long size = 0;

	return curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &size) != CURLE_OK || size > 0;
}

/* --- a request ---------------------------------------------------------------- */

static void
drop_easy(struct flow *f)
{
	if (f->easy != NULL) {
		curl_multi_remove_handle(f->h->multi, f->easy);
		curl_easy_cleanup(f->easy);
		f->easy = NULL;
	}
	curl_slist_free_all(f->hdrs);
	curl_slist_free_all(f->at);
	f->hdrs = f->at = NULL;
	curl_mime_free(f->form);
	f->form = NULL;
}

static void
request_free(struct flow *f)
{
	drop_easy(f);
	http_req_free(&f->req);
	http_res_free(&f->res);
	buf_free(&f->body);
	free(f->url);
	f->url = NULL;
}

static void
add_header(struct flow *f, const char *name, const char *value)
{
	struct curl_slist *l;
	struct buf b;

	buf_init(&b, 64u << 10);
	/* "Name;" is libcurl's way to send a header without a value */
	if (value[0] == '\0')
		buf_printf(&b, "%s;", name);
	else
		buf_printf(&b, "%s: %s", name, value);
	l = buf_err(&b) ? NULL : curl_slist_append(f->hdrs, b.p);
	if (l != NULL)
		f->hdrs = l;
	mem_wipe(b.p, b.n);
	buf_free(&b);
}

/* Another host must not see our credentials. */
static bool
secret_header(const char *name)
{
	static const char *const plain[] = { "Accept", "User-Agent", "Range", "Content-Type" };

	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		if (str_ieq(name, plain[i]))
			return false;
	return true;
}

static void
set_headers(struct flow *f, bool ours)
{
	bool accept = false;

	for (size_t i = 0; i < f->req.n_hdrs; i++) {
		if (!ours && secret_header(f->req.hdrs[i].name))
			continue;
		if (str_ieq(f->req.hdrs[i].name, "Accept"))
			accept = true;
		add_header(f, f->req.hdrs[i].name, f->req.hdrs[i].value);
	}
	if (!accept)
		add_header(f, "Accept", f->f.sink != NULL ? "*/*" : "application/json");
	f->hdrs = curl_slist_append(f->hdrs, "Expect:");
}

/* A file's bytes are read as the line takes them. */
static void
set_form(struct flow *f)
{
	f->form = curl_mime_init(f->easy);
	for (size_t i = 0; i < f->req.n_parts; i++) {
		const struct http_part *p = &f->req.parts[i];
		curl_mimepart *part = curl_mime_addpart(f->form);

		curl_mime_name(part, p->name);
		if (p->value != NULL) {
			curl_mime_data(part, p->value, CURL_ZERO_TERMINATED);
			continue;
		}
		curl_mime_filedata(part, p->path);
		curl_mime_filename(part, p->filename);
		curl_mime_type(part, p->type);
	}
	curl_easy_setopt(f->easy, CURLOPT_MIMEPOST, f->form);
}

static void
set_method(struct flow *f)
{
	const struct http_req *r = &f->req;

	if (r->n_parts > 0) {
		set_form(f);
		return;
	}
	if (str_eq(r->method, "POST")) {
		curl_easy_setopt(f->easy, CURLOPT_POST, 1L);
	} else if (!str_eq(r->method, "GET")) {
		curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, r->method);
		if (r->body_n == 0)
			return;
	} else {
		return;
	}
	curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_n);
	curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, r->body != NULL ? r->body : "");
}

static void
set_safety(struct flow *f, int64_t left_ms)
{
	CURL *e = f->easy;
	char to[80];

#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");	/* http_proxy and friends do not count */
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(
	    e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* as the providers */
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	if (cafile() != NULL) /* else libcurl's own default */
		curl_easy_setopt(e, CURLOPT_CAINFO, cafile());
	if (f->req.want_cert)
		curl_easy_setopt(e, CURLOPT_CERTINFO, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* a resolver that hangs is left behind instead of waited for */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)left_ms);
	curl_easy_setopt(
	    e, CURLOPT_CONNECTTIMEOUT_MS, (long)(left_ms < CONNECT_MS ? left_ms : CONNECT_MS));
	if (f->req.fresh) {
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	}
	if (f->req.public_only) {
		/* a kept connection was checked under another request's rules */
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	}
	if (f->req.at != NULL) {
		snprintf(to, sizeof to, "::%s:", f->req.at);
		f->at = curl_slist_append(NULL, to);
		curl_easy_setopt(e, CURLOPT_CONNECT_TO, f->at);
	}
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, f);
}

static bool
allow_listed(const struct httpc *h, const char *url)
{
	char host[300];

	if (http_url_host(url, host, sizeof host) != RC_OK)
		return false;
	for (size_t i = 0; i < h->allow.n; i++)
		if (str_ieq(h->allow.v[i], host))
			return true;
	return false;
}

static int64_t
request_left_ms(const struct flow *f, int64_t now)
{
	int64_t limit = f->req.timeout_ms != 0 ? f->req.timeout_ms : TIMEOUT_MS;
	int64_t left = f->began_ms + limit - now;

	if (f->f.deadline_ms != 0 && f->f.deadline_ms - now < left)
		left = f->f.deadline_ms - now;
	return left < 1 ? 1 : left;
}

/* Start one hop, at the host that the request was for (ours) or another; false where the URL
 * may not be called. */
static bool
hop_start(struct flow *f, bool ours)
{
	size_t max = f->req.max_answer != 0 ? f->req.max_answer : MAX_ANSWER;
	char host[300];

	if (http_url_host(f->url, host, sizeof host) != RC_OK)
		return false;
	/* media come from wherever the provider says; upstreams must be https */
	if (!f->req.public_only && !http_url_allowed(f->url))
		return false;
	f->easy = curl_easy_init();
	if (f->easy == NULL)
		abort();
	f->allowed = allow_listed(f->h, f->url);
	f->blocked = f->too_big = false;
	buf_free(&f->body);
	buf_init(&f->body, max);
	f->err[0] = '\0';
	set_headers(f, ours);
	set_safety(f, request_left_ms(f, clock_mono_ms()));
	set_method(f);
	curl_easy_setopt(f->easy, CURLOPT_URL, f->url);
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->hdrs);
	curl_easy_setopt(f->easy, CURLOPT_ERRORBUFFER, f->err);
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(f->easy, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
	curl_multi_add_handle(f->h->multi, f->easy);
	return true;
}

/* When the server's own certificate, the first of the chain, ends; 0 not known. */
static int64_t
cert_until_us(CURL *easy)
{
	static const char label[] = "Expire date:";
	struct curl_certinfo *ci = NULL;
	struct tm tm;

	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &ci) != CURLE_OK || ci == NULL ||
	    ci->num_of_certs < 1)
		return 0;
	for (struct curl_slist *l = ci->certinfo[0]; l != NULL; l = l->next) {
		memset(&tm, 0, sizeof tm);
		if (strncmp(l->data, label, sizeof label - 1) == 0 &&
		    strptime(l->data + sizeof label - 1, "%b %d %H:%M:%S %Y", &tm) != NULL)
			return (int64_t)timegm(&tm) * 1000000;
	}
	return 0;
}

/* Hand the answer over and get ready for the next request. */
static void
give(struct flow *f, enum http_fail fail, const char *note)
{
	long status = 0;

	if (f->easy != NULL) {
		curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
		f->res.sent = bytes_left(f->easy);
		if (f->req.want_cert)
			f->res.cert_until_us = cert_until_us(f->easy);
	}
	f->res.fail = fail;
	f->res.status = (int)status;
	f->res.ms = clock_mono_ms() - f->began_ms;
	if (fail != HTTP_FAIL_NONE && note != NULL)
		log_mask(note, strlen(note), f->res.note, sizeof f->res.note);
	if (f->body.p != NULL) {
		f->res.body = f->body.p;
		f->res.body_n = f->body.n;
	}
	f->f.feed(f->f.arg, &f->res);
	f->res.body = "";
	f->res.body_n = 0;
	request_free(f);
	f->state = FLOW_ASK;
}

/* One that is gone meanwhile must not leave as an empty field. */
static bool
files_there(const struct http_req *r)
{
	for (size_t i = 0; i < r->n_parts; i++)
		if (r->parts[i].value == NULL && access(r->parts[i].path, R_OK) != 0)
			return false;
	return true;
}

static void
request_start(struct flow *f)
{
	f->began_ms = clock_mono_ms();
	f->hops = f->req.redirects;
	f->abroad = false;
	http_res_init(&f->res);
	f->url = mem_dup(f->req.url);
	f->state = FLOW_RUN;
	if (!files_there(&f->req))
		give(f, HTTP_FAIL_CUT, "a file of the form cannot be read");
	else if (!hop_start(f, true))
		give(f, HTTP_FAIL_URL, "only https, or http on loopback, may be called");
}

static char *
resolve_location(const char *base, const char *location)
{
	CURLU *u = curl_url();
	char *abs = NULL, *out = NULL;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &abs, 0) == CURLUE_OK)
		out = mem_dup(abs);
	curl_free(abs);
	curl_url_cleanup(u);
	return out;
}

/* true: a redirect was taken, or refused as such; the flow is seen to. */
static bool
follow(struct flow *f, long status)
{
	const char *location = http_res_get(&f->res, "Location");
	char *url;
	char was[300], is[300];
	bool same;

	if (!redirect_status(status) || f->hops == 0 || location == NULL ||
	    !str_eq(f->req.method, "GET"))
		return false;
	url = resolve_location(f->url, location);
	if (url == NULL)
		return false;
	same = http_url_host(f->url, was, sizeof was) == RC_OK &&
	    http_url_host(url, is, sizeof is) == RC_OK && str_eq(was, is) &&
	    (!str_istarts(f->url, "https:") || str_istarts(url, "https:"));
	if (!same)
		f->abroad = true;	/* also on the way back, which that host chose */
	f->hops--;
	drop_easy(f);
	http_res_free(&f->res);
	http_res_init(&f->res);
	free(f->url);
	f->url = url;
	if (!hop_start(f, !f->abroad))
		give(f, HTTP_FAIL_URL, "redirect to a URL that may not be called");
	return true;
}

static void
finished(struct flow *f, CURLcode code)
{
	enum http_fail fail = classify(code, f);
	long status = 0;

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (fail == HTTP_FAIL_NONE && follow(f, status))
		return;
	if (fail == HTTP_FAIL_NONE && status == 0)
		fail = HTTP_FAIL_CUT;
	give(f, fail,
	    fail == HTTP_FAIL_BLOCKED	  ? "private address" :
		fail == HTTP_FAIL_TOO_BIG ? "answer too large" :
		f->err[0] != '\0'	  ? f->err :
					    curl_easy_strerror(code));
}

/* --- the engine ------------------------------------------------------------------ */

void
httpc_add(struct httpc *h, const struct httpc_flow *f)
{
	struct flow *n = mem_alloc(sizeof *n), **p;

	n->h = h;
	n->f = *f;
	n->state = FLOW_ASK;
	for (p = &h->flows; *p != NULL; p = &(*p)->next)
		;
	*p = n;
}

static void
end(struct flow *f, bool cut)
{
	if (f->state == FLOW_DEAD)
		return;
	if (f->state == FLOW_RUN && cut)
		give(f, HTTP_FAIL_TIMEOUT, "out of time");
	request_free(f);
	f->state = FLOW_DEAD;
	f->f.done(f->f.arg, cut);
}

static void
ask(struct flow *f)
{
	int64_t wait_ms = 0;

	/* empty without an arena: who builds it calls http_req_init */
	f->req = (struct http_req){
		.method = "GET", .url = "", .query = "", .body = "", .remote_addr = ""
	};
	if (f->f.next(f->f.arg, &f->req, &wait_ms) != RC_OK) {
		end(f, false);
		return;
	}
	f->start_ms = clock_mono_ms() + wait_ms;
	f->state = FLOW_WAIT;
}

static void
start_due(struct flow *f, int64_t now)
{
	if (f->state != FLOW_WAIT || f->start_ms > now)
		return;
	if (f->f.start != NULL && !f->f.start(f->f.arg))
		end(f, false);
	else
		request_start(f);
}

/* Everything that is due without the network; the next moment to look again. */
static int64_t
advance(struct httpc *h)
{
	int64_t now, next = INT64_MAX;

	for (struct flow *f = h->flows; f != NULL; f = f->next) {
		now = clock_mono_ms();
		if (f->state != FLOW_DEAD && f->f.deadline_ms != 0 && now >= f->f.deadline_ms)
			end(f, true);
		/* a request that fails before it starts leads straight to the next */
		for (int i = 0; i < 100 && f->state == FLOW_ASK; i++) {
			ask(f);
			start_due(f, now);
		}
		start_due(f, now);
		if (f->state == FLOW_ASK)
			next = now;
		if (f->state == FLOW_WAIT && f->start_ms < next)
			next = f->start_ms;
		if (f->state != FLOW_DEAD && f->f.deadline_ms != 0 && f->f.deadline_ms < next)
			next = f->f.deadline_ms;
	}
	return next;
}

static size_t
reap(struct httpc *h)
{
	struct flow **p = &h->flows;
	size_t alive = 0;

	while (*p != NULL) {
		struct flow *f = *p;

		if (f->state == FLOW_DEAD) {
			*p = f->next;
			free(f);
		} else {
			alive++;
			p = &f->next;
		}
	}
	return alive;
}

/* Take in what has ended; was there any? */
static bool
collect(struct httpc *h)
{
	CURLMsg *m;
	int left;
	bool any = false;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct flow *f = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f);
		finished(f, code);
		any = true;
	}
	return any;
}

size_t
httpc_step(struct httpc *h, int timeout_ms)
{
	int running;
	int64_t until, wait;

	advance(h);
	if (reap(h) == 0)
		return 0;
	curl_multi_perform(h->multi, &running);
	collect(h);
	until = advance(h);
	if (reap(h) == 0)
		return 0;
	wait = until == INT64_MAX ? timeout_ms : until - clock_mono_ms();
	if (wait > timeout_ms)
		wait = timeout_ms;
	/* starts the requests that advance() has just added; one that fails at once
	 * leaves nothing to wait for */
	curl_multi_perform(h->multi, &running);
	if (!collect(h) && wait > 0)
		curl_multi_poll(h->multi, NULL, 0, (int)wait, NULL);
	curl_multi_perform(h->multi, &running);
	collect(h);
	return reap(h);
}

void
httpc_run(struct httpc *h)
{
	while (httpc_step(h, 1000) > 0)
		;
}

void
httpc_abort(struct httpc *h)
{
	/* done() may add flows; they are cut too */
	for (struct flow *f = h->flows; f != NULL; f = f->next)
		end(f, true);
	reap(h);
}

void
httpc_free(struct httpc *h)
{
	if (h == NULL)
		return;
	httpc_abort(h);
	curl_multi_cleanup(h->multi);
	strv_free(&h->allow);
	free(h);
}

/* --- one request, blocking --------------------------------------------------------- */

struct one {
	const struct http_req *req;
	struct http_res *res;
	bool asked;
};

static enum rc
one_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct one *o = arg;
	const struct http_req *r = o->req;

	(void)wait_ms;
	if (o->asked)
		return RC_NONE;
	o->asked = true;
	http_req_free(req);
	http_req_init(req, r->method, r->url);
	for (size_t i = 0; i < r->n_hdrs; i++)
		if (http_req_header(req, r->hdrs[i].name, r->hdrs[i].value) != RC_OK)
			return RC_INVALID;
	if (r->body_n > 0)
		http_req_body(req, NULL, r->body, r->body_n);
	if (r->n_parts > 0)
		http_req_form(req, r->parts, r->n_parts);
	req->timeout_ms = r->timeout_ms;
	req->max_answer = r->max_answer;
	req->fresh = r->fresh;
	req->public_only = r->public_only;
	req->redirects = r->redirects;
	req->want_cert = r->want_cert;
	return RC_OK;
}

static void
one_feed(void *arg, struct http_res *res)
{
	struct one *o = arg;
	struct http_res *out = o->res;

	out->status = res->status;
	out->fail = res->fail;
	out->sent = res->sent;
	out->ms = res->ms;
	memcpy(out->note, res->note, sizeof out->note);
	for (size_t i = 0; i < res->n_hdrs; i++)
		http_res_header(out, res->hdrs[i].name, strlen(res->hdrs[i].name),
		    res->hdrs[i].value, strlen(res->hdrs[i].value));
	out->body = mem_arena_ndup(&out->arena, res->body, res->body_n);
	out->body_n = res->body_n;
}

static void
one_done(void *arg, bool cut)
{
	(void)arg;
	(void)cut;
}

void
httpc_once(struct httpc *h, const struct http_req *req, struct http_res *res)
{
	struct one o = { .req = req, .res = res };
	struct httpc_flow f = { .next = one_next, .feed = one_feed, .done = one_done, .arg = &o };

	http_res_init(res);
	res->fail = HTTP_FAIL_URL;
	httpc_add(h, &f);
	httpc_run(h);
}

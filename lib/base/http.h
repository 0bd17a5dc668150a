#ifndef DMBOX_BASE_HTTP_H
#define DMBOX_BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/mem.h"
#include "base/rc.h"

/*
 * Requests and answers as plain structs: fcgi and httpc fill and empty them, the providers build
 * and read them, tests make them from files.
 * All strings live in the struct's arena; http_req_free and http_res_free
 * release everything at once.
 */
struct http_hdr {
	const char *name;	/* as sent; compared without case */
	const char *value;
};

/* A field of a form that goes out as multipart/form-data: value, or the bytes of a file. */
struct http_part {
	const char *name;
	const char *value;	/* NULL: a file */
	const char *path;	/* it is read while it is sent, never into memory as a whole */
	const char *filename, *type;	/* ... as the receiver is told */
};

struct sign_memo;
struct http_req {
	struct mem_arena arena;
	const char *method;	/* "GET", "POST", ... */
	const char *url;	/* outgoing: absolute; incoming: path without query */
	const char *query;	/* incoming: raw, without '?'; "" if none */
	struct http_hdr *hdrs;
	size_t n_hdrs, cap_hdrs;
	const char *body;	/* NUL behind it; borrowed or in the arena */
	size_t body_n;
	/* incoming only */
	const char *remote_addr;	/* the peer's address, as the server says it */
	const char *conf_path;	/* FastCGI parameter DMBOX_CONFIG; NULL if none */
	const char *doc_root;	/* DOCUMENT_ROOT; NULL if none */
	size_t body_max;	/* the cap that its body was read with */
	/* the length of a body that is too large: as announced, else read so far */
	size_t announced;
	bool too_large;		/* body over the cap: body is empty */
	bool cut;		/* the body ended before CONTENT_LENGTH */
	bool no_length;		/* nobody said how long it is: a cut does not show */
	struct sign_memo *memo;	/* MACs of the body (extern/sign.h); NULL: none is kept */
	/* outgoing only */
	const struct http_part *parts;	/* a form in place of body; borrowed or in the arena */
	size_t n_parts;
	unsigned int timeout_ms;	/* 0: 10 s */
	size_t max_answer;		/* 0: 4 MiB */
	/* a new connection, not reused: sends (ARCHITECTURE.md 6.8) */
	bool fresh;
	bool public_only;		/* private addresses refused, after DNS too (media) */
	bool want_cert;			/* fill cert_until_us of the answer (doctor) */
	const char *at;			/* call this address, whatever the name leads to; NULL */
	unsigned int redirects;		/* how many to follow, same checks; 0 = none */
};

/* Why there is no (complete) answer. */
enum http_fail {
	HTTP_FAIL_NONE,		/* an answer with a status is there */
	HTTP_FAIL_URL,		/* not a URL we may call */
	HTTP_FAIL_DNS,
	HTTP_FAIL_CONNECT,	/* refused or unreachable: nothing was sent */
	HTTP_FAIL_TLS,		/* certificate or handshake */
	HTTP_FAIL_TIMEOUT,
	HTTP_FAIL_CUT,		/* the line broke */
	HTTP_FAIL_TOO_BIG,	/* answer over max_answer */
	HTTP_FAIL_BLOCKED,	/* address refused by public_only */
	HTTP_FAIL__MAX
};
extern const char *const http_fail_names[HTTP_FAIL__MAX];
/* the same for people who read Russian */
extern const char *const http_fail_words_ru[HTTP_FAIL__MAX];

struct http_res {
	struct mem_arena arena;
	int status;		/* 0 where fail is set before a status line came */
	enum http_fail fail;
	bool sent;		/* request bytes may have left: an outcome is unknown */
	struct http_hdr *hdrs;
	size_t n_hdrs, cap_hdrs;
	const char *body;	/* NUL behind it; never NULL after http_res_init */
	size_t body_n;
	int64_t ms;		/* how long it took */
	int64_t cert_until_us;	/* want_cert: when the server's certificate ends; 0 not known */
	char note[160];		/* the failure in words, masked */
};

/*
 * How an answer leaves that is not ready when its handler returns: send, then end, once
 * each, by any thread; after end the request and the answer are freed.  busy: the calling
 * thread, which runs the handler, is about to wait; another one accepts meanwhile.  Repeats
 * are harmless.  Each may be NULL (tests).
 */
struct http_reply {
	void (*busy)(void *arg);
	void (*send)(void *arg);
	void (*end)(void *arg);
	void *arg;
};
/* http_busy(r): calls r->busy; r and it may be NULL. */
void http_busy(const struct http_reply *r);

/* A request that came in and its answer. */
struct http_call {
	struct http_req req;
	struct http_res res;	/* initialised; status 500 until it is filled */
	struct http_reply reply;
	void *held;		/* what looked at the head keeps for the handler, which frees it */
};

/* http_req_init(r, method, url): a request without headers and body; both are copied. */
void http_req_init(struct http_req *r, const char *method, const char *url);
/* http_req_free(r): what r holds; a zeroed one is legal. */
void http_req_free(struct http_req *r);
/* http_req_header(r, name, value): one header more.  Both are copied; CR, LF and NUL in
 * it make it an RC_INVALID that is not added. */
enum rc http_req_header(struct http_req *r, const char *name, const char *value) MUST_CHECK;
/* http_req_body(r, content_type, p, n): copies the body of n bytes and sets Content-Type (NULL:
 * leave it). */
void http_req_body(struct http_req *r, const char *content_type, const char *p, size_t n);
/* http_req_form(r, v, n): a form of n fields as the body, copied; Content-Type is set when it is
 * sent. */
void http_req_form(struct http_req *r, const struct http_part *v, size_t n);
/* http_req_get(r, name), http_res_get(r, name): a header by its name in any case, borrowed from r;
 * NULL where it is not there. */
const char *http_req_get(const struct http_req *r, const char *name);
/* http_res_init(r): status 0, no headers, no body; http_res_free(r) frees what it holds. */
void http_res_init(struct http_res *r);
void http_res_free(struct http_res *r);
/* http_res_header(r, name, name_n, value, value_n): one header more; both are copied. */
void http_res_header(
    struct http_res *r, const char *name, size_t name_n, const char *value, size_t value_n);
const char *http_res_get(const struct http_res *r, const char *name);
/* http_retry_after_s(r): Retry-After in seconds (number or date), capped at a
 * day; -1 where there is none. */
int http_retry_after_s(const struct http_res *r);

struct http_field {
	const char *name;
	const char *value;
	size_t value_n;
};
/* http_form_parse(a, p, n, max, out, out_n): the fields of a query string or form body of n bytes:
 * percent-decoded, '+' = space, at most max fields, order kept, values with their length (they may
 * hold NUL).  RC_LIMIT for more fields.  In the arena. */
enum rc http_form_parse(struct mem_arena *a, const char *p, size_t n, size_t max,
    struct http_field **out, size_t *out_n) MUST_CHECK;
/* http_query_get(a, query, name): first value decoded, or NULL. */
const char *http_query_get(struct mem_arena *a, const char *query, const char *name);
/* http_url_encode(b, s): everything but unreserved becomes %XX. */
void http_url_encode(struct buf *b, const char *s);
/* http_url_host(url, out, cap): "host:port" in lower case; RC_INVALID if not http(s). */
enum rc http_url_host(const char *url, char *out, size_t cap) MUST_CHECK;
/* http_url_allowed(url): https, or http on a loopback host (contract.md 3). */
bool http_url_allowed(const char *url);

#endif

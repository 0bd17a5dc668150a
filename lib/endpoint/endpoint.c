/*
 * The way every request takes to its job, checks in order of cost.  The path
 * is read from its last channel folder on, so that the same program works
 * below /, /cgi-bin/ or any rewrite.
 */
#include "endpoint/endpoint.h"
#include "endpoint/session.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "extern/sign.h"
#include "base/str.h"

#define RETRY_CONFIG_S "60"
#define RETRY_LIMIT_S "60"
#define JWT_FAILURES 600	/* a minute and address; beyond it failing requests get 429 */
/* a minute, of all addresses together: having many does not help */
#define JWT_FAILURES_ALL 6000
#define MAPPED "::ffff:"	/* what an IPv4 address has before it as an IPv6 one */
#define NO_CONF_MAX_BODY 65536	/* a request that is answered 503 anyway */

/* --- who asks ------------------------------------------------------------- */

/* The caller's id where it is one, else a new one (contract.md 4). */
static void
set_request_id(struct endpoint_env *e)
{
	const char *id = http_req_get(e->req, "X-Request-Id");

	if (id != NULL && str_charset(id, 1, 64, "._-"))
		snprintf(e->request_id, sizeof e->request_id, "%s", id);
	else
		sign_id(e->request_id, 20);
}

/* Is addr equal to net, or within net/bits? */
static bool
in_net(const char *addr, const char *net)
{
	unsigned char a[16], n[16];
	char base[64];
	const char *slash = strchr(net, '/');
	size_t len = slash != NULL ? (size_t)(slash - net) : strlen(net);
	int af = strchr(addr, ':') != NULL ? AF_INET6 : AF_INET;
	int64_t bits = af == AF_INET6 ? 128 : 32;

	if (len >= sizeof base)
		return false;
	memcpy(base, net, len);
	base[len] = '\0';
	if (inet_pton(af, addr, a) != 1 || inet_pton(af, base, n) != 1)
		return false;
	if (slash != NULL &&
	    (str_i64(slash + 1, &bits) != RC_OK || bits < 0 || bits > (af == AF_INET6 ? 128 : 32)))
		return false;
	if (memcmp(a, n, (size_t)(bits / 8)) != 0)
		return false;
	return bits % 8 == 0 || ((a[bits / 8] ^ n[bits / 8]) >> (8 - bits % 8)) == 0;
}

/* "::ffff:192.0.2.1", as a socket of both families names it, is 192.0.2.1: else all of IPv4
 * would be one network, whose wrong credentials are counted together. */
static const char *
plain_addr(const char *addr)
{
	unsigned char a[4];

	return str_istarts(addr, MAPPED) && inet_pton(AF_INET, addr + strlen(MAPPED), a) == 1 ?
	    addr + strlen(MAPPED) :
	    addr;
}

/* Also where the configuration has the other form. */
static bool
trusted(const struct conf *c, const char *addr)
{
	char mapped[80];

	snprintf(mapped, sizeof mapped, MAPPED "%s", addr);
	for (size_t i = 0; i < c->trusted_proxies.n; i++)
		if (in_net(addr, c->trusted_proxies.v[i]) ||
		    in_net(mapped, c->trusted_proxies.v[i]))
			return true;
	return false;
}

/*
 * X-Forwarded-For is read from the right, as far as trusted proxies wrote it:
 * the first address that is none of them is the client's.
 */
static void
set_addr(struct endpoint_env *e)
{
	const char *peer = e->req->remote_addr, *list = http_req_get(e->req, "X-Forwarded-For");
	struct strv v = { 0 };

	snprintf(e->addr, sizeof e->addr, "%s", peer != NULL ? plain_addr(peer) : "");
	if (list == NULL || !trusted(e->conf, e->addr))
		return;
	strv_split(&v, list, ',');
	for (size_t i = v.n; i > 0; i--) {
		unsigned char bin[16];
		const char *a = plain_addr(v.v[i - 1]);

		if (inet_pton(AF_INET, a, bin) != 1 && inet_pton(AF_INET6, a, bin) != 1)
			break;
		snprintf(e->addr, sizeof e->addr, "%s", a);
		if (!trusted(e->conf, a))
			break;
	}
	strv_free(&v);
}

/* --- route ---------------------------------------------------------------- */

/* What the path says. */
struct target {
	enum channel channel;
	char endpoint[32];
	const char *tail;
};

/* Behind the last "/NAME/" of path, or NULL. */
static const char *
behind(const char *path, const char *name)
{
	const char *last = NULL;
	size_t n = strlen(name);

	for (const char *p = strchr(path, '/'); p != NULL; p = strchr(p + 1, '/'))
		if (strncmp(p + 1, name, n) == 0 && p[1 + n] == '/')
			last = p + 2 + n;
	return last;
}

static bool
read_path(struct endpoint_env *e, struct target *t)
{
	const char *path = e->req->url, *rest = NULL, *p;
	size_t n;

	for (int ch = 0; ch < CHANNEL__MAX; ch++) {
		p = behind(path, channel_names[ch]);
		if (p != NULL && (rest == NULL || p > rest)) {
			rest = p;
			t->channel = (enum channel)ch;
		}
	}
	if (rest == NULL) {	/* /health, /metrics and /inbox/... stand at the top */
		t->channel = CHANNEL_INSTAGRAM;
		p = behind(path, "inbox");
		if (p != NULL)
			p -= strlen("/inbox/");
		else if ((p = strrchr(path, '/')) == NULL ||
		    (strcmp(p, "/health") != 0 && strcmp(p, "/metrics") != 0))
			return false;
		rest = p + 1;
	}
	n = strcspn(rest, "/");
	if (n == 0 || n >= sizeof t->endpoint)
		return false;
	memcpy(t->endpoint, rest, n);
	t->endpoint[n] = '\0';
	rest += n;
	rest += strspn(rest, "/");
	n = strlen(rest);
	while (n > 0 && rest[n - 1] == '/')
		n--;
	t->tail = mem_arena_ndup(&e->arena, rest, n);
	return true;
}

static bool
method_fits(const char *method, const struct endpoint_route *r)
{
	return str_eq(method, r->method) || (str_eq(method, "HEAD") && str_eq(r->method, "GET"));
}

static void
answer_405(
    struct endpoint_env *e, const struct endpoint_route *routes, size_t n, const struct target *t)
{
	struct buf b;

	buf_init(&b, 256);
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(routes[i].endpoint, t->endpoint))
			continue;
		buf_printf(&b, "%s%s%s", b.n > 0 ? ", " : "", routes[i].method,
		    str_eq(routes[i].method, "GET") ? ", HEAD" : "");
	}
	endpoint_header(e, "Allow", b.p);
	endpoint_error(e, 405, "method_not_allowed", "use %s", b.p);
	buf_free(&b);
}

/* The route, or an answer. */
static const struct endpoint_route *
find_route(struct endpoint_env *e, const struct endpoint_route *routes, size_t n)
{
	struct target t = { .tail = "" };
	bool known = false;

	if (read_path(e, &t)) {
		e->channel = t.channel;
		for (size_t i = 0; i < n; i++) {
			if (!str_eq(routes[i].endpoint, t.endpoint) ||
			    (*t.tail != '\0' && (routes[i].flags & ROUTE_TAIL) == 0))
				continue;
			known = true;
			if (!method_fits(e->req->method, &routes[i]))
				continue;
			e->tail = t.tail;
			return &routes[i];
		}
	}
	if (known)
		answer_405(e, routes, n, &t);
	else
		endpoint_error(e, 404, "not_found", "there is nothing at this address");
	return NULL;
}

/* Was this POST refused, which may be a delivery at a wrong address? */
static bool
refused_post(const struct endpoint_env *e)
{
	int s = e->res->status;

	return str_eq(e->req->method, "POST") && (s == 401 || s == 403 || s == 404 || s == 405);
}

/* --- caller --------------------------------------------------------------- */

static void
answer_401(struct endpoint_env *e, const char *why)
{
	char net[64], key[80];

	endpoint_addr_net(e, net);
	snprintf(key, sizeof key, "jwt:%s", net);
	if (!ctx_limit(e->ctx, key, JWT_FAILURES, NULL) ||
	    !ctx_limit(e->ctx, "jwt", JWT_FAILURES_ALL, NULL)) {
		endpoint_header(e, "Retry-After", RETRY_LIMIT_S);
		endpoint_error(e, 429, "too_many_failures",
		    "too many requests without a valid token from this address");
		return;
	}
	log_warn("%s %s refused: %s (from %s)", e->req->method, e->req->url, why, e->addr);
	/* distinguish a token that is not ours from one that did not come (RFC 6750, 3) */
	endpoint_header(e, "WWW-Authenticate",
	    str_empty(http_req_get(e->req, "Authorization")) ? "Bearer" :
							       "Bearer error=\"invalid_token\"");
	endpoint_error(
	    e, 401, "unauthorized", "a valid token is needed: Authorization: Bearer <JWT>");
}

static void
answer_403(struct endpoint_env *e, unsigned int scope)
{
	char names[64] = "";
	size_t n = 0;

	for (unsigned int bit = 1; bit <= AUTH_ADMIN; bit <<= 1)
		if ((scope & bit) != 0)
			n += (size_t)snprintf(names + n, sizeof names - n, "%s%s",
			    n > 0 ? " or " : "", auth_scope_name((enum auth_scope)bit));
	log_warn("%s %s refused: scope %s is missing (caller %s)", e->req->method, e->req->url,
	    names, e->caller.sub);
	endpoint_error(e, 403, "scope_missing", "the token lacks the scope %s", names);
}

static bool
may_call(struct endpoint_env *e, const struct endpoint_route *r)
{
	char why[96];

	if (r->scope == 0)
		return true;
	if (session_here(e)) {
		if (!session_caller(e))
			return false;
		if ((e->caller.scopes & r->scope) == 0)
			endpoint_error(e, 403, "read_only", "%s may not do this", e->caller.sub);
		return (e->caller.scopes & r->scope) != 0;
	}
	if (str_eq(r->endpoint, "inbox") && str_empty(http_req_get(e->req, "Authorization")))
		return session_caller(e);	/* nobody: it has answered */
	switch (auth_bearer(e->conf, http_req_get(e->req, "Authorization"), &e->caller, why)) {
	case RC_OK:
		break;
	case RC_TEMP:
		log_error("%s %s: %s", e->req->method, e->req->url, why);
		endpoint_header(e, "Retry-After", RETRY_CONFIG_S);
		endpoint_error(e, 503, "config", "tokens cannot be checked: %s", why);
		return false;
	default:
		answer_401(e, why);
		return false;
	}
	if ((e->caller.scopes & r->scope) == 0) {
		answer_403(e, r->scope);
		return false;
	}
	return true;
}

/* Is the body here, all of it? */
static bool
whole_body(struct endpoint_env *e, const struct endpoint_route *r)
{
	if ((r->flags & ROUTE_ANY_BODY) != 0)
		return true;
	if (e->req->too_large)
		endpoint_error(e, 413, "too_large", "the body is over %zu bytes", e->req->body_max);
	else if (e->req->cut)
		endpoint_error(e, 400, "cut_body", "the body ended before its announced length");
	return !e->req->too_large && !e->req->cut;
}

/* One answer more, for GET /metrics. */
static void
count_answer(const struct endpoint_env *e)
{
	const struct endpoint_route *r = e->route;
	char code[12];
	const char *labels[3] = { r != NULL ? r->endpoint : "none", channel_names[e->channel],
		code };

	snprintf(code, sizeof code, "%d", e->res->status);
	meter_time(ctx_meter(e->ctx, e->conf), METER_HTTP, clock_mono_us() - e->start_us, labels);
}

/* What every answer has. */
static void
common_headers(struct endpoint_env *e)
{
	endpoint_header(e, "X-Request-Id", e->request_id);
	if (http_res_get(e->res, "Cache-Control") == NULL)
		endpoint_header(e, "Cache-Control", "no-store");
	endpoint_header(e, "X-Content-Type-Options", "nosniff");
}

static void
env_free(struct endpoint_env *e)
{
	mem_wipe(&e->caller, sizeof e->caller);
	conf_drop(e->conf);
	mem_arena_free(&e->arena);
	free(e);
}

size_t
endpoint_max_body(void *ctx, struct http_call *call)
{
	struct conf *conf;

	if (ctx_conf(ctx, call->req.conf_path, call->req.doc_root, &conf) != RC_OK) {
		conf_drop(conf);
		return NO_CONF_MAX_BODY;
	}
	call->held = conf;
	return conf->max_body;
}

bool
endpoint_dispatch(struct ctx *ctx, unsigned int thread, const struct endpoint_table *table,
    struct http_call *call)
{
	struct endpoint_env *e = mem_alloc(sizeof *e);
	struct http_req *req = &call->req;
	bool later = false;

	e->ctx = ctx;
	e->thread = thread;
	e->req = req;
	e->res = &call->res;
	e->reply = call->reply;
	e->conf = call->held;
	e->tail = "";
	e->later = &later;
	e->start_us = clock_mono_us();
	set_request_id(e);
	log_begin(e->request_id);
	if (e->conf == NULL && ctx_conf(ctx, req->conf_path, req->doc_root, &e->conf) != RC_OK) {
		endpoint_header(e, "Retry-After", RETRY_CONFIG_S);
		endpoint_error(
		    e, 503, "config", "the configuration has an error; the log says which");
	} else {
		set_addr(e);
		e->route = find_route(e, table->routes, table->n);
		if (e->route != NULL && may_call(e, e->route) && whole_body(e, e->route))
			e->route->fn(e);
		if (!later && table->stray != NULL && refused_post(e))
			table->stray(e);
	}
	if (later)
		return false;
	common_headers(e);
	log_end();
	count_answer(e);
	env_free(e);
	return true;
}

/* --- answering later ------------------------------------------------------ */

void
endpoint_later(struct endpoint_env *e)
{
	*e->later = true;
	log_swap(&e->log);
}

void
endpoint_resume(struct endpoint_env *e)
{
	log_swap(&e->log);
}

void
endpoint_answer(struct endpoint_env *e)
{
	common_headers(e);
	if (e->reply.send != NULL)
		e->reply.send(e->reply.arg);
}

void
endpoint_pause(struct endpoint_env *e)
{
	log_end();
	log_swap(&e->log);
	count_answer(e);
}

void
endpoint_end(struct endpoint_env *e)
{
	const struct http_reply reply = e->reply;

	env_free(e);
	if (reply.end != NULL)
		reply.end(reply.arg);
}

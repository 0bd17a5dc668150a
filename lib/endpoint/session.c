/*
 * The cookie of the inbox page, and the person it belongs to.
 */
#include "endpoint/session.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "extern/sign.h"
#include "store/people.h"

#define COOKIE "dmbox_session"
#define COOKIE_S (30 * 86400)
#define TAG_HEX 8
#define TRIED 8		/* of the cookies of a request: each is a look into the database */

enum { NAME_SIZE = sizeof COOKIE + 1 + TAG_HEX };

struct cookie {
	char name[NAME_SIZE], value[PEOPLE_SECRET + 1];
};

/* The name of this installation at this address, where COOKIE is another one's.  No secret goes
 * into it, for who signs in reads it. */
static void
own_name(const struct endpoint_env *e, char out[NAME_SIZE])
{
	const char *file = e->conf->file, *host = http_req_get(e->req, "Host");
	char hex[65];
	struct buf b;

	buf_init(&b, 64 << 10);
	buf_printf(&b, "%s\n%s", file != NULL ? file : "", host != NULL ? host : "");
	sign_sha256_hex(b.p, b.n, hex);
	buf_free(&b);
	snprintf(out, NAME_SIZE, COOKIE "_%.*s", TAG_HEX, hex);
}

/* The cookie at p, of n bytes: is it one of a person, of any installation? */
static bool
read_cookie(const char *p, size_t n, struct cookie *out)
{
	size_t name = strcspn(p, "=;");

	if (!str_starts(p, COOKIE) || n != name + 1 + PEOPLE_SECRET ||
	    (name != strlen(COOKIE) && (name != NAME_SIZE - 1 || p[strlen(COOKIE)] != '_')))
		return false;
	snprintf(out->name, sizeof out->name, "%.*s", (int)name, p);
	snprintf(out->value, sizeof out->value, "%.*s", PEOPLE_SECRET, p + name + 1);
	return str_charset(out->value, PEOPLE_SECRET, PEOPLE_SECRET, "");
}

/*
 * The i-th session's cookie of the request; this installation's own name comes first.  Others
 * are looked at as well, because only the database knows whose they are: a
 * configuration that moved, or a proxy that names the host in two ways, signs nobody out.
 */
static bool
cookie_at(const struct endpoint_env *e, size_t i, struct cookie *out)
{
	const char *p, *header = http_req_get(e->req, "Cookie");
	char own[NAME_SIZE] = COOKIE;
	size_t n;

	if (header == NULL || strstr(header, COOKIE) == NULL)
		return false;
	if (strstr(header, COOKIE "_") != NULL)
		own_name(e, own);
	for (int others = 0; others < 2; others++) {
		for (p = header; *p != '\0'; p += n) {
			p += strspn(p, "; ");
			n = strcspn(p, ";");
			if ((strncmp(p, own, strlen(own)) != 0) == (others == 1) &&
			    read_cookie(p, n, out) && i-- == 0)
				return true;
		}
	}
	return false;
}

bool
session_secret(const struct endpoint_env *e, char out[PEOPLE_SECRET + 1])
{
	struct cookie c;
	bool there = cookie_at(e, e->session, &c);

	if (there)
		memcpy(out, c.value, sizeof c.value);
	mem_wipe(&c, sizeof c);
	return there;
}

static bool
is_get(const struct endpoint_env *e)
{
	return str_eq(e->req->method, "GET") || str_eq(e->req->method, "HEAD");
}

bool
session_here(const struct endpoint_env *e)
{
	struct cookie c;
	bool here = http_req_get(e->req, "Authorization") == NULL && cookie_at(e, 0, &c);

	mem_wipe(&c, sizeof c);
	return here;
}

static unsigned int
scopes_of(const char *role)
{
	if (str_eq(role, "owner"))
		return AUTH_READ | AUTH_POLL | AUTH_SEND | AUTH_ADMIN;
	return str_eq(role, "answer") ? AUTH_READ | AUTH_POLL | AUTH_SEND : AUTH_READ;
}

static void
no_session(struct endpoint_env *e)
{
	endpoint_error(e, 401, "no_session", "nobody is signed in: open a link of dmbox user");
}

/* Looks for the person of one of the request's cookies, *out.  RC_NONE: nobody's. */
static enum rc
find_person(struct endpoint_env *e, struct cookie *out, struct person *who)
{
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	enum rc rc = RC_NONE;

	for (size_t i = 0; rc == RC_NONE && i < TRIED && cookie_at(e, i, out); i++) {
		e->session = i;
		rc = people_session(db, out->value, who);
	}
	return rc;
}

bool
session_caller(struct endpoint_env *e)
{
	char id[sizeof(struct person) + 8];
	struct person who;
	struct cookie c;
	bool ok = false;

	if (!cookie_at(e, 0, &c)) {
		no_session(e);
		return false;
	}
	if (!is_get(e) && !str_eq(http_req_get(e->req, "X-Dmbox"), "1")) {
		endpoint_error(
		    e, 403, "no_header", "a call with a cookie needs the header X-Dmbox: 1");
		goto out;
	}
	switch (find_person(e, &c, &who)) {
	case RC_OK:
		break;
	case RC_NONE:
		no_session(e);
		goto out;
	default:
		endpoint_failed(e, RC_TEMP, NULL);
		goto out;
	}
	/* a page asks for "me" when it opens and now and then: who only looks is there, too */
	if (!is_get(e) || str_eq(e->tail, "me"))
		people_touch(ctx_db(e->ctx, e->conf, e->thread), c.value);
	e->caller.scopes = scopes_of(who.role);
	snprintf(e->caller.sub, sizeof e->caller.sub, "%.*s",
	    (int)str_utf8_cut(who.name, strlen(who.name), sizeof e->caller.sub - 1), who.name);
	/* apart from the names in tokens, which anybody with the key may choose */
	snprintf(id, sizeof id, "user:%s", who.name);
	sign_sha256_hex(id, strlen(id), e->caller.key);
	ok = true;
out:
	mem_wipe(&c, sizeof c);
	return ok;
}

static void
set_cookie(const struct endpoint_env *e, const char *name, const char *secret, bool secure)
{
	char v[256];

	snprintf(v, sizeof v, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s", name,
	    secret, *secret != '\0' ? COOKIE_S : 0, secure ? "; Secure" : "");
	endpoint_header(e, "Set-Cookie", v);
	mem_wipe(v, sizeof v);
}

/*
 * All that are known here: another address of this installation has a cookie of its own, and would
 * sign the next one at this computer in.  Where there is none a cookie is taken away all the same,
 * and where COOKIE is nobody's one of our own name: doctor asks so whether cookies come through,
 * in answers and in requests.
 */
enum rc
session_end(struct endpoint_env *e)
{
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	bool taken = false, others = false;
	char own[NAME_SIZE];
	struct person who;
	struct cookie c;
	enum rc rc;

	own_name(e, own);
	for (size_t i = 0; i < TRIED && cookie_at(e, i, &c); i++) {
		rc = people_session(db, c.value, &who);
		if (rc == RC_OK)
			rc = people_logout(db, c.value);
		if (rc != RC_OK && rc != RC_NONE) {
			mem_wipe(&c, sizeof c);
			return RC_TEMP;
		}
		others |= rc == RC_NONE && str_eq(c.name, COOKIE);
		if (rc == RC_OK)
			set_cookie(e, c.name, "", false);
		taken |= rc == RC_OK;
	}
	mem_wipe(&c, sizeof c);
	if (!taken)
		set_cookie(e, others ? own : COOKIE, "", false);
	return RC_OK;
}

/*
 * Browsers send a host's cookies to each of its ports and, with Path=/, to each of its paths: where
 * COOKIE is another installation's, this one would sign people out of that.
 */
void
session_cookie(struct endpoint_env *e, const char *secret, bool secure)
{
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	char own[NAME_SIZE];
	bool taken = false;
	struct person who;
	struct cookie c;

	own_name(e, own);
	for (size_t i = 0; !taken && i < TRIED && cookie_at(e, i, &c); i++)
		taken = str_eq(c.name, own) ||
		    (str_eq(c.name, COOKIE) && !str_eq(c.value, secret) &&
			people_session(db, c.value, &who) != RC_OK);
	set_cookie(e, taken ? own : COOKIE, secret, secure);
	mem_wipe(&c, sizeof c);
}

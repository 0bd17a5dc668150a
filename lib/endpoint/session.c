/*
 * The cookie of the inbox page, and the person it belongs to.
 */
#include "endpoint/session.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "extern/sign.h"
#include "store/people.h"

#define COOKIE "dmbox_session"
#define COOKIE_S (30 * 86400)

bool
session_secret(const struct endpoint_env *e, char out[PEOPLE_SECRET + 1])
{
	const char *p = http_req_get(e->req, "Cookie");
	size_t n;

	while (p != NULL && *p != '\0') {
		p += strspn(p, "; ");
		n = strcspn(p, ";");
		if (n == strlen(COOKIE "=") + PEOPLE_SECRET && str_starts(p, COOKIE "=")) {
			memcpy(out, p + strlen(COOKIE "="), PEOPLE_SECRET);
			out[PEOPLE_SECRET] = '\0';
			return str_charset(out, PEOPLE_SECRET, PEOPLE_SECRET, "");
		}
		p += n;
	}
	return false;
}

static bool
is_get(const struct endpoint_env *e)
{
	return str_eq(e->req->method, "GET") || str_eq(e->req->method, "HEAD");
}

bool
session_here(const struct endpoint_env *e)
{
	char secret[PEOPLE_SECRET + 1];
	bool here = http_req_get(e->req, "Authorization") == NULL && session_secret(e, secret);

	mem_wipe(secret, sizeof secret);
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

bool
session_caller(struct endpoint_env *e)
{
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	char secret[PEOPLE_SECRET + 1], id[sizeof(struct person) + 8];
	struct person who;
	bool ok = false;

	if (!session_secret(e, secret)) {
		no_session(e);
		return false;
	}
	if (!is_get(e) && !str_eq(http_req_get(e->req, "X-Dmbox"), "1")) {
		endpoint_error(
		    e, 403, "no_header", "a call with a cookie needs the header X-Dmbox: 1");
		goto out;
	}
	switch (people_session(db, secret, &who)) {
	case RC_OK:
		break;
	case RC_NONE:
		no_session(e);
		goto out;
	default:
		endpoint_failed(e, RC_TEMP, NULL);
		goto out;
	}
	if (!is_get(e))
		people_touch(db, secret);
	e->caller.scopes = scopes_of(who.role);
	snprintf(e->caller.sub, sizeof e->caller.sub, "%.*s",
	    (int)str_utf8_cut(who.name, strlen(who.name), sizeof e->caller.sub - 1), who.name);
	/* apart from the names in tokens, which anybody with the key may choose */
	snprintf(id, sizeof id, "user:%s", who.name);
	sign_sha256_hex(id, strlen(id), e->caller.key);
	ok = true;
out:
	mem_wipe(secret, sizeof secret);
	return ok;
}

void
session_cookie(const struct endpoint_env *e, const char *secret, bool secure)
{
	char v[256];

	snprintf(v, sizeof v, COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s", secret,
	    *secret != '\0' ? COOKIE_S : 0, secure ? "; Secure" : "");
	endpoint_header(e, "Set-Cookie", v);
	mem_wipe(v, sizeof v);
}

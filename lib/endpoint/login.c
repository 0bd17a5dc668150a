/*
 * Signing in by a one-time link, and what the page needs next.  The link's token is behind #
 * in the address, which no server and no log sees; the page posts it here.
 */
#include "endpoint/login.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "bridge/tick.h"
#include "endpoint/desk.h"
#include "endpoint/session.h"
#include "extern/json.h"
#include "extern/jsonw.h"
#include "store/outbox.h"
#include "store/people.h"
#include "store/view.h"

#define TICK_LAG_US 30000000	/* clocks of the host and the database may differ by so much */
#define WRONG_LINKS 30		/* a minute and address */

/* Left out where messages came and the file did not move: it cannot be written. */
static void
put_tick(struct endpoint_env *e, struct jsonw *w)
{
	int64_t moved_us = 0, came_us = 0;
	char name[TICK_NAME];

	if (tick_name(e->conf->tick_dir, name, &moved_us) != RC_OK ||
	    view_last_received(ctx_db(e->ctx, e->conf, e->thread), &came_us) != RC_OK ||
	    came_us > moved_us + TICK_LAG_US)
		jsonw_raw(w, "tick", NULL);
	else
		jsonw_printf(w, "tick", "tick/%s", name);
}

/* Where the page's feed begins: before its first list, so that nothing falls between the two. */
static enum rc
put_next(struct endpoint_env *e, struct jsonw *w)
{
	int64_t next = 0;
	enum rc rc = view_changes_now(ctx_db(e->ctx, e->conf, e->thread), &next);

	jsonw_i64(w, "next", next);
	return rc;
}

static void
put_me(struct endpoint_env *e, const char *name, const char *role)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 1 << 20);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "name", name);
	jsonw_str(&w, "role", role);
	jsonw_str(&w, "version", DMBOX_VERSION);
	put_tick(e, &w);
	if (put_next(e, &w) == RC_OK && endpoint_desk_me(e, name, &w) == RC_OK) {
		jsonw_end(&w);
		endpoint_jsonw(e, 200, &w);
	} else {
		endpoint_failed(e, RC_TEMP, NULL);
	}
	buf_free(&b);
}

static void
login(struct endpoint_env *e, const struct json *j)
{
	static const char *const known[] = { "token", "secure", NULL };
	const char *token = json_text(&e->arena, json_member(j, "token")), *why = "link_unknown";
	char secret[PEOPLE_SECRET + 1], net[64], key[80];
	struct person who;

	if (!endpoint_members(e, j, known))
		return;
	if (token == NULL || !str_charset(token, PEOPLE_SECRET, PEOPLE_SECRET, "")) {
		endpoint_error(e, 401, "link_unknown", "this is not a link of dmbox user");
		return;
	}
	switch (people_login(ctx_db(e->ctx, e->conf, e->thread), token,
	    http_req_get(e->req, "User-Agent"), secret, &who, &why)) {
	case RC_OK:
		session_cookie(e, secret, json_bool(json_member(j, "secure"), false));
		put_me(e, who.name, who.role);
		log_info("%s signed in (from %s)", who.name, e->addr);
		break;
	case RC_DENIED:
		endpoint_addr_net(e, net);
		snprintf(key, sizeof key, "link:%s", net);
		if (ctx_limit(e->ctx, key, WRONG_LINKS, NULL))
			endpoint_error(e, 401, why, "this link opens nothing (any more)");
		else
			endpoint_error(e, 429, "rate", "too many wrong links from this address");
		break;
	default:
		endpoint_failed(e, RC_TEMP, NULL);
	}
	mem_wipe(secret, sizeof secret);
}

static void
logout(struct endpoint_env *e)
{
	if (session_end(e) != RC_OK)
		endpoint_failed(e, RC_TEMP, NULL);
	else
		endpoint_success(e, NULL, 0);
}

/* {"id","action":"retry"|"cancel"}: a person's decision about what did not go out. */
static void
decide(struct endpoint_env *e, const struct json *j)
{
	static const char *const known[] = { "id", "action", NULL };
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	const char *action = json_text(&e->arena, json_member(j, "action"));
	struct outbox_row now;
	struct jsonw w;
	struct buf b;
	int64_t id;
	enum rc rc;

	if (!session_caller(e))
		return;
	if ((e->caller.scopes & AUTH_SEND) == 0) {
		endpoint_error(e, 403, "read_only", "%s may not do this", e->caller.sub);
		return;
	}
	if (!endpoint_members(e, j, known))
		return;
	if (json_i64(json_member(j, "id"), &id) != RC_OK ||
	    (!str_eq(action, "retry") && !str_eq(action, "cancel"))) {
		endpoint_error(e, 422, "invalid_field",
		    "id of an outbox row and action, retry or cancel, are needed");
		return;
	}
	rc = str_eq(action, "retry") ? outbox_retry(db, id) : outbox_cancel(db, id);
	if (rc == RC_OK)
		rc = outbox_get(db, id, &now);
	if (rc == RC_NONE) {
		endpoint_error(e, 409, "not_possible", "its state does not allow that any more");
	} else if (rc != RC_OK) {
		endpoint_failed(e, RC_TEMP, NULL);
	} else {
		buf_init(&b, 256);
		jsonw_init(&w, &b);
		jsonw_object(&w, NULL);
		jsonw_bool(&w, "success", true);
		jsonw_str(&w, "state", now.state);
		jsonw_end(&w);
		endpoint_jsonw(e, 200, &w);
		log_info("outbox %" PRId64 ": %s by %s", id, action, e->caller.sub);
	}
}

void
endpoint_session_post(struct endpoint_env *e)
{
	struct json *j = NULL;
	char err[128];

	if (!str_eq(http_req_get(e->req, "X-Dmbox"), "1"))
		endpoint_error(e, 403, "no_header", "the header X-Dmbox: 1 is needed");
	else if (str_eq(e->tail, "logout"))
		logout(e);
	else if (!str_eq(e->tail, "login") && !str_eq(e->tail, "outbox") &&
	    !endpoint_desk_posts(e->tail))
		endpoint_error(e, 404, "not_found", "there is nothing at this address");
	else if (json_parse(e->req->body, e->req->body_n, &j, err) != RC_OK)
		endpoint_error(e, 400, "bad_json", "the body is not JSON: %s", err);
	else if (endpoint_desk_posts(e->tail))
		endpoint_desk_post(e, j);
	else if (str_eq(e->tail, "outbox"))
		decide(e, j);
	else
		login(e, j);
	json_free(j);
}

void
endpoint_session_me(struct endpoint_env *e)
{
	const char *role = (e->caller.scopes & AUTH_ADMIN) != 0 ? "owner" :
	    (e->caller.scopes & AUTH_SEND) != 0			? "answer" :
								  "read";
	char secret[PEOPLE_SECRET + 1];

	/* 30 days from now again */
	if (session_here(e) && session_secret(e, secret))
		session_cookie(
		    e, secret, str_eq(http_query_get(&e->arena, e->req->query, "secure"), "1"));
	mem_wipe(secret, sizeof secret);
	put_me(e, e->caller.sub, role);
}

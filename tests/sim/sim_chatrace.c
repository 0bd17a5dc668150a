/*
 * Chatrace as providers.md part A tells it: one header, X-ACCESS-TOKEN, asked
 * for before any routing (A.2); no endpoint that lists messages (A.6); sends
 * that are accepted without an id, and errors inside a 200 (A.5).
 *
 * Settings: CHATRACE_TOKENS (comma list; none: any "<digits>.<rest>"), CHATRACE_PAGE (the
 *           account of the token; none: what it says), CHATRACE_ACTIVE ("false": suspended),
 *           CHATRACE_INTEGRATIONS (the answer's JSON).
 * Control:  POST /_sim/chatrace/list {"path":"/messages/get","auth":"api-key",
 *           "messages":[...], "shape":"array|messages|data|object"}: from now on
 *           that path lists messages to a client that sends the token in that form.
 *           POST /_sim/chatrace/push {"messages":[...]}: replaces what is listed.
 *           POST /_sim/chatrace/contact {"id":"..","error":404}: sends to that
 *           contact answer 200 with an error object.
 *           GET  /_sim/chatrace/sent: accepted sends, [{"contact","kind","body"}].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim.h"
#include "base/str.h"

struct listing {
	struct listing *next;
	char *path, *auth, *shape, *messages;	/* messages: JSON array */
};
struct refusal {
	struct refusal *next;
	char *contact;
	int64_t code;
};
static struct listing *listings;
static struct refusal *refusals;
static struct buf sent;		/* JSON objects, comma-separated */

static bool
token_ok(const char *t)
{
	const char *dot = t == NULL ? NULL : strchr(t, '.');

	if (dot == NULL || dot == t || dot[1] == '\0')
		return false;
	for (const char *p = t; p < dot; p++)
		if (*p < '0' || *p > '9')
			return false;
	return sim_opt_has("CHATRACE_TOKENS", t);
}

/* The token in the given header form: "Authorization: Bearer" or a header's name. */
static bool
form_ok(const struct sim_req *r, const char *form)
{
	const char *v;

	if (str_istarts(form, "authorization")) {
		v = sim_header(r, "Authorization");
		return v != NULL && str_istarts(v, "Bearer ") && token_ok(v + 7);
	}
	return token_ok(sim_header(r, form));
}

static void
list_answer(const struct listing *l, struct sim_res *res)
{
	if (str_eq(l->shape, "messages") || str_eq(l->shape, "data"))
		sim_answer(res, 200, "{\"%s\":%s}", l->shape, l->messages);
	else if (str_eq(l->shape, "object") && strlen(l->messages) >= 2)
		sim_answer(res, 200, "%.*s", (int)strlen(l->messages) - 2, l->messages + 1);
	else
		sim_answer(res, 200, "%s", l->messages);
}

static void
note_sent(const struct sim_req *r, const char *contact, const char *kind)
{
	if (sent.max == 0)
		buf_init(&sent, 64UL << 20);
	buf_puts(&sent, sent.n > 0 ? ",{\"contact\":" : "{\"contact\":");
	json_put_str(&sent, contact);
	buf_puts(&sent, ",\"kind\":");
	json_put_str(&sent, kind);
	buf_puts(&sent, ",\"body\":");
	json_put_strn(&sent, r->body, r->body_n);
	buf_puts(&sent, "}");
}

/* POST /contacts/{id}/send/{text|file|flow}, /contacts/{id}/send_content */
static void
contact_send(const struct sim_req *r, struct sim_res *res, const char *contact, const char *what)
{
	for (struct refusal *f = refusals; f != NULL; f = f->next)
		if (str_eq(f->contact, contact)) {
			sim_answer(res, 200, "{\"error\":{\"code\":%lld,\"message\":\"Contact not found\"}}",
			    (long long)f->code);
			return;
		}
	if (str_eq(what, "text") && str_empty(sim_json(r, "text")))
		sim_answer(res, 422, "{\"errors\":{\"text\":[\"The text field is required.\"]}}");
	else if (str_eq(what, "file") && (str_empty(sim_json(r, "url")) || str_empty(sim_json(r, "type"))))
		sim_answer(res, 422, "{\"errors\":{\"url\":[\"The url field is required.\"]}}");
	else if (str_eq(what, "file") && !sim_fetch(sim_json(r, "url")))
		sim_answer(res, 200, "{\"error\":{\"code\":400,\"message\":\"File could not be downloaded\"}}");
	else {
		note_sent(r, contact, what);
		sim_answer(res, 200, "{\"success\":true}");
	}
}

static void
contacts(const struct sim_req *r, struct sim_res *res, const char *rest)
{
	size_t n = strcspn(rest, "/");
	char *id = mem_arena_ndup(r->a, rest, n);
	const char *tail = rest + n;
	bool post = str_eq(r->method, "POST");

	if (!str_charset(id, 1, 64, "+"))
		sim_answer(res, 400, "{\"error\":{\"code\":400,\"message\":\"Invalid contact id\"}}");
	else if (post && str_starts(tail, "/send/") && strchr(tail + 6, '/') == NULL)
		contact_send(r, res, id, tail + 6);
	else if (post && str_eq(tail, "/send_content"))
		contact_send(r, res, id, "content");
	else if (!post && *tail == '\0')
		sim_answer(res, 200, "{\"id\":\"%s\",\"page_id\":1000001,\"first_name\":\"Ana\","
		    "\"last_name\":\"K.\",\"channel\":10,\"profile_pic\":null,\"locale\":\"en_US\","
		    "\"last_interaction\":\"1752345678901\",\"tags\":[],\"custom_fields\":[]}", id);
	else
		sim_html(res, 404, "Not Found");
}

static void
me(const char *token, struct sim_res *res)
{
	const char *page = sim_opt("CHATRACE_PAGE");
	bool active = !str_eq(sim_opt("CHATRACE_ACTIVE"), "false");

	if (str_empty(page))
		page = token;
	sim_answer(res, 200, "{\"page_id\":%.*s,\"name\":\"Shop\",\"active\":%s,\"created\":0,"
	    "\"total_users\":120}", (int)strcspn(page, "."), page, active ? "true" : "false");
}

static void
handle(const struct sim_req *r, struct sim_res *res)
{
	const char *p = r->path;
	const char *token = sim_header(r, "X-ACCESS-TOKEN");
	const char *integrations = sim_opt("CHATRACE_INTEGRATIONS");

	for (const struct listing *l = listings; l != NULL; l = l->next)
		if (str_eq(l->path, p)) {
			if (form_ok(r, l->auth))
				list_answer(l, res);
			else
				sim_answer(res, 401, "{\"error\":{\"code\":401,"
				    "\"message\":\"No valid API key provided\"}}");
			return;
		}
	if (!token_ok(token)) {	/* before routing: says nothing about the path (A.2) */
		sim_answer(res, 401, "{\"error\":{\"code\":401,\"message\":\"No valid API key provided\"}}");
		return;
	}
	if (str_eq(p, "/accounts/me"))
		me(token, res);
	else if (str_eq(p, "/accounts/flows"))
		sim_answer(res, 200, "[{\"id\":1700000000001,\"name\":\"Main menu\"}]");
	else if (str_eq(p, "/accounts/integrations"))
		sim_answer(res, 200, "%s", integrations != NULL ? integrations :
		    "[{\"id\":1,\"name\":\"Instagram\",\"channel\":10,\"active\":true}]");
	else if (str_eq(p, "/accounts/admins") || str_eq(p, "/accounts/tags") ||
	    str_eq(p, "/accounts/custom_fields"))
		sim_answer(res, 200, "[]");
	else if (str_starts(p, "/contacts/"))
		contacts(r, res, p + 10);
	else if (str_starts(p, "/users/"))
		contacts(r, res, p + 7);
	else if (str_eq(p, "/contacts") && str_eq(r->method, "POST"))
		sim_answer(res, 200, "{\"success\":true,\"contact_created\":true,\"id\":\"%llu\"}",
		    (unsigned long long)sim_id());
	else
		sim_html(res, 404, "Not Found");
}

static void
reset(void)
{
	for (struct listing *l = listings, *next; l != NULL; l = next) {
		next = l->next;
		free(l->path);
		free(l->auth);
		free(l->shape);
		free(l->messages);
		free(l);
	}
	listings = NULL;
	for (struct refusal *f = refusals, *next; f != NULL; f = next) {
		next = f->next;
		free(f->contact);
		free(f);
	}
	refusals = NULL;
	buf_free(&sent);
	memset(&sent, 0, sizeof(sent));
}

static char *
messages_of(const struct sim_req *r)
{
	const struct json *m = r->json == NULL ? NULL : json_get(r->json, "messages");

	return mem_dup(m == NULL ? "[]" : json_raw(r->a, m));
}

static void
control(const struct sim_req *r, struct sim_res *res)
{
	const char *s;

	if (str_eq(r->path, "/list")) {
		struct listing *l = mem_alloc(sizeof(*l));
		s = sim_json(r, "path");
		l->path = mem_dup(s != NULL ? s : "/messages/receive");
		s = sim_json(r, "auth");
		l->auth = mem_dup(s != NULL ? s : "X-ACCESS-TOKEN");
		s = sim_json(r, "shape");
		l->shape = mem_dup(s != NULL ? s : "array");
		l->messages = messages_of(r);
		l->next = listings;
		listings = l;
	} else if (str_eq(r->path, "/push")) {
		for (struct listing *l = listings; l != NULL; l = l->next) {
			free(l->messages);
			l->messages = messages_of(r);
		}
	} else if (str_eq(r->path, "/contact") && sim_json(r, "id") != NULL) {
		struct refusal *f = mem_alloc(sizeof(*f));
		f->contact = mem_dup(sim_json(r, "id"));
		if (r->json == NULL || json_i64(json_get(r->json, "error"), &f->code) != RC_OK)
			f->code = 404;
		f->next = refusals;
		refusals = f;
	} else if (str_eq(r->path, "/sent")) {
		sim_answer(res, 200, "[%s]", sent.max == 0 ? "" : sent.p);
		return;
	} else {
		sim_answer(res, 404, "{\"error\":\"no such control\"}");
		return;
	}
	sim_answer(res, 200, "{\"success\":true}");
}

const struct sim_provider sim_chatrace = { "chatrace", handle, control, reset };

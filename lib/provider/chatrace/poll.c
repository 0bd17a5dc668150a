/*
 * The API has no endpoint that lists messages (providers.md A.6), but the earlier system
 * believed in one and an installation may have one behind a proxy.  So a check
 * first proves the token with GET /accounts/me, then tries path by path and
 * header form by header form, remembers what was accepted, and says plainly
 * when there is nothing: a failure is never shown as emptiness.
 */
#include <string.h>

#include "base/clock.h"
#include "extern/json.h"
#include "extern/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "provider/chatrace/chatrace.h"
#include "base/str.h"

#define LEAST_MS 50		/* with less time left no request is begun */
#define PAUSE_429_S 30		/* 429 without Retry-After */

struct probe {
	bool known;		/* the form of memory is used, nothing else */
	bool me_asked;
	int me_status;
	bool me_ok;		/* the token is proved, and it is this account's */
	bool me_other;		/* proved, but another account's */
	bool me_html;		/* something else than the API answers there */
	bool me_gone;		/* 404 */
	size_t path, form;	/* under way, or next */
	const char *known_path, *known_auth;
	size_t gone, denied, failed;	/* paths, by how they ended */
	bool over;
};

static void
finish(struct poll_state *st, struct probe *pr, enum poll_outcome outcome, const char *hint)
{
	pr->over = true;
	st->outcome = outcome;
	st->hint = hint;
}

static struct poll_attempt *
attempt(const struct account *a, struct poll_state *st, const char *path, const char *auth)
{
	struct poll_attempt *at = poll_attempt_add(st);
	char masked[2048];
	struct buf b;

	buf_init(&b, sizeof masked);
	buf_printf(&b, "%s%s%s", a->api_url, *path == '/' ? "" : "/", path);
	log_mask(b.p, b.n, masked, sizeof masked);
	buf_free(&b);
	at->url = mem_arena_dup(&st->arena, masked);
	at->auth = mem_arena_dup(&st->arena, auth);
	return at;
}

static struct probe *
probe_new(struct poll_state *st)
{
	struct probe *pr = mem_arena_alloc(&st->arena, sizeof *pr);
	struct json *m = NULL;

	memset(pr, 0, sizeof *pr);
	if (!st->probe && st->memory != NULL &&
	    json_parse(st->memory, strlen(st->memory), &m, NULL) == RC_OK) {
		pr->known_path = json_str(&st->arena, json_get(m, "form.path"));
		pr->known_auth = json_str(&st->arena, json_get(m, "form.auth"));
		pr->known = !str_empty(pr->known_path) && !str_empty(pr->known_auth);
	}
	json_free(m);
	st->priv = pr;
	return pr;
}

static void
list_not_tried(const struct account *a, struct poll_state *st, struct probe *pr)
{
	if (pr->known)
		return;
	for (; pr->path < chatrace_own(a)->poll_paths.n; pr->path++, pr->form = 0)
		for (; pr->form < chatrace_own(a)->auth_formats.n; pr->form++)
			attempt(a, st, chatrace_own(a)->poll_paths.v[pr->path],
			    chatrace_own(a)->auth_formats.v[pr->form])
			    ->note = "not_tried";
}

/* Every path was asked: what does it mean? */
static void
conclude(struct poll_state *st, struct probe *pr)
{
	if (pr->failed > 0)
		finish(st, pr, POLL_FAILED, "bad_answer");
	else if (pr->me_html)
		finish(st, pr, POLL_FAILED, "base_url");
	else if (pr->gone == 0 && !pr->me_ok && !pr->me_other)
		finish(st, pr, POLL_FAILED, "wrong_token");
	else if (pr->me_other)
		finish(st, pr, POLL_UNSUPPORTED, "other_account");
	else if (pr->me_gone)
		finish(st, pr, POLL_UNSUPPORTED, "base_url");
	else if (pr->me_status == 401)
		finish(st, pr, POLL_UNSUPPORTED, "wrong_token");
	else
		finish(st, pr, POLL_UNSUPPORTED, "no_polling");
	if (st->outcome == POLL_UNSUPPORTED)
		st->new_memory = "{\"unsupported\":true}";
}

enum rc
chatrace_poll_build(const struct account *a, struct poll_state *st, struct http_req *out)
{
	struct probe *pr = st->priv != NULL ? st->priv : probe_new(st);
	int64_t left = st->deadline_ms - clock_mono_ms();
	const char *path, *auth;
	enum rc rc;

	if (!pr->over && str_empty(a->token))
		finish(st, pr, POLL_FAILED, "no_token");
	if (!pr->over && !pr->known && pr->me_asked && pr->path >= chatrace_own(a)->poll_paths.n)
		conclude(st, pr);
	if (!pr->over && left < LEAST_MS) {
		list_not_tried(a, st, pr);
		finish(st, pr, POLL_FAILED, "timeout");
	}
	if (pr->over)
		return RC_NONE;
	path = pr->known ? pr->known_path :
	    pr->me_asked ? chatrace_own(a)->poll_paths.v[pr->path] :
			   "/accounts/me";
	auth = pr->known ? pr->known_auth :
	    pr->me_asked ? chatrace_own(a)->auth_formats.v[pr->form] :
			   AUTH_TOKEN;
	rc = chatrace_request(a, "GET", path, auth, out);
	if (rc != RC_OK) {
		list_not_tried(a, st, pr);
		finish(st, pr, POLL_FAILED, "bad_url");
		return RC_NONE;
	}
	if (left < REQUEST_MS)
		out->timeout_ms = (unsigned int)left;
	return RC_OK;
}

/* No answer, or one that any path would give: a note, else NULL. */
static const char *
plain_note(const struct http_res *res)
{
	if (res->fail != HTTP_FAIL_NONE)
		return http_fail_names[res->fail];
	switch (res->status) {
	case 401:
		return "unauthorized";
	case 403:
		return "forbidden";
	case 404:
		return "not_found";
	case 405:
		return "method_not_allowed";
	case 429:
		return "rate_limited";
	}
	if (res->status >= 300 && res->status < 400)
		return "redirect_not_followed";
	if (res->status >= 500)
		return "server_error";
	if (res->status < 200 || res->status >= 300)
		return "refused";
	return NULL;
}

/* Nothing behind this host will answer either. */
static bool
host_dead(enum http_fail f)
{
	return f == HTTP_FAIL_DNS || f == HTTP_FAIL_CONNECT || f == HTTP_FAIL_TLS ||
	    f == HTTP_FAIL_URL || f == HTTP_FAIL_BLOCKED;
}

/* A.8: GET /accounts/me */
static void
read_me(const struct account *a, const struct http_res *res, struct poll_state *st,
    struct probe *pr, struct poll_attempt *at)
{
	struct json *j = NULL;
	const char *page, *text;
	int64_t code;

	pr->me_asked = true;
	pr->me_status = res->status;
	at->note = plain_note(res);
	pr->me_gone = res->fail == HTTP_FAIL_NONE && res->status == 404;
	if (at->note != NULL)
		return;
	if (json_parse(res->body, res->body_n, &j, NULL) != RC_OK || json_type(j) != JSON_OBJECT) {
		at->note = "not_json";
		pr->me_html = true;
	} else if (chatrace_error_of(&st->arena, j, &code, &text)) {
		at->note = "error_object";
		pr->me_status = code == 401 ? 401 : res->status;
	} else {
		page = json_text(&st->arena, json_member(j, "page_id"));
		pr->me_other = page != NULL && a->own_id != NULL && !str_eq(page, a->own_id);
		pr->me_ok = !pr->me_other;
		at->note = pr->me_other ? "other_account" : "token_ok";
		if (json_type(json_member(j, "active")) == JSON_BOOL &&
		    !json_bool(json_member(j, "active"), true))
			at->note = "account_suspended";
	}
	json_free(j);
}

static void
accepted(const struct account *a, struct poll_state *st, struct probe *pr, size_t n)
{
	struct jsonw w;
	struct buf b;

	if (!pr->known) {
		buf_init(&b, 8192);
		jsonw_init(&w, &b);
		jsonw_object(&w, NULL);
		jsonw_object(&w, "form");
		jsonw_str(&w, "path", chatrace_own(a)->poll_paths.v[pr->path]);
		jsonw_str(&w, "auth", chatrace_own(a)->auth_formats.v[pr->form]);
		jsonw_end(&w);
		jsonw_end(&w);
		if (jsonw_done(&w))
			st->new_memory = mem_arena_dup(&st->arena, b.p);
		buf_free(&b);
	}
	finish(st, pr, n > 0 ? POLL_MESSAGES : POLL_EMPTY, NULL);
}

static void
next_path(struct probe *pr, size_t *how)
{
	(*how)++;
	pr->path++;
	pr->form = 0;
}

/* The form asked was not accepted: where to go on. */
static void
go_on(const struct account *a, const struct http_res *res, struct poll_state *st, struct probe *pr,
    const char *note)
{
	bool denied = str_eq(note, "unauthorized") || str_eq(note, "forbidden");

	if (pr->known) {
		bool gone = denied || res->status == 404;

		if (gone)
			st->new_memory = "{}";	/* the next check probes afresh */
		if (gone && st->person) {
			/* ... and for a person this one does */
			memset(pr, 0, sizeof *pr);
			return;
		}
		finish(st, pr, POLL_FAILED,
		    denied			       ? "wrong_token" :
			gone			       ? "form_lost" :
			res->fail == HTTP_FAIL_TIMEOUT ? "timeout" :
			res->fail != HTTP_FAIL_NONE    ? "unreachable" :
							 "bad_answer");
	} else if (denied) {
		if (++pr->form >= chatrace_own(a)->auth_formats.n)
			next_path(pr, &pr->denied);
	} else if (res->fail != HTTP_FAIL_NONE || res->status >= 500 ||
	    str_eq(note, "error_object")) {
		next_path(pr, &pr->failed);
	} else {
		next_path(pr, &pr->gone);
	}
}

enum rc
chatrace_poll_read(
    const struct account *a, const struct http_res *res, struct poll_state *st, struct itemv *out)
{
	struct probe *pr = st->priv;
	bool me = !pr->known && !pr->me_asked;
	struct poll_attempt *at;
	const char *note;
	int after;

	at = attempt(a, st,
	    pr->known ? pr->known_path :
		me    ? "/accounts/me" :
			chatrace_own(a)->poll_paths.v[pr->path],
	    pr->known ? pr->known_auth :
		me    ? AUTH_TOKEN :
			chatrace_own(a)->auth_formats.v[pr->form]);
	at->status = res->status;
	at->ms = res->ms;
	note = plain_note(res);
	if (me) {
		read_me(a, res, st, pr, at);
	} else {
		if (note == NULL)
			note = chatrace_read_messages(a, res, st, out);
		at->note = note != NULL ? note : "accepted";
		if (note == NULL)
			accepted(a, st, pr, out->n);
		else
			go_on(a, res, st, pr, note);
	}
	if (res->fail == HTTP_FAIL_NONE && res->status == 429) {
		after = http_retry_after_s(res);
		st->pause_s = after > 0 ? after : PAUSE_429_S;
		list_not_tried(a, st, pr);
		finish(st, pr, POLL_FAILED, "rate_limited");
	} else if (!pr->over && host_dead(res->fail)) {
		list_not_tried(a, st, pr);
		finish(st, pr, POLL_FAILED, "unreachable");
	}
	return RC_OK;
}

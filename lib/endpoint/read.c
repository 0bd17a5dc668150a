/*
 * The reading side: parameters in, one query, JSON out.  Accounts are those of
 * the configuration that the channel has, or the one that is asked for.
 */
#include "endpoint/read.h"

#include <inttypes.h>
#include <string.h>

#include "extern/json.h"
#include "extern/jsonw.h"
#include "base/log.h"
#include "endpoint/desk.h"
#include "endpoint/owner.h"
#include "endpoint/login.h"
#include "model/provider.h"
#include "store/view.h"

#define ANSWER_MAX (16u << 20)
#define PAGE_DEFAULT 50
#define POLL_ALIVE_S 180 /* the poller leaves a heartbeat each minute */

/* The accounts a list is about: one that was named, or all of the channel. */
static bool
accounts_of(struct endpoint_env *e, struct strv *out)
{
	const char *name = http_query_get(&e->arena, e->req->query, "account");
	size_t i;

	if (!str_empty(name)) {
		/* also one that is no longer configured: its rows are still there */
		strv_add(out, name, strlen(name));
		return true;
	}
	for (i = 0; i < e->conf->n_accounts; i++)
		if (e->conf->accounts[i].channel == e->channel)
			strv_add(out, e->conf->accounts[i].name, strlen(e->conf->accounts[i].name));
	if (out->n == 0) {
		endpoint_error(e, 404, "unknown_account", "no account is configured for %s",
		    channel_names[e->channel]);
		return false;
	}
	return true;
}

/* limit, before, after, q; false: the answer says which one is wrong. */
static bool
page_of(struct endpoint_env *e, struct view_page *page)
{
	const char *limit = http_query_get(&e->arena, e->req->query, "limit");
	int64_t n = PAGE_DEFAULT;

	*page = (struct view_page){ .q = http_query_get(&e->arena, e->req->query, "q") };
	if (!str_empty(limit) && (str_i64(limit, &n) != RC_OK || n < 1)) {
		endpoint_error(
		    e, 422, "bad_limit", "limit must be a number from 1 to %d", VIEW_PAGE_MAX);
		return false;
	}
	page->limit = n > VIEW_PAGE_MAX ? VIEW_PAGE_MAX : (size_t)n;
	if (view_cursor_parse(http_query_get(&e->arena, e->req->query, "before"), &page->before) !=
		RC_OK ||
	    view_cursor_parse(http_query_get(&e->arena, e->req->query, "after"), &page->after) !=
		RC_OK) {
		endpoint_error(
		    e, 422, "bad_cursor", "before and after take the value of next, or an id");
		return false;
	}
	if (page->q != NULL && !str_utf8_ok(page->q, strlen(page->q))) {
		endpoint_error(e, 422, "bad_query", "q is not UTF-8");
		return false;
	}
	return true;
}

void
endpoint_read_stats(struct endpoint_env *e)
{
	const struct account *a = conf_account(e->conf, e->channel, NULL);
	struct strv accounts = { 0 };
	struct jsonw w;
	struct buf b;
	int64_t age_s = -1;
	bool polling = false;
	size_t i;
	enum rc rc;

	buf_init(&b, ANSWER_MAX);
	if (!accounts_of(e, &accounts))
		goto out;
	for (i = 0; i < e->conf->n_accounts; i++)
		polling |= e->conf->accounts[i].channel == e->channel &&
		    e->conf->accounts[i].poll_s != 0;
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	rc = view_stats(ctx_db(e->ctx, e->conf, e->thread), e->channel, &accounts, &w, &age_s);
	if (rc != RC_OK) {
		endpoint_failed(e, rc, "account");
		goto out;
	}
	jsonw_bool(&w, "pollingActive", polling && age_s >= 0 && age_s <= POLL_ALIVE_S);
	jsonw_object(&w, "config");
	jsonw_bool(&w, "useChatrace", a != NULL && provider_of(a)->earlier);
	jsonw_bool(&w, "useMockMode", a != NULL && a->use_mock);
	jsonw_bool(&w, "hasAccessToken", a != NULL && !str_empty(a->token));
	jsonw_str(&w, "apiUrl", a != NULL ? a->api_url : NULL);
	jsonw_end(&w);
	jsonw_end(&w);
	endpoint_jsonw(e, 200, &w);
out:
	strv_free(&accounts);
	buf_free(&b);
}

/* Could this account receive and send as it is configured? */
static bool
is_configured(const struct account *a)
{
	if (a->use_mock)
		return true;
	return account_missing(a, KEY_READY, 0) == NULL;
}

void
endpoint_read_config(struct endpoint_env *e)
{
	const char *name = http_query_get(&e->arena, e->req->query, "account");
	const struct account *a = conf_account(e->conf, e->channel, str_empty(name) ? NULL : name);
	struct jsonw w;
	struct buf b;

	if (a == NULL) {
		endpoint_error(e, 404, "unknown_account", "no such account is configured for %s",
		    channel_names[e->channel]);
		return;
	}
	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "apiUrl", a->api_url);
	jsonw_str(&w, "pageId", a->own_id);
	jsonw_str(&w, "accessToken", str_empty(a->token) ? "not set" : "***configured***");
	jsonw_bool(&w, "useMockMode", a->use_mock);
	jsonw_bool(&w, "useChatrace", provider_of(a)->earlier);
	jsonw_bool(&w, "isConfigured", is_configured(a));
	jsonw_str(&w, "account", a->name);
	jsonw_str(&w, "provider", provider_called(a));
	jsonw_end(&w);
	endpoint_jsonw(e, 200, &w);
}

void
endpoint_read_conversations(struct endpoint_env *e)
{
	struct strv accounts = { 0 };
	struct view_page page;
	struct jsonw w;
	struct buf b;
	enum rc rc;

	if (page_of(e, &page) && accounts_of(e, &accounts)) {
		buf_init(&b, ANSWER_MAX);
		jsonw_init(&w, &b);
		rc = view_conversations(
		    ctx_db(e->ctx, e->conf, e->thread), e->channel, &accounts, &page, &w);
		endpoint_result(e, rc, &w, "conversation");
	}
	strv_free(&accounts);
}

void
endpoint_read_messages(struct endpoint_env *e)
{
	const char *conv = http_query_get(&e->arena, e->req->query, "conversation");
	struct view_page page;
	int64_t contact;
	struct jsonw w;
	struct buf b;
	enum rc rc;

	if (conv == NULL || str_i64(conv, &contact) != RC_OK) {
		endpoint_error(e, 422, "bad_conversation",
		    "conversation must be the id of a conversation, as /conversations lists it");
		return;
	}
	if (!page_of(e, &page))
		return;
	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	rc = view_messages(ctx_db(e->ctx, e->conf, e->thread), e->channel, contact, &page, &w);
	endpoint_result(e, rc, &w, "conversation or message");
}

static void
changes(struct endpoint_env *e)
{
	const char *text = http_query_get(&e->arena, e->req->query, "after");
	int64_t after = -1;
	bool any = false;
	struct jsonw w;
	struct buf b;
	enum rc rc;

	if (!str_empty(text) && (str_i64(text, &after) != RC_OK || after < 0)) {
		endpoint_error(e, 422, "bad_cursor", "after takes the value of next");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	rc = view_changes(ctx_db(e->ctx, e->conf, e->thread), after, &w, &any);
	if (rc == RC_OK && any)
		rc = endpoint_desk_counts(e, &w);
	if (rc == RC_OK)
		jsonw_end(&w);
	endpoint_result(e, rc, &w, "place");
}

void
endpoint_read_inbox(struct endpoint_env *e)
{
	if (str_eq(e->tail, "me"))
		endpoint_session_me(e);
	else if (str_eq(e->tail, "changes"))
		changes(e);
	else if (!endpoint_desk_get(e) && !endpoint_owner_get(e))
		endpoint_error(e, 404, "not_found", "there is nothing at this address");
}

/* upTo: a message id, or a cursor; absent: all that is there. */
static enum rc
up_to_of(struct endpoint_env *e, const struct json *j, struct view_cursor *out)
{
	if (json_type(json_member(j, "upTo")) == JSON_ABSENT ||
	    json_type(json_member(j, "upTo")) == JSON_NULL) {
		*out = (struct view_cursor){ 0 };
		return RC_OK;
	}
	return view_cursor_parse(json_text(&e->arena, json_member(j, "upTo")), out);
}

void
endpoint_read_mark(struct endpoint_env *e)
{
	static const char *const known[] = { "conversation", "upTo", NULL };
	struct json *j = NULL;
	struct view_cursor up_to;
	char err[128];
	int64_t contact, n = 0;
	enum rc rc;

	if (json_parse(e->req->body, e->req->body_n, &j, err) != RC_OK) {
		endpoint_error(e, 400, "bad_json", "the body is not JSON: %s", err);
		return;
	}
	if (!endpoint_members(e, j, known))
		goto out;
	if (json_i64(json_member(j, "conversation"), &contact) != RC_OK) {
		endpoint_error(
		    e, 422, "bad_conversation", "conversation must be the id of a conversation");
		goto out;
	}
	if (up_to_of(e, j, &up_to) != RC_OK) {
		endpoint_error(e, 422, "bad_up_to", "upTo must be the id of a message");
		goto out;
	}
	rc = view_mark_read(ctx_db(e->ctx, e->conf, e->thread), e->channel, contact, &up_to, &n);
	if (rc != RC_OK) {
		endpoint_failed(e, rc, "conversation or message");
		goto out;
	}
	endpoint_success(e, "marked", n);
out:
	json_free(j);
}

/*
 * What dmbox doctor asks (providers.md A.8).
 */
#include <stdio.h>
#include <string.h>

#include "extern/json.h"
#include "base/mem.h"
#include "provider/chatrace/chatrace.h"
#include "base/str.h"

enum { PROBE_TOKEN, PROBE_PAGE, PROBE_ACTIVE, PROBE_INTEGRATIONS, PROBE__MAX };

enum rc
chatrace_probe_build(const struct account *a, int step, struct http_req *out)
{
	if (step < 0 || step >= PROBE__MAX || str_empty(a->token))
		return RC_NONE;
	return chatrace_request(a, "GET",
	    step == PROBE_INTEGRATIONS ? "/accounts/integrations" : "/accounts/me", AUTH_TOKEN,
	    out);
}

/* What is wrong with the request itself; true where the rest needs no look. */
static bool
probe_broken(const struct http_res *res, struct json **j, struct mem_arena *arena, int step,
    struct finding *out)
{
	static const char *const codes[PROBE__MAX] = { "token", "page_id", "active",
		"integrations" };
	/* the first step names the fault; the others could not be told */
	enum finding_status bad = step == PROBE_TOKEN ? FINDING_FAIL : FINDING_UNKNOWN;
	const char *text;
	int64_t code;

	if (res->fail != HTTP_FAIL_NONE) {
		finding_fail(
		    finding_of(out, step == PROBE_TOKEN ? "reach" : codes[step]), bad, res);
		return true;
	}
	if (res->status == 401) {
		finding_set(finding_of(out, codes[step]), bad,
		    "HTTP 401: the key is wrong, or the base URL is",
		    "HTTP 401: неверен ключ или адрес API");
		return true;
	}
	if (res->status == 404 || json_parse(res->body, res->body_n, j, NULL) != RC_OK) {
		finding_set(finding_of(out, step == PROBE_TOKEN ? "base_url" : codes[step]), bad,
		    "HTTP %d, no JSON of the API: INSTAGRAM_API_URL has a missing or an extra /api",
		    "HTTP %d, не JSON этого API: в INSTAGRAM_API_URL не хватает /api или он лишний",
		    res->status);
		return true;
	}
	if (res->status != 200 || chatrace_error_of(arena, *j, &code, &text)) {
		(void)chatrace_error_of(arena, *j, &code, &text);
		finding_http(
		    finding_of(out, codes[step]), bad, res->status, text != NULL ? text : "");
		return true;
	}
	return false;
}

/* Switched off, by whichever of these words: A.8 does not know which is the one. */
static bool
off(struct mem_arena *arena, const struct json *o)
{
	static const char *const yes[] = { "active", "connected", "enabled", "is_active",
		"is_connected" };
	static const char *const no[] = { "disconnected", "inactive", "expired", "disabled",
		"not_connected", "error" };
	const char *s = json_text(arena, json_member(o, "status"));

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (json_member(o, yes[i]) != NULL && !json_bool(json_member(o, yes[i]), true))
			return true;
	for (size_t i = 0; s != NULL && i < sizeof no / sizeof *no; i++)
		if (str_ieq(s, no[i]))
			return true;
	return false;
}

/* A.8 [?]: the exact shape is not known.  A list that does not name it, or names it as off,
 * is an answer; of another shape its absence proves nothing. */
static void
integrations(struct mem_arena *arena, const struct json *j, struct finding *out)
{
	const struct json *list = json_type(j) == JSON_ARRAY ? j : json_member(j, "data");
	const struct json *v = json_member(j, "instagram");
	bool listed = json_type(list) == JSON_ARRAY, named = false;

	for (size_t i = 0; listed && i < json_len(list); i++) {
		if (strcasestr(json_raw(arena, json_at(list, i)), "instagram") == NULL)
			continue;
		named = true;
		v = json_at(list, i);
		if (!off(arena, v))
			break;
	}
	if (v != NULL &&
	    (off(arena, v) || json_type(v) == JSON_NULL ||
		(json_type(v) == JSON_BOOL && !json_bool(v, true))))
		finding_set(finding_of(out, "integrations"), FINDING_FAIL,
		    "Instagram is named, but not connected", "Instagram назван, но не подключён");
	else if (named || v != NULL || strcasestr(json_raw(arena, j), "instagram") != NULL)
		finding_set(finding_of(out, "integrations"), FINDING_OK,
		    "Instagram is among the integrations", "Instagram есть среди интеграций");
	else if (listed)
		finding_set(finding_of(out, "integrations"), FINDING_WARN,
		    "Instagram is not among the %zu integrations",
		    "Instagram нет среди интеграций (их %zu)", json_len(list));
	else
		finding_set(finding_of(out, "integrations"), FINDING_UNKNOWN,
		    "Instagram is not named", "Instagram не назван");
}

enum rc
chatrace_probe_read(
    const struct account *a, int step, const struct http_res *res, struct finding *out)
{
	struct mem_arena arena = { 0 };
	struct json *j = NULL;
	const char *page;

	memset(out, 0, sizeof *out);
	if (probe_broken(res, &j, &arena, step, out))
		goto out;
	switch (step) {
	case PROBE_TOKEN:
		finding_set(finding_of(out, "token"), FINDING_OK,
		    "GET /accounts/me answers 200 with X-ACCESS-TOKEN",
		    "GET /accounts/me отвечает 200 с X-ACCESS-TOKEN");
		break;
	case PROBE_PAGE:
		page = json_text(&arena, json_member(j, "page_id"));
		if (page == NULL)
			finding_set(finding_of(out, "page_id"), FINDING_UNKNOWN,
			    "the answer has no page_id", "в ответе нет page_id");
		else if (!str_eq(page, a->own_id))
			finding_set(finding_of(out, "page_id"), FINDING_FAIL,
			    "page_id %s, the token says %s", "page_id %s, а в токене %s", page,
			    a->own_id != NULL ? a->own_id : "?");
		else
			finding_set(finding_of(out, "page_id"), FINDING_OK, "page_id %s",
			    "page_id %s", page);
		break;
	case PROBE_ACTIVE:
		if (json_member(j, "active") == NULL)
			finding_set(finding_of(out, "active"), FINDING_UNKNOWN,
			    "the answer has no active", "в ответе нет active");
		else if (json_bool(json_member(j, "active"), true))
			finding_set(finding_of(out, "active"), FINDING_OK, "the account is active",
			    "аккаунт активен");
		else
			finding_set(finding_of(out, "active"), FINDING_FAIL,
			    "active is false: the account is suspended",
			    "active false: аккаунт приостановлен");
		break;
	case PROBE_INTEGRATIONS:
		integrations(&arena, j, out);
		break;
	}
out:
	json_free(j);
	mem_arena_free(&arena);
	return RC_OK;
}

/*
 * Requests to Green API and what its refusals mean (providers.md C.1, C.5).  The
 * token is part of the path: only green_masked() goes into attempts.
 */
#include <stdio.h>
#include <string.h>
#include "extern/json.h"
#include "extern/sign.h"
#include "base/log.h"
#include "provider/greenapi/greenapi.h"
#include "base/str.h"

#define GREEN_QUOTA_PAUSE_S 600 /* C.5: 466 */
#define GREEN_RATE_PAUSE_S 10 /* C.5: 429 */
#define GREEN_STOP_PAUSE_S 300 /* C.5: wrong token, not authorized */

bool
green_whatsapp(const struct account *a)
{
	static const char *const others[] = { "3100", "4100" };
	char host[16];

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		snprintf(host, sizeof host, "://%s.", others[i]);
		if ((a->own_id != NULL && str_starts(a->own_id, others[i])) ||
		    (a->api_url != NULL && strstr(a->api_url, host) != NULL))
			return false;
	}
	return true;
}

/* --- requests ---------------------------------------------------------------- */

bool
green_configured(const struct account *a)
{
	return !str_empty(a->api_url) && !str_empty(a->own_id) && !str_empty(a->token);
}

/* C.1: {apiUrl}/waInstance{id}/{method}/{token}[tail]; b is made. */
static void
green_url(
    const struct account *a, const char *method, const char *token, const char *tail, struct buf *b)
{
	buf_init(b, 4096);
	buf_printf(b, "%s/waInstance", a->api_url);
	http_url_encode(b, a->own_id);
	buf_printf(b, "/%s/%s%s", method, token, tail);
}

enum rc
green_request(const struct account *a, const char *verb, const char *method, const char *tail,
    struct http_req *out)
{
	struct buf url, token;
	enum rc rc = RC_INVALID;

	if (!green_configured(a))
		return RC_INVALID;
	buf_init(&token, 1024);
	http_url_encode(&token, a->token);
	green_url(a, method, token.p, tail, &url);
	if (!buf_err(&url) && !buf_err(&token)) {
		http_req_init(out, verb, url.p);
		rc = http_req_header(out, "Accept", "application/json");
	}
	buf_free(&url);
	mem_wipe(token.p, token.n);
	buf_free(&token);
	return rc;
}

const char *
green_masked(struct mem_arena *arena, const struct account *a, const char *method, const char *tail)
{
	struct buf b;
	const char *s;

	green_url(a, method, "***", tail, &b);
	s = mem_arena_dup(arena, b.p);
	buf_free(&b);
	return s;
}

/* --- errors ------------------------------------------------------------------- */

/* The vendor's own words: "message" of its error page, "reason", or the quota's
 * status.  Never "path" (it holds the token), never "description" (it lists
 * other people's chats, C.5). */
void
green_words(const struct http_res *res, char *out, size_t cap)
{
	static const char *const paths[] = { "message", "reason", "correspondentsStatus.status",
		"invokeStatus.status", "description", "error" };
	struct mem_arena arena = { 0 };
	struct json *j = NULL;
	const char *s = NULL;

	out[0] = '\0';
	if (json_parse(res->body, res->body_n, &j, NULL) == RC_OK)
		for (size_t i = 0; !s && i < sizeof paths / sizeof *paths; i++)
			s = json_str(&arena, json_get(j, paths[i]));
	/* some 400 pages are plain text */
	else if (res->body_n && res->body_n < 300 && res->body[0] != '<')
		s = str_utf8_clean(&arena, res->body, res->body_n, NULL);
	if (s)
		log_mask(s, strlen(s), out, cap);
	json_free(j);
	mem_arena_free(&arena);
}

/* C.5 as a table: the first row that fits.  words NULL: any. */
static const struct green_error green_errors[] = {
	{ 466, 466, NULL, SEND_PAUSE, "quota_exceeded", GREEN_QUOTA_PAUSE_S, false },
	{ 429, 429, NULL, SEND_PAUSE, "rate_limited", GREEN_RATE_PAUSE_S, false },
	{ 401, 401, NULL, SEND_PAUSE, "wrong_token", GREEN_STOP_PAUSE_S, false },
	{ 403, 404, NULL, SEND_PAUSE, "wrong_url", GREEN_STOP_PAUSE_S, false },
	{ 200, 499, "starting process", SEND_RETRY, "starting", 0, false },
	{ 200, 499, "not authorized", SEND_PAUSE, "not_authorized", GREEN_STOP_PAUSE_S, false },
	{ 200, 499, "QUOTE_EXCEEDED", SEND_PAUSE, "quota_exceeded", GREEN_QUOTA_PAUSE_S, false },
	{ 200, 499, "suspended", SEND_PAUSE, "suspended", GREEN_STOP_PAUSE_S, false },
	{ 200, 499, "yellowCard", SEND_PAUSE, "suspended", GREEN_STOP_PAUSE_S, false },
	/* their validation names the part of the request that is wrong: this content or
	 * this recipient, and nothing else, is final */
	{ 400, 499, "length must be less", SEND_REFUSED, "too_long", 0, false },
	{ 400, 499, "'chatId'", SEND_REFUSED, "bad_chat", 0, false },
	{ 400, 499, "'message'", SEND_REFUSED, "bad_message", 0, false },
	{ 400, 499, "'urlFile'", SEND_REFUSED, "bad_file", 0, false },
	{ 400, 499, "'fileName'", SEND_REFUSED, "bad_file", 0, false },
	{ 400, 499, "'caption'", SEND_REFUSED, "bad_message", 0, false },
	{ 400, 499, "'quotedMessageId'", SEND_REFUSED, "bad_message", 0, false },
	{ 400, 499, "Validation failed", SEND_REFUSED, "bad_request", 0, false },
	{ 400, 499, "bad request data", SEND_REFUSED, "bad_request", 0, false },
	{ 408, 408, NULL, SEND_RETRY, "timeout", 0, true },
	{ 200, 499, NULL, SEND_PAUSE, "green_refuses", 60, false },
	{ 500, 500, NULL, SEND_RETRY, "provider_error", 0, true },
	{ 503, 503, NULL, SEND_RETRY, "provider_error", 0, true },
	/* a gateway between us and them: the message may have gone through */
	{ 501, 599, NULL, SEND_UNKNOWN, "provider_error", 0, false },
};

const struct green_error *
green_error(int status, const char *words)
{
	for (size_t i = 0; i < sizeof green_errors / sizeof *green_errors; i++) {
		const struct green_error *e = &green_errors[i];

		if (status >= e->lo && status <= e->hi &&
		    (!e->words || strcasestr(words, e->words)))
			return e;
	}
	return NULL;
}

/* C.4: the vendor's exact wording is not known: the bare token, Bearer, Basic.
 * A configured token may itself be "Bearer x"; then the whole value is equal. */
bool
green_token_matches(const char *have, const char *want)
{
	static const char *const schemes[] = { "Bearer ", "Basic " };
	size_t wn = strlen(want), n;
	const char *p;
	bool ok;

	n = strlen(have);
	str_trim(&have, &n);
	ok = sign_equal(have, n, want, wn);
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t sn = strlen(schemes[i]);

		if (!str_istarts(have, schemes[i]) || n < sn)
			continue;
		p = have + sn;
		size_t pn = n - sn;
		str_trim(&p, &pn);
		ok |= sign_equal(p, pn, want, wn);
	}
	return ok;
}

/*
 * What dmbox doctor asks Green API (providers.md C.6).
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "extern/json.h"
#include "base/log.h"
#include "provider/greenapi/greenapi.h"
#include "base/str.h"

/* --- doctor (C.6) ------------------------------------------------------------------ */

#define DELAY_MAX_MS 15000	/* Green API's own default is 1000, its limit 600000 */

enum probe { PROBE_STATE, PROBE_SETTINGS, PROBE_NOTICES, PROBE_LIMIT, PROBE__MAX };

enum rc
green_probe_build(const struct account *a, int step, struct http_req *out)
{
	static const char *const methods[PROBE__MAX] = {
		[PROBE_STATE] = "getStateInstance",
		[PROBE_SETTINGS] = "getSettings",
		[PROBE_NOTICES] = "getSettings",
		[PROBE_LIMIT] = "getWaSettings",
	};

	if (step < 0 || step >= (green_whatsapp(a) ? PROBE__MAX : PROBE_LIMIT))
		return RC_NONE;
	return green_request(a, "GET", methods[step], "", out);
}

static void PRINTF_LIKE(4, 5)
green_found(struct finding *f, enum finding_status st, const char *code, const char *fmt, ...)
{
	va_list ap;
	char raw[600];

	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	f->status = st;
	snprintf(f->code, sizeof f->code, "%s", code);
	log_mask(raw, strlen(raw), f->seen, sizeof f->seen);
}

static void
green_probe_state(const struct json *j, struct mem_arena *arena, struct finding *out)
{
	const char *s = json_str(arena, json_get(j, "stateInstance"));

	if (str_eq(s, "authorized"))
		green_found(out, FINDING_OK, "state", "stateInstance is authorized");
	else if (!s)
		green_found(out, FINDING_UNKNOWN, "state", "the answer has no stateInstance");
	else if (str_eq(s, "starting") || str_eq(s, "sleepMode"))
		green_found(out, FINDING_WARN, "state", "stateInstance is %s", s);
	else if (str_eq(s, "yellowCard") || str_eq(s, "suspended"))
		green_found(out, FINDING_FAIL, "limit",
		    "stateInstance is %s: WhatsApp limits this number, "
		    "nothing is sent; messages still arrive", s);
	else
		green_found(out, FINDING_FAIL, "state", "stateInstance is %s", s);
}

/* All settings are off by default, and a webhookUrl starves the poller (C.2). */
static void
green_probe_settings(const struct account *a, const struct json *j, struct mem_arena *arena,
    struct finding *out)
{
	const char *url = json_str(arena, json_get(j, "webhookUrl"));
	const char *in = json_str(arena, json_get(j, "incomingWebhook"));
	const char *token = json_str(arena, json_get(j, "webhookUrlToken"));

	if (!in)
		green_found(out, FINDING_UNKNOWN, "settings", "the answer has no incomingWebhook");
	else if (!str_eq(in, "yes"))
		green_found(out, FINDING_FAIL, "incoming", "incomingWebhook is %s, must be yes",
		    in);
	else if (a->poll_s && !str_empty(url))
		green_found(out, FINDING_FAIL, "webhook_url",
		    "webhookUrl is %s while this account polls: notifications go there", url);
	else if (!a->poll_s && str_empty(url))
		green_found(out, FINDING_FAIL, "webhook_url",
		    "webhookUrl is empty and polling is off: nothing can arrive");
	else if (!a->poll_s && token != NULL && !str_empty(greenapi_own(a)->webhook_token) &&
	    !green_token_matches(token, greenapi_own(a)->webhook_token))
		green_found(out, FINDING_FAIL, "webhook_url", "webhookUrlToken is %s: each "
		    "notification is refused",
		    *token == '\0' ? "empty" : "not WHATSAPP_WEBHOOK_TOKEN's value");
	else
		green_found(out, FINDING_OK, "settings", "incomingWebhook yes, webhookUrl %s",
		    str_empty(url) ? "empty" : url);
}

/* Each setting is off by default, and each loses something silently. */
static void
green_probe_notices(const struct json *j, struct mem_arena *arena, struct finding *out)
{
	static const struct { const char *name, *loses; } v[] = {
		{ "outgoingWebhook", "delivered, read and failed" },
		{ "outgoingMessageWebhook", "answers from the phone" },
		{ "outgoingAPIMessageWebhook", "what became of a send whose answer was lost" },
		{ "editedMessageWebhook", "edits" },
		{ "deletedMessageWebhook", "deletions" },
		{ "stateWebhook", "when the number is limited or logged out" },
	};
	struct buf b;
	size_t known = 0;
	int64_t delay;

	buf_init(&b, 600);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		const char *s = json_str(arena, json_get(j, v[i].name));

		known += s != NULL;
		if (s != NULL && !str_eq(s, "yes"))
			buf_printf(&b, "%s%s (loses %s)", b.n > 0 ? ", " : "not yes: ", v[i].name,
			    v[i].loses);
	}
	if (json_i64(json_get(j, "delaySendMessagesMilliseconds"), &delay) == RC_OK &&
	    delay > DELAY_MAX_MS)
		buf_printf(&b, "%sdelaySendMessagesMilliseconds is %" PRId64 " (each message waits "
		    "so long)", b.n > 0 ? "; " : "", delay);
	if (known == 0)
		green_found(out, FINDING_UNKNOWN, "notices",
		    "the answer names none of these settings");
	else if (b.n > 0)
		green_found(out, FINDING_WARN, "notices", "%s", b.p);
	else
		green_found(out, FINDING_OK, "notices",
		    "statuses, echoes, edits, deletions, state: yes");
	buf_free(&b);
}

static void
green_probe_limit(const struct json *j, struct mem_arena *arena, struct finding *out)
{
	static const char *const untils[] = { "suspendedUntil", "yellowCardUntil" };
	const char *s = json_str(arena, json_get(j, "stateInstance"));
	char at[CLOCK_ISO_MAX] = "";
	int64_t v;

	for (size_t i = 0; at[0] == '\0' && i < sizeof untils / sizeof *untils; i++)
		if (json_i64(json_get(j, untils[i]), &v) == RC_OK && v > 0)
			clock_iso(v * 1000000, at);
	if (str_eq(s, "suspended") || str_eq(s, "yellowCard"))
		green_found(out, FINDING_FAIL, "limit",
		    "WhatsApp limits this number (%s)%s%s: nothing is sent",
		    s, at[0] ? " until " : "", at);
	else
		green_found(out, FINDING_OK, "limit", "not limited");
}

enum rc
green_probe_read(const struct account *a, int step, const struct http_res *res,
    struct finding *out)
{
	struct mem_arena arena = {0};
	struct json *j = NULL;
	char words[160];
	const struct green_error *e;

	memset(out, 0, sizeof *out);
	if (res->fail != HTTP_FAIL_NONE) {
		green_found(out, FINDING_FAIL, "reach", "%s: %s", http_fail_names[res->fail],
		    res->note);
		return RC_OK;
	}
	if (res->status != 200) {
		green_words(res, words, sizeof words);
		e = green_error(res->status, words);
		green_found(out, step >= PROBE_NOTICES ? FINDING_UNKNOWN : res->status == 429 ?
		    FINDING_WARN : FINDING_FAIL, step == PROBE_NOTICES ? "notices" :
		    step == PROBE_LIMIT ? "limit" : res->status == 401 ? "token" : e ? e->code :
		    "unexpected", "HTTP %d %s", res->status, words);
		return RC_OK;
	}
	if (json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		green_found(out, FINDING_FAIL, "url",
		    "the answer is not JSON: wrong WHATSAPP_API_URL?");
	else if (step == PROBE_STATE)
		green_probe_state(j, &arena, out);
	else if (step == PROBE_SETTINGS)
		green_probe_settings(a, j, &arena, out);
	else if (step == PROBE_NOTICES)
		green_probe_notices(j, &arena, out);
	else
		green_probe_limit(j, &arena, out);
	json_free(j);
	mem_arena_free(&arena);
	return RC_OK;
}

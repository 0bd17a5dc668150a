/*
 * What dmbox doctor asks Green API (providers.md C.6).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "extern/json.h"
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

static void
green_probe_state(const struct json *j, struct mem_arena *arena, struct finding *out)
{
	const char *s = json_str(arena, json_get(j, "stateInstance"));

	if (str_eq(s, "authorized"))
		finding_set(finding_of(out, "state"), FINDING_OK, "stateInstance is authorized",
		    "инстанс авторизован (stateInstance authorized)");
	else if (!s)
		finding_set(finding_of(out, "state"), FINDING_UNKNOWN,
		    "the answer has no stateInstance", "в ответе нет stateInstance");
	else if (str_eq(s, "starting") || str_eq(s, "sleepMode"))
		finding_set(finding_of(out, "state"), FINDING_WARN, "stateInstance is %s",
		    "stateInstance %s", s);
	else if (str_eq(s, "yellowCard") || str_eq(s, "suspended"))
		finding_set(finding_of(out, "limit"), FINDING_FAIL,
		    "stateInstance is %s: WhatsApp limits this number, "
		    "nothing is sent; messages still arrive",
		    "stateInstance %s: WhatsApp ограничил номер, отправка стоит; входящие приходят",
		    s);
	else
		finding_set(finding_of(out, "state"), FINDING_FAIL, "stateInstance is %s",
		    "stateInstance %s", s);
}

/* All settings are off by default, and a webhookUrl starves the poller (C.2). */
static void
green_probe_settings(
    const struct account *a, const struct json *j, struct mem_arena *arena, struct finding *out)
{
	const char *url = json_str(arena, json_get(j, "webhookUrl"));
	const char *in = json_str(arena, json_get(j, "incomingWebhook"));
	const char *token = json_str(arena, json_get(j, "webhookUrlToken"));

	if (!in)
		finding_set(finding_of(out, "settings"), FINDING_UNKNOWN,
		    "the answer has no incomingWebhook", "в ответе нет incomingWebhook");
	else if (!str_eq(in, "yes"))
		finding_set(finding_of(out, "incoming"), FINDING_FAIL,
		    "incomingWebhook is %s, must be yes", "incomingWebhook %s, а нужно yes", in);
	else if (a->poll_s && !str_empty(url))
		finding_set(finding_of(out, "webhook_url"), FINDING_FAIL,
		    "webhookUrl is %s while this account polls: notifications go there",
		    "webhookUrl %s, а этот аккаунт опрашивается: уведомления уходят туда", url);
	else if (!a->poll_s && str_empty(url))
		finding_set(finding_of(out, "webhook_url"), FINDING_FAIL,
		    "webhookUrl is empty and polling is off: nothing can arrive",
		    "webhookUrl пуст, а опрос выключен: приходить неоткуда");
	else if (!a->poll_s && token != NULL && !str_empty(greenapi_own(a)->webhook_token) &&
	    !green_token_matches(token, greenapi_own(a)->webhook_token))
		finding_set(finding_of(out, "webhook_url"), FINDING_FAIL,
		    *token == '\0' ?
			"webhookUrlToken is empty: each notification is refused" :
			"webhookUrlToken is not WHATSAPP_WEBHOOK_TOKEN's value: each notification "
			"is refused",
		    *token == '\0' ?
			"webhookUrlToken пуст: каждое уведомление отклоняется" :
			"webhookUrlToken не равен WHATSAPP_WEBHOOK_TOKEN: каждое уведомление "
			"отклоняется");
	else if (str_empty(url))
		finding_set(finding_of(out, "settings"), FINDING_OK,
		    "incomingWebhook yes, webhookUrl empty",
		    "incomingWebhook yes, webhookUrl пуст");
	else
		finding_set(finding_of(out, "settings"), FINDING_OK,
		    "incomingWebhook yes, webhookUrl %s", "incomingWebhook yes, webhookUrl %s",
		    url);
}

/* Each setting is off by default, and each loses something silently. */
static void
green_probe_notices(const struct json *j, struct mem_arena *arena, struct finding *out)
{
	static const struct {
		const char *name, *loses, *loses_ru;
	} v[] = {
		{ "outgoingWebhook", "delivered, read and failed",
		    "доставлено, прочитано, не отправлено" },
		{ "outgoingMessageWebhook", "answers from the phone", "ответы с телефона" },
		{ "outgoingAPIMessageWebhook", "what became of a send whose answer was lost",
		    "судьба отправки, ответ на которую потерян" },
		{ "editedMessageWebhook", "edits", "правки" },
		{ "deletedMessageWebhook", "deletions", "удаления" },
		{ "stateWebhook", "when the number is limited or logged out",
		    "ограничения и выход номера из сети" },
	};
	struct buf b, ru;
	size_t known = 0;
	int64_t delay;

	buf_init(&b, 600);
	buf_init(&ru, 900);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		const char *s = json_str(arena, json_get(j, v[i].name));

		known += s != NULL;
		if (s == NULL || str_eq(s, "yes"))
			continue;
		buf_printf(
		    &b, "%s%s (loses %s)", b.n > 0 ? ", " : "not yes: ", v[i].name, v[i].loses);
		buf_printf(&ru, "%s%s (теряются: %s)", ru.n > 0 ? ", " : "не yes: ", v[i].name,
		    v[i].loses_ru);
	}
	if (json_i64(json_get(j, "delaySendMessagesMilliseconds"), &delay) == RC_OK &&
	    delay > DELAY_MAX_MS) {
		buf_printf(&b,
		    "%sdelaySendMessagesMilliseconds is %" PRId64 " (each message waits "
		    "so long)",
		    b.n > 0 ? "; " : "", delay);
		buf_printf(&ru,
		    "%sdelaySendMessagesMilliseconds %" PRId64 " (столько ждёт каждое "
		    "сообщение)",
		    ru.n > 0 ? "; " : "", delay);
	}
	if (known == 0)
		finding_set(finding_of(out, "notices"), FINDING_UNKNOWN,
		    "the answer names none of these settings",
		    "в ответе нет ни одной из этих настроек");
	else if (b.n > 0)
		finding_both(finding_of(out, "notices"), FINDING_WARN, b.p, ru.p);
	else
		finding_set(finding_of(out, "notices"), FINDING_OK,
		    "statuses, echoes, edits, deletions, state: yes",
		    "статусы, свои сообщения, правки, удаления, состояние: включено (yes)");
	buf_free(&b);
	buf_free(&ru);
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
		finding_set(finding_of(out, "limit"), FINDING_FAIL,
		    at[0] != '\0' ? "WhatsApp limits this number (%s) until %s: nothing is sent" :
				    "WhatsApp limits this number (%s)%s: nothing is sent",
		    at[0] != '\0' ? "WhatsApp ограничил номер (%s) до %s: отправка стоит" :
				    "WhatsApp ограничил номер (%s)%s: отправка стоит",
		    s, at);
	else
		finding_set(finding_of(out, "limit"), FINDING_OK, "not limited", "ограничений нет");
}

enum rc
green_probe_read(const struct account *a, int step, const struct http_res *res, struct finding *out)
{
	struct mem_arena arena = { 0 };
	struct json *j = NULL;
	char words[160];
	const struct green_error *e;

	memset(out, 0, sizeof *out);
	if (res->fail != HTTP_FAIL_NONE) {
		finding_fail(finding_of(out, "reach"), FINDING_FAIL, res);
		return RC_OK;
	}
	if (res->status != 200) {
		green_words(res, words, sizeof words);
		e = green_error(res->status, words);
		finding_http(finding_of(out,
				 step == PROBE_NOTICES	 ? "notices" :
				     step == PROBE_LIMIT ? "limit" :
				     res->status == 401	 ? "token" :
				     e			 ? e->code :
							   "unexpected"),
		    step >= PROBE_NOTICES  ? FINDING_UNKNOWN :
			res->status == 429 ? FINDING_WARN :
					     FINDING_FAIL,
		    res->status, words);
		return RC_OK;
	}
	if (json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		finding_set(finding_of(out, "url"), FINDING_FAIL,
		    "the answer is not JSON: wrong WHATSAPP_API_URL?",
		    "ответ не JSON: верен ли WHATSAPP_API_URL?");
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

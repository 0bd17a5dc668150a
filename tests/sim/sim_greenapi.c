/*
 * Green API as providers.md part C tells it: /green/waInstance{id}/{method}/{token}.
 * A strict queue for each instance: the same notification comes until it is
 * deleted (C.2); long poll; sends are queued, answered with an id and come back
 * as outgoingAPIMessageReceived and outgoingMessageStatus (C.3).
 *
 * An instance has its settings, a state that can suspend it (sends wait, their status
 * says so), journals of a day, a type: those whose id begins with 3100 (MAX) and 4100
 * (Telegram) name chats by bare numbers.
 *
 * Settings: GREEN_TOKENS (comma list; none: any), GREEN_ECHO=no (no notifications
 *           of own sends), GREEN_STATUSES (default "delivered,read"), GREEN_DESCRIPTION
 *           (of each status), GREEN_HISTORY=no (getChatHistory knows nothing, as
 *           reported for @lid),
 *           GREEN_WEBHOOK_FORM (default "Bearer "; "" or "Basic ", C.4),
 *           GREEN_DELAY_MS (delaySendMessagesMilliseconds, 500),
 *           GREEN_RATES=on (one getStateInstance and getSettings a second).
 * GET /green/media/NAME.jpg|.pdf|.html: a file to download, 404 for other names.
 * Control (instance: default the first one seen, else 1101000001):
 *   POST /_sim/green/enqueue {"instance","notification":{}|"notifications":[],"raw":"text"}
 *        into the queue, or to webhookUrl where one is set; raw: not JSON
 *   POST /_sim/green/message {"instance","from","text","name","count","id","timestamp"}
 *        incoming text messages; answers {"ids":[…]}
 *   POST /_sim/green/webhook {"url","token","form","notification"|"notifications"}
 *   POST /_sim/green/state   {"instance","state":"authorized"|…}
 *        the change is notified; leaving suspended or yellowCard what waited goes out
 *   POST /_sim/green/settings {"instance","NAME":"yes"|"no",...}
 *   POST /_sim/green/answer  {"instance","status","words","took","echo","times"}: the next
 *        sends get this refusal; took: they are sent all the same
 *   POST /_sim/green/quota   {"instance","exceeded":true}
 *   GET  /_sim/green/queue   {"waiting":n,"deleted":n,"received":n}
 *   GET  /_sim/green/sent    [{"instance","method","idMessage","body"}]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "sim.h"
#include "base/str.h"

#define INSTANCE_DEFAULT "1101000001"
#define WAIT_STEP_MS 100

static const char *const settings[] = { "incomingWebhook", "outgoingWebhook",
	"outgoingMessageWebhook", "outgoingAPIMessageWebhook", "editedMessageWebhook",
	"deletedMessageWebhook", "stateWebhook", "pollMessageWebhook", "incomingCallWebhook",
	"incomingBlockWebhook" };
enum { SETTINGS = sizeof settings / sizeof *settings };

struct note {
	struct note *next;
	uint64_t receipt;
	char *body;
};
struct chat_line {		/* newest first, for getChatHistory */
	struct chat_line *next;
	char *chat, *json;
};
struct instance {
	struct instance *next;
	char id[32];
	char state[32];
	char webhook_url[512], webhook_token[256];
	bool off[SETTINGS];	/* of settings[]: all are on at first */
	int answer_status;	/* of the next answer_times sends; 0 none */
	int64_t answer_times;
	char answer_words[128];
	bool answer_took, answer_echo;
	struct chat_line *held;	/* sent while suspended: their statuses wait */
	bool quota;
	struct note *head, **tail;
	size_t waiting, deleted, received;
	struct chat_line *history;
	int64_t state_asked_ms, settings_asked_ms;
};
static struct instance *instances;
static struct buf sent;		/* JSON objects, comma-separated */

static void
copy(char *out, size_t cap, const char *s)
{
	snprintf(out, cap, "%s", s ? s : "");
}

static struct instance *
instance_get(const char *id)
{
	struct instance *i;

	if (str_empty(id))
		id = instances ? instances->id : INSTANCE_DEFAULT;
	for (i = instances; i; i = i->next)
		if (str_eq(i->id, id))
			return i;
	i = mem_alloc(sizeof *i);
	copy(i->id, sizeof i->id, id);
	copy(i->state, sizeof i->state, "authorized");
	i->tail = &i->head;
	i->next = instances;
	instances = i;
	return i;
}

static void
post_webhook(const char *url, const char *token, const char *form, const char *body)
{
	struct buf auth;
	const char *f = form ? form : sim_opt("GREEN_WEBHOOK_FORM");

	buf_init(&auth, 1024);
	buf_printf(&auth, "%s%s", f ? f : "Bearer ", token ? token : "");
	sim_webhook(url, 0, str_empty(token) ? NULL : "Authorization",
	    str_empty(token) ? NULL : auth.p, body, strlen(body));
	buf_free(&auth);
}

static void
emit(struct instance *i, const char *body)
{
	struct note *n;

	if (i->webhook_url[0]) {
		post_webhook(i->webhook_url, i->webhook_token, NULL, body);
		return;
	}
	n = mem_alloc(sizeof *n);
	n->receipt = sim_id();
	n->body = mem_dup(body);
	*i->tail = n;
	i->tail = &n->next;
	i->waiting++;
}

static bool
is_on(const struct instance *i, const char *name)
{
	for (size_t k = 0; k < SETTINGS; k++)
		if (str_eq(settings[k], name))
			return !i->off[k];
	return true;
}

static const char *
type_of(const struct instance *i)
{
	return str_starts(i->id, "3100") ? "v3" : str_starts(i->id, "4100") ? "telegram" : "whatsapp";
}

static bool
suspended(const struct instance *i)
{
	return str_eq(i->state, "suspended") || str_eq(i->state, "yellowCard");
}

static void
put_head(struct buf *b, const struct instance *i, const char *type, int64_t at_s)
{
	buf_printf(b, "{\"typeWebhook\":\"%s\",\"instanceData\":{\"idInstance\":%s,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"%s\"},\"timestamp\":%" PRId64,
	    type, i->id, type_of(i), at_s);
}

static void
put_pair(struct buf *b, const char *key, const char *v)
{
	buf_printf(b, ",\"%s\":", key);
	json_put_str(b, v);
}

/* --- own sends --------------------------------------------------------------- */

static void
emit_echo(struct instance *i, const char *id, const char *chat, const char *data, int64_t at_s)
{
	struct buf b;

	if (!is_on(i, "outgoingAPIMessageWebhook"))
		return;
	buf_init(&b, 1 << 20);
	put_head(&b, i, "outgoingAPIMessageReceived", at_s);
	put_pair(&b, "idMessage", id);
	buf_puts(&b, ",\"senderData\":{\"chatId\":");
	json_put_str(&b, chat);
	buf_puts(&b, ",\"sender\":\"70000000000@c.us\",\"chatName\":\"\",\"senderName\":\"Shop\"},"
	    "\"messageData\":");
	buf_puts(&b, data);
	buf_putc(&b, '}');
	emit(i, b.p);
	buf_free(&b);
}

static void
emit_status(struct instance *i, const char *id, const char *chat, const char *status, int64_t at_s)
{
	struct buf b;

	if (!is_on(i, "outgoingWebhook"))
		return;
	buf_init(&b, 4096);
	put_head(&b, i, "outgoingMessageStatus", at_s);
	put_pair(&b, "chatId", chat);
	put_pair(&b, "idMessage", id);
	put_pair(&b, "status", status);
	if (sim_opt("GREEN_DESCRIPTION") != NULL)
		put_pair(&b, "description", sim_opt("GREEN_DESCRIPTION"));
	buf_puts(&b, ",\"sendByApi\":true}");
	emit(i, b.p);
	buf_free(&b);
}

/* messageData of a send, as notifications have it: text comes back as
 * extendedTextMessage (C.3). */
static void
put_data(struct buf *b, const struct sim_req *r, bool file)
{
	const char *quoted = sim_json(r, "quotedMessageId");

	if (file) {
		buf_puts(b, "{\"typeMessage\":\"documentMessage\",\"fileMessageData\":{\"downloadUrl\":");
		json_put_str(b, sim_json(r, "urlFile"));
		put_pair(b, "caption", sim_json(r, "caption") ? sim_json(r, "caption") : "");
		put_pair(b, "fileName", sim_json(r, "fileName"));
		put_pair(b, "mimeType", "application/octet-stream");
	} else {
		buf_puts(b, "{\"typeMessage\":\"extendedTextMessage\",\"extendedTextMessageData\":{\"text\":");
		json_put_str(b, sim_json(r, "message"));
		if (quoted)
			put_pair(b, "stanzaId", quoted);
	}
	buf_puts(b, "}}");
}

static void
line_add(struct chat_line **list, const char *chat, const char *json)
{
	struct chat_line *l = mem_alloc(sizeof *l);

	l->chat = mem_dup(chat);
	l->json = mem_dup(json);
	l->next = *list;
	*list = l;
}

static void
remember(struct instance *i, const struct sim_req *r, const char *id, bool file, int64_t at_s)
{
	const char *text = sim_json(r, file ? "caption" : "message");
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_printf(&b, "{\"type\":\"outgoing\",\"timestamp\":%" PRId64, at_s);
	put_pair(&b, "idMessage", id);
	put_pair(&b, "chatId", sim_json(r, "chatId"));
	put_pair(&b, "typeMessage", file ? "documentMessage" : "textMessage");
	put_pair(&b, file ? "caption" : "textMessage", text ? text : "");
	if (file) {
		put_pair(&b, "downloadUrl", sim_json(r, "urlFile"));
		put_pair(&b, "fileName", sim_json(r, "fileName"));
	}
	buf_puts(&b, ",\"sendByApi\":true,\"statusMessage\":\"sent\"}");
	line_add(&i->history, sim_json(r, "chatId"), b.p);
	buf_free(&b);
}

static bool
chat_ok(const struct instance *i, const char *s)
{
	size_t n = s ? strspn(s, "0123456789-") : 0;

	if (!str_eq(type_of(i), "whatsapp"))
		return n > 0 && s[n] == '\0';
	return n > 4 && (str_eq(s + n, "@c.us") || str_eq(s + n, "@g.us") || str_eq(s + n, "@lid"));
}

static void
refuse(struct sim_res *res, const struct sim_req *r, int status, const char *words)
{
	struct buf b;

	/* the real error page repeats the path, token and all */
	buf_init(&b, 8192);
	buf_printf(&b, "{\"statusCode\":%d,\"timestamp\":\"2026-11-22T00:00:00.000Z\"", status);
	put_pair(&b, "path", r->path);
	put_pair(&b, "message", words);
	buf_putc(&b, '}');
	sim_answer(res, status, "%s", b.p);
	buf_free(&b);
}

/* C.5, in the order the vendor checks. */
static bool
send_refused(struct instance *i, const struct sim_req *r, struct sim_res *res, bool file)
{
	const char *text = sim_json(r, "message"), *chat = sim_json(r, "chatId");

	if (str_eq(i->state, "starting"))
		refuse(res, r, 400, "instance in starting process try later");
	else if (!str_eq(i->state, "authorized") && !suspended(i))
		refuse(res, r, 400, "instance account not authorized");
	else if (!chat_ok(i, chat))
		refuse(res, r, 400, "Validation failed. Details: 'chatId' has wrong format");
	else if (!file && str_empty(text))
		refuse(res, r, 400, "Validation failed. Details: 'message' is not allowed to be empty");
	else if (!file && str_utf8_len(text, strlen(text)) > 20000)
		refuse(res, r, 400, "Validation failed. Details: 'message' length must be less than"
		    " or equal to 20000 characters long");
	else if (file && (str_empty(sim_json(r, "urlFile")) || str_empty(sim_json(r, "fileName"))))
		refuse(res, r, 400, "bad request data");
	else if (file && !sim_fetch(sim_json(r, "urlFile")))
		refuse(res, r, 400, "Validation failed. Details: file is not available by urlFile");
	else if (i->quota)
		sim_answer(res, 466, "{\"invokeStatus\":null,\"correspondentsStatus\":{\"method\":"
		    "\"sendMessage\",\"used\":3,\"total\":3,\"status\":\"CORRESPONDENTS_QUOTE_EXCEEDED\","
		    "\"description\":\"Only these chats: 70000000009@c.us\"}}");
	else
		return false;
	return true;
}

/* What became of it, in the order the vendor tells. */
static void
statuses(struct instance *i, const char *id, const char *chat, int64_t at_s)
{
	const char *list = sim_opt("GREEN_STATUSES");
	struct strv v = {0};

	strv_split(&v, list ? list : "delivered,read", ',');
	for (size_t k = 0; k < v.n; k++)
		emit_status(i, id, chat, v.v[k], at_s + (int64_t)k + 1);
	strv_free(&v);
}

/* Suspended: it waits in their queue, and its status says so. */
static void
sent_now(struct instance *i, const struct sim_req *r, const char *id, bool file, int64_t at_s, bool echo)
{
	const char *chat = sim_json(r, "chatId");
	struct buf data;

	remember(i, r, id, file, at_s);
	if (str_eq(sim_opt("GREEN_ECHO"), "no") || !echo)
		return;
	buf_init(&data, 1 << 20);
	put_data(&data, r, file);
	emit_echo(i, id, chat, data.p, at_s);
	buf_free(&data);
	if (suspended(i)) {
		emit_status(i, id, chat, i->state, at_s + 1);
		line_add(&i->held, chat, id);
	} else {
		statuses(i, id, chat, at_s);
	}
}

static void
do_send(struct instance *i, const struct sim_req *r, struct sim_res *res, bool file)
{
	int64_t at_s = clock_now_us() / 1000000;
	bool bad = i->answer_times > 0;
	char id[40];

	if (send_refused(i, r, res, file))
		return;
	if (bad)
		i->answer_times--;
	snprintf(id, sizeof id, "3EB0%016" PRIX64, sim_id());
	if (!bad || i->answer_took) {
		if (!sent.max)
			buf_init(&sent, 64UL << 20);
		buf_printf(&sent, "%s{\"instance\":\"%s\",\"method\":\"%s\",\"idMessage\":\"%s\",\"body\":%s}",
		    sent.n ? "," : "", i->id, file ? "sendFileByUrl" : "sendMessage", id,
		    json_raw(r->a, r->json));
		sent_now(i, r, id, file, at_s, !bad || i->answer_echo);
	}
	if (bad)
		refuse(res, r, i->answer_status, i->answer_words);
	else
		sim_answer(res, 200, "{\"idMessage\":\"%s\"}", id);
}

/* Read marks and typing are asked of a chat, and leave nothing behind but the log. */
static void
do_sign(struct instance *i, const struct sim_req *r, struct sim_res *res, bool typing)
{
	int64_t ms = 0;

	if (!str_eq(i->state, "authorized"))
		refuse(res, r, 400, "instance account not authorized");
	else if (!chat_ok(i, sim_json(r, "chatId")))
		refuse(res, r, 400, "Validation failed. Details: 'chatId' has wrong format");
	else if (typing && (json_i64(json_get(r->json, "typingTime"), &ms) != RC_OK || ms < 1000 || ms > 20000))
		refuse(res, r, 400, "Validation failed. Details: 'typingTime' must be 1000..20000");
	else if (typing)
		sim_status(res, 200);	/* an empty body */
	else
		sim_answer(res, 200, "{\"setRead\":true}");
}

/* --- the queue ------------------------------------------------------------------ */

static void
do_receive(const struct instance *of, const struct sim_req *r, struct sim_res *res)
{
	const char *t = sim_query(r, "receiveTimeout");
	int64_t wait_s = 5, waited_ms = 0;
	char id[sizeof of->id];
	struct instance *i;

	/* a copy: a reset frees the instance while this waits */
	copy(id, sizeof id, of->id);
	i = instance_get(id);

	if (t && (str_i64(t, &wait_s) != RC_OK || wait_s < 5 || wait_s > 60)) {
		refuse(res, r, 400, "Validation failed. Details: 'receiveTimeout' must be 5..60");
		return;
	}
	/* the instance is looked up again: a reset may come while others work */
	while (!i->head && waited_ms < wait_s * 1000) {
		sim_wait(WAIT_STEP_MS);
		waited_ms += WAIT_STEP_MS;
		i = instance_get(id);
	}
	if (!i->head) {
		sim_answer(res, 200, "null");
		return;
	}
	i->received++;
	sim_answer(res, 200, "{\"receiptId\":%" PRIu64 ",\"body\":%s}", i->head->receipt, i->head->body);
}

static void
do_delete(struct instance *i, struct sim_res *res, const char *receipt)
{
	int64_t n;
	struct note *d;

	if (str_i64(receipt, &n) != RC_OK) {
		sim_answer(res, 400, "{\"message\":\"bad request data\"}");
		return;
	}
	d = i->head;
	if (!d || d->receipt != (uint64_t)n) {
		sim_answer(res, 200, "{\"result\":false,\"reason\":\"Сообщение с таким receiptId не найдено\"}");
		return;
	}
	i->head = d->next;
	if (!i->head)
		i->tail = &i->head;
	free(d->body);
	free(d);
	i->waiting--;
	i->deleted++;
	sim_answer(res, 200, "{\"result\":true,\"reason\":\"\"}");
}

static void
do_history(struct instance *i, const struct sim_req *r, struct sim_res *res)
{
	const char *chat = sim_json(r, "chatId");
	int64_t max = 100;
	struct buf b;

	if (r->json && json_i64(json_get(r->json, "count"), &max) != RC_OK)
		max = 100;
	buf_init(&b, 4 << 20);
	for (struct chat_line *l = i->history; l && max > 0; l = l->next)
		if (str_eq(l->chat, chat) && !str_eq(sim_opt("GREEN_HISTORY"), "no")) {
			buf_printf(&b, "%s%s", b.n ? "," : "", l->json);
			max--;
		}
	sim_answer(res, 200, "[%s]", b.p);
	buf_free(&b);
}

/* lastIncomingMessages and lastOutgoingMessages: all chats, newest first. */
static void
do_journal(struct instance *i, bool out, struct sim_res *res)
{
	struct buf b;

	buf_init(&b, 15 << 20);
	for (struct chat_line *l = i->history; l; l = l->next)
		if (out == str_starts(l->json, "{\"type\":\"outgoing\""))
			buf_printf(&b, "%s%s", b.n ? "," : "", l->json);
	sim_answer(res, 200, "[%s]", b.p);
	buf_free(&b);
}

/* --- methods ---------------------------------------------------------------------- */

static void
set_settings(struct instance *i, const struct sim_req *r)
{
	for (size_t k = 0; k < SETTINGS; k++)
		if (sim_json(r, settings[k]))
			i->off[k] = !str_eq(sim_json(r, settings[k]), "yes");
}

static void
do_settings(struct instance *i, const struct sim_req *r, struct sim_res *res)
{
	struct buf b;

	if (str_eq(r->method, "POST")) {
		if (sim_json(r, "webhookUrl"))
			copy(i->webhook_url, sizeof i->webhook_url, sim_json(r, "webhookUrl"));
		if (sim_json(r, "webhookUrlToken"))
			copy(i->webhook_token, sizeof i->webhook_token, sim_json(r, "webhookUrlToken"));
		set_settings(i, r);
		sim_answer(res, 200, "{\"saveSettings\":true}");
		return;
	}
	buf_init(&b, 4096);
	buf_puts(&b, "{\"wid\":\"70000000000@c.us\"");
	put_pair(&b, "webhookUrl", i->webhook_url);
	put_pair(&b, "webhookUrlToken", i->webhook_token);
	for (size_t k = 0; k < SETTINGS; k++)
		put_pair(&b, settings[k], i->off[k] ? "no" : "yes");
	buf_printf(&b, ",\"delaySendMessagesMilliseconds\":%s}", sim_opt("GREEN_DELAY_MS") != NULL ?
	    sim_opt("GREEN_DELAY_MS") : "500");
	sim_answer(res, 200, "%s", b.p);
	buf_free(&b);
}

static bool
too_often(int64_t *asked_ms, struct sim_res *res)
{
	int64_t now = clock_mono_ms();

	if (!str_eq(sim_opt("GREEN_RATES"), "on"))
		return false;
	if (*asked_ms && now - *asked_ms < 1000) {
		sim_answer(res, 429, "{\"message\":\"Too Many Requests\"}");
		return true;
	}
	*asked_ms = now;
	return false;
}

static void
dispatch(struct instance *i, const char *method, const char *tail, const struct sim_req *r,
    struct sim_res *res)
{
	bool post = str_eq(r->method, "POST");

	if (str_eq(method, "receiveNotification"))
		do_receive(i, r, res);
	else if (str_eq(method, "deleteNotification") && str_eq(r->method, "DELETE"))
		do_delete(i, res, tail);
	else if (str_eq(method, "sendMessage") && post)
		do_send(i, r, res, false);
	else if (str_eq(method, "sendFileByUrl") && post)
		do_send(i, r, res, true);
	else if (str_eq(method, "getChatHistory") && post)
		do_history(i, r, res);
	else if (str_eq(method, "lastIncomingMessages"))
		do_journal(i, false, res);
	else if (str_eq(method, "lastOutgoingMessages"))
		do_journal(i, true, res);
	else if ((str_eq(method, "readChat") || str_eq(method, "sendTyping")) && post)
		do_sign(i, r, res, str_eq(method, "sendTyping"));
	else if (str_eq(method, "getWaSettings") && str_eq(type_of(i), "whatsapp"))
		sim_answer(res, 200, "{\"phone\":\"70000000000\",\"stateInstance\":\"%s\",\"suspendedUntil\":%" PRId64 "}",
		    i->state, suspended(i) ? clock_now_us() / 1000000 + 3600 : 0);
	else if (str_eq(method, "getStateInstance")) {
		if (!too_often(&i->state_asked_ms, res))
			sim_answer(res, 200, "{\"stateInstance\":\"%s\"}", i->state);
	} else if (str_eq(method, "getSettings") || str_eq(method, "setSettings")) {
		if (!too_often(&i->settings_asked_ms, res))
			do_settings(i, r, res);
	} else
		sim_html(res, 404, "Not Found");
}

/* What a downloadUrl leads to; no token is asked for (B.10). */
static void
do_media(const char *name, struct sim_res *res)
{
	if (str_ends(name, ".jpg"))
		res->type = "image/jpeg";
	else if (str_ends(name, ".pdf"))
		res->type = "application/pdf";
	else if (str_ends(name, ".html"))
		res->type = "text/html";
	else {
		sim_html(res, 404, "Not Found");
		return;
	}
	buf_reset(&res->body);
	buf_printf(&res->body, "bytes of %s", name);
}

static void
handle(const struct sim_req *r, struct sim_res *res)
{
	const char *p = r->path;
	char *id, *method, *token;
	size_t n;

	if (str_starts(p, "/media/")) {
		do_media(p + 7, res);
		return;
	}
	if (!str_starts(p, "/waInstance")) {
		sim_html(res, 404, "Not Found");
		return;
	}
	p += strlen("/waInstance");
	n = strcspn(p, "/");
	id = mem_arena_ndup(r->a, p, n);
	p += n + (p[n] == '/');
	n = strcspn(p, "/");
	method = mem_arena_ndup(r->a, p, n);
	p += n + (p[n] == '/');
	n = strcspn(p, "/");
	token = mem_arena_ndup(r->a, p, n);
	p += n + (p[n] == '/');
	if (!str_charset(id, 4, 20, ""))
		sim_html(res, 403, "Forbidden");
	else if (str_empty(token) || !sim_opt_has("GREEN_TOKENS", token))
		refuse(res, r, 401, "Unauthorized");
	else
		dispatch(instance_get(id), method, p, r, res);
}

/* --- control ------------------------------------------------------------------------ */

static void
lines_free(struct chat_line *l)
{
	for (struct chat_line *next; l; l = next) {
		next = l->next;
		free(l->chat);
		free(l->json);
		free(l);
	}
}

static void
note_free(struct instance *i)
{
	for (struct note *n = i->head, *next; n; n = next) {
		next = n->next;
		free(n->body);
		free(n);
	}
	lines_free(i->history);
	lines_free(i->held);
}

static void
reset(void)
{
	for (struct instance *i = instances, *next; i; i = next) {
		next = i->next;
		note_free(i);
		free(i);
	}
	instances = NULL;
	buf_free(&sent);
	memset(&sent, 0, sizeof sent);
}

/* each of "notification" or "notifications" */
static size_t
each_note(const struct sim_req *r, void (*fn)(const struct sim_req *, struct instance *, const char *),
    struct instance *i)
{
	const struct json *one = r->json ? json_get(r->json, "notification") : NULL;
	const struct json *many = r->json ? json_get(r->json, "notifications") : NULL;
	size_t n = 0;

	if (one) {
		fn(r, i, json_raw(r->a, one));
		n++;
	}
	for (size_t k = 0; k < json_len(many); k++, n++)
		fn(r, i, json_raw(r->a, json_at(many, k)));
	return n;
}

static void
fn_emit(const struct sim_req *r, struct instance *i, const char *body)
{
	(void)r;
	emit(i, body);
}

static void
fn_webhook(const struct sim_req *r, struct instance *i, const char *body)
{
	(void)i;
	post_webhook(sim_json(r, "url"), sim_json(r, "token"), sim_json(r, "form"), body);
}

static void
journal_in(struct instance *i, const char *id, const char *chat, const char *name, const char *text,
    int64_t at_s)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_printf(&b, "{\"type\":\"incoming\",\"timestamp\":%" PRId64 ",\"typeMessage\":\"textMessage\"", at_s);
	put_pair(&b, "idMessage", id);
	put_pair(&b, "chatId", chat);
	put_pair(&b, "senderId", chat);
	put_pair(&b, "senderName", name);
	put_pair(&b, "textMessage", text);
	buf_putc(&b, '}');
	line_add(&i->history, chat, b.p);
	buf_free(&b);
}

/* A new state is notified; what waited while it was suspended goes out. */
static void
control_state(struct instance *i, const char *state)
{
	bool was = suspended(i);
	int64_t now_s = clock_now_us() / 1000000;
	struct buf b;

	copy(i->state, sizeof i->state, state);
	if (is_on(i, "stateWebhook")) {
		buf_init(&b, 4096);
		put_head(&b, i, "stateInstanceChanged", now_s);
		put_pair(&b, "stateInstance", state);
		buf_putc(&b, '}');
		emit(i, b.p);
		buf_free(&b);
	}
	for (struct chat_line *l = i->held; was && !suspended(i) && l; l = l->next)
		statuses(i, l->json, l->chat, now_s);
	if (was && !suspended(i)) {
		lines_free(i->held);
		i->held = NULL;
	}
}

static void
control_answer(const struct sim_req *r, struct sim_res *res, struct instance *i)
{
	int64_t status = 500;

	if (json_i64(json_get(r->json, "status"), &status) != RC_OK)
		status = 500;
	if (json_i64(json_get(r->json, "times"), &i->answer_times) != RC_OK)
		i->answer_times = 1;
	i->answer_status = (int)status;
	i->answer_took = json_bool(json_get(r->json, "took"), false);
	i->answer_echo = json_bool(json_get(r->json, "echo"), true);
	copy(i->answer_words, sizeof i->answer_words, sim_json(r, "words"));
	sim_answer(res, 200, "{\"success\":true}");
}

static void
control_message(const struct sim_req *r, struct sim_res *res, struct instance *i)
{
	const char *from = sim_json(r, "from"), *text = sim_json(r, "text"), *id = sim_json(r, "id");
	const char *name = sim_json(r, "name");
	int64_t count = 1, at_s = clock_now_us() / 1000000;
	struct buf b, ids;

	if (r->json && json_i64(json_get(r->json, "count"), &count) != RC_OK)
		count = 1;
	if (r->json && json_i64(json_get(r->json, "timestamp"), &at_s) != RC_OK)
		at_s = clock_now_us() / 1000000;
	from = from ? from : "70000000001@c.us";
	buf_init(&ids, 1 << 20);
	buf_init(&b, 1 << 20);
	for (int64_t k = 0; k < count; k++) {
		char fresh[40];

		snprintf(fresh, sizeof fresh, "F7AE%016" PRIX64, sim_id());
		buf_reset(&b);
		put_head(&b, i, "incomingMessageReceived", at_s);
		put_pair(&b, "idMessage", id ? id : fresh);
		buf_puts(&b, ",\"senderData\":{\"chatId\":");
		json_put_str(&b, from);
		put_pair(&b, "sender", from);
		put_pair(&b, "chatName", name ? name : "Ana");
		put_pair(&b, "senderName", name ? name : "Ana");
		buf_puts(&b, ",\"senderContactName\":\"\"},\"messageData\":{\"typeMessage\":\"textMessage\","
		    "\"textMessageData\":{\"textMessage\":");
		json_put_str(&b, text ? text : "Hi");
		buf_puts(&b, "}}}");
		if (is_on(i, "incomingWebhook") && json_bool(json_get(r->json, "hook"), true))
			emit(i, b.p);
		journal_in(i, id ? id : fresh, from, name ? name : "Ana", text ? text : "Hi", at_s);
		buf_printf(&ids, "%s\"%s\"", k ? "," : "", id ? id : fresh);
	}
	sim_answer(res, 200, "{\"success\":true,\"ids\":[%s]}", ids.p);
	buf_free(&b);
	buf_free(&ids);
}

static void
control_queue(const struct sim_req *r, struct sim_res *res)
{
	size_t waiting = 0, deleted = 0, received = 0;
	const char *only = sim_query(r, "instance");

	for (struct instance *i = instances; i; i = i->next) {
		if (only && !str_eq(only, i->id))
			continue;
		waiting += i->waiting;
		deleted += i->deleted;
		received += i->received;
	}
	sim_answer(res, 200, "{\"waiting\":%zu,\"deleted\":%zu,\"received\":%zu}", waiting, deleted,
	    received);
}

static void
control(const struct sim_req *r, struct sim_res *res)
{
	struct instance *i = instance_get(sim_json(r, "instance"));
	const char *verb = r->path;

	if (str_eq(verb, "/queue")) {
		control_queue(r, res);
	} else if (str_eq(verb, "/sent")) {
		sim_answer(res, 200, "[%s]", sent.max ? sent.p : "");
	} else if (str_eq(verb, "/message")) {
		control_message(r, res, i);
	} else if (str_eq(verb, "/enqueue")) {
		if (sim_json(r, "raw"))
			emit(i, sim_json(r, "raw"));
		sim_answer(res, 200, "{\"success\":true,\"n\":%zu}", each_note(r, fn_emit, i));
	} else if (str_eq(verb, "/webhook") && sim_json(r, "url")) {
		sim_answer(res, 200, "{\"success\":true,\"n\":%zu}", each_note(r, fn_webhook, i));
	} else if (str_eq(verb, "/state") && sim_json(r, "state")) {
		control_state(i, sim_json(r, "state"));
		sim_answer(res, 200, "{\"success\":true}");
	} else if (str_eq(verb, "/answer")) {
		control_answer(r, res, i);
	} else if (str_eq(verb, "/settings")) {
		set_settings(i, r);
		sim_answer(res, 200, "{\"success\":true}");
	} else if (str_eq(verb, "/quota")) {
		i->quota = json_bool(json_get(r->json, "exceeded"), true);
		sim_answer(res, 200, "{\"success\":true}");
	} else {
		sim_answer(res, 404, "{\"error\":\"no such control\"}");
	}
}

const struct sim_provider sim_greenapi = { "green", handle, control, reset };

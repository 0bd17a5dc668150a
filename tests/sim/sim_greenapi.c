/*
 * Green API as providers.md part C tells it: /green/waInstance{id}/{method}/{token}.
 * A strict queue for each instance: the same notification comes until it is
 * deleted (C.2); long poll; sends are queued, answered with an id and come back
 * as outgoingAPIMessageReceived and outgoingMessageStatus (C.3).
 *
 * Settings: GREEN_TOKENS (comma list; none: any), GREEN_ECHO=no (no notifications
 *           of own sends), GREEN_STATUSES (default "delivered,read"),
 *           GREEN_WEBHOOK_FORM (default "Bearer "; "" or "Basic ", C.4),
 *           GREEN_RATES=on (one getStateInstance and getSettings a second).
 * GET /green/media/NAME.jpg|.pdf|.html: a file to download, 404 for other names.
 * Control (instance: default the first one seen, else 1101000001):
 *   POST /_sim/green/enqueue {"instance","notification":{}|"notifications":[],"raw":"text"}
 *        into the queue, or to webhookUrl where one is set; raw: not JSON
 *   POST /_sim/green/message {"instance","from","text","name","count","id","timestamp"}
 *        incoming text messages; answers {"ids":[…]}
 *   POST /_sim/green/webhook {"url","token","form","notification"|"notifications"}
 *   POST /_sim/green/state   {"instance","state":"authorized"|…}
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
	char webhook_url[512], webhook_token[256], incoming[8];
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
	copy(i->incoming, sizeof i->incoming, "yes");
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

static void
put_head(struct buf *b, const struct instance *i, const char *type, int64_t at_s)
{
	buf_printf(b, "{\"typeWebhook\":\"%s\",\"instanceData\":{\"idInstance\":%s,"
	    "\"wid\":\"70000000000@c.us\",\"typeInstance\":\"whatsapp\"},\"timestamp\":%" PRId64,
	    type, i->id, at_s);
}

static void
put_pair(struct buf *b, const char *key, const char *v)
{
	json_put_key(b, ",", key);
	json_put_str(b, v);
}

/* --- own sends --------------------------------------------------------------- */

static void
emit_echo(struct instance *i, const char *id, const char *chat, const char *data, int64_t at_s)
{
	struct buf b;

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

	buf_init(&b, 4096);
	put_head(&b, i, "outgoingMessageStatus", at_s);
	put_pair(&b, "chatId", chat);
	put_pair(&b, "idMessage", id);
	put_pair(&b, "status", status);
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
remember(struct instance *i, const struct sim_req *r, const char *id, bool file, int64_t at_s)
{
	struct chat_line *l = mem_alloc(sizeof *l);
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
	l->chat = mem_dup(sim_json(r, "chatId"));
	l->json = buf_take(&b);
	l->next = i->history;
	i->history = l;
	buf_free(&b);
}

static bool
chat_ok(const char *s)
{
	size_t n = s ? strspn(s, "0123456789-") : 0;

	return n > 4 && (str_eq(s + n, "@c.us") || str_eq(s + n, "@g.us"));
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
	else if (!str_eq(i->state, "authorized"))
		refuse(res, r, 400, "instance account not authorized");
	else if (!chat_ok(chat))
		refuse(res, r, 400, "Validation failed. Details: 'chatId' has wrong format");
	else if (!file && str_empty(text))
		refuse(res, r, 400, "Validation failed. Details: 'message' is not allowed to be empty");
	else if (!file && str_utf8_len(text, strlen(text)) > 20000)
		refuse(res, r, 400, "Validation failed. Details: 'message' length must be less than"
		    " or equal to 20000 characters long");
	else if (file && (str_empty(sim_json(r, "urlFile")) || str_empty(sim_json(r, "fileName"))))
		refuse(res, r, 400, "bad request data");
	else if (i->quota)
		sim_answer(res, 466, "{\"invokeStatus\":null,\"correspondentsStatus\":{\"method\":"
		    "\"sendMessage\",\"used\":3,\"total\":3,\"status\":\"CORRESPONDENTS_QUOTE_EXCEEDED\","
		    "\"description\":\"Only these chats: 70000000009@c.us\"}}");
	else
		return false;
	return true;
}

static void
do_send(struct instance *i, const struct sim_req *r, struct sim_res *res, bool file)
{
	int64_t at_s = clock_now_us() / 1000000;
	char id[40];
	struct buf data;
	struct strv statuses = {0};
	const char *list = sim_opt("GREEN_STATUSES"), *chat = sim_json(r, "chatId");

	if (send_refused(i, r, res, file))
		return;
	snprintf(id, sizeof id, "3EB0%016" PRIX64, sim_id());
	if (!sent.max)
		buf_init(&sent, 64UL << 20);
	buf_printf(&sent, "%s{\"instance\":\"%s\",\"method\":\"%s\",\"idMessage\":\"%s\",\"body\":%s}",
	    sent.n ? "," : "", i->id, file ? "sendFileByUrl" : "sendMessage", id,
	    json_raw(r->a, r->json));
	remember(i, r, id, file, at_s);
	if (!str_eq(sim_opt("GREEN_ECHO"), "no")) {
		buf_init(&data, 1 << 20);
		put_data(&data, r, file);
		emit_echo(i, id, chat, data.p, at_s);
		buf_free(&data);
		strv_split(&statuses, list ? list : "delivered,read", ',');
		for (size_t k = 0; k < statuses.n; k++)
			emit_status(i, id, chat, statuses.v[k], at_s + (int64_t)k + 1);
		strv_free(&statuses);
	}
	sim_answer(res, 200, "{\"idMessage\":\"%s\"}", id);
}

/* --- the queue ------------------------------------------------------------------ */

static void
do_receive(const char *id, const struct sim_req *r, struct sim_res *res)
{
	const char *t = sim_query(r, "receiveTimeout");
	int64_t wait_s = 5, waited_ms = 0;
	struct instance *i = instance_get(id);

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
		if (str_eq(l->chat, chat)) {
			buf_printf(&b, "%s%s", b.n ? "," : "", l->json);
			max--;
		}
	sim_answer(res, 200, "[%s]", b.p);
	buf_free(&b);
}

/* --- methods ---------------------------------------------------------------------- */

static void
do_settings(struct instance *i, const struct sim_req *r, struct sim_res *res)
{
	struct buf b;

	if (str_eq(r->method, "POST")) {
		if (sim_json(r, "webhookUrl"))
			copy(i->webhook_url, sizeof i->webhook_url, sim_json(r, "webhookUrl"));
		if (sim_json(r, "webhookUrlToken"))
			copy(i->webhook_token, sizeof i->webhook_token, sim_json(r, "webhookUrlToken"));
		if (sim_json(r, "incomingWebhook"))
			copy(i->incoming, sizeof i->incoming, sim_json(r, "incomingWebhook"));
		sim_answer(res, 200, "{\"saveSettings\":true}");
		return;
	}
	buf_init(&b, 4096);
	buf_puts(&b, "{\"wid\":\"70000000000@c.us\"");
	put_pair(&b, "webhookUrl", i->webhook_url);
	put_pair(&b, "webhookUrlToken", i->webhook_token);
	put_pair(&b, "incomingWebhook", i->incoming);
	buf_puts(&b, ",\"delaySendMessagesMilliseconds\":500,\"outgoingWebhook\":\"yes\","
	    "\"outgoingMessageWebhook\":\"yes\",\"outgoingAPIMessageWebhook\":\"yes\","
	    "\"stateWebhook\":\"yes\"}");
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
		do_receive(i->id, r, res);
	else if (str_eq(method, "deleteNotification") && str_eq(r->method, "DELETE"))
		do_delete(i, res, tail);
	else if (str_eq(method, "sendMessage") && post)
		do_send(i, r, res, false);
	else if (str_eq(method, "sendFileByUrl") && post)
		do_send(i, r, res, true);
	else if (str_eq(method, "getChatHistory") && post)
		do_history(i, r, res);
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
note_free(struct instance *i)
{
	for (struct note *n = i->head, *next; n; n = next) {
		next = n->next;
		free(n->body);
		free(n);
	}
	for (struct chat_line *l = i->history, *next; l; l = next) {
		next = l->next;
		free(l->chat);
		free(l->json);
		free(l);
	}
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
		emit(i, b.p);
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
		copy(i->state, sizeof i->state, sim_json(r, "state"));
		sim_answer(res, 200, "{\"success\":true}");
	} else if (str_eq(verb, "/quota")) {
		i->quota = json_bool(json_get(r->json, "exceeded"), true);
		sim_answer(res, 200, "{\"success\":true}");
	} else {
		sim_answer(res, 404, "{\"error\":\"no such control\"}");
	}
}

const struct sim_provider sim_greenapi = { "green", handle, control, reset };

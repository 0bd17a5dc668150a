/*
 * What goes out through Green API, and the look-up of what may have gone out
 * (providers.md C.1).
 */
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "extern/json.h"
#include "extern/jsonw.h"
#include "base/log.h"
#include "provider/greenapi/greenapi.h"
#include "base/phone.h"
#include "base/str.h"

#define TYPING_MS 5000	/* of 1000 to 20000 */

/* --- sending -------------------------------------------------------------------- */

/* An id with a server, in any of its spellings (green_jid). */
static enum rc
green_full_chat(const char *s, struct buf *out)
{
	struct mem_arena arena = { 0 };
	const char *jid = green_jid(&arena, s);
	enum rc rc = str_charset(jid, 3, 100, "@.-_") ? RC_OK : RC_INVALID;

	buf_puts(out, jid);
	mem_arena_free(&arena);
	return rc;
}

/*
 * A chat as the instance names it, from what a person or a row has: WhatsApp's
 * have a suffix ("+7 000 000-00-01" is 70000000001@c.us; a phone has at most 15
 * digits, E.164, a group's id more), those of MAX and Telegram are numbers, a
 * Telegram group's with a minus.
 */
static enum rc
green_chat(const struct account *a, const char *s, struct buf *out)
{
	bool whatsapp = green_whatsapp(a);
	char phone[PHONE_MAX + 1];
	size_t digits = 0;

	if (str_empty(s) || strlen(s) > 100)
		return RC_INVALID;
	if (strchr(s, '@'))
		return green_full_chat(s, out);
	if (whatsapp && phone_digits(s, strlen(s), phone) > 0) {
		buf_printf(out, "%s@c.us", phone);
		return RC_OK;
	}
	if (!whatsapp && *s == '-')
		buf_putc(out, *s);
	for (const char *p = s; *p; p++) {
		if (*p >= '0' && *p <= '9') {
			buf_putc(out, *p);
			digits++;
		} else if (!strchr("+-() ", *p)) {
			return RC_INVALID;
		}
	}
	/* beside phones WhatsApp has groups */
	if (digits < (whatsapp ? PHONE_MAX + 1U : 1U) || digits > 25)
		return RC_INVALID;
	if (whatsapp)
		buf_puts(out, "@g.us");
	return RC_OK;
}

static enum rc
green_chat_id(const struct account *a, const struct outmsg *m, struct buf *out)
{
	return green_chat(a, str_empty(m->thread_id) ? m->recipient : m->thread_id, out);
}

/* The name a file arrives under: given, else the last part of the URL's path.
 * WhatsApp shows it by its ending, so one is added where there is none. */
static void
green_file_name(const struct att *att, struct buf *out)
{
	static const struct {
		const char *type, *ext;
	} exts[] = {
		{ "image", ".jpg" },
		{ "video", ".mp4" },
		{ "audio", ".ogg" },
		{ "sticker", ".webp" },
	};
	const char *p, *start;
	size_t n;

	if (!str_empty(att->name)) {
		buf_puts(out, att->name);
		return;
	}
	p = strstr(att->url, "://");
	p = p ? p + 3 : att->url;
	n = strcspn(p, "?#");
	start = p;
	for (size_t i = 0; i < n; i++)
		if (p[i] == '/')
			start = p + i + 1;
	n -= (size_t)(start - p);
	if (start == p || n == 0)
		buf_puts(out, "file");
	else
		buf_put(out, start, n);
	if (memchr(out->p, '.', out->n))
		return;
	for (size_t i = 0; i < sizeof exts / sizeof *exts; i++)
		if (str_eq(exts[i].type, att->type))
			buf_puts(out, exts[i].ext);
}

/* What is asked of a chat beside messages: read up to one, typing.  Typing ends by
 * itself or by the message; nothing is found that sends a reaction. */
static enum rc
green_action_build(
    const struct account *a, const struct outmsg *m, const char *chat, struct http_req *out)
{
	bool read = str_eq(m->action, "mark_seen");
	struct jsonw w;
	struct buf body;
	enum rc rc = RC_INVALID;

	if (!read && !str_eq(m->action, "typing_on"))
		return RC_INVALID;
	buf_init(&body, 4096);
	jsonw_init(&w, &body);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "chatId", chat);
	if (!read)
		jsonw_i64(&w, "typingTime", TYPING_MS);
	else if (!str_empty(m->reply_to))
		jsonw_str(&w, "idMessage", m->reply_to);
	jsonw_end(&w);
	if (jsonw_done(&w))
		rc = green_request(a, "POST", read ? "readChat" : "sendTyping", "", out);
	if (rc == RC_OK) {
		http_req_body(out, "application/json", body.p, body.n);
		out->fresh = true;
	}
	buf_free(&body);
	return rc;
}

size_t
green_text_limit(const struct account *a)
{
	return green_whatsapp(a) ? GREEN_TEXT_MAX : GREEN_TEXT_MAX_OTHER;
}

enum rc
green_send_build(const struct account *a, const struct outmsg *m, struct http_req *out)
{
	size_t max = green_text_limit(a);
	struct buf body, chat, name;
	struct jsonw w;
	enum rc rc = RC_INVALID;

	buf_init(&body, 1 << 18);
	buf_init(&chat, 128);
	buf_init(&name, 512);
	if (m->n_atts > 1 || green_chat_id(a, m, &chat) != RC_OK)
		goto out;
	if (m->action != NULL) {
		rc = green_action_build(a, m, chat.p, out);
		goto out;
	}
	if (m->n_atts == 0 && str_empty(m->body))
		goto out;
	if (m->body && str_utf8_len(m->body, strlen(m->body)) > max)
		goto out;
	jsonw_init(&w, &body);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "chatId", chat.p);
	if (m->n_atts) {
		if (str_empty(m->atts[0].url))
			goto out;
		green_file_name(&m->atts[0], &name);
		jsonw_str(&w, "urlFile", m->atts[0].url);
		jsonw_str(&w, "fileName", name.p);
	}
	if (!str_empty(m->body))
		jsonw_str(&w, m->n_atts ? "caption" : "message", m->body);
	if (!str_empty(m->reply_to))
		jsonw_str(&w, "quotedMessageId", m->reply_to);
	jsonw_end(&w);
	if (!jsonw_done(&w) || buf_err(&chat) || buf_err(&name))
		goto out;
	rc = green_request(a, "POST", m->n_atts ? "sendFileByUrl" : "sendMessage", "", out);
	if (rc != RC_OK)
		goto out;
	http_req_body(out, "application/json", body.p, body.n);
	out->fresh = true;
out:
	buf_free(&body);
	buf_free(&chat);
	buf_free(&name);
	return rc;
}

/* The status of a refusal that comes as 200: {"code":401,...} or {"statusCode":400,...}; 0: it is
 * none. */
static int
green_inner_status(const struct json *j)
{
	static const char *const names[] = { "statusCode", "code" };
	int64_t n;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (json_i64(json_get(j, names[i]), &n) == RC_OK && n >= 400 && n <= 599)
			return (int)n;
	return 0;
}

static void
green_send_fail(const struct http_res *res, int status, struct send_result *out)
{
	const struct green_error *e;
	int asked = http_retry_after_s(res);

	green_words(res, out->text, sizeof out->text);
	e = green_error(status, out->text);
	out->outcome = e ? e->outcome : SEND_UNKNOWN;
	snprintf(out->code, sizeof out->code, "%s", e ? e->code : "unexpected");
	out->retry_after_s = asked;
	out->doubt = e && e->doubt;
	out->unclear = out->grows = e && str_eq(e->code, "green_refuses");
	out->hint = e && e->outcome != SEND_REFUSED ? e->code : NULL;
	if (e && e->outcome == SEND_PAUSE)
		out->pause_s = asked > e->pause_s ? asked : e->pause_s;
}

enum rc
green_send_read(const struct account *a, const struct outmsg *m, const struct http_res *res,
    struct send_result *out)
{
	struct mem_arena arena = { 0 };
	struct json *j = NULL;
	const char *id = NULL;
	int inner = 0;

	(void)a;
	memset(out, 0, sizeof *out);
	out->retry_after_s = -1;
	if (res->fail != HTTP_FAIL_NONE) {
		out->outcome = res->sent ? SEND_UNKNOWN : SEND_RETRY;
		snprintf(out->code, sizeof out->code, "%s", http_fail_names[res->fail]);
		snprintf(out->text, sizeof out->text, "%s", res->note);
		return RC_OK;
	}
	if (res->status == 200 && json_parse(res->body, res->body_n, &j, NULL) == RC_OK) {
		id = json_text(&arena, json_get(j, "idMessage"));
		inner = green_inner_status(j);
	}
	if (m->action != NULL && res->status == 200 && inner == 0) {
		out->outcome = SEND_ACCEPTED;	/* {"setRead":true}, or nothing */
	} else if (!str_empty(id) && strlen(id) < sizeof out->message_id) {
		out->outcome = SEND_SENT;
		snprintf(out->message_id, sizeof out->message_id, "%s", id);
	} else if (res->status == 200 && inner == 0 && !json_get(j, "status")) {
		/* they took it and said something we do not know */
		out->outcome = SEND_UNKNOWN;
		snprintf(out->code, sizeof out->code, "no_id");
	} else {
		green_send_fail(res, inner != 0 ? inner : res->status, out);
	}
	json_free(j);
	mem_arena_free(&arena);
	return RC_OK;
}

/* --- look-up of a message that may have gone out (C.1) --------------------------- */

/*
 * The chat's history first; it is reported broken for hidden numbers (@lid), and
 * where it does not have the message the journal of all that was sent may.
 */
#define JOURNAL "journal"
#define JOURNAL_LATE_US (150 * 1000000LL)

enum rc
green_lookup_build(const struct account *a, const struct outmsg *m, struct http_req *out)
{
	struct buf body, chat;
	struct jsonw w;
	enum rc rc = RC_INVALID;

	buf_init(&body, 1024);
	buf_init(&chat, 128);
	if (m->action == NULL && green_chat_id(a, m, &chat) == RC_OK) {
		if (str_eq(m->look_in, JOURNAL)) {
			rc = green_request(a, "GET", "lastOutgoingMessages", "?minutes=1440", out);
			if (rc == RC_OK)
				out->max_answer = 16UL << 20;
		} else {
			jsonw_init(&w, &body);
			jsonw_object(&w, NULL);
			jsonw_str(&w, "chatId", chat.p);
			jsonw_i64(&w, "count", 50);
			jsonw_end(&w);
			rc = green_request(a, "POST", "getChatHistory", "", out);
			if (rc == RC_OK)
				http_req_body(out, "application/json", body.p, body.n);
		}
	}
	buf_free(&body);
	buf_free(&chat);
	return rc;
}

static bool
green_same_message(
    struct mem_arena *arena, const struct json *j, const struct outmsg *m, int64_t since_us)
{
	static const char *const texts[] = { "textMessage", "extendedTextMessage.text",
		"extendedTextMessageData.text", "caption" };
	const char *type = json_str(arena, json_get(j, "type"));
	const char *at = json_text(arena, json_get(j, "timestamp"));
	const char *text = NULL;
	bool file = json_get(j, "downloadUrl") || json_get(j, "fileName");
	int64_t us;

	if (!str_eq(type, "outgoing") || file != (m->n_atts > 0) || !at ||
	    clock_parse(at, strlen(at), &us) != RC_OK)
		return false;
	/* their clock counts whole seconds */
	if (us < since_us - since_us % 1000000 - 1000000)
		return false;
	for (size_t i = 0; str_empty(text) && i < sizeof texts / sizeof *texts; i++)
		text = json_str(arena, json_get(j, texts[i]));
	return str_eq_trim(text ? text : "", m->body ? m->body : "");
}

/* The journal holds all chats; a history's lines may not name theirs. */
static bool
green_same_chat(
    const struct account *a, struct mem_arena *arena, const struct json *e, const struct outmsg *m)
{
	const char *chat = json_text(arena, json_get(e, "chatId"));
	struct buf want;
	bool same;

	if (!str_eq(m->look_in, JOURNAL))
		return true;
	buf_init(&want, 128);
	same = green_chat_id(a, m, &want) == RC_OK && str_eq(chat, want.p);
	buf_free(&want);
	return same;
}

enum rc
green_lookup_read(const struct account *a, const struct outmsg *m, int64_t since_us,
    const struct http_res *res, struct strv *ids)
{
	struct mem_arena arena = { 0 };
	struct json *j = NULL;
	enum rc rc = RC_TEMP;

	if (res->fail == HTTP_FAIL_NONE && res->status == 200 &&
	    json_parse(res->body, res->body_n, &j, NULL) == RC_OK && json_type(j) == JSON_ARRAY)
		rc = RC_NONE;
	/* newest first: from the end, so that the oldest that fits is the first */
	for (size_t i = rc == RC_NONE ? json_len(j) : 0; i > 0; i--) {
		const struct json *e = json_at(j, i - 1);
		const char *id = json_text(&arena, json_get(e, "idMessage"));

		if (!str_empty(id) && strlen(id) < 520 && green_same_chat(a, &arena, e, m) &&
		    green_same_message(&arena, e, m, since_us))
			strv_add(ids, id, strlen(id));
	}
	json_free(j);
	mem_arena_free(&arena);
	if (ids->n > 0)
		return RC_OK;
	if (m->look_in == NULL &&
	    (rc == RC_NONE ||
		(res->fail == HTTP_FAIL_NONE && res->status >= 400 && res->status < 500))) {
		strv_add(ids, JOURNAL, strlen(JOURNAL));
		return RC_DUP;
	}
	/* the journal is up to two minutes late, and nothing else knows of a hidden number */
	if (rc == RC_NONE && str_ends(m->recipient, "@lid") &&
	    clock_now_us() - since_us < JOURNAL_LATE_US)
		rc = RC_TEMP;
	return rc;
}

const char *
green_recipient(const struct account *a, const char *id, struct mem_arena *arena)
{
	struct buf b;
	const char *out = NULL;

	buf_init(&b, 128);
	if (green_chat(a, id, &b) == RC_OK && !buf_err(&b))
		out = mem_arena_dup(arena, b.p);
	buf_free(&b);
	return out;
}

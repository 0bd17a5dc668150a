/*
 * What goes out, and what its answers mean (providers.md A.3, A.5).
 */
#include <stdio.h>
#include <string.h>

#include "extern/json.h"
#include "extern/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "provider/chatrace/chatrace.h"
#include "base/str.h"

#define PAUSE_401_S 300		/* the token is refused: a person has to act */
#define PAUSE_REDIRECT_S 300

static const char *
file_type(const char *type)
{
	if (str_eq(type, "image") || str_eq(type, "video") || str_eq(type, "audio"))
		return type;
	return "file";
}

enum rc
chatrace_send_build(const struct account *a, const struct outmsg *m, struct http_req *out)
{
	bool file = m->n_atts > 0;
	struct buf path, body;
	struct jsonw w;
	enum rc rc = RC_INVALID;

	/* text and file are two requests; there are no quotes and no actions */
	if (m->action != NULL || m->reply_to != NULL || m->n_atts > 1 || str_empty(m->recipient) ||
	    file == !str_empty(m->body) || (file && str_empty(m->atts[0].url)))
		return RC_INVALID;
	buf_init(&path, 4096);
	buf_init(&body, 1u << 20);
	buf_puts(&path, "/contacts/");
	http_url_encode(&path, m->recipient);
	buf_puts(&path, file ? "/send/file" : "/send/text");
	jsonw_init(&w, &body);
	jsonw_object(&w, NULL);
	jsonw_str(&w, file ? "url" : "text", file ? m->atts[0].url : m->body);
	if (file)
		jsonw_str(&w, "type", file_type(m->atts[0].type));
	jsonw_str(&w, "channel", chatrace_own(a)->send_channel);
	jsonw_end(&w);
	if (jsonw_done(&w) && !buf_err(&path))
		rc = chatrace_request(a, "POST", path.p, AUTH_TOKEN, out);
	if (rc == RC_OK) {
		http_req_body(out, "application/json", body.p, body.n);
		out->fresh = true;
	}
	buf_free(&path);
	buf_free(&body);
	return rc;
}

/* ARCHITECTURE.md 4: what a status means for the message. */
static enum send_outcome
by_status(int64_t status)
{
	if (status == 401)
		return SEND_PAUSE;
	if (status == 429 || status == 500 || status == 503)
		return SEND_RETRY;
	if (status == 408 || status >= 500)
		return SEND_UNKNOWN;
	/* only these speak of this contact or this content; a redirect or any other refusal
	 * is the account's, its address' or nobody knows whose */
	if (status == 400 || status == 404 || status == 413 || status == 422)
		return SEND_REFUSED;
	return SEND_PAUSE;
}

static bool
has_word(const char *text, const char *const *words)
{
	for (; text != NULL && *words != NULL; words++)
		if (strcasestr(text, *words) != NULL)
			return true;
	return false;
}

/*
 * A refusal by its code, 0: none was given, and by its words.  What speaks of the account
 * (its plan, its limits) is no message's fault, whatever the code; without a code only
 * words that speak of this contact or this content end a message.
 */
static enum send_outcome
by_words(int64_t code, const char *text)
{
	static const char *const account[] = { "suspend", "subscription", "upgrade", "quota",
		"rate limit", "limit reached", "too many", "api key", "not connected", "disabled",
		"maintenance", "try again", NULL };
	static const char *const message[] = { "contact", "recipient", "subscriber", "user ",
		"phone", "24 h", "24-h", "window", "text", "message is", "url", "file", NULL };
	enum send_outcome o = code != 0 ? by_status(code) :
	    has_word(text, message)	? SEND_REFUSED :
					  SEND_PAUSE;

	return o == SEND_REFUSED && has_word(text, account) ? SEND_PAUSE : o;
}

static void
set_text(struct send_result *out, const char *text)
{
	if (text != NULL)
		log_mask(text, strlen(text), out->text, sizeof out->text);
}

enum rc
chatrace_send_read(const struct account *a, const struct outmsg *m, const struct http_res *res,
    struct send_result *out)
{
	struct mem_arena arena = { 0 };
	struct json *j = NULL;
	const char *text = NULL, *id;
	int64_t code = 0;
	bool error = false, ok2xx = res->status >= 200 && res->status < 300;

	(void)a;
	(void)m;
	memset(out, 0, sizeof *out);
	out->retry_after_s = -1;
	if (res->fail != HTTP_FAIL_NONE) {
		out->outcome = res->sent ? SEND_UNKNOWN : SEND_RETRY;
		snprintf(out->code, sizeof out->code, "%s", http_fail_names[res->fail]);
		set_text(out, res->note);
		return RC_OK;
	}
	if (json_parse(res->body, res->body_n, &j, NULL) == RC_OK)
		error = chatrace_error_of(&arena, j, &code, &text);
	snprintf(out->code, sizeof out->code, "%lld", (long long)(code != 0 ? code : res->status));
	if (!ok2xx) {
		out->outcome = by_words(res->status, text);
		if (res->status == 404 && j == NULL)
			out->outcome = SEND_PAUSE;	/* a page: a wrong base URL (A.8) */
		set_text(out, text);
	} else if (error) {
		/* A.5: an error in a 200; its code is of HTTP's kind, where there is one */
		out->outcome = by_words(code, text);
		set_text(out, text);
	} else if (json_bool(json_member(j, "success"), false)) {
		out->outcome = SEND_ACCEPTED;	/* not delivered, and without an id */
		out->code[0] = '\0';
		id = json_text(&arena, json_member(j, "message_id"));
		if (!str_empty(id) && strlen(id) < sizeof out->message_id) {
			out->outcome = SEND_SENT;
			snprintf(out->message_id, sizeof out->message_id, "%s", id);
		}
	} else {
		out->outcome = SEND_UNKNOWN;
		snprintf(out->code, sizeof out->code, "%s", j == NULL ? "not_json" : "no_success");
	}
	if (out->outcome == SEND_RETRY)
		out->retry_after_s = http_retry_after_s(res);
	if (out->outcome == SEND_PAUSE) {
		out->pause_s = res->status == 401 || code == 401 ? PAUSE_401_S : PAUSE_REDIRECT_S;
		out->hint = res->status == 401 || code == 401 ? "wrong_token" :
		    res->status == 404			      ? "base_url" :
								"bad_answer";
		out->grows = out->unclear = res->status != 401 && code != 401 &&
		    res->status != 404 && (res->status < 300 || res->status >= 400);
	}
	json_free(j);
	mem_arena_free(&arena);
	return RC_OK;
}

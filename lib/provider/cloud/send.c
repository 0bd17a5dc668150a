/*
 * What goes out (providers.md H.16 to H.18): one request a message; a text beside one
 * picture is its caption.  Outside the window only a template goes.
 */
#include <stdio.h>
#include <string.h>

#include "base/phone.h"
#include "base/str.h"
#include "extern/jsonw.h"
#include "provider/cloud/cloud.h"

#define PAIR_STEPS 5	/* 1024 s: the longest burst is paid back in a quarter of that */

/*
 * A phone in any spelling, an address of WhatsApp's own ("70000000001@c.us"), or a
 * business-scoped id; as contacts.external_id has it.
 */
const char *
cloud_recipient(const struct account *a, const char *id, struct mem_arena *arena)
{
	const char *at = strchr(id, '@');
	char phone[PHONE_MAX + 1];
	size_t n = at != NULL ? (size_t)(at - id) : strlen(id);

	(void)a;
	if (cloud_is_bsuid(id))
		return mem_arena_dup(arena, id);
	if ((at != NULL && !str_eq(at, "@c.us") && !str_eq(at, "@s.whatsapp.net")) ||
	    phone_digits(id, n, phone) == 0)
		return NULL;
	return mem_arena_dup(arena, phone);
}

/* A business-scoped id in "to" is answered 200 and silently dropped (H.17). */
static void
put_address(const struct outmsg *m, struct jsonw *w)
{
	jsonw_str(w, "recipient_type", "individual");
	if (cloud_is_bsuid(m->recipient))
		jsonw_str(w, "recipient", m->recipient);
	else
		jsonw_printf(w, "to", "+%s", m->recipient);
}

/*
 * How a document is called: without a name the customer sees "Untitled" (H.17).  The last part of
 * its address, where that looks like a file's.
 */
static void
put_filename(const struct att *t, struct jsonw *w)
{
	const char *p = strstr(str_empty(t->url) ? "" : t->url, "://"), *end, *name = NULL;
	char s[200];

	if (!str_empty(t->name)) {
		jsonw_str(w, "filename", t->name);
		return;
	}
	if (p == NULL)
		return;
	end = p + 3 + strcspn(p + 3, "?#");
	for (p += 3; p < end; p++)
		if (*p == '/')
			name = p + 1;
	if (name == NULL || (size_t)(end - name) >= sizeof s)
		return;
	snprintf(s, sizeof s, "%.*s", (int)(end - name), name);
	if (strchr(s, '.') == NULL || !str_charset(s, 3, sizeof s, "._-"))
		return;
	jsonw_str(w, "filename", s);
}

static enum rc
put_media(const struct outmsg *m, struct jsonw *w)
{
	const struct att *t = &m->atts[0];
	const char *type = str_eq(t->type, "file") ? "document" : t->type;
	bool caption = !str_empty(m->body);

	if (!str_eq(type, "image") && !str_eq(type, "video") && !str_eq(type, "audio") &&
	    !str_eq(type, "document") && !str_eq(type, "sticker"))
		return RC_INVALID;
	if (str_empty(t->url) && str_empty(t->ref))
		return RC_INVALID;
	if (caption &&
	    (str_eq(type, "audio") || str_eq(type, "sticker") ||
		str_utf8_len(m->body, strlen(m->body)) > CLOUD_CAPTION_MAX))
		return RC_INVALID;
	jsonw_str(w, "type", type);
	jsonw_object(w, type);
	if (str_empty(t->url))
		jsonw_str(w, "id", t->ref);	/* handed over before (file.c) */
	else
		jsonw_str(w, "link", t->url);
	if (caption)
		jsonw_str(w, "caption", m->body);
	if (str_eq(type, "document"))
		put_filename(t, w);
	jsonw_end(w);
	return RC_OK;
}

static enum rc
put_content(const struct outmsg *m, struct jsonw *w)
{
	if (m->n_atts > 1 || (m->n_atts == 0 && str_empty(m->body)))
		return RC_INVALID;
	if (m->n_atts == 1 && str_eq(m->atts[0].type, "template")) {
		if (str_empty(m->atts[0].ref) || !str_empty(m->body))
			return RC_INVALID;
		jsonw_str(w, "type", "template");
		jsonw_raw(w, "template", m->atts[0].ref);
		return RC_OK;
	}
	if (m->n_atts == 1)
		return put_media(m, w);
	if (str_utf8_len(m->body, strlen(m->body)) > CLOUD_TEXT_MAX)
		return RC_INVALID;
	jsonw_str(w, "type", "text");
	jsonw_object(w, "text");
	jsonw_str(w, "body", m->body);
	jsonw_bool(w, "preview_url", false);
	jsonw_end(w);
	return RC_OK;
}

/* Ids of Meta's are opaque; those that Green API gave the same number are hexadecimal. */
static bool
is_wamid(const char *id)
{
	return strspn(id, "0123456789ABCDEF") != strlen(id);
}

static enum rc
put_message(const struct outmsg *m, struct jsonw *w)
{
	enum rc rc;

	put_address(m, w);
	rc = put_content(m, w);
	/* a quote of another provider's time: the text goes without it */
	if (!str_empty(m->reply_to) && is_wamid(m->reply_to)) {
		jsonw_object(w, "context");
		jsonw_str(w, "message_id", m->reply_to);
		jsonw_end(w);
	}
	if (!str_empty(m->ref))	/* comes back with each state of the message (H.21) */
		jsonw_str(w, "biz_opaque_callback_data", m->ref);
	return rc;
}

/* All of them speak of a message: mark_seen and typing_on of an incoming one. */
static enum rc
put_action(const struct outmsg *m, struct jsonw *w)
{
	bool react = str_eq(m->action, "react");

	if (str_empty(m->reply_to) || !is_wamid(m->reply_to))
		return RC_INVALID;
	if (react || str_eq(m->action, "unreact")) {
		put_address(m, w);
		jsonw_str(w, "type", "reaction");
		jsonw_object(w, "reaction");
		jsonw_str(w, "message_id", m->reply_to);
		jsonw_str(w, "emoji", !react ? "" : str_empty(m->reaction) ? "👍" : m->reaction);
		jsonw_end(w);
		return RC_OK;
	}
	if (!str_eq(m->action, "mark_seen") && !str_eq(m->action, "typing_on"))
		return RC_INVALID;	/* there is no typing_off */
	jsonw_str(w, "status", "read");
	jsonw_str(w, "message_id", m->reply_to);
	if (str_eq(m->action, "typing_on")) {
		jsonw_object(w, "typing_indicator");
		jsonw_str(w, "type", "text");
		jsonw_end(w);
	}
	return RC_OK;
}

enum rc
cloud_send_build(const struct account *a, const struct outmsg *m, struct http_req *out)
{
	char path[200];
	struct jsonw w;
	struct buf b;
	enum rc rc;

	if (str_empty(m->recipient) || str_empty(a->own_id))
		return RC_INVALID;
	buf_init(&b, 256 * 1024);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "messaging_product", "whatsapp");
	rc = str_empty(m->action) ? put_message(m, &w) : put_action(m, &w);
	jsonw_end(&w);
	if (rc == RC_OK && !jsonw_done(&w))
		rc = RC_INVALID;
	snprintf(path, sizeof path, "%s/messages", a->own_id);
	if (rc == RC_OK)
		rc = cloud_req(a, "POST", path, out);
	if (rc == RC_OK) {
		http_req_body(out, "application/json", b.p, b.n);
		out->fresh = true;	/* a reused line may send twice, ARCHITECTURE.md 6.8 */
	}
	buf_free(&b);
	return rc;
}

/* 200 is accepted, not delivered; the id names the message in its states (H.18). */
static void
accepted(const struct json *j, const char *to, struct send_result *out)
{
	struct mem_arena a = { 0 };
	const struct json *who = json_at(json_get(j, "contacts"), 0);
	const char *known = json_text(&a, json_get(who, cloud_is_bsuid(to) ? "user_id" : "wa_id"));

	/* a Brazilian phone is known without its ninth digit: that one will answer (H.18) */
	if (!str_empty(known) && !str_eq(known, to) && strlen(known) < sizeof out->known_as &&
	    (cloud_is_bsuid(to) ? cloud_is_bsuid(known) :
				  str_charset(known, PHONE_MIN, PHONE_MAX, "")))
		snprintf(out->known_as, sizeof out->known_as, "%s", known);
	meta_accepted(j, json_get(json_at(json_get(j, "messages"), 0), "id"), out);
	mem_arena_free(&a);
}

/*
 * Too much to one person: 4^n s after the n-th refusal (H.19).  A burst is lent from what that
 * person may be sent later, so a fixed wait would be refused until it is paid back (H.20).
 */
static int64_t
pair_wait_s(unsigned int attempts)
{
	unsigned int n = attempts < PAIR_STEPS ? attempts : PAIR_STEPS;

	return (int64_t)1 << (2 * n);
}

/* Does m name a file by the id that it was handed over under? */
static bool
by_id(const struct outmsg *m)
{
	return m->n_atts == 1 && str_empty(m->atts[0].url) && !str_eq(m->atts[0].type, "template");
}

void
cloud_refused(const struct account *a, const struct outmsg *m, const struct cloud_error *e,
    const struct http_res *res, struct send_result *out)
{
	snprintf(out->code, sizeof out->code, "%s", e->code);
	snprintf(out->text, sizeof out->text, "%s", e->text);
	out->hint = e->hint;
	out->outcome = SEND_REFUSED;
	switch (e->class) {
	case CLOUD_FINE:
	case CLOUD_RETRY:
		out->outcome = SEND_RETRY;
		out->retry_after_s = http_retry_after_s(res);
		break;
	/* later ones to this contact wait behind it, others go on */
	case CLOUD_PAIR:
		out->outcome = SEND_RETRY;
		out->retry_after_s = pair_wait_s(m->attempts);
		break;
	case CLOUD_PROOF:
		out->again = cloud_proofs(a) > 1;
		meta_rest(e->pause_s, out);
		break;
	case CLOUD_RATE:
	case CLOUD_TOKEN:
		meta_rest(e->pause_s, out);
		break;
	case CLOUD_RIGHT:
	case CLOUD_OTHER:
		if (!str_empty(m->action))
			break;		/* a typing sign is not worth a pause */
		meta_rest(e->pause_s, out);
		out->grows = true;
		out->doubt = e->strange;
		out->unclear = e->class == CLOUD_OTHER;
		break;
	case CLOUD_UNKNOWN:
		out->outcome = SEND_UNKNOWN;
		break;
	case CLOUD_BLOCKED:
		out->contact_blocked = true;
		break;
	case CLOUD_FAIL:
		/* the id is seconds old: once more with another one */
		out->retry_once = by_id(m) && str_eq(e->hint, "cloud_file");
		break;
	}
}

enum rc
cloud_send_read(const struct account *a, const struct outmsg *m, const struct http_res *res,
    struct send_result *out)
{
	struct json *j = NULL;
	struct cloud_error e;
	int64_t usage;

	memset(out, 0, sizeof *out);
	out->retry_after_s = -1;
	if (res->fail == HTTP_FAIL_NONE && json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		j = NULL;
	cloud_error_read(res, j, &e);
	if (e.class == CLOUD_FINE)
		accepted(j, m->recipient, out);
	else
		cloud_refused(a, m, &e, res, out);
	usage = meta_usage_pause_s(res);
	if (usage > out->pause_s)
		out->pause_s = usage;
	json_free(j);
	return RC_OK;
}

/*
 * What goes out (providers.md B.8): one request a message, text and media
 * apart, never two things in one.  What cannot be said in one request is
 * RC_INVALID here; the caller that fills the outbox has made parts of it.
 */
#include <stdio.h>
#include <string.h>
#include "provider/graph/graph.h"
#include "base/log.h"
#include "base/str.h"
#include "extern/jsonw.h"

#define TEXT_MAX 1000		/* bytes of UTF-8 */
#define IMAGES_MAX 10

static bool
media_type(const char *t)
{
	return str_eq(t, "image") || str_eq(t, "video") || str_eq(t, "audio") || str_eq(t, "file");
}

/* {"type":…,"payload":…} */
static enum rc
put_attachment(const struct att *at, const char *key, struct jsonw *w)
{
	bool share = str_ieq(at->type, "MEDIA_SHARE") && at->ref != NULL;
	bool media = media_type(at->type) && at->url != NULL &&
	    (str_starts(at->url, "https://") || str_starts(at->url, "http://"));

	if (!share && !media && !str_eq(at->type, "like_heart"))
		return RC_INVALID;
	jsonw_object(w, key);
	jsonw_str(w, "type", share ? "MEDIA_SHARE" : at->type);
	if (share || media) {
		jsonw_object(w, "payload");
		jsonw_str(w, share ? "id" : "url", share ? at->ref : at->url);
		jsonw_end(w);
	}
	jsonw_end(w);
	return RC_OK;
}

static enum rc
put_attachments(const struct outmsg *m, struct jsonw *w)
{
	enum rc rc = RC_OK;

	if (m->n_atts == 1)
		return put_attachment(&m->atts[0], "attachment", w);
	if (m->n_atts > IMAGES_MAX)
		return RC_INVALID;
	jsonw_array(w, "attachments");
	for (size_t i = 0; i < m->n_atts && rc == RC_OK; i++) {
		if (!str_eq(m->atts[i].type, "image"))
			return RC_INVALID;	/* several only as images */
		rc = put_attachment(&m->atts[i], NULL, w);
	}
	jsonw_end(w);
	return rc;
}

static enum rc
put_message(const struct outmsg *m, struct jsonw *w)
{
	bool text = !str_empty(m->body);
	enum rc rc = RC_OK;

	if (text == (m->n_atts > 0))	/* one of the two, and only one */
		return RC_INVALID;
	jsonw_object(w, "message");
	if (text) {
		if (strlen(m->body) > TEXT_MAX)
			return RC_INVALID;
		jsonw_str(w, "text", m->body);
	} else {
		rc = put_attachments(m, w);
	}
	if (rc != RC_OK)
		return rc;
	jsonw_end(w);
	if (!str_empty(m->reply_to)) {
		jsonw_object(w, "reply_to");
		jsonw_str(w, "mid", m->reply_to);
		jsonw_end(w);
	}
	/* seven days instead of one, for people only */
	if (m->human_agent) {
		jsonw_str(w, "messaging_type", "MESSAGE_TAG");
		jsonw_str(w, "tag", "HUMAN_AGENT");
	}
	return RC_OK;
}

static enum rc
put_action(const struct outmsg *m, struct jsonw *w)
{
	bool react = str_eq(m->action, "react");

	if (!react && !str_eq(m->action, "unreact") && !str_eq(m->action, "mark_seen") &&
	    !str_eq(m->action, "typing_on") && !str_eq(m->action, "typing_off"))
		return RC_INVALID;
	jsonw_str(w, "sender_action", m->action);
	if (!react && !str_eq(m->action, "unreact"))
		return RC_OK;
	if (str_empty(m->reply_to))
		return RC_INVALID;	/* which message? */
	jsonw_object(w, "payload");
	jsonw_str(w, "message_id", m->reply_to);
	if (react)
		jsonw_str(w, "reaction", str_empty(m->reaction) ? "love" : m->reaction);
	jsonw_end(w);
	return RC_OK;
}

enum rc
graph_send_build(const struct account *a, const struct outmsg *m, struct http_req *out)
{
	struct jsonw w;
	struct buf b;
	enum rc rc;

	if (str_empty(m->recipient))
		return RC_INVALID;
	buf_init(&b, 256 * 1024);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_object(&w, "recipient");
	jsonw_str(&w, "id", m->recipient);
	jsonw_end(&w);
	rc = str_empty(m->action) ? put_message(m, &w) : put_action(m, &w);
	if (rc == RC_OK) {
		jsonw_end(&w);
		rc = jsonw_done(&w) ? graph_req(a, "POST", "me/messages", out) : RC_INVALID;
	}
	if (rc == RC_OK) {
		http_req_body(out, "application/json", b.p, b.n);
		out->fresh = true;	/* a reused line may send twice, ARCHITECTURE.md 6.8 */
	}
	buf_free(&b);
	return rc;
}

static void
refused(const struct account *a, const struct outmsg *m, const struct graph_error *e,
    const struct http_res *res, struct send_result *out)
{
	snprintf(out->code, sizeof(out->code), "%s", e->code);
	snprintf(out->text, sizeof(out->text), "%s", e->text);
	out->hint = e->hint;
	out->outcome = SEND_REFUSED;
	switch (e->class) {
	case GRAPH_FINE:
	case GRAPH_LESS:
	case GRAPH_RETRY:
		out->outcome = SEND_RETRY;
		out->retry_after_s = http_retry_after_s(res);
		/* an answer is no proof that it did not go out: 1/1357046, 2 */
		out->doubt = res->fail == HTTP_FAIL_NONE;
		break;
	case GRAPH_PROOF:
		out->again = graph_proofs(a) > 1;
		meta_rest(e->pause_s, out);
		break;
	case GRAPH_RATE:
	case GRAPH_TOKEN:
		meta_rest(e->pause_s, out);
		break;
	case GRAPH_RIGHT:
	case GRAPH_OTHER:
		if (!str_empty(m->action))
			break;		/* a typing sign or reaction is not worth a pause */
		meta_rest(e->pause_s, out);
		out->grows = true;
		out->doubt = e->strange;
		out->unclear = !str_eq(e->hint, "meta_refuses") && !str_eq(e->hint, "restricted");
		break;
	case GRAPH_UNKNOWN:
		out->outcome = SEND_UNKNOWN;
		break;
	case GRAPH_BLOCKED:
		out->contact_blocked = true;
		break;
	case GRAPH_ONCE:
		out->retry_once = true;
		out->retry_after_s = 30;
		break;
	case GRAPH_GONE:
		/* "Object with ID 'me' does not exist" is the account's trouble; what is
		 * gone by the other codes is the recipient, or the message answered */
		if (str_eq(e->code, "100/33") || str_eq(e->code, "230")) {
			meta_rest(e->pause_s, out);
			out->grows = out->unclear = true;
			out->hint = "no_permission";
		}
		break;
	case GRAPH_FAIL:
		break;
	}
}

enum rc
graph_send_read(const struct account *a, const struct outmsg *m, const struct http_res *res,
    struct send_result *out)
{
	struct json *j = NULL;
	struct graph_error e;
	int64_t usage;

	memset(out, 0, sizeof(*out));
	out->retry_after_s = -1;
	if (res->fail == HTTP_FAIL_NONE && json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		j = NULL;
	graph_error_read(res, j, &e);
	if (e.class == GRAPH_FINE)
		meta_accepted(j, json_get(j, "message_id"), out);
	else
		refused(a, m, &e, res, out);
	usage = meta_usage_pause_s(res);
	if (usage > out->pause_s)
		out->pause_s = usage;
	json_free(j);
	return RC_OK;
}

/*
 * From an outbox item to a request and from an answer to a result.  The rules
 * for an answer that did not come are the same for all providers: only what
 * surely was not sent is ever sent again.
 */
#include "bridge/attempt.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/phone.h"
#include "extern/sign.h"
#include "store/state.h"
#include "store/store.h"
#include "base/str.h"

bool
attempt_again(struct outbox_item *it, const struct send_result *r)
{
	if (!r->again || it->tries >= ATTEMPT_PROOFS)
		return false;
	it->tries++;
	it->proof++;
	return true;
}

static void
result_init(struct send_result *r, enum send_outcome o, const char *code, const char *text)
{
	memset(r, 0, sizeof *r);
	r->outcome = o;
	r->retry_after_s = -1;
	snprintf(r->code, sizeof r->code, "%s", code);
	log_mask(text, strlen(text), r->text, sizeof r->text);
}

/* A mock account: nothing leaves, it counts as sent under an id of ours. */
static void
sent_by_mock(struct send_result *r)
{
	char id[25];

	result_init(r, SEND_SENT, "", "");
	sign_token(id, sizeof id - 1);
	snprintf(r->message_id, sizeof r->message_id, "mock:%s", id);
}

/* What is sent: the message; a file that was handed over by its id alone.  t: room for it. */
static struct outmsg
message_of(const struct outbox_item *it, struct att *t)
{
	struct outmsg m = it->msg;

	if (it->media[0] != '\0') {
		*t = m.atts[0];
		t->url = NULL;
		t->ref = it->media;
		m.atts = t;
	}
	return m;
}

enum rc
attempt_upload(const struct account *a, const struct outbox_item *it, unsigned int timeout_ms,
    struct http_req *req)
{
	const struct provider *p = provider_of(a);

	if (a->use_mock || p->upload_build == NULL || it->file == NULL || it->media[0] != '\0')
		return RC_NONE;
	http_req_free(req);
	if (p->upload_build(a, &it->msg.atts[0], it->file, req) != RC_OK)
		return RC_NONE;
	req->timeout_ms = timeout_ms;
	req->fresh = true;
	return RC_OK;
}

enum rc
attempt_uploaded(const struct account *a, struct outbox_item *it, const struct http_res *res,
    struct send_result *r)
{
	if (res->fail != HTTP_FAIL_URL && res->fail != HTTP_FAIL_BLOCKED)
		return provider_of(a)->upload_read(a, res, it->media, r);
	/* a mistake in the configuration: the queue is kept until it is mended */
	result_init(r, SEND_PAUSE, http_fail_names[res->fail], res->note);
	return RC_DENIED;
}

enum rc
attempt_build(const struct account *a, const struct outbox_item *it, unsigned int timeout_ms,
    struct http_req *req, struct send_result *r)
{
	const struct provider *p = provider_of(a);
	struct mem_arena arena = { 0 };
	struct att handed;
	struct outmsg m = message_of(it, &handed);
	enum rc rc;

	http_req_free(req);	/* the provider makes it afresh */
	if (a->use_mock) {
		sent_by_mock(r);
		return RC_NONE;
	}
	/* queued under another provider, which wrote the same address otherwise */
	m.recipient = attempt_recipient(a, it->msg.recipient, &arena);
	if (m.recipient == NULL)
		m.recipient = it->msg.recipient;
	rc = p->send_build ? p->send_build(a, &m, req) : RC_INVALID;
	mem_arena_free(&arena);
	if (rc != RC_OK) {
		result_init(
		    r, SEND_REFUSED, "unsupported", "this provider cannot send such a message");
		return RC_NONE;
	}
	req->timeout_ms = timeout_ms;
	/* ARCHITECTURE.md 6.8: libcurl repeats a POST on a reused connection */
	req->fresh = true;
	return RC_OK;
}

static enum send_outcome
outcome_by_status(int status)
{
	if (status == 429 || status == 500 || status == 503)
		return SEND_RETRY;
	if (status == 408 || status >= 500 || (status >= 200 && status < 300))
		return SEND_UNKNOWN;
	return SEND_PAUSE;	/* nothing says that this message is to blame */
}

void
attempt_read(const struct account *a, const struct outbox_item *it, const struct http_res *res,
    struct send_result *r)
{
	const struct provider *p = provider_of(a);
	struct att handed;
	const struct outmsg m = message_of(it, &handed);
	char code[64];

	if (res->fail == HTTP_FAIL_URL || res->fail == HTTP_FAIL_BLOCKED) {
		/* a mistake in the configuration: the queue is kept until it is mended */
		result_init(r, SEND_PAUSE, http_fail_names[res->fail], res->note);
		return;
	}
	if (res->fail != HTTP_FAIL_NONE || res->status == 0) {
		result_init(r, res->sent ? SEND_UNKNOWN : SEND_RETRY, http_fail_names[res->fail],
		    res->note);
		return;
	}
	memset(r, 0, sizeof *r);
	r->retry_after_s = -1;
	if (p->send_read == NULL || p->send_read(a, &m, res, r) != RC_OK) {
		snprintf(code, sizeof code, "http_%d", res->status);
		result_init(
		    r, outcome_by_status(res->status), code, "an answer of an unknown shape");
		r->retry_after_s = http_retry_after_s(res);
		r->grows = r->unclear = r->outcome == SEND_PAUSE;
		r->pause_s = r->outcome == SEND_PAUSE ? 60 : 0;
	}
	if (r->outcome == SEND_SENT && r->message_id[0] == '\0')
		r->outcome = SEND_ACCEPTED;
	/* no id where every message has one: its echo would be taken for another message */
	if (r->outcome == SEND_ACCEPTED && p->has_echo && it->msg.action == NULL) {
		r->outcome = SEND_UNKNOWN;
		snprintf(r->code, sizeof r->code, "no_id");
		snprintf(r->text, sizeof r->text, "a success without the message's id");
	}
}

bool
attempt_possible(const struct account *a, const struct outmsg *m)
{
	const struct provider *p = provider_of(a);
	struct http_req req = { 0 };
	enum rc rc;

	if (a->use_mock)
		return true;
	rc = p->send_build ? p->send_build(a, m, &req) : RC_INVALID;
	http_req_free(&req);
	return rc == RC_OK;
}

void
attempt_count(struct meter *m, const struct account *a, const struct send_result *r, int64_t ms)
{
	static const char *const names[SEND__MAX] = { "sent", "accepted", "retry", "unknown",
		"refused", "pause" };
	const char *labels[3] = { channel_names[a->channel], a->name, names[r->outcome] };

	meter_add(m, METER_SENDS, 1, labels);
	meter_time(m, METER_SEND, ms * 1000, labels);
}

const char *
attempt_recipient(const struct account *a, const char *id, struct mem_arena *arena)
{
	const struct provider *p = provider_of(a);

	if (str_empty(id) || strlen(id) > 512)
		return NULL;
	return p->recipient != NULL ? p->recipient(a, id, arena) : mem_arena_dup(arena, id);
}

const char *
attempt_national(struct db *db, const struct account *a, const char *id, struct mem_arena *arena)
{
	const struct provider *p = provider_of(a);
	struct strv bodies = { 0 };
	const char *own = NULL;
	char phone[PHONE_MAX + 1];

	if (str_empty(id) || p->own_phone == NULL ||
	    phone_national(id, strlen(id), NULL, NULL) == 0)
		return NULL;
	if (store_newest(db, a, &bodies) == RC_OK)
		for (size_t i = 0; i < bodies.n && own == NULL; i++)
			own = p->own_phone(a, bodies.v[i], strlen(bodies.v[i]), arena);
	strv_free(&bodies);
	return phone_national(id, strlen(id), own, phone) > 0 ? attempt_recipient(a, phone, arena) :
								NULL;
}

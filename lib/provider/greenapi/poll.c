/*
 * The queue of an instance (providers.md C.2): receive, store, commit, delete,
 * one notification after the other.  An account in webhook mode has no queue: its
 * check compares the journals of a day with what is stored (provider.reconcile_s).
 * So does, as often, a check that found the queue empty: what another program took
 * from it is in the journals only.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "extern/json.h"
#include "extern/jsonw.h"
#include "base/log.h"
#include "provider/greenapi/greenapi.h"
#include "base/str.h"

#define GREEN_WAIT_MIN_S 5 /* C.1: receiveTimeout=5..60 */
#define GREEN_WAIT_MAX_S 60
#define GREEN_SLACK_S 5 /* C.2: client timeout > receiveTimeout */
#define GREEN_ATTEMPTS_KEPT 4 /* successful requests listed of a check */
#define JOURNAL_S 3600 /* between comparisons of a queue with the journals */
#define JOURNAL_LEAST_MS 8000 /* one is begun only with so much time left */
#define JOURNAL_MAX_MS 30000
#define JOURNAL_YOUNG_US (180 * 1000000LL) /* the queue may still bring it */

/* --- polling ------------------------------------------------------------------- */

struct green_poll {
	char receipt[32];	/* to be deleted next; "" none */
	char last[32];		/* the one before: seen again = delete had no effect */
	unsigned int repeats;
	unsigned int delete_tries;
	size_t n;		/* notifications received */
	int64_t timeout_ms;	/* of the receive under way */
	bool deleting;		/* the request under way */
	bool over;
	bool compares;		/* the journals are asked now */
	bool due;		/* ... once the queue is empty */
	int journal;		/* which one is asked for next, 2: none */
};

static const char *const journals[] = { "lastIncomingMessages", "lastOutgoingMessages" };

static enum rc
green_poll_over(struct poll_state *st, struct green_poll *g, enum poll_outcome o, const char *hint)
{
	g->over = true;
	st->outcome = o;
	st->hint = hint;
	return RC_NONE;
}

/* The queue gave all that it has. */
static enum rc
green_poll_end(struct poll_state *st, struct green_poll *g)
{
	return green_poll_over(st, g, g->n > 0 ? POLL_MESSAGES : POLL_EMPTY, NULL);
}

/* Long poll (C.2): as long as the check has time for, within the vendor's bounds. */
static enum rc
green_build_receive(
    const struct account *a, struct poll_state *st, struct green_poll *g, struct http_req *out)
{
	unsigned int wait_s = st->long_poll_s;
	int64_t left_ms = st->deadline_ms ? st->deadline_ms - clock_mono_ms() : INT64_MAX;
	char tail[48];
	enum rc rc;

	if (g->due)	/* the journals need the time */
		wait_s = 0;
	if (left_ms / 1000 - GREEN_SLACK_S < (int64_t)wait_s)
		wait_s = left_ms / 1000 > GREEN_SLACK_S ?
		    (unsigned int)(left_ms / 1000 - GREEN_SLACK_S) :
		    0;
	if (wait_s > GREEN_WAIT_MAX_S)
		wait_s = GREEN_WAIT_MAX_S;
	if (wait_s < GREEN_WAIT_MIN_S)
		wait_s = GREEN_WAIT_MIN_S;
	/* a wait that cannot end in time is not begun, but for the first */
	if (g->n && left_ms < (int64_t)(wait_s + 1) * 1000)
		return green_poll_over(st, g, POLL_MESSAGES, NULL);
	snprintf(tail, sizeof tail, "?receiveTimeout=%u", wait_s);
	rc = green_request(a, "GET", "receiveNotification", tail, out);
	g->timeout_ms = (wait_s + GREEN_SLACK_S) * INT64_C(1000);
	if (rc == RC_OK)
		out->timeout_ms = (unsigned int)g->timeout_ms;
	g->deleting = false;
	return rc;
}

/* --- journals: what was there in the last day, by webhook or not ------------------ */

/* When the journals were last compared, for the next check of a queue. */
static void
green_journal_remember(struct poll_state *st)
{
	char m[48];

	snprintf(m, sizeof m, "{\"journals\":%" PRId64 "}", st->now_us / 1000000);
	st->new_memory = mem_arena_dup(&st->arena, m);
}

/* An hour since the last comparison, or the clock was set back; a person does not wait. */
static bool
green_journal_due(const struct poll_state *st)
{
	struct json *j = NULL;
	int64_t last_s = 0, now_s = st->now_us / 1000000;
	bool due;

	if (st->person)
		return false;
	due = st->memory == NULL || json_parse(st->memory, strlen(st->memory), &j, NULL) != RC_OK ||
	    json_i64(json_get(j, "journals"), &last_s) != RC_OK || last_s > now_s ||
	    now_s - last_s >= JOURNAL_S;
	json_free(j);
	return due;
}

static enum rc
green_journal_build(
    const struct account *a, struct poll_state *st, struct green_poll *g, struct http_req *out)
{
	int64_t left_ms = st->deadline_ms ? st->deadline_ms - clock_mono_ms() : INT64_MAX;
	enum rc rc;

	st->only_missing = true;
	if (g->journal > 0 && !st->stored)
		return green_poll_over(st, g, POLL_FAILED, "not_stored");
	if (g->journal == 2) {
		if (a->poll_s > 0)
			green_journal_remember(st);
		return green_poll_end(st, g);
	}
	if (a->poll_s > 0 && left_ms < JOURNAL_LEAST_MS)	/* the next check's */
		return green_poll_end(st, g);
	st->wait_ms = g->journal == 0 ? 0 : 1100;
	rc = green_request(a, "GET", journals[g->journal], "?minutes=1440", out);
	if (rc == RC_OK) {
		out->timeout_ms = a->poll_s > 0 && left_ms - 2500 < JOURNAL_MAX_MS ?
		    (unsigned int)(left_ms - 2500) :
		    JOURNAL_MAX_MS;
		out->max_answer = 16UL << 20;
	}
	return rc;
}

/* The list that lastIncomingMessages and lastOutgoingMessages answer, as the notifications
 * that it is made of. */
static void
green_journal(const struct account *a, const struct json *j, struct itemv *out)
{
	for (size_t i = 0; i < json_len(j); i++) {
		struct mem_arena arena = { 0 };
		struct json *note = NULL;
		struct buf b;

		buf_init(&b, 1 << 20);
		if (json_type(json_at(j, i)) == JSON_OBJECT) {
			green_journal_note(a->own_id, &arena, json_at(j, i), &b);
			if (!buf_err(&b) && json_parse(b.p, b.n, &note, NULL) == RC_OK)
				green_item(note, out);
		}
		json_free(note);
		buf_free(&b);
		mem_arena_free(&arena);
	}
	itemv_in_time(out, 0, true);
}

/* An answer kept in the ledger: a journal's list, or a notification. */
enum rc
green_parse_polled(
    const struct account *a, const char *content_type, const char *p, size_t n, struct itemv *out)
{
	struct json *j = NULL;
	enum rc rc;

	if (json_parse(p, n, &j, NULL) == RC_OK && json_type(j) == JSON_ARRAY &&
	    a->own_id != NULL && json_get(json_at(j, 0), "typeWebhook") == NULL &&
	    json_len(j) > 0) {
		green_journal(a, j, out);
		rc = out->n > 0 ? RC_OK : RC_INVALID;
	} else {
		rc = green_parse(a, content_type, p, n, out);
	}
	json_free(j);
	return rc;
}

enum rc
green_poll_build(const struct account *a, struct poll_state *st, struct http_req *out)
{
	struct green_poll *g = st->priv;
	char tail[48];

	if (!g) {
		st->priv = g = mem_arena_alloc(&st->arena, sizeof *g);
		memset(g, 0, sizeof *g);
		g->compares = a->poll_s == 0;
		g->due = !g->compares && green_journal_due(st);
	}
	st->wait_ms = 0;
	if (g->over)
		return RC_NONE;
	if (!green_configured(a))
		return green_poll_over(st, g, POLL_FAILED, "not_configured");
	if (g->compares)
		return green_journal_build(a, st, g, out);
	if (g->receipt[0]) {
		/* receive, store, commit, delete: never the other way round */
		if (!st->stored)
			return green_poll_over(st, g, POLL_FAILED, "not_stored");
		snprintf(tail, sizeof tail, "/%s", g->receipt);
		g->deleting = true;
		return green_request(a, "DELETE", "deleteNotification", tail, out);
	}
	return green_build_receive(a, st, g, out);
}

static void
green_attempt(const struct account *a, struct poll_state *st, const struct green_poll *g,
    const struct http_res *res, const char *note)
{
	struct poll_attempt *at;
	bool good = res->status == 200 && !note[0];

	if (good && st->n_attempts >= GREEN_ATTEMPTS_KEPT)
		return;
	at = poll_attempt_add(st);
	at->url = green_masked(&st->arena, a,
	    g->compares	    ? journals[g->journal] :
		g->deleting ? "deleteNotification" :
			      "receiveNotification",
	    "");
	at->auth = "";
	at->status = res->status;
	at->ms = res->ms;
	at->note = mem_arena_dup(&st->arena, note);
}

/* A failure ends the check; what was stored before stays stored. */
static void
green_poll_fail(const struct account *a, struct poll_state *st, struct green_poll *g,
    const struct http_res *res)
{
	char words[160];
	const struct green_error *e;
	int asked = http_retry_after_s(res);

	if (res->fail != HTTP_FAIL_NONE) {
		green_attempt(a, st, g, res, http_fail_names[res->fail]);
		(void)green_poll_over(st, g, POLL_FAILED, "unreachable");
		return;
	}
	green_words(res, words, sizeof words);
	e = green_error(res->status, words);
	green_attempt(a, st, g, res, words[0] ? words : e ? e->code : "unexpected");
	(void)green_poll_over(st, g, POLL_FAILED, e ? e->code : "wrong_url");
	if (e && (res->status == 429 || res->status == 466))
		st->pause_s = asked > e->pause_s ? asked : e->pause_s;
}

/* The receipt of an answer whose JSON is broken, so that it can be deleted. */
static bool
green_salvage_receipt(const char *p, char out[32])
{
	const char *s = strstr(p, "\"receiptId\"");
	size_t n;

	if (!s)
		return false;
	s += strlen("\"receiptId\"");
	s += strspn(s, " \t\r\n:\"");
	n = strspn(s, "0123456789");
	if (!n || n > 30)
		return false;
	memcpy(out, s, n);
	out[n] = '\0';
	return true;
}

/* What we cannot read is an event with its text as raw: kept, then deleted. */
static void
green_keep_raw(struct itemv *out, const char *p, size_t n)
{
	struct item *it = itemv_add(out);
	struct jsonw w;
	struct buf b;

	buf_init(&b, n * 6 + 64);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_strn(&w, "text", p, n);
	jsonw_end(&w);
	it->type = ITEM_EVENT;
	it->kind = "unknown";
	it->raw = jsonw_done(&w) ? mem_arena_dup(&out->arena, b.p) : "{}";
	buf_free(&b);
}

static void
green_read_body(const struct json *j, struct itemv *out)
{
	const struct json *body = json_get(j, "body");
	struct mem_arena arena = { 0 };
	const char *raw;

	if (json_type(body) == JSON_OBJECT) {
		green_item(body, out);
		return;
	}
	raw = json_raw(&arena, j);
	green_keep_raw(out, raw, strlen(raw));
	mem_arena_free(&arena);
}

/* true: a notification is in out and g->receipt names it */
static bool
green_read_notification(
    struct green_poll *g, const struct http_res *res, struct itemv *out, bool *bad)
{
	struct json *j = NULL;
	struct mem_arena arena = { 0 };
	const char *p = res->body, *id;
	size_t n = res->body_n;

	*bad = false;
	str_trim(&p, &n);
	if (n == 0)
		return false;
	if (json_parse(p, n, &j, NULL) != RC_OK) {
		if (green_salvage_receipt(p, g->receipt))
			green_keep_raw(out, p, n);
		else
			*bad = true;
		return !*bad;
	}
	id = json_text(&arena, json_get(j, "receiptId"));
	if (id && str_charset(id, 1, sizeof g->receipt - 1, "")) {
		snprintf(g->receipt, sizeof g->receipt, "%s", id);
		green_read_body(j, out);
	} else if (json_get(j, "status") && !json_bool(json_get(j, "status"), true)) {
		*bad = true;	/* C.5: 200 {"status":false,"reason":…} */
	}
	json_free(j);
	mem_arena_free(&arena);
	return g->receipt[0] != '\0';
}

static void
green_read_receive(const struct account *a, struct poll_state *st, struct green_poll *g,
    const struct http_res *res, struct itemv *out)
{
	bool bad;

	/* a long poll that the end of our own time cut short is no failure */
	if (res->fail == HTTP_FAIL_TIMEOUT && res->sent && res->ms + 100 < g->timeout_ms) {
		green_attempt(a, st, g, res, "cut");
		(void)green_poll_end(st, g);
		return;
	}
	if (res->fail != HTTP_FAIL_NONE || res->status != 200) {
		green_poll_fail(a, st, g, res);
		return;
	}
	if (green_read_notification(g, res, out, &bad)) {
		green_attempt(a, st, g, res, "");
		g->n++;
		g->delete_tries = 0;
		g->repeats = str_eq(g->last, g->receipt) ? g->repeats + 1 : 0;
		snprintf(g->last, sizeof g->last, "%s", g->receipt);
		st->stored = false;
		if (g->repeats >= 3) {
			/* deleted three times and still there: asking on is no use now */
			out->n = 0;
			g->receipt[0] = '\0';
			(void)green_poll_over(st, g, POLL_FAILED, "stuck_queue");
		}
		return;
	}
	if (bad) {
		green_poll_fail(a, st, g, res);
		if (res->body_n && res->body[0] == '<')
			st->hint = "wrong_url";
		return;
	}
	green_attempt(a, st, g, res, "");
	if (g->due)
		g->compares = true;
	else
		(void)green_poll_end(st, g);
}

/* C.1: result:false and a 500 that names findUnAckedMessage = already gone. */
static void
green_read_delete(const struct account *a, struct poll_state *st, struct green_poll *g,
    const struct http_res *res)
{
	bool gone = res->fail == HTTP_FAIL_NONE && res->status == 500 &&
	    strstr(res->body, "findUnAckedMessage");

	if (gone || (res->fail == HTTP_FAIL_NONE && res->status == 200)) {
		green_attempt(a, st, g, res, gone ? "already_gone" : "");
		g->receipt[0] = '\0';
		return;
	}
	/* one more try for a passing trouble; the row's key keeps a repetition single */
	if (++g->delete_tries < 2 && (res->fail != HTTP_FAIL_NONE || res->status >= 500)) {
		green_attempt(a, st, g, res,
		    res->fail != HTTP_FAIL_NONE ? http_fail_names[res->fail] : "retried");
		st->wait_ms = 500;
		return;
	}
	g->receipt[0] = '\0';
	green_poll_fail(a, st, g, res);
}

/* A queue that was read is read, whatever the journals answer: the next hour asks again. */
static void
green_journal_fail(const struct account *a, struct poll_state *st, struct green_poll *g,
    const struct http_res *res)
{
	green_poll_fail(a, st, g, res);
	if (a->poll_s == 0)
		return;
	log_warn("⚠️ WhatsApp [%s]: the journals could not be compared (%s, status %d)",
	    a->name, st->hint != NULL ? st->hint : "unexpected", res->status);
	st->pause_s = 0;
	st->stored = true;
	green_journal_remember(st);
	(void)green_poll_end(st, g);
}

/* What the queue may still bring is the queue's. */
static void
green_journal_settled(struct itemv *v, int64_t now_us)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++)
		if (!v->v[i].at_known || v->v[i].at_us < now_us - JOURNAL_YOUNG_US)
			v->v[n++] = v->v[i];
	v->n = n;
}

static void
green_read_journal(const struct account *a, struct poll_state *st, struct green_poll *g,
    const struct http_res *res, struct itemv *out)
{
	struct json *j = NULL;

	st->stored = false;
	if (res->fail != HTTP_FAIL_NONE || res->status != 200 ||
	    json_parse(res->body, res->body_n, &j, NULL) != RC_OK || json_type(j) != JSON_ARRAY) {
		green_journal_fail(a, st, g, res);
		json_free(j);
		return;
	}
	green_attempt(a, st, g, res, "");
	green_journal(a, j, out);
	if (a->poll_s > 0)
		green_journal_settled(out, st->now_us);
	g->n += out->n;
	g->journal++;
	st->stored = out->n == 0;
	json_free(j);
}

enum rc
green_poll_read(
    const struct account *a, const struct http_res *res, struct poll_state *st, struct itemv *out)
{
	struct green_poll *g = st->priv;

	if (!g)
		return RC_BUG;
	if (g->compares)
		green_read_journal(a, st, g, res, out);
	else if (g->deleting)
		green_read_delete(a, st, g, res);
	else
		green_read_receive(a, st, g, res, out);
	return RC_OK;
}

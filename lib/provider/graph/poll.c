/*
 * Reconciliation (providers.md B.9): the conversations, newest first, then the
 * messages of those that changed.  Which message is missing is decided by its
 * id, never by a time; what is remembered of a conversation (its updated_time)
 * only saves calls.  Two seconds rules shape it:
 *  - updated_time has no fractions, so a conversation that changed within the
 *    last minute is not remembered and read once more;
 *  - two calls a second is the limit, so a long list is worked off over several
 *    checks ("more" in the memory).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "provider/graph/graph.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "extern/jsonw.h"

#define CALL_MS 510		/* two calls a second, B.8 */
#define PAGE 25
#define PAGES_MAX 8
#define CONV_MAX 200		/* conversations remembered */
#define SETTLED_US (60 * 1000000LL)
#define SLACK_MS 1500		/* a request is not begun with less time left */
#define FAILURES_MAX 3
#define AGAIN_MS 1100		/* after code 613: look-ups share the two calls a second */
#define AGAIN_MAX 3
#define DETAILED 20		/* messages of a conversation that have details, B.9 */
#define LATE_MAX 64		/* unreadable conversations remembered */
#define ATTEMPTS_MAX 40		/* shown and kept; the rest is counted in the log */

struct conv {
	const char *id, *updated;
	int64_t updated_us;
	unsigned int page;	/* messages asked for at once; 0: as many as they give */
	bool known;	/* unchanged since an earlier check, or read in this one */
	bool late;	/* could not be read: the others come first */
};

enum step { STEP_OWN, STEP_LIST, STEP_READ, STEP_END };

struct walk {
	enum step step;
	const char *own;
	const char *cursor;	/* next page; NULL: the first */
	unsigned int pages;
	bool more_before, more;	/* unread ones are left: from the memory; for it */
	struct conv old[CONV_MAX], v[CONV_MAX];
	size_t n_old, n, at;
	bool in_flight;		/* v[at] was asked for */
	bool gave_items;	/* ... and has items that must be stored first */
	unsigned int failures, agains;
	bool again;		/* the last request is to be repeated */
	bool any_items;
	bool proved;		/* own is what /me says, not only what is configured */
	unsigned int list_page;	/* conversations asked for at once */
	const char *after;	/* of v[at]: its next page of messages; NULL the first */
	unsigned int read;	/* ... and how many came before it */
	unsigned int proofs;	/* appsecret_proofs refused in this check */
	const char *late[LATE_MAX];	/* conversations that the last check could not read */
	size_t n_late;
};

/* What an earlier check learned of c: the size of its page, and whether it is
 * unchanged since. */
static bool
memory_knows(const struct walk *w, struct conv *c)
{
	for (size_t i = 0; i < w->n_old; i++) {
		if (strcmp(w->old[i].id, c->id) != 0)
			continue;
		c->page = w->old[i].page;
		return c->updated[0] != '\0' && strcmp(w->old[i].updated, c->updated) == 0;
	}
	return false;
}

/* A page size that was remembered; def where it makes no sense. */
static unsigned int
page_size(const struct json *j, unsigned int def)
{
	int64_t n;

	return json_i64(j, &n) == RC_OK && n > 0 && n <= PAGE ? (unsigned int)n : def;
}

static void
memory_read(struct poll_state *st, struct walk *w)
{
	struct json *j = NULL;
	const struct json *convs, *late, *v;
	const char *key;

	if (st->memory == NULL || json_parse(st->memory, strlen(st->memory), &j, NULL) != RC_OK)
		return;
	w->more_before = json_bool(json_get(j, "more"), false);
	w->own = json_text(&st->arena, json_get(j, "own"));
	w->proved = w->own != NULL;
	w->list_page = page_size(json_get(j, "page"), PAGE);
	convs = json_member(j, "conv");
	for (struct json_iter i = { NULL };
	     w->n_old < CONV_MAX && json_each(convs, &i, &key, &v);) {
		struct conv *c = &w->old[w->n_old];

		c->id = mem_arena_dup(&st->arena, key);
		c->updated = json_text(&st->arena, v);
		c->page = page_size(json_member(json_member(j, "pages"), key), 0);
		if (c->updated != NULL)
			w->n_old++;
	}
	late = json_member(j, "late");
	for (size_t i = 0; i < json_len(late) && w->n_late < LATE_MAX; i++)
		w->late[w->n_late++] = json_text(&st->arena, json_at(late, i));
	json_free(j);
}

/* Those that the next check reads last; no member where there are none. */
static void
late_write(struct jsonw *out, const struct walk *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n && n < LATE_MAX; i++) {
		if (!w->v[i].late || w->v[i].known)
			continue;
		if (n++ == 0)
			jsonw_array(out, "late");
		jsonw_str(out, NULL, w->v[i].id);
	}
	if (n > 0)
		jsonw_end(out);
}

/* What the next check may skip. */
static void
memory_write(struct poll_state *st, const struct walk *w)
{
	struct jsonw out;
	struct buf b;
	bool any = false;

	buf_init(&b, 256 * 1024);
	jsonw_init(&out, &b);
	jsonw_object(&out, NULL);
	if (w->proved)
		jsonw_str(&out, "own", w->own);
	if (w->list_page < PAGE)
		jsonw_i64(&out, "page", w->list_page);
	jsonw_object(&out, "conv");
	for (size_t i = 0; i < w->n; i++) {
		const struct conv *c = &w->v[i];
		bool settled = c->known && c->updated_us <= st->now_us - SETTLED_US;

		/* one with pages of its own is remembered by them, as changed */
		if (settled || c->page > 0)
			jsonw_str(&out, c->id, settled ? c->updated : "");
		any |= c->page > 0;
	}
	jsonw_end(&out);
	if (any) {
		jsonw_object(&out, "pages");
		for (size_t i = 0; i < w->n; i++)
			if (w->v[i].page > 0)
				jsonw_i64(&out, w->v[i].id, w->v[i].page);
		jsonw_end(&out);
	}
	late_write(&out, w);
	jsonw_bool(&out, "more", w->more);
	jsonw_end(&out);
	if (jsonw_done(&out))
		st->new_memory = mem_arena_ndup(&st->arena, b.p, b.n);
	buf_free(&b);
}

static struct walk *
walk_get(struct poll_state *st)
{
	struct walk *w = st->priv;

	if (w != NULL)
		return w;
	w = st->priv = mem_arena_alloc(&st->arena, sizeof(*w));
	memset(w, 0, sizeof(*w));
	w->list_page = PAGE;
	memory_read(st, w);
	/* whose side is which hangs on the own id alone: it is proved by /me before a
	 * row is written, once for each configuration */
	w->step = w->proved ? STEP_LIST : STEP_OWN;
	st->only_missing = true;
	st->outcome = POLL_EMPTY;
	return w;
}

/* Conversations beyond the pages listed stay in the memory. */
static void
keep_old(struct walk *w)
{
	for (size_t i = 0; i < w->n_old && w->n < CONV_MAX; i++) {
		bool listed = false;

		for (size_t k = 0; k < w->n && !listed; k++)
			listed = strcmp(w->v[k].id, w->old[i].id) == 0;
		if (!listed) {
			w->v[w->n] = w->old[i];
			w->v[w->n].known = true;
			w->v[w->n++].updated_us = 0;
		}
	}
}

/* The check is over; st->outcome says how. */
static void
finish(struct poll_state *st, struct walk *w)
{
	if (w->step == STEP_LIST && w->n > 0) {
		w->more = true;
		keep_old(w);
	}
	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].known)
			w->more = true;
	if (w->n > 0 || st->outcome != POLL_FAILED)
		memory_write(st, w);
	if (st->outcome == POLL_EMPTY && w->any_items)
		st->outcome = POLL_MESSAGES;
	w->step = STEP_END;
}

static void
fail(struct poll_state *st, struct walk *w, const char *hint)
{
	st->outcome = POLL_FAILED;
	st->hint = hint;
	finish(st, w);
}

/* The conversation asked for last is done once its items are durable. */
static void
settle(struct poll_state *st, struct walk *w)
{
	if (!w->in_flight)
		return;
	w->in_flight = false;
	if (w->gave_items && !st->stored)
		w->after = NULL;	/* what lies below waits for the next check */
	else if (w->after == NULL)
		w->v[w->at].known = true;
	w->gave_items = false;
	if (w->after == NULL) {
		w->read = 0;
		w->at++;
	}
}

static enum rc
list_build(const struct account *a, const struct walk *w, struct http_req *out)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, 16 * 1024);
	/* B.9: graph.facebook.com needs the platform, the other host takes it */
	buf_printf(&b, "me/conversations?platform=instagram&fields=id,updated_time&limit=%u",
	    w->list_page);
	if (w->cursor != NULL) {
		buf_puts(&b, "&after=");
		http_url_encode(&b, w->cursor);
	}
	rc = graph_req(a, "GET", b.p, out);
	buf_free(&b);
	return rc;
}

/* A conversation's messages; below the first page as a list of their own. */
static enum rc
conv_build(const struct account *a, const struct walk *w, struct http_req *out)
{
	const struct conv *c = &w->v[w->at];
	struct buf b;
	enum rc rc;

	buf_init(&b, 16 * 1024);
	http_url_encode(&b, c->id);
	if (w->after != NULL) {
		buf_printf(
		    &b, "/messages?fields=" GRAPH_MESSAGE_FIELDS "&limit=%u&after=", c->page);
		http_url_encode(&b, w->after);
	} else if (c->page > 0) {
		buf_printf(
		    &b, "?fields=messages.limit(%u)%%7B" GRAPH_MESSAGE_FIELDS "%%7D", c->page);
	} else {
		buf_puts(&b, "?fields=messages%7B" GRAPH_MESSAGE_FIELDS "%7D");
	}
	rc = graph_req(a, "GET", b.p, out);
	buf_free(&b);
	return rc;
}

static enum rc
step_build(const struct account *a, struct walk *w, struct http_req *out)
{
	switch (w->step) {
	case STEP_OWN:
		return graph_req(a, "GET",
		    graph_product(a) == GRAPH_LOGIN ?
			"me?fields=id,user_id,username" :
			"me?fields=id,name,instagram_business_account",
		    out);
	case STEP_LIST:
		return list_build(a, w, out);
	case STEP_READ:
		w->in_flight = true;
		return conv_build(a, w, out);
	case STEP_END:
		break;
	}
	return RC_NONE;
}

enum rc
graph_poll_build(const struct account *a, struct poll_state *st, struct http_req *out)
{
	struct walk *w = walk_get(st);
	int64_t left = st->deadline_ms - clock_mono_ms();
	struct account acc = *a;
	enum rc rc;

	acc.proof = st->proof;

	if (str_empty(a->token)) {
		st->outcome = POLL_FAILED;
		st->hint = "no_token";
		return RC_NONE;
	}
	settle(st, w);
	if (w->step == STEP_READ) {
		while (w->at < w->n && w->v[w->at].known)
			w->at++;
		if (w->at == w->n)
			finish(st, w);
	}
	/* out of time: the rest is the next check's */
	if (w->step != STEP_END && st->deadline_ms > 0 && st->step > 0 && left < SLACK_MS)
		finish(st, w);
	if (w->step == STEP_END)
		return RC_NONE;
	if ((rc = step_build(&acc, w, out)) != RC_OK)
		return rc;
	st->wait_ms = st->step++ == 0 ? 0 : w->again ? AGAIN_MS : CALL_MS;
	w->again = false;
	if (st->deadline_ms > 0 && left > 0 && left < 10000)
		out->timeout_ms = (unsigned int)left;
	return RC_OK;
}

/* --- answers ------------------------------------------------------------------- */

static void
attempt(const struct account *a, struct poll_state *st, const struct walk *w,
    const struct http_res *res, const char *note)
{
	struct poll_attempt *at;
	struct buf b;

	if (st->n_attempts >= ATTEMPTS_MAX && note[0] == '\0')
		return;
	buf_init(&b, 8192);
	buf_printf(&b, "%s/%s%s", graph_base(a),
	    graph_own(a)->version != NULL ? graph_own(a)->version : "",
	    str_empty(graph_own(a)->version) ? "" : "/");
	buf_puts(&b,
	    w->step == STEP_OWN	     ? "me" :
		w->step == STEP_LIST ? "me/conversations" :
		w->at < w->n	     ? w->v[w->at].id :
				       "");
	at = poll_attempt_add(st);
	at->url = mem_arena_ndup(&st->arena, b.p, b.n);
	at->auth = "Authorization: Bearer";
	at->status = res->status;
	at->ms = res->ms;
	at->note = mem_arena_dup(&st->arena, note);
	buf_free(&b);
}

/* The hint and pause an error of the account itself has; NULL where the error
 * is of one request only. */
static const char *
account_error(struct poll_state *st, const struct graph_error *e)
{
	switch (e->class) {
	case GRAPH_TOKEN:
		return "wrong_token";
	case GRAPH_RATE:
		st->pause_s = e->pause_s > 0 ? e->pause_s : 60;
		return "rate_limited";
	case GRAPH_RIGHT:
		return "no_permission";
	case GRAPH_PROOF:
		return "appsecret_proof";
	default:
		return NULL;
	}
}

/* The own id: user_id is what webhooks and from.id use; id alone is app-scoped
 * at Instagram Login, and the Page's at the other product (B.10): it proves
 * nothing but what is equal to it. */
static void
own_read(const struct account *a, struct poll_state *st, struct walk *w, const struct json *j)
{
	bool login = graph_product(a) == GRAPH_LOGIN;
	const struct json *o = json_get(j, "data") != NULL ? json_at(json_get(j, "data"), 0) : j;
	const char *id = json_text(&st->arena, json_get(o, "id"));
	const char *own = json_text(
	    &st->arena, json_get(o, login ? "user_id" : "instagram_business_account.id"));

	if (own != NULL && !str_empty(a->own_id) && !str_eq(a->own_id, own)) {
		log_warn("%s: INSTAGRAM_PAGE_ID is %s, the token belongs to %s: nothing is read",
		    a->name, a->own_id, own);
		fail(st, w, "wrong_page_id");
		return;
	}
	w->proved = own != NULL || (id != NULL && str_eq(a->own_id, id));
	w->own = own != NULL	  ? own :
	    !str_empty(a->own_id) ? mem_arena_dup(&st->arena, a->own_id) :
	    login		  ? id :
				    NULL;
	if (w->own == NULL)
		fail(st, w, "no_instagram");
	else
		w->step = STEP_LIST;
}

static void
list_read(struct poll_state *st, struct walk *w, const struct json *j)
{
	const struct json *data = json_get(j, "data");
	bool changed = false;

	for (size_t i = 0; i < json_len(data) && w->n < CONV_MAX; i++) {
		struct conv *c = &w->v[w->n];
		const struct json *o = json_at(data, i);

		c->id = json_text(&st->arena, json_get(o, "id"));
		c->updated = json_text(&st->arena, json_get(o, "updated_time"));
		if (c->id == NULL)
			continue;
		if (c->updated == NULL ||
		    clock_parse(c->updated, strlen(c->updated), &c->updated_us) != RC_OK) {
			c->updated = "";
			c->updated_us = st->now_us;	/* never remembered */
		}
		c->known = memory_knows(w, c);
		changed |= !c->known;
		w->n++;
	}
	w->cursor = json_text(&st->arena, json_get(j, "paging.cursors.after"));
	/* older pages only where this one is all news, or some were left last time */
	if (json_get(j, "paging.next") != NULL && w->cursor != NULL && json_len(data) > 0 &&
	    (changed || w->more_before) && w->n < CONV_MAX) {
		if (++w->pages < PAGES_MAX)
			return;
		w->more = true;
	}
	/* what the memory knew of conversations further down stays known */
	w->step = STEP_READ;
	w->at = 0;
}

/* What could not be read last time comes behind the others, else three such conversations
 * would end every check before those below. */
static void
late_last(struct walk *w)
{
	size_t n = 0, k = 0;
	struct conv *rest = mem_array(w->n + 1, sizeof *rest);

	for (size_t i = 0; i < w->n; i++) {
		bool late = false;

		for (size_t l = 0; l < w->n_late && !late; l++)
			late = str_eq(w->late[l], w->v[i].id);
		if (late)
			rest[k++] = w->v[i];
		else
			w->v[n++] = w->v[i];
	}
	memcpy(w->v + n, rest, k * sizeof *rest);
	free(rest);
}

static void
conv_read(struct poll_state *st, struct walk *w, const struct json *j, struct itemv *out)
{
	const struct json *m = json_member(j, "messages") != NULL ? json_member(j, "messages") : j;
	const struct json *list = json_get(m, "data");

	/* beyond the newest 20 there are only ids: nothing to keep */
	for (size_t i = 0; i < json_len(list); i++)
		if (graph_message(w->own, json_at(list, i), out) != RC_OK)
			continue;
	itemv_in_time(out, 0, true);
	w->gave_items = out->n > 0;
	w->any_items |= w->gave_items;
	w->failures = 0;
	w->read += (unsigned int)json_len(list);
	w->after = w->v[w->at].page > 0 && json_len(list) > 0 && w->read < DETAILED ?
	    json_text(&st->arena, json_get(m, "paging.cursors.after")) :
	    NULL;
}

/* May it have been too much for them, for the line or for us?  Their words for it are in the
 * language of whose token it is: code 1 in whatever words; of a conversation, also an answer
 * that did not come (a list of ids is never large). */
static bool
too_much(const struct walk *w, const struct graph_error *e, const struct http_res *res)
{
	if (e->class == GRAPH_LESS || str_eq(e->code, "1") || str_starts(e->code, "1/"))
		return true;
	return w->step == STEP_READ &&
	    (e->class == GRAPH_UNKNOWN || res->status == 524 || res->fail == HTTP_FAIL_TIMEOUT ||
		res->fail == HTTP_FAIL_TOO_BIG || res->fail == HTTP_FAIL_CUT);
}

/* Half of it, remembered for this list or conversation.  False where it was one already: then
 * it was not the size, unless they say so. */
static bool
ask_less(struct walk *w, enum graph_class class)
{
	bool list = w->step == STEP_LIST;
	unsigned int *page = list ? &w->list_page : &w->v[w->at].page;

	if (w->step == STEP_OWN)
		return false;
	if (*page == 0)
		*page = PAGE;
	if (*page == 1) {
		if (class != GRAPH_LESS)
			*page = list ? PAGE : 0;
		return false;
	}
	*page /= 2;
	w->again = true;
	w->in_flight = false;
	return true;
}

/* The own id could not be asked for: a passing trouble ends the check; a refusal
 * leaves what is configured. */
static void
own_failed(const struct account *a, struct poll_state *st, struct walk *w,
    const struct graph_error *e, const struct http_res *res)
{
	if (e->class == GRAPH_RETRY || e->class == GRAPH_UNKNOWN || e->class == GRAPH_LESS) {
		fail(st, w, res->status != 0 ? "bad_answer" : "unreachable");
	} else if (str_empty(a->own_id)) {
		fail(st, w, "no_instagram");
	} else {
		w->own = mem_arena_dup(&st->arena, a->own_id);
		w->step = STEP_LIST;
	}
}

/* An error of this one request: a conversation that is gone is done with, any
 * other is tried again at the next check; three in a row end this one. */
static void
one_failed(const struct account *a, struct poll_state *st, struct walk *w,
    const struct graph_error *e, const struct http_res *res)
{
	if (too_much(w, e, res) && ask_less(w, e->class))
		return;
	if (w->step == STEP_OWN) {
		own_failed(a, st, w, e, res);
		return;
	}
	if (w->step == STEP_LIST || (e->class != GRAPH_LESS && ++w->failures >= FAILURES_MAX)) {
		w->v[w->at].late |= w->step == STEP_READ;
		fail(st, w,
		    e->class != GRAPH_RETRY && e->class != GRAPH_UNKNOWN ? "refused" :
			res->status != 0				 ? "bad_answer" :
									   "unreachable");
		return;
	}
	/* one message that is too much for them cannot be had: what lies below can */
	w->v[w->at].late = true;
	w->v[w->at].known = e->class == GRAPH_GONE || e->class == GRAPH_FAIL ||
	    e->class == GRAPH_LESS;
	w->in_flight = false;
	w->after = NULL;
	w->read = 0;
	w->at++;
}

/* Another of the app secrets, or none, may prove the calls. */
static bool
next_proof(const struct account *a, struct poll_state *st, struct walk *w)
{
	if (++w->proofs >= graph_proofs(a))
		return false;
	st->proof = (st->proof + 1) % graph_proofs(a);
	w->again = true;
	w->in_flight = false;
	return true;
}

enum rc
graph_poll_read(
    const struct account *a, const struct http_res *res, struct poll_state *st, struct itemv *out)
{
	struct walk *w = walk_get(st);
	struct graph_error e;
	struct json *j = NULL;
	const char *hint;
	int64_t usage;

	st->stored = false;
	if (res->fail == HTTP_FAIL_NONE && json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		j = NULL;
	graph_error_read(res, j, &e);
	if (e.class == GRAPH_FINE && json_type(j) != JSON_OBJECT) {
		e.class = GRAPH_RETRY;
		snprintf(e.code, sizeof(e.code), "not_json");
	}
	attempt(a, st, w, res, e.class == GRAPH_FINE ? "" : e.code);
	if (e.class == GRAPH_RATE && strcmp(e.code, "613") == 0 && w->agains < AGAIN_MAX) {
		/* the calls of this second are used up, by a check just before this one or
		 * by look-ups: no reason to rest, ask again a second later */
		w->agains++;
		w->again = true;
		w->in_flight = false;
	} else if (e.class == GRAPH_PROOF && next_proof(a, st, w)) {
		;
	} else if (e.class != GRAPH_FINE) {
		if ((hint = account_error(st, &e)) != NULL)
			fail(st, w, hint);
		else
			one_failed(a, st, w, &e, res);
	} else if (w->step == STEP_OWN) {
		own_read(a, st, w, j);
	} else if (w->step == STEP_LIST) {
		list_read(st, w, j);
		if (w->step == STEP_READ) {
			keep_old(w);
			late_last(w);
		}
	} else if (w->step == STEP_READ) {
		conv_read(st, w, j, out);
	}
	usage = meta_usage_pause_s(res);
	if (usage > st->pause_s)
		st->pause_s = usage;
	/* cut by the deadline: poll_build will not be asked again */
	if (w->step != STEP_END && st->deadline_ms > 0 && clock_mono_ms() >= st->deadline_ms)
		finish(st, w);
	json_free(j);
	return RC_OK;
}

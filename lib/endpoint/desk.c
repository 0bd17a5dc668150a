/*
 * The inbox page's conversations: parameters in, store/desk.h, JSON out.
 */
#include "endpoint/desk.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "bridge/attempt.h"
#include "endpoint/media.h"
#include "endpoint/session.h"
#include "model/auth.h"
#include "model/provider.h"
#include "store/desk.h"
#include "store/upload.h"

#define ANSWER_MAX (16u << 20)
#define PAGE_DEFAULT 50
enum { LABELS_MAX = 20, LABEL_CHARS = 40, NAME_CHARS = 60, WORDS_CHARS = 10000 };

static struct db *
db_of(struct endpoint_env *e)
{
	return ctx_db(e->ctx, e->conf, e->thread);
}

static const char *
param(struct endpoint_env *e, const char *name)
{
	const char *s = http_query_get(&e->arena, e->req->query, name);

	return s != NULL ? s : "";
}

/* The accounts of the configuration that channel= and account= leave. */
static void
scope_of(struct endpoint_env *e, struct desk_scope *s)
{
	const char *channel = param(e, "channel"), *account = param(e, "account");

	*s = (struct desk_scope){ .who = e->caller.sub };
	for (size_t i = 0; i < e->conf->n_accounts; i++) {
		const struct account *a = &e->conf->accounts[i];
		const char *ch = channel_names[a->channel];

		if ((*channel != '\0' && !str_eq(channel, ch)) ||
		    (*account != '\0' && !str_eq(account, a->name)))
			continue;
		strv_add(&s->accounts, a->name, strlen(a->name));
		strv_add(&s->channels, ch, strlen(ch));
	}
}

static void
scope_free(struct desk_scope *s)
{
	strv_free(&s->accounts);
	strv_free(&s->channels);
}

/* limit, and one place of the list; false: the answer says which is wrong. */
static bool
limit_of(struct endpoint_env *e, size_t *limit)
{
	const char *text = param(e, "limit");
	int64_t n = PAGE_DEFAULT;

	if (*text != '\0' && (str_i64(text, &n) != RC_OK || n < 1)) {
		endpoint_error(
		    e, 422, "bad_limit", "limit must be a number from 1 to %d", VIEW_PAGE_MAX);
		return false;
	}
	*limit = n > VIEW_PAGE_MAX ? VIEW_PAGE_MAX : (size_t)n;
	return true;
}

static bool
place_of(struct endpoint_env *e, const char *name, struct view_cursor *c)
{
	if (view_cursor_parse(param(e, name), c) == RC_OK)
		return true;
	endpoint_error(e, 422, "bad_cursor", "%s takes the value of next or prev, or an id", name);
	return false;
}

static bool
id_of(struct endpoint_env *e, const char *name, int64_t *id)
{
	if (str_i64(param(e, name), id) == RC_OK && *id > 0)
		return true;
	endpoint_error(e, 422, "bad_conversation", "%s must be the id of a conversation", name);
	return false;
}

static void
conversations(struct endpoint_env *e)
{
	struct desk_want w = { .filter = param(e, "filter"), .label = param(e, "label") };
	const char *q = param(e, "q");
	struct desk_scope s;
	struct jsonw out;
	struct buf b;
	enum rc rc;

	if (!limit_of(e, &w.limit) || !place_of(e, "before", &w.before))
		return;
	if (*w.filter == '\0')
		w.filter = "all";
	if (!desk_filter_ok(w.filter) || !str_utf8_ok(w.label, strlen(w.label)) ||
	    !str_utf8_ok(q, strlen(q))) {
		endpoint_error(e, 422, "bad_query",
		    "filter: all, unanswered, mine, unread, "
		    "failed or done; label and q: UTF-8");
		return;
	}
	if (*q != '\0')
		w.q = q;
	scope_of(e, &s);
	buf_init(&b, ANSWER_MAX);
	jsonw_init(&out, &b);
	rc = desk_conversations(db_of(e), &s, &w, !w.before.set && w.q == NULL, &out);
	endpoint_result(e, rc, &out, "conversation");
	scope_free(&s);
}

static void
answer_one(struct endpoint_env *e, int64_t id)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	endpoint_result(e, desk_conversation(db_of(e), id, &w), &w, "conversation");
}

static void
conversation(struct endpoint_env *e)
{
	int64_t id;

	if (id_of(e, "id", &id))
		answer_one(e, id);
}

static void
messages(struct endpoint_env *e)
{
	struct view_page page = { 0 };
	int64_t id, around = 0;
	struct jsonw w;
	struct buf b;

	if (!id_of(e, "conversation", &id) || !limit_of(e, &page.limit) ||
	    !place_of(e, "before", &page.before) || !place_of(e, "after", &page.after))
		return;
	if (*param(e, "around") != '\0' &&
	    (str_i64(param(e, "around"), &around) != RC_OK || around < 1)) {
		endpoint_error(e, 422, "bad_cursor", "around takes the id of a message");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	endpoint_result(
	    e, desk_messages(db_of(e), id, &page, around, &w), &w, "conversation or message");
}

bool
endpoint_desk_get(struct endpoint_env *e)
{
	static const struct {
		const char *tail;
		endpoint_fn fn;
	} gets[] = { { "conversations", conversations }, { "conversation", conversation },
		{ "messages", messages }, { "media", endpoint_media } };

	for (size_t i = 0; i < sizeof gets / sizeof *gets; i++)
		if (str_eq(e->tail, gets[i].tail)) {
			gets[i].fn(e);
			return true;
		}
	return false;
}

/* --- changes ------------------------------------------------------------------------------ */

/* A text of j, at most max characters; NULL: absent.  False: the answer says what is wrong. */
static bool
words(struct endpoint_env *e, const struct json *j, const char *key, size_t max, const char **out)
{
	const struct json *v = json_member(j, key);
	enum json_type t = json_type(v);

	*out = NULL;
	if (t == JSON_ABSENT || t == JSON_NULL)
		return true;
	if (t == JSON_STRING) {
		const char *s = json_text(&e->arena, v);
		size_t n = strlen(s);

		str_trim(&s, &n);
		*out = mem_arena_ndup(&e->arena, s, n);
		if (str_utf8_len(*out, n) <= max)
			return true;
	}
	endpoint_error(e, 422, "invalid_field",
	    "%s: a text of at most %zu characters is "
	    "expected",
	    key, max);
	return false;
}

static bool
label_list(struct endpoint_env *e, const struct json *j, const char *key, struct strv *out)
{
	const struct json *v = json_member(j, key);
	bool ok = json_type(v) == JSON_ABSENT ||
	    (json_type(v) == JSON_ARRAY && json_len(v) <= LABELS_MAX);

	for (size_t i = 0; ok && i < json_len(v); i++) {
		const char *s = json_type(json_at(v, i)) == JSON_STRING ?
		    json_text(&e->arena, json_at(v, i)) :
		    "";
		size_t n = strlen(s);

		str_trim(&s, &n);
		ok = n > 0 && str_utf8_cut_chars(s, n, LABEL_CHARS) == n;
		if (ok)
			strv_add(out, s, n);
	}
	if (!ok)
		endpoint_error(e, 422, "invalid_field",
		    "%s: at most %d words of 1 to %d "
		    "characters are expected",
		    key, LABELS_MAX, LABEL_CHARS);
	return ok;
}

static bool
number(struct endpoint_env *e, const struct json *j, const char *key, int64_t *id)
{
	if (json_i64(json_member(j, key), id) == RC_OK && *id > 0)
		return true;
	endpoint_error(e, 422, "invalid_field", "%s: an id is expected", key);
	return false;
}

/* A conversation given to a name that nobody has is nobody's. */
static bool
may_answer(struct endpoint_env *e, int64_t id, const char *who)
{
	enum rc rc;

	if (str_empty(who) || str_eq(who, e->caller.sub))
		return true;
	rc = desk_answers(db_of(e), id, who);
	if (rc == RC_NONE)
		endpoint_error(e, 422, "invalid_field",
		    "assignee: no person who may answer has this name (dmbox user list)");
	else if (rc != RC_OK)
		endpoint_failed(e, rc, "person");
	return rc == RC_OK;
}

static void
set(struct endpoint_env *e, const struct json *j)
{
	struct desk_change c = { .done = -1 };
	int64_t id;
	enum rc rc;

	if (!number(e, j, "id", &id) || !endpoint_flag(e, j, "done", &c.done) ||
	    !words(e, j, "assignee", NAME_CHARS, &c.assignee) ||
	    !label_list(e, j, "addLabels", &c.add) || !label_list(e, j, "removeLabels", &c.remove))
		goto out;
	if (json_is_null(j, "assignee"))
		c.assignee = "";
	if (!may_answer(e, id, c.assignee))
		goto out;
	rc = desk_set(db_of(e), id, &c);
	if (rc == RC_OK)
		answer_one(e, id);
	else
		endpoint_failed(e, rc, "conversation");
out:
	strv_free(&c.add);
	strv_free(&c.remove);
}

static void
success(struct endpoint_env *e, enum rc rc, const char *what)
{
	if (rc == RC_OK)
		endpoint_success(e, NULL, 0);
	else
		endpoint_failed(e, rc, what);
}

static void
note(struct endpoint_env *e, const struct json *j)
{
	const char *body;
	int64_t id;
	struct jsonw w;
	struct buf b;
	int drop;

	if (!endpoint_flag(e, j, "delete", &drop))
		return;
	if (drop == 1) {
		if (number(e, j, "id", &id))
			success(e, desk_note_drop(db_of(e), id, e->caller.sub), "note of yours");
		return;
	}
	if (!number(e, j, "conversation", &id) || !words(e, j, "body", WORDS_CHARS, &body))
		return;
	if (str_empty(body)) {
		endpoint_error(e, 422, "invalid_field", "body: a text is expected");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	endpoint_result(e, desk_note(db_of(e), id, e->caller.sub, body, &w), &w, "conversation");
}

static void
replies(struct endpoint_env *e, const struct json *j)
{
	const char *name = NULL, *text = NULL;
	int64_t id = 0;
	struct jsonw w;
	struct buf b;
	enum rc rc;
	bool drop;
	int flag;

	if (!endpoint_flag(e, j, "delete", &flag))
		return;
	drop = flag == 1;
	if ((drop || json_type(json_member(j, "id")) != JSON_ABSENT) && !number(e, j, "id", &id))
		return;
	if (!drop &&
	    (!words(e, j, "name", NAME_CHARS, &name) || !words(e, j, "text", WORDS_CHARS, &text)))
		return;
	if (!drop && (str_empty(name) || str_empty(text))) {
		endpoint_error(e, 422, "invalid_field", "name and text are needed");
		return;
	}
	rc = desk_reply(db_of(e), id, name, text);
	if (rc == RC_DUP) {
		endpoint_error(e, 409, "name_taken", "another saved reply has this name");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	if (rc == RC_OK)
		rc = desk_replies(db_of(e), &w);
	endpoint_result(e, rc, &w, "saved reply");
}

/* Up to which message of whose conversation; absent: all that is there. */
static void
read_up_to(struct endpoint_env *e, const struct json *j)
{
	const struct json *v = json_member(j, "upTo");
	struct view_cursor up_to = { 0 };
	enum channel ch = CHANNEL_INSTAGRAM;
	int64_t id, n = 0;
	enum rc rc = RC_NONE;

	if (!number(e, j, "conversation", &id))
		return;
	if (json_type(v) != JSON_ABSENT && json_type(v) != JSON_NULL &&
	    view_cursor_parse(json_text(&e->arena, v), &up_to) != RC_OK) {
		endpoint_error(e, 422, "bad_up_to", "upTo must be the id of a message");
		return;
	}
	/* a conversation's id is one over all channels */
	for (int i = 0; i < CHANNEL__MAX && rc == RC_NONE; i++) {
		ch = (enum channel)i;
		rc = view_mark_read(db_of(e), ch, id, &up_to, &n);
	}
	if (rc != RC_OK) {
		endpoint_failed(e, rc, "conversation or message");
		return;
	}
	endpoint_success(e, "marked", n);
}

/* {"lang"}: the page's language, kept with the person. */
static void
language(struct endpoint_env *e, const struct json *j)
{
	const char *lang = json_text(&e->arena, json_member(j, "lang"));
	enum rc rc;

	if (!str_eq(lang, "ru") && !str_eq(lang, "en")) {
		endpoint_error(e, 422, "invalid_field", "lang is ru or en");
		return;
	}
	rc = desk_lang(db_of(e), e->caller.sub, lang);
	if (rc != RC_OK) {
		endpoint_failed(e, rc, "person");
		return;
	}
	endpoint_success(e, NULL, 0);
}

static const struct {
	const char *tail;
	unsigned int scope;
	void (*fn)(struct endpoint_env *e, const struct json *j);
	const char *known[6];	/* members of the body */
} posts[] = {
	{ "conversation", AUTH_SEND, set,
	    { "id", "done", "assignee", "addLabels", "removeLabels" } },
	{ "note", AUTH_SEND, note, { "conversation", "body", "id", "delete" } },
	{ "replies", AUTH_SEND, replies, { "id", "name", "text", "delete" } },
	{ "read", AUTH_READ, read_up_to, { "conversation", "upTo" } },
	{ "me", AUTH_READ, language, { "lang" } },
};

bool
endpoint_desk_posts(const char *tail)
{
	for (size_t i = 0; i < sizeof posts / sizeof *posts; i++)
		if (str_eq(tail, posts[i].tail))
			return true;
	return false;
}

void
endpoint_desk_post(struct endpoint_env *e, const struct json *j)
{
	const char *bearer = http_req_get(e->req, "Authorization");
	char why[96];

	if (bearer != NULL && auth_bearer(e->conf, bearer, &e->caller, why) != RC_OK) {
		endpoint_error(e, 401, "unauthorized", "a valid token is needed: %s", why);
		return;
	}
	if (bearer == NULL && !session_caller(e))
		return;
	for (size_t i = 0; i < sizeof posts / sizeof *posts; i++) {
		if (!str_eq(e->tail, posts[i].tail))
			continue;
		if ((e->caller.scopes & posts[i].scope) == 0)
			endpoint_error(e, 403, "read_only", "%s may not do this", e->caller.sub);
		else if (endpoint_members(e, j, posts[i].known))
			posts[i].fn(e, j);
	}
}

/* --- me -------------------------------------------------------------------------------------- */

/* What an account's provider takes. */
static void
put_account(const struct conf *conf, const struct account *a, struct jsonw *w)
{
	const struct provider *p = provider_of(a);
	/* an id as every provider has them, else it is refused for that */
	const struct outmsg quote = { .recipient = "10000000000", .body = "x", .reply_to = "x" };
	const struct outmsg react = {
		.recipient = "10000000000", .action = "react", .reaction = "❤", .reply_to = "x"
	};
	bool files = !str_empty(conf->media_dir) && !str_empty(conf->public_url) &&
	    p->n_files != NULL;
	size_t max = 0;

	jsonw_object(w, NULL);
	jsonw_str(w, "channel", channel_names[a->channel]);
	jsonw_str(w, "account", a->name);
	jsonw_str(w, "title", str_empty(a->title) ? a->name : a->title);
	if (p->text_max > 0)
		jsonw_i64(w, "textMax", (int64_t)p->text_max);
	else
		jsonw_raw(w, "textMax", NULL);
	jsonw_str(w, "textUnit", p->text_in_bytes ? "bytes" : "characters");
	jsonw_bool(w, "split", p->text_split);
	jsonw_array(w, "attachments");
	for (size_t i = 0; files && i < *p->n_files; i++) {
		jsonw_str(w, NULL, p->files[i].type);
		max = p->files[i].max > max ? p->files[i].max : max;
	}
	jsonw_end(w);
	jsonw_i64(w, "uploadMax", max > UPLOAD_MAX ? (int64_t)UPLOAD_MAX : (int64_t)max);
	jsonw_bool(w, "quote", attempt_possible(a, &quote));
	jsonw_bool(w, "react", attempt_possible(a, &react));
	jsonw_bool(w, "humanAgent", p->window_human_s > p->window_s);
	jsonw_end(w);
}

enum rc
endpoint_desk_counts(struct endpoint_env *e, struct jsonw *w)
{
	struct desk_scope s;
	enum rc rc;

	scope_of(e, &s);
	rc = desk_counts(db_of(e), &s, w);
	scope_free(&s);
	return rc;
}

enum rc
endpoint_desk_me(struct endpoint_env *e, const char *who, struct jsonw *w)
{
	jsonw_array(w, "accounts");
	for (size_t i = 0; i < e->conf->n_accounts; i++)
		put_account(e->conf, &e->conf->accounts[i], w);
	jsonw_end(w);
	return desk_me(db_of(e), who, w);
}

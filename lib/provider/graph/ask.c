/*
 * Single questions to the Graph API: was a message sent, what was in it, who is
 * this, a new token, and the doctor's probes (providers.md B.7 to B.10, D).
 */
#include <stdio.h>
#include <string.h>
#include "provider/graph/graph.h"
#include "base/clock.h"
#include "base/str.h"

/* created_time has whole seconds, and their clock is not ours */
#define LOOKUP_SLACK_US (5 * 1000000LL)
#define LESS "less"	/* look_in: the same question, with fewer messages */
#define LIFE_DEFAULT_S (60 * 86400LL)

/* A path with one id in it. */
static enum rc
req_with_id(const struct account *a, const char *before, const char *id, const char *after,
    struct http_req *out)
{
	struct buf b;
	enum rc rc = RC_INVALID;

	if (str_empty(id))
		return RC_INVALID;
	buf_init(&b, 16 * 1024);
	buf_puts(&b, before);
	http_url_encode(&b, id);
	buf_puts(&b, after);
	if (!buf_err(&b))
		rc = graph_req(a, "GET", b.p, out);
	buf_free(&b);
	return rc;
}

/*
 * The body of an answer and what it means: RC_OK with *j (never NULL then),
 * RC_NONE for what is gone, RC_LIMIT, RC_DENIED for the account's troubles and
 * refusals that do not say what they are about, RC_TEMP for all else.
 */
static enum rc
answer(const struct http_res *res, struct json **j, struct graph_error *e)
{
	*j = NULL;
	if (res->fail == HTTP_FAIL_NONE && json_parse(res->body, res->body_n, j, NULL) != RC_OK)
		*j = NULL;
	graph_error_read(res, *j, e);
	if (e->class == GRAPH_FINE && json_type(*j) == JSON_OBJECT)
		return RC_OK;
	if (e->class == GRAPH_FINE)
		snprintf(e->code, sizeof(e->code), "not_json");
	json_free(*j);
	*j = NULL;
	switch (e->class) {
	case GRAPH_GONE:
	case GRAPH_FAIL:
		return RC_NONE;
	case GRAPH_RATE:
		return RC_LIMIT;
	case GRAPH_TOKEN:
	case GRAPH_RIGHT:
	case GRAPH_PROOF:
	case GRAPH_OTHER:
		return RC_DENIED;
	default:
		return RC_TEMP;
	}
}

/* --- lookup (B.8 end, B.9) -------------------------------------------------------- */

enum rc
graph_lookup_build(const struct account *a, const struct outmsg *m, struct http_req *out)
{
	if (!str_empty(m->action))
		return RC_INVALID;	/* an action leaves no trace to look for */
	if (m->look_in != NULL && !str_eq(m->look_in, LESS))
		return req_with_id(
		    a, "", m->look_in, "?fields=messages%7B" GRAPH_MESSAGE_FIELDS "%7D", out);
	return req_with_id(a, "me/conversations?platform=instagram&user_id=", m->recipient,
	    m->look_in == NULL ? "&fields=id,updated_time,messages%7B" GRAPH_MESSAGE_FIELDS "%7D" :
				 "&fields=id,updated_time,messages.limit(5)%7B" GRAPH_MESSAGE_FIELDS
				 "%7D",
	    out);
}

static bool
same_message(const struct item *it, const struct outmsg *m, int64_t since_us)
{
	if (it->type != ITEM_MESSAGE || it->external_id == NULL || strlen(it->external_id) >= 520)
		return false;
	if (!it->at_known || it->at_us < since_us - LOOKUP_SLACK_US)
		return false;
	if (it->dir != DIR_OUT && !str_eq(it->recipient_id, m->recipient))
		return false;
	if (!str_empty(m->body))
		return str_eq_trim(it->body, m->body);
	return it->body == NULL && m->n_atts > 0 && it->n_atts == m->n_atts &&
	    str_eq(it->atts[0].type, m->atts[0].type);
}

static void
messages_read(const struct account *a, const struct json *list, struct itemv *out)
{
	for (size_t i = 0; i < json_len(list); i++)
		if (graph_message(a->own_id, json_at(list, i), out) != RC_OK)
			continue;
}

/* The conversation of a list that names it but did not unfold its messages. */
static bool
folded(const struct json *convs, char id[520])
{
	struct mem_arena arena = { 0 };
	const char *s = json_text(&arena, json_get(json_at(convs, 0), "id"));
	bool found = json_len(convs) > 0 && !str_empty(s) && strlen(s) < 520;

	for (size_t i = 0; i < json_len(convs); i++)
		found = found && json_member(json_at(convs, i), "messages") == NULL;
	if (found)
		snprintf(id, 520, "%s", s);
	mem_arena_free(&arena);
	return found;
}

/* All that fit, the oldest first: echoes and look-ups settle in the order of sending. */
enum rc
graph_lookup_read(const struct account *a, const struct outmsg *m, int64_t since_us,
    const struct http_res *res, struct strv *ids)
{
	const struct item **fits;
	const struct json *convs;
	struct graph_error e;
	struct itemv items;
	struct json *j;
	char conv[520];
	size_t n = 0;
	enum rc rc;

	rc = answer(res, &j, &e);
	if (e.class == GRAPH_LESS && m->look_in == NULL) {
		strv_add(ids, LESS, strlen(LESS));	/* the newest five are not too much */
		return RC_DUP;
	}
	if (rc != RC_OK)
		return rc == RC_NONE ? RC_DENIED : rc == RC_DENIED ? rc : RC_TEMP;
	convs = json_get(j, "data");
	if (m->look_in == NULL && folded(convs, conv)) {
		strv_add(ids, conv, strlen(conv));
		json_free(j);
		return RC_DUP;
	}
	itemv_init(&items);
	messages_read(a, json_get(j, "messages.data"), &items);
	for (size_t i = 0; i < json_len(convs); i++)
		messages_read(a, json_get(json_at(convs, i), "messages.data"), &items);
	fits = mem_arena_alloc(&items.arena, (items.n + 1) * sizeof(*fits));
	/* newest come first: from the end, so that equal times keep the order of sending */
	for (size_t i = items.n; i > 0; i--)
		if (same_message(&items.v[i - 1], m, since_us))
			fits[n++] = &items.v[i - 1];
	for (size_t i = 1; i < n; i++)	/* few, and nearly sorted; qsort is not stable */
		for (size_t k = i; k > 0 && fits[k]->at_us < fits[k - 1]->at_us; k--) {
			const struct item *x = fits[k];

			fits[k] = fits[k - 1];
			fits[k - 1] = x;
		}
	for (size_t i = 0; i < n; i++)
		strv_add(ids, fits[i]->external_id, strlen(fits[i]->external_id));
	itemv_free(&items);
	json_free(j);
	return n > 0 ? RC_OK : RC_NONE;
}

/* --- fetch (B.5 oddity, B.9) -------------------------------------------------------- */

enum rc
graph_fetch_build(const struct account *a, const char *id, struct http_req *out)
{
	return req_with_id(a, "", id, "?fields=" GRAPH_MESSAGE_FIELDS, out);
}

enum rc
graph_fetch_read(
    const struct account *a, const char *id, const struct http_res *res, struct itemv *out)
{
	struct graph_error e;
	struct json *j;
	enum rc rc;

	(void)id;
	if ((rc = answer(res, &j, &e)) != RC_OK)
		return rc;
	rc = graph_message(a->own_id, j, out);
	json_free(j);
	return rc;
}

enum rc
graph_parse_polled(
    const struct account *a, const char *content_type, const char *p, size_t n, struct itemv *out)
{
	struct json *j = NULL;
	const struct json *list;
	enum rc rc = RC_INVALID;

	(void)content_type;
	/* only our id tells which side is ours (B.9) */
	if (a->own_id == NULL || json_parse(p, n, &j, NULL) != RC_OK)
		return RC_INVALID;
	list = json_get(j, "messages.data");
	if (list == NULL && json_type(json_get(j, "data")) == JSON_ARRAY)
		list = json_get(j, "data");	/* a further page of a conversation */
	if (list != NULL) {
		rc = RC_OK;
		for (size_t i = 0; i < json_len(list); i++)
			if (graph_message(a->own_id, json_at(list, i), out) == RC_NONE)
				continue;	/* only an id, beyond the newest 20 */
		itemv_in_time(out, 0, true);
	} else if (json_get(j, "id") != NULL && json_get(j, "from") != NULL) {
		rc = graph_message(a->own_id, j, out) == RC_OK ? RC_OK : RC_INVALID;
	}
	json_free(j);
	return rc;
}

/* --- profile (B.10) ------------------------------------------------------------------ */

enum rc
graph_profile_build(const struct account *a, const char *contact, struct http_req *out)
{
	return req_with_id(a, "", contact, "?fields=name,username,profile_pic", out);
}

enum rc
graph_profile_read(const struct account *a, struct http_res *res, struct profile *out)
{
	struct graph_error e;
	struct json *j;
	enum rc rc;

	(void)a;
	if ((rc = answer(res, &j, &e)) != RC_OK)
		return rc;
	out->name = json_str(&res->arena, json_get(j, "name"));
	out->username = json_str(&res->arena, json_get(j, "username"));
	out->picture = json_str(&res->arena, json_get(j, "profile_pic"));
	json_free(j);
	return RC_OK;
}

/* --- token (B.10) --------------------------------------------------------------------- */

/*
 * GET only, without a version, the token in the query: so it is documented.
 * httpc and log mask access_token=.  Page tokens have no refresh.
 */
enum rc
graph_refresh_build(const struct account *a, struct http_req *out)
{
	struct buf b;
	enum rc rc = RC_INVALID;

	if (str_empty(a->token) || graph_product(a) != GRAPH_LOGIN)
		return RC_INVALID;
	buf_init(&b, 16 * 1024);
	buf_printf(
	    &b, "%s/refresh_access_token?grant_type=ig_refresh_token&access_token=", graph_base(a));
	http_url_encode(&b, a->token);
	if (!buf_err(&b)) {
		http_req_init(out, "GET", b.p);
		rc = RC_OK;
	}
	mem_wipe(b.p, b.n);
	buf_free(&b);
	return rc;
}

enum rc
graph_refresh_read(
    const struct account *a, struct http_res *res, const char **token, int64_t *life_s)
{
	struct graph_error e;
	struct json *j;
	const char *t;
	int64_t life;
	enum rc rc;

	(void)a;
	if ((rc = answer(res, &j, &e)) != RC_OK)
		return rc == RC_NONE ? RC_DENIED : rc;
	t = json_str(&res->arena, json_get(j, "access_token"));
	if (json_i64(json_get(j, "expires_in"), &life) != RC_OK || life <= 0 ||
	    life > 10 * 365 * 86400LL)
		life = LIFE_DEFAULT_S;
	json_free(j);
	if (str_empty(t) || strlen(t) > 8192)
		return RC_TEMP;
	*token = t;
	*life_s = life;
	return RC_OK;
}

/* --- the doctor's probes (D) ------------------------------------------------------------ */

enum probe {
	PROBE_TOKEN,
	PROBE_PAGE_ID,
	PROBE_SUBSCRIBED,
	PROBE_CONVERSATIONS,
	PROBE_OWNER,
	PROBE_SCOPES,
	PROBE__MAX
};

static const char *const probe_codes[PROBE__MAX] = {
	[PROBE_TOKEN] = "token",
	[PROBE_PAGE_ID] = "page_id",
	[PROBE_SUBSCRIBED] = "subscribed",
	[PROBE_CONVERSATIONS] = "conversations",
	[PROBE_OWNER] = "owner",
	[PROBE_SCOPES] = "scopes",
};

enum rc
graph_probe_build(const struct account *a, int step, struct http_req *out)
{
	bool login = graph_product(a) == GRAPH_LOGIN;

	switch ((enum probe)step) {
	case PROBE_TOKEN:
	case PROBE_PAGE_ID:
		return graph_req(a, "GET",
		    login ? "me?fields=id,user_id,username,account_type" :
			    "me?fields=id,name,instagram_business_account",
		    out);
	case PROBE_SUBSCRIBED:
		return graph_req(a, "GET", "me/subscribed_apps", out);
	case PROBE_CONVERSATIONS:
		return graph_req(a, "GET",
		    login ? "me/conversations?fields=id,updated_time&limit=1" :
			    "me/conversations?platform=instagram&fields=id,updated_time&limit=1",
		    out);
	case PROBE_OWNER:	/* apart: an older version does not know the field */
		return graph_req(a, "GET",
		    login ? "me/conversations?fields=id,is_owner&limit=10" :
			    "me/conversations?platform=instagram&fields=id,is_owner&limit=10",
		    out);
	case PROBE_SCOPES:
		/* not confirmed for tokens of Instagram Login (B.10) */
		return login ? RC_NONE :
			       req_with_id(a, "debug_token?input_token=", a->token, "", out);
	case PROBE__MAX:
		break;
	}
	return RC_NONE;
}

/* /me may come inside data[] (B.10). */
static const struct json *
me_object(const struct json *j)
{
	const struct json *data = json_get(j, "data");

	return json_len(data) > 0 ? json_at(data, 0) : j;
}

static void
probe_token(const struct account *a, const struct json *j, struct finding *f)
{
	struct mem_arena m = { 0 };
	const struct json *o = me_object(j);
	const char *name = json_text(&m, json_get(o, "username"));
	const char *type = json_text(&m, json_get(o, "account_type"));

	if (name == NULL)
		name = json_text(&m, json_get(o, "name"));
	if (type != NULL && strcmp(type, "BUSINESS") != 0 && strcmp(type, "MEDIA_CREATOR") != 0 &&
	    strcmp(type, "CREATOR") != 0)
		finding_set(f, FINDING_WARN, "%s is %s, not a professional account",
		    "%s: %s, это не профессиональный аккаунт", name != NULL ? name : "?", type);
	else
		finding_set(f, FINDING_OK, "%s token answers as %s", "токен %s, имя %s",
		    graph_product(a) == GRAPH_LOGIN ? "Instagram Login" : "Messenger",
		    name != NULL ? name : "?");
	mem_arena_free(&m);
}

/* user_id is what entry.id will be; id is app-scoped and is the classic
 * mistake (D 11). */
static void
probe_page_id(const struct account *a, const struct json *j, struct finding *f)
{
	struct mem_arena m = { 0 };
	const struct json *o = me_object(j);
	bool login = graph_product(a) == GRAPH_LOGIN;
	const char *id = json_text(&m, json_get(o, "id"));
	const char *right = json_text(
	    &m, json_get(o, login ? "user_id" : "instagram_business_account.id"));

	if (right == NULL && login)
		right = id;
	if (right == NULL)
		finding_set(f, FINDING_FAIL, "the Page has no linked Instagram account",
		    "к Странице не привязан аккаунт Instagram");
	else if (str_empty(a->own_id))
		finding_set(f, FINDING_WARN, "INSTAGRAM_PAGE_ID is not set; it is %s",
		    "INSTAGRAM_PAGE_ID не задан; он равен %s", right);
	else if (str_eq(a->own_id, right))
		finding_set(f, FINDING_OK, "%s", "%s", right);
	else if (str_eq(a->own_id, id))
		finding_set(f, FINDING_FAIL,
		    login ? "INSTAGRAM_PAGE_ID %s is the app-scoped id; webhooks name %s" :
			    "INSTAGRAM_PAGE_ID %s is the Page's id; webhooks name %s",
		    login ? "INSTAGRAM_PAGE_ID %s — это id внутри приложения; вебхуки называют %s" :
			    "INSTAGRAM_PAGE_ID %s — это id Страницы; вебхуки называют %s",
		    a->own_id, right);
	else
		finding_set(f, FINDING_FAIL, "INSTAGRAM_PAGE_ID is %s, the token belongs to %s",
		    "INSTAGRAM_PAGE_ID %s, а токен принадлежит %s", a->own_id, right);
	mem_arena_free(&m);
}

/* What each field beside messages brings; without it that is lost silently. */
static const struct {
	const char *field, *loses, *loses_ru;
} wanted[] = {
	{ "messaging_postbacks", "buttons", "нажатия кнопок" },
	{ "message_reactions", "reactions", "реакции" },
	{ "messaging_seen", "read marks", "отметки о прочтении" },
	{ "message_edit", "edits", "правки" },
	{ "messaging_referral", "which ad or link brought somebody",
	    "по какой рекламе или ссылке пришёл человек" },
};

/* All subscribed fields into b, and which of the wanted ones are missing into lost. */
static bool
fields_read(const struct json *data, struct mem_arena *m, struct buf *b, struct buf *lost,
    struct buf *lost_ru)
{
	bool messages = false, have[sizeof(wanted) / sizeof(wanted[0])] = { false };

	for (size_t i = 0; i < json_len(data); i++) {
		const struct json *list = json_get(json_at(data, i), "subscribed_fields");

		for (size_t k = 0; k < json_len(list); k++) {
			const char *s = json_text(m, json_at(list, k));

			messages |= str_eq(s, "messages");
			for (size_t w = 0; w < sizeof(wanted) / sizeof(wanted[0]); w++)
				have[w] |= str_eq(s, wanted[w].field);
			buf_printf(b, "%s%s", b->n > 0 ? "," : "", s != NULL ? s : "");
		}
	}
	for (size_t w = 0; w < sizeof(wanted) / sizeof(wanted[0]); w++)
		if (!have[w]) {
			buf_printf(lost, "%s%s (loses %s)", lost->n > 0 ? ", " : "",
			    wanted[w].field, wanted[w].loses);
			buf_printf(lost_ru, "%s%s (теряются: %s)", lost_ru->n > 0 ? ", " : "",
			    wanted[w].field, wanted[w].loses_ru);
		}
	return messages;
}

static void
probe_subscribed(const struct account *a, const struct json *j, struct finding *f)
{
	struct mem_arena m = { 0 };
	const struct json *data = json_get(j, "data");
	struct buf b, lost, lost_ru;
	char en[600], ru[900];
	bool messages;

	buf_init(&b, 600);
	buf_init(&lost, 600);
	buf_init(&lost_ru, 900);
	messages = fields_read(data, &m, &b, &lost, &lost_ru);
	if (json_len(data) == 0)
		finding_set(f, FINDING_FAIL, "no app is subscribed to this account",
		    "на этот аккаунт не подписано ни одно приложение");
	else if (!messages && graph_product(a) == GRAPH_MESSENGER) {
		/* the Instagram object's fields are set in the App Dashboard (B.7) */
		finding_set(f, FINDING_UNKNOWN,
		    "subscribed: %s; Instagram's fields are set in the "
		    "App Dashboard",
		    "подписка: %s; поля Instagram включают в App Dashboard", b.p);
	} else if (messages && lost.n > 0 && graph_product(a) == GRAPH_LOGIN) {
		snprintf(en, sizeof en, "subscribed: %s; not: %s", b.p, lost.p);
		snprintf(ru, sizeof ru, "подписка: %s; нет: %s", b.p, lost_ru.p);
		finding_both(f, FINDING_WARN, en, ru);
	} else if (b.n > 0) {
		finding_set(
		    f, messages ? FINDING_OK : FINDING_FAIL, "subscribed: %s", "подписка: %s", b.p);
	} else {
		finding_set(f, FINDING_FAIL, "subscribed: (no field)", "подписка: (нет полей)");
	}
	buf_free(&b);
	buf_free(&lost);
	buf_free(&lost_ru);
	mem_arena_free(&m);
}

static void
probe_conversations(const struct json *j, struct finding *f)
{
	struct mem_arena m = { 0 };
	const struct json *c = json_at(json_get(j, "data"), 0);
	const char *t = json_text(&m, json_get(c, "updated_time"));

	if (c == NULL)
		finding_set(f, FINDING_WARN,
		    "no conversation is visible; where the account has "
		    "chats, \"Allow access to messages\" may be off",
		    "переписок не видно; если они у аккаунта есть, возможно, выключено "
		    "«Разрешить доступ к сообщениям»");
	else
		finding_set(f, FINDING_OK, "newest conversation changed %s",
		    "последняя переписка изменилась %s", t != NULL ? t : "?");
	mem_arena_free(&m);
}

/* Under Conversation Routing another app may own what we are to answer (B.10). */
static void
probe_owner(const struct json *j, struct finding *f)
{
	const struct json *list = json_get(j, "data");
	size_t told = 0, others = 0;

	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *o = json_get(json_at(list, i), "is_owner");

		if (json_type(o) != JSON_BOOL)
			continue;
		told++;
		others += !json_bool(o, true);
	}
	if (others > 0)
		finding_set(f, FINDING_WARN, "of the newest %zu conversations another app owns %zu",
		    "из последних переписок (%zu) другое приложение ведёт %zu", told, others);
	else if (told > 0)
		finding_set(f, FINDING_OK, "the newest %zu conversations are ours",
		    "последние переписки (%zu) за нами", told);
	else
		finding_set(f, FINDING_OK, "Meta does not tell who owns the conversations",
		    "Meta не сообщает, кто ведёт переписки");
}

static void
probe_scopes(const struct json *j, struct finding *f)
{
	struct mem_arena m = { 0 };
	const struct json *list = json_get(j, "data.scopes");
	bool manage = false;

	for (size_t i = 0; i < json_len(list); i++)
		manage |= str_eq(json_text(&m, json_at(list, i)), "instagram_manage_messages");
	if (!json_bool(json_get(j, "data.is_valid"), false))
		finding_set(f, FINDING_FAIL, "debug_token says the token is not valid",
		    "по ответу debug_token токен недействителен");
	else
		finding_set(f, manage ? FINDING_OK : FINDING_FAIL,
		    manage ? "%zu scopes, instagram_manage_messages among them" :
			     "%zu scopes, instagram_manage_messages missing",
		    manage ? "прав: %zu, instagram_manage_messages среди них" :
			     "прав: %zu, instagram_manage_messages нет",
		    json_len(list));
	mem_arena_free(&m);
}

/* A host's or country's page of "blocked" is no JSON, nor is the login of a network. */
static bool
foreign_page(const struct http_res *res)
{
	struct json *j = NULL;
	bool json = json_parse(res->body, res->body_n, &j, NULL) == RC_OK;

	json_free(j);
	return !json && res->body_n > 0 && res->status < 500 && res->status != 429;
}

enum rc
graph_probe_read(const struct account *a, int step, const struct http_res *res, struct finding *f)
{
	struct graph_error e;
	struct json *j;
	enum rc rc;

	if (step < 0 || step >= PROBE__MAX)
		return RC_NONE;
	memset(f, 0, sizeof(*f));
	snprintf(f->code, sizeof(f->code), "%s", probe_codes[step]);
	if ((rc = answer(res, &j, &e)) != RC_OK) {
		/* what the account or token is to blame for is a failure of it; the
		 * rest (network, their trouble) leaves the question open */
		enum finding_status s = rc == RC_DENIED || rc == RC_NONE ? FINDING_FAIL :
									   FINDING_UNKNOWN;

		if (res->fail != HTTP_FAIL_NONE)
			finding_fail(f, s, res);
		else if (foreign_page(res))
			finding_set(finding_of(f, "reach"), FINDING_FAIL,
			    "HTTP %d with a page: something else answers in Meta's place",
			    "HTTP %d и страница: вместо Meta отвечает кто-то другой", res->status);
		else if (str_starts(e.code, "http_"))	/* no words of Meta's */
			finding_set(f, s, "%s: HTTP %d without an error object",
			    "%s: HTTP %d без объекта ошибки", e.code, res->status);
		else
			finding_set(f, s, "%s: %s", "%s: «%s»", e.code, e.text);
		if (step == PROBE_OWNER)	/* refused: what the other questions tell */
			probe_owner(NULL, f);
		/* one trouble that any question meets: named as what it is */
		if (e.class == GRAPH_PROOF)
			snprintf(f->code, sizeof(f->code), "proof");
		return RC_OK;
	}
	switch ((enum probe)step) {
	case PROBE_TOKEN:
		probe_token(a, j, f);
		break;
	case PROBE_PAGE_ID:
		probe_page_id(a, j, f);
		break;
	case PROBE_SUBSCRIBED:
		probe_subscribed(a, j, f);
		break;
	case PROBE_CONVERSATIONS:
		probe_conversations(j, f);
		break;
	case PROBE_OWNER:
		probe_owner(j, f);
		break;
	case PROBE_SCOPES:
		probe_scopes(j, f);
		break;
	case PROBE__MAX:
		break;
	}
	json_free(j);
	return RC_OK;
}

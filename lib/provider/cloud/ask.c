/*
 * Single questions to the Cloud API: approved templates, a picture by its id, and what
 * dmbox doctor asks (providers.md H.15, H.17, H.22).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/url.h"
#include "extern/jsonw.h"
#include "provider/cloud/cloud.h"

#define EXPIRY_WARN_DAYS 10
#define LIFE_S (60 * 86400LL)	/* of a renewed token, where the answer does not say */

/* --- templates --------------------------------------------------------------------- */

enum rc
cloud_templates_build(const struct account *a, const char *after, struct http_req *out)
{
	enum rc rc = RC_INVALID;
	struct buf b;

	if (str_empty(cloud_own(a)->waba_id))
		return RC_INVALID;
	buf_init(&b, 4096);
	buf_printf(&b, "%s/message_templates?fields=name,language,status&limit=100",
	    cloud_own(a)->waba_id);
	if (*after != '\0') {
		buf_puts(&b, "&after=");
		http_url_encode(&b, after);
	}
	if (!buf_err(&b))
		rc = cloud_req(a, "GET", b.p, out);
	buf_free(&b);
	return rc;
}

/* The place where the next page of a list begins; "" on the last page, which has a cursor,
 * too, but no next. */
static void
next_page(struct mem_arena *m, const struct json *j, char after[CURSOR_MAX])
{
	const char *next = json_text(m, json_get(j, "paging.cursors.after"));

	after[0] = '\0';
	if (json_get(j, "paging.next") != NULL && !str_empty(next) && strlen(next) < CURSOR_MAX)
		snprintf(after, CURSOR_MAX, "%s", next);
}

enum rc
cloud_templates_read(
    const struct account *a, const struct http_res *res, struct jsonw *out, char after[CURSOR_MAX])
{
	struct mem_arena m = { 0 };
	struct json *j = NULL;
	const struct json *list;

	(void)a;
	after[0] = '\0';
	if (res->fail != HTTP_FAIL_NONE || res->status != 200 ||
	    json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		return RC_TEMP;
	list = json_get(j, "data");
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *t = json_at(list, i);

		if (!str_eq(json_text(&m, json_get(t, "status")), "APPROVED"))
			continue;
		jsonw_object(out, NULL);
		jsonw_str(out, "name", json_text(&m, json_get(t, "name")));
		jsonw_str(out, "language", json_text(&m, json_get(t, "language")));
		jsonw_end(out);
	}
	next_page(&m, j, after);
	mem_arena_free(&m);
	json_free(j);
	return RC_OK;
}

/* --- pictures (H.15) ------------------------------------------------------------------ */

enum rc
cloud_media_build(const struct account *a, const char *ref, struct http_req *out)
{
	struct buf b;
	enum rc rc = RC_INVALID;

	if (str_empty(ref))
		return RC_INVALID;
	buf_init(&b, 4096);
	/* without phone_number_id: a customer's file was uploaded to no number of ours */
	http_url_encode(&b, ref);
	if (!buf_err(&b))
		rc = cloud_req(a, "GET", b.p, out);
	buf_free(&b);
	return rc;
}

/* The hosts that may see our token: Meta's, and the API's own where another is configured. */
static bool
may_see_token(const struct account *a, const char *url)
{
	const char *base = str_empty(a->api_url) ? CLOUD_BASE : a->api_url;
	bool https = str_starts(url, "https://");
	char host[300], api[300];

	/* strict: "other.example\.fbsbx.com" is whose, depends on who reads it */
	if (url_host(url, host, sizeof host) != RC_OK || url_host(base, api, sizeof api) != RC_OK)
		return false;
	if (str_eq(host, api))
		return https == str_starts(base, "https://");
	return https && (str_ends(host, ".fbsbx.com:443") || str_ends(host, ".fbcdn.net:443"));
}

/* At most max bytes of it, and no half character. */
static const char *
beginning(struct mem_arena *m, const char *s, size_t max)
{
	return mem_arena_ndup(m, s, str_utf8_cut(s, strlen(s), max));
}

enum rc
cloud_media_read(
    const struct account *a, const struct http_res *res, struct http_req *out, char why[200])
{
	struct mem_arena m = { 0 };
	struct json *j = NULL;
	struct cloud_error e;
	const char *url;
	struct buf auth;
	enum rc rc = RC_TEMP;

	if (res->fail == HTTP_FAIL_NONE && json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		j = NULL;
	cloud_error_read(res, j, &e);
	url = json_text(&m, json_get(j, "url"));
	if (res->status == 404 || e.class == CLOUD_FAIL) {
		snprintf(why, 200, "no longer available at the provider: %s %s", e.code,
		    beginning(&m, e.text, 90));
		rc = RC_NONE;
	} else if (e.class != CLOUD_FINE || url == NULL) {
		snprintf(why, 200, "%s %s", e.code, beginning(&m, e.text, 120));
	} else if (!may_see_token(a, url)) {
		snprintf(why, 200, "the file is at %s, a host that may not see the token",
		    beginning(&m, url, 100));
		rc = RC_NONE;
	} else {
		buf_init(&auth, 16 * 1024);
		buf_printf(&auth, "Bearer %s", a->token);
		http_req_init(out, "GET", url);
		rc = http_req_header(out, "Authorization", auth.p);
		mem_wipe(auth.p, auth.n);
		buf_free(&auth);
	}
	mem_arena_free(&m);
	json_free(j);
	return rc;
}

/* --- a token of 60 days (H.23) --------------------------------------------------------- */

/*
 * GET only, secret and token in the query: so it is documented; log masks both.  Where the app's id
 * is not set nothing is renewed: a token that never ends would be changed for one that does.
 */
enum rc
cloud_refresh_build(const struct account *a, struct http_req *out)
{
	const struct cloud_own *own = cloud_own(a);
	enum rc rc = RC_INVALID;
	const char *secret;
	struct buf b, s;
	size_t n;

	if (str_empty(a->token) || str_empty(own->app_id) || own->meta.app_secrets.n == 0)
		return RC_INVALID;
	secret = own->meta.app_secrets.v[0];
	n = strlen(secret);
	str_trim(&secret, &n);
	buf_init(&b, 32 * 1024);
	buf_init(&s, 8 * 1024);
	buf_put(&s, secret, n);
	buf_printf(&b,
	    "%s/%s/oauth/access_token?grant_type=fb_exchange_token&client_id=%s"
	    "&client_secret=",
	    str_empty(a->api_url) ? CLOUD_BASE : a->api_url,
	    own->meta.version != NULL ? own->meta.version : "", own->app_id);
	http_url_encode(&b, s.p != NULL ? s.p : "");
	buf_puts(&b, "&set_token_expires_in_60_days=true&fb_exchange_token=");
	http_url_encode(&b, a->token);
	if (!buf_err(&b)) {
		http_req_init(out, "GET", b.p);
		rc = RC_OK;
	}
	mem_wipe(b.p, b.n);
	mem_wipe(s.p, s.n);
	buf_free(&b);
	buf_free(&s);
	return rc;
}

enum rc
cloud_refresh_read(
    const struct account *a, struct http_res *res, const char **token, int64_t *life_s)
{
	struct json *j = NULL;
	struct cloud_error e;
	const char *t;
	int64_t life;

	(void)a;
	if (res->fail == HTTP_FAIL_NONE && json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		j = NULL;
	cloud_error_read(res, j, &e);
	t = json_str(&res->arena, json_get(j, "access_token"));
	if (json_i64(json_get(j, "expires_in"), &life) != RC_OK || life <= 0 ||
	    life > 10 * 365 * 86400LL)
		life = LIFE_S;
	json_free(j);
	if (e.class != CLOUD_FINE)
		return e.class == CLOUD_RETRY || e.class == CLOUD_RATE || e.class == CLOUD_UNKNOWN ?
		    RC_TEMP :
		    RC_DENIED;
	if (str_empty(t) || strlen(t) > 8192)
		return RC_TEMP;
	*token = t;
	*life_s = life;
	return RC_OK;
}

/* --- doctor (H.22) ------------------------------------------------------------------- */

/* EXPIRY tells whose the token is, which SUBSCRIBED wants to know. */
enum {
	ASK_TOKEN,
	ASK_EXPIRY,
	ASK_NUMBER,
	ASK_STATE,
	ASK_QUALITY,
	ASK_HEALTH,
	ASK_SUBSCRIBED,
	ASK_CALLBACK,
	ASK_PAIR,
	ASK_TEMPLATES,
	ASK_ACCOUNT,
	ASK__MAX
};

static const char *const codes[ASK__MAX] = { "token", "expiry", "number", "state", "quality",
	"health", "subscribed", "callback", "waba", "templates", "account" };

static bool
needs_waba(int step)
{
	return step == ASK_SUBSCRIBED || step == ASK_PAIR || step == ASK_TEMPLATES ||
	    step == ASK_ACCOUNT;
}

enum rc
cloud_probe_build(const struct account *a, int step, struct http_req *out)
{
	static const char *const fields[] = { [ASK_TOKEN] = "id",
		[ASK_NUMBER] = "id,display_phone_number,verified_name,platform_type",
		[ASK_STATE] = "status,code_verification_status,name_status",
		[ASK_QUALITY] = "quality_rating",
		[ASK_HEALTH] = "health_status",
		[ASK_CALLBACK] = "webhook_configuration" };
	const char *waba = cloud_own(a)->waba_id;
	struct buf b;
	enum rc rc = RC_INVALID;

	if (step >= ASK__MAX)
		return RC_NONE;
	if (str_empty(a->token) || str_empty(a->own_id) || (needs_waba(step) && str_empty(waba)))
		return RC_INVALID;
	if (step == ASK_TEMPLATES)
		return cloud_templates_build(a, "", out);
	buf_init(&b, 64 * 1024);
	if (step == ASK_SUBSCRIBED)
		buf_printf(&b, "%s/subscribed_apps", waba);
	else if (step == ASK_PAIR)
		buf_printf(&b, "%s/phone_numbers?fields=id,display_phone_number", waba);
	else if (step == ASK_ACCOUNT)
		buf_printf(&b, "%s?fields=name,status,account_review_status", waba);
	else if (step == ASK_EXPIRY) {
		buf_puts(&b, "debug_token?input_token=");
		http_url_encode(&b, a->token);
	} else {
		buf_printf(&b, "%s?fields=%s", a->own_id, fields[step]);
	}
	if (!buf_err(&b))
		rc = cloud_req(a, "GET", b.p, out);
	mem_wipe(b.p, b.n);
	buf_free(&b);
	return rc;
}

enum rc
cloud_probe_more(const struct account *a, int step, const char *after, struct http_req *out)
{
	return step == ASK_TEMPLATES ? cloud_templates_build(a, after, out) : RC_INVALID;
}

static const char *
word(struct mem_arena *m, const struct json *j, const char *path)
{
	const char *s = json_text(m, json_get(j, path));

	return s != NULL ? s : "";
}

/* What a refusal speaks of, whichever question it answered. */
static const char *
code_of(const struct cloud_error *e, int step)
{
	switch (e->class) {
	case CLOUD_TOKEN:
		return "token";
	case CLOUD_PROOF:
		return "proof";
	case CLOUD_RIGHT:
		return str_eq(e->hint, "cloud_permission") ? "permission" :
		    str_eq(e->hint, "cloud_number")  ? (needs_waba(step) ? "waba" : "number") :
		    str_eq(e->hint, "cloud_payment") ? "health" :
						       "state";
	case CLOUD_RETRY:
	case CLOUD_UNKNOWN:
		return "reach";
	default:
		return codes[step];
	}
}

static void
refused(const struct cloud_error *e, int step, struct finding *f)
{
	bool theirs = e->class == CLOUD_RETRY || e->class == CLOUD_UNKNOWN ||
	    e->class == CLOUD_RATE;

	snprintf(f->code, sizeof f->code, "%s", code_of(e, step));
	finding_set(f, theirs ? FINDING_WARN : FINDING_FAIL, "%s", "«%s»",
	    e->text[0] != '\0' ? e->text : e->code);
}

/* The id of a file, an app or an account is answered, too: a number has digits. */
static void
read_number(const struct account *a, struct mem_arena *m, const struct json *j, struct finding *f)
{
	const char *digits = word(m, j, "display_phone_number");

	if (*digits == '\0')
		finding_set(f, FINDING_FAIL, "%s is the id of something that is no phone number",
		    "%s — это id, но не номера телефона", a->own_id);
	else
		finding_set(f,
		    str_eq(word(m, j, "platform_type"), "ON_PREMISE") ? FINDING_FAIL : FINDING_OK,
		    "%s, %s", "%s, %s", digits, word(m, j, "verified_name"));
}

static void
read_state(struct mem_arena *m, const struct json *j, struct finding *f)
{
	static const char *const bad[] = { "PENDING", "OFFLINE", "RESTRICTED", "RATE_LIMITED",
		"DISCONNECTED", "MIGRATED", "BANNED", "DELETED" };
	const char *s = word(m, j, "status");

	finding_set(f,
	    str_eq(s, "CONNECTED")   ? FINDING_OK :
		str_eq(s, "FLAGGED") ? FINDING_WARN :
				       FINDING_UNKNOWN,
	    "status %s", "status %s", *s != '\0' ? s : "?");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (str_eq(s, bad[i]))
			f->status = FINDING_FAIL;
}

static void
read_quality(struct mem_arena *m, const struct json *j, struct finding *f)
{
	const char *s = word(m, j, "quality_rating");

	finding_set(f,
	    str_eq(s, "RED")	    ? FINDING_FAIL :
		str_eq(s, "YELLOW") ? FINDING_WARN :
		*s == '\0'	    ? FINDING_UNKNOWN :
				      FINDING_OK,
	    "quality_rating %s", "quality_rating %s", *s != '\0' ? s : "?");
}

/* The first entity that is limited or blocked, in Meta's words. */
static void
read_health(struct mem_arena *m, const struct json *j, struct finding *f)
{
	const struct json *h = json_get(j, "health_status"), *list = json_get(h, "entities");
	const char *s = word(m, h, "can_send_message");

	finding_set(f,
	    str_eq(s, "BLOCKED")       ? FINDING_FAIL :
		str_eq(s, "LIMITED")   ? FINDING_WARN :
		str_eq(s, "AVAILABLE") ? FINDING_OK :
					 FINDING_UNKNOWN,
	    "can_send_message %s", "can_send_message %s", *s != '\0' ? s : "?");
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *e = json_at(list, i), *err = json_at(json_get(e, "errors"), 0);

		if (str_eq(word(m, e, "can_send_message"), "AVAILABLE") || err == NULL)
			continue;
		finding_set(f, f->status, "can_send_message %s: %s %s: %s %s",
		    "can_send_message %s: %s %s: «%s %s»", s, word(m, e, "entity_type"),
		    word(m, err, "error_code"), word(m, err, "error_description"),
		    word(m, err, "possible_solution"));
		return;
	}
}

/* Whether our app is among them is judged by whom the token belongs to (checks.c). */
static void
read_subscribed(struct mem_arena *m, const struct json *j, struct finding *f)
{
	const struct json *list = json_get(j, "data");
	size_t n = 0;

	if (json_len(list) == 0) {
		finding_set(f, FINDING_FAIL,
		    "no app is subscribed to this WhatsApp Business Account",
		    "на этот аккаунт WhatsApp Business не подписано ни одно приложение");
		return;
	}
	for (size_t i = 0; i < json_len(list) && n < sizeof f->apps; i++)
		n += (size_t)snprintf(f->apps + n, sizeof f->apps - n, "%s%s ", i == 0 ? " " : "",
		    word(m, json_at(list, i), "whatsapp_business_api_data.id"));
	if (n >= sizeof f->apps)
		f->apps[0] = '\0';	/* the list is incomplete: no app is reported as missing */
	finding_set(f, FINDING_OK, "%s", "«%s»",
	    word(m, json_at(list, 0), "whatsapp_business_api_data.name"));
}

/* Number beats business account beats app (H.14); doctor compares it with our address. */
static void
read_callback(struct mem_arena *m, const struct json *j, struct finding *f)
{
	const struct json *c = json_get(j, "webhook_configuration");
	const char *s = word(m, c, "phone_number");

	if (*s == '\0')
		s = word(m, c, "whatsapp_business_account");
	if (*s == '\0')
		s = word(m, c, "application");
	if (*s == '\0')
		finding_set(f, FINDING_UNKNOWN, "the answer names no webhook_configuration",
		    "в ответе нет webhook_configuration");
	else
		finding_set(f, FINDING_OK, "%s", "%s", s);
}

static void
read_pair(const struct account *a, struct mem_arena *m, const struct json *j, struct finding *f)
{
	const struct json *list = json_get(j, "data");
	char first[200] = "";

	for (size_t i = 0; i < json_len(list); i++) {
		const char *id = word(m, json_at(list, i), "id");

		if (str_eq(id, a->own_id)) {
			finding_set(f, FINDING_OK, "%s", "%s",
			    word(m, json_at(list, i), "display_phone_number"));
			return;
		}
		if (i == 0)
			snprintf(first, sizeof first, "%s (%s)", id,
			    word(m, json_at(list, i), "display_phone_number"));
	}
	finding_set(f, FINDING_FAIL,
	    first[0] != '\0' ? "%s is no number of this WhatsApp Business Account; it has %s" :
			       "%s is no number of this WhatsApp Business Account%s",
	    first[0] != '\0' ? "номера %s нет в этом аккаунте WhatsApp Business; в нём есть %s" :
			       "номера %s нет в этом аккаунте WhatsApp Business%s",
	    a->own_id, first);
}

static bool
names(struct mem_arena *m, const struct json *list, const char *what)
{
	for (size_t i = 0; i < json_len(list); i++)
		if (str_eq(json_text(m, json_at(list, i)), what))
			return true;
	return false;
}

/* What the token lacks; false: nothing.  A scope that names accounts holds for these alone. */
static bool
lacks(const struct account *a, struct mem_arena *m, const struct json *d, struct finding *f)
{
	static const char *const needed[] = { "whatsapp_business_messaging",
		"whatsapp_business_management" };
	const struct json *granular = json_get(d, "granular_scopes");
	const struct json *scopes = json_get(d, "scopes");
	const char *waba = cloud_own(a)->waba_id;

	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (json_len(scopes) > 0 && !names(m, scopes, needed[i])) {
			finding_set(f, FINDING_FAIL, "the token lacks %s", "у токена нет права %s",
			    needed[i]);
			return true;
		}
	for (size_t i = 0; i < json_len(granular) && !str_empty(waba); i++) {
		const struct json *g = json_at(granular, i), *ids = json_get(g, "target_ids");

		if (!str_starts(word(m, g, "scope"), "whatsapp_business_") || json_len(ids) == 0 ||
		    names(m, ids, waba))
			continue;
		finding_set(f, FINDING_FAIL, "the token has %s for account %s, not for %s",
		    "у токена есть %s для аккаунта %s, а не для %s", word(m, g, "scope"),
		    json_text(m, json_at(ids, 0)), waba);
		return true;
	}
	return false;
}

static void
read_expiry(const struct account *a, struct mem_arena *m, const struct json *j, struct finding *f)
{
	const struct json *d = json_get(j, "data");
	int64_t at = 0, days;

	if (json_i64(json_get(d, "expires_at"), &at) != RC_OK)
		at = 0;
	days = (at - clock_now_us() / 1000000) / 86400;
	snprintf(f->app, sizeof f->app, "%s", word(m, d, "app_id"));
	if (!json_bool(json_get(d, "is_valid"), true)) {
		snprintf(f->code, sizeof f->code, "token");
		finding_set(f, FINDING_FAIL, "%s", "«%s»", word(m, d, "error.message"));
	} else if (lacks(a, m, d, f)) {
		snprintf(f->code, sizeof f->code, "permission");
	} else if (at == 0) {
		finding_set(f, FINDING_OK, "never expires", "бессрочный");
	} else {
		finding_set(f,
		    days < 0			? FINDING_FAIL :
			days < EXPIRY_WARN_DAYS ? FINDING_WARN :
						  FINDING_OK,
		    "%" PRId64 " days left", "осталось дней: %" PRId64, days);
	}
}

/* The WhatsApp Business Account itself. */
static void
read_account(struct mem_arena *m, const struct json *j, struct finding *f)
{
	const char *status = word(m, j, "status"), *review = word(m, j, "account_review_status");
	bool good = (*status == '\0' || str_eq(status, "ACTIVE")) &&
	    (*review == '\0' || str_eq(review, "APPROVED"));

	finding_set(f, good ? FINDING_OK : FINDING_WARN, "account %s: %s %s", "аккаунт «%s»: %s %s",
	    word(m, j, "name"), status, review);
}

static void
read_templates(struct mem_arena *m, const struct json *j, struct finding *f)
{
	const struct json *list = json_get(j, "data");

	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *t = json_at(list, i);
		const char *s = word(m, t, "status");

		if (str_eq(s, "PAUSED") || str_eq(s, "DISABLED")) {
			finding_set(f, FINDING_WARN, "template %s (%s): %s", "шаблон %s (%s): %s",
			    word(m, t, "name"), word(m, t, "language"), s);
			return;
		}
	}
	next_page(m, j, f->after);
	finding_set(
	    f, FINDING_OK, "none is paused or disabled", "ни один не приостановлен и не отключён");
}

static void
read_good(const struct account *a, int step, const struct json *j, struct finding *f)
{
	struct mem_arena m = { 0 };

	snprintf(f->code, sizeof f->code, "%s", codes[step]);
	switch (step) {
	case ASK_TOKEN:
		finding_set(f, FINDING_OK, "accepted", "принят");
		break;
	case ASK_NUMBER:
		read_number(a, &m, j, f);
		break;
	case ASK_STATE:
		read_state(&m, j, f);
		break;
	case ASK_QUALITY:
		read_quality(&m, j, f);
		break;
	case ASK_HEALTH:
		read_health(&m, j, f);
		break;
	case ASK_SUBSCRIBED:
		read_subscribed(&m, j, f);
		break;
	case ASK_CALLBACK:
		read_callback(&m, j, f);
		break;
	case ASK_PAIR:
		read_pair(a, &m, j, f);
		break;
	case ASK_EXPIRY:
		read_expiry(a, &m, j, f);
		break;
	case ASK_TEMPLATES:
		read_templates(&m, j, f);
		break;
	case ASK_ACCOUNT:
		read_account(&m, j, f);
		break;
	}
	mem_arena_free(&m);
}

enum rc
cloud_probe_read(const struct account *a, int step, const struct http_res *res, struct finding *out)
{
	struct json *j = NULL;
	struct cloud_error e;

	memset(out, 0, sizeof *out);
	if (res->fail == HTTP_FAIL_NONE && json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		j = NULL;
	cloud_error_read(res, j, &e);
	if (e.class == CLOUD_FINE && json_type(j) == JSON_OBJECT)
		read_good(a, step, j, out);
	else
		refused(&e, step, out);
	json_free(j);
	return RC_OK;
}

/* POST /WABA_ID/subscribed_apps (H.14): what dmbox doctor --fix does. */
enum rc
cloud_subscribe(const struct account *a, struct http_req *out)
{
	char path[300];

	if (str_empty(cloud_own(a)->waba_id))
		return RC_INVALID;
	snprintf(path, sizeof path, "%s/subscribed_apps", cloud_own(a)->waba_id);
	return cloud_req(a, "POST", path, out);
}

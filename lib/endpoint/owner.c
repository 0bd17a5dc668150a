/*
 * The owner's page.  Its verdict is made of what one query and a look at the spool tell; what
 * only a run of doctor can find out is unknown here and shown as unknown.
 */
#include "endpoint/owner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/qr.h"
#include "bridge/hint.h"
#include "bridge/replay.h"
#include "bridge/tick.h"
#include "extern/json.h"
#include "extern/jsonw.h"
#include "endpoint/login.h"
#include "endpoint/session.h"
#include "model/provider.h"
#include "store/owner.h"
#include "store/people.h"
#include "store/trace.h"

#define ANSWER_MAX (4u << 20)
#define ACCOUNTS_SHOWN 16 /* figures by hour and day of more would be too much for one page */
#define POLL_ALIVE_S 180  /* the poller leaves a heartbeat each minute */
#define OVERDUE_S 600
#define LINK_S (24 * 3600)
#define WHY_STEPS 200

/* --- texts ----------------------------------------------------------------------- */

struct words {
	const char *en, *ru;
};

static bool
ru(const struct endpoint_env *e)
{
	const char *lang = http_query_get(&e->res->arena, e->req->query, "lang");

	return str_eq(lang != NULL ? lang : e->conf->lang, "ru");
}

static const char *
say(const struct endpoint_env *e, struct words w)
{
	return ru(e) ? w.ru : w.en;
}

/* Why a delivery was refused, and what to do; by the beginning of its reason. */
static const struct {
	const char *reason;
	struct words what, remedy;
} refusals[] = {
    {"no_secret", {"It came without the secret", "Пришло без секрета"},
	{"Enter the webhook's secret at the provider: `dmbox init` prints it, or see the account's "
	 "settings.",
	    "Впишите секрет вебхука у провайдера: его печатает `dmbox init`."}},
    {"wrong_secret", {"It came with another secret", "Пришло с другим секретом"},
	{"Compare the secret at the provider with the one in the configuration, letter by letter.",
	    "Сверьте секрет у провайдера с тем, что в настройке, буква за буквой."}},
    {"no_signature", {"It came without a signature", "Пришло без подписи"},
	{"Only the provider signs; if it was not somebody who looks around, look whether a proxy "
	 "drops headers.",
	    "Подписывает только провайдер; если это не чужой запрос, проверьте, не теряет ли "
	    "прокси заголовки."}},
    {"wrong_signature", {"Its signature does not fit", "Подпись не подходит"},
	{"Set the app secret of the application that sends (Meta: App settings, Basic).",
	    "Укажите секрет того приложения, которое шлёт (Meta: App settings, Basic)."}},
    {"unknown_account",
	{"Its address names an account that is not configured",
	    "В адресе назван ненастроенный аккаунт"},
	{"Correct the address at the provider; `dmbox doctor` shows the right one.",
	    "Исправьте адрес у провайдера; верный показывает `dmbox doctor`."}},
    {"wrong_address",
	{"It was sent to an address that takes no messages",
	    "Отправлено на адрес, который сообщений не принимает"},
	{"Correct the address at the provider; `dmbox doctor` shows the right one.",
	    "Исправьте адрес у провайдера; верный показывает `dmbox doctor`."}},
    {"sent_by_get", {"It was sent by GET", "Отправлено методом GET"},
	{"Set the method of the flow's step to POST.", "Поставьте в шаге сценария метод POST."}},
    {"too_large", {"It was too large", "Слишком большое"},
	{"Raise DMBOX_MAX_BODY_BYTES if it was meant to come.",
	    "Если так и задумано, увеличьте DMBOX_MAX_BODY_BYTES."}},
    {"cut_body", {"It did not arrive whole", "Пришло не целиком"},
	{"The line broke; the provider sends it again.",
	    "Связь оборвалась; провайдер пришлёт ещё раз."}},
    {"handshake_refused",
	{"The provider's test of the address was refused", "Проверка адреса провайдером не прошла"},
	{"Enter the same verify token at the provider and in the configuration.",
	    "Впишите один и тот же verify token у провайдера и в настройке."}},
    {"not_understood",
	{"It was not understood and made no message", "Не понято и не стало сообщением"},
	{"`dmbox init` prints what to send. It is kept: when a newer release understands it, "
	 "Replay makes it a message.",
	    "Что отправлять, печатает `dmbox init`. Тело сохранено: когда новый выпуск его поймёт, "
	    "кнопка «Прочитать ещё раз» сделает его сообщением."}},
    {"", {"It was refused", "Отклонено"},
	{"`dmbox doctor` looks at the whole way and says what to do.",
	    "`dmbox doctor` проверит весь путь и скажет, что делать."}},
};

static size_t
refusal_of(const char *reason)
{
	size_t i = 0;

	while (!str_starts(reason, refusals[i].reason))
		i++;
	return i;
}

/* What they mean, for the list: {"no_secret":"...",...}. */
static void
put_reasons(const struct endpoint_env *e, struct jsonw *w)
{
	jsonw_object(w, "reasons");
	for (size_t i = 0; *refusals[i].reason != '\0'; i++)
		jsonw_str(w, refusals[i].reason, say(e, refusals[i].what));
	jsonw_end(w);
}

/* --- checks ---------------------------------------------------------------------- */

enum level { L_OK, L_UNKNOWN, L_WARN, L_FAIL };
static const char *const levels[] = {"ok", "unknown", "warn", "fail"};
enum group {
	G_CONF,
	G_DB,
	G_FILES,
	G_WEB,
	G_PROVIDER,
	G_DELIVERIES,
	G_SENDING,
	G_POLLER,
	G_INBOX,
	G__MAX
};
static const char *const groups[G__MAX] = {"configuration", "database", "files", "web", "provider",
    "deliveries", "sending", "poller", "inbox"};

/* What the groups hold: JSON of the checks that are not ok, the worst level; the verdict. */
struct page {
	struct endpoint_env *e;
	struct buf checks[G__MAX];
	struct jsonw lists[G__MAX]; /* write checks */
	enum level worst[G__MAX];
	struct buf verdict;
	enum level verdict_level;
};

static void
put_check(struct jsonw *w, enum level l, const char *code, const char *const text[3])
{
	jsonw_object(w, NULL);
	jsonw_str(w, "code", code);
	jsonw_str(w, "status", levels[l]);
	jsonw_str(w, "what", text[0]);
	jsonw_str(w, "seen", text[1]);
	jsonw_str(w, "remedy", text[2]);
	jsonw_end(w);
}

static void
check(struct page *p, enum group g, enum level l, const char *const text[3])
{
	struct jsonw w;

	put_check(&p->lists[g], l, groups[g], text);
	if (l > p->worst[g])
		p->worst[g] = l;
	/* what is unknown is no reason to alarm anybody */
	if (l >= L_WARN && l > p->verdict_level) {
		p->verdict_level = l;
		buf_reset(&p->verdict);
		jsonw_init(&w, &p->verdict);
		put_check(&w, l, groups[g], text);
	}
}

#define CHECK(p, g, l, what, seen, remedy)                                                         \
	check(p, g, l,                                                                             \
	    (const char *const[3]){                                                                \
		say((p)->e, (struct words)what), seen, say((p)->e, (struct words)remedy)})
#define W(en, ru)                                                                                  \
	{                                                                                          \
		en, ru                                                                             \
	}

static void
check_host(struct page *p)
{
	const struct conf *c = p->e->conf;
	struct spool *sp = ctx_spool(p->e->ctx, c);
	struct spool_stat st = {0};
	char seen[160], name[TICK_NAME];
	int64_t us;

	for (size_t i = 0; i < c->n_issues && i < 3; i++)
		CHECK(p, G_CONF, c->issues[i].error ? L_FAIL : L_WARN,
		    W("A line of the configuration", "Строка настройки"), c->issues[i].text,
		    W("`dmbox config --check`", "`dmbox config --check`"));
	if (sp == NULL || spool_stat(sp, &st) != RC_OK) {
		CHECK(p, G_FILES, L_UNKNOWN, W("The spool's folder", "Папка спула"), c->spool_dir,
		    W("`dmbox doctor`", "`dmbox doctor`"));
	} else if (st.bad > 0 || (st.waiting > 0 && st.oldest_s > OVERDUE_S)) {
		snprintf(seen, sizeof seen,
		    ru(p->e) ? "ждут: %zu, в карантине: %zu" : "%zu wait, %zu in quarantine",
		    st.waiting, st.bad);
		CHECK(p, G_FILES, L_WARN,
		    W("Deliveries that are not in the database yet",
			"Доставки, которых ещё нет в базе"),
		    seen,
		    W("`dmbox doctor` says why they are not stored.",
			"`dmbox doctor` скажет, почему они не сохранены."));
	}
	if (str_empty(c->public_url))
		CHECK(p, G_WEB, L_WARN, W("The public address", "Публичный адрес"),
		    "DMBOX_PUBLIC_URL",
		    W("Set DMBOX_PUBLIC_URL: links and tests of the address need it.",
			"Задайте DMBOX_PUBLIC_URL: он нужен для ссылок и проверки адреса."));
	else
		CHECK(p, G_WEB, L_UNKNOWN, W("The way from outside", "Путь снаружи"), c->public_url,
		    W("Not tried from here: `dmbox doctor` tries it.",
			"Отсюда не проверяется: проверит `dmbox doctor`."));
	if (tick_name(c->tick_dir, name, &us) != RC_OK)
		CHECK(p, G_INBOX, L_UNKNOWN, W("The tick file", "Тик-файл"),
		    c->tick_dir != NULL ? c->tick_dir : "DMBOX_TICK_DIR",
		    W("Without it an open page asks every ten seconds: let the web and the cron "
		      "user write there.",
			"Без него открытая страница спрашивает каждые десять секунд: дайте веб- и "
			"cron-пользователю право записи."));
}

static void
check_facts(struct page *p, const struct owner_facts *f)
{
	char seen[160];

	if (f->refused > 0) {
		size_t i = refusal_of(f->refused_reason);

		snprintf(seen, sizeof seen, "%" PRId64 " (%s)", f->refused, f->refused_reason);
		check(p, G_DELIVERIES, L_WARN,
		    (const char *const[3]){
			say(p->e, (struct words)W("Refused deliveries in 24 hours",
				      "Отклонённые доставки за сутки")),
			seen, say(p->e, refusals[i].remedy)});
	}
	if (f->odd > 0) {
		snprintf(seen, sizeof seen, "%" PRId64, f->odd);
		CHECK(p, G_DELIVERIES, L_WARN,
		    W("Deliveries in 24 hours that made no message",
			"Доставки за сутки, не ставшие сообщением"),
		    seen,
		    W("Look at one below; `dmbox init` prints what to send.",
			"Посмотрите одну ниже; что отправлять, печатает `dmbox init`."));
	}
	if (f->failed > 0 || f->unknown > 0) {
		snprintf(seen, sizeof seen,
		    ru(p->e) ? "не ушло: %" PRId64 ", неизвестно: %" PRId64
			     : "failed %" PRId64 ", unknown %" PRId64,
		    f->failed, f->unknown);
		CHECK(p, G_SENDING, L_WARN,
		    W("Messages that did not go out", "Неотправленные сообщения"), seen,
		    W("Decide on each below.", "Решите по каждому ниже."));
	}
	if (f->queued_s > OVERDUE_S) {
		snprintf(seen, sizeof seen,
		    ru(p->e) ? "просрочено на %" PRId64 " мин" : "%" PRId64 " min overdue",
		    f->queued_s / 60);
		CHECK(p, G_SENDING, L_FAIL,
		    W("A message that waits to be sent", "Сообщение ждёт отправки"), seen,
		    W("Is the line of dmbox-poll in cron? `dmbox doctor` says more.",
			"Стоит ли в cron строка dmbox-poll? Подробности: `dmbox doctor`."));
	}
	if (f->check_age_s < 0 || f->check_age_s > POLL_ALIVE_S) {
		snprintf(seen, sizeof seen,
		    ru(p->e) ? "%" PRId64 " мин назад" : "%" PRId64 " min ago",
		    f->check_age_s / 60);
		if (f->check_age_s < 0)
			snprintf(seen, sizeof seen, "%s", ru(p->e) ? "ни разу" : "never");
		CHECK(p, G_POLLER, L_FAIL, W("The poller's last run", "Последний запуск опросчика"),
		    seen,
		    W("Put dmbox-poll into cron, each minute.",
			"Поставьте dmbox-poll в cron, каждую минуту."));
	}
}

/* --- the page --------------------------------------------------------------------- */

/* The configured accounts, as pairs; of very many the first. */
static void
accounts_of(const struct endpoint_env *e, struct strv *accounts, struct strv *channels)
{
	for (size_t i = 0; i < e->conf->n_accounts && i < ACCOUNTS_SHOWN; i++) {
		const struct account *a = &e->conf->accounts[i];
		const char *ch = channel_names[a->channel];

		strv_add(accounts, a->name, strlen(a->name));
		strv_add(channels, ch, strlen(ch));
	}
}

static enum rc
put_series(struct db *db, const struct strv *accounts, const struct strv *channels, bool days,
    struct jsonw *w)
{
	char at[CLOCK_ISO_MAX];
	enum rc rc;

	clock_iso(owner_from(days, clock_now_us()), at);
	if (days)
		at[strlen("2026-01-01")] = '\0';
	jsonw_object(w, days ? "days" : "hours");
	jsonw_str(w, "from", at);
	rc = owner_series(db, accounts, channels, days, jsonw_value(w, "accounts"));
	if (rc == RC_OK)
		jsonw_end(w);
	return rc;
}

static enum rc
put_accounts(struct page *p, struct db *db, struct jsonw *w)
{
	const struct conf *c = p->e->conf;
	enum rc rc = RC_OK;

	jsonw_array(w, "accounts");
	for (size_t i = 0; i < c->n_accounts && i < ACCOUNTS_SHOWN && rc == RC_OK; i++) {
		const struct account *a = &c->accounts[i];
		char outcome[24] = "";

		jsonw_object(w, NULL);
		jsonw_str(w, "channel", channel_names[a->channel]);
		jsonw_str(w, "account", a->name);
		jsonw_str(w, "provider", a->use_mock ? provider_called(a) :
		    provider_of(a)->title);
		rc = owner_poll(db, a->name, channel_names[a->channel], outcome, w);
		jsonw_str(w, "hint", NULL);
		jsonw_end(w);
		if (str_eq(outcome, poll_outcome_names[POLL_FAILED]))
			CHECK(p, G_PROVIDER, L_WARN,
			    W("The last check of an account", "Последняя проверка аккаунта"),
			    a->name,
			    W("See its attempts below; `dmbox doctor` says what to do.",
				"Смотрите попытки ниже; что делать, скажет `dmbox doctor`."));
	}
	jsonw_end(w);
	return rc;
}

/* One step of the guide. */
static void
put_step(const struct page *p, struct jsonw *w, const char *code, bool done, struct words what,
    const char *value)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "code", code);
	jsonw_bool(w, "done", done);
	jsonw_str(w, "what", say(p->e, what));
	jsonw_str(w, "value", value);
	jsonw_end(w);
}

static void
put_setup(struct page *p, const struct owner_facts *f, struct jsonw *w)
{
	const struct conf *c = p->e->conf;
	const struct account *a = &c->accounts[0];
	bool ready = false;
	struct buf url;

	for (size_t i = 0; i < c->n_accounts && !ready; i++)
		if (c->accounts[i].used &&
		    (c->accounts[i].use_mock ||
			account_missing(&c->accounts[i], KEY_READY, 0) == NULL)) {
			a = &c->accounts[i];
			ready = true;
		}
	buf_init(&url, 8192);
	hint_webhook_url(c, a, &url);
	jsonw_array(w, "setup");
	put_step(p, w, "database", true,
	    (struct words)W("The database has its tables", "В базе есть таблицы"), NULL);
	put_step(p, w, "address", !str_empty(c->public_url),
	    (struct words)W("The address of this site is set (DMBOX_PUBLIC_URL)",
		"Задан адрес сайта (DMBOX_PUBLIC_URL)"),
	    c->public_url);
	put_step(p, w, "account", ready,
	    (struct words)W("An account has its token", "У аккаунта есть токен"),
	    ready ? NULL : "dmbox init");
	put_step(p, w, "cron", f->check_age_s >= 0 && f->check_age_s <= POLL_ALIVE_S,
	    (struct words)W("The poller runs each minute", "Опросчик запускается каждую минуту"),
	    "* * * * * dmbox-poll");
	put_step(p, w, "webhook", f->accepted,
	    (struct words)W("The provider calls this address", "Провайдер вызывает этот адрес"),
	    url.p);
	put_step(p, w, "message", f->message_age_s >= 0,
	    (struct words)W("The first message is there: write to yourself from another account",
		"Пришло первое сообщение: напишите себе с другого аккаунта"),
	    NULL);
	put_step(p, w, "people", f->people > 1,
	    (struct words)W("A second person has a link", "У второго человека есть ссылка"), NULL);
	jsonw_end(w);
	buf_free(&url);
}

static void
put_head(struct page *p, const struct owner_facts *f, struct jsonw *w)
{
	jsonw_time(w, "at", clock_now_us());
	jsonw_raw(w, "verdict",
	    p->verdict_level >= L_WARN ? p->verdict.p : "{\"status\":\"ok\"}");
	jsonw_str(w, "lastMessageAt", *f->message_at != '\0' ? f->message_at : NULL);
	jsonw_str(w, "lastCheckAt", *f->check_at != '\0' ? f->check_at : NULL);
	jsonw_array(w, "groups");
	for (int g = 0; g < G__MAX; g++) {
		jsonw_object(w, NULL);
		jsonw_str(w, "code", groups[g]);
		jsonw_str(w, "status", levels[p->worst[g]]);
		jsonw_end(&p->lists[g]);
		jsonw_raw(w, "checks", p->checks[g].p);
		jsonw_end(w);
	}
	jsonw_end(w);
}

/* All behind the head, which needs to know what these find. */
static enum rc
put_body(struct page *p, struct db *db, const struct owner_facts *f, struct jsonw *w)
{
	static const char *const keys[OWNER_PART__MAX] = {"waiting", "failed", "refused", "users"};
	struct strv accounts = {0}, channels = {0};
	enum rc rc;

	accounts_of(p->e, &accounts, &channels);
	rc = put_series(db, &accounts, &channels, false, w);
	if (rc == RC_OK)
		rc = put_series(db, &accounts, &channels, true, w);
	for (int i = 0; i < OWNER_PART__MAX && rc == RC_OK; i++)
		rc = owner_part(
		    db, (enum owner_part)i, &accounts, &channels, jsonw_value(w, keys[i]));
	if (rc == RC_OK)
		rc = put_accounts(p, db, w);
	if (rc == RC_OK)
		put_setup(p, f, w);
	strv_free(&accounts);
	strv_free(&channels);
	return rc;
}

static void
away(struct endpoint_env *e)
{
	http_res_header(e->res, "Retry-After", strlen("Retry-After"), "5", 1);
	endpoint_error(e, 503, "database", "the database does not answer; try again");
}

/* What w has, or what went wrong; w's buf is freed. */
static void
answer(struct endpoint_env *e, enum rc rc, struct jsonw *w)
{
	if (rc == RC_OK)
		endpoint_jsonw(e, 200, w);
	else if (rc == RC_NONE)
		endpoint_error(e, 404, "not_found", "there is none");
	else
		away(e);
	buf_free(w->b);
}

static void
owner(struct endpoint_env *e)
{
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	struct page p = {.e = e};
	struct owner_facts f;
	struct jsonw w, members;
	struct buf b, body;
	enum rc rc;

	buf_init(&b, ANSWER_MAX);
	buf_init(&body, ANSWER_MAX);
	buf_init(&p.verdict, 1 << 16);
	for (int g = 0; g < G__MAX; g++) {
		buf_init(&p.checks[g], 1 << 16);
		jsonw_init(&p.lists[g], &p.checks[g]);
		jsonw_array(&p.lists[g], NULL);
	}
	jsonw_init(&w, &b);
	jsonw_init(&members, &body);
	jsonw_object(&members, NULL);
	rc = owner_facts(db, &f);
	if (rc == RC_OK) {
		check_host(&p);
		check_facts(&p, &f);
		rc = put_body(&p, db, &f, &members);
	}
	if (rc == RC_OK) {
		jsonw_end(&members);
		jsonw_object(&w, NULL);
		put_head(&p, &f, &w);
		jsonw_members(&w, body.p);
		put_reasons(e, &w);
		jsonw_end(&w);
	}
	answer(e, rc == RC_NONE ? RC_TEMP : rc, &w);
	buf_free(&body);
	buf_free(&p.verdict);
	for (int g = 0; g < G__MAX; g++)
		buf_free(&p.checks[g]);
}

/* --- the ledger ------------------------------------------------------------------- */

static void
ledger(struct endpoint_env *e)
{
	const char *before = http_query_get(&e->arena, e->req->query, "before");
	int64_t id = 0;
	struct jsonw w;
	struct buf b;

	if (!str_empty(before) && (str_i64(before, &id) != RC_OK || id <= 0)) {
		endpoint_error(e, 422, "bad_cursor", "before takes the value of next");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	answer(e,
	    owner_ledger(ctx_db(e->ctx, e->conf, e->thread),
		http_query_get(&e->arena, e->req->query, "reason"), id, &w),
	    &w);
}

static void
delivery(struct endpoint_env *e)
{
	const char *text = http_query_get(&e->arena, e->req->query, "id"), *hint;
	char reason[64] = "";
	int64_t id;
	struct jsonw w;
	struct buf b;
	size_t i;
	enum rc rc;

	if (text == NULL || str_i64(text, &id) != RC_OK) {
		endpoint_error(e, 422, "invalid_field", "id of a delivery is needed");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	rc = owner_delivery(ctx_db(e->ctx, e->conf, e->thread), id, reason, &w);
	if (rc == RC_OK) {
		i = refusal_of(reason);
		hint = *refusals[i].reason != '\0'
			   ? NULL
			   : hint_text(ru(e), &e->conf->accounts[0], reason);
		jsonw_str(&w, "what", hint != NULL ? hint : say(e, refusals[i].what));
		jsonw_str(&w, "remedy", hint != NULL ? NULL : say(e, refusals[i].remedy));
		jsonw_end(&w);
	}
	answer(e, rc, &w);
}

static void
replay(struct endpoint_env *e, const struct json *j)
{
	static const char *const known[] = {"id", "action", NULL};
	const struct replay_want w = {.dry = false};
	struct replay_counts n = {0};
	struct jsonw out;
	struct buf b;
	int64_t id;
	enum rc rc;

	if (!endpoint_members(e, j, known))
		return;
	if (json_i64(json_member(j, "id"), &id) != RC_OK ||
	    !str_eq(json_text(&e->arena, json_member(j, "action")), "replay")) {
		endpoint_error(
		    e, 422, "invalid_field", "id of a delivery and action, replay, are needed");
		return;
	}
	rc = replay_ids(ctx_db(e->ctx, e->conf, e->thread), e->conf, &w, &id, 1, &n);
	if (rc == RC_TEMP || n.by_result[REPLAY_FAILED] > 0) {
		away(e);
	} else if (n.by_result[REPLAY_ABSENT] > 0) {
		endpoint_error(e, 404, "not_found", "there is no such delivery");
	} else if (n.by_result[REPLAY_DONE] == 0) {
		endpoint_error(
		    e, 409, "not_possible", "what was refused, erased or a test is not read again");
	} else {
		buf_init(&b, 256);
		jsonw_init(&out, &b);
		jsonw_object(&out, NULL);
		jsonw_bool(&out, "success", true);
		jsonw_i64(&out, "stored", (int64_t)n.stored);
		jsonw_i64(&out, "duplicates", (int64_t)(n.duplicates + n.weak));
		jsonw_i64(&out, "ignored", (int64_t)n.ignored);
		jsonw_end(&out);
		endpoint_jsonw(e, 200, &out);
		log_info("delivery %" PRId64 " read again by %s", id, e->caller.sub);
	}
}

/* --- why --------------------------------------------------------------------------- */

/* The facts of a station as words: "kind=text, status=received". */
static void
put_facts(struct endpoint_env *e, const char *detail, struct jsonw *w)
{
	const struct json *value;
	struct json *j = NULL;
	const char *key, *t;
	struct buf text;

	buf_init(&text, 1 << 16);
	if (json_parse(detail, strlen(detail), &j, NULL) == RC_OK)
		for (struct json_iter i = {NULL}; json_each(j, &i, &key, &value);) {
			t = json_text(&e->arena, value);
			buf_printf(&text, "%s%s %s", text.n > 0 ? ", " : "", key,
			    t != NULL ? t : json_raw(&e->arena, value));
		}
	jsonw_str(w, "text", text.p);
	json_free(j);
	buf_free(&text);
}

/* messages.id of the message that a trace is of; 0: of none. */
static int64_t
message_of(struct endpoint_env *e, const struct trace *t)
{
	int64_t id = 0;

	for (size_t i = 0; i < t->n && id == 0; i++) {
		struct json *j = NULL;
		const char *s = NULL;

		if (str_eq(t->v[i].what, "message") &&
		    json_parse(t->v[i].detail, strlen(t->v[i].detail), &j, NULL) == RC_OK)
			s = json_text(&e->arena, json_member(j, "message"));
		if (s != NULL && str_i64(s, &id) != RC_OK)
			id = 0;
		json_free(j);
	}
	return id;
}

/* Nothing was found; some say so by RC_NONE, others by an empty list. */
static bool
empty(enum rc rc, const struct trace *t)
{
	return rc == RC_NONE || (rc == RC_OK && t->n == 0);
}

static enum rc
look(struct endpoint_env *e, struct db *db, const char *q, struct trace *t)
{
	struct trace_scope s = {0};
	struct strv words = {0};
	int64_t now = clock_now_us(), us;
	enum rc rc = RC_NONE;

	accounts_of(e, &s.accounts, &s.channels);
	if (*q == '@')
		rc = trace_person(db, q + 1, t, &words);
	else if (strpbrk(q, "-:") != NULL && clock_parse(q, strlen(q), &us) == RC_OK)
		rc = trace_time(db, us, t);
	else if (empty(rc = trace_message(db, &s, q, t), t) &&
		 empty(rc = trace_events(db, &s, q, t), t) &&
		 empty(rc = trace_person(db, q, t, &words), t) &&
		 empty(rc = trace_near(db, q, t, &words), t) && strlen(q) >= 4)
		rc = trace_ledger(db, q, now - 7 * 86400 * INT64_C(1000000), now, t);
	strv_free(&s.accounts);
	strv_free(&s.channels);
	strv_free(&words);
	return rc;
}

static void
put_steps(struct endpoint_env *e, const struct trace *t, struct jsonw *w)
{
	jsonw_array(w, "steps");
	for (size_t i = 0; i < t->n && i < WHY_STEPS; i++) {
		jsonw_object(w, NULL);
		jsonw_time(w, "at", t->v[i].at_us);
		jsonw_str(w, "event", t->v[i].what);
		put_facts(e, t->v[i].detail, w);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void
why(struct endpoint_env *e)
{
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	const char *q = http_query_get(&e->arena, e->req->query, "q"), *who = NULL, *words = NULL;
	struct trace t = {0};
	int64_t id;
	struct jsonw w;
	struct buf b;
	enum rc rc;

	if (str_empty(q) || strlen(q) > 600 || !str_utf8_ok(q, strlen(q))) {
		endpoint_error(e, 422, "bad_query", "q: the id of a message, @name, or a time");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	rc = look(e, db, q, &t);
	if (rc == RC_OK && t.n == 0)
		rc = RC_NONE;
	if (rc == RC_OK) {
		jsonw_object(&w, NULL);
		put_steps(e, &t, &w);
		id = message_of(e, &t);
		if (id != 0 && trace_words(db, id, &e->arena, &who, &words) == RC_OK) {
			jsonw_object(&w, "message");
			jsonw_i64(&w, "id", id);
			jsonw_str(&w, "name", who);
			jsonw_str(&w, "content", words);
			jsonw_end(&w);
		} else {
			jsonw_raw(&w, "message", NULL);
		}
		jsonw_end(&w);
	}
	trace_free(&t);
	answer(e, rc, &w);
}

/* --- people ------------------------------------------------------------------------- */

static void
users(struct endpoint_env *e)
{
	const struct strv none = {0};
	struct jsonw w;
	struct buf b;
	enum rc rc;

	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	rc = owner_part(ctx_db(e->ctx, e->conf, e->thread), OWNER_PEOPLE, &none, &none,
	    jsonw_value(&w, "users"));
	if (rc == RC_OK)
		jsonw_end(&w);
	answer(e, rc, &w);
}

/* "qr":["1011...",...], a text a row; none for a link that is too long. */
static void
put_qr(struct jsonw *w, const char *public_url, const char *secret)
{
	char row[QR_SIDE_MAX + 1];
	struct buf url;
	struct qr q;

	buf_init(&url, 8192);
	people_put_link(&url, public_url, secret);
	jsonw_array(w, "qr");
	if (!buf_err(&url) && qr_encode(url.p, &q)) {
		for (unsigned int y = 0; y < q.side; y++) {
			for (unsigned int x = 0; x < q.side; x++)
				row[x] = q.dark[y][x] ? '1' : '0';
			row[q.side] = '\0';
			jsonw_str(w, NULL, row);
		}
		mem_wipe(&q, sizeof q);
		mem_wipe(row, sizeof row);
	}
	jsonw_end(w);
	if (url.p != NULL)
		mem_wipe(url.p, url.n);
	buf_free(&url);
}

static void
give_link(struct endpoint_env *e, struct db *db, const char *name, const char *role)
{
	char secret[PEOPLE_SECRET + 1] = "";
	struct jsonw w;
	struct buf b;
	int64_t us = 0;
	enum rc rc = people_link(db, name, LINK_S, secret, &us);

	buf_init(&b, 1 << 16);
	jsonw_init(&w, &b);
	if (rc == RC_OK) {
		jsonw_object(&w, NULL);
		people_link_json(&w, name, role, e->conf->public_url, secret, us);
		put_qr(&w, e->conf->public_url, secret);
		jsonw_end(&w);
		log_info("a link for %s, made by %s", name, e->caller.sub);
	}
	mem_wipe(secret, sizeof secret);
	answer(e, rc, &w);
}

static void
user_post(struct endpoint_env *e, const struct json *j)
{
	static const char *const known[] = {"action", "name", "role", "session", NULL};
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	const char *action = json_text(&e->arena, json_member(j, "action"));
	const char *name = json_text(&e->arena, json_member(j, "name")),
		   *role = json_text(&e->arena, json_member(j, "role"));
	bool named = !str_empty(name) && str_utf8_ok(name, strlen(name)) &&
		     str_utf8_len(name, strlen(name)) <= PEOPLE_NAME_MAX;
	int64_t id = 0;
	enum rc rc = RC_INVALID;

	if (!endpoint_members(e, j, known))
		return;
	if (str_eq(action, "add") && named && !people_name_ok(name)) {
		endpoint_error(e, 422, "bad_name",
		    "name: blanks at an end, and signs that are not seen, are refused");
		return;
	}
	if (str_eq(action, "end") && json_i64(json_member(j, "session"), &id) == RC_OK)
		rc = people_end(db, id);
	else if (str_eq(action, "revoke") && named)
		rc = people_revoke_one(db, name);
	else if (str_eq(action, "role") && named && people_role_ok(role))
		rc = people_role(db, name, role);
	else if (str_eq(action, "link") && named)
		rc = people_there(db, name);
	else if (str_eq(action, "add") && named && people_role_ok(role))
		rc = (rc = people_there(db, name)) == RC_OK ? RC_DUP
		     : rc == RC_NONE			    ? people_add(db, name, role)
							    : rc;
	if (rc == RC_INVALID)
		endpoint_error(e, 422, "invalid_field",
		    "action add (name, role), link, revoke, role (name), or end (session)");
	else if (rc == RC_DENIED)
		endpoint_error(
		    e, 409, "last_owner", "%s is the only owner: make another one first", name);
	else if (rc == RC_DUP)
		endpoint_error(
		    e, 409, "user_exists", "there is a %s: make a new link instead", name);
	else if (rc != RC_OK)
		rc == RC_NONE ? endpoint_error(e, 404, "not_found", "there is nobody of that name")
			      : away(e);
	else if (str_eq(action, "add") || str_eq(action, "link"))
		give_link(e, db, name, role);
	else
		users(e);
	if (rc == RC_OK)
		log_info("people: %s %s by %s", action, name != NULL ? name : "", e->caller.sub);
}

/* --- who asks ------------------------------------------------------------------------- */

static bool
is_owner(struct endpoint_env *e)
{
	if ((e->caller.scopes & AUTH_ADMIN) != 0)
		return true;
	endpoint_error(e, 403, "owner_only", "only an owner may do this");
	return false;
}

bool
endpoint_owner_get(struct endpoint_env *e)
{
	static const struct {
		const char *tail;
		void (*fn)(struct endpoint_env *e);
	} gets[] = {
	    {"owner", owner},
	    {"ledger", ledger},
	    {"delivery", delivery},
	    {"why", why},
	    {"users", users},
	};

	for (size_t i = 0; i < sizeof gets / sizeof *gets; i++)
		if (str_eq(e->tail, gets[i].tail)) {
			if (is_owner(e))
				gets[i].fn(e);
			return true;
		}
	return false;
}

void
endpoint_owner_post(struct endpoint_env *e)
{
	struct json *j = NULL;
	char err[128];

	if (!str_eq(e->tail, "users") && !str_eq(e->tail, "delivery")) {
		endpoint_session_post(e);
		return;
	}
	if (!session_caller(e) || !is_owner(e))
		return;
	if (json_parse(e->req->body, e->req->body_n, &j, err) != RC_OK)
		endpoint_error(e, 400, "bad_json", "the body is not JSON: %s", err);
	else if (str_eq(e->tail, "users"))
		user_post(e, j);
	else
		replay(e, j);
	json_free(j);
}

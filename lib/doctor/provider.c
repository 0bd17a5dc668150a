/*
 * The providers, asked with read-only calls that the translators build
 * (providers.md A.8, C.6, D).  One conversation per account goes on beside all
 * others; for Graph a second one lists the newest messages and compares them by
 * id with what is stored (D 18).
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "doctor/doctor.h"
#include "base/log.h"
#include "store/login.h"
#include "base/mem.h"
#include "extern/sign.h"
#include "store/store.h"
#include "base/str.h"

#define ASK_MS 8000		/* of one account's questions */
#define REQUEST_MS 6000
#define GAP_MS 8000
#define PAGES_MAX 10		/* of one list */
#define CLOCK_WARN_S 60		/* an answer may have waited, and a cache may have kept it */
#define CLOCK_FAIL_S 300
#define GAP_SLACK_US (120 * 1000000LL)	/* a webhook may be under way */

struct ask {
	struct doctor *d;
	struct login l;		/* with the refreshed token */
	struct checkup c;
	int step;
	bool dead;		/* no answer: the other questions would wait in vain */
	uint64_t last;		/* mark of the last question's address */
	bool subscribing, tried;	/* fix: once for each account */
	char after[CURSOR_MAX];	/* the next page of this step's list; "" */
	unsigned int pages;	/* read of it */
};

struct gap {
	struct doctor *d;
	struct login l;
	bool queue;		/* it takes what it stores from a queue that others may empty */
	int64_t since_us;	/* before this installation there is nothing to miss */
	struct poll_state st;
	size_t seen, missing;
	char newest[128];
	bool read;
};

/* The account as the poller uses it: a refreshed token is in the database. */
static void
log_in(struct doctor *d, const struct account *a, struct login *l, int64_t *expires_us)
{
	struct state_account s = { 0 };

	login_init(l, NULL, a);
	if (d->db_ok && state_get(d->db, a->channel, a->name, &s) == RC_OK) {
		login_state(l, &s);
		/* a refresh may give the same token another time */
		if (expires_us != NULL && state_token(a, &s) != a->token)
			*expires_us = s.token_expires_us;
	}
	state_account_free(&s);
}

/* --- questions ------------------------------------------------------------------ */

/* The check that a finding belongs to; NULL code: the one of reaching it. */
static const struct provider_check *
check_of(const struct provider *p, const char *code)
{
	const struct provider_check *reach = NULL;

	for (size_t i = 0; i < *p->n_checks; i++) {
		const struct provider_check *k = &p->checks[i];

		if (k->reach)
			reach = k;
		for (size_t n = 0; code != NULL && n < sizeof k->codes / sizeof *k->codes; n++)
			if (k->codes[n] != NULL && str_eq(k->codes[n], code))
				return k;
	}
	return reach;	/* every provider has one: provider_fault */
}

static void say_reach(struct ask *k, enum finding_status s, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void
say_reach(struct ask *k, enum finding_status s, const char *fmt, ...)
{
	char text[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	check_say(&k->c, check_of(provider_of(&k->l.a), NULL)->number, s, "%s", text);
}

static void
report(struct ask *k, struct finding *f)
{
	const struct provider_check *of = check_of(provider_of(&k->l.a), f->code);

	k->c.step = k->step;
	if (f->app[0] != '\0')
		snprintf(k->c.app, sizeof k->c.app, "%s", f->app);
	if (of->judge != NULL)
		of->judge(&k->c, f);
	check_say(&k->c, of->number, f->status, "%s: %s", k->l.a.name, check_seen(&k->c, f));
	if (f->status == FINDING_OK && k->step == 0)
		say_reach(k, FINDING_OK, "%s", k->l.a.api_url);
}

/* An address without keeping it: a token may be in it. */
static uint64_t
mark_of(const char *url)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *url != '\0'; url++)
		h = (h ^ (unsigned char)*url) * UINT64_C(1099511628211);
	return h;
}

static enum rc
ask_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct ask *k = arg;
	enum rc rc;

	*wait_ms = 0;
	if (k->dead)
		return RC_NONE;
	if (k->subscribing) {
		rc = provider_of(&k->l.a)->subscribe(&k->l.a, req);
	} else {
		if (k->after[0] != '\0')
			rc = provider_of(&k->l.a)->probe_more(&k->l.a, k->step, k->after, req);
		else
			rc = provider_of(&k->l.a)->probe_build(&k->l.a, k->step, req);
		/* providers count the calls of one method: another question need not wait */
		if (rc == RC_OK && k->last == mark_of(req->url))
			*wait_ms = provider_of(&k->l.a)->ask_gap_ms;
		if (rc == RC_OK)
			k->last = mark_of(req->url);
	}
	if (rc == RC_OK)
		req->timeout_ms = REQUEST_MS;
	return rc;
}

/* The provider's clock is right; ours decides when a token has expired and a window ends. */
static void
their_clock(struct doctor *d, const struct account *a, const struct http_res *res)
{
	const char *date = res->fail == HTTP_FAIL_NONE ? http_res_get(res, "Date") : NULL;
	int64_t at, diff;

	if (date == NULL || clock_parse(date, strlen(date), &at) != RC_OK)
		return;
	diff = (clock_now_us() - at) / 1000000;
	doctor_say(d, DC_CLOCK,
	    llabs(diff) >= CLOCK_FAIL_S	    ? FINDING_FAIL :
		llabs(diff) >= CLOCK_WARN_S ? FINDING_WARN :
					      FINDING_OK,
	    doctor_tr(d, "%s: this machine is %" PRId64 " s ahead of the provider's Date",
		"%s: эта машина впереди часов провайдера (Date) на %" PRId64 " с"),
	    provider_of(a)->title, diff);
}

/* Why there is no answer decides how to fix it: the address may well be right. */
static const char *
reach_fix(const struct doctor *d, enum http_fail fail)
{
	switch (fail) {
	case HTTP_FAIL_DNS:
		return doctor_tr(d,
		    "This machine finds no address for that name: where other names fail "
		    "too, mend /etc/resolv.conf or ask the host; else correct the address "
		    "here (..._API_URL).",
		    "Эта машина не находит адреса этого имени: если не находятся и другие, "
		    "исправьте /etc/resolv.conf или обратитесь в хостинг; иначе исправьте адрес "
		    "здесь (..._API_URL).");
	case HTTP_FAIL_TLS:
		return doctor_tr(d,
		    "This machine does not trust the certificate: install the "
		    "certificates of the authorities (the package ca-certificates; SSL_CERT_FILE "
		    "must name a file that is there), set the clock; a proxy that opens TLS must "
		    "except this host.",
		    "Эта машина не доверяет сертификату: установите сертификаты центров (пакет "
		    "ca-certificates; SSL_CERT_FILE должен называть существующий файл), проверьте "
		    "часы; прокси, который вскрывает TLS, должен исключить этот хост.");
	case HTTP_FAIL_CUT:
		return doctor_tr(d,
		    "The line is broken on its way: a firewall of the host, or of "
		    "the country, blocks this provider. Ask the host, or use one elsewhere.",
		    "Соединение обрывают по дороге: провайдера блокирует межсетевой экран хостинга "
		    "или страны. Спросите хостинг или возьмите другой.");
	default:
		return NULL;
	}
}

/* The provider limits calls, or has trouble of its own: nothing here is to be mended. */
static bool
their_trouble(struct ask *k, const struct http_res *res)
{
	if (k->step != 0 || res->fail != HTTP_FAIL_NONE ||
	    (res->status != 429 && res->status < 500))
		return false;
	check_cause(&k->c, check_of(provider_of(&k->l.a), NULL)->number, FINDING_WARN,
	    res->status == 429 ?
		doctor_tr(k->d,
		    "The provider limits how often it is called; it answers again within minutes. "
		    "See what else calls with this key, and poll less often (..._POLL_SECONDS).",
		    "Провайдер ограничивает частоту вызовов; через несколько минут ответит снова. "
		    "Посмотрите, кто ещё вызывает с этим ключом, и опрашивайте реже "
		    "(..._POLL_SECONDS).") :
		doctor_tr(k->d,
		    "The provider has trouble of its own: nothing is to be mended here. dmbox "
		    "tries again by itself; see the provider's status page, and write to its "
		    "support if it stays so.",
		    "Неполадка у самого провайдера: здесь исправлять нечего. dmbox повторит сама; "
		    "смотрите страницу состояния провайдера и напишите в поддержку, если не "
		    "проходит."),
	    "%s: HTTP %d", k->l.a.name, res->status);
	k->dead = true;
	return true;
}

/* Does this step's list go on?  The next question is for its next page, then. */
static bool
goes_on(struct ask *k, const struct finding *f)
{
	bool more = f->status == FINDING_OK && f->after[0] != '\0' &&
	    provider_of(&k->l.a)->probe_more != NULL;

	k->after[0] = '\0';
	if (more && ++k->pages >= PAGES_MAX) {
		check_say(&k->c, check_of(provider_of(&k->l.a), f->code)->number, FINDING_UNKNOWN,
		    doctor_tr(k->d, "%s: good on the first %u pages; there are more",
			"%s: на первых страницах (%u) всё в порядке; есть и другие"),
		    k->l.a.name, k->pages);
		more = false;
	}
	if (more)
		snprintf(k->after, sizeof k->after, "%s", f->after);
	else
		k->pages = 0;
	return more;
}

static void
ask_feed(void *arg, struct http_res *res)
{
	struct ask *k = arg;
	enum doctor_check at;
	struct finding f;

	if (k->step == 0)
		their_clock(k->d, &k->l.a, res);
	if (k->subscribing) {
		k->subscribing = false;
		k->d->mended |= res->fail == HTTP_FAIL_NONE && res->status == 200;
		if (doctor_check_by_number(
			check_of(provider_of(&k->l.a), "subscribed")->number, &at) == RC_OK)
			k->d->r[at].done = false;	/* asked again */
		return;
	}
	if (res->fail != HTTP_FAIL_NONE && k->step == 0) {
		check_cause(&k->c, check_of(provider_of(&k->l.a), NULL)->number, FINDING_FAIL,
		    reach_fix(k->d, res->fail), doctor_tr(k->d, "%s: %s: %s", "%s: %s («%s»)"),
		    k->l.a.api_url, doctor_fail(k->d, res->fail), res->note);
		k->dead = true;
		return;
	}
	if (provider_of(&k->l.a)->probe_read(&k->l.a, k->step, res, &f) == RC_OK) {
		/* one that tells its limits apart leaves the question open */
		if ((f.status == FINDING_FAIL || f.status == FINDING_WARN) && their_trouble(k, res))
			return;
		report(k, &f);
		if (k->d->o.fix && !k->tried && f.status == FINDING_FAIL &&
		    str_eq(f.code, "subscribed") && provider_of(&k->l.a)->subscribe != NULL) {
			k->subscribing = k->tried = true;
			return;		/* the same step once more afterwards */
		}
		if (goes_on(k, &f))
			return;
	}
	k->step++;
}

static void
ask_done(void *arg, bool cut)
{
	struct ask *k = arg;

	if (cut)
		say_reach(k, FINDING_UNKNOWN,
		    doctor_tr(k->d, "%s: not all questions were answered in time",
			"%s: не на все вопросы ответили вовремя"),
		    k->l.a.name);
	login_drop(&k->l);
	free(k);
}

/* --- the gap, by id --------------------------------------------------------------- */

static enum rc
gap_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct gap *g = arg;
	enum rc rc;

	g->st.wait_ms = 0;
	rc = provider_of(&g->l.a)->poll_build(&g->l.a, &g->st, req);
	*wait_ms = g->st.wait_ms;
	return rc;
}

static void
gap_feed(void *arg, struct http_res *res)
{
	struct gap *g = arg;
	struct itemv v;
	bool *missing;

	itemv_init(&v);
	if (provider_of(&g->l.a)->poll_read(&g->l.a, res, &g->st, &v) == RC_OK) {
		g->read = true;
		missing = mem_array(v.n + 1, sizeof *missing);
		if (v.n > 0 &&
		    store_missing(g->d->db, g->l.a.name, g->l.a.channel, &v, missing) == RC_OK)
			for (size_t i = 0; i < v.n; i++) {
				g->seen += v.v[i].type == ITEM_MESSAGE;
				if (!missing[i] || !v.v[i].at_known || v.v[i].at_us < g->since_us ||
				    v.v[i].at_us > clock_now_us() - GAP_SLACK_US)
					continue;
				g->missing++;
				snprintf(g->newest, sizeof g->newest, "%s", v.v[i].external_id);
			}
		free(missing);
	}
	g->st.stored = true;
	itemv_free(&v);
}

static void
gap_done(void *arg, bool cut)
{
	struct gap *g = arg;

	(void)cut;
	if (g->missing > 0)
		doctor_cause(g->d, DC_GAP, FINDING_FAIL,
		    g->queue ?
			doctor_tr(g->d,
			    "Another program takes notifications from the same queue (a second "
			    "dmbox, n8n, a bot, a library's sample): each one goes to a single "
			    "reader. Stop it, or give it an instance of its own; then bring in "
			    "what it took today: `WHATSAPP_POLL_SECONDS=0 dmbox-poll --once`",
			    "Уведомления из той же очереди забирает другая программа (вторая "
			    "dmbox, n8n, бот, пример из библиотеки): каждое достаётся только "
			    "одному. Остановите её или дайте ей свой инстанс; затем заберите то, "
			    "что она взяла сегодня: `WHATSAPP_POLL_SECONDS=0 dmbox-poll --once`") :
			NULL,
		    doctor_tr(g->d, "%s: %zu of %zu messages at the provider are not here, e.g. %s",
			"%s: нет здесь %zu из %zu сообщений провайдера, например %s"),
		    g->l.a.name, g->missing, g->seen, g->newest);
	else if (g->read)
		doctor_say(g->d, DC_GAP, FINDING_OK,
		    doctor_tr(g->d, "%s: %zu of the newest messages compared",
			"%s: сравнено последних сообщений: %zu"),
		    g->l.a.name, g->seen);
	else
		doctor_say(g->d, DC_GAP, FINDING_UNKNOWN,
		    doctor_tr(g->d, "%s: the provider lists nothing",
			"%s: провайдер ничего не показывает"),
		    g->l.a.name);
	mem_arena_free(&g->st.arena);
	login_drop(&g->l);
	free(g);
}

static void
gap_start(struct doctor *d, const struct account *a, int64_t since_us)
{
	struct gap *g = mem_alloc(sizeof *g);
	struct httpc_flow f = { .next = gap_next, .feed = gap_feed, .done = gap_done, .arg = g };

	g->d = d;
	log_in(d, a, &g->l, NULL);
	/* its list is asked for, its queue is the poller's */
	if (provider_of(a)->polls_instead) {
		g->queue = a->poll_s > 0;
		g->l.a.poll_s = 0;
		g->since_us = since_us;
	}
	g->st.memory = "{}";
	g->st.probe = true;
	g->st.now_us = clock_now_us();
	g->st.deadline_ms = f.deadline_ms = clock_mono_ms() + GAP_MS;
	httpc_add(d->http, &f);
}

void
doctor_providers_start(struct doctor *d)
{
	for (size_t i = 0; i < d->conf->n_accounts; i++) {
		const struct account *a = &d->conf->accounts[i];
		struct httpc_flow f = { .next = ask_next, .feed = ask_feed, .done = ask_done };
		struct check_facts facts;
		struct ask *k;

		if (!doctor_used(d, a) || a->use_mock || str_empty(a->token) ||
		    provider_of(a)->probe_build == NULL)
			continue;
		k = mem_alloc(sizeof *k);
		k->d = d;
		doctor_facts(d, a, &facts);
		log_in(d, a, &k->l, &facts.token_expires_us);
		doctor_checkup(d, &k->l.a, &k->c);
		k->c.facts = facts;
		for (size_t n = 0; n < *provider_of(a)->n_checks; n++)
			if (provider_of(a)->checks[n].asked != NULL)
				provider_of(a)->checks[n].asked(&k->c);
		f.arg = k;
		f.deadline_ms = clock_mono_ms() + ASK_MS;
		httpc_add(d->http, &f);
		if (d->db_ok && doctor_wants(d, DC_GAP, DC_GAP) &&
		    (provider_of(a)->polls_reconcile ||
			(provider_of(a)->reconcile_s > 0 && facts.since_us > 0)))
			gap_start(d, a, facts.since_us);
	}
}

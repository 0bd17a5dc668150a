/*
 * The providers, asked with read-only calls that the translators build
 * (providers.md A.8, C.6, D).  One conversation per account goes on beside all
 * others; for Graph a second one lists the newest messages and compares them by
 * id with what is stored (D 18).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "doctor/doctor.h"
#include "base/log.h"
#include "base/mem.h"
#include "extern/sign.h"
#include "store/store.h"
#include "base/str.h"

#define ASK_MS 8000		/* of one account's questions */
#define REQUEST_MS 6000
#define GAP_MS 8000
#define GAP_SLACK_US (120 * 1000000LL)	/* a webhook may be under way */
#define EXPIRY_WARN_DAYS 10

/* Graph: what a new subscription asks for (providers.md B.7). */
#define FIELDS "messages,messaging_postbacks,message_reactions,messaging_seen,message_edit," \
	"messaging_referral"

struct ask {
	struct doctor *d;
	struct account a;	/* a copy, with the refreshed token */
	char *token;
	int step;
	bool dead;		/* no answer: the other questions would wait in vain */
	bool subscribing;
};

struct gap {
	struct doctor *d;
	struct account a;
	char *token;
	struct poll_state st;
	size_t seen, missing;
	char newest[128];
	bool read;
};

/* The account as the poller uses it: a refreshed token stands in the database. */
static void
with_token(struct doctor *d, const struct account *from, struct account *a, char **token)
{
	struct state_account s = { 0 };
	enum rc rc;

	*a = *from;
	*token = NULL;
	if (!d->db_ok)
		return;
	rc = state_get(d->db, a->channel, a->name, &s);
	if (rc != RC_OK)
		return;
	a->proof = s.proof;
	if (state_token(from, &s) != from->token) {
		*token = mem_dup(s.token);
		log_secret(*token);
		a->token = *token;
	}
	if (a->provider == PROVIDER_GRAPH && *token != NULL && s.token_expires_us > 0) {
		int64_t days = (s.token_expires_us - clock_now_us()) / (86400 * 1000000LL);

		doctor_say(d, DC_GR_EXPIRY, days < 0 ? FINDING_FAIL : days < EXPIRY_WARN_DAYS ? FINDING_WARN :
		    FINDING_OK, doctor_tr(d, "%s: %" PRId64 " days left", "%s: осталось дней: %" PRId64), a->name, days);
	} else if (a->provider == PROVIDER_GRAPH && str_starts(a->token, "IGAA")) {
		doctor_say(d, DC_GR_EXPIRY, FINDING_UNKNOWN, doctor_tr(d,
		    "%s: Meta does not tell; the poller refreshes it when it is a day old",
		    "%s: Meta не сообщает; опросчик обновит его через сутки"), a->name);
	}
	state_account_free(&s);
}

/* --- questions ------------------------------------------------------------------ */

static const struct { const char *of; const char *code; enum doctor_check check; } codes[] = {
	{ "chatrace", "reach", DC_CH_REACH },
	{ "chatrace", "token", DC_CH_KEY },
	{ "chatrace", "page_id", DC_CH_PAGE },
	{ "chatrace", "active", DC_CH_ACTIVE },
	{ "chatrace", "base_url", DC_CH_BASE },
	{ "chatrace", "integrations", DC_CH_INSTAGRAM },
	{ "graph", "token", DC_GR_TOKEN },
	{ "graph", "page_id", DC_GR_ID },
	{ "graph", "subscribed", DC_GR_SUBSCRIBED },
	{ "graph", "conversations", DC_GR_CONVERSATIONS },
	{ "graph", "scopes", DC_GR_SCOPES },
	{ "greenapi", "reach", DC_GA_REACH },
	{ "greenapi", "url", DC_GA_REACH },
	{ "greenapi", "token", DC_GA_TOKEN },
	{ "greenapi", "state", DC_GA_STATE },
	{ "greenapi", "not_authorized", DC_GA_STATE },
	{ "greenapi", "starting", DC_GA_STATE },
	{ "greenapi", "incoming", DC_GA_SETTINGS },
	{ "greenapi", "settings", DC_GA_SETTINGS },
	{ "greenapi", "webhook_url", DC_GA_HOOK },
};

static enum doctor_check
check_of(const struct provider *p, const char *code)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (str_eq(codes[i].of, p->name) && str_eq(codes[i].code, code))
			return codes[i].check;
	return p == PROVIDER_CHATRACE ? DC_CH_REACH : p == PROVIDER_GRAPH ? DC_GR_REACH : DC_GA_REACH;
}

static enum doctor_check
reach_of(const struct account *a)
{
	return a->provider == PROVIDER_CHATRACE ? DC_CH_REACH : a->provider == PROVIDER_GRAPH ?
	    DC_GR_REACH : DC_GA_REACH;
}

/* A new account has no conversations and nothing is wrong with it. */
static bool
had_messages(struct doctor *d, const struct account *a)
{
	static const struct db_stmt any = { NULL,
	    "select exists (select 1 from dmbox.messages where account = $1 and channel = $2"
	    " and provider = 'graph' and not is_test)" };
	struct db_args args = { 0 };
	struct db_res *r = NULL;
	bool yes = false;

	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	if (d->db_ok && db_exec(d->db, &any, &args, &r) == RC_OK)
		yes = db_get_bool(r, 0, 0);
	db_res_free(r);
	db_args_free(&args);
	return yes;
}

static void
report(struct ask *k, const struct finding *f)
{
	struct doctor *d = k->d;
	enum doctor_check c = check_of(k->a.provider, f->code);
	enum finding_status s = f->status;

	if (c == DC_GR_CONVERSATIONS && s == FINDING_WARN && !had_messages(d, &k->a))
		s = FINDING_UNKNOWN;
	/* in webhook mode notifications must come to us (C.6) */
	if (c == DC_GA_SETTINGS && s == FINDING_OK) {
		bool foreign = k->a.poll_s == 0 && !str_empty(d->base) && strstr(f->seen, d->base) == NULL;

		doctor_say(d, DC_GA_HOOK, foreign ? FINDING_FAIL : FINDING_OK, "%s: %s", k->a.name, f->seen);
	}
	doctor_say(d, c, s, "%s: %s", k->a.name, f->seen);
	if (s == FINDING_OK && k->step == 0) {
		doctor_say(d, reach_of(&k->a), FINDING_OK, "%s", k->a.api_url);
		if (k->a.provider == PROVIDER_CHATRACE)
			doctor_say(d, DC_CH_BASE, FINDING_OK, "%s", k->a.api_url);
		if (k->a.provider == PROVIDER_GREENAPI)
			doctor_say(d, DC_GA_TOKEN, FINDING_OK, "%s", k->a.name);
	}
}

/* POST /me/subscribed_apps: the only thing that fix changes (B.7). */
static enum rc
subscribe_build(const struct account *a, struct http_req *req)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, 4096);
	buf_printf(&b, "%s/%s/me/subscribed_apps?subscribed_fields=" FIELDS, a->api_url, a->graph_version);
	http_req_init(req, "POST", b.p);
	buf_reset(&b);
	buf_printf(&b, "Bearer %s", a->token != NULL ? a->token : "");
	rc = http_req_header(req, "Authorization", b.p);
	mem_wipe(b.p, b.n);
	buf_free(&b);
	return rc;
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
		rc = subscribe_build(&k->a, req);
	} else {
		rc = provider_of(&k->a)->probe_build(&k->a, k->step, req);
		if (k->a.provider == PROVIDER_GRAPH && k->step > 0)
			*wait_ms = 300;
	}
	if (rc == RC_OK)
		req->timeout_ms = REQUEST_MS;
	return rc;
}

static void
ask_feed(void *arg, struct http_res *res)
{
	struct ask *k = arg;
	struct finding f;

	if (k->subscribing) {
		k->subscribing = false;
		k->d->mended |= res->fail == HTTP_FAIL_NONE && res->status == 200;
		k->d->r[DC_GR_SUBSCRIBED].done = false;	/* asked again */
		return;
	}
	if (res->fail != HTTP_FAIL_NONE && k->step == 0) {
		doctor_say(k->d, reach_of(&k->a), FINDING_FAIL, "%s: %s: %s", k->a.api_url,
		    http_fail_names[res->fail], res->note);
		k->dead = true;
		return;
	}
	if (provider_of(&k->a)->probe_read(&k->a, k->step, res, &f) == RC_OK) {
		report(k, &f);
		if (k->d->o.fix && !k->d->mended && f.status == FINDING_FAIL && str_eq(f.code, "subscribed")) {
			k->subscribing = true;
			return;		/* the same step once more afterwards */
		}
	}
	k->step++;
}

static void
ask_done(void *arg, bool cut)
{
	struct ask *k = arg;

	if (cut)
		doctor_say(k->d, reach_of(&k->a), FINDING_UNKNOWN, doctor_tr(k->d,
		    "%s: not all questions were answered in time", "%s: не на все вопросы ответили вовремя"),
		    k->a.name);
	mem_free_secret(k->token);
	free(k);
}

/* --- the gap, by id --------------------------------------------------------------- */

static enum rc
gap_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct gap *g = arg;
	enum rc rc;

	g->st.wait_ms = 0;
	rc = provider_of(&g->a)->poll_build(&g->a, &g->st, req);
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
	if (provider_of(&g->a)->poll_read(&g->a, res, &g->st, &v) == RC_OK) {
		g->read = true;
		missing = mem_array(v.n + 1, sizeof *missing);
		if (v.n > 0 && store_missing(g->d->db, g->a.name, g->a.channel, &v, missing) == RC_OK)
			for (size_t i = 0; i < v.n; i++) {
				g->seen += v.v[i].type == ITEM_MESSAGE;
				if (!missing[i] || !v.v[i].at_known || v.v[i].at_us > clock_now_us() - GAP_SLACK_US)
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
		doctor_say(g->d, DC_GAP, FINDING_FAIL, doctor_tr(g->d,
		    "%s: %zu of %zu messages at the provider are not here, e.g. %s",
		    "%s: нет здесь %zu из %zu сообщений провайдера, например %s"), g->a.name, g->missing, g->seen,
		    g->newest);
	else if (g->read)
		doctor_say(g->d, DC_GAP, FINDING_OK, doctor_tr(g->d, "%s: %zu of the newest messages compared",
		    "%s: сравнено последних сообщений: %zu"), g->a.name, g->seen);
	else
		doctor_say(g->d, DC_GAP, FINDING_UNKNOWN, doctor_tr(g->d, "%s: the provider lists nothing",
		    "%s: провайдер ничего не показывает"), g->a.name);
	mem_arena_free(&g->st.arena);
	mem_free_secret(g->token);
	free(g);
}

static void
gap_start(struct doctor *d, const struct account *a)
{
	struct gap *g = mem_alloc(sizeof *g);
	struct httpc_flow f = { .next = gap_next, .feed = gap_feed, .done = gap_done, .arg = g };

	g->d = d;
	with_token(d, a, &g->a, &g->token);
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
		struct ask *k;

		if (!doctor_used(d, a) || a->use_mock || str_empty(a->token) || provider_of(a)->probe_build == NULL)
			continue;
		k = mem_alloc(sizeof *k);
		k->d = d;
		with_token(d, a, &k->a, &k->token);
		f.arg = k;
		f.deadline_ms = clock_mono_ms() + ASK_MS;
		httpc_add(d->http, &f);
		if (a->provider == PROVIDER_GRAPH && d->db_ok && doctor_wants(d, DC_GAP, DC_GAP))
			gap_start(d, a);
	}
}

void
doctor_providers_end(struct doctor *d)
{
	for (size_t i = 0; i < d->conf->n_accounts; i++)
		if (d->conf->accounts[i].provider == PROVIDER_GRAPH && !d->conf->accounts[i].use_mock && !str_empty(d->conf->accounts[i].token))
			doctor_say(d, DC_GR_PERSON, FINDING_UNKNOWN, doctor_tr(d,
			    "%s: no API tells whether the app is Live, has Advanced Access and may see messages",
			    "%s: API не сообщает, Live ли приложение, есть ли Advanced Access и доступ к сообщениям"),
			    d->conf->accounts[i].name);
}

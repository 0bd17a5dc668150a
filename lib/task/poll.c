/*
 * One check is one flow.  Whatever an answer holds is stored and committed
 * before the provider is asked for the next request, because that request may
 * tell the provider to forget (Green API's delete).  A failure is recorded and
 * said as a failure: only an answer that lists nothing is empty (earlier-system.md,
 * fault 1).  The sentences in the log are those of the earlier system.
 *
 * What a provider remembers is tied to the configuration it was learned with
 * ("of" in the memory): a corrected token or address is tried at once, not at
 * the next hourly probe.
 */
#include "task/poll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "bridge/hint.h"
#include "bridge/ingest.h"
#include "extern/json.h"
#include "extern/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/msg.h"
#include "extern/sign.h"
#include "store/login.h"
#include "store/state.h"
#include "store/store.h"
#include "base/str.h"

#define US 1000000LL
#define PROBE_S 3600		/* between probes where there is no polling */
#define PROBE_FAILED_S 60	/* between full probes that failed */
#define LEASE_SLACK_S 15	/* beyond the deadline, for the last commit */
#define MEMORY_MAX (1u << 20)

static const char *const channel_titles[CHANNEL__MAX] = { "Instagram", "WhatsApp" };

struct check {
	struct task_poll p;
	struct login login;
	struct poll_state st;
	struct delivery d;	/* under way within feed */
	struct task_poll_result r;
	char owner[24], id[21], lease[160], of[17];
	char url[1024];		/* of the request under way, masked */
	char said[1024];	/* the last one named in the log */
	int64_t started_us;
	bool over;		/* the provider ended the check itself */
	bool lost;		/* something received could not be kept */
	unsigned int proof;	/* account.proof as it was known */
};

static const char *
title(const struct account *a)
{
	return channel_titles[a->channel];
}

/* Lines of a check in the poller carry the check's id; a web request has its own. */
static bool
log_enter(const struct check *c)
{
	if (*log_request_id() != '\0')
		return false;
	log_begin(c->id);
	return true;
}

static void
log_leave(bool entered)
{
	if (entered)
		log_end();
}

void
task_poll_next_text(int64_t us, char out[16])
{
	time_t t = (time_t)(us / US);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL || strftime(out, 16, "%H:%M", &tm) == 0)
		snprintf(out, 16, "?");
}

/* --- requests --------------------------------------------------------------- */

static void
say_request(struct check *c, const struct http_req *req)
{
	bool probes = provider_of(&c->login.a)->probes;

	log_mask(req->url, strlen(req->url), c->url, sizeof c->url);
	if (str_eq(c->url, c->said) || (!probes && c->said[0] != '\0'))
		return;
	memcpy(c->said, c->url, sizeof c->said);
	if (probes && str_ends(c->url, "/accounts/me"))
		log_info("🔑 Proving the access token: %s", c->url);
	else
		log_info("🔍 Checking for new %s messages: %s", title(&c->login.a), c->url);
}

static enum rc
check_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct check *c = arg;
	bool entered;
	enum rc rc;

	if (c->lost)
		return RC_TEMP;
	c->st.wait_ms = 0;
	if (c->login.a.use_mock) {
		c->st.outcome = POLL_MOCK;
		c->over = true;
		return RC_NONE;
	}
	rc = provider_of(&c->login.a)->poll_build(&c->login.a, &c->st, req);
	if (rc != RC_OK) {
		c->over = true;
		if (rc != RC_NONE) {
			c->st.outcome = POLL_FAILED;
			c->st.hint = "bad_url";
		}
		return RC_NONE;
	}
	*wait_ms = c->st.wait_ms;
	entered = log_enter(c);
	say_request(c, req);
	log_leave(entered);
	return RC_OK;
}

/* --- answers ---------------------------------------------------------------- */

/* A reconciliation: do the items tell anything that the tables do not?  In doubt yes. */
static bool
anything_missing(struct check *c)
{
	struct itemv *v = &c->d.items;
	bool *missing, any = false;
	size_t known = 0;

	if (v->n == 0)
		return v->ignored > 0;
	missing = mem_array(v->n, sizeof *missing);
	ingest_prepare(&c->d);
	if (store_news(c->p.db, c->login.a.name, c->login.a.channel, v, missing) != RC_OK) {
		any = true;
	} else {
		for (size_t i = 0; i < v->n; i++) {
			any |= missing[i];
			known += v->v[i].type == ITEM_MESSAGE && !missing[i];
		}
	}
	free(missing);
	if (!any)
		c->r.duplicates += known;
	return any;
}

static void
keep(struct check *c)
{
	struct delivery *d = &c->d;
	enum rc rc;

	rc = ingest(c->p.db, c->p.spool, &d, 1);
	c->st.stored = rc == RC_OK;
	if (rc != RC_OK) {
		c->lost = true;
		return;
	}
	c->r.stored += d->stored;
	c->r.duplicates += d->duplicates + d->weak_duplicates;
	if (c->st.only_missing)
		c->r.added += d->messages;
	if (d->rc == RC_DUP)
		log_info(
		    "💾 The database is away: the answer is in the spool (%zu bytes)", d->body_n);
}

static void
say_answer(const struct check *c, const struct http_res *res)
{
	const struct poll_attempt *a;

	if (!provider_of(&c->login.a)->probes || c->st.n_attempts == 0)
		return;
	for (size_t i = c->st.n_attempts; i > 0; i--) {
		a = &c->st.attempts[i - 1];
		if (str_eq(a->note, "not_tried"))
			continue;
		log_info("  - %s: %d %s (%lld ms)", a->auth, a->status, a->note, (long long)a->ms);
		break;
	}
	if (res->status == 404 && !str_ends(c->url, "/accounts/me"))
		log_warn("⚠️ Endpoint %s not found (404), trying next...", c->url);
}

/* The provider reads the answer; one byte that is no UTF-8 does not cost the rest, nor block
 * a queue for a day. */
static enum rc
read_answer(struct check *c, struct http_res *res)
{
	struct delivery *d = &c->d;
	const char *warning = NULL, *mended = NULL;
	size_t n = 0;

	if (res->fail == HTTP_FAIL_NONE && !str_utf8_ok(res->body, res->body_n))
		mended = json_mend(&c->st.arena, res->body, res->body_n, &n, &warning);
	if (mended != NULL) {
		res->body = mended;
		res->body_n = n;
		d->items.warning = d->reason = warning;
	}
	return provider_of(&c->login.a)->poll_read(&c->login.a, res, &c->st, &d->items);
}

static void
check_feed(void *arg, struct http_res *res)
{
	struct check *c = arg;
	struct delivery *d = &c->d;
	bool entered = log_enter(c);
	enum rc rc;

	delivery_init(d);
	d->channel = c->login.a.channel;
	d->account = c->login.a.name;
	d->provider = c->login.a.provider;
	d->mock = c->login.a.use_mock;
	d->source = SOURCE_POLL;
	d->request_id = log_request_id();
	d->content_type = http_res_get(res, "Content-Type");
	d->headers = "{}";
	d->body = res->body;
	d->body_n = res->body_n;
	rc = read_answer(c, res);
	say_answer(c, res);
	if (rc == RC_INVALID && res->fail == HTTP_FAIL_NONE && res->body_n > 0) {
		/* an answer nobody understands is kept, so that it can be read later */
		itemv_free(&d->items);
		itemv_init(&d->items);
		d->items.ignored = 1;
		d->reason = "not_understood";
		keep(c);
	} else if (rc == RC_OK && (d->items.n > 0 || d->items.ignored > 0)) {
		if (!c->st.only_missing || anything_missing(c))
			keep(c);
		else
			c->st.stored = true;
	}
	delivery_free(d);
	log_leave(entered);
}

/* --- the end ------------------------------------------------------------------ */

void
task_poll_attempts_json(const struct poll_attempt *v, size_t n, struct jsonw *w, const char *key)
{
	jsonw_array(w, key);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(w, NULL);
		jsonw_str(w, "url", v[i].url);
		jsonw_str(w, "auth", v[i].auth);
		if (v[i].status > 0)
			jsonw_i64(w, "status", v[i].status);
		else
			jsonw_raw(w, "status", NULL);
		jsonw_i64(w, "ms", v[i].ms);
		jsonw_str(w, "note", v[i].note != NULL ? v[i].note : "");
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void
say_result(const struct check *c)
{
	const struct task_poll_result *r = &c->r;
	const char *t = title(&c->login.a);
	struct buf b;
	char at[16];

	buf_init(&b, 8192);
	hint_poll(c->p.conf, &c->login.a, POLL_FAILED, r->hint, &b);
	switch (r->outcome) {
	case POLL_MESSAGES:
		log_info("✅ %s [%s]: %zu new, %zu already known", t, c->login.a.name, r->stored,
		    r->duplicates);
		break;
	case POLL_EMPTY:
		log_info("📭 No new %s messages [%s]", t, c->login.a.name);
		break;
	case POLL_UNSUPPORTED:
		task_poll_next_text(r->next_us, at);
		if (!str_eq(r->hint, "no_polling"))
			log_warn("⚠️ %s [%s]: %s", t, c->login.a.name, b.p);
		log_info("ℹ️ no polling at this provider; next probe %s", at);
		break;
	case POLL_MOCK:
		log_info("🎭 %s [%s]: mock mode, nothing is asked", t, c->login.a.name);
		break;
	default:
		log_error("❌ %s check failed [%s]: %s", t, c->login.a.name,
		    b.n > 0 ? b.p : "no reason given");
	}
	if (r->added > 0)
		log_warn("⚠️ %s [%s]: %zu messages had not come %s and were added", t,
		    c->login.a.name, r->added,
		    provider_of(&c->login.a)->polls_instead && c->login.a.poll_s > 0 ?
			"by its queue (does another program read it?)" :
			"by webhook");
	buf_free(&b);
}

/* Memory as it is stored: tied to the configuration it was learned with. */
static void
save_memory(struct check *c, int64_t next_us)
{
	const char *m = c->st.new_memory != NULL ? c->st.new_memory : c->st.memory;
	struct jsonw w;
	struct buf b;

	buf_init(&b, MEMORY_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "of", c->of);
	if (*m == '{')
		jsonw_members(&w, m);
	jsonw_end(&w);
	if (!jsonw_done(&w))
		log_warn("poll memory of %s is too large to keep", c->login.a.name);
	else if (state_set_memory(c->p.db, c->login.a.channel, c->login.a.name, b.p, next_us) !=
	    RC_OK)
		log_warn("poll memory of %s could not be stored", c->login.a.name);
	buf_free(&b);
}

static int64_t
next_time(const struct check *c)
{
	if (c->r.outcome == POLL_UNSUPPORTED)
		return clock_now_us() + PROBE_S * US;
	if (c->login.a.poll_s == 0 && c->r.outcome != POLL_FAILED)
		return clock_now_us() + provider_of(&c->login.a)->reconcile_s * US;
	if (c->r.outcome == POLL_FAILED && provider_of(&c->login.a)->probes && c->st.n_attempts > 1)
		return clock_now_us() + PROBE_FAILED_S * US;
	return 0;
}

static void
record(struct check *c, bool cut)
{
	struct state_poll_run run = { .channel = c->login.a.channel,
		.account = c->login.a.name,
		.started_us = c->started_us,
		.finished_us = clock_now_us(),
		.outcome = c->r.outcome,
		.stored = c->r.stored,
		.duplicates = c->r.duplicates,
		.added = c->r.added };
	const char *labels[3] = { channel_names[c->login.a.channel], c->login.a.name,
		poll_outcome_names[c->r.outcome] };
	struct jsonw w;
	struct buf b;

	meter_add(c->p.meter, METER_POLLS, 1, labels);
	meter_add(c->p.meter, METER_MISSED, c->r.added, labels);
	if (c->st.pause_s > 0 &&
	    state_pause(c->p.db, c->login.a.channel, c->login.a.name, c->st.pause_s,
		c->r.hint != NULL ? c->r.hint : "rate_limited") != RC_OK)
		log_warn("pause of %s could not be stored", c->login.a.name);
	if (c->st.proof != c->proof && c->r.outcome != POLL_FAILED &&
	    state_set_proof(c->p.db, c->login.a.channel, c->login.a.name, c->st.proof) != RC_OK)
		log_warn(
		    "which app secret proves the calls of %s could not be stored", c->login.a.name);
	/* what was seen is remembered only if it is kept */
	if (!c->lost && (!cut || c->over))
		save_memory(c, c->r.next_us);
	buf_init(&b, MEMORY_MAX);
	jsonw_init(&w, &b);
	task_poll_attempts_json(c->st.attempts, c->st.n_attempts, &w, NULL);
	run.attempts = jsonw_done(&w) ? b.p : "[]";
	if (state_poll_run(c->p.db, &run) != RC_OK)
		log_warn("poll run of %s could not be stored", c->login.a.name);
	buf_free(&b);
}

static void
check_free(struct check *c)
{
	mem_arena_free(&c->st.arena);
	login_drop(&c->login);
	free(c);
}

static void
check_done(void *arg, bool cut)
{
	struct check *c = arg;
	bool entered = log_enter(c);
	struct http_req req = { 0 }; /* who builds it calls http_req_init */

	/* out of time: the provider lists what it did not reach */
	if (cut && !c->over && !c->lost) {
		c->over = provider_of(&c->login.a)->poll_build(&c->login.a, &c->st, &req) ==
		    RC_NONE;
		http_req_free(&req);
		if (!c->over) {
			c->st.outcome = POLL_FAILED;
			c->st.hint = clock_mono_ms() >= c->st.deadline_ms ? "timeout" :
									    "interrupted";
		}
	}
	/* a reconciliation that found everything stored already has found nothing */
	if (c->st.only_missing && c->st.outcome == POLL_MESSAGES && c->r.stored == 0)
		c->st.outcome = POLL_EMPTY;
	c->r.outcome = c->lost ? POLL_FAILED : c->st.outcome;
	c->r.hint = c->lost ? "database" : c->st.hint;
	c->r.attempts = c->st.attempts;
	c->r.n_attempts = c->st.n_attempts;
	c->r.next_us = next_time(c);
	say_result(c);
	record(c, cut);
	if (c->st.pause_s > 0)
		c->r.next_us = clock_now_us() + c->st.pause_s * US;
	if (state_lease_free(c->p.db, c->lease, c->owner) != RC_OK)
		log_warn("lease %s could not be given back; it ends by itself", c->lease);
	log_leave(entered);
	c->p.done(c->p.arg, &c->r);
	check_free(c);
}

/* --- the beginning --------------------------------------------------------------- */

/* What the memory depends on; only as a digest, for secrets are part of it. */
static void
fingerprint(const struct account *a, char out[17])
{
	struct sign_hash *h = sign_hash_new();
	unsigned char d[SIGN_SHA256];
	const char *const v[] = { provider_of(a)->name, a->api_url, a->token, a->own_id };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
		sign_hash_add(h, v[i] != NULL ? v[i] : "", v[i] != NULL ? strlen(v[i]) + 1 : 1);
	for (size_t i = 0; i < *provider_of(a)->n_keys; i++) {
		const struct provider_key *k = &provider_of(a)->keys[i];
		const char *s = k->secret ? NULL : account_value(a, k->name);

		sign_hash_add(h, s != NULL ? s : "", s != NULL ? strlen(s) + 1 : 1);
	}
	/* an account that is polled from now on does not wait for the hourly comparison */
	if (a->poll_s == 0)
		sign_hash_add(h, "webhooks", sizeof "webhooks");
	sign_hash_end(h, d);
	str_hex(d, 8, out);
}

/* Is the memory of this configuration? */
static bool
memory_holds(const char *memory, const char *of)
{
	struct mem_arena a = { 0 };
	struct json *j = NULL;
	bool same = false;

	if (memory != NULL && json_parse(memory, strlen(memory), &j, NULL) == RC_OK)
		same = str_eq(json_str(&a, json_member(j, "of")), of);
	json_free(j);
	mem_arena_free(&a);
	return same;
}

/* The memory without its "of": what the provider gave. */
static const char *
memory_of(struct mem_arena *a, const char *memory)
{
	const char *p = strstr(memory, "\"of\"");
	struct json *j = NULL;
	const struct json *v;
	const char *k;
	struct jsonw w;
	struct buf b;
	char *s;

	if (p == NULL || json_parse(memory, strlen(memory), &j, NULL) != RC_OK)
		return mem_arena_dup(a, memory);
	buf_init(&b, MEMORY_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	for (struct json_iter i = { NULL }; json_each(j, &i, &k, &v);)
		if (!str_eq(k, "of"))
			jsonw_raw(&w, k, json_raw(a, v));
	jsonw_end(&w);
	s = jsonw_done(&w) ? mem_arena_dup(a, b.p) : mem_arena_dup(a, "{}");
	buf_free(&b);
	json_free(j);
	return s;
}

/* Why not now; RC_OK: go on. */
static enum rc
may_check(struct check *c, const struct state_account *s, bool known, int64_t *next_us)
{
	int64_t now = c->started_us;
	bool rate = str_eq(s->pause_reason, "rate_limited");

	*next_us = 0;
	/* a person may prove a mended token, but not break a provider's limit */
	if (s->pause_until_us > now && (!c->p.person || rate)) {
		*next_us = s->pause_until_us;
		return RC_NONE;
	}
	if (c->p.person)
		return RC_OK;
	if (known && s->next_probe_us > now) {
		*next_us = s->next_probe_us;
		return RC_NONE;
	}
	c->st.probe = known && s->next_probe_us > 0;
	return RC_OK;
}

static enum rc
prepare(struct check *c, int64_t *next_us)
{
	struct state_account s = { 0 };
	bool known;
	enum rc rc;

	rc = state_get(c->p.db, c->login.a.channel, c->login.a.name, &s);
	if (rc != RC_OK && rc != RC_NONE)	/* none: nothing remembered yet */
		return rc;
	fingerprint(c->p.account, c->of);
	known = memory_holds(s.memory, c->of);
	c->st.memory = known ? memory_of(&c->st.arena, s.memory) : "{}";
	c->st.probe = false;
	c->st.person = c->p.person;
	c->proof = c->st.proof = s.proof;
	login_state(&c->login, &s);
	rc = may_check(c, &s, known, next_us);
	state_account_free(&s);
	return rc;
}

static struct check *
check_new(const struct task_poll *p)
{
	struct check *c = mem_alloc(sizeof *c);

	c->p = *p;
	login_init(&c->login, p->conf, p->account);
	c->r.account = p->account;
	c->started_us = clock_now_us();
	c->st.now_us = c->started_us;
	c->st.long_poll_s = p->long_poll_s;
	c->st.deadline_ms = p->deadline_ms != 0 ? p->deadline_ms :
						  clock_mono_ms() + TASK_POLL_CHECK_S * 1000;
	sign_token(c->owner, 20);
	sign_token(c->id, 20);
	snprintf(c->lease, sizeof c->lease, "poll/%s/%s", channel_names[p->account->channel],
	    p->account->name);
	return c;
}

enum rc
task_poll_start(const struct task_poll *p, int64_t *next_us)
{
	struct check *c;
	struct httpc_flow f = { .next = check_next, .feed = check_feed, .done = check_done };
	bool entered;
	int64_t left;
	enum rc rc;

	*next_us = 0;
	if (provider_of(p->account)->poll_build == NULL)
		return RC_NONE;
	c = check_new(p);
	left = c->st.deadline_ms - clock_mono_ms();
	/* one question is enough while the account rests */
	rc = p->person ? RC_OK : prepare(c, next_us);
	if (rc != RC_OK) {
		check_free(c);
		return rc == RC_NONE ? RC_NONE : RC_TEMP;
	}
	rc = state_lease(
	    p->db, c->lease, c->owner, (unsigned int)(left > 0 ? left / 1000 : 0) + LEASE_SLACK_S);
	if (rc != RC_OK) {
		check_free(c);
		return rc == RC_LIMIT ? RC_LIMIT : RC_TEMP;
	}
	rc = prepare(c, next_us);
	if (rc != RC_OK) {
		if (state_lease_free(p->db, c->lease, c->owner) != RC_OK)
			log_warn("lease %s could not be given back; it ends by itself", c->lease);
		check_free(c);
		return rc == RC_NONE ? RC_NONE : RC_TEMP;
	}
	entered = log_enter(c);
	log_info("🔍 Starting %s message check...", title(&c->login.a));
	log_leave(entered);
	f.arg = c;
	f.deadline_ms = c->st.deadline_ms;
	httpc_add(p->httpc, &f);
	return RC_OK;
}

/* --- start of the poller ------------------------------------------------------------- */

static void
hello_instagram(const struct account *a, const char *who)
{
	const struct provider *p = provider_of(a);

	log_info(
	    "Instagram Service initialized (%s)%s", a->use_mock ? "MOCK MODE" : p->words.mode, who);
	if (!a->use_mock && p->words.configured != NULL && a->token != NULL)
		log_info("%s%s", p->words.configured, who);
	else if (!a->use_mock && account_missing(a, KEY_CALL, 0) != NULL)
		log_warn("⚠️ %s is not set%s", account_missing(a, KEY_CALL, 0), who);
	log_info("🔧 InstagramService onModuleInit called%s", who);
	if (a->use_mock || provider_of(a)->poll_build == NULL)
		return;
	if (a->poll_s == 0) {
		log_info("ℹ️ polling is off (%s=0)%s",
		    conf_channel_key(a->channel, "POLL_SECONDS"), who);
		return;
	}
	log_info("📡 Starting Instagram message polling (%s)...%s", p->title, who);
	log_info(
	    "✅ Starting Instagram message polling (checking every %u seconds)%s", a->poll_s, who);
	log_info("📡 API URL: %s", a->api_url);
}

void
task_poll_hello(const struct conf *c, const struct account *a)
{
	char who[160] = "";

	(void)c;
	if (!str_eq(a->name, "main"))
		snprintf(who, sizeof who, " [%s]", a->name);
	if (a->channel == CHANNEL_INSTAGRAM) {
		hello_instagram(a, who);
		return;
	}
	log_info("WhatsApp Service initialized (%s)%s",
	    a->use_mock ? "MOCK MODE" : provider_of(a)->words.mode, who);
	if (a->use_mock || provider_of(a)->poll_build == NULL)
		return;
	if (a->poll_s == 0)
		log_info("ℹ️ polling is off (%s=0)%s",
		    conf_channel_key(a->channel, "POLL_SECONDS"), who);
	else
		log_info("✅ Starting WhatsApp message polling (checking every %u seconds)%s",
		    a->poll_s, who);
}

/*
 * A person's check: each account of the channel is a flow of one httpc engine.  An account
 * that the poller is checking just now is waited for a while, by its lease.
 */
#include "endpoint/check_messages.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "bridge/hint.h"
#include "extern/jsonw.h"
#include "task/poll.h"

#define LEASE_WAIT_MS 10000	/* a person waits so long for a lease */
#define LEASE_AGAIN_MS 500
#define ANSWER_MAX (1u << 20)	/* of one account */

struct entry {
	const struct account *account;
	enum { WAITING, RUNNING, READY } state;
	struct buf json;	/* its part of the answer */
	const struct conf *conf;
	bool good, news;
};

static void
entry_ready(struct entry *en, const struct task_poll_result *r)
{
	const struct account *a = en->account;
	struct jsonw w;
	struct buf hint;

	buf_init(&hint, 16384);
	hint_poll(en->conf, a, r->outcome, r->hint, &hint);
	jsonw_init(&w, &en->json);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "account", a->name);
	jsonw_str(&w, "provider", provider_called(a));
	jsonw_str(&w, "outcome", poll_outcome_names[r->outcome]);
	jsonw_i64(&w, "stored", (int64_t)r->stored);
	jsonw_i64(&w, "duplicates", (int64_t)r->duplicates);
	task_poll_attempts_json(r->attempts, r->n_attempts, &w, "attempts");
	jsonw_str(&w, "hint", hint.n > 0 ? hint.p : NULL);
	jsonw_end(&w);
	buf_free(&hint);
	en->good = r->outcome != POLL_FAILED && r->outcome != POLL_BUSY;
	en->news = r->stored + r->added > 0;
	en->state = READY;
}

static void
entry_done(void *arg, const struct task_poll_result *r)
{
	entry_ready(arg, r);
}

static void
entry_say(struct entry *en, enum poll_outcome outcome, const char *hint)
{
	const struct task_poll_result r = {
		.account = en->account, .outcome = outcome, .hint = hint
	};

	entry_ready(en, &r);
}

/* Start what waits for its lease.  How many wait still. */
static size_t
entries_start(struct endpoint_env *e, struct httpc *h, struct entry *v, size_t n, bool *away)
{
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	size_t waiting = 0;
	int64_t next_us;

	for (size_t i = 0; i < n; i++) {
		struct task_poll p = { .db = db,
			.spool = ctx_spool(e->ctx, e->conf),
			.meter = ctx_meter(e->ctx, e->conf),
			.httpc = h,
			.conf = e->conf,
			.account = v[i].account,
			.person = true,
			.done = entry_done,
			.arg = &v[i] };

		if (v[i].state != WAITING)
			continue;
		if (v[i].account->use_mock) {
			entry_say(&v[i], POLL_MOCK, NULL);
			continue;
		}
		v[i].state = RUNNING;
		switch (task_poll_start(&p, &next_us)) {
		case RC_OK:
			break;
		case RC_LIMIT:
			v[i].state = WAITING;
			waiting++;
			break;
		case RC_NONE:
			entry_say(&v[i], POLL_FAILED, "paused");
			break;
		default:
			*away = true;
			entry_say(&v[i], POLL_FAILED, "database");
		}
	}
	return waiting;
}

static void
entries_run(struct endpoint_env *e, struct entry *v, size_t n, bool *away)
{
	struct httpc *h = httpc_new(&e->conf->media_allow);
	int64_t until = clock_mono_ms() + LEASE_WAIT_MS, again = 0;
	size_t waiting = n, alive;

	do {
		if (waiting > 0 && clock_mono_ms() >= again) {
			waiting = entries_start(e, h, v, n, away);
			again = clock_mono_ms() + LEASE_AGAIN_MS;
		}
		alive = httpc_step(h, 250);
		if (waiting > 0 && alive == 0)
			clock_sleep_ms(250);
	} while ((waiting > 0 && clock_mono_ms() < until) || (waiting == 0 && alive > 0));
	for (size_t i = 0; i < n; i++)
		if (v[i].state == WAITING)
			entry_say(&v[i], POLL_BUSY, "busy");
	httpc_run(h);
	httpc_free(h);
}

static struct entry *
entries_new(struct endpoint_env *e, const char *only, size_t *n)
{
	struct entry *v = mem_array(e->conf->n_accounts + 1, sizeof *v);

	*n = 0;
	for (size_t i = 0; i < e->conf->n_accounts; i++) {
		const struct account *a = &e->conf->accounts[i];

		if (a->channel != e->channel || (only != NULL && !str_eq(only, a->name)))
			continue;
		v[*n].account = a;
		v[*n].conf = e->conf;
		buf_init(&v[(*n)++].json, ANSWER_MAX);
	}
	return v;
}

void
endpoint_check_messages(struct endpoint_env *e)
{
	const char *only = http_query_get(&e->arena, e->req->query, "account");
	struct entry *v;
	struct jsonw w;
	struct buf b;
	size_t n, good = 0;
	bool away = false, news = false;

	v = entries_new(e, str_empty(only) ? NULL : only, &n);
	buf_init(&b, 8 * ANSWER_MAX);
	if (n == 0) {
		endpoint_error(
		    e, 404, "unknown_account", "there is no such account on this channel");
		goto out;
	}
	entries_run(e, v, n, &away);
	if (away) {
		endpoint_header(e, "Retry-After", "5");
		endpoint_error(e, 503, "database", "the database is away");
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		good += v[i].good;
		news |= v[i].news;
	}
	if (news) {
		ctx_changed(e->ctx, e->conf);
		ctx_changed_tick(e->ctx);
	}
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_bool(&w, "success", good == n);
	jsonw_array(&w, "accounts");
	for (size_t i = 0; i < n; i++)
		jsonw_raw(&w, NULL, v[i].json.p);
	jsonw_end(&w);
	jsonw_end(&w);
	buf_putc(&b, '\n');
	endpoint_jsonw(e, 200, &w);
out:
	for (size_t i = 0; i < n; i++)
		buf_free(&v[i].json);
	buf_free(&b);
	free(v);
}

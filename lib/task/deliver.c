/*
 * The poller's half of sending: the guarantee behind send.fcgi's one try.  One flow per account:
 * claim, send, settle, and again until nothing is due.  So an account's messages leave one after
 * the other, a slow account waits for nobody, and no list of what is in flight has
 * to be kept beside the leases of the table.
 *
 * What the provider said must not be forgotten because the database was away
 * at that moment: such results wait in memory and are settled later; the row's
 * claim stays ours until a person takes it.
 */
#include "task/task.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/attempt.h"
#include "bridge/link.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/outbox.h"
#include "store/state.h"
#include "model/provider.h"
#include "base/str.h"

enum {
	LEASE_S = 60,
	TIMEOUT_MS = 15000,
	UPLOAD_MS = 240000,	/* 15 MiB by half a megabit a second */
	LOOKUP_GAP_MS = 500,	/* providers.md B.8: two conversation reads a second */
	LOOKUPS = 8,		/* of an account, in one round of upkeep */
	DENIED_MAX = 3,		/* refused look-ups after which the provider cannot be asked */
	AT_ONCE = 50,		/* items settled without network (mock) in one go */
	LATE_MS = 600000	/* how long a result waits for the database */
};

struct late {
	struct outbox_items items;
	struct send_result result;
	int64_t ms, since_ms;
	struct late *next;
};

struct flow {
	struct task_flow f;		/* first; aside: a look-up */
	struct outbox_items items;	/* sends: one; look-ups: several */
	size_t i;			/* look-ups: the one under way */
	char look_in[520];		/* ... its second step: the conversation found; else "" */
	bool open;			/* a claimed item without a result */
	bool again;			/* ... to be built (once more): its next request */
	bool begun;			/* ... whose attempt has begun */
	bool handing;			/* the request under way hands over its file */
	bool lasting;			/* ... which may take longer than the run */
	int64_t last_ms;		/* when the last request ended */
};

struct deliver {
	struct task_run r;		/* first */
	struct late *late;
};

static struct deliver *
deliver_of(const struct flow *f)
{
	return (struct deliver *)f->f.run;
}

static struct db *
db_of(const struct flow *f)
{
	return f->f.run->env.db;
}

static void
late_free(struct late *l)
{
	outbox_items_free(&l->items);
	free(l);
}

static void
deliver_end(struct task_run *r)
{
	struct deliver *d = (struct deliver *)r;

	while (d->late) {
		struct late *l = d->late;

		d->late = l->next;
		log_warn("outbox: %lld: its result (%d) could not be written before the end",
		    (long long)l->items.v[0].id, (int)l->result.outcome);
		late_free(l);
	}
}

/* The account with the token and the proof that go with it. */
static const struct account *
account_for(struct flow *f, const struct outbox_item *it)
{
	login_use(&f->f.login, it->token, it->token_of, it->proof);
	return &f->f.login.a;
}

static void
set_lasting(struct flow *f, bool lasting)
{
	if (f->lasting == lasting)
		return;
	f->lasting = lasting;
	f->f.run->lasting += lasting ? 1 : (size_t)-1;
}

/* Settle f's item; what the database cannot take now is kept for later. */
static void
flow_settle(struct flow *f, const struct send_result *r, int64_t ms)
{
	struct deliver *d = deliver_of(f);
	struct late *l;

	f->open = false;
	set_lasting(f, false);
	if (r->outcome == SEND_SENT || r->outcome == SEND_ACCEPTED)
		d->r.done++;
	attempt_count(d->r.env.meter, &f->f.login.a, r, ms);
	if (outbox_settle(d->r.env.db, &f->items.v[0], r, ms, NULL) != RC_TEMP)
		return;
	l = mem_alloc(sizeof *l);
	l->items = f->items;
	l->result = *r;
	l->ms = ms;
	l->since_ms = clock_mono_ms();
	l->next = d->late;
	d->late = l;
	memset(&f->items, 0, sizeof f->items);
}

static void
settle_late(struct deliver *d)
{
	struct late **p = &d->late;

	while (*p) {
		struct late *l = *p;
		enum rc rc = outbox_settle(d->r.env.db, &l->items.v[0], &l->result, l->ms, NULL);

		if (rc == RC_TEMP && clock_mono_ms() - l->since_ms < LATE_MS)
			return;		/* away still: ask no more of it now */
		*p = l->next;
		late_free(l);
	}
}

/* --- sending ------------------------------------------------------------------ */

static enum rc
send_build(struct flow *f, struct http_req *req, int64_t *wait_ms, struct send_result *r)
{
	const struct account *a = account_for(f, &f->items.v[0]);
	enum rc rc;

	f->handing = attempt_upload(a, &f->items.v[0], UPLOAD_MS, req) == RC_OK;
	rc = f->handing ? RC_OK : attempt_build(a, &f->items.v[0], TIMEOUT_MS, req, r);
	if (rc == RC_OK && f->last_ms != 0)
		*wait_ms = f->last_ms + provider_of(a)->send_gap_ms - clock_mono_ms();
	if (*wait_ms < 0)
		*wait_ms = 0;
	return rc;
}

/* A result before the message was sent. */
static void
settle_unasked(struct flow *f, const struct send_result *r)
{
	if (f->begun || outbox_begin(db_of(f), &f->items.v[0]) == RC_OK)
		flow_settle(f, r, 0);
}

static enum rc
send_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct flow *f = arg;
	const struct outbox_want want = { .channel = f->f.login.a.channel,
		.account = f->f.login.a.name,
		.max = 1,
		.lease_s = LEASE_S };
	struct send_result r;

	*wait_ms = 0;
	if (f->again && send_build(f, req, wait_ms, &r) == RC_OK)
		return RC_OK;
	if (f->again)
		settle_unasked(f, &r);
	f->again = false;
	for (int i = 0; i < AT_ONCE && !f->f.run->stopping && deliver_of(f)->late == NULL; i++) {
		outbox_items_free(&f->items);
		f->open = false; /* could not begin: its lease ends by itself */
		if (outbox_claim(db_of(f), &want, &f->items) != RC_OK || f->items.n == 0)
			return RC_NONE;
		f->open = true;
		f->begun = false;
		if (link_sign(db_of(f), f->f.run->env.conf, &f->items) != RC_OK)
			return RC_NONE;	/* flow_over gives it back */
		if (send_build(f, req, wait_ms, &r) == RC_OK)
			return RC_OK;
		settle_unasked(f, &r);
	}
	return RC_NONE;
}

/* The attempt begins with the message's request, not with the claim, nor with its file: a poller
 * that ends in between leaves the row queued. */
static bool
send_start(void *arg)
{
	struct flow *f = arg;

	f->again = false;
	if (f->handing) {
		set_lasting(f, true);
		return outbox_hold(db_of(f), &f->items.v[0], UPLOAD_MS / 1000 + LEASE_S) == RC_OK;
	}
	if (!f->begun)	/* else the same attempt goes on */
		f->begun = outbox_begin(db_of(f), &f->items.v[0]) == RC_OK;
	return f->begun;
}

/* The provider took it: with which proof is remembered. */
static void
keep_proof(struct db *db, const struct outbox_item *it, const struct send_result *r)
{
	if (it->tries > 0 && !r->again &&
	    state_set_proof(db, it->channel, it->account, it->proof) != RC_OK)
		log_debug("%s: the proof in use is found again next time", it->account);
}

/* What came of a file: its message is next, or the item has a result. */
static void
handed_over(struct flow *f, const struct http_res *res)
{
	struct outbox_item *it = &f->items.v[0];
	struct send_result r;

	f->again = attempt_uploaded(account_for(f, it), it, res, &r) == RC_OK ||
	    attempt_again(it, &r);
	/* cut when the poller was stopped: no failure, flow_over gives the row back */
	if (!f->again && !(res->fail == HTTP_FAIL_TIMEOUT && res->ms < UPLOAD_MS))
		settle_unasked(f, &r);
}

static void
send_feed(void *arg, struct http_res *res)
{
	struct flow *f = arg;
	struct send_result r;

	if (f->handing) {
		handed_over(f, res);
		return;
	}
	f->last_ms = clock_mono_ms();
	attempt_read(account_for(f, &f->items.v[0]), &f->items.v[0], res, &r);
	f->again = attempt_again(&f->items.v[0], &r);
	if (f->again)
		return;
	keep_proof(db_of(f), &f->items.v[0], &r);
	flow_settle(f, &r, res->ms);
}

static void
flow_over(struct task_flow *base)
{
	struct flow *f = (struct flow *)base;

	set_lasting(f, false);
	/* claimed, but its request was never started */
	if (f->open && outbox_release(db_of(f), &f->items.v[0]) == RC_TEMP)
		log_debug("outbox: %lld: not released, its lease will run out",
		    (long long)f->items.v[0].id);
	outbox_items_free(&f->items);
}

static struct flow *
flow_new(bool lookup)
{
	struct flow *f = mem_alloc(sizeof *f);

	f->f.aside = lookup;
	f->f.over = flow_over;
	return f;
}

static size_t
deliver_start(struct task_run *r)
{
	struct deliver *d = (struct deliver *)r;
	const struct httpc_flow hf = { .next = send_next, .start = send_start, .feed = send_feed };
	const struct conf *conf = r->env.conf;
	size_t started = 0;
	bool *due;

	settle_late(d);
	if (d->late || conf->n_accounts == 0)
		return 0;
	due = mem_array(conf->n_accounts, sizeof *due);
	if (outbox_due(r->env.db, conf, due) == RC_OK) {
		for (size_t i = 0; i < conf->n_accounts; i++) {
			const struct account *a = &conf->accounts[i];

			if (!due[i] || task_under_way(r, a, false))
				continue;
			task_flow_add(r, &flow_new(false)->f, a, &hf);
			started++;
		}
	}
	free(due);
	return started;
}

/* --- look-ups ------------------------------------------------------------------ */

/* The provider has not got it, or has no way to tell: a doubtful one may go out again. */
static void
not_there(struct flow *f, const struct outbox_item *it)
{
	if (it->doubtful && outbox_asked(db_of(f), it->id) != RC_OK)
		log_debug("outbox: %lld: settled meanwhile", (long long)it->id);
}

static enum rc
lookup_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct flow *f = arg;
	const struct provider *p = provider_of(&f->f.login.a);

	for (; f->i < f->items.n && !f->f.run->stopping; f->i++) {
		const struct outbox_item *it = &f->items.v[f->i];
		struct outmsg m = it->msg;

		m.look_in = f->look_in[0] != '\0' ? f->look_in : NULL;
		http_req_free(req);	/* the provider makes it afresh */
		if (p->lookup_build == NULL ||
		    p->lookup_build(account_for(f, it), &m, req) != RC_OK) {
			f->look_in[0] = '\0';
			not_there(f, it);
			continue;
		}
		req->timeout_ms = TIMEOUT_MS;
		*wait_ms = f->last_ms == 0 ? 0 : LOOKUP_GAP_MS;
		return RC_OK;
	}
	return RC_NONE;
}

static void
lookup_feed(void *arg, struct http_res *res)
{
	struct flow *f = arg;
	const struct outbox_item *it = &f->items.v[f->i];
	const struct provider *p = provider_of(&f->f.login.a);
	struct outmsg m = it->msg;
	struct strv ids = { 0 };
	enum rc rc = RC_TEMP;
	bool found = false;

	f->last_ms = clock_mono_ms();
	m.look_in = f->look_in[0] != '\0' ? f->look_in : NULL;
	if (res->fail == HTTP_FAIL_NONE && p->lookup_read != NULL)
		rc = p->lookup_read(account_for(f, it), &m, it->attempt_us, res, &ids);
	if (rc == RC_DUP && m.look_in == NULL) {	/* then there */
		snprintf(f->look_in, sizeof f->look_in, "%s", ids.v[0]);
		strv_free(&ids);
		return;
	}
	f->look_in[0] = '\0';
	f->i++;
	/* what is another row's is not taken (outbox_found) */
	for (size_t i = 0; rc == RC_OK && i < ids.n && !found; i++)
		found = outbox_found(db_of(f), it->id, ids.v[i]) == RC_OK;
	strv_free(&ids);
	if ((rc == RC_OK && !found) || rc == RC_NONE ||
	    (rc == RC_DENIED && it->lookups >= DENIED_MAX))
		not_there(f, it);
}

/* Unknown outcomes, at providers that can be asked; results that waited for the database. */
static enum rc
deliver_upkeep(struct task_run *r)
{
	const struct httpc_flow hf = { .next = lookup_next, .feed = lookup_feed };
	const struct conf *conf = r->env.conf;
	bool *due;

	settle_late((struct deliver *)r);
	if (r->stopping)
		return RC_OK;
	due = mem_array(conf->n_accounts + 1, sizeof *due);
	if (outbox_ask_due(r->env.db, conf, due) == RC_OK) {
		for (size_t i = 0; i < conf->n_accounts; i++) {
			const struct account *a = &conf->accounts[i];
			struct outbox_items items = { 0 };
			struct flow *f;

			if (!due[i] || task_under_way(r, a, true) ||
			    outbox_unknown(r->env.db, a->channel, a->name, LOOKUPS, &items) !=
				RC_OK)
				continue;
			f = flow_new(true);
			f->items = items;
			task_flow_add(r, &f->f, a, &hf);
		}
	}
	free(due);
	return RC_OK;
}

const struct task task_deliver = { .name = "sends",
	.size = sizeof(struct deliver),
	.start = deliver_start,
	.upkeep = deliver_upkeep,
	.upkeep_s = 5,
	.must_finish = true,
	.end = deliver_end };

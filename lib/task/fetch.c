/*
 * Messages that were announced without their content (providers.md B.5: message_edit with
 * num_edit 0 comes instead of the message) are fetched by their id and stored as a poll's
 * are.  What the provider no longer has is given up; passing troubles are tried again at
 * the next run, for a week.
 *
 * There is no claim: two hosts that ask for the same message
 * store it once, by its key.  One query finds what waits in all accounts, on a
 * partial index that is empty on most days.
 */
#include "task/task.h"

#include <stdlib.h>

#include "base/clock.h"
#include "bridge/ingest.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/provider.h"
#include "store/state.h"
#include "base/str.h"

#define A_RUN 20 /* messages of an account; older ones have no details anyway */
#define GAP_MS 600
#define TIMEOUT_MS 10000

enum { Q_WAITING, Q_GONE, Q__MAX };
static const struct db_stmt sql[Q__MAX] = {
	[Q_WAITING] = { "fetch_waiting",
	    "select e.id, e.target_id from dmbox.events e"
	    " where e.account = $1 and e.channel = $2 and e.effect = 'edit' and e.num = 0"
	    "   and e.text is null and e.applied_at is null and e.target_id is not null"
	    "   and not e.is_test and e.occurred_at > now() - interval '7 days'"
	    "   and not exists (select 1 from dmbox.messages m where m.account = e.account"
	    "        and m.channel = e.channel and m.thread_id = e.thread_id"
	    "        and m.external_id = e.target_id)"
	    " order by e.id desc limit $3::bigint" },
	[Q_GONE] = { "fetch_gone", "update dmbox.events set applied_at = now() where id = $1" },
};

struct flow {
	struct task_flow f;		/* first */
	struct db_res *res;		/* what waits */
	size_t i;			/* the one under way */
	bool over;
};

static enum rc
flow_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct flow *w = arg;

	for (; !w->over && !w->f.run->stopping && w->i < db_rows(w->res); w->i++) {
		if (provider_of(&w->f.login.a)
			->fetch_build(&w->f.login.a, db_get_text(w->res, w->i, 1), req) != RC_OK)
			continue;
		req->timeout_ms = TIMEOUT_MS;
		*wait_ms = w->i > 0 ? GAP_MS : 0;
		return RC_OK;
	}
	return RC_NONE;
}

/* Nothing will come of this one. */
static void
gone(struct flow *w)
{
	task_row(w->f.run, &sql[Q_GONE], db_get_i64(w->res, w->i, 0));
}

static void
flow_feed(void *arg, struct http_res *res)
{
	struct flow *w = arg;
	struct delivery del, *d = &del;
	const char *id = db_get_text(w->res, w->i, 1);
	enum rc rc;

	delivery_init(d);
	d->channel = w->f.login.a.channel;
	d->account = w->f.login.a.name;
	d->provider = w->f.login.a.provider;
	d->mock = w->f.login.a.use_mock;
	d->source = SOURCE_POLL;
	d->request_id = log_request_id();
	d->content_type = http_res_get(res, "Content-Type");
	d->headers = "{}";
	d->body = res->body;
	d->body_n = res->body_n;
	rc = provider_of(&w->f.login.a)->fetch_read(&w->f.login.a, id, res, &d->items);
	if (rc == RC_OK && d->items.n > 0) {
		if (ingest(w->f.run->env.db, w->f.run->env.spool, &d, 1) == RC_OK) {
			w->f.run->done += d->messages;
			log_info("📥 %s: a message that came without content was fetched by its id",
			    w->f.login.a.name);
		} else {
			w->over = true;
		}
	} else if (rc == RC_NONE || rc == RC_INVALID || rc == RC_OK) {
		log_warn("%s: a message announced without content is no longer available at "
			 "the provider",
		    w->f.login.a.name);
		gone(w);
	} else {
		w->over = true;	/* token, limit, network: the others fare no better now */
	}
	delivery_free(d);
	w->i++;
}

static void
flow_over(struct task_flow *base)
{
	db_res_free(((struct flow *)base)->res);
}

static bool
start_one(struct task_run *run, const struct account *a)
{
	const struct httpc_flow hf = { .next = flow_next, .feed = flow_feed };
	struct state_account st = { 0 };
	struct db_args args = { 0 };
	struct db_res *r = NULL;
	struct flow *w = NULL;

	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	db_i64(&args, A_RUN);
	if (db_exec(run->env.db, &sql[Q_WAITING], &args, &r) == RC_OK && db_rows(r) > 0 &&
	    task_may_ask(run, a, &st)) {
		w = mem_alloc(sizeof *w);
		w->f.over = flow_over;
		w->res = r;
		task_flow_add(run, &w->f, a, &hf);
		login_state(&w->f.login, &st);
	} else {
		db_res_free(r);
	}
	state_account_free(&st);
	db_args_free(&args);
	return w != NULL;
}

static size_t
fetch_start(struct task_run *run)
{
	const struct conf *conf = run->env.conf;
	size_t n = 0;

	for (size_t i = 0; i < conf->n_accounts; i++) {
		const struct account *a = &conf->accounts[i];
		const struct provider *p = provider_of(a);

		if (p->fetch_build == NULL || p->fetch_read == NULL || a->use_mock ||
		    str_empty(a->token) || task_under_way(run, a, false))
			continue;
		if (start_one(run, a))
			n++;
	}
	return n;
}

const struct task task_fetch = { .name = "fetch", .start = fetch_start, .start_s = 5 };

/*
 * Fetching by id.  There is no claim: two hosts that ask for the same message
 * store it once, by its key.  One query finds what waits in all accounts, on a
 * partial index that is empty on most days.
 */
#include "task/fetch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "bridge/ingest.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/provider.h"
#include "store/state.h"
#include "base/str.h"

#define A_RUN		20	/* messages of an account; older ones have no details anyway */
#define GAP_MS		600
#define TIMEOUT_MS	10000

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
	[Q_GONE] = { "fetch_gone",
	    "update dmbox.events set applied_at = now() where id = $1" },
};

struct fetches {
	struct httpc *h;
	struct db *db;
	struct spool *spool;
	struct flow *flows;
	size_t alive, done;
	bool stopping;
};

struct flow {
	struct fetches *f;
	struct conf *conf;		/* held */
	const struct account *account;	/* in conf */
	struct account live;		/* with the token in force */
	char *token;
	struct db_res *res;		/* what waits */
	size_t i;			/* the one under way */
	bool over;
	struct flow *next;
};

struct fetches *
task_fetch_new(struct httpc *h)
{
	struct fetches *f = mem_alloc(sizeof *f);

	f->h = h;
	return f;
}

void
task_fetch_free(struct fetches *f)
{
	free(f);
}

static enum rc
flow_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct flow *w = arg;

	for (; !w->over && !w->f->stopping && w->i < db_rows(w->res); w->i++) {
		if (provider_of(w->account)->fetch_build(&w->live,
		    db_get_text(w->res, w->i, 1), req) != RC_OK)
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
	struct db_args a = {0};

	db_i64(&a, db_get_i64(w->res, w->i, 0));
	if (db_exec(w->f->db, &sql[Q_GONE], &a, NULL) != RC_OK)
		log_debug("fetch: asked for again at the next run");
	db_args_free(&a);
}

static void
flow_feed(void *arg, struct http_res *res)
{
	struct flow *w = arg;
	struct delivery del, *d = &del;
	const char *id = db_get_text(w->res, w->i, 1);
	enum rc rc;

	delivery_init(d);
	d->channel = w->account->channel;
	d->account = w->account->name;
	d->provider = w->account->provider;
	d->mock = w->account->use_mock;
	d->source = SOURCE_POLL;
	d->request_id = log_request_id();
	d->content_type = http_res_get(res, "Content-Type");
	d->headers = "{}";
	d->body = res->body;
	d->body_n = res->body_n;
	rc = provider_of(w->account)->fetch_read(&w->live, id, res, &d->items);
	if (rc == RC_OK && d->items.n > 0) {
		if (ingest(w->f->db, w->f->spool, &d, 1) == RC_OK) {
			w->f->done += d->messages;
			log_info("📥 %s: a message that came without content was fetched by its id",
			    w->account->name);
		} else {
			w->over = true;
		}
	} else if (rc == RC_NONE || rc == RC_INVALID || rc == RC_OK) {
		log_warn("%s: a message announced without content is not to be had any more",
		    w->account->name);
		gone(w);
	} else {
		w->over = true;	/* token, limit, network: the others fare no better now */
	}
	delivery_free(d);
	w->i++;
}

static void
flow_done(void *arg, bool cut)
{
	struct flow *w = arg;

	(void)cut;
	for (struct flow **q = &w->f->flows; *q != NULL; q = &(*q)->next)
		if (*q == w) {
			*q = w->next;
			break;
		}
	w->f->alive--;
	db_res_free(w->res);
	mem_free_secret(w->token);
	conf_drop(w->conf);
	free(w);
}

static bool
under_way(const struct fetches *f, const struct account *a)
{
	for (const struct flow *w = f->flows; w != NULL; w = w->next)
		if (w->account->channel == a->channel && str_eq(w->account->name, a->name))
			return true;
	return false;
}

/* The account's live token and whether it rests now. */
static bool
may_ask(struct fetches *f, const struct account *a, char **token, unsigned int *proof)
{
	struct state_account st = {0};
	bool may;

	if (state_get(f->db, a->channel, a->name, &st) != RC_OK)
		return false;
	may = st.pause_until_us <= clock_now_us();
	*token = may ? mem_dup(state_token(a, &st)) : NULL;
	*proof = st.proof;
	state_account_free(&st);
	return may;
}

static bool
start_one(struct fetches *f, struct conf *conf, const struct account *a)
{
	struct httpc_flow hf = { .next = flow_next, .feed = flow_feed, .done = flow_done };
	struct db_args args = {0};
	struct db_res *r = NULL;
	struct flow *w = NULL;
	char *token = NULL;
	unsigned int proof = 0;

	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	db_i64(&args, A_RUN);
	if (db_exec(f->db, &sql[Q_WAITING], &args, &r) == RC_OK && db_rows(r) > 0 &&
	    may_ask(f, a, &token, &proof)) {
		w = mem_alloc(sizeof *w);
		w->f = f;
		w->conf = conf_hold(conf);
		w->account = a;
		w->live = *a;
		w->token = token;
		w->live.proof = proof;
		if (token != NULL)
			w->live.token = token;
		w->res = r;
		w->next = f->flows;
		f->flows = w;
		f->alive++;
		hf.arg = w;
		httpc_add(f->h, &hf);
	} else {
		db_res_free(r);
	}
	db_args_free(&args);
	return w != NULL;
}

size_t
task_fetch_start(struct fetches *f, struct db *db, struct spool *sp, struct conf *conf)
{
	size_t n = 0;

	f->db = db;
	f->spool = sp;
	for (size_t i = 0; i < conf->n_accounts && !f->stopping; i++) {
		const struct account *a = &conf->accounts[i];
		const struct provider *p = provider_of(a);

		if (p->fetch_build == NULL || p->fetch_read == NULL || a->use_mock ||
		    str_empty(a->token) || under_way(f, a))
			continue;
		if (start_one(f, conf, a))
			n++;
	}
	return n;
}

void
task_fetch_stop(struct fetches *f)
{
	f->stopping = true;
}

size_t
task_fetch_alive(const struct fetches *f)
{
	return f->alive;
}

size_t
task_fetch_done(const struct fetches *f)
{
	return f->done;
}

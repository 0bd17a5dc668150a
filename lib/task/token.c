/*
 * Token refresh.  The claim is one UPDATE that sets token_tried_at, so that
 * neither a second host nor a run that overlaps asks again within the day.
 * token_of is a digest of the configured token: it tells a token that was
 * refreshed from it from one whose origin the operator has replaced.
 */
#include "task/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/provider.h"
#include "store/state.h"
#include "base/str.h"

#define TIMEOUT_MS	20000
#define DAY_S		86400

enum { Q_SEEN, Q_DUE, Q__MAX };
static const struct db_stmt sql[Q__MAX] = {
	[Q_SEEN] = { "token_seen",
	    "insert into dmbox.account_state as s (account, channel, token_of, token_since)"
	    " values ($1, $2, $3, now()) on conflict (account, channel) do update"
	    "   set token_of = excluded.token_of, token = null, token_since = now(),"
	    "       token_expires_at = null, token_tried_at = null"
	    " where s.token_of is distinct from excluded.token_of" },
	/* at half life; where the life is unknown, a day after it was seen first */
	[Q_DUE] = { "token_due",
	    "update dmbox.account_state set token_tried_at = now()"
	    " where account = $1 and channel = $2"
	    "   and (token_tried_at is null or token_tried_at < now() - interval '1 day')"
	    "   and now() >= token_since + case when token is null or token_expires_at is null"
	    "         then interval '1 day' else (token_expires_at - token_since) / 2 end"
	    " returning case when token_expires_at > now() then token end" },
};

struct tokens {
	struct httpc *h;
	struct db *db;
	size_t alive, done;
	bool stopping;
};

struct flow {
	struct tokens *t;
	struct conf *conf;		/* held */
	struct account live;		/* of conf, with the token in force */
	char *token;			/* a refreshed one, or NULL */
	char of[STATE_TOKEN_OF];	/* digest of the configured one */
	bool asked;
};

struct tokens *
task_token_new(struct httpc *h)
{
	struct tokens *t = mem_alloc(sizeof *t);

	t->h = h;
	return t;
}

void
task_token_free(struct tokens *t)
{
	free(t);
}

static enum rc
flow_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct flow *f = arg;

	if (f->asked)
		return RC_NONE;
	f->asked = true;
	*wait_ms = 0;
	if (provider_of(&f->live)->refresh_build(&f->live, req) != RC_OK)
		return RC_NONE;
	req->timeout_ms = TIMEOUT_MS;
	return RC_OK;
}

static void
flow_feed(void *arg, struct http_res *res)
{
	struct flow *f = arg;
	const char *token = NULL;
	int64_t life_s = 0;
	enum rc rc;

	rc = provider_of(&f->live)->refresh_read(&f->live, res, &token, &life_s);
	if (rc != RC_OK) {
		log_warn("⚠️ The access token of %s could not be refreshed (%s, HTTP %d); next try in a day",
		    f->live.name, rc_name(rc), res->status);
		return;
	}
	log_secret(token);	/* before any line can hold it */
	if (state_set_token(f->t->db, f->live.channel, f->live.name, f->of, token, life_s) == RC_OK) {
		f->t->done++;
		log_info("🔑 The access token of %s was refreshed; it is good for %lld days",
		    f->live.name, (long long)(life_s / DAY_S));
	}
	/* not stored: the old one still works and the next try is tomorrow */
	mem_wipe((char *)(uintptr_t)token, strlen(token));
}

static void
flow_done(void *arg, bool cut)
{
	struct flow *f = arg;

	(void)cut;
	f->t->alive--;
	mem_free_secret(f->token);
	conf_drop(f->conf);
	free(f);
}

/* Has account a's configured token a refresh, and is it new to us? */
static enum rc
seen(struct tokens *t, const struct account *a)
{
	struct db_args args = {0};
	char of[STATE_TOKEN_OF];
	enum rc rc;

	state_token_of(a->token, of);
	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	db_text(&args, of);
	rc = db_exec(t->db, &sql[Q_SEEN], &args, NULL);
	db_args_free(&args);
	return rc;
}

static bool
start_one(struct tokens *t, struct conf *conf, const struct account *a)
{
	struct httpc_flow hf = { .next = flow_next, .feed = flow_feed, .done = flow_done };
	struct db_args args = {0};
	struct db_res *r = NULL;
	struct flow *f = NULL;

	if (seen(t, a) != RC_OK)
		return false;
	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	if (db_exec(t->db, &sql[Q_DUE], &args, &r) == RC_OK && db_rows(r) > 0) {
		f = mem_alloc(sizeof *f);
		f->t = t;
		f->conf = conf_hold(conf);
		f->live = *a;
		state_token_of(a->token, f->of);
		f->token = mem_dup(db_get_text(r, 0, 0));
		if (f->token != NULL) {
			log_secret(f->token);
			f->live.token = f->token;
		}
		t->alive++;
		hf.arg = f;
		httpc_add(t->h, &hf);
	}
	db_res_free(r);
	db_args_free(&args);
	return f != NULL;
}

/* A token that can be refreshed: the provider builds the request, or not. */
static bool
refreshable(const struct account *a)
{
	const struct provider *p = provider_of(a);
	struct http_req req = {0};

	if (p->refresh_build == NULL || a->use_mock || str_empty(a->token) ||
	    p->refresh_build(a, &req) != RC_OK)
		return false;
	http_req_free(&req);
	return true;
}

size_t
task_token_start(struct tokens *t, struct db *db, struct conf *conf)
{
	size_t n = 0;

	t->db = db;
	for (size_t i = 0; i < conf->n_accounts && !t->stopping; i++)
		if (refreshable(&conf->accounts[i]) && start_one(t, conf, &conf->accounts[i]))
			n++;
	return n;
}

void
task_token_stop(struct tokens *t)
{
	t->stopping = true;
}

size_t
task_token_alive(const struct tokens *t)
{
	return t->alive;
}

size_t
task_token_done(const struct tokens *t)
{
	return t->done;
}

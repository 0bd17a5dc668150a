/*
 * Token life (providers.md B.10): access tokens that can be refreshed are, at half life,
 * with a retry a day; the new one is stored before the old one is given up (which goes on
 * working until it expires), and none is ever logged.  A token of the configuration has an
 * unknown age: it is refreshed a day after it was seen first (younger than a day none can
 * be).  A token that the operator puts into the configuration wins: what was refreshed from
 * its predecessor is forgotten.
 *
 * The claim is one UPDATE that sets token_tried_at, so that
 * neither a second host nor a run that overlaps asks again within the day.
 * token_of is a digest of the configured token: it tells a token that was
 * refreshed from it from one whose origin the operator has replaced.
 */
#include "task/task.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/provider.h"
#include "store/state.h"
#include "base/str.h"

#define TIMEOUT_MS 20000
#define DAY_S 86400

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

struct flow {
	struct task_flow f;		/* first */
	char of[STATE_TOKEN_OF];	/* digest of the configured one */
	bool asked;
};

static enum rc
flow_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct flow *f = arg;

	if (f->asked)
		return RC_NONE;
	f->asked = true;
	*wait_ms = 0;
	if (provider_of(&f->f.login.a)->refresh_build(&f->f.login.a, req) != RC_OK)
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

	rc = provider_of(&f->f.login.a)->refresh_read(&f->f.login.a, res, &token, &life_s);
	if (rc != RC_OK) {
		log_warn("⚠️ The access token of %s could not be refreshed (%s, HTTP %d); next "
			 "try in a day",
		    f->f.login.a.name, rc_name(rc), res->status);
		return;
	}
	log_secret(token);	/* before any line can hold it */
	if (state_set_token(f->f.run->env.db, f->f.login.a.channel, f->f.login.a.name, f->of, token,
		life_s) == RC_OK) {
		f->f.run->done++;
		log_info("🔑 The access token of %s was refreshed; it is good for %lld days",
		    f->f.login.a.name, (long long)(life_s / DAY_S));
	}
	/* not stored: the old one still works and the next try is tomorrow */
	mem_wipe((char *)(uintptr_t)token, strlen(token));
}

/* Has account a's configured token a refresh, and is it new to us? */
static enum rc
seen(struct db *db, const struct account *a)
{
	struct db_args args = { 0 };
	char of[STATE_TOKEN_OF];
	enum rc rc;

	state_token_of(a->token, of);
	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	db_text(&args, of);
	rc = db_exec(db, &sql[Q_SEEN], &args, NULL);
	db_args_free(&args);
	return rc;
}

static bool
start_one(struct task_run *run, const struct account *a)
{
	const struct httpc_flow hf = { .next = flow_next, .feed = flow_feed };
	struct db_args args = { 0 };
	struct db_res *r = NULL;
	struct flow *f = NULL;

	if (seen(run->env.db, a) != RC_OK)
		return false;
	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	if (db_exec(run->env.db, &sql[Q_DUE], &args, &r) == RC_OK && db_rows(r) > 0) {
		f = mem_alloc(sizeof *f);
		state_token_of(a->token, f->of);
		task_flow_add(run, &f->f, a, &hf);
		login_use(&f->f.login, db_get_text(r, 0, 0), f->of, 0);
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
	struct http_req req = { 0 };
	bool can;

	if (p->refresh_build == NULL || a->use_mock || str_empty(a->token))
		return false;
	can = p->refresh_build(a, &req) == RC_OK;
	http_req_free(&req);
	return can;
}

static size_t
token_start(struct task_run *run)
{
	const struct conf *conf = run->env.conf;
	size_t n = 0;

	for (size_t i = 0; i < conf->n_accounts; i++)
		if (refreshable(&conf->accounts[i]) && start_one(run, &conf->accounts[i]))
			n++;
	return n;
}

const struct task task_token = { .name = "tokens", .start = token_start, .start_s = TASK_ONCE };

/*
 * Names, user names and pictures of people who wrote (providers.md B.10), for accounts
 * whose provider can be asked.  Rarely: a contact is asked for again after 30 days, and a
 * refusal (code 230, gone) is remembered as long; a passing trouble is tried again after an
 * hour.  Few a run, two calls a second, one flow an account.
 *
 * A contact is claimed by setting profile_at to now, so a second
 * host, or a run that starts while this one waits, asks for somebody else; what
 * could not be asked is given back.
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

#define A_RUN 20 /* contacts of an account */
#define GAP_MS 600 /* B.8: two reads a second for the account, the poll needs some */
#define TIMEOUT_MS 10000

enum { Q_CLAIM, Q_OK, Q_REFUSED, Q_LATER, Q__MAX };
static const struct db_stmt sql[Q__MAX] = {
	/* the newest who wrote within the month: the others have nobody waiting */
	[Q_CLAIM] = { "profile_claim",
	    "update dmbox.contacts c set profile_at = now() where c.id in"
	    " (select id from dmbox.contacts where account = $1 and channel = $2"
	    "   and last_at > now() - interval '30 days' and last_inbound_at is not null"
	    "   and (profile_at is null or profile_at < now() - interval '30 days')"
	    "   order by last_at desc limit $3::bigint for update skip locked)"
	    " returning c.id, c.external_id" },
	[Q_OK] = { "profile_ok",
	    "update dmbox.contacts set profile_at = now(), profile_state = 'ok',"
	    " name = coalesce($2::text, name),"
	    " named_at = case when $2::text is null then named_at else now() end,"
	    " username = coalesce($3::text, username),"
	    " username_at = case when $3::text is null then username_at else now() end,"
	    " picture_url = coalesce($4::text, picture_url),"
	    " picture_at = case when $4::text is null then picture_at else now() end"
	    " where id = $1" },
	[Q_REFUSED] = { "profile_refused",
	    "update dmbox.contacts set profile_at = now(), profile_state = 'refused'"
	    " where id = $1" },
	[Q_LATER] = { "profile_later",
	    "update dmbox.contacts set profile_state = $2::text,"
	    " profile_at = now() - interval '30 days' + $3::bigint * interval '1 second' "
	    "where id = $1" },
};

struct flow {
	struct task_flow f;		/* first */
	struct db_res *res;		/* the claimed contacts */
	size_t i;			/* the one under way */
};

static void
later(struct flow *f, size_t row, const char *state, int64_t seconds)
{
	struct db_args a = { 0 };

	db_i64(&a, db_get_i64(f->res, row, 0));
	db_text(&a, state);
	db_i64(&a, seconds);
	if (db_exec(f->f.run->env.db, &sql[Q_LATER], &a, NULL) != RC_OK)
		log_debug("profile: a claim stays until it runs out");
	db_args_free(&a);
}

static void
store(struct flow *f, const struct profile *pr)
{
	struct db_args a = { 0 };

	db_i64(&a, db_get_i64(f->res, f->i, 0));
	db_text(&a, str_empty(pr->name) ? NULL : pr->name);
	db_text(&a, str_empty(pr->username) ? NULL : pr->username);
	db_text(&a, str_empty(pr->picture) ? NULL : pr->picture);
	if (db_exec(f->f.run->env.db, &sql[Q_OK], &a, NULL) == RC_OK)
		f->f.run->done++;
	db_args_free(&a);
}

static void
refused(struct flow *f)
{
	task_row(f->f.run, &sql[Q_REFUSED], db_get_i64(f->res, f->i, 0));
}

static enum rc
flow_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct flow *f = arg;
	const struct provider *pr = provider_of(&f->f.login.a);

	for (; f->i < db_rows(f->res) && !f->f.run->stopping; f->i++) {
		if (pr->profile_build(&f->f.login.a, db_get_text(f->res, f->i, 1), req) != RC_OK) {
			refused(f);
			continue;
		}
		req->timeout_ms = TIMEOUT_MS;
		*wait_ms = f->i ? GAP_MS : 0;
		return RC_OK;
	}
	return RC_NONE;
}

static void
flow_feed(void *arg, struct http_res *res)
{
	struct flow *f = arg;
	struct profile pr = { 0 };
	enum rc rc = RC_TEMP;

	if (res->fail == HTTP_FAIL_NONE)
		rc = provider_of(&f->f.login.a)->profile_read(&f->f.login.a, res, &pr);
	if (rc == RC_OK)
		store(f, &pr);
	else if (rc == RC_NONE || rc == RC_INVALID || rc == RC_PERM)
		refused(f);
	else
		later(f, f->i, rc_name(rc), 3600);
	f->i++;
	/* a bad token or a limit is the account's: the others are not asked now */
	if (rc == RC_DENIED || rc == RC_LIMIT)
		for (; f->i < db_rows(f->res); f->i++)
			later(f, f->i, rc_name(rc), 3600);
}

static void
flow_over(struct task_flow *base)
{
	struct flow *f = (struct flow *)base;

	for (; f->i < db_rows(f->res); f->i++)	/* claimed, not asked */
		later(f, f->i, NULL, 0);
	db_res_free(f->res);
}

static bool
flow_start(struct task_run *run, const struct account *a)
{
	const struct httpc_flow hf = { .next = flow_next, .feed = flow_feed };
	struct state_account st;
	struct db_res *r = NULL;
	struct flow *f;

	if (task_may_ask(run, a, &st))
		r = task_claim(run, &sql[Q_CLAIM], a, A_RUN);
	if (r != NULL) {
		f = mem_alloc(sizeof *f);
		f->f.over = flow_over;
		f->res = r;
		task_flow_add(run, &f->f, a, &hf);
		login_state(&f->f.login, &st);
	}
	state_account_free(&st);
	return r != NULL;
}

static size_t
profile_start(struct task_run *run)
{
	const struct conf *conf = run->env.conf;
	size_t n = 0;

	for (size_t i = 0; i < conf->n_accounts; i++) {
		const struct account *a = &conf->accounts[i];
		const struct provider *pr = provider_of(a);

		if (!pr->profile_build || !pr->profile_read || a->use_mock || str_empty(a->token) ||
		    task_under_way(run, a, false))
			continue;
		if (flow_start(run, a))
			n++;
	}
	return n;
}

const struct task task_profile = {
	.name = "profiles", .start = profile_start, .start_s = TASK_ONCE
};

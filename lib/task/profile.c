/*
 * Profiles.  A contact is claimed by setting profile_at to now, so a second
 * host, or a run that starts while this one waits, asks for somebody else; what
 * could not be asked is given back.
 */
#include "task/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/provider.h"
#include "store/state.h"
#include "base/str.h"

#define A_RUN		20	/* contacts of an account */
#define GAP_MS		600	/* B.8: two reads a second for the account, the poll needs some */
#define TIMEOUT_MS	10000

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
	    "update dmbox.contacts set profile_at = now(), profile_state = 'refused' where id = $1" },
	[Q_LATER] = { "profile_later",
	    "update dmbox.contacts set profile_state = $2::text,"
	    " profile_at = now() - interval '30 days' + $3::bigint * interval '1 second' where id = $1" },
};

struct profiles {
	struct httpc *h;
	struct db *db;
	struct flow *flows;
	size_t alive, done;
	bool stopping;
};

struct flow {
	struct profiles *p;
	struct conf *conf;		/* held */
	const struct account *account;	/* in conf */
	struct account live;		/* with the token in force */
	char *token;			/* a refreshed one, or NULL */
	struct db_res *res;		/* the claimed contacts */
	size_t i;			/* the one under way */
	bool open;
	struct flow *next;
};

struct profiles *
task_profile_new(struct httpc *h)
{
	struct profiles *p = mem_alloc(sizeof *p);

	p->h = h;
	return p;
}

void
task_profile_free(struct profiles *p)
{
	free(p);
}

static void
later(struct flow *f, size_t row, const char *state, int64_t seconds)
{
	struct db_args a = {0};

	db_i64(&a, db_get_i64(f->res, row, 0));
	db_text(&a, state);
	db_i64(&a, seconds);
	if (db_exec(f->p->db, &sql[Q_LATER], &a, NULL) != RC_OK)
		log_debug("profile: a claim stays until it runs out");
	db_args_free(&a);
}

static void
store(struct flow *f, const struct profile *pr)
{
	struct db_args a = {0};

	db_i64(&a, db_get_i64(f->res, f->i, 0));
	db_text(&a, str_empty(pr->name) ? NULL : pr->name);
	db_text(&a, str_empty(pr->username) ? NULL : pr->username);
	db_text(&a, str_empty(pr->picture) ? NULL : pr->picture);
	if (db_exec(f->p->db, &sql[Q_OK], &a, NULL) == RC_OK)
		f->p->done++;
	db_args_free(&a);
}

static void
refused(struct flow *f)
{
	struct db_args a = {0};

	db_i64(&a, db_get_i64(f->res, f->i, 0));
	if (db_exec(f->p->db, &sql[Q_REFUSED], &a, NULL) != RC_OK)
		log_debug("profile: a refusal was not written");
	db_args_free(&a);
}

static enum rc
flow_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct flow *f = arg;
	const struct provider *pr = provider_of(f->account);

	for (; f->i < db_rows(f->res) && !f->p->stopping; f->i++) {
		if (pr->profile_build(&f->live, db_get_text(f->res, f->i, 1), req) != RC_OK) {
			refused(f);
			continue;
		}
		req->timeout_ms = TIMEOUT_MS;
		*wait_ms = f->i ? GAP_MS : 0;
		f->open = true;
		return RC_OK;
	}
	return RC_NONE;
}

static void
flow_feed(void *arg, struct http_res *res)
{
	struct flow *f = arg;
	struct profile pr = {0};
	enum rc rc = RC_TEMP;

	f->open = false;
	if (res->fail == HTTP_FAIL_NONE)
		rc = provider_of(f->account)->profile_read(&f->live, res, &pr);
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
flow_done(void *arg, bool cut)
{
	struct flow *f = arg;

	(void)cut;
	for (; f->i < db_rows(f->res); f->i++)	/* claimed, not asked */
		later(f, f->i, NULL, 0);
	for (struct flow **q = &f->p->flows; *q; q = &(*q)->next)
		if (*q == f) {
			*q = f->next;
			break;
		}
	f->p->alive--;
	db_res_free(f->res);
	mem_free_secret(f->token);
	conf_drop(f->conf);
	free(f);
}

static bool
under_way(const struct profiles *p, const struct account *a)
{
	for (const struct flow *f = p->flows; f; f = f->next)
		if (f->account->channel == a->channel && str_eq(f->account->name, a->name))
			return true;
	return false;
}

static bool
flow_start(struct profiles *p, struct conf *conf, const struct account *a)
{
	struct httpc_flow hf = { .next = flow_next, .feed = flow_feed, .done = flow_done };
	struct state_account st = {0};
	struct db_args args = {0};
	struct db_res *r = NULL;
	struct flow *f = NULL;

	if (state_get(p->db, a->channel, a->name, &st) != RC_OK)
		return false;
	if (st.pause_until_us <= clock_now_us()) {
		db_text(&args, a->name);
		db_text(&args, channel_names[a->channel]);
		db_i64(&args, A_RUN);
		if (db_exec(p->db, &sql[Q_CLAIM], &args, &r) == RC_OK && db_rows(r) > 0) {
			f = mem_alloc(sizeof *f);
			f->p = p;
			f->conf = conf_hold(conf);
			f->account = a;
			f->live = *a;
			f->live.proof = st.proof;
			f->res = r;
			f->token = mem_dup(state_token(a, &st));
			if (f->token)
				f->live.token = f->token;
			f->next = p->flows;
			p->flows = f;
			p->alive++;
			hf.arg = f;
			httpc_add(p->h, &hf);
		} else {
			db_res_free(r);
		}
		db_args_free(&args);
	}
	state_account_free(&st);
	return f != NULL;
}

size_t
task_profile_start(struct profiles *p, struct db *db, struct conf *conf)
{
	size_t n = 0;

	p->db = db;
	for (size_t i = 0; i < conf->n_accounts && !p->stopping; i++) {
		const struct account *a = &conf->accounts[i];
		const struct provider *pr = provider_of(a);

		if (!pr->profile_build || !pr->profile_read || a->use_mock || str_empty(a->token) ||
		    under_way(p, a))
			continue;
		if (flow_start(p, conf, a))
			n++;
	}
	return n;
}

void
task_profile_stop(struct profiles *p)
{
	p->stopping = true;
}

size_t
task_profile_alive(const struct profiles *p)
{
	return p->alive;
}

size_t
task_profile_done(const struct profiles *p)
{
	return p->done;
}

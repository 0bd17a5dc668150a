/*
 * The flows of a task: what each holds while it is under way, and its end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "task/task.h"

static void
flow_done(void *arg, bool cut)
{
	struct task_flow *f = arg;
	struct task_run *r = f->run;

	(void)cut;
	if (f->over != NULL)
		f->over(f);
	for (struct task_flow **p = &r->flows; *p != NULL; p = &(*p)->next)
		if (*p == f) {
			*p = f->next;
			break;
		}
	r->alive--;
	r->ended++;
	login_drop(&f->login);
	free(f);
}

void
task_flow_add(
    struct task_run *r, struct task_flow *f, const struct account *a, const struct httpc_flow *hf)
{
	struct httpc_flow flow = *hf;

	f->run = r;
	if (a != NULL)
		login_init(&f->login, r->env.conf, a);
	f->next = r->flows;
	r->flows = f;
	r->alive++;
	flow.done = flow_done;
	flow.arg = f;
	httpc_add(r->h, &flow);
}

bool
task_under_way(const struct task_run *r, const struct account *a, bool aside)
{
	for (const struct task_flow *f = r->flows; f != NULL; f = f->next)
		if (f->login.of != NULL && f->aside == aside && f->login.a.channel == a->channel &&
		    str_eq(f->login.a.name, a->name))
			return true;
	return false;
}

bool
task_may_ask(struct task_run *r, const struct account *a, struct state_account *s)
{
	memset(s, 0, sizeof *s);
	return state_get(r->env.db, a->channel, a->name, s) == RC_OK &&
	    s->pause_until_us <= clock_now_us();
}

struct db_res *
task_claim(const struct task_run *r, const struct db_stmt *q, const struct account *a, int64_t max)
{
	struct db_args args = { 0 };
	struct db_res *rows = NULL;

	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	db_i64(&args, max);
	if (db_exec(r->env.db, q, &args, &rows) != RC_OK || db_rows(rows) == 0) {
		db_res_free(rows);
		rows = NULL;
	}
	db_args_free(&args);
	return rows;
}

void
task_row(const struct task_run *r, const struct db_stmt *q, int64_t id)
{
	struct db_args a = { 0 };

	db_i64(&a, id);
	if (db_exec(r->env.db, q, &a, NULL) != RC_OK)
		log_debug("%s: not written; asked for again at a later run", q->name);
	db_args_free(&a);
}

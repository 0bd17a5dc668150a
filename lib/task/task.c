/*
 * The table of the poller's tasks and what they share.  A task without network work is
 * a row and a function here; the others are a file each.
 */
#include "task/task.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/outbox.h"
#include "store/owner.h"
#include "store/store.h"
#include "store/view.h"

/* --- tasks of one statement ------------------------------------------------------ */

/* Leases and times to live that ran out; unknown outcomes against stored echoes. */
static enum rc
outbox_upkeep(struct task_run *r)
{
	enum rc rc = outbox_expire(r->env.db);
	size_t n = 0;

	for (int ch = 0; ch < CHANNEL__MAX && rc == RC_OK; ch++) {
		rc = outbox_match_echoes(r->env.db, (enum channel)ch, NULL, &n);
		r->done += n;
	}
	return rc;
}

/* What was quarantined may be storable since the database was migrated. */
static void
restore_spool(const struct task_env *e)
{
	struct spool_stat st = { 0 };
	int64_t at;

	if (e->spool != NULL && spool_stat(e->spool, &st) == RC_OK && st.bad > 0 &&
	    store_migrated(e->db, &at) == RC_OK)
		(void)spool_restore(e->spool, at);
}

static enum rc
tables_upkeep(struct task_run *r)
{
	const struct conf *c = r->env.conf;
	enum rc rc = store_upkeep(r->env.db, c->keep_deliveries_days, c->keep_refused_days);

	restore_spool(&r->env);
	if (rc != RC_OK)
		log_warn("upkeep of the tables is to be repeated");
	return rc;
}

static enum rc
responses_upkeep(struct task_run *r)
{
	return owner_response_upkeep(r->env.db);
}

static enum rc
counts_upkeep(struct task_run *r)
{
	return view_count_upkeep(r->env.db);
}

static enum rc
search_upkeep(struct task_run *r)
{
	return view_search_upkeep(r->env.db);
}

const struct task task_outbox = { .name = "outbox", .upkeep = outbox_upkeep, .upkeep_s = 5 };
static const struct task task_tables = {
	.name = "tables", .upkeep = tables_upkeep, .upkeep_s = TASK_ONCE
};
static const struct task task_counts = { .name = "counts", .upkeep = counts_upkeep, .upkeep_s = 5 };
static const struct task task_search = { .name = "search", .upkeep = search_upkeep, .upkeep_s = 5 };
static const struct task task_responses = {
	.name = "responses", .upkeep = responses_upkeep, .upkeep_s = TASK_ONCE
};

const struct task *const tasks[] = { &task_outbox, &task_deliver, &task_media, &task_fetch,
	&task_token, &task_profile, &task_avatar, &task_tables, &task_counts, &task_search,
	&task_responses, NULL };

/* --- turns ----------------------------------------------------------------------- */

struct task_run *
task_new(const struct task *t, struct httpc *h)
{
	struct task_run *r = mem_array(1, t->size != 0 ? t->size : sizeof *r);

	r->task = t;
	r->h = h;
	return r;
}

void
task_free(struct task_run *r)
{
	if (r != NULL && r->task->end != NULL)
		r->task->end(r);
	free(r);
}

size_t
task_start(struct task_run *r, const struct task_env *e)
{
	r->env = *e;
	return r->stopping || r->task->start == NULL ? 0 : r->task->start(r);
}

enum rc
task_upkeep(struct task_run *r, const struct task_env *e)
{
	r->env = *e;
	return r->task->upkeep == NULL ? RC_OK : r->task->upkeep(r);
}

enum rc
task_upkeep_once(const struct task *t, const struct task_env *e)
{
	struct task_run *r = task_new(t, NULL);
	enum rc rc = task_upkeep(r, e);

	task_free(r);
	return rc;
}

static int64_t
after(uint32_t seconds)
{
	return seconds == TASK_ONCE ? INT64_MAX : clock_mono_ms() + (int64_t)seconds * 1000;
}

void
task_turn(struct task_run *r, const struct task_env *e)
{
	const struct task *t = r->task;

	r->env = *e;
	if (clock_mono_ms() >= r->start_ms) {
		task_start(r, e);
		r->start_ms = after(t->start_s);
	}
	if (clock_mono_ms() >= r->upkeep_ms)
		r->upkeep_ms = task_upkeep(r, e) == RC_TEMP ? 0 : after(t->upkeep_s);
}

void
task_stop(struct task_run *r)
{
	r->stopping = true;
}

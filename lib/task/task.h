#ifndef DMBOX_TASK_TASK_H
#define DMBOX_TASK_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/meter.h"
#include "bridge/spool.h"
#include "extern/db.h"
#include "extern/httpc.h"
#include "model/conf.h"
#include "store/login.h"

/*
 * The poller's tasks, apart from the polls themselves.  A task is a row of the table in
 * task.c; the poller loops over the table, so that none is forgotten.  What all have in
 * common is kept here: whose turn it is, the flows under way, the configuration and the
 * login that each of them holds, and the end of a run.
 */

/* What a task works with; good until the next call, or its replacement then. */
struct task_env {
	struct db *db;
	struct spool *spool;	/* NULL: none */
	struct meter *meter;	/* NULL: none */
	struct conf *conf;	/* flows hold it */
};

struct task_run;
#define TASK_ONCE UINT32_MAX	/* once a run of the poller; again after RC_TEMP */
struct task {
	const char *name;
	/* of its own struct, which begins with a struct task_run; 0: none */
	size_t size;
	/* start: begin flows for what is due, none for an account that has one (task_under_way);
	 * asked each start_s seconds, 0: at each tick.  NULL: no network work.
	 * Returns how many were begun; 0 also where the database is away. */
	size_t (*start)(struct task_run *r);
	uint32_t start_s;
	/* upkeep: what needs no network, each upkeep_s seconds.  RC_TEMP: to be repeated at the
	 * next tick.  NULL: none. */
	enum rc (*upkeep)(struct task_run *r);
	uint32_t upkeep_s;
	/* takes up what other tasks and the polls brought: with --once too */
	bool follows;
	bool must_finish;	/* its flows are waited for when the poller is stopped */
	void (*end)(struct task_run *r);	/* before it is freed; NULL: nothing */
};

/* A task in a run of the poller. */
struct task_run {
	const struct task *task;
	struct httpc *h;		/* borrowed */
	struct task_env env;		/* of the last call */
	struct task_flow *flows;
	/* flows not ended; what was achieved, for the log and tests */
	size_t alive, done;
	size_t ended;			/* flows that ended: the page may have something to show */
	bool stopping;			/* begin nothing new; what is under way is finished */
	size_t lasting;			/* flows that the end of the run is not to cut */
	int64_t start_ms, upkeep_ms;	/* when its turn comes next, clock_mono_ms() */
};

/* The table, in the order of a tick, NULL at the end. */
extern const struct task *const tasks[];
extern const struct task task_deliver, task_media, task_fetch, task_token, task_profile,
    task_avatar, task_outbox;

/* task_new(t, h): h may be NULL where only upkeep is called.  Caller: task_free(r). */
struct task_run *task_new(const struct task *t, struct httpc *h);
/* task_free(r): no flow may be alive (httpc_abort before); NULL is legal. */
void task_free(struct task_run *r);
/* task_turn(r, e): what is due now; the poller's call at each tick. */
void task_turn(struct task_run *r, const struct task_env *e);
/* task_start, task_upkeep: now, whatever its turn.  task_start: how many flows were begun;
 * task_upkeep: RC_OK, RC_TEMP where it is to be repeated. */
size_t task_start(struct task_run *r, const struct task_env *e);
enum rc task_upkeep(struct task_run *r, const struct task_env *e);
/* task_upkeep_once(t, e): upkeep of a task that is not running, for tools.  Returns as
 * task_upkeep. */
enum rc task_upkeep_once(const struct task *t, const struct task_env *e);
/* task_stop(r): begin nothing new. */
void task_stop(struct task_run *r);

/* --- for the tasks: flow.c ------------------------------------------------------ */

/* A flow of a task: its own struct begins with this one and is freed when it ends. */
struct task_flow {
	struct task_run *run;
	struct login login;		/* login.of NULL: of no account */
	bool aside;			/* another flow of the account may run beside it */
	void (*over)(struct task_flow *f);	/* last call, before it is freed; NULL: nothing */
	struct task_flow *next;
};
/*
 * task_flow_add(r, f, a, hf):
 * Put f (allocated, zeroed) to work: hf has next, feed and the like, which get f as arg;
 * done is flow.c's.  a (NULL: none) must be in r->env.conf, which f holds.
 */
void task_flow_add(
    struct task_run *r, struct task_flow *f, const struct account *a, const struct httpc_flow *hf);
/* task_under_way(r, a, aside): has account a such a flow? */
bool task_under_way(const struct task_run *r, const struct account *a, bool aside);
/* task_may_ask(r, a, s): the account is not resting; s is what is remembered of it:
 * state_account_free() it in any case. */
bool task_may_ask(struct task_run *r, const struct account *a, struct state_account *s);
/* task_claim(r, q, a, max): the rows that the statement q reserves for account a; q takes the
 * account's name, its channel and max.  NULL: none, or the database is away.  Caller frees:
 * db_res_free. */
struct db_res *task_claim(
    const struct task_run *r, const struct db_stmt *q, const struct account *a, int64_t max);
/* task_row(r, q, id): the statement q, which takes a row's id, done; logged for debugging where
 * it fails, for a claim runs out by itself. */
void task_row(const struct task_run *r, const struct db_stmt *q, int64_t id);

#endif

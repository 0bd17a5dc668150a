#ifndef DMBOX_TASK_POLL_H
#define DMBOX_TASK_POLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/conf.h"
#include "extern/db.h"
#include "extern/httpc.h"
#include "extern/jsonw.h"
#include "base/meter.h"
#include "model/provider.h"
#include "base/rc.h"
#include "bridge/spool.h"

/*
 * A check of one account: does the provider have messages for us?  It runs as
 * one flow of an httpc engine (build, request, read, store, commit, again), so
 * many accounts are checked at once on one thread.  A lease per account in the
 * database keeps hosts and programs from checking the same one together.
 */
#define TASK_POLL_CHECK_S 25	/* a check in all (contract.md 4) */

struct task_poll_result {
	const struct account *account;	/* as given */
	enum poll_outcome outcome;
	const char *hint;		/* code, or NULL; hint_poll makes a sentence of it */
	size_t stored, duplicates, added;
	const struct poll_attempt *attempts;	/* borrowed during the call */
	size_t n_attempts;
	int64_t next_us;		/* do not check before; 0 = as configured */
};

struct task_poll {
	struct db *db;			/* borrowed until done */
	struct spool *spool;		/* may be NULL; borrowed until done */
	struct meter *meter;		/* may be NULL; borrowed until done */
	struct httpc *httpc;
	struct conf *conf;		/* held until done */
	const struct account *account;	/* of conf */
	bool person;			/* somebody asks: probe afresh, whatever is remembered */
	unsigned int long_poll_s;	/* 0: do not wait for a notification */
	int64_t deadline_ms;		/* clock_mono_ms(); 0: TASK_POLL_CHECK_S from now */
	void (*done)(void *arg, const struct task_poll_result *r);
	void *arg;
};
/*
 * task_poll_start(p, next_us):
 * Take the lease and add the flow; p is copied.
 *
 * Returns  RC_OK: done will be called once, at the end; RC_LIMIT: another has
 *          the lease; RC_NONE: not now, but at *next_us (0: unknown), since the
 *          provider has no polling or asked for a pause; RC_TEMP: database away.
 * Repeats  safe.
 */
enum rc task_poll_start(const struct task_poll *p, int64_t *next_us) MUST_CHECK;

/* task_poll_hello(conf, a): the sentences of the earlier system at the start of
 * the poller, for one account. */
void task_poll_hello(const struct conf *c, const struct account *a);

/* task_poll_next_text(us, out): "14:00", local time, for "next probe ...". */
void task_poll_next_text(int64_t us, char out[16]);

/* task_poll_attempts_json(v, n, w, key): a check's requests as a JSON array, the member key (NULL:
 * the whole text), as poll_runs and the answer of check-messages show them. */
void task_poll_attempts_json(
    const struct poll_attempt *v, size_t n, struct jsonw *w, const char *key);

#endif

#ifndef DMBOX_JOB_POLL_H
#define DMBOX_JOB_POLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "conf.h"
#include "db.h"
#include "httpc.h"
#include "job.h"
#include "meter.h"
#include "provider.h"
#include "rc.h"
#include "spool.h"

/*
 * A check of one account: does the provider have messages for us?  It runs as
 * one flow of an httpc engine (build, request, read, store, commit, again), so
 * many accounts are checked at once on one thread.  A lease per account in the
 * database keeps hosts and programs from checking the same one together.
 */
#define JOB_POLL_CHECK_S 25	/* a check in all (contract.md 4) */

struct job_poll_result {
	const struct account *account;	/* as given */
	enum poll_outcome outcome;
	const char *hint;		/* code, or NULL; hint_poll makes a sentence of it */
	size_t stored, duplicates, added;
	const struct poll_attempt *attempts;	/* borrowed during the call */
	size_t n_attempts;
	int64_t next_us;		/* do not check before; 0 = as configured */
};

struct job_poll {
	struct db *db;			/* borrowed until done */
	struct spool *spool;		/* may be NULL; borrowed until done */
	struct meter *meter;		/* may be NULL; borrowed until done */
	struct httpc *httpc;
	struct conf *conf;		/* held until done */
	const struct account *account;	/* of conf */
	bool person;			/* somebody asks: probe afresh, whatever is remembered */
	unsigned int long_poll_s;	/* 0: do not wait for a notification */
	int64_t deadline_ms;		/* clock_mono_ms(); 0: JOB_POLL_CHECK_S from now */
	void (*done)(void *arg, const struct job_poll_result *r);
	void *arg;
};
/*
 * job_poll_start(p, next_us):
 * Take the lease and add the flow; p is copied.
 *
 * Returns  RC_OK: done will be called once, at the end; RC_LIMIT: another has
 *          the lease; RC_NONE: not now, but at *next_us (0: unknown), since the
 *          provider has no polling or asked for a pause; RC_TEMP: database away.
 * Repeats  safe.
 */
enum rc job_poll_start(const struct job_poll *p, int64_t *next_us) MUST_CHECK;

/* job_poll_hello(conf, a): the sentences of the earlier system at the start of
 * the poller, for one account. */
void job_poll_hello(const struct conf *c, const struct account *a);

/* job_poll_next_text(us, out): "14:00", local time, for "next probe ...". */
void job_poll_next_text(int64_t us, char out[16]);

/* job_check_messages: GET /CHANNEL/check-messages (contract.md 4). */
void job_check_messages(struct job_env *e, struct http_res *res);

#endif

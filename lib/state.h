#ifndef DMBOX_STATE_H
#define DMBOX_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include "db.h"
#include "provider.h"
#include "rc.h"

/*
 * What an account remembers between runs and hosts: leases, the poller's
 * memory, pauses, tokens, poll_runs, the cron heartbeat.  All SQL of
 * account_state, leases and poll_runs.
 */

/* state_lease(db, name, owner, ttl_s): take or renew the lease NAME
 * ("poll/instagram/main"); RC_LIMIT: another owner has it.  Times are the
 * database's. owner: a random token of the run. */
enum rc state_lease(struct db *db, const char *name, const char *owner, unsigned int ttl_s) MUST_CHECK;
enum rc state_lease_free(struct db *db, const char *name, const char *owner) MUST_CHECK;

struct state_account {
	char *memory;		/* JSON object; "{}" at first */
	int64_t pause_until_us;	/* sends and polls rest until then; 0 = none */
	char *pause_reason;	/* NULL none */
	char *token;		/* a refreshed token; NULL: the configuration's */
	int64_t token_since_us, token_expires_us;
	int64_t last_poll_us, next_probe_us;
};
enum rc state_get(struct db *db, enum channel ch, const char *account, struct state_account *out) MUST_CHECK;
void state_account_free(struct state_account *s);	/* wipes the token */
enum rc state_set_memory(struct db *db, enum channel ch, const char *account, const char *json,
    int64_t next_probe_us) MUST_CHECK;
enum rc state_pause(struct db *db, enum channel ch, const char *account, int64_t seconds,
    const char *reason) MUST_CHECK;	/* 0 s: lift */
enum rc state_set_token(struct db *db, enum channel ch, const char *account, const char *token,
    int64_t life_s) MUST_CHECK;

/* state_poll_run: one row in poll_runs (equal empty runs are folded into one:
 * repeats). */
struct state_poll_run {
	enum channel channel;
	const char *account;
	int64_t started_us, finished_us;
	enum poll_outcome outcome;
	const char *attempts;	/* JSON array */
	size_t stored, duplicates, added;
};
enum rc state_poll_run(struct db *db, const struct state_poll_run *r) MUST_CHECK;
enum rc state_heartbeat(struct db *db, const char *what) MUST_CHECK;	/* "poll" */

#endif

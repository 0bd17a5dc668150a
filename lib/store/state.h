#ifndef DMBOX_STORE_STATE_H
#define DMBOX_STORE_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include "model/conf.h"
#include "extern/db.h"
#include "model/provider.h"
#include "base/rc.h"

/*
 * What an account remembers between runs and hosts: leases, the poller's
 * memory, pauses, tokens, poll_runs, the cron heartbeat.  All SQL of
 * account_state, leases and poll_runs.
 *
 * Where nothing else is said, a function that returns enum rc gives RC_OK, RC_TEMP while the
 * database is away, or what db_fault says of the statement (extern/db.h).
 */

/* state_lease(db, name, owner, ttl_s): take or renew the lease NAME
 * ("poll/instagram/main"); RC_LIMIT: another owner has it.  Times are the
 * database's. owner: a random token of the run. */
enum rc state_lease(
    struct db *db, const char *name, const char *owner, unsigned int ttl_s) MUST_CHECK;
/* state_lease_free(db, name, owner): lets it go, if it is still owner's. */
enum rc state_lease_free(struct db *db, const char *name, const char *owner) MUST_CHECK;

struct state_account {
	char *memory;		/* JSON object; "{}" at first */
	int64_t pause_until_us;	/* sends and polls rest until then; 0 = none */
	char *pause_reason;	/* NULL none */
	char *token;		/* a refreshed token; NULL none.  Ask state_token, not this */
	char *token_of;		/* digest of the configured token it was refreshed from */
	int64_t token_since_us, token_expires_us;
	int64_t last_poll_us, next_probe_us;
	unsigned int proof;	/* account.proof, as it was learned */
};
/* state_get(db, ch, account, out): what is remembered; nothing yet is RC_OK with the defaults.
 * *out is freed with state_account_free(). */
enum rc state_get(
    struct db *db, enum channel ch, const char *account, struct state_account *out) MUST_CHECK;
void state_account_free(struct state_account *s);	/* wipes the token */
/* state_set_memory(db, ch, account, json, next_probe_us): memory and next_probe_us of it; 0 us:
 * no probe is due. */
enum rc state_set_memory(struct db *db, enum channel ch, const char *account, const char *json,
    int64_t next_probe_us) MUST_CHECK;
enum rc state_pause(struct db *db, enum channel ch, const char *account, int64_t seconds,
    const char *reason) MUST_CHECK;	/* 0 s: lift */
/*
 * Refreshed tokens.  The one rule, for polls, sends, refreshes and doctor: what
 * was refreshed counts only for the configured token that it was refreshed
 * from; a token that the operator puts into the configuration wins at once.
 */
#define STATE_TOKEN_OF 33
/* state_token_of(token, out): the digest by which a configured token is known. */
void state_token_of(const char *token, char out[STATE_TOKEN_OF]);
/* state_token_pick(configured, refreshed, of): the token in force, one of the two;
 * refreshed and of may be NULL. */
const char *state_token_pick(const char *configured, const char *refreshed, const char *of);
/* state_token(a, s): the token of a in force; NULL where none is configured.
 * Borrowed from a or s. */
const char *state_token(const struct account *a, const struct state_account *s);
/* state_set_token(db, ch, account, of, token, life_s): token was refreshed from the
 * configured one with the digest of. */
enum rc state_set_token(struct db *db, enum channel ch, const char *account, const char *of,
    const char *token, int64_t life_s) MUST_CHECK;

/* state_note_account(db, a): a's provider and its rule, for people who query and for the
 * time until which a reply is allowed (dmbox.can_send_until). */
enum rc state_note_account(struct db *db, const struct account *a) MUST_CHECK;

/* state_set_proof(db, ch, account, proof): which of the app secrets proves calls. */
enum rc state_set_proof(
    struct db *db, enum channel ch, const char *account, unsigned int proof) MUST_CHECK;

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
/* The poller: what doctor needs to tell one from another. */
struct state_runner {
	int64_t window_s;
	const char *version, *host, *config;	/* never NULL */
	struct strv accounts;	/* "channel/name" */
};
/* state_run(db, who): a poller begins to work: noted with the time since the run before,
 * which is cron's interval, how many runs before it did not come to their end, and the
 * last one that was another's.  state_run_end: it came to its end. */
enum rc state_run(struct db *db, const struct state_runner *who) MUST_CHECK;
enum rc state_run_end(struct db *db, const struct state_runner *who) MUST_CHECK;
/* state_spool(db, host, dir, before): dir is the spool folder of this host; appends those that
 * were it before. */
enum rc state_spool(
    struct db *db, const char *host, const char *dir, struct strv *before) MUST_CHECK;
enum rc state_heartbeat(struct db *db, const char *what) MUST_CHECK;	/* "poll" */

#endif

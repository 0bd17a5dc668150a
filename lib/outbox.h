#ifndef DMBOX_OUTBOX_H
#define DMBOX_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "conf.h"
#include "db.h"
#include "mem.h"
#include "provider.h"
#include "rc.h"

/*
 * What goes out, as a state machine in a table; this is the only code that
 * changes an outbox state (house.md 4):
 *   queued -> leased -> sent | accepted | queued(next_at) | unknown | failed | dead
 */
struct outbox_new {
	enum channel channel;
	const char *account;
	enum provider_id provider;
	const char *caller;		/* auth_caller.key; "" for programs */
	const char *idempotency_key;	/* NULL: none; else unique with caller and part */
	const char *fingerprint;	/* sha256 hex of the request: same key, other body -> 409 */
	const struct outmsg *parts;	/* one row each, in order */
	size_t n_parts;
};
struct outbox_row {
	int64_t id;
	int64_t message_id;		/* messages.id; 0 for actions */
	char state[16];			/* outbox.state */
	char provider_id[520];		/* the provider's message id; "" */
	char error_code[64];
	char error_text[400];
};
/*
 * outbox_put(db, n, rows, existed):
 * Write outbox and message rows in one transaction, before any network.
 *
 * Returns  RC_OK; RC_DUP: same caller, key and fingerprint: rows are the
 *          existing ones; RC_INVALID: same key, other body (409).
 * rows     holds n_parts elements at least; on RC_DUP *n_rows tells how many.
 */
enum rc outbox_put(struct db *db, const struct outbox_new *n, struct outbox_row *rows,
    size_t *n_rows) MUST_CHECK;

/* One claimed item; strings in the vector's arena. */
struct outbox_item {
	int64_t id;
	char claim[37];
	enum channel channel;
	const char *account;
	struct outmsg msg;
	unsigned int attempts;		/* made before this one */
	int64_t created_us, attempt_us;
};
struct outbox_items { struct mem_arena arena; struct outbox_item *v; size_t n; };
/*
 * outbox_claim(db, only_id, max, lease_s, out):
 * Reserve due items (only_id 0: any; else that one): oldest first, at most one
 * per conversation and only its first open one, accounts not paused, breakers
 * not open; at most one per account in a call, so that a slow one delays no
 * other.  Sets claim id and attempt_started_at, commits before returning.
 */
enum rc outbox_claim(struct db *db, int64_t only_id, size_t max, unsigned int lease_s,
    struct outbox_items *out) MUST_CHECK;
void outbox_items_free(struct outbox_items *v);
/*
 * outbox_settle(db, item, result, ms, has_echo, row):
 * The door of the state machine.  Fenced: RC_NONE when the claim is no longer
 * ours.  Merges with an echo row in the same transaction, retried on 23505.
 */
enum rc outbox_settle(struct db *db, const struct outbox_item *it,
    const struct send_result *r, int64_t ms, struct outbox_row *row) MUST_CHECK;
/* outbox_release: nothing was attempted (no time left): back to queued. */
enum rc outbox_release(struct db *db, const struct outbox_item *it) MUST_CHECK;
/* outbox_expire(db): leases that ran out: attempt started -> unknown, else queued;
 * time to live over -> dead. */
enum rc outbox_expire(struct db *db) MUST_CHECK;
/* outbox_match_echoes(db, account NULL=all): settle unknown rows by the oldest
 * unmatched echo with the same account, contact and text. */
enum rc outbox_match_echoes(struct db *db, enum channel ch, const char *account, size_t *settled) MUST_CHECK;
/* outbox_unknown(db, max, out): items in state unknown whose provider can be asked. */
enum rc outbox_unknown(struct db *db, size_t max, struct outbox_items *out) MUST_CHECK;
/* outbox_found(db, id, mid): a look-up found it: unknown -> sent. */
enum rc outbox_found(struct db *db, int64_t id, const char *mid) MUST_CHECK;
/* by a person */
enum rc outbox_retry(struct db *db, int64_t id) MUST_CHECK;	/* failed, dead, unknown -> queued */
enum rc outbox_cancel(struct db *db, int64_t id) MUST_CHECK;	/* queued, unknown -> dead */
enum rc outbox_get(struct db *db, int64_t id, struct outbox_row *row) MUST_CHECK;
/* when the next item is due: microseconds, 0 where none */
enum rc outbox_next_due(struct db *db, int64_t *us) MUST_CHECK;

#endif

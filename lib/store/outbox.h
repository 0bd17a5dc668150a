#ifndef DMBOX_STORE_OUTBOX_H
#define DMBOX_STORE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/conf.h"
#include "extern/db.h"
#include "base/mem.h"
#include "model/provider.h"
#include "base/rc.h"

/*
 * What goes out, as a state machine in a table; this is the only code that
 * changes an outbox state (ARCHITECTURE.md 4):
 *   queued -> leased -> sent | accepted | queued(next_at) | unknown | failed | dead
 *
 * A conversation is account, channel and recipient.  Its messages leave in the
 * order of their ids: one waits for every earlier one that is queued or leased,
 * and for up to two minutes for one of unknown outcome where the provider can
 * tell what became of it (echo or look-up); elsewhere an unknown one holds back
 * nothing, for it may stay unknown for ever.
 *
 * Where nothing else is said, a function that returns enum rc gives RC_OK, RC_TEMP while the
 * database is away, or what db_fault says of the statement (extern/db.h).
 */
#define OUTBOX_CONTACT_PER_MINUTE 30	/* more to one contact: two bots answer each other */
#define OUTBOX_BREAKER 5		/* failures in a row after which an account's sends rest */
#define OUTBOX_TTL_S 86400		/* a message not sent in a day is dead */

struct outbox_new {
	enum channel channel;
	const char *account;
	const char *own_id;		/* sender_id of the message rows; NULL unknown */
	const struct provider *provider;
	bool mock;		/* of a mock account: nothing will leave */
	const char *caller;		/* auth_caller.key; "" for programs */
	const char *idempotency_key;	/* NULL: none; else unique with caller and part */
	const char *fingerprint;	/* sha256 hex of the request: same key, other body -> 409 */
	/* refuse where the contact's last message is older; 0 = any */
	unsigned int window_s;
	unsigned int ttl_s;		/* 0: OUTBOX_TTL_S */
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
	char hint[40];			/* code of the advice (bridge/hint.h); "" */
};
/*
 * outbox_put(db, n, max, rows, n_rows, closed_us):
 * Write outbox and message rows in one transaction and one round trip, before
 * any network.
 *
 * Returns  RC_OK; RC_DUP: same caller, key and fingerprint: rows are the
 *          existing ones; RC_INVALID: same key, other body (409) or data that the
 *          database refuses; RC_DENIED: the window closed at *closed_us.
 * rows     at most max are filled, *n_rows tells how many.
 * Repeats  safe with an idempotency key only.
 */
enum rc outbox_put(struct db *db, const struct outbox_new *n, size_t max, struct outbox_row *rows,
    size_t *n_rows, int64_t *closed_us) MUST_CHECK;

/* One claimed item; strings in the vector's arena. */
struct outbox_item {
	int64_t id;
	char claim[37];
	enum channel channel;
	const char *account;
	const char *token;		/* refreshed by the poller; NULL none */
	const char *token_of;		/* digest of the one it was refreshed from (state.h) */
	struct outmsg msg;
	const char *file;		/* where the bytes of its one upload lie; NULL */
	char media[UPLOAD_ID_MAX];	/* the id that they were given; "" */
	unsigned int attempts;		/* made before this one */
	/* account.proof to use; how many were refused (attempt.h) */
	unsigned int proof, tries;
	int64_t created_us;
	int64_t attempt_us;		/* look-ups: when it may have gone out first */
	/* look-ups: queued, and waits for the answer; else unknown */
	bool doubtful;
	unsigned int lookups;		/* ... made before this one */
};
struct outbox_items {
	struct mem_arena arena;
	struct outbox_item *v;
	size_t n;
};
/* What to claim. */
struct outbox_want {
	enum channel channel;
	const char *account;
	int64_t only_id;	/* 0: any */
	size_t max;
	unsigned int lease_s;	/* longer than an attempt may take */
};
/*
 * outbox_claim(db, w, out):
 * Reserve due items of one account, oldest first, at most one per conversation
 * and only its first open one; none while the account's sends rest (pause,
 * breaker), none whose last attempt may have gone out before the provider was
 * asked.  Sets the claim id and commits before returning; no attempt is begun
 * (outbox_begin), so that one who ends here leaves it queued.
 * A contact over OUTBOX_CONTACT_PER_MINUTE waits (loop_guard, logged).
 *
 * Returns  RC_OK (out may be empty), RC_TEMP if the database is away.
 * Owns     out's items belong to the caller: outbox_items_free().
 * Repeats  safe: leased rows are skipped.
 */
enum rc outbox_claim(
    struct db *db, const struct outbox_want *w, struct outbox_items *out) MUST_CHECK;
void outbox_items_free(struct outbox_items *v);
/* outbox_begin(db, item): its request goes out now; call it just before.  RC_NONE: the
 * lease is another's, it must not. */
enum rc outbox_begin(struct db *db, const struct outbox_item *it) MUST_CHECK;
/* outbox_hold(db, item, lease_s): its lease lasts so long from now: a file is handed over
 * before the attempt begins.  RC_NONE: the lease is another's. */
enum rc outbox_hold(struct db *db, const struct outbox_item *it, unsigned int lease_s) MUST_CHECK;
/* outbox_due(db, conf, due): due[i] tells whether account i of conf has an item
 * to claim; n_accounts elements. */
enum rc outbox_due(struct db *db, const struct conf *c, bool *due) MUST_CHECK;
/*
 * outbox_settle(db, item, result, ms, row):
 * What came of an attempt: the only transition out of `leased` by an answer.  Merges with an echo
 * row that was stored first and applies events that came early, in the same
 * transaction; counts failures for the breaker, pauses the account's sends.
 * row (may be NULL) is the row afterwards.
 *
 * Returns  RC_OK; RC_NONE: the claim is no longer ours (fenced), nothing was
 *          changed; RC_TEMP.
 * Repeats  safe.
 */
enum rc outbox_settle(struct db *db, const struct outbox_item *it, const struct send_result *r,
    int64_t ms, struct outbox_row *row) MUST_CHECK;
/* outbox_release: nothing was attempted (no time left): back to queued. RC_NONE: not ours. */
enum rc outbox_release(struct db *db, const struct outbox_item *it) MUST_CHECK;
/* outbox_expire(db): leases that ran out: attempt started -> unknown, else queued;
 * time to live over -> dead. */
enum rc outbox_expire(struct db *db) MUST_CHECK;
/* outbox_match_echoes(db, ch, account NULL=all, settled): settle unknown rows by the
 * oldest unmatched echo with the same account, contact and text.  Call it after
 * an ingest that stored echoes, and in upkeep. */
enum rc outbox_match_echoes(
    struct db *db, enum channel ch, const char *account, size_t *settled) MUST_CHECK;
/* outbox_ask_due(db, conf, due): like outbox_due, for outbox_unknown. */
enum rc outbox_ask_due(struct db *db, const struct conf *c, bool *due) MUST_CHECK;
/* outbox_unknown(db, ch, account, max, out): items of unknown outcome, and queued ones
 * whose last attempt may have gone out, that are due for a look-up at their provider.
 * Each is given out ever more rarely; an unknown one five times. */
enum rc outbox_unknown(struct db *db, enum channel ch, const char *account, size_t max,
    struct outbox_items *out) MUST_CHECK;
/* outbox_found(db, id, mid): a look-up found it: sent.  RC_NONE: it is neither unknown
 * nor doubtful any more, or mid belongs to another row. */
enum rc outbox_found(struct db *db, int64_t id, const char *mid) MUST_CHECK;
/* outbox_asked(db, id): the provider has not got it, or cannot be asked: a doubtful one
 * may be tried again.  RC_NONE: it is not doubtful (any more). */
enum rc outbox_asked(struct db *db, int64_t id) MUST_CHECK;
/* By a person; RC_NONE: no such row, or its state does not allow it.  outbox_retry(db, id): queued,
 * failed, dead, unknown -> queued; lifts the pause. */
enum rc outbox_retry(struct db *db, int64_t id) MUST_CHECK;
enum rc outbox_cancel(struct db *db, int64_t id) MUST_CHECK;	/* queued, unknown -> dead */
/* outbox_get(db, id, row): RC_NONE: there is no such row. */
enum rc outbox_get(struct db *db, int64_t id, struct outbox_row *row) MUST_CHECK;

/* For people: rows that need a look, newest first. */
struct outbox_entry {
	int64_t id, created_us, next_us;
	/* what: text, image, react, ... */
	const char *account, *channel, *recipient, *state, *what;
	int64_t attempts;
	const char *error_code, *error_text;	/* "" none */
};
struct outbox_list {
	struct mem_arena arena;
	struct outbox_entry *v;
	size_t n;
};
/* outbox_list(db, all, max, out): open, failed and dead rows; all: every row.  *out is freed
 * with outbox_list_free(l). */
enum rc outbox_list(struct db *db, bool all, size_t max, struct outbox_list *out) MUST_CHECK;
void outbox_list_free(struct outbox_list *l);

/* outbox_newest_inbound(db, ch, account, contact, arena, id): the contact's newest message, for
 * actions that name one.  RC_NONE: none is known; id is untouched then. */
enum rc outbox_newest_inbound(struct db *db, enum channel ch, const char *account,
    const char *contact, struct mem_arena *arena, const char **id) MUST_CHECK;

#endif

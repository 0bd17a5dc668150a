#ifndef DMBOX_STORE_OWNER_H
#define DMBOX_STORE_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/rc.h"
#include "base/str.h"
#include "extern/db.h"
#include "extern/jsonw.h"

/*
 * What the owner's page reads (docs/design/inbox-api.md 7).  PostgreSQL makes the JSON
 * (sql/code/owner.sql), from folded figures and the newest rows, whatever the tables hold.
 *
 * Where nothing else is said, a function that returns enum rc gives RC_OK, RC_TEMP while the
 * database is away, or what db_fault says of the statement (extern/db.h).
 */

/* The facts that the verdict is made of; ages in seconds, -1: never. */
struct owner_facts {
	int64_t message_age_s, check_age_s;
	char message_at[32], check_at[32]; /* ISO; "" never */
	int64_t refused;		   /* deliveries of 24 hours */
	char refused_reason[64];	   /* of the newest */
	int64_t odd;			   /* accepted and not understood, of 24 hours */
	int64_t failed, unknown,
	    queued_s; /* sends of 24 hours; age of the oldest that is overdue */
	int64_t people;
	bool accepted; /* a delivery was ever accepted */
};
/* owner_facts(db, out): all of it, in one round trip. */
enum rc owner_facts(struct db *db, struct owner_facts *out) MUST_CHECK;

enum owner_part { OWNER_WAITING, OWNER_FAILED, OWNER_REFUSED, OWNER_PEOPLE, OWNER_PART__MAX };
/* owner_part(db, part, accounts, channels, out): append its JSON; the lists are pairs. */
enum rc owner_part(struct db *db, enum owner_part part, const struct strv *accounts,
    const struct strv *channels, struct buf *out) MUST_CHECK;
/* owner_series(db, accounts, channels, days, out): append {"channel/account":{"in":[...],...}}: of
 * 60 days (UTC), or of 48 hours; the last step is the one that is under way. */
enum rc owner_series(struct db *db, const struct strv *accounts, const struct strv *channels,
    bool days, struct buf *out) MUST_CHECK;
/* owner_from(days, now_us): when the first of those steps begins. */
int64_t owner_from(bool days, int64_t now_us);
/* owner_poll(db, account, channel, outcome, out): the members lastPollAt, outcome and attempts
 * of an open object; outcome gets the last one's name, "" where there was none. */
enum rc owner_poll(struct db *db, const char *account, const char *channel, char outcome[24],
    struct jsonw *out) MUST_CHECK;
/* owner_ledger(db, reason, before, out): {"deliveries":[...],"next":id|null}: refused and
 * not understood ones, the newest 50 below an id (0: all); reason NULL: any. */
enum rc owner_ledger(
    struct db *db, const char *reason, int64_t before, struct jsonw *out) MUST_CHECK;
/* owner_delivery(db, id, reason, out): the members of one, into an open object; reason gets why it
 * was refused.  RC_NONE. */
enum rc owner_delivery(struct db *db, int64_t id, char reason[64], struct jsonw *out) MUST_CHECK;
/* owner_response_upkeep(db): fold how fast customers were answered. */
enum rc owner_response_upkeep(struct db *db) MUST_CHECK;

#endif

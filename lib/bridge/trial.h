#ifndef DMBOX_BRIDGE_TRIAL_H
#define DMBOX_BRIDGE_TRIAL_H

#include "model/conf.h"
#include "extern/db.h"
#include "base/rc.h"

/*
 * trial_store(db, a):
 * Would db take what comes for account a?  Messages as customers write them (the same words
 * twice, long ones, a picture without any, an answer of the shop), a reaction and an edit are
 * stored by the statements that store real ones, in a transaction that is undone: rights,
 * triggers, columns, partitions, sequences, row level security, locks and the server's disk
 * are tried instead of looked at.
 *
 * Returns  RC_OK; RC_NONE: the server took it and a row is not there (a trigger, a rule);
 *          RC_PERM: there with another text;
 *          RC_INVALID, RC_TEMP: no, and db_sqlstate, db_where, db_error say why.
 */
enum rc trial_store(struct db *db, const struct account *a) MUST_CHECK;

#endif

#ifndef DMBOX_STORE_ALIAS_H
#define DMBOX_STORE_ALIAS_H

#include <stddef.h>
#include "base/rc.h"
#include "extern/db.h"
#include "model/msg.h"

/*
 * alias_resolve(db, v, n):
 * Put the id under which a contact is known into the items of providers whose customers have
 * several (struct provider, aliases); learn what the items prove (item.alias, item.left),
 * merging two contacts that turn out to be one person.  Before store_deliveries, in a transaction
 * of its own: what was learned is true, whatever becomes of the deliveries.
 *
 * Returns  RC_OK, also where no item needs it (then nothing is asked); RC_TEMP, ...: by db_fault.
 * Repeats  safe.
 */
enum rc alias_resolve(struct db *db, struct delivery *const *v, size_t n) MUST_CHECK;

/*
 * alias_forget(db, v, n):
 * After store_deliveries, for those that stored nothing: what alias_resolve learned of people
 * of whom there is no contact (erased; a provider told of them again) goes.
 */
void alias_forget(struct db *db, struct delivery *const *v, size_t n);

#endif

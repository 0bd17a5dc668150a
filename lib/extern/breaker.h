#ifndef DMBOX_EXTERN_BREAKER_H
#define DMBOX_EXTERN_BREAKER_H

#include <stdbool.h>
#include <stdint.h>
#include "extern/db.h"

/* db.c's side of struct db_breaker (db.h); b may be NULL but for breaker_why. */

/* breaker_enter(b): may this handle try to connect now?  After a failure only one at a time;
 * breaker_leave follows a true. */
bool breaker_enter(struct db_breaker *b);
/* breaker_why(b): the fault reported while the circuit breaker is open. */
enum db_fault breaker_why(struct db_breaker *b);
/* breaker_leave(b, good, why, took_ms): how it went, and how long that took. */
void breaker_leave(struct db_breaker *b, bool good, enum db_fault why, int64_t took_ms);

#endif

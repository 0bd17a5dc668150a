#ifndef DMBOX_BASE_METER_H
#define DMBOX_BASE_METER_H

#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/rc.h"

/*
 * Counters that all processes of a host share, and that outlive each of them
 * (plain CGI, mod_fcgid's short lives): a small file of fixed size, mapped into
 * memory, changed by atomic additions.  No lock, no system call on the way of a
 * request.  What is counted is shown by GET /metrics.
 *
 * A meter may be NULL everywhere: then nothing is counted.  Thread-safe.
 */
struct meter;

enum meter_count {
	METER_DELIVERIES,	/* channel, account, verdict, reason */
	METER_ITEMS,		/* channel, account, result */
	METER_NOT_KEPT,		/* channel, account: refused beyond the cap */
	METER_POLLS,		/* channel, account, outcome */
	METER_MISSED,		/* channel, account: webhooks that a poll had to make up for */
	METER_SENDS,		/* channel, account, outcome */
	METER_COUNT__MAX
};
enum meter_time {
	METER_HTTP,		/* endpoint, channel, code */
	METER_SEND,		/* channel, account */
	METER_TIME__MAX
};

/* meter_open(dir, out): map dir/metrics, made where it is not there (0660).
 * RC_TEMP: it cannot be; nothing is logged but at debug. */
enum rc meter_open(const char *dir, struct meter **out) MUST_CHECK;
void meter_close(struct meter *m);	/* NULL is legal */

/* meter_add(m, c, n, labels): add n; labels are the values in the order above, as
 * many as the counter has. */
void meter_add(struct meter *m, enum meter_count c, uint64_t n, const char *const *labels);
/* meter_time(m, t, us, labels): one event that took so long. */
void meter_time(struct meter *m, enum meter_time t, int64_t us, const char *const *labels);
/* meter_print(m, b): all of it in the text format of Prometheus. */
void meter_print(struct meter *m, struct buf *b);
/* meter_label(b, s): s as the inside of a label's quotes. */
void meter_label(struct buf *b, const char *s);

#endif

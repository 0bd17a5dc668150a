#ifndef DMBOX_BASE_CLOCK_H
#define DMBOX_BASE_CLOCK_H

#include <stdint.h>
#include <stddef.h>
#include "base/rc.h"

/*
 * Time, from one place, so that tests can set it.  Wall times are
 * microseconds since 1970 UTC (PostgreSQL's resolution); spans come from the
 * monotonic clock, which no clock jump moves.
 */
int64_t clock_now_us(void);		/* wall */
int64_t clock_mono_us(void);		/* monotonic, for measuring */
int64_t clock_mono_ms(void);		/* monotonic, for spans and deadlines */
/* clock_set(us): freeze the wall clock at us for tests; 0 thaws it. */
void clock_set(int64_t us);
/* clock_sleep_ms(ms): sleep; returns early on a signal. */
void clock_sleep_ms(int64_t ms);

#define CLOCK_ISO_MAX 64
/* clock_iso(us, out): "2024-11-13T12:00:00.000Z". */
void clock_iso(int64_t us, char out[CLOCK_ISO_MAX]);
/* clock_iso_us(us, out): the same with six digits, as PostgreSQL reads it. */
void clock_iso_us(int64_t us, char out[CLOCK_ISO_MAX]);
/*
 * clock_parse(p, n, out):
 * A provider's time: seconds or milliseconds as digits (below 1e11 = seconds,
 * providers.md B.4 and earlier-system.md) with an optional fraction, micro- or
 * nanoseconds; ISO 8601, also with a blank for T, with Z, GMT, +hh:mm, +hhmm or
 * none (UTC), and without its hyphens and colons; a date alone is its midnight in UTC;
 * RFC 5322, JavaScript's and .NET's dates.
 * RC_INVALID for all else (13.11.2024 may be two days) and for times outside
 * 2000..2100.
 */
enum rc clock_parse(const char *p, size_t n, int64_t *out_us) MUST_CHECK;

#endif

/*
 * Time from one place.  Calendar sums are our own (days from civil, Howard
 * Hinnant): gmtime and timegm would do, but this has no state, no locale and no
 * year before 1970 to think of.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"

#define DAY_S 86400
#define MIN_US (INT64_C(946684800) * 1000000)	/* 2000-01-01 */
#define MAX_US (INT64_C(4133980800) * 1000000)	/* 2101-01-01 */

static _Atomic int64_t frozen_us;

int64_t
clock_now_us(void)
{
	int64_t f = atomic_load_explicit(&frozen_us, memory_order_relaxed);
	struct timespec ts;

	if (f != 0)
		return f;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
clock_set(int64_t us)
{
	atomic_store(&frozen_us, us);
}

void
clock_sleep_ms(int64_t ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	if (ms > 0)
		nanosleep(&ts, NULL);
}

static int64_t
days_from_civil(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void
civil_from_days(int64_t z, int64_t *y, int *m, int *d)
{
	int64_t era, doe, yoe, doy, mp;

	z += 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = yoe + era * 400 + (*m <= 2);
}

/* v as n digits and a character behind; the place after it. */
static char *
put_digits(char *out, int64_t v, int n, char behind)
{
	for (int i = n - 1; i >= 0; i--, v /= 10)
		out[i] = (char)('0' + v % 10);
	out[n] = behind;
	return out + n + 1;
}

static void
iso(int64_t us, int digits, char out[CLOCK_ISO_MAX])
{
	int64_t days, s, rest, y;
	int m, d;

	s = us / 1000000 - (us % 1000000 < 0);
	rest = us - s * 1000000;
	days = s / DAY_S - (s % DAY_S < 0);
	s -= days * DAY_S;
	civil_from_days(days, &y, &m, &d);
	if (y < 0 || y > 9999) {	/* no provider's time; keep the line short */
		snprintf(out, CLOCK_ISO_MAX, "0000-01-01T00:00:00.000Z");
		return;
	}
	/* by hand: each line of the log has one, and snprintf takes 4000 instructions */
	out = put_digits(out, y, 4, '-');
	out = put_digits(out, m, 2, '-');
	out = put_digits(out, d, 2, 'T');
	out = put_digits(out, s / 3600, 2, ':');
	out = put_digits(out, s / 60 % 60, 2, ':');
	out = put_digits(out, s % 60, 2, '.');
	out = put_digits(out, digits == 3 ? rest / 1000 : rest, digits, 'Z');
	*out = '\0';
}

void
clock_iso(int64_t us, char out[CLOCK_ISO_MAX])
{
	iso(us, 3, out);
}

void
clock_iso_us(int64_t us, char out[CLOCK_ISO_MAX])
{
	iso(us, 6, out);
}

/* A cursor over the text; every reader moves p only when it succeeds. */
struct scan {
	const char *p, *end;
};

static int
digits(struct scan *s, int n, int64_t *out)
{
	int64_t v = 0;

	if (s->end - s->p < n)
		return 0;
	for (int i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return 0;
		v = v * 10 + (s->p[i] - '0');
	}
	s->p += n;
	*out = v;
	return 1;
}

static int
one(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return 0;
	s->p++;
	return 1;
}

/* ".123456789": microseconds, further digits dropped; a lone point is an error. */
static int
fraction(struct scan *s, int64_t unit, int64_t *us)
{
	const char *start;

	*us = 0;
	if (!one(s, '.') && !one(s, ','))
		return 1;
	for (start = s->p; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
		unit /= 10;
		*us += (*s->p - '0') * unit;
	}
	return s->p > start;
}

static int
word(struct scan *s, const char *w)
{
	size_t n = strlen(w);

	if ((size_t)(s->end - s->p) < n || strncasecmp(s->p, w, n) != 0)
		return 0;
	s->p += n;
	return 1;
}

/* Also with the sign that typesetters write, and with the blank that a form makes of a plus
 * which nobody encoded. */
static int
zone(struct scan *s, int64_t *offset_s)
{
	int64_t h, m = 0;
	bool blank = s->p < s->end && *s->p == ' ';
	int sign;

	*offset_s = 0;
	while (s->p < s->end && *s->p == ' ')
		s->p++;
	if (s->p == s->end || one(s, 'Z') || one(s, 'z'))
		return 1;
	if (word(s, "GMT") || word(s, "UTC") || word(s, "UT")) {
		if (s->p == s->end)
			return 1;	/* "GMT+0300" otherwise */
	}
	if (one(s, '+') || (blank && s->p < s->end && *s->p >= '0' && *s->p <= '9'))
		sign = 1;
	else if (one(s, '-') || word(s, "\u2212"))
		sign = -1;
	else
		return 0;
	if (!digits(s, 2, &h) || h > 15)
		return 0;
	if (s->p < s->end) {
		one(s, ':');
		if (!digits(s, 2, &m) || m > 59)
			return 0;
	}
	*offset_s = sign * (h * 3600 + m * 60);
	return 1;
}

static int
last_day(int64_t y, int64_t m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

/* Java's "2024-11-13T15:00:00+03:00[Europe/Moscow]": behind a zone its place says nothing. */
static void
place(struct scan *s)
{
	size_t n = s->end > s->p ? (size_t)(s->end - s->p) : 0;
	const char *open = memchr(s->p, '[', n);

	if (open != NULL && open - s->p > 11 && s->end[-1] == ']' &&
	    (open[-1] == 'Z' || memchr(s->p + 11, '+', (size_t)(open - s->p - 11)) != NULL ||
		memchr(s->p + 11, '-', (size_t)(open - s->p - 11)) != NULL))
		s->end = open;
}

static int
parse_iso(struct scan s, int64_t *us)
{
	int64_t y, mo, d, h = 0, mi = 0, sec = 0, frac = 0, off = 0;
	bool basic;	/* 20241113T100000Z */

	place(&s);
	if (!digits(&s, 4, &y))
		return 0;
	basic = !one(&s, '-');
	if (!digits(&s, 2, &mo) || (!basic && !one(&s, '-')) || !digits(&s, 2, &d))
		return 0;
	if (mo < 1 || mo > 12 || d < 1 || d > last_day(y, mo))
		return 0;
	if (s.p == s.end && !basic)	/* a day alone */
		goto done;
	if (!one(&s, 'T') && !one(&s, 't') && !one(&s, ' '))
		return 0;
	if (!digits(&s, 2, &h) || (!basic && !one(&s, ':')) || !digits(&s, 2, &mi))
		return 0;
	if ((basic ? s.p < s.end && *s.p >= '0' && *s.p <= '9' : one(&s, ':')) &&
	    (!digits(&s, 2, &sec) || !fraction(&s, 1000000, &frac)))
		return 0;
	if (h > 23 || mi > 59 || sec > 60 || !zone(&s, &off) || s.p != s.end)
		return 0;
done:
	*us = (days_from_civil(y, (int)mo, (int)d) * DAY_S + h * 3600 + mi * 60 + sec - off) *
		1000000 +
	    frac;
	return 1;
}

static int
month(struct scan *s, int64_t *mo)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		char one_name[4] = { names[3 * i], names[3 * i + 1], names[3 * i + 2], '\0' };

		if (word(s, one_name)) {
			*mo = i + 1;
			return 1;
		}
	}
	return 0;
}

static int
day_of_month(struct scan *s, int64_t *d)
{
	return digits(s, 2, d) || digits(s, 1, d);
}

/*
 * "Wed, 13 Nov 2024 12:00:00 GMT" (RFC 5322, 3.3; also without the day's name), and what
 * JavaScript's Date writes: "Wed Nov 13 2024 12:00:00 GMT+0300 (Moscow Standard Time)".
 */
static int
parse_words(struct scan s, int64_t *us)
{
	int64_t y, mo, d, h, mi, sec = 0, off;
	const char *comment = memchr(s.p, '(', (size_t)(s.end - s.p));

	if (comment != NULL) {
		for (s.end = comment; s.end > s.p && s.end[-1] == ' '; s.end--)
			;
	}
	if (s.end - s.p > 4 && (s.p[3] == ',' || (s.p[3] == ' ' && (*s.p < '0' || *s.p > '9'))))
		s.p += 4;
	while (one(&s, ' '))
		;
	if (day_of_month(&s, &d) ? !(one(&s, ' ') || one(&s, '-')) || !month(&s, &mo) :
				   !month(&s, &mo) || !one(&s, ' ') || !day_of_month(&s, &d))
		return 0;
	if (!(one(&s, ' ') || one(&s, '-')) || !digits(&s, 4, &y) || !one(&s, ' ') ||
	    !digits(&s, 2, &h) || !one(&s, ':') || !digits(&s, 2, &mi) ||
	    (one(&s, ':') && !digits(&s, 2, &sec)) || !zone(&s, &off) || s.p != s.end)
		return 0;
	if (d < 1 || d > last_day(y, mo) || h > 23 || mi > 59 || sec > 60)
		return 0;
	*us = (days_from_civil(y, (int)mo, (int)d) * DAY_S + h * 3600 + mi * 60 + sec - off) *
	    1000000;
	return 1;
}

/* Below 1e11 the number counts seconds, then milli-, micro- and nanoseconds. */
static int
parse_number(struct scan s, int64_t *us)
{
	const char *start = s.p;
	int64_t v = 0, frac, unit;

	for (; s.p < s.end && *s.p >= '0' && *s.p <= '9'; s.p++) {
		if (s.p - start == 18)
			break;
		v = v * 10 + (*s.p - '0');
	}
	if (s.p == start)
		return 0;
	if (v >= INT64_C(100000000000000)) {	/* no fraction is of use there */
		while (s.p < s.end && *s.p >= '0' && *s.p <= '9')
			s.p++;
		*us = s.p - start == 19 ? v / 100 : v;
		return s.p == s.end && s.p - start <= 19 && s.p - start != 18 && s.p - start != 17;
	}
	unit = v < INT64_C(100000000000) ? 1000000 : 1000;
	if (!fraction(&s, unit, &frac) || s.p != s.end)
		return 0;
	*us = v * unit + frac;
	return 1;
}

/* 1.7643e12, as programs write a large number: its digits are in digits then. */
static void
exponent(struct scan *s, char digits[32])
{
	const char *p = s->p;
	size_t n = 0, point = 0, up = 0;

	for (; p < s->end && n < 20 && ((*p >= '0' && *p <= '9') || (*p == '.' && point == 0)); p++)
		if (*p != '.')
			digits[n++] = *p;
		else if ((point = n) == 0)
			return;
	if (n == 0 || s->end - p < 2 || (*p != 'e' && *p != 'E'))
		return;
	p += 1 + (p[1] == '+');
	for (; p < s->end && *p >= '0' && *p <= '9' && up < 20; p++)
		up = up * 10 + (size_t)(*p - '0');
	up += point > 0 ? point : n;
	if (p != s->end || up > 20)
		return;
	for (; n < up; n++)
		digits[n] = '0';
	*s = (struct scan){ digits, digits + up };	/* a fraction of a millisecond is dropped */
}

/* .NET's /Date(1731492000000+0300)/: the digits; the zone says nothing of the time. */
static void
net_date(struct scan *s)
{
	static const char lead[] = "/Date(";
	const char *p = s->p + sizeof lead - 1, *e = p;

	if (s->end - s->p < (ptrdiff_t)sizeof lead || memcmp(s->p, lead, sizeof lead - 1) != 0)
		return;
	while (e < s->end && *e >= '0' && *e <= '9')
		e++;
	if (s->end - e == 2 || (s->end - e == 7 && (*e == '+' || *e == '-'))) {
		s->p = p;
		s->end = e;
	}
}

enum rc
clock_parse(const char *p, size_t n, int64_t *out_us)
{
	struct scan s = { p, p + n };
	char digits[32];
	int64_t us;

	net_date(&s);
	exponent(&s, digits);
	if (!parse_number(s, &us) && !parse_iso(s, &us) && !parse_words(s, &us))
		return RC_INVALID;
	if (us < MIN_US || us >= MAX_US)
		return RC_INVALID;
	*out_us = us;
	return RC_OK;
}

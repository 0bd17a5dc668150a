/*
 * Phone numbers as people write them.  Only what cannot be another number is rewritten: a
 * message to a stranger is worse than one that is refused.
 */
#include "base/phone.h"

#include <stdbool.h>
#include <string.h>

enum { RAW_MAX = 24 };

static bool
all_digits(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/* Bytes of a sign that stands between digits; 0: none.  Spaces, dashes and direction marks come
 * with what is copied from pages and address books. */
static size_t
sign(const char *p, size_t n)
{
	if (strchr("+-(). /\t", *p) != NULL)
		return 1;
	if (n >= 2 && p[0] == '\xc2' && p[1] == '\xa0')
		return 2;
	if (n >= 3 && memcmp(p, "\xe2\x88\x92", 3) == 0)
		return 3;	/* a minus */
	return n >= 3 && p[0] == '\xe2' && (p[1] == '\x80' || p[1] == '\x81') ? 3 : 0;
}

/* The digits of s; (size_t)-1: there is something else, or too many. */
static size_t
collect(const char *s, size_t n, char raw[RAW_MAX])
{
	size_t k = 0;

	for (size_t i = 0, step; i < n; i += step) {
		step = 1;
		if (all_digits(s + i, 1)) {
			if (k == RAW_MAX)
				return (size_t)-1;
			raw[k++] = s[i];
		} else if (k > 0 && n - i >= 3 && memcmp(s + i, "(0)", 3) == 0) {
			step = 3; /* +44 (0)20: to be left out from abroad */
		} else if (s[i] == '\0' || (step = sign(s + i, n - i)) == 0) {
			return (size_t)-1;
		}
	}
	return k;
}

static void
take_out(char *p, size_t *n, size_t at, size_t len)
{
	memmove(p + at, p + at + len, *n - at - len);
	*n -= len;
}

/* 54 [9] [0] AREA 15 NUMBER, area and number of ten digits: 549 AREA NUMBER. */
static void
argentine(char *p, size_t *n)
{
	size_t at = 2, area;

	at += p[at] == '9';
	if (p[at] == '0')
		take_out(p, n, at, 1);
	if (*n - at != 12)
		return;
	area = memcmp(p + at, "11", 2) == 0 ? 2 : memcmp(p + at + 3, "15", 2) == 0 ? 3 : 4;
	if (memcmp(p + at + area, "15", 2) != 0 || strchr("123", p[at]) == NULL)
		return;
	take_out(p, n, at + area, 2);
	if (at == 2) {
		memmove(p + 3, p + 2, *n - 2);
		p[2] = '9';
		*n += 1;
	}
}

/*
 * Countries where a 0 before a number stands for the country itself, and how many digits follow
 * the country's code (national numbering plans, ITU-T E.164).
 */
static const struct {
	const char *code;
	unsigned char min, max;
	bool zero;	/* it is dialled from abroad, too */
} countries[] = {
	{ "54", 10, 10, false },	/* and the 9 of a mobile */
	{ "55", 10, 11, false },
	{ "44", 9, 10, false },
	{ "49", 6, 11, false },
	{ "39", 6, 11, true },
	{ "33", 9, 9, false },
	{ "31", 9, 9, false },
	{ "32", 8, 9, false },
	{ "41", 9, 9, false },
	{ "46", 7, 9, false },
	{ "40", 9, 9, false },
	{ "90", 10, 10, false },
	{ "91", 10, 10, false },
	{ "62", 8, 12, false },
	{ "60", 8, 10, false },
	{ "61", 9, 9, false },
	{ "63", 8, 10, false },
	{ "66", 8, 9, false },
	{ "84", 9, 10, false },
	{ "92", 9, 10, false },
	{ "98", 10, 10, false },
	{ "27", 9, 9, false },
	{ "20", 9, 10, false },
	{ "58", 10, 10, false },
	{ "234", 8, 10, false },
	{ "254", 9, 9, false },
	{ "212", 9, 9, false },
	{ "213", 8, 9, false },
	{ "233", 9, 9, false },
	{ "380", 9, 9, false },
	{ "359", 7, 9, false },
	{ "381", 8, 9, false },
	{ "353", 7, 9, false },
	{ "373", 8, 8, false },
	{ "374", 8, 8, false },
	{ "593", 8, 9, false },
	{ "595", 9, 9, false },
	{ "598", 8, 8, false },
	{ "966", 8, 9, false },
	{ "971", 8, 9, false },
	{ "972", 8, 9, false },
	{ "994", 9, 9, false },
	{ "995", 9, 9, false },
	{ "996", 9, 9, false },
};

size_t
phone_digits(const char *s, size_t n, char out[PHONE_MAX + 1])
{
	char raw[RAW_MAX + 1] = "";
	size_t k = collect(s, n, raw);

	if (k == (size_t)-1 || k < PHONE_MIN)
		return 0;
	raw[k] = '\0';
	if (memcmp(raw, "00", 2) == 0)
		take_out(raw, &k, 0, 2); /* a "+" as it is dialled */
	else if (k == 11 && memcmp(raw, "89", 2) == 0)
		raw[0] = '7'; /* no country is 89 */
	if (k >= 12 && memcmp(raw, "54", 2) == 0)
		argentine(raw, &k);
	else if (k >= 13 && memcmp(raw, "550", 3) == 0)
		take_out(raw, &k, 2, 1);
	else if (k == 15 && (memcmp(raw, "52044", 5) == 0 || memcmp(raw, "52045", 5) == 0))
		take_out(raw, &k, 2, 3);
	if (k < PHONE_MIN || k > PHONE_MAX || raw[0] == '0')
		return 0;
	memcpy(out, raw, k);
	out[k] = '\0';
	return k;
}

size_t
phone_national(const char *s, size_t n, const char *own, char out[PHONE_MAX + 1])
{
	char raw[RAW_MAX + 1], whole[RAW_MAX + 4];
	size_t k = collect(s, n, raw), got, code;

	if (k == (size_t)-1 || k < PHONE_MIN || raw[0] != '0' || raw[1] == '0')
		return 0;
	if (out == NULL)
		return 1;
	for (size_t i = 0; own != NULL && i < sizeof countries / sizeof *countries; i++) {
		code = strlen(countries[i].code);
		if (strncmp(own, countries[i].code, code) != 0)
			continue;
		memcpy(whole, own, code);
		memcpy(whole + code, raw + !countries[i].zero, k - !countries[i].zero);
		got = phone_digits(whole, code + k - !countries[i].zero, out);
		code += got > 0 && memcmp(out, "549", 3) == 0;
		return got >= code + countries[i].min && got <= code + countries[i].max ? got : 0;
	}
	return 0;
}

#ifndef DMBOX_BASE_PHONE_H
#define DMBOX_BASE_PHONE_H

#include <stddef.h>

enum { PHONE_MIN = 5, PHONE_MAX = 15 }; /* digits of an international number, E.164 */

/*
 * phone_digits(s, n, out):
 * The international number, digits only, of s[0..n] as a person wrote it: with + or 00,
 * signs between the digits, "(0)", the Russian 8 before a mobile, Argentina's 15 and Mexico's
 * 044 in a mobile, a national 0 behind Brazil's and Argentina's code.  Written as in out,
 * it comes back unchanged.
 *
 * Returns  how many digits; 0: it is no such number: other letters, too few or too many, or a
 *          national spelling, which reaches nobody.
 */
size_t phone_digits(const char *s, size_t n, char out[PHONE_MAX + 1]);
/*
 * phone_national(s, n, own, out):
 * The same of a number without its country, "0221 15-412-3456", written where own (digits of
 * an international number; NULL: not known) is: only where the 0 before it says so and what
 * comes of it is as long as that country's numbers are.  out NULL: is it such a spelling?
 *
 * Returns  how many digits; with out NULL 1; 0: it is none, or not to be completed.
 */
size_t phone_national(const char *s, size_t n, const char *own, char out[PHONE_MAX + 1]);

#endif

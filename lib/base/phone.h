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

#endif

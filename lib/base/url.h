#ifndef DMBOX_BASE_URL_H
#define DMBOX_BASE_URL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/rc.h"

/* Which URLs we call; for conf and http, which are of one rank. */

/*
 * url_host(url, out, cap):
 * "host:port" of an http or https URL in lower case, the scheme's port where
 * none is given.  Strict, so that no two readers see different hosts: no user
 * part, no space, control or backslash; IPv6 in brackets.
 *
 * Returns  RC_OK, RC_INVALID.
 */
enum rc url_host(const char *url, char *out, size_t cap) MUST_CHECK;
/* url_allowed(url): https, or http on a loopback host (contract.md 3). */
bool url_allowed(const char *url);
/* url_loopback(host): localhost, 127.0.0.0/8 or ::1, without port or brackets. */
bool url_loopback(const char *host);

#endif

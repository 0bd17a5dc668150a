/*
 * URLs as strictly as we may: what is odd is refused instead of understood, as
 * the second reader (libcurl) could understand it differently.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/url.h"

/* The host's text [*h, *h + *hn) and the port; the scheme by the return value. */
static enum rc
split(const char *url, bool *https, const char **h, size_t *hn, int64_t *port)
{
	const char *p, *end, *colon;
	size_t port_n;

	if (url == NULL)
		return RC_INVALID;
	*https = str_istarts(url, "https://");
	if (!*https && !str_istarts(url, "http://"))
		return RC_INVALID;
	for (p = url; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7F || *p == '\\')
			return RC_INVALID;
	p = url + (*https ? 8 : 7);
	end = p + strcspn(p, "/?#");
	if (memchr(p, '@', (size_t)(end - p)) != NULL)
		return RC_INVALID;
	*h = p;
	*port = *https ? 443 : 80;
	if (*p == '[') {
		const char *close = memchr(p, ']', (size_t)(end - p));

		if (close == NULL)
			return RC_INVALID;
		*hn = (size_t)(close + 1 - p);
		colon = close + 1;
		if (colon != end && *colon != ':')
			return RC_INVALID;
	} else {
		colon = memchr(p, ':', (size_t)(end - p));
		*hn = (size_t)((colon != NULL ? colon : end) - p);
		if (colon == NULL)
			colon = end;
	}
	if (*hn == 0)
		return RC_INVALID;
	if (colon == end)
		return RC_OK;
	port_n = (size_t)(end - colon - 1);
	if (port_n > 5 || str_n_i64(colon + 1, port_n, port) != RC_OK || *port < 1 || *port > 65535)
		return RC_INVALID;
	return RC_OK;
}

/* The host as a string without brackets, lower case, only honest characters. */
static enum rc
host_text(const char *h, size_t n, char *out, size_t cap)
{
	struct in6_addr a6;
	bool v6 = *h == '[';

	if (v6) {
		h++;
		n -= 2;
	}
	if (n == 0 || n >= cap)
		return RC_INVALID;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(h[i] >= 'A' && h[i] <= 'Z' ? h[i] + 32 : h[i]);
	out[n] = '\0';
	if (v6)
		return inet_pton(AF_INET6, out, &a6) == 1 ? RC_OK : RC_INVALID;
	return str_charset(out, 1, 253, ".-_") && *out != '.' && *out != '-' ? RC_OK : RC_INVALID;
}

enum rc
url_host(const char *url, char *out, size_t cap)
{
	const char *h;
	char host[256];
	bool https;
	size_t hn;
	int64_t port;
	int n;

	if (split(url, &https, &h, &hn, &port) != RC_OK ||
	    host_text(h, hn, host, sizeof(host)) != RC_OK)
		return RC_INVALID;
	if (strlen(host) + 9 > cap)
		return RC_INVALID;
	n = snprintf(out, cap, *h == '[' ? "[%s]:%d" : "%s:%d", host, (int)port);
	return n > 0 && (size_t)n < cap ? RC_OK : RC_INVALID;
}

bool
url_loopback(const char *host)
{
	struct in_addr a4;
	struct in6_addr a6;

	if (str_ieq(host, "localhost"))
		return true;
	if (inet_pton(AF_INET, host, &a4) == 1)
		return ntohl(a4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &a6) == 1 && IN6_IS_ADDR_LOOPBACK(&a6);
}

bool
url_allowed(const char *url)
{
	const char *h;
	char host[256];
	bool https;
	size_t hn;
	int64_t port;

	if (split(url, &https, &h, &hn, &port) != RC_OK ||
	    host_text(h, hn, host, sizeof(host)) != RC_OK)
		return false;
	return https || url_loopback(host);
}

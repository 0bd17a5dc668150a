/*
 * What the values of a configuration must look like.
 */
#include "model/key.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/url.h"

bool
key_bool(const char *s, bool *out)
{
	static const char *const yes[] = { "true", "1", "yes", "on" };
	static const char *const no[] = { "false", "0", "no", "off" };

	for (size_t i = 0; i < 4; i++) {
		if (str_ieq(s, yes[i]) || str_ieq(s, no[i])) {
			*out = str_ieq(s, yes[i]);
			return true;
		}
	}
	return false;
}

static bool
word_of(const char *s, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, v[i]))
			return true;
	return false;
}

static bool
version_ok(const char *s)
{
	size_t major, minor;

	if (*s++ != 'v')
		return false;
	major = strspn(s, "0123456789");
	if (major < 1 || major > 3 || s[major] != '.')
		return false;
	s += major + 1;
	minor = strspn(s, "0123456789");
	return minor >= 1 && minor <= 2 && s[minor] == '\0';
}

/* "10.0.0.1", "10.0.0.0/8", "::1" */
static bool
network_ok(const char *s)
{
	char addr[INET6_ADDRSTRLEN];
	size_t n = strcspn(s, "/");
	struct in6_addr a;
	int64_t bits = 0;
	bool v4;

	if (n >= sizeof(addr))
		return false;
	memcpy(addr, s, n);
	addr[n] = '\0';
	v4 = inet_pton(AF_INET, addr, &a) == 1;
	if (!v4 && inet_pton(AF_INET6, addr, &a) != 1)
		return false;
	return s[n] == '\0' ||
	    (str_i64(s + n + 1, &bits) == RC_OK && bits >= 0 && bits <= (v4 ? 32 : 128));
}

static bool
hostport_ok(const char *s)
{
	char url[300], host[300];
	const char *colon = strrchr(s, ':');

	if (colon == NULL || strpbrk(s, "/?#") != NULL || colon[1] == '\0' || strlen(s) > 280)
		return false;
	if (strchr(s, ':') != colon && *s != '[')
		return false;
	snprintf(url, sizeof(url), "http://%s", s);
	return url_host(url, host, sizeof(host)) == RC_OK && str_ends(host, colon);
}

/* "X-ACCESS-TOKEN" or "Authorization: Bearer" */
static bool
auth_form_ok(const char *s)
{
	size_t n = strcspn(s, ":");
	char *name = mem_ndup(s, n);
	bool ok = str_charset(name, 1, 64, "-_");

	free(name);
	if (!ok || s[n] == '\0')
		return ok;
	return s[n + 1] == ' ' && str_charset(s + n + 2, 1, 32, "-_");
}

/* A secret of ours, which anybody may try to guess at the webhook. */
static bool
secret_ok(const char *s)
{
	return strlen(s) >= 8;
}

static bool
path_ok(const char *s)
{
	return *s == '/' && str_charset(s, 1, 200, "/-._~%?=&");
}

static bool
scope_ok(const char *s)
{
	static const char *const words[] = { "read", "poll", "send", "admin" };

	return word_of(s, words, 4);
}

static const char *
each(const char *v, char sep, bool (*ok)(const char *), const char *why)
{
	struct strv list = { 0 };

	strv_split(&list, v, sep);
	if (list.n == 0)
		ok = NULL;
	for (size_t i = 0; ok != NULL && i < list.n; i++)
		if (!ok(list.v[i]))
			ok = NULL;
	strv_free(&list);
	return ok == NULL ? why : NULL;
}

static const char *
check_url(const char *v, bool upstream)
{
	char host[300];

	if (url_host(v, host, sizeof(host)) != RC_OK)
		return "is not a URL: https://host[:port][/path] is wanted";
	if (strpbrk(v, "?#") != NULL)
		return "must not hold a query or a '#'";
	if (upstream && !url_allowed(v))
		return "http:// is allowed only to this machine; use https://";
	return NULL;
}

static const char *
check_num(int64_t min, int64_t max, const char *v, char why[160])
{
	int64_t n;

	if (str_i64(v, &n) != RC_OK)
		return "is not a whole number";
	if (n >= min && n <= max)
		return NULL;
	if (max == INT64_MAX)
		snprintf(why, 160, "must be at least %lld", (long long)min);
	else
		snprintf(why, 160, "must be between %lld and %lld", (long long)min, (long long)max);
	return why;
}

const char *
key_check(const struct key_def *d, const char *v, char why[160])
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	static const char *const formats[] = { "text", "json" };
	static const char *const langs[] = { "ru", "en" };
	bool b;

	for (const char *p = v; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7F)
			return "holds a control character";
	switch (d->kind) {
	case CONF_TEXT:
	case CONF_DB:	/* when it is built */
		return NULL;
	case CONF_BOOL:
		return key_bool(v, &b) ? NULL : "is neither true nor false";
	case CONF_NUM:
		return check_num(d->min, d->max, v, why);
	case CONF_UPSTREAM:
		return check_url(v, true);
	case CONF_URL:
		return check_url(v, false);
	case CONF_SECRET:
		return each(
		    v, ',', secret_ok, "must have at least 8 characters: it can be guessed");
	case CONF_KEY:
		return strlen(v) >= 32 ? NULL : "must have at least 32 bytes";
	case CONF_ID:
		return str_charset(v, 1, 128, "._-") ? NULL :
						       "may hold only letters, digits, . _ -";
	case CONF_LEVEL:
		return word_of(v, levels, 4) ? NULL : "must be error, warn, info or debug";
	case CONF_FORMAT:
		return word_of(v, formats, 2) ? NULL : "must be text or json";
	case CONF_LANG:
		return word_of(v, langs, 2) ? NULL : "must be ru or en";
	case CONF_VERSION:
		return version_ok(v) ? NULL : "must look like v25.0";
	case CONF_PATHS:
		return each(v, ',', path_ok, "must be a comma list of /paths");
	case CONF_AUTH:
		return each(v, ',', auth_form_ok, "must be a comma list of header names");
	case CONF_SCOPE:
		return each(v, ' ', scope_ok, "may hold only the words read, poll, send, admin");
	case CONF_PROXIES:
		return each(v, ',', network_ok, "must be a comma list of addresses");
	case CONF_HOSTS:
		return each(v, ',', hostport_ok, "must be a comma list of host:port");
	}
	return NULL;
}

bool
key_placeholder(const char *v)
{
	const char *lt = strchr(v, '<');

	return (lt != NULL && strchr(lt, '>') != NULL) || str_eq(v, "...") || str_eq(v, "…") ||
	    str_ieq(v, "changeme") || str_ieq(v, "change-me") || str_ieq(v, "change_me");
}

/*
 * Connection strings.  libpq has a parser, but its door is higher up and conf
 * must not need it; only what decides about TLS is read here, by the rules of
 * libpq's own conninfo_uri_parse and conninfo_parse.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "model/dburl.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/url.h"

#define URL_MAX 4096u

/* Does one host of a comma list leave this machine? */
static bool
remote(const char *hosts)
{
	struct strv v = { 0 };
	bool far = false;

	strv_split(&v, hosts, ',');
	for (size_t i = 0; i < v.n; i++) {
		char *h = v.v[i], *end;

		if (*h == '/' || *h == '@' || str_istarts(h, "%2f"))
			continue;	/* a Unix socket */
		if (*h == '[') {
			h++;
			end = strchr(h, ']');
		} else		/* a bare IPv6 address has several colons, a port one */
			end = strchr(h, ':') == strrchr(h, ':') ? strchr(h, ':') : NULL;
		if (end != NULL)
			*end = '\0';
		if (*h != '\0' && !url_loopback(h))
			far = true;
	}
	strv_free(&v);
	return far;
}

static bool
is_url(const char *s)
{
	return str_starts(s, "postgresql://") || str_starts(s, "postgres://");
}

static bool
foreign(const char *p, size_t n)
{
	static const char *const names[] = { "schema", "connection_limit", "pool_timeout",
		"pgbouncer", "socket_timeout", "statement_cache_size", "sslaccept",
		"sslidentity" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (n == strlen(names[i]) && memcmp(p, names[i], n) == 0)
			return true;
	return false;
}

/* What one pass over the string found. */
struct seen {
	bool sslmode, service;
	char hosts[1024];
	char *password;
};

static void
note(struct seen *s, const char *key, size_t key_n, const char *v, size_t n)
{
	if (key_n == 7 && memcmp(key, "sslmode", 7) == 0)
		s->sslmode = true;
	else if (key_n == 3 && memcmp(key, "ssl", 3) == 0)
		s->sslmode = true;	/* JDBC's ssl=true; libpq reads it as require */
	else if (key_n == 7 && memcmp(key, "service", 7) == 0)
		s->service = true;
	else if ((key_n == 4 && memcmp(key, "host", 4) == 0) ||
	    (key_n == 8 && memcmp(key, "hostaddr", 8) == 0)) {
		if (n > 0 && n < sizeof(s->hosts)) {
			memcpy(s->hosts, v, n);
			s->hosts[n] = '\0';
		}
	} else if (key_n == 8 && memcmp(key, "password", 8) == 0) {
		mem_free_secret(s->password);
		s->password = mem_ndup(v, n);
	}
}

/* "//user:password@host:port,host2/db?a=b": out gets it without foreign parts. */
static void
scan_url(const char *in, struct seen *s, struct buf *out, char why[160])
{
	const char *auth = strstr(in, "://") + 3, *p, *colon, *q, *end;
	char sep = '?';

	p = auth + strcspn(auth, "@/");
	if (*p == '@') {
		colon = memchr(auth, ':', (size_t)(p - auth));
		if (colon != NULL)
			note(s, "password", 8, colon + 1, (size_t)(p - colon - 1));
		p++;
	} else
		p = auth;
	note(s, "host", 4, p, strcspn(p, "/?"));
	q = p + strcspn(p, "?");
	buf_put(out, in, (size_t)(q - in));
	while (*q != '\0') {
		const char *eq;

		q++;
		end = strchrnul(q, '&');
		eq = memchr(q, '=', (size_t)(end - q));
		if (eq == NULL)
			eq = end;
		if (foreign(q, (size_t)(eq - q)))
			snprintf(why, 160, "parameter %.*s means nothing to PostgreSQL: left out",
			    (int)(eq - q), q);
		else if (end > q) {
			note(s, q, (size_t)(eq - q), eq + (*eq == '='),
			    (size_t)(end - eq) - (*eq == '=' && end > eq));
			buf_putc(out, sep);
			buf_put(out, q, (size_t)(end - q));
			sep = '&';
		}
		q = end;
	}
	if (!s->sslmode && !s->service && getenv("PGSSLMODE") == NULL && remote(s->hosts))
		buf_printf(out, "%csslmode=require", sep);
}

/* "key = 'value' key=value"; quotes and backslashes as libpq reads them. */
static enum rc
scan_conninfo(const char *p, struct seen *s)
{
	struct buf v;
	enum rc rc = RC_INVALID;
	const char *key;
	size_t key_n;

	buf_init(&v, URL_MAX);
	for (;;) {
		p += strspn(p, " \t\r\n");
		if (*p == '\0')
			break;
		key = p;
		key_n = strcspn(p, "= \t\r\n");
		p += key_n;
		p += strspn(p, " \t\r\n");
		if (*p != '=' || key_n == 0)
			goto out;
		p++;
		p += strspn(p, " \t\r\n");
		buf_reset(&v);
		if (*p == '\'') {
			for (p++; *p != '\0' && *p != '\''; p++) {
				if (*p == '\\' && p[1] != '\0')
					p++;
				buf_putc(&v, *p);
			}
			if (*p++ != '\'')
				goto out;
		} else
			for (; *p != '\0' && strchr(" \t\r\n", *p) == NULL; p++) {
				if (*p == '\\' && p[1] != '\0')
					p++;
				buf_putc(&v, *p);
			}
		note(s, key, key_n, v.p, v.n);
	}
	rc = RC_OK;
out:
	mem_wipe(v.p, v.n);
	buf_free(&v);
	return rc;
}

enum rc
dburl_make(const char *in, char **out, char why[160])
{
	const char *pghost = getenv("PGHOST");
	struct seen s = { .password = NULL };
	enum rc rc = RC_INVALID;
	struct buf b;

	why[0] = '\0';
	buf_init(&b, URL_MAX);
	if (pghost != NULL && strlen(pghost) < sizeof(s.hosts))
		memcpy(s.hosts, pghost, strlen(pghost) + 1);
	if (is_url(in))
		scan_url(in, &s, &b, why);
	else if (strstr(in, "://") != NULL && strchr(in, ' ') == NULL) {
		snprintf(why, 160, "must start with postgresql:// or be a libpq string");
		goto out;
	} else if (scan_conninfo(in, &s) != RC_OK) {
		snprintf(why, 160, "is neither a postgresql:// URL nor a libpq string (key=value ...)");
		goto out;
	} else {
		buf_puts(&b, in);
		if (!s.sslmode && !s.service && getenv("PGSSLMODE") == NULL && remote(s.hosts))
			buf_puts(&b, " sslmode=require");
	}
	if (buf_err(&b)) {
		snprintf(why, 160, "is longer than %u bytes", URL_MAX);
		goto out;
	}
	*out = mem_dup(b.p);
	rc = RC_OK;
out:
	mem_wipe(b.p, b.n);
	buf_free(&b);
	mem_free_secret(s.password);
	return rc;
}

static void
part(struct buf *b, const char *key, const char *v)
{
	if (str_empty(v))
		return;
	buf_printf(b, "%s%s='", b->n > 0 ? " " : "", key);
	for (; *v != '\0'; v++) {
		if (*v == '\'' || *v == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *v);
	}
	buf_putc(b, '\'');
}

char *
dburl_from_parts(const char *host, const char *port, const char *user, const char *password,
    const char *database)
{
	struct buf b;
	char *s;

	buf_init(&b, 1024 * 1024);
	part(&b, "host", host);
	part(&b, "port", port);
	part(&b, "user", user);
	part(&b, "password", password);
	part(&b, "dbname", database);
	s = mem_dup(b.p);
	mem_wipe(b.p, b.n);
	buf_free(&b);
	return s;
}

char *
dburl_password(const char *in)
{
	struct seen s = { .password = NULL };
	struct buf b;
	char why[160];

	buf_init(&b, URL_MAX);
	if (is_url(in))
		scan_url(in, &s, &b, why);
	else if (scan_conninfo(in, &s) != RC_OK) {
		mem_free_secret(s.password);
		s.password = NULL;
	}
	mem_wipe(b.p, b.n);
	buf_free(&b);
	return s.password;
}

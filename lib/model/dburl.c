/*
 * Connection strings.  libpq reads them (db_option); here is what it does not do: take out
 * the parameters of other libraries, ask for TLS beyond this machine.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "model/dburl.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/url.h"
#include "extern/db.h"

#define URL_MAX 4096u

/* Does one host of a comma list leave this machine? */
static bool
remote(const char *hosts)
{
	struct strv v = { 0 };
	bool far = false;

	strv_split(&v, hosts != NULL ? hosts : "", ',');
	for (size_t i = 0; i < v.n; i++)	/* none, a folder or @name: a Unix socket */
		if (*v.v[i] != '\0' && *v.v[i] != '/' && *v.v[i] != '@' && !url_loopback(v.v[i]))
			far = true;
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
		"pgbouncer", "socket_timeout", "statement_cache_size", "sslaccept", "sslidentity" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (n == strlen(names[i]) && memcmp(p, names[i], n) == 0)
			return true;
	return false;
}

/* The query of a URL, behind its hosts; its end where there is none. */
static const char *
query_of(const char *url)
{
	const char *p = strstr(url, "://") + 3;
	size_t user = strcspn(p, "@/");

	p += p[user] == '@' ? user : 0;
	return p + strcspn(p, "?");
}

/* The URL without what means nothing to PostgreSQL. */
static void
strip(const char *url, struct buf *out, char why[160])
{
	const char *q = query_of(url), *end;
	char sep = '?';

	buf_put(out, url, (size_t)(q - url));
	for (; *q != '\0'; q = end) {
		size_t n = strcspn(++q, "=&");

		end = strchrnul(q, '&');
		if (foreign(q, n)) {
			snprintf(why, 160, "parameter %.*s means nothing to PostgreSQL: left out",
			    (int)n, q);
		} else if (end > q) {
			buf_putc(out, sep);
			buf_put(out, q, (size_t)(end - q));
			sep = '&';
		}
	}
}

/* Does s lead beyond this machine, with nothing said about TLS? */
static enum rc
wants_tls(const char *s, bool *out)
{
	static const char *const settled[] = { "sslmode", "service" };
	char *v = NULL;
	enum rc rc = RC_NONE;

	*out = false;
	for (size_t i = 0; i < sizeof settled / sizeof *settled && rc == RC_NONE; i++)
		if ((rc = db_option(s, settled[i], &v)) == RC_OK)
			mem_free_secret(v);
	if (rc != RC_NONE || getenv("PGSSLMODE") != NULL)
		return rc == RC_INVALID ? rc : RC_OK;
	if (db_option(s, "hostaddr", &v) == RC_OK || db_option(s, "host", &v) == RC_OK) {
		*out = remote(v);
		mem_free_secret(v);
	} else {
		*out = remote(getenv("PGHOST"));
	}
	return RC_OK;
}

/* A % that is none of a URL's: mostly one of a panel's passwords, as it is. */
static bool
bare_percent(const char *url)
{
	for (const char *p = url; (p = strchr(p, '%')) != NULL; p++)
		if (!isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2]))
			return true;
	return false;
}

enum rc
dburl_make(const char *in, char **out, char why[160])
{
	enum rc rc = RC_INVALID;
	bool tls = false;
	struct buf b;

	why[0] = '\0';
	buf_init(&b, URL_MAX);
	if (!is_url(in) && strstr(in, "://") != NULL && strchr(in, ' ') == NULL) {
		snprintf(why, 160, "must start with postgresql:// or be a libpq string");
		goto out;
	}
	if (is_url(in) && bare_percent(in)) {
		snprintf(why, 160, "a %% in a URL is written as %%25, in its password, too");
		goto out;
	}
	if (is_url(in))
		strip(in, &b, why);
	else
		buf_puts(&b, in);
	if (!buf_err(&b) && wants_tls(b.p, &tls) != RC_OK) {
		snprintf(
		    why, 160, "is neither a postgresql:// URL nor a libpq string (key=value ...)");
		goto out;
	}
	if (tls)
		buf_printf(&b, "%ssslmode=require",
		    !is_url(in)				   ? " " :
			strchr(query_of(b.p), '?') != NULL ? "&" :
							     "?");
	if (buf_err(&b)) {
		snprintf(why, 160, "is longer than %u bytes", URL_MAX);
		goto out;
	}
	*out = mem_dup(b.p);
	rc = RC_OK;
out:
	mem_wipe(b.p, b.n);
	buf_free(&b);
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
dburl_password(const char *s)
{
	char *v = NULL;

	return db_option(s, "password", &v) == RC_OK ? v : NULL;
}

char *
dburl_password_written(const char *s)
{
	const char *p = is_url(s) ? strstr(s, "://") + 3 : "";
	size_t n = strcspn(p, "@/");
	const char *colon = memchr(p, ':', n);

	return p[n] == '@' && colon != NULL ? mem_ndup(colon + 1, n - (size_t)(colon + 1 - p)) :
					      dburl_password(s);
}

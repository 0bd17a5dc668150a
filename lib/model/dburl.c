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

/* p begins with one of the words, which ends at n where whole. */
static bool
one_of(const char *p, size_t n, const char *const *words, bool whole)
{
	for (; *words != NULL; words++)
		if (n >= strlen(*words) && memcmp(p, *words, strlen(*words)) == 0 &&
		    (!whole || n == strlen(*words)))
			return true;
	return false;
}

/* A parameter of an ORM, a driver or a pool, which libpq does not take.  What limits whom
 * libpq talks to stays, also where only a later libpq knows it, or it is misspelt: no
 * connection is better than one that is less than was asked for. */
static bool
foreign(const char *p, size_t n)
{
	static const char *const prisma[] = { "sslaccept", "sslidentity", NULL };
	static const char *const limits[] = { "ssl", "gss", "require", "channel", "target",
		"min_protocol", "max_protocol", "oauth", NULL };
	char name[64], *v = NULL;
	enum rc rc;

	if (n == 0 || n > sizeof name - 3 || one_of(p, n, prisma, true))
		return n > 0;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)p[i]) && p[i] != '_')
			return false;
	if (one_of(p, n, limits, false))
		return false;
	snprintf(name, sizeof name, "%.*s=x", (int)n, p);
	rc = db_option(name, "host", &v);
	if (rc == RC_OK)
		mem_free_secret(v);
	return rc == RC_INVALID;
}

/* What other drivers write for libpq's sslmode: its value, or NULL where it is none of these. */
static const char *
tls_words(const char *p, size_t n, const char *v, size_t v_n)
{
	static const char *const words[] = { "sslmode", "ssl", NULL };
	static const char *const on[] = { "no-verify", "1", "require", NULL };
	static const char *const off[] = { "0", "false", "disable", NULL };

	if (!one_of(p, n, words, true))
		return NULL;
	if (n == strlen("sslmode"))
		return one_of(v, v_n, on, true) && *v == 'n' ? "require" : NULL;
	return one_of(v, v_n, on, true) ? "require" : one_of(v, v_n, off, true) ? "disable" : NULL;
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
	const char *q = query_of(url), *const query = q, *end;
	char sep = '?';

	buf_put(out, url, (size_t)(q - url));
	for (; *q != '\0'; q = end) {
		size_t n = strcspn(++q, "=&");
		const char *v = q + n + (q[n] == '='), *mode;

		end = strchrnul(q, '&');
		mode = tls_words(q, n, v, (size_t)(end - v));
		/* libpq takes the last, which may ask for less than a sslmode beside it */
		if (mode != NULL && n == strlen("ssl") && strstr(query, "sslmode=") != NULL)
			continue;
		if (mode != NULL) {
			buf_printf(out, "%csslmode=%s", sep, mode);
			sep = '&';
		} else if (foreign(q, n)) {
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

/* libpq takes the database that has the user's name, which may well exist and be another. */
static bool
names_database(const char *s)
{
	static const char *const by[] = { "dbname", "service" };
	char *v = NULL;

	if (getenv("PGDATABASE") != NULL || getenv("PGSERVICE") != NULL)
		return true;
	for (size_t i = 0; i < sizeof by / sizeof *by; i++)
		if (db_option(s, by[i], &v) == RC_OK) {
			mem_free_secret(v);
			return true;
		}
	return false;
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
	if (*why == '\0' && !names_database(b.p))
		snprintf(why, 160,
		    "names no database: PostgreSQL takes the one that has the user's name");
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

/* The configuration, as far as it can be judged without asking anybody. */
#include <grp.h>
#include <stdlib.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "base/str.h"

/*
 * Names that hosts give to the folder which the web server hands out.  /var/www
 * itself is often the parent of homes; what lies in its html is handed out.
 */
const char *
doctor_shared_root(const char *path)
{
	static const char *const names[] = { "public_html", "htdocs", "httpdocs", "wwwroot",
		"cgi-bin", "www" };
	static const char html[] = "/var/www/html/";
	const char *p = path;
	size_t n;

	if (strncmp(path, html, sizeof html - 1) == 0)
		return "html";
	while ((p = strchr(p, '/')) != NULL) {
		n = strcspn(++p, "/");
		if (p == path + 5 && strncmp(path, "/var/www/", 9) == 0)
			continue;
		for (size_t i = 0; p[n] == '/' && i < sizeof names / sizeof *names; i++)
			if (strlen(names[i]) == n && strncmp(p, names[i], n) == 0)
				return names[i];
	}
	return NULL;
}

/* Which check an issue of the loader belongs to. */
static enum doctor_check
issue_check(const struct conf_issue *i)
{
	if (strstr(i->text, "everybody may") != NULL)
		return DC_MODE;
	if (strstr(i->text, "placeholder") != NULL)
		return DC_PLACEHOLDER;
	if (i->key == NULL && i->error &&
	    (strstr(i->text, "none found") != NULL || strstr(i->text, "No such file") != NULL ||
		strstr(i->text, "Permission denied") != NULL ||
		strstr(i->text, "not a regular file") != NULL))
		return DC_FILE;
	if (strstr(i->text, "have the same") != NULL || strstr(i->text, "share") != NULL)
		return DC_SAME;
	return i->error ? DC_KEYS : DC_ODD;
}

/* The system keeps the file from this user: which command lets him in. */
static void
closed(struct doctor *d, const char *text, const char *shown)
{
	const struct group *g = getgrgid(getegid());
	const char *end = strstr(text, ": Permission denied");
	char fix[1024];

	snprintf(fix, sizeof fix,
	    doctor_tr(d,
		"As root: `chgrp %s '%.*s'` `chmod 640 '%.*s'`; its folders need chmod o+x. The "
		"web server's user and the one of cron must be in that group.",
		"От имени root: `chgrp %s '%.*s'` `chmod 640 '%.*s'`; папкам над ним нужен chmod "
		"o+x. Пользователи веб-сервера и cron должны входить в эту группу."),
	    g != NULL ? g->gr_name : "dmbox", (int)(end - text), text, (int)(end - text), text);
	doctor_cause(d, DC_FILE, FINDING_FAIL, fix, "%s", shown);
}

/* The loader names the command. */
static const char *
close_it(const struct doctor *d, const char *text, char fix[PATH_MAX])
{
	const char *run = strstr(text, "chmod 640 ");

	snprintf(fix, PATH_MAX,
	    doctor_tr(d,
		"Run `%s`; other people of this host can read your tokens now, so renew them.",
		"Выполните `%s`; сейчас токены видны другим на этом сервере, смените их."),
	    run != NULL ? run : "chmod 640");
	return run != NULL ? fix : NULL;
}

/* The folder of accounts is closed to this user, or is not there: no line is wrong then. */
static const char *
open_accounts(const struct doctor *d, char fix[PATH_MAX])
{
	const struct group *g = getgrgid(getegid());
	const char *dir = d->conf->accounts_dir;

	if (access(dir, F_OK) == 0)
		snprintf(fix, PATH_MAX,
		    doctor_tr(d,
			"As root: `chgrp -R %s '%s' && chmod -R g+rX '%s'`; the web server's user "
			"and the one of cron must be in that group.",
			"От имени root: `chgrp -R %s '%s' && chmod -R g+rX '%s'`; пользователи "
			"веб-сервера и cron должны входить в эту группу."),
		    g != NULL ? g->gr_name : "dmbox", dir, dir);
	else
		snprintf(fix, PATH_MAX,
		    doctor_tr(d,
			"Name the folder of the accounts' files, or, if there are none, make it: "
			"`mkdir -p -m 750 '%s'`.",
			"Укажите папку, где лежат файлы аккаунтов; если их нет, создайте её: "
			"`mkdir -p -m 750 '%s'`."),
		    dir);
	return fix;
}

static void
file(struct doctor *d)
{
	const struct conf *c = d->conf;
	bool found = c->file != NULL;
	char why[1024], fix[PATH_MAX];
	const char *root;
	struct buf b;

	for (size_t i = 0; i < c->n_issues; i++) {
		enum doctor_check k = issue_check(&c->issues[i]);
		bool bad = c->issues[i].error || k == DC_PLACEHOLDER || k == DC_SAME;

		if (k == DC_FILE && bad)
			found = false;
		buf_init(&b, 8192);
		if (k == DC_FILE && bad && strstr(c->issues[i].text, ": Permission denied") != NULL)
			closed(d, c->issues[i].text, doctor_issue(d, c->issues[i].text, &b));
		else
			doctor_cause(d, k, bad ? FINDING_FAIL : FINDING_WARN,
			    k == DC_MODE ? close_it(d, c->issues[i].text, fix) :
				k == DC_KEYS && str_eq(c->issues[i].key, "DMBOX_ACCOUNTS_DIR") ?
					   open_accounts(d, fix) :
					   NULL,
			    "%s", doctor_issue(d, c->issues[i].text, &b));
		buf_free(&b);
	}
	if (found)
		doctor_say(d, DC_FILE, FINDING_OK, "%s", c->file);
	else if (!d->r[DC_FILE].done)
		doctor_say(d, DC_FILE, FINDING_FAIL, "%s", doctor_tr(d, "none found", "не найден"));
	if (!found)
		return;
	doctor_say(d, DC_MODE, FINDING_OK, "%s", c->file);
	doctor_say(
	    d, DC_KEYS, FINDING_OK, doctor_tr(d, "%zu accounts", "аккаунтов: %zu"), c->n_accounts);
	doctor_slips(d);
	doctor_say(d, DC_PLACEHOLDER, FINDING_OK, "%s", doctor_tr(d, "none", "нет"));
	doctor_say(d, DC_ODD, FINDING_OK, "%s", doctor_tr(d, "nothing", "ничего"));
	doctor_say(d, DC_SAME, FINDING_OK, "%s", doctor_tr(d, "all differ", "все разные"));
	if (conf_below(c, d->o.doc_root, why)) {
		buf_init(&b, 8192);
		doctor_say(d, DC_BELOW, FINDING_FAIL, "%s", doctor_issue(d, why, &b));
		buf_free(&b);
	} else if ((root = doctor_shared_root(c->file)) != NULL)
		doctor_say(d, DC_BELOW, FINDING_FAIL,
		    doctor_tr(d, "%s lies below a folder called %s, as web servers hand out",
			"%s лежит в папке %s, а такие веб-серверы отдают наружу"),
		    c->file, root);
	else
		doctor_say(d, DC_BELOW, FINDING_OK, "%s", c->file);
}

/* path is root, or below it, links followed. */
static bool
lies_below(const char *path, const char *root)
{
	char *p = path != NULL ? realpath(path, NULL) : NULL, *r = realpath(root, NULL);
	size_t n = r != NULL ? strlen(r) : 0;
	bool yes = p != NULL && n > 1 && strncmp(p, r, n) == 0 && (p[n] == '/' || p[n] == '\0');

	free(p);
	free(r);
	return yes;
}

void
doctor_served_folders(struct doctor *d, const char *root)
{
	const struct {
		const char *key, *path;
	} v[] = {
		{ "DMBOX_SPOOL_DIR", d->conf->spool_dir },
		{ "DMBOX_MEDIA_DIR", d->conf->media_dir },
		{ "DMBOX_LOG_FILE", d->conf->log_file },
	};
	char fix[400];

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		if (!lies_below(v[i].path, root))
			continue;
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"Move it out of the site's folder, for "
			"instance into ~/dmbox, and name the new place in %s.",
			"Перенесите её из папки сайта, например в ~/dmbox, и укажите новое место в "
			"%s."),
		    v[i].key);
		doctor_cause(d, DC_BELOW, FINDING_FAIL, fix,
		    doctor_tr(d,
			"%s=%s lies below the "
			"document root %s: anybody may read what customers wrote",
			"%s=%s лежит в корне сайта %s: переписку с клиентами может прочитать кто "
			"угодно"),
		    v[i].key, v[i].path, root);
	}
}

static void
missing(struct doctor *d, enum doctor_check c, const struct account *a, const char *key)
{
	doctor_say(d, c, FINDING_FAIL, doctor_tr(d, "%s/%s: %s is not set", "%s/%s: не задан %s"),
	    channel_names[a->channel], a->name, key);
}

static void
open_webhook(struct doctor *d, const struct account *a)
{
	char fix[400];

	snprintf(fix, sizeof fix,
	    doctor_tr(d, "Set %s and take %s out: now anybody can insert messages.",
		"Задайте %s и уберите %s: сейчас сообщения может вставить кто угодно."),
	    account_key(a, KEY_VERIFY), account_key(a, KEY_OPEN));
	doctor_cause(d, DC_OPEN, FINDING_WARN, fix,
	    doctor_tr(d, "%s/%s takes deliveries without a secret",
		"%s/%s принимает доставки без секрета"),
	    channel_names[a->channel], a->name);
}

/* What a delivery is known by. */
static void
secret(struct doctor *d, const struct account *a)
{
	const struct provider *p = provider_of(a);
	bool comes = a->use_mock || !p->polls_instead || a->poll_s == 0;
	const char *key;

	for (size_t i = 0;
	     comes && !a->webhook_open && (key = account_missing(a, KEY_VERIFY, i)) != NULL; i++)
		missing(d, DC_SECRET, a, key);
	for (size_t i = 0; !a->use_mock && (key = account_missing(a, KEY_HANDSHAKE, i)) != NULL;
	     i++)
		missing(d, DC_SECRET, a, key);
	if (a->webhook_open && account_missing(a, KEY_VERIFY, 0) != NULL)
		open_webhook(d, a);
}

/* What we are known by at the provider; a mock is at none. */
static void
token(struct doctor *d, const struct account *a)
{
	const struct provider *p = provider_of(a);
	struct checkup c;
	const char *key;

	if (a->use_mock)
		return;
	for (size_t i = 0; (key = account_missing(a, KEY_CALL, i)) != NULL; i++)
		missing(d, DC_TOKEN, a, key);
	doctor_checkup(d, a, &c);
	for (size_t i = 0; i < *p->n_checks; i++)
		if (p->checks[i].conf != NULL)
			p->checks[i].conf(&c);
}

void
doctor_conf(struct doctor *d)
{
	const struct conf *c = d->conf;
	size_t used = 0;

	file(d);
	/* of a file that was not read nothing can be said; keys of the environment may do */
	d->conf_read = !(d->r[DC_FILE].status == FINDING_FAIL ||
			   d->r[DC_MODE].status == FINDING_FAIL) ||
	    !str_empty(c->database_url);
	if (!d->conf_read)
		return;
	for (size_t i = 0; i < c->n_accounts; i++)
		if (doctor_used(d, &c->accounts[i])) {
			secret(d, &c->accounts[i]);
			token(d, &c->accounts[i]);
			used++;
		}
	if (used == 0)
		return;
	doctor_say(d, DC_SECRET, FINDING_OK,
	    doctor_tr(d, "%zu accounts have theirs", "есть у аккаунтов: %zu"), used);
	doctor_say(d, DC_TOKEN, FINDING_OK,
	    doctor_tr(d, "%zu accounts are complete", "полных аккаунтов: %zu"), used);
	doctor_say(d, DC_OPEN, FINDING_OK, "%s", doctor_tr(d, "none", "нет"));
	if (c->jwt_secret == NULL && c->jwt_public_key_file == NULL)
		doctor_say(d, DC_JWT, FINDING_FAIL, "%s",
		    doctor_tr(d, "JWT_SECRET is not set", "JWT_SECRET не задан"));
	else
		doctor_say(d, DC_JWT, FINDING_OK, "%s",
		    c->jwt_secret != NULL ? "JWT_SECRET" : "JWT_PUBLIC_KEY_FILE");
}

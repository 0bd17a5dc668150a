/*
 * The configuration.
 *
 * A load has three steps: raw text of every key (raw.c; keys.c has the table), each checked
 * by its kind; the accounts (account.c); then the typed struct from what is left.  A value
 * that was refused counts as not set, so that doctor and config can still show the rest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/conf.h"
#include "model/dburl.h"
#include "model/key.h"
#include "model/provider.h"
#include "model/raw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/prefix.h"

#define MASKED "***configured***"

static void
get_list(const struct raw *raw, enum key k, char sep, struct strv *out)
{
	const char *v = raw_get_def(raw, k);

	if (v != NULL)
		strv_split(out, v, sep);
}

static bool
any_key(const struct raw *raw, enum key first, enum key last)
{
	for (int k = (int)first; k <= (int)last; k++)
		if (raw->v[k].value != NULL)
			return true;
	return false;
}

static char *
database(struct conf *c, enum key k)
{
	const struct conf_kv *kv = &c->priv->main.v[k];
	char why[160], *out = NULL;

	if (kv->value == NULL)
		return NULL;
	if (dburl_make(kv->value, &out, why) != RC_OK)
		conf_issue(c, true, key_defs[k].info.name, kv->from, "%s", why);
	else if (*why != '\0')
		conf_issue(c, false, key_defs[k].info.name, kv->from, "%s", why);
	return out;
}

static void
databases(struct conf *c)
{
	const struct raw *m = &c->priv->main;
	const struct {
		enum key k;
		char **url;
	} roles[] = {
		{ K_DB_WEB, &c->database_url_web },
		{ K_DB_SEND, &c->database_url_send },
		{ K_DB_CRON, &c->database_url_cron },
		{ K_DB_READ, &c->database_url_read },
	};
	char why[160], *parts;

	c->database_url = database(c, K_DB_URL);
	if (c->database_url == NULL && raw_get(m, K_DB_URL) == NULL &&
	    any_key(m, K_DB_HOST, K_DB_NAME)) {
		parts = dburl_from_parts(raw_get(m, K_DB_HOST), raw_get(m, K_DB_PORT),
		    raw_get(m, K_DB_USER), raw_get(m, K_DB_PASSWORD), raw_get(m, K_DB_NAME));
		if (dburl_make(parts, &c->database_url, why) != RC_OK)
			conf_issue(c, true, NULL, "DB_HOST ... DB_DATABASE", "%s", why);
		else if (*why != '\0')
			conf_issue(c, false, NULL, "DB_HOST ... DB_DATABASE", "%s", why);
		mem_free_secret(parts);
	}
	if (c->database_url == NULL) {
		c->database_url = mem_dup("");
		/* (not of a file that was refused or is malformed: it may contain the key) */
		if (raw_get(m, K_DB_URL) == NULL && c->file != NULL && c->n_errors == 0)
			conf_issue(c, false, NULL, c->file,
			    "neither DATABASE_URL nor DB_HOST is set: "
			    "libpq's own defaults are used");
	}
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		*roles[i].url = database(c, roles[i].k);
		if (*roles[i].url == NULL)
			*roles[i].url = mem_dup(c->database_url);
	}
}

static void
logging(struct conf *c)
{
	static const char *const levels[LOG__MAX] = { "error", "warn", "info", "debug" };
	const struct raw *m = &c->priv->main;
	const char *file = raw_get(m, K_LOG_FILE);

	for (int i = 0; i < LOG__MAX; i++)
		if (str_eq(raw_get_def(m, K_LOG_LEVEL), levels[i]))
			c->log_level = i;
	c->log_json = str_eq(raw_get(m, K_LOG_FORMAT), "json");
	c->log_max_bytes = raw_get_num(m, K_LOG_MAX, 10485760);
	if (file != NULL)
		c->log_file = str_eq(file, "stderr") ? NULL : conf_join(c->dir, file);
	else if (c->file != NULL && !isatty(STDERR_FILENO))
		c->log_file = conf_join(c->dir, "logs/dmbox.log");
}

/* The installation's, unless another is named. */
static char *
tick_dir(const struct conf *c)
{
	const char *v = raw_get(&c->priv->main, K_TICK);

	if (v == NULL)
		v = prefix_tick();
	return *v == '\0' || strcmp(v, "off") == 0 ? NULL : conf_join(c->dir, v);
}

static void
scalars(struct conf *c)
{
	const struct raw *m = &c->priv->main;

	c->db_connect_s = (unsigned int)raw_get_num(m, K_DB_CONNECT_S, 2);
	c->spool_dir = conf_get_path(c, K_SPOOL);
	c->media_dir = conf_get_path(c, K_MEDIA);
	c->tick_dir = tick_dir(c);
	c->media_day_bytes = raw_get_num(m, K_MEDIA_DAY, 2000) * 1000000;
	c->public_url = conf_get_url(raw_get(m, K_PUBLIC_URL));
	get_list(m, K_PROXIES, ',', &c->trusted_proxies);
	c->max_body = (size_t)raw_get_num(m, K_MAX_BODY, 4194304);
	c->keep_deliveries_days = (unsigned int)raw_get_num(m, K_KEEP, 30);
	c->keep_refused_days = (unsigned int)raw_get_num(m, K_KEEP_REFUSED, 3);
	c->lang = mem_dup(raw_get(m, K_LANG));
	get_list(m, K_MEDIA_ALLOW, ',', &c->media_allow);
	c->sandbox = raw_get_bool(m, K_SANDBOX);
	c->webhook_threads = (unsigned int)raw_get_num(m, K_THREADS, 0);
	c->jwt_secret = mem_dup(raw_get(m, K_JWT));
	c->jwt_secret_old = mem_dup(raw_get(m, K_JWT_OLD));
	c->jwt_default_scope = mem_dup(raw_get(m, K_JWT_SCOPE));
	c->jwt_public_key_file = conf_get_path(c, K_JWT_PUBLIC);
	if (c->jwt_public_key_file != NULL && access(c->jwt_public_key_file, R_OK) != 0)
		conf_issue(c, false, "JWT_PUBLIC_KEY_FILE", m->v[K_JWT_PUBLIC].from, "%s: %s",
		    c->jwt_public_key_file, strerror(errno));
}

/* Two accounts of one channel with one id: a delivery could belong to either. */
static void
same_ids(struct conf *c)
{
	for (size_t i = 0; i < c->n_accounts; i++)
		for (size_t j = 0; j < i; j++) {
			const struct account *a = &c->accounts[i], *b = &c->accounts[j];

			if (a->channel == b->channel && a->own_id != NULL &&
			    str_eq(a->own_id, b->own_id))
				conf_issue(c, false, NULL, a->file,
				    "the accounts %s and %s of %s have the same id %s", b->name,
				    a->name, channel_names[a->channel], a->own_id);
		}
}

enum rc
conf_load(enum conf_role role, const char *path, struct conf **out)
{
	struct conf *c = mem_alloc(sizeof(*c));

	key_tables();
	c->refs = 1;
	c->priv = mem_alloc(sizeof(*c->priv));
	raw_init(&c->priv->main);
	c->log_level = LOG_INFO;
	conf_find_file(c, role, path);
	if (c->file != NULL)
		raw_read_file(c, c->file, &c->priv->main, false);
	raw_read_environment(&c->priv->main);
	if (c->file == NULL && raw_get(&c->priv->main, K_DB_URL) == NULL)
		conf_issue(c, true, NULL, "configuration",
		    "none found: neither DMBOX_CONFIG nor %s/etc/"
		    "dmbox.env, ~/.config/dmbox/dmbox.env, /etc/dmbox/dmbox.env; run: dmbox init",
		    prefix());
	raw_check(c, &c->priv->main);
	accounts_of(c, &c->priv->main, "main", c->file);
	accounts_read(c);
	databases(c);
	scalars(c);
	logging(c);
	same_ids(c);
	*out = c;
	return c->n_errors > 0 ? RC_INVALID : RC_OK;
}

struct conf *
conf_hold(struct conf *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void
conf_drop(struct conf *c)
{
	if (c == NULL || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	char *const strings[] = { c->file, c->dir, c->accounts_dir, c->database_url,
		c->database_url_web, c->database_url_send, c->database_url_cron,
		c->database_url_read, c->spool_dir, c->media_dir, c->tick_dir, c->public_url,
		c->lang, c->log_file, c->jwt_secret, c->jwt_secret_old, c->jwt_default_scope,
		c->jwt_public_key_file };

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		mem_free_secret(strings[i]);
	for (size_t i = 0; i < c->n_accounts; i++)
		account_free(&c->accounts[i]);
	for (size_t i = 0; i < c->priv->n_watch; i++)
		free(c->priv->watch[i].path);
	strv_free(&c->trusted_proxies);
	strv_free(&c->media_allow);
	raw_free(&c->priv->main);
	for (size_t i = 0; i < c->priv->n_more; i++) {
		raw_free(&c->priv->more[i].raw);
		free(c->priv->more[i].name);
	}
	free(c->priv->more);
	free(c->priv->watch);
	free(c->priv);
	free(c->accounts);
	issues_free(c);
	free(c);
}

static void
secret_url(const char *url)
{
	char *pw = url == NULL ? NULL : dburl_password(url);
	char *written = url == NULL ? NULL : dburl_password_written(url);

	log_secret(pw);
	log_secret(written);
	mem_free_secret(pw);
	mem_free_secret(written);
}

void
conf_register_secrets(const struct conf *c)
{
	const struct raw *m = &c->priv->main;

	for (size_t i = 0; i < c->n_accounts; i++) {
		const struct account *a = &c->accounts[i];
		const char *s;

		for (size_t k = 0; (s = account_secret(a, k, NULL)) != NULL; k++)
			log_secret(s);
		/* a part of the token alone, as somebody may log it split */
		if (a->token != NULL && a->provider->token_part != NULL)
			log_secret(a->provider->token_part(a->token));
	}
	log_secret(c->jwt_secret);
	log_secret(c->jwt_secret_old);
	log_secret(raw_get(m, K_DB_PASSWORD));
	secret_url(c->database_url);
	secret_url(c->database_url_web);
	secret_url(c->database_url_send);
	secret_url(c->database_url_cron);
	secret_url(c->database_url_read);
}

void
conf_log_open(const struct conf *c, const char *program)
{
	struct log_opts o = { .level = (enum log_level)c->log_level,
		.json = c->log_json,
		.file = c->log_file,
		.max_bytes = c->log_max_bytes,
		.program = program };

	log_open(&o);
}

const struct account *
conf_account(const struct conf *c, enum channel ch, const char *name)
{
	if (name == NULL)
		name = "main";
	for (size_t i = 0; i < c->n_accounts; i++)
		if (c->accounts[i].channel == ch && str_eq(c->accounts[i].name, name))
			return &c->accounts[i];
	return NULL;
}

const struct account *
conf_account_by_own_id(const struct conf *c, enum channel ch, const char *own_id)
{
	const struct account *found = NULL;

	for (size_t i = 0; own_id != NULL && i < c->n_accounts; i++)
		if (c->accounts[i].channel == ch && str_eq(c->accounts[i].own_id, own_id)) {
			if (found != NULL)
				return NULL;
			found = &c->accounts[i];
		}
	return found;
}

enum rc
channel_by_name(const char *s, enum channel *out)
{
	for (int i = 0; i < CHANNEL__MAX; i++)
		if (str_eq(s, channel_names[i])) {
			*out = (enum channel)i;
			return RC_OK;
		}
	return RC_NONE;
}

void
conf_value(const struct conf *c, size_t i, const char **value, const char **from)
{
	const struct conf_kv *kv = &c->priv->main.v[key_shown(i)];

	if (kv->value == NULL) {
		*value = key_defs[key_shown(i)].info.def;
		*from = "default";
	} else {
		*value = key_defs[key_shown(i)].info.secret ? MASKED : kv->value;
		*from = kv->from;
	}
}

bool
conf_account_value(
    const struct conf *c, const char *account, size_t i, const char **value, const char **from)
{
	for (size_t k = 0; k < c->priv->n_more; k++) {
		const struct conf_kv *kv = &c->priv->more[k].raw.v[key_shown(i)];

		if (!str_eq(c->priv->more[k].name, account) || kv->value == NULL)
			continue;
		*value = key_defs[key_shown(i)].info.secret ? MASKED : kv->value;
		*from = kv->from;
		return true;
	}
	return false;
}

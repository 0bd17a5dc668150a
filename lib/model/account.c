/*
 * The accounts: whose each is, what a provider reads of its keys, the files of
 * DMBOX_ACCOUNTS_DIR, and the questions about one.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/key.h"
#include "model/provider.h"
#include "model/raw.h"
#include "base/log.h"
#include "base/mem.h"

#define ACCOUNTS_MAX 1000u

static const struct provider_key *
own_key(const struct conf_values *v, const char *key)
{
	for (size_t i = 0; i < *v->p->n_keys; i++)
		if (str_eq(v->p->keys[i].name, key))
			return &v->p->keys[i];
	conf_issue(v->c, true, key, v->p->name,
	    "error of the program: it is not in this provider's table");
	return NULL;
}

static const char *
value_of(const struct conf_values *v, const char *key)
{
	return own_key(v, key) != NULL ? v->kv[key_index(key)].value : NULL;
}

bool
conf_is_set(const struct conf_values *v, const char *key)
{
	return value_of(v, key) != NULL;
}

/* Or its default, or NULL. */
static const char *
conf_text(const struct conf_values *v, const char *key)
{
	const struct provider_key *k = own_key(v, key);
	const char *s = value_of(v, key);

	return s != NULL ? s : k != NULL && !str_empty(k->def) ? k->def : NULL;
}

bool
conf_bool(const struct conf_values *v, const char *key)
{
	const char *s = conf_text(v, key);
	bool b = false;

	return s != NULL && key_bool(s, &b) && b;
}

void
conf_list(const struct conf_values *v, const char *key, struct strv *out)
{
	const char *s = conf_text(v, key);

	if (s != NULL)
		strv_split(out, s, ',');
}

char *
conf_copy(const struct conf_values *v, const char *key)
{
	return mem_dup(conf_text(v, key));
}

char *
conf_url(const struct conf_values *v, const char *key)
{
	return conf_get_url(conf_text(v, key));
}

void
conf_warn(const struct conf_values *v, const char *key, const char *fmt, ...)
{
	const char *from = own_key(v, key) != NULL ? v->kv[key_index(key)].from : NULL;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf_issue(v->c, false, key, from != NULL ? from : "default", "%s", text);
}

/* The provider of an account: the highest claim among the channel's providers. */
static const struct provider *
claimed(struct conf *c, const struct conf_kv *kv, enum channel ch, const char *file)
{
	const struct provider *best = NULL;
	enum claim most = CLAIM_NO;

	for (size_t i = 0; providers[i] != NULL; i++) {
		struct conf_values v = { c, kv, providers[i] };
		enum claim claim;

		if (providers[i]->channel != ch)
			continue;
		claim = providers[i]->claims(&v);
		if (claim == CLAIM_YES && most == CLAIM_YES)
			conf_issue(c, true, NULL, file != NULL ? file : "environment",
			    "keys of both %s and %s are set: "
			    "which one is it?",
			    best->title, providers[i]->title);
		if (claim > most) {
			best = providers[i];
			most = claim;
		}
	}
	return best != NULL ? best : provider_first(ch);
}

/* What counts alike for all accounts of a channel. */
static void
account_common(struct conf *c, struct account *a)
{
	const struct raw raw = { (struct conf_kv *)(uintptr_t)a->kv };
	bool ig = a->channel == CHANNEL_INSTAGRAM, open;

	a->use_mock = raw_get_bool(&raw, ig ? K_IG_MOCK : K_WA_MOCK);
	a->title = raw_get(&raw, ig ? K_IG_TITLE : K_WA_TITLE);
	a->poll_s = (unsigned int)raw_get_num(
	    &raw, ig ? K_IG_POLL_S : K_WA_POLL_S, a->provider->poll_s);
	for (size_t i = 0; i < *a->provider->n_keys; i++) {
		const struct provider_key *k = &a->provider->keys[i];
		const char *s = a->kv[key_index(k->name)].value;

		if ((k->use & KEY_OPEN) == 0 || s == NULL || !key_bool(s, &open) || !open)
			continue;
		a->webhook_open = account_missing(a, KEY_VERIFY, 0) != NULL;
		if (!a->webhook_open) {
			/* the secret counts; said as an error, but no webhook stops for it */
			conf_issue(c, true, k->name, a->kv[key_index(k->name)].from,
			    "has no effect beside the secret, which counts: take it out");
			c->n_errors--;
		}
	}
	a->used = a->use_mock || a->webhook_open || !str_eq(a->name, "main") ||
	    account_secret(a, 0, NULL) != NULL;
}

static void
account_init(struct conf *c, struct account *a, const struct conf_kv *kv)
{
	const struct conf_values v = { c, kv, a->provider };

	a->kv = kv;
	account_common(c, a);
	a->provider->configure(a, &v);
}

static void
account_add(
    struct conf *c, const struct raw *raw, enum channel ch, const char *name, const char *file)
{
	struct account *a;

	c->accounts = mem_realloc(c->accounts, c->n_accounts + 1, sizeof(*c->accounts));
	a = &c->accounts[c->n_accounts++];
	memset(a, 0, sizeof(*a));
	a->name = mem_dup(name);
	a->channel = ch;
	a->file = mem_dup(file);
	a->provider = claimed(c, raw->v, ch, file);
	account_init(c, a, raw->v);
}

static bool
any_of_channel(const struct raw *raw, enum channel ch)
{
	for (size_t k = 0; k < key_n; k++)
		if ((key_defs[k].channels >> ch & 1) != 0 && raw->v[k].value != NULL)
			return true;
	return false;
}

/* The channels of one file. */
void
accounts_of(struct conf *c, const struct raw *raw, const char *name, const char *file)
{
	for (int ch = 0; ch < CHANNEL__MAX; ch++)
		if (any_of_channel(raw, (enum channel)ch) ||
		    (ch == CHANNEL_INSTAGRAM && str_eq(name, "main")))
			account_add(c, raw, (enum channel)ch, name, file);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
account_file(struct conf *c, const char *name)
{
	struct conf_private *p = c->priv;
	size_t before = c->n_accounts;
	struct account_raw *more;
	struct buf b;
	char *path;

	buf_init(&b, PATH_MAX);
	buf_printf(&b, "%s/%s.env", c->accounts_dir, name);
	path = buf_take(&b);
	buf_free(&b);

	if (!str_charset(name, 1, 64, "_-"))
		conf_issue(c, true, NULL, path, "an account's name is 1 to 64 of A-Za-z0-9_-");
	else if (str_eq(name, "main"))
		conf_issue(c, true, NULL, path, "\"main\" is the name of the main file's account");
	else {
		p->more = mem_realloc(p->more, p->n_more + 1, sizeof(*p->more));
		more = &p->more[p->n_more++];
		memset(more, 0, sizeof(*more));
		more->name = mem_dup(name);
		raw_init(&more->raw);
		raw_read_file(c, path, &more->raw, true);
		raw_check(c, &more->raw);
		accounts_of(c, &more->raw, name, path);
		if (c->n_accounts == before)
			conf_issue(
			    c, false, NULL, path, "no INSTAGRAM_ or WHATSAPP_ key is set in it");
	}
	free(path);
}

void
accounts_read(struct conf *c)
{
	struct strv names = { 0 };
	struct dirent *e;
	DIR *d;

	if (raw_get(&c->priv->main, K_ACCOUNTS) == NULL)
		return;
	c->accounts_dir = conf_get_path(c, K_ACCOUNTS);
	conf_watch_add(c, c->accounts_dir);
	d = opendir(c->accounts_dir);
	if (d == NULL) {
		conf_issue(c, true, "DMBOX_ACCOUNTS_DIR", c->priv->main.v[K_ACCOUNTS].from,
		    "%s: %s", c->accounts_dir, strerror(errno));
		return;
	}
	while ((e = readdir(d)) != NULL)
		if (*e->d_name != '.' && str_ends(e->d_name, ".env"))
			strv_add(&names, e->d_name, strlen(e->d_name) - 4);
	closedir(d);
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	if (names.n > ACCOUNTS_MAX)
		conf_issue(c, true, "DMBOX_ACCOUNTS_DIR", c->priv->main.v[K_ACCOUNTS].from,
		    "more than %u files", ACCOUNTS_MAX);
	else
		for (size_t i = 0; i < names.n; i++)
			account_file(c, names.v[i]);
	strv_free(&names);
}

void
account_free(struct account *a)
{
	char *const strings[] = { a->name, a->api_url, a->token, a->own_id, a->file };

	a->provider->unconfigure(a->own);
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		mem_free_secret(strings[i]);
}

const char *
account_value(const struct account *a, const char *key)
{
	int k;

	key_tables();
	k = key_index(key);
	return a->kv != NULL && k >= 0 ? a->kv[k].value : NULL;
}

const char *
account_key(const struct account *a, unsigned int use)
{
	const struct provider *p = provider_of(a);

	for (size_t k = 0; k < *p->n_keys; k++)
		if ((p->keys[k].use & use) != 0)
			return p->keys[k].name;
	return "";
}

const char *
account_missing(const struct account *a, unsigned int use, size_t i)
{
	const struct provider *p = provider_of(a);

	for (size_t k = 0; k < *p->n_keys; k++)
		if ((p->keys[k].use & use) != 0 && account_value(a, p->keys[k].name) == NULL &&
		    i-- == 0)
			return p->keys[k].name;
	return NULL;
}

const char *
account_secret(const struct account *a, size_t i, const char **key)
{
	for (size_t k = 0; a->kv != NULL && k < key_n; k++) {
		const struct conf_key_info *info = &key_defs[k].info;

		if (!info->secret || (key_defs[k].channels >> a->channel & 1) == 0 ||
		    a->kv[k].value == NULL)
			continue;
		if (key != NULL)
			*key = info->name;
		if (!info->list && i-- == 0)
			return a->kv[k].value;
		for (size_t n = 0; info->list && n < a->kv[k].parts.n; n++)
			if (i-- == 0)
				return a->kv[k].parts.v[n];
	}
	return NULL;
}

struct account *
conf_account_make(const struct provider *p, const char *name, const char *const kv[])
{
	struct account *a = mem_alloc(sizeof(*a));
	struct conf c = { 0 };
	struct raw raw;

	key_tables();
	raw_init(&raw);
	for (size_t i = 0; kv != NULL && kv[i] != NULL; i += 2) {
		int k = key_index(kv[i]);

		if (k < 0)
			LOG_BUG("conf_account_make: %s is no key", kv[i]);
		else
			raw_set(&raw.v[k], kv[i + 1], "program");
	}
	raw_split_lists(&raw);
	a->name = mem_dup(name);
	a->channel = p->channel;
	a->provider = p;
	account_init(&c, a, raw.v);
	issues_free(&c);
	return a;
}

void
conf_account_del(struct account *a)
{
	struct raw raw;

	if (a == NULL)
		return;
	raw.v = (struct conf_kv *)(uintptr_t)a->kv;
	account_free(a);
	raw_free(&raw);
	free(a);
}

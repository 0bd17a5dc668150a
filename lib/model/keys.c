/*
 * The table of keys says all there is to a key: its name, default, kind and sentence; load,
 * dump, doctor and the man page test read it.  The core's keys stand here, the providers'
 * join them.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/key.h"
#include "model/provider.h"
#include "model/raw.h"
#include "base/log.h"
#include "base/mem.h"

static const struct key_def core[K__MAX] = {
#define ACC(k, channel, name, def, kind, min, max, help) \
	[k] = { { name, def, false, true, false, help }, kind, min, max, 1u << (channel) }
#define KEY(k, name, def, secret, kind, min, max, help) \
	[k] = { { name, def, secret, false, false, help }, kind, min, max, 0 }
	ACC(K_IG_MOCK, CHANNEL_INSTAGRAM, "INSTAGRAM_USE_MOCK", "false", CONF_BOOL, 0, 0,
	    "Nothing leaves the machine."),
	ACC(K_IG_POLL_S, CHANNEL_INSTAGRAM, "INSTAGRAM_POLL_SECONDS", "", CONF_NUM, 0, 86400,
	    "Seconds between polls; 0 means never."),
	ACC(K_IG_TITLE, CHANNEL_INSTAGRAM, "INSTAGRAM_TITLE", "", CONF_TEXT, 0, 0,
	    "What the inbox page calls this account where there are several."),
	ACC(K_WA_MOCK, CHANNEL_WHATSAPP, "WHATSAPP_USE_MOCK", "false", CONF_BOOL, 0, 0,
	    "Nothing leaves the machine."),
	ACC(K_WA_POLL_S, CHANNEL_WHATSAPP, "WHATSAPP_POLL_SECONDS", "", CONF_NUM, 0, 86400,
	    "Seconds between polls; 0 means never."),
	ACC(K_WA_TITLE, CHANNEL_WHATSAPP, "WHATSAPP_TITLE", "", CONF_TEXT, 0, 0,
	    "What the inbox page calls this account where there are several."),
	KEY(K_DB_URL, "DATABASE_URL", "", true, CONF_DB, 0, 0,
	    "The database: a postgresql:// URL or a libpq string."),
	KEY(K_DB_HOST, "DB_HOST", "", false, CONF_TEXT, 0, 0,
	    "Host or socket folder of the database where DATABASE_URL is not set."),
	KEY(K_DB_PORT, "DB_PORT", "", false, CONF_NUM, 1, 65535, "Port of the database."),
	KEY(K_DB_USER, "DB_USERNAME", "", false, CONF_TEXT, 0, 0, "Login at the database."),
	KEY(K_DB_PASSWORD, "DB_PASSWORD", "", true, CONF_TEXT, 0, 0, "Password of the login."),
	KEY(K_DB_NAME, "DB_DATABASE", "", false, CONF_TEXT, 0, 0, "Name of the database."),
	KEY(K_DB_WEB, "DMBOX_DATABASE_URL_WEB", "DATABASE_URL", true, CONF_DB, 0, 0,
	    "Login of the webhook."),
	KEY(K_DB_SEND, "DMBOX_DATABASE_URL_SEND", "DATABASE_URL", true, CONF_DB, 0, 0,
	    "Login of the send program."),
	KEY(K_DB_CRON, "DMBOX_DATABASE_URL_CRON", "DATABASE_URL", true, CONF_DB, 0, 0,
	    "Login of the poller."),
	KEY(K_DB_READ, "DMBOX_DATABASE_URL_READ", "DATABASE_URL", true, CONF_DB, 0, 0,
	    "Login of the programs that only read."),
	KEY(K_DB_CONNECT_S, "DMBOX_DB_CONNECT_SECONDS", "2", false, CONF_NUM, 1, 60,
	    "How long to wait for the database at connecting."),
	KEY(K_ACCOUNTS, "DMBOX_ACCOUNTS_DIR", "", false, CONF_TEXT, 0, 0,
	    "Folder of further accounts: each NAME.env in it is the account NAME."),
	KEY(K_SPOOL, "DMBOX_SPOOL_DIR", "spool", false, CONF_TEXT, 0, 0,
	    "Where deliveries wait while the database is away; beside the configuration."),
	KEY(K_MEDIA, "DMBOX_MEDIA_DIR", "media", false, CONF_TEXT, 0, 0,
	    "Where attachments are kept; beside the configuration."),
	KEY(K_TICK, "DMBOX_TICK_DIR", "tick beside the installed inbox page", false, CONF_TEXT, 0,
	    0,
	    "Where the file lies by which the inbox page learns of changes, served by the web "
	    "server; off: none."),
	KEY(K_MEDIA_DAY, "DMBOX_MEDIA_DAY_MB", "2000", false, CONF_NUM, 1, 1000000,
	    "How much an account's attachments may take a day, in MB; one contact's a quarter of "
	    "it."),
	KEY(K_PUBLIC_URL, "DMBOX_PUBLIC_URL", "", false, CONF_URL, 0, 0,
	    "The address that providers call; doctor tests it."),
	KEY(K_PROXIES, "DMBOX_TRUSTED_PROXIES", "", false, CONF_PROXIES, 0, 0,
	    "Addresses whose X-Forwarded-For is believed; a comma list, /bits allowed."),
	KEY(K_MAX_BODY, "DMBOX_MAX_BODY_BYTES", "4194304", false, CONF_NUM, 1, 16777216,
	    "The largest body taken in."),
	KEY(K_KEEP, "DMBOX_KEEP_DELIVERIES_DAYS", "30", false, CONF_NUM, 1, 36500,
	    "How long the ledger keeps deliveries."),
	KEY(K_KEEP_REFUSED, "DMBOX_KEEP_REFUSED_DAYS", "3", false, CONF_NUM, 1, 36500,
	    "How long the ledger keeps refused ones."),
	KEY(K_CONFIG, "DMBOX_CONFIG", "", false, CONF_TEXT, 0, 0,
	    "Where the configuration is; from the environment or a FastCGI parameter."),
	KEY(K_LANG, "DMBOX_LANG", "", false, CONF_LANG, 0, 0,
	    "Language of the tools, ru or en; the locale's unless set."),
	KEY(K_MEDIA_ALLOW, "DMBOX_MEDIA_ALLOW", "", false, CONF_HOSTS, 0, 0,
	    "host:port list excepted from the ban on private addresses."),
	KEY(K_SANDBOX, "DMBOX_SANDBOX", "off", false, CONF_BOOL, 0, 0, "on: seccomp and landlock."),
	KEY(K_LOG_LEVEL, "DMBOX_LOG_LEVEL", "info", false, CONF_LEVEL, 0, 0,
	    "error, warn, info or debug."),
	KEY(K_LOG_FORMAT, "DMBOX_LOG_FORMAT", "text", false, CONF_FORMAT, 0, 0,
	    "text, or json for one object a line."),
	KEY(K_LOG_FILE, "DMBOX_LOG_FILE", "stderr on a terminal, else logs/dmbox.log", false,
	    CONF_TEXT, 0, 0, "The log file; beside the configuration unless absolute."),
	KEY(K_LOG_MAX, "DMBOX_LOG_MAX_BYTES", "10485760", false, CONF_NUM, 0, INT64_MAX,
	    "Size at which the log is put aside as FILE.1; 0 means never."),
	KEY(K_THREADS, "DMBOX_WEBHOOK_THREADS", "", false, CONF_NUM, 1, 256,
	    "Threads of one webhook process; deliveries that wait for their commit need none."),
	KEY(K_JWT, "JWT_SECRET", "", true, CONF_KEY, 0, 0,
	    "Key of HS256 tokens, at least 32 bytes."),
	KEY(K_JWT_OLD, "JWT_SECRET_OLD", "", true, CONF_KEY, 0, 0,
	    "The key before, accepted too while rotating."),
	KEY(K_JWT_SCOPE, "JWT_DEFAULT_SCOPE", "", false, CONF_SCOPE, 0, 0,
	    "Scope of tokens without the claim: words of read, poll, send, admin."),
	KEY(K_JWT_PUBLIC, "JWT_PUBLIC_KEY_FILE", "", false, CONF_TEXT, 0, 0,
	    "PEM file of the public key of RS256 or ES256 tokens."),
#undef ACC
#undef KEY
};

/* The core's keys by their number, then the providers'; made once. */
struct key_def *key_defs;
size_t key_n;
static struct mem_arena def_texts;	/* what of them was put together */

int
key_index(const char *name)
{
	for (size_t i = 0; i < key_n; i++)
		if (str_eq(key_defs[i].info.name, name))
			return (int)i;
	return -1;
}

/* "a" and "b" as one text for a key that providers share. */
static const char *
both(const char *a, const char *b, const char *who)
{
	struct buf t;
	const char *s;

	if (str_empty(a) || str_empty(b) || str_eq(a, b))
		return str_empty(a) ? b : a;
	buf_init(&t, 4096);
	if (who != NULL)
		buf_printf(&t, "%s (%s: %s)", a, who, b);
	else
		buf_printf(&t, "%s %s", a, b);
	s = mem_arena_dup(&def_texts, t.p);
	buf_free(&t);
	return s;
}

static void
add_provider_key(const struct provider *p, const struct provider_key *k)
{
	int at = key_index(k->name);
	struct key_def *d;

	if (at < 0) {
		key_defs = mem_realloc(key_defs, key_n + 1, sizeof(*key_defs));
		d = &key_defs[key_n++];
		*d = (struct key_def){ { k->name, k->def, k->secret, true, k->list, k->help },
			k->kind, k->min, k->max, 1u << p->channel };
		return;
	}
	d = &key_defs[at];
	d->info.def = both(d->info.def, k->def, p->name);
	d->info.help = both(d->info.help, k->help, NULL);
}

static void
default_interval(enum key k, enum channel ch)
{
	char n[24];

	for (size_t i = 0; providers[i] != NULL; i++)
		if (providers[i]->channel == ch && providers[i]->poll_s > 0) {
			snprintf(n, sizeof(n), "%u", providers[i]->poll_s);
			key_defs[k].info.def = both(
			    key_defs[k].info.def, mem_arena_dup(&def_texts, n), providers[i]->name);
		}
}

/* What must be there before anything is configured: keys, and what the log may not show. */
static void
make_tables(void)
{
	char why[200];

	key_defs = mem_array(K__MAX, sizeof(*key_defs));
	memcpy(key_defs, core, sizeof(core));
	key_n = K__MAX;
	for (size_t i = 0; providers[i] != NULL; i++) {
		if (provider_fault(providers[i], why)) {
			LOG_BUG("provider %s: %s", providers[i]->name, why);
			exit(EXIT_FAILURE);	/* what follows relies on what is missing */
		}
		for (size_t k = 0; k < *providers[i]->n_keys; k++)
			add_provider_key(providers[i], &providers[i]->keys[k]);
		for (size_t k = 0; providers[i]->masks != NULL && k < *providers[i]->n_masks; k++)
			log_pattern(&providers[i]->masks[k]);
	}
	default_interval(K_IG_POLL_S, CHANNEL_INSTAGRAM);
	default_interval(K_WA_POLL_S, CHANNEL_WHATSAPP);
}

void
key_tables(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_tables);
}

const char *
key_nearest(const char *name)
{
	const char **names = mem_array(key_n, sizeof(*names)), *near;

	for (size_t i = 0; i < key_n; i++)
		names[i] = key_defs[i].info.name;
	near = str_nearest(name, names, key_n);
	free(names);
	return near;
}

/* The providers' keys are shown first: they are what people look for. */
size_t
key_shown(size_t i)
{
	size_t of_providers = key_n - K__MAX;

	return i < of_providers ? K__MAX + i : i - of_providers;
}

const struct conf_key_info *
conf_key(size_t i)
{
	key_tables();
	return i < key_n ? &key_defs[key_shown(i)].info : NULL;
}

const char *
conf_channel_key(enum channel ch, const char *tail)
{
	key_tables();
	for (size_t k = 0; k < key_n; k++) {
		size_t n = strlen(channel_names[ch]);

		if (strncasecmp(key_defs[k].info.name, channel_names[ch], n) == 0 &&
		    key_defs[k].info.name[n] == '_' && str_eq(key_defs[k].info.name + n + 1, tail))
			return key_defs[k].info.name;
	}
	return "";
}

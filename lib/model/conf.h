#ifndef DMBOX_MODEL_CONF_H
#define DMBOX_MODEL_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/rc.h"
#include "base/log.h"
#include "base/str.h"

/*
 * The configuration: KEY=value files and the environment, through one table of
 * keys (contract.md 3) that drives load, defaults, dump, doctor and the man
 * page test.  A loaded struct conf never changes; a changed file makes a new
 * one (conf_load), and a thread that still reads the old one holds a reference.
 */
enum channel { CHANNEL_INSTAGRAM, CHANNEL_WHATSAPP, CHANNEL__MAX };
struct provider;
struct conf_values;	/* what is set, while an account is made */

extern const char *const channel_names[CHANNEL__MAX];	/* "instagram", "whatsapp" */

/*
 * One account on one channel.  The main file's are named "main"; each
 * NAME.env of DMBOX_ACCOUNTS_DIR gives NAME.  Instagram of "main" always
 * exists; any other exists where one of its keys is set.
 * Strings are NULL where not set, unless the contract gives a default.
 */
struct account {
	char *name;
	enum channel channel;
	const struct provider *provider;	/* also of a mock account */
	bool use_mock;			/* nothing leaves the machine */
	char *api_url;			/* without a slash at the end */
	char *token;			/* by which the provider knows us */
	char *own_id;			/* by which deliveries call us */
	const char *title;		/* for people, one of kv's; NULL: none but the name */
	unsigned int poll_s;		/* 0 = never */
	bool webhook_open;		/* takes deliveries without a credential: the switch is on
					 * and no secret is set */
	bool used;			/* a secret of it is set, or it is a mock or a further
					 * account: somebody means it to work (main's Instagram
					 * always exists) */
	void *own;			/* the provider's: made by its configure(), freed by
					 * unconfigure(); NULL for one of which only provider and
					 * name are known */
	/* which of several secrets proves a call; not configured: learned */
	unsigned int proof;
	const struct conf_kv *kv;	/* account_value, account_missing */
	char *file;			/* where it was read */
};

/* What a value must look like; it is checked where it stands, so that a reason names its line. */
enum conf_kind {
	CONF_TEXT,
	CONF_BOOL,
	CONF_NUM,
	CONF_UPSTREAM,	/* URL we call: https, or http on loopback */
	CONF_URL,	/* any http(s) URL */
	CONF_DB,	/* connection string */
	CONF_KEY,	/* secret of at least 32 bytes */
	CONF_SECRET,	/* a comma list of secrets of ours, at least 8 characters each */
	CONF_ID,	/* goes into paths: A-Za-z0-9._- */
	CONF_LEVEL,
	CONF_FORMAT,
	CONF_LANG,
	CONF_VERSION,
	CONF_PATHS,
	CONF_AUTH,
	CONF_SCOPE,
	CONF_PROXIES,
	CONF_HOSTS,
};

/* One thing wrong (error) or odd (warning) with a configuration. */
struct conf_issue {
	bool error;
	char *text;	/* "file:line: reason", or "environment: KEY: reason" */
	char *key;	/* NULL where the line names none */
};

struct conf {
	char *file;			/* absolute path in use; NULL: none found */
	char *dir;			/* its folder; never NULL */
	struct account *accounts;	/* main first, then by name; instagram before whatsapp */
	size_t n_accounts;
	char *accounts_dir;
	char *database_url;		/* libpq conninfo, built from DB_* where needed; never
					 * NULL, "" where nothing is set (libpq's defaults) */
	char *database_url_web, *database_url_send, *database_url_cron,
	    *database_url_read;		/* each defaults to database_url */
	unsigned int db_connect_s;
	char *spool_dir, *media_dir, *tick_dir;	/* tick_dir: NULL: no tick file */
	int64_t media_day_bytes;
	char *public_url;
	struct strv trusted_proxies;
	size_t max_body;
	unsigned int keep_deliveries_days, keep_refused_days;
	char *lang;			/* "ru", "en" or NULL */
	struct strv media_allow;
	bool sandbox;
	int log_level;			/* enum log_level */
	bool log_json;
	char *log_file;			/* NULL: stderr */
	int64_t log_max_bytes;
	unsigned int webhook_threads;	/* 0: not set, the program decides */
	char *jwt_secret, *jwt_secret_old, *jwt_default_scope, *jwt_public_key_file;
	struct conf_issue *issues;	/* in the order found */
	size_t n_issues, n_errors;
	struct conf_private *priv;	/* raw values, files watched */
	int refs;			/* atomic */
};

/* Which program asks: web programs never read ./.env. */
enum conf_role { CONF_WEB, CONF_TOOL };

/*
 * conf_load(role, path, out):
 * Find, read and check the configuration.  path (the DMBOX_CONFIG of a
 * FastCGI parameter; may be NULL) is used where the process environment has
 * none.  Always makes a conf, also one with errors, so that doctor and config
 * can show them; programs look at n_errors.
 *
 * Returns  RC_OK, RC_INVALID where n_errors > 0 (out is set all the same).
 * Owns     the caller holds one reference: conf_drop().
 */
enum rc conf_load(enum conf_role role, const char *path, struct conf **out) MUST_CHECK;
/* conf_hold(c): one reference more, which its holder gives back with conf_drop(c). */
struct conf *conf_hold(struct conf *c);
void conf_drop(struct conf *c);		/* wipes secrets at the last reference */
/* conf_stale(c): has a file of c changed (mtime, size, inode; a new account
 * file) since it was read?  At most one look a second. */
bool conf_stale(struct conf *c);
/*
 * conf_below(c, doc_root, why):
 * Does a file with secrets (the configuration, the accounts) lie below the web
 * server's document root, where it may be handed out?  why (may be NULL) then
 * says which and where to move it.  NULL, "" and "/" are no document roots.
 */
bool conf_below(const struct conf *c, const char *doc_root, char why[1024]);
/* conf_register_secrets(c): every secret of c to log_secret. */
void conf_register_secrets(const struct conf *c);
/* conf_log_open(c, program): log_open with c's settings.  Where no file is
 * configured a terminal on stderr takes the lines, else logs/dmbox.log beside
 * the configuration. */
void conf_log_open(const struct conf *c, const char *program);

/* conf_account(c, channel, name): borrowed from c; name NULL means "main".
 * NULL where there is none. */
const struct account *conf_account(const struct conf *c, enum channel ch, const char *name);
/* conf_account_by_own_id(c, channel, own_id): NULL where none or several. */
const struct account *conf_account_by_own_id(
    const struct conf *c, enum channel ch, const char *own_id);
/* channel_by_name(s, out): "instagram", "whatsapp"; RC_INVALID for anything else. */
enum rc channel_by_name(const char *s, enum channel *out) MUST_CHECK;

/* account_value(a, key): what was given for it; NULL: nothing. */
const char *account_value(const struct account *a, const char *key);
/* account_key(a, use): the name of the first key of a's provider of that use; "" none. */
const char *account_key(const struct account *a, unsigned int use);
/* account_missing(a, use, i): the i-th key of a's provider of that use (KEY_..., provider.h)
 * that has no value; NULL beyond the last. */
const char *account_missing(const struct account *a, unsigned int use, size_t i);
/* account_secret(a, i, key): the i-th secret that is set for a, of any provider of its
 * channel, and its key; each part of a list counts.  NULL beyond the last. */
const char *account_secret(const struct account *a, size_t i, const char **key);
/*
 * conf_account_make(p, name, kv): an account as a file with these keys would make it; kv is
 * KEY, value, KEY, value, ..., NULL.  For tests and for dmbox init, which signs with it.
 * conf_account_del frees it.
 */
struct account *conf_account_make(
    const struct provider *p, const char *name, const char *const kv[]);
void conf_account_del(struct account *a);
/* conf_channel_key(ch, tail): "INSTAGRAM_" and tail, if that is a key; else "". */
const char *conf_channel_key(enum channel ch, const char *tail);

/*
 * What a provider's claims() and configure() read.  A key that is not in the provider's own
 * table is an error of the program, and told as an error of the configuration.
 * Borrowed strings live as long as the configuration.
 */
/* conf_is_set(v, key): has it a value?  conf_bool(v, key): is it true? */
bool conf_is_set(const struct conf_values *v, const char *key);
bool conf_bool(const struct conf_values *v, const char *key);
void conf_list(const struct conf_values *v, const char *key, struct strv *out);	/* appends */
/* conf_copy(v, key): as conf_text, conf_url(v, key): without slashes at the end; NULL or the
 * caller's to free. */
char *conf_copy(const struct conf_values *v, const char *key);
char *conf_url(const struct conf_values *v, const char *key);
/* conf_warn(v, key, fmt...): a warning of the configuration about this key. */
void conf_warn(const struct conf_values *v, const char *key, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The table of keys, for dump, completion and the documentation tests. */
struct conf_key_info {
	const char *name;
	const char *def;	/* as documented; "" = none */
	bool secret;
	bool per_account;	/* INSTAGRAM_ and WHATSAPP_ keys */
	bool list;		/* of several, between commas */
	const char *help;	/* one English sentence */
};
/* conf_key(i): key number i, or NULL beyond the last. */
const struct conf_key_info *conf_key(size_t i);
/* conf_value(c, i, value, from): key i's value in the main file or environment
 * (masked "***configured***" if secret; "" = not set) and where it comes from
 * ("default", "environment", "file:line").  Borrowed from c. */
void conf_value(const struct conf *c, size_t i, const char **value, const char **from);
/* conf_account_value: the same for a file of DMBOX_ACCOUNTS_DIR; false where that
 * account's file does not set key i, or there is none of that name. */
bool conf_account_value(
    const struct conf *c, const char *account, size_t i, const char **value, const char **from);

#endif

#ifndef DMBOX_MODEL_RAW_H
#define DMBOX_MODEL_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>
#include "base/log.h"
#include "base/str.h"
#include "model/conf.h"
#include "model/key.h"

/* What conf.c, keys.c, raw.c and account.c share; no other includes it. */

enum key {
	K_IG_MOCK,
	K_IG_POLL_S,
	K_IG_TITLE,
	K_WA_MOCK,
	K_WA_POLL_S,
	K_WA_TITLE,
	K_DB_URL,
	K_DB_HOST,
	K_DB_PORT,
	K_DB_USER,
	K_DB_PASSWORD,
	K_DB_NAME,
	K_DB_WEB,
	K_DB_SEND,
	K_DB_CRON,
	K_DB_READ,
	K_DB_CONNECT_S,
	K_ACCOUNTS,
	K_SPOOL,
	K_MEDIA,
	K_TICK,
	K_PUBLIC_URL,
	K_PROXIES,
	K_MAX_BODY,
	K_KEEP,
	K_KEEP_REFUSED,
	K_CONFIG,
	K_LANG,
	K_MEDIA_ALLOW,
	K_MEDIA_DAY,
	K_SANDBOX,
	K_LOG_LEVEL,
	K_LOG_FORMAT,
	K_LOG_FILE,
	K_LOG_MAX,
	K_THREADS,
	K_JWT,
	K_JWT_OLD,
	K_JWT_SCOPE,
	K_JWT_PUBLIC,
	K__MAX
};

struct conf_kv {
	char *value;	/* NULL: not set */
	char *from;	/* "file:line" or "environment" */
	struct strv parts;	/* of a list of secrets */
};

/* The raw text of every key of one file (and, for the main file, environment). */
struct raw {
	struct conf_kv *v;	/* [key_n] */
};

struct conf_values {
	struct conf *c;		/* takes issues */
	const struct conf_kv *kv;
	const struct provider *p;
};

/* A file or folder whose change makes the configuration stale. */
struct watch {
	char *path;
	bool exists;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct account_raw {
	char *name;
	struct raw raw;
};

struct conf_private {
	struct raw main;
	struct account_raw *more;	/* of DMBOX_ACCOUNTS_DIR */
	size_t n_more;
	struct watch *watch;
	size_t n_watch;
	int64_t looked_ms;	/* atomic */
	bool stale;		/* atomic */
};

/* --- keys.c */
/* The core's keys by their number, then the providers'; made once by key_tables(). */
extern struct key_def *key_defs;
extern size_t key_n;
void key_tables(void);
/* key_index(name): its number, or -1. */
int key_index(const char *name);
/* key_nearest(name): the key that is spelled most alike, or NULL. */
const char *key_nearest(const char *name);
/* key_shown(i): the number of the i-th key that is shown: the providers' come first, they are
 * what people look for. */
size_t key_shown(size_t i);

/* --- raw.c */
/* conf_issue(c, error, key, from, fmt, ...): one more of c; key may be NULL, from is where the
 * value stands. */
void conf_issue(struct conf *c, bool error, const char *key, const char *from, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
void issues_free(struct conf *c);	/* all of c */
/* raw_init(raw): no key is set.  raw_free wipes the values. */
void raw_init(struct raw *raw);
void raw_free(struct raw *raw);
/* raw_set(kv, value, from): copies; NULL or "": not set. */
void raw_set(struct conf_kv *kv, const char *value, const char *from);
/* raw_split_lists(raw): behind the last raw_set: the secrets of lists one by one. */
void raw_split_lists(struct raw *raw);
/* raw_read_file(c, path, raw, account): a whole file's keys (account: only those of an
 * account); what is wrong with it becomes an issue. */
void raw_read_file(struct conf *c, const char *path, struct raw *raw, bool account);
void raw_read_environment(struct raw *raw);	/* over what the file says */
/* raw_check(c, raw): refuses what is wrong, drops placeholders, splits lists. */
void raw_check(struct conf *c, struct raw *raw);
/* raw_get(raw, k): the value or NULL; raw_get_def: or the table's default; raw_get_num: or def;
 * raw_get_bool: is it true?  What they return lives as long as raw. */
const char *raw_get(const struct raw *raw, enum key k);
const char *raw_get_def(const struct raw *raw, enum key k);
bool raw_get_bool(const struct raw *raw, enum key k);
int64_t raw_get_num(const struct raw *raw, enum key k, int64_t def);
/* conf_find_file(c, role, param): sets c->file (NULL: none) and c->dir. */
void conf_find_file(struct conf *c, enum conf_role role, const char *param);
/* conf_watch_add(c, path): a change of it makes c stale. */
void conf_watch_add(struct conf *c, const char *path);
/* Paths and URLs, to be freed.  conf_join(dir, path): path below dir, unless absolute;
 * conf_get_path: key k's, or its default, beside the configuration; conf_get_url: v without
 * slashes at its end. */
char *conf_join(const char *dir, const char *path);
char *conf_get_path(const struct conf *c, enum key k);
char *conf_get_url(const char *v);

/* --- account.c */
/* accounts_of(c, raw, name, file): the channels of one file become accounts of c. */
void accounts_of(struct conf *c, const struct raw *raw, const char *name, const char *file);
void accounts_read(struct conf *c);	/* those of DMBOX_ACCOUNTS_DIR */
void account_free(struct account *a);	/* what is in it */

#endif

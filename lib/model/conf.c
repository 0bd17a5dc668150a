/*
 * The configuration.  One table of keys says all there is to a key: its name,
 * default, kind and sentence; load, dump, doctor and the man page test read it.
 *
 * A load has three steps: raw text of every key (file, then environment), each
 * checked by its kind where it stands so that a reason can name its line; then
 * the typed struct from what is left.  A value that was refused counts as not
 * set, so that doctor and config can still show the rest.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/conf.h"
#include "model/dburl.h"
#include "model/key.h"
#include "model/provider.h"
#include "base/envfile.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/prefix.h"
#include "base/url.h"

#define FILE_MAX (1024u * 1024)
#define ACCOUNTS_MAX 1000u
#define MASKED "***configured***"

const char *const channel_names[CHANNEL__MAX] = { "instagram", "whatsapp" };

enum key {
	K_IG_MOCK, K_IG_POLL_S, K_WA_MOCK, K_WA_POLL_S,
	K_DB_URL, K_DB_HOST, K_DB_PORT, K_DB_USER, K_DB_PASSWORD, K_DB_NAME,
	K_DB_WEB, K_DB_SEND, K_DB_CRON, K_DB_READ, K_DB_CONNECT_S,
	K_ACCOUNTS, K_SPOOL, K_MEDIA, K_TICK, K_PUBLIC_URL, K_PROXIES, K_MAX_BODY, K_KEEP,
	    K_KEEP_REFUSED,
	K_CONFIG, K_LANG, K_MEDIA_ALLOW, K_MEDIA_DAY, K_SANDBOX, K_LOG_LEVEL, K_LOG_FORMAT,
	    K_LOG_FILE, K_LOG_MAX,
	K_THREADS,
	K_JWT, K_JWT_OLD, K_JWT_SCOPE, K_JWT_PUBLIC,
	K__MAX
};

static const struct key_def core[K__MAX] = {
#define ACC(k, channel, name, def, kind, min, max, help)                                           \
	[k] = { { name, def, false, true, false, help }, kind, min, max, 1u << (channel) }
#define KEY(k, name, def, secret, kind, min, max, help)                                            \
	[k] = { { name, def, secret, false, false, help }, kind, min, max, 0 }
ACC(K_IG_MOCK, CHANNEL_INSTAGRAM, "INSTAGRAM_USE_MOCK", "false", CONF_BOOL, 0, 0,
    "Nothing leaves the machine."),
ACC(K_IG_POLL_S, CHANNEL_INSTAGRAM, "INSTAGRAM_POLL_SECONDS", "", CONF_NUM, 0, 86400,
    "Seconds between polls; 0 means never."),
ACC(K_WA_MOCK, CHANNEL_WHATSAPP, "WHATSAPP_USE_MOCK", "false", CONF_BOOL, 0, 0,
    "Nothing leaves the machine."),
ACC(K_WA_POLL_S, CHANNEL_WHATSAPP, "WHATSAPP_POLL_SECONDS", "", CONF_NUM, 0, 86400,
    "Seconds between polls; 0 means never."),
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
KEY(K_TICK, "DMBOX_TICK_DIR", "tick beside the installed inbox page", false, CONF_TEXT, 0, 0,
    "Where the file lies by which the inbox page learns of changes, served by the web "
    "server; off: none."),
KEY(K_MEDIA_DAY, "DMBOX_MEDIA_DAY_MB", "2000", false, CONF_NUM, 1, 1000000,
    "How much an account's attachments may take a day, in MB; one contact's a quarter of it."),
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
KEY(K_LOG_FILE, "DMBOX_LOG_FILE", "stderr on a terminal, else logs/dmbox.log", false, CONF_TEXT,
    0, 0, "The log file; beside the configuration unless absolute."),
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
static struct key_def *defs;
static size_t n_defs;
static struct mem_arena def_texts;	/* what of them was put together */

struct conf_kv {
	char *value;	/* NULL: not set */
	char *from;	/* "file:line" or "environment" */
	struct strv parts;	/* of a list of secrets */
};

/* The raw text of every key of one file (and, for the main file, environment). */
struct raw {
	struct conf_kv *v;	/* [n_defs] */
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

/* ---- issues ---- */

static void issue(struct conf *c, bool error, const char *key, const char *from, const char *fmt,
    ...) PRINTF_LIKE(5, 6);

static void
issue(struct conf *c, bool error, const char *key, const char *from, const char *fmt, ...)
{
	struct conf_issue *i;
	struct buf b;
	va_list ap;

	c->issues = mem_realloc(c->issues, c->n_issues + 1, sizeof(*c->issues));
	i = &c->issues[c->n_issues++];
	i->error = error;
	i->key = mem_dup(key);
	c->n_errors += error;
	buf_init(&b, 4096);
	buf_printf(&b, "%s: ", from);
	if (key != NULL)
		buf_printf(&b, "%s: ", key);
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	i->text = buf_take(&b);
	buf_free(&b);
}

/* ---- the table of keys ---- */

static int
key_index(const char *name)
{
	for (size_t i = 0; i < n_defs; i++)
		if (str_eq(defs[i].info.name, name))
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
		defs = mem_realloc(defs, n_defs + 1, sizeof(*defs));
		d = &defs[n_defs++];
		*d = (struct key_def){ { k->name, k->def, k->secret, true, k->list, k->help },
		    k->kind, k->min, k->max, 1u << p->channel };
		return;
	}
	d = &defs[at];
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
			defs[k].info.def = both(defs[k].info.def, mem_arena_dup(&def_texts, n),
			    providers[i]->name);
		}
}

/* What must be there before anything is configured: keys, and what the log may not show. */
static void
make_tables(void)
{
	char why[200];

	defs = mem_array(K__MAX, sizeof(*defs));
	memcpy(defs, core, sizeof(core));
	n_defs = K__MAX;
	for (size_t i = 0; providers[i] != NULL; i++) {
		if (provider_fault(providers[i], why))
			LOG_BUG("provider %s: %s", providers[i]->name, why);
		for (size_t k = 0; k < *providers[i]->n_keys; k++)
			add_provider_key(providers[i], &providers[i]->keys[k]);
		for (size_t k = 0; providers[i]->masks != NULL && k < *providers[i]->n_masks; k++)
			log_pattern(&providers[i]->masks[k]);
	}
	default_interval(K_IG_POLL_S, CHANNEL_INSTAGRAM);
	default_interval(K_WA_POLL_S, CHANNEL_WHATSAPP);
}

static void
tables(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_tables);
}

/* ---- step 1: raw values ---- */

static const char *
nearest(const char *name)
{
	const char **names = mem_array(n_defs, sizeof(*names)), *near;

	for (size_t i = 0; i < n_defs; i++)
		names[i] = defs[i].info.name;
	near = str_nearest(name, names, n_defs);
	free(names);
	return near;
}

static void
set(struct conf_kv *kv, const char *value, const char *from)
{
	mem_free_secret(kv->value);
	free(kv->from);
	kv->value = str_empty(value) ? NULL : mem_dup(value);
	kv->from = kv->value == NULL ? NULL : mem_dup(from);
	strv_free(&kv->parts);
}

/* Behind the last set(): the secrets of lists one by one. */
static void
split_lists(struct raw *raw)
{
	for (size_t k = 0; k < n_defs; k++)
		if (defs[k].info.secret && defs[k].info.list && raw->v[k].value != NULL)
			strv_split(&raw->v[k].parts, raw->v[k].value, ',');
}

struct reader {
	struct conf *c;
	struct raw *raw;
	const char *file;
	bool account;	/* an accounts/NAME.env */
};

static void
unknown_key(struct conf *c, const char *key, const char *from)
{
	bool error = str_starts(key, "DMBOX_");
	const char *near;

	if (!error && !str_starts(key, "INSTAGRAM_") && !str_starts(key, "WHATSAPP_"))
		return;		/* another program's: the file may be shared */
	near = nearest(key);
	if (near != NULL)
		issue(c, error, key, from, "unknown key; did you mean %s?", near);
	else
		issue(c, error, key, from, "unknown key");
}

static void
take_line(void *arg, unsigned int line, const char *key, const char *value, const char *why)
{
	struct reader *r = arg;
	char from[PATH_MAX + 16];
	int k;

	snprintf(from, sizeof(from), "%s:%u", r->file, line);
	if (why != NULL) {
		issue(r->c, true, key, from, "%s", why);
		return;
	}
	k = key_index(key);
	if (k < 0)
		unknown_key(r->c, key, from);
	else if (k == K_CONFIG)
		issue(r->c, false, key, from, "has no effect in a file");
	else if (r->account && !defs[k].info.per_account)
		issue(r->c, false, key, from, "has no effect in an account's file; it belongs in "
		    "the main one");
	else
		set(&r->raw->v[k], value, from);
}

static void
watch_stat(struct watch *w, const char *path)
{
	struct stat st;

	memset(w, 0, sizeof(*w));
	w->exists = stat(path, &st) == 0;
	if (w->exists) {
		w->dev = st.st_dev;
		w->ino = st.st_ino;
		w->size = S_ISDIR(st.st_mode) ? 0 : st.st_size;
		w->mtime = st.st_mtim;
		w->ctime = st.st_ctim;
	}
}

static void
watch_add(struct conf *c, const char *path)
{
	struct conf_private *p = c->priv;

	p->watch = mem_realloc(p->watch, p->n_watch + 1, sizeof(*p->watch));
	watch_stat(&p->watch[p->n_watch], path);
	p->watch[p->n_watch++].path = mem_dup(path);
}

/* Read a whole file and its keys; what is wrong with it becomes an issue. */
static void
read_file(struct conf *c, const char *path, struct raw *raw, bool account)
{
	struct reader r = { c, raw, path, account };
	struct stat st;
	char *text = NULL;
	size_t n = 0, max;
	ssize_t got = 0;
	int fd;

	watch_add(c, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) != 0) {
		issue(c, true, NULL, path, "%s", strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		issue(c, true, NULL, path, "not a regular file");
		goto out;
	}
	if (st.st_mode & (S_IROTH | S_IWOTH)) {
		issue(c, true, NULL, path, "it holds secrets and everybody may %s it; "
		    "run: chmod 640 %s", st.st_mode & S_IROTH ? "read" : "write", path);
		goto out;
	}
	if (st.st_size > (off_t)FILE_MAX) {
		issue(c, true, NULL, path, "larger than 1 MiB: not a configuration");
		goto out;
	}
	/* as large as the file: a buffer of the maximum stays in the heap for good */
	max = (size_t)st.st_size;
	text = mem_alloc(max + 1);
	while (n < max && (got = read(fd, text + n, max - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		issue(c, true, NULL, path, "%s", strerror(errno));
	else
		envfile_parse(text, n, take_line, &r);
out:
	if (fd >= 0)
		close(fd);
	mem_wipe(text, n);
	free(text);
}

static void
read_environment(struct raw *raw)
{
	for (size_t k = 0; k < n_defs; k++) {
		const char *v = getenv(defs[k].info.name);

		if (!str_empty(v))
			set(&raw->v[k], v, "environment");
	}
}

/* Refuse what is wrong, drop placeholders. */
static void
check_raw(struct conf *c, struct raw *raw)
{
	for (size_t k = 0; k < n_defs; k++) {
		struct conf_kv *kv = &raw->v[k];
		char buf[160];
		const char *why;

		if (kv->value == NULL)
			continue;
		if (key_placeholder(kv->value)) {
			issue(c, false, defs[k].info.name, kv->from,
			    "is still the example's placeholder; counts as not set");
			set(kv, NULL, NULL);
			continue;
		}
		why = key_check(&defs[k], kv->value, buf);
		if (why == NULL)
			continue;
		issue(c, true, defs[k].info.name, kv->from, "%s", why);
		set(kv, NULL, NULL);
	}
	split_lists(raw);
}

static void
raw_init(struct raw *raw)
{
	raw->v = mem_array(n_defs, sizeof(*raw->v));
	memset(raw->v, 0, n_defs * sizeof(*raw->v));
}

static void
raw_free(struct raw *raw)
{
	for (size_t k = 0; k < n_defs; k++)
		set(&raw->v[k], NULL, NULL);
	free(raw->v);
}

/* ---- where the file is ---- */

static char *
join(const char *dir, const char *path)
{
	struct buf b;
	char *s;

	if (*path == '/')
		return mem_dup(path);
	buf_init(&b, 64 * 1024);
	buf_printf(&b, "%s%s%s", dir, str_ends(dir, "/") ? "" : "/", path);
	s = buf_take(&b);
	buf_free(&b);
	return s;
}

static char *
absolute(const char *path)
{
	char *cwd, *s;

	if (*path == '/')
		return mem_dup(path);
	if (str_starts(path, "./"))
		path += 2;
	cwd = getcwd(NULL, 0);
	s = join(cwd != NULL ? cwd : "/", path);
	free(cwd);
	return s;
}

/* ~/.config/dmbox/dmbox.env; the home from getpwuid, as mod_fcgid unsets HOME. */
static char *
home_file(void)
{
	struct passwd pw, *found = NULL;
	char text[16384];

	if (getpwuid_r(geteuid(), &pw, text, sizeof(text), &found) != 0 || found == NULL ||
	    str_empty(pw.pw_dir))
		return NULL;
	return join(pw.pw_dir, ".config/dmbox/dmbox.env");
}

static bool
readable_or_forbidden(const char *path)
{
	/* one that is there but closed to us must be told, not passed over */
	return access(path, F_OK) == 0 || errno == EACCES;
}

/* c->file and c->dir; candidates not there are watched, so that a first file
 * is seen. */
static void
find_file(struct conf *c, enum conf_role role, const char *param)
{
	const char *named = getenv("DMBOX_CONFIG");
	char *candidates[4] = { NULL };
	size_t n = 0;

	if (str_empty(named))
		named = param;
	if (!str_empty(named)) {
		c->file = absolute(named);
		set(&c->priv->main.v[K_CONFIG], named, "environment");
		goto dir;
	}
	if (role == CONF_TOOL)
		candidates[n++] = absolute(".env");
	candidates[n++] = join(prefix(), "etc/dmbox.env");
	candidates[n] = home_file();
	n += candidates[n] != NULL;
	candidates[n++] = mem_dup("/etc/dmbox/dmbox.env");
	for (size_t i = 0; i < n && c->file == NULL; i++) {
		if (readable_or_forbidden(candidates[i]))
			c->file = mem_dup(candidates[i]);
		else
			watch_add(c, candidates[i]);
	}
	for (size_t i = 0; i < n; i++)
		free(candidates[i]);
dir:
	if (c->file != NULL) {
		c->dir = mem_dup(c->file);
		*(strrchr(c->dir, '/') + (strrchr(c->dir, '/') == c->dir)) = '\0';
	} else
		c->dir = mem_dup("/var/lib/dmbox");
}

/* ---- step 2: the typed struct ---- */

static const char *
get(const struct raw *raw, enum key k)
{
	return raw->v[k].value;
}

/* The value, or the table's default, or NULL. */
static const char *
get_def(const struct raw *raw, enum key k)
{
	const char *v = get(raw, k);

	if (v == NULL && *defs[k].info.def != '\0')
		v = defs[k].info.def;
	return v;
}

static bool
get_bool(const struct raw *raw, enum key k)
{
	bool b = false;

	return key_bool(get_def(raw, k), &b) && b;
}

static int64_t
get_num(const struct raw *raw, enum key k, int64_t def)
{
	int64_t n;

	return get(raw, k) != NULL && str_i64(get(raw, k), &n) == RC_OK ? n : def;
}

static void
get_list(const struct raw *raw, enum key k, char sep, struct strv *out)
{
	const char *v = get_def(raw, k);

	if (v != NULL)
		strv_split(out, v, sep);
}

static char *
get_path(const struct conf *c, enum key k)
{
	const char *v = get_def(&c->priv->main, k);

	return v == NULL ? NULL : join(c->dir, v);
}

/* Without slashes at the end. */
static char *
get_url(const char *v)
{
	size_t n = v == NULL ? 0 : strlen(v);

	while (n > 0 && v[n - 1] == '/')
		n--;
	return v == NULL ? NULL : mem_ndup(v, n);
}

static bool
any_key(const struct raw *raw, enum key first, enum key last)
{
	for (int k = (int)first; k <= (int)last; k++)
		if (raw->v[k].value != NULL)
			return true;
	return false;
}

/* ---- an account ---- */

static const struct provider_key *
own_key(const struct conf_values *v, const char *key)
{
	for (size_t i = 0; i < *v->p->n_keys; i++)
		if (str_eq(v->p->keys[i].name, key))
			return &v->p->keys[i];
	issue(v->c, true, key, v->p->name,
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
	return get_url(conf_text(v, key));
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
	issue(v->c, false, key, from != NULL ? from : "default", "%s", text);
}

/* Whose account it is: the highest claim among the channel's providers. */
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
			issue(c, true, NULL, file != NULL ? file : "environment",
			    "keys of both %s and %s are set: "
			    "which one is it?", best->title, providers[i]->title);
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

	a->use_mock = get_bool(&raw, ig ? K_IG_MOCK : K_WA_MOCK);
	a->poll_s = (unsigned int)get_num(&raw, ig ? K_IG_POLL_S : K_WA_POLL_S,
	    a->provider->poll_s);
	for (size_t i = 0; i < *a->provider->n_keys; i++) {
		const struct provider_key *k = &a->provider->keys[i];
		const char *s = a->kv[key_index(k->name)].value;

		if ((k->use & KEY_OPEN) == 0 || s == NULL || !key_bool(s, &open) || !open)
			continue;
		a->webhook_open = account_missing(a, KEY_VERIFY, 0) != NULL;
		if (!a->webhook_open) {
			/* the secret counts; said as an error, but no webhook stops for it */
			issue(c, true, k->name, a->kv[key_index(k->name)].from,
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
account_add(struct conf *c, const struct raw *raw, enum channel ch, const char *name,
    const char *file)
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
	for (size_t k = 0; k < n_defs; k++)
		if ((defs[k].channels >> ch & 1) != 0 && raw->v[k].value != NULL)
			return true;
	return false;
}

/* The channels of one file. */
static void
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
		issue(c, true, NULL, path, "an account's name is 1 to 64 of A-Za-z0-9_-");
	else if (str_eq(name, "main"))
		issue(c, true, NULL, path, "\"main\" is the name of the main file's account");
	else {
		p->more = mem_realloc(p->more, p->n_more + 1, sizeof(*p->more));
		more = &p->more[p->n_more++];
		memset(more, 0, sizeof(*more));
		more->name = mem_dup(name);
		raw_init(&more->raw);
		read_file(c, path, &more->raw, true);
		check_raw(c, &more->raw);
		accounts_of(c, &more->raw, name, path);
		if (c->n_accounts == before)
			issue(c, false, NULL, path, "no INSTAGRAM_ or WHATSAPP_ key is set in it");
	}
	free(path);
}

static void
accounts_dir(struct conf *c)
{
	struct strv names = { 0 };
	struct dirent *e;
	DIR *d;

	if (get(&c->priv->main, K_ACCOUNTS) == NULL)
		return;
	c->accounts_dir = get_path(c, K_ACCOUNTS);
	watch_add(c, c->accounts_dir);
	d = opendir(c->accounts_dir);
	if (d == NULL) {
		issue(c, true, "DMBOX_ACCOUNTS_DIR", c->priv->main.v[K_ACCOUNTS].from, "%s: %s",
		    c->accounts_dir, strerror(errno));
		return;
	}
	while ((e = readdir(d)) != NULL)
		if (*e->d_name != '.' && str_ends(e->d_name, ".env"))
			strv_add(&names, e->d_name, strlen(e->d_name) - 4);
	closedir(d);
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	if (names.n > ACCOUNTS_MAX)
		issue(c, true, "DMBOX_ACCOUNTS_DIR", c->priv->main.v[K_ACCOUNTS].from,
		    "more than %u files", ACCOUNTS_MAX);
	else
		for (size_t i = 0; i < names.n; i++)
			account_file(c, names.v[i]);
	strv_free(&names);
}

static char *
database(struct conf *c, enum key k)
{
	const struct conf_kv *kv = &c->priv->main.v[k];
	char why[160], *out = NULL;

	if (kv->value == NULL)
		return NULL;
	if (dburl_make(kv->value, &out, why) != RC_OK)
		issue(c, true, defs[k].info.name, kv->from, "%s", why);
	else if (*why != '\0')
		issue(c, false, defs[k].info.name, kv->from, "%s", why);
	return out;
}

static void
databases(struct conf *c)
{
	const struct raw *m = &c->priv->main;
	const struct { enum key k; char **url; } roles[] = {
		{ K_DB_WEB, &c->database_url_web }, { K_DB_SEND, &c->database_url_send },
		{ K_DB_CRON, &c->database_url_cron }, { K_DB_READ, &c->database_url_read },
	};
	char why[160], *parts;

	c->database_url = database(c, K_DB_URL);
	if (c->database_url == NULL && get(m, K_DB_URL) == NULL &&
	    any_key(m, K_DB_HOST, K_DB_NAME)) {
		parts = dburl_from_parts(get(m, K_DB_HOST), get(m, K_DB_PORT), get(m, K_DB_USER),
		    get(m, K_DB_PASSWORD), get(m, K_DB_NAME));
		if (dburl_make(parts, &c->database_url, why) != RC_OK)
			issue(c, true, NULL, "DB_HOST ... DB_DATABASE", "%s", why);
		mem_free_secret(parts);
	}
	if (c->database_url == NULL) {
		c->database_url = mem_dup("");
		/* (not of a file that was refused or is malformed: it may contain the key) */
		if (get(m, K_DB_URL) == NULL && c->file != NULL && c->n_errors == 0)
			issue(c, false, NULL, c->file, "neither DATABASE_URL nor DB_HOST is set: "
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
	const char *file = get(m, K_LOG_FILE);

	for (int i = 0; i < LOG__MAX; i++)
		if (str_eq(get_def(m, K_LOG_LEVEL), levels[i]))
			c->log_level = i;
	c->log_json = str_eq(get(m, K_LOG_FORMAT), "json");
	c->log_max_bytes = get_num(m, K_LOG_MAX, 10485760);
	if (file != NULL)
		c->log_file = str_eq(file, "stderr") ? NULL : join(c->dir, file);
	else if (c->file != NULL && !isatty(STDERR_FILENO))
		c->log_file = join(c->dir, "logs/dmbox.log");
}

/* The installation's, unless another is named. */
static char *
tick_dir(const struct conf *c)
{
	const char *v = get(&c->priv->main, K_TICK);

	if (v == NULL)
		v = prefix_tick();
	return *v == '\0' || strcmp(v, "off") == 0 ? NULL : join(c->dir, v);
}

static void
scalars(struct conf *c)
{
	const struct raw *m = &c->priv->main;

	c->db_connect_s = (unsigned int)get_num(m, K_DB_CONNECT_S, 2);
	c->spool_dir = get_path(c, K_SPOOL);
	c->media_dir = get_path(c, K_MEDIA);
	c->tick_dir = tick_dir(c);
	c->media_day_bytes = get_num(m, K_MEDIA_DAY, 2000) * 1000000;
	c->public_url = get_url(get(m, K_PUBLIC_URL));
	get_list(m, K_PROXIES, ',', &c->trusted_proxies);
	c->max_body = (size_t)get_num(m, K_MAX_BODY, 4194304);
	c->keep_deliveries_days = (unsigned int)get_num(m, K_KEEP, 30);
	c->keep_refused_days = (unsigned int)get_num(m, K_KEEP_REFUSED, 3);
	c->lang = mem_dup(get(m, K_LANG));
	get_list(m, K_MEDIA_ALLOW, ',', &c->media_allow);
	c->sandbox = get_bool(m, K_SANDBOX);
	c->webhook_threads = (unsigned int)get_num(m, K_THREADS, 0);
	c->jwt_secret = mem_dup(get(m, K_JWT));
	c->jwt_secret_old = mem_dup(get(m, K_JWT_OLD));
	c->jwt_default_scope = mem_dup(get(m, K_JWT_SCOPE));
	c->jwt_public_key_file = get_path(c, K_JWT_PUBLIC);
	if (c->jwt_public_key_file != NULL && access(c->jwt_public_key_file, R_OK) != 0)
		issue(c, false, "JWT_PUBLIC_KEY_FILE", m->v[K_JWT_PUBLIC].from, "%s: %s",
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
				issue(c, false, NULL, a->file, "the accounts %s and %s of %s have "
				    "the same id %s", b->name, a->name, channel_names[a->channel],
				    a->own_id);
		}
}

enum rc
conf_load(enum conf_role role, const char *path, struct conf **out)
{
	struct conf *c = mem_alloc(sizeof(*c));

	tables();
	c->refs = 1;
	c->priv = mem_alloc(sizeof(*c->priv));
	raw_init(&c->priv->main);
	c->log_level = LOG_INFO;
	find_file(c, role, path);
	if (c->file != NULL)
		read_file(c, c->file, &c->priv->main, false);
	read_environment(&c->priv->main);
	if (c->file == NULL && get(&c->priv->main, K_DB_URL) == NULL)
		issue(c, true, NULL, "configuration", "none found: neither DMBOX_CONFIG nor %s/etc/"
		    "dmbox.env, ~/.config/dmbox/dmbox.env, /etc/dmbox/dmbox.env; run: dmbox init",
		    prefix());
	check_raw(c, &c->priv->main);
	accounts_of(c, &c->priv->main, "main", c->file);
	accounts_dir(c);
	databases(c);
	scalars(c);
	logging(c);
	same_ids(c);
	*out = c;
	return c->n_errors > 0 ? RC_INVALID : RC_OK;
}

/* ---- life ---- */

struct conf *
conf_hold(struct conf *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

static void
account_free(struct account *a)
{
	char *const strings[] = { a->name, a->api_url, a->token, a->own_id, a->file };

	a->provider->unconfigure(a->own);
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		mem_free_secret(strings[i]);
}

static void
issues_free(struct conf *c)
{
	for (size_t i = 0; i < c->n_issues; i++) {
		free(c->issues[i].text);
		free(c->issues[i].key);
	}
	free(c->issues);
}

void
conf_drop(struct conf *c)
{
	if (c == NULL || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	char *const strings[] = { c->file, c->dir, c->accounts_dir, c->database_url,
		c->database_url_web, c->database_url_send, c->database_url_cron,
		c->database_url_read, c->spool_dir, c->media_dir, c->tick_dir, c->public_url,
		    c->lang,
		c->log_file, c->jwt_secret, c->jwt_secret_old, c->jwt_default_scope,
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

static bool
watch_changed(const struct watch *old)
{
	struct watch now;

	watch_stat(&now, old->path);
	return now.exists != old->exists || now.dev != old->dev || now.ino != old->ino ||
	    now.size != old->size || memcmp(&now.mtime, &old->mtime, sizeof(now.mtime)) != 0 ||
	    memcmp(&now.ctime, &old->ctime, sizeof(now.ctime)) != 0;
}

bool
conf_stale(struct conf *c)
{
	struct conf_private *p = c->priv;
	int64_t now = clock_mono_ms(), last = __atomic_load_n(&p->looked_ms, __ATOMIC_RELAXED);

	if (__atomic_load_n(&p->stale, __ATOMIC_RELAXED))
		return true;
	if (last != 0 && now - last < 1000)
		return false;
	__atomic_store_n(&p->looked_ms, now, __ATOMIC_RELAXED);
	for (size_t i = 0; i < p->n_watch; i++)
		if (watch_changed(&p->watch[i])) {
			__atomic_store_n(&p->stale, true, __ATOMIC_RELAXED);
			return true;
		}
	return false;
}

static bool
below(const char *path, const char *root)
{
	char *p = path == NULL ? NULL : realpath(path, NULL), *r = realpath(root, NULL);
	size_t n = r == NULL ? 0 : strlen(r);
	bool yes = p != NULL && n > 1 && strncmp(p, r, n) == 0 && p[n] == '/';

	free(p);
	free(r);
	return yes;
}

bool
conf_below(const struct conf *c, const char *doc_root, char why[1024])
{
	const char *bad = NULL;
	char *home;

	if (str_empty(doc_root) || str_eq(doc_root, "/"))
		return false;
	if (below(c->file, doc_root))
		bad = c->file;
	else if (below(c->accounts_dir, doc_root))
		bad = c->accounts_dir;
	if (bad == NULL || why == NULL)
		return bad != NULL;
	home = home_file();
	snprintf(why, 1024, "%s lies below the document root %s, where the web server may hand it "
	    "out; move it out of there, for example to %s%s", bad, doc_root,
	    home != NULL && !below(home, doc_root) ? home : "/etc/dmbox/dmbox.env",
	    getenv("DMBOX_CONFIG") != NULL ? ", and set DMBOX_CONFIG accordingly" : "");
	free(home);
	return true;
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
	log_secret(get(m, K_DB_PASSWORD));
	secret_url(c->database_url);
	secret_url(c->database_url_web);
	secret_url(c->database_url_send);
	secret_url(c->database_url_cron);
	secret_url(c->database_url_read);
}

void
conf_log_open(const struct conf *c, const char *program)
{
	struct log_opts o = { .level = (enum log_level)c->log_level, .json = c->log_json,
		.file = c->log_file, .max_bytes = c->log_max_bytes, .program = program };

	log_open(&o);
}

/* ---- questions ---- */

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

/* The providers' keys are shown first: they are what people look for. */
static size_t
shown(size_t i)
{
	size_t of_providers = n_defs - K__MAX;

	return i < of_providers ? K__MAX + i : i - of_providers;
}

const struct conf_key_info *
conf_key(size_t i)
{
	tables();
	return i < n_defs ? &defs[shown(i)].info : NULL;
}

void
conf_value(const struct conf *c, size_t i, const char **value, const char **from)
{
	const struct conf_kv *kv = &c->priv->main.v[shown(i)];

	if (kv->value == NULL) {
		*value = defs[shown(i)].info.def;
		*from = "default";
	} else {
		*value = defs[shown(i)].info.secret ? MASKED : kv->value;
		*from = kv->from;
	}
}

bool
conf_account_value(const struct conf *c, const char *account, size_t i, const char **value,
    const char **from)
{
	for (size_t k = 0; k < c->priv->n_more; k++) {
		const struct conf_kv *kv = &c->priv->more[k].raw.v[shown(i)];

		if (!str_eq(c->priv->more[k].name, account) || kv->value == NULL)
			continue;
		*value = defs[shown(i)].info.secret ? MASKED : kv->value;
		*from = kv->from;
		return true;
	}
	return false;
}

/* ---- questions about an account ---- */

const char *
account_value(const struct account *a, const char *key)
{
	int k;

	tables();
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
	for (size_t k = 0; a->kv != NULL && k < n_defs; k++) {
		const struct conf_key_info *info = &defs[k].info;

		if (!info->secret || (defs[k].channels >> a->channel & 1) == 0 ||
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

	tables();
	raw_init(&raw);
	for (size_t i = 0; kv != NULL && kv[i] != NULL; i += 2) {
		int k = key_index(kv[i]);

		if (k < 0)
			LOG_BUG("conf_account_make: %s is no key", kv[i]);
		else
			set(&raw.v[k], kv[i + 1], "program");
	}
	split_lists(&raw);
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

const char *
conf_channel_key(enum channel ch, const char *tail)
{
	tables();
	for (size_t k = 0; k < n_defs; k++) {
		size_t n = strlen(channel_names[ch]);

		if (strncasecmp(defs[k].info.name, channel_names[ch], n) == 0 &&
		    defs[k].info.name[n] == '_' && str_eq(defs[k].info.name + n + 1, tail))
			return defs[k].info.name;
	}
	return "";
}

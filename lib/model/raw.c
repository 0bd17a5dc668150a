/*
 * The raw text of every key: where the file is, its lines, the environment, each value
 * checked by its kind where it stands so that a reason can name its line.  And whether a
 * file has changed since.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/key.h"
#include "model/raw.h"
#include "base/charset.h"
#include "base/envfile.h"
#include "base/mem.h"
#include "base/prefix.h"

#define FILE_MAX (1024u * 1024)

void
conf_issue(struct conf *c, bool error, const char *key, const char *from, const char *fmt, ...)
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

void
raw_set(struct conf_kv *kv, const char *value, const char *from)
{
	mem_free_secret(kv->value);
	free(kv->from);
	kv->value = str_empty(value) ? NULL : mem_dup(value);
	kv->from = kv->value == NULL ? NULL : mem_dup(from);
	strv_free(&kv->parts);
}

/* Behind the last raw_set(): the secrets of lists one by one. */
void
raw_split_lists(struct raw *raw)
{
	for (size_t k = 0; k < key_n; k++)
		if (key_defs[k].info.secret && key_defs[k].info.list && raw->v[k].value != NULL)
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
	near = key_nearest(key);
	if (near != NULL)
		conf_issue(c, error, key, from, "unknown key; did you mean %s?", near);
	else
		conf_issue(c, error, key, from, "unknown key");
}

static void
take_line(void *arg, unsigned int line, const char *key, const char *value, const char *why)
{
	struct reader *r = arg;
	char from[PATH_MAX + 16];
	int k;

	snprintf(from, sizeof(from), "%s:%u", r->file, line);
	if (why != NULL) {
		conf_issue(r->c, true, key, from, "%s", why);
		return;
	}
	k = key_index(key);
	if (k < 0)
		unknown_key(r->c, key, from);
	else if (k == K_CONFIG)
		conf_issue(r->c, false, key, from, "has no effect in a file");
	else if (r->account && !key_defs[k].info.per_account)
		conf_issue(r->c, false, key, from,
		    "has no effect in an account's file; it belongs in the main one");
	else
		raw_set(&r->raw->v[k], value, from);
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

void
conf_watch_add(struct conf *c, const char *path)
{
	struct conf_private *p = c->priv;

	p->watch = mem_realloc(p->watch, p->n_watch + 1, sizeof(*p->watch));
	watch_stat(&p->watch[p->n_watch], path);
	p->watch[p->n_watch++].path = mem_dup(path);
}

/* Read a whole file and its keys; what is wrong with it becomes an issue. */
void
raw_read_file(struct conf *c, const char *path, struct raw *raw, bool account)
{
	struct reader r = { c, raw, path, account };
	struct stat st;
	char *text = NULL;
	size_t n = 0, max;
	ssize_t got = 0;
	int fd;

	conf_watch_add(c, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) != 0) {
		conf_issue(c, true, NULL, path, "%s", strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		conf_issue(c, true, NULL, path, "not a regular file");
		goto out;
	}
	if (st.st_mode & (S_IROTH | S_IWOTH)) {
		conf_issue(c, true, NULL, path,
		    "it holds secrets and everybody may %s it; "
		    "run: chmod 640 %s",
		    st.st_mode & S_IROTH ? "read" : "write", path);
		goto out;
	}
	if (st.st_size > (off_t)FILE_MAX) {
		conf_issue(c, true, NULL, path, "larger than 1 MiB: not a configuration");
		goto out;
	}
	/* as large as the file: a buffer of the maximum stays in the heap for good */
	max = (size_t)st.st_size;
	text = mem_alloc(max + 1);
	while (n < max && (got = read(fd, text + n, max - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		conf_issue(c, true, NULL, path, "%s", strerror(errno));
	else
		envfile_parse(text, n, take_line, &r);
out:
	if (fd >= 0)
		close(fd);
	mem_wipe(text, n);
	free(text);
}

void
raw_read_environment(struct raw *raw)
{
	for (size_t k = 0; k < key_n; k++) {
		const char *v = getenv(key_defs[k].info.name);

		if (!str_empty(v))
			raw_set(&raw->v[k], v, "environment");
	}
}

/* Refuse what is wrong, drop placeholders. */
void
raw_check(struct conf *c, struct raw *raw)
{
	for (size_t k = 0; k < key_n; k++) {
		struct conf_kv *kv = &raw->v[k];
		char buf[160];
		const char *why, *odd;

		if (kv->value == NULL)
			continue;
		if (key_placeholder(kv->value)) {
			conf_issue(c, false, key_defs[k].info.name, kv->from,
			    "is still the example's placeholder; counts as not set");
			raw_set(kv, NULL, NULL);
			continue;
		}
		why = key_check(&key_defs[k], kv->value, buf);
		if (why == NULL)
			continue;
		odd = charset_odd(kv->value, strlen(kv->value));
		if (odd != NULL)
			conf_issue(c, true, key_defs[k].info.name, kv->from,
			    "holds %s, which a page or chat put there: type the value again", odd);
		else
			conf_issue(c, true, key_defs[k].info.name, kv->from, "%s", why);
		raw_set(kv, NULL, NULL);
	}
	raw_split_lists(raw);
}

void
raw_init(struct raw *raw)
{
	raw->v = mem_array(key_n, sizeof(*raw->v));
	memset(raw->v, 0, key_n * sizeof(*raw->v));
}

void
raw_free(struct raw *raw)
{
	for (size_t k = 0; k < key_n; k++)
		raw_set(&raw->v[k], NULL, NULL);
	free(raw->v);
}

char *
conf_join(const char *dir, const char *path)
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
	s = conf_join(cwd != NULL ? cwd : "/", path);
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
	return conf_join(pw.pw_dir, ".config/dmbox/dmbox.env");
}

/* One that is there but closed to us is told, not passed over; but who came here by
 * "sudo -u dmbox" stands in a folder of the caller, which holds nothing for us. */
static bool
readable_or_forbidden(const char *path, bool here)
{
	return access(path, F_OK) == 0 || (errno == EACCES && !here);
}

/* c->file and c->dir; candidates not there are watched, so that a first file
 * is seen. */
void
conf_find_file(struct conf *c, enum conf_role role, const char *param)
{
	const char *named = getenv("DMBOX_CONFIG");
	char *candidates[4] = { NULL };
	size_t n = 0;

	if (str_empty(named))
		named = param;
	if (!str_empty(named)) {
		c->file = absolute(named);
		raw_set(&c->priv->main.v[K_CONFIG], named, "environment");
		goto dir;
	}
	if (role == CONF_TOOL)
		candidates[n++] = absolute(".env");
	candidates[n++] = conf_join(prefix(), "etc/dmbox.env");
	candidates[n] = home_file();
	n += candidates[n] != NULL;
	candidates[n++] = mem_dup("/etc/dmbox/dmbox.env");
	for (size_t i = 0; i < n && c->file == NULL; i++) {
		if (readable_or_forbidden(candidates[i], role == CONF_TOOL && i == 0))
			c->file = mem_dup(candidates[i]);
		else
			conf_watch_add(c, candidates[i]);
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

const char *
raw_get(const struct raw *raw, enum key k)
{
	return raw->v[k].value;
}

/* The value, or the table's default, or NULL. */
const char *
raw_get_def(const struct raw *raw, enum key k)
{
	const char *v = raw_get(raw, k);

	if (v == NULL && *key_defs[k].info.def != '\0')
		v = key_defs[k].info.def;
	return v;
}

bool
raw_get_bool(const struct raw *raw, enum key k)
{
	bool b = false;

	return key_bool(raw_get_def(raw, k), &b) && b;
}

int64_t
raw_get_num(const struct raw *raw, enum key k, int64_t def)
{
	int64_t n;

	return raw_get(raw, k) != NULL && str_i64(raw_get(raw, k), &n) == RC_OK ? n : def;
}

char *
conf_get_path(const struct conf *c, enum key k)
{
	const char *v = raw_get_def(&c->priv->main, k);

	return v == NULL ? NULL : conf_join(c->dir, v);
}

/* Without slashes at the end. */
char *
conf_get_url(const char *v)
{
	size_t n = v == NULL ? 0 : strlen(v);

	while (n > 0 && v[n - 1] == '/')
		n--;
	return v == NULL ? NULL : mem_ndup(v, n);
}

void
issues_free(struct conf *c)
{
	for (size_t i = 0; i < c->n_issues; i++) {
		free(c->issues[i].text);
		free(c->issues[i].key);
	}
	free(c->issues);
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
	snprintf(why, 1024,
	    "%s lies below the document root %s, where the web server may hand it "
	    "out; move it out of there, for example to %s%s",
	    bad, doc_root, home != NULL && !below(home, doc_root) ? home : "/etc/dmbox/dmbox.env",
	    getenv("DMBOX_CONFIG") != NULL ? ", and set DMBOX_CONFIG accordingly" : "");
	free(home);
	return true;
}

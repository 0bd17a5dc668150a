/*
 * What a process holds between requests.  A configuration never changes once
 * loaded: a changed file makes a new one, requests under way keep the old one
 * by reference.  A broken new one is logged once and the last good
 * one stays in use (a typo must not stop the bridge).
 */
#include "bridge/ctx.h"

#include <libgen.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "extern/fcgi.h"
#include "base/log.h"
#include "base/mem.h"
#include "extern/sandbox.h"
#include "store/store.h"
#include "base/str.h"
#include "bridge/spoolmark.h"
#include "bridge/tick.h"

#define TICK_MS 1000
#define RETRY_BROKEN_MS 1000
#define RETRY_SPOOL_MS 5000
#define STORE_MS 4000		/* a webhook has 5 s for its answer, and then there is the spool */
#define SLOTS 512		/* a power of two */
#define PROBES 8

struct handle {
	struct db *db;
	char *conninfo;
};

/* A batch with the database it speaks to; older ones live until a tick after their last user
 * has ended: not in a thread that may be one of theirs, nor under the lock that those take. */
struct batch_of {
	struct batch_of *next;
	struct batch *b;
	char *conninfo;
	unsigned int users;
};

/* One counted key of ctx_limit. */
struct slot {
	char key[96];
	int64_t minute, reported_s;
	unsigned int count, extra;
};

struct ctx {
	const char *program;
	enum conf_role role;
	enum ctx_db_role db_role;
	unsigned int threads;
	pthread_mutex_t lock;		/* configuration and spool */
	struct conf *latest;		/* as the files say; may be broken */
	struct conf *good;		/* last one without errors; NULL if never */
	char *path;			/* conf_path that latest was loaded for */
	int64_t loaded_ms;
	char *told;			/* issues already said */
	char *root;			/* document root last compared with, and the verdict */
	const struct conf *root_of;
	bool root_bad;
	struct handle *dbs;		/* one a thread, and one for the process's own upkeep */
	struct batch_of *batches;	/* the one in use first */
	struct db_breaker *breaker;
	struct meter *meter;
	char *meter_dir;
	int64_t meter_ms;
	struct spool *spool;
	char *spool_dir;
	int64_t spool_ms;
	int64_t drain_ms;		/* the last look into it; 0 = never */
	atomic_llong moved_ms;		/* the tick file, clock_mono_ms(); 0 = never */
	atomic_bool move_due;
	pthread_mutex_t limit_lock;
	struct slot *slots;
	bool asked;			/* ctx_sandbox was called */
	char *policy, *policy_file;	/* what the sandbox was made of, and by which file */
};

/* Unlink and free *p. */
static void
batch_drop(struct batch_of **p)
{
	struct batch_of *x = *p;

	*p = x->next;
	batch_free(x->b);
	mem_free_secret(x->conninfo);
	free(x);
}

struct ctx *
ctx_new(const char *program, enum conf_role role, enum ctx_db_role db_role, unsigned int threads)
{
	struct ctx *c = mem_alloc(sizeof *c);

	c->program = program;
	c->role = role;
	c->db_role = db_role;
	c->threads = threads > 0 ? threads : 1;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->limit_lock, NULL);
	c->dbs = mem_array(c->threads + 1, sizeof *c->dbs);
	c->breaker = db_breaker_new();
	return c;
}

void
ctx_free(struct ctx *c)
{
	if (c == NULL)
		return;
	for (unsigned int i = 0; i <= c->threads; i++) {
		db_free(c->dbs[i].db);
		mem_free_secret(c->dbs[i].conninfo);
	}
	free(c->dbs);
	while (c->batches != NULL)
		batch_drop(&c->batches);
	db_breaker_free(c->breaker);
	if (c->spool != NULL)
		spool_close(c->spool);
	if (c->latest != NULL)
		conf_drop(c->latest);
	if (c->good != NULL)
		conf_drop(c->good);
	free(c->spool_dir);
	meter_close(c->meter);
	free(c->meter_dir);
	free(c->path);
	free(c->told);
	free(c->root);
	free(c->slots);
	mem_free_secret(c->policy);
	free(c->policy_file);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->limit_lock);
	free(c);
}

/* --- configuration -------------------------------------------------------- */

/* Say what is wrong, once: the same broken file is looked at every second. */
static void
tell(struct ctx *c, const struct conf *conf)
{
	struct buf b;

	buf_init(&b, 65536);
	for (size_t i = 0; i < conf->n_issues; i++)
		buf_printf(&b, "%s\n", conf->issues[i].text);
	if (!str_eq(c->told, b.p)) {
		for (size_t i = 0; i < conf->n_issues; i++) {
			if (conf->issues[i].error)
				log_error("configuration: %s", conf->issues[i].text);
			else
				log_warn("configuration: %s", conf->issues[i].text);
		}
		if (conf->n_errors > 0 && c->good != NULL)
			log_error("configuration: the last good one stays in use");
		free(c->told);
		c->told = buf_take(&b);
	}
	buf_free(&b);
}

/* --- sandbox -------------------------------------------------------------- */

static const char *role_url(const struct ctx *c, const struct conf *conf);

/* The sandbox policy in one string: all that it depends on; secrets may be in it. */
static char *
policy_of(const struct ctx *c, const struct conf *conf)
{
	struct buf b;
	char *s;

	buf_init(&b, 65536);
	if (conf->sandbox)
		buf_printf(&b, "%s\n%s\n%s\n%s\n%s\n%s", role_url(c, conf), conf->dir,
		    conf->log_file != NULL ? conf->log_file : "",
		    conf->spool_dir != NULL ? conf->spool_dir : "",
		    conf->accounts_dir != NULL ? conf->accounts_dir : "",
		    conf->tick_dir != NULL ? conf->tick_dir : "");
	s = buf_take(&b);
	buf_free(&b);
	return s;
}

/* A process cannot leave its sandbox: where the configuration wants another one
 * it ends, after the requests in flight, and the web server starts the next. */
static void
check_policy(struct ctx *c, const struct conf *conf)
{
	char *now;

	if (c->policy != NULL && str_eq(conf->file, c->policy_file)) {
		now = policy_of(c, conf);
		if (strcmp(now, c->policy) != 0) {
			log_info("sandbox: the configuration changed what is needed: "
				 "restarting");
			kill(getpid(), SIGUSR1);
		}
		mem_free_secret(now);
	} else if (c->asked && conf->sandbox) {
		log_warn("sandbox: off: the configuration came with a request; set "
			 "DMBOX_CONFIG in the "
			 "environment of the process");
	}
}

static void
load(struct ctx *c, const char *conf_path)
{
	struct conf *conf = NULL;
	enum rc rc = conf_load(c->role, conf_path, &conf);

	c->loaded_ms = clock_mono_ms();
	if (c->latest != NULL)
		conf_drop(c->latest);
	c->latest = conf;
	c->root_of = NULL;
	free(c->path);
	c->path = mem_dup(conf_path);
	conf_register_secrets(conf);
	if (rc == RC_OK || c->good == NULL)
		conf_log_open(conf, c->program);
	tell(c, conf);
	if (rc == RC_OK) {
		if (c->good != NULL) {
			log_info("configuration: %s taken up",
			    conf->file != NULL ? conf->file : "environment");
			conf_drop(c->good);
		}
		c->good = conf_hold(conf);
		check_policy(c, conf);
	}
}

static bool
must_load(struct ctx *c, const char *conf_path)
{
	if (c->latest == NULL || !str_eq(c->path, conf_path))
		return true;
	if (c->good == NULL && clock_mono_ms() - c->loaded_ms >= RETRY_BROKEN_MS)
		return true;	/* perhaps a file is there now */
	return conf_stale(c->latest);
}

/* Is the file, or the accounts' folder, where the web server would hand it out? */
static bool
exposed(struct ctx *c, const struct conf *conf, const char *doc_root)
{
	char why[1024];

	if (c->root_of == conf && str_eq(c->root, doc_root))
		return c->root_bad;
	c->root_of = conf;
	free(c->root);
	c->root = mem_dup(doc_root);
	c->root_bad = conf_below(conf, doc_root, why);
	if (c->root_bad)
		log_error("configuration: %s", why);
	return c->root_bad;
}

enum rc
ctx_conf(struct ctx *c, const char *conf_path, const char *doc_root, struct conf **out)
{
	struct conf *conf;
	enum rc rc;

	pthread_mutex_lock(&c->lock);
	if (must_load(c, conf_path)) {
		if (c->path != NULL && conf_path != NULL && strcmp(c->path, conf_path) != 0 &&
		    c->good != NULL) {	/* another site's: the old one is no stand-in for it */
			conf_drop(c->good);
			c->good = NULL;
		}
		load(c, conf_path);
	}
	conf = c->good != NULL ? c->good : c->latest;
	rc = c->good == NULL || exposed(c, conf, doc_root) ? RC_INVALID : RC_OK;
	*out = conf_hold(conf);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

struct conf *
ctx_conf_now(struct ctx *c)
{
	struct conf *conf;

	pthread_mutex_lock(&c->lock);
	conf = c->good != NULL ? conf_hold(c->good) : NULL;
	pthread_mutex_unlock(&c->lock);
	return conf;
}

/* --- handles -------------------------------------------------------------- */

static const char *
role_url(const struct ctx *c, const struct conf *conf)
{
	const char *url = NULL;

	switch (c->db_role) {
	case CTX_DB_WEB:
		url = conf->database_url_web;
		break;
	case CTX_DB_SEND:
		url = conf->database_url_send;
		break;
	case CTX_DB_CRON:
		url = conf->database_url_cron;
		break;
	case CTX_DB_READ:
		url = conf->database_url_read;
		break;
	}
	if (url == NULL)
		url = conf->database_url;
	return url != NULL ? url : "";
}

struct db *
ctx_db(struct ctx *c, const struct conf *conf, unsigned int thread)
{
	struct handle *h = &c->dbs[thread < c->threads ? thread : c->threads];
	const char *url = role_url(c, conf);

	if (h->db != NULL && str_eq(h->conninfo, url))
		return h->db;
	db_free(h->db);
	mem_free_secret(h->conninfo);
	h->conninfo = mem_dup(url);
	h->db = db_new(&(struct db_opts){
	    .conninfo = url,
	    .connect_s = conf->db_connect_s,
	    .breaker = c->breaker,
	    .app = c->program,
	    .on_connect = store_schema_check,
	});
	return h->db;
}

struct batch *
ctx_batch(struct ctx *c, const struct conf *conf)
{
	const char *url = role_url(c, conf);
	struct batch_of *x;

	pthread_mutex_lock(&c->lock);
	x = c->batches;
	if (x == NULL || !str_eq(x->conninfo, url)) {
		x = mem_alloc(sizeof *x);
		x->conninfo = mem_dup(url);
		x->b = batch_new(&(struct batch_opts){
			.db = {
				.conninfo = x->conninfo,
				.connect_s = conf->db_connect_s,
				.breaker = c->breaker,
				.app = c->program,
				.statement_ms = STORE_MS,
				.on_connect = store_schema_check,
			},
			.alone = c->threads == 1,
			.share_dir = conf->spool_dir,
			.share_conf = conf->file,
			.lent = fcgi_serve_lent,
			.one_request = fcgi_is_cgi(),
		});
		x->next = c->batches;
		c->batches = x;
	}
	x->users++;
	pthread_mutex_unlock(&c->lock);
	return x->b;
}

void
ctx_batch_done(struct ctx *c, struct batch *b)
{
	struct batch_of *x;

	pthread_mutex_lock(&c->lock);
	for (x = c->batches; x->b != b; x = x->next)
		;
	x->users--;
	pthread_mutex_unlock(&c->lock);
}

/* Those of databases that the configuration names no more.  One that still serves others, and
 * by that keeps the worker that lent its socket, is first stopped. */
static void
drop_unused(struct ctx *c)
{
	struct batch_of **p, *x, *unused = NULL;
	struct batch *old = NULL;

	pthread_mutex_lock(&c->lock);
	p = c->batches != NULL ? &c->batches->next : &c->batches;
	while ((x = *p) != NULL) {
		if (x->users > 0) {
			old = x->b;
			p = &x->next;
			continue;
		}
		*p = x->next;
		x->next = unused;
		unused = x;
	}
	pthread_mutex_unlock(&c->lock);
	while (unused != NULL)
		batch_drop(&unused);
	if (old != NULL)	/* none but this thread drops it */
		batch_stop(old);
}

void
ctx_batch_tick(struct ctx *c)
{
	struct batch *v[8];	/* more databases at a time would be a configuration gone wild */
	size_t n = 0;

	pthread_mutex_lock(&c->lock);
	for (struct batch_of *x = c->batches; x != NULL && n < sizeof v / sizeof *v; x = x->next) {
		x->users++;
		v[n++] = x->b;
	}
	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < n; i++) {
		batch_expire(v[i]);
		ctx_batch_done(c, v[i]);
	}
	drop_unused(c);
}

void
ctx_batch_lend(struct ctx *c, int listen_fd)
{
	struct batch_of *x;

	pthread_mutex_lock(&c->lock);
	if ((x = c->batches) != NULL)
		x->users++;
	pthread_mutex_unlock(&c->lock);
	if (x == NULL)
		return;
	batch_lend(x->b, listen_fd);
	ctx_batch_done(c, x->b);
}

void
ctx_batch_stop(struct ctx *c)
{
	struct batch_of *first, *now;

	pthread_mutex_lock(&c->lock);
	now = c->batches;
	pthread_mutex_unlock(&c->lock);
	do {	/* what is served until then may need another; none is dropped but by the tick */
		first = now;
		for (struct batch_of *x = first; x != NULL; x = x->next)
			batch_stop(x->b);
		pthread_mutex_lock(&c->lock);
		now = c->batches;
		pthread_mutex_unlock(&c->lock);
	} while (now != first);
}

/* NULL: it cannot be used, or is another installation's. */
static struct spool *
open_spool(const char *dir, const struct conf *conf)
{
	struct spool *s = NULL;
	char other[1024];

	if (spool_open(dir, &s) == RC_OK && spoolmark(conf, dir, other) != RC_OK) {
		log_error("spool: %s is that of %s, which stores in another database; set "
			  "DMBOX_SPOOL_DIR to a folder of its own in %s",
		    dir, other, conf->file);
		spool_close(s);
		s = NULL;
	}
	return s;
}

struct spool *
ctx_spool(struct ctx *c, const struct conf *conf)
{
	struct spool *s;
	int64_t now = clock_mono_ms();

	pthread_mutex_lock(&c->lock);
	if (conf->spool_dir != NULL && !str_eq(c->spool_dir, conf->spool_dir)) {
		/* the old one may be in use by a request under way: it stays open,
		 * a few hundred bytes for each change of the folder */
		c->spool = NULL;
		c->spool_ms = 0;
		free(c->spool_dir);
		c->spool_dir = mem_dup(conf->spool_dir);
	}
	if (c->spool == NULL && c->spool_dir != NULL &&
	    (c->spool_ms == 0 || now - c->spool_ms >= RETRY_SPOOL_MS)) {
		c->spool_ms = now;
		c->spool = open_spool(c->spool_dir, conf);
	}
	s = c->spool;
	pthread_mutex_unlock(&c->lock);
	return s;
}

bool
ctx_time_to_drain(struct ctx *c, int64_t every_ms)
{
	int64_t now = clock_mono_ms();

	if (c->drain_ms != 0 && now - c->drain_ms < every_ms)
		return false;
	c->drain_ms = now;
	return true;
}

struct meter *
ctx_meter(struct ctx *c, const struct conf *conf)
{
	struct meter *m;
	int64_t now = clock_mono_ms();

	pthread_mutex_lock(&c->lock);
	if (conf->spool_dir != NULL && !str_eq(c->meter_dir, conf->spool_dir)) {
		/* as with the spool: another thread may just be counting in the old one */
		c->meter = NULL;
		c->meter_ms = 0;
		free(c->meter_dir);
		c->meter_dir = mem_dup(conf->spool_dir);
	}
	if (c->meter == NULL && c->meter_dir != NULL &&
	    (c->meter_ms == 0 || now - c->meter_ms >= RETRY_SPOOL_MS)) {
		c->meter_ms = now;
		if (meter_open(c->meter_dir, &m) == RC_OK)
			c->meter = m;
	}
	m = c->meter;
	pthread_mutex_unlock(&c->lock);
	return m;
}

/* --- the tick file --------------------------------------------------------- */

void
ctx_changed(struct ctx *c, const struct conf *conf)
{
	long long now, last;

	if (conf->tick_dir == NULL)
		return;
	now = clock_mono_ms();
	last = atomic_load(&c->moved_ms);
	/* of several threads one moves it, and the others' changes are due */
	if ((last != 0 && now - last < TICK_MS) ||
	    !atomic_compare_exchange_strong(&c->moved_ms, &last, now))
		atomic_store(&c->move_due, true);
	else if (tick_move(conf->tick_dir) != RC_OK)
		log_debug("tick file: not moved");
}

void
ctx_changed_tick(struct ctx *c)
{
	struct conf *conf;

	if (!atomic_exchange(&c->move_due, false) || (conf = ctx_conf_now(c)) == NULL)
		return;
	atomic_store(&c->moved_ms, clock_mono_ms());
	if (conf->tick_dir != NULL && tick_move(conf->tick_dir) != RC_OK)
		log_debug("tick file: not moved");
	conf_drop(conf);
}

/* --- limits --------------------------------------------------------------- */

static uint32_t
hash(const char *s)
{
	uint32_t h = 2166136261u;	/* FNV-1a; a flood of chosen keys only evicts */

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* The key's slot, else a free one, else the one that counts least. */
static struct slot *
find_slot(struct ctx *c, const char *key)
{
	struct slot *best = NULL, *s;
	uint32_t h = hash(key);

	if (c->slots == NULL)
		c->slots = mem_array(SLOTS, sizeof *c->slots);
	for (uint32_t i = 0; i < PROBES; i++) {
		s = &c->slots[(h + i) % SLOTS];
		if (strcmp(s->key, key) == 0)
			return s;
		if (best == NULL || s->minute < best->minute ||
		    (s->minute == best->minute && s->count < best->count))
			best = s;
	}
	memset(best, 0, sizeof *best);
	snprintf(best->key, sizeof best->key, "%s", key);
	return best;
}

bool
ctx_limit(struct ctx *c, const char *key, unsigned int per_minute, unsigned int *extra)
{
	int64_t now_s = clock_now_us() / 1000000;
	char cut[96];
	struct slot *s;
	bool within;

	snprintf(cut, sizeof cut, "%s", key);
	if (extra != NULL)
		*extra = 0;
	pthread_mutex_lock(&c->limit_lock);
	s = find_slot(c, cut);
	if (s->minute != now_s / 60) {
		s->minute = now_s / 60;
		s->count = 0;
	}
	within = s->count < per_minute;
	if (within)
		s->count++;
	else
		s->extra++;
	if (extra != NULL && s->extra > 0 && s->reported_s != now_s) {
		*extra = s->extra;
		s->extra = 0;
		s->reported_s = now_s;
	}
	pthread_mutex_unlock(&c->limit_lock);
	return within;
}

bool
ctx_limit_reached(struct ctx *c, const char *key, unsigned int per_minute)
{
	int64_t minute = clock_now_us() / 60000000;
	uint32_t h = hash(key);
	bool reached = false;

	pthread_mutex_lock(&c->limit_lock);
	for (uint32_t i = 0; c->slots != NULL && i < PROBES; i++) {
		const struct slot *s = &c->slots[(h + i) % SLOTS];

		if (strcmp(s->key, key) == 0)
			reached = s->minute == minute && s->count >= per_minute;
	}
	pthread_mutex_unlock(&c->limit_lock);
	return reached;
}

bool
ctx_limit_left(struct ctx *c, const char *prefix, char key[96], unsigned int *extra)
{
	bool found = false;

	pthread_mutex_lock(&c->limit_lock);
	for (size_t i = 0; c->slots != NULL && i < SLOTS && !found; i++) {
		struct slot *s = &c->slots[i];

		if (s->extra == 0 || !str_starts(s->key, prefix))
			continue;
		memcpy(key, s->key, sizeof s->key);
		*extra = s->extra;
		s->extra = 0;
		found = true;
	}
	pthread_mutex_unlock(&c->limit_lock);
	return found;
}

/* --- entering the sandbox ------------------------------------------------- */

#define PATHS_MAX 48

/* The folder a file lies in: it may be replaced by rename. */
static const char *
folder_of(struct mem_arena *a, const char *file)
{
	return file != NULL ? dirname(mem_arena_dup(a, file)) : NULL;
}

static void
add_path(const char **v, size_t *n, const char *path)
{
	if (path != NULL && *path != '\0' && *n < PATHS_MAX - 1)
		v[(*n)++] = path;
}

static const char *
below_home(struct mem_arena *a, const char *name)
{
	struct passwd pw, *got = NULL;
	char mem[4096], path[4096];

	if (getpwuid_r(geteuid(), &pw, mem, sizeof mem, &got) != 0 || got == NULL)
		return NULL;
	snprintf(path, sizeof path, "%s/%s", pw.pw_dir, name);
	return mem_arena_dup(a, path);
}

static void
enter(struct ctx *c, const struct conf *conf)
{
	/* what libc, libpq and OpenSSL read by themselves */
	static const char *const libs[] = { "/lib", "/lib64", "/usr/lib", "/usr/lib64",
		"/usr/local/lib", "/usr/share/zoneinfo", "/usr/lib/ssl", "/etc/ssl", "/etc/pki",
		"/usr/share/ca-certificates", "/proc/self", "/dev/urandom",
		"/sys/devices/system/cpu", "/etc/ld.so.cache", "/etc/localtime", "/etc/passwd",
		"/etc/group", "/etc/nsswitch.conf" };
	/* names: these are replaced by rename while we run */
	static const char *const names[] = { "/etc", "/run/systemd/resolve", "/run/NetworkManager",
		"/run/resolvconf", "/var/run/nscd" };
	const char *read[PATHS_MAX] = { NULL }, *write[PATHS_MAX] = { NULL };
	struct mem_arena a = { 0 };
	size_t nr = 0, nw = 0;
	struct db_reach db;
	struct sandbox s = { .read = read, .write = write };
	unsigned int held;

	db_reach(role_url(c, conf), &db);
	for (size_t i = 0; i < sizeof libs / sizeof *libs; i++)
		add_path(read, &nr, libs[i]);
	for (size_t i = 0; db.inet && i < sizeof names / sizeof *names; i++)
		add_path(read, &nr, names[i]);
	for (size_t i = 0; i < db.files.n; i++)
		add_path(read, &nr, db.files.v[i]);
	add_path(read, &nr, below_home(&a, ".pgpass"));
	add_path(read, &nr, below_home(&a, ".postgresql"));
	add_path(read, &nr, conf->file != NULL ? conf->dir : NULL);
	add_path(read, &nr, conf->accounts_dir);
	add_path(read, &nr, folder_of(&a, conf->jwt_public_key_file));
	add_path(write, &nw, "/dev/null");
	add_path(write, &nw, conf->spool_dir);
	add_path(write, &nw, conf->tick_dir);
	add_path(write, &nw, folder_of(&a, conf->log_file));
	s.net.inet = db.inet;
	s.net.n = db.n;
	memcpy(s.net.port, db.port, sizeof db.port);
	held = sandbox_enter(&s);
	log_info("sandbox: on (calls %s, files %s, network %s)",
	    held & SANDBOX_CALLS ? "limited" : "open", held & SANDBOX_FILES ? "limited" : "open",
	    db.inet ? "database's port" : "none");
	strv_free(&db.files);
	mem_arena_free(&a);
}

void
ctx_sandbox(struct ctx *c)
{
	struct conf *look, *conf = NULL;
	enum rc rc = conf_load(c->role, NULL, &look);

	c->asked = true;
	if (rc == RC_OK && (look->file != NULL || look->sandbox)) {
		c->policy = policy_of(c, look);
		c->policy_file = mem_dup(look->file);
	}
	if (rc == RC_OK && look->sandbox && ctx_conf(c, NULL, NULL, &conf) == RC_OK) {
		(void)ctx_spool(c, conf);	/* its folder must be there to be named */
		enter(c, conf);
	}
	conf_drop(conf);
	conf_drop(look);
}

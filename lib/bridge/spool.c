/*
 * Durable files for deliveries that the database did not take.
 *
 * A maildir: a file is written in tmp/, synced, and appears in new/ by rename;
 * the folder is synced before anybody says that the bytes are safe.  Who
 * drains it takes a file by renaming it into cur/ under a name of its own
 * making, so two drainers (or hosts) never hold the same one; a claim that is
 * a minute old is taken over in the same way.  Storing a file twice does no
 * harm: the delivery_uid in it keeps it single.
 *
 * A file is a few "key value" lines, an empty line, the raw body.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/provider.h"
#include "extern/sign.h"
#include "bridge/spool.h"
#include "base/str.h"

enum { TMP, NEW, CUR, BAD, DIRS };
static const char *const dir_names[DIRS] = { "tmp", "new", "cur", "bad" };

enum {
	CLAIM_S = 60,		/* a claim older than this is anybody's */
	TMP_S = 3600,		/* a temporary file older than this was never acknowledged */
	PAUSE_S = 5,		/* after the first failure; doubled each time */
	PAUSE_MAX_S = 3600,
	DAY_S = 86400,
	LIST_MAX = 4096,	/* names kept in memory at a time */
	/* the ledger's JSON of a request's headers has up to 256 kB, escaped three times as much */
	HEAD_MAX = 1024 * 1024,
	UID_LEN = 36,
	TIME_LEN = 17		/* microseconds, zero-padded: good until the year 5138 */
};
#define FILE_MAX ((off_t)256 * 1024 * 1024)
#define FLOOR_MIN ((uint64_t)16 << 20)
#define FLOOR_MAX ((uint64_t)256 << 20)

/* One name of the list: in new/, or a stale claim in cur/. */
struct entry {
	char *name;
	int dir;
};

struct spool {
	char *path;
	int fd[DIRS];
	pthread_mutex_t mu;	/* list, next */
	struct entry *list;	/* sorted; used up from next on */
	size_t n, next;
};

struct spool_file {
	char *name;		/* as in new/: TIME.UID[.tN] */
	char *claim;		/* as in cur/ */
	unsigned int tries;
	char *bytes;		/* header and body */
	struct delivery d;
};

/* ---- folders ---------------------------------------------------------------- */

/* Make the folder unless it is there; only a folder of our making gets our mode. */
static enum rc
make_dir(int at, const char *name, bool *made)
{
	if (mkdirat(at, name, 0770) == 0) {
		*made = true;
		if (fchmodat(at, name, 02770, 0) != 0)
			log_warn("spool: chmod %s: %s", name, strerror(errno));
		return RC_OK;
	}
	return errno == EEXIST ? RC_OK : RC_TEMP;
}

/* The names of folders that were just made: to sync what is in one does not keep them.  The
 * folder above may be closed to us: then its own order of writing has to do. */
static void
sync_names(const struct spool *s, int top)
{
	int above = openat(top, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fsync(top) != 0 || (above >= 0 && fsync(above) != 0))
		log_warn("spool: fsync of %s: %s", s->path, strerror(errno));
	if (above >= 0)
		close(above);
}

enum rc
spool_open(const char *dir, struct spool **out)
{
	struct spool *s = mem_alloc(sizeof *s);
	bool made = false;
	int top = -1;

	for (int i = 0; i < DIRS; i++)
		s->fd[i] = -1;
	pthread_mutex_init(&s->mu, NULL);
	s->path = mem_dup(dir);
	if (make_dir(AT_FDCWD, dir, &made) != RC_OK ||
	    (top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		goto fail;
	for (int i = 0; i < DIRS; i++) {
		if (make_dir(top, dir_names[i], &made) != RC_OK)
			goto fail;
		s->fd[i] = openat(top, dir_names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s->fd[i] < 0)
			goto fail;
	}
	if (made)
		sync_names(s, top);
	close(top);
	*out = s;
	return RC_OK;
fail:
	log_error("spool: cannot use %s: %s", dir, strerror(errno));
	if (top >= 0)
		close(top);
	spool_close(s);
	return RC_TEMP;
}

static void
list_free(struct spool *s)
{
	for (size_t i = s->next; i < s->n; i++)
		free(s->list[i].name);
	free(s->list);
	s->list = NULL;
	s->n = s->next = 0;
}

void
spool_close(struct spool *s)
{
	if (s == NULL)
		return;
	list_free(s);
	for (int i = 0; i < DIRS; i++)
		if (s->fd[i] >= 0)
			close(s->fd[i]);
	pthread_mutex_destroy(&s->mu);
	free(s->path);
	free(s);
}

/* Is there room for n bytes and a file, and enough left for everybody else? */
static bool
has_room(const struct spool *s, size_t n)
{
	struct statvfs v;
	uint64_t total, room, left_free;

	if (fstatvfs(s->fd[TMP], &v) != 0)
		return true;	/* then the write will tell */
	total = (uint64_t)v.f_blocks * v.f_frsize;
	room = (uint64_t)v.f_bavail * v.f_frsize;
	left_free = total / 100;
	if (left_free < FLOOR_MIN)
		left_free = FLOOR_MIN;
	if (left_free > FLOOR_MAX)
		left_free = FLOOR_MAX;
	if (left_free > total / 10)
		left_free = total / 10;	/* a small file system of its own */
	if (room < left_free + n) {
		log_error("spool: only %llu MB free in %s: not used any further",
		    (unsigned long long)(room >> 20), s->path);
		return false;
	}
	if (v.f_files != 0 && v.f_favail < 1 + (v.f_files / 100 < 1000 ? v.f_files / 100 : 1000)) {
		log_error("spool: too few inodes free in %s", s->path);
		return false;
	}
	return true;
}

/* ---- writing ------------------------------------------------------------------ */

static void
head_line(struct buf *b, const char *key, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(b, "%s ", key);
	for (const char *p = value; *p != '\0'; p++) {
		if (*p == '\n' || *p == '%')
			buf_printf(b, "%%%02x", (unsigned char)*p);
		else
			buf_putc(b, *p);
	}
	buf_putc(b, '\n');
}

static void
head_make(struct buf *b, const struct delivery *d)
{
	buf_puts(b, "dmbox-spool 1\n");
	head_line(b, "uid", d->uid);
	buf_printf(b, "received_us %lld\n", (long long)d->received_at_us);
	head_line(b, "channel", channel_names[d->channel]);
	head_line(b, "account", d->account);
	buf_printf(b, "named %d\n", d->account_named);
	head_line(b, "provider", delivery_provider_called(d));
	head_line(b, "source", source_names[d->source]);
	head_line(b, "request_id", d->request_id);
	head_line(b, "remote_addr", d->remote_addr);
	head_line(b, "content_type", d->content_type);
	head_line(b, "headers", d->headers);
	buf_printf(b, "length %zu\n\n", d->body_n);
}

enum rc
spool_put(struct spool *s, const struct delivery *d)
{
	char name[128], tmp[160], token[9];
	const char *step = "header";
	struct buf head;
	bool ok = false;
	int fd = -1;

	buf_init(&head, HEAD_MAX);
	head_make(&head, d);
	if (!has_room(s, head.n + d->body_n)) {
		buf_free(&head);
		return RC_TEMP;
	}
	sign_token(token, 8);
	snprintf(name, sizeof name, "%0*lld.%s", TIME_LEN, (long long)d->received_at_us, d->uid);
	snprintf(tmp, sizeof tmp, "%s.%s", name, token);
	if (buf_err(&head)) {
		errno = EMSGSIZE;
		goto out;
	}
	step = "open";
	fd = openat(s->fd[TMP], tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
	if (fd < 0)
		goto out;
	step = "write";
	/* the other user of the shared group drains it, whatever our umask */
	if (fchmod(fd, 0660) != 0 || !file_write(fd, head.p, head.n) ||
	    !file_write(fd, d->body, d->body_n))
		goto out;
	step = "fsync";
	if (fsync(fd) != 0)
		goto out;
	step = "close";
	if (close(fd) != 0) {
		fd = -1;
		goto out;
	}
	fd = -1;
	step = "rename";
	if (renameat(s->fd[TMP], tmp, s->fd[NEW], name) != 0)
		goto out;
	step = "fsync of the folder";
	/* on failure the file stays: it may be drained, and the provider may come again */
	if (fsync(s->fd[NEW]) != 0)
		goto out;
	ok = true;
out:
	if (!ok) {
		log_error("spool: %s in %s: %s", step, s->path, strerror(errno));
		if (fd >= 0)
			close(fd);
		unlinkat(s->fd[TMP], tmp, 0);
	}
	buf_free(&head);
	return ok ? RC_OK : RC_TEMP;
}

/* ---- listing --------------------------------------------------------------------- */

static int
entry_cmp(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* TIME.UID...: nothing else is ours. */
static bool
is_ours(const char *name)
{
	return strlen(name) >= TIME_LEN + 1 + UID_LEN && name[TIME_LEN] == '.' &&
	    strspn(name, "0123456789") == TIME_LEN;
}

static int64_t
age_s(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	return (int64_t)(time(NULL) - st.st_mtime);
}

/* Call fn for each of our files in folder dir. */
static enum rc
each_file(
    const struct spool *s, int dir, void (*fn)(void *arg, int dir, const char *name), void *arg)
{
	int fd = openat(s->fd[dir], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (d == NULL) {
		log_error("spool: cannot read %s/%s: %s", s->path, dir_names[dir], strerror(errno));
		if (fd >= 0)
			close(fd);
		return RC_TEMP;
	}
	while ((e = readdir(d)) != NULL)
		if (is_ours(e->d_name))
			fn(arg, dir, e->d_name);
	closedir(d);
	return RC_OK;
}

static void
list_cut(struct spool *s)
{
	qsort(s->list, s->n, sizeof *s->list, entry_cmp);
	while (s->n > LIST_MAX)
		free(s->list[--s->n].name);
}

static void
list_add(void *arg, int dir, const char *name)
{
	struct spool *s = arg;

	if (dir == CUR && age_s(s->fd[CUR], name) < CLAIM_S)
		return;
	/* one that failed pauses until its time */
	if (dir == NEW && name[TIME_LEN + 1 + UID_LEN] == '.' && age_s(s->fd[NEW], name) < 0)
		return;
	s->list[s->n].name = mem_dup(name);
	s->list[s->n++].dir = dir;
	if (s->n == 2 * LIST_MAX)
		list_cut(s);	/* the oldest stay */
}

static void
tmp_clean(void *arg, int dir, const char *name)
{
	struct spool *s = arg;

	if (age_s(s->fd[dir], name) > TMP_S)
		unlinkat(s->fd[dir], name, 0);
}

static enum rc
list_fill(struct spool *s)
{
	enum rc rc;

	list_free(s);
	s->list = mem_array(2 * LIST_MAX, sizeof *s->list);
	if ((rc = each_file(s, NEW, list_add, s)) != RC_OK ||
	    (rc = each_file(s, CUR, list_add, s)) != RC_OK)
		return rc;
	list_cut(s);
	return each_file(s, TMP, tmp_clean, s);
}

/* ---- claiming ---------------------------------------------------------------------- */

static void
file_free(struct spool_file *f)
{
	delivery_free(&f->d);
	free(f->name);
	free(f->claim);
	free(f->bytes);
	free(f);
}

/* The name in new/ behind the one of a claim: TIME.UID[.tN][.cTOKEN] */
static char *
plain_name(const char *name, unsigned int *tries)
{
	const char *tail = name + TIME_LEN + 1 + UID_LEN, *c = strstr(tail, ".c"),
		   *t = strstr(tail, ".t");
	int64_t n = 0;

	if (t != NULL &&
	    str_n_i64(t + 2, c != NULL && c > t ? (size_t)(c - t - 2) : strlen(t + 2), &n) != RC_OK)
		n = 0;
	*tries = (unsigned int)n;
	return mem_ndup(name, TIME_LEN + 1 + UID_LEN);
}

/* The n bytes of fd that fstat promised, fewer where the file is shorter; false with errno. */
static bool
read_whole(int fd, char *p, size_t n, size_t *got)
{
	for (*got = 0; *got < n;) {
		ssize_t r = read(fd, p + *got, n - *got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return false;	/* the disk's fault: what is in the file is not known */
		if (r == 0)
			break;
		*got += (size_t)r;
	}
	return true;
}

/* Read the whole file; NULL with errno. */
static char *
read_file(const struct spool *s, int dir, const char *claim, size_t *n)
{
	int fd = openat(s->fd[dir], claim, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), e = 0;
	struct stat st;
	char *p = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0) {
		e = errno;
	} else if (st.st_size > FILE_MAX) {
		e = EFBIG;
	} else {
		p = mem_alloc((size_t)st.st_size + 1);
		if (!read_whole(fd, p, (size_t)st.st_size, n)) {
			e = errno;
			free(p);
			p = NULL;
		}
	}
	close(fd);
	errno = e;
	return p;
}

static size_t
name_index(const char *s, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s, v[i]) == 0)
			return i;
	return n;
}

static void
unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		unsigned char c;

		if (*s == '%' && str_unhex(s + 1, 2, &c) == RC_OK) {
			*to++ = (char)c;
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static enum rc
head_value(struct delivery *d, const char *key, char *v, int64_t *length)
{
	int64_t n = 0;
	size_t i;

	unescape(v);
	if (str_eq(key, "uid")) {
		if (strlen(v) != UID_LEN)
			return RC_INVALID;
		memcpy(d->uid, v, UID_LEN + 1);
	} else if (str_eq(key, "received_us")) {
		return str_i64(v, &d->received_at_us);
	} else if (str_eq(key, "channel")) {
		return channel_by_name(v, &d->channel);
	} else if (str_eq(key, "provider")) {
		d->mock = str_eq(v, "mock");	/* its provider is the account's */
		d->provider = provider_by_name(v);
		return d->mock || d->provider != NULL ? RC_OK : RC_INVALID;
	} else if (str_eq(key, "source")) {
		i = name_index(v, source_names, SOURCE__MAX);
		d->source = (enum source)i;
		return i < SOURCE__MAX ? RC_OK : RC_INVALID;
	} else if (str_eq(key, "named")) {
		d->account_named = str_eq(v, "1");
	} else if (str_eq(key, "account")) {
		d->account = v;
	} else if (str_eq(key, "request_id")) {
		d->request_id = v;
	} else if (str_eq(key, "remote_addr")) {
		d->remote_addr = v;
	} else if (str_eq(key, "content_type")) {
		d->content_type = v;
	} else if (str_eq(key, "headers")) {
		d->headers = v;
	} else if (str_eq(key, "length")) {
		if (str_i64(v, &n) != RC_OK || n < 0)
			return RC_INVALID;
		*length = n;
	}
	return RC_OK;	/* keys of a newer version are passed over */
}

/* Take bytes apart in place. */
static enum rc
file_parse(struct spool_file *f, size_t n)
{
	char *p = f->bytes, *end = f->bytes + n, *nl, *sp;
	int64_t length = -1;
	bool first = true;

	f->d.uid[0] = '\0';	/* a new one each time would make two of one */
	for (;; p = nl + 1, first = false) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			return RC_INVALID;
		*nl = '\0';
		if (nl == p)
			break;
		if (first) {
			if (strcmp(p, "dmbox-spool 1") != 0)
				return RC_INVALID;
			continue;
		}
		if ((sp = strchr(p, ' ')) == NULL)
			return RC_INVALID;
		*sp = '\0';
		if (head_value(&f->d, p, sp + 1, &length) != RC_OK)
			return RC_INVALID;
	}
	f->d.body = nl + 1;
	f->d.body_n = (size_t)(end - nl - 1);
	return f->d.account != NULL && f->d.uid[0] != '\0' && length == (int64_t)f->d.body_n ?
	    RC_OK :
	    RC_INVALID;
}

static void
set_aside(struct spool *s, const char *claim, const char *name, const char *why)
{
	if (renameat(s->fd[CUR], claim, s->fd[BAD], name) == 0)
		log_error("spool: %s is quarantined in %s/bad: %s", name, s->path, why);
	else
		log_error("spool: cannot set %s aside: %s", claim, strerror(errno));
}

/* Claim this one; NULL where another was faster or it cannot be read. */
static struct spool_file *
claim_one(struct spool *s, const struct entry *e)
{
	struct spool_file *f;
	char token[9], claim[200];
	unsigned int tries;
	size_t n = 0;
	char *name = plain_name(e->name, &tries);

	sign_token(token, 8);
	snprintf(claim, sizeof claim, "%s.t%u.c%s", name, tries, token);
	if (renameat(s->fd[e->dir], e->name, s->fd[CUR], claim) != 0) {
		free(name);
		return NULL;
	}
	/* the age of the claim; a drainer that looks in between takes it over, no harm */
	(void)utimensat(s->fd[CUR], claim, NULL, 0);
	f = mem_alloc(sizeof *f);
	delivery_init(&f->d);
	f->name = name;
	f->claim = mem_dup(claim);
	f->tries = tries;
	f->bytes = read_file(s, CUR, claim, &n);
	if (f->bytes == NULL) {
		log_error("spool: cannot read %s: %s", claim, strerror(errno));
		spool_retry(s, f, false);
		return NULL;
	}
	if (file_parse(f, n) != RC_OK) {
		set_aside(s, claim, name, "not a spool file, or cut");
		file_free(f);
		return NULL;
	}
	return f;
}

enum rc
spool_claim(struct spool *s, struct spool_file **out)
{
	bool filled = false;
	enum rc rc = RC_NONE;

	pthread_mutex_lock(&s->mu);
	for (;;) {
		struct entry e;
		struct spool_file *f;

		if (s->next == s->n) {
			if (filled)
				break;
			if ((rc = list_fill(s)) != RC_OK)
				break;
			rc = RC_NONE;
			filled = true;
			if (s->n == 0)
				break;
		}
		e = s->list[s->next++];
		f = claim_one(s, &e);
		free(e.name);
		if (f != NULL) {
			*out = f;
			rc = RC_OK;
			break;
		}
	}
	pthread_mutex_unlock(&s->mu);
	return rc;
}

struct delivery *
spool_delivery(struct spool_file *f)
{
	return &f->d;
}

enum rc
spool_done(struct spool *s, struct spool_file *f)
{
	enum rc rc = RC_OK;

	if (unlinkat(s->fd[CUR], f->claim, 0) != 0 && errno != ENOENT) {
		log_error("spool: cannot remove %s: %s", f->claim, strerror(errno));
		rc = RC_TEMP;
	}
	file_free(f);
	return rc;
}

static void
put_back(struct spool *s, struct spool_file *f, unsigned int tries)
{
	char name[160];

	if (tries > 0)
		snprintf(name, sizeof name, "%s.t%u", f->name, tries);
	else
		snprintf(name, sizeof name, "%s", f->name);
	if (renameat(s->fd[CUR], f->claim, s->fd[NEW], name) != 0 && errno != ENOENT)
		log_error("spool: cannot put %s back: %s", f->claim, strerror(errno));
	file_free(f);
}

void
spool_release(struct spool *s, struct spool_file *f)
{
	put_back(s, f, f->tries);
	/* it is the oldest again: look afresh at the next claim */
	pthread_mutex_lock(&s->mu);
	list_free(s);
	pthread_mutex_unlock(&s->mu);
}

static int64_t
pause_s(unsigned int tries)
{
	return tries < 10 ? (int64_t)PAUSE_S << tries : PAUSE_MAX_S;
}

bool
spool_tried_out(const struct spool_file *f)
{
	int64_t s = 0;

	for (unsigned int i = 0; i < f->tries && s < DAY_S; i++)
		s += pause_s(i);
	return s >= DAY_S;
}

void
spool_retry(struct spool *s, struct spool_file *f, bool others)
{
	struct timespec at[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = time(NULL) + pause_s(f->tries) } };

	if (spool_tried_out(f) && others) {
		set_aside(s, f->claim, f->name, "could not be stored for a day, others could");
		file_free(f);
		return;
	}
	if (utimensat(s->fd[CUR], f->claim, at, 0) != 0)
		log_warn("spool: %s: %s", f->claim, strerror(errno));
	put_back(s, f, f->tries + 1);
}

struct restore {
	struct spool *s;
	int64_t before_s;
	size_t n;
};

static void
restore_one(void *arg, int dir, const char *name)
{
	struct restore *r = arg;
	struct stat st;

	/* when a file went there is its change time: a rename sets it */
	if (fstatat(r->s->fd[dir], name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_ctim.tv_sec < r->before_s &&
	    renameat(r->s->fd[dir], name, r->s->fd[NEW], name) == 0)
		r->n++;
}

size_t
spool_restore(struct spool *s, int64_t before_us)
{
	struct restore r = { s, before_us / 1000000, 0 };

	if (each_file(s, BAD, restore_one, &r) == RC_OK && r.n > 0)
		log_info("spool: %zu files of bad/ are tried again", r.n);
	return r.n;
}

/* ---- health -------------------------------------------------------------------------- */

struct count {
	size_t n;
	char oldest[TIME_LEN + 1];
};

static void
count_one(void *arg, int dir, const char *name)
{
	struct count *c = arg;

	(void)dir;
	if (c->n++ == 0 || strncmp(name, c->oldest, TIME_LEN) < 0)
		memcpy(c->oldest, name, TIME_LEN);
}

enum rc
spool_stat(struct spool *s, struct spool_stat *out)
{
	struct count waiting = { 0 }, bad = { 0 };
	int64_t us;
	enum rc rc;

	if ((rc = each_file(s, NEW, count_one, &waiting)) != RC_OK ||
	    (rc = each_file(s, CUR, count_one, &waiting)) != RC_OK ||
	    (rc = each_file(s, BAD, count_one, &bad)) != RC_OK)
		return rc;
	out->waiting = waiting.n;
	out->bad = bad.n;
	out->oldest_s = 0;
	if (waiting.n > 0 && str_n_i64(waiting.oldest, TIME_LEN, &us) == RC_OK) {
		out->oldest_s = (clock_now_us() - us) / 1000000;
		if (out->oldest_s < 0)
			out->oldest_s = 0;
	}
	return RC_OK;
}

/* ---- looking --------------------------------------------------------------------------- */

struct look {
	struct spool *s;
	bool (*fn)(void *arg, const struct spool_seen *f);
	void *arg;
	bool stop;
};

static void
look_one(void *arg, int dir, const char *name)
{
	struct look *l = arg;
	struct spool_file f = { .name = NULL };
	struct spool_seen seen = { .bad = dir == BAD };
	char path[4096];

	if (l->stop)
		return;
	snprintf(path, sizeof path, "%s/%s/%s", l->s->path, dir_names[dir], name);
	seen.path = path;
	seen.bytes = read_file(l->s, dir, name, &seen.n);
	if (seen.bytes == NULL)
		return;		/* drained meanwhile */
	/* the parser takes its bytes apart: it gets its own */
	f.bytes = mem_ndup(seen.bytes, seen.n);
	delivery_init(&f.d);
	if (file_parse(&f, seen.n) == RC_OK)
		seen.d = &f.d;
	l->stop = !l->fn(l->arg, &seen);
	delivery_free(&f.d);
	free(f.bytes);
	free((char *)(uintptr_t)seen.bytes);
}

enum rc
spool_look(struct spool *s, bool (*fn)(void *arg, const struct spool_seen *f), void *arg)
{
	static const int dirs[] = { NEW, CUR, BAD };
	struct look l = { s, fn, arg, false };
	enum rc rc;

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if ((rc = each_file(s, dirs[i], look_one, &l)) != RC_OK)
			return rc;
	return RC_OK;
}

/*
 * The log.  Two locks: one for the sink (the file may be changed below us by
 * logrotate or by another process of ours), one for the registered secrets,
 * which are read at every line.  A line is masked first and escaped after, so
 * that a secret with an odd byte in it is found, too.
 *
 * Rotation among processes: the one that holds flock on the open file and still
 * finds it under its name renames it; all others see another inode under the
 * name at their next write and open that.  The lock is only ever tried, never
 * waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define LINE_MAX_BYTES (64u * 1024)	/* one sentence; longer ones are cut */
#define GATHER_FLUSH (32u * 1024)	/* a request that says much is written in parts */
#define GATHER_FIRST 3000u		/* the lines of one delivery */
#define SECRET_MIN 8u
#define STRIDE_MAX 31u			/* of the quick look for secrets */
#define RETRY_MS 5000			/* a file that could not be opened */

static const char *const level_names[LOG__MAX] = { "error", "warn", "info", "debug" };

#define TAG_BYTES 7u
static const char *const level_tags[LOG__MAX] = { " error ", " warn  ", " info  ", " debug " };

static struct sink {
	pthread_mutex_t lock;
	_Atomic int level;
	_Atomic bool json;
	char *file;		/* NULL: stderr */
	char program[32];
	int64_t max_bytes;
	int fd;			/* -1: stderr takes the lines */
	bool regular;
	dev_t dev;
	ino_t ino;
	int64_t retry_at_ms;
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_INFO, .program = "dmbox", .fd = -1 };

/* The last letters of secret, token, password. */
#define PATTERN_ENDS { ['t'] = true, ['T'] = true, ['n'] = true, ['N'] = true, ['d'] = true, \
	['D'] = true }
#define EXTRA_MAX 32

#define PAIRS (65536 / 8)		/* a bit for any two bytes */

static struct secrets {
	pthread_rwlock_t lock;
	char **v;
	size_t n;
	bool first[256];	/* bytes some secret starts with */
	bool ends[256];		/* last bytes of names of secrets */
	const struct log_pattern *extra[EXTRA_MAX];
	size_t n_extra;
	bool patterns;		/* pairs knows the patterns */
	unsigned char pairs[PAIRS];	/* and the two bytes: a line without any of
				 * them, as nearly all are, is looked at once and not copied */
	size_t stride;		/* less than the shortest secret has bytes */
	unsigned char inner[PAIRS];	/* neighbours among the first stride + 1 bytes of each */
} secrets = { .lock = PTHREAD_RWLOCK_INITIALIZER, .ends = PATTERN_ENDS, .stride = STRIDE_MAX };

static _Thread_local struct log_scope request;

static _Thread_local struct held {
	bool on;
	struct buf lines;	/* of requests that have ended */
} held;

/* ---- masking ---- */

static bool
ends_value(char c)
{
	return (unsigned char)c <= ' ' || strchr("&\"'<>#,;)}]\\", c) != NULL;
}

static bool
match(const char *p, size_t n, const char *word)
{
	size_t m = strlen(word);

	return n >= m && (*p | 0x20) == (*word | 0x20) && strncasecmp(p, word, m) == 0;
}

/* How many bytes at p are word and what leads to a value: word=, "word":" */
static size_t
name_at(const char *p, size_t n, const char *word)
{
	size_t k = strlen(word);

	if (!match(p, n, word) || k == n)
		return 0;
	if (p[k] == '=')
		return k + 1;
	if (p[k] == '"' && k + 1 < n) {
		for (k++; k < n && (p[k] == ' ' || p[k] == ':'); k++)
			;
		if (k < n && p[k] == '"' && memchr(p, ':', k) != NULL)
			return k + 1;
	}
	return 0;
}

/* How many bytes at p lead to a value that is secret: secret=, *token=, password=, and the
 * same as JSON members; registered patterns. */
static size_t
key_at(const char *p, size_t n)
{
	static const char *const words[] = { "secret", "token", "password" };
	size_t k;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((k = name_at(p, n, words[i])) != 0)
			return k;
	if (match(p, n, "bearer ") && n > 20 && memchr(p + 7, ' ', 13) == NULL)
		return strlen("bearer ");	/* not the words "bearer token" */
	for (size_t i = 0; i < secrets.n_extra; i++) {
		const struct log_pattern *x = secrets.extra[i];

		k = x->at == NULL ? name_at(p, n, x->starts) : match(p, n, x->starts) ?
		    x->at(p, n) : 0;
		if (k != 0 && k <= n)
			return k;
	}
	return 0;
}

/* "://user:" : a password follows, up to the '@'. */
static size_t
userinfo_at(const char *p, size_t n, size_t *value)
{
	size_t k = 3, colon = 0;

	if (!match(p, n, "://"))
		return 0;
	for (; k < n && p[k] != '/' && p[k] != '?' && !ends_value(p[k]); k++) {
		if (p[k] == ':' && colon == 0)
			colon = k + 1;
		if (p[k] == '@' && colon != 0) {
			*value = k - colon;
			return colon;
		}
	}
	return 0;
}

/* Length of the registered secret at p, the longest one; 0 = none. */
static size_t
secret_at(const char *p, size_t n)
{
	size_t best = 0;

	if (n < SECRET_MIN || !secrets.first[(unsigned char)*p])
		return 0;
	for (size_t i = 0; i < secrets.n; i++) {
		size_t m;

		if (secrets.v[i][0] != p[0] || secrets.v[i][1] != p[1])
			continue;
		m = strlen(secrets.v[i]);
		if (m > best && m <= n && memcmp(p, secrets.v[i], m) == 0)
			best = m;
	}
	return best;
}

/* May a pattern stand here?  By the second letter of those of PATTERN_BYTES. */
static bool
likely(const char *p, size_t n)
{
	char second = n > 1 ? (char)(p[1] | 0x20) : '\0';

	switch (p[0] | 0x20) {
	case 's': case 'b':
		if (second == 'e')
			return true;
		break;
	case 't':
		if (second == 'o')
			return true;
		break;
	case 'p':
		if (second == 'a')
			return true;
		break;
	case ':':
		if (second == '/')
			return true;
		break;
	default:
		break;
	}
	for (size_t i = 0; i < secrets.n_extra; i++)
		if ((p[0] | 0x20) == (secrets.extra[i]->starts[0] | 0x20) &&
		    second == (char)(secrets.extra[i]->starts[1] | 0x20))
			return true;
	return false;
}

static bool
pair_set(const unsigned char pairs[PAIRS], const char *p)
{
	uint16_t i;

	memcpy(&i, p, sizeof(i));
	return (pairs[i >> 3] >> (i & 7) & 1) != 0;
}

static void
pair_add(unsigned char pairs[PAIRS], const char *p)
{
	uint16_t i;

	memcpy(&i, p, sizeof(i));
	pairs[i >> 3] |= (unsigned char)(1u << (i & 7));
}

/* Both letters of the patterns, in either case.  With the lock for writing. */
static void
pairs_of_patterns(void)
{
	for (int a = 1; a < 256; a++)
		for (int b = 1; b < 256; b++) {
			char s[2] = { (char)a, (char)b };

			if (likely(s, 2))
				pair_add(secrets.pairs, s);
		}
	secrets.patterns = true;
}

/*
 * The next place where something must not be shown: keep bytes (a key) stay,
 * hide bytes behind them go.  n where there is none.  With the lock.
 */
static size_t
hit(const char *p, size_t n, size_t *keep, size_t *hide)
{
	for (size_t i = 0; i + 1 < n; i++) {
		size_t left = n - i, k = 0, v;
		const char *at = p + i;

		if (!pair_set(secrets.pairs, at))
			continue;
		v = secret_at(at, left);
		if (v == 0 && likely(at, left)) {
			k = key_at(at, left);
			if (k != 0) {
				while (k + v < left && !ends_value(at[k + v]) &&
				    at[k + v] != '/' && at[k + v] != '?')
					v++;
				if (secret_at(at + k, left - k) > v)
					v = secret_at(at + k, left - k);
			} else
				k = userinfo_at(at, left, &v);
		}
		if (k + v > 0) {
			*keep = k;
			*hide = v;
			return i;
		}
	}
	return n;
}

void
log_pattern(const struct log_pattern *p)
{
	unsigned char last = (unsigned char)p->starts[strlen(p->starts) - 1];
	bool there = false;

	pthread_rwlock_wrlock(&secrets.lock);
	for (size_t i = 0; i < secrets.n_extra; i++)
		there |= secrets.extra[i] == p;
	if (!there && secrets.n_extra < EXTRA_MAX) {
		secrets.extra[secrets.n_extra++] = p;
		if (p->at == NULL) {
			secrets.ends[last | 0x20] = true;
			secrets.ends[last & ~0x20] = true;
		}
		secrets.patterns = false;
	}
	pthread_rwlock_unlock(&secrets.lock);
}

static void
secrets_rdlock(void)
{
	pthread_rwlock_rdlock(&secrets.lock);
	if (secrets.patterns)
		return;
	pthread_rwlock_unlock(&secrets.lock);
	pthread_rwlock_wrlock(&secrets.lock);
	pairs_of_patterns();
	pthread_rwlock_unlock(&secrets.lock);
	pthread_rwlock_rdlock(&secrets.lock);
}

/* Does a registered secret begin among the stride bytes up to i? */
static bool
secret_around(const char *p, size_t n, size_t i)
{
	for (size_t k = i < secrets.stride ? 0 : i - secrets.stride + 1; k <= i; k++)
		if (pair_set(secrets.pairs, p + k) && secret_at(p + k, n - k) > 0)
			return true;
	return false;
}

/* Does a pattern begin anywhere, in either case? */
static bool
found_start(const char *p, size_t n, const char *starts)
{
	const char one[2] = { (char)(starts[0] | 0x20), starts[0] >= 'a' && starts[0] <= 'z' ?
	    (char)(starts[0] - 32) : starts[0] };
	const char *end = p + n, *c;

	for (size_t i = 0; i < (one[0] == one[1] ? 1u : 2u); i++)
		for (c = p; (c = memchr(c, one[i], (size_t)(end - c))) != NULL; c++)
			if (c + 1 < end && (c[1] | 0x20) == (starts[1] | 0x20) &&
			    match(c, (size_t)(end - c), starts))
				return true;
	return false;
}

/*
 * A quick look, wrong to one side only: false wherever hit would find something.  A
 * registered secret has more than stride bytes, so one of its first stride pairs stands
 * at a multiple of stride.  A pattern is a name before '=' or a quote, or begins somewhere.
 */
static bool
nothing_like_it(const char *p, size_t n)
{
	const char *end = p + n, *c;

	for (size_t i = 0; i + 1 < n; i += secrets.stride)
		if (pair_set(secrets.inner, p + i) && secret_around(p, n, i))
			return false;
	for (size_t i = 0; i < 2; i++)		/* behind a name */
		for (c = p; (c = memchr(c, "=\""[i], (size_t)(end - c))) != NULL; c++)
			if (c > p && secrets.ends[(unsigned char)c[-1]])
				return false;
	if (found_start(p, n, "bearer ") || found_start(p, n, "//"))
		return false;
	for (size_t i = 0; i < secrets.n_extra; i++)
		if (secrets.extra[i]->at != NULL && found_start(p, n, secrets.extra[i]->starts))
			return false;
	return true;
}

/* Is there nothing to hide in it? */
static bool
innocent(const char *p, size_t n)
{
	size_t keep, hide;
	bool yes;

	secrets_rdlock();
	yes = nothing_like_it(p, n) || hit(p, n, &keep, &hide) == n;
	pthread_rwlock_unlock(&secrets.lock);
	return yes;
}

static void
mask(const char *p, size_t n, struct buf *out)
{
	size_t i, keep, hide;

	secrets_rdlock();
	while (n > 0) {
		keep = hide = 0;
		i = hit(p, n, &keep, &hide);
		buf_put(out, p, i + keep);
		if (hide > 0)
			buf_puts(out, "***");
		p += i + keep + hide;
		n -= i + keep + hide;
	}
	pthread_rwlock_unlock(&secrets.lock);
}

/* Characters that change how a terminal shows a line: C1 and bidi controls. */
static bool
treacherous(const unsigned char *u, size_t n)
{
	if (n >= 2 && u[0] == 0xC2 && u[1] < 0xA0)
		return true;
	if (n < 3 || u[0] != 0xE2)
		return false;
	return (u[1] == 0x80 && u[2] >= 0xA8 && u[2] <= 0xAE) ||
	    (u[1] == 0x81 && u[2] >= 0xA6 && u[2] <= 0xA9);
}

static bool
cont(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* How many bytes can be shown as they are, as far as that is seen at a glance. */
static size_t
harmless(const unsigned char *u, size_t n)
{
	size_t i = 0;

	for (;;) {
		if (i < n && u[i] < 0x80)
			i += str_plain((const char *)u + i, n - i);
		if (n - i >= 3 && u[i] > 0xE0 && u[i] < 0xED && cont(u[i + 1]) && cont(u[i + 2]) &&
		    !(u[i] == 0xE2 && u[i + 1] < 0x82))
			i += 3;
		else if (n - i >= 2 && u[i] >= 0xC3 && u[i] < 0xE0 && cont(u[i + 1]))
			i += 2;
		else if (n - i >= 4 && u[i] == 0xF0 && u[i + 1] >= 0x90 && cont(u[i + 1]) &&
		    cont(u[i + 2]) && cont(u[i + 3]))
			i += 4;
		else
			return i;
	}
}

static void
escape(const char *p, size_t n, struct buf *out)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t i, len;

	for (i = 0; i < n; i += len) {
		len = harmless(u + i, n - i);
		if (len > 0) {
			buf_put(out, p + i, len);
			continue;
		}
		len = 1;
		if (u[i] == '\n')
			buf_puts(out, "\\n");
		else if (u[i] == '\r')
			buf_puts(out, "\\r");
		else if (u[i] == '\t')
			buf_puts(out, "\\t");
		else if (u[i] < 0x20 || u[i] == 0x7F)
			buf_printf(out, "\\x%02x", u[i]);
		else {
			len = u[i] >= 0xF0 ? 4 : u[i] >= 0xE0 ? 3 : 2;
			if (i + len > n || !str_utf8_ok(p + i, len) || treacherous(u + i, n - i)) {
				len = 1;
				buf_printf(out, "\\x%02x", u[i]);
			} else
				buf_put(out, p + i, len);
		}
	}
}

void
log_mask(const char *p, size_t n, char *out, size_t cap)
{
	struct buf a, b;
	size_t m;

	if (cap == 0)
		return;
	if (innocent(p, n) && harmless((const unsigned char *)p, n) == n) {
		m = str_utf8_cut(p, n, cap - 1);
		memcpy(out, p, m);
		out[m] = '\0';
		return;
	}
	buf_init(&a, n * 4 + 64);
	buf_init(&b, n * 16 + 256);
	mask(p, n, &a);
	escape(a.p, a.n, &b);
	m = str_utf8_cut(b.p, b.n, cap - 1);
	memcpy(out, b.p, m);
	out[m] = '\0';
	buf_free(&a);
	buf_free(&b);
}

void
log_secret(const char *s)
{
	if (s == NULL || strlen(s) < SECRET_MIN)
		return;
	pthread_rwlock_wrlock(&secrets.lock);
	for (size_t i = 0; i < secrets.n; i++)
		if (strcmp(secrets.v[i], s) == 0)
			goto out;
	secrets.v = mem_realloc(secrets.v, secrets.n + 1, sizeof(*secrets.v));
	secrets.v[secrets.n++] = mem_dup(s);
	secrets.first[(unsigned char)*s] = true;
	pair_add(secrets.pairs, s);
	if (strlen(s) - 1 < secrets.stride)
		secrets.stride = strlen(s) - 1;
	for (size_t i = 0; i < secrets.stride; i++)
		pair_add(secrets.inner, s + i);
out:
	pthread_rwlock_unlock(&secrets.lock);
}

void
log_secrets_reset(void)
{
	pthread_rwlock_wrlock(&secrets.lock);
	for (size_t i = 0; i < secrets.n; i++)
		mem_free_secret(secrets.v[i]);
	free(secrets.v);
	secrets.v = NULL;
	secrets.n = 0;
	memset(secrets.first, 0, sizeof(secrets.first));
	memset(secrets.pairs, 0, sizeof(secrets.pairs));
	memset(secrets.inner, 0, sizeof(secrets.inner));
	secrets.stride = STRIDE_MAX;
	secrets.patterns = false;
	pthread_rwlock_unlock(&secrets.lock);
}

/* ---- the sink; its functions are called with sink.lock held ---- */

/* The folder of the file, where only that is missing ("logs/"). */
static void
make_folder(const char *file)
{
	char *dir = mem_dup(file), *slash = strrchr(dir, '/');

	if (slash != NULL && slash != dir) {
		*slash = '\0';
		if (mkdir(dir, 02770) == 0 && chmod(dir, 02770) != 0)
			fprintf(stderr, "dmbox: %s: %s\n", dir, strerror(errno));
	}
	free(dir);
}

/* Web user and cron user write the same file: 0660, whatever the umask. */
static int
open_append(const char *file)
{
	const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY;
	int fd;

	for (int tries = 0; tries < 3; tries++) {
		fd = open(file, flags);
		if (fd >= 0 || errno != ENOENT)
			return fd;
		make_folder(file);
		fd = open(file, flags | O_CREAT | O_EXCL, 0660);
		if (fd >= 0 && fchmod(fd, 0660) != 0)
			fprintf(stderr, "dmbox: %s: %s\n", file, strerror(errno));
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

static void
sink_close(void)
{
	if (sink.fd >= 0)
		close(sink.fd);
	sink.fd = -1;
}

static void
sink_open(void)
{
	struct stat st;

	sink_close();
	if (sink.file == NULL)
		return;
	sink.fd = open_append(sink.file);
	if (sink.fd < 0) {
		if (sink.retry_at_ms == 0)
			fprintf(stderr, "dmbox: log file %s: %s; the lines go here\n", sink.file,
			    strerror(errno));
		sink.retry_at_ms = clock_mono_ms() + RETRY_MS;
		return;
	}
	sink.retry_at_ms = 0;
	sink.regular = fstat(sink.fd, &st) == 0 && S_ISREG(st.st_mode);
	if (sink.regular) {
		sink.dev = st.st_dev;
		sink.ino = st.st_ino;
	}
}

static bool
same_file(const struct stat *st)
{
	return st->st_dev == sink.dev && st->st_ino == sink.ino;
}

static void
rotate(size_t n)
{
	struct stat st;
	char *old;

	if (flock(sink.fd, LOCK_EX | LOCK_NB) != 0)
		return;		/* somebody else is at it; this line goes to the old file */
	if (stat(sink.file, &st) == 0 && same_file(&st) &&
	    st.st_size + (int64_t)n > sink.max_bytes) {
		old = mem_alloc(strlen(sink.file) + 3);
		snprintf(old, strlen(sink.file) + 3, "%s.1", sink.file);
		if (rename(sink.file, old) != 0)
			sink.max_bytes = 0;	/* no right in the folder: go on without */
		free(old);
	}
	flock(sink.fd, LOCK_UN);
	if (sink.max_bytes != 0)
		sink_open();
}

static void
sink_ready(size_t n)
{
	struct stat st;

	if (sink.file == NULL)
		return;
	if (sink.fd < 0) {
		if (clock_mono_ms() >= sink.retry_at_ms)
			sink_open();
		return;
	}
	if (!sink.regular)
		return;
	if (stat(sink.file, &st) != 0 || !same_file(&st))
		sink_open();	/* moved away below us (logrotate, another process) */
	else if (sink.max_bytes > 0 && st.st_size > 0 &&
	    st.st_size + (int64_t)n > sink.max_bytes)
		rotate(n);
}

static void
emit(const char *p, size_t n)
{
	int fd;

	if (n == 0)
		return;
	pthread_mutex_lock(&sink.lock);
	sink_ready(n);
	fd = sink.fd >= 0 ? sink.fd : STDERR_FILENO;
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			break;	/* disk full, reader gone: a log never stops the work */
		p += w;
		n -= (size_t)w;
	}
	pthread_mutex_unlock(&sink.lock);
}

void
log_open(const struct log_opts *o)
{
	pthread_mutex_lock(&sink.lock);
	sink.level = o->level;
	sink.json = o->json;
	sink.max_bytes = o->max_bytes;
	snprintf(sink.program, sizeof(sink.program), "%s", o->program ? o->program : "dmbox");
	if (!str_eq(sink.file, o->file) || (sink.fd < 0 && o->file != NULL)) {
		sink_close();
		free(sink.file);
		sink.file = mem_dup(o->file);
		sink.retry_at_ms = 0;
		sink_open();
	}
	pthread_mutex_unlock(&sink.lock);
}

void
log_close(void)
{
	pthread_mutex_lock(&sink.lock);
	sink_close();
	free(sink.file);
	sink.file = NULL;
	pthread_mutex_unlock(&sink.lock);
}

enum log_level
log_level(void)
{
	return (enum log_level)sink.level;
}

/* ---- lines ---- */

static void
put_json(struct buf *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {	/* controls are escaped already */
		if (p[i] == '"' || p[i] == '\\')
			buf_putc(out, '\\');
		buf_putc(out, p[i]);
	}
}

/* Now, as text of n bytes; of a request's lines most fall into the same second. */
static const char *
now_text(size_t *n)
{
	static _Thread_local struct {
		int64_t s;
		char text[CLOCK_ISO_MAX];
		size_t n;
	} last;
	int64_t us = clock_now_us(), s = us / 1000000;
	int ms = (int)(us % 1000000 / 1000);

	if (s != last.s || us < 0) {
		clock_iso(us, last.text);
		last.n = strlen(last.text);
		last.s = s;
	} else {	/* "2026-11-22T10:30:00.123Z" */
		last.text[20] = (char)('0' + ms / 100);
		last.text[21] = (char)('0' + ms / 10 % 10);
		last.text[22] = (char)('0' + ms % 10);
	}
	*n = last.n;
	return last.text;
}

static const char *
shown_id(void)
{
	return request.on && *request.id != '\0' ? request.id : "-";
}

/* What stands before the sentence, and behind it. */
static void
put_head(enum log_level level, bool json, struct buf *out)
{
	char head[CLOCK_ISO_MAX + TAG_BYTES + sizeof(request.id) + 1];
	const char *id = shown_id();
	size_t n, id_n = strlen(id);
	const char *now = now_text(&n);

	if (json) {
		buf_printf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\","
		    "\"request_id\":\"%s\",\"msg\":\"", now, level_names[level], sink.program,
		    request.on ? request.id : "");
		return;
	}
	memcpy(head, now, n);
	memcpy(head + n, level_tags[level], TAG_BYTES);
	memcpy(head + n + TAG_BYTES, id, id_n);
	n += TAG_BYTES + id_n;
	head[n++] = ' ';
	buf_put(out, head, n);
}

static void
put_tail(bool json, struct buf *out)
{
	if (json)
		buf_puts(out, "\"}");
	buf_putc(out, '\n');
}

static void
flush_held(void)
{
	if (held.on) {
		emit(held.lines.p, held.lines.n);
		buf_reset(&held.lines);
	}
}

static void
emit_now(const char *p, size_t n)
{
	flush_held();	/* keeps the order */
	emit(p, n);
}

static void settle(void);

static void
flush_request(void)
{
	if (!request.on)
		return;
	settle();
	emit_now(request.lines.p, request.lines.n);
	buf_reset(&request.lines);
	request.settled = 0;
}

/* A whole line behind those of the request, or at once. */
static void
put_line(enum log_level level, const struct buf *out)
{
	if (!request.on || level == LOG_ERROR) {
		flush_request();	/* keeps the order */
		emit_now(out->p, out->n);
		return;
	}
	settle();
	if (request.lines.n + out->n > GATHER_FLUSH)
		flush_request();
	buf_put(&request.lines, out->p, out->n);
	if (request.lines.err) {	/* a line longer than the store */
		buf_reset(&request.lines);
		emit_now(out->p, out->n);
	}
	request.settled = request.lines.n;
}

/* A line without line_at_once's luck: its sentence masked. */
static void
put_masked(const char *line, size_t head, size_t n)
{
	struct buf masked, out;

	buf_init(&masked, LINE_MAX_BYTES * 4);
	buf_init(&out, LINE_MAX_BYTES * 16 + 256);
	mask(line + head, n - head, &masked);
	buf_put(&out, line, head);
	escape(masked.p, masked.n, &out);
	buf_putc(&out, '\n');
	put_line(LOG_INFO, &out);
	buf_free(&masked);
	buf_free(&out);
}

/*
 * The lines that line_at_once took unseen are looked at, all together: nearly always
 * there is nothing to hide in any.  Their sentences have no line end.
 */
static void
settle(void)
{
	struct buf *b = &request.lines, raw, one;
	size_t from = request.settled, n, head;

	request.settled = b->n;
	if (from == b->n || innocent(b->p + from, b->n - from))
		return;
	buf_init(&raw, GATHER_FLUSH);
	buf_put(&raw, b->p + from, b->n - from);
	b->n = request.settled = from;
	b->p[from] = '\0';
	for (char *p = raw.p; p < raw.p + raw.n; p += n + 1) {
		n = (size_t)((char *)memchr(p, '\n', (size_t)(raw.p + raw.n - p)) - p);
		head = strcspn(p, " ") + TAG_BYTES + strlen(shown_id()) + 1;
		if (!innocent(p + head, n - head)) {
			put_masked(p, head, n);
			continue;
		}
		one = (struct buf){ .p = p, .n = n + 1 };
		put_line(LOG_INFO, &one);
	}
	buf_free(&raw);
}

static bool line_at_once(enum log_level level, bool json, const char *fmt, va_list ap)
    PRINTF_LIKE(3, 0);

/* Nearly all lines: of a request, nothing to hide, nothing to escape.  The sentence is
 * formatted where it is to stay, and taken back where that proves wrong; whether it hides
 * anything is seen by settle(), of JSON here. */
static bool
line_at_once(enum log_level level, bool json, const char *fmt, va_list ap)
{
	struct buf *out = &request.lines;
	size_t from = out->n, at, n;
	const char *p;

	if (!request.on || level == LOG_ERROR || (json && request.settled != from))
		return false;
	put_head(level, json, out);
	at = out->n;
	buf_vprintf(out, fmt, ap);
	p = out->p + at;
	n = out->n - at;
	if (!out->err && harmless((const unsigned char *)p, n) == n && (!json ||
	    (memchr(p, '"', n) == NULL && memchr(p, '\\', n) == NULL && innocent(p, n)))) {
		put_tail(json, out);
		if (!out->err) {
			if (json)
				request.settled = out->n;
			return true;
		}
	}
	out->n = from;
	out->p[from] = '\0';
	out->err = false;
	return false;
}

static void line_with_care(enum log_level level, bool json, const char *fmt, va_list ap)
    PRINTF_LIKE(3, 0);

static void
line_with_care(enum log_level level, bool json, const char *fmt, va_list ap)
{
	struct buf msg, masked, out;
	size_t len;

	buf_init(&msg, SIZE_MAX / 4);	/* cut below, at a whole character */
	buf_vprintf(&msg, fmt, ap);
	len = str_utf8_cut(msg.p, msg.n, LINE_MAX_BYTES);
	buf_init(&masked, LINE_MAX_BYTES * 4);
	mask(msg.p, len, &masked);
	if (len < msg.n)
		buf_printf(&masked, " (%zu bytes more)", msg.n - len);
	buf_reset(&msg);
	msg.max = LINE_MAX_BYTES * 16 + 256;
	escape(masked.p, masked.n, &msg);
	buf_init(&out, LINE_MAX_BYTES * 32 + 1024);
	put_head(level, json, &out);
	if (json)
		put_json(&out, msg.p, msg.n);
	else
		buf_put(&out, msg.p, msg.n);
	put_tail(json, &out);
	put_line(level, &out);
	buf_free(&msg);
	buf_free(&masked);
	buf_free(&out);
}

static void line(enum log_level level, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

static void
line(enum log_level level, const char *fmt, va_list ap)
{
	bool json = sink.json;	/* once: it may change below us */
	int saved = errno;
	va_list again;

	if ((int)level > sink.level)
		return;
	request.said = request.on;
	va_copy(again, ap);
	if (!line_at_once(level, json, fmt, again))
		line_with_care(level, json, fmt, ap);
	va_end(again);
	errno = saved;
}

void
log_begin(const char *request_id)
{
	log_end();
	request.on = true;
	request.said = false;
	request.settled = 0;
	request.id[0] = '\0';
	if (str_charset(request_id, 1, sizeof(request.id) - 1, "._-"))
		memcpy(request.id, request_id, strlen(request_id) + 1);
	buf_init(&request.lines, GATHER_FLUSH);
	buf_reserve(&request.lines, GATHER_FIRST);
}

void
log_end(void)
{
	if (!request.on)
		return;
	settle();
	if (held.on && held.lines.n + request.lines.n <= GATHER_FLUSH)
		buf_put(&held.lines, request.lines.p, request.lines.n);
	else
		flush_request();
	buf_free(&request.lines);
	request.on = request.said = false;
	request.id[0] = '\0';
}

void
log_swap(struct log_scope *s)
{
	struct log_scope mine = request;

	request = *s;
	*s = mine;
}

void
log_hold(void)
{
	buf_init(&held.lines, GATHER_FLUSH);
	held.on = true;
}

void
log_unhold(void)
{
	flush_held();
	buf_free(&held.lines);
	held.on = false;
}

const char *
log_request_id(void)
{
	return request.id;
}

bool
log_said(void)
{
	return request.said;
}

#define LINE(level)                                                                                \
	do {                                                                                       \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		line(level, fmt, ap);                                                              \
		va_end(ap);                                                                        \
	} while (0)

void
log_error(const char *fmt, ...)
{
	LINE(LOG_ERROR);
}

void
log_warn(const char *fmt, ...)
{
	LINE(LOG_WARN);
}

void
log_info(const char *fmt, ...)
{
	LINE(LOG_INFO);
}

void
log_debug(const char *fmt, ...)
{
	LINE(LOG_DEBUG);
}

void
log_bug(const char *file, int line_no, const char *fmt, ...)
{
	char what[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	log_error("bug at %s:%d: %s", file, line_no, what);
}

/*
 * The log.  A lock for the sink: the file may be changed below us by logrotate or by
 * another process of ours.  A line is masked first and escaped after (mask.c), so that a
 * secret with an odd byte in it is found, too.
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
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/str.h"

#define LINE_MAX_BYTES (64u * 1024)	/* one sentence; longer ones are cut */
#define GATHER_FLUSH (32u * 1024)	/* a request that says much is written in parts */
#define GATHER_FIRST 3000u		/* the lines of one delivery */
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

static _Thread_local struct log_scope request;

static _Thread_local struct held {
	bool on;
	struct buf lines;	/* of requests that have ended */
} held;

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
	else if (sink.max_bytes > 0 && st.st_size > 0 && st.st_size + (int64_t)n > sink.max_bytes)
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
		buf_printf(out,
		    "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\","
		    "\"request_id\":\"%s\",\"msg\":\"",
		    now, level_names[level], sink.program, request.on ? request.id : "");
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
	mask_put(line + head, n - head, &masked);
	buf_put(&out, line, head);
	mask_escape(masked.p, masked.n, &out);
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
	if (from == b->n || mask_innocent(b->p + from, b->n - from))
		return;
	buf_init(&raw, GATHER_FLUSH);
	buf_put(&raw, b->p + from, b->n - from);
	b->n = request.settled = from;
	b->p[from] = '\0';
	for (char *p = raw.p; p < raw.p + raw.n; p += n + 1) {
		n = (size_t)((char *)memchr(p, '\n', (size_t)(raw.p + raw.n - p)) - p);
		head = strcspn(p, " ") + TAG_BYTES + strlen(shown_id()) + 1;
		if (!mask_innocent(p + head, n - head)) {
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
	if (!out->err && mask_harmless((const unsigned char *)p, n) == n &&
	    (!json ||
		(memchr(p, '"', n) == NULL && memchr(p, '\\', n) == NULL && mask_innocent(p, n)))) {
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
	mask_put(msg.p, len, &masked);
	if (len < msg.n)
		buf_printf(&masked, " (%zu bytes more)", msg.n - len);
	buf_reset(&msg);
	msg.max = LINE_MAX_BYTES * 16 + 256;
	mask_escape(masked.p, masked.n, &msg);
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

#define LINE(level) \
	do { \
		va_list ap; \
		va_start(ap, fmt); \
		line(level, fmt, ap); \
		va_end(ap); \
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

/*
 * Shared counters.  A series is a slot of a hash table in the file; its key is
 * its text in the answer.  A slot is taken by one compare-and-swap, filled, and
 * published; a thread that finds a slot being filled goes on to the next, so a
 * process that dies there costs one slot and nothing else.  Two slots of one key,
 * which that may lead to, are added up when printed.
 *
 * The file's blocks are allocated when it is made: a full disk later cannot turn
 * an addition into a SIGBUS.
 */
#include "base/meter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum {
	COUNTS = 1024,		/* powers of two */
	TIMES = 256,
	KEY = 108,
	BUCKETS = 12,		/* and +Inf */
	LABELS = 4
};
#define MAGIC UINT64_C(0x31306d78626d64)	/* "dmbxm01" */

static const struct {
	const char *name, *help, *labels[LABELS + 1];
} counts[METER_COUNT__MAX] = {
	[METER_DELIVERIES] = { "dmbox_deliveries_total", "Webhook deliveries by verdict and reason",
	    { "channel", "account", "verdict", "reason" } },
	[METER_ITEMS] = { "dmbox_items_total", "Messages and events in accepted webhook deliveries",
	    { "channel", "account", "result" } },
	[METER_NOT_KEPT] =
	    { "dmbox_refused_not_kept_total", "Refused deliveries beyond the cap of the ledger",
	    { "channel", "account" } },
	[METER_POLLS] = { "dmbox_polls_total", "Checks of accounts by outcome",
	{ "channel", "account", "outcome" } },
	[METER_MISSED] = { "dmbox_missed_webhooks_total",
	"Messages that no webhook brought and a poll added",
	    { "channel", "account" } },
	[METER_SENDS] = { "dmbox_send_attempts_total", "Attempts to send by outcome",
	    { "channel", "account", "outcome" } },
}, times[METER_TIME__MAX] = {
	[METER_HTTP] = { "dmbox_http_request_duration_seconds", "Time to answer requests",
	    { "endpoint", "channel", "code" } },
	[METER_SEND] = { "dmbox_send_duration_seconds", "Time of the provider's answer to a send",
	    { "channel", "account" } },
};
static const struct {
	int64_t us;
	const char *le;
} buckets[BUCKETS] = { { 2500, "0.0025" }, { 5000, "0.005" }, { 10000, "0.01" }, { 25000, "0.025" },
	{ 50000, "0.05" }, { 100000, "0.1" }, { 250000, "0.25" }, { 500000, "0.5" },
	{ 1000000, "1" }, { 2500000, "2.5" }, { 5000000, "5" }, { 10000000, "10" } };

enum { FREE, FILLING, READY };
struct slot_head {
	uint32_t state;
	uint16_t kind, n;	/* bytes of key */
	char key[KEY];
};
struct count_slot {
	struct slot_head h;
	uint64_t n;
};
struct time_slot {
	struct slot_head h;
	uint64_t in[BUCKETS + 1], us;	/* in: not cumulative */
};
struct file {
	uint64_t magic, size;
	uint64_t full;		/* events without a slot */
	struct count_slot counts[COUNTS];
	struct time_slot times[TIMES];
};
struct meter {
	struct file *f;
};

/* --- the file --------------------------------------------------------------------- */

/* A new file: whole before its name is there, so nobody maps a part of it. */
static int
file_make(const char *path)
{
	uint64_t head[2] = { MAGIC, sizeof(struct file) };
	char tmp[4096];
	int fd, n;

	n = snprintf(tmp, sizeof tmp, "%s.%ld", path, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof tmp)
		return -1;
	fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (fd < 0)
		return -1;
	if (fchmod(fd, 0660) != 0 || posix_fallocate(fd, 0, sizeof(struct file)) != 0 ||
	    pwrite(fd, head, sizeof head, 0) != (ssize_t)sizeof head ||
	    (link(tmp, path) != 0 && errno != EEXIST)) {
		close(fd);
		fd = -1;
	}
	unlink(tmp);
	if (fd >= 0) {
		close(fd);	/* another may have been faster: its file counts */
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	}
	return fd;
}

static struct file *
file_map(int fd)
{
	struct stat st;
	struct file *f;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != (off_t)sizeof *f)
		return NULL;
	f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f == MAP_FAILED)
		return NULL;
	if (f->magic != MAGIC || f->size != sizeof *f) {
		munmap(f, sizeof *f);
		return NULL;
	}
	return f;
}

enum rc
meter_open(const char *dir, struct meter **out)
{
	struct file *f = NULL;
	char path[4000];
	int fd, n = snprintf(path, sizeof path, "%s/metrics", dir);

	if (n < 0 || (size_t)n >= sizeof path)
		return RC_TEMP;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && (f = file_map(fd)) == NULL) {
		/* of another version: start from zero */
		close(fd);
		unlink(path);
		fd = -1;
	}
	if (fd < 0 && f == NULL && (fd = file_make(path)) >= 0)
		f = file_map(fd);
	if (fd >= 0)
		close(fd);
	if (f == NULL) {
		log_debug("metrics: %s cannot be used: %s", path, strerror(errno));
		return RC_TEMP;
	}
	*out = mem_alloc(sizeof **out);
	(*out)->f = f;
	return RC_OK;
}

void
meter_close(struct meter *m)
{
	if (m == NULL)
		return;
	munmap(m->f, sizeof *m->f);
	free(m);
}

/* --- series --------------------------------------------------------------------------- */

/* name="value",... with what a label may not hold escaped; 0 where it does not fit. */
static size_t
key_make(char out[KEY], const char *const *names, const char *const *labels)
{
	size_t n = 0;

	for (size_t i = 0; i < LABELS && names[i] != NULL; i++) {
		const char *v = labels[i] != NULL ? labels[i] : "";
		size_t nn = strlen(names[i]);

		if (n + nn + 4 > KEY)
			return 0;
		if (n > 0)
			out[n++] = ',';
		memcpy(out + n, names[i], nn);
		n += nn;
		out[n++] = '=';
		out[n++] = '"';
		for (; *v != '\0'; v++) {
			if (n + 3 > KEY)
				return 0;
			if (*v == '"' || *v == '\\' || *v == '\n')
				out[n++] = '\\';
			out[n++] = *v == '\n' ? 'n' : *v;
		}
		if (n + 1 > KEY)
			return 0;
		out[n++] = '"';
	}
	return n;
}

static uint32_t
hash(uint16_t kind, const char *p, size_t n)
{
	uint32_t h = 2166136261u ^ kind;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 16777619u;
	return h ^ h >> 15;
}

/* The slot of this key in an array of slots of size bytes each; NULL: full. */
static void *
slot(void *array, size_t size, size_t slots, uint16_t kind, const char *key, size_t n)
{
	uint32_t at = hash(kind, key, n);

	for (size_t i = 0; i < slots; i++) {
		struct slot_head *h = (void *)((char *)array + ((at + i) & (slots - 1)) * size);
		uint32_t state = __atomic_load_n(&h->state, __ATOMIC_ACQUIRE);

		if (state == FREE &&
		    __atomic_compare_exchange_n(
			&h->state, &state, FILLING, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			h->kind = kind;
			h->n = (uint16_t)n;
			memcpy(h->key, key, n);
			__atomic_store_n(&h->state, READY, __ATOMIC_RELEASE);
			return h;
		}
		if (state == READY && h->kind == kind && h->n == n && memcmp(h->key, key, n) == 0)
			return h;
	}
	return NULL;
}

static void
bump(uint64_t *p, uint64_t n)
{
	__atomic_fetch_add(p, n, __ATOMIC_RELAXED);
}

void
meter_add(struct meter *m, enum meter_count c, uint64_t n, const char *const *labels)
{
	struct count_slot *s;
	char key[KEY];
	size_t kn;

	if (m == NULL || n == 0)
		return;
	kn = key_make(key, counts[c].labels, labels);
	s = kn == 0 ? NULL : slot(m->f->counts, sizeof *s, COUNTS, (uint16_t)c, key, kn);
	bump(s != NULL ? &s->n : &m->f->full, n);
}

void
meter_time(struct meter *m, enum meter_time t, int64_t us, const char *const *labels)
{
	struct time_slot *s;
	char key[KEY];
	size_t i = 0, kn;

	if (m == NULL)
		return;
	kn = key_make(key, times[t].labels, labels);
	s = kn == 0 ? NULL : slot(m->f->times, sizeof *s, TIMES, (uint16_t)t, key, kn);
	if (s == NULL) {
		bump(&m->f->full, 1);
		return;
	}
	us = us > 0 ? us : 0;
	while (i < BUCKETS && us > buckets[i].us)
		i++;
	bump(&s->in[i], 1);
	bump(&s->us, (uint64_t)us);
}

/* --- printing ----------------------------------------------------------------------------- */

void
meter_label(struct buf *b, const char *s)
{
	for (; s != NULL && *s != '\0'; s++) {
		if (*s == '"' || *s == '\\' || *s == '\n')
			buf_putc(b, '\\');
		buf_putc(b, *s == '\n' ? 'n' : *s);
	}
}

static uint64_t
get(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* Is the series of slot i the first with its key?  (Else it was printed with it.) */
static bool
same(const struct slot_head *a, const struct slot_head *b)
{
	return a->kind == b->kind && a->n == b->n && memcmp(a->key, b->key, a->n) == 0;
}

static bool
ready(const struct slot_head *h, int kind)
{
	return __atomic_load_n(&h->state, __ATOMIC_ACQUIRE) == READY && h->kind == kind &&
	    h->n <= KEY;
}

static void
print_count(const struct file *f, int kind, struct buf *b)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s counter\n", counts[kind].name, counts[kind].help,
	    counts[kind].name);
	for (size_t i = 0; i < COUNTS; i++) {
		const struct count_slot *s = &f->counts[i];
		uint64_t n = 0;
		bool first = true;

		if (!ready(&s->h, kind))
			continue;
		for (size_t k = 0; k < COUNTS; k++)
			if (ready(&f->counts[k].h, kind) && same(&s->h, &f->counts[k].h)) {
				first &= k >= i;
				n += get(&f->counts[k].n);
			}
		if (first)
			buf_printf(b, "%s{%.*s} %" PRIu64 "\n", counts[kind].name, (int)s->h.n,
			    s->h.key, n);
	}
}

static void
print_time(const struct file *f, int kind, struct buf *b)
{
	const char *name = times[kind].name;

	buf_printf(b, "# HELP %s %s\n# TYPE %s histogram\n", name, times[kind].help, name);
	for (size_t i = 0; i < TIMES; i++) {
		const struct time_slot *s = &f->times[i];
		uint64_t in[BUCKETS + 1] = { 0 }, us = 0, sum = 0;
		bool first = true;

		if (!ready(&s->h, kind))
			continue;
		for (size_t k = 0; k < TIMES; k++)
			if (ready(&f->times[k].h, kind) && same(&s->h, &f->times[k].h)) {
				first &= k >= i;
				us += get(&f->times[k].us);
				for (int j = 0; j <= BUCKETS; j++)
					in[j] += get(&f->times[k].in[j]);
			}
		if (!first)
			continue;
		for (int j = 0; j <= BUCKETS; j++)
			buf_printf(b, "%s_bucket{%.*s,le=\"%s\"} %" PRIu64 "\n", name, (int)s->h.n,
			    s->h.key, j < BUCKETS ? buckets[j].le : "+Inf", sum += in[j]);
		buf_printf(b,
		    "%s_sum{%.*s} %" PRIu64 ".%06" PRIu64 "\n%s_count{%.*s} %" PRIu64 "\n", name,
		    (int)s->h.n, s->h.key, us / 1000000, us % 1000000, name, (int)s->h.n, s->h.key,
		    sum);
	}
}

void
meter_print(struct meter *m, struct buf *b)
{
	if (m == NULL)
		return;
	for (int i = 0; i < METER_COUNT__MAX; i++)
		print_count(m->f, i, b);
	for (int i = 0; i < METER_TIME__MAX; i++)
		print_time(m->f, i, b);
	buf_printf(b,
	    "# HELP dmbox_uncounted_total Events for which the table of counters "
	    "had no room\n"
	    "# TYPE dmbox_uncounted_total counter\ndmbox_uncounted_total %" PRIu64 "\n",
	    get(&m->f->full));
}

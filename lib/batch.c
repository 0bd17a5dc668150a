/*
 * Leader and followers.
 *
 * There is no writer thread: the thread that finds the connection free is the
 * leader of one batch.  It takes what waits, stores it with its own, wakes the
 * others and passes the lead to the oldest that came meanwhile.  While one
 * commit is on its way the next batch gathers by itself, so the batch size
 * follows the load and nobody waits for company.
 *
 * A follower gives up after wait_ms, when the leader may still be in the middle
 * of its delivery.  Therefore followers' deliveries are copied into a job on
 * the heap that both sides hold; the last one frees it.
 *
 * Each follower sleeps on its own job and is told there, outside the queue's
 * lock: woken all at once under one lock they would only queue up for it again.
 * Order of locks: the queue's, then a job's.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch.h"
#include "mem.h"
#include "store.h"

/* A few rows are a matter of milliseconds: where they take so long the database is
 * as good as away, and the spool is there (house.md 4).  Many may take longer. */
enum { FEW_ROWS = 128, DECIDE_MS = 2000 };

enum told { TOLD_NOTHING, TOLD_LEAD, TOLD_DONE };

struct job {
	struct job *next;
	bool queued;			/* under the queue's lock */
	atomic_int refs;		/* the waiter, and the queue or the leader */
	pthread_mutex_t mu;
	pthread_cond_t cond;
	enum told told;			/* under mu */
	struct delivery d;		/* everything in it is the job's */
	struct mem_arena arena;		/* its strings and body */
	struct conf *conf;
};

struct batch {
	pthread_mutex_t mu;
	struct db *db, *big;		/* db NULL: big takes all */
	int64_t wait_ms;
	bool led;			/* a thread leads, or has been told to */
	struct job *head, **tail;
	bool big_busy;
	pthread_cond_t big_free;
	atomic_bool up;
	atomic_bool came_up;		/* and nobody has asked since */
	uint64_t stores, deliveries;
};

/* Condition variables that clock jumps do not disturb. */
static void
cond_init(pthread_cond_t *c)
{
	pthread_condattr_t a;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(c, &a);
	pthread_condattr_destroy(&a);
}

static struct timespec
deadline_in(int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t)(ms / 1000);
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

struct batch *
batch_new(const struct db_opts *o, unsigned int wait_ms, bool alone)
{
	struct batch *b = mem_alloc(sizeof *b);

	pthread_mutex_init(&b->mu, NULL);
	cond_init(&b->big_free);
	b->db = alone ? NULL : db_new(o);
	b->big = db_new(o);
	b->wait_ms = wait_ms != 0 ? wait_ms : BATCH_WAIT_MS;
	b->tail = &b->head;
	return b;
}

void
batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	db_free(b->db);
	db_free(b->big);
	pthread_cond_destroy(&b->big_free);
	pthread_mutex_destroy(&b->mu);
	free(b);
}

bool
batch_up(struct batch *b)
{
	return atomic_load(&b->up);
}

bool
batch_came_up(struct batch *b)
{
	return atomic_load(&b->came_up) && atomic_exchange(&b->came_up, false);
}

void
batch_count(struct batch *b, uint64_t *stores, uint64_t *deliveries)
{
	pthread_mutex_lock(&b->mu);
	*stores = b->stores;
	*deliveries = b->deliveries;
	pthread_mutex_unlock(&b->mu);
}

/* ---- jobs ----------------------------------------------------------------- */

/* A job with a copy of d; the items move into it. */
static struct job *
job_new(struct conf *conf, struct delivery *d)
{
	struct job *j = mem_alloc(sizeof *j);
	struct mem_arena *a = &j->arena;

	pthread_mutex_init(&j->mu, NULL);
	cond_init(&j->cond);
	atomic_init(&j->refs, 1);
	j->conf = conf != NULL ? conf_hold(conf) : NULL;
	j->d = *d;
	j->d.account = mem_arena_dup(a, d->account);
	j->d.request_id = mem_arena_dup(a, d->request_id);
	j->d.remote_addr = mem_arena_dup(a, d->remote_addr);
	j->d.content_type = mem_arena_dup(a, d->content_type);
	j->d.headers = mem_arena_dup(a, d->headers);
	j->d.reason = mem_arena_dup(a, d->reason);
	if (d->body != NULL)
		j->d.body = mem_arena_ndup(a, d->body, d->body_n);
	return j;
}

/* The waiter gets the items and the counts back. */
static void
job_give_back(struct job *j, struct delivery *d)
{
	d->items = j->d.items;
	itemv_init(&j->d.items);
	d->rc = j->d.rc;
	d->id = j->d.id;
	d->n_items = j->d.n_items;
	d->stored = j->d.stored;
	d->duplicates = j->d.duplicates;
	d->weak_duplicates = j->d.weak_duplicates;
	d->ignored = j->d.ignored;
	d->echoes = j->d.echoes;
	d->messages = j->d.messages;
}

static void
job_drop(struct job *j)
{
	if (atomic_fetch_sub(&j->refs, 1) > 1)
		return;
	itemv_free(&j->d.items);
	mem_arena_free(&j->arena);
	conf_drop(j->conf);
	pthread_cond_destroy(&j->cond);
	pthread_mutex_destroy(&j->mu);
	free(j);
}

static void
job_set(struct job *j, enum told what)
{
	pthread_mutex_lock(&j->mu);
	j->told = what;
	pthread_mutex_unlock(&j->mu);
}

/* The waiter goes on; the queue's hold, which is the caller's, is given up. */
static void
job_wake(struct job *j)
{
	pthread_cond_signal(&j->cond);
	job_drop(j);
}

/* What it was told by then; TOLD_NOTHING: the time is over. */
static enum told
job_wait(struct job *j, const struct timespec *until)
{
	enum told told;
	int err = 0;

	pthread_mutex_lock(&j->mu);
	while (j->told == TOLD_NOTHING && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&j->cond, &j->mu, until);
	told = j->told;
	pthread_mutex_unlock(&j->mu);
	return told;
}

/* ---- the queue: all under its lock --------------------------------------------- */

static void
queue_put(struct batch *b, struct job *j)
{
	atomic_fetch_add(&j->refs, 1);
	j->next = NULL;
	j->queued = true;
	*b->tail = j;
	b->tail = &j->next;
}

static struct job *
queue_take(struct batch *b)
{
	struct job *j = b->head;

	j->queued = false;
	b->head = j->next;
	if (b->head == NULL)
		b->tail = &b->head;
	return j;
}

static void
queue_remove(struct batch *b, struct job *j)
{
	struct job **p = &b->head;

	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	if (*p == NULL)
		b->tail = p;
}

static void
set_up(struct batch *b, bool up)
{
	if (atomic_exchange(&b->up, up) != up && up)
		atomic_store(&b->came_up, true);
}

/* ---- leading --------------------------------------------------------------- */

/* Store own and what waits; then pass the lead on.  b->led is ours. */
static void
lead(struct batch *b, struct delivery *own)
{
	struct job *taken[BATCH_DELIVERIES], *next = NULL, *left = NULL, **last = &left;
	struct delivery *v[BATCH_DELIVERIES];
	size_t n = 0, rows = own->items.n, bytes = own->body_n;
	enum rc rc;

	v[n++] = own;
	pthread_mutex_lock(&b->mu);
	while (b->head != NULL && n < BATCH_DELIVERIES &&
	    rows + b->head->d.items.n <= BATCH_ROWS && bytes + b->head->d.body_n <= BATCH_BYTES) {
		struct job *j = queue_take(b);

		rows += j->d.items.n;
		bytes += j->d.body_n;
		taken[n] = j;
		v[n++] = &j->d;
	}
	pthread_mutex_unlock(&b->mu);

	db_limit(b->db, rows <= FEW_ROWS ? DECIDE_MS : 0);
	rc = store_deliveries(b->db, v, n);

	set_up(b, rc == RC_OK);
	pthread_mutex_lock(&b->mu);
	b->stores++;
	b->deliveries += n;
	/* who came meanwhile would only wait for the same time-out again */
	while (rc != RC_OK && db_fault(b->db) == DB_FAULT_AWAY && b->head != NULL) {
		*last = queue_take(b);
		last = &(*last)->next;
	}
	*last = NULL;
	if (b->head != NULL) {
		next = queue_take(b);
		job_set(next, TOLD_LEAD);	/* here, for no lead may go to who gives up */
	} else {
		b->led = false;
	}
	pthread_mutex_unlock(&b->mu);

	if (next != NULL)	/* first of all: the connection works while the others wake */
		job_wake(next);
	for (size_t i = 1; i < n; i++) {
		job_set(taken[i], TOLD_DONE);
		job_wake(taken[i]);
	}
	while (left != NULL) {
		struct job *j = left;

		left = j->next;
		j->d.rc = RC_TEMP;
		job_set(j, TOLD_DONE);
		job_wake(j);
	}
}

/* A follower's time is over: take its delivery back, or leave it to the leader who
 * has it and may yet store it. */
static enum told
give_up(struct batch *b, struct job *j, struct delivery *d)
{
	enum told told;

	pthread_mutex_lock(&b->mu);
	if (j->queued) {
		queue_remove(b, j);
		pthread_mutex_unlock(&b->mu);
		atomic_fetch_sub(&j->refs, 1);	/* the queue's hold; ours stays */
		j->d.rc = RC_TEMP;
		return TOLD_DONE;
	}
	pthread_mutex_unlock(&b->mu);
	told = job_wait(j, &(struct timespec){ 0 });	/* was told in this very moment? */
	if (told != TOLD_NOTHING)
		return told;
	/* the items stay there, their number is all that an answer needs */
	d->items.ignored += d->items.n;
	d->items.n = d->items.cap = 0;
	d->items.v = NULL;
	memset(&d->items.arena, 0, sizeof d->items.arena);
	d->items.warning = NULL;
	d->reason = "ok";	/* may have been of the arena */
	d->rc = RC_TEMP;
	return TOLD_NOTHING;
}

/* Sleep until d is stored or time is over; lead where told to. */
static void
follow(struct batch *b, struct job *j, struct delivery *d)
{
	struct timespec until = deadline_in(b->wait_ms);
	enum told told = job_wait(j, &until);

	if (told == TOLD_NOTHING)
		told = give_up(b, j, d);
	if (told == TOLD_LEAD)
		lead(b, &j->d);
	if (told != TOLD_NOTHING)
		job_give_back(j, d);
	job_drop(j);
}

/* ---- the second connection -------------------------------------------------- */

/* Under the lock: false where it is not free in time. */
static bool
big_take(struct batch *b)
{
	struct timespec until = deadline_in(b->wait_ms);
	int err = 0;

	while (b->big_busy && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&b->big_free, &b->mu, &until);
	if (b->big_busy)
		return false;
	b->big_busy = true;
	return true;
}

static void
big_put(struct batch *b)
{
	b->big_busy = false;
	pthread_cond_signal(&b->big_free);
}

struct db *
batch_borrow(struct batch *b)
{
	bool mine;

	pthread_mutex_lock(&b->mu);
	mine = big_take(b);
	pthread_mutex_unlock(&b->mu);
	return mine ? b->big : NULL;
}

void
batch_return(struct batch *b)
{
	pthread_mutex_lock(&b->mu);
	big_put(b);
	pthread_mutex_unlock(&b->mu);
}

static enum rc
store_big(struct batch *b, struct delivery *d)
{
	enum rc rc;

	if (batch_borrow(b) == NULL) {
		d->rc = RC_TEMP;
		return RC_TEMP;
	}
	db_limit(b->big, d->items.n <= FEW_ROWS && d->body_n <= BATCH_BYTES / 2 ? DECIDE_MS : 0);
	rc = store_deliveries(b->big, &d, 1);
	db_limit(b->big, 0);
	set_up(b, rc == RC_OK);
	pthread_mutex_lock(&b->mu);
	b->stores++;
	b->deliveries++;
	big_put(b);
	pthread_mutex_unlock(&b->mu);
	return rc;
}

enum rc
batch_store(struct batch *b, struct conf *conf, struct delivery *d)
{
	struct job *j;
	bool first;

	if (b->db == NULL || d->items.n > BATCH_ROWS / 2 || d->body_n > BATCH_BYTES / 2)
		return store_big(b, d);
	pthread_mutex_lock(&b->mu);
	first = !b->led;
	b->led = true;
	pthread_mutex_unlock(&b->mu);
	if (first) {
		lead(b, d);
	} else {
		j = job_new(conf, d);
		pthread_mutex_lock(&b->mu);
		if (b->led)
			queue_put(b, j);
		else
			j->told = TOLD_LEAD;	/* the last leader has gone meanwhile */
		b->led = true;
		pthread_mutex_unlock(&b->mu);
		follow(b, j, d);
	}
	return d->rc == RC_OK ? RC_OK : RC_TEMP;
}

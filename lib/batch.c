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
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch.h"
#include "mem.h"
#include "store.h"

/* A few rows are a matter of milliseconds: where they take so long the database is
 * as good as away, and the spool is there (house.md 4).  Many may take longer. */
enum { FEW_ROWS = 128, DECIDE_MS = 2000 };

enum job_state { JOB_QUEUED, JOB_TAKEN, JOB_LEAD, JOB_DONE };

struct job {
	struct job *next;
	enum job_state state;
	int refs;			/* the waiter, and the queue or the leader */
	pthread_cond_t cond;
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
	bool up;
	bool came_up;			/* and nobody has asked since */
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
	bool up;

	pthread_mutex_lock(&b->mu);
	up = b->up;
	pthread_mutex_unlock(&b->mu);
	return up;
}

bool
batch_came_up(struct batch *b)
{
	bool up;

	pthread_mutex_lock(&b->mu);
	up = b->came_up;
	b->came_up = false;
	pthread_mutex_unlock(&b->mu);
	return up;
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

	cond_init(&j->cond);
	j->refs = 2;
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

/* Under the lock. */
static void
job_drop(struct job *j)
{
	if (--j->refs > 0)
		return;
	itemv_free(&j->d.items);
	mem_arena_free(&j->arena);
	conf_drop(j->conf);
	pthread_cond_destroy(&j->cond);
	free(j);
}

static void
queue_put(struct batch *b, struct job *j)
{
	j->next = NULL;
	*b->tail = j;
	b->tail = &j->next;
}

static struct job *
queue_take(struct batch *b)
{
	struct job *j = b->head;

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

/* The waiter goes on with what stands in it. */
static void
job_done(struct job *j)
{
	j->state = JOB_DONE;
	pthread_cond_signal(&j->cond);
	job_drop(j);
}

/* Under the lock. */
static void
set_up(struct batch *b, bool up)
{
	if (up && !b->up)
		b->came_up = true;
	b->up = up;
}

/* ---- leading --------------------------------------------------------------- */

/* Store own and what waits; then pass the lead on.  b->led is ours. */
static void
lead(struct batch *b, struct delivery *own)
{
	struct job *taken[BATCH_DELIVERIES];
	struct delivery *v[BATCH_DELIVERIES];
	size_t n = 0, rows = own->items.n, bytes = own->body_n;
	enum rc rc;

	v[n++] = own;
	pthread_mutex_lock(&b->mu);
	while (b->head != NULL && n < BATCH_DELIVERIES &&
	    rows + b->head->d.items.n <= BATCH_ROWS && bytes + b->head->d.body_n <= BATCH_BYTES) {
		struct job *j = queue_take(b);

		j->state = JOB_TAKEN;
		rows += j->d.items.n;
		bytes += j->d.body_n;
		taken[n] = j;
		v[n++] = &j->d;
	}
	pthread_mutex_unlock(&b->mu);

	db_limit(b->db, rows <= FEW_ROWS ? DECIDE_MS : 0);
	rc = store_deliveries(b->db, v, n);

	pthread_mutex_lock(&b->mu);
	set_up(b, rc == RC_OK);
	b->stores++;
	b->deliveries += n;
	for (size_t i = 1; i < n; i++)
		job_done(taken[i]);
	/* who came meanwhile would only wait for the same time-out again */
	while (rc != RC_OK && db_fault(b->db) == DB_FAULT_AWAY && b->head != NULL) {
		b->head->d.rc = RC_TEMP;
		job_done(queue_take(b));
	}
	if (b->head != NULL) {
		struct job *j = queue_take(b);

		j->state = JOB_LEAD;
		pthread_cond_signal(&j->cond);
		job_drop(j);	/* its waiter holds it */
	} else {
		b->led = false;
	}
	pthread_mutex_unlock(&b->mu);
}

/* Wait for a leader, or until told to lead. */
static enum rc
follow(struct batch *b, struct conf *conf, struct delivery *d)
{
	struct timespec until = deadline_in(b->wait_ms);
	struct job *j = job_new(conf, d);
	enum rc rc = RC_TEMP;
	int err = 0;

	queue_put(b, j);
	while (j->state != JOB_DONE && j->state != JOB_LEAD && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&j->cond, &b->mu, &until);
	switch (j->state) {
	case JOB_LEAD:
		pthread_mutex_unlock(&b->mu);
		lead(b, &j->d);
		pthread_mutex_lock(&b->mu);
		/* FALLTHROUGH */
	case JOB_DONE:
		job_give_back(j, d);
		rc = d->rc == RC_OK ? RC_OK : RC_TEMP;
		break;
	case JOB_QUEUED:
		queue_remove(b, j);
		job_give_back(j, d);
		d->rc = RC_TEMP;
		j->refs--;	/* the queue's hold */
		break;
	case JOB_TAKEN:
		/* the leader has it and may yet store it; the items stay there, their
		 * number is all that an answer needs */
		d->items.ignored += d->items.n;
		d->items.n = d->items.cap = 0;
		d->items.v = NULL;
		memset(&d->items.arena, 0, sizeof d->items.arena);
		d->items.warning = NULL;
		d->reason = "ok";	/* may have been of the arena */
		d->rc = RC_TEMP;
		break;
	}
	job_drop(j);
	return rc;
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
	pthread_mutex_lock(&b->mu);
	set_up(b, rc == RC_OK);
	b->stores++;
	b->deliveries++;
	big_put(b);
	pthread_mutex_unlock(&b->mu);
	return rc;
}

enum rc
batch_store(struct batch *b, struct conf *conf, struct delivery *d)
{
	enum rc rc;

	if (b->db == NULL || d->items.n > BATCH_ROWS / 2 || d->body_n > BATCH_BYTES / 2)
		return store_big(b, d);
	pthread_mutex_lock(&b->mu);
	if (b->led) {
		rc = follow(b, conf, d);
		pthread_mutex_unlock(&b->mu);
		return rc;
	}
	b->led = true;
	pthread_mutex_unlock(&b->mu);
	lead(b, d);
	return d->rc == RC_OK ? RC_OK : RC_TEMP;
}

/*
 * One stores for all.
 *
 * There is no writer thread: the thread that finds nobody storing takes all that
 * waits, its own delivery among it, stores it in one statement and gives the lead
 * up; only then it finishes those jobs (answers, log lines), while another thread
 * may already store the next batch.  While one commit is on its way the next batch
 * gathers by itself, so the batch size follows the load and nobody waits for
 * company.
 *
 * Nobody sleeps for a result, either: a thread that leaves its job in the queue
 * goes on.  (Tried before: each delivery's thread slept on a condition.  Waking
 * them cost more than parsing.)  So somebody must look after the queue: who gives
 * the lead up looks again when he has finished his jobs; a job that comes while
 * nobody leads is stored by the thread that brought it.
 *
 * A job whose time is over may be in the hands of a leader who is still storing
 * it.  It is held twice then, and released by the last.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch.h"
#include "clock.h"
#include "log.h"
#include "mem.h"
#include "store.h"

/* A few rows are a matter of milliseconds: where they take so long the database is
 * as good as away, and the spool is there (house.md 4).  Many may take longer. */
enum { FEW_ROWS = 128, DECIDE_MS = 2000 };

/* So many must wait before a second batch is stored beside the first: small ones
 * cost more than they gain. */
enum { SECOND_MIN = 8 };

/* A connection and what is being stored through it. */
struct lane {
	struct db *db;
	bool busy;
	struct batch_job *v[BATCH_DELIVERIES];
	size_t n;
};

struct batch {
	pthread_mutex_t mu;
	struct lane first, second;	/* first.db NULL: second takes all */
	int64_t wait_ms;
	struct batch_job *head, **tail;	/* what waits, oldest first */
	size_t waiting;
	pthread_cond_t second_free;
	unsigned int wanted;		/* who waits for the second */
	atomic_bool up;
	atomic_bool came_up;		/* and nobody has asked since */
	uint64_t stores, deliveries;
};

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
	pthread_condattr_t a;

	pthread_mutex_init(&b->mu, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);	/* not disturbed by clock jumps */
	pthread_cond_init(&b->second_free, &a);
	pthread_condattr_destroy(&a);
	b->first.db = alone ? NULL : db_new(o);
	b->second.db = db_new(o);
	b->wait_ms = wait_ms != 0 ? wait_ms : BATCH_WAIT_MS;
	b->tail = &b->head;
	return b;
}

void
batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	db_free(b->first.db);
	db_free(b->second.db);
	pthread_cond_destroy(&b->second_free);
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

static void
job_drop(struct batch_job *j)
{
	if (atomic_fetch_sub(&j->holds, 1) == 1)
		j->release(j);
}

static void
job_end(struct batch_job *j)
{
	if (!j->late)
		j->done(j, j->d->rc == RC_OK ? RC_OK : RC_TEMP, false);
	job_drop(j);
}

/* The log's lines of all of them are written at once. */
static void
job_end_all(struct batch_job *v[], size_t n, struct batch_job *list)
{
	log_hold();
	for (size_t i = 0; i < n; i++)
		job_end(v[i]);
	while (list != NULL) {
		struct batch_job *j = list;

		list = j->next;
		job_end(j);
	}
	log_unhold();
}

/* ---- the queue: all under its lock --------------------------------------------- */

static void
queue_put(struct batch *b, struct batch_job *j)
{
	j->next = NULL;
	*b->tail = j;
	b->tail = &j->next;
	b->waiting++;
}

static struct batch_job *
queue_take(struct batch *b)
{
	struct batch_job *j = b->head;

	b->head = j->next;
	if (b->head == NULL)
		b->tail = &b->head;
	b->waiting--;
	return j;
}

/* What fits into one statement, into the lane and v.  Returns its rows. */
static size_t
take_load(struct batch *b, struct lane *l, struct delivery *v[])
{
	size_t rows = 0, bytes = 0;

	l->n = 0;
	while (b->head != NULL && l->n < BATCH_DELIVERIES &&
	    (l->n == 0 || (rows + b->head->d->items.n <= BATCH_ROWS &&
	    bytes + b->head->d->body_n <= BATCH_BYTES))) {
		struct batch_job *j = queue_take(b);

		rows += j->d->items.n;
		bytes += j->d->body_n;
		v[l->n] = j->d;
		l->v[l->n++] = j;
	}
	return rows;
}

/* Who came meanwhile would only wait for the same time-out again. */
static struct batch_job *
take_rest(struct batch *b)
{
	struct batch_job *list = b->head;

	for (struct batch_job *j = list; j != NULL; j = j->next)
		j->d->rc = RC_TEMP;
	b->head = NULL;
	b->tail = &b->head;
	b->waiting = 0;
	return list;
}

static void
set_up(struct batch *b, bool up)
{
	if (atomic_exchange(&b->up, up) != up && up)
		atomic_store(&b->came_up, true);
}

/* ---- leading --------------------------------------------------------------- */

/* The connection for what waits; NULL where it has to wait. */
static struct lane *
free_lane(struct batch *b)
{
	if (b->head == NULL)
		return NULL;
	if (!b->first.busy)
		return &b->first;
	return !b->second.busy && b->wanted == 0 && b->waiting >= SECOND_MIN ? &b->second : NULL;
}

static void
lane_put(struct batch *b, struct lane *l)
{
	l->busy = false;
	l->n = 0;
	if (l == &b->second && b->wanted > 0)
		pthread_cond_signal(&b->second_free);
}

/* Store what waits and finish it.  Called and left with the lock. */
static void
lead(struct batch *b, struct lane *l)
{
	struct batch_job *mine[BATCH_DELIVERIES], *rest = NULL;
	struct delivery *v[BATCH_DELIVERIES];
	size_t rows = take_load(b, l, v), n = l->n;
	enum rc rc;

	l->busy = true;
	pthread_mutex_unlock(&b->mu);
	db_limit(l->db, rows <= FEW_ROWS ? DECIDE_MS : 0);
	rc = store_deliveries(l->db, v, n);
	db_limit(l->db, 0);
	set_up(b, rc == RC_OK);
	pthread_mutex_lock(&b->mu);
	b->stores++;
	b->deliveries += n;
	memcpy(mine, l->v, n * sizeof *mine);
	if (rc != RC_OK && db_fault(l->db) == DB_FAULT_AWAY)
		rest = take_rest(b);
	lane_put(b, l);
	pthread_mutex_unlock(&b->mu);
	job_end_all(mine, n, rest);
	pthread_mutex_lock(&b->mu);
}

/* ---- the second connection -------------------------------------------------- */

struct db *
batch_borrow(struct batch *b)
{
	struct timespec until = deadline_in(b->wait_ms);
	struct db *db = NULL;
	int err = 0;

	pthread_mutex_lock(&b->mu);
	b->wanted++;
	while (b->second.busy && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&b->second_free, &b->mu, &until);
	b->wanted--;
	if (!b->second.busy) {
		b->second.busy = true;
		db = b->second.db;
	}
	pthread_mutex_unlock(&b->mu);
	return db;
}

void
batch_return(struct batch *b)
{
	pthread_mutex_lock(&b->mu);
	lane_put(b, &b->second);
	pthread_mutex_unlock(&b->mu);
}

static void
store_big(struct batch *b, struct batch_job *j)
{
	struct db *db = batch_borrow(b);
	struct delivery *d = j->d;
	enum rc rc;

	d->rc = RC_TEMP;
	if (db != NULL) {
		db_limit(db, d->items.n <= FEW_ROWS && d->body_n <= BATCH_BYTES / 2 ? DECIDE_MS : 0);
		rc = store_deliveries(db, &d, 1);
		db_limit(db, 0);
		set_up(b, rc == RC_OK);
		pthread_mutex_lock(&b->mu);
		b->stores++;
		b->deliveries++;
		lane_put(b, &b->second);
		pthread_mutex_unlock(&b->mu);
	}
	job_end(j);
}

static void
not_told(struct batch_job *j)
{
	(void)j;
}

/* ---- the way in -------------------------------------------------------------- */

void
batch_store(struct batch *b, struct batch_job *j)
{
	struct lane *l;

	j->since_ms = clock_mono_ms();
	j->late = false;
	atomic_init(&j->holds, 1);
	if (j->busy == NULL)
		j->busy = not_told;
	if (b->first.db == NULL || j->d->items.n > BATCH_ROWS / 2 || j->d->body_n > BATCH_BYTES / 2) {
		j->busy(j);
		store_big(b, j);
		return;
	}
	pthread_mutex_lock(&b->mu);
	queue_put(b, j);
	if (free_lane(b) != NULL)
		j->busy(j);
	while ((l = free_lane(b)) != NULL)
		lead(b, l);
	pthread_mutex_unlock(&b->mu);
}

/* Those of a lane whose time is over; they stay there, held once more. */
static size_t
mark_late(struct lane *l, int64_t limit, struct batch_job *late[])
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct batch_job *j = l->v[i];

		if (j->late || j->since_ms > limit)
			continue;
		j->late = true;
		atomic_fetch_add(&j->holds, 1);
		late[n++] = j;
	}
	return n;
}

void
batch_expire(struct batch *b)
{
	struct batch_job *late[2 * BATCH_DELIVERIES], *list = NULL, **last = &list;
	int64_t limit = clock_mono_ms() - b->wait_ms;
	size_t n;

	pthread_mutex_lock(&b->mu);
	while (b->head != NULL && b->head->since_ms <= limit) {
		struct batch_job *j = queue_take(b);

		j->d->rc = RC_TEMP;
		*last = j;
		last = &j->next;
	}
	*last = NULL;
	n = mark_late(&b->first, limit, late);
	n += mark_late(&b->second, limit, late + n);
	pthread_mutex_unlock(&b->mu);
	job_end_all(NULL, 0, list);
	for (size_t i = 0; i < n; i++) {
		late[i]->done(late[i], RC_TEMP, true);
		job_drop(late[i]);
	}
}

/*
 * Group commit: one leader thread stores every queued delivery in one transaction.
 *
 * There is no writer thread: the thread that finds nobody storing takes all that
 * waits, its own delivery among it, and stores it in one statement.  While one
 * commit is on its way the next batch gathers by itself, so the batch size follows
 * the load and nobody waits for company.  What has gathered is sent off first and
 * the jobs of the batch before are finished (answers, log lines) meanwhile, so that
 * the database does not wait for that either.
 *
 * Nobody sleeps for a result: a thread that leaves its job in the queue goes on.
 * (Tried before: each delivery's thread slept on a condition.  Waking them cost more
 * than parsing.)  So who stores goes on until nothing waits.
 *
 * A second batch at a time, on a second connection, was tried: the batches get
 * smaller, and what that costs PostgreSQL is more than the time it saves.
 *
 * A job whose time is over may be in the hands of a thread that is still storing
 * it.  It is held twice then, and released by the last.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/batch.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "bridge/relay.h"
#include "store/store.h"

/* A few rows are a matter of milliseconds: where they take so long the database is
 * treated as away, and the spool is there (ARCHITECTURE.md 4).  Many may take longer. */
enum { FEW_ROWS = 128, DECIDE_MS = 2000 };

struct batch {
	pthread_mutex_t mu;
	struct db_opts db_opts;
	struct db *db, *big;		/* db NULL: big takes all */
	struct relay *relay;		/* may be NULL */
	bool alone;			/* db is there while this process leads */
	int64_t wait_ms;
	bool led;			/* a thread stores */
	struct batch_job *head, **tail;	/* what waits, oldest first */
	struct batch_job *flying[BATCH_DELIVERIES];	/* what is being stored */
	size_t n_flying;
	bool big_busy;
	pthread_cond_t big_free;
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

static void serve(void *arg, struct relay_call *call);

struct batch *
batch_new(const struct batch_opts *o)
{
	struct batch *b = mem_alloc(sizeof *b);
	pthread_condattr_t a;
	struct buf key;

	pthread_mutex_init(&b->mu, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);	/* not disturbed by clock jumps */
	pthread_cond_init(&b->big_free, &a);
	pthread_condattr_destroy(&a);
	b->db_opts = o->db;
	b->db = o->alone ? NULL : db_new(&o->db);
	b->big = db_new(&o->db);
	b->wait_ms = o->wait_ms != 0 ? o->wait_ms : BATCH_WAIT_MS;
	b->tail = &b->head;
	b->alone = o->alone;
	if (o->share_dir != NULL) {
		buf_init(&key, 65536);
		buf_printf(
		    &key, "%s\n%s", o->db.conninfo, o->share_conf != NULL ? o->share_conf : "");
		b->relay = relay_new(&(struct relay_opts){ .dir = o->share_dir,
		    .key = key.p,
		    .wait_ms = (unsigned int)b->wait_ms,
		    .may_lead = !o->one_request,
		    .serve = serve,
		    .arg = b,
		    .lent = o->lent });
		mem_wipe(key.p, key.n);
		buf_free(&key);
	}
	return b;
}

void
batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	relay_stop(b->relay);
	db_free(b->db);
	db_free(b->big);
	relay_free(b->relay);		/* the next leader may open its connections */
	pthread_cond_destroy(&b->big_free);
	pthread_mutex_destroy(&b->mu);
	free(b);
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

/* What d was when it was handed on, without the items. */
static struct delivery
envelope(const struct delivery *d)
{
	struct delivery r = {
		.received_at_us = d->received_at_us,
		.channel = d->channel,
		.account = d->account,
		.account_named = d->account_named,
		.provider = d->provider,
		.mock = d->mock,
		.source = d->source,
		.request_id = d->request_id,
		.remote_addr = d->remote_addr,
		.content_type = d->content_type,
		.headers = d->headers,
		.body = d->body,
		.body_n = d->body_n,
		.verdict = d->verdict,
		.reason = d->reason,
	};

	memcpy(r.uid, d->uid, sizeof r.uid);
	r.items.ignored = d->items.n + d->items.ignored;
	r.items.warning = d->items.warning;
	return r;
}

static void
let_go(struct batch_job *j)
{
	if (atomic_fetch_sub(&j->holds, 1) == 1)
		j->release(j);
}

static void
tell(struct batch_job *j)
{
	if (!j->late && j->done != NULL) {
		if (j->d->rc != RC_OK)
			(void)spool_instead(j->spool, j->d);
		j->done(j, j->d);
	}
	let_go(j);
}

/* The same while another thread may still store j->d, which only that one touches. */
static void
tell_late(struct batch_job *j)
{
	struct delivery r;

	if (j->done != NULL) {
		r = envelope(j->d);
		(void)spool_instead(j->spool, &r);
		j->done(j, &r);
	}
	let_go(j);
}

/* Jobs whose outcome is known. */
struct ended {
	struct batch_job *v[BATCH_DELIVERIES];
	size_t n;
	struct batch_job *list;		/* and those that shared the fate of v */
};

/* Tell and let go of them; the log's lines of all are written at once. */
static void
finish(void *arg)
{
	struct ended *e = arg;
	bool several = e->n != 1 || e->list != NULL;

	if (several)
		log_hold();
	for (size_t i = 0; i < e->n; i++)
		tell(e->v[i]);
	while (e->list != NULL) {
		struct batch_job *j = e->list;

		e->list = j->next;
		tell(j);
	}
	if (several)
		log_unhold();
	e->n = 0;
}

/* ---- the queue: all under its lock --------------------------------------------- */

static void
queue_put(struct batch *b, struct batch_job *j)
{
	j->next = NULL;
	*b->tail = j;
	b->tail = &j->next;
}

static struct batch_job *
queue_take(struct batch *b)
{
	struct batch_job *j = b->head;

	b->head = j->next;
	if (b->head == NULL)
		b->tail = &b->head;
	return j;
}

/* What fits into one statement, into b->flying and v.  Returns its rows. */
static size_t
take_flight(struct batch *b, struct delivery *v[])
{
	size_t n = 0, rows = 0, bytes = 0;

	while (b->head != NULL && n < BATCH_DELIVERIES &&
	    (n == 0 ||
		(rows + b->head->d->items.n <= BATCH_ROWS &&
		    bytes + b->head->d->body_n <= BATCH_BYTES))) {
		struct batch_job *j = queue_take(b);

		rows += j->d->items.n;
		bytes += j->d->body_n;
		v[n] = j->d;
		b->flying[n++] = j;
	}
	b->n_flying = n;
	return rows;
}

/* Deliveries that came meanwhile would only wait for the same time-out again. */
static struct batch_job *
take_rest(struct batch *b)
{
	struct batch_job *list = b->head;

	for (struct batch_job *j = list; j != NULL; j = j->next)
		j->d->rc = RC_TEMP;
	b->head = NULL;
	b->tail = &b->head;
	return list;
}

static void
set_up(struct batch *b, bool up)
{
	if (atomic_exchange(&b->up, up) != up && up)
		atomic_store(&b->came_up, true);
}

/* ---- leading --------------------------------------------------------------- */

/*
 * Store one batch of what waits; e: the batch before, which is finished meanwhile,
 * becomes this one.  Called and left with the lock; b->led is the caller's.
 */
static void
store_flight(struct batch *b, struct ended *e)
{
	struct delivery *v[BATCH_DELIVERIES];
	size_t rows = take_flight(b, v), n = b->n_flying;
	enum rc rc;

	pthread_mutex_unlock(&b->mu);
	db_limit(b->db, rows <= FEW_ROWS ? DECIDE_MS : 0);
	db_meanwhile(b->db, e->n > 0 ? finish : NULL, e);
	rc = store_deliveries(b->db, v, n);
	db_meanwhile(b->db, NULL, NULL);
	set_up(b, rc == RC_OK);
	if (e->n > 0)	/* nothing could be sent */
		finish(e);
	pthread_mutex_lock(&b->mu);
	b->stores++;
	b->deliveries += n;
	memcpy(e->v, b->flying, n * sizeof *e->v);
	e->n = n;
	b->n_flying = 0;
	if (rc != RC_OK && db_fault(b->db) == DB_FAULT_AWAY)
		e->list = take_rest(b);
}

/* Until nothing waits.  Called and left with the lock; b->led is the caller's, who
 * has it no more afterwards. */
static void
lead(struct batch *b)
{
	struct ended e = { .n = 0 };

	while (b->head != NULL) {
		store_flight(b, &e);
		if (b->head != NULL && e.list == NULL)
			continue;
		/* the last for now: a thread that arrives while we finish becomes the next
		 * leader */
		b->led = false;
		pthread_mutex_unlock(&b->mu);
		finish(&e);
		pthread_mutex_lock(&b->mu);
		if (b->led)
			return;
		b->led = true;
	}
	b->led = false;
}

/* ---- the second connection -------------------------------------------------- */

struct db *
batch_borrow(struct batch *b)
{
	struct timespec until = deadline_in(b->wait_ms);
	struct db *db = NULL;
	int err = 0;

	pthread_mutex_lock(&b->mu);
	while (b->big_busy && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&b->big_free, &b->mu, &until);
	if (!b->big_busy) {
		b->big_busy = true;
		db = b->big;
	}
	pthread_mutex_unlock(&b->mu);
	return db;
}

void
batch_return(struct batch *b)
{
	pthread_mutex_lock(&b->mu);
	b->big_busy = false;
	pthread_cond_signal(&b->big_free);
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
		db_limit(
		    db, d->items.n <= FEW_ROWS && d->body_n <= BATCH_BYTES / 2 ? DECIDE_MS : 0);
		rc = store_deliveries(db, &d, 1);
		db_limit(db, 0);
		set_up(b, rc == RC_OK);
		batch_return(b);
		pthread_mutex_lock(&b->mu);
		b->stores++;
		b->deliveries++;
		pthread_mutex_unlock(&b->mu);
	}
	tell(j);
}

/* ---- the way in -------------------------------------------------------------- */

static bool
too_large(const struct delivery *d)
{
	return d->items.n > BATCH_ROWS / 2 || d->body_n > BATCH_BYTES / 2;
}

static void
store_here(struct batch *b, struct batch_job *j)
{
	pthread_mutex_lock(&b->mu);
	if (b->db == NULL && relay_leads(b->relay))
		b->db = db_new(&b->db_opts);	/* large ones of others must not hold up the rest */
	if (b->db == NULL || too_large(j->d)) {
		pthread_mutex_unlock(&b->mu);
		http_busy(j->reply);
		store_big(b, j);
		return;
	}
	queue_put(b, j);
	if (!b->led) {
		b->led = true;
		http_busy(j->reply);
		lead(b);
	}
	pthread_mutex_unlock(&b->mu);
}

void
batch_store(struct batch *b, struct batch_job *j)
{
	enum rc rc = RC_NONE;

	j->since_ms = clock_mono_ms();
	j->late = false;
	atomic_init(&j->holds, 1);
	if (b->relay != NULL && !relay_leads(b->relay)) {
		http_busy(j->reply);
		rc = relay_hand_over(b->relay, RELAY_STORE, 0, j->d);
	}
	if (rc == RC_NONE) {
		store_here(b, j);
		return;
	}
	if (rc != RC_OK)
		j->d->rc = RC_TEMP;
	tell(j);
}

/* ---- for the host's other processes ---------------------------------------------- */

struct relayed {
	struct batch_job job;	/* first */
	struct relay_call *call;
};

static void
relayed_release(struct batch_job *j)
{
	relay_served(((struct relayed *)j)->call);
	free(j);
}

static enum rc
refused_here(struct batch *b, enum relay_what what, unsigned int value, struct delivery *d)
{
	struct db *db = batch_borrow(b);
	enum rc rc = RC_TEMP;

	if (db == NULL)
		return rc;
	rc = what == RELAY_REFUSED ?
	    store_refused(db, d, value) :
	    store_refused_count(db, channel_names[d->channel], d->account, d->reason, value);
	batch_return(b);
	return rc;
}

static void
serve(void *arg, struct relay_call *call)
{
	struct batch *b = arg;
	struct relayed *x;

	if (call->what != RELAY_STORE) {
		call->d.rc = refused_here(b, call->what, call->value, &call->d);
		relay_served(call);
		return;
	}
	x = mem_alloc(sizeof *x);
	x->call = call;
	x->job.d = &call->d;
	x->job.done = NULL;	/* the outcome is in d; its own process has the spool */
	x->job.release = relayed_release;
	x->job.since_ms = clock_mono_ms();
	atomic_init(&x->job.holds, 1);
	store_here(b, &x->job);
}

static enum rc
refused(struct batch *b, enum relay_what what, unsigned int value, struct delivery *d)
{
	enum rc rc = relay_hand_over(b->relay, what, value, d);

	if (rc == RC_NONE)
		return refused_here(b, what, value, d);
	return rc == RC_OK ? d->rc : rc;
}

enum rc
batch_refused(struct batch *b, struct delivery *d, unsigned int cap)
{
	return refused(b, RELAY_REFUSED, cap, d);
}

enum rc
batch_refused_count(struct batch *b, struct delivery *d, unsigned int n)
{
	return refused(b, RELAY_REFUSED_COUNT, n, d);
}

bool
batch_follows(struct batch *b)
{
	return relay_follows(b->relay);
}

void
batch_lend(struct batch *b, int listen_fd)
{
	relay_lend(b->relay, listen_fd);
}

void
batch_stop(struct batch *b)
{
	relay_stop(b->relay);
}

void
batch_expire(struct batch *b)
{
	struct batch_job *late[BATCH_DELIVERIES], **last;
	struct ended e = { .n = 0 };
	int64_t limit = clock_mono_ms() - b->wait_ms;
	size_t n = 0;

	last = &e.list;
	pthread_mutex_lock(&b->mu);
	while (b->head != NULL && b->head->since_ms <= limit) {
		struct batch_job *j = queue_take(b);

		j->d->rc = RC_TEMP;
		*last = j;
		last = &j->next;
	}
	*last = NULL;
	for (size_t i = 0; i < b->n_flying; i++) {
		struct batch_job *j = b->flying[i];

		if (j->late || j->since_ms > limit)
			continue;
		j->late = true;
		atomic_fetch_add(&j->holds, 1);
		late[n++] = j;
	}
	pthread_mutex_unlock(&b->mu);
	finish(&e);
	for (size_t i = 0; i < n; i++)
		tell_late(late[i]);
}

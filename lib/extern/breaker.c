/*
 * The circuit breaker that the handles of one process share: while the database is away one
 * of them tries to connect, the others say so at once.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "extern/breaker.h"

struct db_breaker {
	pthread_mutex_t mu;
	unsigned int fails;	/* in a row */
	int64_t until_ms;	/* nobody asks before */
	bool probing;		/* one does */
	enum db_fault why;	/* it failed the last time */
};

struct db_breaker *
db_breaker_new(void)
{
	struct db_breaker *b = mem_alloc(sizeof *b);

	pthread_mutex_init(&b->mu, NULL);
	return b;
}

void
db_breaker_free(struct db_breaker *b)
{
	if (b == NULL)
		return;
	pthread_mutex_destroy(&b->mu);
	free(b);
}

/* May this handle try to connect now?  After a failure only one at a time. */
bool
breaker_enter(struct db_breaker *b)
{
	bool ok;

	if (b == NULL)
		return true;
	pthread_mutex_lock(&b->mu);
	if (b->fails == 0) {
		ok = true;
	} else if (b->probing || clock_mono_ms() < b->until_ms) {
		ok = false;
	} else {
		b->probing = ok = true;
	}
	pthread_mutex_unlock(&b->mu);
	return ok;
}

/* The fault reported while the circuit breaker is open. */
enum db_fault
breaker_why(struct db_breaker *b)
{
	enum db_fault why;

	pthread_mutex_lock(&b->mu);
	why = b->why != DB_FAULT_NONE ? b->why : DB_FAULT_AWAY;
	pthread_mutex_unlock(&b->mu);
	return why;
}

void
breaker_leave(struct db_breaker *b, bool good, enum db_fault why, int64_t took_ms)
{
	static const int rest_ms[] = { 500, 1000, 2000 };
	int64_t rest;

	if (b == NULL)
		return;
	pthread_mutex_lock(&b->mu);
	b->probing = false;
	b->why = why;
	if (good) {
		b->fails = 0;
	} else {
		unsigned int i = b->fails < 2 ? b->fails : 2;

		/* a server that refuses costs nothing; one that hangs costs its asker
		 * seconds, and only one request in a few is to pay them */
		rest = rest_ms[i] > 3 * took_ms ? rest_ms[i] : 3 * took_ms;
		b->fails++;
		b->until_ms = clock_mono_ms() + rest;
	}
	pthread_mutex_unlock(&b->mu);
}

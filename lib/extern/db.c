/*
 * The only file that includes libpq-fe.h.
 *
 * Everything is sent with the asynchronous calls and waited for with poll(2)
 * against a deadline of our own: a server that is stopped, swapping or behind
 * a dead line answers nothing, and statement_timeout is then nobody's promise.
 * connect_timeout does not bound asynchronous connects either, so the same
 * loop does.
 *
 * A statement is prepared in the same round trip that first runs it (libpq's
 * pipeline mode); afterwards it is one message out, one back.  A transaction
 * pooler breaks that, which is noticed by its errors and remembered.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/buf.h"
#include "base/cafile.h"
#include "base/clock.h"
#include "extern/breaker.h"
#include "extern/db.h"
#include "extern/dbarg.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum {
	STATEMENT_MS = 5000,		/* where the caller does not say */
	CONNECT_S = 2,
	SCRIPT_MS = 30 * 60 * 1000,	/* a migration may rebuild a table */
	PREPARED_MAX = 128,
	CONNINFO_MAX = 64
};

/* ---- the handle ----------------------------------------------------------- */

struct db {
	char *conninfo;
	char *password;			/* of conninfo, for scrubbing; may be NULL */
	struct db_breaker *breaker;
	const char *app;
	int connect_ms, statement_ms;
	int limit_ms;			/* how long we wait for an answer */
	void (*meanwhile)(void *arg);	/* once, while we wait */
	void *meanwhile_arg;
	bool no_prepare;
	bool no_options;		/* a pooler refuses them at connect */
	enum rc (*on_connect)(struct db *d);
	bool asking;			/* on_connect has the connection */
	bool async;			/* commits are not durable here unless each asks for it */
	bool strict;			/* nor is "read committed" the default of this session */
	PGconn *c;
	const char *prepared[PREPARED_MAX];
	size_t n_prepared;
	bool in_tx;
	bool farewell;			/* the server said that it closes the connection */
	bool said;			/* the fault has its log line already */
	enum db_fault fault;
	char sqlstate[6];
	enum db_refused refused;
	struct db_where where;
	char error[300];
	uint64_t trips;
};

struct db_res {
	PGresult *r;
	struct mem_arena arena;		/* uuids as text */
};

/* Notices; among them the farewell that a server sends on an idle connection. */
static void
on_notice(void *arg, const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	struct db *d = arg;

	if (state != NULL && str_starts(state, "57P"))
		d->farewell = true;
	log_debug("database notice: %s", text != NULL ? text : "");
}

struct db *
db_new(const struct db_opts *o)
{
	struct db *d = mem_alloc(sizeof *d);

	d->conninfo = mem_dup(o->conninfo != NULL ? o->conninfo : "");
	d->breaker = o->breaker;
	d->app = o->app != NULL ? o->app : "dmbox";
	d->connect_ms = (int)(o->connect_s != 0 ? o->connect_s : CONNECT_S) * 1000;
	d->statement_ms = (int)(o->statement_ms != 0 ? o->statement_ms : STATEMENT_MS);
	d->limit_ms = d->statement_ms;
	d->no_prepare = o->no_prepare;
	d->on_connect = o->on_connect;
	return d;
}

void
db_close(struct db *d)
{
	if (d->c != NULL)
		PQfinish(d->c);
	d->c = NULL;
	d->n_prepared = 0;
}

void
db_free(struct db *d)
{
	if (d == NULL)
		return;
	db_close(d);
	mem_free_secret(d->conninfo);
	mem_free_secret(d->password);
	free(d);
}

enum db_fault
db_fault(const struct db *d)
{
	return d->fault;
}

const struct db_where *
db_where(const struct db *d)
{
	return &d->where;
}

const char *
db_sqlstate(const struct db *d)
{
	return d->sqlstate;
}

enum db_refused
db_refused(const struct db *d)
{
	return d->refused;
}

bool
db_async(const struct db *d)
{
	return d->async;
}

const char *
db_error(const struct db *d)
{
	return d->error;
}

bool
db_connected(const struct db *d)
{
	return d->c != NULL && PQstatus(d->c) == CONNECTION_OK;
}

void
db_limit(struct db *d, unsigned int ms)
{
	d->limit_ms = ms != 0 && (int)ms < d->statement_ms ? (int)ms : d->statement_ms;
}

void
db_meanwhile(struct db *d, void (*fn)(void *arg), void *arg)
{
	d->meanwhile = fn;
	d->meanwhile_arg = arg;
}

static void
do_meanwhile(struct db *d)
{
	void (*fn)(void *) = d->meanwhile;

	d->meanwhile = NULL;
	if (fn != NULL)
		fn(d->meanwhile_arg);
}

uint64_t
db_round_trips(const struct db *d)
{
	return d->trips;
}

/* ---- errors --------------------------------------------------------------- */

static void
clear_fault(struct db *d)
{
	d->fault = DB_FAULT_NONE;
	d->said = false;
	d->sqlstate[0] = '\0';
	d->refused = DB_REFUSED_ELSEWHERE;
	d->where = (struct db_where){ 0 };
	d->error[0] = '\0';
}

/* Keep the first line of text, without the password if it is in it. */
static void
set_error(struct db *d, const char *text)
{
	size_t n = strcspn(text, "\n"), pw = d->password != NULL ? strlen(d->password) : 0;
	struct buf b;
	size_t i = 0;

	buf_init(&b, sizeof d->error - 1);
	while (i < n) {
		if (pw > 0 && n - i >= pw && memcmp(text + i, d->password, pw) == 0) {
			buf_puts(&b, "***");
			i += pw;
		} else {
			buf_putc(&b, text[i++]);
		}
	}
	memcpy(d->error, b.p, str_utf8_cut(b.p, b.n, sizeof d->error - 1));
	d->error[str_utf8_cut(b.p, b.n, sizeof d->error - 1)] = '\0';
	buf_free(&b);
}

static enum db_fault
fault_of_sqlstate(const char *s)
{
	static const struct {
		const char *prefix;
		enum db_fault fault;
	} table[] = {
		{ "23505", DB_FAULT_UNIQUE },
		{ "22", DB_FAULT_DATA },
		{ "23", DB_FAULT_DATA },
		{ "54", DB_FAULT_DATA },
		{ "40", DB_FAULT_CONFLICT },
		{ "08", DB_FAULT_AWAY },
		{ "53", DB_FAULT_AWAY },
		{ "57", DB_FAULT_AWAY },
		{ "58", DB_FAULT_AWAY },
		{ "55P03", DB_FAULT_AWAY },	/* lock_timeout: too slow now */
		{ "25006", DB_FAULT_AWAY },	/* a standby, or read-only for its disk */
		{ "42P01", DB_FAULT_SCHEMA },
		{ "42703", DB_FAULT_SCHEMA },
		{ "42883", DB_FAULT_SCHEMA },
		{ "3F000", DB_FAULT_SCHEMA },
		{ "42501", DB_FAULT_DENIED },
		{ "28", DB_FAULT_DENIED },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (str_starts(s, table[i].prefix))
			return table[i].fault;
	return DB_FAULT_OTHER;
}

static enum rc
rc_of_fault(enum db_fault f)
{
	switch (f) {
	case DB_FAULT_UNIQUE:
		return RC_DUP;
	case DB_FAULT_DATA:
		return RC_INVALID;
	case DB_FAULT_AWAY:
	case DB_FAULT_CONFLICT:
	case DB_FAULT_SCHEMA:
	case DB_FAULT_DENIED:
		return RC_TEMP;
	case DB_FAULT_NONE:
	case DB_FAULT_OTHER:
		return RC_BUG;
	}
	return RC_BUG;
}

/* The one place where a failed statement becomes an rc, and its one log line. */
static enum rc
statement_failed(struct db *d, const char *what)
{
	bool said = d->said;

	d->said = true;
	if (said)
		return rc_of_fault(d->fault);
	switch (d->fault) {
	case DB_FAULT_UNIQUE:
	case DB_FAULT_CONFLICT:
		log_debug("database: %s: %s (%s)", what, d->error, d->sqlstate);
		break;
	case DB_FAULT_SCHEMA:
		log_error("database: %s: %s (%s); run: dmbox migrate", what, d->error, d->sqlstate);
		break;
	case DB_FAULT_OTHER:
		LOG_BUG("database: %s: %s (%s)", what, d->error, d->sqlstate);
		break;
	default:
		log_error("database: %s: %s%s%s%s", what, d->error, d->sqlstate[0] ? " (" : "",
		    d->sqlstate, d->sqlstate[0] ? ")" : "");
	}
	return rc_of_fault(d->fault);
}

static void
take_name(char out[64], const PGresult *r, int field)
{
	const char *s = PQresultErrorField(r, field);

	snprintf(out, 64, "%s", s != NULL ? s : "");
}

/* Cut between characters: it goes back to the server. */
static void
take_context(char *out, size_t size, const char *s)
{
	size_t n = strlen(s);

	if (n >= size)
		for (n = size - 1; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
			n--;
	memcpy(out, s, n);
	out[n] = '\0';
}

static void
take_result_error(struct db *d, const PGresult *r)
{
	const char *s = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *m = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *context = PQresultErrorField(r, PG_DIAG_CONTEXT);

	if (s == NULL) {
		/* libpq's own: the line broke */
		d->fault = DB_FAULT_AWAY;
		d->sqlstate[0] = '\0';
	} else {
		d->fault = fault_of_sqlstate(s);
		memcpy(d->sqlstate, s, strnlen(s, 5));
		d->sqlstate[strnlen(s, 5)] = '\0';
	}
	take_name(d->where.table, r, PG_DIAG_TABLE_NAME);
	take_name(d->where.column, r, PG_DIAG_COLUMN_NAME);
	take_name(d->where.constraint, r, PG_DIAG_CONSTRAINT_NAME);
	take_context(d->where.context, sizeof d->where.context, context != NULL ? context : "");
	set_error(d, m != NULL ? m : PQresultErrorMessage(r));
}

/* The connection is of no use any more; whether the statement ran is unknown. */
static void
lose_connection(struct db *d, const char *text)
{
	d->fault = DB_FAULT_AWAY;
	d->sqlstate[0] = '\0';
	set_error(d, text);
	db_close(d);
}

/* ---- waiting -------------------------------------------------------------- */

/* Wait for events on the connection; RC_TEMP at the deadline. */
static enum rc
wait_socket(PGconn *c, short events, int64_t deadline_ms)
{
	for (;;) {
		int64_t left = deadline_ms - clock_mono_ms();
		struct pollfd p = { .fd = PQsocket(c), .events = events };
		int n;

		if (left <= 0 || p.fd < 0)
			return RC_TEMP;
		n = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
		if (n > 0)
			return RC_OK;
		if (n < 0 && errno != EINTR)
			return RC_TEMP;
	}
}

static enum rc
flush_out(struct db *d, int64_t deadline_ms)
{
	int n;

	while ((n = PQflush(d->c)) == 1) {
		if (wait_socket(d->c, POLLIN | POLLOUT, deadline_ms) != RC_OK)
			return RC_TEMP;
		if (!PQconsumeInput(d->c))
			return RC_TEMP;
	}
	return n == 0 ? RC_OK : RC_TEMP;
}

/* The next result (NULL: end of a statement); RC_TEMP: line broken or deadline. */
static enum rc
next_result(struct db *d, int64_t deadline_ms, PGresult **out)
{
	while (PQisBusy(d->c)) {
		if (wait_socket(d->c, POLLIN, deadline_ms) != RC_OK)
			return RC_TEMP;
		if (!PQconsumeInput(d->c))
			break;	/* PQgetResult then tells what happened */
	}
	*out = PQgetResult(d->c);
	return RC_OK;
}

/* ---- connecting ----------------------------------------------------------- */

struct conn_params {
	const char *k[CONNINFO_MAX + 12], *v[CONNINFO_MAX + 12];
	size_t n;
};

static void
param(struct conn_params *p, const char *k, const char *v)
{
	p->k[p->n] = k;
	p->v[p->n++] = v;
}

/* Whatever a hoster set for the role, the database or the server, and behind all other
 * options: a commit that is reported is on the disk; and transactions that touch the same
 * rows wait for each other, where "serializable" would end one of them. */
#define OURS " -c synchronous_commit=on -c default_transaction_isolation=read\\ committed"

/*
 * sslrootcert=system, which hosters recommend whose certificates a public authority signs: libpq
 * knows the word since 16, takes the authorities where its own system would have them, and then
 * checks all (verify-full).  So do we, with any libpq and on any system.
 */
static bool
roots(struct conn_params *p, const char *val)
{
	bool system = strcmp(val, "system") == 0 && access(val, R_OK) != 0 && cafile() != NULL;

	param(p, "sslrootcert", system ? cafile() : val);
	return system;
}

/*
 * The caller's conninfo plus what it leaves open.  Timeouts go into the
 * startup packet: no extra round trip, and nothing a later session inherits.
 */
static enum rc
conn_params(struct db *d, PQconninfoOption *opts, struct conn_params *p, struct buf *options)
{
	static const char *const defaults[][2] = {
		{ "client_encoding", "UTF8" },
		{ "keepalives", "1" },
		{ "keepalives_idle", "20" },
		{ "keepalives_interval", "5" },
		{ "keepalives_count", "3" },
		{ "tcp_user_timeout", "10000" },
	};
	const char *given = NULL;
	bool trusted = false;

	for (PQconninfoOption *o = opts; o->keyword != NULL && p->n < CONNINFO_MAX; o++) {
		if (o->val == NULL)
			continue;
		if (strcmp(o->keyword, "options") == 0)
			given = o->val;
		else if (strcmp(o->keyword, "sslrootcert") == 0)
			trusted = roots(p, o->val);
		else
			param(p, o->keyword, o->val);
		if (strcmp(o->keyword, "password") == 0 && d->password == NULL)
			d->password = mem_dup(o->val);
	}
	for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
		bool there = false;

		for (size_t j = 0; j < p->n; j++)
			there |= strcmp(p->k[j], defaults[i][0]) == 0;
		if (!there)
			param(p, defaults[i][0], defaults[i][1]);
	}
	if (trusted) /* the last one counts */
		param(p, "sslmode", "verify-full");
	param(p, "fallback_application_name", d->app);
	if (!d->no_options) {
		/* the server gives up first, so that we hear why; lock waits before that.
		 * Ours are look-ups: to start workers for one takes longer than all of it. */
		buf_printf(options,
		    "-c statement_timeout=%d -c lock_timeout=%d"
		    " -c idle_in_transaction_session_timeout=60000 -c jit=off"
		    " -c max_parallel_workers_per_gather=0%s%s%s",
		    d->statement_ms * 4 / 5, d->statement_ms * 3 / 8, given != NULL ? " " : "",
		    given != NULL ? given : "", OURS);
		param(p, "options", options->p);
	} else if (given != NULL) {
		param(p, "options", given);
	}
	param(p, NULL, NULL);
	return buf_err(options) ? RC_INVALID : RC_OK;
}

/*
 * "FATAL:  28P01: ..." as libpq writes a server's error with PQERRORS_VERBOSE: the
 * words follow the server's lc_messages, the code does not.  Taken out of text; of
 * several hosts the last one's counts.
 */
static void
take_connect_state(struct db *d, char *text)
{
	static const char code[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	d->sqlstate[0] = '\0';
	for (char *p = text; (p = strstr(p, ":  ")) != NULL; p++)
		if (strspn(p + 3, code) == 5 && str_starts(p + 8, ": ")) {
			memcpy(d->sqlstate, p + 3, 5);
			d->sqlstate[5] = '\0';
			memmove(p + 3, p + 10, strlen(p + 10) + 1);
		}
}

/*
 * "LOCATION:  ClientAuthentication, auth.c:532", the last line of such an error: the function
 * has one name in every version and language, where 28000 alone stands for several refusals.
 */
static enum db_refused
take_refused(const char *text, bool password_used)
{
	static const struct {
		const char *function;
		enum db_refused at;
	} known[] = {
		{ ":  ClientAuthentication, ", DB_REFUSED_RULE },
		{ ":  auth_failed, ", DB_REFUSED_PROOF },
		{ ":  InitializeSessionUserId, ", DB_REFUSED_ROLE },
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strstr(text, known[i].function) != NULL)
			return known[i].at == DB_REFUSED_ROLE && password_used ?
			    DB_REFUSED_NOLOGIN :
			    known[i].at;
	return DB_REFUSED_ELSEWHERE;
}

static void
connect_failed(struct db *d, const char *text)
{
	char *words = mem_dup(text);

	take_connect_state(d, words);
	d->refused = take_refused(words, d->c != NULL && PQconnectionUsedPassword(d->c));
	set_error(d, words);
	mem_free_secret(words);
	if (d->c != NULL && d->sqlstate[0] == '\0' && PQconnectionNeedsPassword(d->c))
		memcpy(d->sqlstate, "28P01", 6);	/* libpq's own words: none was given */
	d->fault = str_starts(d->sqlstate, "28") ? DB_FAULT_DENIED : DB_FAULT_AWAY;
}

/* One connect by one set of parameters, until connected, failed or too late. */
static enum rc
connect_wait(struct db *d, const struct conn_params *p)
{
	int64_t deadline = clock_mono_ms() + d->connect_ms;
	PostgresPollingStatusType st = PGRES_POLLING_WRITING;

	d->c = PQconnectStartParams(p->k, p->v, 0);
	if (d->c == NULL || PQstatus(d->c) == CONNECTION_BAD) {
		connect_failed(d, d->c != NULL ? PQerrorMessage(d->c) : "out of memory");
		db_close(d);
		return RC_TEMP;
	}
	PQsetErrorVerbosity(d->c, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(d->c, on_notice, d);
	d->farewell = false;
	while (st != PGRES_POLLING_OK && st != PGRES_POLLING_FAILED) {
		if (wait_socket(d->c, st == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline) !=
		    RC_OK) {
			connect_failed(d, "no answer while connecting");
			db_close(d);
			return RC_TEMP;
		}
		st = PQconnectPoll(d->c);
	}
	if (st == PGRES_POLLING_FAILED || PQsetnonblocking(d->c, 1) != 0) {
		connect_failed(d, PQerrorMessage(d->c));
		db_close(d);
		return RC_TEMP;
	}
	return RC_OK;
}

static enum rc
connect_once(struct db *d)
{
	struct conn_params p = { .n = 0 };
	PQconninfoOption *opts;
	struct buf options;
	enum rc rc;

	buf_init(&options, 2048);
	opts = PQconninfoParse(d->conninfo, NULL);
	if (opts == NULL || d->conninfo[0] == '\0') {
		/* libpq's words may quote the password: not shown */
		connect_failed(d,
		    d->conninfo[0] == '\0' ? "DATABASE_URL is not set" :
					     "DATABASE_URL is not a connection string");
		rc = RC_TEMP;
	} else if ((rc = conn_params(d, opts, &p, &options)) == RC_OK) {
		rc = connect_wait(d, &p);
	}
	PQconninfoFree(opts);
	buf_free(&options);
	return rc;
}

/* A pooler refuses our options, or drops them silently (PgBouncer's
 * ignore_startup_parameters), and a setting of its session is soon another client's. */
static enum rc
ask_settings(struct db *d)
{
	static const struct db_stmt ask = { NULL,
		"select current_setting('synchronous_commit'), "
		"current_setting('default_transaction_isolation')" };
	struct db_res *r = NULL;
	uint64_t trips = d->trips;	/* of connecting, not of a caller's statement */
	enum rc rc;

	d->async = d->strict = false;
	rc = db_exec(d, &ask, NULL, &r);
	d->trips = trips;
	if (rc == RC_OK && str_eq(db_get_text(r, 0, 0), "off")) {
		d->async = d->no_prepare = true;
		log_warn("database: synchronous_commit is off and a pooler keeps our options "
			 "back: each "
			 "transaction sets it itself, which takes longer; alter role ... set "
			 "synchronous_commit = on spares that");
	}
	if (rc == RC_OK && !str_eq(db_get_text(r, 0, 1), "read committed")) {
		d->strict = d->no_prepare = true;
		log_warn(
		    "database: default_transaction_isolation is %s and a pooler keeps our "
		    "options back: each transaction sets it itself, which takes longer; alter "
		    "role ... set default_transaction_isolation = 'read committed' spares that",
		    db_get_text(r, 0, 1));
	}
	db_res_free(r);
	return rc;
}

/* A new connection: may its database be used? */
static enum rc
ask_fit(struct db *d)
{
	enum rc rc;

	clear_fault(d);
	d->asking = true;
	rc = ask_settings(d);
	if (rc == RC_OK && d->on_connect != NULL)
		rc = d->on_connect(d);
	d->asking = false;
	if (rc == RC_OK)
		return RC_OK;
	if (d->fault == DB_FAULT_NONE) {
		d->fault = DB_FAULT_SCHEMA;
		set_error(d, "its schema is not the one this program needs; run: dmbox migrate");
	}
	d->said = true;
	db_close(d);
	return RC_TEMP;
}

static enum rc
connect_now(struct db *d)
{
	int64_t began = clock_mono_ms();
	enum rc rc;

	if (!breaker_enter(d->breaker)) {
		d->fault = breaker_why(d->breaker);
		d->sqlstate[0] = '\0';
		set_error(d, "database away, next try in a moment");
		log_debug("database: %s", d->error);
		d->said = true;
		return RC_TEMP;
	}
	rc = connect_once(d);
	if (rc != RC_OK && !d->no_options && strstr(d->error, "startup parameter") != NULL) {
		/* PgBouncer without ignore_startup_parameters; it does not keep
		 * prepared statements either when it pools transactions */
		log_info("database: a pooler refuses startup options: going without them "
			 "and without prepared statements");
		d->no_options = d->no_prepare = true;
		rc = connect_once(d);
	}
	if (rc == RC_OK) {
		rc = ask_fit(d);
	} else {
		log_error("database: cannot connect: %s", d->error);
		d->said = true;
	}
	breaker_leave(d->breaker, rc == RC_OK, d->fault, clock_mono_ms() - began);
	return rc;
}

/* Has the server closed an idle connection?  Asked without a round trip. */
static void
drop_if_stale(struct db *d)
{
	struct pollfd p = { .fd = PQsocket(d->c), .events = POLLIN };

	if (PQstatus(d->c) == CONNECTION_OK && poll(&p, 1, 0) == 0)
		return;
	/* a farewell may come before the end of file; PQisBusy makes libpq read it */
	if (PQstatus(d->c) != CONNECTION_OK || !PQconsumeInput(d->c) || PQisBusy(d->c) ||
	    PQstatus(d->c) != CONNECTION_OK || d->farewell) {
		log_debug("database: idle connection was closed by the other side");
		db_close(d);
	}
}

enum rc
db_ready(struct db *d)
{
	if (d->in_tx || d->asking) {
		if (d->c != NULL && PQstatus(d->c) == CONNECTION_OK)
			return RC_OK;
		if (d->fault == DB_FAULT_NONE)
			lose_connection(d,
			    d->in_tx ? "connection lost inside a transaction" :
				       "connection lost at once");
		return RC_TEMP;
	}
	clear_fault(d);
	if (d->c != NULL)
		drop_if_stale(d);
	if (d->c != NULL)
		return RC_OK;
	do_meanwhile(d);	/* this may take its time */
	return connect_now(d);
}

/* ---- running -------------------------------------------------------------- */

/* libpq's view of the arguments. */
struct pq_args {
	int n;
	Oid *type;
	const char **v;
	int *len, *fmt;
};

static void
pq_args_init(struct pq_args *q, const struct db_args *as)
{
	size_t n = as != NULL ? as->n : 0;

	memset(q, 0, sizeof *q);
	q->n = (int)n;
	if (n == 0)
		return;
	q->type = mem_array(n, sizeof *q->type);
	q->v = mem_array(n, sizeof *q->v);
	q->len = mem_array(n, sizeof *q->len);
	q->fmt = mem_array(n, sizeof *q->fmt);
	for (size_t i = 0; i < n; i++) {
		const struct db_arg *a = &as->v[i];

		q->type[i] = a->type;
		q->fmt[i] = 1;
		q->len[i] = (int)a->n;
		if (a->null)
			q->v[i] = NULL;
		else if (a->borrowed != NULL)
			q->v[i] = a->borrowed;
		else
			q->v[i] = a->own != NULL ? a->own : a->small;
	}
}

static void
pq_args_free(struct pq_args *q)
{
	free(q->type);
	free(q->v);
	free(q->len);
	free(q->fmt);
}

static bool
is_prepared(const struct db *d, const char *name)
{
	for (size_t i = 0; i < d->n_prepared; i++)
		if (d->prepared[i] == name || strcmp(d->prepared[i], name) == 0)
			return true;
	return false;
}

/* Queue the statement; *pipelined: a prepare goes before it in one flight. */
static bool
send_stmt(struct db *d, const struct db_stmt *s, const struct pq_args *q, bool *pipelined)
{
	*pipelined = false;
	if (s->name == NULL || d->no_prepare || d->n_prepared == PREPARED_MAX)
		return PQsendQueryParams(d->c, s->sql, q->n, q->type, q->v, q->len, q->fmt, 1) == 1;
	if (is_prepared(d, s->name))
		return PQsendQueryPrepared(d->c, s->name, q->n, q->v, q->len, q->fmt, 1) == 1;
	*pipelined = true;
	return PQenterPipelineMode(d->c) == 1 &&
	    PQsendPrepare(d->c, s->name, s->sql, q->n, q->type) == 1 &&
	    PQsendQueryPrepared(d->c, s->name, q->n, q->v, q->len, q->fmt, 1) == 1 &&
	    PQpipelineSync(d->c) == 1;
}

/*
 * Eat all results of one statement; the last with rows or a command tag goes
 * to *out.  In a pipeline the first answers the prepare of name.
 * RC_OK or RC_INVALID with d's fault set; RC_TEMP: no line any more.
 */
static enum rc
collect(struct db *d, const char *pipelined, int64_t deadline_ms, PGresult **out)
{
	PGresult *r, *keep = NULL;
	enum rc rc = RC_OK;

	for (;;) {
		if (next_result(d, deadline_ms, &r) != RC_OK) {
			rc = RC_TEMP;
			break;
		}
		if (r == NULL) {
			if (pipelined == NULL || PQstatus(d->c) != CONNECTION_OK)
				break;
			continue;
		}
		switch (PQresultStatus(r)) {
		case PGRES_PIPELINE_SYNC:
			PQclear(r);
			if (PQexitPipelineMode(d->c) != 1)
				rc = RC_TEMP;
			goto out;
		case PGRES_COMMAND_OK:
		case PGRES_TUPLES_OK:
		case PGRES_EMPTY_QUERY:
			if (keep == NULL && pipelined != NULL)
				d->prepared[d->n_prepared++] = pipelined;
			PQclear(keep);
			keep = r;
			break;
		case PGRES_PIPELINE_ABORTED:
			PQclear(r);
			break;
		default:
			if (rc == RC_OK)
				take_result_error(d, r);
			rc = RC_INVALID;
			PQclear(r);
		}
	}
out:
	if (rc == RC_OK)
		*out = keep;
	else
		PQclear(keep);
	return rc;
}

/* One flight out, one back.  On failure d's fault is set; nothing is logged. */
static enum rc
round_trip(struct db *d, bool sent, const char *pipelined, int64_t limit_ms, PGresult **out)
{
	int64_t deadline = clock_mono_ms() + limit_ms;
	enum rc rc = RC_TEMP;

	d->trips++;
	if (sent && flush_out(d, deadline) == RC_OK) {
		do_meanwhile(d);
		deadline = clock_mono_ms() + limit_ms;
		rc = collect(d, pipelined, deadline, out);
	}
	if (rc == RC_TEMP) {
		bool late = clock_mono_ms() >= deadline;

		lose_connection(d, late ? "no answer in time" : PQerrorMessage(d->c));
		if (late)
			breaker_leave(d->breaker, false, DB_FAULT_AWAY, limit_ms);
	} else if (rc == RC_INVALID && PQstatus(d->c) != CONNECTION_OK) {
		d->fault = DB_FAULT_AWAY;
		db_close(d);
	}
	return rc == RC_OK ? RC_OK : rc_of_fault(d->fault);
}

/* Did a pooler, or a migration beside us, take our prepared statements away? */
static bool
lost_statements(const struct db *d)
{
	return strcmp(d->sqlstate, "26000") == 0 || strcmp(d->sqlstate, "42P05") == 0 ||
	    (strcmp(d->sqlstate, "0A000") == 0 && strstr(d->error, "cached plan") != NULL);
}

static enum rc
exec_once(struct db *d, const struct db_stmt *s, const struct pq_args *q, PGresult **out)
{
	bool pipelined, sent;
	enum rc rc;

	if ((rc = db_ready(d)) != RC_OK)
		return rc;
	clear_fault(d);
	sent = send_stmt(d, s, q, &pipelined);
	return round_trip(d, sent, pipelined ? s->name : NULL, d->limit_ms, out);
}

static enum rc
exec(struct db *d, const struct db_stmt *s, struct db_args *a, struct db_res **out)
{
	struct pq_args q;
	PGresult *r = NULL;
	enum rc rc;

	pq_args_init(&q, a);
	rc = exec_once(d, s, &q, &r);
	if (rc != RC_OK && !d->in_tx && lost_statements(d)) {
		if (d->sqlstate[0] != '0')
			d->no_prepare = true;
		db_close(d);
		rc = exec_once(d, s, &q, &r);
	}
	pq_args_free(&q);
	if (rc != RC_OK) {
		(void)statement_failed(d, s->name != NULL ? s->name : "statement");
		return rc;
	}
	if (out == NULL) {
		PQclear(r);
		return RC_OK;
	}
	*out = mem_alloc(sizeof **out);
	(*out)->r = r;
	return RC_OK;
}

enum rc
db_exec(struct db *d, const struct db_stmt *s, struct db_args *a, struct db_res **out)
{
	struct db_res *r = NULL;
	enum rc rc;

	/* what a connection needs is known when it is there */
	if (d->c == NULL && !d->in_tx && !d->asking && (rc = db_ready(d)) != RC_OK)
		return rc;
	if ((!d->async && !d->strict) || d->in_tx || d->asking)
		return exec(d, s, a, out);
	if ((rc = db_begin(d)) != RC_OK)
		return rc;
	if ((rc = exec(d, s, a, out != NULL ? &r : NULL)) != RC_OK)
		db_rollback(d);
	else
		rc = db_commit(d);
	if (rc == RC_OK && out != NULL)
		*out = r;
	else
		db_res_free(r);
	return rc;
}

enum rc
db_row(struct db *d, const struct db_stmt *s, struct db_args *a, struct db_res **out)
{
	struct db_res *r = NULL;
	enum rc rc = db_exec(d, s, a, &r);

	if (rc == RC_OK && db_rows(r) == 0)
		rc = RC_NONE;
	if (rc == RC_OK && out != NULL)
		*out = r;
	else
		db_res_free(r);
	return rc;
}

/* A simple query without results that matter. */
static enum rc
simple(struct db *d, const char *sql, int64_t limit_ms, const char *what, char tag[16])
{
	PGresult *r = NULL;
	enum rc rc;

	clear_fault(d);
	rc = round_trip(d, PQsendQuery(d->c, sql) == 1, NULL, limit_ms, &r);
	if (rc == RC_OK && tag != NULL) {
		const char *t = PQcmdStatus(r);

		memcpy(tag, t, strnlen(t, 15));
		tag[strnlen(t, 15)] = '\0';
	}
	PQclear(r);
	return rc == RC_OK ? rc : statement_failed(d, what);
}

enum rc
db_script(struct db *d, const char *sql)
{
	enum rc rc, rc2;

	if ((rc = db_ready(d)) != RC_OK)
		return rc;
	/* a migration takes the time it takes */
	if ((rc = simple(d, "set statement_timeout = 0", d->statement_ms, "script", NULL)) != RC_OK)
		return rc;
	rc = simple(d, sql, SCRIPT_MS, "script", NULL);
	if (rc == RC_OK)
		return simple(d, "reset statement_timeout", d->statement_ms, "script", NULL);
	if (!d->in_tx && d->c != NULL) {
		enum db_fault f = d->fault;
		char state[6], text[300];

		memcpy(state, d->sqlstate, sizeof state);
		memcpy(text, d->error, sizeof text);
		rc2 = simple(d, "reset statement_timeout", d->statement_ms, "script", NULL);
		if (rc2 != RC_OK)
			db_close(d);
		d->fault = f;
		memcpy(d->sqlstate, state, sizeof state);
		memcpy(d->error, text, sizeof text);
	}
	return rc;
}

enum rc
db_begin(struct db *d)
{
	enum rc rc;

	if ((rc = db_ready(d)) != RC_OK)
		return rc;
	rc = simple(d,
	    d->async ? "begin isolation level read committed; "
		       "set local synchronous_commit = on" :
		       "begin isolation level read committed",
	    d->statement_ms, "begin", NULL);
	if (rc == RC_OK)
		d->in_tx = true;
	return rc;
}

enum rc
db_commit(struct db *d)
{
	char tag[16] = "";
	enum rc rc;

	if (!d->in_tx || d->c == NULL) {
		d->in_tx = false;
		if (d->fault == DB_FAULT_NONE)
			lose_connection(d, "connection lost inside a transaction");
		return RC_TEMP;
	}
	d->in_tx = false;
	rc = simple(d, "commit", d->statement_ms, "commit", tag);
	if (rc == RC_OK && strcmp(tag, "COMMIT") != 0) {
		/* the transaction had failed before and its caller did not look */
		d->fault = DB_FAULT_OTHER;
		set_error(d, "commit of a failed transaction");
		return statement_failed(d, "commit");
	}
	return rc;
}

void
db_rollback(struct db *d)
{
	bool was = d->in_tx;
	enum db_fault f = d->fault;
	char state[6], text[300];
	struct db_where where = d->where;

	d->in_tx = false;
	if (!was || d->c == NULL)
		return;
	/* the fault that led here is what the caller wants to read afterwards */
	memcpy(state, d->sqlstate, sizeof state);
	memcpy(text, d->error, sizeof text);
	if (PQstatus(d->c) != CONNECTION_OK ||
	    simple(d, "rollback", d->statement_ms, "rollback", NULL) != RC_OK)
		db_close(d);
	d->fault = f;
	memcpy(d->sqlstate, state, sizeof state);
	memcpy(d->error, text, sizeof text);
	d->where = where;
}

/* ---- results -------------------------------------------------------------- */

size_t
db_rows(const struct db_res *r)
{
	return (size_t)PQntuples(r->r);
}

bool
db_is_null(const struct db_res *r, size_t row, int col)
{
	return PQgetisnull(r->r, (int)row, col) == 1;
}

/* numeric, as sum() of bigints gives: base-10000 digits; the fraction is cut. */
static int64_t
numeric_i64(const unsigned char *p, int n)
{
	int digits = p[0] << 8 | p[1], weight = (int16_t)(p[2] << 8 | p[3]);
	int64_t v = 0;

	for (int i = 0; i <= weight; i++) {
		int at = 8 + 2 * i;

		v = v * 10000 + (i < digits && at + 1 < n ? p[at] << 8 | p[at + 1] : 0);
	}
	return (p[4] & 0x40) ? -v : v;
}

int64_t
db_get_i64(const struct db_res *r, size_t row, int col)
{
	const unsigned char *p = (const unsigned char *)PQgetvalue(r->r, (int)row, col);
	int n = PQgetlength(r->r, (int)row, col);
	uint64_t v;

	if (PQftype(r->r, col) == 1700 && n >= 8)
		return numeric_i64(p, n);
	if (n < 1 || n > 8)
		return 0;
	v = n > 1 && (p[0] & 0x80) ? UINT64_MAX : 0;	/* sign */
	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

bool
db_get_bool(const struct db_res *r, size_t row, int col)
{
	return db_get_i64(r, row, col) != 0;
}

const char *
db_get_text(const struct db_res *r, size_t row, int col)
{
	const char *p = PQgetvalue(r->r, (int)row, col);
	struct db_res *w = (struct db_res *)(uintptr_t)r;	/* its arena only */
	char hex[33], *out;

	if (db_is_null(r, row, col))
		return NULL;
	switch (PQftype(r->r, col)) {
	case 3802:	/* jsonb: a version byte comes first */
		return p + 1;
	case 2950:	/* uuid */
		str_hex(p, 16, hex);
		out = mem_arena_alloc(&w->arena, 37);
		for (int i = 0, o = 0; i < 32; i++) {
			if (i == 8 || i == 12 || i == 16 || i == 20)
				out[o++] = '-';
			out[o++] = hex[i];
		}
		return out;
	default:
		return p;
	}
}

const void *
db_get_bytes(const struct db_res *r, size_t row, int col, size_t *n)
{
	*n = 0;
	if (db_is_null(r, row, col))
		return NULL;
	*n = (size_t)PQgetlength(r->r, (int)row, col);
	return PQgetvalue(r->r, (int)row, col);
}

int64_t
db_get_time(const struct db_res *r, size_t row, int col)
{
	return db_is_null(r, row, col) ? 0 : db_get_i64(r, row, col) + EPOCH_2000_US;
}

void
db_res_free(struct db_res *r)
{
	if (r == NULL)
		return;
	PQclear(r->r);
	mem_arena_free(&r->arena);
	free(r);
}

/* --- what a connection needs ------------------------------------------------ */

static const char *
option(const PQconninfoOption *given, const PQconninfoOption *defaults, const char *key)
{
	const PQconninfoOption *lists[] = { given, defaults };

	for (size_t i = 0; i < 2; i++)
		for (const PQconninfoOption *o = lists[i]; o != NULL && o->keyword != NULL; o++)
			if (strcmp(o->keyword, key) == 0 && o->val != NULL && *o->val != '\0')
				return o->val;
	return NULL;
}

enum rc
db_option(const char *conninfo, const char *name, char **out)
{
	PQconninfoOption *given = PQconninfoParse(conninfo, NULL);
	const char *v = option(given, NULL, name);
	enum rc rc = given == NULL ? RC_INVALID : v == NULL ? RC_NONE : RC_OK;

	if (rc == RC_OK)
		*out = mem_dup(v);
	PQconninfoFree(given);
	return rc;
}

static void
reach_ports(const char *list, struct db_reach *out)
{
	struct strv v = { 0 };
	int64_t n;

	strv_split(&v, list != NULL ? list : "5432", ',');
	for (size_t i = 0; i < v.n; i++) {
		if (out->n == sizeof out->port / sizeof out->port[0]) {
			out->n = 0;
			break;
		}
		if (str_i64(v.v[i], &n) == RC_OK && n > 0 && n < 65536)
			out->port[out->n++] = (unsigned int)n;
	}
	strv_free(&v);
}

void
db_reach(const char *conninfo, struct db_reach *out)
{
	static const char *const files[] = { "passfile", "sslcert", "sslkey", "sslrootcert",
		"sslcrl", "sslcrldir" };
	PQconninfoOption *given = PQconninfoParse(conninfo, NULL), *defaults = PQconndefaults();
	struct strv hosts = { 0 };
	const char *s;

	memset(out, 0, sizeof *out);
	out->inet = option(given, defaults, "hostaddr") != NULL;
	if ((s = option(given, defaults, "host")) != NULL)
		strv_split(&hosts, s, ',');
	for (size_t i = 0; i < hosts.n; i++)	/* none: libpq's own Unix socket */
		out->inet |= hosts.v[i][0] != '/' && hosts.v[i][0] != '@';
	if (out->inet)
		reach_ports(option(given, defaults, "port"), out);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if ((s = option(given, defaults, files[i])) != NULL)
			strv_add(&out->files, s, strlen(s));
	strv_free(&hosts);
	PQconninfoFree(given);
	PQconninfoFree(defaults);
}

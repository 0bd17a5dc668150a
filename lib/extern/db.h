#ifndef DMBOX_EXTERN_DB_H
#define DMBOX_EXTERN_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/rc.h"
#include "base/str.h"

/*
 * PostgreSQL through libpq, which no other file includes: one connection per handle, parameters and
 * results in binary form, statements prepared once per connection in the same round trip as
 * their first use.  A broken connection is opened again at the next use; a
 * breaker shared by the handles of a process keeps an absent database from
 * being asked at every request.
 */
struct db;

/* db_breaker_new(): shared by the handles of one process; thread-safe.  db_breaker_free(b) when no
 * handle has it any more. */
struct db_breaker;
struct db_breaker *db_breaker_new(void);
void db_breaker_free(struct db_breaker *b);

struct db_opts {
	const char *conninfo;		/* libpq string or URL; copied */
	unsigned int connect_s;
	struct db_breaker *breaker;	/* borrowed; may be NULL */
	const char *app;		/* application_name; static */
	unsigned int statement_ms;	/* statement_timeout; 0 = 5000 */
	bool no_prepare;		/* behind a transaction pooler */
	/* May this database be used?  Asked once for each new connection, which it may
	 * use, before any other statement; it logs why not.  Not RC_OK: treated as
	 * away (DB_FAULT_SCHEMA, unless it was another fault), and connected and asked
	 * again later.  May be NULL. */
	enum rc (*on_connect)(struct db *d);
};
/* db_new(o): a handle of one thread, not connected yet; the caller frees it with db_free(d). */
struct db *db_new(const struct db_opts *o);
void db_free(struct db *d);

/* What went wrong last, by SQLSTATE class (ARCHITECTURE.md 4). */
enum db_fault {
	DB_FAULT_NONE,
	DB_FAULT_AWAY,		/* 08, 53, 57, no connection: RC_TEMP */
	DB_FAULT_CONFLICT,	/* 40: RC_TEMP, try again at once */
	DB_FAULT_UNIQUE,	/* 23505: RC_DUP */
	DB_FAULT_DATA,		/* 22, 23, 54: RC_INVALID */
	DB_FAULT_SCHEMA,	/* 42P01, 42703, 42883, 3F000: RC_TEMP, "run dmbox migrate" */
	DB_FAULT_DENIED,	/* 42501, 28xxx: RC_TEMP */
	DB_FAULT_OTHER		/* RC_BUG */
};
enum db_fault db_fault(const struct db *d);
/* db_async(d): commits are durable only because each transaction asks for it: a pooler
 * keeps the options of this connection back, and the server's own setting is off. */
bool db_async(const struct db *d);
const char *db_sqlstate(const struct db *d);	/* of a failed connect, too; "" where none */
/* db_refused(d): where in the server a connection was refused, as none of its languages has it;
 * DB_REFUSED_ELSEWHERE where it was not, or the server does not say. */
enum db_refused {
	DB_REFUSED_ELSEWHERE,
	DB_REFUSED_RULE,	/* pg_hba.conf: no line lets this call in, or one keeps it out */
	DB_REFUSED_PROOF,	/* what that line asks for failed: password, peer, certificate */
	DB_REFUSED_ROLE,	/* there is no such role, or it may not log in */
	DB_REFUSED_NOLOGIN	/* it may not log in: its password was right */
};
enum db_refused db_refused(const struct db *d);
const char *db_error(const struct db *d);	/* first line, password scrubbed */
/* db_where(d): what the server named beside its last error; "" where it named none. */
struct db_where {
	char table[64], column[64], constraint[64];
	char context[256];	/* the functions it was in, innermost first; names apart, words */
};
const struct db_where *db_where(const struct db *d);
/* db_ready(d): connect if need be.  RC_TEMP while the database is away. */
enum rc db_ready(struct db *d) MUST_CHECK;
/* db_close(d): drop the connection; the next use opens a new one. */
void db_close(struct db *d);
/* db_connected(d): is a connection open?  It may be broken without libpq knowing. */
bool db_connected(const struct db *d);
/* db_limit(d, ms): from now on db_exec waits so long for an answer and then takes
 * the database for away, at most statement_ms; 0: statement_ms again. */
void db_limit(struct db *d, unsigned int ms);
/* db_meanwhile(d, fn, arg): fn(arg) is called once, by the next db_exec, when its
 * statement is on the way and before the answer is waited for, or before it has to
 * connect: what else there is to do costs no time then.  It must not use d.  fn NULL:
 * not any more. */
void db_meanwhile(struct db *d, void (*fn)(void *arg), void *arg);

/*
 * db_option(conninfo, name, out):
 * What a URL or conninfo string gives to one of libpq's options ("host"), decoded; no
 * default, no environment.
 *
 * Returns  RC_OK; RC_NONE where it gives nothing; RC_INVALID where libpq does not take it.
 * Owns     *out: mem_free_secret().
 */
enum rc db_option(const char *conninfo, const char *name, char **out) MUST_CHECK;

/* What must stay reachable for a connection string, for the sandbox. */
struct db_reach {
	bool inet;		/* some host is not a Unix socket */
	unsigned int port[8];	/* the ports of those; n 0: more than fit */
	size_t n;
	struct strv files;	/* keys, certificates, password file named in it */
};
/* db_reach(conninfo, out): reads the string and libpq's defaults, connects to nothing.
 * Owns out->files: strv_free(). */
void db_reach(const char *conninfo, struct db_reach *out);

/*
 * Arguments, in order, binary: db_null, db_bool, db_i32, db_i64, db_text, db_textn (n bytes),
 * db_bytea, db_time, db_jsonb, db_uuid (36 characters).  An array is opened (db_array), filled
 * with the same calls, closed (db_array_end).  db_args_free releases; a zeroed struct is empty.
 */
enum db_type { DB_BOOL, DB_I32, DB_I64, DB_TEXT, DB_BYTEA, DB_TIME, DB_JSONB, DB_UUID };
struct db_arg;
struct db_args {
	struct db_arg *v;
	size_t n, cap;
	bool in_array;
};
void db_null(struct db_args *a, enum db_type t);
void db_bool(struct db_args *a, bool v);
void db_i32(struct db_args *a, int32_t v);
void db_i64(struct db_args *a, int64_t v);
/* NULL: null; borrowed until db_exec */
void db_text(struct db_args *a, const char *s);
void db_textn(struct db_args *a, const char *p, size_t n);
/* p NULL: null; borrowed until db_exec */
void db_bytea(struct db_args *a, const void *p, size_t n);
void db_time(struct db_args *a, int64_t us);			/* microseconds since 1970 */
void db_jsonb(struct db_args *a, const char *json);		/* NULL: null */
void db_uuid(struct db_args *a, const char *text36);
void db_array(struct db_args *a, enum db_type elem);
void db_array_end(struct db_args *a);
void db_array_end_or_null(struct db_args *a);	/* without a value in it: a null array */
void db_args_free(struct db_args *a);

/* A statement: name NULL = not prepared (rare ones, DDL). */
struct db_stmt {
	const char *name;
	const char *sql;
};

struct db_res;
/*
 * db_exec(d, s, a, out):
 * Run one statement (its own transaction unless db_begin was called) in one
 * round trip.  a may be NULL.  out may be NULL where rows do not matter.
 *
 * Returns  RC_OK; otherwise by db_fault.  Logged once here, but for UNIQUE and
 *          CONFLICT.
 * Owns     *out: db_res_free().
 */
enum rc db_exec(
    struct db *d, const struct db_stmt *s, struct db_args *a, struct db_res **out) MUST_CHECK;
/* db_row(d, s, a, out): db_exec of a statement that must give a row: RC_NONE where it gives none.
 * out may be NULL where only that matters. */
enum rc db_row(
    struct db *d, const struct db_stmt *s, struct db_args *a, struct db_res **out) MUST_CHECK;
/* db_script(d, sql): several statements without arguments (migrations).
 * Returns as db_exec. */
enum rc db_script(struct db *d, const char *sql) MUST_CHECK;
enum rc db_begin(struct db *d) MUST_CHECK;
enum rc db_commit(struct db *d) MUST_CHECK;	/* RC_TEMP with db_fault AWAY: outcome unknown */
void db_rollback(struct db *d);			/* legal without begin */
/* db_round_trips(d): round trips made on this handle so far, for tests that count them. */
uint64_t db_round_trips(const struct db *d);

/* db_rows: how many; db_is_null, db_get_*: one field, rows and columns from 0. */
size_t db_rows(const struct db_res *r);
bool db_is_null(const struct db_res *r, size_t row, int col);
/* db_get_i64: int2, int4, int8, numeric; null: 0.  db_get_bool: null: false. */
int64_t db_get_i64(const struct db_res *r, size_t row, int col);
bool db_get_bool(const struct db_res *r, size_t row, int col);
/* db_get_text: text, json, jsonb, uuid (text form), name: NUL-terminated; db_get_bytes: bytea, n
 * bytes.  Both borrowed from r; null: NULL. */
const char *db_get_text(const struct db_res *r, size_t row, int col);
const void *db_get_bytes(const struct db_res *r, size_t row, int col, size_t *n);
/* db_get_time: microseconds since 1970; null: 0. */
int64_t db_get_time(const struct db_res *r, size_t row, int col);
void db_res_free(struct db_res *r);

#endif

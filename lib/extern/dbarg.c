/*
 * The arguments of a statement in PostgreSQL's binary format (its send and receive functions;
 * arrays: array_recv).
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "extern/db.h"
#include "extern/dbarg.h"

static const struct {
	unsigned int scalar, array;
} oids[] = {
	[DB_BOOL] = { 16, 1000 },
	[DB_I32] = { 23, 1007 },
	[DB_I64] = { 20, 1016 },
	[DB_TEXT] = { 25, 1009 },
	[DB_BYTEA] = { 17, 1001 },
	[DB_TIME] = { 1184, 1185 },
	[DB_JSONB] = { 3802, 3807 },
	[DB_UUID] = { 2950, 2951 },
};
enum { ARRAY_HEAD = 20, ARGS_FIRST = 48 };	/* as many as dmbox.ingest takes, and some */

static void
put_be32(char *p, uint32_t v)
{
	p[0] = (char)(v >> 24);
	p[1] = (char)(v >> 16);
	p[2] = (char)(v >> 8);
	p[3] = (char)v;
}

static void
put_be64(char *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

/* Room for n more bytes behind the ones of a. */
static char *
arg_room(struct db_arg *a, size_t n)
{
	if (a->own == NULL && a->n + n <= sizeof a->small) {
		a->n += n;
		return a->small + a->n - n;
	}
	if (a->own == NULL || a->n + n > a->cap) {
		size_t cap = a->cap * 2 > a->n + n ? a->cap * 2 : a->n + n + 64;
		bool first = a->own == NULL;

		a->own = mem_realloc(a->own, cap, 1);
		if (first)
			memcpy(a->own, a->small, a->n);
		a->cap = cap;
	}
	a->n += n;
	return a->own + a->n - n;
}

/* The argument a value goes to: a new one, or the open array. */
static struct db_arg *
arg_for(struct db_args *as, enum db_type t)
{
	struct db_arg *a;

	if (as->in_array)
		return &as->v[as->n - 1];
	if (as->n == as->cap) {
		as->cap = as->cap != 0 ? as->cap * 2 : ARGS_FIRST;
		as->v = mem_realloc(as->v, as->cap, sizeof *as->v);
	}
	a = &as->v[as->n++];
	memset(a, 0, sizeof *a);
	a->type = oids[t].scalar;
	return a;
}

/* n bytes of a new value of type t, to be written by the caller. */
static char *
arg_value(struct db_args *as, enum db_type t, size_t n)
{
	struct db_arg *a = arg_for(as, t);

	if (as->in_array) {
		put_be32(arg_room(a, 4), (uint32_t)n);
		a->has_value = true;
		a->elems++;
	}
	return arg_room(a, n);
}

void
db_null(struct db_args *as, enum db_type t)
{
	struct db_arg *a = arg_for(as, t);

	if (as->in_array) {
		put_be32(arg_room(a, 4), UINT32_MAX);
		a->has_null = true;
		a->elems++;
	} else {
		a->null = true;
	}
}

void
db_bool(struct db_args *a, bool v)
{
	*arg_value(a, DB_BOOL, 1) = v ? 1 : 0;
}

void
db_i32(struct db_args *a, int32_t v)
{
	put_be32(arg_value(a, DB_I32, 4), (uint32_t)v);
}

void
db_i64(struct db_args *a, int64_t v)
{
	put_be64(arg_value(a, DB_I64, 8), (uint64_t)v);
}

void
db_time(struct db_args *a, int64_t us)
{
	put_be64(arg_value(a, DB_TIME, 8), (uint64_t)(us - EPOCH_2000_US));
}

static void
put_bytes(struct db_args *as, enum db_type t, const void *p, size_t n)
{
	if (p == NULL) {
		db_null(as, t);
	} else if (as->in_array) {
		memcpy(arg_value(as, t, n), p, n);
	} else {
		struct db_arg *a = arg_for(as, t);

		a->borrowed = p;
		a->n = n;
	}
}

void
db_text(struct db_args *a, const char *s)
{
	put_bytes(a, DB_TEXT, s, s != NULL ? strlen(s) : 0);
}

void
db_textn(struct db_args *a, const char *p, size_t n)
{
	put_bytes(a, DB_TEXT, p, n);
}

void
db_bytea(struct db_args *a, const void *p, size_t n)
{
	put_bytes(a, DB_BYTEA, p, n);
}

void
db_jsonb(struct db_args *a, const char *json)
{
	size_t n;
	char *p;

	if (json == NULL) {
		db_null(a, DB_JSONB);
		return;
	}
	n = strlen(json);
	p = arg_value(a, DB_JSONB, n + 1);
	p[0] = 1;	/* version of jsonb's binary form */
	memcpy(p + 1, json, n);
}

void
db_uuid(struct db_args *a, const char *text36)
{
	char hex[33];
	size_t n = 0;
	unsigned char raw[16];

	for (const char *s = text36; s != NULL && *s != '\0' && n < 32; s++)
		if (*s != '-')
			hex[n++] = *s;
	hex[n] = '\0';
	if (n != 32 || str_unhex(hex, 32, raw) != RC_OK) {
		db_null(a, DB_UUID);
		return;
	}
	memcpy(arg_value(a, DB_UUID, 16), raw, 16);
}

void
db_array(struct db_args *as, enum db_type elem)
{
	struct db_arg *a = arg_for(as, elem);

	a->type = oids[elem].array;
	a->array = true;
	a->elem = elem;
	memset(arg_room(a, ARRAY_HEAD), 0, ARRAY_HEAD);
	as->in_array = true;
}

void
db_array_end(struct db_args *as)
{
	struct db_arg *a = &as->v[as->n - 1];
	char *h = a->own != NULL ? a->own : a->small;

	put_be32(h, a->elems > 0);	/* dimensions */
	put_be32(h + 4, a->has_null);
	put_be32(h + 8, (uint32_t)oids[a->elem].scalar);
	if (a->elems > 0) {
		put_be32(h + 12, (uint32_t)a->elems);
		put_be32(h + 16, 1);	/* lower bound */
	} else {
		a->n = 12;
	}
	as->in_array = false;
}

void
db_array_end_or_null(struct db_args *as)
{
	struct db_arg *a = &as->v[as->n - 1];

	db_array_end(as);
	a->null = !a->has_value;
}

void
db_args_free(struct db_args *as)
{
	for (size_t i = 0; i < as->n; i++)
		if (as->v[i].own != NULL)	/* few have grown beyond small */
			free(as->v[i].own);
	free(as->v);
	memset(as, 0, sizeof *as);
}

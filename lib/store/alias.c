/*
 * A person's several ids (sql/code/contacts.sql): one question for all items of a batch that
 * need it.  Most batches have none and cost nothing.
 */
#include "store/alias.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/provider.h"
#include "store/load.h"

enum { SQL_RESOLVE, SQL_FORGET };
static const struct db_stmt stmts[] = {
	[SQL_RESOLVE] = { "contacts_of",
	    "select dmbox.contacts_of($1, $2, $3, $4, $5, $6, $7, $8)" },
	[SQL_FORGET] = { NULL, "select dmbox.contacts_forget($1, $2, $3)" },
};

/* A contact id of an item with one of the others that the item proves, or none. */
struct question {
	struct delivery *d;
	struct item *it;
	const char *other;
	bool left;
};
struct rows {
	struct mem_arena arena;
	struct question *v;		/* NULL: they are only counted */
	size_t n;
};

static void
add(struct rows *r, struct delivery *d, struct item *it, const char *other, size_t len, bool left)
{
	if (r->v != NULL)
		r->v[r->n] = (struct question){ d, it,
			other != NULL ? mem_arena_ndup(&r->arena, other, len) : NULL, left };
	r->n++;
}

static void
add_lines(struct rows *r, struct delivery *d, struct item *it, const char *lines, bool left)
{
	while (lines != NULL && *lines != '\0') {
		size_t n = strcspn(lines, "\n");

		if (n > 0)
			add(r, d, it, lines, n, left);
		lines += n + (lines[n] == '\n');
	}
}

static void
collect(struct rows *r, struct delivery *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < v[i]->items.n; k++) {
			struct item *it = &v[i]->items.v[k];
			size_t before = r->n;

			if (it->contact == NULL)
				continue;
			add_lines(r, v[i], it, it->alias, false);
			add_lines(r, v[i], it, it->left, true);
			if (r->n == before && delivery_provider(v[i])->aliases)
				add(r, v[i], it, NULL, 0, false);
		}
}

/* What is asked, and of what; no rows: nothing. */
static void
rows_of(struct rows *r, struct delivery *const *v, size_t n)
{
	memset(r, 0, sizeof *r);
	collect(r, v, n);
	if (r->n == 0)
		return;
	r->v = mem_array(r->n, sizeof *r->v);
	r->n = 0;
	collect(r, v, n);
}

static void
rows_free(struct rows *r)
{
	mem_arena_free(&r->arena);
	free(r->v);
}

static const char *
column(const struct question *w, int which)
{
	const char *const v[] = { w->it->account != NULL ? w->it->account : w->d->account,
		channel_names[w->d->channel], w->it->contact, w->other };

	return v[which];
}

static void
put(struct db_args *a, const struct rows *r, int columns)
{
	for (int k = 0; k < columns; k++) {
		db_array(a, DB_TEXT);
		for (size_t i = 0; i < r->n; i++)
			db_text(a, column(&r->v[i], k));
		db_array_end(a);
	}
}

/* The message under which a chat may show its other name: its chat, id, and whether empty. */
static void
put_messages(struct db_args *a, const struct rows *r)
{
	for (int k = 0; k < 2; k++) {
		db_array(a, DB_TEXT);
		for (size_t i = 0; i < r->n; i++) {
			const struct item *it = r->v[i].it;
			bool msg = it->type == ITEM_MESSAGE && !it->weak;

			db_text(a, !msg ? NULL : k == 0 ? it->thread_id : it->external_id);
		}
		db_array_end(a);
	}
	db_array(a, DB_BOOL);
	for (size_t i = 0; i < r->n; i++)
		db_bool(a, load_empty(r->v[i].d, r->v[i].it));
	db_array_end(a);
}

enum rc
alias_resolve(struct db *db, struct delivery *const *v, size_t n)
{
	struct db_args a = { 0 };
	struct db_res *res = NULL;
	struct rows r;
	enum rc rc;

	rows_of(&r, v, n);
	if (r.n == 0)
		return RC_OK;
	put(&a, &r, 4);
	db_array(&a, DB_BOOL);
	for (size_t i = 0; i < r.n; i++)
		db_bool(&a, r.v[i].left);
	db_array_end(&a);
	put_messages(&a, &r);
	rc = db_exec(db, &stmts[SQL_RESOLVE], &a, &res);
	for (size_t i = 0; rc == RC_OK && i < db_rows(res) && i < r.n; i++) {
		const char *known = db_get_text(res, i, 0);

		/* all rows of an item are answered alike, and the row itself asks no more */
		if (known != NULL && !str_eq(known, r.v[i].it->contact))
			r.v[i].it->contact = mem_arena_dup(&r.v[i].d->items.arena, known);
	}
	db_res_free(res);
	db_args_free(&a);
	rows_free(&r);
	return rc;
}

void
alias_forget(struct db *db, struct delivery *const *v, size_t n)
{
	struct db_args a = { 0 };
	struct db_res *res = NULL;
	struct rows r;
	size_t told = 0;

	rows_of(&r, v, n);
	for (size_t i = 0; i < r.n; i++)
		told += r.v[i].other != NULL;
	if (told > 0)
		put(&a, &r, 3);
	if (told > 0 && db_exec(db, &stmts[SQL_FORGET], &a, &res) != RC_OK)
		log_debug("alias: what nobody has stays for now");
	db_res_free(res);
	db_args_free(&a);
	rows_free(&r);
}

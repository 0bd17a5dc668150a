/*
 * A person's several ids (sql/code/contacts.sql): one question for all items of a batch that
 * need it.  Most batches have none and cost nothing.
 */
#include "store/alias.h"

#include "base/mem.h"
#include "model/provider.h"

enum { SQL_KNOWN_AS };
static const struct db_stmt stmts[] = {
	[SQL_KNOWN_AS] = { "contacts_known_as", "select dmbox.contacts_known_as($1, $2, $3, $4)" },
};

static bool
needs_it(const struct delivery *d, const struct item *it)
{
	return it->contact != NULL && (it->alias != NULL || delivery_provider(d)->aliases);
}

/* Calls fn for each item that needs it; how many. */
static size_t
each(struct delivery *const *v, size_t n, void (*fn)(struct delivery *d, struct item *it, void *arg),
    void *arg)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < v[i]->items.n; k++) {
			struct item *it = &v[i]->items.v[k];

			if (!needs_it(v[i], it))
				continue;
			if (fn != NULL)
				fn(v[i], it, arg);
			found++;
		}
	return found;
}

struct column {
	struct db_args *args;
	int which;
};

static void
put(struct delivery *d, struct item *it, void *arg)
{
	const struct column *c = arg;
	const char *const v[] = { it->account != NULL ? it->account : d->account,
		channel_names[d->channel], it->contact, it->alias };

	db_text(c->args, v[c->which]);
}

struct answer {
	const struct db_res *r;
	size_t row;
};

static void
take(struct delivery *d, struct item *it, void *arg)
{
	struct answer *a = arg;
	const char *known = db_get_text(a->r, a->row++, 0);

	if (known != NULL)
		it->contact = mem_arena_dup(&d->items.arena, known);
}

enum rc
alias_resolve(struct db *db, struct delivery *const *v, size_t n)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	struct answer got = { .row = 0 };
	size_t want = each(v, n, NULL, NULL);
	enum rc rc;

	if (want == 0)
		return RC_OK;
	for (int k = 0; k < 4; k++) {
		struct column c = { &a, k };

		db_array(&a, DB_TEXT);
		each(v, n, put, &c);
		db_array_end(&a);
	}
	rc = db_exec(db, &stmts[SQL_KNOWN_AS], &a, &r);
	if (rc == RC_OK && db_rows(r) == want) {
		got.r = r;
		each(v, n, take, &got);
	}
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

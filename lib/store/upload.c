/*
 * The table of files that people added to an answer.
 */
#include "store/upload.h"

enum { Q_ADD, Q_GET, Q_UNUSED, Q_DROP, Q__MAX };
static const struct db_stmt sql[Q__MAX] = {
	[Q_ADD] = { "upload_add",
	    "insert into dmbox.uploads (account, channel, type, mime_type, name, bytes, sha256,"
	    " local_path, secret)"
	    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id" },
	[Q_GET] = { "upload_get",
	    "select account, channel, type, mime_type, name, bytes, sha256, local_path, secret"
	    " from dmbox.uploads where id = $1" },
	[Q_UNUSED] = { "upload_unused",
	    "select u.id, u.local_path from dmbox.uploads u"
	    " where (u.contact_id is not null or u.created_at < now() - interval '2 days')"
	    " and not exists (select 1 from dmbox.attachments a where a.ref = 'upload:' || u.id"
	    "   and a.ref like 'upload:%')"
	    " order by u.id limit $1" },
	[Q_DROP] = { "upload_drop", "delete from dmbox.uploads where id = $1" },
};

enum rc
upload_add(struct db *db, const struct upload *u, int64_t *id)
{
	const char *const first[] = { u->account, u->channel, u->type, u->mime, u->name };
	const char *const last[] = { u->sha256, u->path, u->secret };
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		db_text(&a, first[i]);
	db_i64(&a, u->bytes);
	for (size_t i = 0; i < sizeof last / sizeof *last; i++)
		db_text(&a, last[i]);
	rc = db_exec(db, &sql[Q_ADD], &a, &r);
	if (rc == RC_OK)
		*id = db_get_i64(r, 0, 0);
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
upload_get(struct db *db, int64_t id, struct mem_arena *arena, struct upload *out)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	db_i64(&a, id);
	rc = db_row(db, &sql[Q_GET], &a, &r);
	if (rc == RC_OK)
		*out = (struct upload){ .id = id,
			.bytes = db_get_i64(r, 0, 5),
			.account = mem_arena_dup(arena, db_get_text(r, 0, 0)),
			.channel = mem_arena_dup(arena, db_get_text(r, 0, 1)),
			.type = mem_arena_dup(arena, db_get_text(r, 0, 2)),
			.mime = mem_arena_dup(arena, db_get_text(r, 0, 3)),
			.name = mem_arena_dup(arena, db_get_text(r, 0, 4)),
			.sha256 = mem_arena_dup(arena, db_get_text(r, 0, 6)),
			.path = mem_arena_dup(arena, db_get_text(r, 0, 7)),
			.secret = mem_arena_dup(arena, db_get_text(r, 0, 8)) };
	db_res_free(r);
	db_args_free(&a);
	return rc;
}

enum rc
upload_unused(struct db *db, size_t max, struct db_res **out)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_i64(&a, (int64_t)max);
	rc = db_exec(db, &sql[Q_UNUSED], &a, out);
	db_args_free(&a);
	return rc;
}

enum rc
upload_drop(struct db *db, int64_t id)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_i64(&a, id);
	rc = db_exec(db, &sql[Q_DROP], &a, NULL);
	db_args_free(&a);
	return rc;
}

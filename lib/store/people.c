/*
 * People of the inbox page.  A link is used by one UPDATE, so that of two who use it
 * at once one gets in; the right to come in is looked up at every request, so that a
 * revocation counts at the next one.
 */
#include "store/people.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "extern/jsonw.h"
#include "extern/sign.h"

#define IDLE "interval '30 days'"
#define AGENT_MAX 200

enum {
	Q_ADD,
	Q_LINK,
	Q_SWEEP,
	Q_LOGIN,
	Q_WHY,
	Q_SESSION,
	Q_TOUCH,
	Q_LOGOUT,
	Q_REVOKE,
	Q_LIST,
	Q_OWNERS,
	Q_ROLE,
	Q_END,
	Q_THERE,
	Q__MAX
};

static const struct db_stmt sql[Q__MAX] = {
	[Q_ADD] = { NULL,
	    "insert into dmbox.users (name, role) values ($1, $2)"
	    " on conflict (name) do update set role = excluded.role, revoked_at = null" },
	[Q_LINK] = { NULL,
	    "insert into dmbox.login_links (hash, name, expires_at)"
	    " select $1, name, now() + $3::bigint * interval '1 second' from dmbox.users"
	    "  where name = $2 and revoked_at is null returning expires_at" },
	[Q_SWEEP] = { NULL,
	    "with l as (delete from dmbox.login_links where expires_at < now() - " IDLE ")"
	    " delete from dmbox.sessions where last_seen < now() - " IDLE },
	[Q_LOGIN] = { NULL,
	    "with l as (update dmbox.login_links k set used_at = now() from dmbox.users u"
	    "  where k.hash = $1 and k.used_at is null and k.expires_at > now()"
	    "    and u.name = k.name and u.revoked_at is null returning u.name, u.role),"
	    " s as (insert into dmbox.sessions (hash, name, agent) select $2, name, "
	    "$3::text from l)"
	    " select name, role from l" },
	[Q_WHY] = { NULL, "select used_at is not null from dmbox.login_links where hash = $1" },
	[Q_SESSION] = { "people_session",
	    "select u.name, u.role from dmbox.sessions s join dmbox.users u on u.name = s.name"
	    " where s.hash = $1 and u.revoked_at is null and s.last_seen > now() - " IDLE },
	[Q_TOUCH] = { "people_touch",
	    "update dmbox.sessions set last_seen = now()"
	    " where hash = $1 and last_seen < now() - interval '1 minute'" },
	[Q_LOGOUT] = { NULL, "delete from dmbox.sessions where hash = $1" },
	[Q_REVOKE] = { NULL,
	    "with s as (delete from dmbox.sessions where name = $1),"
	    " l as (delete from dmbox.login_links where name = $1)"
	    " update dmbox.users set revoked_at = coalesce(revoked_at, now()) where name = $1"
	    " returning 1" },
	/* who takes the last owner's right waits for who is doing the same */
	[Q_OWNERS] = { NULL,
	    "select u.name from dmbox.users u where u.role = 'owner' and u.revoked_at is null"
	    " for update" },
	[Q_ROLE] = { NULL,
	    "update dmbox.users set role = $2 where name = $1 and revoked_at is null returning 1" },
	[Q_END] = { NULL, "delete from dmbox.sessions where id = $1 returning 1" },
	[Q_THERE] = { NULL, "select 1 from dmbox.users where name = $1 and revoked_at is null" },
	[Q_LIST] = { NULL,
	    "select u.name, u.role, u.created_at, max(s.last_seen), count(s.id), u.revoked_at"
	    "  from dmbox.users u left join dmbox.sessions s on s.name = u.name"
	    "   and s.last_seen > now() - " IDLE
	    " group by u.name, u.role, u.created_at, u.revoked_at order by u.revoked_at is not "
	    "null, u.name" },
};

bool
people_role_ok(const char *s)
{
	return str_eq(s, "read") || str_eq(s, "answer") || str_eq(s, "owner");
}

static void
hash_arg(struct db_args *a, struct mem_arena *arena, const char *secret)
{
	char hex[65];

	sign_sha256_hex(secret, strlen(secret), hex);
	db_text(a, mem_arena_dup(arena, hex));
}

static void
person_get(const struct db_res *r, struct person *out)
{
	snprintf(out->name, sizeof out->name, "%s", db_get_text(r, 0, 0));
	snprintf(out->role, sizeof out->role, "%s", db_get_text(r, 0, 1));
}

bool
people_name_ok(const char *s)
{
	size_t n = s != NULL ? strlen(s) : 0;

	if (n == 0 || !str_utf8_ok(s, n) || str_utf8_len(s, n) > PEOPLE_NAME_MAX || s[0] == ' ' ||
	    s[n - 1] == ' ')
		return false;
	for (; *s != '\0'; s++)
		if (*s != ' ' && str_unseen(s) > 0)
			return false;
	return true;
}

enum rc
people_add(struct db *db, const char *name, const char *role)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_text(&a, name);
	db_text(&a, role);
	rc = db_exec(db, &sql[Q_ADD], &a, NULL);
	db_args_free(&a);
	return rc;
}

enum rc
people_link(
    struct db *db, const char *name, int64_t ttl_s, char secret[PEOPLE_SECRET + 1], int64_t *out_us)
{
	struct mem_arena arena = { 0 };
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	if (db_exec(db, &sql[Q_SWEEP], NULL, NULL) != RC_OK)
		log_debug("people: what has expired stays for now");
	sign_token(secret, PEOPLE_SECRET);
	hash_arg(&a, &arena, secret);
	db_text(&a, name);
	db_i64(&a, ttl_s);
	rc = db_row(db, &sql[Q_LINK], &a, &r);
	if (rc == RC_OK)
		*out_us = db_get_time(r, 0, 0);
	else
		mem_wipe(secret, PEOPLE_SECRET);
	db_res_free(r);
	db_args_free(&a);
	mem_arena_free(&arena);
	return rc;
}

/* Why a link opens nothing. */
static enum rc
link_why(struct db *db, const char *token, const char **why)
{
	struct mem_arena arena = { 0 };
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	hash_arg(&a, &arena, token);
	rc = db_exec(db, &sql[Q_WHY], &a, &r);
	if (rc == RC_OK) {
		*why = db_rows(r) == 0	 ? "link_unknown" :
		    db_get_bool(r, 0, 0) ? "link_used" :
					   "link_expired";
		rc = RC_DENIED;
	}
	db_res_free(r);
	db_args_free(&a);
	mem_arena_free(&arena);
	return rc;
}

enum rc
people_login(struct db *db, const char *token, const char *agent, char secret[PEOPLE_SECRET + 1],
    struct person *out, const char **why)
{
	struct mem_arena arena = { 0 };
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	enum rc rc;

	sign_token(secret, PEOPLE_SECRET);
	hash_arg(&a, &arena, token);
	hash_arg(&a, &arena, secret);
	if (agent != NULL && str_utf8_ok(agent, strlen(agent)))
		db_textn(&a, agent, str_utf8_cut(agent, strlen(agent), AGENT_MAX));
	else
		db_null(&a, DB_TEXT);
	rc = db_exec(db, &sql[Q_LOGIN], &a, &r);
	if (rc == RC_OK && db_rows(r) == 0)
		rc = link_why(db, token, why);
	else if (rc == RC_OK)
		person_get(r, out);
	if (rc != RC_OK)
		mem_wipe(secret, PEOPLE_SECRET);
	db_res_free(r);
	db_args_free(&a);
	mem_arena_free(&arena);
	return rc;
}

/* A statement with a secret's hash as its one argument. */
static enum rc
by_secret(struct db *db, int q, const char *secret, struct db_res **out)
{
	struct mem_arena arena = { 0 };
	struct db_args a = { 0 };
	enum rc rc;

	hash_arg(&a, &arena, secret);
	rc = db_exec(db, &sql[q], &a, out);
	db_args_free(&a);
	mem_arena_free(&arena);
	return rc;
}

enum rc
people_session(struct db *db, const char *secret, struct person *out)
{
	struct db_res *r = NULL;
	enum rc rc = by_secret(db, Q_SESSION, secret, &r);

	if (rc == RC_OK && db_rows(r) == 0)
		rc = RC_NONE;
	if (rc == RC_OK)
		person_get(r, out);
	db_res_free(r);
	return rc;
}

void
people_touch(struct db *db, const char *secret)
{
	if (by_secret(db, Q_TOUCH, secret, NULL) != RC_OK)
		log_debug("people: when a session was seen is not written");
}

enum rc
people_logout(struct db *db, const char *secret)
{
	return by_secret(db, Q_LOGOUT, secret, NULL);
}

enum rc
people_revoke(struct db *db, const char *name)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_text(&a, name);
	rc = db_row(db, &sql[Q_REVOKE], &a, NULL);
	db_args_free(&a);
	return rc;
}

enum rc
people_list(struct db *db, struct db_res **out)
{
	return db_exec(db, &sql[Q_LIST], NULL, out);
}

/* Is name the only owner?  In a transaction, which holds the owners' rows. */
static enum rc
not_the_last(struct db *db, const char *name)
{
	struct db_res *r = NULL;
	enum rc rc = db_exec(db, &sql[Q_OWNERS], NULL, &r);

	if (rc == RC_OK && db_rows(r) == 1 && str_eq(db_get_text(r, 0, 0), name))
		rc = RC_DENIED;
	db_res_free(r);
	return rc;
}

enum rc
people_revoke_one(struct db *db, const char *name)
{
	enum rc rc = db_begin(db);

	if (rc != RC_OK)
		return rc;
	if ((rc = not_the_last(db, name)) == RC_OK)
		rc = people_revoke(db, name);
	if (rc == RC_OK)
		return db_commit(db);
	db_rollback(db);
	return rc;
}

enum rc
people_role(struct db *db, const char *name, const char *role)
{
	struct db_args a = { 0 };
	enum rc rc = db_begin(db);

	if (rc != RC_OK)
		return rc;
	db_text(&a, name);
	db_text(&a, role);
	if (!str_eq(role, "owner"))
		rc = not_the_last(db, name);
	if (rc == RC_OK)
		rc = db_row(db, &sql[Q_ROLE], &a, NULL);
	db_args_free(&a);
	if (rc == RC_OK)
		return db_commit(db);
	db_rollback(db);
	return rc;
}

enum rc
people_end(struct db *db, int64_t id)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_i64(&a, id);
	rc = db_row(db, &sql[Q_END], &a, NULL);
	db_args_free(&a);
	return rc;
}

enum rc
people_there(struct db *db, const char *name)
{
	struct db_args a = { 0 };
	enum rc rc;

	db_text(&a, name);
	rc = db_row(db, &sql[Q_THERE], &a, NULL);
	db_args_free(&a);
	return rc;
}

void
people_put_link(struct buf *b, const char *base, const char *secret)
{
	const char *host = base != NULL ? strstr(base, "://") : NULL;
	size_t n = base != NULL ? strlen(base) : 0;

	while (n > 0 && base[n - 1] == '/')
		n--;
	buf_put(b, base != NULL ? base : "", n);
	host = host != NULL ? strchr(host + 3, '/') : NULL;
	buf_printf(
	    b, "%s/inbox/#login=%s", host != NULL && host < base + n ? "/instagram" : "", secret);
}

void
people_link_json(struct jsonw *w, const char *name, const char *role, const char *base,
    const char *secret, int64_t until_us)
{
	struct buf url;

	buf_init(&url, 8192);
	people_put_link(&url, base, secret);
	jsonw_str(w, "name", name);
	jsonw_str(w, "role", role);
	jsonw_str(w, "link", url.p);
	jsonw_time(w, "expiresAt", until_us);
	mem_wipe(url.p, url.n);
	buf_free(&url);
}

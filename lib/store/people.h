#ifndef DMBOX_STORE_PEOPLE_H
#define DMBOX_STORE_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/rc.h"
#include "extern/db.h"

/*
 * People, one-time links and sessions.  Secrets are random, go out once and are kept
 * as SHA-256 only.
 *
 * Where nothing else is said, a function that returns enum rc gives RC_OK, RC_TEMP while the
 * database is away, or what db_fault says of the statement (extern/db.h).
 */
enum { PEOPLE_SECRET = 43, PEOPLE_NAME_MAX = 60 };	/* characters; 43 of A-Za-z0-9: 256 bits */

struct person {
	char name[4 * PEOPLE_NAME_MAX + 1];
	char role[8];		/* read, answer or owner */
};

/* people_role_ok(s): is it read, answer or owner? */
bool people_role_ok(const char *s);
/*
 * people_name_ok(s): may a new person be called so?  1 to PEOPLE_NAME_MAX characters that are seen:
 * no blank at an end, no control, nothing without width or that turns the direction of writing, so
 * that no two names look alike.  s may be NULL.
 */
bool people_name_ok(const char *s);
/*
 * people_add(db, name, role): add, or let in again, or give another role.
 * Repeats  safe.
 */
enum rc people_add(struct db *db, const char *name, const char *role) MUST_CHECK;
/*
 * people_link(db, name, ttl_s, secret, out_us):
 * A new one-time link; secret gets its token, out_us until when it works.
 * Returns  RC_NONE where nobody of that name may come in.
 */
enum rc people_link(struct db *db, const char *name, int64_t ttl_s, char secret[PEOPLE_SECRET + 1],
    int64_t *out_us) MUST_CHECK;
/*
 * people_login(db, token, agent, secret, out, why):
 * Use a link: secret gets the new session's cookie.
 * Returns  RC_DENIED with why: link_used, link_expired, link_unknown.
 */
enum rc people_login(struct db *db, const char *token, const char *agent,
    char secret[PEOPLE_SECRET + 1], struct person *out, const char **why) MUST_CHECK;
/* people_session(db, secret, out): whose session it is; RC_NONE: nobody's.  Only reads. */
enum rc people_session(struct db *db, const char *secret, struct person *out) MUST_CHECK;
/* people_touch(db, secret): it is in use; written once a minute at most. */
void people_touch(struct db *db, const char *secret);
/* people_logout(db, secret): its row is gone. */
enum rc people_logout(struct db *db, const char *secret) MUST_CHECK;
/* people_revoke(db, name): no session and no link of that person works from now on;
 * RC_NONE where there is none of that name. */
enum rc people_revoke(struct db *db, const char *name) MUST_CHECK;
/*
 * people_revoke_one(db, name), people_role(db, name, role): revoke, or give another role, unless
 * nobody with the role owner would be left.
 * Returns  RC_DENIED then; RC_NONE where nobody of that name may come in.
 */
enum rc people_revoke_one(struct db *db, const char *name) MUST_CHECK;
enum rc people_role(struct db *db, const char *name, const char *role) MUST_CHECK;
/* people_end(db, id): end that session (sessions.id); RC_NONE where there is none. */
enum rc people_end(struct db *db, int64_t id) MUST_CHECK;
/* people_there(db, name): RC_OK where there is one of that name who may come in; RC_NONE. */
enum rc people_there(struct db *db, const char *name) MUST_CHECK;
/* people_put_link(b, base, secret): the address of a one-time link; base: DMBOX_PUBLIC_URL or
 * NULL.  Below a path (a shared host's /cgi-bin) the page is beside a channel's endpoints. */
void people_put_link(struct buf *b, const char *base, const char *secret);
/* people_link_json(w, name, role, base, secret, until_us): members of an open object: whose link
 * it is, the link as people_put_link writes it, and until when it works (people_link). */
struct jsonw;
void people_link_json(struct jsonw *w, const char *name, const char *role, const char *base,
    const char *secret, int64_t until_us);
/*
 * people_list(db, out): rows of (name, role, created_at, last_seen or null, sessions,
 * revoked_at or null), by name.
 * Owns     *out: db_res_free().
 */
enum rc people_list(struct db *db, struct db_res **out) MUST_CHECK;

#endif

#ifndef DMBOX_MODEL_AUTH_H
#define DMBOX_MODEL_AUTH_H

#include <stddef.h>
#include <stdint.h>
#include "model/conf.h"
#include "base/rc.h"

/*
 * JWT -> caller.  The only file with the JWT library.  Everything that libjwt 1.10 lets
 * through (ARCHITECTURE.md 6.3) is checked here before it is asked: two dots, strict
 * base64url, pinned algorithm, duplicate claims; exp and nbf afterwards, with 60 s of leeway.
 */
enum auth_scope { AUTH_READ = 1, AUTH_POLL = 2, AUTH_SEND = 4, AUTH_ADMIN = 8 };

struct auth_caller {
	char sub[128];		/* who: claim sub, cleaned and cut; "" if none */
	unsigned int scopes;	/* of enum auth_scope */
	char key[65];		/* stable id of the caller for idempotency: a hash of sub */
};

/*
 * auth_bearer(c, header, out, why):
 * Check the value of an Authorization header ("Bearer x.y.z").
 *
 * Returns  RC_OK; RC_DENIED with a short reason in why (for the log, never the
 *          token); RC_TEMP where no key is configured (503 code config).
 */
enum rc auth_bearer(
    const struct conf *c, const char *header, struct auth_caller *out, char why[96]) MUST_CHECK;
/* auth_token_make(c, sub, scope, ttl_s, out): a new HS256 JWT; caller frees with
 * mem_free_secret.  RC_INVALID for bad scope words, RC_TEMP without JWT_SECRET. */
enum rc auth_token_make(
    const struct conf *c, const char *sub, const char *scope, int64_t ttl_s, char **out) MUST_CHECK;
/* auth_scope_name(s): "read", ... */
const char *auth_scope_name(enum auth_scope s);

#endif

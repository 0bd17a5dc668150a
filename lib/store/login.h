#ifndef DMBOX_STORE_LOGIN_H
#define DMBOX_STORE_LOGIN_H

#include "model/conf.h"
#include "store/state.h"

/*
 * An account as a request needs it: with the token and the proof in force, which may be
 * newer than the configured ones, and with the configuration it borrows from held while
 * the request is under way.  Give &l->a to the provider; nowhere else is a struct account
 * copied.
 */
struct login {
	struct account a;		/* borrows from *of and conf */
	const struct account *of;	/* as configured */
	struct conf *conf;		/* held; NULL: the caller holds it */
	char *token;			/* a refreshed one; NULL: the configured one is in force */
};

/* login_init(l, conf, a): a as configured.  conf may be NULL. */
void login_init(struct login *l, struct conf *conf, const struct account *a);
/* login_use(l, token, token_of, proof): what the database remembers of it (state.h); token
 * may be NULL and counts only where token_of says that it was refreshed from the configured
 * one.  Registered as a secret.  Safe to repeat. */
void login_use(struct login *l, const char *token, const char *token_of, unsigned int proof);
/* login_state(l, s): the same from a state_account. */
void login_state(struct login *l, const struct state_account *s);
/* login_drop(l): lets the configuration go and wipes the token.  A zeroed one is legal. */
void login_drop(struct login *l);

#endif

/*
 * The token in force is kept as a copy of our own: what the database returned is freed
 * long before a request ends.
 */
#include "store/login.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

void
login_init(struct login *l, struct conf *conf, const struct account *a)
{
	memset(l, 0, sizeof *l);
	l->a = *a;
	l->of = a;
	l->conf = conf != NULL ? conf_hold(conf) : NULL;
}

void
login_use(struct login *l, const char *token, const char *token_of, unsigned int proof)
{
	const char *now = state_token_pick(l->of->token, token, token_of);

	l->a.proof = proof;
	if (str_eq(now, l->a.token))
		return;
	mem_free_secret(l->token);
	l->token = NULL;
	l->a.token = l->of->token;
	if (now != l->of->token) {
		l->token = mem_dup(now);
		log_secret(l->token);
		l->a.token = l->token;
	}
}

void
login_state(struct login *l, const struct state_account *s)
{
	login_use(l, s->token, s->token_of, s->proof);
}

void
login_drop(struct login *l)
{
	mem_free_secret(l->token);
	conf_drop(l->conf);
	memset(l, 0, sizeof *l);
}

#ifndef DMBOX_INIT_TEXT_H
#define DMBOX_INIT_TEXT_H

#include "base/buf.h"
#include "model/provider.h"

/* What a person has to do at the provider, in words. */
struct init_facts {
	const struct provider *provider;
	bool mock;
	const char *account;		/* "main", ... */
	const char *public_url;		/* NULL: unknown */
	const char *token;		/* NULL: not given yet */
	const char *secret;		/* Chatrace, mock: the webhook secret; Green API: its token */
	const char *verify_token;	/* Graph */
};
/* init_webhook_url(f): the URL to enter at the provider; caller frees. */
char *init_webhook_url(const struct init_facts *f);
/* init_steps(f, b): where to click; a step begins with its number, or behind an
 * empty line.  Shows the secrets made: they are to be entered there. */
void init_steps(const struct init_facts *f, struct buf *b);

#endif

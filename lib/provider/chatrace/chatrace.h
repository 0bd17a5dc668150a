#ifndef DMBOX_PROVIDER_CHATRACE_CHATRACE_H
#define DMBOX_PROVIDER_CHATRACE_CHATRACE_H

#include "provider/list.h"

/* What the files of the Chatrace translator share; nobody else includes it. */

/* --- keys.c: an account */
struct chatrace_own {
	struct strv webhook_secrets;
	char *verify_token;
	struct strv poll_paths, auth_formats;
	char *send_channel;
};
/* chatrace_own(a): also of an account that no file made (its provider and name are known). */
const struct chatrace_own *chatrace_own(const struct account *a);
extern const struct provider_key chatrace_keys[];
extern const size_t chatrace_n_keys;
enum claim chatrace_claims(const struct conf_values *v);
void chatrace_configure(struct account *a, const struct conf_values *v);
void chatrace_unconfigure(void *own);
const char *chatrace_token_part(const char *token);

/* --- checks.c: dmbox doctor */
extern const struct provider_check chatrace_checks[];
extern const size_t chatrace_n_checks;

/* --- words.c: members of provider_chatrace */
extern const struct provider_hint chatrace_hints[];
extern const size_t chatrace_n_hints;
void chatrace_setup(const struct setup_facts *f, struct buf *b);
/* chatrace_body(own_id, b): the flow step's body as JSON, for where there is no form: what the
 * flow says of the sender first, the customer's words last (providers.md A.6). */
void chatrace_body(const char *own_id, struct buf *b);
void chatrace_ticket(const struct account *a, const char *url, bool ru, struct buf *b);

/* --- samples.c: bodies that it sends */
extern const struct provider_sample chatrace_samples[];
extern const size_t chatrace_n_samples;

#endif

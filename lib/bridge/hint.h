#ifndef DMBOX_BRIDGE_HINT_H
#define DMBOX_BRIDGE_HINT_H

#include <stdbool.h>

#include "base/buf.h"
#include "model/conf.h"
#include "model/provider.h"

/*
 * Advice to a person when messages do not come: the texts of
 * check-messages, init and doctor, in English, or in Russian with DMBOX_LANG=ru.
 */

/* hint_webhook_url(conf, a, b): the address to enter at the provider of a; a
 * placeholder that names DMBOX_PUBLIC_URL where that is not set. */
void hint_webhook_url(const struct conf *c, const struct account *a, struct buf *b);
/*
 * hint_poll(conf, a, outcome, code, b):
 * The sentence for a poll's outcome and hint code (struct poll_state.hint; NULL
 * is legal).  Appends nothing where there is nothing to say.
 */
void hint_poll(const struct conf *c, const struct account *a, enum poll_outcome outcome,
    const char *code, struct buf *b);

/*
 * hint_address(conf, a, body, n, b):
 * Appends, where body[0..n] is a delivery of another provider than a's, whose it is and which
 * address to enter there.  False: it is not, nothing is appended.
 */
bool hint_address(
    const struct conf *c, const struct account *a, const char *body, size_t n, struct buf *b);

/* hint_text(ru, a, code): the sentence for a hint's code, in Russian or English, the provider's
 * own first; NULL where there is none. */
const char *hint_text(bool ru, const struct account *a, const char *code);

#endif

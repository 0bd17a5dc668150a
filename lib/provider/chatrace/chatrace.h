#ifndef DMBOX_PROVIDER_CHATRACE_CHATRACE_H
#define DMBOX_PROVIDER_CHATRACE_CHATRACE_H

#include "provider/list.h"

/* What the files of the Chatrace translator share; nobody else includes it. */

/* --- checks.c: dmbox doctor */
extern const struct provider_check chatrace_checks[];
extern const size_t chatrace_n_checks;

/* --- words.c: members of provider_chatrace */
void chatrace_ticket(const struct account *a, const char *url, bool ru, struct buf *b);

#endif

#ifndef DMBOX_ENDPOINT_DESK_H
#define DMBOX_ENDPOINT_DESK_H

#include <stdbool.h>
#include "endpoint/endpoint.h"
#include "extern/json.h"
#include "extern/jsonw.h"

/*
 * The inbox page's conversations: docs/design/inbox-api.md, sections 4 to 6.  e->tail is what
 * stands behind inbox/.
 */

/* endpoint_desk_get(e): answer GET conversations, conversation, messages or media; false: it
 * is none of them, nothing is answered. */
bool endpoint_desk_get(struct endpoint_env *e);
/* endpoint_desk_posts(tail): is POST tail one of ours: conversation, read, note, replies? */
bool endpoint_desk_posts(const char *tail);
/* endpoint_desk_post(e, j): answer it; the caller is looked at here. */
void endpoint_desk_post(struct endpoint_env *e, const struct json *j);
/* endpoint_desk_counts(e, w): the member counts of an open object; RC_TEMP where the database is
 * away. */
enum rc endpoint_desk_counts(struct endpoint_env *e, struct jsonw *w) MUST_CHECK;
/* endpoint_desk_me(e, who, w): what me says of accounts, people, labels, replies and the language
 * of who, as members of an open object; RC_TEMP where the database is away. */
enum rc endpoint_desk_me(struct endpoint_env *e, const char *who, struct jsonw *w) MUST_CHECK;

#endif

#ifndef DMBOX_STORE_DESK_H
#define DMBOX_STORE_DESK_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/rc.h"
#include "base/str.h"
#include "extern/db.h"
#include "store/view.h"

/*
 * The inbox page's own reading and writing (docs/design/inbox-api.md): lists by what is to be
 * done over all accounts, a thread with its events and notes, and what people note.  As in
 * store/view.h PostgreSQL makes the JSON.
 *
 * Where nothing else is said, a function that returns enum rc gives RC_OK, RC_TEMP while the
 * database is away, or what db_fault says of the statement (extern/db.h).
 */

/* The person whose page it is, and the accounts it shows: pairs of account and channel. */
struct desk_scope {
	struct strv accounts, channels;
	const char *who;
};

struct desk_want {
	const char *filter;	/* all, unanswered, mine, unread, failed, done */
	const char *label;	/* "": any */
	const char *q;		/* words, a number, an id; NULL: no search */
	struct view_cursor before;
	size_t limit;
};
/* desk_filter_ok(s): is it one of the filters? */
bool desk_filter_ok(const char *s);
/*
 * desk_conversations(db, s, w, counts, out):
 * {"conversations":[...],"next":cursor|null[,"counts":{...}]}, newest first.  A filter
 * looks at some thousand conversations a call: a page may be short, or empty, and next set.
 */
enum rc desk_conversations(struct db *db, const struct desk_scope *s, const struct desk_want *w,
    bool counts, struct jsonw *out) MUST_CHECK;
/* desk_conversation(db, id, out): {"conversation":{...}}; RC_NONE. */
enum rc desk_conversation(struct db *db, int64_t id, struct jsonw *out) MUST_CHECK;
/* desk_counts(db, s, out): the member "counts":{"unanswered":n,"mine":n,"unread":n,"failed":n} of
 * an open object. */
enum rc desk_counts(struct db *db, const struct desk_scope *s, struct jsonw *out) MUST_CHECK;
/*
 * desk_messages(db, contact_id, page, around, out):
 * {"messages":[...newest first],"events":[...],"notes":[...],"next","prev"}: before or
 * after a place, or half before and half after message around (0: not).
 * Returns  RC_NONE where there is no such conversation, or the message is not of it.
 */
enum rc desk_messages(struct db *db, int64_t contact_id, const struct view_page *page,
    int64_t around, struct jsonw *out) MUST_CHECK;

struct desk_change {
	int done;		/* 1, 0; -1: stays */
	const char *assignee;	/* "": nobody; NULL: stays */
	struct strv add, remove;	/* labels */
};
/* desk_set(db, contact_id, c): RC_NONE where there is no such conversation. */
enum rc desk_set(struct db *db, int64_t contact_id, const struct desk_change *c) MUST_CHECK;
/* desk_answers(db, contact_id, name): may the conversation be this person's (who may answer, or has
 * it already)?  RC_OK, RC_NONE. */
enum rc desk_answers(struct db *db, int64_t contact_id, const char *name) MUST_CHECK;
/* desk_note(db, contact_id, who, body, out): {"note":{...}}; RC_NONE. */
enum rc desk_note(struct db *db, int64_t contact_id, const char *who, const char *body,
    struct jsonw *out) MUST_CHECK;
/* desk_note_drop(db, id, who): one's own note; RC_NONE: it is not there, or another's. */
enum rc desk_note_drop(struct db *db, int64_t id, const char *who) MUST_CHECK;
/* desk_reply(db, id, name, text): save (id 0) or change; text NULL: delete.  RC_NONE where
 * there is none of that id, RC_DUP where another one has the name. */
enum rc desk_reply(struct db *db, int64_t id, const char *name, const char *text) MUST_CHECK;
/* desk_replies(db, out): {"replies":[...]}. */
enum rc desk_replies(struct db *db, struct jsonw *out) MUST_CHECK;
/* desk_me(db, who, out): members of an open object: "users":[...],"labels":[...],
 * "replies":[...],"empty":bool,"lang":"ru"|"en"|null (the page's, where the person chose one) */
enum rc desk_me(struct db *db, const char *who, struct jsonw *out) MUST_CHECK;
/* desk_lang(db, who, lang): "ru" or "en" from now on; RC_NONE: who is not in dmbox.users. */
enum rc desk_lang(struct db *db, const char *who, const char *lang) MUST_CHECK;

#endif

#ifndef DMBOX_STORE_VIEW_H
#define DMBOX_STORE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "model/conf.h"
#include "extern/db.h"
#include "extern/jsonw.h"
#include "base/rc.h"
#include "base/str.h"

/*
 * All reading SQL of the inbox.  PostgreSQL builds the JSON of each row, so
 * these functions pass ready JSON on to a writer.  Paging is by key, never by
 * offset: a cursor is "<microseconds>_<id>", or an id alone; of a list of conversations in a flood
 * "<microseconds>_<id>_<microseconds>_<id>".
 *
 * Where nothing else is said, a function that returns enum rc gives RC_OK, RC_TEMP while the
 * database is away, or what db_fault says of the statement (extern/db.h).
 */
#define VIEW_PAGE_MAX 200

/* A place in a list ordered by time and id. */
struct view_cursor {
	bool set;
	int64_t us;	/* 0 with an id: the place of that row */
	int64_t id;
	int64_t from_us, from_id;	/* of a list in a flood (dmbox.desk_slice); 0: none */
};
#define VIEW_END_OF_TIME INT64_C(253370764800000000) /* year 9999: beyond any message */
/* view_place_args(a, c): the place that a list starts at, the cursor's or the end of time, as two
 * arguments; view_from_args: the second place of a list, or the end of time. */
void view_place_args(struct db_args *a, const struct view_cursor *c);
void view_from_args(struct db_args *a, const struct view_cursor *c);
/* view_put_cursor(w, key, us, id): the place of a row as view_cursor_parse reads it. */
void view_put_cursor(struct jsonw *w, const char *key, int64_t us, int64_t id);
/*
 * view_put_list(out, r, limit):
 * Members conversations and next of an open object, of rows (microseconds, id, JSON,
 * next): a row without id says where the list goes on; else a row more than limit, that
 * it goes on after the limit'th; else next is null.
 */
void view_put_list(struct jsonw *out, const struct db_res *r, size_t limit);
/* view_cursor_parse(s, out): NULL or "" is an unset cursor; RC_INVALID for
 * anything that is not a cursor. */
enum rc view_cursor_parse(const char *s, struct view_cursor *out) MUST_CHECK;

/*
 * view_stats(db, channel, accounts, out, poll_age_s):
 * The counts and the last message as members of an open object: totalMessages, ...,
 * lastMessage (null where there is none).
 * poll_age_s: seconds since the poller was last alive; -1 = never.
 */
enum rc view_stats(struct db *db, enum channel ch, const struct strv *accounts, struct jsonw *out,
    int64_t *poll_age_s) MUST_CHECK;

struct view_page {
	size_t limit;			/* 1..VIEW_PAGE_MAX */
	struct view_cursor before, after;
	const char *q;			/* words to search; NULL none */
};
/*
 * view_conversations(db, channel, accounts, page, out):
 * {"conversations":[...],"next":cursor|null}, newest first.
 */
enum rc view_conversations(struct db *db, enum channel ch, const struct strv *accounts,
    const struct view_page *page, struct jsonw *out) MUST_CHECK;
/*
 * view_messages(db, channel, contact_id, page, out):
 * {"messages":[...],"next":cursor|null}, newest first; with after set
 * the ones that follow it.
 * Returns  RC_NONE where the channel has no such conversation.
 */
enum rc view_messages(struct db *db, enum channel ch, int64_t contact_id,
    const struct view_page *page, struct jsonw *out) MUST_CHECK;
/*
 * view_mark_read(db, channel, contact_id, up_to, out_n):
 * Inbound messages up to and with that message (unset: all) are read by us now, the newest
 * first and as many as 1.5 s allow: what is left of some thousands, the next call marks.
 * Returns  RC_NONE where the conversation or message is not there.
 * Repeats  safe.
 */
enum rc view_mark_read(struct db *db, enum channel ch, int64_t contact_id,
    const struct view_cursor *up_to, int64_t *out_n) MUST_CHECK;
/*
 * view_changes(db, after, out, any):
 * Members of an open object: "changes":[...],"next":n,"more":bool,"held":bool,"reset":bool: the
 * messages that changed after that place, each with "type":"message", and their conversations with
 * "type":"conversation".  after: next of an earlier answer; below 0: only where the feed is
 * now.  A change whose transaction is still open holds back itself and what is later.
 * held: there is one that was held back so: ask again soon.
 * reset: after is not of this database, load everything again.  more: ask again at once.
 * *any: there are changes.
 * Repeats  safe.
 */
enum rc view_changes(struct db *db, int64_t after, struct jsonw *out, bool *any) MUST_CHECK;
/* view_changes_now(db, next): where the feed is now, for an after: what is read later than this
 * call has all changes up to there. */
enum rc view_changes_now(struct db *db, int64_t *next) MUST_CHECK;
/* view_last_received(db, out_us): when the newest message came in; 0: there is none. */
enum rc view_last_received(struct db *db, int64_t *out_us) MUST_CHECK;
/* view_count_upkeep(db): fold counts for view_stats; at most about 2 s. */
enum rc view_count_upkeep(struct db *db) MUST_CHECK;
/* view_search_upkeep(db): enter the words of new messages for the search; at most about 2 s. */
enum rc view_search_upkeep(struct db *db) MUST_CHECK;

#endif

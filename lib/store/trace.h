#ifndef DMBOX_STORE_TRACE_H
#define DMBOX_STORE_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include "extern/db.h"
#include "base/mem.h"
#include "base/rc.h"
#include "base/str.h"

/*
 * What the database knows of one message's life.  Every answer is a list of
 * events, oldest first: a time, the request that it happened in, and a JSON
 * object with the facts.  No text that people wrote is in it.
 *
 * Where nothing else is said, a function that returns enum rc gives RC_OK, RC_TEMP while the
 * database is away, or what db_fault says of the statement (extern/db.h).
 */
struct trace_event {
	int64_t at_us;
	const char *request_id;	/* NULL unknown */
	const char *what;	/* delivery, message, event, version, reaction, attachment, read,
				 * delivered, deleted, outbox, attempt, refusals, poll, contact */
	const char *account, *channel;
	const char *detail;	/* JSON object */
};
struct trace {
	struct mem_arena arena;
	struct trace_event *v;
	size_t n;
};
/* trace_free(t): its events lie in its arena. */
void trace_free(struct trace *t);

/* Where to look: the accounts of the configuration, side by side. */
struct trace_scope {
	struct strv accounts, channels;
};

/*
 * trace_message(db, scope, id, out):
 * The life of the message with this id: the provider's, or out: and the id of
 * an outbox row; where there is none, messages.id, else outbox.id.
 * Returns  RC_OK, RC_NONE: no such row, RC_TEMP.
 */
enum rc trace_message(
    struct db *db, const struct trace_scope *s, const char *id, struct trace *out) MUST_CHECK;
/* trace_events(db, scope, id, out): what was said about a message that is not there. */
enum rc trace_events(
    struct db *db, const struct trace_scope *s, const char *id, struct trace *out) MUST_CHECK;
/* trace_ledger(db, word, from_us, to_us, out): the newest deliveries, refused ones too,
 * whose bytes hold word. */
enum rc trace_ledger(
    struct db *db, const char *word, int64_t from_us, int64_t to_us, struct trace *out) MUST_CHECK;
/* trace_erased(db, scope, id): RC_OK: it was erased on request; RC_NONE. */
enum rc trace_erased(struct db *db, const struct trace_scope *s, const char *id) MUST_CHECK;
/* trace_capped(db, out): refusals of the last week that were counted, not kept. */
enum rc trace_capped(struct db *db, struct trace *out) MUST_CHECK;
/* trace_person(db, who, out, words): contacts by user name, name, provider's id or
 * contacts.id, where there is none by words of the name, and the last messages of each;
 * words: their provider's ids. */
enum rc trace_person(
    struct db *db, const char *who, struct trace *out, struct strv *words) MUST_CHECK;
/* trace_spoken_of(db, sentence, out, words): like trace_person, people whose name or user name
 * has one of the sentence's words, of three letters and more. */
enum rc trace_spoken_of(
    struct db *db, const char *sentence, struct trace *out, struct strv *words) MUST_CHECK;
/*
 * trace_near(db, part, out, words): what is meant by part of an id, or by a phone number
 * in people's spelling: messages of the last 90 days whose id holds part, and contacts
 * whose id does.  Like trace_person otherwise; RC_NONE: none, or part is short.
 */
enum rc trace_near(
    struct db *db, const char *part, struct trace *out, struct strv *words) MUST_CHECK;
/*
 * trace_again(db, message id, out): the later deliveries that brought a message which has
 * no id of its own: they hold its sender and count as weak duplicates.
 */
enum rc trace_again(struct db *db, int64_t message, struct trace *out) MUST_CHECK;
/* trace_words(db, message id, arena, who, words): who wrote it, and the beginning of what
 * people wrote; for people's eyes, not for a log.  RC_NONE: no such row. */
enum rc trace_words(struct db *db, int64_t message, struct mem_arena *a, const char **who,
    const char **words) MUST_CHECK;
/* trace_request(db, id, out): the deliveries of the last week with this request id or uid, and
 * the messages that they brought. */
enum rc trace_request(struct db *db, const char *id, struct trace *out) MUST_CHECK;
/* trace_text(db, text, out): the last messages that hold these words, one behind the other. */
enum rc trace_text(struct db *db, const char *text, struct trace *out) MUST_CHECK;
/* trace_time(db, at_us, out): what happened within ten minutes of it, and the messages that
 * were written then, whenever they came. */
enum rc trace_time(struct db *db, int64_t at_us, struct trace *out) MUST_CHECK;

#endif

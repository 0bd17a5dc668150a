#ifndef DMBOX_MODEL_MSG_H
#define DMBOX_MODEL_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "model/conf.h"
#include "base/mem.h"
#include "base/rc.h"

/*
 * The model every provider translates into: a delivery is bytes that arrived
 * once; it holds items; an item is a message or an event (all that is not a
 * message).  Strings belong to the arena of the item vector.
 */
enum direction { DIR_IN, DIR_OUT };
enum item_type { ITEM_MESSAGE, ITEM_EVENT };

/* What an event does to the message target_id. */
enum effect {
	EFFECT_NONE,	/* kept, changes nothing (referral, opt-in, unknown, ...) */
	EFFECT_EDIT,	/* text is the new body, num its version (0: unknown, fetch by id) */
	EFFECT_UNSEND,	/* erase the content, keep the row */
	EFFECT_REACT,	/* text is the emoji */
	EFFECT_UNREACT,
	EFFECT_READ,	/* read by the other side; without a target all up to the time num, in us */
	EFFECT_STATUS,	/* text is sent, delivered, read, failed, or "failed: " and the provider's
			 * words for why */
	EFFECT__MAX
};
extern const char *const effect_names[EFFECT__MAX];	/* "none", "edit", ... */

struct att {
	const char *type;	/* image, video, audio, file, share, ... */
	const char *url;	/* NULL where the provider gave none */
	const char *mime;
	const char *name;	/* file name */
	const char *ref;	/* provider's own id of the thing */
	int64_t bytes;		/* -1 unknown */
};

struct item {
	enum item_type type;
	const char *kind;	/* messages.kind, or events.kind (edit, unsend, reaction,
				 * read, status, referral, optin, handover, contact,
				 * unknown, ...) */
	const char *own_id;	/* our id as the provider wrote it (entry.id); NULL unknown */
	const char *account;	/* set where it differs from the delivery's */
	const char *thread_id;	/* never NULL; "" but for Green API (the chat) */
	const char *external_id;	/* message: its id; NULL: derive a weak one */
	const char *contact;	/* external id of the other side (in a group: the chat) */
	const char *alias;	/* other external ids of the same contact, as this item proves, a
				 * line each; NULL */
	const char *left;	/* ... and those that the contact id has taken the place of; NULL */
	const char *name, *username, *picture;	/* of the contact; NULL unknown */
	const char *sender_id, *recipient_id;
	enum direction dir;
	bool echo;		/* outbound seen by the provider: source echo */
	bool is_test;
	bool past;		/* history told afterwards: opens no window, and is not new */
	bool name_weak;		/* name is what there is without one: any other stands above it */
	const char *body;	/* NULL where there is none */
	const char *detail;	/* JSON object text, or NULL */
	const char *reply_to;	/* external id */
	int64_t at_us;		/* provider's time; ignored unless at_known */
	bool at_known;
	bool at_day;		/* ... as a day alone, which tells no two messages apart */
	int place;		/* polled list without ids and times: place among equals; else -1 */
	struct att *atts;
	size_t n_atts;
	/* events */
	enum effect effect;
	const char *target_id;	/* external id of the message it speaks of */
	const char *text;	/* see enum effect */
	int64_t num;		/* edit version, or see EFFECT_READ; else 0 */
	const char *raw;	/* the item's JSON as jsonb takes it; "{}" at least */
	const char *event_id;	/* what makes the event the same one when repeated; NULL: ingest
				 * hashes kind, target, sender, time and raw */
	/* filled by ingest */
	const char *alt_id;	/* weak: the id in the bucket before; NULL otherwise */
	bool weak;
};

struct itemv {
	struct mem_arena arena;
	struct item *v;		/* in the arena */
	size_t n, cap;
	size_t ignored;		/* understood as nothing to keep but the ledger row */
	const char *warning;	/* a code for the answer and the ledger ("salvaged",
				 * "not_understood", "literal_variable", ...); NULL if none */
};
/* itemv_init(v): no items; itemv_free(v): frees the arena and all that lies in it. */
void itemv_init(struct itemv *v);
void itemv_free(struct itemv *v);
/* itemv_clear(v): no items, nothing said; what lies in the arena stays. */
void itemv_clear(struct itemv *v);
/* itemv_add(v): a new item with thread_id "", place -1, raw "{}"; valid until
 * the next add, for it is in v's arena. */
struct item *itemv_add(struct itemv *v);
/* item_att_add(v, it): the same, an attachment of it, in the arena. */
struct att *item_att_add(struct itemv *v, struct item *it);
/* item_time(v, it, s): the provider's time of it, a member of v, as its text s says; true where
 * it does.  A time that is none (0, a word, of another century) is left out and warned of
 * (bad_time); NULL and "" say nothing. */
bool item_time(struct itemv *v, struct item *it, const char *s);
/* itemv_in_time(v, from, newest_first): the items of v from number from on are a list; where it
 * begins with the newest they are turned around.  Their times say whether it does; where those
 * are all equal, or unknown, newest_first.  Items of one time then stand as they were written. */
void itemv_in_time(struct itemv *v, size_t from, bool newest_first);
/* itemv_dump(v, b): one canonical line per field, the .out side of the pairs in
 * tests/data/. */
void itemv_dump(const struct itemv *v, struct buf *b);

enum source {
	SOURCE_WEBHOOK,
	SOURCE_POLL,
	SOURCE_ECHO,
	SOURCE_SEND,
	SOURCE_SPOOL,
	SOURCE_REPLAY,
	SOURCE_DOCTOR,
	SOURCE__MAX
};
extern const char *const source_names[SOURCE__MAX];
enum verdict { VERDICT_ACCEPTED, VERDICT_REJECTED };

/*
 * A delivery on its way to the store.  Borrowed strings outlive the store
 * call; body may be NULL (erased).  The counts are filled by the store.
 */
struct sign_memo;
struct delivery {
	char uid[37];		/* made at arrival, kept through the spool */
	int64_t received_at_us;
	enum channel channel;
	const char *account;
	bool polled;		/* the bytes answer a poll, also from the spool or by replay */
	bool account_named;	/* the URL named it: it wins over entry ids (contract.md 4) */
	bool any_signature;	/* replay: take entries of other accounts without proof */
	const struct provider *provider;
	bool mock;		/* of a mock account */
	enum source source;	/* how the bytes came: webhook, poll, spool, replay, doctor */
	const char *request_id;
	const char *remote_addr;
	const char *content_type;
	const char *headers;	/* JSON object text, no secrets */
	const char *body;
	size_t body_n;
	struct sign_memo *memo;	/* MACs of body, while it is parsed; or NULL */
	enum verdict verdict;
	const char *reason;	/* a code: ok, no_secret, wrong_secret, bad_signature, ... */
	struct itemv items;
	/* out */
	enum rc rc;
	int64_t id;		/* deliveries.id; 0 where capped */
	size_t n_items, stored, duplicates, weak_duplicates, ignored;
	size_t echoes;		/* newly stored outbound messages of source echo */
	size_t messages;	/* newly stored messages (poll: added_by_reconcile) */
};
/* delivery_init(d): zero, new uid, received_at now, empty items, reason "ok". */
void delivery_init(struct delivery *d);
/* delivery_free(d): its items; what d borrows stays. */
void delivery_free(struct delivery *d);

#endif

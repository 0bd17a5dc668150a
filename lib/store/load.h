#ifndef DMBOX_STORE_LOAD_H
#define DMBOX_STORE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/str.h"
#include "extern/db.h"
#include "extern/sign.h"
#include "model/msg.h"

/* What store.c, load.c, put.c and ledger.c share; no other includes it. */

enum { LOAD_BUCKETS = 256 };	/* of locks: the first byte of the key's hash */

/* One item with what its key is made of. */
struct row {
	const struct item *it;
	size_t d;		/* delivery */
	const char *account, *channel;
	const char *id;		/* external_id, or event_key */
	size_t order;		/* as they came */
	int32_t told;		/* ... of a message among the others of the load, from 1 */
	bool drop;		/* a duplicate within the batch */
	unsigned char hash[SIGN_SHA256];	/* of a message's key: dmbox.id_hash */
};

/* One contact, merged from all items that name it. */
struct person {
	const char *account, *channel, *ext;
	const char *value[3];	/* name, username, picture */
	int64_t value_at[3];
	int64_t in_us, out_us;	/* 0: none */
};

/* What of a delivery is in the load, and its duplicates inside of it. */
struct tally {
	int32_t msgs, echoes, evs, dup, weak;
};

struct load {
	struct delivery *const *v;
	size_t n;
	struct row *msgs, *evs;
	size_t n_msgs, n_evs, n_items;
	bool sorted;		/* the messages came in the order of their keys */
	struct person *people;
	size_t n_people;
	unsigned char lock[LOAD_BUCKETS];	/* 0 none, 1 shared, 2 exclusive */
	struct tally *of;	/* each delivery's */
	struct mem_arena arena;
};

/* One array argument: PUT(VALUE) for each of n elements, the element named e.
 * Without a value it is null: the functions then read the same and take less apart. */
#define COLUMN(args, type, T, vec, count, put) \
	do { \
		db_array((args), (type)); \
		for (size_t e_ = 0; e_ < (count); e_++) { \
			T *e = &(vec)[e_]; \
			put; \
		} \
		db_array_end_or_null(args); \
	} while (0)

/* str_or_empty(s): s, "" for NULL. */
static inline const char *
str_or_empty(const char *s)
{
	return s != NULL ? s : "";
}

/* --- load.c */
/* load_init(b, v, n): from n deliveries, which it borrows; load_free(b). */
void load_init(struct load *b, struct delivery *const *v, size_t n);
void load_free(struct load *b);
/* load_plain(b): one delivery of one message and nothing else: what dmbox.ingest is made for. */
bool load_plain(const struct load *b);
/* load_empty(d, it): nothing is known of this message of d yet: a placeholder of a provider that
 * gives a chat several names, under any of which the words may come. */
bool load_empty(const struct delivery *d, const struct item *it);
/* load_time(b, r): its own time, else when it arrived; microseconds since 1970. */
int64_t load_time(const struct load *b, const struct row *r);
/* load_actor(r): who did it: for reactions in a group not the chat but the person; or NULL. */
const char *load_actor(const struct row *r);
/* load_source(b, r): messages.source: "poll", "echo" or "webhook". */
const char *load_source(const struct load *b, const struct row *r);
/* load_person_cmp(a, b): the order of b->people, for qsort and bsearch. */
int load_person_cmp(const void *pa, const void *pb);

/* --- put.c */
/* put_load(a, b): the arguments of dmbox.ingest_many but the first; put_plain: all of
 * dmbox.ingest's, where load_plain(b).  What a keeps lies in b. */
void put_load(struct db_args *a, struct load *b);
void put_plain(struct db_args *a, struct load *b);
/* put_peer_text(b, s, max): what a peer or a server sent beside the body, any bytes, as UTF-8
 * of at most max bytes; in b's arena. */
const char *put_peer_text(struct load *b, const char *s, size_t max);
/* put_head(m, d): the headers as they are stored: the head tells whose shape the body has,
 * deliveries.provider is taken from it.  In the arena. */
const char *put_head(struct mem_arena *m, const struct delivery *d);

#endif

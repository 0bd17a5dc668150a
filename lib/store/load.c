/*
 * What the arrays of dmbox.ingest_many need is prepared here, without a database: keys
 * distinct and sorted (concurrent batches then never deadlock on rows), contacts merged,
 * lock buckets sorted.  Duplicates inside the batch are counted here, those against the
 * tables by the function.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/load.h"
#include "model/provider.h"

#define MINUTE_US (60 * 1000000)
#define WEAK_US (INT64_C(100) * 365 * 24 * 60 * MINUTE_US)	/* before any name of its own */

int64_t
load_time(const struct load *b, const struct row *r)
{
	return r->it->at_known ? r->it->at_us : b->v[r->d]->received_at_us;
}

/* Key, then the order of arrival. */
static int
row_cmp(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	int c;

	if ((c = strcmp(a->account, b->account)) != 0 || (c = strcmp(a->channel, b->channel)) != 0)
		return c;
	if (a->it->type == ITEM_MESSAGE &&
	    (c = strcmp(str_or_empty(a->it->thread_id), str_or_empty(b->it->thread_id))) != 0)
		return c;
	if ((c = strcmp(a->id, b->id)) != 0)
		return c;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool
same_key(const struct row *a, const struct row *b)
{
	return strcmp(a->id, b->id) == 0 && strcmp(a->account, b->account) == 0 &&
	    strcmp(a->channel, b->channel) == 0 &&
	    (a->it->type == ITEM_EVENT ||
		strcmp(str_or_empty(a->it->thread_id), str_or_empty(b->it->thread_id)) == 0);
}

static bool
same_atts(const struct item *a, const struct item *b)
{
	if (a->n_atts != b->n_atts)
		return false;
	for (size_t i = 0; i < a->n_atts; i++)
		if (!str_eq(a->atts[i].type, b->atts[i].type) ||
		    !str_eq(a->atts[i].url, b->atts[i].url) ||
		    !str_eq(a->atts[i].ref, b->atts[i].ref))
			return false;
	return true;
}

/* Does b, of the same key, tell nothing that a does not? */
static bool
same_version(const struct load *l, const struct row *a, const struct row *b)
{
	const struct item *x = a->it, *y = b->it;

	return x->weak ||
	    (x->dir == y->dir && x->echo == y->echo && x->at_us == y->at_us &&
		x->at_known == y->at_known && str_eq(x->kind, y->kind) &&
		str_eq(x->body, y->body) && str_eq(x->detail, y->detail) &&
		str_eq(x->reply_to, y->reply_to) && str_eq(x->contact, y->contact) &&
		str_eq(x->sender_id, y->sender_id) && str_eq(x->recipient_id, y->recipient_id) &&
		l->v[a->d]->source == l->v[b->d]->source && same_atts(x, y));
}

static void
gather(struct load *b)
{
	for (size_t i = 0; i < b->n; i++)
		b->n_items += b->v[i]->items.n;
	b->msgs = mem_array(b->n_items + 1, sizeof *b->msgs);
	b->evs = mem_array(b->n_items + 1, sizeof *b->evs);
	b->of = mem_array(b->n, sizeof *b->of);
	for (size_t i = 0, order = 0; i < b->n; i++) {
		const struct delivery *d = b->v[i];

		for (size_t j = 0; j < d->items.n; j++, order++) {
			const struct item *it = &d->items.v[j];
			bool msg = it->type == ITEM_MESSAGE;
			struct row *r = msg ? &b->msgs[b->n_msgs++] : &b->evs[b->n_evs++];

			r->it = it;
			r->d = i;
			r->order = order;
			r->account = it->account != NULL ? it->account : d->account;
			r->channel = channel_names[d->channel];
			r->id = str_or_empty(msg ? it->external_id : it->event_id);
		}
	}
}

/* Is id, as a weak message's other id, brought by an earlier item of the batch? */
static bool
alt_in_batch(const struct load *b, const struct row *w)
{
	struct row key = *w;
	size_t lo = 0, hi = b->n_msgs;

	key.id = w->it->alt_id;
	key.order = 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (row_cmp(&b->msgs[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < b->n_msgs && same_key(&b->msgs[lo], &key) && !b->msgs[lo].drop;
}

static size_t
drop_marked(struct load *b, struct row *v, size_t n)
{
	size_t keep = 0;

	for (size_t i = 0; i < n; i++) {
		if (!v[i].drop)
			v[keep++] = v[i];
		else if (v[i].it->type == ITEM_MESSAGE && v[i].it->weak)
			b->of[v[i].d].weak++;
		else
			b->of[v[i].d].dup++;
	}
	return keep;
}

/* Sort by key; of equal ones the first stays, the others are counted.  Another version of a
 * message stays too, behind the first: the function merges it. */
static void
make_distinct(struct load *b)
{
	size_t kept = 0;

	qsort(b->msgs, b->n_msgs, sizeof *b->msgs, row_cmp);
	qsort(b->evs, b->n_evs, sizeof *b->evs, row_cmp);
	for (size_t i = 1; i < b->n_msgs; i++) {
		b->msgs[i].drop = same_key(&b->msgs[kept], &b->msgs[i]) &&
		    same_version(b, &b->msgs[kept], &b->msgs[i]);
		kept = b->msgs[i].drop ? kept : i;
	}
	for (size_t i = 0; i < b->n_msgs; i++)
		if (!b->msgs[i].drop && b->msgs[i].it->weak && b->msgs[i].it->alt_id != NULL)
			b->msgs[i].drop = alt_in_batch(b, &b->msgs[i]);
	for (size_t i = 1; i < b->n_evs; i++)
		b->evs[i].drop = same_key(&b->evs[i - 1], &b->evs[i]);
	b->n_msgs = drop_marked(b, b->msgs, b->n_msgs);
	b->n_evs = drop_marked(b, b->evs, b->n_evs);
}

/*
 * Times have whole seconds: of one second people read messages in the order of their rows'
 * ids, which the function gives by these places.
 */
static void
number_told(struct load *b)
{
	struct row **came;
	int32_t n = 0;

	b->sorted = true;
	if (b->n_msgs < 2)
		return;
	came = mem_array(b->n_items, sizeof *came);
	for (size_t i = 0; i < b->n_msgs; i++) {
		b->sorted = b->sorted && (i == 0 || b->msgs[i - 1].order < b->msgs[i].order);
		came[b->msgs[i].order] = &b->msgs[i];
	}
	for (size_t i = 0; i < b->n_items; i++)
		if (came[i] != NULL)
			came[i]->told = ++n;
	free(came);
}

bool
load_empty(const struct delivery *d, const struct item *it)
{
	return it->body == NULL && it->n_atts == 0 && it->type == ITEM_MESSAGE &&
	    str_eq(it->kind, "unsupported") && delivery_provider(d)->aliases;
}

/* ---- locks ------------------------------------------------------------------ */

/* The same as dmbox.id_hash: both sides must agree. */
static void
id_hash(const struct row *r, const char *id, unsigned char out[SIGN_SHA256])
{
	struct sign_hash *h = sign_hash_new();
	const char *part[4];

	part[0] = r->account;
	part[1] = r->channel;
	part[2] = str_or_empty(r->it->thread_id);
	part[3] = id;
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			sign_hash_add(h, "|", 1);
		sign_hash_add(h, part[i], strlen(part[i]));
	}
	sign_hash_end(h, out);
}

/* The bucket is dmbox.lock_target's. */
static void
lock(struct load *b, const unsigned char hash[SIGN_SHA256], unsigned char how)
{
	if (b->lock[hash[0]] < how)
		b->lock[hash[0]] = how;
}

/*
 * Plain messages share their bucket; what looks at other rows before it
 * writes (weak ids), or changes a message, has it alone.  The bucket of another
 * spelling of the chat is not known: an empty message has all of them.
 */
static void
collect_locks(struct load *b)
{
	unsigned char other[SIGN_SHA256];

	for (size_t i = 0; i < b->n_msgs; i++) {
		struct row *r = &b->msgs[i];

		id_hash(r, r->id, r->hash);
		lock(b, r->hash, r->it->weak ? 2 : 1);
		if (load_empty(b->v[r->d], r->it))
			memset(b->lock, 2, sizeof b->lock);
		if (r->it->alt_id != NULL) {
			id_hash(r, r->it->alt_id, other);
			lock(b, other, 2);
		}
	}
	for (size_t i = 0; i < b->n_evs; i++) {
		const struct row *r = &b->evs[i];

		if (r->it->effect != EFFECT_NONE && r->it->target_id != NULL) {
			id_hash(r, r->it->target_id, other);
			lock(b, other, 2);
		}
	}
	/* who removes a contact has all buckets: who names one has at least one */
	if (b->n_msgs == 0 && b->n_evs > 0 && b->lock[0] == 0)
		b->lock[0] = 1;
}

/* ---- contacts ---------------------------------------------------------------- */

int
load_person_cmp(const void *pa, const void *pb)
{
	const struct person *a = pa, *b = pb;
	int c;

	if ((c = strcmp(a->account, b->account)) != 0 || (c = strcmp(a->channel, b->channel)) != 0)
		return c;
	return strcmp(a->ext, b->ext);
}

static void
merge_person(struct person *to, const struct person *from)
{
	for (int i = 0; i < 3; i++) {
		/* the newer value; at the same time the greater: any order ends the same */
		if (from->value[i] != NULL &&
		    (to->value[i] == NULL || from->value_at[i] > to->value_at[i] ||
			(from->value_at[i] == to->value_at[i] &&
			    strcmp(from->value[i], to->value[i]) > 0))) {
			to->value[i] = from->value[i];
			to->value_at[i] = from->value_at[i];
		}
	}
	if (from->in_us > to->in_us)
		to->in_us = from->in_us;
	if (from->out_us > to->out_us)
		to->out_us = from->out_us;
}

/* The person who did it: in a group that is not the chat. */
const char *
load_actor(const struct row *r)
{
	const struct item *it = r->it;

	if (it->type != ITEM_EVENT || it->dir == DIR_OUT ||
	    (it->effect != EFFECT_REACT && it->effect != EFFECT_UNREACT))
		return NULL;
	return it->sender_id != NULL ? it->sender_id : it->contact;
}

static void
add_person(struct load *b, const struct row *r, const char *ext, bool whole)
{
	struct person *p = &b->people[b->n_people];
	const struct item *it = r->it;
	int64_t at = load_time(b, r);

	if (ext == NULL)
		return;
	b->n_people++;
	p->account = r->account;
	p->channel = r->channel;
	p->ext = ext;
	if (!whole)
		return;
	p->value[0] = it->name;
	p->value[1] = it->username;
	p->value[2] = it->picture;
	for (int i = 0; i < 3; i++)	/* dmbox.newer compares minutes */
		p->value_at[i] = at - at % MINUTE_US;
	if (it->name_weak)	/* older than every name, and newer than older weak ones */
		p->value_at[0] -= WEAK_US;
	if (it->type == ITEM_MESSAGE && !it->is_test)
		*(it->dir == DIR_IN ? &p->in_us : &p->out_us) = at;
}

static void
collect_people(struct load *b)
{
	size_t n = 0;

	b->people = mem_array(b->n_msgs + 2 * b->n_evs + 1, sizeof *b->people);
	for (size_t i = 0; i < b->n_msgs; i++)
		add_person(b, &b->msgs[i], b->msgs[i].it->contact, true);
	for (size_t i = 0; i < b->n_evs; i++) {
		const char *actor = load_actor(&b->evs[i]);

		add_person(b, &b->evs[i], b->evs[i].it->contact, true);
		if (actor != NULL && !str_eq(actor, b->evs[i].it->contact))
			add_person(b, &b->evs[i], actor, false);
	}
	qsort(b->people, b->n_people, sizeof *b->people, load_person_cmp);
	for (size_t i = 0; i < b->n_people; i++) {
		if (n > 0 && load_person_cmp(&b->people[n - 1], &b->people[i]) == 0)
			merge_person(&b->people[n - 1], &b->people[i]);
		else
			b->people[n++] = b->people[i];
	}
	b->n_people = n;
}

const char *
load_source(const struct load *b, const struct row *r)
{
	const struct delivery *d = b->v[r->d];

	/* a reconciliation finds what no webhook brought, ours from the app too;
	 * Green API's queue is its way of telling */
	if ((d->polled || d->source == SOURCE_POLL) &&
	    (!r->it->echo || delivery_provider(d)->polls_reconcile))
		return "poll";
	return r->it->echo ? "echo" : "webhook";
}

static void
count_rows(struct load *b)
{
	for (size_t i = 0; i < b->n_msgs; i++) {
		struct tally *t = &b->of[b->msgs[i].d];

		t->msgs++;
		t->echoes += str_eq(load_source(b, &b->msgs[i]), "echo");
	}
	for (size_t i = 0; i < b->n_evs; i++)
		b->of[b->evs[i].d].evs++;
}

void
load_init(struct load *b, struct delivery *const *v, size_t n)
{
	memset(b, 0, sizeof *b);
	b->v = v;
	b->n = n;
	gather(b);
	make_distinct(b);
	number_told(b);
	collect_locks(b);
	collect_people(b);
	count_rows(b);
}

void
load_free(struct load *b)
{
	free(b->msgs);
	free(b->evs);
	free(b->people);
	free(b->of);
	mem_arena_free(&b->arena);
}

/* One delivery of one message and nothing else: what dmbox.ingest is made for, which has one
 * time for all that is told of its contact. */
bool
load_plain(const struct load *b)
{
	const struct item *it = b->msgs[0].it;

	return b->n == 1 && b->n_msgs == 1 && b->n_evs == 0 && b->n_people == 1 &&
	    it->n_atts == 0 && !it->weak && it->alt_id == NULL && !load_empty(b->v[0], it) &&
	    !(it->name_weak && (it->username != NULL || it->picture != NULL));
}

/*
 * Many deliveries -> one transaction, else the spool.
 *
 * It also makes the keys that providers leave open (contract.md 5): a message
 * without an id is known by what it says and when, an event by a hash of its
 * normalised form, an id too long for an index by its hash.  Everything is a
 * function of the delivery alone, so the same bytes give the same keys when
 * they come again from the spool or by replay.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/http.h"
#include "bridge/decode.h"
#include "bridge/ingest.h"
#include "base/log.h"
#include "base/mem.h"
#include "extern/json.h"
#include "model/provider.h"
#include "extern/sign.h"
#include "store/state.h"
#include "store/store.h"
#include "base/str.h"
#include "bridge/spoolmark.h"

#define DAY_US (INT64_C(86400) * 1000000)

enum {
	ID_MAX = 512,
	BUCKET_US = 10 * 1000000,	/* of messages with neither id nor time of day */
	DRAIN_FILES = 64,		/* of one transaction */
	DRAIN_BYTES = 4 << 20
};

/* ---- keys -------------------------------------------------------------------- */

/* A field into the hash; the length keeps neighbours apart. */
static void
hash_field(struct sign_hash *h, const char *s)
{
	char head[32];
	size_t n = s != NULL ? strlen(s) : 0;
	int m = snprintf(head, sizeof head, "%c%zu:", s != NULL ? 's' : 'n', n);

	sign_hash_add(h, head, (size_t)m);
	sign_hash_add(h, s, n);
}

static void
hash_i64(struct sign_hash *h, int64_t v)
{
	char s[24];

	snprintf(s, sizeof s, "%lld", (long long)v);
	hash_field(h, s);
}

/* prefix and the hex of the hash, in the arena; ends h. */
static char *
hash_name(struct mem_arena *a, const char *prefix, struct sign_hash *h)
{
	unsigned char sum[SIGN_SHA256];
	size_t n = strlen(prefix);
	char *s = mem_arena_alloc(a, n + 2 * SIGN_SHA256 + 1);

	sign_hash_end(h, sum);
	memcpy(s, prefix, n);
	str_hex(sum, SIGN_SHA256, s + n);
	return s;
}

/* An id that an index can take. */
static const char *
short_id(struct mem_arena *a, const char *id)
{
	struct sign_hash *h;
	size_t n;

	if (id == NULL || (n = strlen(id)) <= ID_MAX)
		return id;
	h = sign_hash_new();
	sign_hash_add(h, id, n);
	return hash_name(a, "sha256:", h);
}

/* What else the row will hold: two postbacks, places or files may differ in nothing but it.
 * Without any the hash is what it always was. */
static void
hash_rest(struct sign_hash *h, const struct item *it)
{
	if (it->detail != NULL || it->reply_to != NULL) {
		hash_field(h, it->detail);
		hash_field(h, it->reply_to);
	}
	for (size_t i = 0; i < it->n_atts; i++) {
		const struct att *a = &it->atts[i];

		if (a->url != NULL && a->ref == NULL && a->name == NULL)
			continue;
		hash_field(h, a->type);
		hash_field(h, a->ref);
		hash_field(h, a->name);
	}
}

enum weak_by { BY_TIME, BY_PLACE, BY_BUCKET };

static char *
weak_id(struct delivery *d, const struct item *it, enum weak_by by, int64_t value)
{
	struct sign_hash *h = sign_hash_new();

	hash_field(h, it->account != NULL ? it->account : d->account);
	hash_field(h, channel_names[d->channel]);
	hash_field(h, it->contact);
	hash_field(h, it->dir == DIR_OUT ? "out" : "in");
	hash_field(h, it->kind);
	hash_field(h, it->body);
	for (size_t i = 0; i < it->n_atts; i++)
		hash_field(h, it->atts[i].url);
	hash_i64(h, by);
	hash_i64(h, value);
	hash_rest(h, it);
	return hash_name(&d->items.arena, "weak:", h);
}

static void
prepare_message(struct delivery *d, struct item *it)
{
	struct mem_arena *a = &d->items.arena;
	int64_t bucket = d->received_at_us / BUCKET_US;

	if (!str_empty(it->external_id)) {
		it->external_id = short_id(a, it->external_id);
		return;
	}
	it->weak = true;
	if (it->at_known && !it->at_day) {
		it->external_id = weak_id(d, it, BY_TIME, it->at_us);
	} else if (it->place >= 0) {
		it->external_id = weak_id(d, it, BY_PLACE, it->place);
	} else {
		it->external_id = weak_id(d, it, BY_BUCKET, bucket);
		it->alt_id = weak_id(d, it, BY_BUCKET, bucket - 1);
	}
}

/* A hash of ours: prepared before. */
static bool
is_hash(const char *id)
{
	return str_starts(id, "sha256:") ||
	    (strlen(id) == 2 * SIGN_SHA256 && strspn(id, "0123456789abcdef") == 2 * SIGN_SHA256);
}

static void
prepare_event(struct delivery *d, struct item *it)
{
	struct sign_hash *h;

	it->target_id = short_id(&d->items.arena, it->target_id);
	if (!str_empty(it->event_id)) {
		it->event_id = short_id(&d->items.arena, it->event_id);
		/* a key outlives words that are erased: those of an edit, or of an event that
		 * is known by its JSON, are no part of it */
		if (((it->effect == EFFECT_EDIT && it->text != NULL) ||
			strchr(it->event_id, '{') != NULL) &&
		    !is_hash(it->event_id)) {
			h = sign_hash_new();
			sign_hash_add(h, it->event_id, strlen(it->event_id));
			it->event_id = hash_name(&d->items.arena, "sha256:", h);
		}
		return;
	}
	h = sign_hash_new();
	hash_field(h, it->kind);
	hash_i64(h, it->effect);
	hash_field(h, it->thread_id);
	hash_field(h, it->target_id);
	hash_field(h, it->sender_id);
	hash_field(h, it->contact);
	hash_field(h, it->text);
	hash_i64(h, it->num);
	hash_i64(h, it->at_known ? it->at_us : -1);
	hash_field(h, it->raw);
	it->event_id = hash_name(&d->items.arena, "", h);
}

/*
 * A time ahead of the arrival by more than a day is nobody's: it would hold a contact's name
 * and window, and the end of a conversation, until then; what is read up to such a time, all
 * that is sent until then.  Keys are of the time as it came.
 */
static void
clamp_time(struct delivery *d, struct item *it)
{
	int64_t most = d->received_at_us + DAY_US;
	bool read = it->effect == EFFECT_READ && it->num > most;

	if (!read && (!it->at_known || it->at_us <= most))
		return;
	if (it->at_known && it->at_us > most)
		it->at_us = most;
	if (read)
		it->num = d->received_at_us;
	if (d->items.warning == NULL)
		d->items.warning = "future_time";
	if (str_eq(d->reason, "ok"))
		d->reason = d->items.warning;
}

/* What shows something only beside another character: emoji's joiner, the choice of a form. */
static size_t
joins(const char *s)
{
	return str_starts(s, "\xe2\x80\x8d") || str_starts(s, "\xef\xb8\x8f") ? 3 : 0;
}

/* "null null": first and last name, neither of which has a value. */
static bool
is_no_name(const char *s)
{
	static const char *const words[] = { "null", "undefined", "None", "NaN" };
	size_t i;

	for (; *s != '\0'; s += strspn(s, " ")) {
		for (i = 0; i < sizeof words / sizeof *words; i++)
			if (strlen(words[i]) == strcspn(s, " ") && str_starts(s, words[i]))
				break;
		if (i == sizeof words / sizeof *words)
			return false;
		s += strlen(words[i]);
	}
	return true;
}

/* "{{full_name}}", also beside other words: a variable that was not filled is not a name.  Nor
 * is what shows nothing, of which people make theirs: the list would have a line without one. */
static const char *
filled(const char *s)
{
	const char *p = s != NULL ? strstr(s, "{{") : NULL, *seen = s;
	size_t n;

	while (seen != NULL && ((n = str_unseen(seen)) > 0 || (n = joins(seen)) > 0))
		seen += n;
	if ((p != NULL && strstr(p + 2, "}}") != NULL) || str_empty(seen) || is_no_name(s))
		return NULL;
	return s;
}

/* "@ann" and "https://www.instagram.com/ann/" are ann: one person has one username. */
static const char *
bare_username(struct mem_arena *a, const char *s)
{
	static const char *const heads[] = { "https://", "http://", "www.", "instagram.com/" };
	bool link = s != NULL && strcasestr(s, "instagram.com/") != NULL;
	size_t n;

	if (s == NULL)
		return NULL;
	if (link)
		for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
			if (str_istarts(s, heads[i]))
				s += strlen(heads[i]);
	s += *s == '@';
	n = link ? strcspn(s, "/?#") : strlen(s);
	return s[n] == '\0' ? s : mem_arena_ndup(a, s, n);
}

void
ingest_prepare(struct delivery *d)
{
	struct mem_arena *a = &d->items.arena;

	for (size_t i = 0; i < d->items.n; i++) {
		struct item *it = &d->items.v[i];

		if (it->thread_id == NULL)
			it->thread_id = "";
		it->thread_id = short_id(a, it->thread_id);
		it->contact = short_id(a, str_empty(it->contact) ? NULL : it->contact);
		it->reply_to = short_id(a, it->reply_to);
		it->name = filled(it->name);
		it->username = filled(bare_username(a, it->username));
		it->picture = filled(it->picture);
		if (it->type == ITEM_MESSAGE)
			prepare_message(d, it);
		else
			prepare_event(d, it);
		clamp_time(d, it);
	}
}

/* ---- in ------------------------------------------------------------------------- */

enum rc
ingest(struct db *db, struct spool *sp, struct delivery *const *v, size_t n)
{
	enum rc rc = RC_OK;

	for (size_t i = 0; i < n; i++)
		ingest_prepare(v[i]);
	if (store_deliveries(db, v, n) == RC_OK)
		return RC_OK;
	for (size_t i = 0; i < n; i++)
		if (v[i]->rc != RC_OK && spool_instead(sp, v[i]) != RC_DUP)
			rc = RC_TEMP;
	return rc;
}

/* ---- bytes to items -------------------------------------------------------------- */

static void
not_understood(struct delivery *d, const char *why)
{
	itemv_clear(&d->items);	/* a replayed delivery lies in its arena: store_load */
	d->items.ignored = 1;
	d->items.warning = why;
	d->reason = why;
}

static enum owner
owns(const struct account *a, const struct item *it)
{
	const struct provider *p = provider_of(a);

	return p->owns != NULL && it->own_id != NULL ? p->owns(a, it->own_id) : OWNER_BY_ID;
}

/* The account that an entry is for; NULL: nobody's, or several'. */
static const struct account *
account_of(const struct conf *c, const struct account *a, const struct item *it)
{
	if (owns(a, it) == OWNER_BY_ID)
		return conf_account_by_own_id(c, a->channel, it->own_id);
	for (size_t i = 0; i < c->n_accounts; i++)
		if (provider_of(&c->accounts[i]) == provider_of(a) &&
		    owns(&c->accounts[i], it) == OWNER_THIS)
			return &c->accounts[i];
	return NULL;
}

/* Is own_id a foreign one to this account?  "0" is Meta's test button (providers.md B.4). */
static bool
is_foreign(const struct account *a, const struct item *it)
{
	return owns(a, it) != OWNER_THIS && it->own_id != NULL && a->own_id != NULL &&
	    !it->is_test && !str_eq(it->own_id, "0") && !str_eq(it->own_id, a->own_id);
}

/* A member of the stored head, whatever case its name has. */
static const char *
head_get(struct mem_arena *a, const struct json *head, const char *name)
{
	const struct json *v;
	const char *key;

	for (struct json_iter i = { NULL }; json_each(head, &i, &key, &v);)
		if (str_ieq(key, name))
			return json_str(a, v);
	return NULL;
}

enum rc
ingest_signature(const struct account *a, const struct delivery *d)
{
	const struct provider *p = provider_of(a);
	struct http_req req = { 0 };
	struct json *head = NULL;
	const char *signature = NULL, *why;
	enum rc rc = RC_NONE;

	if (p->signature_header == NULL || d->headers == NULL || d->body == NULL ||
	    json_parse(d->headers, strlen(d->headers), &head, NULL) != RC_OK)
		return RC_NONE;
	http_req_init(&req, "POST", "/");
	signature = head_get(&req.arena, head, p->signature_header);
	if (signature != NULL) {
		rc = http_req_header(&req, p->signature_header, signature);
		if (rc == RC_OK) {
			http_req_body(&req, NULL, d->body, d->body_n);
			req.memo = d->memo;
			rc = p->verify(a, &req, &why);
		}
		rc = rc == RC_OK ? RC_OK : RC_DENIED;
	}
	http_req_free(&req);
	json_free(head);
	return rc;
}

/*
 * Entry ids to accounts.  An account that the URL names keeps everything (with
 * a warning); else the entry's account gets it, if the signature fits a secret of
 * that account, too: else one account's secret would write into another's
 * conversations.  An entry of nobody's account stays in the ledger.
 */
static void
resolve(const struct conf *c, const struct account *a, struct delivery *d)
{
	struct itemv *v = &d->items;
	const struct account *proved = NULL;
	size_t kept = 0;
	bool unproved = false;

	for (size_t i = 0; i < v->n; i++) {
		struct item *it = &v->v[i];
		const struct account *other = NULL;

		it->account = NULL;
		if (!provider_of(a)->many_accounts && is_foreign(a, it) && v->warning == NULL)
			v->warning = "foreign_entry";	/* another instance has our address */
		if (provider_of(a)->many_accounts && is_foreign(a, it)) {
			bool group = owns(a, it) != OWNER_BY_ID;

			if (!d->account_named)
				other = account_of(c, a, it);
			if (other != NULL && other != proved && !d->any_signature &&
			    ingest_signature(other, d) != RC_OK) {
				v->ignored++;
				unproved = true;
				continue;
			}
			proved = other;
			if (other != NULL)
				it->account = mem_arena_dup(&v->arena, other->name);
			if (d->account_named && !group && v->warning == NULL)
				v->warning = "foreign_entry";
			if (!d->account_named && !group && other == NULL) {
				v->ignored++;
				v->warning = "unknown_account";
				continue;
			}
		}
		v->v[kept++] = *it;
	}
	v->n = kept;
	if (unproved)
		v->warning = INGEST_FOREIGN;
}

static bool
understood(const struct delivery *d, enum rc rc)
{
	return rc == RC_OK && d->items.n + d->items.ignored > 0;
}

/* A webhook's body is decoded first; what is JSON but for its bytes is mended, of polls too. */
static enum rc
parse_body(const struct conf *c, const struct account *a, struct delivery *d, const char **why)
{
	const struct provider *p = provider_of(a);
	bool list = d->polled && p->parse_polled != NULL;
	enum rc (*parse)(const struct account *, const char *, const char *, size_t,
	    struct itemv *) = list ? p->parse_polled : p->parse;
	const char *body = d->body, *mended, *warning;
	size_t n = d->body_n;
	enum rc rc;

	if (parse == NULL || body == NULL)
		return RC_INVALID;
	if (!list &&
	    decode_body(&d->items.arena, d->content_type, c->max_body, &body, &n, why) != RC_OK)
		return RC_INVALID;
	rc = parse(a, d->content_type, body, n, &d->items);
	if (understood(d, rc) ||
	    (mended = json_mend(&d->items.arena, body, n, &n, &warning)) == NULL)
		return rc;
	itemv_clear(&d->items);
	rc = parse(a, d->content_type, mended, n, &d->items);
	if (d->items.warning == NULL)
		d->items.warning = warning;
	return rc;
}

/* A message that names nobody is kept, but in no conversation: who sent it is told so. */
static bool
nobodys(const struct itemv *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].type == ITEM_MESSAGE && str_empty(v->v[i].contact))
			return true;
	return false;
}

void
ingest_parse(const struct conf *c, const struct account *a, struct delivery *d)
{
	const char *why = "not_understood";
	enum rc rc;

	d->polled = d->source == SOURCE_POLL;
	rc = parse_body(c, a, d, &why);
	if (!understood(d, rc)) {
		not_understood(d, why);
		return;
	}
	resolve(c, a, d);
	if (d->items.warning == NULL && nobodys(&d->items))
		d->items.warning = "no_sender";
	if (d->items.warning != NULL)
		d->reason = d->items.warning;
}

/* ---- the spool ---------------------------------------------------------------------- */

struct drain {
	struct spool_file *f[DRAIN_FILES];
	struct delivery *d[DRAIN_FILES];
	size_t n, bytes;
};

/* The account of a spooled delivery, or what is known of one that is gone. */
static void
parse_spooled(const struct conf *c, struct delivery *d)
{
	const struct account *a = conf_account(c, d->channel, d->account);
	struct account gone = { 0 };
	bool test = d->source == SOURCE_DOCTOR;

	if (a == NULL || (d->provider != NULL && a->provider != d->provider)) {
		gone.name = (char *)(uintptr_t)d->account;
		gone.channel = d->channel;
		gone.provider = delivery_provider(d);
		a = &gone;
	}
	ingest_parse(c, a, d);
	d->source = SOURCE_SPOOL;
	/* doctor's own are no chats, whichever way they came */
	for (size_t i = 0; test && i < d->items.n; i++)
		d->items.v[i].is_test = true;
}

static void
drain_claim(const struct conf *c, struct spool *sp, size_t max, struct drain *x)
{
	x->n = x->bytes = 0;
	while (x->n < DRAIN_FILES && x->n < max && x->bytes < DRAIN_BYTES &&
	    spool_claim(sp, &x->f[x->n]) == RC_OK) {
		struct delivery *d = spool_delivery(x->f[x->n]);

		parse_spooled(c, d);
		ingest_prepare(d);
		x->d[x->n++] = d;
		x->bytes += d->body_n;
	}
}

/* Was it not stored for a fault of its own?  store_deliveries keeps such a one in the ledger
 * alone; what is left is the database's, as far as its error code is known. */
static bool
away(const struct db *db)
{
	switch (db_fault(db)) {
	case DB_FAULT_AWAY:
	case DB_FAULT_CONFLICT:
	case DB_FAULT_SCHEMA:
	case DB_FAULT_DENIED:
		return true;
	default:
		return false;
	}
}

/* An error of no known kind: nobody's fault until another delivery came through. */
static void
try_later(struct db *db, struct spool *sp, struct spool_file *f)
{
	bool others = false;

	if (spool_tried_out(f) &&
	    store_later(db, spool_delivery(f)->received_at_us, &others) != RC_OK)
		others = false;
	spool_retry(sp, f, others);
}

enum rc
ingest_drain(struct db *db, const struct conf *c, struct spool *sp, size_t max, size_t *done)
{
	struct drain x;
	enum rc rc = db_ready(db);

	*done = 0;
	/* nothing is claimed before it is known that somebody takes it */
	while (rc == RC_OK && *done < max) {
		bool stop = false;

		drain_claim(c, sp, max - *done, &x);
		if (x.n == 0)
			break;
		rc = store_deliveries(db, x.d, x.n);
		if (rc != RC_OK && !away(db)) {
			/* a delivery of its own kind: each alone, so that it fails alone */
			for (size_t i = 0; i < x.n; i++)
				if (x.d[i]->rc != RC_OK &&
				    store_deliveries(db, &x.d[i], 1) != RC_OK && away(db))
					break;
			rc = RC_OK;
		}
		for (size_t i = 0; i < x.n; i++) {
			if (x.d[i]->rc == RC_OK) {
				if (spool_done(sp, x.f[i]) != RC_OK)
					stop = true;	/* it would come again and again */
				++*done;
			} else if (away(db)) {
				rc = RC_TEMP;
				spool_release(sp, x.f[i]);
			} else {
				try_later(db, sp, x.f[i]);	/* the others go on */
			}
		}
		if (stop)
			break;
	}
	return rc;
}

/* Drains a folder that is no longer the spool, without creating it. */
static enum rc
drain_folder(struct db *db, const struct conf *c, const char *dir, size_t *done)
{
	struct spool *sp = NULL;
	char path[4096];
	enum rc rc = RC_OK;
	size_t n = 0;

	if ((size_t)snprintf(path, sizeof path, "%s/new", dir) >= sizeof path ||
	    access(path, R_OK | W_OK | X_OK) != 0 || spoolmark(c, dir, NULL) != RC_OK ||
	    spool_open(dir, &sp) != RC_OK)
		return RC_OK;
	do {
		rc = ingest_drain(db, c, sp, DRAIN_FILES, &n);
		*done += n;
	} while (rc == RC_OK && n > 0);
	spool_close(sp);
	return rc;
}

enum rc
ingest_drain_before(struct db *db, const struct conf *c, size_t *done)
{
	struct strv before = { 0 };
	char host[256] = "";
	enum rc rc;

	*done = 0;
	if (str_empty(c->spool_dir))
		return RC_OK;
	(void)gethostname(host, sizeof host - 1);
	rc = state_spool(db, host, c->spool_dir, &before);
	for (size_t i = 0; rc == RC_OK && i < before.n; i++) {
		size_t n = 0;

		if (!str_eq(before.v[i], c->spool_dir))
			rc = drain_folder(db, c, before.v[i], &n);
		*done += n;
	}
	strv_free(&before);
	return rc;
}

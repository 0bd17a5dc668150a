/*
 * The outbox against a real database: every transition, fencing, order,
 * merging with an echo that came before or after, idempotency under a race,
 * expiry, the breakers.  Needs DMBOX_TEST_DB with the schema (tests/db/run.sh).
 */
#include <pthread.h>

#include "provider/list.h"
#include "dbtest.h"
#include "store/outbox.h"
#include "base/str.h"

static void
sql(struct db *db, const char *text)
{
	assert_int_equal(db_script(db, text), RC_OK);
}

/* The first value of a query as text; "" for null or no row. */
static const char *
get(struct db *db, const char *text)
{
	static char out[2048];
	char q[4096];
	struct db_res *res = NULL;
	const char *v;

	snprintf(q, sizeof q, "select (%s)::text", text);
	assert_int_equal(db_exec(db, &(const struct db_stmt){ NULL, q }, NULL, &res), RC_OK);
	v = db_rows(res) > 0 ? db_get_text(res, 0, 0) : NULL;
	snprintf(out, sizeof out, "%s", v ? v : "");
	db_res_free(res);
	return out;
}

/* A value of one outbox row. */
static const char *
ob(struct db *db, const char *col, long long id)
{
	char q[1024];

	snprintf(q, sizeof q, "select %s from dmbox.outbox where id = %lld", col, id);
	return get(db, q);
}

/* Every test has an account of its own. */
static int serial;

struct fix {
	struct db *db;
	char account[32];
	const struct provider *provider;
};

static int
setup(void **state)
{
	struct fix *f = mem_alloc(sizeof *f);

	f->db = dbt_open();
	f->provider = &provider_graph;
	snprintf(f->account, sizeof f->account, "a%d", ++serial);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *f = *state;

	db_free(f->db);
	free(f);
	return 0;
}

static struct outbox_row
put_to(struct fix *f, const char *to, const char *body)
{
	struct outmsg m = { .recipient = to, .thread_id = "", .body = body };
	struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = f->account, .own_id = "17840",
	    .provider = f->provider, .caller = "c", .parts = &m, .n_parts = 1 };
	struct outbox_row row;
	size_t k = 0;
	int64_t closed = 0;

	assert_int_equal(outbox_put(f->db, &n, 1, &row, &k, &closed), RC_OK);
	assert_int_equal(k, 1);
	return row;
}

static struct outbox_row
put(struct fix *f, const char *body)
{
	return put_to(f, "6500", body);
}

/* How many could be claimed; the first stays in *out. */
static size_t
claim(struct fix *f, size_t max, struct outbox_items *out)
{
	const struct outbox_want w = { .channel = CHANNEL_INSTAGRAM, .account = f->account, .max = max,
	    .lease_s = 30 };

	assert_int_equal(outbox_claim(f->db, &w, out), RC_OK);
	for (size_t i = 0; i < out->n; i++)
		assert_int_equal(outbox_begin(f->db, &out->v[i]), RC_OK);
	return out->n;
}

static enum rc
settle(struct fix *f, const struct outbox_item *it, enum send_outcome o, const char *mid,
    struct outbox_row *row)
{
	struct send_result r = { .outcome = o, .retry_after_s = -1 };

	snprintf(r.message_id, sizeof r.message_id, "%s", mid);
	if (o != SEND_SENT && o != SEND_ACCEPTED) {
		snprintf(r.code, sizeof r.code, "c1");
		snprintf(r.text, sizeof r.text, "words");
	}
	return outbox_settle(f->db, it, &r, 12, row);
}

/* put, claim, settle in one. */
static struct outbox_row
send_one(struct fix *f, const char *body, enum send_outcome o, const char *mid)
{
	struct outbox_row row = put(f, body);
	struct outbox_items v;

	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(v.v[0].id, row.id);
	assert_int_equal(settle(f, &v.v[0], o, mid, &row), RC_OK);
	outbox_items_free(&v);
	return row;
}

/* A message of ours as the provider tells it. */
static void
echo(struct fix *f, const char *mid, const char *body, const char *more)
{
	char q[4096];

	snprintf(q, sizeof q, "insert into dmbox.contacts (account, channel, external_id)"
	    " values ('%s','instagram','6500') on conflict do nothing;"
	    " insert into dmbox.messages (account, channel, provider, external_id, contact_id, direction,"
	    " kind, body, status, sent_at, sent_at_known, received_at, source, delivery_id)"
	    " select '%s','instagram','graph','%s', id, 'outbound','text','%s','sent',"
	    " now(), true, now(), 'echo', 770077 from dmbox.contacts where account='%s' and external_id='6500';%s",
	    f->account, f->account, mid, body, f->account, more);
	sql(f->db, q);
}

static long long
n_messages(struct fix *f)
{
	char q[200];

	snprintf(q, sizeof q, "select count(*) from dmbox.messages where account = '%s'", f->account);
	return dbt_i64(f->db, q);
}

static const char *
msg(struct fix *f, const struct outbox_row *r, const char *col)
{
	char q[300];

	snprintf(q, sizeof q, "select %s from dmbox.messages where id = %lld", col, (long long)r->message_id);
	return get(f->db, q);
}

static void
test_put(void **state)
{
	struct fix *f = *state;
	uint64_t trips;
	struct outbox_row r = put(f, "first");
	char want[64];

	trips = db_round_trips(f->db);
	r = put(f, "hello");
	assert_int_equal(db_round_trips(f->db) - trips, 1);
	assert_string_equal(r.state, "queued");
	assert_string_equal(msg(f, &r, "status"), "queued");
	assert_string_equal(msg(f, &r, "source"), "send");
	assert_string_equal(msg(f, &r, "direction"), "outbound");
	assert_string_equal(msg(f, &r, "provider"), "graph");
	assert_string_equal(msg(f, &r, "body"), "hello");
	snprintf(want, sizeof want, "out:%lld", (long long)r.id);
	assert_string_equal(msg(f, &r, "external_id"), want);
	assert_string_equal(msg(f, &r, "(select external_id from dmbox.contacts c where c.id = contact_id)"), "6500");
	assert_string_equal(ob(f->db, "expires_at - created_at", r.id), "1 day");
}

static void
test_idempotency(void **state)
{
	struct fix *f = *state;
	struct outmsg m[2] = { { .recipient = "6500", .thread_id = "", .body = "a" },
	    { .recipient = "6500", .thread_id = "", .body = "b" } };
	struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = f->account,
	    .provider = &provider_graph, .caller = f->account, .idempotency_key = "k", .fingerprint = "f1",
	    .parts = m, .n_parts = 2 };
	struct outbox_row a[2], b[2];
	size_t k = 0;
	int64_t closed = 0;

	assert_int_equal(outbox_put(f->db, &n, 2, a, &k, &closed), RC_OK);
	assert_int_equal(k, 2);
	k = 0;
	assert_int_equal(outbox_put(f->db, &n, 2, b, &k, &closed), RC_DUP);
	assert_int_equal(k, 2);
	assert_int_equal(a[0].id, b[0].id);
	assert_int_equal(a[1].id, b[1].id);
	n.fingerprint = "f2";
	assert_int_equal(outbox_put(f->db, &n, 2, b, &k, &closed), RC_INVALID);
	/* another caller's key is another key */
	n.caller = "somebody";
	n.idempotency_key = f->account;
	assert_int_equal(outbox_put(f->db, &n, 2, b, &k, &closed), RC_OK);
	assert_int_equal(n_messages(f), 4);
}

struct racer {
	char account[32];
	enum rc rc;
	int64_t id;
	pthread_barrier_t *bar;
};

static void *
race(void *arg)
{
	struct racer *r = arg;
	struct db *db = dbt_open();
	struct outmsg m = { .recipient = "6500", .thread_id = "", .body = "once" };
	struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = r->account,
	    .provider = &provider_graph, .caller = r->account, .idempotency_key = "race",
	    .fingerprint = "f", .parts = &m, .n_parts = 1 };
	struct outbox_row row = {0};
	size_t k = 0;
	int64_t closed;

	if (db_ready(db) != RC_OK)
		r->rc = RC_BUG;
	pthread_barrier_wait(r->bar);
	r->rc = outbox_put(db, &n, 1, &row, &k, &closed);
	r->id = row.id;
	db_free(db);
	return NULL;
}

static void
test_idempotency_race(void **state)
{
	struct fix *f = *state;
	enum { N = 8 };
	struct racer r[N];
	pthread_t t[N];
	pthread_barrier_t bar;
	int ok = 0, dup = 0;

	pthread_barrier_init(&bar, NULL, N);
	for (int i = 0; i < N; i++) {
		memset(&r[i], 0, sizeof r[i]);
		snprintf(r[i].account, sizeof r[i].account, "%s", f->account);
		r[i].bar = &bar;
		assert_int_equal(pthread_create(&t[i], NULL, race, &r[i]), 0);
	}
	for (int i = 0; i < N; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&bar);
	for (int i = 0; i < N; i++) {
		ok += r[i].rc == RC_OK;
		dup += r[i].rc == RC_DUP;
		assert_int_equal(r[i].id, r[0].id);
	}
	assert_int_equal(ok, 1);
	assert_int_equal(dup, N - 1);
	assert_int_equal(n_messages(f), 1);
}

static void
test_window(void **state)
{
	struct fix *f = *state;
	struct outmsg m = { .recipient = "6501", .thread_id = "", .body = "late" };
	struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = f->account,
	    .provider = &provider_graph, .caller = "c", .window_s = 86400, .parts = &m, .n_parts = 1 };
	struct outbox_row row;
	size_t k = 0;
	int64_t closed = 0;
	char q[300];

	snprintf(q, sizeof q, "insert into dmbox.contacts (account, channel, external_id, last_inbound_at)"
	    " values ('%s','instagram','6501', '2026-01-01T00:00:00Z'),"
	    " ('%s','instagram','6502', now() - interval '23 hours')", f->account, f->account);
	sql(f->db, q);
	assert_int_equal(outbox_put(f->db, &n, 1, &row, &k, &closed), RC_DENIED);
	assert_true(closed == INT64_C(1767312000000000));	/* 2026-01-02T00:00:00Z */
	assert_int_equal(n_messages(f), 0);
	m.recipient = "6502";
	assert_int_equal(outbox_put(f->db, &n, 1, &row, &k, &closed), RC_OK);
	m.recipient = "6503";	/* nothing known: the provider decides */
	assert_int_equal(outbox_put(f->db, &n, 1, &row, &k, &closed), RC_OK);
}

static void
test_sent(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = send_one(f, "hi", SEND_SENT, "mid-1");

	assert_string_equal(r.state, "sent");
	assert_string_equal(r.provider_id, "mid-1");
	assert_string_equal(msg(f, &r, "external_id"), "mid-1");
	assert_string_equal(msg(f, &r, "status"), "sent");
	assert_string_equal(msg(f, &r, "(select last_outbound_at is not null from dmbox.contacts c where c.id = contact_id)"), "true");
	assert_string_equal(ob(f->db, "(select string_agg(status || ' ' || ms, ',') from dmbox.send_attempts a where a.outbox_id = outbox.id)", r.id), "sent 12");
	r = send_one(f, "ho", SEND_ACCEPTED, "");
	assert_string_equal(r.state, "accepted");
	assert_string_equal(msg(f, &r, "status"), "accepted");
	assert_true(str_starts(msg(f, &r, "external_id"), "out:"));
}

static void
test_refused(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = send_one(f, "hi", SEND_REFUSED, "");

	assert_string_equal(r.state, "failed");
	assert_string_equal(r.error_code, "c1");
	assert_string_equal(r.error_text, "words");
	assert_string_equal(msg(f, &r, "status"), "failed");
	assert_int_equal(outbox_retry(f->db, r.id), RC_OK);
	assert_string_equal(msg(f, &r, "status"), "queued");
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "queued");
	assert_string_equal(r.error_code, "");
}

static void
test_retry_waits(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = send_one(f, "hi", SEND_RETRY, "");
	struct outbox_items v;

	assert_string_equal(r.state, "queued");
	assert_string_equal(msg(f, &r, "status"), "queued");
	assert_string_equal(ob(f->db, "next_at > now()", r.id), "true");
	assert_int_equal(claim(f, 1, &v), 0);
	outbox_items_free(&v);
	sql(f->db, "update dmbox.outbox set next_at = now() - interval '1 second' where state = 'queued'");
	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(v.v[0].attempts, 1);
	assert_int_equal(settle(f, &v.v[0], SEND_SENT, "m2", &r), RC_OK);
	assert_string_equal(r.state, "sent");
	assert_string_equal(r.error_code, "");
	outbox_items_free(&v);
}

static void
test_pause(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = send_one(f, "hi", SEND_PAUSE, "");
	struct outbox_items v;
	struct account a = { .name = f->account, .channel = CHANNEL_INSTAGRAM };
	struct conf c = { .accounts = &a, .n_accounts = 1 };
	bool due = true;

	assert_string_equal(r.state, "queued");
	put_to(f, "6777", "another conversation rests too");
	assert_int_equal(claim(f, 5, &v), 0);
	outbox_items_free(&v);
	assert_int_equal(outbox_due(f->db, &c, &due), RC_OK);
	assert_false(due);
	/* a person who mended it lifts the pause */
	assert_int_equal(outbox_retry(f->db, r.id), RC_OK);
	assert_int_equal(outbox_due(f->db, &c, &due), RC_OK);
	assert_true(due);
	assert_int_equal(claim(f, 5, &v), 2);
	outbox_items_free(&v);
}

static void
test_fencing(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "hi"), now;
	struct outbox_items old, new;

	assert_int_equal(claim(f, 1, &old), 1);
	sql(f->db, "update dmbox.outbox set lease_until = now() - interval '1 second' where state = 'leased'");
	assert_int_equal(outbox_expire(f->db), RC_OK);
	assert_int_equal(outbox_get(f->db, r.id, &now), RC_OK);
	assert_string_equal(now.state, "unknown");
	assert_string_equal(msg(f, &r, "status"), "unknown");
	assert_int_equal(outbox_retry(f->db, r.id), RC_OK);
	assert_int_equal(claim(f, 1, &new), 1);
	/* the first sender wakes up: its word counts no more */
	assert_int_equal(settle(f, &old.v[0], SEND_SENT, "ghost", NULL), RC_NONE);
	assert_int_equal(outbox_release(f->db, &old.v[0]), RC_NONE);
	assert_int_equal(settle(f, &new.v[0], SEND_SENT, "real", &now), RC_OK);
	assert_string_equal(now.provider_id, "real");
	assert_int_equal(settle(f, &new.v[0], SEND_SENT, "twice", NULL), RC_NONE);
	assert_string_equal(msg(f, &r, "external_id"), "real");
	outbox_items_free(&old);
	outbox_items_free(&new);
}

/* An expired lease makes it unknown; the same claim still may tell the truth. */
static void
test_late_truth(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "hi");
	struct outbox_items v;

	assert_int_equal(claim(f, 1, &v), 1);
	sql(f->db, "update dmbox.outbox set lease_until = now() - interval '1 second' where state = 'leased'");
	assert_int_equal(outbox_expire(f->db), RC_OK);
	assert_int_equal(settle(f, &v.v[0], SEND_SENT, "m", &r), RC_OK);
	assert_string_equal(r.state, "sent");
	assert_string_equal(msg(f, &r, "status"), "sent");
	outbox_items_free(&v);
}

static void
test_release(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "hi");
	struct outbox_items v;

	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(outbox_release(f->db, &v.v[0]), RC_OK);
	outbox_items_free(&v);
	assert_string_equal(ob(f->db, "attempts || ' ' || state || coalesce(attempt_started_at::text, '')", r.id), "0 queued");
	assert_int_equal(claim(f, 1, &v), 1);
	outbox_items_free(&v);
}

/* An expired lease without an attempt goes back to the queue. */
static void
test_expire_untried(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "hi");
	struct outbox_items v;

	assert_int_equal(claim(f, 1, &v), 1);
	outbox_items_free(&v);
	sql(f->db, "update dmbox.outbox set lease_until = now() - interval '1 second',"
	    " attempt_started_at = null where state = 'leased'");
	assert_int_equal(outbox_expire(f->db), RC_OK);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "queued");
}

static void
test_ttl(void **state)
{
	struct fix *f = *state;
	struct outmsg m[2] = { { .recipient = "6500", .thread_id = "", .body = "a" },
	    { .recipient = "6500", .thread_id = "", .body = "b" } };
	struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = f->account,
	    .provider = &provider_graph, .parts = m, .n_parts = 2 };
	struct outbox_row r[2], now;
	struct outbox_items v;
	size_t k;
	int64_t closed;

	assert_int_equal(outbox_put(f->db, &n, 2, r, &k, &closed), RC_OK);
	sql(f->db, "update dmbox.outbox set expires_at = now() - interval '1 second' where state = 'queued' and part = 0");
	assert_int_equal(claim(f, 1, &v), 0);	/* neither it nor what stands behind it */
	outbox_items_free(&v);
	assert_int_equal(outbox_expire(f->db), RC_OK);
	assert_int_equal(outbox_get(f->db, r[0].id, &now), RC_OK);
	assert_string_equal(now.state, "dead");
	assert_string_equal(now.error_code, "expired");
	assert_string_equal(msg(f, &r[0], "status"), "failed");
	assert_int_equal(outbox_get(f->db, r[1].id, &now), RC_OK);
	assert_string_equal(now.state, "dead");
	assert_string_equal(now.error_code, "earlier_part_failed");
	/* a person's retry brings back both */
	assert_int_equal(outbox_retry(f->db, r[0].id), RC_OK);
	assert_int_equal(outbox_get(f->db, r[1].id, &now), RC_OK);
	assert_string_equal(now.state, "queued");
	assert_int_equal(claim(f, 5, &v), 1);
	assert_int_equal(v.v[0].id, r[0].id);
	outbox_items_free(&v);
}

static void
test_order(void **state)
{
	struct fix *f = *state;
	struct outbox_row a = put(f, "one"), b = put(f, "two"), c = put_to(f, "6600", "other");
	struct outbox_items v, w;

	assert_int_equal(claim(f, 5, &v), 2);
	assert_int_equal(v.v[0].id, a.id);
	assert_int_equal(v.v[1].id, c.id);
	assert_int_equal(claim(f, 5, &w), 0);
	outbox_items_free(&w);
	/* one is put off: two waits with it */
	assert_int_equal(settle(f, &v.v[0], SEND_RETRY, "", NULL), RC_OK);
	assert_int_equal(claim(f, 5, &w), 0);
	outbox_items_free(&w);
	sql(f->db, "update dmbox.outbox set next_at = now() where state = 'queued'");
	assert_int_equal(claim(f, 5, &w), 1);
	assert_int_equal(w.v[0].id, a.id);
	assert_int_equal(settle(f, &w.v[0], SEND_SENT, "m-one", NULL), RC_OK);
	outbox_items_free(&w);
	assert_int_equal(claim(f, 5, &w), 1);
	assert_int_equal(w.v[0].id, b.id);
	outbox_items_free(&w);
	outbox_items_free(&v);
}

/* An unknown one holds its conversation back for a while, where it can be learnt. */
static void
test_unknown_blocks(void **state)
{
	struct fix *f = *state;
	struct outbox_items v;

	send_one(f, "one", SEND_UNKNOWN, "");
	put(f, "two");
	assert_int_equal(claim(f, 1, &v), 0);
	outbox_items_free(&v);
	sql(f->db, "update dmbox.outbox set attempt_started_at = now() - interval '121 seconds' where state = 'unknown'");
	assert_int_equal(claim(f, 1, &v), 1);
	outbox_items_free(&v);
	f->provider = &provider_chatrace;
	snprintf(f->account, sizeof f->account, "a%d", ++serial);
	send_one(f, "one", SEND_UNKNOWN, "");
	put(f, "two");
	assert_int_equal(claim(f, 1, &v), 1);
	outbox_items_free(&v);
}

static void
test_actions(void **state)
{
	struct fix *f = *state;
	struct outmsg m = { .recipient = "6500", .thread_id = "", .action = "typing_on" };
	struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = f->account,
	    .provider = &provider_graph, .parts = &m, .n_parts = 1 };
	struct outbox_row r, said = put(f, "one");
	struct outbox_items v;
	size_t k;
	int64_t closed;

	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(settle(f, &v.v[0], SEND_SENT, "t1", NULL), RC_OK);
	outbox_items_free(&v);
	assert_int_equal(outbox_put(f->db, &n, 1, &r, &k, &closed), RC_OK);
	assert_int_equal(r.message_id, 0);
	assert_int_equal(n_messages(f), 1);
	assert_string_equal(ob(f->db, "expires_at - created_at", r.id), "00:00:30");
	assert_int_equal(claim(f, 1, &v), 1);
	assert_string_equal(v.v[0].msg.action, "typing_on");
	assert_int_equal(settle(f, &v.v[0], SEND_RETRY, "", NULL), RC_OK);
	outbox_items_free(&v);
	/* it holds no message back */
	put(f, "two");
	assert_int_equal(claim(f, 1, &v), 1);
	assert_string_equal(v.v[0].msg.body, "two");
	assert_int_equal(settle(f, &v.v[0], SEND_SENT, "t2", NULL), RC_OK);
	outbox_items_free(&v);
	/* and may be repeated: never unknown */
	sql(f->db, "update dmbox.outbox set next_at = now() where action is not null and state = 'queued'");
	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(settle(f, &v.v[0], SEND_UNKNOWN, "", &r), RC_OK);
	assert_string_equal(r.state, "queued");
	outbox_items_free(&v);
	sql(f->db, "update dmbox.outbox set next_at = now() where action is not null and state = 'queued'");
	assert_int_equal(claim(f, 1, &v), 1);
	outbox_items_free(&v);
	sql(f->db, "update dmbox.outbox set lease_until = now() - interval '1 second' where state = 'leased'");
	assert_int_equal(outbox_expire(f->db), RC_OK);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "queued");
	assert_int_equal(outbox_cancel(f->db, r.id), RC_OK);
	sql(f->db, "update dmbox.outbox set created_at = now() - interval '8 days' where state = 'dead' and action is not null");
	assert_int_equal(outbox_expire(f->db), RC_OK);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_NONE);
	/* our reaction is recorded when it was taken, and only then */
	m.action = "react";
	m.reply_to = "t1";
	m.reaction = "love";
	assert_int_equal(outbox_put(f->db, &n, 1, &r, &k, &closed), RC_OK);
	assert_string_equal(msg(f, &said, "(select count(*) from dmbox.reactions where message_id = messages.id)"), "0");
	assert_int_equal(claim(f, 1, &v), 1);
	/* however a hoster has strings read */
	sql(f->db, "set standard_conforming_strings = off");
	assert_int_equal(settle(f, &v.v[0], SEND_ACCEPTED, "", NULL), RC_OK);
	sql(f->db, "reset standard_conforming_strings");
	outbox_items_free(&v);
	assert_string_equal(msg(f, &said, "(select emoji from dmbox.reactions where message_id = messages.id and contact_id = 0)"), "\u2764\ufe0f");
}

static void
test_parts_dropped(void **state)
{
	struct fix *f = *state;
	struct outmsg m[3] = { { .recipient = "6500", .thread_id = "", .body = "a" },
	    { .recipient = "6500", .thread_id = "", .body = "b" },
	    { .recipient = "6500", .thread_id = "", .body = "c" } };
	struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = f->account,
	    .provider = &provider_graph, .parts = m, .n_parts = 3 };
	struct outbox_row r[3], now, later;
	struct outbox_items v;
	size_t k;
	int64_t closed;

	assert_int_equal(outbox_put(f->db, &n, 3, r, &k, &closed), RC_OK);
	later = put(f, "another request");
	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(settle(f, &v.v[0], SEND_SENT, "a1", NULL), RC_OK);
	outbox_items_free(&v);
	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(v.v[0].id, r[1].id);
	assert_int_equal(settle(f, &v.v[0], SEND_REFUSED, "", NULL), RC_OK);
	outbox_items_free(&v);
	assert_int_equal(outbox_get(f->db, r[2].id, &now), RC_OK);
	assert_string_equal(now.state, "failed");
	assert_string_equal(now.error_code, "earlier_part_failed");
	assert_string_equal(msg(f, &r[2], "status"), "failed");
	assert_int_equal(outbox_get(f->db, later.id, &now), RC_OK);
	assert_string_equal(now.state, "queued");
}

/* A refusal that is known to be wrong at times is tried once more, later. */
static void
test_refused_once(void **state)
{
	struct fix *f = *state;
	struct send_result r = { .outcome = SEND_REFUSED, .code = "10/2534022", .retry_once = true,
	    .retry_after_s = 30 };
	struct outbox_row row = put(f, "hi");
	struct outbox_items v;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(claim(f, 1, &v), 1);
		assert_int_equal(outbox_settle(f->db, &v.v[0], &r, 12, &row), RC_OK);
		outbox_items_free(&v);
		assert_string_equal(row.state, i == 0 ? "queued" : "failed");
		if (i == 0) {
			assert_string_equal(ob(f->db, "(next_at > now() + interval '20 seconds')", row.id), "true");
			assert_int_equal(db_script(f->db, "update dmbox.outbox set next_at = now()"), RC_OK);
		}
	}
}

/* The echo is there before the answer: one row, with all that happened to it. */
static void
test_echo_before(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "hi");
	struct outbox_items v;
	char more[2048];

	assert_int_equal(claim(f, 1, &v), 1);
	snprintf(more, sizeof more,
	    "insert into dmbox.attachments (account, message_id, position, type, url)"
	    " select account, id, 0, 'image', 'https://cdn.example/x' from dmbox.messages where account = '%s' and external_id = 'e1';"
	    "insert into dmbox.events (account, channel, kind, effect, occurred_at, target_id, text, event_key, raw, actor_id)"
	    " select '%s', 'instagram', 'reaction', 'react', now(), 'e1', 'x', 'k1', '{}', contact_id from dmbox.messages"
	    " where account = '%s' and external_id = 'e1';"
	    "insert into dmbox.events (account, channel, kind, effect, occurred_at, target_id, text, num, event_key, raw, direction)"
	    " values ('%s', 'instagram', 'edit', 'edit', now(), 'e1', 'hi, edited', 1, 'k2', '{}', 'outbound'),"
	    " ('%s', 'instagram', 'read', 'read', now(), 'e1', null, 0, 'k3', '{}', 'inbound');"
	    "select dmbox.apply_target('%s', 'instagram', '', 'e1');",
	    f->account, f->account, f->account, f->account, f->account, f->account);
	echo(f, "e1", "hi", more);
	assert_int_equal(n_messages(f), 2);
	assert_int_equal(settle(f, &v.v[0], SEND_SENT, "e1", &r), RC_OK);
	outbox_items_free(&v);
	assert_string_equal(r.state, "sent");
	assert_int_equal(n_messages(f), 1);
	assert_string_equal(msg(f, &r, "external_id || ' ' || delivery_id || ' ' || source || ' ' || status"), "e1 770077 send read");
	assert_string_equal(msg(f, &r, "body"), "hi, edited");
	assert_string_equal(msg(f, &r, "read_at is not null and edited_at is not null and sent_at_known"), "true");
	assert_string_equal(msg(f, &r, "(select string_agg(body, '|' order by version) from dmbox.message_edits where message_id = messages.id)"), "hi|hi, edited");
	assert_string_equal(msg(f, &r, "(select count(*) from dmbox.reactions where message_id = messages.id)"), "1");
	assert_string_equal(msg(f, &r, "(select string_agg(url, '|') from dmbox.attachments where message_id = messages.id)"), "https://cdn.example/x");
	assert_string_equal(get(f->db, "select count(*) from dmbox.reactions r where not exists (select 1 from dmbox.messages m where m.id = r.message_id)"), "0");
}

/* ... and names the person by another id than the one that was sent to: the answer, whose
 * message it is, proves them to be one. */
static void
test_echo_elsewhere(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "hi");
	struct outbox_items v;
	char q[2048];

	assert_int_equal(claim(f, 1, &v), 1);
	snprintf(q, sizeof q, "with c as (insert into dmbox.contacts (account, channel, external_id, name, last_inbound_at)"
	    " values ('%s', 'instagram', 'other', 'Ana', now()) returning *)"
	    " insert into dmbox.messages (account, channel, provider, external_id, contact_id, direction,"
	    " kind, body, status, sent_at, sent_at_known, received_at, source, delivery_id)"
	    " select c.account, c.channel, 'graph', x.mid, c.id, x.side, 'text', 'hi', 'sent', now(), true, now(), x.src, 770077"
	    " from c, (values ('e7', 'outbound', 'echo'), ('i7', 'inbound', 'webhook')) x (mid, side, src)", f->account);
	sql(f->db, q);
	assert_int_equal(settle(f, &v.v[0], SEND_SENT, "e7", &r), RC_OK);
	outbox_items_free(&v);
	assert_int_equal(n_messages(f), 2);
	snprintf(q, sizeof q, "select string_agg(c.name || ' ' || (select count(*) from dmbox.messages m where m.contact_id = c.id), ',')"
	    " from dmbox.contacts c where c.account = '%s'", f->account);
	assert_string_equal(get(f->db, q), "Ana 2");
	/* what is sent to either is in the one conversation, and goes where it was said to go */
	r = put(f, "more");
	snprintf(q, sizeof q, "select count(*) from dmbox.contacts where account = '%s'", f->account);
	assert_int_equal(dbt_i64(f->db, q), 1);
	assert_int_equal(claim(f, 1, &v), 1);
	assert_string_equal(v.v[0].msg.recipient, "6500");
	outbox_items_free(&v);
}

/* Events came before the answer, the echo never. */
static void
test_events_before(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "hi");
	struct outbox_items v;
	char q[600];

	assert_int_equal(claim(f, 1, &v), 1);
	snprintf(q, sizeof q, "insert into dmbox.events (account, channel, kind, effect, occurred_at, target_id, event_key, raw)"
	    " values ('%s', 'instagram', 'read', 'read', now(), 'e2', 'k9', '{}')", f->account);
	sql(f->db, q);
	assert_int_equal(settle(f, &v.v[0], SEND_SENT, "e2", &r), RC_OK);
	outbox_items_free(&v);
	assert_string_equal(msg(f, &r, "status"), "read");
}

/* Unsent before we knew its id: it stays unsent. */
static void
test_unsent_before(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "regret");
	struct outbox_items v;
	char more[600];

	assert_int_equal(claim(f, 1, &v), 1);
	snprintf(more, sizeof more, "insert into dmbox.events (account, channel, kind, effect, occurred_at, target_id, event_key, raw, direction)"
	    " values ('%s', 'instagram', 'unsend', 'unsend', now(), 'e3', 'k10', '{}', 'outbound');"
	    "select dmbox.apply_target('%s', 'instagram', '', 'e3')", f->account, f->account);
	sql(f->db, more);
	assert_int_equal(n_messages(f), 2);	/* the tombstone */
	assert_int_equal(settle(f, &v.v[0], SEND_SENT, "e3", &r), RC_OK);
	outbox_items_free(&v);
	assert_int_equal(n_messages(f), 1);
	assert_string_equal(msg(f, &r, "deleted_at is not null and body is null"), "true");
}

static void
test_match_echo(void **state)
{
	struct fix *f = *state;
	struct outbox_row a = send_one(f, "same", SEND_UNKNOWN, ""), b;
	size_t n = 9;

	sql(f->db, "update dmbox.outbox set attempt_started_at = now() - interval '3 minutes' where state = 'unknown'");
	b = send_one(f, "same", SEND_UNKNOWN, "");
	assert_int_equal(outbox_match_echoes(f->db, CHANNEL_INSTAGRAM, f->account, &n), RC_OK);
	assert_int_equal(n, 0);
	echo(f, "other", "something else", "");
	echo(f, "m-a", " same\n", "");	/* providers trim */
	assert_int_equal(outbox_match_echoes(f->db, CHANNEL_INSTAGRAM, f->account, &n), RC_OK);
	assert_int_equal(n, 1);
	assert_int_equal(outbox_get(f->db, a.id, &a), RC_OK);
	assert_string_equal(a.state, "sent");
	assert_string_equal(a.provider_id, "m-a");
	assert_string_equal(a.error_code, "");
	assert_string_equal(msg(f, &a, "status || ' ' || delivery_id"), "sent 770077");
	assert_int_equal(outbox_get(f->db, b.id, &b), RC_OK);
	assert_string_equal(b.state, "unknown");
	/* one echo settles one row */
	assert_int_equal(outbox_match_echoes(f->db, CHANNEL_INSTAGRAM, f->account, &n), RC_OK);
	assert_int_equal(n, 0);
	echo(f, "m-b", "same", "");
	assert_int_equal(outbox_match_echoes(f->db, CHANNEL_INSTAGRAM, NULL, &n), RC_OK);
	assert_int_equal(n, 1);
	assert_int_equal(n_messages(f), 3);
}

/* The echo came while the answer was awaited, and the answer never did. */
static void
test_echo_then_unknown(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "hi");
	struct outbox_items v;

	assert_int_equal(claim(f, 1, &v), 1);
	echo(f, "e4", "hi", "");
	assert_int_equal(settle(f, &v.v[0], SEND_UNKNOWN, "", &r), RC_OK);
	outbox_items_free(&v);
	assert_string_equal(r.state, "sent");
	assert_string_equal(r.provider_id, "e4");
	assert_int_equal(n_messages(f), 1);
}

/* An echo given to the wrong one of two equal texts is given back. */
static void
test_rematch(void **state)
{
	struct fix *f = *state;
	struct outbox_row a = send_one(f, "same", SEND_UNKNOWN, ""), b;
	struct outbox_items v;

	sql(f->db, "update dmbox.outbox set attempt_started_at = now() - interval '3 minutes' where state = 'unknown'");
	b = put(f, "same");
	echo(f, "e5", "same", "");
	assert_int_equal(outbox_found(f->db, a.id, "e5"), RC_OK);
	assert_int_equal(outbox_found(f->db, a.id, "e5"), RC_NONE);
	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(settle(f, &v.v[0], SEND_SENT, "e5", &b), RC_OK);
	outbox_items_free(&v);
	assert_string_equal(b.provider_id, "e5");
	assert_string_equal(msg(f, &b, "external_id || ' ' || delivery_id"), "e5 770077");
	assert_int_equal(outbox_get(f->db, a.id, &a), RC_OK);
	assert_string_equal(a.state, "unknown");
	assert_string_equal(msg(f, &a, "status"), "unknown");
	/* what belongs to b is not found for a */
	assert_int_equal(outbox_found(f->db, a.id, "e5"), RC_NONE);
}

static enum rc
settle_as(struct fix *f, const struct outbox_item *it, struct send_result r, struct outbox_row *row)
{
	r.retry_after_s = -1;
	snprintf(r.code, sizeof r.code, "c1");
	snprintf(r.text, sizeof r.text, "words");
	return outbox_settle(f->db, it, &r, 12, row);
}

static void
echo_of(struct fix *f, const char *mid, const char *text)
{
	struct delivery d;
	struct item *it;

	dbt_delivery(&d);
	d.account = f->account;
	it = dbt_message(&d, "6500", mid, text, clock_now_us());
	it->dir = DIR_OUT;
	it->echo = true;
	dbt_store(f->db, &d);
}

/* Answered with an error, and perhaps sent: not tried again before the provider was
 * asked, and an echo settles it wherever it is. */
static void
test_doubt(void **state)
{
	struct fix *f = *state;
	const struct send_result doubt = { .outcome = SEND_RETRY, .doubt = true };
	struct outbox_row r = put(f, "doubtful");
	struct outbox_items v, w;
	size_t n;

	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(settle_as(f, &v.v[0], doubt, &r), RC_OK);
	outbox_items_free(&v);
	assert_string_equal(r.state, "queued");
	sql(f->db, "update dmbox.outbox set next_at = now()");
	assert_int_equal(claim(f, 1, &v), 0);
	assert_int_equal(outbox_unknown(f->db, CHANNEL_INSTAGRAM, f->account, 5, &w), RC_OK);
	assert_int_equal(w.n, 1);
	assert_true(w.v[0].doubtful);
	outbox_items_free(&w);
	assert_int_equal(outbox_asked(f->db, r.id), RC_OK);
	assert_int_equal(outbox_asked(f->db, r.id), RC_NONE);
	assert_int_equal(claim(f, 1, &v), 1);
	/* doubtful again: asked again */
	assert_int_equal(settle_as(f, &v.v[0], doubt, &r), RC_OK);
	outbox_items_free(&v);
	sql(f->db, "update dmbox.outbox set next_at = now()");
	assert_int_equal(claim(f, 1, &v), 0);
	/* the echo of the first attempt, late */
	echo_of(f, "doubt-mid", " doubtful\n");
	assert_int_equal(outbox_match_echoes(f->db, CHANNEL_INSTAGRAM, f->account, &n), RC_OK);
	assert_int_equal(n, 1);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "sent");
	assert_string_equal(msg(f, &r, "external_id"), "doubt-mid");
	/* the echo that was there before the error's answer */
	r = put(f, "before");
	assert_int_equal(claim(f, 1, &v), 1);
	echo_of(f, "before-mid", "before");
	assert_int_equal(settle_as(f, &v.v[0], doubt, &r), RC_OK);
	outbox_items_free(&v);
	assert_string_equal(r.state, "sent");
	/* its time is over: that it was never sent nobody knows */
	r = put(f, "too late");
	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(settle_as(f, &v.v[0], doubt, &r), RC_OK);
	outbox_items_free(&v);
	sql(f->db, "update dmbox.outbox set expires_at = now() - interval '1 second' where state = 'queued'");
	assert_int_equal(outbox_expire(f->db), RC_OK);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "unknown");
}

struct one_row { const char *account; int64_t id; size_t n; bool done; char state[16]; };

static void *
claim_one(void *arg)
{
	struct one_row *o = arg;
	struct db *db = dbt_open();
	const struct outbox_want w = { .channel = CHANNEL_INSTAGRAM, .account = o->account, .max = 1,
	    .lease_s = 30, .only_id = o->id };
	struct outbox_items v;
	struct outbox_row row;

	if (outbox_claim(db, &w, &v) == RC_OK) {
		o->n = v.n;
		outbox_items_free(&v);
	}
	if (outbox_get(db, o->id, &row) == RC_OK)
		memcpy(o->state, row.state, sizeof o->state);
	db_free(db);
	__atomic_store_n(&o->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* The poller is in the middle of its claim of the row that send.fcgi wants: who comes second
 * sees that it is leased, and not a row that nobody works on. */
static void
test_claim_under_way(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "claimed twice");
	struct one_row o = { .account = f->account, .id = r.id };
	char q[300];
	pthread_t t;

	snprintf(q, sizeof q, "begin; select * from dmbox.outbox_lease('%s', 'instagram', 0, 1, 30,"
	    " '00000000-0000-0000-0000-000000000001', '{graph}', 30)", f->account);
	sql(f->db, q);
	assert_int_equal(pthread_create(&t, NULL, claim_one, &o), 0);
	while (!__atomic_load_n(&o.done, __ATOMIC_SEQ_CST) &&
	    dbt_i64(f->db, "select count(*) from pg_locks w where not w.granted and exists (select 1"
	    " from pg_locks h where h.pid = w.pid and h.database = (select oid from pg_database"
	    " where datname = current_database()))") == 0)
		;
	sql(f->db, "commit");
	pthread_join(t, NULL);
	assert_int_equal(o.n, 0);
	assert_string_equal(o.state, "leased");
}

/* While its file is handed over a row stays its holder's, and no attempt begins by it. */
static void
test_hold(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "with a file");
	const struct outbox_want w = { .channel = CHANNEL_INSTAGRAM, .account = f->account, .max = 1, .lease_s = 30 };
	struct outbox_items v;

	assert_int_equal(outbox_claim(f->db, &w, &v), RC_OK);
	assert_int_equal(v.n, 1);
	assert_int_equal(outbox_hold(f->db, &v.v[0], 300), RC_OK);
	assert_string_equal(ob(f->db, "lease_until > now() + interval '250 seconds'", r.id), "true");
	assert_string_equal(ob(f->db, "attempt_started_at is null", r.id), "true");
	assert_int_equal(outbox_expire(f->db), RC_OK);
	assert_int_equal(outbox_begin(f->db, &v.v[0]), RC_OK);
	assert_int_equal(outbox_hold(f->db, &v.v[0], 300), RC_NONE);	/* the message is on its way */
	snprintf(v.v[0].claim, sizeof v.v[0].claim, "00000000-0000-0000-0000-000000000001");
	assert_int_equal(outbox_hold(f->db, &v.v[0], 300), RC_NONE);
	outbox_items_free(&v);
}

/* A sender that ends between the claim and its request leaves it queued. */
static void
test_not_begun(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "not begun");
	const struct outbox_want w = { .channel = CHANNEL_INSTAGRAM, .account = f->account, .max = 1, .lease_s = 30 };
	struct outbox_items v, late;

	assert_int_equal(outbox_claim(f->db, &w, &v), RC_OK);
	assert_int_equal(v.n, 1);
	sql(f->db, "update dmbox.outbox set lease_until = now() - interval '1 second' where state = 'leased'");
	assert_int_equal(outbox_expire(f->db), RC_OK);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "queued");
	assert_string_equal(ob(f->db, "attempts", r.id), "0");
	/* and when it wakes up after all, it must not send: another may have it */
	assert_int_equal(outbox_claim(f->db, &w, &late), RC_OK);
	assert_int_equal(late.n, 1);
	assert_int_equal(outbox_begin(f->db, &v.v[0]), RC_NONE);
	assert_int_equal(outbox_begin(f->db, &late.v[0]), RC_OK);
	assert_int_equal(outbox_begin(f->db, &late.v[0]), RC_NONE);
	outbox_items_free(&v);
	outbox_items_free(&late);
}

/* Taken, and failed afterwards: the row and the message say so in the provider's
 * words; read after all, it is as if it had not. */
static void
test_failed_later(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = send_one(f, "fails later", SEND_SENT, "later-mid");
	struct delivery d;

	for (int i = 0; i < 2; i++) {
		dbt_delivery(&d);
		d.account = f->account;
		dbt_event(&d, "6500", EFFECT_STATUS, "later-mid", i == 0 ? "failed: no such number" : "read", 0,
		    clock_now_us() + i)->dir = DIR_OUT;
		dbt_store(f->db, &d);
		assert_int_equal(outbox_expire(f->db), RC_OK);
		assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
		assert_string_equal(r.state, i == 0 ? "failed" : "sent");
		assert_string_equal(r.error_code, i == 0 ? "failed_later" : "");
		assert_string_equal(r.error_text, i == 0 ? "no such number" : "");
		assert_string_equal(msg(f, &r, "status"), i == 0 ? "failed" : "read");
		assert_string_equal(msg(f, &r, "coalesce(error_text, '-')"), i == 0 ? "no such number" : "-");
	}
}

/* A state of a message, with a reference and what is to be done about it. */
static void
state_with(struct fix *f, const char *ref, const char *who, const char *mid, const char *text, const char *more)
{
	struct delivery d;
	char raw[400];

	snprintf(raw, sizeof raw, "{\"client_ref\":\"%s\"%s}", ref, more);
	dbt_delivery(&d);
	d.account = f->account;
	dbt_event(&d, who, EFFECT_STATUS, mid, text, 0, clock_now_us())->dir = DIR_OUT;
	d.items.v[0].raw = raw;
	dbt_store(f->db, &d);
}

/* ... of ours. */
static void
state_of(struct fix *f, const struct outbox_row *r, const char *mid, const char *text, const char *more)
{
	char ref[64];

	snprintf(ref, sizeof ref, "dmbox:%lld:%s", (long long)r->id,
	    ob(f->db, "to_hex((extract(epoch from created_at) * 1000000)::bigint)", r->id));
	state_with(f, ref, "6500", mid, text, more);
}

/* Failed later with a remedy: another attempt, which the states of the one before do not settle. */
static void
test_failed_again(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = send_one(f, "goes again", SEND_SENT, "again-1");
	struct outbox_items v;
	size_t n;

	state_of(f, &r, "again-1", "failed: 131000 x", ",\"remedy\":{\"tries\":3,\"code\":\"131000\"}");
	assert_int_equal(outbox_expire(f->db), RC_OK);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "queued");
	assert_string_equal(msg(f, &r, "status || coalesce(error_text, '-')"), "queued-");
	assert_int_equal(claim(f, 1, &v), 0);	/* it waits */
	sql(f->db, "update dmbox.outbox set next_at = now() where state = 'queued'");
	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(v.v[0].msg.attempts, 1);
	assert_int_equal(settle(f, &v.v[0], SEND_UNKNOWN, "", &r), RC_OK);
	outbox_items_free(&v);
	assert_int_equal(outbox_match_echoes(f->db, CHANNEL_INSTAGRAM, f->account, &n), RC_OK);
	assert_int_equal(n, 0);
	state_of(f, &r, "again-2", "sent", "");
	assert_int_equal(outbox_match_echoes(f->db, CHANNEL_INSTAGRAM, f->account, &n), RC_OK);
	assert_int_equal(n, 1);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "sent");
	assert_string_equal(msg(f, &r, "external_id || ' ' || status"), "again-2 sent");
	assert_int_equal(outbox_expire(f->db), RC_OK);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "sent");
}

/*
 * Every app that is subscribed to a business account gets the states of all its messages: those of
 * another installation, or of a copy of this database, name the same row and are not its.
 */
static void
test_foreign_ref(void **state)
{
	struct fix *f = *state;
	/* with: the row's time, too; id, us: off by so much */
	static const struct { const char *before, *after, *who; bool with; int64_t id, us; bool ours; } t[] = {
		{ "dmbox:", "", "6500", true, 0, 0, true },
		{ "dmbox:", "", "6599", true, 0, 0, true },	/* under another id of the person's */
		{ "dmbox:", "", "6500", true, 0, 1, false },
		{ "dmbox:", "", "6500", true, 0, -86400000000, false },
		{ "dmbox:", "", "6500", true, 100000, 0, false },
		{ "dmbox:", "", "6500", false, 0, 0, true },	/* of the release before */
		{ "dmbox:", "", "6599", false, 0, 0, false },
		{ "dmbox:", "", "6500", false, 100000, 0, false },
		{ "dmbox:", ":", "6500", false, 0, 0, false },
		{ "dmbox:", ":1", "6500", true, 0, 0, false },
		{ "DMBOX:", "", "6500", true, 0, 0, false },
		{ "other:", "", "6500", true, 0, 0, false },
		{ "", "", "6500", false, 0, 0, false },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct outbox_row r = put(f, "whose");
		struct outbox_items v;
		char ref[80], mid[32];
		size_t n;
		int k;

		assert_int_equal(claim(f, 1, &v), 1);
		assert_int_equal(settle(f, &v.v[0], SEND_UNKNOWN, "", &r), RC_OK);
		snprintf(mid, sizeof mid, "whose-%zu", i);
		k = snprintf(ref, sizeof ref, "%s%lld", t[i].before, (long long)(r.id + t[i].id));
		if (t[i].with)
			k += snprintf(ref + k, sizeof ref - (size_t)k, ":%llx",
			    (unsigned long long)(v.v[0].created_us + t[i].us));
		snprintf(ref + k, sizeof ref - (size_t)k, "%s", t[i].after);
		if (i == 0)
			assert_string_equal(ref, v.v[0].msg.ref);
		outbox_items_free(&v);
		state_with(f, ref, t[i].who, mid, "sent", "");
		assert_int_equal(outbox_match_echoes(f->db, CHANNEL_INSTAGRAM, f->account, &n), RC_OK);
		if (n != t[i].ours)
			fail_msg("%zu: %s of %s: %zu settled", i, ref, t[i].who, n);
		assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
		assert_string_equal(r.state, t[i].ours ? "sent" : "unknown");
		sql(f->db, "update dmbox.outbox set state = 'dead' where state = 'unknown'");
	}
}

/* What the provider tells of the account as a whole holds its outbox. */
static void
test_account_rests(void **state)
{
	struct fix *f = *state;
	static const char *const told[] = { "rest: suspended", "ok", "rest: suspended" };
	struct outbox_items v;
	struct outbox_row r;
	struct delivery d;

	put(f, "waits");
	for (int i = 0; i < 3; i++) {
		struct item *it;

		dbt_delivery(&d);
		d.account = f->account;
		it = dbt_event(&d, "6500", EFFECT_NONE, "none", told[i], i, clock_now_us() - (i == 2 ? 90000 * SECOND : 0));
		it->kind = "instance_state";
		it->target_id = NULL;
		dbt_store(f->db, &d);
		assert_int_equal(outbox_expire(f->db), RC_OK);
		assert_int_equal(claim(f, 1, &v), i == 0 ? 0 : 1);	/* a day ago: not believed */
		if (i > 0) {
			assert_int_equal(settle(f, &v.v[0], SEND_RETRY, "", &r), RC_OK);
			sql(f->db, "update dmbox.outbox set next_at = now() where state = 'queued'");
		}
		outbox_items_free(&v);
	}
	/* told of one message that waits, in the provider's word, and of the same when it went on */
	for (int i = 0; i < 2; i++) {
		struct item *it;

		dbt_delivery(&d);
		d.account = f->account;
		it = dbt_event(&d, "6500", i == 0 ? EFFECT_NONE : EFFECT_STATUS, "limited",
		    i == 0 ? "yellowCard" : "delivered", i, clock_now_us());
		it->kind = i == 0 ? "instance_state" : "status";
		it->thread_id = "6500";
		dbt_store(f->db, &d);
		assert_int_equal(outbox_expire(f->db), RC_OK);
		assert_int_equal(claim(f, 1, &v), i);
		if (i > 0)
			assert_int_equal(settle(f, &v.v[0], SEND_RETRY, "", &r), RC_OK);
		outbox_items_free(&v);
	}
}

/* The window is more than the last message. */
static void
test_window_events(void **state)
{
	struct fix *f = *state;
	static const struct { const char *kind, *effect_raw; enum effect effect; int hours; enum rc want; } t[] = {
		{ "referral", "{\"referral\":{\"source\":\"IGME-SOURCE-LINK\"}}", EFFECT_NONE, 23, RC_OK },
		{ "referral", "{\"referral\":{\"source\":\"IGME-SOURCE-LINK\"}}", EFFECT_NONE, 25, RC_DENIED },
		{ "referral", "{\"referral\":{\"source\":\"ADS\"}}", EFFECT_NONE, 150, RC_OK },
		{ "referral", "{\"referral\":{\"ad_id\":\"1\"}}", EFFECT_NONE, 170, RC_DENIED },
		{ "reaction", "{}", EFFECT_REACT, 2, RC_OK },
		{ "optin", "{}", EFFECT_NONE, 2, RC_OK },
		{ "call", "{}", EFFECT_NONE, 23, RC_OK },
		{ "call", "{}", EFFECT_NONE, 25, RC_DENIED },
		{ "read", "{}", EFFECT_READ, 2, RC_DENIED },
		{ "edit", "{}", EFFECT_EDIT, 2, RC_DENIED },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char who[32], mid[32];
		struct outmsg m = { .recipient = who, .thread_id = "", .body = "still there?" };
		struct outbox_new n = { .channel = CHANNEL_INSTAGRAM, .account = f->account, .provider = &provider_graph,
		    .window_s = 86400, .parts = &m, .n_parts = 1 };
		struct outbox_row r;
		struct delivery d;
		struct item *it;
		int64_t closed;
		size_t k;
		enum rc rc;

		snprintf(who, sizeof who, "77%zu", i);
		snprintf(mid, sizeof mid, "win-%zu", i);
		dbt_delivery(&d);
		d.account = f->account;
		dbt_message(&d, who, mid, "hi", clock_now_us() - 400 * 3600 * SECOND);
		it = dbt_event(&d, who, t[i].effect, mid, "x", 1, clock_now_us() - t[i].hours * 3600 * SECOND);
		it->kind = t[i].kind;
		it->raw = t[i].effect_raw;
		dbt_store(f->db, &d);
		rc = outbox_put(f->db, &n, 1, &r, &k, &closed);
		if (rc != t[i].want)
			fail_msg("%zu %s: %d", i, t[i].kind, (int)rc);
	}
}

static void
test_lookups(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = send_one(f, "where", SEND_UNKNOWN, "");
	struct outbox_items v;
	int given = 0;

	sql(f->db, "update dmbox.outbox set lookups = 5 where state = 'unknown' and body <> 'where'");
	for (int i = 0; i < 8; i++) {
		sql(f->db, "update dmbox.outbox set next_at = now() where state = 'unknown'");
		assert_int_equal(outbox_unknown(f->db, CHANNEL_INSTAGRAM, f->account, 5, &v), RC_OK);
		given += (int)v.n;
		if (v.n > 0) {
			assert_int_equal(v.v[0].id, r.id);
			assert_string_equal(v.v[0].account, f->account);
			assert_string_equal(v.v[0].msg.body, "where");
		}
		outbox_items_free(&v);
	}
	assert_int_equal(given, provider_graph.lookup_build ? 5 : 0);
	assert_int_equal(outbox_found(f->db, r.id, "mid-found"), RC_OK);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "sent");
	assert_string_equal(msg(f, &r, "external_id"), "mid-found");
}

static void
test_breaker(void **state)
{
	struct fix *f = *state;
	struct outbox_items v;
	char to[16];

	for (int i = 0; i < OUTBOX_BREAKER; i++) {
		snprintf(to, sizeof to, "66%d", i);
		put_to(f, to, "x");
		assert_int_equal(claim(f, 1, &v), 1);
		assert_int_equal(settle(f, &v.v[0], SEND_RETRY, "", NULL), RC_OK);
		outbox_items_free(&v);
	}
	put_to(f, "6699", "x");
	assert_int_equal(claim(f, 1, &v), 0);
	outbox_items_free(&v);
	/* half open, and one success closes it */
	sql(f->db, "update dmbox.account_state set send_pause_until = now()");
	assert_int_equal(claim(f, 1, &v), 1);
	assert_int_equal(settle(f, &v.v[0], SEND_SENT, "b1", NULL), RC_OK);
	outbox_items_free(&v);
	char q[200];
	snprintf(q, sizeof q, "select send_failures || coalesce(send_pause_reason, '') from dmbox.account_state where account = '%s'", f->account);
	assert_string_equal(get(f->db, q), "0");
}

static void
test_loop_guard(void **state)
{
	struct fix *f = *state;
	struct outbox_row r;
	struct outbox_items v;
	char mid[16];

	for (int i = 0; i < OUTBOX_CONTACT_PER_MINUTE; i++) {
		snprintf(mid, sizeof mid, "g%d", i);
		send_one(f, "echo", SEND_SENT, mid);
	}
	r = put(f, "one too many");
	put_to(f, "6601", "to another");
	assert_int_equal(claim(f, 5, &v), 1);
	assert_string_equal(v.v[0].msg.recipient, "6601");
	outbox_items_free(&v);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "queued");
	assert_string_equal(r.error_code, "loop_guard");
}

static void
test_cancel(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "no"), u;

	assert_int_equal(outbox_cancel(f->db, r.id), RC_OK);
	assert_int_equal(outbox_get(f->db, r.id, &r), RC_OK);
	assert_string_equal(r.state, "dead");
	assert_string_equal(r.error_code, "cancelled");
	assert_string_equal(msg(f, &r, "status"), "failed");
	assert_int_equal(outbox_cancel(f->db, r.id), RC_NONE);
	assert_int_equal(outbox_cancel(f->db, 999999999), RC_NONE);
	u = send_one(f, "maybe", SEND_UNKNOWN, "");
	assert_int_equal(outbox_cancel(f->db, u.id), RC_OK);
	assert_string_equal(msg(f, &u, "status"), "unknown");
	u = send_one(f, "done", SEND_SENT, "d1");
	assert_int_equal(outbox_retry(f->db, u.id), RC_NONE);
	assert_int_equal(outbox_cancel(f->db, u.id), RC_NONE);
}

/* Two hosts, one queue: nothing is claimed twice. */
static void
test_two_claimers(void **state)
{
	struct fix *f = *state, g = *f;
	struct outbox_items a, b;
	size_t n;

	g.db = dbt_open();
	put_to(f, "1", "x");
	put_to(f, "2", "x");
	put_to(f, "3", "x");
	assert_int_equal(db_begin(f->db), RC_OK);
	assert_int_equal(claim(f, 1, &a), 1);
	/* g does not wait for f's transaction, and does not get what f has */
	n = claim(&g, 5, &b);
	for (size_t i = 0; i < n; i++)
		assert_true(b.v[i].id != a.v[0].id);
	outbox_items_free(&b);
	assert_int_equal(db_commit(f->db), RC_OK);
	assert_int_equal(n + claim(&g, 5, &b), 2);
	for (size_t i = 0; i < b.n; i++)
		assert_true(b.v[i].id != a.v[0].id);
	outbox_items_free(&a);
	outbox_items_free(&b);
	db_free(g.db);
}

/* Settling and the echoes by the real path, at the same time. */
struct echoer {
	const char *account;
	int n;
	int bad;
};

static void *
echo_all(void *arg)
{
	struct echoer *e = arg;
	struct db *db = dbt_open();

	for (int i = 0; i < e->n; i++) {
		struct delivery d, *v = &d;
		struct item *it;
		char mid[64];

		dbt_delivery(&d);
		d.account = e->account;
		snprintf(mid, sizeof mid, "%s-%d", e->account, i);
		it = dbt_message(&d, "6500", mid, "same text", T0 + i);
		it->dir = DIR_OUT;
		it->echo = true;
		if (i % 3 == 0)
			dbt_event(&d, "6500", EFFECT_READ, mid, NULL, 0, T0 + i + 1);
		if (store_deliveries(db, &v, 1) != RC_OK || d.rc != RC_OK)
			e->bad++;
		itemv_free(&d.items);
	}
	db_free(db);
	return NULL;
}

static void
test_settle_against_echoes(void **state)
{
	struct fix *f = *state;
	enum { N = 60 };
	struct echoer e = { f->account, N, 0 };
	struct outbox_items v[N];
	pthread_t t;
	char to[16], q[400], mid[64];

	/* the echoes speak of 6500; other recipients' rows are settled by id alone */
	for (int i = 0; i < N; i++) {
		snprintf(to, sizeof to, "k%d", i);
		put_to(f, to, "same text");
		assert_int_equal(claim(f, 1, &v[i]), 1);
	}
	assert_int_equal(pthread_create(&t, NULL, echo_all, &e), 0);
	for (int i = 0; i < N; i++) {
		struct outbox_row row;

		snprintf(mid, sizeof mid, "%s-%d", f->account, i);
		assert_int_equal(settle(f, &v[i].v[0], SEND_SENT, mid, &row), RC_OK);
		assert_string_equal(row.state, "sent");
		outbox_items_free(&v[i]);
	}
	pthread_join(t, NULL);
	assert_int_equal(e.bad, 0);
	assert_int_equal(n_messages(f), N);
	snprintf(q, sizeof q, "select count(*) from dmbox.messages where account = '%s' and source = 'send'"
	    " and external_id like '%s-%%'", f->account, f->account);
	assert_int_equal(dbt_i64(f->db, q), N);
	/* Each that a receipt names.  An echo that came before its settlement lay in 6500's
	 * chat, where a later receipt covered it: so others may be read, the last two never. */
	snprintf(q, sizeof q, "select count(*) from dmbox.messages where account = '%s' and status = 'read'"
	    " and split_part(external_id, '-', 2)::int %% 3 = 0", f->account);
	assert_int_equal(dbt_i64(f->db, q), N / 3);
	snprintf(q, sizeof q, "select count(*) from dmbox.messages where account = '%s' and status = 'read'"
	    " and split_part(external_id, '-', 2)::int > %d", f->account, N - 3);
	assert_int_equal(dbt_i64(f->db, q), 0);
	assert_int_equal(dbt_i64(f->db, "select coalesce(sum(abs(missing)), 0)::bigint from dmbox.ingest_balance"), 0);
}

static void
test_list(void **state)
{
	struct fix *f = *state;
	struct outbox_row r = put(f, "listed");
	struct outbox_list l;

	assert_int_equal(outbox_list(f->db, false, 1, &l), RC_OK);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.v[0].id, r.id);
	assert_string_equal(l.v[0].state, "queued");
	assert_string_equal(l.v[0].what, "text");
	assert_string_equal(l.v[0].account, f->account);
	outbox_list_free(&l);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_put), T(test_idempotency), T(test_idempotency_race), T(test_window), T(test_sent),
		T(test_refused), T(test_refused_once), T(test_retry_waits), T(test_pause), T(test_fencing), T(test_late_truth),
		T(test_release), T(test_expire_untried), T(test_ttl), T(test_order), T(test_unknown_blocks),
		T(test_actions), T(test_parts_dropped), T(test_echo_before), T(test_echo_elsewhere), T(test_events_before),
		T(test_unsent_before), T(test_match_echo), T(test_echo_then_unknown), T(test_rematch),
		T(test_lookups), T(test_doubt), T(test_hold), T(test_claim_under_way), T(test_not_begun), T(test_failed_later),
		T(test_failed_again),
		T(test_foreign_ref),
		T(test_account_rests), T(test_window_events), T(test_breaker), T(test_loop_guard), T(test_cancel), T(test_two_claimers),
		T(test_list), T(test_settle_against_echoes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

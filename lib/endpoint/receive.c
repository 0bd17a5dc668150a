/*
 * One delivery's way: account, verify over the raw bytes, parse, store or
 * spool, answer (ARCHITECTURE.md 4).  A provider takes anything but 2xx as "again
 * later" and, after an hour of it, unsubscribes us: so an authentic body that
 * we do not understand is kept and answered 200, and only what is not durable
 * is not acknowledged.
 */
#include "endpoint/receive.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "bridge/hint.h"
#include "bridge/hooklog.h"
#include "bridge/ingest.h"
#include "extern/json.h"
#include "base/log.h"
#include "model/provider.h"
#include "extern/sign.h"
#include "bridge/spool.h"
#include "store/store.h"
#include "base/str.h"

#define REFUSED_ROWS 60		/* ledger rows a minute and account */
#define STRAY_ROWS 20		/* calls to wrong addresses, a minute and address */
#define REFUSED_ROWS_ADDR 40	/* of them from one address: it leaves room for others */
#define FAILURES 60		/* wrong credentials a minute and address */
#define REFUSED_BYTES 16384	/* of a refused body that the ledger keeps */
#define REFUSED_KEY "refused:"
#define RETRY_AWAY_S "5"
#define CHALLENGE_MAX 128
#define HEADERS_MAX 64
#define DRAIN_AT_ONCE 64
#define DRAIN_MAX 256		/* of one look: a signal may wait */
#define DRAIN_EVERY_MS 10000

/* --- which account -------------------------------------------------------- */

/* Accepts anybody: asked only when no account with a credential takes it. */
static bool
is_open(const struct account *a)
{
	return a->webhook_open || a->use_mock;
}

/* A refusal is put down to the account that the request seems to be meant for:
 * a provider's signature speaks of an account of that provider. */
static const struct account *
likely(const struct endpoint_env *e)
{
	const struct account *first = NULL, *a;
	const char *signature;

	for (size_t i = 0; i < e->conf->n_accounts; i++) {
		a = &e->conf->accounts[i];
		if (a->channel != e->channel)
			continue;
		if (first == NULL)
			first = a;
		signature = provider_of(a)->signature_header;
		if (signature != NULL && http_req_get(e->req, signature) != NULL)
			return a;
	}
	return first;
}

/* Is it a delivery that missed its address?  Those who look for holes in any site call addresses
 * like ours all day, with forms of their own and nothing that proves who they are. */
static bool
delivery_like(const struct endpoint_env *e)
{
	const char *body = e->req->body != NULL ? e->req->body : "", *header;

	if (http_req_get(e->req, "X-Webhook-Secret") != NULL ||
	    http_req_get(e->req, "Authorization") != NULL)
		return true;
	for (size_t i = 0; i < e->conf->n_accounts; i++)
		if ((header = provider_of(&e->conf->accounts[i])->signature_header) != NULL &&
		    http_req_get(e->req, header) != NULL)
			return true;
	body += strspn(body, " \t\r\n");
	return *body == '{' || *body == '[' || strcasestr(body, "sender") != NULL;
}

static enum rc
verify(const struct account *a, const struct http_req *req, const char **why)
{
	const struct provider *p = provider_of(a);

	*why = "not_supported";
	return p->verify != NULL ? p->verify(a, req, why) : RC_DENIED;
}

/*
 * The account of a delivery: the one in the path, else the first whose
 * credential fits the raw bytes.  RC_NONE: no such account; RC_DENIED: *out is
 * whom the refusal is put down to.
 */
static enum rc
find_account(const struct endpoint_env *e, const struct account **out, const char **why)
{
	const char *w;

	if (*e->tail != '\0') {
		*out = conf_account(e->conf, e->channel, e->tail);
		return *out == NULL ? RC_NONE : verify(*out, e->req, why);
	}
	*out = likely(e);
	if (*out == NULL)
		return RC_NONE;
	if (!is_open(*out) && verify(*out, e->req, why) == RC_OK)
		return RC_OK;
	for (int open = 0; open <= 1; open++)
		for (size_t i = 0; i < e->conf->n_accounts; i++) {
			const struct account *a = &e->conf->accounts[i];

			if (a->channel != e->channel || is_open(a) != (open == 1) ||
			    (a == *out && open == 0))
				continue;
			if (verify(a, e->req, &w) == RC_OK) {
				*out = a;
				return RC_OK;
			}
			if (a == *out)
				*why = w;
		}
	return RC_DENIED;
}

/* --- what the ledger keeps of the head ------------------------------------ */

/* A digest, no secret: replay and doctor check it again. */
static bool
is_digest(const char *name)
{
	for (size_t i = 0; providers[i] != NULL; i++)
		if (providers[i]->signature_header != NULL &&
		    str_ieq(name, providers[i]->signature_header))
			return true;
	return false;
}

static bool
secret_name(const char *name)
{
	static const char *const words[] = { "authorization", "cookie", "secret", "signature",
		"token", "password", "api-key", "apikey" };
	char low[128];
	size_t n = 0;

	for (; n < sizeof low - 1 && name[n] != '\0'; n++)
		low[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] + 32) : name[n];
	low[n] = '\0';
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strstr(low, words[i]) != NULL)
			return !is_digest(name);
	return false;
}

static void
put_masked(struct jsonw *w, const char *name, const char *value, size_t n)
{
	char shown[1024];

	log_mask(value, n, shown, sizeof shown);
	jsonw_str(w, name, shown);
}

/* The names of the query's fields, and the values of those that hold no secret. */
static void
put_query(struct endpoint_env *e, struct jsonw *w)
{
	struct http_field *f;
	size_t n;
	struct buf q;

	if (*e->req->query == '\0' ||
	    http_form_parse(&e->arena, e->req->query, strlen(e->req->query), 32, &f, &n) != RC_OK)
		return;
	buf_init(&q, 4096);
	for (size_t i = 0; i < n; i++) {
		if (secret_name(f[i].name))
			continue;
		buf_printf(&q, "%s%s=%s", q.n > 0 ? "&" : "", f[i].name, f[i].value);
	}
	if (q.n > 0)
		put_masked(w, ":query", q.p, q.n);
	buf_free(&q);
}

static const char *
headers_json(struct endpoint_env *e)
{
	const struct http_req *req = e->req;
	struct jsonw w;
	struct buf b;
	char *s;

	buf_init(&b, 256 * 1024);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	put_masked(&w, ":path", req->url, strlen(req->url));
	put_query(e, &w);
	for (size_t i = 0; i < req->n_hdrs && i < HEADERS_MAX; i++)
		if (!secret_name(req->hdrs[i].name))
			put_masked(
			    &w, req->hdrs[i].name, req->hdrs[i].value, strlen(req->hdrs[i].value));
	jsonw_end(&w);
	s = jsonw_done(&w) ? mem_arena_ndup(&e->arena, b.p, b.n) : mem_arena_dup(&e->arena, "{}");
	buf_free(&b);
	return s;
}

static void
fill(struct endpoint_env *e, const struct account *a, struct delivery *d)
{
	delivery_init(d);
	d->channel = e->channel;
	d->account = a->name;
	d->account_named = *e->tail != '\0';	/* it wins over entry ids then */
	d->provider = a->provider;
	d->mock = a->use_mock;
	d->source = SOURCE_WEBHOOK;
	d->request_id = e->request_id;
	d->remote_addr = e->addr;
	d->content_type = http_req_get(e->req, "Content-Type");
	d->headers = headers_json(e);
	d->body = e->req->body;
	d->body_n = e->req->body_n;
	d->verdict = VERDICT_ACCEPTED;
}

/* --- counting ------------------------------------------------------------- */

static void
count_delivery(
    struct endpoint_env *e, const struct account *a, const char *verdict, const char *reason)
{
	const char *labels[4] = { channel_names[a->channel], a->name, verdict, reason };

	meter_add(ctx_meter(e->ctx, e->conf), METER_DELIVERIES, 1, labels);
}

static void
count_items(struct endpoint_env *e, const struct account *a, const struct delivery *d)
{
	bool spooled = d->rc == RC_DUP;
	const struct {
		const char *result;
		size_t n;
	} v[] = { { "spooled", spooled ? d->items.n + d->items.ignored : 0 },
		{ "stored", spooled ? 0 : d->stored }, { "duplicate", spooled ? 0 : d->duplicates },
		{ "weak_duplicate", spooled ? 0 : d->weak_duplicates },
		{ "ignored", spooled ? 0 : d->ignored } };
	struct meter *m = ctx_meter(e->ctx, e->conf);

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		const char *labels[3] = { channel_names[a->channel], a->name, v[i].result };

		meter_add(m, METER_ITEMS, v[i].n, labels);
	}
}

/* --- refusing ------------------------------------------------------------- */

/*
 * A row in the ledger, visible before the answer is sent.  A flood costs the
 * database a row a second at most: beyond the cap of this process refusals are
 * added up and written as one number.
 */
static void
note_refusal(struct endpoint_env *e, const struct account *a, const char *reason)
{
	struct batch *b = ctx_batch(e->ctx, e->conf);
	struct delivery d;
	unsigned int extra;
	char net[64], addr_key[96], key[96];
	bool row;

	endpoint_addr_net(e, net);
	snprintf(addr_key, sizeof addr_key, "from:%s", net);
	snprintf(
	    key, sizeof key, REFUSED_KEY "%s:%s:%s", channel_names[a->channel], reason, a->name);
	row = ctx_limit(e->ctx, addr_key, REFUSED_ROWS_ADDR, NULL);
	row = ctx_limit(e->ctx, key, row ? REFUSED_ROWS : 0, &extra);
	count_delivery(e, a, "rejected", reason);
	if (!row)
		meter_add(ctx_meter(e->ctx, e->conf), METER_NOT_KEPT, 1,
		    (const char *const[]){ channel_names[a->channel], a->name });
	if (row || extra > 0) {
		http_busy(&e->reply);
		fill(e, a, &d);
		d.verdict = VERDICT_REJECTED;
		d.reason = reason;
		if (d.body_n > REFUSED_BYTES)
			d.body_n = REFUSED_BYTES;
		if (row) {
			hooklog_refused(a, reason, e->addr);
			if (batch_refused(b, &d, REFUSED_ROWS) != RC_OK)
				log_debug("refusal not kept: database away");
		}
		if (extra > 0 && batch_refused_count(b, &d, extra) != RC_OK)
			log_debug("%u refusals not counted: database away", extra);
		delivery_free(&d);
	}
	ctx_batch_done(e->ctx, b);
}

/* --- taking in ------------------------------------------------------------ */

/* A delivery on its way into the database, which other threads may take it. */
struct intake {
	struct batch_job job;	/* first */
	struct endpoint_env *e;
	const struct account *a;
	struct batch *batch;	/* held */
	struct delivery d;
};

/* Why it was not read as it stands, and what to do: a flow's editor shows it. */
static void
put_warning(
    const struct endpoint_env *e, const struct account *a, const char *code, struct jsonw *w)
{
	const char *hint = hint_text(str_eq(e->conf->lang, "ru"), a, code);
	struct buf other;

	buf_init(&other, 8192);
	if (str_eq(code, "not_understood") &&
	    hint_address(e->conf, a, e->req->body, e->req->body_n, &other))
		hint = other.p;
	jsonw_str(w, "warning", code);
	if (hint != NULL)
		jsonw_str(w, "hint", hint);
	buf_free(&other);
}

static void
answer_stored(struct endpoint_env *e, const struct account *a, const struct delivery *d)
{
	bool spooled = d->rc == RC_DUP;
	size_t items = spooled ? d->items.n + d->items.ignored : d->n_items;
	size_t ignored = spooled ? d->items.ignored : d->ignored;
	size_t again = spooled ? 0 : d->duplicates + d->weak_duplicates;
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_bool(&w, "success", true);
	jsonw_i64(&w, "received", (int64_t)items);
	jsonw_i64(&w, "stored", spooled ? 0 : (int64_t)d->stored);
	jsonw_i64(&w, "duplicates", (int64_t)again);
	jsonw_i64(&w, "ignored", (int64_t)ignored);
	jsonw_bool(&w, "spooled", spooled);
	jsonw_str(&w, "requestId", e->request_id);
	if (d->items.warning != NULL)
		put_warning(e, a, d->items.warning, &w);
	else if (!str_eq(d->reason, "ok"))
		put_warning(e, a, d->reason, &w);
	jsonw_end(&w);
	buf_putc(&b, '\n');
	endpoint_json(e, 200, &b);
	buf_free(&b);
}

/* doctor's own deliveries are marked, so that it can remove what they made. */
static void
mark_doctor(const struct endpoint_env *e, struct delivery *d)
{
	if (http_req_get(e->req, "X-Dmbox-Doctor") == NULL)
		return;
	d->source = SOURCE_DOCTOR;
	for (size_t i = 0; i < d->items.n; i++)
		d->items.v[i].is_test = true;
}

/*
 * An address that gave a wrong credential too often is not heard for the rest of the minute,
 * its right guess neither.  A loopback or private address is a proxy's, or our own
 * machine's: behind it are everybody's deliveries.
 */
static bool
fail_key(const struct endpoint_env *e, char key[96])
{
	static const char *const inside[] = { "127.", "10.", "192.168.", "169.254.", "::1", "fc",
		"fd", "fe80:" };
	char net[64];
	int64_t second;

	endpoint_addr_net(e, net);
	for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
		if (str_starts(e->addr, inside[i]))
			return false;
	if (*e->addr == '\0' ||
	    (str_starts(e->addr, "172.") && e->addr[6] == '.' &&
		str_n_i64(e->addr + 4, 2, &second) == RC_OK && second >= 16 && second <= 31))
		return false;
	snprintf(key, 96, "fail:%s", net);
	return true;
}

static bool
guesses_too_often(struct endpoint_env *e)
{
	char key[96];

	if (!fail_key(e, key) || !ctx_limit_reached(e->ctx, key, FAILURES))
		return false;
	endpoint_header(e, "Retry-After", "60");
	endpoint_error(e, 429, "too_many_failures", "too many wrong credentials from this address");
	return true;
}

static void
count_guess(struct endpoint_env *e, const char *reason)
{
	char key[96];

	if ((str_starts(reason, "wrong_") || str_starts(reason, "bad_")) && fail_key(e, key))
		(void)ctx_limit(e->ctx, key, FAILURES, NULL);
}

static void
refuse(struct endpoint_env *e, const struct account *a, const char *reason)
{
	count_guess(e, reason);
	note_refusal(e, a, reason);
	e->res->status = 401;	/* with an empty body: a prober learns nothing */
}

/* The answer first: the sentences of the log may take their time. */
static void
acknowledge(struct endpoint_env *e, const struct account *a, const struct delivery *d)
{
	answer_stored(e, a, d);
	endpoint_answer(e);
	count_delivery(e, a, "accepted", d->reason);
	count_items(e, a, d);
	hooklog_delivery(a, e->req, d);
}

static void
not_acknowledged(struct endpoint_env *e, const struct account *a, const struct delivery *d)
{
	count_delivery(e, a, "not_acknowledged", "unavailable");
	log_error("webhook not acknowledged: neither the database nor the spool took %zu bytes "
		  "(%s account %s)",
	    d->body_n, channel_names[a->channel], a->name);
	endpoint_header(e, "Retry-After", RETRY_AWAY_S);
	endpoint_error(e, 503, "unavailable", "neither database nor spool took it; send again");
	endpoint_answer(e);
}

static void
received(struct batch_job *j, const struct delivery *d)
{
	struct intake *in = (struct intake *)j;

	endpoint_resume(in->e);
	if (d->rc == RC_OK || d->rc == RC_DUP) {
		acknowledge(in->e, in->a, d);
		ctx_changed(in->e->ctx, in->e->conf);
	} else {
		not_acknowledged(in->e, in->a, d);
	}
	endpoint_pause(in->e);
}

static void
released(struct batch_job *j)
{
	struct intake *in = (struct intake *)j;
	struct endpoint_env *e = in->e;

	delivery_free(&in->d);
	ctx_batch_done(e->ctx, in->batch);
	endpoint_end(e);	/* and in with it */
}

static void
receive(struct endpoint_env *e, const struct account *a, struct sign_memo *memo)
{
	struct intake *in = mem_arena_alloc(&e->arena, sizeof *in);
	struct ctx *ctx = e->ctx;
	struct batch *b;

	fill(e, a, &in->d);
	in->d.memo = memo;
	ingest_parse(e->conf, a, &in->d);
	in->d.memo = NULL;
	if (str_eq(in->d.items.warning, INGEST_FOREIGN)) {
		delivery_free(&in->d);
		refuse(e, a, INGEST_FOREIGN);
		return;
	}
	mark_doctor(e, &in->d);
	in->e = e;
	in->a = a;
	in->batch = ctx_batch(ctx, e->conf);
	in->job = (struct batch_job){ .d = &in->d,
		.spool = ctx_spool(ctx, e->conf),
		.reply = &e->reply,
		.done = received,
		.release = released };
	b = ctx_batch(ctx, e->conf);	/* held for as long as this thread may lead */
	ingest_prepare(&in->d);
	endpoint_later(e);
	batch_store(b, &in->job);
	ctx_batch_done(ctx, b);
}

/* A body without a length whose JSON ends in the middle: the line broke.  A template that
 * a quote broke ends as an object does. */
static bool
ends_within(const struct http_req *req)
{
	const char *p = req->body;
	size_t n = req->body_n;
	struct json *j = NULL;
	char why[128] = "";
	bool within;

	str_trim(&p, &n);
	if (!req->no_length || n == 0 || (*p != '{' && *p != '[') || p[n - 1] == '}' ||
	    p[n - 1] == ']')
		return false;
	within = json_parse(p, n, &j, why) != RC_OK &&
	    (str_starts(why, "unexpected end") || str_starts(why, "unfinished string"));
	json_free(j);
	return within;
}

static bool
all_space(const struct http_req *req)
{
	return strspn(req->body, " \t\r\n") == req->body_n;
}

void
endpoint_receive(struct endpoint_env *e)
{
	const struct account *a = NULL;
	const char *why = "no_account";
	struct sign_memo memo;
	enum rc rc;

	if (guesses_too_often(e))
		return;
	if (e->req->too_large) {
		a = *e->tail != '\0' ? conf_account(e->conf, e->channel, e->tail) : likely(e);
		if (a != NULL) {
			note_refusal(e, a, "too_large");
			endpoint_error(
			    e, 413, "too_large", "the body is over %zu bytes", e->conf->max_body);
			return;
		}
	}
	memo.n = 0;
	e->req->memo = &memo;
	rc = find_account(e, &a, &why);
	e->req->memo = NULL;
	switch (rc) {
	case RC_OK:
		break;
	case RC_NONE:
		log_warn("webhook for an unknown %s account: %s", channel_names[e->channel],
		    e->req->url);
		if ((a = likely(e)) != NULL && delivery_like(e))
			note_refusal(e, a, "unknown_account");
		endpoint_error(e, 404, "unknown_account", "there is no such account");
		return;
	default:
		refuse(e, a, why);
		return;
	}
	/* what did not arrive whole is not acknowledged */
	if (e->req->cut || ends_within(e->req)) {
		note_refusal(e, a, "cut_body");
		endpoint_error(e, 400, "cut_body", "the body ended before its announced length");
	} else if (all_space(e->req)) {
		note_refusal(e, a, "empty_body");
		endpoint_error(e, 400, "empty_body", "the body is empty");
	} else {
		receive(e, a, &memo);
	}
}

/* --- handshake ------------------------------------------------------------ */

static bool
handshake_fits(const struct account *a, const struct http_req *req, struct buf *out)
{
	const struct provider *p = provider_of(a);

	buf_reset(out);
	return p->handshake != NULL && p->handshake(a, req, out) == RC_OK && !buf_err(out);
}

/*
 * A message sent by GET, with its secret: some flow builders have that method by default.
 * It is not taken, since caches and logs on the way keep addresses; the refusal is in the
 * ledger, where doctor and why look.
 */
static bool
is_message_by_get(struct endpoint_env *e)
{
	const struct account *a = NULL;
	const char *why = "";
	enum rc rc;

	if (*e->req->query == '\0' || http_query_get(&e->arena, e->req->query, "hub.mode") != NULL)
		return false;
	rc = find_account(e, &a, &why);
	if (rc != RC_OK)
		count_guess(e, why); /* the answer to the right one tells it */
	if (rc != RC_OK || is_open(a))
		return false;
	note_refusal(e, a, "sent_by_get");
	endpoint_header(e, "Allow", "POST");
	endpoint_error(e, 405, "sent_by_get",
	    "the secret is right, but a message is sent by POST, "
	    "with its fields in the body: set the method of the flow's step to POST");
	return true;
}

/* A provider's call, not somebody who looks around. */
static bool
is_handshake(struct endpoint_env *e)
{
	return http_query_get(&e->arena, e->req->query, "hub.challenge") != NULL;
}

/* The account whose credential it has, of any channel; NULL: none. */
static const struct account *
proved(struct endpoint_env *e)
{
	const struct account *found = NULL;
	struct sign_memo memo = { .n = 0 };
	const char *why;

	e->req->memo = &memo;
	for (size_t i = 0; i < e->conf->n_accounts && found == NULL; i++) {
		const struct account *a = &e->conf->accounts[i];

		if (!is_open(a) && verify(a, e->req, &why) == RC_OK)
			found = a;
	}
	e->req->memo = NULL;
	return found;
}

/*
 * By the login of this program, which may be none of those that store: where it may not, the
 * log has the line.
 */
void
endpoint_receive_stray(struct endpoint_env *e)
{
	const struct account *a;
	struct delivery d;
	char net[64], key[96];

	endpoint_addr_net(e, net);
	snprintf(key, sizeof key, "stray:%s", net);
	if (!delivery_like(e) || !ctx_limit(e->ctx, key, STRAY_ROWS, NULL))
		return;
	a = proved(e);
	if (a == NULL && e->route == NULL)
		a = likely(e);
	if (a == NULL)
		return;
	log_warn("⛔ a delivery to a wrong address: %s %s (from %s)", e->req->method, e->req->url,
	    e->addr);
	count_delivery(e, a, "rejected", "wrong_address");
	http_busy(&e->reply);
	fill(e, a, &d);
	d.channel = a->channel;
	d.verdict = VERDICT_REJECTED;
	d.reason = "wrong_address";
	if (d.body_n > REFUSED_BYTES)
		d.body_n = REFUSED_BYTES;
	if (store_refused(ctx_db(e->ctx, e->conf, e->thread), &d, REFUSED_ROWS) != RC_OK)
		log_debug("refusal not kept: no database, or no right");
	delivery_free(&d);
}

/* The account a handshake is meant for: the one named, else the first whose provider makes one. */
static const struct account *
handshake_account(const struct endpoint_env *e)
{
	if (*e->tail != '\0')
		return conf_account(e->conf, e->channel, e->tail);
	for (size_t i = 0; i < e->conf->n_accounts; i++)
		if (e->conf->accounts[i].channel == e->channel &&
		    provider_of(&e->conf->accounts[i])->handshake != NULL)
			return &e->conf->accounts[i];
	return NULL;
}

void
endpoint_receive_handshake(struct endpoint_env *e)
{
	const struct account *a = NULL;
	struct buf b;

	if (guesses_too_often(e))
		return;
	if (*e->tail != '\0' && conf_account(e->conf, e->channel, e->tail) == NULL) {
		if (is_handshake(e) && (a = likely(e)) != NULL)
			note_refusal(e, a, "unknown_account");
		endpoint_error(e, 404, "unknown_account", "there is no such account");
		return;
	}
	if (is_message_by_get(e))
		return;
	buf_init(&b, CHALLENGE_MAX);
	for (size_t i = 0; i < e->conf->n_accounts && a == NULL; i++) {
		const struct account *c = &e->conf->accounts[i];

		if (c->channel == e->channel && (*e->tail == '\0' || str_eq(c->name, e->tail)) &&
		    handshake_fits(c, e->req, &b))
			a = c;
	}
	if (a != NULL) {
		log_info("✅ webhook verified by %s (account %s)", provider_of(a)->name, a->name);
		e->res->status = 200;
		e->res->body = mem_arena_ndup(&e->res->arena, b.p, b.n);
		e->res->body_n = b.n;
		endpoint_header(e, "Content-Type", "text/plain");
	} else {
		log_warn("⛔ webhook handshake refused (from %s)", e->addr);
		if (is_handshake(e) && (a = handshake_account(e)) != NULL)
			note_refusal(e, a, "handshake_refused");
		endpoint_error(
		    e, 403, "handshake_refused", "mode, verify token or challenge is not right");
	}
	buf_free(&b);
}

/* --- between requests ----------------------------------------------------- */

/* Refusals that were added up and not told to the database yet. */
static void
note_counts(struct ctx *ctx, const struct conf *conf)
{
	struct batch *b;
	struct delivery d;
	char key[96], *channel, *reason, *account;
	unsigned int extra;

	while (ctx_limit_left(ctx, REFUSED_KEY, key, &extra)) {
		channel = key + strlen(REFUSED_KEY);
		if ((reason = strchr(channel, ':')) == NULL)
			continue;
		*reason++ = '\0';
		if ((account = strchr(reason, ':')) == NULL)
			continue;
		*account++ = '\0';
		delivery_init(&d);
		d.account = account;
		d.reason = reason;
		b = ctx_batch(ctx, conf);
		if (channel_by_name(channel, &d.channel) != RC_OK ||
		    batch_refused_count(b, &d, extra) != RC_OK)
			log_debug("%u refusals not counted: database away", extra);
		ctx_batch_done(ctx, b);
	}
}

/* In portions: a large delivery may be waiting for the connection. */
static enum rc
drain_some(struct batch *b, const struct conf *conf, struct spool *sp, size_t *done)
{
	struct db *db = batch_borrow(b);
	enum rc rc = RC_TEMP;

	*done = 0;
	if (db != NULL) {
		rc = ingest_drain(db, conf, sp, DRAIN_AT_ONCE, done);
		batch_return(b);
	}
	return rc;
}

static void
drain(struct ctx *ctx, const struct conf *conf)
{
	struct batch *b = ctx_batch(ctx, conf);
	struct spool *sp;
	struct spool_stat st;
	size_t done = 0, n = DRAIN_AT_ONCE;
	enum rc rc = RC_OK;
	bool look;

	/* also where the last store failed: its delivery waits for no other one to come */
	look = batch_came_up(b) || ctx_time_to_drain(ctx, DRAIN_EVERY_MS);
	sp = look ? ctx_spool(ctx, conf) : NULL;
	if (sp != NULL && spool_stat(sp, &st) == RC_OK && st.waiting > 0 && !batch_follows(b)) {
		while (rc == RC_OK && n == DRAIN_AT_ONCE && done < DRAIN_MAX) {
			rc = drain_some(b, conf, sp, &n);
			done += n;
		}
		if (rc != RC_OK)
			log_debug("spool: database away again after %zu", done);
		if (done > 0) {
			log_info("📥 %zu deliveries taken from the spool", done);
			ctx_changed(ctx, conf);
		}
	}
	ctx_batch_done(ctx, b);
}

void
endpoint_receive_tick(struct ctx *ctx)
{
	struct conf *conf;

	ctx_batch_tick(ctx);
	ctx_changed_tick(ctx);
	if ((conf = ctx_conf_now(ctx)) == NULL)
		return;
	note_counts(ctx, conf);
	drain(ctx, conf);
	conf_drop(conf);
}

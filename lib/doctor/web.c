/*
 * The web server as the providers meet it: every request goes to the public
 * address, through whatever stands before the programs, and carries a request
 * id.  An answer without that id comes from something else than dmbox: a
 * firewall, a proxy, the server's own error page.  That is how the links of the
 * chain are told apart.
 *
 * Self-deliveries are signed as each provider would sign (providers.md A.6, B.3,
 * C.4), carry X-Dmbox-Doctor, which marks their rows as test, and are removed.
 */
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include "model/auth.h"
#include "base/clock.h"
#include "doctor/doctor.h"
#include "base/mem.h"
#include "extern/sign.h"
#include "base/str.h"
#include "base/url.h"

#define HEALTH_MS 5000
#define REQUEST_MS 8000
#define DNS_MS 5000
#define BOTH_ALPHABETS 4	/* accounts; the others are tried in ASCII alone */
#define CERT_WARN_DAYS 14
#define TOKEN_S 120
#define SLOW_MS 3000
#define CGI_SLOW_MS 1000		/* the fastest of some thirty answers */
#define SELF_AT_ONCE 4
#define RETRY_MS 3000
#define ANSWER_MAX (32u << 20)	/* a program handed out as a file is to be seen as one */
#define HOSTED_BODY 131072

enum self_kind { SELF_ASCII, SELF_CYRILLIC, SELF_SIZE, SELF_CHUNKED, SELF_MIXED, SELF_PIECE };

struct self {
	struct doctor *d;
	const struct account *a;
	enum self_kind kind;
	size_t size;
	const struct piece *piece;	/* SELF_PIECE */
	char credential[64];	/* the header that proves it; "" none */
	char rid[48];
	char *body;
	size_t body_n;
	bool answered, ours, spooled, told, retried;
	int status;
	enum http_fail fail;
	/* as the ledger has it */
	bool in_ledger, changed, text_ok;
	char reason[64];
};

struct endpoint { struct doctor *d; const char *what; int want; char rid[48]; };

struct web {
	bool up;			/* dmbox answers at the address */
	struct self **self;		/* each in the arena */
	size_t n_self, sent, n_answered;
	struct endpoint ends[16];
	size_t n_ends;
	size_t handshakes;
	unsigned int serial;
	int auth_status;		/* of the call with a token of ours; 0 not asked */
	bool auth_other_key;		/* it arrived, and their key is another one */
	int64_t first_ms, slow_ms;	/* the first answer, alone; the slowest of all */
	int64_t fast_ms;		/* the fastest of all */
	char host[300];
	/* the resolver may outlive the run: what it writes to is never freed */
	struct gaicb *gai;
};

static const char text_ascii[] = "dmbox doctor: test";
static const char text_cyrillic[] = "dmbox doctor: Проверка связи, съешь ещё этих булок";

/* What firewalls take for an attack, and what calls itself as a provider does: all in one
 * delivery, and where that one is refused each in its own, to name it. */
static const struct piece { const char *text, *agent; } pieces[] = {
	{ "x'; DROP TABLE users; -- SELECT * FROM orders UNION ALL", NULL },
	{ "<b>sale</b> <script>alert(1)</script>", NULL },
	{ "../../etc/passwd", NULL },
	{ "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd \xf0\x9f\x98\x80", NULL },
	{ "dmbox doctor: test", "facebookexternalua" },	/* Meta's User-Agent */
};
enum { N_PIECES = sizeof pieces / sizeof *pieces };

/* --- requests ---------------------------------------------------------------------- */

static void
new_id(struct doctor *d, char rid[48])
{
	snprintf(rid, 48, "doctor-%s-%u", d->run, ++d->web->serial);
}

static void
header(struct http_req *r, const char *name, const char *value)
{
	/* values are of our own making; one that cannot be sent is missed by the answer */
	if (http_req_header(r, name, value) != RC_OK)
		return;
}

static void
begin_as(struct doctor *d, struct http_req *r, const char *method, const char *path,
    const char *rid, const char *agent)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b, "%s%s", d->base, path);
	http_req_init(r, method, b.p);
	buf_free(&b);
	r->max_answer = ANSWER_MAX;
	header(r, "X-Request-Id", rid);
	header(r, "User-Agent", agent);
}

static void
begin(struct doctor *d, struct http_req *r, const char *method, const char *path, const char *rid)
{
	begin_as(d, r, method, path, rid, "dmbox-doctor");
}

void
doctor_web_request(struct doctor *d, struct http_req *r, char rid[48], const char *method,
    const char *path)
{
	new_id(d, rid);
	begin(d, r, method, path, rid);
}

static bool
is_ours(const struct http_res *res, const char *rid)
{
	return str_eq(http_res_get(res, "X-Request-Id"), rid);
}

/* --- health: is anything there? ------------------------------------------------------ */

static void start_rest(struct doctor *d);

static void
tls(struct doctor *d, const struct http_res *res)
{
	int64_t days;

	if (!str_istarts(d->base, "https://"))
		return;
	if (res->fail == HTTP_FAIL_TLS) {
		doctor_say(d, strstr(res->note, "expired") != NULL ? DC_TLS_EXPIRY : DC_TLS,
		    FINDING_FAIL, "%s", res->note);
		return;
	}
	if (res->fail != HTTP_FAIL_NONE)
		return;
	doctor_say(d, DC_TLS, FINDING_OK, "%s", d->web->host);
	if (res->cert_until_us == 0) {
		doctor_say(d, DC_TLS_EXPIRY, FINDING_UNKNOWN, "%s",
		    doctor_tr(d, "no date was shown", "дата неизвестна"));
		return;
	}
	days = (res->cert_until_us - clock_now_us()) / (86400 * 1000000LL);
	doctor_say(d, DC_TLS_EXPIRY, days < CERT_WARN_DAYS ? FINDING_WARN : FINDING_OK,
	    doctor_tr(d, "%" PRId64 " days left", "осталось дней: %" PRId64), days);
}

static void
unreached(struct doctor *d, const struct http_res *res)
{
	const char *w = http_fail_names[res->fail];

	switch (res->fail) {
	case HTTP_FAIL_TIMEOUT:
		doctor_say(d, DC_WEB, FINDING_UNKNOWN, doctor_tr(d,
		    "%s did not answer this machine within %d s: see DMB-525",
		    "%s не ответил этой машине за %d с: смотрите DMB-525"), d->base,
		    HEALTH_MS / 1000);
		doctor_say(d, DC_OUTSIDE, FINDING_UNKNOWN,
		    doctor_tr(d, "this machine gets no answer from %s",
		    "эта машина не получает ответа от %s"), d->base);
		if (res->sent)
			doctor_front_silent(d);
		break;
	case HTTP_FAIL_TLS:
	case HTTP_FAIL_DNS:
	case HTTP_FAIL_URL:
		doctor_say(d, DC_WEB, FINDING_UNKNOWN,
		    doctor_tr(d, "not reached (%s): see DMB-521 to 524",
		    "не достигнут (%s): смотрите DMB-521…524"), w);
		if (res->fail == HTTP_FAIL_DNS)
			doctor_say(d, DC_DNS, FINDING_FAIL, "%s: %s", d->web->host, res->note);
		break;
	default:
		doctor_say(d, DC_WEB, FINDING_FAIL, "%s: %s: %s", d->base, w, res->note);
	}
}

static void
slowest(struct doctor *d, const struct http_res *res)
{
	if (res->ms > d->web->slow_ms)
		d->web->slow_ms = res->ms;
	if (res->fail == HTTP_FAIL_NONE && res->ms < d->web->fast_ms)
		d->web->fast_ms = res->ms;
}

/* The code of one of our error answers, or NULL. */
static const char *
error_code(struct mem_arena *a, const struct http_res *res)
{
	struct json *j = NULL;
	const char *s = NULL;

	if (json_parse(res->body, res->body_n, &j, NULL) == RC_OK)
		s = json_str(a, json_get(j, "error.code"));
	json_free(j);
	return s;
}

/* dmbox answers: in which version, and can it work? */
static void
answered(struct doctor *d, struct http_res *res)
{
	const char *version;
	struct json *j = NULL;

	if (res->status == 503 && str_eq(error_code(&d->arena, res), "config")) {
		doctor_say(d, DC_WEB, FINDING_FAIL, "%s", doctor_tr(d,
		    "the web programs cannot use their configuration (503 config): readable for "
		    "the web user? the log says why",
		    "веб-программы не могут взять конфигурацию (503 config): может ли её читать "
		    "веб-пользователь? причина в журнале"));
		return;
	}
	doctor_say(d, DC_WEB, FINDING_OK, "GET %s/instagram/health: HTTP %d", d->base, res->status);
	d->web->up = d->web_up = true;
	if (json_parse(res->body, res->body_n, &j, NULL) == RC_OK) {
		version = json_str(&d->arena, json_member(j, "version"));
		doctor_say(d, DC_SAME_PROGRAM, str_eq(version, DMBOX_VERSION) ? FINDING_OK :
		    FINDING_FAIL,
		    doctor_tr(d, "version %s there, %s here", "там версия %s, здесь %s"),
		    version != NULL ? version : "?", DMBOX_VERSION);
	}
	json_free(j);
	start_rest(d);
}

/* Where the address leads instead; that one is the address to name. */
static void
redirected(struct doctor *d, const struct http_res *res)
{
	static const char path[] = "/instagram/health";
	const char *to = http_res_get(res, "Location");
	size_t n = to != NULL ? strlen(to) : 0;
	char fix[700];

	if (n > sizeof path && str_ends(to, path) && strstr(to, "://") != NULL) {
		snprintf(fix, sizeof fix, doctor_tr(d,
		    "Set DMBOX_PUBLIC_URL=%.*s here and give that address to the provider: "
		    "providers do not follow redirects.",
		    "Задайте DMBOX_PUBLIC_URL=%.*s и дайте этот адрес провайдеру: провайдеры не "
		    "следуют перенаправлениям."), (int)(n - (sizeof path - 1)), to);
		doctor_cause(d, DC_REDIRECT, FINDING_FAIL, fix, "GET %s%s: HTTP %d -> %s", d->base,
		    path, res->status, to);
	} else {
		doctor_say(d, DC_REDIRECT, FINDING_FAIL, "GET %s%s: HTTP %d -> %s", d->base, path,
		    res->status, to != NULL ? to : "?");
	}
}

static void
on_health(struct doctor *d, void *arg, struct http_res *res)
{
	const char *rid = arg;

	tls(d, res);
	d->web->first_ms = d->web->fast_ms = res->ms;
	if (res->fail != HTTP_FAIL_NONE) {
		unreached(d, res);
		return;
	}
	if (res->status >= 300 && res->status < 400) {
		doctor_say(d, DC_WEB, FINDING_OK, "HTTP %d", res->status);
		redirected(d, res);
		return;
	}
	if (!is_ours(res, rid)) {
		doctor_front_start(d, res, answered);
		return;
	}
	answered(d, res);
}

/* --- endpoints, files ------------------------------------------------------------------ */

static void
on_endpoint(struct doctor *d, void *arg, struct http_res *res)
{
	struct endpoint *e = arg;

	slowest(d, res);
	if (res->fail != HTTP_FAIL_NONE)
		doctor_say(d, DC_ENDPOINTS, FINDING_WARN, "%s: %s", e->what,
		    http_fail_names[res->fail]);
	/* 429: too many callers without a token lately, doctor's runs among them; it answers */
	else if (is_ours(res, e->rid) &&
	    (res->status == e->want || (e->want == 401 && res->status == 429) ||
	    res->status == 503))	/* the program is there; what it lacks other checks say */
		doctor_say(d, DC_ENDPOINTS, FINDING_OK, "%s", e->what);
	else if (!is_ours(res, e->rid) && (res->status == 403 || res->status == 406))
		doctor_say(d, DC_FIREWALL, FINDING_FAIL,
		    doctor_tr(d, "%s: HTTP %d, and not from dmbox",
		    "%s: HTTP %d, и не от dmbox"), e->what, res->status);
	else
		doctor_say(d, DC_ENDPOINTS, FINDING_FAIL, "%s: HTTP %d%s", e->what, res->status,
		    is_ours(res, e->rid) ? "" : doctor_tr(d, ", and not from dmbox",
		    ", и не от dmbox"));
}

static void
on_page(struct doctor *d, void *arg, struct http_res *res)
{
	(void)arg;
	if (res->fail == HTTP_FAIL_NONE && res->status == 200)
		doctor_say(d, DC_ENDPOINTS, FINDING_OK, "GET /instagram/inbox/");
	else
		doctor_say(d, DC_ENDPOINTS, FINDING_WARN, "GET /instagram/inbox/: %s %d",
		    res->fail != HTTP_FAIL_NONE ? http_fail_names[res->fail] : "HTTP", res->status);
}

static void
on_file(struct doctor *d, void *arg, struct http_res *res)
{
	const struct conf_key_info *k;
	char mark[128];

	if (res->fail != HTTP_FAIL_NONE)
		return;
	for (size_t i = 0; (k = conf_key(i)) != NULL; i++)
		if (k->secret && res->status == 200 &&
		    memmem(res->body, res->body_n, mark,
		    (size_t)snprintf(mark, sizeof mark, "%s=", k->name)) != NULL) {
			doctor_say(d, DC_SERVED, FINDING_FAIL, doctor_tr(d, "GET %s%s shows it",
			    "GET %s%s её показывает"), d->base, (const char *)arg);
			return;
		}
	doctor_say(d, DC_SERVED, FINDING_OK, "%s", (const char *)arg);
}

static void
endpoints(struct doctor *d)
{
	static const struct { const char *method, *path, *what; int want; } v[] = {
		{ "GET", "/instagram/webhook", "webhook", 403 },
		{ "GET", "/whatsapp/webhook", "whatsapp/webhook", 403 },
		{ "GET", "/instagram/send", "send", 405 },
		{ "GET", "/instagram/check-messages", "check-messages", 401 },
		{ "GET", "/instagram/stats", "stats", 401 },
		{ "GET", "/instagram/health", "instagram/health", 200 },
	};
	static const char *const files[] = { "/.env", "/instagram/.env", "/dmbox.env",
	    "/etc/dmbox.env" };
	struct http_req r;
	char rid[48];

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct endpoint *e = &d->web->ends[d->web->n_ends++];

		e->what = v[i].what;
		e->want = v[i].want;
		new_id(d, e->rid);
		begin(d, &r, v[i].method, v[i].path, e->rid);
		doctor_get(d, &r, REQUEST_MS, on_endpoint, e);
	}
	new_id(d, rid);
	begin(d, &r, "GET", "/instagram/inbox/", rid);
	doctor_get(d, &r, REQUEST_MS, on_page, NULL);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		begin(d, &r, "GET", files[i], rid);
		doctor_get(d, &r, REQUEST_MS, on_file, (void *)(uintptr_t)files[i]);
	}
}

/* --- handshake (B.2) ---------------------------------------------------------------------- */

struct handshake { const struct account *a; bool good; char challenge[24]; };

static void
on_handshake(struct doctor *d, void *arg, struct http_res *res)
{
	struct handshake *g = arg;
	enum doctor_check c = g->good ? DC_GREET : DC_GREET_BAD;
	char fix[400];
	bool right = g->good ? res->status == 200 && str_eq(res->body, g->challenge) :
	    res->status == 403 && strstr(res->body, g->challenge) == NULL;

	if (res->fail != HTTP_FAIL_NONE)
		doctor_say(d, c, FINDING_UNKNOWN, "%s: %s", g->a->name, http_fail_names[res->fail]);
	else if (right || !g->good)
		doctor_say(d, c, right ? FINDING_OK : FINDING_FAIL, "%s: HTTP %d", g->a->name,
		    res->status);
	else {
		snprintf(fix, sizeof fix, doctor_tr(d,
		    "%s here and in the App Dashboard must be equal; the server must pass the "
		    "query on unchanged.",
		    "%s здесь и в App Dashboard должны совпадать; сервер должен передавать строку "
		    "запроса без изменений."), account_key(g->a, KEY_HANDSHAKE));
		doctor_cause(d, c, FINDING_FAIL, fix, "%s: HTTP %d", g->a->name, res->status);
	}
}

static void
handshake(struct doctor *d, const struct account *a, bool good)
{
	struct handshake *g = mem_arena_alloc(&d->arena, sizeof *g);
	struct http_req r;
	struct buf b;
	char rid[48];

	g->a = a;
	g->good = good;
	sign_token(g->challenge, 20);
	buf_init(&b, 4096);
	buf_printf(&b, "/%s/webhook%s%s?", channel_names[a->channel],
	    str_eq(a->name, "main") ? "" : "/", str_eq(a->name, "main") ? "" : a->name);
	if (provider_of(a)->handshake_query(a, g->challenge, &b) != RC_OK) {
		buf_free(&b);
		return;
	}
	if (!good)
		buf_puts(&b, "-wrong");
	new_id(d, rid);
	begin(d, &r, "GET", b.p, rid);
	mem_wipe(b.p, b.n);
	buf_free(&b);
	doctor_get(d, &r, REQUEST_MS, on_handshake, g);
}

static void self_pump(struct doctor *d);
static void self_send(struct doctor *d, struct self *s);
static void self_start(struct doctor *d, const struct account *a, enum self_kind kind, size_t size,
    const struct piece *piece);

/* --- self-deliveries ------------------------------------------------------------------------- */

static void
on_self(struct doctor *d, void *arg, struct http_res *res)
{
	struct self *s = arg;
	struct json *j = NULL;

	s->answered = true;
	d->web->n_answered++;
	s->fail = res->fail;
	s->status = res->status;
	s->ours = is_ours(res, s->rid);
	if (!s->ours && res->fail == HTTP_FAIL_NONE)
		s->told = doctor_cloudflare(d, res) || doctor_cached(d, res);
	slowest(d, res);
	if (json_parse(res->body, res->body_n, &j, NULL) == RC_OK)
		s->spooled = json_bool(json_member(j, "spooled"), false);
	json_free(j);
	/* who found the database away does not ask it again for a moment */
	if (s->spooled && s->kind <= SELF_CYRILLIC && !s->retried && !d->small_plan &&
	    d->r[DC_DB_WRITE].status == FINDING_OK) {
		s->retried = true;
		s->spooled = s->answered = false;
		d->web->n_answered--;
		self_send(d, s);
		return;
	}
	for (size_t i = 0; s->kind == SELF_MIXED && !s->ours && res->fail == HTTP_FAIL_NONE &&
	    !s->told && i < N_PIECES; i++)
		self_start(d, s->a, SELF_PIECE, 0, &pieces[i]);
	self_pump(d);
}

static void
self_text(const struct self *s, struct buf *b)
{
	if (s->kind == SELF_PIECE)
		buf_puts(b, s->piece->text);
	else if (s->kind == SELF_CYRILLIC)
		buf_puts(b, text_cyrillic);
	else if (s->kind != SELF_MIXED)
		buf_puts(b, text_ascii);
	for (size_t i = 0; s->kind == SELF_MIXED && i < N_PIECES; i++)
		buf_printf(b, "%s%s", i > 0 ? " " : "", pieces[i].text);
}

/* A body as the provider would send it, blown up to size by white space. */
static void
self_body(const struct self *s, struct buf *b)
{
	const struct provider *p = provider_of(s->a);
	const char *at = strchr(p->sender, '@');
	char from[80];
	struct sample_vars v = { .id = s->rid, .ref = s->rid, .from = from,
	    .own = s->a->own_id != NULL ? s->a->own_id : "0", .now_us = clock_now_us() };
	struct buf body, words;

	buf_init(&words, 4096);
	self_text(s, &words);
	v.text = words.p;
	snprintf(from, sizeof from, "doctor-%s%s", s->d->run, at != NULL ? at : "");
	buf_init(&body, 1 << 16);
	provider_sample_body(p, provider_sample(p, "text"), &v, &body);
	buf_putc(b, body.p[0]);
	for (size_t i = body.n; i < s->size; i++)
		buf_putc(b, ' ');
	buf_put(b, body.p + 1, body.n - 1);
	buf_free(&body);
	buf_free(&words);
}

static void
self_send(struct doctor *d, struct self *s)
{
	const struct account *a = s->a;
	struct http_req r;
	struct buf b;
	char path[128];

	new_id(d, s->rid);
	buf_init(&b, 2 << 20);
	self_body(s, &b);
	s->body_n = b.n;
	s->body = mem_arena_ndup(&d->arena, b.p, b.n);
	buf_free(&b);
	snprintf(path, sizeof path, "/%s/webhook%s%s", channel_names[a->channel],
	    str_eq(a->name, "main") ? "" : "/", str_eq(a->name, "main") ? "" : a->name);
	begin_as(d, &r, "POST", path, s->rid, s->kind == SELF_MIXED ? pieces[N_PIECES - 1].agent :
	    s->piece != NULL && s->piece->agent != NULL ? s->piece->agent : "dmbox-doctor");
	header(&r, "X-Dmbox-Doctor", "1");
	if (s->kind == SELF_CHUNKED)
		header(&r, "Transfer-Encoding", "chunked");
	http_req_body(&r, "application/json", s->body, s->body_n);
	if (provider_of(a)->sign(a, &r) == RC_OK)
		snprintf(s->credential, sizeof s->credential, "%s", r.hdrs[r.n_hdrs - 1].name);
	else if (!a->webhook_open)
		LOG_BUG("account %s has no credential to sign with", a->name);
	doctor_get_after(d, &r, s->retried ? RETRY_MS : 0, REQUEST_MS, on_self, s);
}

/*
 * A few at a time: who calls a small server with a hundred deliveries at once finds it
 * slow, and takes the connections that its programs need.
 */
static void
self_pump(struct doctor *d)
{
	struct web *w = d->web;
	size_t width = d->small_plan ? 1 : SELF_AT_ONCE;

	while (w->sent < w->n_self && w->sent - w->n_answered < width &&
		clock_mono_ms() < d->end_ms)
		self_send(d, w->self[w->sent++]);
}

static void
self_start(struct doctor *d, const struct account *a, enum self_kind kind, size_t size,
    const struct piece *piece)
{
	struct self *s = mem_arena_alloc(&d->arena, sizeof *s);

	d->web->self = mem_realloc(d->web->self, d->web->n_self + 1, sizeof *d->web->self);
	d->web->self[d->web->n_self++] = s;
	s->d = d;
	s->a = a;
	s->kind = kind;
	s->size = size;
	s->piece = piece;
	self_pump(d);
}

/* Can we sign for it? */
static bool
can_sign(const struct doctor *d, const struct account *a)
{
	if (!doctor_used(d, a))
		return false;
	return !a->use_mock && (a->webhook_open || account_missing(a, KEY_VERIFY, 0) == NULL);
}

static void
self_deliveries(struct doctor *d)
{
	static const size_t sizes[] = { 1000, 130000, 200000, 1000000 };	/* issue 5.1 */
	const struct account *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < d->conf->n_accounts; i++) {
		const struct account *a = &d->conf->accounts[i];

		if (!can_sign(d, a))
			continue;
		if (first == NULL)
			first = a;
		self_start(d, a, SELF_ASCII, 0, NULL);
		if (n++ < BOTH_ALPHABETS)
			self_start(d, a, SELF_CYRILLIC, 0, NULL);
	}
	if (first == NULL)
		return;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		self_start(d, first, SELF_SIZE, sizes[i], NULL);
	self_start(d, first, SELF_CHUNKED, 0, NULL);
	self_start(d, first, SELF_MIXED, 0, NULL);
}

/* --- as whom do the programs run; does Authorization arrive --------------------------------- */

static void
read_probe(struct doctor *d, const char *rid, const struct http_res *res)
{
	struct doctor_probe *p = &d->probe;
	struct json *j = NULL;
	const struct json *o;
	const char *s;

	if (res->fail != HTTP_FAIL_NONE || !is_ours(res, rid)) {
		doctor_say(d, DC_AUTH_HEADER, FINDING_UNKNOWN, "%s %d",
		    res->fail != HTTP_FAIL_NONE ?
		    http_fail_names[res->fail] : "HTTP", res->status);
		return;
	}
	d->web->auth_status = res->status;
	s = http_res_get(res, "WWW-Authenticate");
	d->web->auth_other_key = s != NULL && strstr(s, "invalid_token") != NULL;
	if (res->status != 200 || json_parse(res->body, res->body_n, &j, NULL) != RC_OK)
		return;
	o = json_member(j, "probe");
	if (json_type(o) == JSON_OBJECT && json_i64(json_member(o, "uid"), &p->uid) == RC_OK) {
		p->there = true;
		p->spool_ok = json_bool(json_member(o, "spool"), true);
		p->cgi = json_bool(json_member(o, "cgi"), false);
		p->hosted = json_bool(json_member(o, "hosted"), false);
		s = json_str(&d->arena, json_member(o, "config"));
		snprintf(p->config, sizeof p->config, "%s", s != NULL ? s : "");
		s = json_str(&d->arena, json_member(o, "docRoot"));
		snprintf(p->doc_root, sizeof p->doc_root, "%s", s != NULL ? s : "");
		s = json_str(&d->arena, json_member(o, "database"));
		snprintf(p->database, sizeof p->database, "%s", s != NULL ? s : "");
	}
	json_free(j);
}

/*
 * Test deliveries go to the database that the web programs use.  If that is not
 * ours nobody would remove them there.  While it is away they would wait in the
 * spool and turn up later.
 */
static void
self_unless_elsewhere(struct doctor *d)
{
	char here[40];

	if (!d->db_ok)
		return;
	snprintf(here, sizeof here, "%s", d->database);
	if (d->probe.there && d->probe.database[0] != '\0' && !str_eq(d->probe.database, here))
		doctor_say(d, DC_SAME_PROGRAM, FINDING_FAIL, "%s", doctor_tr(d,
		    "the web programs use another database than this configuration names",
		    "веб-программы работают с другой базой, чем названа в этой конфигурации"));
	else
		self_deliveries(d);
}

static void
on_probe(struct doctor *d, void *arg, struct http_res *res)
{
	read_probe(d, arg, res);
	self_unless_elsewhere(d);
}

static void
ask_probe(struct doctor *d)
{
	struct http_req r;
	char *token = NULL, *rid = mem_arena_alloc(&d->arena, 48);
	struct buf b;

	if (auth_token_make(d->conf, "doctor", "admin", TOKEN_S, &token) != RC_OK) {
		doctor_say(d, DC_AUTH_HEADER, FINDING_UNKNOWN, "%s", doctor_tr(d,
		    "no JWT_SECRET to make a token with", "нет JWT_SECRET, чтобы создать токен"));
		self_unless_elsewhere(d);
		return;
	}
	new_id(d, rid);
	begin(d, &r, "GET", "/instagram/doctor?probe=1", rid);
	buf_init(&b, 8192);
	buf_printf(&b, "Bearer %s", token);
	header(&r, "Authorization", b.p);
	mem_wipe(b.p, b.n);
	buf_free(&b);
	mem_free_secret(token);
	doctor_get(d, &r, REQUEST_MS, on_probe, rid);
}

/* What is only asked where dmbox answers at all. */
static void
start_rest(struct doctor *d)
{
	endpoints(d);
	ask_probe(d);
	for (size_t i = 0; i < d->conf->n_accounts; i++) {
		const struct account *a = &d->conf->accounts[i];

		if (a->use_mock || provider_of(a)->handshake_query == NULL)
			continue;
		handshake(d, a, true);
		handshake(d, a, false);
	}
}

/* --- the public name -------------------------------------------------------------------------- */

static void
resolve_start(struct doctor *d)
{
	struct web *w = d->web;
	struct gaicb *g;
	char *colon;
	struct sigevent none = { .sigev_notify = SIGEV_NONE };

	if (url_host(d->base, w->host, sizeof w->host) != RC_OK)
		return;
	colon = strrchr(w->host, ':');
	if (colon != NULL)
		*colon = '\0';
	if (w->host[0] == '[')
		return;
	g = mem_alloc(sizeof *g);
	g->ar_name = mem_dup(w->host);
	if (getaddrinfo_a(GAI_NOWAIT, &g, 1, &none) == 0) {
		w->gai = g;
		return;
	}
	free((void *)(uintptr_t)g->ar_name);
	free(g);
}

bool
doctor_private(const char *ip)
{
	unsigned char a[16];

	if (inet_pton(AF_INET, ip, a) == 1)
		return a[0] == 0 || a[0] == 10 || a[0] == 127 ||
		    (a[0] == 172 && (a[1] & 0xf0) == 16) ||
		    (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254) ||
		    (a[0] == 100 && (a[1] & 0xc0) == 64) || a[0] >= 224;
	if (inet_pton(AF_INET6, ip, a) != 1)
		return false;
	if (memcmp(a, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) {
		char v4[INET_ADDRSTRLEN];

		snprintf(v4, sizeof v4, "%u.%u.%u.%u", a[12], a[13], a[14], a[15]);
		return doctor_private(v4);
	}
	return memcmp(a, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15) == 0 || (a[0] & 0xfe) == 0xfc ||
	    (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || a[0] == 0xff;
}

static void
judge_addresses(struct doctor *d, const struct addrinfo *list)
{
	char ip[INET6_ADDRSTRLEN];

	for (const struct addrinfo *i = list; i != NULL; i = i->ai_next) {
		if (getnameinfo(i->ai_addr, i->ai_addrlen, ip, sizeof ip, NULL, 0,
			NI_NUMERICHOST) != 0)
			continue;
		if (doctor_private(ip) && !d->loopback)
			doctor_say(d, DC_DNS, FINDING_FAIL, doctor_tr(d,
			    "%s leads to %s, which only this network can reach",
			    "%s ведёт на %s, а он доступен только из этой сети"), d->web->host, ip);
		else if (doctor_private(ip))
			doctor_cause(d, DC_DNS, FINDING_UNKNOWN, "",
			    doctor_tr(d, "%s -> %s: this machine, no public address",
			    "%s -> %s: сама машина, не публичный адрес"), d->web->host, ip);
		else
			doctor_say(d, DC_DNS, FINDING_OK, "%s -> %s", d->web->host, ip);
	}
}

static void
resolve_end(struct doctor *d)
{
	struct web *w = d->web;
	const struct gaicb *list[1] = { w->gai };
	struct timespec ts = { .tv_sec = DNS_MS / 1000 };
	int e;

	if (w->gai == NULL)
		return;
	if (gai_error(w->gai) == EAI_INPROGRESS)
		gai_suspend(list, 1, &ts);
	e = gai_error(w->gai);
	if (e == EAI_INPROGRESS) {	/* left to itself; gai is not freed */
		(void)gai_cancel(w->gai);
		doctor_say(d, DC_DNS, FINDING_FAIL,
		    doctor_tr(d, "%s: the name servers do not answer",
		    "%s: серверы имён не отвечают"), w->host);
		return;
	}
	if (e != 0)
		doctor_say(d, DC_DNS, FINDING_FAIL, "%s: %s", w->host, gai_strerror(e));
	else
		judge_addresses(d, w->gai->ar_result);
	if (w->gai->ar_result != NULL)
		freeaddrinfo(w->gai->ar_result);
	free((void *)(uintptr_t)w->gai->ar_name);
	free(w->gai);
}

static void
public_url(struct doctor *d)
{
	if (str_empty(d->base))
		doctor_say(d, DC_PUBLIC_URL, FINDING_WARN, "%s", doctor_tr(d,
		    "DMBOX_PUBLIC_URL is not set: the web server was not tested",
		    "DMBOX_PUBLIC_URL не задан: веб-сервер не проверялся"));
	else if (d->loopback)
		doctor_cause(d, DC_PUBLIC_URL, FINDING_UNKNOWN, "", doctor_tr(d,
		    "%s is this machine: good for a try, no provider can call it",
		    "%s — это сама машина: для пробы годится, провайдер её не вызовет"), d->base);
	else if (str_istarts(d->base, "https://"))
		doctor_say(d, DC_PUBLIC_URL, FINDING_OK, "%s", d->base);
	else
		doctor_say(d, DC_PUBLIC_URL, FINDING_FAIL,
		    doctor_tr(d, "%s: providers call https only",
		    "%s: провайдеры вызывают только https"), d->base);
}

void
doctor_nonce(const struct conf *c, char out[17])
{
	unsigned char mac[SIGN_SHA256];
	const char *key = c->jwt_secret != NULL ? c->jwt_secret : c->database_url;
	const char *url = c->public_url != NULL ? c->public_url : "";

	sign_hmac_sha256(key, strlen(key), url, strlen(url), mac);
	str_hex(mac, 8, out);
}

/* Was a call from another network seen recently: a provider's, or the one that was asked
 * for here (it is refused, and so in the ledger)?  That this machine reaches itself proves
 * nothing. */
static void
outside(struct doctor *d)
{
	static const struct db_stmt seen = { NULL,
	    "select to_char(received_at, 'YYYY-MM-DD HH24:MI:SS TZ'), remote_addr"
	    " from dmbox.deliveries"
	    " where received_at > now() - interval '7 days' and remote_addr is not null"
	    "   and (headers->>':query' = $1 or (coalesce(request_id, '') not like 'doctor-%'"
	    "     and source in ('webhook', 'spool') and remote_addr !~ "
	    "'^(127\\.|::1|10\\.|192\\.168\\.)'))"
	    " order by received_at desc limit 1" };
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	char nonce[17], q[32];

	if (!d->web->up && !d->r[DC_OUTSIDE].done)
		return;
	doctor_nonce(d->conf, nonce);
	snprintf(q, sizeof q, "doctor=%s", nonce);
	db_text(&a, q);
	if (d->db_ok && db_exec(d->db, &seen, &a, &r) == RC_OK && db_rows(r) > 0) {
		d->r[DC_OUTSIDE].done = false;
		doctor_say(d, DC_OUTSIDE, FINDING_OK,
		    doctor_tr(d, "a call from outside arrived: %s, from %s",
		    "вызов снаружи пришёл: %s, с %s"), db_get_text(r, 0, 0), db_get_text(r, 0, 1));
	} else if (d->loopback) {
		doctor_cause(d, DC_OUTSIDE, FINDING_UNKNOWN, d->web->up ? "" : NULL, doctor_tr(d,
		    "%s is this machine alone; from outside: curl -X POST "
		    "'%s/instagram/webhook?%s' -d x",
		    "%s — только эта машина; снаружи: curl -X POST '%s/instagram/webhook?%s' -d x"),
		    d->base, d->base, q);
	} else {
		doctor_cause(d, DC_OUTSIDE, FINDING_UNKNOWN, d->web->up ? doctor_tr(d,
		    "Nothing is wrong so far: no call from another network was seen yet. To be "
		    "sure run the curl shown here from one (your phone's), then doctor again.",
		    "Пока всё в порядке: вызовов из другой сети ещё не было. Чтобы убедиться, "
		    "выполните показанный curl из другой сети (с телефона) и запустите "
		    "doctor снова.") : NULL,
		    "curl -X POST '%s/instagram/webhook?%s' -d x", d->base, q);
	}
	db_res_free(r);
	db_args_free(&a);
}

/* --- judging
 * ------------------------------------------------------------------------------------ */

static void
self_from_row(struct self *s, const struct db_res *r, size_t row)
{
	const char *want = s->kind == SELF_CYRILLIC ? text_cyrillic : text_ascii;
	const void *p;
	size_t n = 0;

	s->in_ledger = true;
	snprintf(s->reason, sizeof s->reason, "%s", db_get_text(r, row, 1));
	p = db_get_bytes(r, row, 2, &n);
	/* a refused body is kept in part only */
	s->changed = str_eq(db_get_text(r, row, 4), "accepted") && p != NULL &&
	    (n != s->body_n || memcmp(p, s->body, n) != 0);
	s->text_ok = str_eq(db_get_text(r, row, 3), want);
}

static void
read_ledger(struct doctor *d)
{
	static const struct db_stmt rows = { NULL,
	    "select d.request_id, d.reason, d.body, (select m.body from dmbox.messages m"
	    " where m.delivery_id = d.id and m.is_test order by m.id limit 1), d.verdict"
	    " from dmbox.deliveries d where d.request_id like $1" };
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	char like[64];

	snprintf(like, sizeof like, "doctor-%s-%%", d->run);
	db_text(&a, like);
	if (d->db_ok && db_exec(d->db, &rows, &a, &r) == RC_OK)
		for (size_t i = 0; i < db_rows(r); i++)
			for (size_t k = 0; k < d->web->n_self; k++)
				if (str_eq(d->web->self[k]->rid, db_get_text(r, i, 0)))
					self_from_row(d->web->self[k], r, i);
	db_res_free(r);
	db_args_free(&a);
}

/* A filter that lets some texts through and others not: which? */
static void
named_piece(struct doctor *d, const struct self *s)
{
	bool one = false;

	for (size_t i = 0; i < d->web->n_self; i++)
		one |= d->web->self[i]->kind == SELF_PIECE && !d->web->self[i]->ours;
	if (s->kind == SELF_MIXED && one)
		return;		/* its pieces say it */
	doctor_cause(d, DC_FIREWALL, FINDING_FAIL, doctor_tr(d,
	    "A filter (ModSecurity, the host's WAF) reads messages and refuses some: let it except "
	    "/instagram/ and /whatsapp/; customers write such texts.",
	    "Фильтр (ModSecurity, WAF хостинга) читает сообщения и отклоняет некоторые: исключите "
	    "из него /instagram/ и /whatsapp/; клиенты пишут такие тексты."),
	    doctor_tr(d, "HTTP %d for a message with %s%s", "HTTP %d на сообщение с %s%s"),
	    s->status,
	    s->piece == NULL ? doctor_tr(d, "all of that together", "всем этим вместе") :
	    s->piece->agent != NULL ?
	    "User-Agent: " : "", s->piece == NULL ? "" : s->piece->agent != NULL ? s->piece->agent :
	    s->piece->text);
}

/* What stands before dmbox answered: which link is it? */
static void
foreign_answer(struct doctor *d, const struct self *s)
{
	const char *name = s->a->name;

	if (s->status >= 300 && s->status < 400)
		doctor_say(d, DC_REDIRECT, FINDING_FAIL, "POST %s: HTTP %d", name, s->status);
	else if (s->kind == SELF_CHUNKED)
		doctor_say(d, DC_CHUNKED, FINDING_WARN, "HTTP %d", s->status);
	else if (s->kind == SELF_SIZE && s->size > HOSTED_BODY && d->probe.hosted)
		/* the default of mod_fcgid, no .htaccess may change it, and no message is so
		 * long */
		doctor_say(d, DC_BODY_LIMIT, FINDING_OK,
		    doctor_tr(d, "%zu kB and more: the host's server takes no such body",
		    "%zu кБ и больше: сервер хостинга такие тела не принимает"), s->size / 1000);
	else if (s->kind == SELF_SIZE && s->size > 1000)
		doctor_say(d, DC_BODY_LIMIT, FINDING_FAIL, doctor_tr(d,
		    "%zu bytes: HTTP %d from the web server", "%zu байт: HTTP %d от веб-сервера"),
		    s->size, s->status);
	else if (s->kind == SELF_PIECE || s->kind == SELF_MIXED)
		named_piece(d, s);
	else if (s->status == 403 || s->status == 406 || s->status == 429 || s->status == 501)
		doctor_say(d, DC_FIREWALL, FINDING_FAIL, doctor_tr(d,
		    "POST to the webhook of %s: HTTP %d, and not from dmbox",
		    "POST на вебхук %s: HTTP %d, и не от dmbox"), name, s->status);
	else
		doctor_say(d, DC_ENDPOINTS, FINDING_FAIL, doctor_tr(d,
		    "POST to the webhook of %s: HTTP %d, and not from dmbox",
		    "POST на вебхук %s: HTTP %d, и не от dmbox"), name, s->status);
}

static enum doctor_check
self_check(const struct self *s)
{
	static const enum doctor_check of[] = { DC_SELF_ASCII, DC_SELF_CYRILLIC, DC_BODY_LIMIT,
		DC_CHUNKED, DC_FIREWALL, DC_FIREWALL };

	return of[s->kind];
}

/* A delivery of this account that is neither long nor chunked was refused, too. */
static bool
plain_fails(const struct doctor *d, const struct self *s)
{
	for (size_t i = 0; i < d->web->n_self; i++) {
		const struct self *o = d->web->self[i];

		if (o->a == s->a && o->kind == SELF_ASCII && o->answered && o->status != 200)
			return true;
	}
	return false;
}

/* Our own credential was refused: did its header not arrive, or is another one known there? */
static void
self_refused(struct doctor *d, const struct self *s, const char *label)
{
	enum doctor_check c = self_check(s);
	char fix[600];
	bool lost = strstr(s->reason, "no_") == s->reason || str_eq(s->reason, "bad_header");

	if (lost)
		snprintf(fix, sizeof fix,
		    doctor_tr(d, "The header %s was lost on its way: let the proxy or web server "
		    "before dmbox pass it on.",
		    "Заголовок %s потерялся по дороге: пусть прокси или веб-сервер перед dmbox "
		    "его передаёт."), s->credential);
	else if (s->changed || str_starts(s->reason, "wrong_signature_"))
		snprintf(fix, sizeof fix, "%s", doctor_text(DC_SELF_CYRILLIC)->remedy[d->o.lang]);
	else
		snprintf(fix, sizeof fix, doctor_tr(d,
		    "The web programs have another secret than this configuration (%s): compare "
		    "DMBOX_CONFIG and the environment of the web server with what `dmbox config` "
		    "shows, then restart it.",
		    "У веб-программ другой секрет, чем в этой конфигурации (%s): сравните "
		    "DMBOX_CONFIG и окружение веб-сервера с тем, что показывает `dmbox config`, и "
		    "перезапустите его."),
		    d->probe.config[0] != '\0' ? d->probe.config : d->conf->file);
	doctor_cause(d, c, FINDING_FAIL, fix,
	    doctor_tr(d, "%s: refused, %s (request %s)", "%s: отклонено, %s (запрос %s)"),
	    label, s->reason[0] != '\0' ? s->reason : "401", s->rid);
}

/* Answered 200 and put by for later: that is what the spool is for while the database is
 * away, but the database answers. */
static void
self_spooled(struct doctor *d, const struct self *s, const char *label)
{
	enum doctor_check c = self_check(s);

	if (s->kind > SELF_CYRILLIC)
		doctor_cause(d, c, FINDING_UNKNOWN, "",
		    doctor_tr(d, "%s: in the spool, as the others: see DMB-611",
		    "%s: в спуле, как и остальные: смотрите DMB-611"), label);
	else if (d->r[DC_DB_WRITE].status == FINDING_FAIL ||
		d->r[DC_DB_RIGHTS].status == FINDING_FAIL)
		doctor_cause(d, c, FINDING_UNKNOWN, "",
		    doctor_tr(d, "%s: in the spool, see DMB-206 and DMB-209",
		    "%s: в спуле, смотрите DMB-206 и DMB-209"), label);
	else if (d->small_plan)
		doctor_cause(d, c, FINDING_UNKNOWN, "", doctor_tr(d,
		    "%s: in the spool for the moment: the few connections of this database were in "
		    "use, by these calls too",
		    "%s: пока в спуле: немногие подключения этой базы были заняты, в том числе "
		    "этими вызовами"), label);
	else if (d->r[DC_DB_LIMIT].status == FINDING_WARN)
		doctor_cause(d, c, FINDING_UNKNOWN, "",
		    doctor_tr(d, "%s: in the spool: no connection was left, see DMB-203",
		    "%s: в спуле: не было свободного подключения, смотрите DMB-203"), label);
	else
		doctor_cause(d, c, FINDING_FAIL, doctor_tr(d,
		    "The web programs cannot use the database that doctor can use: their lines "
		    "\"database:\" in the log say why (another login, a firewall or SELinux for "
		    "the web server, no connection left).",
		    "Веб-программы не могут работать с базой, с которой работает doctor: причина в "
		    "строках «database:» журнала (другой логин, межсетевой экран или SELinux для "
		    "веб-сервера, нет подключений)."),
		    doctor_tr(d, "%s: in the spool, although the database answers (request %s)",
		    "%s: в спуле, хотя база отвечает (запрос %s)"), label, s->rid);
}

static void
judge_self(struct doctor *d, const struct self *s)
{
	enum doctor_check c = self_check(s);
	enum finding_status bad = c == DC_CHUNKED ? FINDING_WARN : FINDING_FAIL;
	char label[96];

	if (s->kind == SELF_SIZE)
		snprintf(label, sizeof label, "%zu kB", s->size / 1000);
	else
		snprintf(label, sizeof label, "%s/%s", channel_names[s->a->channel], s->a->name);
	if (!s->answered || s->fail == HTTP_FAIL_TIMEOUT) {
		doctor_say(d, c, FINDING_UNKNOWN, "%s: %s", label,
		    http_fail_names[HTTP_FAIL_TIMEOUT]);
		return;
	}
	if (s->fail != HTTP_FAIL_NONE) {
		doctor_say(d, c, bad, "%s: %s", label, http_fail_names[s->fail]);
		return;
	}
	if (s->kind > SELF_CYRILLIC && s->status != 200 && plain_fails(d, s)) {
		doctor_say(d, c, FINDING_UNKNOWN, doctor_tr(d, "%s: HTTP %d, as short ones",
		    "%s: HTTP %d, как и на короткие"), label, s->status);
		return;
	}
	if (!s->ours) {
		if (!s->told)
			foreign_answer(d, s);
		return;
	}
	if (s->changed)
		doctor_say(d, DC_SELF_CYRILLIC, FINDING_FAIL,
		    doctor_tr(d, "%s: the body arrived changed",
		    "%s: тело пришло изменённым"), label);
	if (s->status == 401 && str_ieq(s->credential, "Authorization") &&
	    d->web->auth_status == 401) {
		doctor_say(d, c, FINDING_UNKNOWN, "%s: HTTP 401, DMB-505", label);
		return;
	}
	if (s->status == 401)
		self_refused(d, s, label);
	else if (s->status != 200)
		doctor_cause(d, c, bad, doctor_tr(d, "See what the log says of this request.",
		    "Посмотрите, что в журнале об этом запросе."), "%s: HTTP %d %s (%s)", label,
		    s->status, s->reason, s->rid);
	else if (s->spooled)
		self_spooled(d, s, label);
	else if (s->kind > SELF_CYRILLIC)
		doctor_say(d, c, FINDING_OK, "%s", label);
	else if (!s->in_ledger)
		doctor_say(d, DC_SAME_PROGRAM, FINDING_FAIL, doctor_tr(d,
		    "%s: answered 200, but it is not in this database: another installation?",
		    "%s: ответ 200, но в этой базе её нет: другая установка?"), label);
	else if (!s->text_ok && !s->changed)
		doctor_say(d, c, FINDING_FAIL,
		    doctor_tr(d, "%s: in the ledger, but no row of the message",
		    "%s: в журнале доставок есть, строки сообщения нет"), label);
	else if (!s->changed)
		doctor_say(d, c, FINDING_OK, "%s", label);
}

/* Refused with a token of ours: was the header lost, or is it another's key? */
static void
judge_auth(struct doctor *d)
{
	bool accepted = false, asked = false;

	for (size_t i = 0; i < d->web->n_self; i++) {
		const struct self *s = d->web->self[i];

		if (str_ieq(s->credential, "Authorization") || !s->ours)
			continue;
		asked = true;
		accepted |= s->status == 200;
	}
	if (d->web->auth_status == 401 && asked && !accepted)
		doctor_say(d, DC_SAME_PROGRAM, FINDING_FAIL, "%s", doctor_tr(d,
		    "dmbox answers there, but knows neither our token nor our webhook secrets: "
		    "another installation",
		    "там отвечает dmbox, но не знает ни нашего токена, ни секретов вебхука: "
		    "другая установка"));
	else if (d->web->auth_status == 401 && d->web->auth_other_key)
		doctor_cause(d, DC_SAME_PROGRAM, FINDING_FAIL, doctor_tr(d,
		    "The web programs have another JWT_SECRET than this configuration: compare "
		    "DMBOX_CONFIG and the environment of the web server with what `dmbox config` "
		    "shows, and restart it.",
		    "У веб-программ другой JWT_SECRET, чем в этой конфигурации: сравните "
		    "DMBOX_CONFIG и окружение веб-сервера с тем, что показывает `dmbox config`, и "
		    "перезапустите его."),
		    "%s", doctor_tr(d, "our token arrives there and is refused: another JWT_SECRET",
		    "наш токен туда доходит и отвергается: другой JWT_SECRET"));
	else if (d->web->auth_status == 401)
		doctor_say(d, DC_AUTH_HEADER, FINDING_FAIL, "%s", doctor_tr(d,
		    "a valid token in Authorization was answered 401: the header is "
		    "lost on the way",
		    "на верный токен в Authorization пришёл ответ 401: заголовок "
		    "теряется по дороге"));
	else if (d->web->auth_status == 200)
		doctor_say(d, DC_AUTH_HEADER, FINDING_OK, "%s",
		    doctor_tr(d, "it arrives", "доходит"));
	else if (d->web->auth_status != 0)
		doctor_say(d, DC_AUTH_HEADER, FINDING_UNKNOWN, "HTTP %d", d->web->auth_status);
	if (!d->probe.there)
		return;
	if (d->probe.cgi && d->web->fast_ms > CGI_SLOW_MS)
		doctor_say(d, DC_FASTCGI, FINDING_WARN,
		    doctor_tr(d, "CGI: a program is started for each call, and even the fastest "
		    "answer took %" PRId64 " ms",
		    "CGI: на каждый запрос запускается программа, и даже самый быстрый "
		    "ответ занял %" PRId64 " мс"), d->web->fast_ms);
	else
		doctor_say(d, DC_FASTCGI, FINDING_OK, "%s", d->probe.cgi ? "CGI" : "FastCGI");
	if (d->conf->file != NULL && d->probe.config[0] != '\0' &&
	    doctor_shared_root(d->probe.config) == NULL && d->probe.doc_root[0] != '\0') {
		char why[1024];

		if (conf_below(d->conf, d->probe.doc_root, why))
			doctor_say(d, DC_BELOW, FINDING_FAIL, "%s", why);
		else
			doctor_served_folders(d, d->probe.doc_root);
	}
}

/* What only a POST can meet: where none was answered nothing is known of it. */
static void
posted(struct doctor *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->web->n_self; i++)
		n += d->web->self[i]->answered && d->web->self[i]->fail == HTTP_FAIL_NONE;
	if (n > 0) {
		doctor_say(d, DC_FIREWALL, FINDING_OK,
		    doctor_tr(d, "%zu test deliveries came through",
		    "пробных доставок дошло: %zu"), n);
		doctor_say(d, DC_REDIRECT, FINDING_OK,
		    doctor_tr(d, "%zu test deliveries came through",
		    "пробных доставок дошло: %zu"), n);
	} else if (d->web->up) {
		doctor_cause(d, DC_FIREWALL, FINDING_UNKNOWN, "", "%s",
		    doctor_tr(d, "no test delivery was made", "пробных доставок не было"));
		doctor_cause(d, DC_REDIRECT, FINDING_UNKNOWN, "", "%s",
		    doctor_tr(d, "no test delivery was made", "пробных доставок не было"));
	}
}

/* Providers give up after seconds: Green API and Meta want an answer at once. */
static void
speed(struct doctor *d)
{
	const struct web *w = d->web;
	bool alone = w->first_ms < SLOW_MS / 3;

	if (!w->up || w->slow_ms == 0)
		return;
	if (w->slow_ms < SLOW_MS)
		doctor_say(d, DC_SLOW, FINDING_OK,
		    doctor_tr(d, "the slowest answer took %" PRId64 " ms",
		    "самый медленный ответ: %" PRId64 " мс"), w->slow_ms);
	else
		doctor_cause(d, DC_SLOW, FINDING_WARN, alone ? doctor_tr(d,
		    "Calls that come together wait for each other: let the server run more "
		    "processes (FcgidMaxProcesses 10 or more, more PHP/CGI processes in the "
		    "host's plan).",
		    "Одновременные запросы ждут друг друга: дайте серверу больше процессов "
		    "(FcgidMaxProcesses 10 и больше, больше процессов в тарифе).") :
		    doctor_tr(d, "The server or the database is overloaded: look at its load, or "
		    "ask the host.",
		    "Сервер или база перегружены: посмотрите на нагрузку или спросите хостинг."),
		    doctor_tr(d,
		    "an answer took %" PRId64 " ms; one alone %" PRId64 " ms", "один ответ занял %"
		    PRId64 " мс; одиночный %" PRId64 " мс"), w->slow_ms, w->first_ms);
}

void
doctor_web_start(struct doctor *d)
{
	struct http_req r;
	char *rid = mem_arena_alloc(&d->arena, 48);

	d->web = mem_alloc(sizeof *d->web);
	public_url(d);
	if (str_empty(d->base))
		return;
	resolve_start(d);
	new_id(d, rid);
	begin(d, &r, "GET", "/instagram/health", rid);
	r.want_cert = true;
	doctor_get(d, &r, HEALTH_MS, on_health, rid);
}

void
doctor_web_end(struct doctor *d)
{
	struct web *w = d->web;

	if (!str_empty(d->base)) {
		resolve_end(d);
		doctor_front_end(d);
		outside(d);
		read_ledger(d);
		for (size_t i = 0; i < w->n_self; i++)
			judge_self(d, w->self[i]);
		judge_auth(d);
		speed(d);
		posted(d);
	}
	free(w->self);
	free(w);
	d->web = NULL;
}

/*
 * What the parts have in common: they report into a table with one row per code, ask the
 * network, and are answered for.  run.c calls them.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "doctor/doctor.h"
#include "base/log.h"
#include "base/mem.h"
#include "extern/json.h"
#include "extern/jsonw.h"
#include "extern/sign.h"
#include "base/str.h"
#include "base/url.h"

#define SEEN_MAX 2000
#define CONNECT_MAX_S 4

/* worst last */
static const enum finding_status rank_of[] = { FINDING_OK, FINDING_UNKNOWN, FINDING_WARN,
	FINDING_FAIL };

static int
severity(enum finding_status s)
{
	for (int i = 0; i < 4; i++)
		if (rank_of[i] == s)
			return i;
	return 0;
}

/* One blank between words, none at the end: libpq writes two behind FATAL. */
static void
squeeze(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++)
		if (*s != ' ' || (s[1] != ' ' && s[1] != '\0'))
			*to++ = *s;
	*to = '\0';
}

/* Text behind what is there, unless it is there already; masked. */
static void
join(char **old, const char *sep, const char *raw)
{
	char text[SEEN_MAX];
	struct buf b;

	log_mask(raw, strlen(raw), text, sizeof text);
	squeeze(text);
	if (*old != NULL && strstr(*old, text) != NULL)
		return;
	buf_init(&b, 8 * SEEN_MAX);
	if (!str_empty(*old))
		buf_printf(&b, "%s%s", *old, sep);
	buf_puts(&b, text);
	free(*old);
	*old = buf_take(&b);
	buf_free(&b);
}

/* The worst report counts; equal ones are joined. */
static void report(struct doctor *d, enum doctor_check c, enum finding_status s, const char *remedy,
    const char *fmt, va_list ap) __attribute__((format(printf, 5, 0)));
static void
report(struct doctor *d, enum doctor_check c, enum finding_status s, const char *remedy,
    const char *fmt, va_list ap)
{
	struct doctor_result *r = &d->r[c];
	char raw[SEEN_MAX];

	if (r->done && severity(s) < severity(r->status))
		return;
	if (!r->done || severity(s) > severity(r->status)) {
		free(r->seen);
		free(r->remedy);
		r->seen = r->remedy = NULL;
	}
	vsnprintf(raw, sizeof raw, fmt, ap);
	join(&r->seen, "; ", raw);
	if (remedy != NULL)
		join(&r->remedy, " ", remedy);
	r->done = true;
	r->status = s;
}

void
doctor_say(struct doctor *d, enum doctor_check c, enum finding_status s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(d, c, s, NULL, fmt, ap);
	va_end(ap);
}

void
doctor_cause(struct doctor *d, enum doctor_check c, enum finding_status s, const char *remedy,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(d, c, s, remedy, fmt, ap);
	va_end(ap);
}

const char *
doctor_remedy(const struct doctor *d, enum doctor_check c)
{
	const struct doctor_result *r = &d->r[c];

	if (r->status == FINDING_OK || !r->done)
		return "";
	return r->remedy != NULL ? r->remedy : doctor_text(c)->remedy[d->o.lang];
}

const char *
doctor_tr(const struct doctor *d, const char *en, const char *ru)
{
	return d->o.lang == DOCTOR_RU ? ru : en;
}

const char *
doctor_when(struct doctor *d, int64_t us)
{
	time_t t = (time_t)(us / 1000000);
	char s[64] = "-";
	struct tm tm;

	if (us != 0 && localtime_r(&t, &tm) != NULL)
		strftime(s, sizeof s, "%Y-%m-%d %H:%M %Z", &tm);
	return mem_arena_dup(&d->arena, s);
}

bool
doctor_wants(const struct doctor *d, enum doctor_check first, enum doctor_check last)
{
	return d->o.only < 0 || (d->o.only >= (int)first && d->o.only <= (int)last);
}

bool
doctor_used(const struct doctor *d, const struct account *a)
{
	return d->conf->n_accounts == 1 || a->used;
}

static void
reported(struct checkup *c, unsigned int number, enum finding_status s, const char *remedy,
    const char *text)
{
	struct doctor *d = c->arg;
	enum doctor_check at;

	if (doctor_check_by_number(number, &at) != RC_OK) {
		LOG_BUG(
		    "%s speaks of DMB-%u, which is in no table", provider_of(c->a)->name, number);
		return;
	}
	doctor_cause(d, at, s, remedy, "%s", text);
}

void
doctor_checkup(struct doctor *d, const struct account *a, struct checkup *c)
{
	*c = (struct checkup){
		.a = a, .ru = d->o.lang == DOCTOR_RU, .base = d->base, .report = reported, .arg = d
	};
}

/* --- one request ---------------------------------------------------------------- */

struct get {
	struct doctor *d;
	struct http_req req;
	doctor_fn fn;
	void *arg;
	bool asked;
	unsigned int wait_ms;
};

static enum rc
get_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct get *g = arg;

	if (g->asked)
		return RC_NONE;
	g->asked = true;
	*wait_ms = g->wait_ms;
	http_req_free(req);
	*req = g->req;
	memset(&g->req, 0, sizeof g->req);
	return RC_OK;
}

static void
get_feed(void *arg, struct http_res *res)
{
	struct get *g = arg;

	g->fn(g->d, g->arg, res);
}

static void
get_done(void *arg, bool cut)
{
	struct get *g = arg;

	(void)cut;
	http_req_free(&g->req);
	free(g);
}

void
doctor_get(struct doctor *d, struct http_req *req, unsigned int timeout_ms, doctor_fn fn, void *arg)
{
	doctor_get_after(d, req, 0, timeout_ms, fn, arg);
}

void
doctor_get_after(struct doctor *d, struct http_req *req, unsigned int wait_ms,
    unsigned int timeout_ms, doctor_fn fn, void *arg)
{
	struct get *g = mem_alloc(sizeof *g);
	struct httpc_flow f = { .next = get_next, .feed = get_feed, .done = get_done, .arg = g };

	req->timeout_ms = timeout_ms;
	g->d = d;
	g->req = *req;
	memset(req, 0, sizeof *req);
	g->fn = fn;
	g->arg = arg;
	g->wait_ms = wait_ms;
	f.deadline_ms = clock_mono_ms() + wait_ms + timeout_ms;
	if (f.deadline_ms > d->end_ms)
		f.deadline_ms = d->end_ms;
	httpc_add(d->http, &f);
}

/* --- a run, made and freed -------------------------------------------------------------------- */

static bool
on_loopback(const char *url)
{
	char host[300], *colon;
	size_t n;

	if (str_empty(url) || url_host(url, host, sizeof host) != RC_OK)
		return false;
	colon = strrchr(host, ':');
	if (colon != NULL)
		*colon = '\0';
	n = strlen(host);
	if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = '\0';
	}
	return url_loopback(host);
}

/* The whole installation is on this machine: address and all upstreams. */
static bool
all_loopback(const struct doctor *d)
{
	const struct conf *c = d->conf;

	if (!on_loopback(d->base))
		return false;
	for (size_t i = 0; i < c->n_accounts; i++)
		if (doctor_used(d, &c->accounts[i]) && !c->accounts[i].use_mock &&
		    !on_loopback(c->accounts[i].api_url))
			return false;
	return true;
}

struct doctor *
doctor_new(const struct doctor_opts *o)
{
	struct doctor *d = mem_alloc(sizeof *d);
	struct db_opts db = { .app = "dmbox doctor", .no_prepare = true, .statement_ms = 4000 };
	const char *url;

	d->o = *o;
	d->conf = o->conf;
	/* one login that may read everything and remove the test rows */
	db.conninfo = d->conf->database_url_cron;
	db.connect_s = d->conf->db_connect_s < CONNECT_MAX_S ? d->conf->db_connect_s :
							       CONNECT_MAX_S;
	d->db = db_new(&db);
	d->http = httpc_new(NULL);
	sign_token(d->run, 12);
	url = o->url != NULL ? o->url : d->conf->public_url;
	if (!str_empty(url)) {
		snprintf(d->base, sizeof d->base, "%s", url);
		for (size_t n = strlen(d->base); n > 0 && d->base[n - 1] == '/'; n--)
			d->base[n - 1] = '\0';
	}
	d->loopback = all_loopback(d);
	return d;
}

void
doctor_free(struct doctor *d)
{
	if (d == NULL)
		return;
	httpc_free(d->http);
	db_free(d->db);
	for (int i = 0; i < DC__MAX; i++) {
		free(d->r[i].seen);
		free(d->r[i].remedy);
	}
	mem_arena_free(&d->arena);
	free(d);
}

/* --- answers -------------------------------------------------------------------- */

bool
doctor_shown(const struct doctor *d, enum doctor_check c)
{
	return doctor_wants(d, c, c) && (d->r[c].done || d->o.only == (int)c);
}

size_t
doctor_count(const struct doctor *d, enum finding_status s)
{
	size_t n = 0;

	for (int i = 0; i < DC__MAX; i++)
		n += doctor_shown(d, (enum doctor_check)i) && d->r[i].status == s;
	return n;
}

int
doctor_exit(const struct doctor *d)
{
	if (doctor_count(d, FINDING_FAIL) > 0)
		return 2;
	/* nothing that was asked for could be looked at: that is not good */
	return doctor_count(d, FINDING_WARN) > 0 || doctor_count(d, FINDING_OK) == 0 ? 1 : 0;
}

const char *
doctor_seen(const struct doctor *d, enum doctor_check c)
{
	if (d->r[c].seen != NULL)
		return d->r[c].seen;
	return doctor_tr(d,
	    "not looked at: it does not apply to this configuration, or nothing led there",
	    "не проверялось: к этой конфигурации не относится, или до этого не дошло");
}

/*
 * What a failure keeps away, worst first: everything; what one account, direction or group of
 * people has; nothing of its own, for another failure explains it; nothing yet, a net below
 * is missing; nothing at all, it is dangerous.
 */
enum link { LINK_ALL, LINK_PART, LINK_SYMPTOM, LINK_NET, LINK_UNWISE };

static enum link
link_of(enum doctor_check c)
{
	switch (c) {
	case DC_BELOW:
	case DC_OPEN:
	case DC_SERVED:
	case DC_LEAK:
		return LINK_UNWISE;
	/* while the database takes messages the spool is not needed; what is late is not lost */
	case DC_DB_CLOCK:
	case DC_DB_DURABLE:
	case DC_SPOOL:
	case DC_SPOOL_WEB:
	case DC_SPOOL_BAD:
	case DC_SPACE:
	case DC_INODES:
	case DC_QUOTA:
	case DC_MEDIA:
	case DC_LOG:
	case DC_CLOCK:
	case DC_TICK:
	case DC_TICK_SERVED:
	case DC_SELF_REMOVED:
	case DC_FETCHED:
	case DC_CONTACTS:
	case DC_ERASED:
		return LINK_NET;
	/* nobody takes from the spool, polls or sends: the poller, the database, the token */
	case DC_SPOOL_WAIT:
	case DC_POLL:
	case DC_GAP:
	case DC_QUEUED:
	case DC_DEAD:
	case DC_BALANCE:
		return LINK_SYMPTOM;
	case DC_SECRET:
	case DC_JWT:
	case DC_TOKEN:
	case DC_AUTH_HEADER:
	case DC_GREET:
	case DC_GREET_BAD:
	case DC_REFUSED:
	case DC_NOT_MADE:
	case DC_PAUSED:
		return LINK_PART;
	default:
		return c >= DC_OF_FIRST && c <= DC_OF_LAST ? LINK_PART : LINK_ALL;
	}
}

bool
doctor_first(const struct doctor *d, enum doctor_check *out)
{
	bool found = false;

	for (int i = 0; i < DC__MAX; i++) {
		enum doctor_check c = (enum doctor_check)i;

		if (doctor_shown(d, c) && d->r[c].status == FINDING_FAIL &&
		    (!found || link_of(c) < link_of(*out))) {
			*out = c;
			found = true;
		}
	}
	return found;
}

void
doctor_json(const struct doctor *d, struct buf *b)
{
	static const enum finding_status shown[] = { FINDING_OK, FINDING_WARN, FINDING_FAIL,
		FINDING_UNKNOWN };
	bool any = false;
	struct jsonw w;
	enum doctor_check first;

	jsonw_init(&w, b);
	jsonw_object(&w, NULL);
	jsonw_array(&w, "checks");
	for (int i = 0; i < DC__MAX; i++) {
		const struct doctor_result *r = &d->r[i];
		const struct doctor_text *t = doctor_text((enum doctor_check)i);

		if (!doctor_shown(d, (enum doctor_check)i))
			continue;
		if (any)
			jsonw_line(&w);
		any = true;
		jsonw_object(&w, NULL);
		jsonw_printf(&w, "code", "DMB-%03u", t->number);
		jsonw_str(&w, "status", finding_names[r->status]);
		jsonw_str(&w, "what", t->what[d->o.lang]);
		jsonw_str(&w, "seen", doctor_seen(d, (enum doctor_check)i));
		jsonw_str(&w, "remedy", doctor_remedy(d, (enum doctor_check)i));
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_line(&w);
	jsonw_object(&w, "summary");
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		jsonw_i64(&w, finding_names[shown[i]], (int64_t)doctor_count(d, shown[i]));
	if (doctor_first(d, &first))
		jsonw_printf(&w, "first", "DMB-%03u", doctor_text(first)->number);
	else
		jsonw_raw(&w, "first", NULL);
	jsonw_str(&w, "version", DMBOX_VERSION);
	jsonw_end(&w);
	jsonw_end(&w);
	buf_putc(b, '\n');
	(void)jsonw_done(&w);
}

size_t
doctor_changes(const struct doctor *d, const char *before, struct buf *b, struct buf *now)
{
	struct mem_arena a = { 0 };
	struct json *j = NULL;
	struct jsonw w;
	char code[16];
	size_t lines = 0;

	if (before == NULL || json_parse(before, strlen(before), &j, NULL) != RC_OK)
		j = NULL;
	jsonw_init(&w, now);
	jsonw_object(&w, NULL);
	for (int i = 0; i < DC__MAX; i++) {
		const struct doctor_result *r = &d->r[i];
		const char *was, *is = finding_names[r->status];

		if (!doctor_shown(d, (enum doctor_check)i))
			continue;
		snprintf(code, sizeof code, "DMB-%03u", doctor_text((enum doctor_check)i)->number);
		jsonw_str(&w, code, is);
		was = json_str(&a, json_member(j, code));
		if (was == NULL)	/* not known: only trouble is news */
			was = r->status == FINDING_UNKNOWN ? is : "ok";
		if (str_eq(was, is))
			continue;
		lines++;
		buf_printf(b, "%s: %s -> %s: %s\n  %s\n", code, was, is,
		    doctor_text((enum doctor_check)i)->what[d->o.lang],
		    doctor_seen(d, (enum doctor_check)i));
		if (r->status != FINDING_OK)
			buf_printf(b, "  %s\n", doctor_remedy(d, (enum doctor_check)i));
	}
	jsonw_end(&w);
	buf_putc(now, '\n');
	(void)jsonw_done(&w);
	json_free(j);
	mem_arena_free(&a);
	return lines;
}

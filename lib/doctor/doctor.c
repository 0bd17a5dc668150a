/*
 * The run and the answers.  Parts report into a table with one row per code; the
 * order of the work is not the order of the table: what is under way on the
 * network goes on together, and files are judged after the web programs told
 * as whom they run.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "doctor/doctor.h"
#include "base/log.h"
#include "base/mem.h"
#include "extern/sign.h"
#include "base/str.h"
#include "base/url.h"

#define ALL_MS 27000		/* of a whole run with everything dead */
#define SEEN_MAX 2000
#define CONNECT_MAX_S 4

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

void
doctor_say(struct doctor *d, enum doctor_check c, enum finding_status s, const char *fmt, ...)
{
	struct doctor_result *r = &d->r[c];
	char raw[SEEN_MAX], text[SEEN_MAX];
	struct buf b;
	va_list ap;

	if (r->done && severity(s) < severity(r->status))
		return;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	log_mask(raw, strlen(raw), text, sizeof text);
	buf_init(&b, 8 * SEEN_MAX);
	if (r->done && severity(s) == severity(r->status) && !str_empty(r->seen)) {
		if (strstr(r->seen, text) != NULL) {
			buf_free(&b);
			return;
		}
		buf_printf(&b, "%s; ", r->seen);
	}
	buf_puts(&b, text);
	free(r->seen);
	r->seen = buf_take(&b);
	buf_free(&b);
	r->done = true;
	r->status = s;
}

const char *
doctor_tr(const struct doctor *d, const char *en, const char *ru)
{
	return d->o.lang == DOCTOR_RU ? ru : en;
}

bool
doctor_wants(const struct doctor *d, enum doctor_check first, enum doctor_check last)
{
	return d->o.only < 0 || (d->o.only >= (int)first && d->o.only <= (int)last);
}

bool
doctor_used(const struct doctor *d, const struct account *a)
{
	return d->conf->n_accounts == 1 || !str_empty(a->token) || a->webhook_secrets.n > 0 ||
	    a->webhook_open || a->app_secrets.n > 0 || !str_empty(a->verify_token) ||
	    !str_empty(a->webhook_token) || a->use_mock || !str_eq(a->name, "main");
}

/* --- one request ---------------------------------------------------------------- */

struct get {
	struct doctor *d;
	struct http_req req;
	doctor_fn fn;
	void *arg;
	bool asked;
};

static enum rc
get_next(void *arg, struct http_req *req, int64_t *wait_ms)
{
	struct get *g = arg;

	if (g->asked)
		return RC_NONE;
	g->asked = true;
	*wait_ms = 0;
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
doctor_get(struct doctor *d, struct http_req *req, unsigned int timeout_ms, doctor_fn fn,
    void *arg)
{
	struct get *g = mem_alloc(sizeof *g);
	struct httpc_flow f = { .next = get_next, .feed = get_feed, .done = get_done, .arg = g };

	req->timeout_ms = timeout_ms;
	g->d = d;
	g->req = *req;
	memset(req, 0, sizeof *req);
	g->fn = fn;
	g->arg = arg;
	f.deadline_ms = clock_mono_ms() + timeout_ms;
	if (f.deadline_ms > d->end_ms)
		f.deadline_ms = d->end_ms;
	httpc_add(d->http, &f);
}

/* --- the run -------------------------------------------------------------------- */

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
		if (doctor_used(d, &c->accounts[i]) && c->accounts[i].provider != PROVIDER_MOCK &&
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
	db.connect_s = d->conf->db_connect_s < CONNECT_MAX_S ? d->conf->db_connect_s : CONNECT_MAX_S;
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
	for (int i = 0; i < DC__MAX; i++)
		free(d->r[i].seen);
	mem_arena_free(&d->arena);
	free(d);
}

/* The database's absence would make every later part say the same. */
static void
network(struct doctor *d)
{
	bool web = doctor_wants(d, DC_WEB, DC_SELF_REMOVED) || doctor_wants(d, DC_SPOOL_WEB, DC_SPOOL_WEB) ||
	    doctor_wants(d, DC_BELOW, DC_BELOW);
	bool providers = doctor_wants(d, DC_CH_REACH, DC_GA_HOOK) || doctor_wants(d, DC_GAP, DC_GAP) ||
	    doctor_wants(d, DC_POLL, DC_POLL);

	if (d->o.offline)
		return;
	if (web)
		doctor_web_start(d);
	if (providers)
		doctor_providers_start(d);
	httpc_run(d->http);
	if (web)
		doctor_web_end(d);
	if (providers)
		doctor_providers_end(d);
}

void
doctor_run(struct doctor *d)
{
	d->end_ms = clock_mono_ms() + ALL_MS;
	doctor_conf(d);
	/* a spool that lies in a dead network file system is the host's to time out */
	doctor_database(d);
	network(d);
	if (doctor_wants(d, DC_HTACCESS, DC_PROG_LINK))
		doctor_cgi_dir(d);
	if (doctor_wants(d, DC_SPOOL, DC_LOG))
		doctor_disk(d);
	if (doctor_wants(d, DC_CH_REACH, DC_BALANCE))
		doctor_ledger(d);
	if (doctor_wants(d, DC_CRON, DC_POLL))
		doctor_cron(d);
	if (doctor_wants(d, DC_LEAK, DC_LEAK))
		doctor_leaks(d);
	if (d->db_ok)
		doctor_clean(d);
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
	return doctor_count(d, FINDING_FAIL) > 0 ? 2 : doctor_count(d, FINDING_WARN) > 0 ? 1 : 0;
}

static void
put(struct buf *b, const char *sep, const char *key, const char *value)
{
	json_put_key(b, sep, key);
	json_put_str(b, value);
}

void
doctor_json(const struct doctor *d, struct buf *b)
{
	const char *sep = "", *first = NULL;
	char code[16], first_code[16];

	buf_puts(b, "{\"checks\":[");
	for (int i = 0; i < DC__MAX; i++) {
		const struct doctor_result *r = &d->r[i];
		const struct doctor_text *t = &doctor_texts[i];

		if (!doctor_shown(d, (enum doctor_check)i))
			continue;
		snprintf(code, sizeof code, "DMB-%03u", t->number);
		if (r->status == FINDING_FAIL && first == NULL) {
			snprintf(first_code, sizeof first_code, "%s", code);
			first = first_code;
		}
		buf_printf(b, "%s{", sep);
		put(b, "", "code", code);
		put(b, ",", "status", finding_names[r->status]);
		put(b, ",", "what", t->what[d->o.lang]);
		put(b, ",", "seen", r->seen != NULL ? r->seen :
		    doctor_tr(d, "does not apply here", "здесь не применяется"));
		put(b, ",", "remedy", r->status == FINDING_OK ? "" : t->remedy[d->o.lang]);
		buf_putc(b, '}');
		sep = ",\n";
	}
	buf_puts(b, "],\n\"summary\":{");
	for (int s = 0; s < FINDING__MAX; s++) {
		json_put_key(b, s > 0 ? "," : "", finding_names[s]);
		buf_printf(b, "%zu", doctor_count(d, (enum finding_status)s));
	}
	put(b, ",", "first", first);
	put(b, ",", "version", DMBOX_VERSION);
	buf_puts(b, "}}\n");
}

size_t
doctor_changes(const struct doctor *d, const char *before, struct buf *b, struct buf *now)
{
	struct mem_arena a = {0};
	struct json *j = NULL;
	const char *sep = "";
	char code[16];
	size_t lines = 0;

	if (before == NULL || json_parse(before, strlen(before), &j, NULL) != RC_OK)
		j = NULL;
	buf_putc(now, '{');
	for (int i = 0; i < DC__MAX; i++) {
		const struct doctor_result *r = &d->r[i];
		const char *was, *is = finding_names[r->status];

		if (!doctor_shown(d, (enum doctor_check)i))
			continue;
		snprintf(code, sizeof code, "DMB-%03u", doctor_texts[i].number);
		put(now, sep, code, is);
		sep = ",";
		was = json_str(&a, json_member(j, code));
		if (was == NULL)	/* not known: only trouble is news */
			was = r->status == FINDING_UNKNOWN ? is : "ok";
		if (str_eq(was, is))
			continue;
		lines++;
		buf_printf(b, "%s: %s -> %s: %s\n  %s\n", code, was, is,
		    doctor_texts[i].what[d->o.lang], r->seen);
		if (r->status != FINDING_OK)
			buf_printf(b, "  %s\n", doctor_texts[i].remedy[d->o.lang]);
	}
	buf_puts(now, "}\n");
	json_free(j);
	mem_arena_free(&a);
	return lines;
}

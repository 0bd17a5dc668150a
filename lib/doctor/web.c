/*
 * The web server as the providers meet it: every request goes to the public
 * address, through whatever stands before the programs, and carries a request
 * id.  An answer without that id comes from something else than dmbox: a
 * firewall, a proxy, the server's own error page.  That distinguishes the links of the
 * chain.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/auth.h"
#include "base/clock.h"
#include "doctor/web.h"
#include "base/mem.h"
#include "extern/sign.h"
#include "base/str.h"
#include "base/url.h"

#define HEALTH_MS 5000
#define REQUEST_MS 8000
#define AGAIN_MS 300
#define CERT_WARN_DAYS 14
#define TOKEN_S 120
#define SLOW_MS 3000
#define CGI_SLOW_MS 1000		/* the fastest of some thirty answers */

static void
begin(struct doctor *d, struct http_req *r, const char *method, const char *path, const char *rid)
{
	doctor_web_begin(d, r, method, path, rid, DOCTOR_AGENT);
}

/* --- health: is anything there? ------------------------------------------------------ */

static void start_rest(struct doctor *d);

/* The library's own words, which are English everywhere, name the cause. */
static void
no_tls(struct doctor *d, const char *note)
{
	const char *fix = NULL;

	if (strstr(note, "wrong version") != NULL || strstr(note, "unknown protocol") != NULL ||
	    strstr(note, "packet length") != NULL)
		fix = doctor_tr(d, "This port speaks plain HTTP: let the server speak TLS there "
		    "(Apache: SSLEngine on; nginx: listen 443 ssl; lighttpd: ssl.engine), or "
		    "correct the port in DMBOX_PUBLIC_URL.",
		    "На этом порту обычный HTTP: включите там TLS (Apache: SSLEngine on; nginx: "
		    "listen 443 ssl; lighttpd: ssl.engine) или исправьте порт в "
		    "DMBOX_PUBLIC_URL.");
	else if (strstr(note, "unrecognized name") != NULL ||
	    strstr(note, "handshake failure") != NULL)
		fix = doctor_tr(d, "The server has no site with TLS of this name: enter the name "
		    "there (Apache: ServerName; nginx: server_name) with a certificate of its own, "
		    "or correct the name in DMBOX_PUBLIC_URL.",
		    "На сервере нет сайта с TLS и таким именем: впишите имя (Apache: ServerName; "
		    "nginx: server_name) с его сертификатом или исправьте имя в "
		    "DMBOX_PUBLIC_URL.");
	else if (strstr(note, "unsupported protocol") != NULL ||
	    strstr(note, "protocol version") != NULL)
		fix = doctor_tr(d, "The server speaks TLS in old versions only: switch TLS 1.2 and "
		    "1.3 on (Apache: SSLProtocol; nginx: ssl_protocols); providers call nothing "
		    "older.",
		    "Сервер умеет только старые версии TLS: включите TLS 1.2 и 1.3 (Apache: "
		    "SSLProtocol; nginx: ssl_protocols); старее провайдеры не вызывают.");
	else if (strstr(note, "not yet valid") != NULL)
		fix = doctor_tr(d, "The certificate begins later than now: set this machine's "
		    "clock (see DMB-310 and DMB-208), or install the certificate of today.",
		    "Сертификат начнёт действовать позже: проверьте часы этой машины (DMB-310, "
		    "DMB-208) или установите действующий сертификат.");
	doctor_cause(d, strstr(note, "expired") != NULL ? DC_TLS_EXPIRY : DC_TLS, FINDING_FAIL, fix,
	    doctor_tr(d, "%s", "«%s»"), note);
}

static void
tls(struct doctor *d, const struct http_res *res)
{
	int64_t days;

	if (!str_istarts(d->base, "https://"))
		return;
	if (res->fail == HTTP_FAIL_TLS) {
		no_tls(d, res->note);
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
	const char *w = doctor_fail(d, res->fail);

	if (doctor_front_wants_cert(d, res->note))
		return;
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
			doctor_say(d, DC_DNS, FINDING_FAIL, doctor_tr(d, "%s: %s", "%s: «%s»"),
			    d->web->host, res->note);
		break;
	default:
		doctor_cause(d, DC_WEB, FINDING_FAIL, res->fail != HTTP_FAIL_CONNECT ? NULL :
		    doctor_tr(d, "Nothing listens there: start the web server (its error log says "
		    "why it does not run), or correct host and port in DMBOX_PUBLIC_URL.",
		    "Там никто не слушает: запустите веб-сервер (причина в его журнале ошибок) "
		    "или исправьте хост и порт в DMBOX_PUBLIC_URL."), doctor_tr(d, "%s: %s: %s",
		    "%s: %s («%s»)"), d->base, w, res->note);
	}
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

	if (res->status == 404) {
		doctor_cause(d, DC_WEB, FINDING_FAIL, doctor_tr(d,
		    "Let the server give the programs REQUEST_URI, SCRIPT_NAME and QUERY_STRING as "
		    "the configuration of make install does (share/dmbox; nginx: the fastcgi_param "
		    "lines).",
		    "Пусть сервер передаёт программам REQUEST_URI, SCRIPT_NAME и QUERY_STRING, как "
		    "в конфигурации из make install (share/dmbox; nginx: строки fastcgi_param)."),
		    "GET %s/instagram/health: HTTP 404: %s", d->base, doctor_tr(d,
		    "dmbox runs there, but is not told which address was called",
		    "там работает dmbox, но ей не сообщают, какой адрес вызван"));
		return;
	}
	if (res->status == 503 && str_eq(error_code(&d->arena, res), "config")) {
		char fix[700];

		snprintf(fix, sizeof fix, doctor_tr(d,
		    "The user of the web server must be able to read %s: as root give it his group "
		    "(chgrp www-data, or the one of your server) and chmod 640, its folders chmod "
		    "o+x; DMBOX_CONFIG there (SetEnv in .htaccess, the server's configuration) "
		    "must name this file; where it is readable, the log names the line to correct; "
		    "restart the programs.",
		    "Пользователь веб-сервера должен читать %s: от имени root дайте файлу его "
		    "группу (chgrp www-data или группа вашего сервера) и chmod 640, папкам над ним "
		    "chmod o+x; DMBOX_CONFIG там (SetEnv в .htaccess, конфигурация сервера) должен "
		    "называть этот файл; если он читается, строку с ошибкой называет журнал; "
		    "перезапустите программы."), d->conf->file != NULL ? d->conf->file :
		    "dmbox.env");
		doctor_cause(d, DC_WEB, FINDING_FAIL, fix, "%s", doctor_tr(d,
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
		doctor_front_sent_away(d, res);
	}
}

/* The same again: what is kept somewhere has the id of the first answer. */
static void
on_health_again(struct doctor *d, void *arg, struct http_res *res)
{
	const char *id = http_res_get(res, "X-Request-Id");

	(void)arg;
	d->web->other_ids = res->fail == HTTP_FAIL_NONE && doctor_web_health(res) &&
	    (d->web->first_id[0] == '\0' || !str_eq(id, d->web->first_id));
	if (d->web->other_ids)
		answered(d, res);
	else if (res->fail == HTTP_FAIL_NONE)
		doctor_front_start(d, res, answered);
	else
		unreached(d, res);
}

/* Does it look like dmbox behind something that numbers requests itself? */
static bool
numbered(struct doctor *d, const struct http_res *res)
{
	const char *id = http_res_get(res, "X-Request-Id");
	struct http_req r;
	char rid[48];

	if (res->status != 200 || http_res_get(res, "Age") != NULL || !doctor_web_health(res))
		return false;
	snprintf(d->web->first_id, sizeof d->web->first_id, "%s", id != NULL ? id : "");
	doctor_web_request(d, &r, rid, "GET", "/instagram/health");
	doctor_get(d, &r, HEALTH_MS, on_health_again, NULL);
	return true;
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
	if (doctor_web_ours(d, res, rid))
		answered(d, res);
	else if (!numbered(d, res))
		doctor_front_start(d, res, answered);
}

/* --- endpoints, files ------------------------------------------------------------------ */

/* An answer of dmbox's that is an error comes as a page of the server's, and as a success. */
static void
page_for_error(struct doctor *d, const char *what)
{
	doctor_cause(d, DC_ENDPOINTS, FINDING_FAIL, doctor_tr(d,
	    "Either the route is missing and a catch-all of the site answers: put the routes of "
	    "make install (share/dmbox, .htaccess) before it; or the server puts a page of its own "
	    "in the place of errors (error_page with fastcgi_intercept_errors or "
	    "proxy_intercept_errors, ErrorDocument): switch that off for /instagram/ and "
	    "/whatsapp/.",
	    "Либо маршрута нет и отвечает сам сайт: поставьте маршруты из make install "
	    "(share/dmbox, .htaccess) перед ним; либо сервер подменяет ошибки своей страницей "
	    "(error_page с fastcgi_intercept_errors или proxy_intercept_errors, ErrorDocument): "
	    "выключите это для /instagram/ и /whatsapp/."), doctor_tr(d,
	    "%s: HTTP 200, a page of the site in the place of dmbox's answer",
	    "%s: HTTP 200, вместо ответа dmbox страница сайта"), what);
}

static void handshakes(struct doctor *d, const struct endpoint *e, bool answered);

static void ask(struct doctor *d, struct endpoint *e);

static void
on_endpoint(struct doctor *d, void *arg, struct http_res *res)
{
	struct endpoint *e = arg;

	if (res->fail == HTTP_FAIL_NONE && res->status >= 500 && e->now_and_then == 0 &&
	    !doctor_web_ours(d, res, e->rid)) {
		e->now_and_then = res->status;
		ask(d, e);
		return;
	}
	if (res->fail == HTTP_FAIL_NONE && e->now_and_then != 0 && doctor_web_ours(d, res, e->rid))
		doctor_web_now_and_then(d, e->now_and_then);

	if (e->webhook)
		handshakes(d, e, res->fail == HTTP_FAIL_NONE && doctor_web_ours(d, res, e->rid));
	if (res->fail != HTTP_FAIL_NONE || doctor_web_ours(d, res, e->rid))
		doctor_web_slowest(d, res);
	d->web->silent += res->fail == HTTP_FAIL_TIMEOUT;
	d->web->hooks_silent += e->webhook && res->fail == HTTP_FAIL_TIMEOUT;
	if (res->fail != HTTP_FAIL_NONE)
		doctor_say(d, DC_ENDPOINTS, FINDING_WARN, "%s: %s", e->what,
		    doctor_fail(d, res->fail));
	/* 429: too many callers without a token lately, doctor's runs among them; it answers */
	else if (doctor_web_ours(d, res, e->rid) &&
	    (res->status == e->want || (e->want == 401 && res->status == 429) ||
	    res->status == 503))	/* the program is there; what it lacks other checks say */
		doctor_say(d, DC_ENDPOINTS, FINDING_OK, "%s", e->what);
	else if (!doctor_web_ours(d, res, e->rid) && res->status >= 300 && res->status < 400)
		doctor_say(d, DC_REDIRECT, FINDING_FAIL, "GET %s: HTTP %d -> %s", e->what,
		    res->status, http_res_get(res, "Location") != NULL ?
		    http_res_get(res, "Location") : "?");
	else if (!doctor_web_ours(d, res, e->rid) && (e->want >= 400 && res->status == 200))
		page_for_error(d, e->what);
	else if (!doctor_web_ours(d, res, e->rid) && res->status >= 500)
		doctor_front_one_dead(d, res->status, e->what);
	else if (!doctor_web_ours(d, res, e->rid) && (res->status == 403 || res->status == 406))
		doctor_say(d, DC_FIREWALL, FINDING_FAIL,
		    doctor_tr(d, "%s: HTTP %d, and not from dmbox",
		    "%s: HTTP %d, и не от dmbox"), e->what, res->status);
	else
		doctor_say(d, DC_ENDPOINTS, FINDING_FAIL, "%s: HTTP %d%s", e->what, res->status,
		    doctor_web_ours(d, res, e->rid) ? "" : doctor_tr(d, ", and not from dmbox",
		    ", и не от dmbox"));
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
ask(struct doctor *d, struct endpoint *e)
{
	struct http_req r;

	doctor_web_id(d, e->rid);
	begin(d, &r, e->method, e->path, e->rid);
	doctor_get_after(d, &r, e->now_and_then != 0 ? AGAIN_MS : 0, REQUEST_MS, on_endpoint, e);
}

static void
endpoints(struct doctor *d)
{
	static const struct {
		const char *method, *path, *what;
		int want;
		bool webhook;
		enum channel channel;
	} v[] = {
		{ "GET", "/instagram/webhook", "webhook", 403, true, CHANNEL_INSTAGRAM },
		{ "GET", "/whatsapp/webhook", "whatsapp/webhook", 403, true, CHANNEL_WHATSAPP },
		{ "GET", "/instagram/send", "send", 405, false, 0 },
		{ "GET", "/instagram/check-messages", "check-messages", 401, false, 0 },
		{ "GET", "/instagram/stats", "stats", 401, false, 0 },
		{ "GET", "/instagram/health", "instagram/health", 200, false, 0 },
	};
	static const char *const files[] = { "/.env", "/instagram/.env", "/dmbox.env",
	    "/etc/dmbox.env" };
	struct http_req r;
	char rid[48];

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct endpoint *e = &d->web->ends[d->web->n_ends++];

		e->what = v[i].what;
		e->want = v[i].want;
		e->webhook = v[i].webhook;
		e->channel = v[i].channel;
		e->method = v[i].method;
		e->path = v[i].path;
		ask(d, e);
	}
	doctor_web_id(d, rid);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		begin(d, &r, "GET", files[i], rid);
		doctor_get(d, &r, REQUEST_MS, on_file, (void *)(uintptr_t)files[i]);
	}
	doctor_page_ask(d);
}

/* --- handshake (B.2) ---------------------------------------------------------------------- */

struct handshake { const struct account *a; bool good; char challenge[24], rid[48]; };

static void
on_handshake(struct doctor *d, void *arg, struct http_res *res)
{
	struct handshake *g = arg;
	enum doctor_check c = g->good ? DC_GREET : DC_GREET_BAD;
	char fix[400];
	bool right = g->good ? res->status == 200 && str_eq(res->body, g->challenge) :
	    res->status == 403 && strstr(res->body, g->challenge) == NULL;

	if (res->fail != HTTP_FAIL_NONE)
		doctor_say(d, c, FINDING_UNKNOWN, "%s: %s", g->a->name, doctor_fail(d, res->fail));
	else if (res->status >= 500 && !doctor_web_ours(d, res, g->rid))
		doctor_cause(d, c, FINDING_UNKNOWN, "", doctor_tr(d, "%s: HTTP %d: see DMB-503",
		    "%s: HTTP %d: смотрите DMB-503"), g->a->name, res->status);
	else if (right || !g->good)
		doctor_say(d, c, right ? FINDING_OK : FINDING_FAIL, "%s: HTTP %d", g->a->name,
		    res->status);
	else if (strstr(res->body, g->challenge) != NULL) {
		doctor_cause(d, c, FINDING_FAIL, doctor_tr(d,
		    "Something behind dmbox adds to its answers (advertising of a free host, a "
		    "counter, a \"speed\" module): switch it off for /instagram/ and /whatsapp/; "
		    "Meta wants the challenge alone.",
		    "Кто-то дописывает свой текст к ответам dmbox (реклама бесплатного хостинга, "
		    "счётчик, модуль «ускорения»): выключите это для /instagram/ и /whatsapp/; "
		    "Meta ждёт только challenge."), doctor_tr(d,
		    "%s: the answer holds more than the challenge: %zu bytes instead of %zu",
		    "%s: в ответе не только challenge: байт %zu вместо %zu"), g->a->name,
		    res->body_n, strlen(g->challenge));
	} else {
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
	doctor_web_id(d, g->rid);
	begin(d, &r, "GET", b.p, g->rid);
	mem_wipe(b.p, b.n);
	buf_free(&b);
	doctor_get(d, &r, REQUEST_MS, on_handshake, g);
}

/* Only where the program answers: a server that cannot start it writes the query, with the
 * token, into its own log. */
static void
handshakes(struct doctor *d, const struct endpoint *e, bool answered)
{
	for (size_t i = 0; i < d->conf->n_accounts; i++) {
		const struct account *a = &d->conf->accounts[i];

		if (a->use_mock || provider_of(a)->handshake_query == NULL ||
		    a->channel != e->channel)
			continue;
		if (answered) {
			handshake(d, a, true);
			handshake(d, a, false);
			continue;
		}
		for (enum doctor_check c = DC_GREET; c <= DC_GREET_BAD; c++)
			doctor_cause(d, c, FINDING_UNKNOWN, "", doctor_tr(d,
			    "%s: not tried: the webhook's program does not answer, see DMB-503",
			    "%s: не проверялось: программа вебхука не отвечает, смотрите DMB-503"),
			    a->name);
	}
}

/* --- as whom do the programs run; does Authorization arrive --------------------------------- */

/* Where it puts a thing; left NULL by a program of an earlier release, which does not say. */
static void
place(struct doctor *d, const struct json *o, const char *key, const char **out)
{
	*out = json_str(&d->arena, json_member(o, key));
}

static void
read_probe(struct doctor *d, const char *rid, const struct http_res *res)
{
	struct doctor_probe *p = &d->probe;
	struct json *j = NULL;
	const struct json *o;
	const char *s;

	if (res->fail != HTTP_FAIL_NONE || !doctor_web_ours(d, res, rid)) {
		doctor_say(d, DC_AUTH_HEADER, FINDING_UNKNOWN, "%s %d",
		    res->fail != HTTP_FAIL_NONE ?
		    doctor_fail(d, res->fail) : "HTTP", res->status);
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
		if (json_i64(json_member(o, "gid"), &p->gid) != RC_OK)
			p->gid = (int64_t)getegid();
		p->spool_ok = json_bool(json_member(o, "spool"), true);
		p->cgi = json_bool(json_member(o, "cgi"), false);
		p->hosted = json_bool(json_member(o, "hosted"), false);
		s = json_str(&d->arena, json_member(o, "config"));
		snprintf(p->config, sizeof p->config, "%s", s != NULL ? s : "");
		s = json_str(&d->arena, json_member(o, "docRoot"));
		snprintf(p->doc_root, sizeof p->doc_root, "%s", s != NULL ? s : "");
		s = json_str(&d->arena, json_member(o, "tickDir"));
		p->tick_told = s != NULL;
		snprintf(p->tick_dir, sizeof p->tick_dir, "%s", s != NULL ? s : "");
		p->tick_ok = json_bool(json_member(o, "tick"), true);
		place(d, o, "spoolDir", &p->spool_dir);
		place(d, o, "mediaDir", &p->media_dir);
		place(d, o, "logFile", &p->log_file);
		p->media_ok = json_bool(json_member(o, "media"), true);
		p->log_ok = json_bool(json_member(o, "log"), true);
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
		doctor_self_start(d);
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
	doctor_web_id(d, rid);
	begin(d, &r, "GET", "/instagram/doctor?probe=1", rid);
	buf_init(&b, 8192);
	buf_printf(&b, "Bearer %s", token);
	doctor_web_header(&r, "Authorization", b.p);
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
	doctor_tick_ask(d);
}

/* --- judging ---------------------------------------------------------------------- */

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
		struct buf b;

		if (conf_below(d->conf, d->probe.doc_root, why)) {
			buf_init(&b, 8192);
			doctor_say(d, DC_BELOW, FINDING_FAIL, "%s", doctor_issue(d, why, &b));
			buf_free(&b);
		} else
			doctor_served_folders(d, d->probe.doc_root);
	}
}

/* The first program answers, the others are waited for in vain: there is room for one. */
static void
one_process(struct doctor *d)
{
	const struct web *w = d->web;

	if (!w->up || w->n_ends == 0 || w->silent + 1 < w->n_ends || w->first_ms > SLOW_MS)
		return;
	doctor_cause(d, DC_WEB, FINDING_FAIL, doctor_tr(d,
	    "Too few processes for five programs: raise FcgidMaxProcesses to 10 or more; on shared "
	    "hosting ask for more processes (entry processes, LVE limit).",
	    "Слишком мало процессов для пяти программ: поднимите FcgidMaxProcesses до 10 и больше; "
	    "на хостинге попросите больше процессов (entry processes, LVE)."), doctor_tr(d,
	    "one program answers (%" PRId64 " ms), %zu of %zu other calls wait in vain for theirs",
	    "одна программа отвечает (%" PRId64 " мс), %zu из %zu других вызовов не дождались "
	    "своих"),
	    w->first_ms, w->silent, w->n_ends);
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
	doctor_address_start(d);
	if (str_empty(d->base))
		return;
	doctor_web_id(d, rid);
	begin(d, &r, "GET", "/instagram/health", rid);
	r.want_cert = true;
	doctor_get(d, &r, HEALTH_MS, on_health, rid);
}

void
doctor_web_end(struct doctor *d)
{
	struct web *w = d->web;

	if (!str_empty(d->base)) {
		doctor_front_end(d);
		doctor_address_end(d);
		doctor_self_judge(d);
		judge_auth(d);
		one_process(d);
		speed(d);
		doctor_self_posted(d);
	}
	d->other_ids = w->other_ids;
	free(w->self);
	free(w);
	d->web = NULL;
}

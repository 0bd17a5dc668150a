/*
 * Test deliveries through the public address: signed as each provider would sign
 * (providers.md A.6, B.3, C.4), marked by X-Dmbox-Doctor, which makes their rows a test's,
 * and removed afterwards.  Sizes, alphabets and texts that filters take for an attack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "doctor/web.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define REQUEST_MS 8000
#define BOTH_ALPHABETS 4	/* accounts; the others are tried in ASCII alone */
#define SELF_AT_ONCE 4
#define RETRY_MS 3000
#define HOSTED_BODY 131072

static const char text_ascii[] = "dmbox doctor: test";
static const char text_cyrillic[] = "dmbox doctor: Проверка связи, съешь ещё этих булок";

/* What firewalls take for an attack, and what calls itself as a provider does: all in one
 * delivery, and where that one is refused each in its own, to name it. */
static const struct piece { const char *text, *agent; } pieces[] = {
	{ "x'; DROP TABLE users; -- SELECT * FROM orders UNION ALL", NULL },
	{ "<b>sale</b> <script>alert(1)</script>", NULL },
	{ "../../etc/passwd", NULL },
	{ "https://shop.example/cake?id=7&from=ad", NULL },	/* as most customers send */
	{ "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd \xf0\x9f\x98\x80", NULL },
	{ "dmbox doctor: test", "facebookexternalua" },	/* Meta's User-Agent */
};
enum { N_PIECES = sizeof pieces / sizeof *pieces };

static void self_pump(struct doctor *d);
static void self_send(struct doctor *d, struct self *s);
static void self_start(struct doctor *d, const struct account *a, enum self_kind kind, size_t size,
    const struct piece *piece);

static void
on_self(struct doctor *d, void *arg, struct http_res *res)
{
	struct self *s = arg;
	struct json *j = NULL;

	s->answered = true;
	d->web->n_answered++;
	s->fail = res->fail;
	s->status = res->status;
	s->ours = doctor_web_ours(d, res, s->rid);
	if (!s->ours || !d->web->other_ids || !doctor_web_said_id(res, s->there))
		snprintf(s->there, sizeof s->there, "%s", s->rid);
	if (!s->ours && res->fail == HTTP_FAIL_NONE)
		s->told = doctor_cloudflare(d, res) || doctor_browser(d, res) ||
		    doctor_cached(d, res);
	doctor_web_slowest(d, res);
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
	/* one refusal of many is a limit's, not this text's: the same call once more */
	if (res->fail == HTTP_FAIL_NONE && !s->ours && s->status >= 500 && s->now_and_then == 0) {
		s->now_and_then = s->status;
		s->answered = s->told = false;
		d->web->n_answered--;
		self_send(d, s);
		return;
	}
	if (s->ours && s->now_and_then != 0)
		doctor_web_now_and_then(d, s->now_and_then);
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

	doctor_web_id(d, s->rid);
	buf_init(&b, 2 << 20);
	self_body(s, &b);
	s->body_n = b.n;
	s->body = mem_arena_ndup(&d->arena, b.p, b.n);
	buf_free(&b);
	snprintf(path, sizeof path, "/%s/webhook%s%s", channel_names[a->channel],
	    str_eq(a->name, "main") ? "" : "/", str_eq(a->name, "main") ? "" : a->name);
	doctor_web_begin(d, &r, "POST", path, s->rid, s->kind == SELF_MIXED ?
	    pieces[N_PIECES - 1].agent :
	    s->piece != NULL && s->piece->agent != NULL ? s->piece->agent : DOCTOR_AGENT);
	if (s->kind == SELF_CHUNKED)
		doctor_web_header(&r, "Transfer-Encoding", "chunked");
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

void
doctor_self_start(struct doctor *d)
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

/* --- judging
 * ------------------------------------------------------------------------------------ */

static void
self_from_row(struct self *s, const struct db_res *r, size_t row)
{
	const char *want = s->kind == SELF_CYRILLIC ? text_cyrillic : text_ascii;
	const void *p;
	size_t n = 0;

	/* who passes a POST on twice makes a second row, without a message */
	if (s->in_ledger && (s->text_ok || db_is_null(r, row, 3)))
		return;
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
	    " from dmbox.deliveries d where d.received_at > now() - interval '10 minutes' and"
	    " d.request_id = any ($1::text[])" };
	struct db_args a = { 0 };
	struct db_res *r = NULL;

	db_array(&a, DB_TEXT);
	for (size_t k = 0; k < d->web->n_self; k++)
		db_text(&a, d->web->self[k]->there);
	db_array_end(&a);
	if (d->db_ok && db_exec(d->db, &rows, &a, &r) == RC_OK)
		for (size_t i = 0; i < db_rows(r); i++)
			for (size_t k = 0; k < d->web->n_self; k++)
				if (str_eq(d->web->self[k]->there, db_get_text(r, i, 0)))
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

/* A delivery of this account that is neither long nor chunked was refused, too. */
static bool
plain_fails(const struct doctor *d, const struct self *s)
{
	for (size_t i = 0; i < d->web->n_self; i++) {
		const struct self *o = d->web->self[i];

		if (o->a == s->a && o->kind == SELF_ASCII && o->answered &&
		    (o->status != 200 || !o->ours))
			return true;
	}
	return false;
}

/* What an answer to a POST means whose sender is not dmbox; the check it belongs to. */
static const struct post_cause {
	int status;
	enum doctor_check check;
	const char *en, *ru;
} post_causes[] = {
	{ 405, DC_ENDPOINTS, "The server takes no POST there: give the route of make install "
	    "(share/dmbox, .htaccess) the place before static files, and take limit_except, "
	    "<LimitExcept> or a rule by method out.",
	    "Сервер не принимает там POST: поставьте маршрут из make install (share/dmbox, "
	    ".htaccess) перед статическими файлами и уберите limit_except, <LimitExcept> или "
	    "правило по методу." },
	{ 415, DC_FIREWALL, "A filter takes no bodies of application/json: let the host except "
	    "/instagram/ and /whatsapp/ from it (ModSecurity: rule 920420).",
	    "Фильтр не принимает тела application/json: попросите хостинг исключить из него "
	    "/instagram/ и /whatsapp/ (ModSecurity: правило 920420)." },
	{ 429, DC_FIREWALL, "The server limits how many calls come in a second: except /instagram/ "
	    "and /whatsapp/ from the rate limit (nginx: limit_req, Apache: mod_evasive, the "
	    "host's panel); providers deliver in bursts from few addresses.",
	    "Сервер ограничивает число запросов в секунду: исключите /instagram/ и /whatsapp/ из "
	    "ограничения частоты (nginx: limit_req, Apache: mod_evasive, панель хостинга); "
	    "провайдеры доставляют пачками с нескольких адресов." },
	{ 200, DC_ENDPOINTS, "A page of the site answers the POST, so the provider takes each "
	    "message for delivered: put the routes of make install (share/dmbox, .htaccess) "
	    "before the site's catch-all.",
	    "На POST отвечает страница сайта, и провайдер считает сообщения доставленными: "
	    "поставьте маршруты из make install (share/dmbox, .htaccess) перед общим "
	    "обработчиком сайта." },
	{ 502, DC_ENDPOINTS, "A proxy before dmbox cannot pass the POST on: see its error log; the "
	    "programs must run, and its timeouts be 60 seconds.",
	    "Прокси перед dmbox не может передать POST: смотрите его журнал ошибок; программы "
	    "должны работать, а тайм-ауты прокси быть 60 секунд." },
	{ 504, DC_ENDPOINTS, "A proxy before dmbox gave up waiting for the answer to the POST: see "
	    "its error log, raise its timeouts (proxy_read_timeout, ProxyTimeout) to 60 seconds.",
	    "Прокси перед dmbox не дождался ответа на POST: смотрите его журнал ошибок, поднимите "
	    "тайм-ауты (proxy_read_timeout, ProxyTimeout) до 60 секунд." },
};

static bool
post_cause(struct doctor *d, const struct self *s)
{
	for (size_t i = 0; i < sizeof post_causes / sizeof *post_causes; i++)
		if (post_causes[i].status == s->status) {
			doctor_cause(d, post_causes[i].check, FINDING_FAIL,
			    doctor_tr(d, post_causes[i].en, post_causes[i].ru), doctor_tr(d,
			    "POST to the webhook of %s: HTTP %d, and not from dmbox",
			    "POST на вебхук %s: HTTP %d, и не от dmbox"), s->a->name, s->status);
			return true;
		}
	return false;
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
	else if (s->kind == SELF_SIZE && s->size > HOSTED_BODY && !d->probe.there)
		doctor_say(d, DC_BODY_LIMIT, FINDING_UNKNOWN, doctor_tr(d,
		    "%zu bytes: HTTP %d from the web server; whether that is shared hosting's limit"
		    " shows once DMB-505 is mended",
		    "%zu байт: HTTP %d от веб-сервера; предел ли это хостинга, будет видно, когда"
		    " исправлен DMB-505"), s->size, s->status);
	else if (s->kind == SELF_SIZE && s->size > 1000 && s->status >= 500)
		doctor_cause(d, DC_BODY_LIMIT, FINDING_FAIL, doctor_tr(d,
		    "A limit would say 413: where Apache does not stand there (FcgidMaxRequestLen "
		    "16777216, not in .htaccess), the web server cannot keep long bodies. See "
		    "its error log, give the folder to its user and make room (nginx: "
		    "client_body_temp_path, /var/lib/nginx/body; lighttpd: server.upload-dirs).",
		    "Предел ответил бы 413: если там не Apache (FcgidMaxRequestLen 16777216, не в "
		    ".htaccess), веб-серверу некуда складывать длинные тела. Посмотрите его журнал "
		    "ошибок, отдайте папку его пользователю и освободите место (nginx: "
		    "client_body_temp_path, /var/lib/nginx/body; lighttpd: server.upload-dirs)."),
		    doctor_tr(d, "%zu bytes: HTTP %d from the web server",
		    "%zu байт: HTTP %d от веб-сервера"), s->size, s->status);
	else if (s->kind == SELF_SIZE && s->size > 1000)
		doctor_say(d, DC_BODY_LIMIT, FINDING_FAIL, doctor_tr(d,
		    "%zu bytes: HTTP %d from the web server", "%zu байт: HTTP %d от веб-сервера"),
		    s->size, s->status);
	else if ((s->kind <= SELF_CYRILLIC || s->status == 429) && post_cause(d, s))
		return;
	else if (s->kind == SELF_PIECE || s->kind == SELF_MIXED)
		named_piece(d, s);
	else if (s->kind == SELF_CYRILLIC && !plain_fails(d, s))
		doctor_cause(d, DC_FIREWALL, FINDING_FAIL, doctor_tr(d,
		    "A filter reads messages and refuses Cyrillic: let the host except /instagram/ "
		    "and /whatsapp/ from it.",
		    "Фильтр читает сообщения и отклоняет кириллицу: попросите хостинг исключить из "
		    "него /instagram/ и /whatsapp/."), doctor_tr(d,
		    "HTTP %d for a message in Cyrillic to %s", "HTTP %d на сообщение кириллицей, "
		    "%s"), s->status, name);
	else if (s->status == 403 || s->status == 406 || s->status == 429 || s->status == 501)
		doctor_say(d, DC_FIREWALL, FINDING_FAIL, doctor_tr(d,
		    "POST to the webhook of %s: HTTP %d, and not from dmbox",
		    "POST на вебхук %s: HTTP %d, и не от dmbox"), name, s->status);
	else if (s->status >= 500) {
		char what[160];

		snprintf(what, sizeof what, doctor_tr(d, "POST to the webhook of %s",
		    "POST на вебхук %s"), name);
		doctor_front_one_dead(d, s->status, what);
	} else
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

/* An account of ours that the web programs do not know. */
static void
other_accounts(struct doctor *d, const struct self *s, const char *label)
{
	char fix[600];

	snprintf(fix, sizeof fix, doctor_tr(d,
	    "The web programs read other account files than this configuration (%s) names: compare "
	    "DMBOX_CONFIG and the environment of the web server (DMBOX_ACCOUNTS_DIR) with what "
	    "`dmbox config` shows, then restart it.",
	    "Веб-программы читают другие файлы аккаунтов, чем указано в этой конфигурации (%s): "
	    "сравните DMBOX_CONFIG и окружение веб-сервера (DMBOX_ACCOUNTS_DIR) с тем, что "
	    "показывает `dmbox config`, и перезапустите его."), d->conf->file);
	doctor_cause(d, self_check(s), FINDING_FAIL, fix, doctor_tr(d,
	    "%s: the web programs have no such account (request %s)",
	    "%s: у веб-программ нет такого аккаунта (запрос %s)"), label, s->rid);
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

/* Did any of them arrive without its body?  Then a signature cannot fit, either. */
static bool
empty_bodies(const struct doctor *d)
{
	for (size_t i = 0; i < d->web->n_self; i++)
		if (str_eq(d->web->self[i]->reason, "empty_body"))
			return true;
	return false;
}

static const char *
no_body(const struct doctor *d)
{
	return doctor_tr(d, "The body of the POST does not arrive: let the proxy or web server "
	    "before dmbox pass it on (CONTENT_LENGTH, fastcgi_pass_request_body, "
	    "proxy_pass_request_body), without a redirect between.",
	    "Тело POST не доходит: пусть прокси или веб-сервер перед dmbox передаёт его "
	    "(CONTENT_LENGTH, fastcgi_pass_request_body, proxy_pass_request_body), без "
	    "перенаправления между ними.");
}

/* dmbox itself says no, and not for the credential. */
static const char *
refused_why(const struct doctor *d, const struct self *s)
{
	if (str_eq(s->reason, "empty_body"))
		return no_body(d);
	if (s->status == 403 && !s->in_ledger)	/* its answer to a GET: the handshake's */
		return doctor_tr(d, "The program takes the POST for a GET: let the server pass "
		    "REQUEST_METHOD as the configuration of make install does (nginx: "
		    "fastcgi_param REQUEST_METHOD $request_method), without a redirect between.",
		    "Программа принимает POST за GET: пусть сервер передаёт REQUEST_METHOD, как в "
		    "конфигурации из make install (nginx: fastcgi_param REQUEST_METHOD "
		    "$request_method), без перенаправления между ними.");
	return doctor_tr(d, "See what the log says of this request.",
	    "Посмотрите, что в журнале об этом запросе.");
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
		    doctor_fail(d, HTTP_FAIL_TIMEOUT));
		return;
	}
	if (s->fail != HTTP_FAIL_NONE) {
		doctor_say(d, c, bad, "%s: %s", label, doctor_fail(d, s->fail));
		return;
	}
	if (s->kind > SELF_CYRILLIC && (s->status != 200 || !s->ours) && plain_fails(d, s)) {
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
	if (s->status == 401 && empty_bodies(d))
		doctor_cause(d, c, FINDING_FAIL, no_body(d), "%s: HTTP 401 %s (%s)", label,
		    s->reason, s->rid);
	else if (s->status == 401)
		self_refused(d, s, label);
	else if (s->status == 404 && str_eq(s->reason, "unknown_account"))
		other_accounts(d, s, label);
	else if (s->status != 200)
		doctor_cause(d, c, bad, refused_why(d, s), "%s: HTTP %d %s (%s)", label,
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

void
doctor_self_judge(struct doctor *d)
{
	read_ledger(d);
	for (size_t i = 0; i < d->web->n_self; i++)
		judge_self(d, d->web->self[i]);
}

/* Other programs answer; this one neither says who it is nor takes a delivery. */
static void
hung(struct doctor *d)
{
	doctor_cause(d, DC_ENDPOINTS, FINDING_FAIL, doctor_tr(d,
	    "The program webhook.fcgi takes calls and answers none, while others work: end its "
	    "processes (the server starts new ones) or restart the web server, for nginx "
	    "dmbox-fcgi. If it comes back, the end of the log shows what it waited for.",
	    "Программа webhook.fcgi принимает запросы и не отвечает, а другие работают: завершите "
	    "её процессы (сервер запустит новые) или перезапустите веб-сервер, для nginx "
	    "dmbox-fcgi. Если повторится, конец журнала покажет, чего она ждала."),
	    "%s", doctor_tr(d, "no call to the webhook was answered",
	    "ни на один запрос к вебхуку ответа не было"));
}

/* What only a POST can meet: where none was answered nothing is known of it. */
void
doctor_self_posted(struct doctor *d)
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
		if (d->web->n_self > 0 && d->web->hooks_silent > 0)
			hung(d);
		doctor_cause(d, DC_FIREWALL, FINDING_UNKNOWN, "", "%s",
		    doctor_tr(d, "no test delivery was made", "пробных доставок не было"));
		doctor_cause(d, DC_REDIRECT, FINDING_UNKNOWN, "", "%s",
		    doctor_tr(d, "no test delivery was made", "пробных доставок не было"));
	}
}

/*
 * The public address: what it says, where its name leads, and whether a call from
 * another network was seen.
 */
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include "doctor/web.h"
#include "base/mem.h"
#include "extern/sign.h"
#include "base/str.h"
#include "base/url.h"

#define DNS_MS 5000
#define TRY_MS 4000		/* of one address; all at once */
#define ADDRESSES_MAX 16

/* One of the name's addresses, and what answers there. */
struct address {
	char ip[INET6_ADDRSTRLEN], rid[48];
	int family;
	bool asked, ours;
	int status;
	enum http_fail fail;
};

struct addresses {
	struct address v[ADDRESSES_MAX];
	size_t n;
};

static void
resolve_start(struct doctor *d)
{
	struct web *w = d->web;
	struct gaicb *g;
	char *colon;
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	/* without AI_ADDRCONFIG: an AAAA record counts where this machine has no IPv6, too */
	static const struct addrinfo stream = { .ai_socktype = SOCK_STREAM };

	if (url_host(d->base, w->host, sizeof w->host) != RC_OK)
		return;
	colon = strrchr(w->host, ':');
	if (colon != NULL)
		*colon = '\0';
	if (w->host[0] == '[')
		return;
	g = mem_alloc(sizeof *g);
	g->ar_name = mem_dup(w->host);
	g->ar_request = &stream;
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
		    (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
		    (a[0] == 169 && a[1] == 254) || (a[0] == 100 && (a[1] & 0xc0) == 64) ||
		    a[0] >= 224;
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
		if (getnameinfo(
			i->ai_addr, i->ai_addrlen, ip, sizeof ip, NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		if (doctor_private(ip) && !d->loopback)
			doctor_say(d, DC_DNS, FINDING_FAIL,
			    doctor_tr(d, "%s leads to %s, which only this network can reach",
				"%s ведёт на %s, а он доступен только из этой сети"),
			    d->web->host, ip);
		else if (doctor_private(ip))
			doctor_cause(d, DC_DNS, FINDING_UNKNOWN, "",
			    doctor_tr(d, "%s -> %s: this machine, no public address",
				"%s -> %s: сама машина, не публичный адрес"),
			    d->web->host, ip);
		else
			doctor_say(d, DC_DNS, FINDING_OK, "%s -> %s", d->web->host, ip);
	}
}

/* Is there a way to such an address at all?  Nothing is sent: a datagram socket. */
static bool
routed(const struct addrinfo *i)
{
	int fd = socket(i->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, i->ai_addr, i->ai_addrlen) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

static void
on_address(struct doctor *d, void *arg, struct http_res *res)
{
	struct address *a = arg;

	a->fail = res->fail;
	a->status = res->status;
	a->ours = res->fail == HTTP_FAIL_NONE &&
	    (doctor_web_ours(d, res, a->rid) || doctor_web_health(res));
}

static void
try_address(struct doctor *d, struct address *a)
{
	struct http_req r;
	char at[INET6_ADDRSTRLEN + 2];

	snprintf(at, sizeof at, a->family == AF_INET6 ? "[%s]" : "%s", a->ip);
	doctor_web_request(d, &r, a->rid, "GET", "/instagram/health");
	r.at = mem_arena_dup(&r.arena, at);
	r.fresh = true;
	doctor_get(d, &r, TRY_MS, on_address, a);
}

static void
judge_address(struct doctor *d, const struct address *a)
{
	const char *record = a->family == AF_INET6 ? "AAAA" : "A";

	if (!a->asked)
		doctor_cause(d, DC_EACH_ADDRESS, FINDING_UNKNOWN, "",
		    doctor_tr(d, "%s %s: this machine has no way to such an address",
			"%s %s: у этой машины нет пути к такому адресу"),
		    record, a->ip);
	else if (a->ours)
		doctor_say(d, DC_EACH_ADDRESS, FINDING_OK, "%s %s", record, a->ip);
	else if (a->fail != HTTP_FAIL_NONE)
		doctor_say(d, DC_EACH_ADDRESS, FINDING_FAIL,
		    doctor_tr(d, "%s leads to %s (%s), too, and there nothing answers: %s",
			"%s ведёт и на %s (%s), а там ответа нет: %s"),
		    d->web->host, a->ip, record, doctor_fail(d, a->fail));
	else
		doctor_say(d, DC_EACH_ADDRESS, FINDING_FAIL,
		    doctor_tr(d,
			"%s leads to %s (%s), too, and there another server answers (HTTP %d)",
			"%s ведёт и на %s (%s), а там отвечает другой сервер (HTTP %d)"),
		    d->web->host, a->ip, record, a->status);
}

/*
 * A caller by name takes one of its addresses and seldom tries the next: curl does, and
 * so a dead one among them is not seen by the calls that are made by name.
 */
static void
each_address(struct doctor *d, const struct addrinfo *list)
{
	struct addresses *all = mem_arena_alloc(&d->arena, sizeof *all);
	bool ours = false;

	for (const struct addrinfo *i = list; i != NULL && all->n < ADDRESSES_MAX; i = i->ai_next) {
		struct address *a = &all->v[all->n];

		if (getnameinfo(i->ai_addr, i->ai_addrlen, a->ip, sizeof a->ip, NULL, 0,
			NI_NUMERICHOST) != 0)
			continue;
		a->family = i->ai_family;
		a->asked = routed(i);
		all->n++;
		if (a->asked)
			try_address(d, a);
	}
	httpc_run(d->http);
	for (size_t i = 0; i < all->n; i++)
		ours |= all->v[i].ours;
	if (!ours)	/* that is another trouble: DMB-501 and those behind it say which */
		doctor_cause(d, DC_EACH_ADDRESS, FINDING_UNKNOWN, "", "%s",
		    doctor_tr(d, "dmbox answers at none of them", "dmbox не отвечает ни на одном"));
	for (size_t i = 0; ours && i < all->n; i++)
		judge_address(d, &all->v[i]);
}

static const char *
name_error(const struct doctor *d, int e)
{
	const char *en = gai_strerror(e);

	return e == EAI_NONAME ? doctor_tr(d, en, "такого имени нет в DNS") :
	    e == EAI_AGAIN     ? doctor_tr(d, en, "серверы имён не отвечают") :
				 en;
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
		    doctor_tr(
			d, "%s: the name servers do not answer", "%s: серверы имён не отвечают"),
		    w->host);
		return;
	}
	if (e != 0)
		doctor_say(d, DC_DNS, FINDING_FAIL, "%s: %s", w->host, name_error(d, e));
	else
		judge_addresses(d, w->gai->ar_result);
	if (e == 0 && !d->loopback && doctor_wants(d, DC_EACH_ADDRESS, DC_EACH_ADDRESS))
		each_address(d, w->gai->ar_result);
	if (w->gai->ar_result != NULL)
		freeaddrinfo(w->gai->ar_result);
	free((void *)(uintptr_t)w->gai->ar_name);
	free(w->gai);
}

static void
public_url(struct doctor *d)
{
	if (str_empty(d->base))
		doctor_say(d, DC_PUBLIC_URL, FINDING_WARN, "%s",
		    doctor_tr(d, "DMBOX_PUBLIC_URL is not set: the web server was not tested",
			"DMBOX_PUBLIC_URL не задан: веб-сервер не проверялся"));
	else if (d->loopback)
		doctor_cause(d, DC_PUBLIC_URL, FINDING_UNKNOWN, "",
		    doctor_tr(d, "%s is this machine: good for a try, no provider can call it",
			"%s — это сама машина: для пробы годится, провайдер её не вызовет"),
		    d->base);
	else if (str_istarts(d->base, "https://"))
		doctor_say(d, DC_PUBLIC_URL, FINDING_OK, "%s", d->base);
	else
		doctor_say(d, DC_PUBLIC_URL, FINDING_FAIL,
		    doctor_tr(
			d, "%s: providers call https only", "%s: провайдеры вызывают только https"),
		    d->base);
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
		"select received_at, remote_addr"
		" from dmbox.deliveries"
		" where received_at > now() - interval '7 days' and remote_addr is not null"
		"   and (headers->>':query' = $1 or (coalesce(request_id, '') not like 'doctor-%'"
		"     and source in ('webhook', 'spool') and remote_addr !~ "
		"'^(127[.]|::1|10[.]|192[.]168[.])'))"
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
			"вызов снаружи пришёл: %s, с %s"),
		    doctor_when(d, db_get_time(r, 0, 0)), db_get_text(r, 0, 1));
	} else if (d->loopback) {
		doctor_cause(d, DC_OUTSIDE, FINDING_UNKNOWN, d->web->up ? "" : NULL,
		    doctor_tr(d,
			"%s is this machine alone; from outside: curl -X POST "
			"'%s/instagram/webhook?%s' -d x",
			"%s — только эта машина; снаружи: curl -X POST '%s/instagram/webhook?%s' "
			"-d x"),
		    d->base, d->base, q);
	} else {
		doctor_cause(d, DC_OUTSIDE, FINDING_UNKNOWN,
		    d->web->up ?
			doctor_tr(d,
			    "Nothing is wrong so far: no call from another network was seen yet. "
			    "To be sure run the curl shown here from one (your phone's), then "
			    "doctor again.",
			    "Пока всё в порядке: вызовов из другой сети ещё не было. Чтобы "
			    "убедиться, выполните показанный curl из другой сети (с телефона) и "
			    "запустите doctor снова.") :
			NULL,
		    "curl -X POST '%s/instagram/webhook?%s' -d x", d->base, q);
	}
	db_res_free(r);
	db_args_free(&a);
}

void
doctor_address_start(struct doctor *d)
{
	public_url(d);
	if (!str_empty(d->base))
		resolve_start(d);
}

void
doctor_address_end(struct doctor *d)
{
	resolve_end(d);
	outside(d);
}

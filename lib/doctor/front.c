/*
 * Something answers at the public address, and it is not dmbox.  What it is, and which
 * line of whose configuration makes it so, shows in how it answers a few other paths:
 * the program's file itself, a page that needs no program, the site's own front page.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "doctor/doctor.h"
#include "base/mem.h"
#include "base/str.h"

#define FRONT_MS 5000
#define SILENT_MS 3000

enum path { P_FIRST, P_HEALTH, P_PROGRAM, P_PAGE, P_ROOT, P__MAX };
static const char *const paths[P__MAX] = {
	[P_FIRST] = "/instagram/health",
	[P_HEALTH] = "/health",		/* routed by a server of one's own only */
	[P_PROGRAM] = "/dmbox/status.fcgi",	/* where make install puts it on shared hosting */
	[P_PAGE] = "/instagram/inbox/",	/* needs .htaccess, but no program */
	[P_ROOT] = "/",
};

struct sight {
	bool asked, ours, elf, html;
	bool tunnel; /* the page of a tunnel's other end: nothing is at ours */
	bool wants_cert;	/* nginx's page, which names what it misses */
	int status;
	char rid[48];
};

struct front {
	struct sight v[P__MAX];
	bool ours;
	bool said;		/* cache or Cloudflare: no more to judge */
	void (*on_ours)(struct doctor *d, struct http_res *res);
};

bool
doctor_cloudflare(struct doctor *d, const struct http_res *res)
{
	const char *server = http_res_get(res, "Server");
	bool challenge = http_res_get(res, "cf-mitigated") != NULL;

	if (!challenge &&
	    (res->status != 403 || !str_istarts(server != NULL ? server : "", "cloudflare")))
		return false;
	doctor_cause(d, DC_FIREWALL, FINDING_FAIL,
	    doctor_tr(d,
		"In Cloudflare's dashboard, Security, WAF, Custom rules: Skip all (managed rules, "
		"Bot Fight Mode) where the URI path starts with /instagram/ or /whatsapp/.",
		"В кабинете Cloudflare, Security, WAF, Custom rules: Skip для всех проверок "
		"(managed rules, Bot Fight Mode), если путь начинается с /instagram/ или "
		"/whatsapp/."),
	    doctor_tr(d,
		"Cloudflare asks for proof of a person (HTTP %d%s): no provider "
		"can give it",
		"Cloudflare требует подтвердить, что вы человек (HTTP %d%s): провайдер этого не "
		"может"),
	    res->status, challenge ? ", cf-mitigated" : "");
	return true;
}

/*
 * A page whose script sets a cookie and comes again, or one that asks for proof of a person:
 * browsers and people do it, providers do not.
 */
static const char *
wants_browser(const struct http_res *res)
{
	const char *type = http_res_get(res, "Content-Type");

	if (res->body_n >= 65536)
		return NULL;
	if (strstr(res->body, "document.cookie") != NULL &&
	    (strstr(res->body, "reload") != NULL || strstr(res->body, "location") != NULL))
		return "document.cookie";
	/* hosts' own pages are English or not, the word is the same: Imunify360, SmartCaptcha */
	return str_istarts(type != NULL ? type : "", "text/html") &&
		strcasestr(res->body, "captcha") != NULL ?
	    "captcha" :
	    NULL;
}

bool
doctor_browser(struct doctor *d, const struct http_res *res)
{
	const char *server = http_res_get(res, "Server");
	const char *what = res->status >= 400 &&
		str_istarts(server != NULL ? server : "", "ddos-guard") ?
	    "ddos-guard" :
	    wants_browser(res);

	if (what == NULL)
		return false;
	doctor_cause(d, DC_FIREWALL, FINDING_FAIL,
	    doctor_tr(d,
		"Ask the host to except /instagram/ and /whatsapp/ from its protection against "
		"bots and DDoS (the panel may have a switch, or a list of paths).",
		"Попросите хостинг исключить /instagram/ и /whatsapp/ из защиты от ботов и DDoS (в "
		"панели может быть выключатель или список путей)."),
	    doctor_tr(d,
		"the host's protection wants a browser or a person (HTTP %d, %s): no provider is "
		"one",
		"защита хостинга ждёт браузер или человека (HTTP %d, %s): провайдер не браузер"),
	    res->status, what);
	return true;
}

bool
doctor_cached(struct doctor *d, const struct http_res *res)
{
	const char *age = http_res_get(res, "Age");

	if (str_empty(age) || res->status >= 400)
		return false;
	doctor_cause(d, DC_SAME_PROGRAM, FINDING_FAIL,
	    doctor_tr(d,
		"Except /instagram/ and /whatsapp/ from the cache that stands before the site "
		"(CDN, Varnish, the host's \"speed\" module, a cache plugin).",
		"Исключите /instagram/ и /whatsapp/ из кэша перед сайтом (CDN, Varnish, модуль "
		"«ускорения» хостинга, плагин кэша)."),
	    doctor_tr(d, "a cache answers instead of the program (Age: %s)",
		"вместо программы отвечает кэш (Age: %s)"),
	    age);
	return true;
}

/* ngrok and Cloudflare name what they miss: error codes, which they document. */
static bool
no_tunnel(const struct http_res *res)
{
	static const char *const codes[] = { "ERR_NGROK_3200", "error code: 1033", "Error 1033" };
	const char *ngrok = http_res_get(res, "ngrok-error-code");

	if (str_eq(ngrok, "ERR_NGROK_3200") || str_eq(ngrok, "ERR_NGROK_8012"))
		return true;
	for (size_t i = 0; res->status >= 400 && i < sizeof codes / sizeof *codes; i++)
		if (memmem(res->body, res->body_n, codes[i], strlen(codes[i])) != NULL)
			return true;
	return false;
}

static void
look(struct sight *s, const struct http_res *res)
{
	const char *type = http_res_get(res, "Content-Type"),
		   *rid = http_res_get(res, "X-Request-Id");

	if (res->fail != HTTP_FAIL_NONE)
		return;
	s->asked = true;
	s->ours = str_eq(rid, s->rid);
	s->status = res->status;
	s->elf = res->body_n > 4 && memcmp(res->body, "\177ELF", 4) == 0;
	s->html = str_istarts(type != NULL ? type : "", "text/html");
	s->tunnel = no_tunnel(res);
	s->wants_cert = res->status == 400 && s->html &&
	    memmem(res->body, res->body_n, "SSL certificate", strlen("SSL certificate")) != NULL;
}

static void
on_sight(struct doctor *d, void *arg, struct http_res *res)
{
	struct sight *s = arg;
	struct front *f = d->front;

	look(s, res);
	if (s == &f->v[P_HEALTH] && s->ours && !f->ours) {
		f->ours = true;
		f->on_ours(d, res);
	}
}

void
doctor_front_start(struct doctor *d, const struct http_res *res,
    void (*on_ours)(struct doctor *d, struct http_res *res))
{
	struct front *f = mem_alloc(sizeof *f);
	struct http_req r;

	d->front = f;
	f->on_ours = on_ours;
	look(&f->v[P_FIRST], res);
	f->said = doctor_cloudflare(d, res) || doctor_browser(d, res) || doctor_cached(d, res);
	if (f->said)
		return;
	for (int i = P_HEALTH; i < P__MAX; i++) {
		doctor_web_request(d, &r, f->v[i].rid, "GET", paths[i]);
		doctor_get(d, &r, FRONT_MS, on_sight, &f->v[i]);
	}
}

/* The program does not start: the server's error log says why, where it can be read.
 * mod_fcgid answers such calls with 500, with 503, or waits longer than doctor (status 0). */
static bool
log_told(struct doctor *d, enum doctor_check c, const char *path, int status)
{
	const char *fix, *line = doctor_error_log(d, &fix);
	char http[24];

	if (line == NULL)
		return false;
	snprintf(http, sizeof http, "HTTP %d", status);
	doctor_cause(d, c, FINDING_FAIL, fix,
	    doctor_tr(d, "%s%s: %s: the program does not start; the server's error log: \"%s\"",
		"%s%s: %s: программа не запускается; журнал ошибок сервера: «%s»"),
	    *path == '/' ? d->base : "", path,
	    status != 0 ? http : doctor_tr(d, "no answer", "ответа нет"), line);
	return true;
}

static void
on_root(struct doctor *d, void *arg, struct http_res *res)
{
	(void)arg;
	if (res->fail != HTTP_FAIL_NONE)
		return;		/* silent as a whole: see DMB-525 */
	if (log_told(d, DC_WEB, paths[P_FIRST], 0))
		return;
	doctor_cause(d, DC_WEB, FINDING_FAIL,
	    doctor_tr(d,
		"The server waits for the program in vain: see its error log. The program must run "
		"by hand as the site's user (dmbox/status.fcgi </dev/null), with chmod 755; raise "
		"FcgidMaxProcesses if it is 1 or 2; then restart the server.",
		"Сервер напрасно ждёт программу: смотрите его журнал ошибок. Программа должна "
		"запускаться вручную от пользователя сайта (dmbox/status.fcgi </dev/null), права "
		"755; поднимите FcgidMaxProcesses, если там 1 или 2; затем перезапустите сервер."),
	    doctor_tr(d, "the site answers (GET /: HTTP %d), %s%s does not",
		"сайт отвечает (GET /: HTTP %d), а %s%s нет"),
	    res->status, d->base, paths[P_FIRST]);
}

void
doctor_front_silent(struct doctor *d)
{
	struct http_req r;
	char rid[48];

	doctor_web_request(d, &r, rid, "GET", paths[P_ROOT]);
	doctor_get(d, &r, SILENT_MS, on_root, NULL);
}

/* --- judging ------------------------------------------------------------------- */

struct cause {
	const char *en, *ru, *en_fix, *ru_fix;
};

static void
conclude(struct doctor *d, enum doctor_check c, int status, const struct cause *v)
{
	doctor_cause(d, c, FINDING_FAIL, doctor_tr(d, v->en_fix, v->ru_fix),
	    "GET %s%s: HTTP %d: %s", d->base, paths[P_FIRST], status, doctor_tr(d, v->en, v->ru));
}

static const struct cause download = {
	"the program itself is handed out as a download, it is not run",
	"сама программа отдаётся как файл, а не запускается",
	"Switch CGI or FastCGI for .fcgi on in the host's panel, and see that dmbox/.htaccess is "
	"the one of make install (Options +ExecCGI, AddHandler).",
	"Включите CGI или FastCGI для .fcgi в панели хостинга и проверьте, что dmbox/.htaccess "
	"тот, что записал make install (Options +ExecCGI, AddHandler)."
};
static const struct cause override_none = { "the .htaccess files are not read (AllowOverride None)",
	"файлы .htaccess не читаются (AllowOverride None)",
	"Ask the host for \"AllowOverride FileInfo AuthConfig Options\" for this folder; on your "
	"own Apache set it in the <Directory> of the site, or use apache/dmbox.conf.",
	"Попросите хостинг разрешить для этой папки «AllowOverride FileInfo AuthConfig Options»; "
	"на своём Apache задайте это в <Directory> сайта или возьмите apache/dmbox.conf." };
static const struct cause override_small = {
	"a line of .htaccess is not allowed here (AllowOverride too small), or wrong",
	"строка .htaccess здесь запрещена (слишком узкий AllowOverride) или ошибочна",
	"The server's error log names the line (\"not allowed here\"). Ask the host for "
	"\"AllowOverride FileInfo AuthConfig Options\"; a line of your own take out.",
	"Журнал ошибок сервера называет строку («not allowed here»). Попросите «AllowOverride "
	"FileInfo AuthConfig Options»; свою строку уберите."
};
static const struct cause no_exec = {
	"the server may not run the program (Options ExecCGI is off, the file may not "
	"be executed, or a rule denies it)",
	"серверу нельзя запускать программу (выключен Options ExecCGI, файл не исполняемый или "
	"его запрещает правило)",
	"chmod 755 on the programs in dmbox/, and \"Options +ExecCGI\" in dmbox/.htaccess; where "
	"the host forbids it, ask for it. A rule above that denies .fcgi (<FilesMatch>) take out, "
	"or take the dmbox/.htaccess of make install, which lifts it.",
	"chmod 755 для программ в dmbox/ и «Options +ExecCGI» в dmbox/.htaccess; если хостинг "
	"запрещает, попросите. Правило выше, запрещающее .fcgi (<FilesMatch>), уберите или верните "
	"dmbox/.htaccess из make install: он это правило снимает."
};
static const struct cause no_start = { "the program does not start, or dies",
	"программа не запускается или падает",
	"Start it by hand as the site's user: dmbox/status.fcgi </dev/null; it says what is "
	"missing. The server's error log has the rest (suexec, libraries, chmod 755, a memory "
	"limit).",
	"Запустите её вручную от пользователя сайта: dmbox/status.fcgi </dev/null; она скажет, "
	"чего не хватает. Остальное в журнале ошибок сервера (suexec, библиотеки, chmod 755, "
	"предел памяти)." };
static const struct cause no_exec_mount = {
	"the programs lie where nothing may be executed (noexec)",
	"программы лежат там, где исполнять нельзя («noexec»)",
	"Move the site, or dmbox/ of it, to a file system that is mounted without noexec, or ask "
	"the host for that; the home folder often is one.",
	"Перенесите сайт или его папку dmbox/ на файловую систему без «noexec» (часто это "
	"домашняя папка) или попросите об этом хостинг."
};
static const struct cause no_backend = {
	"the web server cannot reach the programs: they do not run, or it may not open "
	"their socket",
	"веб-сервер не достаёт до программ: они не запущены, или ему нельзя открыть их сокет",
	"Start the programs (nginx: systemctl enable --now dmbox.target; without systemd "
	"share/dmbox/dmbox-fcgi start, and put that line into cron), and see that the server's "
	"user may open the sockets (nginx from nginx.org: usermod -aG www-data nginx, then restart "
	"nginx).",
	"Запустите программы (nginx: systemctl enable --now dmbox.target; без systemd "
	"share/dmbox/dmbox-fcgi start, и добавьте это в cron) и проверьте, что пользователь "
	"веб-сервера может открыть сокеты (nginx с nginx.org: usermod -aG www-data nginx, затем "
	"перезапустите nginx)."
};
static const struct cause busy = { "the web server has no process to spare for the programs",
	"у веб-сервера нет свободного процесса для программ",
	"Too few processes for five programs: raise FcgidMaxProcesses to 10 or more; on shared "
	"hosting ask for more processes.",
	"Слишком мало процессов для пяти программ: поднимите FcgidMaxProcesses до 10 и больше; на "
	"хостинге попросите больше процессов." };
static const struct cause site = { "another site answers there, dmbox has no route",
	"там отвечает другой сайт, маршрута к dmbox нет",
	"make install CGIDIR=FOLDER with the document root of this very domain; or correct "
	"DMBOX_PUBLIC_URL to the domain where it was installed.",
	"make install CGIDIR=ПАПКА с корнем именно этого домена; или исправьте DMBOX_PUBLIC_URL на "
	"домен, куда установлено." };
static const struct cause nothing = { "there is no route to dmbox", "маршрута к dmbox нет",
	"Include the configuration of make install (share/dmbox: dmbox.conf, lighttpd.conf, "
	"nginx.conf) in the server's, or on shared hosting make install CGIDIR=DOCUMENT-ROOT.",
	"Подключите конфигурацию из make install (share/dmbox: dmbox.conf, lighttpd.conf, "
	"nginx.conf) к серверу; на хостинге make install CGIDIR=КОРЕНЬ-САЙТА." };
static const struct cause wall = { "a firewall refuses the call before it reaches dmbox",
	"запрос отклоняет межсетевой экран, до dmbox он не доходит",
	"Ask the host to except /instagram/ and /whatsapp/ from its filter (ModSecurity, bot "
	"protection).",
	"Попросите хостинг исключить /instagram/ и /whatsapp/ из фильтра (ModSecurity, "
	"защита от ботов)." };

static const struct cause closed_folder = { "the web server may not enter the folder instagram",
	"веб-серверу нельзя войти в папку "
	"instagram",
	"chmod 755 on the folders instagram, whatsapp and dmbox of the site, and make them the "
	"site user's (make install does both); take rules out that deny them (Deny, Require, a "
	"list of addresses in the panel). Where the host's error log says AH00670, write "
	"+SymLinksIfOwnerMatch behind -Indexes in the .htaccess of these folders.",
	"chmod 755 для папок instagram, whatsapp и dmbox сайта, и сделайте их владельцем "
	"пользователя сайта (то и другое делает make install); уберите запрещающие правила "
	"(Deny, Require, список адресов в панели). Если в журнале ошибок хостинга есть AH00670, "
	"допишите +SymLinksIfOwnerMatch после -Indexes в .htaccess этих папок." };
static const struct cause all_forbidden = {
	"the whole site is refused: by a firewall, or the web server may not enter its folder",
	"весь сайт закрыт: межсетевым экраном, или веб-серверу нельзя войти в его папку",
	"Where a browser is refused, too: chmod 755 on the site's folder and those above it, and "
	"take rules out that deny it (Deny, Require, addresses in the panel). Where it is not: "
	"ask the host to except /instagram/ and /whatsapp/ from its filter (ModSecurity, bot "
	"protection).",
	"Если отказ получает и браузер: chmod 755 для папки сайта и папок над ней, уберите "
	"запрещающие правила (Deny, Require, адреса в панели). Если нет: попросите хостинг "
	"исключить /instagram/ и /whatsapp/ из фильтра (ModSecurity, защита от ботов)."
};
static const struct cause password = {
	"the site asks for a password (401), no provider can give it",
	"сайт требует пароль (401), "
	"провайдер его не введёт",
	"Except /instagram/ and /whatsapp/ from the password (in the host's panel: Directory "
	"privacy; in .htaccess: Require all granted for these folders).",
	"Исключите /instagram/ и /whatsapp/ из защиты паролем (панель хостинга: защита папок; "
	".htaccess: Require all granted для этих папок)."
};
static const struct cause caller_cert = {
	"the server wants a certificate of who calls, no provider has one",
	"сервер требует "
	"сертификат от того, кто обращается, у провайдеров его нет",
	"Switch that off for /instagram/ and /whatsapp/ (nginx: ssl_verify_client off; Apache: "
	"SSLVerifyClient none); with Cloudflare's Authenticated Origin Pulls the public name "
	"has to lead to Cloudflare.",
	"Выключите это для /instagram/ и /whatsapp/ (nginx: «ssl_verify_client off»; Apache: "
	"«SSLVerifyClient none»); при «Authenticated Origin Pulls» публичное имя должно вести на "
	"Cloudflare."
};
static const struct cause whole_site = { "the whole site answers so: it is switched off",
	"так отвечает весь сайт: он выключен",
	"The site is in maintenance mode, or the host has suspended it (plan, traffic, payment): "
	"see the host's panel, switch maintenance off.",
	"Сайт на обслуживании (maintenance), или хостинг его приостановил (тариф, трафик, оплата): "
	"смотрите панель хостинга, выключите обслуживание." };
static const struct cause limits = { "the host's limits for this site are used up",
	"исчерпаны лимиты хостинга для этого сайта",
	"The host's panel shows which limit was reached (processes, memory, CPU, traffic, a "
	"bill): end what uses it up, wait until it is over, or take a larger plan.",
	"Панель хостинга показывает, какой лимит исчерпан (процессы, память, процессор, трафик, "
	"оплата): завершите то, что его расходует, подождите или возьмите тариф больше." };
static const struct cause tunnel = { "the tunnel is not connected: nothing of yours is behind it",
	"туннель не подключён: за этим адресом сейчас ничего вашего нет",
	"Start the tunnel's program on this machine (cloudflared, ngrok) and keep it running as a "
	"service; a free ngrok address changes at each start: then set DMBOX_PUBLIC_URL and the "
	"webhook's address at the provider anew.",
	"Запустите на этой машине программу туннеля (cloudflared, ngrok) и держите её службой; "
	"бесплатный адрес ngrok меняется при каждом запуске: тогда обновите DMBOX_PUBLIC_URL и "
	"адрес вебхука у провайдера." };
static const struct cause cloudflare_alone = { "Cloudflare cannot use the server behind it",
	"Cloudflare не может обратиться к серверу за "
	"ним",
	"521, 522, 523: let Cloudflare's addresses through the server's firewall and check the A "
	"record; 525, 526: in Cloudflare, SSL/TLS: the mode \"Full\" needs a certificate on "
	"the server (Origin certificate, Let's Encrypt).",
	"521, 522, 523: пропустите адреса Cloudflare в межсетевом экране сервера и проверьте "
	"запись A; 525, 526: в Cloudflare, SSL/TLS: для режима «Full» нужен сертификат на "
	"сервере (Origin certificate, Let's Encrypt)." };

static bool
got(const struct front *f, enum path p, int status)
{
	return f->v[p].asked && f->v[p].status == status;
}

static void
judge_forbidden(struct doctor *d, const struct front *f, int status)
{
	/* the page below the same folder is free: it is the program that may not run */
	if (status == 403 && (got(f, P_PAGE, 200) || f->v[P_PROGRAM].elf) && !got(f, P_ROOT, 403))
		conclude(d, DC_WEB, status, &no_exec);
	else if (status == 403 && got(f, P_PAGE, 403) && f->v[P_ROOT].asked)
		conclude(d, got(f, P_ROOT, 403) ? DC_FIREWALL : DC_WEB, status,
		    got(f, P_ROOT, 403) ? &all_forbidden : &closed_folder);
	else
		conclude(d, DC_FIREWALL, status, &wall);
}

static bool
noexec(const struct doctor *d)
{
	char dir[PATH_MAX];
	struct statvfs v;

	snprintf(dir, sizeof dir, "%s/dmbox", d->o.cgi_dir != NULL ? d->o.cgi_dir : "");
	return d->o.cgi_dir != NULL && statvfs(dir, &v) == 0 && (v.f_flag & ST_NOEXEC) != 0;
}

static void
judge_5xx(struct doctor *d, const struct front *f, int status)
{
	if (status >= 520 && status <= 530)
		conclude(d, DC_WEB, status, &cloudflare_alone);
	else if (status == 508 || status == 509)	/* CloudLinux's, cPanel's */
		conclude(d, DC_WEB, status, &limits);
	else if (status == 503 && got(f, P_ROOT, 503))
		conclude(d, DC_WEB, status, &whole_site);
	else if (status == 502 || status == 504)
		conclude(d, DC_WEB, status, &no_backend);
	else if (status == 503 && log_told(d, DC_WEB, paths[P_FIRST], status))
		return;
	else if (status == 503)
		conclude(d, DC_WEB, status, &busy);
	else if (noexec(d))
		conclude(d, DC_WEB, status, &no_exec_mount);
	else if (got(f, P_PAGE, 500) && !got(f, P_ROOT, 500))
		conclude(d, DC_WEB, status, &override_small);
	else if (got(f, P_PAGE, 500))
		conclude(d, DC_WEB, status, &override_small);
	else if (!log_told(d, DC_WEB, paths[P_FIRST], status))
		conclude(d, DC_WEB, status, &no_start);
}

/* What Apache and nginx say to a plain call on a port of TLS. */
static void
plain_to_tls(struct doctor *d)
{
	char fix[500];

	snprintf(fix, sizeof fix,
	    doctor_tr(d,
		"Most likely the port speaks TLS: set DMBOX_PUBLIC_URL=https%s and give the "
		"provider that address.",
		"Скорее всего, на этом порту TLS: задайте DMBOX_PUBLIC_URL=https%s и дайте этот "
		"адрес провайдеру."),
	    d->base + strlen("http"));
	doctor_cause(d, DC_WEB, FINDING_FAIL, fix,
	    doctor_tr(d, "GET %s%s: HTTP 400: the server does not understand a plain call",
		"GET %s%s: HTTP 400: сервер не понимает запрос без TLS"),
	    d->base, paths[P_FIRST]);
}

static void
judge(struct doctor *d, const struct front *f)
{
	const struct sight *first = &f->v[P_FIRST];
	int status = first->status;

	if (first->elf)
		conclude(d, DC_WEB, status, &download);
	else if (f->v[P_PROGRAM].elf && !got(f, P_PAGE, 200))
		conclude(d, DC_WEB, status, &override_none);
	else if (first->tunnel)
		conclude(d, DC_WEB, status, &tunnel);
	else if (status == 402) /* hosts' word for a bill or for traffic that is used up */
		conclude(d, DC_WEB, status, &limits);
	else if (status >= 500)
		judge_5xx(d, f, status);
	else if (status == 401)
		conclude(d, DC_FIREWALL, status, &password);
	else if (first->wants_cert)
		conclude(d, DC_WEB, status, &caller_cert);
	else if (status == 403 || status == 406 || status == 429)
		judge_forbidden(d, f, status);
	else if (status == 200)
		conclude(d, DC_SAME_PROGRAM, status, &site);
	else if (status == 400 && str_istarts(d->base, "http://") && first->html)
		plain_to_tls(d);
	else if (status > 400 && status != 404 && status != 405 && status != 410)
		conclude(d, DC_FIREWALL, status, &wall);	/* 451: the country; 426 */
	else
		conclude(d, DC_WEB, status, &nothing);
}

/* The library's own words, which are English everywhere. */
bool
doctor_front_wants_cert(struct doctor *d, const char *note)
{
	if (strstr(note, "certificate required") == NULL)
		return false;
	doctor_cause(d, DC_WEB, FINDING_FAIL, doctor_tr(d, caller_cert.en_fix, caller_cert.ru_fix),
	    "%s: %s", d->base, doctor_tr(d, caller_cert.en, caller_cert.ru));
	return true;
}

/* Sent to another page of the same site: nothing of an address is wrong. */
void
doctor_front_sent_away(struct doctor *d, const struct http_res *res)
{
	const char *to = http_res_get(res, "Location");
	bool switched_off = to != NULL && strcasestr(to, "suspended") != NULL;

	if (switched_off)
		doctor_cause(d, DC_WEB, FINDING_FAIL,
		    doctor_tr(d, whole_site.en_fix, whole_site.ru_fix),
		    "GET %s%s: HTTP %d -> %s: %s", d->base, paths[P_FIRST], res->status, to,
		    doctor_tr(d, whole_site.en, whole_site.ru));
	else if (to != NULL && (*to == '/' || str_istarts(to, d->base)) && !str_starts(to, "//"))
		doctor_cause(d, DC_REDIRECT, FINDING_FAIL,
		    doctor_tr(d,
			"Something before dmbox sends each call to another page (a login for the "
			"whole site, a \"coming soon\" or language plugin, a rule in .htaccess): "
			"except /instagram/ and /whatsapp/ from it.",
			"Кто-то перед dmbox отправляет каждый запрос на другую страницу (вход на "
			"весь сайт, заглушка «скоро открытие», выбор языка, правило в .htaccess): "
			"исключите из этого /instagram/ и /whatsapp/."),
		    "GET %s%s: HTTP %d -> %s", d->base, paths[P_FIRST], res->status, to);
	else
		doctor_say(d, DC_REDIRECT, FINDING_FAIL, "GET %s%s: HTTP %d -> %s", d->base,
		    paths[P_FIRST], res->status, to != NULL ? to : "?");
}

/* Others of the programs answer, so the server knows them: it is this one that is broken. */
void
doctor_front_one_dead(struct doctor *d, int status, const char *what)
{
	const struct cause *v = status == 502 || status == 504 ? &no_backend :
	    status == 503				       ? &busy :
	    status == 508 || status == 509		       ? &limits :
								 NULL;

	if (v == NULL && log_told(d, DC_ENDPOINTS, what, status))
		return;
	doctor_cause(d, DC_ENDPOINTS, FINDING_FAIL,
	    v != NULL ?
		doctor_tr(d, v->en_fix, v->ru_fix) :
		doctor_tr(d,
		    "This program does not start, or dies, while others do: give it chmod 755 and "
		    "the owner of its neighbours, start it by hand as the site's user (</dev/null; "
		    "it says what is missing), or run make install again; the server's error log "
		    "has the rest.",
		    "Эта программа не запускается или падает, а другие работают: дайте ей права "
		    "755 и владельца соседних, запустите её вручную от пользователя сайта "
		    "(</dev/null; она скажет, чего не хватает) или повторите make install; "
		    "остальное в журнале ошибок сервера."),
	    doctor_tr(d, "%s: HTTP %d, and not from dmbox", "%s: HTTP %d, и не от dmbox"), what,
	    status);
}

void
doctor_front_end(struct doctor *d)
{
	struct front *f = d->front;

	if (f == NULL)
		return;
	d->front = NULL;
	/* refused once, it is asked once more with the other addresses */
	if (f->ours && f->v[P_FIRST].status < 500)
		doctor_cause(d, DC_ENDPOINTS, FINDING_FAIL,
		    doctor_tr(d, nothing.en_fix, nothing.ru_fix),
		    doctor_tr(d, "GET /health is answered, /instagram/health is not (HTTP %d)",
			"GET /health отвечает, /instagram/health нет (HTTP %d)"),
		    f->v[P_FIRST].status);
	else if (!f->ours && !f->said && f->v[P_FIRST].asked)
		judge(d, f);
	free(f);
}

/*
 * The inbox page: it comes, its scripts run, and who signs in stays so.  Caches and "security"
 * settings of hosts break each of these for the page alone, while deliveries arrive.
 */
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "doctor/web.h"

#define PAGE_MS 8000

static void
say(struct doctor *d, const char *fix, const char *path, const struct http_res *res,
    const char *what)
{
	doctor_cause(d, DC_ENDPOINTS, FINDING_WARN, fix, "GET /instagram/inbox/%s: HTTP %d%s%s",
	    path, res->status, *what != '\0' ? ": " : "", what);
}

/* The value of a directive of a policy (a fetch directive or the default), or NULL. */
static const char *
directive(const char *policy, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = policy; *p != '\0'; p += strcspn(p, ";,"), p += *p != '\0') {
		p += strspn(p, " \t");
		if (strncasecmp(p, name, n) == 0 && strchr(" \t;,", p[n]) != NULL)
			return p + n;
	}
	return NULL;
}

/* Does this policy let the page at base use what is at its own address? */
static bool
lets(const char *base, const char *policy, const char *name)
{
	static const char *const good[] = { "'self'", "*", "https:", "http:" };
	const char *v = directive(policy, name);
	size_t n;

	if (v == NULL)
		v = directive(policy, "default-src");
	if (v == NULL)
		return true;
	for (; *v != '\0' && *v != ';' && *v != ','; v += n) {
		v += strspn(v, " \t");
		n = strcspn(v, " \t;,");
		for (size_t i = 0; i < sizeof good / sizeof *good; i++)
			if (n == strlen(good[i]) && strncasecmp(v, good[i], n) == 0)
				return true;
		if (n > 2 && memmem(base, strlen(base), v, n) != NULL)	/* by its name */
			return true;
	}
	return false;
}

/* Of several policies each has to let it. */
static bool
policy_bad(const char *base, const struct http_res *res)
{
	for (size_t i = 0; i < res->n_hdrs; i++) {
		const char *v = res->hdrs[i].value;

		if (str_ieq(res->hdrs[i].name, "Content-Security-Policy") &&
		    (!lets(base, v, "script-src") || !lets(base, v, "connect-src") ||
			!lets(base, v, "style-src")))
			return true;
	}
	return false;
}

static void
on_script(struct doctor *d, void *arg, struct http_res *res)
{
	const char *type = http_res_get(res, "Content-Type");

	(void)arg;
	if (res->fail != HTTP_FAIL_NONE)
		return;
	/* browsers run a module of no other type */
	if (res->status != 200 || type == NULL || strcasestr(type, "javascript") == NULL)
		say(d,
		    doctor_tr(d,
			"Let the server hand the files of dmbox/inbox out at /instagram/inbox/, "
			".js as text/javascript: in front of Apache nginx often takes .js and .css "
			"from a folder of its own (except /instagram/ and /whatsapp/ there, or in "
			"the panel switch its static files off); else AddType text/javascript .js.",
			"Пусть сервер отдаёт файлы dmbox/inbox по адресу /instagram/inbox/, .js — "
			"с типом text/javascript: nginx перед Apache часто берёт .js и .css из "
			"своей папки (исключите там /instagram/ и /whatsapp/ или отключите в "
			"панели отдачу статики через nginx); иначе: AddType text/javascript .js."),
		    "inbox.js", res,
		    type != NULL ? type : doctor_tr(d, "no Content-Type", "нет Content-Type"));
}

/*
 * An answer of dmbox has a cookie in it for everybody, and one of a longer name for who came with
 * a session that is nobody's, as doctor does (session_end).
 */
static void
on_cookie(struct doctor *d, void *arg, struct http_res *res)
{
	const char *cookie = http_res_get(res, "Set-Cookie");

	(void)arg;
	if (res->fail != HTTP_FAIL_NONE || res->status != 200 ||
	    memmem(res->body, res->body_n, "\"success\"", strlen("\"success\"")) == NULL)
		return;
	if (!str_empty(cookie) && strstr(cookie, "dmbox_session=") == NULL)
		return;
	if (!str_empty(cookie)) {
		say(d,
		    doctor_tr(d,
			"A cache or proxy before the site (Varnish, the host's \"speed\" module) "
			"takes Cookie out of requests: except /instagram/ and /whatsapp/ from it.",
			"Кэш или прокси перед сайтом (Varnish, модуль «ускорения» хостинга) "
			"убирает Cookie из запросов: исключите /instagram/ и /whatsapp/."),
		    "logout", res,
		    doctor_tr(d,
			"the cookie does not come back to the programs, so nobody stays signed in",
			"куки не доходят до программ, и войти никто не может"));
		return;
	}
	say(d,
	    doctor_tr(d,
		"A cache before the site (Varnish, the host's \"speed\" module) takes Set-Cookie "
		"out of answers: except /instagram/ and /whatsapp/ from it.",
		"Кэш перед сайтом (Varnish, модуль «ускорения» хостинга) убирает из ответов "
		"Set-Cookie: исключите /instagram/ и /whatsapp/."),
	    "logout", res,
	    doctor_tr(d, "the cookie is lost on the way, so nobody can sign in",
		"куки теряются по дороге, и войти никто не может"));
}

/* The page's tag of inbox.js: is it there, and a module's still? */
static bool
tag_whole(const struct http_res *res)
{
	const char *end = memmem(res->body, res->body_n, "inbox.js", strlen("inbox.js")),
		   *tag = end;
	const char *type;

	while (tag != NULL && tag > res->body && *tag != '<')
		tag--;
	if (tag == NULL || !str_istarts(tag, "<script"))
		return false;
	/* of several types browsers take the first; quotes are a minifier's to leave out */
	type = strcasestr(tag, "type=");
	if (type == NULL || type > tag + strcspn(tag, ">"))
		return false;
	type += strlen("type=");
	type += strspn(type, "\"'");
	return str_istarts(type, "module") && strchr("\"' \t\n>", type[strlen("module")]) != NULL;
}

static void
tag_changed(struct doctor *d, const struct http_res *res)
{
	say(d,
	    doctor_tr(d,
		"Something before the site rewrites its pages (Cloudflare: Rocket Loader; a "
		"\"speed\" or minify module of the host, mod_pagespeed): except /instagram/ and "
		"/whatsapp/ from it.",
		"Кто-то перед сайтом переписывает его страницы (Cloudflare: Rocket Loader; модуль "
		"«ускорения» или сжатия страниц, mod_pagespeed): исключите /instagram/ и "
		"/whatsapp/."),
	    "", res,
	    doctor_tr(d, "the page's script tag was changed, so browsers do not run it",
		"тег скрипта на странице изменён, и браузеры его не запускают"));
}

static void
on_page(struct doctor *d, void *arg, struct http_res *res)
{
	static const char nobodys[] = "dmbox_session=doctordoctordoctordoctordoctordoctordoctord";
	struct http_req r;
	char rid[48];

	(void)arg;
	if (res->fail != HTTP_FAIL_NONE || res->status != 200) {
		doctor_say(d, DC_ENDPOINTS, FINDING_WARN, "GET /instagram/inbox/: %s %d",
		    res->fail != HTTP_FAIL_NONE ? doctor_fail(d, res->fail) : "HTTP", res->status);
		return;
	}
	doctor_say(d, DC_ENDPOINTS, FINDING_OK, "GET /instagram/inbox/");
	if (policy_bad(d->base, res))
		say(d,
		    doctor_tr(d,
			"The host adds a Content-Security-Policy of its own, which stops the "
			"page's scripts: except /instagram/ and /whatsapp/ from it (the panel's "
			"security headers, a plugin, Header add in .htaccess, the CDN); dmbox "
			"sends its own.",
			"Хостинг добавляет свою Content-Security-Policy, она останавливает скрипты "
			"страницы: исключите /instagram/ и /whatsapp/ (заголовки безопасности в "
			"панели, плагин, «Header add» в .htaccess, CDN); dmbox отправляет свою."),
		    "", res,
		    doctor_tr(d, "browsers may not run its scripts",
			"браузерам нельзя запускать её скрипты"));
	if (!tag_whole(res))
		tag_changed(d, res);
	doctor_web_request(d, &r, rid, "GET", "/instagram/inbox/inbox.js");
	doctor_get(d, &r, PAGE_MS, on_script, NULL);
	doctor_web_request(d, &r, rid, "POST", "/instagram/inbox/logout");
	doctor_web_header(&r, "X-Dmbox", "1");
	doctor_web_header(&r, "Cookie", nobodys);
	http_req_body(&r, "application/json", "{}", 2);
	doctor_get(d, &r, PAGE_MS, on_cookie, NULL);
}

void
doctor_page_ask(struct doctor *d)
{
	struct http_req r;
	char rid[48];

	doctor_web_request(d, &r, rid, "GET", "/instagram/inbox/");
	doctor_get(d, &r, PAGE_MS, on_page, NULL);
}

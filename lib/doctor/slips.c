/*
 * Slips of people in the configuration: what the loader takes, for it is a value, and
 * what cannot be meant.  The files are read as they are written, line by line.
 */
#include <dirent.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/charset.h"
#include "base/envfile.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/url.h"
#include "doctor/doctor.h"
#include "model/key.h"

#define FILE_MAX (1 << 20)

struct reading {
	struct doctor *d;
	const char *file;
	struct strv keys, values;	/* those of this file, for keys that are set twice */
};

static void
slip(struct reading *r, unsigned int line, const char *key, const char *what, const char *remedy)
{
	const struct conf *c = r->d->conf;
	enum doctor_check check = DC_ODD;

	/* the loader takes it for an error already: then that one gets the remedy */
	for (size_t i = 0; i < c->n_issues; i++)
		if (c->issues[i].error && str_eq(c->issues[i].key, key))
			check = DC_KEYS;
	doctor_cause(r->d, check, FINDING_FAIL, remedy, "%s:%u: %s: %s", r->file, line, key, what);
}

/* Values that are copied from a provider's page. */
static bool
is_credential(const char *key)
{
	return strstr(key, "TOKEN") != NULL || strstr(key, "SECRET") != NULL ||
	    strstr(key, "PAGE_ID") != NULL || strstr(key, "ID_INSTANCE") != NULL;
}

/* Pages show a secret as a row of stars or dots until somebody asks for it. */
static bool
masked(const char *v)
{
	static const char *const signs[] = { "*", "\xe2\x80\xa2", "\xe2\x97\x8f", "\xc2\xb7" };
	size_t i;

	if (*v == '\0')
		return false;
	while (*v != '\0') {
		for (i = 0; i < sizeof signs / sizeof *signs && !str_starts(v, signs[i]); i++)
			;
		if (i == sizeof signs / sizeof *signs)
			return false;
		v += strlen(signs[i]);
	}
	return true;
}

/* False: it is what a page or chat shows in the place of a secret. */
static bool
complete(struct reading *r, unsigned int line, const char *key, const char *v)
{
	struct doctor *d = r->d;
	/* what a person makes up may hold dots */
	bool theirs = strstr(key, "ACCESS_TOKEN") != NULL || strstr(key, "APP_SECRET") != NULL ||
	    strstr(key, "API_TOKEN") != NULL;
	bool dots = theirs && (strstr(v, "\xe2\x80\xa6") != NULL || strstr(v, "...") != NULL);

	if (masked(v))
		slip(r, line, key,
		    doctor_tr(d, "holds the stars or dots that a page shows in the value's place",
			"в нём звёздочки или точки, которые страница показывает вместо значения"),
		    doctor_tr(d,
			"Let the page show the value (Show), copy it and put it there in their "
			"place.",
			"Откройте значение на странице (Show, «Показать»), скопируйте и впишите "
			"вместо них."));
	else if (dots && !key_placeholder(v))
		slip(r, line, key,
		    doctor_tr(d, "is cut: a page or chat showed a part of the value",
			"обрезано: страница или чат показали только часть значения"),
		    doctor_tr(d, "Copy the whole value by the page's copy button.",
			"Скопируйте значение целиком, кнопкой копирования на странице."));
	else
		return true;
	return false;
}

static void
credential(struct reading *r, unsigned int line, const char *key, const char *v)
{
	struct doctor *d = r->d;

	if (!complete(r, line, key, v))
		return;
	if (str_istarts(v, "Bearer "))
		slip(r, line, key,
		    doctor_tr(d, "begins with \"Bearer \"", "начинается с «Bearer »"),
		    doctor_tr(d, "Take \"Bearer \" out: dmbox adds it where it belongs.",
			"Уберите «Bearer »: dmbox добавит его сам, где нужно."));
	else if (str_istarts(v, "X-Webhook-Secret:") || str_istarts(v, "Authorization:") ||
	    str_istarts(v, "X-ACCESS-TOKEN:"))
		slip(r, line, key,
		    doctor_tr(d, "the header's name stands before the value",
			"перед значением стоит имя заголовка"),
		    doctor_tr(d, "Leave the value alone, without the header's name and colon.",
			"Оставьте одно значение, без имени заголовка и двоеточия."));
	else if (strstr(v, " #") != NULL)
		slip(r, line, key,
		    doctor_tr(d, "a comment stands within the value",
			"внутри значения стоит комментарий"),
		    doctor_tr(d, "Put the comment into a line of its own.",
			"Перенесите комментарий на отдельную строку."));
	else if (strstr(key, "APP_SECRET") != NULL &&
	    (str_starts(v, "IGAA") || str_starts(v, "EAA")))
		slip(r, line, key,
		    doctor_tr(d, "is an access token, not an app secret (32 hex digits)",
			"это токен доступа, а не секрет приложения (32 шестнадцатеричных знака)"),
		    doctor_tr(d,
			"Copy the app secret from the App Dashboard (Instagram, API setup): 32 "
			"hex digits.",
			"Скопируйте секрет приложения из App Dashboard (Instagram, API setup): 32 "
			"шестнадцатеричных знака."));
	else if (str_eq(key, "JWT_SECRET") &&
	    (strcasestr(v, "change") != NULL || strcasestr(v, "secret") == v ||
		strcasestr(v, "your") != NULL || strcasestr(v, "example") != NULL))
		doctor_cause(d, DC_PLACEHOLDER, FINDING_FAIL,
		    doctor_tr(d,
			"Anybody can guess it and make tokens: put 48 random characters there "
			"(dmbox init makes some).",
			"Его можно угадать и выпускать токены: впишите 48 случайных символов (их "
			"создаёт dmbox init)."),
		    doctor_tr(
			d, "%s:%u: JWT_SECRET is the example's", "%s:%u: JWT_SECRET из примера"),
		    r->file, line);
}

/* --- the public address ---------------------------------------------------------- */

/* The code points of p, at most cap, as a name has them. */
static size_t
utf8_points(const char *p, size_t n, unsigned int *out, size_t cap)
{
	size_t k = 0;

	for (size_t i = 0; i < n && k < cap;) {
		unsigned char c = (unsigned char)p[i];
		size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		unsigned int v = len == 1 ? c : c & (0xffu >> (len + 1));

		for (size_t j = 1; j < len && i + j < n; j++)
			v = v << 6 | ((unsigned char)p[i + j] & 0x3f);
		/* names are written in lower case: Cyrillic and Latin */
		v += v >= 'A' && v <= 'Z'    ? 32 :
		    v >= 0x410 && v <= 0x42f ? 32 :
		    v == 0x401		     ? 80 :
					       0;
		out[k++] = v;
		i += len;
	}
	return k;
}

static unsigned int
adapt(unsigned int delta, unsigned int points, bool first)
{
	unsigned int k = 0;

	delta = first ? delta / 700 : delta / 2;
	delta += delta / points;
	for (; delta > 455; k += 36)
		delta /= 35;
	return k + 36 * delta / (delta + 38);
}

static void
put_delta(struct buf *b, unsigned int delta, unsigned int bias)
{
	for (unsigned int k = 36;; k += 36) {
		unsigned int t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias, digit;

		digit = delta < t ? delta : t + (delta - t) % (36 - t);
		buf_putc(b, (char)(digit < 26 ? 'a' + digit : '0' + digit - 26));
		if (delta < t)
			return;
		delta = (delta - t) / (36 - t);
	}
}

void
doctor_punycode(const char *label, size_t len, struct buf *b)
{
	unsigned int v[64], n = 128, bias = 72, delta = 0, done = 0, basic;
	size_t k = utf8_points(label, len, v, 63);

	for (size_t i = 0; i < k; i++)
		done += v[i] < 128;
	if (done < k)
		buf_puts(b, "xn--");
	for (size_t i = 0; i < k; i++)
		if (v[i] < 128)
			buf_putc(b, (char)v[i]);
	basic = done;
	if (basic > 0 && done < k)
		buf_putc(b, '-');
	for (; done < k; n++, delta++) {
		unsigned int m = ~0u;

		for (size_t i = 0; i < k; i++)
			m = v[i] >= n && v[i] < m ? v[i] : m;
		delta += (m - n) * (done + 1);
		n = m;
		for (size_t i = 0; i < k; i++) {
			delta += v[i] < n;
			if (v[i] != n)
				continue;
			put_delta(b, delta, bias);
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
}

/* The address with each label of its host as DNS has it. */
static void
ascii_address(const char *url, struct buf *b)
{
	const char *host = strstr(url, "://"), *end;

	host = host != NULL ? host + 3 : url;
	end = host + strcspn(host, ":/?#");
	buf_printf(b, "%.*s", (int)(host - url), url);
	while (host < end) {
		size_t n = strcspn(host, ".:/?#");

		doctor_punycode(host, n, b);
		host += n;
		if (*host == '.' && host < end) {
			buf_putc(b, '.');
			host++;
		}
	}
	buf_puts(b, end);
}

static void
public_address(struct reading *r, unsigned int line, const char *v)
{
	static const char *const tails[] = { "/instagram", "/whatsapp", "/webhook", "/health",
		"/inbox" };
	struct doctor *d = r->d;
	const char *at = NULL;
	char fix[700];
	struct buf b;
	bool foreign = false;

	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		const char *p = strstr(v, tails[i]);

		at = p != NULL && (at == NULL || p < at) ? p : at;
	}
	if (at != NULL) {
		snprintf(fix, sizeof fix,
		    doctor_tr(d, "Set DMBOX_PUBLIC_URL=%.*s (the site alone; dmbox adds the rest).",
			"Задайте DMBOX_PUBLIC_URL=%.*s (один адрес сайта; остальное dmbox "
			"добавит)."),
		    (int)(at - v), v);
		slip(r, line, "DMBOX_PUBLIC_URL",
		    doctor_tr(d, "holds a webhook's path", "в нём путь вебхука"), fix);
	}
	for (const char *p = v; *p != '\0'; p++)
		foreign |= (unsigned char)*p >= 0x80;
	if (!foreign || at != NULL || charset_odd(v, strlen(v)) != NULL)
		return;
	buf_init(&b, 4096);
	ascii_address(v, &b);
	snprintf(fix, sizeof fix,
	    doctor_tr(d,
		"Set DMBOX_PUBLIC_URL=%s and give the provider the address in this form: many "
		"take no other.",
		"Задайте DMBOX_PUBLIC_URL=%s и дайте провайдеру адрес в этом виде: другой многие "
		"не принимают."),
	    b.p);
	slip(r, line, "DMBOX_PUBLIC_URL",
	    doctor_tr(d, "the domain has letters beyond ASCII", "в домене не латинские буквы"),
	    fix);
	buf_free(&b);
}

/* What ends the user and password where it is not written as %XX. */
static void
database_address(struct reading *r, unsigned int line, const char *key, const char *v)
{
	struct doctor *d = r->d;
	const char *from = strstr(v, "://"), *query = strchr(v, '?'), *at = strrchr(v, '@');

	if (strcasestr(v, "[YOUR") != NULL) {	/* Supabase's panel shows it so */
		doctor_cause(d, DC_PLACEHOLDER, FINDING_FAIL,
		    doctor_tr(d,
			"Write the database's password there, without the brackets (a special "
			"character as %XX).",
			"Впишите туда пароль базы, без скобок (спецсимволы как %XX)."),
		    doctor_tr(d,
			"%s:%u: %s: the panel's placeholder stands in the password's place",
			"%s:%u: %s: на месте пароля стоит заглушка из панели"),
		    r->file, line, key);
		return;
	}
	if (from == NULL || at == NULL ||
	    (query != NULL && query < at && memchr(query, '=', (size_t)(at - query)) != NULL))
		return;
	for (from += 3; from < at && strchr("@/#?[] ", *from) == NULL; from++)
		;
	if (from < at)
		slip(r, line, key,
		    doctor_tr(d, "the password holds a character that ends it there",
			"в пароле знак, который обрывает его"),
		    doctor_tr(d,
			"Write it as %XX in the password: @ is %40, / is %2F, # is %23, ? is %3F, "
			": is %3A, % is %25.",
			"Пишите его в пароле как %XX: @ — %40, / — %2F, # — %23, ? — %3F, : — %3A, "
			"% — %25."));
}

/* --- lines -------------------------------------------------------------------------- */

static void
twice(struct reading *r, unsigned int line, const char *key, const char *v)
{
	for (size_t i = 0; i < r->keys.n; i++)
		if (str_eq(r->keys.v[i], key) && !str_eq(r->values.v[i], v))
			doctor_cause(r->d, DC_ODD, FINDING_WARN,
			    doctor_tr(r->d,
				"Delete the line that is not meant: the last one counts.",
				"Удалите лишнюю строку: действует последняя."),
			    doctor_tr(r->d, "%s:%u: %s is set twice, with different values",
				"%s:%u: %s задан дважды, с разными значениями"),
			    r->file, line, key);
	strv_add(&r->keys, key, strlen(key));
	strv_add(&r->values, v, strlen(v));
}

/* What the environment says wins, and nobody sees it in the file. */
static void
overridden(struct reading *r, unsigned int line, const char *key, const char *v)
{
	const char *env = getenv(key);

	if (env != NULL && !str_eq(env, v))
		doctor_cause(r->d, DC_ODD, FINDING_WARN,
		    doctor_tr(r->d,
			"Unset the variable (shell profile, SetEnv, the unit or crontab), or make "
			"both equal.",
			"Уберите переменную (профиль оболочки, SetEnv, юнит или crontab) или "
			"сделайте значения равными."),
		    doctor_tr(r->d, "%s:%u: %s: the environment has another value, and it wins",
			"%s:%u: %s: в окружении другое значение, действует оно"),
		    r->file, line, key);
}

/* A key in small letters is silently ignored, and what it should set is not set. */
static void
small_letters(struct reading *r, unsigned int line, const char *key)
{
	const struct conf_key_info *k;
	char what[200];

	for (size_t i = 0; (k = conf_key(i)) != NULL; i++)
		if (str_ieq(k->name, key) && !str_eq(k->name, key)) {
			snprintf(what, sizeof what,
			    doctor_tr(r->d, "Write %s in capital letters.",
				"Пишите %s заглавными буквами."),
			    k->name);
			doctor_cause(r->d, DC_KEYS, FINDING_FAIL, what,
			    doctor_tr(r->d, "%s:%u: %s: a key in small letters is not read",
				"%s:%u: %s: ключ строчными буквами не действует"),
			    r->file, line, key);
		}
}

static bool
is_path(const char *key)
{
	return str_ends(key, "_DIR") || str_ends(key, "_FILE");
}

/* A home folder as a shell writes it: here a folder of that name would be made. */
static void
at_home(struct reading *r, unsigned int line, const char *key, const char *v)
{
	const struct passwd *me = getpwuid(geteuid());
	char fix[PATH_MAX + 100];

	snprintf(fix, sizeof fix,
	    doctor_tr(r->d, "No shell reads this file: set %s=%s%s, and restart the web programs.",
		"Этот файл читает не оболочка: задайте %s=%s%s и перезапустите "
		"веб-программы."),
	    key, me != NULL ? me->pw_dir : "/home/USER", strchr(v, '/'));
	slip(r, line, key,
	    doctor_tr(r->d, "the home folder has to be written out",
		"домашнюю папку нужно написать полностью"),
	    fix);
}

/* Ways to write that other files have, and this one takes as part of the value. */
static void
other_language(struct reading *r, unsigned int line, const char *key, const char *v)
{
	struct doctor *d = r->d;
	size_t n = strlen(v);
	bool variable = (n > 3 && v[0] == '$' && (v[1] == '{' || v[1] == '(') &&
			    (v[n - 1] == '}' || v[n - 1] == ')')) ||
	    strstr(v, "${") != NULL;
	bool pair = n > 2 && (v[n - 1] == ';' || v[n - 1] == ',') && strcspn(v, ";,") == n - 1;

	if (variable)
		doctor_cause(d, DC_ODD, FINDING_WARN,
		    doctor_tr(d, "No shell reads this file: put the value itself there.",
			"Этот файл читает не оболочка: впишите само значение."),
		    doctor_tr(d, "%s:%u: %s: a variable of a shell is not replaced here",
			"%s:%u: %s: переменная оболочки здесь не подставляется"),
		    r->file, line, key);
	else if (pair)
		doctor_cause(d, DC_ODD, FINDING_WARN,
		    doctor_tr(d,
			"Take the last character out: a line here ends without one (if it belongs "
			"to the value, put the value in quotes).",
			"Уберите последний знак: строка здесь кончается без него (если он часть "
			"значения, возьмите значение в кавычки)."),
		    doctor_tr(d, "%s:%u: %s: the value ends in '%c', as lines of a program do",
			"%s:%u: %s: значение кончается знаком «%c», как строки программ"),
		    r->file, line, key, v[n - 1]);
	else if (is_path(key) && (str_starts(v, "~/") || str_starts(v, "$HOME/")))
		at_home(r, line, key, v);
	else if (strstr(v, "&amp;") != NULL)
		slip(r, line, key,
		    doctor_tr(d, "holds &amp;, as the source of a page does",
			"в нём &amp;, как в исходном тексте страницы"),
		    doctor_tr(d, "Write & alone.", "Пишите просто &."));
}

static void
on_line(void *arg, unsigned int line, const char *key, const char *value, const char *why)
{
	struct reading *r = arg;
	const char *sign;

	if (why != NULL || key == NULL || value == NULL)
		return;
	if ((sign = charset_odd(value, strlen(value))) != NULL) {
		char what[160];

		snprintf(what, sizeof what,
		    doctor_tr(r->d, "the value holds %s, which a page or chat put there",
			"в значении %s: его добавила страница или чат"),
		    sign);
		slip(r, line, key, what,
		    doctor_tr(r->d,
			"Type the value again, or paste it as plain text; quotes are "
			"\" or none.",
			"Наберите значение заново или вставьте как простой текст; кавычки — \" "
			"или никаких."));
	} else if (is_credential(key)) {
		credential(r, line, key, value);
	}
	small_letters(r, line, key);
	other_language(r, line, key, value);
	if (str_eq(key, "DMBOX_PUBLIC_URL"))
		public_address(r, line, value);
	else if (strstr(key, "DATABASE_URL") != NULL)
		database_address(r, line, key, value);
	twice(r, line, key, value);
	overridden(r, line, key, value);
}

static void
read_file(struct doctor *d, const char *path)
{
	struct reading r = { .d = d, .file = path };
	FILE *f = fopen(path, "re");
	char *p;
	size_t n;

	if (f == NULL)
		return;
	p = mem_alloc(FILE_MAX);
	n = fread(p, 1, FILE_MAX - 1, f);
	fclose(f);
	envfile_parse(p, n, on_line, &r);
	mem_wipe(p, n);
	free(p);
	for (size_t i = 0; i < r.values.n; i++)
		mem_wipe(r.values.v[i], strlen(r.values.v[i]));
	strv_free(&r.keys);
	strv_free(&r.values);
}

static void
has_key(void *arg, unsigned int line, const char *key, const char *value, const char *why)
{
	bool *yes = arg;

	(void)line;
	*yes |= why == NULL && value != NULL && key != NULL &&
	    (str_starts(key, "INSTAGRAM_") || str_starts(key, "WHATSAPP_"));
}

/* Does the file hold keys of an account? */
static bool
of_account(const char *path)
{
	FILE *f = fopen(path, "re");
	char *p = mem_alloc(FILE_MAX);
	size_t n = f != NULL ? fread(p, 1, FILE_MAX - 1, f) : 0;
	bool yes = false;

	if (f != NULL)
		fclose(f);
	envfile_parse(p, n, has_key, &yes);
	mem_wipe(p, n);
	free(p);
	return yes;
}

/*
 * Only NAME.env is an account's file.  Windows puts .txt behind names and shows none of it,
 * and ".ENV" is another name here; copies that people and editors keep are meant to rest.
 */
static void
unread_files(struct doctor *d)
{
	static const char *const ends[] = { ".txt", ".conf", ".ini", ".cfg" };
	char path[PATH_MAX];
	struct dirent *e;
	DIR *dir = d->conf->accounts_dir != NULL ? opendir(d->conf->accounts_dir) : NULL;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		size_t n = strlen(e->d_name);
		bool odd = n > 4 && str_ieq(e->d_name + n - 4, ".env") &&
		    !str_ends(e->d_name, ".env");

		for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
			odd |= str_ends(e->d_name, ends[i]);
		if (*e->d_name == '.' || !odd ||
		    snprintf(path, sizeof path, "%s/%s", d->conf->accounts_dir, e->d_name) >=
			(int)sizeof path ||
		    !of_account(path))
			continue;
		doctor_cause(d, DC_ODD, FINDING_WARN,
		    doctor_tr(d, "Give it a name that ends in .env, or move it out of this folder.",
			"Дайте ему имя, которое кончается на .env, или уберите из этой папки."),
		    doctor_tr(d, "%s holds keys of an account, and is not read: only NAME.env is",
			"в %s ключи аккаунта, но файл не читается: читаются только ИМЯ.env"),
		    path);
	}
	if (dir != NULL)
		closedir(dir);
}

/* A mock answers everything and sends nothing: left on by mistake nobody gets a reply. */
static void
mocks(struct doctor *d)
{
	for (size_t i = 0; i < d->conf->n_accounts; i++) {
		const struct account *a = &d->conf->accounts[i];

		if (a->use_mock && str_istarts(d->base, "https://") && !d->loopback)
			doctor_cause(d, DC_ODD, FINDING_WARN,
			    doctor_tr(d,
				"Take the ..._USE_MOCK line out: with it no message leaves "
				"this machine.",
				"Уберите строку ..._USE_MOCK: с ней ни одно сообщение не уходит с "
				"этой машины."),
			    doctor_tr(d, "%s/%s is a mock on a public address",
				"%s/%s — имитация на публичном адресе"),
			    channel_names[a->channel], a->name);
	}
}

void
doctor_slips(struct doctor *d)
{
	const struct conf *c = d->conf;

	if (c->file == NULL)
		return;
	read_file(d, c->file);
	for (size_t i = 0; i < c->n_accounts; i++)
		if (c->accounts[i].file != NULL && !str_eq(c->accounts[i].file, c->file))
			read_file(d, c->accounts[i].file);
	unread_files(d);
	mocks(d);
}

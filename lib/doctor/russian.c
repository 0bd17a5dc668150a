/*
 * Sentences that others make in English (the loader of the configuration, the C library), in
 * Russian.  What is in no table is quoted as it is: never lost, and seen to be another's.
 */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "doctor/doctor.h"

#define PARTS 4

const char *
doctor_fail(const struct doctor *d, enum http_fail fail)
{
	return doctor_tr(d, http_fail_names[fail], http_fail_words_ru[fail]);
}

const char *
doctor_errno(const struct doctor *d, int e)
{
	static const struct {
		int e;
		const char *ru;
	} v[] = {
		{ ENOENT, "нет такого файла или папки" },
		{ EACCES, "нет доступа" },
		{ EPERM, "операция запрещена" },
		{ ENOTDIR, "это не папка" },
		{ EISDIR, "это папка, а не файл" },
		{ ELOOP, "ссылки ведут по кругу" },
		{ ENOSPC, "на диске нет места" },
		{ EDQUOT, "исчерпана квота" },
		{ EFBIG, "исчерпан предел размера файла" },
		{ EROFS, "файловая система только для чтения" },
		{ EIO, "ошибка диска" },
		{ EMFILE, "открыто слишком много файлов" },
		{ ESTALE, "сетевая папка пропала" },
	};

	for (size_t i = 0; d->o.lang == DOCTOR_RU && i < sizeof v / sizeof *v; i++)
		if (v[i].e == e)
			return v[i].ru;
	return strerror(e);
}

/* A * stands for any text; it is put where the Russian sentence has its own *. */
static const struct {
	const char *en, *ru;
} lines[] = {
	{ "unknown key; did you mean *?", "неизвестный ключ; может быть, *?" },
	{ "unknown key", "неизвестный ключ" },
	{ "has no effect in a file", "в файле не действует" },
	{ "has no effect in an account's file; it belongs in the main one",
	    "в файле аккаунта не действует; его место в основном файле" },
	{ "not a regular file", "не обычный файл" },
	{ "it holds secrets and everybody may read it; run: chmod 640 *",
	    "в нём секреты, а прочитать его может кто угодно; выполните: chmod 640 *" },
	{ "it holds secrets and everybody may write it; run: chmod 640 *",
	    "в нём секреты, а изменить его может кто угодно; выполните: chmod 640 *" },
	{ "larger than 1 MiB: not a configuration", "больше 1 МиБ: это не конфигурация" },
	{ "is still the example's placeholder; counts as not set",
	    "осталась заглушка из примера; считается незаданным" },
	{ "has no effect beside the secret, which counts: take it out",
	    "при заданном секрете не действует: уберите" },
	{ "keys of both * and * are set: which one is it?",
	    "заданы ключи и *, и *: что из них верно?" },
	{ "an account's name is 1 to 64 of A-Za-z0-9_-",
	    "имя аккаунта: от 1 до 64 знаков A-Za-z0-9_-" },
	{ "\"main\" is the name of the main file's account",
	    "именем «main» называется аккаунт основного файла" },
	{ "no INSTAGRAM_ or WHATSAPP_ key is set in it",
	    "в нём не задан ни один ключ INSTAGRAM_ или WHATSAPP_" },
	{ "more than * files", "файлов больше *" },
	{ "neither DATABASE_URL nor DB_HOST is set: libpq's own defaults are used",
	    "не заданы ни DATABASE_URL, ни DB_HOST: действуют умолчания libpq" },
	{ "the accounts * and * of * have the same id *",
	    "у аккаунтов * и * (*) один и тот же id *" },
	{ "none found: neither DMBOX_CONFIG nor */etc/dmbox.env, ~/.config/dmbox/dmbox.env, "
	  "/etc/dmbox/dmbox.env; run: dmbox init",
	    "не найдена: ни DMBOX_CONFIG, ни */etc/dmbox.env, ~/.config/dmbox/dmbox.env, "
	    "/etc/dmbox/dmbox.env; выполните: dmbox init" },
	{ "the closing quote is missing: a value ends on its line",
	    "нет закрывающей кавычки: значение кончается на своей строке" },
	{ "text behind the closing quote: put all of the value in quotes, \" in it as \\\"",
	    "после закрывающей кавычки стоит текст: возьмите в кавычки всё значение, \" внутри "
	    "него пишите как \\\"" },
	{ "holds *, which a page or chat put there: type the value again",
	    "содержит *, знак добавила страница или чат: наберите значение заново" },
	{ "a NUL byte: not a text file", "нулевой байт: это не текстовый файл" },
	{ "its lines end in CR alone; save it with Unix line ends",
	    "строки кончаются одним CR; сохраните с концами строк Unix (LF)" },
	{ "saved as UTF-16; save it as UTF-8", "сохранено в UTF-16; сохраните в UTF-8" },
	{ "not KEY=value: it holds *: type the line again",
	    "не КЛЮЧ=значение: в строке знак *: наберите её заново" },
	{ "not KEY=value: a comment begins with #",
	    "не КЛЮЧ=значение: комментарий начинается с #" },
	{ "not KEY=value: write '=' for ':'", "не КЛЮЧ=значение: вместо «:» пишите «=»" },
	{ "not KEY=value: a value ends on its line, a comment begins with #",
	    "не КЛЮЧ=значение: значение кончается на своей строке, комментарий начинается с #" },
	{ "a blank before '=': take it out", "пробел перед «=»: уберите его" },
	{ "the key holds a letter that is not Latin: type the key again",
	    "в ключе не латинская буква: наберите ключ заново" },
	{ "the key holds *: type the line again", "в ключе знак *: наберите строку заново" },
	{ "the key stands in quotes: take them out", "ключ стоит в кавычках: уберите их" },
	{ "something stands before the key: take it out, KEY=value is all",
	    "перед ключом что-то стоит: уберите, нужно только КЛЮЧ=значение" },
	{ "the part before '=' is not a key (letters, digits and _)",
	    "перед «=» стоит не ключ (буквы, цифры и _)" },
	{ "the value is longer than 64 KiB", "значение длиннее 64 КиБ" },
	{ "a % in a URL is written as %25, in its password, too",
	    "знак % в адресе пишется как %25, и в пароле тоже" },
	{ "must start with postgresql:// or be a libpq string",
	    "должен начинаться с postgresql:// или быть строкой libpq" },
	{ "parameter * means nothing to PostgreSQL: left out",
	    "параметр * PostgreSQL не знаком: пропущен" },
	{ "names no database: PostgreSQL takes the one that has the user's name",
	    "база не названа: PostgreSQL возьмёт ту, что зовётся как пользователь" },
	{ "is longer than * bytes", "длиннее * байт" },
	{ "is not a URL: https://host[:port][/path] is wanted",
	    "это не адрес: нужен https://хост[:порт][/путь]" },
	{ "must not hold a query or a '#'", "не должен содержать строки запроса и знака «#»" },
	{ "http:// is allowed only to this machine; use https://",
	    "http:// разрешён только к этой машине; нужен https://" },
	{ "is not a whole number", "не целое число" },
	{ "must be at least *", "не меньше *" },
	{ "must be between * and *", "от * до *" },
	{ "holds a control character", "содержит управляющий символ" },
	{ "is Chatrace's host, but INSTAGRAM_USE_CHATRACE is false",
	    "это хост Chatrace, а INSTAGRAM_USE_CHATRACE выключен" },
	{ "is the same as WHATSAPP_PHONE_NUMBER_ID: they are two ids of WhatsApp → API setup",
	    "совпадает с WHATSAPP_PHONE_NUMBER_ID, а это два разных id из WhatsApp → API setup" },
	{ "* lies below the document root *, where the web server may hand it out; move it out of "
	  "there, for example to *, and set DMBOX_CONFIG accordingly",
	    "* лежит в корне сайта *, веб-сервер может его отдать; перенесите его оттуда, "
	    "например в *, и поправьте DMBOX_CONFIG" },
	{ "* lies below the document root *, where the web server may hand it out; move it out of "
	  "there, for example to *",
	    "* лежит в корне сайта *, веб-сервер может его отдать; перенесите его оттуда, "
	    "например в *" },
	{ "No such file or directory", "нет такого файла или папки" },
	{ "Permission denied", "нет доступа" },
	{ "Is a directory", "это папка, а не файл" },
	{ "Not a directory", "в пути не папка" },
	{ "Too many levels of symbolic links", "ссылки ведут по кругу" },
};

struct part {
	const char *p;
	size_t n;
};

/* Does all of text match en?  What each * stands for goes into v. */
static bool
matches(const char *en, const char *text, struct part v[PARTS], size_t n)
{
	size_t fixed = strcspn(en, "*");

	if (strncmp(en, text, fixed) != 0)
		return false;
	en += fixed;
	text += fixed;
	if (*en == '\0')
		return *text == '\0';
	for (const char *end = text; n < PARTS; end++) {
		v[n] = (struct part){ text, (size_t)(end - text) };
		if (matches(en + 1, end, v, n + 1))
			return true;
		if (*end == '\0')
			break;
	}
	return false;
}

static void
filled(struct buf *b, const char *ru, const struct part *v)
{
	for (; *ru != '\0'; ru++)
		if (*ru == '*') {
			buf_put(b, v->p, v->n);
			v++;
		} else {
			buf_putc(b, *ru);
		}
}

const char *
doctor_issue(const struct doctor *d, const char *text, struct buf *b)
{
	struct part v[PARTS] = { { NULL, 0 } };
	const char *said = text, *colon;

	if (d->o.lang != DOCTOR_RU)
		return text;
	/* "FILE:LINE: KEY: what is wrong": a sentence begins behind one of the colons */
	for (;;) {
		for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
			if (matches(lines[i].en, said, v, 0)) {
				buf_put(b, text, (size_t)(said - text));
				filled(b, lines[i].ru, v);
				return b->p;
			}
		if ((colon = strstr(said, ": ")) == NULL)
			break;
		said = colon + 2;
	}
	buf_printf(b, "«%s»", text);
	return b->p;
}

/*
 * dmbox: the table of sub-commands and what they share.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cmd.h"
#include "extern/db.h"
#include "extern/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"
#include "base/str.h"

static const struct cmd *const table[] = {
	&cmd_init,
	&cmd_migrate,
	&cmd_config,
	&cmd_token,
	&cmd_user,
	&cmd_trigger,
	&cmd_outbox,
	&cmd_why,
	&cmd_tail,
	&cmd_replay,
	&cmd_purge,
	&cmd_doctor,
};
#define N_TABLE (sizeof(table) / sizeof(table[0]))

#define SPAN_MAX_S (INT64_C(100) * 366 * 86400)

static const char *running = "";	/* the sub-command, for messages */
static bool json_left_out;		/* cmd_json printed nothing */
static char conf_lang[8];		/* DMBOX_LANG of the configuration */

enum cmd_lang
cmd_lang(void)
{
	static const char *const locale[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	const char *v = getenv("DMBOX_LANG");

	if (str_empty(v))
		v = conf_lang;
	for (size_t i = 0; i < sizeof(locale) / sizeof(locale[0]) && str_empty(v); i++)
		v = getenv(locale[i]);
	return !str_empty(v) && str_istarts(v, "ru") ? CMD_RU : CMD_EN;
}

const char *
cmd_tr(const char *en, const char *ru)
{
	return cmd_lang() == CMD_RU ? ru : en;
}

void
cmd_error(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "dmbox%s%s: ", *running != '\0' ? " " : "", running);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void
put_usage(FILE *f, const struct cmd *c)
{
	fprintf(
	    f, "%s\n\n%s\n%s", c->usage[cmd_lang()], cmd_tr("examples:", "примеры:"), c->examples);
}

int
cmd_usage(const struct cmd *c)
{
	put_usage(stderr, c);
	return CMD_USAGE;
}

void
cmd_conf_issues(const struct conf *c)
{
	for (size_t i = 0; i < c->n_issues; i++)
		fprintf(stderr, "%s: %s\n",
		    c->issues[i].error ? cmd_tr("error", "ошибка") : cmd_tr("warning", "внимание"),
		    c->issues[i].text);
}

enum rc
cmd_conf(struct conf **out)
{
	struct conf *c;
	enum rc rc = conf_load(CONF_TOOL, NULL, &c);

	if (c->lang != NULL)
		snprintf(conf_lang, sizeof(conf_lang), "%s", c->lang);
	if (rc != RC_OK) {
		cmd_conf_issues(c);
		conf_drop(c);
		return rc;
	}
	conf_register_secrets(c);
	conf_log_open(c, "dmbox");
	*out = c;
	return RC_OK;
}

struct db *
cmd_db(const struct db_opts *o)
{
	struct db_opts with = *o;
	struct db *db;

	with.on_connect = store_schema_check;
	db = db_new(&with);
	if (db_ready(db) == RC_OK || db_fault(db) != DB_FAULT_SCHEMA)
		return db;
	cmd_error("%s",
	    cmd_tr("the database's schema is not there or older than this program "
		   "needs; run: dmbox migrate",
		"схемы в базе нет, или она старше, чем нужно этой программе; выполните: "
		"dmbox migrate"));
	db_free(db);
	return NULL;
}

int
cmd_json(struct jsonw *w)
{
	bool whole = jsonw_done(w);

	json_left_out |= !whole;
	if (whole)
		puts(w->b->p);
	else
		cmd_error("%s", cmd_tr("the answer is too large", "ответ слишком велик"));
	mem_wipe(w->b->p, w->b->n);
	buf_free(w->b);
	return whole ? CMD_OK : CMD_FAIL;
}

enum rc
cmd_duration_s(const char *s, long long *out)
{
	size_t n = strspn(s, "0123456789");
	int64_t v, unit;

	if (str_n_i64(s, n, &v) != RC_OK)
		return RC_INVALID;
	if (str_eq(s + n, "") || str_eq(s + n, "s"))
		unit = 1;
	else if (str_eq(s + n, "m"))
		unit = 60;
	else if (str_eq(s + n, "h"))
		unit = 3600;
	else if (str_eq(s + n, "d"))
		unit = 86400;
	else
		return RC_INVALID;
	if (v > SPAN_MAX_S / unit)	/* its microseconds must fit, too */
		return RC_INVALID;
	*out = v * unit;
	return RC_OK;
}

/* Local time by its fields; those that are not named are of today. */
static enum rc
local_time(struct tm *tm, int64_t *out)
{
	time_t t;

	tm->tm_isdst = -1;
	t = mktime(tm);
	if (t == (time_t)-1)
		return RC_INVALID;
	*out = (int64_t)t * 1000000;
	return RC_OK;
}

/* "yesterday 10:15", "вчера в 10:15"; alone the day's midnight. */
static enum rc
when_day(const char *s, int64_t *out)
{
	static const struct {
		const char *word;
		int back;
	} v[] = { { "today", 0 }, { "yesterday", 1 }, { "сегодня", 0 }, { "вчера", 1 } };
	static const char *const at[] = { ",", " at ", " в " };
	time_t now = (time_t)(clock_now_us() / 1000000);
	const char *end;
	struct tm tm;

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		if (!str_istarts(s, v[i].word))
			continue;
		localtime_r(&now, &tm);
		tm.tm_mday -= v[i].back;
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		end = s + strlen(v[i].word);
		for (size_t k = 0; k < sizeof at / sizeof *at; k++)
			if (str_istarts(end, at[k]))
				end += strlen(at[k]);
		if (*end != '\0')
			end = strptime(end, " %H:%M", &tm);
		return end != NULL && *end == '\0' ? local_time(&tm, out) : RC_INVALID;
	}
	return RC_INVALID;
}

static enum rc
when_local(const char *s, int64_t *out)
{
	static const char *const forms[] = { "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M",
		"%d.%m.%Y, %H:%M", "%d.%m. %H:%M", "%d.%m %H:%M", "%d.%m.%Y", "%Y-%m-%d %H:%M:%S",
		"%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M" };
	time_t now = (time_t)(clock_now_us() / 1000000);
	const char *end;

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm tm;

		localtime_r(&now, &tm);
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		end = strptime(s, forms[i], &tm);
		if (end != NULL && *end == '\0')
			return local_time(&tm, out);
	}
	return RC_INVALID;
}

enum rc
cmd_when(const char *s, int64_t *out)
{
	static const int64_t day = INT64_C(86400) * 1000000;
	size_t n = strlen(s);
	char full[CLOCK_ISO_MAX];
	long long ago;

	if (cmd_duration_s(s, &ago) == RC_OK) {
		*out = clock_now_us() - (int64_t)ago * 1000000;
		return RC_OK;
	}
	if ((n == 5 || n == 8) && s[2] == ':') {
		clock_iso(clock_now_us(), full);
		snprintf(full + 11, sizeof(full) - 11, "%s%sZ", s, n == 5 ? ":00" : "");
		if (clock_parse(full, strlen(full), out) != RC_OK)
			return RC_INVALID;
		if (*out > clock_now_us())
			*out -= day;
		return RC_OK;
	}
	if (when_day(s, out) == RC_OK || when_local(s, out) == RC_OK)
		return RC_OK;
	return strchr(s, '-') != NULL ? clock_parse(s, n, out) : RC_INVALID;
}

/* The place of a sub-command in the table; N_TABLE: there is none. */
static size_t
find(const char *name)
{
	size_t i = 0;

	while (i < N_TABLE && !str_eq(table[i]->name, name))
		i++;
	return i;
}

static void
overview(FILE *f)
{
	fputs(cmd_tr("usage: dmbox COMMAND [OPTIONS]\n\n", "вызов: dmbox КОМАНДА [КЛЮЧИ]\n\n"), f);
	for (size_t i = 0; i < N_TABLE; i++)
		fprintf(f, "  %-9s %s\n", table[i]->name, table[i]->brief[cmd_lang()]);
	fputs(
	    cmd_tr("\ndmbox help COMMAND says more.  Exit status: 0 good, 1 warnings or "
		   "not found,\n"
		   "2 failed, 64 wrong usage.\n",
		"\nПодробнее: dmbox help КОМАНДА.  Код выхода: 0 хорошо, 1 есть замечания или не\n"
		"найдено, 2 не удалось, 64 неверный вызов.\n"),
	    f);
}

static int
unknown(const char *name)
{
	const char *names[N_TABLE], *near;

	for (size_t i = 0; i < N_TABLE; i++)
		names[i] = table[i]->name;
	near = str_nearest(name, names, N_TABLE);
	if (near != NULL)
		cmd_error(cmd_tr("there is no command %s; did you mean %s?",
			      "нет команды %s; может быть, %s?"),
		    name, near);
	else
		cmd_error(cmd_tr("there is no command %s; see: dmbox help",
			      "нет команды %s; смотрите: dmbox help"),
		    name);
	return CMD_USAGE;
}

static int
help(const char *name)
{
	size_t i;

	if (name == NULL) {
		overview(stdout);
		return CMD_OK;
	}
	i = find(name);
	if (i == N_TABLE)
		return unknown(name);
	put_usage(stdout, table[i]);
	return CMD_OK;
}

int
main(int argc, char **argv)
{
	static char name[64];
	const struct cmd *c;
	size_t place;
	int status;

	if (argc < 2) {
		overview(stderr);
		return CMD_USAGE;
	}
	if (str_eq(argv[1], "help") || str_eq(argv[1], "--help") || str_eq(argv[1], "-h"))
		return help(argc > 2 ? argv[2] : NULL);
	if (str_eq(argv[1], "version") || str_eq(argv[1], "--version")) {
		printf("dmbox %s\n", DMBOX_VERSION);
		return CMD_OK;
	}
	place = find(argv[1]);
	if (place == N_TABLE)
		return unknown(argv[1]);
	c = table[place];
	for (int i = 2; i < argc; i++)
		if (str_eq(argv[i], "--help"))
			return help(c->name);
	running = c->name;
	snprintf(name, sizeof name, "dmbox %s", c->name);
	argv[1] = name;		/* in getopt's words */
	optind = 1;
	status = c->run(argc - 1, argv + 1);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		cmd_error("stdout: %s", cmd_tr("cannot be written", "запись не удалась"));
		status = CMD_FAIL;
	}
	if (json_left_out)
		status = CMD_FAIL;
	log_close();
	log_secrets_reset();
	return status;
}

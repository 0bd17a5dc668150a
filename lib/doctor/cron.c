/*
 * Why cron does not start the poller: its user's crontab is read, and a line that names
 * dmbox-poll is looked at as cron and its shell would.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/prefix.h"
#include "base/str.h"
#include "doctor/doctor.h"
#include "extern/command.h"

#define POLLER "dmbox-poll"
#define ASK_MS 2000
#define TABLE_MAX 65536
#define WORD_MAX 1024

/* What is wrong with a line; the later ones need a command that is understood. */
enum fault {
	LINE_RIGHT,
	LINE_OFF,
	LINE_CR,
	LINE_TIME,
	LINE_BOOT,
	LINE_PERCENT,
	LINE_USER,
	LINE_STARTER,
	LINE_ABSENT,
	LINE_CLOSED,
	LINE_NOEXEC,
	LINE_PATH,
	LINE_OTHER,
	LINE_OTHER_CONF,
	LINE_NO_CONF,
	LINE_RARE
};

/* A crontab while it is read, and what its line of the poller is. */
struct table {
	const char *config, *poller;	/* this installation's */
	char path[WORD_MAX];		/* PATH for what follows */
	char named[WORD_MAX];		/* DMBOX_CONFIG, "" none */
	unsigned int line;		/* 0: no line names the poller */
	enum fault fault;
	char what[WORD_MAX];		/* the file or word that is meant */
};

/* One word as the shell has it, without its quotes; ends that separate commands are blanks. */
static bool
word(const char **p, char out[WORD_MAX])
{
	size_t n = 0;
	char quote = '\0';

	*p += strspn(*p, " \t;&|()");
	for (; **p != '\0' && (quote != '\0' || strchr(" \t;&|()", **p) == NULL); (*p)++) {
		if (quote == '\0' && (**p == '\'' || **p == '"'))
			quote = **p;
		else if (**p == quote && quote != '\0')
			quote = '\0';
		else if (n + 1 < WORD_MAX)
			out[n++] = **p;
	}
	out[n] = '\0';
	return n > 0;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
is_user(const char *s)
{
	return strpbrk(s, "/=.~$") == NULL && getpwnam(s) != NULL;
}

/* Programs that read scripts; a compiled program is none. */
static bool
is_starter(const char *s)
{
	static const char *const v[] = { "php", "lsphp", "ea-php", "perl", "python", "node",
		"ruby" };
	const char *b = base_name(s);

	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		if (str_starts(b, v[i]))
			return true;
	return false;
}

/* May path be run?  LINE_RIGHT, or what hinders it. */
static enum fault
runnable(const char *path)
{
	struct statvfs v;

	if (access(path, X_OK) == 0)
		return LINE_RIGHT;
	if (errno != EACCES)
		return LINE_ABSENT;
	return statvfs(path, &v) == 0 && (v.f_flag & ST_NOEXEC) != 0 ? LINE_NOEXEC : LINE_CLOSED;
}

/* A name without a folder: is it in one of those that cron searches? */
static enum fault
in_path(struct table *t, const char *name)
{
	char file[WORD_MAX * 2];

	for (const char *p = t->path; *p != '\0'; p += strcspn(p, ":"), p += *p == ':') {
		snprintf(file, sizeof file, "%.*s/%s", (int)strcspn(p, ":"), p, name);
		if (access(file, X_OK) == 0)
			return LINE_RIGHT;
	}
	snprintf(t->what, sizeof t->what, "%s", t->path);
	return LINE_PATH;
}

/* The configuration that the line's poller reads. */
static enum fault
configured(struct table *t, const char *named)
{
	if (*named == '\0')
		/* without a name it finds the usual one, as doctor did unless it was told */
		return str_empty(getenv("DMBOX_CONFIG")) ? LINE_RIGHT : LINE_NO_CONF;
	snprintf(t->what, WORD_MAX, "%s", named);
	return doctor_same_file(named, t->config) ? LINE_RIGHT : LINE_OTHER_CONF;
}

static enum fault
program(struct table *t, const char *w, const char *named)
{
	enum fault f;

	snprintf(t->what, sizeof t->what, "%s", w);
	if (strchr(w, '/') == NULL)
		f = in_path(t, w);
	else if (*w != '/')
		return LINE_RIGHT;	/* from a folder that the shell knows */
	else if ((f = runnable(w)) == LINE_RIGHT && *named == '\0' &&
	    !doctor_same_file(w, t->poller))
		f = LINE_OTHER;
	return f != LINE_RIGHT ? f : configured(t, named);
}

/* What stands behind the time. */
static enum fault
command(struct table *t, const char *p)
{
	char w[WORD_MAX], first[WORD_MAX] = "", named[WORD_MAX];
	bool percent = false;

	for (const char *c = p; *c != '\0'; c++)
		percent |= *c == '%' && (c == p || c[-1] != '\\');
	if (percent)
		return LINE_PERCENT;
	snprintf(named, sizeof named, "%s", t->named);
	while (word(&p, w)) {
		if (str_starts(w, "DMBOX_CONFIG="))
			snprintf(named, sizeof named, "%s", strchr(w, '=') + 1);
		else if (str_eq(base_name(w), POLLER))
			return program(t, w, named);
		else if (*first == '\0' && strchr(w, '=') == NULL)
			snprintf(first, sizeof first, "%s", w);
		else
			continue;
		snprintf(t->what, WORD_MAX, "%s", first);
		if (*first != '\0' && is_user(first))
			return LINE_USER;
		if (*first != '\0' && is_starter(first))
			return LINE_STARTER;
	}
	return LINE_RIGHT;	/* in words that only a shell understands */
}

/* The time, and *p behind it. */
static enum fault
when(const char **p)
{
	const char *minute = *p;

	if (**p == '@') {
		bool boot = str_starts(*p, "@reboot");

		*p += strcspn(*p, " \t");
		return boot ? LINE_BOOT : LINE_RARE;
	}
	for (int i = 0; i < 5; i++) {
		size_t n = strcspn(*p, " \t");

		if (n == 0 ||
		    strspn(*p,
			"0123456789*,/-abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ") < n ||
		    strchr("*0123456789", **p) == NULL)
			return LINE_TIME;
		*p += n;
		*p += strspn(*p, " \t");
	}
	return strcspn(minute, "*,/-") < strcspn(minute, " \t") ? LINE_RIGHT : LINE_RARE;
}

static enum fault
judge(struct table *t, char *s, bool of_system)
{
	enum fault time, cmd;
	const char *p = s;
	char user[WORD_MAX];

	if (*p == '#')
		return LINE_OFF;
	if (s[strlen(s) - 1] == '\r')
		return LINE_CR;
	time = when(&p);
	if (time == LINE_TIME || time == LINE_BOOT)
		return time;
	if (of_system && !word(&p, user))
		return LINE_TIME;
	cmd = command(t, p + strspn(p, " \t"));
	return cmd != LINE_RIGHT ? cmd : time;
}

/* NAME=VALUE: what the lines below it get; false: the line is none. */
static bool
setting(struct table *t, const char *s)
{
	static const char *const names[] = { "PATH", "DMBOX_CONFIG" };
	const char *p;
	size_t n = strcspn(s, "= \t");

	if (!isalpha((unsigned char)*s) || s[n + strspn(s + n, " \t")] != '=')
		return false;
	p = strchr(s, '=') + 1;
	if (n == strlen(names[0]) && str_starts(s, names[0]))
		(void)word(&p, t->path);
	if (n == strlen(names[1]) && str_starts(s, names[1]))
		(void)word(&p, t->named);
	return true;
}

/* A line that works, or else the first that is not commented out, is the one. */
static void
read_table(struct table *t, char *text, bool of_system)
{
	unsigned int n = 0;
	char *next;

	snprintf(t->path, sizeof t->path, "/usr/bin:/bin");
	for (char *s = text; s != NULL; s = next) {
		struct table try = *t;
		enum fault f;

		next = strchr(s, '\n');
		if (next != NULL)
			*next++ = '\0';
		n++;
		s += strspn(s, " \t");
		if (setting(t, s) || strstr(s, POLLER) == NULL)
			continue;
		f = judge(&try, s, of_system);
		if (t->line != 0 &&
		    (t->fault == LINE_RIGHT || f == LINE_OFF ||
			(t->fault != LINE_OFF && f != LINE_RIGHT)))
			continue;
		t->line = n;
		t->fault = f;
		memcpy(t->what, try.what, sizeof t->what);
	}
}

/* --- in words ---------------------------------------------------------------------------- */

static const char *
words(const struct doctor *d, enum fault f)
{
	switch (f) {
	case LINE_OFF:
		return doctor_tr(d, "is commented out", "закомментирована");
	case LINE_CR:
		return doctor_tr(d, "ends as Windows ends lines: cron hands the carriage return on",
		    "кончается как в Windows: возврат каретки попадает в команду");
	case LINE_TIME:
		return doctor_tr(d, "does not begin with five fields of time",
		    "не начинается с пяти полей времени");
	case LINE_BOOT:
		return doctor_tr(d, "starts it at the machine's start only",
		    "запускает его только при старте машины");
	case LINE_PERCENT:
		return doctor_tr(d,
		    "has a percent sign without a backslash: there cron ends the "
		    "command",
		    "содержит знак процента без обратной косой черты: на нём cron "
		    "обрывает команду");
	case LINE_USER:
		return doctor_tr(d, "has a user before the command, as only /etc/crontab has: ",
		    "содержит пользователя перед командой, как бывает только в /etc/crontab: ");
	case LINE_STARTER:
		return doctor_tr(d, "starts it as a script, which it is not, by ",
		    "запускает его как скрипт, а это программа, через ");
	case LINE_ABSENT:
		return doctor_tr(d, "starts what is not there: ", "запускает то, чего нет: ");
	case LINE_CLOSED:
		return doctor_tr(
		    d, "starts what may not be executed: ", "запускает то, что нельзя исполнять: ");
	case LINE_NOEXEC:
		return doctor_tr(d, "starts what lies where nothing may be executed (noexec): ",
		    "запускает то, что лежит там, где исполнять нельзя («noexec»): ");
	case LINE_PATH:
		return doctor_tr(d, "names no folder of the program, and it is not in ",
		    "не называет папку программы, а её нет в ");
	case LINE_OTHER:
		return doctor_tr(d, "starts another installation's program: ",
		    "запускает программу другой установки: ");
	case LINE_OTHER_CONF:
		return doctor_tr(
		    d, "names another configuration: ", "называет другую конфигурацию: ");
	case LINE_NO_CONF:
		return doctor_tr(d,
		    "names no configuration, and this one is found only where "
		    "DMBOX_CONFIG names it",
		    "не называет конфигурацию, а эту находят, только "
		    "если её называет DMBOX_CONFIG");
	case LINE_RARE:
		return doctor_tr(
		    d, "starts it once an hour at most", "запускает его не чаще раза в час");
	case LINE_RIGHT:
		break;
	}
	return doctor_tr(d, "is right", "верна");
}

/* Does the fault name what it means? */
static bool
names_it(enum fault f)
{
	return f >= LINE_USER && f <= LINE_OTHER_CONF;
}

static void
say(const struct doctor *d, const struct table *t, const char *where, struct buf *why)
{
	buf_printf(why, doctor_tr(d, "; %s, line %u: it %s", "; %s, строка %u: она %s"), where,
	    t->line, words(d, t->fault));
	if (names_it(t->fault))
		buf_puts(why, t->what);
}

/* The remedy of a line that is there. */
static void
mend(const struct doctor *d, const struct table *t, char fix[DOCTOR_FIX_MAX])
{
	if (t->fault == LINE_RIGHT)
		snprintf(fix, DOCTOR_FIX_MAX,
		    doctor_tr(d,
			"See that cron itself runs (systemctl status cron; on shared hosting ask "
			"the host), and start the poller once, its words tell: `DMBOX_CONFIG='%s' "
			"%s --once`",
			"Проверьте, что сам cron работает («systemctl status cron»; на общем "
			"хостинге — спросите поддержку), и запустите опросчик один раз, он скажет "
			"причину: `DMBOX_CONFIG='%s' %s --once`"),
		    t->config, t->poller);
	else if (t->fault == LINE_CLOSED && doctor_same_file(t->what, t->poller))
		snprintf(fix, DOCTOR_FIX_MAX, "`chmod 755 '%s'`", t->what);
	else if (t->fault == LINE_NOEXEC)
		snprintf(fix, DOCTOR_FIX_MAX, "%s",
		    doctor_tr(d,
			"Install dmbox where programs may be executed, such as the home folder, or "
			"ask the host to mount that file system without noexec.",
			"Установите dmbox туда, где программы исполняются, например в домашнюю "
			"папку, или попросите хостинг смонтировать эту файловую систему без "
			"«noexec»."));
	else
		snprintf(fix, DOCTOR_FIX_MAX,
		    doctor_tr(d,
			"Put this line in its place with crontab -e, or its command in the host's "
			"panel: `* * * * * DMBOX_CONFIG='%s' %s`",
			"Замените её через crontab -e этой строкой или её командой в панели "
			"хостинга: `* * * * * DMBOX_CONFIG='%s' %s`"),
		    t->config, t->poller);
}

/* --- where the poller's lines stand ------------------------------------------------------ */

/* Whose crontab?  Of root, who looks after others' installations, that of the spool's owner. */
static const char *
user(const struct doctor *d)
{
	struct stat st;
	const struct passwd *pw;
	uid_t uid = geteuid();

	if (uid == 0 && d->conf->spool_dir != NULL && stat(d->conf->spool_dir, &st) == 0)
		uid = st.st_uid;
	pw = getpwuid(uid);
	return pw != NULL ? pw->pw_name : NULL;
}

static bool
of_user(const struct doctor *d, struct table *t, char *text, struct buf *why)
{
	const char *name = user(d), *argv[] = { "crontab", "-l", NULL, NULL, NULL };
	char where[WORD_MAX];
	const char *said;
	int status;

	if (geteuid() == 0 && name != NULL) {
		argv[2] = "-u";
		argv[3] = name;
	}
	if (command_output(argv, ASK_MS, text, TABLE_MAX, &status) != RC_OK)
		return false;
	snprintf(where, sizeof where, doctor_tr(d, "crontab of %s", "crontab пользователя «%s»"),
	    name != NULL ? name : "?");
	if (status != 0) {
		said = text + strspn(text, "\n");
		buf_printf(why, doctor_tr(d, "; %s: \"%.*s\"", "; %s: «%.*s»"), where,
		    (int)strcspn(said, "\n"), said);
		return false;
	}
	read_table(t, text, false);
	if (t->line == 0)
		buf_printf(why,
		    doctor_tr(d, "; %s: no line starts %s",
			"; %s: ни одна строка не "
			"запускает %s"),
		    where, POLLER);
	else
		say(d, t, where, why);
	return t->line != 0;
}

/* The line of this installation's poller, where the program lies beside this one or below the
 * prefix. */
static void
poller_path(char out[PATH_MAX])
{
	ssize_t n;
	char *slash;

	snprintf(out, PATH_MAX, "%s/bin/" POLLER, prefix());
	if (access(out, F_OK) == 0)
		return;
	n = readlink("/proc/self/exe", out, PATH_MAX - sizeof POLLER - 1);
	out[n > 0 ? n : 0] = '\0';
	slash = strrchr(out, '/');
	if (slash != NULL)
		memcpy(slash + 1, POLLER, sizeof POLLER);
	if (slash == NULL || access(out, F_OK) != 0)
		snprintf(out, PATH_MAX, "%s/bin/" POLLER, prefix());
}

void
doctor_crontab(const struct doctor *d, char fix[DOCTOR_FIX_MAX], struct buf *why)
{
	char poller[PATH_MAX], *text;
	struct table t = { .config = d->conf->file, .poller = poller };

	poller_path(poller);
	if (str_eq(prefix(), "/usr") && access("/etc/cron.d/dmbox", F_OK) == 0) {
		snprintf(fix, DOCTOR_FIX_MAX, "%s",
		    doctor_tr(d,
			"The package's /etc/cron.d/dmbox has the line: see that cron is installed "
			"and runs (systemctl status cron), and what it wrote (journalctl -u cron)",
			"Строка есть в /etc/cron.d/dmbox от пакета: проверьте, что cron установлен "
			"и работает (systemctl status cron) и что он пишет (journalctl -u cron)"));
		return;
	}
	snprintf(fix, DOCTOR_FIX_MAX,
	    doctor_tr(d,
		"Add this line with crontab -e, or its command in the host's panel: `* * * * * "
		"DMBOX_CONFIG='%s' %s`. If one is there already: its path must be this "
		"one, its user the programs' own, no %% in it, and cron itself must run (systemctl "
		"status cron); cron's mail has the errors.",
		"Добавьте через crontab -e эту строку или её команду в панели хостинга: `* * * * * "
		"DMBOX_CONFIG='%s' %s`. Если строка уже есть: путь в ней должен быть этот, "
		"пользователь — тот же, что у программ, без %%, а сам cron запущен («systemctl "
		"status cron»); ошибки приходят письмом cron."),
	    d->conf->file, poller);
	if (!d->o.ask_cron)
		return;
	text = mem_alloc(TABLE_MAX);
	if (of_user(d, &t, text, why))
		mend(d, &t, fix);
	free(text);
}

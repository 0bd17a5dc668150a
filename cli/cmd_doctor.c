/*
 * dmbox doctor: why messages do not appear.  The checks are lib/doctor*.c; here
 * they are shown to a person, a program, a monitor or cron's mail.
 */
#include <getopt.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "doctor/doctor.h"
#include "extern/jsonw.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/prefix.h"
#include "base/str.h"

#define OUT_MAX (1 << 20)
#define STATE_FILE "doctor.last"

enum form { FORM_TEXT, FORM_LIST, FORM_JSON, FORM_NAGIOS, FORM_CHANGES, FORM_TICKET };

/* --- for people -------------------------------------------------------------------- */

static const char *
colour(enum finding_status s)
{
	static const char *const v[] = { [FINDING_OK] = "\033[32m", [FINDING_WARN] = "\033[33m",
		[FINDING_FAIL] = "\033[31m", [FINDING_UNKNOWN] = "\033[36m" };

	return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL ? v[s] : "";
}

static const char *
status_word(enum finding_status s)
{
	switch (s) {
	case FINDING_OK:
		return cmd_tr("ok", "хорошо");
	case FINDING_WARN:
		return cmd_tr("warning", "внимание");
	case FINDING_FAIL:
		return cmd_tr("FAILED", "СБОЙ");
	default:
		return cmd_tr("unknown", "неизвестно");
	}
}

static const char *
mark(enum finding_status s)
{
	static const char *const v[] = { [FINDING_OK] = "✓", [FINDING_WARN] = "!",
		[FINDING_FAIL] = "✗", [FINDING_UNKNOWN] = "?" };

	return v[s];
}

static const char *
plain(void)
{
	return *colour(FINDING_OK) != '\0' ? "\033[0m" : "";
}

/* The list of all: a line a check, what was seen, how to fix it. */
static void
print_list(const struct doctor *d)
{
	for (int i = 0; i < DC__MAX; i++) {
		enum doctor_check c = (enum doctor_check)i;

		if (!doctor_shown(d, c))
			continue;
		printf("DMB-%03u %s%s%s  %s: %s\n", doctor_text(c)->number, colour(d->r[i].status),
		    status_word(d->r[i].status), plain(), doctor_subject(c, d->o.lang),
		    doctor_seen(d, c));
		if (!str_empty(doctor_remedy(d, c)))
			printf("        → %s\n", doctor_remedy(d, c));
	}
}

/* --- nine lines, what is not good unfolded ------------------------------------------ */

/* Groups by the published numbers: first of each. */
static const struct group { unsigned int from; const char *en, *ru; } groups[] = {
	{ 100, "Configuration", "Конфигурация" }, { 200, "Database", "База данных" },
	{ 300, "Disk and spool", "Диск и спул" }, { 400, "Poller and cron", "Опросчик и cron" },
	{ 500, "Web server", "Веб-сервер" }, { 520, "Public address", "Публичный адрес" },
	{ 600, "Test deliveries", "Пробные доставки" }, { 700, "Providers", "Провайдеры" },
	{ 800, "Messages in and out", "Входящие и исходящие" },
};
enum { N_GROUPS = sizeof groups / sizeof *groups };

static size_t
group_of(enum doctor_check c)
{
	size_t g = 0;

	while (g + 1 < N_GROUPS && doctor_text(c)->number >= groups[g + 1].from)
		g++;
	return g;
}

/* The worst of group g and how many of its checks are good; false: nothing of it applies. */
static bool
group_status(const struct doctor *d, size_t g, enum finding_status *worst, size_t *good,
    size_t *all)
{
	static const int rank[] = { [FINDING_OK] = 0, [FINDING_UNKNOWN] = 1, [FINDING_WARN] = 2,
	    [FINDING_FAIL] = 3 };

	*worst = FINDING_OK;
	*good = *all = 0;
	for (int i = 0; i < DC__MAX; i++) {
		enum finding_status s = d->r[i].status;

		if (!doctor_shown(d, (enum doctor_check)i) || group_of((enum doctor_check)i) != g)
			continue;
		++*all;
		*good += s == FINDING_OK;
		if (rank[s] > rank[*worst])
			*worst = s;
	}
	return *all > 0;
}

static void
print_more(size_t n)
{
	if (n > 0)
		printf(cmd_tr("      and %zu more, for the same reason\n",
		    "      и ещё %zu по той же причине\n"), n);
}

static void
print_group(const struct doctor *d, size_t g)
{
	enum finding_status worst;
	size_t good, all, more = 0;
	const char *same = NULL;

	if (!group_status(d, g, &worst, &good, &all))
		return;
	printf("%s%s%s %s  %zu/%zu\n", colour(worst), mark(worst), plain(),
	    cmd_tr(groups[g].en, groups[g].ru), good, all);
	for (int i = 0; i < DC__MAX; i++) {
		enum doctor_check c = (enum doctor_check)i;
		enum finding_status s = d->r[i].status;

		if (!doctor_shown(d, c) || group_of(c) != g || s == FINDING_OK)
			continue;
		if (s == FINDING_UNKNOWN && str_empty(doctor_remedy(d, c)) &&
		    str_eq(doctor_seen(d, c), same)) {
			more++;		/* as the line before */
			continue;
		}
		print_more(more);
		more = 0;
		same = s == FINDING_UNKNOWN ? doctor_seen(d, c) : NULL;
		printf("    %s%s%s DMB-%03u %s: %s\n", colour(s), mark(s), plain(),
		    doctor_text(c)->number, doctor_subject(c, d->o.lang), doctor_seen(d, c));
		if (!str_empty(doctor_remedy(d, c)))
			printf("        → %s\n", doctor_remedy(d, c));
	}
	print_more(more);
}

static void
print_verdict(const struct doctor *d)
{
	enum doctor_check first;
	size_t warn = doctor_count(d, FINDING_WARN), unknown = doctor_count(d, FINDING_UNKNOWN);

	if (doctor_first(d, &first))
		printf(cmd_tr("%s✗ Broken%s: DMB-%03u %s: %s\n  → %s\n",
		    "%s✗ Сломано%s: DMB-%03u %s: %s\n  → %s\n"),
		    colour(FINDING_FAIL), plain(), doctor_text(first)->number,
		    doctor_subject(first, d->o.lang),
		    doctor_seen(d, first), doctor_remedy(d, first));
	else if (warn > 0)
		printf(cmd_tr("%s! It works%s, with something to look at: %zu\n",
		    "%s! Работает%s, есть замечания: %zu\n"), colour(FINDING_WARN), plain(), warn);
	else if (doctor_count(d, FINDING_OK) == 0)
		printf(cmd_tr("%s? Nothing could be looked at%s\n",
		    "%s? Ничего не удалось проверить%s\n"), colour(FINDING_UNKNOWN), plain());
	else
		printf(cmd_tr("%s✓ All is well%s as far as can be seen (%zu not known)\n",
		    "%s✓ Всё в порядке%s, насколько видно (неизвестно: %zu)\n"), colour(FINDING_OK),
		    plain(), unknown);
}

static void
print_text(const struct doctor *d, bool list)
{
	print_verdict(d);
	putchar('\n');
	if (list)
		print_list(d);
	for (size_t g = 0; !list && g < N_GROUPS; g++)
		print_group(d, g);
	printf(cmd_tr("\n%zu good, %zu warnings, %zu failed, %zu unknown\n",
	    "\nхорошо: %zu, замечаний: %zu, сбоев: %zu, неизвестно: %zu\n"),
	    doctor_count(d, FINDING_OK),
	    doctor_count(d, FINDING_WARN), doctor_count(d, FINDING_FAIL),
	    doctor_count(d, FINDING_UNKNOWN));
	print_verdict(d);
}

/* A plugin's status: 3 where nothing that was asked for could be looked at. */
static int
nagios_status(const struct doctor *d)
{
	size_t seen = doctor_count(d, FINDING_OK) + doctor_count(d, FINDING_WARN) + doctor_count(d,
	    FINDING_FAIL);

	return seen == 0 ? 3 : doctor_exit(d);
}

static void
print_nagios(const struct doctor *d)
{
	static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

	printf("DMBOX %s - %zu ok, %zu warn, %zu fail", words[nagios_status(d)],
	    doctor_count(d, FINDING_OK),
	    doctor_count(d, FINDING_WARN), doctor_count(d, FINDING_FAIL));
	for (int i = 0; i < DC__MAX; i++)
		if (doctor_shown(d, (enum doctor_check)i) &&
		    (d->r[i].status == FINDING_FAIL || d->r[i].status == FINDING_WARN))
			printf(", DMB-%03u %s", doctor_text((enum doctor_check)i)->number,
			    finding_names[d->r[i].status]);
	printf(" | ok=%zu warn=%zu fail=%zu unknown=%zu\n", doctor_count(d, FINDING_OK),
	    doctor_count(d, FINDING_WARN), doctor_count(d, FINDING_FAIL),
	    doctor_count(d, FINDING_UNKNOWN));
}

static int
explain(const char *code, enum doctor_lang lang, bool json)
{
	enum doctor_check c;
	const struct doctor_text *t;
	struct jsonw w;
	struct buf b;

	if (doctor_check_by_code(code, &c) != RC_OK) {
		cmd_error(cmd_tr("there is no check %s", "проверки %s нет"), code);
		return CMD_USAGE;
	}
	t = doctor_text(c);
	if (!json) {
		printf("DMB-%03u: %s\n\n%s\n", t->number, t->what[lang], t->remedy[lang]);
		return CMD_OK;
	}
	buf_init(&b, OUT_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_printf(&w, "code", "DMB-%03u", t->number);
	jsonw_str(&w, "what", t->what[lang]);
	jsonw_str(&w, "remedy", t->remedy[lang]);
	jsonw_end(&w);
	return cmd_json(&w);
}

/* --- what is new since the last time ------------------------------------------------- */

/* Beside the configuration, or in the spool where that folder is not ours. */
static void
state_path(const struct conf *c, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" STATE_FILE, c->dir);
	if (access(path, F_OK) == 0 ? access(path, W_OK) != 0 : access(c->dir, W_OK | X_OK) != 0)
		snprintf(path, PATH_MAX, "%s/" STATE_FILE,
		    c->spool_dir != NULL ? c->spool_dir : "/tmp");
}

static char *
read_state(const char *path)
{
	char *p = mem_alloc(OUT_MAX);
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f != NULL) {
		n = fread(p, 1, OUT_MAX - 1, f);
		fclose(f);
	}
	if (n == 0) {
		free(p);
		return NULL;
	}
	return p;
}

static void
write_state(const char *path, const struct buf *b)
{
	char temp[PATH_MAX + 8];
	bool ok;
	int fd;

	snprintf(temp, sizeof temp, "%s.new", path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	ok = fd >= 0 && file_write(fd, b->p, b->n);
	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	ok = ok && rename(temp, path) == 0;
	if (!ok && fd >= 0)
		unlink(temp);
	if (!ok)
		cmd_error(cmd_tr("%s cannot be written: the next run says the same again",
		    "%s не записать: следующий запуск повторит то же"), path);
}

static void
print_changes(const struct doctor *d)
{
	char path[PATH_MAX], *before;
	struct buf text, now;

	state_path(d->conf, path);
	before = read_state(path);
	buf_init(&text, OUT_MAX);
	buf_init(&now, OUT_MAX);
	if (doctor_changes(d, before, &text, &now) > 0)
		fputs(text.p, stdout);
	write_state(path, &now);
	free(before);
	buf_free(&text);
	buf_free(&now);
}

/* --- the command ------------------------------------------------------------------------ */

static void
print(struct doctor *d, enum form form)
{
	struct buf b;

	buf_init(&b, OUT_MAX);
	switch (form) {
	case FORM_TEXT:
	case FORM_LIST:
		print_text(d, form == FORM_LIST);
		break;
	case FORM_JSON:
		doctor_json(d, &b);
		break;
	case FORM_NAGIOS:
		print_nagios(d);
		break;
	case FORM_CHANGES:
		print_changes(d);
		break;
	case FORM_TICKET:
		doctor_ticket(d, &b);
		break;
	}
	fputs(b.p, stdout);
	buf_free(&b);
}

static enum doctor_lang
language(const struct conf *c)
{
	/* cron and CGI have LANG=C: the configuration's word counts before the locale's */
	if (c != NULL && c->lang != NULL && str_empty(getenv("DMBOX_LANG")))
		setenv("DMBOX_LANG", c->lang, 1);
	return cmd_lang() == CMD_RU ? DOCTOR_RU : DOCTOR_EN;
}

static int
examine(struct doctor_opts *o, enum form form)
{
	/* what doctor finds it says itself */
	struct log_opts quiet = { .level = LOG_ERROR, .file = "/dev/null", .program = "doctor" };
	struct conf *c;
	struct doctor *d;
	char guess[PATH_MAX];
	int status;

	if (conf_load(CONF_TOOL, NULL, &c) != RC_OK)
		log_open(&quiet);	/* errors are findings, too */
	conf_register_secrets(c);
	log_open(&quiet);
	o->conf = c;
	o->lang = language(c);
	if (o->doc_root == NULL)
		o->doc_root = getenv("DOCUMENT_ROOT");
	snprintf(guess, sizeof guess, "%s/lib/cgi-bin/dmbox", prefix());
	if (o->cgi_dir == NULL && access(guess, F_OK) == 0) {
		*strrchr(guess, '/') = '\0';
		o->cgi_dir = guess;
	}
	d = doctor_new(o);
	doctor_run(d);
	print(d, form);
	status = form == FORM_NAGIOS ? nagios_status(d) : doctor_exit(d);
	doctor_free(d);
	conf_drop(c);
	if (o->cgi_dir == guess)
		o->cgi_dir = NULL;
	return status;
}

static int
run(int argc, char **argv)
{
	static const struct option options[] =
		{ { "json", 0, NULL, 'j' }, { "nagios", 0, NULL, 'n' },
		{ "changes", 0, NULL, 'c' }, { "ticket", 0, NULL, 't' }, { "only", 1, NULL, 'o' },
		{ "explain", 1, NULL, 'e' }, { "offline", 0, NULL, 'l' }, { "fix", 0, NULL, 'f' },
		{ "url", 1, NULL, 'u' }, { "cgidir", 1, NULL, 'g' }, { "docroot", 1, NULL, 'r' },
		{ "verbose", 0, NULL, 'v' },
		{ NULL, 0, NULL, 0 } };
	struct doctor_opts opts = { .only = -1, .ask_cron = true };
	enum form form = FORM_TEXT;
	enum doctor_check only;
	const char *code = NULL;
	bool json = false;
	int o;

	while ((o = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		switch (o) {
		case 'v': form = FORM_LIST; break;
		case 'j': form = FORM_JSON; json = true; break;
		case 'n': form = FORM_NAGIOS; break;
		case 'c': form = FORM_CHANGES; break;
		case 't': form = FORM_TICKET; break;
		case 'e': code = optarg; break;
		case 'l': opts.offline = true; break;
		case 'f': opts.fix = true; break;
		case 'u': opts.url = optarg; break;
		case 'g': opts.cgi_dir = optarg; break;
		case 'r': opts.doc_root = optarg; break;
		case 'o':
			if (doctor_check_by_code(optarg, &only) != RC_OK) {
				cmd_error(cmd_tr("there is no check %s", "проверки %s нет"),
				    optarg);
				return CMD_USAGE;
			}
			opts.only = (int)only;
			break;
		default: return cmd_usage(&cmd_doctor);
		}
	}
	if (optind != argc)
		return cmd_usage(&cmd_doctor);
	if (code != NULL)
		return explain(code, language(NULL), json);
	return examine(&opts, form);
}

const struct cmd cmd_doctor = {
	"doctor", run,
	{ "why messages do not appear: every link of the chain",
	"почему сообщений нет: каждое звено цепи" },
	{ "usage: dmbox doctor [-v | --json | --nagios | --changes | --ticket] [--only CODE] "
	  "[--offline]\n"
	  "                    [--fix] [--url URL] [--cgidir DIR] [--docroot DIR]\n"
	  "       dmbox doctor --explain CODE\n\n"
	  "Walks the whole chain from the configuration to the provider and tells you the first\n"
	  "step that is broken and how to fix it: nine groups (✓ good, ! warning, ✗ failed,\n"
	  "? not known), what is not good unfolded; -v lists every check.\n"
	  "Test deliveries are marked and removed again;\n"
	  "nothing else is changed unless --fix is given, which subscribes a Meta account to\n"
	  "its messages.  --changes says only what is new since the last time (for cron),\n"
	  "--ticket writes a support ticket for the provider, --offline asks nobody.\n"
	  "--url is tested instead of DMBOX_PUBLIC_URL; --cgidir is where make install put\n"
	  "the programs.  Exit status: 0 good, 1 warnings, 2 something failed.",
	  "вызов: dmbox doctor [-v | --json | --nagios | --changes | --ticket] [--only КОД] "
	  "[--offline]\n"
	  "                    [--fix] [--url URL] [--cgidir ПАПКА] [--docroot ПАПКА]\n"
	  "       dmbox doctor --explain КОД\n\n"
	  "Проходит всю цепь от конфигурации до провайдера и называет первое сломанное звено и\n"
	  "что его чинит: девять групп (✓ хорошо, ! замечание, ✗ сбой, ? неизвестно), подробно —\n"
	  "только то, что не в порядке; -v перечисляет все проверки.  Пробные доставки помечены и "
	  "удаляются; больше ничего не меняется,\n"
	  "кроме как с --fix: он подписывает аккаунт Meta на сообщения.  --changes говорит\n"
	  "только о новом с прошлого раза (для cron), --ticket пишет письмо в поддержку\n"
	  "провайдера, --offline никого не спрашивает.  --url проверяется вместо\n"
	  "DMBOX_PUBLIC_URL; --cgidir — куда make install положил программы.\n"
	  "Код выхода: 0 хорошо, 1 есть замечания, 2 есть сбой." },
	"  dmbox doctor\n"
	  "  dmbox doctor --only 503 -v\n"
	  "  dmbox doctor --changes || mail -s dmbox you@example.org\n"
};

/*
 * Files that the web server and people read: the programs' folder as suexec
 * wants it, .htaccess, the logs; and the support ticket for the provider.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/dburl.h"
#include "doctor/doctor.h"
#include "bridge/hint.h"
#include "base/mem.h"
#include "base/str.h"

#define HTACCESS_MAX 65536
#define FIX_MAX (2 * PATH_MAX + 400)
#define LOG_TAIL (8 << 20)	/* of each log */
#define LOG_FILES 400
#define LIMIT_LEAST 16777216	/* LimitRequestBody: ARCHITECTURE.md 6.4 */

static const char *const programs[] = { "webhook.fcgi", "check-messages.fcgi", "send.fcgi",
	"inbox.fcgi", "status.fcgi" };

/* --- .htaccess ------------------------------------------------------------------- */

bool
doctor_htaccess(const char *text, char why[128])
{
	/* server configuration only (ARCHITECTURE.md 6.4; Apache's "Context") */
	static const char *const no[] = { "AliasMatch", "ScriptAlias", "<Directory", "<Location",
		"<VirtualHost", "FcgidPassHeader", "LoadModule", "DocumentRoot", "ServerName",
		"CustomLog", "LogFormat", "ErrorLog", "ProxyPass ", "SuexecUserGroup" };
	char line[1024];
	long long n;
	size_t len;

	*why = '\0';
	for (const char *p = text; *p != '\0'; p += len + (p[len] == '\n')) {
		len = strcspn(p, "\n");
		snprintf(line, sizeof line, "%.*s",
		    (int)(len < sizeof line - 1 ? len : sizeof line - 1), p);
		for (char *e = line + strlen(line); e > line && isspace((unsigned char)e[-1]); e--)
			e[-1] = '\0';
		const char *s = line + strspn(line, " \t");

		if (strncasecmp(s, "Fcgid", 5) == 0) {
			snprintf(why, 128, "%.100s", s);
			return true;
		}
		for (size_t i = 0; i < sizeof no / sizeof *no; i++)
			if (strncasecmp(s, no[i], strlen(no[i])) == 0) {
				snprintf(why, 128, "%.100s", s);
				return true;
			}
		if (strncasecmp(s, "LimitRequestBody", 16) == 0) {
			n = strtoll(s + 16, NULL, 10);
			if (n > 0 && n < LIMIT_LEAST) {
				snprintf(why, 128, "%.100s", s);
				return true;
			}
		}
	}
	return false;
}

/* The file's last max bytes, or NULL.  Caller frees. */
static char *
tail_of(const char *path, size_t max, size_t *n)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *p = NULL;
	ssize_t got;

	*n = 0;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		goto out;
	if ((size_t)st.st_size < max)
		max = (size_t)st.st_size;
	p = mem_alloc(max + 1);
	if (lseek(fd, (off_t)((size_t)st.st_size - max), SEEK_SET) < 0)
		goto out;
	while (*n < max && (got = read(fd, p + *n, max - *n)) > 0)
		*n += (size_t)got;
	p[*n] = '\0';
out:
	close(fd);
	return p;
}

/* What takes a directive out of a file; NULL where its name is not a word. */
static const char *
without(const struct doctor *d, const char *path, const char *directive, char fix[FIX_MAX])
{
	size_t n = strspn(directive, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	if (n == 0)
		return NULL;
	snprintf(fix, FIX_MAX,
	    doctor_tr(d,
		"Take the line out: with it the server answers 500 to every request. "
		"`sed -i '/^[[:blank:]]*%.*s[[:blank:]]/Id' '%s'`",
		"Уберите строку: с ней сервер отвечает 500 на каждый запрос. "
		"`sed -i '/^[[:blank:]]*%.*s[[:blank:]]/Id' '%s'`"),
	    (int)n, directive, path);
	return fix;
}

static void
htaccess(struct doctor *d, const char *cgi_dir, const char *sub)
{
	char path[PATH_MAX], why[128], fix[FIX_MAX];
	size_t n;
	char *text;

	snprintf(path, sizeof path, "%s%s%s/.htaccess", cgi_dir, *sub != '\0' ? "/" : "", sub);
	text = tail_of(path, HTACCESS_MAX, &n);
	if (text == NULL)
		return;
	if (doctor_htaccess(text, why))
		doctor_cause(
		    d, DC_HTACCESS, FINDING_FAIL, without(d, path, why, fix), "%s: %s", path, why);
	else
		doctor_say(d, DC_HTACCESS, FINDING_OK, "%s", path);
	free(text);
}

/* --- suexec ----------------------------------------------------------------------- */

static void
mode_of(struct doctor *d, const char *path, mode_t mode)
{
	char fix[FIX_MAX];

	snprintf(fix, sizeof fix,
	    doctor_tr(d, "`chmod 755 '%s'`: suexec runs nothing that group or others may write.",
		"`chmod 755 '%s'`: suexec не запускает то, что может менять группа или остальные."),
	    path);
	doctor_cause(
	    d, DC_PROG_MODE, FINDING_FAIL, fix, "%s: %03o", path, (unsigned int)mode & 0777);
}

static void
program(struct doctor *d, const char *dir, const struct stat *folder, const char *name)
{
	char path[PATH_MAX], fix[FIX_MAX];
	struct stat st;

	if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
		return;
	if (lstat(path, &st) != 0) {
		doctor_say(d, DC_PROG_LINK, FINDING_FAIL, "%s: %s", path, doctor_errno(d, errno));
		return;
	}
	if (S_ISLNK(st.st_mode)) {
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"Copy the program, suexec follows no links: `cp -p --remove-destination "
			"\"$(readlink -f '%s')\" '%s'`",
			"Скопируйте программу, suexec не идёт по ссылкам: `cp -p "
			"--remove-destination \"$(readlink -f '%s')\" '%s'`"),
		    path, path);
		doctor_cause(d, DC_PROG_LINK, FINDING_FAIL, fix,
		    doctor_tr(d, "%s is a link", "%s — ссылка"), path);
	} else
		doctor_say(d, DC_PROG_LINK, FINDING_OK, "%s", name);
	if (S_ISLNK(st.st_mode))
		return;
	if ((st.st_mode & 022) != 0 || (st.st_mode & 0111) == 0)
		mode_of(d, path, st.st_mode);
	else
		doctor_say(d, DC_PROG_MODE, FINDING_OK, "%s", name);
	if (st.st_uid != folder->st_uid || st.st_gid != folder->st_gid) {
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"Install as the user of the site (make install), suexec compares the "
			"owners; or, as root: `chown %u:%u '%s'`",
			"Устанавливайте от имени пользователя сайта (make install), suexec "
			"сравнивает владельцев; или от имени root: `chown %u:%u '%s'`"),
		    (unsigned int)folder->st_uid, (unsigned int)folder->st_gid, path);
		doctor_cause(d, DC_PROG_OWNER, FINDING_FAIL, fix, "%s: %u:%u, %s: %u:%u", path,
		    (unsigned int)st.st_uid, (unsigned int)st.st_gid, dir,
		    (unsigned int)folder->st_uid, (unsigned int)folder->st_gid);
	} else
		doctor_say(d, DC_PROG_OWNER, FINDING_OK, "%s", name);
}

void
doctor_cgi_dir(struct doctor *d)
{
	char dir[PATH_MAX];
	struct stat st;

	if (str_empty(d->o.cgi_dir))
		return;
	snprintf(dir, sizeof dir, "%s/dmbox", d->o.cgi_dir);
	if (stat(dir, &st) != 0) {
		doctor_say(d, DC_PROG_LINK, FINDING_FAIL, "%s: %s", dir, doctor_errno(d, errno));
		return;
	}
	htaccess(d, d->o.cgi_dir, "");
	htaccess(d, d->o.cgi_dir, "dmbox");
	htaccess(d, d->o.cgi_dir, "instagram");
	htaccess(d, d->o.cgi_dir, "whatsapp");
	if ((st.st_mode & 022) != 0)
		mode_of(d, dir, st.st_mode);
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		program(d, dir, &st, programs[i]);
}

/* --- secrets in logs ---------------------------------------------------------------- */

bool
doctor_word_in(const char *p, size_t n, const char *secret)
{
	size_t len = secret != NULL ? strlen(secret) : 0;

	return len >= 8 && n >= len && memmem(p, n, secret, len) != NULL;
}

static void
leak(struct doctor *d, const char *path, const char *p, size_t n, const char *key,
    const char *secret)
{
	if (doctor_word_in(p, n, secret))
		doctor_say(d, DC_LEAK, FINDING_FAIL, doctor_tr(d, "%s is in %s", "%s есть в %s"),
		    key, path);
}

static void
leaks_of(struct doctor *d, const char *path)
{
	const struct conf *c = d->conf;
	size_t n;
	char *p = tail_of(path, LOG_TAIL, &n), *password;
	const char *secret, *key;

	if (p == NULL)
		return;
	password = dburl_password_written(c->database_url);
	leak(d, path, p, n, "JWT_SECRET", c->jwt_secret);
	leak(d, path, p, n, "JWT_SECRET_OLD", c->jwt_secret_old);
	leak(d, path, p, n, "DATABASE_URL", password);
	mem_free_secret(password);
	for (size_t i = 0; i < c->n_accounts; i++) {
		const struct account *a = &c->accounts[i];

		for (size_t k = 0; (secret = account_secret(a, k, &key)) != NULL; k++)
			leak(d, path, p, n, key, secret);
	}
	doctor_say(d, DC_LEAK, FINDING_OK, "%s", path);
	free(p);
}

/* Our log and what lies beside it: hosts put the server's logs there, too. */
void
doctor_leaks(struct doctor *d)
{
	char dir[PATH_MAX], path[PATH_MAX];
	struct dirent *e;
	int files = 0;
	DIR *f;

	if (d->conf->file == NULL)
		return;
	if (d->conf->log_file != NULL) {
		snprintf(dir, sizeof dir, "%s", d->conf->log_file);
		if (strrchr(dir, '/') != NULL)
			*strrchr(dir, '/') = '\0';
	} else {
		snprintf(dir, sizeof dir, "%s/logs", d->conf->dir);
	}
	f = opendir(*dir != '\0' ? dir : "/");
	if (f == NULL)
		return;
	while ((e = readdir(f)) != NULL && files < LOG_FILES) {
		if (strstr(e->d_name, "log") == NULL || str_ends(e->d_name, ".gz"))
			continue;
		if (snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < (int)sizeof path) {
			leaks_of(d, path);
			files++;
		}
	}
	closedir(f);
}

/* --- the letter ------------------------------------------------------------------------ */

/* The last probing of an account as check-messages shows it; it contains no secret. */
static void
attempts(struct doctor *d, const struct account *a, struct buf *b)
{
	static const struct db_stmt last = { NULL,
		"select started_at, t->>'url', t->>'auth',"
		" t->>'status', t->>'note'"
		" from dmbox.poll_runs p, jsonb_array_elements(p.attempts) t"
		" where p.id = (select max(id) from dmbox.poll_runs"
		" where account = $1 and channel = $2 and jsonb_array_length(attempts) > 1)" };
	struct db_args args = { 0 };
	struct db_res *r = NULL;

	db_text(&args, a->name);
	db_text(&args, channel_names[a->channel]);
	if (d->db_ok && db_exec(d->db, &last, &args, &r) == RC_OK)
		for (size_t i = 0; i < db_rows(r); i++)
			buf_printf(b, "  %s  GET %s  %s  -> %s %s\n",
			    doctor_when(d, db_get_time(r, i, 0)), db_get_text(r, i, 1),
			    db_get_text(r, i, 2), db_is_null(r, i, 3) ? "-" : db_get_text(r, i, 3),
			    db_is_null(r, i, 4) ? "" : db_get_text(r, i, 4));
	if (r == NULL || db_rows(r) == 0)
		buf_puts(b, "  -\n");
	db_res_free(r);
	db_args_free(&args);
}

void
doctor_ticket(struct doctor *d, struct buf *b)
{
	const struct account *a = NULL;
	struct buf url;

	const struct provider *p;
	enum doctor_check c;

	for (size_t i = 0; i < d->conf->n_accounts && a == NULL; i++)
		if (provider_of(&d->conf->accounts[i])->ticket != NULL &&
		    !d->conf->accounts[i].use_mock && doctor_used(d, &d->conf->accounts[i]))
			a = &d->conf->accounts[i];
	if (a == NULL) {
		buf_puts(b,
		    doctor_tr(d,
			"No account's provider needs a ticket: its documentation says what it "
			"sends.\n",
			"Ни у одного аккаунта нет провайдера, которому нужно письмо: что он шлёт, "
			"описано в его документации.\n"));
		return;
	}
	p = provider_of(a);
	buf_init(&url, 4096);
	hint_webhook_url(d->conf, a, &url);
	for (int lang = 0; lang < 2; lang++) {
		p->ticket(a, url.p, lang == 0, b);
		attempts(d, a, b);
		buf_puts(b, lang == 0 ? "\nПроверки dmbox doctor:\n" : "\ndmbox doctor:\n");
		for (size_t i = 0; i < *p->n_checks; i++)
			if (doctor_check_by_number(p->checks[i].number, &c) == RC_OK &&
			    d->r[c].done)
				buf_printf(b, "  DMB-%u %s: %s: %s\n", p->checks[i].number,
				    finding_names[d->r[c].status],
				    p->checks[i].what[lang == 0 ? DOCTOR_RU : DOCTOR_EN],
				    d->r[c].seen);
	}
	buf_free(&url);
}

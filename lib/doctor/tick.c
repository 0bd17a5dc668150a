/*
 * The tick file (bridge/tick.h), by which open inbox pages learn of news: can the programs
 * replace it, do they, and does the web server hand out what lies there now?  Where it is
 * missing pages ask the programs every ten seconds; where an old one is handed out they
 * ask only every ten minutes.
 */
#include "bridge/tick.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "doctor/web.h"

#define LAG_S 30		/* as endpoint/login.c: then pages are given none */
#define TICK_MS 8000
#define SETTLED_S 5
#define TEXT_MAX (3 * PATH_MAX + 1000)

static const struct db_stmt last_message = { NULL,
	"select extract(epoch from now() - received_at)::bigint from dmbox.messages"
	" where not is_test order by id desc limit 1" };

/* A user's name, as chown takes it. */
static void
name_of(uid_t uid, char out[64])
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (getpwuid_r(uid, &pw, buf, sizeof buf, &found) == 0 && found != NULL)
		snprintf(out, 64, "%s", pw.pw_name);
	else
		snprintf(out, 64, "%u", (unsigned int)uid);
}

/* --- 311: is it replaced? ------------------------------------------------------------- */

/* Both ages are measured by one clock each: a database's clock that is off makes none late. */
void
doctor_tick_before(struct doctor *d)
{
	struct doctor_tick *t = &d->tick;
	char name[TICK_NAME];
	struct db_res *r = NULL;

	t->rc = tick_look(d->conf->tick_dir, name, &t->at_us);
	if (t->rc != RC_OK || !d->db_ok)
		return;
	t->file_s = (clock_now_us() - t->at_us) / 1000000;
	t->message_s = -1;
	if (db_exec(d->db, &last_message, NULL, &r) == RC_OK) {
		t->known = true;
		if (db_rows(r) > 0)
			t->message_s = db_get_i64(r, 0, 0);
	}
	db_res_free(r);
	t->late = t->known && t->message_s >= 0 && t->file_s > t->message_s + LAG_S;
}

static enum finding_status
how_bad(const struct doctor *d)
{
	return d->tick.late ? FINDING_FAIL : FINDING_WARN;
}

static bool
elsewhere(struct doctor *d)
{
	const struct doctor_probe *p = &d->probe;

	if (!p->there || !p->tick_told || doctor_same_file(p->tick_dir, d->conf->tick_dir))
		return false;
	doctor_cause(d, DC_TICK, FINDING_FAIL,
	    doctor_tr(d,
		"Let DMBOX_TICK_DIR be the same for all: take it out of the web server's "
		"environment, and restart the FastCGI programs.",
		"Пусть DMBOX_TICK_DIR будет одинаков для всех: уберите его из окружения "
		"веб-сервера и перезапустите FastCGI-программы."),
	    doctor_tr(d, "the web programs replace it in «%s», this configuration names %s",
		"веб-программы обновляют его в «%s», а в этой конфигурации указана папка %s"),
	    *p->tick_dir != '\0' ? p->tick_dir : "off", d->conf->tick_dir);
	return true;
}

/* The rights of the folder are not to blame: for this user, or for the web programs'. */
static bool
hindered(struct doctor *d)
{
	const struct doctor_probe *p = &d->probe;
	const char *dir = d->conf->tick_dir, *why = NULL;
	bool mine = access(dir, R_OK | W_OK | X_OK) == 0;
	char fix[DOCTOR_FIX_MAX];

	if (!mine)
		why = doctor_way(d, dir, geteuid(), getegid(), errno, fix);
	if (why == NULL && p->there && p->tick_told && !p->tick_ok)
		why = doctor_way(d, dir, (uid_t)p->uid, (gid_t)p->gid, 0, fix);
	if (why == NULL)
		return false;
	doctor_cause(d, DC_TICK, how_bad(d), fix, "%s%s", dir, why);
	return true;
}

/* The folder is not there and cannot be made by the programs, or is none. */
static bool
no_folder(struct doctor *d, const char *user)
{
	char fix[TEXT_MAX], parent[PATH_MAX], there[PATH_MAX + 8], *slash;
	struct stat st;
	bool none = stat(d->conf->tick_dir, &st) != 0;
	int e = errno;

	if (!none && S_ISDIR(st.st_mode))
		return false;
	snprintf(parent, sizeof parent, "%s", d->conf->tick_dir);
	slash = strrchr(parent, '/');
	if (slash != NULL)
		slash[slash == parent] = '\0';
	if (none && access(parent, W_OK | X_OK) == 0 && (!d->probe.there || d->probe.tick_ok))
		return false;		/* made with the first message */
	if (none)
		*there = '\0';
	else
		snprintf(there, sizeof there, "rm '%s'; ", d->conf->tick_dir);
	snprintf(fix, sizeof fix,
	    doctor_tr(d,
		"Make the folder, as root or as the owner of %s: `%sinstall -d -m 2771 -o '%s' "
		"'%s'`",
		"Создайте папку от имени root или владельца %s: `%sinstall -d -m 2771 -o "
		"'%s' '%s'`"),
	    parent, there, user, d->conf->tick_dir);
	doctor_cause(d, DC_TICK, how_bad(d), fix, "%s: %s", d->conf->tick_dir,
	    doctor_errno(d, none ? e : ENOTDIR));
	return true;
}

static bool
closed(struct doctor *d, const char *user)
{
	const struct doctor_probe *p = &d->probe;
	const char *dir = d->conf->tick_dir;
	bool mine = access(dir, F_OK) != 0 || access(dir, W_OK | X_OK) == 0;
	char fix[TEXT_MAX], me[64];

	if (mine && (!p->there || !p->tick_told || p->tick_ok))
		return false;
	name_of(geteuid(), me);
	if (p->there && geteuid() != 0 && (uid_t)p->uid != geteuid())
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"Two users write there, %s and %s: put both into one group and give the "
			"folder to it: chgrp GROUP and chmod 2771 on %s.",
			"Туда пишут два пользователя, %s и %s: включите обоих в одну группу и "
			"отдайте ей папку: chgrp ГРУППА и chmod 2771 для %s."),
		    user, me, dir);
	else
		snprintf(fix, sizeof fix,
		    doctor_tr(d, "As root: `chown -R '%s' '%s' && chmod u+rwx,o+x '%s'`",
			"От имени root: `chown -R '%s' '%s' && chmod u+rwx,o+x '%s'`"),
		    user, dir, dir);
	doctor_cause(d, DC_TICK, how_bad(d), fix,
	    doctor_tr(d, "%s cannot write to %s: open pages ask every ten seconds instead",
		"пользователь %s не может писать в %s: открытые страницы спрашивают раз в десять "
		"секунд"),
	    mine ? user : me, dir);
	return true;
}

/* Replaced since by a delivery of this run: the web programs do it, so somebody else does not. */
static bool
moved_now(const struct doctor *d)
{
	char name[TICK_NAME];
	int64_t us;

	return tick_look(d->conf->tick_dir, name, &us) == RC_OK && us != d->tick.at_us;
}

static void
late(struct doctor *d)
{
	const char *dir = d->conf->tick_dir;
	char fix[TEXT_MAX];

	if (moved_now(d)) {
		doctor_cause(d, DC_TICK, FINDING_WARN,
		    doctor_tr(d,
			"The web programs move it, and who stored that message did not: see that "
			"cron starts this version's dmbox-poll, as a user who may write there.",
			"Веб-программы его обновляют, а сохранивший то сообщение не обновил: "
			"проверьте, что cron запускает dmbox-poll этой версии под пользователем с "
			"правом записи туда."),
		    doctor_tr(d,
			"%s: was %" PRId64 " s old when the last message was %" PRId64 " s old",
			"%s: к началу проверки не обновлялся %" PRId64 " с, а последнее сообщение "
			"пришло %" PRId64 " с назад"),
		    dir, d->tick.file_s, d->tick.message_s);
		return;
	}
	snprintf(fix, sizeof fix,
	    doctor_tr(d,
		"Take away what lies there, the next message makes it again: `rm -rf '%s'/.name "
		"'%s'/*.txt`; then restart the FastCGI programs and dmbox-poll: those of before an "
		"update do not move it.",
		"Удалите содержимое папки, следующее сообщение создаст его снова: `rm -rf "
		"'%s'/.name '%s'/*.txt`; затем перезапустите FastCGI-программы и dmbox-poll: "
		"оставшиеся от прежней версии его не обновляют."),
	    dir, dir);
	if (d->tick.rc == RC_TEMP)
		doctor_cause(d, DC_TICK, FINDING_FAIL, fix,
		    doctor_tr(
			d, "%s: the file there cannot be read", "%s: файл в папке не читается"),
		    dir);
	else
		doctor_cause(d, DC_TICK, FINDING_FAIL, fix,
		    doctor_tr(d,
			"%s: replaced %" PRId64 " s ago, and the last message came %" PRId64
			" s ago: "
			"open pages see it ten minutes late",
			"%s: обновлён %" PRId64 " с назад, а последнее сообщение пришло %" PRId64
			" с назад: открытые страницы покажут его с опозданием до десяти минут"),
		    dir, d->tick.file_s, d->tick.message_s);
}

void
doctor_tick(struct doctor *d)
{
	const struct doctor_tick *t = &d->tick;
	const char *dir = d->conf->tick_dir;
	char user[64];

	if (d->conf->file == NULL || dir == NULL)
		return;
	name_of(d->probe.there ? (uid_t)d->probe.uid : geteuid(), user);
	if (elsewhere(d) || hindered(d) || no_folder(d, user) || closed(d, user))
		return;
	if (t->rc == RC_TEMP || t->late)
		late(d);
	else if (t->rc == RC_NONE)
		doctor_cause(d, DC_TICK, FINDING_UNKNOWN, "",
		    doctor_tr(d,
			"%s: no program made it yet; the next message or the next open page does",
			"%s: ещё не создан; его создаст следующее сообщение или открытая страница"),
		    dir);
	else if (!t->known)
		doctor_cause(d, DC_TICK, FINDING_UNKNOWN, "",
		    doctor_tr(d,
			"%s can be written; when the last message came the database did not say",
			"%s: запись возможна; когда пришло последнее сообщение, база данных не "
			"сообщила"),
		    dir);
	else
		doctor_say(d, DC_TICK, FINDING_OK,
		    doctor_tr(
			d, "%s: replaced %" PRId64 " s ago", "%s: обновлён %" PRId64 " с назад"),
		    dir, t->file_s);
}

/* --- 516: is it handed out? ----------------------------------------------------------- */

struct served {
	char path[PATH_MAX];
	struct stat st;
};

/* Did the file stay as it is for so long that also a server which looks at files once in a
 * few seconds only has seen this one?  Its length, or -1. */
static off_t
settled(const struct served *s)
{
	struct stat now;

	if (stat(s->path, &now) != 0 || now.st_ino != s->st.st_ino ||
	    now.st_mtim.tv_sec + SETTLED_S > clock_now_us() / 1000000)
		return -1;
	return now.st_size;
}

/* Are these the file's bytes, which are dots?  Apache fills up with NULs where a shorter file took
 * its place between the look at its size and its opening (mapped into memory). */
static bool
dots(const struct http_res *res)
{
	size_t n = 0;

	while (n < res->body_n && res->body[n] == '.')
		n++;
	for (size_t i = n; i < res->body_n; i++)
		if (res->body[i] != '\0')
			return false;
	return n > 0;
}

/* max-age where no-cache belongs, as mod_expires and hosts' "speed" modules write it */
static bool
kept_long(const struct http_res *res)
{
	const char *v = http_res_get(res, "Cache-Control"), *age;

	if (v == NULL || strstr(v, "no-cache") != NULL || strstr(v, "no-store") != NULL)
		return false;
	age = strstr(v, "max-age=");
	return age != NULL && age[8] >= '1' && age[8] <= '9';
}

/* The web server has its own configuration, another folder's or another user's rights. */
static void
not_served(struct doctor *d, const struct http_res *res)
{
	const char *dir = d->conf->tick_dir;
	char fix[TEXT_MAX];
	struct stat st;

	if (res->status == 403 && stat(dir, &st) == 0 && (st.st_mode & S_IXOTH) == 0)
		snprintf(fix, sizeof fix,
		    doctor_tr(d, "Let the web server's user enter the folder: `chmod o+x '%s'`",
			"Разрешите пользователю веб-сервера вход в папку: `chmod o+x '%s'`"),
		    dir);
	else
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"The server's configuration leads /inbox/tick/ to another folder than "
			"DMBOX_TICK_DIR, or nowhere: `make install TICKDIR='%s'` writes a "
			"configuration that fits; reload the server then.",
			"Конфигурация сервера ведёт /inbox/tick/ в другую папку, чем "
			"DMBOX_TICK_DIR, или никуда: `make install TICKDIR='%s'` запишет "
			"подходящую; затем перечитайте конфигурацию сервера."),
		    dir);
	doctor_cause(d, DC_TICK_SERVED, FINDING_WARN, fix,
	    doctor_tr(d, "HTTP %d: open pages ask the programs every ten seconds instead",
		"HTTP %d: открытые страницы спрашивают программы раз в десять секунд"),
	    res->status);
}

static const char no_cache_en[] =
    "Except /inbox/tick/ from caches (CDN, Varnish, the host's "
    "\"speed\" module, mod_expires), and let it be sent with Cache-Control: no-cache and an ETag, "
    "as in apache/dmbox.conf, web/tick/.htaccess, apache/lighttpd.conf and nginx/dmbox.conf.";
static const char no_cache_ru[] =
    "Исключите /inbox/tick/ из кэшей (CDN, Varnish, модуль "
    "«ускорения» хостинга, mod_expires); отдавать его нужно с Cache-Control: no-cache и ETag, как "
    "в apache/dmbox.conf, web/tick/.htaccess, apache/lighttpd.conf и nginx/dmbox.conf.";

static void
judge(struct doctor *d, const struct served *s, const struct http_res *res)
{
	const char *fix = doctor_tr(d, no_cache_en, no_cache_ru), *age = http_res_get(res, "Age");
	off_t now = settled(s), got = (off_t)res->body_n;

	if (res->status != 200 || !dots(res))
		doctor_say(d, DC_TICK_SERVED, FINDING_FAIL,
		    doctor_tr(d,
			"HTTP %d, and not the file: open pages learn of news every ten minutes "
			"only",
			"HTTP %d, и это не тот файл: открытые страницы узнают о новом раз в десять "
			"минут"),
		    res->status);
	else if (!str_empty(age) || (now >= 0 && got != now))
		doctor_cause(d, DC_TICK_SERVED, FINDING_FAIL, fix,
		    doctor_tr(d,
			"an old copy is handed out (Age: %s): open pages learn of news late",
			"отдаётся старая копия (Age: %s): открытые страницы узнают о новом с "
			"опозданием"),
		    str_empty(age) ? "—" : age);
	else if (kept_long(res))
		doctor_cause(d, DC_TICK_SERVED, FINDING_WARN, fix,
		    doctor_tr(d, "Cache-Control: %s: a cache on the way may keep it",
			"Cache-Control: %s: кэш по дороге может его задержать"),
		    http_res_get(res, "Cache-Control"));
	else if (str_empty(http_res_get(res, "ETag")))
		doctor_cause(d, DC_TICK_SERVED, FINDING_WARN, fix, "%s",
		    doctor_tr(d, "there is no ETag: of two messages within a second pages see one",
			"нет ETag: из двух сообщений за одну секунду страницы заметят одно"));
	else
		doctor_say(
		    d, DC_TICK_SERVED, FINDING_OK, "HTTP 200, ETag %s", http_res_get(res, "ETag"));
}

static void
on_tick(struct doctor *d, void *arg, struct http_res *res)
{
	doctor_web_slowest(d, res);
	if (res->fail != HTTP_FAIL_NONE)
		doctor_cause(
		    d, DC_TICK_SERVED, FINDING_UNKNOWN, "", "%s", doctor_fail(d, res->fail));
	else if (res->status == 401 || res->status == 403 || res->status == 404)
		not_served(d, res);
	else
		judge(d, arg, res);
}

void
doctor_tick_ask(struct doctor *d)
{
	const char *dir = d->conf->tick_dir;
	char name[TICK_NAME], path[80];
	struct served *s;
	struct http_req r;
	char rid[48];
	int64_t us;

	if (dir == NULL)
		return;
	if (tick_look(dir, name, &us) != RC_OK) {
		doctor_cause(d, DC_TICK_SERVED, FINDING_UNKNOWN, "",
		    doctor_tr(d, "not looked at: there is no tick file in %s yet",
			"не проверялось: в папке %s ещё нет тик-файла"),
		    dir);
		return;
	}
	s = mem_arena_alloc(&d->arena, sizeof *s);
	snprintf(s->path, sizeof s->path, "%s/%s", dir, name);
	if (stat(s->path, &s->st) != 0)
		return;
	snprintf(path, sizeof path, "/instagram/inbox/tick/%s", name);
	doctor_web_request(d, &r, rid, "GET", path);
	doctor_get(d, &r, TICK_MS, on_tick, s);
}

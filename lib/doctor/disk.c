/*
 * Disks and folders.  A check as root proves nothing about the web user, so the
 * program behind the web server is asked, too (doctor/web.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "base/mem.h"
#include "bridge/spool.h"
#include "bridge/spoolmark.h"
#include "base/str.h"

#define WAIT_WARN_S 120
#define WAIT_FAIL_S 900
#define FLOOR_BYTES (16LL << 20)	/* as the spool keeps free */
#define WARN_BYTES (100LL << 20)
#define TEST_BYTES 65536
#define FIX_MAX (9 * PATH_MAX)
#define MAKE_MAX (4 * PATH_MAX)
/* linux/magic.h */
#define MAGIC_TMPFS 0x01021994
#define MAGIC_RAMFS 0x858458f6

/* The folder of a path that is not there yet. */
static void
parent_of(const char *path, char out[PATH_MAX])
{
	char *slash;

	snprintf(out, PATH_MAX, "%s", path);
	slash = strrchr(out, '/');
	if (slash == NULL)
		snprintf(out, PATH_MAX, ".");
	else
		slash[slash == out] = '\0';
}

/* Can files be made in dir, or dir be made?  The reason in errno otherwise. */
static bool
usable(const char *dir)
{
	char parent[PATH_MAX];
	struct stat st;

	if (stat(dir, &st) == 0) {
		if (!S_ISDIR(st.st_mode)) {
			errno = ENOTDIR;
			return false;
		}
		return access(dir, R_OK | W_OK | X_OK) == 0;
	}
	if (errno != ENOENT)
		return false;
	if (lstat(dir, &st) == 0) {	/* a link that leads nowhere: nothing can be made there */
		errno = ENOENT;
		return false;
	}
	parent_of(dir, parent);
	return access(parent, W_OK | X_OK) == 0;
}

/* A file, or a link that leads nowhere, on the way to the folder dir. */
static bool
in_the_way(const char *dir, char what[PATH_MAX])
{
	struct stat st;

	for (const char *p = dir; *p != '\0'; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		snprintf(what, PATH_MAX, "%.*s", (int)(p - dir + (ptrdiff_t)strcspn(p, "/")), dir);
		if (stat(what, &st) == 0 ? !S_ISDIR(st.st_mode) : lstat(what, &st) == 0)
			return true;
	}
	return false;
}

/* What has to go before the folder is there: the beginning of a command, or "". */
static void
make_folder(const char *dir, char make[MAKE_MAX])
{
	char odd[PATH_MAX];
	struct stat st;

	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		*make = '\0';
	else if (in_the_way(dir, odd))
		snprintf(make, MAKE_MAX, "mv '%s' '%s.before' && mkdir -p '%s' && ", odd, odd, dir);
	else
		snprintf(make, MAKE_MAX, "mkdir -p '%s' && ", dir);
}

/* What gives a path to the group of the programs, made by make: what is in it, too. */
static void
give(const struct doctor *d, const char *path, const char *make, char fix[FIX_MAX])
{
	gid_t gid = d->probe.there ? (gid_t)d->probe.gid : getegid();
	struct group gr, *found = NULL;
	char buf[8192], name[64];

	if (getgrgid_r(gid, &gr, buf, sizeof buf, &found) == 0 && found != NULL)
		snprintf(name, sizeof name, "%s", gr.gr_name);
	else
		snprintf(name, sizeof name, "%u", (unsigned int)gid);
	snprintf(fix, FIX_MAX,
	    doctor_tr(d,
		"As root: `%schgrp -R '%s' '%s' && chmod -R g+rwX '%s' && find '%s' -type d -exec "
		"chmod 2770 {} +`; the web and the cron user both belong to that group.",
		"От имени root: `%schgrp -R '%s' '%s' && chmod -R g+rwX '%s' && find '%s' -type d "
		"-exec chmod 2770 {} +`; веб- и cron-пользователь оба входят в эту группу."),
	    make, name, path, path, path);
}

static const char *
read_only(const struct doctor *d)
{
	return doctor_tr(d,
	    "The file system is mounted read-only, as the system does after an error of the disk: "
	    "ask the host; on your own server see dmesg, check the disk, and mount it for writing "
	    "(mount -o remount,rw).",
	    "Файловая система подключена только для чтения, так система делает после ошибки диска: "
	    "обратитесь в хостинг; на своём сервере посмотрите «dmesg», проверьте диск и "
	    "подключите его на запись: «mount -o remount,rw».");
}

static void
folder(struct doctor *d, enum doctor_check c, const char *dir)
{
	char fix[FIX_MAX], make[MAKE_MAX], way[DOCTOR_FIX_MAX];
	const char *why;
	int e;

	if (usable(dir)) {
		doctor_say(d, c, FINDING_OK, "%s", dir);
		return;
	}
	e = errno;
	make_folder(dir, make);
	give(d, c == DC_SPOOL ? d->conf->spool_dir : dir, make, fix);
	why = doctor_way(d, dir, geteuid(), getegid(), e, way);
	doctor_cause(d, c, FINDING_FAIL,
	    e == EROFS	    ? read_only(d) :
		why != NULL ? way :
			      fix,
	    doctor_tr(d, "%s: %s (as user %u)%s", "%s: %s (пользователь %u)%s"), dir,
	    doctor_errno(d, e), (unsigned int)geteuid(), why != NULL ? why : "");
}

static void
space(struct doctor *d, const char *dir)
{
	struct statvfs v;
	char parent[PATH_MAX];
	int64_t left, all;
	double inodes;

	parent_of(dir, parent);
	if (statvfs(dir, &v) != 0 && statvfs(parent, &v) != 0)
		return;
	left = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
	all = (int64_t)v.f_blocks * (int64_t)v.f_frsize;
	doctor_say(d, DC_SPACE,
	    left < FLOOR_BYTES || left < all / 100 ? FINDING_FAIL :
		left < WARN_BYTES		   ? FINDING_WARN :
						     FINDING_OK,
	    doctor_tr(d, "%s: %" PRId64 " MB free of %" PRId64,
		"%s: свободно %" PRId64 " МБ из %" PRId64),
	    dir, left >> 20, all >> 20);
	if (v.f_files == 0)	/* this file system has none */
		return;
	inodes = 100.0 * (double)v.f_favail / (double)v.f_files;
	doctor_say(d, DC_INODES,
	    inodes < 1	   ? FINDING_FAIL :
		inodes < 5 ? FINDING_WARN :
			     FINDING_OK,
	    doctor_tr(d, "%s: %.0f %% of the inodes free", "%s: свободно inode: %.0f %%"), dir,
	    inodes);
}

/* A whole file, as only a quota's end or a limit refuses it; removed again. */
static void
write_test(struct doctor *d, const char *dir)
{
	char path[PATH_MAX], zero[4096] = { 0 };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	int fd, e = 0;

	if (snprintf(path, sizeof path, "%s/doctor-%s", dir, d->run) >= (int)sizeof path)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		if (errno == ENOSPC || errno == EDQUOT)
			doctor_say(
			    d, DC_QUOTA, FINDING_FAIL, "%s: %s", dir, doctor_errno(d, errno));
		return;		/* no right: DC_SPOOL reports that */
	}
	sigaction(SIGXFSZ, &ignore, &old);
	for (size_t n = 0; n < TEST_BYTES && e == 0; n += sizeof zero) {
		ssize_t w = write(fd, zero, sizeof zero);

		e = w == (ssize_t)sizeof zero ? 0 : w < 0 ? errno : ENOSPC;
	}
	if (e == 0 && fsync(fd) != 0)
		e = errno;
	sigaction(SIGXFSZ, &old, NULL);
	if (close(fd) != 0 && e == 0)
		e = errno;
	(void)unlink(path);
	if (e != 0)
		doctor_say(d, DC_QUOTA, FINDING_FAIL, "%s: %s", dir, doctor_errno(d, e));
	else
		doctor_say(d, DC_QUOTA, FINDING_OK, "%s", dir);
}

/* Files that wait and are another user's: they would wait for ever. */
static void
others_files(struct doctor *d, const char *spool)
{
	static const char *const parts[] = { "new", "cur" };
	const struct passwd *me = getpwuid(geteuid());
	char dir[PATH_MAX], fix[PATH_MAX + 300];
	struct dirent *e;
	size_t n = 0;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		snprintf(dir, sizeof dir, "%s/%s", spool, parts[i]);
		DIR *f = opendir(dir);

		while (f != NULL && (e = readdir(f)) != NULL)
			n += *e->d_name != '.' && faccessat(dirfd(f), e->d_name, R_OK, 0) != 0 &&
			    errno == EACCES;
		if (f != NULL)
			closedir(f);
	}
	if (n == 0)
		return;
	snprintf(fix, sizeof fix,
	    doctor_tr(d,
		"As root: `chown -R %s '%s'`; run dmbox and dmbox-poll as that user "
		"alone, never as root.",
		"От имени root: `chown -R %s '%s'`; запускайте dmbox и dmbox-poll только от имени "
		"этого пользователя, никогда от root."),
	    me != NULL ? me->pw_name : "dmbox", spool);
	doctor_cause(d, DC_SPOOL_WAIT, FINDING_FAIL, fix,
	    doctor_tr(d, "%zu waiting files are another user's and cannot be read",
		"ждущие файлы (%zu) принадлежат другому пользователю, прочитать их нельзя"),
	    n);
}

static void
backlog(struct doctor *d, const char *dir)
{
	struct spool *sp;
	struct spool_stat st;

	if (spool_open(dir, &sp) != RC_OK)
		return;
	if (spool_stat(sp, &st) == RC_OK) {
		doctor_say(d, DC_SPOOL_WAIT,
		    st.waiting == 0 || st.oldest_s < WAIT_WARN_S ? FINDING_OK :
			st.oldest_s < WAIT_FAIL_S		 ? FINDING_WARN :
								   FINDING_FAIL,
		    doctor_tr(d, "%zu waiting, the oldest for %" PRId64 " s",
			"ждут: %zu, старейшая %" PRId64 " с"),
		    st.waiting, st.waiting > 0 ? st.oldest_s : 0);
		doctor_say(d, DC_SPOOL_BAD, st.bad > 0 ? FINDING_WARN : FINDING_OK,
		    doctor_tr(d, "%zu quarantined", "отложено: %zu"), st.bad);
	}
	spool_close(sp);
}

/* What waits in memory is gone with the next restart of the machine. */
static void
kept(struct doctor *d, const char *dir)
{
	struct statfs f;

	if (statfs(dir, &f) == 0 &&
	    ((unsigned long)f.f_type == MAGIC_TMPFS || (unsigned long)f.f_type == MAGIC_RAMFS))
		doctor_cause(d, DC_SPOOL, FINDING_WARN,
		    doctor_tr(d,
			"Set DMBOX_SPOOL_DIR to a folder on a disk (below the home folder, not "
			"/tmp, /run or /dev/shm), and move what waits there.",
			"Укажите в DMBOX_SPOOL_DIR папку на диске (в домашней папке, не /tmp, /run "
			"или /dev/shm) и перенесите туда ожидающее."),
		    doctor_tr(d,
			"%s is in memory (tmpfs): accepted deliveries that wait there are "
			"lost at a restart",
			"%s находится в памяти (tmpfs): ожидающие там доставки пропадут при "
			"перезапуске"),
		    dir);
}

/* One spool for two installations: each would store what came for the other. */
static void
whose(struct doctor *d, const char *dir)
{
	char other[1024];

	if (spoolmark(d->conf, dir, other) != RC_OK)
		doctor_cause(d, DC_SPOOL, FINDING_FAIL,
		    doctor_tr(d,
			"Set DMBOX_SPOOL_DIR in this configuration to a folder of its own: two "
			"databases cannot share a spool.",
			"Укажите в DMBOX_SPOOL_DIR этой конфигурации отдельную папку: у двух баз "
			"данных не может быть общего спула."),
		    doctor_tr(d, "%s is the spool of %s, which stores in another database",
			"%s — спул конфигурации %s, у которой другая база данных"),
		    dir, other);
}

/*
 * The web programs use another place than this configuration and the poller do, as a line of
 * the web server's environment makes them: what they put there nobody fetches.
 */
static bool
elsewhere(
    struct doctor *d, enum doctor_check c, const char *key, const char *theirs, const char *ours)
{
	char fix[DOCTOR_FIX_MAX];

	if (!d->probe.there || theirs == NULL || doctor_same_file(theirs, ours))
		return false;
	/* of another configuration, which has places of its own, this one says nothing */
	if (d->conf->file == NULL || !doctor_same_file(d->probe.config, d->conf->file))
		return false;
	snprintf(fix, sizeof fix,
	    doctor_tr(d,
		"Let %s be the same for all: take it out of the web server's environment "
		"(SetEnv in .htaccess, FcgidInitialEnv, bin-environment, the service's "
		"unit), restart the FastCGI programs, and move what lies in the other "
		"place.",
		"Пусть %s будет одинаков для всех: уберите его из окружения веб-сервера "
		"(SetEnv в .htaccess, FcgidInitialEnv, bin-environment, файл службы), "
		"перезапустите FastCGI-программы и перенесите то, что лежит в другом "
		"месте."),
	    key);
	doctor_cause(d, c, c == DC_LOG ? FINDING_WARN : FINDING_FAIL, fix,
	    doctor_tr(d, "the web programs use «%s», this configuration names %s",
		"веб-программы используют «%s», а в этой конфигурации указано %s"),
	    theirs, ours);
	return true;
}

/* What a check as this user, root perhaps, does not show: the web programs told that they
 * cannot write to path. */
static void
closed_to_web(struct doctor *d, enum doctor_check c, const char *path)
{
	char fix[FIX_MAX], make[MAKE_MAX], way[DOCTOR_FIX_MAX], dir[PATH_MAX];
	struct stat st;
	const char *why;

	if (d->r[c].status == FINDING_FAIL)
		return;
	parent_of(path, dir);
	if (stat(path, &st) == 0)
		snprintf(dir, sizeof dir, "%s", path);
	*make = '\0';
	if (c != DC_LOG)
		make_folder(path, make);
	give(d, c != DC_LOG ? path : dir, make, fix);
	why = doctor_way(d, dir, (uid_t)d->probe.uid, (gid_t)d->probe.gid, 0, way);
	doctor_cause(d, c, FINDING_FAIL, why != NULL ? way : fix,
	    doctor_tr(d,
		"the web programs run as user %" PRId64 ", doctor as %u; they cannot write to %s%s",
		"веб-программы работают под пользователем %" PRId64
		", doctor под %u; они не могут писать в %s%s"),
	    d->probe.uid, (unsigned int)geteuid(), path, why != NULL ? why : "");
}

/* The same for the web programs, which told whether they can. */
static void
spool_of_web(struct doctor *d, const char *dir)
{
	if (d->probe.spool_ok)
		doctor_say(d, DC_SPOOL_WEB, FINDING_OK,
		    doctor_tr(d, "they can, as user %" PRId64, "могут, пользователь %" PRId64),
		    d->probe.uid);
	else
		closed_to_web(d, DC_SPOOL_WEB, dir);
}

static void
spool(struct doctor *d)
{
	static const char *const parts[] = { "tmp", "new", "cur", "bad" };
	const char *dir = d->conf->spool_dir;
	char path[PATH_MAX];
	struct stat st;
	bool whole = true;

	if (dir == NULL)
		return;
	folder(d, DC_SPOOL, dir);
	if (stat(dir, &st) == 0)
		for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
			snprintf(path, sizeof path, "%s/%s", dir, parts[i]);
			whole &= access(path, F_OK) == 0;
			if (access(path, F_OK) == 0)
				folder(d, DC_SPOOL, path);
		}
	else
		whole = false;
	if (d->r[DC_SPOOL].status == FINDING_OK)
		kept(d, dir);
	if (whole)
		whose(d, dir);
	if (whole && d->r[DC_SPOOL].status != FINDING_FAIL) {
		others_files(d, dir);
		backlog(d, dir);
		snprintf(path, sizeof path, "%s/tmp", dir);
		write_test(d, path);
	}
	if (!elsewhere(d, DC_SPOOL_WEB, "DMBOX_SPOOL_DIR", d->probe.spool_dir, dir) &&
	    d->probe.there)
		spool_of_web(d, dir);
}

/*
 * A database on this machine: the disk that its files are on, where this user can see it
 * at all.  Of another machine's disk SQL tells nothing.
 */
static void
database_room(struct doctor *d)
{
	static const char *const usual[] = { "/var/lib/postgresql", "/var/lib/pgsql",
		"/usr/local/pgsql/data" };
	char dir[PATH_MAX];

	if (!d->db_ok || !d->db_local)
		return;
	snprintf(dir, sizeof dir, "%s", d->db_files);
	for (size_t i = 0; dir[0] == '\0' && i < sizeof usual / sizeof *usual; i++)
		if (access(usual[i], F_OK) == 0)
			snprintf(dir, sizeof dir, "%s", usual[i]);
	if (dir[0] != '\0')
		space(d, dir);
}

/* Something else than a file, or no way to make one: what the programs say goes nowhere. */
static void
no_log(struct doctor *d, const char *path, bool is_folder)
{
	char dir[PATH_MAX], fix[FIX_MAX], make[MAKE_MAX], way[DOCTOR_FIX_MAX];
	const char *why;
	int e = errno;

	parent_of(path, dir);
	make_folder(dir, make);
	why = is_folder ? NULL : doctor_way(d, dir, geteuid(), getegid(), e, way);
	if (is_folder)
		snprintf(fix, sizeof fix,
		    doctor_tr(d,
			"Put the folder away: `mv '%s' '%s.before'`; the programs make the file.",
			"Уберите папку: `mv '%s' '%s.before'`; файл создадут сами программы."),
		    path, path);
	else
		give(d, dir, make, fix);
	/* of a place that nobody named the web server's own log takes the words */
	doctor_cause(d, DC_LOG, d->conf->log_file != NULL ? FINDING_FAIL : FINDING_WARN,
	    e == EROFS	    ? read_only(d) :
		why != NULL ? way :
			      fix,
	    "%s: %s%s", is_folder ? path : dir, doctor_errno(d, is_folder ? EISDIR : e),
	    why != NULL ? why : "");
}

static void
log_file(struct doctor *d)
{
	char path[PATH_MAX], dir[PATH_MAX], fix[FIX_MAX], way[DOCTOR_FIX_MAX];
	const char *why;
	struct stat st;
	int e;

	if (d->conf->log_file != NULL)
		snprintf(path, sizeof path, "%s", d->conf->log_file);
	else
		snprintf(path, sizeof path, "%s/logs/dmbox.log", d->conf->dir);
	space(d, path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		no_log(d, path, true);
		return;
	}
	if (access(path, F_OK) == 0) {
		if (access(path, W_OK) == 0)
			doctor_say(d, DC_LOG, FINDING_OK, "%s", path);
		else {
			e = errno;
			give(d, path, "", fix);
			why = doctor_way(d, path, geteuid(), getegid(), e, way);
			doctor_cause(d, DC_LOG, FINDING_FAIL, why != NULL ? way : fix, "%s: %s%s",
			    path, doctor_errno(d, e), why != NULL ? why : "");
		}
		return;
	}
	parent_of(path, dir);
	if (usable(dir))
		doctor_say(d, DC_LOG, FINDING_OK, "%s", dir);
	else
		no_log(d, path, false);
}

void
doctor_disk(struct doctor *d)
{
	if (d->conf->file == NULL)
		return;
	spool(d);
	if (d->conf->spool_dir != NULL)
		space(d, d->conf->spool_dir);
	if (d->conf->media_dir != NULL) {
		folder(d, DC_MEDIA, d->conf->media_dir);
		space(d, d->conf->media_dir);
		if (!elsewhere(
			d, DC_MEDIA, "DMBOX_MEDIA_DIR", d->probe.media_dir, d->conf->media_dir) &&
		    d->probe.there && !d->probe.media_ok)
			closed_to_web(d, DC_MEDIA, d->conf->media_dir);
	}
	log_file(d);
	if (d->conf->log_file != NULL &&
	    !elsewhere(d, DC_LOG, "DMBOX_LOG_FILE", d->probe.log_file, d->conf->log_file) &&
	    d->probe.there && !d->probe.log_ok)
		closed_to_web(d, DC_LOG, d->conf->log_file);
	database_room(d);
}

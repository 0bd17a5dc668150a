/*
 * Why a file cannot be used although its own rights would let it: a folder above is closed, a
 * flag of the file system forbids it, or something that looks further than the nine bits.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "doctor/doctor.h"

#define GROUPS_MAX 256

/* Is uid, of group gid or by the list of groups, in group? */
static bool
in_group(uid_t uid, gid_t gid, gid_t group)
{
	const struct passwd *pw = getpwuid(uid);
	gid_t v[GROUPS_MAX];
	int n = GROUPS_MAX;

	if (gid == group)
		return true;
	if (pw == NULL || getgrouplist(pw->pw_name, gid, v, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (v[i] == group)
			return true;
	return false;
}

/* Do the nine bits allow all of need (of rwx, as in access(2))? */
static bool
bits_allow(const struct stat *st, uid_t uid, gid_t gid, unsigned int need)
{
	unsigned int shift = st->st_uid == uid ? 6 : in_group(uid, gid, st->st_gid) ? 3 : 0;

	return uid == 0 || (st->st_mode >> shift & need) == need;
}

/* The first folder above path that uid may not enter. */
static bool
closed_above(const char *path, uid_t uid, gid_t gid, char out[PATH_MAX])
{
	struct stat st;

	for (const char *p = path; (p = strchr(p + 1, '/')) != NULL;) {
		snprintf(out, PATH_MAX, "%.*s", (int)(p - path), path);
		if (stat(out, &st) != 0)
			return false;
		if (!bits_allow(&st, uid, gid, X_OK))
			return true;
	}
	return false;
}

bool
doctor_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return str_eq(a, b) ||
	    (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

const char *
doctor_way(
    struct doctor *d, const char *path, uid_t uid, gid_t gid, int e, char fix[DOCTOR_FIX_MAX])
{
	char above[PATH_MAX], text[PATH_MAX + 200];
	struct stat st;
	unsigned int need;

	if (closed_above(path, uid, gid, above)) {
		snprintf(fix, DOCTOR_FIX_MAX,
		    doctor_tr(d,
			"As root, or as who owns it: `chmod a+x '%s'`; that lets nobody list it.",
			"От имени root или владельца: `chmod a+x '%s'`; список файлов это никому "
			"не открывает."),
		    above);
		snprintf(text, sizeof text,
		    doctor_tr(d, ": %s above it may not be entered",
			": нельзя войти в папку над ней, %s"),
		    above);
		return mem_arena_dup(&d->arena, text);
	}
	if (stat(path, &st) != 0)
		return NULL;
	if (e == EPERM) {
		snprintf(fix, DOCTOR_FIX_MAX,
		    doctor_tr(d, "As root: `chattr -R -i -a '%s'`",
			"От имени root: `chattr -R -i -a '%s'`"),
		    path);
		return doctor_tr(d, ": it is marked immutable or append-only (lsattr -d shows it)",
		    ": на ней стоит запрет изменения или только дописывание (покажет «lsattr -d»)");
	}
	need = S_ISDIR(st.st_mode) ? R_OK | W_OK | X_OK : W_OK;
	if (e != EACCES || !bits_allow(&st, uid, gid, need))
		return NULL;
	snprintf(fix, DOCTOR_FIX_MAX, "%s",
	    doctor_tr(d,
		"As root: where getfacl shows entries of users, setfacl -b takes them away; where "
		"ls -Z shows labels, restorecon -R or the type httpd_sys_rw_content_t lets the web "
		"programs write (ausearch -m avc names what was refused); AppArmor's profile of "
		"the web server needs the folder.",
		"От имени root: если «getfacl» показывает записи пользователей, их снимает "
		"«setfacl -b»; если «ls -Z» показывает метки, поможет «restorecon -R» или тип "
		"«httpd_sys_rw_content_t» (что запрещено, назовёт «ausearch -m avc»); в профиль "
		"AppArmor веб-сервера нужно добавить эту папку."));
	return doctor_tr(d,
	    ": its rights would allow it, so an access list, SELinux or AppArmor "
	    "forbids it",
	    ": права это разрешают, значит, запрещает список доступа (ACL), SELinux или AppArmor");
}

/*
 * The folder of downloads and uploads.
 */
#include "bridge/mediadir.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define FLOOR_MIN ((uint64_t)512 << 20) /* left free for the database and the spool: a */
#define FLOOR_PART 20 /* twentieth of the disk, between these two */
#define FLOOR_MAX ((uint64_t)4 << 30)

char *
mediadir_name(const char *s)
{
	char *p = mem_dup(s);

	for (char *c = p; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			(*c >= '0' && *c <= '9') || *c == '_' || *c == '-' ||
			(*c == '.' && c != p)))
			*c = '_';
	return p;
}

/* 2770: web user and cron user share a group (contract.md 3). */
static bool
make_dir(const char *path)
{
	if (mkdir(path, 0770) == 0) {
		if (chmod(path, 02770) != 0)
			log_warn("media: chmod %s: %s", path, strerror(errno));
		return true;
	}
	if (errno == EEXIST)
		return true;
	log_error("media: cannot make %s: %s", path, strerror(errno));
	return false;
}

bool
mediadir_make(const char *dir, const char *a, const char *b, struct buf *out)
{
	if (!make_dir(dir))
		return false;
	buf_printf(out, "%s/%s", dir, a);
	if (!make_dir(out->p))
		return false;
	if (!b)
		return true;
	buf_printf(out, "/%s", b);
	return make_dir(out->p);
}

bool
mediadir_full(const char *dir)
{
	uint64_t size, left, floor;
	struct statvfs v;

	if (statvfs(dir, &v) != 0)
		return false;	/* not made yet; the first file will tell */
	size = (uint64_t)v.f_blocks * v.f_frsize;
	left = (uint64_t)v.f_bavail * v.f_frsize;
	floor = size / FLOOR_PART;
	floor = floor < FLOOR_MIN ? FLOOR_MIN : floor > FLOOR_MAX ? FLOOR_MAX : floor;
	return left < (floor < size / 2 ? floor : size / 2);
}

bool
mediadir_file(const char *dir, const char *path, struct buf *out)
{
	const char *p = path + strlen(path);

	for (int slashes = 0; p > path; p--)
		if (p[-1] == '/' && ++slashes == 3)
			break;
	if (strstr(p, "..") || !str_charset(p, 5, 400, "/._-"))
		return false;
	buf_printf(out, "%s/%s", dir, p);
	return !buf_err(out);
}

/*
 * The tick file.  Its name lies beside it in .name, which web servers do not hand out (no dot
 * file), so that all programs of a host use one without asking each other.
 */
#include "bridge/tick.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "extern/sign.h"

#define SECRET 32
#define SIZES 97	 /* a prime: steps of different processes meet rarely */
#define FOLDER_MODE 0711 /* the file can be read by its name, and nobody may list */

static bool
path_of(char path[PATH_MAX], const char *dir, const char *name)
{
	return (size_t)snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

/* A file of n bytes that everybody may read, under a name that nobody else uses. */
static enum rc
write_new(const char *dir, const void *bytes, size_t n, char path[PATH_MAX])
{
	static atomic_uint serial;
	char name[64];
	bool ok;
	int fd;

	snprintf(name, sizeof name, ".new-%ld-%u", (long)getpid(), atomic_fetch_add(&serial, 1));
	if (!path_of(path, dir, name))
		return RC_TEMP;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return RC_TEMP;
	/* the umask may be stricter; the web server is another user */
	ok = fchmod(fd, 0644) == 0 && write(fd, bytes, n) == (ssize_t)n;
	ok = close(fd) == 0 && ok;
	if (!ok)
		unlink(path);
	return ok ? RC_OK : RC_TEMP;
}

static enum rc
read_name(const char *dir, char out[TICK_NAME])
{
	char path[PATH_MAX];
	ssize_t n = -1;
	int fd;

	if (!path_of(path, dir, ".name") ||
	    (fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return RC_NONE;
	n = read(fd, out, SECRET);
	close(fd);
	out[n == SECRET ? SECRET : 0] = '\0';
	if (!str_charset(out, SECRET, SECRET, ""))
		return RC_TEMP;
	memcpy(out + SECRET, ".txt", sizeof ".txt");
	return RC_OK;
}

/* The folder, where it is not there: the umask may be stricter than its mode. */
static enum rc
make_folder(const char *dir)
{
	int fd;

	if (mkdir(dir, FOLDER_MODE) != 0)
		return errno == EEXIST ? RC_OK : RC_TEMP;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		(void)!fchmod(fd, FOLDER_MODE);
		close(fd);
	}
	return RC_OK;
}

/* The first to come names it for all. */
static enum rc
make_name(const char *dir, char out[TICK_NAME])
{
	char new[PATH_MAX], path[PATH_MAX], secret[SECRET + 1];

	if (make_folder(dir) != RC_OK)
		return RC_TEMP;
	sign_token(secret, SECRET);
	if (!path_of(path, dir, ".name") || write_new(dir, secret, SECRET, new) != RC_OK)
		return RC_TEMP;
	/* not every file system has links; without them two that come together may differ once */
	if (link(new, path) != 0 && errno != EEXIST && access(path, F_OK) != 0)
		(void)!rename(new, path);
	unlink(new);
	return read_name(dir, out) == RC_OK ? RC_OK : RC_TEMP;
}

static enum rc
name_of(const char *dir, char out[TICK_NAME])
{
	enum rc rc = str_empty(dir) ? RC_NONE : read_name(dir, out);

	if (rc == RC_NONE && !str_empty(dir))
		rc = make_name(dir, out);
	return rc;
}

static enum rc
move(const char *dir, const char *name)
{
	char new[PATH_MAX], path[PATH_MAX], bytes[SIZES];
	struct stat st = { .st_size = 0 };
	size_t n;

	if (!path_of(path, dir, name))
		return RC_TEMP;
	(void)!stat(path, &st);
	n = 1 + ((size_t)st.st_size + (size_t)(getpid() % (SIZES - 2))) % SIZES;
	memset(bytes, '.', n);
	if (write_new(dir, bytes, n, new) != RC_OK)
		return RC_TEMP;
	if (rename(new, path) == 0)
		return RC_OK;
	unlink(new);
	return RC_TEMP;
}

enum rc
tick_move(const char *dir)
{
	char name[TICK_NAME];
	enum rc rc = name_of(dir, name);

	if (rc == RC_OK)
		rc = move(dir, name);
	if (rc == RC_TEMP)
		log_debug("tick file: %s: %s", dir, strerror(errno));
	return rc;
}

/* When the file of that name was replaced last. */
static enum rc
moved_at(const char *dir, const char *name, int64_t *out_us)
{
	char path[PATH_MAX];
	struct stat st;

	if (!path_of(path, dir, name) || (stat(path, &st) != 0 && errno != ENOENT))
		return RC_TEMP;
	if (stat(path, &st) != 0)
		return RC_NONE;
	*out_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
	return RC_OK;
}

enum rc
tick_look(const char *dir, char out[TICK_NAME], int64_t *out_us)
{
	enum rc rc = str_empty(dir) ? RC_NONE : read_name(dir, out);

	return rc == RC_OK ? moved_at(dir, out, out_us) : rc;
}

enum rc
tick_name(const char *dir, char out[TICK_NAME], int64_t *out_us)
{
	enum rc rc = name_of(dir, out);

	if (rc != RC_OK)
		return rc;
	rc = moved_at(dir, out, out_us);
	if (rc == RC_NONE && move(dir, out) == RC_OK)
		rc = moved_at(dir, out, out_us);
	return rc == RC_OK ? RC_OK : RC_TEMP;
}

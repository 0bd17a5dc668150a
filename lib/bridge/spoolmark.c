/*
 * Whose a spool is.  The name of the database alone is compared: one server has many names
 * (a pooler, an address, a socket), and a spool that refuses its own installation would be
 * worse than the slip that this is against.  The folder's number is noted, too: a copy of it
 * is nobody's yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "bridge/spoolmark.h"
#include "extern/db.h"

enum { NAME_MAX_ = 1024, TEXT_MAX = 2 * NAME_MAX_ };

/* The database's name; false where the configuration does not say it. */
static bool
database_of(const struct conf *c, char out[NAME_MAX_])
{
	const char *const urls[] = { c->database_url, c->database_url_web, c->database_url_cron };
	char *v = NULL;
	bool got = false;

	for (size_t i = 0; i < sizeof urls / sizeof *urls && !got; i++)
		if (!str_empty(urls[i]) && db_option(urls[i], "dbname", &v) == RC_OK) {
			got = !str_empty(v) && strlen(v) < NAME_MAX_ && strchr(v, '\n') == NULL;
			if (got)
				snprintf(out, NAME_MAX_, "%s", v);
			mem_free_secret(v);
			v = NULL;
		}
	return got;
}

/* A name beside it and a rename: who reads finds one or the other, whole. */
static void
note(const char *path, const char *file, const char *database, uint64_t folder)
{
	char tmp[PATH_MAX], text[TEXT_MAX + 40];
	int fd, n;

	n = snprintf(text, sizeof text, "%s\n%s\n%" PRIu64 "\n", file, database, folder);
	if ((size_t)snprintf(tmp, sizeof tmp, "%s.%ld", path, (long)getpid()) >= sizeof tmp ||
	    (fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0660)) < 0)
		return;
	/* web user and cron user share it: 0660, whatever the umask */
	if (fchmod(fd, 0660) != 0 || !file_write(fd, text, (size_t)n) || rename(tmp, path) != 0)
		(void)unlink(tmp);
	close(fd);
}

/* The mark's lines; false where there is none, or that of a folder which this is a copy of. */
static bool
noted(const char *path, char file[NAME_MAX_], char database[NAME_MAX_], uint64_t folder)
{
	char text[TEXT_MAX + 40], *nl, *end;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	nl = strchr(text, '\n');
	end = nl != NULL ? strchr(nl + 1, '\n') : NULL;
	if (end == NULL || nl - text >= NAME_MAX_ || end - nl > NAME_MAX_ ||
	    strtoull(end + 1, NULL, 10) != folder)
		return false;
	*nl = *end = '\0';
	memcpy(file, text, strlen(text) + 1);
	memcpy(database, nl + 1, strlen(nl + 1) + 1);
	return true;
}

enum rc
spoolmark(const struct conf *c, const char *dir, char *other)
{
	char path[PATH_MAX - 32], mine[NAME_MAX_], file[NAME_MAX_], database[NAME_MAX_], *real;
	struct stat st;
	bool known, there;

	if (c->file == NULL || stat(dir, &st) != 0 || strchr(c->file, '\n') != NULL ||
	    !database_of(c, mine) ||
	    (size_t)snprintf(path, sizeof path, "%s/owner", dir) >= sizeof path)
		return RC_OK;
	real = realpath(c->file, NULL);
	known = noted(path, file, database, (uint64_t)st.st_ino);
	there = known && (access(file, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR));
	if (known && there && !str_eq(file, real != NULL ? real : c->file)) {
		free(real);
		if (str_eq(database, mine))
			return RC_OK;
		if (other != NULL)
			memcpy(other, file, strlen(file) + 1);
		return RC_DENIED;
	}
	if (strlen(real != NULL ? real : c->file) < NAME_MAX_ &&
	    (!known || !there || !str_eq(database, mine)))
		note(path, real != NULL ? real : c->file, mine, (uint64_t)st.st_ino);
	free(real);
	return RC_OK;
}

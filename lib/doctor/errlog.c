/*
 * A program that does not start says why where no caller hears it: the loader, the kernel and
 * suexec speak to the web server's error log.  Where that is read, the finding holds the line
 * and the remedy is that of its cause.  These writers speak English whatever the locale is.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "doctor/doctor.h"

#define TAIL 6000		/* bytes of a log's end: this run's calls fail there once more */
#define FRESH_S 120		/* a log that was written to so lately has this run's line */
#define FILES 200
#define SHOWN 240

struct clue {
	const char *word, *and;		/* both stand in the line; and: NULL where one is enough */
	const char *en, *ru;
};

static const struct clue clues[] = {
	{ "error while loading shared libraries", "cannot open shared object file",
	    "Install the library that the line names (Debian: apt install libpq5 libcurl4 brings "
	    "those of dmbox), or take the bundle, which has all libraries in it (make bundle).",
	    "Установите библиотеку, названную в строке (Debian: «apt install libpq5 libcurl4»), "
	    "или возьмите сборку, в которой все они уже есть («make bundle»)." },
	{ "GLIBC_", "not found",
	    "The programs were built on a newer system than this one: build them here (make "
	    "install), or take the bundle, which runs on older systems (make bundle).",
	    "Программы собраны на более новой системе: соберите их здесь (make install) или "
	    "возьмите сборку, которая работает и на старых («make bundle»)." },
	{ "failed to map segment", ".fcgi",
	    "A limit of memory ends the program at its start: raise it to 128 MB or more (Apache: "
	    "RLimitMEM; CloudLinux: PMEM; systemd: MemoryMax, LimitAS), or ask the host for that.",
	    "Предел памяти завершает программу при запуске: поднимите его до 128 МБ и больше "
	    "(Apache: RLimitMEM; CloudLinux: PMEM; systemd: MemoryMax, LimitAS) или попросите "
	    "хостинг." },
	{ "Cannot allocate memory", NULL,
	    "There is not enough memory for another program: end what uses it up, or raise the "
	    "limit (CloudLinux: PMEM; systemd: MemoryMax), or ask the host for that.",
	    "Для ещё одной программы не хватает памяти: завершите то, что её занимает, поднимите "
	    "предел (CloudLinux: PMEM; systemd: MemoryMax) или попросите хостинг." },
	{ "Resource temporarily unavailable", NULL,
	    "The limit of processes is used up: raise it (Apache: RLimitNPROC; CloudLinux: NPROC; "
	    "systemd: TasksMax), or ask the host for that.",
	    "Исчерпан предел числа процессов: поднимите его (Apache: RLimitNPROC; CloudLinux: "
	    "NPROC; systemd: TasksMax) или попросите хостинг." },
	{ "Exec format error", NULL,
	    "The programs were built for another kind of machine, or broken on the way: upload "
	    "them in binary mode, or build them here (make install).",
	    "Программы собраны для машины другого вида или испорчены при передаче: загрузите их в "
	    "двоичном режиме или соберите здесь (make install)." },
};

/* The last line of p that holds a clue, which goes to *out; NULL: none. */
static const char *
last_clue(char *p, const struct clue **out)
{
	const char *found = NULL;
	char *next;

	for (char *line = p; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		for (size_t i = 0; i < sizeof clues / sizeof *clues; i++)
			if (strstr(line, clues[i].word) != NULL &&
			    (clues[i].and == NULL || strstr(line, clues[i].and) != NULL)) {
				found = line;
				*out = &clues[i];
				break;
			}
	}
	return found;
}

/* The log at path, if it is fresh: its line, in d's arena. */
static const char *
line_of(struct doctor *d, const char *path, const struct clue **out)
{
	char tail[TAIL + 1];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *line = NULL;
	ssize_t n = -1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mtime > time(NULL) - FRESH_S)
		n = pread(fd, tail, TAIL, st.st_size > TAIL ? st.st_size - TAIL : 0);
	close(fd);
	if (n > 0) {
		tail[n] = '\0';
		line = last_clue(tail, out);
	}
	/* the cause stands at its end; what is before it is the server's */
	if (line != NULL && strstr(line, (*out)->word) - line > SHOWN / 2)
		line = strstr(line, (*out)->word) - SHOWN / 2;
	return line != NULL ?
	    mem_arena_ndup(&d->arena, line, str_utf8_cut(line, strlen(line), SHOWN)) :
	    NULL;
}

static const char *
line_below(struct doctor *d, const char *dir, const struct clue **out)
{
	char path[PATH_MAX];
	const char *line = NULL;
	struct dirent *e;
	DIR *f = opendir(dir);

	if (f == NULL)
		return NULL;
	for (int n = 0; line == NULL && n < FILES && (e = readdir(f)) != NULL; n++)
		if (strstr(e->d_name, "err") != NULL && !str_ends(e->d_name, ".gz") &&
		    snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < (int)sizeof path)
			line = line_of(d, path, out);
	closedir(f);
	return line;
}

const char *
doctor_error_log(struct doctor *d, const char **fix)
{
	static const char *const servers[] = { "/var/log/apache2", "/var/log/httpd",
		"/var/log/lighttpd", "/var/log/nginx" };
	const char *line = NULL, *home = getenv("HOME"), *log = d->conf->log_file;
	const struct clue *clue = NULL;
	char dir[PATH_MAX];

	if (log != NULL && strrchr(log, '/') != NULL) {
		snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(log, '/') - log), log);
		line = line_below(d, dir, &clue);
	}
	if (line == NULL && home != NULL) {
		snprintf(dir, sizeof dir, "%s/logs", home);
		line = line_below(d, dir, &clue);
	}
	for (size_t i = 0; line == NULL && i < sizeof servers / sizeof *servers; i++)
		line = line_below(d, servers[i], &clue);
	if (line != NULL)
		*fix = doctor_tr(d, clue->en, clue->ru);
	return line;
}

/*
 * A library for LD_PRELOAD that breaks a program at its n-th contact with the
 * world.  The contacts are calls by which something becomes visible outside:
 * bytes to files, sockets and the database, renames, syncs.  Between two of
 * them a death changes nothing, so "kill before call n, for every n" is every
 * way of dying.
 *
 * DMBOX_CRASH names a plan file of one line:
 *
 *	PROGRAM CALLS N ACTION
 *
 * PROGRAM as in argv[0] without folders, or a process id; CALLS "*" or a comma list of names; N
 * counts from the moment the plan is taken, which is the next contact of a
 * process of that name: it renames the file to FILE.taken.  ACTION is kill, stop, or an
 * errno with which that call and (with a + before) all later ones fail.  What
 * happened is written to FILE.fired; a process that ends by itself writes the
 * number of its calls to FILE.count.
 *
 * DMBOX_CLOCK names a file with a number of seconds, read at each look at the
 * wall clock and added to it.  Programs that are not named see nothing.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The prototypes of libc and libpq, without their headers' attributes. */
ssize_t write(int fd, const void *p, size_t n);
typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
int PQsendQuery(PGconn *c, const char *q);
int PQsendQueryParams(PGconn *c, const char *q, int n, const unsigned int *t, const char *const *v,
    const int *l, const int *f, int rf);
int PQsendQueryPrepared(PGconn *c, const char *s, int n, const char *const *v, const int *l,
    const int *f, int rf);
int PQpipelineSync(PGconn *c);
PGresult *PQgetResult(PGconn *c);

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static atomic_int armed;
static atomic_long count;
static char calls[256];
static long at;
static int error;		/* 0: kill; -1: stop */
static int lasting;

static const char *
plan_path(void)
{
	return getenv("DMBOX_CRASH");
}

/* The file beside the plan: raw calls only, ours would come back to us. */
static void
note(const char *suffix, const char *what, long n)
{
	char path[512], line[128];
	const char *plan = plan_path();
	long fd;
	int len;

	if (plan == NULL)
		return;
	snprintf(path, sizeof path, "%s.%s", plan, suffix);
	len = snprintf(line, sizeof line, "%s %ld %d\n", what, n, (int)getpid());
	fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (fd < 0)
		return;
	syscall(SYS_write, fd, line, len);
	syscall(SYS_close, fd);
}

static int
read_plan(const char *plan, char *line, size_t max)
{
	long fd = syscall(SYS_openat, AT_FDCWD, plan, O_RDONLY), n;

	if (fd < 0)
		return 0;
	n = syscall(SYS_read, fd, line, max - 1);
	syscall(SYS_close, fd);
	if (n <= 0)
		return 0;
	line[n] = '\0';
	return 1;
}

static void
arm(void)
{
	const char *plan = plan_path();
	char line[400], taken[512], *p, *word[4], *save = NULL;
	int i = 0;

	if (plan == NULL || !read_plan(plan, line, sizeof line))
		return;
	for (p = strtok_r(line, " \n", &save); p != NULL && i < 4; p = strtok_r(NULL, " \n", &save))
		word[i++] = p;
	if (i < 4 || (strcmp(word[0], program_invocation_short_name) != 0 &&
	    strtol(word[0], NULL, 10) != (long)getpid()))
		return;
	snprintf(taken, sizeof taken, "%s.taken", plan);
	pthread_mutex_lock(&mu);
	if (!armed && syscall(SYS_renameat2, AT_FDCWD, plan, AT_FDCWD, taken, 0) == 0) {
		snprintf(calls, sizeof calls, ",%s,", word[1]);
		at = strtol(word[2], NULL, 10);
		lasting = word[3][0] == '+';
		error = strcmp(word[3], "kill") == 0 ? 0 : strcmp(word[3], "stop") == 0 ? -1 :
		    (int)strtol(word[3], NULL, 10);
		armed = 1;
	}
	pthread_mutex_unlock(&mu);
}

/* 0: go on; else the errno to fail with. */
static int
point(const char *name)
{
	char word[64];
	int e = errno;
	long n;

	if (!armed)
		arm();
	errno = e;
	if (!armed)
		return 0;
	snprintf(word, sizeof word, ",%s,", name);
	if (strcmp(calls, ",*,") != 0 && strstr(calls, word) == NULL)
		return 0;
	n = atomic_fetch_add(&count, 1) + 1;
	if (n < at || (n > at && !(lasting && error > 0)))
		return 0;
	if (n == at)
		note("fired", name, n);
	if (error == 0)
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
	if (error == -1)
		syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
	errno = e;
	return error > 0 ? error : 0;
}

__attribute__((destructor)) static void
ended(void)
{
	if (armed)
		note("count", program_invocation_short_name, count);
}

#define REAL(ret, name, ...)						\
	static ret (*real)(__VA_ARGS__);				\
	int err_;							\
	if (real == NULL)						\
		*(void **)(&real) = dlsym(RTLD_NEXT, #name);		\
	if ((err_ = point(#name)) != 0) {				\
		errno = err_;						\
		return (ret)-1;						\
	}

ssize_t
write(int fd, const void *p, size_t n)
{
	REAL(ssize_t, write, int, const void *, size_t)
	return real(fd, p, n);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	REAL(ssize_t, writev, int, const struct iovec *, int)
	return real(fd, v, n);
}

ssize_t
send(int fd, const void *p, size_t n, int flags)
{
	REAL(ssize_t, send, int, const void *, size_t, int)
	return real(fd, p, n, flags);
}

ssize_t
recv(int fd, void *p, size_t n, int flags)
{
	REAL(ssize_t, recv, int, void *, size_t, int)
	return real(fd, p, n, flags);
}

int
connect(int fd, const struct sockaddr *a, socklen_t n)
{
	REAL(int, connect, int, const struct sockaddr *, socklen_t)
	return real(fd, a, n);
}

int
fsync(int fd)
{
	REAL(int, fsync, int)
	return real(fd);
}

int
fdatasync(int fd)
{
	REAL(int, fdatasync, int)
	return real(fd);
}

int
rename(const char *a, const char *b)
{
	REAL(int, rename, const char *, const char *)
	return real(a, b);
}

int
renameat(int da, const char *a, int db, const char *b)
{
	REAL(int, renameat, int, const char *, int, const char *)
	return real(da, a, db, b);
}

int
unlinkat(int d, const char *p, int flags)
{
	REAL(int, unlinkat, int, const char *, int)
	return real(d, p, flags);
}

int
unlink(const char *p)
{
	REAL(int, unlink, const char *)
	return real(p);
}

int
close(int fd)
{
	REAL(int, close, int)
	return real(fd);
}

/* libpq: a call that cannot fail with an errno is killed or let be. */
#define REALPQ(ret, name, ...)						\
	static ret (*real)(__VA_ARGS__);				\
	if (real == NULL)						\
		*(void **)(&real) = dlsym(RTLD_NEXT, #name);		\
	(void)point(#name);

int
PQsendQuery(PGconn *c, const char *q)
{
	REALPQ(int, PQsendQuery, PGconn *, const char *)
	return real(c, q);
}

int
PQsendQueryParams(PGconn *c, const char *q, int n, const unsigned int *t, const char *const *v,
    const int *l, const int *f, int rf)
{
	REALPQ(int, PQsendQueryParams, PGconn *, const char *, int, const unsigned int *,
	    const char *const *, const int *, const int *, int)
	return real(c, q, n, t, v, l, f, rf);
}

int
PQsendQueryPrepared(PGconn *c, const char *s, int n, const char *const *v, const int *l,
    const int *f, int rf)
{
	REALPQ(int, PQsendQueryPrepared, PGconn *, const char *, int, const char *const *,
	    const int *, const int *, int)
	return real(c, s, n, v, l, f, rf);
}

int
PQpipelineSync(PGconn *c)
{
	REALPQ(int, PQpipelineSync, PGconn *)
	return real(c);
}

PGresult *
PQgetResult(PGconn *c)
{
	REALPQ(PGresult *, PQgetResult, PGconn *)
	return real(c);
}

/* --- the wall clock ---------------------------------------------------------- */

static long
jump(void)
{
	const char *path = getenv("DMBOX_CLOCK");
	char s[32];
	int e = errno;
	long off = 0;

	/* the web server is not ours: lighttpd restarts itself at a jump, and after one back
	 * waits by the wall clock for its own end */
	if (path != NULL && strcmp(program_invocation_short_name, "lighttpd") != 0 &&
	    read_plan(path, s, sizeof s))
		off = strtol(s, NULL, 10);
	errno = e;
	return off;
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, id, t);

	if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += jump();
	return rc;
}

int
gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec s;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &s);
	t->tv_sec = s.tv_sec;
	t->tv_usec = s.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec s;

	clock_gettime(CLOCK_REALTIME, &s);
	if (out != NULL)
		*out = s.tv_sec;
	return s.tv_sec;
}

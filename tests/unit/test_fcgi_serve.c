/*
 * fcgi_serve's wait for a request that is not here yet: web servers connect first and
 * write a moment later, and a sleep between two looks costs each delivery its length
 * (it once cost every fourth delivery five milliseconds).  And what it keeps of a burst when
 * nothing comes.  The server runs in a child; its sleeps and its looks at an empty socket are
 * counted there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fcgirec.h"
#include "extern/fcgi.h"

/* shared with the child */
static struct seen {
	atomic_uint naps;	/* sleeps of a worker */
	atomic_long shortest;	/* of them, ns */
	atomic_uint empty;	/* looks at a connection that had nothing */
	atomic_uint looks;	/* all looks */
	atomic_uint served;
	atomic_uint lent;	/* connections taken at the lent socket */
	atomic_uint ended;
	atomic_ulong resident;	/* pages, at a tick */
	atomic_ulong burst;	/* ... while a call held many blocks */
} *seen;

static struct sockaddr_un to = { .sun_family = AF_UNIX };
static pid_t child;

/* The library's own, counted: the program's symbols come before libc's. */
int
nanosleep(const struct timespec *want, struct timespec *left)
{
	if (atomic_fetch_add(&seen->naps, 1) == 0 || want->tv_nsec < atomic_load(&seen->shortest))
		atomic_store(&seen->shortest, want->tv_nsec);
	return (int)syscall(SYS_nanosleep, want, left);
}

ssize_t
recv(int fd, void *buf, size_t n, int flags)
{
	ssize_t got = syscall(SYS_recvfrom, fd, buf, n, flags, NULL, NULL);

	if ((flags & MSG_PEEK) != 0) {
		int e = errno;

		atomic_fetch_add(&seen->looks, 1);
		if (got < 0 && e == EAGAIN)
			atomic_fetch_add(&seen->empty, 1);
		errno = e;
	}
	return got;
}

static bool
answer(void *arg, unsigned int thread, struct http_call *call)
{
	(void)arg;
	(void)thread;
	atomic_fetch_add(&seen->served, 1);
	call->res.status = 200;
	call->res.body = "ok";
	call->res.body_n = 2;
	return true;
}

/* Another process in one: takes what comes at the lent socket. */
static void
lend(void *arg, int listen_fd)
{
	struct pollfd p = { .fd = listen_fd, .events = POLLIN };
	int fd;

	(void)arg;
	while (fcgi_poll(&p, -1) > 0 && (fd = accept(listen_fd, NULL, NULL)) >= 0) {
		atomic_fetch_add(&seen->lent, 1);
		fcgi_serve_lent(fd);
	}
}

static void
ending(void *arg)
{
	(void)arg;
	atomic_fetch_add(&seen->ended, 1);
}

static int
start_with(const struct fcgi_opts *o)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(seen != MAP_FAILED);
	snprintf(to.sun_path, sizeof to.sun_path, "/tmp/dmbox-serve.%d", (int)getpid());
	unlink(to.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(listen(fd, 64), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(fd, 0);
		close(fd);
		_exit(fcgi_serve(o));
	}
	close(fd);
	return 0;
}

static unsigned long
resident(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f != NULL && fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages;
}

/* A call that needs many small blocks, and one behind them that stays. */
static bool
greedy(void *arg, unsigned int thread, struct http_call *call)
{
	enum { BLOCKS = 8192, BYTES = 1000 };
	static char *block[BLOCKS], *last;

	for (int i = 0; i < BLOCKS; i++)
		if ((block[i] = malloc(BYTES)) != NULL)
			memset(block[i], 1, BYTES);
	free(last);
	last = malloc(BYTES);
	atomic_store(&seen->burst, resident());
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
	return answer(arg, thread, call);
}

static void
on_tick(void *arg)
{
	(void)arg;
	atomic_store(&seen->resident, resident());
}

static int
start_greedy(void **state)
{
	(void)state;
	return start_with(&(struct fcgi_opts){ .threads = 1, .max_body = 1 << 20,
	    .handle = greedy, .tick = on_tick });
}

static int
start(void **state)
{
	(void)state;
	return start_with(&(struct fcgi_opts){ .threads = 2, .max_body = 1 << 20,
	    .handle = answer, .lend = lend });
}

static int
start_lending(void **state)
{
	(void)state;
	return start_with(&(struct fcgi_opts){ .threads = 1, .max_body = 1 << 20,
	    .handle = answer, .lend = lend, .ending = ending });
}

static int
finish(void **state)
{
	int status;

	(void)state;
	kill(child, SIGTERM);
	assert_int_equal(waitpid(child, &status, 0), child);
	unlink(to.sun_path);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int
dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static size_t
request_with(unsigned char *out, unsigned char flags)
{
	static const char params[] = "\016\004REQUEST_METHODPOST\013\002REQUEST_URI/a"
	    "\013\011REMOTE_ADDR127.0.0.1\016\002CONTENT_LENGTH02";
	FCGI_BeginRequestBody begin = { .roleB0 = FCGI_RESPONDER, .flags = flags };
	size_t n = record(out, FCGI_BEGIN_REQUEST, &begin, sizeof begin);

	n += record(out + n, FCGI_PARAMS, params, sizeof params - 1);
	n += record(out + n, FCGI_PARAMS, NULL, 0);
	n += record(out + n, FCGI_STDIN, "hi", 2);
	return n + record(out + n, FCGI_STDIN, NULL, 0);
}

static size_t
request(unsigned char *out)
{
	return request_with(out, 0);
}

/* Until the server has looked at a connection in vain; the suite ends a test that hangs. */
static void
until_empty(unsigned int more_than)
{
	while (atomic_load(&seen->empty) <= more_than)
		assert_int_equal(poll(NULL, 0, 1), 0);
}

/* Reads the answer to its end; true if it is a 200. */
static bool
is_ok(int fd)
{
	char in[4096];
	size_t n = 0;
	ssize_t k;

	while (n < sizeof in && (k = read(fd, in + n, sizeof in - n)) > 0)
		n += (size_t)k;
	close(fd);
	return memmem(in, n, "Status: 200", 11) != NULL;
}

static void
test_request_comes_later(void **state)
{
	enum { N = 50 };
	unsigned char out[1024];
	size_t n = request(out);

	(void)state;
	for (int i = 0; i < N; i++) {
		unsigned int was = atomic_load(&seen->empty);
		int fd = dial();

		until_empty(was);
		assert_int_equal(send(fd, out, n, MSG_NOSIGNAL), n);
		assert_true(is_ok(fd));
	}
	assert_int_equal(atomic_load(&seen->served), N);
	assert_true(atomic_load(&seen->empty) >= N);	/* else nothing was tried */
	assert_int_equal(atomic_load(&seen->naps), 0);
}

/* Connections that end before a word of theirs: seen at once, not looked at again and again. */
static void
test_closed_unused(void **state)
{
	enum { N = 20 };
	unsigned char out[1024];
	size_t n = request(out);
	unsigned int looks = atomic_load(&seen->looks), served = atomic_load(&seen->served);
	int fd;

	(void)state;
	for (int i = 0; i < N; i++) {
		unsigned int was = atomic_load(&seen->empty);

		fd = dial();
		until_empty(was);
		close(fd);
	}
	fd = dial();
	assert_int_equal(send(fd, out, n, MSG_NOSIGNAL), n);
	assert_true(is_ok(fd));
	assert_int_equal(atomic_load(&seen->served), served + 1);
	/* a look in vain and one that sees the end, each with one for the address; what a
	 * late run of this process adds is far below a loop that does not wait */
	looks = atomic_load(&seen->looks) - looks;
	assert_true(looks >= N && looks <= 100 * N);
}

/* A host so busy that the web server gets to the rest of the head much later: that is not
 * refused as a sender without room is. */
static void
test_late_head(void **state)
{
	unsigned char out[1024];
	size_t n = request(out), part = sizeof(FCGI_Header) + sizeof(FCGI_BeginRequestBody);
	unsigned int looks = atomic_load(&seen->looks);
	int fd = dial();

	(void)state;
	assert_int_equal(send(fd, out, part, MSG_NOSIGNAL), part);
	(void)poll(NULL, 0, 600);	/* twice what it waits for room */
	assert_true(atomic_load(&seen->looks) > looks + 10);
	/* the first looks follow soon: a web server may write the first record alone */
	assert_true(atomic_load(&seen->naps) > 10);
	assert_true(atomic_load(&seen->shortest) <= 100000);
	assert_int_equal(send(fd, out + part, n - part, MSG_NOSIGNAL), n - part);
	assert_true(is_ok(fd));
}

/* A process of several workers keeps its socket. */
static void
test_not_lent(void **state)
{
	(void)state;
	assert_int_equal(atomic_load(&seen->lent), 0);
}

/* Connections of a lent socket are served like one's own, but none is kept: the thread has
 * other sockets, too. */
static void
test_lent(void **state)
{
	enum { N = 6 };
	unsigned char out[1024];

	(void)state;
	for (int i = 0; i < N; i++) {
		size_t n = request_with(out, i % 2 == 0 ? FCGI_KEEP_CONN : 0);
		int fd = dial();

		assert_int_equal(send(fd, out, n, MSG_NOSIGNAL), n);
		assert_true(is_ok(fd));		/* reads up to the end of the connection */
	}
	assert_int_equal(atomic_load(&seen->lent), N);
	assert_int_equal(atomic_load(&seen->served), N);
	assert_int_equal(atomic_load(&seen->ended), 0);
}

/* What a burst has freed is the host's again when nothing comes: the processes of mod_fcgid
 * that wait are many.  The suite ends a test that hangs. */
static void
test_idle(void **state)
{
	unsigned char out[1024];
	size_t n = request(out);
	int fd = dial();

	(void)state;
	assert_int_equal(send(fd, out, n, MSG_NOSIGNAL), n);
	assert_true(is_ok(fd));
	assert_true(atomic_load(&seen->burst) > 1500);	/* of its 2000 pages */
	while (atomic_load(&seen->resident) == 0 ||
	    atomic_load(&seen->resident) + 1500 > atomic_load(&seen->burst))
		assert_int_equal(poll(NULL, 0, 10), 0);
}

static int
finish_lending(void **state)
{
	return finish(state) == 0 && atomic_load(&seen->ended) == 1 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest lending[] = { cmocka_unit_test(test_lent) };
	const struct CMUnitTest idle[] = { cmocka_unit_test(test_idle) };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_comes_later),
		cmocka_unit_test(test_closed_unused),
		cmocka_unit_test(test_late_head),
		cmocka_unit_test(test_not_lent),
	};

	return cmocka_run_group_tests(tests, start, finish) +
	    cmocka_run_group_tests(lending, start_lending, finish_lending) +
	    cmocka_run_group_tests(idle, start_greedy, finish);
}

/* sandbox: that the walls really hold.  Each case runs in a child that enters
 * the sandbox and then tries what a broken-in webhook would try; a child's exit
 * status names the first thing that was not as it must be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "extern/sandbox.h"

static char dir[] = "/tmp/dmbox-test-sandbox-XXXXXX";
static char in[64], out[64], other[64], log_file[64];

/* The child's line of the first failure, cut to an exit status of 1..250. */
#define TRY(x)                                                                                     \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			dprintf(2, "line %d: %s (errno %s)\n", __LINE__, #x, strerror(errno));     \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* Run fn in a child; its exit status. */
static int
in_child(void (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(120);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool
refused(long rc, int e)
{
	return rc < 0 && errno == e;
}

static unsigned int
enter(bool inet, unsigned int port)
{
	static const char *read[2], *write[2];
	struct sandbox s = { .read = read, .write = write, .net = { .inet = inet } };

	read[0] = in;
	write[0] = out;
	if (port != 0)
		s.net.port[s.net.n++] = port;
	return sandbox_enter(&s);
}

static void *
thread(void *arg)
{
	*(int *)arg = 7;
	return NULL;
}

static void
calls(void)
{
	char *argv[] = { "true", NULL };
	int n = 0, fds[2];
	pthread_t t;

	if ((enter(false, 0) & SANDBOX_CALLS) == 0)
		_exit(77);
	TRY(refused(execve("/bin/true", argv, argv + 1), EPERM));
	TRY(refused(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, argv + 1, 0), EPERM));
	TRY(refused(fork(), EPERM));
	TRY(refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), EPERM));
	TRY(refused(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), EPERM));
	TRY(refused(syscall(SYS_clone3, NULL, 0), ENOSYS));
	TRY(refused(unshare(CLONE_NEWUSER), EPERM));
	TRY(refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM));
	TRY(refused(syscall(SYS_io_uring_setup, 1, NULL), EPERM));
	TRY(refused(syscall(SYS_bpf, 0, NULL, 0), EPERM));
	TRY(refused(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0), EPERM));
	/* what the webhook lives on goes on */
	TRY(pthread_create(&t, NULL, thread, &n) == 0 && pthread_join(t, NULL) == 0 && n == 7);
	TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	TRY(write(fds[0], "x", 1) == 1);
}

static void
core_and_memory(void)
{
	enter(false, 0);
	TRY(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static void
sockets(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if ((enter(false, 0) & SANDBOX_CALLS) == 0)
		_exit(77);
	TRY(refused(socket(AF_INET, SOCK_STREAM, 0), EACCES));
	TRY(refused(socket(AF_INET, SOCK_DGRAM, 0), EACCES));
	TRY(refused(socket(AF_INET6, SOCK_STREAM, 0), EACCES));
	TRY(refused(socket(AF_NETLINK, SOCK_RAW, 0), EACCES));
	TRY(refused(socket(AF_PACKET, SOCK_RAW, 0), EACCES));
	TRY((fd = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
	snprintf(un.sun_path, sizeof un.sun_path, "%s/sock", out);
	TRY(refused(bind(fd, (struct sockaddr *)(void *)&un, sizeof un), EPERM));
	TRY(refused(listen(fd, 1), EPERM));
}

/* Two listeners on loopback, the first one's port is the database's. */
static unsigned int ports[2];

static void
listeners(int fd[2])
{
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
		socklen_t n = sizeof a;

		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(fd[i], (struct sockaddr *)(void *)&a, sizeof a), 0);
		assert_int_equal(listen(fd[i], 4), 0);
		assert_int_equal(getsockname(fd[i], (struct sockaddr *)(void *)&a, &n), 0);
		ports[i] = ntohs(a.sin_port);
	}
}

static int
connect_to(unsigned int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) },
		.sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)(void *)&a, sizeof a);
}

static void
one_port(void)
{
	unsigned int held = enter(true, ports[0]);

	if ((held & SANDBOX_CALLS) == 0)
		_exit(77);
	TRY(connect_to(ports[0]) == 0);
	TRY(refused(socket(AF_PACKET, SOCK_RAW, 0), EACCES));
	TRY(refused(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EACCES));
	TRY(socket(AF_INET, SOCK_DGRAM, 0) >= 0);	/* the resolver's */
	if ((held & SANDBOX_FILES) == 0 ||
	    syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 4)
		_exit(77);
	TRY(refused(connect_to(ports[1]), EACCES));
}

static void
files(void)
{
	char path[128], to[128];
	int fd;

	if ((enter(false, 0) & SANDBOX_FILES) == 0)
		_exit(77);
	/* its own */
	snprintf(path, sizeof path, "%s/f", in);
	TRY((fd = open(path, O_RDONLY)) >= 0);
	TRY(refused(open(path, O_WRONLY), EACCES));
	snprintf(path, sizeof path, "%s/a/new", out);
	snprintf(to, sizeof to, "%s/b/new", out);
	TRY((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600)) >= 0);
	TRY(write(fd, "x", 1) == 1 && fsync(fd) == 0 && close(fd) == 0);
	TRY(rename(path, to) == 0);	/* as the spool does, between folders */
	TRY((fd = open(to, O_RDONLY)) >= 0);
	TRY(unlink(to) == 0);
	/* everybody else's */
	TRY(refused(open(other, O_RDONLY), EACCES));
	TRY(refused(open("/etc/passwd", O_RDONLY), EACCES));
	TRY(refused(open("/proc/1/environ", O_RDONLY), EACCES));
	TRY(refused(open("/", O_RDONLY | O_DIRECTORY), EACCES));
	snprintf(path, sizeof path, "%s/../other", out);
	TRY(refused(open(path, O_RDONLY), EACCES));
	snprintf(path, sizeof path, "%s/link", out);	/* leads to other */
	TRY(refused(open(path, O_RDONLY), EACCES));
	snprintf(path, sizeof path, "%s/made", dir);
	TRY(refused(open(path, O_WRONLY | O_CREAT, 0600), EACCES));
	TRY(refused(unlink(other), EACCES));
	snprintf(path, sizeof path, "%s/dev", out);	/* no devices, no sockets */
	TRY(mknod(path, S_IFCHR | 0600, 0x103) < 0);
	TRY(mkfifo(path, 0600) < 0);
}

/* A host that forbids both: nothing is in force, that is said, and the process
 * works on. */
static void
forbidden(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	char text[4096] = "";
	FILE *f;
	size_t n;

	TRY(ctx != NULL);
	TRY(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SYS_landlock_create_ruleset, 0) == 0);
	TRY(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0) == 0);
	TRY(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
	    SCMP_A0_64(SCMP_CMP_EQ, PR_SET_SECCOMP, 0)) == 0);
	if (seccomp_load(ctx) != 0)
		_exit(77);
	log_open(&(struct log_opts){ .level = LOG_INFO, .file = log_file, .program = "test" });
	TRY(enter(false, 0) == 0);
	log_close();
	TRY((f = fopen(log_file, "r")) != NULL);
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	TRY(strstr(text, "does not permit seccomp") != NULL);
	TRY(strstr(text, "no landlock") != NULL);
	TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static void
expect(void (*fn)(void))
{
	int status = in_child(fn);

	if (status == 77) {
		print_message("# SKIP this host does not permit it (landlock, seccomp)\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void test_calls(void **s) { (void)s; expect(calls); }
static void test_memory(void **s) { (void)s; expect(core_and_memory); }
static void test_sockets(void **s) { (void)s; expect(sockets); }
static void test_files(void **s) { (void)s; expect(files); }
static void test_forbidden(void **s) { (void)s; expect(forbidden); }

static void
test_one_port(void **s)
{
	int fd[2];

	(void)s;
	listeners(fd);
	expect(one_port);
	close(fd[0]);
	close(fd[1]);
}

static void
make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "secret", 6), 6);
	close(fd);
}

static int
setup(void **state)
{
	char path[128];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(in, sizeof in, "%s/in", dir);
	snprintf(out, sizeof out, "%s/out", dir);
	snprintf(other, sizeof other, "%s/other", dir);
	snprintf(log_file, sizeof log_file, "%s/log", dir);
	assert_int_equal(mkdir(in, 0700), 0);
	assert_int_equal(mkdir(out, 0700), 0);
	snprintf(path, sizeof path, "%s/a", out);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/b", out);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/f", in);
	make_file(path);
	make_file(other);
	snprintf(path, sizeof path, "%s/link", out);
	assert_int_equal(symlink(other, path), 0);
	return 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "in/f", "in", "out/a/new", "out/b/new", "out/a", "out/b",
		"out/link", "out", "other", "log", "" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		(void)remove(path);
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_one_port),
		cmocka_unit_test(test_forbidden),
	};

	return cmocka_run_group_tests_name("sandbox", tests, setup, teardown);
}

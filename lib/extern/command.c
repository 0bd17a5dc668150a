#include "extern/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

extern char **environ;

/* posix_spawnp() with what it writes going to fd. */
static int
start(const char *const *argv, int fd, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	int e = posix_spawn_file_actions_init(&fa);

	if (e != 0)
		return e;
	e = posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(&fa, fd, STDOUT_FILENO);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(&fa, fd, STDERR_FILENO);
	if (e == 0)
		e = posix_spawnp(pid, argv[0], &fa, NULL, (char *const *)argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	return e;
}

/* Until its end of the pipe is closed; what does not fit is read all the same, lest it waits.
 * False: end_ms is over. */
static bool
read_all(int fd, int64_t end_ms, char *out, size_t out_max)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char rest[4096] = { 0 };
	size_t n = 0;
	int64_t left;

	out[0] = '\0';
	while ((left = end_ms - clock_mono_ms()) > 0) {
		bool full = n + 1 >= out_max;
		ssize_t got;

		if (poll(&p, 1, (int)left) <= 0)
			continue;
		got = read(fd, full ? rest : out + n, full ? sizeof rest : out_max - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return true;
		if (!full)
			out[n += (size_t)got] = '\0';
	}
	return false;
}

/* Its end, killed at end_ms: a program may close its output and go on. */
static bool
ended(pid_t pid, int64_t end_ms, bool done, int *wait_status)
{
	pid_t got;

	while ((got = waitpid(pid, wait_status, WNOHANG)) == 0 && done && clock_mono_ms() < end_ms)
		clock_sleep_ms(1);
	if (got == pid)
		return done;
	kill(pid, SIGKILL);
	while (waitpid(pid, wait_status, 0) < 0 && errno == EINTR)
		;
	return false;
}

enum rc
command_output(const char *const *argv, int ms, char *out, size_t out_max, int *status)
{
	int64_t end_ms = clock_mono_ms() + ms;
	int fd[2], e, ws = 0;
	pid_t pid;
	bool done;

	if (pipe2(fd, O_CLOEXEC) != 0)
		return RC_TEMP;
	e = start(argv, fd[1], &pid);
	close(fd[1]);
	if (e != 0) {
		close(fd[0]);
		return e == ENOENT || e == EACCES ? RC_NONE : RC_TEMP;
	}
	done = read_all(fd[0], end_ms, out, out_max);
	close(fd[0]);
	if (!ended(pid, end_ms, done, &ws))
		return RC_TEMP;
	*status = WIFEXITED(ws) ? WEXITSTATUS(ws) : 128 + WTERMSIG(ws);
	return RC_OK;
}

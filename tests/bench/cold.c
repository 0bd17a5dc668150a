/*
 * A FastCGI program alone, without a web server: starts PROGRAM with a listening
 * socket, sends deliveries and prints how long the first answer took from fork
 * on, and the answers counted.  Under valgrind it shows what a delivery costs:
 * the instructions of N2 deliveries less those of N1.
 *
 *   cold REQUESTS SECRET PROGRAM [ARGUMENTS]
 *   prints: first_us  answered_200	(COLD_SMAPS=1: and its memory maps to stderr)
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/fcgirec.h"

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static size_t
param(unsigned char *p, const char *name, const char *value)
{
	size_t a = strlen(name), b = strlen(value);

	p[0] = (unsigned char)a;
	p[1] = (unsigned char)b;
	memcpy(p + 2, name, a);
	memcpy(p + 2 + a, value, b);
	return 2 + a + b;
}

/* What lighttpd sends for one delivery. */
static size_t
compose(unsigned char *out, const char *secret, long i)
{
	FCGI_BeginRequestBody begin = { .roleB0 = FCGI_RESPONDER };
	unsigned char params[2048];
	char body[512], len[16];
	size_t n = 0, k;
	int m = snprintf(body, sizeof body, "{\"senderId\":\"65000000%ld\",\"messageId\":\"c%d.%lld.%ld\","
	    "\"text\":\"Good day, do you have this in blue? Message %ld\",\"username\":\"user%ld\","
	    "\"timestamp\":1763800000}", 1000 + i % 50, (int)getpid(), (long long)now_us(), i, i, 1000 + i % 50);

	snprintf(len, sizeof len, "%d", m);
	k = param(params, "REQUEST_METHOD", "POST");
	k += param(params + k, "REQUEST_URI", "/instagram/webhook");
	k += param(params + k, "SCRIPT_NAME", "/instagram/webhook");
	k += param(params + k, "QUERY_STRING", "");
	k += param(params + k, "SERVER_SOFTWARE", "lighttpd/1.4.69");
	k += param(params + k, "SERVER_PROTOCOL", "HTTP/1.1");
	k += param(params + k, "SERVER_NAME", "127.0.0.1");
	k += param(params + k, "SERVER_PORT", "3000");
	k += param(params + k, "REMOTE_ADDR", "127.0.0.1");
	k += param(params + k, "REMOTE_PORT", "40000");
	k += param(params + k, "DOCUMENT_ROOT", "/var/www/html");
	k += param(params + k, "CONTENT_TYPE", "application/json");
	k += param(params + k, "CONTENT_LENGTH", len);
	k += param(params + k, "HTTP_HOST", "127.0.0.1:3000");
	k += param(params + k, "HTTP_USER_AGENT", "load");
	k += param(params + k, "HTTP_X_WEBHOOK_SECRET", secret);
	n += record(out, FCGI_BEGIN_REQUEST, &begin, sizeof begin);
	n += record(out + n, FCGI_PARAMS, params, k);
	n += record(out + n, FCGI_PARAMS, NULL, 0);
	n += record(out + n, FCGI_STDIN, body, (size_t)m);
	n += record(out + n, FCGI_STDIN, NULL, 0);
	return n;
}

static bool
read_all(int fd, void *p, size_t n)
{
	while (n > 0) {
		ssize_t k = read(fd, p, n);

		if (k <= 0)
			return false;
		p = (char *)p + k;
		n -= (size_t)k;
	}
	return true;
}

/* One delivery on a connection of its own; is the answer a 200? */
static bool
deliver(const struct sockaddr_un *to, const char *secret, long i)
{
	unsigned char out[4096], in[65536 + 256];
	bool ok = false;
	FCGI_Header h;
	size_t n = compose(out, secret, i);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) != 0 ||
	    send(fd, out, n, MSG_NOSIGNAL) != (ssize_t)n) {
		fprintf(stderr, "cold: connect: %s\n", strerror(errno));
		exit(1);
	}
	while (read_all(fd, &h, sizeof h)) {
		n = (size_t)h.contentLengthB1 << 8 | h.contentLengthB0;
		if (!read_all(fd, in, n + h.paddingLength))
			break;
		if (h.type == FCGI_STDOUT && n > 11 && memcmp(in, "Status: 200", 11) == 0)
			ok = true;
		if (h.type == FCGI_END_REQUEST)
			break;
	}
	close(fd);
	return ok;
}

/* What the process holds, map by map, on stderr. */
static void
show_memory(pid_t pid)
{
	char line[512];
	FILE *f;

	snprintf(line, sizeof line, "/proc/%d/smaps", (int)pid);
	if ((f = fopen(line, "r")) == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL)
		fputs(line, stderr);
	fclose(f);
}

int
main(int argc, char **argv)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int64_t start, first = 0;
	long n, good = 0;
	int fd, status;
	pid_t pid;

	if (argc < 4 || (n = strtol(argv[1], NULL, 10)) < 1)
		return 64;
	snprintf(to.sun_path, sizeof to.sun_path, "/tmp/dmbox-cold.%d", (int)getpid());
	unlink(to.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to) != 0 || listen(fd, 128) != 0) {
		fprintf(stderr, "cold: %s: %s\n", to.sun_path, strerror(errno));
		return 1;
	}
	start = now_us();
	if ((pid = fork()) == 0) {
		dup2(fd, 0);
		close(fd);
		execv(argv[3], argv + 3);
		fprintf(stderr, "cold: %s: %s\n", argv[3], strerror(errno));
		_exit(127);
	}
	for (long i = 0; i < n; i++) {
		good += deliver(&to, argv[2], i);
		if (i == 0)
			first = now_us() - start;
	}
	if (getenv("COLD_SMAPS") != NULL)
		show_memory(pid);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	unlink(to.sun_path);
	printf("%lld %ld\n", (long long)first, good);
	return good != n;
}

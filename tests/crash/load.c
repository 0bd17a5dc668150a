/*
 * A provider under load: posts deliveries on a schedule that does not wait for
 * answers, and again what was not acknowledged, as providers do.
 *
 * usage: load -p PORT -u PATH [-H HEADER]... [-r PER_SECOND] [-t SECONDS | -n COUNT]
 *             [-c CONNECTIONS] [-i PREFIX] [-a FILE] [-x] [-g SECONDS]
 *   -r  deliveries a second, 0: as fast as the connections go
 *   -i  the ids are PREFIX-0, PREFIX-1, ...
 *   -a  ids acknowledged (200), one a line
 *   -x  each delivery is posted once, whatever the answer
 *   -g  how long one is posted again and again before it is given up (60)
 * Prints one JSON object: deliveries, acknowledged, spooled (of them), answers by status ("0": no answer),
 * kept connections that the server had closed (sent again at once), and of the answers' times in ms
 * p50, p99, max.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_MS 200
#define TIMEOUT_S 60
#define MAX_HEADERS 8

static struct {
	int port;
	const char *path, *headers[MAX_HEADERS], *prefix, *acked;
	int n_headers, conns, once;
	double rate;
	long count, give_up_s;
} o = { .path = "/instagram/webhook", .prefix = "load", .conns = 32, .count = 1000,
    .give_up_s = 60 };

static atomic_long ticket, spooled, closed, statuses[600];
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static FILE *ack_file;
static long acked;
static float *times;
static size_t n_times, cap_times;
static double start_ms;

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
sleep_until(double ms)
{
	double left = ms - now_ms();
	struct timespec t;

	if (left <= 0)
		return;
	t.tv_sec = (time_t)(left / 1e3);
	t.tv_nsec = (long)((left - (double)t.tv_sec * 1e3) * 1e6);
	nanosleep(&t, NULL);
}

static int
dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)o.port) };
	struct timeval tv = { .tv_sec = TIMEOUT_S };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The answer's status, 0 where there is none, -1 where the connection ended before its first
 * byte; *fd is closed where it cannot be kept. */
static int
answer(int *fd)
{
	static const char length[] = "\r\ncontent-length:";
	char b[8192];
	size_t n = 0, want = 0;
	char *end = NULL, *p;
	int status;

	while (end == NULL && n < sizeof b - 1) {
		ssize_t k = recv(*fd, b + n, sizeof b - 1 - n, 0);

		if (k <= 0)
			return n == 0 && (k == 0 || errno == ECONNRESET) ? -1 : 0;
		n += (size_t)k;
		b[n] = '\0';
		end = strstr(b, "\r\n\r\n");
	}
	if (end == NULL || strncmp(b, "HTTP/1.", 7) != 0)
		return 0;
	status = (int)strtol(b + 9, NULL, 10);
	p = strcasestr(b, length);
	if (p == NULL || p > end || strcasestr(b, "\r\nconnection: close") != NULL) {
		hang_up(fd);
		return status;
	}
	if (status == 200 && strstr(end, "\"spooled\":true") != NULL)
		atomic_fetch_add(&spooled, 1);	/* our answers come in one piece */
	want = (size_t)(end - b) + 4 + (size_t)strtoul(p + sizeof length - 1, NULL, 10);
	while (n < want) {
		ssize_t k = recv(*fd, b, sizeof b, 0);

		if (k <= 0)
			return 0;	/* cut: not acknowledged */
		n += (size_t)k;
	}
	return status;
}

static int
post(int *fd, long k)
{
	char body[512], req[4096];
	int nb, n;

	nb = snprintf(body, sizeof body, "{\"senderId\":\"%s-c%ld\",\"messageId\":\"%s-%ld\","
	    "\"text\":\"message %ld\",\"username\":\"u%ld\",\"timestamp\":1731499200}",
	    o.prefix, k % 500, o.prefix, k, k, k % 500);
	n = snprintf(req, sizeof req, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n", o.path, nb);
	for (int i = 0; i < o.n_headers; i++)
		n += snprintf(req + n, sizeof req - (size_t)n, "%s\r\n", o.headers[i]);
	n += snprintf(req + n, sizeof req - (size_t)n, "\r\n%s", body);
	for (;;) {
		bool kept = *fd >= 0;
		int status;

		if (!kept && (*fd = dial()) < 0)
			return 0;
		status = send(*fd, req, (size_t)n, MSG_NOSIGNAL) == n ? answer(fd) : -1;
		if (status > 0)
			return status;
		hang_up(fd);
		/* a server may end a connection that it kept at any moment; what can be repeated,
		 * as a delivery can, is sent again on a new one (RFC 9112, 9.3.1) */
		if (status == 0 || !kept || o.once)
			return 0;
		atomic_fetch_add(&closed, 1);
	}
}

static void
keep_time(double ms)
{
	pthread_mutex_lock(&mu);
	if (n_times == cap_times) {
		cap_times = cap_times == 0 ? 65536 : cap_times * 2;
		times = realloc(times, cap_times * sizeof *times);
		if (times == NULL)
			abort();
	}
	times[n_times++] = (float)ms;
	pthread_mutex_unlock(&mu);
}

static void
acknowledged(long k)
{
	pthread_mutex_lock(&mu);
	acked++;
	if (ack_file != NULL)
		fprintf(ack_file, "%s-%ld\n", o.prefix, k);
	pthread_mutex_unlock(&mu);
}

static void *
work(void *arg)
{
	int fd = -1, status;
	long k;

	(void)arg;
	while ((k = atomic_fetch_add(&ticket, 1)) < o.count) {
		double began, give_up;

		if (o.rate > 0)
			sleep_until(start_ms + (double)k * 1e3 / o.rate);
		give_up = now_ms() + (double)o.give_up_s * 1e3;
		for (;;) {
			began = now_ms();
			status = post(&fd, k);
			atomic_fetch_add(&statuses[status < 600 ? status : 599], 1);
			if (status != 0)
				keep_time(now_ms() - began);
			if (status == 200)
				acknowledged(k);
			if (status == 200 || o.once || now_ms() > give_up)
				break;
			sleep_until(now_ms() + AGAIN_MS);
		}
	}
	hang_up(&fd);
	return NULL;
}

static int
cmp(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static double
quantile(double q)
{
	return n_times == 0 ? 0 : (double)times[(size_t)((double)(n_times - 1) * q)];
}

static int
options(int argc, char **argv)
{
	double seconds = 0;
	int c;

	while ((c = getopt(argc, argv, "p:u:H:r:t:n:c:i:a:xg:")) != -1) {
		switch (c) {
		case 'p': o.port = (int)strtol(optarg, NULL, 10); break;
		case 'u': o.path = optarg; break;
		case 'H':
			if (o.n_headers == MAX_HEADERS)
				return -1;
			o.headers[o.n_headers++] = optarg;
			break;
		case 'r': o.rate = strtod(optarg, NULL); break;
		case 't': seconds = strtod(optarg, NULL); break;
		case 'n': o.count = strtol(optarg, NULL, 10); break;
		case 'c': o.conns = (int)strtol(optarg, NULL, 10); break;
		case 'i': o.prefix = optarg; break;
		case 'a': o.acked = optarg; break;
		case 'x': o.once = 1; break;
		case 'g': o.give_up_s = strtol(optarg, NULL, 10); break;
		default: return -1;
		}
	}
	if (seconds > 0)
		o.count = (long)(seconds * o.rate);
	return o.port > 0 && o.conns > 0 && o.count > 0 ? 0 : -1;
}

int
main(int argc, char **argv)
{
	pthread_t *t;
	int first = 1;

	if (options(argc, argv) != 0) {
		fputs("usage: load -p PORT [-u PATH] [-H HEADER] [-r RATE] [-t SECONDS | -n COUNT] ...\n",
		    stderr);
		return 64;
	}
	if (o.acked != NULL && (ack_file = fopen(o.acked, "we")) == NULL) {
		fprintf(stderr, "load: %s: %s\n", o.acked, strerror(errno));
		return 1;
	}
	if ((t = calloc((size_t)o.conns, sizeof *t)) == NULL)
		abort();
	start_ms = now_ms();
	for (int i = 0; i < o.conns; i++)
		if (pthread_create(&t[i], NULL, work, NULL) != 0)
			abort();
	for (int i = 0; i < o.conns; i++)
		pthread_join(t[i], NULL);
	if (ack_file != NULL && fclose(ack_file) != 0)
		return 1;
	qsort(times, n_times, sizeof *times, cmp);
	printf("{\"deliveries\":%ld,\"acknowledged\":%ld,\"spooled\":%ld,\"seconds\":%.1f,"
	    "\"answers\":{", o.count, acked, (long)spooled, (now_ms() - start_ms) / 1e3);
	for (int i = 0; i < 600; i++)
		if (statuses[i] != 0) {
			printf("%s\"%d\":%ld", first ? "" : ",", i, statuses[i]);
			first = 0;
		}
	printf("},\"closed\":%ld,\"p50\":%.0f,\"p99\":%.0f,\"max\":%.0f}\n", (long)closed, quantile(0.5),
	    quantile(0.99), quantile(1));
	free(t);
	free(times);
	return 0;
}

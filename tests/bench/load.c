/*
 * Load on a webhook: N connections with keep-alive, each waiting for its answer
 * before the next delivery; every delivery has ids that were never used.
 *
 *   load -u http://HOST:PORT/PATH [-c CONNECTIONS] [-t SECONDS] [-n REQUESTS]
 *        [-i ITEMS] [-p PEOPLE] [-s SECRET] [-k APP_SECRET] [-o OWN_ID]
 *
 * Without -k the body is Chatrace's with one message (X-Webhook-Secret), with it
 * Meta's with ITEMS messages, signed.  Prints one line:
 *   rate/s  p50_us  p99_us  answered  failed  seconds
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/hmac.h>

#define CONNS_MAX 1024
#define TRIES_MAX 200

struct conn {
	int fd;
	char *out;		/* the request */
	size_t out_n, out_at;
	char in[16384];
	size_t in_n;
	int64_t from_us;	/* first byte sent */
};

static struct load {
	struct sockaddr_in addr;
	char host[64];
	const char *path, *secret, *app_secret, *own_id;
	unsigned int conns, items, people, failed_in_a_row;
	int64_t until_us, left;	/* requests still to begin; -1: no end */
	uint64_t run, next, answered, failed;
	uint32_t *us;		/* latencies */
	size_t n_us, cap_us;
	struct conn c[CONNS_MAX];
	int ep;
} L = { .path = "/", .conns = 1, .items = 1, .people = 5000, .left = -1,
	.own_id = "17841400000000001" };

static void
die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- bodies --------------------------------------------------------------- */

/* 64-bit mix: who writes the n-th message. */
static uint64_t
person(uint64_t n)
{
	n = (n ^ (n >> 31)) * 0x9e3779b97f4a7c15u;
	return 6500000000000000u + (n ^ (n >> 29)) % L.people;
}

static size_t
chatrace_body(char *p, size_t max)
{
	uint64_t n = L.next++, who = person(n);

	return (size_t)snprintf(p, max, "{\"senderId\":\"%llu\",\"messageId\":\"b%llx.%llu\","
	    "\"text\":\"Good day, do you have this in blue? Message %llu\",\"username\":\"user%llu\","
	    "\"timestamp\":%lld}", (unsigned long long)who, (unsigned long long)L.run,
	    (unsigned long long)n, (unsigned long long)n, (unsigned long long)who, (long long)time(NULL));
}

static size_t
graph_body(char *p, size_t max)
{
	long long ms = (long long)time(NULL) * 1000;
	size_t k = (size_t)snprintf(p, max, "{\"object\":\"instagram\",\"entry\":[{\"id\":\"%s\",\"time\":%lld,"
	    "\"messaging\":[", L.own_id, ms);

	for (unsigned int i = 0; i < L.items && k < max; i++) {
		uint64_t n = L.next++;

		k += (size_t)snprintf(p + k, max - k, "%s{\"sender\":{\"id\":\"%llu\"},\"recipient\":{\"id\":\"%s\"},"
		    "\"timestamp\":%lld,\"message\":{\"mid\":\"m%llx.%llu\",\"text\":\"Good day, do you have this in "
		    "blue? Message %llu\"}}", i > 0 ? "," : "", (unsigned long long)person(n), L.own_id, ms,
		    (unsigned long long)L.run, (unsigned long long)n, (unsigned long long)n);
	}
	return k < max ? k + (size_t)snprintf(p + k, max - k, "]}]}") : max;
}

static void
compose(struct conn *c)
{
	size_t max = 1024 + 512 * (size_t)L.items, n;
	char *body = malloc(max), cred[256];
	unsigned char mac[32];
	unsigned int mac_n = sizeof mac;

	if (body == NULL)
		die("malloc");
	n = L.app_secret != NULL ? graph_body(body, max) : chatrace_body(body, max);
	if (L.app_secret != NULL) {
		size_t k = (size_t)snprintf(cred, sizeof cred, "X-Hub-Signature-256: sha256=");

		HMAC(EVP_sha256(), L.app_secret, (int)strlen(L.app_secret), (unsigned char *)body, n, mac, &mac_n);
		for (unsigned int i = 0; i < mac_n; i++)
			k += (size_t)snprintf(cred + k, sizeof cred - k, "%02x", mac[i]);
	} else {
		snprintf(cred, sizeof cred, "X-Webhook-Secret: %s", L.secret != NULL ? L.secret : "none");
	}
	free(c->out);
	c->out = malloc(n + 1024);
	if (c->out == NULL)
		die("malloc");
	c->out_n = (size_t)snprintf(c->out, 1024, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
	    "User-Agent: load\r\n%s\r\nContent-Length: %zu\r\n\r\n", L.path, L.host, cred, n);
	memcpy(c->out + c->out_n, body, n);
	c->out_n += n;
	free(body);
}

/* --- connections ---------------------------------------------------------- */

static void
watch(struct conn *c, uint32_t events, int op)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (epoll_ctl(L.ep, op, c->fd, &e) != 0)
		die("epoll_ctl");
}

static void
dial(struct conn *c)
{
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&L.addr, sizeof L.addr) != 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	watch(c, EPOLLIN, EPOLL_CTL_ADD);
}

static void
send_more(struct conn *c)
{
	while (c->out_at < c->out_n) {
		ssize_t k = send(c->fd, c->out + c->out_at, c->out_n - c->out_at, MSG_NOSIGNAL);

		if (k < 0)
			return;	/* the answer, or its end, tells */
		c->out_at += (size_t)k;
	}
}

/* The next delivery on c; false when there is none to begin. */
static bool
begin(struct conn *c)
{
	if (L.left == 0 || now_us() >= L.until_us)
		return false;
	if (L.left > 0)
		L.left--;
	compose(c);
	c->out_at = c->in_n = 0;
	c->from_us = now_us();
	send_more(c);
	return true;
}

static void
hang_up(struct conn *c)
{
	close(c->fd);
	c->fd = -1;
}

static void
note(int64_t us)
{
	if (L.n_us == L.cap_us) {
		L.cap_us = L.cap_us == 0 ? 65536 : 2 * L.cap_us;
		L.us = realloc(L.us, L.cap_us * sizeof *L.us);
		if (L.us == NULL)
			die("realloc");
	}
	L.us[L.n_us++] = (uint32_t)us;
}

/* Whole answer in c->in?  1 yes, 0 not yet, -1 nonsense. */
static int
whole(struct conn *c, int *status, bool *closes)
{
	char *head_end, *len;

	c->in[c->in_n] = '\0';
	head_end = strstr(c->in, "\r\n\r\n");
	if (head_end == NULL)
		return 0;
	if (strncmp(c->in, "HTTP/1.", 7) != 0)
		return -1;
	*status = (int)strtol(c->in + 9, NULL, 10);
	len = strcasestr(c->in, "\r\ncontent-length:");
	*closes = strcasestr(c->in, "\r\nconnection: close") != NULL;
	if (len == NULL || len > head_end) {	/* chunked: the last chunk ends it */
		return c->in_n >= 5 && memcmp(c->in + c->in_n - 5, "0\r\n\r\n", 5) == 0 ? 1 : 0;
	}
	return c->in_n >= (size_t)(head_end + 4 - c->in) + strtoul(len + 17, NULL, 10);
}

/* An answer, good or not, has ended this delivery; true: c has another. */
static bool
ended(struct conn *c, bool good, bool closes)
{
	if (good) {
		L.answered++;
		L.failed_in_a_row = 0;
		note(now_us() - c->from_us);
	} else {
		L.failed++;
		if (++L.failed_in_a_row > TRIES_MAX) {
			fprintf(stderr, "load: %u failures in a row; the last answer: %.300s\n", TRIES_MAX, c->in);
			exit(1);
		}
	}
	if (closes) {
		hang_up(c);
		if (L.left != 0 && now_us() < L.until_us)
			dial(c);
	}
	return c->fd >= 0 && begin(c);
}

static bool
take(struct conn *c)
{
	int status = 0, w;
	bool closes = false;
	ssize_t k = read(c->fd, c->in + c->in_n, sizeof c->in - 1 - c->in_n);

	if (k <= 0)
		return ended(c, false, true);
	c->in_n += (size_t)k;
	w = whole(c, &status, &closes);
	if (w == 0)
		return true;
	return ended(c, w == 1 && status == 200, closes || w < 0);
}

/* --- main ----------------------------------------------------------------- */

static int
cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
parse_url(char *url)
{
	char *p, *colon;

	if (strncmp(url, "http://", 7) != 0 || (p = strchr(url + 7, '/')) == NULL ||
	    (colon = strchr(url + 7, ':')) == NULL || colon > p) {
		fprintf(stderr, "load: -u http://ADDRESS:PORT/PATH\n");
		exit(64);
	}
	L.path = strdup(p);
	snprintf(L.host, sizeof L.host, "%.*s", (int)(p - url - 7), url + 7);
	*colon = '\0';
	L.addr.sin_family = AF_INET;
	L.addr.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, url + 7, &L.addr.sin_addr) != 1)
		die(url);
}

int
main(int argc, char **argv)
{
	double seconds = 0, took;
	struct epoll_event ev[64];
	int64_t start;
	size_t busy = 0;
	int o;

	while ((o = getopt(argc, argv, "u:c:t:n:i:p:s:k:o:")) != -1) {
		switch (o) {
		case 'u': parse_url(optarg); break;
		case 'c': L.conns = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 't': seconds = strtod(optarg, NULL); break;
		case 'n': L.left = strtol(optarg, NULL, 10); break;
		case 'i': L.items = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 'p': L.people = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 's': L.secret = optarg; break;
		case 'k': L.app_secret = optarg; break;
		case 'o': L.own_id = optarg; break;
		default: return 64;
		}
	}
	if (L.addr.sin_port == 0 || L.conns == 0 || L.conns > CONNS_MAX || L.people == 0 || L.items == 0)
		return 64;
	if (getrandom(&L.run, sizeof L.run, 0) != sizeof L.run)
		die("getrandom");
	L.next = L.run % 1000000007;
	L.ep = epoll_create1(EPOLL_CLOEXEC);
	start = now_us();
	L.until_us = seconds > 0 ? start + (int64_t)(seconds * 1e6) : INT64_MAX;
	for (unsigned int i = 0; i < L.conns; i++) {
		dial(&L.c[i]);
		busy += begin(&L.c[i]);
	}
	while (busy > 0) {
		int n = epoll_wait(L.ep, ev, 64, 30000);

		if (n == 0) {
			fprintf(stderr, "load: no answer within 30 s\n");
			return 1;
		}
		for (int i = 0; i < n; i++)
			busy -= !take(ev[i].data.ptr);
	}
	took = (double)(now_us() - start) / 1e6;
	if (L.n_us > 0)
		qsort(L.us, L.n_us, sizeof *L.us, cmp);
	printf("%.1f %u %u %llu %llu %.3f\n", (double)L.answered / took,
	    L.n_us > 0 ? L.us[L.n_us / 2] : 0, L.n_us > 0 ? L.us[L.n_us * 99 / 100] : 0,
	    (unsigned long long)L.answered, (unsigned long long)L.failed, took);
	return L.failed > L.answered;
}

#ifndef TINYHTTP_H
#define TINYHTTP_H

/*
 * A provider of twenty lines on 127.0.0.1: takes a request, keeps its body,
 * and does what the body asks for: "DROP" reads all and closes the line without
 * an answer, "E429", "E500", "E400" fail, else it is sent as mid-1, mid-2, ...
 * A GET answers what the test has put into look, one of a conversation ("/c1?")
 * what is in inside.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define TINY_MAX 256

struct tiny {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t lock;
	char *bodies[TINY_MAX];		/* of POSTs, in the order they came */
	size_t n;
	unsigned int mids, gets;
	char look[8192], inside[4096];
};

static inline void
tiny_answer(int fd, int status, const char *more, const char *body)
{
	char head[512];

	snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n", status, more, strlen(body));
	if (write(fd, head, strlen(head)) < 0 || write(fd, body, strlen(body)) < 0)
		return;
}

/* The request into buf; the body's start, NULL where it was cut. */
static inline char *
tiny_read(int fd, char *buf, size_t cap)
{
	size_t n = 0, want = 0;
	char *body = NULL;

	for (;;) {
		ssize_t k = read(fd, buf + n, cap - 1 - n);

		if (k <= 0)
			return NULL;
		n += (size_t)k;
		buf[n] = '\0';
		if (body == NULL && (body = strstr(buf, "\r\n\r\n")) != NULL) {
			const char *l = strcasestr(buf, "content-length:");

			body += 4;
			want = l != NULL && l < body ? strtoul(l + 15, NULL, 10) : 0;
		}
		if (body != NULL && n >= (size_t)(body - buf) + want)
			return body;
		if (n + 1 >= cap)
			return NULL;
	}
}

static inline void
tiny_one(struct tiny *t, int fd)
{
	static char buf[65536];
	char answer[256];
	char *body = tiny_read(fd, buf, sizeof buf);

	if (body == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	if (strncmp(buf, "GET ", 4) == 0) {
		t->gets++;
		tiny_answer(fd, 200, "", strstr(buf, "/c1?") != NULL ? t->inside : t->look);
	} else {
		if (t->n < TINY_MAX)
			t->bodies[t->n++] = strdup(body);
		if (strstr(body, "DROP"))
			;	/* taken, and not a word */
		else if (strstr(body, "E429"))
			tiny_answer(fd, 429, "Retry-After: 7\r\n", "{\"error\":{\"code\":4,\"message\":\"slow down\"}}");
		else if (strstr(body, "E500"))
			tiny_answer(fd, 500, "", "{\"error\":{\"code\":2,\"message\":\"try later\"}}");
		else if (strstr(body, "E400"))
			tiny_answer(fd, 400, "", "{\"error\":{\"code\":100,\"error_subcode\":2018109,\"message\":\"too large\"}}");
		else if (strstr(body, "sender_action"))
			tiny_answer(fd, 200, "", "{\"recipient_id\":\"6500\"}");
		else {
			snprintf(answer, sizeof answer, "{\"recipient_id\":\"6500\",\"message_id\":\"%d-mid-%u\"}",
			    t->port, ++t->mids);
			tiny_answer(fd, 200, "", answer);
		}
	}
	pthread_mutex_unlock(&t->lock);
}

static inline void *
tiny_loop(void *arg)
{
	struct tiny *t = arg;
	int fd;

	while ((fd = accept(t->fd, NULL, NULL)) >= 0) {
		tiny_one(t, fd);
		close(fd);
	}
	return NULL;
}

static inline int
tiny_start(struct tiny *t)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;

	memset(t, 0, sizeof *t);
	pthread_mutex_init(&t->lock, NULL);
	t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return -1;
	setsockopt(t->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	for (t->port = 21300; t->port < 21400; t->port++) {
		a.sin_port = htons((unsigned short)t->port);
		if (bind(t->fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(t->fd, 64) == 0)
			return pthread_create(&t->thread, NULL, tiny_loop, t) == 0 ? 0 : -1;
	}
	return -1;
}

/* How many POSTs had this in their body. */
static inline size_t
tiny_count(struct tiny *t, const char *text)
{
	size_t n = 0;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->n; i++)
		n += strstr(t->bodies[i], text) != NULL;
	pthread_mutex_unlock(&t->lock);
	return n;
}

static inline void
tiny_stop(struct tiny *t)
{
	shutdown(t->fd, SHUT_RDWR);
	pthread_join(t->thread, NULL);
	close(t->fd);
	for (size_t i = 0; i < t->n; i++)
		free(t->bodies[i]);
}

#endif

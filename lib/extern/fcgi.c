/*
 * The accept is ours and the protocol is libfcgi's.  libfcgi's own accept
 * cannot be told apart from its reads: a signal that wakes it also cuts a
 * request that is just arriving.  So signals are let in around accept(2) only;
 * the new connection is put into FCGX_Request.ipcFd (keepConnection set, else
 * FCGX_Accept_r closes it first) and listen_sock is -1, so that a connection
 * of garbage ends in an error here and not in a second, unwakeable accept.
 *
 * A call that its handler takes over is answered by whichever thread has the
 * result: 32 senders that wait for one commit are 32 calls, and no thread sleeps
 * for each of them.  Only where the server keeps the connection for its next
 * request (FCGI_KEEP_CONN) the thread waits, since it reads that one, too.
 *
 * Few workers accept, and they keep their accept slot from request to request: with all
 * in accept(2) the kernel wakes another one for each connection, which costs more
 * than serving it.  A worker gives its slot up before it waits: for a request that
 * is not entirely here yet, or when its handler asks for it.  The next is woken only
 * where nobody accepts any more; two slots, so that this is rare.
 *
 * Some web servers pass a body on while it comes (mod_proxy_fcgi, nginx unbuffered), and
 * its sender needs no credential for that.  Requests that are not entirely here may hold
 * half of the workers for one address, three quarters for all, and each for a short
 * time; a request that finds no room is answered "try again".
 *
 * A program of one worker may lend its socket: then another process accepts there, and the
 * worker waits until that ends (bridge/relay.h).
 *
 * Main only waits for signals, also with one worker: tried otherwise, SIGTERM
 * turned 20 of 20 requests in flight into 500 (ARCHITECTURE.md 7).  The listening
 * socket is never shut down: under spawn-fcgi siblings share it.
 */
#include "extern/fcgi.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <fastcgi.h>
#include <fcgiapp.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "extern/cgivar.h"

#define LISTEN_FD 0
#define WAKE_SIGNAL SIGUSR2
#define STACK_BYTES (256 * 1024)
#define DRAIN_BYTES \
	(32u << 20) /* of a body that is too large: the server must get rid of it
				 * before it reads our 413 */
#define LINGER_MS 3000		/* how long waiting connections are still served at the end */
#define PEER_TIMEOUT_S 60
#define IDLE_S 10		/* without a byte of a body */
#define BODY_MS 10000		/* for a body, and a millisecond for each 64 bytes */
#define ROOM_MS 300		/* a request that is not here yet waits so long for room */
#define LOOK_MS 5
#define RETRY_S "5"
#define END_TIMEOUT_S 1	/* for the end of a body whose bytes are all here */
#define FILES_MAX 4096
#define FILE_BYTES_MAX ((rlim_t)4 << 30)
#define SMALL_ANSWER 16384	/* fits into any socket's buffer: writing it never waits */
#define ACCEPT_SLOTS 2
#define PEEK_BYTES 32768	/* larger requests are read without a slot */
#define SLOW_MAX 64		/* addresses */
#define RECORD_HEAD 8
#define RSS_EVERY 64		/* requests between two looks at the memory */

extern char **environ;

static atomic_bool stop_flag;
static struct server *_Atomic serving;	/* a process has one */

/* One process's serving state. */
struct server {
	const struct fcgi_opts *o;
	atomic_ulong served;
	unsigned long ticked_at, trimmed_at;	/* served, at a tick and at a trim; main's */
	atomic_bool failed;
	atomic_bool recycle;	/* enough requests or memory: re-execute */
	_Atomic int64_t stop_at_ms;
	bool local;		/* the listening socket is a Unix one */
	atomic_uint open;	/* calls under way */
	pthread_mutex_t mu;
	pthread_cond_t ended;	/* a call came to its end that somebody may wait for */
	unsigned int slots;	/* workers that accept; under mu */
	pthread_cond_t slot_free;	/* nobody does */
	unsigned int workers;
	struct slow {		/* who holds workers by requests that are not here yet; under mu */
		char addr[64];
		unsigned int n;
	} slow[SLOW_MAX];
	unsigned int n_slow;	/* workers held so */
};

/* A call with what it came by.  Plain CGI: s is NULL. */
struct call {
	struct http_call pub;	/* what others know of it; reply.arg is this call */
	struct server *s;
	struct worker *w;	/* of FastCGI: whose handler runs */
	FCGX_Request fr;
	struct buf body;
	bool whole;		/* all of it was here when it was accepted */
	bool streams;		/* much of it was; it has no room to stop in */
	bool no_room;		/* it is not, and too many others are not: 503 */
	struct slow *slow;	/* it is counted there */
	int64_t until_ms;	/* for the body; 0: as long as it takes */
	bool keep;		/* the connection brings the next request, too */
	bool over;		/* keep: ended; under s->mu */
};

struct worker {
	struct server *s;
	unsigned int number;
	bool has_slot;		/* one of s->slots is its own */
	bool lent;		/* serves connections of another process's socket */
	pthread_t thread;
};

bool
fcgi_is_cgi(void)
{
	return FCGX_IsCGI() != 0;
}

static bool
stopping(void)
{
	return atomic_load(&stop_flag);
}

static void
set_timeouts(int fd, int s)
{
	struct timeval tv = { .tv_sec = s };

	/* a peer that stalls costs a minute, not a thread for ever */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

/* --- reading a request ---------------------------------------------------- */

void
fcgi_request(char *const *envp, struct http_req *req)
{
	const char *v[V__MAX];

	cgi_read_head(envp, v, req);
}

/* Byte by byte where they come so: what is here already is taken at once. */
static size_t
read_stream(const struct call *c, char *p, size_t n)
{
	FCGX_Stream *in = c->fr.in;
	size_t have = 0, more;
	int b;

	while (have < n) {
		if (in->rdNext == in->stop && c->until_ms != 0 && clock_mono_ms() > c->until_ms)
			break;
		if ((b = FCGX_GetChar(in)) == EOF)
			break;
		p[have++] = (char)b;
		more = (size_t)(in->stop - in->rdNext);
		if (more > n - have)
			more = n - have;
		if (more > 0)
			have += (size_t)FCGX_GetStr(p + have, (int)more, in);
	}
	return have;
}

/* Up to n bytes; fewer only at the end of the body or a broken line. */
static size_t
read_some(const struct call *c, char *p, size_t n)
{
	size_t have = 0;
	ssize_t k;

	if (c->s != NULL)
		return read_stream(c, p, n);
	while (have < n) {
		k = read(STDIN_FILENO, p + have, n - have);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		have += (size_t)k;
	}
	return have;
}

static void
drain(const struct call *c)
{
	char waste[4096];
	size_t left = DRAIN_BYTES, k;

	while (left > 0 && (k = read_some(c, waste, sizeof waste)) > 0)
		left -= k < left ? k : left;
}

/* FastCGI ends a body with an empty record.  It is read, too: a socket that is closed with
 * bytes unread is reset, and the web server may lose our answer with it. */
static void
read_end(const struct call *c)
{
	char none;

	if (c->s == NULL)
		return;
	if (!c->whole)
		set_timeouts(c->fr.ipcFd, END_TIMEOUT_S);
	(void)read_some(c, &none, 1);
	if (!c->whole)
		set_timeouts(c->fr.ipcFd, PEER_TIMEOUT_S);
}

static void
read_announced(struct call *c, size_t n)
{
	char chunk[8192];
	size_t left = n, k;

	while (left > 0) {
		k = read_some(c, chunk, left < sizeof chunk ? left : sizeof chunk);
		if (k == 0)
			break;
		buf_put(&c->body, chunk, k);
		left -= k;
	}
	c->pub.req.cut = left > 0;
	if (left == 0)
		read_end(c);
}

static void
read_to_end(struct call *c)
{
	char chunk[8192];
	size_t k;

	while (!buf_err(&c->body) && (k = read_some(c, chunk, sizeof chunk)) > 0)
		buf_put(&c->body, chunk, k);
	c->pub.req.too_large = buf_err(&c->body);
}

/*
 * The body, at most max bytes.  With a length: exactly so many.  Without one
 * (chunked, or a server that does not say): FastCGI marks the end; plain CGI
 * only has one where a transfer coding is named.
 */
static void
read_body(struct call *c, const char *const v[V__MAX], size_t max)
{
	const char *len = v[V_LENGTH];
	struct http_req *req = &c->pub.req;
	int64_t n = -1;

	req->body_max = max;
	c->until_ms = c->s != NULL && !c->whole ? clock_mono_ms() + BODY_MS : 0;
	if (len != NULL && (str_i64(len, &n) != RC_OK || n < -1)) {
		req->cut = true;
		return;
	}
	req->no_length = n < 0;	/* Caddy says -1 for "none" */
	if (c->until_ms != 0)
		c->until_ms += n >= 0 ? n / 64 : BODY_MS;
	if (n > 0 && (uint64_t)n > max) {
		req->too_large = true;
		req->announced = (size_t)n;
	} else if (n > 0)
		read_announced(c, (size_t)n);
	else if (n < 0 && (c->s != NULL || v[V_CODING] != NULL))
		read_to_end(c);
	else if (n == 0)
		read_end(c);
	if (req->too_large) {
		if (req->announced == 0)
			req->announced = c->body.n;
		buf_reset(&c->body);
		drain(c);
		return;
	}
	req->body = c->body.p;
	req->body_n = c->body.n;
}

/* --- answering ------------------------------------------------------------ */

static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} table[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].status == status)
			return table[i].text;
	return "Status";
}

static void
write_all(const struct call *c, const char *p, size_t n)
{
	ssize_t k;

	if (c->s != NULL) {
		/* the peer may be gone; there is nobody left to tell */
		(void)FCGX_PutStr(p, (int)n, c->fr.out);
		return;
	}
	for (; n > 0; p += k, n -= (size_t)k) {
		k = write(STDOUT_FILENO, p, n);
		if (k < 0 && errno == EINTR)
			k = 0;
		else if (k <= 0)
			break;
	}
}

static void
put_answer(struct buf *b, const struct http_req *req, const struct http_res *res)
{
	bool head = str_eq(req->method, "HEAD");

	buf_printf(b, "Status: %d %s\r\n", res->status, reason(res->status));
	for (size_t i = 0; i < res->n_hdrs; i++) {
		buf_puts(b, res->hdrs[i].name);
		buf_puts(b, ": ");
		buf_puts(b, res->hdrs[i].value);
		buf_puts(b, "\r\n");
	}
	/* an answer without a type makes some servers add their own */
	if (http_res_get(res, "Content-Type") == NULL)
		buf_puts(b, "Content-Type: text/plain\r\n");
	if (!head)
		buf_printf(b, "Content-Length: %zu\r\n", res->body_n);
	buf_puts(b, "\r\n");
	if (!head)
		buf_put(b, res->body, res->body_n);
}

/* Sends pub.res, which stays as it is.  Any thread. */
static void
answer(void *call)
{
	struct call *c = call;
	struct buf b;

	buf_init(&b, c->pub.res.body_n + 65536);
	put_answer(&b, &c->pub.req, &c->pub.res);
	if (c->s != NULL && b.n > SMALL_ANSWER)
		set_timeouts(c->fr.ipcFd, PEER_TIMEOUT_S);
	write_all(c, b.p, b.n);
	buf_free(&b);
	if (c->s == NULL)
		return;
	/* libfcgi waits up to 2 s for the peer to close first, lest a TCP reset destroy
	 * the answer; a Unix socket keeps what was sent, to who is not sending any more */
	if (!c->keep && (c->s->local || c->no_room) && !c->pub.req.too_large)
		(void)FCGX_Detach(&c->fr);
	FCGX_Finish_r(&c->fr);
}

/* Somebody may wait for a call's end: its worker, or those who may not take more. */
static void
tell_ended(struct server *s, struct call *kept)
{
	pthread_mutex_lock(&s->mu);
	if (kept != NULL)
		kept->over = true;
	pthread_cond_broadcast(&s->ended);
	pthread_mutex_unlock(&s->mu);
}

/* Answered and no longer needed: nobody may touch it any more. */
static void
end(void *call)
{
	struct call *c = call;
	struct server *s = c->s;
	bool keep = c->keep;
	unsigned int open;

	buf_free(&c->body);
	http_res_free(&c->pub.res);
	http_req_free(&c->pub.req);
	if (s == NULL) {	/* plain CGI */
		free(c);
		return;
	}
	open = atomic_fetch_sub(&s->open, 1);
	if (!keep)
		free(c);
	if (keep || open == s->o->open_max)
		tell_ended(s, keep ? c : NULL);	/* from here on c is its worker's again */
}

static void
slow_leave(struct call *c)
{
	if (c->slow == NULL)
		return;
	pthread_mutex_lock(&c->s->mu);
	c->slow->n--;
	c->s->n_slow--;
	pthread_mutex_unlock(&c->s->mu);
	c->slow = NULL;
}

/* One request; unless keep is set, c is gone or not ours any more afterwards. */
static void
serve_one(const struct fcgi_opts *o, unsigned int number, struct call *c, char *const *envp)
{
	const char *v[V__MAX];
	size_t max;

	cgi_read_head(envp, v, &c->pub.req);
	http_res_init(&c->pub.res);
	c->pub.res.status = 500;
	c->pub.reply.send = answer;
	c->pub.reply.end = end;
	c->pub.reply.arg = c;
	c->pub.held = NULL;
	if (c->no_room) {
		buf_init(&c->body, 0);
		c->pub.res.status = 503;
		http_res_header(&c->pub.res, "Retry-After", 11, RETRY_S, strlen(RETRY_S));
		c->pub.reply.send(c);
		c->pub.reply.end(c);
		return;
	}
	max = o->max_body_now != NULL ? o->max_body_now(o->arg, &c->pub) : o->max_body;
	buf_init(&c->body, max);
	read_body(c, v, max);
	slow_leave(c);
	if (o->handle(o->arg, number, &c->pub)) {
		answer(c);
		end(c);
	}
}

/* --- the loop ------------------------------------------------------------- */

static void
stop_now(struct server *s)
{
	int64_t none = 0;

	atomic_compare_exchange_strong(&s->stop_at_ms, &none, clock_mono_ms());
	atomic_store(&stop_flag, true);
}

static void
wake_mask(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, WAKE_SIGNAL);
	pthread_sigmask(how, &set, NULL);
}

int
fcgi_poll(struct pollfd *p, int timeout_ms)
{
	int n;

	wake_mask(SIG_UNBLOCK);
	n = poll(p, 1, timeout_ms);
	wake_mask(SIG_BLOCK);
	return n;
}

static bool
pending(int timeout_ms)
{
	struct pollfd p = { .fd = LISTEN_FD, .events = POLLIN };

	return poll(&p, 1, timeout_ms) > 0;
}

/* How much of a request has come: nothing, some, so much that we wait for it no more than it
 * for us, or all of it. */
enum here { HERE_NONE, HERE_PART, HERE_MUCH, HERE_ALL };

/*
 * Is the whole request here, so that no read will wait?  Its records are walked
 * up to the empty one that ends the body (FastCGI specification, 3.3 and 5.3).
 */
static enum here
all_here(int fd)
{
	unsigned char p[PEEK_BYTES];
	ssize_t got = recv(fd, p, sizeof p, MSG_PEEK | MSG_DONTWAIT);
	size_t n, at = 0, len;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return HERE_NONE;
	if (got <= 0)	/* closed: the next read fails at once */
		return HERE_ALL;
	n = (size_t)got;
	while (at + RECORD_HEAD <= n) {
		len = (size_t)p[at + 4] << 8 | p[at + 5];
		if (p[at + 1] == FCGI_STDIN && len == 0)
			return HERE_ALL;
		at += RECORD_HEAD + len + p[at + 6];
	}
	return n == sizeof p ? HERE_MUCH : HERE_PART;
}

/* REMOTE_ADDR among the records that are here (FastCGI specification, 3.4); false if not
 * yet.  "" where it is not among the first. */
static bool
peek_addr(int fd, char out[64])
{
	static const char name[] = "REMOTE_ADDR";
	char p[PEEK_BYTES];
	ssize_t n = recv(fd, p, sizeof p, MSG_PEEK | MSG_DONTWAIT);
	const char *at = n > 2 ? memmem(p + 2, (size_t)n - 2, name, sizeof name - 1) : NULL;
	size_t len = at != NULL ? (unsigned char)at[-1] : 0;

	out[0] = '\0';
	if (len == 0 || len >= 64 || at[-2] != sizeof name - 1 ||
	    (size_t)(p + n - at) < sizeof name - 1 + len)
		return n == (ssize_t)sizeof p;
	memcpy(out, at + sizeof name - 1, len);
	out[len] = '\0';
	return true;
}

/* A worker for a request that is not here yet; NULL where there is no room now. */
static struct slow *
slow_enter(struct server *s, const char *addr)
{
	struct slow *mine = NULL, *spare = NULL;
	unsigned int all = s->workers - (s->workers + 3) / 4, one = (s->workers + 1) / 2;

	pthread_mutex_lock(&s->mu);
	for (size_t i = 0; i < SLOW_MAX && mine == NULL; i++)
		if (s->slow[i].n == 0)
			spare = &s->slow[i];
		else if (str_eq(s->slow[i].addr, addr))
			mine = &s->slow[i];
	if (mine == NULL && spare != NULL) {
		mine = spare;
		snprintf(mine->addr, sizeof mine->addr, "%s", addr);
	}
	if (mine != NULL && s->workers > 1 && (mine->n >= one || s->n_slow >= all))
		mine = NULL;
	if (mine != NULL) {
		mine->n++;
		s->n_slow++;
	}
	pthread_mutex_unlock(&s->mu);
	return mine;
}

/* Most web servers connect and write a moment later: the first byte ends the wait.  After it
 * the socket cannot say when there is more than there was, so it is looked at again, soon at
 * first (Apache's proxy_fcgi writes the first record alone), then less often. */
static void
wait_for_bytes(int fd, enum here here, long *pause_us)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec t = { .tv_nsec = *pause_us * 1000 };

	if (here == HERE_NONE) {
		(void)poll(&p, 1, LOOK_MS);
		return;
	}
	nanosleep(&t, NULL);
	*pause_us = *pause_us * 2 < LOOK_MS * 1000 ? *pause_us * 2 : LOOK_MS * 1000;
}

/* Until the request is here, or there is room to read it as it comes.  A large one that
 * streams needs no room, as long as it does not stop. */
static void
wait_for_request(struct call *c, int fd)
{
	int64_t until = clock_mono_ms() + ROOM_MS;
	enum here here;
	char addr[64];
	bool known;
	long pause_us = 50;

	for (;;) {
		here = all_here(fd);
		if ((c->whole = here == HERE_ALL))
			return;
		known = peek_addr(fd, addr);
		if (known && (c->slow = slow_enter(c->s, addr)) != NULL)
			return;
		if ((c->streams = here == HERE_MUCH))
			return;
		if (clock_mono_ms() >= until) {
			/* a host so busy that the head is not here yet: no slow sender's doing */
			c->slow = known ? NULL : slow_enter(c->s, "");
			c->no_room = c->slow == NULL;
			return;
		}
		wait_for_bytes(fd, here, &pause_us);
	}
}

static void
slot_take(struct worker *w)
{
	struct server *s = w->s;

	if (w->has_slot)
		return;
	pthread_mutex_lock(&s->mu);
	while (s->slots >= ACCEPT_SLOTS)
		pthread_cond_wait(&s->slot_free, &s->mu);
	s->slots++;
	pthread_mutex_unlock(&s->mu);
	w->has_slot = true;
}

static void
slot_give(struct worker *w)
{
	struct server *s = w->s;

	if (!w->has_slot)
		return;
	pthread_mutex_lock(&s->mu);
	if (--s->slots == 0)
		pthread_cond_signal(&s->slot_free);
	pthread_mutex_unlock(&s->mu);
	w->has_slot = false;
}

static void
busy(void *call)
{
	slot_give(((struct call *)call)->w);
}

/* Until fewer than open_max calls are under way; at the end nobody waits. */
static void
wait_for_room(struct server *s)
{
	struct timespec at;

	if (s->o->open_max == 0 || atomic_load(&s->open) < s->o->open_max)
		return;
	pthread_mutex_lock(&s->mu);
	while (atomic_load(&s->open) >= s->o->open_max && !stopping()) {
		clock_gettime(CLOCK_MONOTONIC, &at);	/* as the condition's: a clock may be set */
		at.tv_sec++;
		(void)pthread_cond_timedwait(&s->ended, &s->mu, &at);
	}
	pthread_mutex_unlock(&s->mu);
}

/*
 * The next connection; -1 when it is time to end.  Main sends the wake signal
 * again and again until all are joined, so one that falls between the look at
 * the flag and accept is not lost.
 */
static int
next_connection(struct server *s)
{
	int fd, e;

	for (;;) {
		/* who waits is served by what comes after us, or else before we go */
		if (stopping() &&
		    (atomic_load(&s->recycle) || clock_mono_ms() - s->stop_at_ms > LINGER_MS ||
			!pending(0)))
			return -1;
		wake_mask(SIG_UNBLOCK);
		fd = accept4(LISTEN_FD, NULL, NULL, SOCK_CLOEXEC);
		e = errno;
		wake_mask(SIG_BLOCK);
		if (fd >= 0)
			break;
		switch (e) {
		case EBADF:
		case EINVAL:
		case ENOTSOCK:
		case EOPNOTSUPP:
		case EFAULT:
			log_error("accept: %s", strerror(e));
			atomic_store(&s->failed, true);
			return -1;
		case EAGAIN:		/* the socket was lent once */
			(void)fcgi_poll(
			    &(struct pollfd){ .fd = LISTEN_FD, .events = POLLIN }, 1000);
			break;
		case EMFILE:
		case ENFILE:
		case ENOBUFS:
		case ENOMEM:
			log_warn("accept: %s", strerror(e));
			clock_sleep_ms(100);
			break;
		default:		/* EINTR, ECONNABORTED, ...: the next may do */
			break;
		}
	}
	return fd;
}

static size_t
rss_kb(void)
{
	unsigned long pages = 0;
	char line[128], *end;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f != NULL && fgets(line, sizeof line, f) != NULL) {
		(void)strtoul(line, &end, 10);
		pages = strtoul(end, NULL, 10);
	}
	if (f != NULL)
		fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* Signalled once: a second signal would end the process that re-executes itself. */
static void
count_request(struct server *s)
{
	const struct fcgi_opts *o = s->o;
	unsigned long n = atomic_fetch_add(&s->served, 1) + 1;

	if (stopping())
		return;
	if (((o->max_requests > 0 && n >= o->max_requests) ||
		(o->max_rss_kb > 0 && n % RSS_EVERY == 0 && rss_kb() > o->max_rss_kb)) &&
	    !atomic_exchange(&s->recycle, true))
		kill(getpid(), SIGUSR1);	/* main ends us in order */
}

static void
wait_for_end_of(struct call *c)
{
	pthread_mutex_lock(&c->s->mu);
	while (!c->over)
		pthread_cond_wait(&c->s->ended, &c->s->mu);
	c->over = false;
	pthread_mutex_unlock(&c->s->mu);
}

/* All that comes by one connection. */
static void
serve_connection(struct worker *w, int fd)
{
	const struct fcgi_opts *o = w->s->o;
	struct call *c = mem_alloc(sizeof *c);
	bool keep;

	c->s = w->s;
	c->w = w;
	c->pub.reply.busy = busy;
	c->whole = all_here(fd) == HERE_ALL;
	if (!c->whole) {
		slot_give(w);
		wait_for_request(c, fd);
		set_timeouts(fd, c->no_room || c->streams ? END_TIMEOUT_S : IDLE_S);
	}
	if (FCGX_InitRequest(&c->fr, -1, 0) != 0)
		abort();
	c->fr.ipcFd = fd;
	c->fr.keepConnection = 1;
	while (FCGX_Accept_r(&c->fr) == 0) {
		if (w->lent)	/* its thread serves many processes' sockets */
			c->fr.keepConnection = 0;
		keep = c->keep = c->fr.keepConnection != 0;
		if (keep) {	/* and waits for the next */
			c->whole = c->no_room = false;
			slot_give(w);
			set_timeouts(fd, PEER_TIMEOUT_S);
		}
		atomic_fetch_add(&w->s->open, 1);
		serve_one(o, w->number, c, c->fr.envp);
		if (keep)
			wait_for_end_of(c);
		count_request(w->s);
		if (!keep)
			return;
		if (c->fr.ipcFd < 0 || stopping())
			break;
	}
	slow_leave(c);
	FCGX_Free(&c->fr, 1);
	free(c);
}

void
fcgi_serve_lent(int fd)
{
	struct server *s = atomic_load(&serving);
	struct worker w = { .s = s, .number = s->workers, .lent = true };

	serve_connection(&w, fd);
}

static void
lend(struct worker *w)
{
	const struct fcgi_opts *o = w->s->o;

	if (o->lend == NULL || w->s->workers > 1 || stopping())
		return;
	o->lend(o->arg, LISTEN_FD);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	int fd;

	for (;;) {
		wait_for_room(w->s);
		lend(w);
		slot_take(w);
		if ((fd = next_connection(w->s)) < 0)
			break;
		serve_connection(w, fd);
	}
	slot_give(w);
	if (!stopping())
		kill(getpid(), SIGUSR1);	/* a worker that gave up ends the process */
	return NULL;
}

static void
on_wake(int sig)
{
	(void)sig;
}

/* Signals that end us wait for sigwait in main; the wake signal interrupts. */
static void
set_signals(sigset_t *ends)
{
	struct sigaction sa = { .sa_handler = on_wake };
	sigset_t all;

	sigemptyset(&sa.sa_mask);
	sigaction(WAKE_SIGNAL, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sigemptyset(ends);
	sigaddset(ends, SIGTERM);
	sigaddset(ends, SIGINT);
	sigaddset(ends, SIGUSR1);
	all = *ends;
	sigaddset(&all, WAKE_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static void
conds_init(struct server *s)
{
	pthread_condattr_t a;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&s->ended, &a);
	pthread_cond_init(&s->slot_free, &a);
	pthread_condattr_destroy(&a);
}

static void
join_all(struct worker *w, unsigned int n)
{
	for (unsigned int i = 0; i < n;) {
		const struct timespec pause = { .tv_nsec = 5 * 1000000L };

		for (unsigned int k = i; k < n; k++)
			pthread_kill(w[k].thread, WAKE_SIGNAL);
		nanosleep(&pause, NULL);
		while (i < n && pthread_tryjoin_np(w[i].thread, NULL) == 0)
			i++;
	}
}

/* What a load left free goes back to the host in the first second without a request: under
 * mod_fcgid most of the processes that a burst has started do nothing. */
static void
trim(struct server *s)
{
	unsigned long n = atomic_load(&s->served);

	if (n == s->trimmed_at)
		return;
	if (n == s->ticked_at) {
		(void)malloc_trim(0);
		s->trimmed_at = n;
	}
	s->ticked_at = n;
}

static void
wait_for_end(struct server *s, const sigset_t *ends)
{
	const struct fcgi_opts *o = s->o;
	struct timespec second = { .tv_sec = 1 };
	int sig;

	if (o->tick == NULL) {
		while (sigwait(ends, &sig) != 0)
			;
		return;
	}
	while (sigtimedwait(ends, NULL, &second) < 0)
		if (errno == EAGAIN) {
			o->tick(o->arg);
			trim(s);
		}
	o->tick(o->arg);
}

/* A limit lowered, never raised. */
static void
lower(__rlimit_resource_t what, rlim_t to)
{
	struct rlimit r;

	if (getrlimit(what, &r) != 0)
		return;
	if (r.rlim_max > to)
		r.rlim_max = to;
	if (r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	(void)setrlimit(what, &r);
}

/*
 * The same program in the same process, with fresh memory.  The listening socket
 * stays open, so a client that connects meanwhile waits a moment; after an end lighttpd would
 * answer 503 for a second.  A signal that came meanwhile stays pending.  Returns
 * where it is forbidden (sandbox): then the web server starts the next one.
 */
static void
reexec(void)
{
	char *argv[] = { program_invocation_name, NULL };
	struct rlimit r;

	if (getrlimit(RLIMIT_NPROC, &r) != 0 || r.rlim_max == 0)
		return;
	r.rlim_cur = r.rlim_max;	/* the new program starts its threads again */
	(void)setrlimit(RLIMIT_NPROC, &r);
	log_info("enough requests or memory: the process re-executes itself");
	execv("/proc/self/exe", argv);
	log_debug("exec: %s", strerror(errno));
}

bool
fcgi_thread(pthread_t *thread, void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, was;
	struct rlimit few;
	bool limited, ok;

	limited = getrlimit(RLIMIT_NPROC, &few) == 0 && few.rlim_cur < few.rlim_max;
	if (limited) {
		struct rlimit more = { few.rlim_max, few.rlim_max };

		(void)setrlimit(RLIMIT_NPROC, &more);
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	ok = pthread_create(thread, &attr, fn, arg) == 0;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	pthread_attr_destroy(&attr);
	if (limited)
		(void)setrlimit(RLIMIT_NPROC, &few);
	return ok;
}

static bool
listens_locally(void)
{
	int domain = 0;
	socklen_t n = sizeof domain;

	return getsockopt(LISTEN_FD, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain == AF_UNIX;
}

static int
serve_fcgi(const struct fcgi_opts *o, const sigset_t *ends)
{
	struct server s = { .o = o, .workers = o->threads > 0 ? o->threads : 1 };
	unsigned int n = o->threads > 0 ? o->threads : 1, started = 0;
	struct worker *w = mem_array(n, sizeof *w);
	pthread_attr_t attr;
	struct rlimit few;

	if (FCGX_Init() != 0) {
		free(w);
		return 1;
	}
	s.local = listens_locally();
	atomic_store(&serving, &s);
	pthread_mutex_init(&s.mu, NULL);
	conds_init(&s);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (; started < n; started++) {
		w[started].s = &s;
		w[started].number = started;
		if (pthread_create(&w[started].thread, &attr, work, &w[started]) != 0)
			break;
	}
	pthread_attr_destroy(&attr);
	/* no process can be made any more, whatever breaks in; the hard limit stays for
	 * reexec, the sandbox refuses for good */
	if (o->alone && getrlimit(RLIMIT_NPROC, &few) == 0) {
		few.rlim_cur = 0;
		(void)setrlimit(RLIMIT_NPROC, &few);
	}
	if (started < n)
		log_warn("only %u of %u threads could be started", started, n);
	if (started > 0)
		wait_for_end(&s, ends);
	stop_now(&s);
	join_all(w, started);
	if (o->ending != NULL)
		o->ending(o->arg);
	if (atomic_exchange(&s.recycle, false) && !atomic_load(&s.failed))
		reexec();
	/* who came while the last worker ended is served here; from then on the next
	 * is refused at once, which the web server takes as "try again", and not
	 * left in a queue that dies with us */
	if (started > 0 && !atomic_load(&s.failed))
		work(&w[0]);
	close(LISTEN_FD);
	atomic_store(&serving, NULL);
	pthread_cond_destroy(&s.slot_free);
	pthread_cond_destroy(&s.ended);
	pthread_mutex_destroy(&s.mu);
	free(w);
	return started == 0 || atomic_load(&s.failed);
}

int
fcgi_serve(const struct fcgi_opts *o)
{
	sigset_t ends;

	/* a core file would hold secrets and people's words */
	lower(RLIMIT_CORE, 0);
	lower(RLIMIT_NOFILE, FILES_MAX);
	lower(RLIMIT_FSIZE, FILE_BYTES_MAX);
	signal(SIGXFSZ, SIG_IGN);	/* then the write fails, which is reported */
	umask(0007);	/* spool, log and media are shared with the cron user's group */
	/* one worker's memory and what the start left free are one heap: 0.1 MB a process */
	mallopt(M_ARENA_MAX, o->threads > 1 ? 2 : 1);
	if (!fcgi_is_cgi()) {
		set_signals(&ends);
		return serve_fcgi(o, &ends);
	}
	signal(SIGPIPE, SIG_IGN);
	serve_one(o, 0, mem_alloc(sizeof(struct call)), environ);
	if (o->tick != NULL)
		o->tick(o->arg);
	return 0;
}

/*
 * The socket is a stream; a connection carries one request at a time, and a follower keeps
 * it for the next.  The leader reads with two threads: while one of them stores, the other
 * reads on, so that a batch gathers (bridge/batch.c).
 *
 * The same threads accept at the sockets that followers have lent: an event there is a
 * request to serve from its head, not a delivery that somebody has prepared.
 *
 * Only the folder's permissions are trusted here: a user who may write into the
 * spool may hand deliveries over, by a file or by this socket.  Requests hold more, their
 * credentials, so a follower lends its socket only to a process of its own user.
 */
#include "bridge/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "extern/fcgi.h"
#include "extern/sign.h"
#include "model/pack.h"

enum {
	THREADS = 2,
	IDLE_MAX = 8,			/* connections that a follower keeps */
	FULL_MS = 50,			/* after an accept that failed */
	AGAIN_MS = 3,			/* between looks for a new leader */
	NO_LEADER_MS = 1500,		/* a lock is held, and nobody listens yet */
	AVOID_MS = 10000,		/* for so long a leader that did not answer is not asked */
	LOOK_MS = 2000,			/* is what waits at a lent socket taken? */
	LENT = 1,			/* in an event's data: its peer's lent socket */
	/* above DMBOX_MAX_BODY_BYTES and what parsing makes of it */
	FRAME_MAX = 64 << 20,
	READ_STEP = 4096,	/* before the head says how much comes */
	NAME_HEX = 12
};

struct frame {
	uint64_t layout;
	uint32_t what, value;
	uint64_t n;		/* bytes of the packed delivery that follow */
};

struct answer {
	uint64_t layout;
	int32_t rc, pad;
	int64_t id;
	uint64_t counts[7];
};

/* One follower, seen by the leader. */
struct peer {
	struct relay_call call;	/* first */
	struct relay *r;
	struct peer *next, **at;
	int fd;
	int lent_fd;		/* the listening socket that it lent; -1: none */
	struct buf in;
};

struct relay {
	char *dir, *path, *lock_path;
	unsigned int wait_ms;
	bool may_lead;
	void (*serve)(void *arg, struct relay_call *call);
	void *arg;

	pthread_mutex_t mu;
	pthread_cond_t idle_peers;	/* no call is being served */
	atomic_bool leads, stopping;
	int lock_fd, listen_fd, epoll_fd, wake_fd, dir_fd;
	pthread_t threads[THREADS];
	unsigned int n_threads;
	void (*lent)(int fd);
	struct peer *peers;
	struct peer *spare;		/* gone; an event of their sockets may be under way */
	struct peer own;		/* our listening socket in lent_fd, once it is known */
	bool own_watched;
	size_t n_busy;
	int idle[IDLE_MAX];		/* connections to the leader that nobody uses */
	unsigned int n_idle;
	int64_t avoid_until_ms;
};

static uint64_t *
count_of(struct answer *a, struct delivery *d, size_t i, size_t **of)
{
	size_t *const v[] = { &d->n_items, &d->stored, &d->duplicates, &d->weak_duplicates,
		&d->ignored, &d->echoes, &d->messages };

	*of = v[i];
	return &a->counts[i];
}

/* ---- making ------------------------------------------------------------------ */

struct relay *
relay_new(const struct relay_opts *o)
{
	struct relay *r = mem_alloc(sizeof *r);
	char hex[65], path[4096], host[256] = "";
	uint64_t layout = pack_layout();
	struct buf b;

	/* a home by NFS is several hosts', and its locks are, too; a socket is one host's */
	(void)gethostname(host, sizeof host - 1);
	buf_init(&b, 65536);
	buf_printf(&b, "%016llx %s\n%s", (unsigned long long)layout, host, o->key);
	sign_sha256_hex(b.p, b.n, hex);
	mem_wipe(b.p, b.n);
	buf_free(&b);
	hex[NAME_HEX] = '\0';
	snprintf(path, sizeof path, "%s/relay-%s", o->dir, hex);
	r->path = mem_dup(path);
	snprintf(path, sizeof path, "%s/relay-%s.lock", o->dir, hex);
	r->lock_path = mem_dup(path);
	r->dir = mem_dup(o->dir);
	r->wait_ms = o->wait_ms;
	r->may_lead = o->may_lead;
	r->serve = o->serve;
	r->arg = o->arg;
	r->lent = o->lent;
	r->lock_fd = r->listen_fd = r->epoll_fd = r->wake_fd = r->dir_fd = -1;
	r->own.lent_fd = -1;
	pthread_mutex_init(&r->mu, NULL);
	pthread_cond_init(&r->idle_peers, NULL);
	return r;
}

/* The socket's address; a long path goes by way of the folder's descriptor. */
static bool
address(struct relay *r, struct sockaddr_un *sa)
{
	memset(sa, 0, sizeof *sa);
	sa->sun_family = AF_UNIX;
	if (strlen(r->path) < sizeof sa->sun_path) {
		memcpy(sa->sun_path, r->path, strlen(r->path));
		return true;
	}
	if (r->dir_fd < 0)
		r->dir_fd = open(r->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->dir_fd < 0)
		return false;
	snprintf(sa->sun_path, sizeof sa->sun_path, "/proc/self/fd/%d/%s", r->dir_fd,
	    strrchr(r->path, '/') + 1);
	return true;
}

/* ---- the leader: answers -------------------------------------------------------- */

/* Under r->mu.  A thread may have taken an event of the lent socket and not looked at p yet, so p
 * itself stays until the threads have ended, or is another's next. */
static void
peer_gone(struct peer *p)
{
	struct relay *r = p->r;

	*p->at = p->next;
	if (p->next != NULL)
		p->next->at = p->at;
	close(p->fd);
	if (p->lent_fd >= 0) {
		/* closing alone would not do: the follower has the same socket */
		(void)epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, p->lent_fd, NULL);
		close(p->lent_fd);
		p->lent_fd = -1;
	}
	buf_free(&p->in);
	p->next = r->spare;
	r->spare = p;
}

static bool
send_all(int fd, const void *buf, size_t n)
{
	const char *p = buf;

	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

static void
watch(struct relay *r, struct peer *p, int op)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = p };

	if (epoll_ctl(r->epoll_fd, op, p->fd, &ev) != 0)
		shutdown(p->fd, SHUT_RDWR);	/* the follower asks again elsewhere */
}

void
relay_served(struct relay_call *call)
{
	struct peer *p = (struct peer *)call;
	struct relay *r = p->r;
	struct answer a = { .layout = pack_layout(), .rc = (int32_t)call->d.rc, .id = call->d.id };
	size_t *of;

	for (size_t i = 0; i < sizeof a.counts / sizeof *a.counts; i++) {
		uint64_t *c = count_of(&a, &call->d, i, &of);

		*c = *of;
	}
	delivery_free(&call->d);
	/* a few bytes into an empty socket: never waits */
	if (!send_all(p->fd, &a, sizeof a))
		log_debug("relay: a follower is gone");
	pthread_mutex_lock(&r->mu);
	if (--r->n_busy == 0)
		pthread_cond_signal(&r->idle_peers);
	buf_reset(&p->in);
	if (!atomic_load(&r->stopping))
		watch(r, p, EPOLL_CTL_MOD);
	pthread_mutex_unlock(&r->mu);
}

/* ---- the leader: requests -------------------------------------------------------- */

/* A follower's listening socket is served from here on, until the follower ends. */
static bool
watch_lent(struct relay *r, struct peer *p)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT,
		.data.u64 = (uintptr_t)p | LENT };

	if (r->lent == NULL || p->lent_fd < 0)
		return false;
	buf_reset(&p->in);
	if (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, p->lent_fd, &ev) != 0)
		return false;
	watch(r, p, EPOLL_CTL_MOD);	/* from here on another thread may see its end */
	return true;
}

static bool
nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* Under r->mu.  Our own, as soon as there are followers: the worker that accepts there may
 * store for them without an end, and what came there meanwhile would wait for that. */
static void
watch_own(struct relay *r)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT,
		.data.u64 = (uintptr_t)&r->own | LENT };

	if (r->own_watched || r->own.lent_fd < 0 || r->peers == NULL || r->lent == NULL)
		return;
	r->own_watched = nonblocking(r->own.lent_fd) &&
	    epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, r->own.lent_fd, &ev) == 0;
}

/* Something comes at a lent socket, or came before it was given back. */
static void
accept_lent(struct relay *r, struct peer *p)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT,
		.data.u64 = (uintptr_t)p | LENT };
	bool full = false;
	int fd = -1;

	pthread_mutex_lock(&r->mu);
	if (p->lent_fd >= 0) {
		fd = accept4(p->lent_fd, NULL, NULL, SOCK_CLOEXEC);
		full = fd < 0 && errno != EAGAIN && errno != ECONNABORTED;
		(void)epoll_ctl(r->epoll_fd, EPOLL_CTL_MOD, p->lent_fd, &ev);
	}
	pthread_mutex_unlock(&r->mu);
	if (fd >= 0)
		r->lent(fd);
	else if (full)
		clock_sleep_ms(FULL_MS);
}

/* A whole frame is in p->in.  False: it is none of ours. */
static bool
take_call(struct relay *r, struct peer *p, const struct frame *f)
{
	if (f->what == RELAY_LEND)
		return watch_lent(r, p);
	if (pack_read(p->in.p + sizeof *f, (size_t)f->n, &p->call.d) != RC_OK)
		return false;
	p->call.what = f->what;
	p->call.value = f->value;
	pthread_mutex_lock(&r->mu);
	r->n_busy++;
	pthread_mutex_unlock(&r->mu);
	r->serve(r->arg, &p->call);
	return true;
}

/* recv(2), with the socket that may come with the bytes. */
static ssize_t
receive(struct relay *r, struct peer *p, char *buf, size_t n)
{
	union {
		struct cmsghdr head;	/* for its alignment */
		char room[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct iovec v = { .iov_base = buf, .iov_len = n };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof ctl
	};
	ssize_t k = recvmsg(p->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = k > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	int fd;

	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return k;
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	pthread_mutex_lock(&r->mu);
	if (p->lent_fd >= 0)
		close(fd);
	else
		p->lent_fd = fd;
	pthread_mutex_unlock(&r->mu);
	return k;
}

/* False: the connection is of no use any more. */
static bool
read_more(struct relay *r, struct peer *p)
{
	struct frame f = { .n = 0 };
	size_t want;
	ssize_t k;
	char *at;

	for (;;) {
		want = READ_STEP;
		if (p->in.n >= sizeof f) {
			memcpy(&f, p->in.p, sizeof f);
			if (f.layout != pack_layout() || f.n > FRAME_MAX || f.what >= RELAY__MAX)
				return false;
			if (p->in.n == sizeof f + f.n)
				return take_call(r, p, &f);
			if (p->in.n > sizeof f + f.n)
				return false;
			want = sizeof f + (size_t)f.n - p->in.n;
		}
		/* not by way of the stack: each thread would keep those pages */
		if ((at = buf_add(&p->in, want)) == NULL)
			return false;
		k = receive(r, p, at, want);
		p->in.n -= want - (k > 0 ? (size_t)k : 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN) {
			watch(r, p, EPOLL_CTL_MOD);
			return true;
		}
		if (k <= 0)
			return false;
	}
}

static void
drop_peer(struct relay *r, struct peer *p)
{
	pthread_mutex_lock(&r->mu);
	peer_gone(p);
	pthread_mutex_unlock(&r->mu);
}

static void
accept_peers(struct relay *r)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = r };
	struct peer *p;
	int fd;

	while ((fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		pthread_mutex_lock(&r->mu);
		if ((p = r->spare) != NULL)
			r->spare = p->next;
		else
			p = mem_alloc(sizeof *p);
		p->r = r;
		p->fd = fd;
		p->lent_fd = -1;
		buf_init(&p->in, sizeof(struct frame) + FRAME_MAX);
		p->next = r->peers;
		p->at = &r->peers;
		if (r->peers != NULL)
			r->peers->at = &p->next;
		r->peers = p;
		watch(r, p, EPOLL_CTL_ADD);
		watch_own(r);
		pthread_mutex_unlock(&r->mu);
	}
	if (errno != EAGAIN && errno != ECONNABORTED)	/* no descriptor is free */
		clock_sleep_ms(FULL_MS);
	(void)epoll_ctl(r->epoll_fd, EPOLL_CTL_MOD, r->listen_fd, &ev);
}

static struct peer *
peer_of(uint64_t data)
{
	return (struct peer *)(uintptr_t)(data & ~(uint64_t)LENT);
}

static void *
lead(void *arg)
{
	struct relay *r = arg;
	struct epoll_event ev;

	while (!atomic_load(&r->stopping)) {
		int n = epoll_wait(r->epoll_fd, &ev, 1, -1);

		if (n < 0 && errno != EINTR)
			break;
		if (n != 1 || atomic_load(&r->stopping))
			continue;
		/* what the thread before wrote into the peer, it wrote before it let go of this */
		pthread_mutex_lock(&r->mu);
		pthread_mutex_unlock(&r->mu);
		if (ev.data.ptr == r)
			accept_peers(r);
		else if ((ev.data.u64 & LENT) != 0)
			accept_lent(r, peer_of(ev.data.u64));
		else if (ev.data.ptr != NULL && !read_more(r, ev.data.ptr))
			drop_peer(r, ev.data.ptr);
	}
	return NULL;
}

/* ---- becoming the leader ----------------------------------------------------------- */

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool
listen_here(struct relay *r)
{
	struct epoll_event here = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = r },
			   wake = { .events = EPOLLIN, .data.ptr = NULL };
	struct sockaddr_un sa;

	(void)unlink(r->path);		/* what a leader that was killed left */
	r->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return r->listen_fd >= 0 && r->epoll_fd >= 0 && r->wake_fd >= 0 && address(r, &sa) &&
	    bind(r->listen_fd, (struct sockaddr *)&sa, sizeof sa) == 0 &&
	    listen(r->listen_fd, SOMAXCONN) == 0 &&
	    epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, r->listen_fd, &here) == 0 &&
	    epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, r->wake_fd, &wake) == 0;
}

static void
not_leading(struct relay *r)
{
	close_fd(&r->listen_fd);
	close_fd(&r->epoll_fd);
	close_fd(&r->wake_fd);
	close_fd(&r->lock_fd);
}

/* Under r->mu.  RC_OK: this process leads.  RC_DUP: another does.  RC_PERM: no relay here. */
static enum rc
try_to_lead(struct relay *r)
{
	if (!r->may_lead)
		return RC_DUP;
	if (r->lock_fd < 0)
		r->lock_fd = open(r->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (r->lock_fd < 0)
		return RC_PERM;
	if (flock(r->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? RC_DUP : RC_PERM;
	if (!listen_here(r)) {
		log_debug(
		    "relay: %s: %s; this process stores for itself", r->path, strerror(errno));
		not_leading(r);
		return RC_PERM;
	}
	while (r->n_threads < THREADS && fcgi_thread(&r->threads[r->n_threads], lead, r))
		r->n_threads++;
	if (r->n_threads == 0) {
		not_leading(r);
		return RC_PERM;
	}
	atomic_store(&r->leads, true);
	return RC_OK;
}

/* Takes nothing more, finishes what it took, ends the threads. */
static void
stop_serving(struct relay *r)
{
	uint64_t one = 1;
	struct peer *p;

	atomic_store(&r->stopping, true);
	(void)unlink(r->path);
	if (write(r->wake_fd, &one, sizeof one) < 0)
		log_debug("relay: wake: %s", strerror(errno));
	for (unsigned int i = 0; i < r->n_threads; i++)
		pthread_join(r->threads[i], NULL);
	pthread_mutex_lock(&r->mu);
	while (r->n_busy > 0)
		pthread_cond_wait(&r->idle_peers, &r->mu);
	while (r->peers != NULL)
		peer_gone(r->peers);
	while ((p = r->spare) != NULL) {
		r->spare = p->next;
		free(p);
	}
	pthread_mutex_unlock(&r->mu);
}

void
relay_stop(struct relay *r)
{
	if (r != NULL && atomic_load(&r->leads) && !atomic_load(&r->stopping))
		stop_serving(r);
}

void
relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	for (unsigned int i = 0; i < r->n_idle; i++)
		close(r->idle[i]);
	not_leading(r);
	close_fd(&r->dir_fd);
	pthread_cond_destroy(&r->idle_peers);
	pthread_mutex_destroy(&r->mu);
	free(r->lock_path);
	free(r->path);
	free(r->dir);
	free(r);
}

/* ---- the follower ----------------------------------------------------------------- */

static int
connect_now(struct relay *r)
{
	const struct timeval t = { .tv_sec = r->wait_ms / 1000,
		.tv_usec = r->wait_ms % 1000 * 1000 };
	struct sockaddr_un sa;
	int fd = -1;

	pthread_mutex_lock(&r->mu);
	if (address(r, &sa))
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pthread_mutex_unlock(&r->mu);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
		return fd;
	close(fd);
	return -1;
}

/* A kept connection whose leader is still there; -1: none.  Under r->mu. */
static int
take_idle(struct relay *r)
{
	char c;

	while (r->n_idle > 0) {
		int fd = r->idle[--r->n_idle];

		if (recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
			return fd;
		close(fd);
	}
	return -1;
}

/* A connection to the leader; RC_NONE: this process is to do it itself; RC_TEMP: there is
 * a leader that does not listen (yet, or no more). */
static enum rc
find_leader(struct relay *r, int *fd)
{
	enum rc rc = RC_DUP;

	pthread_mutex_lock(&r->mu);
	*fd = take_idle(r);
	if (*fd >= 0)
		rc = RC_DUP;
	else if (atomic_load(&r->leads))
		rc = RC_OK;
	else if (clock_mono_ms() < r->avoid_until_ms)
		rc = RC_PERM;
	else if ((rc = try_to_lead(r)) == RC_PERM)
		r->avoid_until_ms = clock_mono_ms() + AVOID_MS;
	pthread_mutex_unlock(&r->mu);
	if (rc != RC_DUP)
		return RC_NONE;
	if (*fd < 0)
		*fd = connect_now(r);
	if (*fd >= 0)
		return RC_OK;
	return r->may_lead ? RC_TEMP : RC_NONE;
}

static void
keep(struct relay *r, int fd)
{
	pthread_mutex_lock(&r->mu);
	if (r->n_idle < IDLE_MAX) {
		r->idle[r->n_idle++] = fd;
		fd = -1;
	}
	pthread_mutex_unlock(&r->mu);
	close_fd(&fd);
}

static void
avoid(struct relay *r)
{
	pthread_mutex_lock(&r->mu);
	r->avoid_until_ms = clock_mono_ms() + AVOID_MS;
	pthread_mutex_unlock(&r->mu);
	log_warn("relay: the leader does not answer; this process stores for itself for %d s",
	    AVOID_MS / 1000);
}

/* RC_OK; RC_NONE: the connection broke; RC_TEMP: no answer in time. */
static enum rc
exchange(int fd, const struct buf *b, struct answer *a)
{
	char *p = (char *)a;
	size_t n = 0;

	if (!send_all(fd, b->p, b->n))
		return errno == EAGAIN ? RC_TEMP : RC_NONE;
	while (n < sizeof *a) {
		ssize_t k = recv(fd, p + n, sizeof *a - n, 0);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 && errno == EAGAIN ? RC_TEMP : RC_NONE;
		n += (size_t)k;
	}
	return a->layout == pack_layout() ? RC_OK : RC_NONE;
}

static void
take_answer(struct answer *a, struct delivery *d)
{
	size_t *of;

	d->rc = (enum rc)a->rc;
	d->id = a->id;
	for (size_t i = 0; i < sizeof a->counts / sizeof *a->counts; i++) {
		uint64_t c = *count_of(a, d, i, &of);

		*of = (size_t)c;
	}
}

static void
pack(struct buf *b, enum relay_what what, unsigned int value, const struct delivery *d)
{
	struct frame f = { .layout = pack_layout(), .what = what, .value = value };

	buf_init(b, sizeof f + FRAME_MAX);
	buf_put(b, &f, sizeof f);
	pack_delivery(d, b);
	f.n = b->n - sizeof f;
	memcpy(b->p, &f, sizeof f);
}

/* Not now: no relay can be had here, or its leader did not answer a moment ago. */
static bool
resting(struct relay *r)
{
	bool rests;

	pthread_mutex_lock(&r->mu);
	rests = r->n_idle == 0 && clock_mono_ms() < r->avoid_until_ms;
	pthread_mutex_unlock(&r->mu);
	return rests;
}

/* One try.  RC_OK: done; RC_NONE: do it yourself; RC_TEMP: not this time; *sent: it may
 * be in a leader's hands. */
static enum rc
try_once(struct relay *r, const struct buf *b, struct answer *a, bool *sent)
{
	enum rc rc;
	int fd;

	if ((rc = find_leader(r, &fd)) != RC_OK)
		return rc;
	*sent = true;
	switch (exchange(fd, b, a)) {
	case RC_OK:
		keep(r, fd);
		return RC_OK;
	case RC_NONE:
		close(fd);
		return RC_TEMP;
	default:
		close(fd);
		avoid(r);
		return RC_PERM;
	}
}

enum rc
relay_hand_over(struct relay *r, enum relay_what what, unsigned int value, struct delivery *d)
{
	int64_t began = clock_mono_ms(), passed = 0;
	struct buf b;
	struct answer a;
	bool sent = false;
	enum rc rc;

	if (r == NULL || atomic_load(&r->leads) || resting(r))
		return RC_NONE;
	pack(&b, what, value, d);
	rc = buf_err(&b) ? RC_NONE : try_once(r, &b, &a, &sent);
	/* the leader ended: another takes over within milliseconds */
	while (rc == RC_TEMP && passed < (sent ? r->wait_ms : NO_LEADER_MS)) {
		clock_sleep_ms(AGAIN_MS);
		rc = try_once(r, &b, &a, &sent);
		passed = clock_mono_ms() - began;
	}
	buf_free(&b);
	if (rc == RC_OK)
		take_answer(&a, d);
	else if (rc != RC_NONE && !sent) {
		avoid(r);
		rc = RC_NONE;
	}
	return rc == RC_PERM ? RC_TEMP : rc;
}

/* Is the process at the other end one of ours? */
static bool
same_user(int fd)
{
	struct ucred who;
	socklen_t n = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && who.uid == geteuid();
}

static bool
send_socket(int fd, int listen_fd)
{
	struct frame f = { .layout = pack_layout(), .what = RELAY_LEND };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl = { .room = { 0 } };
	struct iovec v = { .iov_base = &f, .iov_len = sizeof f };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof ctl
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &listen_fd, sizeof listen_fd);
	/* two may accept when it is taken back */
	return nonblocking(listen_fd) && sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof f;
}

/* To our own threads; *end is readable when they end.  False: it stays with the worker. */
static bool
lend_own(struct relay *r, int listen_fd, int *end)
{
	bool lent;

	if (atomic_load(&r->stopping))
		return false;
	pthread_mutex_lock(&r->mu);
	r->own.lent_fd = listen_fd;
	watch_own(r);
	lent = r->own_watched;
	*end = r->wake_fd;
	pthread_mutex_unlock(&r->mu);
	return lent;
}

/* Until it is given back; end: readable when the borrower ends. */
static void
lent_until(int end, int listen_fd)
{
	struct pollfd gone = { .fd = end, .events = POLLIN },
		      waits = { .fd = listen_fd, .events = POLLIN };

	while (fcgi_poll(&gone, LOOK_MS) == 0 && poll(&waits, 1, 0) == 0)
		;
}

static void
lend_to_leader(struct relay *r, int listen_fd)
{
	int fd;

	pthread_mutex_lock(&r->mu);
	fd = take_idle(r);
	pthread_mutex_unlock(&r->mu);
	if (fd < 0)
		return;
	if (!same_user(fd)) {
		keep(r, fd);
		return;
	}
	if (send_socket(fd, listen_fd))
		lent_until(fd, listen_fd);
	close(fd);
}

void
relay_lend(struct relay *r, int listen_fd)
{
	int end;

	if (r == NULL)
		return;
	if (!atomic_load(&r->leads))
		lend_to_leader(r, listen_fd);
	else if (lend_own(r, listen_fd, &end))
		lent_until(end, listen_fd);
}

bool
relay_leads(const struct relay *r)
{
	return r != NULL && atomic_load(&r->leads);
}

bool
relay_follows(struct relay *r)
{
	int fd;
	enum rc rc;

	if (r == NULL || atomic_load(&r->leads))
		return false;
	rc = find_leader(r, &fd);
	if (rc == RC_OK)
		keep(r, fd);
	return rc != RC_NONE;
}

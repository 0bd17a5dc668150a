/*
 * The accept is ours and the protocol is libfcgi's.  libfcgi's own accept
 * cannot be told apart from its reads: a signal that wakes it also cuts a
 * request that is just arriving.  So signals are let in around accept(2) only;
 * the new connection is put into FCGX_Request.ipcFd (keepConnection set, else
 * FCGX_Accept_r closes it first) and listen_sock is -1, so that a connection
 * of garbage ends in an error here and not in a second, unwakeable accept.
 *
 * Main only waits for signals, also with one worker: tried otherwise, SIGTERM
 * turned 20 of 20 requests in flight into 500 (house.md 7).  The listening
 * socket is never shut down: under spawn-fcgi siblings share it.
 */
#include "fcgi.h"

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

#include <fcgiapp.h>

#include "clock.h"
#include "log.h"
#include "str.h"

#define LISTEN_FD 0
#define WAKE_SIGNAL SIGUSR2
#define STACK_BYTES (256 * 1024)
#define DRAIN_BYTES (32u << 20)	/* of a body that is too large: the server must get rid of it
				 * before it reads our 413 */
#define LINGER_MS 3000		/* how long waiting connections are still served at the end */
#define PEER_TIMEOUT_S 60
#define FILES_MAX 4096
#define FILE_BYTES_MAX ((rlim_t)4 << 30)
#define RSS_EVERY 64		/* requests between two looks at the memory */

extern char **environ;

static atomic_bool stop_flag;

/* One process's serving state. */
struct server {
	const struct fcgi_opts *o;
	atomic_ulong served;
	atomic_bool failed;
	atomic_bool recycle;	/* enough requests or memory: begin anew */
	_Atomic int64_t stop_at_ms;
};

struct worker {
	struct server *s;
	unsigned int number;
	pthread_t thread;
};

/* Where a request comes from and its answer goes. */
struct io {
	FCGX_Request *fr;	/* NULL: plain CGI */
};

bool
fcgi_is_cgi(void)
{
	return FCGX_IsCGI() != 0;
}

bool
fcgi_stopping(void)
{
	return atomic_load(&stop_flag);
}

/* --- reading a request ---------------------------------------------------- */

static const char *
var(char *const *envp, const char *name)
{
	const char *v = FCGX_GetParam(name, (char **)(uintptr_t)envp);

	return v != NULL && *v != '\0' ? v : NULL;
}

static void
add_header(struct http_req *req, const char *name, const char *value)
{
	/* a value with CR or LF is not a header: leave it out */
	if (http_req_header(req, name, value) != RC_OK)
		log_debug("request header %s left out", name);
}

/* HTTP_X_FOO=bar to "x-foo: bar". */
static void
add_http_var(struct http_req *req, const char *var_line)
{
	const char *eq = strchr(var_line, '=');
	char name[128];
	size_t n;

	if (eq == NULL || (n = (size_t)(eq - var_line)) >= sizeof name)
		return;
	for (size_t i = 0; i < n; i++) {
		char c = var_line[i];

		name[i] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	name[n] = '\0';
	add_header(req, name, eq + 1);
}

/* The path and query as the client wrote them: rewrites do not show in
 * REQUEST_URI. */
static void
set_target(char *const *envp, struct http_req *req)
{
	const char *uri = var(envp, "REQUEST_URI"), *query = var(envp, "QUERY_STRING");
	const char *slashes, *script, *info;
	size_t n;

	if (uri != NULL) {
		slashes = strstr(uri, "://");
		if (*uri != '/' && slashes != NULL) {	/* absolute form, RFC 9112 3.2.2 */
			uri = slashes + 3;
			uri += strcspn(uri, "/?");
		}
		n = strcspn(uri, "?#");
		if (query == NULL && uri[n] == '?')
			query = uri + n + 1;
		req->url = mem_arena_ndup(&req->arena, uri, n);
	} else {
		char *p;

		script = var(envp, "SCRIPT_NAME");
		info = var(envp, "PATH_INFO");
		script = script != NULL ? script : "";
		info = info != NULL ? info : "";
		n = strlen(script) + strlen(info) + 1;
		p = mem_arena_alloc(&req->arena, n);
		snprintf(p, n, "%s%s", script, info);
		req->url = p;
	}
	req->query = mem_arena_dup(&req->arena, query != NULL ? query : "");
}

void
fcgi_request(char *const *envp, struct http_req *req)
{
	const char *s = var(envp, "REQUEST_METHOD");

	http_req_init(req, s != NULL ? s : "GET", "");
	set_target(envp, req);
	for (char *const *e = envp; *e != NULL; e++)
		if (str_starts(*e, "HTTP_"))
			add_http_var(req, *e + 5);
	if ((s = var(envp, "CONTENT_TYPE")) != NULL)
		add_header(req, "content-type", s);
	/* mod_rewrite hands it on under this name where the server keeps it back */
	if (http_req_get(req, "authorization") == NULL &&
	    ((s = var(envp, "REDIRECT_HTTP_AUTHORIZATION")) != NULL ||
	    (s = var(envp, "REDIRECT_REDIRECT_HTTP_AUTHORIZATION")) != NULL))
		add_header(req, "authorization", s);
	req->remote_addr = mem_arena_dup(&req->arena, var(envp, "REMOTE_ADDR"));
	req->conf_path = mem_arena_dup(&req->arena, var(envp, "DMBOX_CONFIG"));
	if (req->conf_path == NULL)
		req->conf_path = mem_arena_dup(&req->arena, var(envp, "REDIRECT_DMBOX_CONFIG"));
	req->doc_root = mem_arena_dup(&req->arena, var(envp, "DOCUMENT_ROOT"));
}

/* Up to n bytes; fewer only at the end of the body or a broken line. */
static size_t
read_some(const struct io *io, char *p, size_t n)
{
	size_t have = 0;
	ssize_t k;

	if (io->fr != NULL)
		return (size_t)FCGX_GetStr(p, (int)n, io->fr->in);
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
drain(const struct io *io)
{
	char waste[4096];
	size_t left = DRAIN_BYTES, k;

	while (left > 0 && (k = read_some(io, waste, sizeof waste)) > 0)
		left -= k < left ? k : left;
}

static void
read_announced(const struct io *io, struct http_req *req, struct buf *body, size_t n)
{
	char chunk[8192];
	size_t left = n, k;

	while (left > 0) {
		k = read_some(io, chunk, left < sizeof chunk ? left : sizeof chunk);
		if (k == 0)
			break;
		buf_put(body, chunk, k);
		left -= k;
	}
	req->cut = left > 0;
}

static void
read_to_end(const struct io *io, struct http_req *req, struct buf *body)
{
	char chunk[8192];
	size_t k;

	while (!buf_err(body) && (k = read_some(io, chunk, sizeof chunk)) > 0)
		buf_put(body, chunk, k);
	req->too_large = buf_err(body);
}

/*
 * The body into buf, at most max bytes.  With a length: exactly so many.
 * Without one (chunked, or a server that does not say): FastCGI marks the end;
 * plain CGI only has one where a transfer coding is named.
 */
static void
read_body(const struct io *io, char *const *envp, size_t max, struct http_req *req,
    struct buf *body)
{
	const char *len = var(envp, "CONTENT_LENGTH");
	int64_t n = -1;

	if (len != NULL && (str_i64(len, &n) != RC_OK || n < 0)) {
		req->cut = true;
		return;
	}
	if (n > 0 && (uint64_t)n > max) {
		req->too_large = true;
		req->body_n = (size_t)n;
	} else if (n > 0)
		read_announced(io, req, body, (size_t)n);
	else if (n < 0 && (io->fr != NULL || var(envp, "HTTP_TRANSFER_ENCODING") != NULL))
		read_to_end(io, req, body);
	if (req->too_large) {
		if (req->body_n == 0)
			req->body_n = body->n;
		buf_reset(body);
		drain(io);
		req->body = "";
		return;
	}
	req->body = body->p;
	req->body_n = body->n;
}

/* --- answering ------------------------------------------------------------ */

static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} table[] = {
		{ 200, "OK" }, { 202, "Accepted" }, { 204, "No Content" }, { 304, "Not Modified" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" }, { 409, "Conflict" },
		{ 413, "Content Too Large" }, { 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" }, { 500, "Internal Server Error" },
		{ 502, "Bad Gateway" }, { 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].status == status)
			return table[i].text;
	return "Status";
}

static void
write_all(const struct io *io, const char *p, size_t n)
{
	ssize_t k;

	if (io->fr != NULL) {
		/* the peer may be gone; there is nobody left to tell */
		(void)FCGX_PutStr(p, (int)n, io->fr->out);
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
answer(const struct io *io, const struct http_req *req, const struct http_res *res)
{
	bool head = str_eq(req->method, "HEAD");
	struct buf b;

	buf_init(&b, res->body_n + 65536);
	buf_printf(&b, "Status: %d %s\r\n", res->status, reason(res->status));
	for (size_t i = 0; i < res->n_hdrs; i++)
		buf_printf(&b, "%s: %s\r\n", res->hdrs[i].name, res->hdrs[i].value);
	/* an answer without a type makes some servers add their own */
	if (http_res_get(res, "Content-Type") == NULL)
		buf_puts(&b, "Content-Type: text/plain\r\n");
	if (!head)
		buf_printf(&b, "Content-Length: %zu\r\n", res->body_n);
	buf_puts(&b, "\r\n");
	if (!head)
		buf_put(&b, res->body, res->body_n);
	write_all(io, b.p, b.n);
	buf_free(&b);
}

static void
serve_one(const struct fcgi_opts *o, unsigned int number, const struct io *io, char *const *envp)
{
	struct http_req req;
	struct http_res res;
	struct buf body;
	size_t max;

	fcgi_request(envp, &req);
	http_res_init(&res);
	res.status = 500;
	max = o->max_body_now != NULL ? o->max_body_now(o->arg, &req) : o->max_body;
	buf_init(&body, max);
	read_body(io, envp, max, &req, &body);
	o->handle(o->arg, number, &req, &res);
	answer(io, &req, &res);
	buf_free(&body);
	http_res_free(&res);
	http_req_free(&req);
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

static bool
pending(int timeout_ms)
{
	struct pollfd p = { .fd = LISTEN_FD, .events = POLLIN };

	return poll(&p, 1, timeout_ms) > 0;
}

static void
set_timeouts(int fd)
{
	struct timeval tv = { .tv_sec = PEER_TIMEOUT_S };

	/* a peer that stalls costs a minute, not a thread for ever */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
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
		if (fcgi_stopping() && (clock_mono_ms() - s->stop_at_ms > LINGER_MS || !pending(0)))
			return -1;
		wake_mask(SIG_UNBLOCK);
		fd = accept4(LISTEN_FD, NULL, NULL, SOCK_CLOEXEC);
		e = errno;
		wake_mask(SIG_BLOCK);
		if (fd >= 0)
			break;
		switch (e) {
		case EBADF: case EINVAL: case ENOTSOCK: case EOPNOTSUPP: case EFAULT:
			log_error("accept: %s", strerror(e));
			atomic_store(&s->failed, true);
			return -1;
		case EAGAIN:		/* somebody made the socket non-blocking */
			(void)pending(1000);
			break;
		case EMFILE: case ENFILE: case ENOBUFS: case ENOMEM:
			log_warn("accept: %s", strerror(e));
			clock_sleep_ms(100);
			break;
		default:		/* EINTR, ECONNABORTED, ...: the next may do */
			break;
		}
	}
	set_timeouts(fd);
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

static void
count_request(struct server *s)
{
	const struct fcgi_opts *o = s->o;
	unsigned long n = atomic_fetch_add(&s->served, 1) + 1;

	if ((o->max_requests > 0 && n >= o->max_requests) ||
	    (o->max_rss_kb > 0 && n % RSS_EVERY == 0 && rss_kb() > o->max_rss_kb)) {
		atomic_store(&s->recycle, true);
		kill(getpid(), SIGUSR1);	/* main ends us in order */
	}
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	const struct fcgi_opts *o = w->s->o;
	FCGX_Request fr;
	struct io io = { &fr };
	int fd;

	if (FCGX_InitRequest(&fr, -1, 0) != 0)
		abort();
	while ((fd = next_connection(w->s)) >= 0) {
		fr.ipcFd = fd;
		fr.keepConnection = 1;
		while (FCGX_Accept_r(&fr) == 0) {
			serve_one(o, w->number, &io, fr.envp);
			FCGX_Finish_r(&fr);
			if (o->after != NULL)
				o->after(o->arg, w->number);
			count_request(w->s);
			if (fr.ipcFd < 0 || fcgi_stopping())
				break;
		}
		FCGX_Free(&fr, 1);
		fr.keepConnection = 0;
	}
	if (!fcgi_stopping())
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
join_all(struct worker *w, unsigned int n)
{
	for (unsigned int i = 0; i < n;) {
		struct timespec at;

		for (unsigned int k = i; k < n; k++)
			pthread_kill(w[k].thread, WAKE_SIGNAL);
		clock_gettime(CLOCK_REALTIME, &at);
		at.tv_nsec += 20 * 1000000L;
		if (at.tv_nsec >= 1000000000L) {
			at.tv_sec++;
			at.tv_nsec -= 1000000000L;
		}
		if (pthread_timedjoin_np(w[i].thread, NULL, &at) == 0)
			i++;
	}
}

static void
wait_for_end(const struct fcgi_opts *o, const sigset_t *ends)
{
	struct timespec second = { .tv_sec = 1 };
	int sig;

	if (o->tick == NULL) {
		while (sigwait(ends, &sig) != 0)
			;
		return;
	}
	while (sigtimedwait(ends, NULL, &second) < 0)
		if (errno == EAGAIN)
			o->tick(o->arg);
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
 * stays open, so whoever comes meanwhile waits a moment; after an end lighttpd would
 * answer 503 for a second.  A signal that came meanwhile stays pending.  Returns
 * where it is forbidden (sandbox): then the web server starts the next one.
 */
static void
begin_anew(void)
{
	char *argv[] = { program_invocation_name, NULL };
	struct rlimit r;

	if (getrlimit(RLIMIT_NPROC, &r) != 0 || r.rlim_max == 0)
		return;
	r.rlim_cur = r.rlim_max;	/* the new program starts its threads again */
	(void)setrlimit(RLIMIT_NPROC, &r);
	log_info("enough requests or memory: the process begins anew");
	execv("/proc/self/exe", argv);
	log_debug("exec: %s", strerror(errno));
}

static int
serve_fcgi(const struct fcgi_opts *o, const sigset_t *ends)
{
	struct server s = { .o = o };
	unsigned int n = o->threads > 0 ? o->threads : 1, started = 0;
	struct worker *w = mem_array(n, sizeof *w);
	pthread_attr_t attr;
	struct rlimit few;

	if (FCGX_Init() != 0) {
		free(w);
		return 1;
	}
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
	 * begin_anew, the sandbox refuses for good */
	if (o->alone && getrlimit(RLIMIT_NPROC, &few) == 0) {
		few.rlim_cur = 0;
		(void)setrlimit(RLIMIT_NPROC, &few);
	}
	if (started < n)
		log_warn("only %u of %u threads could be started", started, n);
	if (started > 0)
		wait_for_end(o, ends);
	stop_now(&s);
	join_all(w, started);
	/* who came while the last worker ended is served here; from then on the next
	 * is refused at once, which the web server takes as "try again", and not
	 * left in a queue that dies with us */
	if (started > 0 && !atomic_load(&s.failed))
		work(&w[0]);
	if (atomic_load(&s.recycle) && !atomic_load(&s.failed))
		begin_anew();
	close(LISTEN_FD);
	free(w);
	return started == 0 || atomic_load(&s.failed);
}

int
fcgi_serve(const struct fcgi_opts *o)
{
	struct io io = { NULL };
	sigset_t ends;

	/* a core file would hold secrets and people's words */
	lower(RLIMIT_CORE, 0);
	lower(RLIMIT_NOFILE, FILES_MAX);
	lower(RLIMIT_FSIZE, FILE_BYTES_MAX);
	signal(SIGXFSZ, SIG_IGN);	/* then the write fails, and is told of */
	umask(0007);	/* spool, log and media are shared with the cron user's group */
	mallopt(M_ARENA_MAX, 2);
	if (!fcgi_is_cgi()) {
		set_signals(&ends);
		return serve_fcgi(o, &ends);
	}
	signal(SIGPIPE, SIG_IGN);
	serve_one(o, 0, &io, environ);
	if (o->after != NULL)
		o->after(o->arg, 0);
	return 0;
}

#ifndef DMBOX_EXTERN_FCGI_H
#define DMBOX_EXTERN_FCGI_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/http.h"
#include "base/rc.h"

/*
 * FastCGI through libfcgi, which no other file includes: the accept loop under mod_fcgid, lighttpd,
 * spawn-fcgi and as plain CGI, with one thread or several.  Stops on SIGTERM, SIGINT and SIGUSR1
 * after the requests in flight, and those that wait to be accepted, are
 * answered (ARCHITECTURE.md 6.1 and 7).
 */

struct fcgi_opts {
	unsigned int threads;		/* 1 or more; CGI always runs one */
	size_t max_body;		/* cap of a body, unless max_body_now is set */
	/* The cap in bytes for this request (headers, conf_path, doc_root are filled; no
	 * body yet); may be NULL.  handle follows always, so that it may fill call->held. */
	size_t (*max_body_now)(void *arg, struct http_call *call);
	unsigned long max_requests;	/* re-execute the program after so many; 0 = never */
	size_t max_rss_kb;		/* ... or when resident memory passes this; 0 = never */
	/*
	 * handle: true: call->res is filled and is sent now.  false: the call was
	 * taken over: call->reply.send and then .end are called, once each, by any
	 * thread, later or before handle returned; the thread takes the next request
	 * meanwhile.  thread is 0 .. threads-1.  Few threads accept at a time: one
	 * that is going to wait calls call->reply.busy before.  call is fcgi's memory.
	 */
	bool (*handle)(void *arg, unsigned int thread, struct http_call *call);
	/* beyond so many calls under way none is accepted; 0 = no limit */
	unsigned int open_max;
	bool alone;			/* starts no thread or process of its own once it serves */
	/* tick: about once a second while serving, from no worker, and once at the end
	 * (plain CGI: only then); may be NULL */
	void (*tick)(void *arg);
	/*
	 * lend: called by the worker of a program that has one, before it waits for its next
	 * connection.  While it does not return, another process or thread may take what comes at
	 * listen_fd, which is non-blocking from then on.  It waits by fcgi_poll and returns where
	 * that was interrupted.  May be NULL.
	 */
	void (*lend)(void *arg, int listen_fd);
	/* ending: no worker serves any more, the program ends or re-executes itself: threads
	 * that use fcgi_serve_lent are ended here; may be NULL */
	void (*ending)(void *arg);
	void *arg;
};
/* fcgi_serve(o): serve until told to stop.  Returns the exit status. */
int fcgi_serve(const struct fcgi_opts *o);
/*
 * fcgi_thread(thread, fn, arg):
 * Start a thread beside the workers, with all signals blocked, also in a process that
 * starts none by itself any more (fcgi_opts.alone).  The caller joins it.
 * Returns  false where none could be started.
 */
bool fcgi_thread(pthread_t *thread, void *(*fn)(void *arg), void *arg);
/* fcgi_poll(p, timeout_ms): poll(2) of one descriptor, for workers: the program's end
 * interrupts it, with -1. */
int fcgi_poll(struct pollfd *p, int timeout_ms);
/*
 * fcgi_serve_lent(fd):
 * Serve the request that comes by fd, a connection that was accepted at another process's
 * listening socket (fcgi_opts.lend), as a worker would, and close it.  Its thread number
 * is fcgi_opts.threads.
 *
 * Threads  any that fcgi_thread started, while fcgi_serve runs and .ending has not returned.
 */
void fcgi_serve_lent(int fd);
/* fcgi_is_cgi(): started as plain CGI (one request, no listening socket). */
bool fcgi_is_cgi(void);
/* fcgi_request(envp, req): the request that CGI variables describe, no body.
 * For tests; envp is a NULL-terminated list of NAME=value. */
void fcgi_request(char *const *envp, struct http_req *req);

#endif

#ifndef DMBOX_FCGI_H
#define DMBOX_FCGI_H

#include <stdbool.h>
#include <stddef.h>
#include "http.h"
#include "rc.h"

/*
 * libfcgi's door: the accept loop under mod_fcgid, lighttpd, spawn-fcgi and as
 * plain CGI, with one thread or several.  Stops on SIGTERM and SIGUSR1 after
 * the requests in flight are answered (house.md 6.1 and 7).
 */
struct fcgi_opts {
	unsigned int threads;		/* 1 or more; CGI always runs one */
	size_t max_body;		/* cap of a body; read afresh for each request from */
	size_t (*max_body_now)(void *arg);	/* this, where not NULL */
	unsigned long max_requests;	/* end the process after so many; 0 = never */
	size_t max_rss_kb;		/* ... or when resident memory passes this; 0 = never */
	/* prepare(arg, req, thread): before the body is read, config for this request */
	void (*handle)(void *arg, unsigned int thread, const struct http_req *req,
	    struct http_res *res);	/* fills res: status, headers, body */
	void (*after)(void *arg, unsigned int thread);	/* answer sent; may be NULL */
	void *arg;
};
/* fcgi_serve(o): serve until told to stop.  Returns the exit status. */
int fcgi_serve(const struct fcgi_opts *o);
bool fcgi_is_cgi(void);
/* fcgi_stopping(): SIGTERM or SIGUSR1 was seen. */
bool fcgi_stopping(void);

#endif

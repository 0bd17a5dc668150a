#ifndef DMBOX_FCGI_H
#define DMBOX_FCGI_H

#include <stdbool.h>
#include <stddef.h>
#include "http.h"
#include "rc.h"

/*
 * libfcgi's door: the accept loop under mod_fcgid, lighttpd, spawn-fcgi and as
 * plain CGI, with one thread or several.  Stops on SIGTERM, SIGINT and SIGUSR1
 * after the requests in flight, and those that wait to be accepted, are
 * answered (house.md 6.1 and 7).
 */
struct fcgi_opts {
	unsigned int threads;		/* 1 or more; CGI always runs one */
	size_t max_body;		/* cap of a body, unless max_body_now is set */
	/* The cap for this request (headers, conf_path, doc_root are filled; no body
	 * yet); may be NULL. */
	size_t (*max_body_now)(void *arg, const struct http_req *req);
	unsigned long max_requests;	/* begin the process anew after so many; 0 = never */
	size_t max_rss_kb;		/* ... or when resident memory passes this; 0 = never */
	/* handle: fills res: status, headers, body.  thread is 0 .. threads-1. */
	void (*handle)(void *arg, unsigned int thread, const struct http_req *req,
	    struct http_res *res);
	void (*after)(void *arg, unsigned int thread);	/* answer sent; may be NULL */
	bool alone;			/* starts no thread or process of its own once it serves */
	/* tick: about once a second while serving, from no worker; may be NULL */
	void (*tick)(void *arg);
	void *arg;
};
/* fcgi_serve(o): serve until told to stop.  Returns the exit status. */
int fcgi_serve(const struct fcgi_opts *o);
/* fcgi_is_cgi(): started as plain CGI (one request, no listening socket). */
bool fcgi_is_cgi(void);
/* fcgi_stopping(): told to stop. */
bool fcgi_stopping(void);
/* fcgi_request(envp, req): the request that CGI variables describe, no body.
 * For tests; envp is a NULL-terminated list of NAME=value. */
void fcgi_request(char *const *envp, struct http_req *req);

#endif

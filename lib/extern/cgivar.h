#ifndef DMBOX_EXTERN_CGIVAR_H
#define DMBOX_EXTERN_CGIVAR_H

#include "base/http.h"

/* What fcgi.c needs of cgivar.c; no other includes it. */

/* The variables that a request is read from; NULL where not set or empty. */
enum cgi_var {
	V_METHOD,
	V_URI,
	V_QUERY,
	V_SCRIPT,
	V_INFO,
	V_TYPE,
	V_LENGTH,
	V_CODING,
	V_AUTH,
	V_AUTH_AGAIN,
	V_ADDR,
	V_CONF,
	V_CONF_AGAIN,
	V_ROOT,
	V__MAX
};

/* cgi_read_head(envp, v, req): inits req and fills all of it but the body; v: the values, which
 * lie in envp. */
void cgi_read_head(char *const *envp, const char *v[V__MAX], struct http_req *req);

#endif

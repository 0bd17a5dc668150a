/*
 * A request's head from the variables of CGI (RFC 3875 4.1), which FastCGI sends too.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "extern/cgivar.h"

static const struct {
	const char *name;
	size_t n;
} var_names[V__MAX] = {
#define VAR(name) \
	{ \
		name, sizeof name - 1 \
	}
	[V_METHOD] = VAR("REQUEST_METHOD"),
	[V_URI] = VAR("REQUEST_URI"),
	[V_QUERY] = VAR("QUERY_STRING"),
	[V_SCRIPT] = VAR("SCRIPT_NAME"),
	[V_INFO] = VAR("PATH_INFO"),
	[V_TYPE] = VAR("CONTENT_TYPE"),
	[V_LENGTH] = VAR("CONTENT_LENGTH"),
	[V_CODING] = VAR("HTTP_TRANSFER_ENCODING"),
	/* mod_rewrite hands these on under longer names */
	[V_AUTH] = VAR("REDIRECT_HTTP_AUTHORIZATION"),
	[V_AUTH_AGAIN] = VAR("REDIRECT_REDIRECT_HTTP_AUTHORIZATION"),
	[V_ADDR] = VAR("REMOTE_ADDR"),
	[V_CONF] = VAR("DMBOX_CONFIG"),
	[V_CONF_AGAIN] = VAR("REDIRECT_DMBOX_CONFIG"),
	[V_ROOT] = VAR("DOCUMENT_ROOT"),
#undef VAR
};

/* All in one walk: of a name given twice the first counts. */
static void
pick(char *const *envp, const char *v[V__MAX])
{
	memset(v, 0, V__MAX * sizeof *v);
	for (; *envp != NULL; envp++) {
		const char *eq = strchr(*envp, '=');
		size_t n = eq != NULL ? (size_t)(eq - *envp) : 0;

		for (int i = 0; n > 0 && i < V__MAX; i++)
			if (n == var_names[i].n && v[i] == NULL &&
			    memcmp(*envp, var_names[i].name, n) == 0)
				v[i] = eq + 1;
	}
	for (int i = 0; i < V__MAX; i++)
		if (v[i] != NULL && *v[i] == '\0')
			v[i] = NULL;
}

static void
add_header(struct http_req *req, const char *name, const char *value)
{
	/* a value with CR or LF is not a header: leave it out */
	if (http_req_header(req, name, value) != RC_OK)
		log_debug("request header %s left out", name);
}

/*
 * HTTP_X_FOO=bar to "x-foo: bar".  A name that comes twice is left empty: by
 * X_Forwarded_For a client makes the same variable as the proxy's X-Forwarded-For, and
 * of two credentials nobody can say which one was meant.
 */
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
	for (size_t i = 0; i < req->n_hdrs; i++)
		if (str_eq(req->hdrs[i].name, name)) {
			req->hdrs[i].value = "";
			return;
		}
	add_header(req, name, eq + 1);
}

/* The path and query as the client wrote them: rewrites do not show in
 * REQUEST_URI. */
static void
set_target(const char *const v[V__MAX], struct http_req *req)
{
	const char *uri = v[V_URI], *query = v[V_QUERY], *slashes, *script, *info;
	size_t n;
	char *p;

	if (uri != NULL) {
		slashes = *uri != '/' ? strstr(uri, "://") : NULL;
		if (slashes != NULL) {	/* absolute form, RFC 9112 3.2.2 */
			uri = slashes + 3;
			uri += strcspn(uri, "/?");
		}
		n = strcspn(uri, "?#");
		if (query == NULL && uri[n] == '?')
			query = uri + n + 1;
		req->url = mem_arena_ndup(&req->arena, uri, n);
	} else {
		script = v[V_SCRIPT] != NULL ? v[V_SCRIPT] : "";
		info = v[V_INFO] != NULL ? v[V_INFO] : "";
		n = strlen(script) + strlen(info) + 1;
		p = mem_arena_alloc(&req->arena, n);
		snprintf(p, n, "%s%s", script, info);
		req->url = p;
	}
	req->query = mem_arena_dup(&req->arena, query != NULL ? query : "");
}

void
cgi_read_head(char *const *envp, const char *v[V__MAX], struct http_req *req)
{
	pick(envp, v);
	http_req_init(req, v[V_METHOD] != NULL ? v[V_METHOD] : "GET", "");
	set_target(v, req);
	for (; *envp != NULL; envp++)
		if (str_starts(*envp, "HTTP_"))
			add_http_var(req, *envp + 5);
	if (v[V_TYPE] != NULL)
		add_header(req, "content-type", v[V_TYPE]);
	/* where the server keeps it back */
	if (v[V_AUTH] == NULL)
		v[V_AUTH] = v[V_AUTH_AGAIN];
	if (v[V_AUTH] != NULL && http_req_get(req, "authorization") == NULL)
		add_header(req, "authorization", v[V_AUTH]);
	req->remote_addr = mem_arena_dup(&req->arena, v[V_ADDR]);
	req->conf_path = mem_arena_dup(
	    &req->arena, v[V_CONF] != NULL ? v[V_CONF] : v[V_CONF_AGAIN]);
	req->doc_root = mem_arena_dup(&req->arena, v[V_ROOT]);
}

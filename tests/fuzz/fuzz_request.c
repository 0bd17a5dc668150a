/*
 * A FastCGI request as a web server hands it on: "NAME=value" lines, an empty
 * line, the body; through the webhook's own route table.  Store and spool are
 * stand-ins that only check what they are given.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "extern/fcgi.h"
#include "endpoint/endpoint.h"
#include "endpoint/receive.h"
#include "base/log.h"
#include "bridge/spool.h"
#include "store/store.h"

#define VARS_MAX 64

static size_t durable;

enum rc
store_deliveries(struct db *db, struct delivery *const *v, size_t n)
{
	(void)db;
	for (size_t i = 0; i < n; i++) {
		MUST(v[i]->account != NULL && v[i]->verdict == VERDICT_ACCEPTED);
		fuzz_check_json(v[i]->headers);
		fuzz_check_items(&v[i]->items);
		v[i]->rc = RC_OK;
		v[i]->n_items = v[i]->items.n + v[i]->items.ignored;
		durable++;
	}
	return RC_OK;
}

enum rc
store_schema_check(struct db *db)
{
	(void)db;
	return RC_OK;
}

enum rc
store_refused(struct db *db, struct delivery *d, unsigned int cap)
{
	(void)db;
	(void)cap;
	MUST(d->verdict == VERDICT_REJECTED && d->reason != NULL && d->items.n == 0);
	fuzz_check_json(d->headers);
	return RC_OK;
}

enum rc
store_refused_count(struct db *db, const char *channel, const char *account, const char *reason,
    unsigned int n)
{
	(void)db;
	MUST(channel != NULL && account != NULL && reason != NULL && n > 0);
	return RC_OK;
}

enum rc
store_later(struct db *db, int64_t at_us, bool *out)
{
	(void)db;
	(void)at_us;
	*out = false;
	return RC_OK;
}

static const struct endpoint_route routes[] = {
	{ "GET", "webhook", ROUTE_TAIL, 0, endpoint_receive_handshake },
	{ "POST", "webhook", ROUTE_TAIL | ROUTE_ANY_BODY, 0, endpoint_receive },
	{ "POST", "send", 0, AUTH_SEND, endpoint_receive },
};

static struct ctx *
setup(void)
{
	static const char text[] = "INSTAGRAM_WEBHOOK_SECRET=made-up-secret-one\n"
	    "INSTAGRAM_ACCESS_TOKEN=1000001.madeuptoken\nWHATSAPP_ID_INSTANCE=1101000001\n"
	    "WHATSAPP_API_TOKEN_INSTANCE=madeuptoken\nWHATSAPP_WEBHOOK_TOKEN=made-up-webhook-token\n"
	    "DATABASE_URL=host=/nonexistent\nDMBOX_LOG_FILE=/dev/null\nDMBOX_TRUSTED_PROXIES=127.0.0.1\n"
	    "JWT_SECRET=made-up-jwt-secret-of-fuzzing-0123456789abcdef\nDMBOX_SPOOL_DIR=/nonexistent/x\n";
	static char path[256];
	int fd;

	fuzz_path("request", path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	MUST(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
	close(fd);
	setenv("DMBOX_CONFIG", path, 1);
	return ctx_new("fuzz", CONF_WEB, CTX_DB_WEB, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct ctx *ctx;
	struct food f = { (const char *)p, n };
	struct mem_arena a = { 0 };
	char *envp[VARS_MAX + 1];
	const struct endpoint_table table = { routes, sizeof routes / sizeof *routes, NULL };
	struct http_call call = { .held = NULL };
	struct http_req *req = &call.req;
	const struct http_res *res = &call.res;
	size_t vars = 0, before = durable;
	char *line, *body;

	if (ctx == NULL)
		ctx = setup();
	while (f.n > 0 && *(line = food_line(&f, &a)) != '\0')
		if (vars < VARS_MAX && !str_starts(line, "DMBOX_CONFIG=") && strchr(line, '=') != NULL)
			envp[vars++] = line;
	envp[vars] = NULL;
	fcgi_request(envp, req);
	body = food_rest(&f);
	req->body = body;
	req->body_n = f.n;
	http_res_init(&call.res);
	(void)endpoint_dispatch(ctx, 0, &table, &call);
	MUST(res->status >= 200 && res->status < 600 && res->status != 500);
	for (size_t i = 0; i < res->n_hdrs; i++)
		MUST(strpbrk(res->hdrs[i].value, "\r\n") == NULL && strpbrk(res->hdrs[i].name, "\r\n:") == NULL);
	if (durable > before)	/* nobody without the secret */
		MUST(fuzz_knows(p, n, "made-up-"));
	if (res->body_n > 0 && str_starts(http_res_get(res, "Content-Type"), "application/json"))
		fuzz_check_json(res->body);
	http_res_free(&call.res);
	http_req_free(req);
	mem_arena_free(&a);
	free(body);
	return 0;
}

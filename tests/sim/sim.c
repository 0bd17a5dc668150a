/*
 * The simulator's core: accept loop, request log, faults, control API and the
 * thread that posts webhooks.  It speaks FastCGI directly rather than through
 * lib/extern/fcgi.c because faults need what a decent program never does: answers cut
 * in the middle, bodies without end.  One lock guards everything but the
 * network, so that the providers can be written as if there were one thread.
 */
#include <errno.h>
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/http.h"
#include "extern/httpc.h"
#include "extern/sign.h"
#include "sim.h"
#include "base/str.h"

#define THREADS		24
#define BODY_MAX	(101UL << 20)	/* the largest document of the Cloud API, and its form */
#define LOG_BODY_MAX	(4UL << 20)	/* of a longer body the log has nothing */
#define ANSWER_MAX	(16UL << 20)
#define LOG_KEPT	20000
#define ENDLESS_MAX	(256UL << 20)	/* even an endless body ends: a test may hang */

enum fault_kind { F_STATUS, F_SLOW, F_CUT, F_DROP, F_WRONG, F_ENDLESS, F_HTML, F_EMPTY,
	F_ANSWER, F_WEBHOOK, F__MAX };
/* Built with the sanitizers: state that lives as long as the process is no leak. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

static const char *const fault_names[F__MAX] = { "", "slow", "cut", "drop_after_accept",
	"wrong_json", "endless", "html", "empty", "answer", "drop_webhook" };

struct fault {
	struct fault *next;
	enum fault_kind kind;
	char *path, *contains, *body;
	int status;
	int64_t left;		/* -1: until reset */
	int64_t every, seen;
	int64_t ms, retry_after;
};

struct entry {			/* a line of the request log */
	char *json;		/* without status and closing brace */
	int status;
};

struct hook {			/* a webhook to post, or posted */
	struct hook *next;
	char *url, *header, *value, *body;
	size_t n;
	int64_t due_ms;
	int status;
	bool dropped, done;
};

struct opt { struct opt *next; char *name, *value; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hooks_cond = PTHREAD_COND_INITIALIZER;
static struct fault *faults;
static struct opt *opts;
static struct entry *entries;
static size_t n_entries, cap_entries;
static struct hook *hooks, **hooks_end = &hooks;
static unsigned long requests;
static uint64_t last_id;

/* --- for the providers ----------------------------------------------------- */

const char *
sim_header(const struct sim_req *r, const char *name)
{
	char key[128] = "HTTP_";
	size_t i;

	if (str_ieq(name, "content-type"))
		return FCGX_GetParam("CONTENT_TYPE", r->env);
	for (i = 0; name[i] != '\0' && i + 6 < sizeof(key); i++)
		key[5 + i] = name[i] == '-' ? '_' :
		    name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i];
	key[5 + i] = '\0';
	return FCGX_GetParam(key, r->env);
}

const char *
sim_query(const struct sim_req *r, const char *name)
{
	return http_query_get(r->a, r->query, name);
}

const char *
sim_form(const struct sim_req *r, const char *name)
{
	return http_query_get(r->a, r->body, name);
}

const char *
sim_json(const struct sim_req *r, const char *path)
{
	return r->json == NULL ? NULL : json_text(r->a, json_get(r->json, path));
}

const char *
sim_opt(const char *name)
{
	char env[80];

	for (struct opt *o = opts; o != NULL; o = o->next)
		if (str_eq(o->name, name))
			return o->value;
	snprintf(env, sizeof(env), "SIM_%s", name);
	const char *v = getenv(env);
	return str_empty(v) ? NULL : v;
}

void
sim_opt_set(const char *name, const char *value)
{
	struct opt *o = mem_alloc(sizeof(*o));

	o->name = mem_dup(name);
	o->value = mem_dup(value);
	o->next = opts;
	opts = o;	/* newest first: it wins */
}

bool
sim_opt_has(const char *name, const char *v)
{
	const char *list = sim_opt(name);
	struct strv parts = {0};
	bool found = list == NULL;

	if (v == NULL || *v == '\0')
		return false;
	if (list != NULL)
		strv_split(&parts, list, ',');
	for (size_t i = 0; i < parts.n && !found; i++)
		found = str_eq(parts.v[i], v);
	strv_free(&parts);
	return found;
}

void
sim_status(struct sim_res *res, int status)
{
	res->status = status;
}

void
sim_answer(struct sim_res *res, int status, const char *fmt, ...)
{
	va_list ap;

	res->status = status;
	res->type = "application/json";
	buf_reset(&res->body);
	va_start(ap, fmt);
	buf_vprintf(&res->body, fmt, ap);
	va_end(ap);
}

void
sim_html(struct sim_res *res, int status, const char *text)
{
	res->status = status;
	res->type = "text/html; charset=utf-8";
	buf_reset(&res->body);
	buf_printf(&res->body, "<!DOCTYPE html><html><head><title>%s</title></head>"
	    "<body><h1>%s</h1></body></html>\n", text, text);
}

void
sim_add_header(struct sim_res *res, const char *name, const char *value)
{
	buf_printf(&res->headers, "%s: %s\r\n", name, value);
}

uint64_t
sim_id(void)
{
	uint64_t now = (uint64_t)clock_now_us();

	last_id = now > last_id ? now : last_id + 1;
	return last_id;
}

void
sim_wait(unsigned int ms)
{
	pthread_mutex_unlock(&lock);
	clock_sleep_ms(ms);
	pthread_mutex_lock(&lock);
}

/* --- faults ---------------------------------------------------------------- */

static void
fault_free(struct fault *f)
{
	free(f->path);
	free(f->contains);
	free(f->body);
	free(f);
}

static bool
fault_matches(const struct fault *f, const char *path, const char *body)
{
	size_t n = strlen(f->path);

	if (n > 0 && f->path[n - 1] == '*')
		n--;
	return strncmp(f->path, path, n) == 0 && (f->contains == NULL ||
	    strstr(path, f->contains) != NULL || strstr(body, f->contains) != NULL);
}

/* The fault that this request meets, copied to out, whose body the caller frees; counts it down. */
static bool
fault_take(const char *path, const char *body, bool webhook, struct fault *out)
{
	for (struct fault **p = &faults; *p != NULL; p = &(*p)->next) {
		struct fault *f = *p;
		if ((f->kind == F_WEBHOOK) != webhook || !fault_matches(f, path, body))
			continue;
		if (f->every > 1 && ++f->seen % f->every != 0)
			continue;
		*out = *f;
		out->path = out->contains = NULL;
		out->body = mem_dup(f->body);
		if (f->left > 0 && --f->left == 0) {
			*p = f->next;
			fault_free(f);
		}
		return true;
	}
	return false;
}

static int64_t
opt_i64(const struct json *j, const char *key, int64_t def)
{
	int64_t v;

	return json_i64(json_get(j, key), &v) == RC_OK ? v : def;
}

/* "none": takes the faults of this path away. */
static void
faults_of(const char *path)
{
	for (struct fault **p = &faults; *p != NULL;) {
		struct fault *f = *p;

		if (!str_eq(f->path, path)) {
			p = &f->next;
			continue;
		}
		*p = f->next;
		fault_free(f);
	}
}

static void
control_fault(const struct sim_req *r, struct sim_res *res)
{
	const char *kind = sim_json(r, "fault"), *path = sim_json(r, "path");
	struct fault *f;
	int64_t status = 0;

	if (kind == NULL || path == NULL) {
		sim_answer(res, 400, "{\"error\":\"path and fault are needed\"}");
		return;
	}
	if (str_eq(kind, "none")) {
		faults_of(path);
		sim_answer(res, 200, "{\"success\":true}");
		return;
	}
	f = mem_alloc(sizeof(*f));
	for (f->kind = F_SLOW; f->kind < F__MAX && !str_eq(kind, fault_names[f->kind]); f->kind++)
		;
	if (f->kind == F__MAX) {
		f->kind = F_STATUS;
		if (str_i64(kind, &status) != RC_OK || status < 200 || status > 599) {
			free(f);
			sim_answer(res, 400, "{\"error\":\"no such fault\"}");
			return;
		}
	}
	f->status = (int)status;
	f->path = mem_dup(path);
	f->contains = mem_dup(sim_json(r, "contains"));
	f->body = mem_dup(sim_json(r, "body"));
	if (f->kind == F_ANSWER)
		f->status = (int)opt_i64(r->json, "status", 400);
	f->left = opt_i64(r->json, "times", 0);
	if (f->left <= 0)
		f->left = -1;
	f->every = opt_i64(r->json, "every", 1);
	f->ms = opt_i64(r->json, "ms", 15000);
	f->retry_after = opt_i64(r->json, "retry_after", -1);
	struct fault **end = &faults;
	while (*end != NULL)
		end = &(*end)->next;
	*end = f;
	sim_answer(res, 200, "{\"success\":true}");
}

/* --- webhooks -------------------------------------------------------------- */

void
sim_webhook(const char *url, unsigned int delay_ms, const char *header,
    const char *value, const char *body, size_t n)
{
	struct hook *h = mem_alloc(sizeof(*h));
	struct fault f;
	const char *path = strstr(url, "://");

	path = path == NULL ? NULL : strchr(path + 3, '/');
	h->url = mem_dup(url);
	h->header = mem_dup(header);
	h->value = mem_dup(value);
	h->body = mem_ndup(body, n);
	h->n = n;
	h->due_ms = clock_mono_ms() + delay_ms;
	f.body = NULL;
	h->dropped = h->done = fault_take(path == NULL ? "/" : path, h->body, true, &f) ||
	    !http_url_allowed(url);
	free(f.body);
	*hooks_end = h;
	hooks_end = &h->next;
	pthread_cond_signal(&hooks_cond);
}

void
sim_webhook_signed(const char *url, unsigned int delay_ms, const char *secret,
    const char *body, size_t n)
{
	unsigned char mac[SIGN_SHA256];
	char value[8 + 2 * SIGN_SHA256] = "sha256=";

	sign_hmac_sha256(secret, strlen(secret), body, n, mac);
	str_hex(mac, sizeof(mac), value + 7);
	sim_webhook(url, delay_ms, "X-Hub-Signature-256", value, body, n);
}

static int
hook_post(struct httpc *c, const struct hook *h)
{
	struct http_req req;
	struct http_res res;
	int status = 0;

	http_req_init(&req, "POST", h->url);
	http_req_body(&req, "application/json", h->body, h->n);
	if (h->header == NULL || http_req_header(&req, h->header, h->value) == RC_OK) {
		httpc_once(c, &req, &res);
		status = res.status;
		http_res_free(&res);
	}
	http_req_free(&req);
	return status;
}

/* Hooks are freed only by reset, which waits for the one under way. */
static bool hook_busy;

static void *
hook_thread(void *arg)
{
	struct httpc *c = httpc_new(NULL);

	(void)arg;
	pthread_mutex_lock(&lock);
	for (;;) {
		struct hook *h = hooks;
		while (h != NULL && h->done)
			h = h->next;
		if (h == NULL) {
			pthread_cond_wait(&hooks_cond, &lock);
			continue;
		}
		int64_t wait = h->due_ms - clock_mono_ms();
		hook_busy = wait <= 0;
		pthread_mutex_unlock(&lock);
		int status = 0;
		if (wait > 0)
			clock_sleep_ms(wait < 20 ? wait : 20);
		else
			status = hook_post(c, h);
		pthread_mutex_lock(&lock);
		if (wait <= 0) {
			h->status = status;
			h->done = true;
		}
		hook_busy = false;
	}
	return NULL;
}

static void
control_webhooks(struct sim_res *res)
{
	const char *sep = "";

	res->type = "application/json";
	buf_puts(&res->body, "[");
	for (struct hook *h = hooks; h != NULL; h = h->next, sep = ",") {
		buf_printf(&res->body, "%s{\"url\":", sep);
		json_put_str(&res->body, h->url);
		buf_printf(&res->body, ",\"status\":%d,\"dropped\":%s,\"done\":%s,\"body\":",
		    h->status, h->dropped ? "true" : "false", h->done ? "true" : "false");
		json_put_strn(&res->body, h->body, h->n);
		buf_puts(&res->body, "}");
	}
	buf_puts(&res->body, "]");
}

/* --- files by their address ------------------------------------------------- */

/* What was fetched, as lines of JSON with a comma before each. */
static struct buf fetches;

bool
sim_fetch(const char *url)
{
	struct sim_file f;

	return sim_fetch_file(url, &f);
}

bool
sim_fetch_file(const char *url, struct sim_file *f)
{
	struct httpc *c;
	struct http_req req;
	struct http_res res;
	char sum[65];
	const char *type;
	bool ok;

	memset(f, 0, sizeof *f);
	if (url == NULL || !str_starts(url, "http://127.0.0.1:") ||
	    (strstr(url, "/instagram/file/") == NULL && strstr(url, "/whatsapp/file/") == NULL))
		return true;	/* nobody's that could be asked */
	pthread_mutex_unlock(&lock);
	c = httpc_new(NULL);
	http_req_init(&req, "GET", url);
	req.max_answer = 32u << 20;
	httpc_once(c, &req, &res);
	pthread_mutex_lock(&lock);
	ok = res.status == 200;
	type = http_res_get(&res, "Content-Type");
	snprintf(f->mime, sizeof f->mime, "%s", type != NULL ? type : "");
	f->bytes = res.body_n;
	sign_sha256_hex(res.body != NULL ? res.body : "", res.body_n, sum);
	if (fetches.n == 0)
		buf_init(&fetches, 16u << 20);
	buf_puts(&fetches, ",{\"url\":");
	json_put_str(&fetches, url);
	buf_printf(&fetches, ",\"status\":%d,\"bytes\":%zu,\"sha256\":\"%s\",\"type\":", res.status, res.body_n, sum);
	json_put_str(&fetches, type);
	buf_putc(&fetches, '}');
	http_res_free(&res);
	http_req_free(&req);
	httpc_free(c);
	return ok;
}

/* --- log and the rest of the control API ------------------------------------ */

/* HTTP_X_API_KEY -> "x-api-key" */
static void
log_header_name(struct buf *b, const char *key, size_t n)
{
	buf_putc(b, '"');
	for (size_t i = 0; i < n; i++)
		buf_putc(b, key[i] == '_' ? '-' : key[i] >= 'A' && key[i] <= 'Z' ?
		    (char)(key[i] - 'A' + 'a') : key[i]);
	buf_puts(b, "\":");
}

static size_t
log_add(const struct sim_req *r)
{
	struct buf b;
	char at[CLOCK_ISO_MAX];
	const char *sep = "";

	if (n_entries == LOG_KEPT)
		return LOG_KEPT;
	buf_init(&b, LOG_BODY_MAX * 6 + 65536);
	clock_iso(clock_now_us(), at);
	buf_printf(&b, "{\"n\":%lu,\"at\":\"%s\",\"method\":", r->n, at);
	json_put_str(&b, r->method);
	buf_puts(&b, ",\"path\":");
	json_put_str(&b, r->full_path);
	buf_puts(&b, ",\"query\":");
	json_put_str(&b, r->query);
	buf_puts(&b, ",\"headers\":{");
	for (char **e = r->env; *e != NULL; e++) {
		const char *eq = strchr(*e, '=');
		bool ct = str_starts(*e, "CONTENT_TYPE=");
		if (eq == NULL || (!str_starts(*e, "HTTP_") && !ct))
			continue;
		buf_puts(&b, sep);
		sep = ",";
		log_header_name(&b, *e + (ct ? 0 : 5), (size_t)(eq - *e) - (ct ? 0 : 5));
		json_put_str(&b, eq + 1);
	}
	buf_puts(&b, "},\"body\":");
	json_put_strn(&b, r->body, r->body_n <= LOG_BODY_MAX ? r->body_n : 0);
	if (n_entries == cap_entries) {
		cap_entries = cap_entries == 0 ? 64 : cap_entries * 2;
		entries = mem_realloc(entries, cap_entries, sizeof(*entries));
	}
	entries[n_entries].json = buf_take(&b);
	entries[n_entries].status = 0;
	buf_free(&b);
	return n_entries++;
}

static void
control_log(struct sim_res *res)
{
	res->type = "application/json";
	buf_puts(&res->body, "[");
	for (size_t i = 0; i < n_entries; i++)
		buf_printf(&res->body, "%s%s,\"status\":%d}", i > 0 ? ",\n" : "",
		    entries[i].json, entries[i].status);
	buf_puts(&res->body, "]\n");
}

static const struct sim_provider *
provider_at(size_t i)
{
	const struct sim_provider *all[] = { &sim_chatrace, &sim_graph, &sim_greenapi, &sim_cloud };

	return i < sizeof(all) / sizeof(*all) ? all[i] : NULL;
}
#define PROVIDERS 4

static void
control_reset(struct sim_res *res)
{
	while (hook_busy) {
		pthread_mutex_unlock(&lock);
		clock_sleep_ms(5);
		pthread_mutex_lock(&lock);
	}
	for (struct fault *f = faults, *next; f != NULL; f = next) {
		next = f->next;
		fault_free(f);
	}
	faults = NULL;
	for (size_t i = 0; i < n_entries; i++)
		free(entries[i].json);
	n_entries = 0;
	for (struct hook *h = hooks, *next; h != NULL; h = next) {
		next = h->next;
		free(h->url);
		free(h->header);
		free(h->value);
		free(h->body);
		free(h);
	}
	hooks = NULL;
	hooks_end = &hooks;
	for (size_t i = 0; i < PROVIDERS; i++)
		if (provider_at(i) != NULL && provider_at(i)->reset != NULL)
			provider_at(i)->reset();
	sim_answer(res, 200, "{\"success\":true}");
}

static void
control_config(const struct sim_req *r, struct sim_res *res)
{
	const char *key;
	const struct json *v;

	for (struct json_iter i = { NULL }; r->json != NULL && json_each(r->json, &i, &key, &v);)
		sim_opt_set(key, json_text(r->a, v));
	sim_answer(res, 200, "{\"success\":true}");
}

static void
control(struct sim_req *r, struct sim_res *res)
{
	const char *verb = r->path;

	if (str_eq(verb, "/fault"))
		control_fault(r, res);
	else if (str_eq(verb, "/log"))
		control_log(res);
	else if (str_eq(verb, "/fetches"))
		sim_answer(res, 200, "[%s]", fetches.n > 0 ? fetches.p + 1 : "");
	else if (str_eq(verb, "/webhooks"))
		control_webhooks(res);
	else if (str_eq(verb, "/reset"))
		control_reset(res);
	else if (str_eq(verb, "/config"))
		control_config(r, res);
	else {
		for (size_t i = 0; i < PROVIDERS; i++) {
			const struct sim_provider *p = provider_at(i);
			size_t n = p == NULL ? 0 : strlen(p->name);
			if (p == NULL || p->control == NULL ||
			    strncmp(verb + 1, p->name, n) != 0 || verb[n + 1] != '/')
				continue;
			r->path = verb + n + 1;
			p->control(r, res);
			return;
		}
		sim_answer(res, 404, "{\"error\":\"no such control\"}");
	}
}

/* --- one request ------------------------------------------------------------ */

static void
provider_handle(struct sim_req *r, struct sim_res *res)
{
	for (size_t i = 0; i < PROVIDERS; i++) {
		const struct sim_provider *p = provider_at(i);
		size_t n = p == NULL ? 0 : strlen(p->name);
		if (p == NULL || strncmp(r->full_path + 1, p->name, n) != 0 ||
		    r->full_path[n + 1] != '/')
			continue;
		r->path = r->full_path + n + 1;
		p->handle(r, res);
		return;
	}
	sim_html(res, 404, "Not Found");
}

static void
fault_answer(const struct fault *f, struct sim_res *res)
{
	char s[32];

	switch (f->kind) {
	case F_STATUS:
		sim_answer(res, f->status, "{\"error\":{\"code\":%d,\"message\":\"simulated\"}}",
		    f->status);
		if (f->retry_after >= 0) {
			snprintf(s, sizeof(s), "%lld", (long long)f->retry_after);
			sim_add_header(res, "Retry-After", s);
		}
		break;
	case F_WRONG:
		sim_answer(res, 200, "{\"success\":tru");
		break;
	case F_HTML:
		sim_html(res, 200, "Welcome");
		break;
	case F_ANSWER:
		sim_answer(res, f->status, "%s", f->body != NULL ? f->body : "");
		break;
	default:
		sim_answer(res, 200, "%s", "");
		break;
	}
}

static void
put(FCGX_Stream *out, const char *p, size_t n)
{
	while (n > 0) {
		int part = n > 65536 ? 65536 : (int)n;
		if (FCGX_PutStr(p, part, out) < 0)
			return;
		p += part;
		n -= (size_t)part;
	}
}

/* An answer that promises more than it gives, and no end of the request: the web
 * server breaks the line at once.  (Ended properly, it would wait for the rest.) */
static void
write_cut(FCGX_Request *q)
{
	FCGX_PutS("Status: 200\r\nContent-Type: application/json\r\n"
	    "Content-Length: 4096\r\n\r\n{\"succ", q->out);
	FCGX_FFlush(q->out);
	shutdown(q->ipcFd, SHUT_RDWR);
}

static void
write_endless(FCGX_Stream *out)
{
	static const char junk[] = "{\"data\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"},";

	FCGX_PutS("Status: 200\r\nContent-Type: application/json\r\n\r\n[", out);
	for (size_t n = 0; n < ENDLESS_MAX; n += sizeof(junk) - 1)
		if (FCGX_PutStr(junk, sizeof(junk) - 1, out) < 0)
			return;
}

/* The provider's clock; SIM_DATE_AHEAD_S: so many seconds before ours. */
static void
write_date(FCGX_Stream *out)
{
	const char *ahead = sim_opt("DATE_AHEAD_S");
	time_t at = time(NULL) + (ahead != NULL ? (time_t)strtol(ahead, NULL, 10) : 0);
	struct tm tm;
	char s[64];

	if (ahead != NULL && gmtime_r(&at, &tm) != NULL &&
	    strftime(s, sizeof(s), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
		FCGX_FPrintF(out, "Date: %s\r\n", s);	/* else the web server writes it */
}

static void
write_answer(FCGX_Stream *out, const struct sim_res *res)
{
	FCGX_FPrintF(out, "Status: %d\r\nContent-Type: %s\r\n", res->status, res->type);
	write_date(out);
	put(out, res->headers.p, res->headers.n);
	FCGX_FPrintF(out, "Content-Length: %lu\r\n\r\n", (unsigned long)res->body.n);
	put(out, res->body.p, res->body.n);
}

static void
read_body(FCGX_Request *q, struct sim_req *r, struct buf *b)
{
	char part[16384];
	int n;

	while ((n = FCGX_GetStr(part, sizeof(part), q->in)) > 0)
		buf_put(b, part, (size_t)n);
	r->body = b->p;
	r->body_n = b->n;
}

static const char *
param(FCGX_Request *q, const char *name)
{
	const char *v = FCGX_GetParam(name, q->envp);

	return v == NULL ? "" : v;
}

static void
serve(FCGX_Request *q)
{
	struct mem_arena a = {0};
	struct sim_req r = { .method = param(q, "REQUEST_METHOD"), .env = q->envp, .a = &a,
	    .query = param(q, "QUERY_STRING") };
	struct sim_res res = { .status = 200, .type = "application/json" };
	struct fault f = { .kind = F__MAX };
	struct buf body;
	struct json *json = NULL;
	bool faulty = false;

	buf_init(&body, BODY_MAX);
	buf_init(&res.headers, 65536);
	buf_init(&res.body, ANSWER_MAX * 8);
	read_body(q, &r, &body);
	/* REQUEST_URI is the undecoded path: ids hold no escapes worth decoding */
	const char *uri = param(q, "REQUEST_URI");
	r.full_path = r.path = mem_arena_ndup(&a, uri, strcspn(uri, "?"));
	if (body.n > 0 && json_parse(body.p, body.n, &json, NULL) == RC_OK)
		r.json = json;

	pthread_mutex_lock(&lock);
	if (str_starts(r.full_path, "/_sim/")) {
		r.path = r.full_path + 5;
		control(&r, &res);
	} else {
		r.n = ++requests;
		size_t at = log_add(&r);
		faulty = fault_take(r.full_path, r.body, false, &f);
		if (!faulty || f.kind == F_SLOW || f.kind == F_DROP)
			provider_handle(&r, &res);
		else
			fault_answer(&f, &res);
		if (at < n_entries)
			entries[at].status = res.status;
		free(f.body);
	}
	pthread_mutex_unlock(&lock);

	if (faulty && f.kind == F_SLOW)
		clock_sleep_ms(f.ms);
	if (faulty && (f.kind == F_CUT || f.kind == F_DROP))
		write_cut(q);
	else if (faulty && f.kind == F_ENDLESS)
		write_endless(q->out);
	else
		write_answer(q->out, &res);
	json_free(json);
	buf_free(&res.headers);
	buf_free(&res.body);
	buf_free(&body);
	mem_arena_free(&a);
}

static void *
work(void *arg)
{
	FCGX_Request q;

	(void)arg;
	if (FCGX_InitRequest(&q, 0, 0) != 0)
		return NULL;
	for (;;) {
		if (FCGX_Accept_r(&q) < 0) {
			clock_sleep_ms(50);
			continue;
		}
		serve(&q);
		FCGX_Finish_r(&q);
	}
	return NULL;
}

int
main(void)
{
	pthread_t t;
	int err;

	signal(SIGPIPE, SIG_IGN);
	if (FCGX_Init() != 0 || FCGX_IsCGI()) {
		fprintf(stderr, "provider-sim: to be started as a FastCGI program\n");
		return 1;
	}
	signal(SIGTERM, SIG_DFL); /* libfcgi's: accept fails from then on, and nothing ends */
	if ((err = pthread_create(&t, NULL, hook_thread, NULL)) != 0) {
		fprintf(stderr, "provider-sim: %s\n", strerror(err));
		return 1;
	}
	for (int i = 1; i < THREADS; i++)
		if (pthread_create(&t, NULL, work, NULL) != 0)
			break;
	work(NULL);
	return 0;
}

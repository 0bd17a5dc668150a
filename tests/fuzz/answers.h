/*
 * What a provider answers to our requests: an operation byte, a byte of
 * details, then answers divided by "%%" lines, each a status line, header lines,
 * an empty line and the body, as in tests/data.
 */
#include "fuzz.h"
#include "base/clock.h"
#include "extern/jsonw.h"

enum { OP_POLL, OP_SEND, OP_LOOKUP, OP_FETCH, OP_PROFILE, OP_REFRESH, OP_PROBE, OP_MEDIA,
	OP_TEMPLATES, OP_UPLOAD, OP__MAX };

#define REQUESTS_MAX 40
#define PROBES 16		/* more than any provider has */

/* The next answer; false when the food is eaten. */
static bool
next_answer(struct food *f, struct http_res *res)
{
	struct mem_arena a = { 0 };
	const char *line, *end, *sep = NULL;
	int64_t status;
	size_t n;

	http_res_init(res);
	if (f->n == 0)
		return false;
	line = food_line(f, &a);
	if (str_i64(line, &status) == RC_OK && status > 0 && status < 1000)
		res->status = (int)status;
	else
		for (int i = 1; i < HTTP_FAIL__MAX; i++)
			if (str_starts(line, http_fail_names[i])) {
				res->fail = (enum http_fail)i;
				res->sent = strstr(line, " sent") != NULL;
			}
	if (res->status == 0 && res->fail == HTTP_FAIL_NONE)
		res->status = 200;
	while (f->n > 0 && *(line = food_line(f, &a)) != '\0') {
		const char *colon = strchr(line, ':');

		if (colon != NULL)
			http_res_header(res, line, (size_t)(colon - line), colon + 1, strlen(colon + 1));
	}
	for (size_t i = 0; sep == NULL && i + 4 <= f->n; i++)
		if (memcmp(f->p + i, "\n%%\n", 4) == 0)
			sep = f->p + i;
	end = sep != NULL ? sep : f->p + f->n;
	n = (size_t)(end - f->p);
	res->body = mem_arena_ndup(&res->arena, f->n > 0 ? f->p : "", n);
	res->body_n = n;
	f->n -= sep != NULL ? n + 4 : n;
	f->p += sep != NULL ? n + 4 : n;
	mem_arena_free(&a);
	return true;
}

static void
check_request(const struct http_req *r)
{
	MUST(r->method != NULL && r->url != NULL);
	/* whatever an answer says, the token goes nowhere else */
	MUST(str_starts(r->url, "https://api.example.org"));
	for (const char *p = r->url; *p != '\0'; p++)
		MUST((unsigned char)*p > ' ' && *p != 0x7f);
}

static void
poll(const struct provider *pv, const struct account *a, struct food *f, unsigned char how)
{
	struct poll_state st = { .memory = "{}", .now_us = 1731499200000000, .probe = how & 1,
		.deadline_ms = clock_mono_ms() + 60000, .long_poll_s = how & 2 ? 5 : 0 };
	char *memory = NULL;

	if (how & 4) {	/* what was remembered comes from the database */
		memory = food_line(f, &st.arena);
		st.memory = memory;
	}
	for (int i = 0; i < REQUESTS_MAX; i++) {
		struct http_req req = { 0 };
		struct http_res res;
		struct itemv v;
		enum rc rc = pv->poll_build(a, &st, &req);

		if (rc != RC_OK) {
			http_req_free(&req);
			break;
		}
		check_request(&req);
		http_req_free(&req);
		itemv_init(&v);
		if (!next_answer(f, &res))
			res.fail = HTTP_FAIL_TIMEOUT;
		rc = pv->poll_read(a, &res, &st, &v);
		MUST(rc < RC__MAX && rc != RC_BUG);
		fuzz_check_items(&v);
		st.stored = v.n > 0;
		itemv_free(&v);
		http_res_free(&res);
	}
	fuzz_check_json(st.new_memory);
	MUST(st.outcome < POLL__MAX);
	mem_arena_free(&st.arena);
}

static void
outgoing(const struct provider *pv, const struct account *a, struct food *f, int op,
    unsigned char how)
{
	static const char *const actions[] = { NULL, NULL, "mark_seen", "typing_on", "react", "unreact" };
	static const struct att att = { .type = "image", .url = "https://files.example.org/a.jpg" };
	const char *to = a->channel == CHANNEL_WHATSAPP ? pv->sender : "2000001";
	struct outmsg m = { .recipient = to, .thread_id = strchr(to, '@') != NULL ? to : "",
		.body = how & 1 ? NULL : "Hello", .action = actions[how / 4 % 6], .reaction = "love",
		.reply_to = how & 2 ? "m1" : NULL, .atts = &att, .n_atts = how & 1 ? 1 : 0 };
	struct send_result r;
	struct http_req req = { 0 };
	struct http_res res;
	struct strv ids = { 0 };
	enum rc rc = op == OP_SEND ? pv->send_build(a, &m, &req) : pv->lookup_build(a, &m, &req);

	if (rc == RC_OK) {
		check_request(&req);
		next_answer(f, &res);
		memset(&r, 0, sizeof r);
		if (op == OP_SEND) {
			rc = pv->send_read(a, &m, &res, &r);
			MUST(rc != RC_OK || r.outcome < SEND__MAX);
			fuzz_check_text(r.message_id);
		} else {
			rc = pv->lookup_read(a, &m, 1731499200000000, &res, &ids);
			MUST((rc != RC_OK && rc != RC_DUP) || (ids.n > 0 && ids.v[0][0] != '\0'));
			strv_free(&ids);
		}
		http_res_free(&res);
	}
	http_req_free(&req);
}

static void
fetch(const struct provider *pv, const struct account *a, struct food *f)
{
	struct http_req req = { 0 };
	struct http_res res;
	struct itemv v;

	itemv_init(&v);
	next_answer(f, &res);
	if (pv->fetch_build(a, "m_1", &req) == RC_OK) {
		check_request(&req);
		if (pv->fetch_read(a, "m_1", &res, &v) == RC_OK)
			fuzz_check_items(&v);
	}
	http_req_free(&req);
	http_res_free(&res);
	itemv_free(&v);
}

static void
small(const struct provider *pv, const struct account *a, struct food *f, int op, unsigned char how)
{
	struct http_req req = { 0 };
	struct http_res res;
	struct profile who = { 0 };
	struct finding found = { 0 };
	const char *token = NULL;
	int64_t life = 0;

	next_answer(f, &res);
	if (op == OP_PROFILE && pv->profile_build(a, "2000001", &req) == RC_OK) {
		check_request(&req);
		if (pv->profile_read(a, &res, &who) == RC_OK) {
			fuzz_check_text(who.name);
			fuzz_check_text(who.username);
			fuzz_check_text(who.picture);
		}
	} else if (op == OP_REFRESH && pv->refresh_build(a, &req) == RC_OK) {
		check_request(&req);
		if (pv->refresh_read(a, &res, &token, &life) == RC_OK)
			MUST(!str_empty(token) && life > 0);
	} else if (op == OP_PROBE && pv->probe_build(a, how % PROBES, &req) == RC_OK) {
		check_request(&req);
		if (pv->probe_read(a, how % PROBES, &res, &found) == RC_OK)
			MUST(found.status < FINDING__MAX && found.code[0] != '\0');
	}
	http_req_free(&req);
	http_res_free(&res);
}

/* A file by its id: its address comes from the answer, and the token goes with the request. */
static void
media(const struct provider *pv, const struct account *a, struct food *f)
{
	struct http_req req = { 0 }, second = { 0 };
	struct http_res res;
	char why[200] = "";

	next_answer(f, &res);
	if (pv->media_build(a, "700000000000003", &req) == RC_OK) {
		check_request(&req);
		if (pv->media_read(a, &res, &second, why) == RC_OK) {
			const char *host = second.url + strlen("https://"), *end = host + strspn(host,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
			size_t n = (size_t)(end - host);

			MUST(str_starts(second.url, "https://") && *host != '.');
			if (*end == ':') {
				MUST(atoi(end + 1) == 443);
				end += 1 + strspn(end + 1, "0123456789");
			}
			MUST(strchr("/?#", *end) != NULL);
			MUST((n == 15 && strncasecmp(host, "api.example.org", 15) == 0) ||
			    (n > 10 && strncasecmp(host + n - 10, ".fbsbx.com", 10) == 0) ||
			    (n > 10 && strncasecmp(host + n - 10, ".fbcdn.net", 10) == 0));
		}
		fuzz_check_text(why);
	}
	http_req_free(&second);
	http_req_free(&req);
	http_res_free(&res);
}

/* A file that is handed over: an id, or what becomes of its message, of which nothing went out. */
static void
upload(const struct provider *pv, const struct account *a, struct food *f)
{
	static const struct att att = { .type = "image", .mime = "image/png", .bytes = 100 };
	char id[UPLOAD_ID_MAX] = "";
	struct http_req req = { 0 };
	struct http_res res;
	struct send_result r;

	next_answer(f, &res);
	if (pv->upload_build(a, &att, "/media/main/2026-11/u1.png", &req) == RC_OK) {
		check_request(&req);
		if (pv->upload_read(a, &res, id, &r) == RC_OK)
			MUST(id[0] != '\0' && strlen(id) < sizeof id);
		else
			MUST(r.outcome == SEND_RETRY || r.outcome == SEND_REFUSED ||
			    r.outcome == SEND_PAUSE);
	}
	http_req_free(&req);
	http_res_free(&res);
}

static void
templates(const struct provider *pv, const struct account *a, struct food *f)
{
	char after[CURSOR_MAX];
	struct http_req req = { 0 };
	struct http_res res;
	struct jsonw w;
	struct buf b;

	buf_init(&b, 1 << 20);
	jsonw_init(&w, &b);
	jsonw_array(&w, NULL);
	next_answer(f, &res);
	if (pv->templates_build(a, "", &req) == RC_OK) {
		check_request(&req);
		if (pv->templates_read(a, &res, &w, after) == RC_OK) {
			jsonw_end(&w);
			if (jsonw_done(&w))
				fuzz_check_json(b.p);
		}
	}
	buf_free(&b);
	http_req_free(&req);
	http_res_free(&res);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct account *a;
	const struct provider *pv = PROVIDER;
	struct food f = { (const char *)p, n };
	int op = food_byte(&f) % OP__MAX;
	unsigned char how = food_byte(&f);

	if (a == NULL) {
		clock_set(1731499300000000);
		a = fuzz_account(PROVIDER);
	}
	if (op == OP_POLL && pv->poll_build != NULL)
		poll(pv, a, &f, how);
	else if ((op == OP_SEND && pv->send_build != NULL) || (op == OP_LOOKUP && pv->lookup_build != NULL))
		outgoing(pv, a, &f, op, how);
	else if (op == OP_FETCH && pv->fetch_build != NULL)
		fetch(pv, a, &f);
	else if ((op == OP_PROFILE && pv->profile_build != NULL) ||
	    (op == OP_REFRESH && pv->refresh_build != NULL) || (op == OP_PROBE && pv->probe_build != NULL))
		small(pv, a, &f, op, how);
	else if (op == OP_MEDIA && pv->media_build != NULL)
		media(pv, a, &f);
	else if (op == OP_TEMPLATES && pv->templates_build != NULL)
		templates(pv, a, &f);
	else if (op == OP_UPLOAD && pv->upload_build != NULL)
		upload(pv, a, &f);
	return 0;
}

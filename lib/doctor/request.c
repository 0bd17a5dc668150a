/*
 * Requests to the address under test, and whether dmbox itself answered them.
 */
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "doctor/web.h"
#include "extern/json.h"

#define ANSWER_MAX (32u << 20)	/* a program handed out as a file is to be seen as one */

void
doctor_web_id(struct doctor *d, char rid[48])
{
	snprintf(rid, 48, "doctor-%s-%u", d->run, ++d->web->serial);
}

void
doctor_web_header(struct http_req *r, const char *name, const char *value)
{
	/* values are of our own making; one that cannot be sent is missed by the answer */
	if (http_req_header(r, name, value) != RC_OK)
		return;
}

void
doctor_web_begin(struct doctor *d, struct http_req *r, const char *method, const char *path,
    const char *rid, const char *agent)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b, "%s%s", d->base, path);
	http_req_init(r, method, b.p);
	buf_free(&b);
	r->max_answer = ANSWER_MAX;
	doctor_web_header(r, "X-Request-Id", rid);
	doctor_web_header(r, "User-Agent", agent);
	doctor_web_header(r, "X-Dmbox-Doctor", "1");	/* its rows are a test's */
}

void
doctor_web_request(
    struct doctor *d, struct http_req *r, char rid[48], const char *method, const char *path)
{
	doctor_web_id(d, rid);
	doctor_web_begin(d, r, method, path, rid, DOCTOR_AGENT);
}

bool
doctor_web_said_id(const struct http_res *res, char out[72])
{
	struct mem_arena a = { 0 };
	struct json *j = NULL;
	const char *s = NULL;

	if (json_parse(res->body, res->body_n, &j, NULL) == RC_OK)
		s = json_str(&a, json_member(j, "requestId"));
	snprintf(out, 72, "%s", s != NULL ? s : "");
	json_free(j);
	mem_arena_free(&a);
	return *out != '\0';
}

bool
doctor_web_health(const struct http_res *res)
{
	struct json *j = NULL;
	bool yes = json_parse(res->body, res->body_n, &j, NULL) == RC_OK &&
	    json_member(j, "version") != NULL && json_member(j, "database") != NULL &&
	    json_member(j, "spool") != NULL;

	json_free(j);
	return yes;
}

/*
 * Our id comes back.  Ingresses and load balancers number requests themselves, in what they
 * pass on or in what they answer: then the answer's own text names the id that dmbox was
 * given, which is ours or the one in the header.
 */
bool
doctor_web_ours(const struct doctor *d, const struct http_res *res, const char *rid)
{
	const char *id = http_res_get(res, "X-Request-Id");
	char said[72];

	if (str_eq(id, rid))
		return true;
	if (!d->web->other_ids || http_res_get(res, "Age") != NULL)
		return false;
	if (doctor_web_said_id(res, said))
		return str_eq(said, rid) || id == NULL || str_eq(said, id);
	return res->status == 200 && doctor_web_health(res);
}

void
doctor_web_slowest(struct doctor *d, const struct http_res *res)
{
	if (res->ms > d->web->slow_ms)
		d->web->slow_ms = res->ms;
	if (res->fail == HTTP_FAIL_NONE && res->ms < d->web->fast_ms)
		d->web->fast_ms = res->ms;
}

/* A wrong route or a broken program refuses each time. */
void
doctor_web_now_and_then(struct doctor *d, int status)
{
	d->web->now_and_then++;
	doctor_cause(d, DC_ENDPOINTS, FINDING_FAIL,
	    doctor_tr(d,
		"Only some calls get through: the host's limits for this site (processes, "
		"memory, calls at once; its panel shows them), too few FcgidMaxProcesses, a "
		"rate limit, or one of several machines behind a load balancer that is "
		"broken. The web server's error log names it at the time of this run.",
		"Проходит только часть запросов: лимиты хостинга для сайта (процессы, память, "
		"одновременные запросы; их показывает панель), слишком мало FcgidMaxProcesses, "
		"ограничение частоты или одна неисправная машина за балансировщиком. Причину "
		"называет журнал ошибок веб-сервера за время этой проверки."),
	    doctor_tr(d,
		"HTTP %d, not from dmbox, to a call that was answered when it was made once more",
		"HTTP %d, не от dmbox, на запрос, который при повторе прошёл"),
	    status);
}

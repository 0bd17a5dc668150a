/*
 * Pairs of files: what a provider's reader makes of bytes, and which requests it
 * builds, without a server.  For each folder tests/data/PROVIDER/:
 *
 *   CASE.in.json  .in.form  .in.raw   parse() of the bytes
 *   CASE.poll     a check: the answers it gets, block by block (see below)
 *   CASE.send     an outmsg as JSON, then blocks: each answer to that request
 *   CASE.upload   attachments as JSON, their names where they lie; each answer to the last
 *   CASE.probe    block k is the answer to probe step k
 *
 * and CASE.out, what is expected.  A block is an answer in the manner of HTTP:
 *   200            or: fail timeout [sent]
 *   Retry-After: 3
 *                  an empty line, then the body
 * Blocks are divided by a line "%%".  A .poll begins with a block of settings,
 * JSON: {"memory":{...},"probe":true,"long_poll_s":5,"only_ms":n}.
 *
 * The account is made of PROVIDER/account, KEY=value lines, where that file is
 * there, as in a configuration.
 *
 * DMBOX_PAIRS_WRITE=1 in the environment writes the .out files anew: review the
 * difference.  DMBOX_TEST_DATA: another folder than tests/data.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "bridge/ingest.h"
#include "extern/json.h"
#include "base/mem.h"
#include "provider/list.h"
#include "base/str.h"

#define MAX_FILE (8u << 20)

static const char *
data_dir(void)
{
	const char *d = getenv("DMBOX_TEST_DATA");

	return d != NULL ? d : "tests/data";
}

static bool
read_file(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "rb");
	char tmp[4096];
	size_t n;

	buf_init(b, MAX_FILE);
	if (f == NULL)
		return false;
	while ((n = fread(tmp, 1, sizeof tmp, f)) > 0)
		buf_put(b, tmp, n);
	fclose(f);
	return true;
}

/* --- the account ------------------------------------------------------------ */

/* The lines of a folder's file "account" are keys of the configuration. */
static struct account *
account_new(const struct provider *p, const char *dir)
{
	const char *kv[65] = { NULL };
	struct strv lines = {0};
	struct account *a;
	char path[1024];
	struct buf b;
	size_t n = 0;

	snprintf(path, sizeof path, "%s/account", dir);
	if (read_file(path, &b))
		strv_split(&lines, b.p, '\n');
	for (size_t i = 0; i < lines.n && n < 64; i++) {
		char *eq = strchr(lines.v[i], '=');

		assert_non_null(eq);
		*eq = '\0';
		kv[n++] = lines.v[i];
		kv[n++] = eq + 1;
	}
	a = conf_account_make(p, "main", kv);
	for (size_t i = 0; kv[i] != NULL; i += 2)
		if (account_value(a, kv[i]) == NULL)
			fail_msg("%s: unknown key %s", path, kv[i]);
	strv_free(&lines);
	buf_free(&b);
	return a;
}

/* --- blocks -------------------------------------------------------------------- */

struct block {
	const char *p;
	size_t n;
};

/* The next block of [*p, end); false when there is none. */
static bool
next_block(const char **p, const char *end, struct block *b)
{
	const char *q, *stop;

	if (*p == NULL || *p >= end)
		return false;
	for (q = *p; q != NULL && q < end; q = memchr(q, '\n', (size_t)(end - q)), q = q ? q + 1 : q)
		if (end - q >= 2 && memcmp(q, "%%", 2) == 0 && (end - q == 2 || q[2] == '\n'))
			break;
	stop = q == NULL || q >= end ? end : q;
	b->p = *p;
	b->n = (size_t)(stop - *p);
	if (b->n > 0 && b->p[b->n - 1] == '\n')
		b->n--;
	*p = stop == end ? end : stop + 2 < end ? stop + 3 : end;
	return true;
}

static void
set_fail(struct http_res *res, const char *line)
{
	for (int i = 1; i < HTTP_FAIL__MAX; i++) {
		size_t n = strlen(http_fail_names[i]);

		if (strncmp(line, http_fail_names[i], n) == 0 && (line[n] == '\0' || line[n] == ' ')) {
			res->fail = (enum http_fail)i;
			res->sent = strstr(line, " sent") != NULL;
			snprintf(res->note, sizeof res->note, "%.100s", line);
			return;
		}
	}
	fail_msg("unknown failure %s", line);
}

static void
read_answer(const struct block *b, struct http_res *res)
{
	const char *p = b->p, *end = b->p + b->n;
	bool first = true;

	http_res_init(res);
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl != NULL ? nl : end) - p);
		char line[2048];
		char *colon;
		int64_t status;

		assert_true(n < sizeof line);
		memcpy(line, p, n);
		line[n] = '\0';
		p = nl != NULL ? nl + 1 : end;
		if (n == 0)
			break;
		if (first && str_starts(line, "fail ")) {
			set_fail(res, line + 5);
		} else if (first) {
			assert_int_equal(str_i64(line, &status), RC_OK);
			res->status = (int)status;
		} else if ((colon = strchr(line, ':')) != NULL) {
			const char *v = colon + 1 + strspn(colon + 1, " ");

			http_res_header(res, line, (size_t)(colon - line), v, strlen(v));
		}
		first = false;
	}
	res->body = mem_arena_ndup(&res->arena, p, (size_t)(end - p));
	res->body_n = (size_t)(end - p);
}

static void
dump_request(const struct http_req *r, struct buf *out)
{
	buf_printf(out, "> %s %s%s\n", r->method, r->url, r->fresh ? " fresh" : "");
	for (size_t i = 0; i < r->n_hdrs; i++)
		buf_printf(out, "> %s: %s\n", r->hdrs[i].name, r->hdrs[i].value);
	if (r->body_n > 0)
		buf_printf(out, "> %s\n", r->body);
	for (size_t i = 0; i < r->n_parts; i++) {
		const struct http_part *p = &r->parts[i];

		if (p->value != NULL)
			buf_printf(out, "> %s=%s\n", p->name, p->value);
		else
			buf_printf(out, "> %s=@%s as %s, %s\n", p->name, p->path, p->filename, p->type);
	}
}

/* --- the kinds of cases ----------------------------------------------------------- */

static size_t keys_seen, words_seen;

/* Is a text of several words that j holds, at whatever place, in the key of an item? */
static void
no_words_in(const char *key, const struct json *j)
{
	struct mem_arena a = { 0 };
	const char *name, *s;
	const struct json *v;

	if (json_type(j) == JSON_STRING) {
		s = json_str(&a, j);
		words_seen += strchr(s, ' ') != NULL;
		if (strchr(s, ' ') != NULL && strstr(key, s) != NULL)
			fail_msg("the words \"%s\" are in the key %s", s, key);
	}
	for (struct json_iter i = { NULL }; json_type(j) == JSON_OBJECT && json_each(j, &i, &name, &v);)
		no_words_in(key, v);
	for (size_t i = 0; json_type(j) == JSON_ARRAY && i < json_len(j); i++)
		no_words_in(key, json_at(j, i));
	mem_arena_free(&a);
}

/* What is prepared again, as a reconciliation does, keeps its keys. */
static void
keys_stay(struct delivery *d)
{
	struct item *was = mem_array(d->items.n + 1, sizeof *was);

	for (size_t i = 0; i < d->items.n; i++)
		was[i] = d->items.v[i];
	ingest_prepare(d);
	for (size_t i = 0; i < d->items.n; i++) {
		const struct item *it = &d->items.v[i];

		if (!str_eq(it->event_id, was[i].event_id) ||
		    !str_eq(it->external_id, was[i].external_id) ||
		    !str_eq(it->alt_id, was[i].alt_id))
			fail_msg("%s has other keys when it is prepared again", it->kind);
	}
	free(was);
}

/* A key outlives the words that are erased: nobody's words are in any. */
static void
keys_without_words(const struct provider *pv, struct itemv *v, const struct buf *in)
{
	struct delivery d;
	struct json *j = NULL;

	if (json_parse(in->p, in->n, &j, NULL) != RC_OK)
		return;
	delivery_init(&d);
	d.account = "main";
	d.provider = pv;
	d.items = *v;
	ingest_prepare(&d);
	keys_stay(&d);
	*v = d.items;
	for (size_t i = 0; i < v->n; i++) {
		const char *keys[] = { v->v[i].event_id, v->v[i].external_id, v->v[i].alt_id };

		for (size_t k = 0; k < 3; k++)
			if (keys[k] != NULL) {
				keys_seen++;
				no_words_in(keys[k], j);
			}
	}
	json_free(j);
}

static void
run_parse(const struct provider *pv, const struct account *a, const struct buf *in,
    const char *type, struct buf *out)
{
	struct itemv v;
	enum rc rc;

	itemv_init(&v);
	rc = pv->parse(a, type, in->p, in->n, &v);
	if (rc != RC_OK)
		buf_printf(out, "rc %s\n", rc_name(rc));
	else
		itemv_dump(&v, out);
	if (rc == RC_OK)
		keys_without_words(pv, &v, in);
	itemv_free(&v);
}

static void
poll_settings(const struct block *b, struct poll_state *st)
{
	struct json *j = NULL;
	int64_t n;

	assert_int_equal(json_parse(b->p, b->n, &j, NULL), RC_OK);
	st->memory = "{}";
	if (json_member(j, "memory") != NULL)
		st->memory = json_raw(&st->arena, json_member(j, "memory"));
	st->probe = json_bool(json_member(j, "probe"), false);
	if (json_i64(json_member(j, "long_poll_s"), &n) == RC_OK)
		st->long_poll_s = (unsigned int)n;
	st->deadline_ms = clock_mono_ms() + 25000;
	if (json_i64(json_member(j, "only_ms"), &n) == RC_OK)
		st->deadline_ms = clock_mono_ms() + n;
	st->now_us = INT64_C(1763802000) * 1000000;
	json_free(j);
}

static void
dump_state(const struct poll_state *st, struct buf *out)
{
	for (size_t i = 0; i < st->n_attempts; i++)
		buf_printf(out, "attempt %s [%s] %d %s\n", st->attempts[i].url,
		    st->attempts[i].auth, st->attempts[i].status,
		    st->attempts[i].note != NULL ? st->attempts[i].note : "");
	buf_printf(out, "outcome %s\nhint %s\nmemory %s\n", poll_outcome_names[st->outcome],
	    st->hint != NULL ? st->hint : "-", st->new_memory != NULL ? st->new_memory : "-");
	if (st->pause_s != 0)
		buf_printf(out, "pause %lld\n", (long long)st->pause_s);
	if (st->only_missing)
		buf_puts(out, "only_missing\n");
}

static void
run_poll(const struct provider *pv, const struct account *a, const struct buf *in,
    struct buf *out)
{
	const char *p = in->p, *end = in->p + in->n;
	struct poll_state st = {0};
	struct block b;
	struct http_req req;
	struct http_res res;
	struct itemv v;

	clock_set(INT64_C(1763802000) * 1000000);
	assert_true(next_block(&p, end, &b));
	poll_settings(&b, &st);
	for (;;) {
		memset(&req, 0, sizeof req);	/* who builds it calls http_req_init */
		if (pv->poll_build(a, &st, &req) != RC_OK)
			break;
		dump_request(&req, out);
		if (!next_block(&p, end, &b)) {
			buf_puts(out, "no answer left\n");
			break;
		}
		read_answer(&b, &res);
		itemv_init(&v);
		buf_printf(out, "< %s\n", rc_name(pv->poll_read(a, &res, &st, &v)));
		if (v.n > 0 || v.ignored > 0)
			itemv_dump(&v, out);
		st.stored = v.n > 0;
		itemv_free(&v);
		http_res_free(&res);
		http_req_free(&req);
	}
	http_req_free(&req);
	if (next_block(&p, end, &b))
		buf_puts(out, "an answer was not asked for\n");
	dump_state(&st, out);
	mem_arena_free(&st.arena);
	clock_set(0);
}

static size_t
read_atts(struct mem_arena *ar, const struct json *j, struct att *v, size_t max)
{
	size_t n = json_len(j);

	assert_true(n <= max);
	for (size_t i = 0; i < n; i++) {
		v[i].type = json_str(ar, json_member(json_at(j, i), "type"));
		v[i].url = json_str(ar, json_member(json_at(j, i), "url"));
		v[i].name = json_str(ar, json_member(json_at(j, i), "name"));
		v[i].mime = json_str(ar, json_member(json_at(j, i), "mime"));
		v[i].ref = json_str(ar, json_member(json_at(j, i), "ref"));
		v[i].bytes = -1;
	}
	return n;
}

static void
dump_result(const struct send_result *r, struct buf *out)
{
	static const char *const names[SEND__MAX] = { "sent", "accepted", "retry", "unknown",
		"refused", "pause" };

	buf_printf(out, "< %s id=%s code=%s text=%s retry=%lld pause=%lld%s\n",
	    names[r->outcome], r->message_id, r->code, r->text, (long long)r->retry_after_s,
	    (long long)r->pause_s, r->contact_blocked ? " blocked" : "");
}

static void
run_send(const struct provider *pv, const struct account *a, const struct buf *in,
    struct buf *out)
{
	const char *p = in->p, *end = in->p + in->n;
	struct mem_arena ar = {0};
	struct json *j = NULL;
	struct att atts[16] = {{0}};
	struct outmsg m = {0};
	struct send_result r;
	struct http_req req;
	struct http_res res;
	struct block b;
	enum rc rc;

	assert_true(next_block(&p, end, &b));
	assert_int_equal(json_parse(b.p, b.n, &j, NULL), RC_OK);
	m.recipient = json_str(&ar, json_member(j, "recipient"));
	m.thread_id = json_str(&ar, json_member(j, "thread_id"));
	if (m.thread_id == NULL)
		m.thread_id = "";
	m.body = json_str(&ar, json_member(j, "body"));
	m.reply_to = json_str(&ar, json_member(j, "reply_to"));
	m.action = json_str(&ar, json_member(j, "action"));
	m.reaction = json_str(&ar, json_member(j, "reaction"));
	m.ref = json_str(&ar, json_member(j, "ref"));
	m.human_agent = json_bool(json_member(j, "human_agent"), false);
	m.atts = atts;
	m.n_atts = read_atts(&ar, json_member(j, "atts"), atts, 16);
	memset(&req, 0, sizeof req);	/* who builds it calls http_req_init */
	rc = pv->send_build(a, &m, &req);
	if (rc == RC_OK)
		dump_request(&req, out);
	else
		buf_printf(out, "rc %s\n", rc_name(rc));
	http_req_free(&req);
	while (next_block(&p, end, &b)) {
		read_answer(&b, &res);
		assert_int_equal(pv->send_read(a, &m, &res, &r), RC_OK);
		dump_result(&r, out);
		http_res_free(&res);
	}
	json_free(j);
	mem_arena_free(&ar);
}

/* An attachment and where it lies, a line each; then the answers to the request of the last. */
static void
run_upload(const struct provider *pv, const struct account *a, const struct buf *in,
    struct buf *out)
{
	const char *p = in->p, *end = in->p + in->n;
	struct mem_arena ar = {0};
	struct json *j = NULL;
	struct att atts[32] = {{0}};
	struct send_result r;
	struct http_req req;
	struct http_res res;
	struct block b;

	assert_true(next_block(&p, end, &b));
	assert_int_equal(json_parse(b.p, b.n, &j, NULL), RC_OK);
	read_atts(&ar, j, atts, 32);
	for (size_t i = 0; i < json_len(j); i++) {
		const struct json *size = json_member(json_at(j, i), "bytes");

		assert_int_equal(json_i64(size, &atts[i].bytes), RC_OK);
		memset(&req, 0, sizeof req);
		if (pv->upload_build(a, &atts[i], atts[i].name, &req) == RC_OK)
			dump_request(&req, out);
		else
			buf_printf(out, "by its address: %s, %lld\n", atts[i].mime,
			    (long long)atts[i].bytes);
		http_req_free(&req);
	}
	while (next_block(&p, end, &b)) {
		char id[UPLOAD_ID_MAX] = "";

		read_answer(&b, &res);
		if (pv->upload_read(a, &res, id, &r) == RC_OK)
			buf_printf(out, "< id %s\n", id);
		else
			dump_result(&r, out);
		http_res_free(&res);
	}
	json_free(j);
	mem_arena_free(&ar);
}

static void
run_probe(const struct provider *pv, const struct account *a, const struct buf *in,
    struct buf *out)
{
	const char *p = in->p, *end = in->p + in->n;
	struct finding f;
	struct http_req req;
	struct http_res res;
	struct block b;

	for (int step = 0; next_block(&p, end, &b); step++) {
		memset(&req, 0, sizeof req);	/* who builds it calls http_req_init */
		if (pv->probe_build(a, step, &req) != RC_OK) {
			buf_puts(out, "no such step\n");
			http_req_free(&req);
			return;
		}
		dump_request(&req, out);
		read_answer(&b, &res);
		assert_int_equal(pv->probe_read(a, step, &res, &f), RC_OK);
		buf_printf(out, "< %s %s: %s\n", finding_names[f.status], f.code, f.seen);
		http_res_free(&res);
		http_req_free(&req);
	}
}

/* --- runner ------------------------------------------------------------------------ */

static const struct {
	const char *suffix, *type;
	void (*run)(const struct provider *, const struct account *, const struct buf *,
	    struct buf *);
} kinds[] = {
	{ ".in.json", "application/json", NULL },
	{ ".in.form", "application/x-www-form-urlencoded", NULL },
	{ ".in.raw", "", NULL },
	{ ".poll", NULL, run_poll },
	{ ".send", NULL, run_send },
	{ ".upload", NULL, run_upload },
	{ ".probe", NULL, run_probe },
};

static int
compare(const char *path, const struct buf *out)
{
	struct buf want;
	int bad = 0;

	if (getenv("DMBOX_PAIRS_WRITE") != NULL) {
		FILE *f = fopen(path, "wb");

		assert_non_null(f);
		assert_int_equal(fwrite(out->p, 1, out->n, f), out->n);
		fclose(f);
		return 0;
	}
	if (!read_file(path, &want) || want.n != out->n || memcmp(want.p, out->p, out->n) != 0) {
		print_error("--- %s: expected\n%s--- got\n%s", path, want.p, out->p);
		bad = 1;
	}
	buf_free(&want);
	return bad;
}

static int
run_case(const struct provider *pv, const struct account *a, const char *dir, const char *name)
{
	char path[1024];
	struct buf in, out;
	int bad = 0;

	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		if (!str_ends(name, kinds[k].suffix))
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, name);
		assert_true(read_file(path, &in));
		buf_init(&out, MAX_FILE);
		if (kinds[k].run != NULL)
			kinds[k].run(pv, a, &in, &out);
		else
			run_parse(pv, a, &in, kinds[k].type, &out);
		assert_false(buf_err(&out));
		snprintf(path, sizeof path, "%s/%.*s.out", dir,
		    (int)(strlen(name) - strlen(kinds[k].suffix)), name);
		bad = compare(path, &out);
		buf_free(&out);
		buf_free(&in);
		break;
	}
	return bad;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
run_provider(const struct provider *id)
{
	char dir[512];
	struct dirent **v = NULL;
	struct account *a;
	int n, bad = 0;

	snprintf(dir, sizeof dir, "%s/%s", data_dir(), id->name);
	n = scandir(dir, &v, NULL, by_name);
	if (n < 0)
		fail_msg("no folder %s", dir);
	a = account_new(id, dir);
	for (int i = 0; i < n; i++) {
		bad += run_case(id, a, dir, v[i]->d_name);
		free(v[i]);
	}
	free(v);
	conf_account_del(a);
	return bad;
}

/* Each provider of the list has pairs: one without a folder is not tested at all. */
static void
test_pairs(void **state)
{
	(void)state;
	for (size_t i = 0; providers[i] != NULL; i++)
		assert_int_equal(run_provider(providers[i]), 0);
}

/* The check of the keys looked at some, and at words. */
static void
test_keys(void **state)
{
	(void)state;
	if (getenv("DMBOX_TEST_DATA") == NULL) {
		printf("%zu keys, %zu texts of several words\n", keys_seen, words_seen);
		assert_true(keys_seen > 400);
		assert_true(words_seen > 150);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What a refusal of the Cloud API means (providers.md H.19).  The code decides, the HTTP
 * status only where there is no error object.  Final is only what speaks of this message
 * or of its recipient; all else waits, and a person is shown how to fix it.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "provider/cloud/cloud.h"

/* A range of codes, read from the top: the more special line first. */
static const struct {
	int from, to;
	const char *words;	/* in message or details; NULL any */
	enum cloud_class class;
	int pause_s;
	const char *hint;
} classes[] = {
	{ 0, 999999999, "appsecret_proof", CLOUD_PROOF, 900, "cloud_proof" },
	{ 200, 200, "valid app ID", CLOUD_TOKEN, 300, "wrong_token" },
	{ 100, 100, "does not exist", CLOUD_RIGHT, 900, "cloud_number" },
	{ 100, 100, "media attachment ID", CLOUD_FAIL, 0, "cloud_file" },
	{ 33, 33, NULL, CLOUD_RIGHT, 900, "cloud_number" },
	{ 1, 2, NULL, CLOUD_RETRY, 0, "provider_error" },
	{ 131016, 131016, NULL, CLOUD_RETRY, 0, "provider_error" },
	{ 133004, 133004, NULL, CLOUD_RETRY, 0, "provider_error" },
	/* their fetcher is held off, or our server was busy: not the file's fault */
	{ 131053, 131053, "weblink failed with http code 429", CLOUD_RETRY, 0, "cloud_file" },
	{ 131053, 131053, "weblink failed with http code 5", CLOUD_RETRY, 0, "cloud_file" },
	{ 131000, 131000, NULL, CLOUD_RETRY, 0, "provider_error" },
	{ 131057, 131057, NULL, CLOUD_RATE, 120, "rate_limited" },
	{ 2494100, 2494100, NULL, CLOUD_RATE, 120, "rate_limited" },
	{ 4, 4, NULL, CLOUD_RATE, 300, "rate_limited" },
	{ 17, 17, NULL, CLOUD_RATE, 300, "rate_limited" },
	{ 32, 32, NULL, CLOUD_RATE, 300, "rate_limited" },
	{ 613, 613, NULL, CLOUD_RATE, 300, "rate_limited" },
	{ 80000, 80099, NULL, CLOUD_RATE, 300, "rate_limited" },
	{ 130429, 130429, NULL, CLOUD_RATE, 10, "rate_limited" },
	{ 131056, 131056, NULL, CLOUD_PAIR, 0, "rate_limited" },
	{ 131048, 131048, NULL, CLOUD_RIGHT, 3600, "cloud_restricted" },
	{ 131064, 131064, NULL, CLOUD_RIGHT, 3600, "cloud_restricted" },
	{ 368, 368, NULL, CLOUD_RIGHT, 3600, "cloud_restricted" },
	{ 131031, 131031, NULL, CLOUD_RIGHT, 3600, "cloud_restricted" },
	{ 131042, 131042, NULL, CLOUD_RIGHT, 900, "cloud_payment" },
	{ 131045, 131045, NULL, CLOUD_RIGHT, 900, "cloud_register" },
	{ 133000, 133099, NULL, CLOUD_RIGHT, 900, "cloud_register" },
	{ 131037, 131037, NULL, CLOUD_RIGHT, 900, "cloud_register" },
	{ 134011, 134011, NULL, CLOUD_RIGHT, 900, "cloud_payment" },
	{ 0, 0, NULL, CLOUD_TOKEN, 300, "wrong_token" },
	{ 190, 190, NULL, CLOUD_TOKEN, 300, "wrong_token" },
	{ 3, 3, NULL, CLOUD_RIGHT, 900, "cloud_permission" },
	{ 10, 10, NULL, CLOUD_RIGHT, 900, "cloud_permission" },
	{ 200, 299, NULL, CLOUD_RIGHT, 900, "cloud_permission" },
	{ 131005, 131005, NULL, CLOUD_RIGHT, 900, "cloud_permission" },
	{ 130403, 130403, NULL, CLOUD_BLOCKED, 0, NULL },
	{ 130472, 130472, NULL, CLOUD_FAIL, 0, "cloud_marketing" },
	{ 130497, 130497, NULL, CLOUD_FAIL, 0, "cloud_country" },
	{ 131008, 131009, NULL, CLOUD_FAIL, 0, NULL },
	{ 131020, 131021, NULL, CLOUD_FAIL, 0, NULL },
	{ 131026, 131026, NULL, CLOUD_FAIL, 0, "cloud_unreachable" },
	{ 131030, 131030, NULL, CLOUD_FAIL, 0, "cloud_test_number" },
	{ 131041, 131041, NULL, CLOUD_FAIL, 0, NULL },
	{ 131047, 131047, NULL, CLOUD_FAIL, 0, "cloud_template" },
	{ 131049, 131050, NULL, CLOUD_FAIL, 0, "cloud_marketing" },
	{ 131051, 131052, NULL, CLOUD_FAIL, 0, NULL },
	{ 131053, 131053, NULL, CLOUD_FAIL, 0, "cloud_file" },
	{ 131055, 131055, NULL, CLOUD_FAIL, 0, NULL },
	{ 131062, 131063, NULL, CLOUD_FAIL, 0, NULL },
	{ 131201, 131215, NULL, CLOUD_FAIL, 0, NULL },
	{ 132015, 132016, NULL, CLOUD_FAIL, 0, "cloud_template_off" },
	{ 132000, 132099, NULL, CLOUD_FAIL, 0, "cloud_template_form" },
	{ 134100, 134102, NULL, CLOUD_FAIL, 0, NULL },
	{ 135000, 135000, NULL, CLOUD_FAIL, 0, NULL },
	{ 137000, 137000, NULL, CLOUD_FAIL, 0, NULL },
	/* "(#100) Param text[...] must be ...": their validation names the part of the message */
	{ 100, 100, "Param ", CLOUD_FAIL, 0, NULL },
	{ 100, 100, "parameter", CLOUD_FAIL, 0, NULL },
	/* an outage and a business that is blocked come as a bare 100, too */
	{ 100, 100, NULL, CLOUD_OTHER, 60, "cloud_refuses" },
};

/*
 * What an error says beside its code and title: in error_data, as text or as an object that may
 * be text, too; before v16 beside the code; the Graph API's own in error_user_msg.
 */
static const char *
details_of(const struct json *err, struct mem_arena *a)
{
	const struct json *data = json_get(err, "error_data");
	const char *said = json_str(a, data), *d = NULL;
	struct json *j = NULL;

	if (said != NULL && json_parse(said, strlen(said), &j, NULL) == RC_OK) {
		data = j;
		said = NULL;
	}
	if (json_type(data) == JSON_OBJECT)
		d = json_text(a, json_get(data, "details"));
	if (str_empty(d))
		d = said;
	if (str_empty(d))
		d = json_text(a, json_get(err, "details"));
	if (str_empty(d))
		d = json_text(a, json_get(err, "error_user_msg"));
	json_free(j);
	return d;
}

static bool
has_word(const struct json *err, const char *word)
{
	struct mem_arena a = { 0 };
	const char *m = json_text(&a, json_get(err, "message"));
	const char *d = details_of(err, &a);
	bool hit = (m != NULL && strcasestr(m, word) != NULL) ||
	    (d != NULL && strcasestr(d, word) != NULL);

	mem_arena_free(&a);
	return hit;
}

void
cloud_error_words(const struct json *err, struct buf *b)
{
	struct mem_arena a = { 0 };
	const char *code = json_text(&a, json_get(err, "code"));
	const char *said = json_text(&a, json_get(err, "message"));
	const char *details = details_of(err, &a);

	if (str_empty(said))
		said = json_text(&a, json_get(err, "title"));
	if (code != NULL && (said == NULL || !str_starts(said, "(#")))
		buf_puts(b, code);
	if (!str_empty(said))
		buf_printf(b, "%s%s", b->n > 0 && b->p[b->n - 1] != ' ' ? " " : "", said);
	if (!str_empty(details) && !str_eq(details, said))
		buf_printf(b, ": %s", details);
	mem_arena_free(&a);
}

/* No error object: transport and status are all there is. */
static void
by_status(const struct http_res *res, struct cloud_error *e)
{
	if (res->fail != HTTP_FAIL_NONE) {
		e->class = res->sent ? CLOUD_UNKNOWN : CLOUD_RETRY;
		snprintf(e->code, sizeof e->code, "%s", http_fail_names[res->fail]);
		log_mask(res->note, strlen(res->note), e->text, sizeof e->text);
		return;
	}
	if (res->status >= 200 && res->status < 300) {
		e->class = CLOUD_FINE;
		return;
	}
	snprintf(e->code, sizeof e->code, "http_%d", res->status);
	snprintf(e->text, sizeof e->text, "HTTP %d without an error object", res->status);
	if (res->status == 408 || res->status == 499 || res->status == 502 || res->status == 504)
		e->class = CLOUD_UNKNOWN;	/* a gateway in between waited too long */
	else
		e->class = res->status == 429 ? CLOUD_RATE :
		    res->status >= 500	      ? CLOUD_RETRY :
						CLOUD_OTHER;
	e->pause_s = 60;
	e->hint = res->status >= 500 ? "provider_error" : "cloud_refuses";
}

static void
by_code(int status, const struct json *err, struct cloud_error *e)
{
	int64_t code;

	if (json_i64(json_get(err, "code"), &code) != RC_OK)
		code = -1;
	snprintf(e->code, sizeof e->code, "%lld", (long long)code);
	e->class = CLOUD_OTHER;
	e->pause_s = 60;
	e->hint = "cloud_refuses";
	e->strange = true;
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		if (code < classes[i].from || code > classes[i].to ||
		    (classes[i].words != NULL && !has_word(err, classes[i].words)))
			continue;
		e->class = classes[i].class;
		e->pause_s = classes[i].pause_s;
		e->hint = classes[i].hint;
		e->strange = false;
		break;
	}
	if (e->class == CLOUD_OTHER &&
	    (json_bool(json_get(err, "is_transient"), false) || status >= 500))
		e->class = CLOUD_RETRY;
}

void
cloud_error_state(const struct json *err, struct cloud_error *e)
{
	memset(e, 0, sizeof *e);
	by_code(0, err, e);
}

void
cloud_error_read(const struct http_res *res, const struct json *j, struct cloud_error *e)
{
	const struct json *err = json_get(j, "error");
	struct buf b;

	memset(e, 0, sizeof *e);
	if (res->fail != HTTP_FAIL_NONE || json_type(err) != JSON_OBJECT) {
		by_status(res, e);
		if (e->class == CLOUD_RATE)
			e->pause_s = meta_rate_pause_s(res, e->pause_s);
		return;
	}
	by_code(res->status, err, e);
	buf_init(&b, 64 * 1024);
	cloud_error_words(err, &b);
	log_mask(b.p, b.n, e->text, sizeof e->text);
	buf_free(&b);
	if (e->class == CLOUD_RATE)
		e->pause_s = meta_rate_pause_s(res, e->pause_s);
}

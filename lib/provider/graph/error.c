/*
 * What a refusal of the Graph API means.  The HTTP status varies for one and
 * the same error, so code and subcode decide (providers.md B.8); the table is
 * read from the top, the more special line first.
 */
#include <stdio.h>
#include <string.h>
#include "provider/graph/graph.h"
#include "base/log.h"
#include "base/str.h"

#define ANY (-2)
#define NONE (-1)	/* no subcode was given */

/*
 * Final (FAIL, ONCE, BLOCKED) is only what names this recipient or this
 * content by a subcode, or by words of its own; all else rests.  hint: what
 * fixes it, NULL where the class says enough.
 */
static const struct {
	int code, subcode;
	const char *words;	/* in the message; NULL any */
	enum graph_class class;
	int pause_s;
	const char *hint;
} classes[] = {
	{ ANY, ANY, "appsecret_proof", GRAPH_PROOF, 300, "appsecret_proof" },
	{ ANY, ANY, "reduce the amount of data", GRAPH_LESS, 60, NULL },
	/* the window is shut, but it was open when we looked: composio#3974 */
	{ 10, 2534022, NULL, GRAPH_ONCE, 0, NULL },
	{ 10, 2018278, NULL, GRAPH_FAIL, 0, NULL },
	{ 10, 2018065, NULL, GRAPH_FAIL, 0, NULL },
	{ 10, 2018108, NULL, GRAPH_FAIL, 0, NULL },
	{ 10, 2018300, NULL, GRAPH_FAIL, 0, NULL },
	{ ANY, 1545041, NULL, GRAPH_BLOCKED, 0, NULL },	/* 551 and 200 */
	{ 551, ANY, NULL, GRAPH_BLOCKED, 0, NULL },
	{ 100, 2018047, NULL, GRAPH_ONCE, 0, NULL },	/* upload failed */
	{ 100, 2018109, NULL, GRAPH_FAIL, 0, NULL },	/* too large */
	{ 100, 2018034, NULL, GRAPH_FAIL, 0, NULL },	/* empty */
	{ 100, 2018001, NULL, GRAPH_FAIL, 0, NULL },	/* no matching user */
	{ 100, 33, NULL, GRAPH_GONE, 0, NULL },
	{ 9000001, ANY, NULL, GRAPH_GONE, 0, NULL },
	{ 10900, ANY, NULL, GRAPH_GONE, 0, NULL },
	{ 9010, ANY, NULL, GRAPH_GONE, 0, NULL },	/* no such Instagram user: chatwoot#11496 */
	{ 230, ANY, NULL, GRAPH_GONE, 0, NULL },	/* profile: consent needed */
	{ ANY, 2534122, NULL, GRAPH_RIGHT, 900, "restricted" },
	{ ANY, 2534040, NULL, GRAPH_RATE, 60, NULL },
	{ ANY, 2534013, NULL, GRAPH_FAIL, 0, NULL },
	{ ANY, 2534014, NULL, GRAPH_FAIL, 0, NULL },
	{ ANY, 2534029, NULL, GRAPH_FAIL, 0, NULL },
	{ ANY, 2534041, NULL, GRAPH_FAIL, 0, NULL },
	{ ANY, 2534001, NULL, GRAPH_FAIL, 0, NULL },
	{ ANY, 2534025, NULL, GRAPH_FAIL, 0, NULL },
	{ ANY, 2534068, NULL, GRAPH_FAIL, 0, NULL },
	/* their validation names the part of the message that is wrong */
	{ 100, NONE, "message[", GRAPH_FAIL, 0, NULL },
	{ 100, NONE, "No matching user", GRAPH_FAIL, 0, NULL },
	/* a restricted app or account, Standard Access, the wrong host: chatwoot#14932 */
	{ 100, NONE, "Unsupported request", GRAPH_OTHER, 60, "meta_refuses" },
	{ 100, ANY, NULL, GRAPH_OTHER, 60, NULL },
	{ 1, ANY, NULL, GRAPH_RETRY, 0, NULL },
	{ 2, ANY, NULL, GRAPH_RETRY, 0, NULL },
	{ 4, ANY, NULL, GRAPH_RATE, 300, NULL },
	{ 17, ANY, NULL, GRAPH_RATE, 300, NULL },
	{ 32, ANY, NULL, GRAPH_RATE, 300, NULL },
	{ 613, ANY, NULL, GRAPH_RATE, 10, NULL },
	{ 341, ANY, NULL, GRAPH_RATE, 300, NULL },
	{ 80001, ANY, NULL, GRAPH_RATE, 300, NULL },	/* of a Page */
	{ 80002, ANY, NULL, GRAPH_RATE, 300, NULL },
	{ 80006, ANY, NULL, GRAPH_RATE, 300, NULL },
	{ 80014, ANY, NULL, GRAPH_RATE, 300, NULL },
	/* "Temporary send message failure" is one of their internal errors */
	{ 1200, ANY, NULL, GRAPH_RETRY, 0, NULL },
	{ 190, ANY, NULL, GRAPH_TOKEN, 300, NULL },
	{ 102, ANY, NULL, GRAPH_TOKEN, 300, NULL },
	{ 0, ANY, NULL, GRAPH_TOKEN, 300, NULL },
	{ 10, 1893063, NULL, GRAPH_RIGHT, 900, "restricted" },
	{ 368, ANY, NULL, GRAPH_RIGHT, 900, "restricted" },
	{ 10, ANY, NULL, GRAPH_RIGHT, 900, NULL },
	{ 200, ANY, NULL, GRAPH_RIGHT, 900, NULL },
	{ 3, ANY, NULL, GRAPH_RIGHT, 900, NULL },
};

static const char *const hints[] = {
	[GRAPH_RETRY] = "provider_error",
	[GRAPH_RATE] = "rate_limited",
	[GRAPH_TOKEN] = "wrong_token",
	[GRAPH_RIGHT] = "no_permission",
	[GRAPH_PROOF] = "appsecret_proof",
	[GRAPH_UNKNOWN] = "provider_error",
	[GRAPH_OTHER] = "refused_unclear",
};

/* No error object: transport and status are all there is. */
static void
by_status(const struct http_res *res, struct graph_error *e)
{
	if (res->fail != HTTP_FAIL_NONE) {
		e->class = res->sent ? GRAPH_UNKNOWN : GRAPH_RETRY;
		snprintf(e->code, sizeof(e->code), "%s", http_fail_names[res->fail]);
		log_mask(res->note, strlen(res->note), e->text, sizeof(e->text));
		return;
	}
	if (res->status >= 200 && res->status < 300) {
		e->class = GRAPH_FINE;
		return;
	}
	snprintf(e->code, sizeof(e->code), "http_%d", res->status);
	snprintf(e->text, sizeof(e->text), "HTTP %d without an error object", res->status);
	if (res->status == 429) {
		e->class = GRAPH_RATE;
		e->pause_s = 60;
	} else if (res->status == 502 || res->status == 504 || res->status == 408 ||
	    res->status == 499) {	/* a gateway in between waited too long */
		e->class = GRAPH_UNKNOWN;
	} else if (res->status >= 500) {
		e->class = GRAPH_RETRY;
	} else if (res->status >= 400) {
		e->class = GRAPH_OTHER;
	} else {	/* a redirect: this is not the API's address */
		e->class = GRAPH_RIGHT;
		e->pause_s = 300;
	}
}

static void
by_code(const struct http_res *res, const struct json *err, int64_t code, int64_t sub,
    struct graph_error *e)
{
	struct mem_arena a = { 0 };
	const char *msg = json_text(&a, json_get(err, "message"));
	const char *user = json_text(&a, json_get(err, "error_user_msg"));

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (classes[i].code != ANY && classes[i].code != code)
			continue;
		if (classes[i].subcode != ANY && classes[i].subcode != sub)
			continue;
		if (classes[i].words != NULL &&
		    strcasestr(msg != NULL ? msg : "", classes[i].words) == NULL &&
		    strcasestr(user != NULL ? user : "", classes[i].words) == NULL)
			continue;
		e->class = classes[i].class;
		e->pause_s = classes[i].pause_s;
		e->hint = classes[i].hint;
		break;
	}
	mem_arena_free(&a);
	if (e->class != GRAPH_FINE && e->class != GRAPH_FAIL && e->class != GRAPH_OTHER)
		return;
	if (json_bool(json_get(err, "is_transient"), false))
		e->class = GRAPH_RETRY;
	else if (e->class == GRAPH_FINE && res->status == 429)
		by_status(res, e);
	else if (e->class == GRAPH_FINE && res->status >= 500)
		e->class = res->status == 502 || res->status == 504 ? GRAPH_UNKNOWN : GRAPH_RETRY;
	else if (e->class == GRAPH_FINE) {
		e->class = GRAPH_OTHER;
		e->strange = true;
	}
}

/* What the error says, the part written for people first. */
static void
words(const struct json *err, struct graph_error *e)
{
	struct mem_arena a = { 0 };
	const char *msg = json_text(&a, json_get(err, "message"));
	const char *user = json_text(&a, json_get(err, "error_user_msg"));
	struct buf b;

	buf_init(&b, 64 * 1024);
	buf_puts(&b, msg != NULL ? msg : "");
	if (user != NULL && !str_eq(user, msg))
		buf_printf(&b, "%s%s", b.n > 0 ? " - " : "", user);
	log_mask(b.p, b.n, e->text, sizeof(e->text));
	buf_free(&b);
	mem_arena_free(&a);
}

void
graph_error_read(const struct http_res *res, const struct json *j, struct graph_error *e)
{
	const struct json *err = json_get(j, "error");
	int64_t code = -1, sub = NONE;

	memset(e, 0, sizeof(*e));
	if (res->fail != HTTP_FAIL_NONE || json_type(err) != JSON_OBJECT) {
		by_status(res, e);
	} else {
		if (json_i64(json_get(err, "code"), &code) != RC_OK)
			code = -1;
		if (json_i64(json_get(err, "error_subcode"), &sub) != RC_OK || sub <= 0)
			sub = NONE;
		if (sub > 0)
			snprintf(
			    e->code, sizeof(e->code), "%lld/%lld", (long long)code, (long long)sub);
		else
			snprintf(e->code, sizeof(e->code), "%lld", (long long)code);
		by_code(res, err, code, sub, e);
		words(err, e);
	}
	if (e->hint == NULL && (size_t)e->class < sizeof(hints) / sizeof(hints[0]))
		e->hint = hints[e->class];
	if (e->class == GRAPH_RATE)
		e->pause_s = meta_rate_pause_s(res, e->pause_s);
}

/*
 * From bytes to text: each file tests/data/decode/CASE.in is a content type, a line end and
 * a body; CASE.out is the text that providers then read, or "! " and why there is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/inflate.h"
#include "base/str.h"
#include "bridge/decode.h"
#include "bridge/ingest.h"
#include "provider/list.h"

#define MAX_BODY (4u << 20)

static char *
slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *p = mem_alloc(MAX_BODY + 1);

	assert_non_null(f);
	*n = fread(p, 1, MAX_BODY, f);
	p[*n] = '\0';
	fclose(f);
	return p;
}

static void
one_case(const char *path)
{
	struct mem_arena a = { 0 };
	char out[1024], *in, *want, *type, *end;
	const char *p, *why = NULL;
	size_t n, want_n;

	in = slurp(path, &n);
	snprintf(out, sizeof out, "%.*s.out", (int)(strlen(path) - 3), path);
	want = slurp(out, &want_n);
	end = memchr(in, '\n', n);
	assert_non_null(end);
	*end = '\0';
	type = in;
	p = end + 1;
	n -= (size_t)(p - in);
	if (decode_body(&a, type, MAX_BODY, &p, &n, &why) != RC_OK) {
		snprintf(out, sizeof out, "! %s", why);
		p = out;
		n = strlen(out);
	}
	if (n != want_n || memcmp(p, want, n) != 0)
		fail_msg("%s:\n got %.*s\nwant %s", path, (int)(n > 900 ? 900 : n), p,
		    want_n > 900 ? "(long)" : want);
	mem_arena_free(&a);
	free(in);
	free(want);
}

static void
test_cases(void **state)
{
	glob_t g;

	(void)state;
	assert_int_equal(glob("tests/data/decode/*.in", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 45);
	for (size_t i = 0; i < g.gl_pathc; i++)
		one_case(g.gl_pathv[i]);
	globfree(&g);
}

/* Each byte of compressed data changed, and cut at each place: an error or some text, and
 * never more than the limit. */
static void
test_broken_compression(void **state)
{
	static const char *const files[] = { "tests/data/decode/gzip.in",
	    "tests/data/decode/deflate.in", "tests/data/decode/gzip-repeats.in" };

	(void)state;
	for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
		size_t n, head;
		char *in = slurp(files[f], &n), *p;
		struct buf b, whole;

		p = memchr(in, '\n', n);
		head = (size_t)(++p - in);
		n -= head;
		buf_init(&b, 100000);
		buf_init(&whole, 100000);
		assert_int_equal(inflate(p, n, &whole), RC_OK);
		for (size_t i = 0; i < n; i++) {
			buf_reset(&b);
			assert_int_not_equal(inflate(p, i, &b), RC_OK);
			p[i] = (char)(p[i] ^ (1 << i % 8));
			buf_reset(&b);
			if (inflate(p, n, &b) == RC_OK) {	/* a time in the head, a bit of padding */
				assert_int_equal(b.n, whole.n);
				assert_memory_equal(b.p, whole.p, b.n);
			}
			p[i] = (char)(p[i] ^ (1 << i % 8));
		}
		buf_free(&b);
		buf_free(&whole);
		free(in);
	}
}

/* What cannot be decoded is never "ok", and what was mended says so: for each provider. */
static void
test_reasons(void **state)
{
	static const struct { const struct provider *provider; const char *type, *body, *reason; } t[] = {
		{ &provider_chatrace, "application/json; charset=x-klingon", "{\"contact_id\":\"5\",\"text\":"
		    "\"\xcf\xf0\"}", "unknown_charset" },
		{ &provider_chatrace, "application/x-www-form-urlencoded", "contact_id=5&text=%CF%F0",
		    "bad_utf8" },
		{ &provider_chatrace, "multipart/form-data; boundary=b", "contact_id=5", "bad_multipart" },
		{ &provider_chatrace, "application/json", "{\"contact_id\":\"5\",\"text\":\"a\nb\"}",
		    "raw_controls" },
		{ &provider_chatrace, "application/json", "{\"contact_id\":\"5\",\"text\":\"a\xff\"}",
		    "bad_utf8" },
		{ &provider_graph, "application/json", "{\"object\":\"instagram\",\"entry\":[{\"id\":\"1\","
		    "\"messaging\":[{\"sender\":{\"id\":\"5\"},\"recipient\":{\"id\":\"1\"},\"timestamp\":"
		    "1752345678901,\"message\":{\"mid\":\"m\",\"text\":\"a\nb\"}}]}]}", "raw_controls" },
		{ &provider_greenapi, "application/json", "{\"typeWebhook\":\"incomingMessageReceived\","
		    "\"timestamp\":1752345678,\"idMessage\":\"I\",\"instanceData\":{\"wid\":\"1@c.us\"},"
		    "\"senderData\":{\"chatId\":\"5@c.us\",\"sender\":\"5@c.us\"},\"messageData\":{"
		    "\"typeMessage\":\"textMessage\",\"textMessageData\":{\"textMessage\":\"a\tb\"}}}",
		    "raw_controls" },
	};
	struct conf c = { .max_body = MAX_BODY };

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct account a = { .name = mem_dup("main"), .provider = t[i].provider,
		    .channel = t[i].provider == &provider_greenapi ? CHANNEL_WHATSAPP : CHANNEL_INSTAGRAM };
		struct delivery d;

		delivery_init(&d);
		d.account = "main";
		d.channel = a.channel;
		d.provider = a.provider;
		d.content_type = t[i].type;
		d.body = t[i].body;
		d.body_n = strlen(d.body);
		ingest_parse(&c, &a, &d);
		if (!str_eq(d.reason, t[i].reason))
			fail_msg("%s: reason %s, not %s", t[i].body, d.reason, t[i].reason);
		if (str_eq(t[i].reason, "raw_controls") || str_eq(t[i].reason, "bad_utf8")) {
			assert_int_equal(d.items.n, 1);
			assert_int_equal(d.items.v[0].type, ITEM_MESSAGE);
		}
		delivery_free(&d);
		free(a.name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_broken_compression),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

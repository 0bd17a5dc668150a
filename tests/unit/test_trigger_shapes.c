/*
 * Every shape that dmbox trigger posts is understood by its own provider, and is
 * a new row each time (a fresh id changes what it is recognised by).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "provider/list.h"
#include "../../cli/trigger_shapes.c"

static char own[] = "17841400000000001", token[] = "1000001.secret", url[] = "https://api.example.com";

static void
parse(const struct shape *s, const char *id, const char *ref, struct itemv *out)
{
	struct account a = { .name = own, .own_id = own, .token = token, .api_url = url,
	    .provider = s->provider, .channel = s->provider == &provider_greenapi ?
	    CHANNEL_WHATSAPP : CHANNEL_INSTAGRAM };
	const struct shape_vars v = { .id = id, .ref = ref, .from = "6500000000000001",
	    .own = own, .text = "quote \" and Привет", .now_us = 1752345678901000 };
	struct buf b;

	buf_init(&b, 1 << 16);
	trigger_body(s, &v, &b);
	assert_false(buf_err(&b));
	assert_null(strchr(b.p, '@') && !strstr(b.p, "@c.us") && !strstr(b.p, "@g.us") ?
	    strchr(b.p, '@') : NULL);
	itemv_init(out);
	if (s->provider->parse(&a, s->type, b.p, b.n, out) != RC_OK)
		fail_msg("%s/%s: not understood: %s", s->provider->name, s->name, b.p);
	if (out->n == 0)
		fail_msg("%s/%s: no item: %s", s->provider->name, s->name, b.p);
	buf_free(&b);
}

static void
dump(const struct shape *s, const char *id, const char *ref, struct buf *out)
{
	struct itemv v;

	parse(s, id, ref, &v);
	buf_init(out, 1 << 20);
	itemv_dump(&v, out);
	itemv_free(&v);
}

static void
test_all_parse(void **st)
{
	size_t n;
	const struct shape *s = trigger_shapes(&n);

	(void)st;
	assert_true(n > 100);
	for (size_t i = 0; i < n; i++) {
		struct buf a, b;

		dump(&s[i], "fresh1", "ref1", &a);
		dump(&s[i], "fresh2", "ref2", &b);
		if (str_eq(a.p, b.p))
			fail_msg("%s/%s: the same row at each run", s[i].provider->name, s[i].name);
		buf_free(&a);
		buf_free(&b);
	}
}

static void
test_names_unique(void **st)
{
	size_t n;
	const struct shape *s = trigger_shapes(&n);

	(void)st;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (s[i].provider == s[k].provider && str_eq(s[i].name, s[k].name))
				fail_msg("twice: %s", s[i].name);
}

static void
test_unknown_is_kept(void **st)
{
	size_t n;
	const struct shape *s = trigger_shapes(&n);

	(void)st;
	for (size_t i = 0; i < n; i++) {
		struct itemv v;

		if (!str_eq(s[i].name, "unknown"))
			continue;
		parse(&s[i], "a", "b", &v);
		assert_int_equal(v.v[0].type, ITEM_EVENT);
		assert_string_equal(v.v[0].kind, "unknown");
		itemv_free(&v);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_parse),
		cmocka_unit_test(test_names_unique),
		cmocka_unit_test(test_unknown_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

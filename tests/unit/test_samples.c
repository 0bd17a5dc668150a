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
#include "base/str.h"

static const char own[] = "17841400000000001";

static void
parse(const struct provider *p, const struct provider_sample *s, const char *id, const char *ref,
    struct itemv *out)
{
	struct account a = { .name = (char *)"main", .own_id = (char *)own, .token = (char *)"1000001.secret",
	    .api_url = (char *)"https://api.example.com", .provider = p, .channel = p->channel };
	const struct sample_vars v = { .id = id, .ref = ref, .from = "6500000000000001",
	    .own = own, .text = "quote \" and Привет 🎁", .now_us = 1752345678901000 };
	struct buf b;

	buf_init(&b, 1 << 16);
	provider_sample_body(p, s, &v, &b);
	assert_false(buf_err(&b));
	assert_null(strchr(b.p, '@') && !strstr(b.p, "@c.us") && !strstr(b.p, "@g.us") ?
	    strchr(b.p, '@') : NULL);
	itemv_init(out);
	if (p->parse(&a, s->type, b.p, b.n, out) != RC_OK)
		fail_msg("%s/%s: not understood: %s", p->name, s->name, b.p);
	if (out->n == 0)
		fail_msg("%s/%s: no item: %s", p->name, s->name, b.p);
	/* the words arrive as they were written, however the provider spells them */
	if (str_eq(s->name, "text"))
		assert_string_equal(out->v[0].body, v.text);
	buf_free(&b);
}

static void
dump(const struct provider *p, const struct provider_sample *s, const char *id, const char *ref,
    struct buf *out)
{
	struct itemv v;

	parse(p, s, id, ref, &v);
	buf_init(out, 1 << 20);
	itemv_dump(&v, out);
	itemv_free(&v);
}

static void
test_all_parse(void **st)
{
	size_t all = 0;

	(void)st;
	for (size_t k = 0; providers[k] != NULL; k++)
		for (size_t i = 0; i < *providers[k]->n_samples; i++) {
			const struct provider_sample *s = &providers[k]->samples[i];
			struct buf a, b;

			dump(providers[k], s, "fresh1", "ref1", &a);
			dump(providers[k], s, "fresh2", "ref2", &b);
			if (str_eq(a.p, b.p))
				fail_msg("%s/%s: the same row at each run", providers[k]->name, s->name);
			buf_free(&a);
			buf_free(&b);
			all++;
		}
	assert_true(all > 100);
}

static void
test_unknown_is_kept(void **st)
{
	(void)st;
	for (size_t k = 0; providers[k] != NULL; k++) {
		const struct provider_sample *s = provider_sample(providers[k], "unknown");
		struct itemv v;

		if (s == NULL)
			continue;
		parse(providers[k], s, "a", "b", &v);
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
		cmocka_unit_test(test_unknown_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

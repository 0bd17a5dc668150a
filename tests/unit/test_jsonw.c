/* jsonw: commas, keys and ends are the writer's; misuse leaves nothing and says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "extern/json.h"
#include "extern/jsonw.h"

static void
test_all_kinds(void **state)
{
	struct jsonw w;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "s\"", "a\nb");
	jsonw_str(&w, "none", NULL);
	jsonw_strn(&w, "n", "x\0y", 3);
	jsonw_printf(&w, "f", "%d/%s", 7, "\"");
	jsonw_i64(&w, "i", INT64_MIN);
	jsonw_bool(&w, "t", true);
	jsonw_bool(&w, "f", false);
	jsonw_time(&w, "never", 0);
	jsonw_time(&w, "at", 1731499200000000);
	jsonw_raw(&w, "raw", "[1, 2]");
	jsonw_raw(&w, "nil", NULL);
	buf_printf(jsonw_value(&w, "own"), "%.1f", 1.5);
	jsonw_object(&w, "empty");
	jsonw_end(&w);
	jsonw_array(&w, "list");
	jsonw_array(&w, NULL);
	jsonw_end(&w);
	jsonw_i64(&w, NULL, 1);
	jsonw_object(&w, NULL);
	jsonw_i64(&w, "k", 2);
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_line(&w);
	jsonw_i64(&w, "last", 3);
	jsonw_members(&w, "{}");
	jsonw_members(&w, "{\"m\":1, \"n\":2}");
	jsonw_line(&w);
	jsonw_end(&w);
	assert_true(jsonw_done(&w));
	assert_string_equal(b.p, "{\"s\\\"\":\"a\\nb\",\"none\":null,\"n\":\"x\xef\xbf\xbdy\","
	    "\"f\":\"7/\\\"\",\"i\":-9223372036854775808,\"t\":true,\"f\":false,\"never\":null,"
	    "\"at\":\"2024-11-13T12:00:00.000Z\",\"raw\":[1, 2],\"nil\":null,\"own\":1.5,"
	    "\"empty\":{},\"list\":[[],1,{\"k\":2}],\n\"last\":3,\"m\":1, \"n\":2\n}");
	buf_free(&b);
}

static void
test_one_value(void **state)
{
	struct jsonw w;
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	jsonw_init(&w, &b);
	buf_puts(jsonw_value(&w, NULL), "17");
	assert_true(jsonw_done(&w));
	assert_string_equal(b.p, "17");
	buf_free(&b);
}

/* Any sequence of calls gives JSON, or an empty buf with its error set. */
static void
test_any_order(void **state)
{
	size_t good = 0, bad = 0;

	(void)state;
	srandom(1);
	for (size_t round = 0; round < 60000; round++) {
		struct json *j = NULL;
		struct jsonw w;
		struct buf b;

		buf_init(&b, 4096);
		jsonw_init(&w, &b);
		for (long n = random() % 9; n >= 0; n--) {
			const char *key = random() % 3 == 0 ? "k" : NULL;

			switch (random() % 7) {
			case 0: jsonw_object(&w, key); break;
			case 1: jsonw_array(&w, key); break;
			case 2: jsonw_str(&w, key, "v"); break;
			case 3: (void)jsonw_value(&w, key); break;
			case 4: jsonw_line(&w); break;
			case 5: jsonw_members(&w, key != NULL ? "{\"m\":1}" : "{ }"); break;
			default: jsonw_end(&w); break;
			}
		}
		if (jsonw_done(&w)) {
			assert_int_equal(json_parse(b.p, b.n, &j, NULL), RC_OK);
			json_free(j);
			good++;
		} else {
			assert_true(buf_err(&b));
			assert_int_equal(b.n, 0);
			bad++;
		}
		buf_free(&b);
	}
	assert_true(good > 500);
	assert_true(bad > 500);
}

static void
test_depth_and_room(void **state)
{
	struct jsonw w;
	struct buf b;

	(void)state;
	for (unsigned int levels = JSONW_DEPTH_MAX; levels <= JSONW_DEPTH_MAX + 1; levels++) {
		buf_init(&b, 4096);
		jsonw_init(&w, &b);
		for (unsigned int i = 0; i < levels; i++)
			jsonw_array(&w, NULL);
		for (unsigned int i = 0; i < levels; i++)
			jsonw_end(&w);
		assert_true(jsonw_done(&w) == (levels == JSONW_DEPTH_MAX));
		buf_free(&b);
	}
	buf_init(&b, 4);
	jsonw_init(&w, &b);
	jsonw_str(&w, NULL, "too long");
	assert_false(jsonw_done(&w));
	buf_free(&b);
}

/* A misuse is told in the log, with what it was. */
static void
test_told(void **state)
{
	static const char *const told[] = { "a member without a key", "a key outside",
		"a second text", "an end without", "is not complete", "is missing", "of no object" };
	char file[] = "/tmp/jsonw.XXXXXX", lines[8192] = "";
	struct log_opts o = { .level = LOG_INFO, .file = file, .program = "test" };
	struct jsonw w;
	struct buf b;
	FILE *f;

	(void)state;
	close(mkstemp(file));
	log_open(&o);
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		buf_reset(&b);
		jsonw_init(&w, &b);
		switch (i) {
		case 0: jsonw_object(&w, NULL); jsonw_i64(&w, NULL, 1); break;
		case 1: jsonw_array(&w, NULL); jsonw_i64(&w, "k", 1); break;
		case 2: jsonw_i64(&w, NULL, 1); jsonw_i64(&w, NULL, 1); break;
		case 3: jsonw_end(&w); break;
		case 4: jsonw_object(&w, NULL); break;
		case 5: (void)jsonw_value(&w, NULL); break;
		default: jsonw_object(&w, NULL); jsonw_members(&w, "[1]"); break;
		}
		assert_false(jsonw_done(&w));
	}
	buf_free(&b);
	log_close();
	f = fopen(file, "r");
	assert_non_null(f);
	assert_true(fread(lines, 1, sizeof lines - 1, f) > 0);
	fclose(f);
	unlink(file);
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		assert_non_null(strstr(lines, told[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_one_value),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_depth_and_room),
		cmocka_unit_test(test_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

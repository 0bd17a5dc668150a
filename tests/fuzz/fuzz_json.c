/* JSON: what is read can be written again, and means the same. */
#include "fuzz.h"

static void
walk(struct mem_arena *a, const struct json *j, int depth)
{
	const struct json *v;
	const char *key;
	int64_t n;
	char *s;

	MUST(depth <= 40);
	if ((s = json_text(a, j)) != NULL)
		fuzz_check_text(s);
	if (json_i64(j, &n) == RC_OK)
		MUST(json_type(j) == JSON_NUMBER || json_type(j) == JSON_STRING);
	(void)json_bool(j, true);
	for (size_t i = 0; i < json_len(j); i++)
		walk(a, json_at(j, i), depth + 1);
	for (struct json_iter i = { NULL }; json_type(j) == JSON_OBJECT && json_each(j, &i, &key, &v);) {
		MUST(key != NULL);
		(void)json_member(j, key);
		walk(a, v, depth + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct food f = { (const char *)p, n };
	char *bytes = food_rest(&f), *raw, *canon, err[128] = "";
	struct mem_arena a = { 0 };
	struct json *j = NULL, *again = NULL;
	struct buf b;
	enum rc rc;

	rc = json_parse(bytes, n, &j, err);
	MUST(rc == RC_OK || rc == RC_INVALID || rc == RC_LIMIT);
	if (rc == RC_OK) {
		walk(&a, j, 0);
		(void)json_get(j, "sender.id");
		(void)json_get(j, "a.b.c.d");
		raw = json_raw(&a, j);
		canon = json_canonical(&a, j);
		fuzz_check_text(raw);
		MUST(json_parse(raw, strlen(raw), &again, NULL) == RC_OK);
		MUST(strcmp(json_canonical(&a, again), canon) == 0);
		json_free(again);
	} else {
		MUST(err[0] != '\0');
	}
	json_free(j);
	/* writing: any bytes become a string that reads back */
	buf_init(&b, 16u << 20);
	json_put_strn(&b, bytes, n);
	if (!buf_err(&b)) {
		again = NULL;
		MUST(json_parse(b.p, b.n, &again, NULL) == RC_OK);
		MUST(json_type(again) == JSON_STRING);
		json_free(again);
	}
	buf_free(&b);
	mem_arena_free(&a);
	free(bytes);
	return 0;
}

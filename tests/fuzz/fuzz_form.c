/* Form bodies and query strings, and what is put into URLs. */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct food f = { (const char *)p, n };
	char *bytes = food_rest(&f);
	struct mem_arena a = { 0 };
	struct http_field *v = NULL;
	size_t count = 0;
	struct buf b;
	enum rc rc = http_form_parse(&a, bytes, n, 32, &v, &count);

	MUST(rc == RC_OK || rc == RC_INVALID || rc == RC_LIMIT);
	if (rc == RC_OK) {
		MUST(count <= 32);
		for (size_t i = 0; i < count; i++) {
			MUST(v[i].name != NULL && v[i].value != NULL);
			MUST(v[i].value[v[i].value_n] == '\0');
		}
	}
	(void)http_query_get(&a, bytes, "secret");
	(void)http_query_get(&a, bytes, "hub.challenge");
	buf_init(&b, 16u << 20);
	http_url_encode(&b, bytes);
	MUST(b.n == 0 || str_charset(b.p, 1, b.n, "-._~%"));
	if (!buf_err(&b) && rc == RC_OK) {	/* what was encoded decodes to itself */
		struct buf q;
		const char *back;

		buf_init(&q, 17u << 20);
		buf_printf(&q, "x=%s", b.p);
		back = http_query_get(&a, q.p, "x");
		MUST(back != NULL && strcmp(back, bytes) == 0);
		buf_free(&q);
	}
	buf_free(&b);
	mem_arena_free(&a);
	free(bytes);
	return 0;
}

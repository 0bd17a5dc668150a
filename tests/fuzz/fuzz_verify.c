/*
 * Signature, secret and token headers of a delivery, and the handshake's query:
 * lines "Name: value", a line "?query", an empty line, the body.  Nothing that
 * is made up here is authentic, for no input knows the secrets.
 */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct account *v[16];
	struct food f = { (const char *)p, n };
	struct http_req r;
	const char *why;
	char *line;
	struct buf b;

	for (size_t i = 0; v[i] == NULL && providers[i] != NULL; i++)
		v[i] = fuzz_account(providers[i]);
	http_req_init(&r, "POST", "/instagram/webhook");
	r.query = "";
	while (f.n > 0 && *(line = food_line(&f, &r.arena)) != '\0') {
		char *colon = strchr(line, ':');

		if (*line == '?') {
			r.query = line + 1;
		} else if (colon != NULL) {
			*colon++ = '\0';
			(void)!http_req_header(&r, line, colon + strspn(colon, " "));
		}
	}
	r.body = food_rest(&f);
	r.body_n = f.n;
	for (size_t i = 0; providers[i] != NULL; i++) {
		const struct provider *pv = providers[i];

		if (pv->verify != NULL) {
			why = NULL;
			if (pv->verify(v[i], &r, &why) != RC_OK)
				MUST(why != NULL);
			else	/* a shared secret can be guessed by no input, but be copied */
				MUST(fuzz_knows(p, n, "made-up-"));
		}
		buf_init(&b, 128);
		if (pv->handshake != NULL && pv->handshake(v[i], &r, &b) == RC_OK && !buf_err(&b))
			MUST(str_charset(b.p, 1, 128, "._-") && fuzz_knows(p, n, "made-up-verify-token"));
		buf_free(&b);
	}
	free((char *)(uintptr_t)r.body);
	r.body = "";
	http_req_free(&r);
	return 0;
}

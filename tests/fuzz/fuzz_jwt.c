/* An Authorization header.  The configuration's secret is not in any seed's
 * key: a token that passes was made by this process. */
#include "fuzz.h"
#include "model/auth.h"
#include "base/clock.h"
#include "base/log.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct conf *c;
	static char *good;
	struct food f = { (const char *)p, n };
	struct auth_caller caller;
	unsigned char how;
	char why[96] = "", *s, *h;
	enum rc rc;

	if (c == NULL) {
		clock_set(1731499200000000);
		log_open(&(struct log_opts){ .level = LOG_ERROR, .program = "fuzz" });
		c = mem_alloc(sizeof *c);
		c->jwt_secret = mem_dup("made-up-jwt-secret-of-fuzzing-0123456789abcdef");
		c->jwt_secret_old = mem_dup("older-made-up-jwt-secret-of-fuzzing-0123456789");
		MUST(auth_token_make(c, "anna", "read send", 3600, &good) == RC_OK);
	}
	how = food_byte(&f);
	s = food_rest(&f);
	if (how & 1) {	/* a good token with a place changed */
		size_t at = f.n > 0 ? (unsigned char)s[0] | (size_t)(f.n > 1 ? (unsigned char)s[1] : 0) << 8 : 0;
		size_t len = strlen(good);
		char with = f.n > 2 ? s[2] : 'A', was;

		h = mem_alloc(len + 8);
		snprintf(h, len + 8, "Bearer %s", good);
		was = h[7 + at % len];
		h[7 + at % len] = with;
		rc = auth_bearer(c, h, &caller, why);
		/* only what stands there unchanged passes; base64url of an HS256 MAC ends
		 * in two spare bits, which strict decoding must refuse too */
		MUST((rc == RC_OK) == (was == with));
	} else {
		h = mem_alloc(f.n + 8);
		snprintf(h, f.n + 8, "Bearer %s", s);
		rc = auth_bearer(c, h, &caller, why);
		MUST(rc == RC_DENIED);
		MUST(auth_bearer(c, s, &caller, why) == RC_DENIED);
	}
	MUST(rc == RC_OK || why[0] != '\0');
	free(h);
	free(s);
	return 0;
}

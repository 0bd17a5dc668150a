/* Times, Retry-After, URLs, UTF-8, log lines: short texts that a peer writes. */
#include "fuzz.h"
#include "base/clock.h"
#include "base/log.h"
#include "extern/sign.h"
#include "base/url.h"

static void
times(const char *s, size_t n)
{
	struct http_res r;
	char iso[CLOCK_ISO_MAX];
	int64_t us = 0, again = 0;
	int after;

	if (clock_parse(s, n, &us) == RC_OK) {
		clock_iso_us(us, iso);
		MUST(clock_parse(iso, strlen(iso), &again) == RC_OK && again == us);
		MUST(us >= 946684800000000 && us < 4133980800000000);	/* 2000 to 2100 */
	}
	http_res_init(&r);
	http_res_header(&r, "Retry-After", 11, s, n);
	after = http_retry_after_s(&r);
	MUST(after >= -1 && after <= 86400);
	http_res_free(&r);
}

static void
urls(const char *s)
{
	char host[300] = "";

	if (url_host(s, host, sizeof host) == RC_OK) {
		MUST(strchr(host, '@') == NULL && strchr(host, '/') == NULL && strchr(host, '\\') == NULL);
		MUST(strrchr(host, ':') != NULL);
		for (const char *p = host; *p != '\0'; p++)
			MUST((unsigned char)*p > ' ' && *p != 0x7f);
	} else {
		MUST(!url_allowed(s));
	}
	if (url_allowed(s) && str_istarts(s, "http:"))
		MUST(str_starts(host, "127.") || str_starts(host, "localhost:") || str_starts(host, "[::1]") ||
		    str_starts(host, "["));
}

static void
texts(const char *s, size_t n)
{
	struct mem_arena a = { 0 };
	bool changed = false;
	char *clean = str_utf8_clean(&a, s, n, &changed), shown[4096], dec[8192];
	size_t m = n / 2, cut = str_utf8_cut(clean, strlen(clean), m), out = 0;

	MUST(str_utf8_ok(clean, strlen(clean)));
	MUST(changed || (strlen(clean) == n && memcmp(clean, s, n) == 0));
	MUST(cut <= m && str_utf8_ok(clean, cut));
	cut = str_utf8_cut_chars(clean, strlen(clean), m);
	MUST(str_utf8_ok(clean, cut) && str_utf8_len(clean, cut) <= m);
	log_mask(s, n, shown, sizeof shown);
	for (const char *p = shown; *p != '\0'; p++)	/* no line can be forged */
		MUST((unsigned char)*p >= ' ' && *p != 0x7f);
	if (n < sizeof dec)
		(void)!sign_b64url_decode(s, n, dec, &out);
	mem_arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct food f = { (const char *)p, n };
	char *s = food_rest(&f);

	times(s, n);
	urls(s);
	texts(s, n);
	free(s);
	return 0;
}

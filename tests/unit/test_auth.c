/* auth: hostile tokens.  Every trap of ARCHITECTURE.md 6.3 is a row here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "model/auth.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "extern/sign.h"

#define NOW 1790000000LL
#define HS "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define GOOD "{\"sub\":\"ana\",\"scope\":\"read send\",\"exp\":1790003600}"

static char secret[] = "0123456789abcdef0123456789abcdef";
static char secret_old[] = "fedcba9876543210fedcba9876543210";

static void
b64(struct buf *b, const void *p, size_t n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *c = p;

	for (size_t i = 0; i < n; i += 3) {
		unsigned int v = (unsigned int)c[i] << 16 | (i + 1 < n ? (unsigned int)c[i + 1] << 8 : 0) |
		    (i + 2 < n ? c[i + 2] : 0u);

		buf_putc(b, set[v >> 18]);
		buf_putc(b, set[(v >> 12) & 63]);
		if (i + 1 < n)
			buf_putc(b, set[(v >> 6) & 63]);
		if (i + 2 < n)
			buf_putc(b, set[v & 63]);
	}
}

/* "Bearer h.p.s" with an HMAC under key. */
static void
token(struct buf *b, const char *head, const char *body, const char *key)
{
	unsigned char mac[SIGN_SHA256];

	buf_reset(b);
	b64(b, head, strlen(head));
	buf_putc(b, '.');
	b64(b, body, strlen(body));
	sign_hmac_sha256(key, strlen(key), b->p, b->n, mac);
	buf_putc(b, '.');
	b64(b, mac, sizeof mac);
}

static enum rc
ask(const struct conf *c, const char *tok, struct auth_caller *out)
{
	struct buf b;
	char why[96];
	enum rc rc;

	buf_init(&b, 20000);
	buf_printf(&b, "Bearer %s", tok);
	rc = auth_bearer(c, b.p, out, why);
	if (rc != RC_OK)
		assert_true(why[0] != '\0');
	buf_free(&b);
	return rc;
}

static enum rc
ask_body(const struct conf *c, const char *head, const char *body, struct auth_caller *out)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, 20000);
	token(&b, head, body, secret);
	rc = ask(c, b.p, out);
	buf_free(&b);
	return rc;
}

static void
test_good(void **state)
{
	struct conf c = { .jwt_secret = secret, .jwt_secret_old = secret_old };
	struct auth_caller who;
	struct buf b;
	char *made = NULL;

	(void)state;
	assert_int_equal(ask_body(&c, HS, GOOD, &who), RC_OK);
	assert_string_equal(who.sub, "ana");
	assert_int_equal(who.scopes, AUTH_READ | AUTH_SEND);
	assert_int_equal(strlen(who.key), 64);
	buf_init(&b, 20000);
	token(&b, HS, GOOD, secret_old);
	assert_int_equal(ask(&c, b.p, &who), RC_OK);
	c.jwt_secret_old = NULL;
	assert_int_equal(ask(&c, b.p, &who), RC_DENIED);
	buf_free(&b);
	/* a number as sub, unknown scope words, nbf within the leeway, a late exp within it */
	assert_int_equal(ask_body(&c, HS, "{\"sub\":17,\"scope\":\"read fly admin\",\"nbf\":1790000059,"
	    "\"exp\":1789999941.5}", &who), RC_OK);
	assert_string_equal(who.sub, "17");
	assert_int_equal(who.scopes, AUTH_READ | AUTH_ADMIN);
	assert_int_equal(auth_token_make(&c, "bob", "poll admin", 3600, &made), RC_OK);
	assert_int_equal(ask(&c, made, &who), RC_OK);
	assert_int_equal(who.scopes, AUTH_POLL | AUTH_ADMIN);
	mem_free_secret(made);
	assert_int_equal(auth_token_make(&c, "bob", "poll fly", 3600, &made), RC_INVALID);
	assert_string_equal(auth_scope_name(AUTH_POLL), "poll");
}

static void
test_scope(void **state)
{
	struct conf c = { .jwt_secret = secret };
	struct auth_caller who;

	(void)state;
	assert_int_equal(ask_body(&c, HS, "{\"exp\":1790003600}", &who), RC_OK);
	assert_int_equal(who.scopes, 0);
	assert_string_equal(who.sub, "");
	c.jwt_default_scope = (char *)(uintptr_t)"read poll send";
	assert_int_equal(ask_body(&c, HS, "{\"exp\":1790003600}", &who), RC_OK);
	assert_int_equal(who.scopes, AUTH_READ | AUTH_POLL | AUTH_SEND);
	/* a claim that is there wins over the default, whatever it is */
	assert_int_equal(ask_body(&c, HS, "{\"exp\":1790003600,\"scope\":\"\"}", &who), RC_OK);
	assert_int_equal(who.scopes, 0);
	assert_int_equal(ask_body(&c, HS, "{\"exp\":1790003600,\"scope\":7}", &who), RC_OK);
	assert_int_equal(who.scopes, 0);
}

static void
test_refused_claims(void **state)
{
	static const struct { const char *head, *body; } bad[] = {
		{ HS, "{\"sub\":\"x\"}" },				/* no exp */
		{ HS, "{\"exp\":\"1790003600\"}" },
		{ HS, "{\"exp\":null}" },
		{ HS, "{\"exp\":true}" },
		{ HS, "{\"exp\":1789999940}" },				/* 60 s ago */
		{ HS, "{\"exp\":0}" },
		{ HS, "{\"exp\":-1}" },
		{ HS, "{\"exp\":1790003600,\"nbf\":1790000061}" },
		{ HS, "{\"exp\":1790003600,\"nbf\":\"1\"}" },
		{ HS, "{\"exp\":1,\"exp\":1790003600}" },		/* duplicates */
		{ HS, "{\"exp\":1790003600,\"scope\":\"read\",\"scope\":\"admin\"}" },
		{ HS, "{\"exp\":1790003600,\"\\u0065xp\":1790003600}" },
		{ HS, "{\"exp\":1790003600,\"sub\":\"x\",\"sub\":\"x\"}" },
		{ HS, "{\"exp\":1790003600,\"nbf\":null}" },
		{ "{\"alg\":\"HS256\",\"crit\":null}", GOOD },
		{ HS, "[1790003600]" },
		{ HS, "\"exp\"" },
		{ HS, "{\"exp\":1790003600} x" },
		{ HS, "{'exp':1790003600}" },
		{ HS, "" },
		{ "{\"alg\":\"HS256\",\"alg\":\"none\"}", GOOD },
		{ "{\"alg\":\"none\"}", GOOD },
		{ "{\"alg\":\"None\"}", GOOD },
		{ "{\"alg\":\"hs256\"}", GOOD },
		{ "{\"alg\":\"HS384\"}", GOOD },
		{ "{\"alg\":\"HS512\"}", GOOD },
		{ "{\"alg\":\"RS256\"}", GOOD },
		{ "{\"alg\":\"ES256\"}", GOOD },
		{ "{\"alg\":[\"HS256\"]}", GOOD },
		{ "{\"alg\":null}", GOOD },
		{ "{\"typ\":\"JWT\"}", GOOD },
		{ "{\"alg\":\"HS256\",\"crit\":[\"x\"]}", GOOD },
		{ "{}", GOOD },
		{ "null", GOOD },
	};
	struct conf c = { .jwt_secret = secret };
	struct auth_caller who;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (ask_body(&c, bad[i].head, bad[i].body, &who) != RC_DENIED)
			fail_msg("let through: %s . %s", bad[i].head, bad[i].body);
}

static void
test_refused_shape(void **state)
{
	static const char *const bad[] = { "", ".", "..", "...", "a.b.c", "eyJhbGciOiJub25lIn0.e30.",
		"eyJhbGciOiJIUzI1NiJ9.e30.!!", " ", "\x01\x02.\xff.\xff", "a.b.c.d", "Bearer" };
	struct conf c = { .jwt_secret = secret };
	struct auth_caller who;
	struct buf b, t;
	char why[96];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (ask(&c, bad[i], &who) != RC_DENIED)
			fail_msg("let through: %s", bad[i]);
	assert_int_equal(auth_bearer(&c, NULL, &who, why), RC_DENIED);
	assert_int_equal(auth_bearer(&c, "", &who, why), RC_DENIED);
	assert_int_equal(auth_bearer(&c, "Basic YTpi", &who, why), RC_DENIED);
	buf_init(&b, 30000);
	buf_init(&t, 30000);
	token(&b, HS, GOOD, secret);
	n = b.n;
	/* changed around: each makes a good token a bad one */
	static const char *const tails[] = { ".", ".x", "=", "==", " ", "!", "A", "\n", "%" };
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		buf_reset(&t);
		buf_put(&t, b.p, n);
		buf_puts(&t, tails[i]);
		if (ask(&c, t.p, &who) != RC_DENIED)
			fail_msg("let through with tail %s", tails[i]);
	}
	for (size_t i = 0; i < n; i++) {	/* any one character replaced */
		buf_reset(&t);
		buf_put(&t, b.p, n);
		t.p[i] = t.p[i] == 'x' ? 'y' : 'x';
		assert_int_equal(ask(&c, t.p, &who), RC_DENIED);
		assert_int_equal(ask(&c, (t.p[i] = '!', t.p), &who), RC_DENIED);
	}
	token(&b, HS, GOOD, "another secret of thirty-two bytes or more");
	assert_int_equal(ask(&c, b.p, &who), RC_DENIED);
	/* nested deeper than a small stack: refused before any recursion */
	buf_reset(&t);
	for (int i = 0; i < 5000; i++)
		buf_putc(&t, '[');
	token(&b, HS, t.p, secret);
	assert_int_equal(ask(&c, b.p, &who), RC_DENIED);
	buf_reset(&t);
	for (int i = 0; i < 9000; i++)
		buf_putc(&t, 'a');
	assert_int_equal(ask(&c, t.p, &who), RC_DENIED);
	buf_free(&b);
	buf_free(&t);
}

static void
test_no_key(void **state)
{
	struct conf c = { 0 };
	struct auth_caller who;
	char *made = NULL;

	(void)state;
	assert_int_equal(ask_body(&c, HS, GOOD, &who), RC_TEMP);
	assert_int_equal(auth_token_make(&c, "x", NULL, 60, &made), RC_TEMP);
	c.jwt_secret = (char *)(uintptr_t)"short";	/* conf refuses it; so does auth */
	assert_int_equal(ask_body(&c, HS, GOOD, &who), RC_DENIED);
}

/* A token signed with a private key. */
static void
pk_token(struct buf *b, EVP_PKEY *key, const char *head, const char *body)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char sig[1024], flat[64] = { 0 };
	size_t n = sizeof sig;

	buf_reset(b);
	b64(b, head, strlen(head));
	buf_putc(b, '.');
	b64(b, body, strlen(body));
	assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(md, sig, &n, (unsigned char *)b->p, b->n), 1);
	EVP_MD_CTX_free(md);
	buf_putc(b, '.');
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {	/* DER to r || s */
		const unsigned char *p = sig;
		ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);

		BN_bn2binpad(ECDSA_SIG_get0_r(s), flat, 32);
		BN_bn2binpad(ECDSA_SIG_get0_s(s), flat + 32, 32);
		ECDSA_SIG_free(s);
		b64(b, flat, 64);
	} else
		b64(b, sig, n);
}

static void
check_public(EVP_PKEY *key, const char *head, const char *other_head)
{
	char path[] = "/tmp/dmbox-test-key-XXXXXX", pem[4096];
	struct conf c = { .jwt_public_key_file = path };
	struct auth_caller who;
	struct buf b, t;
	FILE *f = fdopen(mkstemp(path), "w+");
	size_t n;

	assert_non_null(f);
	assert_int_equal(PEM_write_PUBKEY(f, key), 1);
	rewind(f);
	n = fread(pem, 1, sizeof pem - 1, f);
	pem[n] = '\0';
	fclose(f);
	buf_init(&b, 20000);
	buf_init(&t, 20000);
	pk_token(&b, key, head, GOOD);
	assert_int_equal(ask(&c, b.p, &who), RC_OK);
	assert_string_equal(who.sub, "ana");
	buf_printf(&t, "%s!!", b.p);
	assert_int_equal(ask(&c, t.p, &who), RC_DENIED);
	buf_reset(&t);
	buf_printf(&t, "%s=", b.p);
	assert_int_equal(ask(&c, t.p, &who), RC_DENIED);
	pk_token(&b, key, head, "{\"sub\":\"x\",\"exp\":1780000000}");
	assert_int_equal(ask(&c, b.p, &who), RC_DENIED);
	pk_token(&b, key, other_head, GOOD);
	assert_int_equal(ask(&c, b.p, &who), RC_DENIED);
	/* the public PEM as an HMAC key, with and without a JWT_SECRET beside it */
	token(&b, HS, GOOD, pem);
	assert_int_equal(ask(&c, b.p, &who), RC_DENIED);
	c.jwt_secret = secret;
	assert_int_equal(ask(&c, b.p, &who), RC_DENIED);
	token(&b, HS, GOOD, secret);
	assert_int_equal(ask(&c, b.p, &who), RC_OK);
	pk_token(&b, key, head, GOOD);
	unlink(path);
	assert_int_equal(ask(&c, b.p, &who), RC_TEMP);
	buf_free(&b);
	buf_free(&t);
	EVP_PKEY_free(key);
}

static void
test_public(void **state)
{
	(void)state;
	check_public(EVP_RSA_gen(2048), "{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"}");
	check_public(EVP_EC_gen("P-256"), "{\"alg\":\"ES256\"}", "{\"alg\":\"RS256\"}");
}

static int
setup(void **state)
{
	(void)state;
	clock_set(NOW * 1000000);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_refused_claims),
		cmocka_unit_test(test_refused_shape),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_public),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

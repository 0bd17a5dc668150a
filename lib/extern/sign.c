/*
 * libcrypto, and nothing of it outside this file.  HMAC over a digest
 * that is fetched once: the EVP_MAC object keeps more memory.
 */
#include "extern/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/mem.h"
#include "base/str.h"

/* Fetched once a process: a fetch for each digest costs more than the digest. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *md_sha256;

static void
fetch(void)
{
	md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (md_sha256 == NULL)
		abort();
}

static const EVP_MD *
sha256(void)
{
	pthread_once(&once, fetch);
	return md_sha256;
}

void
sign_hmac_sha256(
    const void *key, size_t key_n, const void *p, size_t n, unsigned char out[SIGN_SHA256])
{
	static const unsigned char none[1];
	unsigned int len = 0;

	if (HMAC(sha256(), key_n > 0 ? key : none, (int)key_n, n > 0 ? p : none, n, out, &len) ==
		NULL ||
	    len != SIGN_SHA256)
		abort();
}

void
sign_sha256(const void *p, size_t n, unsigned char out[SIGN_SHA256])
{
	if (EVP_Digest(n > 0 ? p : "", n, out, NULL, sha256(), NULL) != 1)
		abort();
}

void
sign_sha256_hex(const void *p, size_t n, char out[65])
{
	unsigned char d[SIGN_SHA256];

	sign_sha256(p, n, d);
	str_hex(d, sizeof d, out);
}

struct sign_hash {
	EVP_MD_CTX *md;
};

struct sign_hash *
sign_hash_new(void)
{
	struct sign_hash *h = mem_alloc(sizeof *h);

	h->md = EVP_MD_CTX_new();
	if (h->md == NULL || EVP_DigestInit_ex(h->md, sha256(), NULL) != 1)
		abort();
	return h;
}

void
sign_hash_add(struct sign_hash *h, const void *p, size_t n)
{
	if (n > 0 && EVP_DigestUpdate(h->md, p, n) != 1)
		abort();
}

void
sign_hash_end(struct sign_hash *h, unsigned char out[SIGN_SHA256])
{
	if (EVP_DigestFinal_ex(h->md, out, NULL) != 1)
		abort();
	EVP_MD_CTX_free(h->md);
	free(h);
}

bool
sign_equal(const void *a, size_t an, const void *b, size_t bn)
{
	return an == bn && (an == 0 || CRYPTO_memcmp(a, b, an) == 0);
}

/* From the device: a kernel before 3.17, which hosters with CloudLinux 7 have, knows no call. */
static ssize_t
from_device(unsigned char *p, size_t n)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	ssize_t k;

	if (fd < 0)
		abort();
	k = read(fd, p, n);
	close(fd);
	if (k == 0)
		abort();
	return k;
}

void
sign_random(void *p, size_t n)
{
	unsigned char *c = p;

	while (n > 0) {
		size_t some = n > 256 ? 256 : n;
		ssize_t k = getrandom(c, some, 0);

		if (k < 0 && errno == ENOSYS)
			k = from_device(c, some);
		if (k < 0) {
			if (errno == EINTR)
				continue;
			abort();
		}
		c += k;
		n -= (size_t)k;
	}
}

/* What ids are made of: they are no secrets, so one call of the kernel serves a dozen. */
static _Thread_local struct {
	size_t left;
	unsigned char p[256];
} pool;

/* In a child: it must not make the ids that its parent makes. */
static void
forget_pool(void)
{
	pool.left = 0;
}

static void
watch_forks(void)
{
	if (pthread_atfork(NULL, NULL, forget_pool) != 0)
		abort();
}

static void
random_id(void *p, size_t n)
{
	static pthread_once_t watched = PTHREAD_ONCE_INIT;

	if (pool.left < n) {
		pthread_once(&watched, watch_forks);
		sign_random(pool.p, sizeof pool.p);
		pool.left = sizeof pool.p;
	}
	pool.left -= n;
	memcpy(p, pool.p + pool.left, n);
}

/* n letters and digits out of what fill gives. */
static void
letters(char *out, size_t n, void (*fill)(void *p, size_t n))
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char r[64];
	size_t i = 0;

	while (i < n) {
		size_t ask = n - i < sizeof r ? n - i : sizeof r;

		fill(r, ask);
		for (size_t k = 0; k < ask; k++)
			if (r[k] < 4 * 62)	/* the rest would make some letters likelier */
				out[i++] = set[r[k] % 62];
	}
	out[n] = '\0';
	mem_wipe(r, sizeof r);
}

void
sign_token(char *out, size_t n)
{
	letters(out, n, sign_random);
}

void
sign_id(char *out, size_t n)
{
	letters(out, n, random_id);
}

void
sign_uuid(char out[37], int64_t at_us)
{
	uint64_t ms = (uint64_t)at_us / 1000;
	unsigned char r[16];
	char hex[33];

	random_id(r, sizeof r);
	for (int i = 0; at_us > 0 && i < 6; i++)
		r[i] = (unsigned char)(ms >> (40 - 8 * i));
	/* version 4 or 7, RFC 9562 5.4 and 5.7 */
	r[6] = (unsigned char)((r[6] & 0x0f) | (at_us > 0 ? 0x70 : 0x40));
	r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
	str_hex(r, sizeof r, hex);
	memcpy(out, hex, 8);
	memcpy(out + 9, hex + 8, 4);
	memcpy(out + 14, hex + 12, 4);
	memcpy(out + 19, hex + 16, 4);
	memcpy(out + 24, hex + 20, 12);
	out[8] = out[13] = out[18] = out[23] = '-';
	out[36] = '\0';
}

static int
b64url_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

enum rc
sign_b64url_decode(const char *s, size_t n, void *out, size_t *out_n)
{
	unsigned char *o = out;
	unsigned int acc = 0;
	int bits = 0;
	size_t k = 0;

	if (n % 4 == 1)
		return RC_INVALID;
	for (size_t i = 0; i < n; i++)
		if (b64url_value(s[i]) < 0)
			return RC_INVALID;
	/* the bits left over must be zero: one text, one meaning (RFC 4648 3.5) */
	if (n % 4 != 0 && (b64url_value(s[n - 1]) & (n % 4 == 2 ? 0x0f : 0x03)) != 0)
		return RC_INVALID;
	for (size_t i = 0; i < n; i++) {
		acc = (acc << 6) | (unsigned int)b64url_value(s[i]);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			o[k++] = (unsigned char)(acc >> bits);
			acc &= (1u << bits) - 1;
		}
	}
	*out_n = k;
	return RC_OK;
}

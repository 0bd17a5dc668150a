#ifndef DMBOX_TESTS_HMAC_COUNT_H
#define DMBOX_TESTS_HMAC_COUNT_H

#include <stddef.h>
#include "extern/sign.h"

/* What the HMAC has read: sign_hmac_sha256 is called by way of this (Makefile, --wrap).
 * hmac_bytes: of all calls together; hmac_whole: how many of them read hmac_n bytes. */
static size_t hmac_bytes, hmac_n, hmac_whole;
void __real_sign_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n,
    unsigned char out[SIGN_SHA256]);
void __wrap_sign_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n,
    unsigned char out[SIGN_SHA256]);

void
__wrap_sign_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n,
    unsigned char out[SIGN_SHA256])
{
	hmac_bytes += n;
	hmac_whole += n == hmac_n;
	__real_sign_hmac_sha256(key, key_n, p, n, out);
}

#endif

#ifndef DMBOX_EXTERN_SIGN_H
#define DMBOX_EXTERN_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/rc.h"

/* libcrypto, which no other file includes: MACs, digests, random bytes, constant time. */
#define SIGN_SHA256 32

/* sign_hmac_sha256: HMAC-SHA256 (RFC 2104), sign_sha256: SHA-256 of n bytes. */
void sign_hmac_sha256(
    const void *key, size_t key_n, const void *p, size_t n, unsigned char out[SIGN_SHA256]);
void sign_sha256(const void *p, size_t n, unsigned char out[SIGN_SHA256]);
/* The MACs of one body by secret, so that none is made twice.  n = 0 to begin with; keys are
 * borrowed.  Where it is full the rest is made as often as it is asked for. */
#define SIGN_MEMO 16
struct sign_memo {
	size_t n;
	struct sign_made {
		const char *key;
		size_t key_n;
		bool explained;		/* other forms of the body were tried with it, too */
		unsigned char mac[SIGN_SHA256];
	} v[SIGN_MEMO];
};
/* sign_sha256_hex(p, n, out): 64 characters and a NUL. */
void sign_sha256_hex(const void *p, size_t n, char out[65]);
/* A digest in pieces (media files, weak keys with separators): sign_hash_new, sign_hash_add as
 * often as need be, sign_hash_end, which frees it. */
struct sign_hash;
struct sign_hash *sign_hash_new(void);
void sign_hash_add(struct sign_hash *h, const void *p, size_t n);
void sign_hash_end(struct sign_hash *h, unsigned char out[SIGN_SHA256]);	/* frees h */
/* sign_equal(a, an, b, bn): constant time in the content; lengths may leak. */
bool sign_equal(const void *a, size_t an, const void *b, size_t bn);
/* sign_random(p, n): cryptographic; dies where the system has none. */
void sign_random(void *p, size_t n);
/* sign_token(out, n): n characters of A-Za-z0-9 and a NUL (secrets, nonces). */
void sign_token(char *out, size_t n);
/* sign_id: the same for what is no secret (request ids): the bytes come from a store of
 * the thread, filled by the kernel for several ids and emptied by a fork. */
void sign_id(char *out, size_t n);
/*
 * sign_uuid(out, at_us): a UUID as 36 characters and a NUL; at_us 0: all random (v4),
 * else beginning with that time (v7), so that those made together lie together in
 * an index.  An id, no secret: as sign_id.
 */
void sign_uuid(char out[37], int64_t at_us);
/* sign_b64url_decode(s, n, out, out_n): base64url without padding, strict (RFC 7515): RC_INVALID on
 * anything else.  out holds n bytes at least; *out_n is what was written. */
enum rc sign_b64url_decode(const char *s, size_t n, void *out, size_t *out_n) MUST_CHECK;

#endif

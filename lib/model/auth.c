/*
 * libjwt 1.10 lets through an expired token, alg none without a key, duplicate
 * claims, junk inside a signature, and HS256 keyed with a public PEM (ARCHITECTURE.md
 * 6.3).  So the token is taken apart and judged here first, part by part, and
 * libjwt sees only what is already well formed and whose algorithm we chose.
 *
 * That is also because libjwt reads with jansson, which recurses 2048 deep: a worker's
 * 256 kB stack does not hold that.  json_parse refuses it before.
 */
#include "model/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jwt.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "extern/json.h"
#include "extern/sign.h"
#include "base/str.h"

#define TOKEN_MAX 8192
#define KEY_FILE_MAX 16384
#define LEEWAY_S 60
#define SECRET_MIN 32

static const struct {
	enum auth_scope bit;
	const char *name;
} scopes[] = {
	{ AUTH_READ, "read" },
	{ AUTH_POLL, "poll" },
	{ AUTH_SEND, "send" },
	{ AUTH_ADMIN, "admin" },
};
#define N_SCOPES (sizeof scopes / sizeof *scopes)

const char *
auth_scope_name(enum auth_scope s)
{
	for (size_t i = 0; i < N_SCOPES; i++)
		if (scopes[i].bit == s)
			return scopes[i].name;
	return "?";
}

static enum rc
deny(char why[96], const char *reason)
{
	snprintf(why, 96, "%s", reason);
	return RC_DENIED;
}

/* Words to bits; false where a word is none of ours. */
static bool
scope_bits(const char *s, unsigned int *out)
{
	struct strv v = { 0 };
	unsigned int bits = 0;
	bool known = true;

	strv_split(&v, s, ' ');
	for (size_t i = 0; i < v.n; i++) {
		size_t k = 0;

		while (k < N_SCOPES && !str_eq(v.v[i], scopes[k].name))
			k++;
		if (k < N_SCOPES)
			bits |= scopes[k].bit;
		else
			known = false;
	}
	strv_free(&v);
	*out = bits;
	return known;
}

/* One base64url part to a JSON object that names no member twice. */
static enum rc
part_json(const char *p, size_t n, struct json **out)
{
	char *text = mem_alloc(n + 1);
	struct json *j = NULL;
	size_t len = 0;
	enum rc rc;

	if ((rc = sign_b64url_decode(p, n, text, &len)) == RC_OK &&
	    (rc = json_parse(text, len, &j, NULL)) == RC_OK &&
	    (json_type(j) != JSON_OBJECT || json_twice(j, text, len) != JSON_ONCE))
		rc = RC_INVALID;
	free(text);
	if (rc == RC_OK)
		*out = j;
	else
		json_free(j);
	return rc == RC_OK ? RC_OK : RC_DENIED;
}

/* A member and its type; json_member alone does not tell null from absent. */
static enum json_type
claim(const struct json *o, const char *name, const struct json **out)
{
	*out = json_member(o, name);
	return *out == NULL && json_is_null(o, name) ? JSON_NULL : json_type(*out);
}

/* The algorithm of the header, if it is one this configuration allows. */
static enum rc
pinned_alg(const struct conf *c, const struct json *head, jwt_alg_t *out)
{
	struct mem_arena a = { 0 };
	const char *alg = json_str(&a, json_member(head, "alg"));
	const struct json *crit;
	enum rc rc = RC_OK;

	if (claim(head, "crit", &crit) != JSON_ABSENT)	/* RFC 7515 4.1.11 */
		rc = RC_DENIED;
	else if (str_eq(alg, "HS256") && c->jwt_secret != NULL)
		*out = JWT_ALG_HS256;
	else if (str_eq(alg, "RS256") && c->jwt_public_key_file != NULL)
		*out = JWT_ALG_RS256;
	else if (str_eq(alg, "ES256") && c->jwt_public_key_file != NULL)
		*out = JWT_ALG_ES256;
	else
		rc = RC_DENIED;
	mem_arena_free(&a);
	return rc;
}

static enum rc
read_key_file(const char *path, char **out, size_t *out_n)
{
	char *p = mem_alloc(KEY_FILE_MAX + 1);
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, p, KEY_FILE_MAX);
		if (n < 0)
			log_error("JWT_PUBLIC_KEY_FILE %s: %s", path, strerror(errno));
		close(fd);
	} else
		log_error("JWT_PUBLIC_KEY_FILE %s: %s", path, strerror(errno));
	if (n <= 0) {
		free(p);
		return RC_TEMP;
	}
	*out = p;
	*out_n = (size_t)n;
	return RC_OK;
}

/* Does this key verify the token under exactly this algorithm? */
static bool
verifies(const char *token, jwt_alg_t alg, const char *key, size_t key_n)
{
	jwt_t *jwt = NULL;
	bool good;

	if (key == NULL || key_n == 0)	/* never without a key */
		return false;
	good = jwt_decode(&jwt, token, (const unsigned char *)key, (int)key_n) == 0 &&
	    jwt != NULL && jwt_get_alg(jwt) == alg;
	jwt_free(jwt);
	return good;
}

static bool
verifies_secret(const char *token, const char *secret)
{
	return secret != NULL && strlen(secret) >= SECRET_MIN &&
	    verifies(token, JWT_ALG_HS256, secret, strlen(secret));
}

static enum rc
signature(const struct conf *c, const char *token, jwt_alg_t alg, char why[96])
{
	char *key;
	size_t n;
	bool good;

	if (alg == JWT_ALG_HS256)
		return verifies_secret(token, c->jwt_secret) ||
			verifies_secret(token, c->jwt_secret_old) ?
		    RC_OK :
		    deny(why, "signature does not match");
	if (read_key_file(c->jwt_public_key_file, &key, &n) != RC_OK) {
		snprintf(why, 96, "public key file cannot be read");
		return RC_TEMP;
	}
	good = verifies(token, alg, key, n);
	free(key);
	return good ? RC_OK : deny(why, "signature does not match");
}

/* A NumericDate (RFC 7519 2), seconds, which may have a fraction. */
static double
seconds(const struct json *number)
{
	struct mem_arena a = { 0 };
	double s = strtod(json_text(&a, number), NULL);

	mem_arena_free(&a);
	return s;
}

/* exp and nbf (RFC 7519 4.1.4, 4.1.5) with leeway. */
static enum rc
times(const struct json *body, char why[96])
{
	const struct json *exp, *nbf;
	enum json_type exp_is = claim(body, "exp", &exp), nbf_is = claim(body, "nbf", &nbf);
	double now = (double)clock_now_us() / 1e6;

	if (exp_is != JSON_NUMBER)
		return deny(why, exp_is == JSON_ABSENT ? "exp is missing" : "exp is not a number");
	if (now >= seconds(exp) + LEEWAY_S)
		return deny(why, "expired");
	if (nbf_is != JSON_ABSENT && nbf_is != JSON_NUMBER)
		return deny(why, "nbf is not a number");
	if (nbf_is == JSON_NUMBER && now + LEEWAY_S < seconds(nbf))
		return deny(why, "not valid yet");
	return RC_OK;
}

/* sub as a caller's name: text or a number (some logins count their users). */
static void
set_sub(const struct json *sub, struct auth_caller *out)
{
	struct mem_arena a = { 0 };
	const char *s = json_text(&a, sub);
	char *clean;
	size_t n;

	if (s == NULL)
		s = "";
	sign_sha256_hex(s, strlen(s), out->key);
	clean = str_utf8_clean(&a, s, strlen(s), NULL);
	n = str_utf8_cut(clean, strlen(clean), sizeof out->sub - 1);
	memcpy(out->sub, clean, n);
	out->sub[n] = '\0';
	for (char *p = out->sub; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	mem_arena_free(&a);
}

static void
set_caller(const struct conf *c, const struct json *body, struct auth_caller *out)
{
	struct mem_arena a = { 0 };
	const struct json *scope;
	enum json_type is = claim(body, "scope", &scope);

	memset(out, 0, sizeof *out);
	if (is == JSON_STRING)
		/* foreign words mean nothing here */
		(void)scope_bits(json_str(&a, scope), &out->scopes);
	else if (is == JSON_ABSENT && c->jwt_default_scope != NULL)
		(void)scope_bits(c->jwt_default_scope, &out->scopes);
	set_sub(json_member(body, "sub"), out);
	mem_arena_free(&a);
}

/* Exactly two dots, three parts that are not empty. */
static bool
split(const char *t, const char *part[3], size_t n[3])
{
	for (int i = 0; i < 3; i++) {
		part[i] = t;
		n[i] = strcspn(t, ".");
		if (n[i] == 0 || (i < 2 && t[n[i]] != '.'))
			return false;
		t += n[i] + (i < 2);
	}
	return part[2][n[2]] == '\0';
}

static enum rc
check_token(const struct conf *c, const char *token, struct auth_caller *out, char why[96])
{
	const char *part[3];
	size_t n[3], sig_n;
	unsigned char sig[TOKEN_MAX];
	struct json *head = NULL, *body = NULL;
	jwt_alg_t alg = JWT_ALG_NONE;
	enum rc rc;

	if (strlen(token) > TOKEN_MAX)
		return deny(why, "token too long");
	if (!split(token, part, n))
		return deny(why, "not three parts");
	if (sign_b64url_decode(part[2], n[2], sig, &sig_n) != RC_OK)
		return deny(why, "signature is not base64url");
	if (part_json(part[0], n[0], &head) != RC_OK)
		rc = deny(why, "malformed header");
	else if (part_json(part[1], n[1], &body) != RC_OK)
		rc = deny(why, "malformed or duplicate claims");
	else if (pinned_alg(c, head, &alg) != RC_OK)
		rc = deny(why, "algorithm is not allowed");
	else if ((rc = signature(c, token, alg, why)) == RC_OK && (rc = times(body, why)) == RC_OK)
		set_caller(c, body, out);
	json_free(head);
	json_free(body);
	return rc;
}

enum rc
auth_bearer(const struct conf *c, const char *header, struct auth_caller *out, char why[96])
{
	why[0] = '\0';
	if (c->jwt_secret == NULL && c->jwt_public_key_file == NULL) {
		snprintf(why, 96, "JWT_SECRET is not set");
		return RC_TEMP;
	}
	if (header == NULL)
		return deny(why, "no Authorization header");
	if (!str_istarts(header, "Bearer "))
		return deny(why, "not a Bearer credential");
	header += strlen("Bearer ");
	header += strspn(header, " ");
	return check_token(c, header, out, why);
}

enum rc
auth_token_make(const struct conf *c, const char *sub, const char *scope, int64_t ttl_s, char **out)
{
	unsigned int bits;
	int64_t now = clock_now_us() / 1000000;
	jwt_t *jwt = NULL;
	char *s = NULL;
	enum rc rc = RC_BUG;

	if (scope != NULL && !scope_bits(scope, &bits))
		return RC_INVALID;
	if (c->jwt_secret == NULL || strlen(c->jwt_secret) < SECRET_MIN)
		return RC_TEMP;
	if (jwt_new(&jwt) == 0 &&
	    jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)c->jwt_secret,
		(int)strlen(c->jwt_secret)) == 0 &&
	    jwt_add_grant(jwt, "sub", sub) == 0 &&
	    (scope == NULL || jwt_add_grant(jwt, "scope", scope) == 0) &&
	    jwt_add_grant_int(jwt, "iat", (long)now) == 0 &&
	    jwt_add_grant_int(jwt, "exp", (long)(now + ttl_s)) == 0 &&
	    (s = jwt_encode_str(jwt)) != NULL) {
		*out = mem_dup(s);
		mem_wipe(s, strlen(s));
		rc = RC_OK;
	} else
		LOG_BUG("token cannot be made: %s", strerror(errno));
	free(s);
	jwt_free(jwt);
	return rc;
}

/*
 * What Meta's products have in common: signature, handshake, proof of a call and how much of
 * the allowed calls is used (providers.md B.2, B.3, B.8, H.2, H.20).  The providers that speak to
 * Meta share it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "extern/sign.h"
#include "provider/meta/meta.h"

#define EXPLAIN_MAX (256 * 1024)	/* of a body: to say why its signature is wrong is dear */
#define USAGE_LIMIT 95	/* percent */
#define USAGE_REST_S 60
#define REGAIN_MAX_MIN (24 * 60)
#define SIG_LEN 71	/* "sha256=" and 64 hex digits, B.3 */

/* Also of an account that no file made. */
static const struct meta_own *
own_of(const struct account *a)
{
	static const struct meta_own none = { .version = NULL };

	return a->own != NULL ? a->own : &none;
}

void
meta_unconfigure(struct meta_own *own)
{
	free(own->version);
	mem_free_secret(own->verify_token);
	strv_free(&own->app_secrets);
}

/* --- requests ---------------------------------------------------------------------- */

unsigned int
meta_proofs(const struct meta_own *own)
{
	return (unsigned int)own->app_secrets.n + 1;
}

static void
put_proof(const struct account *a, const struct meta_own *own, const char *path, struct buf *url)
{
	unsigned int at = a->proof % meta_proofs(own);
	unsigned char mac[SIGN_SHA256];
	char hex[2 * SIGN_SHA256 + 1];
	const char *secret;
	size_t n;

	if (at >= own->app_secrets.n)
		return;
	secret = own->app_secrets.v[at];
	n = strlen(secret);
	str_trim(&secret, &n);
	sign_hmac_sha256(secret, n, a->token, strlen(a->token), mac);
	str_hex(mac, sizeof mac, hex);
	buf_printf(url, "%cappsecret_proof=%s", strchr(path, '?') != NULL ? '&' : '?', hex);
	mem_wipe(mac, sizeof mac);
}

enum rc
meta_req(const struct account *a, const struct meta_call *c, const char *method, const char *path,
    struct http_req *out)
{
	struct buf url, auth;
	enum rc rc = RC_INVALID;

	if (str_empty(a->token))
		return RC_INVALID;
	buf_init(&url, 64 * 1024);
	buf_init(&auth, 16 * 1024);
	buf_puts(&url, c->base);
	if (!str_empty(c->own->version))
		buf_printf(&url, "/%s", c->own->version);
	buf_printf(&url, "/%s", path);
	if (c->proof)
		put_proof(a, c->own, path, &url);
	buf_printf(&auth, "Bearer %s", a->token);
	if (!buf_err(&url) && !buf_err(&auth)) {
		http_req_init(out, method, url.p);
		rc = http_req_header(out, "Authorization", auth.p);
		if (rc == RC_OK)
			rc = http_req_header(out, "Accept", "application/json");
		if (rc != RC_OK)
			http_req_free(out);
	}
	mem_wipe(auth.p, auth.n);
	buf_free(&auth);
	buf_free(&url);
	return rc;
}

/* --- signature (B.3) ------------------------------------------------------------ */

/* What is there of this secret, or NULL. */
static struct sign_made *
made_of(struct sign_memo *m, const char *key, size_t key_n)
{
	for (size_t i = 0; m != NULL && i < m->n; i++)
		if (m->v[i].key_n == key_n && memcmp(m->v[i].key, key, key_n) == 0)
			return &m->v[i];
	return NULL;
}

/* The MAC of the body, of one secret once for each request. */
static void
hmac_once(struct sign_memo *m, const char *key, size_t key_n, const void *p, size_t n,
    unsigned char out[SIGN_SHA256])
{
	struct sign_made *made = made_of(m, key, key_n);

	if (made != NULL) {
		memcpy(out, made->mac, SIGN_SHA256);
		return;
	}
	sign_hmac_sha256(key, key_n, p, n, out);
	if (m == NULL || m->n == SIGN_MEMO)
		return;
	made = &m->v[m->n++];
	made->key = key;
	made->key_n = key_n;
	made->explained = false;
	memcpy(made->mac, out, SIGN_SHA256);
}

/* Does one of the secrets give mac over the body?  All are tried, so that the time
 * says nothing of which; trim: those with white space around them, without it. */
static bool
any_secret(const struct strv *secrets, bool trim, const struct http_req *req,
    const unsigned char mac[SIGN_SHA256])
{
	unsigned char own[SIGN_SHA256];
	bool hit = false;

	for (size_t i = 0; i < secrets->n; i++) {
		const char *s = secrets->v[i];
		size_t sn = strlen(s), all = sn;

		if (trim)
			str_trim(&s, &sn);
		if (trim && sn == all)
			continue;
		hmac_once(req->memo, s, sn, req->body, req->body_n, own);
		hit |= sign_equal(own, sizeof(own), mac, SIGN_SHA256);
	}
	mem_wipe(own, sizeof(own));
	return hit;
}

/* The same over another form p of the body, with the secrets that were not tried so yet. */
static bool
any_other(const struct strv *secrets, struct sign_memo *memo, const char *p, size_t n,
    const unsigned char mac[SIGN_SHA256])
{
	unsigned char own[SIGN_SHA256];
	bool hit = false;

	for (size_t i = 0; i < secrets->n; i++) {
		const char *s = secrets->v[i];
		const struct sign_made *made = made_of(memo, s, strlen(s));

		if (made != NULL && made->explained)
			continue;
		sign_hmac_sha256(s, strlen(s), p, n, own);
		hit |= sign_equal(own, sizeof(own), mac, SIGN_SHA256);
	}
	mem_wipe(own, sizeof(own));
	return hit;
}

static void
put_escaped(struct buf *b, uint32_t c)
{
	if (c >= 0x10000) {
		c -= 0x10000;
		buf_printf(b, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
	} else {
		buf_printf(b, "\\u%04x", c);
	}
}

/* The body as Meta writes it, non-ASCII as \uXXXX: what a proxy that decodes
 * and encodes again has undone (B.3).  False where nothing would change. */
static bool
escape_body(const char *p, size_t n, struct buf *b)
{
	bool any = false;

	if (!str_utf8_ok(p, n))
		return false;
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)p[i];
		size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		uint32_t v = len == 1 ? c : len == 2 ? c & 0x1fU : len == 3 ? c & 0x0fU : c & 0x07U;

		for (size_t k = 1; k < len; k++)
			v = v << 6 | ((unsigned char)p[i + k] & 0x3fU);
		if (len == 1) {
			buf_putc(b, p[i]);
		} else {
			put_escaped(b, v);
			any = true;
		}
		i += len;
	}
	return any && !buf_err(b);
}

/* Why it failed, for the doctor: a proxy that re-encoded, white space around a
 * configured secret or the body, or simply another secret.  A forger is not to make us
 * grow by six times a large body, nor to read it more than once for each secret. */
static const char *
wrong_because(
    const struct strv *secrets, const struct http_req *req, const unsigned char mac[SIGN_SHA256])
{
	const char *p = req->body, *why = "wrong_signature";
	size_t n = req->body_n;
	struct buf b;

	if (n > EXPLAIN_MAX)
		return why;
	buf_init(&b, n * 6 + 1);
	if (escape_body(p, n, &b) && any_other(secrets, req->memo, b.p, b.n, mac))
		why = "wrong_signature_escaped";
	buf_free(&b);
	str_trim(&p, &n);
	if (any_secret(secrets, true, req, mac) ||
	    (n != req->body_n && any_other(secrets, req->memo, p, n, mac)))
		why = "wrong_signature_whitespace";
	for (size_t i = 0; i < secrets->n; i++) {
		struct sign_made *made = made_of(req->memo, secrets->v[i], strlen(secrets->v[i]));

		if (made != NULL)
			made->explained = true;
	}
	return why;
}

enum rc
meta_verify(const struct account *a, const struct http_req *req, const char **why)
{
	const struct strv *secrets = &own_of(a)->app_secrets;
	unsigned char mac[SIGN_SHA256];
	const char *h = http_req_get(req, META_SIGNATURE);

	if (secrets->n == 0)
		*why = "no_secret_configured";
	else if (h == NULL)
		*why = "no_header";
	else if (strlen(h) != SIG_LEN || strncmp(h, "sha256=", 7) != 0 ||
	    str_unhex(h + 7, 64, mac) != RC_OK)
		*why = "bad_header";
	else if (any_secret(secrets, false, req, mac))
		return RC_OK;
	else
		*why = wrong_because(secrets, req, mac);
	return RC_DENIED;
}

enum rc
meta_sign(const struct account *a, struct http_req *req)
{
	const struct strv *secrets = &own_of(a)->app_secrets;
	unsigned char mac[SIGN_SHA256];
	char value[SIG_LEN + 1] = "sha256=";

	if (secrets->n == 0)
		return RC_NONE;
	sign_hmac_sha256(secrets->v[0], strlen(secrets->v[0]), req->body, req->body_n, mac);
	str_hex(mac, sizeof(mac), value + 7);
	return http_req_header(req, META_SIGNATURE, value);
}

/* --- handshake (B.2) -------------------------------------------------------------- */

enum rc
meta_handshake_token(const char *verify_token, const struct http_req *req, struct buf *out)
{
	struct mem_arena arena = { 0 };
	const char *mode = http_query_get(&arena, req->query, "hub.mode");
	const char *token = http_query_get(&arena, req->query, "hub.verify_token");
	const char *challenge = http_query_get(&arena, req->query, "hub.challenge");
	enum rc rc = RC_DENIED;

	if (!str_empty(verify_token) && token != NULL &&
	    sign_equal(token, strlen(token), verify_token, strlen(verify_token)) &&
	    str_eq(mode, "subscribe") && challenge != NULL &&
	    str_charset(challenge, 1, 128, "._-")) {
		buf_puts(out, challenge);
		rc = RC_OK;
	}
	mem_arena_free(&arena);
	return rc;
}

enum rc
meta_handshake(const struct account *a, const struct http_req *req, struct buf *out)
{
	return meta_handshake_token(own_of(a)->verify_token, req, out);
}

enum rc
meta_handshake_query(const struct account *a, const char *challenge, struct buf *out)
{
	const char *verify_token = own_of(a)->verify_token;

	if (str_empty(verify_token))
		return RC_NONE;
	buf_printf(out, "hub.mode=subscribe&hub.challenge=%s&hub.verify_token=", challenge);
	http_url_encode(out, verify_token);
	return RC_OK;
}

void
meta_accepted(const struct json *j, const struct json *id, struct send_result *out)
{
	struct mem_arena a = { 0 };
	const char *s = json_text(&a, id);

	out->outcome = SEND_ACCEPTED;
	if (!str_empty(s) && strlen(s) < sizeof out->message_id) {
		snprintf(out->message_id, sizeof out->message_id, "%s", s);
		out->outcome = SEND_SENT;
	} else if (json_type(j) != JSON_OBJECT) {
		/* a success in words we do not know: it may have gone out */
		out->outcome = SEND_UNKNOWN;
		snprintf(out->code, sizeof out->code, "not_json");
	}
	mem_arena_free(&a);
}

void
meta_rest(int64_t pause_s, struct send_result *out)
{
	out->outcome = SEND_PAUSE;
	out->pause_s = pause_s > 0 ? pause_s : 60;
	out->retry_after_s = out->pause_s;
}

/* --- limits (B.8, H.20) --------------------------------------------------------------- */

/* minutes of estimated_time_to_regain_access, as seconds; 0: none is named */
static int64_t
regain_s(const struct json *o)
{
	int64_t v;

	if (json_i64(json_get(o, "estimated_time_to_regain_access"), &v) != RC_OK || v <= 0)
		return 0;
	return 60 * (v < REGAIN_MAX_MIN ? v : REGAIN_MAX_MIN);
}

/* Does one usage object name a figure at the limit? */
static bool
usage_full(const struct json *o)
{
	static const char *const names[] = { "call_count", "total_time", "total_cputime" };
	int64_t v;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_i64(json_get(o, names[i]), &v) == RC_OK && v >= USAGE_LIMIT)
			return true;
	return false;
}

/* Of all that the header lists: the longest rest that is named, and whether one is full. */
static void
business_usage(const struct json *j, int64_t *named, bool *full)
{
	const char *key;
	const struct json *list;

	for (struct json_iter i = { NULL }; json_each(j, &i, &key, &list);)
		for (size_t k = 0; k < json_len(list); k++) {
			int64_t s = regain_s(json_at(list, k));

			*named = s > *named ? s : *named;
			*full = *full || usage_full(json_at(list, k));
		}
}

static void
usage_read(const struct http_res *res, int64_t *named, bool *full)
{
	static const char *const names[] = { "X-App-Usage", "X-Page-Usage",
		"X-Business-Use-Case-Usage" };

	*named = 0;
	*full = false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = http_res_get(res, names[i]);
		struct json *j = NULL;

		if (v == NULL || json_parse(v, strlen(v), &j, NULL) != RC_OK)
			continue;
		if (i == 2)
			business_usage(j, named, full);
		else
			*full = *full || usage_full(j);
		json_free(j);
	}
}

int64_t
meta_usage_pause_s(const struct http_res *res)
{
	int64_t named;
	bool full;

	usage_read(res, &named, &full);
	return named > 0 ? named : full ? USAGE_REST_S : 0;
}

int64_t
meta_rate_pause_s(const struct http_res *res, int64_t pause_s)
{
	int64_t named, asked = http_retry_after_s(res);
	bool full;

	usage_read(res, &named, &full);
	if (named > asked)
		asked = named;
	if (asked > 0)
		return asked;
	return full && pause_s < USAGE_REST_S ? USAGE_REST_S : pause_s;
}

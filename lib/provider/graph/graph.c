/*
 * Instagram by Meta's Graph API: signature, handshake and the table of what
 * this provider can do (providers.md B).  The files provider_graph_*.c hold the
 * members.
 */
#include <string.h>
#include "provider/graph/graph.h"
#include "extern/sign.h"
#include "base/str.h"

#define SIG_HEADER "X-Hub-Signature-256"
#define ESCAPE_MAX (256 * 1024)
#define SIG_LEN 71	/* "sha256=" and 64 hex digits, B.3 */

enum graph_product
graph_product(const struct account *a)
{
	/* dashboard tokens of Instagram Login start IGAA; older ones IGQV, IG… */
	return a->token != NULL && strncmp(a->token, "EAA", 3) == 0 ?
	    GRAPH_MESSENGER : GRAPH_LOGIN;
}

const char *
graph_base(const struct account *a)
{
	if (!str_empty(a->api_url))
		return a->api_url;
	return graph_product(a) == GRAPH_LOGIN ? "https://graph.instagram.com" :
	    "https://graph.facebook.com";
}

unsigned int
graph_proofs(const struct account *a)
{
	return graph_product(a) == GRAPH_MESSENGER ? (unsigned int)a->app_secrets.n + 1 : 1;
}

/* &appsecret_proof=: hex HMAC of the token, keyed with the app's secret.  For
 * tokens of Instagram Login nothing is documented: left out. */
static void
put_proof(const struct account *a, const char *path, struct buf *url)
{
	unsigned char mac[SIGN_SHA256];
	char hex[2 * SIGN_SHA256 + 1];
	const char *secret;
	size_t n;

	if (a->proof % graph_proofs(a) >= a->app_secrets.n || graph_product(a) != GRAPH_MESSENGER)
		return;
	secret = a->app_secrets.v[a->proof % graph_proofs(a)];
	n = strlen(secret);
	str_trim(&secret, &n);
	sign_hmac_sha256(secret, n, a->token, strlen(a->token), mac);
	str_hex(mac, sizeof(mac), hex);
	buf_printf(url, "%cappsecret_proof=%s", strchr(path, '?') != NULL ? '&' : '?', hex);
	mem_wipe(mac, sizeof(mac));
}

enum rc
graph_req(const struct account *a, const char *method, const char *path,
    struct http_req *out)
{
	struct buf url, auth;
	enum rc rc = RC_INVALID;

	if (str_empty(a->token))
		return RC_INVALID;
	buf_init(&url, 64 * 1024);
	buf_init(&auth, 16 * 1024);
	buf_puts(&url, graph_base(a));
	if (!str_empty(a->graph_version))
		buf_printf(&url, "/%s", a->graph_version);
	buf_printf(&url, "/%s", path);
	put_proof(a, path, &url);
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

/* Does one of the secrets give mac over p?  All are tried, so that the time
 * says nothing of which. */
static bool
any_secret(const struct strv *secrets, bool trim, const char *p, size_t n,
    const unsigned char mac[SIGN_SHA256])
{
	unsigned char own[SIGN_SHA256];
	bool hit = false;

	for (size_t i = 0; i < secrets->n; i++) {
		const char *s = secrets->v[i];
		size_t sn = strlen(s);

		if (trim)
			str_trim(&s, &sn);
		sign_hmac_sha256(s, sn, p, n, own);
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

	/* a forger is not to make us grow by six times a large body */
	if (n > ESCAPE_MAX || !str_utf8_ok(p, n))
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
 * configured secret or the body, or simply another secret. */
static const char *
wrong_because(const struct account *a, const struct http_req *req,
    const unsigned char mac[SIGN_SHA256])
{
	const char *p = req->body, *why = "wrong_signature";
	size_t n = req->body_n;
	struct buf b;

	buf_init(&b, n * 6 + 1);
	if (escape_body(p, n, &b) && any_secret(&a->app_secrets, false, b.p, b.n, mac))
		why = "wrong_signature_escaped";
	buf_free(&b);
	str_trim(&p, &n);
	if (any_secret(&a->app_secrets, true, req->body, req->body_n, mac) ||
	    (n != req->body_n && any_secret(&a->app_secrets, false, p, n, mac)))
		why = "wrong_signature_whitespace";
	return why;
}

static enum rc
graph_verify(const struct account *a, const struct http_req *req, const char **why)
{
	unsigned char mac[SIGN_SHA256];
	const char *h = http_req_get(req, SIG_HEADER);

	if (a->app_secrets.n == 0)
		*why = "no_secret_configured";
	else if (h == NULL)
		*why = "no_header";
	else if (strlen(h) != SIG_LEN || strncmp(h, "sha256=", 7) != 0 ||
	    str_unhex(h + 7, 64, mac) != RC_OK)
		*why = "bad_header";
	else if (any_secret(&a->app_secrets, false, req->body, req->body_n, mac))
		return RC_OK;
	else
		*why = wrong_because(a, req, mac);
	return RC_DENIED;
}

/* --- handshake (B.2) -------------------------------------------------------------- */

static enum rc
graph_greet(const struct account *a, const struct http_req *req, struct buf *out)
{
	struct mem_arena arena = { 0 };
	const char *mode = http_query_get(&arena, req->query, "hub.mode");
	const char *token = http_query_get(&arena, req->query, "hub.verify_token");
	const char *challenge = http_query_get(&arena, req->query, "hub.challenge");
	enum rc rc = RC_DENIED;

	if (!str_empty(a->verify_token) && token != NULL &&
	    sign_equal(token, strlen(token), a->verify_token, strlen(a->verify_token)) &&
	    str_eq(mode, "subscribe") && challenge != NULL &&
	    str_charset(challenge, 1, 128, "._-")) {
		buf_puts(out, challenge);
		rc = RC_OK;
	}
	mem_arena_free(&arena);
	return rc;
}

const struct provider provider_graph = {
	.name = "graph",
	.title = "Instagram Graph API",
	.channel = CHANNEL_INSTAGRAM,
	.words = { .mode = "INSTAGRAM GRAPH API", .from = "Instagram/Graph API",
	    .shape = "Instagram Graph webhook", .item = "Instagram Graph" },
	.many_accounts = true,
	.polls_reconcile = true,
	.poll_s = 30,
	.ask_gap_ms = 300,
	.signature_header = SIG_HEADER,
	.sender = "6500000000000001",
	.text_max = 1000,
	.text_in_bytes = true,
	.text_split = true,
	.window_s = 24 * 3600,
	.window_human_s = 7 * 24 * 3600,
	.has_echo = true,
	.verify = graph_verify,
	.parse_polled = graph_parse_polled,
	.greet = graph_greet,
	.parse = graph_parse,
	.poll_build = graph_poll_build,
	.poll_read = graph_poll_read,
	.send_build = graph_send_build,
	.send_read = graph_send_read,
	.lookup_build = graph_lookup_build,
	.lookup_read = graph_lookup_read,
	.fetch_build = graph_fetch_build,
	.fetch_read = graph_fetch_read,
	.profile_build = graph_profile_build,
	.profile_read = graph_profile_read,
	.refresh_build = graph_refresh_build,
	.refresh_read = graph_refresh_read,
	.probe_build = graph_probe_build,
	.probe_read = graph_probe_read,
	.subscribe = graph_subscribe,
	.checks = graph_checks,
	.n_checks = &graph_n_checks,
};

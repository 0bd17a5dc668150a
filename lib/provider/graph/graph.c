/*
 * Instagram by Meta's Graph API: signature, handshake and the table of what
 * this provider can do (providers.md B).  The files provider_graph_*.c hold the
 * members.
 */
#include <string.h>
#include "provider/graph/graph.h"
#include "extern/sign.h"
#include "base/str.h"
#include "provider/meta/meta.h"

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
	return graph_product(a) == GRAPH_MESSENGER ? (unsigned int)graph_own(a)->app_secrets.n + 1 : 1;
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

	if (a->proof % graph_proofs(a) >= graph_own(a)->app_secrets.n || graph_product(a) != GRAPH_MESSENGER)
		return;
	secret = graph_own(a)->app_secrets.v[a->proof % graph_proofs(a)];
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
	if (!str_empty(graph_own(a)->version))
		buf_printf(&url, "/%s", graph_own(a)->version);
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

/* --- signature and handshake (B.2, B.3) --------------------------------------------- */

static enum rc
graph_verify(const struct account *a, const struct http_req *req, const char **why)
{
	return meta_verify(&graph_own(a)->app_secrets, req, why);
}

static enum rc
graph_sign(const struct account *a, struct http_req *req)
{
	return meta_sign(&graph_own(a)->app_secrets, req);
}

static enum rc
graph_greet(const struct account *a, const struct http_req *req, struct buf *out)
{
	return meta_greet(graph_own(a)->verify_token, req, out);
}

static enum rc
graph_greeting(const struct account *a, const char *challenge, struct buf *out)
{
	return meta_greeting(graph_own(a)->verify_token, challenge, out);
}

static const char *const graph_media_hosts[] = { ".fbsbx.com", ".fbcdn.net",
	".cdninstagram.com", NULL };

/* providers.md B: what /me/messages takes by its address. */
static const struct provider_file files[] = {
	{ "image", "image/jpeg image/png image/gif", 8u << 20 },
	{ "video", "video/mp4 video/ogg video/quicktime video/webm", 25u << 20 },
	{ "audio", "audio/aac audio/mp4 audio/wav", 25u << 20 },
	{ "file", "application/pdf", 25u << 20 },
};
static const size_t n_files = sizeof files / sizeof *files;

const struct provider provider_graph = {
	.name = "graph",
	.title = "Instagram Graph API",
	.channel = CHANNEL_INSTAGRAM,
	.words = { .mode = "INSTAGRAM GRAPH API", .from = "Instagram/Graph API",
	    .shape = "Instagram Graph webhook", .item = "Instagram Graph" },
	.ascii = true,		/* B.3 */
	.many_accounts = true,
	.polls_reconcile = true,
	.media_hosts = graph_media_hosts,
	.poll_s = 30,
	.ask_gap_ms = 300,
	.signature_header = META_SIGNATURE,
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
	.greeting = graph_greeting,
	.sign = graph_sign,
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
	.keys = graph_keys,
	.n_keys = &graph_n_keys,
	.files = files,
	.n_files = &n_files,
	.masks = graph_masks,
	.n_masks = &graph_n_masks,
	.claims = graph_claims,
	.configure = graph_configure,
	.unconfigure = graph_unconfigure,
	.samples = graph_samples,
	.n_samples = &graph_n_samples,
	.hints = graph_hints,
	.n_hints = &graph_n_hints,
	.setup = graph_setup,
	.checks = graph_checks,
	.n_checks = &graph_n_checks,
};

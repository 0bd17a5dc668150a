/*
 * WhatsApp by Meta's Cloud API: requests, and the table of what this provider can do
 * (providers.md H).
 */
#include "provider/cloud/cloud.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "extern/sign.h"
#include "provider/meta/meta.h"

#define BSUID_MAX 160

unsigned int
cloud_proofs(const struct account *a)
{
	return (unsigned int)cloud_own(a)->app_secrets.n + 1;
}

/* &appsecret_proof=: hex HMAC of the token, keyed with the app's secret (H.1). */
static void
put_proof(const struct account *a, const char *path, struct buf *url)
{
	const struct strv *secrets = &cloud_own(a)->app_secrets;
	unsigned char mac[SIGN_SHA256];
	char hex[2 * SIGN_SHA256 + 1];
	const char *secret;
	size_t n;

	if (a->proof % cloud_proofs(a) >= secrets->n)
		return;
	secret = secrets->v[a->proof % cloud_proofs(a)];
	n = strlen(secret);
	str_trim(&secret, &n);
	sign_hmac_sha256(secret, n, a->token, strlen(a->token), mac);
	str_hex(mac, sizeof mac, hex);
	buf_printf(url, "%cappsecret_proof=%s", strchr(path, '?') != NULL ? '&' : '?', hex);
	mem_wipe(mac, sizeof mac);
}

enum rc
cloud_req(const struct account *a, const char *method, const char *path, struct http_req *out)
{
	struct buf url, auth;
	enum rc rc = RC_INVALID;

	if (str_empty(a->token))
		return RC_INVALID;
	buf_init(&url, 64 * 1024);
	buf_init(&auth, 16 * 1024);
	buf_puts(&url, str_empty(a->api_url) ? CLOUD_BASE : a->api_url);
	if (!str_empty(cloud_own(a)->version))
		buf_printf(&url, "/%s", cloud_own(a)->version);
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

bool
cloud_is_bsuid(const char *id)
{
	return id != NULL && id[0] >= 'A' && id[0] <= 'Z' && id[1] >= 'A' && id[1] <= 'Z' &&
	    id[2] == '.' && str_charset(id + 3, 1, BSUID_MAX, ".");
}

/* --- signature and handshake (H.2) --------------------------------------------------- */

static enum rc
cloud_verify(const struct account *a, const struct http_req *req, const char **why)
{
	return meta_verify(&cloud_own(a)->app_secrets, req, why);
}

static enum rc
cloud_sign(const struct account *a, struct http_req *req)
{
	return meta_sign(&cloud_own(a)->app_secrets, req);
}

static enum rc
cloud_greet(const struct account *a, const struct http_req *req, struct buf *out)
{
	return meta_greet(cloud_own(a)->verify_token, req, out);
}

static enum rc
cloud_greeting(const struct account *a, const char *challenge, struct buf *out)
{
	return meta_greeting(cloud_own(a)->verify_token, challenge, out);
}

/* providers.md H.16; a document may be of any kind, but those named show their own sign. */
static const struct provider_file files[] = {
	{ "image", "image/jpeg image/png", 5u << 20 },
	{ "video", "video/mp4 video/3gpp", 16u << 20 },
	{ "audio", "audio/aac audio/amr audio/mpeg audio/mp4 audio/ogg", 16u << 20 },
	{ "file", "*", 100u << 20 },
};
static const size_t n_files = sizeof files / sizeof *files;

const struct provider provider_cloud = {
	.name = "cloud",
	.title = "WhatsApp Cloud API",
	.channel = CHANNEL_WHATSAPP,
	.words = { .mode = "WHATSAPP CLOUD API", .from = "WhatsApp/Cloud API",
	    .shape = "WhatsApp Cloud API webhook", .item = "WhatsApp" },
	.ascii = true,
	.many_accounts = true,
	.aliases = true,	/* phone and business-scoped id (H.4) */
	.ask_gap_ms = 50,
	.signature_header = META_SIGNATURE,
	.sender = "70000000001",
	.text_max = CLOUD_TEXT_MAX,
	.captions = true,
	.caption_max = CLOUD_CAPTION_MAX,
	.text_split = true,
	.window_s = 24 * 3600,
	.window_human_s = 24 * 3600,	/* beyond it only a template goes */
	.acts_on_message = true,
	.templates = true,
	.has_echo = true,		/* a state with our reference settles (H.21) */
	.keys = cloud_keys,
	.n_keys = &cloud_n_keys,
	.files = files,
	.n_files = &n_files,
	.claims = cloud_claims,
	.configure = cloud_configure,
	.unconfigure = cloud_unconfigure,
	.verify = cloud_verify,
	.sign = cloud_sign,
	.greet = cloud_greet,
	.greeting = cloud_greeting,
	.parse = cloud_parse,
	.recipient = cloud_recipient,
	.send_build = cloud_send_build,
	.send_read = cloud_send_read,
	.templates_build = cloud_templates_build,
	.templates_read = cloud_templates_read,
	.media_build = cloud_media_build,
	.media_read = cloud_media_read,
	.probe_build = cloud_probe_build,
	.probe_read = cloud_probe_read,
	.subscribe = cloud_subscribe,
	.setup = cloud_setup,
	.samples = cloud_samples,
	.n_samples = &cloud_n_samples,
	.hints = cloud_hints,
	.n_hints = &cloud_n_hints,
	.checks = cloud_checks,
	.n_checks = &cloud_n_checks,
};

/*
 * Green API (WhatsApp), providers.md part C: the table of what this provider can do, and the
 * proof of a notification.  The other files of the folder hold the members.
 */
#include "base/str.h"
#include "provider/greenapi/greenapi.h"

static enum rc
green_verify(const struct account *a, const struct http_req *req, const char **why)
{
	const char *h = http_req_get(req, "Authorization");

	if (str_empty(greenapi_own(a)->webhook_token))
		*why = "no_secret_configured";
	else if (str_empty(h))
		*why = "no_secret";
	else if (!green_token_matches(h, greenapi_own(a)->webhook_token))
		*why = "wrong_secret";
	else
		return RC_OK;
	return RC_DENIED;
}

static enum rc
green_sign(const struct account *a, struct http_req *req)
{
	struct buf b;
	enum rc rc;

	if (str_empty(greenapi_own(a)->webhook_token))
		return RC_NONE;
	buf_init(&b, 4096);
	buf_printf(&b, "Bearer %s", greenapi_own(a)->webhook_token);
	rc = buf_err(&b) ? RC_LIMIT : http_req_header(req, "Authorization", b.p);
	mem_wipe(b.p, b.n);
	buf_free(&b);
	return rc;
}

/* providers.md C: sendFileByUrl; by the name's end it becomes a picture, a voice, a document. */
static const struct provider_file files[] = {
	{ "image", "image/jpeg image/png image/gif image/webp", 100u << 20 },
	{ "video", "video/mp4 video/quicktime video/3gpp video/webm", 100u << 20 },
	{ "audio", "audio/mpeg audio/mp4 audio/ogg audio/aac audio/amr audio/wav", 100u << 20 },
	{ "file", "*", 100u << 20 },
};
static const size_t n_files = sizeof files / sizeof *files;

const struct provider provider_greenapi = {
	.name = "greenapi",
	.title = "Green API",
	.channel = CHANNEL_WHATSAPP,
	.mark = { "typeWebhook", NULL },
	.words = { .mode = "GREEN API",
	    .from = "WhatsApp/Green API",
	    .shape = "Green API webhook",
	    .item = "Green API WhatsApp" },
	.ids_per_chat = true,
	.polls_instead = true,
	.poll_s = 10,
	.sender = "70000000001@c.us",
	.aliases = true,	/* hidden (@lid) and known phone */
	.recipient = green_recipient,
	.own_phone = green_own_phone,
	.text_max = GREEN_TEXT_MAX,
	.text_limit = green_text_limit,
	.captions = true,	/* C.1: sendFileByUrl */
	.has_echo = true,	/* outgoingAPIMessageReceived */
	.keys = greenapi_keys,
	.n_keys = &greenapi_n_keys,
	.files = files,
	.n_files = &n_files,
	.masks = greenapi_masks,
	.n_masks = &greenapi_n_masks,
	.claims = greenapi_claims,
	.configure = greenapi_configure,
	.unconfigure = greenapi_unconfigure,
	.verify = green_verify,
	.sign = green_sign,
	.parse = green_parse,
	.parse_polled = green_parse_polled,
	.reconcile_s = 3600,
	.ask_gap_ms = 1100,	/* getSettings: one a second (C.5) */
	.poll_build = green_poll_build,
	.poll_read = green_poll_read,
	.send_build = green_send_build,
	.send_read = green_send_read,
	.lookup_build = green_lookup_build,
	.lookup_read = green_lookup_read,
	.probe_build = green_probe_build,
	.probe_read = green_probe_read,
	.samples = greenapi_samples,
	.n_samples = &greenapi_n_samples,
	.hints = greenapi_hints,
	.n_hints = &greenapi_n_hints,
	.setup = greenapi_setup,
	.checks = greenapi_checks,
	.n_checks = &greenapi_n_checks,
};

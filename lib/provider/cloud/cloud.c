/*
 * WhatsApp by Meta's Cloud API: the table of what this provider can do (providers.md H).
 * Signature, handshake and requests: provider/meta/meta.c.
 */
#include "provider/cloud/cloud.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* providers.md H.16; a document may be of any kind, but those named show their own sign. */
static const struct provider_file files[] = {
	{ "image", "image/jpeg image/png", 5u << 20 },
	{ "video", "video/mp4 video/3gpp", 16u << 20 },
	{ "audio", "audio/aac audio/amr audio/mpeg audio/mp4 audio/ogg", 16u << 20 },
	{ "file", "*", 100u << 20 },
};
static const size_t n_files = sizeof files / sizeof *files;

/* What is reported of a business account concerns each of its numbers. */
static enum owner
cloud_owns(const struct account *a, const char *own_id)
{
	if (!str_starts(own_id, CLOUD_WABA))
		return OWNER_BY_ID;
	return str_eq(own_id + strlen(CLOUD_WABA), cloud_own(a)->waba_id) ? OWNER_THIS :
									    OWNER_OTHER;
}

const struct provider provider_cloud = {
	.name = "cloud",
	.title = "WhatsApp Cloud API",
	.channel = CHANNEL_WHATSAPP,
	.mark = { "object", "whatsapp_business_account" },
	.words = { .mode = "WHATSAPP CLOUD API",
	    .from = "WhatsApp/Cloud API",
	    .shape = "WhatsApp Cloud API webhook",
	    .item = "WhatsApp" },
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
	.verify = meta_verify,
	.sign = meta_sign,
	.handshake = meta_handshake,
	.handshake_query = meta_handshake_query,
	.owns = cloud_owns,
	.parse = cloud_parse,
	.recipient = cloud_recipient,
	.own_phone = cloud_own_phone,
	.send_build = cloud_send_build,
	.send_read = cloud_send_read,
	.upload_build = cloud_upload_build,
	.upload_read = cloud_upload_read,
	.templates_build = cloud_templates_build,
	.templates_read = cloud_templates_read,
	.media_build = cloud_media_build,
	.media_read = cloud_media_read,
	.refresh_build = cloud_refresh_build,
	.refresh_read = cloud_refresh_read,
	.probe_build = cloud_probe_build,
	.probe_read = cloud_probe_read,
	.probe_more = cloud_probe_more,
	.subscribe = cloud_subscribe,
	.setup = cloud_setup,
	.samples = cloud_samples,
	.n_samples = &cloud_n_samples,
	.hints = cloud_hints,
	.n_hints = &cloud_n_hints,
	.checks = cloud_checks,
	.n_checks = &cloud_n_checks,
};

/*
 * Instagram by Meta's Graph API: the table of what this provider can do (providers.md B).
 * Signature, handshake and requests: provider/meta/meta.c; the other files of the folder
 * hold the members.
 */
#include <string.h>
#include "provider/graph/graph.h"
#include "base/str.h"

static const char *const graph_media_hosts[] = { ".fbsbx.com", ".fbcdn.net", ".cdninstagram.com",
	NULL };

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
	.mark = { "object", "instagram" },
	.words = { .mode = "INSTAGRAM GRAPH API",
	    .from = "Instagram/Graph API",
	    .shape = "Instagram Graph webhook",
	    .item = "Instagram Graph" },
	.ascii = true,		/* B.3 */
	.many_accounts = true,
	.polls_reconcile = true,
	.media_hosts = graph_media_hosts,
	.picture_hosts = graph_media_hosts,
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
	.verify = meta_verify,
	.parse_polled = graph_parse_polled,
	.handshake = meta_handshake,
	.handshake_query = meta_handshake_query,
	.sign = meta_sign,
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

/*
 * Chatrace and its sibling engines (providers.md part A; shapes: earlier-system.md): who may
 * deliver, and the table of what the other files do.
 */
#include <string.h>

#include "provider/chatrace/chatrace.h"
#include "provider/meta/meta.h"
#include "extern/sign.h"
#include "base/str.h"

/* --- verify ------------------------------------------------------------------ */

/* How near a given secret comes to the configured ones; all are compared. */
struct match {
	bool given, exact, trimmed;
};

static void
compare(const struct account *a, const char *s, struct match *m)
{
	size_t n = s == NULL ? 0 : strlen(s);
	const char *t = s;
	size_t tn = n;

	if (n == 0)
		return;
	m->given = true;
	str_trim(&t, &tn);
	for (size_t i = 0; i < chatrace_own(a)->webhook_secrets.n; i++) {
		const char *want = chatrace_own(a)->webhook_secrets.v[i];
		size_t wn = strlen(want);

		m->exact |= sign_equal(s, n, want, wn);
		m->trimmed |= sign_equal(t, tn, want, wn);
	}
}

/* Of a header: sent twice, the web server hands it on as "a, a".  No secret has a comma. */
static void
compare_each(const struct account *a, const char *s, struct match *m)
{
	struct mem_arena arena = { 0 };
	size_t n;

	compare(a, s, m);
	for (; s != NULL && s[n = strcspn(s, ",")] != '\0'; s += n + 1 + strspn(s + n + 1, " "))
		compare(a, mem_arena_ndup(&arena, s, n), m);
	mem_arena_free(&arena);
}

static enum rc
chatrace_verify(const struct account *a, const struct http_req *req, const char **why)
{
	struct mem_arena arena = { 0 };
	struct match m = { 0 };
	const char *auth = http_req_get(req, "Authorization");

	if (a->webhook_open)
		return RC_OK;
	*why = "no_secret_configured";
	if (chatrace_own(a)->webhook_secrets.n == 0)
		return RC_DENIED;
	compare_each(a, http_req_get(req, "X-Webhook-Secret"), &m);
	if (auth != NULL && str_istarts(auth, "Bearer "))
		compare(a, auth + strlen("Bearer "), &m);
	compare(a, http_query_get(&arena, req->query != NULL ? req->query : "", "secret"), &m);
	mem_arena_free(&arena);
	if (m.exact)
		return RC_OK;
	*why = !m.given ? "no_secret" : m.trimmed ? "wrong_secret_whitespace" : "wrong_secret";
	return RC_DENIED;
}

static enum rc
chatrace_sign(const struct account *a, struct http_req *req)
{
	const struct strv *secrets = &chatrace_own(a)->webhook_secrets;

	return secrets->n == 0 ? RC_NONE : http_req_header(req, "X-Webhook-Secret", secrets->v[0]);
}

static enum rc
chatrace_handshake(const struct account *a, const struct http_req *req, struct buf *out)
{
	return meta_handshake_token(chatrace_own(a)->verify_token, req, out);
}

/* profile_pic is Instagram's own address of the picture (providers.md A). */
static const char *const picture_hosts[] = { ".fbsbx.com", ".fbcdn.net", ".cdninstagram.com",
	NULL };

/* POST /contacts/ID/send/file names no limits; behind it is Instagram with its own. */
static const struct provider_file files[] = {
	{ "image", "image/jpeg image/png image/gif", 8u << 20 },
	{ "video", "video/mp4 video/ogg video/quicktime video/webm", 25u << 20 },
	{ "audio", "audio/aac audio/mp4 audio/wav", 25u << 20 },
	{ "file", "application/pdf", 25u << 20 },
};
static const size_t n_files = sizeof files / sizeof *files;

const struct provider provider_chatrace = {
	.name = "chatrace",
	.title = "Chatrace",
	.channel = CHANNEL_INSTAGRAM,
	.words = { .mode = "CHATRACE API",
	    .configured = "Chatrace API configured",
	    .from = "Instagram/Chatrace",
	    .shape = "Chatrace webhook",
	    .item = "Chatrace Instagram" },
	.earlier = true,
	.picture_hosts = picture_hosts,
	.probes = true,
	.poll_s = 10,
	.send_gap_ms = 1000,	/* A.5: about one request a second */
	.sender = "1000031213000000001",
	.keys = chatrace_keys,
	.n_keys = &chatrace_n_keys,
	.files = files,
	.n_files = &n_files,
	.claims = chatrace_claims,
	.configure = chatrace_configure,
	.unconfigure = chatrace_unconfigure,
	.token_part = chatrace_token_part,
	.verify = chatrace_verify,
	.sign = chatrace_sign,
	.handshake = chatrace_handshake,
	.parse = chatrace_parse,
	.parse_polled = chatrace_parse_polled,
	.poll_build = chatrace_poll_build,
	.poll_read = chatrace_poll_read,
	.send_build = chatrace_send_build,
	.send_read = chatrace_send_read,
	.probe_build = chatrace_probe_build,
	.probe_read = chatrace_probe_read,
	.ticket = chatrace_ticket,
	.samples = chatrace_samples,
	.n_samples = &chatrace_n_samples,
	.hints = chatrace_hints,
	.n_hints = &chatrace_n_hints,
	.setup = chatrace_setup,
	.checks = chatrace_checks,
	.n_checks = &chatrace_n_checks,
};

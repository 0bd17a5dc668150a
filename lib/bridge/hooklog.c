/*
 * Written after the delivery is durable, so that the lines can name its id; the
 * log gathers them and writes once.
 */
#include "bridge/hooklog.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/provider.h"
#include "base/rc.h"
#include "base/str.h"

#define RULE "═══════════════════════════════════════════════════════"
#define KEYS_MAX 20
#define KEY_SCAN 16384		/* bytes of a body that are looked at for its keys */
#define ITEMS_MAX 100		/* lines for a delivery of a thousand items */
#define TEXT_CHARS 100

static const struct provider_words *
words(const struct account *a)
{
	static const struct provider_words mock = {
		.from = "Mock", .shape = "Mock webhook", .item = "Mock"
	};

	return a->use_mock ? &mock : &provider_of(a)->words;
}

/* --- what the body looks like --------------------------------------------- */

static const char *
skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	return p;	/* at the closing quote, or end */
}

static void
add_key(struct buf *b, size_t *n, const char *p, size_t len)
{
	if (++*n > KEYS_MAX)
		return;
	if (*n > 1)
		buf_puts(b, ", ");
	if (*n == KEYS_MAX)
		buf_puts(b, "...");
	else
		buf_put(b, p, strnlen(p, len > 64 ? 64 : len));
}

/* The names at the top of a JSON object, by eye: it was parsed elsewhere. */
static void
json_keys(struct buf *b, const char *p, const char *end)
{
	size_t depth = 0, n = 0;
	bool key = true;

	for (; p < end; p++) {
		const char *from = p + 1;

		if (*p == '"') {
			p = skip_string(p, end);
			if (depth == 1 && key && p < end)
				add_key(b, &n, from, (size_t)(p - from));
			key = false;
		} else if (*p == '{' || *p == '[') {
			key = ++depth == 1 && *p == '{';
		} else if (*p == '}' || *p == ']') {
			if (depth > 0)
				depth--;
			key = false;
		} else if (*p == ',')
			key = depth == 1;
	}
}

static void
form_keys(struct buf *b, const char *p, const char *end)
{
	size_t n = 0;

	while (p < end) {
		size_t all = strcspn(p, "&"), len = strcspn(p, "=&");

		if (p + all > end)
			all = (size_t)(end - p);
		if (len > 0 && len <= all)
			add_key(b, &n, p, len);
		p += all + 1;
	}
}

static void
log_shape(const struct http_req *req)
{
	const char *p = req->body, *end = p + (req->body_n < KEY_SCAN ? req->body_n : KEY_SCAN);
	const char *type = http_req_get(req, "Content-Type");
	struct buf b;

	buf_init(&b, 4096);
	p += strspn(p, " \t\r\n\xef\xbb\xbf");
	if (p < end && (*p == '{' || *p == '[')) {
		log_info("📦 Body type: object");
		if (*p == '{')
			json_keys(&b, p, end);
		else
			buf_puts(&b, "(array)");
	} else if (type != NULL && str_istarts(type, "application/x-www-form-urlencoded")) {
		log_info("📦 Body type: object");
		form_keys(&b, p, end);
	} else
		log_info("📦 Body type: string");
	log_info("📦 Body keys: %s", b.p);
	buf_free(&b);
}

/* "LEAD: body", or the stand-in. */
static void
log_body(const char *lead, const char *what, const struct http_req *req, const struct delivery *d)
{
	if (log_level() >= LOG_DEBUG)
		log_info("%s%s: %.*s", lead, what, (int)(req->body_n < 65536 ? req->body_n : 65536),
		    req->body);
	else if (d->id != 0)
		log_info("%s%s: (%zu bytes, delivery %lld; DMBOX_LOG_LEVEL=debug shows it)", lead,
		    what, req->body_n, (long long)d->id);
	else
		log_info("%s%s: (%zu bytes, delivery %s; DMBOX_LOG_LEVEL=debug shows it)", lead,
		    what, req->body_n, d->uid);
}

/* --- items ---------------------------------------------------------------- */

static const char *
or_none(const char *s)
{
	return str_empty(s) ? "-" : s;
}

static void
log_extract(const struct item *it)
{
	size_t n = it->body != NULL ? strlen(it->body) : 0;

	log_info("  - senderId: %s", or_none(it->sender_id != NULL ? it->sender_id : it->contact));
	log_info("  - messageId: %s", or_none(it->external_id));
	if (it->body == NULL)
		log_info("  - text: - (%s)", or_none(it->kind));
	else if (log_level() >= LOG_DEBUG)
		log_info(
		    "  - text: %.*s", (int)str_utf8_cut_chars(it->body, n, TEXT_CHARS), it->body);
	else
		log_info("  - text: (%zu characters)", str_utf8_len(it->body, n));
}

static void
log_item(const struct account *a, const struct delivery *d, const struct item *it)
{
	const char *who = it->username != NULL ? it->username : it->name;
	const char *sender = or_none(it->sender_id != NULL ? it->sender_id : it->contact);

	if (it->type == ITEM_EVENT)
		log_info("ℹ️ %s event %s%s%s", words(a)->item, or_none(it->kind),
		    it->target_id != NULL ? " of " : "",
		    it->target_id != NULL ? it->target_id : "");
	else if (d->id != 0 && d->stored == 0 && d->duplicates + d->weak_duplicates > 0)
		log_info("ℹ️ %s message already stored: %s", words(a)->item,
		    or_none(it->external_id));
	else
		log_info("✅ %s message processed: %s from %s (%s)", words(a)->item,
		    or_none(it->external_id), who != NULL ? who : "-", sender);
}

static void
log_items(const struct account *a, const struct delivery *d)
{
	const struct item *first = NULL;

	for (size_t i = 0; i < d->items.n && first == NULL; i++)
		if (d->items.v[i].type == ITEM_MESSAGE)
			first = &d->items.v[i];
	if (first != NULL) {
		log_info("📝 Extracted data from %s:", words(a)->shape);
		log_extract(first);
	}
	for (size_t i = 0; i < d->items.n && i < ITEMS_MAX; i++)
		log_item(a, d, &d->items.v[i]);
	if (d->items.n > ITEMS_MAX)
		log_info("... and %zu more items", d->items.n - ITEMS_MAX);
}

void
hooklog_delivery(const struct account *a, const struct http_req *req, const struct delivery *d)
{
	char iso[CLOCK_ISO_MAX];

	if (log_level() < LOG_INFO)
		return;
	clock_iso(d->received_at_us, iso);
	log_info("%s", RULE);
	log_info("📨 Received webhook from %s", words(a)->from);
	log_info("📅 Time: %s", iso);
	log_shape(req);
	log_body("📦 ", "Full body", req, d);
	log_info("%s", RULE);
	log_body("🔄 Processing ", words(a)->shape, req, d);
	log_items(a, d);
	if (d->items.warning != NULL)
		log_warn("⚠️ delivery %s: %s", d->uid, d->items.warning);
	if (d->rc == RC_DUP)
		log_warn("💾 database away: delivery %s is in the spool (%zu bytes)", d->uid,
		    req->body_n);
}

/* What an operator must set where nothing is set; nothing where something is. */
static void
missing_key(const struct account *a, struct buf *b)
{
	const char *key = a->webhook_open ? NULL : account_missing(a, KEY_VERIFY, 0);
	const char *open = account_missing(a, KEY_OPEN, 0);

	if (key == NULL)
		return;
	buf_printf(b, "; set %s", key);
	if (open != NULL)
		buf_printf(b, " (or, to accept anybody, %s=true)", open);
}

void
hooklog_refused(const struct account *a, const char *reason, const char *addr)
{
	struct buf b;

	buf_init(&b, 1024);
	missing_key(a, &b);
	log_warn("⛔ webhook refused: %s (%s account %s, from %s)%s", reason,
	    channel_names[a->channel], a->name, or_none(addr), b.p);
	buf_free(&b);
}

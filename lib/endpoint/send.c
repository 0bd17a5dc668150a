/*
 * Sending, for a person or a program.  Everything that can be known before the
 * network is checked before anything is written, by building the requests once
 * for nothing; so what the outbox holds can be sent.  Rows are committed first;
 * the try that follows is only to tell the caller at once what became of it.
 * The guarantee is the poller (task_deliver).
 */
#include "endpoint/send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/attempt.h"
#include "bridge/hint.h"
#include "bridge/link.h"
#include "base/clock.h"
#include "extern/db.h"
#include "extern/httpc.h"
#include "extern/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/phone.h"
#include "store/outbox.h"
#include "store/login.h"
#include "store/state.h"
#include "store/upload.h"
#include "model/provider.h"
#include "extern/sign.h"
#include "base/str.h"

enum {
	PARTS_MAX = 20,		/* of one text */
	ATTS_MAX = 10,		/* providers.md B.8 */
	ROWS_MAX = PARTS_MAX + ATTS_MAX,
	KEY_MAX = 255,
	TEMPLATE_PAGES = 20,	/* of 100 at the Cloud API */
	URL_MAX = 4096,
	LEASE_S = 30,		/* more than ENDPOINT_SEND_MS and a slow database */
	TRY_MIN_MS = 1500,	/* less time left: the poller does it */
	DAY_S = 86400
};

static const char *const actions[] = { "mark_seen", "typing_on", "typing_off", "react", "unreact" };
static const char *const att_types[] = { "image", "video", "audio", "file" };

/* A request as it was asked for. */
struct draft {
	struct meter *meter;
	const struct conf *conf;
	const char *recipient, *message, *reply_to, *account, *key, *action, *reaction;
	bool human, template;
	struct att atts[ATTS_MAX];
	int64_t uploads[ATTS_MAX];	/* uploads.id where an attachment is one, else 0 */
	size_t n_atts;
	const struct account *a;
	struct outmsg parts[ROWS_MAX];
	size_t n_parts;
};

static bool
one_of(const char *s, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, v[i]))
			return true;
	return false;
}

/* --- splitting ------------------------------------------------------------------- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

void
endpoint_send_split(const char *text, size_t max, bool in_bytes, struct strv *out)
{
	size_t n = strlen(text);

	while (n > 0) {
		size_t cut = in_bytes ? str_utf8_cut(text, n, max) :
					str_utf8_cut_chars(text, n, max);
		size_t at, keep;

		if (cut == 0)
			cut = n;	/* max below one character: no way to honour it */
		at = cut;
		if (cut < n && !is_space(text[cut])) {
			/* a line break in the last third before a space there */
			size_t space = 0, line = 0;

			for (size_t i = cut; i > cut - cut / 3; i--) {
				if (!line && text[i - 1] == '\n')
					line = i;
				if (!space && is_space(text[i - 1]))
					space = i;
			}
			at = line ? line : space ? space : cut;
		}
		keep = at;
		if (at < n)
			while (keep > 0 && is_space(text[keep - 1]))
				keep--;
		if (keep > 0)
			strv_add(out, text, keep);
		text += at;
		n -= at;
		while (n > 0 && is_space(*text)) {
			text++;
			n--;
		}
	}
}

/* --- reading the draft -------------------------------------------------------------- */

/* The answer is written where these return false. */
static bool
get_text(struct endpoint_env *e, const struct json *j, const char *key, const char **out)
{
	const struct json *v = json_member(j, key);
	enum json_type t = json_type(v);

	*out = NULL;
	if (t == JSON_ABSENT || t == JSON_NULL)
		return true;
	if (t != JSON_STRING && t != JSON_NUMBER) {
		endpoint_error(e, 422, "invalid_field", "%s: a string is expected", key);
		return false;
	}
	*out = json_text(&e->arena, v);
	return true;
}

static bool
url_ok(const char *url)
{
	if (url == NULL || strlen(url) > URL_MAX ||
	    (!str_istarts(url, "https://") && !str_istarts(url, "http://")))
		return false;
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '"' || *p == '<' || *p == '>')
			return false;
	return true;
}

/*
 * The earlier service left other members alone, and its clients may send some: so does this.
 * But one that is a known one misspelled is refused: without it something else would go out, or
 * the same twice.
 */
static bool
spelled_right(struct endpoint_env *e, const struct json *j, const char *const *known)
{
	const struct json *v;
	const char *key, *near;
	size_t n = 0;

	while (known[n] != NULL)
		n++;
	for (struct json_iter i = { NULL }; json_each(j, &i, &key, &v);) {
		char plain[64];
		size_t k = 0;

		for (const char *p = key; *p != '\0' && k < sizeof plain - 1; p++)
			if (*p != '_' && *p != '-' && *p != ' ')
				plain[k++] = *p;
		plain[k] = '\0';
		near = NULL;
		for (size_t m = 0; m < n && near == NULL; m++)
			near = str_ieq(plain, known[m]) ? known[m] : NULL;
		if (near == NULL)
			near = str_nearest(plain, known, n);
		/* messageId is another member, and is left alone */
		if (near == NULL || strcmp(key, near) == 0 ||
		    (str_starts(plain, near) && !str_ieq(plain, near)))
			continue;
		endpoint_error(
		    e, 422, "unknown_field", "%.64s is not known here; is %s meant?", key, near);
		return false;
	}
	return true;
}

/* "upload": the id that POST upload gave, in place of type and url; 0: none. */
static bool
get_upload(struct endpoint_env *e, const struct json *j, int64_t *id)
{
	const struct json *v = json_member(j, "upload");

	*id = 0;
	if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL ||
	    (json_i64(v, id) == RC_OK && *id > 0))
		return true;
	endpoint_error(
	    e, 422, "bad_attachment", "attachment.upload: the id that upload answered is expected");
	return false;
}

static bool
add_att(struct endpoint_env *e, const struct json *j, struct draft *w)
{
	static const char *const known[] = { "type", "url", "name", "upload", NULL };
	struct att *a;
	const char *type, *url, *name;
	int64_t upload = 0;

	if (json_type(j) != JSON_OBJECT) {
		endpoint_error(e, 422, "bad_attachment",
		    "attachment: an object with type and url is expected");
		return false;
	}
	if (!spelled_right(e, j, known))
		return false;
	if (w->n_atts == ATTS_MAX) {
		endpoint_error(e, 422, "bad_attachment", "attachments: at most %d", ATTS_MAX);
		return false;
	}
	if (!get_text(e, j, "type", &type) || !get_text(e, j, "url", &url) ||
	    !get_text(e, j, "name", &name))
		return false;
	if (!get_upload(e, j, &upload))
		return false;
	if (upload == 0 && !one_of(type, att_types, sizeof att_types / sizeof *att_types)) {
		endpoint_error(e, 422, "bad_attachment",
		    "attachment.type: image, video, audio or file is expected");
		return false;
	}
	if (upload == 0 && !url_ok(url)) {
		endpoint_error(e, 422, "bad_attachment",
		    "attachment.url: a public https:// address of at most %d bytes is expected",
		    URL_MAX);
		return false;
	}
	a = &w->atts[w->n_atts++];
	memset(a, 0, sizeof *a);
	a->type = type;
	a->url = url;
	a->name = name;
	a->bytes = -1;
	w->uploads[w->n_atts - 1] = upload;
	return true;
}

/* "template": {"name", "language": "ru" or {"code"}, "components"}: its JSON travels as the ref
 * of an attachment of type template. */
static bool
get_template(struct endpoint_env *e, const struct json *j, struct draft *w)
{
	const struct json *t = json_member(j, "template"), *lang = json_member(t, "language");
	const char *name, *code;
	struct att *a = &w->atts[0];
	struct jsonw out;
	struct buf b;

	if (json_type(t) == JSON_ABSENT || json_type(t) == JSON_NULL)
		return true;
	name = json_text(&e->arena, json_member(t, "name"));
	code = json_text(
	    &e->arena, json_type(lang) == JSON_OBJECT ? json_member(lang, "code") : lang);
	if (str_empty(name) || str_empty(code) || w->n_atts > 0 || !str_empty(w->message)) {
		endpoint_error(e, 422, "bad_template",
		    "template: an object with name and language, "
		    "and neither message nor attachment beside it");
		return false;
	}
	buf_init(&b, 256 * 1024);
	jsonw_init(&out, &b);
	jsonw_object(&out, NULL);
	jsonw_str(&out, "name", name);
	jsonw_object(&out, "language");
	jsonw_str(&out, "code", code);
	jsonw_end(&out);
	if (json_type(json_member(t, "components")) == JSON_ARRAY)
		jsonw_raw(&out, "components", json_raw(&e->arena, json_member(t, "components")));
	jsonw_end(&out);
	*a = (struct att){ .type = "template",
		.name = name,
		.bytes = -1,
		.ref = mem_arena_ndup(&e->arena, b.p, b.n) };
	w->n_atts = 1;
	w->template = true;
	buf_free(&b);
	return true;
}

static bool
get_atts(struct endpoint_env *e, const struct json *j, struct draft *w)
{
	const struct json *one = json_member(j, "attachment"),
			  *many = json_member(j, "attachments");

	if (json_type(one) != JSON_ABSENT && json_type(one) != JSON_NULL && !add_att(e, one, w))
		return false;
	if (json_type(many) == JSON_ABSENT || json_type(many) == JSON_NULL)
		return true;
	if (json_type(many) != JSON_ARRAY) {
		endpoint_error(e, 422, "bad_attachment", "attachments: a list is expected");
		return false;
	}
	for (size_t i = 0; i < json_len(many); i++)
		if (!add_att(e, json_at(many, i), w))
			return false;
	return true;
}

/* Idempotency-Key or idempotencyKey; both must say the same. */
static bool
get_key(struct endpoint_env *e, const struct json *j, struct draft *w)
{
	const char *hdr = http_req_get(e->req, "Idempotency-Key");

	if (!get_text(e, j, "idempotencyKey", &w->key))
		return false;
	if (hdr && w->key && !str_eq(hdr, w->key)) {
		endpoint_error(e, 422, "bad_idempotency_key",
		    "the header Idempotency-Key and idempotencyKey differ");
		return false;
	}
	if (hdr)
		w->key = mem_arena_dup(&e->arena, hdr);
	if (w->key &&
	    (w->key[0] == '\0' || strlen(w->key) > KEY_MAX ||
		!str_utf8_ok(w->key, strlen(w->key)))) {
		endpoint_error(e, 422, "bad_idempotency_key",
		    "idempotencyKey: 1 to %d bytes of text", KEY_MAX);
		return false;
	}
	return true;
}

static bool
get_human(struct endpoint_env *e, const struct json *j, struct draft *w)
{
	int flag;

	if (!endpoint_flag(e, j, "humanAgent", &flag))
		return false;
	w->human = flag == 1;
	return true;
}

static bool
read_draft(struct endpoint_env *e, const struct json *j, struct draft *w)
{
	static const char *const known[] = { "recipientId", "message", "replyTo", "account",
		"action", "reaction", "humanAgent", "idempotencyKey", "attachment", "attachments",
		"template", NULL };

	return spelled_right(e, j, known) && get_text(e, j, "recipientId", &w->recipient) &&
	    get_text(e, j, "message", &w->message) && get_text(e, j, "replyTo", &w->reply_to) &&
	    get_text(e, j, "account", &w->account) && get_text(e, j, "action", &w->action) &&
	    get_text(e, j, "reaction", &w->reaction) && get_human(e, j, w) && get_key(e, j, w) &&
	    get_atts(e, j, w) && get_template(e, j, w);
}

/* --- checking it --------------------------------------------------------------------- */

static bool
check_recipient(struct endpoint_env *e, struct draft *w)
{
	const char *id = attempt_recipient(w->a, w->recipient, &e->arena);

	if (id == NULL)
		id = attempt_national(
		    ctx_db(e->ctx, e->conf, e->thread), w->a, w->recipient, &e->arena);
	if (id == NULL || strpbrk(id, " \t\r\n/") != NULL) {
		endpoint_error(e, 422, "bad_recipient", "recipientId: not an id of %s%s",
		    provider_of(w->a)->name,
		    phone_national(w->recipient, strlen(w->recipient), NULL, NULL) > 0 ?
			"; a phone needs its country, as in +70000000001" :
			"");
		return false;
	}
	w->recipient = id;
	return true;
}

static bool
check_account(struct endpoint_env *e, struct draft *w)
{
	const char *name = str_empty(w->account) ? NULL : w->account;

	w->a = conf_account(e->conf, e->channel, name);
	if (w->a == NULL) {
		endpoint_error(e, 422, "unknown_account", "account: there is no %s account %s",
		    channel_names[e->channel], name ? name : "main");
		return false;
	}
	if (!w->a->use_mock && str_empty(w->a->token)) {
		endpoint_error(e, 503, "config",
		    "the %s account %s has no access token in its configuration",
		    channel_names[e->channel], w->a->name);
		return false;
	}
	if (str_empty(w->recipient)) {
		endpoint_error(e, 422, "missing_recipient", "recipientId: whom the message is for");
		return false;
	}
	return check_recipient(e, w);
}

/* The uploads' rows: type, name, and a reference in place of an address, which is signed again
 * for each attempt (bridge/link.h). */
static bool
find_uploads(struct endpoint_env *e, struct draft *w)
{
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	char ref[40];
	struct upload u;
	struct buf b;

	for (size_t i = 0; i < w->n_atts; i++) {
		enum rc rc = w->uploads[i] == 0 ? RC_DUP :
						  upload_get(db, w->uploads[i], &e->arena, &u);

		if (rc == RC_DUP)
			continue;
		if (rc == RC_OK &&
		    (!str_eq(u.account, w->a->name) ||
			!str_eq(u.channel, channel_names[e->channel])))
			rc = RC_NONE;
		if (rc == RC_NONE || str_empty(e->conf->public_url)) {
			endpoint_error(e, 422, "bad_attachment",
			    "attachment.upload: there is no such file (any more): choose it again");
			return false;
		}
		if (rc != RC_OK) {
			endpoint_header(e, "Retry-After", "5");
			endpoint_error(e, 503, "database",
			    "the database is away; try again, with the same Idempotency-Key");
			return false;
		}
		snprintf(ref, sizeof ref, UPLOAD_REF "%lld", (long long)u.id);
		buf_init(&b, 8192);
		link_name(e->conf->public_url, u.channel, u.id, &b);
		w->atts[i] = (struct att){ .type = u.type,
			.name = u.name,
			.mime = u.mime,
			.bytes = -1,
			.url = mem_arena_ndup(&e->arena, b.p, b.n),
			.ref = mem_arena_dup(&e->arena, ref) };
		buf_free(&b);
	}
	return true;
}

static bool
check_action(struct endpoint_env *e, struct draft *w)
{
	if (!one_of(w->action, actions, sizeof actions / sizeof *actions)) {
		endpoint_error(e, 422, "unsupported_action",
		    "action: mark_seen, typing_on, typing_off, react or unreact is expected");
		return false;
	}
	if (!str_empty(w->message) || w->n_atts > 0) {
		endpoint_error(e, 422, "unsupported_action",
		    "action: not together with a message or attachment");
		return false;
	}
	if (str_empty(w->reply_to) && provider_of(w->a)->acts_on_message &&
	    !str_ends(w->action, "react") &&
	    outbox_newest_inbound(ctx_db(e->ctx, e->conf, e->thread), w->a->channel, w->a->name,
		w->recipient, &e->arena, &w->reply_to) != RC_OK) {
		endpoint_error(
		    e, 422, "missing_target", "replyTo: no message of this contact is known");
		return false;
	}
	if (str_ends(w->action, "react") && str_empty(w->reply_to)) {
		endpoint_error(
		    e, 422, "missing_target", "replyTo: the id of the message to react to");
		return false;
	}
	if (str_eq(w->action, "react") && str_empty(w->reaction)) {
		endpoint_error(e, 422, "missing_reaction", "reaction: \"love\" or an emoji");
		return false;
	}
	return true;
}

/* --- the parts ------------------------------------------------------------------------ */

static struct outmsg *
add_part(struct draft *w)
{
	struct outmsg *m = &w->parts[w->n_parts++];

	memset(m, 0, sizeof *m);
	m->recipient = w->recipient;
	m->thread_id = provider_of(w->a)->ids_per_chat ? w->recipient : "";
	m->human_agent = w->human;
	if (w->n_parts == 1)
		m->reply_to = w->reply_to;
	return m;
}

static void
too_long(struct endpoint_env *e, size_t limit, bool bytes)
{
	struct endpoint_error err;

	endpoint_error_open(&err, "too_long", "message: at most %zu %s", limit,
	    bytes ? "bytes of UTF-8" : "characters");
	jsonw_i64(&err.w, "limit", (int64_t)limit);
	jsonw_str(&err.w, "unit", bytes ? "bytes" : "characters");
	endpoint_error_end(e, 422, &err);
}

static bool
add_text(struct endpoint_env *e, struct draft *w)
{
	const struct provider *p = provider_of(w->a);
	const char *text = w->message != NULL ? w->message : "";
	size_t n = strlen(text), len = p->text_in_bytes ? n : str_utf8_len(text, n);
	size_t max = p->text_limit != NULL ? p->text_limit(w->a) : p->text_max;
	struct strv parts = { 0 };

	if (max == 0 || len <= max) {
		add_part(w)->body = text;
		return true;
	}
	if (!p->text_split) {
		too_long(e, max, p->text_in_bytes);
		return false;
	}
	if (len <= max * PARTS_MAX)
		endpoint_send_split(text, max, p->text_in_bytes, &parts);
	if (parts.n == 0 || parts.n > PARTS_MAX) {
		strv_free(&parts);
		too_long(e, max * PARTS_MAX, p->text_in_bytes);
		return false;
	}
	for (size_t i = 0; i < parts.n; i++)
		add_part(w)->body = mem_arena_dup(&e->arena, parts.v[i]);
	strv_free(&parts);
	return true;
}

/* Several images are one message where the provider can, else one each. */
static void
add_atts(struct draft *w, size_t from)
{
	struct outmsg *m = add_part(w);
	bool images = true;

	m->atts = w->atts + from;
	m->n_atts = w->n_atts - from;
	for (size_t i = from; i < w->n_atts; i++)
		images = images && str_eq(w->atts[i].type, "image");
	if (m->n_atts == 1 || (images && attempt_possible(w->a, m)))
		return;
	m->n_atts = 1;
	for (size_t i = from + 1; i < w->n_atts; i++) {
		m = add_part(w);
		m->atts = &w->atts[i];
		m->n_atts = 1;
	}
}

/* The text is the file's caption, one message, where the provider can.  How many files have
 * found their place by it. */
static size_t
add_caption(struct draft *w, size_t chars)
{
	const struct provider *p = provider_of(w->a);

	if (!p->captions || (p->caption_max != 0 && chars > p->caption_max))
		return 0;
	w->parts[0].atts = w->atts;
	w->parts[0].n_atts = 1;
	if (p->caption_max == 0 || attempt_possible(w->a, &w->parts[0]))
		return 1;
	w->parts[0].atts = NULL;	/* a voice message has none */
	w->parts[0].n_atts = 0;
	return 0;
}

static bool
make_parts(struct endpoint_env *e, struct draft *w)
{
	if (w->action) {
		struct outmsg *m = add_part(w);

		m->action = w->action;
		m->reaction = str_eq(w->action, "react") ? w->reaction : NULL;
	} else {
		const char *p = w->message ? w->message : "";
		size_t n = strlen(p), captioned = 0;

		str_trim(&p, &n);
		if (n == 0 && w->n_atts == 0) {
			endpoint_error(
			    e, 422, "empty_message", "message: neither text nor attachment");
			return false;
		}
		if (n > 0 && !add_text(e, w))
			return false;
		if (n > 0 && w->n_atts > 0 && w->n_parts == 1)
			captioned = add_caption(w, str_utf8_len(p, n));
		if (w->n_atts > captioned)
			add_atts(w, captioned);
	}
	for (size_t i = 0; i < w->n_parts; i++) {
		const struct outmsg *m = &w->parts[i];

		if (attempt_possible(w->a, m))
			continue;
		endpoint_error(e, 422,
		    m->action	  ? "unsupported_action" :
			m->n_atts ? "bad_attachment" :
				    "unsupported_message",
		    "%s cannot send this %s", provider_called(w->a),
		    m->action	  ? m->action :
			m->n_atts ? m->atts[0].type :
				    "message");
		return false;
	}
	return true;
}

/* The same request gives the same print, whatever the order of its fields was. */
static void
fingerprint(const struct draft *w, char out[65])
{
	struct buf b;

	buf_init(&b, 32 << 20);
	buf_printf(&b, "%s\n%s\n", channel_names[w->a->channel], w->a->name);
	for (size_t i = 0; i < w->n_parts; i++) {
		const struct outmsg *m = &w->parts[i];
		const char *const f[] = { m->recipient, m->body, m->reply_to, m->action,
			m->reaction };

		buf_putc(&b, '\n');
		for (size_t k = 0; k < sizeof f / sizeof *f; k++)
			json_put_str(&b, f[k]);
		buf_puts(&b, m->human_agent ? "h" : "-");
		for (size_t k = 0; k < m->n_atts; k++) {
			json_put_str(&b, m->atts[k].type);
			json_put_str(&b, m->atts[k].url);
			json_put_str(&b, m->atts[k].name);
			json_put_str(&b, m->atts[k].ref);
		}
	}
	sign_sha256_hex(b.p, b.n, out);
	buf_free(&b);
}

/* --- the answer ------------------------------------------------------------------------ */

static bool
row_done(const struct outbox_row *r)
{
	return str_eq(r->state, "sent") || str_eq(r->state, "accepted");
}

static void
answer_failed(struct endpoint_env *e, const struct outbox_row *r)
{
	/* dead: out of time or cancelled, the provider had no say */
	const char *code = str_eq(r->state, "failed") ? "provider_refused" : "not_sent";
	struct jsonw w;
	struct buf b;

	buf_init(&b, 8192);
	jsonw_init(&w, &b);
	jsonw_object(&w, NULL);
	jsonw_bool(&w, "success", false);
	jsonw_object(&w, "error");
	jsonw_str(&w, "code", code);
	if (r->error_code[0] && r->error_text[0])
		jsonw_printf(&w, "message", "%s: %s", r->error_code, r->error_text);
	else
		jsonw_str(&w, "message", r->error_code[0] ? r->error_code : r->error_text);
	jsonw_str(&w, "providerCode", r->error_code[0] ? r->error_code : NULL);
	jsonw_str(&w, "providerText", r->error_text[0] ? r->error_text : NULL);
	jsonw_end(&w);
	jsonw_i64(&w, "id", r->id);
	jsonw_str(&w, "status", "failed");
	jsonw_str(&w, "requestId", e->request_id);
	jsonw_end(&w);
	endpoint_jsonw(e, 502, &w);
	endpoint_log_error(e, 502, code);
}

/* One word for all rows: the worst of them. */
static const char *
rows_status(const struct outbox_row *rows, size_t n)
{
	const char *status = "sent";

	for (size_t i = 0; i < n; i++) {
		if (str_eq(rows[i].state, "unknown"))
			return "unknown";
		if (!row_done(&rows[i]))
			status = "queued";
		else if (str_eq(status, "sent") && str_eq(rows[i].state, "accepted"))
			status = "accepted";
	}
	return status;
}

/* Why not yet: the code, the provider's words, and how to fix it. */
static void
put_reason(const struct endpoint_env *e, const struct account *a, const struct outbox_row *r,
    struct jsonw *w)
{
	const char *hint = hint_text(str_eq(e->conf->lang, "ru"), a, r->hint);

	jsonw_str(w, "reason", r->error_code);
	if (r->error_text[0])
		jsonw_str(w, "reasonText", r->error_text);
	if (hint != NULL)
		jsonw_str(w, "hint", hint);
}

static void
answer_rows(struct endpoint_env *e, const struct draft *w, const struct outbox_row *rows, size_t n)
{
	const char *status;
	struct jsonw out;
	struct buf b;
	int http;

	for (size_t i = 0; i < n; i++) {
		if (str_eq(rows[i].state, "failed") || str_eq(rows[i].state, "dead")) {
			answer_failed(e, &rows[i]);
			return;
		}
	}
	status = rows_status(rows, n);
	http = str_eq(status, "sent") || str_eq(status, "accepted") ? 200 : 202;
	buf_init(&b, 64 << 10);
	jsonw_init(&out, &b);
	jsonw_object(&out, NULL);
	jsonw_bool(&out, "success", true);
	jsonw_i64(&out, "id", rows[0].id);
	jsonw_str(&out, "status", status);
	jsonw_str(&out, "messageId", rows[0].provider_id[0] ? rows[0].provider_id : NULL);
	if (n > 1) {
		jsonw_array(&out, "messageIds");
		for (size_t i = 0; i < n; i++)
			jsonw_str(&out, NULL, rows[i].provider_id[0] ? rows[i].provider_id : NULL);
		jsonw_end(&out);
	}
	jsonw_str(&out, "recipientId", w->recipient);
	for (size_t i = 0; i < n; i++) {
		if (http == 202 && rows[i].error_code[0]) {
			put_reason(e, w->a, &rows[i], &out);
			break;
		}
	}
	jsonw_str(&out, "requestId", e->request_id);
	jsonw_end(&out);
	endpoint_jsonw(e, http, &out);
}

/* "templates":[...]: asked for now, page by page; left out where the provider tells of none in
 * time, and those of the first pages where it tells of no more. */
static void
put_templates(const struct draft *w, int64_t deadline, struct jsonw *out)
{
	const struct provider *p = provider_of(w->a);
	struct httpc *h = httpc_new(NULL);
	char after[CURSOR_MAX] = "";
	struct jsonw list;
	struct buf b;
	int pages = 0;
	enum rc rc;

	buf_init(&b, 256 * 1024);
	jsonw_init(&list, &b);
	jsonw_array(&list, NULL);
	do {
		struct http_req req = { 0 };
		struct http_res got = { 0 };

		rc = p->templates_build(w->a, after, &req);
		if (rc == RC_OK) {
			req.timeout_ms = deadline - clock_mono_ms() > 3000 ? 3000 : 500;
			httpc_once(h, &req, &got);
			rc = p->templates_read(w->a, &got, &list, after);
		}
		pages += rc == RC_OK;
		http_res_free(&got);
		http_req_free(&req);
	} while (rc == RC_OK && after[0] != '\0' && pages < TEMPLATE_PAGES &&
	    clock_mono_ms() < deadline);
	jsonw_end(&list);
	if (pages > 0 && jsonw_done(&list))
		jsonw_raw(out, "templates", b.p);
	buf_free(&b);
	httpc_free(h);
}

static void
answer_window(struct endpoint_env *e, const struct draft *w, int64_t closed_us, int64_t deadline)
{
	const struct provider *p = provider_of(w->a);
	struct endpoint_error err;
	char at[CLOCK_ISO_MAX];

	clock_iso(closed_us, at);
	endpoint_error_open(&err, "window_closed",
	    "the customer's last message is too long ago: one could answer until %s%s", at,
	    p->templates ? " (an approved template still goes)" :
		w->human || p->window_human_s == p->window_s ?
			   "" :
			   " (with humanAgent: true a person may answer within 7 days)");
	jsonw_str(&err.w, "until", at);
	if (p->templates && p->templates_build != NULL)
		put_templates(w, deadline, &err.w);
	endpoint_error_end(e, 422, &err);
}

/* --- the one try ------------------------------------------------------------------------ */

/* Written although the database blinks: what the provider said is not to be lost. */
static void
settle(struct db *db, const struct outbox_item *it, const struct send_result *r, int64_t ms,
    struct outbox_row *row)
{
	enum rc rc = RC_TEMP;

	for (int i = 0; i < 4 && rc == RC_TEMP; i++) {
		if (i > 0)
			clock_sleep_ms(150 * i);
		rc = outbox_settle(db, it, r, ms, row);
	}
	if (rc == RC_OK || (rc == RC_NONE && outbox_get(db, it->id, row) == RC_OK))
		return;
	log_error("send: outbox %lld: result not written, the database is away; it will be unknown"
		  " until its echo comes",
	    (long long)it->id);
	snprintf(row->state, sizeof row->state, "%s",
	    r->outcome == SEND_SENT	    ? "sent" :
		r->outcome == SEND_ACCEPTED ? "accepted" :
		r->outcome == SEND_REFUSED  ? "failed" :
		r->outcome == SEND_UNKNOWN  ? "unknown" :
					      "queued");
	snprintf(row->provider_id, sizeof row->provider_id, "%s", r->message_id);
	snprintf(row->error_code, sizeof row->error_code, "%s", r->code);
	snprintf(row->error_text, sizeof row->error_text, "%s", r->text);
}

/* The request, once more with each proof that is left where only that was refused;
 * milliseconds it took. */
static int64_t
perform(struct httpc *h, const struct draft *w, int64_t deadline, struct outbox_item *it,
    struct send_result *r)
{
	struct http_req req = { 0 };
	struct http_res res;
	struct login l;
	int64_t ms = 0, left;

	login_init(&l, NULL, w->a);
	do {
		login_use(&l, it->token, it->token_of, it->proof);
		left = deadline - clock_mono_ms();
		if (attempt_build(&l.a, it, left > 100 ? (unsigned int)left : 100, &req, r) !=
		    RC_OK)
			break;
		httpc_once(h, &req, &res);
		attempt_read(&l.a, it, &res, r);
		ms += res.ms;
		http_res_free(&res);
	} while (attempt_again(it, r));
	http_req_free(&req);
	login_drop(&l);
	return ms;
}

/* The row's file, where it goes before the message.  RC_TEMP: too slow for an answer at once, the
 * poller does it; else it->media is set, there is none, or (RC_INVALID) r is the result. */
static enum rc
hand_over(struct httpc *h, const struct draft *w, int64_t deadline, struct outbox_item *it,
    struct send_result *r)
{
	struct http_req req = { 0 };
	struct http_res res;
	struct login l;
	int64_t left;
	enum rc rc = RC_OK;

	login_init(&l, NULL, w->a);
	do {
		login_use(&l, it->token, it->token_of, it->proof);
		left = deadline - TRY_MIN_MS * 2 - clock_mono_ms();
		if (attempt_upload(&l.a, it, left > 100 ? (unsigned int)left : 100, &req) != RC_OK)
			break;
		httpc_once(h, &req, &res);
		rc = attempt_uploaded(&l.a, it, &res, r);
		if (rc != RC_OK)
			rc = res.fail == HTTP_FAIL_TIMEOUT ? RC_TEMP : RC_INVALID;
		http_res_free(&res);
	} while (rc == RC_INVALID && attempt_again(it, r));
	http_req_free(&req);
	login_drop(&l);
	return rc;
}

/* False: this row was not handed over, later ones must wait for it. */
static bool
try_row(
    struct db *db, struct httpc *h, const struct draft *w, int64_t deadline, struct outbox_row *row)
{
	const struct outbox_want want = { .channel = w->a->channel,
		.account = w->a->name,
		.only_id = row->id,
		.max = 1,
		.lease_s = LEASE_S };
	struct outbox_items items;
	struct send_result r;
	int64_t left, ms = 0;
	enum rc rc = RC_TEMP;

	/* not claimable: an earlier message waits, the account rests, the loop guard */
	if (outbox_claim(db, &want, &items) != RC_OK)
		return false;
	if (items.n == 0) {
		outbox_items_free(&items);
		/* the poller was quicker: its result is ours to tell */
		while (outbox_get(db, row->id, row) == RC_OK && str_eq(row->state, "leased") &&
		    deadline - clock_mono_ms() > TRY_MIN_MS / 2)
			clock_sleep_ms(50);
		return row_done(row);
	}
	left = deadline - clock_mono_ms();
	if (left >= TRY_MIN_MS / 2 && link_sign(db, w->conf, &items) == RC_OK)
		rc = hand_over(h, w, deadline, &items.v[0], &r);
	if (rc == RC_TEMP) {
		if (outbox_release(db, &items.v[0]) == RC_TEMP)
			log_debug("send: outbox %lld: not released", (long long)row->id);
		outbox_items_free(&items);
		return false;
	}
	if (outbox_begin(db, &items.v[0]) == RC_OK) {
		if (rc == RC_OK)
			ms = perform(h, w, deadline, &items.v[0], &r);
		attempt_count(w->meter, w->a, &r, ms);
		if (items.v[0].tries > 0 && !r.again &&
		    state_set_proof(db, w->a->channel, w->a->name, items.v[0].proof) != RC_OK)
			log_debug("send: the proof in use is found again next time");
		settle(db, &items.v[0], &r, ms, row);
	}
	outbox_items_free(&items);
	return row_done(row);
}

static void
try_rows(struct db *db, const struct draft *w, int64_t deadline, struct outbox_row *rows, size_t n)
{
	struct httpc *h = httpc_new(NULL);
	size_t i = 0;

	while (i < n && deadline - clock_mono_ms() >= TRY_MIN_MS &&
	    try_row(db, h, w, deadline, &rows[i]))
		i++;
	/* of a refused part the rest is dropped by the same settlement */
	if (i + 1 < n && str_eq(rows[i].state, "failed"))
		for (size_t k = i + 1; k < n; k++)
			rows[k] = rows[i];
	httpc_free(h);
}

static void
put_and_try(struct endpoint_env *e, struct draft *w, int64_t deadline)
{
	struct db *db = ctx_db(e->ctx, e->conf, e->thread);
	struct outbox_row rows[ROWS_MAX];
	struct outbox_new n = { .channel = w->a->channel,
		.account = w->a->name,
		.own_id = w->a->own_id,
		.provider = provider_of(w->a),
		.mock = w->a->use_mock,
		.caller = e->caller.key,
		.idempotency_key = w->key,
		.parts = w->parts,
		.n_parts = w->n_parts };
	char print[65];
	size_t n_rows = 0;
	int64_t closed_us = 0;

	w->meter = ctx_meter(e->ctx, e->conf);
	w->conf = e->conf;
	fingerprint(w, print);
	n.fingerprint = print;
	if (!w->action && !w->template && !w->a->use_mock)
		n.window_s = w->human ? provider_of(w->a)->window_human_s :
					provider_of(w->a)->window_s;
	switch (outbox_put(db, &n, ROWS_MAX, rows, &n_rows, &closed_us)) {
	case RC_OK:
		try_rows(db, w, deadline, rows, n_rows);
		ctx_changed(e->ctx, e->conf);
		ctx_changed_tick(e->ctx);
		answer_rows(e, w, rows, n_rows);
		break;
	case RC_DUP:
		answer_rows(e, w, rows, n_rows);
		break;
	case RC_DENIED:
		answer_window(e, w, closed_us, deadline);
		break;
	case RC_INVALID:
		if (db_fault(db) == DB_FAULT_DATA)
			endpoint_error(e, 422, "invalid", "the database refuses this message: %s",
			    db_error(db));
		else
			endpoint_error(e, 409, "idempotency_conflict",
			    "this idempotency key was used for another message");
		break;
	default:
		http_res_header(e->res, "Retry-After", 11, "5", 1);
		endpoint_error(e, 503, "database",
		    "the database is away; try again, with the same Idempotency-Key");
	}
}

void
endpoint_send(struct endpoint_env *e)
{
	int64_t deadline = clock_mono_ms() + ENDPOINT_SEND_MS;
	struct draft *w = mem_alloc(sizeof *w);
	struct json *j = NULL;
	char err[128];

	if (e->req->body_n == 0) {
		endpoint_error(e, 422, "empty_body", "a JSON object is expected");
	} else if (json_parse(e->req->body, e->req->body_n, &j, err) != RC_OK) {
		endpoint_error(e, 422, "invalid_json", "%s", err);
	} else if (json_type(j) != JSON_OBJECT) {
		endpoint_error(e, 422, "invalid_json", "a JSON object is expected");
	} else if (read_draft(e, j, w) && check_account(e, w) && find_uploads(e, w) &&
	    (w->action == NULL || check_action(e, w)) && make_parts(e, w)) {
		put_and_try(e, w, deadline);
	}
	json_free(j);
	free(w);
}

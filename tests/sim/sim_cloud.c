/*
 * WhatsApp Cloud API as providers.md part H tells it: /cloud/vN.N/..., the version optional.
 * A send is answered with a wamid and followed by its states, signed with the app secret; a
 * business-scoped id in "to" is answered 200 and dropped without a word; outside the window
 * the failure comes as a state; files come in two steps, both with the token, and are taken by
 * POST NUMBER/media.  An object has the fields that are asked for.  tests/e2e/46-cloud-client
 * is a client that knows Meta's pages alone.
 *
 * Settings (SIM_ in the environment, or POST /_sim/config):
 *   CLOUD_TOKENS      comma list (not set: any EAA)
 *   CLOUD_NUMBER, CLOUD_WABA   800000000000002, 900000000000001
 *   CLOUD_APP_SECRET, CLOUD_WEBHOOK_URL
 *   CLOUD_PROOF       "on": the app requires appsecret_proof; one that is sent is checked always
 *   CLOUD_STATES      states that follow a send: "sent,delivered" unless set; "" none
 *   CLOUD_WINDOW      "closed": what is no template fails by a state, 131047
 *   CLOUD_FAILS       "CODE:TIMES": so many sends are taken, and fail by a state with that code
 *   CLOUD_TEMPLATES   so many approved ones more, told by pages; CLOUD_TEMPLATE_LAST: the
 *   status of the last of them
 *   CLOUD_STATE_MS    delay of the states, 20
 *   CLOUD_USAGE       call_count of the usage headers, 5; CLOUD_REGAIN: the account's calls are
 *                     used up, and sends are refused with 80007; in so many minutes they are not
 *   CLOUD_MEDIA_GONE  so many messages find that the id of their file has expired
 *   For doctor: CLOUD_STATUS, CLOUD_QUALITY, CLOUD_HEALTH, CLOUD_SCOPES, CLOUD_EXPIRES (Unix
 *   seconds), CLOUD_TEMPLATE_STATUS, CLOUD_ASSIGNED ("no": the system user has no right to
 *   the number), CLOUD_GRANULAR (the account that the token is for); CLOUD_SUBSCRIBED ("no",
 *   "other": an app of somebody else) until POST WABA/subscribed_apps; CLOUD_OVERRIDE: the
 *   number's own callback until POST NUMBER with webhook_configuration takes it away
 *
 * Control, POST /_sim/cloud/VERB:
 *   message {from,user_id,text,type,name,username,count}   a person writes; from "" hides the phone
 *   webhook {body,secret,url}   any text, signed
 *   state   {id,status,code,details,ref}   one more state
 *   answer  {status,code,text,details,times,took}   the next sends get this error; took: they
 *           are sent all the same
 *   sent    all that was sent
 *   files   those that were handed over: id, type, name, bytes, sha256, and how many messages
 *           named them
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "extern/sign.h"
#include "sim.h"

static struct buf sent;		/* JSON objects, comma-separated */
enum { FILES = 64, FILE_MAX = 100 << 20 };
static struct file { char id[32], mime[100], name[100], sum[65]; struct buf bytes; int used; } files[FILES];
static size_t n_files;
static struct {
	int64_t times, status, code;
	char text[200], details[200];
	bool took;
} next_error;

static const char *
opt(const char *name, const char *other)
{
	const char *s = sim_opt(name);

	return s != NULL ? s : other;
}

/* A refusal of the Graph API itself, before WhatsApp saw the call: no error_data. */
static void
graph_error(struct sim_res *res, int status, int64_t code, int64_t subcode, const char *type,
    const char *text)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_puts(&b, "{\"error\":{\"message\":");
	json_put_str(&b, text);
	buf_printf(&b, ",\"type\":\"%s\",\"code\":%" PRId64, type, code);
	if (subcode != 0)
		buf_printf(&b, ",\"error_subcode\":%" PRId64, subcode);
	buf_puts(&b, ",\"fbtrace_id\":\"AbCdEfSim\"}}");
	sim_answer(res, status, "%s", b.p);
	buf_free(&b);
}

/* No such object, or none that the token sees: Meta does not tell them apart. */
static void
no_object(const struct sim_req *r, const char *id, struct sim_res *res)
{
	char s[400];

	snprintf(s, sizeof s, "Unsupported %s request. Object with ID '%.60s' does not exist, cannot be loaded "
	    "due to missing permissions, or does not support this operation. Please read the Graph API "
	    "documentation at https://developers.facebook.com/docs/graph-api",
	    str_eq(r->method, "GET") ? "get" : str_eq(r->method, "DELETE") ? "delete" : "post", id);
	graph_error(res, 400, 100, 33, "GraphMethodException", s);
}

static void
error(struct sim_res *res, int status, int64_t code, const char *text, const char *details)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_puts(&b, "{\"error\":{\"message\":");
	json_put_str(&b, text);
	buf_printf(&b, ",\"type\":\"OAuthException\",\"code\":%" PRId64 ",\"error_data\":"
	    "{\"messaging_product\":\"whatsapp\",\"details\":", code);
	json_put_str(&b, details);
	buf_puts(&b, "},\"fbtrace_id\":\"AbCdEfSim\"}}");
	sim_answer(res, status, "%s", b.p);
	buf_free(&b);
}

/* --- webhooks --------------------------------------------------------------------- */

static void
post(const char *field, const char *inside, unsigned int delay_ms)
{
	const char *url = sim_opt("CLOUD_WEBHOOK_URL"), *secret = opt("CLOUD_APP_SECRET", "");
	struct buf b;

	if (str_empty(url))
		return;
	buf_init(&b, 16 << 20);
	buf_printf(&b, "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"%s\",\"changes\":[{"
	    "\"field\":\"%s\",\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":"
	    "{\"display_phone_number\":\"70000000000\",\"phone_number_id\":\"%s\"},%s}}]}]}",
	    opt("CLOUD_WABA", "900000000000001"), field, opt("CLOUD_NUMBER", "800000000000002"), inside);
	sim_webhook_signed(url, delay_ms, secret, b.p, b.n);
	buf_free(&b);
}

static void
post_state(const char *id, const char *status, const char *to, const char *ref, int64_t code,
    const char *details)
{
	bool hidden = to != NULL && strchr(to, '.') != NULL;
	struct buf b;

	buf_init(&b, 8192);
	buf_printf(&b, "\"statuses\":[{\"id\":\"%s\",\"status\":\"%s\",\"timestamp\":\"%lld\"", id, status,
	    (long long)(clock_now_us() / 1000000));
	if (!str_empty(to))
		buf_printf(&b, ",\"%s\":\"%s\"", hidden ? "recipient_user_id" : "recipient_id",
		    *to == '+' ? to + 1 : to);
	if (!str_empty(ref)) {
		buf_puts(&b, ",\"biz_opaque_callback_data\":");
		json_put_str(&b, ref);
	}
	if (code == 0)
		buf_puts(&b, ",\"pricing\":{\"billable\":false,\"pricing_model\":\"PMP\",\"type\":"
		    "\"free_customer_service\",\"category\":\"service\"}");
	if (code != 0) {
		buf_printf(&b, ",\"errors\":[{\"code\":%" PRId64 ",\"title\":\"failed\",\"message\":\"failed\","
		    "\"error_data\":{\"details\":", code);
		json_put_str(&b, details);
		buf_puts(&b, "}}]");
	}
	buf_puts(&b, "}]");
	if (code == 0 && !str_empty(to) && !hidden)	/* leaner than a message's */
		buf_printf(&b, ",\"contacts\":[{\"wa_id\":\"%s\"}]", *to == '+' ? to + 1 : to);
	post("messages", b.p, (unsigned int)atol(opt("CLOUD_STATE_MS", "20")));
	buf_free(&b);
}

/* --- sending ------------------------------------------------------------------------ */

/* One of those that are taken and fail afterwards. */
static bool
fails_later(int64_t *code)
{
	long long c, times;
	char rest[64];

	if (sscanf(opt("CLOUD_FAILS", ""), "%lld:%lld", &c, &times) != 2 || times <= 0)
		return false;
	*code = c;
	snprintf(rest, sizeof rest, "%lld:%lld", c, times - 1);
	sim_opt_set("CLOUD_FAILS", rest);
	return true;
}

/* Taken: an id, kept for GET sent, and the states that follow; bad: why its file is refused. */
static void
take(const struct sim_req *r, const char *to, char id[64], const char *bad)
{
	const char *type = sim_json(r, "type"), *ref = sim_json(r, "biz_opaque_callback_data");
	struct strv states = { 0 };
	int64_t code;

	snprintf(id, 64, "wamid.HBgLSIM%" PRIu64 "==", sim_id());
	buf_printf(&sent, "%s{\"id\":\"%s\",\"body\":%s}", sent.n > 0 ? "," : "", id,
	    json_raw(r->a, r->json));
	if (sim_json(r, "recipient") == NULL && strchr(to, '.') != NULL)
		return;		/* dropped without a word (H.17) */
	if (str_eq(sim_opt("CLOUD_WINDOW"), "closed") && !str_eq(type, "template") &&
	    !str_eq(type, "reaction")) {
		post_state(id, "failed", to, ref, 131047,
		    "Message failed to send because more than 24 hours have passed since the customer last replied");
		return;
	}
	if (bad != NULL) {
		post_state(id, "failed", to, ref, 131053, bad);
		return;
	}
	if (fails_later(&code)) {
		post_state(id, "failed", to, ref, code, "reported later (made up)");
		return;
	}
	strv_split(&states, opt("CLOUD_STATES", "sent,delivered"), ',');
	for (size_t i = 0; i < states.n; i++)
		post_state(id, states.v[i], to, ref, 0, NULL);
	strv_free(&states);
}

/* Digits; a Brazilian mobile without its ninth digit, as many are registered, a Mexican one with
 * its old 1 and an Argentine one with its 9 (H.4). */
static const char *
wa_id(const struct sim_req *r, const char *to)
{
	char *p = mem_arena_dup(r->a, to);
	size_t n = 0;
	char s[32];

	if (strchr(to, '.') != NULL)
		return to;
	for (; *to != '\0'; to++)
		if (*to >= '0' && *to <= '9')
			p[n++] = *to;
	p[n] = '\0';
	if (str_starts(p, "55") && strlen(p) == 13 && p[4] == '9')
		snprintf(s, sizeof s, "%.4s%s", p, p + 5);
	else if ((str_starts(p, "52") || str_starts(p, "54")) && strlen(p) == 12)
		snprintf(s, sizeof s, "%.2s%c%s", p, p[1] == '2' ? '1' : '9', p + 2);
	else
		return p;
	return mem_arena_dup(r->a, s);
}

static bool
known_type(const char *type)
{
	static const char *const types[] = { "text", "image", "video", "audio", "document", "sticker", "location",
		"contacts", "reaction", "interactive", "template" };

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (str_eq(type, types[i]))
			return true;
	return type == NULL;
}

/* order_ready in Russian wants one parameter of its body; what else there is wants any. */
static bool
template_wrong(const struct sim_req *r, struct sim_res *res)
{
	const struct json *t = json_get(r->json, "template"), *list = json_get(t, "components");
	const char *name = sim_json(r, "template.name"), *lang = sim_json(r, "template.language.code");
	size_t n = 0;
	char s[200];

	for (size_t i = 0; i < json_len(list); i++)
		if (str_eq(json_text(r->a, json_get(json_at(list, i), "type")), "body"))
			n += json_len(json_get(json_at(list, i), "parameters"));
	if (str_empty(name) || str_empty(lang)) {
		error(res, 400, 100, "(#100) Invalid parameter", "Parameter name or language is missing");
		return true;
	}
	if (!str_eq(lang, "ru") || (!str_eq(name, "order_ready") && !str_starts(name, "more_"))) {
		snprintf(s, sizeof s, "template name (%.60s) does not exist in %.20s", name, lang);
		error(res, 404, 132001, "(#132001) Template name does not exist in the translation", s);
		return true;
	}
	if (str_eq(opt("CLOUD_TEMPLATE_STATUS", "APPROVED"), "PAUSED")) {
		error(res, 400, 132015, "(#132015) Template is paused", "Template is paused due to low quality");
		return true;
	}
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *v = json_get(json_at(list, i), "parameters");

		for (size_t k = 0; k < json_len(v); k++) {
			const char *text = json_text(r->a, json_get(json_at(v, k), "text"));

			if (text == NULL || (strpbrk(text, "\n\t") == NULL && strstr(text, "     ") == NULL))
				continue;
			error(res, 400, 132018, "(#132018) There's an issue with the parameters in your template",
			    "Param text cannot have new-line/tab characters or more than 4 consecutive spaces");
			return true;
		}
	}
	if (n == 1)
		return false;
	snprintf(s, sizeof s, "body: number of localizable_params (%zu) does not match the expected number of "
	    "params (1)", n);
	error(res, 400, 132000, "(#132000) Number of parameters does not match the expected number of params", s);
	return true;
}

/* --- limits (providers.md H.16, H.20) ---------------------------------------------------- */

/* Characters of the texts at a path, or (path ends with #) how many there are of a list; [] is each
 * of a list.  kind: interactive.type. */
static const struct limit {
	const char *type, *kind, *path;
	size_t min, max;
	int64_t code;
} limits[] = {
	{ "text", NULL, "text.body", 1, 4096, 100 },
	{ "image", NULL, "image.caption", 0, 1024, 100 },
	{ "video", NULL, "video.caption", 0, 1024, 100 },
	{ "document", NULL, "document.caption", 0, 1024, 100 },
	{ NULL, NULL, "biz_opaque_callback_data", 0, 512, 100 },
	{ "interactive", NULL, "interactive.header.text", 0, 60, 131009 },
	{ "interactive", NULL, "interactive.footer.text", 0, 60, 131009 },
	{ "interactive", "button", "interactive.body.text", 1, 1024, 131009 },
	{ "interactive", "button", "interactive.action.buttons#", 1, 3, 131009 },
	{ "interactive", "button", "interactive.action.buttons[].reply.title", 1, 20, 131009 },
	{ "interactive", "button", "interactive.action.buttons[].reply.id", 1, 256, 131009 },
	{ "interactive", "list", "interactive.body.text", 1, 4096, 131009 },
	{ "interactive", "list", "interactive.action.button", 1, 20, 131009 },
	{ "interactive", "list", "interactive.action.sections#", 1, 10, 131009 },
	{ "interactive", "list", "interactive.action.sections[].title", 0, 24, 131009 },
	{ "interactive", "list", "interactive.action.sections[].rows#", 1, 10, 131009 },
	{ "interactive", "list", "interactive.action.sections[].rows[].title", 1, 24, 131009 },
	{ "interactive", "list", "interactive.action.sections[].rows[].id", 1, 200, 131009 },
	{ "interactive", "list", "interactive.action.sections[].rows[].description", 0, 72, 131009 },
	{ "interactive", "cta_url", "interactive.action.parameters.display_text", 1, 20, 131009 },
	{ "template", NULL, "template.components[].parameters[].text", 1, 1024, 132005 },
};

/* Goes down the path; the worst length, and with # the sum, are in low and high. */
static void
measure(const struct sim_req *r, const struct json *j, const char *path, size_t *low, size_t *high)
{
	size_t n = strcspn(path, ".[#");
	char name[60];
	const char *text;

	snprintf(name, sizeof name, "%.*s", (int)n, path);
	j = json_member(j, name);
	if (path[n] == '#') {
		*high += json_len(j);
		*low = *high;
	} else if (path[n] == '[') {
		for (size_t i = 0; i < json_len(j); i++)
			measure(r, json_at(j, i), path + n + 3, low, high);
	} else if (path[n] == '.') {
		measure(r, j, path + n + 1, low, high);
	} else {
		text = json_text(r->a, j);
		n = text != NULL ? str_utf8_len(text, strlen(text)) : 0;
		*high = n > *high ? n : *high;
		*low = n < *low ? n : *low;
	}
}

/* True: a text or list is too long or too short, and the answer says which. */
static bool
beyond(const struct sim_req *r, const char *type, struct sim_res *res)
{
	const char *kind = sim_json(r, "interactive.type");
	char head[60], details[300];

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		const struct limit *l = &limits[i];
		size_t low = SIZE_MAX, high = 0;

		if ((l->type != NULL && !str_eq(l->type, type)) || (l->kind != NULL && !str_eq(l->kind, kind)))
			continue;
		measure(r, r->json, l->path, &low, &high);
		if (high <= l->max && (l->min == 0 || (low >= l->min && low != SIZE_MAX)))
			continue;
		/* what may be absent is not too short */
		if (high <= l->max && l->min > 0 && low == SIZE_MAX && strchr(l->path, '[') != NULL)
			continue;
		snprintf(head, sizeof head, "(#%" PRId64 ") %s", l->code, l->code == 100 ? "Invalid parameter" :
		    l->code == 132005 ? "Translated text too long" : "Parameter value is not valid");
		snprintf(details, sizeof details, "Param %s must be %zu to %zu %s.", l->path, l->min, l->max,
		    strchr(l->path, '#') != NULL ? "items" : "characters long");
		error(res, 400, l->code, head, details);
		return true;
	}
	return false;
}

/* What a file may be and how large, by its kind; a document by link may be of any type. */
static const struct { const char *type, *mimes; size_t max; } kinds[] = {
	{ "image", "image/jpeg image/png", 5 << 20 },
	{ "video", "video/mp4 video/3gpp", 16 << 20 },
	{ "audio", "audio/aac audio/amr audio/mpeg audio/mp4 audio/ogg", 16 << 20 },
	{ "sticker", "image/webp", 500 << 10 },
	{ "document", "text/plain application/pdf application/msword application/vnd.ms-excel application/vnd.ms-powerpoint "
	    "application/vnd.openxmlformats-officedocument.wordprocessingml.document "
	    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet "
	    "application/vnd.openxmlformats-officedocument.presentationml.presentation", 100 << 20 },
};

static bool
among(const char *list, const char *mime)
{
	size_t n = strcspn(mime, "; ");

	for (const char *p = list; *p != '\0'; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == n && memcmp(p, mime, n) == 0)
			return true;
	return false;
}

static struct file *
file_of(const char *id)
{
	for (size_t i = 0; i < n_files; i++)
		if (str_eq(files[i].id, id))
			return &files[i];
	return NULL;
}

/* The file that a message names by its id, which may have expired.  True: the answer says that
 * there is none. */
static bool
no_file(const struct sim_req *r, const char *type, struct sim_res *res, struct sim_file *f)
{
	const char *id = json_text(r->a, json_get(json_get(r->json, type), "id"));
	struct file *known = id != NULL ? file_of(id) : NULL;
	long gone = atol(opt("CLOUD_MEDIA_GONE", "0"));
	char s[200];

	if (id == NULL || json_get(json_get(r->json, type), "link") != NULL)
		return false;
	if (known != NULL && gone > 0) {
		snprintf(s, sizeof s, "%ld", gone - 1);
		sim_opt_set("CLOUD_MEDIA_GONE", s);
		known->id[0] = '\0';
		known = NULL;
	}
	if (known == NULL) {
		snprintf(s, sizeof s, "(#100) Param %s['id'] is not a valid whatsapp business account media "
		    "attachment ID", type);
		graph_error(res, 400, 100, 0, "OAuthException", s);
		return true;
	}
	known->used++;
	snprintf(f->mime, sizeof f->mime, "%s", known->mime);
	f->bytes = known->bytes.n;
	return false;
}

/* Why this file is not taken as that; NULL: it is.  type NULL: an upload, by its own type. */
static const char *
bad_file(const char *type, const char *mime, size_t bytes)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (type == NULL ? !among(kinds[i].mimes, mime) : !str_eq(type, kinds[i].type))
			continue;
		if (bytes > kinds[i].max)
			return "Media file size too big";
		return type == NULL || str_eq(type, "document") || among(kinds[i].mimes, mime) ? NULL :
		    "Unsupported mime type";
	}
	return type == NULL ? "type" : NULL;
}

static void
send_message(const struct sim_req *r, struct sim_res *res)
{
	struct sim_file f = { .bytes = 0 };
	const char *to = sim_json(r, "to"), *recipient = sim_json(r, "recipient");
	const char *type = sim_json(r, "type");
	char id[64] = "";

	if (!str_eq(sim_json(r, "messaging_product"), "whatsapp")) {
		graph_error(res, 400, 100, 0, "OAuthException", "(#100) The parameter messaging_product is required.");
		return;
	}
	if (str_eq(sim_json(r, "status"), "read")) {
		buf_printf(&sent, "%s{\"id\":null,\"body\":%s}", sent.n > 0 ? "," : "", json_raw(r->a, r->json));
		sim_answer(res, 200, "{\"success\":true}");
		return;
	}
	to = to != NULL ? to : recipient;
	if (next_error.times > 0 && next_error.times-- > 0) {
		if (next_error.took && to != NULL)
			take(r, to, id, NULL);
		error(res, (int)next_error.status, next_error.code, next_error.text, next_error.details);
	} else if (!str_eq(opt("CLOUD_REGAIN", "0"), "0")) {
		error(res, 400, 80007, "(#80007) There have been too many calls from this WhatsApp Business account",
		    "Wait a bit and try again");
	} else if (str_empty(to)) {
		graph_error(res, 400, 100, 0, "OAuthException", "(#100) The parameter to is required.");
	} else if (!known_type(type)) {
		error(res, 400, 100, "(#100) Invalid parameter", "Param type must be one of {AUDIO, CONTACTS, ...}");
	} else if (beyond(r, type, res) || (str_eq(type, "template") && template_wrong(r, res))) {
		return;
	} else if (type != NULL && no_file(r, type, res, &f)) {
		return;
	} else if (type != NULL && !sim_fetch_file(json_text(r->a, json_get(json_get(r->json, type), "link")), &f)) {
		error(res, 400, 131053, "(#131053) Media upload error", "Downloading media from weblink failed");
	} else {
		const char *known = wa_id(r, to);

		take(r, recipient == NULL && strchr(to, '.') == NULL ? known : to, id,
		    *f.mime != '\0' ? bad_file(type, f.mime, f.bytes) : NULL);
		sim_answer(res, 200, "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"%s\",\"%s\":\"%s\"}],"
		    "\"messages\":[{\"id\":\"%s\"%s}]}", to, recipient != NULL ? "user_id" : "wa_id", known, id,
		    str_eq(type, "template") ? ",\"message_status\":\"accepted\"" : "");
	}
}

/* --- questions ------------------------------------------------------------------------- */

/* Of an object the members that the query's fields name, and its id always; false: one that it
 * has not got, which is refused. */
static bool
put_fields(const struct sim_req *r, const char *fields, const char *node, const struct json *o,
    struct sim_res *res, struct buf *b)
{
	struct strv want = { 0 };
	bool all = true;

	strv_split(&want, fields, ',');
	buf_puts(b, "{");
	for (size_t i = 0; i < want.n && all; i++) {
		char text[300];

		all = json_member(o, want.v[i]) != NULL;
		if (all && !str_eq(want.v[i], "id")) {
			buf_printf(b, "\"%s\":%s,", want.v[i], json_raw(r->a, json_member(o, want.v[i])));
		} else if (!all) {
			snprintf(text, sizeof text, "(#100) Tried accessing nonexisting field (%s) on node type (%s)",
			    want.v[i], node);
			graph_error(res, 400, 100, 0, "OAuthException", text);
		}
	}
	buf_printf(b, "\"id\":%s}", json_raw(r->a, json_member(o, "id")));
	strv_free(&want);
	return all;
}

/* What is asked of an object, in its JSON; others: where nothing is asked. */
static void
answer_fields(const struct sim_req *r, const char *others, const char *node, const char *text,
    struct sim_res *res)
{
	const char *fields = sim_query(r, "fields");
	struct json *o = NULL;
	struct buf b;

	buf_init(&b, 64 * 1024);
	if (json_parse(text, strlen(text), &o, NULL) != RC_OK)
		sim_answer(res, 500, "{}");
	else if (put_fields(r, fields != NULL ? fields : others, node, o, res, &b))
		sim_answer(res, 200, "%s", b.p);
	json_free(o);
	buf_free(&b);
}

static void
number(const struct sim_req *r, struct sim_res *res)
{
	struct buf b;
	const char *health = opt("CLOUD_HEALTH", "AVAILABLE"), *own = opt("CLOUD_OVERRIDE", "");

	buf_init(&b, 8192);
	buf_printf(&b, "{\"id\":\"%s\",\"display_phone_number\":\"+7 000 000-00-00\",\"verified_name\":\"Shop\","
	    "\"platform_type\":\"CLOUD_API\",\"status\":\"%s\",\"quality_rating\":\"%s\",\"code_verification_status\":"
	    "\"VERIFIED\",\"name_status\":\"APPROVED\",\"account_mode\":\"LIVE\",\"throughput\":{\"level\":\"STANDARD\"},"
	    "\"messaging_limit_tier\":\"TIER_1K\",\"webhook_configuration\":{\"application\":\"%s\"%s%s%s},"
	    "\"health_status\":{\"can_send_message\":\"%s\",\"entities\":[{\"entity_type\":\"WABA\",\"id\":\"1\","
	    "\"can_send_message\":\"%s\"%s}]}}", opt("CLOUD_NUMBER", "800000000000002"),
	    opt("CLOUD_STATUS", "CONNECTED"), opt("CLOUD_QUALITY", "GREEN"), opt("CLOUD_WEBHOOK_URL", ""),
	    *own != '\0' ? ",\"phone_number\":\"" : "", own, *own != '\0' ? "\"" : "", health, health,
	    str_eq(health, "AVAILABLE") ? "" : ",\"errors\":[{\"error_code\":141006,\"error_description\":"
	    "\"There is an error with the payment method\",\"possible_solution\":\"Add a payment method\"}]");
	answer_fields(r, "verified_name,code_verification_status,display_phone_number,quality_rating,platform_type,"
	    "throughput,webhook_configuration", "WhatsAppBusinessPhoneNumber", b.p, res);
	buf_free(&b);
}

/* POST NUMBER {"webhook_configuration":{"override_callback_uri":""}} */
static void
override(const struct sim_req *r, struct sim_res *res)
{
	const char *url = sim_json(r, "webhook_configuration.override_callback_uri");

	if (url == NULL || *url != '\0') {
		error(res, 400, 100, "(#100) Invalid parameter", "Parameter webhook_configuration is required");
		return;
	}
	sim_opt_set("CLOUD_OVERRIDE", "");
	sim_answer(res, 200, "{\"success\":true}");
}

static void
put_template(const struct sim_req *r, long i, struct sim_res *res, struct buf *b)
{
	const char *fields = sim_query(r, "fields");
	char name[32], text[700];
	struct json *o = NULL;

	snprintf(name, sizeof name, i == 0 ? "order_ready" : i == 1 ? "draft" : "more_%ld", i);
	snprintf(text, sizeof text, "{\"name\":\"%s\",\"parameter_format\":\"POSITIONAL\",\"components\":[{\"type\":"
	    "\"BODY\",\"text\":\"Order {{1}} is ready\"}],\"language\":\"ru\",\"status\":\"%s\",\"category\":"
	    "\"UTILITY\",\"id\":\"5000000000%05ld\"}", name,
	    i == 0 ? opt("CLOUD_TEMPLATE_STATUS", "APPROVED") : i == 1 ? "PENDING" :
	    i == atol(opt("CLOUD_TEMPLATES", "0")) + 1 ? opt("CLOUD_TEMPLATE_LAST", "APPROVED") :
	    "APPROVED", i);
	if (b->n > 0)
		buf_putc(b, ',');
	if (json_parse(text, strlen(text), &o, NULL) == RC_OK && !put_fields(r, fields != NULL ? fields :
	    "name,parameter_format,components,language,status,category", "WhatsAppMessageTemplate", o, res, b))
		buf_puts(b, "{}");	/* refused: the error is the answer */
	json_free(o);
}

/* A page of templates: order_ready and draft, then CLOUD_TEMPLATES more.  Each page has its
 * cursors, and next where another follows. */
static void
templates(const struct sim_req *r, struct sim_res *res)
{
	const char *limit = sim_query(r, "limit"), *after = sim_query(r, "after");
	long more = atol(opt("CLOUD_TEMPLATES", "0")), from = after != NULL ? atol(after + 3) : 0;
	long to = from + (limit != NULL ? atol(limit) : 25);
	struct buf b;

	if (after != NULL && !str_starts(after, "c==")) {
		error(res, 400, 100, "(#100) Invalid parameter", "Invalid cursors values");
		return;
	}
	buf_init(&b, 1 << 20);
	for (long i = from; i < to && i < more + 2; i++)
		put_template(r, i, res, &b);
	if (res->status != 200) {
		buf_free(&b);
		return;
	}
	sim_answer(res, 200, "{\"data\":[%s],\"paging\":{\"cursors\":{\"before\":\"b\",\"after\":\"c==%ld\"}%s}}",
	    b.p != NULL ? b.p : "", to, to < more + 2 ? ",\"next\":\"https://graph.example.invalid/next\"" : "");
	buf_free(&b);
}

static void
phone_numbers(const struct sim_req *r, struct sim_res *res)
{
	const char *fields = sim_query(r, "fields"), *id = opt("CLOUD_NUMBER", "800000000000002");
	struct json *o = NULL;
	char text[600];
	struct buf b;

	buf_init(&b, 4096);
	snprintf(text, sizeof text, "{\"verified_name\":\"Shop\",\"code_verification_status\":\"VERIFIED\","
	    "\"display_phone_number\":\"+7 000 000-00-00\",\"quality_rating\":\"GREEN\",\"platform_type\":"
	    "\"CLOUD_API\",\"throughput\":{\"level\":\"STANDARD\"},\"id\":\"%s\"}", id);
	if (json_parse(text, strlen(text), &o, NULL) == RC_OK && put_fields(r, fields != NULL ? fields :
	    "verified_name,code_verification_status,display_phone_number,quality_rating,platform_type,throughput",
	    "WhatsAppBusinessPhoneNumber", o, res, &b))
		sim_answer(res, 200, "{\"data\":[%s],\"paging\":{\"cursors\":{\"before\":\"QVFI\",\"after\":\"QVFI\"}}}",
		    b.p);
	json_free(o);
	buf_free(&b);
}

static void
account(const struct sim_req *r, struct sim_res *res)
{
	char text[400];

	snprintf(text, sizeof text, "{\"name\":\"Shop\",\"status\":\"ACTIVE\",\"account_review_status\":\"APPROVED\","
	    "\"business_verification_status\":\"verified\",\"currency\":\"USD\",\"country\":\"US\",\"timezone_id\":\"1\","
	    "\"message_template_namespace\":\"ns\",\"id\":\"%s\"}", opt("CLOUD_WABA", "900000000000001"));
	answer_fields(r, "name,timezone_id,message_template_namespace", "WhatsAppBusinessAccount", text, res);
}

static void
waba(const struct sim_req *r, const char *what, struct sim_res *res)
{
	char text[300];

	if (str_eq(what, "/subscribed_apps") && str_eq(r->method, "POST")) {
		sim_opt_set("CLOUD_SUBSCRIBED", "yes");
		sim_answer(res, 200, "{\"success\":true}");
	} else if (str_eq(what, "/subscribed_apps") && str_eq(r->method, "DELETE")) {
		sim_opt_set("CLOUD_SUBSCRIBED", "no");
		sim_answer(res, 200, "{\"success\":true}");
	} else if (str_eq(what, "/subscribed_apps"))
		sim_answer(res, 200, str_eq(sim_opt("CLOUD_SUBSCRIBED"), "no") ? "{\"data\":[]}" :
		    "{\"data\":[{\"whatsapp_business_api_data\":{\"id\":\"60000000000000%s\",\"link\":"
		    "\"https://www.facebook.com/games/?app_id=1\",\"name\":\"My app\"}}]}",
		    str_eq(sim_opt("CLOUD_SUBSCRIBED"), "other") ? "9" : "4");
	else if (str_eq(what, "/phone_numbers"))
		phone_numbers(r, res);
	else if (str_eq(what, "/message_templates"))
		templates(r, res);
	else if (*what == '\0')
		account(r, res);
	else {
		snprintf(text, sizeof text, "(#100) Tried accessing nonexisting field (%s) on node type "
		    "(WhatsAppBusinessAccount)", what + 1);
		graph_error(res, 400, 100, 0, "OAuthException", text);
	}
}

static void
debug_token(struct sim_res *res)
{
	struct strv v = { 0 };
	struct buf b;

	buf_init(&b, 4096);
	strv_split(&v, opt("CLOUD_SCOPES", "whatsapp_business_messaging,whatsapp_business_management"), ',');
	for (size_t i = 0; i < v.n; i++)
		buf_printf(&b, "%s\"%s\"", i > 0 ? "," : "", v.v[i]);
	sim_answer(res, 200, "{\"data\":{\"app_id\":\"600000000000004\",\"type\":\"SYSTEM_USER\",\"application\":\"My app\","
	    "\"is_valid\":true,\"expires_at\":%s,\"scopes\":[%s],\"granular_scopes\":[{\"scope\":"
	    "\"whatsapp_business_messaging\",\"target_ids\":[\"%s\"]}],\"user_id\":\"610000000000005\"}}",
	    opt("CLOUD_EXPIRES", "0"), b.p, opt("CLOUD_GRANULAR", opt("CLOUD_WABA", "900000000000001")));
	strv_free(&v);
	buf_free(&b);
}

/* --- files (H.15, H.16) ----------------------------------------------------------------- */

static const unsigned char png[] = {
	0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0, 1, 0, 0,
	0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 10, 'I', 'D', 'A', 'T', 0x78, 0x9c, 0x63, 0,
	1, 0, 0, 5, 0, 1, 0x0d, 0x0a, 0x2d, 0xb4, 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82 };

static const char *
variable(const struct sim_req *r, const char *name)
{
	for (char **e = r->env; *e != NULL; e++)
		if (str_starts(*e, name) && (*e)[strlen(name)] == '=')
			return *e + strlen(name) + 1;
	return "";
}

/* A part of a multipart body: its bytes; mime, file: what is said of them, where it is a file's. */
static const char *
part(const struct sim_req *r, const char *name, size_t *n, char mime[100], char file[100])
{
	const char *b = strstr(variable(r, "CONTENT_TYPE"), "boundary="), *p = r->body, *head, *end;
	char line[200], field[100];

	if (b == NULL)
		return NULL;
	b += strlen("boundary=");
	b += *b == '"';
	snprintf(line, sizeof line, "--%.*s", (int)strcspn(b, "\";"), b);
	snprintf(field, sizeof field, " name=\"%s\"", name);
	while ((p = memmem(p, r->body_n - (size_t)(p - r->body), line, strlen(line))) != NULL) {
		p += strlen(line);
		head = memmem(p, r->body_n - (size_t)(p - r->body), "\r\n\r\n", 4);
		end = head == NULL ? NULL : memmem(head, r->body_n - (size_t)(head - r->body), line, strlen(line));
		if (end == NULL)
			break;
		if (memmem(p, (size_t)(head - p), field, strlen(field)) != NULL) {
			const char *t = memmem(p, (size_t)(head - p), "Content-Type: ", 14);
			const char *f = memmem(p, (size_t)(head - p), "filename=\"", 10);

			snprintf(mime, 100, "%.*s", t != NULL ? (int)strcspn(t + 14, "\r") : 0, t != NULL ? t + 14 : "");
			snprintf(file, 100, "%.*s", f != NULL ? (int)strcspn(f + 10, "\"") : 0, f != NULL ? f + 10 : "");
			*n = (size_t)(end - 2 - (head + 4));
			return head + 4;
		}
	}
	return NULL;
}

/* POST NUMBER/media */
static void
upload(const struct sim_req *r, struct sim_res *res)
{
	size_t n = 0, k = 0;
	char mime[100] = "", name[100], none[100], s[900];
	const char *product = part(r, "messaging_product", &k, none, name), *bytes;
	struct file *f;

	if (product == NULL || k != strlen("whatsapp") || memcmp(product, "whatsapp", k) != 0) {
		graph_error(res, 400, 100, 0, "OAuthException", "(#100) The parameter messaging_product is required.");
		return;
	}
	bytes = part(r, "file", &n, mime, name);
	if (bytes == NULL || n == 0) {
		graph_error(res, 400, 100, 0, "OAuthException", "(#100) The parameter file is required.");
		return;
	}
	if (str_eq(bad_file(NULL, mime, n), "type")) {
		snprintf(s, sizeof s, "(#100) Param file must be a file with one of the following types: audio/aac, "
		    "audio/mp4, audio/mpeg, audio/amr, audio/ogg, %s, image/jpeg, image/png, image/webp, "
		    "video/mp4, video/3gpp. Received file of type '%s'.", kinds[4].mimes, mime);
		error(res, 400, 100, s, "the types and sizes of the media page");
		return;
	}
	if (bad_file(NULL, mime, n) != NULL) {
		error(res, 400, 100, "(#100) Param file is too large", "the types and sizes of the media page");
		return;
	}
	f = &files[n_files < FILES ? n_files++ : 0];
	buf_free(&f->bytes);
	buf_init(&f->bytes, FILE_MAX);
	buf_put(&f->bytes, bytes, n);
	snprintf(f->mime, sizeof f->mime, "%s", mime);
	snprintf(f->name, sizeof f->name, "%s", name);
	sign_sha256_hex(bytes, n, f->sum);
	f->used = 0;
	snprintf(f->id, sizeof f->id, "71%013" PRIu64, sim_id() * 10 % 10000000000000);
	sim_answer(res, 200, "{\"id\":\"%s\"}", f->id);
}

/* A media id whose last digit is 9 is gone; step 1 names an address on this simulator. */
static void
media_step(const struct sim_req *r, const char *id, struct sim_res *res)
{
	const char *number = sim_query(r, "phone_number_id");
	struct file *f = file_of(id);
	char hex[65];

	if (f == NULL)
		sign_sha256_hex(png, sizeof png, hex);
	else
		memcpy(hex, f->sum, sizeof hex);
	if (number != NULL && f == NULL && !str_starts(id, "71")) {
		/* a customer's: it was uploaded on no number of ours */
		graph_error(res, 400, 100, 0, "OAuthException",
		    "(#100) Param phone_number_id is not a valid whatsapp business phone number id ID");
	} else if (id[strlen(id) - 1] == '9' || (f == NULL && str_starts(id, "71")) ||
	    (number != NULL && !str_eq(number, opt("CLOUD_NUMBER", "800000000000002")))) {
		no_object(r, id, res);
	} else if (str_eq(r->method, "DELETE")) {
		if (f != NULL)
			f->id[0] = '\0';
		sim_answer(res, 200, "{\"success\":true}");
	} else {
		sim_answer(res, 200, "{\"messaging_product\":\"whatsapp\",\"url\":\"http://%s/cloud/_file/%s\","
		    "\"mime_type\":\"%s\",\"sha256\":\"%s\",\"file_size\":%zu,\"id\":\"%s\"}",
		    variable(r, "HTTP_HOST"), id, f != NULL ? f->mime : "image/png", hex,
		    f != NULL ? f->bytes.n : sizeof png, id);
	}
}

static void
file(const char *id, struct sim_res *res)
{
	const struct file *f = file_of(id);

	res->status = 200;
	res->type = f != NULL ? f->mime : "image/png";
	buf_put(&res->body, f != NULL ? (const void *)f->bytes.p : png, f != NULL ? f->bytes.n : sizeof png);
}

/* --- who calls ---------------------------------------------------------------------------- */

/* True: the caller may; else the error is written. */
static bool
allowed(const struct sim_req *r, struct sim_res *res)
{
	const char *auth = sim_header(r, "Authorization"), *proof = sim_query(r, "appsecret_proof");
	const char *token = auth != NULL && str_starts(auth, "Bearer ") ? auth + 7 : NULL;
	const char *secret = opt("CLOUD_APP_SECRET", "");
	unsigned char mac[SIGN_SHA256];
	char hex[2 * SIGN_SHA256 + 1];

	if (token == NULL) {
		graph_error(res, 403, 200, 0, "OAuthException", "(#200) Provide valid app ID");
		return false;
	}
	if (!str_starts(token, "EAA") || !sim_opt_has("CLOUD_TOKENS", token)) {
		graph_error(res, 401, 190, 0, "OAuthException",
		    "Error validating access token: the session is invalid");
		return false;
	}
	sign_hmac_sha256(secret, strlen(secret), token, strlen(token), mac);
	str_hex(mac, sizeof mac, hex);
	if (strstr(r->path, "/_file/") != NULL)
		return true;		/* another host, which wants the token alone (H.15) */
	if (proof == NULL && str_eq(sim_opt("CLOUD_PROOF"), "on"))
		graph_error(res, 400, 100, 0, "GraphMethodException",
		    "API calls from the server require an appsecret_proof argument");
	else if (proof != NULL && *secret != '\0' && !str_eq(proof, hex))
		graph_error(res, 400, 100, 0, "GraphMethodException",
		    "Invalid appsecret_proof provided in the API argument");
	else
		return true;
	return false;
}

/* How much is used, as Meta tells it with each answer (providers.md H.20). */
static void
usage_headers(struct sim_res *res)
{
	const char *used = opt("CLOUD_USAGE", "5"), *regain = opt("CLOUD_REGAIN", "0");
	char v[300];

	snprintf(v, sizeof v, "{\"call_count\":%s,\"total_time\":5,\"total_cputime\":5}", used);
	sim_add_header(res, "X-App-Usage", v);
	snprintf(v, sizeof v, "{\"%s\":[{\"type\":\"whatsapp\",\"call_count\":%s,\"total_cputime\":5,"
	    "\"total_time\":5,\"estimated_time_to_regain_access\":%s}]}", opt("CLOUD_WABA", "900000000000001"),
	    str_eq(regain, "0") ? used : "100", regain);
	sim_add_header(res, "X-Business-Use-Case-Usage", v);
}

static bool
below(const char *path, const char *id, const char **rest)
{
	size_t n = strlen(id);

	if (strncmp(path, id, n) != 0 || (path[n] != '\0' && path[n] != '/'))
		return false;
	*rest = path + n;
	return true;
}

/* GET oauth/access_token: another token; the old one lives on. */
static void
exchange(const struct sim_req *r, struct sim_res *res)
{
	const char *old = sim_query(r, "fb_exchange_token"), *secret = sim_query(r, "client_secret");
	const char *tokens = opt("CLOUD_TOKENS", "");
	struct buf b;

	if (!str_eq(sim_query(r, "grant_type"), "fb_exchange_token") ||
	    !str_eq(sim_query(r, "client_id"), "600000000000004") || !str_eq(secret, opt("CLOUD_APP_SECRET", ""))) {
		graph_error(res, 400, 1, 0, "OAuthException", "Error validating client secret.");
		return;
	}
	if (old == NULL || !str_starts(old, "EAA") || !sim_opt_has("CLOUD_TOKENS", old)) {
		graph_error(res, 400, 190, 463, "OAuthException", "Error validating access token: Session has expired");
		return;
	}
	buf_init(&b, 8192);
	buf_printf(&b, "%s%sEAArenewed%" PRIu64, tokens, *tokens != '\0' ? "," : "", sim_id());
	if (*tokens != '\0')
		sim_opt_set("CLOUD_TOKENS", b.p);
	sim_answer(res, 200, "{\"access_token\":\"%s\",\"token_type\":\"bearer\",\"expires_in\":5183944}",
	    strrchr(b.p, ',') != NULL ? strrchr(b.p, ',') + 1 : b.p);
	buf_free(&b);
}

static void
handle(const struct sim_req *r, struct sim_res *res)
{
	const char *p = r->path, *rest;

	while (*p == '/')
		p++;
	if (p[0] == 'v' && p[1] >= '0' && p[1] <= '9' && strchr(p, '/') != NULL)
		p = strchr(p, '/') + 1;
	if (str_eq(p, "oauth/access_token")) {
		exchange(r, res);
		return;
	}
	if (!allowed(r, res))
		return;
	if (!str_starts(p, "_file/"))
		usage_headers(res);
	if (str_starts(p, "_file/"))
		file(p + strlen("_file/"), res);
	else if (str_eq(p, "debug_token"))
		debug_token(res);
	else if (below(p, opt("CLOUD_NUMBER", "800000000000002"), &rest) &&
	    str_eq(sim_opt("CLOUD_ASSIGNED"), "no"))
		graph_error(res, 403, 10, 0, "OAuthException",
		    "(#10) Application does not have permission for this action");
	else if (below(p, opt("CLOUD_NUMBER", "800000000000002"), &rest) && *rest == '\0' &&
	    str_eq(r->method, "POST"))
		override(r, res);
	else if (below(p, opt("CLOUD_NUMBER", "800000000000002"), &rest) && *rest == '\0')
		number(r, res);
	else if (below(p, opt("CLOUD_NUMBER", "800000000000002"), &rest) && str_eq(rest, "/messages") &&
	    str_eq(r->method, "POST"))
		send_message(r, res);
	else if (below(p, opt("CLOUD_NUMBER", "800000000000002"), &rest) && str_eq(rest, "/media") &&
	    str_eq(r->method, "POST"))
		upload(r, res);
	else if (below(p, opt("CLOUD_WABA", "900000000000001"), &rest))
		waba(r, rest, res);
	else if ((str_starts(p, "700") || str_starts(p, "71")) && strchr(p, '/') == NULL)
		media_step(r, p, res);
	else
		no_object(r, p, res);
}

/* --- control ----------------------------------------------------------------------------------- */

static void
one_message(const struct sim_req *r, const char *from, const char *user, const char *id)
{
	const char *text = sim_json(r, "text"), *type = sim_json(r, "type");
	const char *name = sim_json(r, "name"), *username = sim_json(r, "username");
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_puts(&b, "\"contacts\":[{\"profile\":{\"name\":");
	json_put_str(&b, name != NULL ? name : "Ana");
	if (username != NULL)
		buf_printf(&b, ",\"username\":\"%s\"", username);
	buf_putc(&b, '}');
	if (!str_empty(from))
		buf_printf(&b, ",\"wa_id\":\"%s\"", from);
	if (!str_empty(user))
		buf_printf(&b, ",\"user_id\":\"%s\"", user);
	buf_puts(&b, "}],\"messages\":[{");
	if (!str_empty(from))
		buf_printf(&b, "\"from\":\"%s\",", from);
	if (!str_empty(user))
		buf_printf(&b, "\"from_user_id\":\"%s\",", user);
	buf_printf(&b, "\"id\":\"%s\",\"timestamp\":\"%lld\"", id, (long long)(clock_now_us() / 1000000));
	if (str_empty(type) || str_eq(type, "text")) {
		buf_puts(&b, ",\"type\":\"text\",\"text\":{\"body\":");
		json_put_str(&b, text != NULL ? text : "");
		buf_putc(&b, '}');
	} else {
		buf_printf(&b, ",\"type\":\"%s\",\"%s\":{\"id\":\"700%012" PRIu64 "\",\"mime_type\":\"image/png\"}", type,
		    type, sim_id() * 10 % 1000000000000);
	}
	buf_puts(&b, "}]");
	post("messages", b.p, 0);
	buf_free(&b);
}

static void
control_message(const struct sim_req *r, struct sim_res *res)
{
	const char *from = sim_json(r, "from"), *user = sim_json(r, "user_id");
	int64_t count = 1;

	if (json_i64(json_get(r->json, "count"), &count) != RC_OK)
		count = 1;
	res->type = "application/json";
	buf_puts(&res->body, "{\"ids\":[");
	for (int64_t i = 0; i < count; i++) {
		char id[64];

		snprintf(id, sizeof id, "wamid.HBgLIN%" PRIu64 "==", sim_id());
		one_message(r, from != NULL ? from : "70000000001", user, id);
		buf_printf(&res->body, "%s\"%s\"", i > 0 ? "," : "", id);
	}
	buf_puts(&res->body, "]}");
}

static void
control_answer(const struct sim_req *r, struct sim_res *res)
{
	const char *text = sim_json(r, "text"), *details = sim_json(r, "details");

	memset(&next_error, 0, sizeof next_error);
	next_error.times = 1;
	next_error.status = 400;
	if (json_i64(json_get(r->json, "times"), &next_error.times) != RC_OK ||
	    json_i64(json_get(r->json, "status"), &next_error.status) != RC_OK ||
	    json_i64(json_get(r->json, "code"), &next_error.code) != RC_OK) {
		/* what is not given stays at its default */
	}
	snprintf(next_error.text, sizeof next_error.text, "%s", text != NULL ? text : "(made up)");
	snprintf(next_error.details, sizeof next_error.details, "%s", details != NULL ? details : "");
	next_error.took = json_bool(json_get(r->json, "took"), false);
	sim_answer(res, 200, "{\"success\":true}");
}

static void
control_webhook(const struct sim_req *r, struct sim_res *res)
{
	const struct json *body = json_get(r->json, "body");
	const char *url = sim_json(r, "url"), *secret = sim_json(r, "secret"), *text;

	url = url != NULL ? url : sim_opt("CLOUD_WEBHOOK_URL");
	secret = secret != NULL ? secret : opt("CLOUD_APP_SECRET", "");
	text = json_type(body) == JSON_STRING ? json_str(r->a, body) :
	    body != NULL ? json_raw(r->a, body) : NULL;
	if (url == NULL || text == NULL) {
		sim_answer(res, 400, "{\"error\":\"body (and url) is needed\"}");
		return;
	}
	sim_webhook_signed(url, 0, secret, text, strlen(text));
	sim_answer(res, 200, "{\"success\":true}");
}

static void
control_state(const struct sim_req *r, struct sim_res *res)
{
	int64_t code = 0;

	if (json_i64(json_get(r->json, "code"), &code) != RC_OK)
		code = 0;
	post_state(sim_json(r, "id"), sim_json(r, "status"), sim_json(r, "to"), sim_json(r, "ref"), code,
	    sim_json(r, "details"));
	sim_answer(res, 200, "{\"success\":true}");
}

static void
list_files(struct sim_res *res)
{
	res->type = "application/json";
	buf_puts(&res->body, "[");
	for (size_t i = 0; i < n_files; i++)
		buf_printf(&res->body, "%s{\"id\":\"%s\",\"type\":\"%s\",\"name\":\"%s\",\"bytes\":%zu,"
		    "\"sha256\":\"%s\",\"used\":%d}", i > 0 ? "," : "", files[i].id, files[i].mime, files[i].name,
		    files[i].bytes.n, files[i].sum, files[i].used);
	buf_puts(&res->body, "]");
}

static void
control(const struct sim_req *r, struct sim_res *res)
{
	if (str_eq(r->path, "/message"))
		control_message(r, res);
	else if (str_eq(r->path, "/answer"))
		control_answer(r, res);
	else if (str_eq(r->path, "/webhook"))
		control_webhook(r, res);
	else if (str_eq(r->path, "/state"))
		control_state(r, res);
	else if (str_eq(r->path, "/files"))
		list_files(res);
	else if (str_eq(r->path, "/sent"))
		sim_answer(res, 200, "[%s]", sent.p != NULL ? sent.p : "");
	else
		sim_answer(res, 404, "{\"error\":\"no such verb\"}");
}

static void
reset(void)
{
	buf_free(&sent);
	buf_init(&sent, 64 << 20);
	memset(&next_error, 0, sizeof next_error);
	n_files = 0;
}

__attribute__((constructor)) static void
start(void)
{
	buf_init(&sent, 64 << 20);
}

const struct sim_provider sim_cloud = { "cloud", handle, control, reset };

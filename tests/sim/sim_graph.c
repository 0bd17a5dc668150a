/*
 * Meta's Graph API for Instagram as providers.md part B tells it: IGAA and EAA
 * tokens, /me/messages with its limits and error codes, conversations of which
 * only the newest 20 messages have details, two conversation calls a second,
 * usage headers, webhooks signed over the escaped form with the app secret.
 * The version in the path is optional, as at Meta.
 *
 * Settings (SIM_ in the environment, or POST /_sim/config):
 *   GRAPH_TOKENS        comma list, one an account (not set: any IGAA or EAA)
 *   GRAPH_PAGE_ID       comma list beside it; missing ones count on from the last
 *   GRAPH_APP_SECRET, GRAPH_WEBHOOK_URL   comma lists beside it; the last serves the rest
 *   GRAPH_EXPIRED, GRAPH_LIMITED   tokens that get 190/463, or 429 with code 4
 *   GRAPH_CONV_PER_SECOND  2; 0 = no limit
 *   GRAPH_ECHO_MS       delay of echoes, 30; "off": none
 *   GRAPH_USAGE         call_count in X-App-Usage, 5
 *   GRAPH_REFRESH       "deny": refresh_access_token refuses
 *   GRAPH_PROOF         "on": the app requires appsecret_proof; one that is sent is checked
 *                       in any case, by GRAPH_PROOF_SECRET, else the last of GRAPH_APP_SECRET
 *   GRAPH_RESTRICTED    "on": messages get code 100 "Unsupported request", as a restricted
 *                       app does; "all": every call does
 *   GRAPH_OWNER         "no": another app owns the conversations
 *   GRAPH_SCOPES        of debug_token, as JSON strings with commas
 *   GRAPH_USER_TOKEN    "on": the token is a person's, no Page's
 *   GRAPH_HEAVY         most messages of a conversation, and conversations of a list, that
 *                       one answer may hold; more is "reduce the amount of data"
 *   GRAPH_STRICT        "on": only contacts that wrote first can be written to
 *
 * Control, POST /_sim/graph/VERB ("account": page id, default the first):
 *   message {from,text,attachments,reply_to,mid,age_s,hook}   a person writes
 *   burst   {count,contacts,prefix,age_s,drop,batch}  many do; every drop-th webhook is
 *           swallowed, batch of them in one POST; answers {"mids","dropped"}
 *   own     {to,text}       typed in the Instagram app: an echo
 *   edit {mid,text} unsend {mid} react {mid,action,reaction} read {mid}
 *   event   {item,key}      any item, in messaging, changes or standby
 *   webhook {body,secret,url}   any text, signed
 *   contact {id,name,username,status,code,subcode,wrote_s}   code: sends to it fail so;
 *           wrote_s: it wrote that long ago, and has a profile
 *   answer  {status,code,subcode,text,transient,took,echo,times,body}: the next times sends get
 *           this error (body: these very bytes); took: they are sent all the same, echo:
 *           "before" the answer, "after" it, or "none"
 *   subscribe {fields}      comma list; "" = no app is subscribed
 *   messages                all there is
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "sim.h"
#include "extern/sign.h"
#include "base/str.h"

#define DETAILED 20	/* messages of a conversation that have details, B.9 */
#define LISTED 25
#define REFRESHED "IGAAsim"	/* then two digits of the account and 40 random ones */
#define DAY_US (86400LL * 1000000)

struct gmsg {
	char *mid, *text, *atts, *reply_to;	/* atts: JSON array of the webhook; NULL none */
	char *emoji;
	size_t contact;
	int64_t at_us, num_edit;
	bool out, deleted;
};
struct gcontact {
	char *id, *name, *username;
	size_t account;
	int64_t updated_us, inbound_us;
	int64_t status, code, subcode;	/* code < 0: sends work */
};

static struct gmsg *msgs;
static size_t n_msgs, cap_msgs;
static struct gcontact *contacts;
static size_t n_contacts, cap_contacts;
static struct {
	int64_t times, status, code, subcode;
	char text[200], body[200], echo[16];
	bool transient, took;
} next_error;			/* of the next sends; times 0: none */
static char *fields;		/* subscribed; NULL: the usual ones */
#define ACCOUNTS_MAX 64
static int64_t calls[ACCOUNTS_MAX][2];	/* the last two conversation calls */

/* --- settings ------------------------------------------------------------------ */

/* The i-th part of a comma list, the last one for what lies beyond; NULL none. */
static const char *
opt_nth(const struct sim_req *r, const char *name, size_t i, bool beyond)
{
	struct strv v = { 0 };
	const char *s = NULL;

	if (sim_opt(name) != NULL)
		strv_split(&v, sim_opt(name), ',');
	if (i < v.n)
		s = mem_arena_dup(r->a, v.v[i]);
	else if (beyond && v.n > 0)
		s = mem_arena_dup(r->a, v.v[v.n - 1]);
	strv_free(&v);
	return s;
}

static const char *
page_id(const struct sim_req *r, size_t account)
{
	const char *s = opt_nth(r, "GRAPH_PAGE_ID", account, false);
	char *made;

	if (s != NULL)
		return s;
	made = mem_arena_alloc(r->a, 32);
	snprintf(made, 32, "178414%011zu", account + 1);
	return made;
}

/* Which account a token is of; false where of none. */
static bool
token_account(const struct sim_req *r, const char *token, size_t *out)
{
	const char *s;
	int64_t n;

	if (token == NULL || (!str_starts(token, "IGAA") && !str_starts(token, "EAA")))
		return false;
	/* one that refresh gave out says whose it is: it lives in a database that
	 * outlasts this process */
	if (str_starts(token, REFRESHED) && strlen(token) == strlen(REFRESHED) + 42 &&
	    str_n_i64(token + strlen(REFRESHED), 2, &n) == RC_OK && n >= 0) {
		*out = (size_t)n;
		return true;
	}
	if (sim_opt("GRAPH_TOKENS") == NULL) {
		*out = 0;
		return true;
	}
	for (size_t i = 0; i < ACCOUNTS_MAX &&
	    (s = opt_nth(r, "GRAPH_TOKENS", i, false)) != NULL; i++)
		if (str_eq(s, token)) {
			*out = i;
			return true;
		}
	return false;
}

/* --- answers ------------------------------------------------------------------- */

static void
error(struct sim_res *res, int status, int code, int subcode, const char *type, const char *text)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_puts(&b, "{\"error\":{\"message\":");
	json_put_str(&b, text);
	buf_printf(&b, ",\"type\":\"%s\",\"code\":%d", type, code);
	if (subcode > 0)
		buf_printf(&b, ",\"error_subcode\":%d", subcode);
	buf_printf(&b, ",\"fbtrace_id\":\"A%llx\"}}", (unsigned long long)sim_id());
	sim_answer(res, status, "%s", b.p);
	buf_free(&b);
}

static void
put_time(struct buf *b, int64_t us)
{
	char iso[CLOCK_ISO_MAX];

	clock_iso(us, iso);
	buf_printf(b, "\"%.19s+0000\"", iso);	/* whole seconds, +0000 (B.9) */
}

static struct gcontact *
contact_get(size_t account, const char *id, bool make)
{
	struct gcontact *c;
	char name[80];

	for (size_t i = 0; i < n_contacts; i++)
		if (contacts[i].account == account && str_eq(contacts[i].id, id))
			return &contacts[i];
	if (!make)
		return NULL;
	if (n_contacts == cap_contacts) {
		cap_contacts = cap_contacts == 0 ? 64 : cap_contacts * 2;
		contacts = mem_realloc(contacts, cap_contacts, sizeof(*contacts));
	}
	c = &contacts[n_contacts++];
	memset(c, 0, sizeof(*c));
	c->account = account;
	c->id = mem_dup(id);
	snprintf(name, sizeof(name), "user_%.60s", id);
	c->username = mem_dup(name);
	snprintf(name, sizeof(name), "Person %.60s", id);
	c->name = mem_dup(name);
	c->code = -1;
	return c;
}

static char *
mid_new(void)
{
	char *s = mem_alloc(64);

	snprintf(s, 64, "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlE%020llu", (unsigned long long)sim_id());
	return s;
}

static struct gmsg *
msg_add(struct gcontact *c, const char *mid, bool out, const char *text, const char *atts,
    int64_t at_us)
{
	struct gmsg *m;

	if (n_msgs == cap_msgs) {
		cap_msgs = cap_msgs == 0 ? 256 : cap_msgs * 2;
		msgs = mem_realloc(msgs, cap_msgs, sizeof(*msgs));
	}
	m = &msgs[n_msgs++];
	memset(m, 0, sizeof(*m));
	m->mid = mid != NULL ? mem_dup(mid) : mid_new();
	m->text = mem_dup(text);
	m->atts = mem_dup(atts);
	m->contact = (size_t)(c - contacts);
	m->at_us = at_us;
	m->out = out;
	if (at_us > c->updated_us)
		c->updated_us = at_us;
	if (!out && at_us > c->inbound_us)
		c->inbound_us = at_us;
	return m;
}

static struct gmsg *
msg_find(const char *mid)
{
	for (size_t i = n_msgs; mid != NULL && i > 0; i--)
		if (str_eq(msgs[i - 1].mid, mid))
			return &msgs[i - 1];
	return NULL;
}

/* --- webhooks --------------------------------------------------------------------- */

/* Escape what is not ASCII, as Meta does before it signs (B.3). */
static void
put_escaped(struct buf *b, const char *s)
{
	struct buf j;
	const unsigned char *p;

	if (s == NULL) {
		buf_puts(b, "null");
		return;
	}
	buf_init(&j, 1 << 20);
	json_put_str(&j, s);
	for (p = (const unsigned char *)j.p; *p != '\0';) {
		size_t n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
		uint32_t c = n == 1 ? *p : n == 2 ? *p & 0x1fU : n == 3 ? *p & 0xfU : *p & 7U;

		for (size_t k = 1; k < n; k++)
			c = c << 6 | (p[k] & 0x3fU);
		if (n == 1)
			buf_putc(b, (char)*p);
		else if (c < 0x10000)
			buf_printf(b, "\\u%04x", c);
		else
			buf_printf(b, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
			    0xdc00 + (c & 0x3ff));
		p += n;
	}
	buf_free(&j);
}

/* {"sender":…,"recipient":…,"timestamp":…, — open for the item's own member. */
static void
put_sides(const struct sim_req *r, struct buf *b, const struct gcontact *c, bool out, int64_t us)
{
	const char *own = page_id(r, c->account);

	buf_puts(b, "{\"sender\":{\"id\":");
	json_put_str(b, out ? own : c->id);
	buf_puts(b, "},\"recipient\":{\"id\":");
	json_put_str(b, out ? c->id : own);
	buf_printf(b, "},\"timestamp\":%lld,", (long long)(us / 1000));
}

static void
put_message_item(const struct sim_req *r, struct buf *b, const struct gmsg *m)
{
	put_sides(r, b, &contacts[m->contact], m->out, m->at_us);
	buf_puts(b, "\"message\":{\"mid\":");
	json_put_str(b, m->mid);
	if (m->text != NULL) {
		buf_puts(b, ",\"text\":");
		put_escaped(b, m->text);
	}
	if (m->atts != NULL)
		buf_printf(b, ",\"attachments\":%s", m->atts);
	if (m->reply_to != NULL) {
		buf_puts(b, ",\"reply_to\":{\"mid\":");
		json_put_str(b, m->reply_to);
		buf_puts(b, "}");
	}
	buf_puts(b, m->out ? ",\"is_echo\":true}}" : "}}");
}

/* items: comma-separated items of key. */
static void
emit(const struct sim_req *r, size_t account, const char *key, const char *items,
    unsigned int delay_ms)
{
	const char *url = opt_nth(r, "GRAPH_WEBHOOK_URL", account, true);
	const char *secret = opt_nth(r, "GRAPH_APP_SECRET", account, true);
	struct buf b;

	if (url == NULL)
		return;
	buf_init(&b, 16 << 20);
	buf_puts(&b, "{\"object\":\"instagram\",\"entry\":[{\"id\":");
	json_put_str(&b, page_id(r, account));
	buf_printf(&b, ",\"time\":%lld,\"%s\":[%s]}]}", (long long)(clock_now_us() / 1000), key,
	    items);
	sim_webhook_signed(url, delay_ms, secret != NULL ? secret : "", b.p, b.n);
	buf_free(&b);
}

static void
emit_message(const struct sim_req *r, const struct gmsg *m, unsigned int delay_ms)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	put_message_item(r, &b, m);
	emit(r, contacts[m->contact].account, "messaging", b.p, delay_ms);
	buf_free(&b);
}

/* The error that a test asked for, in place of what would be answered. */
static void
asked_error(struct sim_res *res)
{
	struct buf b;

	next_error.times--;
	if (next_error.body[0] != '\0') {
		sim_answer(res, (int)next_error.status, "%s", next_error.body);
		return;
	}
	buf_init(&b, 4096);
	buf_puts(&b, "{\"error\":{\"message\":");
	json_put_str(&b, next_error.text);
	buf_printf(&b, ",\"type\":\"OAuthException\",\"code\":%lld,\"is_transient\":%s",
	    (long long)next_error.code, next_error.transient ? "true" : "false");
	if (next_error.subcode > 0)
		buf_printf(&b, ",\"error_subcode\":%lld", (long long)next_error.subcode);
	buf_puts(&b, ",\"fbtrace_id\":\"A1\"}}");
	sim_answer(res, (int)next_error.status, "%s", b.p);
	buf_free(&b);
}

static void
echo(const struct sim_req *r, const struct gmsg *m)
{
	const char *ms = sim_opt("GRAPH_ECHO_MS");
	int64_t delay = 30;

	if (str_eq(ms, "off"))
		return;
	if (ms != NULL && str_i64(ms, &delay) != RC_OK)
		delay = 30;
	emit_message(r, m, (unsigned int)delay);
}

/* --- sending (B.8) ------------------------------------------------------------------ */

static bool
attachment_ok(const struct sim_req *r, const struct json *a)
{
	static const char *const types[] = { "image", "video", "audio", "file" };
	const char *type = json_text(r->a, json_get(a, "type"));
	const char *url = json_text(r->a, json_get(a, "payload.url"));

	if (str_eq(type, "like_heart"))
		return true;
	if (str_eq(type, "MEDIA_SHARE"))
		return json_get(a, "payload.id") != NULL;
	for (size_t i = 0; i < 4; i++)
		if (str_eq(type, types[i]))
			return url != NULL && (str_starts(url, "http://") || str_starts(url, "https://"));
	return false;
}

/* The attachments of a send as its echo shows them; NULL where they are wrong. */
static const char *
send_atts(const struct sim_req *r, const struct json *m)
{
	const struct json *one = json_get(m, "attachment"), *list = json_get(m, "attachments");
	char *s, *in_list;
	size_t n;

	if (one != NULL) {
		if (list != NULL || !attachment_ok(r, one))
			return NULL;
		s = json_raw(r->a, one);
		n = strlen(s) + 3;
		in_list = mem_arena_alloc(r->a, n);
		snprintf(in_list, n, "[%s]", s);
		return in_list;
	}
	if (json_len(list) == 0 || json_len(list) > 10)
		return NULL;
	for (size_t i = 0; i < json_len(list); i++)
		if (!attachment_ok(r, json_at(list, i)) ||
		    !str_eq(json_text(r->a, json_get(json_at(list, i), "type")), "image"))
			return NULL;
	return json_raw(r->a, list);
}

/* Are the files of this send where their addresses say? */
static bool
fetched(const struct sim_req *r, const struct json *m)
{
	const struct json *list = json_get(m, "attachments");
	bool all = sim_fetch(json_text(r->a, json_get(m, "attachment.payload.url")));

	for (size_t i = 0; i < json_len(list); i++)
		all &= sim_fetch(json_text(r->a, json_get(json_at(list, i), "payload.url")));
	return all;
}

static bool
recipient_refused(const struct sim_req *r, struct sim_res *res, const struct gcontact *c)
{
	bool tag = str_eq(sim_json(r, "tag"), "HUMAN_AGENT");
	int64_t age = c != NULL ? clock_now_us() - c->inbound_us : 0;

	if (c == NULL && str_eq(sim_opt("GRAPH_STRICT"), "on")) {
		error(res, 400, 100, 2534014, "IGApiException", "(#100) No matching user found");
		return true;
	}
	if (c == NULL)
		return false;
	if (c->code >= 0) {
		error(res, c->status > 0 ? (int)c->status : 400, (int)c->code, (int)c->subcode,
		    "IGApiException", "refused by the simulator's settings");
		return true;
	}
	if (c->inbound_us > 0 && age > (tag ? 7 * DAY_US : DAY_US)) {
		error(res, 403, 10, 2534022, "IGApiException",
		    "(#10) This message is sent outside of allowed window.");
		return true;
	}
	return false;
}

static void
send_action(const struct sim_req *r, struct sim_res *res, size_t account, const char *to,
    const char *action)
{
	static const char *const known[] = { "mark_seen", "typing_on", "typing_off", "react",
		"unreact" };
	bool ok = false;

	for (size_t i = 0; i < 5; i++)
		ok |= str_eq(action, known[i]);
	if (ok && str_ends(action, "react"))
		ok = sim_json(r, "payload.message_id") != NULL;
	if (json_get(r->json, "message") != NULL || !ok) {
		error(res, 400, 100, 0, "IGApiException", "(#100) Param sender_action is not valid");
		return;
	}
	(void)account;
	sim_answer(res, 200, "{\"recipient_id\":\"%s\"}", to);
}

static void
send_message(const struct sim_req *r, struct sim_res *res, size_t account)
{
	const char *to = sim_json(r, "recipient.id"), *text = sim_json(r, "message.text");
	const struct json *m = json_get(r->json, "message");
	const char *atts = NULL;
	struct gcontact *c;
	struct gmsg *g;

	if (to == NULL) {
		error(res, 400, 100, 0, "OAuthException", "(#100) The parameter recipient is required");
		return;
	}
	if (recipient_refused(r, res, contact_get(account, to, false)))
		return;
	if (sim_json(r, "sender_action") != NULL) {
		send_action(r, res, account, to, sim_json(r, "sender_action"));
		return;
	}
	if (json_get(m, "attachment") != NULL || json_get(m, "attachments") != NULL)
		atts = send_atts(r, m);
	if (atts != NULL && !fetched(r, m)) {
		error(res, 400, 100, 2018047, "OAuthException", "(#100) Upload attachment failure.");
		return;
	}
	if ((text == NULL) == (atts == NULL) || str_eq(text, "")) {
		error(res, 400, 100, 2018034, "IGApiException", "(#100) Message cannot be empty, must "
		    "provide valid attachment or text");
		return;
	}
	if (text != NULL && strlen(text) > 1000) {
		error(res, 400, 100, 0, "IGApiException",
		    "(#100) Length of param message[text] must be less than or equal to 1000");
		return;
	}
	if (next_error.times > 0 && !next_error.took) {
		asked_error(res);
		return;
	}
	c = contact_get(account, to, true);
	g = msg_add(c, NULL, true, text, atts, clock_now_us());
	g->reply_to = mem_dup(sim_json(r, "reply_to.mid"));
	if (next_error.times > 0) {
		if (str_eq(next_error.echo, "before")) {
			emit_message(r, g, 0);
			sim_wait(300);	/* it is there before the answer is */
		} else if (!str_eq(next_error.echo, "none")) {
			echo(r, g);
		}
		asked_error(res);
		return;
	}
	sim_answer(res, 200, "{\"recipient_id\":\"%s\",\"message_id\":\"%s\"}", to, g->mid);
	echo(r, g);
}

/* --- reading (B.9, B.10) ------------------------------------------------------------- */

/* Attachments as the Conversations API shows them. */
static void
put_polled_atts(const struct sim_req *r, struct buf *b, const struct gmsg *m)
{
	struct json *j = NULL;
	const char *sep = "";

	if (m->atts == NULL || json_parse(m->atts, strlen(m->atts), &j, NULL) != RC_OK)
		return;
	buf_puts(b, ",\"attachments\":{\"data\":[");
	for (size_t i = 0; i < json_len(j); i++, sep = ",") {
		const char *type = json_text(r->a, json_get(json_at(j, i), "type"));
		const char *url = json_text(r->a, json_get(json_at(j, i), "payload.url"));

		buf_printf(b, "%s{\"id\":\"%zu\",", sep, i + 1);
		if (str_eq(type, "image") || str_eq(type, "video"))
			buf_printf(b, "\"%s_data\":{\"url\":", type);
		else
			buf_printf(b, "\"mime_type\":\"%s\",\"file_url\":",
			    str_eq(type, "audio") ? "audio/mp4" : "application/pdf");
		json_put_str(b, url);
		buf_puts(b, str_eq(type, "image") || str_eq(type, "video") ? "}}" : "}");
	}
	buf_puts(b, "]}");
	json_free(j);
}

static void
put_person(struct buf *b, const char *id, const char *username)
{
	buf_puts(b, "{\"id\":");
	json_put_str(b, id);
	buf_puts(b, ",\"username\":");
	json_put_str(b, username);
	buf_puts(b, "}");
}

static void
put_polled(const struct sim_req *r, struct buf *b, const struct gmsg *m)
{
	const struct gcontact *c = &contacts[m->contact];

	buf_puts(b, "{\"id\":");
	json_put_str(b, m->mid);
	buf_puts(b, ",\"created_time\":");
	put_time(b, m->at_us);
	buf_puts(b, ",\"from\":");
	put_person(b, m->out ? page_id(r, c->account) : c->id, m->out ? "shop" : c->username);
	buf_puts(b, ",\"to\":{\"data\":[");
	put_person(b, m->out ? c->id : page_id(r, c->account), m->out ? c->username : "shop");
	buf_puts(b, "]},\"message\":");
	json_put_str(b, m->text != NULL ? m->text : "");
	put_polled_atts(r, b, m);
	if (m->reply_to != NULL) {
		buf_puts(b, ",\"reply_to\":{\"mid\":");
		json_put_str(b, m->reply_to);
		buf_puts(b, "}");
	}
	if (m->emoji != NULL) {
		buf_puts(b, ",\"reactions\":{\"data\":[{\"reaction\":");
		json_put_str(b, m->emoji);
		buf_puts(b, ",\"users\":[");
		put_person(b, c->id, c->username);
		buf_puts(b, "]}]}");
	}
	buf_puts(b, "}");
}

/* More than they are willing to look up at once. */
static bool
too_heavy(struct sim_res *res, size_t n)
{
	int64_t max;

	if (sim_opt("GRAPH_HEAVY") == NULL || str_i64(sim_opt("GRAPH_HEAVY"), &max) != RC_OK ||
	    n <= (size_t)max)
		return false;
	error(res, 500, 1, 0, "OAuthException",
	    "Please reduce the amount of data you're asking for, then retry your request");
	return true;
}

/* {"data":[…],"paging":…}: newest first, details for the newest 20 only; from: how many
 * come before. */
static void
put_conv_messages(const struct sim_req *r, struct buf *b, size_t contact, size_t from, size_t limit)
{
	size_t n = 0, all = 0;

	buf_puts(b, "{\"data\":[");
	for (size_t i = n_msgs; i > 0 && n < LISTED && n < limit; i--) {
		const struct gmsg *m = &msgs[i - 1];

		if (m->contact != contact || m->deleted || all++ < from)
			continue;
		if (n++ > 0)
			buf_putc(b, ',');
		if (all <= DETAILED) {
			put_polled(r, b, m);
		} else {
			buf_puts(b, "{\"id\":");
			json_put_str(b, m->mid);
			buf_puts(b, "}");
		}
	}
	buf_puts(b, "]");
	if (n > 0)
		buf_printf(b, ",\"paging\":{\"cursors\":{\"before\":\"%zu\",\"after\":\"%zu\"}}", from, all);
	buf_puts(b, "}");
}

static size_t
conv_size(size_t contact)
{
	size_t n = 0;

	for (size_t i = 0; i < n_msgs; i++)
		n += msgs[i].contact == contact && !msgs[i].deleted;
	return n < LISTED ? n : LISTED;
}

/* messages.limit(N){…} in fields; LISTED where it is not said. */
static size_t
asked_limit(const char *f)
{
	const char *p = f != NULL ? strstr(f, "messages.limit(") : NULL;
	size_t n = p != NULL ? strtoul(p + 15, NULL, 10) : LISTED;

	return n > 0 && n < LISTED ? n : LISTED;
}

/* Two calls a second and account (B.8). */
static bool
conv_limited(struct sim_res *res, size_t account)
{
	const char *o = sim_opt("GRAPH_CONV_PER_SECOND");
	int64_t now = clock_mono_ms(), *c = calls[account % ACCOUNTS_MAX];

	if (str_eq(o, "0"))
		return false;
	if (c[0] != 0 && now - c[0] < 1000) {
		error(res, 400, 613, 0, "OAuthException",
		    "(#613) Calls to this api have exceeded the rate limit.");
		return true;
	}
	c[0] = c[1];
	c[1] = now;
	return false;
}

static int
conv_newer(const void *pa, const void *pb)
{
	const struct gcontact *a = &contacts[*(const size_t *)pa];
	const struct gcontact *b = &contacts[*(const size_t *)pb];

	return a->updated_us < b->updated_us ? 1 : a->updated_us > b->updated_us ? -1 : 0;
}

static void
put_conv(const struct sim_req *r, struct buf *b, size_t i, bool messages)
{
	buf_printf(b, "{\"id\":\"aWdfZAGNvbnY6%zu\",\"updated_time\":", i);
	put_time(b, contacts[i].updated_us);
	if (sim_query(r, "fields") != NULL && strstr(sim_query(r, "fields"), "is_owner") != NULL)
		buf_printf(b, ",\"is_owner\":%s", str_eq(sim_opt("GRAPH_OWNER"), "no") ? "false" : "true");
	if (messages) {
		buf_puts(b, ",\"messages\":");
		put_conv_messages(r, b, i, 0, asked_limit(sim_query(r, "fields")));
	}
	buf_putc(b, '}');
}

static int64_t
query_i64(const struct sim_req *r, const char *name, int64_t def)
{
	const char *s = sim_query(r, name);
	int64_t v;

	return s != NULL && str_i64(s, &v) == RC_OK ? v : def;
}

static void
conversations(const struct sim_req *r, struct sim_res *res, size_t account)
{
	const char *user = sim_query(r, "user_id"), *f = sim_query(r, "fields");
	bool with = f != NULL && strstr(f, "messages{") != NULL;
	size_t *v = mem_arena_alloc(r->a, (n_contacts + 1) * sizeof(*v)), n = 0;
	size_t from = (size_t)query_i64(r, "after", 0), limit = (size_t)query_i64(r, "limit", 25);
	size_t i;
	struct buf b;

	if (conv_limited(res, account) || (user == NULL && too_heavy(res, limit)))
		return;
	for (i = 0; i < n_contacts; i++)
		if (contacts[i].account == account && contacts[i].updated_us > 0 &&
		    (user == NULL || str_eq(user, contacts[i].id)))
			v[n++] = i;
	qsort(v, n, sizeof(*v), conv_newer);
	buf_init(&b, 8 << 20);
	buf_puts(&b, "{\"data\":[");
	for (i = from; i < n && i - from < limit; i++) {
		if (i > from)
			buf_putc(&b, ',');
		put_conv(r, &b, v[i], with);
	}
	buf_puts(&b, "]");
	if (i < n)
		buf_printf(&b, ",\"paging\":{\"cursors\":{\"after\":\"%zu\"},\"next\":"
		    "\"https://graph.example/next\"}", i);
	sim_answer(res, 200, "%s}", b.p);
	buf_free(&b);
}

static void
conversation(const struct sim_req *r, struct sim_res *res, size_t account, const char *id)
{
	size_t n = strspn(id, "0123456789"), limit;
	bool page = str_eq(id + n, "/messages");
	int64_t i;
	struct buf b;

	if (conv_limited(res, account))
		return;
	if (str_n_i64(id, n, &i) != RC_OK || i < 0 || (size_t)i >= n_contacts ||
	    contacts[i].account != account || (id[n] != '\0' && !page)) {
		error(res, 400, 100, 33, "GraphMethodException", "Unsupported get request.");
		return;
	}
	limit = page ? (size_t)query_i64(r, "limit", LISTED) : asked_limit(sim_query(r, "fields"));
	n = conv_size((size_t)i);
	if (too_heavy(res, limit < n ? limit : n))
		return;
	buf_init(&b, 8 << 20);
	if (page)
		put_conv_messages(r, &b, (size_t)i, (size_t)query_i64(r, "after", 0), limit);
	else
		put_conv(r, &b, (size_t)i, true);
	sim_answer(res, 200, "%s", b.p);
	buf_free(&b);
}

/* Is m one of the newest 20 of its conversation? */
static bool
detailed(const struct gmsg *m)
{
	size_t newer = 0;

	for (const struct gmsg *p = m + 1; p < msgs + n_msgs; p++)
		newer += p->contact == m->contact && !p->deleted;
	return newer < DETAILED;
}

static void
object(const struct sim_req *r, struct sim_res *res, size_t account, const char *id)
{
	const struct gmsg *m = msg_find(id);
	const struct gcontact *c = contact_get(account, id, false);
	struct buf b;

	buf_init(&b, 1 << 20);
	if (m != NULL && (m->deleted || !detailed(m))) {
		error(res, 400, 9000001, 0, "IGApiException", "The message was deleted.");
	} else if (m != NULL) {
		put_polled(r, &b, m);
		sim_answer(res, 200, "%s", b.p);
	} else if (c != NULL && c->inbound_us > 0) {
		buf_puts(&b, "{\"name\":");
		json_put_str(&b, c->name);
		buf_puts(&b, ",\"username\":");
		json_put_str(&b, c->username);
		buf_printf(&b, ",\"profile_pic\":\"%s/_sim/none.jpg\",\"id\":\"%s\"}",
		    sim_opt("URL") != NULL ? sim_opt("URL") : "http://127.0.0.1", c->id);
		sim_answer(res, 200, "%s", b.p);
	} else if (c != NULL) {
		error(res, 403, 230, 0, "OAuthException", "(#230) User consent is required");
	} else {
		error(res, 400, 100, 33, "GraphMethodException",
		    "Unsupported get request. Object does not exist");
	}
	buf_free(&b);
}

/* user_id is the one webhooks name; id is app-scoped and differs (B.10). */
static void
me(const struct sim_req *r, struct sim_res *res, size_t account, bool login)
{
	const char *own = page_id(r, account);

	if (str_eq(sim_opt("GRAPH_USER_TOKEN"), "on"))	/* as for a person's EAA token */
		error(res, 400, 100, 0, "OAuthException",
		    "(#100) Tried accessing nonexisting field (instagram_business_account) on node type (User)");
	else if (login)
		sim_answer(res, 200, "{\"id\":\"9%s\",\"user_id\":\"%s\",\"username\":\"shop\","
		    "\"account_type\":\"BUSINESS\"}", own + 1, own);
	else
		sim_answer(res, 200, "{\"id\":\"1000000000000%zu\",\"name\":\"Shop\","
		    "\"instagram_business_account\":{\"id\":\"%s\"}}", account, own);
}

static void
subscribed(const struct sim_req *r, struct sim_res *res)
{
	const char *f = fields != NULL ? fields : "messages,messaging_postbacks,message_reactions,"
	    "messaging_seen,message_edit,messaging_referral";
	struct strv v = { 0 };
	struct buf b;

	if (str_eq(r->method, "POST")) {
		free(fields);
		fields = mem_dup(sim_query(r, "subscribed_fields") != NULL ?
		    sim_query(r, "subscribed_fields") : "");
		sim_answer(res, 200, "{\"success\":true}");
		return;
	}
	strv_split(&v, f, ',');
	buf_init(&b, 65536);
	buf_puts(&b, "{\"data\":[");
	if (v.n > 0)
		buf_puts(&b, "{\"id\":\"1234567890\",\"name\":\"Bridge\",\"subscribed_fields\":[");
	for (size_t i = 0; i < v.n; i++) {
		buf_puts(&b, i > 0 ? "," : "");
		json_put_str(&b, v.v[i]);
	}
	buf_puts(&b, v.n > 0 ? "]}]}" : "]}");
	sim_answer(res, 200, "%s", b.p);
	buf_free(&b);
	strv_free(&v);
}

/* The old token goes on working, as Meta's does until it expires. */
static void
refresh(const struct sim_req *r, struct sim_res *res, size_t account, const char *token)
{
	char fresh[64];

	if (!str_eq(r->method, "GET") ||
	    !str_eq(sim_query(r, "grant_type"), "ig_refresh_token") ||
	    !str_starts(token, "IGAA") || str_eq(sim_opt("GRAPH_REFRESH"), "deny")) {
		error(res, 400, 100, 0, "IGApiException", "Unsupported request - method type: get");
		return;
	}
	snprintf(fresh, sizeof(fresh), REFRESHED "%02zu", account % 100);
	sign_token(fresh + strlen(fresh), 40);
	sim_answer(res, 200, "{\"access_token\":\"%s\",\"token_type\":\"bearer\","
	    "\"expires_in\":5183944}", fresh);
}

/* --- dispatch ---------------------------------------------------------------------- */

static const char *
token_of(const struct sim_req *r)
{
	const char *h = sim_header(r, "Authorization");

	if (h != NULL && str_istarts(h, "Bearer "))
		return h + 7;
	return sim_query(r, "access_token");
}

static void
usage_headers(const struct sim_req *r, struct sim_res *res, size_t account, bool limited)
{
	const char *n = sim_opt("GRAPH_USAGE");
	char v[200];

	snprintf(v, sizeof(v), "{\"call_count\":%s,\"total_time\":5,\"total_cputime\":5}",
	    limited ? "100" : n != NULL ? n : "5");
	sim_add_header(res, "X-App-Usage", v);
	snprintf(v, sizeof(v), "{\"%s\":[{\"type\":\"instagram\",\"call_count\":%s,"
	    "\"total_cputime\":5,\"total_time\":5,\"estimated_time_to_regain_access\":%d}]}",
	    page_id(r, account), limited ? "100" : "5", limited ? 1 : 0);
	sim_add_header(res, "X-Business-Use-Case-Usage", v);
}

/* Skip "/v25.0" in front; "" for the root. */
static const char *
without_version(const char *p)
{
	size_t n;

	if (p[0] != '/' || p[1] != 'v' || p[2] < '0' || p[2] > '9')
		return p;
	n = 2 + strspn(p + 2, "0123456789.");
	return p[n] == '/' ? p + n : p;
}

static void
route(const struct sim_req *r, struct sim_res *res, const char *p, size_t account,
    const char *token)
{
	const char *own = page_id(r, account);
	bool login = str_starts(token, "IGAA"), post = str_eq(r->method, "POST");

	if (str_starts(p, "/me"))
		p += 3;
	else if (p[0] == '/' && str_starts(p + 1, own))
		p += 1 + strlen(own);
	else if (str_eq(p, "/refresh_access_token")) {
		refresh(r, res, account, token);
		return;
	} else if (str_eq(p, "/debug_token")) {
		sim_answer(res, 200, "{\"data\":{\"app_id\":\"1234567890\",\"type\":\"PAGE\","
		    "\"is_valid\":true,\"expires_at\":0,\"scopes\":[%s]}}", sim_opt("GRAPH_SCOPES") != NULL ?
		    sim_opt("GRAPH_SCOPES") : "\"instagram_basic\",\"instagram_manage_messages\"");
		return;
	} else if (!post && str_starts(p, "/aWdfZAGNvbnY6")) {
		conversation(r, res, account, p + 14);
		return;
	} else if (!post && p[0] == '/' && p[1] != '\0' && strchr(p + 1, '/') == NULL) {
		object(r, res, account, p + 1);
		return;
	} else {
		p = "?";
	}
	if (post && str_eq(p, "/messages"))
		send_message(r, res, account);
	else if (!post && str_eq(p, "/conversations"))
		conversations(r, res, account);
	else if (str_eq(p, "/subscribed_apps"))
		subscribed(r, res);
	else if (!post && *p == '\0')
		me(r, res, account, login);
	else
		error(res, 400, 100, 0, "GraphMethodException", "Unsupported request");
}

/* Hex HMAC of the token by the app's secret. */
static bool
proof_refused(const struct sim_req *r, struct sim_res *res, const char *token)
{
	const char *proof = sim_query(r, "appsecret_proof"), *secret = sim_opt("GRAPH_PROOF_SECRET");
	unsigned char mac[SIGN_SHA256];
	char hex[2 * SIGN_SHA256 + 1];

	if (proof == NULL && !str_eq(sim_opt("GRAPH_PROOF"), "on"))
		return false;
	if (proof == NULL) {
		error(res, 400, 100, 0, "GraphMethodException",
		    "API calls from the server require an appsecret_proof argument");
		return true;
	}
	if (secret == NULL)
		secret = opt_nth(r, "GRAPH_APP_SECRET", ACCOUNTS_MAX, true);
	if (secret == NULL)
		secret = "";
	sign_hmac_sha256(secret, strlen(secret), token, strlen(token), mac);
	str_hex(mac, sizeof(mac), hex);
	if (str_eq(proof, hex))
		return false;
	error(res, 400, 100, 0, "GraphMethodException",
	    "Invalid appsecret_proof provided in the API argument");
	return true;
}

static bool
restricted(const struct sim_req *r, struct sim_res *res)
{
	bool post = str_eq(r->method, "POST");

	if (!str_eq(sim_opt("GRAPH_RESTRICTED"), "all") &&
	    !(str_eq(sim_opt("GRAPH_RESTRICTED"), "on") && post && str_ends(r->path, "/messages")))
		return false;
	error(res, 400, 100, 0, "IGApiException", post ? "Unsupported request - method type: post" :
	    "Unsupported request - method type: get");
	return true;
}

static void
handle(const struct sim_req *r, struct sim_res *res)
{
	const char *token = token_of(r);
	size_t account;

	if (!token_account(r, token, &account)) {
		error(res, 400, 190, 0, "OAuthException",
		    "Invalid OAuth access token - Cannot parse access token");
		return;
	}
	if (sim_opt("GRAPH_EXPIRED") != NULL && sim_opt_has("GRAPH_EXPIRED", token)) {
		error(res, 400, 190, 463, "OAuthException",
		    "Error validating access token: Session has expired");
		return;
	}
	if (sim_opt("GRAPH_LIMITED") != NULL && sim_opt_has("GRAPH_LIMITED", token)) {
		usage_headers(r, res, account, true);
		error(res, 429, 4, 0, "OAuthException", "(#4) Application request limit reached");
		return;
	}
	usage_headers(r, res, account, false);
	if ((str_starts(token, "EAA") && proof_refused(r, res, token)) || restricted(r, res))
		return;
	route(r, res, without_version(r->path), account, token);
}

/* --- control ------------------------------------------------------------------------- */

static size_t
control_account(const struct sim_req *r)
{
	const char *s = sim_json(r, "account");

	for (size_t i = 0; s != NULL && i < ACCOUNTS_MAX; i++)
		if (str_eq(page_id(r, i), s))
			return i;
	return 0;
}

static int64_t
control_i64(const struct sim_req *r, const char *name, int64_t def)
{
	int64_t v;

	return json_i64(json_get(r->json, name), &v) == RC_OK ? v : def;
}

static void
control_message(const struct sim_req *r, struct sim_res *res, bool out)
{
	const char *who = sim_json(r, out ? "to" : "from");
	const struct json *atts = json_get(r->json, "attachments");
	struct gmsg *m;

	if (who == NULL) {
		sim_answer(res, 400, "{\"error\":\"from (own: to) is needed\"}");
		return;
	}
	m = msg_add(contact_get(control_account(r), who, true), sim_json(r, "mid"), out,
	    sim_json(r, "text"), atts != NULL ? json_raw(r->a, atts) : NULL,
	    clock_now_us() - control_i64(r, "age_s", 0) * 1000000);
	m->reply_to = mem_dup(sim_json(r, "reply_to"));
	if (json_bool(json_get(r->json, "hook"), true))
		emit_message(r, m, 0);
	sim_answer(res, 200, "{\"mid\":\"%s\"}", m->mid);
}

/* Many people write; every drop-th message has no webhook. */
static void
control_burst(const struct sim_req *r, struct sim_res *res)
{
	int64_t count = control_i64(r, "count", 1), people = control_i64(r, "contacts", 1);
	int64_t drop = control_i64(r, "drop", 0), batch = control_i64(r, "batch", 1);
	int64_t at = clock_now_us() - control_i64(r, "age_s", 0) * 1000000;
	const char *prefix = sim_json(r, "prefix");
	size_t account = control_account(r);
	struct buf all, dropped, items;

	if (count < 0 || count > 100000 || people < 1 || batch < 1) {
		sim_answer(res, 400, "{\"error\":\"count, contacts, batch\"}");
		return;
	}
	buf_init(&all, 16 << 20);
	buf_init(&dropped, 16 << 20);
	buf_init(&items, 16 << 20);
	for (int64_t i = 0; i < count; i++) {
		char id[64], text[200];
		struct gmsg *m;
		bool gone = drop > 0 && i % drop == drop - 1;

		snprintf(id, sizeof(id), "65%014lld", (long long)(i % people + 1));
		snprintf(text, sizeof(text), "%.100s %lld", prefix != NULL ? prefix : "message",
		    (long long)i);
		m = msg_add(contact_get(account, id, true), NULL, false, text, NULL, at + i * 1000);
		buf_printf(&all, "%s\"%s\"", i > 0 ? "," : "", m->mid);
		if (gone) {
			buf_printf(&dropped, "%s\"%s\"", dropped.n > 0 ? "," : "", m->mid);
		} else {
			if (items.n > 0)
				buf_putc(&items, ',');
			put_message_item(r, &items, m);
		}
		if (items.n > 0 && ((i + 1) % batch == 0 || i + 1 == count)) {
			emit(r, account, "messaging", items.p, 0);
			buf_reset(&items);
		}
	}
	sim_answer(res, 200, "{\"mids\":[%s],\"dropped\":[%s]}", all.p, dropped.p);
	buf_free(&all);
	buf_free(&dropped);
	buf_free(&items);
}

/* What changes a message: edit, unsend, react, read. */
static void
control_change(const struct sim_req *r, struct sim_res *res, const char *verb)
{
	struct gmsg *m = msg_find(sim_json(r, "mid"));
	struct buf b;

	if (m == NULL) {
		sim_answer(res, 404, "{\"error\":\"no such mid\"}");
		return;
	}
	buf_init(&b, 1 << 20);
	/* only a read comes from the other side than the message */
	put_sides(r, &b, &contacts[m->contact], m->out && !str_eq(verb, "read") &&
	    !str_eq(verb, "react"), clock_now_us());
	if (str_eq(verb, "edit")) {
		free(m->text);
		m->text = mem_dup(sim_json(r, "text"));
		buf_puts(&b, "\"message_edit\":{\"mid\":");
		json_put_str(&b, m->mid);
		buf_puts(&b, ",\"text\":");
		put_escaped(&b, m->text);
		buf_printf(&b, ",\"num_edit\":%lld}}", (long long)++m->num_edit);
	} else if (str_eq(verb, "unsend")) {
		m->deleted = true;
		buf_puts(&b, "\"message\":{\"mid\":");
		json_put_str(&b, m->mid);
		buf_printf(&b, ",\"is_deleted\":true%s}}", m->out ? ",\"is_echo\":true" : "");
	} else if (str_eq(verb, "react")) {
		bool off = str_eq(sim_json(r, "action"), "unreact");
		const char *what = sim_json(r, "reaction");

		contacts[m->contact].inbound_us = clock_now_us();	/* opens the window */
		free(m->emoji);
		m->emoji = off ? NULL : mem_dup(what != NULL ? what : "love");
		buf_puts(&b, "\"reaction\":{\"mid\":");
		json_put_str(&b, m->mid);
		if (off)
			buf_puts(&b, ",\"action\":\"unreact\"}}");
		else
			buf_printf(&b, ",\"action\":\"react\",\"reaction\":\"%s\",\"emoji\":"
			    "\"\\u2764\\ufe0f\"}}", m->emoji);
	} else {
		buf_puts(&b, "\"read\":{\"mid\":");
		json_put_str(&b, m->mid);
		buf_puts(&b, "}}");
	}
	emit(r, contacts[m->contact].account, "messaging", b.p, 0);
	buf_free(&b);
	sim_answer(res, 200, "{\"success\":true}");
}

static void
control_answer(const struct sim_req *r, struct sim_res *res)
{
	next_error.times = control_i64(r, "times", 1);
	next_error.status = control_i64(r, "status", 500);
	next_error.code = control_i64(r, "code", 2);
	next_error.subcode = control_i64(r, "subcode", 0);
	snprintf(next_error.text, sizeof(next_error.text), "%s", sim_json(r, "text") != NULL ?
	    sim_json(r, "text") : "An unknown error occurred");
	snprintf(next_error.body, sizeof(next_error.body), "%s", sim_json(r, "body") != NULL ?
	    sim_json(r, "body") : "");
	snprintf(next_error.echo, sizeof(next_error.echo), "%s", sim_json(r, "echo") != NULL ?
	    sim_json(r, "echo") : "after");
	next_error.transient = json_bool(json_get(r->json, "transient"), false);
	next_error.took = json_bool(json_get(r->json, "took"), false);
	sim_answer(res, 200, "{\"success\":true}");
}

static void
control_contact(const struct sim_req *r, struct sim_res *res)
{
	const char *id = sim_json(r, "id");
	struct gcontact *c;

	if (id == NULL) {
		sim_answer(res, 400, "{\"error\":\"id is needed\"}");
		return;
	}
	c = contact_get(control_account(r), id, true);
	if (sim_json(r, "name") != NULL) {
		free(c->name);
		c->name = mem_dup(sim_json(r, "name"));
	}
	if (sim_json(r, "username") != NULL) {
		free(c->username);
		c->username = mem_dup(sim_json(r, "username"));
	}
	if (control_i64(r, "wrote_s", -1) >= 0)
		c->inbound_us = clock_now_us() - control_i64(r, "wrote_s", 0) * 1000000;
	c->code = control_i64(r, "code", -1);
	c->subcode = control_i64(r, "subcode", 0);
	c->status = control_i64(r, "status", 400);
	sim_answer(res, 200, "{\"success\":true}");
}

static void
control_webhook(const struct sim_req *r, struct sim_res *res)
{
	const struct json *body = json_get(r->json, "body");
	const char *url = sim_json(r, "url"), *secret = sim_json(r, "secret"), *text;
	size_t account = control_account(r);

	url = url != NULL ? url : opt_nth(r, "GRAPH_WEBHOOK_URL", account, true);
	secret = secret != NULL ? secret : opt_nth(r, "GRAPH_APP_SECRET", account, true);
	text = json_type(body) == JSON_STRING ? json_str(r->a, body) :
	    body != NULL ? json_raw(r->a, body) : NULL;
	if (url == NULL || text == NULL) {
		sim_answer(res, 400, "{\"error\":\"body (and url) is needed\"}");
		return;
	}
	sim_webhook_signed(url, 0, secret != NULL ? secret : "", text, strlen(text));
	sim_answer(res, 200, "{\"success\":true}");
}

static void
control_messages(const struct sim_req *r, struct sim_res *res)
{
	struct buf b;

	buf_init(&b, 15 << 20);
	buf_puts(&b, "[");
	for (size_t i = 0; i < n_msgs; i++) {
		buf_puts(&b, i > 0 ? ",{\"out\":" : "{\"out\":");
		buf_puts(&b, msgs[i].out ? "true" : "false");
		buf_printf(&b, ",\"account\":\"%s\",\"contact\":",
		    page_id(r, contacts[msgs[i].contact].account));
		json_put_str(&b, contacts[msgs[i].contact].id);
		buf_puts(&b, ",\"mid\":");
		json_put_str(&b, msgs[i].mid);
		buf_puts(&b, ",\"text\":");
		json_put_str(&b, msgs[i].text);
		buf_printf(&b, ",\"attachments\":%s}", msgs[i].atts != NULL ? msgs[i].atts : "[]");
	}
	sim_answer(res, 200, "%s]", b.p);
	buf_free(&b);
}

static void
control(const struct sim_req *r, struct sim_res *res)
{
	const char *v = r->path + (r->path[0] == '/');
	const char *key = sim_json(r, "key");

	if (str_eq(v, "message") || str_eq(v, "own"))
		control_message(r, res, str_eq(v, "own"));
	else if (str_eq(v, "burst"))
		control_burst(r, res);
	else if (str_eq(v, "edit") || str_eq(v, "unsend") || str_eq(v, "react") || str_eq(v, "read"))
		control_change(r, res, v);
	else if (str_eq(v, "contact"))
		control_contact(r, res);
	else if (str_eq(v, "answer"))
		control_answer(r, res);
	else if (str_eq(v, "webhook"))
		control_webhook(r, res);
	else if (str_eq(v, "messages"))
		control_messages(r, res);
	else if (str_eq(v, "event") && json_get(r->json, "item") != NULL) {
		const struct json *item = json_get(r->json, "item");
		const char *who = json_text(r->a, json_get(item, "sender.id"));
		struct gcontact *c = who != NULL ? contact_get(control_account(r), who, false) : NULL;

		if (c != NULL && (json_get(item, "referral") != NULL || json_get(item, "postback") != NULL))
			c->inbound_us = clock_now_us();	/* opens the window */
		emit(r, control_account(r), key != NULL ? key : "messaging",
		    json_raw(r->a, json_get(r->json, "item")), 0);
		sim_answer(res, 200, "{\"success\":true}");
	} else if (str_eq(v, "subscribe")) {
		free(fields);
		fields = mem_dup(sim_json(r, "fields") != NULL ? sim_json(r, "fields") : "");
		sim_answer(res, 200, "{\"success\":true}");
	} else
		sim_answer(res, 404, "{\"error\":\"no such verb, or something is missing\"}");
}

static void
reset(void)
{
	for (size_t i = 0; i < n_msgs; i++) {
		free(msgs[i].mid);
		free(msgs[i].text);
		free(msgs[i].atts);
		free(msgs[i].reply_to);
		free(msgs[i].emoji);
	}
	for (size_t i = 0; i < n_contacts; i++) {
		free(contacts[i].id);
		free(contacts[i].name);
		free(contacts[i].username);
	}
	n_msgs = n_contacts = 0;
	free(fields);
	fields = NULL;
	memset(calls, 0, sizeof(calls));
	memset(&next_error, 0, sizeof(next_error));
}

const struct sim_provider sim_graph = {
	.name = "graph",
	.handle = handle,
	.control = control,
	.reset = reset,
};

/*
 * One conversation, told in every way: webhook, echo, poll, placeholder, edit, receipt and
 * status under any spelling of the chat, each piece once or twice, in any order and in any
 * split.  The rows are compared with a plain model that knows only what was told, not when.
 * DMBOX_TEST_MERGES says how many conversations for each provider (40).
 *
 * Every round is an account of its own, so that no table has to be emptied.
 */
#include "provider/list.h"
#include "dbtest.h"

#include "bridge/ingest.h"
#include "model/conf.h"

#define OWN "17841400000000001"
#define WHO "6500000000000001"
#define CHAT "79990000001@c.us"
#define LID "120000000000001@lid"

enum { MESSAGES = 14, PIECES = 400, EDITS = 2 };

/* What was told of one message. */
struct told {
	bool own, webhook, wrong_echo, poll, placeholder, unsent;
	enum { TEXT, POSTBACK, AD, IMAGE } type;
	int edits;			/* told ones, numbered from 1 */
	int seen;			/* text of the poll: 0 the first, n edit n, -1 one never told, -2 none */
	bool sent, delivered, read, failed;	/* statuses */
};

static struct told m[MESSAGES];
static bool watermark[MESSAGES];	/* Messenger: read up to just behind this one */
static struct piece { char *json; bool poll; } piece[PIECES];
static size_t n_pieces;

static struct db *db;
static uint32_t seed;
static bool green;

static uint32_t
rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

static bool
one_in(uint32_t n)
{
	return rnd(n) == 0;
}

static void PRINTF_LIKE(2, 3)
add(bool poll, const char *fmt, ...)
{
	char s[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	assert_true(n > 0 && n < (int)sizeof s && n_pieces < PIECES);
	piece[n_pieces++] = (struct piece){ mem_dup(s), poll };
}

/* Milliseconds of message i; a poll and Green API know its second only. */
static int64_t
at(int i)
{
	return T0 / 1000 + i * 10000;
}

static bool
exists(const struct told *t)
{
	return t->webhook || t->wrong_echo || t->poll || t->placeholder;
}

/* The text in state n: 0 the first, then its edits, -1 what only a poll saw. */
static const char *
text(int i, int n)
{
	static char s[8][32];
	static int k;

	k = (k + 1) % 8;
	if (m[i].type == POSTBACK && n == 0)
		snprintf(s[k], sizeof *s, "button %d", i);
	else
		snprintf(s[k], sizeof *s, n < 0 ? "Seen %d" : n == 0 ? "First %d" : "Edit %d.%d", i, n);
	return s[k];
}

/* ---- Graph ------------------------------------------------------------------------ */

static void PRINTF_LIKE(3, 4)
graph(bool own, int64_t ms, const char *fmt, ...)
{
	char what[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	add(false, "{\"sender\":{\"id\":\"%s\"},\"recipient\":{\"id\":\"%s\"},\"timestamp\":%lld,%s}",
	    own ? OWN : WHO, own ? WHO : OWN, (long long)ms, what);
}

static void
graph_told(int i)
{
	const struct told *t = &m[i];
	int64_t ms = at(i) + 500;

	if (t->wrong_echo)
		graph(true, ms, "\"message\":{\"mid\":\"M%02d\",\"text\":\"%s\",\"is_echo\":true}", i, text(i, 0));
	if (!t->webhook)
		return;
	if (t->own)
		graph(true, ms, "\"message\":{\"mid\":\"M%02d\",\"text\":\"%s\",\"is_echo\":true}", i, text(i, 0));
	else if (t->type == POSTBACK)
		graph(false, ms, "\"postback\":{\"mid\":\"M%02d\",\"title\":\"%s\",\"payload\":\"P\"}", i, text(i, 0));
	else if (t->type == AD)
		graph(false, ms, "\"message\":{\"mid\":\"M%02d\",\"text\":\"%s\",\"referral\":{\"ad_id\":\"7\"}}", i, text(i, 0));
	else if (t->type == IMAGE)
		graph(false, ms, "\"message\":{\"mid\":\"M%02d\",\"attachments\":[{\"type\":\"image\","
		    "\"payload\":{\"url\":\"https://w.example/%d\"}}]}", i, i);
	else
		graph(false, ms, "\"message\":{\"mid\":\"M%02d\",\"text\":\"%s\"}", i, text(i, 0));
}

static void
graph_seen(int i)
{
	const struct told *t = &m[i];
	char what[256] = "\"message\":\"\"", iso[CLOCK_ISO_MAX];

	if (!t->poll)
		return;
	if (t->type == IMAGE)
		snprintf(what, sizeof what, "\"attachments\":{\"data\":[{\"image_data\":{\"url\":\"https://p.example/%d\"}}]}", i);
	else if (t->seen > -2)
		snprintf(what, sizeof what, "\"message\":\"%s\"", text(i, t->seen));
	clock_iso_us(at(i) / 1000 * SECOND, iso);
	add(true, "{\"id\":\"M%02d\",\"created_time\":\"%.19s+0000\",\"from\":{\"id\":\"%s\"},\"to\":{\"data\":"
	    "[{\"id\":\"%s\"}]},%s}", i, iso, t->own ? OWN : WHO, t->own ? WHO : OWN, what);
}

static void
graph_pieces(int i)
{
	const struct told *t = &m[i];

	graph_told(i);
	graph_seen(i);
	for (int n = 1; n <= t->edits; n++)
		graph(t->own, at(i) + 2000 - n, "\"message_edit\":{\"mid\":\"M%02d\",\"text\":\"%s\",\"num_edit\":%d}",
		    i, text(i, n), n);
	if (t->read)
		graph(false, at(i) + 5000, "\"read\":{\"mid\":\"M%02d\"}", i);
	if (watermark[i])
		graph(false, at(i) + 6000, "\"read\":{\"watermark\":%lld}", (long long)at(i) + 900);
	if (t->unsent)
		graph(t->own, at(i) + 7000, "\"message\":{\"mid\":\"M%02d\",\"is_deleted\":true%s}", i,
		    t->own ? ",\"is_echo\":true" : "");
}

/* ---- Green API --------------------------------------------------------------------- */

/* The chat of the next message, as it is spelled there. */
static const char *spelled = CHAT;

#define GREEN "{\"typeWebhook\":\"%s\",\"instanceData\":{\"idInstance\":1101000001," \
	"\"wid\":\"70000000000@c.us\"},\"timestamp\":%lld,\"idMessage\":\"%s%02d\","

static void PRINTF_LIKE(4, 5)
green_message(const char *type, int i, int64_t ms, const char *fmt, ...)
{
	char data[1024];
	va_list ap;
	bool change = strstr(fmt, "editedMessage") != NULL || strstr(fmt, "deletedMessage") != NULL;

	va_start(ap, fmt);
	vsnprintf(data, sizeof data, fmt, ap);
	va_end(ap);
	add(false, GREEN "\"senderData\":{\"chatId\":\"%s\",\"sender\":\"%s\",\"chatName\":\"Vera\"},"
	    "\"messageData\":{%s}}", type, (long long)(ms / 1000), change ? "C" : "M", i, spelled,
	    *type == 'o' ? "70000000000@c.us" : spelled, data);
}

static void
green_status(int i, int64_t ms, const char *status)
{
	static const char *const chats[] = { "\"chatId\":\"" CHAT "\",",
		"\"chatId\":\"79990000001@s.whatsapp.net\",", "\"chatId\":\"79990000001:3@c.us\",",
		"\"chatId\":\"79990000001.0:12@s.whatsapp.net\",", "\"chatId\":\"120000000000001@lid\",",
		"\"chatId\":\"120000000000001:7@lid\",", "\"chatId\":\"\",", "" };

	add(false, GREEN "%s\"status\":\"%s\"}", "outgoingMessageStatus", (long long)(ms / 1000), "M", i,
	    chats[rnd(sizeof chats / sizeof *chats)], status);
}

static void
green_pieces(int i)
{
	const struct told *t = &m[i];
	const char *type = t->own ? one_in(2) ? "outgoingMessageReceived" : "outgoingAPIMessageReceived" :
	    "incomingMessageReceived";
	bool lid;
	int most = 1 + (int)rnd(2);

	/* nothing yet, perhaps under both names of the chat; the words may come under either */
	lid = t->webhook && t->placeholder && one_in(2);
	for (int n = 0; t->placeholder && n < (t->webhook ? most : 1); n++) {
		if (t->webhook)
			spelled = (n == 0) == lid ? CHAT : LID;
		green_message(type, i, at(i), one_in(2) ? "\"typeMessage\":\"textMessage\",\"textMessageData\":"
		    "{\"textMessage\":\"{{SWE003}}\"}" : "\"typeMessage\":\"textMessage\",\"textMessageData\":{}");
	}
	spelled = lid ? LID : CHAT;
	if (t->webhook && t->type == IMAGE)
		green_message(type, i, at(i), "\"typeMessage\":\"imageMessage\",\"fileMessageData\":{\"downloadUrl\":"
		    "\"https://w.example/%d\",\"fileName\":\"a.jpg\",\"mimeType\":\"image/jpeg\"}", i);
	else if (t->webhook)
		green_message(type, i, at(i), "\"typeMessage\":\"textMessage\",\"textMessageData\":{\"textMessage\":\"%s\"}",
		    text(i, 0));
	spelled = CHAT;
	for (int n = 1; n <= t->edits; n++)
		green_message(type, i * 10 + n, at(i) + 1000 + n * 1000, "\"typeMessage\":\"editedMessage\","
		    "\"editedMessageData\":{\"textMessage\":\"%s\",\"stanzaId\":\"M%02d\"}", text(i, n), i);
	if (t->unsent)
		green_message(type, i * 10 + 9, at(i) + 7000, "\"typeMessage\":\"deletedMessage\","
		    "\"deletedMessageData\":{\"stanzaId\":\"M%02d\"}", i);
	if (t->sent)
		green_status(i, at(i) + 1000, "sent");
	if (t->delivered)
		green_status(i, at(i) + 2000, "delivered");
	if (t->failed)
		green_status(i, at(i) + 3000, "failed");
	if (t->read)
		green_status(i, at(i) + 5000, "read");
}

/* ---- the model ---------------------------------------------------------------------- */

static bool
outbound(const struct told *t)
{
	return t->own || (t->wrong_echo && !t->webhook && !t->poll);
}

/* When message i was sent, as the rows say it. */
static int64_t
sent(int i)
{
	return at(i) + (!green && (m[i].webhook || m[i].wrong_echo) ? 500 : 0);
}

static const char *
source_of(const struct told *t)
{
	if (t->own)
		return t->webhook || t->placeholder ? "echo" : "poll";
	return t->webhook || t->placeholder ? "webhook" : t->poll ? "poll" : "echo";
}

/* The first text; NULL where nobody told one. */
static const char *
first(int i)
{
	const struct told *t = &m[i];

	if (t->type == IMAGE && !(t->wrong_echo && !t->webhook && !t->poll))
		return t->wrong_echo ? text(i, 0) : NULL;
	if (t->webhook)
		return text(i, 0);
	if (t->poll && t->seen > -2)
		return text(i, t->seen);
	return t->wrong_echo ? text(i, 0) : NULL;
}

/* Did only a poll see this edit? */
static bool
seen_edit(int i)
{
	const struct told *t = &m[i];

	return t->poll && t->webhook && t->type != IMAGE && t->seen > -2 && t->seen != 0 &&
	    (t->seen < 0 || t->seen > t->edits);
}

static const char *
body(int i)
{
	const struct told *t = &m[i];

	if (t->unsent)
		return NULL;
	if (t->edits > 0)
		return text(i, t->edits);
	return seen_edit(i) ? text(i, t->seen) : first(i);
}

static const char *
kind(int i)
{
	const struct told *t = &m[i];

	if (t->type == IMAGE && (t->webhook || t->poll))
		return "image";
	if (t->webhook)
		return t->type == POSTBACK ? "postback" : "text";
	return first(i) != NULL ? "text" : "unsupported";
}

/* The first receipt that covers our message i; 0 where none does. */
static int64_t
read_at(int i)
{
	int64_t best = 0;

	for (int k = i; k < MESSAGES; k++) {
		bool named = m[k].read && exists(&m[k]) && outbound(&m[k]);

		if (named && (best == 0 || at(k) + 5000 < best))
			best = at(k) + 5000;
		if (!green && watermark[k] && (best == 0 || at(k) + 6000 < best))
			best = at(k) + 6000;
	}
	return best;
}

/* When we read their message i: our next one, written elsewhere; 0 where there is none. */
static int64_t
answered(int i)
{
	for (int k = i + 1; k < MESSAGES; k++)
		if (exists(&m[k]) && outbound(&m[k]))
			return sent(k);
	return 0;
}

static const char *
status_of(int i, int64_t *when)
{
	const struct told *t = &m[i];

	*when = outbound(t) ? read_at(i) : answered(i);
	if (!outbound(t))
		return "received";
	if (t->failed && !t->read && !t->delivered) {
		*when = 0;
		return "failed";
	}
	return *when != 0 ? "read" : t->delivered ? "delivered" : "sent";
}

static void
model(struct buf *b)
{
	for (int i = 0; i < MESSAGES; i++) {
		const struct told *t = &m[i];
		const char *s = body(i), *st;
		int versions = t->edits + seen_edit(i);
		int64_t when;

		if (!exists(t))
			continue;
		st = status_of(i, &when);
		buf_printf(b, "M%02d|%s|%s|%s|%s|%s|%lld|%lld|%s|%d|%s%s\n", i,
		    outbound(t) ? "outbound" : "inbound", source_of(t), kind(i), s != NULL ? s : "-", st,
		    (long long)(sent(i) - T0 / 1000), (long long)(when == 0 ? 0 : when - T0 / 1000),
		    t->unsent ? "gone" : "here", t->unsent || versions == 0 ? 0 : versions + 1,
		    t->unsent || t->type != IMAGE || !(t->webhook || t->poll) ? "" :
		    t->webhook ? "https://w.example/" : "https://p.example/",
		    t->unsent || !t->webhook || t->own ? "" :
		    t->type == POSTBACK ? "P" : t->type == AD && !green ? "7" : "");
	}
}

static const char rows_sql[] =
    "select string_agg(concat_ws('|', m.external_id, m.direction, m.source, m.kind, coalesce(m.body, '-'), m.status,"
    "  round(extract(epoch from m.sent_at) * 1000)::bigint - 1763000000000,"
    "  coalesce(round(extract(epoch from m.read_at) * 1000)::bigint - 1763000000000, 0),"
    "  case when m.deleted_at is null then 'here' else 'gone' end,"
    "  (select count(*) from dmbox.message_edits v where v.message_id = m.id),"
    "  coalesce((select string_agg(regexp_replace(a.url, '[0-9]+$', ''), ',') from dmbox.attachments a where a.message_id = m.id), '')"
    "  || coalesce(m.detail ->> 'payload', m.detail #>> '{referral,ad_id}', '')),"
    "  E'\\n' order by m.external_id collate \"C\") || E'\\n'"
    " from dmbox.messages m where m.account = '%s' and not m.placeholder";

/* ---- a round --------------------------------------------------------------------------- */

static void
invent(int i)
{
	struct told *t = &m[i];

	*t = (struct told){ .own = one_in(2), .webhook = !one_in(6), .seen = -2 };
	t->type = t->own && !green ? TEXT : rnd(4);
	if (green) {
		t->type = t->type == IMAGE ? IMAGE : TEXT;
		t->placeholder = one_in(3);
		t->sent = t->own && one_in(2);
		t->delivered = t->own && one_in(2);
		t->failed = t->own && one_in(4);
	} else {
		t->poll = one_in(2);
		t->wrong_echo = !t->own && t->type != IMAGE && one_in(5);
	}
	t->read = t->own && one_in(3);
	if (t->type != IMAGE && t->webhook)
		t->edits = one_in(3) ? 1 + (int)rnd(EDITS) : 0;
	if (t->poll)
		t->seen = one_in(3) ? -1 : one_in(6) ? -2 : (int)rnd((uint32_t)t->edits + 1);
	t->unsent = exists(t) && one_in(8);
	watermark[i] = !green && one_in(8);
}

static void
deliver(const struct account *a, struct conf *conf, const size_t *order, size_t n)
{
	size_t done = 0;

	while (done < n) {
		struct delivery d[3], *v[3];
		struct buf b[3];
		size_t k = 0;

		for (; k < 3 && done < n; k++) {
			bool poll = piece[order[done]].poll;
			size_t most = 1 + rnd(8), m_n = 0;

			buf_init(&b[k], 1 << 20);
			buf_puts(&b[k], green ? "[" : poll ? "{\"id\":\"c\",\"messages\":{\"data\":[" :
			    "{\"object\":\"instagram\",\"entry\":[{\"id\":\"" OWN "\",\"time\":1763000000,\"messaging\":[");
			for (; m_n < most && done < n && piece[order[done]].poll == poll; m_n++, done++)
				buf_printf(&b[k], "%s%s", m_n > 0 ? "," : "", piece[order[done]].json);
			buf_puts(&b[k], green ? "]" : poll ? "]}}" : "]}]}");
			delivery_init(&d[k]);
			v[k] = &d[k];
			d[k].account = a->name;
			d[k].channel = a->channel;
			d[k].provider = a->provider;
			d[k].source = poll ? SOURCE_POLL : SOURCE_WEBHOOK;
			d[k].body = b[k].p;
			d[k].body_n = b[k].n;
			ingest_parse(conf, a, &d[k]);
			if (d[k].items.n != m_n)
				fail_msg("%zu items of %zu in %s", d[k].items.n, m_n, b[k].p);
		}
		assert_int_equal(ingest(db, NULL, v, k), RC_OK);
		for (size_t i = 0; i < k; i++) {
			assert_int_equal(d[i].rc, RC_OK);
			assert_int_equal(d[i].n_items, d[i].stored + d[i].duplicates + d[i].weak_duplicates + d[i].ignored);
			delivery_free(&d[i]);
			buf_free(&b[i]);
		}
	}
}

static void
first_difference(const char *want, const char *got, int round)
{
	while (*want != '\0' || *got != '\0') {
		size_t n = strcspn(want, "\n"), k = strcspn(got, "\n");

		if (n != k || memcmp(want, got, n) != 0)
			fail_msg("%s, round %d:\nwant %.*s\ngot  %.*s", green ? "greenapi" : "graph", round,
			    (int)n, want, (int)k, got);
		want += n + (want[n] != '\0');
		got += k + (got[k] != '\0');
	}
}

static void
compare(const char *account, int round)
{
	char sql[2048];
	struct buf want;
	char *got;

	snprintf(sql, sizeof sql, rows_sql, account);
	got = dbt_text(db, sql);
	buf_init(&want, 1 << 20);
	model(&want);
	first_difference(want.p, got != NULL ? got : "", round);
	free(got);
	buf_free(&want);
	/* under whatever names of its chat it was told: one conversation */
	snprintf(sql, sizeof sql, "select count(*) from dmbox.contacts where account = '%s' and last_at is not null", account);
	assert_true(dbt_i64(db, sql) <= 1);
	snprintf(sql, sizeof sql, "select count(*) from dmbox.events e where e.account = '%s' and e.applied_at is null"
	    " and e.effect <> 'none' and exists (select 1 from dmbox.messages m where m.account = e.account"
	    " and m.external_id = e.target_id)", account);
	assert_int_equal(dbt_i64(db, sql), 0);
}

static void
conversations(const struct provider *p, enum channel ch)
{
	const char *env = getenv("DMBOX_TEST_MERGES");
	int rounds = env != NULL ? (int)strtol(env, NULL, 10) : 40;
	char name[32];

	seed = 20261128;
	for (int round = 0; round < rounds; round++) {
		char own[] = OWN;
		struct account a = { .name = name, .provider = p, .channel = ch, .own_id = green ? NULL : own };
		struct conf conf = { .accounts = &a, .n_accounts = 1 };
		size_t order[3 * PIECES], n;

		for (int i = 0; i < MESSAGES; i++)
			invent(i);
		for (int i = 0; i < MESSAGES; i++)
			(green ? green_pieces : graph_pieces)(i);
		for (int turn = 0; turn < 3; turn++) {	/* the same conversation, told anew */
			snprintf(name, sizeof name, "%s%d-%d", green ? "w" : "g", round, turn);
			n = 0;
			for (size_t i = 0; i < n_pieces; i++)
				for (uint32_t k = 1 + rnd(2); k > 0; k--)
					order[n++] = i;
			for (size_t i = n; i > 1; i--) {
				size_t j = rnd((uint32_t)i), t = order[i - 1];

				order[i - 1] = order[j];
				order[j] = t;
			}
			deliver(&a, &conf, order, n);
			compare(name, round);
		}
		while (n_pieces > 0)
			free(piece[--n_pieces].json);
	}
	assert_int_equal(dbt_i64(db, "select sum(missing) from dmbox.ingest_balance"), 0);
}

static void
test_graph(void **state)
{
	(void)state;
	green = false;
	conversations(&provider_graph, CHANNEL_INSTAGRAM);
}

static void
test_greenapi(void **state)
{
	(void)state;
	green = true;
	conversations(&provider_greenapi, CHANNEL_WHATSAPP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_graph),
		cmocka_unit_test(test_greenapi),
	};
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

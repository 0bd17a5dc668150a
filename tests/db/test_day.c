/*
 * A day of fifty contacts at each provider, as the provider writes it: bodies
 * that go through parse, keys and store.  Shuffled, repeated and split into
 * other bodies each time, the rows are the same every time.  DMBOX_TEST_DAYS
 * says how often for each provider (12; the proof is 1000).
 *
 * Every round is an account of its own, so that no table has to be emptied.
 */
#include "provider/list.h"
#include "dbtest.h"

#include "model/conf.h"
#include "bridge/ingest.h"

enum { CONTACTS = 50, PIECES_MAX = 1500, EMPTY_EVERY = 100 };

/* One thing that happened: for Graph an item of messaging[], else a whole body. */
static char *piece[PIECES_MAX];
static size_t n_pieces;
static int64_t want_messages, want_events;

static struct db *db;
static uint32_t seed;

static uint32_t
rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

static void PRINTF_LIKE(1, 2)
add(const char *fmt, ...)
{
	char s[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	assert_true(n > 0 && n < (int)sizeof s && n_pieces < PIECES_MAX);
	piece[n_pieces++] = mem_dup(s);
}

static void
forget_day(void)
{
	while (n_pieces > 0)
		free(piece[--n_pieces]);
	want_messages = want_events = 0;
}

/* ---- Graph: providers.md B.5 ------------------------------------------------- */

#define OWN "17841400000000001"

/* Contact c wrote (out: we did); what is the item's own member. */
static void
graph_item(int c, bool out, int64_t ms, const char *what)
{
	char who[32];

	snprintf(who, sizeof who, "65000000000%05d", c);
	/* ids come as numbers too, times as strings too (B.4) */
	if (c % 7 == 3)
		add("{\"sender\":{\"id\":%s},\"recipient\":{\"id\":%s},\"timestamp\":\"%lld\",%s}",
		    out ? OWN : who, out ? who : OWN, (long long)ms, what);
	else
		add("{\"sender\":{\"id\":\"%s\"},\"recipient\":{\"id\":\"%s\"},\"timestamp\":%lld,%s}",
		    out ? OWN : who, out ? who : OWN, (long long)ms, what);
}

static void PRINTF_LIKE(5, 6)
graph(int c, bool out, int64_t ms, bool message, const char *fmt, ...)
{
	char s[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	graph_item(c, out, ms, s);
	++*(message ? &want_messages : &want_events);
}

static void
graph_changes(int c, int64_t t)
{
	/* of two edits the higher num_edit counts, whatever its time */
	graph(c, false, t + 5000, false, "\"message_edit\":{\"mid\":\"M%d.1\",\"text\":\"one\",\"num_edit\":1}", c);
	graph(c, false, t + 4000, false, "\"message_edit\":{\"mid\":\"M%d.1\",\"text\":\"two\",\"num_edit\":\"2\"}", c);
	graph(c, false, t + 6000, false, "\"reaction\":{\"mid\":\"M%d.1\",\"action\":\"react\","
	    "\"reaction\":\"love\",\"emoji\":\"\\u2764\\ufe0f\"}", c);
	/* at the same time the removal counts */
	if (c % 2 == 0)
		graph(c, false, t + 6000, false, "\"reaction\":{\"mid\":\"M%d.1\",\"action\":\"unreact\"}", c);
	if (c % 3 == 0)
		graph(c, false, t + 9000, false, "\"message\":{\"mid\":\"M%d.1\",\"is_deleted\":true}", c);
	graph(c, false, t + 8000, false, "\"read\":{\"mid\":\"M%d.2\"}", c);
	if (c % 5 == 0)	/* all there is of this message is that it was taken back */
		graph(c, false, t + 100, false, "\"message\":{\"mid\":\"M%d.gone\",\"is_deleted\":true}", c);
}

static void
graph_others(int c, int64_t t)
{
	switch (c % 10) {
	case 0:
		graph(c, false, t + 10, true, "\"message\":{\"mid\":\"M%d.3\",\"attachments\":[{\"type\":\"share\","
		    "\"payload\":{\"url\":\"https://ig.example/p\"}},{\"type\":\"ig_post\",\"payload\":"
		    "{\"ig_post_media_id\":\"18\",\"title\":\"T\",\"url\":\"https://ig.example/p\"}}]}", c);
		break;
	case 1:
		graph(c, false, t + 10, true, "\"message\":{\"mid\":\"M%d.3\",\"text\":\"nice\",\"reply_to\":"
		    "{\"story\":{\"id\":\"17\",\"url\":\"https://ig.example/s\"}}}", c);
		break;
	case 2:
		graph(c, false, t + 10, true, "\"postback\":{\"mid\":\"M%d.3\",\"title\":\"Go\",\"payload\":\"GO\"}", c);
		break;
	case 3:
		graph(c, false, t + 10, false, "\"referral\":{\"ref\":\"r%d\",\"source\":\"ADS\",\"type\":\"OPEN_THREAD\"}", c);
		break;
	case 4:
		graph(c, false, t + 10, false, "\"optin\":{\"type\":\"notification_messages\",\"payload\":\"p%d\"}", c);
		break;
	case 5:
		graph(c, false, t + 10, true, "\"message\":{\"mid\":\"M%d.3\",\"is_unsupported\":true}", c);
		break;
	case 6:
		graph(c, false, t + 10, true, "\"message\":{\"mid\":\"M%d.3\",\"text\":\"Red\",\"quick_reply\":{\"payload\":\"RED\"}}", c);
		break;
	case 7:
		graph(c, false, t + 10, false, "\"pass_thread_control\":{\"new_owner_app_id\":\"%d\"}", c);
		break;
	case 8:
		graph(c, false, t + 10, false, "\"teleport\":{\"to\":\"moon %d\"}", c);
		break;
	default:
		graph(c, false, t + 10, true, "\"message\":{\"mid\":\"M%d.3\",\"attachments\":[{\"type\":\"image\","
		    "\"payload\":{\"url\":\"https://cdn.example/%d\"}}]}", c, c);
	}
}

static void
graph_day(void)
{
	for (int c = 0; c < CONTACTS; c++) {
		int64_t t = T0 / 1000 + c * 600000;

		if (c % 11 != 10)	/* of these the message itself was lost */
			graph(c, false, t, true, "\"message\":{\"mid\":\"M%d.1\",\"text\":\"\\u043f\\u0440\\u0438\\u0432\\u0435\\u0442\"}", c);
		else if (c % 3 == 0)
			want_messages++;	/* a tombstone */
		graph(c, true, t + 2000, true, "\"message\":{\"mid\":\"M%d.2\",\"text\":\"answer\",\"is_echo\":true,"
		    "\"reply_to\":{\"mid\":\"M%d.1\"}}", c, c);
		if (c % 5 == 0)
			want_messages++;
		graph_changes(c, t);
		graph_others(c, t);
	}
}

/* Some pieces as one body: several entries, each with messaging, changes or both. */
static void
graph_body(struct buf *b, const size_t *v, size_t n)
{
	size_t i = 0;

	buf_puts(b, "{\"object\":\"instagram\",\"entry\":[");
	while (i < n) {
		size_t m = 1 + rnd((uint32_t)(n - i));
		bool change = rnd(4) == 0;

		buf_printf(b, "%s{\"id\":\"" OWN "\",\"time\":%u,\"%s\":[", i > 0 ? "," : "",
		    1763000000 + rnd(100000), change ? "changes" : "messaging");
		for (size_t k = 0; k < m; k++, i++)
			buf_printf(b, change ? "%s{\"field\":\"messages\",\"value\":%s}" : "%s%s",
			    k > 0 ? "," : "", piece[v[i]]);
		buf_puts(b, "]}");
	}
	buf_puts(b, "]}");
}

/* ---- Green API: C.3 -------------------------------------------------------------- */

#define GREEN_HEAD "{\"typeWebhook\":\"%s\",\"instanceData\":{\"idInstance\":1101000001," \
	"\"wid\":\"70000000000@c.us\"},\"timestamp\":%lld,\"idMessage\":\"%s\","

static void PRINTF_LIKE(5, 6)
green(const char *type, int c, int64_t s, const char *id, const char *fmt, ...)
{
	char data[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(data, sizeof data, fmt, ap);
	va_end(ap);
	/* the phone calls them by another name than they do themselves */
	add(GREEN_HEAD "\"senderData\":{\"chatId\":\"7000%07d@c.us\",\"sender\":\"%s\","
	    "\"chatName\":\"Chat %d\",\"senderName\":\"%s\"},\"messageData\":{%s}}",
	    type, (long long)s, id, c, *type == 'o' ? "70000000000@c.us" : "7000@c.us", c,
	    *type == 'o' ? "Shop" : "Person", data);
}

static void
green_status(int c, int64_t s, const char *id, const char *status)
{
	add(GREEN_HEAD "\"chatId\":\"7000%07d@c.us\",\"status\":\"%s\"}", "outgoingMessageStatus",
	    (long long)s, id, c, status);
	want_events++;
}

static void
green_day(void)
{
	for (int c = 0; c < CONTACTS; c++) {
		int64_t t = T0 / SECOND + c * 600;
		char id[20], e[20];

		/* ids are unique in a chat only: half of the contacts share theirs */
		snprintf(id, sizeof id, "3EB0%d", c / 2);
		green("incomingMessageReceived", c, t, id,
		    "\"typeMessage\":\"textMessage\",\"textMessageData\":{\"textMessage\":\"hello %d\"}", c);
		green("outgoingMessageReceived", c, t + 20, "OUT1",
		    "\"typeMessage\":\"extendedTextMessage\",\"extendedTextMessageData\":{\"text\":\"answer\",\"stanzaId\":\"%s\"}", id);
		green("outgoingAPIMessageReceived", c, t + 25, "OUT2",
		    "\"typeMessage\":\"imageMessage\",\"fileMessageData\":{\"downloadUrl\":\"https://cdn.example/%d\","
		    "\"caption\":\"look\",\"fileName\":\"a.jpg\",\"mimeType\":\"image/jpeg\"}", c);
		green("incomingMessageReceived", c, t + 30, "IN2",
		    "\"typeMessage\":\"locationMessage\",\"locationMessageData\":{\"latitude\":1.5,\"longitude\":%d}", c);
		want_messages += 4;
		green_status(c, t + 26, "OUT1", "sent");
		green_status(c, t + 27, "OUT1", "delivered");
		green_status(c, t + 29, "OUT1", "read");
		if (c % 4 == 0)
			green_status(c, t + 29, "OUT2", "noAccount");
		snprintf(e, sizeof e, "E%d", c);
		if (c % 2 == 0) {
			green("incomingMessageReceived", c, t + 40, e,
			    "\"typeMessage\":\"editedMessage\",\"editedMessageData\":{\"textMessage\":\"changed\",\"stanzaId\":\"%s\"}", id);
			green("incomingMessageReceived", c, t + 41, "E2",
			    "\"typeMessage\":\"editedMessage\",\"editedMessageData\":{\"textMessage\":\"again\",\"stanzaId\":\"%s\"}", id);
			want_events += 2;
		}
		if (c % 6 == 0) {
			green("incomingMessageReceived", c, t + 50, "D1",
			    "\"typeMessage\":\"deletedMessage\",\"deletedMessageData\":{\"stanzaId\":\"%s\"}", id);
			want_events++;
		}
		green("incomingMessageReceived", c, t + 35, "R1", "\"typeMessage\":\"reactionMessage\","
		    "\"extendedTextMessageData\":{\"text\":\"\\ud83d\\udc4d\"},\"quotedMessage\":{\"stanzaId\":\"OUT1\"}");
		want_events++;
		if (c % 3 == 0) {
			green("incomingMessageReceived", c, t + 36, "R2", "\"typeMessage\":\"reactionMessage\","
			    "\"extendedTextMessageData\":{\"text\":\"\"},\"quotedMessage\":{\"stanzaId\":\"OUT1\"}");
			want_events++;
		}
		if (c % 10 == 0) {
			add("{\"typeWebhook\":\"stateInstanceChanged\",\"instanceData\":{\"idInstance\":1101000001},"
			    "\"timestamp\":%lld,\"stateInstance\":\"authorized\"}", (long long)t + c);
			want_events++;
		}
	}
}

static void
array_body(struct buf *b, const size_t *v, size_t n)
{
	bool array = n > 1 || rnd(2) == 0;

	if (array)
		buf_putc(b, '[');
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s%s", i > 0 ? "," : "", piece[v[i]]);
	if (array)
		buf_putc(b, ']');
}

/* ---- Chatrace: earlier-system.md -------------------------------------------------- */

static void
chatrace_day(void)
{
	for (int c = 0; c < CONTACTS; c++) {
		int64_t s = T0 / SECOND + c * 600;
		const char *name = c % 5 == 0 ? "renamed" : "u";

		add("{\"senderId\":\"c%d\",\"messageId\":\"m%d-1\",\"text\":\"one\",\"username\":\"u%d\",\"timestamp\":%lld}",
		    c, c, c, (long long)s);
		add("{\"userId\":%d,\"message_id\":\"m%d-2\",\"message\":\"two\",\"username\":\"%s%d\",\"time\":\"%lld000\"}",
		    1000 + c, c, name, c, (long long)s + 20);
		/* no id: known by what it says and when */
		add("{\"contact_id\":\"c%d\",\"last_input\":\"yes\",\"ig_user_name\":\"u%d\",\"timestamp\":%lld}",
		    c, c, (long long)s + 30);
		add("{\"contact_id\":\"c%d\",\"last_input\":\"yes\",\"username\":\"%s%d\",\"timestamp\":%lld}",
		    c, name, c, (long long)s + 40);
		add("{\"senderId\":\"c%d\",\"messageId\":\"m%d-3\",\"text\":\"three\",\"username\":\"u%d\",\"timestamp\":%lld}",
		    c, c, c, (long long)s + 50);
		want_messages += 5;
	}
}

/* ---- a round ------------------------------------------------------------------------ */

static const struct side {
	const char *name;
	const struct provider *id;
	enum channel channel;
	void (*day)(void);
	void (*body)(struct buf *, const size_t *, size_t);
} sides[] = {
	{ "graph", &provider_graph, CHANNEL_INSTAGRAM, graph_day, graph_body },
	{ "greenapi", &provider_greenapi, CHANNEL_WHATSAPP, green_day, array_body },
	{ "chatrace", &provider_chatrace, CHANNEL_INSTAGRAM, chatrace_day, array_body },
};

/* All that is in the rows but what belongs to the delivery that came first, to
 * the round (a weak id is a hash of the account too), and times that lag by up
 * to a minute. */
static const char rows_sql[] =
    "select string_agg(x, E'\\n' order by x collate \"C\") from ("
    " select concat_ws('|', 'm', c.external_id, to_jsonb(m) - '{id,account,contact_id,delivery_id,received_at,change_id}'::text[]"
    "   - case when m.external_id like 'weak:%' then 'external_id' else '' end) as x"
    "  from dmbox.messages m left join dmbox.contacts c on c.id = m.contact_id where m.account = '%1$s'"
    " union all select concat_ws('|', 'c', to_jsonb(c) - '{id,account,created_at,last_inbound_at,last_outbound_at,last_at}'::text[])"
    "  from dmbox.contacts c where account = '%1$s'"
    " union all select concat_ws('|', 'r', m.thread_id, m.external_id, c.external_id, to_jsonb(r) - '{account,message_id,contact_id}'::text[])"
    "  from dmbox.reactions r join dmbox.messages m on m.id = r.message_id"
    "  left join dmbox.contacts c on c.id = r.contact_id where r.account = '%1$s'"
    " union all select concat_ws('|', 'v', m.thread_id, m.external_id, to_jsonb(e) - '{account,message_id}'::text[])"
    "  from dmbox.message_edits e join dmbox.messages m on m.id = e.message_id where e.account = '%1$s'"
    " union all select concat_ws('|', 'a', m.thread_id, m.external_id, to_jsonb(a) - '{id,account,message_id}'::text[])"
    "  from dmbox.attachments a join dmbox.messages m on m.id = a.message_id where a.account = '%1$s'"
    " union all select concat_ws('|', 'e', c.external_id, o.external_id, e.applied_at is null,"
    "   to_jsonb(e) - '{id,account,contact_id,actor_id,delivery_id,applied_at}'::text[])"
    "  from dmbox.events e left join dmbox.contacts c on c.id = e.contact_id"
    "  left join dmbox.contacts o on o.id = e.actor_id where e.account = '%1$s') t";

static char *
ask(const char *account, const char *fmt)
{
	char sql[4096];
	char *at;
	size_t n = 0;

	for (; *fmt != '\0' && n < sizeof sql - 64; ) {
		if (strncmp(fmt, "%1$s", 4) == 0) {
			n += (size_t)snprintf(sql + n, 64, "%s", account);
			fmt += 4;
		} else {
			sql[n++] = *fmt++;
		}
	}
	sql[n] = '\0';
	at = dbt_text(db, sql);
	return at;
}

static void
is_i64(const char *account, const char *sql, int64_t want)
{
	char *got = ask(account, sql), s[24];

	snprintf(s, sizeof s, "%lld", (long long)want);
	if (got == NULL || strcmp(got, s) != 0)
		fail_msg("%s: %s: %s, want %s", account, sql, got != NULL ? got : "null", s);
	free(got);
}

static void
play(const struct side *s, const char *account, bool shuffled)
{
	size_t order[3 * PIECES_MAX], n = 0, at = 0;
	struct account a = { .provider = s->id, .channel = s->channel };
	struct conf conf = { .accounts = &a, .n_accounts = 1 };
	char own[] = OWN;

	a.name = mem_dup(account);
	a.own_id = s->id == &provider_graph ? own : NULL;
	for (size_t i = 0; i < n_pieces; i++)
		for (uint32_t k = shuffled ? rnd(5) / 4 + 1 : 1; k > 0; k--)
			order[n++] = i;
	for (size_t i = n; shuffled && i > 1; i--) {
		size_t j = rnd((uint32_t)i), t = order[i - 1];

		order[i - 1] = order[j];
		order[j] = t;
	}
	while (at < n) {
		struct delivery d[4], *v[4];
		struct buf body[4];
		size_t k = 0;

		for (; k < 4 && at < n; k++) {
			size_t m = shuffled ? 1 + rnd(120) : 40;

			if (m > n - at)
				m = n - at;
			buf_init(&body[k], 1 << 20);
			s->body(&body[k], order + at, m);
			assert_false(buf_err(&body[k]));
			at += m;
			v[k] = &d[k];
			delivery_init(&d[k]);
			d[k].account = a.name;
			d[k].channel = s->channel;
			d[k].provider = s->id;
			d[k].source = SOURCE_WEBHOOK;
			d[k].body = body[k].p;
			d[k].body_n = body[k].n;
			ingest_parse(&conf, &a, &d[k]);
			if (d[k].items.n != m)
				fail_msg("%zu items of %zu in %s", d[k].items.n, m, body[k].p);
		}
		assert_int_equal(ingest(db, NULL, v, k), RC_OK);
		for (size_t i = 0; i < k; i++) {
			assert_int_equal(d[i].rc, RC_OK);
			delivery_free(&d[i]);
			buf_free(&body[i]);
		}
	}
	free(a.name);
}

/* The first row that differs is worth more than that some do. */
static void
same_rows(const char *want, const char *got, const char *side, int round)
{
	assert_non_null(got);
	if (strcmp(want, got) == 0)
		return;
	for (size_t n, m; *want != '\0' && *got != '\0'; want += n + (want[n] != '\0'),
	    got += m + (got[m] != '\0')) {
		n = strcspn(want, "\n");
		m = strcspn(got, "\n");
		if (n != m || memcmp(want, got, n) != 0)
			fail_msg("%s: round %d gives other rows:\nwant %.*s\ngot  %.*s", side, round,
			    (int)n, want, (int)m, got);
	}
	fail_msg("%s: round %d gives more or fewer rows", side, round);
}

static void
rounds(const struct side *s)
{
	const char *env = getenv("DMBOX_TEST_DAYS");
	int times = env != NULL ? (int)strtol(env, NULL, 10) : 12;
	char *want, *got;

	seed = 20251122;
	dbt_clean(db);
	s->day();
	play(s, "r0", false);
	want = ask("r0", rows_sql);
	is_i64("r0", "select count(*)::text from dmbox.messages where account = '%1$s'", want_messages);
	is_i64("r0", "select count(*)::text from dmbox.events where account = '%1$s'", want_events);
	for (int i = 1; i <= times; i++) {
		char account[24];

		if (i % EMPTY_EVERY == 0)
			dbt_clean(db);
		snprintf(account, sizeof account, "r%d", i);
		play(s, account, true);
		got = ask(account, rows_sql);
		same_rows(want, got, s->name, i);
		free(got);
		is_i64(account, "select coalesce(sum(abs(missing)), 0)::text from dmbox.ingest_balance where account = '%1$s'", 0);
		is_i64(account, "select count(*)::text from dmbox.contacts c where account = '%1$s' and exists (select 1 from dmbox.messages m"
		    " where m.contact_id = c.id and m.direction = 'inbound' and m.sent_at > c.last_inbound_at + interval '1 minute')", 0);
	}
	free(want);
	forget_day();
}

static void
test_graph(void **state)
{
	(void)state;
	rounds(&sides[0]);
}

static void
test_greenapi(void **state)
{
	(void)state;
	rounds(&sides[1]);
}

static void
test_chatrace(void **state)
{
	(void)state;
	rounds(&sides[2]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_graph),
		cmocka_unit_test(test_greenapi),
		cmocka_unit_test(test_chatrace),
	};
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

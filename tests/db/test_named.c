/*
 * What a contact is called: what tells no name, or only what stands for one (half a name, what
 * the chat is called, or else a username), takes the place of none, and of two names the newer
 * stands.
 * Each provider's ways to tell it, at all orders of their times, each coming in some of all
 * orders, alone and together, against that rule.
 */
#include "dbtest.h"
#include "bridge/ingest.h"

enum { TELLINGS = 4, ORDERS = 24, COMING = 4, MINUTES = 10 };
#define S(...) #__VA_ARGS__

static struct db *db;

/* Bodies: W is the contact, I the message, T its time in seconds; name, weak: what each tells. */
static const struct telling {
	const char *body, *name, *weak, *user;
} chatrace[TELLINGS] = {
	{ S({"contact_id":"W","messageId":"I","timestamp":T,"username":"ann","name":"Ann Lee","text":"x"}),
	    "Ann Lee", NULL, "ann" },
	{ S({"contact_id":"W","messageId":"I","timestamp":T,"username":"ann.new","text":"x"}), NULL, NULL, "ann.new" },
	{ S({"contact_id":"W","messageId":"I","timestamp":T,"first_name":"Anna","last_name":"Li","text":"x"}),
	    "Anna Li", NULL, NULL },
	{ S({"contact_id":"W","messageId":"I","timestamp":T,"first_name":"Anna","text":"x"}), NULL, "Anna", NULL },
}, nameless[TELLINGS] = {
	{ S({"contact_id":"W","messageId":"I","timestamp":T,"text":"x"}), NULL, NULL, NULL },
	{ S({"contact_id":"W","messageId":"I","timestamp":T,"username":"ann","text":"x"}), NULL, NULL, "ann" },
	{ S({"contact_id":"W","messageId":"I","timestamp":T,"username":"ann","last_name":"Li","text":"x"}),
	    NULL, "Li", "ann" },
	{ S({"contact_id":"W","messageId":"I","timestamp":T,"first_name":"Ann","text":"x"}), NULL, "Ann", NULL },
}, graph[TELLINGS] = {
#define GRAPH(user) "{\"object\":\"instagram\",\"entry\":[{\"id\":\"17841400000000001\",\"messaging\":[{\"sender\":{" user \
	"\"id\":\"W\"},\"recipient\":{\"id\":\"17841400000000001\"},\"timestamp\":T,\"message\":{\"mid\":\"I\",\"text\":\"x\"}}]}]}"
	{ GRAPH("\"username\":\"ann\","), NULL, NULL, "ann" },
	{ GRAPH("\"username\":\"ann.new\","), NULL, NULL, "ann.new" },
	{ GRAPH(""), NULL, NULL, NULL },
	{ GRAPH("\"username\":\"\","), NULL, NULL, NULL },
}, green[TELLINGS] = {
#define GREEN(type, names) "{\"typeWebhook\":\"" type "MessageReceived\",\"instanceData\":{\"idInstance\":1101000001," \
	"\"wid\":\"70000000000@c.us\"},\"timestamp\":T,\"idMessage\":\"I\",\"senderData\":{\"chatId\":\"W@c.us\"," \
	"\"sender\":\"W@c.us\"," names "},\"messageData\":{\"typeMessage\":\"textMessage\"," \
	"\"textMessageData\":{\"textMessage\":\"x\"}}}"
	{ GREEN("incoming", "\"chatName\":\"Shop's Ann\",\"senderName\":\"Ann Lee\""), "Ann Lee", NULL, NULL },
	{ GREEN("outgoing", "\"chatName\":\"Shop's Ann\",\"senderName\":\"Shop\""), NULL, "Shop's Ann", NULL },
	{ GREEN("incoming", "\"chatName\":\"Shop's Ann\",\"senderName\":\"Anna Li\""), "Anna Li", NULL, NULL },
	{ GREEN("incoming", "\"chatName\":\"W\",\"senderName\":\"\""), NULL, NULL, NULL },
}, cloud[TELLINGS] = {
#define CLOUD(profile) "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900000000000001\",\"changes\":[{" \
	"\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":" \
	"\"70000000000\",\"phone_number_id\":\"800000000000002\"},\"contacts\":[{" profile "\"wa_id\":\"W\"}]," \
	"\"messages\":[{\"from\":\"W\",\"id\":\"I\",\"timestamp\":\"T\",\"type\":\"text\",\"text\":{\"body\":\"x\"}}]}}]}]}"
	{ CLOUD("\"profile\":{\"name\":\"Ann Lee\",\"username\":\"ann\"},"), "Ann Lee", NULL, "ann" },
	{ CLOUD("\"profile\":{\"username\":\"ann.new\"},"), NULL, NULL, "ann.new" },
	{ CLOUD("\"profile\":{\"name\":\"Anna Li\"},"), "Anna Li", NULL, NULL },
	{ CLOUD(""), NULL, NULL, NULL },
};

static const struct {
	const char *provider, *own;
	enum channel channel;
	const struct telling *v;
} cases[] = {
	{ "chatrace", "1000001", CHANNEL_INSTAGRAM, chatrace },
	{ "chatrace", "1000001", CHANNEL_INSTAGRAM, nameless },
	{ "graph", "17841400000000001", CHANNEL_INSTAGRAM, graph },
	{ "greenapi", "1101000001", CHANNEL_WHATSAPP, green },
	{ "cloud", "800000000000002", CHANNEL_WHATSAPP, cloud },
};

/* Order i of four. */
static void
order_of(int i, int v[TELLINGS])
{
	int left[TELLINGS] = { 0, 1, 2, 3 };

	for (int k = 0, n = TELLINGS, all = ORDERS; k < TELLINGS; k++, n--) {
		int at;

		all /= n;
		at = i / all;
		i %= all;
		v[k] = left[at];
		memmove(left + at, left + at + 1, (size_t)(n - 1 - at) * sizeof *left);
	}
}

/* The body with its contact, id and time; in the arena. */
static const char *
body_of(struct mem_arena *a, const char *body, const char *who, const char *id, int64_t at)
{
	char time[24];
	struct buf b;
	const char *s;

	snprintf(time, sizeof time, "%lld", (long long)(at / SECOND));
	buf_init(&b, 8192);
	for (const char *p = body; *p != '\0'; p++) {
		bool word = p > body && ((p[-1] >= 'a' && p[-1] <= 'z') || (p[1] >= 'a' && p[1] <= 'z'));

		if (!word && (*p == 'W' || *p == 'I' || *p == 'T'))
			buf_puts(&b, *p == 'W' ? who : *p == 'I' ? id : time);
		else
			buf_putc(&b, *p);
	}
	s = mem_arena_ndup(a, b.p, b.n);
	buf_free(&b);
	return s;
}

/* times[k]: when telling k was; comes[i]: which comes as number i. */
static void
tell(size_t c, const char *who, const int times[TELLINGS], const int comes[TELLINGS], bool together)
{
	struct account a = { 0 };
	struct conf conf = { .accounts = &a, .n_accounts = 1, .max_body = 1 << 20 };
	struct mem_arena arena = { 0 };
	struct delivery d[TELLINGS], *v[TELLINGS];

	a.name = mem_dup("main");
	a.own_id = mem_dup(cases[c].own);
	a.channel = cases[c].channel;
	a.provider = provider_by_name(cases[c].provider);
	for (int i = 0; i < TELLINGS; i++) {
		int64_t at = T0 + times[comes[i]] * MINUTES * 60 * SECOND;
		char id[64];

		snprintf(id, sizeof id, "M%s.%d", who, comes[i]);
		v[i] = &d[i];
		delivery_init(&d[i]);
		d[i].account = a.name;
		d[i].channel = a.channel;
		d[i].provider = a.provider;
		d[i].source = SOURCE_WEBHOOK;
		d[i].body = body_of(&arena, cases[c].v[comes[i]].body, who, id, at);
		d[i].body_n = strlen(d[i].body);
		ingest_parse(&conf, &a, &d[i]);
		if (d[i].items.n != 1 || d[i].items.v[0].type != ITEM_MESSAGE || d[i].items.v[0].at_us != at)
			fail_msg("%s: not as it was meant: %s", cases[c].provider, d[i].body);
	}
	for (int i = 0; i < TELLINGS; i += together ? TELLINGS : 1)
		assert_int_equal(ingest(db, NULL, v + i, together ? TELLINGS : 1), RC_OK);
	for (int i = 0; i < TELLINGS; i++)
		delivery_free(&d[i]);
	mem_arena_free(&arena);
	free(a.name);
	free(a.own_id);
}

static void
check(size_t c, const char *who, const int times[TELLINGS])
{
	const char *name = NULL, *weak = NULL, *user = NULL;
	char sql[200], want[100];

	for (int t = 0; t < TELLINGS; t++)
		for (int k = 0; k < TELLINGS; k++) {
			const struct telling *x = &cases[c].v[k];

			if (times[k] != t)
				continue;
			name = x->name != NULL ? x->name : name;
			weak = x->weak != NULL ? x->weak : weak;
			user = x->user != NULL ? x->user : user;
		}
	name = name != NULL ? name : weak != NULL ? weak : user;
	snprintf(want, sizeof want, "%s / %s", name != NULL ? name : "-", user != NULL ? user : "-");
	snprintf(sql, sizeof sql, "select coalesce(name, '-') || ' / ' || coalesce(username, '-')"
	    " from dmbox.contacts where external_id in ('%s', '%s@c.us')", who, who);
	dbt_is(db, sql, want);
}

static void
test_orders(void **state)
{
	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		dbt_clean(db);
		for (int i = 0; i < ORDERS * COMING; i++) {
			int times[TELLINGS], comes[TELLINGS];
			char who[24];

			order_of(i % ORDERS, times);
			order_of((i % ORDERS + i / ORDERS * 7) % ORDERS, comes);
			snprintf(who, sizeof who, "7900%06zu", c * 1000 + (size_t)i);
			tell(c, who, times, comes, (i + i / ORDERS) % 2 == 0);
			check(c, who, times);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_orders) };
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

/*
 * Whom a number that somebody typed means: SQL reads it as lib/base/phone.c does, and each search
 * finds the conversation by it.
 */
#include "base/phone.h"
#include "dbtest.h"
#include "store/desk.h"
#include "store/trace.h"
#include "store/view.h"
#include "../unit/phones.h"

static struct db *db;

/* What SQL makes of it is what C does; "": none. */
static void
same(const char *in)
{
	struct db_args a = { 0 };
	struct db_res *r = NULL;
	char want[PHONE_MAX + 1] = "";

	phone_digits(in, strlen(in), want);
	db_text(&a, in);
	assert_int_equal(db_row(db, &(struct db_stmt){ "number", "select coalesce(dmbox.phone_number($1), '')" }, &a, &r), RC_OK);
	if (strcmp(db_get_text(r, 0, 0), want) != 0)
		fail_msg("%s: %s in SQL, %s in C", in, db_get_text(r, 0, 0), want);
	db_res_free(r);
	db_args_free(&a);
}

static void
test_same(void **state)
{
	static const char *const parts[] = { "+", "00", "0", "8", "89", "54", "549", "52", "044", "045", "55", "9", "11", "15",
		"221", "2944", "1", "12", "345", "6789", "4123456", "98765", " ", "-", "(0)", "(", ")", ".", "\xc2\xa0",
		"\xe2\x80\x91", "\xe2\x88\x92", "x", "\t", "/" };
	uint64_t seed = 20261129;

	(void)state;
	for (size_t i = 0; i < sizeof phones / sizeof *phones; i++)
		if (strcmp(phones[i].in, "\xe2\x80") != 0)	/* cut off: PostgreSQL takes no such text */
			same(phones[i].in);
	for (int i = 0; i < 4000; i++) {
		char s[100] = "";

		for (int n = 2 + i % 7; n > 0; n--) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			strcat(s, parts[(seed >> 33) % (sizeof parts / sizeof *parts)]);
		}
		same(s);
	}
}

/* How many contacts each search finds by q: the page's, the API's, dmbox why. */
static void
found(const char *q, const char *contact)
{
	struct desk_scope scope = { .who = "" };
	struct desk_want want = { .filter = "all", .label = "", .q = q, .limit = 50 };
	struct view_page page = { .limit = 50, .q = q };
	struct trace t = { 0 };
	struct strv words = { 0 };
	struct jsonw w;
	struct buf b;
	char id[80];
	bool hit = false;
	enum rc rc;

	snprintf(id, sizeof id, "\"%s\"", contact);
	strv_add(&scope.accounts, "main", 4);
	strv_add(&scope.channels, "whatsapp", 8);
	buf_init(&b, 1 << 20);
	jsonw_init(&w, &b);
	assert_int_equal(desk_conversations(db, &scope, &want, false, &w), RC_OK);
	if (strstr(b.p, id) == NULL)
		fail_msg("%s: the page does not find %s: %s", q, contact, b.p);
	buf_reset(&b);
	jsonw_init(&w, &b);
	assert_int_equal(view_conversations(db, CHANNEL_WHATSAPP, &scope.accounts, &page, &w), RC_OK);
	if (strstr(b.p, id) == NULL)
		fail_msg("%s: the API does not find %s: %s", q, contact, b.p);
	buf_free(&b);
	rc = trace_person(db, q, &t, &words);
	if (rc == RC_NONE)
		rc = trace_near(db, q, &t, &words);
	if (rc != RC_OK)
		fail_msg("%s: why finds nothing", q);
	for (size_t i = 0; i < t.n; i++)
		hit |= strstr(t.v[i].detail, id) != NULL;
	if (!hit)
		fail_msg("%s: why does not find %s", q, contact);
	trace_free(&t);
	strv_free(&words);
	strv_free(&scope.accounts);
	strv_free(&scope.channels);
}

static void
clean(void)
{
	dbt_clean(db);
	assert_int_equal(db_script(db, "delete from dmbox.contact_aliases"), RC_OK);
}

static void
known(const char *id)
{
	struct delivery d;

	dbt_delivery(&d);
	d.channel = CHANNEL_WHATSAPP;
	d.provider = provider_by_name("cloud");
	dbt_message(&d, id, id, "words", T0);
	dbt_store(db, &d);
}

/* The same person's, as the other provider writes it, too. */
static void
test_found(void **state)
{
	static const struct { const char *typed, *contact; } national[] = {
		{ "0221 15-412-3456", "5492214123456" }, { "221 15-412-3456", "5492214123456" }, { "15-412-3456", "5492214123456" },
		{ "011 15-2345-6789", "5491123456789" }, { "02944 15-41-2345", "5492944412345" },
		{ "412-3456", "5492214123456" }, { "0221 412-3456", "5492214123456" },
		{ "(11) 98765-4321", "551187654321" }, { "011 98765-4321", "551187654321" }, { "98765-4321", "551187654321" },
		{ "+55 11 98765-4321", "551187654321" }, { "8765-4321", "551187654321" },
		{ "+55 21 8123-4567", "5521981234567" }, { "+54 11 2345-6789", "5491123456789" },
		{ "044 55 1234 5678", "5215512345678" }, { "+52 55 1234 5678", "5215512345678" },
		{ "07911 123456", "447911123456" }, { "8 (495) 123-45-67", "74951234567" }, { "0171 1234567", "491711234567" },
		{ "06 1234567", "39061234567" }, { "0511-12345", "4951112345" },
	};
	char jid[60];

	(void)state;
	for (int how = 0; how < 2; how++) {
		for (size_t i = 0; i < sizeof phones / sizeof *phones; i++)
			if (phones[i].out != NULL) {
				clean();
				snprintf(jid, sizeof jid, "%s%s", phones[i].out, how > 0 ? "@c.us" : "");
				known(jid);
				found(phones[i].in, jid);
			}
		for (size_t i = 0; i < sizeof national / sizeof *national; i++) {
			clean();
			snprintf(jid, sizeof jid, "%s%s", national[i].contact, how > 0 ? "@c.us" : "");
			known(jid);
			found(national[i].typed, jid);
		}
	}
}

/* By a number that the person had before, or was told under; others are not found by it. */
static void
test_had(void **state)
{
	(void)state;
	clean();
	known("351910000001");
	known("79990000002");
	assert_int_equal(db_script(db, "insert into dmbox.accounts (account, channel, provider) values ('main', 'whatsapp', 'cloud')"
	    " on conflict do nothing; insert into dmbox.contact_aliases (account, channel, alias, external_id, left_at) values"
	    " ('main', 'whatsapp', '5492214123456', '351910000001', now()), ('main', 'whatsapp', '79000000001', '351910000001', null)"), RC_OK);
	found("+54 221 15 412-3456", "351910000001");
	found("8 (900) 000-00-01", "351910000001");
	dbt_is(db, "select count(*)::text from dmbox.phone_contacts('{main}', '{whatsapp}', '8 (900) 000-00-01')", "1");
	dbt_is(db, "select count(*)::text from dmbox.phone_contacts('{other}', '{whatsapp}', '+351 910 000 001')", "0");
	dbt_is(db, "select count(*)::text from dmbox.phone_contacts('{main}', '{instagram}', '+351 910 000 001')", "0");
	for (const char *const *q = (const char *const[]){ "351910000001 x", "one", "", " ", "-", "1", "12", "%", NULL }; *q != NULL; q++) {
		struct db_args a = { 0 };

		db_text(&a, *q);
		assert_int_equal(db_row(db, &(struct db_stmt){ "none", "select 1 from dmbox.phone_contacts('{main}', '{whatsapp}', $1)" },
		    &a, NULL), RC_NONE);
		db_args_free(&a);
	}
}

/* sql/code/contacts.sql, as migrate applies it */
static void
migrate(void)
{
	const char *root = getenv("DMBOX_TEST_ROOT");
	char path[512], part[8192];
	struct buf b;
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "%s/sql/code/contacts.sql", root != NULL ? root : ".");
	assert_non_null(f = fopen(path, "r"));
	buf_init(&b, 1 << 20);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		buf_put(&b, part, n);
	fclose(f);
	if (db_script(db, b.p) != RC_OK)
		fail_msg("%s", db_error(db));
	buf_free(&b);
}

/* A contact of when numbers were sent to as they were typed: the person's. */
static void
test_earlier(void **state)
{
	static const char *const typed[] = { "54221154123456", "549221154123456", "540221154123456", "54221154123456@c.us",
		"89000000001", "89000000001@c.us", "5504111987654321", "520445512345678", "550119876543210" };

	(void)state;
	for (size_t i = 0; i < sizeof typed / sizeof *typed; i++)
		for (int how = 0; how < 4; how++) {
			const char *at = strchr(typed[i], '@');
			size_t n = at != NULL ? (size_t)(at - typed[i]) : strlen(typed[i]);
			char own[PHONE_MAX + 1] = "", id[60], sql[300], other[60];

			if (phone_digits(typed[i], n, own) == 0 || strncmp(own, typed[i], n) == 0)
				continue;
			clean();
			snprintf(id, sizeof id, "%s%s", own, at != NULL ? at : "");
			/* the person: not there, there, there in the other provider's spelling, or known under it */
			snprintf(other, sizeof other, "%s%s", own, at != NULL ? "" : "@c.us");
			if (how == 1)
				known(id);
			known(typed[i]);
			if (how == 2)
				known(other);
			if (how == 3) {
				snprintf(sql, sizeof sql, "insert into dmbox.contact_aliases (account, channel, alias, external_id)"
				    " values ('main', 'whatsapp', '%s', '%s')", id, typed[i]);
				assert_int_equal(db_script(db, sql), RC_OK);
			}
			known("5491112345678");
			for (int again = 0; again < 2; again++) {
				migrate();
				dbt_is(db, "select count(*)::text from dmbox.contacts", "2");
				dbt_is(db, "select external_id from dmbox.contacts where external_id <> '5491112345678'",
				    how == 2 ? other : id);
				snprintf(sql, sizeof sql, "select dmbox.contact_of('main', 'whatsapp', '%s')", typed[i]);
				dbt_is(db, sql, how == 2 ? other : id);
				dbt_is(db, "select count(distinct contact_id)::text from dmbox.messages", "2");
			}
			known(id);
			dbt_is(db, "select count(*)::text from dmbox.contacts", "2");
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same), cmocka_unit_test(test_found), cmocka_unit_test(test_had),
		cmocka_unit_test(test_earlier) };
	int failed;

	db = dbt_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	db_free(db);
	return failed;
}

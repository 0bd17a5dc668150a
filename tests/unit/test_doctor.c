/* The pure parts of doctor: its table, how reports are joined, small judgements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "provider/list.h"
#include "doctor/doctor.h"
#include "base/log.h"
#include "base/str.h"

static struct conf *
empty_conf(void)
{
	struct conf *c;

	setenv("DMBOX_CONFIG", "/nonexistent/dmbox.env", 1);
	assert_int_equal(conf_load(CONF_TOOL, NULL, &c), RC_INVALID);
	return c;
}

static struct doctor *
new_doctor(struct conf *c, int only)
{
	struct doctor_opts o = { .conf = c, .only = only, .offline = true };

	return doctor_new(&o);
}

static void
test_table(void **state)
{
	unsigned int last = 100;
	enum doctor_check c;
	char code[16];

	(void)state;
	for (int i = 0; i < DC__MAX; i++) {
		const struct doctor_text *t = doctor_text((enum doctor_check)i);

		if (t == NULL) {
			assert_true(i >= DC_OF_FIRST && i <= DC_OF_LAST);
			continue;
		}
		assert_true(t->number > last && t->number < 1000);
		last = t->number;
		for (int l = 0; l < DOCTOR_LANG__MAX; l++) {
			assert_false(str_empty(t->what[l]));
			assert_false(str_empty(t->remedy[l]));
			assert_true(str_utf8_ok(t->remedy[l], strlen(t->remedy[l])));
		}
		assert_string_not_equal(t->what[DOCTOR_EN], t->what[DOCTOR_RU]);
		snprintf(code, sizeof code, "DMB-%03u", t->number);
		assert_int_equal(doctor_check_by_code(code, &c), RC_OK);
		assert_int_equal(c, i);
		assert_int_equal(doctor_check_by_code(code + 4, &c), RC_OK);
	}
	assert_int_equal(doctor_check_by_code("DMB-999", &c), RC_NONE);
	assert_int_equal(doctor_check_by_code("DMB-", &c), RC_NONE);
	assert_int_equal(doctor_check_by_code("", &c), RC_NONE);
}

static void
test_worst_counts(void **state)
{
	struct conf *c = empty_conf();
	struct doctor *d = new_doctor(c, -1);
	const struct doctor_result *r = &d->r[DC_POLL];

	(void)state;
	doctor_say(d, DC_POLL, FINDING_OK, "one");
	doctor_say(d, DC_POLL, FINDING_OK, "two");
	doctor_say(d, DC_POLL, FINDING_OK, "one");
	assert_string_equal(r->seen, "one; two");
	doctor_say(d, DC_POLL, FINDING_UNKNOWN, "three");
	assert_string_equal(r->seen, "three");
	doctor_say(d, DC_POLL, FINDING_FAIL, "bad %d", 1);
	doctor_say(d, DC_POLL, FINDING_WARN, "late");
	doctor_say(d, DC_POLL, FINDING_FAIL, "bad %d", 2);
	assert_int_equal(r->status, FINDING_FAIL);
	assert_string_equal(r->seen, "bad 1; bad 2");
	assert_int_equal(doctor_exit(d), 2);
	doctor_free(d);
	conf_drop(c);
}

static void
test_exit_and_secrets(void **state)
{
	struct conf *c = empty_conf();
	struct doctor *d = new_doctor(c, -1);
	struct buf b;

	(void)state;
	/* nothing looked at is not good */
	assert_int_equal(doctor_exit(d), 1);
	doctor_say(d, DC_LOG, FINDING_UNKNOWN, "x");
	assert_int_equal(doctor_exit(d), 1);
	doctor_say(d, DC_FILE, FINDING_OK, "x");
	assert_int_equal(doctor_exit(d), 0);
	log_secret("SecretSecret123");
	doctor_say(d, DC_ODD, FINDING_WARN, "it is SecretSecret123 \"quoted\"");
	assert_int_equal(doctor_exit(d), 1);
	buf_init(&b, 1 << 20);
	doctor_json(d, &b);
	assert_null(strstr(b.p, "SecretSecret123"));
	assert_non_null(strstr(b.p, "\"code\":\"DMB-105\",\"status\":\"warn\""));
	assert_non_null(strstr(b.p, "\\\"quoted\\\""));
	assert_non_null(strstr(b.p, "\"ok\":1,\"warn\":1,\"fail\":0,\"unknown\":1,\"first\":null"));
	buf_free(&b);
	log_secrets_reset();
	doctor_free(d);
	conf_drop(c);
}

/* ok is said by code that looked, never by silence; each status can be reached. */
static void
test_unknown_first(void **state)
{
	struct conf *c = empty_conf();
	struct doctor *d = new_doctor(c, -1);

	(void)state;
	for (int i = 0; i < DC__MAX; i++) {
		enum doctor_check k = (enum doctor_check)i;

		if (doctor_text(k) == NULL)
			continue;	/* an unused place among the providers' */
		assert_int_equal(d->r[k].status, FINDING_UNKNOWN);
		assert_non_null(strstr(doctor_seen(d, k), "not looked at"));
		doctor_say(d, k, FINDING_OK, "good");
		assert_int_equal(d->r[k].status, FINDING_OK);
		assert_string_equal(doctor_remedy(d, k), "");
		doctor_say(d, k, FINDING_UNKNOWN, "hm");
		assert_int_equal(d->r[k].status, FINDING_UNKNOWN);
		doctor_say(d, k, FINDING_FAIL, "bad");
		assert_int_equal(d->r[k].status, FINDING_FAIL);
		assert_string_equal(doctor_remedy(d, k), doctor_text(k)->remedy[DOCTOR_EN]);
	}
	doctor_free(d);
	conf_drop(c);
}

/* The remedy is the cause's; of two causes both stand there, of two equal ones one. */
static void
test_causes(void **state)
{
	struct conf *c = empty_conf();
	struct doctor *d = new_doctor(c, -1);

	(void)state;
	doctor_cause(d, DC_DB_LOGIN, FINDING_WARN, "look", "odd");
	assert_string_equal(doctor_remedy(d, DC_DB_LOGIN), "look");
	doctor_cause(d, DC_DB_LOGIN, FINDING_FAIL, "change the password", "web: no");
	doctor_cause(d, DC_DB_LOGIN, FINDING_FAIL, "change the password", "send: no");
	doctor_cause(d, DC_DB_LOGIN, FINDING_FAIL, "make the database", "read: none");
	assert_string_equal(doctor_remedy(d, DC_DB_LOGIN), "change the password make the database");
	assert_string_equal(doctor_seen(d, DC_DB_LOGIN), "web: no; send: no; read: none");
	doctor_free(d);
	conf_drop(c);
}

/* Names as browsers and DNS have them. */
static void
test_punycode(void **state)
{
	static const struct { const char *label, *want; } v[] = {
		{ "example", "example" }, { "Example-1", "example-1" },
		{ "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80", "xn--e1afmkfd" },	/* primer */
		{ "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80", "xn--e1afmkfd" },
		{ "\xd1\x80\xd1\x84", "xn--p1ai" },		/* rf */
		{ "m\xc3\xbcnchen", "xn--mnchen-3ya" },
		{ "\xd0\xbc\xd0\xb0\xd0\xb3\xd0\xb0\xd0\xb7\xd0\xb8\xd0\xbd", "xn--80aairftm" },
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		buf_init(&b, 256);
		doctor_punycode(v[i].label, strlen(v[i].label), &b);
		assert_string_equal(b.p, v[i].want);
		buf_free(&b);
	}
}

/* Something dangerous does not hide what keeps messages away. */
static void
test_first_link(void **state)
{
	struct conf *c = empty_conf();
	struct doctor *d = new_doctor(c, -1);
	enum doctor_check first;

	(void)state;
	assert_false(doctor_first(d, &first));
	doctor_say(d, DC_BELOW, FINDING_FAIL, "x");
	assert_true(doctor_first(d, &first));
	assert_int_equal(first, DC_BELOW);
	doctor_say(d, DC_REFUSED, FINDING_FAIL, "x");
	assert_true(doctor_first(d, &first));
	assert_int_equal(first, DC_REFUSED);
	doctor_free(d);
	conf_drop(c);
}

/* Of two failures the one that keeps more away is the first, whatever their numbers are. */
static void
test_first_of_two(void **state)
{
	static const struct { enum doctor_check first, second; } v[] = {
		{ DC_WEB, DC_SECRET }, { DC_WEB, DC_JWT }, { DC_WEB, DC_SPOOL }, { DC_WEB, DC_LOG },
		{ DC_CRON, DC_TLS }, { DC_DB_LOGIN, DC_SPOOL_WAIT }, { DC_CRON, DC_SPOOL_WAIT },
		{ DC_RUNNER, DC_POLL }, { DC_REFUSED, DC_SPACE }, { DC_REFUSED, DC_TICK },
		{ DC_OF_FIRST, DC_POLL }, { DC_SECRET, DC_OF_FIRST }, { DC_CRON, DC_OF_FIRST },
		{ DC_MODE, DC_DB_LOGIN }, { DC_DB_WRITE, DC_SPOOL_WAIT }, { DC_FIREWALL, DC_DB_CLOCK },
		{ DC_SPOOL, DC_BELOW }, { DC_LOG, DC_LEAK }, { DC_QUEUED, DC_MEDIA },
		{ DC_SAME, DC_SELF_ASCII }, { DC_TLS_EXPIRY, DC_SPOOL }, { DC_ENDPOINTS, DC_TOKEN }, { DC_DB_REACH, DC_WEB },
	};
	struct conf *c = empty_conf();
	enum doctor_check got;

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		for (int turn = 0; turn < 2; turn++) {
			struct doctor *d = new_doctor(c, -1);

			doctor_say(d, turn == 0 ? v[i].first : v[i].second, FINDING_FAIL, "x");
			doctor_say(d, turn == 0 ? v[i].second : v[i].first, FINDING_FAIL, "x");
			assert_true(doctor_first(d, &got));
			assert_int_equal(got, v[i].first);
			doctor_free(d);
		}
	conf_drop(c);
}

/* Sentences of the tables are whole: no doubled blank, no conversion, an end. */
static void
test_wording(void **state)
{
	(void)state;
	for (int i = 0; i < DC__MAX; i++) {
		const struct doctor_text *t = doctor_text((enum doctor_check)i);

		for (int l = 0; t != NULL && l < DOCTOR_LANG__MAX; l++) {
			const char *v[] = { t->what[l], t->remedy[l],
				doctor_subject((enum doctor_check)i, (enum doctor_lang)l) };
			const char *end = v[1] + strlen(v[1]) - 1;

			for (size_t k = 0; k < sizeof v / sizeof *v; k++)
				if (strstr(v[k], "  ") != NULL || strstr(v[k], "%s") != NULL ||
				    strstr(v[k], "%d") != NULL || v[k][0] == ' ' ||
				    v[k][strlen(v[k]) - 1] == ' ')
					fail_msg("DMB-%03u: %s", t->number, v[k]);
			if (strchr(".;`", *end) == NULL)
				fail_msg("DMB-%03u has no end: %s", t->number, v[1]);
		}
	}
}

/* What is wrong with a configuration is a finding, and the rest goes on. */
static void
test_no_configuration(void **state)
{
	struct conf *c = empty_conf();
	struct doctor *d = new_doctor(c, -1);

	(void)state;
	doctor_conf(d);
	assert_int_equal(d->r[DC_FILE].status, FINDING_FAIL);
	assert_true(d->r[DC_FILE].done);
	assert_int_equal(doctor_exit(d), 2);
	doctor_free(d);
	d = new_doctor(c, DC_FILE);
	assert_true(doctor_shown(d, DC_FILE));
	assert_false(doctor_shown(d, DC_KEYS));
	assert_true(doctor_wants(d, DC_FILE, DC_KEYS));
	assert_false(doctor_wants(d, DC_KEYS, DC_LEAK));
	doctor_free(d);
	conf_drop(c);
}

/* A mock account refuses what the provider behind it would refuse, and needs no token. */
static void
test_mock_secret(void **state)
{
	static const struct {
		const struct provider *p;
		const char *kv[7];
		const char *seen;	/* NULL: nothing is missing */
	} v[] = {
		{ &provider_chatrace, { "INSTAGRAM_USE_MOCK", "true" }, "instagram/m: INSTAGRAM_WEBHOOK_SECRET is not set" },
		{ &provider_graph, { "INSTAGRAM_USE_MOCK", "true" }, "instagram/m: INSTAGRAM_APP_SECRET is not set" },
		{ &provider_greenapi, { "WHATSAPP_USE_MOCK", "true", "WHATSAPP_POLL_SECONDS", "10" },
		    "whatsapp/m: WHATSAPP_WEBHOOK_TOKEN is not set" },
		{ &provider_chatrace, { "INSTAGRAM_USE_MOCK", "true", "INSTAGRAM_WEBHOOK_OPEN", "true" }, NULL },
		{ &provider_greenapi, { "WHATSAPP_USE_MOCK", "true", "WHATSAPP_WEBHOOK_TOKEN", "made-up" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct account *a = conf_account_make(v[i].p, "m", v[i].kv);
		struct conf c = { .accounts = a, .n_accounts = 1,
		    .database_url = (char *)"host=x", .database_url_cron = (char *)"" };
		struct doctor *d = new_doctor(&c, -1);

		doctor_conf(d);
		assert_int_equal(d->r[DC_SECRET].status, v[i].seen != NULL ? FINDING_FAIL : FINDING_OK);
		if (v[i].seen != NULL)
			assert_string_equal(d->r[DC_SECRET].seen, v[i].seen);
		assert_int_equal(d->r[DC_TOKEN].status, FINDING_OK);
		assert_int_equal(d->r[DC_OPEN].status, a->webhook_open ? FINDING_WARN : FINDING_OK);
		doctor_free(d);
		conf_account_del(a);
	}
}

static void
test_changes(void **state)
{
	struct conf *c = empty_conf();
	struct doctor *d = new_doctor(c, -1);
	struct buf text, first, second;

	(void)state;
	buf_init(&text, 1 << 16);
	buf_init(&first, 1 << 16);
	buf_init(&second, 1 << 16);
	doctor_say(d, DC_CRON, FINDING_FAIL, "two hours");
	doctor_say(d, DC_LOG, FINDING_OK, "fine");
	doctor_say(d, DC_OF_FIRST, FINDING_UNKNOWN, "nobody knows");
	assert_int_equal(doctor_changes(d, NULL, &text, &first), 1);
	assert_non_null(strstr(text.p, "DMB-401: ok -> fail"));
	buf_reset(&text);
	assert_int_equal(doctor_changes(d, first.p, &text, &second), 0);
	assert_string_equal(text.p, "");
	d->r[DC_CRON].done = false;
	doctor_say(d, DC_CRON, FINDING_OK, "now");
	buf_reset(&second);
	assert_int_equal(doctor_changes(d, first.p, &text, &second), 1);
	assert_non_null(strstr(text.p, "DMB-401: fail -> ok"));
	buf_reset(&text);
	buf_reset(&second);
	assert_int_equal(doctor_changes(d, "not json", &text, &second), 0);
	buf_free(&text);
	buf_free(&first);
	buf_free(&second);
	doctor_free(d);
	conf_drop(c);
}

static void
test_addresses(void **state)
{
	static const char *const inside[] = { "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.1",
		"192.168.1.1", "169.254.1.1", "100.64.0.1", "0.0.0.0", "::1", "::", "fd00::1", "fe80::1",
		"::ffff:10.0.0.1", "224.0.0.1" };
	static const char *const outside[] = { "8.8.8.8", "172.32.0.1", "172.15.0.1", "100.128.0.1",
		"192.169.0.1", "2001:db8::1", "::ffff:8.8.8.8", "nonsense" };

	(void)state;
	for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
		assert_true(doctor_private(inside[i]));
	for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
		assert_false(doctor_private(outside[i]));
}

static void
test_htaccess(void **state)
{
	char why[128];

	(void)state;
	assert_false(doctor_htaccess("", why));
	assert_false(doctor_htaccess("# FcgidMaxRequestLen 1\nCGIPassAuth On\nRewriteEngine On", why));
	assert_false(doctor_htaccess("LimitRequestBody 16777216\nLimitRequestBody 0\n", why));
	assert_true(doctor_htaccess("Options -Indexes\n\t fcgidmaxrequestlen 16777216\r\n", why));
	assert_string_equal(why, "fcgidmaxrequestlen 16777216");
	assert_true(doctor_htaccess("LimitRequestBody 102400", why));
	assert_true(doctor_htaccess("<Directory /home>", why));
}

static void
test_small(void **state)
{
	char a[17], b[17];
	struct conf *c = empty_conf();

	(void)state;
	assert_true(doctor_word_in("x secret=abcdefgh y", 19, "abcdefgh"));
	assert_false(doctor_word_in("abcdefg", 7, "abcdefgh"));
	assert_false(doctor_word_in("abc abc", 7, "abc"));	/* too short to mean anything */
	assert_false(doctor_word_in("abc", 3, NULL));
	assert_int_equal(doctor_clock(0), FINDING_OK);
	assert_int_equal(doctor_clock(-4), FINDING_OK);
	assert_int_equal(doctor_clock(-5), FINDING_WARN);
	assert_int_equal(doctor_clock(60), FINDING_FAIL);
	assert_string_equal(doctor_shared_root("/home/a/public_html/etc/dmbox.env"), "public_html");
	assert_string_equal(doctor_shared_root("/home/a/www/dmbox.env"), "www");
	assert_string_equal(doctor_shared_root("/var/www/html/etc/dmbox.env"), "html");
	assert_string_equal(doctor_shared_root("/var/www/a/data/www/a.org/.env"), "www");
	assert_null(doctor_shared_root("/var/www/a/data/dmbox.env"));
	assert_null(doctor_shared_root("/home/a/www"));		/* a file of that name */
	assert_null(doctor_shared_root("/home/wwwdata/etc/dmbox.env"));
	doctor_nonce(c, a);
	doctor_nonce(c, b);
	assert_string_equal(a, b);
	assert_int_equal(strlen(a), 16);
	conf_drop(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_worst_counts),
		cmocka_unit_test(test_exit_and_secrets),
		cmocka_unit_test(test_unknown_first),
		cmocka_unit_test(test_causes),
		cmocka_unit_test(test_first_link),
		cmocka_unit_test(test_first_of_two),
		cmocka_unit_test(test_wording),
		cmocka_unit_test(test_punycode), cmocka_unit_test(test_no_configuration),
		cmocka_unit_test(test_mock_secret), cmocka_unit_test(test_changes), cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_htaccess), cmocka_unit_test(test_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "provider/chatrace/chatrace.h"
#include "provider/graph/graph.h"
#include "model/conf.h"
#include "base/log.h"
#include "base/mem.h"

#define KEY32 "0123456789abcdef0123456789abcdef"

static const char *
verify_token(const struct account *a)
{
	return a->provider == &provider_graph ? graph_own(a)->verify_token : chatrace_own(a)->verify_token;
}

static char dir[] = "/tmp/dmbox-test-conf-XXXXXX";
static char file[80];

static void
put(const char *path, mode_t mode, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static const char *
in_dir(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static struct conf *
load_text(const char *text)
{
	struct conf *c;

	put(file, 0600, text);
	if (conf_load(CONF_WEB, file, &c) == RC_OK)
		assert_int_equal(c->n_errors, 0);
	else
		assert_true(c->n_errors > 0);
	return c;
}

/* The one text has the one issue, which reads so. */
static void
has_issue(const char *text, bool error, const char *want)
{
	struct conf *c = load_text(text);
	char full[400];

	snprintf(full, sizeof(full), "%s:%s", file, want);
	for (size_t i = 0; i < c->n_issues; i++)
		if (str_eq(c->issues[i].text, full)) {
			assert_int_equal(c->issues[i].error, error);
			conf_drop(c);
			return;
		}
	for (size_t i = 0; i < c->n_issues; i++)
		print_message("  got: %s\n", c->issues[i].text);
	fail_msg("no issue: %s", full);
}

static void
no_issue(const char *text)
{
	struct conf *c = load_text(text);

	if (c->n_issues > 0)
		fail_msg("unexpected: %s", c->issues[0].text);
	conf_drop(c);
}

#define DB "DATABASE_URL=postgresql:///d\n"

/* A secret beside the switch that opens the webhook: the secret counts, and check says so.
 * A secret that is quickly guessed is none. */
static void
test_webhook_secrets(void **state)
{
	struct conf *c;

	(void)state;
	for (int order = 0; order < 2; order++) {
		c = load_text(order ? DB "INSTAGRAM_WEBHOOK_OPEN=true\nINSTAGRAM_WEBHOOK_SECRET=long-enough-1\n" :
		    DB "INSTAGRAM_WEBHOOK_SECRET=long-enough-1\nINSTAGRAM_WEBHOOK_OPEN=yes\n");
		assert_int_equal(c->n_errors, 0);	/* nothing stops for it */
		assert_false(c->accounts[0].webhook_open);
		conf_drop(c);
	}
	has_issue(DB "INSTAGRAM_WEBHOOK_SECRET=long-enough-1\nINSTAGRAM_WEBHOOK_OPEN=true\n", true,
	    "3: INSTAGRAM_WEBHOOK_OPEN: has no effect beside the secret, which counts: take it out");
	c = load_text(DB "INSTAGRAM_WEBHOOK_OPEN=true\n");
	assert_true(c->accounts[0].webhook_open);
	conf_drop(c);
	has_issue(DB "INSTAGRAM_WEBHOOK_SECRET=x\n", true,
	    "2: INSTAGRAM_WEBHOOK_SECRET: must have at least 8 characters: it can be guessed");
	has_issue(DB "INSTAGRAM_WEBHOOK_SECRET=long-enough-1,short\n", true,
	    "2: INSTAGRAM_WEBHOOK_SECRET: must have at least 8 characters: it can be guessed");
	has_issue(DB "WHATSAPP_WEBHOOK_TOKEN=1234567\n", true,
	    "2: WHATSAPP_WEBHOOK_TOKEN: must have at least 8 characters: it can be guessed");
}

static void
test_defaults(void **state)
{
	struct conf *c = load_text(DB);
	const struct account *a = conf_account(c, CHANNEL_INSTAGRAM, NULL);
	char want[100];

	(void)state;
	assert_int_equal(c->n_issues, 0);
	assert_string_equal(c->file, file);
	assert_string_equal(c->dir, dir);
	assert_int_equal(c->n_accounts, 1);
	assert_string_equal(a->name, "main");
	assert_ptr_equal(a->provider, &provider_chatrace);
	assert_string_equal(a->api_url, "https://api.chatrace.com");
	assert_int_equal(a->poll_s, 10);
		assert_string_equal(chatrace_own(a)->send_channel, "instagram");
	assert_int_equal(chatrace_own(a)->poll_paths.n, 4);
	assert_string_equal(chatrace_own(a)->poll_paths.v[0], "/messages/receive");
	assert_int_equal(chatrace_own(a)->auth_formats.n, 6);
	assert_string_equal(chatrace_own(a)->auth_formats.v[0], "X-ACCESS-TOKEN");
	assert_string_equal(chatrace_own(a)->auth_formats.v[1], "Authorization: Bearer");
	assert_false(a->webhook_open);
	assert_null(a->token);
	assert_null(a->own_id);
	assert_int_equal(c->max_body, 4194304);
	assert_int_equal(c->keep_deliveries_days, 30);
	assert_int_equal(c->keep_refused_days, 3);
	assert_int_equal(c->db_connect_s, 2);
	assert_int_equal(c->webhook_threads, 0);
	assert_int_equal(c->log_max_bytes, 10485760);
	assert_int_equal(c->log_level, LOG_INFO);
	snprintf(want, sizeof(want), "%s/spool", dir);
	assert_string_equal(c->spool_dir, want);
	assert_string_equal(c->database_url_read, "postgresql:///d");
	assert_null(c->jwt_secret);
	conf_drop(c);
}

static void
test_modes(void **state)
{
	struct conf *c = load_text(DB "INSTAGRAM_ACCESS_TOKEN=1000001.AbCdEf\n"
	    "INSTAGRAM_API_URL=https://app.example.org/api//\nWHATSAPP_ID_INSTANCE=1101\n"
	    "INSTAGRAM_WEBHOOK_SECRET=the-first-one, the-second-one\nINSTAGRAM_POLL_SECONDS=0\n");
	const struct account *a = &c->accounts[0], *w = conf_account(c, CHANNEL_WHATSAPP, "main");

	(void)state;
	assert_int_equal(c->n_accounts, 2);
	assert_string_equal(a->own_id, "1000001");
	assert_string_equal(a->api_url, "https://app.example.org/api");
	assert_int_equal(chatrace_own(a)->webhook_secrets.n, 2);
	assert_string_equal(chatrace_own(a)->webhook_secrets.v[1], "the-second-one");
	assert_int_equal(a->poll_s, 0);
	assert_ptr_equal(w->provider, &provider_greenapi);
	assert_string_equal(w->api_url, "https://api.green-api.com");
	assert_string_equal(w->own_id, "1101");
	assert_ptr_equal(conf_account_by_own_id(c, CHANNEL_INSTAGRAM, "1000001"), a);
	assert_null(conf_account_by_own_id(c, CHANNEL_INSTAGRAM, "1101"));
	assert_null(conf_account_by_own_id(c, CHANNEL_INSTAGRAM, NULL));
	assert_null(conf_account(c, CHANNEL_INSTAGRAM, "meta"));
	conf_drop(c);

	c = load_text(DB "INSTAGRAM_USE_CHATRACE=False\nINSTAGRAM_ACCESS_TOKEN=IGAAx.y\n"
	    "INSTAGRAM_PAGE_ID=17841400000000001\nINSTAGRAM_APP_SECRET=a,b\n");
	a = &c->accounts[0];
	assert_ptr_equal(a->provider, &provider_graph);
	assert_string_equal(a->api_url, "https://graph.instagram.com");
	assert_string_equal(a->own_id, "17841400000000001");
	assert_int_equal(a->poll_s, 30);
	conf_drop(c);

	c = load_text(DB "INSTAGRAM_USE_CHATRACE=no\nINSTAGRAM_ACCESS_TOKEN=EAAx\n");
	assert_string_equal(c->accounts[0].api_url, "https://graph.facebook.com");
	conf_drop(c);

	c = load_text(DB "INSTAGRAM_USE_MOCK=1\nWHATSAPP_USE_MOCK=on\n");
	assert_true(c->accounts[0].use_mock);
	assert_true(c->accounts[1].use_mock);
	conf_drop(c);
}

static void
test_syntax(void **state)
{
	struct conf *c = load_text("# comment\nexport DATABASE_URL='postgresql:///d'\n"
	    "INSTAGRAM_VERIFY_TOKEN=first\nINSTAGRAM_VERIFY_TOKEN=\"last\" # wins\n"
	    "INSTAGRAM_APP_SECRET=set\nINSTAGRAM_APP_SECRET=\nPORT=3000\nNODE_ENV=production\n");

	(void)state;
	assert_int_equal(c->n_issues, 0);
	assert_string_equal(verify_token(&c->accounts[0]), "last");
	assert_null(account_value(&c->accounts[0], "INSTAGRAM_APP_SECRET"));
	conf_drop(c);
	has_issue(DB "nonsense\n", true,
	    "2: not KEY=value: a value ends on its line, a comment begins with #");
	has_issue(DB "JWT_SECRET\t=x\n", true, "2: a blank before '=': take it out");
	has_issue(DB "\nJWT_SECRET=\"abc\n", true,
	    "3: JWT_SECRET: the closing quote is missing: a value ends on its line");
}

static void
test_unknown(void **state)
{
	(void)state;
	has_issue(DB "DMBOX_LOGLEVEL=info\n", true,
	    "2: DMBOX_LOGLEVEL: unknown key; did you mean DMBOX_LOG_LEVEL?");
	has_issue(DB "DMBOX_QQQQQQQQQQQQQQ=1\n", true, "2: DMBOX_QQQQQQQQQQQQQQ: unknown key");
	has_issue(DB "INSTAGRAM_ACESS_TOKEN=x\n", false,
	    "2: INSTAGRAM_ACESS_TOKEN: unknown key; did you mean INSTAGRAM_ACCESS_TOKEN?");
	has_issue(DB "WHATSAPP_IDINSTANCE=1\n", false,
	    "2: WHATSAPP_IDINSTANCE: unknown key; did you mean WHATSAPP_ID_INSTANCE?");
	has_issue(DB "DMBOX_CONFIG=/x\n", false, "2: DMBOX_CONFIG: has no effect in a file");
	no_issue(DB "JWT_EXPIRES_IN=1d\nINSTAGRAMM=1\n");
}

static void
test_values(void **state)
{
	static const struct {
		const char *key, *value, *why;
	} bad[] = {
		{ "INSTAGRAM_USE_MOCK", "maybe", "is neither true nor false" },
		{ "INSTAGRAM_POLL_SECONDS", "10s", "is not a whole number" },
		{ "INSTAGRAM_POLL_SECONDS", "20\xc2\xa0",
		  "holds U+00A0, which a page or chat put there: type the value again" },
		{ "DMBOX_PUBLIC_URL", "\xe2\x80\x9chttps://a.example\xe2\x80\x9d",
		  "holds \xe2\x80\x9c, which a page or chat put there: type the value again" },
		{ "INSTAGRAM_POLL_SECONDS", "-1", "must be between 0 and 86400" },
		{ "DMBOX_LOG_MAX_BYTES", "-1", "must be at least 0" },
		{ "DMBOX_MAX_BODY_BYTES", "99999999", "must be between 1 and 16777216" },
		{ "INSTAGRAM_API_URL", "api.example.org",
		  "is not a URL: https://host[:port][/path] is wanted" },
		{ "INSTAGRAM_API_URL", "http://api.example.org",
		  "http:// is allowed only to this machine; use https://" },
		{ "INSTAGRAM_API_URL", "https://u@example.org",
		  "is not a URL: https://host[:port][/path] is wanted" },
		{ "WHATSAPP_API_URL", "https://example.org/?a=b", "must not hold a query or a '#'" },
		{ "DMBOX_PUBLIC_URL", "ftp://x", "is not a URL: https://host[:port][/path] is wanted" },
		{ "JWT_SECRET", "short", "must have at least 32 bytes" },
		{ "JWT_SECRET_OLD", "short", "must have at least 32 bytes" },
		{ "JWT_DEFAULT_SCOPE", "read everything",
		  "may hold only the words read, poll, send, admin" },
		{ "WHATSAPP_ID_INSTANCE", "11/01", "may hold only letters, digits, . _ -" },
		{ "INSTAGRAM_GRAPH_VERSION", "25", "must look like v25.0" },
		{ "INSTAGRAM_GRAPH_VERSION", "v25.0/x", "must look like v25.0" },
		{ "INSTAGRAM_POLL_PATHS", "/ok,nope", "must be a comma list of /paths" },
		{ "INSTAGRAM_AUTH_FORMATS", "X A", "must be a comma list of header names" },
		{ "DMBOX_LOG_LEVEL", "loud", "must be error, warn, info or debug" },
		{ "DMBOX_LOG_FORMAT", "xml", "must be text or json" },
		{ "DMBOX_LANG", "de", "must be ru or en" },
		{ "DMBOX_TRUSTED_PROXIES", "10.0.0.0/33", "must be a comma list of addresses" },
		{ "DMBOX_MEDIA_ALLOW", "localhost", "must be a comma list of host:port" },
		{ "DATABASE_URL", "mysql://h/d",
		  "must start with postgresql:// or be a libpq string" },
		{ "INSTAGRAM_ACCESS_TOKEN", "\"a\\nb\"", "holds a control character" },
	};
	char text[300], want[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), DB "%s=%s\n", bad[i].key, bad[i].value);
		snprintf(want, sizeof(want), "2: %s: %s", bad[i].key, bad[i].why);
		has_issue(text, true, want);
	}
	no_issue(DB "INSTAGRAM_API_URL=http://127.0.0.1:8080/x\nWHATSAPP_API_URL=http://[::1]:1\n"
	    "DMBOX_PUBLIC_URL=http://127.0.0.1:3000/\nJWT_SECRET=" KEY32 "\n"
	    "JWT_DEFAULT_SCOPE=\"read poll send\"\nDMBOX_TRUSTED_PROXIES=10.0.0.1,fd00::/8\n"
	    "DMBOX_MEDIA_ALLOW=127.0.0.1:9000,[::1]:80\nDMBOX_LOG_LEVEL=debug\nDMBOX_SANDBOX=on\n"
	    "INSTAGRAM_AUTH_FORMATS=X-ACCESS-TOKEN,Authorization: Bearer\n"
	    "INSTAGRAM_GRAPH_VERSION=v7.0\n");
}

/* A refused value counts as not set; the rest can still be shown. */
static void
test_refused(void **state)
{
	struct conf *c = load_text(DB "INSTAGRAM_POLL_SECONDS=x\nJWT_SECRET=abc\n");

	(void)state;
	assert_int_equal(c->n_errors, 2);
	assert_int_equal(c->accounts[0].poll_s, 10);
	assert_null(c->jwt_secret);
	conf_drop(c);
}

static void
test_placeholder(void **state)
{
	struct conf *c;

	(void)state;
	has_issue(DB "INSTAGRAM_ACCESS_TOKEN=<accountId>.<secret>\n", false,
	    "2: INSTAGRAM_ACCESS_TOKEN: is still the example's placeholder; counts as not set");
	c = load_text(DB "WHATSAPP_ID_INSTANCE=...\nJWT_SECRET=...\n");
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->n_issues, 2);
	assert_int_equal(c->n_accounts, 1);
	assert_null(c->jwt_secret);
	conf_drop(c);
}

static void
test_file_mode(void **state)
{
	struct conf *c;

	(void)state;
	put(file, 0644, DB);
	assert_int_equal(conf_load(CONF_WEB, file, &c), RC_INVALID);
	assert_non_null(strstr(c->issues[0].text, "everybody may read it; run: chmod 640 "));
	conf_drop(c);
	put(file, 0602, DB);
	assert_int_equal(conf_load(CONF_WEB, file, &c), RC_INVALID);
	conf_drop(c);
	put(file, 0640, DB);
	assert_int_equal(conf_load(CONF_WEB, file, &c), RC_OK);
	conf_drop(c);
	put(file, 0660, DB);
	assert_int_equal(conf_load(CONF_WEB, file, &c), RC_OK);
	conf_drop(c);
	assert_int_equal(conf_load(CONF_WEB, in_dir("absent.env"), &c), RC_INVALID);
	assert_string_equal(strrchr(c->issues[0].text, ':'), ": No such file or directory");
	conf_drop(c);
	assert_int_equal(conf_load(CONF_WEB, dir, &c), RC_INVALID);
	assert_non_null(strstr(c->issues[0].text, "not a regular file"));
	conf_drop(c);
}

static void
test_environment(void **state)
{
	struct conf *c;
	const char *v, *from;

	(void)state;
	setenv("INSTAGRAM_VERIFY_TOKEN", "from-env", 1);
	setenv("INSTAGRAM_PAGE_ID", "", 1);
	setenv("DMBOX_NO_SUCH_KEY", "1", 1);
	c = load_text(DB "INSTAGRAM_VERIFY_TOKEN=from-file\nINSTAGRAM_PAGE_ID=77\n");
	assert_int_equal(c->n_issues, 0);
	assert_string_equal(verify_token(&c->accounts[0]), "from-env");
	assert_string_equal(c->accounts[0].own_id, "77");	/* empty counts as not set */
	for (size_t i = 0; conf_key(i) != NULL; i++) {
		conf_value(c, i, &v, &from);
		if (str_eq(conf_key(i)->name, "INSTAGRAM_VERIFY_TOKEN")) {
			assert_string_equal(v, "***configured***");
			assert_string_equal(from, "environment");
		} else if (str_eq(conf_key(i)->name, "INSTAGRAM_PAGE_ID")) {
			assert_string_equal(v, "77");
			assert_true(str_ends(from, "/dmbox.env:3"));
		} else if (str_eq(conf_key(i)->name, "DMBOX_LOG_LEVEL")) {
			assert_string_equal(v, "info");
			assert_string_equal(from, "default");
		} else if (str_eq(conf_key(i)->name, "JWT_SECRET"))
			assert_string_equal(v, "");
	}
	conf_drop(c);
	unsetenv("INSTAGRAM_PAGE_ID");
	unsetenv("DMBOX_NO_SUCH_KEY");

	setenv("INSTAGRAM_POLL_SECONDS", "often", 1);
	c = load_text(DB);
	assert_int_equal(c->n_errors, 1);
	assert_string_equal(c->issues[0].text,
	    "environment: INSTAGRAM_POLL_SECONDS: is not a whole number");
	assert_string_equal(c->issues[0].key, "INSTAGRAM_POLL_SECONDS");
	conf_drop(c);
	unsetenv("INSTAGRAM_POLL_SECONDS");
	unsetenv("INSTAGRAM_VERIFY_TOKEN");
}

static void
test_search(void **state)
{
	struct conf *c;
	char cwd[200], other[100];

	(void)state;
	/* the environment's DMBOX_CONFIG wins over the parameter */
	put(file, 0600, DB);
	snprintf(other, sizeof(other), "%s/other.env", dir);
	put(other, 0600, DB "INSTAGRAM_PAGE_ID=2\n");
	setenv("DMBOX_CONFIG", other, 1);
	assert_int_equal(conf_load(CONF_WEB, file, &c), RC_OK);
	assert_string_equal(c->file, other);
	conf_drop(c);
	unsetenv("DMBOX_CONFIG");
	/* ./.env is for tools only; a relative name becomes absolute */
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(dir), 0);
	put(".env", 0600, DB "INSTAGRAM_PAGE_ID=3\n");
	assert_int_equal(conf_load(CONF_TOOL, NULL, &c), RC_OK);
	assert_true(str_ends(c->file, "/.env"));
	assert_true(*c->file == '/');
	assert_string_equal(c->accounts[0].own_id, "3");
	conf_drop(c);
	assert_int_equal(conf_load(CONF_TOOL, "other.env", &c), RC_OK);
	assert_true(str_ends(c->file, "/other.env"));
	assert_true(*c->file == '/');
	conf_drop(c);
	if (conf_load(CONF_WEB, NULL, &c) == RC_OK)	/* one of the machine's own, or none */
		assert_null(strstr(c->file, dir));
	conf_drop(c);
	unlink(".env");
	unlink("other.env");
	assert_int_equal(chdir(cwd), 0);
}

static void
test_database(void **state)
{
	struct conf *c = load_text("DB_HOST=db.example.org\nDB_PORT=5433\nDB_USERNAME=u\n"
	    "DB_PASSWORD='p w'\nDB_DATABASE=d\nDMBOX_DATABASE_URL_READ=postgresql:///r\n");

	(void)state;
	assert_string_equal(c->database_url, "host='db.example.org' port='5433' user='u' "
	    "password='p w' dbname='d' sslmode=require");
	assert_string_equal(c->database_url_web, c->database_url);
	assert_string_equal(c->database_url_read, "postgresql:///r");
	conf_drop(c);
	c = load_text("DATABASE_URL=postgresql:///x\nDB_HOST=h\n");
	assert_string_equal(c->database_url, "postgresql:///x");
	conf_drop(c);
	has_issue("PORT=1\n", false, " neither DATABASE_URL nor DB_HOST is set: "
	    "libpq's own defaults are used");
}

static void
test_accounts(void **state)
{
	struct conf *c;
	char text[200], acc[100], path[140];
	static const char *const files[] = { "zeta", "b", "b-c", "main", "bad name", "empty" };

	(void)state;
	snprintf(acc, sizeof(acc), "%s/accounts", dir);
	assert_int_equal(mkdir(acc, 0750), 0);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s.env", acc, files[i]);
		put(path, 0600, "INSTAGRAM_USE_CHATRACE=false\nINSTAGRAM_PAGE_ID=5\n");
	}
	put(path, 0600, "WHATSAPP_ID_INSTANCE=9\nINSTAGRAM_PAGE_ID=6\nINSTAGRAM_USE_CHATRACE=false\n");
	snprintf(path, sizeof(path), "%s/ignored.txt", acc);
	put(path, 0644, "x");
	snprintf(text, sizeof(text), DB "DMBOX_ACCOUNTS_DIR=accounts\nINSTAGRAM_VERIFY_TOKEN=v\n");
	setenv("INSTAGRAM_PAGE_ID", "from-env", 1);	/* does not reach accounts */
	c = load_text(text);
	unsetenv("INSTAGRAM_PAGE_ID");
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->n_issues, 1);	/* b and zeta share an id */
	assert_non_null(strstr(c->issues[0].text, "b and zeta of instagram have the same id 5"));
	assert_int_equal(c->n_accounts, 5);
	assert_string_equal(c->accounts[0].name, "main");
	assert_string_equal(c->accounts[1].name, "b");
	assert_string_equal(c->accounts[2].name, "b-c");
	assert_int_equal(c->accounts[2].channel, CHANNEL_INSTAGRAM);
	assert_int_equal(c->accounts[3].channel, CHANNEL_WHATSAPP);
	assert_string_equal(c->accounts[4].name, "zeta");
	assert_null(verify_token(&c->accounts[4]));
	assert_string_equal(c->accounts[4].own_id, "5");
	assert_null(conf_account_by_own_id(c, CHANNEL_INSTAGRAM, "5"));	/* two have it */
	conf_drop(c);

	for (size_t i = 3; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/%s.env", acc, files[i]);
		put(path, 0600, i == 5 ? "JWT_SECRET=x\n" : "INSTAGRAM_PAGE_ID=1\n");
	}
	c = load_text(text);
	assert_int_equal(c->n_errors, 2);	/* the names */
	assert_int_equal(c->n_issues, 5);	/* ... JWT_SECRET there, nothing set, same id */
	conf_drop(c);
	chmod(path, 0644);
	c = load_text(text);
	assert_int_equal(c->n_errors, 3);
	conf_drop(c);
	for (size_t i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/%s.env", acc, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/ignored.txt", acc);
	unlink(path);
	rmdir(acc);
	snprintf(text, sizeof(text), "2: DMBOX_ACCOUNTS_DIR: %s: No such file or directory", acc);
	has_issue(DB "DMBOX_ACCOUNTS_DIR=accounts\n", true, text);
}

static void
test_stale(void **state)
{
	struct conf *c = load_text(DB), *d = load_text(DB);

	(void)state;
	assert_false(conf_stale(d));
	put(file, 0600, DB "INSTAGRAM_PAGE_ID=1\n");
	assert_false(conf_stale(d));	/* one look a second */
	assert_true(conf_stale(c));
	assert_true(conf_stale(c));
	conf_drop(c);
	conf_drop(d);
	assert_int_equal(conf_load(CONF_WEB, in_dir("late.env"), &c), RC_INVALID);
	put(in_dir("late.env"), 0600, DB);
	assert_true(conf_stale(c));
	conf_drop(c);
	unlink(in_dir("late.env"));
}

static void
test_below(void **state)
{
	struct conf *c = load_text(DB);
	char why[1024], longer[100];

	(void)state;
	assert_true(conf_below(c, dir, why));
	assert_non_null(strstr(why, "move it out of there, for example to /"));
	assert_true(conf_below(c, "/tmp", NULL));
	assert_false(conf_below(c, "/", why));
	assert_false(conf_below(c, "", why));
	assert_false(conf_below(c, NULL, why));
	assert_false(conf_below(c, "/usr", why));
	snprintf(longer, sizeof(longer), "%.*s", (int)strlen(dir) - 1, dir);	/* a prefix, no parent */
	assert_false(conf_below(c, longer, why));
	conf_drop(c);
}

static void
test_hold(void **state)
{
	struct conf *c = load_text(DB);

	(void)state;
	assert_ptr_equal(conf_hold(c), c);
	conf_drop(c);
	assert_string_equal(c->file, file);
	conf_drop(c);
	conf_drop(NULL);
}

static void
test_secrets(void **state)
{
	struct conf *c = load_text("DATABASE_URL=postgresql://u:pass-word-1@localhost/d\n"
	    "INSTAGRAM_ACCESS_TOKEN=1000001.token-half\nINSTAGRAM_WEBHOOK_SECRET=hook-one-1,hook-two-2\n"
	    "JWT_SECRET=" KEY32 "\nWHATSAPP_WEBHOOK_TOKEN=green-hook\n");
	const char *line = "a 1000001.token-half token-half hook-one-1 hook-two-2 " KEY32
	    " green-hook pass-word-1 z";
	char out[200];

	(void)state;
	conf_register_secrets(c);
	log_mask(line, strlen(line), out, sizeof(out));
	assert_string_equal(out, "a *** *** *** *** *** *** *** z");
	log_secrets_reset();
	conf_drop(c);
}

static void
test_log_settings(void **state)
{
	struct conf *c = load_text(DB "DMBOX_LOG_FILE=stderr\nDMBOX_LOG_FORMAT=json\nDMBOX_LOG_LEVEL=warn\n");

	(void)state;
	assert_null(c->log_file);
	assert_true(c->log_json);
	assert_int_equal(c->log_level, LOG_WARN);
	conf_log_open(c, "test");
	assert_int_equal(log_level(), LOG_WARN);
	conf_drop(c);
	c = load_text(DB "DMBOX_LOG_FILE=x/y.log\n");
	assert_string_equal(c->log_file, in_dir("x/y.log"));
	conf_drop(c);
}

static void
test_channels(void **state)
{
	enum channel ch = CHANNEL__MAX;

	(void)state;
	assert_int_equal(channel_by_name("telegram", &ch), RC_NONE);
	assert_int_equal(ch, CHANNEL__MAX);
	assert_int_equal(channel_by_name("whatsapp", &ch), RC_OK);
	assert_int_equal(ch, CHANNEL_WHATSAPP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_placeholder),
		cmocka_unit_test(test_file_mode),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_database),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_log_settings),
		cmocka_unit_test(test_webhook_secrets),
		cmocka_unit_test(test_channels),
	};
	int rc;

	/* the machine's own settings must not reach the tests */
	for (size_t i = 0; conf_key(i) != NULL; i++)
		unsetenv(conf_key(i)->name);
	unsetenv("PGHOST");
	unsetenv("PGSSLMODE");
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(file, sizeof(file), "%s/dmbox.env", dir);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	rmdir(dir);
	return rc;
}

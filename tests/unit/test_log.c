#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "model/provider.h"
#include "base/clock.h"
#include "base/log.h"

static char dir[] = "/tmp/dmbox-test-log-XXXXXX";
static char file[64], file1[64];

static void
reopen(enum log_level level, bool json, int64_t max)
{
	struct log_opts o = { level, json, file, max, "test" };

	log_close();
	unlink(file);
	unlink(file1);
	log_open(&o);
}

static char *
slurp(const char *path)
{
	static char buf[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n = 0;

	if (f != NULL) {
		n = fread(buf, 1, sizeof(buf) - 1, f);
		fclose(f);
	}
	buf[n] = '\0';
	return buf;
}

static size_t
lines(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += *s == '\n';
	return n;
}

static void
test_text(void **state)
{
	(void)state;
	clock_set(INT64_C(1731499200000000));
	reopen(LOG_INFO, false, 0);
	log_debug("not this");
	log_info("📨 Received webhook from Instagram/Chatrace");
	log_begin("req-1");
	assert_string_equal(log_request_id(), "req-1");
	log_warn("two\nlines\x1b[31m");
	assert_int_equal(lines(slurp(file)), 1);	/* gathered */
	log_end();
	log_end();
	assert_string_equal(log_request_id(), "");
	assert_string_equal(slurp(file),
	    "2024-11-13T12:00:00.000Z info  - 📨 Received webhook from Instagram/Chatrace\n"
	    "2024-11-13T12:00:00.000Z warn  req-1 two\\nlines\\x1b[31m\n");
	clock_set(0);
}

static void
test_order(void **state)
{
	char *s, *a, *b, *c;

	(void)state;
	reopen(LOG_DEBUG, false, 0);
	log_begin("r\"2");	/* not an id: not written */
	log_debug("first");
	log_error("second");
	assert_int_equal(lines(slurp(file)), 2);	/* errors at once, order kept */
	LOG_BUG("third %d", 3);
	log_end();
	s = slurp(file);
	a = strstr(s, " debug - first");
	b = strstr(s, " error - second");
	c = strstr(s, " error - bug at tests/unit/test_log.c:");
	assert_true(a != NULL && b != NULL && c != NULL && a < b && b < c);
}

static void
test_json(void **state)
{
	(void)state;
	clock_set(INT64_C(1731499200000000));
	reopen(LOG_INFO, true, 0);
	log_begin("r3");
	log_info("say \"hi\" \\ \t\xff");
	log_end();
	assert_string_equal(slurp(file), "{\"time\":\"2024-11-13T12:00:00.000Z\",\"level\":\"info\","
	    "\"program\":\"test\",\"request_id\":\"r3\",\"msg\":\"say \\\"hi\\\" \\\\ \\\\t\\\\xff\"}\n");
	clock_set(0);
}

static void
assert_masked(const char *in, const char *out)
{
	char got[512];

	log_mask(in, strlen(in), got, sizeof(got));
	assert_string_equal(got, out);
}

static void
test_mask(void **state)
{
	char cut[6];

	(void)state;
	log_secret("s3cr3t-value");
	log_secret("s3cr3t-value-longer");
	log_secret("short");
	log_secret(NULL);
	assert_masked("a s3cr3t-value b s3cr3t-value-longer short", "a *** b *** short");
	assert_masked("/instagram/webhook?secret=abc&x=1", "/instagram/webhook?secret=***&x=1");
	assert_masked("?a=1&access_token=IGAAx&b", "?a=1&access_token=***&b");
	assert_masked("?hub.verify_token=zz&hub.mode=s", "?hub.verify_token=***&hub.mode=s");
	assert_masked("?token=t", "?token=***");
	assert_masked("?TOKEN=t", "?TOKEN=***");
	assert_masked("secret=", "secret=");
	assert_masked("https://h/waInstance1101/sendMessage/abcdef?x", "https://h/waInstance1101/sendMessage/***?x");
	assert_masked("https://h/waInstance1101/deleteNotification/abcdef/17", "https://h/waInstance1101/deleteNotification/***/17");
	assert_masked("/waInstance1101/", "/waInstance1101/");
	assert_masked("postgresql://u:p%40w@h/d", "postgresql://u:***@h/d");
	assert_masked("http://127.0.0.1:80/a", "http://127.0.0.1:80/a");
	assert_masked("host=h password=pw dbname=d", "host=h password=*** dbname=d");
	assert_masked("{\"access_token\": \"abc\",\"b\":1}", "{\"access_token\": \"***\",\"b\":1}");
	assert_masked("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "Authorization: Bearer ***");
	assert_masked("no bearer token was sent here at all", "no bearer token was sent here at all");
	assert_masked("token expired", "token expired");
	log_mask("abc\xD0\x9F\xD0\x9F", 7, cut, sizeof(cut));
	assert_string_equal(cut, "abc\xD0\x9F");
	assert_masked("x\xE2\x80\xAEy\xC2\x9Bz", "x\\xe2\\x80\\xaey\\xc2\\x9bz");
	log_secrets_reset();
	assert_masked("s3cr3t-value", "s3cr3t-value");
}

/* What is to be hidden is found at every place of a line: a quick look at some of its
 * bytes decides whether it is searched at all. */
static void
test_mask_anywhere(void **state)
{
	static const char *const in[] = { "12345678", "Zz-other-secret", "secret=HIDE", "SECRET=HIDE",
		"access_token=HIDE", "tokeN\":\"HIDE", "password\" : \"HIDE", "PASSWORD=HIDE",
		"apiTokenInstance=HIDE", "APITOKENINSTANCE=HIDE",
		"Bearer HIDE-HIDE-HIDE-HIDE", "bEARER HIDE-HIDE-HIDE-HIDE",
		"/waInstance1/send/HIDE", "/WAINSTANCE1/x/HIDE/", "s://u:HIDE@h", "s=b//secret=HIDE" };
	static const char long_secret[] = "7e1jKq-2mVb0XzWdR5tYcUo9HsGfLpAi4NwEx", *secret[] = { long_secret,
		"Zz-other-secret", "abcdefghi", "12345678" };
	char text[200], got[300];

	(void)state;
	for (size_t k = 0; k < 4; k++) {	/* the shortest decides where is looked */
		log_secret(secret[k]);
		for (size_t i = 0; i <= k; i++)
			for (size_t at = 0; at < 120; at++) {
				memset(text, '.', at);
				snprintf(text + at, sizeof(text) - at, "%s%s", secret[i], at % 2 ? "" : " and so on");
				log_mask(text, strlen(text), got, sizeof(got));
				assert_int_equal(strspn(got, "."), at);
				assert_memory_equal(got + at, "***", 3);
			}
	}
	log_secrets_reset();
	reopen(LOG_INFO, false, 0);
	log_secret("12345678");
	log_secret("Zz-other-secret");
	log_begin("r");
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		for (size_t at = 0; at < 50; at++) {
			memset(text, '.', at);
			snprintf(text + at, sizeof(text) - at, "%s%s", in[i], at % 2 ? "" : " and so on");
			log_mask(text, strlen(text), got, sizeof(got));
			log_info("%s", text);
			assert_non_null(strstr(got, "***"));
			assert_null(strstr(got, "HIDE"));
			assert_null(strstr(got, in[0]));
			assert_null(strstr(got, in[1]));
		}
	log_end();
	assert_int_equal(lines(slurp(file)), 50 * sizeof(in) / sizeof(in[0]));
	assert_null(strstr(slurp(file), "HIDE"));
	assert_null(strstr(slurp(file), in[0]));
	assert_null(strstr(slurp(file), in[1]));
	log_secrets_reset();
}

/* JSON lines of a request: with and without what must be escaped in them */
static void
test_json_request(void **state)
{
	(void)state;
	clock_set(INT64_C(1731499200000000));
	reopen(LOG_INFO, true, 0);
	log_begin("r");
	log_info("plain %d", 1);
	log_info("a \"b\" \\");
	log_info("\n");
	log_end();
	assert_string_equal(slurp(file),
	    "{\"time\":\"2024-11-13T12:00:00.000Z\",\"level\":\"info\",\"program\":\"test\",\"request_id\":\"r\","
	    "\"msg\":\"plain 1\"}\n"
	    "{\"time\":\"2024-11-13T12:00:00.000Z\",\"level\":\"info\",\"program\":\"test\",\"request_id\":\"r\","
	    "\"msg\":\"a \\\"b\\\" \\\\\"}\n"
	    "{\"time\":\"2024-11-13T12:00:00.000Z\",\"level\":\"info\",\"program\":\"test\",\"request_id\":\"r\","
	    "\"msg\":\"\\\\n\"}\n");
	clock_set(0);
}

/* Lines of every length around the end of the store: none is cut or lost. */
static void
test_fill(void **state)
{
	char text[700], *s, *p;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	reopen(LOG_INFO, false, 0);
	log_begin("r");
	for (int i = 0; i < 400; i++)
		log_info("%d %.*s end", i, i * 37 % 690, text);
	log_end();
	s = slurp(file);
	assert_int_equal(lines(s), 400);
	for (int i = 0; i < 400; i++, s = p + 1) {
		char want[800];

		p = strchr(s, '\n');
		snprintf(want, sizeof(want), " info  r %d %.*s end\n", i, i * 37 % 690, text);
		assert_memory_equal(s + 24, want, strlen(want));
	}
}

/* Requests that end while the thread holds are written together, in their order;
 * an error goes out at once, behind what was held. */
static void
test_hold(void **state)
{
	struct log_scope other = { 0 };
	char *s, *a, *b, *c;

	(void)state;
	reopen(LOG_INFO, false, 0);
	log_begin("a");
	log_debug("not in the log");
	assert_false(log_said());
	log_info("first");
	assert_true(log_said());
	log_swap(&other);	/* a waits */
	assert_string_equal(log_request_id(), "");
	assert_false(log_said());
	log_hold();
	log_begin("b");
	log_info("second");
	log_end();
	log_swap(&other);
	assert_string_equal(log_request_id(), "a");
	assert_true(log_said());
	log_end();
	assert_false(log_said());
	assert_int_equal(lines(slurp(file)), 0);
	log_begin("c");
	log_info("third");
	log_error("fourth");
	assert_int_equal(lines(slurp(file)), 4);
	log_end();
	for (int i = 0; i < 2000; i++) {	/* more than is held */
		log_begin("many");
		log_info("line %d of many, to fill what a thread holds back", i);
		log_end();
	}
	assert_true(lines(slurp(file)) > 1000);
	log_unhold();
	s = slurp(file);
	assert_int_equal(lines(s), 2004);
	a = strstr(s, "b second");
	b = strstr(s, "a first");
	c = strstr(s, "c third");
	assert_true(a != NULL && b != NULL && c != NULL && a < b && b < c);
	a = strstr(s, "c fourth");
	assert_true(a != NULL && a > c);
	assert_non_null(strstr(s, "many line 1999 of many"));
}

/* The short way of a request's lines hides and escapes as much. */
static void
test_request(void **state)
{
	char *s;

	(void)state;
	clock_set(INT64_C(1731499200000000));
	reopen(LOG_INFO, false, 0);
	log_secret("\xffodd-secret");
	log_secret("Zz-other-secret");
	log_begin("r");
	log_info("нет 👋 ═ … x");
	clock_set(INT64_C(1731499200987000));
	log_info("a \xffodd-secret b Zz-other-secret");
	clock_set(INT64_C(1731499201005000));
	log_info("?secret=abc&x \xe2\x80\xae \xc2\x9b \xf0\x9f end \xe2\x95");
	log_end();
	s = slurp(file);
	assert_string_equal(s, "2024-11-13T12:00:00.000Z info  r нет 👋 ═ … x\n"
	    "2024-11-13T12:00:00.987Z info  r a *** b ***\n"
	    "2024-11-13T12:00:01.005Z info  r ?secret=***&x \\xe2\\x80\\xae \\xc2\\x9b \\xf0\\x9f end \\xe2\\x95\n");
	log_secrets_reset();
	clock_set(0);
}

/* One of all sorts of sentences, the same for the same i. */
static void
sentence(char *s, size_t cap, unsigned int i)
{
	static const char *const parts[] = { "plain", "═══ нет 👋", "Zz-other-secret", "secret=HIDE ", "\n",
		"be ", "b", "\"", "=", "://u:HIDE@h ", "Bearer HIDE-HIDE-HIDE-HIDE ", "\xe2\x80\xae", "\xff",
		"token\":\"HIDE ", "/waInstance7/x/HIDE ", "\\", " ", "https://h/p", "3000 bytes: %s" };
	size_t n = 0;

	for (i = i * 2654435761u + 12345; i % 7 != 0 && n < cap - 100; i = i * 1103515245u + 12345)
		n += (size_t)snprintf(s + n, cap - n, "%s", parts[(i >> 16) % (sizeof(parts) / sizeof(parts[0]))]);
	s[n] = '\0';
}

/* Whatever lines a request has, in whatever order, each looks as it would alone. */
static void
test_same_alone(void **state)
{
	char text[2000], *alone, *a, *b, *c;
	struct log_opts o = { LOG_INFO, false, file, 0, "test" };
	unsigned int i = 0;

	(void)state;
	clock_set(INT64_C(1731499200000000));
	for (int json = 0; json < 3; json++) {	/* 2: it changes meanwhile */
		reopen(LOG_INFO, json == 1, 0);
		log_secret("Zz-other-secret");
		for (i = 0; i < 3000; i++) {
			sentence(text, sizeof(text), i);
			if (json == 2 && i % 3 == 0) {
				o.json = i % 2;
				log_open(&o);
			}
			log_info("%s", text);
		}
		alone = strdup(slurp(file));
		reopen(LOG_INFO, json == 1, 0);
		for (i = 0; i < 3000; i++) {
			if (i % 11 == 0 || i % 77 == 5)
				log_begin("-");
			sentence(text, sizeof(text), i);
			if (json == 2 && i % 3 == 0) {
				o.json = i % 2;
				log_open(&o);
			}
			log_info("%s", text);
		}
		log_end();
		for (a = alone, b = slurp(file); *a != '\0'; a++, b++) {
			static const char id[] = "\"request_id\":\"";

			if (strncmp(a, id, strlen(id)) == 0 && a[strlen(id)] == '"') {
				assert_memory_equal(b, id, strlen(id));
				assert_int_equal(b[strlen(id)], '-');
				a += strlen(id);
				b += strlen(id) + 1;
			}
			if (*a != *b) {
				c = strndup(a, 300);
				print_error("want %s\n", c);
				free(c);
				print_error("got %.300s\n", b);
			}
			assert_int_equal(*a, *b);
		}
		assert_int_equal(*b, '\0');
		assert_null(strstr(alone, "HIDE"));
		free(alone);
		log_secrets_reset();
	}
	clock_set(0);
}

static void
test_long(void **state)
{
	char *big = malloc(200000), *s;

	(void)state;
	memset(big, 'x', 199999);
	big[199999] = '\0';
	reopen(LOG_INFO, false, 0);
	log_begin("long");
	log_info("%s", big);
	log_info("after");
	log_end();
	s = slurp(file);
	assert_int_equal(lines(s), 2);
	assert_non_null(strstr(s, "x (134463 bytes more)\n"));
	assert_non_null(strstr(s, "long after\n"));
	free(big);
}

static void
test_rights(void **state)
{
	struct log_opts o = { LOG_INFO, false, NULL, 0, "test" };
	char path[96], folder[80];
	struct stat st;
	mode_t um = umask(077);

	(void)state;
	snprintf(folder, sizeof(folder), "%s/logs", dir);
	snprintf(path, sizeof(path), "%s/x.log", folder);
	o.file = path;
	log_open(&o);
	log_info("x");
	log_close();
	umask(um);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0770);
	unlink(path);
	rmdir(folder);
}

static void
test_moved(void **state)
{
	(void)state;
	reopen(LOG_INFO, false, 0);
	log_info("one");
	assert_int_equal(rename(file, file1), 0);	/* as logrotate does */
	log_info("two");
	assert_int_equal(lines(slurp(file)), 1);
	assert_non_null(strstr(slurp(file), "two"));
	assert_non_null(strstr(slurp(file1), "one"));
	assert_int_equal(unlink(file), 0);
	log_info("three");
	assert_non_null(strstr(slurp(file), "three"));
}

/* Three processes write 300 lines over many rotations: each line stands whole in
 * one of the two files that are left, or went with an older one. */
static void
test_rotate(void **state)
{
	struct stat st;
	char *s, *p;

	(void)state;
	reopen(LOG_INFO, false, 4000);
	log_close();
	for (int k = 0; k < 3; k++) {
		if (fork() == 0) {
			struct log_opts o = { LOG_INFO, false, file, 4000, "test" };

			log_open(&o);
			for (int i = 0; i < 100; i++)
				log_info("process %d line %d end", k, i);
			_exit(0);
		}
	}
	for (int k = 0; k < 3; k++)
		wait(NULL);
	/* all lines together are over 16000 bytes; while one process rotates, the others
	 * go on in the old file, so how far it grows is the scheduler's */
	assert_int_equal(stat(file1, &st), 0);
	assert_true(st.st_size < 15000);
	assert_int_equal(stat(file, &st), 0);
	assert_true(st.st_size < 15000);
	s = slurp(file1);
	for (p = s; *p != '\0'; p = strchr(p, '\n') + 1) {
		assert_non_null(strchr(p, '\n'));
		assert_memory_equal(strchr(p, '\n') - 4, " end", 4);
	}
}

/* Where the file cannot be opened stderr takes the lines, and it is said once. */
static void
test_no_file(void **state)
{
	struct log_opts o = { LOG_INFO, false, "/proc/nope/x.log", 0, "test" };
	char out[64], *s;
	int fd, saved = dup(STDERR_FILENO);

	(void)state;
	snprintf(out, sizeof(out), "%s/err", dir);
	fd = open(out, O_CREAT | O_RDWR | O_TRUNC, 0600);
	dup2(fd, STDERR_FILENO);
	log_open(&o);
	log_info("line");
	log_info("more");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	log_close();
	s = slurp(out);
	assert_int_equal(lines(s), 3);
	assert_non_null(strstr(s, "/proc/nope/x.log: "));
	unlink(out);
}

static void *
worker(void *arg)
{
	char id[16];

	snprintf(id, sizeof(id), "t%d", *(int *)arg);
	for (int i = 0; i < 50; i++) {
		log_begin(id);
		log_info("a %s", id);
		log_secret("thread-secret");
		log_info("b %s", id);
		log_end();
	}
	return NULL;
}

static void
test_threads(void **state)
{
	pthread_t t[4];
	int no[4] = { 0, 1, 2, 3 };
	char *p;

	(void)state;
	reopen(LOG_INFO, false, 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, worker, &no[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	p = slurp(file);
	assert_int_equal(lines(p), 400);
	for (int i = 0; i < 200; i++) {		/* the two lines of a request stand together */
		char *a = p, *b = strchr(a, '\n') + 1;

		assert_memory_equal(strstr(a, " t"), strstr(b, " t"), 3);
		assert_memory_equal(strstr(a, " t") + 4, "a", 1);
		p = strchr(b, '\n') + 1;
	}
	log_secrets_reset();
}

int
main(void)
{
	for (size_t i = 0; providers[i] != NULL; i++)
		for (size_t k = 0; providers[i]->masks != NULL && k < *providers[i]->n_masks; k++)
			log_pattern(&providers[i]->masks[k]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_mask_anywhere),
		cmocka_unit_test(test_json_request),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_same_alone),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_rotate),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_threads),
	};
	int rc;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(file, sizeof(file), "%s/dmbox.log", dir);
	snprintf(file1, sizeof(file1), "%s/dmbox.log.1", dir);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	log_close();
	unlink(file);
	unlink(file1);
	rmdir(dir);
	return rc;
}

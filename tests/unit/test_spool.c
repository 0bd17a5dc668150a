/* The spool: durable, in order, one claimant, nothing ever deleted unstored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "provider/list.h"
#include "base/mem.h"
#include "bridge/spool.h"

static char dir[64];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/dmbox-spool.XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	static const char *const sub[] = { "tmp", "new", "cur", "bad" };
	char p[400];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		DIR *d;
		struct dirent *e;

		snprintf(p, sizeof p, "%s/%s", dir, sub[i]);
		if ((d = opendir(p)) == NULL)
			continue;
		while ((e = readdir(d)) != NULL) {
			snprintf(p, sizeof p, "%s/%s/%s", dir, sub[i], e->d_name);
			unlink(p);
		}
		closedir(d);
		snprintf(p, sizeof p, "%s/%s", dir, sub[i]);
		rmdir(p);
	}
	return rmdir(dir);
}

static void
put(struct spool *s, int64_t at, const char *body, size_t n)
{
	struct delivery d;

	delivery_init(&d);
	d.received_at_us = at;
	d.channel = CHANNEL_WHATSAPP;
	d.account = "shop";
	d.account_named = true;
	d.provider = &provider_greenapi;
	d.request_id = "req%1\nforged: x";
	d.headers = "{\"a\":\"b\"}";
	d.body = body;
	d.body_n = n;
	assert_int_equal(spool_put(s, &d), RC_OK);
	delivery_free(&d);
}

static void
test_there_and_back(void **state)
{
	struct spool *s = NULL;
	struct spool_file *f;
	struct spool_stat st;
	struct delivery *d;
	struct stat sb;
	char p[200];

	(void)state;
	assert_int_equal(spool_open(dir, &s), RC_OK);
	assert_int_equal(spool_claim(s, &f), RC_NONE);
	umask(077);
	put(s, 1763000002000000, "second", 6);
	put(s, 1763000001000000, "a\0b\nc", 5);
	assert_int_equal(spool_stat(s, &st), RC_OK);
	assert_int_equal(st.waiting, 2);
	assert_true(st.oldest_s > 0);
	assert_int_equal(spool_claim(s, &f), RC_OK);
	d = spool_delivery(f);
	assert_true(d->received_at_us == 1763000001000000);
	assert_int_equal(strlen(d->uid), 36);
	assert_int_equal(d->channel, CHANNEL_WHATSAPP);
	assert_ptr_equal(d->provider, &provider_greenapi);
	assert_string_equal(d->account, "shop");
	assert_true(d->account_named);
	assert_string_equal(d->request_id, "req%1\nforged: x");
	assert_string_equal(d->headers, "{\"a\":\"b\"}");
	assert_null(d->remote_addr);
	assert_int_equal(d->body_n, 5);
	assert_memory_equal(d->body, "a\0b\nc", 5);
	assert_int_equal(spool_stat(s, &st), RC_OK);
	assert_int_equal(st.waiting, 2);	/* claimed is not stored */
	assert_int_equal(spool_done(s, f), RC_OK);
	assert_int_equal(spool_claim(s, &f), RC_OK);
	assert_string_equal(spool_delivery(f)->body, "second");
	/* the other user of the group can read it, whatever the umask */
	snprintf(p, sizeof p, "%s/new", dir);
	assert_int_equal(stat(p, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 02770);
	assert_int_equal(spool_done(s, f), RC_OK);
	assert_int_equal(spool_claim(s, &f), RC_NONE);
	spool_close(s);
	umask(022);
}

static void
test_one_claimant(void **state)
{
	struct spool *s = NULL, *other = NULL;
	struct spool_file *f, *g;

	(void)state;
	assert_int_equal(spool_open(dir, &s), RC_OK);
	assert_int_equal(spool_open(dir, &other), RC_OK);
	put(s, 1, "one", 3);
	put(s, 2, "two", 3);
	assert_int_equal(spool_claim(s, &f), RC_OK);
	assert_int_equal(spool_claim(other, &g), RC_OK);
	assert_string_equal(spool_delivery(f)->body, "one");
	assert_string_equal(spool_delivery(g)->body, "two");
	spool_release(s, f);
	spool_release(other, g);
	assert_int_equal(spool_claim(s, &f), RC_OK);	/* the oldest again */
	assert_string_equal(spool_delivery(f)->body, "one");
	spool_release(s, f);
	spool_close(s);
	spool_close(other);
}

/* The only file of a folder. */
static void
only_file(const char *sub, char out[400])
{
	char p[100];
	struct dirent *e;
	DIR *d;

	snprintf(p, sizeof p, "%s/%s", dir, sub);
	assert_non_null(d = opendir(p));
	out[0] = '\0';
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			snprintf(out, 400, "%s/%s", p, e->d_name);
	closedir(d);
}

static void
test_old_claim(void **state)
{
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct spool *s = NULL, *other = NULL;
	struct spool_file *f, *g;
	char path[400];

	(void)state;
	assert_int_equal(spool_open(dir, &s), RC_OK);
	assert_int_equal(spool_open(dir, &other), RC_OK);
	put(s, 1, "one", 3);
	assert_int_equal(spool_claim(s, &f), RC_OK);
	assert_int_equal(spool_claim(other, &g), RC_NONE);
	only_file("cur", path);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);	/* its drainer died */
	assert_int_equal(spool_claim(other, &g), RC_OK);
	assert_int_equal(spool_done(s, f), RC_OK);	/* it lives after all: no harm */
	assert_int_equal(spool_done(other, g), RC_OK);
	assert_int_equal(spool_claim(s, &f), RC_NONE);
	spool_close(s);
	spool_close(other);
}

/* The library's calls come here: which of them spool_put makes, in their order. */
static char made[64];

static void
made_add(char c)
{
	size_t n = strlen(made);

	if (n + 1 < sizeof made) {
		made[n] = c;
		made[n + 1] = '\0';
	}
}

int
fsync(int fd)
{
	struct stat st;

	made_add(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? 'd' : 'f');
	return (int)syscall(SYS_fsync, fd);
}

int
renameat(int from, const char *a, int to, const char *b)
{
	made_add('r');
	return (int)syscall(SYS_renameat2, from, a, to, b, 0);
}

struct looked {
	size_t waiting, bad, whole, most;
};

static bool
look(void *arg, const struct spool_seen *f)
{
	struct looked *l = arg;

	if (f->bad)
		l->bad++;
	else
		l->waiting++;
	if (f->d != NULL) {
		l->whole++;
		assert_string_equal(f->d->account, "shop");
	}
	assert_non_null(strstr(f->path, f->bad ? "/bad/" : "/new/"));
	return l->waiting + l->bad < l->most;
}

static bool disk_broken;

ssize_t
read(int fd, void *p, size_t n)
{
	struct stat st;

	if (disk_broken && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_read, fd, p, n);
}

/* A disk that gives no bytes says nothing about the file: it waits, and is stored later. */
static void
test_unreadable(void **state)
{
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct looked l = { .most = 10 };
	struct spool *s = NULL;
	struct spool_file *f = NULL;
	struct spool_stat st;
	char path[400];

	(void)state;
	assert_int_equal(spool_open(dir, &s), RC_OK);
	put(s, 1, "one", 3);
	disk_broken = true;
	assert_int_equal(spool_claim(s, &f), RC_NONE);
	assert_int_equal(spool_look(s, look, &l), RC_OK);
	disk_broken = false;
	assert_int_equal(l.waiting + l.bad, 0);
	assert_int_equal(spool_stat(s, &st), RC_OK);
	assert_int_equal(st.bad, 0);
	assert_int_equal(st.waiting, 1);
	only_file("new", path);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);	/* its pause is over */
	assert_int_equal(spool_claim(s, &f), RC_OK);
	assert_string_equal(spool_delivery(f)->body, "one");
	assert_int_equal(spool_done(s, f), RC_OK);
	spool_close(s);
}

/* As many headers as the webhook keeps, of characters that are escaped. */
static void
test_large_head(void **state)
{
	size_t n = 256 * 1024 - 1;
	char *headers = malloc(n + 1);
	struct spool *s = NULL;
	struct spool_file *f = NULL;
	struct delivery d;

	(void)state;
	memset(headers, '%', n);
	headers[n] = '\0';
	assert_int_equal(spool_open(dir, &s), RC_OK);
	delivery_init(&d);
	d.account = "main";
	d.provider = &provider_greenapi;
	d.headers = headers;
	d.body = "x";
	d.body_n = 1;
	assert_int_equal(spool_put(s, &d), RC_OK);
	assert_int_equal(spool_claim(s, &f), RC_OK);
	assert_string_equal(spool_delivery(f)->headers, headers);
	assert_string_equal(spool_delivery(f)->uid, d.uid);
	assert_int_equal(spool_done(s, f), RC_OK);
	delivery_free(&d);
	spool_close(s);
	free(headers);
}

/* A claim that is taken over has been tried as often as before, whatever its uid looks like. */
static void
test_tries_stay(void **state)
{
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct spool *s = NULL;
	struct spool_file *f = NULL;
	struct delivery d;
	char path[400];

	(void)state;
	assert_int_equal(spool_open(dir, &s), RC_OK);
	delivery_init(&d);
	memcpy(d.uid, "c0ffee00-0000-4000-8000-000000000000", sizeof d.uid);
	d.account = "main";
	d.provider = &provider_greenapi;
	d.body = "x";
	d.body_n = 1;
	assert_int_equal(spool_put(s, &d), RC_OK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(spool_claim(s, &f), RC_OK);
		spool_retry(s, f, false);
		only_file("new", path);
		assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	}
	assert_non_null(strstr(path, ".t3"));
	assert_int_equal(spool_claim(s, &f), RC_OK);
	only_file("cur", path);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);	/* its drainer died */
	spool_close(s);
	assert_int_equal(spool_open(dir, &s), RC_OK);
	assert_int_equal(spool_claim(s, &f), RC_OK);
	only_file("cur", path);
	assert_non_null(strstr(path, ".t3.c"));
	assert_int_equal(spool_done(s, f), RC_OK);
	delivery_free(&d);
	spool_close(s);
}

/* Durable: the bytes, then the name, then the folder that holds the name. */
static void
test_order(void **state)
{
	struct spool *s = NULL;
	struct spool_file *f;

	(void)state;
	made[0] = '\0';
	assert_int_equal(spool_open(dir, &s), RC_OK);
	assert_string_equal(made, "dd");	/* the folders' own names, and the spool's */
	spool_close(s);
	made[0] = '\0';
	assert_int_equal(spool_open(dir, &s), RC_OK);
	assert_string_equal(made, "");		/* once */
	put(s, 1, "one", 3);
	assert_string_equal(made, "frd");
	assert_int_equal(spool_claim(s, &f), RC_OK);
	assert_int_equal(spool_done(s, f), RC_OK);
	spool_close(s);
}

static void
test_set_aside(void **state)
{
	struct spool *s = NULL;
	struct spool_file *f;
	struct timespec old[2] = { { .tv_sec = time(NULL) - 100 }, { .tv_sec = time(NULL) - 100 } };
	struct spool_stat st;
	char path[400];
	int64_t paused = 0, pause, now;
	int tries;

	(void)state;
	assert_int_equal(spool_open(dir, &s), RC_OK);
	put(s, 1, "poison", 6);
	/* each try pauses longer, a day in all; the pause is over when the clock says so */
	for (tries = 0; paused < 86400; tries++) {
		struct stat file;

		assert_int_equal(spool_claim(s, &f), RC_OK);
		assert_false(spool_tried_out(f));
		now = time(NULL);
		spool_retry(s, f, true);
		assert_int_equal(spool_claim(s, &f), RC_NONE);
		only_file("new", path);
		assert_int_equal(stat(path, &file), 0);
		pause = file.st_mtime - now;
		assert_true(pause >= 5 && pause <= 3600 + 60);
		paused += pause < 3600 ? pause : 3600;
		assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	}
	assert_true(tries >= 20 && tries <= 40);
	/* nothing else was stored meanwhile: the database's fault */
	assert_int_equal(spool_claim(s, &f), RC_OK);
	assert_true(spool_tried_out(f));
	spool_retry(s, f, false);
	assert_int_equal(spool_stat(s, &st), RC_OK);
	assert_int_equal(st.bad, 0);
	only_file("new", path);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_int_equal(spool_claim(s, &f), RC_OK);
	spool_retry(s, f, true);
	assert_int_equal(spool_claim(s, &f), RC_NONE);
	assert_int_equal(spool_stat(s, &st), RC_OK);
	assert_int_equal(st.bad, 1);
	assert_int_equal(st.waiting, 0);
	/* and again after a migrate */
	assert_int_equal(spool_restore(s, (int64_t)(time(NULL) - 100) * 1000000), 0);
	assert_int_equal(spool_restore(s, (int64_t)(time(NULL) + 100) * 1000000), 1);
	assert_int_equal(spool_claim(s, &f), RC_OK);
	assert_false(spool_tried_out(f));
	for (int i = 0; i < 40; i++) {
		spool_retry(s, f, true);
		only_file(spool_stat(s, &st) == RC_OK && st.bad > 0 ? "bad" : "new", path);
		assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
		if (spool_claim(s, &f) != RC_OK)
			break;
	}
	assert_int_equal(spool_stat(s, &st), RC_OK);
	assert_int_equal(st.bad, 1);
	put(s, 2, "whole", 5);
	only_file("new", path);
	assert_int_equal(truncate(path, 100), 0);	/* cut by a broken disk */
	assert_int_equal(spool_claim(s, &f), RC_NONE);
	assert_int_equal(spool_stat(s, &st), RC_OK);
	assert_int_equal(st.bad, 2);
	spool_close(s);
}

/* Files that are none of ours, or damaged: quarantined, each of them, and none read. */
static void
test_damaged(void **state)
{
#define UID "uid 01234567-89ab-4cde-8f01-23456789abcd\n"
#define HEAD "dmbox-spool 1\n" UID
	/* each has one fault: without it it would be taken, as the last one is */
	static const char *const files[] = {
		"", "dmbox-spool 1", "dmbox-spool 2\n" UID "account a\nlength 1\n\nx", "\n",
		HEAD "no-value\naccount a\nlength 1\n\nx",
		"dmbox-spool 1\nuid short\naccount a\nlength 1\n\nx",
		HEAD "received_us soon\naccount a\nlength 1\n\nx",
		HEAD "channel telegraph\naccount a\nlength 1\n\nx",
		HEAD "provider nobody\naccount a\nlength 1\n\nx",
		HEAD "source nowhere\naccount a\nlength 1\n\nx",
		HEAD "account a\nlength -1\n\nx",
		HEAD "account a\nlength 2\n\nx",	/* cut */
		HEAD "account a\nlength 1\n\nxy",
		HEAD "account a\n\nx",
		HEAD "length 1\n\nx",
		/* without its uid: it would be stored once for each claim */
		"dmbox-spool 1\naccount a\nlength 1\n\nx",
		HEAD "account a\nlength 1\n\nx",
	};
	const size_t n = sizeof files / sizeof *files;
	struct spool *s = NULL;
	struct spool_file *f = NULL;
	struct spool_stat st;
	char path[400];

	(void)state;
	assert_int_equal(spool_open(dir, &s), RC_OK);
	for (size_t i = 0; i < n; i++) {
		FILE *out;

		put(s, 1, "x", 1);
		only_file("new", path);
		assert_non_null(out = fopen(path, "w"));
		assert_int_equal(fwrite(files[i], 1, strlen(files[i]), out), strlen(files[i]));
		assert_int_equal(fclose(out), 0);
		if (i == n - 1)
			break;
		if (spool_claim(s, &f) != RC_NONE)
			fail_msg("taken: %s", files[i]);
		assert_int_equal(spool_stat(s, &st), RC_OK);
		assert_int_equal(st.bad, i + 1);
	}
	assert_int_equal(spool_claim(s, &f), RC_OK);
	spool_release(s, f);
	spool_close(s);
#undef HEAD
#undef UID
}

static void
test_look(void **state)
{
	struct looked l = { .most = 10 };
	struct spool *s = NULL;
	struct spool_file *f = NULL;
	char path[400];

	(void)state;
	assert_int_equal(spool_open(dir, &s), RC_OK);
	put(s, 1, "cut", 3);
	only_file("new", path);
	assert_int_equal(truncate(path, 30), 0);
	assert_int_equal(spool_claim(s, &f), RC_NONE);
	put(s, 2, "first", 5);
	put(s, 3, "second", 6);
	assert_int_equal(spool_look(s, look, &l), RC_OK);
	assert_int_equal(l.waiting, 2);
	assert_int_equal(l.bad, 1);
	assert_int_equal(l.whole, 2);
	l = (struct looked){ .most = 1 };
	assert_int_equal(spool_look(s, look, &l), RC_OK);
	assert_int_equal(l.waiting + l.bad, 1);
	assert_int_equal(spool_claim(s, &f), RC_OK);	/* looking claims none */
	assert_int_equal(spool_done(s, f), RC_OK);
	spool_close(s);
}

static void
test_cannot(void **state)
{
	struct spool *s = NULL;
	struct delivery d;
	char p[100], path[400];

	(void)state;
	assert_int_equal(spool_open("/dev/null/x", &s), RC_TEMP);
	assert_int_equal(spool_open(dir, &s), RC_OK);
	snprintf(p, sizeof p, "%s/new", dir);
	assert_int_equal(rmdir(p), 0);
	delivery_init(&d);
	d.account = "main";
	d.body = "x";
	d.body_n = 1;
	assert_int_equal(spool_put(s, &d), RC_TEMP);	/* and nothing is left in tmp */
	only_file("tmp", path);
	assert_string_equal(path, "");
	delivery_free(&d);
	spool_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_claimant, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_claim, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_look, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_head, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tries_stay, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* sign: known answers, strict base64url, shapes of random things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "extern/sign.h"
#include "base/str.h"

static void
test_known(void **state)
{
	unsigned char d[SIGN_SHA256], e[SIGN_SHA256];
	char hex[65];
	struct sign_hash *h;

	(void)state;
	/* RFC 4231, case 2 */
	sign_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, d);
	str_hex(d, sizeof d, hex);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	sign_hmac_sha256("", 0, "", 0, d);
	str_hex(d, sizeof d, hex);
	assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	sign_sha256_hex("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	h = sign_hash_new();
	sign_hash_add(h, "a", 1);
	sign_hash_add(h, "", 0);
	sign_hash_add(h, "bc", 2);
	sign_hash_end(h, d);
	sign_sha256("abc", 3, e);
	assert_true(sign_equal(d, sizeof d, e, sizeof e));
	e[31] ^= 1;
	assert_false(sign_equal(d, sizeof d, e, sizeof e));
	assert_false(sign_equal(d, 31, d, 32));
	assert_true(sign_equal("", 0, NULL, 0));
}

static void
test_b64(void **state)
{
	static const char *const bad[] = { "A", "AAAAA", "AA==", "A+AA", "A/AA", "AA A", "AB", "AAB",
		"!!", "AA\n", "AAA=" };
	unsigned char out[16];
	size_t n = 99;

	(void)state;
	assert_int_equal(sign_b64url_decode("aGk", 3, out, &n), RC_OK);
	assert_int_equal(n, 2);
	assert_memory_equal(out, "hi", 2);
	assert_int_equal(sign_b64url_decode("-_-_", 4, out, &n), RC_OK);
	assert_memory_equal(out, "\xfb\xff\xbf", 3);
	assert_int_equal(sign_b64url_decode("", 0, out, &n), RC_OK);
	assert_int_equal(n, 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (sign_b64url_decode(bad[i], strlen(bad[i]), out, &n) != RC_INVALID)
			fail_msg("accepted: %s", bad[i]);
}

static void
test_random(void **state)
{
	char a[37], b[37], t[101];

	(void)state;
	sign_uuid(a, 0);
	sign_uuid(b, 0);
	assert_int_equal(strlen(a), 36);
	assert_string_not_equal(a, b);
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	assert_int_equal(a[8], '-');
	sign_uuid(a, 1645557742000000);		/* RFC 9562, appendix A.6 */
	sign_uuid(b, 1645557742001000);
	assert_memory_equal(a, "017f22e2-79b0-7", 15);
	assert_non_null(strchr("89ab", a[19]));
	assert_true(strcmp(a, b) < 0);
	sign_token(t, 100);
	assert_true(str_charset(t, 100, 100, ""));
}

/* more ids than one filling of the store, all different */
static void
test_ids(void **state)
{
	static char ids[500][21], uuids[500][37];

	(void)state;
	for (size_t i = 0; i < 500; i++) {
		sign_id(ids[i], 20);
		sign_uuid(uuids[i], 0);
		assert_true(str_charset(ids[i], 20, 20, ""));
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(ids[i], ids[k]);
			assert_string_not_equal(uuids[i], uuids[k]);
		}
	}
	sign_id(ids[0], 0);
	assert_string_equal(ids[0], "");
}

/* a child has the parent's memory, but not its next ids */
static void
test_ids_of_a_child(void **state)
{
	char mine[21], its[21] = "";
	int fd[2], status;
	pid_t pid;

	(void)state;
	sign_id(mine, 20);
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		sign_id(mine, 20);
		_exit(write(fd[1], mine, 20) != 20);
	}
	sign_id(mine, 20);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(fd[0], its, 20), 20);
	assert_string_not_equal(mine, its);
	close(fd[0]);
	close(fd[1]);
}

/* A kernel of before 2014 has no such call. */
static void
test_random_without_its_call(void **state)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof f / sizeof *f, f };
	unsigned char a[600] = { 0 }, b[600] = { 0 };
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0)
			_exit(77);
		if (syscall(SYS_getrandom, a, 1, 0) != -1 || errno != ENOSYS)
			_exit(78);
		sign_random(a, sizeof a);
		sign_random(b, sizeof b);
		_exit(memcmp(a, b, sizeof a) == 0 || memcmp(a, a + 300, 300) == 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip(); /* the machine has no seccomp */
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_b64),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_random_without_its_call),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_ids_of_a_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

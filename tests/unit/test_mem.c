#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"

static void
test_copies(void **state)
{
	char *s = mem_ndup("abc\0def", 7), *t = mem_dup("xyz");

	(void)state;
	assert_memory_equal(s, "abc\0def", 8);
	assert_string_equal(t, "xyz");
	assert_null(mem_dup(NULL));
	free(s);
	mem_free_secret(t);
	mem_free_secret(NULL);
	mem_wipe(NULL, 0);
}

static void
test_zeroed(void **state)
{
	unsigned char *p = mem_array(3, 5), *q = mem_alloc(0);

	(void)state;
	for (int i = 0; i < 15; i++)
		assert_int_equal(p[i], 0);
	p = mem_realloc(p, 100, 2);
	free(p);
	free(q);
	for (size_t n = 1; n < 5000; n += 7) {	/* memory that was used before, too */
		memset(p = mem_alloc(n), 0xAA, n);
		free(p);
		p = mem_alloc(n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xAA, n);
		free(p);
	}
}

static void
test_arena(void **state)
{
	struct mem_arena a = { 0 };
	char *big, *prev = NULL;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char *p = mem_arena_alloc(&a, (size_t)(i % 90));

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		assert_ptr_not_equal(p, prev);
		for (int j = 0; j < i % 90; j++)
			assert_int_equal(p[j], 0);
		memset(p, 0xAA, (size_t)(i % 90));
		prev = p;
	}
	big = mem_arena_alloc(&a, 1000000);
	memset(big, 1, 1000000);
	assert_string_equal(mem_arena_ndup(&a, "hello world", 5), "hello");
	assert_null(mem_arena_dup(&a, NULL));
	mem_arena_free(&a);
	assert_null(a.head);
	mem_arena_free(&a);
	memset(mem_arena_alloc(&a, 4000), 0xAA, 4000);
	mem_arena_free(&a);	/* the next block is likely the same memory */
	assert_string_equal(mem_arena_dup(&a, "again"), "again");
	mem_arena_free(&a);
}

/* An impossible size ends the process with 70 instead of returning NULL. */
static void
test_dies(void **state)
{
	int st;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		close(STDERR_FILENO);
		mem_realloc(NULL, SIZE_MAX / 2, 16);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), 70);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_zeroed),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Memory that is there or ends the process.  exit goes through _exit: nothing
 * is flushed or run on the way out, and no core with secrets is written.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define BLOCK_MIN 4096u
#define SMALL 1024u
#define ALIGN _Alignof(max_align_t)

struct mem_block {
	struct mem_block *next;
	size_t size;
	_Alignas(max_align_t) char p[];
};

static __attribute__((noreturn)) void
die(void)
{
	static const char msg[] = "dmbox: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, msg, sizeof(msg) - 1);

	(void)ignored;
	_exit(70);
}

/*
 * Small ones by malloc: it has them at hand in a list of the thread, where calloc of
 * glibc 2.36 searches.  calloc knows that large ones from the kernel are zero.
 */
static void *
zeroed(size_t n)
{
	void *p = n <= SMALL ? malloc(n) : calloc(1, n);

	if (p == NULL)
		die();
	return n <= SMALL ? memset(p, 0, n) : p;
}

void *
mem_alloc(size_t n)
{
	return zeroed(n ? n : 1);
}

void *
mem_array(size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n ? n : 1, size ? size : 1, &all))
		die();
	return zeroed(all);
}

void *
mem_realloc(void *p, size_t n, size_t size)
{
	void *q;

	if (size != 0 && n > SIZE_MAX / size)
		die();
	q = realloc(p, n != 0 && size != 0 ? n * size : 1);
	if (q == NULL)
		die();
	return q;
}

char *
mem_dup(const char *s)
{
	return s == NULL ? NULL : mem_ndup(s, strlen(s));
}

char *
mem_ndup(const char *p, size_t n)
{
	char *s;

	if (n == SIZE_MAX)
		die();
	s = mem_alloc(n + 1);
	if (n > 0)
		memcpy(s, p, n);
	return s;
}

void
mem_wipe(void *p, size_t n)
{
	if (p != NULL)
		explicit_bzero(p, n);
}

void
mem_free_secret(char *s)
{
	if (s == NULL)
		return;
	mem_wipe(s, strlen(s));
	free(s);
}

/* A block large enough for n; the first of an arena is the small one. */
static void
arena_grow(struct mem_arena *a, size_t n)
{
	size_t size = a->head == NULL ? BLOCK_MIN : a->head->size * 2;
	struct mem_block *b;

	if (size > 256 * 1024)
		size = 256 * 1024;
	if (n > SIZE_MAX / 2)
		die();
	if (size < n)
		size = n;
	b = malloc(sizeof(*b) + size);
	if (b == NULL)
		die();
	b->size = size;
	b->next = a->head;
	a->head = b;
	a->used = 0;
}

/* n bytes of whatever was there */
static void *
arena_take(struct mem_arena *a, size_t n)
{
	void *p;

	if (n > SIZE_MAX / 2)
		die();
	n = n == 0 ? ALIGN : (n + ALIGN - 1) / ALIGN * ALIGN;
	if (a->head == NULL || a->head->size - a->used < n)
		arena_grow(a, n);
	p = a->head->p + a->used;
	a->used += n;
	return p;
}

void *
mem_arena_alloc(struct mem_arena *a, size_t n)
{
	return memset(arena_take(a, n), 0, n);
}

char *
mem_arena_dup(struct mem_arena *a, const char *s)
{
	return s == NULL ? NULL : mem_arena_ndup(a, s, strlen(s));
}

char *
mem_arena_ndup(struct mem_arena *a, const char *p, size_t n)
{
	char *s;

	if (n == SIZE_MAX)
		die();
	s = arena_take(a, n + 1);
	if (n > 0)
		memcpy(s, p, n);
	s[n] = '\0';
	return s;
}

void
mem_arena_free(struct mem_arena *a)
{
	struct mem_block *b, *next;

	for (b = a->head; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	a->head = NULL;
	a->used = 0;
}

#ifndef DMBOX_BASE_MEM_H
#define DMBOX_BASE_MEM_H

#include <stddef.h>

/*
 * Memory that is there or ends the process.  Nothing has been acknowledged
 * when an allocation fails, so dying is safe: the provider sends again and the
 * process manager starts a new program.  Caps at every edge (body, items,
 * answer) make it an emergency, not a path.
 */

/* mem_alloc(n): n zeroed bytes; free() releases them.  Dies instead of NULL. */
void *mem_alloc(size_t n) __attribute__((returns_nonnull, malloc));
/* mem_array(n, size): zeroed array, dies on overflow too.  Caller frees. */
void *mem_array(size_t n, size_t size) __attribute__((returns_nonnull, malloc));
/* mem_realloc(p, n, size): resize to n elements of size; new part not zeroed.
 * Caller frees. */
void *mem_realloc(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
/* mem_dup(s): copy of a string; NULL gives NULL.  Caller frees. */
char *mem_dup(const char *s);
/* mem_ndup(p, n): copy of n bytes with a NUL behind them.  Caller frees. */
char *mem_ndup(const char *p, size_t n) __attribute__((returns_nonnull));
/* mem_wipe(p, n): overwrite, not optimised away; NULL is legal. */
void mem_wipe(void *p, size_t n);
/* mem_free_secret(s): wipe a string and free it; NULL is legal. */
void mem_free_secret(char *s);

/*
 * An arena: many small allocations that die together.  Zero-initialise it
 * (struct mem_arena a = {0}); mem_arena_free releases all and makes it empty
 * again.  Not shared between threads.
 */
struct mem_block;
struct mem_arena {
	struct mem_block *head;	/* newest block first */
	size_t used;		/* bytes used in head */
};
/* mem_arena_alloc(a, n): n zeroed bytes, good until mem_arena_free(a). */
void *mem_arena_alloc(struct mem_arena *a, size_t n) __attribute__((returns_nonnull));
/* mem_arena_dup(a, s): a copy of a string in the arena; NULL gives NULL. */
char *mem_arena_dup(struct mem_arena *a, const char *s);
/* mem_arena_ndup(a, p, n): a copy of n bytes with a NUL behind them, in the arena. */
char *mem_arena_ndup(struct mem_arena *a, const char *p, size_t n) __attribute__((returns_nonnull));
/* mem_arena_free(a): all that came from it is gone; a is empty and usable again. */
void mem_arena_free(struct mem_arena *a);

#endif

/*
 * Names that stand twice in one object.  json-c keeps the last of them, so the text is read
 * once more, as far as json_once does not see at a glance that there are none.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "extern/json.h"

#define DEPTH_MAX 64		/* json_parse takes less */

struct slice {
	const char *p;
	size_t n;
};

struct member {
	struct slice key, value;
};

/* The members of the objects that are open, the innermost last. */
struct scan {
	struct member *v;
	size_t n, cap;
	size_t base[DEPTH_MAX];
	bool object[DEPTH_MAX];
	size_t depth;
	enum json_twice found;
};

static bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static int
by_key(const void *a, const void *b)
{
	struct slice x = ((const struct member *)a)->key, y = ((const struct member *)b)->key;
	int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

	return c != 0 ? c : (x.n > y.n) - (x.n < y.n);
}

/* "contact_i\u0064", "contact_id\u0000": an escape where no writer needs one. */
static bool
odd_escape(struct slice k)
{
	for (size_t i = 0; i + 5 < k.n; i++) {
		if (k.p[i] != '\\')
			continue;
		if (k.p[i + 1] == 'u' && k.p[i + 2] == '0' && k.p[i + 3] == '0' && k.p[i + 4] < '8')
			return true;
		i++;
	}
	return false;
}

static void
note(struct scan *s, enum json_twice found)
{
	if (found > s->found)
		s->found = found;
}

static void
end_value(struct scan *s, const char *at)
{
	struct slice *v;

	if (s->depth == 0 || !s->object[s->depth - 1] || s->n == s->base[s->depth - 1])
		return;
	v = &s->v[s->n - 1].value;
	v->n = (size_t)(at - v->p);
	str_trim(&v->p, &v->n);
}

static void
end_object(struct scan *s)
{
	size_t base = s->base[s->depth - 1], n = s->n - base;
	struct member *m;

	if (n < 2) {
		s->n = base;
		return;
	}
	m = s->v + base;
	qsort(m, n, sizeof *m, by_key);
	for (size_t i = 0; i + 1 < n; i++)
		if (slice_eq(m[i].key, m[i + 1].key))
			note(s, slice_eq(m[i].value, m[i + 1].value) ? JSON_SAME : JSON_TWICE);
	s->n = base;
}

static void
open_container(struct scan *s, bool object)
{
	if (s->depth == DEPTH_MAX) {
		s->found = JSON_TWICE;
		return;
	}
	s->base[s->depth] = s->n;
	s->object[s->depth++] = object;
}

size_t
json_string_end(const char *p, size_t n, size_t i)
{
	for (i++; i < n && p[i] != '"'; i++)
		if (p[i] == '\\')
			i++;
	return i < n ? i : n;
}

/* The string p[i..end]; a name where a colon follows. */
static void
add_string(struct scan *s, const char *p, size_t n, size_t i, size_t end)
{
	size_t colon = end + 1;

	while (colon < n && memchr(" \t\r\n", p[colon], 4) != NULL)
		colon++;
	if (colon >= n || p[colon] != ':' || s->depth == 0 || !s->object[s->depth - 1])
		return;
	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? s->cap * 2 : 32;
		s->v = mem_realloc(s->v, s->cap, sizeof *s->v);
	}
	s->v[s->n].key = (struct slice){ p + i + 1, end - i - 1 };
	s->v[s->n].value = (struct slice){ p + colon + 1, 0 };
	if (odd_escape(s->v[s->n++].key))
		note(s, JSON_TWICE);
}

static enum json_twice
scan_text(const char *p, size_t n)
{
	struct scan s = { 0 };

	for (size_t i = 0; i < n && s.found != JSON_TWICE; i++) {
		if (p[i] == '"') {
			size_t end = json_string_end(p, n, i);

			add_string(&s, p, n, i, end);
			i = end;
		} else if (p[i] == '{' || p[i] == '[') {
			open_container(&s, p[i] == '{');
		} else if (p[i] == ',') {
			end_value(&s, p + i);
		} else if ((p[i] == '}' || p[i] == ']') && s.depth > 0) {
			end_value(&s, p + i);
			if (s.object[s.depth - 1])
				end_object(&s);
			s.depth--;
		}
	}
	free(s.v);
	return s.found;
}

enum json_twice
json_twice(const struct json *j, const char *p, size_t n)
{
	return json_once(j, p, n) ? JSON_ONCE : scan_text(p, n);
}

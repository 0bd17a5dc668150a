/*
 * What was meant by bytes that are no JSON.  The flow put a customer's words between two
 * quotes, so the words can hold members of their own.  What they cannot do is take away
 * or precede the members that the flow wrote before them: the order decides, here by
 * keeping it, in in.c by reading it.
 */
#include "provider/chatrace/template.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "extern/json.h"
#include "provider/chatrace/names.h"

#define KEY_MAX 64		/* bytes of a name in a template */
#define MEMBERS_MAX 200

struct slice {
	const char *p;
	size_t n;
};

struct member {
	struct slice key, value;
};

static bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* Space of JSON, and the kind without a break that comes along from a web page. */
static size_t
skip_space(const char *p, size_t n, size_t i)
{
	while (i < n)
		if (memchr(" \t\r\n", p[i], 4) != NULL)
			i++;
		else if (i + 1 < n && memcmp(p + i, "\xc2\xa0", 2) == 0)
			i += 2;
		else
			break;
	return i;
}

struct mend {
	const char *p;
	size_t n;		/* up to the closing brace, exclusive */
	struct mem_arena *arena;
	struct buf out;
	struct slice seen[MEMBERS_MAX];
	size_t n_seen;
	bool sender;		/* one was named before the text */
	bool bare;		/* the text has no quotes */
};

static bool
plain_key(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(p[i] == '_' || p[i] == '.' || p[i] == '-' || (p[i] >= '0' && p[i] <= '9') ||
			(p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z')))
			return false;
	return n > 0 && n <= KEY_MAX;
}

/* "name" : at i.  The place of the value, 0 where there is no such thing. */
static size_t
key_at(const struct mend *m, size_t i, struct slice *key)
{
	size_t end;

	if (i >= m->n || m->p[i] != '"')
		return 0;
	for (end = i + 1; end < m->n && m->p[end] != '"' && end - i <= KEY_MAX + 1; end++)
		;
	if (end >= m->n || m->p[end] != '"' || !plain_key(m->p + i + 1, end - i - 1))
		return 0;
	*key = (struct slice){ m->p + i + 1, end - i - 1 };
	i = skip_space(m->p, m->n, end + 1);
	return i < m->n && m->p[i] == ':' ? skip_space(m->p, m->n, i + 1) : 0;
}

/* , "name" : at i, which is behind a value: as key_at. */
static size_t
next_key(const struct mend *m, size_t i, struct slice *key)
{
	i = skip_space(m->p, m->n, i);
	return i < m->n && m->p[i] == ',' ? key_at(m, skip_space(m->p, m->n, i + 1), key) : 0;
}

/* The quote that ends the string begun before from: the next member or the end follows. */
static size_t
lenient_end(const struct mend *m, size_t from)
{
	struct slice key;

	for (size_t i = from; i < m->n; i++)
		if (m->p[i] == '"' &&
		    (next_key(m, i + 1, &key) != 0 || skip_space(m->p, m->n, i + 1) == m->n))
			return i;
	return 0;
}

/* The end of a number, word, object or array that begins at i. */
static size_t
other_end(const struct mend *m, size_t i)
{
	size_t depth = 0;

	for (; i < m->n; i++) {
		char c = m->p[i];

		if (c == '"')
			i = json_string_end(m->p, m->n, i);
		else if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && depth-- == 0)
			return 0;
		else if (c == ',' && depth == 0)
			break;
	}
	return i > m->n ? m->n : i;
}

/* Each name counts once, the first time. */
static bool
first_time(struct mend *m, struct slice key)
{
	for (size_t i = 0; i < m->n_seen; i++)
		if (slice_eq(m->seen[i], key))
			return false;
	if (m->n_seen == MEMBERS_MAX)
		return false;
	m->seen[m->n_seen++] = key;
	return true;
}

static void
put_key(struct mend *m, struct slice key)
{
	buf_putc(&m->out, m->out.n == 0 ? '{' : ',');
	json_put_strn(&m->out, key.p, key.n);
	buf_putc(&m->out, ':');
}

/* The words between the two quotes of a string; escapes are read where they are JSON's. */
static void
put_words(struct mend *m, struct slice w)
{
	struct json *j = NULL;
	const char *text;

	if (!m->bare && json_parse(w.p - 1, w.n + 2, &j, NULL) == RC_OK &&
	    json_type(j) == JSON_STRING)
		buf_put(&m->out, w.p - 1, w.n + 2);
	else {
		text = str_utf8_clean(m->arena, w.p, w.n, NULL);
		json_put_str(&m->out, text);
	}
	json_free(j);
}

static void
put_other(struct mend *m, struct slice key, struct slice v)
{
	struct json *j = NULL;

	if (json_parse(v.p, v.n, &j, NULL) == RC_OK && json_twice(j, v.p, v.n) != JSON_TWICE &&
	    first_time(m, key)) {
		put_key(m, key);
		buf_put(&m->out, v.p, v.n);
	}
	json_free(j);
}

static bool
names_sender_too(struct slice key)
{
	for (const char *const *s = names_sender; *s != NULL; s++)
		if (name_same(*s, strlen(*s), key.p, key.n))
			return true;
	return false;
}

/* The next member that is a text, at or behind i, whatever lies between; as key_at. */
static size_t
seek_text(const struct mend *m, size_t i, struct slice *key)
{
	size_t v;

	for (; i < m->n; i++)
		if (m->p[i] == ',' && (v = next_key(m, i, key)) != 0 && v < m->n &&
		    m->p[v] == '"' && name_class(key->p, key->n) == NAME_TEXT)
			return v;
	return 0;
}

/* One member before the text, whose value begins at v; the place behind it, 0 if broken. */
static size_t
one_before_text(struct mend *m, struct slice key, size_t v)
{
	bool string = v < m->n && m->p[v] == '"';
	size_t end = string ? lenient_end(m, v + 1) : other_end(m, v);

	if (end == 0)
		return 0;
	if (!string)
		put_other(m, key, (struct slice){ m->p + v, end - v });
	else if (first_time(m, key)) {
		put_key(m, key);
		put_words(m, (struct slice){ m->p + v + 1, end - v - 1 });
	}
	m->sender |= names_sender_too(key);
	return end + string;
}

/*
 * Is the value at v a text?  Also one whose quotes the flow forgot, "text": {{last_input}},
 * where the sender stands before it; a number, a word or an object of JSON is none.
 */
static bool
is_text(struct mend *m, struct slice key, size_t v)
{
	struct json *j = NULL;
	size_t end;

	if (v >= m->n || name_class(key.p, key.n) != NAME_TEXT)
		return false;
	m->bare = m->p[v] != '"';
	if (!m->bare)
		return true;
	end = other_end(m, v);
	if (!m->sender || m->p[v] == ',' || m->p[v] == '{' || m->p[v] == '[' ||
	    (end != 0 && json_parse(m->p + v, end - v, &j, NULL) == RC_OK))
		m->bare = false;
	json_free(j);
	return m->bare;
}

/* The members before the text; the place of the text's first byte, 0 where none is. */
static size_t
before_text(struct mend *m, struct slice *key)
{
	size_t i = skip_space(m->p, m->n, 1), v = key_at(m, i, key);

	while (v != 0 && !is_text(m, *key, v)) {
		size_t next;

		i = one_before_text(m, *key, v);
		next = i != 0 ? next_key(m, i, key) : 0;
		/* else a name broke it, or what a customer wrote there */
		v = next != 0 ? next : seek_text(m, v, key);
	}
	return v != 0 ? v + !m->bare : 0;
}

/* Where data of the contact begin behind the text that starts at from; 0: nowhere. */
static size_t
profile_behind(const struct mend *m, size_t from)
{
	struct slice key;

	for (size_t i = from; i < m->n; i++)
		if ((m->bare || m->p[i] == '"') && next_key(m, i + !m->bare, &key) != 0 &&
		    name_class(key.p, key.n) == NAME_PROFILE)
			return i;
	return m->bare ? m->n : 0;
}

/* The member that ends at end, if it is a whole one: the place of the quote before its
 * comma; 0 where it is none. */
static size_t
member_before(const struct mend *m, size_t from, size_t end, struct slice *key, struct slice *v)
{
	size_t i = end, k;

	while (i > from && memchr(" \t\r\n", m->p[i - 1], 4) != NULL)
		i--;
	end = i;
	if (i <= from)
		return 0;
	if (m->p[i - 1] == '"')
		for (i--; i > from && m->p[i - 1] != '"'; i--)
			;
	else
		while (i > from && strchr("+-.0123456789aeflnrstuE", m->p[i - 1]) != NULL &&
		    m->p[i - 1] != '\0')
			i--;
	k = i - (m->p[end - 1] == '"');
	*v = (struct slice){ m->p + k, end - k };
	/* backwards over  " , "name" :  */
	for (i = k; i > from && m->p[i - 1] != ','; i--)
		;
	if (i <= from)
		return 0;
	i--;
	if (next_key(m, i, key) != k || v->n == 0)
		return 0;
	while (i > from && memchr(" \t\r\n", m->p[i - 1], 4) != NULL)
		i--;
	return i > from && m->p[i - 1] == '"' ? i - 1 : 0;
}

/* Whole members behind the text, from the last one on, as long as they cannot be words:
 * a flow that has named the sender does not do so again. */
static size_t
tail_from_end(const struct mend *m, size_t from, struct member *tail, size_t *n_tail)
{
	size_t end = m->n, at;
	struct member x;

	while (*n_tail < MEMBERS_MAX && (at = member_before(m, from, end, &x.key, &x.value)) != 0) {
		enum name_class c = name_class(x.key.p, x.key.n);

		if (c == NAME_TEXT || (c == NAME_IDENTITY && m->sender))
			break;
		tail[(*n_tail)++] = x;
		end = at + 1;
	}
	while (end > from && memchr(" \t\r\n", m->p[end - 1], 4) != NULL)
		end--;
	return end > from && m->p[end - 1] == '"' ? end - 1 : 0;
}

enum rc
template_mend(struct mem_arena *a, const char *p, size_t n, char **out)
{
	struct mend m = { .p = p, .arena = a };
	struct member tail[MEMBERS_MAX];
	struct slice key = { 0 };
	size_t from, end, n_tail = 0;
	enum rc rc = RC_INVALID;

	str_trim(&p, &n);
	m.p = p;
	if (n < 2 || p[0] != '{' || p[n - 1] != '}')
		return RC_INVALID;
	m.n = n - 1;
	/* a comma behind the last member: the flow's, for words stand before a quote */
	while (m.n > 2)
		if (memchr(" \t\r\n,", p[m.n - 1], 5) != NULL)
			m.n--;
		else if (memcmp(p + m.n - 2, "\xc2\xa0", 2) == 0)
			m.n -= 2;
		else
			break;
	buf_init(&m.out, n * 6 + 64);
	from = before_text(&m, &key);
	if (from == 0)
		goto out;
	end = m.sender ? profile_behind(&m, from) : 0;
	if (end == 0)
		end = tail_from_end(&m, from, tail, &n_tail);
	if (end == 0)
		goto out;
	put_key(&m, key);
	put_words(&m, (struct slice){ p + from, end - from });
	(void)first_time(&m, key);
	while (n_tail-- > 0)
		put_other(&m, tail[n_tail].key, tail[n_tail].value);
	buf_putc(&m.out, '}');
	if (!buf_err(&m.out)) {
		*out = mem_arena_ndup(a, m.out.p, m.out.n);
		rc = RC_OK;
	}
out:
	buf_free(&m.out);
	return rc;
}

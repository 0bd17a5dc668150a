/*
 * What the log may not show: registered secrets, and what looks like one; and the characters
 * that it shows escaped.  The secrets have a lock of their own, they are read at every line.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/str.h"

#define SECRET_MIN 8u
#define STRIDE_MAX 31u			/* of the quick look for secrets */

/* The last letters of secret, token, password. */
#define PATTERN_ENDS \
	{ \
		['t'] = true, ['T'] = true, ['n'] = true, ['N'] = true, ['d'] = true, ['D'] = true \
	}
#define EXTRA_MAX 32

#define PAIRS (65536 / 8)		/* a bit for any two bytes */

static struct secrets {
	pthread_rwlock_t lock;
	char **v;
	size_t n;
	bool first[256];	/* bytes some secret starts with */
	bool ends[256];		/* last bytes of names of secrets */
	const struct log_pattern *extra[EXTRA_MAX];
	size_t n_extra;
	bool patterns;		/* pairs knows the patterns */
	unsigned char pairs[PAIRS];	/* and the two bytes: a line without any of
				 * them, as nearly all are, is looked at once and not copied */
	size_t stride;		/* less than the shortest secret has bytes */
	unsigned char inner[PAIRS];	/* neighbours among the first stride + 1 bytes of each */
} secrets = { .lock = PTHREAD_RWLOCK_INITIALIZER, .ends = PATTERN_ENDS, .stride = STRIDE_MAX };

static bool
ends_value(char c)
{
	return (unsigned char)c <= ' ' || strchr("&\"'<>#,;)}]\\", c) != NULL;
}

static bool
match(const char *p, size_t n, const char *word)
{
	size_t m = strlen(word);

	return n >= m && (*p | 0x20) == (*word | 0x20) && strncasecmp(p, word, m) == 0;
}

/* How many bytes at p are word and what leads to a value: word=, "word":" */
static size_t
name_at(const char *p, size_t n, const char *word)
{
	size_t k = strlen(word);

	if (!match(p, n, word) || k == n)
		return 0;
	if (p[k] == '=')
		return k + 1;
	if (p[k] == '"' && k + 1 < n) {
		for (k++; k < n && (p[k] == ' ' || p[k] == ':'); k++)
			;
		if (k < n && p[k] == '"' && memchr(p, ':', k) != NULL)
			return k + 1;
	}
	return 0;
}

/* How many bytes at p lead to a value that is secret: secret=, *token=, password=, and the
 * same as JSON members; registered patterns. */
static size_t
key_at(const char *p, size_t n)
{
	static const char *const words[] = { "secret", "token", "password" };
	size_t k;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((k = name_at(p, n, words[i])) != 0)
			return k;
	if (match(p, n, "bearer ") && n > 20 && memchr(p + 7, ' ', 13) == NULL)
		return strlen("bearer ");	/* not the words "bearer token" */
	for (size_t i = 0; i < secrets.n_extra; i++) {
		const struct log_pattern *x = secrets.extra[i];

		k = x->at == NULL	   ? name_at(p, n, x->starts) :
		    match(p, n, x->starts) ? x->at(p, n) :
					     0;
		if (k != 0 && k <= n)
			return k;
	}
	return 0;
}

/* "://user:" : a password follows, up to the '@'. */
static size_t
userinfo_at(const char *p, size_t n, size_t *value)
{
	size_t k = 3, colon = 0;

	if (!match(p, n, "://"))
		return 0;
	for (; k < n && p[k] != '/' && p[k] != '?' && !ends_value(p[k]); k++) {
		if (p[k] == ':' && colon == 0)
			colon = k + 1;
		if (p[k] == '@' && colon != 0) {
			*value = k - colon;
			return colon;
		}
	}
	return 0;
}

/* Length of the registered secret at p, the longest one; 0 = none. */
static size_t
secret_at(const char *p, size_t n)
{
	size_t best = 0;

	if (n < SECRET_MIN || !secrets.first[(unsigned char)*p])
		return 0;
	for (size_t i = 0; i < secrets.n; i++) {
		size_t m;

		if (secrets.v[i][0] != p[0] || secrets.v[i][1] != p[1])
			continue;
		m = strlen(secrets.v[i]);
		if (m > best && m <= n && memcmp(p, secrets.v[i], m) == 0)
			best = m;
	}
	return best;
}

/* May a pattern stand here?  By the second letter of those of PATTERN_BYTES. */
static bool
likely(const char *p, size_t n)
{
	char second = n > 1 ? (char)(p[1] | 0x20) : '\0';

	switch (p[0] | 0x20) {
	case 's':
	case 'b':
		if (second == 'e')
			return true;
		break;
	case 't':
		if (second == 'o')
			return true;
		break;
	case 'p':
		if (second == 'a')
			return true;
		break;
	case ':':
		if (second == '/')
			return true;
		break;
	default:
		break;
	}
	for (size_t i = 0; i < secrets.n_extra; i++)
		if ((p[0] | 0x20) == (secrets.extra[i]->starts[0] | 0x20) &&
		    second == (char)(secrets.extra[i]->starts[1] | 0x20))
			return true;
	return false;
}

static bool
pair_set(const unsigned char pairs[PAIRS], const char *p)
{
	uint16_t i;

	memcpy(&i, p, sizeof(i));
	return (pairs[i >> 3] >> (i & 7) & 1) != 0;
}

static void
pair_add(unsigned char pairs[PAIRS], const char *p)
{
	uint16_t i;

	memcpy(&i, p, sizeof(i));
	pairs[i >> 3] |= (unsigned char)(1u << (i & 7));
}

/* Both letters of the patterns, in either case.  With the lock for writing. */
static void
pairs_of_patterns(void)
{
	for (int a = 1; a < 256; a++)
		for (int b = 1; b < 256; b++) {
			char s[2] = { (char)a, (char)b };

			if (likely(s, 2))
				pair_add(secrets.pairs, s);
		}
	secrets.patterns = true;
}

/*
 * The next place where something must not be shown: keep bytes (a key) stay,
 * hide bytes behind them go.  n where there is none.  With the lock.
 */
static size_t
hit(const char *p, size_t n, size_t *keep, size_t *hide)
{
	for (size_t i = 0; i + 1 < n; i++) {
		size_t left = n - i, k = 0, v;
		const char *at = p + i;

		if (!pair_set(secrets.pairs, at))
			continue;
		v = secret_at(at, left);
		if (v == 0 && likely(at, left)) {
			k = key_at(at, left);
			if (k != 0) {
				while (k + v < left && !ends_value(at[k + v]) && at[k + v] != '/' &&
				    at[k + v] != '?')
					v++;
				if (secret_at(at + k, left - k) > v)
					v = secret_at(at + k, left - k);
			} else
				k = userinfo_at(at, left, &v);
		}
		if (k + v > 0) {
			*keep = k;
			*hide = v;
			return i;
		}
	}
	return n;
}

void
log_pattern(const struct log_pattern *p)
{
	unsigned char last = (unsigned char)p->starts[strlen(p->starts) - 1];
	bool there = false;

	pthread_rwlock_wrlock(&secrets.lock);
	for (size_t i = 0; i < secrets.n_extra; i++)
		there |= secrets.extra[i] == p;
	if (!there && secrets.n_extra < EXTRA_MAX) {
		secrets.extra[secrets.n_extra++] = p;
		if (p->at == NULL) {
			secrets.ends[last | 0x20] = true;
			secrets.ends[last & ~0x20] = true;
		}
		secrets.patterns = false;
	}
	pthread_rwlock_unlock(&secrets.lock);
}

static void
secrets_rdlock(void)
{
	pthread_rwlock_rdlock(&secrets.lock);
	if (secrets.patterns)
		return;
	pthread_rwlock_unlock(&secrets.lock);
	pthread_rwlock_wrlock(&secrets.lock);
	pairs_of_patterns();
	pthread_rwlock_unlock(&secrets.lock);
	pthread_rwlock_rdlock(&secrets.lock);
}

/* Does a registered secret begin among the stride bytes up to i? */
static bool
secret_around(const char *p, size_t n, size_t i)
{
	for (size_t k = i < secrets.stride ? 0 : i - secrets.stride + 1; k <= i; k++)
		if (pair_set(secrets.pairs, p + k) && secret_at(p + k, n - k) > 0)
			return true;
	return false;
}

/* Does a pattern begin anywhere, in either case? */
static bool
found_start(const char *p, size_t n, const char *starts)
{
	const char one[2] = { (char)(starts[0] | 0x20),
		starts[0] >= 'a' && starts[0] <= 'z' ? (char)(starts[0] - 32) : starts[0] };
	const char *end = p + n, *c;

	for (size_t i = 0; i < (one[0] == one[1] ? 1u : 2u); i++)
		for (c = p; (c = memchr(c, one[i], (size_t)(end - c))) != NULL; c++)
			if (c + 1 < end && (c[1] | 0x20) == (starts[1] | 0x20) &&
			    match(c, (size_t)(end - c), starts))
				return true;
	return false;
}

/*
 * A quick look, wrong to one side only: false wherever hit would find something.  A
 * registered secret has more than stride bytes, so one of its first stride pairs stands
 * at a multiple of stride.  A pattern is a name before '=' or a quote, or begins somewhere.
 */
static bool
nothing_like_it(const char *p, size_t n)
{
	const char *end = p + n, *c;

	for (size_t i = 0; i + 1 < n; i += secrets.stride)
		if (pair_set(secrets.inner, p + i) && secret_around(p, n, i))
			return false;
	for (size_t i = 0; i < 2; i++)		/* behind a name */
		for (c = p; (c = memchr(c, "=\""[i], (size_t)(end - c))) != NULL; c++)
			if (c > p && secrets.ends[(unsigned char)c[-1]])
				return false;
	if (found_start(p, n, "bearer ") || found_start(p, n, "//"))
		return false;
	for (size_t i = 0; i < secrets.n_extra; i++)
		if (secrets.extra[i]->at != NULL && found_start(p, n, secrets.extra[i]->starts))
			return false;
	return true;
}

/* Is there nothing to hide in it? */
bool
mask_innocent(const char *p, size_t n)
{
	size_t keep, hide;
	bool yes;

	secrets_rdlock();
	yes = nothing_like_it(p, n) || hit(p, n, &keep, &hide) == n;
	pthread_rwlock_unlock(&secrets.lock);
	return yes;
}

void
mask_put(const char *p, size_t n, struct buf *out)
{
	size_t i, keep, hide;

	secrets_rdlock();
	while (n > 0) {
		keep = hide = 0;
		i = hit(p, n, &keep, &hide);
		buf_put(out, p, i + keep);
		if (hide > 0)
			buf_puts(out, "***");
		p += i + keep + hide;
		n -= i + keep + hide;
	}
	pthread_rwlock_unlock(&secrets.lock);
}

/* Characters that change how a terminal shows a line: C1 and bidi controls. */
static bool
treacherous(const unsigned char *u, size_t n)
{
	if (n >= 2 && u[0] == 0xC2 && u[1] < 0xA0)
		return true;
	if (n < 3 || u[0] != 0xE2)
		return false;
	return (u[1] == 0x80 && u[2] >= 0xA8 && u[2] <= 0xAE) ||
	    (u[1] == 0x81 && u[2] >= 0xA6 && u[2] <= 0xA9);
}

static bool
cont(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* How many bytes can be shown as they are, as far as that is seen at a glance. */
size_t
mask_harmless(const unsigned char *u, size_t n)
{
	size_t i = 0;

	for (;;) {
		if (i < n && u[i] < 0x80)
			i += str_plain((const char *)u + i, n - i);
		if (n - i >= 3 && u[i] > 0xE0 && u[i] < 0xED && cont(u[i + 1]) && cont(u[i + 2]) &&
		    !(u[i] == 0xE2 && u[i + 1] < 0x82))
			i += 3;
		else if (n - i >= 2 && u[i] >= 0xC3 && u[i] < 0xE0 && cont(u[i + 1]))
			i += 2;
		else if (n - i >= 4 && u[i] == 0xF0 && u[i + 1] >= 0x90 && cont(u[i + 1]) &&
		    cont(u[i + 2]) && cont(u[i + 3]))
			i += 4;
		else
			return i;
	}
}

void
mask_escape(const char *p, size_t n, struct buf *out)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t i, len;

	for (i = 0; i < n; i += len) {
		len = mask_harmless(u + i, n - i);
		if (len > 0) {
			buf_put(out, p + i, len);
			continue;
		}
		len = 1;
		if (u[i] == '\n')
			buf_puts(out, "\\n");
		else if (u[i] == '\r')
			buf_puts(out, "\\r");
		else if (u[i] == '\t')
			buf_puts(out, "\\t");
		else if (u[i] < 0x20 || u[i] == 0x7F)
			buf_printf(out, "\\x%02x", u[i]);
		else {
			len = u[i] >= 0xF0 ? 4 : u[i] >= 0xE0 ? 3 : 2;
			if (i + len > n || !str_utf8_ok(p + i, len) || treacherous(u + i, n - i)) {
				len = 1;
				buf_printf(out, "\\x%02x", u[i]);
			} else
				buf_put(out, p + i, len);
		}
	}
}

void
log_mask(const char *p, size_t n, char *out, size_t cap)
{
	struct buf a, b;
	size_t m;

	if (cap == 0)
		return;
	if (mask_innocent(p, n) && mask_harmless((const unsigned char *)p, n) == n) {
		m = str_utf8_cut(p, n, cap - 1);
		memcpy(out, p, m);
		out[m] = '\0';
		return;
	}
	buf_init(&a, n * 4 + 64);
	buf_init(&b, n * 16 + 256);
	mask_put(p, n, &a);
	mask_escape(a.p, a.n, &b);
	m = str_utf8_cut(b.p, b.n, cap - 1);
	memcpy(out, b.p, m);
	out[m] = '\0';
	buf_free(&a);
	buf_free(&b);
}

void
log_secret(const char *s)
{
	if (s == NULL || strlen(s) < SECRET_MIN)
		return;
	pthread_rwlock_wrlock(&secrets.lock);
	for (size_t i = 0; i < secrets.n; i++)
		if (strcmp(secrets.v[i], s) == 0)
			goto out;
	secrets.v = mem_realloc(secrets.v, secrets.n + 1, sizeof(*secrets.v));
	secrets.v[secrets.n++] = mem_dup(s);
	secrets.first[(unsigned char)*s] = true;
	pair_add(secrets.pairs, s);
	if (strlen(s) - 1 < secrets.stride)
		secrets.stride = strlen(s) - 1;
	for (size_t i = 0; i < secrets.stride; i++)
		pair_add(secrets.inner, s + i);
out:
	pthread_rwlock_unlock(&secrets.lock);
}

void
log_secrets_reset(void)
{
	pthread_rwlock_wrlock(&secrets.lock);
	for (size_t i = 0; i < secrets.n; i++)
		mem_free_secret(secrets.v[i]);
	free(secrets.v);
	secrets.v = NULL;
	secrets.n = 0;
	memset(secrets.first, 0, sizeof(secrets.first));
	memset(secrets.pairs, 0, sizeof(secrets.pairs));
	memset(secrets.inner, 0, sizeof(secrets.inner));
	secrets.stride = STRIDE_MAX;
	secrets.patterns = false;
	pthread_rwlock_unlock(&secrets.lock);
}

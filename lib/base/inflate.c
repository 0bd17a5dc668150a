/*
 * RFC 1951, for bodies that a sender compressed.  The webhook links no zlib and needs none
 * otherwise; these are a few lines, speed is of no account (a body has 4 MB at most) and
 * the output is capped by its buffer.
 */
#include "base/inflate.h"

#include <stdint.h>
#include <string.h>

#define BITS_MAX 15
#define LITERALS 288
#define DISTANCES 32

struct stream {
	const unsigned char *p;
	size_t n, i;
	uint32_t bits;
	unsigned int n_bits;
	bool bad;		/* the input ended or is broken */
	struct buf *out;
	size_t from;		/* where our output begins in out */
};

/* A canonical code: how many symbols of each length, and the symbols in order. */
struct code {
	uint16_t count[BITS_MAX + 1];
	uint16_t symbol[LITERALS];
};

static unsigned int
take(struct stream *s, unsigned int want)
{
	unsigned int v;

	while (s->n_bits < want) {
		if (s->i == s->n) {
			s->bad = true;
			return 0;
		}
		s->bits |= (uint32_t)s->p[s->i++] << s->n_bits;
		s->n_bits += 8;
	}
	v = s->bits & ((1u << want) - 1);
	s->bits >>= want;
	s->n_bits -= want;
	return v;
}

/* False where the lengths make no code. */
static bool
make_code(struct code *c, const uint8_t *length, unsigned int n)
{
	uint16_t next[BITS_MAX + 1] = { 0 };
	int left = 1;

	memset(c, 0, sizeof *c);
	for (unsigned int i = 0; i < n; i++)
		c->count[length[i]]++;
	c->count[0] = 0;
	for (int b = 1; b <= BITS_MAX; b++) {
		left = left * 2 - c->count[b];
		if (left < 0)
			return false;
		if (b < BITS_MAX)
			next[b + 1] = next[b] + c->count[b];
	}
	for (unsigned int i = 0; i < n; i++)
		if (length[i] != 0)
			c->symbol[next[length[i]]++] = (uint16_t)i;
	return true;
}

static unsigned int
decode(struct stream *s, const struct code *c)
{
	unsigned int code = 0, first = 0, index = 0;

	for (int b = 1; b <= BITS_MAX && !s->bad; b++) {
		code |= take(s, 1);
		if (code < first + c->count[b])
			return c->symbol[index + code - first];
		index += c->count[b];
		first = (first + c->count[b]) << 1;
		code <<= 1;
	}
	s->bad = true;
	return 0;
}

static void
copy_back(struct stream *s, unsigned int length, unsigned int distance)
{
	if (distance > s->out->n - s->from) {
		s->bad = true;
		return;
	}
	while (length-- > 0 && !buf_err(s->out))
		buf_putc(s->out, s->out->p[s->out->n - distance]);
}

static void
block(struct stream *s, const struct code *literal, const struct code *distance)
{
	static const uint16_t length_base[] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27,
		31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
	static const uint8_t length_bits[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3,
		3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
	static const uint16_t dist_base[] = { 1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129,
		193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385,
		24577 };
	unsigned int v, length, d;

	while (!s->bad && !buf_err(s->out)) {
		v = decode(s, literal);
		if (s->bad || v == 256)
			return;
		if (v < 256) {
			buf_putc(s->out, (char)v);
			continue;
		}
		v -= 257;
		if (v >= sizeof length_bits) {
			s->bad = true;
			return;
		}
		length = length_base[v] + take(s, length_bits[v]);
		d = decode(s, distance);
		if (s->bad || d >= sizeof dist_base / sizeof dist_base[0]) {
			s->bad = true;
			return;
		}
		d = dist_base[d] + take(s, d < 2 ? 0 : (d - 2) / 2);
		if (!s->bad)
			copy_back(s, length, d);
	}
}

static void
stored(struct stream *s)
{
	unsigned int length, check;

	s->bits = s->n_bits = 0;
	length = take(s, 16);
	check = take(s, 16);
	if (s->bad || length != (check ^ 0xffff) || s->n - s->i < length) {
		s->bad = true;
		return;
	}
	buf_put(s->out, s->p + s->i, length);
	s->i += length;
}

static void
fixed(struct stream *s)
{
	uint8_t length[LITERALS];
	struct code literal, distance;

	for (unsigned int i = 0; i < LITERALS; i++)
		length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	(void)make_code(&literal, length, LITERALS);
	memset(length, 5, DISTANCES);
	(void)make_code(&distance, length, DISTANCES - 2);
	block(s, &literal, &distance);
}

/* The lengths of both codes, themselves coded; false where they are broken. */
static bool
read_lengths(struct stream *s, const struct code *c, uint8_t *length, unsigned int n)
{
	for (unsigned int i = 0; i < n && !s->bad;) {
		unsigned int v = decode(s, c), again = 1;
		uint8_t what = (uint8_t)v;

		if (v == 16) {
			if (i == 0)
				return false;
			what = length[i - 1];
			again = 3 + take(s, 2);
		} else if (v > 16) {
			what = 0;
			again = v == 17 ? 3 + take(s, 3) : 11 + take(s, 7);
		}
		if (again > n - i)
			return false;
		memset(length + i, what, again);
		i += again;
	}
	return !s->bad;
}

static void
dynamic(struct stream *s)
{
	static const uint8_t order[19] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2,
		14, 1, 15 };
	unsigned int literals = take(s, 5) + 257, distances = take(s, 5) + 1, n = take(s, 4) + 4;
	uint8_t length[LITERALS + DISTANCES] = { 0 };
	struct code literal, distance;

	for (unsigned int i = 0; i < n; i++)
		length[order[i]] = (uint8_t)take(s, 3);
	if (s->bad || literals > LITERALS || !make_code(&literal, length, 19)) {
		s->bad = true;
		return;
	}
	memset(length, 0, sizeof length);
	if (!read_lengths(s, &literal, length, literals + distances) || length[256] == 0 ||
	    !make_code(&literal, length, literals) ||
	    !make_code(&distance, length + literals, distances))
		s->bad = true;
	else
		block(s, &literal, &distance);
}

static void
deflated(struct stream *s)
{
	bool last = false;

	while (!last && !s->bad && !buf_err(s->out)) {
		last = take(s, 1);
		switch (take(s, 2)) {
		case 0:
			stored(s);
			break;
		case 1:
			fixed(s);
			break;
		case 2:
			dynamic(s);
			break;
		default:
			s->bad = true;
		}
	}
}

/* --- the wrappings --------------------------------------------------------- */

static bool
is_gzip(const unsigned char *p, size_t n)
{
	return n >= 18 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

static bool
is_zlib(const unsigned char *p, size_t n)
{
	/* any level and window; one with a dictionary is of no use here (RFC 1950, 2.2) */
	return n >= 6 && (p[0] & 15) == 8 && p[0] >> 4 <= 7 && (p[0] << 8 | p[1]) % 31 == 0 &&
	    !(p[1] & 0x20);
}

bool
inflate_is(const char *p, size_t n)
{
	return is_gzip((const unsigned char *)p, n) || is_zlib((const unsigned char *)p, n);
}

/* The length of gzip's head: the fixed part, an extra field, a name, a comment, a sum. */
static size_t
gzip_head(const unsigned char *p, size_t n)
{
	size_t i = 10;

	if (p[3] & 4)
		i += 2 + p[10] + ((size_t)p[11] << 8);
	for (int part = 8; part <= 16; part *= 2)
		if (p[3] & part) {
			while (i < n && p[i] != 0)
				i++;
			i++;
		}
	return i + (p[3] & 2 ? 2 : 0);
}

static uint32_t
crc32_of(const char *p, size_t n)
{
	uint32_t c = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		c ^= (unsigned char)p[i];
		for (int b = 0; b < 8; b++)
			c = (c >> 1) ^ (c & 1 ? 0xedb88320 : 0);
	}
	return ~c;
}

static uint32_t
adler32_of(const char *p, size_t n)
{
	uint32_t a = 1, b = 0;

	for (size_t i = 0; i < n; i++) {
		a = (a + (unsigned char)p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static uint32_t
little(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t
big(const unsigned char *p)
{
	return p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}

enum rc
inflate_raw(const char *p, size_t n, struct buf *out)
{
	struct stream s = { .p = (const unsigned char *)p, .n = n, .out = out, .from = out->n };

	deflated(&s);
	if (buf_err(out))
		return RC_LIMIT;
	return s.bad || s.i != s.n ? RC_INVALID : RC_OK;
}

/* What p begins with, and in *used how long it is there. */
static enum rc
inflate_one(const unsigned char *p, size_t n, struct buf *out, size_t *used)
{
	bool gzip = is_gzip(p, n), right;
	size_t head = gzip ? gzip_head(p, n) : 2, tail = gzip ? 8 : 4;
	struct stream s = { .p = p, .i = head, .out = out, .from = out->n };

	if (!inflate_is((const char *)p, n) || head + tail > n)
		return RC_INVALID;
	s.n = n - tail;
	deflated(&s);
	if (buf_err(out))
		return RC_LIMIT;
	if (s.bad)
		return RC_INVALID;
	*used = s.i + tail;
	right = gzip ? little(p + s.i) == crc32_of(out->p + s.from, out->n - s.from) :
		       big(p + s.i) == adler32_of(out->p + s.from, out->n - s.from);
	return right ? RC_OK : RC_INVALID;
}

enum rc
inflate(const char *p, size_t n, struct buf *out)
{
	const unsigned char *u = (const unsigned char *)p;
	bool gzip = is_gzip(u, n);
	size_t used = 0;
	enum rc rc;

	do {
		rc = inflate_one(u, n, out, &used);
		u += used;
		n -= used;
	} while (rc == RC_OK && gzip && is_gzip(u, n));
	return rc == RC_OK && n > 0 ? RC_INVALID : rc;
}

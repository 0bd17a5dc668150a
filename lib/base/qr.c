/*
 * QR codes for one-time links: bytes, level M, versions 1 to 10.  The numbers of the tables
 * are those of ISO/IEC 18004, tables 7, 9 and E.1.
 */
#include "base/qr.h"

#include <string.h>

#define VERSIONS 10
#define WORDS_MAX 346
#define EC_MAX 26

static const unsigned short words_all[VERSIONS] = { 26, 44, 70, 100, 134, 172, 196, 242, 292, 346 };
static const unsigned char ec_of[VERSIONS] = { 10, 16, 26, 18, 24, 16, 18, 22, 22, 26 };
static const unsigned char blocks_of[VERSIONS] = { 1, 1, 1, 2, 2, 4, 4, 4, 5, 5 };
/* between the first line of alignment patterns, at 6, and the last, at side - 7 */
static const unsigned char middle_of[VERSIONS] = { 0, 0, 0, 0, 0, 0, 22, 24, 26, 28 };

/* What is being drawn: fixed modules carry no data. */
struct draw {
	struct qr *q;
	bool fixed[QR_SIDE_MAX][QR_SIDE_MAX];
};

/* --- the words ------------------------------------------------------------------------ */

/* Product in GF(256) with the polynomial 0x11d. */
static unsigned int
times(unsigned int a, unsigned int b)
{
	unsigned int r = 0;

	for (int i = 7; i >= 0; i--) {
		r = (r << 1) ^ ((r >> 7) * 0x11d);
		r ^= ((b >> i) & 1) * a;
	}
	return r & 0xff;
}

/* Reed-Solomon: n_ec words for n data words. */
static void
correction(const unsigned char *data, unsigned int n, unsigned char *ec, unsigned int n_ec)
{
	unsigned char gen[EC_MAX] = { 0 };
	unsigned int root = 1;

	gen[n_ec - 1] = 1;
	for (unsigned int i = 0; i < n_ec; i++) {
		for (unsigned int k = 0; k < n_ec; k++)
			gen[k] = (unsigned char)(times(gen[k], root) ^
			    (k + 1 < n_ec ? gen[k + 1] : 0));
		root = times(root, 2);
	}
	memset(ec, 0, n_ec);
	for (unsigned int i = 0; i < n; i++) {
		unsigned int lead = data[i] ^ ec[0];

		memmove(ec, ec + 1, n_ec - 1);
		ec[n_ec - 1] = 0;
		for (unsigned int k = 0; k < n_ec; k++)
			ec[k] ^= (unsigned char)times(gen[k], lead);
	}
}

static void
put_bits(unsigned char *words, unsigned int *at, unsigned int value, unsigned int n)
{
	for (; n > 0; n--, (*at)++)
		if ((value >> (n - 1)) & 1)
			words[*at / 8] |= (unsigned char)(0x80 >> (*at % 8));
}

/* Data and correction of version v + 1, the words of the blocks in turn. */
static void
make_words(const char *text, unsigned int v, unsigned char *out)
{
	unsigned char data[WORDS_MAX] = { 0 }, ec[5][EC_MAX];
	unsigned int n_ec = ec_of[v], blocks = blocks_of[v], n = words_all[v] - n_ec * blocks;
	unsigned int len = n / blocks, shorts = blocks - n % blocks, at = 0, start = 0;
	size_t text_n = strlen(text);

	put_bits(data, &at, 4, 4);
	put_bits(data, &at, (unsigned int)text_n, v < 9 ? 8 : 16);
	for (size_t i = 0; i < text_n; i++)
		put_bits(data, &at, (unsigned char)text[i], 8);
	for (unsigned int i = at / 8 + 1, k = 0; i < n; i++, k++)	/* behind four zeros */
		data[i] = k % 2 == 0 ? 0xec : 0x11;
	for (unsigned int b = 0; b < blocks; b++) {
		unsigned int mine = len + (b >= shorts);

		correction(data + start, mine, ec[b], n_ec);
		start += mine;
	}
	for (unsigned int i = 0; i <= len; i++)
		for (unsigned int b = 0; b < blocks; b++)
			if (i < len + (b >= shorts))
				*out++ = data[b * len + (b > shorts ? b - shorts : 0) + i];
	for (unsigned int i = 0; i < n_ec; i++)
		for (unsigned int b = 0; b < blocks; b++)
			*out++ = ec[b][i];
}

/* --- the fixed patterns ------------------------------------------------------------------- */

/* Of version v + 1. */
static unsigned int
side_of(unsigned int v)
{
	return 21 + 4 * v;
}

static void
set(struct draw *d, int row, int col, bool dark)
{
	int side = (int)d->q->side;

	if (row < 0 || col < 0 || row >= side || col >= side)
		return;
	d->q->dark[row][col] = dark;
	d->fixed[row][col] = true;
}

/* Rings around a centre: of a finder (radius 4, its outermost is light) or an alignment. */
static void
rings(struct draw *d, int row, int col, int radius)
{
	for (int y = -radius; y <= radius; y++)
		for (int x = -radius; x <= radius; x++) {
			int far = (y < 0 ? -y : y) > (x < 0 ? -x : x) ? (y < 0 ? -y : y) :
									(x < 0 ? -x : x);

			set(d, row + y, col + x, radius == 4 ? far != 2 && far != 4 : far != 1);
		}
}

static void
patterns(struct draw *d, unsigned int v)
{
	int side = (int)d->q->side, at[3] = { 6, middle_of[v], side - 7 };

	for (int i = 8; i < side - 8; i++) {
		set(d, 6, i, i % 2 == 0);
		set(d, i, 6, i % 2 == 0);
	}
	rings(d, 3, 3, 4);
	rings(d, 3, side - 4, 4);
	rings(d, side - 4, 3, 4);
	for (int y = 0; v > 0 && y < 3; y++)
		for (int x = 0; x < 3; x++)	/* none where a finder is */
			if (at[y] != 0 && at[x] != 0 && (y != 0 || x != 0) && (y != 0 || x != 2) &&
			    (y != 2 || x != 0))
				rings(d, at[y], at[x], 2);
}

/* n bits of value with their BCH remainder by the polynomial of so many bits more. */
static unsigned int
bch(unsigned int value, unsigned int poly, unsigned int more)
{
	unsigned int r = value << more;

	for (int i = 31; i >= (int)more; i--)
		if ((r >> i) & 1)
			r ^= poly << ((unsigned int)i - more);
	return value << more | r;
}

/* Level and mask, and from version 7 on the version, each twice. */
static void
formats(struct draw *d, unsigned int v, unsigned int mask)
{
	unsigned int f = bch(mask, 0x537, 10) ^ 0x5412, w = bch(v + 1, 0x1f25, 12);
	int side = (int)d->q->side;

	for (int i = 0; i < 15; i++) {
		bool bit = (f >> i) & 1;

		set(d, i < 6 ? i : i < 8 ? i + 1 : side - 15 + i, 8, bit);
		set(d, 8, i < 8 ? side - 1 - i : i < 9 ? 7 : 14 - i, bit);
	}
	set(d, side - 8, 8, true);
	for (int i = 0; v >= 6 && i < 18; i++) {
		set(d, i / 3, side - 11 + i % 3, (w >> i) & 1);
		set(d, side - 11 + i % 3, i / 3, (w >> i) & 1);
	}
}

/* --- the data ---------------------------------------------------------------------------- */

static bool
masked(unsigned int mask, unsigned int y, unsigned int x)
{
	switch (mask) {
	case 0:
		return (y + x) % 2 == 0;
	case 1:
		return y % 2 == 0;
	case 2:
		return x % 3 == 0;
	case 3:
		return (y + x) % 3 == 0;
	case 4:
		return (y / 2 + x / 3) % 2 == 0;
	case 5:
		return y * x % 2 + y * x % 3 == 0;
	case 6:
		return (y * x % 2 + y * x % 3) % 2 == 0;
	default:
		return ((y + x) % 2 + y * x % 3) % 2 == 0;
	}
}

/* In columns of two from the right, up and down in turn, past the column of the timing. */
static void
fill(struct draw *d, const unsigned char *words, unsigned int n, unsigned int mask)
{
	int side = (int)d->q->side;
	unsigned int bit = 0;

	for (int right = side - 1; right > 0; right -= 2) {
		if (right == 6)
			right = 5;
		for (int i = 0; i < 2 * side; i++) {
			int x = right - i % 2, y = i / 2;

			if (((right + 1) & 2) == 0)
				y = side - 1 - y;
			if (d->fixed[y][x])
				continue;
			d->q->dark[y][x] = masked(mask, (unsigned int)y, (unsigned int)x) !=
			    (bit < n * 8 && ((words[bit / 8] >> (7 - bit % 8)) & 1));
			bit++;
		}
	}
}

/* How badly it reads: long runs, blocks of one colour, unequal shares. */
static unsigned int
penalty(const struct qr *q, unsigned int v)
{
	unsigned int n = side_of(v), sum = 0, dark = 0;

	for (unsigned int y = 0; y < n; y++)
		for (unsigned int way = 0, run = 0; way < 2; way++, run = 0)
			for (unsigned int x = 0; x < n; x++) {
				bool now = way == 0 ? q->dark[y][x] : q->dark[x][y];
				bool same = x > 0 &&
				    now == (way == 0 ? q->dark[y][x - 1] : q->dark[x - 1][y]);

				run = same ? run + 1 : 1;
				sum += run == 5 ? 3 : run > 5;
				dark += way == 0 && now;
				if (way == 0 && y > 0 && same && q->dark[y - 1][x] == now &&
				    q->dark[y - 1][x - 1] == now)
					sum += 3;
			}
	dark = dark * 100 / (n * n);
	return sum + (dark > 50 ? dark - 50 : 50 - dark) / 5 * 10;
}

bool
qr_encode(const char *text, struct qr *q)
{
	unsigned char words[WORDS_MAX];
	unsigned int v = 0, best = 0, least = ~0u;
	size_t n = strlen(text);
	struct draw d = { .q = q };

	while (v < VERSIONS && n + (v < 9 ? 2 : 3) > (size_t)words_all[v] - ec_of[v] * blocks_of[v])
		v++;
	if (v == VERSIONS)
		return false;
	memset(q, 0, sizeof *q);
	q->side = side_of(v);
	make_words(text, v, words);
	patterns(&d, v);
	formats(&d, v, 0);
	for (unsigned int mask = 0; mask <= 8; mask++) {
		unsigned int use = mask < 8 ? mask : best, bad;

		fill(&d, words, words_all[v], use);
		formats(&d, v, use);
		bad = penalty(q, v);
		if (mask < 8 && bad < least) {
			least = bad;
			best = mask;
		}
	}
	return true;
}

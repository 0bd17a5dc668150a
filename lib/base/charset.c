/*
 * Declared encodings.  The two that people's programs really use are tables of ours, so
 * that they are there under musl, without glibc's converter modules and in the sandbox;
 * iconv is asked only for names of a short list, since its rarer converters have had holes.
 */
#include "base/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* 0x80 to 0xbf of windows-1251; 0xc0 to 0xff are U+0410 to U+044F.  0: no character. */
/* clang-format off */
static const uint16_t cyrillic[64] = {
	0x0402, 0x0403, 0x201a, 0x0453, 0x201e, 0x2026, 0x2020, 0x2021,
	0x20ac, 0x2030, 0x0409, 0x2039, 0x040a, 0x040c, 0x040b, 0x040f,
	0x0452, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x0000, 0x2122, 0x0459, 0x203a, 0x045a, 0x045c, 0x045b, 0x045f,
	0x00a0, 0x040e, 0x045e, 0x0408, 0x00a4, 0x0490, 0x00a6, 0x00a7,
	0x0401, 0x00a9, 0x0404, 0x00ab, 0x00ac, 0x00ad, 0x00ae, 0x0407,
	0x00b0, 0x00b1, 0x0406, 0x0456, 0x0491, 0x00b5, 0x00b6, 0x00b7,
	0x0451, 0x2116, 0x0454, 0x00bb, 0x0458, 0x0405, 0x0455, 0x0457,
};
/* clang-format on */
/* 0xa0 to 0xdf of x-mac-cyrillic; before them U+0410 to U+042F, behind them U+0430 to U+044E
 * and the euro. */
/* clang-format off */
static const uint16_t macintosh[64] = {
	0x2020, 0x00b0, 0x0490, 0x00a3, 0x00a7, 0x2022, 0x00b6, 0x0406,
	0x00ae, 0x00a9, 0x2122, 0x0402, 0x0452, 0x2260, 0x0403, 0x0453,
	0x221e, 0x00b1, 0x2264, 0x2265, 0x0456, 0x00b5, 0x0491, 0x0408,
	0x0404, 0x0454, 0x0407, 0x0457, 0x0409, 0x0459, 0x040a, 0x045a,
	0x0458, 0x0405, 0x00ac, 0x221a, 0x0192, 0x2248, 0x2206, 0x00ab,
	0x00bb, 0x2026, 0x00a0, 0x040b, 0x045b, 0x040c, 0x045c, 0x0455,
	0x2013, 0x2014, 0x201c, 0x201d, 0x2018, 0x2019, 0x00f7, 0x201e,
	0x040e, 0x045e, 0x040f, 0x045f, 0x2116, 0x0401, 0x0451, 0x044f,
};
/* clang-format on */
/* 0x80 to 0x9f of windows-1252; the others are as in Unicode. */
/* clang-format off */
static const uint16_t western[32] = {
	0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
	0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};
/* clang-format on */

static void
put_char(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_putc(b, (char)c);
	} else if (c < 0x800) {
		buf_putc(b, (char)(0xc0 | c >> 6));
		buf_putc(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_putc(b, (char)(0xe0 | c >> 12));
		buf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_putc(b, (char)(0xf0 | c >> 18));
		buf_putc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(b, (char)(0x80 | (c & 0x3f)));
	}
}

static enum rc
one_byte(bool russian, const unsigned char *p, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t c = p[i];

		if (russian && c >= 0x80)
			c = c >= 0xc0 ? 0x0410 + (c - 0xc0) : cyrillic[c - 0x80];
		else if (c >= 0x80 && c < 0xa0)
			c = western[c - 0x80];
		if (c == 0 && p[i] != 0)
			return RC_INVALID;
		put_char(out, c);
	}
	return RC_OK;
}

static enum rc
mac(const unsigned char *p, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		put_char(out,
		    p[i] < 0x80	     ? p[i] :
			p[i] < 0xa0  ? 0x0410 + (p[i] - 0x80u) :
			p[i] < 0xe0  ? macintosh[p[i] - 0xa0] :
			p[i] == 0xff ? 0x20ac :
				       0x0430 + (p[i] - 0xe0u));
	return RC_OK;
}

static uint32_t
unit(const unsigned char *p, unsigned int width, bool little)
{
	uint32_t v = 0;

	for (unsigned int i = 0; i < width; i++)
		v |= (uint32_t)p[i] << 8 * (little ? i : width - 1 - i);
	return v;
}

static enum rc
wide(unsigned int width, bool little, const unsigned char *p, size_t n, struct buf *out)
{
	uint32_t c, low;

	for (size_t i = 0; i + width <= n; i += width) {
		c = unit(p + i, width, little);
		if (width == 2 && c >= 0xd800 && c < 0xdc00 && i + 4 <= n) {
			low = unit(p + i + 2, 2, little);
			if (low < 0xdc00 || low > 0xdfff)
				return RC_INVALID;
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			i += 2;
		}
		if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return RC_INVALID;
		if (i > 0 || c != 0xfeff)
			put_char(out, c);
	}
	return n % width == 0 ? RC_OK : RC_INVALID;
}

static enum rc
by_iconv(const char *name, const char *p, size_t n, struct buf *out)
{
	iconv_t cd = str_charset(name, 1, 31, "-") ? iconv_open("UTF-8", name) : (iconv_t)-1;
	char part[1024], *from = (char *)(uintptr_t)p, *to;
	size_t left = n, room, r = 0;

	if (cd == (iconv_t)-1)
		return RC_NONE;
	while (left > 0) {
		to = part;
		room = sizeof part;
		r = iconv(cd, &from, &left, &to, &room);
		buf_put(out, part, sizeof part - room);
		if (r == (size_t)-1 && errno != E2BIG)
			break;
	}
	iconv_close(cd);
	return left == 0 ? RC_OK : RC_INVALID;
}

/* "cp1251", "Windows_1251" and "windows-1251" are one name; to lower case, "-" alone. */
static void
normal_name(const char *name, char out[32])
{
	size_t n = 0;

	for (; *name != '\0' && n < 31; name++)
		if ((*name >= 'A' && *name <= 'Z'))
			out[n++] = (char)(*name + 32);
		else if (*name == '_' || *name == ' ')
			out[n++] = '-';
		else
			out[n++] = *name;
	out[n] = '\0';
}

static bool
among(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (str_eq(name, *list))
			return true;
	return false;
}

enum rc
charset_to_utf8(const char *name, const char *p, size_t n, struct buf *out)
{
	static const char *const utf8[] = { "utf-8", "utf8", NULL };
	static const char *const russian[] = { "windows-1251", "cp1251", "cp-1251", "win-1251",
		"win1251", "x-cp1251", NULL };
	static const char *const apple[] = { "x-mac-cyrillic", "mac-cyrillic", "maccyrillic",
		"x-mac-ukrainian", "cp10007", "windows-10007", NULL };
	static const char *const latin[] = { "windows-1252", "cp1252", "iso-8859-1", "iso8859-1",
		"latin1", "latin-1", "l1", "us-ascii", "ascii", NULL };
	static const char *const by_libc[] = { "iso-8859-", "windows-125", "cp125", "koi8-",
		"cp866", "ibm866", "gbk", "gb2312", "gb18030", "big5", "shift-jis", "shift_jis",
		"sjis", "euc-jp", "euc-kr", NULL };
	const unsigned char *u = (const unsigned char *)p;
	char low[32];
	const char *guess;
	enum rc rc = RC_NONE;

	normal_name(name, low);
	if (among(low, utf8)) {
		if (!str_utf8_ok(p, n))
			return RC_INVALID;
		buf_put(out, p, n);
		rc = RC_OK;
	} else if (among(low, russian)) {
		rc = one_byte(true, u, n, out);
	} else if (among(low, apple)) {
		rc = mac(u, n, out);
	} else if (among(low, latin)) {
		rc = one_byte(false, u, n, out);
	} else if (str_starts(low, "utf-16") || str_starts(low, "utf-32")) {
		guess = charset_guess(p, n);
		/* "utf-16" alone leaves the order of the bytes to what they look like */
		guess = guess != NULL && str_starts(guess, low) ? guess : low;
		rc = wide(str_starts(low, "utf-16") ? 2 : 4, str_ends(guess, "le"), u, n, out);
	} else {
		for (const char *const *s = by_libc; rc == RC_NONE && *s != NULL; s++)
			if (str_starts(low, *s))
				rc = by_iconv(low, p, n, out);
	}
	return rc == RC_OK && buf_err(out) ? RC_LIMIT : rc;
}

const char *
charset_guess(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;

	if (n < 4)
		return NULL;
	if (u[0] == 0xff && u[1] == 0xfe)
		return u[2] == 0 && u[3] == 0 ? "utf-32le" : "utf-16le";
	if (u[0] == 0xfe && u[1] == 0xff)
		return "utf-16be";
	if (u[0] == 0 && u[1] == 0)
		return "utf-32be";
	if (u[0] == 0 && u[1] != 0)
		return "utf-16be";
	if (u[0] != 0 && u[1] == 0)
		return u[2] == 0 ? "utf-32le" : "utf-16le";
	return NULL;
}

/* The marks that word processors and chats put in, and what cannot be seen. */
const char *
charset_odd(const char *p, size_t n)
{
	static const struct {
		const char *bytes, *name;
	} signs[] = {
		{ "\xe2\x80\x9c", "\xe2\x80\x9c" },
		{ "\xe2\x80\x9d", "\xe2\x80\x9d" },
		{ "\xe2\x80\x9e", "\xe2\x80\x9e" },
		{ "\xc2\xab", "\xc2\xab" },
		{ "\xc2\xbb", "\xc2\xbb" },
		{ "\xe2\x80\x98", "\xe2\x80\x98" },
		{ "\xe2\x80\x99", "\xe2\x80\x99" },
		{ "\xe2\x80\x8b", "U+200B" },
		{ "\xe2\x80\x8c", "U+200C" },
		{ "\xe2\x80\x8d", "U+200D" },
		{ "\xe2\x80\x8e", "U+200E" },
		{ "\xe2\x80\x8f", "U+200F" },
		{ "\xe2\x81\xa0", "U+2060" },
		{ "\xef\xbb\xbf", "U+FEFF" },
		{ "\xc2\xa0", "U+00A0" },
		{ "\xc2\xad", "U+00AD" },
		{ "\xe2\x80\xa8", "U+2028" },
		{ "\xe2\x80\xaf", "U+202F" },
		{ "\xe3\x80\x80", "U+3000" },
		{ "\xef\xbc\x9d", "\xef\xbc\x9d" },
	};

	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
		if (memmem(p, n, signs[i].bytes, strlen(signs[i].bytes)) != NULL)
			return signs[i].name;
	return NULL;
}

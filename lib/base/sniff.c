/*
 * File types by their first bytes.  Text is taken as such where it has no control characters and
 * nothing that a reader takes for markup or a program; what is neither listed nor text nor could
 * run is just bytes: drawings, archives, signatures, books.
 */
#include "base/sniff.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/str.h"

enum family { BY_BYTES, ISO, OGG, EBML, ZIP, OLE, TEXT };

/* Of a family the first one that was said, by type or by name; else the first one. */
static const struct kind {
	struct sniff is;
	enum family family;
	const char *aka;	/* another name of the type */
} kinds[] = {
	{ { "image/jpeg", ".jpg", "image" }, BY_BYTES, NULL },
	{ { "image/png", ".png", "image" }, BY_BYTES, NULL },
	{ { "image/gif", ".gif", "image" }, BY_BYTES, NULL },
	{ { "image/webp", ".webp", "image" }, BY_BYTES, NULL },
	{ { "video/mp4", ".mp4", "video" }, ISO, NULL },
	{ { "audio/mp4", ".m4a", "audio" }, ISO, "audio/x-m4a" },
	{ { "video/quicktime", ".mov", "video" }, ISO, NULL },
	{ { "video/3gpp", ".3gp", "video" }, ISO, NULL },
	{ { "audio/ogg", ".ogg", "audio" }, OGG, "application/ogg" },
	{ { "video/ogg", ".ogv", "video" }, OGG, NULL },
	{ { "video/webm", ".webm", "video" }, EBML, NULL },
	{ { "audio/webm", ".weba", "audio" }, EBML, NULL },
	{ { "audio/mpeg", ".mp3", "audio" }, BY_BYTES, NULL },
	{ { "audio/aac", ".aac", "audio" }, BY_BYTES, NULL },
	{ { "audio/wav", ".wav", "audio" }, BY_BYTES, NULL },
	{ { "audio/amr", ".amr", "audio" }, BY_BYTES, NULL },
	{ { "application/pdf", ".pdf", "file" }, BY_BYTES, NULL },
	{ { "application/zip", ".zip", "file" }, ZIP, NULL },
	{ { "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx",
	      "file" },
	    ZIP, NULL },
	{ { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx", "file" },
	    ZIP, NULL },
	{ { "application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx",
	      "file" },
	    ZIP, NULL },
	{ { "application/msword", ".doc", "file" }, OLE, NULL },
	{ { "application/vnd.ms-excel", ".xls", "file" }, OLE, NULL },
	{ { "application/vnd.ms-powerpoint", ".ppt", "file" }, OLE, NULL },
	{ { "text/plain", ".txt", "file" }, TEXT, NULL },
	{ { "text/csv", ".csv", "file" }, TEXT, NULL },
	{ { "text/vcard", ".vcf", "file" }, TEXT, "text/x-vcard" },
};
#define N_KINDS (sizeof kinds / sizeof *kinds)
static const struct sniff just_bytes = { "application/octet-stream", ".bin", "file" };

static const struct sniff *
by_mime(const char *mime)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (str_eq(kinds[i].is.mime, mime))
			return &kinds[i].is;
	return NULL;
}

/* Is this what was said, by type or by the end of the name? */
static bool
was_said(const struct kind *k, const char *said, const char *name)
{
	const char *mime[] = { k->is.mime, k->aka };
	size_t n = name != NULL ? strlen(name) : 0, e = strlen(k->is.ext);

	for (size_t i = 0; i < 2 && said != NULL; i++) {
		size_t m = mime[i] != NULL ? strlen(mime[i]) : 0;

		if (m > 0 && strncasecmp(said, mime[i], m) == 0 &&
		    (said[m] == '\0' || strchr("; ", said[m]) != NULL))
			return true;
	}
	return n > e && strcasecmp(name + n - e, k->is.ext) == 0;
}

static const struct sniff *
of_family(enum family f, const char *said, const char *name)
{
	const struct kind *first = NULL;

	for (size_t i = 0; i < N_KINDS; i++) {
		if (kinds[i].family != f)
			continue;
		if (was_said(&kinds[i], said, name))
			return &kinds[i].is;
		if (first == NULL)
			first = &kinds[i];
	}
	return &first->is;
}

/* Nothing that a reader takes for markup or a program: at the beginning, or <script, <?php, </a
 * anywhere. */
static bool
is_plain(const char *p, size_t n)
{
	size_t i = 0;

	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		i = 3;
	while (i < n && strchr(" \t\r\n\f", p[i]) != NULL && p[i] != '\0')
		i++;
	if (i == n || p[i] == '<' || (i + 1 < n && memcmp(p + i, "#!", 2) == 0) ||
	    (i + 1 < n && memcmp(p + i, "%!", 2) == 0))
		return false;
	for (i = 0; i + 1 < n; i++)
		if (p[i] == '<' &&
		    (p[i + 1] == '?' || p[i + 1] == '!' || p[i + 1] == '/' ||
			((p[i + 1] | 32) >= 'a' && (p[i + 1] | 32) <= 'z')))
			return false;
	return true;
}

/* Words of people, in UTF-8 or in an older encoding of one byte a letter (a price list of
 * Excel's in windows-1251): no control characters, but DOS's end of a text. */
static bool
is_words(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < ' ' &&
		    (p[i] == '\0' || strchr("\t\r\n\f", p[i]) == NULL) &&
		    (p[i] != '\x1a' || i + 1 < n))
			return false;
	return true;
}

/* Text of two bytes a letter (Excel's "Unicode text"), as its letters of one byte; false: none. */
static bool
is_utf16(const char *p, size_t n, struct buf *letters)
{
	size_t high;

	if (n < 2 || n % 2 != 0 || (memcmp(p, "\xff\xfe", 2) != 0 && memcmp(p, "\xfe\xff", 2) != 0))
		return false;
	high = p[0] == '\xff';		/* the other one is the letter's */
	for (size_t i = 2; i < n; i += 2)
		buf_putc(letters, p[i + high] == '\0' ? p[i + 1 - high] : '?');
	return true;
}

/* A machine's programs, by their first bytes; and all that is text and no more: a browser or
 * a web server may read it in a way of its own. */
static bool
could_run(const char *p, size_t n)
{
	static const struct {
		const char *magic;
		size_t n;
	} programs[] = {
		{ "\x7f"
		  "ELF",
		    4 },
		{ "MZ", 2 }, { "\xca\xfe\xba\xbe", 4 }, { "\xfe\xed\xfa\xce", 4 },
		{ "\xfe\xed\xfa\xcf", 4 }, { "\xce\xfa\xed\xfe", 4 }, { "\xcf\xfa\xed\xfe", 4 },
		{ "\0asm", 4 }, { "dex\n", 4 }, { "!<arch>", 7 },
		{ "L\0\0\0\1\x14\2\0", 8 },	/* a shortcut of Windows */
	};
	size_t odd = 0;

	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		if (n >= programs[i].n && memcmp(p, programs[i].magic, programs[i].n) == 0)
			return true;
	for (size_t i = 0; i < n && odd == 0; i++)
		odd += (unsigned char)p[i] < ' ' && p[i] != '\0' &&
		    strchr("\t\r\n\f", p[i]) == NULL;
	while (n > 0 && (*p == '\0' || strchr(" \t\r\n\f\xef\xbb\xbf\xff\xfe", *p) != NULL)) {
		p++;
		n--;
	}
	return odd == 0 || n == 0 || *p == '<' || (n > 1 && memcmp(p, "#!", 2) == 0);
}

/* What is none of the listed kinds. */
static const struct sniff *
unlisted(const char *p, size_t n, const char *said, const char *name)
{
	bool text, plain;
	struct buf b;

	if (n == 0)
		return NULL;
	if (is_words(p, n))
		return is_plain(p, n) ? of_family(TEXT, said, name) : NULL;
	buf_init(&b, n);
	text = is_utf16(p, n, &b);
	plain = text && !buf_err(&b) && b.n > 0 && is_words(b.p, b.n) && is_plain(b.p, b.n);
	buf_free(&b);
	return plain || (!text && !could_run(p, n)) ? &just_bytes : NULL;
}

static bool
has(const char *p, size_t n, size_t at, const char *magic, size_t magic_n)
{
	return n >= at + magic_n && memcmp(p + at, magic, magic_n) == 0;
}

/* The brand of an ISO file that tells its kind by itself. */
static const struct sniff *
iso(const char *p, const char *said, const char *name)
{
	if (memcmp(p + 8, "M4A ", 4) == 0 || memcmp(p + 8, "M4B ", 4) == 0)
		return by_mime("audio/mp4");
	if (memcmp(p + 8, "qt  ", 4) == 0)
		return by_mime("video/quicktime");
	if (memcmp(p + 8, "3g", 2) == 0)
		return by_mime("video/3gpp");
	if (memcmp(p + 8, "hei", 3) == 0 || memcmp(p + 8, "mif", 3) == 0 ||
	    memcmp(p + 8, "avif", 4) == 0)
		return &just_bytes;	/* pictures that no provider takes for such */
	return of_family(ISO, said, name);
}

const struct sniff *
sniff(const char *p, size_t n, const char *said, const char *name)
{
	if (has(p, n, 0, "\xff\xd8\xff", 3))
		return by_mime("image/jpeg");
	if (has(p, n, 0, "\x89PNG\r\n\x1a\n", 8))
		return by_mime("image/png");
	if (has(p, n, 0, "GIF87a", 6) || has(p, n, 0, "GIF89a", 6))
		return by_mime("image/gif");
	if (has(p, n, 0, "RIFF", 4) && has(p, n, 8, "WEBP", 4))
		return by_mime("image/webp");
	if (has(p, n, 0, "RIFF", 4) && has(p, n, 8, "WAVE", 4))
		return by_mime("audio/wav");
	if (has(p, n, 4, "ftyp", 4) && n >= 12)
		return iso(p, said, name);
	if (has(p, n, 0, "OggS", 4))
		return of_family(OGG, said, name);
	if (has(p, n, 0, "\x1a\x45\xdf\xa3", 4))
		return of_family(EBML, said, name);
	if (has(p, n, 0, "#!AMR", 5))
		return by_mime("audio/amr");
	if (has(p, n, 0, "ID3", 3) ||
	    (n >= 2 && p[0] == '\xff' && ((unsigned char)p[1] & 0xe6) == 0xe2))
		return by_mime("audio/mpeg");
	if (n >= 2 && p[0] == '\xff' && ((unsigned char)p[1] & 0xf6) == 0xf0)
		return by_mime("audio/aac");
	if (has(p, n, 0, "%PDF-", 5))
		return by_mime("application/pdf");
	if (has(p, n, 0, "PK\x03\x04", 4))
		return of_family(ZIP, said, name);
	if (has(p, n, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8))
		return of_family(OLE, said, name);
	return unlisted(p, n, said, name);
}

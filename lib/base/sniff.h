#ifndef DMBOX_BASE_SNIFF_H
#define DMBOX_BASE_SNIFF_H

#include <stddef.h>

/* What a file's own bytes say it is. */
struct sniff {
	const char *mime;	/* "image/jpeg" */
	const char *ext;	/* ".jpg" */
	const char *type;	/* image, video, audio or file */
};

/*
 * sniff(p, n, said, name):
 * The kind of the file of n bytes at p.  What a sender says (a content type, a file's name;
 * either may be NULL) only chooses between kinds whose bytes look alike: the members of the
 * ISO, Ogg, Matroska and ZIP families.
 *
 * Returns  static, "application/octet-stream" for what is no known kind; NULL for nothing at all
 *          and for all that a browser or a web server could take for a page or a program (HTML,
 *          SVG, XML, scripts), or a machine for one of its programs.
 */
const struct sniff *sniff(const char *p, size_t n, const char *said, const char *name);

#endif

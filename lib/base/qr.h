#ifndef DMBOX_BASE_QR_H
#define DMBOX_BASE_QR_H

#include <stdbool.h>
#include <stddef.h>

/* A QR code (ISO/IEC 18004) of a short text, such as a person's one-time link. */
#define QR_SIDE_MAX 57		/* modules: versions 1 to 10 */
#define QR_TEXT_MAX 213		/* bytes */
struct qr {
	unsigned int side;	/* modules */
	bool dark[QR_SIDE_MAX][QR_SIDE_MAX];	/* row, column */
};

/*
 * qr_encode(text, q):
 * The smallest version that holds text (bytes, as they are) at level M, with the mask that
 * reads best.  The four light modules around it are the caller's.
 *
 * Returns  false where text is longer than QR_TEXT_MAX.
 */
bool qr_encode(const char *text, struct qr *q);

#endif

#ifndef DMBOX_ENDPOINT_MEDIA_H
#define DMBOX_ENDPOINT_MEDIA_H

#include "endpoint/endpoint.h"

/*
 * endpoint_media: GET /instagram/media?attachment=ID (scope read; the route's
 * business).  The downloaded file with its content type, or 404: code not_found,
 * or not_here with the attachment's state (waiting, expired, ...).
 * What a browser may not show (anything but pictures, video and sound) comes as
 * a download; nothing is sniffed and nothing in it may run.
 */
void endpoint_media(struct endpoint_env *e);

/* A file below DMBOX_MEDIA_DIR, as an answer has it; name and sha256 may be NULL. */
struct media_file {
	const char *id, *path, *mime, *name, *sha256;
};
/* endpoint_media_send(e, f): its bytes, so that no browser takes them for a page; 304
 * where the caller has them, 404 where they are not there. */
void endpoint_media_send(struct endpoint_env *e, const struct media_file *f);

#endif

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

#endif

#ifndef DMBOX_JOB_MEDIA_GET_H
#define DMBOX_JOB_MEDIA_GET_H

#include "job.h"

/*
 * job_media_get: GET /instagram/media?attachment=ID (scope read; the route's
 * business).  The downloaded file with its content type, or 404: code not_found,
 * or not_here with the attachment's state (waiting, expired, ...).
 * What a browser may not show (anything but pictures, video and sound) comes as
 * a download; nothing is sniffed and nothing in it may run.
 */
void job_media_get(struct job_env *e, struct http_res *res);

#endif

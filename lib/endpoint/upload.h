#ifndef DMBOX_ENDPOINT_UPLOAD_H
#define DMBOX_ENDPOINT_UPLOAD_H

#include "endpoint/endpoint.h"

/*
 * endpoint_upload(e):
 * POST CHANNEL/upload?account=&name=: the bytes of a file as the body.  Answers {"upload":ID,
 * "type","mimeType","name","bytes"}; 413 with limit, 415 where the account's provider does not
 * take such a file or its bytes are of no known kind.
 */
void endpoint_upload(struct endpoint_env *e);
/* endpoint_file(e): GET CHANNEL/file/ID-EXPIRES-SIGNATURE.ext (bridge/link.h), for the
 * provider; 404 for whatever is not exactly one of our links, or no longer. */
void endpoint_file(struct endpoint_env *e);

#endif

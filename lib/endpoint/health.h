#ifndef DMBOX_ENDPOINT_HEALTH_H
#define DMBOX_ENDPOINT_HEALTH_H

#include "endpoint/endpoint.h"

/* endpoint_health: GET /health (contract.md 4): 200, or 503 while the database is
 * away or without its schema.  Open to all: no secret, no names. */
void endpoint_health(struct endpoint_env *e);

#endif

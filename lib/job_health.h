#ifndef DMBOX_JOB_HEALTH_H
#define DMBOX_JOB_HEALTH_H

#include "job.h"

/* job_health: GET /health (contract.md 4): 200, or 503 while the database is
 * away or without its schema.  Open to all: no secret, no names. */
void job_health(struct job_env *e, struct http_res *res);

#endif

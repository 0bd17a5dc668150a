#ifndef DMBOX_JOB_READ_H
#define DMBOX_JOB_READ_H

#include "job.h"

/*
 * What the inbox program answers (contract.md 4, scope read): figures, the
 * configuration in use, conversations, messages, and the mark that they were
 * read by us.
 */
void job_read_stats(struct job_env *e, struct http_res *res);
void job_read_config(struct job_env *e, struct http_res *res);
void job_read_conversations(struct job_env *e, struct http_res *res);
void job_read_messages(struct job_env *e, struct http_res *res);
void job_read_mark(struct job_env *e, struct http_res *res);

#endif

#ifndef DMBOX_JOB_DOCTOR_H
#define DMBOX_JOB_DOCTOR_H

#include "job.h"

/*
 * job_doctor: GET /instagram/doctor (contract.md 4): the findings of dmbox doctor
 * --json, for hosts without a shell.  ?only=CODE asks for one, ?offline=1 leaves
 * the network out, ?lang=ru|en chooses the language.  ?probe=1 is doctor's own
 * question: as whom do the web programs run, and can they write to the spool?
 */
void job_doctor(struct job_env *e, struct http_res *res);

#endif

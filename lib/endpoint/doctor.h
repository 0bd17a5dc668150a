#ifndef DMBOX_ENDPOINT_DOCTOR_H
#define DMBOX_ENDPOINT_DOCTOR_H

#include "endpoint/endpoint.h"

/*
 * endpoint_doctor: GET /instagram/doctor (contract.md 4): the findings of dmbox doctor
 * --json, for hosts without a shell.  ?only=CODE asks for one, ?offline=1 leaves
 * the network out, ?lang=ru|en chooses the language.  ?probe=1 is doctor's own
 * question: as whom do the web programs run, and can they write to the spool?
 */
void endpoint_doctor(struct endpoint_env *e);

#endif

#ifndef DMBOX_ENDPOINT_CHECK_MESSAGES_H
#define DMBOX_ENDPOINT_CHECK_MESSAGES_H

#include "endpoint/endpoint.h"

/* endpoint_check_messages: GET /CHANNEL/check-messages (contract.md 4). */
void endpoint_check_messages(struct endpoint_env *e);

#endif

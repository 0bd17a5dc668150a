#ifndef DMBOX_PROVIDER_GREENAPI_GREENAPI_H
#define DMBOX_PROVIDER_GREENAPI_GREENAPI_H

#include "provider/list.h"

/* What the files of the Green API translator share; nobody else includes it. */

/* --- checks.c: dmbox doctor */
extern const struct provider_check greenapi_checks[];
extern const size_t greenapi_n_checks;

#endif

/*
 * The table of the list.  The core reaches every provider through it.
 */
#include "provider/list.h"

#define PROVIDER_ADDRESS(name) &provider_##name,
const struct provider *const providers[] = { PROVIDER_LIST(PROVIDER_ADDRESS) NULL };
#undef PROVIDER_ADDRESS

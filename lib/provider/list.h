#ifndef DMBOX_PROVIDER_LIST_H
#define DMBOX_PROVIDER_LIST_H

#include "model/provider.h"

/*
 * The one list of providers: one line each.  Its order counts where two of one channel
 * claim an account alike, where nothing else is known of an account, and in `dmbox
 * trigger --list`.
 */
#define PROVIDER_LIST(P) \
	P(chatrace) \
	P(graph) \
	P(greenapi) \
	P(cloud)

#define PROVIDER_DECLARE(name) extern const struct provider provider_##name;
PROVIDER_LIST(PROVIDER_DECLARE)
#undef PROVIDER_DECLARE

#endif

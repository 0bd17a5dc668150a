#include "base/prefix.h"

#ifndef DMBOX_PREFIX
#define DMBOX_PREFIX "/usr/local"
#endif
#ifndef DMBOX_TICKDIR
#define DMBOX_TICKDIR ""
#endif

/* Of a fixed size and visible outside, so that no compiler copies it: the bundle's
 * ./install writes the real folder into the program file. */
extern const char prefix_area[240];
const char prefix_area[240] = DMBOX_PREFIX;

const char *
prefix(void)
{
	return prefix_area;
}

extern const char prefix_tick_area[240];
const char prefix_tick_area[240] = DMBOX_TICKDIR;

const char *
prefix_tick(void)
{
	return prefix_tick_area;
}

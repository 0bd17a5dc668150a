#include "base/prefix.h"

#ifndef DMBOX_PREFIX
#define DMBOX_PREFIX "/usr/local"
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

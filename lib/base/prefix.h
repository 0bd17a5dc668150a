#ifndef DMBOX_BASE_PREFIX_H
#define DMBOX_BASE_PREFIX_H

/*
 * prefix():
 * The folder of the installation, PREFIX of `make install`, without a slash at its
 * end: bin/, etc/ and share/dmbox/ lie in it.
 *
 * Returns  a static string.
 */
const char *prefix(void);
/*
 * prefix_tick():
 * TICKDIR of `make install`: a folder for the tick file (bridge/tick.h) that the web server's
 * configuration names, too.
 *
 * Returns  a static string.
 */
const char *prefix_tick(void);

#endif

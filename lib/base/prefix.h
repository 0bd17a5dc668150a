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

#endif

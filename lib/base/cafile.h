/*
 * The certificates of the authorities that this host trusts.
 */
#ifndef DMBOX_BASE_CAFILE_H
#define DMBOX_BASE_CAFILE_H

/*
 * cafile():
 * The file that holds them: SSL_CERT_FILE, or the one at the first of the places where
 * distributions keep it.
 *
 * Returns  a string that stays; NULL where there is none.
 */
const char *cafile(void);

#endif

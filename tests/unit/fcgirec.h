#ifndef DMBOX_TESTS_FCGIREC_H
#define DMBOX_TESTS_FCGIREC_H

#include <fastcgi.h>
#include <string.h>

/* record(p, type, content, n): the FastCGI record of request 1 with n < 65536 bytes of content,
 * at p; its length. */
static inline size_t
record(unsigned char *p, unsigned char type, const void *content, size_t n)
{
	FCGI_Header h = { .version = FCGI_VERSION_1, .type = type, .requestIdB0 = 1,
	    .contentLengthB1 = (unsigned char)(n >> 8), .contentLengthB0 = (unsigned char)n };

	memcpy(p, &h, sizeof h);
	if (n > 0)
		memcpy(p + sizeof h, content, n);
	return sizeof h + n;
}

#endif

/*
 * Writing to files.
 */
#include "base/file.h"

#include <errno.h>
#include <unistd.h>

bool
file_write(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

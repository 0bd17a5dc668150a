#ifndef DMBOX_BASE_FILE_H
#define DMBOX_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* file_write(fd, p, n): all n bytes, in as many writes as it takes; false: errno says why. */
bool file_write(int fd, const char *p, size_t n);

#endif

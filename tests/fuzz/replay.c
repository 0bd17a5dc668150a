/*
 * A fuzz target without libFuzzer: every file of the folders named is fed to it
 * once.  So the seeds, and each crash ever found, are tried on machines without
 * clang too, under valgrind, and count for the coverage.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define INPUT_MAX (4u << 20)

static size_t
feed(const char *path)
{
	uint8_t *p = malloc(INPUT_MAX);
	FILE *f = fopen(path, "rb");
	size_t n, fed = 0;

	if (p == NULL)
		abort();
	if (f != NULL && (n = fread(p, 1, INPUT_MAX, f), ferror(f) == 0)) {
		uint8_t *exact = malloc(n > 0 ? n : 1);

		if (exact == NULL)
			abort();
		memcpy(exact, p, n);
		LLVMFuzzerTestOneInput(exact, n);
		free(exact);
		fed = 1;
	}
	if (f != NULL)
		fclose(f);
	free(p);
	return fed;
}

int
main(int argc, char **argv)
{
	size_t fed = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *e;
		char path[4096];

		while (d != NULL && (e = readdir(d)) != NULL) {
			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
			fed += feed(path);
		}
		if (d != NULL)
			closedir(d);
	}
	printf("%zu inputs\n", fed);
	return fed == 0;
}

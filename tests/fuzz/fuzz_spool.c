/* A file in the spool: whatever lies there, the drainer takes it, refuses it or
 * sets it aside, and never acts outside of the folder. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "base/log.h"
#include "bridge/spool.h"
#include "model/provider.h"

#define NAME "01731499200000000.11111111-2222-4333-8444-555555555555"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char dir[256], file[400];
	struct spool_file *sf = NULL;
	static struct spool *s;
	int fd;

	if (s == NULL) {
		log_open(&(struct log_opts){ .level = LOG_ERROR, .file = "/dev/null", .program = "fuzz" });
		fuzz_path("spool", dir);
		MUST(spool_open(dir, &s) == RC_OK);
		snprintf(file, sizeof file, "%s/new/" NAME, dir);
	}
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0660);
	MUST(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
	if (spool_claim(s, &sf) == RC_OK) {
		const struct delivery *d = spool_delivery(sf);

		MUST(d->account != NULL && d->body_n <= n);
		MUST(d->channel < CHANNEL__MAX && delivery_provider(d) != NULL && d->source < SOURCE__MAX);
		MUST(strlen(d->uid) == 36);
		MUST(spool_done(s, sf) == RC_OK);
	} else {
		char bad[400];

		snprintf(bad, sizeof bad, "%s/bad/" NAME, dir);
		unlink(file);
		unlink(bad);
	}
	return 0;
}

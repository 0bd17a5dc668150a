/*
 * Back-off is computed from the number of failures alone: nothing to store,
 * nothing to lose.  Jitter keeps the rows of one outage from coming back as one
 * herd.
 */
#include "base/retry.h"

#define BASE_S 5
#define MAX_S 3600

int64_t
retry_delay_s(unsigned int attempt, int64_t retry_after_s, uint32_t rnd)
{
	int64_t s = BASE_S, jitter;

	for (unsigned int i = 1; i < attempt && s < MAX_S; i++)
		s *= 2;
	if (s > MAX_S)
		s = MAX_S;
	jitter = s * 25 / 100;
	s += (int64_t)(rnd % (uint64_t)(2 * jitter + 1)) - jitter;
	return s < retry_after_s ? retry_after_s : s;
}

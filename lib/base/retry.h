#ifndef DMBOX_BASE_RETRY_H
#define DMBOX_BASE_RETRY_H

#include <stdint.h>

/*
 * When to try again: exponential with jitter, pure.
 * retry_delay_s(attempt, retry_after_s, rnd):
 * Seconds until attempt number attempt+1 (attempt >= 1 have failed): 5 s
 * doubling to an hour, +-25 % by rnd (any random number); never less than
 * retry_after_s (-1: none asked).
 */
int64_t retry_delay_s(unsigned int attempt, int64_t retry_after_s, uint32_t rnd);

#endif

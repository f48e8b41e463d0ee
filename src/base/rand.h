/* SPDX-License-Identifier: Apache-2.0
 *
 * rand.h - unpredictable bytes from the kernel, fetched a block at a time.
 *
 * A struct rand belongs to one thread. For tests it can be seeded: then it is a fixed, replayable
 * stream and no longer fit for secrets. */
#ifndef THRUM_BASE_RAND_H
#define THRUM_BASE_RAND_H

#include "base/common.h"

#define RAND_BLOCK_BYTES 4096

struct rand {
    uint8_t block[RAND_BLOCK_BYTES];
    size_t left;    /* bytes of the block not yet given out */
    uint64_t state; /* of the seeded stream; 0 when the kernel is asked */
};

/* A generator that replays: the same <seed> gives the same bytes. <seed> must not be 0. */
void rand_seed(struct rand *rand, uint64_t seed);

/* Fills <at>. Bytes given out are wiped from the block. Ends the process when the kernel has none
 * to give, which after boot cannot happen. */
void rand_bytes(struct rand *rand, void *at, size_t bytes);

uint64_t rand_u64(struct rand *rand);

/* A uniform number in 0 .. bound - 1; <bound> must not be 0. */
uint64_t rand_below(struct rand *rand, uint64_t bound);

#endif

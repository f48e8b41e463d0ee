/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rand.h"

#include "base/assert.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

void rand_seed(struct rand *rand, uint64_t seed)
{
    ASSERT(seed != 0);
    rand->left = 0;
    rand->state = seed;
}

static void refill(struct rand *rand)
{
    if (rand->state != 0) {
        /* splitmix64 */
        for (size_t i = 0; i < RAND_BLOCK_BYTES; i += 8) {
            uint64_t z = (rand->state += 0x9e3779b97f4a7c15u);
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
            z ^= z >> 31;
            memcpy(rand->block + i, &z, 8);
        }
    } else {
        size_t done = 0;
        while (done < RAND_BLOCK_BYTES) {
            ssize_t got = getrandom(rand->block + done, RAND_BLOCK_BYTES - done, 0);
            ASSERT(got > 0 || errno == EINTR);
            done += got > 0 ? (size_t)got : 0;
        }
    }
    rand->left = RAND_BLOCK_BYTES;
}

void rand_bytes(struct rand *rand, void *at, size_t bytes)
{
    uint8_t *to = at;
    while (bytes > 0) {
        if (rand->left == 0) {
            refill(rand);
        }
        size_t step = min_size(bytes, rand->left);
        uint8_t *from = rand->block + RAND_BLOCK_BYTES - rand->left;
        memcpy(to, from, step);
        memset(from, 0, step);
        rand->left -= step;
        to += step;
        bytes -= step;
    }
}

uint64_t rand_u64(struct rand *rand)
{
    uint64_t value;
    rand_bytes(rand, &value, sizeof(value));
    return value;
}

uint64_t rand_below(struct rand *rand, uint64_t bound)
{
    ASSERT(bound != 0);
    /* Values in the last, incomplete stretch would favour small numbers: they are drawn again. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t value;
    do {
        value = rand_u64(rand);
    } while (value >= limit);
    return value % bound;
}

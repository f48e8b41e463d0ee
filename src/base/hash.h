/* SPDX-License-Identifier: Apache-2.0
 *
 * hash.h - one hash function for tables and block checks: XXH3 of the library xxHash.
 *
 * Tables whose keys come from outside take a seed that is random per process (hash_seed), so that
 * nobody can prepare keys that collide. Block checks use seed 0: they go to disk. */
#ifndef THRUM_BASE_HASH_H
#define THRUM_BASE_HASH_H

#include "base/slice.h"

uint64_t hash_bytes(uint64_t seed, struct slice bytes);

/* Mixes a number; for tables keyed by numbers. */
static inline uint64_t hash_number(uint64_t seed, uint64_t number)
{
    uint64_t x = number ^ seed;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    return x ^ (x >> 32);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(uint64_t seed, struct slice bytes)
{
    return XXH3_64bits_withSeed(bytes.at, bytes.bytes, seed);
}

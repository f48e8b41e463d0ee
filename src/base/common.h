/* SPDX-License-Identifier: Apache-2.0
 *
 * common.h - what every file may take for granted: fixed-width types and a few macros.
 *
 * Nothing here has behaviour of its own. Macros evaluate each argument once. */
#ifndef THRUM_BASE_COMMON_H
#define THRUM_BASE_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef static_assert
#define static_assert _Static_assert
#endif

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The struct of <type> whose member <member> is at <pointer>. */
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* A function whose answer must be looked at: nearly all that return struct err. */
#define MUST_USE __attribute__((warn_unused_result))

/* The compiler checks the arguments of our own printf-likes. */
#define PRINTF_LIKE(format_index, first_index) \
    __attribute__((format(printf, format_index, first_index)))

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Two threads that write to one cache line slow each other down; fields of different writers are
 * kept this far apart. Two lines of 64 bytes, because x86 prefetches lines in pairs. */
#define CACHE_LINE_BYTES 128
#define CACHE_ALIGNED __attribute__((aligned(CACHE_LINE_BYTES)))

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}
static inline size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}
static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}
static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}
static inline int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif

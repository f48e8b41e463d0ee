/* SPDX-License-Identifier: Apache-2.0
 *
 * assert.h - assertions that stay on in release.
 *
 * An assertion states what only a bug in thrum can break; it is never an answer to input. When one
 * fails the process ends with a report: a broker that restarts beats one that corrupts. Conditions
 * have no side effects. */
#ifndef THRUM_BASE_ASSERT_H
#define THRUM_BASE_ASSERT_H

#include "base/common.h"

/* Prints where and what, then aborts. Not called directly. */
_Noreturn void assert_fail(const char *file, int line, const char *condition);

#define ASSERT(condition)                                \
    do {                                                 \
        if (UNLIKELY(!(condition))) {                    \
            assert_fail(__FILE__, __LINE__, #condition); \
        }                                                \
    } while (0)

/* Walks over whole structures: on in test builds only. */
#ifdef THRUM_SLOW_ASSERTS
#define ASSERT_SLOW(condition) ASSERT(condition)
#else
#define ASSERT_SLOW(condition) ((void)sizeof(!!(condition)))
#endif

#define UNREACHABLE() assert_fail(__FILE__, __LINE__, "unreachable")

#endif

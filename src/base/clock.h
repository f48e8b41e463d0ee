/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h - the two clocks. What must be replayed is handed its time and does not call these. */
#ifndef THRUM_BASE_CLOCK_H
#define THRUM_BASE_CLOCK_H

#include "base/common.h"

/* Milliseconds since 1970-01-01 UTC; may jump when somebody sets the clock. */
int64_t clock_wall_ms(void);

/* Milliseconds and nanoseconds of a clock that only goes forward; for time-outs and measuring. */
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_ns(void);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * iso_time.h - a moment as ISO 8601 writes it (RFC 3339: date-time). Pure. */
#ifndef THRUM_FRONT_ISO_TIME_H
#define THRUM_FRONT_ISO_TIME_H

#include "base/slice.h"

/* Reads "2024-02-29T12:00:00Z", "2024-02-29T13:00:00.5+01:00" as milliseconds since 1970; what is
 * finer than those is cut off. False for anything else, dates that do not exist, and moments before
 * 1970. */
MUST_USE bool iso_time_read(struct slice text, int64_t *time_ms);

#endif

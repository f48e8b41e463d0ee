/* SPDX-License-Identifier: Apache-2.0
 *
 * zone.h - what a time zone says about one moment, read from the system's database (RFC 8536).
 *
 * libc knows one zone a process, and changing it is not for threads; so the compiled file is read
 * here: the transitions it lists, and behind the last of them the rule in its footer. Pure. */
#ifndef THRUM_FRONT_ZONE_H
#define THRUM_FRONT_ZONE_H

#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"

#define ZONE_NAME_BYTES_MAX 64

struct zone_moment {
    int64_t offset_s; /* local time minus UTC */
    bool has_next;
    int64_t next_s; /* when the offset changes, in seconds since 1970 */
};

/* True when <name> can be a file below the database's folder: "Europe/London", never "../..". */
bool zone_name_is_wellformed(struct slice name);

/* Reads the compiled zone <file>. ERR_CORRUPT when it is none. */
MUST_USE struct err zone_at(struct slice file, int64_t now_s, struct zone_moment *moment);

#endif

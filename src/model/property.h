/* SPDX-License-Identifier: Apache-2.0
 *
 * property.h - property keys, and the points of a property update (contract: rest.md 3).
 *
 * A point is a key, a value and perhaps the time the client gave it. An update is an array of
 * points or one bare point. Reading it copies nothing: values, and keys that are already in normal
 * form, are slices of the body. Nearly every update is one point without a key on
 * ".../properties/:key". */
#ifndef THRUM_MODEL_PROPERTY_H
#define THRUM_MODEL_PROPERTY_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"
#include "codec/json.h"

#define PROPERTY_KEY_CHARACTERS_MAX 128
#define PROPERTY_KEY_BYTES_MAX (4 * PROPERTY_KEY_CHARACTERS_MAX)

/* The most a caller may take in one request; the contract's default is 1000. */
#define PROPERTY_POINTS_CEILING 10000

/* Times are whole milliseconds that a double can hold exactly: JavaScript reads them. */
#define TIMESTAMP_MS_MAX ((INT64_C(1) << 53) - 1)
#define TIMESTAMP_NONE (-1)

struct property_point {
    struct slice key;        /* in normal form */
    struct json_value value; /* never null */
    int64_t timestamp_ms;    /* the client's, or TIMESTAMP_NONE: the server's clock counts */
};

/* Where points are read to; filled in by the caller. */
struct property_points {
    struct property_point *at;
    size_t count_max; /* room of <at>; more points in a request are refused */
    size_t count;     /* written by property_points_read */
    struct buf *keys; /* gets the keys that are not in normal form in the body */
};

/* Brings <text> into the normal form of a key: ASCII letters in lower case. <to> has room for
 * text.bytes, or is text.at itself. PROPERTY_KEY_INVALID: not 1 to 128 characters, a control
 * character among them, or no UTF-8. */
MUST_USE struct err property_key_normalise(struct slice text, uint8_t *to, struct slice *key);

/* Reads a "timestamp" member: a whole number, also as a string of digits, 0 to TIMESTAMP_MS_MAX.
 * Absent and null are TIMESTAMP_NONE; anything else is TIMESTAMP_INVALID. */
MUST_USE struct err timestamp_read(struct json_value value, int64_t *timestamp_ms);

/* Reads the update <body>, a scanned value. <path_key>, when not empty, is the key of all points
 * (in normal form) and their own keys are not looked at. Of points with the same key and the same
 * client timestamp the last value is kept, in the place of the first; points without a timestamp
 * are all kept. The points borrow the body, <path_key> and points->keys, which is reset here and
 * must not be written to while they are in use. SHAPE_INVALID, POINTS_TOO_MANY,
 * PROPERTY_KEY_MISSING, PROPERTY_KEY_INVALID, PROPERTY_VALUE_MISSING, TIMESTAMP_INVALID, NO_MEMORY.
 * */
MUST_USE struct err property_points_read(struct json_value body, struct slice path_key,
                                         struct property_points *points);

/* A point as it is stored. */
struct property_sample {
    struct slice key; /* empty: not written (the items of a history have none) */
    struct slice value;
    int64_t timestamp_ms;
    int64_t created_ms;
};

/* Appends {"createdAt":..,"timestamp":..,"key":..,"value":..}, no comma before
 * it. */
void property_write_sample(struct buf *buf, const struct property_sample *sample);

/* Appends the array that notifies subscribers of <points> and answers the request: all stamped
 * created at <now_ms>, which is also the timestamp of points that have none. */
void property_write_points(struct buf *buf, const struct property_point *points, size_t count,
                           int64_t now_ms);

#endif

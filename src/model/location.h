/* SPDX-License-Identifier: Apache-2.0
 *
 * location.h - the entries of a location update (contract: rest.md 4).
 *
 * An entry says where in one of three forms: a GeoJSON point, latitude with longitude, or a place.
 * All become one: number texts kept byte for byte, as slices of the body. The stored text of an
 * entry is its members without the braces and without times,
 *
 *      "latitude":36,"longitude":-17.3,"position":{"type":"Point","coordinates":[-17.3,36]}
 *
 * so that a reply, a notification and the embedded location of a thng are this text with something
 * around it. */
#ifndef THRUM_MODEL_LOCATION_H
#define THRUM_MODEL_LOCATION_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"
#include "codec/json.h"
#include "model/id.h"

struct location {
    int64_t timestamp_ms;       /* the client's, or TIMESTAMP_NONE */
    struct slice latitude;      /* number texts; empty when only a place is known so far: whoever */
    struct slice longitude;     /* knows the place puts its coordinates here before writing */
    struct slice altitude;      /* empty: none */
    struct id place;            /* not set: none */
    struct slice custom_fields; /* an object's text; empty: none */
};

static inline bool location_has_coordinates(const struct location *location)
{
    return location->latitude.bytes != 0;
}

/* True when a stored text has coordinates: they come first. */
static inline bool location_text_has_coordinates(struct slice text)
{
    return slice_starts_with(text, SLICE("\"latitude\":"));
}

/* Reads one entry, or an embedded location: position before latitude with longitude before place.
 * SHAPE_INVALID: no object; LOCATION_INVALID: none of the forms, half of one, another GeoJSON type
 * or a number out of bounds; REFERENCE_UNKNOWN: a place that is no id; FIELD_INVALID: customFields
 * that are no object; TIMESTAMP_INVALID. The entry borrows <value>. */
MUST_USE struct err location_read(struct json_value value, struct location *location);

/* Reads the coordinates of an object alone: position before latitude with longitude. None are set
 * when it has none of these (or null); LOCATION_INVALID as above. */
MUST_USE struct err location_read_coordinates(struct json_value value, struct location *location);

/* Reads an update: an array of entries, or one. At most <count_max>, else POINTS_TOO_MANY. */
MUST_USE struct err location_read_all(struct json_value body, struct location *locations,
                                      size_t count_max, size_t *count);

/* Appends the stored text, compact. Coordinates, a place, or both must be there. */
void location_write_text(struct buf *buf, const struct location *location);

/* Appends the coordinates of a stored place: latitude, longitude and position, as
 * location_write_text does; nothing when the document has no position. Returns whether it has one.
 */
bool location_put_place(struct buf *buf, struct slice place_document);

/* Appends {"createdAt":..,"timestamp":..,<text>}, no comma before it. */
void location_write_item(struct buf *buf, struct slice text, int64_t timestamp_ms,
                         int64_t created_ms);

#endif

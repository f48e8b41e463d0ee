/* SPDX-License-Identifier: Apache-2.0
 *
 * Distances. A list of what is near looks into the R*Tree with a box that surely holds all of it,
 * and then at each distance. The box is a little larger than the circle, so that no rounding, here
 * or in the R*Tree (whose coordinates are single floats, rounded outwards), leaves a point out. */
#include "store/sqlite_reader.h"

#include <math.h>

#define EARTH_RADIUS_KM 6371.0
#define RADIANS_PER_DEGREE (M_PI / 180.0)

/* 0.1 m on the ground. */
#define MARGIN_DEGREES 1e-6

/* Two spans that nearly meet are one: a point between them must not be found in both. */
#define SPAN_HALF_MAX_DEGREES 179.0

double near_distance_km(double latitude, double longitude, double other_latitude,
                        double other_longitude)
{
    /* The haversine formula keeps its digits where the points are close together. */
    double north = sin((other_latitude - latitude) * RADIANS_PER_DEGREE / 2);
    double around = remainder(other_longitude - longitude, 360); /* -180 and 180 are one meridian */
    double east = sin(around * RADIANS_PER_DEGREE / 2);
    double a = north * north + cos(latitude * RADIANS_PER_DEGREE) *
                                   cos(other_latitude * RADIANS_PER_DEGREE) * east * east;
    return 2 * EARTH_RADIUS_KM * asin(sqrt(fmin(a, 1.0)));
}

/* Half the span of longitudes that a circle of <radius> degrees around that latitude touches; 180
 * when it has a pole in it. */
static double span_half(double latitude, double radius)
{
    if (fabs(latitude) + radius >= 90) {
        return 180;
    }
    double sine = sin(radius * RADIANS_PER_DEGREE) / cos(latitude * RADIANS_PER_DEGREE);
    return asin(fmin(sine, 1.0)) / RADIANS_PER_DEGREE;
}

static const struct near_box everywhere = {
    .is_everywhere = true,
    .south = -90,
    .north = 90,
    .west = {-180, 1},
    .east = {180, -1},
};

struct near_box near_box_of(const struct documents_near *near)
{
    double radius = near->distance_km_max / EARTH_RADIUS_KM / RADIANS_PER_DEGREE + MARGIN_DEGREES;
    if (!(radius < 180)) {
        return everywhere;
    }
    struct near_box box = everywhere;
    box.is_everywhere = false;
    box.south = near->latitude - radius;
    box.north = near->latitude + radius;
    double half = span_half(near->latitude, radius) + MARGIN_DEGREES;
    if (half >= SPAN_HALF_MAX_DEGREES) {
        return box;
    }
    box.west[0] = near->longitude - half;
    box.east[0] = near->longitude + half;
    if (box.west[0] < -180) { /* across the date line: the rest is on the other side of it */
        box.west[1] = box.west[0] + 360;
        box.east[1] = 180;
    } else if (box.east[0] > 180) {
        box.west[1] = -180;
        box.east[1] = box.east[0] - 360;
    }
    return box;
}

static void distance_function(sqlite3_context *answer, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_double(
        answer, near_distance_km(sqlite3_value_double(values[0]), sqlite3_value_double(values[1]),
                                 sqlite3_value_double(values[2]), sqlite3_value_double(values[3])));
}

struct err near_register(sqlite3 *db)
{
    return db_err(sqlite3_create_function_v2(db, "distance_km", 4,
                                             SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                                             NULL, distance_function, NULL, NULL, NULL));
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Points of properties, of thngs and products, and locations of thngs. */
#include "front/fire.h"

#include "codec/json_write.h"
#include "model/location.h"
#include "model/property.h"

#include <stdlib.h>

/* Of an event the points of one key stand together, keys in the order of their first points: so
 * that many points are told of in little more time than it takes to read them. */
struct keyed_point {
    struct point point;
    uint32_t index; /* in the event */
    uint32_t first; /* index of the first point of its key */
};

static void write_point(struct buf *out, const struct point *point, int64_t created_ms)
{
    json_write_comma(out);
    property_write_sample(out, &(struct property_sample){.key = point->key,
                                                         .value = point->value,
                                                         .timestamp_ms = point->timestamp_ms,
                                                         .created_ms = created_ms});
}

static void encode_properties(struct buf *out, const struct firing *firing)
{
    struct event event = *firing->event;
    struct point point;
    buf_put_byte(out, '[');
    while (event_next_point(&event, &point)) {
        write_point(out, &point, event.time_ms);
    }
    buf_put_byte(out, ']');
}

static void encode_property(struct buf *out, const struct firing *firing)
{
    buf_put_byte(out, '[');
    for (uint32_t i = 0; i < firing->point_count; i++) {
        write_point(out, &firing->points[i].point, firing->event->time_ms);
    }
    buf_put_byte(out, ']');
}

static void encode_location(struct buf *out, const struct firing *firing)
{
    struct event event = *firing->event;
    struct point point;
    buf_put_byte(out, '[');
    while (event_next_point(&event, &point)) {
        json_write_comma(out);
        location_write_item(out, point.value, point.timestamp_ms, event.time_ms);
    }
    buf_put_byte(out, ']');
}

static int by_number(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int by_property(const void *a, const void *b)
{
    const struct keyed_point *x = a;
    const struct keyed_point *y = b;
    int order = by_number(x->point.property, y->point.property);
    return order != 0 ? order : by_number(x->index, y->index);
}

static int by_first(const void *a, const void *b)
{
    const struct keyed_point *x = a;
    const struct keyed_point *y = b;
    int order = by_number(x->first, y->first);
    return order != 0 ? order : by_number(x->index, y->index);
}

/* Puts the points that somebody has subscribed to into <keyed>; how many. */
static uint32_t gather(const struct audience *audience, struct firing *firing, struct buf *keyed)
{
    struct event points = *firing->event;
    struct keyed_point next = {0};
    buf_reset(keyed);
    for (; event_next_point(&points, &next.point); next.index++) {
        firing->ref.name = next.point.key;
        if (fire_is_wanted(audience, firing)) {
            buf_put_bytes(keyed, &next, sizeof(next));
        }
    }
    return (uint32_t)(buf_bytes(keyed) / sizeof(next));
}

/* A property has one number, and no other has it. */
static void sort(struct keyed_point *points, uint32_t count)
{
    qsort(points, count, sizeof(*points), by_property);
    for (uint32_t i = 0; i < count; i++) {
        bool is_first = i == 0 || points[i].point.property != points[i - 1].point.property;
        points[i].first = is_first ? points[i].index : points[i - 1].first;
    }
    qsort(points, count, sizeof(*points), by_first);
}

/* One message for each key, in the request's order. */
static void fire_keys(struct audience *audience, struct firing *firing)
{
    struct buf *keyed = &audience->front->keyed;
    const uint32_t before = audience->firings;
    uint32_t count = gather(audience, firing, keyed);
    if (keyed->failed) {
        fire_later(audience, firing->event);
        return;
    }
    struct keyed_point *points = (struct keyed_point *)(void *)keyed->at;
    if (count > 0) {
        sort(points, count);
    }
    for (uint32_t i = 0; i < count; i += firing->point_count) {
        firing->points = &points[i];
        firing->point_count = 1;
        while (i + firing->point_count < count &&
               points[i + firing->point_count].first == points[i].first) {
            firing->point_count++;
        }
        /* By its place in the event: who subscribes to what may change until it goes on. */
        audience->firings = before + points[i].first + 1;
        firing->ref.name = points[i].point.key;
        fire(audience, firing);
    }
}

/* The message of all keys comes first. */
static void fire_properties(struct audience *audience, struct firing *firing, enum topic_family all,
                            enum topic_family one)
{
    const struct event *event = firing->event;
    firing->encode = encode_properties;
    fire_aim(audience, firing, all, event->resource, (struct slice){0});
    fire(audience, firing);
    firing->encode = encode_property;
    fire_aim(audience, firing, one, event->resource, (struct slice){0});
    fire_keys(audience, firing);
}

void fire_points(struct audience *audience, const struct event *event)
{
    struct firing firing = {
        .event = event,
        .seen_kind = event->kind,
        .seen = event->resource,
        .has_scopes = true,
        .is_judged = true,
    };
    struct event points = *event;
    struct point first;
    if (!event_next_point(&points, &first)) {
        return;
    }
    if (event->kind == RESOURCE_PRODUCT) {
        fire_properties(audience, &firing, TOPIC_PRODUCT_PROPERTIES, TOPIC_PRODUCT_PROPERTY);
    } else if (first.key.bytes > 0) {
        fire_properties(audience, &firing, TOPIC_THNG_PROPERTIES, TOPIC_THNG_PROPERTY);
    } else {
        firing.encode = encode_location;
        fire_aim(audience, &firing, TOPIC_THNG_LOCATION, event->resource, (struct slice){0});
        fire(audience, &firing);
    }
}

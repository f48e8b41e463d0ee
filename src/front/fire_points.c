/* SPDX-License-Identifier: Apache-2.0
 *
 * Points of properties, of thngs and products, and locations of thngs. */
#include "front/fire.h"

#include "codec/json_write.h"
#include "model/location.h"
#include "model/property.h"

static bool is_of_all_keys(enum topic_family family)
{
    return family == TOPIC_THNG_PROPERTIES || family == TOPIC_PRODUCT_PROPERTIES;
}

static void encode_properties(struct buf *out, const struct firing *firing)
{
    bool all = is_of_all_keys(firing->ref.family);
    struct event event = *firing->event;
    struct point point;
    buf_put_byte(out, '[');
    while (event_next_point(&event, &point)) {
        if (point.key.bytes > 0 && (all || slice_equal(point.key, firing->ref.name))) {
            json_write_comma(out);
            property_write_sample(out, &(struct property_sample){.key = point.key,
                                                                 .value = point.value,
                                                                 .timestamp_ms = point.timestamp_ms,
                                                                 .created_ms = event.time_ms});
        }
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

static bool key_came_before(struct event event, uint32_t index, struct slice key)
{
    struct point point;
    for (uint32_t i = 0; i < index && event_next_point(&event, &point); i++) {
        if (slice_equal(point.key, key)) {
            return true;
        }
    }
    return false;
}

/* The message of all keys first, then one for each key, in the request's order. */
static void fire_properties(struct audience *audience, struct firing *firing, enum topic_family all,
                            enum topic_family one)
{
    const struct event *event = firing->event;
    firing->encode = encode_properties;
    fire_aim(audience, firing, all, event->resource, (struct slice){0});
    fire(audience, firing);
    fire_aim(audience, firing, one, event->resource, (struct slice){0});
    struct event points = *event;
    struct point point;
    for (uint32_t index = 0; event_next_point(&points, &point); index++) {
        fire_aim_name(audience, firing, point.key);
        if (fire_is_wanted(audience, firing) && !key_came_before(*event, index, point.key)) {
            fire(audience, firing);
        }
    }
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

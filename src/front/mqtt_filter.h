/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_filter.h - what an MQTT filter selects: topics of the contract, plain topics, or both. */
#ifndef THRUM_FRONT_MQTT_FILTER_H
#define THRUM_FRONT_MQTT_FILTER_H

#include "front/front.h"

struct mqtt_filter {
    struct topic_filter topics; /* of the contract; with a count of 0: none */
    struct slice plain;         /* plain topics, borrowed from the text; empty: none */
    bool is_shared;             /* with others: it is "$share/GROUP/FILTER" */
};

/* As topic_filter_parse; also what cannot be replayed is refused. */
MUST_USE struct err mqtt_filter_read(const struct front *front, struct slice text,
                                     struct mqtt_filter *filter);

/* Does it select plain topics, and may the actor have them? */
bool mqtt_filter_has_plain(const struct mqtt_filter *filter, const struct actor *actor);

/* The QoS that is granted for the one asked for: topics of the contract have 1 at most (contract:
 * README.md, point 8). */
uint8_t mqtt_filter_qos(uint8_t asked, bool has_plain);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "front/wants.h"

#include "model/plain_topic.h"

#include <stdlib.h>

/* So many names are looked up in the filter of a group. */
#define GROUP_NAMES_MAX 16
#define ROOM_MIN 16

void wants_deinit(struct wants *wants)
{
    free(wants->names);
    *wants = (struct wants){0};
}

static bool has(const struct wants *wants, uint64_t name)
{
    if (wants->count == 0) {
        return false;
    }
    uint32_t at = (uint32_t)name & (wants->room - 1);
    while (wants->names[at] != 0 && wants->names[at] != name) {
        at = (at + 1) & (wants->room - 1);
    }
    return wants->names[at] == name;
}

static void put(struct wants *wants, uint64_t name)
{
    uint32_t at = (uint32_t)name & (wants->room - 1);
    while (wants->names[at] != 0) {
        at = (at + 1) & (wants->room - 1);
    }
    wants->names[at] = name;
    wants->count++;
}

/* Half of it stays free. */
static bool make_room(struct wants *wants)
{
    if (2 * (wants->count + 1) <= wants->room) {
        return true;
    }
    struct wants grown = {.room = wants->room > 0 ? 2 * wants->room : ROOM_MIN};
    grown.names = calloc(grown.room, sizeof(grown.names[0]));
    if (grown.names == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < wants->room; i++) {
        if (wants->names[i] != 0) {
            put(&grown, wants->names[i]);
        }
    }
    free(wants->names);
    wants->names = grown.names;
    wants->room = grown.room;
    return true;
}

/* A name that happens to be 0 cannot be kept: everything passes then. */
static void add_name(struct wants *wants, uint64_t name)
{
    if (name == 0 || !make_room(wants)) {
        wants->failed = true;
    } else if (!has(wants, name)) {
        put(wants, name);
    }
}

static bool is_of_points(enum topic_family family)
{
    return family == TOPIC_THNG_PROPERTIES || family == TOPIC_THNG_PROPERTY ||
           family == TOPIC_THNG_LOCATION || family == TOPIC_PRODUCT_PROPERTIES ||
           family == TOPIC_PRODUCT_PROPERTY;
}

static void add_plain(struct wants *wants, uint32_t account, struct slice filter)
{
    if (plain_is_shared(filter)) {
        return; /* its group walks by itself */
    }
    if (plain_filter_has_wildcard(filter)) {
        wants->all_messages = true;
    } else {
        add_name(wants, group_hash_message(account, filter));
    }
}

static void add_subscription(struct wants *wants, const struct subscription *subscription)
{
    for (unsigned i = 0; i < subscription->place_count; i++) {
        struct topic_ref ref = subscription->places[i].topic->ref;
        if (ref.family == TOPIC_PLAIN) {
            add_plain(wants, subscription->actor.account, ref.name);
        } else if (!is_of_points(ref.family)) {
            wants->others = true;
        } else if (ref.resource == NULL) {
            wants->all_points = true;
        } else {
            add_name(wants, group_hash_name(subscription->actor.account, ref.resource));
        }
    }
}

void wants_add_session(struct wants *wants, const struct session *session)
{
    LIST_EACH (&session->subscriptions, link, after) {
        add_subscription(wants, LIST_ENTRY(link, struct subscription, in_session));
    }
}

void wants_add(struct wants *wants, const struct wants *more)
{
    wants->all_points |= more->all_points;
    wants->all_messages |= more->all_messages;
    wants->others |= more->others;
    wants->failed |= more->failed;
    for (uint32_t i = 0; i < more->room; i++) {
        if (more->names[i] != 0) {
            add_name(wants, more->names[i]);
        }
    }
}

bool wants_group(const struct wants *wants, const struct group *group)
{
    if (wants->failed || wants->all_points || wants->all_messages || wants->others ||
        wants->count > GROUP_NAMES_MAX) {
        return true;
    }
    for (uint32_t i = 0; i < wants->room; i++) {
        if (wants->names[i] != 0 && group_may_name_hashed(group, wants->names[i])) {
            return true;
        }
    }
    return false;
}

bool wants_event(const struct wants *wants, const struct event *event)
{
    switch (event->type) {
    case EVENT_POINTS:
        return wants->failed || wants->all_points ||
               has(wants, group_hash_name(event->account, event->resource));
    case EVENT_MESSAGE:
        return wants->failed || wants->all_messages ||
               has(wants, group_hash_message(event->account, event->topic));
    case EVENT_CUT:
    case EVENT_KEY:
        return false; /* nobody is told (contract: pub/sub 4) */
    case EVENT_DOCUMENT:
    case EVENT_MEMBERS:
        break;
    }
    return wants->failed || wants->others;
}

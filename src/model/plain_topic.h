/* SPDX-License-Identifier: Apache-2.0
 *
 * plain_topic.h - topics that are not of the contract: ordinary MQTT topics inside an account
 * (contract: README.md, point 7).
 *
 * A topic is plain when its first level is not a root of the contract. It is taken as it is: the
 * leading slash counts, there are no options and no escapes. Names that begin with "$" are not
 * matched by filters that begin with a wildcard [MQTT-4.7.2-1].
 *
 * Pure; nothing allocates. */
#ifndef THRUM_MODEL_PLAIN_TOPIC_H
#define THRUM_MODEL_PLAIN_TOPIC_H

#include "base/err.h"
#include "base/slice.h"

/* What a text with that first level is about. */
enum plain_scope {
    PLAIN_NOT,  /* topics of the contract */
    PLAIN_ONLY, /* plain topics */
    PLAIN_BOTH, /* a filter that begins with a wildcard: both */
};

enum plain_scope plain_topic_scope(struct slice text);

/* A name that may be published to. ERR_TOPIC_INVALID: it breaks MQTT's rules (empty, NUL, no UTF-8,
 * a wildcard [MQTT-3.3.2-2]), or is longer, or has more levels, than topics may have; ERR_DENIED:
 * "$SYS" and "$share" are the broker's. */
MUST_USE struct err plain_name_check(struct slice name);

/* A filter without "$share": ERR_TOPIC_INVALID [MQTT-4.7.1-1 .. 3]. */
MUST_USE struct err plain_filter_check(struct slice filter);

bool plain_filter_has_wildcard(struct slice filter);

/* Does the filter match the name? Both have been checked. */
bool plain_filter_matches(struct slice filter, struct slice name);

/* The next level, with what follows behind its slash in <rest>; false at the end. Begin with
 * plain_levels. An empty level is one. */
struct plain_levels {
    struct slice rest;
    bool is_over;
};
static inline struct plain_levels plain_levels(struct slice text)
{
    return (struct plain_levels){.rest = text};
}
bool plain_levels_next(struct plain_levels *levels, struct slice *level);

/* "$share/GROUP/FILTER" taken apart. False when it does not begin so; ERR_TOPIC_INVALID when it
 * does and is none: a group has a name without wildcards, and there is a filter. */
bool plain_is_shared(struct slice text);
MUST_USE struct err plain_shared_read(struct slice text, struct slice *group, struct slice *filter);

#endif

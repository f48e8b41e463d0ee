/* SPDX-License-Identifier: Apache-2.0 */
#include "model/plain_topic.h"

#include "base/utf8.h"
#include "model/topic.h"

static const struct slice any_one = SLICE_INIT("+");
static const struct slice any_all = SLICE_INIT("#");
static const struct slice share = SLICE_INIT("$share");

bool plain_levels_next(struct plain_levels *levels, struct slice *level)
{
    if (levels->is_over) {
        return false;
    }
    size_t slash = slice_find(levels->rest, '/');
    *level = slice_first(levels->rest, slash);
    levels->is_over = slash == levels->rest.bytes;
    levels->rest = levels->is_over ? (struct slice){0} : slice_from(levels->rest, slash + 1);
    return true;
}

enum plain_scope plain_topic_scope(struct slice text)
{
    bool has_slash = text.bytes > 0 && text.at[0] == '/';
    struct slice path = slice_from(text, has_slash);
    struct slice level = slice_first(path, slice_find(path, '/'));
    level = slice_first(level, slice_find(level, '?'));
    if (slice_equal(level, any_one) || slice_equal(level, any_all)) {
        return PLAIN_BOTH;
    }
    return topic_is_root(level) ? PLAIN_NOT : PLAIN_ONLY;
}

static bool is_text(struct slice text)
{
    return text.bytes > 0 && text.bytes <= TOPIC_BYTES_MAX && slice_find(text, 0) == text.bytes &&
           utf8_is_valid(text);
}

static bool has_wildcard_sign(struct slice text)
{
    return slice_find(text, '+') != text.bytes || slice_find(text, '#') != text.bytes;
}

struct err plain_name_check(struct slice name)
{
    struct plain_levels levels = plain_levels(name);
    struct slice first = {0};
    struct slice level;
    unsigned count = 0;
    if (!is_text(name) || has_wildcard_sign(name)) {
        return ERR(TOPIC_INVALID);
    }
    while (plain_levels_next(&levels, &level)) {
        first = count++ == 0 ? level : first;
    }
    if (count > TOPIC_LEVELS_MAX) {
        return ERR(TOPIC_INVALID);
    }
    bool is_ours = slice_equal(first, SLICE("$SYS")) || slice_equal(first, share);
    return is_ours ? ERR(DENIED) : ERR(OK);
}

struct err plain_filter_check(struct slice filter)
{
    struct plain_levels levels = plain_levels(filter);
    struct slice level;
    unsigned count = 0;
    if (!is_text(filter)) {
        return ERR(TOPIC_INVALID);
    }
    while (plain_levels_next(&levels, &level)) {
        bool is_last_only = slice_equal(level, any_all);
        bool is_whole = is_last_only || slice_equal(level, any_one);
        if ((is_last_only && !levels.is_over) || (!is_whole && has_wildcard_sign(level)) ||
            ++count > TOPIC_LEVELS_MAX) {
            return ERR(TOPIC_INVALID);
        }
    }
    return ERR(OK);
}

bool plain_filter_has_wildcard(struct slice filter)
{
    return has_wildcard_sign(filter);
}

bool plain_filter_matches(struct slice filter, struct slice name)
{
    struct plain_levels filters = plain_levels(filter);
    struct plain_levels names = plain_levels(name);
    struct slice wanted;
    struct slice level;
    bool begins_with_wildcard = filter.at[0] == '+' || filter.at[0] == '#';
    if (begins_with_wildcard && name.at[0] == '$') {
        return false;
    }
    while (plain_levels_next(&filters, &wanted)) {
        if (slice_equal(wanted, any_all)) {
            return true; /* also the level above it [MQTT-4.7.1-2] */
        }
        if (!plain_levels_next(&names, &level) ||
            (!slice_equal(wanted, any_one) && !slice_equal(wanted, level))) {
            return false;
        }
    }
    return !plain_levels_next(&names, &level);
}

bool plain_is_shared(struct slice text)
{
    return slice_equal(slice_first(text, slice_find(text, '/')), share);
}

struct err plain_shared_read(struct slice text, struct slice *group, struct slice *filter)
{
    struct plain_levels levels = plain_levels(text);
    struct slice level;
    bool is_read = plain_levels_next(&levels, &level) && plain_levels_next(&levels, group);
    *filter = levels.rest;
    if (!is_read || slice_is_empty(*group) || has_wildcard_sign(*group) || levels.is_over) {
        return ERR(TOPIC_INVALID);
    }
    return plain_filter_check(*filter);
}

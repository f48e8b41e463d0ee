/* SPDX-License-Identifier: Apache-2.0 */
#include "front/mqtt_filter.h"

#include "front/replay.h"
#include "front/sys.h"
#include "model/perm.h"
#include "model/plain_topic.h"
#include "store/sessions.h"

/* Of topics of the contract. The history of everything that wildcards select is not replayed: of
 * one topic, it is. */
static struct err read_topics(struct slice text, struct topic_filter *filter)
{
    TRY(topic_filter_parse(text, filter));
    bool replays = filter->topic.options.replay.is_wanted;
    return filter->has_wildcard && replays ? ERR(QUERY_INVALID) : replay_check(&filter->topic);
}

/* The broker's own figures are told to each who asks for them. A group is kept under its name. */
static struct err check_shared(struct slice text)
{
    struct slice group;
    struct slice filter;
    TRY(plain_shared_read(text, &group, &filter));
    bool fits = text.bytes <= SESSION_CLIENT_ID_BYTES_MAX && !sys_is_filter(filter);
    return fits ? ERR(OK) : ERR(TOPIC_INVALID);
}

struct err mqtt_filter_read(const struct front *front, struct slice text,
                            struct mqtt_filter *filter)
{
    bool is_on = front->shared->limits.plain_topics;
    enum plain_scope scope = is_on ? plain_topic_scope(text) : PLAIN_NOT;
    filter->is_shared = is_on && plain_is_shared(text);
    struct err topics = ERR(TOPIC_UNKNOWN);
    struct err plain = ERR(TOPIC_UNKNOWN);
    if (scope != PLAIN_ONLY) {
        topics = read_topics(text, &filter->topics);
    }
    if (err_equal(topics, ERR(QUERY_INVALID))) {
        return topics; /* options: it is meant for topics of the contract */
    }
    if (scope != PLAIN_NOT) {
        plain = filter->is_shared ? check_shared(text) : plain_filter_check(text);
    }
    if (err_is_set(topics)) {
        filter->topics.count = 0;
        filter->topics.has_wildcard = false;
        filter->topics.topic = (struct topic){.family = TOPIC_NONE};
    }
    filter->plain = err_is_set(plain) ? (struct slice){0} : text;
    if (err_is_set(topics) && err_is_set(plain)) {
        return scope == PLAIN_ONLY ? plain : topics;
    }
    return ERR(OK);
}

bool mqtt_filter_has_plain(const struct mqtt_filter *filter, const struct actor *actor)
{
    return !slice_is_empty(filter->plain) &&
           !err_is_set(perm_may(actor, PERM_PLAIN_TOPICS, PERM_LIST));
}

uint8_t mqtt_filter_qos(uint8_t asked, bool has_plain)
{
    uint8_t most = has_plain ? 2 : 1;
    return asked < most ? asked : most;
}

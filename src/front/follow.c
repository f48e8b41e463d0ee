/* SPDX-License-Identifier: Apache-2.0 */
#include "front/follow.h"

#include "base/assert.h"
#include "front/fire.h"

void follow_init(struct follow *follow, struct conn *conn, const struct session_ops *ops)
{
    *follow = (struct follow){.conn = conn};
    session_init(&follow->session, ops);
    conn->session = &follow->session;
}

void follow_ask(struct follow *follow, uint64_t request)
{
    struct conn *conn = follow->conn;
    struct slice name = topic_name(&follow->topic);
    struct command_batch *batch = front_batch(conn->front, FRONT_COMMAND_BYTES + name.bytes);
    follow->must_ask = batch == NULL;
    if (batch == NULL) {
        conn_pause(conn);
        return;
    }
    struct slice copy;
    bool copied = command_batch_copy(batch, name, &copy);
    ASSERT(copied);
    struct command *command =
        front_command(conn->front, batch, COMMAND_SUBSCRIBE, conn, &follow->actor, request);
    command->target = follow->topic.resource;
    command->project = follow->topic.options.project;
    command->as.subscribe.family = follow->topic.family;
    command->as.subscribe.name = copy;
    command->as.subscribe.replays = follow->topic.options.replay.is_wanted;
}

struct err follow_begin(struct follow *follow, uint64_t after, struct slice text,
                        struct subscription **subscription)
{
    struct subs *subs = &follow->conn->front->subs;
    struct subs_wish wish = {
        .session = &follow->session,
        .topic = &follow->topic,
        .actor = &follow->actor,
        .text = text,
        .qos = 1,
        .first_sequence = after + 1,
    };
    ASSERT(text.bytes > 0);
    TRY(subs_add(subs, &wish, subscription));
    enum topic_family family = follow->topic.family;
    bool tells_of_end = family == TOPIC_THNG || family == TOPIC_COLLECTION;
    if (tells_of_end || topic_family_row(family)->resource == 0) {
        return ERR(OK);
    }
    const struct topic resource = fire_end_of(&follow->topic.resource);
    struct subscription *end;
    wish.topic = &resource;
    wish.text = SLICE("");
    return subs_add(subs, &wish, &end);
}

void follow_resume(struct follow *follow, uint64_t after)
{
    session_fall_behind(&follow->session, after);
    front_catch_up(follow->conn->front, follow->conn);
}

static bool is_end(const struct subscription *subscription)
{
    return slice_is_empty(subscription_filter(subscription));
}

bool follow_is_about_end(const struct delivery *delivery)
{
    return is_end(delivery->subscription);
}

bool follow_has_topic(const struct follow *follow)
{
    LIST_EACH (&follow->session.subscriptions, link, after) {
        if (!is_end(LIST_ENTRY(link, struct subscription, in_session))) {
            return true;
        }
    }
    return false;
}

void follow_end(struct follow *follow)
{
    struct conn *conn = follow->conn;
    session_deinit(&follow->session, &conn->front->subs);
    list_remove(&conn->behind);
    conn->session = NULL;
}

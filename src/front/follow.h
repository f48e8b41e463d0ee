/* SPDX-License-Identifier: Apache-2.0
 *
 * follow.h - one connection follows one topic: what native WebSockets (ws_topic.c), event streams
 * and long polls (rest_follow.c) have in common.
 *
 *      follow_init --follow_ask--> engine --answer--> follow_begin --events--> ops->deliver
 *
 * Who follows a part of a resource is to end with the resource, but a deletion fires on the
 * resource's own topic alone, if it has one. So there is a second subscription then, to the
 * resource's end (fire.h). It is told apart by its filter, which is empty.
 *
 * Lies in the state of who uses it. Belongs to the connection's loop. */
#ifndef THRUM_FRONT_FOLLOW_H
#define THRUM_FRONT_FOLLOW_H

#include "front/conn.h"

struct follow {
    struct conn *conn;
    struct session session;
    struct topic topic; /* its access_token is not set: it dies with the request */
    struct actor actor; /* whose rights count */
    bool must_ask;      /* COMMAND_SUBSCRIBE had no room yet */
};

/* The connection's session is this one from now on. Topic and actor are set afterwards. */
void follow_init(struct follow *follow, struct conn *conn, const struct session_ops *ops);

/* Asks the engine whether the actor may follow the topic, and from which event on: the answer comes
 * to proto->on_answer with <request>. Without room the connection is paused, and must_ask set: ask
 * again when it resumes. */
void follow_ask(struct follow *follow, uint64_t request);

/* Granted: subscribes, to all events behind <after>. <text> is what the topic is called for this
 * subscription, and not empty. ERR_NO_MEMORY. */
MUST_USE struct err follow_begin(struct follow *follow, uint64_t after, struct slice text,
                                 struct subscription **subscription);

/* Goes on behind an earlier event, which was the last that the client has had: what has come since
 * is delivered first. Just after follow_begin with it. */
void follow_resume(struct follow *follow, uint64_t after);

/* The message tells of nothing but the resource's end. */
bool follow_is_about_end(const struct delivery *delivery);

/* False when the subscription has ended because the rights did. */
bool follow_has_topic(const struct follow *follow);

/* Ends the subscriptions; the connection has no session any more. */
void follow_end(struct follow *follow);

#endif

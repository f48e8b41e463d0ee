/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.h - from a payload on a topic to a command: the one way in for MQTT, WebSocket and REST.
 *
 * A publish is the PUT, or of actions and action types the POST, of the topic's path with the same
 * body. The payload is scanned and checked on the loop; whether the key may, and whether the
 * resource exists, the engine decides. A payload that is refused travels to the engine all the
 * same, as the command's refusal, because rights and existence are judged first. */
#ifndef THRUM_FRONT_PUBLISH_H
#define THRUM_FRONT_PUBLISH_H

#include "front/conn.h"

/* What is wrong with a payload that has been sent all the same: for the text of the error that the
 * engine answers, if it answers that one. */
struct publish_fault {
    struct err err;     /* ERR_OK: nothing */
    struct slice field; /* the member it is about: static, or in the payload; empty: none */
};

struct publish {
    const struct topic *topic;
    struct slice payload; /* borrowed for the call */
    const struct actor *actor;
    uint8_t qos;
    bool retain;          /* of plain topics */
    bool is_last_words;   /* a will: no answer, and no bound holds it back */
    struct slice context; /* of actions: a JSON object about who sends (context.h); empty: none */
    uint64_t request;     /* the answer's number */
    struct publish_fault *fault; /* told here; NULL: not wanted */
};

enum publish_sent {
    PUBLISH_SENT,    /* the answer will come */
    PUBLISH_REFUSED, /* at once: see *err */
    PUBLISH_NO_ROOM, /* too many commands are under way: conn_pause and try again */
};

/* The topic of a PUBLISH, of the contract or, where they are on, a plain one. As topic_parse;
 * ERR_DENIED: the broker's own. */
MUST_USE struct err publish_read_topic(const struct front *front, struct slice text,
                                       struct topic *topic);

enum publish_sent publish_send(struct conn *conn, const struct publish *publish, struct err *err);

/* Ids to be put into a collection: what a publish to /collections/:id/thngs holds, and what POST
 * /collections/:id/collections does, which is no topic. */
struct members_send {
    struct id collection;
    struct id project;
    enum resource_kind member_kind;
    struct slice body; /* borrowed for the call */
    const struct actor *actor;
    uint8_t qos;
    bool is_last_words;
    uint64_t request;
};

/* PUBLISH_SENT or PUBLISH_NO_ROOM. */
enum publish_sent members_send(struct conn *conn, const struct members_send *send);

#endif

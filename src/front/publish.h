/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.h - from a payload on a topic to a command: the one way in for MQTT, WebSocket and REST.
 *
 * A publish is the PUT of the topic's path with the same body. The payload is scanned and checked
 * on the loop; whether the key may, and whether the resource exists, the engine decides. A payload
 * that is refused travels to the engine all the same, as the command's refusal, because rights and
 * existence are judged first. */
#ifndef THRUM_FRONT_PUBLISH_H
#define THRUM_FRONT_PUBLISH_H

#include "front/conn.h"

struct publish {
    const struct topic *topic;
    struct slice payload; /* borrowed for the call */
    const struct actor *actor;
    uint8_t qos;
    bool is_last_words; /* a will: no answer, and no bound holds it back */
    uint64_t request;   /* the answer's number */
};

enum publish_sent {
    PUBLISH_SENT,    /* the answer will come */
    PUBLISH_REFUSED, /* at once: see *err */
    PUBLISH_NO_ROOM, /* too many commands are under way: conn_pause and try again */
};

enum publish_sent publish_send(struct conn *conn, const struct publish *publish, struct err *err);

#endif

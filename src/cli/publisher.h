/* SPDX-License-Identifier: Apache-2.0
 *
 * publisher.h - a blocking MQTT client that publishes with QoS 1, one message at a time.
 *
 *      struct publisher publisher = {.wire = {.fd = -1, .stop_fd = stop_fd}, ...};
 *      TRY(publisher_connect(&publisher));
 *      TRY(publisher_publish(&publisher, topic, payload));   returns when it was acknowledged
 *      publisher_close(&publisher);
 *
 * After any error the connection is closed; publisher_connect may be called again. */
#ifndef THRUM_CLI_PUBLISHER_H
#define THRUM_CLI_PUBLISHER_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "cli/wire.h"

struct publisher {
    /* Set by the caller, borrowed. */
    struct wire_place place;
    struct slice client_id;
    struct slice key;

    struct wire wire; /* fd -1 to begin with */
    struct buf in;
    struct buf out;
    uint16_t packet_id; /* of the last publish */
};

/* Connects and introduces itself. CREDENTIAL_UNKNOWN when the key is refused; MQTT_PROTOCOL when
 * the answer is not that of a broker; otherwise as wire.h. */
MUST_USE struct err publisher_connect(struct publisher *publisher);

/* Publishes and waits for the acknowledgement: then it is recorded. PEER_CLOSED is also how a
 * broker refuses. */
MUST_USE struct err publisher_publish(struct publisher *publisher, struct slice topic,
                                      struct slice payload);

/* Says good-bye if it is connected, and releases all it holds. */
void publisher_close(struct publisher *publisher);

#endif

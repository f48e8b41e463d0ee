/* SPDX-License-Identifier: Apache-2.0
 *
 * first_start.h - what thrumd tells a person when it is up.
 *
 * Every start: where it listens, and where its data is. The first start besides: the operator key,
 * once, and lines that work when pasted into a shell as they are, in their order: they make a thng,
 * watch a property of it over MQTT with TLS and over a WebSocket, publish to it, and read its
 * history. The lines use curl, mosquitto-clients and perl, and name the ports that really were
 * opened.
 *
 * Text only: pure, but for first_start_wants_colour. */
#ifndef THRUM_SERVER_FIRST_START_H
#define THRUM_SERVER_FIRST_START_H

#include "base/buf.h"
#include "base/common.h"
#include "server/config.h"

/* One bound address of a listener. */
struct first_start_endpoint {
    enum config_listener_index listener;
    const char *address; /* numeric: "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;       /* as bound, never 0 */
    enum config_tls tls;
    unsigned protocols;   /* enum config_protocol, or-ed */
    bool is_behind_proxy; /* clients cannot connect here themselves */
};

/* All borrowed for the call. */
struct first_start {
    const char *version;
    const char *data;         /* the data folder, as it was named */
    const char *ca_file;      /* what clients check the certificate with; NULL: what they have */
    const char *operator_key; /* NULL on later starts: then no secret and no lines are printed */
    const char *program;      /* the path of thrumd, as it was called: the tool is beside it */
    const struct first_start_endpoint *endpoints; /* of one listener together */
    size_t endpoint_count;
    bool has_colour;
};

/* Appends the text to <out>. */
void first_start_print(struct buf *out, const struct first_start *start);

/* True when <fd> is a terminal that shows colours and nobody asked for none (NO_COLOR, TERM). */
bool first_start_wants_colour(int fd);

#endif

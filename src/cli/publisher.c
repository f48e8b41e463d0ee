/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/publisher.h"

#include "codec/mqtt.h"

#define PUBLISHER_TIMEOUT_MS 10000
#define PUBLISHER_KEEPALIVE_S 60

/* A broker sends a publisher nothing but short acknowledgements. */
#define PUBLISHER_PACKET_BYTES_MAX 1024

static struct err flush(struct publisher *publisher)
{
    struct err err = publisher->out.failed ? ERR(NO_MEMORY)
                                           : wire_send(&publisher->wire, buf_data(&publisher->out),
                                                       PUBLISHER_TIMEOUT_MS);
    buf_reset(&publisher->out);
    return err;
}

/* Waits for the next packet, which must be of <type>. Its body lives until publisher->in changes,
 * from which the caller consumes frame->bytes. */
static struct err await(struct publisher *publisher, enum mqtt_type type, struct mqtt_frame *frame)
{
    for (;;) {
        struct err err = ERR(OK);
        switch (mqtt_read_frame(buf_data(&publisher->in), MQTT_LEVEL_3_1_1,
                                PUBLISHER_PACKET_BYTES_MAX, frame, &err)) {
        case DECODE_DONE:
            return frame->type == type ? ERR(OK) : ERR(MQTT_PROTOCOL);
        case DECODE_BAD:
            return err;
        case DECODE_MORE:
            TRY(wire_receive(&publisher->wire, &publisher->in, PUBLISHER_TIMEOUT_MS));
            break;
        }
    }
}

static struct err introduce(struct publisher *publisher)
{
    mqtt_write_connect(&publisher->out, &(struct mqtt_connect){
                                            .level = MQTT_LEVEL_3_1_1,
                                            .clean_session = true,
                                            .has_user_name = true,
                                            .has_password = true,
                                            .keepalive_s = PUBLISHER_KEEPALIVE_S,
                                            .client_id = publisher->client_id,
                                            .user_name = SLICE("authorization"),
                                            .password = publisher->key,
                                        });
    TRY(flush(publisher));
    struct mqtt_frame frame;
    struct mqtt_connack connack;
    TRY(await(publisher, MQTT_CONNACK, &frame));
    TRY(mqtt_read_connack(&frame, &connack));
    buf_consume(&publisher->in, frame.bytes);
    switch (connack.code) {
    case MQTT_CONNACK_ACCEPTED:
        return ERR(OK);
    case MQTT_CONNACK_CREDENTIALS_BAD:
    case MQTT_CONNACK_NOT_AUTHORIZED:
        return ERR(CREDENTIAL_UNKNOWN);
    case MQTT_CONNACK_UNAVAILABLE:
        return ERR(BUSY);
    default:
        return ERR(MQTT_PROTOCOL);
    }
}

static struct err publish(struct publisher *publisher, struct slice topic, struct slice payload)
{
    publisher->packet_id = publisher->packet_id == UINT16_MAX ? 1 : publisher->packet_id + 1;
    mqtt_write_publish(&publisher->out, &(struct mqtt_publish){
                                            .topic = topic,
                                            .payload = payload,
                                            .packet_id = publisher->packet_id,
                                            .qos = 1,
                                        });
    TRY(flush(publisher));
    struct mqtt_frame frame;
    uint16_t packet_id;
    TRY(await(publisher, MQTT_PUBACK, &frame));
    TRY(mqtt_read_packet_id(&frame, &packet_id));
    buf_consume(&publisher->in, frame.bytes);
    return packet_id == publisher->packet_id ? ERR(OK) : ERR(MQTT_PROTOCOL);
}

static struct err close_after(struct publisher *publisher, struct err err)
{
    if (err_is_set(err)) {
        wire_close(&publisher->wire);
        buf_reset(&publisher->in);
        buf_reset(&publisher->out);
    }
    return err;
}

struct err publisher_connect(struct publisher *publisher)
{
    TRY(wire_open(&publisher->wire, &publisher->place, PUBLISHER_TIMEOUT_MS));
    return close_after(publisher, introduce(publisher));
}

struct err publisher_publish(struct publisher *publisher, struct slice topic, struct slice payload)
{
    return close_after(publisher, publish(publisher, topic, payload));
}

void publisher_close(struct publisher *publisher)
{
    if (publisher->wire.fd != -1) {
        buf_reset(&publisher->out);
        mqtt_write_disconnect(&publisher->out);
        /* Out of politeness: if it fails, the broker sees the connection end all the same. */
        (void)close_after(publisher, flush(publisher));
        wire_close(&publisher->wire);
    }
    buf_deinit(&publisher->in);
    buf_deinit(&publisher->out);
}

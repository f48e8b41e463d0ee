/* SPDX-License-Identifier: Apache-2.0
 *
 * UNSUBSCRIBE: at once; of a session that is kept, the UNSUBACK waits until it is on disk. */
#include "front/mqtt_conn.h"

#include <stdlib.h>

/* Of one packet. */
struct unsubscribing {
    struct buf others; /* struct unwanted: filters that are not there as they are spelled */
    struct buf writes; /* what is taken away of what is kept */
};

static void end_subscription(struct mqtt_conn *mqtt, struct subscription *subscription,
                             struct unsubscribing *ending)
{
    if (mqtt->keeping.is_kept) {
        const struct session_name name = mqtt_session_name(mqtt);
        session_delete(&ending->writes, &name, SESSION_SUBSCRIPTION, subscription->number);
    }
    subs_remove(&mqtt->conn->front->subs, subscription);
}

/* A filter that is not there as it is spelled, and the hash of what it selects. */
struct unwanted {
    uint64_t selected;
    struct slice text; /* in the packet */
};

static int compare_unwanted(const void *a, const void *b)
{
    uint64_t x = ((const struct unwanted *)a)->selected;
    uint64_t y = ((const struct unwanted *)b)->selected;
    return (x > y) - (x < y);
}

/* The exact filter; without one it is put to those that are looked for in other spellings. */
static void unsubscribe(struct mqtt_conn *mqtt, struct slice text, struct unsubscribing *ending)
{
    struct subs *subs = &mqtt->conn->front->subs;
    struct subscription *exact = subs_find(subs, &mqtt->session, text);
    struct topic_filter filter;
    if (exact != NULL) {
        end_subscription(mqtt, exact, ending);
    } else if (!err_is_set(topic_filter_parse(text, &filter)) &&
               subs_topic_find(subs, topic_filter_ref(&filter, 0)) != NULL) {
        const struct unwanted other = {subs_hash_filter(subs, &filter), text};
        buf_put_bytes(&ending->others, &other, sizeof(other));
    }
}

static bool is_unwanted(const struct subs *subs, const struct subscription *subscription,
                        struct slice others)
{
    const struct unwanted wanted = {.selected = subs_hash_selected(subs, subscription)};
    const struct unwanted *found = bsearch(&wanted, others.at, others.bytes / sizeof(wanted),
                                           sizeof(wanted), compare_unwanted);
    struct topic_filter filter;
    return found != NULL && !err_is_set(topic_filter_parse(found->text, &filter)) &&
           subs_selects_alike(subscription, &filter);
}

/* All that select the same as one of these: older clients take back other options than they
 * subscribed with (contract, pub/sub 6). One walk a packet: both, its filters and the session's,
 * can be many. */
static void unsubscribe_alike(struct mqtt_conn *mqtt, struct unsubscribing *ending)
{
    struct subs *subs = &mqtt->conn->front->subs;
    struct buf *others = &ending->others;
    if (buf_bytes(others) == 0) {
        return;
    }
    qsort(others->at, buf_bytes(others) / sizeof(struct unwanted), sizeof(struct unwanted),
          compare_unwanted);
    LIST_EACH (&mqtt->session.subscriptions, link, after) {
        struct subscription *found = LIST_ENTRY(link, struct subscription, in_session);
        if (is_unwanted(subs, found, buf_data(others))) {
            end_subscription(mqtt, found, ending);
        }
    }
}

static void send_unsuback(struct mqtt_conn *mqtt, uint16_t packet_id)
{
    mqtt_write_ack(mqtt_session_out(mqtt, false), MQTT_UNSUBACK,
                   packet_id); /* behind what is held */
    mqtt_session_wrote(mqtt);
}

void mqtt_unsubscribe_kept(struct mqtt_conn *mqtt, const struct answer *answer)
{
    if (err_is_set(answer->err)) {
        conn_finish(mqtt->conn);
    } else {
        send_unsuback(mqtt, (uint16_t)answer->token.request);
    }
}

/* The UNSUBACK, or what it waits for: the entries are gone, and the head is as it is now (see
 * mqtt_subscribe.c). */
static void conclude_unsubscribe(struct mqtt_conn *mqtt, uint16_t packet_id, struct buf *writes)
{
    if (buf_bytes(writes) > 0) {
        mqtt_session_put_head(mqtt, writes, true);
    }
    if (writes->failed) {
        conn_close(mqtt->conn);
    } else if (buf_bytes(writes) > 0) {
        mqtt_session_write(mqtt, buf_data(writes),
                           MQTT_REQUEST(MQTT_REQUEST_KEPT_UNSUBSCRIBE, packet_id));
    } else {
        send_unsuback(mqtt, packet_id);
    }
}

enum mqtt_taken mqtt_take_unsubscribe(struct mqtt_conn *mqtt, const struct mqtt_frame *frame)
{
    if (!list_is_empty(&mqtt->subscribes)) {
        /* What is being subscribed to comes first. */
        conn_hold(mqtt->conn);
        return MQTT_NOT_NOW;
    }
    uint16_t packet_id;
    struct mqtt_filters filters;
    if (err_is_set(mqtt_read_filters(frame, &packet_id, &filters))) {
        conn_close(mqtt->conn);
        return MQTT_TAKEN;
    }
    if (mqtt->keeping.is_kept && !mqtt_session_may_write(mqtt)) {
        return MQTT_NOT_NOW;
    }
    struct mqtt_subscription unwanted;
    struct unsubscribing ending = {0};
    while (mqtt_next_filter(&filters, &unwanted)) {
        unsubscribe(mqtt, unwanted.filter, &ending);
    }
    if (ending.others.failed) {
        conn_close(mqtt->conn);
    } else {
        unsubscribe_alike(mqtt, &ending);
        conclude_unsubscribe(mqtt, packet_id, &ending.writes);
    }
    buf_deinit(&ending.others);
    buf_deinit(&ending.writes);
    return MQTT_TAKEN;
}

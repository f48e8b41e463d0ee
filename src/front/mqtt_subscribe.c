/* SPDX-License-Identifier: Apache-2.0
 *
 * SUBSCRIBE.
 *
 * Each filter that could be a topic is a command: the engine says whether the key may, whether the
 * resource exists, and behind which event the subscription begins. The SUBACK goes out when all
 * filters of the packet are answered. A refused filter has the code 0x80 and keeps the connection
 * (contract, README point 3).
 *
 * Of a session that is kept, the SUBACK also waits until what it says is on disk. What was kept is
 * asked for in the same way when the client comes back. */
#include "front/mqtt_conn.h"

#include "base/assert.h"
#include "base/log.h"
#include "front/mqtt_filter.h"
#include "front/replay.h"
#include "front/share.h"
#include "front/state.h"
#include "front/sys.h"
#include "model/perm.h"

#include <stdlib.h>

/* Codes that a filter has until it is answered. */
#define CODE_OPEN 0xffu

struct mqtt_wish {
    uint8_t code;
    uint8_t qos; /* asked for */
    bool wants_state;
    bool is_outdated;        /* open, and asked for with rights that have changed */
    uint32_t number;         /* restoring: of its entry, */
    uint64_t first_sequence; /* and the first event that is for it */
    uint64_t token_hash;
    struct actor actor;
    struct slice filter; /* in the struct's text */
};

/* A SUBSCRIBE on its way. */
struct mqtt_subscribe {
    struct link link;
    uint32_t number;
    uint16_t packet_id;
    uint32_t count;
    uint32_t left;     /* filters not answered */
    bool must_ask;     /* once more, when commands are taken again */
    bool must_keep;    /* what is granted is to be written, when commands are taken again */
    bool is_restoring; /* what was kept of the session; there is no packet */
    struct err failed; /* restoring: why some could not be asked for now */
    uint64_t after;    /* the latest answer's place */
    uint8_t *text;
    struct mqtt_wish wishes[];
};

static void subscribe_free(struct mqtt_subscribe *subscribe)
{
    list_remove(&subscribe->link);
    free(subscribe->text);
    free(subscribe);
}

void mqtt_subscribes_free(struct mqtt_conn *mqtt)
{
    LIST_EACH (&mqtt->subscribes, link, after) {
        subscribe_free(LIST_ENTRY(link, struct mqtt_subscribe, link));
    }
}

static void log_refusal(const struct mqtt_conn *mqtt, const struct mqtt_wish *wish, struct err err)
{
    char peer[ADDRESS_TEXT_BYTES];
    mqtt_note_refusal(mqtt, &wish->actor, SLICE("subscribe"), wish->filter, err);
    LOG_LIMITED(LOG_WARN, "mqtt", "subscription refused peer=%s actor=%.*s status=%d reason=%s",
                address_describe(&mqtt->conn->peer, peer), SLICE_ARGS(id_slice(&mqtt->actor.id)),
                err_http_status(err), err_name(err));
}

static void refuse(struct mqtt_conn *mqtt, struct mqtt_subscribe *subscribe, struct mqtt_wish *wish,
                   struct err err)
{
    bool silent = mqtt->conn->front->shared->limits.refused_subscriptions_are_silent;
    log_refusal(mqtt, wish, err);
    if (subscribe->is_restoring && !mqtt_is_permanent(err)) {
        subscribe->failed = err;
    } else if (subscribe->is_restoring) {
        mqtt_session_drop(mqtt, wish->number);
    }
    wish->code = silent ? mqtt_filter_qos(wish->qos, false) : MQTT_SUBACK_REFUSED;
}

/* ---- SUBSCRIBE ---- */

/* Copies the filters, which must outlive the packet. */
static struct mqtt_subscribe *subscribe_new(struct mqtt_conn *mqtt, struct mqtt_filters filters,
                                            size_t packet_bytes)
{
    struct mqtt_subscribe *subscribe =
        calloc(1, sizeof(*subscribe) + filters.count * sizeof(subscribe->wishes[0]));
    if (subscribe == NULL) {
        return NULL;
    }
    list_init(&subscribe->link);
    subscribe->text = malloc(packet_bytes);
    if (subscribe->text == NULL) {
        free(subscribe);
        return NULL;
    }
    subscribe->number = mqtt->next_subscribe;
    uint8_t *at = subscribe->text;
    struct mqtt_subscription wanted;
    while (mqtt_next_filter(&filters, &wanted)) {
        memcpy(at, wanted.filter.at, wanted.filter.bytes);
        subscribe->wishes[subscribe->count++] = (struct mqtt_wish){
            .code = CODE_OPEN,
            .qos = wanted.qos,
            .filter = slice_of(at, wanted.filter.bytes),
        };
        at += wanted.filter.bytes;
    }
    return subscribe;
}

/* Those who subscribe too often are read more slowly. It counts for the key of the first filter
 * that goes to the engine: what is refused before does not hide the others. */
static bool is_within_rate(struct mqtt_conn *mqtt, const struct mqtt_subscribe *subscribe)
{
    struct mqtt_filter wanted;
    uint32_t first = 0;
    while (first < subscribe->count && subscribe->wishes[first].code != CODE_OPEN) {
        first++;
    }
    if (first == subscribe->count ||
        err_is_set(mqtt_filter_read(mqtt->conn->front, subscribe->wishes[first].filter, &wanted))) {
        return true;
    }
    int64_t wait_ms = mqtt_rate_wait_ms(mqtt, &wanted.topics.topic);
    if (wait_ms > 0) {
        conn_hold_for(mqtt->conn, wait_ms);
    }
    return wait_ms == 0;
}

/* Finds out whose rights each filter has. False: a token must be looked up first. */
static bool find_actors(struct mqtt_conn *mqtt, struct mqtt_subscribe *subscribe)
{
    for (uint32_t i = 0; i < subscribe->count; i++) {
        struct mqtt_wish *wish = &subscribe->wishes[i];
        struct mqtt_filter wanted;
        bool is_later = false;
        if (wish->code != CODE_OPEN) {
            continue;
        }
        /* A packet can name more than a session may have: the rest costs nothing. */
        bool is_too_many = i >= mqtt->conn->front->shared->limits.subscriptions_max;
        struct err err =
            is_too_many ? ERR(DENIED) : mqtt_filter_read(mqtt->conn->front, wish->filter, &wanted);
        if (!err_is_set(err)) {
            err = mqtt_actor_for(mqtt, &wanted.topics.topic, &wish->actor, &is_later);
        }
        if (is_later) {
            return false;
        }
        if (err_is_set(err)) {
            refuse(mqtt, subscribe, wish, err);
        } else if (wanted.topics.topic.options.has_access_token) {
            wish->token_hash =
                auth_token_hash(mqtt->conn->front, wanted.topics.topic.options.access_token);
        }
    }
    return true;
}

static uint64_t request_of(const struct mqtt_subscribe *subscribe, uint32_t index)
{
    return MQTT_REQUEST(MQTT_REQUEST_SUBSCRIBE, (uint64_t)subscribe->number << 24 | index);
}

/* Asks for one filter: a topic, or the families of which wildcards select topics. */
static void send_command(struct mqtt_conn *mqtt, struct command_batch *batch,
                         const struct mqtt_wish *wish, const struct mqtt_filter *wanted,
                         uint64_t request)
{
    const struct topic_filter *filter = &wanted->topics;
    struct slice name;
    bool copied = command_batch_copy(batch, topic_name(&filter->topic), &name);
    ASSERT(copied);
    struct command *command = front_command(mqtt->conn->front, batch, COMMAND_SUBSCRIBE, mqtt->conn,
                                            &wish->actor, request);
    command->target = filter->topic.resource;
    command->project = filter->topic.options.project;
    command->as.subscribe.family = filter->topic.family;
    command->as.subscribe.name = name;
    command->as.subscribe.replays = filter->topic.options.replay.is_wanted && wish->number == 0;
    command->as.subscribe.is_plain = !slice_is_empty(wanted->plain);
    for (unsigned i = 0; filter->has_wildcard && i < filter->count; i++) {
        command->as.subscribe.families |= UINT32_C(1) << filter->patterns[i].family;
    }
}

static size_t command_bytes(const struct mqtt_wish *wish)
{
    return FRONT_COMMAND_BYTES + 64 + wish->filter.bytes;
}

/* One command for each filter that is still open; all or none. */
static bool send_commands(struct mqtt_conn *mqtt, struct mqtt_subscribe *subscribe)
{
    struct conn *conn = mqtt->conn;
    size_t bytes = 0;
    for (uint32_t i = 0; i < subscribe->count; i++) {
        const struct mqtt_wish *wish = &subscribe->wishes[i];
        bytes += wish->code == CODE_OPEN ? command_bytes(wish) : 0;
    }
    struct command_batch *batch = front_batch(conn->front, bytes);
    if (batch == NULL) {
        conn_pause(conn);
        return false;
    }
    for (uint32_t i = 0; i < subscribe->count; i++) {
        struct mqtt_wish *wish = &subscribe->wishes[i];
        struct mqtt_filter wanted;
        if (wish->code == CODE_OPEN &&
            !err_is_set(mqtt_filter_read(mqtt->conn->front, wish->filter, &wanted))) {
            send_command(mqtt, batch, wish, &wanted, request_of(subscribe, i));
            subscribe->left++;
        }
    }
    return true;
}

static void send_suback(struct mqtt_conn *mqtt, struct mqtt_subscribe *subscribe)
{
    struct buf codes = {0};
    for (uint32_t i = 0; i < subscribe->count; i++) {
        buf_put_byte(&codes, subscribe->wishes[i].code);
    }
    if (codes.failed) {
        conn_close(mqtt->conn);
    } else {
        /* Behind what is held: that was sent before. */
        mqtt_write_suback(mqtt_session_out(mqtt, false), subscribe->packet_id, buf_data(&codes));
        mqtt_session_wrote(mqtt);
    }
    buf_deinit(&codes);
}

/* Those who asked for it are sent the present state, behind the SUBACK. */
static void request_states(struct mqtt_conn *mqtt, const struct mqtt_subscribe *subscribe)
{
    for (uint32_t i = 0; i < subscribe->count; i++) {
        const struct mqtt_wish *wish = &subscribe->wishes[i];
        struct subscription *subscription =
            wish->wants_state ? subs_find(&mqtt->conn->front->subs, &mqtt->session, wish->filter)
                              : NULL;
        if (subscription != NULL) {
            state_request(mqtt->conn, subscription, subscribe->after);
        }
    }
}

/* All filters that are granted, as entries of what is kept. With the head as it is now: after a
 * crash the same packet ids are given out only with the subscriptions of that time. */
static void gather_entries(struct mqtt_conn *mqtt, const struct mqtt_subscribe *subscribe,
                           struct buf *writes)
{
    struct subs *subs = &mqtt->conn->front->subs;
    for (uint32_t i = 0; i < subscribe->count; i++) {
        const struct mqtt_wish *wish = &subscribe->wishes[i];
        struct subscription *granted = subs_find(subs, &mqtt->session, wish->filter);
        if (wish->code != MQTT_SUBACK_REFUSED && granted != NULL) {
            mqtt_session_put(mqtt, granted, writes);
        }
    }
    if (buf_bytes(writes) > 0) {
        mqtt_session_put_head(mqtt, writes, true);
    }
}

/* True when there is nothing to wait for; else the answer comes to mqtt_subscribe_kept. */
static bool keep(struct mqtt_conn *mqtt, struct mqtt_subscribe *subscribe)
{
    struct buf writes = {0};
    subscribe->must_keep = !mqtt_session_may_write(mqtt);
    if (subscribe->must_keep) {
        return false;
    }
    gather_entries(mqtt, subscribe, &writes);
    bool is_done = buf_bytes(&writes) == 0 && !writes.failed;
    if (writes.failed) {
        conn_close(mqtt->conn);
    } else if (!is_done) {
        mqtt_session_write(
            mqtt, buf_data(&writes),
            MQTT_REQUEST(MQTT_REQUEST_KEPT_SUBSCRIBE, (uint64_t)subscribe->number << 24));
    }
    buf_deinit(&writes);
    return is_done;
}

static bool subscribe_hears_sys(const struct mqtt_subscribe *subscribe)
{
    bool hears = false;
    for (uint32_t i = 0; i < subscribe->count && !hears; i++) {
        hears = sys_is_filter(subscribe->wishes[i].filter);
    }
    return hears;
}

static void conclude(struct mqtt_conn *mqtt, struct mqtt_subscribe *subscribe)
{
    send_suback(mqtt, subscribe);
    request_states(mqtt, subscribe);
    if (mqtt->session.hears_sys && subscribe_hears_sys(subscribe)) {
        sys_tell(mqtt->conn->front, &mqtt->session);
    }
    subscribe_free(subscribe);
    if (list_is_empty(&mqtt->subscribes)) {
        replay_start(mqtt->conn);
        conn_release(mqtt->conn);
    }
}

/* All filters are answered. */
static void finish(struct mqtt_conn *mqtt, struct mqtt_subscribe *subscribe)
{
    if (subscribe->is_restoring) {
        struct err failed = subscribe->failed;
        subscribe_free(subscribe);
        mqtt_session_restored(mqtt, failed);
    } else if (!mqtt->keeping.is_kept || keep(mqtt, subscribe)) {
        conclude(mqtt, subscribe);
    }
}

enum mqtt_taken mqtt_take_subscribe(struct mqtt_conn *mqtt, const struct mqtt_frame *frame)
{
    uint16_t packet_id;
    struct mqtt_filters filters;
    if (err_is_set(mqtt_read_filters(frame, &packet_id, &filters))) {
        conn_close(mqtt->conn);
        return MQTT_TAKEN;
    }
    struct mqtt_subscribe *subscribe = subscribe_new(mqtt, filters, frame->bytes);
    if (subscribe == NULL) {
        conn_close(mqtt->conn);
        return MQTT_TAKEN;
    }
    subscribe->packet_id = packet_id;
    if (!find_actors(mqtt, subscribe) || !is_within_rate(mqtt, subscribe) ||
        !send_commands(mqtt, subscribe)) {
        subscribe_free(subscribe);
        return MQTT_NOT_NOW;
    }
    mqtt->next_subscribe++;
    list_push(&mqtt->subscribes, &subscribe->link);
    if (subscribe->left == 0) {
        finish(mqtt, subscribe);
    }
    return MQTT_TAKEN;
}

static struct mqtt_subscribe *subscribe_find(const struct mqtt_conn *mqtt, uint32_t number)
{
    LIST_EACH (&mqtt->subscribes, link, after) {
        struct mqtt_subscribe *subscribe = LIST_ENTRY(link, struct mqtt_subscribe, link);
        if (subscribe->number == number) {
            return subscribe;
        }
    }
    return NULL;
}

/* Who comes back, and finds the group gone, begins it where it was itself. Who gets no place in it
 * has no subscription. */
static struct err join_group(struct mqtt_conn *mqtt, struct subscription *subscription,
                             bool is_back)
{
    uint64_t place = is_back && mqtt->session.is_behind ? mqtt->session.cursor : 0;
    const struct share_joining joining = {
        .first = max_u64(subscription->first_sequence, place),
        .is_kept = mqtt->keeping.is_kept,
        .is_back = is_back,
    };
    struct err err = share_join(mqtt->conn, subscription, &joining);
    if (err_is_set(err)) {
        subs_remove(&mqtt->conn->front->subs, subscription);
    }
    return err;
}

/* The filter is granted: it enters the index exactly here in the order of events. */
static struct err add(struct mqtt_conn *mqtt, struct mqtt_wish *wish, const struct answer *answer)
{
    struct front *front = mqtt->conn->front;
    struct mqtt_filter wanted;
    TRY(mqtt_filter_read(mqtt->conn->front, wish->filter, &wanted));
    const struct topic_filter *filter = &wanted.topics;
    const struct topic_options *options = &filter->topic.options;
    bool is_plain = mqtt_filter_has_plain(&wanted, &wish->actor);
    /* The token may have been revoked while the engine decided. */
    if (wish->token_hash != 0 && !auth_holds(front, options->access_token, &wish->actor)) {
        return ERR(CREDENTIAL_UNKNOWN);
    }
    if (mqtt->session.subscription_count >= front->shared->limits.subscriptions_max &&
        subs_find(&front->subs, &mqtt->session, wish->filter) == NULL) {
        return ERR(DENIED);
    }
    bool is_restored = wish->number != 0;
    const struct subs_wish entry = {
        .session = &mqtt->session,
        .filter = filter,
        .plain = is_plain ? wanted.plain : (struct slice){0},
        .actor = &wish->actor,
        .token_hash = wish->token_hash,
        .text = wish->filter,
        .qos = wish->code = mqtt_filter_qos(wish->qos, is_plain && !wanted.is_shared),
        .first_sequence = is_restored ? wish->first_sequence : answer->after + 1,
    };
    struct subscription *subscription;
    TRY(subs_add(&front->subs, &entry, &subscription));
    mqtt_session_number(mqtt, subscription, wish->number);
    mqtt->session.hears_sys |= is_plain && sys_is_filter(wanted.plain);
    if (wanted.is_shared) {
        return join_group(mqtt, subscription, is_restored);
    }
    if (is_plain && !is_restored) {
        TRY(replay_add_retained(mqtt->conn, subscription, wanted.plain, answer->after));
    }
    if (options->replay.is_wanted && !is_restored) {
        /* the latest of the history is the present state */
        return replay_add(mqtt->conn, subscription, &filter->topic, answer);
    }
    wish->wants_state = subscription->pub_states;
    return ERR(OK);
}

/* The resource has been deleted in the absence: what came before that is still owed. Not to a key
 * that sees some resources only: whether it would see this one is not known any more. */
static bool is_of_what_is_gone(const struct mqtt_subscribe *subscribe, const struct mqtt_wish *wish,
                               struct err err)
{
    return subscribe->is_restoring && err_equal(err, ERR(NOT_FOUND)) &&
           !perm_depends_on_scopes(&wish->actor);
}

static void take_answer(struct mqtt_conn *mqtt, struct mqtt_subscribe *subscribe,
                        struct mqtt_wish *wish, const struct answer *answer)
{
    struct err err = answer->err;
    if (!err_is_set(err) || is_of_what_is_gone(subscribe, wish, err)) {
        err = add(mqtt, wish, answer);
    }
    if (err_is_set(err)) {
        refuse(mqtt, subscribe, wish, err);
    }
}

/* ---- when rights change meanwhile ---- */

void mqtt_subscribes_outdate(struct mqtt_conn *mqtt)
{
    LIST_EACH (&mqtt->subscribes, link, after) {
        struct mqtt_subscribe *subscribe = LIST_ENTRY(link, struct mqtt_subscribe, link);
        for (uint32_t i = 0; i < subscribe->count; i++) {
            struct mqtt_wish *wish = &subscribe->wishes[i];
            wish->is_outdated = wish->code == CODE_OPEN && wish->token_hash == 0;
        }
    }
}

static bool is_outdated(const struct mqtt_subscribe *subscribe)
{
    bool is = false;
    for (uint32_t i = 0; i < subscribe->count; i++) {
        is |= subscribe->wishes[i].is_outdated;
    }
    return is;
}

/* The same once more, with what the connection's key may now; later, when too many commands are
 * under way. */
static void ask_again(struct mqtt_conn *mqtt, struct mqtt_subscribe *subscribe)
{
    for (uint32_t i = 0; i < subscribe->count; i++) {
        struct mqtt_wish *wish = &subscribe->wishes[i];
        if (wish->is_outdated) {
            wish->is_outdated = false;
            wish->actor = mqtt->actor;
        }
    }
    subscribe->must_ask = !send_commands(mqtt, subscribe);
}

void mqtt_take_resumed(struct mqtt_conn *mqtt)
{
    LIST_EACH (&mqtt->subscribes, link, after) {
        struct mqtt_subscribe *subscribe = LIST_ENTRY(link, struct mqtt_subscribe, link);
        if (subscribe->must_ask) {
            ask_again(mqtt, subscribe);
        } else if (subscribe->must_keep) {
            finish(mqtt, subscribe);
        }
    }
}

/* ---- answers ---- */

void mqtt_subscribe_answered(struct mqtt_conn *mqtt, const struct answer *answer)
{
    uint32_t number = (uint32_t)(answer->token.request >> 24);
    uint32_t index = (uint32_t)(answer->token.request & 0xffffff);
    struct mqtt_subscribe *subscribe = subscribe_find(mqtt, number);
    ASSERT(subscribe != NULL && index < subscribe->count);
    struct mqtt_wish *wish = &subscribe->wishes[index];
    if (!wish->is_outdated) {
        take_answer(mqtt, subscribe, wish, answer);
    }
    subscribe->after = answer->after;
    if (--subscribe->left > 0) {
        return;
    }
    if (is_outdated(subscribe)) {
        ask_again(mqtt, subscribe);
    } else {
        finish(mqtt, subscribe);
    }
}

void mqtt_subscribe_kept(struct mqtt_conn *mqtt, const struct answer *answer)
{
    struct mqtt_subscribe *subscribe =
        subscribe_find(mqtt, (uint32_t)(answer->token.request >> 24));
    ASSERT(subscribe != NULL);
    if (err_is_set(answer->err)) {
        conn_finish(mqtt->conn); /* the client subscribes again */
    } else {
        conclude(mqtt, subscribe);
    }
}

/* ---- what was kept ---- */

static struct mqtt_subscribe *restoring_new(const struct mqtt_restored *restored, uint32_t count)
{
    struct mqtt_subscribe *subscribe =
        calloc(1, sizeof(*subscribe) + count * sizeof(subscribe->wishes[0]));
    size_t bytes = 1;
    for (uint32_t i = 0; i < count; i++) {
        bytes += restored[i].kept.filter.bytes;
    }
    uint8_t *at = malloc(bytes);
    if (subscribe == NULL || at == NULL) {
        free(subscribe);
        free(at);
        return NULL;
    }
    list_init(&subscribe->link);
    subscribe->text = at;
    subscribe->is_restoring = true;
    for (uint32_t i = 0; i < count; i++) {
        const struct mqtt_kept_subscription *kept = &restored[i].kept;
        memcpy(at, kept->filter.at, kept->filter.bytes);
        subscribe->wishes[subscribe->count++] = (struct mqtt_wish){
            .code = CODE_OPEN,
            .qos = kept->qos,
            .number = restored[i].number,
            .first_sequence = kept->first_sequence,
            .filter = slice_of(at, kept->filter.bytes),
        };
        at += kept->filter.bytes;
    }
    return subscribe;
}

/* Goes on where it waited for a token to be known. */
static void restore(struct mqtt_conn *mqtt, struct mqtt_subscribe *subscribe)
{
    if (!find_actors(mqtt, subscribe)) {
        return;
    }
    subscribe->must_ask = !send_commands(mqtt, subscribe);
    if (!subscribe->must_ask && subscribe->left == 0) {
        finish(mqtt, subscribe);
    }
}

void mqtt_subscribes_restore(struct mqtt_conn *mqtt, const struct mqtt_restored *restored,
                             uint32_t count)
{
    struct mqtt_subscribe *subscribe = restoring_new(restored, count);
    if (subscribe == NULL) {
        mqtt_session_restored(mqtt, ERR(NO_MEMORY));
        return;
    }
    subscribe->number = mqtt->next_subscribe++;
    list_push(&mqtt->subscribes, &subscribe->link);
    restore(mqtt, subscribe);
}

void mqtt_subscribes_go_on(struct mqtt_conn *mqtt)
{
    LIST_EACH (&mqtt->subscribes, link, after) {
        restore(mqtt, LIST_ENTRY(link, struct mqtt_subscribe, link));
    }
}

void mqtt_subscribes_request_states(struct mqtt_conn *mqtt)
{
    LIST_EACH (&mqtt->session.subscriptions, link, after) {
        struct subscription *found = LIST_ENTRY(link, struct subscription, in_session);
        if (found->pub_states) {
            state_request(mqtt->conn, found, mqtt->conn->front->sequence);
        }
    }
}

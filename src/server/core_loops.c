/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core_inside.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Connections get this long to end by themselves when the server stops. */
#define STOP_GRACE_MS 3000
#define STOP_POLL_US 10000

static_assert((int)CONFIG_PROTOCOL_MQTT == (int)CONN_MQTT &&
                  (int)CONFIG_PROTOCOL_HTTP == (int)CONN_HTTP &&
                  (int)CONFIG_PROTOCOL_WEBSOCKET == (int)CONN_WEBSOCKET &&
                  (int)CONFIG_PROTOCOL_MQTT_WEBSOCKET == (int)CONN_MQTT_WEBSOCKET,
              "protocols are told to connections as the configuration has them");
static_assert((int)CONFIG_TLS_OFF == (int)SOCK_TLS_OFF && (int)CONFIG_TLS_ON == (int)SOCK_TLS_ON &&
                  (int)CONFIG_TLS_AUTO == (int)SOCK_TLS_AUTO,
              "what is done about TLS is told to socks as the configuration has it");

/* ---- listeners ---- */

/* An address that nobody has asked for may be missing on this machine: IPv6 in the defaults. */
static bool has_default_addresses(enum config_listener_index index,
                                  const struct config_listener *config)
{
    struct config *defaults = calloc(1, sizeof(*defaults));
    if (defaults == NULL) {
        return false;
    }
    config_set_defaults(defaults);
    const struct config_addresses *wanted = &defaults->listeners[index].addresses;
    bool same = config->addresses.count == wanted->count;
    for (size_t i = 0; same && i < wanted->count; i++) {
        same = strcmp(config->addresses.at[i], wanted->at[i]) == 0;
    }
    free(defaults);
    return same;
}

static struct err open_listener(struct core *core, enum config_listener_index index,
                                struct buf *problem)
{
    const struct config_listener *config = &core->config->listeners[index];
    struct address addresses[LISTENER_ADDRESS_COUNT_MAX];
    size_t count = min_size(config->addresses.count, LISTENER_ADDRESS_COUNT_MAX);
    for (size_t i = 0; i < count; i++) {
        TRY(address_parse(slice_of_text(config->addresses.at[i]), (uint16_t)config->port,
                          &addresses[i]));
    }
    const struct listener_bind bind = {
        .addresses = addresses,
        .address_count = count,
        .loop_count = core->loop_count,
        .port = (uint16_t)config->port,
        .may_skip = has_default_addresses(index, config),
    };
    TRY(listener_sockets_open(&core->sockets[index], &bind, problem));
    if (core->sockets[index].skipped_count > 0) {
        log_line(LOG_WARN, "net", "an address is not available listener=%s problem=\"%.*s\"",
                 config_listener_name(index), SLICE_ARGS(buf_data(problem)));
        buf_reset(problem);
    }
    for (size_t i = 0; i < core->sockets[index].address_count; i++) {
        address_describe_host(&core->sockets[index].addresses[i], core->address_texts[index][i]);
    }
    if (index == CONFIG_LISTENER_HTTPS) {
        core->shared.https_port = core->sockets[index].port;
    }
    return ERR(OK);
}

struct err core_open_listeners(struct core *core, struct buf *problem)
{
    bool has_any = false;
    for (int i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        if (core->config->listeners[i].enabled) {
            has_any = true;
            TRY(open_listener(core, (enum config_listener_index)i, problem));
        }
    }
    if (!has_any) {
        buf_put_format(problem, "no listener is enabled\n");
        return ERR(CONFIG);
    }
    return ERR(OK);
}

/* ---- loops ---- */

static void on_accept(struct listener *listener, int fd, const struct address *peer)
{
    struct core_listener *on = listener->owner;
    const struct conn_options options = {
        .tls = (enum sock_tls)on->config->tls,
        .tls_context = on->tls,
        .protocols = on->config->protocols,
        .proxies = on->config->proxy_protocol ? &on->config->proxy_from : NULL,
    };
    conn_accept(&on->loop->front, fd, peer, &options);
}

static void on_accept_paused(struct listener *listener, int error_number)
{
    struct core_listener *on = listener->owner;
    LOG_LIMITED(LOG_WARN, "net", "accepting pauses loop=%u reason=\"%s\"", on->loop->front.index,
                strerror(error_number));
}

static const struct listener_events listener_events = {
    .on_accept = on_accept,
    .on_paused = on_accept_paused,
};

static struct err open_loop_listeners(struct core_loop *loop)
{
    struct core *core = loop->core;
    for (int i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        struct core_listener *on = &loop->listeners[i];
        *on = (struct core_listener){.loop = loop, .config = &core->config->listeners[i]};
        if (on->config->enabled) {
            TRY(listener_start(&on->listener, &loop->loop, &core->sockets[i], loop->front.index,
                               &listener_events, on));
        }
    }
    return ERR(OK);
}

static struct err open_loop(struct core *core, uint32_t index)
{
    struct core_loop *loop = &core->loops[index];
    loop->core = core;
    const struct loop_options options = {
        .owner = &loop->front,
        .on_turn_start = front_turn_start,
        .on_turn_end = front_turn_end,
    };
    TRY(loop_init(&loop->loop, &options));
    loop->loop_is_ready = true;
    uint32_t answers = (uint32_t)(core->config->engine.commands / core->loop_count);
    TRY(front_init(&loop->front, &core->shared, &loop->loop, (uint16_t)index, answers,
                   core->loop_count));
    loop->front_is_ready = true;
    TRY(open_loop_listeners(loop));
    core_take_contexts(loop);
    return ERR(OK);
}

struct err core_open_loops(struct core *core)
{
    struct front_shared *shared = &core->shared;
    shared->started_ms = clock_monotonic_ms();
    shared->stats = calloc(core->loop_count, sizeof(shared->stats[0]));
    if (shared->stats == NULL) {
        return ERR(NO_MEMORY);
    }
    for (uint32_t i = 0; i < core->loop_count; i++) {
        TRY(open_loop(core, i));
        shared->stats[i] = &core->loops[i].front.stats;
    }
    shared->front_count = core->loop_count;
    return ERR(OK);
}

/* ---- running ---- */

static void *loop_main(void *arg)
{
    struct core_loop *loop = arg;
    loop_run(&loop->loop);
    return NULL;
}

struct err core_start_loops(struct core *core)
{
    for (uint32_t i = 0; i < core->loop_count; i++) {
        if (pthread_create(&core->loops[i].thread, NULL, loop_main, &core->loops[i]) != 0) {
            return ERR(NO_MEMORY);
        }
        core->loops[i].is_running = true;
    }
    return ERR(OK);
}

/* ---- stopping ---- */

static void stop_listeners(struct core_loop *loop)
{
    for (int i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        if (loop->listeners[i].listener.loop != NULL) {
            listener_stop(&loop->listeners[i].listener);
        }
    }
}

static void on_stop(struct loop *loop, struct loop_message *message)
{
    stop_listeners(CONTAINER_OF(message, struct core_loop, stop_message));
    front_stop(loop->owner);
}

static void on_end(struct loop *loop, struct loop_message *message)
{
    (void)message;
    struct front *front = loop->owner;
    LIST_EACH (&front->conns, link, after) {
        conn_close(LIST_ENTRY(link, struct conn, all));
    }
    loop_stop(loop);
}

static uint64_t open_connections(const struct core *core)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < core->loop_count; i++) {
        count += atomic_load(&core->loops[i].front.stats.connections_open);
    }
    return count;
}

void core_stop_loops(struct core *core)
{
    for (uint32_t i = 0; i < core->loop_count; i++) {
        struct core_loop *loop = &core->loops[i];
        if (loop->is_running) {
            loop->stop_message.run = on_stop;
            loop_post(&loop->loop, &loop->stop_message);
        } else {
            stop_listeners(loop); /* it never ran: nobody may be let in now */
        }
    }
    int64_t deadline = clock_monotonic_ms() + STOP_GRACE_MS;
    while (open_connections(core) > 0 && clock_monotonic_ms() < deadline) {
        usleep(STOP_POLL_US);
    }
    for (uint32_t i = 0; i < core->loop_count; i++) {
        struct core_loop *loop = &core->loops[i];
        if (loop->is_running) {
            loop->end_message.run = on_end;
            loop_post(&loop->loop, &loop->end_message);
            pthread_join(loop->thread, NULL);
            loop->is_running = false;
        }
    }
}

void core_turn_loops(struct core *core)
{
    for (uint32_t i = 0; core->loops != NULL && i < core->loop_count; i++) {
        if (core->loops[i].front_is_ready) {
            loop_turn(&core->loops[i].loop, 0);
        }
    }
}

static void free_loop(struct core_loop *loop)
{
    if (loop->front_is_ready) {
        front_deinit(&loop->front);
    }
    if (loop->loop_is_ready) {
        loop_deinit(&loop->loop);
    }
    for (int i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        tls_context_free(loop->listeners[i].tls);
    }
}

void core_free_loops(struct core *core)
{
    free(core->shared.stats);
    for (uint32_t i = 0; core->loops != NULL && i < core->loop_count; i++) {
        free_loop(&core->loops[i]);
    }
}

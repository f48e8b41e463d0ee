/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "front/address_limit.h"
#include "front/conn.h"
#include "net/tls.h"
#include "server/account.h"
#include "server/pki.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Connections get this long to end by themselves when the server stops. */
#define STOP_GRACE_MS 3000
/* How long the engine sleeps at most when nothing comes, and while the projections lag. */
#define ENGINE_SLEEP_MS 1000
#define ENGINE_LAG_SLEEP_MS 1
/* Loops without subscriptions are woken for groups only now and then, so that the ring does not
 * leave them behind. */
#define WAKE_EVERY_GROUPS 256

static_assert((int)CONFIG_PROTOCOL_MQTT == (int)CONN_MQTT &&
                  (int)CONFIG_PROTOCOL_HTTP == (int)CONN_HTTP &&
                  (int)CONFIG_PROTOCOL_WEBSOCKET == (int)CONN_WEBSOCKET &&
                  (int)CONFIG_PROTOCOL_MQTT_WEBSOCKET == (int)CONN_MQTT_WEBSOCKET,
              "protocols are told to connections as the configuration has them");
static_assert((int)CONFIG_TLS_OFF == (int)SOCK_TLS_OFF && (int)CONFIG_TLS_ON == (int)SOCK_TLS_ON &&
                  (int)CONFIG_TLS_AUTO == (int)SOCK_TLS_AUTO,
              "what is done about TLS is told to socks as the configuration has it");

struct core_loop;

/* One listener on one loop. */
struct core_listener {
    struct listener listener;
    struct core_loop *loop;
    const struct config_listener *config;
};

struct core_loop {
    struct core *core;
    pthread_t thread;
    struct loop loop;
    struct front front;
    struct tls_context *tls;
    struct core_listener listeners[CONFIG_LISTENER_COUNT];
    bool has_answers; /* the engine's: since the last flush */
    struct loop_message stop_message;
    struct loop_message end_message;
    struct loop_message renew_message;
    bool loop_is_ready;
    bool front_is_ready;
    bool is_running;
};

struct core {
    const struct config *config;
    struct front_shared shared;
    struct keyring *keyring;
    struct store *store;
    struct readers *readers;
    struct broadcast ring;
    struct inbox_ring commands;
    struct doorbell engine_bell;
    struct engine *engine;
    struct engine_port port;
    struct rand engine_rand;
    pthread_t engine_thread;
    bool engine_is_running;
    _Atomic bool engine_must_stop;
    uint64_t group_count;  /* the engine's */
    bool group_is_for_all; /* the engine's: the group of this turn has documents or keys */
    bool is_serving;       /* loops exist: answers have somewhere to go */
    struct tls_tickets *tickets;
    struct pki_state pki;
    struct listener_sockets sockets[CONFIG_LISTENER_COUNT];
    char address_texts[CONFIG_LISTENER_COUNT][LISTENER_ADDRESS_COUNT_MAX][ADDRESS_TEXT_BYTES];
    struct account_key operator_key;
    bool has_new_key;
    uint32_t loop_count;
    struct core_loop *loops;
};

/* ---- the engine's port ---- */

static struct err port_commit(void *owner, const struct group *group)
{
    struct core *core = owner;
    return journal_append(store_journal(core->store), group);
}

static void port_answer(void *owner, uint16_t loop, const struct answer *answer)
{
    struct core *core = owner;
    if (!core->is_serving) {
        return;
    }
    struct core_loop *to = &core->loops[loop];
    bool pushed = answer_ring_push(&to->front.answers, answer);
    ASSERT(pushed);
    to->has_answers = true;
}

static void port_publish(void *owner, const struct group *group)
{
    struct core *core = owner;
    struct committed *committed = committed_new(group);
    /* The group is on disk and must reach everybody: without memory the way on is to start again
     * from the journal. */
    ASSERT(committed != NULL);
    core->group_is_for_all = group->has_documents;
    core->group_count++;
    broadcast_push(&core->ring, &committed->item);
    store_notify(core->store);
}

static void port_flush(void *owner)
{
    struct core *core = owner;
    if (!core->is_serving) {
        return;
    }
    bool all = core->group_is_for_all || core->group_count % WAKE_EVERY_GROUPS == 0;
    for (uint32_t i = 0; i < core->loop_count; i++) {
        struct core_loop *loop = &core->loops[i];
        /* Looked at after the push: see announce_listening in the front. */
        if (all || loop->has_answers || atomic_load(&loop->front.is_listening)) {
            loop->has_answers = false;
            loop_wake(&loop->loop);
        }
    }
    core->group_is_for_all = false;
}

/* A load on its way through a reader. */
struct load_job {
    struct reader_job job;
    struct core *core;
    struct head_load *load;
};

#define LOAD_WAIT_MS 5000

static void load_run(struct reader *reader, struct reader_job *job)
{
    struct load_job *load_job = CONTAINER_OF(job, struct load_job, job);
    struct core *core = load_job->core;
    struct head_load *load = load_job->load;
    free(load_job);
    load->err = store_wait(reader->store, load->after, LOAD_WAIT_MS);
    if (!err_is_set(load->err)) {
        head_load_read(load, reader->documents);
    }
    while (!inbox_ring_push(&core->commands, load->batch)) {
        /* Full of commands, some of which may wait for this one; the engine empties it. */
        usleep(100);
    }
    doorbell_ring(&core->engine_bell);
}

static bool port_load(void *owner, struct head_load *load)
{
    struct core *core = owner;
    struct load_job *job = malloc(sizeof(*job));
    if (job == NULL) {
        return false;
    }
    *job = (struct load_job){.job.run = load_run, .core = core, .load = load};
    if (!readers_submit(core->readers, &job->job)) {
        free(job);
        return false;
    }
    return true;
}

static int64_t port_now_ms(void *owner)
{
    (void)owner;
    return clock_wall_ms();
}

static uint64_t port_documents_mark(void *owner)
{
    struct core *core = owner;
    return store_documents_mark(core->store);
}

/* ---- the engine's thread ---- */

static bool engine_take_batches(struct core *core)
{
    bool took = false;
    struct command_batch *batch;
    while (!engine_is_full(core->engine) &&
           (batch = inbox_ring_pop(&core->commands)) != NULL) {
        engine_accept(core->engine, batch);
        took = true;
    }
    return took;
}

static void *engine_main(void *arg)
{
    struct core *core = arg;
    bool was_read_only = false;
    for (;;) {
        if (store_must_wait(core->store) && !engine_is_read_only(core->engine) &&
            !atomic_load(&core->engine_must_stop)) {
            doorbell_wait(&core->engine_bell, ENGINE_LAG_SLEEP_MS);
            continue;
        }
        if (engine_take_batches(core)) {
            engine_turn(core->engine);
        } else if (atomic_load(&core->engine_must_stop)) {
            return NULL;
        } else {
            doorbell_wait(&core->engine_bell, ENGINE_SLEEP_MS);
        }
        if (engine_is_read_only(core->engine) && !was_read_only) {
            was_read_only = true;
            log_line(LOG_ERROR, "engine", "a commit failed: writes are refused until a restart");
        }
    }
}

/* ---- opening ---- */

static struct err problem_with(struct buf *problem, struct err err, const char *what)
{
    buf_put_format(problem, "%s: %s (%s)\n", what, err_text(err), err_name(err));
    return err;
}

static struct err make_folder(const char *folder, struct buf *problem)
{
    if (mkdir(folder, 0700) == -1 && errno != EEXIST) {
        buf_put_format(problem, "cannot make the data folder %s: %s\n", folder, strerror(errno));
        return ERR(IO);
    }
    return ERR(OK);
}

static struct err renew_certificate(struct core *core, struct buf *problem)
{
    char folder[CONFIG_PATH_BYTES + 8];
    snprintf(folder, sizeof(folder), "%s/tls", core->config->data);
    struct pki_options options = {.folder = folder, .now_ms = clock_wall_ms()};
    return pki_renew_if_due(&options, &core->pki, problem);
}

static bool read_last_time(void *arg, const struct group *group)
{
    *(int64_t *)arg = group->time_ms;
    return true;
}

static struct err open_store(struct core *core, struct engine_options *options)
{
    const struct config *config = core->config;
    const struct store_options store_options = {
        .folder = config->data,
        .block_cache_bytes = (size_t)config->store.block_cache_bytes,
        .roll_bytes = (size_t)config->store.roll_bytes,
        .roll_interval_ms = config->store.roll_interval_ms,
        .tail_bytes_max = (size_t)config->store.tail_bytes_max,
        .journal_keep_ms = config->journal.keep_ms,
        .journal_keep_bytes = (uint64_t)config->journal.keep_bytes,
    };
    TRY(store_open(&store_options, &core->store));
    struct journal *journal = store_journal(core->store);
    uint64_t last = journal_last(journal);
    options->last_sequence = last;
    if (last > 0) {
        TRY(journal_read(journal, last, read_last_time, &options->last_time_ms));
    }
    struct documents_reader *reader;
    TRY(store_documents_reader(core->store, &reader));
    struct err err =
        documents_numbers(reader, &options->last_property, &options->last_account);
    documents_reader_close(reader);
    return err;
}

static void fill_limits(struct front_limits *limits, const struct config *config)
{
    *limits = (struct front_limits){
        .packet_bytes_max = (size_t)config->limits.packet_bytes,
        .connect_bytes_max = (size_t)config->limits.connect_bytes,
        .handshake_ms = config->limits.handshake_ms,
        .target_bytes_max = (size_t)config->limits.target_bytes,
        .header_bytes_max = (size_t)config->limits.header_bytes,
        .header_fields_max = (size_t)config->limits.header_fields,
        .json_depth_max = (unsigned)config->limits.json_depth,
        .points_max = (size_t)config->limits.points,
        .tags_max = (uint32_t)config->limits.tags,
        .custom_fields_bytes_max = (size_t)config->limits.custom_fields_bytes,
        .subscriptions_max = (uint32_t)config->limits.subscriptions_per_session,
        .keepalive_max_ms = config->mqtt.keepalive_max_ms,
        .inflight_max = (uint16_t)config->mqtt.inflight_max,
        .outbox_bytes_max = (size_t)config->mqtt.outbox_bytes,
        .commands_max = 1024,
        .refused_subscriptions_are_silent =
            config->mqtt.refused_subscriptions == CONFIG_SUBSCRIPTIONS_SILENT,
        .refused_publishes_are_acked = config->mqtt.refused_publishes == CONFIG_PUBLISHES_ACK,
        .topic_token_allowed = config->mqtt.allow_topic_token,
    };
}

static size_t power_of_two_from(int64_t wanted)
{
    size_t count = 2;
    while (count < (size_t)wanted) {
        count *= 2;
    }
    return count;
}

static struct err create_first_account(struct core *core)
{
    struct command_batch *batch;
    TRY(account_first(core->config->data, core->keyring, &core->engine_rand, &core->operator_key,
                      &batch));
    engine_accept(core->engine, batch);
    engine_turn(core->engine);
    core->has_new_key = true;
    return engine_is_read_only(core->engine) ? ERR(IO) : ERR(OK);
}

static struct err open_engine(struct core *core, struct buf *problem)
{
    const struct config *config = core->config;
    struct engine_options options = {
        .group_bytes_max = (size_t)config->engine.group_bytes,
        .heads_max = (size_t)config->engine.heads,
        .properties_per_resource_max = (uint32_t)config->limits.properties_per_resource,
        .hash_seed = core->shared.hash_seed,
    };
    struct err err = open_store(core, &options);
    if (err_is_set(err)) {
        return problem_with(problem, err, "cannot open the store");
    }
    TRY(broadcast_init(&core->ring, power_of_two_from(config->engine.ring_groups),
                       (size_t)config->engine.ring_bytes, options.last_sequence, committed_free));
    TRY(inbox_ring_init(&core->commands, power_of_two_from(config->engine.commands)));
    core->port = (struct engine_port){
        .owner = core,
        .commit = port_commit,
        .answer = port_answer,
        .publish = port_publish,
        .flush = port_flush,
        .load = port_load,
        .now_ms = port_now_ms,
        .documents_mark = port_documents_mark,
        .rand = &core->engine_rand,
    };
    core->engine = engine_new(&options, &core->port);
    if (core->engine == NULL) {
        return ERR(NO_MEMORY);
    }
    err = store_start(core->store, &core->ring);
    if (!err_is_set(err) && options.last_account == 0) {
        err = create_first_account(core);
    }
    if (!err_is_set(err)) {
        err = readers_start(core->store, (unsigned)config->readers.threads,
                            (size_t)config->readers.queue, &core->readers);
    }
    return err_is_set(err) ? problem_with(problem, err, "cannot start the store") : err;
}

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

static struct err open_listeners(struct core *core, struct buf *problem)
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
    conn_accept(&on->loop->front, fd, peer, (enum sock_tls)on->config->tls, on->loop->tls,
                on->config->protocols);
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

static struct tls_options tls_options_of(const struct core *core)
{
    return (struct tls_options){
        .chain_file = core->pki.chain_file,
        .key_file = core->pki.key_file,
        .tickets = core->tickets,
    };
}

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

static struct err open_loop(struct core *core, uint32_t index, struct buf *problem)
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
    const struct tls_options tls = tls_options_of(core);
    TRY(tls_context_load(&tls, &loop->tls, problem));
    return open_loop_listeners(loop);
}

static struct err open_loops(struct core *core, struct buf *problem)
{
    for (uint32_t i = 0; i < core->loop_count; i++) {
        TRY(open_loop(core, i, problem));
    }
    return ERR(OK);
}

static uint32_t loop_count_of(const struct config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t wanted = config->server.threads > 0 ? config->server.threads : (int64_t)cores;
    int64_t most = (BROADCAST_READERS_MAX - 2) / 2;
    return (uint32_t)(wanted < 1 ? 1 : wanted > most ? most : wanted);
}

/* Memory for structs whose members want cache lines of their own. */
static void *zeroed_lines(size_t bytes)
{
    size_t rounded = (bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
    void *at = aligned_alloc(CACHE_LINE_BYTES, rounded);
    return at ? memset(at, 0, rounded) : NULL;
}

static struct err open_parts(struct core *core, struct buf *problem)
{
    const struct config *config = core->config;
    TRY(make_folder(config->data, problem));
    TRY(renew_certificate(core, problem));
    char path[CONFIG_PATH_BYTES + 8];
    snprintf(path, sizeof(path), "%s/secret", config->data);
    struct err err = keyring_open(path, &core->keyring);
    if (err_is_set(err)) {
        return problem_with(problem, err, path);
    }
    TRY(open_engine(core, problem));
    core->shared.store = core->store;
    core->shared.readers = core->readers;
    core->shared.keyring = core->keyring;
    core->shared.ring = &core->ring;
    core->shared.commands = &core->commands;
    core->shared.engine_bell = &core->engine_bell;
    core->shared.ca_path = core->pki.ca_file;
    if (config->limits.connections_per_address > 0) {
        core->shared.address_limit =
            address_limit_new((uint32_t)config->limits.connections_per_address,
                              core->shared.hash_seed);
        if (core->shared.address_limit == NULL) {
            return ERR(NO_MEMORY);
        }
    }
    core->tickets = tls_tickets_new();
    core->loops = zeroed_lines(core->loop_count * sizeof(core->loops[0]));
    if (core->tickets == NULL || core->loops == NULL) {
        return ERR(NO_MEMORY);
    }
    TRY(open_listeners(core, problem));
    return open_loops(core, problem);
}

struct err core_open(const struct config *config, struct core **core, struct buf *problem)
{
    listener_raise_file_limit();
    struct core *opened = zeroed_lines(sizeof(*opened));
    if (opened == NULL) {
        return ERR(NO_MEMORY);
    }
    opened->config = config;
    opened->loop_count = loop_count_of(config);
    opened->shared.hash_seed = rand_u64(&opened->engine_rand);
    fill_limits(&opened->shared.limits, config);
    struct err err = open_parts(opened, problem);
    if (err_is_set(err)) {
        if (buf_bytes(problem) == 0) {
            err = problem_with(problem, err, "cannot start");
        }
        core_stop(opened);
        return err;
    }
    *core = opened;
    return ERR(OK);
}

/* ---- running ---- */

static void *loop_main(void *arg)
{
    struct core_loop *loop = arg;
    loop_run(&loop->loop);
    return NULL;
}

struct err core_start(struct core *core)
{
    core->is_serving = true;
    if (pthread_create(&core->engine_thread, NULL, engine_main, core) != 0) {
        return ERR(NO_MEMORY);
    }
    core->engine_is_running = true;
    for (uint32_t i = 0; i < core->loop_count; i++) {
        if (pthread_create(&core->loops[i].thread, NULL, loop_main, &core->loops[i]) != 0) {
            return ERR(NO_MEMORY);
        }
        core->loops[i].is_running = true;
    }
    return ERR(OK);
}

const char *core_new_operator_key(const struct core *core)
{
    return core->has_new_key ? core->operator_key.text : NULL;
}

size_t core_endpoints(const struct core *core, struct first_start_endpoint *endpoints, size_t room)
{
    size_t count = 0;
    for (int i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        for (size_t a = 0; a < core->sockets[i].address_count && count < room; a++) {
            endpoints[count++] = (struct first_start_endpoint){
                .listener = (enum config_listener_index)i,
                .address = core->address_texts[i][a],
                .port = core->sockets[i].port,
                .tls = core->config->listeners[i].tls,
                .protocols = core->config->listeners[i].protocols,
            };
        }
    }
    return count;
}

/* ---- the certificate, daily ---- */

static void on_renewed(struct loop *loop, struct loop_message *message)
{
    (void)loop;
    struct core_loop *on = CONTAINER_OF(message, struct core_loop, renew_message);
    struct buf problem = {0};
    const struct tls_options tls = tls_options_of(on->core);
    if (err_is_set(tls_context_reload(on->tls, &tls, &problem))) {
        log_line(LOG_ERROR, "tls", "cannot load the renewed certificate: %.*s",
                 SLICE_ARGS(buf_data(&problem)));
    }
    buf_deinit(&problem);
}

void core_daily(struct core *core)
{
    struct buf problem = {0};
    if (err_is_set(renew_certificate(core, &problem))) {
        log_line(LOG_ERROR, "tls", "cannot renew the certificate: %.*s",
                 SLICE_ARGS(buf_data(&problem)));
    } else if (core->pki.issued) {
        log_line(LOG_INFO, "tls", "certificate renewed reason=%s", core->pki.reason);
        for (uint32_t i = 0; i < core->loop_count; i++) {
            core->loops[i].renew_message.run = on_renewed;
            loop_post(&core->loops[i].loop, &core->loops[i].renew_message);
        }
    }
    buf_deinit(&problem);
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

static void stop_loops(struct core *core)
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
        usleep(10000);
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

static void turn_loops(struct core *core)
{
    for (uint32_t i = 0; core->loops != NULL && i < core->loop_count; i++) {
        if (core->loops[i].front_is_ready) {
            loop_turn(&core->loops[i].loop, 0);
        }
    }
}

/* Everything a stopped thread has left in a queue is dealt with on this one. */
static void empty_queues(struct core *core)
{
    bool is_empty = core->engine == NULL || core->commands.slots == NULL;
    turn_loops(core);
    while (!is_empty) {
        is_empty = !engine_take_batches(core);
        engine_turn(core->engine);
        turn_loops(core);
    }
}

static void stop_engine(struct core *core)
{
    if (core->engine_is_running) {
        atomic_store(&core->engine_must_stop, true);
        doorbell_ring(&core->engine_bell);
        pthread_join(core->engine_thread, NULL);
        core->engine_is_running = false;
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
    tls_context_free(loop->tls);
}

void core_stop(struct core *core)
{
    if (core == NULL) {
        return;
    }
    if (core->loops != NULL) {
        stop_loops(core);
        /* The last words of connections, while the engine and the readers are still there. */
        turn_loops(core);
    }
    stop_engine(core);
    readers_stop(core->readers);
    core->readers = core->shared.readers = NULL;
    empty_queues(core);
    store_close(core->store);
    for (uint32_t i = 0; core->loops != NULL && i < core->loop_count; i++) {
        free_loop(&core->loops[i]);
    }
    for (int i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        listener_sockets_close(&core->sockets[i]);
    }
    engine_free(core->engine);
    broadcast_deinit(&core->ring);
    inbox_ring_deinit(&core->commands);
    tls_tickets_free(core->tickets);
    address_limit_free(core->shared.address_limit);
    keyring_close(core->keyring);
    free(core->loops);
    free(core);
}

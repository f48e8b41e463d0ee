/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/workers.h"
#include "front/scan.h"
#include "front/conn_limit.h"
#include "front/file_store.h"
#include "front/file_tidy.h"
#include "front/grants.h"
#include "front/login_limit.h"
#include "front/mqtt_expire.h"
#include "front/mqtt_recover.h"
#include "front/openapi.h"
#include "front/rate.h"
#include "front/refusals.h"
#include "front/share.h"
#include "front/share_mail.h"
#include "server/core_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS (24 * 3600 * 1000)
#define EXPIRY_EVERY_MS (3600 * 1000)

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

static bool read_last_time(void *arg, const struct group *group)
{
    *(int64_t *)arg = group->time_ms;
    return true;
}

struct err core_read_numbers(struct core *core, struct engine_options *options)
{
    struct journal *journal = store_journal(core->store);
    uint64_t last = journal_last(journal);
    options->last_sequence = last;
    if (last > 0) {
        TRY(journal_read(journal, last, read_last_time, &options->last_time_ms));
    }
    struct documents_reader *reader;
    TRY(store_documents_reader(core->store, &reader));
    struct err err = documents_numbers(reader, &options->last_property, &options->last_account);
    documents_reader_close(reader);
    return err;
}

static bool resume_task(void *arg, uint32_t account, const struct id *task)
{
    engine_resume_task(arg, account, task);
    return true;
}

static bool resume_notices(void *arg, uint32_t account, const struct id *collection)
{
    engine_resume_notices(arg, account, collection);
    return true;
}

struct err core_resume_chores(struct core *core)
{
    struct documents_reader *reader;
    TRY(store_documents_reader(core->store, &reader));
    struct err err = documents_pending_tasks(reader, resume_task, core->engine);
    if (!err_is_set(err)) {
        err = documents_pending_members(reader, resume_notices, core->engine);
    }
    documents_reader_close(reader);
    return err;
}

void core_engine_options(const struct core *core, struct engine_options *options)
{
    const struct config *config = core->config;
    *options = (struct engine_options){
        .group_bytes_max = (size_t)config->engine.group_bytes,
        .heads_max = (size_t)config->engine.heads,
        .properties_per_resource_max = (uint32_t)config->limits.properties_per_resource,
        .task_quantity_max = (uint32_t)config->limits.task_quantity,
        .hash_seed = core->shared.hash_seed,
    };
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
    return core_read_numbers(core, options);
}

static struct document_limits document_limits_of(const struct config *config)
{
    return (struct document_limits){
        .tag_count_max = (uint32_t)config->limits.tags,
        .tag_characters_max = (uint32_t)config->limits.tag,
        .name_characters_max = (uint32_t)config->limits.name,
        .description_characters_max = (uint32_t)config->limits.description,
        .type_characters_max = (uint32_t)config->limits.type,
        .custom_fields_bytes_max = (size_t)config->limits.custom_fields_bytes,
    };
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
        .actions_max = (size_t)config->limits.actions,
        .members_max = (size_t)config->limits.members,
        .document = document_limits_of(config),
        .subscriptions_max = (uint32_t)config->limits.subscriptions_per_session,
        .keepalive_max_ms = config->mqtt.keepalive_max_ms,
        .wait_max_ms = config->limits.wait_ms,
        .heartbeat_ms = config->http.heartbeat_ms,
        .inflight_max = (uint16_t)config->mqtt.inflight_max,
        .outbox_bytes_max = (size_t)config->mqtt.outbox_bytes,
        .session_expiry_ms = config->session.expiry_ms,
        .sessions_max = (uint64_t)config->session.count_max,
        .qos0_lag = (uint64_t)config->session.qos0_lag,
        .lag_max = (uint64_t)config->session.lag_max,
        .commands_max = (uint32_t)config->limits.commands_per_connection,
        .refused_subscriptions_are_silent =
            config->mqtt.refused_subscriptions == CONFIG_SUBSCRIPTIONS_SILENT,
        .refused_publishes_are_acked = config->mqtt.refused_publishes == CONFIG_PUBLISHES_ACK,
        .topic_token_allowed = config->mqtt.allow_topic_token,
        .plain_topics = config->mqtt.plain_topics,
        .sys_interval_ms = config->mqtt.sys_interval_ms,
        .role_changes_at_once = config->auth.role_changes == CONFIG_ROLES_AT_ONCE,
        .password_memory = (size_t)config->auth.password_memory_bytes,
        .password_passes = (unsigned)config->auth.password_passes,
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

/* The file with the secrets is made for a new store only: to make a lost one anew would end every
 * key without a word. */
static struct err open_keyring(struct core *core, bool is_new, struct buf *problem)
{
    const char *elsewhere = core->config->server.secret_file;
    char path[CONFIG_PATH_BYTES + 8];
    if (elsewhere[0] != '\0') {
        snprintf(path, sizeof(path), "%s", elsewhere);
    } else {
        snprintf(path, sizeof(path), "%s/secret", core->config->data);
    }
    struct err err =
        is_new ? keyring_open(path, &core->keyring) : keyring_open_existing(path, &core->keyring);
    return err_is_set(err) ? problem_with(problem, err, path) : err;
}

static struct err open_engine(struct core *core, struct buf *problem)
{
    const struct config *config = core->config;
    struct engine_options options;
    core_engine_options(core, &options);
    struct err err = open_store(core, &options);
    if (err_is_set(err)) {
        return problem_with(problem, err, "cannot open the store");
    }
    TRY(open_keyring(core, options.last_sequence == 0, problem));
    TRY(broadcast_init(&core->ring, power_of_two_from(config->engine.ring_groups),
                       (size_t)config->engine.ring_bytes, options.last_sequence, committed_free));
    TRY(inbox_ring_init(&core->commands, power_of_two_from(config->engine.commands)));
    core_fill_port(core);
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
    if (!err_is_set(err)) {
        err = core_resume_chores(core);
    }
    return err_is_set(err) ? problem_with(problem, err, "cannot start the store") : err;
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

static struct err open_files(struct core *core, struct buf *problem)
{
    struct err err = file_store_open(core->config->data, &core->files);
    return err_is_set(err) ? problem_with(problem, err, "cannot open the folder of files") : err;
}

static void fill_shared(struct core *core)
{
    struct front_shared *shared = &core->shared;
    shared->store = core->store;
    shared->readers = core->readers;
    shared->keyring = core->keyring;
    shared->files = core->files;
    shared->openapi = buf_data(&core->openapi);
    shared->ring = &core->ring;
    shared->commands = &core->commands;
    shared->engine_bell = &core->engine_bell;
    shared->ca_path = core_ca_file(core);
}

/* What slows down or ends those who ask too much. */
static struct err open_limits(struct core *core)
{
    const struct config *config = core->config;
    struct front_shared *shared = &core->shared;
    if (config->limits.connections_per_address > 0) {
        shared->address_limit =
            conn_limit_new((uint32_t)config->limits.connections_per_address, shared->hash_seed);
        TRY(shared->address_limit == NULL ? ERR(NO_MEMORY) : ERR(OK));
    }
    if (config->limits.connections_per_key > 0) {
        shared->key_limit =
            conn_limit_new((uint32_t)config->limits.connections_per_key, shared->hash_seed);
        TRY(shared->key_limit == NULL ? ERR(NO_MEMORY) : ERR(OK));
    }
    if (config->limits.requests_per_key > 0) {
        shared->rate = rate_new(&(struct rate_options){
            .per_second = (uint32_t)config->limits.requests_per_key,
            .burst = (uint32_t)config->limits.requests_burst,
            .keys_max = RATE_KEYS_MAX,
            .seed = shared->hash_seed,
        });
        TRY(shared->rate == NULL ? ERR(NO_MEMORY) : ERR(OK));
    }
    shared->login_limit = login_limit_new((uint32_t)config->auth.failed_logins,
                                          config->auth.login_delay_max_ms, shared->hash_seed);
    return shared->login_limit == NULL ? ERR(NO_MEMORY) : ERR(OK);
}

/* What rights are looked up, explained and proven with. */
static struct err open_rights(struct core *core)
{
    const struct config *config = core->config;
    struct front_shared *shared = &core->shared;
    shared->origins = &core->config->http.allowed_origins;
    shared->grants = grants_new(shared->hash_seed);
    shared->refusals = refusals_new();
    if (shared->grants == NULL || shared->refusals == NULL) {
        return ERR(NO_MEMORY);
    }
    return workers_start((unsigned)config->auth.password_threads,
                         (size_t)config->auth.password_queue, NULL, &shared->workers);
}

static struct err open_parts(struct core *core, struct buf *problem)
{
    const struct config *config = core->config;
    TRY(make_folder(config->data, problem));
    core->loops = zeroed_lines(core->loop_count * sizeof(core->loops[0]));
    if (core->loops == NULL) {
        return ERR(NO_MEMORY);
    }
    /* Before there is a store: a first start that fails for its certificates is still to come. */
    TRY(core_open_tls(core, problem));
    TRY(open_engine(core, problem));
    TRY(open_files(core, problem));
    openapi_write(&core->openapi);
    if (core->openapi.failed) {
        return ERR(NO_MEMORY);
    }
    fill_shared(core);
    core->shared.scans = scans_new(core->readers, core->loop_count);
    core->shared.share_mail = share_mail_new(core->loop_count);
    TRY(core->shared.scans == NULL || core->shared.share_mail == NULL ? ERR(NO_MEMORY) : ERR(OK));
    TRY(open_limits(core));
    TRY(open_rights(core));
    TRY(core_open_listeners(core, problem));
    return core_open_loops(core);
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

/* Before anybody can connect. */
static void recover_sessions(struct core *core)
{
    uint64_t count = 0;
    struct err err = mqtt_recover(&core->loops[0].front, &count);
    if (err_is_set(err)) {
        log_line(LOG_ERROR, "mqtt", "not all wills could be published reason=%s", err_name(err));
    }
    atomic_store(&core->shared.sessions_kept, count);
    err = shares_recover(&core->shared);
    if (err_is_set(err)) {
        log_line(LOG_ERROR, "mqtt", "not all shared subscriptions could be taken up reason=%s",
                 err_name(err));
    }
}

struct err core_start(struct core *core)
{
    core->is_serving = true;
    core->next_day_ms = clock_monotonic_ms() + DAY_MS;
    core->next_look_ms = clock_monotonic_ms() + core->config->tls.reload_check_ms;
    core->next_expiry_ms = clock_monotonic_ms();
    core->expire = mqtt_expire_new(&core->loops[0].front);
    if (core->expire == NULL) {
        return ERR(NO_MEMORY);
    }
    TRY(core_start_engine(core));
    /* What a crash has left of uploads. */
    file_tidy_start(&core->shared, NULL);
    recover_sessions(core);
    return core_start_loops(core);
}

const char *core_ca_file(const struct core *core)
{
    const struct config *config = core->config;
    if (config->tls.ca[0] != '\0') {
        return config->tls.ca;
    }
    return config->tls.certificate[0] == '\0' ? core->pki.ca_file : NULL;
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
                .is_behind_proxy = core->config->listeners[i].proxy_protocol,
            };
        }
    }
    return count;
}

/* ---- from time to time ---- */

void core_reload(struct core *core)
{
    core_look_at_tls(core, true);
}

/* Often enough that a session lives little longer than it should. */
static int64_t expiry_interval_ms(const struct core *core)
{
    return min_i64(core->config->session.expiry_ms, EXPIRY_EVERY_MS);
}

int64_t core_tend(struct core *core)
{
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms >= core->next_day_ms) {
        core_tend_certificates(core);
        core->next_day_ms = now_ms + DAY_MS;
    }
    if (now_ms >= core->next_expiry_ms) {
        mqtt_expire_look(core->expire);
        core->next_expiry_ms = now_ms + expiry_interval_ms(core);
    }
    int64_t look_ms = core->config->tls.reload_check_ms;
    if (look_ms > 0 && now_ms >= core->next_look_ms) {
        core_look_at_tls(core, false);
        core->next_look_ms = now_ms + look_ms;
    }
    int64_t next_ms = min_i64(core->next_day_ms, core->next_expiry_ms);
    next_ms = look_ms > 0 ? min_i64(next_ms, core->next_look_ms) : next_ms;
    return next_ms - now_ms;
}

/* ---- stopping ---- */

/* Everything a stopped thread has left in a queue is dealt with on this one. */
static void empty_queues(struct core *core)
{
    bool is_empty = core->engine == NULL || core->commands.slots == NULL;
    core_turn_loops(core);
    while (!is_empty) {
        is_empty = !core_take_batches(core);
        engine_turn(core->engine);
        core_turn_loops(core);
    }
}

void core_stop(struct core *core)
{
    if (core == NULL) {
        return;
    }
    if (core->loops != NULL) {
        core_stop_loops(core);
        /* The last words of connections, while the engine and the readers are still there. */
        core_turn_loops(core);
    }
    core_stop_engine(core);
    workers_stop(core->shared.workers);
    core->shared.workers = NULL;
    readers_stop(core->readers);
    core->readers = core->shared.readers = NULL;
    empty_queues(core);
    mqtt_expire_free(core->expire);
    store_close(core->store);
    core_free_loops(core);
    core_close_tls(core);
    for (int i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        listener_sockets_close(&core->sockets[i]);
    }
    engine_free(core->engine);
    broadcast_deinit(&core->ring);
    inbox_ring_deinit(&core->commands);
    conn_limit_free(core->shared.address_limit);
    conn_limit_free(core->shared.key_limit);
    rate_free(core->shared.rate);
    login_limit_free(core->shared.login_limit);
    refusals_free(core->shared.refusals);
    grants_free(core->shared.grants);
    file_store_close(core->files);
    buf_deinit(&core->openapi);
    scans_free(core->shared.scans);
    share_mail_free(core->shared.share_mail);
    keyring_close(core->keyring);
    free(core->loops);
    free(core);
}

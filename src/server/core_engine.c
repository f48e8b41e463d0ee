/* SPDX-License-Identifier: Apache-2.0 */
#include "server/core_inside.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <unistd.h>

/* How long the engine sleeps at most when nothing comes, and while the projections lag. */
#define ENGINE_SLEEP_MS 1000
#define ENGINE_LAG_SLEEP_MS 1
/* And while commands wait for the clock. */
#define ENGINE_CLOCK_SLEEP_MS 1
/* Loops without subscriptions are woken for groups only now and then, so that the ring does not
 * leave them behind. */
#define WAKE_EVERY_GROUPS 256
/* After a failed commit the store is opened anew this often, until a commit can succeed again. */
#define RECOVER_EVERY_MS 1000
#define RECOVER_WAIT_MS 10000

/* Since a commit has failed. */
struct outage {
    bool is_on;
    int64_t next_try_ms;
};

/* ---- the engine's port ---- */

static struct err port_commit(void *owner, const struct group *group, struct slice session_writes)
{
    struct core *core = owner;
    return journal_append(store_journal(core->store), group, session_writes);
}

static void port_sessions_gone(void *owner, uint64_t count)
{
    struct core *core = owner;
    atomic_fetch_sub(&core->shared.sessions_kept, count);
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
    store_notify(core->store, group);
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

void core_fill_port(struct core *core)
{
    core->port = (struct engine_port){
        .owner = core,
        .commit = port_commit,
        .sessions_gone = port_sessions_gone,
        .answer = port_answer,
        .publish = port_publish,
        .flush = port_flush,
        .load = port_load,
        .now_ms = port_now_ms,
        .documents_mark = port_documents_mark,
        .rand = &core->engine_rand,
    };
}

/* ---- the engine's thread ---- */

bool core_take_batches(struct core *core)
{
    bool took = false;
    struct command_batch *batch;
    while (!engine_is_full(core->engine) && (batch = inbox_ring_pop(&core->commands)) != NULL) {
        engine_accept(core->engine, batch);
        took = true;
    }
    return took;
}

/* ---- after a failed commit ---- */

static bool push_missed(void *arg, const struct group *group)
{
    struct core *core = arg;
    if (group->first_sequence > broadcast_last(&core->ring)) {
        port_publish(core, group);
    }
    return true;
}

/* The group that failed may be in the journal after all. Then it has happened, though nobody was
 * told so: everybody who follows is shown it, before anything else comes. */
static struct err publish_missed(struct core *core)
{
    struct journal *journal = store_journal(core->store);
    uint64_t next = broadcast_last(&core->ring) + 1;
    if (journal_last(journal) < next) {
        return ERR(OK);
    }
    return journal_read(journal, next, push_missed, core);
}

/* Opens the store anew and has the engine begin again from what it holds. */
static struct err recover(struct core *core)
{
    TRY(store_reopen(core->store));
    TRY(publish_missed(core));
    struct engine_options options;
    core_engine_options(core, &options);
    TRY(store_wait(core->store, journal_last(store_journal(core->store)), RECOVER_WAIT_MS));
    TRY(core_read_numbers(core, &options));
    engine_restart(core->engine, &options);
    struct err err = core_resume_chores(core);
    if (err_is_set(err)) {
        log_line(LOG_WARN, "engine", "unfinished tasks wait for the next start reason=%s",
                 err_name(err));
    }
    engine_turn(core->engine);
    return ERR(OK);
}

/* While writes are refused: tries now and then to go on. */
static void try_to_recover(struct core *core, struct outage *outage)
{
    int64_t now_ms = clock_monotonic_ms();
    if (!outage->is_on) {
        outage->is_on = true;
        outage->next_try_ms = now_ms + RECOVER_EVERY_MS;
        log_line(LOG_ERROR, "engine", "a commit failed: writes are refused");
    } else if (now_ms >= outage->next_try_ms) {
        struct err err = recover(core);
        outage->next_try_ms = clock_monotonic_ms() + RECOVER_EVERY_MS;
        outage->is_on = err_is_set(err);
        if (!outage->is_on) {
            log_line(LOG_INFO, "engine", "the store is open again: writes are accepted");
        }
    }
}

static void *engine_main(void *arg)
{
    struct core *core = arg;
    struct outage outage = {0};
    for (;;) {
        if (store_must_wait(core->store) && !engine_is_read_only(core->engine) &&
            !atomic_load(&core->engine_must_stop)) {
            doorbell_wait(&core->engine_bell, ENGINE_LAG_SLEEP_MS);
            continue;
        }
        if (core_take_batches(core)) {
            engine_turn(core->engine);
        } else if (atomic_load(&core->engine_must_stop)) {
            return NULL; /* chores go on after the next start */
        } else if (engine_has_work(core->engine) && !engine_is_read_only(core->engine)) {
            engine_turn(core->engine);
        } else if (engine_waits_for_clock(core->engine)) {
            doorbell_wait(&core->engine_bell, ENGINE_CLOCK_SLEEP_MS);
            engine_turn(core->engine);
        } else {
            doorbell_wait(&core->engine_bell, ENGINE_SLEEP_MS);
        }
        if (engine_is_read_only(core->engine)) {
            try_to_recover(core, &outage);
        }
    }
}

struct err core_start_engine(struct core *core)
{
    if (pthread_create(&core->engine_thread, NULL, engine_main, core) != 0) {
        return ERR(NO_MEMORY);
    }
    core->engine_is_running = true;
    return ERR(OK);
}

void core_stop_engine(struct core *core)
{
    if (core->engine_is_running) {
        atomic_store(&core->engine_must_stop, true);
        doorbell_ring(&core->engine_bell);
        pthread_join(core->engine_thread, NULL);
        core->engine_is_running = false;
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_fixture.h - the engine with a world of the test's own: a disk that can fail, readers that
 * answer when told to, a clock that stands still. */
#ifndef THRUM_TEST_UNIT_ENGINE_FIXTURE_H
#define THRUM_TEST_UNIT_ENGINE_FIXTURE_H

#include "engine/engine.h"

#include "base/assert.h"
#include "model/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ANSWERS_MAX 64
#define LOADS_MAX 128
#define PLANTED_MAX 32
#define GRANTS_MAX 32
#define OPERATOR_ACCOUNT 1
#define LOOP 3 /* the one that commands come from, where nothing else is said */

/* A resource that the documents have. */
struct planted {
    struct id id;
    struct id parent;
    enum resource_kind kind;
    uint32_t account;
    char document[300];
    char scopes[120];
};

struct world {
    struct engine *engine;
    struct engine_port port;
    struct rand rand;
    int64_t now_ms;
    bool disk_fails;
    uint64_t documents_mark;
    struct buf groups;         /* the last committed one */
    struct buf session_writes; /* that were committed with it, or alone */
    unsigned commits;
    uint64_t sessions_gone; /* as the engine told */
    struct answer answers[ANSWERS_MAX];
    uint16_t answer_loops[ANSWERS_MAX]; /* where they went */
    size_t answer_count;
    size_t published_at_answer; /* groups published when the last answer came */
    size_t published;
    struct head_load *loads[LOADS_MAX];
    size_t load_count;
    size_t loads_asked; /* ever */
    bool loads_are_refused;
    struct planted planted[PLANTED_MAX];
    size_t planted_count;
    struct grant *grants[GRANTS_MAX]; /* of the actors, who live as long as the world */
    size_t grant_count;
};

static inline void sessions_gone(void *owner, uint64_t count)
{
    ((struct world *)owner)->sessions_gone += count;
}

static inline struct err commit(void *owner, const struct group *group, struct slice session_writes)
{
    struct world *world = owner;
    if (world->disk_fails) {
        return ERR(IO);
    }
    buf_reset(&world->groups);
    buf_reset(&world->session_writes);
    buf_put(&world->session_writes, session_writes);
    world->commits++;
    if (group != NULL) {
        buf_put(&world->groups, group->bytes);
    }
    return ERR(OK);
}

static inline void publish(void *owner, const struct group *group)
{
    struct world *world = owner;
    assert_true(group->count > 0);
    world->published++;
}

static inline void answer(void *owner, uint16_t loop, const struct answer *given)
{
    struct world *world = owner;
    assert_true(world->answer_count < ANSWERS_MAX);
    world->answer_loops[world->answer_count] = loop;
    world->answers[world->answer_count++] = *given;
    world->published_at_answer = world->published;
}

static inline void flush(void *owner)
{
    (void)owner;
}

static inline bool load(void *owner, struct head_load *wanted)
{
    struct world *world = owner;
    if (world->loads_are_refused) {
        return false;
    }
    assert_true(world->load_count < LOADS_MAX);
    world->loads_asked++;
    world->loads[world->load_count++] = wanted;
    return true;
}

static inline int64_t now_ms(void *owner)
{
    return ((struct world *)owner)->now_ms;
}

static inline uint64_t documents_mark(void *owner)
{
    return ((struct world *)owner)->documents_mark;
}

static inline int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    world->now_ms = 1700000000000;
    rand_seed(&world->rand, 7);
    world->port = (struct engine_port){
        .owner = world,
        .commit = commit,
        .sessions_gone = sessions_gone,
        .answer = answer,
        .publish = publish,
        .flush = flush,
        .load = load,
        .now_ms = now_ms,
        .documents_mark = documents_mark,
        .rand = &world->rand,
    };
    const struct engine_options options = {
        .group_bytes_max = 1 << 20,
        .heads_max = 1000,
        .properties_per_resource_max = 4,
        .task_quantity_max = 50,
        .hash_seed = 99,
    };
    world->engine = engine_new(&options, &world->port);
    *state = world;
    return 0;
}

static inline void free_grants(struct world *world)
{
    while (world->grant_count > 0) {
        free(world->grants[--world->grant_count]);
    }
}

static inline int teardown(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < world->load_count; i++) {
        if (world->loads[i] != NULL) {
            head_load_deinit(world->loads[i]);
            free(world->loads[i]->batch);
        }
    }
    engine_free(world->engine);
    buf_deinit(&world->groups);
    buf_deinit(&world->session_writes);
    free_grants(world);
    free(world);
    return 0;
}

/* ---- commands ---- */

static inline struct actor operator_of(uint32_t account)
{
    return (struct actor){.kind = ACTOR_OPERATOR, .account = account};
}

static inline struct actor device_of(const struct id *thng)
{
    return (struct actor){.kind = ACTOR_DEVICE, .account = OPERATOR_ACCOUNT, .id = *thng};
}

static inline struct actor trusted_of(const struct id *project, const struct id *application)
{
    return (struct actor){.kind = ACTOR_TRUSTED,
                          .account = OPERATOR_ACCOUNT,
                          .id = *application,
                          .project = *project};
}

static inline struct command *command_in(struct command_batch *batch, enum command_kind kind,
                                         uint64_t request)
{
    struct command *command = command_batch_add(batch, kind);
    assert_non_null(command);
    command->loop = LOOP;
    command->wants_answer = true;
    command->qos = 1;
    command->actor = operator_of(OPERATOR_ACCOUNT);
    command->token.request = request;
    command->token.slot = (uint32_t)request;
    return command;
}

static inline struct command_batch *batch_of(size_t room)
{
    struct command_batch *batch = command_batch_new(room);
    assert_non_null(batch);
    return batch;
}

static inline void run(struct world *world, struct command_batch *batch)
{
    world->answer_count = 0;
    engine_accept(world->engine, batch);
    engine_turn(world->engine);
}

static inline struct command *creation_in(struct command_batch *batch, enum resource_kind kind,
                                          uint64_t request)
{
    struct command *command = command_in(batch, COMMAND_CREATE, request);
    command->target_kind = kind;
    command->as.create.members = SLICE("\"name\":\"t\"");
    return command;
}

static inline struct id create(struct world *world, enum resource_kind kind)
{
    struct command_batch *batch = batch_of(4096);
    creation_in(batch, kind, 1);
    run(world, batch);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    return world->answers[0].created;
}

static inline struct id create_thng(struct world *world)
{
    return create(world, RESOURCE_THNG);
}

static inline const struct command_point *points_in(struct command_batch *batch, struct slice key,
                                                    struct slice value)
{
    struct command_point *point = command_batch_take(batch, sizeof(*point));
    *point = (struct command_point){.key = key, .value = value};
    return point;
}

static inline void add_points(struct command_batch *batch, const struct id *thng, struct slice key,
                              uint64_t request)
{
    const struct command_point *point = points_in(batch, key, SLICE("1"));
    struct command *command = command_in(batch, COMMAND_POINTS, request);
    command->target = *thng;
    command->target_kind = RESOURCE_THNG;
    command->as.points.at = point;
    command->as.points.count = 1;
}

static inline struct command *update_in(struct command_batch *batch, enum resource_kind kind,
                                        const struct id *target, uint64_t request)
{
    struct command *command = command_in(batch, COMMAND_UPDATE, request);
    command->target = *target;
    command->target_kind = kind;
    command->as.update.patch = SLICE("\"name\":\"u\"");
    return command;
}

static inline struct command *removal_in(struct command_batch *batch, enum resource_kind kind,
                                         const struct id *target, uint64_t request)
{
    struct command *command = command_in(batch, COMMAND_DELETE, request);
    command->target = *target;
    command->target_kind = kind;
    return command;
}

/* A reference in the batch's memory. Take it before the command, which is then the last. */
static inline const struct document_reference *
reference_in(struct command_batch *batch, enum resource_kind kind, const struct id *id)
{
    struct document_reference *reference = command_batch_take(batch, sizeof(*reference));
    assert_non_null(reference);
    *reference = (struct document_reference){.kind = kind, .id = *id};
    return reference;
}

/* Adds an update of a thng that gives it a product. */
static inline struct command *add_product_update(struct command_batch *batch, const struct id *thng,
                                                 const struct id *product, uint64_t request)
{
    const struct document_reference *reference = reference_in(batch, RESOURCE_PRODUCT, product);
    struct command *command = update_in(batch, RESOURCE_THNG, thng, request);
    command->as.update.references = reference;
    command->as.update.reference_count = 1;
    return command;
}

static inline void assert_text(struct slice text, const char *expected)
{
    assert_int_equal(text.bytes, strlen(expected));
    assert_memory_equal(text.at, expected, text.bytes);
}

/* The events of the last group, up to <room>; returns how many it has. */
static inline size_t read_events(struct world *world, struct event *events, size_t room)
{
    struct group group;
    struct event event;
    size_t count = 0;
    assert_int_equal(group_open(buf_data(&world->groups), &group).code, ERR_OK);
    struct event_walk walk = event_walk_start(&group);
    for (; event_walk_next(&walk, &event); count++) {
        if (count < room) {
            events[count] = event;
        }
    }
    return count;
}

static inline struct event first_event(struct world *world)
{
    struct event event;
    assert_true(read_events(world, &event, 1) > 0);
    return event;
}

/* ---- what readers answer ---- */

/* Has the documents hold a resource with those members and scopes. */
static inline struct planted *plant_id(struct world *world, enum resource_kind kind,
                                       const struct id *id, const char *members, const char *scopes)
{
    assert_true(world->planted_count < PLANTED_MAX);
    struct planted *planted = &world->planted[world->planted_count++];
    *planted = (struct planted){.id = *id, .kind = kind, .account = OPERATOR_ACCOUNT};
    (void)snprintf(planted->document, sizeof(planted->document),
                   "{\"id\":\"%.24s\",\"createdAt\":1,\"updatedAt\":1%s%s}", id->text,
                   members[0] != 0 ? "," : "", members);
    (void)snprintf(planted->scopes, sizeof(planted->scopes), "%s", scopes);
    return planted;
}

static inline struct id plant(struct world *world, enum resource_kind kind, const char *members,
                              const char *scopes)
{
    struct id id = id_generate(&world->rand, 1);
    plant_id(world, kind, &id, members, scopes);
    return id;
}

/* The scopes of what is in one project. */
static inline void scopes_of_project(char scopes[120], const struct id *project)
{
    (void)snprintf(scopes, 120, "{\"users\":[\"all\"],\"projects\":[\"%.24s\"]}", project->text);
}

/* Takes a load out of those under way, of which the first is the oldest. */
static inline struct head_load *take_load_at(struct world *world, size_t index)
{
    assert_true(index < world->load_count);
    struct head_load *taken = world->loads[index];
    world->load_count--;
    memmove(world->loads + index, world->loads + index + 1,
            (world->load_count - index) * sizeof(world->loads[0]));
    return taken;
}

static inline struct head_load *take_load(struct world *world)
{
    return take_load_at(world, 0);
}

/* Answers a load with what is planted, or that there is no such thing. Answers to commands come
 * behind those that are there. */
static inline void answer_load_at(struct world *world, size_t index)
{
    struct head_load *taken = take_load_at(world, index);
    taken->read = taken->after;
    for (size_t i = 0; i < world->planted_count; i++) {
        const struct planted *planted = &world->planted[i];
        if (id_equal(&planted->id, &taken->id)) {
            taken->found = true;
            taken->kind = planted->kind;
            taken->account = planted->account;
            taken->parent = planted->parent;
            buf_put(&taken->scopes, slice_of_text(planted->scopes));
            if (taken->want_document) {
                buf_put(&taken->document, slice_of_text(planted->document));
            }
        }
    }
    engine_accept(world->engine, taken->batch);
    engine_turn(world->engine);
}

/* Answers the oldest load. */
static inline void answer_load(struct world *world)
{
    answer_load_at(world, 0);
}

static inline void answer_loads(struct world *world)
{
    while (world->load_count > 0) {
        answer_load(world);
    }
}

/* Runs the batch, and all loads that it asks for. */
static inline void run_through(struct world *world, struct command_batch *batch)
{
    run(world, batch);
    answer_loads(world);
}

/* The code of the one answer to the one command of the batch. */
static inline enum err_code outcome(struct world *world, struct command_batch *batch)
{
    run_through(world, batch);
    assert_int_equal(world->answer_count, 1);
    return world->answers[0].err.code;
}

/* The reader's answer to the oldest load. */
static inline void finish_load_as(struct world *world, bool found, enum resource_kind kind)
{
    struct head_load *oldest = take_load(world);
    oldest->found = found;
    oldest->kind = kind;
    oldest->account = OPERATOR_ACCOUNT;
    run(world, oldest->batch);
}

static inline void finish_load(struct world *world, bool found)
{
    finish_load_as(world, found, RESOURCE_THNG);
}

#endif

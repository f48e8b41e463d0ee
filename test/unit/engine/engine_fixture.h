/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_fixture.h - the engine with a world of the test's own: a disk that can fail, readers that
 * answer when told to, a clock that stands still. */
#ifndef THRUM_TEST_UNIT_ENGINE_FIXTURE_H
#define THRUM_TEST_UNIT_ENGINE_FIXTURE_H

#include "engine/engine.h"

#include "base/assert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ANSWERS_MAX 64
#define LOADS_MAX 16
#define OPERATOR_ACCOUNT 1
#define LOOP 3 /* the one that commands come from, where nothing else is said */

struct world {
    struct engine *engine;
    struct engine_port port;
    struct rand rand;
    int64_t now_ms;
    bool disk_fails;
    uint64_t documents_mark;
    struct buf groups; /* all committed ones */
    struct slice last_group;
    struct answer answers[ANSWERS_MAX];
    uint16_t answer_loops[ANSWERS_MAX]; /* where they went */
    size_t answer_count;
    size_t published_at_answer; /* groups published when the last answer came */
    size_t published;
    struct head_load *loads[LOADS_MAX];
    size_t load_count;
    bool loads_are_refused;
};

static inline struct err commit(void *owner, const struct group *group)
{
    struct world *world = owner;
    if (world->disk_fails) {
        return ERR(IO);
    }
    buf_reset(&world->groups);
    buf_put(&world->groups, group->bytes);
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
        .hash_seed = 99,
    };
    world->engine = engine_new(&options, &world->port);
    *state = world;
    return 0;
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
    free(world);
    return 0;
}

/* ---- commands ---- */

static inline struct actor operator_of(uint32_t account)
{
    return (struct actor){.kind = ACTOR_OPERATOR, .account = account};
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

static inline struct id create_thng(struct world *world)
{
    struct command_batch *batch = batch_of(4096);
    struct command *command = command_in(batch, COMMAND_CREATE, 1);
    command->as.create.kind = RESOURCE_THNG;
    command->as.create.members = SLICE("\"name\":\"t\"");
    run(world, batch);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    return world->answers[0].created;
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
    command->as.points.at = point;
    command->as.points.count = 1;
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

/* The reader's answer to the oldest load. */
static inline void finish_load_as(struct world *world, bool found, enum resource_kind kind)
{
    assert_true(world->load_count > 0);
    struct head_load *oldest = world->loads[0];
    world->load_count--;
    memmove(world->loads, world->loads + 1, world->load_count * sizeof(world->loads[0]));
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

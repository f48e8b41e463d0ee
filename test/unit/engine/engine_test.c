/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine with a world of the test's own: a disk that can fail, readers that answer when told to,
 * a clock that stands still. */
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
    size_t answer_count;
    size_t published_at_answer; /* groups published when the last answer came */
    size_t published;
    struct head_load *loads[LOADS_MAX];
    size_t load_count;
    bool loads_are_refused;
};

static struct err commit(void *owner, const struct group *group)
{
    struct world *world = owner;
    if (world->disk_fails) {
        return ERR(IO);
    }
    buf_reset(&world->groups);
    buf_put(&world->groups, group->bytes);
    return ERR(OK);
}

static void publish(void *owner, const struct group *group)
{
    struct world *world = owner;
    assert_true(group->count > 0);
    world->published++;
}

static void answer(void *owner, uint16_t loop, const struct answer *given)
{
    struct world *world = owner;
    assert_int_equal(loop, 3);
    assert_true(world->answer_count < ANSWERS_MAX);
    world->answers[world->answer_count++] = *given;
    world->published_at_answer = world->published;
}

static void flush(void *owner) { (void)owner; }

static bool load(void *owner, struct head_load *wanted)
{
    struct world *world = owner;
    if (world->loads_are_refused) {
        return false;
    }
    world->loads[world->load_count++] = wanted;
    return true;
}

static int64_t now_ms(void *owner) { return ((struct world *)owner)->now_ms; }

static uint64_t documents_mark(void *owner) { return ((struct world *)owner)->documents_mark; }

static int setup(void **state)
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

static int teardown(void **state)
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

static struct actor operator_of(uint32_t account)
{
    return (struct actor){.kind = ACTOR_OPERATOR, .account = account};
}

static struct command *command_in(struct command_batch *batch, enum command_kind kind,
                                  uint64_t request)
{
    struct command *command = command_batch_add(batch, kind);
    assert_non_null(command);
    command->loop = 3;
    command->wants_answer = true;
    command->qos = 1;
    command->actor = operator_of(OPERATOR_ACCOUNT);
    command->token.request = request;
    command->token.slot = (uint32_t)request;
    return command;
}

static struct command_batch *batch_of(size_t room)
{
    struct command_batch *batch = command_batch_new(room);
    assert_non_null(batch);
    return batch;
}

static void run(struct world *world, struct command_batch *batch)
{
    world->answer_count = 0;
    engine_accept(world->engine, batch);
    engine_turn(world->engine);
}

static struct id create_thng(struct world *world)
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

static const struct command_point *points_in(struct command_batch *batch, struct slice key,
                                             struct slice value)
{
    struct command_point *point = command_batch_take(batch, sizeof(*point));
    *point = (struct command_point){.key = key, .value = value};
    return point;
}

static void add_points(struct command_batch *batch, const struct id *thng, struct slice key,
                       uint64_t request)
{
    const struct command_point *point = points_in(batch, key, SLICE("1"));
    struct command *command = command_in(batch, COMMAND_POINTS, request);
    command->target = *thng;
    command->as.points.at = point;
    command->as.points.count = 1;
}

static struct event first_event(struct world *world)
{
    struct group group;
    struct event event;
    assert_int_equal(group_open(buf_data(&world->groups), &group).code, ERR_OK);
    struct event_walk walk = event_walk_start(&group);
    assert_true(event_walk_next(&walk, &event));
    return event;
}

/* The reader's answer to the oldest load. */
static void finish_load(struct world *world, bool found)
{
    assert_true(world->load_count > 0);
    struct head_load *oldest = world->loads[0];
    world->load_count--;
    memmove(world->loads, world->loads + 1, world->load_count * sizeof(world->loads[0]));
    oldest->found = found;
    oldest->kind = RESOURCE_THNG;
    oldest->account = OPERATOR_ACCOUNT;
    run(world, oldest->batch);
}

/* ---- tests ---- */

static void test_points_are_numbered_once(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    for (unsigned round = 0; round < 2; round++) {
        struct command_batch *batch = batch_of(4096);
        add_points(batch, &thng, SLICE("temp"), 5);
        run(world, batch);
        struct event event = first_event(world);
        struct point point;
        assert_int_equal(event.type, EVENT_POINTS);
        assert_true(event_next_point(&event, &point));
        assert_int_equal(point.property, 1);
        assert_int_equal((point.flags & POINT_NEW_PROPERTY) != 0, round == 0);
        assert_int_equal(point.timestamp_ms, world->now_ms);
        assert_int_equal(world->answers[0].event, event.sequence);
        assert_int_equal(world->answers[0].token.request, 5);
    }
}

static void test_answers_come_before_their_group(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    size_t before = world->published;
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &thng, SLICE("a"), 1);
    run(world, batch);
    assert_int_equal(world->published, before + 1);
    assert_int_equal(world->published_at_answer, before);
}

static void test_unknown_resource_is_loaded_then_refused(void **state)
{
    struct world *world = *state;
    struct id stranger = id_generate(&world->rand, 1);
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &stranger, SLICE("a"), 1);
    run(world, batch);
    assert_int_equal(world->answer_count, 0);
    assert_int_equal(world->load_count, 1);
    finish_load(world, false);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_NOT_FOUND);
}

static void test_waiting_commands_keep_their_order(void **state)
{
    struct world *world = *state;
    struct id thng = id_generate(&world->rand, 1);
    struct command_batch *batch = batch_of(1 << 14);
    for (unsigned i = 0; i < 5; i++) {
        add_points(batch, &thng, SLICE("a"), 10 + i);
    }
    run(world, batch);
    assert_int_equal(world->load_count, 1); /* one load for all */
    finish_load(world, true);
    assert_int_equal(world->answer_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(world->answers[i].err.code, ERR_OK);
        assert_int_equal(world->answers[i].token.request, 10 + i);
    }
}

static void test_full_readers_refuse_as_busy(void **state)
{
    struct world *world = *state;
    struct id thng = id_generate(&world->rand, 1);
    world->loads_are_refused = true;
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &thng, SLICE("a"), 1);
    run(world, batch);
    assert_int_equal(world->answers[0].err.code, ERR_BUSY);
}

static void test_rights(void **state)
{
    struct world *world = *state;
    struct id own = create_thng(world);
    struct id other = create_thng(world);
    static const struct {
        enum actor_kind kind;
        uint32_t account;
        bool is_own;
        enum err_code expected;
    } cases[] = {
        {ACTOR_DEVICE, 1, true, ERR_OK},          {ACTOR_DEVICE, 1, false, ERR_NOT_FOUND},
        {ACTOR_DEVICE, 2, true, ERR_NOT_FOUND},   {ACTOR_OPERATOR, 1, false, ERR_OK},
        {ACTOR_OPERATOR, 2, true, ERR_NOT_FOUND}, {ACTOR_NONE, 0, true, ERR_CREDENTIAL_MISSING},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        add_points(batch, cases[i].is_own ? &own : &other, SLICE("a"), 1);
        batch->first->actor =
            (struct actor){.kind = cases[i].kind, .account = cases[i].account, .id = own};
        run(world, batch);
        assert_int_equal(world->answers[0].err.code, cases[i].expected);
    }
}

static void test_refusal_waits_for_rights_and_existence(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    static const struct {
        uint32_t account;
        enum err_code expected;
    } cases[] = {{1, ERR_JSON_INVALID}, {2, ERR_NOT_FOUND}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        add_points(batch, &thng, SLICE("a"), 1);
        batch->first->refusal = ERR(JSON_INVALID);
        batch->first->actor = operator_of(cases[i].account);
        run(world, batch);
        assert_int_equal(world->answers[0].err.code, cases[i].expected);
    }
}

static void test_property_limit(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct command_batch *batch = batch_of(4096);
        add_points(batch, &thng, slice_of_text(keys[i]), 1);
        run(world, batch);
        assert_int_equal(world->answers[0].err.code, i < 4 ? ERR_OK : ERR_PROPERTIES_TOO_MANY);
    }
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &thng, SLICE("a"), 1);
    run(world, batch);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
}

static void test_cut_retires_the_number(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &thng, SLICE("a"), 1);
    struct command *cut = command_in(batch, COMMAND_CUT, 2);
    cut->target = thng;
    cut->as.cut.key = SLICE("a");
    cut->as.cut.everything = true;
    run(world, batch);
    assert_int_equal(world->answer_count, 2);
    batch = batch_of(4096);
    add_points(batch, &thng, SLICE("a"), 3);
    run(world, batch);
    struct event event = first_event(world);
    struct point point;
    assert_true(event_next_point(&event, &point));
    assert_int_equal(point.property, 2);
    assert_true(point.flags & POINT_NEW_PROPERTY);
}

static void test_deleted_is_gone_at_once(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct command_batch *batch = batch_of(8192);
    add_points(batch, &thng, SLICE("a"), 1);
    struct command *removal = command_in(batch, COMMAND_DELETE, 2);
    removal->target = thng;
    removal->as.remove.kind = RESOURCE_THNG;
    add_points(batch, &thng, SLICE("a"), 3);
    run(world, batch);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    assert_int_equal(world->answers[1].err.code, ERR_OK);
    assert_int_equal(world->answers[2].err.code, ERR_NOT_FOUND);
    assert_int_equal(world->load_count, 0);
}

static void test_update_merges(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    world->now_ms += 5;
    struct command_batch *batch = batch_of(4096);
    struct command *update = command_in(batch, COMMAND_UPDATE, 1);
    update->target = thng;
    update->as.update.kind = RESOURCE_THNG;
    update->as.update.patch = SLICE("\"name\":\"u\",\"tags\":[\"x\"]");
    run(world, batch);
    struct event event = first_event(world);
    char expected[200];
    snprintf(expected, sizeof(expected),
             "{\"id\":\"%.24s\",\"createdAt\":1700000000000,\"updatedAt\":1700000000005,"
             "\"name\":\"u\",\"tags\":[\"x\"]}",
             thng.text);
    assert_int_equal(event.operation, OPERATION_UPDATED);
    assert_int_equal(event.text.bytes, strlen(expected));
    assert_memory_equal(event.text.at, expected, strlen(expected));
}

static void test_update_loads_the_document(void **state)
{
    struct world *world = *state;
    struct id thng = id_generate(&world->rand, 1);
    struct command_batch *batch = batch_of(8192);
    struct command *update = command_in(batch, COMMAND_UPDATE, 1);
    update->target = thng;
    update->as.update.kind = RESOURCE_THNG;
    update->as.update.patch = SLICE("\"name\":\"u\"");
    add_points(batch, &thng, SLICE("a"), 2);
    run(world, batch);
    assert_int_equal(world->answer_count, 0);
    assert_true(world->loads[0]->want_document);
    buf_put_format(&world->loads[0]->document,
                   "{\"id\":\"%.24s\",\"createdAt\":1,\"updatedAt\":1,\"name\":\"t\"}", thng.text);
    finish_load(world, true);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    assert_int_equal(world->answers[0].token.request, 1);
    assert_int_equal(world->answers[1].err.code, ERR_OK);
}

static void test_one_device_key(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    static const struct {
        enum command_kind kind;
        enum err_code expected;
    } steps[] = {
        {COMMAND_KEY_DELETE, ERR_NOT_FOUND}, {COMMAND_KEY_CREATE, ERR_OK},
        {COMMAND_KEY_CREATE, ERR_CONFLICT},  {COMMAND_KEY_DELETE, ERR_OK},
        {COMMAND_KEY_DELETE, ERR_NOT_FOUND}, {COMMAND_KEY_CREATE, ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = command_in(batch, steps[i].kind, 1);
        command->target = thng;
        run(world, batch);
        assert_int_equal(world->answers[0].err.code, steps[i].expected);
    }
}

static void test_failed_commit_refuses_all(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    size_t published = world->published;
    world->disk_fails = true;
    struct command_batch *batch = batch_of(8192);
    add_points(batch, &thng, SLICE("a"), 1);
    add_points(batch, &thng, SLICE("b"), 2);
    run(world, batch);
    assert_int_equal(world->published, published);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(world->answers[0].err.code, ERR_READ_ONLY);
    assert_int_equal(world->answers[1].err.code, ERR_READ_ONLY);
    assert_true(engine_is_read_only(world->engine));
    /* A disk that works again does not help: what was lost is not known. */
    world->disk_fails = false;
    batch = batch_of(4096);
    add_points(batch, &thng, SLICE("a"), 3);
    run(world, batch);
    assert_int_equal(world->answers[0].err.code, ERR_READ_ONLY);
}

static void test_time_never_goes_back(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    int64_t then = world->now_ms;
    world->now_ms -= 1000;
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &thng, SLICE("a"), 1);
    run(world, batch);
    assert_int_equal(first_event(world).time_ms, then);
}

/* ---- sessions ---- */

static void session(struct world *world, enum command_kind kind, uint32_t slot)
{
    struct command_batch *batch = batch_of(4096);
    struct command *command = command_in(batch, kind, slot);
    command->as.session.client_id = SLICE("client");
    run(world, batch);
}

static void test_take_over_waits_for_the_old_end(void **state)
{
    struct world *world = *state;
    session(world, COMMAND_SESSION_OPEN, 1);
    assert_int_equal(world->answer_count, 1);
    session(world, COMMAND_SESSION_OPEN, 2);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].kind, ANSWER_TAKEN_OVER);
    assert_int_equal(world->answers[0].token.slot, 1);
    session(world, COMMAND_SESSION_OPEN, 3); /* a third while the first is still ending */
    assert_int_equal(world->answer_count, 0);
    session(world, COMMAND_SESSION_CLOSED, 1);
    assert_int_equal(world->answer_count, 3);
    assert_int_equal(world->answers[0].kind, ANSWER_COMMAND); /* 2 is in ... */
    assert_int_equal(world->answers[0].token.slot, 2);
    assert_int_equal(world->answers[1].kind, ANSWER_TAKEN_OVER); /* ... and out */
    assert_int_equal(world->answers[1].token.slot, 2);
    session(world, COMMAND_SESSION_CLOSED, 2);
    assert_int_equal(world->answers[0].token.slot, 3);
    session(world, COMMAND_SESSION_CLOSED, 3);
    session(world, COMMAND_SESSION_OPEN, 4);
    assert_int_equal(world->answers[0].kind, ANSWER_COMMAND);
}

static void test_waiting_session_withdraws(void **state)
{
    struct world *world = *state;
    session(world, COMMAND_SESSION_OPEN, 1);
    session(world, COMMAND_SESSION_OPEN, 2);
    session(world, COMMAND_SESSION_CLOSED, 2); /* gave up waiting */
    session(world, COMMAND_SESSION_CLOSED, 1);
    session(world, COMMAND_SESSION_OPEN, 3);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].kind, ANSWER_COMMAND);
    assert_int_equal(world->answers[0].token.slot, 3);
}

static void test_subscription_begins_behind_what_is_written(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct command_batch *batch = batch_of(8192);
    add_points(batch, &thng, SLICE("a"), 1);
    struct command *subscribe = command_in(batch, COMMAND_SUBSCRIBE, 2);
    subscribe->target = thng;
    subscribe->as.subscribe.family = TOPIC_THNG_PROPERTIES;
    add_points(batch, &thng, SLICE("a"), 3);
    run(world, batch);
    assert_int_equal(world->answers[1].err.code, ERR_OK);
    assert_int_equal(world->answers[1].after, world->answers[0].event);
    assert_int_equal(world->answers[2].event, world->answers[1].after + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_points_are_numbered_once),
        T(test_answers_come_before_their_group),
        T(test_unknown_resource_is_loaded_then_refused),
        T(test_waiting_commands_keep_their_order),
        T(test_full_readers_refuse_as_busy),
        T(test_rights),
        T(test_refusal_waits_for_rights_and_existence),
        T(test_property_limit),
        T(test_cut_retires_the_number),
        T(test_deleted_is_gone_at_once),
        T(test_update_merges),
        T(test_update_loads_the_document),
        T(test_one_device_key),
        T(test_failed_commit_refuses_all),
        T(test_time_never_goes_back),
        T(test_take_over_waits_for_the_old_end),
        T(test_waiting_session_withdraws),
        T(test_subscription_begins_behind_what_is_written),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

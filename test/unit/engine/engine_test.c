/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands and what comes of them: events, answers, waiting for what is loaded. */
#include "unit/engine/engine_fixture.h"

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

/* A command of each kind that a path below /thngs, or a topic, leads to. */
static void add_for_kind(struct command_batch *batch, enum command_kind kind,
                         const struct id *target)
{
    if (kind == COMMAND_POINTS) {
        add_points(batch, target, SLICE("a"), 1);
        return;
    }
    struct command *command = command_in(batch, kind, 1);
    command->target = *target;
    command->target_kind = RESOURCE_THNG;
    switch (kind) {
    case COMMAND_UPDATE:
        command->as.update.patch = SLICE("\"name\":\"u\"");
        break;
    case COMMAND_CUT:
        command->as.cut.all = true;
        command->as.cut.everything = true;
        break;
    case COMMAND_SUBSCRIBE:
        command->as.subscribe.family = TOPIC_THNG;
        break;
    case COMMAND_KEY_CREATE:
        command->as.key.key.kind = KEY_DEVICE;
        break;
    default:
        break;
    }
}

/* The answer to a command on a resource of <kind> that the documents have. */
static struct answer answer_about(struct world *world, enum command_kind command,
                                  enum resource_kind kind)
{
    struct id id = id_generate(&world->rand, 1);
    struct command_batch *batch = batch_of(4096);
    add_for_kind(batch, command, &id);
    run(world, batch);
    assert_int_equal(world->answer_count, 0);
    buf_put_format(&world->loads[0]->document,
                   "{\"id\":\"%.24s\",\"createdAt\":1,\"updatedAt\":1,\"name\":\"n\"}", id.text);
    finish_load_as(world, true, kind);
    answer_loads(world);
    assert_int_equal(world->answer_count, 1);
    return world->answers[0];
}

/* Accounts and operators have ids of the same form, in the same account; they are no thngs. */
static void test_only_thngs_are_reached(void **state)
{
    struct world *world = *state;
    static const enum command_kind commands[] = {
        COMMAND_POINTS, COMMAND_CUT,       COMMAND_UPDATE,
        COMMAND_DELETE, COMMAND_SUBSCRIBE, COMMAND_KEY_CREATE,
    };
    static const enum resource_kind others[] = {RESOURCE_ACCOUNT, RESOURCE_OPERATOR};
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        for (size_t j = 0; j < ARRAY_LEN(others); j++) {
            size_t published = world->published;
            struct answer given = answer_about(world, commands[i], others[j]);
            assert_int_equal(given.err.code, ERR_NOT_FOUND);
            assert_int_equal(world->published, published);
        }
        assert_int_equal(answer_about(world, commands[i], RESOURCE_THNG).err.code, ERR_OK);
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

static enum err_code put_keys(struct world *world, const struct id *thng, const char *const *keys,
                              uint32_t count)
{
    struct command_batch *batch = batch_of(4096);
    struct command_point *points = command_batch_take(batch, count * sizeof(*points));
    for (uint32_t i = 0; i < count; i++) {
        points[i] = (struct command_point){.key = slice_of_text(keys[i]), .value = SLICE("1")};
    }
    struct command *command = command_in(batch, COMMAND_POINTS, 1);
    command->target = *thng;
    command->target_kind = RESOURCE_THNG;
    command->as.points.at = points;
    command->as.points.count = count;
    run(world, batch);
    return world->answers[0].err.code;
}

/* All of a request or nothing of it; a key that it names several times is one. */
static void test_property_limit_within_a_request(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    static const char *const five[] = {"a", "b", "c", "d", "e"};
    static const char *const four[] = {"f", "g", "f", "h", "i", "i"};
    assert_int_equal(put_keys(world, &thng, five, 5), ERR_PROPERTIES_TOO_MANY);
    assert_int_equal(put_keys(world, &thng, four, 6), ERR_OK);
    assert_int_equal(put_keys(world, &thng, five, 1), ERR_PROPERTIES_TOO_MANY);
}

static void test_cut_retires_the_number(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &thng, SLICE("a"), 1);
    struct command *cut = command_in(batch, COMMAND_CUT, 2);
    cut->target = thng;
    cut->target_kind = RESOURCE_THNG;
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
    removal->target_kind = RESOURCE_THNG;
    add_points(batch, &thng, SLICE("a"), 3);
    run_through(world, batch);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    assert_int_equal(world->answers[1].err.code, ERR_OK);
    assert_int_equal(world->answers[2].err.code, ERR_NOT_FOUND);
    assert_int_equal(world->loads_asked, 1); /* for its collections */
}

/* The key goes behind the document: a device hears that its thng is gone before its connections
 * end. */
static void test_deletion_tells_the_document_before_the_key(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct command_batch *batch = batch_of(8192);
    add_for_kind(batch, COMMAND_KEY_CREATE, &thng);
    add_for_kind(batch, COMMAND_POINTS, &thng);
    run(world, batch);
    batch = batch_of(4096);
    add_for_kind(batch, COMMAND_DELETE, &thng);
    run_through(world, batch);
    struct event events[4];
    assert_int_equal(read_events(world, events, ARRAY_LEN(events)), 3);
    assert_int_equal(events[0].type, EVENT_CUT);
    assert_int_equal(events[1].type, EVENT_DOCUMENT);
    assert_int_equal(events[1].operation, OPERATION_DELETED);
    assert_int_equal(events[2].type, EVENT_KEY);
    assert_int_equal(events[2].operation, OPERATION_DELETED);
    assert_memory_equal(events[2].actor, &thng, sizeof(thng));
    /* The answer is about all of them. */
    assert_int_equal(world->answers[0].event, events[0].sequence);
    assert_int_equal(world->answers[0].after, events[2].sequence);
}

static void test_deletion_without_a_key_tells_of_none(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct command_batch *batch = batch_of(4096);
    add_for_kind(batch, COMMAND_DELETE, &thng);
    run_through(world, batch);
    struct event event;
    assert_int_equal(read_events(world, &event, 1), 1);
    assert_int_equal(event.type, EVENT_DOCUMENT);
    assert_int_equal(world->answers[0].after, event.sequence);
}

static void test_update_merges(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    world->now_ms += 5;
    struct command_batch *batch = batch_of(4096);
    struct command *update = command_in(batch, COMMAND_UPDATE, 1);
    update->target = thng;
    update->target_kind = RESOURCE_THNG;
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
    update->target_kind = RESOURCE_THNG;
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

static void test_restart_begins_from_the_store(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct id other = id_generate(&world->rand, 1);
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &other, SLICE("a"), 1);
    run(world, batch); /* waits for its head */
    world->disk_fails = true;
    batch = batch_of(4096);
    add_points(batch, &thng, SLICE("a"), 2);
    run(world, batch);
    assert_int_equal(world->answers[0].err.code, ERR_READ_ONLY);
    world->disk_fails = false;
    const struct engine_options options = {
        .group_bytes_max = 1 << 20,
        .heads_max = 1000,
        .properties_per_resource_max = 4,
        .hash_seed = 99,
        .last_sequence = 40,
        .last_property = 30,
        .last_time_ms = world->now_ms + 7,
    };
    world->answer_count = 0;
    engine_restart(world->engine, &options);
    engine_turn(world->engine);
    assert_int_equal(world->answer_count, 1); /* who waited is refused */
    assert_int_equal(world->answers[0].err.code, ERR_READ_ONLY);
    finish_load(world, true); /* comes too late: nobody waits for it */
    assert_int_equal(world->answer_count, 0);
    batch = batch_of(4096);
    add_points(batch, &thng, SLICE("a"), 3);
    run(world, batch);
    assert_int_equal(world->load_count, 1); /* what it knew is forgotten */
    finish_load(world, true);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    struct event event = first_event(world);
    struct point point;
    assert_true(event_next_point(&event, &point));
    assert_int_equal(event.sequence, 41);
    assert_int_equal(point.property, 31);
    assert_int_equal(event.time_ms, options.last_time_ms);
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
        T(test_only_thngs_are_reached),
        T(test_refusal_waits_for_rights_and_existence),
        T(test_property_limit),
        T(test_property_limit_within_a_request),
        T(test_cut_retires_the_number),
        T(test_deleted_is_gone_at_once),
        T(test_deletion_tells_the_document_before_the_key),
        T(test_deletion_without_a_key_tells_of_none),
        T(test_update_merges),
        T(test_update_loads_the_document),
        T(test_failed_commit_refuses_all),
        T(test_restart_begins_from_the_store),
        T(test_time_never_goes_back),
        T(test_subscription_begins_behind_what_is_written),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

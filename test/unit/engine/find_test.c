/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands that need more heads than their target's: who waits for whom, in which order they go on,
 * and what is not found. */
#include "unit/engine/engine_fixture.h"

static void assert_requests(const struct world *world, size_t count)
{
    assert_int_equal(world->answer_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(world->answers[i].err.code, ERR_OK);
        assert_int_equal(world->answers[i].token.request, i + 1);
    }
}

static void test_target_is_held_while_a_reference_is_loaded(void **state)
{
    struct world *world = *state;
    struct id thng = plant(world, RESOURCE_THNG, "\"name\":\"t\"", "");
    struct id product = plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", "");
    struct command_batch *batch = batch_of(1 << 14);
    add_product_update(batch, &thng, &product, 1);
    add_points(batch, &thng, SLICE("a"), 2);
    run(world, batch);
    answer_load(world); /* the thng is here: now the product is loaded */
    assert_int_equal(world->answer_count, 0);
    assert_int_equal(world->load_count, 1);
    batch = batch_of(1 << 14);
    add_points(batch, &thng, SLICE("a"), 3);
    update_in(batch, RESOURCE_THNG, &thng, 4);
    run(world, batch);
    assert_int_equal(world->answer_count, 0);
    answer_load(world);
    assert_requests(world, 4);
    assert_int_equal(world->loads_asked, 2);
}

/* The holder waits for one reference after the other; who is behind it waits until the end. */
static void test_target_stays_held_from_load_to_load(void **state)
{
    struct world *world = *state;
    struct id thng = plant(world, RESOURCE_THNG, "\"name\":\"t\"", "");
    struct id product = plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", "");
    struct id project = plant(world, RESOURCE_PROJECT, "\"name\":\"q\"", "");
    scopes_of_project(world->planted[0].scopes, &project);
    struct command_batch *batch = batch_of(1 << 14);
    add_product_update(batch, &thng, &product, 1)->project = project;
    for (unsigned i = 2; i <= 5; i++) {
        add_points(batch, &thng, SLICE("a"), i);
    }
    run(world, batch);
    answer_load(world);
    answer_load(world);
    assert_int_equal(world->answer_count, 0);
    answer_load(world);
    assert_requests(world, 5);
}

/* Adds an update of a place that puts it into another. */
static void add_parent_update(struct command_batch *batch, const struct id *place,
                              const struct id *parent, uint64_t request)
{
    const struct document_reference *reference = reference_in(batch, RESOURCE_PLACE, parent);
    struct command *command = update_in(batch, RESOURCE_PLACE, place, request);
    command->as.update.references = reference;
    command->as.update.reference_count = 1;
}

/* What is only named is not waited for because it is held: or two could wait for each other. */
static void test_two_that_name_each_other_do_not_wait_for_ever(void **state)
{
    struct world *world = *state;
    struct id a = plant(world, RESOURCE_PLACE, "", "");
    struct id b = plant(world, RESOURCE_PLACE, "", "");
    struct command_batch *batch = batch_of(1 << 14);
    add_parent_update(batch, &a, &b, 1);
    add_parent_update(batch, &b, &a, 2);
    run_through(world, batch);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    assert_int_equal(world->answers[1].err.code, ERR_OK);
    /* The first holds its place while a third is loaded; the second names that place. */
    struct id c = plant(world, RESOURCE_PLACE, "", "");
    batch = batch_of(1 << 14);
    add_parent_update(batch, &a, &c, 1);
    add_parent_update(batch, &b, &a, 2);
    run(world, batch);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].token.request, 2);
    answer_load(world);
    assert_int_equal(world->answer_count, 2);
}

/* Of what goes with its project or its type no event of its own tells: a head that was loaded
 * before learns it when its document is wanted. */
static void test_a_resource_that_is_gone_when_its_document_is_wanted(void **state)
{
    struct world *world = *state;
    struct id a = plant(world, RESOURCE_PLACE, "", "");
    struct id b = plant(world, RESOURCE_PLACE, "", "");
    struct command_batch *batch = batch_of(1 << 14);
    add_parent_update(batch, &b, &a, 1);
    run_through(world, batch);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    world->planted[0].id = b;
    batch = batch_of(1 << 14);
    add_parent_update(batch, &a, &b, 2);
    run(world, batch);
    answer_load(world);
    assert_int_equal(world->load_count, 0);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_NOT_FOUND);
}

static void test_those_behind_go_on_when_the_holder_is_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        bool readers_are_full;
        enum err_code expected;
    } cases[] = {{true, ERR_BUSY}, {false, ERR_IO}};
    struct id thng = create_thng(world);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct id product = id_generate(&world->rand, 1);
        struct command_batch *batch = batch_of(1 << 14);
        world->loads_are_refused = cases[i].readers_are_full;
        add_product_update(batch, &thng, &product, 1);
        add_points(batch, &thng, SLICE("a"), 2);
        run(world, batch);
        world->loads_are_refused = false;
        if (!cases[i].readers_are_full) {
            assert_int_equal(world->answer_count, 0);
            world->loads[0]->err = ERR(IO);
            answer_load(world);
        }
        assert_int_equal(world->answer_count, 2);
        assert_int_equal(world->answers[0].err.code, cases[i].expected);
        assert_int_equal(world->answers[1].err.code, ERR_OK);
    }
}

/* Commands of a batch that wait behind a holder, each with waits of its own. */
static void test_long_queue_keeps_its_order(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct command_batch *batch = batch_of(1 << 16);
    for (unsigned i = 1; i <= 10; i++) {
        if (i % 3 == 0) {
            add_points(batch, &thng, SLICE("a"), i);
        } else {
            struct id product = plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", "");
            add_product_update(batch, &thng, &product, i);
        }
    }
    run_through(world, batch);
    assert_requests(world, 10);
}

/* One reader's answer is for all who named it. */
static void test_one_load_for_all_who_name_it(void **state)
{
    struct world *world = *state;
    struct id product = plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", "");
    struct id thngs[3];
    struct command_batch *batch = batch_of(1 << 14);
    for (unsigned i = 0; i < 3; i++) {
        thngs[i] = create_thng(world);
    }
    for (unsigned i = 0; i < 3; i++) {
        add_product_update(batch, &thngs[i], &product, i + 1);
    }
    run_through(world, batch);
    assert_requests(world, 3);
    assert_int_equal(world->loads_asked, 1);
}

/* Those who go on together do not make a group of any size. */
static void test_groups_are_bounded_when_many_go_on(void **state)
{
    struct world *world = *state;
    struct id thng = plant(world, RESOURCE_THNG, "", "");
    const size_t bytes = 100000;
    char *value = malloc(bytes);
    memset(value, '7', bytes);
    struct command_batch *batch = batch_of(1 << 16);
    for (unsigned i = 1; i <= 40; i++) {
        const struct command_point *point = points_in(batch, SLICE("a"), slice_of(value, bytes));
        struct command *command = command_in(batch, COMMAND_POINTS, i);
        command->target = thng;
        command->target_kind = RESOURCE_THNG;
        command->as.points.at = point;
        command->as.points.count = 1;
    }
    run(world, batch);
    size_t published = world->published;
    answer_load(world);
    assert_requests(world, 40);
    assert_int_equal(world->published - published, 4);
    free(value);
}

static void test_restart_refuses_who_holds_and_who_waits(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct id product = plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", "");
    struct command_batch *batch = batch_of(1 << 14);
    add_product_update(batch, &thng, &product, 1);
    add_points(batch, &thng, SLICE("a"), 2);
    run(world, batch);
    const struct engine_options options = {
        .group_bytes_max = 1 << 20, .heads_max = 1000, .properties_per_resource_max = 4};
    engine_restart(world->engine, &options);
    engine_turn(world->engine);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(world->answers[0].err.code, ERR_READ_ONLY);
    assert_int_equal(world->answers[1].err.code, ERR_READ_ONLY);
    answer_load(world); /* nobody waits for it any more */
    assert_int_equal(world->answer_count, 2);
}

static void test_document_that_was_not_asked_for_is_asked_for(void **state)
{
    struct world *world = *state;
    struct id place = plant(world, RESOURCE_PLACE, "\"name\":\"p\"", "");
    struct command_batch *batch = batch_of(8192);
    update_in(batch, RESOURCE_PLACE, &place, 1);
    run(world, batch);
    world->loads[0]->want_document =
        false; /* as if somebody had asked before, for the head alone */
    answer_load(world);
    assert_int_equal(world->answer_count, 0);
    answer_load(world);
    assert_requests(world, 1);
}

/* While a document is being read for somebody who names the resource, who holds it may change it:
 * then what was read is of the past. */
static void test_document_of_before_a_change_is_read_again(void **state)
{
    struct world *world = *state;
    struct id thng = plant(world, RESOURCE_THNG, "\"name\":\"t\"", "");
    struct id place = plant(world, RESOURCE_PLACE, "\"name\":\"p\"", "");
    struct command_batch *batch = batch_of(8192);
    struct command_point *point = command_batch_take(batch, sizeof(*point));
    *point = (struct command_point){.value = SLICE("\"place\":\"P\""), .place = place};
    add_points(batch, &thng, SLICE(""), 1);
    batch->first->as.points.at = point;
    batch->first->as.points.location = true;
    run(world, batch);
    answer_load(world); /* the thng is held, the place is being read */
    batch = batch_of(8192);
    struct command_action *action = command_batch_take(batch, sizeof(*action));
    *action = (struct command_action){
        .type = SLICE("scans"), .timestamp_ms = world->now_ms, .thng = thng};
    struct command *command = command_in(batch, COMMAND_ACTIONS, 2);
    command->as.actions.at = action;
    command->as.actions.count = 1;
    run(world, batch);
    assert_int_equal(world->load_count, 2);
    answer_load(world);
    assert_requests(world, 1);
    answer_load(world);
    assert_int_equal(world->load_count, 1);
    assert_int_equal(world->loads[0]->after, world->answers[0].event);
    answer_load(world);
    assert_requests(world, 2);
}

/* ---- any commands, any order of loads ---- */

#define ROUND_COMMANDS 50

/* What commands of a round are about: some of it the documents have, some not. */
struct round {
    struct id thngs[4];
    struct id products[3];
    struct id places[3];
    unsigned target_of[ROUND_COMMANDS];
};

static unsigned pick(struct world *world, size_t count)
{
    return (unsigned)rand_below(&world->rand, count);
}

static struct round plant_round(struct world *world)
{
    struct round round;
    world->planted_count = 0;
    for (unsigned i = 0; i < ARRAY_LEN(round.thngs); i++) {
        round.thngs[i] = plant(world, RESOURCE_THNG, "\"name\":\"t\"", "");
    }
    for (unsigned i = 0; i < ARRAY_LEN(round.products); i++) {
        round.products[i] = id_generate(&world->rand, 1);
        round.places[i] = id_generate(&world->rand, 1);
        if (i > 0) {
            plant_id(world, RESOURCE_PRODUCT, &round.products[i], "\"name\":\"p\"", "");
            plant_id(world, RESOURCE_PLACE, &round.places[i], "\"name\":\"p\"", "");
        }
    }
    return round;
}

static void send_any(struct world *world, struct round *round, unsigned request)
{
    struct command_batch *batch = batch_of(8192);
    unsigned target = pick(world, ARRAY_LEN(round->thngs));
    const struct id *thng = &round->thngs[target];
    struct command_point *point = command_batch_take(batch, sizeof(*point));
    round->target_of[request] = target;
    switch (pick(world, 4)) {
    case 0:
        add_points(batch, thng, SLICE("a"), request);
        break;
    case 1:
        update_in(batch, RESOURCE_THNG, thng, request);
        break;
    case 2:
        add_product_update(batch, thng, &round->products[pick(world, 3)], request);
        break;
    default:
        *point = (struct command_point){.value = SLICE("\"place\":\"P\""),
                                        .place = round->places[pick(world, 3)]};
        add_points(batch, thng, SLICE(""), request);
        batch->first->as.points.at = point;
        batch->first->as.points.location = true;
    }
    engine_accept(world->engine, batch);
    engine_turn(world->engine);
}

/* Whatever comes, and whenever what is loaded arrives: each command is answered once, and those of
 * one target in order. */
static void test_every_target_keeps_its_order(void **state)
{
    struct world *world = *state;
    for (unsigned seed = 1; seed <= 200; seed++) {
        rand_seed(&world->rand, seed);
        struct round round = plant_round(world);
        world->answer_count = 0;
        for (unsigned i = 0; i < ROUND_COMMANDS; i++) {
            send_any(world, &round, i);
            while (world->load_count > 0 && pick(world, 3) == 0) {
                answer_load_at(world, pick(world, world->load_count));
            }
        }
        while (world->load_count > 0) {
            answer_load_at(world, pick(world, world->load_count));
        }
        assert_int_equal(world->answer_count, ROUND_COMMANDS);
        uint64_t next[ARRAY_LEN(round.thngs)] = {0};
        for (size_t i = 0; i < world->answer_count; i++) {
            uint64_t request = world->answers[i].token.request;
            assert_true(request >= next[round.target_of[request]]);
            next[round.target_of[request]] = request + 1;
        }
    }
}

/* ---- what is not there ---- */

/* What is not there is forgotten, but not while somebody still needs to know that of several. */
static void test_several_that_are_not_there_are_all_looked_at(void **state)
{
    struct world *world = *state;
    struct id gone[2] = {id_generate(&world->rand, 1), id_generate(&world->rand, 1)};
    struct id product = id_generate(&world->rand, 1);
    char members[100];
    (void)snprintf(members, sizeof(members), "\"product\":\"%.24s\"", product.text);
    struct id thng = plant(world, RESOURCE_THNG, members, "");
    (void)snprintf(world->planted[0].scopes, sizeof(world->planted[0].scopes),
                   "{\"users\":[],\"projects\":[\"%.24s\",\"%.24s\"]}", gone[0].text, gone[1].text);
    struct command_batch *batch = batch_of(4096);
    update_in(batch, RESOURCE_THNG, &thng, 1);
    run(world, batch);
    answer_load(world);
    assert_int_equal(world->load_count, 2); /* the projects, side by side; then the product */
    answer_loads(world);
    assert_int_equal(world->loads_asked, 4);
    assert_requests(world, 1);
    assert_text(first_event(world).scopes, "{\"users\":[],\"projects\":[]}");
}

static void test_what_is_not_there_is_forgotten(void **state)
{
    struct world *world = *state;
    for (unsigned i = 0; i < 2; i++) {
        struct id unknown = id_generate(&world->rand, 1);
        for (unsigned j = 1; j <= 2; j++) {
            struct command_batch *batch = batch_of(4096);
            add_points(batch, &unknown, SLICE("a"), 1);
            assert_int_equal(outcome(world, batch), ERR_NOT_FOUND);
            assert_int_equal(world->loads_asked, 2 * i + j);
        }
    }
}

/* ---- what is not found ---- */

static void test_references_must_be_there_and_of_the_kind(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    const struct {
        struct id id;
        enum err_code expected;
    } cases[] = {
        {plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", ""), ERR_OK},
        {plant(world, RESOURCE_COLLECTION, "\"name\":\"c\"", ""), ERR_REFERENCE_UNKNOWN},
        {id_generate(&world->rand, 1), ERR_REFERENCE_UNKNOWN},
        {thng, ERR_REFERENCE_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        add_product_update(batch, &thng, &cases[i].id, 1);
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
    struct id foreign = plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", "");
    world->planted[world->planted_count - 1].account = OPERATOR_ACCOUNT + 1;
    struct command_batch *batch = batch_of(4096);
    add_product_update(batch, &thng, &foreign, 1);
    assert_int_equal(outcome(world, batch), ERR_REFERENCE_UNKNOWN);
}

static void test_project_narrows(void **state)
{
    struct world *world = *state;
    char scopes[120];
    struct id project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    struct id other = plant(world, RESOURCE_PROJECT, "\"name\":\"o\"", "");
    struct id gone = id_generate(&world->rand, 1);
    scopes_of_project(scopes, &project);
    struct id inside = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes);
    scopes_of_project(scopes, &gone);
    struct id left = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes);
    struct id outside = create_thng(world);
    struct id application = id_generate(&world->rand, 1);
    const struct {
        const struct id *thng;
        struct actor actor;
        const struct id *project;
        enum err_code expected;
    } cases[] = {
        {&inside, operator_of(OPERATOR_ACCOUNT), &project, ERR_OK},
        {&inside, operator_of(OPERATOR_ACCOUNT), &other, ERR_NOT_FOUND},
        {&outside, operator_of(OPERATOR_ACCOUNT), &project, ERR_NOT_FOUND},
        /* Its scopes still name a project that has gone. */
        {&left, operator_of(OPERATOR_ACCOUNT), &gone, ERR_NOT_FOUND},
        {&inside, trusted_of(&project, &application), NULL, ERR_OK},
        {&inside, trusted_of(&project, &application), &project, ERR_OK},
        {&inside, trusted_of(&project, &application), &other, ERR_NOT_FOUND},
        {&inside, trusted_of(&other, &application), NULL, ERR_NOT_FOUND},
        {&outside, trusted_of(&project, &application), NULL, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        add_points(batch, cases[i].thng, SLICE("a"), 1);
        batch->first->actor = cases[i].actor;
        if (cases[i].project != NULL) {
            batch->first->project = *cases[i].project;
        }
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
}

/* What does not exist is told before what is wrong with the request. */
static void test_order_of_judging(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct id unknown = id_generate(&world->rand, 1);
    const struct {
        bool is_permitted;
        bool is_there;
        bool is_refused;
        enum err_code expected;
    } cases[] = {
        {false, false, true, ERR_CREDENTIAL_MISSING},
        {true, false, true, ERR_NOT_FOUND},
        {true, true, true, ERR_FIELD_INVALID},
        {true, true, false, ERR_REFERENCE_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command =
            add_product_update(batch, cases[i].is_there ? &thng : &unknown, &unknown, 1);
        command->refusal = cases[i].is_refused ? ERR(FIELD_INVALID) : ERR(OK);
        command->actor.kind = cases[i].is_permitted ? ACTOR_OPERATOR : ACTOR_NONE;
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_target_is_held_while_a_reference_is_loaded),
        T(test_target_stays_held_from_load_to_load),
        T(test_two_that_name_each_other_do_not_wait_for_ever),
        T(test_a_resource_that_is_gone_when_its_document_is_wanted),
        T(test_those_behind_go_on_when_the_holder_is_refused),
        T(test_long_queue_keeps_its_order),
        T(test_one_load_for_all_who_name_it),
        T(test_groups_are_bounded_when_many_go_on),
        T(test_restart_refuses_who_holds_and_who_waits),
        T(test_document_that_was_not_asked_for_is_asked_for),
        T(test_document_of_before_a_change_is_read_again),
        T(test_every_target_keeps_its_order),
        T(test_several_that_are_not_there_are_all_looked_at),
        T(test_what_is_not_there_is_forgotten),
        T(test_references_must_be_there_and_of_the_kind),
        T(test_project_narrows),
        T(test_order_of_judging),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

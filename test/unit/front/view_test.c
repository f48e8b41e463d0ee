/* SPDX-License-Identifier: Apache-2.0
 *
 * What GET shows, over documents of the test's own. The samples of properties are made up here: the
 * latest value of property <n> is n. Linked in place of the real ones. */
#include "front/view_state.h"
#include "unit/store/writer_fixture.h"

#include "store/store.h"

#define THNG 1
#define PRODUCT 2
#define COLLECTION 3
#define PROJECT 4
#define OTHER_PROJECT 5
#define APPLICATION 6
#define ACTION 7
#define TYPE 8

#define HEAD(number) \
    "{\"id\":\"" number "\",\"createdAt\":1600000000000,\"updatedAt\":1600000000001"
#define ID_1 "U00000000000000000000001"
#define ID_2 "U00000000000000000000002"
#define ID_3 "U00000000000000000000003"
#define ID_4 "U00000000000000000000004"
#define ID_7 "U00000000000000000000007"
#define IN_PROJECT "{\"users\":[],\"projects\":[\"" ID_4 "\"]}"

/* ---- the stand-ins ---- */

struct history *store_history(struct store *store)
{
    (void)store;
    return NULL;
}

struct err history_latest(struct history *history, uint32_t property, struct sample *sample,
                          struct buf *value, bool *found)
{
    (void)history;
    buf_reset(value);
    buf_put_decimal(value, property);
    *sample =
        (struct sample){.timestamp_ms = TIME_MS, .created_ms = TIME_MS, .value = buf_data(value)};
    *found = property != 99;
    return ERR(OK);
}

/* ---- the world ---- */

struct world {
    struct bench bench;
    struct reader reader;
    struct actor actor;
    struct id project;
    struct view view;
    struct buf out;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    open_bench(&world->bench);
    world->reader.documents = world->bench.reader;
    world->actor = (struct actor){.kind = ACTOR_OPERATOR, .account = ACCOUNT};
    world->view =
        (struct view){.reader = &world->reader, .actor = &world->actor, .project = &world->project};
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    buf_deinit(&world->out);
    buf_deinit(&world->reader.scratch);
    buf_deinit(&world->reader.value);
    close_bench(&world->bench);
    free(world);
    return 0;
}

static void put_new(struct world *world, enum resource_kind kind, uint32_t number, const char *text,
                    const char *scopes)
{
    put_document(&world->bench, OPERATION_CREATED, kind, number, text, scopes);
}

static void assert_shown(struct world *world, enum resource_kind kind, uint32_t number,
                         const char *wanted)
{
    struct id id = id_of(number);
    buf_reset(&world->out);
    struct err err = view_resource(&world->view, kind, &id, &world->out);
    if (err_is_set(err)) {
        fail_msg("%s instead of %s", err_name(err), wanted);
    }
    if (!slice_equal(buf_data(&world->out), slice_of_text(wanted))) {
        fail_msg("%.*s instead of %s", SLICE_ARGS(buf_data(&world->out)), wanted);
    }
}

static void assert_not_found(struct world *world, enum resource_kind kind, uint32_t number)
{
    struct id id = id_of(number);
    buf_reset(&world->out);
    ASSERT_ERR(view_resource(&world->view, kind, &id, &world->out), NOT_FOUND);
}

static struct topic topic_of(enum topic_family family, uint32_t number, const char *name)
{
    struct topic topic = {.family = family, .name_bytes = (uint16_t)strlen(name)};
    memcpy(topic.name_at, name, topic.name_bytes);
    if (number != 0) {
        topic.resource = id_of(number);
    }
    return topic;
}

/* <wanted>: empty for no state. */
static void assert_state(struct world *world, enum topic_family family, uint32_t number,
                         const char *name, const char *wanted)
{
    struct topic topic = topic_of(family, number, name);
    bool found;
    buf_reset(&world->out);
    assert_ok(view_state(&world->view, &topic, &world->out, &found));
    assert_int_equal(found, wanted[0] != 0);
    if (found && !slice_equal(buf_data(&world->out), slice_of_text(wanted))) {
        fail_msg("%.*s instead of %s", SLICE_ARGS(buf_data(&world->out)), wanted);
    }
}

/* ---- documents ---- */

static void a_thng_has_its_properties_behind_what_is_stored(void **state)
{
    struct world *world = *state;
    put_new(world, RESOURCE_THNG, THNG, HEAD(ID_1) ",\"commissioning\":{\"a\":1}}", "");
    assert_ok(apply(&world->bench));
    assert_shown(world, RESOURCE_THNG, THNG, HEAD(ID_1) ",\"properties\":{}}");
    world->view.flags = VIEW_CREATED;
    assert_shown(world, RESOURCE_THNG, THNG, HEAD(ID_1) "}");
    put_point(&world->bench, THNG, 12, "b", POINT_NEW_PROPERTY);
    put_point(&world->bench, THNG, 11, "a", POINT_NEW_PROPERTY);
    put_point(&world->bench, THNG, 99, "c", POINT_NEW_PROPERTY);
    put_point(&world->bench, THNG, 13, "", POINT_NEW_PROPERTY);
    assert_ok(apply(&world->bench));
    assert_shown(world, RESOURCE_THNG, THNG,
                 HEAD(ID_1) ",\"location\":{13},\"properties\":{\"a\":11,\"b\":12}}");
    world->view.flags = VIEW_SCOPES | VIEW_BARE;
    assert_shown(world, RESOURCE_THNG, THNG,
                 HEAD(ID_1) ",\"scopes\":{\"users\":[],\"projects\":[]}}");
}

static void joining_a_collection_counts_as_an_update(void **state)
{
    struct world *world = *state;
    put_new(world, RESOURCE_THNG, THNG, HEAD(ID_1) ",\"name\":\"x\"}", "");
    put_new(world, RESOURCE_COLLECTION, COLLECTION, HEAD(ID_3) "}", "");
    PUT_MEMBERS(&world->bench, MEMBERS_ADDED, 0, COLLECTION, RESOURCE_THNG, THNG, 0);
    assert_ok(apply(&world->bench));
    assert_shown(world, RESOURCE_THNG, THNG,
                 "{\"id\":\"" ID_1 "\",\"createdAt\":1600000000000,\"updatedAt\":1700000000000,"
                 "\"name\":\"x\",\"collections\":[\"" ID_3 "\"],\"properties\":{}}");
    assert_shown(world, RESOURCE_COLLECTION, COLLECTION, HEAD(ID_3) "}");
    put_document(&world->bench, OPERATION_UPDATED, RESOURCE_THNG, THNG,
                 "{\"id\":\"" ID_1 "\",\"createdAt\":1,\"updatedAt\":1800000000000}", "");
    assert_ok(apply(&world->bench));
    assert_shown(world, RESOURCE_THNG, THNG,
                 "{\"id\":\"" ID_1 "\",\"createdAt\":1,\"updatedAt\":1800000000000,"
                 "\"collections\":[\"" ID_3 "\"],\"properties\":{}}");
}

/* At once, though the thng's document is rewritten later. */
static void a_dead_product_is_not_shown(void **state)
{
    struct world *world = *state;
    const char *with = HEAD(ID_1) ",\"product\":\"" ID_2 "\",\"name\":\"x\",\"properties\":{}}";
    put_new(world, RESOURCE_PRODUCT, PRODUCT, HEAD(ID_2) "}", "");
    put_new(world, RESOURCE_THNG, THNG, HEAD(ID_1) ",\"product\":\"" ID_2 "\",\"name\":\"x\"}", "");
    assert_ok(apply(&world->bench));
    assert_shown(world, RESOURCE_THNG, THNG, with);
    put_deletion(&world->bench, RESOURCE_PRODUCT, PRODUCT);
    assert_ok(apply(&world->bench));
    assert_shown(world, RESOURCE_THNG, THNG, HEAD(ID_1) ",\"name\":\"x\",\"properties\":{}}");
}

static void kinds_are_not_mixed_up(void **state)
{
    struct world *world = *state;
    put_new(world, RESOURCE_THNG, THNG, HEAD(ID_1) "}", "");
    assert_ok(apply(&world->bench));
    assert_not_found(world, RESOURCE_PRODUCT, THNG);
    assert_not_found(world, RESOURCE_THNG, PRODUCT);
    world->actor.account = 2;
    assert_not_found(world, RESOURCE_THNG, THNG);
}

static void a_project_narrows(void **state)
{
    struct world *world = *state;
    put_new(world, RESOURCE_PROJECT, PROJECT, HEAD(ID_4) "}", "");
    put_new(world, RESOURCE_PRODUCT, PRODUCT, HEAD(ID_2) "}", IN_PROJECT);
    put_new(world, RESOURCE_THNG, THNG, HEAD(ID_1) "}", "");
    put_new(world, RESOURCE_COLLECTION, COLLECTION, HEAD(ID_3) "}",
            "{\"users\":[],\"projects\":[\"all\"]}");
    assert_ok(apply(&world->bench));
    world->project = id_of(PROJECT);
    assert_shown(world, RESOURCE_PRODUCT, PRODUCT, HEAD(ID_2) ",\"properties\":{}}");
    assert_not_found(world, RESOURCE_THNG, THNG);
    world->project = id_of(OTHER_PROJECT); /* there is none */
    assert_not_found(world, RESOURCE_PRODUCT, PRODUCT);
    assert_not_found(world, RESOURCE_COLLECTION, COLLECTION);
    world->project = id_of(THNG); /* that is no project */
    assert_not_found(world, RESOURCE_COLLECTION, COLLECTION);
    world->project = id_of(PROJECT);
    assert_shown(world, RESOURCE_COLLECTION, COLLECTION, HEAD(ID_3) "}");
    world->project = (struct id){0};
    world->actor.kind = ACTOR_TRUSTED;
    world->actor.id = id_of(APPLICATION);
    world->actor.project = id_of(PROJECT);
    assert_shown(world, RESOURCE_PRODUCT, PRODUCT, HEAD(ID_2) ",\"properties\":{}}");
    assert_not_found(world, RESOURCE_THNG, THNG);
    assert_true(id_equal(view_project(&world->view), &world->actor.project));
}

#define ACTION_TEXT \
    "{\"id\":\"" ID_7 "\",\"type\":\"scans\",\"timestamp\":5,\"createdAt\":6,\"thng\":\"" ID_1 "\""

static void put_action(struct world *world)
{
    put_new(world, RESOURCE_THNG, THNG, HEAD(ID_1) "}", "");
    put_new(world, RESOURCE_ACTION, ACTION, ACTION_TEXT ",\"context\":{\"city\":\"x\"}}", "");
    assert_ok(apply(&world->bench));
}

static void the_context_of_an_action_is_shown_when_asked_for(void **state)
{
    struct world *world = *state;
    put_action(world);
    assert_shown(world, RESOURCE_ACTION, ACTION, ACTION_TEXT "}");
    world->view.flags = VIEW_CONTEXT;
    assert_shown(world, RESOURCE_ACTION, ACTION, ACTION_TEXT ",\"context\":{\"city\":\"x\"}}");
}

static void a_device_sees_the_actions_on_its_thng(void **state)
{
    struct world *world = *state;
    put_action(world);
    world->actor.kind = ACTOR_DEVICE;
    world->actor.id = id_of(THNG);
    assert_shown(world, RESOURCE_ACTION, ACTION, ACTION_TEXT "}");
    world->actor.id = id_of(PRODUCT);
    assert_not_found(world, RESOURCE_ACTION, ACTION);
}

/* ---- states ---- */

static void states_of_properties(void **state)
{
    struct world *world = *state;
    put_new(world, RESOURCE_THNG, THNG, HEAD(ID_1) "}", "");
    assert_ok(apply(&world->bench));
    assert_state(world, TOPIC_THNG_PROPERTIES, THNG, "", "");
    assert_state(world, TOPIC_THNG_PROPERTY, THNG, "a", "");
    assert_state(world, TOPIC_THNG_LOCATION, THNG, "", "");
    put_point(&world->bench, THNG, 11, "a", POINT_NEW_PROPERTY);
    put_point(&world->bench, THNG, 12, "b", POINT_NEW_PROPERTY);
    put_point(&world->bench, THNG, 13, "", POINT_NEW_PROPERTY);
    assert_ok(apply(&world->bench));
#define ITEM "{\"createdAt\":1700000000000,\"timestamp\":1700000000000,"
    assert_state(world, TOPIC_THNG_PROPERTIES, THNG, "",
                 "[" ITEM "\"key\":\"a\",\"value\":11}," ITEM "\"key\":\"b\",\"value\":12}]");
    assert_state(world, TOPIC_THNG_PROPERTY, THNG, "b", "[" ITEM "\"key\":\"b\",\"value\":12}]");
    assert_state(world, TOPIC_THNG_LOCATION, THNG, "", "[" ITEM "13}]");
    assert_state(world, TOPIC_THNG, THNG, "", HEAD(ID_1) "}");
}

static void the_state_of_actions_is_the_latest(void **state)
{
    struct world *world = *state;
    put_action(world);
    assert_state(world, TOPIC_ACTIONS_ALL, 0, "", ACTION_TEXT "}");
    assert_state(world, TOPIC_ACTIONS, 0, "scans", ACTION_TEXT "}");
    assert_state(world, TOPIC_ACTIONS, 0, "shares", "");
    assert_state(world, TOPIC_THNG_ACTIONS, THNG, "scans", ACTION_TEXT "}");
    assert_state(world, TOPIC_THNG_ACTIONS_ALL, THNG, "", ACTION_TEXT "}");
    assert_state(world, TOPIC_ACTION_TYPES, 0, "", "");
    world->actor.kind = ACTOR_TRUSTED;
    world->actor.project = id_of(PROJECT);
    assert_state(world, TOPIC_ACTIONS_ALL, 0, "", "");
}

static void states_are_of_what_is_seen(void **state)
{
    struct world *world = *state;
    struct topic topic = topic_of(TOPIC_THNG_PROPERTIES, THNG, "");
    struct topic actions = topic_of(TOPIC_ACTIONS_ALL, 0, "");
    bool found;
    put_new(world, RESOURCE_THNG, THNG, HEAD(ID_1) "}", "");
    assert_ok(apply(&world->bench));
    world->actor.kind = ACTOR_DEVICE;
    world->actor.id = id_of(PRODUCT);
    ASSERT_ERR(view_state(&world->view, &topic, &world->out, &found), NOT_FOUND);
    world->actor = (struct actor){.kind = ACTOR_OPERATOR, .account = ACCOUNT};
    world->project = id_of(OTHER_PROJECT);
    ASSERT_ERR(view_state(&world->view, &actions, &world->out, &found), NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_thng_has_its_properties_behind_what_is_stored),
        T(joining_a_collection_counts_as_an_update),
        T(a_dead_product_is_not_shown),
        T(kinds_are_not_mixed_up),
        T(a_project_narrows),
        T(the_context_of_an_action_is_shown_when_asked_for),
        T(a_device_sees_the_actions_on_its_thng),
        T(states_of_properties),
        T(the_state_of_actions_is_the_latest),
        T(states_are_of_what_is_seen),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

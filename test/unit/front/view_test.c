/* SPDX-License-Identifier: Apache-2.0
 *
 * What GET shows, over documents of the test's own. The samples of properties are made up here: the
 * latest value of property <n> is n. Linked in place of the real ones. */
#include "front/view_state.h"
#include "unit/store/writer_fixture.h"

#include "model/grant.h"
#include "store/store.h"

#define THNG 1
#define PRODUCT 2
#define COLLECTION 3
#define PROJECT 4
#define OTHER_PROJECT 5
#define APPLICATION 6
#define ACTION 7
#define TYPE 8
#define USER 9
#define ROLE 10
#define OPERATOR 11
#define THE_ACCOUNT 12
#define OTHER_USER 13

#define HEAD(number) \
    "{\"id\":\"" number "\",\"createdAt\":1600000000000,\"updatedAt\":1600000000001"
#define ID_1 "U00000000000000000000001"
#define ID_2 "U00000000000000000000002"
#define ID_3 "U00000000000000000000003"
#define ID_4 "U00000000000000000000004"
#define ID_5 "U00000000000000000000005"
#define ID_7 "U00000000000000000000007"
#define ID_9 "U00000000000000000000009"
#define ID_10 "U00000000000000000000010"
#define ID_11 "U00000000000000000000011"
#define ID_12 "U00000000000000000000012"
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

/* Nor is a project that was deleted, before the scopes that name it are rewritten. */
static void a_dead_project_is_not_shown(void **state)
{
    struct world *world = *state;
    put_new(world, RESOURCE_PROJECT, PROJECT, HEAD(ID_4) "}", "");
    put_new(world, RESOURCE_PROJECT, OTHER_PROJECT, HEAD(ID_5) "}", "");
    put_new(world, RESOURCE_COLLECTION, COLLECTION, HEAD(ID_3) "}",
            "{\"users\":[\"all\"],\"projects\":[\"" ID_4 "\",\"" ID_5 "\"]}");
    world->view.flags = VIEW_SCOPES | VIEW_BARE;
    assert_ok(apply(&world->bench));
    assert_shown(world, RESOURCE_COLLECTION, COLLECTION,
                 HEAD(ID_3) ",\"scopes\":{\"users\":[\"all\"],\"projects\":[\"" ID_4 "\",\"" ID_5
                            "\"]}}");
    put_deletion(&world->bench, RESOURCE_PROJECT, PROJECT);
    assert_ok(apply(&world->bench));
    assert_shown(world, RESOURCE_COLLECTION, COLLECTION,
                 HEAD(ID_3) ",\"scopes\":{\"users\":[\"all\"],\"projects\":[\"" ID_5 "\"]}}");
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

/* ---- who may what ---- */

/* May read and list thngs in that project alone; and sees products everywhere. */
static struct grant *limited_grant(const struct id *project)
{
    struct grant_draft draft = {0};
    struct perm_rights here = {0};
    struct perm_rights everywhere = {0};
    here.operations[PERM_THNG] = PERM_READ;
    here.operations[PERM_THNGS] = PERM_LIST;
    everywhere.operations[PERM_PRODUCTS] = PERM_READ;
    grant_draft_add(&draft, GRANT_PROJECTS, &here, project, 1);
    grant_draft_add(&draft, GRANT_ALL, &everywhere, NULL, 0);
    struct grant *grant = grant_new(&draft, ACTOR_OPERATOR);
    assert_non_null(grant);
    grant_draft_deinit(&draft);
    return grant;
}

static void assert_denied(struct world *world, enum resource_kind kind, uint32_t number)
{
    struct id id = id_of(number);
    buf_reset(&world->out);
    ASSERT_ERR(view_resource(&world->view, kind, &id, &world->out), DENIED);
}

static void what_is_seen_may_be_out_of_a_roles_reach(void **state)
{
    struct world *world = *state;
    struct id project = id_of(PROJECT);
    struct grant *grant = limited_grant(&project);
    put_new(world, RESOURCE_THNG, THNG, HEAD(ID_1) "}", IN_PROJECT);
    put_new(world, RESOURCE_THNG, TYPE, HEAD(ID_7) "}", "");
    assert_ok(apply(&world->bench));
    world->actor.grant = grant;
    world->view.subject = PERM_THNG;
    world->view.operation = PERM_READ;
    assert_shown(world, RESOURCE_THNG, THNG, HEAD(ID_1) ",\"properties\":{}}");
    assert_denied(world, RESOURCE_THNG, TYPE);
    world->view.operation = PERM_UPDATE;
    assert_denied(world, RESOURCE_THNG, THNG);
    world->view.operation = 0; /* it is only referred to */
    assert_shown(world, RESOURCE_THNG, TYPE, HEAD(ID_7) ",\"properties\":{}}");
    free(grant);
}

static void lists_are_narrowed_to_what_may_be_listed(void **state)
{
    struct world *world = *state;
    struct id project = id_of(PROJECT);
    struct grant *grant = limited_grant(&project);
    struct documents_query query = {.kind = RESOURCE_THNG};
    struct perm_reach reach;
    world->view.subject = PERM_THNGS;
    assert_true(view_narrow(&world->view, &query, &reach));
    assert_null(query.project);
    assert_int_equal(query.reach_count + query.viewer_count, 0);
    world->actor.grant = grant;
    assert_true(view_narrow(&world->view, &query, &reach));
    assert_int_equal(query.reach_count, 1);
    assert_true(id_equal(query.reach, &project));
    world->view.subject = PERM_PRODUCTS;
    query.kind = RESOURCE_PRODUCT;
    assert_false(view_narrow(&world->view, &query, &reach));
    world->actor = (struct actor){
        .kind = ACTOR_USER,
        .account = ACCOUNT,
        .id = id_of(USER),
        .project = project,
    };
    assert_true(view_narrow(&world->view, &query, &reach));
    assert_true(id_equal(query.project, &project));
    assert_int_equal(query.reach_count, 0);
    assert_int_equal(query.viewer_count, 1);
    assert_true(id_equal(query.viewers, &world->actor.id));
    free(grant);
}

static void what_is_hidden_of_users_and_roles_is_never_shown(void **state)
{
    struct world *world = *state;
    put_new(world, RESOURCE_USER, USER,
            HEAD(ID_9) ",\"email\":\"a@b\",\"credentials\":{\"password\":\"$argon2id$\"}}",
            "{\"users\":[\"" ID_9 "\"],\"projects\":[\"" ID_4 "\"]}");
    put_new(world, RESOURCE_ROLE, ROLE,
            HEAD(ID_10) ",\"name\":\"x\",\"permissions\":[{\"path\":\"/thngs\"}]}", "");
    assert_ok(apply(&world->bench));
    world->view.flags = VIEW_CONTEXT;
    assert_shown(world, RESOURCE_USER, USER, HEAD(ID_9) ",\"email\":\"a@b\"}");
    assert_shown(world, RESOURCE_ROLE, ROLE, HEAD(ID_10) ",\"name\":\"x\"}");
    world->actor.kind = ACTOR_USER;
    world->actor.id = id_of(USER);
    world->actor.project = id_of(PROJECT);
    assert_shown(world, RESOURCE_USER, USER, HEAD(ID_9) ",\"email\":\"a@b\"}");
    world->actor.id = id_of(OTHER_USER);
    assert_not_found(world, RESOURCE_USER, USER);
}

/* A client of the original takes its document to itself, where `role` is a method. */
static void a_role_is_not_shown_to_whose_it_is(void **state)
{
    struct world *world = *state;
    put_new(world, RESOURCE_USER, USER, HEAD(ID_9) ",\"role\":\"none\",\"email\":\"a@b\"}",
            "{\"users\":[\"" ID_9 "\"],\"projects\":[\"" ID_4 "\"]}");
    put_new(world, RESOURCE_OPERATOR, OPERATOR,
            HEAD(ID_11) ",\"email\":\"a@b\",\"role\":\"admin\"}", "");
    assert_ok(apply(&world->bench));
    assert_shown(world, RESOURCE_USER, USER, HEAD(ID_9) ",\"role\":\"none\",\"email\":\"a@b\"}");
    assert_shown(world, RESOURCE_OPERATOR, OPERATOR, HEAD(ID_11) ",\"email\":\"a@b\"}");
    world->actor.kind = ACTOR_USER;
    world->actor.id = id_of(USER);
    world->actor.project = id_of(PROJECT);
    assert_shown(world, RESOURCE_USER, USER, HEAD(ID_9) ",\"email\":\"a@b\"}");
}

/* ---- operators as those who have access ---- */

#define ACCESS_OF(operator_id) \
    "\"id\":\"" operator_id "\",\"account\":\"" ID_12 "\",\"operator\":\"" operator_id "\""

static void open_keyring(struct world *world, struct keyring **keyring)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/secret", world->bench.folder);
    assert_ok(keyring_open(path, keyring));
    unlink(path);
    world->view.keyring = *keyring;
}

static void put_operator(struct world *world, const char *members)
{
    char text[256];
    snprintf(text, sizeof(text), HEAD(ID_11) "%s}", members);
    put_new(world, RESOURCE_OPERATOR, OPERATOR, text, "");
    assert_ok(apply(&world->bench));
}

static void put_operator_key(struct world *world, const struct keyring *keyring)
{
    struct buf sealed = {0};
    uint8_t hash[KEY_HASH_BYTES] = {1};
    struct id id = id_of(OPERATOR);
    keyring_seal(keyring, SLICE("thekey"), &sealed);
    group_write_key(&world->bench.group, ACCOUNT, OPERATION_CREATED, KEY_OPERATOR, &id, hash,
                    buf_data(&sealed));
    assert_ok(apply(&world->bench));
    buf_deinit(&sealed);
}

static void an_operator_is_shown_by_its_role_and_key(void **state)
{
    struct world *world = *state;
    struct keyring *keyring;
    struct id project = id_of(PROJECT);
    struct grant *grant = limited_grant(&project);
    open_keyring(world, &keyring);
    put_new(world, RESOURCE_ACCOUNT, THE_ACCOUNT, HEAD(ID_12) "}", "");
    put_operator(world, ",\"email\":\"a@b\"");
    put_operator_key(world, keyring);
    world->view.flags = VIEW_ACCOUNT_ACCESS;
    assert_shown(world, RESOURCE_OPERATOR, OPERATOR,
                 "{" ACCESS_OF(ID_11) ",\"apiKey\":\"thekey\",\"role\":\"admin\"}");
    world->actor.id = id_of(OPERATOR);
    world->actor.grant = grant; /* no administrator: no keys */
    assert_shown(world, RESOURCE_OPERATOR, OPERATOR, "{" ACCESS_OF(ID_11) ",\"role\":\"admin\"}");
    put_document(&world->bench, OPERATION_UPDATED, RESOURCE_OPERATOR, OPERATOR,
                 HEAD(ID_11) ",\"role\":\"none\",\"policies\":[\"" ID_2 "\"]}", "");
    assert_ok(apply(&world->bench));
    assert_shown(world, RESOURCE_OPERATOR, OPERATOR, "{" ACCESS_OF(ID_11) ",\"role\":\"none\"}");
    free(grant);
    keyring_close(keyring);
}

static void an_operator_with_policies_is_shown_with_them(void **state)
{
    struct world *world = *state;
    put_new(world, RESOURCE_ACCOUNT, THE_ACCOUNT, HEAD(ID_12) "}", "");
    put_operator(world, ",\"email\":\"a@b\",\"policies\":[\"" ID_2 "\"]");
    world->view.flags = VIEW_ACCOUNT_ACCESS;
    assert_shown(world, RESOURCE_OPERATOR, OPERATOR, "{" ACCESS_OF(ID_11) "}");
    world->view.flags = VIEW_OPERATOR_ACCESS;
    assert_shown(world, RESOURCE_OPERATOR, OPERATOR,
                 HEAD(ID_11) ",\"email\":\"a@b\",\"policies\":[\"" ID_2 "\"],\"account\":\"" ID_12
                             "\",\"operator\":\"" ID_11 "\"}");
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

/* A state is what a subscription would be told: it needs the same right. */
static void states_are_of_what_may_be_subscribed(void **state)
{
    struct world *world = *state;
    struct id project = id_of(PROJECT);
    struct grant *grant = limited_grant(&project);
    struct topic thng = topic_of(TOPIC_THNG, THNG, "");
    struct topic properties = topic_of(TOPIC_THNG_PROPERTIES, THNG, "");
    bool found;
    put_new(world, RESOURCE_THNG, THNG, HEAD(ID_1) "}", IN_PROJECT);
    assert_ok(apply(&world->bench));
    world->actor.grant = grant;
    assert_ok(view_state(&world->view, &thng, &world->out, &found));
    assert_true(found);
    ASSERT_ERR(view_state(&world->view, &properties, &world->out, &found), DENIED);
    free(grant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_thng_has_its_properties_behind_what_is_stored),
        T(joining_a_collection_counts_as_an_update),
        T(a_dead_product_is_not_shown),
        T(a_dead_project_is_not_shown),
        T(kinds_are_not_mixed_up),
        T(a_project_narrows),
        T(the_context_of_an_action_is_shown_when_asked_for),
        T(a_device_sees_the_actions_on_its_thng),
        T(what_is_seen_may_be_out_of_a_roles_reach),
        T(lists_are_narrowed_to_what_may_be_listed),
        T(what_is_hidden_of_users_and_roles_is_never_shown),
        T(a_role_is_not_shown_to_whose_it_is),
        T(an_operator_is_shown_by_its_role_and_key),
        T(an_operator_with_policies_is_shown_with_them),
        T(states_of_properties),
        T(the_state_of_actions_is_the_latest),
        T(states_are_of_what_is_seen),
        T(states_are_of_what_may_be_subscribed),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

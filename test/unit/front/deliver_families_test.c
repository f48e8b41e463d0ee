/* SPDX-License-Identifier: Apache-2.0
 *
 * Which topics each kind of change fires on, with what, and who hears of it (contract: pub/sub 3
 * and 4). */
#include "front/fire.h"
#include "front/front.h"

#include "deliver_fixture.h"

#define A "UaBcDeFgHkMnPqRsTwXyAaBb"
#define P "UpBcDeFgHkMnPqRsTwXyAaBb"
#define C "UcBcDeFgHkMnPqRsTwXyAaBb"
#define Q "UqBcDeFgHkMnPqRsTwXyAaBb"
#define X "UxBcDeFgHkMnPqRsTwXyAaBb"
#define T "UtBcDeFgHkMnPqRsTwXyAaBb"
#define Y "UyBcDeFgHkMnPqRsTwXyAaBb"
#define AT "1700000000000"

static const struct id PRODUCT = {.text = P};
static const struct id COLLECTION = {.text = C};
static const struct id TASK = {.text = T};
static const struct id ACTION = {.text = Y};
static const struct id PROJECT = {.text = Q};

#define IN_PROJECT "{\"users\":[\"all\"],\"projects\":[\"" Q "\"]}"

static struct actor application_of(const struct id *project)
{
    return (struct actor){
        .kind = ACTOR_TRUSTED,
        .account = ACCOUNT,
        .id = {.text = "UeBcDeFgHkMnPqRsTwXyAaBb"},
        .project = *project,
    };
}

static void put_document(struct world *world, enum event_operation operation,
                         enum resource_kind kind, const struct id *id, const char *text,
                         const char *scopes)
{
    group_write_document(&world->writer, ACCOUNT, operation, kind, id, slice_of_text(text),
                         slice_of_text(scopes));
}

/* One document event in a group of its own. */
static void document_event(struct world *world, enum event_operation operation,
                           enum resource_kind kind, const struct id *id, const char *text,
                           const char *scopes)
{
    begin(world);
    put_document(world, operation, kind, id, text, scopes);
    publish(world);
    front_drain(&world->front);
}

/* ---- products ---- */

static void test_points_of_a_product(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, "/products/" P "/properties");
    subscribe(client, "/products/" P "/properties/temp");
    subscribe(client, "/thngs/" P "/properties");
    struct point point = point_of(1, "temp", "1");
    group_write_points(begin(world), ACCOUNT, RESOURCE_PRODUCT, &PRODUCT, (struct slice){0}, 0,
                       &point, 1);
    publish(world);
    front_drain(&world->front);
    assert_got(client, LINE("1", "/products/" P "/properties", "[" ITEM("temp", "1") "]")
                           LINE("1", "/products/" P "/properties/temp", "[" ITEM("temp", "1") "]"));
}

/* ---- actions ---- */

#define ACTION_TEXT(targets) \
    "{\"id\":\"" Y "\",\"type\":\"_open\",\"timestamp\":" AT ",\"createdAt\":" AT targets "}"
#define WITH_CONTEXT(targets)                                                             \
    "{\"id\":\"" Y "\",\"type\":\"_open\",\"timestamp\":" AT ",\"createdAt\":" AT targets \
    ",\"context\":{\"ipAddress\":\"::1\"}}"

static void subscribe_to_all_actions(struct client *client)
{
    static const char *const roots[] = {"", "/thngs/" A, "/products/" P, "/collections/" C};
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        char topic[128];
        static const char *const types[] = {"_open", "all", "_other"};
        for (size_t k = 0; k < ARRAY_LEN(types); k++) {
            snprintf(topic, sizeof(topic), "%s/actions/%s", roots[i], types[k]);
            subscribe(client, topic);
        }
    }
}

static void test_action_without_target(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe_to_all_actions(client);
    document_event(world, OPERATION_CREATED, RESOURCE_ACTION, &ACTION, WITH_CONTEXT(""), "");
    assert_got(client, LINE("1", "/actions/all", ACTION_TEXT(""))
                           LINE("1", "/actions/_open", ACTION_TEXT("")));
}

/* The thng's product is named by the document; the collections it is in are not. */
static void test_action_on_a_thng_with_product(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe_to_all_actions(client);
#define ON_THNG ",\"thng\":\"" A "\",\"product\":\"" P "\""
    document_event(world, OPERATION_CREATED, RESOURCE_ACTION, &ACTION, WITH_CONTEXT(ON_THNG), "");
    assert_got(client,
               LINE("1", "/actions/all", ACTION_TEXT(ON_THNG)) LINE("1", "/actions/_open",
                                                                    ACTION_TEXT(ON_THNG))
                   LINE("1", "/thngs/" A "/actions/all", ACTION_TEXT(ON_THNG))
                       LINE("1", "/thngs/" A "/actions/_open", ACTION_TEXT(ON_THNG))
                           LINE("1", "/products/" P "/actions/all", ACTION_TEXT(ON_THNG))
                               LINE("1", "/products/" P "/actions/_open", ACTION_TEXT(ON_THNG)));
}

static void test_action_on_a_collection(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe_to_all_actions(client);
#define ON_COLLECTION ",\"collection\":\"" C "\""
    document_event(world, OPERATION_CREATED, RESOURCE_ACTION, &ACTION, ACTION_TEXT(ON_COLLECTION),
                   "");
    assert_got(client,
               LINE("1", "/actions/all", ACTION_TEXT(ON_COLLECTION))
                   LINE("1", "/actions/_open", ACTION_TEXT(ON_COLLECTION))
                       LINE("1", "/collections/" C "/actions/all", ACTION_TEXT(ON_COLLECTION)) LINE(
                           "1", "/collections/" C "/actions/_open", ACTION_TEXT(ON_COLLECTION)));
}

static void test_deleted_action_fires_nothing(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe_to_all_actions(client);
    document_event(world, OPERATION_DELETED, RESOURCE_ACTION, &ACTION, "", "");
    assert_got(client, "");
}

/* Applications hear of what their project sees, devices of their own thng, an operator who names a
 * project of what is visible in it. */
static void test_who_hears_of_an_action(void **state)
{
    struct world *world = *state;
    struct client *application = &world->clients[0];
    struct client *other = &world->clients[1];
    struct client *device = &world->clients[2];
    struct client *narrowed = &world->clients[3];
    const struct actor of_project = application_of(&PROJECT);
    const struct actor of_other = application_of(&COLLECTION);
    const struct actor of_thng = {.kind = ACTOR_DEVICE, .account = ACCOUNT, .id = THNG_A};
    const struct actor operator= operator_of(ACCOUNT);
    subscribe_as(application, "/actions/all", &of_project, 0);
    subscribe_as(other, "/actions/all", &of_other, 0);
    subscribe_as(device, "/thngs/" A "/actions/all", &of_thng, 0);
    subscribe_as(narrowed, "/actions/all?project=" Q, &operator, 0);
#define ON_A ",\"thng\":\"" A "\""
    document_event(world, OPERATION_CREATED, RESOURCE_ACTION, &ACTION, ACTION_TEXT(ON_A), "");
    assert_got(application, "");
    assert_got(other, "");
    assert_got(narrowed, "");
    assert_got(device, LINE("1", "/thngs/" A "/actions/all", ACTION_TEXT(ON_A)));
    document_event(world, OPERATION_CREATED, RESOURCE_ACTION, &ACTION, ACTION_TEXT(ON_A),
                   IN_PROJECT);
    assert_got(application, LINE("2", "/actions/all", ACTION_TEXT(ON_A)));
    assert_got(other, "");
    assert_got(narrowed, LINE("2", "/actions/all?project=" Q, ACTION_TEXT(ON_A)));
}

/* ---- action types ---- */

#define TYPE_TEXT "{\"id\":\"" Y "\",\"name\":\"_open\"}"

static void test_action_types(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct id type = id_of_name(ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_open"));
    subscribe(client, "/actions");
    subscribe(client, "actions/_open");
    subscribe(client, "/actions/_other");
    subscribe(client, "/actions/all");
    document_event(world, OPERATION_CREATED, RESOURCE_ACTION_TYPE, &type, TYPE_TEXT, "");
    assert_got(client, LINE("1", "/actions", TYPE_TEXT));
    document_event(world, OPERATION_UPDATED, RESOURCE_ACTION_TYPE, &type, TYPE_TEXT, "");
    assert_got(client, "");
    document_event(world, OPERATION_DELETED, RESOURCE_ACTION_TYPE, &type, TYPE_TEXT, "");
    assert_got(client,
               LINE("3", "actions/_open",
                    "{\"operation\":\"deleted\",\"timestamp\":" AT ",\"resources\":[\"_open\"]}"));
    assert_true(client->got_last);
}

/* ---- collections ---- */

static void test_collections(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, "/collections/" C);
    subscribe(client, "/collections/" C "/thngs");
    document_event(world, OPERATION_CREATED, RESOURCE_COLLECTION, &COLLECTION, "{\"name\":\"a\"}",
                   "");
    assert_got(client, "");
    document_event(world, OPERATION_UPDATED, RESOURCE_COLLECTION, &COLLECTION, "{\"name\":\"b\"}",
                   "");
    assert_got(client, LINE("2", "/collections/" C, "{\"name\":\"b\"}"));
    document_event(world, OPERATION_DELETED, RESOURCE_COLLECTION, &COLLECTION, "", "");
    assert_got(client,
               LINE("3", "/collections/" C,
                    "{\"operation\":\"deleted\",\"timestamp\":" AT ",\"resources\":[\"" C "\"]}"));
    assert_true(client->got_last);
}

static void put_members(struct world *world, enum member_change change, enum resource_kind kind,
                        uint32_t count)
{
    const struct id ids[] = {THNG_A, THNG_B};
    group_write_members(&world->writer, ACCOUNT, change, 0, &COLLECTION, (struct slice){0}, kind,
                        ids, count);
}

#define MEMBERS_NOTICE(operation, ids) \
    "{\"operation\":\"" operation "\",\"timestamp\":" AT ",\"resources\":[" ids "]}"

static void test_members(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    const char *topic = "/collections/" C "/thngs";
    subscribe(client, topic);
    subscribe(client, "/collections/" C);
    begin(world);
    put_members(world, MEMBERS_ADDED, RESOURCE_THNG, 2);
    put_members(world, MEMBERS_REMOVED, RESOURCE_THNG, 1);
    put_members(world, MEMBERS_CLEARED, RESOURCE_THNG, 1);
    put_members(world, MEMBERS_ADDED, RESOURCE_COLLECTION, 1);
    publish(world);
    front_drain(&world->front);
#define B_ID "UaBcDeFgHkMnPqRsTwXyAaBc"
    assert_got(
        client,
        LINE("1", "/collections/" C "/thngs",
             MEMBERS_NOTICE("thngsAdded", "\"" A "\",\"" B_ID "\""))
            LINE("2", "/collections/" C "/thngs", MEMBERS_NOTICE("thngsRemoved", "\"" A "\""))
                LINE("3", "/collections/" C "/thngs", MEMBERS_NOTICE("thngsCleared", "\"" A "\"")));
}

/* ---- tasks ---- */

#define TASK_TEXT(status) "{\"id\":\"" T "\",\"batch\":\"" X "\",\"status\":\"" status "\"}"

static void test_tasks_fire_when_they_end(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, "/batches/" X "/tasks/" T);
    subscribe(client, "/batches/" X "/tasks");
    document_event(world, OPERATION_CREATED, RESOURCE_TASK, &TASK, TASK_TEXT("PENDING"), "");
    document_event(world, OPERATION_UPDATED, RESOURCE_TASK, &TASK, TASK_TEXT("EXECUTING"), "");
    assert_got(client, "");
    document_event(world, OPERATION_UPDATED, RESOURCE_TASK, &TASK, TASK_TEXT("FAILED"), "");
    assert_got(client, LINE("3", "/batches/" X "/tasks", TASK_TEXT("FAILED"))
                           LINE("3", "/batches/" X "/tasks/" T, TASK_TEXT("FAILED")));
}

/* ---- thngs ---- */

static void test_hidden_member_stays_hidden(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_THNG);
    document_event(world, OPERATION_UPDATED, RESOURCE_THNG, &THNG_A,
                   "{\"name\":\"b\",\"commissioning\":{\"state\":\"commissioned\"}}", "");
    assert_got(client, LINE("1", A_THNG, "{\"name\":\"b\"}"));
}

/* Whoever has been let in and sees the thng no longer is told neither of its updates nor of its
 * end. */
static void test_documents_are_judged_by_their_scopes(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    const struct actor of_project = application_of(&PROJECT);
    subscribe_as(client, A_THNG, &of_project, 0);
    subscribe_as(client, A_TEMP, &of_project, 0);
    document_event(world, OPERATION_UPDATED, RESOURCE_THNG, &THNG_A, "{\"name\":\"a\"}",
                   IN_PROJECT);
    document_event(world, OPERATION_UPDATED, RESOURCE_THNG, &THNG_A, "{\"name\":\"b\"}", "");
    document_event(world, OPERATION_DELETED, RESOURCE_THNG, &THNG_A, "", "");
    assert_got(client, LINE("1", A_THNG, "{\"name\":\"a\"}"));
    document_event(world, OPERATION_DELETED, RESOURCE_THNG, &THNG_A, "", IN_PROJECT);
    assert_true(client->got_last);
}

/* Points tell no scopes: what the thng's last document said counts. */
static void test_points_are_judged_by_the_scopes_of_their_thng(void **state)
{
    struct world *world = *state;
    struct client *application = &world->clients[0];
    struct client *narrowed = &world->clients[1];
    struct client *operator= & world->clients[2];
    const struct actor of_project = application_of(&PROJECT);
    const struct actor of_operator = operator_of(ACCOUNT);
    subscribe_as(application, A_TEMP, &of_project, 0);
    subscribe_as(narrowed, A_TEMP "?project=" Q, &of_operator, 0);
    subscribe_as(operator, A_TEMP, &of_operator, 0);
    publish_temp(world, "1");
    document_event(world, OPERATION_UPDATED, RESOURCE_THNG, &THNG_A, "{\"name\":\"b\"}", "");
    publish_temp(world, "2");
    document_event(world, OPERATION_UPDATED, RESOURCE_THNG, &THNG_B, "{\"name\":\"b\"}",
                   IN_PROJECT);
    publish_temp(world, "3");
    document_event(world, OPERATION_UPDATED, RESOURCE_THNG, &THNG_A, "{\"name\":\"b\"}",
                   IN_PROJECT);
    publish_temp(world, "4");
    front_drain(&world->front);
    assert_got(application, LINE("1", A_TEMP, "[" ITEM("temp", "1") "]")
                                LINE("7", A_TEMP, "[" ITEM("temp", "4") "]"));
    assert_got(narrowed, LINE("1", A_TEMP "?project=" Q, "[" ITEM("temp", "1") "]")
                             LINE("7", A_TEMP "?project=" Q, "[" ITEM("temp", "4") "]"));
    assert_got(operator, LINE("1", A_TEMP, "[" ITEM("temp", "1") "]")
                   LINE("3", A_TEMP, "[" ITEM("temp", "2") "]")
                       LINE("5", A_TEMP, "[" ITEM("temp", "3") "]")
                           LINE("7", A_TEMP, "[" ITEM("temp", "4") "]"));
}

/* A subscription that is made again has been judged again; one that is gone is watched no more. */
static void test_watches_come_and_go_with_subscriptions(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct subs *subs = &world->front.subs;
    const struct actor of_project = application_of(&PROJECT);
    const struct actor of_operator = operator_of(ACCOUNT);
    subscribe_as(client, A_TEMP, &of_operator, 0);
    subscribe_as(client, "/actions/all?project=" Q, &of_operator, 0);
    assert_null(subs_watch_find(subs, &THNG_A));
    struct subscription *first = subscribe_as(client, A_HUM, &of_project, 0);
    struct subscription *second = subscribe_as(client, A_ALL, &of_project, 0);
    assert_ptr_equal(subs_watch_find(subs, &THNG_A), first->watch);
    assert_ptr_equal(first->watch, second->watch);
    document_event(world, OPERATION_UPDATED, RESOURCE_THNG, &THNG_A, "{\"name\":\"b\"}", "");
    assert_true(first->is_hidden && second->is_hidden);
    assert_ptr_equal(subscribe_as(client, A_HUM, &of_project, 0), first);
    assert_false(first->is_hidden);
    assert_true(second->is_hidden);
    subs_remove(subs, first);
    assert_non_null(subs_watch_find(subs, &THNG_A));
    subs_remove(subs, second);
    assert_null(subs_watch_find(subs, &THNG_A));
}

/* ---- the end of a resource that has no topic of its own ---- */

static void subscribe_to_end(struct client *client, const struct actor *actor)
{
    const struct topic end = fire_end_of(&PRODUCT);
    const struct subs_wish wish = {
        .session = &client->session,
        .topic = &end,
        .actor = actor,
        .text = SLICE(""),
        .qos = 1,
        .first_sequence = 1,
    };
    struct subscription *subscription;
    MUST(subs_add(&client->world->front.subs, &wish, &subscription));
}

/* Also for who does not see it any more: there is nothing to wait for. */
static void test_end_of_a_product(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct client *application = &world->clients[1];
    const struct actor operator= operator_of(ACCOUNT);
    const struct actor of_project = application_of(&PROJECT);
    subscribe_to_end(client, &operator);
    subscribe_to_end(application, &of_project);
    document_event(world, OPERATION_UPDATED, RESOURCE_PRODUCT, &PRODUCT, "{\"name\":\"a\"}", "");
    assert_got(client, "");
    document_event(world, OPERATION_DELETED, RESOURCE_PRODUCT, &PRODUCT, "", "");
    assert_got(client, LINE("2", "", ""));
    assert_true(client->got_last);
    assert_true(application->got_last);
}

/* ---- catching up ---- */

static void test_catching_up_fires_the_same(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct id type = id_of_name(ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_open"));
    subscribe_to_all_actions(client);
    subscribe(client, "/actions");
    subscribe(client, "/collections/" C "/thngs");
    client->room = 0;
    document_event(world, OPERATION_CREATED, RESOURCE_ACTION_TYPE, &type, TYPE_TEXT, "");
    document_event(world, OPERATION_CREATED, RESOURCE_ACTION, &ACTION, ACTION_TEXT(""), "");
    begin(world);
    put_members(world, MEMBERS_ADDED, RESOURCE_THNG, 1);
    put_document(world, OPERATION_DELETED, RESOURCE_ACTION_TYPE, &type, TYPE_TEXT, "");
    publish(world);
    front_drain(&world->front);
    assert_got(client, "");
    for (unsigned i = 0; i < 5; i++) {
        client->room = 1;
        catch_up(client);
    }
    assert_false(client->session.is_behind);
    assert_got(client, LINE("1", "/actions", TYPE_TEXT) LINE("2", "/actions/all", ACTION_TEXT(""))
                           LINE("2", "/actions/_open", ACTION_TEXT(""))
                               LINE("3", "/collections/" C "/thngs",
                                    MEMBERS_NOTICE("thngsAdded", "\"" A "\""))
                                   LINE("4", "/actions/_open",
                                        "{\"operation\":\"deleted\",\"timestamp\":" AT
                                        ",\"resources\":[\"_open\"]}"));
}

/* A session is stopped in the middle of an event, behind the first of its subscriptions; then that
 * one is let in no more. Whoever comes behind it must not be taken for one that has had the event.
 */
static void test_scopes_change_in_the_middle_of_an_event(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    const struct actor of_project = application_of(&PROJECT);
    const struct actor of_operator = operator_of(ACCOUNT);
    subscribe_as(client, A_TEMP, &of_project, 0);
    subscribe_as(client, A_TEMP "?pubStates=0", &of_operator, 0);
    client->room = 1;
    publish_temp(world, "1");
    document_event(world, OPERATION_UPDATED, RESOURCE_THNG, &THNG_A, "{\"name\":\"b\"}", "");
    assert_got(client, LINE("1", A_TEMP, "[" ITEM("temp", "1") "]"));
    client->room = 1;
    catch_up(client);
    assert_got(client, LINE("1", A_TEMP "?pubStates=0", "[" ITEM("temp", "1") "]"));
    assert_false(client->session.is_behind);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_points_of_a_product),
        TEST(test_action_without_target),
        TEST(test_action_on_a_thng_with_product),
        TEST(test_action_on_a_collection),
        TEST(test_deleted_action_fires_nothing),
        TEST(test_who_hears_of_an_action),
        TEST(test_action_types),
        TEST(test_collections),
        TEST(test_members),
        TEST(test_tasks_fire_when_they_end),
        TEST(test_hidden_member_stays_hidden),
        TEST(test_documents_are_judged_by_their_scopes),
        TEST(test_points_are_judged_by_the_scopes_of_their_thng),
        TEST(test_watches_come_and_go_with_subscriptions),
        TEST(test_end_of_a_product),
        TEST(test_catching_up_fires_the_same),
        TEST(test_scopes_change_in_the_middle_of_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

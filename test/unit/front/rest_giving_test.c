/* SPDX-License-Identifier: Apache-2.0
 *
 * Nobody gives more than they hold: the judging of policies, tokens and operators, over documents
 * of the test's own. */
#include "front/rest_giving.h"
#include "unit/store/writer_fixture.h"

#include "model/grant.h"
#include "model/role.h"

#define READING 1 /* policies */
#define WRITING 2
#define OF_ANOTHER_KIND 3
#define TOKEN 4
#define MEMBER 5 /* operators */
#define ADMINISTRATOR 6

#define HEAD(number) "{\"id\":\"" number "\",\"createdAt\":1,\"updatedAt\":1"
#define ID_1 "U00000000000000000000001"
#define ID_2 "U00000000000000000000002"
#define ID_3 "U00000000000000000000003"
#define ID_4 "U00000000000000000000004"
#define ID_5 "U00000000000000000000005"
#define ID_6 "U00000000000000000000006"
#define PLACE "U00000000000000000000021"
#define OTHER_PLACE "U00000000000000000000022"

struct world {
    struct bench bench;
    struct reader reader;
    struct actor actor;
    struct grant *grant;
};

/* What reading thngs gives; in these places, when there are any. */
static struct grant *reading_grant(const char *place)
{
    struct grant_draft draft = {0};
    struct perm_rights rights = {0};
    struct id id;
    assert_ok(policy_add(SLICE("thngs:read,list"), &rights));
    grant_draft_add(&draft, GRANT_ALL, &rights, NULL, 0);
    if (place != NULL) {
        assert_true(id_parse(slice_of_text(place), &id));
        grant_draft_limit(&draft, &id);
    }
    struct grant *grant = grant_new(&draft, ACTOR_OPERATOR);
    assert_non_null(grant);
    grant_draft_deinit(&draft);
    return grant;
}

static void put_new(struct world *world, enum resource_kind kind, uint32_t number, const char *text)
{
    put_document(&world->bench, OPERATION_CREATED, kind, number, text, "");
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    open_bench(&world->bench);
    world->reader.documents = world->bench.reader;
    world->grant = reading_grant(NULL);
    world->actor =
        (struct actor){.kind = ACTOR_OPERATOR, .account = ACCOUNT, .grant = world->grant};
    put_new(world, RESOURCE_ACCESS_POLICY, READING,
            HEAD(ID_1) ",\"name\":\"r\",\"permissions\":[\"thngs:read\"]}");
    put_new(world, RESOURCE_ACCESS_POLICY, WRITING,
            HEAD(ID_2) ",\"name\":\"w\",\"permissions\":[\"thngs:read\",\"places:create\"]}");
    put_new(world, RESOURCE_THNG, OF_ANOTHER_KIND, HEAD(ID_3) "}");
    put_new(world, RESOURCE_ACCESS_TOKEN, TOKEN,
            HEAD(ID_4) ",\"name\":\"t\",\"policies\":[\"" ID_2 "\"],\"conditions\":[]}");
    put_new(world, RESOURCE_OPERATOR, MEMBER,
            HEAD(ID_5) ",\"email\":\"a@b\",\"policies\":[\"" ID_1 "\"]}");
    put_new(world, RESOURCE_OPERATOR, ADMINISTRATOR, HEAD(ID_6) ",\"email\":\"a@b\"}");
    assert_ok(apply(&world->bench));
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    buf_deinit(&world->reader.scratch);
    close_bench(&world->bench);
    free(world->grant);
    free(world);
    return 0;
}

static struct err create(struct world *world, enum resource_kind kind, const char *body)
{
    return rest_giving_check(
        &world->reader, &world->actor,
        &(struct rest_giving){.kind = kind, .is_creation = true, .body = slice_of_text(body)});
}

static struct err change(struct world *world, enum resource_kind kind, uint32_t number,
                         const char *body)
{
    return rest_giving_check(
        &world->reader, &world->actor,
        &(struct rest_giving){.kind = kind, .id = id_of(number), .body = slice_of_text(body)});
}

static struct err renew(struct world *world, enum resource_kind kind, uint32_t number)
{
    return rest_giving_check(
        &world->reader, &world->actor,
        &(struct rest_giving){.kind = kind, .id = id_of(number), .is_renewal = true});
}

#define WITH(policy) "{\"policies\":[\"" policy "\"],\"conditions\":[]}"

static void policies_that_are_named_must_be_held(void **state)
{
    struct world *world = *state;
    const enum resource_kind token = RESOURCE_ACCESS_TOKEN;
    assert_ok(create(world, token, WITH(ID_1)));
    ASSERT_ERR(create(world, token, WITH(ID_2)), GRANTS_TOO_MUCH);
    ASSERT_ERR(create(world, token, "{\"policies\":[\"" ID_1 "\",\"" ID_2 "\"]}"), GRANTS_TOO_MUCH);
    assert_ok(create(world, RESOURCE_OPERATOR, WITH(ID_1)));
    ASSERT_ERR(create(world, RESOURCE_OPERATOR, WITH(ID_2)), GRANTS_TOO_MUCH);
    ASSERT_ERR(change(world, token, TOKEN, "{\"policies\":[\"" ID_2 "\"]}"), GRANTS_TOO_MUCH);
    assert_ok(change(world, token, TOKEN, "{\"policies\":[\"" ID_1 "\"]}"));
}

/* That is for others to tell: the body is refused anyhow. */
static void what_is_no_policy_gives_nothing(void **state)
{
    struct world *world = *state;
    const enum resource_kind token = RESOURCE_ACCESS_TOKEN;
    assert_ok(create(world, token, WITH(ID_3)));
    assert_ok(create(world, token, WITH(OTHER_PLACE)));
    assert_ok(create(world, token, "{"));
    assert_ok(create(world, token, "[]"));
    assert_ok(create(world, token, "{\"policies\":7}"));
    ASSERT_ERR(create(world, token, "{\"policies\":[7]}"), GRANTS_TOO_MUCH);
    ASSERT_ERR(create(world, token,
                      "{\"policies\":[\"\\u0055"
                      "00000000000000000000001\"]}"),
               GRANTS_TOO_MUCH);
    ASSERT_ERR(change(world, token, READING, "{}"), NOT_FOUND);
    world->actor.account = 2;
    ASSERT_ERR(change(world, token, TOKEN, "{}"), NOT_FOUND);
}

/* With its key the asker would have the rights. */
static void a_key_is_renewed_by_who_holds_its_rights(void **state)
{
    struct world *world = *state;
    ASSERT_ERR(renew(world, RESOURCE_ACCESS_TOKEN, TOKEN), GRANTS_TOO_MUCH);
    put_document(&world->bench, OPERATION_UPDATED, RESOURCE_ACCESS_TOKEN, TOKEN,
                 HEAD(ID_4) ",\"policies\":[\"" ID_1 "\"],\"conditions\":[]}", "");
    assert_ok(apply(&world->bench));
    assert_ok(renew(world, RESOURCE_ACCESS_TOKEN, TOKEN));
    ASSERT_ERR(renew(world, RESOURCE_OPERATOR, MEMBER), GRANTS_TOO_MUCH);
    ASSERT_ERR(renew(world, RESOURCE_OPERATOR, ADMINISTRATOR), GRANTS_TOO_MUCH);
}

static void administrators_are_made_by_administrators(void **state)
{
    struct world *world = *state;
    const enum resource_kind holder = RESOURCE_OPERATOR;
    ASSERT_ERR(create(world, holder, "{\"email\":\"a@b\"}"), GRANTS_TOO_MUCH);
    assert_ok(create(world, holder, "{\"policies\":[]}"));
    ASSERT_ERR(create(world, holder, "{\"policies\":[\"" ID_1 "\"],\"role\":\"none\"}"),
               GRANTS_TOO_MUCH);
    assert_ok(change(world, holder, MEMBER, "{\"policies\":[]}"));
    ASSERT_ERR(change(world, holder, MEMBER, "{\"role\":\"admin\"}"), GRANTS_TOO_MUCH);
    ASSERT_ERR(change(world, holder, MEMBER, "{\"r\\u006fle\":\"admin\"}"), GRANTS_TOO_MUCH);
    assert_ok(change(world, holder, MEMBER, "{\"policies\":null,\"role\":null}"));
    assert_ok(change(world, holder, MEMBER, "{\"firstName\":\"A\"}"));
    assert_ok(change(world, holder, ADMINISTRATOR, "{\"firstName\":\"A\"}"));
}

static void places_are_given_by_who_has_them(void **state)
{
    struct world *world = *state;
    const enum resource_kind token = RESOURCE_ACCESS_TOKEN;
    assert_ok(create(world, token, "{\"policies\":[\"" ID_1 "\"],\"conditions\":[]}"));
    free(world->grant);
    world->actor.grant = world->grant = reading_grant(PLACE);
    ASSERT_ERR(create(world, token, "{\"policies\":[\"" ID_1 "\"],\"conditions\":[]}"),
               GRANTS_TOO_MUCH);
    ASSERT_ERR(create(world, token, "{\"policies\":[\"" ID_1 "\"]}"), GRANTS_TOO_MUCH);
    assert_ok(create(world, token,
                     "{\"policies\":[\"" ID_1 "\"],\"conditions\":[\"places:" PLACE "\"]}"));
    ASSERT_ERR(create(world, token,
                      "{\"policies\":[\"" ID_1 "\"],\"conditions\":[\"places:" PLACE
                      "\",\"places:" OTHER_PLACE "\"]}"),
               GRANTS_TOO_MUCH);
    ASSERT_ERR(change(world, token, TOKEN, "{\"policies\":[\"" ID_1 "\"]}"), GRANTS_TOO_MUCH);
    assert_ok(change(world, token, TOKEN,
                     "{\"policies\":[\"" ID_1 "\"],\"conditions\":[\"places:" PLACE "\"]}"));
}

static void permissions_of_a_policy_must_be_held(void **state)
{
    struct world *world = *state;
    struct http_request request = {.actor = world->actor};
    static const struct {
        const char *body;
        bool is_held;
    } rows[] = {
        {"{\"permissions\":[\"thngs:read\"]}", true},
        {"{\"permissions\":[\"thngs:read\",\"thngs:list\"]}", true},
        {"{\"permissions\":[]}", true},
        {"{\"name\":\"x\"}", true},
        {"{", true}, /* which is told elsewhere */
        {"{\"permissions\":\"thngs:create\"}", true},
        {"{\"permissions\":[\"thngs:create\"]}", false},
        {"{\"permissions\":[\"thngs:read\",\"places:read\"]}", false},
        {"{\"permissions\":[\"thngs:*\"]}", false},
        {"{\"permissions\":[\"thngs\\u003aread\"]}", false},
        {"{\"permissions\":[7]}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        request.body = slice_of_text(rows[i].body);
        struct err err = rest_giving_of_policy(&request);
        if (err.code != (rows[i].is_held ? ERR_OK : ERR_GRANTS_TOO_MUCH)) {
            fail_msg("%s: %s", rows[i].body, err_name(err));
        }
    }
    request.actor.grant = NULL; /* an administrator */
    request.body = SLICE("{\"permissions\":[\"thngs:*\"]}");
    assert_ok(rest_giving_of_policy(&request));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(policies_that_are_named_must_be_held),     T(what_is_no_policy_gives_nothing),
        T(a_key_is_renewed_by_who_holds_its_rights), T(administrators_are_made_by_administrators),
        T(places_are_given_by_who_has_them),         T(permissions_of_a_policy_must_be_held),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

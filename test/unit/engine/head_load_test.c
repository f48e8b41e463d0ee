/* SPDX-License-Identifier: Apache-2.0
 *
 * What a reader finds of a head, in real documents. */
#include "engine/head.h"
#include "model/grant.h"
#include "unit/store/documents_fixture.h"

/* Numbers of the resources that are there. */
enum {
    PROJECT = 1,
    APPLICATION,
    THNG,
    OTHER_THNG,
    PRODUCT,
    BATCH,
    TASK,
    ACTION,
    OUTER, /* collections, one in the other */
    INNER,
    USER,
    OPERATOR,
    TOKEN,
    ROLE,
    FREE_ROLE,
    SHARE,
    EMAIL, /* the name that the user has */
    UNKNOWN,
};

static const char scopes[] = "{\"users\":[\"all\"],\"projects\":[\"U00000000000000000000001\"]}";

static void put(struct bench *bench, enum resource_kind kind, uint32_t number, const char *members)
{
    struct id id = id_of(number);
    char text[300];
    (void)snprintf(text, sizeof(text), "{\"id\":\"%.24s\",\"createdAt\":%d,\"updatedAt\":1%s}",
                   id.text, 100 + (int)number, members);
    group_write_document(&bench->group, ACCOUNT, OPERATION_CREATED, kind, &id, slice_of_text(text),
                         slice_of_text(kind == RESOURCE_THNG ? scopes : ""));
}

static void put_key(struct bench *bench, enum key_kind kind, uint32_t number, uint8_t first)
{
    struct id id = id_of(number);
    uint8_t hash[KEY_HASH_BYTES] = {first};
    group_write_key(&bench->group, ACCOUNT, OPERATION_CREATED, kind, &id, hash, SLICE("s"));
}

static void put_members(struct bench *bench, uint32_t collection, enum resource_kind kind,
                        uint32_t member)
{
    struct id id = id_of(collection);
    struct id ids[] = {id_of(member)};
    group_write_members(&bench->group, ACCOUNT, MEMBERS_ADDED, 0, &id, (struct slice){0}, kind, ids,
                        1);
}

static void put_rights(struct bench *bench)
{
    put(bench, RESOURCE_ROLE, ROLE, ",\"name\":\"r\",\"type\":\"userInApp\"");
    put(bench, RESOURCE_ROLE, FREE_ROLE, ",\"name\":\"f\",\"type\":\"userInApp\"");
    put(bench, RESOURCE_USER, USER,
        ",\"app\":\"U00000000000000000000002\",\"project\":\"U00000000000000000000001\","
        "\"role\":\"U00000000000000000000014\",\"email\":\"a@x.net\"");
    put_key(bench, KEY_USER, USER, 4);
    put(bench, RESOURCE_NAME, EMAIL,
        ",\"owner\":\"U00000000000000000000011\",\"app\":\"U00000000000000000000002\"");
    put(bench, RESOURCE_SHARE, SHARE,
        ",\"user\":\"U00000000000000000000011\",\"email\":\"a@x.net\"");
    put(bench, RESOURCE_OPERATOR, OPERATOR, ",\"email\":\"o@x.net\"");
    put_key(bench, KEY_OPERATOR, OPERATOR, 5);
    put(bench, RESOURCE_ACCESS_TOKEN, TOKEN, ",\"name\":\"t\",\"policies\":[]");
    put_key(bench, KEY_ACCESS_TOKEN, TOKEN, 6);
}

static void fill(struct bench *bench)
{
    put(bench, RESOURCE_PROJECT, PROJECT, ",\"name\":\"p\"");
    put(bench, RESOURCE_APPLICATION, APPLICATION,
        ",\"project\":\"U00000000000000000000001\",\"name\":\"a\"");
    put_key(bench, KEY_APPLICATION, APPLICATION, 1);
    put_key(bench, KEY_TRUSTED, APPLICATION, 2);
    put(bench, RESOURCE_THNG, THNG, ",\"name\":\"t\"");
    put(bench, RESOURCE_THNG, OTHER_THNG, ",\"name\":\"t\"");
    put_key(bench, KEY_DEVICE, THNG, 3);
    put(bench, RESOURCE_PRODUCT, PRODUCT, ",\"name\":\"p\",\"fn\":\"p\"");
    const struct point point = {.flags = POINT_NEW_PROPERTY,
                                .property = 7,
                                .key = SLICE("temp"),
                                .timestamp_ms = TIME_MS,
                                .value = SLICE("1")};
    struct id product = id_of(PRODUCT);
    group_write_points(&bench->group, ACCOUNT, RESOURCE_PRODUCT, &product, (struct slice){0}, 0,
                       &point, 1);
    put(bench, RESOURCE_BATCH, BATCH, ",\"name\":\"b\"");
    put(bench, RESOURCE_TASK, TASK,
        ",\"batch\":\"U00000000000000000000006\",\"type\":\"POPULATING\",\"status\":\"PENDING\"");
    put(bench, RESOURCE_ACTION, ACTION, ",\"type\":\"scans\",\"timestamp\":5");
    put(bench, RESOURCE_COLLECTION, OUTER, ",\"name\":\"c\"");
    put(bench, RESOURCE_COLLECTION, INNER, ",\"name\":\"c\"");
    put_members(bench, OUTER, RESOURCE_COLLECTION, INNER);
    put_members(bench, INNER, RESOURCE_THNG, THNG);
    put_rights(bench);
    assert_ok(apply(bench));
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    open_bench(bench);
    fill(bench);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    close_bench(*state);
    free(*state);
    return 0;
}

static struct head_load *load_of(struct bench *bench, uint32_t number, bool want_document)
{
    struct id id = id_of(number);
    struct head_load *load = head_load_new(&id);
    assert_non_null(load);
    load->want_document = want_document;
    head_load_read(load, bench->reader);
    assert_ok(load->err);
    return load;
}

static void load_free(struct head_load *load)
{
    head_load_deinit(load);
    free(load->batch);
}

static void test_kind_scopes_and_parent(void **state)
{
    struct bench *bench = *state;
    static const struct {
        uint32_t number;
        enum resource_kind kind; /* 0: not there */
        uint32_t parent;         /* 0: none */
    } cases[] = {
        {PROJECT, RESOURCE_PROJECT, 0},
        {APPLICATION, RESOURCE_APPLICATION, PROJECT},
        {THNG, RESOURCE_THNG, 0},
        {TASK, RESOURCE_TASK, BATCH},
        {ACTION, RESOURCE_ACTION, 0},
        {OUTER, RESOURCE_COLLECTION, 0},
        {USER, RESOURCE_USER, APPLICATION},
        {EMAIL, RESOURCE_NAME, USER},
        {SHARE, RESOURCE_SHARE, 0},
        {OPERATOR, RESOURCE_OPERATOR, 0},
        {UNKNOWN, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct head_load *load = load_of(bench, cases[i].number, i % 2 == 0);
        assert_int_equal(load->found, cases[i].kind != 0);
        assert_int_equal(load->kind, cases[i].kind);
        assert_int_equal(load->account, cases[i].kind != 0 ? ACCOUNT : 0);
        struct id parent = id_of(cases[i].parent);
        assert_int_equal(id_is_set(&load->parent), cases[i].parent != 0);
        assert_true(cases[i].parent == 0 || id_equal(&load->parent, &parent));
        assert_int_equal(buf_bytes(&load->scopes),
                         cases[i].kind == RESOURCE_THNG ? strlen(scopes) : 0);
        assert_int_equal(buf_bytes(&load->document) > 0, load->found && i % 2 == 0);
        load_free(load);
    }
}

static void test_keys_are_those_of_the_kind(void **state)
{
    struct bench *bench = *state;
    static const struct {
        uint32_t number;
        struct head_key keys[HEAD_KEYS_MAX];
        uint8_t count;
    } cases[] = {
        {APPLICATION, {{KEY_APPLICATION, {1}}, {KEY_TRUSTED, {2}}}, 2},
        {THNG, {{KEY_DEVICE, {3}}}, 1},
        {OTHER_THNG, {{0}}, 0},
        {USER, {{KEY_USER, {4}}}, 1},
        {OPERATOR, {{KEY_OPERATOR, {5}}}, 1},
        {TOKEN, {{KEY_ACCESS_TOKEN, {6}}}, 1},
        {ROLE, {{0}}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct head_load *load = load_of(bench, cases[i].number, false);
        assert_int_equal(load->key_count, cases[i].count);
        for (uint8_t j = 0; j < cases[i].count; j++) {
            assert_int_equal(load->keys[j].kind, cases[i].keys[j].kind);
            assert_memory_equal(load->keys[j].hash, cases[i].keys[j].hash, KEY_HASH_BYTES);
        }
        load_free(load);
    }
}

static void test_properties_fill_the_head(void **state)
{
    struct bench *bench = *state;
    struct heads heads;
    heads_init(&heads, 1, 10);
    struct head_load *load = load_of(bench, PRODUCT, true);
    struct head *head = heads_add(&heads, &load->id, 0);
    assert_ok(head_fill(&heads, head, load));
    assert_int_equal(head->state, HEAD_PRESENT);
    assert_int_equal(head_property_count(head), 1);
    assert_int_equal(head_property_find(head, SLICE("temp"), heads.seed)->number, 7);
    assert_non_null(head->document);
    load_free(load);
    heads_deinit(&heads);
}

static void test_read_is_no_less_than_what_was_waited_for(void **state)
{
    struct bench *bench = *state;
    uint64_t applied = documents_applied(bench->documents);
    struct id id = id_of(THNG);
    for (unsigned i = 0; i < 2; i++) {
        struct head_load *load = head_load_new(&id);
        load->after = i == 0 ? applied - 1 : applied + 3; /* groups without documents behind it */
        head_load_read(load, bench->reader);
        assert_ok(load->err);
        assert_int_equal(load->read, i == 0 ? applied : applied + 3);
        load_free(load);
    }
}

/* ---- questions ---- */

static bool is_so(struct bench *bench, enum head_question question, uint32_t number)
{
    struct id id = id_of(number);
    struct head_load *load = head_load_new(&id);
    load->question = question;
    head_load_read(load, bench->reader);
    assert_ok(load->err);
    bool answer = load->is_so;
    load_free(load);
    return answer;
}

static void test_questions_are_answered(void **state)
{
    struct bench *bench = *state;
    assert_true(is_so(bench, QUESTION_ROLE_IS_USED, ROLE));
    assert_false(is_so(bench, QUESTION_ROLE_IS_USED, FREE_ROLE));
    assert_false(is_so(bench, QUESTION_ROLE_IS_USED, UNKNOWN));
    assert_false(is_so(bench, QUESTION_OTHER_ADMINISTRATOR, OPERATOR));
    put(bench, RESOURCE_OPERATOR, UNKNOWN, ",\"role\":\"admin\"");
    assert_ok(apply(bench));
    assert_true(is_so(bench, QUESTION_OTHER_ADMINISTRATOR, OPERATOR));
}

/* ---- members ---- */

static struct head_load *members_of(struct bench *bench, uint32_t collection,
                                    const struct member_load *wanted)
{
    static const struct command asker;
    struct id id = id_of(collection);
    struct head_load *load = head_load_new(&id);
    load->members = *wanted;
    load->members.asker = &asker;
    head_load_read(load, bench->reader);
    assert_ok(load->err);
    return load;
}

static void test_states_and_cycles(void **state)
{
    struct bench *bench = *state;
    const struct id thngs[] = {id_of(OTHER_THNG), id_of(THNG), id_of(UNKNOWN), id_of(PRODUCT)};
    struct head_load *load = members_of(
        bench, INNER, &(struct member_load){.kind = RESOURCE_THNG, .ids = thngs, .id_count = 4});
    static const uint8_t expected[] = {MEMBER_OUT, MEMBER_IN, MEMBER_UNKNOWN, MEMBER_UNKNOWN};
    assert_int_equal(buf_bytes(&load->members.states), sizeof(expected));
    assert_memory_equal(load->members.states.at, expected, sizeof(expected));
    assert_int_equal(buf_bytes(&load->members.collections), sizeof(struct id));
    load_free(load);
    static const struct {
        uint32_t collection;
        uint32_t child;
        bool makes_cycle;
    } cases[] = {{OUTER, OUTER, true}, {INNER, OUTER, true}, {OUTER, INNER, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct id child = id_of(cases[i].child);
        const struct member_load wanted = {
            .kind = RESOURCE_COLLECTION, .ids = &child, .id_count = 1};
        load = members_of(bench, cases[i].collection, &wanted);
        assert_int_equal(load->members.makes_cycle, cases[i].makes_cycle);
        load_free(load);
    }
}

static void test_only_what_is_in_the_project_counts(void **state)
{
    struct bench *bench = *state;
    struct id thng = id_of(THNG);
    for (uint32_t project = PROJECT; project <= APPLICATION; project++) {
        const struct member_load wanted = {
            .kind = RESOURCE_THNG,
            .ids = &thng,
            .id_count = 1,
            .actor = {.kind = ACTOR_TRUSTED, .account = ACCOUNT, .project = id_of(project)}};
        struct head_load *load = members_of(bench, INNER, &wanted);
        assert_int_equal(load->members.states.at[0],
                         project == PROJECT ? MEMBER_IN : MEMBER_UNKNOWN);
        load_free(load);
    }
}

static void put_shown(struct bench *bench, const struct id *thng, const char *shown)
{
    char text[100];
    (void)snprintf(text, sizeof(text), "{\"id\":\"%.24s\",\"createdAt\":1,\"updatedAt\":1}",
                   thng->text);
    group_write_document(&bench->group, ACCOUNT, OPERATION_CREATED, RESOURCE_THNG, thng,
                         slice_of_text(text), slice_of_text(shown));
}

/* Nobody puts in what it does not see, though it is in its project. */
static void test_only_what_is_shown_counts(void **state)
{
    struct bench *bench = *state;
    /* The third is shown to one user, the fourth to nobody. */
    struct id thngs[] = {id_of(THNG), id_of(OTHER_THNG), id_of(UNKNOWN + 1), id_of(UNKNOWN + 2)};
    const struct id project = id_of(PROJECT);
    put_shown(bench, &thngs[2],
              "{\"users\":[\"U00000000000000000000012\"],"
              "\"projects\":[\"U00000000000000000000001\"]}");
    put_shown(bench, &thngs[3], "");
    assert_ok(apply(bench));
    const struct grant_zone zone = {.reach = GRANT_PROJECTS, .ids = &project, .id_count = 1};
    const struct grant grant = {.zones = &zone, .zone_count = 1};
    const struct {
        struct actor actor;
        enum member_state states[ARRAY_LEN(thngs)];
    } cases[] = {
        {{.kind = ACTOR_OPERATOR, .account = ACCOUNT},
         {MEMBER_IN, MEMBER_OUT, MEMBER_OUT, MEMBER_OUT}},
        {{.kind = ACTOR_OPERATOR, .account = ACCOUNT, .grant = &grant},
         {MEMBER_IN, MEMBER_OUT, MEMBER_OUT, MEMBER_UNKNOWN}},
        {{.kind = ACTOR_TRUSTED, .account = ACCOUNT, .project = project},
         {MEMBER_IN, MEMBER_OUT, MEMBER_OUT, MEMBER_UNKNOWN}},
        {{.kind = ACTOR_USER, .account = ACCOUNT, .id = id_of(USER), .project = project},
         {MEMBER_IN, MEMBER_OUT, MEMBER_UNKNOWN, MEMBER_UNKNOWN}},
        {{.kind = ACTOR_USER, .account = ACCOUNT, .id = id_of(OPERATOR), .project = project},
         {MEMBER_IN, MEMBER_OUT, MEMBER_OUT, MEMBER_UNKNOWN}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct member_load wanted = {.kind = RESOURCE_THNG,
                                           .ids = thngs,
                                           .id_count = ARRAY_LEN(thngs),
                                           .actor = cases[i].actor};
        struct head_load *load = members_of(bench, INNER, &wanted);
        assert_int_equal(buf_bytes(&load->members.states), ARRAY_LEN(thngs));
        for (size_t j = 0; j < ARRAY_LEN(thngs); j++) {
            assert_int_equal(load->members.states.at[j], cases[i].states[j]);
        }
        load_free(load);
    }
}

static void test_members_are_listed(void **state)
{
    struct bench *bench = *state;
    struct id inner = id_of(INNER);
    struct id outer = id_of(OUTER);
    struct id thng = id_of(THNG);
    const struct member_load wanted = {
        .kind = RESOURCE_THNG, .listed_max = 5, .wants_children = true};
    struct head_load *load = members_of(bench, OUTER, &wanted);
    assert_int_equal(buf_bytes(&load->members.listed), 0);
    assert_int_equal(buf_bytes(&load->members.children), sizeof(inner));
    assert_memory_equal(load->members.children.at, &inner, sizeof(inner));
    assert_int_equal(buf_bytes(&load->members.collections), 0);
    load_free(load);
    load = members_of(bench, INNER, &wanted);
    assert_int_equal(buf_bytes(&load->members.listed), sizeof(thng));
    assert_memory_equal(load->members.listed.at, &thng, sizeof(thng));
    assert_int_equal(buf_bytes(&load->members.children), 0);
    assert_int_equal(buf_bytes(&load->members.collections), sizeof(outer));
    assert_memory_equal(load->members.collections.at, &outer, sizeof(outer));
    assert_int_equal(buf_bytes(&load->members.collection_scopes), 1);
    load_free(load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_kind_scopes_and_parent),    T(test_keys_are_those_of_the_kind),
        T(test_properties_fill_the_head),  T(test_read_is_no_less_than_what_was_waited_for),
        T(test_states_and_cycles),         T(test_only_what_is_in_the_project_counts),
        T(test_only_what_is_shown_counts), T(test_members_are_listed),
        T(test_questions_are_answered),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

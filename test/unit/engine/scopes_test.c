/* SPDX-License-Identifier: Apache-2.0
 *
 * In which projects something is: when it is made, and when it is updated. */
#include "unit/engine/rights_fixture.h"

/* Two projects that exist, one that does not, and what scopes with them look like. */
struct projects {
    struct id one;
    struct id two;
    struct id gone;
    struct id application; /* of the first */
    char of_one[120];
    char of_two[120];
    char of_both[120];
    char of_gone[120];
    char of_one_and_gone[120];
};

static void put_both(char scopes[120], const char *users, const struct id *a, const struct id *b)
{
    (void)snprintf(scopes, 120, "{\"users\":%s,\"projects\":[\"%.24s\",\"%.24s\"]}", users, a->text,
                   b->text);
}

static struct projects projects_in(struct world *world)
{
    struct projects projects = {
        .one = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", ""),
        .two = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", ""),
        .gone = id_generate(&world->rand, 1),
        .application = id_generate(&world->rand, 1),
    };
    scopes_of_project(projects.of_one, &projects.one);
    scopes_of_project(projects.of_two, &projects.two);
    scopes_of_project(projects.of_gone, &projects.gone);
    put_both(projects.of_both, "[\"all\"]", &projects.two, &projects.one);
    put_both(projects.of_one_and_gone, "[\"all\"]", &projects.one, &projects.gone);
    return projects;
}

#define NOBODY "{\"users\":[],\"projects\":[]}"
#define EVERYBODY "{\"users\":[\"all\"],\"projects\":[\"all\"]}"

static void test_scopes_of_what_is_new(void **state)
{
    struct world *world = *state;
    struct projects projects = projects_in(world);
    struct actor owner = operator_of(OPERATOR_ACCOUNT);
    struct actor trusted = trusted_of(&projects.one, &projects.application);
    struct actor orphan = trusted_of(&projects.gone, &projects.application);
    char only_one[120];
    (void)snprintf(only_one, sizeof(only_one), "{\"users\":[],\"projects\":[\"%.24s\"]}",
                   projects.one.text);
    const struct {
        struct actor actor;
        const struct id *project; /* ?project= */
        const char *wanted;
        const char *expected; /* NULL: refused */
        enum err_code code;
    } cases[] = {
        {owner, NULL, "", "", ERR_OK},
        {owner, NULL, NOBODY, NOBODY, ERR_OK},
        {owner, NULL, projects.of_one, projects.of_one, ERR_OK},
        {owner, NULL, projects.of_gone, NULL, ERR_REFERENCE_UNKNOWN},
        {owner, NULL, projects.of_one_and_gone, NULL, ERR_REFERENCE_UNKNOWN},
        {owner, &projects.one, "", projects.of_one, ERR_OK},
        {owner, &projects.one, NOBODY, only_one, ERR_OK},
        {owner, &projects.one, projects.of_one, projects.of_one, ERR_OK},
        {owner, &projects.one, projects.of_two, projects.of_both, ERR_OK},
        {owner, &projects.one, EVERYBODY, EVERYBODY, ERR_OK},
        {owner, &projects.gone, "", NULL, ERR_NOT_FOUND},
        {trusted, NULL, "", projects.of_one, ERR_OK},
        {trusted, &projects.one, "", projects.of_one, ERR_OK},
        {trusted, &projects.two, "", NULL, ERR_NOT_FOUND},
        {trusted, NULL, projects.of_two, NULL, ERR_REFERENCE_UNKNOWN},
        {trusted, NULL, NOBODY, only_one, ERR_OK},
        {orphan, NULL, "", NULL, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, RESOURCE_THNG, 1);
        command->actor = cases[i].actor;
        command->as.create.scopes = slice_of_text(cases[i].wanted);
        if (cases[i].project != NULL) {
            command->project = *cases[i].project;
        }
        assert_int_equal(outcome(world, batch), cases[i].code);
        if (cases[i].expected != NULL) {
            assert_text(first_event(world).scopes, cases[i].expected);
        }
    }
}

static void test_scopes_of_what_is_updated(void **state)
{
    struct world *world = *state;
    struct projects projects = projects_in(world);
    struct actor owner = operator_of(OPERATOR_ACCOUNT);
    struct actor trusted = trusted_of(&projects.one, &projects.application);
    char none_left[] = "{\"users\":[\"all\"],\"projects\":[]}";
    const struct {
        struct actor actor;
        const char *stored;
        const char *wanted;
        const char *expected; /* NULL: refused as 400 */
    } cases[] = {
        {owner, "", "", ""},
        {owner, "", projects.of_one, projects.of_one},
        {owner, "", projects.of_gone, NULL},
        {owner, projects.of_one, "", projects.of_one},
        {owner, projects.of_one, NOBODY, NOBODY},
        {owner, projects.of_one_and_gone, "", projects.of_one},
        {owner, projects.of_gone, "", none_left},
        /* Read before the project went, sent back after. */
        {owner, projects.of_one_and_gone, projects.of_one_and_gone, projects.of_one},
        {owner, EVERYBODY, projects.of_gone, NULL},
        {trusted, projects.of_one, projects.of_both, NULL},
        {trusted, projects.of_both, projects.of_both, projects.of_both},
        {trusted, EVERYBODY, projects.of_two, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct id thng = plant(world, RESOURCE_THNG, "\"name\":\"t\"", cases[i].stored);
        struct command_batch *batch = batch_of(4096);
        struct command *command = update_in(batch, RESOURCE_THNG, &thng, 1);
        command->actor = cases[i].actor;
        command->as.update.scopes = slice_of_text(cases[i].wanted);
        enum err_code code = outcome(world, batch);
        assert_int_equal(code, cases[i].expected != NULL ? ERR_OK : ERR_REFERENCE_UNKNOWN);
        if (cases[i].expected != NULL) {
            assert_text(first_event(world).scopes, cases[i].expected);
        }
    }
}

/* Who sees a resource follows its scopes at once. */
static void test_new_scopes_count_for_the_next_command(void **state)
{
    struct world *world = *state;
    struct projects projects = projects_in(world);
    struct id thng = create_thng(world);
    const char *const steps[] = {NOBODY, projects.of_one, projects.of_two, EVERYBODY};
    static const enum err_code expected[] = {ERR_NOT_FOUND, ERR_OK, ERR_NOT_FOUND, ERR_OK};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct command_batch *batch = batch_of(8192);
        update_in(batch, RESOURCE_THNG, &thng, 1)->as.update.scopes = slice_of_text(steps[i]);
        assert_int_equal(outcome(world, batch), ERR_OK);
        batch = batch_of(4096);
        add_points(batch, &thng, SLICE("a"), 2);
        batch->first->actor = trusted_of(&projects.one, &projects.application);
        assert_int_equal(outcome(world, batch), expected[i]);
    }
}

/* ---- who sees some of an account only ---- */

/* What a user makes is its own, and in its project. */
static void test_scopes_of_what_a_user_makes(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    struct id other = plant(world, RESOURCE_PROJECT, "\"name\":\"q\"", "");
    struct actor ann = base_user(world, &people, &people.ann);
    char own[120];
    char of_all[120];
    char of_bob[120];
    char for_bob[120];
    scopes_of_user(own, &people.ann, &people.project);
    scopes_of_project(of_all, &people.project);
    scopes_of_user(of_bob, &people.bob, &people.project);
    (void)snprintf(for_bob, sizeof(for_bob), "{\"users\":[\"%.24s\"],\"projects\":[]}",
                   people.bob.text);
    const struct {
        bool is_for_all_users;
        const struct id *project; /* ?project= */
        const char *wanted;
        const char *expected; /* NULL: refused */
        enum err_code code;
    } cases[] = {
        {false, NULL, "", own, ERR_OK},
        {true, NULL, "", of_all, ERR_OK},
        {false, &people.project, "", own, ERR_OK},
        {false, &other, "", NULL, ERR_NOT_FOUND},
        {false, NULL, of_bob, of_bob, ERR_OK},
        {true, NULL, for_bob, of_bob, ERR_OK}, /* what the body says counts */
        {false, NULL, EVERYBODY, EVERYBODY, ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, RESOURCE_THNG, 1);
        command->actor = ann;
        command->is_for_all_users = cases[i].is_for_all_users;
        command->as.create.scopes = slice_of_text(cases[i].wanted);
        if (cases[i].project != NULL) {
            command->project = *cases[i].project;
        }
        assert_int_equal(outcome(world, batch), cases[i].code);
        if (cases[i].expected != NULL) {
            assert_text(first_event(world).scopes, cases[i].expected);
        }
    }
}

/* For others than users the parameter means nothing. */
static void test_user_scope_is_for_users(void **state)
{
    struct world *world = *state;
    struct command_batch *batch = batch_of(4096);
    creation_in(batch, RESOURCE_THNG, 1)->is_for_all_users = true;
    assert_int_equal(outcome(world, batch), ERR_OK);
    assert_text(first_event(world).scopes, "");
}

/* Whose right to make something comes from a share makes it where that reaches. */
static void test_a_share_lets_make_what_names_the_sharer(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    const struct perm_rights reads = rights_on("/thngs", "r");
    struct actor ann =
        user_with(world, &people, &people.ann, reads, &people.bob, perm_column(ACTOR_USER));
    char of_bob[120];
    scopes_of_user(of_bob, &people.bob, &people.project);
    static const enum err_code expected[] = {ERR_DENIED, ERR_OK};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, RESOURCE_THNG, 1);
        command->actor = ann;
        command->as.create.scopes = i == 0 ? (struct slice){0} : slice_of_text(of_bob);
        assert_int_equal(outcome(world, batch), expected[i]);
    }
}

/* An operator whose role changes one project makes things there, and nowhere else. */
static void test_a_limited_operator_makes_things_in_its_projects(void **state)
{
    struct world *world = *state;
    struct projects projects = projects_in(world);
    struct id third = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    struct actor limited = limited_operator(world, &projects.two, &projects.one);
    char of_third[120];
    scopes_of_project(of_third, &third);
    const struct {
        const struct id *project; /* ?project= */
        const char *wanted;
        enum err_code code;
    } cases[] = {
        {NULL, "", ERR_DENIED},
        {NULL, NOBODY, ERR_DENIED},
        {NULL, EVERYBODY, ERR_DENIED},
        {NULL, projects.of_one, ERR_OK},
        {NULL, projects.of_two, ERR_DENIED}, /* which it reads */
        {NULL, projects.of_both, ERR_DENIED},
        {NULL, of_third, ERR_REFERENCE_UNKNOWN}, /* of which it knows nothing */
        {&projects.one, "", ERR_OK},
        {&projects.one, NOBODY, ERR_OK},
        {&projects.one, projects.of_two, ERR_DENIED},
        {&projects.two, "", ERR_DENIED},
        {&third, "", ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, RESOURCE_THNG, 1);
        command->actor = limited;
        command->as.create.scopes = slice_of_text(cases[i].wanted);
        if (cases[i].project != NULL) {
            command->project = *cases[i].project;
        }
        assert_int_equal(outcome(world, batch), cases[i].code);
    }
}

static void test_a_limited_operator_changes_scopes(void **state)
{
    struct world *world = *state;
    struct projects projects = projects_in(world);
    struct id third = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    struct actor limited = limited_operator(world, &projects.two, &projects.one);
    char of_third[120];
    char with_third[120];
    char with_all[120];
    scopes_of_project(of_third, &third);
    put_both(with_third, "[\"all\"]", &projects.one, &third);
    (void)snprintf(with_all, sizeof(with_all),
                   "{\"users\":[\"all\"],\"projects\":[\"%.24s\",\"all\"]}", projects.one.text);
    const struct {
        const char *stored;
        const char *wanted;
        enum err_code code;
    } cases[] = {
        {projects.of_one, projects.of_both, ERR_OK},
        {projects.of_one, NOBODY, ERR_OK},
        {projects.of_one, with_third, ERR_REFERENCE_UNKNOWN},
        {projects.of_one, EVERYBODY, ERR_DENIED},
        {projects.of_two, projects.of_both, ERR_DENIED},
        {of_third, projects.of_one, ERR_NOT_FOUND},
        /* What is there already may stay. */
        {with_third, with_third, ERR_OK},
        {with_all, with_all, ERR_OK},
        {with_all, "", ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct id thng = plant(world, RESOURCE_THNG, "\"name\":\"t\"", cases[i].stored);
        struct command_batch *batch = batch_of(4096);
        struct command *command = update_in(batch, RESOURCE_THNG, &thng, 1);
        command->actor = limited;
        command->as.update.scopes = slice_of_text(cases[i].wanted);
        assert_int_equal(outcome(world, batch), cases[i].code);
    }
}

/* What an access token reaches is all of the account. */
static void test_a_token_makes_things_anywhere(void **state)
{
    struct world *world = *state;
    struct projects projects = projects_in(world);
    struct actor token = token_with(world, "thngs:create,update");
    const char *const wanted[] = {"", NOBODY, EVERYBODY, projects.of_two};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, RESOURCE_THNG, 1);
        command->actor = token;
        command->as.create.scopes = slice_of_text(wanted[i]);
        assert_int_equal(outcome(world, batch), ERR_OK);
        assert_text(first_event(world).scopes, wanted[i]);
    }
}

/* ---- where something is made ---- */

static enum err_code create_below(struct world *world, struct actor actor, enum resource_kind kind,
                                  const struct id *parent, const char *members)
{
    struct command_batch *batch = batch_of(4096);
    struct command *command = creation_in(batch, kind, 1);
    command->actor = actor;
    command->as.create.parent = *parent;
    command->as.create.members = slice_of_text(members);
    return outcome(world, batch);
}

/* An application is made in a project that the role changes, not in one that it only reads. */
static void test_applications_are_made_where_the_role_reaches(void **state)
{
    struct world *world = *state;
    struct projects projects = projects_in(world);
    struct actor limited = limited_operator(world, &projects.two, &projects.one);
    struct id third = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    static const char members[] = "\"name\":\"a\"";
    assert_int_equal(create_below(world, limited, RESOURCE_APPLICATION, &projects.one, members),
                     ERR_OK);
    assert_int_equal(create_below(world, limited, RESOURCE_APPLICATION, &projects.two, members),
                     ERR_DENIED);
    assert_int_equal(create_below(world, limited, RESOURCE_APPLICATION, &third, members),
                     ERR_NOT_FOUND);
}

/* A task makes thngs in the engine's name: who begins it must be permitted to make them. */
static void test_tasks_make_what_their_maker_may_make(void **state)
{
    struct world *world = *state;
    struct projects projects = projects_in(world);
    struct id of_one = plant(world, RESOURCE_BATCH, "\"name\":\"b\"", projects.of_one);
    struct id of_two = plant(world, RESOURCE_BATCH, "\"name\":\"b\"", projects.of_two);
    struct id nowhere = plant(world, RESOURCE_BATCH, "\"name\":\"b\"", "");
    struct actor limited = limited_operator(world, &projects.two, &projects.one);
    struct actor batches = token_with(world, "batches:*");
    struct actor both = token_with(world, "batches:* thngs:create");
    static const char plain[] = "\"type\":\"POPULATING\",\"inputParameters\":{"
                                "\"generateThngs\":true,\"thngTemplate\":{\"name\":\"t\"}}";
    char abroad[300];
    (void)snprintf(abroad, sizeof(abroad),
                   "\"type\":\"POPULATING\",\"inputParameters\":{\"thngTemplate\":"
                   "{\"name\":\"t\",\"scopes\":%s}}",
                   projects.of_two);
    const struct {
        struct actor actor;
        const struct id *batch;
        const char *members;
        enum err_code expected;
    } cases[] = {
        {limited, &of_one, plain, ERR_OK},     {limited, &of_one, abroad, ERR_DENIED},
        {limited, &of_two, plain, ERR_DENIED}, {limited, &nowhere, plain, ERR_NOT_FOUND},
        {batches, &of_one, plain, ERR_DENIED}, {both, &of_one, plain, ERR_OK},
        {both, &nowhere, abroad, ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum err_code code =
            create_below(world, cases[i].actor, RESOURCE_TASK, cases[i].batch, cases[i].members);
        assert_int_equal(code, cases[i].expected);
    }
}

/* A file is written over by another of its name; who does not see the former one, or may not change
 * it, cannot. */
static void test_files_are_written_over_where_the_role_reaches(void **state)
{
    struct world *world = *state;
    struct projects projects = projects_in(world);
    struct actor limited = limited_operator(world, &projects.two, &projects.one);
    const struct {
        const char *name;
        const char *former; /* scopes */
        enum err_code expected;
    } cases[] = {
        {"one", projects.of_one, ERR_OK},
        {"two", projects.of_two, ERR_DENIED},
        {"nowhere", "", ERR_DENIED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice name = slice_of_text(cases[i].name);
        struct id id = id_of_name(OPERATOR_ACCOUNT, RESOURCE_FILE, name);
        plant_id(world, RESOURCE_FILE, &id, "\"name\":\"f\"", cases[i].former);
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, RESOURCE_FILE, 1);
        command->actor = limited;
        command->as.create.name = name;
        command->as.create.scopes = slice_of_text(projects.of_one);
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_scopes_of_what_is_new),
        T(test_scopes_of_what_is_updated),
        T(test_new_scopes_count_for_the_next_command),
        T(test_scopes_of_what_a_user_makes),
        T(test_user_scope_is_for_users),
        T(test_a_share_lets_make_what_names_the_sharer),
        T(test_a_limited_operator_makes_things_in_its_projects),
        T(test_a_limited_operator_changes_scopes),
        T(test_a_token_makes_things_anywhere),
        T(test_applications_are_made_where_the_role_reaches),
        T(test_tasks_make_what_their_maker_may_make),
        T(test_files_are_written_over_where_the_role_reaches),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

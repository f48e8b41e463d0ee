/* SPDX-License-Identifier: Apache-2.0
 *
 * In which projects something is: when it is made, and when it is updated. */
#include "unit/engine/engine_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_scopes_of_what_is_new),
        T(test_scopes_of_what_is_updated),
        T(test_new_scopes_count_for_the_next_command),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

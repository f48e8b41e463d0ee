/* SPDX-License-Identifier: Apache-2.0
 *
 * Equal grants are one, on whatever thread they are made. */
#include "front/grants.h"

#include "unit/model/grant_fixture.h"

#include <pthread.h>

#define SEED 7
#define THREADS 4
#define ROUNDS 300

/* A grant of an operator that may <letters> thngs in the project with that number. */
static const struct grant *intern(struct grants *grants, const char *letters, unsigned project)
{
    struct grant_draft draft = {0};
    struct perm_rights rights = rights_on(PERM_THNG, letters);
    struct id id = id_of(project);
    grant_draft_name(&draft, SLICE("some"));
    grant_draft_add(&draft, GRANT_PROJECTS, &rights, &id, 1);
    const struct grant *grant = grants_intern(grants, &draft, ACTOR_OPERATOR);
    grant_draft_deinit(&draft);
    assert_non_null(grant);
    return grant;
}

static void test_equal_ones_are_one(void **state)
{
    (void)state;
    struct grants *grants = grants_new(SEED);
    const struct grant *first = intern(grants, "ru", 1);
    assert_ptr_equal(intern(grants, "ru", 1), first);
    assert_ptr_equal(intern(grants, "ur", 1), first);
    assert_ptr_not_equal(intern(grants, "r", 1), first);
    assert_ptr_not_equal(intern(grants, "ru", 2), first);
    assert_ptr_equal(intern(grants, "ru", 1), first);
    assert_true(slice_equal(first->name, SLICE("some")));
    assert_int_equal(first->zone_count, 1);
    assert_true(
        id_equal(&first->zones[0].ids[0], &(struct id){.text = "UaBcDeFgHkMnPqRsTwXyAa01"}));
    grants_free(grants);
}

/* The same draft is not the same for each kind: what no role takes away differs. */
static void test_kinds_differ(void **state)
{
    (void)state;
    struct grants *grants = grants_new(SEED);
    struct grant_draft draft = {0};
    const struct grant *of_user = grants_intern(grants, &draft, ACTOR_USER);
    const struct grant *of_token = grants_intern(grants, &draft, ACTOR_ACCESS_TOKEN);
    assert_non_null(of_user);
    assert_ptr_not_equal(of_user, of_token);
    assert_true((of_user->may.operations[PERM_LOGOUT] & PERM_CREATE) != 0);
    assert_true((of_token->may.operations[PERM_LOGOUT] & PERM_CREATE) == 0);
    grants_free(grants);
}

struct maker {
    pthread_t thread;
    struct grants *grants;
    const struct grant *made[ROUNDS];
};

static void *make_all(void *arg)
{
    struct maker *maker = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        maker->made[i] = intern(maker->grants, "r", i % 100);
    }
    return NULL;
}

static void test_threads_get_the_same(void **state)
{
    (void)state;
    static struct maker makers[THREADS];
    struct grants *grants = grants_new(SEED);
    for (unsigned i = 0; i < THREADS; i++) {
        makers[i].grants = grants;
        assert_int_equal(pthread_create(&makers[i].thread, NULL, make_all, &makers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(makers[i].thread, NULL), 0);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        assert_ptr_equal(makers[0].made[i], makers[0].made[i % 100]);
        for (unsigned j = 1; j < THREADS; j++) {
            assert_ptr_equal(makers[j].made[i], makers[0].made[i]);
        }
    }
    grants_free(grants);
}

static void test_none_to_free(void **state)
{
    (void)state;
    grants_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_ones_are_one),
        cmocka_unit_test(test_kinds_differ),
        cmocka_unit_test(test_threads_get_the_same),
        cmocka_unit_test(test_none_to_free),
    };
    return cmocka_run_group_tests_name("grants", tests, NULL, NULL);
}

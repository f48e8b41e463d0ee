/* SPDX-License-Identifier: Apache-2.0
 *
 * Grants: made from drafts, compared, and what they hold. */
#include "unit/model/grant_fixture.h"

static void an_empty_grant_has_what_is_open(void **state)
{
    (void)state;
    static const enum actor_kind kinds[] = {ACTOR_OPERATOR, ACTOR_USER, ACTOR_ACCESS_TOKEN};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct grant_draft draft = {0};
        struct grant *grant = grant_of(&draft, kinds[i]);
        struct perm_rights open = perm_open(kinds[i]);
        assert_rights(&grant->may, &open, "empty");
        assert_int_equal(grant->zone_count, 0);
        assert_int_equal(grant->name.bytes, 0);
        assert_false(grant->limits_places);
        free(grant);
    }
}

static void a_grant_has_its_zones(void **state)
{
    (void)state;
    struct grant_draft draft = {0};
    const struct id ids[] = {id_of(3), id_of(1), id_of(2)};
    struct perm_rights all = rights_on(PERM_THNG, "r");
    struct perm_rights some = rights_on(PERM_THNG, "ux");
    struct perm_rights none = {{0}};
    grant_draft_add(&draft, GRANT_ALL, &all, NULL, 0);
    grant_draft_add(&draft, GRANT_PROJECTS, &none, ids, 3);
    grant_draft_add(&draft, GRANT_PROJECTS, &some, ids, 0);
    grant_draft_add(&draft, GRANT_PROJECTS, &some, ids, 3);
    grant_draft_add(&draft, GRANT_PROJECTS, &some, ids, 1);
    grant_draft_name(&draft, SLICE("first"));
    grant_draft_name(&draft, SLICE("second"));
    grant_draft_limit(&draft, &ids[0]);
    grant_draft_limit(&draft, &ids[2]);
    struct grant *grant = grant_of(&draft, ACTOR_OPERATOR);
    assert_int_equal(grant->zone_count, 3);
    assert_int_equal(grant->zones[0].reach, GRANT_ALL);
    assert_int_equal(grant->zones[1].reach, GRANT_PROJECTS);
    assert_int_equal(grant->zones[1].id_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        struct id wanted = id_of(i + 1); /* sorted */
        assert_true(id_equal(&grant->zones[1].ids[i], &wanted));
    }
    assert_int_equal(grant->zones[2].id_count, 1);
    assert_true(id_equal(&grant->zones[2].ids[0], &ids[0]));
    assert_int_equal(grant->may.operations[PERM_THNG], operations_of("rux"));
    assert_true(grant->limits_places);
    assert_int_equal(grant->place_count, 2);
    assert_true(id_equal(&grant->places[0], &ids[2]));
    assert_true(id_equal(&grant->places[1], &ids[0]));
    assert_true(slice_equal(grant->name, SLICE("first, second")));
    free(grant);
}

/* A role may say what it will: the table has the last word. */
static void the_column_is_the_most_there_is(void **state)
{
    (void)state;
    struct grant_draft draft = {0};
    struct perm_rights everything;
    memset(&everything, 0xff, sizeof(everything));
    grant_draft_add(&draft, GRANT_ALL, &everything, NULL, 0);
    struct grant *grant = grant_new(&draft, ACTOR_USER);
    struct perm_rights column = perm_column(ACTOR_USER);
    assert_rights(&grant->zones[0].rights, &column, "user");
    assert_rights(&grant->may, &column, "user");
    free(grant);
    grant = grant_new(&draft, ACTOR_ACCESS_TOKEN);
    column = perm_column(ACTOR_ACCESS_TOKEN);
    assert_rights(&grant->may, &column, "access token");
    free(grant);
    grant_draft_deinit(&draft);
}

static void lacking_memory_shows(void **state)
{
    (void)state;
    struct perm_rights rights = rights_on(PERM_THNG, "r");
    const struct id id = id_of(1);
    for (int i = 0; i < 4; i++) {
        struct grant_draft draft = {0};
        struct buf *const bufs[] = {&draft.zones, &draft.ids, &draft.places, &draft.name};
        bufs[i]->bytes_max = 1;
        grant_draft_add(&draft, GRANT_PROJECTS, &rights, &id, 1);
        grant_draft_limit(&draft, &id);
        grant_draft_name(&draft, SLICE("name"));
        assert_null(grant_new(&draft, ACTOR_OPERATOR));
        grant_draft_deinit(&draft);
    }
}

/* ---- comparing ---- */

/* One of several that differ in one thing each; the first and the last are equal. */
#define VARIANTS 9

static struct grant *variant(int number)
{
    struct grant_draft draft = {0};
    const struct id ids[] = {id_of(1), id_of(2), id_of(3)};
    const struct id swapped[] = {id_of(2), id_of(1)};
    struct perm_rights rights = rights_on(PERM_THNG, number == 1 ? "ru" : "r");
    struct perm_rights second = rights_on(PERM_THNG, "x");
    const struct id *projects = number == 2 ? &ids[1] : number == VARIANTS ? swapped : ids;
    grant_draft_add(&draft, GRANT_PROJECTS, &rights, projects, number == 3 ? 3 : 2);
    grant_draft_add(&draft, number == 4 ? GRANT_ALL : GRANT_USER, &second, number == 4 ? NULL : ids,
                    number == 4 ? 0 : 1);
    grant_draft_name(&draft, number == 5 ? SLICE("other") : SLICE("name"));
    if (number == 6) {
        draft.limits_places = true;
    } else if (number >= 7 && number < VARIANTS) {
        grant_draft_limit(&draft, &ids[number - 7]);
    }
    return grant_of(&draft, ACTOR_OPERATOR);
}

static void grants_are_equal_by_content(void **state)
{
    (void)state;
    for (int i = 0; i <= VARIANTS; i++) {
        for (int k = 0; k <= VARIANTS; k++) {
            struct grant *a = variant(i);
            struct grant *b = variant(k);
            bool is_same = i % VARIANTS == k % VARIANTS;
            assert_int_equal(grant_equal(a, b), is_same);
            assert_int_equal(grant_hash(7, a) == grant_hash(7, b), is_same);
            assert_int_not_equal(grant_hash(7, a), grant_hash(8, a));
            free(a);
            free(b);
        }
    }
}

static void a_prefix_is_another_grant(void **state)
{
    (void)state;
    struct grant_draft draft = {0};
    struct perm_rights rights = rights_on(PERM_THNG, "r");
    const struct id id = id_of(1);
    grant_draft_add(&draft, GRANT_PROJECTS, &rights, &id, 1);
    struct grant *one = grant_new(&draft, ACTOR_OPERATOR);
    grant_draft_add(&draft, GRANT_PROJECTS, &rights, &id, 1);
    struct grant *two = grant_of(&draft, ACTOR_OPERATOR);
    assert_false(grant_equal(one, two));
    assert_false(grant_equal(two, one));
    free(one);
    free(two);
}

static void a_project_is_not_a_user(void **state)
{
    (void)state;
    struct grant_draft draft = {0};
    struct perm_rights rights = rights_on(PERM_THNG, "r");
    const struct id id = id_of(1);
    grant_draft_add(&draft, GRANT_PROJECTS, &rights, &id, 1);
    struct grant *one = grant_of(&draft, ACTOR_OPERATOR);
    grant_draft_add(&draft, GRANT_USER, &rights, &id, 1);
    struct grant *two = grant_of(&draft, ACTOR_OPERATOR);
    assert_false(grant_equal(one, two));
    free(one);
    free(two);
}

/* ---- holding ---- */

static void assert_holds(const struct grant *grant, enum perm_subject subject, const char *letters,
                         bool holds)
{
    struct perm_rights rights = rights_on(subject, letters);
    assert_int_equal(grant_holds(grant, &rights), holds);
}

static void what_is_given_everywhere_is_held(void **state)
{
    (void)state;
    struct grant_draft draft = {0};
    const struct id id = id_of(1);
    struct perm_rights first = rights_on(PERM_THNG, "r");
    struct perm_rights second = rights_on(PERM_THNG, "u");
    struct perm_rights third = rights_on(PERM_THNG, "x");
    struct perm_rights places = rights_on(PERM_PLACES, "r");
    grant_draft_add(&draft, GRANT_ALL, &first, NULL, 0);
    grant_draft_add(&draft, GRANT_ALL, &second, NULL, 0);
    grant_draft_add(&draft, GRANT_ALL, &places, NULL, 0);
    grant_draft_add(&draft, GRANT_PROJECTS, &third, &id, 1);
    struct grant *grant = grant_new(&draft, ACTOR_OPERATOR);
    assert_holds(grant, PERM_THNG, "", true);
    assert_holds(grant, PERM_THNG, "ru", true);
    assert_holds(grant, PERM_THNG, "x", false); /* in one project */
    assert_holds(grant, PERM_THNGS, "l", false);
    assert_holds(grant, PERM_PLACES, "r", true);
    assert_holds(NULL, PERM_FILES, "crlux", true);
    free(grant);
    grant_draft_limit(&draft, &id);
    grant = grant_of(&draft, ACTOR_OPERATOR);
    assert_holds(grant, PERM_PLACES, "r", true);
    assert_holds(grant, PERM_THNG, "ru", true);
    free(grant);
}

static struct err is_not_first(void *arg, const struct id *project, bool *there)
{
    *there = !id_equal(project, arg);
    return ERR(OK);
}

static struct err always_fails(void *arg, const struct id *project, bool *there)
{
    (void)arg;
    (void)project;
    *there = true;
    return ERR(IO);
}

/* A project that is gone leaves its zones, and a zone without any goes; others stay as they are. */
static void test_projects_that_are_gone_are_left_out(void **state)
{
    (void)state;
    struct grant_draft draft = {0};
    struct id projects[] = {{.text = "UaBcDeFgHkMnPqRsTwXyAa01"},
                            {.text = "UaBcDeFgHkMnPqRsTwXyAa02"}};
    const struct perm_rights rights = perm_column(ACTOR_OPERATOR);
    grant_draft_add(&draft, GRANT_PROJECTS, &rights, projects, 2);
    grant_draft_add(&draft, GRANT_PROJECTS, &rights, projects, 1);
    grant_draft_add(&draft, GRANT_ALL, &rights, NULL, 0);
    assert_int_equal(grant_draft_prune(&draft, is_not_first, &projects[0]).code, ERR_OK);
    struct grant *grant = grant_new(&draft, ACTOR_OPERATOR);
    assert_int_equal(grant->zone_count, 2);
    assert_int_equal(grant->zones[0].id_count, 1);
    assert_true(id_equal(&grant->zones[0].ids[0], &projects[1]));
    assert_int_equal(grant->zones[1].reach, GRANT_ALL);
    free(grant);
    assert_int_equal(grant_draft_prune(&draft, always_fails, NULL).code, ERR_IO);
    grant_draft_deinit(&draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_grant_has_what_is_open),
        cmocka_unit_test(a_grant_has_its_zones),
        cmocka_unit_test(the_column_is_the_most_there_is),
        cmocka_unit_test(lacking_memory_shows),
        cmocka_unit_test(grants_are_equal_by_content),
        cmocka_unit_test(a_prefix_is_another_grant),
        cmocka_unit_test(a_project_is_not_a_user),
        cmocka_unit_test(what_is_given_everywhere_is_held),
        cmocka_unit_test(test_projects_that_are_gone_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

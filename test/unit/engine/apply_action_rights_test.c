/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose right it is to record arrays of actions. */
#include "action_fixture.h"
#include "rights_fixture.h"

/* Scans among others, and others among scans, are judged as if they came alone. */
static void test_each_of_an_array_is_judged(void **state)
{
    struct mirror *mirror = *state;
    struct people people = people_in(&mirror->world);
    const struct perm_rights none = {{0}};
    const struct perm_rights rights[] = {
        rights_on("/actions/scans", "c"),
        {.operations = {[PERM_ACTIONS] = PERM_CREATE}},
        rights_on("/actions/:type", "c"),
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(rights); i++) {
        const char *const types[] = {i % 2 ? "scans" : "checkins", i % 2 ? "checkins" : "scans"};
        struct command_action actions[2] = {action_of(slice_of_text(types[0])),
                                            action_of(slice_of_text(types[1]))};
        struct command_batch *batch = batch_of(4096);
        actions_in(batch, 0, NULL, actions, 2)->actor =
            user_with(&mirror->world, &people, &people.ann, rights[i / 2], NULL, none);
        bool has_both = i / 2 == 2;
        assert_int_equal(mirror_outcome(mirror, batch), has_both ? ERR_OK : ERR_DENIED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MIRROR(test_each_of_an_array_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

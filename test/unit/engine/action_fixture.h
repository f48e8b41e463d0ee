/* SPDX-License-Identifier: Apache-2.0
 *
 * action_fixture.h - commands that record actions. */
#ifndef THRUM_TEST_UNIT_ACTION_FIXTURE_H
#define THRUM_TEST_UNIT_ACTION_FIXTURE_H

#include "mirror_fixture.h"

#include "model/property.h"

#define WITH_MIRROR(test) cmocka_unit_test_setup_teardown(test, mirror_setup, mirror_teardown)

static inline struct command *actions_in(struct command_batch *batch, enum resource_kind root,
                                         const struct id *target,
                                         const struct command_action *actions, uint32_t count)
{
    struct slice copy;
    assert_true(command_batch_copy(batch, slice_of(actions, count * sizeof(*actions)), &copy));
    struct command *command = command_in(batch, COMMAND_ACTIONS, 1);
    if (root != 0) {
        command->target = *target;
        command->target_kind = root;
    }
    command->as.actions.at = (const struct command_action *)(const void *)copy.at;
    command->as.actions.count = count;
    return command;
}

static inline struct command_action action_of(struct slice type)
{
    return (struct command_action){.type = type, .timestamp_ms = TIMESTAMP_NONE};
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages on plain topics: they name no resource, so the right is all that is to be judged. */
#include "engine/apply.h"

void apply_message(struct engine *engine, struct command *command)
{
    if (!engine_is_permitted(engine, command, PERM_PLAIN_TOPICS, PERM_CREATE)) {
        return;
    }
    uint8_t flags = command->as.message.retain ? MESSAGE_RETAIN : 0;
    uint64_t event = group_write_message(engine_group(engine), command->actor.account, flags,
                                         command->as.message.topic, command->as.message.payload);
    engine_wrote(engine, event);
    engine_answer(engine, command, ERR(OK), event);
}

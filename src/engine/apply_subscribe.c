/* SPDX-License-Identifier: Apache-2.0
 *
 * Subscriptions: may the key, does the resource exist, and behind which event does it begin. */
#include "engine/apply.h"

static enum head_found find_task(struct engine *engine, struct command *command)
{
    struct id id;
    struct head *task;
    if (!id_parse(command->as.subscribe.name, &id)) {
        return HEAD_UNSEEN;
    }
    enum head_found found = engine_find(engine, command, RESOURCE_TASK, &id, NULL, false, &task);
    if (found != HEAD_SEEN) {
        return found;
    }
    struct id batch = head_gist_id(task);
    return id_equal(&batch, &command->target) ? HEAD_SEEN : HEAD_UNSEEN;
}

/* What the name at the topic's end stands for. A key of a property that has never been used, and a
 * type that is not there yet of the whole account's actions, may be waited for; another type, and a
 * task, must exist (contract: pubsub.md 6.1). */
static enum head_found find_name(struct engine *engine, struct command *command)
{
    enum topic_family family = command->as.subscribe.family;
    switch (topic_family_row(family)->name_kind) {
    case TOPIC_NAME_ACTION_TYPE:
        return family == TOPIC_ACTIONS
                   ? HEAD_SEEN
                   : engine_find_action_type(engine, command, command->as.subscribe.name);
    case TOPIC_NAME_TASK:
        return find_task(engine, command);
    case TOPIC_NAME_KEY:
    case TOPIC_NAME_NONE:
        break;
    }
    return HEAD_SEEN;
}

void apply_subscribe(struct engine *engine, struct command *command)
{
    enum topic_family family = command->as.subscribe.family;
    enum perm_subject subject = perm_subject_of_topic(family, command->as.subscribe.name);
    enum perm_operation operation = perm_subscribe_operation(family);
    command->target_kind = topic_family_row(family)->resource;
    if (command->target_kind == 0) { /* the account's */
        if (!engine_is_permitted(engine, command, subject, operation)) {
            return;
        }
    } else if (engine_permitted_head(engine, command, subject, operation, false) == NULL) {
        return;
    }
    if (engine_has_found(engine, command, find_name(engine, command), ERR(NOT_FOUND))) {
        engine_answer(engine, command, ERR(OK), 0);
    }
}

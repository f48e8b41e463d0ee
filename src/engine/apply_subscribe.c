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

static bool selects(const struct command *command, unsigned family)
{
    return command->as.subscribe.families >> family & 1;
}

/* The first family of those selected that the key may subscribe to topics of, or TOPIC_NONE. */
static enum topic_family find_permitted(const struct command *command)
{
    for (unsigned family = TOPIC_NONE + 1; family < TOPIC_FAMILY_COUNT; family++) {
        if (selects(command, family) &&
            !err_is_set(perm_may(&command->actor, perm_subject_of_topic(family, (struct slice){0}),
                                 perm_subscribe_operation(family)))) {
            return (enum topic_family)family;
        }
    }
    return TOPIC_NONE;
}

/* Of which kind of resource all the topics are; 0: of several, or of the account. */
static enum resource_kind find_kind(const struct command *command)
{
    unsigned kinds = 0;
    enum resource_kind kind = 0;
    for (unsigned family = TOPIC_NONE + 1; family < TOPIC_FAMILY_COUNT; family++) {
        if (selects(command, family)) {
            kind = topic_family_row(family)->resource;
            kinds |= 1u << kind;
        }
    }
    return (kinds & (kinds - 1)) == 0 ? kind : 0;
}

/* Wildcards: what they select is judged event by event, and what is not there yet may come. So it
 * is enough that the key may subscribe to topics of one of the families; but a resource that is
 * named must be there, as for a topic. */
static void subscribe_to_many(struct engine *engine, struct command *command)
{
    enum topic_family family = find_permitted(command);
    if (family == TOPIC_NONE) {
        engine_answer(engine, command, ERR(DENIED), 0);
        return;
    }
    enum perm_subject subject = perm_subject_of_topic(family, (struct slice){0});
    enum perm_operation operation = perm_subscribe_operation(family);
    command->target_kind = find_kind(command);
    bool is_granted;
    if (command->target_kind != 0 && id_is_set(&command->target)) {
        is_granted = engine_permitted_head(engine, command, subject, operation, false) != NULL;
    } else {
        command->target = (struct id){0};
        is_granted = engine_is_permitted(engine, command, subject, operation);
    }
    if (is_granted) {
        engine_answer(engine, command, ERR(OK), 0);
    }
}

/* A filter that begins with a wildcard selects plain topics, and topics of the contract: it is
 * enough that the key may have some of either. */
static void subscribe_to_plain(struct engine *engine, struct command *command)
{
    bool may = !err_is_set(perm_may(&command->actor, PERM_PLAIN_TOPICS, PERM_LIST));
    if (!may && command->as.subscribe.families != 0) {
        subscribe_to_many(engine, command);
    } else {
        engine_answer(engine, command, may ? ERR(OK) : ERR(DENIED), 0);
    }
}

void apply_subscribe(struct engine *engine, struct command *command)
{
    if (command->as.subscribe.is_plain) {
        subscribe_to_plain(engine, command);
        return;
    }
    if (command->as.subscribe.families != 0) {
        subscribe_to_many(engine, command);
        return;
    }
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
        boundary_answer(engine, command);
    }
}

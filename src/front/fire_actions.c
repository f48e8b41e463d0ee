/* SPDX-License-Identifier: Apache-2.0
 *
 * An action fires on the account's topics, and on those of each target that its document names
 * (contract: pub/sub 4; README.md, point 10: a thng's product is named there, the collections it is
 * in are not). Each time on the topic of its type and on that of all types. */
#include "front/fire.h"

#include "model/action.h"

static void fire_pair(struct audience *audience, struct firing *firing, enum topic_family one,
                      enum topic_family all, const struct id *resource, struct slice type)
{
    fire_aim(audience, firing, all, resource, (struct slice){0});
    fire(audience, firing);
    fire_aim(audience, firing, one, resource, type);
    fire(audience, firing);
}

/* Seen by whoever sees the target: that matters to devices, which see their own thng alone. To
 * applications the action's own scopes say it. */
static void fire_target(struct audience *audience, struct firing *firing, enum topic_family one,
                        enum topic_family all, enum resource_kind kind, const struct id *target,
                        struct slice type)
{
    if (id_is_set(target)) {
        firing->seen_kind = kind;
        firing->seen = target;
        fire_pair(audience, firing, one, all, target, type);
    }
}

void fire_action(struct audience *audience, const struct event *event)
{
    if (event->operation != OPERATION_CREATED) {
        return;
    }
    struct action_targets targets;
    action_targets(event->text, &targets);
    struct firing firing = {
        .event = event,
        .seen_kind = RESOURCE_ACTION,
        .seen = event->resource,
        .has_scopes = true,
        .encode = fire_encode_document,
    };
    struct slice type = targets.type;
    fire_pair(audience, &firing, TOPIC_ACTIONS, TOPIC_ACTIONS_ALL, NULL, type);
    fire_target(audience, &firing, TOPIC_THNG_ACTIONS, TOPIC_THNG_ACTIONS_ALL, RESOURCE_THNG,
                &targets.thng, type);
    fire_target(audience, &firing, TOPIC_PRODUCT_ACTIONS, TOPIC_PRODUCT_ACTIONS_ALL,
                RESOURCE_PRODUCT, &targets.product, type);
    fire_target(audience, &firing, TOPIC_COLLECTION_ACTIONS, TOPIC_COLLECTION_ACTIONS_ALL,
                RESOURCE_COLLECTION, &targets.collection, type);
}

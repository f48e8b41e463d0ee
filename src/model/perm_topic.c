/* SPDX-License-Identifier: Apache-2.0
 *
 * Which row and which operation of perm.h a topic is judged by (contract: auth.md 6.2). */
#include "model/perm.h"

#include "base/assert.h"

static const struct {
    enum perm_subject subject;
    enum perm_operation publish; /* also of families that nobody may publish to */
    enum perm_operation subscribe;
} topic_rows[TOPIC_INDEX_COUNT] = {
    [TOPIC_ACTION_TYPES] = {PERM_ACTION_TYPES, PERM_CREATE, PERM_LIST},
    [TOPIC_ACTIONS_ALL] = {PERM_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_ACTIONS] = {PERM_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_BATCH_TASKS] = {PERM_BATCHES, PERM_UPDATE, PERM_LIST},
    [TOPIC_BATCH_TASK] = {PERM_BATCHES, PERM_UPDATE, PERM_READ},
    [TOPIC_COLLECTION] = {PERM_COLLECTIONS, PERM_UPDATE, PERM_READ},
    [TOPIC_COLLECTION_ACTIONS_ALL] = {PERM_COLLECTION_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_COLLECTION_ACTIONS] = {PERM_COLLECTION_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_COLLECTION_THNGS] = {PERM_MEMBERS, PERM_UPDATE, PERM_LIST},
    [TOPIC_PRODUCT_ACTIONS_ALL] = {PERM_PRODUCT_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_PRODUCT_ACTIONS] = {PERM_PRODUCT_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_PRODUCT_PROPERTIES] = {PERM_PRODUCT_PROPERTIES, PERM_UPDATE, PERM_READ},
    [TOPIC_PRODUCT_PROPERTY] = {PERM_PRODUCT_PROPERTIES, PERM_UPDATE, PERM_READ},
    [TOPIC_THNG] = {PERM_THNG, PERM_UPDATE, PERM_READ},
    [TOPIC_THNG_ACTIONS_ALL] = {PERM_THNG_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_THNG_ACTIONS] = {PERM_THNG_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_THNG_LOCATION] = {PERM_LOCATION, PERM_UPDATE, PERM_READ},
    [TOPIC_THNG_PROPERTIES] = {PERM_PROPERTIES, PERM_UPDATE, PERM_READ},
    [TOPIC_THNG_PROPERTY] = {PERM_PROPERTIES, PERM_UPDATE, PERM_READ},
    [TOPIC_PLAIN] = {PERM_PLAIN_TOPICS, PERM_CREATE, PERM_LIST},
};

enum perm_subject perm_subject_of_topic(enum topic_family family, struct slice name)
{
    ASSERT(family > TOPIC_NONE && family < TOPIC_INDEX_COUNT);
    bool is_scans = family == TOPIC_ACTIONS && slice_equal(name, SLICE("scans"));
    return is_scans ? PERM_SCANS : topic_rows[family].subject;
}

enum perm_operation perm_publish_operation(enum topic_family family)
{
    ASSERT(family > TOPIC_NONE && family < TOPIC_INDEX_COUNT);
    return topic_rows[family].publish;
}

enum perm_operation perm_subscribe_operation(enum topic_family family)
{
    ASSERT(family > TOPIC_NONE && family < TOPIC_INDEX_COUNT);
    return topic_rows[family].subscribe;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/subs.h"

#include "base/assert.h"
#include "engine/session.h"
#include "model/perm.h"

#include <stdlib.h>

void subs_init(struct subs *subs, uint64_t seed)
{
    *subs = (struct subs){.seed = seed};
    list_init(&subs->tokens);
}

void subs_deinit(struct subs *subs)
{
    ASSERT(subs->count == 0);
    map_deinit(&subs->topics);
    map_deinit(&subs->watches);
}

static bool topic_has_ref(const void *entry, const void *key)
{
    const struct subs_topic *topic = entry;
    const struct topic_ref *ref = key;
    return topic_equal(topic->ref, *ref);
}

struct subs_topic *subs_topic_find_named(const struct subs *subs, uint64_t resource_hash,
                                         struct topic_ref ref)
{
    return map_find(&subs->topics, topic_hash_named(resource_hash, ref.name), topic_has_ref, &ref);
}

struct subs_topic *subs_topic_find(const struct subs *subs, struct topic_ref ref)
{
    return map_find(&subs->topics, topic_hash(subs->seed, ref), topic_has_ref, &ref);
}

static struct subs_topic *topic_add(struct subs *subs, struct topic_ref ref)
{
    struct subs_topic *topic = calloc(1, sizeof(*topic) + ref.name.bytes);
    if (topic == NULL) {
        return NULL;
    }
    topic->ref.family = ref.family;
    if (ref.resource != NULL) {
        topic->resource = *ref.resource;
        topic->ref.resource = &topic->resource;
    }
    if (ref.name.bytes > 0) {
        memcpy(topic->name, ref.name.at, ref.name.bytes);
        topic->ref.name = slice_of(topic->name, ref.name.bytes);
    }
    list_init(&topic->subscriptions);
    topic->hash = topic_hash(subs->seed, ref);
    if (err_is_set(map_insert(&subs->topics, topic->hash, topic))) {
        free(topic);
        return NULL;
    }
    return topic;
}

static void topic_remove_if_unused(struct subs *subs, struct subs_topic *topic)
{
    if (topic->count == 0) {
        map_remove(&subs->topics, topic->hash, topic);
        free(topic);
    }
}

/* In a topic that many share the session's own list is the shorter way, and the other way round. */
static struct subscription *find_in(const struct subs_topic *topic, const struct session *session,
                                    struct slice filter)
{
    if (session->subscription_count < topic->count) {
        LIST_EACH (&session->subscriptions, link, after) {
            struct subscription *found = LIST_ENTRY(link, struct subscription, in_session);
            if (found->topic == topic && slice_equal(subscription_filter(found), filter)) {
                return found;
            }
        }
        return NULL;
    }
    LIST_EACH (&topic->subscriptions, link, after) {
        struct subscription *found = LIST_ENTRY(link, struct subscription, in_topic);
        if (found->session == session && slice_equal(subscription_filter(found), filter)) {
            return found;
        }
    }
    return NULL;
}

struct subscription *subs_find(const struct subs *subs, const struct session *session,
                               const struct topic *topic, struct slice filter)
{
    struct subs_topic *entry = subs_topic_find(subs, topic_ref(topic));
    return entry ? find_in(entry, session, filter) : NULL;
}

/* ---- watches ---- */

static bool watch_has_resource(const void *entry, const void *key)
{
    const struct subs_watch *watch = entry;
    return id_equal(&watch->resource, key);
}

struct subs_watch *subs_watch_find(const struct subs *subs, const struct id *resource)
{
    return map_find(&subs->watches, id_hash(subs->seed, resource), watch_has_resource, resource);
}

static struct subs_watch *watch_add(struct subs *subs, const struct id *resource)
{
    struct subs_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        return NULL;
    }
    watch->resource = *resource;
    list_init(&watch->subscriptions);
    if (err_is_set(map_insert(&subs->watches, id_hash(subs->seed, resource), watch))) {
        free(watch);
        return NULL;
    }
    return watch;
}

static void unwatch(struct subs *subs, struct subscription *subscription)
{
    struct subs_watch *watch = subscription->watch;
    if (watch == NULL) {
        return;
    }
    list_remove(&subscription->in_watch);
    subscription->watch = NULL;
    if (list_is_empty(&watch->subscriptions)) {
        map_remove(&subs->watches, id_hash(subs->seed, &watch->resource), watch);
        free(watch);
    }
}

/* In the middle of an event the places of the session's subscriptions shift: it is delivered from
 * its start again, rather twice than not at all. */
static void deliver_again(struct session *session)
{
    session->ordinal = 0;
}

void subs_hide(struct subscription *subscription, bool is_hidden)
{
    if (subscription->is_hidden != is_hidden) {
        subscription->is_hidden = is_hidden;
        deliver_again(subscription->session);
    }
}

/* It has just been granted: whatever the scopes are, they let it in. */
static struct err watch(struct subs *subs, struct subscription *subscription)
{
    bool is_narrow =
        perm_depends_on_scopes(&subscription->actor) || id_is_set(&subscription->project);
    const struct id *resource = subscription->topic->ref.resource;
    subs_hide(subscription, false);
    if (!is_narrow) {
        unwatch(subs, subscription);
        return ERR(OK);
    }
    if (resource == NULL || subscription->watch != NULL) {
        return ERR(OK);
    }
    struct subs_watch *found = subs_watch_find(subs, resource);
    found = found != NULL ? found : watch_add(subs, resource);
    if (found == NULL) {
        return ERR(NO_MEMORY);
    }
    subscription->watch = found;
    list_push(&found->subscriptions, &subscription->in_watch);
    return ERR(OK);
}

/* ---- adding and removing ---- */

struct err subs_add(struct subs *subs, const struct subs_wish *wish,
                    struct subscription **subscription)
{
    struct topic_ref ref = topic_ref(wish->topic);
    struct subs_topic *topic = subs_topic_find(subs, ref);
    if (topic == NULL) {
        topic = topic_add(subs, ref);
        if (topic == NULL) {
            return ERR(NO_MEMORY);
        }
    }
    struct subscription *added = find_in(topic, wish->session, wish->filter);
    if (added == NULL) {
        added = calloc(1, sizeof(*added) + wish->filter.bytes);
        if (added == NULL) {
            topic_remove_if_unused(subs, topic);
            return ERR(NO_MEMORY);
        }
        added->session = wish->session;
        added->topic = topic;
        added->filter_bytes = wish->filter.bytes;
        if (wish->filter.bytes > 0) {
            memcpy(added->filter, wish->filter.at, wish->filter.bytes);
        }
        added->first_sequence = wish->first_sequence;
        list_push(&topic->subscriptions, &added->in_topic);
        list_push(&wish->session->subscriptions, &added->in_session);
        topic->count++;
        wish->session->subscription_count++;
        subs->count++;
    }
    /* Replaced [MQTT-3.8.4-3]: the flow of messages goes on, so first_sequence stays. */
    added->qos = wish->qos;
    added->actor = *wish->actor;
    added->token_hash = wish->token_hash;
    list_remove(&added->in_tokens);
    if (added->token_hash != 0) {
        list_push(&subs->tokens, &added->in_tokens);
    }
    added->pub_states = wish->topic->options.pub_states;
    added->project = wish->topic->options.project;
    struct err err = watch(subs, added);
    if (err_is_set(err)) {
        subs_remove(subs, added); /* rather none than one that hears what it may not */
        return err;
    }
    *subscription = added;
    return ERR(OK);
}

void subs_remove(struct subs *subs, struct subscription *subscription)
{
    struct subs_topic *topic = subscription->topic;
    deliver_again(subscription->session);
    unwatch(subs, subscription);
    list_remove(&subscription->in_tokens);
    list_remove(&subscription->in_topic);
    list_remove(&subscription->in_session);
    topic->count--;
    subscription->session->subscription_count--;
    subs->count--;
    free(subscription);
    topic_remove_if_unused(subs, topic);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/subs.h"

#include "base/assert.h"
#include "engine/session.h"
#include "model/plain_topic.h"
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
    map_deinit(&subs->filters);
    map_deinit(&subs->watches);
    filter_tree_deinit(&subs->plain);
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

struct topic_ref subs_plain_ref(uint32_t account, struct id *id, struct slice text)
{
    *id = (struct id){0};
    id->text[0] = 2; /* no id begins so */
    memcpy(&id->text[4], &account, sizeof(account));
    return (struct topic_ref){.family = TOPIC_PLAIN, .resource = id, .name = text};
}

static bool is_in_tree(struct topic_ref ref)
{
    return ref.family == TOPIC_PLAIN && plain_filter_has_wildcard(ref.name);
}

static void leave_tree(struct subs *subs, const struct subs_topic *topic)
{
    if (is_in_tree(topic->ref)) {
        filter_tree_remove(&subs->plain, topic->ref.resource, topic->ref.name);
    }
}

/* An entry has come, or gone (-1). */
static void count_open(struct subs *subs, struct topic_ref ref, int change)
{
    uint32_t *open = subs->open[ref.family];
    open[topic_ref_open(ref)] += (uint32_t)change;
    bool has_open = false;
    for (unsigned i = 1; i < SUBS_OPEN_COUNT; i++) {
        has_open = has_open || open[i] > 0;
    }
    subs->has_open[ref.family] = has_open;
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
    list_init(&topic->places);
    topic->hash = topic_hash(subs->seed, ref);
    if (is_in_tree(ref) &&
        err_is_set(filter_tree_add(&subs->plain, ref.resource, ref.name, topic))) {
        free(topic);
        return NULL;
    }
    if (err_is_set(map_insert(&subs->topics, topic->hash, topic))) {
        leave_tree(subs, topic);
        free(topic);
        return NULL;
    }
    count_open(subs, ref, 1);
    return topic;
}

static void topic_remove_if_unused(struct subs *subs, struct subs_topic *topic)
{
    if (topic->count == 0) {
        map_remove(&subs->topics, topic->hash, topic);
        leave_tree(subs, topic);
        count_open(subs, topic->ref, -1);
        free(topic);
    }
}

/* ---- by filter ---- */

/* Whose subscription, and how it is spelled. */
struct filter_key {
    const struct session *session;
    struct slice text;
};

static uint64_t filter_hash(const struct subs *subs, const struct filter_key *key)
{
    return hash_bytes(hash_number(subs->seed, (uintptr_t)key->session), key->text);
}

static struct filter_key filter_key(const struct subscription *subscription)
{
    return (struct filter_key){subscription->session, subscription_filter(subscription)};
}

static bool has_filter(const void *entry, const void *key)
{
    const struct filter_key wanted = *(const struct filter_key *)key;
    const struct filter_key found = filter_key(entry);
    return found.session == wanted.session && slice_equal(found.text, wanted.text);
}

struct subscription *subs_find(const struct subs *subs, const struct session *session,
                               struct slice text)
{
    const struct filter_key key = {session, text};
    return map_find(&subs->filters, filter_hash(subs, &key), has_filter, &key);
}

bool subs_selects_alike(const struct subscription *subscription, const struct topic_filter *filter)
{
    bool is_alike = subscription->place_count == filter->count;
    for (unsigned i = 0; i < filter->count && is_alike; i++) {
        is_alike = topic_equal(subscription->places[i].topic->ref, topic_filter_ref(filter, i));
    }
    return is_alike;
}

uint64_t subs_hash_filter(const struct subs *subs, const struct topic_filter *filter)
{
    uint64_t hash = subs->seed;
    for (unsigned i = 0; i < filter->count; i++) {
        hash = hash_number(hash, topic_hash(subs->seed, topic_filter_ref(filter, i)));
    }
    return hash;
}

uint64_t subs_hash_selected(const struct subs *subs, const struct subscription *subscription)
{
    uint64_t hash = subs->seed;
    for (unsigned i = 0; i < subscription->place_count; i++) {
        hash = hash_number(hash, subscription->places[i].topic->hash);
    }
    return hash;
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

void subs_hide(struct subscription *subscription, bool is_hidden)
{
    subscription->is_hidden = is_hidden;
}

/* It has just been granted: whatever the scopes are, they let it in. */
static struct err watch(struct subs *subs, struct subscription *subscription)
{
    bool is_narrow =
        perm_depends_on_scopes(&subscription->actor) || id_is_set(&subscription->project);
    const struct topic_ref ref = subscription_topic(subscription);
    const struct id *resource = ref.resource;
    subs_hide(subscription, false);
    if (!is_narrow || subscription->has_wildcard || ref.family == TOPIC_PLAIN) {
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

/* Entries of topics of the contract. */
static unsigned wish_topics(const struct subs_wish *wish)
{
    return wish->filter != NULL ? wish->filter->count : wish->topic != NULL;
}

static unsigned wish_count(const struct subs_wish *wish)
{
    return wish_topics(wish) + !slice_is_empty(wish->plain);
}

static struct topic_ref wish_ref(const struct subs_wish *wish, unsigned index, struct id *account)
{
    if (index == wish_topics(wish)) {
        return subs_plain_ref(wish->actor->account, account, wish->plain);
    }
    return wish->filter != NULL ? topic_filter_ref(wish->filter, index) : topic_ref(wish->topic);
}

static bool wish_has_wildcard(const struct subs_wish *wish)
{
    return (wish->filter != NULL && wish->filter->has_wildcard) ||
           plain_filter_has_wildcard(wish->plain);
}

static struct topic_options wish_options(const struct subs_wish *wish)
{
    const struct topic *topic = wish->filter != NULL ? &wish->filter->topic : wish->topic;
    return topic != NULL ? topic->options : (struct topic_options){0};
}

/* Takes the subscription out of the index; its first places have been filled. */
static void leave_places(struct subs *subs, struct subscription *subscription)
{
    for (unsigned i = 0; i < subscription->place_count; i++) {
        struct subs_place *place = &subscription->places[i];
        if (place->topic != NULL) {
            list_remove(&place->in_topic);
            place->topic->count--;
            topic_remove_if_unused(subs, place->topic);
        }
    }
}

static struct err take_place(struct subs *subs, struct subscription *subscription, unsigned index,
                             struct topic_ref ref)
{
    struct subs_place *place = &subscription->places[index];
    place->topic = subs_topic_find(subs, ref);
    if (place->topic == NULL) {
        place->topic = topic_add(subs, ref);
    }
    if (place->topic == NULL) {
        return ERR(NO_MEMORY);
    }
    place->subscription = subscription;
    list_push(&place->topic->places, &place->in_topic);
    place->topic->count++;
    return ERR(OK);
}

/* Under its filter, and under all that it selects. */
static struct err enter(struct subs *subs, struct subscription *subscription,
                        const struct subs_wish *wish)
{
    const struct filter_key key = filter_key(subscription);
    struct err err = ERR(OK);
    struct id account;
    for (unsigned i = 0; i < subscription->place_count && !err_is_set(err); i++) {
        err = take_place(subs, subscription, i, wish_ref(wish, i, &account));
    }
    if (!err_is_set(err)) {
        err = map_insert(&subs->filters, filter_hash(subs, &key), subscription);
    }
    if (err_is_set(err)) {
        leave_places(subs, subscription);
    }
    return err;
}

/* A new one in the index, with its filter; the rest is all-zero. */
static struct subscription *subscription_new(struct subs *subs, const struct subs_wish *wish)
{
    unsigned count = wish_count(wish);
    struct subscription *added;
    added = calloc(1, sizeof(*added) + count * sizeof(added->places[0]) + wish->text.bytes);
    if (added == NULL) {
        return NULL;
    }
    added->session = wish->session;
    added->place_count = (uint8_t)count;
    added->filter_bytes = (uint16_t)wish->text.bytes;
    if (wish->text.bytes > 0) {
        memcpy(&added->places[count], wish->text.at, wish->text.bytes);
    }
    if (err_is_set(enter(subs, added, wish))) {
        free(added);
        return NULL;
    }
    added->first_sequence = wish->first_sequence;
    list_push(&wish->session->subscriptions, &added->in_session);
    wish->session->subscription_count++;
    subs->count++;
    return added;
}

struct err subs_add(struct subs *subs, const struct subs_wish *wish,
                    struct subscription **subscription)
{
    const struct topic_options options = wish_options(wish);
    ASSERT(wish->text.bytes <= TOPIC_BYTES_MAX);
    struct subscription *added = subs_find(subs, wish->session, wish->text);
    if (added == NULL) {
        added = subscription_new(subs, wish);
        if (added == NULL) {
            return ERR(NO_MEMORY);
        }
    }
    /* Replaced [MQTT-3.8.4-3]: the flow of messages goes on, so first_sequence stays. */
    added->qos = wish->qos;
    added->actor = *wish->actor;
    added->token_hash = wish->token_hash;
    list_remove(&added->in_tokens);
    if (added->token_hash != 0) {
        list_push(&subs->tokens, &added->in_tokens);
    }
    added->has_wildcard = wish_has_wildcard(wish);
    added->pub_states = options.pub_states;
    added->project = options.project;
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
    const struct filter_key key = filter_key(subscription);
    if (subscription->share != NULL) {
        subs->on_removed(subs, subscription);
    }
    unwatch(subs, subscription);
    list_remove(&subscription->in_tokens);
    list_remove(&subscription->in_states);
    map_remove(&subs->filters, filter_hash(subs, &key), subscription);
    leave_places(subs, subscription);
    list_remove(&subscription->in_session);
    subscription->session->subscription_count--;
    subs->count--;
    free(subscription);
}

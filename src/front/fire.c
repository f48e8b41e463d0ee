/* SPDX-License-Identifier: Apache-2.0 */
#include "front/fire.h"

#include "front/conn.h"
#include "model/perm.h"

/* A firing on its way to the subscribers. Payload and topic are made when somebody wants them. */
struct message {
    const struct firing *firing;
    bool has_payload;
    bool has_topic;
};

static bool is_plain(const struct firing *firing)
{
    return firing->ref.family == TOPIC_PLAIN;
}

static struct slice topic_of_message(const struct front *front,
                                     const struct subscription *subscription,
                                     const struct firing *firing)
{
    if (is_plain(firing)) {
        return firing->ref.name;
    }
    return subscription->has_wildcard ? buf_data(&front->topic) : (struct slice){0};
}

static bool is_live(const struct audience *audience)
{
    return audience->only == NULL && audience->walk == NULL;
}

static bool hand_over(const struct audience *audience, struct subscription *subscription,
                      const struct message *message)
{
    struct front *front = audience->front;
    struct session *session = subscription->session;
    const struct event *event = message->firing->event;
    struct delivery delivery = {
        .subscription = subscription,
        .topic = topic_of_message(front, subscription, message->firing),
        .is_plain = is_plain(message->firing),
        .payload = buf_data(&front->payload),
        .qos = subscription->qos < event->qos ? subscription->qos : event->qos,
        .is_last = message->firing->is_last,
        .sequence = event->sequence,
        .firing = audience->firings,
    };
    if (!session->ops->deliver(session, &delivery)) {
        return false;
    }
    subscription->heard_sequence = event->sequence;
    subscription->heard_firing = audience->firings;
    return true;
}

/* A session that stopped in the middle of an event goes on there. Subscriptions may have come and
 * gone in between, so each knows what it has had. */
static bool has_heard(const struct audience *audience, const struct subscription *subscription,
                      const struct firing *firing)
{
    return subscription->heard_sequence == firing->event->sequence &&
           subscription->heard_firing >= audience->firings;
}

/* Does the key see it, and may it be told of it? That it may subscribe to one topic has been
 * judged; a role or a share may give that for some resources and not for others, and wildcards name
 * topics of any kind. */
static bool may_see(const struct subscription *subscription, struct topic_ref ref,
                    const struct perm_resource *resource)
{
    const struct actor *actor = &subscription->actor;
    bool may_subscribe = actor->grant == NULL && !subscription->has_wildcard;
    if (may_subscribe || ref.family == TOPIC_NONE) { /* fire_end_of */
        return !err_is_set(perm_sees(actor, resource));
    }
    return !err_is_set(perm_judge(actor, perm_subject_of_topic(ref.family, ref.name),
                                  perm_subscribe_operation(ref.family), resource));
}

/* The same, and in the project that the topic names? */
static bool sees(const struct subscription *subscription, struct topic_ref ref,
                 const struct perm_resource *resource)
{
    return (!id_is_set(&subscription->project) ||
            perm_scopes_have_project(resource->scopes, &subscription->project)) &&
           may_see(subscription, ref, resource);
}

/* Judged per event, so that a wide subscription delivers only what its key could GET. */
static bool may_hear(const struct subscription *subscription, const struct firing *firing)
{
    const struct actor *actor = &subscription->actor;
    const struct event *event = firing->event;
    if (is_plain(firing)) {
        return actor->account == event->account &&
               (actor->grant == NULL || !err_is_set(perm_may(actor, PERM_PLAIN_TOPICS, PERM_LIST)));
    }
    const struct perm_resource resource = {
        .account = event->account,
        .kind = firing->seen_kind,
        .id = firing->seen,
        .scopes = firing->has_scopes ? event->scopes : (struct slice){0},
    };
    if (!firing->is_judged || (subscription->has_wildcard && firing->has_scopes)) {
        return sees(subscription, firing->ref, &resource);
    }
    bool is_narrow = perm_depends_on_scopes(actor) || id_is_set(&subscription->project);
    if (subscription->has_wildcard) {
        return !is_narrow && may_see(subscription, firing->ref, &resource);
    }
    if (subscription->is_hidden && !firing->is_last) {
        return false;
    }
    return perm_depends_on_scopes(actor) ? actor->account == event->account
                                         : may_see(subscription, firing->ref, &resource);
}

/* The scopes may be others now: who hears of the resource by events that do not tell scopes is
 * judged anew. (A session that is behind is judged by what is so now, too.) */
static void take_scopes(const struct front *front, const struct event *event)
{
    const struct subs_watch *watch = subs_watch_find(&front->subs, event->resource);
    if (watch == NULL) {
        return;
    }
    const struct perm_resource resource = {
        .account = event->account,
        .kind = event->kind,
        .id = event->resource,
        .scopes = event->scopes,
    };
    LIST_EACH (&watch->subscriptions, link, after) {
        struct subscription *found = LIST_ENTRY(link, struct subscription, in_watch);
        subs_hide(found, !sees(found, subscription_topic(found), &resource));
    }
}

static bool is_for(const struct subscription *subscription, const struct firing *firing)
{
    return subscription->first_sequence <= firing->event->sequence &&
           may_hear(subscription, firing);
}

static bool write_once(struct front *front, const struct subscription *subscription,
                       struct message *message)
{
    const struct firing *firing = message->firing;
    if (!message->has_payload) {
        buf_reset(&front->payload);
        firing->encode(&front->payload, firing);
        message->has_payload = true;
    }
    if (subscription->has_wildcard && !message->has_topic && !is_plain(firing)) {
        buf_reset(&front->topic);
        topic_write(&front->topic, firing->ref);
        message->has_topic = true;
    }
    return !front->payload.failed && !(message->has_topic && front->topic.failed);
}

static void to_live(const struct audience *audience, const struct subs_topic *topic,
                    struct message *message)
{
    struct front *front = audience->front;
    const struct firing *firing = message->firing;
    LIST_EACH (&topic->places, link, after) {
        struct subscription *subscription =
            LIST_ENTRY(link, struct subs_place, in_topic)->subscription;
        struct session *session = subscription->session;
        if (session->is_behind || !is_for(subscription, firing)) {
            continue;
        }
        if (!write_once(front, subscription, message) ||
            !hand_over(audience, subscription, message)) {
            session->is_behind = true;
            session->cursor = firing->event->sequence;
            atomic_fetch_add_explicit(&front->stats.fell_behind, 1, memory_order_relaxed);
        }
    }
}

static void to_one(struct audience *audience, struct subscription *subscription,
                   struct message *message)
{
    if (audience->is_blocked || subscription->session != audience->only ||
        !is_for(subscription, message->firing) ||
        has_heard(audience, subscription, message->firing)) {
        return;
    }
    audience->is_blocked = !write_once(audience->front, subscription, message) ||
                           !hand_over(audience, subscription, message);
}

/* Who can take no more goes no further along. */
static void to_walk(const struct audience *audience, const struct subs_topic *topic,
                    struct message *message)
{
    const struct firing *firing = message->firing;
    LIST_EACH (&topic->places, link, after) {
        struct subscription *subscription =
            LIST_ENTRY(link, struct subs_place, in_topic)->subscription;
        struct session *session = subscription->session;
        if (session->walk != audience->walk || firing->event->sequence < session->cursor ||
            !is_for(subscription, firing) || has_heard(audience, subscription, firing)) {
            continue;
        }
        session->cursor = firing->event->sequence;
        if (!write_once(audience->front, subscription, message) ||
            !hand_over(audience, subscription, message)) {
            session->walk = NULL;
        }
    }
}

static bool stands_in(const struct subscription *subscription, const struct subs_topic *topic)
{
    unsigned i = 0;
    while (i < subscription->place_count && subscription->places[i].topic != topic) {
        i++;
    }
    return i < subscription->place_count;
}

/* In the topic's order, which is that of the live way; by the shorter of the two lists. */
static void to_session(struct audience *audience, const struct subs_topic *topic,
                       struct message *message)
{
    if (audience->only->subscription_count < topic->count) {
        LIST_EACH (&audience->only->subscriptions, link, after) {
            struct subscription *found = LIST_ENTRY(link, struct subscription, in_session);
            if (stands_in(found, topic)) {
                to_one(audience, found, message);
            }
        }
        return;
    }
    LIST_EACH (&topic->places, link, after) {
        to_one(audience, LIST_ENTRY(link, struct subs_place, in_topic)->subscription, message);
    }
}

static void to_entry(struct audience *audience, const struct subs_topic *topic,
                     struct message *message)
{
    if (topic == NULL) {
        return;
    }
    if (audience->only != NULL) {
        to_session(audience, topic, message);
    } else if (audience->walk != NULL) {
        to_walk(audience, topic, message);
    } else {
        to_live(audience, topic, message);
    }
}

/* The entry of those whose filters leave that open of the topic, or NULL. */
static const struct subs_topic *open_topic(const struct subs *subs, struct topic_ref ref,
                                           unsigned open)
{
    if (subs->open[ref.family][open] == 0) {
        return NULL;
    }
    ref.resource = open & TOPIC_OPEN_RESOURCE ? NULL : ref.resource;
    ref.name = open & TOPIC_OPEN_NAME ? (struct slice){0} : ref.name;
    return subs_topic_find(subs, ref);
}

void fire_aim(struct audience *audience, struct firing *firing, enum topic_family family,
              const struct id *resource, struct slice name)
{
    audience->firings++;
    firing->ref = (struct topic_ref){.family = family, .resource = resource, .name = name};
    firing->resource_hash = topic_hash_resource(audience->front->subs.seed, family, resource);
}

static const struct subs_topic *topic_of(const struct audience *audience,
                                         const struct firing *firing)
{
    return subs_topic_find_named(&audience->front->subs, firing->resource_hash, firing->ref);
}

bool fire_is_wanted(const struct audience *audience, const struct firing *firing)
{
    const struct subs *subs = &audience->front->subs;
    bool is_wanted = topic_of(audience, firing) != NULL;
    bool has_open = subs->has_open[firing->ref.family];
    for (unsigned open = 1; open < SUBS_OPEN_COUNT && has_open && !is_wanted; open++) {
        is_wanted = open_topic(subs, firing->ref, open) != NULL;
    }
    return is_wanted;
}

/* Filters of plain topics that match, one by one. */
struct plain_matches {
    struct audience *audience;
    struct message *message;
};

static void to_match(void *arg, void *entry)
{
    const struct plain_matches *matches = arg;
    to_entry(matches->audience, entry, matches->message);
}

void fire(struct audience *audience, const struct firing *firing)
{
    const struct subs *subs = &audience->front->subs;
    struct message message = {.firing = firing};
    if (is_plain(firing)) {
        struct plain_matches matches = {audience, &message};
        filter_tree_match(&subs->plain, firing->ref.resource, firing->ref.name, to_match, &matches);
    }
    to_entry(audience, topic_of(audience, firing), &message);
    bool has_open = subs->has_open[firing->ref.family];
    for (unsigned open = 1; open < SUBS_OPEN_COUNT && has_open; open++) {
        to_entry(audience, open_topic(subs, firing->ref, open), &message);
    }
}

void fire_later(struct audience *audience, const struct event *event)
{
    struct front *front = audience->front;
    if (!is_live(audience)) {
        audience->is_blocked = true;
        return;
    }
    LIST_EACH (&front->conns, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, all);
        if (conn->session != NULL) {
            session_fall_behind(conn->session, event->sequence - 1);
            front_catch_up_later(front, conn);
        }
    }
}

void fire_event(struct audience *audience, const struct event *event)
{
    switch (event->type) {
    case EVENT_POINTS:
        if (!(event->flags & POINTS_SILENT)) {
            fire_points(audience, event);
        }
        return;
    case EVENT_DOCUMENT:
        if (event->operation == OPERATION_UPDATED && is_live(audience)) {
            take_scopes(audience->front, event);
        }
        if (event->kind == RESOURCE_ACTION) {
            fire_action(audience, event);
        } else {
            fire_document(audience, event);
        }
        return;
    case EVENT_MEMBERS:
        fire_members(audience, event);
        return;
    case EVENT_MESSAGE:
        fire_message(audience, event);
        return;
    case EVENT_CUT:
    case EVENT_KEY:
        return; /* nobody is told (contract: pub/sub 4) */
    }
}

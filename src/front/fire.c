/* SPDX-License-Identifier: Apache-2.0 */
#include "front/fire.h"

#include "model/perm.h"

static bool hand_over(struct front *front, struct session *session,
                      const struct subscription *subscription, const struct firing *firing)
{
    const struct event *event = firing->event;
    struct delivery delivery = {
        .subscription = subscription,
        .payload = buf_data(&front->payload),
        .qos = subscription->qos < event->qos ? subscription->qos : event->qos,
        .is_last = firing->is_last,
        .sequence = event->sequence,
    };
    return session->ops->deliver(session, &delivery);
}

/* Does the key see it, and may it be told of it? That it may subscribe at all has been judged; a
 * role or a share may give that for some resources and not for others. */
static bool may_see(const struct subscription *subscription, const struct perm_resource *resource)
{
    const struct actor *actor = &subscription->actor;
    struct topic_ref ref = subscription->topic->ref;
    if (actor->grant == NULL || ref.family == TOPIC_NONE) { /* fire_end_of */
        return !err_is_set(perm_sees(actor, resource));
    }
    return !err_is_set(perm_judge(actor, perm_subject_of_topic(ref.family, ref.name),
                                  perm_subscribe_operation(ref.family), resource));
}

/* The same, and in the project that the topic names? */
static bool sees(const struct subscription *subscription, const struct perm_resource *resource)
{
    return (!id_is_set(&subscription->project) ||
            perm_scopes_have_project(resource->scopes, &subscription->project)) &&
           may_see(subscription, resource);
}

/* Judged per event, so that a wide subscription delivers only what its key could GET. */
static bool may_hear(const struct subscription *subscription, const struct firing *firing)
{
    const struct actor *actor = &subscription->actor;
    const struct event *event = firing->event;
    const struct perm_resource resource = {
        .account = event->account,
        .kind = firing->seen_kind,
        .id = firing->seen,
        .scopes = firing->has_scopes ? event->scopes : (struct slice){0},
    };
    if (firing->has_scopes) {
        return sees(subscription, &resource);
    }
    if (subscription->is_hidden && !firing->is_last) {
        return false;
    }
    return perm_depends_on_scopes(actor) ? actor->account == event->account
                                         : may_see(subscription, &resource);
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
        subs_hide(found, !sees(found, &resource));
    }
}

static bool is_for(const struct subscription *subscription, const struct firing *firing)
{
    return subscription->first_sequence <= firing->event->sequence &&
           may_hear(subscription, firing);
}

static bool encode_once(struct front *front, const struct firing *firing, bool *is_encoded)
{
    if (!*is_encoded) {
        buf_reset(&front->payload);
        firing->encode(&front->payload, firing);
        *is_encoded = true;
    }
    return !front->payload.failed;
}

static void to_live(struct front *front, const struct subs_topic *topic,
                    const struct firing *firing)
{
    bool is_encoded = false;
    LIST_EACH (&topic->subscriptions, link, after) {
        struct subscription *subscription = LIST_ENTRY(link, struct subscription, in_topic);
        struct session *session = subscription->session;
        if (session->is_behind || !is_for(subscription, firing)) {
            continue;
        }
        if (session->cursor != firing->event->sequence) {
            session->cursor = firing->event->sequence;
            session->ordinal = 0;
        }
        if (encode_once(front, firing, &is_encoded) &&
            hand_over(front, session, subscription, firing)) {
            session->ordinal++;
        } else {
            session->is_behind = true;
            atomic_fetch_add_explicit(&front->stats.fell_behind, 1, memory_order_relaxed);
        }
    }
}

static void to_one(struct audience *audience, struct subscription *subscription,
                   const struct firing *firing, bool *is_encoded)
{
    struct session *session = audience->only;
    if (audience->is_blocked || subscription->session != session || !is_for(subscription, firing)) {
        return;
    }
    if (audience->ordinal++ < session->ordinal) {
        return; /* it has had this one */
    }
    if (encode_once(audience->front, firing, is_encoded) &&
        hand_over(audience->front, session, subscription, firing)) {
        session->ordinal++;
    } else {
        audience->is_blocked = true;
    }
}

/* In the topic's order, which is that of the live way; by the shorter of the two lists. */
static void to_session(struct audience *audience, const struct subs_topic *topic,
                       const struct firing *firing)
{
    bool is_encoded = false;
    if (audience->only->subscription_count < topic->count) {
        LIST_EACH (&audience->only->subscriptions, link, after) {
            struct subscription *found = LIST_ENTRY(link, struct subscription, in_session);
            if (found->topic == topic) {
                to_one(audience, found, firing, &is_encoded);
            }
        }
        return;
    }
    LIST_EACH (&topic->subscriptions, link, after) {
        to_one(audience, LIST_ENTRY(link, struct subscription, in_topic), firing, &is_encoded);
    }
}

void fire_aim(const struct audience *audience, struct firing *firing, enum topic_family family,
              const struct id *resource, struct slice name)
{
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
    return topic_of(audience, firing) != NULL;
}

void fire(struct audience *audience, const struct firing *firing)
{
    const struct subs_topic *topic = topic_of(audience, firing);
    if (topic == NULL) {
        return;
    }
    if (audience->only != NULL) {
        to_session(audience, topic, firing);
    } else {
        to_live(audience->front, topic, firing);
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
        if (event->operation == OPERATION_UPDATED && audience->only == NULL) {
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
    case EVENT_CUT:
    case EVENT_KEY:
        return; /* nobody is told (contract: pub/sub 4) */
    }
}

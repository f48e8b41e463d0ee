/* SPDX-License-Identifier: Apache-2.0
 *
 * What events do to the keys that a loop keeps: they end, with their connections; or what they may
 * has changed, which the next request finds out, and, if that is to be so, open connections too. */
#include "front/auth_inside.h"

#include "base/assert.h"
#include "model/document.h"
#include "model/grant.h"

/* ---- what ends ---- */

/* One key, or all of an application, of its users, or of all applications of a project. */
struct ending {
    uint64_t token_hash;
    const struct id *owner; /* NULL: the key of <token_hash> */
};

static bool is_of(const struct actor *actor, const struct id *owner)
{
    switch (actor->kind) {
    case ACTOR_APPLICATION:
    case ACTOR_TRUSTED:
        return id_equal(&actor->project, owner) || id_equal(&actor->id, owner);
    case ACTOR_USER:
        return id_equal(&actor->project, owner) || id_equal(&actor->application, owner);
    default:
        return false;
    }
}

static bool ends(const struct ending *ending, uint64_t token_hash, const struct actor *actor)
{
    return ending->owner != NULL ? is_of(actor, ending->owner) : token_hash == ending->token_hash;
}

/* Subscriptions that were made with the key as a token on their topic end with it. */
static void end_token_subscriptions(struct front *front, const struct ending *ending)
{
    LIST_EACH (&front->subs.tokens, link, after) {
        struct subscription *found = LIST_ENTRY(link, struct subscription, in_tokens);
        if (ends(ending, found->token_hash, &found->actor)) {
            subs_remove(&front->subs, found);
        }
    }
}

/* The connections that act with the key end, and it is forgotten. */
void auth_entry_revoke(struct auth *auth, struct auth_entry *entry)
{
    LIST_EACH (&entry->conns, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, by_key);
        if (!conn_is_closing(conn)) {
            conn->proto->on_revoked(conn);
        }
    }
    end_token_subscriptions(auth->front,
                            &(struct ending){.token_hash = auth_entry_hash(entry->hash) | 1});
    auth_entry_remove(auth, entry);
}

static void take_owner_deleted(struct auth *auth, const struct id *owner)
{
    end_token_subscriptions(auth->front, &(struct ending){.owner = owner});
    LIST_EACH (&auth->age, link, after) {
        struct auth_entry *entry = LIST_ENTRY(link, struct auth_entry, age);
        if (is_of(&entry->actor, owner)) {
            auth_entry_revoke(auth, entry);
        }
    }
}

static void take_key(struct auth *auth, const struct event *event)
{
    struct auth_entry *entry = auth_entry_find(auth, event->hash);
    if (event->operation == OPERATION_DELETED) {
        if (entry != NULL) {
            auth_entry_revoke(auth, entry);
        } else {
            end_token_subscriptions(
                auth->front, &(struct ending){.token_hash = auth_entry_hash(event->hash) | 1});
        }
    } else if (entry != NULL) {
        auth_entry_remove(auth, entry); /* it was known not to exist */
    }
}

/* ---- what keys may ---- */

/* Are there subscriptions that were made with that key as a token? */
static bool is_token_used(const struct front *front, uint64_t token_hash)
{
    LIST_EACH (&front->subs.tokens, link, after) {
        if (LIST_ENTRY(link, struct subscription, in_tokens)->token_hash == token_hash) {
            return true;
        }
    }
    return false;
}

/* The next who asks looks it up anew; and those who do not ask again, when they are to know. */
static void entry_change(struct auth *auth, struct auth_entry *entry, uint64_t sequence)
{
    entry->stale_since = sequence;
    if (!auth->front->shared->limits.role_changes_at_once || link_is_in_list(&entry->refresh)) {
        return;
    }
    if (!list_is_empty(&entry->conns) ||
        is_token_used(auth->front, auth_entry_hash(entry->hash) | 1)) {
        list_push(&auth->refresh, &entry->refresh);
    }
}

static void change_actor(struct auth *auth, const struct id *id, uint64_t sequence)
{
    const struct auth_actor *actor = auth_actor_find(auth, id);
    if (actor == NULL) {
        return;
    }
    LIST_EACH (&actor->entries, link, after) {
        entry_change(auth, LIST_ENTRY(link, struct auth_entry, same_actor), sequence);
    }
}

/* Whose rights come from roles or policies. */
static bool has_role(const struct actor *actor)
{
    return actor->kind == ACTOR_OPERATOR || actor->kind == ACTOR_USER ||
           actor->kind == ACTOR_ACCESS_TOKEN;
}

static void change_account(struct auth *auth, uint32_t account, uint64_t sequence)
{
    LIST_EACH (&auth->age, link, after) {
        struct auth_entry *entry = LIST_ENTRY(link, struct auth_entry, age);
        if (entry->actor.account == account && has_role(&entry->actor)) {
            entry_change(auth, entry, sequence);
        }
    }
}

/* What somebody shared has ended. Users come and go all day long, and few share: so the kept keys
 * are not looked through, but those that shares let at something are looked up anew at their next
 * use. */
static void end_share(struct auth *auth, const struct event *event)
{
    auth->last_unshared = event->sequence;
    if (!auth->front->shared->limits.role_changes_at_once) {
        return;
    }
    LIST_EACH (&auth->age, link, after) {
        struct auth_entry *entry = LIST_ENTRY(link, struct auth_entry, age);
        if (entry->actor.account == event->account && auth_has_shares(&entry->actor)) {
            entry_change(auth, entry, event->sequence);
        }
    }
}

/* A share says whom it is for; when it is deleted its event does not. */
static void take_share(struct auth *auth, const struct event *event)
{
    struct id receiver;
    if (event->operation == OPERATION_DELETED) {
        end_share(auth, event);
    } else if (document_id(event->text, SLICE("user"), &receiver)) {
        change_actor(auth, &receiver, event->sequence);
    }
}

static void take_document(struct auth *auth, const struct event *event)
{
    switch (event->kind) {
    case RESOURCE_PROJECT:
    case RESOURCE_APPLICATION:
        if (event->operation == OPERATION_DELETED) {
            take_owner_deleted(auth, event->resource);
            change_account(auth, event->account, event->sequence); /* roles may name it */
        }
        return;
    case RESOURCE_ROLE:
    case RESOURCE_ACCESS_POLICY:
        change_account(auth, event->account, event->sequence);
        return;
    case RESOURCE_SHARE:
        take_share(auth, event);
        return;
    case RESOURCE_USER:
        /* What it shared ends with it. */
        if (event->operation == OPERATION_DELETED) {
            end_share(auth, event);
        }
        change_actor(auth, event->resource, event->sequence);
        return;
    default:
        change_actor(auth, event->resource, event->sequence);
        return;
    }
}

bool auth_is_concerned(const struct event *event)
{
    if (event->type == EVENT_KEY) {
        return true;
    }
    if (event->type != EVENT_DOCUMENT) {
        return false;
    }
    switch (event->kind) {
    case RESOURCE_PROJECT:
    case RESOURCE_APPLICATION:
        return event->operation == OPERATION_DELETED;
    case RESOURCE_USER:
    case RESOURCE_OPERATOR:
    case RESOURCE_ACCESS_TOKEN:
        return event->operation != OPERATION_CREATED;
    case RESOURCE_ROLE:
    case RESOURCE_ACCESS_POLICY:
        return event->operation != OPERATION_CREATED;
    case RESOURCE_SHARE:
        return true;
    default:
        return false;
    }
}

void auth_take_event(struct front *front, const struct event *event)
{
    struct auth *auth = front->auth;
    ASSERT(auth_is_concerned(event));
    auth->last_change = event->sequence;
    if (event->type == EVENT_KEY) {
        take_key(auth, event);
    } else {
        take_document(auth, event);
    }
}

/* ---- telling open connections ---- */

/* What a subscription must be permitted. That a resource ends (fire.h) goes with the topic of it:
 * no operation. */
struct need {
    enum perm_subject subject;
    unsigned operations;
};

static struct need need_of(const struct subscription *subscription)
{
    struct topic_ref ref = subscription_topic(subscription);
    if (ref.family == TOPIC_NONE) {
        return (struct need){0};
    }
    return (struct need){perm_subject_of_topic(ref.family, ref.name),
                         perm_subscribe_operation(ref.family)};
}

/* Do both give that, and for the same resources? */
static bool gives_alike(const struct grant *a, const struct grant *b, struct need need)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    bool is_alike = a->zone_count == b->zone_count; /* places have no topics */
    for (uint32_t i = 0; i < a->zone_count && is_alike; i++) {
        const struct grant_zone *x = &a->zones[i];
        const struct grant_zone *y = &b->zones[i];
        unsigned differences =
            x->rights.operations[need.subject] ^ y->rights.operations[need.subject];
        is_alike = x->reach == y->reach && (differences & need.operations) == 0 &&
                   x->id_count == y->id_count &&
                   (x->id_count == 0 || memcmp(x->ids, y->ids, x->id_count * sizeof(*x->ids)) == 0);
    }
    return is_alike;
}

/* To some of what it selects. */
static bool may_subscribe_to_any(const struct actor *actor, const struct subscription *subscription)
{
    bool may = false;
    for (unsigned i = 0; i < subscription->place_count && !may; i++) {
        struct topic_ref ref = subscription->places[i].topic->ref;
        may = !err_is_set(perm_may(actor, perm_subject_of_topic(ref.family, ref.name),
                                   perm_subscribe_operation(ref.family)));
    }
    return may;
}

static bool may_subscribe(const struct actor *actor, struct need need)
{
    return need.operations == 0 ||
           !err_is_set(perm_may(actor, need.subject, (enum perm_operation)need.operations));
}

/* Gives the subscriptions of the session that were made with that token (0: with the session's own
 * key) the rights of <actor>; those that it may not have end. False: it may hear of other resources
 * than before, and which of them a subscription may go on with only subscribing anew tells. */
static bool session_take_rights(struct front *front, struct session *session, uint64_t token_hash,
                                const struct actor *actor)
{
    LIST_EACH (&session->subscriptions, link, after) {
        struct subscription *found = LIST_ENTRY(link, struct subscription, in_session);
        const struct need need = need_of(found);
        if (found->token_hash != token_hash) {
            continue;
        }
        if (found->has_wildcard && may_subscribe_to_any(actor, found)) {
            found->actor = *actor; /* judged event by event */
        } else if (found->has_wildcard || !may_subscribe(actor, need)) {
            subs_remove(&front->subs, found);
        } else if (gives_alike(found->actor.grant, actor->grant, need)) {
            found->actor = *actor; /* whether the resource is hidden from it stays */
        } else {
            return false;
        }
    }
    return true;
}

bool auth_take_rights(struct conn *conn, const struct actor *actor)
{
    return conn->session == NULL || session_take_rights(conn->front, conn->session, 0, actor);
}

void auth_tell_rights(struct auth *auth, struct auth_entry *entry)
{
    const struct actor actor = entry->actor;
    const uint64_t token_hash = auth_entry_hash(entry->hash) | 1;
    LIST_EACH (&entry->conns, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, by_key);
        if (!conn_is_closing(conn) && conn->proto->on_rights != NULL) {
            conn->proto->on_rights(conn, &actor);
        }
    }
    if (!is_token_used(auth->front, token_hash)) {
        return;
    }
    LIST_EACH (&auth->front->conns, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, all);
        if (conn->session != NULL && !conn_is_closing(conn) &&
            !session_take_rights(auth->front, conn->session, token_hash, &actor)) {
            conn->proto->on_revoked(conn);
        }
    }
}

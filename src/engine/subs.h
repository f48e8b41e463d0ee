/* SPDX-License-Identifier: Apache-2.0
 *
 * subs.h - a loop's subscription index: which sessions want this topic?
 *
 * Topics are compared as topic.h compares them (family, resource, name), so every spelling of one
 * topic meets in one entry; the spelling is kept with each subscription, because it is what its
 * subscriber gets back. One hash lookup a topic.
 *
 * A filter with wildcards stands in an entry for each family that it selects topics of, under a
 * reference that leaves the resource, the name, or both open (topic_filter). Topics have four
 * levels at most, and only these two vary: so a topic is looked up in up to three ways more, and
 * only in families where somebody has such a filter.
 *
 *      /thngs/U1/properties/temp   matched by the entries  U1 temp, * temp, U1 *, * *
 *
 * A filter of plain topics (plain_topic.h) stands in one entry, under its text and its account. One
 * with wildcards is found by way of a tree (filter_tree.h).
 *
 * Owned by one loop. */
#ifndef THRUM_ENGINE_SUBS_H
#define THRUM_ENGINE_SUBS_H

#include "base/list.h"
#include "base/map.h"
#include "engine/filter_tree.h"
#include "model/actor.h"
#include "model/topic.h"

struct session;
struct share_member;
struct subs;
struct subscription;

/* A topic that somebody has subscribed to, or those that wildcards select. */
struct subs_topic {
    struct topic_ref ref; /* into the fields below */
    struct id resource;
    struct link places; /* struct subs_place, oldest subscription first */
    uint32_t count;
    uint64_t hash;
    uint8_t name[];
};

/* A resource whose scopes say who may hear of it, for some who have subscribed to its topics: those
 * who see some of their account only, or who name a project. When the scopes change they are judged
 * anew. */
struct subs_watch {
    struct id resource;
    struct link subscriptions; /* struct subscription.in_watch */
};

/* Where a subscription stands in the index. */
struct subs_place {
    struct link in_topic;
    struct subs_topic *topic;
    struct subscription *subscription;
};

struct subscription {
    struct link in_session;
    struct link in_watch;     /* when watch is set */
    struct link in_tokens;    /* when token_hash is set: in subs.tokens */
    struct link in_states;    /* when its present state is still to be read (front/state.h) */
    uint64_t state_after;     /* and that is to show all events up to this one */
    struct subs_watch *watch; /* of the topic's resource; NULL: scopes change nothing */
    bool is_hidden;           /* the resource's scopes say now that it is not seen */
    struct session *session;
    struct actor actor;  /* whose rights count: the session's, or those of a token on the topic */
    uint64_t token_hash; /* which token, or 0 */
    uint64_t first_sequence; /* events from here on are its */
    uint64_t heard_sequence; /* the last event it was sent a message of, */
    uint32_t heard_firing;   /* and for which of the topics that the event fired on (fire.h) */
    uint8_t qos;             /* granted */
    bool pub_states;
    uint32_t number; /* of its entry in what is kept of the session (front/mqtt_kept.h); 0: none */
    struct share_member *share; /* it is a member of a group (front/share.h); NULL: it is not */
    uint64_t replay;            /* the number of its replay (front/replay.h); 0: none */
    bool has_wildcard;          /* what it may hear is judged event by event */
    uint8_t place_count;        /* 1 without wildcards */
    uint16_t filter_bytes;
    struct id project; /* of the topic's option: only what is visible in it; not set: none */
    struct subs_place places[]; /* behind them the filter, as the client spelled it */
};

/* Ways to leave something open: enum topic_open, together. */
#define SUBS_OPEN_COUNT 4

struct subs {
    struct map topics;
    struct map filters; /* struct subscription, by session and filter */
    struct map watches; /* struct subs_watch, by resource */
    /* Entries of each family, by what they leave open. */
    uint32_t open[TOPIC_INDEX_COUNT][SUBS_OPEN_COUNT];
    bool has_open[TOPIC_INDEX_COUNT]; /* some of them leave something open */
    struct filter_tree plain;         /* entries of plain topics that have wildcards */
    struct link tokens; /* the subscriptions that were made with a token on their topic: few */
    /* Told before one with a <share> is removed. */
    void (*on_removed)(struct subs *subs, struct subscription *subscription);
    uint64_t seed;
    size_t count; /* of subscriptions */
};

void subs_init(struct subs *subs, uint64_t seed);

/* All subscriptions must have been removed. */
void subs_deinit(struct subs *subs);

struct subs_wish {
    struct session *session;
    const struct topic *topic;         /* without wildcards, or */
    const struct topic_filter *filter; /* with or without, or */
    struct slice plain;                /* plain topics, perhaps beside those of <filter> */
    const struct actor *actor;
    uint64_t token_hash; /* 0: the session's own key */
    struct slice text;   /* the filter as it came */
    uint8_t qos;
    uint64_t first_sequence;
};

/* Adds a subscription; one of the same session with the identical filter is replaced. Afterwards
 * *subscription is the one in force. ERR_NO_MEMORY. */
MUST_USE struct err subs_add(struct subs *subs, const struct subs_wish *wish,
                             struct subscription **subscription);

void subs_remove(struct subs *subs, struct subscription *subscription);

/* The session's subscription with exactly that filter, or NULL. */
struct subscription *subs_find(const struct subs *subs, const struct session *session,
                               struct slice text);

/* Does the subscription select what the filter does, however that is spelled? */
bool subs_selects_alike(const struct subscription *subscription, const struct topic_filter *filter);

/* Hashes of what they select: alike where subs_selects_alike. */
uint64_t subs_hash_filter(const struct subs *subs, const struct topic_filter *filter);
uint64_t subs_hash_selected(const struct subs *subs, const struct subscription *subscription);

/* The entry of a topic, or NULL when nobody has subscribed to it. */
struct subs_topic *subs_topic_find(const struct subs *subs, struct topic_ref ref);

/* With the hash of its family and resource at hand (topic_hash_resource with subs->seed). */
struct subs_topic *subs_topic_find_named(const struct subs *subs, uint64_t resource_hash,
                                         struct topic_ref ref);

/* Those who must be judged anew when the scopes of <resource> change; NULL: nobody. */
struct subs_watch *subs_watch_find(const struct subs *subs, const struct id *resource);

/* How one of them has been judged. */
void subs_hide(struct subscription *subscription, bool is_hidden);

/* The reference of plain topics of that account; <id> is its resource's place. */
struct topic_ref subs_plain_ref(uint32_t account, struct id *id, struct slice text);

static inline struct slice subscription_filter(const struct subscription *subscription)
{
    return slice_of(&subscription->places[subscription->place_count], subscription->filter_bytes);
}

/* What a subscription without wildcards is of. */
static inline struct topic_ref subscription_topic(const struct subscription *subscription)
{
    return subscription->places[0].topic->ref;
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * topic.h - the topics of the contract: which there are, and reading one.
 *
 * A topic is the path of a resource: "/thngs/U.../properties/temp?pubStates=1" (contract: pubsub.md
 * 2 and 3). Leading and trailing slash are optional, segments are percent-encoded, options follow a
 * question mark. There are 19 families; reading a topic finds its family, the resource it belongs
 * to and the name at its end, decoded. The spelling it came in is the caller's to keep: a
 * subscriber gets its topic back byte for byte.
 *
 * Two kinds of value. A struct topic owns what it holds (650 bytes; copy it freely) and is made by
 * reading text. A struct topic_ref borrows, and is what indexes hash and compare: whoever has an
 * event in hand can say which topics it touches without making text or copying anything.
 *
 * Pure; nothing allocates. */
#ifndef THRUM_MODEL_TOPIC_H
#define THRUM_MODEL_TOPIC_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/slice.h"
#include "model/event.h"

/* Of the text as it was sent, options included (contract: README.md, limits). */
#define TOPIC_BYTES_MAX 512
#define TOPIC_LEVELS_MAX 32

enum topic_family {
    TOPIC_NONE,                   /* no topic: the all-zero value */
    TOPIC_ACTION_TYPES,           /* /actions */
    TOPIC_ACTIONS_ALL,            /* /actions/all */
    TOPIC_ACTIONS,                /* /actions/:type */
    TOPIC_BATCH_TASKS,            /* /batches/:batchId/tasks */
    TOPIC_BATCH_TASK,             /* /batches/:batchId/tasks/:taskId */
    TOPIC_COLLECTION,             /* /collections/:collectionId */
    TOPIC_COLLECTION_ACTIONS_ALL, /* /collections/:collectionId/actions/all */
    TOPIC_COLLECTION_ACTIONS,     /* /collections/:collectionId/actions/:type */
    TOPIC_COLLECTION_THNGS,       /* /collections/:collectionId/thngs */
    TOPIC_PRODUCT_ACTIONS_ALL,    /* /products/:productId/actions/all */
    TOPIC_PRODUCT_ACTIONS,        /* /products/:productId/actions/:type */
    TOPIC_PRODUCT_PROPERTIES,     /* /products/:productId/properties */
    TOPIC_PRODUCT_PROPERTY,       /* /products/:productId/properties/:key */
    TOPIC_THNG,                   /* /thngs/:thngId */
    TOPIC_THNG_ACTIONS_ALL,       /* /thngs/:thngId/actions/all */
    TOPIC_THNG_ACTIONS,           /* /thngs/:thngId/actions/:type */
    TOPIC_THNG_LOCATION,          /* /thngs/:thngId/location */
    TOPIC_THNG_PROPERTIES,        /* /thngs/:thngId/properties */
    TOPIC_THNG_PROPERTY,          /* /thngs/:thngId/properties/:key */
    TOPIC_FAMILY_COUNT,
    /* Not of the contract (plain_topic.h); the resource of its references stands for the account,
     * the name is the whole topic. */
    TOPIC_PLAIN = TOPIC_FAMILY_COUNT,
    TOPIC_INDEX_COUNT
};

/* What the name at the end of a topic is. */
enum topic_name_kind {
    TOPIC_NAME_NONE,
    TOPIC_NAME_ACTION_TYPE, /* as sent, case kept */
    TOPIC_NAME_KEY,         /* a property key, normalised (property.h) */
    TOPIC_NAME_TASK,        /* the text of an id */
};

/* What a publish to a topic is: the REST verb on the same path. */
enum topic_publish {
    TOPIC_PUBLISH_NONE, /* not allowed */
    TOPIC_PUBLISH_POST,
    TOPIC_PUBLISH_PUT,
};

/* One row of the catalogue. The reference documentation is printed from these. */
struct topic_family_row {
    enum topic_family family;
    enum resource_kind resource; /* what it belongs to; 0: the account */
    enum topic_name_kind name_kind;
    enum topic_publish publish;
    const char *pattern; /* "/thngs/:thngId/properties/:key" */
    const char *fires;   /* when subscribers hear of it, for people */
    const char *payload; /* what they hear, for people */
};

/* from and last: what is sent of the history before the live messages begin. */
struct topic_replay {
    bool is_wanted;
    bool is_ago;     /* from_ms counts back from now: "from=-1h" */
    int64_t from_ms; /* since 1970, or ago; 0, and not is_ago: from the first on */
    uint32_t last;   /* of these the newest so many; 0: all */
};

/* The most that last may ask for. */
#define TOPIC_LAST_MAX 1000000

struct topic_options {
    bool pub_states;       /* pubStates=1: send the present state first */
    bool has_access_token; /* the token is to be used for this operation */
    struct id project;     /* not set: no such option */
    struct topic_replay replay;
    struct slice access_token; /* borrowed from the text that was read; never logged */
};

struct topic {
    enum topic_family family;
    struct id resource; /* not set in families of the account */
    struct topic_options options;
    uint16_t name_bytes;
    uint8_t name_at[TOPIC_BYTES_MAX]; /* only the first name_bytes are written */
};

/* A topic by reference: what subscription indexes are keyed by. Of two topics with the same family,
 * resource and name each selects what the other does; options do not count.
 *
 * The topics of one family that a filter with wildcards selects are a reference as well: without
 * the resource, or the name, that the family has, it stands for any. */
struct topic_ref {
    enum topic_family family;
    const struct id *resource; /* NULL in families of the account */
    struct slice name;
};

/* What a client subscribes with: a topic, or by way of wildcards several (contract: README.md,
 * point 6). Owns what it holds (1.3 KB). */
struct topic_filter {
    bool has_wildcard;
    struct topic topic; /* the options; without wildcards all of it */
    uint8_t count;      /* families that it selects topics of: 1 without wildcards */
    struct topic_pattern {
        uint8_t family; /* enum topic_family */
        bool has_resource;
        bool has_name;
    } patterns[TOPIC_FAMILY_COUNT - 1];
    uint16_t text_bytes; /* the name as it came: topic.name is that of a property key */
    uint8_t text_at[TOPIC_BYTES_MAX];
};

/* ---------------------------------------------------------------- reading */

/* Reads <text>, what a client publishes to or subscribes to without wildcards. TOPIC_INVALID: the
 * text breaks the grammar (or has a level that is a wildcard); TOPIC_UNKNOWN: no such family;
 * NOT_FOUND: an id that cannot be one; PROPERTY_KEY_INVALID: such a key; QUERY_INVALID: a project
 * that is no id, a from or last that is none. <topic> may be half written on failure. Of an option
 * that comes twice the last counts; options not known are skipped. */
MUST_USE struct err topic_parse(struct slice text, struct topic *topic);

/* Reads what a client subscribes with. A level that is just "+" or "#" ("#" as the last one only)
 * is a wildcard: the filter selects the topics of the contract that it matches level by level, "#"
 * also the one above it [MQTT-4.7.1-2]; TOPIC_UNKNOWN when that is none. Without one it is
 * topic_parse. Escaped ("%2B"), or beside other characters in a level, both are ordinary. */
MUST_USE struct err topic_filter_parse(struct slice text, struct topic_filter *filter);

/* What the filter selects in the family of one of its patterns; lives as long as it. */
struct topic_ref topic_filter_ref(const struct topic_filter *filter, unsigned pattern);

/* ---------------------------------------------------------------- writing */

/* Appends the path of <ref> in its plain spelling: leading slash, no trailing one, name escaped as
 * encodeURIComponent does. */
void topic_write(struct buf *buf, struct topic_ref ref);

/* Appends <topic>, as topic_write gives it, as who subscribed with <filter> is told it: with or
 * without the leading slash, and with the options, as they stand there (contract: README.md, point
 * 6). */
void topic_write_as(struct buf *buf, struct slice topic, struct slice filter);

/* ---------------------------------------------------------------- the catalogue */

/* The row of <family>, which must not be TOPIC_NONE. */
const struct topic_family_row *topic_family_row(enum topic_family family);

/* Is that the first level of topics of the contract? */
bool topic_is_root(struct slice level);

/* Are its messages actions, of some or of all types? */
bool topic_is_of_actions(enum topic_family family);

static inline bool topic_is_publishable(enum topic_family family)
{
    return topic_family_row(family)->publish != TOPIC_PUBLISH_NONE;
}

/* ---------------------------------------------------------------- hashing and comparing */

/* The hash of family and resource alone. Several topics of one resource share the work: compute it
 * once a family, then topic_hash_named for each name. Families have different hashes. */
static inline uint64_t topic_hash_resource(uint64_t seed, enum topic_family family,
                                           const struct id *resource)
{
    uint64_t family_seed = seed + (uint64_t)family * 0x9e3779b97f4a7c15u;
    return resource ? id_hash(family_seed, resource) : hash_number(family_seed, 1);
}

static inline uint64_t topic_hash_named(uint64_t resource_hash, struct slice name)
{
    return name.bytes ? hash_bytes(resource_hash, name) : resource_hash;
}

static inline uint64_t topic_hash(uint64_t seed, struct topic_ref ref)
{
    return topic_hash_named(topic_hash_resource(seed, ref.family, ref.resource), ref.name);
}

static inline bool topic_equal(struct topic_ref a, struct topic_ref b)
{
    return a.family == b.family && (a.resource == NULL) == (b.resource == NULL) &&
           (a.resource == NULL || id_equal(a.resource, b.resource)) && slice_equal(a.name, b.name);
}

static inline struct slice topic_name(const struct topic *topic)
{
    return slice_of(topic->name_at, topic->name_bytes);
}

/* Which parts of its topics a reference leaves open. */
enum topic_open { TOPIC_OPEN_RESOURCE = 1, TOPIC_OPEN_NAME = 2 };

unsigned topic_ref_open(struct topic_ref ref);

/* <topic> by reference; lives as long as it. */
static inline struct topic_ref topic_ref(const struct topic *topic)
{
    return (struct topic_ref){.family = topic->family,
                              .resource = id_is_set(&topic->resource) ? &topic->resource : NULL,
                              .name = topic_name(topic)};
}

#endif

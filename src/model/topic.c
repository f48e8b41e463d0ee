/* SPDX-License-Identifier: Apache-2.0 */
#include "model/topic.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "codec/uri.h"
#include "model/property.h"

#include <assert.h>

/* No family has more levels. */
#define FAMILY_LEVELS_MAX 4

static_assert(FAMILY_LEVELS_MAX <= TOPIC_LEVELS_MAX, "every family can be read");

/* ---------------------------------------------------------------- the catalogue */

enum leaf { LEAF_NONE, LEAF_ALL, LEAF_NAME };

/* The levels of a family: /root[/:id][/child][/all or /:name]. */
struct shape {
    struct slice root;
    bool has_id;
    struct slice child; /* empty: none */
    enum leaf leaf;
};

#define ROOT_ACTIONS SLICE_INIT("actions")
#define ROOT_BATCHES SLICE_INIT("batches")
#define ROOT_COLLECTIONS SLICE_INIT("collections")
#define ROOT_PRODUCTS SLICE_INIT("products")
#define ROOT_THNGS SLICE_INIT("thngs")
#define ACTIONS SLICE_INIT("actions")
#define PROPERTIES SLICE_INIT("properties")

/* Families of one root stand together (see roots), and ".../all" before ".../:type". */
static const struct shape shapes[TOPIC_FAMILY_COUNT] = {
    [TOPIC_ACTION_TYPES] = {ROOT_ACTIONS, false, {0}, LEAF_NONE},
    [TOPIC_ACTIONS_ALL] = {ROOT_ACTIONS, false, {0}, LEAF_ALL},
    [TOPIC_ACTIONS] = {ROOT_ACTIONS, false, {0}, LEAF_NAME},
    [TOPIC_BATCH_TASKS] = {ROOT_BATCHES, true, SLICE_INIT("tasks"), LEAF_NONE},
    [TOPIC_BATCH_TASK] = {ROOT_BATCHES, true, SLICE_INIT("tasks"), LEAF_NAME},
    [TOPIC_COLLECTION] = {ROOT_COLLECTIONS, true, {0}, LEAF_NONE},
    [TOPIC_COLLECTION_ACTIONS_ALL] = {ROOT_COLLECTIONS, true, ACTIONS, LEAF_ALL},
    [TOPIC_COLLECTION_ACTIONS] = {ROOT_COLLECTIONS, true, ACTIONS, LEAF_NAME},
    [TOPIC_COLLECTION_THNGS] = {ROOT_COLLECTIONS, true, SLICE_INIT("thngs"), LEAF_NONE},
    [TOPIC_PRODUCT_ACTIONS_ALL] = {ROOT_PRODUCTS, true, ACTIONS, LEAF_ALL},
    [TOPIC_PRODUCT_ACTIONS] = {ROOT_PRODUCTS, true, ACTIONS, LEAF_NAME},
    [TOPIC_PRODUCT_PROPERTIES] = {ROOT_PRODUCTS, true, PROPERTIES, LEAF_NONE},
    [TOPIC_PRODUCT_PROPERTY] = {ROOT_PRODUCTS, true, PROPERTIES, LEAF_NAME},
    [TOPIC_THNG] = {ROOT_THNGS, true, {0}, LEAF_NONE},
    [TOPIC_THNG_ACTIONS_ALL] = {ROOT_THNGS, true, ACTIONS, LEAF_ALL},
    [TOPIC_THNG_ACTIONS] = {ROOT_THNGS, true, ACTIONS, LEAF_NAME},
    [TOPIC_THNG_LOCATION] = {ROOT_THNGS, true, SLICE_INIT("location"), LEAF_NONE},
    [TOPIC_THNG_PROPERTIES] = {ROOT_THNGS, true, PROPERTIES, LEAF_NONE},
    [TOPIC_THNG_PROPERTY] = {ROOT_THNGS, true, PROPERTIES, LEAF_NAME},
};

/* The families of each root, the busiest root first. */
static const struct {
    enum topic_family first;
    enum topic_family last;
} roots[] = {
    {TOPIC_THNG, TOPIC_THNG_PROPERTY},     {TOPIC_PRODUCT_ACTIONS_ALL, TOPIC_PRODUCT_PROPERTY},
    {TOPIC_ACTION_TYPES, TOPIC_ACTIONS},   {TOPIC_COLLECTION, TOPIC_COLLECTION_THNGS},
    {TOPIC_BATCH_TASKS, TOPIC_BATCH_TASK},
};

/* Families of the account belong to no resource. */
#define RESOURCE_NONE ((enum resource_kind)0)

#define ROW(family_, resource_, name_, publish_, pattern_, fires_, payload_) \
    [TOPIC_##family_] = {.family = TOPIC_##family_,                          \
                         .resource = RESOURCE_##resource_,                   \
                         .name_kind = TOPIC_NAME_##name_,                    \
                         .publish = TOPIC_PUBLISH_##publish_,                \
                         .pattern = pattern_,                                \
                         .fires = fires_,                                    \
                         .payload = payload_}

/* Contract: pubsub.md 3. */
static const struct topic_family_row rows[TOPIC_FAMILY_COUNT] = {
    ROW(ACTION_TYPES, NONE, NONE, POST, "/actions", "An action type is created.",
        "action type object"),
    ROW(ACTIONS_ALL, NONE, NONE, POST, "/actions/all", "Any action is created.", "action object"),
    ROW(ACTIONS, NONE, ACTION_TYPE, POST, "/actions/:type",
        "An action of this type is created, or the type is deleted.",
        "action object or deletion notice"),
    ROW(BATCH_TASKS, BATCH, NONE, NONE, "/batches/:batchId/tasks",
        "A task of the batch is completed.", "task object"),
    ROW(BATCH_TASK, BATCH, TASK, NONE, "/batches/:batchId/tasks/:taskId", "The task is completed.",
        "task object"),
    ROW(COLLECTION, COLLECTION, NONE, PUT, "/collections/:collectionId",
        "The collection is updated or deleted.", "collection object or deletion notice"),
    ROW(COLLECTION_ACTIONS_ALL, COLLECTION, NONE, POST, "/collections/:collectionId/actions/all",
        "Any action on the collection is created.", "action object"),
    ROW(COLLECTION_ACTIONS, COLLECTION, ACTION_TYPE, POST,
        "/collections/:collectionId/actions/:type",
        "An action of this type on the collection is created.", "action object"),
    ROW(COLLECTION_THNGS, COLLECTION, NONE, PUT, "/collections/:collectionId/thngs",
        "Thngs are added to the collection or removed from it.", "membership notice"),
    ROW(PRODUCT_ACTIONS_ALL, PRODUCT, NONE, POST, "/products/:productId/actions/all",
        "Any action on the product or on a thng of it is created.", "action object"),
    ROW(PRODUCT_ACTIONS, PRODUCT, ACTION_TYPE, POST, "/products/:productId/actions/:type",
        "An action of this type on the product or on a thng of it is created.", "action object"),
    ROW(PRODUCT_PROPERTIES, PRODUCT, NONE, PUT, "/products/:productId/properties",
        "Properties of the product are created or updated.", "array of points"),
    ROW(PRODUCT_PROPERTY, PRODUCT, KEY, PUT, "/products/:productId/properties/:key",
        "The property of the product is created or updated.", "array of points"),
    ROW(THNG, THNG, NONE, PUT, "/thngs/:thngId",
        "The thng is updated (other than properties and location) or deleted.",
        "thng object or deletion notice"),
    ROW(THNG_ACTIONS_ALL, THNG, NONE, POST, "/thngs/:thngId/actions/all",
        "Any action on the thng is created.", "action object"),
    ROW(THNG_ACTIONS, THNG, ACTION_TYPE, POST, "/thngs/:thngId/actions/:type",
        "An action of this type on the thng is created.", "action object"),
    ROW(THNG_LOCATION, THNG, NONE, PUT, "/thngs/:thngId/location",
        "The location of the thng is updated.", "array of locations"),
    ROW(THNG_PROPERTIES, THNG, NONE, PUT, "/thngs/:thngId/properties",
        "Properties of the thng are created or updated.", "array of points"),
    ROW(THNG_PROPERTY, THNG, KEY, PUT, "/thngs/:thngId/properties/:key",
        "The property of the thng is created or updated.", "array of points"),
};

const struct topic_family_row *topic_family_row(enum topic_family family)
{
    ASSERT(family > TOPIC_NONE && family < TOPIC_FAMILY_COUNT);
    return &rows[family];
}

bool topic_is_root(struct slice level)
{
    bool is_root = false;
    for (size_t i = 0; i < ARRAY_LEN(roots) && !is_root; i++) {
        is_root = slice_equal(level, shapes[roots[i].first].root);
    }
    return is_root;
}

bool topic_is_of_actions(enum topic_family family)
{
    switch (family) {
    case TOPIC_ACTIONS:
    case TOPIC_ACTIONS_ALL:
    case TOPIC_THNG_ACTIONS:
    case TOPIC_THNG_ACTIONS_ALL:
    case TOPIC_PRODUCT_ACTIONS:
    case TOPIC_PRODUCT_ACTIONS_ALL:
    case TOPIC_COLLECTION_ACTIONS:
    case TOPIC_COLLECTION_ACTIONS_ALL:
        return true;
    default:
        return false;
    }
}

/* ---------------------------------------------------------------- the levels of a path */

struct levels {
    struct slice at[FAMILY_LEVELS_MAX]; /* decoded; those beyond are only checked */
    size_t count;                       /* without a "#" */
    bool is_any[FAMILY_LEVELS_MAX];     /* it is a "+" */
    bool is_open;                       /* a "#" follows */
    bool has_wildcard;
    uint8_t decoded[TOPIC_BYTES_MAX]; /* the levels that had escapes */
    size_t decoded_bytes;
};

/* Decodes one level that may have escapes, and checks what came out of them. */
static struct err decode_level(struct slice segment, struct levels *levels, struct slice *level)
{
    uint8_t *to = levels->decoded + levels->decoded_bytes;
    size_t room = sizeof(levels->decoded) - levels->decoded_bytes;
    if (!uri_decode(segment, to, room, level) || slice_find(*level, 0) != level->bytes ||
        !utf8_is_valid(*level)) {
        return ERR(TOPIC_INVALID);
    }
    levels->decoded_bytes += level->at == to ? level->bytes : 0;
    return ERR(OK);
}

static struct err read_levels(struct slice path, struct levels *levels)
{
    levels->count = 0;
    levels->is_open = levels->has_wildcard = false;
    levels->decoded_bytes = 0;
    bool has_escapes = slice_find(path, '%') != path.bytes;
    struct slice rest = uri_path_begin(path);
    struct slice segment;
    while (uri_path_next(&rest, &segment)) {
        struct slice level = segment;
        if (segment.bytes == 0) {
            return ERR(TOPIC_INVALID);
        }
        if (has_escapes) {
            TRY(decode_level(segment, levels, &level));
        }
        bool is_any = slice_equal(segment, SLICE("+"));
        levels->is_open = slice_equal(segment, SLICE("#"));
        levels->has_wildcard = levels->has_wildcard || is_any || levels->is_open;
        if (levels->is_open && (rest.bytes != 0 || path.at[path.bytes - 1] != '#')) {
            return ERR(TOPIC_INVALID); /* nothing behind it, no slash either [MQTT-4.7.1-2] */
        }
        if (levels->count == TOPIC_LEVELS_MAX) {
            return ERR(TOPIC_INVALID);
        }
        if (levels->count < FAMILY_LEVELS_MAX) {
            levels->at[levels->count] = level;
            levels->is_any[levels->count] = is_any;
        }
        levels->count += !levels->is_open;
    }
    return levels->count > 0 || levels->is_open ? ERR(OK) : ERR(TOPIC_INVALID);
}

static size_t shape_level_count(const struct shape *shape)
{
    return 1u + shape->has_id + (shape->child.bytes != 0) + (shape->leaf != LEAF_NONE);
}

/* True when all levels but the first match. */
static bool shape_matches(const struct shape *shape, const struct levels *levels)
{
    if (levels->count != shape_level_count(shape)) {
        return false;
    }
    size_t next = 1u + shape->has_id;
    if (shape->child.bytes != 0 && !slice_equal(levels->at[next], shape->child)) {
        return false;
    }
    return shape->leaf != LEAF_ALL || slice_equal(levels->at[levels->count - 1], SLICE("all"));
}

static enum topic_family find_family(const struct levels *levels)
{
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        if (!slice_equal(levels->at[0], shapes[roots[i].first].root)) {
            continue;
        }
        for (unsigned family = roots[i].first; family <= roots[i].last; family++) {
            if (shape_matches(&shapes[family], levels)) {
                return (enum topic_family)family;
            }
        }
        return TOPIC_NONE;
    }
    return TOPIC_NONE;
}

/* ---------------------------------------------------------------- reading */

/* The greatest number in a duration: no unit makes more of it than an int64_t holds. */
#define FROM_MAX UINT64_C(1000000000)

/* "90s", "1h": how long, in milliseconds. */
static bool read_duration(struct slice text, int64_t *duration_ms)
{
    static const struct {
        struct slice name;
        int64_t ms;
    } units[] = {
        {SLICE_INIT("ms"), 1},      {SLICE_INIT("s"), 1000},     {SLICE_INIT("m"), 60000},
        {SLICE_INIT("h"), 3600000}, {SLICE_INIT("d"), 86400000}, {SLICE_INIT("w"), 604800000},
    };
    size_t digits = 0;
    while (digits < text.bytes && text.at[digits] >= '0' && text.at[digits] <= '9') {
        digits++;
    }
    uint64_t number;
    if (!slice_read_decimal(slice_first(text, digits), FROM_MAX, &number)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (slice_equal(slice_from(text, digits), units[i].name)) {
            *duration_ms = (int64_t)number * units[i].ms;
            return true;
        }
    }
    return false;
}

static struct err read_last(struct slice value, struct topic_replay *replay)
{
    uint64_t number;
    if (!slice_read_decimal(value, TOPIC_LAST_MAX, &number) || number == 0) {
        return ERR(QUERY_INVALID);
    }
    replay->is_wanted = true;
    replay->last = (uint32_t)number;
    return ERR(OK);
}

/* "-1h", milliseconds since 1970, or as in REST "latest". */
static struct err read_from(struct slice value, struct topic_replay *replay)
{
    if (slice_equal(value, SLICE("latest"))) {
        return read_last(SLICE("1"), replay);
    }
    replay->is_ago = value.bytes > 0 && value.at[0] == '-';
    if (replay->is_ago) {
        replay->is_wanted = read_duration(slice_from(value, 1), &replay->from_ms);
    } else {
        uint64_t from_ms;
        replay->is_wanted = slice_read_decimal(value, INT64_MAX, &from_ms);
        replay->from_ms = replay->is_wanted ? (int64_t)from_ms : 0;
    }
    return replay->is_wanted ? ERR(OK) : ERR(QUERY_INVALID);
}

static struct err read_options(struct slice query, struct topic_options *options)
{
    *options = (struct topic_options){0};
    struct uri_parameter parameter;
    while (uri_query_next(&query, &parameter)) {
        if (slice_equal(parameter.name, SLICE("pubStates"))) {
            options->pub_states = slice_equal(parameter.value, SLICE("1"));
        } else if (slice_equal(parameter.name, SLICE("access_token"))) {
            options->has_access_token = true;
            options->access_token = parameter.value;
        } else if (slice_equal(parameter.name, SLICE("from"))) {
            TRY(read_from(parameter.value, &options->replay));
        } else if (slice_equal(parameter.name, SLICE("last"))) {
            TRY(read_last(parameter.value, &options->replay));
        } else if (slice_equal(parameter.name, SLICE("project"))) {
            uint8_t to[ID_BYTES];
            struct slice text;
            if (!uri_decode(parameter.value, to, sizeof(to), &text) ||
                !id_parse(text, &options->project)) {
                return ERR(QUERY_INVALID);
            }
        }
    }
    return ERR(OK);
}

static struct err read_name(struct slice level, enum topic_name_kind kind, struct topic *topic)
{
    struct slice key;
    struct id task;
    switch (kind) {
    case TOPIC_NAME_NONE:
        return ERR(OK);
    case TOPIC_NAME_KEY:
        TRY(property_key_normalise(level, topic->name_at, &key));
        topic->name_bytes = (uint16_t)key.bytes;
        return ERR(OK);
    case TOPIC_NAME_TASK:
        if (!id_parse(level, &task)) {
            return ERR(NOT_FOUND);
        }
        break;
    case TOPIC_NAME_ACTION_TYPE:
        break;
    }
    memcpy(topic->name_at, level.at, level.bytes);
    topic->name_bytes = (uint16_t)level.bytes;
    return ERR(OK);
}

/* The topic without wildcards that these levels are; its options have been read. */
static struct err read_topic(const struct levels *levels, struct topic *topic)
{
    enum topic_family family = find_family(levels);
    if (family == TOPIC_NONE) {
        return ERR(TOPIC_UNKNOWN);
    }
    if (shapes[family].has_id && !id_parse(levels->at[1], &topic->resource)) {
        return ERR(NOT_FOUND);
    }
    TRY(read_name(levels->at[levels->count - 1], rows[family].name_kind, topic));
    topic->family = family;
    return ERR(OK);
}

static struct err read_text(struct slice text, struct levels *levels, struct topic *topic)
{
    topic->family = TOPIC_NONE;
    topic->resource = (struct id){0};
    topic->name_bytes = 0;
    if (text.bytes == 0 || text.bytes > TOPIC_BYTES_MAX || slice_find(text, 0) != text.bytes ||
        !utf8_is_valid(text)) {
        return ERR(TOPIC_INVALID);
    }
    struct uri uri = uri_split(text);
    TRY(read_levels(uri.path, levels));
    return read_options(uri.query, &topic->options);
}

struct err topic_parse(struct slice text, struct topic *topic)
{
    struct levels levels;
    TRY(read_text(text, &levels, topic));
    return levels.has_wildcard ? ERR(TOPIC_INVALID) : read_topic(&levels, topic);
}

/* ---------------------------------------------------------------- filters */

/* A level of a family that is a word. */
static bool level_matches(const struct levels *levels, size_t level, struct slice word)
{
    return level >= levels->count || levels->is_any[level] || slice_equal(levels->at[level], word);
}

/* Is the level there, and no wildcard? */
static bool level_is_fixed(const struct levels *levels, size_t level)
{
    return level < levels->count && !levels->is_any[level];
}

/* The name at the end of the filter, in both forms: a property key, if it can be one, and as it
 * came. What is none selects nothing. */
static bool read_pattern_name(struct slice level, enum topic_name_kind kind,
                              struct topic_filter *filter)
{
    struct id task;
    switch (kind) {
    case TOPIC_NAME_KEY:
        return !err_is_set(read_name(level, kind, &filter->topic));
    case TOPIC_NAME_ACTION_TYPE:
        if (slice_equal(level, SLICE("all"))) {
            return false; /* a family of its own */
        }
        break;
    case TOPIC_NAME_TASK:
        if (!id_parse(level, &task)) {
            return false;
        }
        break;
    case TOPIC_NAME_NONE:
        return false;
    }
    memcpy(filter->text_at, level.at, level.bytes);
    filter->text_bytes = (uint16_t)level.bytes;
    return true;
}

/* Adds the family when the filter matches topics of it. */
static void add_pattern(const struct levels *levels, enum topic_family family,
                        struct topic_filter *filter)
{
    const struct shape *shape = &shapes[family];
    size_t level_count = shape_level_count(shape);
    size_t last = level_count - 1;
    struct topic_pattern pattern = {.family = (uint8_t)family};
    if (levels->is_open ? levels->count > level_count : levels->count != level_count) {
        return;
    }
    if (!level_matches(levels, 0, shape->root) ||
        (shape->child.bytes != 0 && !level_matches(levels, 1u + shape->has_id, shape->child)) ||
        (shape->leaf == LEAF_ALL && !level_matches(levels, last, SLICE("all")))) {
        return;
    }
    if (shape->has_id && level_is_fixed(levels, 1)) {
        pattern.has_resource = id_parse(levels->at[1], &filter->topic.resource);
        if (!pattern.has_resource) {
            return;
        }
    }
    if (shape->leaf == LEAF_NAME && level_is_fixed(levels, last)) {
        pattern.has_name = read_pattern_name(levels->at[last], rows[family].name_kind, filter);
        if (!pattern.has_name) {
            return;
        }
    }
    filter->patterns[filter->count++] = pattern;
}

static struct topic_pattern pattern_of(const struct topic *topic)
{
    return (struct topic_pattern){.family = (uint8_t)topic->family,
                                  .has_resource = id_is_set(&topic->resource),
                                  .has_name = topic->name_bytes > 0};
}

struct err topic_filter_parse(struct slice text, struct topic_filter *filter)
{
    struct levels levels;
    filter->count = 0;
    filter->text_bytes = 0;
    TRY(read_text(text, &levels, &filter->topic));
    filter->has_wildcard = levels.has_wildcard;
    if (levels.has_wildcard) {
        for (unsigned family = TOPIC_NONE + 1; family < TOPIC_FAMILY_COUNT; family++) {
            add_pattern(&levels, (enum topic_family)family, filter);
        }
        return filter->count > 0 ? ERR(OK) : ERR(TOPIC_UNKNOWN);
    }
    TRY(read_topic(&levels, &filter->topic));
    filter->patterns[0] = pattern_of(&filter->topic);
    filter->count = 1;
    return ERR(OK);
}

struct topic_ref topic_filter_ref(const struct topic_filter *filter, unsigned pattern)
{
    ASSERT(pattern < filter->count);
    const struct topic_pattern *of = &filter->patterns[pattern];
    struct topic_ref ref = {.family = of->family,
                            .resource = of->has_resource ? &filter->topic.resource : NULL};
    if (of->has_name) {
        bool is_key = rows[of->family].name_kind == TOPIC_NAME_KEY || !filter->has_wildcard;
        ref.name =
            is_key ? topic_name(&filter->topic) : slice_of(filter->text_at, filter->text_bytes);
    }
    return ref;
}

unsigned topic_ref_open(struct topic_ref ref)
{
    if (ref.family == TOPIC_NONE || ref.family == TOPIC_PLAIN) {
        return 0;
    }
    const struct shape *shape = &shapes[ref.family];
    return (shape->has_id && ref.resource == NULL ? TOPIC_OPEN_RESOURCE : 0u) |
           (shape->leaf == LEAF_NAME && ref.name.bytes == 0 ? TOPIC_OPEN_NAME : 0u);
}

/* ---------------------------------------------------------------- writing */

void topic_write(struct buf *buf, struct topic_ref ref)
{
    ASSERT(ref.family > TOPIC_NONE && ref.family < TOPIC_FAMILY_COUNT);
    const struct shape *shape = &shapes[ref.family];
    ASSERT(shape->has_id == (ref.resource != NULL));
    ASSERT((shape->leaf == LEAF_NAME) == (ref.name.bytes != 0));
    buf_put_byte(buf, '/');
    buf_put(buf, shape->root);
    if (shape->has_id) {
        buf_put_byte(buf, '/');
        buf_put(buf, id_slice(ref.resource));
    }
    if (shape->child.bytes != 0) {
        buf_put_byte(buf, '/');
        buf_put(buf, shape->child);
    }
    if (shape->leaf != LEAF_NONE) {
        buf_put_byte(buf, '/');
        if (shape->leaf == LEAF_ALL) {
            BUF_PUT_LITERAL(buf, "all");
        } else {
            uri_put_encoded(buf, ref.name);
        }
    }
}

void topic_write_as(struct buf *buf, struct slice topic, struct slice filter)
{
    struct uri uri = uri_split(filter);
    bool has_slash = filter.bytes > 0 && filter.at[0] == '/';
    buf_put(buf, slice_from(topic, !has_slash));
    buf_put(buf, slice_from(filter, uri.path.bytes));
}

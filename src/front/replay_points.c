/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples of one property, or of all that a resource has, merged by time.
 *
 *      temp   |  3 |  7 |  9 | more          of each property a share of its next samples is in
 *      hum    |  4 |  5 |                    memory; the first of all is taken, and who has none
 *      photo  |  8: parked | more            left reads its next share
 *
 * Their order is (timestamp, property number, ordinal); samples of one property keep the history's.
 * All first shares together are about as large as a page; who has used up its share gets one twice
 * as large, so that a property with many samples among others with few is read in few steps. A
 * sample that is larger than its share is parked: only its place is kept, and when its turn comes
 * it is read again. Counting back, no values are read. */
#include "front/replay_read.h"

#include "base/common.h"
#include "codec/json_write.h"
#include "model/location.h"
#include "model/property.h"

#include <stdlib.h>

/* Shares are no smaller than this, however many there are. */
#define SHARE_SAMPLES_MIN 8
#define SHARE_BYTES_MIN ((size_t)1 << 10)

struct source {
    uint32_t property;
    uint32_t key_at; /* in merge.keys */
    uint32_t key_bytes;
    struct history_position last; /* taken; when has_last is set */
    bool has_last;
    bool is_parked;         /* the sample at samples.at[next] has no value */
    uint32_t share_samples; /* of the next share */
    size_t share_bytes;
    uint32_t next; /* in samples; none left when it is their count */
    struct samples samples;
};

struct merge {
    const struct view *view;
    struct replay_read *read;
    bool ascending;
    bool is_location;
    struct source *sources;
    uint32_t count;
    uint32_t room;
    struct buf keys;
    struct err err;
};

/* ---- which properties ---- */

static bool add_source(void *arg, struct slice key, uint32_t property)
{
    struct merge *merge = arg;
    if (merge->count == merge->room) {
        uint32_t room = merge->room ? 2 * merge->room : 16;
        void *grown = realloc(merge->sources, room * sizeof(*merge->sources));
        if (grown == NULL) {
            merge->err = ERR(NO_MEMORY);
            return false;
        }
        merge->sources = grown;
        merge->room = room;
    }
    merge->sources[merge->count++] = (struct source){
        .property = property,
        .key_at = (uint32_t)buf_bytes(&merge->keys),
        .key_bytes = (uint32_t)key.bytes,
    };
    buf_put(&merge->keys, key);
    return true;
}

static bool add_unless_location(void *arg, struct slice key, uint32_t property)
{
    return slice_is_empty(key) || add_source(arg, key, property);
}

/* A property that has never been, or is no more, has no history. */
static struct err add_one(struct merge *merge, struct slice key)
{
    uint32_t property;
    struct err err = documents_property(merge->view->reader->documents,
                                        &merge->read->topic->resource, key, &property);
    if (err_equal(err, ERR(NOT_FOUND))) {
        return ERR(OK);
    }
    TRY(err);
    add_source(merge, key, property);
    return merge->err;
}

static struct err add_sources(struct merge *merge)
{
    const struct topic *topic = merge->read->topic;
    if (merge->is_location) {
        return add_one(merge, PROPERTY_KEY_LOCATION);
    }
    if (topic_family_row(topic->family)->name_kind == TOPIC_NAME_KEY) {
        return add_one(merge, topic_name(topic));
    }
    TRY(documents_properties(merge->view->reader->documents, &topic->resource, add_unless_location,
                             merge));
    return merge->err;
}

/* ---- reading ---- */

/* Behind what the source goes on. Of the others than the one whose sample the page begins behind,
 * those that come before it at equal times have had that time, the others have it before them. */
static struct history_position begin_behind(const struct merge *merge, const struct source *source)
{
    const struct replay_place *place = &merge->read->place;
    struct history_position at = {place->time_ms, place->ordinal};
    bool had_it =
        merge->ascending ? source->property < place->property : source->property > place->property;
    if (source->property == place->property) {
        return at;
    }
    at.ordinal = merge->ascending ? UINT32_MAX : 0;
    if (!had_it) {
        at.timestamp_ms += merge->ascending ? -1 : 1;
    }
    return at;
}

static struct err read_samples(const struct merge *merge, struct source *source, uint32_t limit)
{
    const struct history_query query = {
        .property = source->property,
        .from_ms = merge->read->from_ms,
        .to_ms = INT64_MAX,
        .created_max_ms = merge->read->boundary_ms,
        .ascending = merge->ascending,
        .limit = limit,
        .bytes_max = source->share_bytes,
        .without_values = !merge->ascending,
        .has_after = source->has_last || merge->read->place.is_set,
        .after = source->has_last ? source->last : begin_behind(merge, source),
    };
    source->next = 0;
    source->is_parked = false;
    return history_read(store_history(merge->view->reader->store), &query, &source->samples);
}

/* The next share. */
static struct err fill(const struct merge *merge, struct source *source)
{
    TRY(read_samples(merge, source, source->share_samples));
    struct samples *samples = &source->samples;
    if (merge->count > 1 && buf_bytes(&samples->values) > 2 * source->share_bytes) {
        buf_deinit(&samples->values);
        samples->more |= samples->count > 1;
        samples->count = 1;
        source->is_parked = true;
    } else if (source->share_bytes < REPLAY_PAGE_BYTES) {
        source->share_samples *= 2;
        source->share_bytes *= 2;
    }
    return ERR(OK);
}

static const struct sample *next_of(const struct source *source)
{
    return &source->samples.at[source->next];
}

static bool is_before(const struct merge *merge, const struct source *a, const struct source *b)
{
    int64_t a_ms = next_of(a)->timestamp_ms;
    int64_t b_ms = next_of(b)->timestamp_ms;
    bool is_less = a_ms != b_ms ? a_ms < b_ms : a->property < b->property;
    return is_less == merge->ascending;
}

/* The source whose sample is the first of all; NULL: there are no more. */
static struct source *first_of(const struct merge *merge)
{
    struct source *first = NULL;
    for (uint32_t i = 0; i < merge->count; i++) {
        struct source *source = &merge->sources[i];
        if (source->next < source->samples.count &&
            (first == NULL || is_before(merge, source, first))) {
            first = source;
        }
    }
    return first;
}

/* ---- a page ---- */

static void put_sample(const struct merge *merge, const struct source *source)
{
    const struct sample *sample = next_of(source);
    struct buf *out = &merge->view->reader->scratch;
    buf_reset(out);
    json_write_open(out, '[');
    if (merge->is_location) {
        location_write_item(out, sample->value, sample->timestamp_ms, sample->created_ms);
    } else {
        property_write_sample(
            out, &(struct property_sample){
                     .key = slice_of(buf_data(&merge->keys).at + source->key_at, source->key_bytes),
                     .value = sample->value,
                     .timestamp_ms = sample->timestamp_ms,
                     .created_ms = sample->created_ms,
                 });
    }
    json_write_close(out, ']');
    replay_put_message(merge->view, merge->read);
}

/* Goes past the source's sample, which is where the next page begins if this one ends. */
static struct err pass(const struct merge *merge, struct source *source)
{
    const struct sample *sample = next_of(source);
    source->has_last = true;
    source->last = (struct history_position){sample->timestamp_ms, sample->ordinal};
    merge->read->place = (struct replay_place){
        .is_set = true,
        .time_ms = sample->timestamp_ms,
        .property = source->property,
        .ordinal = sample->ordinal,
    };
    source->next++;
    return source->next == source->samples.count && source->samples.more ? fill(merge, source)
                                                                         : ERR(OK);
}

static struct err count_back(const struct merge *merge)
{
    struct replay_read *read = merge->read;
    struct source *source;
    for (uint32_t count = 0; count < REPLAY_PAGE_PASSED; count++) {
        source = first_of(merge);
        read->is_done = source == NULL;
        if (read->is_done || read->back == 0) {
            return ERR(OK);
        }
        TRY(pass(merge, source));
        read->back--;
    }
    return ERR(OK);
}

static struct err put_page(const struct merge *merge)
{
    struct replay_read *read = merge->read;
    uint32_t count = 0;
    while (count < REPLAY_PAGE_MESSAGES && buf_bytes(&read->messages) < REPLAY_PAGE_BYTES) {
        struct source *source = first_of(merge);
        if (source == NULL) {
            read->is_done = true;
            return ERR(OK);
        }
        if (source->is_parked) {
            /* Another may be the first now, if it was replaced or deleted meanwhile. */
            TRY(read_samples(merge, source, 1));
            continue;
        }
        put_sample(merge, source);
        TRY(pass(merge, source));
        count++;
    }
    return ERR(OK);
}

static struct err read_merged(struct merge *merge)
{
    TRY(add_sources(merge));
    if (merge->keys.failed) {
        return ERR(NO_MEMORY);
    }
    uint32_t samples = merge->ascending ? REPLAY_PAGE_MESSAGES : REPLAY_PAGE_PASSED;
    for (uint32_t i = 0; i < merge->count; i++) {
        struct source *source = &merge->sources[i];
        source->share_samples = SHARE_SAMPLES_MIN + samples / merge->count;
        source->share_bytes = SHARE_BYTES_MIN + REPLAY_PAGE_BYTES / merge->count;
        TRY(fill(merge, source));
    }
    return merge->ascending ? put_page(merge) : count_back(merge);
}

struct err replay_read_points(const struct view *view, struct replay_read *read)
{
    struct merge merge = {
        .view = view,
        .read = read,
        .ascending = read->back == 0,
        .is_location = read->topic->family == TOPIC_THNG_LOCATION,
    };
    read->is_done = false;
    struct err err = read_merged(&merge);
    for (uint32_t i = 0; i < merge.count; i++) {
        samples_deinit(&merge.sources[i].samples);
    }
    free(merge.sources);
    buf_deinit(&merge.keys);
    return err;
}

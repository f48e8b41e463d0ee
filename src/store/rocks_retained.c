/* SPDX-License-Identifier: Apache-2.0
 *
 * The retained messages on RocksDB: column family `retained`.
 *
 *      key      account (4 bytes, big-endian), topic
 *      value    XXH3 of key and the rest (8, big-endian), sequence (8), QoS (1), payload */
#include "store/rocks.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"
#include "model/plain_topic.h"
#include "store/retained.h"

#include <stdlib.h>

#define ACCOUNT_BYTES 4
#define KEY_BYTES_MAX (ACCOUNT_BYTES + TOPIC_BYTES_MAX)
#define CHECKSUM_BYTES 8
#define HEAD_BYTES (CHECKSUM_BYTES + 9)

/* Topics looked at in one call, matched or not: others want the reader, too. */
#define LOOKS_MAX 4096

struct retained {
    struct rocks *rocks;
    rocksdb_readoptions_t *read_options;
};

struct key {
    uint8_t at[KEY_BYTES_MAX];
    size_t bytes;
};

static struct key key_of(uint32_t account, struct slice topic)
{
    struct key key = {.bytes = ACCOUNT_BYTES + topic.bytes};
    ASSERT(topic.bytes <= TOPIC_BYTES_MAX);
    rocks_put_u32be(key.at, account);
    memcpy(key.at + ACCOUNT_BYTES, topic.at, topic.bytes);
    return key;
}

static struct slice key_slice(const struct key *key)
{
    return slice_of(key->at, key->bytes);
}

static uint64_t checksum(struct slice key, struct slice rest)
{
    return hash_bytes(hash_bytes(0, key), rest);
}

/* ---- writing ---- */

static void put_message(const struct rocks *rocks, rocksdb_writebatch_t *batch,
                        const struct event *event, struct buf *value)
{
    struct key key = key_of(event->account, event->topic);
    if (slice_is_empty(event->payload)) {
        rocksdb_writebatch_delete_cf(batch, rocks->retained, (const char *)key.at, key.bytes);
        return;
    }
    buf_reset(value);
    buf_put_u64be(value, 0);
    buf_put_u64be(value, event->sequence);
    buf_put_byte(value, event->qos);
    buf_put(value, event->payload);
    if (!value->failed) {
        struct slice rest = slice_from(buf_data(value), CHECKSUM_BYTES);
        rocks_put_u64be(value->at + value->head, checksum(key_slice(&key), rest));
        rocksdb_writebatch_put_cf(batch, rocks->retained, (const char *)key.at, key.bytes,
                                  (const char *)value->at + value->head, buf_bytes(value));
    }
}

struct err retained_write(const struct rocks *rocks, rocksdb_writebatch_t *batch,
                          const struct group *group)
{
    struct buf value = {0};
    struct event event;
    struct event_walk walk = event_walk_start(group);
    while (group->has_retained && event_walk_next(&walk, &event)) {
        if (event.type == EVENT_MESSAGE && (event.flags & MESSAGE_RETAIN) != 0) {
            put_message(rocks, batch, &event, &value);
        }
    }
    struct err err = value.failed ? ERR(NO_MEMORY) : ERR(OK);
    buf_deinit(&value);
    return err;
}

/* ---- reading ---- */

struct err retained_open(struct rocks *rocks, struct retained **retained)
{
    struct retained *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR(NO_MEMORY);
    }
    made->rocks = rocks;
    made->read_options = rocksdb_readoptions_create();
    *retained = made;
    return ERR(OK);
}

void retained_close(struct retained *retained)
{
    if (retained != NULL) {
        rocksdb_readoptions_destroy(retained->read_options);
        free(retained);
    }
}

static struct slice key_under(const rocksdb_iterator_t *iterator)
{
    size_t bytes;
    const char *at = rocksdb_iter_key(iterator, &bytes);
    return slice_of(at, bytes);
}

static struct err check_iterator(const rocksdb_iterator_t *iterator)
{
    char *text = NULL;
    rocksdb_iter_get_error(iterator, &text);
    return rocks_check(text, "reading retained messages");
}

static struct err read_message(const rocksdb_iterator_t *iterator, struct slice topic,
                               struct retained_message *message)
{
    size_t bytes;
    const char *at = rocksdb_iter_value(iterator, &bytes);
    struct slice value = slice_of(at, bytes);
    if (bytes <= HEAD_BYTES ||
        rocks_read_u64be(value.at) != checksum(key_under(iterator), slice_from(value, 8))) {
        log_line(LOG_ERROR, "store", "a retained message is damaged topic_bytes=%zu", topic.bytes);
        return ERR(CORRUPT);
    }
    *message = (struct retained_message){
        .topic = topic,
        .payload = slice_from(value, HEAD_BYTES),
        .sequence = rocks_read_u64be(value.at + CHECKSUM_BYTES),
        .qos = value.at[HEAD_BYTES - 1],
    };
    return ERR(OK);
}

/* What all names that the filter matches begin with. */
static struct slice prefix_of(struct slice filter)
{
    size_t plus = slice_find(filter, '+');
    size_t hash = slice_find(filter, '#');
    struct slice prefix = slice_first(filter, min_size(plus, hash));
    bool is_cut = prefix.bytes < filter.bytes && prefix.bytes > 0;
    /* "a/#" matches "a" itself. */
    return is_cut ? slice_first(prefix, prefix.bytes - 1) : prefix;
}

struct walk {
    struct slice filter;
    bool has_wildcard;
    struct key prefix;
    struct retained_place *place;
    retained_visit_fn visit;
    void *arg;
};

/* To the first key that is to be looked at. */
static void seek(const struct walk *walk, rocksdb_iterator_t *iterator, uint32_t account)
{
    const struct retained_place *place = walk->place;
    if (place->bytes == 0) {
        rocksdb_iter_seek(iterator, (const char *)walk->prefix.at, walk->prefix.bytes);
        return;
    }
    const struct key last = key_of(account, slice_of(place->topic, place->bytes));
    rocksdb_iter_seek(iterator, (const char *)last.at, last.bytes);
    if (rocksdb_iter_valid(iterator) && slice_equal(key_under(iterator), key_slice(&last))) {
        rocksdb_iter_next(iterator);
    }
}

static struct err visit_matches(const struct walk *walk, rocksdb_iterator_t *iterator)
{
    struct retained_place *place = walk->place;
    for (unsigned looks = 0; looks < LOOKS_MAX; looks++) {
        bool is_within = rocksdb_iter_valid(iterator) &&
                         slice_starts_with(key_under(iterator), key_slice(&walk->prefix));
        if (!is_within) {
            place->is_done = true;
            return check_iterator(iterator);
        }
        struct slice topic = slice_from(key_under(iterator), ACCOUNT_BYTES);
        place->bytes = (uint16_t)topic.bytes;
        memcpy(place->topic, topic.at, topic.bytes);
        if (plain_filter_matches(walk->filter, topic)) {
            struct retained_message message;
            TRY(read_message(iterator, topic, &message));
            if (!walk->visit(walk->arg, &message)) {
                return ERR(OK);
            }
        }
        if (!walk->has_wildcard) {
            place->is_done =
                true; /* the topic itself is the first with that prefix, or not there */
            return ERR(OK);
        }
        rocksdb_iter_next(iterator);
    }
    return ERR(OK);
}

struct err retained_read(struct retained *retained, uint32_t account, struct slice filter,
                         struct retained_place *place, retained_visit_fn visit, void *arg)
{
    const struct walk walk = {
        .filter = filter,
        .has_wildcard = plain_filter_has_wildcard(filter),
        .prefix = key_of(account, prefix_of(filter)),
        .place = place,
        .visit = visit,
        .arg = arg,
    };
    TRY(rocks_enter(retained->rocks));
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
        retained->rocks->db, retained->read_options, retained->rocks->retained);
    seek(&walk, iterator, account);
    struct err err = visit_matches(&walk, iterator);
    rocksdb_iter_destroy(iterator);
    rocks_leave(retained->rocks);
    return err;
}

struct err retained_count(struct retained *retained, uint64_t *count)
{
    TRY(rocks_enter(retained->rocks));
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
        retained->rocks->db, retained->read_options, retained->rocks->retained);
    *count = 0;
    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        ++*count;
    }
    struct err err = check_iterator(iterator);
    rocksdb_iter_destroy(iterator);
    rocks_leave(retained->rocks);
    return err;
}

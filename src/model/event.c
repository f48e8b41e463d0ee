/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include "base/assert.h"
#include "base/hash.h"

#define GROUP_MAGIC "thg1"
#define GROUP_HAS_DOCUMENTS 1
#define GROUP_HAS_RETAINED 2
#define FILTER_LOG2_MIN 3
#define FILTER_LOG2_MAX 20
/* Bits of filter a named resource, and bits set for it: about one group in fifty is read in vain.
 */
#define FILTER_BITS_PER_NAME 8
#define FILTER_PROBES 2

static_assert(sizeof(struct id) == ID_BYTES, "ids are stored as their 24 characters");

uint64_t group_hash_name(uint32_t account, const struct id *resource)
{
    return hash_bytes(account, slice_of(resource, sizeof(*resource)));
}

uint64_t group_hash_message(uint32_t account, struct slice topic)
{
    return hash_bytes(~(uint64_t)account, topic);
}

/* ---- reading ---- */

struct err group_open(struct slice bytes, struct group *group)
{
    if (bytes.bytes < GROUP_HEADER_BYTES + GROUP_CHECKSUM_BYTES ||
        memcmp(bytes.at, GROUP_MAGIC, 4) != 0) {
        return ERR(CORRUPT);
    }
    struct cursor c = cursor_over(slice_of(bytes.at + 6, GROUP_HEADER_BYTES - 6));
    uint16_t documents;
    uint64_t first;
    uint64_t time;
    uint32_t count;
    uint32_t body_bytes;
    if (!cursor_read_u16be(&c, &documents) || !cursor_read_u64be(&c, &first) ||
        !cursor_read_u64be(&c, &time) || !cursor_read_u32be(&c, &count) ||
        !cursor_read_u32be(&c, &body_bytes)) {
        return ERR(CORRUPT);
    }
    uint8_t flags = bytes.at[4];
    uint8_t filter_log2 = bytes.at[5];
    if (count == 0 || filter_log2 < FILTER_LOG2_MIN || filter_log2 > FILTER_LOG2_MAX) {
        return ERR(CORRUPT);
    }
    size_t filter_bytes = ((size_t)1 << filter_log2) / 8;
    if (bytes.bytes != GROUP_HEADER_BYTES + filter_bytes + body_bytes + GROUP_CHECKSUM_BYTES) {
        return ERR(CORRUPT);
    }
    struct slice checked = slice_first(bytes, bytes.bytes - GROUP_CHECKSUM_BYTES);
    struct cursor tail = cursor_over(slice_from(bytes, checked.bytes));
    uint64_t checksum;
    if (!cursor_read_u64be(&tail, &checksum) || checksum != hash_bytes(0, checked)) {
        return ERR(CORRUPT);
    }
    *group = (struct group){
        .bytes = bytes,
        .first_sequence = first,
        .last_sequence = first + count - 1,
        .time_ms = (int64_t)time,
        .count = count,
        .has_documents = (flags & GROUP_HAS_DOCUMENTS) != 0,
        .has_retained = (flags & GROUP_HAS_RETAINED) != 0,
        .document_count = documents,
        .filter = slice_of(bytes.at + GROUP_HEADER_BYTES, filter_bytes),
        .body = slice_of(bytes.at + GROUP_HEADER_BYTES + filter_bytes, body_bytes),
    };
    return ERR(OK);
}

bool group_may_name_hashed(const struct group *group, uint64_t hash)
{
    uint64_t bits_mask = group->filter.bytes * 8 - 1;
    for (unsigned probe = 0; probe < FILTER_PROBES; probe++) {
        uint64_t bit = (hash >> (32 * probe)) & bits_mask;
        if ((group->filter.at[bit / 8] & (1u << (bit % 8))) == 0) {
            return false;
        }
    }
    return true;
}

bool group_may_name(const struct group *group, uint32_t account, const struct id *resource)
{
    return group_may_name_hashed(group, group_hash_name(account, resource));
}

struct event_walk event_walk_start(const struct group *group)
{
    return (struct event_walk){
        .all = group->body,
        .body = cursor_over(group->body),
        .next_sequence = group->first_sequence,
        .time_ms = group->time_ms,
    };
}

/* Reads of a valid group: what is not there is a bug of the writer. */
static uint8_t must_u8(struct cursor *c)
{
    uint8_t value;
    bool read = cursor_read_u8(c, &value);
    ASSERT(read);
    return value;
}

static uint64_t must_varint(struct cursor *c)
{
    uint64_t value;
    bool read = cursor_read_varint(c, &value);
    ASSERT(read);
    return value;
}

static int64_t must_zigzag(struct cursor *c)
{
    int64_t value;
    bool read = cursor_read_zigzag(c, &value);
    ASSERT(read);
    return value;
}

static struct slice must_bytes(struct cursor *c, size_t bytes)
{
    struct slice value;
    bool read = cursor_read_bytes(c, bytes, &value);
    ASSERT(read);
    return value;
}

static struct slice must_counted(struct cursor *c)
{
    return must_bytes(c, must_varint(c));
}

static const struct id *must_ids(struct cursor *c, uint32_t count)
{
    /* struct id is 24 characters without alignment. */
    return (const struct id *)must_bytes(c, (size_t)count * ID_BYTES).at;
}

static const struct id *must_id(struct cursor *c)
{
    return must_ids(c, 1);
}

/* In the flags of points and members, on disk only: scopes follow. */
#define HAS_SCOPES 0x80u

/* Flags, of which the one for scopes is taken away. */
static bool must_flags(struct cursor *c, uint8_t *flags)
{
    uint8_t read = must_u8(c);
    *flags = (uint8_t)(read & ~HAS_SCOPES);
    return read & HAS_SCOPES;
}

static struct slice must_scopes(struct cursor *c, struct slice body)
{
    uint64_t offset = must_varint(c);
    if (offset == 0) {
        return must_counted(c);
    }
    ASSERT(offset < body.bytes);
    struct cursor earlier = cursor_over(slice_from(body, offset));
    return must_counted(&earlier);
}

static void read_samples(struct event *event, struct cursor *c, struct slice body)
{
    event->kind = must_u8(c);
    event->resource = must_id(c);
    if (event->type == EVENT_POINTS && must_flags(c, &event->flags)) {
        event->scopes = must_scopes(c, body);
    }
    event->count = (uint32_t)must_varint(c);
    event->entries = *c;
}

static void read_document(struct event *event, struct cursor *c)
{
    event->operation = must_u8(c);
    event->kind = must_u8(c);
    event->resource = must_id(c);
    event->text = must_counted(c);
    event->scopes = must_counted(c);
    event->count = (uint32_t)(cursor_left(c) / sizeof(struct id));
    event->collections = must_ids(c, event->count);
}

static void read_key(struct event *event, struct cursor *c)
{
    event->operation = must_u8(c);
    event->key_kind = must_u8(c);
    event->actor = must_id(c);
    event->hash = must_bytes(c, KEY_HASH_BYTES).at;
    event->sealed = must_counted(c);
}

static void read_members(struct event *event, struct cursor *c, struct slice body)
{
    event->change = must_u8(c);
    bool has_scopes = must_flags(c, &event->flags);
    event->kind = RESOURCE_COLLECTION;
    event->resource = must_id(c);
    if (has_scopes) {
        event->scopes = must_scopes(c, body);
    }
    event->member_kind = must_u8(c);
    event->count = (uint32_t)must_varint(c);
    event->members = must_ids(c, event->count);
}

static void read_message(struct event *event, struct cursor *c)
{
    event->flags = must_u8(c);
    event->topic = must_counted(c);
    event->payload = must_bytes(c, cursor_left(c));
}

bool event_walk_next(struct event_walk *walk, struct event *event)
{
    if (cursor_at_end(&walk->body)) {
        return false;
    }
    enum event_type type = must_u8(&walk->body);
    struct cursor c = cursor_over(must_counted(&walk->body));
    *event = (struct event){
        .type = type,
        .sequence = walk->next_sequence++,
        .time_ms = walk->time_ms,
    };
    event->account = (uint32_t)must_varint(&c);
    event->qos = must_u8(&c);
    switch (type) {
    case EVENT_POINTS:
    case EVENT_CUT:
        read_samples(event, &c, walk->all);
        return true;
    case EVENT_DOCUMENT:
        read_document(event, &c);
        return true;
    case EVENT_KEY:
        read_key(event, &c);
        return true;
    case EVENT_MEMBERS:
        read_members(event, &c, walk->all);
        return true;
    case EVENT_MESSAGE:
        read_message(event, &c);
        return true;
    }
    UNREACHABLE();
}

bool event_next_point(struct event *event, struct point *point)
{
    ASSERT(event->type == EVENT_POINTS);
    struct cursor *c = &event->entries;
    if (cursor_at_end(c)) {
        return false;
    }
    point->flags = must_u8(c);
    point->property = (uint32_t)must_varint(c);
    point->key = must_counted(c);
    point->timestamp_ms = event->time_ms + must_zigzag(c);
    point->value = must_counted(c);
    return true;
}

bool event_next_cut(struct event *event, struct cut *cut)
{
    ASSERT(event->type == EVENT_CUT);
    struct cursor *c = &event->entries;
    if (cursor_at_end(c)) {
        return false;
    }
    cut->flags = must_u8(c);
    cut->property = (uint32_t)must_varint(c);
    cut->key = must_counted(c);
    cut->from_ms = must_zigzag(c);
    cut->to_ms = must_zigzag(c);
    return true;
}

/* ---- writing ---- */

void group_writer_deinit(struct group_writer *writer)
{
    buf_deinit(&writer->body);
    buf_deinit(&writer->filter_hashes);
    buf_deinit(&writer->record);
}

void group_writer_start(struct group_writer *writer, uint64_t first_sequence, int64_t time_ms)
{
    buf_reset(&writer->body);
    buf_reset(&writer->filter_hashes);
    buf_reset(&writer->record);
    writer->first_sequence = first_sequence;
    writer->time_ms = time_ms;
    writer->count = 0;
    writer->document_count = 0;
    writer->has_retained = false;
    writer->qos = 1;
    memset(writer->scopes, 0, sizeof(writer->scopes));
}

/* The bytes of an event are counted in four: 256 MiB, far beyond what limits.packet lets in,
 * and a fixed width lets the count be filled in afterwards. It is a valid, padded varint. */
#define EVENT_LENGTH_BYTES 4

/* Begins an event; event_end fills in its length. */
static size_t event_begin(struct group_writer *writer, enum event_type type, uint32_t account)
{
    buf_put_byte(&writer->body, (uint8_t)type);
    size_t mark = buf_bytes(&writer->body);
    buf_put_bytes(&writer->body, (const uint8_t[EVENT_LENGTH_BYTES]){0}, EVENT_LENGTH_BYTES);
    buf_put_varint(&writer->body, account);
    buf_put_byte(&writer->body, writer->qos);
    return mark;
}

static uint64_t event_end(struct group_writer *writer, size_t mark)
{
    if (!writer->body.failed) {
        size_t bytes = buf_bytes(&writer->body) - mark - EVENT_LENGTH_BYTES;
        ASSERT(bytes < (size_t)1 << (7 * EVENT_LENGTH_BYTES));
        uint8_t *at = writer->body.at + writer->body.head + mark;
        for (unsigned i = 0; i < EVENT_LENGTH_BYTES; i++) {
            bool last = i + 1 == EVENT_LENGTH_BYTES;
            at[i] = (uint8_t)((bytes >> (7 * i) & 0x7f) | (last ? 0 : 0x80));
        }
    }
    return writer->first_sequence + writer->count++;
}

static void put_counted(struct buf *buf, struct slice bytes)
{
    buf_put_varint(buf, bytes.bytes);
    buf_put(buf, bytes);
}

static void put_hash(struct group_writer *writer, uint64_t hash)
{
    buf_put_bytes(&writer->filter_hashes, &hash, sizeof(hash));
}

/* An id that the group's filter is to know. */
static void put_named(struct group_writer *writer, uint32_t account, const struct id *resource)
{
    buf_put_bytes(&writer->body, resource, sizeof(*resource));
    put_hash(writer, group_hash_name(account, resource));
}

static void put_resource(struct group_writer *writer, uint32_t account, enum resource_kind kind,
                         const struct id *resource)
{
    buf_put_byte(&writer->body, (uint8_t)kind);
    put_named(writer, account, resource);
}

/* Most resources of a group are in the same few projects: a text is written once. */
static void put_scopes(struct group_writer *writer, struct slice scopes)
{
    struct buf *body = &writer->body;
    if (slice_is_empty(scopes)) {
        return;
    }
    uint64_t hash = hash_bytes(0, scopes);
    struct group_scopes *place = &writer->scopes[hash % GROUP_SCOPES_PLACES];
    struct slice all = buf_data(body);
    if (place->offset != 0 && place->hash == hash && !body->failed &&
        slice_equal(slice_of(all.at + place->text_offset, place->bytes), scopes)) {
        buf_put_varint(body, place->offset);
        return;
    }
    buf_put_varint(body, 0);
    *place = (struct group_scopes){.hash = hash, .offset = all.bytes + 1, .bytes = scopes.bytes};
    put_counted(body, scopes);
    place->text_offset = buf_bytes(body) - scopes.bytes;
}

static uint8_t flags_with(uint8_t flags, struct slice scopes)
{
    return (uint8_t)(flags | (slice_is_empty(scopes) ? 0 : HAS_SCOPES));
}

uint64_t group_write_document(struct group_writer *writer, uint32_t account,
                              enum event_operation operation, enum resource_kind kind,
                              const struct id *resource, struct slice text, struct slice scopes)
{
    return group_write_member_document(writer, account, operation, kind, resource, text, scopes,
                                       NULL, 0);
}

uint64_t group_write_member_document(struct group_writer *writer, uint32_t account,
                                     enum event_operation operation, enum resource_kind kind,
                                     const struct id *resource, struct slice text,
                                     struct slice scopes, const struct id *collections,
                                     uint32_t count)
{
    size_t mark = event_begin(writer, EVENT_DOCUMENT, account);
    buf_put_byte(&writer->body, (uint8_t)operation);
    put_resource(writer, account, kind, resource);
    put_counted(&writer->body, text);
    put_counted(&writer->body, scopes);
    buf_put_bytes(&writer->body, collections, count * sizeof(*collections));
    writer->document_count++;
    return event_end(writer, mark);
}

uint64_t group_write_key(struct group_writer *writer, uint32_t account,
                         enum event_operation operation, enum key_kind kind, const struct id *actor,
                         const uint8_t hash[KEY_HASH_BYTES], struct slice sealed)
{
    size_t mark = event_begin(writer, EVENT_KEY, account);
    buf_put_byte(&writer->body, (uint8_t)operation);
    buf_put_byte(&writer->body, (uint8_t)kind);
    buf_put_bytes(&writer->body, actor, sizeof(*actor));
    buf_put_bytes(&writer->body, hash, KEY_HASH_BYTES);
    put_counted(&writer->body, sealed);
    writer->document_count++;
    return event_end(writer, mark);
}

uint64_t group_write_points(struct group_writer *writer, uint32_t account, enum resource_kind kind,
                            const struct id *resource, struct slice scopes, uint8_t flags,
                            const struct point *points, uint32_t count)
{
    size_t mark = event_begin(writer, EVENT_POINTS, account);
    struct buf *body = &writer->body;
    put_resource(writer, account, kind, resource);
    buf_put_byte(body, flags_with(flags, scopes));
    put_scopes(writer, scopes);
    buf_put_varint(body, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct point *point = &points[i];
        ASSERT(point->property != 0);
        buf_put_byte(body, point->flags);
        buf_put_varint(body, point->property);
        put_counted(body, point->key);
        buf_put_zigzag(body, point->timestamp_ms - writer->time_ms);
        put_counted(body, point->value);
        writer->document_count += (point->flags & POINT_NEW_PROPERTY) != 0;
    }
    return event_end(writer, mark);
}

uint64_t group_write_cuts(struct group_writer *writer, uint32_t account, enum resource_kind kind,
                          const struct id *resource, const struct cut *cuts, uint32_t count)
{
    size_t mark = event_begin(writer, EVENT_CUT, account);
    struct buf *body = &writer->body;
    put_resource(writer, account, kind, resource);
    buf_put_varint(body, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct cut *cut = &cuts[i];
        ASSERT(cut->property != 0);
        buf_put_byte(body, cut->flags);
        buf_put_varint(body, cut->property);
        put_counted(body, cut->key);
        buf_put_zigzag(body, cut->from_ms);
        buf_put_zigzag(body, cut->to_ms);
        writer->document_count += (cut->flags & CUT_RETIRE) != 0;
    }
    return event_end(writer, mark);
}

uint64_t group_write_members(struct group_writer *writer, uint32_t account,
                             enum member_change change, uint8_t flags, const struct id *collection,
                             struct slice scopes, enum resource_kind member_kind,
                             const struct id *members, uint32_t count)
{
    ASSERT(count > 0 && count <= MEMBERS_PER_EVENT_MAX);
    ASSERT(flags == 0 || (flags == MEMBERS_ALL && change == MEMBERS_CLEARED));
    size_t mark = event_begin(writer, EVENT_MEMBERS, account);
    buf_put_byte(&writer->body, (uint8_t)change);
    buf_put_byte(&writer->body, flags_with(flags, scopes));
    put_named(writer, account, collection);
    put_scopes(writer, scopes);
    buf_put_byte(&writer->body, (uint8_t)member_kind);
    buf_put_varint(&writer->body, count);
    buf_put_bytes(&writer->body, members, count * sizeof(*members));
    writer->document_count++;
    return event_end(writer, mark);
}

uint64_t group_write_message(struct group_writer *writer, uint32_t account, uint8_t flags,
                             struct slice topic, struct slice payload)
{
    size_t mark = event_begin(writer, EVENT_MESSAGE, account);
    buf_put_byte(&writer->body, flags);
    put_counted(&writer->body, topic);
    buf_put(&writer->body, payload);
    put_hash(writer, group_hash_message(account, topic));
    writer->has_retained |= (flags & MESSAGE_RETAIN) != 0;
    return event_end(writer, mark);
}

static uint8_t filter_log2_for(size_t names)
{
    uint8_t log2 = FILTER_LOG2_MIN;
    while (log2 < FILTER_LOG2_MAX && ((size_t)1 << log2) < names * FILTER_BITS_PER_NAME) {
        log2++;
    }
    return log2;
}

static void put_filter(struct group_writer *writer, uint8_t log2)
{
    size_t bytes = ((size_t)1 << log2) / 8;
    if (err_is_set(buf_reserve(&writer->record, bytes))) {
        return;
    }
    uint8_t *filter = writer->record.at + writer->record.tail;
    memset(filter, 0, bytes);
    struct slice hashes = buf_data(&writer->filter_hashes);
    for (size_t i = 0; i < hashes.bytes; i += sizeof(uint64_t)) {
        uint64_t hash;
        memcpy(&hash, hashes.at + i, sizeof(hash));
        for (unsigned probe = 0; probe < FILTER_PROBES; probe++) {
            uint64_t bit = (hash >> (32 * probe)) & (bytes * 8 - 1);
            filter[bit / 8] |= (uint8_t)(1u << (bit % 8));
        }
    }
    writer->record.tail += bytes;
}

struct err group_writer_close(struct group_writer *writer, struct slice *bytes)
{
    ASSERT(writer->count > 0);
    struct buf *record = &writer->record;
    uint8_t log2 = filter_log2_for(buf_bytes(&writer->filter_hashes) / sizeof(uint64_t));
    BUF_PUT_LITERAL(record, GROUP_MAGIC);
    buf_put_byte(record, (uint8_t)((writer->document_count > 0 ? GROUP_HAS_DOCUMENTS : 0) |
                                   (writer->has_retained ? GROUP_HAS_RETAINED : 0)));
    buf_put_byte(record, log2);
    buf_put_u16be(record, (uint16_t)(writer->document_count < UINT16_MAX ? writer->document_count
                                                                         : UINT16_MAX));
    buf_put_u64be(record, writer->first_sequence);
    buf_put_u64be(record, (uint64_t)writer->time_ms);
    buf_put_u32be(record, writer->count);
    buf_put_u32be(record, (uint32_t)buf_bytes(&writer->body));
    put_filter(writer, log2);
    buf_put(record, buf_data(&writer->body));
    if (writer->body.failed || writer->filter_hashes.failed || record->failed) {
        return ERR(NO_MEMORY);
    }
    buf_put_u64be(record, hash_bytes(0, buf_data(record)));
    if (record->failed) {
        return ERR(NO_MEMORY);
    }
    *bytes = buf_data(record);
    return ERR(OK);
}

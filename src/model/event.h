/* SPDX-License-Identifier: Apache-2.0
 *
 * event.h - committed changes, and the bytes that carry them: the group.
 *
 * The engine turns each accepted command into events and closes them, several commands together,
 * into a group. A group is one record of the journal, one item of the event ring, and what the
 * projections read: the same bytes in all three places, written by one encoder and read by one
 * decoder, here. It stands below the store because the store's projections must read it.
 *
 * Layout of a group. Fixed-width numbers are big-endian; varint and zigzag as in base/buf.h.
 *
 *      0   4  magic "thg1"
 *      4   1  flags: bit 0, it has events that change documents (GROUP_HAS_DOCUMENTS); bit 1,
 *             it has messages that are to be retained (GROUP_HAS_RETAINED)
 *      5   1  log2 of the filter's bits (3 .. 20)
 *      6   2  number of changes of documents, at most 65,535 (0 in groups of older versions)
 *      8   8  sequence number of its first event
 *     16   8  time in ms since 1970 (the commit time of all its events)
 *     24   4  event count, 1 or more
 *     28   4  body bytes
 *     32   -  filter: a Bloom filter over the accounts and resources, or plain topics, that its
 *             events name
 *      -   -  body: the events
 *      -   8  XXH3 of all bytes before
 *
 * Event: type (1 byte), varint bytes of the rest, varint account, QoS it was published with (1),
 * then by type:
 *
 *      points     resource kind (1), resource id (24), flags (1), scopes if the flags say so,
 *                 varint count, then each point:
 *                 flags (1), varint property number, varint key bytes, key,
 *                 zigzag timestamp minus group time, varint value bytes, value
 *      cut        resource kind (1), resource id (24), varint count, then each cut: flags (1),
 *                 varint property number, varint key bytes, key, zigzag from, zigzag to
 *      document   operation (1), resource kind (1), resource id (24), varint text bytes, text,
 *                 varint scopes bytes, scopes; then, to the event's end, the ids (24 each) of the
 *                 collections that it is in
 *      key        operation (1), key kind (1), actor id (24), hash (32), varint sealed bytes,
 *                 sealed
 *      message    flags (1), varint topic bytes, topic; then, to the event's end, the payload
 *      members    change (1), flags (1), collection id (24), scopes if the flags say so, kind of
 *                 the members (1), varint count, their ids (24 each)
 *
 * Scopes of points and members: varint 0, varint bytes, text; or where in the body of this group
 * such a text (its length first) stands already, as a varint. Without any nothing is written.
 *
 * A group is valid when magic, lengths and checksum agree (group_open). Events of a valid group are
 * trusted: what does not decode then is a bug, and asserted. */
#ifndef THRUM_MODEL_EVENT_H
#define THRUM_MODEL_EVENT_H

#include "base/buf.h"
#include "base/cursor.h"
#include "model/id.h"

#define GROUP_HEADER_BYTES 32
#define GROUP_CHECKSUM_BYTES 8
#define KEY_HASH_BYTES 32

/* Stored as numbers on disk: append only. */
enum resource_kind {
    RESOURCE_ACCOUNT = 1,
    RESOURCE_OPERATOR = 2,
    RESOURCE_THNG = 3,
    RESOURCE_PRODUCT = 4,
    RESOURCE_COLLECTION = 5,
    RESOURCE_PLACE = 6,
    RESOURCE_PROJECT = 7,
    RESOURCE_APPLICATION = 8,
    RESOURCE_BATCH = 9,
    RESOURCE_TASK = 10,
    RESOURCE_FILE = 11,
    RESOURCE_ACTION_TYPE = 12,
    RESOURCE_ACTION = 13,
    RESOURCE_USER = 14, /* of an application */
    RESOURCE_ROLE = 15,
    RESOURCE_ACCESS_POLICY = 16,
    RESOURCE_ACCESS_TOKEN = 17,
    RESOURCE_SHARE = 18, /* a user lets another one at what is its own: /accesses */
    RESOURCE_NAME = 19,  /* a name that somebody has, where names are unique but may change */
    RESOURCE_KIND_COUNT
};

/* Stored as numbers on disk: append only. */
enum event_type {
    EVENT_POINTS = 1,   /* samples of properties, or of the location, of one resource */
    EVENT_CUT = 2,      /* samples deleted, properties perhaps for ever */
    EVENT_DOCUMENT = 3, /* a resource created, updated or deleted */
    EVENT_KEY = 4,      /* an API key created or deleted */
    EVENT_MEMBERS = 5,  /* resources put into, or taken out of, a collection */
    EVENT_MESSAGE = 6,  /* published to a plain topic */
};

enum event_operation {
    OPERATION_CREATED = 1,
    OPERATION_UPDATED = 2,
    OPERATION_DELETED = 3,
};

enum key_kind {
    KEY_OPERATOR = 1,
    KEY_DEVICE = 2,
    KEY_APPLICATION = 3, /* public; its actor is the application */
    KEY_TRUSTED = 4,     /* the secret one of an application */
    KEY_USER = 5,
    KEY_ACCESS_TOKEN = 6,
};

/* Stored as numbers on disk: append only. */
enum member_change {
    MEMBERS_ADDED = 1,
    MEMBERS_REMOVED = 2,
    MEMBERS_CLEARED = 3, /* taken out because the collection was emptied or deleted */
};

enum {
    /* In the flags of MEMBERS_CLEARED: whoever was a member before this event is none any more,
     * also those whom it does not list. They are listed by later events without this flag. */
    MEMBERS_ALL = 1,
};

/* So many at most does one event list; notices are made from events, one each. */
#define MEMBERS_PER_EVENT_MAX 500

/* The property key under which a resource keeps its location; no client can name it, because
 * property keys have at least one character. */
#define PROPERTY_KEY_LOCATION ((struct slice){0})

enum {
    POINTS_SILENT =
        1, /* in the flags of an EVENT_POINTS: nobody is notified (first values of a POST) */
};

enum {
    MESSAGE_RETAIN = 1, /* it is the topic's retained message from now on; an empty one: none is */
};

enum {
    POINT_CLIENT_STAMPED = 1, /* the timestamp is the client's: it replaces a stored one like it */
    POINT_NEW_PROPERTY = 2,   /* the number was given to this key with this point */
};

enum {
    CUT_RETIRE = 1, /* the property is gone: its number is never used again */
};

/* One sample. Slices lie in the group. */
struct point {
    uint8_t flags;
    uint32_t property; /* property number, 1 or more */
    struct slice key;  /* normalised; empty for the location */
    int64_t timestamp_ms;
    struct slice value; /* JSON text as it came; for a location the members of location.h */
};

/* Samples of a property with from <= timestamp < to are deleted. */
struct cut {
    uint8_t flags;
    uint32_t property;
    struct slice key;
    int64_t from_ms;
    int64_t to_ms; /* INT64_MAX: no end */
};

/* A decoded event. Slices and pointers lie in the group's bytes. */
struct event {
    enum event_type type;
    uint64_t sequence;
    int64_t time_ms;
    uint32_t account;
    uint8_t qos; /* with which it was published: nobody is sent it with more. REST counts as 1 */
    /* points, cut, document, members: */
    enum resource_kind kind;   /* members: RESOURCE_COLLECTION */
    const struct id *resource; /* members: the collection */
    uint8_t flags;             /* points: POINTS_*; members: MEMBERS_ALL; message: MESSAGE_* */
    uint32_t count;            /* points, cut, members: how many; document: collections */
    struct cursor entries;     /* points, cut: for event_next_point, event_next_cut */
    /* points, document, members: */
    struct slice scopes; /* JSON object, or empty for none; of members, the collection's. (Groups
                            of older versions have none in points and members.) */
    /* document: */
    const struct id *collections; /* <count> of them: those that it is in, told of a thng or a
                                     collection that is updated (not in groups of older versions) */
    /* document, key: */
    enum event_operation operation;
    /* document: */
    struct slice text; /* JSON object: the stored document; empty when deleted, but for action
                          types, whose name their id does not give */
    /* key: */
    enum key_kind key_kind;
    const struct id *actor;
    const uint8_t *hash; /* KEY_HASH_BYTES */
    struct slice sealed; /* the key encrypted, where it must be readable again; else empty */
    /* members: */
    enum member_change change;
    enum resource_kind member_kind; /* RESOURCE_THNG or RESOURCE_COLLECTION */
    const struct id *members;       /* count of them */
    /* message: */
    struct slice topic;
    struct slice payload; /* any bytes; in flags, MESSAGE_RETAIN */
};

/* A group that has been opened. Borrowed bytes. */
struct group {
    struct slice bytes; /* all of it */
    uint64_t first_sequence;
    uint64_t last_sequence;
    int64_t time_ms;
    uint32_t count;
    bool has_documents;
    bool has_retained;
    uint16_t document_count; /* changes of documents; UINT16_MAX: so many or more */
    struct slice filter;
    struct slice body;
};

/* Checks <bytes> (magic, lengths, checksum) and fills <group>. ERR_CORRUPT otherwise. */
MUST_USE struct err group_open(struct slice bytes, struct group *group);

/* False when the group surely has no event of that resource. */
bool group_may_name(const struct group *group, uint32_t account, const struct id *resource);

/* The same for who asks many groups: the resource, or the plain topic, is hashed once. */
uint64_t group_hash_name(uint32_t account, const struct id *resource);
uint64_t group_hash_message(uint32_t account, struct slice topic);
bool group_may_name_hashed(const struct group *group, uint64_t hash);

/* Walks the events of a group. */
struct event_walk {
    struct slice all; /* the body */
    struct cursor body;
    uint64_t next_sequence;
    int64_t time_ms;
};

struct event_walk event_walk_start(const struct group *group);

/* The next event, false at the end. */
bool event_walk_next(struct event_walk *walk, struct event *event);

/* The next point or cut of the event, false at the end. Work on a copy of the event (or of its
 * cursor) when it is to be read again. */
bool event_next_point(struct event *event, struct point *point);
bool event_next_cut(struct event *event, struct cut *cut);

/* ---- writing: the engine's group under construction ---- */

/* Scopes that the group under construction has somewhere. */
struct group_scopes {
    uint64_t hash;
    size_t offset; /* in the body, of the text's length; 0: the place is free */
    size_t text_offset;
    size_t bytes;
};

#define GROUP_SCOPES_PLACES 16

struct group_writer {
    struct buf body;
    struct buf
        filter_hashes; /* 8 bytes a named resource: the filter is sized when the group closes */
    struct buf record; /* the closed group */
    uint64_t first_sequence;
    uint32_t count;
    int64_t time_ms;
    uint32_t document_count; /* changes that the documents are to show */
    bool has_retained;
    uint8_t qos; /* of the events to come; 1 when a group begins */
    struct group_scopes scopes[GROUP_SCOPES_PLACES]; /* by hash; the newest wins */
};

void group_writer_deinit(struct group_writer *writer);

/* Begins an empty group: its first event will have <first_sequence>. Keeps the memory. */
void group_writer_start(struct group_writer *writer, uint64_t first_sequence, int64_t time_ms);

static inline size_t group_writer_bytes(const struct group_writer *w)
{
    return buf_bytes(&w->body);
}

/* Each returns the sequence number of the event, which is complete after the call. */
uint64_t group_write_document(struct group_writer *writer, uint32_t account,
                              enum event_operation operation, enum resource_kind kind,
                              const struct id *resource, struct slice text, struct slice scopes);
/* The same of one that is in <count> collections, which can be 0. */
uint64_t group_write_member_document(struct group_writer *writer, uint32_t account,
                                     enum event_operation operation, enum resource_kind kind,
                                     const struct id *resource, struct slice text,
                                     struct slice scopes, const struct id *collections,
                                     uint32_t count);
uint64_t group_write_key(struct group_writer *writer, uint32_t account,
                         enum event_operation operation, enum key_kind kind, const struct id *actor,
                         const uint8_t hash[KEY_HASH_BYTES], struct slice sealed);
uint64_t group_write_points(struct group_writer *writer, uint32_t account, enum resource_kind kind,
                            const struct id *resource, struct slice scopes, uint8_t flags,
                            const struct point *points, uint32_t count);
uint64_t group_write_cuts(struct group_writer *writer, uint32_t account, enum resource_kind kind,
                          const struct id *resource, const struct cut *cuts, uint32_t count);

/* <count> is 1 to MEMBERS_PER_EVENT_MAX; <flags> is MEMBERS_ALL, for MEMBERS_CLEARED only, or 0. */
uint64_t group_write_members(struct group_writer *writer, uint32_t account,
                             enum member_change change, uint8_t flags, const struct id *collection,
                             struct slice scopes, enum resource_kind member_kind,
                             const struct id *members, uint32_t count);

uint64_t group_write_message(struct group_writer *writer, uint32_t account, uint8_t flags,
                             struct slice topic, struct slice payload);

/* Closes the group and returns its bytes, which live until the writer starts again; ERR_NO_MEMORY
 * when the group could not be kept in memory. The group must have events. */
MUST_USE struct err group_writer_close(struct group_writer *writer, struct slice *bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The sessions on RocksDB: column family `session`.
 *
 *      key      account (4 bytes, big-endian), actor's kind (1), actor (24), bytes of the client id
 *               (2), client id; then the part (1) and the number (4)
 *      value    the entry, and XXH3 of key and entry before it (8, big-endian)
 *
 * Writes on their way: an operation (1), varint key bytes, key, varint value bytes, value. */
#include "store/rocks.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "base/log.h"
#include "store/sessions.h"

#include <stdlib.h>

#define NAME_FIXED_BYTES (4 + 1 + ID_BYTES + 2)
#define NAME_BYTES_MAX (NAME_FIXED_BYTES + SESSION_CLIENT_ID_BYTES_MAX)
#define ENTRY_BYTES 5
#define KEY_BYTES_MAX (NAME_BYTES_MAX + ENTRY_BYTES)
#define CHECKSUM_BYTES 8

enum operation { OPERATION_PUT = 'p', OPERATION_DELETE = 'd' };

struct sessions {
    struct rocks *rocks;
    rocksdb_readoptions_t *read_options;
};

struct key {
    uint8_t at[KEY_BYTES_MAX];
    size_t bytes;
};

/* ---- keys ---- */

static void put_bytes(struct key *key, const void *bytes, size_t count)
{
    memcpy(key->at + key->bytes, bytes, count);
    key->bytes += count;
}

static struct key name_key(const struct session_name *name)
{
    struct key key = {.bytes = 0};
    uint8_t account[4];
    uint8_t kind = (uint8_t)name->kind;
    uint8_t length[2] = {(uint8_t)(name->client_id.bytes >> 8), (uint8_t)name->client_id.bytes};
    ASSERT(name->client_id.bytes > 0 && name->client_id.bytes <= SESSION_CLIENT_ID_BYTES_MAX);
    rocks_put_u32be(account, name->account);
    put_bytes(&key, account, sizeof(account));
    put_bytes(&key, &kind, sizeof(kind));
    put_bytes(&key, &name->actor, sizeof(name->actor));
    put_bytes(&key, length, sizeof(length));
    put_bytes(&key, name->client_id.at, name->client_id.bytes);
    return key;
}

static void put_entry(struct key *key, enum session_part part, uint32_t number)
{
    uint8_t letter = (uint8_t)part;
    uint8_t number_at[4];
    rocks_put_u32be(number_at, number);
    put_bytes(key, &letter, sizeof(letter));
    put_bytes(key, number_at, sizeof(number_at));
}

static struct slice key_slice(const struct key *key)
{
    return slice_of(key->at, key->bytes);
}

static uint64_t checksum(struct slice key, struct slice value)
{
    return hash_bytes(hash_bytes(0, key), value);
}

/* ---- writing ---- */

static void put_counted(struct buf *out, struct slice bytes)
{
    buf_put_varint(out, bytes.bytes);
    buf_put(out, bytes);
}

void session_put(struct buf *writes, const struct session_name *name,
                 const struct session_entry *entry)
{
    struct key key = name_key(name);
    put_entry(&key, entry->part, entry->number);
    buf_put_byte(writes, OPERATION_PUT);
    put_counted(writes, key_slice(&key));
    buf_put_varint(writes, CHECKSUM_BYTES + entry->value.bytes);
    buf_put_u64be(writes, checksum(key_slice(&key), entry->value));
    buf_put(writes, entry->value);
}

void session_delete(struct buf *writes, const struct session_name *name, enum session_part part,
                    uint32_t number)
{
    struct key key = name_key(name);
    put_entry(&key, part, number);
    buf_put_byte(writes, OPERATION_DELETE);
    put_counted(writes, key_slice(&key));
}

static struct slice must_counted(struct cursor *writes)
{
    uint64_t bytes;
    struct slice value;
    bool is_read =
        cursor_read_varint(writes, &bytes) && cursor_read_bytes(writes, (size_t)bytes, &value);
    ASSERT(is_read);
    return value;
}

void sessions_write(const struct rocks *rocks, rocksdb_writebatch_t *batch, struct slice writes)
{
    struct cursor left = cursor_over(writes);
    uint8_t operation;
    while (cursor_read_u8(&left, &operation)) {
        struct slice key = must_counted(&left);
        if (operation == OPERATION_PUT) {
            struct slice value = must_counted(&left);
            rocksdb_writebatch_put_cf(batch, rocks->session, (const char *)key.at, key.bytes,
                                      (const char *)value.at, value.bytes);
        } else {
            ASSERT(operation == OPERATION_DELETE);
            rocksdb_writebatch_delete_cf(batch, rocks->session, (const char *)key.at, key.bytes);
        }
    }
}

/* ---- reading ---- */

struct err sessions_open(struct rocks *rocks, struct sessions **sessions)
{
    struct sessions *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR(NO_MEMORY);
    }
    made->rocks = rocks;
    made->read_options = rocksdb_readoptions_create();
    *sessions = made;
    return ERR(OK);
}

void sessions_close(struct sessions *sessions)
{
    if (sessions != NULL) {
        rocksdb_readoptions_destroy(sessions->read_options);
        free(sessions);
    }
}

static struct slice key_under(const rocksdb_iterator_t *iterator)
{
    size_t bytes;
    const char *at = rocksdb_iter_key(iterator, &bytes);
    return slice_of(at, bytes);
}

static struct err damaged(struct slice key)
{
    log_line(LOG_ERROR, "store", "an entry of a session is damaged key_bytes=%zu", key.bytes);
    return ERR(CORRUPT);
}

/* The value under the iterator, without its checksum. */
static struct err read_value(const rocksdb_iterator_t *iterator, struct slice *value)
{
    size_t bytes;
    const char *at = rocksdb_iter_value(iterator, &bytes);
    struct slice key = key_under(iterator);
    if (bytes < CHECKSUM_BYTES) {
        return damaged(key);
    }
    *value = slice_of(at + CHECKSUM_BYTES, bytes - CHECKSUM_BYTES);
    uint64_t stored = rocks_read_u64be((const uint8_t *)at);
    return stored == checksum(key, *value) ? ERR(OK) : damaged(key);
}

static struct err check_iterator(const rocksdb_iterator_t *iterator)
{
    char *text = NULL;
    rocksdb_iter_get_error(iterator, &text);
    return rocks_check(text, "reading a session");
}

static struct err visit_entries(rocksdb_iterator_t *iterator, const struct key *name,
                                session_visit_fn visit, void *arg)
{
    rocksdb_iter_seek(iterator, (const char *)name->at, name->bytes);
    for (; rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        struct slice key = key_under(iterator);
        if (!slice_starts_with(key, key_slice(name))) {
            return ERR(OK);
        }
        struct session_entry entry;
        TRY(read_value(iterator, &entry.value));
        if (key.bytes != name->bytes + ENTRY_BYTES) {
            return damaged(key);
        }
        entry.part = (enum session_part)key.at[name->bytes];
        entry.number = rocks_read_u32be(key.at + name->bytes + 1);
        if (!visit(arg, &entry)) {
            return ERR(OK);
        }
    }
    return check_iterator(iterator);
}

struct err sessions_read(struct sessions *sessions, const struct session_name *name,
                         session_visit_fn visit, void *arg)
{
    const struct key key = name_key(name);
    TRY(rocks_enter(sessions->rocks));
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
        sessions->rocks->db, sessions->read_options, sessions->rocks->session);
    struct err err = visit_entries(iterator, &key, visit, arg);
    rocksdb_iter_destroy(iterator);
    rocks_leave(sessions->rocks);
    return err;
}

struct err sessions_has(struct sessions *sessions, const struct session_name *name, bool *found)
{
    struct key key = name_key(name);
    put_entry(&key, SESSION_HEAD, 0);
    TRY(rocks_enter(sessions->rocks));
    char *text = NULL;
    rocksdb_pinnableslice_t *value =
        rocksdb_get_pinned_cf(sessions->rocks->db, sessions->read_options, sessions->rocks->session,
                              (const char *)key.at, key.bytes, &text);
    *found = value != NULL;
    rocksdb_pinnableslice_destroy(value);
    rocks_leave(sessions->rocks);
    return rocks_check(text, "looking for a session");
}

/* ---- all of them ---- */

/* Takes the name from a key; false when it is none. */
static bool read_name(struct slice key, struct session_name *name)
{
    if (key.bytes <= NAME_FIXED_BYTES + ENTRY_BYTES) {
        return false;
    }
    const uint8_t *at = key.at;
    name->account = rocks_read_u32be(at);
    name->kind = (enum actor_kind)at[4];
    memcpy(&name->actor, at + 5, sizeof(name->actor));
    size_t bytes = (size_t)at[5 + ID_BYTES] << 8 | at[6 + ID_BYTES];
    name->client_id = slice_of(at + NAME_FIXED_BYTES, bytes);
    return bytes <= SESSION_CLIENT_ID_BYTES_MAX &&
           key.bytes == NAME_FIXED_BYTES + bytes + ENTRY_BYTES;
}

/* To the first entry of the next session. */
static void seek_next(rocksdb_iterator_t *iterator, const struct session_name *name)
{
    struct key key = name_key(name);
    const uint8_t last = 0xff; /* above any part */
    struct key behind = key;
    memcpy(behind.at + behind.bytes, &last, sizeof(last));
    behind.bytes++;
    rocksdb_iter_seek(iterator, (const char *)behind.at, behind.bytes);
}

static struct err visit_heads(rocksdb_iterator_t *iterator, sessions_visit_fn visit, void *arg)
{
    while (rocksdb_iter_valid(iterator)) {
        struct slice key = key_under(iterator);
        struct slice head;
        struct session_name name;
        TRY(read_value(iterator, &head));
        if (!read_name(key, &name) || key.at[key.bytes - ENTRY_BYTES] != SESSION_HEAD) {
            return damaged(key);
        }
        if (!visit(arg, &name, head)) {
            return ERR(OK);
        }
        seek_next(iterator, &name);
    }
    return check_iterator(iterator);
}

struct err sessions_each(struct sessions *sessions, const struct session_name *after,
                         sessions_visit_fn visit, void *arg)
{
    TRY(rocks_enter(sessions->rocks));
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
        sessions->rocks->db, sessions->read_options, sessions->rocks->session);
    if (after == NULL) {
        rocksdb_iter_seek_to_first(iterator);
    } else {
        seek_next(iterator, after);
    }
    struct err err = visit_heads(iterator, visit, arg);
    rocksdb_iter_destroy(iterator);
    rocks_leave(sessions->rocks);
    return err;
}

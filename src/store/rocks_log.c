/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of RocksDB's write-ahead log after a power failure.
 *
 * A record that was being written when the power went was never acknowledged, and may go. RocksDB
 * itself drops one that is cut off, but takes one whose bytes are only partly there for damage, and
 * refuses to open. Appends are one at a time, each with its sync, so the two can be told apart: if
 * a sound record begins anywhere behind the damage, the damaged one had been acknowledged. If none
 * does, and the log is the newest, it is cut off before the damage.
 *
 * Of RocksDB's log format (log_format.h) this is used: blocks of 32 KiB; in them records of
 * checksum (4 bytes, little-endian, masked CRC-32C of type and payload), payload bytes (2), type
 * (1), payload. A type is full, first, middle or last; the rest of a block too small for a head is
 * zero. Payload of a whole record: number (8), count (4), then the writes: 0x05 for a put (0x04 for
 * a deletion), varint column family, varint key bytes, key. A group is the first of its record's;
 * messages that are retained stand behind it, and what is written of sessions, that also alone. */
#include "store/rocks.h"

#include "base/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES 32768
#define HEAD_BYTES 7
#define BATCH_HEAD_BYTES 12
#define TAG_DELETE 4
#define TAG_PUT 5
#define PATH_BYTES_MAX 4096
#define NAME_BYTES_MAX 64

enum record_type { TYPE_ZERO, TYPE_FULL, TYPE_FIRST, TYPE_MIDDLE, TYPE_LAST };

/* CRC-32C of four bits at a time: little memory, and fast enough for one look. */
static uint32_t crc32c(struct slice bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < bytes.bytes; i++) {
        crc = table[(crc ^ bytes.at[i]) & 15] ^ crc >> 4;
        crc = table[(crc ^ bytes.at[i] >> 4) & 15] ^ crc >> 4;
    }
    return ~crc;
}

static uint32_t masked_crc32c(struct slice bytes)
{
    uint32_t crc = crc32c(bytes);
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

static uint32_t read_u32le(const uint8_t *at)
{
    uint32_t little;
    memcpy(&little, at, sizeof(little));
    return little;
}

/* A piece of a record within a block. */
struct piece {
    enum record_type type;
    struct slice payload;
};

/* Reads the piece at <offset>; false when it is not sound. */
static bool read_piece(struct slice log, size_t offset, struct piece *piece)
{
    size_t room = min_size(BLOCK_BYTES - offset % BLOCK_BYTES, log.bytes - offset);
    if (room < HEAD_BYTES) {
        return false;
    }
    const uint8_t *at = log.at + offset;
    size_t bytes = (size_t)(at[4] | at[5] << 8);
    if (at[6] < TYPE_FULL || at[6] > TYPE_LAST || bytes > room - HEAD_BYTES) {
        return false;
    }
    if (read_u32le(at) != masked_crc32c(slice_of(at + 6, bytes + 1))) {
        return false;
    }
    *piece = (struct piece){.type = at[6], .payload = slice_of(at + HEAD_BYTES, bytes)};
    return true;
}

static bool is_record(struct slice payload)
{
    if (payload.bytes <= BATCH_HEAD_BYTES || read_u32le(payload.at + 8) == 0) {
        return false;
    }
    uint8_t tag = payload.at[BATCH_HEAD_BYTES];
    return tag == TAG_PUT || tag == TAG_DELETE;
}

/* The first sequence number of the group that a record begins with; 0 when it is no group. */
static uint64_t group_of(struct slice payload)
{
    if (!is_record(payload)) {
        return 0;
    }
    struct cursor c = cursor_over(slice_from(payload, BATCH_HEAD_BYTES));
    uint8_t tag;
    uint64_t family;
    uint64_t key_bytes;
    uint64_t sequence;
    bool is_group = cursor_read_u8(&c, &tag) && tag == TAG_PUT && cursor_read_varint(&c, &family) &&
                    cursor_read_varint(&c, &key_bytes) && key_bytes == sizeof(sequence) &&
                    cursor_read_u64be(&c, &sequence);
    return is_group ? sequence : 0;
}

/* What there is to know about a log. */
struct findings {
    bool is_damaged;
    size_t damage;       /* where the damaged record begins */
    uint64_t last_sound; /* group before the damage; 0 none */
    bool is_within;      /* there are sound records behind the damage; */
    uint64_t next_sound; /* the first of them is this group; 0: it is none */
};

static bool is_zero(struct slice bytes)
{
    for (size_t i = 0; i < bytes.bytes; i++) {
        if (bytes.at[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Looks for the first record that begins behind the damage, at whatever byte. Cheap, because the
 * head of one seldom occurs by chance, so that few checksums are computed. */
static void find_sound(struct slice log, struct findings *findings)
{
    size_t offset = findings->damage + 1;
    for (; offset + HEAD_BYTES + BATCH_HEAD_BYTES < log.bytes; offset++) {
        uint8_t type = log.at[offset + 6];
        struct slice payload = slice_from(log, offset + HEAD_BYTES);
        struct piece piece;
        if ((type == TYPE_FULL || type == TYPE_FIRST) && is_record(payload) &&
            read_piece(log, offset, &piece) && is_record(piece.payload)) {
            findings->is_within = true;
            findings->next_sound = group_of(piece.payload);
            return;
        }
    }
}

static struct findings examine(struct slice log)
{
    struct findings findings = {.is_damaged = false};
    size_t record = 0;  /* where the current record begins, */
    uint64_t group = 0; /* and what group it is */
    size_t offset = 0;
    while (offset < log.bytes) {
        size_t room = BLOCK_BYTES - offset % BLOCK_BYTES;
        if (room < HEAD_BYTES) {
            offset += min_size(room, log.bytes - offset);
            continue;
        }
        struct piece piece;
        if (!read_piece(log, offset, &piece)) {
            break;
        }
        bool begins = piece.type == TYPE_FULL || piece.type == TYPE_FIRST;
        record = begins ? offset : record;
        group = begins ? group_of(piece.payload) : group;
        offset += HEAD_BYTES + piece.payload.bytes;
        if (piece.type == TYPE_FULL || piece.type == TYPE_LAST) {
            record = offset;
            findings.last_sound = group != 0 ? group : findings.last_sound;
        }
    }
    findings.is_damaged = !is_zero(slice_from(log, record));
    findings.damage = record;
    if (findings.is_damaged) {
        find_sound(log, &findings);
    }
    return findings;
}

/* The name of the newest log in the folder: the one with the highest number. */
static bool newest_log(const char *folder, char name[NAME_BYTES_MAX])
{
    DIR *entries = opendir(folder);
    unsigned long long highest = 0;
    if (entries == NULL) {
        return false;
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        char *end;
        unsigned long long number = strtoull(entry->d_name, &end, 10);
        if (end != entry->d_name && slice_equal(slice_of_text(end), SLICE(".log")) &&
            number > highest && strlen(entry->d_name) < NAME_BYTES_MAX) {
            highest = number;
            snprintf(name, NAME_BYTES_MAX, "%.*s", NAME_BYTES_MAX - 1, entry->d_name);
        }
    }
    closedir(entries);
    return highest > 0;
}

static struct err mend_file(int fd, const char *name, bool *is_mended)
{
    struct stat status;
    if (fstat(fd, &status) == -1 || status.st_size == 0) {
        return ERR(OK);
    }
    size_t bytes = (size_t)status.st_size;
    void *mapped = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED) {
        return ERR(IO);
    }
    struct findings findings = examine(slice_of(mapped, bytes));
    munmap(mapped, bytes);
    if (!findings.is_damaged) {
        return ERR(OK);
    }
    bool is_tail = !findings.is_within;
    log_line(is_tail ? LOG_WARN : LOG_ERROR, "store",
             "%s file=%s offset=%zu after_group=%llu before_group=%llu",
             is_tail ? "an unfinished record at the log's end is dropped" : "the log is damaged",
             name, findings.damage, (unsigned long long)findings.last_sound,
             (unsigned long long)findings.next_sound);
    if (is_tail) {
        if (ftruncate(fd, (off_t)findings.damage) == -1 || fsync(fd) == -1) {
            return ERR(IO);
        }
        *is_mended = true;
    }
    return ERR(OK);
}

struct err rocks_mend_log(const char *folder, bool *is_mended)
{
    char name[NAME_BYTES_MAX];
    char path[PATH_BYTES_MAX];
    *is_mended = false;
    if (!newest_log(folder, name)) {
        return ERR(OK);
    }
    int bytes = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (bytes < 0 || (size_t)bytes >= sizeof(path)) {
        return ERR(IO);
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd == -1) {
        return ERR(IO);
    }
    struct err err = mend_file(fd, name, is_mended);
    close(fd);
    return err;
}

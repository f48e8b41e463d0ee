/* SPDX-License-Identifier: Apache-2.0
 *
 * run.h - samples of one property over a span of time, encoded; and what is stored under a key of
 * the history: operations in commit order.
 *
 * Pure: bytes to structs and back. Slices are borrowed.
 *
 * A stored value is a concatenation of operations. Applied one after the other to nothing they give
 * the samples: a run adds its samples, a cut removes those added before it. So joining two stored
 * values is joining their bytes, and who reads decides when it is worth making one run of them.
 *
 * Operation. Fixed-width numbers are big-endian; varint and zigzag as in base/buf.h.
 *
 *      0   1  kind and version: 0x11 a run, 0x21 a cut
 *      1   -  varint body bytes
 *      -   -  body
 *      -   4  low half of the XXH3 of all bytes before
 *
 * Body of a cut: varint from, varint to (ms; samples with from <= timestamp < to go).
 *
 * Body of a run: varint count (1 or more), scale (1 byte, 0 .. 12), then the samples, ordered by
 * (timestamp, commit). Each is a control byte and what it announces, in this order:
 *
 *      bit 0     set: the distance to the timestamp before is the same as last time;
 *                clear: zigzag, by how much it differs
 *      bit 1     set: createdAt minus timestamp is the same as last time; clear: zigzag, by how
 * much it differs bit 2     the client stamped it bits 3-4  the value's text: 0  the same as before
 *                1  the shortest decimal of number / 10^scale: 37.2
 *                2  that decimal with exactly <scale> decimals, the last of which is 0: 37.20
 *                3  verbatim: varint bytes, bytes
 *      bits 5-7  for 1 and 2: 1 .. 7 mean that the number differs by -3 .. 3 from the number
 * before; 0: zigzag, by how much. For 0 and 3 they are 0.
 *
 * Before the first sample: timestamp = the caller's base, distance, createdAt minus timestamp and
 * number 0, and no text. A sensor that sends a decimal a second takes 2 to 4 bytes a sample.
 *
 * Values come back byte for byte: what is not exactly such a decimal (37.20 where the scale is 3,
 * -0, 1e3, texts, objects) is kept verbatim. The scale suits 15 of 16 decimals of the run. */
#ifndef THRUM_STORE_RUN_H
#define THRUM_STORE_RUN_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"

/* Milliseconds: beyond it a double no longer counts exactly. */
#define RUN_TIMESTAMP_MAX (((int64_t)1 << 53) - 1)

struct run_sample {
    int64_t timestamp_ms; /* 0 .. RUN_TIMESTAMP_MAX, as created_ms */
    int64_t created_ms;
    struct slice value;
    uint32_t order; /* not stored; for who sorts samples (series.h) */
    bool client_stamped;
};

/* ---- writing ---- */

/* Appends a run with <count> samples, 1 or more, ordered by timestamp. The same <base_ms>, not
 * behind the first timestamp, must be given for reading. On no memory <out> is marked failed. */
void run_write(struct buf *out, int64_t base_ms, const struct run_sample *samples, uint32_t count);

/* Appends a cut; 0 <= from < to. */
void run_write_cut(struct buf *out, int64_t from_ms, int64_t to_ms);

/* ---- reading ---- */

enum run_operation_kind {
    RUN_OPERATION_RUN = 0x11,
    RUN_OPERATION_CUT = 0x21,
};

struct run_operation {
    enum run_operation_kind kind;
    struct slice body; /* of a run */
    int64_t from_ms;   /* of a cut */
    int64_t to_ms;
};

/* Reads the next operation of a stored value. *found is false at its end. ERR_CORRUPT. */
MUST_USE struct err run_next_operation(struct cursor *stored, struct run_operation *operation,
                                       bool *found);

/* A number takes a sign, 18 digits and a point. */
#define RUN_NUMBER_BYTES_MAX 24

struct run_reader {
    struct cursor body;
    uint64_t left; /* samples */
    int64_t timestamp_ms;
    int64_t distance_ms;
    int64_t lag_ms; /* createdAt minus timestamp */
    int64_t number;
    struct slice value;
    uint8_t scale;
    bool has_value;
    char text[RUN_NUMBER_BYTES_MAX];
};

/* Begins to read a run. ERR_CORRUPT. */
MUST_USE struct err run_reader_start(struct run_reader *reader,
                                     const struct run_operation *operation, int64_t base_ms);

/* The next sample; *found is false at the end. sample->value lives until the next call. Timestamps
 * come in order. ERR_CORRUPT; then nothing more may be read. */
MUST_USE struct err run_reader_next(struct run_reader *reader, struct run_sample *sample,
                                    bool *found);

#endif

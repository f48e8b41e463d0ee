/* SPDX-License-Identifier: Apache-2.0
 *
 * run_fuzz.c - stored operations of the history.
 *
 * Input: a first byte says what the rest is. 0: stored bytes as they are. 1: operations whose
 * checksums are made right, so that the fuzzer gets behind them: each is a kind, a length and so
 * many bytes of body. Else: values, one a line, and times made from them. Properties: what decodes
 * is in range, and settled and written again it decodes to the same; values come back byte for
 * byte. */
#include "store/run.h"
#include "store/series.h"

#include "base/assert.h"
#include "base/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes);

#define BASE_MS ((int64_t)1700000000000)
#define VALUE_COUNT_MAX 64

static void check_same(const struct run_sample *a, const struct run_sample *b)
{
    ASSERT(a->timestamp_ms == b->timestamp_ms && a->created_ms == b->created_ms);
    ASSERT(a->client_stamped == b->client_stamped && slice_equal(a->value, b->value));
}

/* Writes the samples, reads them, compares. */
static void check_round_trip(const struct run_sample *samples, uint32_t count)
{
    struct buf out = {0};
    struct series again = {0};
    run_write(&out, BASE_MS, samples, count);
    ASSERT(!out.failed);
    struct err err = series_decode(&again, buf_data(&out), BASE_MS);
    ASSERT(!err_is_set(err) && again.count == count && !again.is_unordered);
    for (uint32_t i = 0; i < count; i++) {
        check_same(&samples[i], &again.at[i]);
    }
    series_deinit(&again);
    buf_deinit(&out);
}

static void check_stored(struct slice stored)
{
    struct series series = {0};
    struct err err = series_decode(&series, stored, BASE_MS);
    ASSERT(!err_is_set(err) || err.code == ERR_CORRUPT);
    for (uint32_t i = 0; i < series.count; i++) {
        const struct run_sample *sample = &series.at[i];
        ASSERT(sample->timestamp_ms >= BASE_MS && sample->timestamp_ms <= RUN_TIMESTAMP_MAX);
        ASSERT(sample->created_ms >= 0 && sample->created_ms <= RUN_TIMESTAMP_MAX);
    }
    series_settle(&series);
    for (uint32_t i = 1; i < series.count; i++) {
        const struct run_sample *sample = &series.at[i];
        bool is_tie = sample->timestamp_ms == sample[-1].timestamp_ms;
        ASSERT(sample->timestamp_ms >= sample[-1].timestamp_ms);
        ASSERT(sample->order == (is_tie ? sample[-1].order + 1 : 0));
    }
    if (series.count > 0) {
        check_round_trip(series.at, series.count);
    }
    series_deinit(&series);
}

static void check_forged(struct cursor c)
{
    struct buf stored = {0};
    uint8_t kind;
    uint8_t length;
    while (cursor_read_u8(&c, &kind) && cursor_read_u8(&c, &length)) {
        struct slice body = slice_of(c.at, min_size(length, cursor_left(&c)));
        c.at += body.bytes;
        size_t start = buf_bytes(&stored);
        buf_put_byte(&stored, kind % 2 ? RUN_OPERATION_RUN : RUN_OPERATION_CUT);
        buf_put_varint(&stored, body.bytes);
        buf_put(&stored, body);
        struct slice whole = slice_from(buf_data(&stored), start);
        buf_put_u32be(&stored, (uint32_t)hash_bytes(0, whole));
    }
    check_stored(buf_data(&stored));
    buf_deinit(&stored);
}

static void check_values(struct slice lines)
{
    struct run_sample samples[VALUE_COUNT_MAX];
    uint32_t count = 0;
    int64_t timestamp_ms = BASE_MS;
    while (lines.bytes > 0 && count < VALUE_COUNT_MAX) {
        struct slice value = slice_first(lines, slice_find(lines, '\n'));
        lines = slice_from(lines, min_size(value.bytes + 1, lines.bytes));
        uint64_t noise = hash_bytes(count, value);
        timestamp_ms += (int64_t)(noise % 3 * (noise >> 8 & 0xfff));
        samples[count++] = (struct run_sample){
            .timestamp_ms = timestamp_ms,
            .created_ms = timestamp_ms + (int64_t)(noise >> 32 & 0xff),
            .client_stamped = (noise >> 60 & 1) != 0,
            .value = value,
        };
    }
    if (count > 0) {
        check_round_trip(samples, count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes)
{
    if (bytes == 0) {
        return 0;
    }
    struct slice rest = slice_of(at + 1, bytes - 1);
    switch (at[0]) {
    case 0:
        check_stored(rest);
        break;
    case 1:
        check_forged(cursor_over(rest));
        break;
    default:
        check_values(rest);
        break;
    }
    return 0;
}

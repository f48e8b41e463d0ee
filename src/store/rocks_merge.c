/* SPDX-License-Identifier: Apache-2.0
 *
 * The merge operator of the history. Joining is concatenation (run.h); now and then, when a key has
 * gathered many small operations or a cut, all of them are decoded and written as one run. That
 * happens when RocksDB reads or compacts the key, on its threads; it never fails: what cannot be
 * decoded is passed on as it is, and whoever reads it is told that it is damaged. */
#include "store/rocks.h"
#include "store/series.h"

#include <stdlib.h>

/* Operations smaller than this on average are worth joining: their heads and checksums weigh, and a
 * run of few samples predicts badly. Larger ones are left alone, so that a sample is rewritten
 * about as often as the logarithm of its run's size, not at each compaction. */
#define OPERATION_BYTES_SMALL 256

/* Beyond this, decoding takes too much memory for a background thread: about 20 times as much. */
#define NORMALISE_BYTES_MAX ((size_t)8 << 20)

static bool is_mark(const uint8_t *key)
{
    return rocks_read_u32be(key) == 0;
}

/* True when the operations should become one run. */
static bool is_worth_it(struct slice joined)
{
    if (joined.bytes > NORMALISE_BYTES_MAX) {
        return false;
    }
    struct cursor c = cursor_over(joined);
    struct run_operation operation;
    size_t count = 0;
    bool has_cut = false;
    bool found = true;
    while (!err_is_set(run_next_operation(&c, &operation, &found)) && found) {
        count++;
        has_cut |= operation.kind == RUN_OPERATION_CUT;
    }
    return has_cut || (count > 1 && joined.bytes / count < OPERATION_BYTES_SMALL);
}

/* Writes all of <joined> as one run, or as nothing when no sample is left; false when it cannot. */
static bool normalise(uint32_t bucket, struct slice joined, struct buf *out)
{
    struct series series = {0};
    int64_t base_ms = history_bucket_start(bucket);
    bool is_decoded = !err_is_set(series_decode(&series, joined, base_ms));
    if (is_decoded) {
        series_settle(&series);
    }
    bool is_inside = series.count == 0 || series.at[0].timestamp_ms >= base_ms;
    if (is_decoded && is_inside && series.count > 0) {
        run_write(out, base_ms, series.at, series.count);
    }
    series_deinit(&series);
    return is_decoded && is_inside && !out->failed;
}

static char *join(const uint8_t *key, size_t key_bytes, struct slice existing,
                  const char *const *operands, const size_t *operand_bytes, int count,
                  bool may_normalise, unsigned char *success, size_t *bytes)
{
    size_t total = existing.bytes;
    for (int i = 0; i < count; i++) {
        total += operand_bytes[i];
    }
    /* Never 0 bytes: malloc may answer NULL to that. */
    char *joined = malloc(total + 1);
    *success = joined != NULL;
    if (joined == NULL) {
        return NULL;
    }
    size_t used = 0;
    if (existing.bytes > 0) {
        memcpy(joined, existing.at, existing.bytes);
        used = existing.bytes;
    }
    for (int i = 0; i < count; i++) {
        memcpy(joined + used, operands[i], operand_bytes[i]);
        used += operand_bytes[i];
    }
    *bytes = total;
    struct slice all = slice_of(joined, total);
    struct buf run = {0};
    if (!may_normalise || key_bytes != HISTORY_KEY_BYTES || is_mark(key) || !is_worth_it(all) ||
        !normalise(~rocks_read_u32be(key + 4), all, &run) || buf_bytes(&run) > total) {
        buf_deinit(&run);
        return joined;
    }
    struct slice made = buf_data(&run);
    if (made.bytes > 0) {
        memcpy(joined, made.at, made.bytes);
    }
    *bytes = made.bytes;
    buf_deinit(&run);
    return joined;
}

static char *full_merge(void *state, const char *key, size_t key_bytes, const char *existing,
                        size_t existing_bytes, const char *const *operands,
                        const size_t *operand_bytes, int count, unsigned char *success,
                        size_t *bytes)
{
    (void)state;
    struct slice stored = slice_of(existing, existing == NULL ? 0 : existing_bytes);
    return join((const uint8_t *)key, key_bytes, stored, operands, operand_bytes, count, true,
                success, bytes);
}

/* Without the oldest value a cut must be kept, so the operations are only joined. */
static char *partial_merge(void *state, const char *key, size_t key_bytes,
                           const char *const *operands, const size_t *operand_bytes, int count,
                           unsigned char *success, size_t *bytes)
{
    (void)state;
    return join((const uint8_t *)key, key_bytes, (struct slice){0}, operands, operand_bytes, count,
                false, success, bytes);
}

static void destroy(void *state)
{
    (void)state;
}

static const char *name(void *state)
{
    (void)state;
    return "thrum.operations.1";
}

rocksdb_mergeoperator_t *rocks_merge_operator(void)
{
    /* The value is freed by RocksDB with free(). */
    return rocksdb_mergeoperator_create(NULL, destroy, full_merge, partial_merge, NULL, name);
}

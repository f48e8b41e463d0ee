/* SPDX-License-Identifier: Apache-2.0
 *
 * The run's promise: values come back byte for byte; damage is told, never passed on; small. */
#include "store/run.h"

#include "base/hash.h"
#include "base/rand.h"
#include "lib/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BASE_MS ((int64_t)1700000000000)

static struct run_sample sample_at(int64_t offset_ms, const char *value)
{
    return (struct run_sample){
        .timestamp_ms = BASE_MS + offset_ms,
        .created_ms = BASE_MS + offset_ms,
        .value = slice_of_text(value),
    };
}

static struct err read_operation(struct slice stored, struct run_operation *operation)
{
    struct cursor c = cursor_over(stored);
    bool found;
    struct err err = run_next_operation(&c, operation, &found);
    return !err_is_set(err) && !found ? ERR(CORRUPT) : err;
}

/* Reads back what was written and compares it, sample for sample. */
static void check_same(const struct run_sample *samples, uint32_t count)
{
    struct buf out = {0};
    run_write(&out, BASE_MS, samples, count);
    assert_false(out.failed);
    struct run_operation operation;
    assert_int_equal(read_operation(buf_data(&out), &operation).code, ERR_OK);
    assert_int_equal(operation.kind, RUN_OPERATION_RUN);
    struct run_reader reader;
    assert_int_equal(run_reader_start(&reader, &operation, BASE_MS).code, ERR_OK);
    struct run_sample sample;
    bool found;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(run_reader_next(&reader, &sample, &found).code, ERR_OK);
        assert_true(found);
        assert_int_equal(sample.timestamp_ms, samples[i].timestamp_ms);
        assert_int_equal(sample.created_ms, samples[i].created_ms);
        assert_int_equal(sample.client_stamped, samples[i].client_stamped);
        assert_int_equal(sample.value.bytes, samples[i].value.bytes);
        assert_memory_equal(sample.value.at, samples[i].value.at, sample.value.bytes);
    }
    assert_int_equal(run_reader_next(&reader, &sample, &found).code, ERR_OK);
    assert_false(found);
    buf_deinit(&out);
}

static void every_text_comes_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "0.00",
        "-0.0",
        "-0.5",
        "37.2",
        "37.20",
        "37.200",
        "-37.25",
        "37",
        "1e3",
        "1E3",
        "1.5e-7",
        "0.1",
        "0.10",
        "100",
        "100.0",
        "999999999999999999",
        "-999999999999999999",
        "1000000000000000000",
        "12345678901234567890",
        "0.123456789012",
        "0.1234567890123",
        "123456.123456789012",
        "00",
        "01",
        "1.",
        ".5",
        "-",
        "",
        "--1",
        "1.2.3",
        "true",
        "null",
        "\"text\"",
        "{\"a\":[1,2]}",
        "\"37.2\"",
    };
    /* Each alone, each beside each: the scale is chosen for both. */
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct run_sample one = sample_at(5, texts[i]);
        check_same(&one, 1);
        for (size_t j = 0; j < ARRAY_LEN(texts); j++) {
            struct run_sample three[] = {sample_at(0, texts[i]), sample_at(1000, texts[j]),
                                         sample_at(2000, texts[i])};
            check_same(three, 3);
        }
    }
    struct run_sample all[ARRAY_LEN(texts)];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        all[i] = sample_at((int64_t)i * 7, texts[i]);
    }
    check_same(all, ARRAY_LEN(all));
}

static void every_time_comes_back(void **state)
{
    (void)state;
    struct run_sample samples[] = {
        {.timestamp_ms = BASE_MS, .created_ms = 0, .value = SLICE_INIT("1")},
        {.timestamp_ms = BASE_MS, .created_ms = RUN_TIMESTAMP_MAX, .value = SLICE_INIT("1")},
        {.timestamp_ms = BASE_MS,
         .created_ms = BASE_MS,
         .value = SLICE_INIT("1"),
         .client_stamped = true},
        {.timestamp_ms = RUN_TIMESTAMP_MAX, .created_ms = 1, .value = SLICE_INIT("1")},
        {.timestamp_ms = RUN_TIMESTAMP_MAX,
         .created_ms = RUN_TIMESTAMP_MAX,
         .value = SLICE_INIT("1")},
    };
    check_same(samples, ARRAY_LEN(samples));
}

static void long_values_come_back(void **state)
{
    (void)state;
    size_t bytes = 300000;
    char *text = malloc(bytes);
    assert_non_null(text);
    memset(text, 'x', bytes);
    struct run_sample samples[] = {sample_at(0, "1"), sample_at(1, "2"), sample_at(2, "3")};
    samples[1].value = slice_of(text, bytes);
    check_same(samples, ARRAY_LEN(samples));
    free(text);
}

static void random_runs_come_back(void **state)
{
    (void)state;
    struct rand rand;
    rand_seed(&rand, 42);
    static char texts[400][32];
    static struct run_sample samples[400];
    for (int round = 0; round < 300; round++) {
        uint32_t count = 1 + (uint32_t)rand_below(&rand, ARRAY_LEN(samples));
        unsigned decimals = (unsigned)rand_below(&rand, 14);
        int64_t at = 0;
        for (uint32_t i = 0; i < count; i++) {
            at += (int64_t)rand_below(&rand, 3) * (int64_t)rand_below(&rand, 5000);
            double value = ((double)rand_below(&rand, 2000000) - 1e6) / 997.0;
            snprintf(texts[i], sizeof(texts[i]), rand_below(&rand, 4) ? "%.*f" : "%.*g",
                     (int)decimals, value);
            samples[i] = sample_at(at, texts[i]);
            samples[i].created_ms += (int64_t)rand_below(&rand, 300);
            samples[i].client_stamped = rand_below(&rand, 2) == 0;
        }
        check_same(samples, count);
    }
}

static void cuts_come_back(void **state)
{
    (void)state;
    struct buf out = {0};
    run_write_cut(&out, 0, INT64_MAX);
    run_write_cut(&out, 5, 6);
    struct cursor c = cursor_over(buf_data(&out));
    struct run_operation operation;
    bool found;
    assert_int_equal(run_next_operation(&c, &operation, &found).code, ERR_OK);
    assert_int_equal(operation.kind, RUN_OPERATION_CUT);
    assert_int_equal(operation.from_ms, 0);
    assert_int_equal(operation.to_ms, INT64_MAX);
    assert_int_equal(run_next_operation(&c, &operation, &found).code, ERR_OK);
    assert_int_equal(operation.from_ms, 5);
    assert_int_equal(operation.to_ms, 6);
    assert_int_equal(run_next_operation(&c, &operation, &found).code, ERR_OK);
    assert_false(found);
    buf_deinit(&out);
}

/* A sensor's day: 1 Hz, one decimal. <jitter_ms> makes times uneven, <lag_ms> the way to the
 * server. */
static double bytes_a_sample(int64_t jitter_ms, int64_t lag_ms)
{
    struct rand rand;
    rand_seed(&rand, 7);
    static char texts[3600][16];
    static struct run_sample samples[3600];
    int64_t tenths = 215;
    for (uint32_t i = 0; i < 3600; i++) {
        tenths += (int64_t)rand_below(&rand, 5) - 2;
        snprintf(texts[i], sizeof(texts[i]), "%.1f", (double)tenths / 10);
        samples[i] = sample_at((int64_t)i * 1000, texts[i]);
        if (jitter_ms > 0) {
            samples[i].timestamp_ms += (int64_t)rand_below(&rand, (uint64_t)jitter_ms);
        }
        samples[i].created_ms = samples[i].timestamp_ms;
        if (lag_ms > 0) {
            samples[i].created_ms += (int64_t)rand_below(&rand, (uint64_t)lag_ms);
            samples[i].client_stamped = true;
        }
    }
    struct buf out = {0};
    run_write(&out, BASE_MS, samples, ARRAY_LEN(samples));
    double bytes = (double)buf_bytes(&out) / ARRAY_LEN(samples);
    buf_deinit(&out);
    return bytes;
}

static void a_sensor_takes_few_bytes(void **state)
{
    (void)state;
    assert_true(bytes_a_sample(0, 0) < 1.2);
    assert_true(bytes_a_sample(20, 0) < 2.5);
    assert_true(bytes_a_sample(500, 0) < 3.5);
    assert_true(bytes_a_sample(500, 200) < 6.0);
}

/* Reads everything there is; ERR_OK when all of it made sense. */
static struct err read_all(struct slice stored, uint64_t *samples)
{
    struct cursor c = cursor_over(stored);
    for (;;) {
        struct run_operation operation;
        bool found;
        TRY(run_next_operation(&c, &operation, &found));
        if (!found) {
            return ERR(OK);
        }
        struct run_reader reader;
        struct run_sample sample;
        if (operation.kind == RUN_OPERATION_RUN) {
            TRY(run_reader_start(&reader, &operation, BASE_MS));
            do {
                TRY(run_reader_next(&reader, &sample, &found));
                *samples += found;
            } while (found);
        }
    }
}

static void damage_is_told(void **state)
{
    (void)state;
    struct run_sample samples[] = {sample_at(0, "1.5"), sample_at(1000, "1.6"),
                                   sample_at(2000, "\"x\""), sample_at(2500, "7.00")};
    struct buf out = {0};
    run_write(&out, BASE_MS, samples, ARRAY_LEN(samples));
    struct slice whole = buf_data(&out);
    struct guard guard = {0};
    guard_init(&guard);
    uint64_t count = 0;
    assert_int_equal(read_all(guard_slice(&guard, whole), &count).code, ERR_OK);
    assert_int_equal(count, ARRAY_LEN(samples));
    for (size_t cut = 1; cut < whole.bytes; cut++) {
        struct slice part = guard_slice(&guard, slice_first(whole, cut));
        assert_int_equal(read_all(part, &count).code, ERR_CORRUPT);
    }
    for (size_t bit = 0; bit < whole.bytes * 8; bit++) {
        uint8_t *copy = guard_put(&guard, whole.at, whole.bytes);
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(read_all(slice_of(copy, whole.bytes), &count).code, ERR_CORRUPT);
    }
    guard_deinit(&guard);
    buf_deinit(&out);
}

/* An operation with a right checksum around any body: what only a bug could write. */
static struct err read_forged(uint8_t kind, const void *body, size_t body_bytes)
{
    struct buf out = {0};
    buf_put_byte(&out, kind);
    buf_put_varint(&out, body_bytes);
    buf_put_bytes(&out, body, body_bytes);
    buf_put_u32be(&out, (uint32_t)hash_bytes(0, buf_data(&out)));
    uint64_t count = 0;
    struct err err = read_all(buf_data(&out), &count);
    buf_deinit(&out);
    return err;
}

static void nonsense_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t kind;
        size_t bytes;
        uint8_t body[16];
    } rows[] = {
        {"unknown kind", 0x12, 3, {1, 0, 0x03}},
        {"no samples", 0x11, 3, {0, 0, 0x03}},
        {"more samples than bytes", 0x11, 3, {2, 0, 0x1b}},
        {"scale too large", 0x11, 4, {1, 13, 0x1b, 0}},
        {"the same text as nothing", 0x11, 3, {1, 0, 0x03}},
        {"a step beside a verbatim text", 0x11, 4, {1, 0, 0x3b, 0}},
        {"text beyond the end", 0x11, 4, {1, 0, 0x1b, 1}},
        {"bytes left over", 0x11, 5, {1, 0, 0x1b, 0, 0}},
        {"time goes back", 0x11, 5, {1, 0, 0x1a, 1, 0}},
        {"fixed text at scale 0", 0x11, 3, {1, 0, 0x93}},
        {"fixed text that does not end in 0", 0x11, 3, {1, 1, 0xb3}},
        {"cut without bytes", 0x21, 1, {1}},
        {"cut of nothing", 0x21, 2, {5, 5}},
        {"cut with bytes left over", 0x21, 3, {5, 6, 0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (read_forged(rows[i].kind, rows[i].body, rows[i].bytes).code != ERR_CORRUPT) {
            fail_msg("accepted: %s", rows[i].what);
        }
    }
    /* The same forger's honest work is accepted. */
    assert_int_equal(read_forged(0x11, (const uint8_t[]){1, 0, 0x1b, 0}, 4).code, ERR_OK);
    assert_int_equal(read_forged(0x11, (const uint8_t[]){1, 1, 0x93}, 3).code, ERR_OK);
    assert_int_equal(read_forged(0x21, (const uint8_t[]){5, 6}, 2).code, ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_comes_back), cmocka_unit_test(every_time_comes_back),
        cmocka_unit_test(long_values_come_back), cmocka_unit_test(random_runs_come_back),
        cmocka_unit_test(cuts_come_back),        cmocka_unit_test(a_sensor_takes_few_bytes),
        cmocka_unit_test(damage_is_told),        cmocka_unit_test(nonsense_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

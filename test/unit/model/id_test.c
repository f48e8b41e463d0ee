/* SPDX-License-Identifier: Apache-2.0 */
#include "model/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define NAME_GOLDEN "U3V6bP4gVnUqDh3SY3feTDW4"

static bool is_id_text(struct slice text)
{
    struct id id;
    return id_parse(text, &id);
}

static bool is_id(const char *text)
{
    struct id id = {0};
    bool is = id_parse(slice_of_text(text), &id);
    assert_int_equal(is, id_is_set(&id));
    return is;
}

static void the_pattern(void **state)
{
    (void)state;
    assert_true(is_id("U2345678abcdefghkmnpqrst"));
    assert_true(is_id("UVWXYwxy0123456789KMNPQR"));
    assert_true(is_id("0123456789abcdef01234567")); /* a legacy id */
    assert_true(is_id("ABCDEFGHABCDEFGHABCDEFGH"));
    assert_false(is_id(""));
    assert_false(is_id("U2345678abcdefghkmnpqrs"));
    assert_false(is_id("U2345678abcdefghkmnpqrstt"));
}

/* Each byte in each place: exactly the 50 symbols of the contract. */
static void the_symbols(void **state)
{
    (void)state;
    static const char symbols[] = "abcdefghkmnpqrstwxyABCDEFGHKMNPQRSTUVWXY0123456789";
    for (size_t place = 0; place < ID_BYTES; place++) {
        size_t count = 0;
        for (unsigned byte = 0; byte < 256; byte++) {
            uint8_t text[ID_BYTES];
            memset(text, 'U', sizeof(text));
            text[place] = (uint8_t)byte;
            struct id id;
            bool expected = byte != 0 && strchr(symbols, (int)byte) != NULL;
            assert_int_equal(id_parse(slice_of(text, sizeof(text)), &id), expected);
            count += expected;
        }
        assert_int_equal(count, 50);
    }
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, ID_BYTES);
}

static void generated_ids(void **state)
{
    (void)state;
    static struct rand rand;
    static struct id ids[20000];
    rand_seed(&rand, 5);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        ids[i] = id_generate(&rand, 1700000000123);
        struct id again;
        assert_true(id_parse(id_slice(&ids[i]), &again));
        assert_true(id_equal(&ids[i], &again));
        assert_int_equal(ids[i].text[0], 'U');
        assert_null(memchr(ids[i].text, '0', ID_BYTES));
        assert_null(memchr(ids[i].text, '1', ID_BYTES));
    }
    qsort(ids, ARRAY_LEN(ids), sizeof(ids[0]), compare_ids);
    for (size_t i = 1; i < ARRAY_LEN(ids); i++) {
        assert_false(id_equal(&ids[i - 1], &ids[i]));
    }
}

static void ids_sort_by_time(void **state)
{
    (void)state;
    static struct rand rand;
    rand_seed(&rand, 6);
    static const int64_t times[] = {0,
                                    1,
                                    47,
                                    48,
                                    2303,
                                    2304,
                                    1699999999999,
                                    1700000000000,
                                    1700000000001,
                                    4102444800000,
                                    28179280429055};
    struct id before = id_generate(&rand, times[0]);
    for (size_t i = 1; i < ARRAY_LEN(times); i++) {
        struct id id = id_generate(&rand, times[i]);
        assert_true(memcmp(before.text, id.text, ID_BYTES) < 0);
        before = id;
    }
}

static void ids_of_a_millisecond_in_order(void **state)
{
    (void)state;
    static struct rand rand;
    rand_seed(&rand, 7);
    struct id before = {0};
    for (unsigned i = 0; i < 20000; i++) {
        /* Also when the clock goes back, and on with the first after that. */
        int64_t now_ms = i < 5000 ? 1700000000123 : i < 10000 ? 1700000000122 : 1700000000124;
        struct id id = id_generate_behind(&rand, now_ms, &before);
        struct id again;
        assert_true(id_parse(id_slice(&id), &again));
        assert_true(memcmp(before.text, id.text, ID_BYTES) < 0);
        before = id;
    }
    struct id last = {.text = "Uyyyyyyy2yyyyyyyyyyyyyyy"};
    struct id id = id_generate_behind(&rand, 0, &last);
    assert_memory_equal(id.text, "Uyyyyyyy3222222", 15);
    assert_memory_not_equal(id.text + 15, "222222222", 9);
}

/* Each symbol comes about as often as every other: chi-square far below what a bias of 1/48 gives.
 */
static void assert_uniform(const size_t *counts, size_t symbol_count, size_t total)
{
    double expected = (double)total / (double)symbol_count;
    double sum = 0;
    size_t seen = 0;
    for (size_t i = 0; i < 128; i++) {
        if (counts[i] != 0) {
            seen++;
            sum += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
        }
    }
    assert_int_equal(seen, symbol_count);
    assert_true(sum < 2.0 * (double)symbol_count);
}

static void symbols_are_uniform(void **state)
{
    (void)state;
    static struct rand rand;
    rand_seed(&rand, 8);
    size_t id_counts[128] = {0};
    size_t key_counts[128] = {0};
    for (int i = 0; i < 5000; i++) {
        struct id id = id_generate(&rand, 0);
        for (size_t j = 9; j < ID_BYTES; j++) {
            id_counts[(uint8_t)id.text[j]]++;
        }
        char key[API_KEY_BYTES];
        key_generate(&rand, key);
        assert_true(key_is_wellformed(slice_of(key, sizeof(key))));
        for (size_t j = 0; j < API_KEY_BYTES; j++) {
            key_counts[(uint8_t)key[j]]++;
        }
    }
    assert_uniform(id_counts, 48, 5000 * 15);
    assert_uniform(key_counts, 62, 5000 * API_KEY_BYTES);
}

static void keys(void **state)
{
    (void)state;
    char key[API_KEY_BYTES + 1];
    memset(key, 'z', sizeof(key));
    assert_true(key_is_wellformed(slice_of(key, API_KEY_BYTES)));
    assert_false(key_is_wellformed(slice_of(key, API_KEY_BYTES - 1)));
    assert_false(key_is_wellformed(slice_of(key, API_KEY_BYTES + 1)));
    static const char wrong[] = "@[`{/:-_ \x10";
    for (size_t i = 0; i < sizeof(wrong); i++) {
        key[79] = wrong[i];
        assert_false(key_is_wellformed(slice_of(key, API_KEY_BYTES)));
    }
}

static void hashes(void **state)
{
    (void)state;
    struct id a;
    struct id b;
    assert_true(id_parse(SLICE("U2345678abcdefghkmnpqrst"), &a));
    assert_true(id_parse(SLICE("U2345678abcdefghkmnpqrss"), &b));
    assert_true(id_hash(1, &a) == id_hash(1, &a));
    assert_true(id_hash(1, &a) != id_hash(2, &a));
    assert_true(id_hash(1, &a) != id_hash(1, &b));
}

/* The names of two accounts, two kinds, or two names have nothing in common; the same name is the
 * same id for ever, because it is on disk. */
static void ids_of_names(void **state)
{
    (void)state;
    struct id id = id_of_name(1, 12, SLICE("_x"));
    assert_memory_equal(id.text, NAME_GOLDEN, ID_BYTES);
    const struct id others[] = {
        id_of_name(2, 12, SLICE("_x")),         id_of_name(1, 11, SLICE("_x")),
        id_of_name(1, 12, SLICE("_X")),         id_of_name(1, 12, SLICE("_x\0")),
        id_of_name(1, 12, (struct slice){0}),   id_of_name(0x100, 12, SLICE("_x")),
        id_of_name(0, 12, SLICE("_x")),         id_of_name(0x10000, 12, SLICE("_x")),
        id_of_name(0x1000000, 12, SLICE("_x")), id_of_name(0, 1, SLICE("\x0c_x")),
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_false(id_equal(&id, &others[i]));
        assert_true(is_id_text(id_slice(&others[i])));
        for (size_t j = 0; j < i; j++) {
            assert_false(id_equal(&others[i], &others[j]));
        }
    }
}

/* All 128 bits count: every place takes every symbol that it can. */
static void names_spread_over_all_symbols(void **state)
{
    (void)state;
    static bool seen[ID_BYTES][128];
    size_t counts[ID_BYTES] = {0};
    for (uint32_t name = 0; name < 5000; name++) {
        struct id id = id_of_name(1, 12, slice_of(&name, sizeof(name)));
        assert_int_equal(id.text[0], 'U');
        for (size_t i = 1; i < ID_BYTES; i++) {
            bool *first = &seen[i][(uint8_t)id.text[i]];
            counts[i] += !*first;
            *first = true;
        }
    }
    /* 2^128 is 35.04 * 48^22: the highest symbol is one of 36. */
    assert_int_equal(counts[1], 36);
    for (size_t i = 2; i < ID_BYTES; i++) {
        assert_int_equal(counts[i], 48);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pattern),
        cmocka_unit_test(the_symbols),
        cmocka_unit_test(generated_ids),
        cmocka_unit_test(ids_sort_by_time),
        cmocka_unit_test(ids_of_a_millisecond_in_order),
        cmocka_unit_test(symbols_are_uniform),
        cmocka_unit_test(keys),
        cmocka_unit_test(hashes),
        cmocka_unit_test(ids_of_names),
        cmocka_unit_test(names_spread_over_all_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain topics: which texts are some, which names and filters are valid, what matches what. */
#include "model/plain_topic.h"

#include "base/rand.h"
#include "model/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_scope(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum plain_scope scope;
    } cases[] = {
        {"thngs", PLAIN_NOT},      {"/thngs/x", PLAIN_NOT},
        {"thngs?a=1", PLAIN_NOT},  {"actions", PLAIN_NOT},
        {"products/x", PLAIN_NOT}, {"collections/#", PLAIN_NOT},
        {"batches/+", PLAIN_NOT},  {"Thngs", PLAIN_ONLY},
        {"thngsx/a", PLAIN_ONLY},  {"//thngs", PLAIN_ONLY},
        {"a/thngs", PLAIN_ONLY},   {"", PLAIN_ONLY},
        {"/", PLAIN_ONLY},         {"places/x", PLAIN_ONLY},
        {"$SYS/#", PLAIN_ONLY},    {"+", PLAIN_BOTH},
        {"#", PLAIN_BOTH},         {"/#", PLAIN_BOTH},
        {"+/a", PLAIN_BOTH},       {"+?pubStates=1", PLAIN_BOTH},
        {"+a", PLAIN_ONLY},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(plain_topic_scope(slice_of_text(cases[i].text)), cases[i].scope);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "/", "a/b", "//", "a b?c%20", "$a/b", "$sys", "$SYSx"};
    static const char *const bad[] = {"", "+", "a/#", "a+b", "a/b#", "\xff", "\xc0\x80"};
    static const char *const ours[] = {"$SYS", "$SYS/a", "$share", "$share/g/a"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(plain_name_check(slice_of_text(good[i])).code, ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(plain_name_check(slice_of_text(bad[i])).code, ERR_TOPIC_INVALID);
    }
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        assert_int_equal(plain_name_check(slice_of_text(ours[i])).code, ERR_DENIED);
    }
    assert_int_equal(plain_name_check(SLICE("a\0b")).code, ERR_TOPIC_INVALID);
}

static void test_lengths(void **state)
{
    (void)state;
    uint8_t text[TOPIC_BYTES_MAX + 1];
    memset(text, 'a', sizeof(text));
    assert_int_equal(plain_name_check(slice_of(text, TOPIC_BYTES_MAX)).code, ERR_OK);
    assert_int_equal(plain_name_check(slice_of(text, sizeof(text))).code, ERR_TOPIC_INVALID);
    assert_int_equal(plain_filter_check(slice_of(text, sizeof(text))).code, ERR_TOPIC_INVALID);
    memset(text, '/', sizeof(text));
    assert_int_equal(plain_name_check(slice_of(text, TOPIC_LEVELS_MAX - 1)).code, ERR_OK);
    assert_int_equal(plain_name_check(slice_of(text, TOPIC_LEVELS_MAX)).code, ERR_TOPIC_INVALID);
    assert_int_equal(plain_filter_check(slice_of(text, TOPIC_LEVELS_MAX - 1)).code, ERR_OK);
    assert_int_equal(plain_filter_check(slice_of(text, TOPIC_LEVELS_MAX)).code, ERR_TOPIC_INVALID);
}

static void test_filters(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "+", "#", "/#", "+/+", "a/+/b", "a/#", "$SYS/#", "/"};
    static const char *const bad[] = {"", "a#", "#/a", "a/#/b", "a+", "+a/b", "a/b+/c", "##"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(plain_filter_check(slice_of_text(good[i])).code, ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(plain_filter_check(slice_of_text(bad[i])).code, ERR_TOPIC_INVALID);
    }
}

/* The examples of the standard, 4.7. */
static void test_matching(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        const char *name;
        bool matches;
    } cases[] = {
        {"sport/tennis/player1/#", "sport/tennis/player1", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
        {"sport/#", "sport", true},
        {"sport/tennis/+", "sport/tennis/player1", true},
        {"sport/tennis/+", "sport/tennis/player1/ranking", false},
        {"sport/+", "sport", false},
        {"sport/+", "sport/", true},
        {"+/+", "/finance", true},
        {"/+", "/finance", true},
        {"+", "/finance", false},
        {"#", "$SYS/x", false},
        {"+/monitor/Clients", "$SYS/monitor/Clients", false},
        {"$SYS/#", "$SYS/x", true},
        {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
        {"#", "/", true},
        {"a/b", "a/b", true},
        {"a/b", "a/b/", false},
        {"a/b/", "a/b", false},
        {"A", "a", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(
            plain_filter_matches(slice_of_text(cases[i].filter), slice_of_text(cases[i].name)),
            cases[i].matches);
    }
}

static void test_shared(void **state)
{
    (void)state;
    struct slice group;
    struct slice filter;
    assert_true(plain_is_shared(SLICE("$share/g/a")));
    assert_true(plain_is_shared(SLICE("$share")));
    assert_false(plain_is_shared(SLICE("$shared/g/a")));
    assert_int_equal(plain_shared_read(SLICE("$share/g/a/+"), &group, &filter).code, ERR_OK);
    assert_true(slice_equal(group, SLICE("g")));
    assert_true(slice_equal(filter, SLICE("a/+")));
    assert_int_equal(plain_shared_read(SLICE("$share/g//"), &group, &filter).code, ERR_OK);
    assert_true(slice_equal(filter, SLICE("/")));
    static const char *const bad[] = {"$share",     "$share/",     "$share/g",  "$share//a",
                                      "$share/+/a", "$share/g#/a", "$share/g/", "$share/g/a#"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = plain_shared_read(slice_of_text(bad[i]), &group, &filter);
        assert_int_equal(err.code, ERR_TOPIC_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scope),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_lengths),  cmocka_unit_test(test_filters),
        cmocka_unit_test(test_matching), cmocka_unit_test(test_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

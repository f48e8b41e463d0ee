/* SPDX-License-Identifier: Apache-2.0
 *
 * Which heads are let go when there are too many. */
#include "engine/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_MAX 8

/* An id for each number. */
static struct id id_number(unsigned number)
{
    struct id id = {.text = "UaBcDeFgHkMnPqRsTwXyAaBb"};
    char digits[8];
    (void)snprintf(digits, sizeof(digits), "%06u", number);
    memcpy(id.text + sizeof(id.text) - 6, digits, 6);
    return id;
}

/* Adds a head that is not there, with changes up to <changed>. */
static struct head *add(struct heads *heads, unsigned number, uint64_t changed, uint64_t mark)
{
    struct id id = id_number(number);
    assert_null(heads_find(heads, &id));
    struct head *head = heads_add(heads, &id, mark);
    assert_non_null(head);
    assert_int_equal(head->state, HEAD_LOADING);
    head->state = HEAD_ABSENT;
    head->changed = changed;
    return head;
}

static size_t count(const struct heads *heads)
{
    return map_count(&heads->map);
}

static void test_old_heads_make_room(void **state)
{
    struct heads heads;
    (void)state;
    heads_init(&heads, 1, COUNT_MAX);
    for (unsigned i = 0; i < 10 * COUNT_MAX; i++) {
        add(&heads, i, 1, 1);
        assert_true(count(&heads) <= COUNT_MAX);
    }
    struct id newest = id_number(10 * COUNT_MAX - 1);
    assert_non_null(heads_find(&heads, &newest));
    heads_deinit(&heads);
}

/* What the documents do not show yet must not go; when they do, the table shrinks again. */
static void test_changed_heads_stay_until_the_documents_show_it(void **state)
{
    struct heads heads;
    (void)state;
    heads_init(&heads, 1, COUNT_MAX);
    for (unsigned i = 0; i < 4 * COUNT_MAX; i++) {
        add(&heads, i, 5, 4);
        assert_int_equal(count(&heads), i + 1);
    }
    for (unsigned i = 0; i < 8 * COUNT_MAX; i++) {
        add(&heads, 1000 + i, 5, 5);
    }
    assert_true(count(&heads) <= COUNT_MAX);
    heads_deinit(&heads);
}

static void test_awaited_heads_stay(void **state)
{
    struct heads heads;
    (void)state;
    heads_init(&heads, 1, COUNT_MAX);
    struct command command = {0};
    struct head *awaited = add(&heads, 0, 1, 1);
    struct head *loading = add(&heads, 1, 1, 1);
    head_wait(&heads, awaited, &command);
    loading->state = HEAD_LOADING;
    for (unsigned i = 2; i < 10 * COUNT_MAX; i++) {
        add(&heads, i, 1, 1);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct id id = id_number(i);
        assert_ptr_equal(heads_find(&heads, &id), i == 0 ? awaited : loading);
    }
    assert_true(count(&heads) <= COUNT_MAX);
    assert_ptr_equal(head_take_waiting(awaited), &command); /* which is this test's */
    heads_deinit(&heads);
}

/* What is held, or being read for, is not let go either. */
static void test_busy_heads_stay(void **state)
{
    struct heads heads;
    (void)state;
    heads_init(&heads, 1, COUNT_MAX);
    const struct command command = {0};
    const struct head_load load = {0};
    struct head *busy[3];
    for (unsigned i = 0; i < ARRAY_LEN(busy); i++) {
        busy[i] = add(&heads, i, 1, 1);
    }
    busy[0]->held_by = &command;
    busy[1]->loading = &load;
    heads_push_ready(&heads, busy[2]);
    for (unsigned i = 10; i < 10 * COUNT_MAX; i++) {
        add(&heads, i, 1, 1);
    }
    for (unsigned i = 0; i < ARRAY_LEN(busy); i++) {
        struct id id = id_number(i);
        assert_ptr_equal(heads_find(&heads, &id), busy[i]);
        assert_false(head_is_idle(busy[i]));
    }
    heads_deinit(&heads);
}

/* Whoever reads the documents must know how far they have to have come. */
static void test_last_change_of_the_forgotten_is_remembered(void **state)
{
    struct heads heads;
    (void)state;
    heads_init(&heads, 1, COUNT_MAX);
    for (unsigned i = 0; i < COUNT_MAX; i++) {
        add(&heads, i, 100 - i, 100);
    }
    assert_int_equal(heads.forgotten, 0);
    for (unsigned i = 0; i < 4 * COUNT_MAX; i++) {
        add(&heads, 100 + i, 0, 100);
    }
    assert_int_equal(heads.forgotten, 100);
    heads_deinit(&heads);
}

/* The oldest documents go first, and the heads stay. */
static void test_documents_are_bounded(void **state)
{
    struct heads heads;
    (void)state;
    heads_init(&heads, 1, COUNT_MAX);
    const size_t bytes = HEADS_DOCUMENT_BYTES_MAX / 3;
    uint8_t *text = calloc(1, bytes);
    struct head *kept[4];
    for (unsigned i = 0; i < 4; i++) {
        kept[i] = add(&heads, i, 1, 1);
        assert_int_equal(head_keep_document(&heads, kept[i], slice_of(text, bytes)).code, ERR_OK);
        heads_trim_documents(&heads);
    }
    assert_null(kept[0]->document);
    assert_non_null(kept[1]->document);
    /* Written again it is the newest. */
    assert_int_equal(head_keep_document(&heads, kept[1], slice_of(text, bytes)).code, ERR_OK);
    assert_int_equal(head_keep_document(&heads, kept[0], slice_of(text, bytes)).code, ERR_OK);
    heads_trim_documents(&heads);
    assert_true(kept[0]->document != NULL && kept[1]->document != NULL);
    assert_non_null(kept[3]->document);
    assert_null(kept[2]->document);
    assert_int_equal(heads.document_bytes, 3 * bytes);
    heads_deinit(&heads);
    free(text);
}

static void test_keys_are_told_apart_by_kind(void **state)
{
    struct heads heads;
    (void)state;
    heads_init(&heads, 1, COUNT_MAX);
    struct head *head = add(&heads, 1, 1, 1);
    static const struct head_key keys[] = {{KEY_APPLICATION, {1}}, {KEY_TRUSTED, {2}}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        assert_null(head_key_find(head, keys[i].kind));
        assert_int_equal(head_key_add(head, &keys[i]).code, ERR_OK);
    }
    head_key_remove(head, KEY_DEVICE);
    head_key_remove(head, KEY_APPLICATION);
    assert_int_equal(head->key_count, 1);
    assert_null(head_key_find(head, KEY_APPLICATION));
    assert_int_equal(head_key_find(head, KEY_TRUSTED)->hash[0], 2);
    assert_int_equal(head_key_add(head, &keys[0]).code, ERR_OK);
    assert_int_equal(head_key_find(head, KEY_APPLICATION)->hash[0], 1);
    head_keys_remove(head);
    assert_null(head_key_find(head, KEY_TRUSTED));
    heads_deinit(&heads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_heads_make_room),
        cmocka_unit_test(test_changed_heads_stay_until_the_documents_show_it),
        cmocka_unit_test(test_awaited_heads_stay),
        cmocka_unit_test(test_busy_heads_stay),
        cmocka_unit_test(test_documents_are_bounded),
        cmocka_unit_test(test_last_change_of_the_forgotten_is_remembered),
        cmocka_unit_test(test_keys_are_told_apart_by_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

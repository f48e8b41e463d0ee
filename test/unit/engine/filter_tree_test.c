/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree beside a list of filters that are matched one by one: random filters come and go, and
 * each name must be met by exactly the same of them, each once. */
#include "engine/filter_tree.h"

#include "base/common.h"
#include "base/rand.h"
#include "model/plain_topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FILTERS_MAX 200
#define STEPS 20000

struct filter {
    bool is_there;
    unsigned account;
    size_t bytes;
    char text[64];
    unsigned met;
};

static struct filter filters[FILTERS_MAX];
static struct id accounts[2] = {{.text = "A"}, {.text = "B"}};

/* One to four levels of few words, so that many match. */
static size_t random_text(struct rand *rand, bool is_filter, char text[64])
{
    static const char *const words[] = {"a", "b", "", "$a", "ab", "+"};
    size_t bytes = 0;
    uint64_t levels = 1 + rand_below(rand, 4);
    for (uint64_t i = 0; i < levels; i++) {
        const char *word = words[rand_below(rand, is_filter ? 6 : 5)];
        bool is_open = is_filter && i + 1 == levels && rand_below(rand, 3) == 0;
        word = is_open ? "#" : word;
        if (i > 0) {
            text[bytes++] = '/';
        }
        memcpy(text + bytes, word, strlen(word));
        bytes += strlen(word);
    }
    if (bytes == 0) {
        text[bytes++] = 'a';
    }
    return bytes;
}

static struct slice text_of(const struct filter *filter)
{
    return slice_of(filter->text, filter->bytes);
}

static bool is_known(const struct filter *filter)
{
    for (size_t i = 0; i < FILTERS_MAX; i++) {
        if (filters[i].is_there && filters[i].account == filter->account &&
            slice_equal(text_of(&filters[i]), text_of(filter))) {
            return true;
        }
    }
    return false;
}

static void change(struct filter_tree *tree, struct rand *rand)
{
    struct filter *filter = &filters[rand_below(rand, FILTERS_MAX)];
    if (filter->is_there) {
        filter_tree_remove(tree, &accounts[filter->account], text_of(filter));
        filter->is_there = false;
        return;
    }
    filter->account = (unsigned)rand_below(rand, 2);
    filter->bytes = random_text(rand, true, filter->text);
    if (!is_known(filter)) {
        struct err err = filter_tree_add(tree, &accounts[filter->account], text_of(filter), filter);
        assert_int_equal(err.code, ERR_OK);
        filter->is_there = true;
    }
}

static void meet(void *arg, void *entry)
{
    unsigned *count = arg;
    ++((struct filter *)entry)->met;
    ++*count;
}

static unsigned compare(const struct filter_tree *tree, unsigned account, struct slice name)
{
    unsigned count = 0;
    filter_tree_match(tree, &accounts[account], name, meet, &count);
    for (size_t i = 0; i < FILTERS_MAX; i++) {
        struct filter *filter = &filters[i];
        bool matches = filter->is_there && filter->account == account &&
                       plain_filter_matches(text_of(filter), name);
        assert_int_equal(filter->met, matches);
        filter->met = 0;
    }
    return count;
}

static void test_it_does_what_a_list_does(void **state)
{
    (void)state;
    struct filter_tree tree = {0};
    struct rand rand;
    unsigned met = 0;
    rand_seed(&rand, 5);
    for (unsigned step = 0; step < STEPS; step++) {
        char name[64];
        change(&tree, &rand);
        size_t bytes = random_text(&rand, false, name);
        met += compare(&tree, (unsigned)rand_below(&rand, 2), slice_of(name, bytes));
    }
    assert_true(met > STEPS);
    for (size_t i = 0; i < FILTERS_MAX; i++) {
        if (filters[i].is_there) {
            filter_tree_remove(&tree, &accounts[filters[i].account], text_of(&filters[i]));
            filters[i].is_there = false;
        }
    }
    assert_null(tree.root); /* nothing is left behind */
    filter_tree_deinit(&tree);
}

static void test_what_is_left_is_freed(void **state)
{
    (void)state;
    struct filter_tree tree = {0};
    assert_int_equal(filter_tree_add(&tree, &accounts[0], SLICE("a/+/b"), &tree).code, ERR_OK);
    assert_int_equal(filter_tree_add(&tree, &accounts[0], SLICE("a/#"), &tree).code, ERR_OK);
    filter_tree_deinit(&tree);
    assert_null(tree.root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_does_what_a_list_does),
        cmocka_unit_test(test_what_is_left_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

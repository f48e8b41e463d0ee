/* SPDX-License-Identifier: Apache-2.0
 *
 * Retained messages beside a plain list: any of them come, change and go with their groups, and any
 * filter finds exactly those that it matches, page by page, also after opening again. */
#include "store/rocks.h"

#include "base/rand.h"
#include "model/plain_topic.h"
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define CACHE_BYTES ((size_t)1 << 20)
#define TOPICS 60
#define ROUNDS 300

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    struct rocks *rocks;
    struct journal *journal;
    struct retained *retained;
    struct group_writer writer;
    struct rand rand;
    char topics[TOPICS][32];
    uint64_t kept[2][TOPICS]; /* of each account: the event, or 0 */
    unsigned page_max;        /* of what is being read: so many, then it is stopped */
    bool seen[TOPICS];
    unsigned seen_count;
    uint32_t account;
};

static void world_open(struct world *world)
{
    assert_int_equal(rocks_open(world->folder, CACHE_BYTES, &world->rocks).code, ERR_OK);
    assert_int_equal(journal_open(world->rocks, &world->journal).code, ERR_OK);
    assert_int_equal(retained_open(world->rocks, &world->retained).code, ERR_OK);
}

static void world_close(struct world *world)
{
    retained_close(world->retained);
    journal_close(world->journal);
    rocks_close(world->rocks);
}

/* Some begin like others, some are $-names. */
static void make_topics(struct world *world)
{
    for (unsigned i = 0; i < TOPICS; i++) {
        static const char *const before[] = {"a/", "a", "a/", "$a/", "/", "b/"};
        static const char *const behind[] = {"", "", "/b", "", "", "/"};
        snprintf(world->topics[i], sizeof(world->topics[i]), "%s%u%s", before[i % 6], i / 6,
                 behind[i % 6]);
    }
    snprintf(world->topics[0], sizeof(world->topics[0]), "a");
}

static void append_some(struct world *world)
{
    uint64_t first = journal_last(world->journal) + 1;
    group_writer_start(&world->writer, first, 1000);
    for (uint64_t count = 1 + rand_below(&world->rand, 5); count > 0; count--) {
        unsigned topic = (unsigned)rand_below(&world->rand, TOPICS);
        uint32_t account = (uint32_t)rand_below(&world->rand, 2);
        bool is_retained = rand_below(&world->rand, 4) > 0;
        bool is_empty = rand_below(&world->rand, 3) == 0;
        char payload[32];
        uint64_t sequence = first + world->writer.count;
        snprintf(payload, sizeof(payload), "%llu", (unsigned long long)sequence);
        world->writer.qos = (uint8_t)(sequence % 3);
        group_write_message(&world->writer, account, is_retained ? MESSAGE_RETAIN : 0,
                            slice_of_text(world->topics[topic]),
                            is_empty ? (struct slice){0} : slice_of_text(payload));
        if (is_retained) {
            world->kept[account][topic] = is_empty ? 0 : sequence;
        }
    }
    struct slice bytes;
    struct group group;
    assert_int_equal(group_writer_close(&world->writer, &bytes).code, ERR_OK);
    assert_int_equal(group_open(bytes, &group).code, ERR_OK);
    assert_int_equal(journal_append(world->journal, &group, (struct slice){0}).code, ERR_OK);
}

static bool take(void *arg, const struct retained_message *message)
{
    struct world *world = arg;
    for (unsigned i = 0; i < TOPICS; i++) {
        if (slice_equal(slice_of_text(world->topics[i]), message->topic)) {
            char payload[32];
            assert_false(world->seen[i]);
            world->seen[i] = true;
            assert_int_equal(message->sequence, world->kept[world->account][i]);
            assert_int_equal(message->qos, message->sequence % 3);
            snprintf(payload, sizeof(payload), "%llu", (unsigned long long)message->sequence);
            assert_true(slice_equal(message->payload, slice_of_text(payload)));
        }
    }
    return ++world->seen_count % world->page_max != 0;
}

static void assert_found(struct world *world, uint32_t account, struct slice filter)
{
    struct retained_place place = {0};
    memset(world->seen, 0, sizeof(world->seen));
    world->seen_count = 0;
    world->account = account;
    while (!place.is_done) {
        struct err err = retained_read(world->retained, account, filter, &place, take, world);
        assert_int_equal(err.code, ERR_OK);
    }
    for (unsigned i = 0; i < TOPICS; i++) {
        bool is_due = world->kept[account][i] != 0 &&
                      plain_filter_matches(filter, slice_of_text(world->topics[i]));
        assert_int_equal(world->seen[i], is_due);
    }
}

static void test_as_a_list(void **state)
{
    (void)state;
    static struct world world;
    static const char *const filters[] = {"#",   "+",   "a/#", "a/+",  "a/+/b", "$a/+",
                                          "/+",  "/#",  "+/+", "a",    "a3",    "b/+/",
                                          "a/3", "x/#", "+/3", "a/3/#"};
    fixture_make_folder(world.folder);
    rand_seed(&world.rand, 4);
    make_topics(&world);
    world_open(&world);
    for (unsigned round = 0; round < ROUNDS; round++) {
        append_some(&world);
        if (round % 50 == 0) {
            world_close(&world);
            world_open(&world);
        }
        for (unsigned i = 0; i < ARRAY_LEN(filters); i++) {
            world.page_max = 1 + (unsigned)rand_below(&world.rand, 10);
            assert_found(&world, round % 2, slice_of_text(filters[i]));
        }
    }
    uint64_t count;
    uint64_t due = 0;
    for (unsigned i = 0; i < TOPICS; i++) {
        due += (world.kept[0][i] != 0) + (uint64_t)(world.kept[1][i] != 0);
    }
    assert_int_equal(retained_count(world.retained, &count).code, ERR_OK);
    assert_int_equal(count, due);
    world_close(&world);
    group_writer_deinit(&world.writer);
    fixture_remove_folder(world.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_a_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

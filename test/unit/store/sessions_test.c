/* SPDX-License-Identifier: Apache-2.0
 *
 * What is kept of sessions, beside a plain list: any writes, with groups and alone, across
 * openings.
 */
#include "store/rocks.h"

#include "base/rand.h"
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CACHE_BYTES ((size_t)1 << 20)
#define NAMES 12
#define ENTRIES_MAX 4096

struct kept {
    uint32_t name;
    enum session_part part;
    uint32_t number;
    uint8_t value[40];
    size_t bytes;
};

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    struct rocks *rocks;
    struct journal *journal;
    struct sessions *sessions;
    struct group_writer writer;
    struct rand rand;
    struct buf writes;
    char client_ids[NAMES][SESSION_CLIENT_ID_BYTES_MAX];
    struct session_name names[NAMES]; /* in their order on disk */
    struct kept kept[ENTRIES_MAX];    /* by name, part and number */
    uint32_t count;
};

static void world_open(struct world *world)
{
    assert_int_equal(rocks_open(world->folder, CACHE_BYTES, &world->rocks).code, ERR_OK);
    assert_int_equal(journal_open(world->rocks, &world->journal).code, ERR_OK);
    assert_int_equal(sessions_open(world->rocks, &world->sessions).code, ERR_OK);
}

static void world_close(struct world *world)
{
    sessions_close(world->sessions);
    journal_close(world->journal);
    rocks_close(world->rocks);
}

/* Names that begin alike, client ids that are the beginning of others, and the longest. */
static void make_names(struct world *world)
{
    struct id actors[2] = {id_generate(&world->rand, 1), id_generate(&world->rand, 2)};
    if (memcmp(&actors[0], &actors[1], sizeof(actors[0])) > 0) {
        struct id first = actors[1];
        actors[1] = actors[0];
        actors[0] = first;
    }
    static const size_t lengths[] = {1, 2, SESSION_CLIENT_ID_BYTES_MAX};
    for (uint32_t i = 0; i < NAMES; i++) {
        memset(world->client_ids[i], 0xff, sizeof(world->client_ids[i]));
        world->names[i] = (struct session_name){
            .account = 1 + i / 6,
            .kind = ACTOR_DEVICE,
            .actor = actors[i / 3 % 2],
            .client_id = slice_of(world->client_ids[i], lengths[i % 3]),
        };
    }
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    fixture_make_folder(world->folder);
    rand_seed(&world->rand, 3);
    make_names(world);
    world_open(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    world_close(world);
    fixture_remove_folder(world->folder);
    group_writer_deinit(&world->writer);
    buf_deinit(&world->writes);
    free(world);
    return 0;
}

/* ---- the list ---- */

static bool is_before(const struct kept *a, const struct kept *b)
{
    if (a->name != b->name) {
        return a->name < b->name;
    }
    return a->part != b->part ? a->part < b->part : a->number < b->number;
}

/* Where it is, or would stand. */
static uint32_t find(const struct world *world, const struct kept *entry)
{
    uint32_t i = 0;
    while (i < world->count && is_before(&world->kept[i], entry)) {
        i++;
    }
    return i;
}

static bool is_at(const struct world *world, uint32_t i, const struct kept *entry)
{
    return i < world->count && !is_before(entry, &world->kept[i]);
}

static void put(struct world *world, const struct kept *entry)
{
    uint32_t i = find(world, entry);
    session_put(&world->writes, &world->names[entry->name],
                &(struct session_entry){.part = entry->part,
                                        .number = entry->number,
                                        .value = slice_of(entry->value, entry->bytes)});
    if (!is_at(world, i, entry)) {
        assert_true(world->count < ENTRIES_MAX);
        memmove(&world->kept[i + 1], &world->kept[i], (world->count - i) * sizeof(*entry));
        world->count++;
    }
    world->kept[i] = *entry;
}

static void drop(struct world *world, const struct kept *entry)
{
    uint32_t i = find(world, entry);
    session_delete(&world->writes, &world->names[entry->name], entry->part, entry->number);
    if (is_at(world, i, entry)) {
        world->count--;
        memmove(&world->kept[i], &world->kept[i + 1], (world->count - i) * sizeof(*entry));
    }
}

/* A session without a head has nothing. */
static void delete_all(struct world *world, uint32_t name)
{
    for (uint32_t i = 0; i < world->count; i++) {
        if (world->kept[i].name == name) {
            const struct kept entry = world->kept[i--];
            drop(world, &entry);
        }
    }
}

static bool has_head(const struct world *world, uint32_t name)
{
    const struct kept head = {.name = name, .part = SESSION_HEAD};
    return is_at(world, find(world, &head), &head);
}

/* ---- comparing ---- */

struct reading {
    struct world *world;
    uint32_t at; /* in kept */
    uint32_t stop_at;
};

static bool take_entry(void *arg, const struct session_entry *entry)
{
    struct reading *reading = arg;
    const struct kept *kept = &reading->world->kept[reading->at++];
    assert_int_equal(entry->part, kept->part);
    assert_int_equal(entry->number, kept->number);
    assert_true(slice_equal(entry->value, slice_of(kept->value, kept->bytes)));
    return reading->at != reading->stop_at;
}

static bool take_head(void *arg, const struct session_name *name, struct slice head)
{
    struct reading *reading = arg;
    struct world *world = reading->world;
    while (world->kept[reading->at].part != SESSION_HEAD) {
        reading->at++;
    }
    const struct kept *kept = &world->kept[reading->at++];
    const struct session_name *wanted = &world->names[kept->name];
    assert_int_equal(name->account, wanted->account);
    assert_int_equal(name->kind, wanted->kind);
    assert_true(id_equal(&name->actor, &wanted->actor));
    assert_true(slice_equal(name->client_id, wanted->client_id));
    assert_true(slice_equal(head, slice_of(kept->value, kept->bytes)));
    return reading->at != reading->stop_at;
}

static uint32_t heads_from(const struct world *world, uint32_t at)
{
    uint32_t count = 0;
    for (; at < world->count; at++) {
        count += world->kept[at].part == SESSION_HEAD;
    }
    return count;
}

static void compare_all(struct world *world)
{
    struct reading reading = {.world = world};
    for (uint32_t i = 0; i < NAMES; i++) {
        bool found;
        assert_int_equal(sessions_has(world->sessions, &world->names[i], &found).code, ERR_OK);
        assert_int_equal(found, has_head(world, i));
        struct err err = sessions_read(world->sessions, &world->names[i], take_entry, &reading);
        assert_int_equal(err.code, ERR_OK);
    }
    assert_int_equal(reading.at, world->count);
    reading = (struct reading){.world = world};
    assert_int_equal(sessions_each(world->sessions, NULL, take_head, &reading).code, ERR_OK);
    assert_int_equal(heads_from(world, reading.at), 0);
    const struct session_name *after = &world->names[NAMES / 2 - 1];
    reading.at = find(world, &(struct kept){.name = NAMES / 2});
    assert_int_equal(sessions_each(world->sessions, after, take_head, &reading).code, ERR_OK);
    assert_int_equal(heads_from(world, reading.at), 0);
}

/* ---- tests ---- */

static struct group make_group(struct world *world)
{
    group_writer_start(&world->writer, journal_last(world->journal) + 1, 1700000000000);
    struct point point = fixture_point(1, 1700000000000, false, "1");
    fixture_write_point(&world->writer, &point);
    return fixture_close_group(&world->writer);
}

static void commit(struct world *world)
{
    struct group group = make_group(world);
    const struct group *with = rand_below(&world->rand, 2) ? &group : NULL;
    struct err err = journal_append(world->journal, with, buf_data(&world->writes));
    assert_int_equal(err.code, ERR_OK);
    buf_reset(&world->writes);
}

static struct kept random_entry(struct world *world)
{
    struct rand *rand = &world->rand;
    struct kept entry = {.name = (uint32_t)rand_below(rand, NAMES),
                         .bytes = (size_t)rand_below(rand, sizeof(entry.value) + 1)};
    rand_bytes(rand, entry.value, entry.bytes);
    if (has_head(world, entry.name) && rand_below(rand, 4) > 0) {
        entry.part = rand_below(rand, 2) ? SESSION_RECEIVED : SESSION_SUBSCRIPTION;
        entry.number = rand_below(rand, 2) ? (uint32_t)rand_below(rand, 8) : UINT32_MAX;
        return entry;
    }
    entry.part = SESSION_HEAD;
    return entry;
}

static void test_any_writes(void **state)
{
    struct world *world = *state;
    for (unsigned step = 0; step < 400; step++) {
        for (uint64_t left = rand_below(&world->rand, 12); left > 0; left--) {
            struct kept entry = random_entry(world);
            if (rand_below(&world->rand, 20) == 0) {
                delete_all(world, entry.name);
            } else if (entry.part != SESSION_HEAD && rand_below(&world->rand, 3) == 0) {
                drop(world, &entry);
            } else {
                put(world, &entry);
            }
        }
        commit(world);
        if (step % 40 == 39) {
            world_close(world);
            world_open(world);
        }
        compare_all(world);
    }
    assert_true(world->count > NAMES);
}

static void test_reading_stops_when_told(void **state)
{
    struct world *world = *state;
    for (uint32_t i = 0; i < 3; i++) {
        put(world, &(struct kept){.name = i, .part = SESSION_HEAD, .bytes = 1});
        put(world, &(struct kept){.name = i, .part = SESSION_SUBSCRIPTION, .bytes = 2});
    }
    commit(world);
    struct reading reading = {.world = world, .stop_at = 1};
    assert_int_equal(sessions_read(world->sessions, &world->names[0], take_entry, &reading).code,
                     ERR_OK);
    assert_int_equal(reading.at, 1);
    reading = (struct reading){.world = world, .stop_at = 3};
    assert_int_equal(sessions_each(world->sessions, NULL, take_head, &reading).code, ERR_OK);
    assert_int_equal(reading.at, 3);
}

/* An entry that is not what was written. */
static void test_damage_is_told(void **state)
{
    struct world *world = *state;
    const struct session_name *name = &world->names[0];
    put(world, &(struct kept){.name = 0, .part = SESSION_HEAD, .value = "abc", .bytes = 3});
    struct slice writes = buf_data(&world->writes);
    world->writes.at[writes.bytes - 1] ^= 1;
    commit(world);
    struct reading reading = {.world = world};
    assert_int_equal(sessions_read(world->sessions, name, take_entry, &reading).code, ERR_CORRUPT);
    assert_int_equal(sessions_each(world->sessions, NULL, take_head, &reading).code, ERR_CORRUPT);
    assert_int_equal(reading.at, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_any_writes),
        T(test_reading_stops_when_told),
        T(test_damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The history beside a dumb model: random points, cuts, roll-ups, compactions and restarts, and
 * every kind of question asked of both. */
#include "store/rocks.h"

#include "base/rand.h"
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HOUR_MS ((int64_t)HISTORY_BUCKET_MS)
#define START_MS ((int64_t)1700000000000 / HOUR_MS * HOUR_MS)
#define PROPERTY_COUNT 5
#define HOT_BYTES 4096
#define CACHE_BYTES ((size_t)1 << 20)

/* ---- the model ---- */

struct model_sample {
    int64_t timestamp_ms;
    int64_t created_ms;
    bool client_stamped;
    char value[24];
};

/* In history's order. */
struct model {
    struct model_sample *at;
    uint32_t count;
    uint32_t room;
};

static void model_insert(struct model *model, uint32_t index, const struct model_sample *sample)
{
    if (model->count == model->room) {
        model->room = model->room * 2 + 16;
        model->at = realloc(model->at, model->room * sizeof(*model->at));
        assert_non_null(model->at);
    }
    memmove(&model->at[index + 1], &model->at[index], (model->count - index) * sizeof(*model->at));
    model->at[index] = *sample;
    model->count++;
}

static void model_add(struct model *model, const struct model_sample *sample)
{
    uint32_t index = 0;
    for (; index < model->count && model->at[index].timestamp_ms <= sample->timestamp_ms; index++) {
        if (model->at[index].timestamp_ms == sample->timestamp_ms && sample->client_stamped &&
            model->at[index].client_stamped) {
            model->at[index] = *sample;
            return;
        }
    }
    model_insert(model, index, sample);
}

static void model_cut(struct model *model, int64_t from_ms, int64_t to_ms)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->at[i].timestamp_ms < from_ms || model->at[i].timestamp_ms >= to_ms) {
            model->at[kept++] = model->at[i];
        }
    }
    model->count = kept;
}

static uint32_t model_ordinal(const struct model *model, uint32_t index)
{
    uint32_t ordinal = 0;
    while (ordinal < index &&
           model->at[index - ordinal - 1].timestamp_ms == model->at[index].timestamp_ms) {
        ordinal++;
    }
    return ordinal;
}

/* ---- the real one ---- */

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    struct rocks *rocks;
    struct journal *journal;
    struct history *history;
    struct group_writer writer;
    int64_t now_ms;
    struct rand rand;
    struct model models[PROPERTY_COUNT + 1];
};

static bool replay(void *arg, const struct group *group)
{
    struct world *world = arg;
    assert_int_equal(tail_add(history_tail(world->history), group).code, ERR_OK);
    return true;
}

static void world_open(struct world *world)
{
    assert_int_equal(rocks_open(world->folder, CACHE_BYTES, &world->rocks).code, ERR_OK);
    assert_int_equal(journal_open(world->rocks, &world->journal).code, ERR_OK);
    assert_int_equal(history_open(world->rocks, HOT_BYTES, &world->history).code, ERR_OK);
    assert_int_equal(
        journal_read(world->journal, history_mark(world->history) + 1, replay, world).code, ERR_OK);
}

static void world_close(struct world *world)
{
    history_close(world->history);
    journal_close(world->journal);
    rocks_close(world->rocks);
}

static void world_init(struct world *world, uint64_t seed)
{
    memset(world, 0, sizeof(*world));
    rand_seed(&world->rand, seed);
    fixture_make_folder(world->folder);
    world->now_ms = START_MS; /* server times meet those of random_time */
    world_open(world);
}

static void world_deinit(struct world *world)
{
    world_close(world);
    fixture_remove_folder(world->folder);
    group_writer_deinit(&world->writer);
    for (uint32_t i = 0; i <= PROPERTY_COUNT; i++) {
        free(world->models[i].at);
    }
}

static void begin(struct world *world)
{
    group_writer_start(&world->writer, journal_last(world->journal) + 1, world->now_ms);
}

static void commit(struct world *world)
{
    struct group group = fixture_close_group(&world->writer);
    assert_int_equal(journal_append(world->journal, &group, (struct slice){0}).code, ERR_OK);
    assert_int_equal(tail_add(history_tail(world->history), &group).code, ERR_OK);
}

static void add_point(struct world *world, uint32_t property, int64_t timestamp_ms, bool client,
                      const char *value)
{
    struct point point = fixture_point(property, timestamp_ms, client, value);
    fixture_write_point(&world->writer, &point);
    struct model_sample sample = {
        .timestamp_ms = timestamp_ms,
        .created_ms = world->now_ms,
        .client_stamped = client,
    };
    snprintf(sample.value, sizeof(sample.value), "%s", value);
    model_add(&world->models[property], &sample);
}

static void add_cut(struct world *world, uint32_t property, int64_t from_ms, int64_t to_ms)
{
    fixture_write_cut(&world->writer, property, from_ms, to_ms);
    model_cut(&world->models[property], from_ms, to_ms);
}

static void roll(struct world *world)
{
    struct tail *tail = history_tail(world->history);
    if (tail_last(tail) > history_mark(world->history)) {
        assert_int_equal(tail_freeze(tail).code, ERR_OK);
        assert_int_equal(history_roll(world->history).code, ERR_OK);
        assert_int_equal(history_mark(world->history), tail_last(tail));
    }
}

static void compact(struct world *world)
{
    rocksdb_compact_range_cf(world->rocks->db, world->rocks->history, NULL, 0, NULL, 0);
}

/* ---- comparing ---- */

static bool is_same(const struct model *model, uint32_t index, const struct sample *sample,
                    bool without_value)
{
    const struct model_sample *expected = &model->at[index];
    return sample->timestamp_ms == expected->timestamp_ms &&
           sample->created_ms == expected->created_ms &&
           sample->client_stamped == expected->client_stamped &&
           sample->ordinal == model_ordinal(model, index) &&
           (without_value ? slice_is_empty(sample->value)
                          : slice_equal(sample->value, slice_of_text(expected->value)));
}

/* The samples that the query is to find, by their index in the model, in its order. */
static uint32_t expected(const struct model *model, const struct history_query *query,
                         uint32_t *indexes)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        uint32_t index = query->ascending ? i : model->count - 1 - i;
        const struct model_sample *sample = &model->at[index];
        if (sample->timestamp_ms >= query->from_ms && sample->timestamp_ms <= query->to_ms &&
            (query->created_max_ms == 0 || sample->created_ms <= query->created_max_ms)) {
            indexes[count++] = index;
        }
    }
    return count;
}

/* A page has as many as it may, or is the last. */
static bool is_page_full(const struct history_query *query, const struct samples *samples)
{
    size_t bytes = buf_bytes(&samples->values);
    size_t before_last =
        samples->count == 0 ? 0 : bytes - samples->at[samples->count - 1].value.bytes;
    bool has_enough =
        samples->count == query->limit || (query->bytes_max > 0 && bytes >= query->bytes_max);
    return samples->count <= query->limit &&
           (query->bytes_max == 0 || samples->count == 0 || before_last < query->bytes_max) &&
           (!samples->more || has_enough);
}

/* Pages through what the query asks for and compares each sample. */
static bool is_query_same(struct world *world, struct history_query query)
{
    const struct model *model = &world->models[query.property];
    uint32_t *indexes = calloc(model->count + 1, sizeof(*indexes));
    assert_non_null(indexes);
    uint32_t count = expected(model, &query, indexes);
    struct samples samples = {0};
    bool same = true;
    uint32_t seen = 0;
    do {
        struct err err = history_read(world->history, &query, &samples);
        assert_int_equal(err.code, ERR_OK);
        for (uint32_t i = 0; i < samples.count && same; i++, seen++) {
            same =
                seen < count && is_same(model, indexes[seen], &samples.at[i], query.without_values);
        }
        same = same && is_page_full(&query, &samples) && samples.more == (seen < count);
        if (same && samples.more) {
            const struct sample *last = &samples.at[samples.count - 1];
            query.has_after = true;
            query.after = (struct history_position){last->timestamp_ms, last->ordinal};
        }
    } while (same && samples.more);
    samples_deinit(&samples);
    free(indexes);
    return same && seen == count;
}

static bool is_all_same(struct world *world, uint32_t property, bool ascending)
{
    return is_query_same(world, (struct history_query){
                                    .property = property,
                                    .to_ms = INT64_MAX,
                                    .ascending = ascending,
                                    .limit = 1000000,
                                });
}

static bool is_latest_same(struct world *world, uint32_t property)
{
    const struct model *model = &world->models[property];
    struct sample sample = {0};
    struct buf value = {0};
    bool found;
    struct err err = history_latest(world->history, property, &sample, &value, &found);
    assert_int_equal(err.code, ERR_OK);
    bool same = found == (model->count > 0);
    if (same && found) {
        sample.ordinal = model_ordinal(model, model->count - 1);
        same = is_same(model, model->count - 1, &sample, false) &&
               sample.value.at == buf_data(&value).at;
    }
    buf_deinit(&value);
    return same;
}

static int64_t random_time(struct world *world)
{
    /* Few different times, many on the edge of an hour: ties and boundaries are what is hard. */
    int64_t hour_ms = START_MS + (int64_t)rand_below(&world->rand, 5) * HOUR_MS;
    switch (rand_below(&world->rand, 4)) {
    case 0:
        return hour_ms;
    case 1:
        return hour_ms - 1;
    default:
        return hour_ms + (int64_t)rand_below(&world->rand, 40) * 1000;
    }
}

/* A moment in which there may have been a commit. */
static int64_t random_past(struct world *world)
{
    uint64_t seconds = (uint64_t)(world->now_ms - START_MS) / 1000;
    return START_MS + (int64_t)rand_below(&world->rand, seconds + 1) * 1000;
}

static void check_everything(struct world *world)
{
    for (uint32_t property = 1; property <= PROPERTY_COUNT; property++) {
        assert_true(is_latest_same(world, property));
        assert_true(is_all_same(world, property, true));
        assert_true(is_all_same(world, property, false));
        for (int i = 0; i < 3; i++) {
            const struct history_query query = {
                .property = property,
                .from_ms = random_time(world),
                .to_ms = random_time(world),
                .created_max_ms = rand_below(&world->rand, 2) ? 0 : random_past(world),
                .ascending = rand_below(&world->rand, 2) == 0,
                .limit = 1 + (uint32_t)rand_below(&world->rand, 12),
                .bytes_max = rand_below(&world->rand, 2) ? 0 : 1 + rand_below(&world->rand, 30),
                .without_values = rand_below(&world->rand, 4) == 0,
            };
            assert_true(is_query_same(world, query));
        }
    }
}

static void random_cut(struct world *world, uint32_t property)
{
    int64_t from_ms = random_time(world);
    int64_t to_ms = random_time(world);
    switch (rand_below(&world->rand, 4)) {
    case 0:
        add_cut(world, property, 0, INT64_MAX);
        break;
    case 1:
        add_cut(world, property, 0, to_ms);
        break;
    case 2:
        add_cut(world, property, from_ms, INT64_MAX);
        break;
    default:
        add_cut(world, property, from_ms < to_ms ? from_ms : to_ms,
                1 + (from_ms < to_ms ? to_ms : from_ms));
        break;
    }
}

static void random_group(struct world *world)
{
    world->now_ms += (int64_t)rand_below(&world->rand, 3) * 1000;
    begin(world);
    uint64_t events = 1 + rand_below(&world->rand, 12);
    for (uint64_t i = 0; i < events; i++) {
        uint32_t property = 1 + (uint32_t)rand_below(&world->rand, PROPERTY_COUNT);
        if (rand_below(&world->rand, 40) == 0) {
            random_cut(world, property);
            continue;
        }
        char value[24];
        int tenths = (int)rand_below(&world->rand, 400);
        snprintf(value, sizeof(value), rand_below(&world->rand, 5) ? "%d.%d" : "\"t%d%d\"",
                 tenths / 10, tenths % 10);
        bool client = rand_below(&world->rand, 2) == 0;
        int64_t timestamp_ms = client ? random_time(world) : world->now_ms;
        add_point(world, property, timestamp_ms, client, value);
    }
    commit(world);
}

static void run_program(uint64_t seed, int steps)
{
    struct world world;
    print_message("seed %llu\n", (unsigned long long)seed);
    world_init(&world, seed);
    for (int step = 0; step < steps; step++) {
        uint64_t what = rand_below(&world.rand, 100);
        if (what < 70) {
            random_group(&world);
        } else if (what < 80) {
            roll(&world);
        } else if (what < 83) {
            compact(&world);
        } else if (what < 86) {
            world_close(&world);
            world_open(&world);
        } else {
            check_everything(&world);
        }
    }
    check_everything(&world);
    world_deinit(&world);
}

static void a_random_program_agrees_with_the_model(void **state)
{
    (void)state;
    const char *seed = getenv("SEED");
    if (seed != NULL) {
        run_program(strtoull(seed, NULL, 10), 400);
        return;
    }
    for (uint64_t i = 1; i <= 12; i++) {
        run_program(i, 120);
    }
}

/* Both generations and the store hold a part each. */
static void three_stretches_are_read_as_one(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 1);
    begin(&world);
    add_point(&world, 1, START_MS, true, "1.0");
    add_point(&world, 1, START_MS + 1, false, "2");
    add_point(&world, 2, START_MS, true, "\"stored\"");
    commit(&world);
    roll(&world);
    begin(&world);
    add_point(&world, 1, START_MS, true, "1.1");
    add_point(&world, 1, START_MS + 1, false, "3");
    commit(&world);
    assert_int_equal(tail_freeze(history_tail(world.history)).code, ERR_OK);
    begin(&world);
    add_point(&world, 1, START_MS + 1, true, "4");
    add_point(&world, 1, START_MS - HOUR_MS, true, "5");
    add_cut(&world, 2, START_MS, START_MS + 1);
    commit(&world);
    check_everything(&world);
    assert_int_equal(world.models[1].count, 5);
    assert_int_equal(world.models[2].count, 0);
    assert_int_equal(history_roll(world.history).code, ERR_OK);
    check_everything(&world);
    roll(&world);
    check_everything(&world);
    compact(&world);
    check_everything(&world);
    world_deinit(&world);
}

/* A roll-up that was taken in although RocksDB said that it failed is not written twice. */
static void a_roll_up_tried_again_counts_once(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 1);
    begin(&world);
    add_point(&world, 1, START_MS, false, "1.0");
    add_point(&world, 1, START_MS, false, "2.0");
    commit(&world);
    struct tail *tail = history_tail(world.history);
    struct tail_view view;
    assert_int_equal(tail_freeze(tail).code, ERR_OK);
    tail_pin(tail, &view);
    assert_int_equal(rollup_write(world.rocks, view.frozen, generation_last(view.frozen)).code,
                     ERR_OK);
    tail_unpin(&view);
    check_everything(&world);
    assert_int_equal(history_roll(world.history).code, ERR_OK);
    check_everything(&world);
    world_deinit(&world);
}

/* A sample that takes the place of an earlier one is not the newest, however late it comes: whether
 * all are in one generation, or the earlier ones in the store and in the table of newest samples.
 */
static void the_newest_is_not_the_last_that_came(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 1);
    for (uint32_t property = 1; property <= 2; property++) {
        begin(&world);
        add_point(&world, property, START_MS, true, "\"first\"");
        add_point(&world, property, START_MS, false, "\"newest\"");
        commit(&world);
        assert_true(is_latest_same(&world, property));
        if (property == 2) {
            roll(&world);
            assert_true(is_latest_same(&world, property));
        }
        begin(&world);
        add_point(&world, property, START_MS, true, "\"replaced\"");
        commit(&world);
        assert_string_equal(world.models[property].at[1].value, "\"newest\"");
        assert_true(is_latest_same(&world, property));
        roll(&world);
        assert_true(is_latest_same(&world, property));
    }
    check_everything(&world);
    world_deinit(&world);
}

/* The comparison itself can fail. */
static void a_planted_fault_is_seen(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 1);
    begin(&world);
    add_point(&world, 1, START_MS, true, "1.0");
    add_point(&world, 1, START_MS, false, "2.0");
    commit(&world);
    assert_true(is_all_same(&world, 1, true));
    struct model *model = &world.models[1];
    model->at[1].value[0] = '3';
    assert_false(is_all_same(&world, 1, true));
    assert_false(is_latest_same(&world, 1));
    model->at[1].value[0] = '2';
    model->at[0].client_stamped = false;
    assert_false(is_all_same(&world, 1, false));
    model->at[0].client_stamped = true;
    model->count--;
    assert_false(is_all_same(&world, 1, true));
    model->count++;
    assert_true(is_all_same(&world, 1, true));
    world_deinit(&world);
}

/* Long values have memory of their own, in the tail and in the store. */
static void long_values_are_kept(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 1);
    size_t bytes = 70000;
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    memset(text, 'v', bytes);
    text[bytes] = 0;
    for (int round = 0; round < 3; round++) {
        begin(&world);
        struct point points[] = {fixture_point(1, START_MS + round, false, text),
                                 fixture_point(1, START_MS + round, false, "1"),
                                 fixture_point(2, START_MS + round, false, text)};
        points[2].value.bytes -= (size_t)round;
        group_write_points(&world.writer, 1, RESOURCE_THNG, &FIXTURE_THNG, (struct slice){0}, 0,
                           points, 3);
        commit(&world);
    }
    struct history_query query = {
        .property = 2, .to_ms = INT64_MAX, .limit = 10, .ascending = true};
    struct samples samples = {0};
    struct sample sample;
    struct buf value = {0};
    bool found;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(history_read(world.history, &query, &samples).code, ERR_OK);
        assert_int_equal(samples.count, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(samples.at[i].value.bytes, bytes - i);
            assert_memory_equal(samples.at[i].value.at, text, bytes - i);
        }
        assert_int_equal(history_latest(world.history, 2, &sample, &value, &found).code, ERR_OK);
        assert_true(found && sample.value.bytes == bytes - 2);
        roll(&world);
    }
    samples_deinit(&samples);
    buf_deinit(&value);
    free(text);
    world_deinit(&world);
}

static void the_ends_of_time_are_kept(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 1);
    begin(&world);
    add_point(&world, 1, 0, true, "0");
    add_point(&world, 1, RUN_TIMESTAMP_MAX, true, "1");
    add_point(&world, UINT32_C(2), RUN_TIMESTAMP_MAX, true, "2");
    commit(&world);
    check_everything(&world);
    roll(&world);
    check_everything(&world);
    begin(&world);
    add_cut(&world, 1, RUN_TIMESTAMP_MAX, INT64_MAX);
    add_cut(&world, 2, 0, RUN_TIMESTAMP_MAX);
    commit(&world);
    check_everything(&world);
    roll(&world);
    check_everything(&world);
    assert_int_equal(world.models[1].count, 1);
    assert_int_equal(world.models[2].count, 1);
    world_deinit(&world);
}

/* Numbers at the ends of the tree and of the key space. */
static void every_property_number_has_a_place(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {1, 1023, 1024, 2097151, 2097152, 4294967294, UINT32_MAX};
    struct world world;
    world_init(&world, 1);
    for (int round = 0; round < 2; round++) {
        begin(&world);
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
            struct point point = fixture_point(numbers[i], START_MS + round, true, "7");
            fixture_write_point(&world.writer, &point);
        }
        commit(&world);
        roll(&world);
    }
    begin(&world);
    fixture_write_cut(&world.writer, UINT32_MAX, 0, INT64_MAX);
    commit(&world);
    roll(&world);
    struct samples samples = {0};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct history_query query = {.property = numbers[i], .to_ms = INT64_MAX, .limit = 10};
        assert_int_equal(history_read(world.history, &query, &samples).code, ERR_OK);
        assert_int_equal(samples.count, numbers[i] == UINT32_MAX ? 0 : 2);
    }
    samples_deinit(&samples);
    world_deinit(&world);
}

/* The table of newest samples answers, and stays right, without looking into the store. */
static void the_newest_is_kept_in_memory(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 1);
    for (int round = 0; round < 6; round++) {
        begin(&world);
        add_point(&world, 1, START_MS + (round == 3 ? 0 : round), true, round % 2 ? "1" : "2");
        commit(&world);
        roll(&world);
        assert_true(is_latest_same(&world, 1));
        assert_true(is_latest_same(&world, 2));
    }
    begin(&world);
    add_cut(&world, 1, START_MS + 5, START_MS + 6);
    commit(&world);
    assert_true(is_latest_same(&world, 1));
    roll(&world);
    assert_true(is_latest_same(&world, 1));
    begin(&world);
    add_cut(&world, 1, 0, INT64_MAX);
    commit(&world);
    assert_true(is_latest_same(&world, 1));
    roll(&world);
    assert_true(is_latest_same(&world, 1));
    world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_stretches_are_read_as_one),
        cmocka_unit_test(a_roll_up_tried_again_counts_once),
        cmocka_unit_test(the_newest_is_not_the_last_that_came),
        cmocka_unit_test(a_planted_fault_is_seen),
        cmocka_unit_test(long_values_are_kept),
        cmocka_unit_test(the_ends_of_time_are_kept),
        cmocka_unit_test(every_property_number_has_a_place),
        cmocka_unit_test(the_newest_is_kept_in_memory),
        cmocka_unit_test(a_random_program_agrees_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Histories read page by page, beside a plain sorted list: many properties with equal times, values
 * larger than a share, boundaries in the middle, every kind of beginning. */
#include "front/replay_read.h"

#include "deliver_fixture.h"

#include "base/rand.h"

#define PROPERTIES 40
#define GROUPS 60
#define SAMPLES_MAX 12000
#define ACTIONS 18000
#define LONG_VALUE_BYTES 20000
#define DOCUMENT "{\"id\":\"UaBcDeFgHkMnPqRsTwXyAaBb\",\"createdAt\":1,\"updatedAt\":1}"

/* A sample, or an action. */
struct entry {
    int64_t timestamp_ms;
    int64_t created_ms;
    uint64_t sequence;
    uint32_t property;
    uint32_t number; /* in the order of commit: the value, or the action's id */
    bool is_long;
};

struct tale {
    struct world *world;
    struct reader reader;
    struct actor actor;
    struct rand rand;
    struct entry *entries; /* in the order of commit */
    uint32_t count;
    int64_t last_ms;
    char filling[LONG_VALUE_BYTES + 1];
};

/* ---- a history and what is known of it ---- */

static void put_document(struct tale *tale, enum resource_kind kind, const struct id *id,
                         const char *text)
{
    group_write_document(&tale->world->writer, ACCOUNT, OPERATION_CREATED, kind, id,
                         slice_of_text(text), (struct slice){0});
}

static struct tale *tale_new(struct world *world)
{
    struct tale *tale = calloc(1, sizeof(*tale));
    assert_non_null(tale);
    tale->world = world;
    tale->actor = operator_of(ACCOUNT);
    tale->entries = calloc(ACTIONS > SAMPLES_MAX ? ACTIONS : SAMPLES_MAX, sizeof(*tale->entries));
    assert_non_null(tale->entries);
    memset(tale->filling, 'x', LONG_VALUE_BYTES);
    rand_seed(&tale->rand, 11);
    tale->reader.store = world->store;
    MUST(store_documents_reader(world->store, &tale->reader.documents));
    begin(world);
    put_document(tale, RESOURCE_THNG, &THNG_A, DOCUMENT);
    publish(world);
    return tale;
}

static void tale_free(struct tale *tale)
{
    documents_reader_close(tale->reader.documents);
    samples_deinit(&tale->reader.samples);
    buf_deinit(&tale->reader.scratch);
    buf_deinit(&tale->reader.value);
    free(tale->entries);
    free(tale);
}

static void key_of(char key[8], uint32_t property)
{
    snprintf(key, 8, "k%u", property);
}

static void value_of(const struct tale *tale, struct buf *out, const struct entry *entry)
{
    buf_put_format(out, entry->is_long ? "\"%u%s\"" : "%u", entry->number, tale->filling);
}

static void put_sample(struct tale *tale, uint32_t property, int64_t timestamp_ms, uint8_t flags)
{
    assert_true(tale->count < SAMPLES_MAX);
    struct entry *entry = &tale->entries[tale->count];
    *entry = (struct entry){
        .timestamp_ms = timestamp_ms,
        .created_ms = tale->last_ms,
        .property = property,
        .number = tale->count++,
        .is_long = rand_below(&tale->rand, 200) == 0,
    };
    struct buf value = {0};
    char key[8];
    key_of(key, property);
    value_of(tale, &value, entry);
    const struct point point = {
        .flags = flags,
        .property = property,
        .key = slice_of_text(key),
        .timestamp_ms = timestamp_ms,
        .value = buf_data(&value),
    };
    group_write_points(&tale->world->writer, ACCOUNT, RESOURCE_THNG, &THNG_A, (struct slice){0}, 0,
                       &point, 1);
    buf_deinit(&value);
}

/* The first has most of the samples; few different times. */
static void fill_properties(struct tale *tale)
{
    for (uint32_t group = 0; group < GROUPS; group++) {
        tale->last_ms = TIME_MS + (int64_t)group * 10;
        group_writer_start(&tale->world->writer, tale->world->last + 1, tale->last_ms);
        for (uint32_t property = 1; group == 0 && property <= PROPERTIES; property++) {
            put_sample(tale, property, tale->last_ms, POINT_NEW_PROPERTY);
        }
        for (unsigned i = 0; i < 150; i++) {
            bool is_dense = rand_below(&tale->rand, 3) > 0;
            uint32_t property = is_dense ? 1 : 1 + (uint32_t)rand_below(&tale->rand, PROPERTIES);
            put_sample(tale, property, TIME_MS + (int64_t)rand_below(&tale->rand, 400), 0);
        }
        publish(tale->world);
    }
    MUST(store_wait(tale->world->store, tale->world->last, 5000));
}

static void action_id(struct id *id, uint32_t number)
{
    snprintf(id->text, sizeof(id->text), "UaBcDeFgHkMnPqRsTw%05u", number);
    id->text[ID_BYTES - 1] = 'b';
}

static void action_text(char text[200], const struct entry *entry)
{
    struct id id;
    action_id(&id, entry->number);
    snprintf(text, 200,
             "{\"id\":\"%.*s\",\"createdAt\":%lld,\"timestamp\":%lld,\"type\":\"_open\"}", ID_BYTES,
             id.text, (long long)entry->created_ms, (long long)entry->timestamp_ms);
}

static void fill_actions(struct tale *tale)
{
    tale->last_ms = TIME_MS;
    begin(tale->world);
    while (tale->count < ACTIONS) {
        struct entry *entry = &tale->entries[tale->count];
        *entry = (struct entry){
            .timestamp_ms = TIME_MS + (int64_t)rand_below(&tale->rand, 400),
            .created_ms = TIME_MS,
            .sequence = tale->world->last + 1 + tale->count,
            .number = tale->count,
        };
        struct id id;
        char text[200];
        action_id(&id, entry->number);
        action_text(text, entry);
        put_document(tale, RESOURCE_ACTION, &id, text);
        tale->count++;
    }
    publish(tale->world);
    MUST(store_wait(tale->world->store, tale->world->last, 60000));
}

/* ---- what is to be read ---- */

struct question {
    const char *filter;
    uint32_t property; /* of samples; 0: all */
    bool is_of_actions;
    int64_t from_ms;
    uint32_t last;
    int64_t boundary_ms;
    uint64_t after;
};

static int by_time(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    if (a->timestamp_ms != b->timestamp_ms) {
        return a->timestamp_ms < b->timestamp_ms ? -1 : 1;
    }
    if (a->property != b->property) {
        return a->property < b->property ? -1 : 1;
    }
    return a->number < b->number ? -1 : 1;
}

static bool is_wanted(const struct question *question, const struct entry *entry)
{
    bool is_past = question->is_of_actions ? entry->sequence <= question->after
                                           : entry->created_ms <= question->boundary_ms;
    return is_past && entry->timestamp_ms >= question->from_ms &&
           (question->property == 0 || entry->property == question->property);
}

static void put_wanted(const struct tale *tale, const struct question *question,
                       const struct entry *entry, struct buf *out)
{
    char key[8];
    char text[200];
    if (question->is_of_actions) {
        action_text(text, entry);
        buf_put(out, slice_of_text(text));
    } else {
        key_of(key, entry->property);
        buf_put_format(out, "[{\"createdAt\":%lld,\"timestamp\":%lld,\"key\":\"%s\",\"value\":",
                       (long long)entry->created_ms, (long long)entry->timestamp_ms, key);
        value_of(tale, out, entry);
        buf_put(out, SLICE("}]"));
    }
    buf_put_byte(out, '\n');
}

static void expect(const struct tale *tale, const struct question *question, struct buf *out)
{
    struct entry *found = calloc(tale->count + 1, sizeof(*found));
    assert_non_null(found);
    uint32_t count = 0;
    for (uint32_t i = 0; i < tale->count; i++) {
        if (is_wanted(question, &tale->entries[i])) {
            found[count++] = tale->entries[i];
        }
    }
    qsort(found, count, sizeof(*found), by_time);
    uint32_t first = question->last > 0 && question->last < count ? count - question->last : 0;
    for (uint32_t i = first; i < count; i++) {
        put_wanted(tale, question, &found[i], out);
    }
    free(found);
}

/* ---- reading ---- */

static void put_lines(struct buf *out, const struct buf *messages)
{
    struct slice rest = buf_data(messages);
    while (rest.bytes > 0) {
        size_t bytes = (size_t)rest.at[0] << 24 | (size_t)rest.at[1] << 16 |
                       (size_t)rest.at[2] << 8 | rest.at[3];
        buf_put(out, slice_first(slice_from(rest, 4), bytes));
        buf_put_byte(out, '\n');
        rest = slice_from(rest, 4 + bytes);
    }
}

/* Reads all pages; answers how many there were. */
static unsigned read_pages(struct tale *tale, const struct question *question, struct buf *out)
{
    struct topic topic;
    struct id no_project = {0};
    MUST(topic_parse(slice_of_text(question->filter), &topic));
    const struct view view = {
        .reader = &tale->reader, .actor = &tale->actor, .project = &no_project};
    struct replay_read read = {
        .topic = &topic,
        .after = question->after,
        .boundary_ms = question->boundary_ms,
        .from_ms = question->from_ms,
        .back = question->last > 0 ? question->last + 1 : 0,
    };
    unsigned pages = 0;
    while (!read.is_done) {
        MUST(replay_read_page(&view, &read));
        assert_true(buf_bytes(&read.messages) < REPLAY_PAGE_BYTES + 2 * LONG_VALUE_BYTES);
        put_lines(out, &read.messages);
        pages++;
    }
    buf_deinit(&read.messages);
    return pages;
}

static unsigned assert_same(struct tale *tale, const struct question *question)
{
    struct buf got = {0};
    struct buf wanted = {0};
    unsigned pages = read_pages(tale, question, &got);
    expect(tale, question, &wanted);
    if (!slice_equal(buf_data(&got), buf_data(&wanted))) {
        fail_msg("%s from=%lld last=%u boundary=%lld: %zu bytes instead of %zu", question->filter,
                 (long long)question->from_ms, question->last, (long long)question->boundary_ms,
                 buf_bytes(&got), buf_bytes(&wanted));
    }
    buf_deinit(&got);
    buf_deinit(&wanted);
    return pages;
}

/* ---- tests ---- */

static struct question random_question(struct tale *tale, const char *filter, uint32_t property)
{
    struct rand *rand = &tale->rand;
    return (struct question){
        .filter = filter,
        .property = property,
        .from_ms = rand_below(rand, 2) ? 0 : TIME_MS + (int64_t)rand_below(rand, 420),
        .last = rand_below(rand, 2) ? 0 : 1 + (uint32_t)rand_below(rand, tale->count),
        .boundary_ms = TIME_MS + (int64_t)rand_below(rand, GROUPS * 10 + 10),
        .after = tale->world->last - rand_below(rand, tale->count),
    };
}

static void test_properties(void **state)
{
    struct tale *tale = tale_new(*state);
    fill_properties(tale);
    const struct question all = {.filter = A_ALL, .boundary_ms = tale->last_ms};
    assert_true(assert_same(tale, &all) > 4);
    struct question question = all;
    for (uint32_t last = 1; last < 2 * tale->count; last *= 3) {
        question.last = last;
        assert_same(tale, &question);
    }
    question.last = tale->count;
    assert_same(tale, &question);
    question.last = tale->count - 1;
    assert_same(tale, &question);
    for (unsigned i = 0; i < 12; i++) {
        question = random_question(tale, A_ALL, 0);
        assert_same(tale, &question);
    }
    tale_free(tale);
}

static void test_one_property(void **state)
{
    struct tale *tale = tale_new(*state);
    fill_properties(tale);
    for (unsigned i = 0; i < 12; i++) {
        struct question question = random_question(tale, A_ALL "/k1", 1);
        assert_same(tale, &question);
        question = random_question(tale, A_ALL "/k7", 7);
        assert_same(tale, &question);
    }
    const struct question unknown = {
        .filter = A_ALL "/never", .property = UINT32_MAX, .boundary_ms = tale->last_ms, .last = 3};
    assert_int_equal(assert_same(tale, &unknown), 1);
    tale_free(tale);
}

static void test_actions(void **state)
{
    struct tale *tale = tale_new(*state);
    fill_actions(tale);
    const struct question all = {
        .filter = "/actions/all", .is_of_actions = true, .after = tale->world->last};
    assert_true(assert_same(tale, &all) > 4);
    /* Nothing of it is the past: whole pages are passed over. */
    struct question none = all;
    none.after = 1;
    assert_true(assert_same(tale, &none) > 1);
    none.last = 5;
    assert_true(assert_same(tale, &none) > 1);
    for (unsigned i = 0; i < 20; i++) {
        struct question question = random_question(tale, "/actions/_open", 0);
        question.is_of_actions = true;
        assert_same(tale, &question);
    }
    tale_free(tale);
}

static void test_who_may_not_see_it(void **state)
{
    struct tale *tale = tale_new(*state);
    struct topic topic;
    struct id no_project = {0};
    const struct view view = {
        .reader = &tale->reader, .actor = &tale->actor, .project = &no_project};
    struct replay_read read = {.topic = &topic, .boundary_ms = TIME_MS};
    MUST(store_wait(tale->world->store, tale->world->last, 5000));
    MUST(topic_parse(slice_of_text(A_ALL), &topic));
    tale->actor = operator_of(ACCOUNT + 1);
    assert_int_equal(replay_read_page(&view, &read).code, ERR_NOT_FOUND);
    MUST(topic_parse(slice_of_text(B_ALL), &topic));
    tale->actor = operator_of(ACCOUNT);
    assert_int_equal(replay_read_page(&view, &read).code, ERR_NOT_FOUND);
    buf_deinit(&read.messages);
    tale_free(tale);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup_store, teardown)
        T(test_properties),
        T(test_one_property),
        T(test_actions),
        T(test_who_may_not_see_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

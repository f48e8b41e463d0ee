/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups: what is written is read, whatever is damaged is told, and the filter never hides an
 * event. */
#include "model/event.h"

#include "base/rand.h"
#include "lib/guard.h"
#include "lib/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TIME_MS ((int64_t)1700000000000)
#define FIRST ((uint64_t)0x1122334455)

static const struct id THNG = {.text = "UaBcDeFgHkMnPqRsTwXyAaBb"};
static const struct id COLLECTION = {.text = "UaBcDeFgHkMnPqRsTwXyAaBd"};
static const struct id PRODUCT = {.text = "UaBcDeFgHkMnPqRsTwXyAaBc"};

static void assert_slice(struct slice actual, struct slice expected)
{
    assert_int_equal(actual.bytes, expected.bytes);
    assert_true(slice_equal(actual, expected));
}

/* One event of each kind. */
static void write_all_kinds(struct group_writer *writer)
{
    const struct point points[] = {
        {.flags = POINT_CLIENT_STAMPED,
         .property = 1,
         .key = SLICE_INIT("temp"),
         .timestamp_ms = 0,
         .value = SLICE_INIT("37.20")},
        {.flags = POINT_NEW_PROPERTY,
         .property = UINT32_MAX,
         .key = {0},
         .timestamp_ms = ((int64_t)1 << 53) - 1,
         .value = SLICE_INIT("{}")},
    };
    const struct cut cuts[] = {
        {.flags = CUT_RETIRE, .property = 7, .key = SLICE_INIT("k"), .to_ms = INT64_MAX},
        {.property = 300, .key = SLICE_INIT("other"), .from_ms = 5, .to_ms = 6},
    };
    uint8_t hash[KEY_HASH_BYTES];
    memset(hash, 0xab, sizeof(hash));
    group_writer_start(writer, FIRST, TIME_MS);
    assert_int_equal(group_write_points(writer, 3, RESOURCE_THNG, &THNG, (struct slice){0},
                                        POINTS_SILENT, points, 2),
                     FIRST);
    assert_int_equal(group_write_cuts(writer, 3, RESOURCE_PRODUCT, &PRODUCT, cuts, 2), FIRST + 1);
    assert_int_equal(group_write_document(writer, UINT32_MAX, OPERATION_UPDATED, RESOURCE_PRODUCT,
                                          &PRODUCT, SLICE("{\"id\":1}"), (struct slice){0}),
                     FIRST + 2);
    assert_int_equal(
        group_write_key(writer, 3, OPERATION_CREATED, KEY_DEVICE, &THNG, hash, SLICE("sealed")),
        FIRST + 3);
    const struct id members[] = {THNG, PRODUCT};
    assert_int_equal(group_write_members(writer, 9, MEMBERS_CLEARED, MEMBERS_ALL, &COLLECTION,
                                         (struct slice){0}, RESOURCE_THNG, members, 2),
                     FIRST + 4);
}

static struct slice close_group(struct group_writer *writer)
{
    struct slice bytes;
    assert_int_equal(group_writer_close(writer, &bytes).code, ERR_OK);
    return bytes;
}

static void check_points(struct event *event)
{
    struct point point;
    assert_int_equal(event->type, EVENT_POINTS);
    assert_int_equal(event->kind, RESOURCE_THNG);
    assert_int_equal(event->flags, POINTS_SILENT);
    assert_int_equal(event->count, 2);
    assert_true(id_equal(event->resource, &THNG));
    assert_true(event_next_point(event, &point));
    assert_int_equal(point.flags, POINT_CLIENT_STAMPED);
    assert_int_equal(point.property, 1);
    assert_int_equal(point.timestamp_ms, 0);
    assert_slice(point.key, SLICE("temp"));
    assert_slice(point.value, SLICE("37.20"));
    assert_true(event_next_point(event, &point));
    assert_int_equal(point.property, UINT32_MAX);
    assert_int_equal(point.timestamp_ms, ((int64_t)1 << 53) - 1);
    assert_slice(point.key, PROPERTY_KEY_LOCATION);
    assert_false(event_next_point(event, &point));
}

static void check_cuts(struct event *event)
{
    struct cut cut;
    assert_int_equal(event->type, EVENT_CUT);
    assert_true(id_equal(event->resource, &PRODUCT));
    assert_true(event_next_cut(event, &cut));
    assert_int_equal(cut.flags, CUT_RETIRE);
    assert_int_equal(cut.property, 7);
    assert_int_equal(cut.from_ms, 0);
    assert_int_equal(cut.to_ms, INT64_MAX);
    assert_true(event_next_cut(event, &cut));
    assert_int_equal(cut.flags, 0);
    assert_int_equal(cut.from_ms, 5);
    assert_int_equal(cut.to_ms, 6);
    assert_slice(cut.key, SLICE("other"));
    assert_false(event_next_cut(event, &cut));
}

static void check_members(struct event *event)
{
    assert_int_equal(event->type, EVENT_MEMBERS);
    assert_int_equal(event->sequence, FIRST + 4);
    assert_int_equal(event->account, 9);
    assert_int_equal(event->change, MEMBERS_CLEARED);
    assert_int_equal(event->flags, MEMBERS_ALL);
    assert_int_equal(event->kind, RESOURCE_COLLECTION);
    assert_true(id_equal(event->resource, &COLLECTION));
    assert_int_equal(event->member_kind, RESOURCE_THNG);
    assert_int_equal(event->count, 2);
    assert_true(id_equal(&event->members[0], &THNG));
    assert_true(id_equal(&event->members[1], &PRODUCT));
}

static void every_kind_comes_back(void **state)
{
    (void)state;
    struct group_writer writer = {0};
    struct guard guard = {0};
    guard_init(&guard);
    /* The writer is used again and again. */
    for (int round = 0; round < 2; round++) {
        write_all_kinds(&writer);
        struct group group;
        struct slice bytes = guard_slice(&guard, close_group(&writer));
        assert_int_equal(group_open(bytes, &group).code, ERR_OK);
        assert_int_equal(group.first_sequence, FIRST);
        assert_int_equal(group.last_sequence, FIRST + 4);
        assert_int_equal(group.time_ms, TIME_MS);
        assert_int_equal(group.count, 5);
        assert_true(group.has_documents);

        struct event_walk walk = event_walk_start(&group);
        struct event event;
        assert_true(event_walk_next(&walk, &event));
        assert_int_equal(event.sequence, FIRST);
        assert_int_equal(event.time_ms, TIME_MS);
        assert_int_equal(event.account, 3);
        check_points(&event);
        assert_true(event_walk_next(&walk, &event));
        assert_int_equal(event.sequence, FIRST + 1);
        check_cuts(&event);
        assert_true(event_walk_next(&walk, &event));
        assert_int_equal(event.type, EVENT_DOCUMENT);
        assert_int_equal(event.account, UINT32_MAX);
        assert_int_equal(event.operation, OPERATION_UPDATED);
        assert_slice(event.text, SLICE("{\"id\":1}"));
        assert_slice(event.scopes, (struct slice){0});
        assert_true(event_walk_next(&walk, &event));
        assert_int_equal(event.type, EVENT_KEY);
        assert_int_equal(event.key_kind, KEY_DEVICE);
        assert_int_equal(event.hash[31], 0xab);
        assert_slice(event.sealed, SLICE("sealed"));
        assert_true(event_walk_next(&walk, &event));
        check_members(&event);
        assert_false(event_walk_next(&walk, &event));
    }
    guard_deinit(&guard);
    group_writer_deinit(&writer);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct group_writer writer = {0};
    struct guard guard = {0};
    struct group group;
    guard_init(&guard);
    write_all_kinds(&writer);
    struct slice whole = close_group(&writer);
    for (size_t cut = 0; cut < whole.bytes; cut++) {
        struct slice part = guard_slice(&guard, slice_first(whole, cut));
        assert_int_equal(group_open(part, &group).code, ERR_CORRUPT);
    }
    for (size_t bit = 0; bit < whole.bytes * 8; bit++) {
        uint8_t *copy = guard_put(&guard, whole.at, whole.bytes);
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(group_open(slice_of(copy, whole.bytes), &group).code, ERR_CORRUPT);
    }
    assert_int_equal(group_open(guard_slice(&guard, whole), &group).code, ERR_OK);
    guard_deinit(&guard);
    group_writer_deinit(&writer);
}

/* A document event is announced whenever documents must change. */
static void groups_say_whether_documents_change(void **state)
{
    (void)state;
    struct group_writer writer = {0};
    struct group group;
    for (uint8_t flags = 0; flags < 4; flags++) {
        struct point point = {
            .flags = flags, .property = 1, .key = SLICE("k"), .value = SLICE("1")};
        group_writer_start(&writer, 1, TIME_MS);
        group_write_points(&writer, 1, RESOURCE_THNG, &THNG, (struct slice){0}, 0, &point, 1);
        assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
        assert_int_equal(group.has_documents, (flags & POINT_NEW_PROPERTY) != 0);
    }
    for (uint8_t flags = 0; flags < 2; flags++) {
        struct cut cut = {.flags = flags, .property = 1, .key = SLICE("k"), .to_ms = 9};
        group_writer_start(&writer, 1, TIME_MS);
        group_write_cuts(&writer, 1, RESOURCE_THNG, &THNG, &cut, 1);
        assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
        assert_int_equal(group.has_documents, (flags & CUT_RETIRE) != 0);
    }
    group_writer_start(&writer, 1, TIME_MS);
    group_write_members(&writer, 1, MEMBERS_ADDED, 0, &COLLECTION, (struct slice){0}, RESOURCE_THNG,
                        &THNG, 1);
    assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
    assert_true(group.has_documents);
    assert_int_equal(group.document_count, 1);
    group_writer_start(&writer, 1, TIME_MS);
    for (uint32_t i = 0; i < UINT16_MAX + 2; i++) {
        group_write_members(&writer, 1, MEMBERS_ADDED, 0, &COLLECTION, (struct slice){0},
                            RESOURCE_THNG, &THNG, 1);
    }
    assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
    assert_int_equal(group.document_count, UINT16_MAX);
    group_writer_deinit(&writer);
}

static void the_filter_never_hides_and_seldom_lies(void **state)
{
    (void)state;
    struct group_writer writer = {0};
    struct rand rand;
    rand_seed(&rand, 3);
    static const uint32_t sizes[] = {1, 2, 10, 500, 5000};
    for (size_t size = 0; size < ARRAY_LEN(sizes); size++) {
        struct id *ids = calloc(sizes[size], sizeof(*ids));
        assert_non_null(ids);
        group_writer_start(&writer, 1, TIME_MS);
        struct point point = {.property = 1, .key = SLICE("k"), .value = SLICE("1")};
        for (uint32_t i = 0; i < sizes[size]; i++) {
            ids[i] = id_generate(&rand, TIME_MS);
            group_write_points(&writer, 1, RESOURCE_THNG, &ids[i], (struct slice){0}, 0, &point, 1);
        }
        struct group group;
        assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
        for (uint32_t i = 0; i < sizes[size]; i++) {
            assert_true(group_may_name(&group, 1, &ids[i]));
        }
        unsigned lies = 0;
        for (int i = 0; i < 2000; i++) {
            struct id other = id_generate(&rand, TIME_MS);
            lies += group_may_name(&group, 1, &other);
            /* The same id in another account is another name. */
            lies += group_may_name(&group, 2, &ids[0]) && i == 0;
        }
        assert_true(lies < 2000 / 8);
        free(ids);
    }
    group_writer_deinit(&writer);
}

/* An event of every length around those where a length takes one more byte. */
static void long_events_come_back(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 80, 127, 128, 129, 16383, 16384, 70000, 3000000};
    struct group_writer writer = {0};
    char *text = malloc(3000000);
    assert_non_null(text);
    memset(text, 'x', 3000000);
    group_writer_start(&writer, 1, TIME_MS);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        group_write_document(&writer, 1, OPERATION_CREATED, RESOURCE_THNG, &THNG,
                             slice_of(text, lengths[i]), SLICE("s"));
    }
    struct group group;
    assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
    struct event_walk walk = event_walk_start(&group);
    struct event event;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        assert_true(event_walk_next(&walk, &event));
        assert_slice(event.text, slice_of(text, lengths[i]));
        assert_slice(event.scopes, SLICE("s"));
    }
    assert_false(event_walk_next(&walk, &event));
    free(text);
    group_writer_deinit(&writer);
}

/* The largest event of members; and its group is named for the collection alone. */
static void many_members_come_back(void **state)
{
    (void)state;
    static struct id members[MEMBERS_PER_EVENT_MAX];
    struct group_writer writer = {0};
    struct rand rand;
    rand_seed(&rand, 4);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        members[i] = id_generate(&rand, TIME_MS);
    }
    group_writer_start(&writer, 1, TIME_MS);
    group_write_members(&writer, 1, MEMBERS_REMOVED, 0, &COLLECTION, (struct slice){0},
                        RESOURCE_COLLECTION, members, MEMBERS_PER_EVENT_MAX);
    group_write_members(&writer, 1, MEMBERS_ADDED, 0, &COLLECTION, (struct slice){0}, RESOURCE_THNG,
                        &THNG, 1);
    struct group group;
    assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
    assert_true(group_may_name(&group, 1, &COLLECTION));
    assert_false(group_may_name(&group, 1, &THNG));
    struct event_walk walk = event_walk_start(&group);
    struct event event;
    assert_true(event_walk_next(&walk, &event));
    assert_int_equal(event.change, MEMBERS_REMOVED);
    assert_int_equal(event.flags, 0);
    assert_int_equal(event.member_kind, RESOURCE_COLLECTION);
    assert_int_equal(event.count, MEMBERS_PER_EVENT_MAX);
    assert_memory_equal(event.members, members, sizeof(members));
    assert_true(event_walk_next(&walk, &event));
    assert_int_equal(event.change, MEMBERS_ADDED);
    assert_int_equal(event.count, 1);
    assert_false(event_walk_next(&walk, &event));
    group_writer_deinit(&writer);
}

static void documents_tell_their_collections(void **state)
{
    (void)state;
    const struct id collections[] = {COLLECTION, PRODUCT};
    struct group_writer writer = {0};
    group_writer_start(&writer, 1, TIME_MS);
    for (uint32_t count = 0; count <= ARRAY_LEN(collections); count++) {
        group_write_member_document(&writer, 1, OPERATION_UPDATED, RESOURCE_THNG, &THNG,
                                    SLICE("{}"), SLICE("s"), collections, count);
    }
    struct group group;
    assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
    struct event_walk walk = event_walk_start(&group);
    for (uint32_t count = 0; count <= ARRAY_LEN(collections); count++) {
        struct event event;
        assert_true(event_walk_next(&walk, &event));
        assert_slice(event.scopes, SLICE("s"));
        assert_int_equal(event.count, count);
        assert_memory_equal(event.collections, collections, count * sizeof(collections[0]));
    }
    group_writer_deinit(&writer);
}

/* A group of the first release, byte by byte: journals live longer than programs. */
static void older_groups_are_read(void **state)
{
    (void)state;
    static const char hex[] =
        "'thg1' 01 05 0000  0000000000000007  00000000000003e8  00000004 000000bc  00018000"
        " 01 a8808000 03 01  03 'UaBcDeFgHkMnPqRsTwXyAaBb' 00 01  02 01 01 'k' 01 05 '37.20'"
        " 02 a2808000 03 01  03 'UaBcDeFgHkMnPqRsTwXyAaBb' 01  01 01 01 'k' 00 0a"
        " 03 a0808000 03 01  03 03 'UaBcDeFgHkMnPqRsTwXyAaBb' 00  02 '{}'"
        " 04 be808000 03 01  01 02 'UaBcDeFgHkMnPqRsTwXyAaBb' ab*32 01 's'"
        " 415279f8a33f823a";
    uint8_t bytes[256];
    struct group group;
    assert_int_equal(group_open(hex_slice(hex, bytes, sizeof(bytes)), &group).code, ERR_OK);
    struct event_walk walk = event_walk_start(&group);
    struct event event;
    struct point point;
    struct cut cut;
    assert_true(event_walk_next(&walk, &event));
    assert_true(event_next_point(&event, &point));
    assert_int_equal(point.timestamp_ms, 999);
    assert_slice(point.value, SLICE("37.20"));
    assert_true(event_walk_next(&walk, &event));
    assert_true(event_next_cut(&event, &cut));
    assert_int_equal(cut.to_ms, 5);
    assert_true(event_walk_next(&walk, &event));
    assert_int_equal(event.operation, OPERATION_DELETED);
    assert_slice(event.scopes, SLICE("{}"));
    assert_true(event_walk_next(&walk, &event));
    assert_int_equal(event.key_kind, KEY_DEVICE);
    assert_slice(event.sealed, SLICE("s"));
    assert_false(event_walk_next(&walk, &event));
}

/* A group that cannot be kept in memory is refused when it is closed, not written in part. */
static void a_full_writer_says_so(void **state)
{
    (void)state;
    struct group_writer writer = {.body = {.bytes_max = 100}};
    struct point point = {.property = 1, .key = SLICE("k"), .value = SLICE("1")};
    struct slice bytes;
    group_writer_start(&writer, 1, TIME_MS);
    for (int i = 0; i < 10; i++) {
        group_write_points(&writer, 1, RESOURCE_THNG, &THNG, (struct slice){0}, 0, &point, 1);
    }
    assert_int_equal(group_writer_close(&writer, &bytes).code, ERR_NO_MEMORY);
    group_writer_start(&writer, 1, TIME_MS);
    group_write_points(&writer, 1, RESOURCE_THNG, &THNG, (struct slice){0}, 0, &point, 1);
    assert_int_equal(group_writer_close(&writer, &bytes).code, ERR_OK);
    group_writer_deinit(&writer);
}

/* Each event says whose eyes it is for; many of a group say the same. */
static void scopes_are_written_once(void **state)
{
    (void)state;
    enum { EVENTS = 200, TEXTS = 40 };
    static char texts[TEXTS][64];
    struct group_writer writer = {0};
    const struct point point = {.property = 1, .key = SLICE_INIT("k"), .value = SLICE_INIT("1")};
    group_writer_start(&writer, 1, TIME_MS);
    size_t bytes[2] = {0};
    for (unsigned i = 0; i < TEXTS; i++) {
        snprintf(texts[i], sizeof(texts[i]), "{\"users\":[],\"projects\":[\"%u\"]}", i);
    }
    for (unsigned i = 0; i < EVENTS; i++) {
        /* the first is none, then the same again and again, then more than there are places for */
        const char *text = i == 0 ? "" : texts[i < EVENTS / 2 ? 0 : i % TEXTS];
        size_t before = group_writer_bytes(&writer);
        if (i % 3 == 0) {
            group_write_members(&writer, 1, MEMBERS_ADDED, 0, &COLLECTION, slice_of_text(text),
                                RESOURCE_THNG, &THNG, 1);
        } else {
            group_write_points(&writer, 1, RESOURCE_THNG, &THNG, slice_of_text(text), 0, &point, 1);
        }
        bytes[0] = i == 1 ? group_writer_bytes(&writer) - before : bytes[0];
        bytes[1] = i == 2 ? group_writer_bytes(&writer) - before : bytes[1];
    }
    assert_true(bytes[1] + strlen(texts[0]) <= bytes[0]);
    struct group group;
    assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
    struct event_walk walk = event_walk_start(&group);
    struct event event;
    for (unsigned i = 0; i < EVENTS; i++) {
        assert_true(event_walk_next(&walk, &event));
        const char *text = i == 0 ? "" : texts[i < EVENTS / 2 ? 0 : i % TEXTS];
        assert_slice(event.scopes, slice_of_text(text));
        assert_int_equal(event.flags, 0);
        assert_int_equal(event.count, 1);
    }
    /* The next group begins without any. */
    group_writer_start(&writer, 1, TIME_MS);
    group_write_points(&writer, 1, RESOURCE_THNG, &THNG, slice_of_text(texts[0]), 0, &point, 1);
    assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
    walk = event_walk_start(&group);
    assert_true(event_walk_next(&walk, &event));
    assert_slice(event.scopes, slice_of_text(texts[0]));
    group_writer_deinit(&writer);
}

/* Any bytes, and none; a group says whether it has something to retain, and of which topics it has
 * messages. */
static void test_messages(void **state)
{
    (void)state;
    struct group_writer writer = {0};
    struct group group;
    struct event event;
    group_writer_start(&writer, FIRST, TIME_MS);
    writer.qos = 2;
    assert_int_equal(group_write_message(&writer, 7, 0, SLICE("a/b"), SLICE("\0\xff")), FIRST);
    assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
    assert_false(group.has_retained);
    assert_false(group.has_documents);
    group_writer_start(&writer, FIRST, TIME_MS);
    writer.qos = 2;
    group_write_message(&writer, 7, 0, SLICE("a/b"), SLICE("\0\xff"));
    group_write_message(&writer, 7, MESSAGE_RETAIN, SLICE("c"), (struct slice){0});
    assert_int_equal(group_open(close_group(&writer), &group).code, ERR_OK);
    assert_true(group.has_retained);
    assert_true(group_may_name_hashed(&group, group_hash_message(7, SLICE("a/b"))));
    assert_true(group_may_name_hashed(&group, group_hash_message(7, SLICE("c"))));
    assert_false(group_may_name_hashed(&group, group_hash_message(8, SLICE("a/b"))));
    struct event_walk walk = event_walk_start(&group);
    assert_true(event_walk_next(&walk, &event));
    assert_int_equal(event.type, EVENT_MESSAGE);
    assert_int_equal(event.account, 7);
    assert_int_equal(event.qos, 2);
    assert_int_equal(event.flags, 0);
    assert_slice(event.topic, SLICE("a/b"));
    assert_slice(event.payload, SLICE("\0\xff"));
    assert_true(event_walk_next(&walk, &event));
    assert_int_equal(event.flags, MESSAGE_RETAIN);
    assert_slice(event.topic, SLICE("c"));
    assert_int_equal(event.payload.bytes, 0);
    assert_false(event_walk_next(&walk, &event));
    group_writer_deinit(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(groups_say_whether_documents_change),
        cmocka_unit_test(the_filter_never_hides_and_seldom_lies),
        cmocka_unit_test(long_events_come_back),
        cmocka_unit_test(many_members_come_back),
        cmocka_unit_test(documents_tell_their_collections),
        cmocka_unit_test(scopes_are_written_once),
        cmocka_unit_test(older_groups_are_read),
        cmocka_unit_test(a_full_writer_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

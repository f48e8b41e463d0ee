/* SPDX-License-Identifier: Apache-2.0
 *
 * What is kept of sessions comes back as it was written; and bytes that are not that are refused.
 */
#include "front/mqtt_kept.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LIST_MAX 50

static struct mqtt_flight flights[LIST_MAX];
static struct mqtt_heard heard[LIST_MAX];

static struct mqtt_head random_head(struct rand *rand)
{
    return (struct mqtt_head){
        .is_connected = rand_below(rand, 2) == 1,
        .is_clean = rand_below(rand, 2) == 1,
        .seen_ms = (int64_t)rand_below(rand, (uint64_t)1 << 50) - 1000,
        .position = rand_below(rand, 2) ? 1 + rand_below(rand, 100) : UINT64_MAX - 100,
        .dup_until = rand_below(rand, 2) ? 0 : rand_u64(rand),
        .next_subscription = rand_below(rand, 2) ? UINT32_MAX : (uint32_t)rand_below(rand, 10),
        .members = (uint32_t)rand_below(rand, 1000),
        .first_id = (uint16_t)(1 + rand_below(rand, UINT16_MAX)),
        .flight_count = (uint32_t)rand_below(rand, LIST_MAX + 1),
        .heard_count = (uint32_t)rand_below(rand, LIST_MAX + 1),
        .flights = flights,
        .heard = heard,
    };
}

/* Mostly in the order of events; history and states between them. */
static void random_lists(struct rand *rand, const struct mqtt_head *head)
{
    for (uint32_t i = 0; i < LIST_MAX; i++) {
        flights[i] = (struct mqtt_flight){
            .qos = (uint8_t)(1 + rand_below(rand, 2)),
            .state = (uint8_t)rand_below(rand, 3),
        };
        flights[i].is_owed = flights[i].state == MQTT_FLIGHT_SENT;
        if (rand_below(rand, 4) > 0) {
            flights[i].sequence = head->position + rand_below(rand, 100);
            flights[i].firing = (uint32_t)rand_below(rand, 3);
            flights[i].subscription = rand_below(rand, 2) ? UINT32_MAX : i;
        }
        heard[i] = (struct mqtt_heard){i * 1000, (uint32_t)rand_below(rand, 3)};
    }
}

static void assert_flights_equal(const struct mqtt_head *head, const struct mqtt_head *read)
{
    assert_int_equal(read->flight_count, head->flight_count);
    for (uint32_t i = 0; i < head->flight_count; i++) {
        assert_int_equal(read->flights[i].sequence, flights[i].sequence);
        assert_int_equal(read->flights[i].firing, flights[i].firing);
        assert_int_equal(read->flights[i].subscription, flights[i].subscription);
        assert_int_equal(read->flights[i].qos, flights[i].qos);
        assert_int_equal(read->flights[i].state, flights[i].state);
        assert_int_equal(read->flights[i].is_owed, flights[i].is_owed);
    }
}

static void test_heads_come_back(void **state)
{
    (void)state;
    struct rand rand;
    struct buf out = {0};
    rand_seed(&rand, 8);
    for (unsigned round = 0; round < 500; round++) {
        struct mqtt_head head = random_head(&rand);
        random_lists(&rand, &head);
        buf_reset(&out);
        mqtt_kept_put_head(&out, &head);
        struct mqtt_head read;
        assert_int_equal(mqtt_kept_read_head(buf_data(&out), &read).code, ERR_OK);
        assert_int_equal(read.is_connected, head.is_connected);
        assert_int_equal(read.is_clean, head.is_clean);
        assert_int_equal(read.seen_ms, head.seen_ms);
        assert_int_equal(read.position, head.position);
        assert_int_equal(read.dup_until, head.dup_until);
        assert_int_equal(read.next_subscription, head.next_subscription);
        assert_int_equal(read.members, head.members);
        assert_int_equal(read.first_id, head.first_id);
        assert_flights_equal(&head, &read);
        assert_int_equal(read.heard_count, head.heard_count);
        assert_memory_equal(read.heard, heard, head.heard_count * sizeof(heard[0]));
        mqtt_head_deinit(&read);
    }
    buf_deinit(&out);
}

static void test_what_is_cut_off_is_refused(void **state)
{
    (void)state;
    struct buf out = {0};
    flights[0] = (struct mqtt_flight){.sequence = 7, .firing = 1, .subscription = 300, .qos = 1};
    flights[1] = (struct mqtt_flight){.qos = 1};
    heard[0] = (struct mqtt_heard){300, 300};
    const struct mqtt_head head = {.position = 7,
                                   .first_id = 65535,
                                   .flight_count = 2,
                                   .heard_count = 1,
                                   .flights = flights,
                                   .heard = heard};
    mqtt_kept_put_head(&out, &head);
    struct slice whole = buf_data(&out);
    for (size_t bytes = 0; bytes < whole.bytes; bytes++) {
        struct mqtt_head read;
        struct err err = mqtt_kept_read_head(slice_first(whole, bytes), &read);
        assert_int_equal(err.code, ERR_CORRUPT);
        assert_null(read.flights);
    }
    buf_deinit(&out);
}

static void test_what_waits_comes_back(void **state)
{
    (void)state;
    static const struct mqtt_waiting all[] = {
        {.subscription = 1, .after = 0},
        {.subscription = UINT32_MAX, .after = UINT64_MAX, .topic = SLICE_INIT("a/b")},
    };
    struct mqtt_head head = {.position = 7};
    struct buf out = {0};
    mqtt_kept_put_waiting(&head.waiting, &all[0]);
    mqtt_kept_put_waiting(&head.waiting, &all[1]);
    mqtt_kept_put_head(&out, &head);
    struct mqtt_head read;
    assert_int_equal(mqtt_kept_read_head(buf_data(&out), &read).code, ERR_OK);
    struct cursor c = cursor_over(buf_data(&read.waiting));
    struct mqtt_waiting waiting;
    for (size_t i = 0; i < 2; i++) {
        assert_true(mqtt_kept_next_waiting(&c, &waiting));
        assert_int_equal(waiting.subscription, all[i].subscription);
        assert_true(waiting.after == all[i].after);
        assert_true(slice_equal(waiting.topic, all[i].topic));
    }
    assert_false(mqtt_kept_next_waiting(&c, &waiting));
    mqtt_head_deinit(&read);
    for (size_t cut = 1; cut < buf_bytes(&head.waiting) - 3; cut++) { /* the first has 3 bytes */
        struct slice less = slice_first(buf_data(&out), buf_bytes(&out) - cut);
        assert_int_equal(mqtt_kept_read_head(less, &read).code, ERR_CORRUPT);
    }
    buf_deinit(&out);
    mqtt_head_deinit(&head);
}

/* So large a number of flights is not believed, nor memory taken for it. */
static void test_too_many_flights_are_refused(void **state)
{
    (void)state;
    static const uint8_t many[] = {1, 0, 0, 7, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0};
    struct mqtt_head read;
    struct err err = mqtt_kept_read_head(slice_of(many, sizeof(many)), &read);
    assert_int_equal(err.code, ERR_CORRUPT);
}

static void test_later_versions_are_told(void **state)
{
    (void)state;
    struct mqtt_head head;
    struct mqtt_kept_subscription kept;
    struct mqtt_kept_will will;
    const struct slice later = SLICE("\x02later");
    assert_int_equal(mqtt_kept_read_head(later, &head).code, ERR_STORE_FORMAT_NEWER);
    assert_int_equal(mqtt_kept_read_subscription(later, &kept).code, ERR_STORE_FORMAT_NEWER);
    assert_int_equal(mqtt_kept_read_will(later, &will).code, ERR_STORE_FORMAT_NEWER);
}

static void test_wills_come_back(void **state)
{
    (void)state;
    struct buf out = {0};
    struct mqtt_kept_will will = {
        .qos = 2, .retain = true, .topic = SLICE("a/b"), .payload = SLICE("gone\0gone")};
    memset(will.key_hash, 7, sizeof(will.key_hash));
    mqtt_kept_put_will(&out, &will);
    struct mqtt_kept_will read;
    assert_int_equal(mqtt_kept_read_will(buf_data(&out), &read).code, ERR_OK);
    assert_memory_equal(read.key_hash, will.key_hash, KEY_HASH_BYTES);
    assert_int_equal(read.qos, 2);
    assert_true(read.retain);
    assert_true(slice_equal(read.topic, will.topic));
    assert_true(slice_equal(read.payload, will.payload));
    /* All but the payload, which may be empty, is there or it is no will. */
    size_t least = buf_bytes(&out) - will.payload.bytes;
    for (size_t bytes = 0; bytes < least; bytes++) {
        struct err err = mqtt_kept_read_will(slice_first(buf_data(&out), bytes), &read);
        assert_int_equal(err.code, ERR_CORRUPT);
    }
    buf_deinit(&out);
}

static void test_subscriptions_come_back(void **state)
{
    (void)state;
    struct buf out = {0};
    static const struct mqtt_kept_subscription all[] = {
        {.qos = 0, .first_sequence = 1, .filter = SLICE_INIT("#")},
        {.qos = 2, .first_sequence = UINT64_MAX, .is_sealed = true, .filter = SLICE_INIT("a/b")},
    };
    for (size_t i = 0; i < 2; i++) {
        buf_reset(&out);
        mqtt_kept_put_subscription(&out, &all[i]);
        struct mqtt_kept_subscription kept;
        assert_int_equal(mqtt_kept_read_subscription(buf_data(&out), &kept).code, ERR_OK);
        assert_int_equal(kept.qos, all[i].qos);
        assert_int_equal(kept.first_sequence, all[i].first_sequence);
        assert_int_equal(kept.is_sealed, all[i].is_sealed);
        assert_true(slice_equal(kept.filter, all[i].filter));
    }
    out.at[2] = 3;
    struct mqtt_kept_subscription kept;
    assert_int_equal(mqtt_kept_read_subscription(buf_data(&out), &kept).code, ERR_CORRUPT);
    assert_int_equal(mqtt_kept_read_subscription(SLICE("\x01"), &kept).code, ERR_CORRUPT);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads_come_back),
        cmocka_unit_test(test_what_is_cut_off_is_refused),
        cmocka_unit_test(test_what_waits_comes_back),
        cmocka_unit_test(test_too_many_flights_are_refused),
        cmocka_unit_test(test_later_versions_are_told),
        cmocka_unit_test(test_wills_come_back),
        cmocka_unit_test(test_subscriptions_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

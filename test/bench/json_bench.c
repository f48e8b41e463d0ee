/* SPDX-License-Identifier: Apache-2.0
 *
 * json_bench.c - what the path of a property update costs, in ns an operation: scanning the body,
 * reading its points, reading its topic, hashing the two topics it touches. Not part of the tests.
 */
#include "base/assert.h"
#include "base/clock.h"
#include "codec/json.h"
#include "model/property.h"
#include "model/topic.h"

#include <stdio.h>

#define ROUNDS 2000000

static void print_cost(const char *what, int64_t start_ns)
{
    double each = (double)(clock_monotonic_ns() - start_ns) / ROUNDS;
    printf("%-44s %7.1f ns\n", what, each);
}

/* Keeps the compiler from knowing what is in memory, so that no round is left out. */
static inline void forget(const void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

static void bench_body(const char *name, struct slice body)
{
    struct json_value root = {0};
    char what[64];
    int64_t start = clock_monotonic_ns();
    for (int i = 0; i < ROUNDS; i++) {
        forget(body.at);
        ASSERT(!err_is_set(json_scan(body, JSON_DEPTH_MAX, &root)));
    }
    snprintf(what, sizeof(what), "scan %s", name);
    print_cost(what, start);

    struct property_point at[8];
    struct buf keys = {0};
    struct property_points points = {.at = at, .count_max = 8, .keys = &keys};
    start = clock_monotonic_ns();
    for (int i = 0; i < ROUNDS; i++) {
        forget(body.at);
        ASSERT(!err_is_set(json_scan(body, JSON_DEPTH_MAX, &root)));
        ASSERT(!err_is_set(property_points_read(root, SLICE("temp"), &points)));
        forget(at);
    }
    snprintf(what, sizeof(what), "scan and read points of %s", name);
    print_cost(what, start);
    buf_deinit(&keys);
}

static void bench_topic(void)
{
    struct slice text = SLICE("/thngs/U2345678abcdefghkmnpqrst/properties/temperature");
    struct topic topic = {0};
    int64_t start = clock_monotonic_ns();
    for (int i = 0; i < ROUNDS; i++) {
        forget(text.at);
        ASSERT(!err_is_set(topic_parse(text, &topic)));
    }
    print_cost("topic_parse .../properties/temperature", start);

    uint64_t sum = 0;
    struct topic_ref ref = topic_ref(&topic);
    start = clock_monotonic_ns();
    for (int i = 0; i < ROUNDS; i++) {
        forget(&topic);
        ref.family = TOPIC_THNG_PROPERTY;
        sum += topic_hash(sum, ref);
        sum += topic_hash_resource(sum, TOPIC_THNG_PROPERTIES, ref.resource);
    }
    forget(&sum);
    print_cost("two topic hashes", start);
}

int main(void)
{
    bench_body("[{\"value\":37.2}]", SLICE("[{\"value\":37.2}]"));
    bench_body("timestamped point (42 B)", SLICE("[{\"value\":37.2,\"timestamp\":1700000000123}]"));
    bench_topic();
    return 0;
}

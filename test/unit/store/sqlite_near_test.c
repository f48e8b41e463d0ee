/* SPDX-License-Identifier: Apache-2.0
 *
 * What is near: distances against positions known by hand, boxes against the distance itself, and
 * lists against an array of places, around the poles and across the date line. */
#include "store/sqlite_reader.h"

#include "base/rand.h"
#include "unit/store/documents_fixture.h"

#include <math.h>

/* ---- anywhere ---- */

static double between(struct rand *rand, double low, double high)
{
    return low + (high - low) * (double)rand_below(rand, 1000001) / 1000000;
}

/* Often at an edge: a pole, the date line, the equator. */
static double random_latitude(struct rand *rand)
{
    static const double edges[] = {-90, -89.9999, -45, 0, 45, 89.99, 90};
    return rand_below(rand, 2) ? edges[rand_below(rand, ARRAY_LEN(edges))] : between(rand, -90, 90);
}

static double random_longitude(struct rand *rand)
{
    static const double edges[] = {-180, -179.9999, -90, 0, 90, 179.99, 180};
    return rand_below(rand, 2) ? edges[rand_below(rand, ARRAY_LEN(edges))]
                               : between(rand, -180, 180);
}

/* ---- distances ---- */

/* A degree of a great circle with a radius of 6371 km. */
#define DEGREE_KM 111.19492664455873

static void test_distances(void **state)
{
    (void)state;
    const struct {
        double a[2];
        double b[2];
        double km;
    } rows[] = {
        {{0, 0}, {0, 0}, 0},
        {{47.3769, 8.5417}, {47.3769, 8.5417}, 0},
        {{10, 180}, {10, -180}, 0}, /* one meridian, two names */
        {{0, 0}, {0, 1}, DEGREE_KM},
        {{0, 0}, {1, 0}, DEGREE_KM},
        {{0, 179.5}, {0, -179.5}, DEGREE_KM},
        {{60, 0}, {60, 180}, 60 * DEGREE_KM}, /* over the pole */
        {{89.5, 10}, {89.5, -170}, DEGREE_KM},
        {{0, 0}, {0, 180}, 180 * DEGREE_KM},
        {{90, 0}, {-90, 77}, 180 * DEGREE_KM},
        {{50.0663889, -5.7147222}, {58.6438889, -3.07}, 968.8535}, /* Land's End, John o' Groats */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double km = near_distance_km(rows[i].a[0], rows[i].a[1], rows[i].b[0], rows[i].b[1]);
        double back = near_distance_km(rows[i].b[0], rows[i].b[1], rows[i].a[0], rows[i].a[1]);
        double allowed = rows[i].km == 0 ? 0 : 1e-3;
        if (fabs(km - rows[i].km) > allowed || fabs(back - rows[i].km) > allowed) {
            fail_msg("row %zu: %.6f km, and %.6f back", i, km, back);
        }
    }
}

/* On the other side of the earth, rounding must not leave the sphere. */
static void test_opposite_points(void **state)
{
    (void)state;
    struct rand rand;
    rand_seed(&rand, 6);
    for (unsigned round = 0; round < 100000; round++) {
        double latitude = random_latitude(&rand);
        double longitude = random_longitude(&rand);
        double km = near_distance_km(latitude, longitude, -latitude, longitude + 180);
        assert_true(fabs(km - 180 * DEGREE_KM) < 0.1);
    }
}

/* ---- boxes ---- */

static double random_distance(struct rand *rand)
{
    static const double distances[] = {0, 0.001, 0.5, 1.25, 50, 500, 5000, 10007, 19000, INFINITY};
    return distances[rand_below(rand, ARRAY_LEN(distances))];
}

static unsigned spans_with(const struct near_box *box, double latitude, double longitude)
{
    unsigned count = 0;
    for (size_t i = 0; i < 2; i++) {
        count += latitude >= box->south && latitude <= box->north && longitude >= box->west[i] &&
                 longitude <= box->east[i];
    }
    return count;
}

/* Nothing near lies outside, nothing at all lies in both spans. */
static void test_boxes(void **state)
{
    (void)state;
    struct rand rand;
    rand_seed(&rand, 5);
    unsigned near_count = 0;
    unsigned outside_count = 0;
    for (unsigned round = 0; round < 200000; round++) {
        const struct documents_near near = {.latitude = random_latitude(&rand),
                                            .longitude = random_longitude(&rand),
                                            .distance_km_max = random_distance(&rand)};
        const struct near_box box = near_box_of(&near);
        /* Around it, on the scale of the distance; or anywhere. */
        double around = fmin(near.distance_km_max / DEGREE_KM * 1.2, 90);
        double latitude = random_latitude(&rand);
        double longitude = random_longitude(&rand);
        if (rand_below(&rand, 3) != 0) {
            double wide = around / fmax(cos(near.latitude * M_PI / 180), 0.01);
            latitude = fmax(-90, fmin(90, near.latitude + between(&rand, -around, around)));
            longitude = remainder(near.longitude + between(&rand, -wide, wide), 360);
        }
        double km = near_distance_km(near.latitude, near.longitude, latitude, longitude);
        unsigned spans = spans_with(&box, latitude, longitude);
        if (spans > 1 || (spans == 0 && km <= near.distance_km_max)) {
            fail_msg("%.6f %.6f is %.3f km from %.6f %.6f, and in %u spans of %.3f km", latitude,
                     longitude, km, near.latitude, near.longitude, spans, near.distance_km_max);
        }
        near_count += km <= near.distance_km_max;
        outside_count += spans == 0;
    }
    assert_true(near_count > 20000 && outside_count > 20000);
}

/* ---- lists ---- */

#define PLACE_COUNT 300
#define OTHER_ACCOUNT 2

struct place {
    struct id id;
    uint32_t account;
    bool has_position;
    bool is_tagged;
    bool is_visible; /* in the project */
    double latitude;
    double longitude;
    double distance_km; /* from where it is asked */
};

struct map_bench {
    struct bench bench;
    struct rand rand;
    struct place places[PLACE_COUNT];
};

static void write_place(struct map_bench *map, const struct place *place)
{
    char text[256];
    char position[96] = "";
    if (place->has_position) {
        snprintf(position, sizeof(position), ",\"latitude\":%.17g,\"longitude\":%.17g",
                 place->latitude, place->longitude);
    }
    snprintf(text, sizeof(text), "{\"createdAt\":5%s%s}", position,
             place->is_tagged ? ",\"tags\":[\"x\",\"y\"]" : "");
    struct id project = id_of(9);
    char scopes[96];
    snprintf(scopes, sizeof(scopes), "{\"users\":[],\"projects\":[\"%.24s\"]}", project.text);
    group_write_document(&map->bench.group, place->account, OPERATION_CREATED, RESOURCE_PLACE,
                         &place->id, slice_of_text(text),
                         place->is_visible ? slice_of_text(scopes) : (struct slice){0});
}

static void make_place(struct map_bench *map, struct place *place)
{
    place->account = rand_below(&map->rand, 6) ? ACCOUNT : OTHER_ACCOUNT;
    place->has_position = rand_below(&map->rand, 8) != 0;
    place->is_tagged = rand_below(&map->rand, 3) == 0;
    place->is_visible = rand_below(&map->rand, 2) == 0;
    place->latitude = random_latitude(&map->rand);
    place->longitude = random_longitude(&map->rand);
}

/* Written twice: most move, some lose their position or get one. */
static void fill(struct map_bench *map)
{
    for (unsigned i = 0; i < 2 * PLACE_COUNT; i++) {
        struct place *place = &map->places[i % PLACE_COUNT];
        if (i < PLACE_COUNT || rand_below(&map->rand, 2) == 0) {
            uint32_t account = place->account;
            place->id = id_of(10000 + i % PLACE_COUNT);
            make_place(map, place);
            place->account = i < PLACE_COUNT ? place->account : account;
            write_place(map, place);
        }
    }
    assert_ok(apply(&map->bench));
}

struct nearby {
    const struct place *expected[PLACE_COUNT];
    uint32_t count;
    uint32_t next;
    uint32_t page;
    double last_km;
    struct id last_id;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *left = *(const struct place *const *)a;
    const struct place *right = *(const struct place *const *)b;
    int order = (left->distance_km > right->distance_km) - (left->distance_km < right->distance_km);
    return order ? order : memcmp(left->id.text, right->id.text, ID_BYTES);
}

static void expect(struct map_bench *map, const struct documents_query *query,
                   struct nearby *nearby)
{
    *nearby = (struct nearby){0};
    for (unsigned i = 0; i < PLACE_COUNT; i++) {
        struct place *place = &map->places[i];
        place->distance_km = near_distance_km(query->near->latitude, query->near->longitude,
                                              place->latitude, place->longitude);
        if (place->account == query->account && place->has_position &&
            place->distance_km <= query->near->distance_km_max &&
            (query->condition_count == 0 || place->is_tagged) &&
            (query->project == NULL || place->is_visible)) {
            nearby->expected[nearby->count++] = place;
        }
    }
    qsort(nearby->expected, nearby->count, sizeof(nearby->expected[0]), compare_places);
}

static bool see_near(void *arg, const struct document *document)
{
    struct nearby *nearby = arg;
    assert_true(nearby->next < nearby->count);
    const struct place *place = nearby->expected[nearby->next++];
    assert_memory_equal(document->id.text, place->id.text, ID_BYTES);
    assert_true(document->distance_km == place->distance_km);
    nearby->last_km = document->distance_km;
    nearby->last_id = document->id;
    nearby->page++;
    return true;
}

static void ask_near(struct map_bench *map, struct documents_query *query, struct nearby *nearby)
{
    struct documents_near near = *query->near;
    query->near = &near;
    do {
        nearby->page = 0;
        assert_ok(documents_list(map->bench.reader, query, see_near, nearby));
        near.has_after = true;
        near.after_distance_km = nearby->last_km;
        query->after_id = nearby->last_id;
    } while (nearby->page == query->limit);
    assert_int_equal(nearby->next, nearby->count);
    assert_int_equal(count_of(&map->bench, query), nearby->count);
}

static void test_lists(void **state)
{
    (void)state;
    struct map_bench *map = calloc(1, sizeof(*map));
    assert_non_null(map);
    rand_seed(&map->rand, 7);
    open_bench(&map->bench);
    fill(map);
    const struct slice tags[] = {SLICE_INIT("x"), SLICE_INIT("y")};
    uint64_t found = 0;
    for (unsigned round = 0; round < 800; round++) {
        const struct documents_near near = {.latitude = random_latitude(&map->rand),
                                            .longitude = random_longitude(&map->rand),
                                            .distance_km_max = random_distance(&map->rand)};
        const struct id project = id_of(9);
        const struct filter_condition tagged = {
            .field = FILTER_TAGS, .values = tags, .value_count = 1 + round / 2 % 2};
        struct documents_query query = {.account = ACCOUNT,
                                        .kind = RESOURCE_PLACE,
                                        .near = &near,
                                        .project = round % 3 ? NULL : &project,
                                        .conditions = &tagged,
                                        .condition_count = round % 2,
                                        .limit = 1 + (uint32_t)rand_below(&map->rand, 40)};
        struct nearby nearby;
        expect(map, &query, &nearby);
        ask_near(map, &query, &nearby);
        found += nearby.count;
    }
    assert_true(found > 10000);
    close_bench(&map->bench);
    free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_opposite_points),
        cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

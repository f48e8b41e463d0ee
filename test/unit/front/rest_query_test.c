/* SPDX-License-Identifier: Apache-2.0 */
#include "front/rest_query.h"
#include "model/property.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define ID "U2345678abcdefghkmnpqrst"
#define OTHER "U2345678abcdefghkmnpqrsw"

/* A list read from <query>, which must be right; freed by list_free. */
static struct rest_list *list_of_kind(enum resource_kind kind, const char *query)
{
    struct rest_list *list = calloc(1, sizeof(*list));
    assert_non_null(list);
    struct err err = rest_list_read(slice_of_text(query), kind, list);
    if (err_is_set(err)) {
        fail_msg("%s: %s", query, err_name(err));
    }
    return list;
}

static struct rest_list *list_of(const char *query)
{
    return list_of_kind(RESOURCE_THNG, query);
}

static void list_free(struct rest_list *list)
{
    rest_list_deinit(list);
    free(list);
}

static void assert_kind_refused(enum resource_kind kind, const char *query)
{
    struct rest_list *list = calloc(1, sizeof(*list));
    assert_non_null(list);
    struct err err = rest_list_read(slice_of_text(query), kind, list);
    if (err.code != ERR_QUERY_INVALID) {
        fail_msg("%s: %s", query, err_name(err));
    }
    list_free(list);
}

static void assert_list_refused(const char *query)
{
    assert_kind_refused(RESOURCE_THNG, query);
}

static void assert_slice(struct slice got, const char *wanted)
{
    if (!slice_equal(got, slice_of_text(wanted))) {
        fail_msg("%.*s instead of %s", SLICE_ARGS(got), wanted);
    }
}

/* ---- single parameters ---- */

static void the_last_of_a_name_counts(void **state)
{
    (void)state;
    struct slice value = {0};
    assert_true(rest_query_find(SLICE("a=1&b=2&a=3"), SLICE("a"), &value));
    assert_slice(value, "3");
    assert_true(rest_query_find(SLICE("a"), SLICE("a"), &value));
    assert_slice(value, "");
    assert_false(rest_query_find(SLICE("aa=1"), SLICE("a"), &value));
    assert_false(rest_query_find(SLICE(""), SLICE("a"), &value));
    assert_true(rest_query_is_true(SLICE("x=true"), SLICE("x")));
    assert_false(rest_query_is_true(SLICE("x=1"), SLICE("x")));
}

static void times_are_whole_and_positive(void **state)
{
    (void)state;
    bool found;
    int64_t time = 7;
    assert_int_equal(rest_query_time(SLICE("b=1"), SLICE("to"), &found, &time).code, ERR_OK);
    assert_false(found);
    assert_int_equal(time, 7);
    assert_int_equal(rest_query_time(SLICE("to=9007199254740991"), SLICE("to"), &found, &time).code,
                     ERR_OK);
    assert_true(found && time == TIMESTAMP_MS_MAX);
    static const char *const bad[] = {
        "to=9007199254740992",  "to=-1", "to=1.5", "to=", "to=x", "to=1e3", "to=+1",
        "to=99999999999999999",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(rest_query_time(slice_of_text(bad[i]), SLICE("to"), &found, &time).code,
                         ERR_QUERY_INVALID);
    }
}

/* ---- lists ---- */

static void a_list_has_defaults(void **state)
{
    (void)state;
    struct rest_list *list = list_of("unknown=1&q=x");
    assert_int_equal(list->per_page, 30);
    assert_false(list->ascending || list->has_after || list->has_ids || list->with_count);
    assert_int_equal(list->skip, 0);
    assert_int_equal(list->condition_count, 0);
    list_free(list);
}

static void pages_are_bounded(void **state)
{
    (void)state;
    struct rest_list *list = list_of("perPage=100&sortOrder=ASCENDING&page=3&withTotalCount=true");
    assert_int_equal(list->per_page, 100);
    assert_true(list->ascending && list->with_count);
    assert_int_equal(list->skip, 200);
    list_free(list);
    static const char *const bad[] = {
        "perPage=0",
        "perPage=101",
        "perPage=-1",
        "perPage=x",
        "perPage=",
        "sortOrder=",
        "sortOrder=asc",
        "page=0",
        "page=10001",
        "page=x",
        "nextPageToken=",
        "nextPageToken=1",
        "nextPageToken=.",
        "nextPageToken=1.x",
        "nextPageToken=1.",
        "nextPageToken=x." ID,
        "nextPageToken=-1." ID,
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_list_refused(bad[i]);
    }
}

static void a_token_comes_back(void **state)
{
    (void)state;
    struct id id;
    struct buf query = {0};
    assert_true(id_parse(SLICE(ID), &id));
    BUF_PUT_LITERAL(&query, "page=9&nextPageToken=");
    rest_list_token(&query, &(struct rest_list){0}, 1700000000123, 0, &id);
    buf_put_byte(&query, '\0');
    struct rest_list *list = list_of((const char *)buf_data(&query).at);
    assert_true(list->has_after);
    assert_int_equal(list->after_created_ms, 1700000000123);
    assert_true(id_equal(&list->after_id, &id));
    assert_int_equal(list->skip, 0);
    list_free(list);
    buf_deinit(&query);
}

static void ids_that_can_be_none_are_passed_over(void **state)
{
    (void)state;
    struct rest_list *list = list_of("ids=" ID ",nonsense,,%55"
                                     "2345678abcdefghkmnpqrsw");
    assert_true(list->has_ids);
    assert_int_equal(list->id_count, 2);
    assert_slice(id_slice(&list->ids[0]), ID);
    assert_slice(id_slice(&list->ids[1]), OTHER);
    list_free(list);
    list = list_of("ids=x");
    assert_true(list->has_ids);
    assert_int_equal(list->id_count, 0);
    list_free(list);
}

static void at_most_100_ids(void **state)
{
    (void)state;
    struct buf query = {0};
    BUF_PUT_LITERAL(&query, "ids=" ID);
    for (unsigned i = 1; i < 100; i++) {
        BUF_PUT_LITERAL(&query, "%2C" ID);
    }
    BUF_PUT_LITERAL(&query, "\0");
    struct rest_list *list = list_of((const char *)query.at);
    assert_int_equal(list->id_count, 100);
    list_free(list);
    query.tail--;
    BUF_PUT_LITERAL(&query, "," ID "\0");
    assert_list_refused((const char *)query.at);
    buf_deinit(&query);
}

static void one_condition(void **state)
{
    (void)state;
    struct rest_list *list = list_of("filter=name%3Dthng%207");
    assert_int_equal(list->condition_count, 1);
    assert_int_equal(list->conditions[0].field, FILTER_NAME);
    assert_int_equal(list->conditions[0].compare, FILTER_EQUAL);
    assert_int_equal(list->conditions[0].value_count, 1);
    assert_slice(list->conditions[0].values[0], "thng 7");
    list_free(list);
}

static void several_conditions(void **state)
{
    (void)state;
    struct rest_list *list =
        list_of("filter=tags%3Da%2Cb%26identifiers.gs1%3A21%3Dx%3Dy%26createdAt%3E5"
                "%26createdAt%3C9%26product%3D" ID "%26collections%3D" ID);
    const struct filter_condition *at = list->conditions;
    assert_int_equal(list->condition_count, 6);
    assert_int_equal(at[0].field, FILTER_TAGS);
    assert_int_equal(at[0].value_count, 2);
    assert_slice(at[0].values[0], "a");
    assert_slice(at[0].values[1], "b");
    assert_int_equal(at[1].field, FILTER_IDENTIFIER);
    assert_slice(at[1].key, "gs1:21");
    assert_slice(at[1].values[0], "x=y");
    assert_int_equal(at[2].compare, FILTER_GREATER);
    assert_int_equal(at[2].number, 5);
    assert_int_equal(at[3].compare, FILTER_LESS);
    assert_int_equal(at[3].number, 9);
    assert_int_equal(at[4].field, FILTER_PRODUCT);
    assert_int_equal(at[5].field, FILTER_COLLECTIONS);
    list_free(list);
}

/* An SDK escapes reserved characters, encodes fields and values, and encodes the whole again. */
static void values_are_decoded_twice(void **state)
{
    (void)state;
    struct rest_list *list = list_of("filter=name%3Da%2520b%26tags%3D%255C%2526%255C!%2Cc%5C%2Cd");
    assert_int_equal(list->condition_count, 2);
    assert_slice(list->conditions[0].values[0], "a b");
    assert_int_equal(list->conditions[1].value_count, 2);
    assert_slice(list->conditions[1].values[0], "&!");
    assert_slice(list->conditions[1].values[1], "c,d");
    list_free(list);
    list = list_of("filter=name%3D100%25");
    assert_slice(list->conditions[0].values[0], "100%");
    list_free(list);
    list = list_of("filter=name%3Da%5C%26b");
    assert_slice(list->conditions[0].values[0], "a&b");
    list_free(list);
}

/* Also behind an escape, and cut off at the end. */
static void a_per_cent_that_begins_no_escape_stands_for_itself(void **state)
{
    (void)state;
    struct rest_list *list = list_of("filter=name%3Da%2520b%2050%25%20off%26tags%3D%252C%252");
    assert_slice(list->conditions[0].values[0], "a b 50% off");
    assert_slice(list->conditions[1].values[0], ",%2");
    list_free(list);
}

static void filters_that_say_nothing_known(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "filter=nonsense%3D1",    "filter=name",         "filter=name%3C5",
        "filter=name~x",          "filter=name%3Da%7Cb", "filter=name%3D(a)",
        "filter=name%3Da!",       "filter=tags%3Ea",     "filter=createdAt%3D5",
        "filter=createdAt%3Ex",   "filter=createdAt%3E", "filter=identifiers.%3Dx",
        "filter=identifiers%3Dx", "filter=%26name%3Dx",  "filter=Name%3Dx",
        "filter=name%3D%FF",      "filter=name%3D%zz",   "filter=%3Dx",
        "filter=createdAt%3E-1",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_list_refused(bad[i]);
    }
}

/* Each kind has the fields of the contract (REST 1.7), and no others. */
static void kinds_have_their_fields(void **state)
{
    (void)state;
    static const char *const names[] = {
        "name",       "tags",  "product",       "collections",  "createdAt",
        "project",    "batch", "status",        "type",         "thng",
        "collection", "user",  "identifiers.a", "context.city", "context.countryCode",
        "timestamp",
    };
    static const struct {
        enum resource_kind kind;
        const char *has; /* one letter for each name */
    } rows[] = {
        {RESOURCE_THNG, "yyyyy.......y..."},       {RESOURCE_PRODUCT, "yy..........y..."},
        {RESOURCE_COLLECTION, "yy.y........y..."}, {RESOURCE_PLACE, "yy..........y..."},
        {RESOURCE_PROJECT, "yy..........y..."},    {RESOURCE_APPLICATION, "y....y.........."},
        {RESOURCE_BATCH, "yy..y.......y..."},      {RESOURCE_TASK, "......yyy......."},
        {RESOURCE_FILE, "yy.............."},       {RESOURCE_ACTION_TYPE, "y..............."},
        {RESOURCE_ACTION, ".yy.....yyyyyyyy"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t j = 0; j < ARRAY_LEN(names); j++) {
            char query[64];
            bool is_time = strcmp(names[j], "createdAt") == 0 || strcmp(names[j], "timestamp") == 0;
            snprintf(query, sizeof(query), "filter=%s%s1", names[j], is_time ? "%3E" : "%3D");
            if (rows[i].has[j] == 'y') {
                list_free(list_of_kind(rows[i].kind, query));
            } else {
                assert_kind_refused(rows[i].kind, query);
            }
        }
    }
}

static void places_may_be_asked_for_by_distance(void **state)
{
    (void)state;
    struct id id;
    struct buf query = {0};
    assert_true(id_parse(SLICE(ID), &id));
    struct rest_list *list =
        list_of_kind(RESOURCE_PLACE, "lat=-33.5&lon=180&maxDist=0.5&sortOrder=DESCENDING");
    struct documents_query wanted = rest_list_query(list, 1);
    assert_non_null(wanted.near);
    assert_true(wanted.near->latitude == -33.5 && wanted.near->longitude == 180 &&
                wanted.near->distance_km_max == 0.5);
    assert_false(wanted.near->has_after);
    BUF_PUT_LITERAL(&query, "lat=1&lon=2&nextPageToken=");
    rest_list_token(&query, list, 5, 1.0 / 3, &id);
    buf_put_byte(&query, '\0');
    list_free(list);
    list = list_of_kind(RESOURCE_PLACE, (const char *)query.at);
    assert_true(list->near.has_after && list->near.after_distance_km == 1.0 / 3);
    assert_true(id_equal(&list->after_id, &id));
    assert_false(list->has_after);
    list_free(list);
    buf_deinit(&query);
    static const char *const bad[] = {
        "lat=1",
        "lon=1",
        "maxDist=1",
        "lat=1&maxDist=1",
        "lat=91&lon=1",
        "lat=1&lon=-180.1",
        "lat=x&lon=1",
        "lat=1&lon=",
        "lat=1&lon=1&maxDist=-1",
        "lat=1&lon=1&maxDist=%22a%22",
        "lat=1&lon=1&nextPageToken=5." ID,
        "nextPageToken=0.5_" ID,
        "lat=1&lon=1&nextPageToken=_" ID,
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_kind_refused(RESOURCE_PLACE, bad[i]);
    }
    list = list_of_kind(RESOURCE_PRODUCT, "lat=1"); /* it has no such parameter */
    assert_null(rest_list_query(list, 1).near);
    list_free(list);
}

static void actions_have_a_span(void **state)
{
    (void)state;
    struct rest_list *list = list_of_kind(RESOURCE_ACTION, "from=5&to=9");
    assert_int_equal(list->condition_count, 2);
    assert_int_equal(list->conditions[0].compare, FILTER_GREATER);
    assert_int_equal(list->conditions[0].number, 4);
    assert_int_equal(list->conditions[1].compare, FILTER_LESS);
    assert_int_equal(list->conditions[1].number, 10);
    list_free(list);
    list = list_of_kind(RESOURCE_ACTION, "from=latest&perPage=50&sortOrder=ASCENDING");
    assert_true(list->is_latest && !list->ascending);
    assert_int_equal(list->per_page, 1);
    list_free(list);
    assert_kind_refused(RESOURCE_ACTION, "from=x");
    list = list_of_kind(RESOURCE_THNG, "from=x");
    assert_int_equal(list->condition_count, 0);
    list_free(list);
}

static void what_leads_has_a_token(void **state)
{
    (void)state;
    struct buf query = {0};
    BUF_PUT_LITERAL(&query, "page=3&nextPageToken=");
    rest_list_leading_token(&query, 7);
    buf_put_byte(&query, '\0');
    struct rest_list *list = list_of_kind(RESOURCE_ACTION_TYPE, (const char *)query.at);
    assert_int_equal(list->leading_done, 7);
    assert_false(list->has_after);
    assert_int_equal(list->skip, 0);
    list_free(list);
    buf_deinit(&query);
}

static void a_project_is_an_id_or_unknown(void **state)
{
    (void)state;
    struct id id = {0};
    bool found;
    assert_int_equal(rest_query_id(SLICE("a=1"), SLICE("project"), &found, &id).code, ERR_OK);
    assert_false(found);
    assert_int_equal(rest_query_id(SLICE("project="), SLICE("project"), &found, &id).code, ERR_OK);
    assert_false(found);
    assert_int_equal(rest_query_id(SLICE("project=x"), SLICE("project"), &found, &id).code,
                     ERR_NOT_FOUND);
    assert_int_equal(rest_query_id(SLICE("project=" ID), SLICE("project"), &found, &id).code,
                     ERR_OK);
    assert_true(found);
    assert_slice(id_slice(&id), ID);
}

static void filters_are_bounded(void **state)
{
    (void)state;
    struct buf query = {0};
    BUF_PUT_LITERAL(&query, "filter=tags%3Da");
    for (unsigned i = 1; i < DOCUMENTS_VALUES_MAX; i++) {
        BUF_PUT_LITERAL(&query, ",a");
    }
    BUF_PUT_LITERAL(&query, "\0");
    struct rest_list *list = list_of((const char *)query.at);
    assert_int_equal(list->conditions[0].value_count, DOCUMENTS_VALUES_MAX);
    list_free(list);
    query.tail--;
    BUF_PUT_LITERAL(&query, ",a\0");
    assert_list_refused((const char *)query.at);
    buf_reset(&query);
    BUF_PUT_LITERAL(&query, "filter=name%3Da");
    for (unsigned i = 0; i < DOCUMENTS_CONDITIONS_MAX; i++) {
        BUF_PUT_LITERAL(&query, "%26name%3Da");
    }
    BUF_PUT_LITERAL(&query, "\0");
    assert_list_refused((const char *)query.at);
    buf_deinit(&query);
}

/* ---- histories ---- */

static struct history_query history_of(const char *query, bool *is_latest)
{
    struct history_query history;
    struct err err = rest_history_read_query(slice_of_text(query), &history, is_latest);
    if (err_is_set(err)) {
        fail_msg("%s: %s", query, err_name(err));
    }
    return history;
}

static void a_history_has_a_span(void **state)
{
    (void)state;
    bool is_latest;
    struct history_query history = history_of("", &is_latest);
    assert_false(is_latest || history.ascending || history.has_after);
    assert_int_equal(history.limit, 30);
    assert_true(history.from_ms == 0 && history.to_ms == INT64_MAX);
    history = history_of("from=2&to=5&sortOrder=ASCENDING&perPage=2", &is_latest);
    assert_true(history.ascending && history.limit == 2);
    assert_true(history.from_ms == 2 && history.to_ms == 5);
    history = history_of("from=2&to=9&filter=timestamp%3E2%26timestamp%3C9", &is_latest);
    assert_true(history.from_ms == 3 && history.to_ms == 8);
    history = history_of("from=5&filter=timestamp%3E2", &is_latest);
    assert_int_equal(history.from_ms, 5);
    history = history_of("from=latest", &is_latest);
    assert_true(is_latest);
}

static void a_place_in_a_history_comes_back(void **state)
{
    (void)state;
    bool is_latest;
    struct buf query = {0};
    const struct sample sample = {.timestamp_ms = 1700000000123, .ordinal = 41};
    BUF_PUT_LITERAL(&query, "nextPageToken=");
    rest_history_token(&query, &sample);
    buf_put_byte(&query, '\0');
    struct history_query history = history_of((const char *)query.at, &is_latest);
    assert_true(history.has_after);
    assert_int_equal(history.after.timestamp_ms, 1700000000123);
    assert_int_equal(history.after.ordinal, 41);
    buf_deinit(&query);
}

static void bad_histories_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "from=x",
        "from=",
        "to=-1",
        "to=latest",
        "perPage=0",
        "perPage=x",
        "sortOrder=x",
        "nextPageToken=z",
        "nextPageToken=1.4294967296",
        "nextPageToken=1." ID,
        "filter=timestamp%3D5",
        "filter=name%3Dx",
        "filter=timestamp",
        "filter=timestamp%3Ex",
        "filter=%zz",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct history_query history;
        bool is_latest;
        struct err err = rest_history_read_query(slice_of_text(bad[i]), &history, &is_latest);
        if (err.code != ERR_QUERY_INVALID) {
            fail_msg("%s: %s", bad[i], err_name(err));
        }
    }
}

/* Users are found by email, what has rights by name; a role by its type, too. */
static void those_with_rights_have_filters(void **state)
{
    (void)state;
    static const struct {
        enum resource_kind kind;
        const char *query;
        enum filter_field field;
    } good[] = {
        {RESOURCE_USER, "filter=email%3Da%40b", FILTER_NAME},
        {RESOURCE_USER, "filter=app%3D" ID, FILTER_PARENT},
        {RESOURCE_USER, "filter=tags%3Da", FILTER_TAGS},
        {RESOURCE_ROLE, "filter=name%3Da", FILTER_NAME},
        {RESOURCE_ROLE, "filter=type%3Doperator", FILTER_TYPE},
        {RESOURCE_ACCESS_POLICY, "filter=name%3Da", FILTER_NAME},
        {RESOURCE_ACCESS_POLICY, "filter=identifiers.a%3Db", FILTER_IDENTIFIER},
        {RESOURCE_ACCESS_TOKEN, "filter=name%3Da", FILTER_NAME},
        {RESOURCE_ACCESS_TOKEN, "filter=tags%3Da", FILTER_TAGS},
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct rest_list *list = list_of_kind(good[i].kind, good[i].query);
        assert_int_equal(list->condition_count, 1);
        assert_int_equal(list->conditions[0].field, good[i].field);
        list_free(list);
    }
    assert_kind_refused(RESOURCE_USER, "filter=name%3Da");
    assert_kind_refused(RESOURCE_USER, "filter=credentials%3Da");
    assert_kind_refused(RESOURCE_THNG, "filter=email%3Da");
    assert_kind_refused(RESOURCE_SHARE, "filter=email%3Da");
    assert_kind_refused(RESOURCE_ACCESS_TOKEN, "filter=type%3Da");
}

static void roles_have_items_that_lead(void **state)
{
    (void)state;
    struct rest_list *list = list_of_kind(RESOURCE_ROLE, "nextPageToken=2.");
    assert_int_equal(list->leading_done, 2);
    assert_false(list->has_after);
    list_free(list);
    assert_kind_refused(RESOURCE_USER, "nextPageToken=2.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_with_rights_have_filters),
        cmocka_unit_test(roles_have_items_that_lead),
        cmocka_unit_test(the_last_of_a_name_counts),
        cmocka_unit_test(times_are_whole_and_positive),
        cmocka_unit_test(a_list_has_defaults),
        cmocka_unit_test(pages_are_bounded),
        cmocka_unit_test(a_token_comes_back),
        cmocka_unit_test(ids_that_can_be_none_are_passed_over),
        cmocka_unit_test(at_most_100_ids),
        cmocka_unit_test(one_condition),
        cmocka_unit_test(several_conditions),
        cmocka_unit_test(values_are_decoded_twice),
        cmocka_unit_test(a_per_cent_that_begins_no_escape_stands_for_itself),
        cmocka_unit_test(filters_that_say_nothing_known),
        cmocka_unit_test(kinds_have_their_fields),
        cmocka_unit_test(places_may_be_asked_for_by_distance),
        cmocka_unit_test(actions_have_a_span),
        cmocka_unit_test(what_leads_has_a_token),
        cmocka_unit_test(a_project_is_an_id_or_unknown),
        cmocka_unit_test(filters_are_bounded),
        cmocka_unit_test(a_history_has_a_span),
        cmocka_unit_test(a_place_in_a_history_comes_back),
        cmocka_unit_test(bad_histories_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "model/topic.h"
#include "lib/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define ID "U2345678abcdefghkmnpqrst"
#define OTHER_ID "U2345678abcdefghkmnpqrsr"

/* Parses a copy that ends at an unreadable page; the token of the options is not to be used. */
static struct err parse_filter(struct slice text, struct topic_filter *filter)
{
    struct guard guard = {0};
    guard_init(&guard);
    struct err err = topic_filter_parse(guard_slice(&guard, text), filter);
    guard_deinit(&guard);
    return err;
}

static void assert_refused(struct slice text, enum err_code code)
{
    struct topic_filter filter;
    struct err err = parse_filter(text, &filter);
    if (err.code != code) {
        fail_msg("%.*s: %s", SLICE_ARGS(text), err_name(err));
    }
    struct topic topic;
    assert_int_equal(topic_parse(text, &topic).code, code);
}

static struct topic parse(const char *text)
{
    struct topic_filter filter;
    struct err err = parse_filter(slice_of_text(text), &filter);
    if (err_is_set(err)) {
        fail_msg("%s: %s", text, err_name(err));
    }
    assert_false(filter.has_wildcard);
    assert_int_equal(filter.count, 1);
    assert_true(topic_equal(topic_filter_ref(&filter, 0), topic_ref(&filter.topic)));
    return filter.topic;
}

static void assert_topic(const char *text, enum topic_family family, bool has_id, const char *name)
{
    struct topic topic = parse(text);
    assert_int_equal(topic.family, family);
    assert_int_equal(id_is_set(&topic.resource), has_id);
    if (has_id) {
        assert_true(slice_equal(id_slice(&topic.resource), SLICE(ID)));
    }
    if (!slice_equal(topic_name(&topic), slice_of_text(name))) {
        fail_msg("%s: name %.*s", text, SLICE_ARGS(topic_name(&topic)));
    }
}

static void the_families(void **state)
{
    (void)state;
    assert_topic("/actions", TOPIC_ACTION_TYPES, false, "");
    assert_topic("/actions/all", TOPIC_ACTIONS_ALL, false, "");
    assert_topic("/actions/_Door", TOPIC_ACTIONS, false, "_Door");
    assert_topic("/actions/scans", TOPIC_ACTIONS, false, "scans");
    assert_topic("/batches/" ID "/tasks", TOPIC_BATCH_TASKS, true, "");
    assert_topic("/batches/" ID "/tasks/" OTHER_ID, TOPIC_BATCH_TASK, true, OTHER_ID);
    assert_topic("/collections/" ID, TOPIC_COLLECTION, true, "");
    assert_topic("/collections/" ID "/actions/_a", TOPIC_COLLECTION_ACTIONS, true, "_a");
    assert_topic("/collections/" ID "/actions/all", TOPIC_COLLECTION_ACTIONS_ALL, true, "");
    assert_topic("/collections/" ID "/thngs", TOPIC_COLLECTION_THNGS, true, "");
    assert_topic("/products/" ID "/actions/_a", TOPIC_PRODUCT_ACTIONS, true, "_a");
    assert_topic("/products/" ID "/actions/all", TOPIC_PRODUCT_ACTIONS_ALL, true, "");
    assert_topic("/products/" ID "/properties", TOPIC_PRODUCT_PROPERTIES, true, "");
    assert_topic("/products/" ID "/properties/k", TOPIC_PRODUCT_PROPERTY, true, "k");
    assert_topic("/thngs/" ID, TOPIC_THNG, true, "");
    assert_topic("/thngs/" ID "/actions/_a", TOPIC_THNG_ACTIONS, true, "_a");
    assert_topic("/thngs/" ID "/actions/all", TOPIC_THNG_ACTIONS_ALL, true, "");
    assert_topic("/thngs/" ID "/location", TOPIC_THNG_LOCATION, true, "");
    assert_topic("/thngs/" ID "/properties", TOPIC_THNG_PROPERTIES, true, "");
    assert_topic("/thngs/" ID "/properties/temp", TOPIC_THNG_PROPERTY, true, "temp");
}

static void what_is_not_a_topic(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "/thngs",
        "/products",
        "/products/" ID,
        "/collections",
        "/batches",
        "/batches/" ID,
        "/places",
        "/places/" ID,
        "/users",
        "/users/" ID,
        "/actions/_a/" ID,
        "/actions/all/x",
        "/thngs/" ID "/action/all",
        "/thngs/" ID "/actions",
        "/thngs/" ID "/locations",
        "/thngs/" ID "/location/x",
        "/thngs/" ID "/properties/a/b",
        "/products/" ID "/location",
        "/collections/" ID "/properties",
        "/collections/" ID "/thngs/" ID,
        "/Thngs/" ID,
        "/v2/thngs/" ID,
        "/thng/" ID,
        "$SYS/broker",
        "/a/b/c/d/e/f/g",
        "all",
        "/thngs/" ID "/all",
    };
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        assert_refused(slice_of_text(unknown[i]), ERR_TOPIC_UNKNOWN);
    }
    assert_refused(SLICE("/thngs/all"), ERR_NOT_FOUND);
    assert_refused(SLICE("/thngs/" ID "x/properties"), ERR_NOT_FOUND);
    assert_refused(SLICE("/thngs/Ui345678abcdefghkmnpqrst/location"), ERR_NOT_FOUND);
    assert_refused(SLICE("/batches/" ID "/tasks/first"), ERR_NOT_FOUND);
}

static void spellings_of_one_topic(void **state)
{
    (void)state;
    static const char *const spellings[] = {
        "/thngs/" ID "/properties/room%20temp",
        "thngs/" ID "/properties/room%20temp",
        "/thngs/" ID "/properties/room temp/",
        "thngs/" ID "/properties/ROOM%20Temp/",
        "/thngs/" ID "/properties/room%20temp?pubStates=0",
        "%74hngs/%552345678abcdefghkmnpqrst/proper%74ies/%72%6F%6f%6d%20temp?",
    };
    struct topic first = parse(spellings[0]);
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        assert_topic(spellings[i], TOPIC_THNG_PROPERTY, true, "room temp");
        struct topic topic = parse(spellings[i]);
        assert_true(topic_equal(topic_ref(&first), topic_ref(&topic)));
        assert_true(topic_hash(3, topic_ref(&first)) == topic_hash(3, topic_ref(&topic)));
    }
    assert_topic("/actions/%61ll", TOPIC_ACTIONS_ALL, false, "");
}

static void names_are_decoded(void **state)
{
    (void)state;
    assert_topic("/thngs/" ID "/properties/a+b", TOPIC_THNG_PROPERTY, true, "a+b");
    assert_topic("/thngs/" ID "/properties/%2B", TOPIC_THNG_PROPERTY, true, "+");
    assert_topic("/thngs/" ID "/properties/%23", TOPIC_THNG_PROPERTY, true, "#");
    assert_topic("/thngs/" ID "/properties/a%2Fb%3F", TOPIC_THNG_PROPERTY, true, "a/b?");
    assert_topic("/thngs/" ID "/properties/%25", TOPIC_THNG_PROPERTY, true, "%");
    assert_topic("/thngs/" ID "/properties/\xc3\x84%C3%A4", TOPIC_THNG_PROPERTY, true,
                 "\xc3\x84\xc3\xa4");
    assert_topic("/thngs/" ID "/properties/all", TOPIC_THNG_PROPERTY, true, "all");
    assert_topic("/actions/_caseKept%20x", TOPIC_ACTIONS, false, "_caseKept x");
}

static void malformed_topics(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "",
        "/",
        "//",
        "//thngs/" ID,
        "/thngs//" ID,
        "/thngs/" ID "//",
        "?",
        "/?",
        "?pubStates=1",
        "/actions/%",
        "/actions/%2",
        "/actions/%2g",
        "/actions/%00",
        "/actions/a%00b",
        "/actions/%ff",
        "/actions/%c3",
        "/actions/\xff",
        "/actions/a?x=\xff",
        "/actions/%ed%a0%80",
        "/places/%zz",
    };
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        assert_refused(slice_of_text(malformed[i]), ERR_TOPIC_INVALID);
    }
    assert_refused(SLICE("/actions/a\0b"), ERR_TOPIC_INVALID);
    assert_refused(SLICE("/actions/a?b=\0"), ERR_TOPIC_INVALID);
    assert_refused(SLICE("/thngs/" ID "/properties/a%0ab"), ERR_PROPERTY_KEY_INVALID);
}

static void lengths_are_bounded(void **state)
{
    (void)state;
    char text[TOPIC_BYTES_MAX + 1] = "/actions/";
    memset(text + 9, 'x', sizeof(text) - 9);
    struct topic topic;
    assert_false(err_is_set(topic_parse(slice_of(text, TOPIC_BYTES_MAX), &topic)));
    assert_int_equal(topic_name(&topic).bytes, TOPIC_BYTES_MAX - 9);
    assert_refused(slice_of(text, TOPIC_BYTES_MAX + 1), ERR_TOPIC_INVALID);

    char levels[2 * (TOPIC_LEVELS_MAX + 1)];
    for (size_t i = 0; i < sizeof(levels); i += 2) {
        levels[i] = '/';
        levels[i + 1] = 'x';
    }
    assert_refused(slice_of(levels, 2 * TOPIC_LEVELS_MAX), ERR_TOPIC_UNKNOWN);
    assert_refused(slice_of(levels, sizeof(levels)), ERR_TOPIC_INVALID);

    char key[512] = "/thngs/" ID "/properties/";
    size_t start = strlen(key);
    memset(key + start, 'k', 129);
    assert_false(err_is_set(topic_parse(slice_of(key, start + 128), &topic)));
    assert_refused(slice_of(key, start + 129), ERR_PROPERTY_KEY_INVALID);
}

static void options_are_read(void **state)
{
    (void)state;
    struct topic topic = parse("/actions/all?pubStates=1&project=" ID "&other=%zz&flag");
    assert_true(topic.options.pub_states);
    assert_true(slice_equal(id_slice(&topic.options.project), SLICE(ID)));
    assert_false(topic.options.has_access_token);
    assert_int_equal(topic.family, TOPIC_ACTIONS_ALL);

    struct slice text = SLICE("/actions/all/?access_token=abc&project=%552345678abcdefghkmnpqrst");
    assert_false(err_is_set(topic_parse(text, &topic)));
    assert_true(topic.options.has_access_token);
    assert_true(slice_equal(topic.options.access_token, SLICE("abc")));
    assert_true(id_is_set(&topic.options.project));
    assert_false(topic.options.pub_states);

    static const char *const off[] = {"?pubStates=0",
                                      "?pubStates=",
                                      "?pubStates",
                                      "?pubStates=true",
                                      "?pubStates=11",
                                      "?pubstates=1",
                                      "?pubStates=1&pubStates=0",
                                      ""};
    for (size_t i = 0; i < ARRAY_LEN(off); i++) {
        char with[64];
        snprintf(with, sizeof(with), "/actions%s", off[i]);
        topic = parse(with);
        assert_false(topic.options.pub_states);
        assert_false(id_is_set(&topic.options.project));
    }
    assert_refused(SLICE("/actions?project=x"), ERR_QUERY_INVALID);
    assert_refused(SLICE("/actions?project="), ERR_QUERY_INVALID);
    assert_refused(SLICE("/actions?project=" ID "%20"), ERR_QUERY_INVALID);
}

static void replays_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        struct topic_replay replay;
    } cases[] = {
        {"", {0}},
        {"?from=-1h", {.is_wanted = true, .is_ago = true, .from_ms = 3600000}},
        {"?from=-250ms", {.is_wanted = true, .is_ago = true, .from_ms = 250}},
        {"?from=-2w", {.is_wanted = true, .is_ago = true, .from_ms = 1209600000}},
        {"?from=1700000000123", {.is_wanted = true, .from_ms = 1700000000123}},
        {"?from=0", {.is_wanted = true}},
        {"?from=latest", {.is_wanted = true, .last = 1}},
        {"?last=10&pubStates=1", {.is_wanted = true, .last = 10}},
        {"?last=1000000", {.is_wanted = true, .last = TOPIC_LAST_MAX}},
        {"?from=-90s&last=5", {.is_wanted = true, .is_ago = true, .from_ms = 90000, .last = 5}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char with[96];
        snprintf(with, sizeof(with), "/actions/all%s", cases[i].query);
        struct topic topic = parse(with);
        const struct topic_replay *replay = &topic.options.replay;
        assert_int_equal(replay->is_wanted, cases[i].replay.is_wanted);
        assert_int_equal(replay->is_ago, cases[i].replay.is_ago);
        assert_int_equal(replay->from_ms, cases[i].replay.from_ms);
        assert_int_equal(replay->last, cases[i].replay.last);
    }
    static const char *const bad[] = {
        "?from=",    "?from=-",       "?from=-1",     "?from=-1y",     "?from=1h",
        "?from=x",   "?from=+5",      "?from=-1h30m", "?last=0",       "?last=",
        "?last=-1",  "?last=1000001", "?last=1e3",    "?from=latest1", "?from=-999999999999999w",
        "?from=1 h", "?last",         "?from",        "?from=-h",      "?last=1&last=x",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char with[96];
        snprintf(with, sizeof(with), "/actions/all%s", bad[i]);
        assert_refused(slice_of_text(with), ERR_QUERY_INVALID);
    }
}

/* ---- wildcards ---- */

static bool selects(const struct topic_filter *filter, struct topic_ref topic)
{
    unsigned count = 0;
    for (unsigned i = 0; i < filter->count; i++) {
        struct topic_ref ref = topic_filter_ref(filter, i);
        count += ref.family == topic.family &&
                 (ref.resource == NULL || id_equal(ref.resource, topic.resource)) &&
                 (ref.name.bytes == 0 || slice_equal(ref.name, topic.name));
    }
    assert_true(count <= 1); /* no topic twice */
    return count == 1;
}

/* As MQTT says it, level by level of the text (4.7.1); a leading slash does not count. */
static bool matches(const char *filter, const char *topic)
{
    filter += *filter == '/';
    topic += *topic == '/';
    for (;;) {
        size_t level = strcspn(filter, "/");
        size_t part = strcspn(topic, "/");
        if (strcmp(filter, "#") == 0) {
            return true;
        }
        if (strncmp(filter, "+", level) != 0 &&
            (level != part || strncmp(filter, topic, level) != 0)) {
            return false;
        }
        if (topic[part] == 0) {
            return filter[level] == 0 || strcmp(filter + level, "/#") == 0;
        }
        if (filter[level] == 0) {
            return false;
        }
        filter += level + 1;
        topic += part + 1;
    }
}

static const char *const some_topics[] = {
    "/actions",
    "/actions/all",
    "/actions/_a",
    "/actions/_b",
    "/batches/" ID "/tasks",
    "/batches/" ID "/tasks/" OTHER_ID,
    "/collections/" ID,
    "/collections/" ID "/thngs",
    "/collections/" ID "/actions/all",
    "/collections/" ID "/actions/_a",
    "/products/" ID "/actions/all",
    "/products/" ID "/actions/_b",
    "/products/" ID "/properties",
    "/products/" ID "/properties/a",
    "/products/" OTHER_ID "/properties/all",
    "/thngs/" ID,
    "/thngs/" OTHER_ID,
    "/thngs/" ID "/properties",
    "/thngs/" ID "/properties/a",
    "/thngs/" ID "/properties/all",
    "/thngs/" OTHER_ID "/properties/_a",
    "/thngs/" ID "/location",
    "/thngs/" ID "/actions/all",
    "/thngs/" ID "/actions/_a",
    "/thngs/" OTHER_ID "/actions/_a",
};

/* Every filter of up to five of these levels, with and without "#" behind: it selects what it
 * matches as text, and is refused when no topic could be. */
static void filters_select_what_they_match(void **state)
{
    (void)state;
    static const char *const levels[] = {"+",   "thngs",  "products",   "actions", "collections",
                                         ID,    OTHER_ID, "properties", "tasks",   "batches",
                                         "all", "_a",     "location"};
    unsigned step[5] = {0};
    size_t selected = 0;
    for (unsigned count = 0; count <= 4; count++) {
        unsigned total = 1;
        for (unsigned i = 0; i < count; i++) {
            total *= ARRAY_LEN(levels);
        }
        for (unsigned number = 0; number < 2 * total; number++) {
            char text[256] = "";
            unsigned rest = number / 2;
            for (unsigned i = 0; i < count; i++, rest /= ARRAY_LEN(levels)) {
                step[i] = rest % ARRAY_LEN(levels);
                size_t at = strlen(text);
                snprintf(text + at, sizeof(text) - at, "/%s", levels[step[i]]);
            }
            size_t at = strlen(text);
            snprintf(text + at, sizeof(text) - at, "%s", number % 2 ? "/#" : "");
            if (strpbrk(text, "+#") == NULL) {
                continue;
            }
            struct topic_filter filter;
            struct err err = topic_filter_parse(slice_of_text(text), &filter);
            assert_true(!err_is_set(err) || err.code == ERR_TOPIC_UNKNOWN);
            for (size_t i = 0; i < ARRAY_LEN(some_topics); i++) {
                struct topic topic = parse(some_topics[i]);
                bool is_selected = !err_is_set(err) && selects(&filter, topic_ref(&topic));
                if (is_selected != matches(text, some_topics[i])) {
                    fail_msg("%s and %s: %d", text, some_topics[i], is_selected);
                }
                selected += is_selected;
            }
        }
    }
    assert_true(selected > 500);
}

static void assert_filter(const char *text, unsigned count)
{
    struct topic_filter filter;
    assert_int_equal(parse_filter(slice_of_text(text), &filter).code, ERR_OK);
    assert_true(filter.has_wildcard);
    assert_int_equal(filter.count, count);
    struct topic topic;
    assert_int_equal(topic_parse(slice_of_text(text), &topic).code, ERR_TOPIC_INVALID);
}

static void wildcards_are_told(void **state)
{
    (void)state;
    assert_filter("#", 19);
    assert_filter("/#", 19);
    assert_filter("+", 1);
    assert_filter("/+/?pubStates=1", 1);
    assert_filter("thngs/" ID "/#", 6);
    assert_filter("/+/+/+", 5);
    assert_filter("/thngs/+/properties/room%20temp?pubStates=1", 1);
    assert_filter("/thngs/+/#?x", 6);
    struct topic_filter filter;
    assert_int_equal(
        parse_filter(SLICE("/thngs/+/properties/Room%20Temp?pubStates=1&project=" ID), &filter)
            .code,
        ERR_OK);
    assert_true(filter.topic.options.pub_states);
    assert_true(id_is_set(&filter.topic.options.project));
    /* A property's key is compared in lower case, an action's type as it is. */
    assert_true(slice_equal(topic_filter_ref(&filter, 0).name, SLICE("room temp")));
    assert_int_equal(parse_filter(SLICE("/+/+/+/_Door"), &filter).code, ERR_OK);
    for (unsigned i = 0; i < filter.count; i++) {
        struct topic_ref ref = topic_filter_ref(&filter, i);
        bool is_key = topic_family_row(ref.family)->name_kind == TOPIC_NAME_KEY;
        assert_true(slice_equal(ref.name, is_key ? SLICE("_door") : SLICE("_Door")));
    }
    static const char *const unknown[] = {"/places/+",    "/thngs/+/x",     "/+/+/+/+/+",
                                          "/thngs/x/+",   "/thngs/+/+/+/#", "/batches/+",
                                          "/actions/_a/+"};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        bool is_known = i == 4; /* '#' adds nothing there */
        assert_int_equal(parse_filter(slice_of_text(unknown[i]), &filter).code,
                         is_known ? ERR_OK : ERR_TOPIC_UNKNOWN);
    }
    static const char *const malformed[] = {"/#/thngs",   "#/#",  "#/",  "/thngs/#/",
                                            "/thngs/#/+", "/+//", "//+", "/+/%zz"};
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        assert_refused(slice_of_text(malformed[i]), ERR_TOPIC_INVALID);
    }
    assert_refused(SLICE("/thngs/a+/properties"), ERR_NOT_FOUND);
}

static void topics_are_told_as_the_filter_has_them(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        const char *told;
    } cases[] = {
        {"#", "thngs/" ID "/location"},
        {"/#", "/thngs/" ID "/location"},
        {"+/+/location?pubStates=0&access_token=x",
         "thngs/" ID "/location?pubStates=0&access_token=x"},
        {"/thngs/+/location/?", "/thngs/" ID "/location?"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf told = {0};
        topic_write_as(&told, SLICE("/thngs/" ID "/location"), slice_of_text(cases[i].filter));
        assert_true(slice_equal(buf_data(&told), slice_of_text(cases[i].told)));
        buf_deinit(&told);
    }
}

static void rows_agree_with_reading_and_writing(void **state)
{
    (void)state;
    size_t publishable = 0;
    for (int i = TOPIC_NONE + 1; i < TOPIC_FAMILY_COUNT; i++) {
        const struct topic_family_row *row = topic_family_row((enum topic_family)i);
        assert_int_equal(row->family, i);
        assert_true(row->fires[0] != 0 && row->payload[0] != 0);
        publishable += topic_is_publishable(row->family);
        /* The pattern with ids and names put in is a topic of this very family. */
        struct buf text = {0};
        for (const char *at = row->pattern; *at != 0;) {
            size_t bytes = strcspn(at + 1, "/") + 1;
            bool is_name = strncmp(at, "/:type", 6) == 0 || strncmp(at, "/:key", 5) == 0;
            if (at[1] != ':') {
                buf_put_bytes(&text, at, bytes);
            } else {
                buf_put(&text, is_name ? SLICE("/a%20%C3%A4") : SLICE("/" ID));
            }
            at += bytes;
        }
        struct topic topic;
        assert_false(err_is_set(topic_parse(buf_data(&text), &topic)));
        assert_int_equal(topic.family, i);
        assert_int_equal(id_is_set(&topic.resource), row->resource != 0);
        assert_int_equal(topic.name_bytes != 0, row->name_kind != TOPIC_NAME_NONE);
        struct buf written = {0};
        topic_write(&written, topic_ref(&topic));
        assert_true(slice_equal(buf_data(&written), buf_data(&text)));
        buf_deinit(&text);
        buf_deinit(&written);
    }
    assert_int_equal(TOPIC_FAMILY_COUNT - 1, 19);
    assert_int_equal(publishable, 17);
}

/* All families, ids and names, pairwise: equal exactly when all three are, and then hashes agree.
 */
static void equality_and_hashes(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "/actions",
        "/actions/all",
        "/actions/_a",
        "/actions/_b",
        "/thngs/" ID,
        "/thngs/" OTHER_ID,
        "/thngs/" ID "/properties",
        "/thngs/" ID "/properties/a",
        "/thngs/" ID "/properties/b",
        "/thngs/" OTHER_ID "/properties/a",
        "/products/" ID "/properties/a",
        "/collections/" ID,
        "/thngs/" ID "/actions/a",
        "/thngs/" ID "/actions/all",
        "/thngs/" ID "/properties/all",
        "/products/" ID "/properties",
        "/thngs/" ID "/location",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct topic a = parse(texts[i]);
        struct topic copy = a; /* a topic may be copied */
        assert_true(topic_equal(topic_ref(&a), topic_ref(&copy)));
        for (size_t j = 0; j < ARRAY_LEN(texts); j++) {
            struct topic b = parse(texts[j]);
            assert_int_equal(topic_equal(topic_ref(&a), topic_ref(&b)), i == j);
            assert_int_equal(topic_hash(9, topic_ref(&a)) == topic_hash(9, topic_ref(&b)), i == j);
        }
        struct topic_ref ref = topic_ref(&a);
        uint64_t resource_hash = topic_hash_resource(9, ref.family, ref.resource);
        assert_true(topic_hash_named(resource_hash, ref.name) == topic_hash(9, ref));
        assert_true(topic_hash(9, ref) != topic_hash(10, ref));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_families),
        cmocka_unit_test(what_is_not_a_topic),
        cmocka_unit_test(spellings_of_one_topic),
        cmocka_unit_test(names_are_decoded),
        cmocka_unit_test(malformed_topics),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(replays_are_read),
        cmocka_unit_test(filters_select_what_they_match),
        cmocka_unit_test(wildcards_are_told),
        cmocka_unit_test(topics_are_told_as_the_filter_has_them),
        cmocka_unit_test(rows_agree_with_reading_and_writing),
        cmocka_unit_test(equality_and_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Properties of reading topics, on any bytes:
 * - without wildcards topic_parse and topic_filter_parse say the same; with one, a name is
 * malformed;
 * - a topic written in its plain spelling reads as the same topic, and has the same hash;
 * - the leading and the trailing slash make no difference. */
#include "base/assert.h"
#include "base/utf8.h"
#include "model/topic.h"

/* Each family once, and each part of it open or as it came. */
static void check_patterns(const struct topic_filter *filter)
{
    ASSERT(filter->count > 0);
    for (unsigned i = 0; i < filter->count; i++) {
        struct topic_ref ref = topic_filter_ref(filter, i);
        unsigned open = topic_ref_open(ref);
        ASSERT(i == 0 || filter->patterns[i - 1].family < filter->patterns[i].family);
        ASSERT(open == 0 || filter->has_wildcard);
        ASSERT(ref.name.bytes == 0 || utf8_is_valid(ref.name));
        if (open == 0) {
            struct buf text = {0};
            topic_write(&text, ref);
            ASSERT(text.failed || buf_bytes(&text) > 0);
            buf_deinit(&text);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes);

static void assert_reads_as(struct slice text, const struct topic *expected)
{
    struct topic topic;
    if (text.bytes > TOPIC_BYTES_MAX) {
        return;
    }
    ASSERT(!err_is_set(topic_parse(text, &topic)));
    ASSERT(topic_equal(topic_ref(&topic), topic_ref(expected)));
    ASSERT(topic_hash(1, topic_ref(&topic)) == topic_hash(1, topic_ref(expected)));
}

static void check_spellings(const struct topic *topic)
{
    struct buf text = {0};
    topic_write(&text, topic_ref(topic));
    struct slice plain = buf_data(&text);
    assert_reads_as(plain, topic);
    assert_reads_as(slice_from(plain, 1), topic);
    buf_put_byte(&text, '/');
    assert_reads_as(buf_data(&text), topic);
    BUF_PUT_LITERAL(&text, "?pubStates=1&x");
    assert_reads_as(buf_data(&text), topic);
    buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes)
{
    struct slice text = slice_of(at, bytes);
    struct topic_filter filter;
    struct topic topic;
    struct err err = topic_filter_parse(text, &filter);
    struct err name_err = topic_parse(text, &topic);
    if (err_is_set(err)) {
        ASSERT(err_equal(err, name_err) ||
               (err.code == ERR_TOPIC_UNKNOWN && name_err.code == ERR_TOPIC_INVALID));
        return 0;
    }
    check_patterns(&filter);
    if (filter.has_wildcard) {
        ASSERT(name_err.code == ERR_TOPIC_INVALID);
        return 0;
    }
    ASSERT(!err_is_set(name_err));
    ASSERT(filter.count == 1 && topic_equal(topic_filter_ref(&filter, 0), topic_ref(&topic)));
    const struct topic_family_row *row = topic_family_row(topic.family);
    ASSERT(id_is_set(&topic.resource) == (row->resource != 0));
    ASSERT((topic.name_bytes != 0) == (row->name_kind != TOPIC_NAME_NONE));
    ASSERT(utf8_is_valid(topic_name(&topic)));
    ASSERT(slice_find(topic_name(&topic), 0) == topic.name_bytes);
    check_spellings(&topic);
    return 0;
}

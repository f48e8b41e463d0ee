/* SPDX-License-Identifier: Apache-2.0
 *
 * http1_fuzz.c - requests: heads and chunked bodies.
 *
 * Input: a byte that says where to cut, then the stream. Properties: the outcome does not depend on
 * the cut; a head that is written down again from its slices reads as the same head; chunked
 * content that is written as chunks reads as the same content. */
#include "codec/http1.h"

#include "base/assert.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes);

/* Small, so that the fuzzer finds the edges. */
static const struct http1_limits limits = {
    .target_bytes_max = 40,
    .header_bytes_max = 200,
    .field_count_max = 6,
    .body_bytes_max = 64,
};

/* A copy of its own, so that the sanitizer sees every read beyond it. */
static struct slice copy_of(struct slice bytes)
{
    uint8_t *copy = malloc(bytes.bytes > 0 ? bytes.bytes : 1);
    ASSERT(copy != NULL);
    if (bytes.bytes > 0) {
        memcpy(copy, bytes.at, bytes.bytes);
    }
    return slice_of(copy, bytes.bytes);
}

static void expect_same_head(const struct http1_head *a, const struct http1_head *b)
{
    ASSERT(a->method == b->method);
    ASSERT(slice_equal(a->method_name, b->method_name));
    ASSERT(slice_equal(a->target, b->target));
    ASSERT(slice_equal(a->resource, b->resource));
    ASSERT(slice_equal(a->host, b->host));
    ASSERT(a->version_minor == b->version_minor && a->keep_alive == b->keep_alive);
    ASSERT(a->is_chunked == b->is_chunked && a->content_length == b->content_length);
    ASSERT(a->has_content_length == b->has_content_length);
    ASSERT(a->expects_continue == b->expects_continue);
    ASSERT(a->upgrades_websocket == b->upgrades_websocket);
    ASSERT(a->field_count == b->field_count);
    for (size_t i = 0; i < a->field_count; i++) {
        ASSERT(slice_equal(a->fields[i].name, b->fields[i].name));
        ASSERT(slice_equal(a->fields[i].value, b->fields[i].value));
    }
}

/* What every accepted head promises, and that it survives being written down again. */
static void check_head(const struct http1_head *head)
{
    ASSERT(head->target.bytes <= limits.target_bytes_max);
    ASSERT(head->field_count <= limits.field_count_max);
    ASSERT(head->content_length <= limits.body_bytes_max);
    ASSERT(!(head->is_chunked && head->has_content_length));
    struct buf text = {0};
    buf_put(&text, head->method_name);
    buf_put_byte(&text, ' ');
    buf_put(&text, head->target);
    buf_put_format(&text, " HTTP/1.%d\r\n", head->version_minor);
    for (size_t i = 0; i < head->field_count; i++) {
        buf_put(&text, head->fields[i].name);
        buf_put_byte(&text, ':');
        buf_put(&text, head->fields[i].value);
        BUF_PUT_LITERAL(&text, "\r\n");
    }
    BUF_PUT_LITERAL(&text, "\r\n");
    struct http1_scan scan = {0};
    struct http1_head again;
    struct err err;
    ASSERT(http1_read_head(buf_data(&text), &limits, &scan, &again, &err) == DECODE_DONE);
    expect_same_head(head, &again);
    buf_deinit(&text);
}

struct content {
    enum decode verdict;
    struct err err;
    size_t used;
    struct buf body;
};

static void read_content(struct slice stream, size_t cut, struct content *content)
{
    struct http1_chunked chunked = {0};
    *content = (struct content){0};
    struct slice parts[] = {slice_first(stream, cut), slice_from(stream, cut)};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct slice part = copy_of(parts[i]);
        size_t used;
        content->verdict =
            http1_read_chunked(part, &limits, &chunked, &content->body, &used, &content->err);
        content->used += used;
        ASSERT(used <= part.bytes && (content->verdict != DECODE_MORE || used == part.bytes));
        free((void *)(uintptr_t)part.at);
        if (content->verdict != DECODE_MORE) {
            return;
        }
    }
}

static void check_content(struct slice stream, size_t cut)
{
    struct content whole;
    struct content parts;
    read_content(stream, stream.bytes, &whole);
    read_content(stream, cut, &parts);
    ASSERT(whole.verdict == parts.verdict && err_equal(whole.err, parts.err));
    ASSERT(whole.used == parts.used);
    ASSERT(slice_equal(buf_data(&whole.body), buf_data(&parts.body)));
    ASSERT(buf_bytes(&whole.body) <= limits.body_bytes_max);
    if (whole.verdict == DECODE_DONE) {
        struct buf text = {0};
        struct content again;
        http1_write_chunk(&text, buf_data(&whole.body));
        http1_write_last_chunk(&text);
        read_content(buf_data(&text), buf_bytes(&text) / 2, &again);
        ASSERT(again.verdict == DECODE_DONE);
        ASSERT(slice_equal(buf_data(&again.body), buf_data(&whole.body)));
        buf_deinit(&again.body);
        buf_deinit(&text);
    }
    buf_deinit(&whole.body);
    buf_deinit(&parts.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes)
{
    if (bytes < 1) {
        return 0;
    }
    struct slice input = copy_of(slice_of(at + 1, bytes - 1));
    size_t cut = input.bytes * at[0] / 256;
    struct http1_scan scan = {0};
    struct http1_head head;
    struct http1_head parts_head;
    struct err err = {ERR_OK};
    struct err parts_err = {ERR_OK};
    enum decode verdict = http1_read_head(input, &limits, &scan, &head, &err);

    struct slice first = copy_of(slice_first(input, cut));
    struct http1_scan parts_scan = {0};
    enum decode parts = http1_read_head(first, &limits, &parts_scan, &parts_head, &parts_err);
    if (parts == DECODE_MORE) {
        parts = http1_read_head(input, &limits, &parts_scan, &parts_head, &parts_err);
    }
    ASSERT(parts == verdict);
    if (verdict == DECODE_BAD) {
        ASSERT(err_equal(err, parts_err));
    }
    if (verdict == DECODE_DONE) {
        expect_same_head(&head, &parts_head);
        check_head(&head);
        if (head.is_chunked) {
            struct slice rest = slice_from(input, head.bytes);
            check_content(rest, rest.bytes * at[0] / 256);
        }
    }
    free((void *)(uintptr_t)first.at);
    free((void *)(uintptr_t)input.at);
    return 0;
}

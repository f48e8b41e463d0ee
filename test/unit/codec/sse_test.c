/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_wrote(struct buf *out, const char *expected)
{
    assert_int_equal(buf_bytes(out), strlen(expected));
    assert_memory_equal(buf_data(out).at, expected, strlen(expected));
    buf_deinit(out);
}

static void test_events(void **state)
{
    (void)state;
    struct buf out = {0};
    sse_write_event(&out, 17, SLICE("[{\"value\":1}]"));
    assert_wrote(&out, "id: 17\ndata: [{\"value\":1}]\n\n");
    sse_write_event(&out, 0, SLICE("{}"));
    assert_wrote(&out, "data: {}\n\n");
    sse_write_event(&out, UINT64_MAX, SLICE(""));
    assert_wrote(&out, "id: 18446744073709551615\ndata: \n\n");
    sse_write_typed(&out, SLICE("gap"), SLICE("{}"));
    assert_wrote(&out, "event: gap\ndata: {}\n\n");
}

/* Whatever ends a line, the receiver has the same lines. */
static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        const char *written;
    } cases[] = {
        {"a\nb", "data: a\ndata: b\n\n"},
        {"a\r\nb", "data: a\ndata: b\n\n"},
        {"a\rb", "data: a\ndata: b\n\n"},
        {"a\n\nb", "data: a\ndata: \ndata: b\n\n"},
        {"a\r\r\nb", "data: a\ndata: \ndata: b\n\n"},
        {"\na", "data: \ndata: a\n\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = {0};
        sse_write_event(&out, 0, slice_of_text(cases[i].data));
        assert_wrote(&out, cases[i].written);
    }
}

static void test_start_and_silence(void **state)
{
    (void)state;
    struct buf out = {0};
    sse_write_start(&out, 1000, 5);
    assert_wrote(&out, "retry: 1000\nid: 5\n\n");
    sse_write_start(&out, 1000, 0);
    assert_wrote(&out, "retry: 1000\n\n");
    sse_write_heartbeat(&out, 6);
    assert_wrote(&out, ":\nid: 6\n\n");
    sse_write_heartbeat(&out, 0);
    assert_wrote(&out, ":\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_start_and_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/ws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"

/* The head of a request, from its first line and its fields; the text lives in <text>. */
static void read_head(struct buf *text, const char *line, const char *fields,
                      struct http1_head *head)
{
    struct http1_scan scan = {0};
    struct err err;
    buf_put_format(text, "%s\r\nHost: server.example.com\r\n%s\r\n", line, fields);
    assert_int_equal(http1_read_head(buf_data(text), &http1_limits_default, &scan, head, &err),
                     DECODE_DONE);
}

static enum ws_handshake check(const char *line, const char *fields, uint8_t *accept)
{
    struct buf text = {0};
    struct http1_head head;
    read_head(&text, line, fields, &head);
    enum ws_handshake verdict = ws_handshake_check(&head, accept);
    buf_deinit(&text);
    return verdict;
}

static void test_the_example_of_the_rfc(void **state)
{
    (void)state;
    uint8_t accept[WS_ACCEPT_BYTES];
    assert_int_equal(check("GET /chat HTTP/1.1",
                           UPGRADE KEY "Origin: http://example.com\r\n"
                                       "Sec-WebSocket-Protocol: chat, superchat\r\n" VERSION,
                           accept),
                     WS_HANDSHAKE_OK);
    assert_memory_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WS_ACCEPT_BYTES);

    struct buf out = {0};
    ws_write_handshake(&out, accept, SLICE("chat"));
    assert_true(
        slice_equal(buf_data(&out), SLICE("HTTP/1.1 101 Switching Protocols\r\n"
                                          "Upgrade: websocket\r\n"
                                          "Connection: Upgrade\r\n"
                                          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                          "Sec-WebSocket-Protocol: chat\r\n\r\n")));
    buf_reset(&out);
    ws_write_handshake(&out, accept, (struct slice){0});
    assert_true(slice_equal(buf_data(&out),
                            SLICE("HTTP/1.1 101 Switching Protocols\r\n"
                                  "Upgrade: websocket\r\n"
                                  "Connection: Upgrade\r\n"
                                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")));
    buf_deinit(&out);
}

static void test_other_spellings(void **state)
{
    (void)state;
    uint8_t accept[WS_ACCEPT_BYTES];
    assert_int_equal(check("GET / HTTP/1.1",
                           "upgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n"
                           "SEC-WEBSOCKET-KEY: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                           "sec-websocket-version: 13\r\n"
                           "Sec-WebSocket-Extensions: permessage-deflate\r\n",
                           accept),
                     WS_HANDSHAKE_OK);
    assert_memory_equal(accept, "ICX+Yqv66kxgM0FcWaLWlFLwTAI=", WS_ACCEPT_BYTES);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *fields;
        enum ws_handshake verdict;
    } rows[] = {
        {"POST / HTTP/1.1", UPGRADE KEY VERSION, WS_HANDSHAKE_BAD},
        {"HEAD / HTTP/1.1", UPGRADE KEY VERSION, WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.0", UPGRADE KEY VERSION, WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", "Upgrade: websocket\r\n" KEY VERSION, WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", "Connection: upgrade\r\n" KEY VERSION, WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", UPGRADE VERSION, WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", UPGRADE KEY, WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", UPGRADE KEY KEY VERSION, WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", UPGRADE KEY VERSION VERSION, WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", UPGRADE KEY VERSION "Content-Length: 1\r\n", WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", UPGRADE KEY VERSION "Transfer-Encoding: chunked\r\n", WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", UPGRADE KEY "Sec-WebSocket-Version: 8\r\n", WS_HANDSHAKE_VERSION},
        {"GET / HTTP/1.1", UPGRADE KEY "Sec-WebSocket-Version: 013\r\n", WS_HANDSHAKE_VERSION},
        {"GET / HTTP/1.1", UPGRADE KEY "Sec-WebSocket-Version: 13, 8\r\n", WS_HANDSHAKE_VERSION},
        /* 15 and 17 bytes, no padding, not base64, nothing. */
        {"GET / HTTP/1.1", UPGRADE VERSION "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n",
         WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", UPGRADE VERSION "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\r\n",
         WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", UPGRADE VERSION "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA\r\n",
         WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", UPGRADE VERSION "Sec-WebSocket-Key: AAAAAAAAAAA*AAAAAAAAAA==\r\n",
         WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1", UPGRADE VERSION "Sec-WebSocket-Key:\r\n", WS_HANDSHAKE_BAD},
        {"GET / HTTP/1.1",
         UPGRADE VERSION "Sec-WebSocket-Key: "
                         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n",
         WS_HANDSHAKE_BAD},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t accept[WS_ACCEPT_BYTES];
        if (check(rows[i].line, rows[i].fields, accept) != rows[i].verdict) {
            fail_msg("%s %s", rows[i].line, rows[i].fields);
        }
    }
    assert_true(slice_equal(ws_version_fields[1].name, SLICE("Sec-WebSocket-Version")));
    assert_true(slice_equal(ws_version_fields[1].value, SLICE("13")));
}

static void test_protocols(void **state)
{
    (void)state;
    static const struct slice allowed[] = {SLICE_INIT("mqtt"), SLICE_INIT("mqttv3.1")};
    static const struct {
        const char *fields;
        size_t offered;
        const char *chosen;
    } rows[] = {
        {"", 0, ""},
        {"Sec-WebSocket-Protocol: mqtt\r\n", 1, "mqtt"},
        {"Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n", 2, "mqttv3.1"},
        {"Sec-WebSocket-Protocol: chat,mqtt , mqttv3.1\r\n", 3, "mqtt"},
        {"sec-websocket-protocol: chat\r\nSec-WebSocket-Protocol: mqttv3.1\r\n", 2, "mqttv3.1"},
        {"Sec-WebSocket-Protocol: chat\r\n", 1, ""},
        {"Sec-WebSocket-Protocol: MQTT\r\n", 1, ""},
        {"Sec-WebSocket-Protocol: mqt, mqttv3\r\n", 2, ""},
        {"Sec-WebSocket-Protocol: ,\r\n", 0, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text = {0};
        struct http1_head head;
        struct slice chosen;
        read_head(&text, "GET /mqtt HTTP/1.1", rows[i].fields, &head);
        assert_int_equal(ws_protocol_choose(&head, allowed, ARRAY_LEN(allowed), &chosen),
                         rows[i].offered);
        assert_true(slice_equal(chosen, slice_of_text(rows[i].chosen)));
        buf_deinit(&text);
        /* It lives in the list of the caller, not in the request. */
        assert_true(slice_is_empty(chosen) || chosen.at == allowed[0].at ||
                    chosen.at == allowed[1].at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example_of_the_rfc),
        cmocka_unit_test(test_other_spellings),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * WebSocket frames: the vectors of RFC 6455 5.7, tables of what is refused, and random
 * conversations cut at random, all right before an unreadable page. */
#include "codec/ws.h"

#include "base/rand.h"
#include "base/utf8.h"
#include "lib/guard.h"
#include "lib/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MESSAGE_MAX 70000

static struct guard guard;

static int set_up(void **state)
{
    (void)state;
    guard_init(&guard);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    guard_deinit(&guard);
    return 0;
}

/* One call of the reader over a copy at the page edge. */
static enum decode read_once(struct ws_reader *reader, struct slice bytes, uint64_t max,
                             struct ws_piece *piece, size_t *used, struct err *err)
{
    return ws_read(reader, guard_put(&guard, bytes.at, bytes.bytes), bytes.bytes, max, piece, used,
                   err);
}

/* Reads all of <stream>, shown at most <step> further bytes at a time, and writes down what comes:
 * a letter for the opcode, the payload, and a bar behind each message. */
static struct err transcribe(struct slice stream, size_t step, enum ws_origin origin, uint64_t max,
                             struct buf *out)
{
    static const char letters[16] = {
        [WS_TEXT] = 'T', [WS_BINARY] = 'B', [WS_CLOSE] = 'C', [WS_PING] = 'I', [WS_PONG] = 'O'};
    struct ws_reader reader = {.origin = origin};
    size_t start = 0;
    size_t end = 0;
    bool is_open = false;
    for (;;) {
        struct ws_piece piece;
        size_t used;
        struct err err;
        enum decode verdict =
            read_once(&reader, slice_of(stream.at + start, end - start), max, &piece, &used, &err);
        assert_true(used <= end - start);
        start += used;
        if (verdict == DECODE_BAD) {
            assert_true(err_is_set(err));
            return err;
        }
        if (verdict == DECODE_MORE) {
            assert_true(end - start < WS_FRAME_HEAD_BYTES_MAX + WS_CONTROL_BYTES_MAX);
            if (end == stream.bytes) {
                return ERR(OK);
            }
            end = min_size(end + step, stream.bytes);
            continue;
        }
        if (!ws_is_control(piece.opcode)) {
            assert_int_equal(piece.starts, !is_open);
            is_open = !piece.ends;
        } else {
            assert_true(piece.starts && piece.ends);
            buf_put_byte(out, '(');
        }
        if (piece.starts) {
            buf_put_byte(out, (uint8_t)letters[piece.opcode]);
        }
        buf_put(out, slice_of(piece.at, piece.bytes));
        buf_put_byte(out, ws_is_control(piece.opcode) ? ')' : piece.ends ? '|' : '.');
    }
}

/* The dots that mark where one piece ended and the next began depend on the cuts. */
static void drop_dots(struct buf *buf)
{
    size_t kept = buf->head;
    for (size_t i = buf->head; i < buf->tail; i++) {
        if (buf->at[i] != '.') {
            buf->at[kept++] = buf->at[i];
        }
    }
    buf->tail = kept;
}

static void expect_transcript(const char *hex, enum ws_origin origin, const char *wanted)
{
    uint8_t bytes[1024];
    struct slice stream = hex_slice(hex, bytes, sizeof(bytes));
    for (size_t step = 1; step <= stream.bytes; step++) {
        struct buf got = {0};
        assert_true(err_equal(transcribe(stream, step, origin, MESSAGE_MAX, &got), ERR(OK)));
        drop_dots(&got);
        if (!slice_equal(buf_data(&got), slice_of_text(wanted))) {
            fail_msg("step %zu of %s: %.*s", step, hex, SLICE_ARGS(buf_data(&got)));
        }
        buf_deinit(&got);
    }
}

static void test_vectors(void **state)
{
    (void)state;
    /* RFC 6455 5.7 */
    expect_transcript("81 05 'Hello'", WS_FROM_SERVER, "THello|");
    expect_transcript("81 85 37fa213d 7f9f4d5158", WS_FROM_CLIENT, "THello|");
    expect_transcript("01 03 'Hel' 80 02 'lo'", WS_FROM_SERVER, "THello|");
    expect_transcript("89 05 'Hello'", WS_FROM_SERVER, "(IHello)");
    expect_transcript("8a 85 37fa213d 7f9f4d5158", WS_FROM_CLIENT, "(OHello)");
    /* Empty messages, empty fragments, control frames between fragments. */
    expect_transcript("81 80 01020304", WS_FROM_CLIENT, "T|");
    expect_transcript("02 00 00 00 89 00 80 00", WS_FROM_SERVER, "B(I)|");
    expect_transcript("01 01 'a' 89 01 'p' 00 01 'b' 8a 01 'q' 80 01 'c' 88 00", WS_FROM_SERVER,
                      "Ta(Ip)b(Oq)c|(C)");
    expect_transcript("82 01 'x' 81 01 'y'", WS_FROM_SERVER, "Bx|Ty|");
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum ws_origin origin;
    } rows[] = {
        {"81 05 'Hello'", WS_FROM_CLIENT}, /* not masked */
        {"81 00", WS_FROM_CLIENT},
        {"81 85 37fa213d 7f9f4d5158", WS_FROM_SERVER}, /* masked */
        {"c1 80 00000000", WS_FROM_CLIENT},            /* RSV1, RSV2, RSV3 */
        {"a1 80 00000000", WS_FROM_CLIENT},
        {"91 80 00000000", WS_FROM_CLIENT},
        {"83 80 00000000", WS_FROM_CLIENT}, /* opcodes that are none */
        {"87 80 00000000", WS_FROM_CLIENT},
        {"8b 80 00000000", WS_FROM_CLIENT},
        {"8f 80 00000000", WS_FROM_CLIENT},
        {"09 80 00000000", WS_FROM_CLIENT}, /* control frames in fragments */
        {"08 80 00000000", WS_FROM_CLIENT},
        {"0a 80 00000000", WS_FROM_CLIENT},
        {"89 fe 007e 00000000", WS_FROM_CLIENT}, /* control frames too long */
        {"89 ff 0000000000010000", WS_FROM_CLIENT},
        {"88 fe 0001", WS_FROM_CLIENT},
        {"82 fe 007d 00000000", WS_FROM_CLIENT}, /* lengths not minimal */
        {"82 fe 0000 00000000", WS_FROM_CLIENT},
        {"82 ff 000000000000ffff 00000000", WS_FROM_CLIENT},
        {"82 ff 0000000000000001 00000000", WS_FROM_CLIENT},
        {"82 ff 8000000000000000 00000000", WS_FROM_CLIENT},
        {"80 80 00000000", WS_FROM_CLIENT}, /* continues nothing */
        {"00 80 00000000", WS_FROM_CLIENT},
        {"01 80 00000000 01 80 00000000", WS_FROM_CLIENT}, /* starts within a message */
        {"01 80 00000000 82 80 00000000", WS_FROM_CLIENT},
        {"81 80 00000000 80 80 00000000", WS_FROM_CLIENT}, /* continues a message that has ended */
        {"01 80 00000000 80 80 00000000 80 80 00000000", WS_FROM_CLIENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[64];
        struct slice stream = hex_slice(rows[i].hex, bytes, sizeof(bytes));
        for (size_t step = 1; step <= stream.bytes; step++) {
            struct buf got = {0};
            struct err err = transcribe(stream, step, rows[i].origin, MESSAGE_MAX, &got);
            if (!err_equal(err, ERR(WS_PROTOCOL)) || ws_close_code(err) != WS_CLOSE_PROTOCOL) {
                fail_msg("step %zu of %s: %s", step, rows[i].hex, err_name(err));
            }
            buf_deinit(&got);
        }
    }
}

static void test_refused_at_the_first_byte_that_shows_it(void **state)
{
    (void)state;
    static const char *const rows[] = {"c1", "83", "09", "80", "00", "81 05", "89 fe"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[8];
        struct slice stream = hex_slice(rows[i], bytes, sizeof(bytes));
        struct buf got = {0};
        assert_true(
            err_equal(transcribe(stream, 1, WS_FROM_CLIENT, MESSAGE_MAX, &got), ERR(WS_PROTOCOL)));
        buf_deinit(&got);
    }
}

/* The limit is of the message, judged by what its frames announce. */
static void test_message_limit(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint64_t max;
        bool fits;
    } rows[] = {
        {"82 85 00000000", 5, true},
        {"82 85 00000000", 4, false},
        {"82 80 00000000", 0, true},
        {"82 81 00000000", 0, false},
        {"82 fe 0100 00000000", 256, true},
        {"82 fe 0100 00000000", 255, false},
        {"82 ff 0000000000010000 00000000", 65536, true},
        {"82 ff 0000000000010000 00000000", 65535, false},
        {"82 ff 7fffffffffffffff 00000000", UINT64_MAX, true},
        {"82 ff 7fffffffffffffff 00000000", 1 << 20, false},
        {"02 83 00000000 'abc' 80 82 00000000", 5, true},
        {"02 83 00000000 'abc' 80 83 00000000", 5, false},
        {"02 83 00000000 'abc' 89 85 00000000 'other' 80 82 00000000", 5, true},
        {"82 83 00000000 'abc' 82 85 00000000", 5, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[64];
        struct slice stream = hex_slice(rows[i].hex, bytes, sizeof(bytes));
        struct buf got = {0};
        struct err err = transcribe(stream, 1, WS_FROM_CLIENT, rows[i].max, &got);
        assert_true(err_equal(err, rows[i].fits ? ERR(OK) : ERR(BUF_FULL)));
        buf_deinit(&got);
    }
    assert_int_equal(ws_close_code(ERR(BUF_FULL)), WS_CLOSE_TOO_LARGE);
}

static void test_one_piece_without_a_copy(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct slice stream =
        hex_slice("81 85 37fa213d 7f9f4d5158 89 80 00000000", bytes, sizeof(bytes));
    struct ws_reader reader = {0};
    struct ws_piece piece;
    size_t used;
    struct err err;
    uint8_t *at = guard_put(&guard, stream.at, stream.bytes);
    assert_int_equal(ws_read(&reader, at, stream.bytes, 5, &piece, &used, &err), DECODE_DONE);
    assert_true(piece.starts && piece.ends && piece.opcode == WS_TEXT);
    assert_ptr_equal(piece.at, at + 6);
    assert_int_equal(piece.bytes, 5);
    assert_int_equal(piece.frame_left, 0);
    assert_int_equal(used, 11);
    assert_memory_equal(piece.at, "Hello", 5);
}

static void test_the_rest_of_a_frame_is_told(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct slice stream = hex_slice("82 fe 0100 00000000 'abc'", bytes, sizeof(bytes));
    struct ws_reader reader = {0};
    struct ws_piece piece;
    size_t used;
    struct err err;
    assert_int_equal(read_once(&reader, stream, 256, &piece, &used, &err), DECODE_DONE);
    assert_true(piece.starts && !piece.ends);
    assert_int_equal(piece.frame_left, 253);
    assert_int_equal(read_once(&reader, SLICE(""), 256, &piece, &used, &err), DECODE_MORE);
    assert_int_equal(used, 0);
    assert_int_equal(read_once(&reader, SLICE("d"), 256, &piece, &used, &err), DECODE_DONE);
    assert_true(!piece.starts && !piece.ends);
    assert_int_equal(piece.frame_left, 252);
}

static void test_mask(void **state)
{
    (void)state;
    static const uint8_t mask[4] = {0x12, 0xfe, 0x00, 0x7d};
    for (size_t count = 0; count < 40; count++) {
        uint8_t bytes[40] = {0};
        for (size_t i = 0; i < count; i++) {
            bytes[i] = (uint8_t)(i * 37);
        }
        uint8_t *at = guard_put(&guard, bytes, count);
        ws_mask(at, count, mask);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(at[i], bytes[i] ^ mask[i % 4]);
        }
    }
}

/* Writes a random conversation and, beside it, what the reader must make of it. */
static void converse(struct rand *rand, enum ws_origin origin, struct buf *stream, struct buf *said)
{
    static const uint64_t sizes[] = {0, 1, 5, 125, 126, 127, 300, 65535, 65536};
    for (uint64_t messages = 1 + rand_below(rand, 4); messages > 0; messages--) {
        enum ws_opcode opcode = rand_below(rand, 2) ? WS_TEXT : WS_BINARY;
        buf_put_byte(said, opcode == WS_TEXT ? 'T' : 'B');
        uint64_t size_bound = rand_below(rand, 6) == 0 ? ARRAY_LEN(sizes) : 5;
        for (uint64_t frames = 1 + rand_below(rand, 3); frames > 0; frames--) {
            uint8_t payload[65536];
            uint8_t mask[4];
            size_t bytes = (size_t)sizes[rand_below(rand, frames == 1 ? size_bound : 5)];
            for (size_t i = 0; i < bytes; i++) {
                payload[i] = (uint8_t)('a' + (i + bytes) % 26);
            }
            bool has_ping = rand_below(rand, 3) == 0;
            rand_bytes(rand, mask, sizeof(mask));
            if (origin == WS_FROM_CLIENT) {
                ws_write_masked(stream, opcode, frames == 1, slice_of(payload, bytes), mask);
            } else {
                ws_write_frame_head(stream, opcode, frames == 1, bytes);
                buf_put(stream, slice_of(payload, bytes));
            }
            buf_put(said, slice_of(payload, bytes));
            opcode = WS_CONTINUATION;
            if (frames == 1) {
                buf_put_byte(said, '|');
            }
            if (has_ping && origin == WS_FROM_CLIENT) {
                ws_write_masked(stream, WS_PING, true, SLICE("are you there?"), mask);
            } else if (has_ping) {
                ws_write(stream, WS_PING, SLICE("are you there?"));
            }
            buf_put(said, has_ping ? SLICE("(Iare you there?)") : SLICE(""));
        }
    }
}

static void test_conversations(void **state)
{
    (void)state;
    struct rand rand;
    rand_seed(&rand, 6455);
    for (int round = 0; round < 1500; round++) {
        struct buf stream = {0};
        struct buf said = {0};
        struct buf got = {0};
        enum ws_origin origin = round % 4 == 0 ? WS_FROM_SERVER : WS_FROM_CLIENT;
        converse(&rand, origin, &stream, &said);
        size_t step = buf_bytes(&stream) < 2000 ? 1 + (size_t)rand_below(&rand, 50)
                                                : 1000 + (size_t)rand_below(&rand, 9000);
        struct err err = transcribe(buf_data(&stream), step, origin, 10 * MESSAGE_MAX, &got);
        assert_true(err_equal(err, ERR(OK)));
        drop_dots(&got);
        assert_true(slice_equal(buf_data(&got), buf_data(&said)));
        buf_deinit(&stream);
        buf_deinit(&said);
        buf_deinit(&got);
    }
}

static void expect_written(struct buf *buf, const char *hex)
{
    uint8_t bytes[256];
    struct slice wanted = hex_slice(hex, bytes, sizeof(bytes));
    assert_false(buf->failed);
    assert_true(slice_equal(buf_data(buf), wanted));
    buf_reset(buf);
}

static void test_written_frames(void **state)
{
    (void)state;
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    struct buf buf = {0};
    ws_write(&buf, WS_TEXT, SLICE("Hello"));
    expect_written(&buf, "81 05 'Hello'");
    ws_write(&buf, WS_PONG, SLICE(""));
    expect_written(&buf, "8a 00");
    ws_write_masked(&buf, WS_TEXT, true, SLICE("Hello"), mask);
    expect_written(&buf, "81 85 37fa213d 7f9f4d5158");
    ws_write_masked(&buf, WS_BINARY, false, SLICE(""), mask);
    expect_written(&buf, "02 80 37fa213d");
    ws_write_frame_head(&buf, WS_BINARY, false, 125);
    expect_written(&buf, "02 7d");
    ws_write_frame_head(&buf, WS_CONTINUATION, true, 126);
    expect_written(&buf, "80 7e 007e");
    ws_write_frame_head(&buf, WS_BINARY, true, 65535);
    expect_written(&buf, "82 7e ffff");
    ws_write_frame_head(&buf, WS_BINARY, true, 65536);
    expect_written(&buf, "82 7f 0000000000010000");
    buf_deinit(&buf);

    struct buf small = {.bytes_max = 8};
    ws_write_masked(&small, WS_TEXT, true, SLICE("Hello"), mask);
    assert_true(small.failed);
    buf_deinit(&small);
}

static void test_close_is_written(void **state)
{
    (void)state;
    struct buf buf = {0};
    ws_write_close(&buf, WS_CLOSE_NORMAL, SLICE(""));
    expect_written(&buf, "88 02 03e8");
    ws_write_close(&buf, WS_CLOSE_POLICY, SLICE("no"));
    expect_written(&buf, "88 04 03f0 'no'");
    ws_write_close(&buf, WS_CLOSE_ABSENT, SLICE("never sent"));
    expect_written(&buf, "88 00");

    /* 122 bytes, then a character of two, three or four that the limit of 123 would cut. */
    static const char *const tails[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        struct buf reason = {0};
        while (buf_bytes(&reason) < WS_REASON_BYTES_MAX - 1) {
            buf_put_byte(&reason, 'x');
        }
        buf_put(&reason, slice_of_text(tails[i]));
        ws_write_close(&buf, 1001, buf_data(&reason));
        assert_int_equal(buf_bytes(&buf), 2 + 2 + 122);
        assert_true(utf8_is_valid(slice_from(buf_data(&buf), 4)));
        buf_reset(&buf);
        buf_consume(&reason, strlen(tails[i]) - 1);
        ws_write_close(&buf, 1001, buf_data(&reason));
        assert_int_equal(buf_bytes(&buf), 2 + 2 + 123);
        buf_reset(&buf);
        buf_deinit(&reason);
    }
    buf_deinit(&buf);
}

static void test_close_is_read(void **state)
{
    (void)state;
    uint16_t code;
    struct slice reason;
    assert_true(err_equal(ws_read_close(SLICE(""), &code, &reason), ERR(OK)));
    assert_int_equal(code, WS_CLOSE_ABSENT);
    assert_true(err_equal(ws_read_close(SLICE("\x03\xe8"
                                              "bye \xc3\xa9"),
                                        &code, &reason),
                          ERR(OK)));
    assert_int_equal(code, 1000);
    assert_true(slice_equal(reason, SLICE("bye \xc3\xa9")));
    assert_true(err_equal(ws_read_close(SLICE("\x03"), &code, &reason), ERR(WS_PROTOCOL)));
    assert_true(err_equal(ws_read_close(SLICE("\x03\xe8\xc3"), &code, &reason), ERR(UTF8_INVALID)));
    assert_int_equal(ws_close_code(ERR(UTF8_INVALID)), 1007);

    for (uint32_t value = 0; value <= UINT16_MAX; value++) {
        uint8_t payload[2] = {(uint8_t)(value >> 8), (uint8_t)value};
        bool is_valid = (value >= 1000 && value <= 1003) || (value >= 1007 && value <= 1014) ||
                        (value >= 3000 && value <= 4999);
        struct err err = ws_read_close(slice_of(payload, 2), &code, &reason);
        assert_true(err_equal(err, is_valid ? ERR(OK) : ERR(WS_PROTOCOL)));
    }
}

static void test_close_codes_of_errors(void **state)
{
    (void)state;
    assert_int_equal(ws_close_code(ERR(OK)), 1000);
    assert_int_equal(ws_close_code(ERR(JSON_INVALID)), 1007);
    assert_int_equal(ws_close_code(ERR(DENIED)), 1008);
    assert_int_equal(ws_close_code(ERR(NOT_FOUND)), 1008);
    assert_int_equal(ws_close_code(ERR(SHAPE_INVALID)), 1008);
    assert_int_equal(ws_close_code(ERR(BUSY)), 1013);
    assert_int_equal(ws_close_code(ERR(STOPPING)), 1001);
    assert_int_equal(ws_close_code(ERR(INTERNAL)), 1011);
    /* Whatever the error, its code may be sent. */
    for (int i = 0; i < ERR_CODE_COUNT; i++) {
        struct buf buf = {0};
        uint16_t code;
        struct slice reason;
        struct err err = {(enum err_code)i};
        ws_write_close(&buf, (uint16_t)ws_close_code(err), slice_of_text(err_text(err)));
        assert_true(
            err_equal(ws_read_close(slice_from(buf_data(&buf), 2), &code, &reason), ERR(OK)));
        buf_deinit(&buf);
    }
}

/* Every text cut in two everywhere must be judged as it is whole. */
static void test_utf8_in_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        size_t bad_at; /* the byte that makes it invalid; 0: valid */
    } rows[] = {
        {"", 0},
        {"'plain ascii, long enough for words'", 0},
        {"c280 dfbf e0a080 ed9fbf ee8080 efbfbf f0908080 f48fbfbf 00 7f", 0},
        {"'xxxxxxxxx' e282ac 'yyyyyyyyy' f09f9880", 0},
        {"'a' 80", 2},
        {"'a' bf", 2},
        {"'a' c0af", 2},
        {"'a' c1bf", 2},
        {"'a' e09fbf", 3},
        {"'a' eda080", 3},
        {"'a' f08fbfbf", 3},
        {"'a' f4908080", 3},
        {"'a' f5808080", 2},
        {"'a' ff", 2},
        {"'a' c341", 3},
        {"'a' e28241", 4},
        {"'a' f09f9841", 5},
        {"'a' e282ac 80", 5},
        {"'a' c3a980", 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[64];
        struct slice text = hex_slice(rows[i].hex, bytes, sizeof(bytes));
        for (size_t cut = 0; cut <= text.bytes; cut++) {
            struct ws_utf8 utf8 = {0};
            bool first = ws_utf8_check(&utf8, guard_slice(&guard, slice_first(text, cut)), false);
            assert_int_equal(first, rows[i].bad_at == 0 || cut < rows[i].bad_at);
            if (first) {
                bool second =
                    ws_utf8_check(&utf8, guard_slice(&guard, slice_from(text, cut)), true);
                assert_int_equal(second, rows[i].bad_at == 0);
            }
        }
        /* Byte by byte. */
        struct ws_utf8 utf8 = {0};
        for (size_t n = 0; n < text.bytes && n + 1 < (rows[i].bad_at ? rows[i].bad_at : 65); n++) {
            assert_true(ws_utf8_check(&utf8, slice_of(text.at + n, 1), false));
        }
    }
    struct ws_utf8 utf8 = {0};
    assert_false(ws_utf8_check(&utf8, SLICE("ends within \xe2\x82"), true));
    utf8 = (struct ws_utf8){0};
    assert_true(ws_utf8_check(&utf8, SLICE("\xe2\x82"), false));
    assert_false(ws_utf8_check(&utf8, SLICE(""), true));
}

/* All texts of four bytes of the ones that matter, against the whole-text check. */
static void test_utf8_agrees_with_the_whole(void **state)
{
    (void)state;
    static const uint8_t picks[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                    0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                    0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    const size_t n = ARRAY_LEN(picks);
    for (size_t i = 0; i < n * n * n * n; i++) {
        uint8_t text[4] = {picks[i % n], picks[i / n % n], picks[i / n / n % n],
                           picks[i / n / n / n]};
        bool whole = utf8_is_valid(slice_of(text, 4));
        size_t cut = i % 5;
        struct ws_utf8 utf8 = {0};
        bool pieces = ws_utf8_check(&utf8, slice_of(text, cut), false) &&
                      ws_utf8_check(&utf8, slice_of(text + cut, 4 - cut), true);
        assert_int_equal(whole, pieces);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refused_at_the_first_byte_that_shows_it),
        cmocka_unit_test(test_message_limit),
        cmocka_unit_test(test_one_piece_without_a_copy),
        cmocka_unit_test(test_the_rest_of_a_frame_is_told),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_written_frames),
        cmocka_unit_test(test_close_is_written),
        cmocka_unit_test(test_close_is_read),
        cmocka_unit_test(test_close_codes_of_errors),
        cmocka_unit_test(test_utf8_in_pieces),
        cmocka_unit_test(test_utf8_agrees_with_the_whole),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

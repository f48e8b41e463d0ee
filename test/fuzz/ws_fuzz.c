/* SPDX-License-Identifier: Apache-2.0
 *
 * ws_fuzz.c - WebSocket frames.
 *
 * Input: a byte that says how many bytes come at a time (0: all) and, in its top bit, who sends;
 * then the stream. Properties: messages, error and their order do not depend on how the bytes come;
 * the messages, written down again, read as the same messages; UTF-8 judged by pieces is UTF-8. */
#include "codec/ws.h"

#include "base/assert.h"
#include "base/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes);

#define MESSAGE_MAX 400

/* What a stream said: for each message and control frame its opcode, its length, its payload. */
struct transcript {
    struct buf said;
    struct err err;
};

static void put_entry(struct buf *said, enum ws_opcode opcode, struct slice payload)
{
    buf_put_byte(said, (uint8_t)opcode);
    buf_put_u32be(said, (uint32_t)payload.bytes);
    buf_put(said, payload);
}

/* Takes one piece; a message is put down when it is whole. */
static void take_piece(const struct ws_piece *piece, struct buf *message, struct ws_utf8 *utf8,
                       bool *is_text, struct buf *said)
{
    struct slice payload = slice_of(piece->at, piece->bytes);
    if (ws_is_control(piece->opcode)) {
        uint16_t code;
        struct slice reason;
        struct err err = ws_read_close(payload, &code, &reason);
        ASSERT(err_is_set(err) || utf8_is_valid(reason));
        put_entry(said, piece->opcode, payload);
        return;
    }
    if (piece->starts) {
        buf_reset(message);
        *utf8 = (struct ws_utf8){0};
        *is_text = true;
    }
    *is_text = *is_text && ws_utf8_check(utf8, payload, piece->ends);
    buf_put(message, payload);
    ASSERT(buf_bytes(message) <= MESSAGE_MAX);
    if (piece->ends) {
        ASSERT(*is_text == utf8_is_valid(buf_data(message)));
        put_entry(said, piece->opcode, buf_data(message));
    }
}

static struct transcript transcribe(struct slice stream, enum ws_origin origin, size_t step)
{
    struct transcript t = {0};
    struct ws_reader reader = {.origin = origin};
    struct ws_utf8 utf8 = {0};
    struct buf message = {0};
    bool is_text = true;
    size_t start = 0;
    size_t end = step == 0 ? stream.bytes : 0;
    for (;;) {
        size_t there = end - start;
        uint8_t *input = malloc(there > 0 ? there : 1);
        ASSERT(input != NULL);
        if (there > 0) {
            memcpy(input, stream.at + start, there);
        }
        struct ws_piece piece;
        size_t used;
        struct err err;
        enum decode verdict = ws_read(&reader, input, there, MESSAGE_MAX, &piece, &used, &err);
        ASSERT(used <= there);
        if (verdict == DECODE_DONE) {
            ASSERT(piece.at >= input && piece.at + piece.bytes == input + used);
            take_piece(&piece, &message, &utf8, &is_text, &t.said);
        }
        free(input);
        start += used;
        if (verdict == DECODE_BAD) {
            t.err = err;
            break;
        }
        if (verdict == DECODE_MORE) {
            ASSERT(end - start < WS_FRAME_HEAD_BYTES_MAX + WS_CONTROL_BYTES_MAX);
            if (end == stream.bytes) {
                break;
            }
            end = min_size(end + step, stream.bytes);
        }
    }
    buf_deinit(&message);
    return t;
}

/* Writes the entries of <said> as frames of their own. */
static void write_entries(struct slice said, struct buf *stream)
{
    static const uint8_t mask[4] = {0xa5, 0x00, 0xff, 0x17};
    while (said.bytes > 0) {
        size_t bytes = (size_t)said.at[1] << 24 | (size_t)said.at[2] << 16 |
                       (size_t)said.at[3] << 8 | said.at[4];
        ws_write_masked(stream, (enum ws_opcode)said.at[0], true, slice_of(said.at + 5, bytes),
                        mask);
        said = slice_from(said, 5 + bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes)
{
    if (bytes < 1) {
        return 0;
    }
    struct slice stream = slice_of(at + 1, bytes - 1);
    enum ws_origin origin = at[0] & 0x80 ? WS_FROM_SERVER : WS_FROM_CLIENT;
    struct transcript whole = transcribe(stream, origin, 0);
    struct transcript parts = transcribe(stream, origin, 1 + (at[0] & 0x7f));
    ASSERT(err_equal(whole.err, parts.err));
    ASSERT(slice_equal(buf_data(&whole.said), buf_data(&parts.said)));

    struct buf again = {0};
    write_entries(buf_data(&whole.said), &again);
    struct transcript second = transcribe(buf_data(&again), WS_FROM_CLIENT, 0);
    ASSERT(!err_is_set(second.err));
    ASSERT(slice_equal(buf_data(&whole.said), buf_data(&second.said)));
    buf_deinit(&whole.said);
    buf_deinit(&parts.said);
    buf_deinit(&second.said);
    buf_deinit(&again);
    return 0;
}

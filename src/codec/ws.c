/* SPDX-License-Identifier: Apache-2.0
 *
 * ws.c - WebSocket frames.
 *
 *      0               1               2 ...
 *     +-+-+-+-+-------+-+-------------+-------------------+----------+---------
 *     |F|R R R| opcode|M| length 7    | 16 or 64 bits more| mask 32  | payload
 *     +-+-+-+-+-------+-+-------------+-------------------+----------+---------
 *
 * 7 bits of length 126 and 127 announce 16 and 64 bits; the shortest form is the only valid one
 * (RFC 6455 5.2). */
#include "codec/ws.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "base/utf8.h"

#define BIT_FINAL 0x80
#define BITS_RESERVED 0x70
#define BITS_OPCODE 0x0f
#define BIT_MASKED 0x80
#define LENGTH_16 126
#define LENGTH_64 127

/* ---- frames in ---- */

static bool ws_opcode_is_known(unsigned opcode)
{
    const unsigned known = 1u << WS_CONTINUATION | 1u << WS_TEXT | 1u << WS_BINARY |
                           1u << WS_CLOSE | 1u << WS_PING | 1u << WS_PONG;
    return (known >> opcode & 1) != 0;
}

/* The length behind its 7-bit form. False when bytes are missing. */
static bool ws_read_length(struct cursor *c, uint8_t short_form, uint64_t *length)
{
    if (short_form == LENGTH_16) {
        uint16_t value;
        if (!cursor_read_u16be(c, &value)) {
            return false;
        }
        *length = value;
        return true;
    }
    *length = short_form;
    return short_form != LENGTH_64 || cursor_read_u64be(c, length);
}

/* RFC 6455 5.2: the fewest bytes possible; the top bit of 64 is 0. */
static bool ws_length_is_minimal(uint8_t short_form, uint64_t length)
{
    return (short_form != LENGTH_16 || length >= LENGTH_16) &&
           (short_form != LENGTH_64 || (length > UINT16_MAX && length <= INT64_MAX));
}

static bool ws_first_byte_is_valid(uint8_t first)
{
    unsigned opcode = first & BITS_OPCODE;
    bool is_fragmented_control = (opcode & 0x8) != 0 && (first & BIT_FINAL) == 0;
    return (first & BITS_RESERVED) == 0 && ws_opcode_is_known(opcode) && !is_fragmented_control;
}

static bool ws_second_byte_is_valid(enum ws_opcode opcode, uint8_t second, enum ws_origin origin)
{
    bool is_masked = (second & BIT_MASKED) != 0;
    bool is_long = (second & ~BIT_MASKED) > WS_CONTROL_BYTES_MAX;
    return is_masked == (origin == WS_FROM_CLIENT) && !(ws_is_control(opcode) && is_long);
}

enum decode ws_read_frame_head(struct slice input, enum ws_origin origin, struct ws_frame *frame,
                               struct err *err)
{
    struct cursor c = cursor_over(input);
    uint8_t first;
    uint8_t second;
    *err = ERR(WS_PROTOCOL);
    if (!cursor_read_u8(&c, &first)) {
        return DECODE_MORE;
    }
    if (!ws_first_byte_is_valid(first)) {
        return DECODE_BAD;
    }
    frame->opcode = (enum ws_opcode)(first & BITS_OPCODE);
    frame->is_final = (first & BIT_FINAL) != 0;
    if (!cursor_read_u8(&c, &second)) {
        return DECODE_MORE;
    }
    if (!ws_second_byte_is_valid(frame->opcode, second, origin)) {
        return DECODE_BAD;
    }
    uint8_t short_form = second & (uint8_t)~BIT_MASKED;
    if (!ws_read_length(&c, short_form, &frame->payload_bytes)) {
        return DECODE_MORE;
    }
    if (!ws_length_is_minimal(short_form, frame->payload_bytes)) {
        return DECODE_BAD;
    }
    struct slice mask = SLICE("\0\0\0\0");
    if (origin == WS_FROM_CLIENT && !cursor_read_bytes(&c, sizeof(frame->mask), &mask)) {
        return DECODE_MORE;
    }
    memcpy(frame->mask, mask.at, sizeof(frame->mask));
    frame->head_bytes = input.bytes - cursor_left(&c);
    *err = ERR(OK);
    return DECODE_DONE;
}

void ws_mask(uint8_t *at, size_t bytes, const uint8_t mask[4])
{
    uint32_t narrow;
    memcpy(&narrow, mask, sizeof(narrow));
    uint64_t wide = (uint64_t)narrow << 32 | narrow;
    size_t i = 0;
    for (; bytes - i >= sizeof(wide); i += sizeof(wide)) {
        uint64_t word;
        memcpy(&word, at + i, sizeof(word));
        word ^= wide;
        memcpy(at + i, &word, sizeof(word));
    }
    for (; i < bytes; i++) {
        at[i] ^= mask[i % 4];
    }
}

/* Turns the mask past <bytes> that it was used for. */
static void ws_turn_mask(uint8_t mask[4], size_t bytes)
{
    uint8_t turned[4];
    for (size_t i = 0; i < sizeof(turned); i++) {
        turned[i] = mask[(bytes + i) % 4];
    }
    memcpy(mask, turned, sizeof(turned));
}

/* Hands out what is there of the data frame's payload. */
static enum decode ws_read_payload(struct ws_reader *reader, uint8_t *input, size_t input_bytes,
                                   struct ws_piece *piece, size_t *used)
{
    size_t there = input_bytes - *used;
    if (there == 0 && reader->frame_left > 0) {
        return DECODE_MORE;
    }
    size_t bytes = reader->frame_left < there ? (size_t)reader->frame_left : there;
    ws_mask(input + *used, bytes, reader->mask);
    reader->frame_left -= bytes;
    *piece = (struct ws_piece){
        .opcode = reader->message_opcode,
        .starts = !reader->is_message_started,
        .ends = reader->is_final && reader->frame_left == 0,
        .at = input + *used,
        .bytes = bytes,
        .frame_left = reader->frame_left,
    };
    *used += bytes;
    reader->is_message_started = true;
    if (reader->frame_left > 0) {
        ws_turn_mask(reader->mask, bytes);
        return DECODE_DONE;
    }
    reader->is_in_frame = false;
    if (piece->ends) {
        *reader = (struct ws_reader){.origin = reader->origin};
    }
    return DECODE_DONE;
}

/* A control frame is handed out whole: it stays in the input until all of it is there. */
static enum decode ws_read_control(const struct ws_frame *frame, uint8_t *input, size_t input_bytes,
                                   struct ws_piece *piece, size_t *used)
{
    size_t payload_bytes = (size_t)frame->payload_bytes;
    if (input_bytes < frame->head_bytes + payload_bytes) {
        return DECODE_MORE;
    }
    uint8_t *at = input + frame->head_bytes;
    ws_mask(at, payload_bytes, frame->mask);
    *piece = (struct ws_piece){
        .opcode = frame->opcode, .starts = true, .ends = true, .at = at, .bytes = payload_bytes};
    *used = frame->head_bytes + payload_bytes;
    return DECODE_DONE;
}

/* The order of data frames (RFC 6455 5.4): a continuation needs an open message, any other needs
 * that there is none. Judged by the opcode alone, before the rest of the head is there. */
static bool ws_order_is_valid(const struct ws_reader *reader, enum ws_opcode opcode)
{
    bool is_open = reader->message_opcode != WS_CONTINUATION;
    return ws_is_control(opcode) || (opcode == WS_CONTINUATION) == is_open;
}

static struct err ws_begin_frame(struct ws_reader *reader, const struct ws_frame *frame,
                                 uint64_t message_bytes_max)
{
    if (reader->message_bytes > message_bytes_max ||
        frame->payload_bytes > message_bytes_max - reader->message_bytes) {
        return ERR(BUF_FULL);
    }
    if (frame->opcode != WS_CONTINUATION) {
        reader->message_opcode = frame->opcode;
    }
    reader->is_in_frame = true;
    reader->is_final = frame->is_final;
    memcpy(reader->mask, frame->mask, sizeof(reader->mask));
    reader->frame_left = frame->payload_bytes;
    reader->message_bytes += frame->payload_bytes;
    return ERR(OK);
}

enum decode ws_read(struct ws_reader *reader, uint8_t *input, size_t input_bytes,
                    uint64_t message_bytes_max, struct ws_piece *piece, size_t *used,
                    struct err *err)
{
    *used = 0;
    *err = ERR(OK);
    if (reader->is_in_frame) {
        return ws_read_payload(reader, input, input_bytes, piece, used);
    }
    if (input_bytes == 0) {
        return DECODE_MORE;
    }
    struct ws_frame frame;
    enum decode verdict =
        ws_read_frame_head(slice_of(input, input_bytes), reader->origin, &frame, err);
    if (verdict != DECODE_BAD &&
        !ws_order_is_valid(reader, (enum ws_opcode)(input[0] & BITS_OPCODE))) {
        *err = ERR(WS_PROTOCOL);
        return DECODE_BAD;
    }
    if (verdict != DECODE_DONE) {
        return verdict;
    }
    if (ws_is_control(frame.opcode)) {
        return ws_read_control(&frame, input, input_bytes, piece, used);
    }
    *err = ws_begin_frame(reader, &frame, message_bytes_max);
    if (err_is_set(*err)) {
        return DECODE_BAD;
    }
    *used = frame.head_bytes;
    return ws_read_payload(reader, input, input_bytes, piece, used);
}

/* ---- text ---- */

/* One byte more. The range of the byte behind a lead rules out what is overlong, a surrogate, or
 * beyond U+10FFFF (RFC 3629 4), so that the fault shows at the first byte that makes it one. */
static bool ws_utf8_step(struct ws_utf8 *utf8, uint8_t byte)
{
    if (utf8->left > 0) {
        bool is_in_range = byte >= utf8->low && byte <= utf8->high;
        utf8->left--;
        utf8->low = 0x80;
        utf8->high = 0xbf;
        return is_in_range;
    }
    if (byte < 0x80) {
        return true;
    }
    if (byte < 0xc2 || byte > 0xf4) {
        return false;
    }
    utf8->left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    utf8->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    utf8->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return true;
}

/* How many bytes at the end of <text> belong to a sequence that is cut off; 0 when none is, or what
 * is there is no UTF-8 anyway. */
static size_t ws_utf8_cut(struct slice text)
{
    for (size_t back = 1; back <= min_size(text.bytes, 3); back++) {
        uint8_t byte = text.at[text.bytes - back];
        if ((byte & 0xc0) != 0x80) {
            size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
            return length > back ? back : 0;
        }
    }
    return 0;
}

bool ws_utf8_check(struct ws_utf8 *utf8, struct slice piece, bool ends)
{
    while (utf8->left > 0 && !slice_is_empty(piece)) {
        if (!ws_utf8_step(utf8, piece.at[0])) {
            return false;
        }
        piece = slice_from(piece, 1);
    }
    size_t cut = ws_utf8_cut(piece);
    if (!utf8_is_valid(slice_first(piece, piece.bytes - cut))) {
        return false;
    }
    for (size_t i = piece.bytes - cut; i < piece.bytes; i++) {
        if (!ws_utf8_step(utf8, piece.at[i])) {
            return false;
        }
    }
    return !ends || utf8->left == 0;
}

/* ---- closing ---- */

/* RFC 6455 7.4.1, 7.4.2 and the registry of IANA (1012 to 1014): what an endpoint may send. */
static bool ws_code_is_valid(uint16_t code)
{
    bool is_reserved = code == 1004 || code == 1005 || code == 1006;
    return (code >= 1000 && code <= 1014 && !is_reserved) || (code >= 3000 && code <= 4999);
}

struct err ws_read_close(struct slice payload, uint16_t *code, struct slice *reason)
{
    struct cursor c = cursor_over(payload);
    *code = WS_CLOSE_ABSENT;
    *reason = (struct slice){0};
    if (slice_is_empty(payload)) {
        return ERR(OK);
    }
    uint16_t named;
    if (!cursor_read_u16be(&c, &named) || !ws_code_is_valid(named)) {
        return ERR(WS_PROTOCOL);
    }
    struct slice text = slice_from(payload, sizeof(named));
    if (!utf8_is_valid(text)) {
        return ERR(UTF8_INVALID);
    }
    *code = named;
    *reason = text;
    return ERR(OK);
}

enum ws_close_code ws_close_code(struct err err)
{
    switch (err.code) {
    case ERR_UTF8_INVALID:
    case ERR_JSON_INVALID:
    case ERR_JSON_DEPTH:
    case ERR_JSON_DUPLICATE:
    case ERR_JSON_NUMBER_RANGE:
        return WS_CLOSE_INVALID;
    case ERR_STOPPING:
        return WS_CLOSE_GOING_AWAY;
    default:
        break;
    }
    switch (err_class(err)) {
    case ERR_CLASS_OK:
        return WS_CLOSE_NORMAL;
    case ERR_CLASS_PROTOCOL:
        return WS_CLOSE_PROTOCOL;
    case ERR_CLASS_TOO_LARGE:
        return WS_CLOSE_TOO_LARGE;
    case ERR_CLASS_BUSY:
        return WS_CLOSE_TRY_LATER;
    case ERR_CLASS_IO:
    case ERR_CLASS_CORRUPT:
    case ERR_CLASS_CONFIG:
        return WS_CLOSE_INTERNAL;
    default:
        return WS_CLOSE_POLICY;
    }
}

/* ---- frames out ---- */

static void ws_put_frame_head(struct buf *buf, enum ws_opcode opcode, bool is_final,
                              uint64_t payload_bytes, uint8_t mask_bit)
{
    ASSERT(ws_opcode_is_known(opcode));
    if (ws_is_control(opcode)) {
        ASSERT(is_final);
        ASSERT(payload_bytes <= WS_CONTROL_BYTES_MAX);
    }
    buf_put_byte(buf, (uint8_t)((is_final ? BIT_FINAL : 0) | (int)opcode));
    if (payload_bytes < LENGTH_16) {
        buf_put_byte(buf, (uint8_t)(mask_bit | payload_bytes));
    } else if (payload_bytes <= UINT16_MAX) {
        buf_put_byte(buf, mask_bit | LENGTH_16);
        buf_put_u16be(buf, (uint16_t)payload_bytes);
    } else {
        buf_put_byte(buf, mask_bit | LENGTH_64);
        buf_put_u64be(buf, payload_bytes);
    }
}

void ws_write_frame_head(struct buf *buf, enum ws_opcode opcode, bool is_final,
                         uint64_t payload_bytes)
{
    ws_put_frame_head(buf, opcode, is_final, payload_bytes, 0);
}

void ws_write(struct buf *buf, enum ws_opcode opcode, struct slice payload)
{
    ws_put_frame_head(buf, opcode, true, payload.bytes, 0);
    buf_put(buf, payload);
}

void ws_write_close(struct buf *buf, uint16_t code, struct slice reason)
{
    if (code == WS_CLOSE_ABSENT) {
        ws_put_frame_head(buf, WS_CLOSE, true, 0, 0);
        return;
    }
    ASSERT(ws_code_is_valid(code));
    if (reason.bytes > WS_REASON_BYTES_MAX) {
        reason = slice_first(reason, WS_REASON_BYTES_MAX);
        reason.bytes -= ws_utf8_cut(reason);
    }
    ws_put_frame_head(buf, WS_CLOSE, true, sizeof(code) + reason.bytes, 0);
    buf_put_u16be(buf, code);
    buf_put(buf, reason);
}

void ws_write_masked(struct buf *buf, enum ws_opcode opcode, bool is_final, struct slice payload,
                     const uint8_t mask[4])
{
    ws_put_frame_head(buf, opcode, is_final, payload.bytes, BIT_MASKED);
    buf_put_bytes(buf, mask, 4);
    buf_put(buf, payload);
    if (!buf->failed) {
        ws_mask(buf->at + buf->tail - payload.bytes, payload.bytes, mask);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * ws.h - WebSocket (RFC 6455): the handshake on top of an HTTP/1.1 head, frames in, frames out.
 *
 * Nothing here allocates but the writers' struct buf. Frames are read piece by piece: the payload
 * of a data frame is handed out as its bytes come, unmasked in place, so that a large message is
 * never held twice and MQTT packets can be read across frames. A message that lies whole in the
 * input is one piece, without a copy. Extensions are not negotiated, so the RSV bits are always
 * wrong.
 *
 *     struct ws_reader reader = {0};                          a server; once a connection
 *     switch (ws_read(&reader, at, bytes, max, &piece, &used, &err)), then drop <used> bytes
 *     DECODE_DONE: a piece is there; it lies in the bytes just used
 *     DECODE_MORE: no piece; keep what is left over and call again with more behind it
 *     DECODE_BAD:  ws_write_close(out, ws_close_code(err), ...), then close */
#ifndef THRUM_CODEC_WS_H
#define THRUM_CODEC_WS_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"
#include "codec/base64.h"
#include "codec/decode.h"
#include "codec/http1.h"

#define WS_KEY_BYTES 16      /* of the nonce in Sec-WebSocket-Key, decoded */
#define WS_KEY_TEXT_BYTES 24 /* of the field's value */
#define WS_ACCEPT_BYTES 28   /* BASE64_BYTES of a SHA-1 */
#define WS_CONTROL_BYTES_MAX 125
#define WS_REASON_BYTES_MAX 123    /* a control payload less the two bytes of the code */
#define WS_FRAME_HEAD_BYTES_MAX 14 /* 2 + 8 bytes of length + 4 of mask */

/* ---- the handshake ---- */

enum ws_handshake {
    WS_HANDSHAKE_OK,
    WS_HANDSHAKE_BAD,     /* answer ERR_WS_HANDSHAKE: 400 */
    WS_HANDSHAKE_VERSION, /* answer 426 with ws_version_fields */
};

/* Upgrade: websocket and Sec-WebSocket-Version: 13, for a 426 (RFC 6455 4.4). */
#define WS_VERSION_FIELD_COUNT 2
extern const struct http1_field ws_version_fields[WS_VERSION_FIELD_COUNT];

/* Checks an upgrade request (RFC 6455 4.2.1) and computes the value of Sec-WebSocket-Accept. A body
 * is refused: its bytes would be taken for frames. */
enum ws_handshake ws_handshake_check(const struct http1_head *head,
                                     uint8_t accept[WS_ACCEPT_BYTES]);

/* The answer to <key>, the WS_KEY_TEXT_BYTES bytes of text of Sec-WebSocket-Key, as RFC 6455 4.2.2
 * has it: base64(SHA-1(key + GUID)). */
void ws_accept(struct slice key, uint8_t accept[WS_ACCEPT_BYTES]);

/* The first sub-protocol the client offers that is among the <count> of <allowed>: then <*chosen>
 * is that element of <allowed>, else it is empty. Case counts. Answers how many were offered: none,
 * and none that is known, are different things to the caller. */
size_t ws_protocol_choose(const struct http1_head *head, const struct slice *allowed, size_t count,
                          struct slice *chosen);

/* Appends the 101 response; no sub-protocol is named when <protocol> is empty. */
void ws_write_handshake(struct buf *buf, const uint8_t accept[WS_ACCEPT_BYTES],
                        struct slice protocol);

/* ---- frames in ---- */

enum ws_opcode {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xa,
};

static inline bool ws_is_control(enum ws_opcode opcode)
{
    return (opcode & 0x8) != 0;
}

/* Where frames come from: clients must mask, servers must not (RFC 6455 5.1). */
enum ws_origin {
    WS_FROM_CLIENT,
    WS_FROM_SERVER, /* for tools that play the client */
};

/* The head of a frame. */
struct ws_frame {
    enum ws_opcode opcode;
    bool is_final;
    uint8_t mask[4]; /* all zero from a server */
    size_t head_bytes;
    uint64_t payload_bytes;
};

/* Reads the head of one frame by itself, without knowing the frames before it. Judges what is there
 * as soon as it is there. */
enum decode ws_read_frame_head(struct slice input, enum ws_origin origin, struct ws_frame *frame,
                               struct err *err);

/* All-zero at the start of a connection of a server; tools set <origin>. */
struct ws_reader {
    enum ws_origin origin;
    enum ws_opcode message_opcode; /* TEXT or BINARY while a message is open, else CONTINUATION */
    bool is_in_frame;              /* a data frame's head is read, its payload is not all there */
    bool is_message_started;       /* a piece of the open message has been handed out */
    bool is_final;                 /* the frame ends the message */
    uint8_t mask[4];               /* turned so that mask[0] is for the next byte */
    uint64_t frame_left;           /* payload bytes of the frame still to come */
    uint64_t message_bytes;        /* announced by the frames of the open message so far */
};

/* A piece of a data message, or a whole control frame between two of them. */
struct ws_piece {
    enum ws_opcode opcode; /* of the message, never CONTINUATION; or CLOSE, PING, PONG */
    bool starts;           /* the first piece of its message */
    bool ends;             /* the last one; a message in one piece does both */
    uint8_t *at;           /* unmasked, in the input */
    size_t bytes;          /* may be 0 */
    uint64_t frame_left;   /* payload bytes of this frame that follow in further pieces */
};

/* Reads on at <input>, whose payload bytes it unmasks in place; they stay valid as long as the
 * input does. <*used> bytes are done with whatever the answer, also with DECODE_MORE: drop them,
 * never show them again. What MORE leaves over is less than a frame head with a control payload
 * (139 bytes). A message whose frames announce more than <message_bytes_max> is ERR_BUF_FULL before
 * its bytes come. After a piece of WS_CLOSE the caller reads no further (RFC 6455 5.5.1). */
enum decode ws_read(struct ws_reader *reader, uint8_t *input, size_t input_bytes,
                    uint64_t message_bytes_max, struct ws_piece *piece, size_t *used,
                    struct err *err);

/* XORs <bytes> with the mask, the first of them with mask[0]; its own inverse. */
void ws_mask(uint8_t *at, size_t bytes, const uint8_t mask[4]);

/* UTF-8 across the pieces of a text message (RFC 6455 8.1). All-zero at the start of a message. */
struct ws_utf8 {
    uint8_t left; /* bytes the open sequence still needs */
    uint8_t low;  /* the range of the next of them */
    uint8_t high;
};

/* False as soon as <piece>, behind the ones before it, cannot be UTF-8; with <ends> also when it
 * stops within a character. */
MUST_USE bool ws_utf8_check(struct ws_utf8 *utf8, struct slice piece, bool ends);

/* ---- closing ---- */

enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_UNSUPPORTED = 1003, /* a kind of message not taken here: binary where text is wanted */
    WS_CLOSE_ABSENT = 1005,      /* the frame named none; never sent */
    WS_CLOSE_INVALID = 1007,     /* text that is not UTF-8 or not JSON */
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_LARGE = 1009,
    WS_CLOSE_INTERNAL = 1011,
    WS_CLOSE_TRY_LATER = 1013,
};

/* Reads the payload of a close frame (RFC 6455 5.5.1, 7.4). An empty one is WS_CLOSE_ABSENT. A code
 * no endpoint may send, or half a code, is ERR_WS_PROTOCOL; a reason that is not UTF-8 is
 * ERR_UTF8_INVALID. */
MUST_USE struct err ws_read_close(struct slice payload, uint16_t *code, struct slice *reason);

/* The code that tells a client of <err>: as err_http_status does for HTTP. */
enum ws_close_code ws_close_code(struct err err);

/* ---- frames out ---- */

/* Appends the head of an unmasked frame; the caller appends its payload. */
void ws_write_frame_head(struct buf *buf, enum ws_opcode opcode, bool is_final,
                         uint64_t payload_bytes);

/* A whole message, or control frame, in one unmasked frame. Control payloads have at most
 * WS_CONTROL_BYTES_MAX bytes (asserted; a pong repeats a ping, which was judged on reading). */
void ws_write(struct buf *buf, enum ws_opcode opcode, struct slice payload);

/* A close frame. WS_CLOSE_ABSENT sends an empty one. A reason that is too long is cut, never within
 * a character. */
void ws_write_close(struct buf *buf, uint16_t code, struct slice reason);

/* A frame as clients send it, for tools: the mask must be unpredictable towards real servers. */
void ws_write_masked(struct buf *buf, enum ws_opcode opcode, bool is_final, struct slice payload,
                     const uint8_t mask[4]);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h - base64 as RFC 4648 section 4 has it: the alphabet with '+' and '/', always padded.
 *
 * Nothing here allocates; the caller brings the place. Usage: base64_encode(bytes, text) with
 * `uint8_t text[BASE64_BYTES(20)]`. */
#ifndef THRUM_CODEC_BASE64_H
#define THRUM_CODEC_BASE64_H

#include "base/common.h"
#include "base/slice.h"

/* The length of the text for so many <bytes>; a constant for a constant. */
#define BASE64_BYTES(bytes) (((bytes) + 2) / 3 * 4)

/* Writes exactly BASE64_BYTES(from.bytes) bytes to <to>, no NUL. Answers how many. */
size_t base64_encode(struct slice from, uint8_t *to);

/* Decodes <text> to <to>, which has <room> bytes, and tells how many in <*bytes>. False, with <to>
 * in an unknown state, when a byte is not of the alphabet, the length is no multiple of four,
 * padding stands anywhere but at the end, or the room is too small. Non-zero bits behind the last
 * byte are ignored (RFC 4648 3.5 leaves it open): hand-made WebSocket keys often have them. */
MUST_USE bool base64_decode(struct slice text, uint8_t *to, size_t room, size_t *bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * decode.h - what every decoder of a byte stream answers.
 *
 * "Not yet" is progress, not an error: a decoder that has seen only the beginning of a message says
 * DECODE_MORE, has consumed nothing, and is called again with the same bytes and what came behind
 * them. It says DECODE_BAD as soon as it can tell, not only once the message is whole. */
#ifndef THRUM_CODEC_DECODE_H
#define THRUM_CODEC_DECODE_H

enum decode {
    DECODE_DONE, /* one message is there; the decoder tells how many bytes it took */
    DECODE_MORE, /* so far so good: more bytes are needed */
    DECODE_BAD,  /* whatever follows, this is refused; the decoder tells why */
};

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * hex.h - bytes written down so that a person can read them.
 *
 *     "10 10  0004 'MQTT' 04 02 003c  0004 'thru'"
 *
 * Pairs of hexadecimal digits, texts in single quotes, blanks anywhere between them. A pair or a
 * quoted text followed by *N stands N times: "61*300". */
#ifndef THRUM_TEST_LIB_HEX_H
#define THRUM_TEST_LIB_HEX_H

#include "base/slice.h"

/* Writes the bytes of <text> to <out>, which has <room> bytes, and returns their count. Ends the
 * test program when <text> is not of the form above or does not fit. */
size_t hex_read(const char *text, uint8_t *out, size_t room);

/* The same, as a slice over <out>. */
static inline struct slice hex_slice(const char *text, uint8_t *out, size_t room)
{
    return slice_of(out, hex_read(text, out, room));
}

#endif

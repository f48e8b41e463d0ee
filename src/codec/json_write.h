/* SPDX-License-Identifier: Apache-2.0
 *
 * json_write.h - writing compact JSON into a buf.
 *
 * There is no writer object. Values are put as they are; names of members, and items by
 * json_write_comma, get a comma before them unless the last byte written is the '{' or '[' that
 * opened what they stand in. So a document is a straight column of puts, with one look at
 * buf->failed at its end, and may follow other bytes in the same buf:
 *
 *      json_write_open(buf, '{');
 *      json_write_member_string(buf, SLICE("name"), name);
 *      json_write_member_int(buf, SLICE("createdAt"), now_ms);
 *      json_write_close(buf, '}');
 *
 * Members that have no value are left out by not writing them. */
#ifndef THRUM_CODEC_JSON_WRITE_H
#define THRUM_CODEC_JSON_WRITE_H

#include "base/buf.h"
#include "base/slice.h"

/* The longest text json_write_double makes: -0.0000012345678901234567. */
#define JSON_DOUBLE_BYTES_MAX 25

/* ---------------------------------------------------------------- values, nothing before them */

/* <text>, which must be UTF-8, in quotes. Escapes only what must be: the quote, the backslash and
 * control characters. */
void json_write_string(struct buf *buf, struct slice text);

void json_write_int(struct buf *buf, int64_t number);

/* The shortest text that reads back as the same double; <number> must be finite. Written as
 * JavaScript does: 0.000001, 1e-7, 100000000000000000000, 1e+21 without the plus. */
void json_write_double(struct buf *buf, double number);

void json_write_boolean(struct buf *buf, bool is_true);

/* '{' or '[' begins a value, '}' or ']' ends it. */
void json_write_open(struct buf *buf, char bracket);
void json_write_close(struct buf *buf, char bracket);

/* ---------------------------------------------------------------- items and members */

/* A comma, unless the last byte is the bracket that was just opened. Comes before each item of an
 * array: comma, then the value. */
void json_write_comma(struct buf *buf);

/* The comma, then "name": - the value follows. */
void json_write_name(struct buf *buf, struct slice name);

void json_write_member_string(struct buf *buf, struct slice name, struct slice text);
void json_write_member_int(struct buf *buf, struct slice name, int64_t number);
void json_write_member_double(struct buf *buf, struct slice name, double number);
void json_write_member_boolean(struct buf *buf, struct slice name, bool is_true);

/* <value> is JSON text and is written as it is. */
void json_write_member_json(struct buf *buf, struct slice name, struct slice value);

#endif

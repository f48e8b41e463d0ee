/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_write.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "codec/json_number.h"
#include "codec/json_run.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Powers of ten of the first digit between which JavaScript writes numbers without an exponent. */
#define PLAIN_EXPONENT_MIN (-6)
#define PLAIN_EXPONENT_MAX 20

/* 17 digits tell any two doubles apart. */
#define DIGITS_MAX 17

/* ---------------------------------------------------------------- strings */

static void write_escape(struct buf *buf, uint8_t byte)
{
    static const char short_from[] = "\"\\\b\f\n\r\t";
    static const char short_into[] = "\"\\bfnrt";
    static const char hex[] = "0123456789abcdef";
    const char *found = memchr(short_from, byte, sizeof(short_from) - 1);
    if (found != NULL) {
        uint8_t escape[2] = {'\\', (uint8_t)short_into[found - short_from]};
        buf_put_bytes(buf, escape, sizeof(escape));
        return;
    }
    uint8_t escape[6] = {'\\', 'u', '0', '0', (uint8_t)hex[byte >> 4], (uint8_t)hex[byte & 15]};
    buf_put_bytes(buf, escape, sizeof(escape));
}

void json_write_string(struct buf *buf, struct slice text)
{
    ASSERT_SLOW(utf8_is_valid(text));
    buf_put_byte(buf, '"');
    const uint8_t *at = text.at;
    const uint8_t *end = text.bytes ? text.at + text.bytes : text.at;
    while (at < end) {
        const uint8_t *special = json_run(at, end, false);
        buf_put_bytes(buf, at, (size_t)(special - at));
        if (special < end) {
            write_escape(buf, *special++);
        }
        at = special;
    }
    buf_put_byte(buf, '"');
}

/* ---------------------------------------------------------------- numbers */

void json_write_int(struct buf *buf, int64_t number)
{
    buf_put_decimal(buf, number);
}

/* The shortest digits that read back as <number>, which is above 0, without zeros at the end. Gives
 * their count, and the power of ten the first stands for. */
static size_t shortest_digits(double number, char digits[static DIGITS_MAX], int *exponent)
{
    size_t count = 0;
    /* Up to 15 digits always survive: shorter forms are those with zeros at the end. Not so for the
     * numbers below DBL_MIN, which have lost digits of their own. */
    for (size_t wanted = number < DBL_MIN ? 1 : 15; wanted <= DIGITS_MAX; wanted++) {
        char text[DIGITS_MAX + 16];
        snprintf(text, sizeof(text), "%.*e", (int)wanted - 1, number);
        const char *e = strchr(text, 'e');
        ASSERT(e != NULL);
        count = 0;
        for (const char *at = text; at < e; at++) {
            if (*at >= '0' && *at <= '9') { /* the point is the locale's */
                digits[count++] = *at;
            }
        }
        ASSERT(count == wanted);
        *exponent = (int)strtol(e + 1, NULL, 10);
        double read_back = json_number_from_digits(digits, count, *exponent);
        if (memcmp(&read_back, &number, sizeof(number)) == 0) {
            break;
        }
    }
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    return count;
}

static void put_zeros(struct buf *buf, int count)
{
    for (int i = 0; i < count; i++) {
        buf_put_byte(buf, '0');
    }
}

void json_write_double(struct buf *buf, double number)
{
    ASSERT(isfinite(number));
    if (signbit(number)) {
        buf_put_byte(buf, '-');
        number = -number;
    }
    if (fpclassify(number) == FP_ZERO) {
        buf_put_byte(buf, '0');
        return;
    }
    char digits[DIGITS_MAX];
    int exponent;
    size_t count = shortest_digits(number, digits, &exponent);
    if (exponent < PLAIN_EXPONENT_MIN || exponent > PLAIN_EXPONENT_MAX) {
        buf_put_bytes(buf, digits, 1);
        if (count > 1) {
            buf_put_byte(buf, '.');
            buf_put_bytes(buf, digits + 1, count - 1);
        }
        buf_put_byte(buf, 'e');
        buf_put_decimal(buf, exponent);
        return;
    }
    if (exponent < 0) {
        BUF_PUT_LITERAL(buf, "0.");
        put_zeros(buf, -exponent - 1);
        buf_put_bytes(buf, digits, count);
        return;
    }
    size_t whole = min_size(count, (size_t)exponent + 1);
    buf_put_bytes(buf, digits, whole);
    put_zeros(buf, exponent + 1 - (int)whole);
    if (count > whole) {
        buf_put_byte(buf, '.');
        buf_put_bytes(buf, digits + whole, count - whole);
    }
}

void json_write_boolean(struct buf *buf, bool is_true)
{
    buf_put(buf, is_true ? SLICE("true") : SLICE("false"));
}

void json_write_open(struct buf *buf, char bracket)
{
    ASSERT(bracket == '{' || bracket == '[');
    buf_put_byte(buf, (uint8_t)bracket);
}

void json_write_close(struct buf *buf, char bracket)
{
    ASSERT(bracket == '}' || bracket == ']');
    buf_put_byte(buf, (uint8_t)bracket);
}

/* ---------------------------------------------------------------- items and members */

void json_write_comma(struct buf *buf)
{
    struct slice so_far = buf_data(buf);
    if (so_far.bytes == 0) {
        return; /* the opening bracket did not fit: the buffer has failed */
    }
    uint8_t last = so_far.at[so_far.bytes - 1];
    if (last != '{' && last != '[') {
        buf_put_byte(buf, ',');
    }
}

void json_write_name(struct buf *buf, struct slice name)
{
    json_write_comma(buf);
    json_write_string(buf, name);
    buf_put_byte(buf, ':');
}

void json_write_member_string(struct buf *buf, struct slice name, struct slice text)
{
    json_write_name(buf, name);
    json_write_string(buf, text);
}

void json_write_member_int(struct buf *buf, struct slice name, int64_t number)
{
    json_write_name(buf, name);
    json_write_int(buf, number);
}

void json_write_member_double(struct buf *buf, struct slice name, double number)
{
    json_write_name(buf, name);
    json_write_double(buf, number);
}

void json_write_member_boolean(struct buf *buf, struct slice name, bool is_true)
{
    json_write_name(buf, name);
    json_write_boolean(buf, is_true);
}

void json_write_member_json(struct buf *buf, struct slice name, struct slice value)
{
    json_write_name(buf, name);
    buf_put(buf, value);
}

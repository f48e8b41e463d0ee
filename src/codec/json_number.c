/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_number.h"

#include "base/assert.h"
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>

/* The smallest number that rounds to infinity: half a unit in the last place above the largest
 * double, 2^1024 - 2^970. Its 309 digits, the first of which stands for 10^308. */
static const char infinity_digits[] =
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946"
    "649017977587207096330286416692887910946555547851940402630657488671505820681908902000"
    "708383676273854845817711531764475730270069855571366959622842914819860834936475292719"
    "074168444365510704342711559699508093042880177904174497792";

#define INFINITY_EXPONENT 308

/* No number has an exponent beyond this after its digits are counted in: longer than any text. */
#define EXPONENT_CEILING (INT64_C(1) << 40)

/* A number as its digits from the first that is not zero (the point may still be among them) and
 * the power of ten that first digit stands for. Without digits it is zero. */
struct decimal {
    bool is_negative;
    struct slice digits;
    int64_t exponent;
};

static int64_t read_exponent(struct slice text)
{
    bool is_negative = text.at[0] == '-';
    int64_t exponent = 0;
    for (size_t i = (is_negative || text.at[0] == '+') ? 1 : 0; i < text.bytes; i++) {
        exponent = exponent * 10 + (text.at[i] - '0');
        if (exponent > EXPONENT_CEILING) {
            exponent = EXPONENT_CEILING;
        }
    }
    return is_negative ? -exponent : exponent;
}

static struct decimal decimal_of(struct slice text)
{
    struct decimal number = {.is_negative = text.at[0] == '-'};
    struct slice mantissa = slice_from(text, number.is_negative ? 1 : 0);
    size_t e = 0;
    while (e < mantissa.bytes && (mantissa.at[e] | 0x20) != 'e') {
        e++;
    }
    int64_t exponent = e < mantissa.bytes ? read_exponent(slice_from(mantissa, e + 1)) : 0;
    mantissa.bytes = e;
    size_t point = slice_find(mantissa, '.');
    size_t first = 0;
    while (first < mantissa.bytes && (mantissa.at[first] == '0' || mantissa.at[first] == '.')) {
        first++;
    }
    number.digits = slice_from(mantissa, first);
    number.exponent = exponent + (int64_t)point - (int64_t)first - (first < point ? 1 : 0);
    return number;
}

/* Takes the next digit off <digits>, -1 at the end. */
static int next_digit(struct slice *digits)
{
    while (digits->bytes > 0) {
        uint8_t byte = digits->at[0];
        *digits = slice_from(*digits, 1);
        if (byte != '.') {
            return byte - '0';
        }
    }
    return -1;
}

bool json_number_in_range(struct slice text)
{
    struct decimal number = decimal_of(text);
    if (number.digits.bytes == 0 || number.exponent < INFINITY_EXPONENT) {
        return true;
    }
    if (number.exponent > INFINITY_EXPONENT) {
        return false;
    }
    for (size_t i = 0; infinity_digits[i] != 0; i++) {
        int digit = next_digit(&number.digits);
        int edge = infinity_digits[i] - '0';
        if (digit != edge) {
            return digit < edge; /* also when the digits have ended: the rest are zeros */
        }
    }
    return false;
}

double json_number_from_digits(const char *digits, size_t count, int exponent)
{
    ASSERT(count >= 1 && count <= JSON_DIGITS_MAX);
    /* Written without a point, which is what differs between locales. */
    char text[JSON_DIGITS_MAX + 16];
    memcpy(text, digits, count);
    snprintf(text + count, sizeof(text) - count, "e%d", exponent - (int)count + 1);
    return strtod(text, NULL);
}

/* The number of plain digits, as nearly all integers are; -1 when there is anything else, or more
 * than 18 of them. */
static int64_t read_plain(struct slice text)
{
    if (text.bytes > 18) {
        return -1;
    }
    int64_t sum = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t digit = (uint8_t)(text.at[i] - '0');
        if (digit > 9) {
            return -1;
        }
        sum = sum * 10 + digit;
    }
    return sum;
}

bool json_int64(struct json_value value, int64_t *number)
{
    if (value.type != JSON_NUMBER) {
        return false;
    }
    int64_t plain = read_plain(value.text);
    if (LIKELY(plain >= 0)) {
        *number = plain;
        return true;
    }
    struct decimal decimal = decimal_of(value.text);
    if (decimal.digits.bytes == 0) {
        *number = 0;
        return true;
    }
    if (decimal.exponent < 0 || decimal.exponent > 18) {
        return false;
    }
    /* At most 19 digits: less than 10^19, which an unsigned number holds. */
    uint64_t sum = 0;
    for (int64_t i = 0; i <= decimal.exponent; i++) {
        int digit = next_digit(&decimal.digits);
        sum = sum * 10 + (digit < 0 ? 0 : (uint64_t)digit);
    }
    for (int digit; (digit = next_digit(&decimal.digits)) >= 0;) {
        if (digit != 0) {
            return false;
        }
    }
    if (sum > (uint64_t)INT64_MAX + (decimal.is_negative ? 1 : 0)) {
        return false;
    }
    *number = (int64_t)(decimal.is_negative ? 0 - sum : sum);
    return true;
}

bool json_double(struct json_value value, double *number)
{
    if (value.type != JSON_NUMBER) {
        return false;
    }
    struct decimal decimal = decimal_of(value.text);
    double absolute = 0;
    /* 5e-324 is the smallest there is. */
    if (decimal.digits.bytes != 0 && decimal.exponent > -400) {
        char digits[JSON_DIGITS_MAX];
        size_t count = 0;
        int digit;
        while ((digit = next_digit(&decimal.digits)) >= 0) {
            if (count < JSON_DIGITS_MAX - 1) {
                digits[count++] = (char)('0' + digit);
            } else if (digit != 0) {
                /* 767 digits tell any two doubles apart; of the rest counts only that it is not 0.
                 * */
                digits[count++] = '1';
                break;
            }
        }
        absolute = json_number_from_digits(digits, count, (int)decimal.exponent);
    }
    *number = decimal.is_negative ? -absolute : absolute;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * json_number.h - number texts of JSON taken apart, without converting them.
 *
 * For json.c, json_write.c and nobody else: others use json_int64 and json_double of json.h. */
#ifndef THRUM_CODEC_JSON_NUMBER_H
#define THRUM_CODEC_JSON_NUMBER_H

#include "base/slice.h"

/* Number texts of up to this many bytes without an exponent are in the range of a double. */
#define JSON_NUMBER_PLAIN_BYTES 308

/* True when <text>, a number by the grammar, does not round to infinity as a double. Exact: decided
 * by the exponent, and at the edge by comparing digits. */
bool json_number_in_range(struct slice text);

/* The double nearest to 0.d1d2d3... * 10^(exponent + 1), where <digits> are decimal digits, at most
 * JSON_DIGITS_MAX of them, and <exponent> is that of the first. Does not depend on the locale. */
#define JSON_DIGITS_MAX 800
double json_number_from_digits(const char *digits, size_t count, int exponent);

#endif

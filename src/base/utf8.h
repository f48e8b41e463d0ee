/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.h - is this UTF-8? As RFC 3629 has it: no surrogates, nothing overlong, nothing beyond
 * U+10FFFF. */
#ifndef THRUM_BASE_UTF8_H
#define THRUM_BASE_UTF8_H

#include "base/slice.h"

/* The length of the sequence that starts <bytes>, 1 to 4; 0 when it is not valid, or cut off. */
size_t utf8_sequence(struct slice bytes);

bool utf8_is_valid(struct slice text);

/* The number of characters of <text>, which must be valid. */
size_t utf8_length(struct slice text);

#endif

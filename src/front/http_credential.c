/* SPDX-License-Identifier: Apache-2.0 */
#include "front/http_credential.h"

static struct slice key_of_field(struct slice value)
{
    static const struct slice words[] = {SLICE_INIT("Token"), SLICE_INIT("Bearer")};
    value = http1_trim(value);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t bytes = words[i].bytes;
        if (value.bytes > bytes && (value.at[bytes] == ' ' || value.at[bytes] == '\t') &&
            slice_equal_nocase(slice_first(value, bytes), words[i])) {
            return http1_trim(slice_from(value, bytes));
        }
    }
    return value;
}

struct slice http_credential(const struct http1_head *head)
{
    struct slice value = {0};
    http1_find(head, SLICE("Authorization"), &value);
    return key_of_field(value);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * json.c - the scanner: one function for each rule of RFC 8259.
 *
 * Every scan_ function takes the place where its thing begins and gives the place behind it, or
 * NULL with the reason in scan->failure. The shape it is made for is a property update,
 * [{"value":37.2}]: short, shallow, ASCII; so the straight way through needs no table and no
 * memory. */
#include "codec/json.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "codec/json_number.h"
#include "codec/json_run.h"

#include <assert.h>
#include <stdlib.h>

/* Names noted without the heap, over all objects that are open. */
#define NAMES_ON_STACK 64

/* Objects with more members have their names sorted to find equal ones. */
#define NAMES_PAIRWISE_MAX 8

/* Where a member's name stands, so that equal ones are found when its object closes. */
struct name {
    uint32_t offset;                /* behind the opening quote, from the start of the document */
    uint32_t bytes_and_has_escapes; /* length as sent * 2 + has escapes */
};

static_assert(JSON_BYTES_MAX <= UINT32_MAX / 2, "a length and a flag fit 32 bits");

struct scan {
    const uint8_t *start;
    const uint8_t *end;
    struct name *names; /* on_stack, or owned heap */
    size_t name_count;
    size_t name_room;
    unsigned depth_left;
    struct err failure;
    struct name on_stack[NAMES_ON_STACK];
};

static const uint8_t *scan_value(struct scan *scan, const uint8_t *at);

static const uint8_t *fail(struct scan *scan, struct err err)
{
    scan->failure = err;
    return NULL;
}

static inline const uint8_t *skip_space(const struct scan *scan, const uint8_t *at)
{
    while (at < scan->end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    return at;
}

static inline bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* ---------------------------------------------------------------- strings */

/* Four hex digits, or -1. */
static int32_t scan_hex(const struct scan *scan, const uint8_t *at)
{
    if (scan->end - at < 4) {
        return -1;
    }
    int32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        uint8_t low = at[i] | 0x20;
        if (is_digit(at[i])) {
            value = value * 16 + (at[i] - '0');
        } else if (low >= 'a' && low <= 'f') {
            value = value * 16 + (low - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/* <at> is behind the backslash. */
static const uint8_t *scan_escape(struct scan *scan, const uint8_t *at)
{
    if (at == scan->end) {
        return fail(scan, ERR(JSON_INVALID));
    }
    switch (*at) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 1;
    case 'u':
        break;
    default:
        return fail(scan, ERR(JSON_INVALID));
    }
    int32_t unit = scan_hex(scan, at + 1);
    /* U+0000 is refused like the NUL byte: no text of ours may hold one. */
    if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff)) {
        return fail(scan, ERR(JSON_INVALID));
    }
    at += 5;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (scan->end - at < 2 || at[0] != '\\' || at[1] != 'u') {
            return fail(scan, ERR(JSON_INVALID));
        }
        int32_t low = scan_hex(scan, at + 2);
        if (low < 0xdc00 || low > 0xdfff) {
            return fail(scan, ERR(JSON_INVALID));
        }
        at += 6;
    }
    return at;
}

/* <at> is behind the opening quote; gives the place of the closing one. */
static const uint8_t *scan_string(struct scan *scan, const uint8_t *at, bool *has_escapes)
{
    *has_escapes = false;
    for (;;) {
        at = json_run(at, scan->end, true);
        if (UNLIKELY(at == scan->end)) {
            return fail(scan, ERR(JSON_INVALID));
        }
        if (LIKELY(*at == '"')) {
            return at;
        }
        if (*at == '\\') {
            *has_escapes = true;
            at = scan_escape(scan, at + 1);
            if (at == NULL) {
                return NULL;
            }
        } else if (*at >= 0x80) {
            size_t bytes = utf8_sequence(slice_of(at, (size_t)(scan->end - at)));
            if (bytes == 0) {
                return fail(scan, ERR(UTF8_INVALID));
            }
            at += bytes;
        } else {
            return fail(scan, ERR(JSON_INVALID)); /* a bare control character */
        }
    }
}

/* ---------------------------------------------------------------- numbers and words */

/* One digit or more; NULL when there is none. */
static const uint8_t *scan_digits(struct scan *scan, const uint8_t *at)
{
    if (at == scan->end || !is_digit(*at)) {
        return fail(scan, ERR(JSON_INVALID));
    }
    do {
        at++;
    } while (at < scan->end && is_digit(*at));
    return at;
}

static const uint8_t *scan_number(struct scan *scan, const uint8_t *at)
{
    const uint8_t *first = at;
    if (*at == '-') {
        at++;
    }
    if (at < scan->end && *at == '0') {
        at++; /* a digit behind it is trailing text to whoever goes on here */
    } else if ((at = scan_digits(scan, at)) == NULL) {
        return NULL;
    }
    if (at < scan->end && *at == '.' && (at = scan_digits(scan, at + 1)) == NULL) {
        return NULL;
    }
    bool has_exponent = at < scan->end && (*at | 0x20) == 'e';
    if (has_exponent) {
        at++;
        if (at < scan->end && (*at == '+' || *at == '-')) {
            at++;
        }
        if ((at = scan_digits(scan, at)) == NULL) {
            return NULL;
        }
    }
    struct slice text = slice_of(first, (size_t)(at - first));
    if ((has_exponent || text.bytes > JSON_NUMBER_PLAIN_BYTES) && !json_number_in_range(text)) {
        return fail(scan, ERR(JSON_NUMBER_RANGE));
    }
    return at;
}

static const uint8_t *scan_word(struct scan *scan, const uint8_t *at, struct slice word)
{
    struct slice rest = slice_of(at, (size_t)(scan->end - at));
    return slice_starts_with(rest, word) ? at + word.bytes : fail(scan, ERR(JSON_INVALID));
}

/* ---------------------------------------------------------------- names of an object */

/* Moves the notes to a place with twice the room. */
static struct err grow_names(struct scan *scan)
{
    size_t room = scan->name_room * 2;
    struct name *names = malloc(room * sizeof(*names));
    if (names == NULL) {
        return ERR(NO_MEMORY);
    }
    memcpy(names, scan->names, scan->name_count * sizeof(*names));
    if (scan->names != scan->on_stack) {
        free(scan->names);
    }
    scan->names = names;
    scan->name_room = room;
    return ERR(OK);
}

/* <at> is at the opening quote; gives the place behind the closing one. */
static const uint8_t *scan_name(struct scan *scan, const uint8_t *at)
{
    bool has_escapes;
    const uint8_t *first = at + 1;
    at = scan_string(scan, first, &has_escapes);
    if (at == NULL) {
        return NULL;
    }
    if (UNLIKELY(scan->name_count == scan->name_room)) {
        struct err err = grow_names(scan);
        if (err_is_set(err)) {
            return fail(scan, err);
        }
    }
    scan->names[scan->name_count++] = (struct name){
        .offset = (uint32_t)(first - scan->start),
        .bytes_and_has_escapes = (uint32_t)(at - first) * 2 + has_escapes,
    };
    return at + 1;
}

static int compare_names(const struct scan *scan, const struct name *a, const struct name *b)
{
    struct slice raw_a = slice_of(scan->start + a->offset, a->bytes_and_has_escapes / 2);
    struct slice raw_b = slice_of(scan->start + b->offset, b->bytes_and_has_escapes / 2);
    bool has_escapes = ((a->bytes_and_has_escapes | b->bytes_and_has_escapes) & 1) != 0;
    return has_escapes ? json_raw_compare(raw_a, raw_b) : slice_compare(raw_a, raw_b);
}

static int compare_for_sort(const void *a, const void *b, void *scan)
{
    return compare_names(scan, a, b);
}

static bool has_equal_names(const struct scan *scan, struct name *names, size_t count)
{
    if (count <= NAMES_PAIRWISE_MAX) {
        for (size_t i = 1; i < count; i++) {
            for (size_t j = 0; j < i; j++) {
                if (compare_names(scan, &names[i], &names[j]) == 0) {
                    return true;
                }
            }
        }
        return false;
    }
    qsort_r(names, count, sizeof(*names), compare_for_sort, (void *)(uintptr_t)scan);
    for (size_t i = 1; i < count; i++) {
        if (compare_names(scan, &names[i - 1], &names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- arrays and objects */

/* <at> is behind the bracket. */
static const uint8_t *scan_array(struct scan *scan, const uint8_t *at)
{
    at = skip_space(scan, at);
    if (at < scan->end && *at == ']') {
        return at + 1;
    }
    for (;;) {
        at = scan_value(scan, at);
        if (at == NULL) {
            return NULL;
        }
        at = skip_space(scan, at);
        if (at == scan->end) {
            return fail(scan, ERR(JSON_INVALID));
        }
        if (*at == ']') {
            return at + 1;
        }
        if (*at != ',') {
            return fail(scan, ERR(JSON_INVALID));
        }
        at = skip_space(scan, at + 1);
    }
}

/* One member: <at> is where its name must begin. */
static const uint8_t *scan_member(struct scan *scan, const uint8_t *at)
{
    if (at == scan->end || *at != '"') {
        return fail(scan, ERR(JSON_INVALID));
    }
    at = scan_name(scan, at);
    if (at == NULL) {
        return NULL;
    }
    at = skip_space(scan, at);
    if (at == scan->end || *at != ':') {
        return fail(scan, ERR(JSON_INVALID));
    }
    return scan_value(scan, skip_space(scan, at + 1));
}

/* <at> is behind the brace. */
static const uint8_t *scan_object(struct scan *scan, const uint8_t *at)
{
    size_t names_before = scan->name_count;
    at = skip_space(scan, at);
    if (at < scan->end && *at == '}') {
        return at + 1;
    }
    for (;;) {
        at = scan_member(scan, at);
        if (at == NULL) {
            return NULL;
        }
        at = skip_space(scan, at);
        if (at == scan->end) {
            return fail(scan, ERR(JSON_INVALID));
        }
        if (*at == '}') {
            break;
        }
        if (*at != ',') {
            return fail(scan, ERR(JSON_INVALID));
        }
        at = skip_space(scan, at + 1);
    }
    size_t count = scan->name_count - names_before;
    if (count > 1 && has_equal_names(scan, scan->names + names_before, count)) {
        return fail(scan, ERR(JSON_DUPLICATE));
    }
    scan->name_count = names_before;
    return at + 1;
}

static const uint8_t *scan_nested(struct scan *scan, const uint8_t *at)
{
    if (scan->depth_left == 0) {
        return fail(scan, ERR(JSON_DEPTH));
    }
    scan->depth_left--;
    at = *at == '[' ? scan_array(scan, at + 1) : scan_object(scan, at + 1);
    scan->depth_left++;
    return at;
}

static const uint8_t *scan_value(struct scan *scan, const uint8_t *at)
{
    if (at == scan->end) {
        return fail(scan, ERR(JSON_INVALID));
    }
    switch (*at) {
    case '[':
    case '{':
        return scan_nested(scan, at);
    case '"': {
        bool has_escapes;
        at = scan_string(scan, at + 1, &has_escapes);
        return at ? at + 1 : NULL;
    }
    case 't':
        return scan_word(scan, at, SLICE("true"));
    case 'f':
        return scan_word(scan, at, SLICE("false"));
    case 'n':
        return scan_word(scan, at, SLICE("null"));
    default:
        return scan_number(scan, at);
    }
}

struct err json_scan(struct slice document, unsigned depth_max, struct json_value *root)
{
    ASSERT(depth_max <= JSON_DEPTH_CEILING);
    if (document.bytes > JSON_BYTES_MAX) {
        return ERR(BODY_TOO_LARGE);
    }
    struct scan scan;
    scan.start = document.at;
    scan.end = document.bytes ? document.at + document.bytes : document.at;
    scan.names = scan.on_stack;
    scan.name_count = 0;
    scan.name_room = NAMES_ON_STACK;
    scan.depth_left = depth_max;
    scan.failure = ERR(OK);
    const uint8_t *first = skip_space(&scan, document.at);
    const uint8_t *behind = scan_value(&scan, first);
    if (behind != NULL && skip_space(&scan, behind) != scan.end) {
        behind = fail(&scan, ERR(JSON_INVALID));
    }
    if (scan.names != scan.on_stack) {
        free(scan.names);
    }
    if (behind == NULL) {
        ASSERT(err_is_set(scan.failure));
        return scan.failure;
    }
    *root = (struct json_value){.type = json_type_of(*first),
                                .text = slice_of(first, (size_t)(behind - first))};
    return ERR(OK);
}

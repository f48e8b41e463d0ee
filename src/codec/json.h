/* SPDX-License-Identifier: Apache-2.0
 *
 * json.h - JSON as slices of the text it came in.
 *
 * json_scan checks a whole document once, strictly (RFC 8259), and yields its root value. A value
 * is a type and the exact bytes it was written with; nothing is copied and no number is converted,
 * so what came in can be stored and sent on byte for byte. All other functions here walk text that
 * json_scan has accepted: they do not check again, and must not be given anything else.
 *
 *      struct json_value root;
 *      TRY(json_scan(body, JSON_DEPTH_MAX, &root));
 *      struct json_value name = json_member(root, SLICE("name"));
 *
 * Values and members borrow the document and live as long as its bytes. Pure: any thread.
 *
 * Scanning allocates in one case only. To refuse duplicate members the names of the objects that
 * are open are noted, the first 64 of them on the stack; a document with more open at once moves
 * the notes to the heap (8 bytes a member) until json_scan returns. Comparing the names of one
 * object is done pairwise up to 8 and by sorting beyond, so n members cost n log n whatever their
 * names are. */
#ifndef THRUM_CODEC_JSON_H
#define THRUM_CODEC_JSON_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"

/* Arrays and objects inside one another: the contract's limit, and the most that a caller may ask
 * for (the scanner calls itself once a level, on a loop's stack). */
#define JSON_DEPTH_MAX 64
#define JSON_DEPTH_CEILING 512

/* Places in a document are kept as 32-bit numbers. Far above any body limit. */
#define JSON_BYTES_MAX (1u << 30)

enum json_type {
    JSON_NONE, /* no value at all: an absent member */
    JSON_NULL,
    JSON_BOOLEAN,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_value {
    enum json_type type;
    struct slice text; /* as it was sent: quotes, brackets and inner spaces included */
};

struct json_member {
    struct slice name; /* between the quotes, escapes as they were sent */
    bool has_escapes;  /* false: <name> is already the decoded name */
    struct json_value value;
};

/* A walk over the items of an array or the members of an object. */
struct json_each {
    const uint8_t *at;
    const uint8_t *end;
};

/* The type of a value by the first byte of its text. */
static inline enum json_type json_type_of(uint8_t first)
{
    switch (first) {
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    case 't':
    case 'f':
        return JSON_BOOLEAN;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

/* ---------------------------------------------------------------- scanning */

/* Checks that <document> is one JSON text, white space around it allowed, and gives its <root>.
 * Refuses what the grammar does not have (JSON_INVALID; U+0000, lone surrogates and a byte order
 * mark too), bytes that are no UTF-8 (UTF8_INVALID), arrays and objects nested deeper than
 * <depth_max> (JSON_DEPTH), a name twice in one object, compared as decoded (JSON_DUPLICATE), and
 * numbers that would round to infinity in a double (JSON_NUMBER_RANGE; too small ones are
 * accepted). NO_MEMORY and BODY_TOO_LARGE: see above. <root> is written only on success. */
MUST_USE struct err json_scan(struct slice document, unsigned depth_max, struct json_value *root);

/* ---------------------------------------------------------------- arrays and objects */

/* Starts a walk; <value> must be an array or an object. */
struct json_each json_each(struct json_value value);

/* The next item of an array, the next member of an object; false at the end. Which of the two must
 * agree with the value the walk was started with. */
bool json_array_next(struct json_each *each, struct json_value *item);
bool json_object_next(struct json_each *each, struct json_member *member);

/* An object whose text has been accepted before, such as a stored document. */
static inline struct json_value json_object_of(struct slice text)
{
    return (struct json_value){.type = JSON_OBJECT, .text = text};
}

/* The number of items or members, by walking over them. */
size_t json_count(struct json_value value);

/* The member with the decoded name <name>; of type JSON_NONE when there is none, or when <object>
 * is no object. */
struct json_value json_member(struct json_value object, struct slice name);

/* True when the name of <member> is <name>, escapes decoded. */
bool json_member_is(const struct json_member *member, struct slice name);

/* ---------------------------------------------------------------- texts */

/* What is between the quotes of a string, escapes as they were sent. */
struct slice json_string_raw(struct json_value string);

bool json_raw_has_escapes(struct slice raw);

/* Decodes the inside of a string or a name into <to>, which has room for raw.bytes: decoding never
 * makes a text longer. Gives the decoded length. */
size_t json_raw_decode(struct slice raw, uint8_t *to);

/* True when <raw> decodes to exactly <text>. */
bool json_raw_equals(struct slice raw, struct slice text);

/* The order slice_compare would find between the two when decoded. */
int json_raw_compare(struct slice a, struct slice b);

/* Appends the decoded string to <out>. A failure shows in out->failed, as with all puts. */
void json_string_decode(struct json_value string, struct buf *out);

/* True when <value> is a string that decodes to <text>. */
bool json_string_equals(struct json_value value, struct slice text);

/* ---------------------------------------------------------------- numbers and booleans */

static inline bool json_is_true(struct json_value value)
{
    return value.type == JSON_BOOLEAN && value.text.at[0] == 't';
}

/* The number as a 64-bit integer, when that is exactly its value: 12, -0, 1e3, 1.5e1 and 7.0 are
 * integers, 1.5 and 1e19 are not. False, and <number> untouched, otherwise and for other types. */
bool json_int64(struct json_value value, int64_t *number);

static inline bool json_is_integer(struct json_value value)
{
    int64_t number;
    return json_int64(value, &number);
}

/* The nearest double, whatever the locale; false for other types. */
bool json_double(struct json_value value, double *number);

#endif

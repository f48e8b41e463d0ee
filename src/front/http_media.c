/* SPDX-License-Identifier: Apache-2.0 */
#include "front/http_media.h"

/* The type without its parameters, which are left in <rest>. */
static struct slice media_type(struct slice value, struct slice *rest)
{
    size_t end = slice_find(value, ';');
    *rest = slice_from(value, end);
    return http1_trim(slice_first(value, end));
}

/* application/json, and what is built on it (application/geo+json). */
static bool is_json(struct slice type)
{
    struct slice prefix = SLICE("application/");
    struct slice suffix = SLICE("+json");
    if (slice_equal_nocase(type, SLICE("application/json"))) {
        return true;
    }
    return type.bytes > prefix.bytes + suffix.bytes &&
           slice_equal_nocase(slice_first(type, prefix.bytes), prefix) &&
           slice_equal_nocase(slice_from(type, type.bytes - suffix.bytes), suffix);
}

struct err http_media_of_encoding(const struct http1_head *head)
{
    struct slice value;
    bool is_coded = http1_has_body(head) &&
                    http1_find(head, SLICE("Content-Encoding"), &value) > 0 &&
                    !slice_equal_nocase(http1_trim(value), SLICE("identity"));
    return is_coded ? ERR(MEDIA_TYPE) : ERR(OK);
}

struct err http_media_of_body(const struct http1_head *head)
{
    struct slice value;
    struct slice rest;
    bool is_other = http1_has_body(head) && http1_find(head, SLICE("Content-Type"), &value) > 0 &&
                    !is_json(media_type(value, &rest));
    return is_other ? ERR(MEDIA_TYPE) : ERR(OK);
}

/* True when the parameters say q=0, which takes a range out (RFC 9110 12.4.2). */
static bool is_excluded(struct slice parameters)
{
    while (!slice_is_empty(parameters)) {
        parameters = slice_from(parameters, 1);
        size_t end = slice_find(parameters, ';');
        struct slice one = http1_trim(slice_first(parameters, end));
        parameters = slice_from(parameters, end);
        if (one.bytes < 3 || ascii_lower(one.at[0]) != 'q' || one.at[1] != '=') {
            continue;
        }
        for (size_t i = 2; i < one.bytes; i++) {
            if (one.at[i] != '0' && one.at[i] != '.') {
                return false;
            }
        }
        return true;
    }
    return false;
}

static bool is_events(struct slice type)
{
    return slice_equal_nocase(type, SLICE("text/event-stream"));
}

static bool takes_events(struct slice accept)
{
    struct slice range;
    while (http1_list_next(&accept, &range)) {
        struct slice parameters;
        if (is_events(media_type(range, &parameters)) && !is_excluded(parameters)) {
            return true;
        }
    }
    return false;
}

static bool takes_json(struct slice accept)
{
    struct slice range;
    while (http1_list_next(&accept, &range)) {
        struct slice parameters;
        struct slice type = media_type(range, &parameters);
        bool fits = slice_equal(type, SLICE("*/*")) || is_json(type) ||
                    slice_equal_nocase(type, SLICE("application/*"));
        if (fits && !is_excluded(parameters)) {
            return true;
        }
    }
    return false;
}

struct err http_media_of_answer(const struct http1_head *head)
{
    bool is_said = false;
    for (size_t i = 0; i < head->field_count; i++) {
        const struct http1_field *field = &head->fields[i];
        if (slice_equal_nocase(field->name, SLICE("Accept"))) {
            if (slice_is_empty(field->value) || takes_json(field->value)) {
                return ERR(OK);
            }
            is_said = true;
        }
    }
    return is_said ? ERR(NOT_ACCEPTABLE) : ERR(OK);
}

bool http_media_takes_events(const struct http1_head *head)
{
    for (size_t i = 0; i < head->field_count; i++) {
        const struct http1_field *field = &head->fields[i];
        if (slice_equal_nocase(field->name, SLICE("Accept")) && takes_events(field->value)) {
            return true;
        }
    }
    return false;
}

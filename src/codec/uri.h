/* SPDX-License-Identifier: Apache-2.0
 *
 * uri.h - the parts of a target or topic: path, segments, query, percent escapes (RFC 3986).
 *
 * Splitting works on the escaped text and never decodes, so that an escaped '/' or '&' stays part
 * of its segment or value; decoding is a second step on one part. '+' is a plus everywhere, never a
 * space. Slices are borrowed from the input. What a segment may contain once decoded (UTF-8, no
 * NUL) is its user's rule, not this file's.
 *
 *     struct uri uri = uri_split(target);
 *     struct slice rest = uri_path_begin(uri.path), segment;
 *     while (uri_path_next(&rest, &segment)) ... */
#ifndef THRUM_CODEC_URI_H
#define THRUM_CODEC_URI_H

#include "base/buf.h"
#include "base/common.h"
#include "base/slice.h"

struct uri {
    struct slice path;  /* up to the first '?' */
    struct slice query; /* behind it; empty when there is none */
    bool has_query;     /* tells "/a?" from "/a" */
};

/* Splits "path?query" at the first '?'. Never fails. */
struct uri uri_split(struct slice target);

/* The start of a walk over the segments of <path>: the path without its leading '/', which is
 * optional. */
struct slice uri_path_begin(struct slice path);

/* Takes the next segment, still escaped, off <rest>. False when there is none left. A '/' at the
 * end is no segment of its own; an empty segment elsewhere ("a//b") is handed out as an empty
 * slice. */
bool uri_path_next(struct slice *rest, struct slice *segment);

/* One "name=value" of a query, both still escaped. */
struct uri_parameter {
    struct slice name;
    struct slice value; /* empty when there is no '=' */
    bool has_value;     /* tells "a=" from "a" */
};

/* Takes the next parameter off <rest>, which starts as the query. Empty ones ("a&&b") are skipped.
 * False when there is none left. */
bool uri_query_next(struct slice *rest, struct uri_parameter *parameter);

/* Resolves the percent escapes of <text>. Without escapes <*decoded> is <text> itself, else it is
 * written to <to>, which may be where <text> lies: decoding never grows. False when a '%' is not
 * followed by two hex digits, or <room> is too small (text.bytes always suffices). */
MUST_USE bool uri_decode(struct slice text, uint8_t *to, size_t room, struct slice *decoded);

/* Appends <text> escaped as JavaScript's encodeURIComponent does it: all but letters, digits and
 * "-_.!~*'()" becomes %XX with capital digits. */
void uri_put_encoded(struct buf *buf, struct slice text);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * rest.h - one REST call at a time, for the tool: plain HTTP, a connection a call.
 *
 * Calls are made in HTTP/1.0, so that the end of the connection is the end of the answer. */
#ifndef THRUM_CLI_REST_H
#define THRUM_CLI_REST_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"
#include "cli/wire.h"

#define REST_ANSWER_BYTES_MAX (16u << 20)

/* Slices are borrowed for the call. */
struct rest_call {
    struct wire_place place;
    int stop_fd;         /* see wire.h; -1 for none */
    const char *method;  /* "GET" */
    struct slice target; /* path and query, already encoded */
    struct slice key;    /* empty: no Authorization */
    struct slice body;   /* JSON; empty: none */
};

/* Owns the bytes that its slices lie in. All-zero is valid. */
struct rest_answer {
    struct buf bytes;
    int status;
    struct slice header; /* the fields, a line each */
    struct slice body;
};

void rest_answer_deinit(struct rest_answer *answer);

/* Makes the call. ERR_OK whatever the status; ERR_HTTP_MALFORMED when the answer is no HTTP;
 * BUF_FULL when it is too long; otherwise as wire.h. */
MUST_USE struct err rest_make_call(const struct rest_call *call, struct rest_answer *answer);

/* Takes answer->bytes apart into the other fields. ERR_HTTP_MALFORMED. */
MUST_USE struct err rest_read_answer(struct rest_answer *answer);

/* The value of the field <name>; empty when there is none. */
struct slice rest_field(const struct rest_answer *answer, struct slice name);

/* Writes the path and query of the next page to <target> (which is emptied first), from the field
 * Link, whose URL is percent-encoded as a whole. False when there is no next page. */
bool rest_next_page(const struct rest_answer *answer, struct buf *target);

/* The first text of the member "errors" of an answer that says no; empty when it has none. Lives as
 * long as the answer. */
struct slice rest_error_text(const struct rest_answer *answer);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rest.h"

#include "base/assert.h"
#include "codec/json.h"
#include "codec/uri.h"

#define REST_TIMEOUT_MS 10000

/* The longest URL in a Link field that is followed. */
#define REST_URL_BYTES_MAX 8192

void rest_answer_deinit(struct rest_answer *answer)
{
    buf_deinit(&answer->bytes);
    *answer = (struct rest_answer){0};
}

static void put_call(struct buf *out, const struct rest_call *call)
{
    buf_put_format(out, "%s %.*s HTTP/1.0\r\nHost: %s:%d\r\nAccept: application/json\r\n",
                   call->method, SLICE_ARGS(call->target), call->place.host, call->place.port);
    if (call->key.bytes > 0) {
        buf_put_format(out, "Authorization: %.*s\r\n", SLICE_ARGS(call->key));
    }
    if (call->body.bytes > 0) {
        buf_put_format(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                       call->body.bytes);
    }
    BUF_PUT_LITERAL(out, "\r\n");
    buf_put(out, call->body);
}

/* Sends <request> and receives until the peer closes. */
static struct err exchange(struct wire *wire, struct slice request, struct buf *into)
{
    TRY(wire_send(wire, request, REST_TIMEOUT_MS));
    for (;;) {
        struct err err = wire_receive(wire, into, REST_TIMEOUT_MS);
        if (err_equal(err, ERR(PEER_CLOSED))) {
            return ERR(OK);
        }
        TRY(err);
    }
}

struct err rest_make_call(const struct rest_call *call, struct rest_answer *answer)
{
    rest_answer_deinit(answer);
    answer->bytes.bytes_max = REST_ANSWER_BYTES_MAX;
    struct wire wire = {.fd = -1, .stop_fd = call->stop_fd};
    TRY(wire_open(&wire, &call->place, REST_TIMEOUT_MS));
    struct buf request = {0};
    put_call(&request, call);
    struct err err =
        request.failed ? ERR(NO_MEMORY) : exchange(&wire, buf_data(&request), &answer->bytes);
    buf_deinit(&request);
    wire_close(&wire);
    return err_is_set(err) ? err : rest_read_answer(answer);
}

/* Takes the line up to the next CR LF off <text>, which loses both. False when there is none. */
static bool next_line(struct slice *text, struct slice *line)
{
    for (size_t i = 0; i + 1 < text->bytes; i++) {
        if (text->at[i] == '\r' && text->at[i + 1] == '\n') {
            *line = slice_first(*text, i);
            *text = slice_from(*text, i + 2);
            return true;
        }
    }
    return false;
}

struct err rest_read_answer(struct rest_answer *answer)
{
    struct slice rest = buf_data(&answer->bytes);
    struct slice line;
    if (!next_line(&rest, &line) || line.bytes < 12 || !slice_starts_with(line, SLICE("HTTP/1.")) ||
        line.at[8] != ' ') {
        return ERR(HTTP_MALFORMED);
    }
    int status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.at[i] < '0' || line.at[i] > '9') {
            return ERR(HTTP_MALFORMED);
        }
        status = status * 10 + (line.at[i] - '0');
    }
    const uint8_t *header = rest.at;
    do {
        if (!next_line(&rest, &line)) {
            return ERR(HTTP_MALFORMED);
        }
    } while (line.bytes > 0);
    answer->status = status;
    answer->header = slice_of(header, (size_t)(line.at - header));
    answer->body = rest;
    return ERR(OK);
}

struct slice rest_field(const struct rest_answer *answer, struct slice name)
{
    struct slice rest = answer->header;
    struct slice line;
    while (next_line(&rest, &line)) {
        size_t colon = slice_find(line, ':');
        if (colon < line.bytes && slice_equal_nocase(slice_first(line, colon), name)) {
            struct slice value = slice_from(line, colon + 1);
            while (value.bytes > 0 && value.at[0] == ' ') {
                value = slice_from(value, 1);
            }
            return value;
        }
    }
    return (struct slice){0};
}

bool rest_next_page(const struct rest_answer *answer, struct buf *target)
{
    struct slice link = rest_field(answer, SLICE("link"));
    uint8_t decoded[REST_URL_BYTES_MAX];
    struct slice url;
    buf_reset(target);
    if (link.bytes == 0 || link.at[0] != '<') {
        return false;
    }
    link = slice_from(link, 1);
    link = slice_first(link, slice_find(link, '>'));
    if (!uri_decode(link, decoded, sizeof(decoded), &url)) {
        return false;
    }
    /* http://host:port/path: the path begins at the third slash. */
    for (unsigned slashes = 0; url.bytes > 0; url = slice_from(url, 1)) {
        slashes += url.at[0] == '/';
        if (slashes == 3) {
            break;
        }
    }
    buf_put(target, url);
    return url.bytes > 0;
}

struct slice rest_error_text(const struct rest_answer *answer)
{
    struct json_value root;
    if (err_is_set(json_scan(answer->body, JSON_DEPTH_MAX, &root))) {
        return (struct slice){0};
    }
    struct json_value errors = json_member(root, SLICE("errors"));
    if (errors.type != JSON_ARRAY) {
        return (struct slice){0};
    }
    struct json_each each = json_each(errors);
    struct json_value first;
    if (!json_array_next(&each, &first) || first.type != JSON_STRING) {
        return (struct slice){0};
    }
    return json_string_raw(first);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * http1_write.c - response heads, chunks, dates. */
#include "codec/http1.h"

#include "base/assert.h"

#include <time.h>

static const struct {
    int status;
    struct slice text;
} http1_statuses[] = {
    {200, SLICE_INIT("OK")},
    {201, SLICE_INIT("Created")},
    {204, SLICE_INIT("No Content")},
    {400, SLICE_INIT("Bad Request")},
    {401, SLICE_INIT("Unauthorized")},
    {403, SLICE_INIT("Forbidden")},
    {404, SLICE_INIT("Not Found")},
    {100, SLICE_INIT("Continue")},
    {101, SLICE_INIT("Switching Protocols")},
    {202, SLICE_INIT("Accepted")},
    {206, SLICE_INIT("Partial Content")},
    {301, SLICE_INIT("Moved Permanently")},
    {302, SLICE_INIT("Found")},
    {303, SLICE_INIT("See Other")},
    {304, SLICE_INIT("Not Modified")},
    {307, SLICE_INIT("Temporary Redirect")},
    {308, SLICE_INIT("Permanent Redirect")},
    {405, SLICE_INIT("Method Not Allowed")},
    {406, SLICE_INIT("Not Acceptable")},
    {408, SLICE_INIT("Request Timeout")},
    {409, SLICE_INIT("Conflict")},
    {410, SLICE_INIT("Gone")},
    {411, SLICE_INIT("Length Required")},
    {412, SLICE_INIT("Precondition Failed")},
    {413, SLICE_INIT("Content Too Large")},
    {414, SLICE_INIT("URI Too Long")},
    {415, SLICE_INIT("Unsupported Media Type")},
    {416, SLICE_INIT("Range Not Satisfiable")},
    {417, SLICE_INIT("Expectation Failed")},
    {422, SLICE_INIT("Unprocessable Content")},
    {426, SLICE_INIT("Upgrade Required")},
    {429, SLICE_INIT("Too Many Requests")},
    {431, SLICE_INIT("Request Header Fields Too Large")},
    {500, SLICE_INIT("Internal Server Error")},
    {501, SLICE_INIT("Not Implemented")},
    {503, SLICE_INIT("Service Unavailable")},
    {505, SLICE_INIT("HTTP Version Not Supported")},
};

/* The frequent ones come first in the table. */
struct slice http1_status_text(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(http1_statuses); i++) {
        if (http1_statuses[i].status == status) {
            return http1_statuses[i].text;
        }
    }
    return (struct slice){0};
}

/* A field line. Runs of harmless bytes are put as they are, each control character as a space
 * (RFC 9110 5.5). */
static void http1_put_field(struct buf *buf, const struct http1_field *field)
{
    ASSERT(field->name.bytes > 0 && http1_is_all(field->name, HTTP1_IS_TOKEN));
    buf_put(buf, field->name);
    BUF_PUT_LITERAL(buf, ": ");
    struct slice rest = field->value;
    while (!slice_is_empty(rest)) {
        size_t good = 0;
        while (good < rest.bytes && http1_classes[rest.at[good]] & HTTP1_IS_VALUE) {
            good++;
        }
        if (good > 0) {
            buf_put(buf, slice_first(rest, good));
        }
        if (good < rest.bytes) {
            buf_put_byte(buf, ' ');
        }
        rest = slice_from(rest, min_size(good + 1, rest.bytes));
    }
    BUF_PUT_LITERAL(buf, "\r\n");
}

static void http1_put_framing(struct buf *buf, const struct http1_response *response)
{
    int status = response->status;
    if (status < 200 || status == 204 || status == 304 || response->is_unbounded) {
        return;
    }
    if (response->is_chunked) {
        BUF_PUT_LITERAL(buf, "Transfer-Encoding: chunked\r\n");
        return;
    }
    BUF_PUT_LITERAL(buf, "Content-Length: ");
    buf_put_decimal_unsigned(buf, response->content_length);
    BUF_PUT_LITERAL(buf, "\r\n");
}

void http1_write_head(struct buf *buf, const struct http1_response *response)
{
    ASSERT(response->status >= 100 && response->status <= 599);
    BUF_PUT_LITERAL(buf, "HTTP/1.1 ");
    buf_put_decimal_unsigned(buf, (uint64_t)response->status);
    BUF_PUT_LITERAL(buf, " ");
    buf_put(buf, http1_status_text(response->status));
    BUF_PUT_LITERAL(buf, "\r\n");
    if (response->date.bytes > 0) {
        http1_put_field(buf, &(struct http1_field){SLICE("Date"), response->date});
    }
    if (response->content_type.bytes > 0) {
        http1_put_field(buf, &(struct http1_field){SLICE("Content-Type"), response->content_type});
    }
    http1_put_framing(buf, response);
    if (response->closes) {
        BUF_PUT_LITERAL(buf, "Connection: close\r\n");
    }
    for (size_t i = 0; i < response->field_count; i++) {
        http1_put_field(buf, &response->fields[i]);
    }
    BUF_PUT_LITERAL(buf, "\r\n");
}

void http1_write_continue(struct buf *buf)
{
    BUF_PUT_LITERAL(buf, "HTTP/1.1 100 Continue\r\n\r\n");
}

void http1_write_chunk(struct buf *buf, struct slice content)
{
    if (slice_is_empty(content)) {
        return;
    }
    buf_put_format(buf, "%zx\r\n", content.bytes);
    buf_put(buf, content);
    BUF_PUT_LITERAL(buf, "\r\n");
}

void http1_write_last_chunk(struct buf *buf)
{
    BUF_PUT_LITERAL(buf, "0\r\n\r\n");
}

static void http1_put_digits(uint8_t *to, int value, size_t count)
{
    for (size_t i = count; i > 0; i--) {
        to[i - 1] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
}

void http1_date(int64_t seconds, uint8_t to[HTTP1_DATE_BYTES])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    ASSERT(seconds >= 0 && seconds < INT64_C(253402300800)); /* the year 10000 */
    time_t when = (time_t)seconds;
    struct tm tm;
    const struct tm *known = gmtime_r(&when, &tm);
    ASSERT(known != NULL);
    memcpy(to, "ddd, nn mmm yyyy hh:mm:ss GMT", HTTP1_DATE_BYTES);
    memcpy(to, days + 3 * tm.tm_wday, 3);
    http1_put_digits(to + 5, tm.tm_mday, 2);
    memcpy(to + 8, months + 3 * tm.tm_mon, 3);
    http1_put_digits(to + 12, tm.tm_year + 1900, 4);
    http1_put_digits(to + 17, tm.tm_hour, 2);
    http1_put_digits(to + 20, tm.tm_min, 2);
    http1_put_digits(to + 23, tm.tm_sec, 2);
}

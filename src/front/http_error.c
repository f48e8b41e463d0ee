/* SPDX-License-Identifier: Apache-2.0 */
#include "front/http_error.h"

#include "base/clock.h"
#include "codec/json_write.h"

/* class << 24 | reason << 16; see rest.md 1.3. */
enum {
    CODE_NONE = 0,
    CODE_NOT_FOUND = 0x01010000,
    CODE_SCHEMA = 0x03000000,
    CODE_SEMANTICS = 0x03040000,
    CODE_CONFLICT = 0x04020000,
};

static int64_t code_of(struct err err)
{
    switch (err.code) {
    case ERR_NOT_FOUND:
    case ERR_TOPIC_UNKNOWN:
        return CODE_NOT_FOUND;
    case ERR_CONFLICT:
    case ERR_NAME_TAKEN:
    case ERR_AMBIGUOUS:
    case ERR_COMMISSION_STATE:
    case ERR_ROLE_IN_USE:
    case ERR_LAST_ADMINISTRATOR:
        return CODE_CONFLICT;
    case ERR_REFERENCE_UNKNOWN:
    case ERR_ID_MISMATCH:
    case ERR_PROPERTIES_TOO_MANY:
    case ERR_MEMBERS_CYCLE:
    case ERR_GRANTS_TOO_MUCH:
        return CODE_SEMANTICS;
    case ERR_JSON_INVALID:
    case ERR_JSON_DEPTH:
    case ERR_JSON_DUPLICATE:
    case ERR_JSON_NUMBER_RANGE:
    case ERR_UTF8_INVALID:
    case ERR_SHAPE_INVALID:
    case ERR_BODY_MISSING:
    case ERR_FIELD_MISSING:
    case ERR_FIELD_INVALID:
    case ERR_FIELD_TOO_LONG:
    case ERR_PROPERTY_KEY_MISSING:
    case ERR_PROPERTY_KEY_INVALID:
    case ERR_PROPERTY_VALUE_MISSING:
    case ERR_POINTS_TOO_MANY:
    case ERR_ACTIONS_TOO_MANY:
    case ERR_MEMBERS_TOO_MANY:
    case ERR_TIMESTAMP_INVALID:
    case ERR_LOCATION_INVALID:
        return CODE_SCHEMA;
    default:
        return CODE_NONE;
    }
}

void http_error_write_body(struct buf *out, struct err err, int status, struct slice detail)
{
    int64_t code = code_of(err);
    json_write_open(out, '{');
    json_write_member_int(out, SLICE("status"), status);
    json_write_name(out, SLICE("errors"));
    json_write_open(out, '[');
    json_write_string(out, slice_is_empty(detail) ? slice_of_text(err_text(err)) : detail);
    json_write_close(out, ']');
    if (code != CODE_NONE) {
        json_write_member_int(out, SLICE("code"), code);
    }
    json_write_close(out, '}');
}

void http_error_write(struct buf *out, struct err err, int status, struct slice detail, bool close)
{
    struct buf body = {0};
    uint8_t date[HTTP1_DATE_BYTES];
    http1_date(clock_wall_ms() / 1000, date);
    http_error_write_body(&body, err, status, detail);
    http1_write_head(out, &(struct http1_response){
                              .status = status,
                              .closes = close,
                              .content_type = SLICE("application/json"),
                              .content_length = buf_bytes(&body),
                              .date = slice_of(date, sizeof(date)),
                          });
    buf_put(out, buf_data(&body));
    out->failed |= body.failed;
    buf_deinit(&body);
}

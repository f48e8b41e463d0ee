/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers: head and body behind one another into the connection's output. */
#include "front/http.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "codec/uri.h"
#include "front/http_error.h"
#include "front/origins.h"
#include "front/refusals.h"
#include "front/rest.h"
#include "front/rest_query.h"

/* CORS, Location, Link, X-Result-Count, Allow and what goes with it. */
#define FIELDS_MAX 11

/* Most heads have no more bytes. */
#define HEAD_BYTES 640

struct fields {
    struct http1_field at[FIELDS_MAX];
    size_t count;
};

static void put_field(struct fields *fields, struct slice name, struct slice value)
{
    ASSERT(fields->count < FIELDS_MAX);
    fields->at[fields->count++] = (struct http1_field){name, value};
}

/* Which pages may read the answer. Where not all may, caches must know that it depends. */
static void put_cors(struct fields *fields, const struct http_request *request)
{
    const struct origin_list *origins = request->conn->front->shared->origins;
    bool is_any = origins == NULL || origins_are_any(origins);
    if (!is_any) {
        put_field(fields, SLICE("Vary"), SLICE("Origin"));
    }
    if (!is_any && (slice_is_empty(request->origin) || !origins_allow(origins, request->origin))) {
        return;
    }
    put_field(fields, SLICE("Access-Control-Allow-Origin"), is_any ? SLICE("*") : request->origin);
    put_field(fields, SLICE("Access-Control-Expose-Headers"),
              SLICE("Link, Location, X-Result-Count, Last-Event-ID, Events-Missed"));
}

static void put_head(struct http_request *request, int status, struct slice content_type,
                     size_t content_length, const struct fields *fields)
{
    struct buf *out = &request->conn->out;
    uint8_t date[HTTP1_DATE_BYTES];
    http1_date(clock_wall_ms() / 1000, date);
    if (err_is_set(buf_reserve(out, HEAD_BYTES + (request->is_head ? 0 : content_length)))) {
        return; /* the connection, whose output has failed, ends */
    }
    http1_write_head(out, &(struct http1_response){
                              .status = status,
                              .closes = !request->keeps_alive,
                              .content_length = content_length,
                              .content_type = content_type,
                              .date = slice_of(date, sizeof(date)),
                              .fields = fields->at,
                              .field_count = fields->count,
                          });
}

/* ---- links ---- */

struct slice http_scheme(const struct http_request *request)
{
    return sock_is_tls(&request->conn->sock) ? SLICE("https://") : SLICE("http://");
}

/* The caller's own parameters, without those that the next page has anew, and never the key. */
static void put_parameters(struct buf *url, struct slice query)
{
    static const struct slice skipped[] = {
        SLICE_INIT("perPage"), SLICE_INIT("sortOrder"),    SLICE_INIT("nextPageToken"),
        SLICE_INIT("page"),    SLICE_INIT("access_token"),
    };
    struct uri_parameter parameter;
    while (uri_query_next(&query, &parameter)) {
        bool is_skipped = false;
        for (size_t i = 0; i < ARRAY_LEN(skipped); i++) {
            is_skipped |= slice_equal(parameter.name, skipped[i]);
        }
        if (!is_skipped) {
            buf_put_byte(url, '&');
            buf_put(url, parameter.name);
            buf_put_byte(url, '=');
            buf_put(url, parameter.value);
        }
    }
}

/* <URL>; rel="next", the URL percent-encoded as a whole: clients take it apart before they decode
 * it (rest.md 1.8). */
static void write_link(struct buf *link, const struct http_request *request, struct slice token)
{
    struct buf url = {0};
    struct slice value;
    bool has_size = rest_query_find(request->query, SLICE("perPage"), &value);
    buf_put(&url, http_scheme(request));
    buf_put(&url, request->host);
    buf_put(&url, request->path);
    BUF_PUT_LITERAL(&url, "?perPage=");
    if (has_size) {
        buf_put(&url, value);
    } else {
        buf_put_decimal(&url, REST_PER_PAGE_DEFAULT);
    }
    bool has_order = rest_query_find(request->query, SLICE("sortOrder"), &value);
    BUF_PUT_LITERAL(&url, "&sortOrder=");
    buf_put(&url, has_order ? value : SLICE("DESCENDING"));
    BUF_PUT_LITERAL(&url, "&nextPageToken=");
    buf_put(&url, token);
    put_parameters(&url, request->query);
    buf_put_byte(link, '<');
    uri_put_encoded(link, buf_data(&url));
    BUF_PUT_LITERAL(link, ">; rel=\"next\"");
    link->failed |= url.failed;
    buf_deinit(&url);
}

/* ---- answers ---- */

void http_answer(struct http_request *request, const struct http_answer *answer)
{
    struct buf *out = &request->conn->out;
    struct fields fields = {0};
    struct buf link = {0};
    struct buf count = {0};
    struct buf last_event = {0};
    put_cors(&fields, request);
    if (answer->location.bytes > 0) {
        put_field(&fields, SLICE("Location"), answer->location);
    }
    if (answer->next_token.bytes > 0) {
        write_link(&link, request, answer->next_token);
        put_field(&fields, SLICE("Link"), buf_data(&link));
    }
    if (answer->has_count) {
        buf_put_decimal_unsigned(&count, answer->count);
        put_field(&fields, SLICE("X-Result-Count"), buf_data(&count));
    }
    if (answer->has_last_event) {
        buf_put_decimal_unsigned(&last_event, answer->last_event);
        put_field(&fields, SLICE("Last-Event-ID"), buf_data(&last_event));
        put_field(&fields, SLICE("Cache-Control"), SLICE("no-store"));
    }
    if (answer->has_missed) {
        put_field(&fields, SLICE("Events-Missed"), SLICE("true"));
    }
    if (answer->is_user_content) {
        put_field(&fields, SLICE("X-Content-Type-Options"), SLICE("nosniff"));
        put_field(&fields, SLICE("Content-Disposition"), SLICE("attachment"));
    }
    struct slice type = answer->content_type;
    if (slice_is_empty(type) && answer->body.bytes > 0) {
        type = SLICE("application/json");
    }
    put_head(request, answer->status, type, answer->body.bytes, &fields);
    if (!request->is_head) {
        buf_put(out, answer->body);
    }
    out->failed |= link.failed || count.failed || last_event.failed;
    buf_deinit(&link);
    buf_deinit(&count);
    buf_deinit(&last_event);
    http_request_done(request);
}

void http_answer_body(struct http_request *request, struct slice body)
{
    http_answer(request, &(struct http_answer){.status = 200, .body = body});
}

/* HTTP/1.0 knows no chunks: the end of the connection is the end of the answer. */
void http_stream_start(struct http_request *request, struct slice content_type)
{
    struct fields fields = {0};
    uint8_t date[HTTP1_DATE_BYTES];
    http1_date(clock_wall_ms() / 1000, date);
    put_cors(&fields, request);
    put_field(&fields, SLICE("Cache-Control"), SLICE("no-store"));
    put_field(&fields, SLICE("X-Accel-Buffering"), SLICE("no")); /* for nginx before it */
    request->keeps_alive = false;
    http1_write_head(&request->conn->out, &(struct http1_response){
                                              .status = 200,
                                              .closes = true,
                                              .is_chunked = !request->is_http10,
                                              .is_unbounded = request->is_http10,
                                              .content_type = content_type,
                                              .date = slice_of(date, sizeof(date)),
                                              .fields = fields.at,
                                              .field_count = fields.count,
                                          });
    conn_will_flush(request->conn);
}

void http_stream_write(struct http_request *request, struct buf *piece)
{
    struct buf *out = &request->conn->out;
    out->failed |= piece->failed;
    if (request->is_http10) {
        buf_put(out, buf_data(piece));
    } else {
        http1_write_chunk(out, buf_data(piece));
    }
    buf_reset(piece);
    conn_will_flush(request->conn);
}

void http_stream_end(struct http_request *request)
{
    if (!request->is_http10) {
        http1_write_last_chunk(&request->conn->out);
    }
    http_request_done(request);
}

/* Everything may be asked of every path by any page: it is the key that gives rights. */
void http_answer_preflight(struct http_request *request)
{
    const struct slice methods = SLICE("GET, HEAD, POST, PUT, DELETE, OPTIONS");
    struct fields fields = {0};
    put_cors(&fields, request);
    put_field(&fields, SLICE("Access-Control-Allow-Methods"), methods);
    put_field(&fields, SLICE("Access-Control-Allow-Headers"),
              SLICE("authorization, content-type, accept, last-event-id"));
    put_field(&fields, SLICE("Access-Control-Max-Age"), SLICE("86400"));
    put_field(&fields, SLICE("Allow"), methods);
    put_head(request, 204, (struct slice){0}, 0, &fields);
    http_request_done(request);
}

/* "GET, HEAD, PUT, OPTIONS" */
static void write_allow(struct buf *allow, unsigned methods)
{
    static const enum http1_method order[] = {HTTP1_GET, HTTP1_HEAD,   HTTP1_POST,
                                              HTTP1_PUT, HTTP1_DELETE, HTTP1_PATCH};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        if (methods & 1u << order[i]) {
            buf_put(allow, http1_method_name(order[i]));
            BUF_PUT_LITERAL(allow, ", ");
        }
    }
    BUF_PUT_LITERAL(allow, "OPTIONS");
}

/* For `thrum why --recent`. */
static void note_denial(const struct http_request *request, struct err err)
{
    const struct rest_route *route = request->route;
    bool is_known = request->actor.kind != ACTOR_NONE && route != NULL;
    refusals_note(request->conn->front->shared->refusals,
                  &(struct refusal){
                      .time_ms = clock_wall_ms(),
                      .actor = &request->actor,
                      .protocol = SLICE("rest"),
                      .operation = http1_method_name(request->method),
                      .target = request->path,
                      .err = err,
                      .verdict = is_known ? perm_verdict(&request->actor, rest_subject(request),
                                                         route->operation, NULL)
                                          : PERM_ALLOWED,
                  });
}

/* A fault of ours is told once, here; refusals of writes are counted, those of rights noted. */
static void note_refusal(const struct http_request *request, struct err err)
{
    struct front *front = request->conn->front;
    enum err_class class = err_class(err);
    note_denial(request, err);
    if (request->method != HTTP1_GET) {
        atomic_fetch_add_explicit(&front->stats.refused, 1, memory_order_relaxed);
    }
    if (class == ERR_CLASS_IO || class == ERR_CLASS_CORRUPT) {
        const char *route = request->route != NULL ? request->route->pattern : "-";
        LOG_LIMITED(LOG_ERROR, "http", "request failed route=%s reason=%s", route, err_name(err));
    }
}

/* Whole seconds, one at least. */
static void write_seconds(struct buf *out, int64_t ms)
{
    buf_put_decimal(out, max_i64((ms + 999) / 1000, 1));
}

static void refuse(struct http_request *request, struct err err, int status)
{
    struct buf *out = &request->conn->out;
    struct buf body = {0};
    struct buf allow = {0};
    struct buf retry = {0};
    struct fields fields = {0};
    note_refusal(request, err);
    put_cors(&fields, request);
    if (status == 405) {
        write_allow(&allow, request->methods);
        put_field(&fields, SLICE("Allow"), buf_data(&allow));
    }
    if (status == 503 || status == 429) {
        write_seconds(&retry, request->retry_after_ms);
        put_field(&fields, SLICE("Retry-After"), buf_data(&retry));
    }
    http_error_write_body(&body, err, status, slice_of(request->detail, request->detail_bytes));
    put_head(request, status, SLICE("application/json"), buf_bytes(&body), &fields);
    if (!request->is_head) {
        buf_put(out, buf_data(&body));
    }
    out->failed |= body.failed || allow.failed || retry.failed;
    buf_deinit(&body);
    buf_deinit(&allow);
    buf_deinit(&retry);
    http_request_done(request);
}

void http_refuse(struct http_request *request, struct err err)
{
    refuse(request, err, err_http_status(err));
}

void http_refuse_later(struct http_request *request, struct err err, int64_t after_ms)
{
    request->retry_after_ms = after_ms;
    http_refuse(request, err);
}

void http_refuse_and_close(struct http_request *request, struct err err, int status)
{
    request->keeps_alive = false;
    refuse(request, err, status);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "front/rest.h"

#include "base/assert.h"
#include "codec/uri.h"
#include "front/rest_query.h"
#include "front/rest_read.h"
#include "model/property.h"

/* More segments than any path of the table has, "/v2" included, are no path of ours. */
#define SEGMENTS_MAX 6

/* Identifiers of thngs in a path: key and value have at most so much together. */
#define IDENTIFIER_BYTES_MIN 3
#define IDENTIFIER_BYTES_MAX 128

/* Thngs with an identifier that are looked at to find the one that a key sees. */
#define RESOLVE_MAX 64

#define THNG ROUTE_HAS_THNG
#define KEY (ROUTE_HAS_THNG | ROUTE_HAS_KEY)

static const struct rest_route routes[] = {
    {HTTP1_GET, "/thngs/:thngId/properties/:key", PERM_PROPERTIES, PERM_READ, KEY,
     TOPIC_THNG_PROPERTY, rest_history_read, NULL, "The history of a property, newest first."},
    {HTTP1_PUT, "/thngs/:thngId/properties/:key", PERM_PROPERTIES, PERM_UPDATE, KEY,
     TOPIC_THNG_PROPERTY, rest_publish, rest_points_written, "New points of a property."},
    {HTTP1_POST, "/thngs/:thngId/properties/:key", PERM_PROPERTIES, PERM_CREATE, KEY,
     TOPIC_THNG_PROPERTY, rest_publish, rest_points_written, "The same as PUT."},
    {HTTP1_DELETE, "/thngs/:thngId/properties/:key", PERM_PROPERTIES, PERM_DELETE, KEY,
     TOPIC_THNG_PROPERTY, rest_cut, rest_done, "Deletes the property, or its points before `to`."},

    {HTTP1_GET, "/thngs/:thngId/properties", PERM_PROPERTIES, PERM_READ, THNG,
     TOPIC_THNG_PROPERTIES, rest_properties_read, NULL, "The latest point of each property."},
    {HTTP1_PUT, "/thngs/:thngId/properties", PERM_PROPERTIES, PERM_UPDATE, THNG,
     TOPIC_THNG_PROPERTIES, rest_publish, rest_points_written, "New points of properties."},
    {HTTP1_POST, "/thngs/:thngId/properties", PERM_PROPERTIES, PERM_CREATE, THNG,
     TOPIC_THNG_PROPERTIES, rest_publish, rest_points_written, "The same as PUT."},
    {HTTP1_DELETE, "/thngs/:thngId/properties", PERM_PROPERTIES, PERM_DELETE, THNG,
     TOPIC_THNG_PROPERTIES, rest_cut, rest_done, "Deletes all properties, or points before `to`."},

    {HTTP1_GET, "/thngs/:thngId/location", PERM_LOCATION, PERM_READ, THNG, TOPIC_THNG_LOCATION,
     rest_history_read, NULL, "Where the thng has been, newest first."},
    {HTTP1_PUT, "/thngs/:thngId/location", PERM_LOCATION, PERM_UPDATE, THNG, TOPIC_THNG_LOCATION,
     rest_publish, rest_points_written, "New locations."},
    {HTTP1_POST, "/thngs/:thngId/location", PERM_LOCATION, PERM_UPDATE, THNG, TOPIC_THNG_LOCATION,
     rest_publish, rest_points_written, "The same as PUT."},
    {HTTP1_DELETE, "/thngs/:thngId/location", PERM_LOCATION, PERM_DELETE, THNG, TOPIC_THNG_LOCATION,
     rest_cut, rest_done, "Deletes locations, or those before `to`."},

    {HTTP1_GET, "/thngs/:thngId", PERM_THNG, PERM_READ, THNG, TOPIC_THNG, rest_thng_read, NULL,
     "A thng, by its id or by an identifier."},
    {HTTP1_PUT, "/thngs/:thngId", PERM_THNG, PERM_UPDATE, THNG, TOPIC_THNG, rest_publish,
     rest_thng_updated, "Replaces the fields that are sent."},
    {HTTP1_DELETE, "/thngs/:thngId", PERM_THNG, PERM_DELETE, THNG, TOPIC_THNG, rest_thng_delete,
     rest_done, "Deletes a thng, its properties, locations and key."},

    {HTTP1_GET, "/thngs", PERM_THNGS, PERM_LIST, 0, TOPIC_NONE, rest_thng_list, NULL,
     "Thngs, newest first; `filter` and `ids` select."},
    {HTTP1_POST, "/thngs", PERM_THNGS, PERM_CREATE, 0, TOPIC_NONE, rest_thng_create,
     rest_thng_created, "A new thng."},
    /* Whoever may list may try; whether a thng may be changed is judged for each. */
    {HTTP1_PUT, "/thngs", PERM_THNGS, PERM_LIST, 0, TOPIC_NONE, rest_bulk_update, rest_bulk_answer,
     "Changes the thngs that `ids` or `filter` select."},
    {HTTP1_DELETE, "/thngs", PERM_THNG, PERM_DELETE, 0, TOPIC_NONE, rest_bulk_delete,
     rest_bulk_answer, "Deletes the thngs that `ids` or `filter` select."},

    {HTTP1_POST, "/auth/evrythng/thngs", PERM_DEVICE_KEYS, PERM_CREATE, 0, TOPIC_NONE,
     rest_key_create, rest_key_created, "The key of a thng; made when it has none."},
    {HTTP1_GET, "/auth/evrythng/thngs/:thngId", PERM_DEVICE_KEYS, PERM_READ, ROUTE_HAS_ID,
     TOPIC_NONE, rest_key_read, NULL, "The key of a thng."},
    {HTTP1_DELETE, "/auth/evrythng/thngs/:thngId", PERM_DEVICE_KEYS, PERM_DELETE, ROUTE_HAS_ID,
     TOPIC_NONE, rest_key_delete, rest_done, "Revokes the key of a thng."},

    {HTTP1_GET, "/access", PERM_ACCESS, PERM_READ, 0, TOPIC_NONE, rest_access, NULL,
     "Whose key this is."},
    {HTTP1_GET, "/operators/:operatorId", PERM_OPERATORS, PERM_READ, ROUTE_HAS_ID, TOPIC_NONE,
     rest_operator, NULL, "The operator itself."},
    {HTTP1_GET, "/rateLimits", PERM_ACCESS, PERM_READ, 0, TOPIC_NONE, rest_rate_limits, NULL,
     "The limits on requests: there are none."},
    {HTTP1_GET, "/time", PERM_ACCESS, PERM_READ, ROUTE_PUBLIC, TOPIC_NONE, rest_time, NULL,
     "The server's time, and that of the zone `tz`."},
    {HTTP1_GET, "/ca.pem", PERM_ACCESS, PERM_READ, ROUTE_PUBLIC | ROUTE_NO_JSON, TOPIC_NONE,
     rest_ca, NULL, "The certificate of the server's own authority."},
    {HTTP1_GET, "/", PERM_ACCESS, PERM_READ, ROUTE_PUBLIC, TOPIC_NONE, rest_root, NULL,
     "What answers here."},
};

const struct rest_route *rest_routes(size_t *count)
{
    *count = ARRAY_LEN(routes);
    return routes;
}

/* ---- finding ---- */

struct path {
    struct slice segments[SEGMENTS_MAX]; /* decoded */
    size_t count;
};

/* Splits and decodes; false when it is no path of ours. */
static bool path_read(struct slice text, uint8_t *memory, struct path *path)
{
    struct slice rest = uri_path_begin(text);
    struct slice segment;
    path->count = 0;
    while (uri_path_next(&rest, &segment)) {
        struct slice decoded;
        if (path->count == SEGMENTS_MAX || !uri_decode(segment, memory, segment.bytes, &decoded)) {
            return false;
        }
        memory += segment.bytes;
        path->segments[path->count++] = decoded;
    }
    if (path->count > 0 && slice_equal(path->segments[0], SLICE("v2"))) {
        path->count--;
        for (size_t i = 0; i < path->count; i++) {
            path->segments[i] = path->segments[i + 1];
        }
    }
    return true;
}

/* Compares the path with a pattern; fills the parameters. */
static bool path_matches(const struct path *path, struct slice pattern, struct slice parameters[2])
{
    struct slice rest = uri_path_begin(pattern);
    struct slice wanted;
    size_t parameter_count = 0;
    size_t i = 0;
    for (; uri_path_next(&rest, &wanted); i++) {
        if (i == path->count) {
            return false;
        }
        if (wanted.at[0] == ':') {
            ASSERT(parameter_count < 2);
            parameters[parameter_count++] = path->segments[i];
        } else if (!slice_equal(path->segments[i], wanted)) {
            return false;
        }
    }
    return i == path->count;
}

struct err rest_find(struct http_request *request, uint8_t *memory)
{
    struct path path;
    if (!path_read(request->path, memory, &path)) {
        return ERR(NOT_FOUND);
    }
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        const struct rest_route *route = &routes[i];
        struct slice parameters[2] = {{0}};
        if (!path_matches(&path, slice_of_text(route->pattern), parameters)) {
            continue;
        }
        request->methods |= 1u << route->method;
        if (route->method == HTTP1_GET) {
            request->methods |= 1u << HTTP1_HEAD;
        }
        if (route->method == request->method) {
            request->route = route;
            request->resource_text = parameters[0];
            request->key = parameters[1];
            return ERR(OK);
        }
    }
    return request->methods != 0 ? ERR(METHOD_UNKNOWN) : ERR(NOT_FOUND);
}

/* ---- judging ---- */

static bool is_identifier_byte(uint8_t byte)
{
    uint8_t lower = ascii_lower(byte);
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' ||
           byte == '_' || byte == ':' || byte == '-';
}

/* <key>:<value>; the key may have colons, the value not (rest.md 1.4). */
static bool identifier_split(struct slice text, struct slice *key, struct slice *value)
{
    size_t colon = 0;
    if (text.bytes < IDENTIFIER_BYTES_MIN || text.bytes > IDENTIFIER_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        if (!is_identifier_byte(text.at[i])) {
            return false;
        }
        colon = text.at[i] == ':' ? i : colon;
    }
    *key = slice_first(text, colon);
    *value = slice_from(text, colon + (colon > 0));
    return key->bytes > 0 && value->bytes > 0;
}

static struct err judge_resource(struct http_request *request)
{
    unsigned flags = request->route->flags;
    struct slice key;
    struct slice value;
    if (!(flags & (ROUTE_HAS_THNG | ROUTE_HAS_ID)) ||
        id_parse(request->resource_text, &request->resource)) {
        return ERR(OK);
    }
    request->needs_resolving =
        (flags & ROUTE_HAS_THNG) && identifier_split(request->resource_text, &key, &value);
    return request->needs_resolving ? ERR(OK) : ERR(NOT_FOUND);
}

struct err rest_judge(struct http_request *request)
{
    const struct rest_route *route = request->route;
    struct slice project;
    if (route->flags & ROUTE_PUBLIC) {
        return ERR(OK);
    }
    TRY(perm_may(&request->actor, route->subject, route->operation));
    TRY(judge_resource(request));
    /* This version keeps no projects: none can be named. */
    if (rest_query_find(request->query, SLICE("project"), &project) && !slice_is_empty(project)) {
        return ERR(NOT_FOUND);
    }
    if (route->flags & ROUTE_HAS_KEY) {
        /* Lower case is made in place: the decoded text is the request's, or part of its path. */
        return property_key_normalise(request->key, (uint8_t *)(uintptr_t)request->key.at,
                                      &request->key);
    }
    return ERR(OK);
}

/* ---- identifiers in place of ids ---- */

struct resolve {
    struct rest_read read;
    size_t text_bytes;
    uint8_t text[IDENTIFIER_BYTES_MAX];
};

static struct err resolve_run(struct reader *reader, struct rest_read *read)
{
    struct resolve *resolve = (struct resolve *)(void *)read; /* it begins with the read */
    struct slice key;
    struct slice value;
    bool is_one = identifier_split(slice_of(resolve->text, resolve->text_bytes), &key, &value);
    ASSERT(is_one);
    struct id ids[RESOLVE_MAX];
    uint32_t count;
    uint32_t seen = 0;
    TRY(documents_by_identifier(reader->documents, read->actor.account, RESOURCE_THNG, key, value,
                                ids, RESOLVE_MAX, &count));
    for (uint32_t i = 0; i < count; i++) {
        if (!err_is_set(perm_sees(&read->actor, read->actor.account, RESOURCE_THNG, &ids[i]))) {
            read->resource = ids[i];
            seen++;
        }
    }
    return seen == 1 ? ERR(OK) : seen == 0 ? ERR(NOT_FOUND) : ERR(CONFLICT);
}

static void resolve_arrived(struct http_request *request, struct rest_read *read)
{
    request->resource = read->resource;
    request->needs_resolving = false;
    http_go_on(request, read->err);
}

static enum rest_step resolve_start(struct http_request *request)
{
    struct resolve *resolve = rest_read_new(request, sizeof(*resolve), resolve_run);
    if (resolve == NULL) {
        return REST_TAKEN;
    }
    ASSERT(request->resource_text.bytes <= sizeof(resolve->text));
    memcpy(resolve->text, request->resource_text.at, request->resource_text.bytes);
    resolve->text_bytes = request->resource_text.bytes;
    resolve->read.arrived = resolve_arrived;
    uint64_t number = request->number;
    rest_read_start(request, &resolve->read);
    if (request->number != number) {
        return REST_TAKEN; /* refused at once */
    }
    http_wait(request);
    return REST_AGAIN;
}

enum rest_step rest_begin(struct http_request *request)
{
    return request->needs_resolving ? resolve_start(request) : request->route->begin(request);
}

void rest_done(struct http_request *request, const struct answer *answer, const struct event *event)
{
    (void)event;
    if (err_is_set(answer->err)) {
        http_refuse(request, answer->err);
    } else {
        http_answer_body(request, (struct slice){0});
    }
}

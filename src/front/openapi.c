/* SPDX-License-Identifier: Apache-2.0 */
#include "front/openapi.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "codec/uri.h"
#include "front/openapi_inside.h"

static const char about[] =
    "The resources of a thrum broker. Every change is also a message on the topic of the same "
    "path, over MQTT and WebSocket, and over HTTP to whoever asks for `text/event-stream` or says "
    "`wait`; then the options of topics (`pubStates`, `from`, `last`) stand in the query. `/v2` in "
    "front of any path is an alias. Errors have the body that the schema Error describes.";

/* Operations are put together by the first word of their path. */
static const struct openapi_tag {
    const char *word; /* NULL: all others */
    const char *name;
    const char *help; /* NULL: another row of that name has it */
} tags[] = {
    {"thngs", "thngs", "Thngs, their properties and locations."},
    {"products", "products", "Products, which thngs are made after, and their properties."},
    {"collections", "collections", "Collections of thngs and of other collections."},
    {"actions", "actions", "Actions, and the types of them."},
    {"actionTypes", "actions", NULL},
    {"places", "places", "Places on the map."},
    {"projects", "projects", "Projects and their applications."},
    {"applications", "projects", NULL},
    {"batches", "batches", "Batches of thngs, and the tasks that make them."},
    {"files", "files", "Files."},
    {"auth", "keys", "The keys of devices and of users."},
    {"users", "users", "The users of applications, and what they share."},
    {"accesses", "users", NULL},
    {"roles", "rights", "Roles, access policies, access tokens; and decisions explained."},
    {"accessPolicies", "rights", NULL},
    {"accessTokens", "rights", NULL},
    {"why", "rights", NULL},
    {"accounts", "accounts", "Accounts and their operators."},
    {"operators", "accounts", NULL},
    {"me", "accounts", NULL},
    {NULL, "server", "Who one is, and what answers here."},
};

static const char *tag_of(struct slice pattern)
{
    struct slice rest = uri_path_begin(pattern);
    struct slice word = {0};
    uri_path_next(&rest, &word);
    size_t i = 0;
    while (tags[i].word != NULL && !slice_equal(word, slice_of_text(tags[i].word))) {
        i++;
    }
    return tags[i].name;
}

static void put_text(struct buf *out, struct slice name, const char *text)
{
    json_write_member_string(out, name, slice_of_text(text));
}

/* ---- operations ---- */

static void put_method(struct buf *out, enum http1_method method)
{
    struct slice name = http1_method_name(method);
    for (size_t i = 0; i < name.bytes; i++) {
        buf_put_byte(out, ascii_lower(name.at[i]));
    }
}

/* The letters of a word of the path, the first one (and those behind others) as a capital. */
static void put_capitalised(struct buf *out, struct slice word)
{
    bool is_first = true;
    for (size_t i = 0; i < word.bytes; i++) {
        uint8_t byte = word.at[i];
        bool is_lower = byte >= 'a' && byte <= 'z';
        bool is_letter = is_lower || (byte >= 'A' && byte <= 'Z');
        if (is_letter) {
            buf_put_byte(out, is_first && is_lower ? (uint8_t)(byte - 'a' + 'A') : byte);
        }
        is_first = !is_letter;
    }
}

/* "getThngsByThngIdPropertiesByKey": as unique as method and path. */
static void put_operation_id(struct buf *out, const struct rest_route *route)
{
    struct slice rest = uri_path_begin(slice_of_text(route->pattern));
    struct slice word;
    bool is_root = true;
    json_write_name(out, SLICE("operationId"));
    buf_put_byte(out, '"');
    put_method(out, route->method);
    while (uri_path_next(&rest, &word)) {
        is_root = false;
        if (word.at[0] == ':') {
            BUF_PUT_LITERAL(out, "By");
        }
        put_capitalised(out, word);
    }
    buf_put(out, is_root ? SLICE("Root\"") : SLICE("\""));
}

/* Whose keys may, from the table of rights. */
static void put_description(struct buf *out, const struct rest_route *route)
{
    static const struct {
        enum actor_kind kind;
        const char *name;
    } actors[] = {
        {ACTOR_OPERATOR, "operator"},
        {ACTOR_TRUSTED, "trusted application"},
        {ACTOR_APPLICATION, "application"},
        {ACTOR_USER, "user of an application"},
        {ACTOR_DEVICE, "device (its own thng)"},
        {ACTOR_ACCESS_TOKEN, "access token"},
    };
    const char *between = "Keys: ";
    json_write_name(out, SLICE("description"));
    buf_put_byte(out, '"');
    if (route->flags & ROUTE_PUBLIC) {
        BUF_PUT_LITERAL(out, "No key is needed");
    }
    for (size_t i = 0; i < ARRAY_LEN(actors) && !(route->flags & ROUTE_PUBLIC); i++) {
        if (perm_row(route->subject)->operations[actors[i].kind] & route->operation) {
            buf_put_format(out, "%s%s", between, actors[i].name);
            between = ", ";
        }
    }
    BUF_PUT_LITERAL(out, ".\"");
}

static void put_operation(struct buf *out, const struct rest_route *route)
{
    json_write_comma(out);
    buf_put_byte(out, '"');
    put_method(out, route->method);
    BUF_PUT_LITERAL(out, "\":");
    json_write_open(out, '{');
    put_operation_id(out, route);
    json_write_name(out, SLICE("tags"));
    buf_put_format(out, "[\"%s\"]", tag_of(slice_of_text(route->pattern)));
    put_text(out, SLICE("summary"), route->help);
    put_description(out, route);
    if (route->flags & ROUTE_PUBLIC) {
        json_write_member_json(out, SLICE("security"), SLICE("[]"));
    }
    openapi_put_parameters(out, route);
    openapi_put_body(out, route);
    openapi_put_responses(out, route);
    json_write_close(out, '}');
}

/* ---- paths ---- */

/* "/thngs/:thngId" as "/thngs/{thngId}". */
static void put_path(struct buf *out, struct slice pattern)
{
    struct slice rest = uri_path_begin(pattern);
    struct slice word;
    json_write_comma(out);
    buf_put_byte(out, '"');
    if (pattern.bytes == 1) {
        buf_put(out, pattern);
    }
    while (uri_path_next(&rest, &word)) {
        bool is_parameter = word.at[0] == ':';
        buf_put_format(out, is_parameter ? "/{%.*s}" : "/%.*s",
                       SLICE_ARGS(slice_from(word, is_parameter)));
    }
    BUF_PUT_LITERAL(out, "\":");
}

static void put_paths(struct buf *out)
{
    size_t count;
    const struct rest_route *routes = rest_routes(&count);
    for (size_t i = 0; i < count; i++) {
        struct slice pattern = slice_of_text(routes[i].pattern);
        size_t first = 0;
        while (!slice_equal(slice_of_text(routes[first].pattern), pattern)) {
            first++;
        }
        if (first < i) {
            continue; /* it has been written with the first row of that path */
        }
        put_path(out, pattern);
        json_write_open(out, '{');
        openapi_put_path_parameters(out, pattern);
        for (size_t k = i; k < count; k++) {
            if (slice_equal(slice_of_text(routes[k].pattern), pattern)) {
                put_operation(out, &routes[k]);
            }
        }
        json_write_close(out, '}');
    }
}

/* ---- the document ---- */

static void put_info(struct buf *out)
{
    json_write_name(out, SLICE("info"));
    json_write_open(out, '{');
    put_text(out, SLICE("title"), "thrum");
    put_text(out, SLICE("version"), THRUM_VERSION);
    put_text(out, SLICE("description"), about);
    json_write_member_json(out, SLICE("license"),
                           SLICE("{\"name\":\"Apache 2.0\",\"identifier\":\"Apache-2.0\"}"));
    json_write_close(out, '}');
}

static void put_tags(struct buf *out)
{
    json_write_name(out, SLICE("tags"));
    json_write_open(out, '[');
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        if (tags[i].help != NULL) {
            json_write_comma(out);
            json_write_open(out, '{');
            put_text(out, SLICE("name"), tags[i].name);
            put_text(out, SLICE("description"), tags[i].help);
            json_write_close(out, '}');
        }
    }
    json_write_close(out, ']');
}

/* An API key as it is, or behind the word Token or Bearer; or as a parameter. */
static void put_security_schemes(struct buf *out)
{
    json_write_member_json(
        out, SLICE("securitySchemes"),
        SLICE(
            "{\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"Authorization\"},"
            "\"keyParameter\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"access_token\"}}"));
}

static void put_components(struct buf *out)
{
    json_write_name(out, SLICE("components"));
    json_write_open(out, '{');
    put_security_schemes(out);
    json_write_name(out, SLICE("parameters"));
    json_write_open(out, '{');
    openapi_put_all_parameters(out);
    json_write_close(out, '}');
    json_write_member_json(
        out, SLICE("responses"),
        SLICE("{\"Error\":{\"description\":\"What went wrong.\",\"content\":{\"application/"
              "json\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}}}}"));
    json_write_name(out, SLICE("schemas"));
    json_write_open(out, '{');
    openapi_put_all_schemas(out);
    json_write_close(out, '}');
    json_write_close(out, '}');
}

void openapi_write(struct buf *out)
{
    json_write_open(out, '{');
    put_text(out, SLICE("openapi"), "3.1.0");
    put_info(out);
    json_write_member_json(out, SLICE("servers"), SLICE("[{\"url\":\"/\"}]"));
    json_write_member_json(out, SLICE("security"), SLICE("[{\"key\":[]},{\"keyParameter\":[]}]"));
    put_tags(out);
    json_write_name(out, SLICE("paths"));
    json_write_open(out, '{');
    put_paths(out);
    json_write_close(out, '}');
    put_components(out);
    json_write_close(out, '}');
}

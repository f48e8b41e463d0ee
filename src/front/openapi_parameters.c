/* SPDX-License-Identifier: Apache-2.0 */
#include "front/openapi_inside.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "codec/uri.h"

#define ID "{\"type\":\"string\",\"pattern\":\"^" OPENAPI_ID_PATTERN "$\"}"
/* An id, or an identifier of the resource (rest.md 1.5). */
#define ID_OR_IDENTIFIER                                                                         \
    "{\"type\":\"string\",\"minLength\":3,\"maxLength\":128,\"pattern\":\"^(" OPENAPI_ID_PATTERN \
    "|[A-Za-z0-9._:-]+:[A-Za-z0-9._-]+)$\"}"
#define TEXT "{\"type\":\"string\"}"
#define BOOLEAN "{\"type\":\"boolean\"}"
#define TIMESTAMP "{\"type\":\"integer\",\"minimum\":0,\"maximum\":9007199254740991}"

/* ---- which operation takes what ---- */

static bool is_list(const struct rest_route *route)
{
    return route->flags & ROUTE_LIST && route->method == HTTP1_GET;
}

static bool is_history(const struct rest_route *route)
{
    return route->reply == REPLY_HISTORY || (is_list(route) && route->reply == REPLY_LOCATIONS);
}

/* A list of resources, not of samples. */
static bool is_resource_list(const struct rest_route *route)
{
    return is_list(route) && !is_history(route);
}

/* It changes or deletes what is selected. */
static bool is_bulk(const struct rest_route *route)
{
    return route->flags & ROUTE_LIST && route->method != HTTP1_GET;
}

static bool is_selecting(const struct rest_route *route)
{
    return is_resource_list(route) || is_bulk(route);
}

static bool has_filter(const struct rest_route *route)
{
    return is_selecting(route) || is_history(route);
}

static bool is_cut(const struct rest_route *route)
{
    return route->begin == rest_cut;
}

static bool has_times(const struct rest_route *route)
{
    return is_history(route) || is_cut(route) || route->reply == REPLY_ACTIONS;
}

static bool has_scopes(const struct rest_route *route)
{
    return route->reply == REPLY_DOCUMENT || route->reply == REPLY_DOCUMENTS ||
           route->reply == REPLY_THNGS || route->reply == REPLY_COLLECTION ||
           route->reply == REPLY_ACTION || route->reply == REPLY_ACTIONS;
}

static bool has_context(const struct rest_route *route)
{
    return route->method == HTTP1_GET &&
           (route->reply == REPLY_ACTION || route->reply == REPLY_ACTIONS);
}

/* What is looked at, or made, may be narrowed to a project. */
static bool has_project(const struct rest_route *route)
{
    return !(route->flags & ROUTE_PUBLIC) && (route->kind != 0 || route->subject == PERM_ACTIONS);
}

/* What a user makes is its own, unless it says otherwise. */
static bool has_user_scope(const struct rest_route *route)
{
    return route->operation == PERM_CREATE && route->begin == rest_document_create &&
           perm_row(route->subject)->operations[ACTOR_USER] & PERM_CREATE;
}

static bool is_near(const struct rest_route *route)
{
    return is_list(route) && route->kind == RESOURCE_PLACE;
}

static bool is_time(const struct rest_route *route)
{
    return route->reply == REPLY_TIME;
}

static bool is_link(const struct rest_route *route)
{
    return route->begin == rest_file_content || route->begin == rest_file_upload;
}

bool openapi_is_topic(const struct rest_route *route)
{
    for (int family = 1; family < TOPIC_FAMILY_COUNT && route->method == HTTP1_GET; family++) {
        const char *pattern = topic_family_row((enum topic_family)family)->pattern;
        if (slice_equal(slice_of_text(pattern), slice_of_text(route->pattern))) {
            return true;
        }
    }
    return false;
}

/* ---- the parameters ---- */

static const struct {
    const char *name;
    const char *schema;
    const char *help;
} path_parameters[] = {
    {"thngId", ID_OR_IDENTIFIER, "The thng: its id, or an identifier as `key:value`."},
    {"productId", ID_OR_IDENTIFIER, "The product: its id, or an identifier as `key:value`."},
    {"collectionId", ID, "The collection."},
    {"memberId", ID, "The member of the collection."},
    {"placeId", ID, "The place."},
    {"projectId", ID, "The project."},
    {"applicationId", ID, "The application."},
    {"batchId", ID, "The batch."},
    {"taskId", ID, "The task."},
    {"fileId", ID, "The file."},
    {"actionId", ID, "The action."},
    {"keyThngId", ID, "The thng whose key it is."},
    {"operatorId", ID, "The operator."},
    {"operatorAccessId", ID, "What an operator has in the account: the operator's id."},
    {"accountId", ID, "The account."},
    {"userId", ID, "The user."},
    {"accessId", ID, "What another user is let at."},
    {"roleId", TEXT, "The role: its id, or the name of a built-in one."},
    {"policyId", ID, "The access policy."},
    {"tokenId", ID, "The access token."},
    {"name", TEXT, "The name of the permission."},
    {"key", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":128}",
     "The key of the property, in any case."},
    {"type", TEXT, "The name of an action type; where actions are meant, `all` is all of them."},
};

static const struct {
    const char *place;
    const char *name;
    const char *schema;
    const char *help;
    bool (*is_taken)(const struct rest_route *route);
} other_parameters[] = {
    {"query", "project", ID,
     "A project: only what is visible in it is found, and what is made is put into it.",
     has_project},
    {"query", "userScope", "{\"const\":\"all\"}", "What a user makes is shown to all users.",
     has_user_scope},
    {"query", "withScopes", BOOLEAN, "Shows `scopes`.", has_scopes},
    {"query", "context", BOOLEAN, "Shows `context`.", has_context},
    {"query", "perPage", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":30}",
     "Items on a page.", is_list},
    {"query", "sortOrder",
     "{\"type\":\"string\",\"enum\":[\"ASCENDING\",\"DESCENDING\"],\"default\":\"DESCENDING\"}",
     "Oldest first, or newest first.", is_list},
    {"query", "nextPageToken", TEXT,
     "Where the page begins, as the header Link of the one before says.", is_list},
    {"query", "page", "{\"type\":\"integer\",\"minimum\":1,\"default\":1}",
     "The number of the page; nextPageToken is quicker and surer.", is_resource_list},
    {"query", "filter", TEXT,
     "Conditions joined by `&`, such as `tags=a,b` or `createdAt>1700000000000`.", has_filter},
    {"query", "ids", TEXT, "Ids, at most 100, with commas between them.", is_selecting},
    {"query", "withTotalCount", BOOLEAN, "Tells in the header X-Result-Count how many there are.",
     is_resource_list},
    {"query", "from", TIMESTAMP, "Not before this time, in milliseconds since 1970.", has_times},
    {"query", "to", TIMESTAMP,
     "Not after this time, in milliseconds since 1970; of what is deleted, before it.", has_times},
    {"query", "lat", "{\"type\":\"number\",\"minimum\":-90,\"maximum\":90}",
     "Latitude: places are listed by their distance from there.", is_near},
    {"query", "lon", "{\"type\":\"number\",\"minimum\":-180,\"maximum\":180}",
     "Longitude, with `lat`.", is_near},
    {"query", "maxDist", "{\"type\":\"number\",\"minimum\":0}",
     "The longest distance in kilometres.", is_near},
    {"query", "tz", TEXT, "A time zone, such as `Europe/Zurich`.", is_time},
    {"query", "expires", TIMESTAMP, "As the link has it.", is_link},
    {"query", "signature", TEXT, "As the link has it.", is_link},
    {"query", "wait", "{\"type\":\"integer\",\"minimum\":1}",
     "Answers with the next message of the topic, or with 204 when none has come in so many "
     "seconds. The answer's header Last-Event-ID, sent with the next such request, says where to "
     "go on.",
     openapi_is_topic},
    {"header", "Last-Event-ID", "{\"type\":\"integer\",\"minimum\":0}",
     "Of a stream or with `wait`: the last event that has been received.", openapi_is_topic},
};

static void put_reference(struct buf *out, const char *place, struct slice name)
{
    json_write_comma(out);
    buf_put_format(out, "{\"$ref\":\"#/components/parameters/%s-%.*s\"}", place, SLICE_ARGS(name));
}

void openapi_put_path_parameters(struct buf *out, struct slice pattern)
{
    struct slice rest = uri_path_begin(pattern);
    struct slice word;
    if (slice_find(pattern, ':') == pattern.bytes) {
        return;
    }
    json_write_name(out, SLICE("parameters"));
    json_write_open(out, '[');
    while (uri_path_next(&rest, &word)) {
        if (word.at[0] == ':') {
            put_reference(out, "path", slice_from(word, 1));
        }
    }
    json_write_close(out, ']');
}

void openapi_put_parameters(struct buf *out, const struct rest_route *route)
{
    bool is_begun = false;
    for (size_t i = 0; i < ARRAY_LEN(other_parameters); i++) {
        if (!other_parameters[i].is_taken(route)) {
            continue;
        }
        if (!is_begun) {
            is_begun = true;
            json_write_name(out, SLICE("parameters"));
            json_write_open(out, '[');
        }
        put_reference(out, other_parameters[i].place, slice_of_text(other_parameters[i].name));
    }
    if (is_begun) {
        json_write_close(out, ']');
    }
}

static void put_parameter(struct buf *out, const char *where, const char *name, const char *schema,
                          const char *help)
{
    json_write_comma(out);
    buf_put_format(out, "\"%s-%s\":", where, name);
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("name"), slice_of_text(name));
    json_write_member_string(out, SLICE("in"), slice_of_text(where));
    if (strcmp(where, "path") == 0) {
        json_write_member_boolean(out, SLICE("required"), true);
    }
    json_write_member_string(out, SLICE("description"), slice_of_text(help));
    json_write_member_json(out, SLICE("schema"), slice_of_text(schema));
    json_write_close(out, '}');
}

void openapi_put_all_parameters(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(path_parameters); i++) {
        put_parameter(out, "path", path_parameters[i].name, path_parameters[i].schema,
                      path_parameters[i].help);
    }
    for (size_t i = 0; i < ARRAY_LEN(other_parameters); i++) {
        put_parameter(out, other_parameters[i].place, other_parameters[i].name,
                      other_parameters[i].schema, other_parameters[i].help);
    }
}

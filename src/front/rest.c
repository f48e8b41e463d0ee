/* SPDX-License-Identifier: Apache-2.0 */
#include "front/rest.h"

#include "base/assert.h"
#include "codec/uri.h"
#include "front/rest_follow.h"
#include "front/rest_identify.h"
#include "front/rest_query.h"
#include "model/property.h"
#include "model/role.h"

/* More segments than any path of the table has, "/v2" included, are no path of ours. */
#define SEGMENTS_MAX 7

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

/* ---- parameters, by their names in the patterns ---- */

enum parameter {
    PARAMETER_RESOURCE,   /* the first id */
    PARAMETER_IDENTIFIED, /* the same, or an identifier in its place */
    PARAMETER_ACCOUNT,    /* the same, which must be the actor's own */
    PARAMETER_ROLE,       /* the same, or the name of a built-in role */
    PARAMETER_CHILD,      /* the second id */
    PARAMETER_KEY,
    PARAMETER_TYPE,
    PARAMETER_NAME, /* of a permission */
};

static enum parameter parameter_of(struct slice name)
{
    static const struct {
        struct slice name;
        enum parameter parameter;
    } rows[] = {
        {SLICE_INIT(":thngId"), PARAMETER_IDENTIFIED},
        {SLICE_INIT(":productId"), PARAMETER_IDENTIFIED},
        {SLICE_INIT(":accountId"), PARAMETER_ACCOUNT},
        {SLICE_INIT(":roleId"), PARAMETER_ROLE},
        {SLICE_INIT(":key"), PARAMETER_KEY},
        {SLICE_INIT(":type"), PARAMETER_TYPE},
        {SLICE_INIT(":name"), PARAMETER_NAME},
        {SLICE_INIT(":memberId"), PARAMETER_CHILD},
        {SLICE_INIT(":actionId"), PARAMETER_CHILD},
        {SLICE_INIT(":taskId"), PARAMETER_CHILD},
        {SLICE_INIT(":applicationId"), PARAMETER_CHILD},
        {SLICE_INIT(":operatorAccessId"), PARAMETER_CHILD},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (slice_equal(name, rows[i].name)) {
            return rows[i].parameter;
        }
    }
    return PARAMETER_RESOURCE;
}

/* Compares the path with a pattern. */
static bool path_matches(const struct path *path, struct slice pattern)
{
    struct slice rest = uri_path_begin(pattern);
    struct slice wanted;
    size_t i = 0;
    for (; uri_path_next(&rest, &wanted); i++) {
        bool is_parameter = wanted.bytes > 0 && wanted.at[0] == ':';
        if (i == path->count || !(is_parameter || slice_equal(path->segments[i], wanted))) {
            return false;
        }
    }
    return i == path->count;
}

/* A child that is no id stays unset: it is judged when the rights have been. */
static void take_parameters(struct http_request *request, const struct path *path)
{
    struct slice rest = uri_path_begin(slice_of_text(request->route->pattern));
    struct slice name;
    for (size_t i = 0; uri_path_next(&rest, &name); i++) {
        struct slice value = path->segments[i];
        if (name.at[0] != ':') {
            continue;
        }
        switch (parameter_of(name)) {
        case PARAMETER_RESOURCE:
        case PARAMETER_IDENTIFIED:
        case PARAMETER_ACCOUNT:
        case PARAMETER_ROLE:
            request->resource_text = value;
            break;
        case PARAMETER_CHILD:
            if (!id_parse(value, &request->child)) {
                request->child = (struct id){0};
            }
            break;
        case PARAMETER_KEY:
            request->key = value;
            break;
        case PARAMETER_TYPE:
        case PARAMETER_NAME:
            request->type = value;
            break;
        }
    }
}

struct err rest_find(struct http_request *request, uint8_t *memory)
{
    struct path path;
    size_t count;
    const struct rest_route *routes = rest_routes(&count);
    if (!path_read(request->path, memory, &path)) {
        return ERR(NOT_FOUND);
    }
    for (size_t i = 0; i < count; i++) {
        const struct rest_route *route = &routes[i];
        if (!path_matches(&path, slice_of_text(route->pattern))) {
            continue;
        }
        request->methods |= 1u << route->method;
        if (route->method == HTTP1_GET) {
            request->methods |= 1u << HTTP1_HEAD;
        }
        if (route->method == request->method) {
            request->route = route;
            take_parameters(request, &path);
            return ERR(OK);
        }
    }
    return request->methods != 0 ? ERR(METHOD_UNKNOWN) : ERR(NOT_FOUND);
}

/* ---- judging ---- */

static struct err judge_resource(struct http_request *request, bool may_be_identifier)
{
    if (id_parse(request->resource_text, &request->resource)) {
        return ERR(OK);
    }
    request->needs_resolving = may_be_identifier && rest_is_identifier(request->resource_text);
    return request->needs_resolving ? ERR(OK) : ERR(NOT_FOUND);
}

/* A built-in role has no id: <resource> stays unset. */
static struct err judge_role(struct http_request *request)
{
    enum role_type type;
    return role_is_built_in(request->resource_text, &type) ? ERR(OK)
                                                           : judge_resource(request, false);
}

static struct err judge_type(struct http_request *request)
{
    if (slice_is_empty(request->type)) {
        return ERR(NOT_FOUND);
    }
    if (request->route->kind == RESOURCE_ACTION_TYPE) {
        request->resource = id_of_name(request->actor.account, RESOURCE_ACTION_TYPE, request->type);
    }
    return ERR(OK);
}

static struct err judge_parameter(struct http_request *request, enum parameter parameter)
{
    switch (parameter) {
    case PARAMETER_RESOURCE:
        return judge_resource(request, false);
    case PARAMETER_IDENTIFIED:
        return judge_resource(request, true);
    case PARAMETER_ACCOUNT:
        request->needs_account_check = true;
        return judge_resource(request, false);
    case PARAMETER_ROLE:
        return judge_role(request);
    case PARAMETER_CHILD:
        return id_is_set(&request->child) ? ERR(OK) : ERR(NOT_FOUND);
    case PARAMETER_KEY:
        /* Lower case is made in place: the decoded text is the request's, or part of its path. */
        return property_key_normalise(request->key, (uint8_t *)(uintptr_t)request->key.at,
                                      &request->key);
    case PARAMETER_TYPE:
        return judge_type(request);
    case PARAMETER_NAME:
        return ERR(OK);
    }
    return ERR(INTERNAL);
}

static struct err judge_parameters(struct http_request *request)
{
    struct slice rest = uri_path_begin(slice_of_text(request->route->pattern));
    struct slice name;
    while (uri_path_next(&rest, &name)) {
        if (name.at[0] == ':') {
            TRY(judge_parameter(request, parameter_of(name)));
        }
    }
    return ERR(OK);
}

/* A key that belongs to a project names no other one, and one that is limited to some only these
 * (contract: auth.md 7). */
static struct err judge_project(struct http_request *request)
{
    bool found;
    TRY(rest_query_id(request->query, SLICE("project"), &found, &request->project));
    bool may_name = !found || perm_may_name(&request->actor, &request->project);
    return may_name ? ERR(OK) : ERR(NOT_FOUND);
}

/* Both spellings are seen (contract: auth.md 7, REST 1.6). */
static bool asks_for_all_users(struct slice query)
{
    struct slice value;
    return (rest_query_find(query, SLICE("userScope"), &value) &&
            slice_equal(value, SLICE("all"))) ||
           (rest_query_find(query, SLICE("scope"), &value) && slice_equal(value, SLICE("all")));
}

/* An application may record actions of one type. */
enum perm_subject rest_subject(const struct http_request *request)
{
    return request->route->subject == PERM_ACTIONS
               ? perm_subject_of_topic(TOPIC_ACTIONS, request->type)
               : request->route->subject;
}

struct err rest_judge(struct http_request *request)
{
    const struct rest_route *route = request->route;
    if (!(route->flags & ROUTE_PUBLIC)) {
        TRY(perm_may(&request->actor, rest_subject(request), route->operation));
        TRY(judge_project(request));
        request->is_for_all_users =
            route->operation == PERM_CREATE && asks_for_all_users(request->query);
    }
    return judge_parameters(request);
}

/* ---- identifiers in place of ids ---- */

static void resolve_arrived(struct http_request *request, struct rest_read *read)
{
    request->resource = read->resource;
    request->needs_resolving = false;
    http_go_on(request, read->err);
}

enum rest_step rest_begin(struct http_request *request)
{
    return rest_follow_is_wanted(request) ? rest_follow_begin(request)
                                          : rest_begin_plainly(request);
}

enum rest_step rest_begin_plainly(struct http_request *request)
{
    if (request->needs_account_check) {
        return rest_account_check(request);
    }
    return request->needs_resolving ? rest_identify(request, request->route->kind,
                                                    request->resource_text, resolve_arrived)
                                    : request->route->begin(request);
}

void rest_take_event(struct http_request *request, const struct event *event)
{
    if (request->route->on_answer == rest_action_created) {
        rest_action_event(request, event);
    }
}

void rest_done(struct http_request *request, const struct answer *answer, const struct event *event)
{
    (void)event;
    if (err_is_set(answer->err)) {
        http_refuse(request, answer->err);
    } else {
        http_answer(request, &(struct http_answer){.status = request->route->status});
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "front/rest_giving.h"

#include "codec/json.h"
#include "front/rest_documents.h"
#include "front/rest_keys.h"
#include "model/document.h"
#include "model/role.h"

/* The items of a list; of what is none, none. */
static struct json_each items_of(struct json_value list)
{
    const struct json_value empty = {.type = JSON_ARRAY, .text = SLICE("[]")};
    return json_each(list.type == JSON_ARRAY ? list : empty);
}

static bool is_empty(struct json_value list)
{
    struct json_each each = items_of(list);
    struct json_value item;
    return !json_array_next(&each, &item);
}

/* ---- access policies ---- */

/* One that cannot be read is not known to give nothing; that it is wrong is told before this. */
static struct err add_permission(struct json_value item, struct perm_rights *rights)
{
    bool is_read =
        item.type == JSON_STRING && !err_is_set(policy_add(json_string_raw(item), rights));
    return is_read ? ERR(OK) : ERR(GRANTS_TOO_MUCH);
}

struct err rest_giving_of_policy(const struct http_request *request)
{
    const struct grant *grant = request->actor.grant;
    struct perm_rights rights = {0};
    struct json_value body;
    if (grant == NULL || err_is_set(json_scan(request->body, JSON_DEPTH_MAX, &body))) {
        return ERR(OK);
    }
    struct json_each each = items_of(json_member(body, SLICE("permissions")));
    struct json_value item;
    while (json_array_next(&each, &item)) {
        TRY(add_permission(item, &rights));
    }
    /* A policy is not limited to any places: whoever is cannot give places by it. */
    bool gives_places = grant->limits_places && rights.operations[PERM_PLACES] != 0;
    return !gives_places && grant_holds(grant, &rights) ? ERR(OK) : ERR(GRANTS_TOO_MUCH);
}

/* ---- access tokens, and operators ---- */

/* None of these members is taken away by null. */
static bool is_named(struct json_value body, struct slice name)
{
    enum json_type type = json_member(body, name).type;
    return type != JSON_NONE && type != JSON_NULL;
}

/* What it will have: the body's member where there is one, else the stored one. */
static struct json_value member_of(struct json_value body, struct json_value stored,
                                   struct slice name)
{
    return json_member(is_named(body, name) ? body : stored, name);
}

/* A policy that is not there is for the engine to tell. */
static struct err judge_policy(struct reader *reader, const struct actor *actor,
                               struct json_value item)
{
    struct id id;
    struct document policy;
    if (item.type != JSON_STRING || !id_parse(json_string_raw(item), &id)) {
        return ERR(GRANTS_TOO_MUCH); /* as above */
    }
    struct err err = documents_get(reader->documents, &id, &policy);
    if (err_is_set(err)) {
        return err_equal(err, ERR(NOT_FOUND)) ? ERR(OK) : err;
    }
    if (policy.kind != RESOURCE_ACCESS_POLICY || policy.account != actor->account) {
        return ERR(OK);
    }
    const struct json_value object = json_object_of(policy.text);
    const struct perm_rights rights = policy_rights(json_member(object, SLICE("permissions")).text);
    return grant_holds(actor->grant, &rights) ? ERR(OK) : ERR(GRANTS_TOO_MUCH);
}

static struct err judge_policies(struct reader *reader, const struct actor *actor,
                                 struct json_value policies)
{
    struct json_each each = items_of(policies);
    struct json_value item;
    while (json_array_next(&each, &item)) {
        TRY(judge_policy(reader, actor, item));
    }
    return ERR(OK);
}

static bool has_place(const struct grant *grant, const struct id *place)
{
    for (uint32_t i = 0; i < grant->place_count; i++) {
        if (id_equal(&grant->places[i], place)) {
            return true;
        }
    }
    return false;
}

/* Whoever is limited to some places limits others to some of these. */
static struct err judge_conditions(const struct grant *grant, struct json_value conditions)
{
    struct json_each each = items_of(conditions);
    struct json_value item;
    struct id place;
    if (!grant->limits_places) {
        return ERR(OK);
    }
    while (json_array_next(&each, &item)) {
        bool is_read = item.type == JSON_STRING &&
                       !err_is_set(policy_condition(json_string_raw(item), &place));
        if (!is_read || !has_place(grant, &place)) {
            return ERR(GRANTS_TOO_MUCH);
        }
    }
    return is_empty(conditions) ? ERR(GRANTS_TOO_MUCH) : ERR(OK);
}

/* Roles are the administrators' to give; and an operator with neither role nor policies is one. */
static struct err judge_role(const struct rest_giving *giving, struct json_value body,
                             struct json_value stored, struct json_value policies)
{
    if (giving->kind != RESOURCE_OPERATOR) {
        return ERR(OK);
    }
    bool has_role = json_member(stored, SLICE("role")).type == JSON_STRING;
    bool is_given = is_named(body, SLICE("role")) || giving->is_renewal;
    bool is_administrator = !has_role && policies.type != JSON_ARRAY;
    return is_given || is_administrator ? ERR(GRANTS_TOO_MUCH) : ERR(OK);
}

static struct err judge(struct reader *reader, const struct actor *actor,
                        const struct rest_giving *giving, struct json_value body,
                        struct json_value stored)
{
    struct json_value policies = member_of(body, stored, SLICE("policies"));
    struct json_value conditions = member_of(body, stored, SLICE("conditions"));
    bool gives = giving->is_creation || giving->is_renewal || is_named(body, SLICE("policies")) ||
                 is_named(body, SLICE("conditions")) || is_named(body, SLICE("role"));
    if (!gives) {
        return ERR(OK);
    }
    TRY(judge_role(giving, body, stored, policies));
    TRY(judge_conditions(actor->grant, conditions));
    return judge_policies(reader, actor, policies);
}

/* The resource's text is copied: judging reads other documents. */
static struct err read_stored(struct reader *reader, uint32_t account,
                              const struct rest_giving *giving, struct json_value *stored)
{
    struct document document;
    struct buf *text = &reader->scratch;
    if (giving->is_creation) {
        return ERR(OK);
    }
    TRY(documents_get(reader->documents, &giving->id, &document));
    if (document.kind != giving->kind || document.account != account) {
        return ERR(NOT_FOUND);
    }
    buf_reset(text);
    buf_put(text, document.text);
    *stored = json_object_of(buf_data(text));
    return text->failed ? ERR(NO_MEMORY) : ERR(OK);
}

struct err rest_giving_check(struct reader *reader, const struct actor *actor,
                             const struct rest_giving *giving)
{
    struct json_value body = {0};
    struct json_value stored = {0};
    if (!giving->is_renewal && err_is_set(json_scan(giving->body, JSON_DEPTH_MAX, &body))) {
        return ERR(OK);
    }
    TRY(read_stored(reader, actor->account, giving, &stored));
    return judge(reader, actor, giving, body, stored);
}

/* ---- the read ---- */

struct giving_read {
    struct rest_read read;
    struct rest_giving giving;
    uint8_t memory[];
};

static struct err giving_run(struct reader *reader, struct rest_read *read)
{
    const struct giving_read *job = (const void *)read; /* it begins with the read */
    return rest_giving_check(reader, &read->actor, &job->giving);
}

/* That there is no such resource the engine tells as well. */
static void giving_arrived(struct http_request *request, struct rest_read *read)
{
    bool is_too_much = err_equal(read->err, ERR(GRANTS_TOO_MUCH));
    bool is_judged = !err_is_set(read->err) || is_too_much || err_equal(read->err, ERR(NOT_FOUND));
    request->kept.issue.is_judged = true;
    request->kept.issue.refusal = is_too_much ? read->err : ERR(OK);
    http_go_on(request, is_judged ? ERR(OK) : read->err);
}

bool rest_giving_is_to_judge(const struct http_request *request)
{
    bool may_lack = request->actor.grant != NULL && request->route->kind != RESOURCE_APPLICATION;
    return may_lack && !request->kept.issue.is_judged;
}

enum rest_step rest_giving_judge(struct http_request *request)
{
    struct giving_read *job =
        rest_read_new(request, sizeof(*job) + request->body.bytes, giving_run);
    if (job == NULL) {
        return REST_TAKEN;
    }
    uint8_t *memory = job->memory;
    job->giving = (struct rest_giving){
        .kind = request->route->kind,
        .is_creation = request->method == HTTP1_POST,
        .is_renewal = request->method == HTTP1_DELETE,
        .id = *rest_document_id(request),
        .body = rest_read_keep(&memory, request->body),
    };
    job->read.is_of_one_moment = true;
    job->read.arrived = giving_arrived;
    return rest_read_ahead(request, &job->read);
}

/* ---- writing ---- */

enum rest_step rest_giving_create(struct http_request *request, enum key_kind kind)
{
    if (rest_giving_is_to_judge(request)) {
        return rest_giving_judge(request);
    }
    struct buf sealed = {0};
    const struct command_key key =
        rest_key_make(request->conn->front, kind, request->kept.issue.api_key, &sealed);
    enum rest_step step = REST_TAKEN;
    if (sealed.failed) {
        http_refuse(request, ERR(NO_MEMORY));
    } else {
        struct document_send send = {
            .is_creation = true,
            .refusal = request->kept.issue.refusal,
            .keys = &key,
            .key_count = 1,
        };
        step = rest_document_send(request, &send);
    }
    buf_deinit(&sealed);
    return step;
}

enum rest_step rest_giving_update(struct http_request *request, struct slice body)
{
    if (rest_giving_is_to_judge(request)) {
        return rest_giving_judge(request);
    }
    struct document_send send = {
        .target = *rest_document_id(request),
        .body = body,
        .refusal = request->kept.issue.refusal,
    };
    return rest_document_send(request, &send);
}

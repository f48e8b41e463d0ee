/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators over HTTP: as themselves (/operators/:id, /me), and as those who have access to an
 * account (contract: auth.md 2.1, 2.5). An operator's access has the operator's id; what is shown
 * of it is in view.c. */
#include "front/rest_documents.h"
#include "front/rest_giving.h"

#include "base/assert.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "model/document.h"
#include "model/role.h"

/* ---- bodies in parts ---- */

static bool is_one_of(const struct json_member *member, const struct slice *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (json_member_is(member, names[i])) {
            return true;
        }
    }
    return false;
}

/* The body with, or without, the members of these names, in request->gathered. One that is no
 * object stays as it is: it will be refused. */
static struct slice part_of_body(struct http_request *request, bool with, const struct slice *names,
                                 size_t count)
{
    struct buf *out = &request->gathered;
    struct json_value body;
    struct err err =
        json_scan(request->body, request->conn->front->shared->limits.json_depth_max, &body);
    if (err_is_set(err) || body.type != JSON_OBJECT) {
        return request->body;
    }
    struct json_each each = json_each(body);
    struct json_member member;
    buf_reset(out);
    json_write_open(out, '{');
    while (json_object_next(&each, &member)) {
        if (is_one_of(&member, names, count) == with) {
            json_write_comma(out);
            buf_put_byte(out, '"');
            buf_put(out, member.name);
            BUF_PUT_LITERAL(out, "\":");
            buf_put(out, member.value.text);
        }
    }
    json_write_close(out, '}');
    return buf_data(out);
}

/* ---- oneself ---- */

static struct err operator_run(struct reader *reader, struct rest_read *read)
{
    const struct view view = rest_read_view(reader, read);
    struct document document;
    TRY(documents_get(reader->documents, &read->actor.id, &document));
    return view_write_found(&view, &document, &read->body);
}

static bool is_itself(struct http_request *request)
{
    bool is_own = id_equal(&request->resource, &request->actor.id);
    if (!is_own) {
        http_refuse(request, ERR(NOT_FOUND));
    }
    return is_own;
}

/* Others than itself an operator does not see here. */
enum rest_step rest_operator_read(struct http_request *request)
{
    if (is_itself(request)) {
        rest_read_moment(request, operator_run);
    }
    return REST_TAKEN;
}

/* Its rights are for others to give. */
enum rest_step rest_operator_update(struct http_request *request)
{
    static const struct slice rights[] = {
        SLICE_INIT("role"),
        SLICE_INIT("policies"),
        SLICE_INIT("conditions"),
    };
    if (!is_itself(request)) {
        return REST_TAKEN;
    }
    struct document_send send = {
        .target = request->resource,
        .subject = PERM_OPERATORS,
        .operation = PERM_UPDATE,
        .body = part_of_body(request, false, rights, ARRAY_LEN(rights)),
    };
    if (request->gathered.failed) {
        http_refuse(request, ERR(NO_MEMORY));
        return REST_TAKEN;
    }
    return rest_document_send(request, &send);
}

/* ---- /me ---- */

/* The names are put together as they are stored, escapes and all. */
static void put_name(struct buf *out, struct slice holder)
{
    struct slice first = document_text(holder, SLICE("firstName"));
    struct slice last = document_text(holder, SLICE("lastName"));
    json_write_name(out, SLICE("name"));
    buf_put_byte(out, '"');
    buf_put(out, first);
    if (first.bytes > 0 && last.bytes > 0) {
        buf_put_byte(out, ' ');
    }
    buf_put(out, last);
    buf_put_byte(out, '"');
}

static struct err put_policies(struct reader *reader, struct slice holder, struct buf *out)
{
    struct json_value policies = json_member(json_object_of(holder), SLICE("policies"));
    if (policies.type != JSON_ARRAY) {
        return ERR(OK);
    }
    struct json_each each = json_each(policies);
    struct json_value item;
    while (json_array_next(&each, &item)) {
        struct document policy;
        struct id id;
        bool is_id = id_parse(json_string_raw(item), &id);
        ASSERT(is_id); /* as the document was checked */
        struct err err = documents_get(reader->documents, &id, &policy);
        if (!err_is_set(err)) {
            json_write_comma(out);
            buf_put(out, policy.text);
        } else if (!err_equal(err, ERR(NOT_FOUND))) {
            return err;
        }
    }
    return ERR(OK);
}

static bool put_row(void *arg, const struct document *document)
{
    buf_put(arg, document->text);
    return false;
}

/* An administrator's rights are those of the policy that each account has. */
static struct err put_managed_policy(struct reader *reader, uint32_t account, struct buf *out)
{
    const struct slice name = POLICY_ADMIN;
    const struct filter_condition is_managed = {
        .field = FILTER_NAME,
        .values = &name,
        .value_count = 1,
    };
    const struct documents_query query = {
        .account = account,
        .kind = RESOURCE_ACCESS_POLICY,
        .limit = 1,
        .conditions = &is_managed,
        .condition_count = 1,
    };
    return documents_list(reader->documents, &query, put_row, out);
}

static struct err me_run(struct reader *reader, struct rest_read *read)
{
    struct buf *out = &read->body;
    struct document document;
    TRY(documents_get(reader->documents, &read->actor.id, &document));
    buf_reset(&reader->scratch);
    buf_put(&reader->scratch, document.text);
    if (reader->scratch.failed) {
        return ERR(NO_MEMORY);
    }
    const struct slice holder = buf_data(&reader->scratch);
    struct slice email = json_member(json_object_of(holder), SLICE("email")).text;
    struct slice conditions = json_member(json_object_of(holder), SLICE("conditions")).text;
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("id"), id_slice(&read->actor.id));
    json_write_member_string(out, SLICE("operator"), id_slice(&read->actor.id));
    put_name(out, holder);
    /* The first operator has none, and clients expect the member. */
    json_write_member_json(out, SLICE("email"), slice_is_empty(email) ? SLICE("\"\"") : email);
    json_write_name(out, SLICE("policies"));
    json_write_open(out, '[');
    TRY(read->actor.grant == NULL ? put_managed_policy(reader, read->actor.account, out)
                                  : put_policies(reader, holder, out));
    json_write_close(out, ']');
    json_write_member_json(out, SLICE("conditions"),
                           slice_is_empty(conditions) ? SLICE("[]") : conditions);
    json_write_close(out, '}');
    return ERR(OK);
}

enum rest_step rest_me(struct http_request *request)
{
    rest_read_moment(request, me_run);
    return REST_TAKEN;
}

/* ---- accesses ---- */

enum rest_step rest_operator_access_create(struct http_request *request)
{
    return rest_giving_create(request, KEY_OPERATOR);
}

enum rest_step rest_operator_access_update(struct http_request *request)
{
    return rest_giving_update(request, request->body);
}

/* Of the first generation: it is the role alone that changes there. */
enum rest_step rest_account_access_update(struct http_request *request)
{
    static const struct slice taken[] = {SLICE_INIT("id"), SLICE_INIT("role")};
    const struct slice body = part_of_body(request, true, taken, ARRAY_LEN(taken));
    if (request->gathered.failed) {
        http_refuse(request, ERR(NO_MEMORY));
        return REST_TAKEN;
    }
    return rest_giving_update(request, body);
}

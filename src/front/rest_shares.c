/* SPDX-License-Identifier: Apache-2.0
 *
 * Users let other users at what is their own, with the rights of a role (contract: auth.md 2.4).
 * Nobody grants more than they hold: else whoever has a role that takes something away would have
 * it back by sharing with itself. */
#include "front/rest_documents.h"

#include "codec/json.h"
#include "front/publish_inside.h"
#include "model/document.h"
#include "model/role.h"

static struct err judge(const struct actor *actor, const struct perm_rights *rights)
{
    return grant_holds(actor->grant, rights) ? ERR(OK) : ERR(GRANTS_TOO_MUCH);
}

/* All that users may, but for what they may with any role. */
static struct err judge_base(const struct actor *actor)
{
    struct perm_rights rights = perm_column(ACTOR_USER);
    const struct perm_rights open = perm_open(ACTOR_USER);
    for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
        rights.operations[i] &= (uint8_t)~open.operations[i];
    }
    return judge(actor, &rights);
}

/* The role is the read's child. That there is none is for the engine to tell. */
static struct err role_run(struct reader *reader, struct rest_read *read)
{
    struct document role;
    struct slice shown;
    struct slice permissions;
    struct err err = documents_get(reader->documents, &read->child, &role);
    if (err_is_set(err)) {
        return err_equal(err, ERR(NOT_FOUND)) ? ERR(OK) : err;
    }
    if (role.kind != RESOURCE_ROLE || role.account != read->actor.account) {
        return ERR(OK);
    }
    document_split(RESOURCE_ROLE, role.text, &shown, &permissions);
    const struct perm_rights rights = role_user_rights(permissions);
    return judge(&read->actor, &rights);
}

static void role_arrived(struct http_request *request, struct rest_read *read)
{
    bool is_too_much = err_equal(read->err, ERR(GRANTS_TOO_MUCH));
    request->kept.issue.is_judged = true;
    request->kept.issue.refusal = is_too_much ? read->err : ERR(OK);
    http_go_on(request, is_too_much ? ERR(OK) : read->err);
}

static enum rest_step find_role(struct http_request *request, const struct id *role)
{
    struct rest_read *read = rest_read_new(request, sizeof(*read), role_run);
    if (read == NULL) {
        return REST_TAKEN;
    }
    read->child = *role;
    read->arrived = role_arrived;
    return rest_read_ahead(request, read);
}

/* The text of the body's role; empty: it names none. */
static struct slice role_of(const struct http_request *request)
{
    struct json_value body = {0};
    if (err_is_set(publish_scan(request->conn->front, request->body, &body))) {
        return (struct slice){0};
    }
    struct json_value role = json_member(body, SLICE("role"));
    return role.type == JSON_STRING ? json_string_raw(role) : (struct slice){0};
}

enum rest_step rest_share_create(struct http_request *request)
{
    struct slice role = role_of(request);
    struct id id;
    if (!request->kept.issue.is_judged && id_parse(role, &id)) {
        return find_role(request, &id);
    }
    struct document_send send = {.is_creation = true, .refusal = request->kept.issue.refusal};
    if (slice_equal(role, ROLE_BASE_APP_USER)) {
        send.refusal = judge_base(&request->actor);
    }
    return rest_document_send(request, &send);
}

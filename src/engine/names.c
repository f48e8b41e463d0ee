/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/names.h"

#include "base/assert.h"
#include "codec/json_write.h"

/* ---- ids ---- */

struct err name_id(uint32_t account, enum resource_kind kind, const struct id *application,
                   struct slice name, struct id *id)
{
    struct buf path = {0};
    buf_put_format(&path, "%d/", (int)kind);
    if (application != NULL) {
        buf_put(&path, id_slice(application));
    }
    buf_put_byte(&path, '/');
    for (size_t i = 0; i < name.bytes; i++) {
        buf_put_byte(&path, kind == RESOURCE_USER ? ascii_lower(name.at[i]) : name.at[i]);
    }
    bool failed = path.failed;
    if (!failed) {
        *id = id_of_name(account, RESOURCE_NAME, buf_data(&path));
    }
    buf_deinit(&path);
    return failed ? ERR(NO_MEMORY) : ERR(OK);
}

struct err name_of_members(uint32_t account, enum resource_kind kind, const struct id *application,
                           struct slice members, struct id *id)
{
    *id = (struct id){0};
    const char *member = document_kind(kind)->taken_name;
    struct json_value value =
        member == NULL ? (struct json_value){0} : body_find(members, slice_of_text(member));
    if (value.type != JSON_STRING) {
        return ERR(OK);
    }
    struct buf name = {0};
    json_string_decode(value, &name);
    struct err err =
        name.failed ? ERR(NO_MEMORY) : name_id(account, kind, application, buf_data(&name), id);
    buf_deinit(&name);
    return err;
}

/* Emails are unique within an application. NULL: the head is no user's. */
static const struct id *application_of(const struct head *head, struct id *application)
{
    if (head->kind != RESOURCE_USER) {
        return NULL;
    }
    *application = head_gist_id(head);
    return application;
}

struct err name_of_head(const struct head *head, struct slice members, struct id *id)
{
    struct id application;
    return name_of_members(head->account, head->kind, application_of(head, &application), members,
                           id);
}

/* ---- finding ---- */

enum head_found name_find(struct engine *engine, struct command *command, const struct id *name)
{
    if (!id_is_set(name)) {
        return HEAD_UNSEEN;
    }
    const struct head *head = engine_await(engine, command, name, false);
    if (head == NULL) {
        return HEAD_LATER;
    }
    return head->state == HEAD_PRESENT ? HEAD_SEEN : HEAD_UNSEEN;
}

/* ---- writing ---- */

static void compose(struct engine *engine, const struct head *owner, const struct id *name)
{
    struct id application;
    struct buf *out = &engine->scratch;
    int64_t now_ms = engine_group(engine)->time_ms;
    buf_reset(out);
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("id"), id_slice(name));
    json_write_member_int(out, SLICE("createdAt"), now_ms);
    json_write_member_int(out, SLICE("updatedAt"), now_ms);
    json_write_member_string(out, SLICE("owner"), id_slice(&owner->id));
    if (application_of(owner, &application) != NULL) {
        json_write_member_string(out, SLICE("app"), id_slice(&application));
    }
    json_write_close(out, '}');
}

void write_name_taken(struct engine *engine, const struct head *owner, const struct id *name)
{
    if (!id_is_set(name)) {
        return;
    }
    compose(engine, owner, name);
    struct head *head = engine_add_head(engine, owner->account, RESOURCE_NAME, name);
    /* The owner's document stands in the group already. There is no memory for a few bytes: there
     * is no way on. */
    ASSERT(head != NULL && !engine->scratch.failed);
    struct err err = head_keep_parent(head, &owner->id);
    ASSERT(!err_is_set(err));
    write_document(engine, head, OPERATION_CREATED, (struct slice){0});
}

void write_name_freed(struct engine *engine, const struct head *owner, const struct id *name)
{
    struct head *head = id_is_set(name) ? heads_find(&engine->heads, name) : NULL;
    if (head == NULL || head->state != HEAD_PRESENT) {
        return;
    }
    struct id has = head_gist_id(head);
    if (id_equal(&has, &owner->id)) {
        write_document_deleted(engine, head);
    }
}

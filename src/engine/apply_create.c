/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: create. All that the new one refers to is found first; then its events are written:
 * the document, its keys, its first values. */
#include "engine/apply.h"

#include "base/assert.h"
#include "codec/json.h"
#include "engine/names.h"
#include "engine/roles.h"

/* What is found out before the first event is written. */
struct creation {
    const struct document_kind *kind;
    struct head *former; /* the head of its name, when names of the kind are unique */
    struct head *parent; /* what it lies in; NULL: nothing */
    struct slice scopes;
    const struct command_point *points;
    struct id id;
    struct id name;         /* it takes, when names of the kind may change; else not set */
    struct slice role_name; /* of a user; lives as long as its application's document */
    struct head *role;      /* that somebody gets with it; NULL: a built-in one, or none */
    struct id receiver;     /* of a share: the user it is for */
};

/* The kind of what documents of that kind lie in; 0: in nothing. */
static enum resource_kind parent_kind(enum resource_kind kind)
{
    switch (kind) {
    case RESOURCE_APPLICATION:
        return RESOURCE_PROJECT;
    case RESOURCE_TASK:
        return RESOURCE_BATCH;
    case RESOURCE_USER:
        return RESOURCE_APPLICATION;
    default:
        return 0;
    }
}

/* ---- finding ---- */

/* The head of the name. It is the command's target, so that commands on one name keep their order
 * from its creation on. */
static bool find_former(struct engine *engine, struct command *command, struct creation *creation)
{
    if (!creation->kind->has_unique_name || err_is_set(command->refusal)) {
        return true;
    }
    command->target =
        id_of_name(command->actor.account, command->target_kind, command->as.create.name);
    bool want_document = command->target_kind == RESOURCE_FILE;
    creation->former = engine_await(engine, command, &command->target, want_document);
    return creation->former != NULL;
}

/* Who shares must be there still: with a user goes what it shares, which is looked for once. */
static enum head_found find_sharer(struct engine *engine, struct command *command)
{
    struct head *sharer;
    return command->target_kind == RESOURCE_SHARE
               ? engine_find(engine, command, RESOURCE_USER, &command->actor.id, NULL, false,
                             &sharer)
               : HEAD_SEEN;
}

/* What the path names: the parent, the project. */
static bool find_path(struct engine *engine, struct command *command, struct creation *creation)
{
    enum resource_kind kind = parent_kind(command->target_kind);
    enum head_found found = HEAD_SEEN;
    if (kind != 0) {
        /* The application says which role its users get. */
        bool want_document = command->target_kind == RESOURCE_USER;
        found = engine_find(engine, command, kind, &command->as.create.parent, NULL, want_document,
                            &creation->parent);
    }
    if (found == HEAD_SEEN) {
        found = find_sharer(engine, command);
    }
    if (found == HEAD_SEEN) {
        found = engine_find_project(engine, command);
    }
    return engine_has_found(engine, command, found, ERR(NOT_FOUND));
}

/* The user of the same application to whom something is shared, by its email. */
static enum head_found find_receiver(struct engine *engine, struct command *command,
                                     struct creation *creation)
{
    if (command->target_kind != RESOURCE_SHARE) {
        return HEAD_SEEN;
    }
    struct id name;
    struct err err =
        name_of_members(command->actor.account, RESOURCE_USER, &command->actor.application,
                        command->as.create.members, &name);
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return HEAD_LATER;
    }
    enum head_found found = name_find(engine, command, &name);
    if (found == HEAD_SEEN) {
        creation->receiver = head_gist_id(heads_find(&engine->heads, &name));
    }
    return found;
}

/* Somebody else has the name already: ERR_NAME_TAKEN. False: later, or refused. */
static bool find_name(struct engine *engine, struct command *command, struct creation *creation)
{
    const struct id *application =
        command->target_kind == RESOURCE_USER ? &command->as.create.parent : NULL;
    struct err err = name_of_members(command->actor.account, command->target_kind, application,
                                     command->as.create.members, &creation->name);
    enum head_found found = HEAD_UNSEEN;
    if (!err_is_set(err)) {
        found = name_find(engine, command, &creation->name);
        err = found == HEAD_SEEN ? ERR(NAME_TAKEN) : ERR(OK);
    }
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
    }
    return found == HEAD_UNSEEN && !err_is_set(err);
}

/* The resources that the body names. */
static enum head_found find_references(struct engine *engine, struct command *command,
                                       struct creation *creation)
{
    const struct document_reference *references = command->as.create.references;
    uint32_t count = command->as.create.reference_count;
    if (!engine_load_references(engine, command, references, count)) {
        return HEAD_LATER;
    }
    enum head_found found = HEAD_SEEN;
    for (uint32_t i = 0; i < count && found == HEAD_SEEN; i++) {
        found = references[i].kind == RESOURCE_ROLE
                    ? roles_find(engine, command, command->target_kind, &references[i].id,
                                 &creation->role)
                    : engine_find_references(engine, command, &references[i], 1);
    }
    return found;
}

/* Who signs up gets the role that its application gives. */
static enum head_found find_default_role(struct engine *engine, struct command *command,
                                         struct creation *creation)
{
    return command->target_kind == RESOURCE_USER
               ? roles_find_default(engine, command, creation->parent, &creation->role_name,
                                    &creation->role)
               : HEAD_SEEN;
}

/* What the body names. */
static bool find_named(struct engine *engine, struct command *command, struct creation *creation)
{
    bool takes_scopes = document_takes_scopes(command->target_kind, command->as.create.members);
    struct slice scopes = takes_scopes ? command->as.create.scopes : (struct slice){0};
    enum head_found found =
        engine_check_scopes(engine, command, (struct slice){0}, scopes, &scopes);
    if (found == HEAD_SEEN) {
        found = find_references(engine, command, creation);
    }
    if (found == HEAD_SEEN) {
        found = find_default_role(engine, command, creation);
    }
    if (found == HEAD_SEEN) {
        found = find_receiver(engine, command, creation);
    }
    if (found == HEAD_SEEN) {
        creation->points = command->as.create.points;
        found =
            engine_place_points(engine, command, &creation->points, command->as.create.point_count);
    }
    if (!engine_has_found(engine, command, found, ERR(REFERENCE_UNKNOWN))) {
        return false;
    }
    /* What is shared is between two. */
    bool is_for_two = command->target_kind == RESOURCE_SHARE;
    command->is_for_all_users = command->is_for_all_users && !is_for_two;
    if (takes_scopes || is_for_two) {
        found = engine_new_scopes(engine, command, scopes, &creation->scopes);
    }
    return engine_has_found(engine, command, found, ERR(NOT_FOUND)) &&
           find_name(engine, command, creation);
}

/* A file is written over by another of its name (contract: REST 11), an action type is not. */
static bool is_overwritten(const struct creation *creation)
{
    return creation->former != NULL && creation->former->state == HEAD_PRESENT;
}

static bool is_taken(const struct creation *creation)
{
    return is_overwritten(creation) && creation->former->kind != RESOURCE_FILE;
}

/* ---- the document ---- */

static void put_text(struct buf *members, const char *name, struct slice text)
{
    const char *comma = buf_bytes(members) > 0 ? "," : "";
    buf_put_format(members, "%s\"%s\":\"%.*s\"", comma, name, SLICE_ARGS(text));
}

static bool has_place(enum resource_kind kind)
{
    return parent_kind(kind) != 0 || kind == RESOURCE_SHARE;
}

/* The members that say where the document lies, and whose it is. */
static void put_place(struct buf *members, const struct command *command,
                      const struct creation *creation)
{
    struct id project;
    switch (command->target_kind) {
    case RESOURCE_APPLICATION:
        put_text(members, "project", id_slice(&command->as.create.parent));
        break;
    case RESOURCE_TASK:
        put_text(members, "batch", id_slice(&command->as.create.parent));
        break;
    case RESOURCE_USER:
        project = head_gist_id(creation->parent);
        put_text(members, "app", id_slice(&command->as.create.parent));
        put_text(members, "project", id_slice(&project));
        put_text(members, "role", creation->role_name);
        break;
    default:
        put_text(members, "user", id_slice(&creation->receiver));
        put_text(members, "app", id_slice(&command->actor.application));
        put_text(members, "project", id_slice(&command->actor.project));
        break;
    }
}

/* The members of the document, in engine->scratch_members unless the body has them all. */
static struct slice members_of(struct engine *engine, const struct command *command,
                               const struct creation *creation)
{
    struct buf *members = &engine->scratch_members;
    buf_reset(members);
    if (!has_place(command->target_kind)) {
        return command->as.create.members;
    }
    put_place(members, command, creation);
    if (!slice_is_empty(command->as.create.members)) {
        buf_put_byte(members, ',');
        buf_put(members, command->as.create.members);
    }
    return buf_data(members);
}

/* A document in the place of <former>: all of it is new but the time of its creation. */
static void put_over(struct engine *engine, const struct head *former, struct slice members)
{
    const struct json_value document = json_object_of(head_document(former));
    int64_t created_ms = 0;
    bool has_time = json_int64(json_member(document, SLICE("createdAt")), &created_ms);
    ASSERT(has_time);
    struct buf *fresh = &engine->scratch_members;
    buf_reset(fresh);
    document_create(fresh, &former->id, created_ms, members);
    document_merge(&engine->scratch, former->kind, buf_data(fresh), (struct slice){0},
                   engine_group(engine)->time_ms);
    engine->scratch.failed = engine->scratch.failed || fresh->failed;
}

/* A user sees itself, and its project's applications see it. */
static void put_scopes(struct engine *engine, struct creation *creation)
{
    struct id project = head_gist_id(creation->parent);
    buf_reset(&engine->scratch_scopes);
    buf_put_format(&engine->scratch_scopes, "{\"users\":[\"%.*s\"],\"projects\":[\"%.*s\"]}",
                   ID_BYTES, creation->id.text, ID_BYTES, project.text);
    creation->scopes = buf_data(&engine->scratch_scopes);
    engine->scratch.failed = engine->scratch.failed || engine->scratch_scopes.failed;
}

static void compose(struct engine *engine, const struct command *command, struct creation *creation)
{
    int64_t now_ms = engine_group(engine)->time_ms;
    struct slice members = members_of(engine, command, creation);
    buf_reset(&engine->scratch);
    if (is_overwritten(creation)) {
        creation->id = creation->former->id;
        put_over(engine, creation->former, members);
        return;
    }
    creation->id =
        creation->former != NULL ? creation->former->id : id_generate(engine->port->rand, now_ms);
    document_create(&engine->scratch, &creation->id, now_ms, members);
    if (command->target_kind == RESOURCE_USER) {
        put_scopes(engine, creation);
    }
    engine->scratch.failed = engine->scratch.failed || engine->scratch_members.failed;
}

/* How many thngs the task in engine->scratch makes is bounded (contract: its checked document says
 * how many they are). */
static bool is_too_much(const struct engine *engine, const struct command *command)
{
    if (command->target_kind != RESOURCE_TASK) {
        return false;
    }
    const struct json_value task = json_object_of(buf_data(&engine->scratch));
    int64_t amount = 0;
    struct json_value progress = json_member(task, SLICE("progress"));
    return json_int64(json_member(progress, SLICE("totalAmount")), &amount) &&
           amount > engine->options.task_quantity_max;
}

/* What else speaks against it, when all that it names is there. */
static struct err judge(const struct engine *engine, const struct command *command)
{
    if (engine->scratch.failed) {
        return ERR(NO_MEMORY);
    }
    if (is_too_much(engine, command)) {
        return ERR(FIELD_INVALID);
    }
    if (command->as.create.point_count > engine->options.properties_per_resource_max) {
        return ERR(PROPERTIES_TOO_MANY);
    }
    return command->target_kind == RESOURCE_OPERATOR
               ? roles_judge_operator(&command->actor, (struct slice){0},
                                      buf_data(&engine->scratch))
               : ERR(OK);
}

/* ---- writing ---- */

/* The document, and all that comes with it. Returns the document's event; 0: no memory. */
static uint64_t write_all(struct engine *engine, const struct command *command,
                          const struct creation *creation)
{
    bool overwrites = is_overwritten(creation);
    roles_note_assigned(engine, creation->role);
    struct head *head = overwrites ? creation->former
                                   : engine_add_head(engine, command->actor.account,
                                                     command->target_kind, &creation->id);
    if (head == NULL) {
        return 0;
    }
    if (err_is_set(head_keep_parent(head, &command->as.create.parent))) {
        head->state = HEAD_ABSENT; /* as it is */
        return 0;
    }
    uint64_t event = write_document(
        engine, head, overwrites ? OPERATION_UPDATED : OPERATION_CREATED, creation->scopes);
    write_name_taken(engine, head, &creation->name);
    for (uint32_t i = 0; i < command->as.create.key_count; i++) {
        write_key_created(engine, head, &command->as.create.keys[i]);
    }
    if (command->as.create.point_count > 0) {
        uint64_t points_event;
        struct err err = write_points(engine, head, creation->points,
                                      command->as.create.point_count, POINTS_SILENT, &points_event);
        /* Its limits were looked at before; what is left is memory for a few bytes. The resource
         * stands in the group already, so there is no way back but to refuse the whole group. */
        ASSERT(!err_is_set(err));
    }
    if (command->target_kind == RESOURCE_TASK) {
        chore_add_task(engine, head->account, &creation->id);
    }
    return event;
}

/* Composes and writes it, now that all that it needs is there. */
static struct err make(struct engine *engine, const struct command *command,
                       struct creation *creation, uint64_t *event)
{
    if (is_taken(creation)) {
        return ERR(NAME_TAKEN);
    }
    compose(engine, command, creation);
    TRY(judge(engine, command));
    *event = write_all(engine, command, creation);
    return *event == 0 ? ERR(NO_MEMORY) : ERR(OK);
}

void apply_create(struct engine *engine, struct command *command)
{
    struct creation creation = {.kind = document_kind(command->target_kind)};
    bool says_right = command->operation != 0;
    enum perm_subject subject = says_right ? (enum perm_subject)command->subject
                                           : document_creation_subject(command->target_kind);
    struct err err = perm_may(&command->actor, subject, PERM_CREATE);
    if (!err_is_set(err)) {
        if (!find_former(engine, command, &creation) || !find_path(engine, command, &creation)) {
            return;
        }
        err = command->refusal;
    }
    uint64_t event = 0;
    if (!err_is_set(err)) {
        if (!find_named(engine, command, &creation)) {
            return;
        }
        err = make(engine, command, &creation, &event);
    }
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
    } else {
        engine_answer_created(engine, command, event, &creation.id);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Scopes: in which projects something is. As stored they are canonical JSON, and empty for none:
 *
 *      {"users":["all"],"projects":["U..."]} */
#include "engine/apply.h"

#include "codec/json.h"

static struct json_value member_of(struct slice scopes, struct slice name)
{
    if (slice_is_empty(scopes)) {
        return (struct json_value){0};
    }
    return json_member(json_object_of(scopes), name);
}

/* ---- writing ---- */

/* Scopes that are written project by project. */
struct scopes_writer {
    struct buf *out;
    bool has_project;
};

static struct scopes_writer scopes_begin(struct buf *out, struct slice users)
{
    BUF_PUT_LITERAL(out, "{\"users\":");
    buf_put(out, users);
    BUF_PUT_LITERAL(out, ",\"projects\":[");
    return (struct scopes_writer){.out = out};
}

/* <project> with its quotes. */
static void scopes_put(struct scopes_writer *writer, struct slice project)
{
    if (writer->has_project) {
        buf_put_byte(writer->out, ',');
    }
    buf_put(writer->out, project);
    writer->has_project = true;
}

static void scopes_end(struct scopes_writer *writer)
{
    BUF_PUT_LITERAL(writer->out, "]}");
}

/* ---- what is new ---- */

/* <id> with quotes. */
static struct slice quote(char quoted[static ID_BYTES + 2], const struct id *id)
{
    quoted[0] = '"';
    memcpy(quoted + 1, id->text, ID_BYTES);
    quoted[ID_BYTES + 1] = '"';
    return slice_of(quoted, ID_BYTES + 2);
}

/* Who is shown what the command makes, where its scopes do not say: what a user makes is its own
 * (contract: auth.md 7). */
static struct slice users_of(const struct command *command, char users[static ID_BYTES + 4])
{
    if (command->actor.kind != ACTOR_USER || command->is_for_all_users) {
        return SLICE("[\"all\"]");
    }
    users[0] = '[';
    quote(users + 1, &command->actor.id);
    users[ID_BYTES + 3] = ']';
    return slice_of(users, ID_BYTES + 4);
}

static void put_with_project(struct buf *out, const struct command *command, struct slice scopes,
                             const struct id *project)
{
    char text[ID_BYTES + 4];
    struct json_value users = member_of(scopes, SLICE("users"));
    struct json_value projects = member_of(scopes, SLICE("projects"));
    struct scopes_writer writer =
        scopes_begin(out, users.type == JSON_ARRAY ? users.text : users_of(command, text));
    if (projects.type == JSON_ARRAY) {
        struct json_each each = json_each(projects);
        for (struct json_value item; json_array_next(&each, &item);) {
            scopes_put(&writer, item.text);
        }
    }
    scopes_put(&writer, quote(text, project));
    scopes_end(&writer);
}

/* The project that what the command makes gets: the one it names, else the actor's own. */
static const struct id *own_project(const struct command *command)
{
    return id_is_set(&command->project) ? &command->project : &command->actor.project;
}

enum head_found engine_find_own_project(struct engine *engine, struct command *command)
{
    if (id_is_set(&command->project)) {
        return engine_find_project(engine, command);
    }
    const struct id *project = own_project(command);
    return id_is_set(project) ? engine_find_any_project(engine, command, project) : HEAD_SEEN;
}

struct err engine_compose_scopes(struct engine *engine, const struct command *command,
                                 struct slice wanted, struct slice *scopes)
{
    const struct id *project = own_project(command);
    *scopes = wanted;
    if (!id_is_set(project) || perm_scopes_have_project(wanted, project)) {
        return ERR(OK);
    }
    buf_reset(&engine->scratch_scopes);
    put_with_project(&engine->scratch_scopes, command, wanted, project);
    *scopes = buf_data(&engine->scratch_scopes);
    return engine->scratch_scopes.failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* ---- may it be made there ---- */

/* A task makes thngs, in the engine's name: whoever begins it must be permitted to. */
static struct err judge_task(const struct command *command, const struct head *batch)
{
    struct json_value input = body_find(command->as.create.members, SLICE("inputParameters"));
    struct json_value template = json_member(input, SLICE("thngTemplate"));
    struct json_value scopes = json_member(template, SLICE("scopes"));
    return perm_may_make(&command->actor, PERM_THNGS,
                         scopes.type == JSON_OBJECT ? scopes.text : head_scopes(batch));
}

/* What lies in something is made where that is; a file is written over by another of its name,
 * which may be out of the actor's sight. */
static struct err judge_place(struct engine *engine, const struct command *command,
                              enum perm_subject subject)
{
    const struct actor *actor = &command->actor;
    const struct id *parent = &command->as.create.parent;
    if (id_is_set(parent)) {
        TRY(engine_judge(actor, subject, PERM_CREATE, heads_find(&engine->heads, parent)));
    }
    const struct head *former = heads_find(&engine->heads, &command->target);
    bool is_over = former != NULL && former->state == HEAD_PRESENT && former->kind == RESOURCE_FILE;
    bool may_be = !is_over || !err_is_set(engine_judge(actor, subject, PERM_CREATE, former));
    return may_be ? ERR(OK) : ERR(DENIED);
}

static struct err judge_making(struct engine *engine, const struct command *command,
                               struct slice scopes)
{
    if (command->actor.grant == NULL) {
        return ERR(OK);
    }
    enum perm_subject subject = command->operation != 0
                                    ? (enum perm_subject)command->subject
                                    : document_creation_subject(command->target_kind);
    TRY(judge_place(engine, command, subject));
    return command->target_kind == RESOURCE_TASK
               ? judge_task(command, heads_find(&engine->heads, &command->as.create.parent))
               : perm_may_make(&command->actor, subject, scopes);
}

enum head_found engine_new_scopes(struct engine *engine, struct command *command,
                                  struct slice wanted, struct slice *scopes)
{
    enum head_found found = engine_find_own_project(engine, command);
    if (found != HEAD_SEEN) {
        return found;
    }
    struct err err = engine_compose_scopes(engine, command, wanted, scopes);
    if (!err_is_set(err)) {
        err = judge_making(engine, command, *scopes);
    }
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return HEAD_LATER;
    }
    return HEAD_SEEN;
}

/* ---- what is there ---- */

/* True when the scopes have that entry among their projects: an id, or "all". */
static bool names_project(struct slice scopes, struct slice project)
{
    struct json_value projects = member_of(scopes, SLICE("projects"));
    if (projects.type != JSON_ARRAY) {
        return false;
    }
    struct json_each each = json_each(projects);
    for (struct json_value item; json_array_next(&each, &item);) {
        if (slice_equal(json_string_raw(item), project)) {
            return true;
        }
    }
    return false;
}

/* May it put something into all projects? Not whoever reaches some of an account only. */
static bool may_name_all(const struct actor *actor)
{
    const struct id none = {0}; /* no project's */
    return id_is_set(&actor->project) || perm_may_name(actor, &none);
}

/* False: the command waits until some of the projects have been loaded. */
static bool load_projects(struct engine *engine, struct command *command,
                          struct json_value projects)
{
    struct ahead ahead = {0};
    struct json_each each = json_each(projects);
    bool are_many = json_count(projects) > 1;
    for (struct json_value item; are_many && json_array_next(&each, &item);) {
        struct id project;
        if (id_parse(json_string_raw(item), &project) &&
            !engine_load_ahead(engine, &project, false, &ahead)) {
            break;
        }
    }
    return !engine_wait_ahead(engine, command, &ahead);
}

/* Puts one of the projects, if it exists. *dropped: it does not. */
static enum head_found put_existing(struct engine *engine, struct command *command,
                                    struct slice stored, struct json_value item,
                                    struct scopes_writer *writer, bool *dropped)
{
    struct id project;
    struct slice raw = json_string_raw(item);
    if (!id_parse(raw, &project)) { /* "all" */
        if (!may_name_all(&command->actor) && !names_project(stored, raw)) {
            engine_answer(engine, command, ERR(DENIED), 0);
            return HEAD_LATER;
        }
        scopes_put(writer, item.text);
        return HEAD_SEEN;
    }
    enum head_found found = engine_find_any_project(engine, command, &project);
    if (found == HEAD_LATER) {
        return found;
    }
    bool is_good = found == HEAD_SEEN && perm_may_name(&command->actor, &project);
    if (!is_good && !names_project(stored, raw)) {
        return HEAD_UNSEEN;
    }
    if (found == HEAD_SEEN) {
        scopes_put(writer, item.text);
    }
    *dropped = *dropped || found == HEAD_UNSEEN;
    return HEAD_SEEN;
}

enum head_found engine_check_scopes(struct engine *engine, struct command *command,
                                    struct slice stored, struct slice wanted, struct slice *scopes)
{
    *scopes = slice_is_empty(wanted) ? stored : wanted;
    struct json_value projects = member_of(*scopes, SLICE("projects"));
    if (projects.type != JSON_ARRAY || json_count(projects) == 0) {
        return HEAD_SEEN;
    }
    if (!load_projects(engine, command, projects)) {
        return HEAD_LATER;
    }
    struct buf *out = &engine->scratch_scopes;
    buf_reset(out);
    struct scopes_writer writer = scopes_begin(out, member_of(*scopes, SLICE("users")).text);
    bool dropped = false;
    enum head_found found = HEAD_SEEN;
    struct json_each each = json_each(projects);
    for (struct json_value item; found == HEAD_SEEN && json_array_next(&each, &item);) {
        found = put_existing(engine, command, stored, item, &writer, &dropped);
    }
    scopes_end(&writer);
    if (found != HEAD_SEEN || !dropped) {
        return found;
    }
    if (out->failed) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return HEAD_LATER;
    }
    *scopes = buf_data(out);
    return HEAD_SEEN;
}

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
    return json_member((struct json_value){.type = JSON_OBJECT, .text = scopes}, name);
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

static void put_with_project(struct buf *out, struct slice scopes, const struct id *project)
{
    struct json_value users = member_of(scopes, SLICE("users"));
    struct json_value projects = member_of(scopes, SLICE("projects"));
    struct scopes_writer writer =
        scopes_begin(out, users.type == JSON_ARRAY ? users.text : SLICE("[\"all\"]"));
    if (projects.type == JSON_ARRAY) {
        struct json_each each = json_each(projects);
        for (struct json_value item; json_array_next(&each, &item);) {
            scopes_put(&writer, item.text);
        }
    }
    char quoted[ID_BYTES + 2] = {'"'};
    memcpy(quoted + 1, project->text, ID_BYTES);
    quoted[ID_BYTES + 1] = '"';
    scopes_put(&writer, slice_of(quoted, sizeof(quoted)));
    scopes_end(&writer);
}

/* The project that what the command makes gets: the one it names, else the actor's own. HEAD_SEEN
 * with *project not set: none. */
static enum head_found find_own_project(struct engine *engine, struct command *command,
                                        struct id *project)
{
    *project = command->project;
    if (id_is_set(project)) {
        return engine_find_project(engine, command);
    }
    *project = command->actor.project;
    return id_is_set(project) ? engine_find_any_project(engine, command, project) : HEAD_SEEN;
}

enum head_found engine_new_scopes(struct engine *engine, struct command *command,
                                  struct slice wanted, struct slice *scopes)
{
    struct id project;
    enum head_found found = find_own_project(engine, command, &project);
    *scopes = wanted;
    if (found != HEAD_SEEN || !id_is_set(&project) || perm_scopes_have_project(wanted, &project)) {
        return found;
    }
    buf_reset(&engine->scratch_scopes);
    put_with_project(&engine->scratch_scopes, wanted, &project);
    if (engine->scratch_scopes.failed) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return HEAD_LATER;
    }
    *scopes = buf_data(&engine->scratch_scopes);
    return HEAD_SEEN;
}

/* ---- what is there ---- */

/* True when the scopes name just that project: "all" does not count. */
static bool names_project(struct slice scopes, const struct id *project)
{
    struct json_value projects = member_of(scopes, SLICE("projects"));
    if (projects.type != JSON_ARRAY) {
        return false;
    }
    struct json_each each = json_each(projects);
    for (struct json_value item; json_array_next(&each, &item);) {
        if (slice_equal(json_string_raw(item), id_slice(project))) {
            return true;
        }
    }
    return false;
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

/* Puts those of <projects> that exist. *dropped: some do not. */
static enum head_found put_existing(struct engine *engine, struct command *command,
                                    struct slice stored, struct json_value projects,
                                    struct scopes_writer *writer, bool *dropped)
{
    struct json_each each = json_each(projects);
    for (struct json_value item; json_array_next(&each, &item);) {
        struct id project;
        if (!id_parse(json_string_raw(item), &project)) { /* "all" */
            scopes_put(writer, item.text);
            continue;
        }
        enum head_found found = engine_find_any_project(engine, command, &project);
        if (found == HEAD_LATER) {
            return found;
        }
        bool is_good = found == HEAD_SEEN && actor_may_name(&command->actor, &project);
        if (!is_good && !names_project(stored, &project)) {
            return HEAD_UNSEEN;
        }
        if (found == HEAD_SEEN) {
            scopes_put(writer, item.text);
        }
        *dropped = *dropped || found == HEAD_UNSEEN;
    }
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
    enum head_found found = put_existing(engine, command, stored, projects, &writer, &dropped);
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

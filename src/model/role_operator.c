/* SPDX-License-Identifier: Apache-2.0
 *
 * The switches of operators' roles (role.h). */
#include "model/role.h"

#include "codec/json_write.h"

static struct json_value as_array(struct slice text)
{
    bool is_one = text.bytes >= 2 && text.at[0] == '[';
    return is_one ? (struct json_value){.type = JSON_ARRAY, .text = text}
                  : (struct json_value){.type = JSON_NONE};
}

/* ---------------------------------------------------------------- reading */

#define SWITCH_COUNT 6

static const struct {
    struct slice name;
    bool has_projects;
    bool reads;
    bool updates[PERM_DOMAIN_ACCOUNT + 1]; /* by domain */
} switch_rows[SWITCH_COUNT] = {
    {.name = SLICE_INIT("global_read"), .reads = true},
    {.name = SLICE_INIT("gl_resource_update"), .updates = {[PERM_DOMAIN_RESOURCES] = true}},
    {.name = SLICE_INIT("gl_project_update"), .updates = {[PERM_DOMAIN_PROJECTS] = true}},
    {.name = SLICE_INIT("project_read"), .has_projects = true, .reads = true},
    {.name = SLICE_INIT("project_update"),
     .has_projects = true,
     .updates = {[PERM_DOMAIN_PROJECTS] = true}},
    {.name = SLICE_INIT("project_resource_update"),
     .has_projects = true,
     .updates = {[PERM_DOMAIN_RESOURCES] = true}},
};

/* What one of them is set to. All zero is off. */
struct switch_state {
    bool is_enabled;
    struct json_value projects; /* an array, or JSON_NONE */
};

struct switch_states {
    struct switch_state at[SWITCH_COUNT];
};

static bool find_switch(struct slice raw_name, size_t *index)
{
    for (size_t i = 0; i < SWITCH_COUNT; i++) {
        if (json_raw_equals(raw_name, switch_rows[i].name)) {
            *index = i;
            return true;
        }
    }
    return false;
}

static struct err check_projects(struct json_value projects)
{
    struct json_value item;
    struct id id;
    uint32_t count = 0;
    if (projects.type != JSON_ARRAY) {
        return ERR(FIELD_INVALID);
    }
    struct json_each each = json_each(projects);
    while (json_array_next(&each, &item)) {
        if (++count > ROLE_PROJECTS_MAX) {
            return ERR(FIELD_TOO_LONG);
        }
        if (item.type != JSON_STRING) {
            return ERR(FIELD_INVALID);
        }
        if (!id_parse(json_string_raw(item), &id)) {
            return ERR(REFERENCE_UNKNOWN);
        }
    }
    return ERR(OK);
}

static struct err read_projects(struct json_value projects, bool has_projects,
                                struct switch_state *state)
{
    if (projects.type == JSON_NONE) {
        return ERR(OK);
    }
    TRY(check_projects(projects));
    if (!has_projects) {
        return json_count(projects) == 0 ? ERR(OK) : ERR(FIELD_INVALID);
    }
    state->projects = projects;
    return ERR(OK);
}

static struct err read_switches(struct json_value array, struct switch_states *states);

/* Sets one switch to what the body says of it, and then those that clients of the original hang
 * below it, as its children. What the body does not say stays. */
static struct err read_switch(struct json_value item, struct slice name,
                              struct switch_states *states)
{
    struct json_value own_name = json_member(item, SLICE("name"));
    struct json_value enabled = json_member(item, SLICE("enabled"));
    struct json_value children = json_member(item, SLICE("children"));
    size_t index = 0;
    if (item.type != JSON_OBJECT) {
        return ERR(SHAPE_INVALID);
    }
    if (own_name.type == JSON_NONE && slice_is_empty(name)) {
        return ERR(FIELD_MISSING);
    }
    if (own_name.type != JSON_NONE) {
        bool is_same = slice_is_empty(name) || json_string_equals(own_name, name);
        if (own_name.type != JSON_STRING || !is_same) {
            return ERR(FIELD_INVALID);
        }
        name = json_string_raw(own_name);
    }
    if (!find_switch(name, &index) || (enabled.type != JSON_NONE && enabled.type != JSON_BOOLEAN)) {
        return ERR(FIELD_INVALID);
    }
    struct switch_state *state = &states->at[index];
    state->is_enabled = enabled.type == JSON_NONE ? state->is_enabled : json_is_true(enabled);
    TRY(read_projects(json_member(item, SLICE("projects")), switch_rows[index].has_projects,
                      state));
    return children.type == JSON_NONE ? ERR(OK) : read_switches(children, states);
}

static struct err read_switches(struct json_value array, struct switch_states *states)
{
    struct json_value item;
    if (array.type != JSON_ARRAY) {
        return ERR(SHAPE_INVALID);
    }
    struct json_each each = json_each(array);
    while (json_array_next(&each, &item)) {
        TRY(read_switch(item, (struct slice){0}, states));
    }
    return ERR(OK);
}

/* Each once, in the order in which they came. */
static void write_projects(struct buf *out, struct json_value projects)
{
    struct json_each each = json_each(projects);
    struct json_value item;
    json_write_open(out, '[');
    const size_t begin = buf_bytes(out);
    const size_t stride = ID_BYTES + 3; /* quotes and comma */
    while (json_array_next(&each, &item)) {
        struct slice written = slice_from(buf_data(out), min_size(begin, buf_bytes(out)));
        bool is_new = true;
        for (size_t at = 0; at + ID_BYTES + 2 <= written.bytes && is_new; at += stride) {
            is_new = memcmp(written.at + at + 1, json_string_raw(item).at, ID_BYTES) != 0;
        }
        if (is_new) {
            json_write_comma(out);
            json_write_string(out, json_string_raw(item));
        }
    }
    json_write_close(out, ']');
}

static void write_switches(struct buf *out, const struct switch_states *states)
{
    json_write_open(out, '[');
    for (size_t i = 0; i < SWITCH_COUNT; i++) {
        json_write_comma(out);
        json_write_open(out, '{');
        json_write_member_string(out, SLICE("name"), switch_rows[i].name);
        json_write_member_boolean(out, SLICE("enabled"), states->at[i].is_enabled);
        if (switch_rows[i].has_projects) {
            json_write_member_boolean(out, SLICE("projectScoped"), true);
            json_write_name(out, SLICE("projects"));
            if (states->at[i].projects.type == JSON_NONE) {
                BUF_PUT_LITERAL(out, "[]");
            } else {
                write_projects(out, states->at[i].projects);
            }
        }
        json_write_close(out, '}');
    }
    json_write_close(out, ']');
}

/* Those that are stored, which were written here. */
static struct switch_states stored_switches(struct slice permissions)
{
    struct switch_states states = {0};
    struct json_value array = as_array(permissions);
    if (array.type == JSON_NONE || err_is_set(read_switches(array, &states))) {
        return (struct switch_states){0};
    }
    return states;
}

struct err role_check_operator(struct slice former, struct slice name, struct json_value body,
                               struct buf *out)
{
    struct switch_states states = stored_switches(former);
    size_t index;
    if (slice_is_empty(name)) {
        TRY(read_switches(body, &states));
    } else if (!find_switch(name, &index)) {
        return ERR(NOT_FOUND);
    } else {
        TRY(read_switch(body, name, &states));
    }
    write_switches(out, &states);
    return out->failed ? ERR(NO_MEMORY) : ERR(OK);
}

struct err role_operator_switch(struct slice permissions, struct slice name, struct slice *text)
{
    struct json_value array = as_array(permissions);
    struct json_value item;
    if (array.type == JSON_NONE) {
        return ERR(NOT_FOUND);
    }
    struct json_each each = json_each(array);
    while (json_array_next(&each, &item)) {
        if (json_string_equals(json_member(item, SLICE("name")), name)) {
            *text = item.text;
            return ERR(OK);
        }
    }
    return ERR(NOT_FOUND);
}

void role_operator_projects(struct json_value permissions,
                            void (*visit)(void *arg, const struct id *project), void *arg)
{
    struct json_value item;
    struct json_value project;
    if (permissions.type != JSON_ARRAY) {
        return;
    }
    struct json_each each = json_each(permissions);
    while (json_array_next(&each, &item)) {
        struct json_value projects = json_member(item, SLICE("projects"));
        if (projects.type != JSON_ARRAY) {
            continue;
        }
        struct json_each inner = json_each(projects);
        while (json_array_next(&inner, &project)) {
            struct id id;
            if (project.type == JSON_STRING && id_parse(json_string_raw(project), &id)) {
                visit(arg, &id);
            }
        }
    }
}

/* What shows keys is not read with reading, but with updating. */
static struct perm_rights switch_rights(size_t index)
{
    const uint8_t reading = PERM_READ | PERM_LIST;
    struct perm_rights rights = {{0}};
    for (int subject = 0; subject < PERM_SUBJECT_COUNT; subject++) {
        const struct perm_row *row = perm_row((enum perm_subject)subject);
        bool is_readable =
            row->domain == PERM_DOMAIN_RESOURCES || row->domain == PERM_DOMAIN_PROJECTS;
        uint8_t given = 0;
        if (switch_rows[index].reads && is_readable && !row->is_secret) {
            given |= reading;
        }
        if (switch_rows[index].updates[row->domain]) {
            given |= row->is_secret ? PERM_ALL : PERM_ALL & (uint8_t)~reading;
        }
        rights.operations[subject] = row->operations[ACTOR_OPERATOR] & given;
    }
    return rights;
}

/* One switch with its projects. */
static void add_project_zone(struct grant_draft *draft, size_t index, struct json_value projects)
{
    struct perm_rights rights = switch_rights(index);
    struct json_value item;
    struct buf ids = {0};
    if (projects.type == JSON_NONE) {
        return;
    }
    struct json_each each = json_each(projects);
    while (json_array_next(&each, &item)) {
        struct id id;
        if (id_parse(json_string_raw(item), &id)) {
            buf_put_bytes(&ids, &id, sizeof(id));
        }
    }
    draft->ids.failed |= ids.failed;
    grant_draft_add(draft, GRANT_PROJECTS, &rights, (const void *)buf_data(&ids).at,
                    (uint32_t)(buf_bytes(&ids) / sizeof(struct id)));
    buf_deinit(&ids);
}

void role_operator_zones(struct slice permissions, struct grant_draft *draft)
{
    const struct switch_states states = stored_switches(permissions);
    struct perm_rights global = {{0}};
    for (size_t i = 0; i < SWITCH_COUNT; i++) {
        if (!states.at[i].is_enabled || switch_rows[i].has_projects) {
            continue;
        }
        struct perm_rights rights = switch_rights(i);
        for (size_t s = 0; s < PERM_SUBJECT_COUNT; s++) {
            global.operations[s] |= rights.operations[s];
        }
    }
    grant_draft_add(draft, GRANT_ALL, &global, NULL, 0);
    for (size_t i = 0; i < SWITCH_COUNT; i++) {
        if (states.at[i].is_enabled && switch_rows[i].has_projects) {
            add_project_zone(draft, i, states.at[i].projects);
        }
    }
}
